#!/usr/bin/perl

# The end of certificates that were issued here: revocation by serial number,
# thumbprint and client, with its tokens; the revocation list (RFC 5280, 5),
# its number, and who gets it.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';
use HarsTest::Issued;

my $conf;

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
first();
conditional();
by_serial();
by_thumbprint();
by_client();
by_operator();
again();
removed();
deleted();
past();
listed();
usage();
numbers();
instances();
root_list();
audited();
counted();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no secret in the log, no sanitizer had a word');
urls();
daily();
restored();
foreign();
anothers();

done_testing();


sub prepare {
    pki('authorities');
    certificate('oscar');
    run('sh', '-c', "umask 077; openssl rand -hex 32 > $dir/refresh.key");
    $conf = authority("refresh_key = $dir/refresh.key\n");
    add('oscar', '--kind', 'operator', '--subject-dn',
        'CN=oscar,O=HARS Gateway demo');
    for my $id (qw(a b c d e)) {
        add($id, '--subject-dn', "CN=$id,O=HARS", '--refresh');
    }
    start();
}


# both lists as text, the root's first
sub lists {
    my ($pem) = @_;
    my @text;

    for my $one ($pem =~ /(-----BEGIN X509 CRL-----.*?-----END.*?\n)/sg) {
        push @text, text(write_file('one.crl', $one));
    }

    return @text;
}


sub text {
    my ($file, @words) = @_;
    my (undef, $said) = run('openssl', 'crl', '-in', $file, '-noout', '-text',
                            '-nameopt', 'RFC2253', @words);
    return $said;
}


# the issuing authority's as it is shown now
sub list { return (lists((get('/crl'))[1]))[1] }

