#!/usr/bin/perl

# strongSwan's pki and curl with openssl as EST clients (RFC 7030) of the
# reference gateway, TLS 1.3: authorities, enrolment, re-enrolment, a token by
# the new certificate.  Numbers in brackets are those of docs/authserver.md,
# "Checks".

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use Test::More;

my $ml = $HarsTest::Reference::ml;
my ($place, $est);

# a proxy of the environment is not to be asked
delete @ENV{qw(http_proxy https_proxy HTTPS_PROXY ALL_PROXY all_proxy)};

prepare();
authorities();
enrolment('pki-1', subject => 'CN=pki-1,O=Test', dn => 'O=Test, CN=pki-1');
enrolment('pki-2', san => 'pki-2.example', dn => 'CN=pki-2');
refusals();
by_curl();

is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs, no secret');
done_testing();


sub path { return HarsTest::Reference::path($_[0]) }


sub prepare {
    my @service = ('--kind', 'service', '--scope', 'ml:recognize',
                   '--resource', $ml);

    my (undef, $said) = run('pki', '--help');
    BAIL_OUT("strongswan-pki is not installed: make test-interop")
        if $said !~ /--estca/;

    HarsTest::Reference::authority('--name', 'O=Test');
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::client($_, @service, '--subject-dn', "CN=$_,O=Test")
        for qw(pki-1 curl-1);
    HarsTest::Reference::client('pki-2', @service, '--san-dns',
                                'pki-2.example');
    HarsTest::Reference::start();
    $place = HarsTest::Reference::place();

    # the C library knows no name below .localhost, but this one
    my $conf = HarsTest::Reference::nginx_conf();
    $conf =~ s/(server_name auth\.hars\.localhost)/$1 localhost/;
    HarsTest::Reference::reload($conf);
    $est = "https://localhost:$place->{port}";

    # its libtls stops at TLS 1.2 unless it is told
    HarsTest::Reference::spew('strongswan.conf', <<'END');
libtls {
    version_min = 1.3
    version_max = 1.3
}
END
    $ENV{STRONGSWAN_CONF} = path('strongswan.conf');
}


# exit status and what was said: on standard output, and otherwise
sub run {
    my (@command) = @_;
    my $errors = path('errors');

    open my $fh, '-|', 'sh', '-c', 'f=$1; shift; exec "$@" 2> "$f" < /dev/null',
        'sh', $errors, @command or die "$command[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said, HarsTest::Reference::slurp($errors));
}


sub pki {
    my ($word, @more) = @_;

    return run('timeout', 30, 'pki', "--$word", @more);
}


sub keep { HarsTest::Reference::spew(@_) }


