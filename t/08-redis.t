#!/usr/bin/perl

# L2: what the gateway writes into a real Redis and believes of it, and that
# no fault of it admits anybody, refuses anybody, or makes anybody wait.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

my $dir = HarsTest::Place::dir();
my $socket = HarsTest::Redis::socket_path();
my ($zone_key, $seal_key) = @ENV{qw(TEST_NGINX_ZONE_KEY TEST_NGINX_SEAL_KEY)};

# a gateway: server => of Redis with its options, seal, zone, caller
sub conf {
    my (%o) = @_;
    my $server = $o{server} // "unix:$socket timeout=1s";
    my $seal = $o{seal} // $seal_key;
    my $zone = $o{zone} // 'ttl=60s';
    my $caller = $o{caller} // 'gateway';
    my $port = $ENV{TEST_NGINX_PORT_1};

    return <<"END";
    hars_zone z:1m $zone key=$zone_key;
    hars_seal_key $seal;
    hars_redis z $server revocations=off;
    server { listen 127.0.0.1:$port; return 200 passed; }
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_introspect /_hars/introspect issuer=https://as caller=$caller;
        $ENV{TEST_NGINX_INTROSPECT}
        add_header V "\$hars_verdict \$hars_source" always;
        location / { proxy_pass http://127.0.0.1:$port; }
    }
END
}

my ($nginx, $count);

# another gateway, whose L1 is empty
sub gateway {
    my (%o) = @_;

    finish() if $nginx;
    $nginx = HarsTest::Nginx->new(http => conf(%o));
    $nginx->start;
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    my @faults = $nginx->faults(tokens => [ map { "token-number-$_" } 0 .. 99 ]);
    is_deeply(\@faults, [], 'its log holds nothing bad');
    undef $nginx;
}

