#!/usr/bin/perl

# Clients as nginx itself sees them, without the shim: those that leave while
# their request waits, in every way that TCP has, and those that go on sending
# meanwhile.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(time);

my $plain = $ENV{TEST_NGINX_PORT_1};
my $redis = HarsTest::Redis::socket_path();
my $as = $ENV{TEST_NGINX_AS_SOCK};

my $http = <<"END";
    hars_zone z:1m key=$ENV{TEST_NGINX_ZONE_KEY};
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z unix:$redis timeout=20s revocations=off;
    hars_timeout 20s;
    hars_introspect /_hars/introspect issuer=https://as caller=gateway;
    client_body_buffer_size 8k;

    server {
        listen 127.0.0.1:$plain;
        hars on;
        hars_bind off;
        add_header V "\$hars_verdict \$hars_source" always;
        location = /_hars/introspect {
            internal;
            proxy_read_timeout 20s;
            proxy_pass http://unix:$as:/introspect;
        }
        location / { proxy_pass http://unix:$as:; }
        location /short { hars_timeout 1s; proxy_pass http://unix:$as:; }
    }
END

my $nginx = HarsTest::Nginx->new(http => $http);
$nginx->start;
my ($worker) = $nginx->workers;
my $count = 0;
my %way = (1 => 'FIN', 2 => 'RST', 3 => 'half of the connection closed');

sub fds   { return scalar(() = glob "/proc/$worker/fd/*") }
sub asked { return scalar grep { $_->{uri} eq '/introspect' }
                   HarsTest::Authority::requests() }
sub until_true { return HarsTest::Place::wait_for(@_) }

# the requests of the access log that ended with this status
sub logged {
    my ($status) = @_;

    open my $fh, '<', $nginx->dir . '/logs/access.log' or return 0;
    return scalar grep { /" $status \d+ "/ } <$fh>;
}

sub to_nginx {
    my ($text) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $plain)
        or die "connect: $!\n";

    syswrite $s, $text;
    return $s;
}

sub get {
    my ($token, @more) = @_;

    return join "\r\n", 'GET / HTTP/1.1', 'Host: localhost',
                "Authorization: Bearer $token", @more, '', '';
}

sub new_token { return 'token-number-' . ++$count }

# what a connection says until its end, undef where that does not come
sub all_of {
    my ($s, $seconds) = @_;
    my $select = IO::Select->new($s);
    my $deadline = time + ($seconds // 15);
    my $said = '';

    while (time < $deadline) {
        next if !$select->can_read(0.2);
        return $said if !sysread $s, $said, 65536, length $said;
    }

    return;
}

sub verdict {
    my ($token) = @_;
    my $said = all_of(to_nginx(get($token, 'Connection: close'))) // '';

    return join ' ', $said =~ m{^HTTP/1.1 (\d+)}, $said =~ /^V: (.*?)\r$/m;
}

sub leaves {
    my ($s, $way) = @_;

    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $way == 2;
    $way == 3 ? shutdown($s, 1) : close $s;
}


# the first answers: every connection that stays is there

HarsTest::Authority::rules({ '*' => HarsTest::active() });
my $kept = new_token();
is(verdict($kept), '200 ok introspection', 'it works');


# clients that leave while the authority is asked

for my $n (1 .. 3) {
    HarsTest::Authority::rules({ "$kept" => HarsTest::active(),
        '*' => { delay => 3, body => HarsTest::active() } });

    my $base = fds();
    my $before = logged(499);
    my @tokens = map { new_token() } 1 .. 20;
    my @waiting = map { to_nginx(get($_)) } @tokens;

    ok(until_true(10, sub { asked() == 20 }), "the authority: $way{$n}");
    leaves($_, $n) for @waiting;
    ok(until_true(10, sub { logged(499) == $before + 20 }),
       'nginx sees all of them leave before there is an answer')
        or diag logged(499) - $before;

    is(join('', map { all_of($_) // 'open' } @waiting), '',
       'they are answered nothing') if $n == 3;

    undef @waiting;
    ok(until_true(15, sub { fds() <= $base }), 'nothing stays open')
        or diag fds(), " $base";

    HarsTest::Authority::rules({ '*' => HarsTest::active() });
    is(verdict($kept), '200 ok l1', 'others are answered');
    is(verdict($tokens[7]), '200 ok l1', 'the answer for them is kept');
}


# clients that leave while Redis is asked

for my $n (1 .. 3) {
    HarsTest::Authority::rules({ '*' => HarsTest::active() });

    my $base = fds();
    my $before = logged(499);
    my @tokens = map { new_token() } 1 .. 20;

    HarsTest::Redis::pause();
    my @waiting = map { to_nginx(get($_)) } @tokens;
    is(verdict($kept), '200 ok l1', "Redis: $way{$n}: others are answered");
    leaves($_, $n) for @waiting;
    ok(until_true(10, sub { logged(499) == $before + 20 }),
       'nginx sees all of them leave') or diag logged(499) - $before;

    my $stays = to_nginx(get($tokens[0], 'Connection: close'));
    HarsTest::Redis::continue();
    like(all_of($stays) // '', qr{^HTTP/1.1 200 [\s\S]*V: ok intro},
         'who stays is answered');
    undef @waiting;
    ok(until_true(15, sub { fds() <= $base }), 'nothing stays open')
        or diag fds(), " $base";
    is(asked(), 1, 'for the others nobody was asked');
}


# an answer and a client that leaves, in one turn of the event loop

for my $from ('Redis', 'the authority') {
    for my $n (1 .. 4) {
        my $way = 1 + $n % 2;
        my $first = $n > 2;
        my $base = fds();
        my $before = logged(499);
        my @tokens = map { new_token() } 1 .. 10;
        my @waiting;

        HarsTest::Authority::rules({ '*' => HarsTest::active() });

        if ($from eq 'Redis') {
            HarsTest::Redis::pause();
            @waiting = map { to_nginx(get($_)) } @tokens;
            # all of it is read, and asked, when this one is answered
            is(verdict($kept), '200 ok l1', "$from, $way{$way}, $n");

        } else {
            HarsTest::Authority::pause();
            @waiting = map { to_nginx(get($_)) } @tokens;
            ok(until_true(10, sub { fds() >= $base + 20 }),
               "$from, $way{$way}, $n");
        }

        kill 'STOP', $worker;
        leaves($_, $way) for $first ? @waiting : ();
        HarsTest::Redis::continue();
        HarsTest::Authority::continue();
        HarsTest::redis('PING');
        ok($from eq 'Redis' || until_true(10, sub { asked() == 10 }),
           'an answer') or diag asked();
        leaves($_, $way) for $first ? () : @waiting;
        undef @waiting;
        kill 'CONT', $worker;

        ok(until_true(10, sub { logged(499) == $before + 10 }),
           'all of them left') or diag logged(499) - $before;
        ok(until_true(10, sub { fds() <= $base }), 'nothing stays open')
            or diag fds(), " $base";
        is(($nginx->workers)[0], $worker, 'the worker lives');
    }
}


# clients that leave, and an authority that never answers

{
    my $base = fds();

    HarsTest::Authority::rules({ '*' => { hang => 1 } });
    my @waiting = map { to_nginx(get(new_token()) =~ s{/}{/short}r) } 1 .. 20;
    ok(until_true(10, sub { asked() == 20 }), 'it hangs');
    leaves($_, 1) for splice @waiting;
    ok(until_true(10, sub { fds() <= $base }),
       'after hars_timeout nothing stays open') or diag fds(), " $base";
}


# clients that go on sending while their request waits

sub slow { return { '*' => { delay => $_[0], body => HarsTest::active() } } }

# the answers of a connection, each with its verdict
sub answers_of {
    my ($said) = @_;

    return join ', ', ($said // 'open') =~
        m{HTTP/1.1 (\d+).*?^V: (.*?)\r$}gms;
}

HarsTest::Authority::rules(slow(0.3));
my ($one, $two, $three) = map { new_token() } 1 .. 3;
my $s = to_nginx(get($one));
ok(until_true(10, sub { asked() == 1 }), 'one waits');
syswrite $s, get($two) . get($one) . get($three, 'Connection: close');
is(answers_of(all_of($s)), '200, ok introspection, 200, ok introspection, '
   . '200, ok l1, 200, ok introspection', 'the next ones come after it');

my $body = join '', map { chr(97 + $_ * 7 % 26) } 1 .. 400_000;

for my $expect ('', 'Expect: 100-continue') {
    my $token = new_token();

    HarsTest::Authority::rules(slow(0.3));
    $s = to_nginx(join "\r\n", 'POST /take HTTP/1.1', 'Host: localhost',
                  "Authorization: Bearer $token", 'Connection: close',
                  'Content-Length: ' . length $body,
                  $expect ? $expect : (), '', substr $body, 0, 1000);
    ok(until_true(10, sub { asked() == 1 }), "a body waits $expect");

    print $s substr $body, 1000;
    $s->flush;
    like(all_of($s) // '', $expect ? qr/^HTTP\/1.1 100 [\s\S]*\nHTTP\/1.1 200/
                                   : qr/^HTTP\/1.1 200/, 'it is answered');

    my ($got) = grep { $_->{uri} eq '/take' } HarsTest::Authority::requests();
    ok($got && $got->{body} eq $body, 'the body comes whole to the backend');
}


# clients that leave at any moment: every part of a request, every way

my $seed = int rand 1e6;
note "seed $seed";
srand $seed;

for my $paused (0, 1) {
    my $base = fds();
    my @open;

    HarsTest::Authority::rules(slow(0.02));
    HarsTest::Redis::pause() if $paused;

    for my $n (1 .. 300) {
        my $text = get(new_token());
        $text = $text =~ s/^GET (.*)\r\n\z/POST $1Content-Length: 99\r\n\r\n/sr
                . 'x' x int rand 100 if $n % 3 == 0;
        $text = substr $text, 0, rand length $text if $n % 4 == 0;

        my $client = to_nginx($text);
        push @open, $client;
        leaves(splice(@open, rand @open, 1), 1 + int rand 3)
            if @open > rand 20;
    }

    HarsTest::Redis::continue() if $paused;
    leaves($_, 1 + int rand 3) for splice @open;
    undef $s;

    ok(until_true(15, sub { fds() <= $base }),
       'three hundred that left at any moment leave nothing open')
        or diag fds(), " $base, seed $seed";
    is(($nginx->workers)[0], $worker, 'the worker lives');
    is(verdict(new_token()), '200 ok introspection', 'and works');
}


ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-number' ]) ], [],
          'its log holds nothing bad');

done_testing();
