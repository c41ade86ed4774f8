#!/usr/bin/perl

# The status of certificates (RFC 6960, RFC 5019): good, revoked, unknown, by
# POST and GET, signed by the issuing authority, as openssl reads it; what is
# malformed, and what is not ours to say.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;
use HarsTest::Issued;
use HarsTest::Pkcs10;

BAIL_OUT("$program is not there: make all") unless -x $program;

pki('authorities');
authority('');
add($_, '--subject-dn', "CN=$_,O=HARS") for qw(a b c);
start();
enrol($_, $_) for qw(a b c);

good();
revoked();
unknown();
digests();
several();
nonces();
by_get();
kept();
malformed();
others();
counted();
root();
limits();
curve();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no secret in the log, no sanitizer had a word');
absent();

done_testing();


# a request as openssl makes it
sub question {
    my (@words) = @_;

    unlink "$dir/q";
    my ($rc, $said) = run('openssl', 'ocsp', '-issuer', "$dir/ca/issuing.crt",
                          '-reqout', "$dir/q", @words);
    -s "$dir/q" or BAIL_OUT("openssl ocsp @words: $said");

    return content("$dir/q");
}


sub cert { return ('-cert', "$dir/pki/$_[0].pem") }


# status, DER, headers
sub ask {
    my ($der, @words) = @_;

    return get('/ocsp', '--data-binary', '@' . write_file('asked', $der),
               '-H', 'Content-Type: application/ocsp-request', @words);
}


# what openssl says of an answer, verified up to the root; without words: is
# it one to the last question?
sub verdict {
    my ($answer, @words) = @_;

    write_file('r', $answer);
    my (undef, $said) =
        run('openssl', 'ocsp', '-issuer', "$dir/ca/issuing.crt", '-CAfile',
            "$dir/ca/root.crt", '-respin', "$dir/r",
            @words ? ('-no_nonce', @words) : ('-reqin', "$dir/q"));
    return $said;
}


# the whole of it for certificates
sub status_of {
    my ($name, @words) = @_;
    my $q = question(@words, cert($name));
    my ($status, $answer, $head) = ask($q);

    return (verdict($answer, cert($name)), $status, $head);
}


# the OCSPResponseStatus of an answer (RFC 6960, 4.2.1)
sub code {
    my ($answer) = @_;

    return $answer =~ /^\x30.\x0a\x01(.)\z/s ? ord $1 : 'signed';
}


sub good {
    my ($said, $status, $head) = status_of('a');

    is($status, 200, 'POST /ocsp');
    is(header($head, 'Content-Type'), 'application/ocsp-response', '... type');
    is(header($head, 'Cache-Control'), 'no-store', '... not to be kept');
    like($said, qr/^Response verify OK$/m, 'openssl verifies it');
    like($said, qr/\Q$dir\E\/pki\/a\.pem: good$/m, '... good');
    my ($next) = $said =~ /Next Update: (.*)/;
    ok(abs(`date -d '$next' +%s` - time - 600) < 60, '... for ten minutes');

    my (undef, $text) = run('openssl', 'ocsp', '-respin', "$dir/r",
                            '-resp_text', '-noverify');
    like($text, qr/Responder Id: [0-9A-F]{40}$/m, '... by the key');
    like($text, qr/Signature Algorithm: ecdsa-with-SHA256/, '... SHA-256');
    unlike($text, qr/BEGIN CERTIFICATE|^Certificate:/m,
           '... without certificates');
}


sub revoked {
    as('ca', 'revoke', '--serial', $serial{b}, '--reason', 'keyCompromise');
    my ($said) = status_of('b');
    like($said, qr/verify OK/, 'revoked: signed');
    like($said, qr/b\.pem:\ revoked\n.*\n.*\n\tReason:\ keyCompromise\n\t
         Revocation\ Time:\ /x, '... at once, with reason and time');

    as('ca', 'revoke', '--serial', $serial{c});
    ($said) = status_of('c');
    like($said, qr/c\.pem: revoked/, 'revoked without a reason');
    unlike($said, qr/Reason/, '... which is left out');
}


sub unknown {
    for my $serial ('01' . '00' x 16, '5', '01' x 20, '0', '-0x01' . '00' x 16,
                    'ff' x 17)
    {
        my $number = $serial =~ /^-/ ? $serial : "0x$serial";
        my $q = question('-serial', $number);
        my (undef, $answer) = ask($q);
        my $said = verdict($answer, '-serial', $number);
        like($said, qr/verify OK/, "serial $serial: signed");
        like($said, qr/: unknown$/m, '... unknown');
    }
}


