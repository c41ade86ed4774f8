#!/usr/bin/perl

# hars enrol through the reference gateway, TLS 1.3: whom it believes, what it
# writes, what it leaves alone; the certificate it gets is good for tokens and
# at the protected resource.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $hars = "$HarsTest::Place::build/bin/hars";
my $top = $HarsTest::Place::top;
my $ml = $HarsTest::Reference::ml;
my $place;

# a proxy of the environment is not to be asked
$ENV{https_proxy} = $ENV{HTTPS_PROXY} = $ENV{ALL_PROXY} =
    'http://127.0.0.1:1';

prepare();
refused();
enrolled();
used();
renewed();
fingerprint();
strangers();
direct();

is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs, no secret');
done_testing();


sub path { return HarsTest::Reference::path($_[0]) }
sub slurp { return -e $_[0] ? HarsTest::Reference::slurp($_[0]) : undef }
sub as { return HarsTest::Reference::as(@_) }


sub prepare {
    my @service = ('--kind', 'service', '--scope', 'ml:recognize',
                   '--resource', $ml);

    HarsTest::Reference::authority('--name', 'O=Test');
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::client($_, @service, '--subject-dn', "CN=$_,O=Test")
        for qw(dcm other print direct);
    HarsTest::Reference::client('named', @service, '--san-dns',
                                'dcm.example');
    served('ca', 'server');
    HarsTest::Reference::start();
    $place = HarsTest::Reference::place();
}


# what the gateway shows as its own: of the demo's CA, or of the root here
sub served {
    my ($ca, $name) = @_;

    if ($ca eq 'root') {
        HarsTest::Reference::spew('ext', "subjectAltName="
            . "DNS:auth.hars.localhost\nextendedKeyUsage=serverAuth\n");
        my $p = \&path;
        for my $command (
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
            . " -keyout ${\ $p->('own.key')} -subj /CN=own"
            . " -out ${\ $p->('own.csr')}",
            "x509 -req -in ${\ $p->('own.csr')} -CA ${\ $p->('ca/root.crt')}"
            . " -CAkey ${\ $p->('ca/root.key')} -set_serial 5 -days 2"
            . " -extfile ${\ $p->('ext')} -out ${\ $p->('own.pem')}",
        ) {
            system("openssl $command > /dev/null 2>&1") == 0
                or BAIL_OUT("openssl $command");
        }
        HarsTest::Reference::spew("tls/auth.$_", slurp(path("own.$_")))
            for qw(key pem);
    }
}


sub secret {
    my ($secret) = as('client', 'enrol', $_[0]) =~ /(hats_es_[\w-]+)/;
    return $secret;
}


