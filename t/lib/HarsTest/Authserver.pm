package HarsTest::Authserver;

# The real authorization server of this project on Unix sockets, with the
# test's Redis and keys, one client per certificate of HarsTest::Place and an
# operator, for what has to be seen from end to end.
#
#   HarsTest::Authserver::start(redis => "redis = unix:...");
#   my $token = HarsTest::Authserver::token('a');
#   HarsTest::Authserver::revoke(token => $token);
#
# The gateway's side: issuer=https://auth.hars.localhost caller=gateway, and
# introspection at gateway_socket().

use strict;
use warnings;

use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(encode_base64);

use HarsTest::Place;
use HarsTest::Redis;

my $ml = 'https://ml.hars.localhost/';
my ($pid, $owner, %kept);


sub program {
    return "$HarsTest::Place::build/bin/hars-authserver";
}

sub path           { return HarsTest::Place::dir() . "/$_[0]" }
sub gateway_socket { return path('as-gateway.sock') }
sub public_socket  { return path('as-public.sock') }


# redis => the lines of its settings about Redis
sub start {
    my (%o) = @_;
    my $conf = path('authserver.conf');
    my $redis = $o{redis} // 'redis = unix:' . HarsTest::Redis::socket_path();
    my $first = !-e $conf;

    return if $pid;

    open my $fh, '>', $conf or die "$conf: $!\n";
    print $fh <<"END";
issuer = https://auth.hars.localhost
database = ${\ path('authserver.db')}
client_ca = $HarsTest::Place::pki/client-ca.pem
public_socket = ${\ public_socket()}
gateway_socket = ${\ gateway_socket()}
gateway_user = ${\ scalar getpwuid($>)}
token_ttl = 3600
$redis
zone_key = $ENV{TEST_NGINX_ZONE_KEY}
seal_key = $ENV{TEST_NGINX_SEAL_KEY}
END
    close $fh;

    if ($first) {
        my $o = 'O=HARS Gateway demo';
        run('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
            '--resource', $ml);
        run('client', 'add', '--id', 'client-a', '--kind', 'service',
            '--subject-dn', "CN=client-a,$o", '--resource', $ml,
            '--scope', 'ml:recognize');
        run('client', 'add', '--id', 'client-b', '--kind', 'operator',
            '--subject-dn', "CN=client-b,$o", '--resource', $ml);
    }

    $owner = $$;
    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', path('authserver.log');
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', program(), '--config', $conf,
            'serve';
        die "hars-authserver: $!\n";
    }

    HarsTest::Place::wait_for(15, sub {
        return IO::Socket::UNIX->new(Peer => public_socket());
    }) or die 'hars-authserver does not start: ', path('authserver.log'),
           "\n";
}


sub stop {
    my ($signal) = @_;

    return if !$pid;
    kill $signal // 'KILL', $pid;
    waitpid $pid, 0;
    undef $pid;
    %kept = ();
}

sub pid { return $pid }


sub run {
    my (@words) = @_;
    my @command = (program(), '--config', path('authserver.conf'), @words);

    open my $fh, '-|', @command or die "$command[0]: $!\n";
    my @said = <$fh>;
    close $fh or die "hars-authserver @words: @said\n";
}


# status and decoded body; connections are kept
sub post {
    my ($cert, $path, %form) = @_;
    my $body = join '&', map { "$_=" . ($form{$_} =~
        s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger) } sort keys %form;
    my $der = encode_base64(HarsTest::Place::der($cert), '');

    my $s = $kept{s} //= IO::Socket::UNIX->new(Peer => public_socket())
        or return (0, {});

    local $SIG{PIPE} = 'IGNORE';
    print $s "POST $path HTTP/1.1\r\nHost: localhost\r\n"
             . "Content-Type: application/x-www-form-urlencoded\r\n"
             . "Client-Cert: :$der:\r\n"
             . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    $s->flush;

    my ($head, $line) = ('', '');
    $head .= $line while defined($line = <$s>) && $line ne "\r\n";

    my ($status) = $head =~ m{^HTTP/1.1 (\d+)};
    my ($len) = $head =~ /^Content-Length: (\d+)/mi;

    if (!$status) {
        delete $kept{s};
        return (0, {});
    }

    my $text = '';
    read $s, $text, $len if $len;

    return ($status, eval { decode_json($text) } // {});
}


# a new token, bound to the certificate of "a"
sub token {
    my ($status, $answer) = post('a', '/oauth2/token',
        grant_type => 'client_credentials', client_id => 'client-a');

    return $answer->{access_token};
}


# token => ..., or as the operator hars_client, hars_sub, hars_thumbprint
sub revoke {
    my (%form) = @_;

    return (post('b', '/oauth2/revoke', client_id => 'client-b', %form))[0];
}


END {
    if ($pid && $owner == $$) {
        local ($?, $!);
        stop();
    }
}

1;
