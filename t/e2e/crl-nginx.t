#!/usr/bin/perl

# Revocation of certificates as a real nginx carries it out, by the files of
# conf/: an open connection ends within a second; hars-crl brings the lists,
# and nginx itself refuses the next handshake; what hars-crl does not take;
# ssl_ocsp asks the responder.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use HarsTest::Reference;
use IO::Select;
use IPC::Open2;
use Test::More;
use Time::HiRes qw(time);

my $dir = HarsTest::Place::dir();
my $top = $HarsTest::Place::top;
my $port = HarsTest::Reference::port();
my $name = 'ml.hars.localhost';
my $socket = "$dir/status-9147.sock";
my (%serial, $nginx);
my $more = 0;                     # to numbers of the same millisecond

prepare();
good();
open_connection();
timer();
nothing_new();
not_taken();
nginx_says_no();
many_lists();
foreign_lists();
namesakes();
cut_short();
why_not();
half_life();
gone();
ocsp('leaf', 12, 13);
ocsp('on', 12, 13);

is_deeply([HarsTest::Reference::stop()], [], 'the logs hold nothing bad');

done_testing();


sub prepare {
    HarsTest::Reference::settings('authserver.conf', "ca_dir = $dir/ca\n");
    HarsTest::Reference::as('ca', 'init', '--name', 'O=Test');
    rename "$dir/ca/root.key", "$dir/root.key";
    write_file('tls/client-ca.pem', content("$dir/ca/ca.pem"));
    write_file('tls/crl.pem', HarsTest::Reference::as('ca', 'crl'));
    $nginx = HarsTest::Reference::nginx(sub {
        s/#ssl_crl/ssl_crl/g;
        s/^(error_log .*) notice;/$1 info;/m;
    });
    HarsTest::Reference::as('client', 'add', '--id', 'gateway', '--kind',
                            'resource_server', '--resource',
                            $HarsTest::Reference::ml);
    for my $id (qw(a b c d e)) {
        HarsTest::Reference::client($id, '--kind', 'service', '--subject-dn',
                                    "CN=$id,O=Test", '--resource',
                                    $HarsTest::Reference::ml, '--scope',
                                    'ml:recognize');
    }
    HarsTest::Reference::start();
    enrol($_) for qw(a b c d);
}


sub write_file {
    my ($name, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";

    return "$dir/$name";
}


sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh>;
}


# exit status and all that was said
sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 < /dev/null', 'sh',
        @command or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


# by EST, through the gateway
sub enrol {
    my ($id) = @_;
    my ($secret) = HarsTest::Reference::as('client', 'enrol', $id)
        =~ /^enrol_secret\t(\S+)/m;

    write_file('secret', "$secret\n");
    chmod 0600, "$dir/secret";
    my ($rc, $said) =
        run("$HarsTest::Place::build/bin/hars", 'enrol', '--url',
            HarsTest::Reference::auth(), '--client-id', $id, '--secret-file',
            "$dir/secret", '--ca', "$HarsTest::Place::pki/ca.pem", '--key',
            "$dir/$id.key", '--cert', "$dir/$id.pem");
    $rc == 0 or die "hars enrol $id: $said\n";
    ($serial{$id}) = (run('openssl', 'x509', '-in', "$dir/$id.pem", '-noout',
                          '-serial'))[1] =~ /=(\w+)/;
}


# status and body
sub curl {
    my ($id, $url, @words) = @_;
    my ($host) = $url =~ m{//([^:/]+)};
    my ($rc, $said) =
        run('curl', '-sS', '--max-time', 10, '-w', '\n%{http_code}',
            '--cacert', "$HarsTest::Place::pki/ca.pem", '--resolve',
            "$host:$port:127.0.0.1", '--cert', "$dir/$id.pem", '--key',
            "$dir/$id.key", @words, $url);
    my ($body, $status) = $said =~ /\A(.*)\n(\d+)\z/s;

    return ($status // "curl $rc", $body // $said);
}


sub token {
    my ($id) = @_;
    my (undef, $body) = curl($id, HarsTest::Reference::auth()
                             . '/oauth2/token', '-d',
                             "grant_type=client_credentials&client_id=$id");

    return $body =~ /"access_token":"([^"]+)"/ ? $1 : $body;
}


