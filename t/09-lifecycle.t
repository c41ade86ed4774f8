#!/usr/bin/perl

# What goes on while requests wait: clients that leave, reload, quit, a
# worker that is killed, a zone that is full.  Nothing crashes, nothing is
# left open, and what was in flight is answered.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;

my $redis = HarsTest::Redis::socket_path();
my $tls_port = $ENV{TEST_NGINX_TLS_PORT};
my $shim = $ENV{TEST_NGINX_PORT_1};
my $dir = HarsTest::Place::dir();
my ($zone_key, $seal_key) = @ENV{qw(TEST_NGINX_ZONE_KEY TEST_NGINX_SEAL_KEY)};

my $main = HarsTest::Nginx::shim([ $shim, $tls_port, 'a' ]);

# a file: a server of the same nginx would be gone while nginx quits
open my $page, '>', "$dir/page" or die "page: $!\n";
print $page 'passed';
close $page;

sub http {
    my (%o) = @_;
    my $zone = $o{zone} // '1m';
    my $more = $o{more} // '';
    my $key = $o{key} // $zone_key;
    my $to = $o{redis} ? "hars_seal_key $seal_key; "
                         . "hars_redis z unix:$redis timeout=3s revocations=off;" : '';

    return <<"END";
    hars_zone z:$zone key=$key $more;
    $to
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout 4s;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway;
        location = /_hars/introspect {
            internal;
            proxy_read_timeout 10s;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        location / { root $dir; try_files /page =404; }
    }
END
}

my $nginx;

sub gateway {
    my (%o) = @_;

    finish() if $nginx;
    $nginx = HarsTest::Nginx->new(main => $main, http => http(%o),
                                  workers => $o{workers} // 1);
    $nginx->start;
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults(tokens => [ 'token-number' ], @_) ], [],
              'its log holds nothing bad');
    undef $nginx;
}

sub asks {
    my ($token) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim)
        or die "connect: $!\n";

    syswrite $s, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                 . "Authorization: Bearer $token\r\n\r\n";
    return $s;
}