# exit status and all that was said; the secret goes to standard input
sub enrol {
    my ($secret, @words) = @_;

    HarsTest::Reference::spew('secret', $secret // '');
    @words = ('enrol', '--url', $place->{issuer}, @words);
    open my $fh, '-|', 'sh', '-c', 'f=$1; shift; exec "$@" 2>&1 < "$f"',
        'sh', path('secret'), $hars, @words or die "hars: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


sub files {
    my ($name) = @_;

    return ('--key', path("$name.key"), '--cert', path("$name.pem"));
}


sub refused {
    my @ca = ('--ca', $place->{ca});
    my @id = ('--client-id', 'dcm');
    my $none = '00' x 32;

    for my $case (
        ['nobody to believe', qr/--ca FILE or --ca-fingerprint/, @id],
        ['a fingerprint that is none', qr/64 digits/, @id,
         '--ca-fingerprint', 'abc'],
        ['no client_id', qr/--client-id/, @ca],
        ['a path', qr/--url has to be/, @id, @ca, '--url',
         "$place->{issuer}/x"],
        ['http', qr/--url has to be/, @id, @ca, '--url', 'http://x'],
        ['a secret and --renew', qr/present certificate/, @ca, '--renew',
         '--secret-file', path('secret')],
        ['no file of the CA', qr/--ca \S+nowhere: No such file/, @id, '--ca',
         path('nowhere')],
        ['a URL with a name in it', qr/--url has to be/, @id, @ca, '--url',
         'https://a@auth.hars.localhost'],
        ['nothing to renew', qr/No such file/, @ca, '--renew'],
    ) {
        my ($what, $why, @words) = @$case;
        my ($rc, $said) = enrol('x', files('no'), @words);
        is($rc, 2, "$what: refused");
        like($said, $why, '... why');
        ok(!-e path('no.key'), '... no key is made');
    }

    my ($rc, $said) = enrol('', files('no'), @id, @ca);
    is($rc, 2, 'no secret: refused');
    unlink path('no.key');

    ($rc, $said) = enrol('x', files('no'), @id, '--ca',
                         "$place->{pki}/client-ca.pem");
    is($rc, 3, 'a server of another CA');
    ok(!-e path('no.pem'), '... no certificate');
    ($rc, $said) = enrol('wrong', files('no'), @id, @ca);
    is($rc, 1, 'a wrong secret');
    like($said, qr/status 401\nThe client is unknown, or its secret/,
         '... and what the server said');
    ok(!-e path('no.pem'), '... no certificate');
}


sub enrolled {
    my @ca = ('--ca', $place->{ca});

    # the key that the attempts before have left behind
    rename path('no.key'), path('dcm.key');
    my $key = slurp(path('dcm.key'));
    my ($rc, $said) = enrol(secret('dcm') . "\n", files('dcm'), '--client-id',
                            'dcm', @ca);
    is($rc, 0, 'hars enrol') or diag $said;
    like($said, qr/^subject\tCN=dcm,O=Test\nuntil\t.*\nx5t#S256\t[\w-]{43}$/m,
         '... says what it got');
    is(slurp(path('dcm.key')), $key, '... the key is the one that was there');
    is((stat path('dcm.key'))[2] & 07777, 0600, '... closed to others');
    unlike($said, qr/hats_es_|PRIVATE/, '... no secret is said');
    is(scalar(() = slurp(path('dcm.pem')) =~ /BEGIN CERT/g), 2,
       '... the certificate, and its issuer');
    is(verified('dcm'), 0, '... which openssl verifies');
    is_deeply([glob path('dcm.pem.*')], [], '... nothing beside it');

    my $before = slurp(path('dcm.pem'));
    ($rc, $said) = enrol(secret('dcm'), files('dcm'), '--client-id', 'dcm',
                         @ca);
    is($rc, 2, 'a certificate that is there is not overwritten');
    like($said, qr/take --renew/, '... but said what to do');
    is(slurp(path('dcm.pem')), $before, '... it is as it was');

    HarsTest::Reference::spew('file', secret('named') . "\n");
    ($rc, $said) = enrol(undef, files('named'), '--client-id', 'named', @ca,
                         '--secret-file', path('file'));
    is($rc, 0, 'a client by a SAN, the secret in a file') or diag $said;

    chmod 0644, path('named.key');
    ($rc, $said) = enrol(undef, files('named'), '--renew', @ca);
    is($rc, 2, 'a key that others may read');
    like($said, qr/chmod 600/, '... why');
    chmod 0600, path('named.key');

    ($rc, $said) = enrol(secret('other'), files('other'), '--client-id',
                         'other', '--cert', path('no/such/other.pem'), @ca);
    is($rc, 1, 'a place that is not there');
}


sub verified {
    my ($name) = @_;
    my ($root, $pem) = (path('ca/root.crt'), path("$name.pem"));

    return system("openssl verify -purpose sslclient -CAfile $root "
                  . "-untrusted $pem $pem > /dev/null 2>&1");
}


# by TLS 1.3 to the gateway, for a token and with it
sub used {
    my ($token) = token('dcm');
    like($token, qr/^hats_at_/, 'a token by the certificate');
    is(resource('dcm', $token), 422, '... good at the resource');
    is(resource('named', $token), 401, '... with this certificate alone');
    like(token('named'), qr/^hats_at_/, 'the client by its SAN, too');
}


sub token {
    my ($name, $id) = @_;

    open my $fh, '-|', $hars, 'token', '--url', $place->{issuer}, files($name),
        '--cacert', $place->{ca}, '--client-id', $id // $name
        or die "hars: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    return $said =~ /"access_token":"([^"]+)"/ ? $1 : $said;
}


# 422: it passed the gateway, and the service found no recording
sub resource {
    my ($name, $token) = @_;

    return `curl -q -s --noproxy '*' -o /dev/null -w '%{http_code}' \\
        --cacert $place->{ca} --cert ${\ path("$name.pem")} \\
        --key ${\ path("$name.key")} -H 'Authorization: Bearer $token' \\
        -d {} -H 'Content-Type: application/json' \\
        $place->{ml}/v1/recognitions`;
}


sub renewed {
    my @ca = ('--ca', $place->{ca});
    my ($key, $cert) = map { slurp(path("dcm.$_")) } qw(key pem);

    my ($rc, $said) = enrol(undef, files('dcm'), '--renew', @ca);
    is($rc, 0, 'hars enrol --renew') or diag $said;
    isnt(slurp(path('dcm.pem')), $cert, '... another certificate');
    is(slurp(path('dcm.key')), $key, '... of the same key');
    is(verified('dcm'), 0, '... which openssl verifies');
    like(token('dcm'), qr/^hats_at_/, '... and which gets tokens');
    ($rc, $said) = enrol(undef, files('named'), '--renew', @ca);
    is($rc, 0, 'a client by its SAN') or diag $said;

    $cert = slurp(path('dcm.pem'));
    as('client', 'disable', 'dcm');
    ($rc, $said) = enrol(undef, files('dcm'), '--renew', @ca);
    is($rc, 1, 'a client that is disabled');
    is(slurp(path('dcm.pem')), $cert, '... keeps what it has');
    as('client', 'enable', 'dcm');

    ($rc, $said) = enrol(undef, '--key', path('named.key'), '--cert',
                         path('dcm.pem'), '--renew', @ca);
    is($rc, 2, 'the key of another one');
}


# a server whose certificate comes from the same root
sub fingerprint {
    my ($print) = as('ca', 'show') =~ /root\t.*\n.*\n\tSHA-256 (\w{64})/;
    my @id = ('--client-id', 'print');
    my $colons = uc(join ':', $print =~ /(..)/g);

    my ($rc, $said) = enrol(secret('print'), files('print'), @id,
                            '--ca-fingerprint', $print);
    is($rc, 3, 'the root is right, but the server is not of it');
    ok(!-e path('print.pem'), '... no certificate');

    my ($r, $s) = enrol(secret('print'), files('print'), @id, '--ca',
                        $place->{ca}, '--ca-fingerprint', 'ff' x 32);
    is($r, 1, 'the server is right, but the root is not');
    like($s, qr/another authority, or somebody between/, '... why');

    ($rc, $said) = enrol(secret('print'), files('print'), @id, '--ca',
                         $place->{ca}, '--ca-fingerprint', $colons);
    is($rc, 0, 'both are right') or diag $said;
    unlink path('print.pem');

    served('root');
    HarsTest::Reference::reload();
    my $secret = secret('print');
    ($rc, $said) = enrol($secret, files('print'), @id, '--ca-fingerprint',
                         'ff' x 32);
    is($rc, 1, 'another fingerprint');
    ($rc, $said) = enrol($secret, files('print'), @id, '--ca-fingerprint',
                         $print);
    is($rc, 0, 'a server of the same root, and its fingerprint alone')
        or diag $said;
    ($rc, $said) = enrol(undef, files('print'), '--renew', '--ca-fingerprint',
                         $colons);
    is($rc, 0, '... and renewed') or diag $said;
}


# print's key, certified for another client
sub twin {
    my $p = \&path;

    HarsTest::Reference::spew('ext', "extendedKeyUsage=clientAuth\n");
    for my $command (
        "req -new -key ${\ $p->('print.key')} -subj /O=Test/CN=other"
        . " -out ${\ $p->('twin.csr')}",
        "x509 -req -in ${\ $p->('twin.csr')} -CA ${\ $p->('ca/issuing.crt')}"
        . " -CAkey ${\ $p->('ca/issuing.key')} -set_serial 6 -days 2"
        . " -extfile ${\ $p->('ext')} -out ${\ $p->('twin.pem')}",
    ) {
        system("openssl $command > /dev/null 2>&1") == 0
            or BAIL_OUT("openssl $command");
    }
}


# a server that answers with what is not asked for
sub strangers {
    my $ca = path('ca/root.crt');
    my $cert = slurp(path('print.pem'));
    my @renew = (files('print'), '--renew', '--ca', $ca);

    # cacerts of another authority; the leaf does not lead there
    my ($conf, $made) = (path('as2.conf'), path('ca2'));
    HarsTest::Reference::spew('as2.conf',
        slurp(path('authserver.conf')) =~ s/^ca_dir = .*/ca_dir = $made/mr);
    system("$HarsTest::Place::build/bin/hars-authserver --config $conf "
           . "ca init > /dev/null 2>&1") == 0 or die "ca init\n";
    my $p7 = sub {
        return scalar `openssl crl2pkcs7 -nocrl -certfile $_[0] -outform DER \\
                       | base64 -w0`;
    };
    answers(cacerts => $p7->("$made/ca.pem"));
    my ($rc, $said) = enrol(undef, @renew);
    is($rc, 1, 'a certificate of another authority than cacerts say');
    like($said, qr/does not lead to the authority/, '... why');

    answers(simplereenroll => $p7->(path('dcm.pem')));
    ($rc, $said) = enrol(undef, @renew);
    is($rc, 1, 'the certificate of another key');
    like($said, qr/none of this key/, '... why');

    # another client's, of the same key: the server would not make it
    HarsTest::Reference::spew("twin.key", slurp(path('print.key')));
    ($rc, $said) = enrol(secret('other'), files('twin'), '--client-id',
                         'other', '--ca', $ca);
    is($rc, 1, 'two clients with one key');
    like($said, qr/status 409\n.*key is of another client/, '... why');
    twin();
    answers(simplereenroll => $p7->(path('twin.pem')),
            simpleenroll => $p7->(path('twin.pem')));
    ($rc, $said) = enrol(undef, @renew);
    is($rc, 1, 'the certificate of another client');
    like($said, qr/of another subject/, '... why');
    HarsTest::Reference::spew("first.key", slurp(path('print.key')));
    ($rc, $said) = enrol('x', files('first'), '--client-id', 'direct', '--ca',
                         $ca);
    is($rc, 1, '... the first time');
    like($said, qr/of another client/, '... why');
    ok(!-e path('first.pem'), '... nothing is written');

    answers(simplereenroll => 'x');
    is((enrol(undef, @renew))[0], 1, 'no certificate at all');
    answers(simplereenroll => encode_base64('0' x 70000, ''));
    is((enrol(undef, @renew))[0], 1, 'far too much');
    answers(cacerts => '');
    is((enrol(undef, @renew))[0], 1, 'no authorities');
    is(slurp(path('print.pem')), $cert, 'what it has stays as it is');
    answers();
    is((enrol(undef, @renew))[0], 0, '... till the server is itself again');

    HarsTest::Reference::reload(HarsTest::Reference::nginx_conf()
        =~ s/(server_name auth\.hars\.localhost)/$1 alias.localhost/r);
    my $alias = $place->{issuer} =~ s/auth\.hars/alias/r;
    ($rc, $said) = enrol(undef, @renew, '--url', $alias);
    is($rc, 3, 'a server of another name than its certificate has');
    like($said, qr/alias\.localhost/, '... why');
    HarsTest::Reference::reload(HarsTest::Reference::nginx_conf());
}


# lets the gateway answer these by itself
sub answers {
    my %answer = @_;
    my $conf = HarsTest::Reference::nginx_conf();

    for my $name (keys %answer) {
        HarsTest::Reference::spew("answer-$name", $answer{$name});
        my $file = path("answer-$name");
        $conf =~ s{(location = /\.well-known/est/$name) \{.*?\n        \}}
                  {$1 { error_page 405 =200 \$uri; alias $file; }}s;
    }
    HarsTest::Reference::reload($conf);
}


# the rest is curl's: TLS 1.2, a header of one's own, a large body
sub direct {
    my $url = "$place->{issuer}/.well-known/est";
    my $ca = path('ca/root.crt');
    my $curl = "curl -q -s --noproxy '*' --max-time 20 -o /dev/null "
        . "-w '%{http_code}' --cacert $ca";
    my ($pem) = slurp(path('dcm.pem'))
        =~ /BEGIN CERTIFICATE-----(.*?)-----END/s;
    my $header = 'Client-Cert: :' . $pem =~ s/\s//gr . ':';

    is(`$curl $url/cacerts`, 200, '[42] cacerts by TLS, without a certificate');
    is(`$curl --tlsv1.2 --tls-max 1.2 $url/cacerts`, '000',
       '[50] not by TLS 1.2');
    HarsTest::Reference::spew('csr', `openssl req -new -key ${\ path('dcm.key')} \\
        -subj /O=Test/CN=dcm -outform DER | base64 -w0`);
    my $send = "-H 'Content-Type: application/pkcs10' --data-binary "
        . '@' . path('csr') . " $url/simplereenroll";
    is(`$curl -H '$header' $send`, 403,
       '[44] a certificate that a header claims is none');
    my $mine = '--cert ' . path('dcm.pem') . ' --key ' . path('dcm.key');
    is(`$curl $mine $send`, 200, '[44] ... but TLS');
    my $foreign = "--cert $place->{pki}/foreign.pem "
        . "--key $place->{pki}/foreign.key";
    is(`$curl $foreign $send`, 400, 'one that does not verify');
    is(`$curl $mine -X PUT $send`, 405, 'another method');
    HarsTest::Reference::spew('csr', 'A' x (1024 * 1024));
    is(`$curl $mine $send`, 413, '[43] 1 MB');
    is(`$curl $mine $url/label/cacerts`, 404, '[46] a label');
}
