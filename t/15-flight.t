#!/usr/bin/perl

# Single flight: of all requests of all workers with one unknown token one is
# asked about, the others wait for it and share what comes of it; entries are
# renewed before they end, and served past it where that is allowed; what is
# asked at once is bounded, for all and for each client.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

my $redis = $ENV{TEST_NGINX_REDIS_SOCK};
my %shim = (a => $ENV{TEST_NGINX_PORT_1}, b => $ENV{TEST_NGINX_PORT_2});
my $active = HarsTest::active();
my $timeout = 20;               # s; who waits as long waits for the deadline
my $nginx;


# raw HTTP in, TLS with a client certificate out
my $main = HarsTest::Nginx::shim(
    map { [ $shim{$_}, $ENV{TEST_NGINX_TLS_PORT}, $_ ] } sort keys %shim);

sub gateway {
    my (%o) = @_;
    my $zone = $o{zone} // '';
    my $ask = $o{ask} // '';
    my $more = $o{more} // '';
    my $deadline = $o{timeout} // $timeout;
    my $to = $o{redis} ? "hars_seal_key $ENV{TEST_NGINX_SEAL_KEY}; "
                         . "hars_redis z $o{redis};" : '';

    finish() if $nginx;

    $nginx = HarsTest::Nginx->new(main => $main, connections => 4096,
        workers => $o{workers} // 1);
    $nginx->{http} = <<"END";
    hars_zone z:1m key=$ENV{TEST_NGINX_ZONE_KEY} $zone;
    $to
    server {
        listen 127.0.0.1:$ENV{TEST_NGINX_PORT_3};
        location / { hars_status; }
    }
    log_format waits '\$pid \$msec \$hars_verdict \$hars_source';
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout ${deadline}s;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway
                        $ask;
        location = /_hars/introspect {
            internal;
            proxy_read_timeout 60s;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        access_log logs/waits.log waits;
        $more
        location / { root $nginx->{dir}; try_files /page =404; }
    }
END
    $nginx->write($nginx->conf);
    page();
    HarsTest::redis('CONFIG', 'RESETSTAT');
    HarsTest::redis('FLUSHALL');
    $nginx->start;
}

# a file: a server of the same nginx would be gone while nginx quits
sub page {
    open my $fh, '>', $nginx->dir . '/page' or die "page: $!\n";
    print $fh 'passed';
    close $fh;
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults(tokens => [ 'token-number' ], @_) ], [],
              'its log holds nothing bad');
    undef $nginx;
}

sub asks {
    my ($token, $cert) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $shim{ $cert // 'a' }) or die "connect: $!\n";

    syswrite $s, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                 . "Authorization: Bearer $token\r\n\r\n";
    return $s;
}

# the answers of sockets, each "status V", within a deadline
sub answers {
    my (@sockets) = @_;
    my (%said, %left);
    my $select = IO::Select->new(@sockets);
    my $deadline = time + 60;

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
        my ($v) = $text =~ /^V: (.*?) *\r$/m;
        ($status // 'nothing') . ' ' . ($v // '');
    } @sockets;
}

sub count {
    my %n;
    $n{$_}++ for @_;
    return \%n;
}

sub verdict { return (answers(asks(@_)))[0] }
sub asked { return scalar HarsTest::Authority::requests() }

sub until_asked {
    my ($n) = @_;
    return HarsTest::Place::wait_for(10, sub { asked() >= $n });
}

# the sum of the gateway's numbers whose names begin so
sub shown {
    my ($name) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_PORT_3}) or die "connect: $!\n";
    my $n = 0;

    print $s "GET / HTTP/1.0\r\n\r\n";
    $s->flush;
    while (my $line = <$s>) {
        $n += $1 if $line =~ /^hars_$name.* (\d+)$/;
    }

    return $n;
}

# requests that began a flight or waited for one, since the gateway began
sub waited {
    return shown('flights_total\{.*kind="request"')
           + shown('flight_waits_total');
}