sub digests {
    for my $md (qw(sha1 sha256 sha384 sha512)) {
        my $q = question("-$md", cert('a'));
        my (undef, $answer) = ask($q);
        like(verdict($answer, "-$md", cert('a')), qr/OK\n.*a\.pem: good/,
             "asked by $md");
    }
    my (undef, $answer) = ask(question('-md5', cert('a')));
    is(code($answer), 6, 'asked by MD5: unauthorized');
}


sub several {
    my @certs = map { cert($_) } qw(a b c);
    # of this authority, and not of the root
    write_file('r.other', (ask(question('-no_nonce', cert('a'))))[1]);
    my $said = verdict((ask(question(@certs)))[1], @certs);
    like($said, qr/a\.pem: good.*b\.pem: revoked.*c\.pem: revoked/s,
         'three in one request');

    my @many = map { ('-serial', $_) } 1 .. 16;
    is(code((ask(question(@many)))[1]), 'signed', '16 in one request');
    is(code((ask(question(@many, '-serial', 17)))[1]), 1,
       '17: malformedRequest');
}


# RFC 9654
sub nonces {
    my ($said) = status_of('a', '-nonce');
    is(verdict(content("$dir/r")), "Response verify OK\n",
       'a nonce comes back');
    my $first = content("$dir/r");
    status_of('a', '-nonce');
    like(verdict($first), qr/Nonce Verify error/, '... each in its own answer');
    ($said) = status_of('a', '-no_nonce');
    unlike((run('openssl', 'ocsp', '-respin', "$dir/r", '-resp_text',
                '-noverify'))[1], qr/Nonce/, 'none where there was none');

    for my $case ([1 => 'signed'], [32 => 'signed'], [128 => 'signed'],
                  [0 => 1], [129 => 1])
    {
        my ($n, $want) = @$case;
        my (undef, $answer) = ask(asked(nonce("\x04" . der_length($n)
                                              . 'n' x $n)));
        is(code($answer), $want, "a nonce of $n bytes");
        like($answer, qr/n{$n}/, '... comes back') if $want eq 'signed';
    }
    my $one = nonce("\x04\x01n");
    is(code((ask(asked($one . $one)))[1]), 1, 'two nonces');
    is(code((ask(asked(nonce('raw'))))[1]), 1, 'one that is no OCTET STRING');
    is(code((ask(asked(nonce("\x04\x01nx"))))[1]), 1, 'one and a byte');
    is(code((ask(asked(extend('1.2.3.4', 'x'))))[1]), 'signed',
       'an extension that is not known');
    is(code((ask(asked(extend('1.2.3.4', 'x', 1))))[1]), 1,
       '... is malformed where it is critical (RFC 6960, 4.4)');
    is(code((ask(asked('', extend('1.2.3.4', 'x', 1))))[1]), 1,
       '... of one certificate, too');
}


sub der_length { return $_[0] < 128 ? chr $_[0] : "\x81" . chr $_[0] }


sub nonce { return extend('1.3.6.1.5.5.7.48.1.2', $_[0]) }


sub extend {
    my ($oid, $value, $critical) = @_;

    return sequence(oid($oid), $critical ? "\x01\x01\xff" : (),
                    tlv(4, $value));
}


# a request for a's certificate, byte by byte, with these extensions
sub asked {
    my ($extensions, $single) = @_;
    my $id = substr question('-no_nonce', cert('a')), 0;

    # OCSPRequest { TBSRequest { SEQUENCE { Request { CertID } } } }
    $id =~ s/^\x30.\x30.\x30.\x30.(?=\x30)//s or die 'no CertID';
    my $one = sequence($id, $single ? tlv(0xa0, sequence($single)) : ());

    return sequence(sequence(sequence($one), $extensions
                             ? tlv(0xa2, sequence($extensions)) : ()));
}


sub by_get {
    my $q = question('-no_nonce', cert('a'));
    my $plain = encode_base64($q, '');
    my $escaped = $plain =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger;
    my @answers;

    for my $case (['base64' => $plain], ['percent-encoded' => $escaped],
                  ['in lower case' => $escaped =~ s/(%..)/lc $1/ger],
                  ['all of it' => $plain =~ s/(.)/sprintf '%%%02x', ord $1/ger])
    {
        my ($what, $text) = @$case;
        my ($status, $answer, $head) = get("/ocsp/$text", '--path-as-is');
        is($status, 200, "GET, $what");
        like(verdict($answer, cert('a')), qr/OK\n.*a\.pem: good/, '... good');
        push @answers, [$answer, $head];
    }

    my $head = $answers[0][1];
    is(header($head, 'Cache-Control'),
       'max-age=60, public, no-transform, must-revalidate',
       'RFC 5019, 6.2: Cache-Control');
    like(header($head, 'ETag'), qr/^"[0-9a-f]{16}"$/, '... ETag');
    for my $name ('Last-Modified', 'Expires') {
        like(header($head, $name), qr/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/,
             "... $name");
    }
    is((get("/ocsp/$plain", '-I'))[0], 200, 'HEAD');

    my $nonce = encode_base64(question('-nonce', cert('a')), '');
    $nonce =~ s/([+\/=])/sprintf '%%%02X', ord $1/ge;
    is(header((get("/ocsp/$nonce"))[2], 'Cache-Control'), 'no-store',
       'with a nonce: not to be kept');
}