sub models {
    my ($id, $token) = @_;

    return curl($id, "https://$name:$port/v1/models", '-H',
                "Authorization: Bearer $token");
}


# nginx' own word for a certificate that does not verify
sub refused {
    my ($id) = @_;
    my ($status, $body) = models($id, 'none');

    return $status == 400 && $body =~ /client certificate/;
}


sub crl {
    my (@words) = @_;

    return run("$top/scripts/hars-crl.sh", '--unix-socket', $socket, '--url',
               'http://localhost/crl', '--ca', "$dir/tls/client-ca.pem",
               '--crl', "$dir/tls/crl.pem", '--nginx',
               join(' ', $nginx->command), @words);
}


sub good {
    my $token = token('a');
    like($token, qr/^hats_at_/, 'a certificate by EST gets a token');
    is((models('a', $token))[0], 200, '... and passes, nginx has lists');
    my ($rc, $said) = crl();
    is("$rc $said", '0 ', 'hars-crl: there is nothing new');
}


# keep-alive: the handshake was long ago
sub open_connection {
    my $token = token('b');
    my $pid = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2> /dev/null',
                    'sh', 'openssl', 's_client', '-quiet',
                    '-connect', "127.0.0.1:$port", '-servername', $name,
                    '-CAfile', "$HarsTest::Place::pki/ca.pem", '-cert',
                    "$dir/b.pem", '-key', "$dir/b.key", '-verify_quiet');
    my $ask = sub {
        syswrite $in, "GET /v1/models HTTP/1.1\r\nHost: $name\r\n"
            . "Authorization: Bearer $token\r\n\r\n";
    };
    $ask->();
    like(answer($out), qr{^HTTP/1.1 200 }, 'a connection that is kept');
    $ask->();
    like(answer($out), qr{^HTTP/1.1 200 }, '... answers again');

    my $said = HarsTest::Reference::as('ca', 'revoke', '--serial', $serial{b},
                                       '--reason', 'keyCompromise');
    my $began = time;
    like($said, qr/^1 certificates and 1 live tokens revoked, gateways are/,
         'its certificate is revoked, by serial number');
    my $ended = IO::Select->new($out)->can_read(5)
        && !sysread $out, my $more, 4096;
    my $took = time - $began;
    ok($ended, '... and the gateway ends the connection');
    cmp_ok($took, '<', 1, sprintf '... within a second: %.3f s', $took);
    close $in;
    kill 'TERM', $pid;

    my ($end) = (run('openssl', 'x509', '-in', "$dir/b.pem", '-noout',
                     '-enddate'))[1] =~ /=(.*)/;
    my ($seconds) = `date -d '$end' +%s` =~ /(\d+)/;
    my ($member, @more) = @{ HarsTest::redis('ZRANGE', 'hars:{revoked}certs',
                                             0, -1, 'WITHSCORES') };
    is("@more", $seconds, '... which gateways know until its notAfter');
    waitpid $pid, 0;

    is((models('b', $token))[0], 401, '... the token is refused on another');
    like(token('b'), qr/invalid_client/, '... and there is no other token');
    ok(!refused('b'), '... though nginx itself still takes the certificate');
}


sub answer {
    my ($out) = @_;
    my $text = '';
    my $select = IO::Select->new($out);

    while ($select->can_read(10) && sysread $out, $text, 65536, length $text) {
        my ($len) = $text =~ /^Content-Length: (\d+)/mi;
        my ($body) = $text =~ /\r\n\r\n(.*)\z/s;
        last if defined $body
            && (defined $len ? length $body >= $len : $body =~ /0\r\n\r\n\z/);
    }

    return $text;
}


sub timer {
    my ($rc, $said) = crl();

    is($rc, 0, 'hars-crl') or diag $said;
    like($said, qr/nginx has the lists of numbers 1 [0-9A-F]+ \(hex\)$/m,
         '... says what it did');
    ok(HarsTest::Place::wait_for(10, sub { refused('b') }),
       '[49] nginx refuses the handshake of the revoked certificate');
    like(content($nginx->error_log), qr/certificate revoked/, '... its log');
    is((models('a', token('a')))[0], 200, '... and no other one');
}


