#!/usr/bin/perl

# The audit log: a line for each token issued, each refusal, each revocation
# and each change of a client, none of a secret in it; a chain in which a
# change shows, whoever writes to it; nothing issued that cannot be written
# down; and signatures against who makes the whole chain anew.

use strict;
use warnings;

use Digest::SHA qw(sha256);
use File::Basename qw(dirname);
use IO::Socket::UNIX;
use IPC::Open2;
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';

my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $log = "$dir/audit.log";

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
events();
chain();
left();
several();
moved();
torn();
full();
signed();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'its log');

done_testing();


sub prepare {
    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2 oscar);
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
audit_log = $log
END
    as('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
       '--resource', $ml);
    as('client', 'add', '--id', 'dcm-1', '--kind', 'service',
       '--subject-dn', "CN=dcm-1,$o", '--resource', $ml, '--scope',
       'ml:recognize');
    as('client', 'add', '--id', 'oscar', '--kind', 'operator',
       '--subject-dn', "CN=oscar,$o", '--resource', $ml);
    start();
}


sub lines { return map { $json->decode($_) } split /\n/, content($log) }
sub last_line { return (lines())[-1] }

sub verified {
    my ($rc, $said) = as('audit', 'verify', @_);
    return $rc == 0 ? 'whole' : $said;
}


# clients that are gone before the disk has their tokens: what is issued is
# written down all the same; a server that is to stop meanwhile
sub left {
    my $issued = sub { scalar grep { $_->{event} eq 'issue' } lines() };

    return if $database ne "$dir/as.db";

    revoke('oscar', hars_client => 'dcm-1');
    my $before = $issued->();

    my ($held, $in) = hold();
    my @s = map { ask() } 1 .. 20;

    ok(wait_for(sub { !grep { unread($_) } @s }), '20 requests are read');
    close $_ for @s;
    is($issued->(), $before, '... and nothing is issued');

    close $in;
    waitpid $held, 0;
    ok(wait_for(sub { $issued->() == $before + 20 }),
       'clients that left: each token has its line');
    my (undef, $answer) = revoke('oscar', hars_client => 'dcm-1');
    is($answer->{revoked}, 20, '... and each line its token');
    is(verified(), 'whole', '... in the chain');

    ($held, $in) = hold();
    my $s = ask();
    wait_for(sub { !unread($s) });
    kill 'TERM', $child{authserver};
    ok(wait_for(sub { !-e "$dir/public.sock" }), 'it is to stop');
    close $in;
    waitpid $held, 0;
    is(ended('authserver', 0), 0, '... and does, when all have their answer');
    like(scalar <$s>, qr{^HTTP/1.1 200}, '... which is a token');
    start();
}


# the database is somebody else's for a while: nobody can write
sub hold {
    my $pid = open2(my $out, my $in, 'python3', '-c', 'import sqlite3, sys;'
        . 'db = sqlite3.connect(sys.argv[1], isolation_level=None);'
        . 'db.execute("BEGIN IMMEDIATE"); print("held", flush=True);'
        . 'sys.stdin.read(); db.rollback()', $database);

    is(scalar <$out>, "held\n", 'nobody can write');
    return ($pid, $in);
}


# a request for a token, on its way
sub ask {
    my $body = 'grant_type=client_credentials&client_id=dcm-1';
    my $s = IO::Socket::UNIX->new(Peer => "$dir/public.sock") or die;

    print $s "POST /oauth2/token HTTP/1.1\r\nHost: x\r\n"
        . "$cert{'dcm-1'}\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    $s->flush;

    return $s;
}


# bytes that the other side of a socket has not read (SIOCOUTQ)
sub unread {
    my ($s) = @_;
    my $n = pack 'i', 0;

    ioctl $s, 0x5411, $n or die "ioctl: $!\n";
    return unpack 'i', $n;
}