# a kept answer is the same, and gone with the certificate
sub kept {
    add('k', '--subject-dn', 'CN=k,O=HARS');
    enrol('k', 'k');
    my $q = question('-no_nonce', cert('k'));
    my (undef, $first) = ask($q);
    my $sha = question('-sha256', '-no_nonce', cert('k'));

    is((ask($q))[1], $first, 'the same question: the same answer');
    isnt((ask($sha))[1], $first, '... another one: another one');
    is((ask($q))[1], $first, '... and the first one still');

    as('ca', 'revoke', '--serial', $serial{k});
    question('-no_nonce', cert('k'));
    like(verdict((ask($q))[1], cert('k')), qr/k\.pem: revoked/,
         'after a revocation: revoked, though it was kept');
}


sub malformed {
    my $q = question('-no_nonce', cert('a'));

    for my $case (
        ['nothing', ''], ['text', 'hello'], ['zeros', "\0" x 100],
        ['cut short', substr $q, 0, -1], ['a byte more', "$q\0"],
        ['no certificate', sequence(sequence(sequence('')))],
        ['an empty list', "\x30\x04\x30\x02\x30\x00"],
        ['deep', "\x30\x80" x 4000],
    ) {
        my ($what, $der) = @$case;
        my ($status, $answer, $head) = ask($der);
        is("$status " . code($answer), '200 1', "$what: malformedRequest");
        is(header($head, 'Cache-Control'), 'no-store', '... not to be kept');
    }
    for my $case (
        ['no base64', '***'], ['half a byte', 'M'],
        ['a zero byte', 'MA%00A'], ['a broken escape', 'MA%0'],
        ['another one', 'MA%zzAA'], ['padding alone', '===='],
        ['padding inside', 'MA==MAAA'], ['base64url', 'MA-_'],
        ['long', 'A' x 6000],
    ) {
        my ($what, $text) = @$case;
        my ($status, $answer) = get("/ocsp/$text");
        is("$status " . code($answer), '200 1', "GET, $what: the same");
    }
}


# the root's answer about the issuing authority, from its file
sub issuing {
    my ($want, $what, @words) = @_;
    my @ask = ('openssl', 'ocsp', '-issuer', "$dir/ca/root.crt", @words,
               '-cert', "$dir/ca/issuing.crt");
    run(@ask, '-reqout', "$dir/q");
    my (undef, $answer) = ask(content("$dir/q"));

    is(code($answer), $want, "the issuing authority, $what");
    return if $want ne 'signed';
    write_file('r', $answer);
    like((run(@ask, '-no_nonce', '-respin', "$dir/r", '-CAfile',
              "$dir/ca/root.crt"))[1], qr/verify OK\n.*issuing\.crt: good/,
         '... good, the root says');
}