sub nothing_new {
    my $file = content("$dir/tls/crl.pem");
    my @workers = $nginx->workers;
    my ($rc, $said) = crl();

    is("$rc $said", '0 ', 'a second run: nothing new');
    is_deeply([$nginx->workers], \@workers, '... and no reload');
    is(content("$dir/tls/crl.pem"), $file, '... the file stays');
    is_deeply([grep { -e } map { "$dir/tls/crl.pem.$_" } qw(new old pending)],
              [], '... nothing beside it');
}


# what comes instead of the lists
sub not_taken {
    my $old = content("$dir/tls/crl.pem");
    my ($root, $own) = $old =~ /(-----BEGIN.*?-----END.*?\n)/sg;

    HarsTest::Reference::as('ca', 'revoke', '--serial', $serial{c});
    my $new = HarsTest::Reference::as('ca', 'crl');
    my ($newer) = $new =~ /.*(-----BEGIN.*?-----END.*?\n)/s;
    my $broken = $newer =~ s/^(.{300}\s*)(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/ser;
    my $foreign = authority('other', 'O=Other');

    for my $case (
        ['nothing', '', qr/no revocation list in what/],
        ['a page', "<html>\n", qr/no revocation list in what/],
        ['the root\'s alone', $root, qr/authority CN=Issuing CA.* has no list/],
        ['the other alone', $newer, qr/authority CN=Root CA.* has no list/],
        ['a changed bit', $root . $broken,
         qr/signed by no authority|cannot be read/],
        ['of another authority', $root . $newer . $foreign,
         qr/of CN=Root CA,O=Other is signed by no authority/],
        ['the same twice', $root . $newer . $own, qr/two lists of CN=Issuing/],
        ['cut short', $root . substr($newer, 0, 200), qr/cannot be read|no list/],
    ) {
        my ($what, $text, $why) = @$case;
        my ($rc, $said) = crl('--url', 'file://' . write_file('lists', $text));
        is($rc, 1, "$what: not taken");
        like($said, $why, '... why');
        is(content("$dir/tls/crl.pem"), $old, '... the file stays');
    }

    my ($rc, $said) = crl('--url', "file://$dir/no");
    is($rc, 1, 'nothing to fetch');
    like($said, qr/cannot be fetched/, '... why');

    is((crl())[0], 0, 'and then the good one');
    ok(HarsTest::Place::wait_for(10, sub { refused('c') }), '... is in force');

    ($rc, $said) = crl('--url', 'file://' . write_file('lists', $old));
    is($rc, 1, '[49] an old one is not taken');
    like($said, qr/number [0-9A-F]+ \(hex\), .* an old one is not taken/,
         '... why');
    is((crl('--ca', "$dir/no"))[0], 1, 'no file of authorities');
    is((crl('--frobnicate', 1))[0], 2, 'another option');
}


# a list of an authority made for it
sub authority {
    my ($where, $dn) = @_;
    my $conf = content("$dir/authserver.conf");

    write_file("$where.conf", $conf =~ s/^(?:ca_dir|database|audit_log).*\n//mgr
               . "ca_dir = $dir/$where\ndatabase = $dir/$where.db\n");
    my @as = ("$HarsTest::Place::build/bin/hars-authserver", '--config',
              "$dir/$where.conf", 'ca');
    run(@as, 'init', '--name', $dn);

    return (run(@as, 'crl'))[1];
}


# a list that nginx does not take, and a reload that fails
sub nginx_says_no {
    my $old = content("$dir/tls/crl.pem");

    HarsTest::Reference::as('ca', 'revoke', '--serial', $serial{d});
    write_file('no', "#!/bin/sh\necho 'no, said nginx'\nexit 1\n");
    write_file('half', "#!/bin/sh\n[ \$1 = -t ]\n");
    chmod 0755, "$dir/no", "$dir/half";

    my ($rc, $said) = crl('--nginx', "$dir/no");
    is($rc, 1, 'nginx -t fails');
    like($said, qr/nginx -t fails with the new lists: no, said nginx/, '... which is said');
    is(content("$dir/tls/crl.pem"), $old, '... the old file is back');

    ($rc, $said) = crl('--nginx', "$dir/half");
    is($rc, 1, 'the reload fails');
    like($said, qr/cannot be reloaded/, '... which is said');
    isnt(content("$dir/tls/crl.pem"), $old, '... the file is in place');

    ($rc, $said) = crl();
    is($rc, 0, '... and the next run reloads, though nothing is new');
    like($said, qr/nginx has the lists/, '... and says so');
    ok(HarsTest::Place::wait_for(10, sub { refused('d') }), '... in force');
}


# other authorities among ssl_client_certificate
sub many_lists {
    my $other = authority('third', 'O=Third');

    write_file('both.pem', content("$dir/ca/ca.pem")
               . content("$dir/third/ca.pem"));
    my ($rc, $said) = crl('--ca', "$dir/both.pem");
    is($rc, 1, 'an authority without a list');
    like($said, qr/O=Third of .* has no list: .* --add FILE/, '... is told');
    ($rc, $said) = crl('--ca', "$dir/both.pem", '--add',
                       write_file('third.crl', $other));
    is($rc, 0, '... with it') or diag $said;
    is(scalar(() = content("$dir/tls/crl.pem") =~ /BEGIN/g), 4, '... four');
    is((crl())[0], 0, 'without it again');
}


# what is wrong with a list of somebody else's keeps none of our own away
sub foreign_lists {
    my @add = ('--ca', "$dir/theirs.pem", '--add', "$dir/theirs.crl");
    my ($cert, $key) = ("$dir/theirs.crt", "$dir/theirs.key");
    my $own = content("$dir/tls/crl.pem");

    my ($rc, $said) =
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-keyout', $key, '-out',
            $cert, '-days', 9, '-subj', '/O=Theirs');
    $rc == 0 or die "openssl req: $said\n";
    write_file('theirs.pem', content("$dir/ca/ca.pem") . content($cert));

    # as "openssl ca" makes it unless it is told otherwise: without a number
    my $theirs = sub {
        my ($from, $to, $number) = @_;
        return write_file('theirs.crl',
                          made($cert, $key, $from, $to, $number));
    };
    my $ours = sub {
        return (content("$dir/tls/crl.pem")
                =~ /(-----BEGIN.*?-----END.*?\n)/sg)[1];
    };

    $theirs->(-3600, 86400);
    ($rc, $said) = crl(@add);
    is($rc, 0, 'a list without a number') or diag $said;
    is(scalar(() = content("$dir/tls/crl.pem") =~ /BEGIN/g), 3, '... three');
    my $first = $theirs->(-1800, 86400);
    ($rc, $said) = crl(@add);
    is($rc, 0, '... a newer one, by its time') or diag $said;
    my $kept = content($first);
    isnt(index(content("$dir/tls/crl.pem"), $kept), -1, '... is in place');

    for my $case (
        ['an older one', -3600, 86400, qr/is of .*: an old one is not taken/],
        ['one that has ended', -86400, -60, qr/O=Theirs has ended/],
        ['no list at all', undef, undef, qr/cannot be read|^$/],
    ) {
        my ($what, $from, $to, $why) = @$case;
        my $before = $ours->();

        $from ? $theirs->($from, $to)
              : write_file('theirs.crl', "-----BEGIN X509 CRL-----\nx\n"
                           . "-----END X509 CRL-----\n");
        ($rc, $said) = crl('--url', 'file://' . write_file('lists', newer()),
                           @add);
        is($rc, 3, "$what: an alarm");
        like($said, $why, '... which says why');
        like($said, qr/list of O=Theirs that is in place stays/,
             '... and what becomes of it');
        isnt($ours->(), $before, '... our own is the new one');
        isnt(index(content("$dir/tls/crl.pem"), $kept), -1,
             '... theirs the one before');
    }

    ($rc, $said) = crl('--url', 'file://' . write_file('lists', newer()),
                       '--crl', "$dir/tls/other.pem", @add);
    isnt($rc, 0, 'there is none before');
    like($said, qr/authority O=Theirs .* has no list/, '... which is told');
    ok(!-e "$dir/tls/other.pem", '... and nothing is put in place');

    $theirs->(-1200, 86400, 5);
    is((crl('--url', "file://$dir/lists", @add))[0], 0, 'a number, then');
    $theirs->(-600, 86400);
    is((crl('--url', "file://$dir/lists", @add))[0], 3,
       '... and one without it again: an alarm');

    write_file('tls/crl.pem', $own);
    is((crl())[0], 0, 'without it again');
}