sub events {
    my @all = lines();
    is_deeply([map { "$_->{event} $_->{what} $_->{client_id}" } @all],
              ['client add gateway', 'client add dcm-1', 'client add oscar'],
              'who was registered');
    my ($mode) = (stat $log)[2];
    is($mode & 0777, 0600, 'nobody else may read it');

    my $token = token('dcm-1');
    my $line = last_line();
    is($line->{event}, 'issue', 'a token is issued');
    is($line->{client_id}, 'dcm-1', '... to whom');
    is($line->{certificate}, $thumbprint{'dcm-1'}, '... bound to what');
    is($line->{scope}, 'ml:recognize', '... for what');
    is_deeply($line->{aud}, [$ml], '... and where');
    like($line->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
         '... when');

    for my $case (
        ['another certificate', 'invalid_client',
         'came with a certificate of somebody else', 'dcm-2',
         client_id => 'dcm-1'],
        ['an unknown client', 'invalid_client', 'is not registered', 'dcm-1',
         client_id => 'nobody'],
        ['a scope too wide', 'invalid_scope',
         'The scope exceeds the one granted.', 'dcm-1',
         client_id => 'dcm-1', scope => 'fog:resolve'],
        ['no certificate', 'invalid_client',
         'There is no client certificate.', undef, client_id => 'dcm-1'],
        ['a client_id that is none', 'invalid_client', 'is not registered',
         'dcm-1', client_id => "x\"\n{\\u0000"],
    ) {
        my ($what, $error, $reason, $cert, %field) = @$case;
        post('/oauth2/token', $cert, grant_type => 'client_credentials',
             %field);
        my $line = last_line();
        is("$line->{event} $line->{error}", "refuse $error", "refused: $what");
        is($line->{reason}, $reason, '... the reason');
        is($line->{endpoint}, '/oauth2/token', '... the endpoint');
        is($line->{certificate}, $cert && $error eq 'invalid_client'
           || $what =~ /scope/ ? $thumbprint{$cert // ''} : undef,
           '... the certificate');
        is($line->{client_id},
           $field{client_id} =~ /^[\w-]+$/ && $cert ? $field{client_id}
                                                    : undef,
           '... the client');
    }

    revoke('dcm-1', token => $token);
    $line = last_line();
    is("$line->{event} $line->{by} $line->{tokens}", 'revoke dcm-1 1',
       'a revocation');
    revoke('oscar', hars_client => 'dcm-1');
    $line = last_line();
    is("$line->{event} $line->{by} $line->{client_id}", 'revoke oscar dcm-1',
       '... by an operator');
    revoke('oscar', hars_thumbprint => $thumbprint{'dcm-2'});
    is(last_line()->{certificate}, $thumbprint{'dcm-2'},
       '... of a certificate');
    as('revoke', '--client', 'dcm-1');
    is(last_line()->{by}, 'command', '... by the command');

    as('client', 'disable', 'dcm-1');
    is(last_line()->{what}, 'disable', 'a client is disabled');
    as('client', 'enable', 'dcm-1');
    is(last_line()->{what}, 'enable', '... and enabled');

    unlike(content($log), qr/hats_|$token/, 'no token stands in it');
    @all = lines();
    is_deeply([map { $_->{seq} } @all], [1 .. @all], 'numbered without a gap');
    is(verified(), 'whole', 'audit verify: whole');
    like((as('audit', 'verify'))[1], qr/^${\ scalar @all} lines, the last has/,
         '... all of it');
}


# whatever is done to a line shows
sub chain {
    my @text = split /^/, content($log);
    my $n = @text;

    my %case = (
        'a line changed' => sub { $_[0][4] =~ s/"dcm-1"/"dcm-9"/ },
        'a line taken out' => sub { splice @{ $_[0] }, 5, 1 },
        'a line put in' => sub { splice @{ $_[0] }, 5, 0, $_[0][2] },
        'two lines swapped' => sub { @{ $_[0] }[3, 4] = @{ $_[0] }[4, 3] },
        'a line cut' => sub { substr($_[0][-1], -9) = '' },
        'no JSON' => sub { $_[0][3] = "hello\n" },
        'a blank more' => sub { $_[0][3] =~ s/,/, / },
    );

    for my $what (sort keys %case) {
        my @changed = @text;
        $case{$what}->(\@changed);
        my $path = write_file('changed.log', join '', @changed);
        like(verified($path), qr/line \d+ /, "audit verify: $what");
    }

    # the end alone can be taken away unseen: whoever keeps it can tell
    my $path = write_file('changed.log', join '', @text[0 .. $n - 2]);
    my ($rc, $said) = as('audit', 'verify', $path);
    is($rc, 0, 'the last line taken away: whole');
    unlike($said, qr/ends with +$/m, '... with another end');
    isnt($said, (as('audit', 'verify'))[1], '... which is shown');

    is((as('audit', 'verify', "$dir/nothing"))[0], 1, 'no such file');
    ($rc, $said) = as('audit', 'verify', $dir);
    is($rc, 1, 'a directory');
    like($said, qr/cannot be read: Is a directory/, '... says so');

    rename $log, "$log.away" or die "rename: $!\n";
    kill 'STOP', $child{authserver};
    ($rc, $said) = as('audit', 'verify');
    is($rc, 1, 'a log that was deleted');
    like($said, qr/cannot be read: No such file/, '... says so');
    ok(!-e $log, '... and is not made');
    rename "$log.away", $log or die "rename: $!\n";
    kill 'CONT', $child{authserver};
    is((as('audit'))[0], 2, 'usage');
}


# the server and commands at once
sub several {
    my @pid = map {
        my $n = $_;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            $n % 2 ? token('dcm-1') : as('client', 'enable', 'dcm-1')
                for 1 .. 10;
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 4;
    my $before = lines();
    waitpid $_, 0 for @pid;
    is(verified(), 'whole', 'several processes write: the chain is whole');
}


# moved away: a new one goes on where it ended, without a restart
sub moved {
    my ($head) = (as('audit', 'verify'))[1] =~ /^ends with +(\S+)/m;
    my $seq = last_line()->{seq};

    rename $log, "$log.1" or die "rename: $!\n";
    ok(wait_for(sub { -e $log }), 'moved away: another one is made');
    token('dcm-1');
    my $line = last_line();
    is($line->{prev}, $head, '... which goes on where it ended');
    is($line->{seq}, $seq + 1, '... with the next number');
    is(verified(), 'whole', '... and is whole');

    # a command that is the first one there, the server has not looked yet
    for my $what ('a command', 'a restart', 'a command of a stopped server') {
        ($head) = (as('audit', 'verify'))[1] =~ /^ends with +(\S+)/m;
        $seq = last_line()->{seq};

        if ($what eq 'a command') {
            kill 'STOP', $child{authserver};
        } else {
            is(ended('authserver', 'TERM'), 0, 'the server stops');
        }
        rename $log, "$log.1" or die "rename: $!\n";
        as('client', 'list');
        as('client', 'enable', 'dcm-1') if $what =~ /command/;
        $what eq 'a command' ? kill('CONT', $child{authserver}) : start();
        token('dcm-1');

        my ($first, @more) = lines();
        is($first->{prev}, $head, "$what first: it goes on where it ended");
        is($first->{seq}, $seq + 1, '... with the next number');
        is(scalar @more, $what =~ /command/ ? 1 : 0, '... nothing is lost');
        is(verified(), 'whole', '... it is whole');
        is(verified("$log.1"), 'whole', '... as is the one before');
        like((as('audit', 'verify', "$log.1"))[1], qr/^ends with +\Q$head\E$/m,
             '... which ends as it did');
    }
    my @inode = map { (stat $_)[1] } $log, "$log.last";
    is($inode[0], $inode[1], 'its second name');

    # a restart goes on, too
    $seq = last_line()->{seq} - 1;
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    start();
    token('dcm-1');
    is(last_line()->{seq}, $seq + 2, 'another one goes on');
    is(verified(), 'whole', '... and it is whole');
}


sub append {
    open my $fh, '>>', $log or die "$log: $!\n";
    print $fh $_[0];
    close $fh or die "$log: $!\n";
}


# what a writer that died has left is cut off; what is none of ours stays
sub torn {
    my $seq = last_line()->{seq};

    append('{"time":"2026-01-01T00:00:00.000Z","seq":');
    like(token('dcm-1'), qr/^hats_/, 'half a line at the end: a token');
    is(last_line()->{seq}, $seq + 1, '... its line is the next one');
    is(verified(), 'whole', '... and the log is whole');
    like(content("$dir/authserver.log"),
         qr/ended with half a line, 41 bytes .* are cut off/,
         '... of which the log tells');

    append("\0" x 100);
    is((as('client', 'enable', 'dcm-1'))[0], 0, 'zeros: a command goes on');
    is(verified(), 'whole', '... and the log is whole');

    is(ended('authserver', 'TERM'), 0, 'the server stops');
    append('{');
    start();
    ok(wait_for(sub { content($log) =~ /\n\z/ }), '... cut off at the start');
    is(verified(), 'whole', '... and the log is whole');

    # a log that the server may not touch: it does not run without one
    my $whole = content($log);

    for my $case (['a line of somebody else', "hello\n"],
                  ['half a line of somebody else', 'hello'],
                  ['half a line that is too long', '{' x 9000]) {
        my ($what, $text) = @$case;

        append($text);
        like(token('dcm-1'), qr/^server_error/, "$what: no token");
        is(content($log), "$whole$text", '... and nothing is cut');
        like(content("$dir/authserver.log"), qr/audit_log .* cannot be written: its last line cannot be read: run "hars-authserver audit verify"/,
             '... the log says why');
        is(ended('authserver', 'TERM'), 0, 'the server stops');

        my ($rc, $said) = run('timeout', 20, $program, '--config',
                              "$dir/as.conf", 'serve');
        is($rc, 1, '... and does not start');
        like($said, qr/audit_log .* cannot be continued: its last line cannot/,
             '... the log says why');
        truncate $log, length $whole;
        start();
        like(token('dcm-1'), qr/^hats_/, '... until it is mended');
        $whole = content($log);
    }
}


# what cannot be written down is not issued
sub full {
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    my $conf = content("$dir/as.conf");
    (my $away = $conf) =~ s{^audit_log = .*}{audit_log = /dev/full}m;
    write_file('as.conf', $away);
    start();

    my ($status, $answer) = post('/oauth2/token', 'dcm-1',
        grant_type => 'client_credentials', client_id => 'dcm-1');
    is("$status $answer->{error}", '500 server_error',
       'a log that cannot be written: no token');
    like(content("$dir/authserver.log"), qr/audit_log .* cannot be written/,
         '... which the log says');
    is((revoke('oscar', hars_client => 'dcm-1'))[0], 200,
       '... but what is revoked is revoked');

    write_file('as.conf', $conf =~ s{^audit_log = .*}{audit_log = /nothing/x}mr);
    my ($rc, $said) = as('client', 'list');
    is($rc, 1, 'a path that is none');
    like($said, qr{audit_log "/nothing/x" cannot be opened: No such},
         '... says so');
    write_file('as.conf', $conf);
}


# a log made anew from a line on, as who can write the file but has no key
sub forged {
    my ($n, $change, @text) = @_;

    $change->($text[$n]);
    for my $i ($n + 1 .. $#text) {
        chomp(my $line = $text[$i - 1]);
        my $hash = encode_base64url(sha256($line));
        $text[$i] =~ s/"prev":"[^"]*"/"prev":"$hash"/;
    }
    return write_file('forged.log', join '', @text);
}


# signatures by a key that who can write the file does not have
sub signed {
    my ($rc, $said) = as('audit', 'verify');
    like($said, qr/^signed +nothing$/m, 'without signing_key: nothing signed');
    is(ended('authserver', 'TERM'), 0, 'the server stops');

    for my $name (qw(one two)) {
        ($rc, $said) = run('openssl', 'genpkey', '-algorithm', 'EC',
                           '-pkeyopt', 'ec_paramgen_curve:P-256', '-out',
                           "$dir/$name.key");
        $rc == 0 or BAIL_OUT("openssl genpkey: $said");
        chmod 0600, "$dir/$name.key";
        run('openssl', 'pkey', '-in', "$dir/$name.key", '-pubout', '-out',
            "$dir/$name.pub");
    }
    my $conf = content("$dir/as.conf");
    write_file('as.conf', "${conf}signing_key = $dir/one.key\n");
    start();
    my $head = last_line();
    ok(wait_for(sub { last_line()->{event} eq 'sign' }),
       'signed at the start');
    $head = last_line();
    token('dcm-1');
    isnt(last_line()->{event}, 'sign', '... and not at each line');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    my $last = last_line();
    is($last->{event}, 'sign', 'signed at the end');
    is($last->{seq}, $head->{seq} + 2, '... once');
    start();
    wait_for(sub { (get_health())[0] == 200 });
    is(ended('authserver', 'TERM'), 0, 'the server stops again');
    is(last_line()->{seq}, $last->{seq}, 'nothing new: not signed again');

    ($rc, $said) = as('audit', 'verify');
    is($rc, 0, 'audit verify: whole');
    like($said, qr/^signed +up to number ${\ ($last->{seq} - 1)}, 2 signatures, the last by key $last->{kid}$/m,
         '... and signed to its end');
    ($rc, $said) = as('audit', 'verify', '--key', "$dir/one.pub", $log);
    is($rc, 0, '... by the public key');
    ($rc, $said) = as('audit', 'verify', '--key', "$dir/two.pub");
    is($rc, 1, '... by no other');
    like($said, qr/line \d+ has a signature by none of the keys/, '... why');
    ($rc) = as('audit', 'verify', '--key', "$dir/two.pub", '--key',
               "$dir/one.pub");
    is($rc, 0, '... one of several');
    is((as('audit', 'verify', '--key', "$dir/as.conf"))[0], 1,
       '... which has to be a key');
    is(other_verifies($last), 'good', '... and another program agrees');

    # what a chain alone does not show
    my @text = split /^/, content($log);
    my $change = sub { $_[0] =~ s/"event":"\w+"/"event":"nothing"/ };
    my ($unsigned) = grep { $text[$_] =~ /"event":"sign"/ } 0 .. $#text;
    my $anew = forged(0, $change, @text[0 .. $unsigned - 1]);
    like(verified('--key', "$dir/one.pub", $anew),
         qr/none of the lines is signed by a key given/,
         'a line changed and all hashes after it made anew: not signed');
    like(verified($anew), qr/none of the lines is signed/,
         "... nor by the settings' keys");
    like(verified('--key', "$dir/one.pub", write_file('empty.log', '')),
         qr/none of the lines is signed/, 'an empty log: the same');
    write_file('as.conf', $conf);
    is(verified($anew), 'whole', '... without a key: whole');
    write_file('as.conf', "${conf}signing_key = $dir/one.key\n");
    my $forged = forged(0, $change, @text);
    like(verified($forged), qr/has a signature by none of the keys/,
         '... but not where it was signed');
    my $cut = write_file('forged.log', join '', @text[0 .. $#text - 1]);
    ($rc, $said) = as('audit', 'verify', $cut);
    like($said, qr/^signed +up to number ${\ ($head->{seq} - 1)}, 1 sig/m,
         'the last signature taken away: an older one is the last');
    $text[-1] =~ s/"signature":"./"signature":"!/;
    like(verified(write_file('forged.log', join '', @text)),
         qr/is no line of an audit log/, 'a signature that is none');

    # every hour, or as audit_sign has it
    write_file('as.conf', "${conf}signing_key = $dir/two.key\n"
               . "signing_key = $dir/one.key\naudit_sign = 1\n");
    start();
    for my $turn (1, 2) {
        my $from = last_line()->{seq};
        token('dcm-1');
        ok(wait_for(sub { last_line()->{seq} > $from + 1
                          || last_line()->{event} eq 'sign' }),
           "signed from time to time: $turn");
    }
    my ($kid) = (as('audit', 'verify'))[1] =~ /by key (\S+)$/m;
    write_file('as.conf', content("$dir/as.conf") =~ s/audit_sign = 1\n//r);
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    start();
    unlink "$log.last";
    rename $log, "$log.1" or die "rename: $!\n";
    ok(wait_for(sub { -e $log && (lines())[0] }),
       'moved away: the new one is signed at once');
    is(verified('--key', "$dir/two.pub"), 'whole', '... and passes');
    isnt($kid, $last->{kid}, '... by another key now, the old one named too');
}


sub get_health {
    my (undef, $said) = run('curl', '-sSi', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/healthz');
    return $said =~ m{^HTTP/1\.1 (\d+)};
}


# a line's signature by Python's cryptography
sub other_verifies {
    my ($line) = @_;

    write_file('verify.py', <<'END');
import base64, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

line = json.loads(sys.argv[1])
with open(sys.argv[2], "rb") as f:
    key = serialization.load_pem_public_key(f.read())
raw = base64.urlsafe_b64decode(line["signature"] + "==")
der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"),
                                 int.from_bytes(raw[32:], "big"))
text = "HARS audit log\n%d\n%s\n" % (line["seq"] - 1, line["prev"])
key.verify(der, text.encode(), ec.ECDSA(hashes.SHA256()))
print("good")
END
    my (undef, $said) = run('/usr/bin/python3', "$dir/verify.py",
                            $json->encode($line), "$dir/one.pub");
    return $said =~ s/\s+\z//r;
}