sub verdict {
    my ($token) = @_;
    my $r = $nginx->curl('/', token => $token);
    my ($v) = $r->{headers} =~ /^V: (.*?)\r?$/m;

    return "$r->{status} " . ($v // '');
}

sub asked { return scalar HarsTest::Authority::requests() }

# waits until the worker has its connection: a GET was answered
sub connected {
    return HarsTest::Place::wait_for(10, sub {
        HarsTest::Authority::rules({});
        verdict('probe-' . ++$count);
        my ($calls) = HarsTest::redis('INFO', 'commandstats')
                      =~ /cmdstat_get:calls=(\d+)/;
        return $calls;
    });
}

sub active { return { map { ("token-number-$_" => HarsTest::active()) } @_ } }

sub keys_of { return @{ HarsTest::redis('KEYS', '*') } }


# what is written

HarsTest::Authority::rules(active(1));
gateway();
is(verdict('token-number-1'), '200 ok introspection', 'learnt');
ok(HarsTest::Place::wait_for(5, sub { keys_of() == 1 }), 'written to Redis');

my ($key) = keys_of();
my $value = HarsTest::redis('GET', $key);
my $ttl = HarsTest::redis('PTTL', $key);

like($key, qr/^hars:[0-9a-f]{64}$/, 'its key');
like($value, qr/^S\x01/, 'sealed');
ok($ttl > 50_000 && $ttl <= 60_000, 'its ttl') or diag $ttl;
unlike($value . $key, qr/token-number|sub-a|client-a|ml:recognize|patient/,
       'nothing of it is readable');
is(index($value, HarsTest::thumbprint('a')), -1, 'nor the thumbprint');

is(verdict('nobody-knows-it'), '401 inactive introspection', 'a bad token');
is(keys_of(), 1, 'is not written');


# what is believed

HarsTest::Authority::rules({});
gateway();
is(verdict('token-number-1'), '200 ok l2', 'another gateway believes it');
is(verdict('token-number-1'), '200 ok l1', 'and keeps it');
is(asked(), 0, 'nobody was asked');
is($nginx->curl('/', token => 'token-number-1', cert => 'b')->{status}, 401,
   'a thief is refused by the same record');

my @wrong = (
    [ 'garbage', 'garbage' ], [ 'nothing', '' ], [ 'one byte', 'S' ],
    [ 'truncated', substr $value, 0, -1 ], [ 'longer', $value . 'x' ],
    [ 'of another version', "S\x02" . substr $value, 2 ],
    [ 'of another kind', "X" . substr $value, 1 ],
    [ 'with another key id', substr($value, 0, 2) . "\0" x 8
      . substr $value, 10 ],
    [ 'with another nonce', substr($value, 0, 10) . "\0" x 12
      . substr $value, 22 ],
    map({ my $v = $value; substr($v, $_, 1) ^= "\x01";
          [ "with byte $_ changed", $v ] } 22, 40, length($value) - 1),
    [ 'JSON', '{"active":true}' ], [ '16 KB', 'S' x 16_000 ],
);

for my $wrong (@wrong) {
    my ($name, $bad) = @$wrong;

    HarsTest::redis('SET', $key, $bad);
    HarsTest::Authority::rules({});
    gateway();
    is(verdict('token-number-1'), '401 inactive introspection',
       "a value $name is a miss");
}

HarsTest::redis('DEL', $key);
HarsTest::redis('RPUSH', $key, 'a', 'list');
gateway();
is(verdict('token-number-1'), '401 inactive introspection', 'so is a list');

HarsTest::redis('FLUSHALL');
HarsTest::Authority::rules(active(2));
gateway();
is(verdict('token-number-2'), '200 ok introspection', 'learnt another');
HarsTest::Place::wait_for(5, sub { keys_of() == 1 });
my ($key2) = keys_of();
HarsTest::redis('RENAME', $key2, $key);
HarsTest::Authority::rules({});
gateway();
is(verdict('token-number-1'), '401 inactive introspection',
   'a record moved to another key is a miss');

HarsTest::redis('SET', $key, $value);
gateway(caller => 'other');
is(verdict('token-number-1'), '401 inactive introspection',
   'another caller has other keys');

open my $fh, '>', "$dir/other.key" or die;
print $fh 'ab' x 32, "\n";
close $fh;
chmod 0600, "$dir/other.key";

gateway(seal => "$dir/other.key");
is(verdict('token-number-1'), '401 inactive introspection',
   'another seal key does not open it');
gateway(seal => "$dir/other.key $seal_key");
is(verdict('token-number-1'), '200 ok l2', 'the old one beside it does');
gateway(zone => 'ttl=100ms');
is(verdict('token-number-1'), '401 inactive introspection',
   'checked longer ago than ttl: a miss');

HarsTest::redis('SET', $key, "T\x01");
HarsTest::Authority::rules({});
gateway();
is(verdict('token-number-1'), '401 inactive l2', 'a tombstone denies');
HarsTest::redis('SET', $key, 'T');
gateway();
is(verdict('token-number-1'), '401 inactive l2', 'of whatever version');
is(asked(), 0, 'nobody was asked');

HarsTest::redis('SET', $key, "T\x01", 'PX', 100_000);
HarsTest::redis('SET', 'lock', 1);
gateway(zone => 'ttl=60s negative_ttl=50ms');
is(verdict('token-number-1'), '401 inactive l2', 'denied');
is(HarsTest::redis('SET', $key, $value, 'NX') // 'nil', 'nil',
   'and SET NX does not undo it');


# how it is reached

for my $case (
    [ 'by address', "127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT} timeout=1s", [] ],
    [ 'db and prefix', "unix:$socket timeout=1s db=3 prefix=ward7:", [],
      'ward7:', 3 ],
    [ 'user and password', "unix:$socket timeout=1s user=gate "
      . "password_file=$dir/password",
      [ 'ACL', 'SETUSER', 'gate', 'on', '>secret', '~hars:*', '+get', '+set',
        '+ping' ] ])
{
    my ($name, $server, $command, $prefix, $db) = @$case;

    open my $fh, '>', "$dir/password" or die;
    print $fh "secret\n";
    close $fh;
    chmod 0600, "$dir/password";

    HarsTest::redis('FLUSHALL');
    HarsTest::redis(@$command) if @$command;
    HarsTest::Authority::rules(active(3));
    gateway(server => $server);
    is(verdict('token-number-3'), '200 ok introspection', "$name: learnt");
    HarsTest::redis('SELECT', $db // 0);
    ok(HarsTest::Place::wait_for(5, sub { keys_of() == 1 }), "$name: written");
    $prefix //= 'hars:';
    like((keys_of())[0] // '', qr/^\Q$prefix\E[0-9a-f]{64}$/, "$name: its key");
    HarsTest::redis('SELECT', 0);
    gateway(server => $server);
    is(verdict('token-number-3'), '200 ok l2', "$name: read");
}

HarsTest::redis('ACL', 'SETUSER', 'gate', 'resetpass', '>changed');
HarsTest::Authority::rules(active(4));
gateway(server => "unix:$socket user=gate password_file=$dir/password");
is(verdict('token-number-4'), '200 ok introspection',
   'a wrong password: the authority is asked');
ok(HarsTest::Place::wait_for(5, sub { log_has(qr/refuses the setup: see user=/) }),
   'and the log says why');


# when it is away

sub log_has {
    my ($re) = @_;
    open my $fh, '<', $nginx->error_log or return 0;
    return scalar grep { /$re/ } <$fh>;
}

gateway(server => "unix:$dir/nobody.sock");
HarsTest::Authority::rules(active(5, 6));
is(verdict('token-number-5'), '200 ok introspection', 'nobody listens');
is(verdict('token-number-6'), '200 ok introspection', 'still nobody');
is(log_has(qr/Redis .* cannot be connected/), 1, 'said once');

HarsTest::redis('FLUSHALL');
HarsTest::Authority::rules(active(7 .. 60));
gateway(server => "unix:$socket timeout=200ms");
is(verdict('token-number-7'), '200 ok introspection', 'it is there');
HarsTest::Place::wait_for(5, sub { keys_of() == 1 });

HarsTest::Authority::rules({});
gateway(server => "unix:$socket timeout=2s");
HarsTest::redis('CLIENT', 'PAUSE', 400);
my $t = time;
is(verdict('token-number-7'), '200 ok l2', 'slow, and waited for');
ok(time - $t > 0.2, 'it was slow') or diag time - $t;
HarsTest::Authority::rules(active(8 .. 60));
gateway(server => "unix:$socket timeout=200ms");
ok(connected(), 'connected');
HarsTest::Authority::rules(active(8 .. 60));

HarsTest::Redis::pause();
$t = time;
is(verdict('token-number-8'), '200 ok introspection', 'it hangs');
ok(time - $t < 1.5, 'the wait is bounded') or diag time - $t;
$t = time;
is(verdict("token-number-$_"), '200 ok introspection', 'it hangs still')
    for 9 .. 18;
ok(time - $t < 1.5, 'and then nobody waits') or diag time - $t;
is(log_has(qr/Redis \S+ does not answer/), 1, 'said once');
HarsTest::Redis::continue();
ok(HarsTest::Place::wait_for(10, sub { log_has(qr/Redis \S+ is back/) }), 'it is back');

HarsTest::redis('FLUSHALL');
is(verdict('token-number-19'), '200 ok introspection', 'flushed');
ok(HarsTest::Place::wait_for(5, sub { keys_of() == 1 }), 'and written to again');

HarsTest::Redis::stop();
is(verdict("token-number-$_"), '200 ok introspection', 'killed') for 20 .. 24;
is(verdict('token-number-20'), '200 ok l1', 'L1 goes on');
HarsTest::Redis::start();
ok(HarsTest::Place::wait_for(10, sub { log_has(qr/Redis \S+ is back/) == 2 }),
   'restarted, empty');
is(verdict('token-number-25'), '200 ok introspection', 'asked');
ok(HarsTest::Place::wait_for(5, sub { keys_of() == 1 }), 'and written');


# a server that speaks something else

my @garbage = (
    ":1\r\n", "+OK\r\n", "-ERR no\r\n", "-LOADING wait\r\n",
    "-MOVED 1 127.0.0.1:1\r\n", "-NOAUTH no\r\n", "-OOM\r\n",
    "-READONLY\r\n", "\$-1\r\n", "\$0\r\n\r\n", "\$1\r\nS\r\n",
    "\$5\r\nhello\r\n", "*0\r\n", "*-1\r\n", "*1\r\n:1\r\n",
    "*2\r\n*1\r\n:1\r\n\$1\r\nS\r\n", "*1073741824\r\n",
    "\$536870912\r\nxx", "\$20000\r\n" . 'x' x 18_000, "\$5\r\nhel",
    "\$abc\r\n", "\$-5\r\n", "\$5\r\nhelloXX", "garbage\r\n", "\0\0\0\0",
    "\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", '', ">1\r\n+push\r\n",
    "%1\r\n+a\r\n+b\r\n", "_\r\n", "#t\r\n", "+" . 'x' x 20_000 . "\r\n",
    "*1\r\n" x 20 . ":1\r\n", "\$-1\r\n\$-1\r\n\$-1\r\n",
);

my $bad_socket = "$dir/bad.sock";
my $listen = IO::Socket::UNIX->new(Local => $bad_socket, Type => SOCK_STREAM,
                                   Listen => 16) or die "$bad_socket: $!";
my $parent = $$;
my $fake = fork() // die "fork: $!";

if ($fake == 0) {
    alarm 300;
    $SIG{PIPE} = 'IGNORE';

    for my $reply (@garbage) {
        my $answered = 0;

        while (!$answered) {
            my $c = $listen->accept or next;
            my $data = '';

            while (sysread $c, $data, 4096, length $data) {
                syswrite $c, "+PONG\r\n" if $data =~ s/\*1\r\n\$4\r\nPING\r\n//;

                if ($data =~ s/^\*2\r\n\$3\r\nGET\r\n.*?\r\n.*?\r\n//s) {
                    syswrite $c, $reply;
                    $answered = 1;
                    # the next reply is given on a connection of its own
                    shutdown $c, 1 if $reply ne '';
                    last if $reply ne '';
                }
            }
        }
    }

    require POSIX;
    POSIX::_exit(0);
}

close $listen;
gateway(server => "unix:$bad_socket timeout=300ms revocations=off");

# one token after another, each once: a reply may be for one of them only
my ($n, %seen, $bad) = (0);
my $deadline = time + 100;

while (kill(0, $fake) && waitpid($fake, 1) == 0 && time < $deadline) {
    HarsTest::Authority::rules({});
    my $v = verdict('garbage-' . ++$n);
    $seen{$v}++;
    $bad = $v if $v ne '401 inactive introspection';
}

ok($n >= @garbage, 'each of ' . @garbage . ' replies was given');
is($bad, undef, 'none of them admits or hangs') or diag explain \%seen;

kill 'KILL', $fake;
finish();

done_testing();
