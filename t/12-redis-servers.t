#!/usr/bin/perl

# Several Redis servers: which one is used, when it is left, and that the
# revocation channel goes where the records are.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 0;
use HarsTest::Nginx;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

my $dir = HarsTest::Place::dir();
my ($zone_key, $seal_key) = @ENV{qw(TEST_NGINX_ZONE_KEY TEST_NGINX_SEAL_KEY)};

# the servers, by name: their process ids
my %server;

sub path { return "$dir/$_[0].sock" }

sub start {
    my ($name, @options) = @_;

    mkdir "$dir/$name";
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        no warnings 'exec';
        exec 'setpriv', '--pdeathsig', 'KILL', 'redis-server', '--port', 0,
            '--unixsocket', path($name), '--unixsocketperm', 777,
            '--dir', "$dir/$name", '--save', '', '--appendonly', 'no',
            @options;
        POSIX::_exit(1);
    }

    $server{$name} = $pid;
    HarsTest::Place::wait_for(10, sub { cli($name, 'PING') =~ /PONG|NOAUTH/ })
        or die "redis-server $name does not answer";
}

sub stop {
    my ($name) = @_;
    my $pid = delete $server{$name} // return;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink path($name);
}

sub cli {
    my ($name, @words) = @_;
    my $s = path($name);

    return `timeout 5 redis-cli -s $s @words 2>/dev/null`;
}

# the gateway's connections there
sub connections {
    return scalar grep { !/cmd=client/ } split /\n/, cli($_[0], 'CLIENT LIST');
}

sub records { return 0 + cli($_[0], 'DBSIZE') }

my $nginx;

sub gateway {
    my ($servers, $more) = @_;
    my $port = $ENV{TEST_NGINX_PORT_1};

    finish() if $nginx;
    $nginx = HarsTest::Nginx->new(http => <<"END");
    hars_zone z:1m key=$zone_key;
    hars_seal_key $seal_key;
    hars_redis z $servers;
    ${\ ($more // '')}
    server { listen 127.0.0.1:$port; return 200 passed; }
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway;
        $ENV{TEST_NGINX_INTROSPECT}
        add_header V "\$hars_verdict \$hars_source" always;
        location / { proxy_pass http://127.0.0.1:$port; }
    }
END
    $nginx->start;
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults ], [], 'its log holds nothing bad');
    undef $nginx;
}

sub log_has {
    my ($re) = @_;
    open my $fh, '<', $nginx->error_log or return 0;
    return scalar grep { /$re/ } <$fh>;
}

sub used {
    my ($name, $times) = @_;
    return HarsTest::Place::wait_for(10, sub {
        log_has(qr/Redis unix:\S+\/$name\.sock is used now/) >= $times });
}

my $count = 0;