# the answers of sockets, each "status V", within a deadline
sub answers {
    my (@sockets) = @_;
    my (%said, %left);
    my $select = IO::Select->new(@sockets);
    my $deadline = time + 20;

    $left{$_} = $_ for @sockets;

    while (%left && time < $deadline) {
        for my $s ($select->can_read(0.5)) {
            my $n = sysread $s, $said{$s}, 65536, length($said{$s} // '');
            next if $n;
            $select->remove($s);
            delete $left{$s};
        }
    }

    return map {
        my $text = $said{$_} // '';
        my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
        my ($v) = $text =~ /^V: (.*?)\r$/m;
        ($status // 'nothing') . ' ' . ($v // '');
    } @sockets;
}

sub verdict { return (answers(asks($_[0])))[0] }

sub fds { return scalar(() = glob "/proc/$_[0]/fd/*") }

sub asked { return scalar HarsTest::Authority::requests() }

sub slow {
    my ($delay, @n) = @_;
    return { map { ("token-number-$_" => { delay => $delay,
                    body => HarsTest::active() }) } @n };
}

# leaves in one of three ways
sub leaves {
    my ($s, $way) = @_;

    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $way == 1;
    shutdown $s, 1 if $way == 2;
    close $s;
}


# clients that leave while the authority is asked

gateway();
HarsTest::Authority::rules({ 'token-number-0' => HarsTest::active(),
                             %{ slow(1, 1 .. 60) } });
is(verdict('token-number-0'), '200 ok introspection', 'quiet');
my ($worker) = $nginx->workers;
my $base = fds($worker);

my @waiting = map { asks("token-number-$_") } 1 .. 60;
ok(HarsTest::Place::wait_for(10, sub { asked() >= 61 }), 'sixty wait');
leaves($waiting[$_], $_ % 3) for 0 .. 59;
is(verdict('token-number-0'), '200 ok l1', 'the worker goes on');
ok(HarsTest::Place::wait_for(15, sub { fds($worker) <= $base }),
   'nothing stays open') or diag fds($worker), " $base";
is(($nginx->workers)[0], $worker, 'the worker lives');
is(verdict('token-number-5'), '200 ok l1', 'what was learnt for them is kept');

# at any moment

HarsTest::Authority::rules({ '*' => { delay => 0.03,
                                     body => HarsTest::active() } });

for my $n (100 .. 399) {
    my $s = asks("token-number-$n");
    select undef, undef, undef, ($n * 37 % 50) / 1000 if $n % 2;
    leaves($s, $n % 3);
}

ok(HarsTest::Place::wait_for(15, sub { fds($worker) <= $base }),
   'three hundred that left at any moment leave nothing open');
is(($nginx->workers)[0], $worker, 'the worker lives');


# clients that leave while Redis is asked

gateway(redis => 1);
HarsTest::Authority::rules({ '*' => HarsTest::active() });
is(verdict('token-number-0'), '200 ok introspection', 'quiet');
ok(HarsTest::Place::wait_for(5, sub { @{ HarsTest::redis('KEYS', '*') } == 1 }),
   'Redis is there');
($worker) = $nginx->workers;
$base = fds($worker);
HarsTest::Redis::pause();
@waiting = map { asks("token-number-$_") } 1 .. 40;
is(verdict('token-number-0'), '200 ok l1', 'the worker goes on');
leaves($waiting[$_], $_ % 3) for 0 .. 29;
HarsTest::Redis::continue();
my @said = answers(@waiting[30 .. 39]);
is_deeply([ grep { $_ ne '200 ok introspection' } @said ], [],
          'who stayed is answered');
ok(HarsTest::Place::wait_for(15, sub { fds($worker) <= $base }),
   'nothing stays open') or diag fds($worker), " $base";
is(($nginx->workers)[0], $worker, 'the worker lives');


# reload and quit

for my $with_redis (0, 1) {
    HarsTest::redis('FLUSHALL');
    gateway(workers => 2, redis => $with_redis);
    HarsTest::Authority::rules({ 'token-number-0' => HarsTest::active(),
                                 %{ slow(1.5, 1 .. 20) } });
    is(verdict('token-number-0'), '200 ok introspection', 'quiet');
    @waiting = map { asks("token-number-$_") } 1 .. 20;
    ok(HarsTest::Place::wait_for(10, sub { asked() >= 21 }), 'twenty wait');
    ok($nginx->reload, 'reload');
    like(verdict('token-number-0'), qr/^200 ok l1/, 'the zone is kept');
    @said = answers(@waiting);
    is_deeply([ grep { $_ ne '200 ok introspection' } @said ], [],
              'all in flight are answered');

    HarsTest::Authority::rules(slow(1.5, 21 .. 40));
    @waiting = map { asks("token-number-$_") } 21 .. 40;
    ok(HarsTest::Place::wait_for(10, sub { asked() >= 20 }), 'twenty wait');
    finish();
    @said = answers(@waiting);
    is_deeply([ grep { $_ ne '200 ok introspection' } @said ], [],
              'and answered before the end') or diag explain \@said;
}

gateway(redis => 1);
HarsTest::Authority::rules(slow(5, 1 .. 10));
@waiting = map { asks("token-number-$_") } 1 .. 10;
ok(HarsTest::Place::wait_for(10, sub { asked() >= 10 }), 'ten wait');
ok($nginx->quit('TERM'), 'a fast stop does not wait');
is_deeply([ $nginx->faults ], [], 'its log');
undef $nginx;

gateway();
HarsTest::Authority::rules({ '*' => HarsTest::active() });
is(verdict('token-number-1'), '200 ok introspection', 'learnt');
$nginx->write($nginx->conf =~ s/key=[^;]+/key=$seal_key ttl=5s/r);
ok($nginx->reload, 'a reload with another key and ttl');
is(verdict('token-number-1'), '200 ok introspection',
   'under other keys nothing is found, and nothing mistaken');


# a worker that is killed

gateway(workers => 2);
HarsTest::Authority::rules({ '*' => HarsTest::active() });
is(verdict('token-number-0'), '200 ok introspection', 'learnt');

for my $round (1 .. 10) {
    my @load = map { asks("token-number-$round-$_") } 1 .. 10;
    my @workers = $nginx->workers;
    kill 'KILL', $workers[$round % 2];
    answers(@load);
    HarsTest::Place::wait_for(10, sub {
        my @now = $nginx->workers;
        return @now == 2 && !grep { $_ == $workers[$round % 2] } @now;
    }) or fail("round $round: a new worker");
    my $said = verdict('token-number-0');
    like($said, qr/^200 ok /, "round $round: the zone can be used") or last;
}

finish(allow => qr/worker process \d+ exited on signal 9/);


# a full zone

gateway(zone => '256k', more => 'unknown=0');
HarsTest::Authority::rules({ '*' => HarsTest::active() });

my %count;
for my $n (1 .. 100) {
    $count{$_}++ for answers(map { asks("token-number-$n-$_") } 1 .. 15);
}
is_deeply(\%count, { '200 ok introspection' => 1500 },
          'more tokens than the zone holds: each is answered');
is(verdict('token-number-100-15'), '200 ok l1', 'the last ones are in it');

HarsTest::Authority::rules({});
%count = ();
for my $n (0 .. 99) {
    $count{$_}++ for answers(map { asks('garbage-' . ($n * 15 + $_)) } 1 .. 15);
}
is_deeply(\%count, { '401 inactive introspection' => 1500 },
          'as many that are none');
is(verdict("token-number-100-$_"), '200 ok l1',
   'do not displace what is proved') for 1 .. 15;

finish();


# the kernel is told that large pages would do the zone good, in each worker

gateway(zone => '6m', workers => 2);
SKIP: {
    skip 'this kernel says nothing of its pages', 2
        if !-e '/sys/kernel/mm/transparent_hugepage/shmem_enabled';
    like(pages_of($_, 6144), qr/^VmFlags:.* hg\b/m, 'pages of the zone')
        for $nginx->workers;
}
finish();

sub pages_of {
    my ($pid, $kb) = @_;
    open my $fh, '<', "/proc/$pid/smaps" or die "smaps: $!\n";
    my ($zone) = grep { /^Size: +$kb kB$/m } split /^(?=[0-9a-f]+-)/m,
                      do { local $/; <$fh> };

    return $zone // "no mapping of $kb kB";
}


# one process: at its end it waits for nobody, and nginx itself does not
# listen again after a reload

for my $signal (qw(QUIT TERM HUP)) {
    HarsTest::redis('FLUSHALL');
    HarsTest::Authority::rules({ '*' => HarsTest::active(),
                                 %{ slow(5, 1 .. 5) } });
    $nginx = HarsTest::Nginx->new(main => "master_process off;\n$main",
                                  http => http(redis => 1));
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        exec 'setpriv', '--pdeathsig', 'QUIT',
             $nginx->command('-g', 'daemon off;');
    }

    ok(HarsTest::Place::wait_for(10, sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim) }),
       'one process alone');
    is(verdict('token-number-0'), '200 ok introspection', 'protects too');
    is(verdict('token-number-0'), '200 ok l1', 'and remembers');

    @waiting = map { asks("token-number-$_") } 1 .. 5;
    ok(HarsTest::Place::wait_for(10, sub { asked() >= 6 }), 'five wait');

    if ($signal eq 'HUP') {
        my $log = $nginx->error_log;
        kill 'HUP', $pid;
        ok(HarsTest::Place::wait_for(10, sub {
            `cat $log` =~ /reconfiguring.*reconfiguring.*event method/s }),
           'a reload');
    }

    kill $signal eq 'HUP' ? 'QUIT' : $signal, $pid;
    ok(HarsTest::Place::wait_for(10, sub { HarsTest::Place::is_gone($pid) }),
       "it ends ($signal)");
    kill 'KILL', $pid;
    waitpid $pid, 0;
    is($?, 0, 'without a crash');
    is_deeply([ $nginx->faults ], [], 'its log');
}

done_testing();
