#!/usr/bin/perl

# The certificate authority: what "ca init" makes and refuses, which settings
# and files are good ones, keys in a PKCS#11 token.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;

my $conf = <<"END";
issuer = https://auth.hars.localhost
database = $database
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END

BAIL_OUT("$program is not there: make all") unless -x $program;

settings();
made();
curves();
closed();
broken();
token();

done_testing();


# four clients enrol at once, the token signs
sub signed {
    my ($more) = @_;
    my $est = '/.well-known/est/simpleenroll';
    my @commands;

    for my $id (1 .. 4) {
        as('client', 'add', '--id', "t$id", '--kind', 'service', '--subject-dn',
           "CN=t$id", '--resource', 'https://ml.hars.localhost/');
        my ($secret) = (as('client', 'enrol', "t$id"))[1] =~ /(hats_es_\S+)/;
        run('sh', '-c', "openssl req -new -newkey ec -pkeyopt "
            . "ec_paramgen_curve:P-256 -nodes -keyout $dir/t$id.key -subj "
            . "/CN=t$id -outform DER | base64 -w0 > $dir/t$id.csr");
        push @commands, "curl -sS --unix-socket $dir/public.sock -u t$id:"
            . "$secret -H 'Content-Type: application/pkcs10' --data-binary "
            . "\@$dir/t$id.csr http://localhost$est | base64 -d | openssl "
            . "pkcs7 -inform DER -print_certs -out $dir/t$id.pem";
    }

    start();
    run('sh', '-c', join ' & ', @commands, 'wait');
    for my $id (1 .. 4) {
        is((run('openssl', 'verify', '-CAfile', "$dir/ca11/root.crt",
                '-untrusted', "$dir/ca11/issuing.crt", "$dir/t$id.pem"))[0], 0,
           "... it signs, at once for several, $id");
    }

    my @curl = ('curl', '-sS', '--unix-socket', "$dir/public.sock", '-o');
    run(@curl, "$dir/t.crl", 'http://localhost/issuing.crl');
    like((run('openssl', 'crl', '-inform', 'DER', '-in', "$dir/t.crl",
              '-CAfile', "$dir/ca11/issuing.crt", '-noout'))[1], qr/verify OK/,
         '... it signs revocation lists');
    my @ocsp = ('openssl', 'ocsp', '-issuer', "$dir/ca11/issuing.crt",
                '-cert', "$dir/t1.pem", '-no_nonce');
    run(@ocsp, '-reqout', "$dir/t.ask");
    run(@curl, "$dir/t.answer", 'http://localhost/ocsp', '--data-binary',
        "\@$dir/t.ask", '-H', 'Content-Type: application/ocsp-request');
    like((run(@ocsp, '-respin', "$dir/t.answer", '-CAfile',
              "$dir/ca11/root.crt"))[1], qr/verify OK\n.*t1\.pem: good/,
         '... and answers of OCSP');
    is(ended('authserver', 'TERM'), 0, '... and the server stops');
}


# what "ca ..." says with these further settings, and its exit status
sub ca {
    my ($more, @words) = @_;

    write_file('as.conf', $conf . $more);
    return as(@words);
}


# "openssl x509 -text" of a file
sub text {
    my ($file) = @_;
    my (undef, $said) = run('openssl', 'x509', '-in', $file, '-noout',
                            '-text', '-nameopt', 'RFC2253');
    return $said;
}


sub settings {
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$dir/some.key",
        '-subj', '/CN=some', '-out', "$dir/some.pem");
    my ($rc, $said) = ca("client_ca = $dir/some.pem\n", 'ca', 'init');
    is($rc, 1, 'no ca_dir');
    like($said, qr/write "ca_dir = DIRECTORY" into the settings/, '... why');

    for my $case (
        ['neither client_ca nor ca_dir', '', qr/client_ca is needed/],
        ['ca_key alone', "client_ca = x\nca_key = y\n", qr/ca_key .*needs/],
        ['too long', "ca_dir = $dir/ca\nca_days = 91\n", qr/ca_days/],
        ['a list\'s URL alone',
         "client_ca = $dir/some.pem\nca_crl_url = http://a/\n",
         qr/ca_crl_url .*needs ca_dir/],
        ['a list by LDAP', "ca_dir = $dir/ca\nca_crl_url = ldap://a/\n",
         qr/ca_crl_url .*has to be an http URL/],
        ['a responder with a blank',
         "ca_dir = $dir/ca\nca_ocsp_url = http://a b/\n",
         qr/ca_ocsp_url .*has to be an http URL/],
        ['a long one', "ca_dir = $dir/ca\nca_ocsp_url = http://"
         . 'a' x 94 . "\n", qr/ca_ocsp_url .*up to 100/],
        ['no authority yet', "ca_dir = $dir/ca\n",
         qr/"hars-authserver ca init" makes it/],
    ) {
        my ($what, $more, $why) = @$case;
        ($rc, $said) = ca($more, '--check');
        is($rc, 1, "$what: refused");
        like($said, $why, '... why');
    }

    for my $case (
        ['--curve', 'P-521'], ['--name', 'x'], ['--root-days', 0],
        ['--issuing-days', '1d'], ['--days', 1], ['x'],
    ) {
        ($rc, $said) = ca("ca_dir = $dir/ca\n", 'ca', 'init', @$case);
        is($rc, 2, "ca init @$case: refused");
        ok(!-e "$dir/ca", '... nothing is made');
    }
    is((ca("ca_dir = $dir/ca\n", 'ca', 'x'))[0], 2, 'another word');
}