# a new token: it passes; the time that took
sub learn {
    my $token = 'token-number-' . ++$count;

    HarsTest::Authority::rules({ $token => HarsTest::active() });
    my $t = time;
    my $r = $nginx->curl('/', token => $token);
    $t = time - $t;
    my ($v) = $r->{headers} =~ /^V: (.*?)\r?$/m;
    is("$r->{status} " . ($v // ''), '200 ok introspection', 'it passes');

    return $t;
}

# a record is written there
sub written {
    my ($name) = @_;
    my $before = records($name);

    learn();
    return HarsTest::Place::wait_for(5, sub { records($name) > $before });
}

my $both = 'unix:' . path('one') . ' unix:' . path('two');


# the first that can be set up, until it fails

start('two');
gateway("$both timeout=300ms");
ok(used('two', 1), 'the first is absent: the second is used');
ok(written('two'), 'it has the records');
ok(HarsTest::Place::wait_for(5, sub { connections('two') == 2 }),
   'and the channel');

start('one');
ok(written('two'), 'it stays, though the first is there now');
is(connections('one'), 0, 'which nobody asks');

stop('two');
ok(used('one', 1), 'the second is killed: the first is used');
ok(written('one'), 'it has the records');
ok(HarsTest::Place::wait_for(5, sub { connections('one') == 2 }),
   'and the channel');


# one that hangs

start('two');
kill 'STOP', $server{one};
my $t = learn();
ok($t < 1.5, 'it hangs: the wait is bounded') or diag $t;
ok(used('two', 2), 'the second is used');
ok(written('two'), 'it has the records');
ok(HarsTest::Place::wait_for(5, sub { connections('two') == 2 }),
   'and the channel');
kill 'CONT', $server{one};


# all of them dead

stop('one');
stop('two');
learn();
$t = time;
learn() for 1 .. 10;
ok(time - $t < 2, 'all dead: nobody waits') or diag time - $t;
is(log_has(qr/Redis \S+ (?:cannot be connected|closed the connection)/), 3,
   'each outage said once');
start('one');
ok(HarsTest::Place::wait_for(10, sub { connections('one') == 2 }),
   'one is back: it is found');
ok(written('one'), 'and used');


# one that answers, and is of no use

start('two');
gateway("$both timeout=300ms");
ok(HarsTest::Place::wait_for(5, sub { connections('one') == 2 }), 'the first');
cli('one', 'REPLICAOF', '127.0.0.1', 1);
learn();
ok(used('two', 1), 'it has become a replica: the second is used');
ok(written('two'), 'it has the records');
ok(HarsTest::Place::wait_for(5, sub { connections('one') == 0 }),
   'the first has no channel any more');


# TLS: nothing is said before the server has proved itself

HarsTest::Place::make_pki();
my $pki = $HarsTest::Place::pki;
my $tls_port = HarsTest::Place::port(15);
my @tls = ("--tls-port", $tls_port, "--tls-cert-file", "$pki/server.pem",
    "--tls-key-file", "$pki/server.key", "--tls-ca-cert-file",
    "$pki/client-ca.pem");
my $at = "127.0.0.1:$tls_port timeout=1s password_file=$dir/password tls "
    . "tls_ca=$pki/ca.pem";
my $client = "tls_cert=$pki/a.pem tls_key=$pki/a.key";

open my $password, ">", "$dir/password" or die;
print $password "secret\n";
close $password;
chmod 0600, "$dir/password";

start("three", @tls, "--requirepass", "secret");

# what Redis has been sent with its connections: "AUTH" is among the calls
sub authenticated {
    my $s = path("three");
    my ($calls) = `REDISCLI_AUTH=secret redis-cli -s $s INFO commandstats`
        =~ /cmdstat_auth:calls=(\d+)/;
    return $calls;
}

gateway("$at tls_name=localhost $client");
ok(HarsTest::Place::wait_for(5, sub { authenticated() > 2 }), "TLS");
learn();
ok(HarsTest::Place::wait_for(5, sub {
       my $s = path("three");
       `REDISCLI_AUTH=secret redis-cli -s $s DBSIZE` > 0 }), "a record is written");

for my $case (
    [ "a wrong CA", "$at tls_name=localhost $client", qr/no valid certificate: /,
      qr/ca\.pem/, "foreign-ca.pem" ],
    [ "a wrong name", "$at tls_name=other.hars.localhost $client",
      qr/certificate for another name, see tls_name=/ ],
    [ "no certificate of ours", "$at tls_name=localhost",
      qr/closed the connection|fails the TLS handshake/ ])
{
    my ($name, $conf, $said, $from, $to) = @$case;

    $conf =~ s/$from/$to/ if $from;
    finish() if $nginx;
    my $before = authenticated();
    gateway($conf);
    ok(HarsTest::Place::wait_for(5, sub { log_has($said) }), "$name: the log")
        or diag `grep -h hars: ${\ $nginx->error_log}`;
    learn();
    # our own question counts, too
    is(authenticated(), $before + 1, "$name: no AUTH is sent");
}

finish();
stop("three");


# a name that leads elsewhere when its server is gone

use IO::Socket::INET;
use Socket qw(inet_aton);

my ($port, $dns) = map { HarsTest::Place::port($_) } 13, 12;

# what the name server answers from now on
sub lead_to {
    my ($address) = @_;

    open my $fh, '>', "$dir/address" or die "$dir/address: $!";
    print $fh inet_aton($address);
}

sub name_server {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp',
        LocalPort => $dns) or die "name server: $!";
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        while ($s->recv(my $question, 512)) {
            my ($name) = substr($question, 12) =~ /^((?:[^\0].*?)?\0....)/s;
            my $answer = "\xc0\x0c" . pack('nnNn', 1, 1, 1, 4)
                . do { local (@ARGV, $/) = "$dir/address"; <> };
            $s->send(substr($question, 0, 2)
                . pack('nnnnn', 0x8180, 1, 1, 0, 0) . $name . $answer);
        }
        POSIX::_exit(0);
    }
    return $pid;
}

sub at { return ('--port', $port, '--bind', $_[0]) }