# another authority with the same names, as after a new "ca init"
sub namesakes {
    my $lists = authority('twin', 'O=Test');
    my ($root, $issuing) = $lists =~ /(-----BEGIN.*?-----END.*?\n)/sg;
    my $before = content("$dir/tls/crl.pem");
    my @twin = ('--ca', write_file('both.pem', content("$dir/ca/ca.pem")
                                   . content("$dir/twin/ca.pem")));

    my ($rc, $said) = crl(@twin);
    is($rc, 1, 'two authorities of one name, lists of the one alone');
    like($said, qr/CN=\w+ CA,O=Test of .* has no list/, '... why');
    ($rc, $said) = crl(@twin, '--add', write_file('twin.crl', $root));
    is($rc, 1, '... and one of the other\'s two');
    like($said, qr/CN=Issuing CA,O=Test of .* has no list/, '... why');
    is(content("$dir/tls/crl.pem"), $before, '... the file stays');

    ($rc, $said) = crl(@twin, '--add', write_file('twin.crl', $lists));
    is($rc, 0, '... all four') or diag $said;
    is(scalar(() = content("$dir/tls/crl.pem") =~ /BEGIN/g), 4, '... are there');
    ($rc, $said) = crl(@twin, '--add', "$dir/twin.crl", '--add',
                       write_file('again.crl', $issuing));
    like($said, qr/two lists of CN=Issuing CA,O=Test/, '... one twice: not');
    ($rc, $said) = crl('--add', "$dir/twin.crl");
    is($rc, 3, '... the other\'s name is not enough');
    like($said, qr/CN=Root CA,O=Test is signed by no authority/, '... why');
    is((crl())[0], 0, 'without it again');
}


