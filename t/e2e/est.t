#!/usr/bin/perl

# Enrolment (RFC 7030, RFC 8951): who gets a certificate, what it says, and
# what is refused; secrets of use once, lock-out, re-enrolment.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';
use HarsTest::Pkcs10;

my $ml = 'https://ml.hars.localhost/';
my $est = '/.well-known/est';
my $type = 'Content-Type: application/pkcs10';
my $pkcs7 = qr{^application/pkcs7-mime; smime-type=certs-only$};
my %issued;                       # PEM by name

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
cacerts();
csrattrs();
enrolled();
forms();
secrets();
commands();
refused();
names();
others();
one_client();
followed();
carried();
locked();
together();
often();
audited();
counted();

full();
short();
paper();
is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no secret in the log, no sanitizer had a word');
unlike(content("$dir/audit.log"), qr/hats_/, 'nor in the audit log');
absent();

done_testing();


sub prepare {
    pki('authorities');
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
ca_dir = $dir/ca
audit_log = $dir/audit.log
refresh_key = $dir/refresh.key
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END
    run('sh', '-c', "umask 077; openssl rand -hex 32 > $dir/refresh.key");
    my ($rc, $said) = as('ca', 'init', '--name', 'O=Test');
    $rc == 0 or BAIL_OUT("ca init: $said");
    unlink "$dir/ca/root.key";
    add('gateway', '--kind', 'resource_server');
    start();
}


sub add {
    my ($id, @words) = @_;

    push @words, '--kind', 'service' if !grep { $_ eq '--kind' } @words;
    my ($rc, $said) = as('client', 'add', '--id', $id, '--resource', $ml,
                         @words);
    $rc == 0 or BAIL_OUT("client add $id: $said");
}


sub subject { return name([O => 'HARS', CN => $_[0]]) }
sub dn      { return ('--subject-dn', "CN=$_[0],O=HARS") }


# the key of a client: no two have the same
sub mine { return key("$dir/key-$_[0].key") }


sub secret {
    my ($id) = @_;
    my ($rc, $said) = as('client', 'enrol', $id);

    return $said =~ /^enrol_secret\t(hats_es_[\w-]{43})$/m ? $1 : "$rc $said";
}