# requests with these tokens, all of which wait before any of the authority's
# answers, which are held
sub together {
    my (@tokens) = @_;
    my $before = waited();
    my @sockets = map { asks($_) } @tokens;

    HarsTest::Place::wait_for(30, sub { waited() - $before >= @tokens })
        or diag 'not all of them wait';
    HarsTest::Authority::release();

    return answers(@sockets);
}

sub until_wait {
    my ($n) = @_;
    return HarsTest::Place::wait_for(30, sub { waited() >= $n });
}

# how often Redis was asked for a value
sub gets {
    my ($calls) = HarsTest::redis('INFO', 'commandstats')
        =~ /^cmdstat_get:calls=(\d+)/m;
    return $calls // 0;
}

# from the access log: pid, time, verdict, source
sub waits {
    open my $fh, '<', $nginx->dir . '/logs/waits.log' or return;
    return map { [ split ] } <$fh>;
}


# a thousand requests over four workers, one token

gateway(workers => 4, redis => "unix:$redis timeout=5s "
        . "revocations=off");
ok(HarsTest::Place::wait_for(10, sub {
       shown('redis_links\{.*link="records".*state="ready"') == 4 }),
   'four workers are connected to Redis');
my $before = gets();
HarsTest::Authority::rules({ 'token-number-1' => { hold => 1,
                                                  body => $active } });
my @said = together(('token-number-1') x 1000);
is(scalar(grep { /^200 ok introspection$/ } @said), 1000,
   '1,000 requests wait for one answer') or diag explain count(@said);
is(asked(), 1, 'one introspection');
is(gets() - $before, 1, 'one GET');
is(scalar(keys %{ { map { $_->[0] => 1 } waits() } }), 4,
   'in all four workers');

HarsTest::Authority::rules({ 'token-number-2' => { hold => 1,
                                                  status => 500 } });
is_deeply(count(together(('token-number-2') x 200)),
          { '503 unavailable introspection' => 200 }, 'a failure is shared');
is(asked(), 1, 'asked once');

# each token is a flight of its own
HarsTest::Authority::rules({ map { ("token-number-$_" => { hold => 1,
    body => HarsTest::active(sub => "sub-$_") }) } 10 .. 29 });
is_deeply(count(together(map { 'token-number-' . (10 + $_ % 20) } 0 .. 199)),
          { '200 ok introspection' => 200 }, 'twenty tokens at once');
is(asked(), 20, 'twenty introspections');


# how long after the first answer the last one of the waiters goes on

my (@spread, %seen);
for my $n (30 .. 49) {
    HarsTest::Authority::rules({ "token-number-$n" => { hold => 1,
                                                        body => $active } });
    is_deeply(count(together(("token-number-$n") x 8)),
              { '200 ok introspection' => 8 }, "eight wait for token $n");
    my @last = (waits())[-8 .. -1];
    $seen{$_->[0]} = 1 for @last;
    my @times = sort { $a <=> $b } map { $_->[1] } @last;
    push @spread, 1000 * ($times[-1] - $times[0]);
}
@spread = sort { $a <=> $b } @spread;
diag sprintf 'woken within: median %.0f ms, worst of 20: %.0f ms',
     $spread[10], $spread[-1];
cmp_ok($spread[4], '<', 100, 'woken, not polled by the deadline');
cmp_ok(scalar(keys %seen), '>', 1, 'in more than one worker');


# the worker that asks is killed