# ended between the new file and nginx -t, and where there was no file
sub cut_short {
    my $old = content("$dir/tls/crl.pem");
    my $new = 'file://' . write_file('newer', newer());
    write_file('killer', "#!/bin/sh\nkill -9 \$PPID\n");
    chmod 0755, "$dir/killer";

    crl('--url', $new, '--nginx', "$dir/killer");
    isnt(content("$dir/tls/crl.pem"), $old, 'killed before nginx -t');
    my ($rc, $said) = crl('--url', "file://$dir/nothing", '--nginx',
                          "$dir/no");
    like($said, qr/no, said nginx/, '... the next run asks nginx first');
    is(content("$dir/tls/crl.pem"), $old, '... the old file is back');

    crl('--url', $new, '--nginx', "$dir/killer");
    is((crl('--url', $new))[0], 0, '... and where nginx takes it');
    isnt(content("$dir/tls/crl.pem"), $old, '... the new one stays');
    is_deeply([grep { -e } map { "$dir/tls/crl.pem.$_" } qw(new old pending)],
              [], '... with nothing beside it');
    write_file('tls/crl.pem', $old);

    mkdir "$dir/first";
    my @first = ('--crl', "$dir/first/crl.pem");
    ($rc, $said) = crl(@first, '--nginx', "$dir/no");
    is($rc, 3, 'the first file, and nginx -t fails');
    ok(!-e "$dir/first/crl.pem", '... it does not stay');
    crl(@first, '--nginx', "$dir/killer");
    crl(@first, '--url', "file://$dir/nothing", '--nginx', "$dir/no");
    ok(!-e "$dir/first/crl.pem", '... nor where that one was killed');
    is((crl(@first))[0], 0, '... and where nginx takes it');
    is((crl(@first, '--url', "file://$dir/nothing", '--nginx', "$dir/no"))[0],
       1, '... and it can then not be fetched');
    ok(-e "$dir/first/crl.pem", '... it stays');
}


# the issuing authority's list with a higher number, signed as it is
sub newer {
    my ($root) = content("$dir/tls/crl.pem") =~ /(-----BEGIN.*?-----END.*?\n)/s;

    return $root . made("$dir/ca/issuing.crt", "$dir/ca/issuing.key", -60,
                        7 * 86400, time * 1000 + $more++);
}