sub root {
    issuing('signed', 'by SHA-1');
    issuing('signed', 'by SHA-256', '-sha256');
    issuing(6, 'by SHA-384, which the answer has not', '-sha384');
    issuing(6, 'with another one', cert('a'));

    # the root revokes it
    my $kept = content("$dir/ca/root.crl");
    my ($serial) = (run('openssl', 'x509', '-in', "$dir/ca/issuing.crt",
                        '-noout', '-serial'))[1] =~ /=(\w+)/;
    write_file('index.txt', join("\t", 'R', '401231235959Z', '260101000000Z',
                                 $serial, 'unknown', '/CN=Issuing CA') . "\n");
    write_file('crlnumber', "02\n");
    write_file('ca.cnf', "[ca]\ndefault_ca = it\n[it]\ndatabase = "
               . "$dir/index.txt\ncrlnumber = $dir/crlnumber\n"
               . "default_md = sha256\ndefault_crl_days = 30\n");
    my ($rc, $said) = run('openssl', 'ca', '-config', "$dir/ca.cnf",
                          '-gencrl', '-keyfile', "$dir/root.key", '-cert',
                          "$dir/ca/root.crt", '-out', "$dir/new.crl");
    is($rc, 0, 'another root.crl') or diag $said;
    write_file('ca/root.crl', content("$dir/new.crl"));
    get('/crl');
    issuing(6, 'once root.crl has it');
    write_file('ca/root.crl', $kept);
    get('/crl');
    issuing('signed', 'and without');

    $kept = content("$dir/ca/root.ocsp");
    for my $case (['no answer', 'x'], ['cut short', substr $kept, 0, -1],
                  ['of somebody else', content("$dir/r.other")]) {
        my ($what, $text) = @$case;
        write_file('ca/root.ocsp', $text);
        ($rc, $said) = as('--check');
        is($rc, 1, "root.ocsp $what: refused");
        like($said, qr/root\.ocsp" is no answer of root\.crt/, '... why');
    }
    unlink "$dir/ca/root.ocsp";
    is((as('--check'))[0], 0, 'no root.ocsp: it need not be there');
    ended('authserver', 'TERM');
    start();
    issuing(6, 'without the file');
    write_file('ca/root.ocsp', $kept);
    ended('authserver', 'TERM');
    start();
}


# of other authorities nothing is said
sub others {
    my ($rc, $said) =
        run('openssl', 'ocsp', '-issuer', "$dir/pki/client-ca.pem", '-serial',
            '1', '-reqout', "$dir/q");
    is(code((ask(content("$dir/q")))[1]), 6, 'another authority: unauthorized');
    run('openssl', 'ocsp', '-issuer', "$dir/ca/issuing.crt", cert('a'),
        '-issuer', "$dir/pki/client-ca.pem", '-serial', 1, '-reqout',
        "$dir/q");
    is(code((ask(content("$dir/q")))[1]), 6, 'one of ours and one of theirs');
}


sub limits {
    is((ask("\x30" x 8193))[0], 413, 'more than 8 KB');
    is((ask('x', '-H', 'Content-Type: text/plain'))[0], 415, 'another type');
    is((get('/ocsp'))[0], 405, 'GET without a question');
    is((get('/ocsp/'))[0], 404, '... by a path that has none');
    is((get('/ocsp/x', '-X', 'POST', '-d', ''))[0], 405, 'POST with a path');
    is((get('/ocsp', '-X', 'PUT', '-d', ''))[0], 405, 'PUT');
}


# an authority of P-384, on a database of its own
sub curve {
    my $conf = content("$dir/as.conf");
    $conf =~ s/^database = .*/database = $dir\/p384.db/m;
    write_file('p384.conf', $conf =~ s/^(ca_dir|public_socket|audit_log
               |gateway_socket)\ =\ (.*\/)/$1 = ${2}p384-/gmrx);
    my ($rc) = run($program, '--config', "$dir/p384.conf", 'ca', 'init',
                   '--curve', 'P-384');
    is($rc, 0, 'an authority of P-384');
    launch('p384', $program, '--config', "$dir/p384.conf", 'serve');
    wait_for(sub { listening("$dir/p384-public.sock") })
        or BAIL_OUT('the second server does not start');
    run('openssl', 'ocsp', '-issuer', "$dir/p384-ca/issuing.crt", '-serial',
        5, '-reqout', "$dir/q");
    run('curl', '-sS', '-o', "$dir/r", '--unix-socket',
        "$dir/p384-public.sock", 'http://localhost/ocsp', '--data-binary',
        "\@$dir/q", '-H', 'Content-Type: application/ocsp-request');
    my (undef, $said) =
        run('openssl', 'ocsp', '-issuer', "$dir/p384-ca/issuing.crt",
            '-CAfile', "$dir/p384-ca/root.crt", '-respin', "$dir/r", '-reqin',
            "$dir/q", '-resp_text');
    like($said, qr/verify OK/, '... signs as well');
    like($said, qr/ecdsa-with-SHA384/, '... by SHA-384');
    is(ended('p384', 'TERM'), 0, '... and stops');
}


sub counted {
    my (undef, $said) = get('/metrics');
    my %n = $said =~ /^hars_as_ocsp_total\{answer="(\w+)"\} (\d+)$/mg;

    ok($n{good} > 10 && $n{revoked} > 2 && $n{unknown} > 5, 'metrics: answers')
        or diag explain \%n;
    ok($n{refused} > 20, '... refusals');
    is($n{failed}, 0, '... and failures');
}


sub absent {
    write_file('as.conf', content("$dir/as.conf") =~ s/^ca_dir.*\n//mr);
    start();
    is((get('/crl'))[0], 404, 'without an authority: no list');
    is((ask(content("$dir/q")))[0], 404, '... and no answers');
    unlike((get('/metrics'))[1], qr/_crl_|_ocsp_/, '... and no metrics of it');
    is(ended('authserver', 'TERM'), 0, '... and it stops');
}