for my $n (1 .. 3) {
    HarsTest::Authority::rules({ "token-number-9$n" => [ { hang => 1 },
                                                        $active ] });
    my @sockets = map { asks("token-number-9$n") } 1 .. 40;
    ok(until_asked(1), 'asked');

    # which one that is, its connection to the authority says
    my ($leader) = grep { leads($_) } $nginx->workers;
    ok($leader, 'the worker that asks is known') or next;
    my $start = time;
    kill 'KILL', $leader;

    my @said = answers(@sockets);
    my $lost = grep { $_ eq 'nothing ' } @said;
    is(scalar(grep { /^200 ok / } @said), 40 - $lost,
       'the waiters of the others elect the next')
        or diag explain count(@said);
    cmp_ok($lost, '<', 40, 'not all were its own');
    is(asked(), 2, 'which asks once more');
    cmp_ok(time - $start, '<', $timeout, 'within the deadline');
}

# has a connection to the authority: its end is the peer of one there
sub leads {
    my ($pid) = @_;
    my $as = $ENV{TEST_NGINX_AS_SOCK};
    my @lines = split /\n/, `ss -xpH`;
    my %peer = map { /\Q$as\E \d+ +\* (\d+)/ ? ($1 => 1) : () } @lines;

    return scalar grep { /pid=$pid,/ && /\* (\d+) +\* \d+/ && $peer{$1} }
           @lines;
}

finish(allow => qr/exited on signal 9|timed out/);


# the client that came first leaves

gateway();
HarsTest::Authority::rules({ 'token-number-1' => { hold => 1,
                                                  body => $active } });
my $first = asks('token-number-1');
ok(until_asked(1), 'asked');
my @others = map { asks('token-number-1') } 1 .. 5;
ok(HarsTest::Place::wait_for(10, sub { waited() == 6 }), '... for six');
setsockopt $first, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
close $first;
HarsTest::Authority::release();
is_deeply(count(answers(@others)), { '200 ok introspection' => 5 },
          'the others still get the answer');
is(asked(), 1, 'of the one question');

# at the deadline

gateway(timeout => 3);
HarsTest::Authority::rules({ 'token-number-2' => { hang => 1 } });
my $start = time;
@others = map { asks('token-number-2') } 1 .. 5;
is_deeply(count(answers(@others)), { '503 unavailable' => 5 },
          'an authority that never answers: 503 for all');
cmp_ok(time - $start, '<', $timeout, 'at hars_timeout');
HarsTest::Authority::rules({ 'token-number-2' => $active });
is(verdict('token-number-2'), '200 ok introspection', 'and asked again then');
finish(allow => qr/timed out/);


# an answer that took longer than it may be believed

gateway(zone => 'ttl=1s negative_ttl=30s');
HarsTest::Authority::rules({ 'token-number-1' => { delay => 1.2,
                                                  body => $active } });
like(verdict('token-number-1'), qr/^200 ok /, 'a slow authority');
ok(HarsTest::Place::wait_for(8, sub {
       verdict('token-number-1'); asked() >= 3 }),
   'is asked again, not after negative_ttl');
finish();


# the same without news of revocations: those who were there when it was asked,
# or for cap from then on, are judged by it, wherever they wait

gateway(workers => 2, zone => 'ttl=300s cap=3s',
        redis => "unix:$redis-nobody");
HarsTest::Authority::rules({ 'token-number-1' => { delay => 3.5,
                                                  body => $active } });
is_deeply(count(answers(map { asks('token-number-1') } 1 .. 40)),
          { '200 ok introspection' => 40 }, 'it took longer than cap: for all');
is(asked(), 1, 'one introspection');
HarsTest::Authority::rules({ 'token-number-1' => $active });
is(verdict('token-number-1'), '200 ok introspection', 'later ones ask');

HarsTest::Authority::rules({ 'token-number-2' => [
    { hold => 1, body => $active }, '{"active":false}' ] });
$before = waited();
my @early = map { asks('token-number-2') } 1 .. 2;
ok(until_wait($before + 2), 'two wait');
select undef, undef, undef, 3.1;
my $late = asks('token-number-2');
ok(until_wait($before + 3), 'one more does, when cap has passed');
HarsTest::Authority::release();
is_deeply(count(answers(@early)), { '200 ok introspection' => 2 },
          'the two are judged by what was asked for them');