# a list of an authority, from and to seconds from now, with or without number
sub made {
    my ($cert, $key, $from, $to, $number) = @_;
    my @time = map { my @t = gmtime(time + $_);
        sprintf '%04d%02d%02d%02d%02d%02dZ', $t[5] + 1900, $t[4] + 1,
            @t[3, 2, 1, 0] } $from, $to;
    my $hex = sprintf '%X', $number // 0;
    $hex = "0$hex" if length($hex) % 2;

    write_file('n.txt', '');
    write_file('n.number', "$hex\n");
    write_file('n.cnf', "[ca]\ndefault_ca = it\n[it]\ndatabase = $dir/n.txt\n"
               . "default_md = sha256\n"
               . ($number ? "crlnumber = $dir/n.number\n"
                  . "crl_extensions = ext\n[ext]\n"
                  . "authorityKeyIdentifier = keyid\n" : ''));
    my ($rc, $said) =
        run('openssl', 'ca', '-config', "$dir/n.cnf", '-gencrl', '-keyfile',
            $key, '-cert', $cert, '-crl_lastupdate', $time[0],
            '-crl_nextupdate', $time[1], '-out', "$dir/n.crl");
    $rc == 0 or die "openssl ca: $said\n";

    return content("$dir/n.crl");
}


# what is wrong is named, and nothing else
sub why_not {
    my $lists = content("$dir/tls/crl.pem");
    my ($rc, $said) = crl('--url', 'file://'
                          . write_file('lists', $lists =~ s/\n/\r\n/gr));
    is("$rc $said", '0 ', 'lines that end with CR LF: the same lists');
    is((crl('--ca', write_file('crlf.pem', content("$dir/tls/client-ca.pem")
                                           =~ s/\n/\r\n/gr)))[0], 0,
       '... authorities as well');

    like((crl('--ca', "$dir/no-file"))[1], qr/--ca \S+no-file cannot be read/,
         'no file of authorities');
    like((crl('--ca', "$dir/no"))[1], qr/--ca \S+no has no certificate/,
         '... one without any');
    like((crl('--add', "$dir/no-file"))[1],
         qr/--add \S+no-file cannot be read/, '... of lists');

    like((crl('--frobnicate', 1))[1], qr/there is no option --frobnicate/,
         'another option');
    like((crl('--url'))[1], qr/--url needs a value/, 'an option alone');

    ($rc, $said) = crl('--crl', "$dir/nowhere/crl.pem");
    is($rc, 1, 'no directory for the file');
    like($said, qr{nowhere/crl.pem.lock cannot be written: No such file}, '... why');
    unlike($said, qr/another one/, '... it is not that another one runs');

    mkdir "$dir/bin";
    write_file('bin/flock', "#!/bin/sh\nexit 1\n");
    chmod 0755, "$dir/bin/flock";
    local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    like((crl())[1], qr{another hars-crl has held .*crl\.pem\.lock},
         'another one runs');
    unlink "$dir/bin/flock";

    # a proxy of the environment's is for other machines
    write_file('bin/curl', "#!/bin/sh\necho \"\$@\" > $dir/curl.words\nexit 7\n");
    chmod 0755, "$dir/bin/curl";
    for my $url ('http://127.0.0.1:9147/crl', 'http://localhost/crl',
                 'http://[::1]:9147/crl')
    {
        run("$top/scripts/hars-crl.sh", '--url', $url, '--crl',
            "$dir/tls/crl.pem", '--ca', "$dir/tls/client-ca.pem");
        like(content("$dir/curl.words"), qr/--noproxy \*/, "$url: no proxy");
    }
    for my $url ('http://127.0.0.1.example/crl', 'http://crl.example/crl') {
        run("$top/scripts/hars-crl.sh", '--url', $url, '--crl',
            "$dir/tls/crl.pem", '--ca', "$dir/tls/client-ca.pem");
        unlike(content("$dir/curl.words"), qr/--noproxy/,
               "$url: as the environment says");
    }
    unlink "$dir/bin/curl";
}