sub made {
    my ($rc, $said) = ca("ca_dir = $dir/ca\n", 'ca', 'init');
    is($rc, 0, 'ca init');

    my ($print) = `openssl x509 -in $dir/ca/root.crt -outform DER | sha256sum`
        =~ /^(\w+)/;
    like($said, qr/^root\t.*\n.*\n\tSHA-256 $print$/m,
         '... says the fingerprint');
    like($said, qr/root\.key" away/, '... and what to do next');
    is_deeply([sort map { s{.*/}{}r } glob "$dir/ca/*"],
              [qw(ca.pem issuing.crt issuing.key root.crl root.crt root.key
                   root.ocsp)],
              '... all files');
    is_deeply([map { sprintf '%o', (stat)[2] & 07777 } "$dir/ca",
               "$dir/ca/root.key", "$dir/ca/issuing.key"],
              [700, 600, 600], '... closed to others');
    is_deeply([glob "$dir/ca.*"], [], '... nothing beside it');

    my ($root, $issuing) = map { text("$dir/ca/$_.crt") } qw(root issuing);
    for my $it ($root, $issuing) {
        like($it, qr/Basic Constraints: critical\s+CA:TRUE/, 'CA:TRUE');
        like($it, qr/Key Usage: critical\s+(?:Digital Signature, )?Certificate Sign, CRL Sign\n/,
             '... signs certificates and lists');
        like($it, qr/Subject Key Identifier/, '... SKI');
        like($it, qr/Authority Key Identifier/, '... AKI');
        like($it, qr/Serial Number:\s+01(:[0-9a-f]{2}){16}\n/,
             '... a serial of 128 random bits, positive, 17 octets');
        like($it, qr/Signature Algorithm: ecdsa-with-SHA256/, '... SHA-256');
    }
    like($issuing, qr/Digital Signature/, 'the issuing one OCSP, too');
    unlike($root, qr/Digital Signature/, '... and the root does not');
    like($issuing, qr/CA:TRUE, pathlen:0/, 'the issuing one has no others');

    ($rc) = run('openssl', 'verify', '-x509_strict', '-CAfile',
                "$dir/ca/root.crt", "$dir/ca/issuing.crt");
    is($rc, 0, 'openssl verifies it, strictly');
    ($rc, $said) = run('openssl', 'crl', '-in', "$dir/ca/root.crl", '-CAfile',
                       "$dir/ca/root.crt", '-noout', '-text');
    like($said, qr/verify OK/, 'and the root\'s list');
    like($said, qr/CRL Number:\s+1\n/, '... of number 1');

    my $before = content("$dir/ca/root.crt");
    ($rc, $said) = ca("ca_dir = $dir/ca\n", 'ca', 'init');
    is($rc, 1, 'ca init again: refused');
    like($said, qr/nothing is overwritten/, '... why');
    is(content("$dir/ca/root.crt"), $before, '... and nothing is');
    is_deeply([glob "$dir/ca.*"], [], '... nothing beside it');

    ($rc, $said) = ca("ca_dir = $dir/ca\n", '--check');
    is($rc, 0, 'the settings are good');
    like($said, qr/keep the root's key offline/, '... but for root.key');
    rename "$dir/ca/root.key", "$dir/root.key";
    ($rc, $said) = ca("ca_dir = $dir/ca\n", '--check');
    is($rc, 0, '... which is needed for nothing');
    unlike($said, qr/offline/, '... and nothing is said of it');
    is((ca("ca_dir = $dir/ca\n", 'ca', 'show'))[0], 0, 'ca show');

    ($rc, $said) = ca("ca_dir = $dir/no/such/ca\n", 'ca', 'init');
    is($rc, 1, 'no place for it');
    like($said, qr/No such file/, '... why');
}


sub curves {
    mkdir "$dir/ca384";
    my ($rc, $said) = ca("ca_dir = $dir/ca384/\n", 'ca', 'init', '--curve',
                         'P-384', '--name', 'OU=Ward 7\\, north,O=Example,C=DE',
                         '--root-days', 10, '--issuing-days', 20);
    is($rc, 0, "ca init --curve P-384, into an empty directory") or diag $said;

    my $issuing = text("$dir/ca384/issuing.crt");
    like($issuing, qr/secp384r1/, '... P-384');
    like($issuing, qr/ecdsa-with-SHA384/, '... SHA-384');
    like($issuing, qr/Subject: CN=Issuing CA,OU=Ward 7\\, north,O=Example,C=DE\n/,
         '... its name, in its order');
    my ($end) = $issuing =~ /Not After : (.*)/;
    like(text("$dir/ca384/root.crt"), qr/Not After : \Q$end\E/,
         '... it ends with its root');
}


sub closed {
    my $at = "$dir/ca/issuing.key";

    for my $case (
        ['a key that others may read', sub { chmod 0644, $at },
         sub { chmod 0600, $at }, qr/issuing\.key" is open to others/],
        ['a directory that others may write to', sub { chmod 0770, "$dir/ca" },
         sub { chmod 0700, "$dir/ca" }, qr/written to by nobody else/],
        ['no key', sub { rename $at, "$at.x" }, sub { rename "$at.x", $at },
         qr/issuing\.key" does not exist/],
        ['the key of somebody else',
         sub { rename $at, "$at.x"; link "$dir/ca384/issuing.key", $at },
         sub { rename "$at.x", $at }, qr/not the key of issuing\.crt/],
    ) {
        my ($what, $do, $undo, $why) = @$case;
        $do->();
        my ($rc, $said) = ca("ca_dir = $dir/ca\n", '--check');
        is($rc, 1, "$what: refused");
        like($said, $why, '... why');
        is((run('timeout', 10, $program, '--config', "$dir/as.conf",
                'serve'))[0], 1, '... and nothing is served');
        $undo->();
    }

    my ($rc) = ca("ca_dir = $dir/ca\nca_key = $dir/key\n", 'ca', 'show');
    is($rc, 1, 'ca_key: not there');
    rename $at, "$dir/key";
    ($rc) = ca("ca_dir = $dir/ca\nca_key = $dir/key\n", 'ca', 'show');
    is($rc, 0, '... there');
    rename "$dir/key", $at;
}


sub broken {
    my $crt = content("$dir/ca/issuing.crt");

    for my $case (
        ['of another root', content("$dir/ca384/issuing.crt"),
         qr/has not signed/],
        ['with a broken signature', broken_signature($crt),
         qr/has not signed/],
        ['a leaf', undef, qr/have to be of authorities/],
        ['no certificate', "x\n", qr/no certificate in PEM/],
    ) {
        my ($what, $text, $why) = @$case;
        if (!defined $text) {
            run('openssl', 'req', '-x509', '-key', "$dir/ca/issuing.key",
                '-subj', '/CN=x', '-addext', 'basicConstraints=CA:FALSE',
                '-out', "$dir/leaf.crt");
            $text = content("$dir/leaf.crt");
        }
        write_file('ca/issuing.crt', $text);
        my ($rc, $said) = ca("ca_dir = $dir/ca\n", '--check');
        is($rc, 1, "issuing.crt $what: refused");
        like($said, $why, '... why');
    }
    write_file('ca/issuing.crt', $crt);
}


# the last byte changed
sub broken_signature {
    my ($pem) = @_;
    my $der = decode_base64($pem =~ s/-----.*?-----//gr);

    substr($der, -1) ^= "\x01";
    return "-----BEGIN CERTIFICATE-----\n" . encode_base64($der)
        . "-----END CERTIFICATE-----\n";
}


# the key of the issuing authority never is in a file
sub token {
    my ($module) = glob '/usr/lib/softhsm/libsofthsm2.so '
        . '/usr/lib/*/softhsm/libsofthsm2.so';
    ok($module && -e $module, 'softhsm2 is installed') or return;

    mkdir "$dir/tokens";
    write_file('softhsm2.conf', "directories.tokendir = $dir/tokens\n"
               . "objectstore.backend = file\n");
    local $ENV{SOFTHSM2_CONF} = "$dir/softhsm2.conf";
    local $ENV{PKCS11_MODULE_PATH} = $module;           # the engine's
    local $ENV{PKCS11_PROVIDER_MODULE} = $module;       # the provider's
    write_file('pin', '2718', 0600);
    for my $words (
        ['openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-out', "$dir/in-token.key"],
        ['softhsm2-util', '--init-token', '--free', '--label', 'hars',
         '--so-pin', 3141, '--pin', 2718],
        ['softhsm2-util', '--import', "$dir/in-token.key", '--token', 'hars',
         '--label', 'issuing', '--id', '01', '--pin', 2718],
    ) {
        my ($rc, $said) = run(@$words);
        is($rc, 0, "@$words[0, 1]") or diag $said;
    }

    my $more = "ca_dir = $dir/ca11\nca_key = pkcs11:token=hars;object=issuing;"
        . "type=private?pin-source=file:$dir/pin\n";
    my ($rc, $said) = ca($more, 'ca', 'init');
    is($rc, 0, 'ca init with a PKCS#11 key') or diag $said;
    ok(!-e "$dir/ca11/issuing.key", '... which is in no file');
    is((run('openssl', 'pkey', '-in', "$dir/in-token.key", '-pubout'))[1],
       (run('openssl', 'x509', '-in', "$dir/ca11/issuing.crt", '-noout',
            '-pubkey'))[1], '... issuing.crt is of that key');
    is((ca($more, '--check'))[0], 0, '... the settings are good');

    signed($more);

    write_file('pin', '1111', 0600);
    ($rc, $said) = ca($more, '--check');
    is($rc, 1, 'another PIN: refused');
    like($said, qr/ca_key \(PKCS#11\) is not to be had/, '... why');
}