sub number {
    my ($text) = @_;
    my ($n) = ($text // list()) =~ /CRL Number:\s+(\d+)/;

    return $n;
}


# "openssl verify" of a certificate, with both lists
sub verify {
    my ($name) = @_;

    write_file('both.crl', (get('/crl'))[1]);
    return run('openssl', 'verify', '-crl_check_all', '-CAfile',
               "$dir/ca/root.crt", '-untrusted', "$dir/ca/issuing.crt",
               '-CRLfile', "$dir/both.crl", "$dir/pki/$name.pem");
}


sub first {
    my ($status, $pem, $head) = get('/crl');

    is($status, 200, '[49] /crl');
    is(header($head, 'Content-Type'), 'application/x-pem-file', '... PEM');
    my @lists = lists($pem);
    is(scalar @lists, 2, '[49] ... two lists');
    like($lists[0], qr/Issuer: CN=Root CA,O=Test\n/, '... the root\'s');

    my $text = $lists[1];
    like($text, qr/Issuer: CN=Issuing CA,O=Test\n/,
         '... and the issuing one\'s');
    like($text, qr/Version 2 /, '[49] version 2 (RFC 5280, 5.1.2.1)');
    like($text, qr/Signature Algorithm: ecdsa-with-SHA256/, '... SHA-256');
    like($text, qr/No Revoked Certificates/, '... empty');
    my ($ski) = (run('openssl', 'x509', '-in', "$dir/ca/issuing.crt", '-noout',
                     '-ext', 'subjectKeyIdentifier'))[1]
        =~ /((?:[0-9A-F]{2}:){19}..)/;
    like($text, qr/Authority Key Identifier: \s*(?:keyid:)?$ski/,
         '[49] ... AKI (5.2.1)');
    ok(abs(number($text) / 1000 - time) < 60, '[49] ... a number (5.2.3)');
    ok(abs(seconds($text, 'Next Update') - time - 7 * 86400) < 60,
       '[49] ... nextUpdate in seven days (5.1.2.5)');
    ok(abs(seconds($text, 'Last Update') - time + 300) < 60,
       '... thisUpdate five minutes ago');

    my (undef, $der, $h) = get('/issuing.crl');
    is(header($h, 'Content-Type'), 'application/pkix-crl',
       '/issuing.crl (RFC 2585)');
    my ($base64) = $pem =~ /.*BEGIN X509 CRL-----\n(.*?)-----END/s;
    is($der, decode_base64($base64), '... the same in DER');

    like((run('openssl', 'crl', '-in', $_->[0], '-CAfile', $_->[1], '-noout',
              '-inform', $_->[2]))[1], qr/verify OK/, "signed: $_->[2]")
        for [write_file('der', $der), "$dir/ca/ca.pem", 'DER'],
            [write_file('pem', $pem), "$dir/ca/root.crt", 'PEM'];

    my ($rc, $said) = as('ca', 'crl');
    is("$rc $said", "0 $pem", 'ca crl prints it');
    is((get('/crl', '-X', 'POST'))[0], 405, 'POST');
    is((get('/crl/'))[0], 404, '/crl/');
}


sub seconds {
    my ($text, $name) = @_;
    my ($date) = $text =~ /$name: (.*)/;

    return `date -d '$date' +%s`;
}


# RFC 9110, 13
sub conditional {
    my ($status, undef, $head) = get('/crl');
    my ($tag, $date) = map { header($head, $_) } 'ETag', 'Last-Modified';

    like($tag, qr/^"[0-9a-f]{16}"$/, 'ETag');
    is(header($head, 'Cache-Control'), 'max-age=60', 'Cache-Control');
    for my $case (
        ['the same', 304, "If-None-Match: $tag"],
        ['one of several, weak', 304, "If-None-Match: \"x\", W/$tag"],
        ['any', 304, 'If-None-Match: *'],
        ['another', 200, 'If-None-Match: "x"'],
        ['not modified since', 304, "If-Modified-Since: $date"],
        ['modified since', 200,
         'If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT'],
        ['no date', 200, 'If-Modified-Since: yesterday'],
        ['the tag decides', 200, 'If-None-Match: "x"', '-H',
         "If-Modified-Since: $date"],
    ) {
        my ($what, $want, @words) = @$case;
        is((get('/crl', '-H', @words))[0], $want, "conditional: $what");
    }
}


sub by_serial {
    enrol('a', 'a');
    my ($status, $answer) = post('/oauth2/token', 'a', client_id => 'a',
                                 grant_type => 'client_credentials');
    is(active($answer->{access_token}), 1, 'a token');
    my $before = number();
    my $issued = (verify('a'))[0];
    is($issued, 0, 'openssl verifies the certificate');

    my $hex = uc $serial{a};
    $hex =~ s/(..)(?=.)/$1:/g;
    my ($rc, $said) = as('ca', 'revoke', '--serial', $hex, '--reason',
                         'keyCompromise');
    is($rc, 0, '[49] ca revoke --serial') or diag $said;
    like($said, qr/^1 certificates and 1 live tokens revoked\n/, '... says');

    is(active($answer->{access_token}), 0, '[49] its token is inactive');
    is((post('/oauth2/token', 'a', client_id => 'a', refresh_token =>
             $answer->{refresh_token}, grant_type => 'refresh_token'))[1]
       {error}, 'invalid_client', '... and its refresh tokens');
    is(token('a'), 'invalid_client', '... it gets no other');

    my $text = list();
    cmp_ok(number($text), '>', $before, '[49] another list at once');
    like($text, qr/Serial\ Number:\ \U$serial{a}\E\n\s+Revocation\ Date:\ .*\n\s+
         CRL\ entry\ extensions:\n\s+X509v3\ CRL\ Reason\ Code:\s*\n\s+
         Key\ Compromise/x, '[49] ... with it, and why (5.3.1)');
    my ($bad, $why) = verify('a');
    ok($bad, '[49] openssl does not verify it any more');
    like($why, qr/certificate revoked/, '... and why');
}


sub by_thumbprint {
    enrol($_, 'b') for qw(b b2);
    my $token = token('b');

    my ($rc, $said) = as('ca', 'revoke', '--thumbprint', $thumbprint{b});
    is($rc, 0, 'ca revoke --thumbprint') or diag $said;
    is(active($token), 0, '... its token is inactive');
    my $text = list();
    my ($entry) = $text =~ /\U$serial{b}\E\n(.*?)(?:Serial|Signature)/s;
    ok($entry, '... it is in the list');
    unlike($entry, qr/Reason/, '... without a reason (5.3.1)');
    unlike($text, qr/$serial{b2}/i, '... and no other');
    like(token('b2', 'b'), qr/^hats_at_/, '... another of its client is good');

    is((as('ca', 'revoke', '--thumbprint', $thumbprint{oscar}))[0], 1,
       'a certificate that was not issued here');
}


sub by_client {
    enrol($_, 'c') for qw(c c2);
    my @token = map { token($_, 'c') } qw(c c2);

    my ($rc, $said) = as('ca', 'revoke', '--client', 'c', '--reason',
                         'superseded');
    is($rc, 0, 'ca revoke --client');
    like($said, qr/^2 certificates and 2 live tokens/, '... all of them');
    is(active($_), 0, '... tokens are inactive') for @token;
    my $text = list();
    like($text, qr/\U$serial{$_}\E\n.*\n.*\n.*\n\s+Superseded/,
         "... $_ is in the list") for qw(c c2);

    ($rc, $said) = as('ca', 'revoke', '--client', 'c');
    like("$rc $said", qr/^0 0 certificates/, '... there is no other');
    ($rc, $said) = as('ca', 'revoke', '--client', 'nosuch');
    is("$rc $said", '1 hars-authserver: client nosuch is not registered, '
       . "nothing was revoked\n", '... an unknown client');
}


# RFC 7009 has no parameter for it: hars_thumbprint
sub by_operator {
    enrol('d', 'd');
    my $token = token('d');
    my ($status, $answer) = post('/oauth2/revoke', 'oscar',
                                 client_id => 'oscar',
                                 hars_thumbprint => $thumbprint{d});

    is("$status $answer->{revoked}", '200 1', '/oauth2/revoke');

    enrol('d2', 'd');
    for my $case (['removeFromCRL', hars_thumbprint => $thumbprint{d2}],
                  ['keyCompromise', hars_client => 'd']) {
        my ($reason, @what) = @$case;
        ($status, $answer) = post('/oauth2/revoke', 'oscar', @what,
                                  client_id => 'oscar',
                                  hars_reason => $reason);
        is("$status $answer->{error}", '400 invalid_request',
           "hars_reason $reason with $what[0]");
    }
    ($status) = post('/oauth2/revoke', 'oscar', client_id => 'oscar',
                     hars_thumbprint => $thumbprint{d2},
                     hars_reason => 'superseded');
    is($status, 200, 'with a reason');
    like(list(), qr/\U$serial{d2}\E\n.*\n.*\n.*\n\s+Superseded/,
         '... which the list has');
    is(active($token), 0, '... the token is inactive');
    like(list(), qr/Serial Number: $serial{d}\n/i, '... it is in the list');
    like((as('ca', 'show', $serial{d}))[1], qr/^state\trevoked .*unspecified$/m,
         '... and ca show has it');
}


sub again {
    my $text = list();
    my $before = number($text);
    my ($when) = $text =~ /\U$serial{a}\E\n\s+Revocation Date: (.*)/;

    is((as('ca', 'revoke', '--serial', $serial{a}, '--reason',
           'superseded'))[0], 0, 'revoked twice');
    $text = list();
    is(number($text), $before, '... is no other list');
    like($text, qr/\U$serial{a}\E\n\s+Revocation Date: $when\n.*\n.*\n\s+Key/,
         '... time and reason stay');
}


# whoever gets its name later is not to be spoken for
sub removed {
    enrol('e', 'e');
    like((as('client', 'disable', 'e'))[1], qr/live tokens/, 'disabled');
    unlike(list(), qr/$serial{e}/i, '... its certificate is not revoked');
    is((as('client', 'enable', 'e'))[0], 0, 'enabled');
    like(token('e'), qr/^hats_at_/, '... with the same certificate');

    like((as('client', 'remove', 'e'))[1], qr/^1 certificates revoked$/m,
         'removed: its certificates are revoked');
    like(list(), qr/\U$serial{e}\E\n.*\n.*\n.*\n\s+Cessation Of Operation/,
         '... because it operates no more');
    add('e', '--subject-dn', 'CN=e,O=HARS');
    is(token('e'), 'invalid_client',
       '... and good for nothing where the name is used again');
}


# the same by RFC 7592, 2.3
sub deleted {
    my ($token) = (as('register-token', 'add', '--kind', 'service',
                      '--resource', 'https://ml.hars.localhost/',
                      '--any-subject'))[1]
        =~ /^initial_access_token\t(\S+)$/m;
    my ($status, $body) =
        get('/oauth2/register', '-H', $cert{oscar}, '-H',
            "Authorization: Bearer $token", '-H',
            'Content-Type: application/json', '-d',
            '{"tls_client_auth_san_dns":"reg.example"}');
    is($status, 201, 'a client registers itself') or diag $body;
    my $client = $json->decode($body);
    my $id = $client->{client_id};
    enrol('reg', $id, CN => $id);
    like(token('reg', $id), qr/^hats_at_/, '... and enrols');

    ($status) = get("/oauth2/register/$id", '-X', 'DELETE', '-H', $cert{reg},
                    '-H', "Authorization: Bearer "
                    . $client->{registration_access_token});
    is($status, 204, 'deleted by itself');
    like(list(), qr/\U$serial{reg}\E\n.*\n.*\n.*\n\s+Cessation/,
         '... its certificate is revoked');
}


# what has ended stays for one list beyond its end (RFC 5280, 3.3)
sub past {
    for my $case ([b => 3600], [c => 2 * 86400]) {
        my ($name, $ago) = @$case;
        my $at = int(time) - $ago;
        my $hex = $database eq "$dir/as.db" ? 'lower(hex(serial))'
                                            : 'encode(serial, \'hex\')';
        sql("UPDATE certificate SET not_after = $at"
            . " WHERE $hex = '$serial{$name}'");
    }
    enrol('fresh', 'b');
    as('ca', 'revoke', '--serial', $serial{fresh});
    my $text = list();
    like($text, qr/$serial{b}/i, '[49] ended an hour ago: still there');
    unlike($text, qr/$serial{c}/i, '[49] ended two days ago: not any more');
    like($text, qr/$serial{c2}/i, '[49] not ended: there');
    like((as('ca', 'list', '--client', 'c'))[1], qr/^$serial{c}\tc\t\S+Z\t
         revoked\ \S+Z\ superseded$/mx, '... its row is kept for a while');
}


sub listed {
    my ($rc, $said) = as('ca', 'list');
    is($rc, 0, 'ca list');
    my @lines = split /\n/, $said;
    is(scalar @lines, scalar keys %serial, '... all of them');
    like($said, qr/^$serial{b2}\tb\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\tgood$/m,
         '... a good one');
    like($said, qr/^$serial{a}\ta\t\S+\trevoked \S+Z keyCompromise$/m,
         '... a revoked one');
    is(scalar split(/\n/, (as('ca', 'list', '--client', 'a'))[1]), 1,
       'ca list --client');

    ($rc, $said) = as('ca', 'show', $serial{b2});
    like($said, qr/^serial\t$serial{b2}\nthumbprint\t$thumbprint{b2}\n
         client_id\tb\nissued\t\S+Z\nuntil\t\S+Z\nstate\tgood\n\z/x,
         'ca show SERIAL');
}


sub usage {
    for my $words (
        ['revoke'], ['revoke', '--serial'], ['revoke', 'x'],
        ['revoke', '--serial', 'x'], ['revoke', '--serial', '01' x 16],
        ['revoke', '--serial', '01' x 18], ['revoke', '--serial', '0:1' x 17],
        ['revoke', '--thumbprint', 'x'], ['revoke', '--client', 'a b'],
        ['revoke', '--serial', '01' x 17, '--client', 'a'],
        ['revoke', '--serial', '01' x 17, '--reason', 'removeFromCRL'],
        ['list', 'x'], ['list', '--serial', '01' x 17], ['show', 'x', 'y'],
        ['show', 'x'], ['crl', 'x'], ['nothing'],
    ) {
        is((as('ca', @$words))[0], 2, "ca @$words");
    }
    my ($rc, $said) = as('ca', 'revoke', '--serial', '01' x 17);
    is($rc, 1, 'a serial number that was not given');
    like($said, qr/no such certificate was issued here/, '... and why');
    is((as('ca', 'show', '01' x 17))[0], 1, 'ca show: the same');
}


# every list has a higher one, whoever makes it
sub numbers {
    my $last = number();

    for (1 .. 3) {
        enrol('n', 'b');
        as('ca', 'revoke', '--serial', $serial{n});
        my $next = number();
        cmp_ok($next, '>', $last, "[49] numbers rise: $next");
        $last = $next;
    }
    is(number(), $last, '... and stay where nothing was revoked');

    # the command makes the list itself
    enrol('n', 'b');
    as('ca', 'revoke', '--serial', $serial{n});
    my ($rc, $said) = as('ca', 'crl');
    like((lists($said))[1], qr/$serial{n}/i, 'ca crl after ca revoke');
    is((get('/crl'))[1], $said, '... and the server shows the same');
}


# two servers, one database
sub instances {
    write_file('two.conf', $conf =~ s/audit\.log/two-audit.log/r
               =~ s{/(public|gateway)\.sock}{/two-$1.sock}gr);
    launch('two', $program, '--config', "$dir/two.conf", 'serve');
    wait_for(sub { listening("$dir/two-public.sock") })
        or BAIL_OUT('the second server does not start');

    my $other = sub {
        return (run('curl', '-sS', '--unix-socket', "$dir/two-public.sock",
                    'http://localhost/crl'))[1];
    };
    is($other->(), (get('/crl'))[1], 'two servers show one list');

    my $last = number();
    for (1 .. 5) {
        enrol('n', 'b');
        as('ca', 'revoke', '--serial', $serial{n});
        wait_for(sub {
            my ($one, $two) = ((get('/crl'))[1], $other->());
            return $one eq $two && (lists($one))[1] =~ /$serial{n}/i;
        }) or fail('they do not agree');
        my $next = number();
        cmp_ok($next, '>', $last, '... the same after a revocation');
        $last = $next;
    }

    my @made = map { $_->{event} eq 'crl' ? $_->{number} : () }
        map { $json->decode($_) } map { split /\n/, content("$dir/$_.log") }
        qw(audit two-audit);
    my %seen;
    is(scalar(grep { $seen{$_}++ } @made), 0, '[49] no number was used twice');
    cmp_ok(scalar @made, '>', 10, '... of ' . @made);
    is(ended('two', 'TERM'), 0, 'the second stops');
}


# the root's key was fetched, and its list is another one
sub root_list {
    my ($before, $own) = lists((get('/crl'))[1]);

    write_file('ca.cnf', <<"END");
[ca]
default_ca = it
[it]
database = $dir/index.txt
crlnumber = $dir/crlnumber
default_md = sha256
default_crl_days = 30
END
    write_file('index.txt', '');
    write_file('crlnumber', "02\n");
    my ($rc, $said) = run('openssl', 'ca', '-config', "$dir/ca.cnf",
                          '-gencrl', '-keyfile', "$dir/root.key", '-cert',
                          "$dir/ca/root.crt", '-out', "$dir/new.crl");
    $rc == 0 or BAIL_OUT("openssl ca: $said");
    my $kept = content("$dir/ca/root.crl");

    write_file('ca/root.crl.new', content("$dir/new.crl"));
    rename "$dir/ca/root.crl.new", "$dir/ca/root.crl";
    my @now = lists((get('/crl'))[1]);
    isnt($now[0], $before, 'another root.crl is shown');
    is($now[1], $own, '... beside the same list');

    write_file('ca/root.crl', $_->[1]) and get('/crl') for ['x', "x\n"];
    is((lists((get('/crl'))[1]))[0], $now[0], '... but none that is broken');
    like(content("$dir/authserver.log"), qr/root\.crl": there is no revo/,
         '... which the log says');
    my (undef, $why) = as('--check');
    like($why, qr/there is no revocation list in PEM/, '... and --check');
    write_file('ca/root.crl', $kept);
    is((lists((get('/crl'))[1]))[0], $before, '... and the good one again');
}


sub audited {
    my @lines = map { $json->decode($_) } split /\n/, content("$dir/audit.log");
    my ($line) = grep { $_->{event} eq 'revoke'
                        && ($_->{certificate} // '') eq $thumbprint{a} } @lines;

    is($line->{reason}, 'keyCompromise', 'the audit log: why');
    is($line->{by}, 'command', '... by whom');
    is($line->{tokens}, 1, '... with how many tokens');
    ok((grep { $_->{event} eq 'crl' && $_->{entries} } @lines), '... lists');
    is((as('audit', 'verify'))[0], 0, '... and it is whole');
}


sub counted {
    my $text = list();
    my (undef, $said) = get('/metrics');
    my %n = $said =~ /^hars_as_crl_(\w+) (\d+)$/mg;

    is($n{number}, number($text), 'metrics: the number of the list');
    is($n{entries}, scalar(() = $text =~ /Serial Number/g), '... its entries');
    is($n{next_update_seconds}, seconds($text, 'Next Update') + 0,
       '... its end');
    unlike($said, qr/hars_as_redis/, '... nothing of Redis, there is none');
}


# where certificates say that their list and responder are
sub urls {
    my (undef, $before) = run('openssl', 'x509', '-in', "$dir/pki/b2.pem",
                              '-noout', '-text');
    unlike($before, qr/Distribution|Authority Information|http:/,
           'without settings certificates name neither list nor responder');

    my @url = ('http://crl.hars.localhost/issuing.crl',
               'http://ocsp.hars.localhost/ocsp');
    write_file('as.conf', $conf . "ca_crl_url = $url[0]\n"
               . "ca_ocsp_url = $url[1]\n");
    start();
    enrol('urls', 'b');
    my (undef, $text) = run('openssl', 'x509', '-in', "$dir/pki/urls.pem",
                            '-noout', '-text');
    like($text, qr/CRL Distribution Points: \s+Full Name:\s+URI:\Q$url[0]\E\n/,
         'ca_crl_url (RFC 5280, 4.2.1.13)');
    like($text, qr/Authority Information Access: \s+OCSP - URI:\Q$url[1]\E\n/,
         'ca_ocsp_url (RFC 5280, 4.2.2.1)');
    unlike($text, qr/(?:Points|Access): critical/, '... neither is critical');
    is((run('openssl', 'verify', '-x509_strict', '-CAfile',
            "$dir/ca/root.crt", '-untrusted', "$dir/ca/issuing.crt",
            "$dir/pki/urls.pem"))[0], 0, '... openssl verifies it, strictly');
    cmp_ok(length decode_base64(content("$dir/pki/urls.pem")
           =~ s/.*BEGIN CERTIFICATE-----(.*?)-----END.*/$1/sr), '<=', 660,
           '... it stays small');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf);
}


# a list is made each day, whether or not something was revoked
sub daily {
    my $ago = sub {
        my ($seconds) = @_;
        sql("UPDATE crl SET issued_at = issued_at - $seconds");
        return number((lists((as('ca', 'crl'))[1]))[1]);
    };
    my $last = number((lists((as('ca', 'crl'))[1]))[1]);

    is($ago->(86000), $last, 'nearly a day later: the same list');
    cmp_ok($ago->(401), '>', $last, '[49] a day later: another one');
}


# a database that was restored from an old copy: numbers do not go back
sub restored {
    my $last = number((lists((as('ca', 'crl'))[1]))[1]);

    wait_for(sub { int(time) * 1000 > $last });
    sql('DELETE FROM crl');
    my ($rc, $said) = as('ca', 'crl');
    is($rc, 0, 'a database without a list');
    cmp_ok(number((lists($said))[1]), '>', $last,
           '[49] ... and the number does not go back');
}


# another authority of the same name on the same database
sub foreign {
    rename "$dir/ca", "$dir/old";
    as('ca', 'init', '--name', 'O=Test', '--curve', 'P-384');
    my ($rc, $said) = as('ca', 'crl');
    my $text = (lists($said))[1];
    like($text, qr/ecdsa-with-SHA384/, 'another authority makes its own list');
    write_file('own.crl', $said =~ s/.*(-----BEGIN.*?)/$1/sr);
    like(text("$dir/own.crl", '-CAfile', "$dir/ca/issuing.crt"),
         qr/verify OK/, '... by SHA-384, with its own key');

    rename "$dir/ca/root.crl", "$dir/gone.crl";
    ($rc, $said) = as('--check');
    is($rc, 1, 'no root.crl: refused');
    like($said, qr/root\.crl": No such file/, '... why');
    write_file('ca/root.crl', content("$dir/old/root.crl"));
    like((as('--check'))[1], qr/root\.crl": it is not signed by root\.crt/,
         'another root\'s: refused');
}


# what root makes where the server's user is at home is closed to the server
sub anothers {
  SKIP: {
        my $uid = getpwnam 'nobody';
        skip 'needs root and the user nobody', 9 unless $> == 0 && $uid;

        my $settings = sub {
            my ($name, $file) = @_;
            write_file('as.conf', $conf =~ s{^$name = .*}{$name = $file}mr);
        };
        mkdir "$dir/theirs";
        chown $uid, -1, "$dir/theirs";

        $settings->(database => "$dir/theirs/db");
        my ($rc, $said) = as('client', 'list');
        is($rc, 1, 'root, and a database that were nobody\'s: refused');
        like($said, qr/database .*runuser -u nobody/, '... why, and the mend');
        ok(!-e "$dir/theirs/db", '... nothing is made');

        $settings->(audit_log => "$dir/theirs/log");
        ($rc, $said) = as('client', 'list');
        is($rc, 1, '... an audit log');
        like($said, qr/audit_log .*runuser -u nobody/, '... why');
        ok(!-e "$dir/theirs/log", '... nothing is made');

        $settings->(database => "$dir/new.db");
        chown $uid, -1, "$dir/ca";
        ($rc, $said) = as('ca', 'crl');
        is($rc, 1, 'an authority of nobody\'s: refused');
        like($said, qr/ca_dir .*runuser -u nobody/, '... why');
        ok(!-e "$dir/new.db", '... before there is a database');
    }
}