# status, body, headers: path below /.well-known/est/, who ("id:secret", a
# certificate's name with "@" before it, or undef), the DER, further words
sub est {
    my ($path, $who, $der, @words) = @_;
    my $body = ref $der ? $$der : encode_base64($der // '', '');

    push @words, '-H', $type, '--data-binary', '@' . write_file('body', $body)
        if defined $der;
    push @words, $who =~ /^@(.*)/ ? ('-H', $cert{$1}) : ('-u', $who)
        if defined $who;
    my (undef, $said) = run('curl', '-sSi', '--max-time', 20, '--unix-socket',
                            "$dir/public.sock", "http://localhost$est/$path",
                            @words);
    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
    my ($head, $body_) = split /\r\n\r\n/, $said, 2;

    return ($status // 0, $body_ // '', $head // $said);
}


sub header {
    my ($head, $name) = @_;

    return $head =~ /^\Q$name\E: (.*?)\r?$/mi ? $1 : undef;
}


# the certificates in an answer, one PEM after the other
sub certs {
    my ($body) = @_;

    write_file('answer', decode_base64($body));
    my ($rc, $said) = run('openssl', 'pkcs7', '-inform', 'DER', '-in',
                          "$dir/answer", '-print_certs');
    return $rc == 0 ? $said : '';
}


# enrols, and keeps the certificate by this name
sub enrol {
    my ($name, $id, $der) = @_;
    my ($status, $body) = est('simpleenroll', "$id:" . secret($id), $der);

    keep($name, $body) if $status == 200;
    return $status;
}


sub keep {
    my ($name, $body) = @_;

    $issued{$name} = certs($body);
    write_file("pki/$name.pem", $issued{$name});
    known($name);
}


sub text {
    my ($name) = @_;
    my (undef, $said) = run('openssl', 'x509', '-in', "$dir/pki/$name.pem",
                            '-noout', '-text', '-nameopt', 'RFC2253');
    return $said;
}


sub cacerts {
    my ($status, $body, $head) = est('cacerts');

    is($status, 200, '[42] cacerts (RFC 7030, 4.1), without who one is');
    like(header($head, 'Content-Type'), $pkcs7, '[42] ... certs-only');
    is(header($head, 'Content-Transfer-Encoding'), 'base64', '[46] ... base64');
    like($body, qr{^[A-Za-z0-9+/]+=*\n\z}, '[46] ... one line, one feed');

    my $pem = certs($body);
    is(scalar(() = $pem =~ /BEGIN/g), 2, '[42] ... two certificates');
    my ($root) = content("$dir/ca/root.crt") =~ /CERTIFICATE-----\n(.*?)--/s;
    ok(index($pem, $root) > 0, '[42] ... the root is one of them');
    my ($issuing) = content("$dir/ca/issuing.crt")
        =~ /CERTIFICATE-----\n(.*?)--/s;
    ok(index($pem, $issuing) > 0, '[42] ... the issuing one the other');

    for my $path ('label/cacerts', 'fullcmc', 'serverkeygen', 'CACERTS', '') {
        is((est($path))[0], 404, "[46] $path: there is one authority (3.2.2)");
    }
    is((est('cacerts', undef, 'x'))[0], 405, 'POST');
    is((est('simpleenroll', 'a:b'))[0], 405, 'GET');
}


sub csrattrs {
    my ($status, $body, $head) = est('csrattrs');

    is($status, 200, '[45] csrattrs (4.5)');
    is(header($head, 'Content-Type'), 'application/csrattrs', '[45] ... type');
    like($body, qr{^[A-Za-z0-9+/]+=*\n\z}, '[46] ... one line, one feed');
    is(decode_base64($body),
       sequence(sequence(oid('1.2.840.10045.2.1'),
                         tlv(0x31, oid('1.2.840.10045.3.1.7'))),
                oid('sha256')), '[45] ... P-256, ECDSA with SHA-256');
}


sub enrolled {
    add('dcm-1', dn('dcm-1'), '--scope', 'ml:recognize');
    my $secret = secret('dcm-1');
    like($secret, qr/^hats_es_/, 'client enrol: a secret');

    my ($status, $body, $head) = est('simpleenroll', undef,
                                     request(mine('dcm-1'), subject('dcm-1')));
    is($status, 401, '[43] simpleenroll without credentials (3.2.3)');
    like(header($head, 'WWW-Authenticate'), qr/^Basic realm="/,
         '[43] ... is challenged');
    like(header($head, 'Content-Type'), qr{^text/plain}, '[43] ... in text');

    ($status, $body, $head) = est('simpleenroll', "dcm-1:$secret",
                                  request(mine('dcm-1'), subject('dcm-1')));
    is($status, 200, '[43] simpleenroll') or diag $body;
    like(header($head, 'Content-Type'), $pkcs7, '... certs-only');
    is(header($head, 'Content-Transfer-Encoding'), 'base64', '... base64');
    is(header($head, 'Cache-Control'), 'no-store', '... not to be kept');
    like($body, qr{^[A-Za-z0-9+/]+=*\n\z}, '[46] ... one line, one feed');
    cmp_ok(length decode_base64($body), '<=', 760, '[46] ... 760 bytes');
    keep('dcm-1', $body);
    is(scalar(() = $issued{'dcm-1'} =~ /BEGIN/g), 1, '... the certificate');

    my $text = text('dcm-1');
    like($text, qr/Serial Number:\s+01(:[0-9a-f]{2}){16}\n/,
         '[48] serial: 128 random bits, positive, 17 octets (RFC 5280, 4.1.2.2)');
    like($text, qr/Basic Constraints: critical\s+CA:FALSE\n/,
         '[48] ... basicConstraints critical, CA:FALSE (4.2.1.9)');
    like($text, qr/Key Usage: critical\s+Digital Signature\n/,
         '[48] ... keyUsage critical, digitalSignature (4.2.1.3)');
    like($text, qr/Extended Key Usage: \s*TLS Web Client Authentication\n/,
         '[48] ... clientAuth (4.2.1.12)');
    like($text, qr/Subject Key Identifier: \s*(?:[0-9A-F]{2}:){19}/,
         '[48] ... SKI (4.2.1.2)');
    my ($ski) = (run('openssl', 'x509', '-in', "$dir/ca/issuing.crt", '-noout',
                     '-ext', 'subjectKeyIdentifier'))[1]
        =~ /((?:[0-9A-F]{2}:){19}..)/;
    like($text, qr/Authority Key Identifier: \s*(?:keyid:)?$ski/,
         '[48] ... AKI is the issuer\'s SKI (4.2.1.1)');
    like($text, qr/Signature Algorithm: ecdsa-with-SHA256/, '[48] ... SHA-256');
    like($text, qr/Subject: CN=dcm-1,O=HARS\n/, '[48] ... its subject');
    unlike($text, qr/Alternative/, '[48] ... no other name');

    my ($rc, $said) = run('openssl', 'verify', '-x509_strict', '-purpose',
                          'sslclient', '-CAfile', "$dir/ca/root.crt",
                          '-untrusted', "$dir/ca/issuing.crt",
                          "$dir/pki/dcm-1.pem");
    is($rc, 0, '[48] openssl verifies it, strictly') or diag $said;

    my ($from, $to) = map { seconds('dcm-1', $_) } qw(start end);
    ok(abs($to - time - 7 * 86400) < 60, '[48] seven days');
    ok(abs(time - 300 - $from) < 60, '... begun five minutes ago');

    my $token = token('dcm-1');
    like($token, qr/^hats_at_/, 'a token for it');
    is((post('/introspect', undef, token => $token))[1]{cnf}{'x5t#S256'},
       $thumbprint{'dcm-1'}, '... which is bound to it');
}


sub seconds {
    my ($name, $which) = @_;
    my (undef, $said) = run('openssl', 'x509', '-in', "$dir/pki/$name.pem",
                            '-noout', "-${which}date");
    my ($date) = $said =~ /=(.*)/;
    my ($seconds) = `date -d '$date' +%s` =~ /(\d+)/;

    return $seconds;
}


# what a request may look like
sub forms {
    add('form', dn('form'));
    my $der = request(mine('form'), subject('form'));
    my $line = encode_base64($der, '');
    my $pem = "-----BEGIN CERTIFICATE REQUEST-----\n" . encode_base64($der)
        . "-----END CERTIFICATE REQUEST-----\n";

    for my $case (
        ['one line', $line], ['... and a feed', "$line\n"],
        ['lines of 64 characters', encode_base64($der)],
        ['lines with CR LF', encode_base64($der, "\r\n")],
        ['PEM', $pem], ['PEM, of old', $pem =~ s/N CERT/N NEW CERT/r],
        ['PEM with words before', "\n$pem"],
    ) {
        my ($what, $body) = @$case;
        is((est('simpleenroll', 'form:' . secret('form'), \$body))[0], 200,
           "[46] $what");
    }

    my $secret = secret('form');
    for my $case (
        ['DER', $der], ['nothing', ''], ['no base64', '*' x 100],
        ['base64 with a zero byte', "$line\0"], ['cut short', substr $line, 1],
        ['padding inside', substr($line, 0, 100) . '==' . substr $line, 100],
        ['PEM without an end', $pem =~ s/-----END.*//sr],
        ['PEM and nothing', "-----BEGIN X-----\n-----END X-----\n"],
        ['dashes', '-----BEGIN -----END '],
    ) {
        my ($what, $body) = @$case;
        my ($status, $said) = est('simpleenroll', "form:$secret", \$body);
        is($status, 400, "[43] $what");
        like($said, qr/base64|PKCS#10/, '... and why');
    }
    my ($status, $said, $head) =
        est('simpleenroll', "form:$secret", \('A' x (1024 * 1024)));
    is($status, 413, '[43] 1 MB');
    like(header($head, 'Content-Type'), qr{^text/plain}, '... in text');
    is((est('simpleenroll', "form:$secret", $der, '-H',
            'Content-Type: application/json'))[0], 415, 'another type');
    is((est('simpleenroll', "form:$secret", $der))[0], 200,
       '[47] none of these has used the secret up');
}


sub secrets {
    my $der = request(mine('once'), subject('once'));
    add('once', dn('once'));
    add('twice', dn('twice'));
    my $secret = secret('once');

    is((est('simpleenroll', "twice:$secret", $der))[0], 401,
       '[47] a secret of somebody else');
    is((est('simpleenroll', "once:$secret", $der))[0], 200, '[47] once');
    is((est('simpleenroll', "once:$secret", $der))[0], 401, '[47] not twice');

    my ($first, $second) = (secret('once'), secret('once'));
    is((est('simpleenroll', "once:$first", $der))[0], 401,
       'another secret takes the place of the one before');
    is((est('simpleenroll', "once:$second", $der))[0], 200, '... and is good');

    $secret = secret('twice');
    my $other = request(mine('once'), subject('once'));
    my ($status, $said) = est('simpleenroll', "twice:$secret", $other);
    is($status, 400, '[47] a secret enrols no other subject');
    like($said, qr/subject is not the registered one/, '... and why');

    as('client', 'disable', 'twice');
    my $mine = request(mine('twice'), subject('twice'));
    is((est('simpleenroll', "twice:$secret", $mine))[0], 401,
       'a client that is disabled');
    as('client', 'enable', 'twice');
    is((est('simpleenroll', "twice:$secret", $mine))[0], 200,
       '... and enabled again');

    $secret = secret('twice');
    as('client', 'remove', 'twice');
    is((est('simpleenroll', "twice:$secret", $mine))[0], 401, 'removed');
    add('twice', dn('twice'));
    is((est('simpleenroll', "twice:$secret", $mine))[0], 401,
       '... and registered again: the old secret is gone');

    my @said = map { my @a = est('simpleenroll', $_, $mine);
                     "$a[0] $a[1] " . $a[2] =~ s/^Date:.*\n//mr }
        'nobody:x', 'once:x', 'a b:x', "\xff\xfe:x", ':';
    is($said[0], $said[$_], '[47] unknown and wrong sound the same') for 1 .. 4;
    is((est('simpleenroll', undef, $mine, '-H', 'Authorization: Bearer x'))[0],
       401, 'another scheme');
}


sub commands {
    add('own', '--self-signed', "$dir/pki/dcm-1.pem");
    add('basic', '--secret');
    add('name', '--subject-dn', 'CN=other,O=HARS');
    add('two', '--subject-dn', 'CN=two,CN=two');
    add('none', '--subject-dn', 'O=HARS');

    for my $case (
        ['own', qr/not registered by a subject or a name/],
        ['basic', qr/not registered by a subject or a name/],
        ['gateway', qr/not registered by a subject or a name/],
        ['name', qr/CN is not its client_id/], ['two', qr/CN is not/],
        ['none', qr/CN is not/], ['nobody', qr/client nobody is not reg/],
    ) {
        my ($id, $why) = @$case;
        my ($rc, $said) = as('client', 'enrol', $id);
        is($rc, 1, "client enrol $id: refused");
        like($said, $why, '... and why');
    }
    as('client', 'disable', 'name');
    like((as('client', 'enrol', 'name'))[1], qr/name is disabled/, 'disabled');

    add('elsewhere', dn('elsewhere'), '--issuer-dn', 'CN=Other CA');
    my ($status, $said) =
        est('simpleenroll', 'elsewhere:' . secret('elsewhere'),
            request(mine('elsewhere'), subject('elsewhere')));
    is($status, 403, 'a client registered with another issuer');
    like($said, qr/by its registration/, '... and why');

    add('ours', dn('ours'), '--issuer-dn', 'CN=Issuing CA,O=Test');
    is(enrol('ours', 'ours', request(mine('ours'), subject('ours'))), 200,
       '... with this one');
    is((post('/oauth2/token', 'ours', client_id => 'ours',
             grant_type => 'client_credentials'))[0], 200,
       '... and gets a token');
}


# PKCS#10 that are none, or ask for too much
sub refused {
    add('bad', dn('bad'));
    my $who = 'bad:' . secret('bad');
    my $name = subject('bad');
    my $key = mine('bad');
    my $good = request($key, $name);
    my $broken = $good;
    substr($broken, -1) ^= "\x01";
    my $changed = $good;
    substr($changed, 40, 1) ^= "\x01";
    my $rsa = key("$dir/rsa1024.key", '-algorithm', 'RSA', '-pkeyopt',
                  'rsa_keygen_bits:1024');
    my $e3 = key("$dir/rsa3.key", '-algorithm', 'RSA', '-pkeyopt',
                 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3');
    my $p521 = key("$dir/p521.key", '-algorithm', 'EC', '-pkeyopt',
                   'ec_paramgen_curve:P-521');
    my $hand = key("$dir/hand.key", '-algorithm', 'EC', '-pkeyopt',
                   'ec_paramgen_curve:P-256', '-pkeyopt',
                   'ec_param_enc:explicit');
    my $ed = key("$dir/ed.key", '-algorithm', 'ED25519');
    my $eku = extension(extKeyUsage => sequence(oid('1.3.6.1.5.5.7.3.1')));
    my $usage = extension(keyUsage => tlv(3, "\x02\x04"));

    for my $case (
        ['a broken signature', $broken, qr/signature/],
        ['another key\'s signature',
         request($key, $name, '', by => key("$dir/two.key")), qr/signature/],
        ['RSA 1024', openssl($rsa), qr/2048 to 4096/],
        ['RSA with exponent 3', openssl($e3), qr/exponent/],
        ['P-521', request($p521, $name), qr/P-256 or P-384/],
        ['a curve by its parameters', request($hand, $name), qr/named/],
        ['Ed25519', openssl($ed), qr/P-256, P-384 or RSA/],
        ['SHA-1', request($key, $name, '', digest => 'sha1'), qr/SHA-256/],
        ['version 2', request($key, $name, '', version => 1), qr/version 1/],
        ['something behind', "${good}x", qr/behind/],
        ['cut short', substr($good, 0, -1), qr/PKCS#10/],
        ['garbage', 'x' x 100, qr/PKCS#10/],
        ['CA:TRUE', request($key, $name, wishes(ca(1))), qr/CA:TRUE/],
        ['an extension twice',
         request($key, $name, wishes(ca(0), ca(0))), qr/extension twice/],
        ['an unknown one twice',
         request($key, $name, wishes(($eku) x 2)), qr/extension twice/],
        ['extensions twice',
         request($key, $name, wishes(ca(0)) . wishes(ca(0))),
         qr/attribute twice/],
        ['extensions in two ways',
         request($key, $name, wishes($usage)
                 . attribute('1.3.6.1.4.1.311.2.1.14', sequence(ca(1)))),
         qr/extensions twice/],
        ['extensions of two values',
         request($key, $name, attribute('extensionRequest', sequence(ca(0)),
                                        sequence(ca(1)))),
         qr/extensions cannot/],
        ['an attribute twice',
         request($key, $name,
                 join '', (attribute(challengePassword => tlv(12, 'x'))) x 2),
         qr/attribute twice/],
        ['17 attributes',
         request($key, $name,
                 join '', map { attribute("1.2.3.$_", tlv(5, '')) } 1 .. 17),
         qr/too many attributes/],
        ['33 extensions',
         request($key, $name,
                 wishes(map { extension("1.2.3.$_", 'x') } 1 .. 33)),
         qr/too many extensions/],
        ['a zero byte in the CN',
         request($key, subject("bad\0.evil")), qr/zero byte/],
        ['... with the registered one before it',
         request($key, name([O => 'HARS', CN => "bad\0"])), qr/zero byte/],
        ['an empty CN', request($key, subject('')), qr/zero byte|string/],
        ['a zero byte in a SAN',
         request($key, $name, wishes(san(dns => "a\0b"))), qr/zero byte/],
        ['a broken SAN',
         request($key, $name, wishes(extension(subjectAltName => 'x'))),
         qr/subjectAltName cannot/],
        ['a broken basicConstraints',
         request($key, $name, wishes(extension(basicConstraints => 'x'))),
         qr/basicConstraints cannot/],
        ['another CN', request(mine('other'), subject('other')), qr/subject is not/],
        ['another order', request($key, name([CN => 'bad', O => 'HARS'])),
         qr/subject is not/],
        ['a CN more', request($key, name([O => 'HARS', CN => 'bad',
                                          CN => 'bad'])), qr/subject is not/],
        ['another case', request(mine('BAD'), subject('BAD')), qr/subject is not/],
        ['a SAN that is not registered',
         request($key, $name, wishes(san(dns => 'bad.example'))),
         qr/subjectAltName is not/],
        ['17 KB', request($key, name([O => 'x' x 17000])), qr/16 KB/],
        ['a subject of 3 KB', request($key, name([O => 'x' x 3000])),
         qr/too long/],
    ) {
        my ($what, $der, $why) = @$case;
        my ($status, $said, $head) = est('simpleenroll', $who, $der);
        is($status, 400, "[43] refused: $what");
        like($said, $why, '... and why');
        like(header($head, 'Content-Type'), qr{^text/plain}, '... in text');
    }
    my ($status) = est('simpleenroll', $who, $changed);
    is($status, 400, '[43] refused: a changed byte');

    ($status, my $body) =
        est('simpleenroll', $who,
            request($key, $name,
                    wishes($eku, $usage, ca(0), extension('1.2.3.4', 'x'))
                    . attribute(challengePassword => tlv(12, 'x'))));
    is($status, 200, '[48] other wishes are no error');
    keep('bad', $body);
    my $text = text('bad');
    like($text, qr/Extended Key Usage: \s*TLS Web Client Authentication\n/,
         '[48] ... but have no effect: EKU');
    like($text, qr/Key Usage: critical\s+Digital Signature\n/,
         '[48] ... keyUsage');
    unlike($text, qr/1\.2\.3\.4/, '[48] ... an unknown one');
}


# a request by "openssl req", for what is not ECDSA
sub openssl {
    my ($file) = @_;

    my $words = '-subj /O=HARS/CN=bad -outform DER';

    return scalar `openssl req -new -key $file $words`;
}


# which names a certificate gets
sub names {
    my $i = 0;

    for my $case (
        ['dns', 'dcm.example', 'DNS:dcm.example'],
        ['uri', 'urn:dcm:1', 'URI:urn:dcm:1'],
        ['ip', '192.0.2.7', 'IP Address:192.0.2.7'],
        ['email', 'a@dcm.example', 'email:a@dcm.example'],
    ) {
        my ($kind, $value, $in) = @$case;
        my $id = "san-$kind";

        add($id, "--san-$kind", $value, '--scope', 'ml:recognize');
        my $name = name([CN => $id]);
        is(enrol($id, $id, request(mine($id), $name)), 200, "--san-$kind");
        like(text($id), qr/Subject: CN=$id\n/, '... CN is the client_id');
        like(text($id), qr/Alternative Name: \s*\Q$in\E\n/,
             '... and the registered name, which it did not ask for');
        like(token($id), qr/^hats_at_/, '... a token for it');

        is(enrol($id, $id, request(mine($id), $name,
                                   wishes(san($kind => $value)))),
           200, '... and if it does');
        is(enrol($id, $id, request(mine($id), name([]))), 200,
           '... no name at all');
        is(enrol($id, $id, request(mine($id), name([CN => $id, CN => 'x']))),
           400, '... another subject');
        for my $more (['dns', 'x.example'], [$kind, $value, 'dns', 'x']) {
            is(enrol($id, $id, request(mine($id), $name,
                                       wishes(san(@$more)))),
               400, '... another name');
        }
    }

    add('long', '--subject-dn', 'CN=long,OU=Ward 7\\, north+L=K\\C3\\B6ln,C=DE');
    is(enrol('long', 'long', request(mine('long'), name([]))), 200,
       'a name of parts');
    like(text('long'), qr/Subject: CN=long,(?:OU=Ward 7\\, north\+L=K\\C3\\B6ln|L=K\\C3\\B6ln\+OU=Ward 7\\, north),C=DE\n/,
         '... as it was registered');

    for my $dn ('CN=limit,C=Germany', 'CN=limit,serialNumber=#0401ff') {
        as('client', 'remove', 'limit');
        add('limit', '--subject-dn', $dn);
        like(secret('limit'), qr/RFC 5280 does not allow/, "no subject: $dn");
    }

    my $rsa = key("$dir/rsa2048.key", '-algorithm', 'RSA', '-pkeyopt',
                  'rsa_keygen_bits:2048');
    my $p384 = key("$dir/p384.key", '-algorithm', 'EC', '-pkeyopt',
                   'ec_paramgen_curve:P-384');
    is(enrol('rsa', 'bad', openssl($rsa)), 200, 'RSA 2048');
    is(enrol('p384', 'bad', openssl($p384)), 200, 'P-384');
}


# other labels, no other methods
sub others {
    my ($status, $body, $head) = est('simplereenroll', undef,
                                     request(mine('dcm-1'), subject('dcm-1')));
    is($status, 403, '[44] simplereenroll without a certificate (4.2.2)');
    like($body, qr/certificate .* has to come along/, '... and why');
}


# a key is of one client, and of nobody after a compromise (SECURITY.md, C7)
sub one_client {
    my $der = request(mine('mine'), subject('mine'));
    my ($status, $body);

    add('mine', dn('mine'));
    add('thief', dn('thief'));
    is(enrol('mine', 'mine', $der), 200, 'a key');
    is(enrol('mine2', 'mine', $der), 200, '... the same client again');

    my $secret = secret('thief');
    ($status, $body) = est('simpleenroll', "thief:$secret",
                           request(mine('mine'), subject('thief')));
    is($status, 409, "another client's key");
    like($body, qr/key is of another client/, '... and why');
    my $line = $json->decode((split /\n/, content("$dir/audit.log"))[-1]);
    is("$line->{event} $line->{client_id}", 'refuse thief',
       '... the audit log has it');
    is((est('simpleenroll', "thief:$secret",
            request(mine('thief'), subject('thief'))))[0], 200,
       '[47] ... the secret is not used up');

    as('ca', 'revoke', '--thumbprint', $thumbprint{mine2}, '--reason',
       'superseded');
    is(enrol('mine3', 'mine', $der), 200, 'one superseded: the key is good');
    as('ca', 'revoke', '--thumbprint', $thumbprint{mine3}, '--reason',
       'keyCompromise');
    is((est('simpleenroll', 'mine:' . secret('mine'), $der))[0], 409,
       'one compromised: it is not');
    is((est('simplereenroll', '@mine', $der))[0], 409, '... by simplereenroll');
    is((est('simpleenroll', 'mine:' . secret('mine'), compressed($der)))[0],
       409, '... nor with its point compressed');
    my $new = request(key("$dir/mine-2.key"), subject('mine'));
    is((est('simplereenroll', '@mine', $new))[0], 200, '... another one is');
}


# the same key, written down otherwise (RFC 5480, 2.2)
sub compressed {
    my $at = "$dir/key-mine";

    run('openssl', 'ec', '-in', "$at.key", '-conv_form', 'compressed', '-out',
        "$at-short.key");
    my $der = request("$at-short.key", subject('mine'));
    cmp_ok(length $der, '<', length $_[0], '(a compressed point)');

    return $der;
}


# simplereenroll
sub followed {
    my $new = key("$dir/new.key");
    my $der = request($new, subject('dcm-1'));
    my $old = $thumbprint{'dcm-1'};
    my $token = token('dcm-1');

    my ($status, $body) = est('simplereenroll', '@dcm-1', $der);
    is($status, 200, '[44] simplereenroll, another key') or diag $body;
    keep('next', $body);
    like(text('next'), qr/Subject: CN=dcm-1,O=HARS\n/, '... the same subject');
    isnt($thumbprint{next}, $old, '... another certificate');
    like(token('next', 'dcm-1'), qr/^hats_at_/, '... which gets tokens');
    is(active($token), 1, '... the old one\'s live on');
    like(token('dcm-1'), qr/^hats_at_/, '... and it gets others till it ends');
    is((est('simplereenroll', '@next', request($new, subject('dcm-1'))))[0],
       200, '[44] ... and from there on, the same key');

    my $printable = sequence(tlv(0x31, sequence(oid('O'), tlv(0x13, 'HARS'))),
                             tlv(0x31, sequence(oid('CN'),
                                                tlv(0x13, 'dcm-1'))));
    is((est('simplereenroll', '@next', request($new, $printable)))[0], 200,
       '... the subject in another type of string');
    for my $case (
        ['another subject', '@next', request($new, subject('form'))],
        ['no subject', '@next', request($new, name([]))],
        ['a SAN', '@next', request($new, subject('dcm-1'),
                                   wishes(san(dns => 'dcm-1')))],
        ['no SAN', '@san-dns', request($new, name([CN => 'san-dns']))],
        ['another SAN', '@san-dns',
         request($new, name([CN => 'san-dns']), wishes(san(dns => 'x')))],
    ) {
        my ($what, $who, $csr) = @$case;
        is((est('simplereenroll', $who, $csr))[0], 400, "[44] $what: refused");
    }
    is((est('simplereenroll', '@san-dns',
            request(key("$dir/san-2.key"), name([CN => 'san-dns']),
                    wishes(san(dns => 'dcm.example')))))[0],
       200, '[44] the same SAN');

    # who is not of ours, or no longer
    certificate('dcm-1');
    add('demo', '--subject-dn', 'CN=demo,O=HARS Gateway demo');
    certificate('demo');
    is((est('simplereenroll', '@demo',
            request($new, name([O => 'HARS Gateway demo', CN => 'demo']))))[0],
       403, '[44] a certificate of another authority that is believed');
    is((est('simplereenroll', undef, $der, '-H', 'Client-Cert: :x:'))[0], 400,
       'a certificate that is none');
    pki('client', 'foreign', '--cn', 'dcm-1', '--ca', 'foreign-ca');
    known('foreign');
    is((est('simplereenroll', '@foreign', $der))[0], 403,
       '[44] ... of one that is not');

    # of the issuing authority's own key, behind the server's back
    for my $kind (qw(crt key)) {
        write_file('pki/issuing.' . ($kind eq 'crt' ? 'pem' : 'key'),
                   content("$dir/ca/issuing.$kind"));
    }
    add('ended', '--subject-dn', 'CN=ended,O=HARS Gateway demo');
    my $name = name([O => 'HARS Gateway demo', CN => 'ended']);
    for my $case (['unknown', 'was not issued here'],
                  ['ended', 'is not valid', '--expired']) {
        my ($file, $why, @more) = @$case;
        pki('client', $file, '--cn', 'ended', '--ca', 'issuing', @more);
        known($file);
        is((est('simplereenroll', "\@$file", request($new, $name)))[0], 403,
           "[44] a certificate that $why");
        my ($last) = content("$dir/audit.log") =~ /([^\n]+)\n\z/;
        is($json->decode($last)->{reason}, "the certificate $why",
           '... which the audit log knows');
    }

    as('client', 'disable', 'dcm-1');
    is((est('simplereenroll', '@next', $der))[0], 403, '[44] disabled');
    as('client', 'enable', 'dcm-1');
    is((est('simplereenroll', '@next', $der))[0], 200, '... enabled');

    my ($rc) = as('revoke', '--thumbprint', $thumbprint{next});
    is($rc, 0, 'the certificate is revoked');
    is((est('simplereenroll', '@next', $der))[0], 403, '[44] revoked');

    is(enrol('moved', 'once', request(mine('once'), subject('once'))), 200, 'another');
    as('client', 'remove', 'once');
    is((est('simplereenroll', '@moved', request(mine('once'), subject('once'))))[0],
       403, '[44] the client is removed');
    sql("UPDATE client SET auth = 'subject_dn', auth_value = 'CN=san-uri'"
        . " WHERE id = 'san-uri'");
    my ($no, $why) = est('simplereenroll', '@san-uri',
                         request(mine('san-uri'), name([CN => 'san-uri'])));
    is($no, 403, '[44] registered by a subject now that it has, without the '
       . 'other name');
    like($why, qr/by other names now/, '... and why');
    add('once', '--san-dns', 'once.example');
    is((est('simplereenroll', '@moved', request(mine('once'), subject('once'))))[0],
       403, '[44] ... and registered otherwise');
}


# refresh tokens follow the certificate they are bound to (RFC 8705, 6.3)
sub carried {
    my $der = request(mine('carried'), subject('carried'));
    add('carried', dn('carried'), '--refresh', '--scope', 'ml:recognize');
    is(enrol('carried', 'carried', $der), 200, 'a client with refresh tokens');
    my ($status, $first) =
        post('/oauth2/token', 'carried', client_id => 'carried',
             grant_type => 'client_credentials');
    my $refresh = sub {
        my ($name) = @_;
        my ($status, $answer) =
            post('/oauth2/token', $name, client_id => 'carried',
                 grant_type => 'refresh_token',
                 refresh_token => $first->{refresh_token});
        $first = $answer if $status == 200;
        return $status == 200 ? 200 : "$status $answer->{error}";
    };
    is($refresh->('carried'), 200, '... which refreshes');

    # the answer to the first one is lost
    ($status) = est('simplereenroll', '@carried', $der);
    is($status, 200, 'its certificate is renewed, and that gets lost');
    ($status, my $body) = est('simplereenroll', '@carried', $der);
    is($status, 200, '... and renewed again');
    keep('carried2', $body);
    is($refresh->('carried'), '400 invalid_grant',
       '[44] the old one refreshes no more');
    is($refresh->('carried2'), 200, '[44] ... but the new one does');
    is($refresh->('carried2'), 200, '... and again');

    is(enrol('carried3', 'carried', $der), 200, 'enrolled anew, by a secret');
    is($refresh->('carried3'), '400 invalid_grant', '... nothing follows');
}


sub locked {
    my $der = request(mine('locked'), subject('locked'));
    add('locked', dn('locked'));
    my $secret = secret('locked');

    for my $id ('locked', 'no-such-client') {
        is((est('simpleenroll', "$id:wrong$_", $der))[0], 401,
           "[47] $id: wrong, $_") for 1 .. 5;
        my ($status, $said, $head) = est('simpleenroll', "$id:wrong", $der);
        is($status, 429, "[47] $id: locked");
        my $wait = header($head, 'Retry-After') // 0;
        ok($wait > 800 && $wait <= 900, '... for as long as it says');
    }
    is((est('simpleenroll', "locked:$secret", $der))[0], 429,
       '[47] ... with the right secret, too');

    add('nearly', dn('nearly'));
    $secret = secret('nearly');
    $der = request(mine('nearly'), subject('nearly'));
    est('simpleenroll', "nearly:x", $der) for 1 .. 4;
    is((est('simpleenroll', "nearly:$secret", $der))[0], 200,
       'the fifth attempt is right');
    is((est('simpleenroll', 'nearly:x', $der))[0], 401,
       '... and it counts from the beginning');
}


# four with one secret, whose last bytes are sent together
sub together {
    my $body = encode_base64(request(mine('race'), subject('race')), '');
    add('race', dn('race'));

    for my $round (1 .. 5) {
        my $basic = encode_base64('race:' . secret('race'), '');
        my $request = "POST $est/simpleenroll HTTP/1.1\r\nHost: x\r\n"
            . "Authorization: Basic $basic\r\n$type\r\n"
            . "Connection: close\r\nContent-Length: " . length($body)
            . "\r\n\r\n$body";
        my @socket = map {
            my $s = IO::Socket::UNIX->new(Peer => "$dir/public.sock");
            syswrite $s, substr($request, 0, -1);
            $s;
        } 1 .. 4;

        syswrite $_, substr($request, -1) for @socket;
        my @status = map {
            my ($said) = readline($_) =~ m{^HTTP/1\.1 (\d+)};
            $said;
        } @socket;
        is(join(' ', sort @status), '200 401 401 401',
           '[47] four at once: one wins');
    }
}


sub often {
    my $der = request(mine('often'), subject('often'));
    my ($status, $n);

    add('often', dn('often'));
    is(enrol('often', 'often', $der), 200, 'a certificate');
    for ($n = 1; $n < 30; $n++) {
        ($status) = est('simplereenroll', '@often', $der);
        last if $status != 200;
    }
    is("$n $status", '16 429', '[47] sixteen in an hour and no more');
}


sub audited {
    my @lines = map { $json->decode($_) } split /\n/, content("$dir/audit.log");
    my @certs = grep { $_->{event} eq 'certificate' } @lines;
    my ($first) = grep { $_->{client_id} eq 'dcm-1' } @certs;

    is($first->{what}, 'enrol', 'the audit log: an enrolment');
    like($first->{serial}, qr/^01[0-9a-f]{32}$/, '... serial');
    ok($first->{not_after} > time, '... end');
    my ($next) = grep { "$_->{what} $_->{client_id}" eq 'reenrol dcm-1' }
        @certs;
    is($next->{follows}, $first->{certificate},
       '... what follows which certificate');
    is($next->{certificate}, $thumbprint{next}, '... and is which');
    ok((grep { $_->{event} eq 'refuse'
               && $_->{endpoint} eq "$est/simpleenroll"
               && ($_->{reason} // '') eq 'came with a wrong secret'
               && ($_->{client_id} // '') eq 'locked' } @lines),
       '... a refusal, and why');
    is((as('audit', 'verify'))[0], 0, '... and it is whole');
}


sub counted {
    my (undef, $said) = run('curl', '-sS', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/metrics');
    my %n = $said =~ /^hars_as_enrolments_total\{outcome="(\w+)"\} (\d+)$/mg;
    my @lines = map { $json->decode($_) } split /\n/, content("$dir/audit.log");

    for my $what (qw(enrol reenrol)) {
        is($n{"${what}led"},
           scalar(grep { ($_->{what} // '') eq $what
                         && $_->{event} eq 'certificate' } @lines),
           "metrics: ${what}led");
    }
    ok($n{refused} > 50 && $n{limited} >= 4 && $n{failed} == 0,
       '... and what was not');
}


# where the audit log cannot be written nobody gets a certificate
sub full {
    my $conf = content("$dir/as.conf");
    my $der = request(mine('form'), subject('form'));
    my $secret = secret('form');
    my $again = request(mine('carried'), subject('carried'));
    is(enrol('kept', 'carried', $again), 200, 'a client with refresh tokens');
    my (undef, $answer) =
        post('/oauth2/token', 'kept', client_id => 'carried',
             grant_type => 'client_credentials');
    my $certificates = sub { (as('ca', 'list', '--client', $_[0]))[1] };
    my @before = map { $certificates->($_) } qw(form carried);

    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf =~ s{^(audit_log =).*}{$1 /dev/full}mr);
    start();
    my ($status, $body) = est('simpleenroll', "form:$secret", $der);
    is($status, 500, 'the audit log is full');
    unlike($body, qr/MII/, '... no certificate');
    is((est('simplereenroll', '@kept', $again))[0], 500,
       '... none that follows another');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf);

    start();
    is_deeply([map { $certificates->($_) } qw(form carried)], \@before,
              '... nor is one left behind');
    is((post('/oauth2/token', 'kept', client_id => 'carried',
             grant_type => 'refresh_token',
             refresh_token => $answer->{refresh_token}))[0], 200,
       '... refresh tokens are where they were');
    is((est('simpleenroll', "form:$secret", $der))[0], 200,
       '... and the secret is good');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
}


# an issuing authority with three days left
sub short {
    my $conf = content("$dir/as.conf");
    write_file('as.conf', $conf =~ s{^(ca_dir =).*}{$1 $dir/ca3}mr);
    is((as('ca', 'init', '--issuing-days', 3))[0], 0, 'another authority');
    start();
    is(enrol('short', 'form', request(mine('form'), subject('form'))), 200,
       'its certificate');
    my ($rc, $end) = run('openssl', 'x509', '-in', "$dir/ca3/issuing.crt",
                         '-noout', '-enddate');
    is((run('openssl', 'x509', '-in', "$dir/pki/short.pem", '-noout',
            '-enddate'))[1], $end, '[48] ends with it (RFC 5280, 4.1.2.5)');
}


# the paper's profile: passwords that enrol again and again
sub paper {
    my $conf = content("$dir/as.conf");
    my $der = request(mine('person'), subject('person'));
    my $password = 'correct horse: battery%20+';
    add('person', dn('person'), '--kind', 'patient');
    write_file('password', "$password\n");
    my $set = sub {
        return run('sh', '-c', 'exec "$@" < ' . "$dir/password", 'sh',
                   $program, '--config', "$dir/as.conf", 'client', 'password',
                   $_[0]);
    };

    my ($rc, $said) = $set->('person');
    is($rc, 1, 'client password: not in the standard profile');
    like($said, qr/profile = paper/, '... why');

    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf =~ s/^profile.*\n//mr . "profile = paper\n");
    start();
    ($rc, $said) = $set->('person');
    is($rc, 0, 'client password') or diag $said;
    is(($set->('gateway'))[0], 1, '... not of who is not enrolled');
    write_file('password', "short\n");
    like(($set->('person'))[1], qr/12 to 128 bytes/, '... not a short one');

    for my $n (1 .. 2) {
        is((est('simpleenroll', "person:$password", $der))[0], 200,
           "[47] a password, $n");
    }
    is((est('simpleenroll', "other:$password", $der))[0], 401,
       '[47] ... of somebody else');
    is((est('simpleenroll', "race:$password", $der))[0], 401,
       '[47] ... of a client that has none');
    is((est('simpleenroll', "person:$password.", $der))[0], 401,
       '[47] another password');
    is((est('simpleenroll', 'form:' . secret('form'),
            request(mine('form'), subject('form'))))[0], 200, 'secrets go on');

    crowd($der);

    est('simpleenroll', "person:wrong password", $der) for 1 .. 4;
    is((est('simpleenroll', "person:$password", $der))[0], 429,
       '[47] five wrong passwords lock it');
    add('person2', dn('person2'), '--kind', 'patient');
    write_file('password', "$password\n");
    $set->('person2');
    secret('person2');
    is((est('simpleenroll', "person2:$password",
            request(mine('person2'), subject('person2'))))[0],
       401, 'client enrol takes the password\'s place');
    $set->('person2');

    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf);
    start();
    is((est('simpleenroll', "person2:$password",
            request(mine('person2'), subject('person2'))))[0],
       401, 'no passwords in the standard profile');
}


# more at once than are asked about: some are turned away at once
sub crowd {
    my ($der) = @_;
    my $body = encode_base64($der, '');
    my %status;

    my @socket = map {
        my $basic = encode_base64("crowd-$_:some password", '');
        my $s = IO::Socket::UNIX->new(Peer => "$dir/public.sock");
        syswrite $s, "POST $est/simpleenroll HTTP/1.1\r\nHost: x\r\n"
            . "Authorization: Basic $basic\r\n$type\r\n"
            . "Connection: close\r\nContent-Length: " . length($body)
            . "\r\n\r\n" . substr $body, 0, -1;
        $s;
    } 1 .. 60;
    my $begun = time;
    syswrite $_, substr($body, -1) for @socket;

    for my $s (@socket) {
        local $/ = undef;
        my $said = readline $s;
        my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
        $status{$status // 'none'}++;
        is(header($said, 'Retry-After'), 2, '... with Retry-After')
            if ($status // 0) == 429 && $status{429} == 1;
    }
    ok(($status{429} // 0) > 0 && ($status{401} // 0) >= 2
       && $status{429} + $status{401} == 60,
       '[47] sixty at once: some wait, some are turned away')
        or diag explain \%status;
    cmp_ok(time - $begun, '<', 8, '... and all of it is soon over');
}


# without an authority
sub absent {
    my $conf = content("$dir/as.conf");
    write_file('as.conf', $conf =~ s/^ca_dir.*\n//mr);
    start();
    for my $path (qw(cacerts csrattrs)) {
        is((est($path))[0], 404, "no ca_dir: $path");
    }
    for my $path (qw(simpleenroll simplereenroll)) {
        is((est($path, 'a:b', 'x'))[0], 404, "no ca_dir: $path");
    }
    like((as('client', 'enrol', 'dcm-1'))[1], qr/write "ca_dir/,
         '... client enrol says what to write');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
}