is_deeply([ answers($late) ], [ '401 inactive introspection' ],
          'who came late is not');

# a worker that is late to look has its place taken by the next flight

HarsTest::Authority::rules({ 'token-number-3' => [
    { hold => 1, body => $active },
    { delay => 4, body => '{"active":false}' } ] });
$before = waited();
my $lines = waits();
my @waiting = map { asks('token-number-3') } 1 .. 40;
ok(until_wait($before + 40), '40 wait');
my ($leader) = grep { leads($_) } $nginx->workers;
my ($other) = grep { $_ != ($leader // 0) } $nginx->workers;
kill 'STOP', $other;
select undef, undef, undef, 3.1;
HarsTest::Authority::release();
ok(HarsTest::Place::wait_for(10, sub { waits() > $lines }), 'answered');
my $next = asks('token-number-3');
ok(until_asked(2), 'asked again');
kill 'CONT', $other;
my @have = answers(@waiting);
is(scalar(grep { /^200 ok / } @have), 40, 'all have their answer')
    or diag explain count(@have);
cmp_ok(scalar(grep { $_->[0] == $other } (waits())[$lines .. $lines + 39]),
       '>', 0, 'in both workers');
is_deeply([ answers($next) ], [ '401 inactive introspection' ], 'and the next');
finish();


# renewed ahead

gateway(workers => 2, zone => 'ttl=3s',
        more => 'hars_refresh_before 1500ms;');
HarsTest::Authority::rules({ 'token-number-1' => { delay => 0.1,
                                                  body => $active } });
is(verdict('token-number-1'), '200 ok introspection', 'asked once');
my @sources;
my $end = time + 6;
while (time < $end) {
    push @sources, verdict('token-number-1');
    select undef, undef, undef, 0.01;
}
is(scalar(grep { !/^200 ok l[01]$/ } @sources), 0,
   'no request of a busy token ever waits') or diag explain count(@sources);
my $asked = asked();
ok($asked >= 3 && $asked <= 12, 'it is renewed') or diag $asked;

# an authority that is away: asked once a second, believed until its end

HarsTest::Authority::rules({ '*' => { status => 500 } });
$end = time + 10;
my $last;
while (time < $end) {
    $last = verdict('token-number-1');
    last if $last ne '200 ok l1';
    select undef, undef, undef, 0.01;
}
is($last, '503 unavailable introspection', 'to the end of what was known');
cmp_ok(asked(), '<=', 5, 'and hardly asked meanwhile');
HarsTest::Authority::rules({ '*' => '{"active":false}' });
is(verdict('token-number-1'), '401 inactive introspection', 'back');
finish(allow => qr/introspection failed/);


# served past its end

gateway(zone => 'ttl=1s', more => 'hars_stale_if_error 3s;');
HarsTest::Authority::rules({
    'token-number-1' => [ $active, { status => 500 } ],
    'token-number-2' => [ HarsTest::active(exp_in => 3), { status => 500 } ],
    'token-number-3' => [ $active, '{"active":false}' ],
    'token-number-4' => [ $active, { close => 1 } ],
});
is(verdict("token-number-$_"), '200 ok introspection', "token $_") for 1 .. 4;
ok(HarsTest::Place::wait_for(3, sub { verdict('token-number-1') =~ /stale/ }),
   'the authority fails: stale');
ok(HarsTest::Place::wait_for(3, sub {
       verdict('token-number-4') eq '200 ok stale' }),
   'in another way: stale');
ok(HarsTest::Place::wait_for(3, sub {
       verdict('token-number-3') eq '401 inactive introspection' }),
   'not when it says no');
is(verdict('token-number-9'), '401 inactive introspection',
   'and nothing for who was never known');
ok(HarsTest::Place::wait_for(4, sub { verdict('token-number-2') =~ /^401/ }),
   'never past exp');
is(verdict('token-number-2'), '401 expired stale', 'expired');
ok(HarsTest::Place::wait_for(5, sub { verdict('token-number-1') =~ /^503/ }),
   'nor for longer than allowed');
HarsTest::Authority::rules({ 'token-number-1' => $active });
ok(HarsTest::Place::wait_for(3, sub { verdict('token-number-1')
                                      eq '200 ok introspection' }), 'back');
open my $log, '<', $nginx->error_log;
my $times = grep { /judged by what it said before/ } <$log>;
ok($times >= 1 && $times <= 10, 'it is logged, once a second at most')
    or diag $times;
finish(allow => qr/introspection failed|prematurely closed/);


# so many are asked at once, so many wait

gateway(ask => 'max=2 queue=3', zone => 'unknown=0', timeout => 5);
HarsTest::Authority::rules({ '*' => { hold => 1, body => $active } });
@others = map { asks("token-number-$_") } 1 .. 2;
ok(until_asked(2), 'two are asked');
push @others, map { asks("token-number-$_") } 3 .. 5;
my $b = asks('token-number-1', 'b');
ok(HarsTest::Place::wait_for(10, sub { waited() == 6 }), 'six wait');
is(asked(), 2, '... for two');
HarsTest::Authority::release();
is((answers($b))[0], '401 cnf_mismatch introspection',
   'one may wait for what is asked');
my $said = count(answers(@others));
is_deeply($said, { '200 ok introspection' => 5 }, 'three have their turn')
    or diag explain $said;
HarsTest::Authority::rules({ '*' => { hang => 1 } });
@others = map { asks("token-number-1$_") } 1 .. 2;
ok(until_asked(2), 'two hang');
push @others, map { asks("token-number-1$_") } 3 .. 9;
$said = count(answers(@others));
is_deeply($said, { '503 unavailable' => 5, '503 overloaded' => 4 },
          'what does not fit is refused at once') or diag explain $said;
is(verdict('token-number-1'), '200 ok l1', 'what is known passes');
my $r = $nginx->curl('/', token => 'token-number-1');
is($r->{status}, 200, 'the queue is empty again');
HarsTest::Authority::rules({ '*' => $active });
is(verdict('token-number-20'), '200 ok introspection', 'and goes on');
finish(allow => qr/timed out/);


# garbage of one client

gateway(zone => 'unknown=20');
HarsTest::Authority::rules({ 'token-number-1' => $active,
    'token-number-2' => HarsTest::active(cert => 'b'),
    map { ("token-number-5$_" => $active) } 10 .. 59 });
is(verdict('token-number-1'), '200 ok introspection', 'a token');
$start = time;
$said = count(answers(map { asks("garbage-$_") } 1 .. 100));
my $refused = $said->{'503 overloaded'} // 0;
is(($said->{'401 inactive introspection'} // 0) + $refused, 100,
   'garbage is refused one way or the other') or diag explain $said;
is(asked() - 1, 100 - $refused, '... without asking');

# 20, one more each half second, and what is on its way at once
cmp_ok(asked(), '<', 40 + 2 * (time - $start), 'or hardly');
cmp_ok($refused, '>', 0, 'really');
ok((grep { /^503 overloaded/ } answers(map { asks("garbage-2$_") } 10 .. 49)),
   'more of it, too');
is(verdict('token-number-1'), '200 ok l1', 'what the client has passes');
is(verdict('token-number-2', 'b'), '200 ok introspection',
   'another client has its turn');
ok(HarsTest::Place::wait_for(5, sub { verdict('garbage-300')
                                      =~ /^401 inactive/ }),
   'after a while it may try again');
ok(HarsTest::Place::wait_for(15, sub {
       verdict('token-number-510') eq '200 ok introspection' }), 'and later');
$said = count(map { verdict("token-number-5$_") } 11 .. 59);
is($said->{'200 ok introspection'}, 49, 'tokens that are known cost nothing')
    or diag explain $said;
finish();

done_testing();