sub authorities {
    my ($rc, $said, $errors) =
        pki('estca', '--url', $est, '--cacert', $place->{ca},
            '--caout', path('est.pem'), '--outform', 'pem');

    is($rc, 0, '[42] pki --estca') or diag $said, $errors;
    my $all = join '', map { HarsTest::Reference::slurp($_) }
        sort glob path('est*.pem');
    $all =~ s/-----END CERTIFICATE-----\K.*?(?=-----BEGIN|\z)/\n/sg;
    for my $name (qw(root issuing)) {
        my ($pem) = HarsTest::Reference::slurp(path("ca/$name.crt"))
            =~ /CERTIFICATE-----\s(.*?)-----END/s;
        ok(index($all =~ s/\s//gr, $pem =~ s/\s//gr) >= 0,
           "[42] ... the $name certificate is there");
    }
}


sub secret {
    my ($id) = @_;
    my ($secret) = HarsTest::Reference::as('client', 'enrol', $id)
        =~ /(hats_es_[\w-]+)/;

    return $secret;
}


sub request {
    my ($key, @words) = @_;
    my ($rc, $csr, $errors) =
        pki('req', '--in', $key, '--type', 'priv', '--outform', 'pem', @words);

    is($rc, 0, "pki --req @words") or diag $errors;
    return $csr;
}


sub enrolment {
    my ($id, %o) = @_;
    my @names = ('--dn', $o{dn}, $o{san} ? ('--san', $o{san}) : ());
    my ($rc, $key, $errors) = pki('gen', '--type', 'ecdsa', '--size', 256,
                                  '--outform', 'pem');

    is($rc, 0, "$id: pki --gen") or diag $errors;
    keep("$id.key", $key);
    keep("$id.csr", request(path("$id.key"), @names));

    my @to = ('--url', $est, '--in', path("$id.csr"), '--cacert',
              $place->{ca}, '--cacert', path('ca/root.crt'), '--cacert',
              path('ca/issuing.crt'), '--outform', 'pem');
    ($rc, my $cert, $errors) = pki('est', @to, '--userpass',
                                   "$id:" . secret($id));
    is($rc, 0, "[43] $id: pki --est, by the secret") or diag $errors;
    like($cert, qr/BEGIN CERTIFICATE/, '... a certificate');
    keep("$id.pem", $cert);
    good($id);

    ($rc, $cert, $errors) = pki('est', @to, '--cert', path("$id.pem"),
                                '--key', path("$id.key"));
    is($rc, 0, "[44] $id: pki --est, by the certificate") or diag $errors;
    isnt($cert, HarsTest::Reference::slurp(path("$id.pem")), '... another one');
    keep("$id.pem", $cert);
    good($id);
}


# a certificate that leads to the root, and gets a token
sub good {
    my ($id) = @_;
    my ($rc, $said, $errors) =
        run('openssl', 'verify', '-purpose', 'sslclient', '-CAfile',
            path('ca/root.crt'), '-untrusted', path('ca/issuing.crt'),
            path("$id.pem"));
    is($rc, 0, '... which openssl verifies') or diag $said, $errors;

    ($rc, $said) = curl('--cert', path("$id.pem"), '--key', path("$id.key"),
                        '-d', 'grant_type=client_credentials', '-d',
                        "client_id=$id", "$place->{issuer}/oauth2/token");
    like($said, qr/"access_token":"hats_at_/, '... and which gets a token');
}


sub curl {
    return run('curl', '-q', '-sS', '--noproxy', '*', '--max-time', 20,
               '--tlsv1.3', '--cacert', $place->{ca}, @_);
}


sub refusals {
    my @to = ('--url', $est, '--in', path('pki-1.csr'), '--cacert',
              $place->{ca}, '--cacert', path('ca/root.crt'), '--cacert',
              path('ca/issuing.crt'), '--outform', 'pem');
    my ($rc) = pki('est', @to, '--userpass', 'pki-1:wrong');
    isnt($rc, 0, '[43] pki --est, a wrong secret');
    ($rc) = pki('est', @to, '--userpass', 'curl-1:' . secret('curl-1'));
    isnt($rc, 0, '[47] pki --est, a secret for another subject');
    ($rc) = pki('est', @to, '--cert', path('pki-2.pem'), '--key',
                path('pki-2.key'));
    isnt($rc, 0, '[44] pki --est, the certificate of another client');
}


# RFC 7030 by curl and openssl alone
sub by_curl {
    my $url = "$place->{issuer}/.well-known/est";
    my ($key, $csr, $pem) = map { path("curl.$_") } qw(key csr pem);

    my $run = sub {
        my ($what, $command) = @_;
        is(system("$command 2> /dev/null"), 0, $what);
    };
    my $curl = "curl -q -sS --fail --noproxy '*' --tlsv1.3 --cacert "
        . $place->{ca};
    my $out = 'openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs';

    $run->('openssl req', "openssl req -new -newkey ec -pkeyopt "
           . "ec_paramgen_curve:P-384 -nodes -keyout $key -subj "
           . "/O=Test/CN=curl-1 -outform DER | openssl base64 -A > $csr");
    $run->('[45] csrattrs', "$curl $url/csrattrs | openssl base64 -d -A "
           . '| openssl asn1parse -inform DER | grep -q prime256v1');
    $run->('[43] simpleenroll', "$curl -u curl-1:" . secret('curl-1')
           . " -H 'Content-Type: application/pkcs10' --data-binary \@$csr "
           . "$url/simpleenroll | $out > $pem");
    $run->('... a certificate', "openssl verify -CAfile "
           . path('ca/root.crt') . ' -untrusted ' . path('ca/issuing.crt')
           . " $pem > /dev/null");
    $run->('[44] simplereenroll', "$curl --cert $pem --key $key "
           . "-H 'Content-Type: application/pkcs10' --data-binary \@$csr "
           . "$url/simplereenroll | $out > $pem.2");
    $run->('... another certificate',
           "grep -q BEGIN $pem.2 && ! cmp -s $pem $pem.2");
}