# lists by the same authority with other times
sub half_life {
    my $made = sub {
        return 'file://' . write_file('lists', content("$dir/ca/root.crl")
            . made("$dir/ca/issuing.crt", "$dir/ca/issuing.key", @_,
                   (time + 3600) * 1000));
    };
    my $before = content("$dir/tls/crl.pem");

    my ($rc, $said) = crl('--url', $made->(-86400, -60));
    is($rc, 1, 'a list that has ended: not taken');
    like($said, qr/has ended/, '... why');
    ($rc, $said) = crl('--url', $made->(3600, 86400));
    is($rc, 1, 'one of a time to come: not taken');
    is(content("$dir/tls/crl.pem"), $before, '... the file stays');

    ($rc, $said) = crl('--url', $made->(-86400, 80000));
    is($rc, 3, 'half of its time is over: taken, and an alarm') or diag $said;
    like($said, qr/^hars-crl: alarm: the list of CN=Issuing CA,O=Test ends .* then nginx refuses everybody$/m,
         '... which says what will be');
    ($rc, $said) = crl('--url', $made->(-86400, 90000));
    is($rc, 0, 'not yet half: none') or diag $said;

    write_file('tls/crl.pem', $before);
    is((crl())[0], 0, 'the own ones again');
}


sub gone {
    my ($rc, $said) = crl('--unix-socket', "$dir/no.sock");
    is($rc, 1, 'nobody answers: no alarm before half of the time');
    unlike($said, qr/alarm/, '... none');

    rename "$dir/tls/crl.pem", "$dir/kept.crl";
    ($rc, $said) = crl('--unix-socket', "$dir/no.sock");
    is($rc, 3, 'no file and nobody answers: an alarm');
    like($said, qr/alarm: .*crl\.pem has no revocation list/, '... which one');
    is((crl())[0], 0, 'it comes back');
}


# another nginx, without lists; with "on" the root answers for the authority: it asks the responder, over plain HTTP
sub ocsp {
    my ($mode, @ports) = @_;
    my ($tls, $http) = map { HarsTest::Place::port($_) } @ports;
    my $pki = $HarsTest::Place::pki;
    my $other = HarsTest::Nginx->new(http => <<"END");
    server {
        listen 127.0.0.1:$http;
        location /ocsp {
            proxy_pass http://unix:$dir/auth-public.sock;
        }
    }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_protocols TLSv1.3;
        ssl_client_certificate $dir/ca/ca.pem;
        ssl_verify_client on;
        ssl_ocsp $mode;
        ssl_ocsp_responder http://127.0.0.1:$http/ocsp;
        location / {
            return 200 "\$ssl_client_verify";
        }
        error_page 495 =400 /why;
        location = /why {
            return 400 "\$ssl_client_verify";
        }
    }
END
    my $ask = sub {
        my ($id) = @_;
        my ($rc, $said) = run('curl', '-sS', '--max-time', 10, '--cacert',
                              "$pki/ca.pem", '--resolve',
                              "localhost:$tls:127.0.0.1", '--cert',
                              "$dir/$id.pem", '--key', "$dir/$id.key",
                              "https://localhost:$tls/");
        return $said;
    };

    $other->start;
    is($ask->('a'), 'SUCCESS', "ssl_ocsp $mode: nginx passes a good one");
    is($ask->('b'), 'FAILED:certificate revoked', '... no revoked one');

    # by the authority's key, but of no row
    run('openssl', 'req', '-new', '-key', "$dir/a.key", '-subj', '/CN=a',
        '-out', "$dir/x.csr");
    run('openssl', 'x509', '-req', '-in', "$dir/x.csr", '-CA',
        "$dir/ca/issuing.crt", '-CAkey', "$dir/ca/issuing.key", '-days', 3,
        '-set_serial', '0x01' . '23' x 16, '-out', "$dir/x.pem");
    write_file('x.key', content("$dir/a.key"));
    like($ask->('x'), qr/^FAILED:/, '... nor one that was never issued');

    unlink "$dir/e.pem", "$dir/e.key";
    enrol('e');
    is($ask->('e'), 'SUCCESS', '... a good one');
    HarsTest::Reference::as('ca', 'revoke', '--serial', $serial{e});
    is($ask->('e'), 'FAILED:certificate revoked', '... and no other answer '
       . 'is kept');
    ok($other->quit, '... it ends');
    is_deeply([$other->faults], [], '... and its log holds nothing bad');
}