lead_to('127.0.0.1');
my $named = name_server();
start('here', at('127.0.0.1'));
gateway("localhost:$port timeout=300ms", "resolver 127.0.0.1:$dns ipv6=off;");
ok(written('here'), 'a server by its name');
stop('here');
lead_to('127.0.0.2');
start('there', at('127.0.0.2'));
learn();
ok(HarsTest::Place::wait_for(10, sub { connections('there') == 2 }),
   'the name is resolved again');
ok(written('there'), '... and has the records');

kill 'KILL', $named;
waitpid $named, 0;
stop('there');
start('here', at('127.0.0.1'));
ok(HarsTest::Place::wait_for(10, sub { connections('here') == 2 }),
   'without a name server the address of the configuration is tried');

finish();
stop('here');


# another Redis after a reload: whatever the one before it had been told

# what the authorization server does there (docs/architecture.md)
sub told {
    my ($name, $epoch, $prefix, @db) = @_;
    my ($run) = cli($name, 'INFO server') =~ /^run_id:([0-9a-f]{40})/m;

    cli($name, @db, 'SET', "'$prefix\{revoked}run'", "'$epoch $run'");
}

sub follows {
    my ($times) = @_;

    return HarsTest::Place::wait_for(10, sub {
        log_has(qr/revocations are followed from/) >= $times });
}

sub verdict {
    my ($v) = $nginx->curl('/', token => $_[0])->{headers}
        =~ /^V: (.*?)\r?$/m;

    return $v // '';
}

# the keys of the records there
sub keys_of {
    my ($name, $prefix, @db) = @_;

    return map { /^\Q$prefix\E([0-9a-f]{64})$/ ? $1 : () }
           split /\n/, cli($name, @db, 'KEYS', "'$prefix*'");
}

cli('one', 'REPLICAOF', 'NO', 'ONE');
HarsTest::Place::wait_for(5, sub { cli('one', 'ROLE') =~ /^master/ });
cli($_, 'FLUSHALL') for 'one', 'two';
told('one', 7, 'hars:');
told('two', 3, 'hars:');
told('two', 3, 'b:');
told('two', 3, 'hars:', '-n', 1);
gateway('unix:' . path('one'));
ok(follows(1), 'a Redis that was told');

my $follows = 1;
my $conf = $nginx->conf;

for my $case ([ 'another server, an older number', 'two', 'hars:' ],
              [ 'another prefix there', 'two', 'b:', '', 'prefix=b:' ],
              [ 'another database', 'two', 'hars:', '-n 1', 'db=1' ],
              [ 'back', 'one', 'hars:' ])
{
    my ($what, $name, $prefix, $db, $more) = @$case;
    my @db = split / /, $db // '';
    my $to = 'unix:' . path($name) . ' ' . ($more // '');

    $nginx->write($conf =~ s/^( +hars_redis z ).*?;$/$1$to;/mr);
    ok($nginx->reload, $what);
    ok(follows(++$follows), 'its revocations are followed');

    my %before = map { $_ => 1 } keys_of($name, $prefix, @db);
    my $key;
    learn();
    ok(HarsTest::Place::wait_for(5, sub {
           ($key) = grep { !$before{$_} } keys_of($name, $prefix, @db) }),
       'it has the records');
    is(verdict("token-number-$count"), 'ok l1', 'believed');
    cli($name, @db, 'XADD', "'$prefix\{revoked}stream'", "'*'", 'key', $key);
    ok(HarsTest::Place::wait_for(5, sub {
           verdict("token-number-$count") eq 'inactive l1' }),
       'a revocation is heard') or diag verdict("token-number-$count");
}

is(log_has(qr/revocations are followed from/), $follows,
   'who left did not take their place');
is(log_has(qr/may have been missed/), 0, 'nor was one taken for another');
ok($nginx->reload, 'a reload with the same one');
is(verdict("token-number-$count"), 'inactive l1', 'what was revoked is known');
learn();
is(verdict("token-number-$count"), 'ok l1', 'so is what is learnt');
is(log_has(qr/revocations are followed from/), $follows,
   'its place in the stream, too');
finish();
start('one') if !$server{one};


# without a channel

gateway("$both timeout=300ms revocations=off");
cli('one', 'REPLICAOF', 'NO', 'ONE');
ok(written('one'), 'revocations=off');
is(connections('one'), 1, 'has no channel');

finish();
stop($_) for keys %server;

done_testing();
