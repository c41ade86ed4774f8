package HarsTest::People;

# People and machines in front of the data collecting mechanism, each with a
# certificate, a registration and tokens of its own, through the reference
# gateway.
#
#   use HarsTest suite => 0, redis => 1;
#   use HarsTest::People;
#
#   people(anna => 'patient', bea => 'caregiver');     before gateway_start
#   gateway_start();
#   my ($status, $data, $head, $text) =
#       ask('bea', 'GET', '/v1/patients/' . sub_of('anna'), $body, %option);
#   gateway_stop();                          faults of the logs, as a test
#
# Options of ask(): token => text, "none" for no header; cert => name, "none";
# scope, resource => of the token; url => of another server; http2 => 1; type => Content-Type; args => [ curl's ].
# A body that is a reference is sent as JSON.  Who asks twice with one scope
# uses one token.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock);
use JSON::PP;
use Test::More;

use HarsTest::Place;
use HarsTest::Reference;

our @EXPORT = qw(people gateway_start gateway_stop ask token sub_of url
                 certificate_of);

my $json = JSON::PP->new->utf8->canonical;
my %scope = (
    patient   => 'recordings:write activities:read samples:read '
                 . 'consent:write',
    caregiver => 'activities:read',
    doctor    => 'activities:read samples:read',
    service   => 'ml:recognize',
    fog_node  => 'recordings:fog activities:read',
    operator  => 'fog:register',
);
my (%kind, %sub, %token, $gateway);


sub url { return 'https://dcm.hars.localhost:' . HarsTest::Reference::port() }
sub sub_of { return $sub{ $_[0] } }

# the data collecting mechanism is a client, too, of the ML service
sub certificate_of {
    return "$HarsTest::Place::pki/"
           . ($_[0] eq 'hars-dcm' ? $_[0] : "who-$_[0]");
}


sub gateway {
    return if $gateway++;

    HarsTest::Reference::settings('authserver.conf', "token_ttl = 3600\n");
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
        '--resource', $HarsTest::Reference::ml, '--resource',
        $HarsTest::Reference::dcm, '--resource', $HarsTest::Reference::fog);
}


# name => kind, or [ kind, options of "client add" ]
sub people {
    my (%who) = @_;

    gateway();

    open my $lock, '>>', "$HarsTest::Place::top/build/t/pki.lock"
        or die "pki.lock: $!\n";
    flock($lock, LOCK_EX) or die "pki.lock: $!\n";

    for my $name (sort keys %who) {
        my ($kind, @more) = ref $who{$name} ? @{ $who{$name} } : $who{$name};

        system("$HarsTest::Place::top/scripts/demo-pki.sh",
               $HarsTest::Place::pki, 'client', "who-$name", '--cn', $name)
            == 0 or die "demo-pki.sh: $name\n";

        HarsTest::Reference::client($name, '--kind', $kind, '--subject-dn',
            HarsTest::Reference::subject($name), '--resource',
            $HarsTest::Reference::dcm,
            (grep { $_ eq '--scope' } @more) ? () : ('--scope', $scope{$kind}),
            @more);
        my $row = $json->decode(
            HarsTest::Reference::as('client', 'show', $name));
        ($kind{$name}, $sub{$name}) = ($kind, $row->{sub});
    }
}


# what is started beside the gateway: dcm => 1 unless said
sub gateway_start {
    gateway();
    HarsTest::Reference::start(@_ ? @_ : (dcm => 1));
}


sub gateway_stop {
    is_deeply([ HarsTest::Reference::stop(tokens => [ 'hats_' ], @_) ], [],
              'no fault in the logs, no token');
}


# scope: undef is all that the kind has
sub token {
    my ($name, $scope, $resource) = @_;

    $scope //= $scope{ $kind{$name} };
    $resource //= $HarsTest::Reference::dcm;

    return $token{$name}{"$resource $scope"} //= do {
        my ($status, $text) = curl($name, HarsTest::Reference::auth()
            . '/oauth2/token', '-d', 'grant_type=client_credentials',
            '-d', "client_id=$name", '--data-urlencode', "scope=$scope",
            '--data-urlencode', "resource=$resource");

        eval { $json->decode($text)->{access_token} }
            // die "no token for $name: $status $text\n";
    };
}


# status, body (decoded where it is JSON), head, text
sub ask {
    my ($name, $method, $path, $body, %o) = @_;
    my @args = ('-X', $method, $o{http2} ? '--http2' : '--http1.1',
                '--path-as-is');
    my $token = $o{token} // token($name, $o{scope}, $o{resource});

    push @args, '-H', "Authorization: Bearer $token" if $token ne 'none';

    if (defined $body) {
        my $type = $o{type} // 'application/json';
        my $file = HarsTest::Reference::path("body.$$");

        open my $fh, '>:raw', $file or die "$file: $!\n";
        print $fh ref $body ? $json->encode($body) : $body;
        close $fh or die "$file: $!\n";
        push @args, '-H', "Content-Type: $type", '--data-binary', "\@$file";
    }

    my ($status, $text, $head) =
        curl($o{cert} // $name, ($o{url} // url()) . $path, @args, @{ $o{args} // [] });
    my $data = $head =~ m{^content-type: [\w/+-]*json}mi
        ? eval { $json->decode($text) } : $text;

    return ($status, $data, $head, $text);
}


# status, body, head
sub curl {
    my ($cert, $url, @args) = @_;

    unshift @args, '--cert', certificate_of($cert) . '.pem', '--key',
        certificate_of($cert) . '.key' if $cert ne 'none';

    # without what ~/.curlrc and the environment say
    open my $fh, '-|', 'env', '-u', 'CURL_CA_BUNDLE', '-u', 'SSL_CERT_FILE',
        'curl', '-q', '-si', '--noproxy', '*', '--max-time', 20, '--cacert',
        "$HarsTest::Place::pki/ca.pem", @args, $url or die "curl: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    # what curl sent Expect for
    $said =~ s{\AHTTP/1\.1 100 .*?\r\n\r\n}{}s;
    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return ($status // 0, $body // '', $head // '');
}


1;
