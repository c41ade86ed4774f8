#!/usr/bin/perl

# Revocation is pushed: through the stream in Redis to every worker of every
# gateway, whatever is remembered there or on its way; certificates end with
# their connections; and what is believed is bounded where no news come.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(sha256);
use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use HarsTest::Servers;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open2;
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Socket qw(SHUT_WR);
use Test::More;
use Time::HiRes qw(time);

my $redis = $ENV{TEST_NGINX_REDIS_SOCK};
my $pki = $HarsTest::Place::pki;
my $active = HarsTest::active();

# two gateways, each with its TLS port and a shim for each certificate
my @place = (
    { tls => $ENV{TEST_NGINX_TLS_PORT}, a => $ENV{TEST_NGINX_PORT_1},
      b => $ENV{TEST_NGINX_PORT_2} },
    { tls => HarsTest::Place::port(12), a => HarsTest::Place::port(13),
      b => HarsTest::Place::port(14) },
);
my $backend = $ENV{TEST_NGINX_PORT_3};
my (@gateway, %key);


sub gateway {
    my ($n, %o) = @_;
    my $place = $place[$n];
    my $zone = $o{zone} // 'z:1m ttl=300s cap=2s';
    my $to = $o{redis} // $redis;
    my $more = $o{more} // '';

    my $main = HarsTest::Nginx::shim(map { [ $place->{$_}, $place->{tls},
                                             $_ ] } qw(a b));
    my $http = <<"END";
    hars_zone $zone key=$ENV{TEST_NGINX_ZONE_KEY};
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z unix:$to;
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout 3s;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway;
        location = /_hars/introspect {
            internal;
            proxy_read_timeout 10s;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        add_header Id "\$hars_token_id" always;
        $more
        location / { proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:; }
        location /up {
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_pass http://127.0.0.1:$backend;
        }
    }
END
    my $g = HarsTest::Nginx->new(main => $main, http => '',
                                 workers => $o{workers} // 2);
    $g->{http} = $http;
    my $tls = HarsTest::Nginx::tls();
    $tls =~ s/$ENV{TEST_NGINX_TLS_PORT}/$place->{tls}/;
    $g->{http} =~ s/\$TEST_NGINX_TLS\n/$tls/;
    $g->write($g->conf);
    $o{daemon} ? daemon($g) : $g->start;

    $gateway[$n] = $g;
    return $g;
}

# who is no daemon takes no SIGUSR2
sub daemon {
    my ($g) = @_;

    system($g->command) == 0 or die "nginx does not start\n";
    HarsTest::Place::wait_for(10, sub {
        ($g->{pid}) = pid_of($g);
        return $g->pid && $g->workers; }) or die "nginx does not start\n";
}

sub pid_of {
    my ($g) = @_;
    open my $fh, '<', $g->dir . '/logs/nginx.pid' or return;
    return <$fh> =~ /(\d+)/;
}

sub finish {
    for my $n (grep { $gateway[$_] } 0 .. 1) {
        ok($gateway[$n]->quit, "gateway $n ends");
        is_deeply([ $gateway[$n]->faults(tokens => [ 'token-number' ], @_) ],
                  [], 'its log holds nothing bad');
    }
    @gateway = ();
}

sub said {
    my ($n, $re) = @_;
    open my $fh, '<', $gateway[$n]->error_log or return 0;
    return scalar grep { /$re/ } <$fh>;
}

sub until_said {
    my ($n, $re, $times) = @_;
    return HarsTest::Place::wait_for(10, sub {
        said($n, $re) >= ($times // 1) });
}

# a connection that is kept
sub client {
    my ($n, $cert) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $place[$n]{ $cert // 'a' }) // die "connect: $!\n";
}

sub ask {
    my ($s, $token, $uri, @headers) = @_;
    syswrite $s, join "\r\n", 'GET ' . ($uri // '/') . ' HTTP/1.1',
                 'Host: localhost', "Authorization: Bearer $token", @headers,
                 '', '';
}

# the next answer of it: "status V"; "closed", "nothing" after a while
sub answer {
    my ($s, $id) = @_;
    my ($text, $select) = ('', IO::Select->new($s));
    my $deadline = time + 10;

    while (time < $deadline) {
        $select->can_read(0.5) or next;
        my $got = sysread $s, $text, 65536, length $text;
        return 'closed' if !$got;
        next if $text !~ /\r\n\r\n/;
        my ($len) = $text =~ /^Content-Length: (\d+)/mi;
        my ($body) = $text =~ /\r\n\r\n(.*)\z/s;
        last if defined $len ? length $body >= $len
              : $text =~ /chunked/i ? $body =~ /0\r\n\r\n\z/
              : $text =~ m{^HTTP/1.1 101};
    }

    my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
    my ($v) = $text =~ /^V: (.*?) *\r$/m;
    $$id = $1 if $id && $text =~ /^Id: (\w+)/m;
    return ($status // 'nothing') . ' ' . ($v // '');
}

sub request {
    my ($s, $token, @more) = @_;
    ask($s, $token, @more);
    return answer($s);
}

sub verdict {
    my ($n, $token, $cert) = @_;
    return request(client($n, $cert), $token);
}

sub asked {
    return scalar grep { $_->{headers} =~ /introspect/ }
           HarsTest::Authority::requests();
}

# the key of a token's record, which a gateway has just written
sub key_of {
    my ($token) = @_;
    my $s = client(0);
    my $id;

    ask($s, $token);
    answer($s, \$id);
    HarsTest::Place::wait_for(5, sub {
        $key{$token} = (@{ HarsTest::redis('KEYS', "hars:$id*") })[0] });
    $key{$token} =~ s/^hars:// or die "no key of $token\n";
    return $key{$token};
}

sub live {
    my ($n, $times) = @_;
    return until_said($n, qr/revocations are followed from/, $times);
}


# all workers wait for news
sub following {
    my ($workers) = @_;

    return HarsTest::Place::wait_for(10, sub {
        my @waiting = grep { /cmd=xread/ && /flags=b/ }
                      split /\n/, HarsTest::redis('CLIENT', 'LIST');
        return @waiting == $workers;
    });
}


# followed

HarsTest::Authority::rules({ '*' => $active });
HarsTest::Redis::told();
gateway(0, workers => 4);
gateway(1);
ok(live($_), "gateway $_ follows the revocations") for 0 .. 1;
is(said(0, qr/has not told/), 0, 'this Redis was told');
is(verdict(0, 'token-number-1'), '200 ok introspection', 'asked once');
is(verdict(1, 'token-number-1'), '200 ok l2', 'known to the other one');
my $end = time + 3;
my %n;
while (time < $end) { $n{verdict($_, 'token-number-1')}++ for 0 .. 1 }
is_deeply([ sort keys %n ], [ '200 ok l1' ],
          'believed for longer than cap, with news')
    or diag explain \%n;
is(asked(), 1, 'nobody was asked again');


# revoked, wherever it is remembered

my @open = map { client($_ % 2) } 1 .. 24;
is(request($_, 'token-number-1'), '200 ok l1', 'a connection') for @open;
is(request($_, 'token-number-1'), '200 ok l0', 'remembers') for @open;
my $k = key_of('token-number-1');
my $old = HarsTest::redis('GET', "hars:$k");
my $start = time;
HarsTest::Redis::revoke(keys => [ $k ]);
my @late;
for my $s (@open) {
    ok(HarsTest::Place::wait_for(1, sub {
           my $v = request($s, 'token-number-1');
           push @late, 1000 * (time - $start) if $v =~ /^200/;
           $v =~ /^401 inactive/ }), 'refused on it');
}
cmp_ok(scalar @late, '<=', 12, 'at once');
diag 'the last admit was ' . ($late[-1] // 0) . ' ms after the revocation';
is(verdict($_, 'token-number-1'), '401 inactive l1', 'and on new ones')
    for 0 .. 1;

# an old record does not bring it back

HarsTest::redis('SET', "hars:$k", $old);
is(verdict($_, 'token-number-1'), '401 inactive l1', 'replayed in Redis')
    for 0 .. 1;

# on its way when the revocation comes

$k = key_of('token-number-2');
HarsTest::redis('DEL', "hars:$k");
@open = ();
finish();
gateway(0, workers => 4);
ok(live(0), 'another zone');
HarsTest::redis('DEL', "hars:$k");
HarsTest::Authority::rules({ 'token-number-2' => { delay => 1,
                             body => $active }, '*' => $active });
my @waiting = map { my $s = client(0); ask($s, 'token-number-2'); $s } 1 .. 8;
ok(HarsTest::Place::wait_for(5, sub { asked() == 1 }), 'it is being asked');
HarsTest::Redis::revoke(keys => [ $k ]);
like(answer($_), qr/^401 inactive (introspection|l1)$/,
   'what was said before the revocation admits nobody') for @waiting;
is(verdict(0, 'token-number-2'), '401 inactive l1', 'nor later');
is(HarsTest::redis('GET', "hars:$k"), "T\x01", 'and was not stored');


# many at once, more than one batch

my @keys = map { sprintf '%064x', $_ } 1 .. 600;
HarsTest::Redis::revoke(keys => [ $_ ]) for @keys;
$k = key_of('token-number-3');
HarsTest::Redis::revoke(keys => [ splice(@keys, 0, 60), $k ]);
ok(HarsTest::Place::wait_for(2, sub {
       verdict(0, 'token-number-3') =~ /^401/ }), 'the last of 601 entries');


# while the workers stand still: more, and longer ones, than one answer may
# be, and the last of them is found

@keys = map { sprintf '%063xf', $_ } 1 .. 130 * 128;
$k = key_of('token-number-10');
ok(following(4), 'the workers wait for news');
my @still = $gateway[0]->workers;
kill 'STOP', $_ for @still;
while (my @pairs = map { (key => $_) } splice @keys, 0, 128) {
    HarsTest::redis('XADD', 'hars:{revoked}stream', '*', @pairs);
}
HarsTest::Redis::revoke(keys => [ $k ]);
kill 'CONT', $_ for @still;
ok(HarsTest::Place::wait_for(20, sub {
       verdict(0, 'token-number-10') =~ /^401/ }), 'the last of 131 long ones');
is(said(0, qr/not understood/), 0, 'no answer was too much');
ok(following(4), 'the workers wait for news again');


# a certificate

my $backend_server = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $backend, Listen => 16, ReuseAddr => 1) or die "listen: $!\n";

sub upgraded {
    my ($n, $token, $cert) = @_;
    my $s = client($n, $cert);

    ask($s, $token, '/up', 'Upgrade: websocket', 'Connection: Upgrade');
    IO::Select->new($backend_server)->can_read(10) or return fail('upgraded');
    my $b = $backend_server->accept;
    my $head = '';
    sysread $b, $head, 4096, length $head until $head =~ /\r\n\r\n/;
    syswrite $b, "HTTP/1.1 101 Switching Protocols\r\n"
                 . "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    is(substr(answer($s), 0, 4), '101 ', 'upgraded');
    syswrite $s, 'ping';
    sysread $b, my $got, 4;
    is($got, 'ping', 'it carries data');
    return ($s, $b);
}

# an HTTP/2 connection on which nothing was asked yet
sub http2 {
    my ($cert) = @_;

    my $pid = open2(my $from, my $to, 'openssl', 's_client', '-quiet',
        '-connect', "127.0.0.1:$place[0]{tls}", '-servername', 'localhost',
        '-alpn', 'h2', '-CAfile', "$pki/ca.pem", '-cert', "$pki/$cert.pem",
        '-key', "$pki/$cert.key");
    syswrite $to, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                  . "\0\0\0\4\0\0\0\0\0";
    my $n = IO::Select->new($from)->can_read(10)
            && sysread $from, my $settings, 4096;
    ok($n && $settings =~ /\A\x00..\x04/s, 'HTTP/2 is spoken');
    return ($from, $to, $pid);
}

# the time until a connection is ended by the gateway
sub ends {
    my ($s, $within) = @_;
    my $start = time;

    while ((my $left = $start + $within - time) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        return time - $start if !sysread $s, my $rest, 4096;
    }

    return;
}

HarsTest::Authority::rules({ '*' => $active,
    'token-number-b' => HarsTest::active(cert => 'b') });
my $idle = client(0);
is(request($idle, 'token-number-4'), '200 ok introspection', 'an open one');
my $other = client(0, 'b');
like(request($other, 'token-number-b'), qr/^200 ok/, 'one of another');
my ($ws, $end_of_ws) = upgraded(0, 'token-number-4');
my ($wsb, $end_of_wsb) = upgraded(0, 'token-number-b', 'b');

my ($h2, $to_h2, $h2_pid) = http2('a');
my ($h2b, $to_h2b, $h2b_pid) = http2('b');

$start = time;
HarsTest::Redis::revoke(cert => HarsTest::thumbprint('a'));
for my $case ([ 'an idle one', $idle ], [ 'an upgraded one', $ws ],
              [ 'one of HTTP/2', $h2 ],
              [ 'its other side', $end_of_ws ])
{
    my $took = ends($case->[1], 2);
    ok(defined $took && time - $start < 1, "$case->[0] ends within a second");
}
is(verdict(0, 'token-number-4'), '401 cert_revoked', 'a new one is refused');
is(verdict(0, 'token-number-9'), '401 cert_revoked', 'with any token');
is(request($other, 'token-number-b'), '200 ok l0', 'the other one goes on');
syswrite $wsb, 'pong';
sysread $end_of_wsb, my $got, 4;
is($got, 'pong', 'upgraded or not');
ok(!defined ends($h2b, 0.2), 'HTTP/2, too');
close $_ for $to_h2, $to_h2b, $h2, $h2b;
kill 'TERM', $h2_pid, $h2b_pid;
waitpid $_, 0 for $h2_pid, $h2b_pid;

gateway(1);
ok(live(1), 'a gateway that begins');
ok(said(1, qr/1 certificates are revoked/), 'loads them');
is(verdict(1, 'token-number-4'), '401 cert_revoked', 'and refuses');
like(verdict(1, 'token-number-b', 'b'), qr/^200 ok/, 'one, not the other');

# HTTP/2 of a revoked certificate
my $r = $gateway[0]->curl('/', token => 'token-number-4', http2 => 1);
like($r->{headers}, qr{^HTTP/2 401}, 'HTTP/2 is refused, too');

# an upgraded connection ends with its token

HarsTest::redis('ZREM', 'hars:{revoked}certs', HarsTest::thumbprint('a'));
undef $_ for $idle, $other, $ws, $wsb, $end_of_ws, $end_of_wsb;
finish();
gateway(0);
ok(live(0), 'a zone without revoked certificates');
HarsTest::Authority::rules({ '*' => $active,
    'token-number-s' => HarsTest::active(exp_in => 4) });
($ws, $end_of_ws) = upgraded(0, 'token-number-s');
my $took = ends($ws, 10);
ok(defined $took && $took > 2 && $took < 6.5, 'at exp') or diag $took // '-';
($ws, $end_of_ws) = upgraded(0, 'token-number-5');
HarsTest::Redis::revoke(keys => [ key_of('token-number-5') ]);
ok(defined ends($ws, 3), 'and when it is revoked');
undef $_ for $ws, $end_of_ws;
close $backend_server;


# no news

is(verdict(0, 'token-number-6'), '200 ok introspection', 'a token');
HarsTest::Redis::pause();
my $asked = asked();
%n = ();
$end = time + 6;
while (time < $end) { $n{verdict(0, 'token-number-6')}++ }
is_deeply([ sort keys %n ], [ '200 ok l1' ],
          'a Redis that hangs: a busy token never waits') or diag explain \%n;
my $renewed = asked() - $asked;
ok($renewed >= 2 && $renewed <= 12, 'it is renewed within cap')
    or diag $renewed;
HarsTest::Authority::rules({ '*' => { close => 1 } });
ok(HarsTest::Place::wait_for(5, sub {
       verdict(0, 'token-number-6') =~ /^503/ }),
   'with the authority away as well it ends after cap');
HarsTest::Redis::continue();
ok(HarsTest::Place::wait_for(5, sub {
       verdict(0, 'token-number-6') =~ / ok l1$/ }),
   'news again, and nothing was missed: it is believed again');
HarsTest::Authority::rules({ '*' => $active });

# killed, and back empty

my $follows = said(0, qr/are followed from/);
$k = key_of('token-number-6');
my $sealed = HarsTest::redis('GET', "hars:$k");
HarsTest::Redis::stop();
is(verdict(0, 'token-number-6'), '200 ok l1', 'Redis dies: for a while');
HarsTest::Redis::start();
ok(until_said(0, qr/has not told this Redis/), 'back, but not told');
HarsTest::redis('SET', "hars:$k", $sealed);
gateway(1);
is(verdict(1, 'token-number-6'), '200 ok introspection',
   'what it has admits nobody');
HarsTest::redis('SET', "hars:$k", "T\x01");
$gateway[1]->quit;
gateway(1);
is(verdict(1, 'token-number-6'), '401 inactive l2', 'but denies');
ok($gateway[1]->quit, 'it ends');
undef $gateway[1];
HarsTest::redis('DEL', "hars:$k");
HarsTest::Redis::told(2);
ok(until_said(0, qr/are followed from/, $follows + 1), 'told');
is(verdict(0, 'token-number-6'), '200 ok introspection',
   'what was known before is asked again');
is(verdict(0, 'token-number-6'), '200 ok l1', 'once');

# flushed, while connected

$follows = said(0, qr/are followed from/);
HarsTest::redis('FLUSHALL');
ok(until_said(0, qr/has lost what it was told/), 'a flush is noticed');
HarsTest::Redis::told(3);
ok(until_said(0, qr/are followed from/, $follows + 1), 'told');
is(verdict(0, 'token-number-6'), '200 ok introspection', 'asked again');

# an old server comes back with an old word

$follows = said(0, qr/are followed from/);
HarsTest::Redis::told(2);
ok(until_said(0, qr/has lost what it was told/, 2), 'an older epoch');
select undef, undef, undef, 0.5;
is(said(0, qr/are followed from/), $follows, 'is not believed');
HarsTest::Redis::told(4);
ok(until_said(0, qr/are followed from/, $follows + 1), 'a later one is');
like(verdict(0, 'token-number-6'), qr/^200 ok (l2|introspection)/,
     'and asked again');
is(verdict(0, 'token-number-6'), '200 ok l1', 'a token');
ok(following(2), 'followed again');
my $lost = said(0, qr/has lost what it was told/);
HarsTest::Redis::told(5);
ok(until_said(0, qr/has lost what it was told/, $lost + 1),
   'told again: something was lost');
ok(following(2), 'followed again');
like(verdict(0, 'token-number-6'), qr/^200 ok (l2|introspection)/,
     'asked again');

# while a token is asked about: who waits is not judged by that answer

HarsTest::Authority::rules({ 'token-number-11' => { delay => 2,
                             body => $active }, '*' => $active });
my $waits = client(0);
ask($waits, 'token-number-11');
ok(HarsTest::Place::wait_for(5, sub { asked() == 1 }), 'it is being asked');
$lost = said(0, qr/has lost what it was told/);
HarsTest::Redis::told(6);
ok(until_said(0, qr/has lost what it was told/, $lost + 1), 'a gap meanwhile');
ok(following(2), 'followed again');
is(answer($waits), '200 ok l2', 'it is looked up again');

# trimmed beyond where a worker stood

HarsTest::Redis::revoke(keys => [ '0' x 64 ]);
ok(HarsTest::Place::wait_for(5, sub { verdict(0, 'token-number-6')
                                      =~ /l1$/ }), 'a token');
ok(following(2), 'the workers wait for news');
my @workers = $gateway[0]->workers;
kill 'STOP', $_ for @workers;
HarsTest::Redis::revoke(keys => [ sprintf '%064x', $_ ]) for 1 .. 20;
HarsTest::redis('XTRIM', 'hars:{revoked}stream', 'MAXLEN', 2);
kill 'CONT', $_ for @workers;
ok(until_said(0, qr/trimmed or emptied/), 'a gap in the stream is noticed');
ok(following(2), 'followed again');
like(verdict(0, 'token-number-6'), qr/^200 ok (l2|introspection)/,
     'what was known is asked again');

# what is no revocation

for my $bad ([ key => 'x' ], [ key => 'G' x 64 ], [ cert => 'x', until => 1 ],
             [ cert => HarsTest::thumbprint('b') ],
             [ cert => HarsTest::thumbprint('b'), until => 'soon' ],
             [ cert => HarsTest::thumbprint('b'), key => '0' x 64 ])
{
    $follows = said(0, qr/are followed from/);
    HarsTest::redis('XADD', 'hars:{revoked}stream', '*', @$bad);
    ok(until_said(0, qr/are followed from/, $follows + 1), "@$bad: a gap");
}
$follows = said(0, qr/may have been missed/);
HarsTest::redis('XADD', 'hars:{revoked}stream', '*', other => 'thing');
select undef, undef, undef, 0.8;
is(said(0, qr/may have been missed/), $follows, 'other names are ignored');

# over a reload nothing is forgotten

is(verdict(0, 'token-number-8'), '200 ok introspection', 'a token');
$follows = said(0, qr/are followed from/);
ok($gateway[0]->reload, 'reloaded');
is(verdict(0, 'token-number-8'), '200 ok l1', 'is known');
$k = key_of('token-number-8');
HarsTest::Redis::revoke(keys => [ $k ]);
ok(HarsTest::Place::wait_for(2, sub {
       verdict(0, 'token-number-8') =~ /^401/ }), 'revoked');
is(said(0, qr/are followed from/), $follows, 'from where it was');

finish(allow => qr/introspection failed|closed connection/);


# who leaves has news as long as it has requests, and no longer: its own where
# nobody else tells its zone

$backend_server = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $backend, Listen => 16, ReuseAddr => 1) or die "listen: $!\n";
HarsTest::Authority::rules({ '*' => $active,
    'token-number-b' => HarsTest::active(cert => 'b') });

# SIGUSR2, and SIGQUIT to who was there before
sub upgrade {
    my ($g) = @_;
    my $old = $g->pid;

    kill 'USR2', $old;
    my $begun = HarsTest::Place::wait_for(10, sub {
        ($g->{pid}) = grep { $_ != $old } pid_of($g);
        return $g->pid && $g->workers; });
    kill 'QUIT', $old;

    return $begun;
}

my $leaving = 0;

for my $case (
    [ 'a reload', 1, sub { $_[0]->reload } ],
    [ 'a reload to another Redis', 1, sub {
        my ($run) = HarsTest::redis('GET', 'hars:{revoked}run') =~ / (.*)/;
        HarsTest::redis('SET', 'b:{revoked}run', "1 $run");
        $_[0]->write($_[0]->conf =~ s/hars_redis.*\K;/ prefix=b:;/r);
        $_[0]->reload } ],
    [ 'a zone of another size', 2, sub {
        $_[0]->write($_[0]->conf =~ s/z:1m/z:2m/r);
        $_[0]->reload } ],
    [ 'another binary', 2, \&upgrade ])
{
    my ($what, $followers, $leave) = @$case;
    my $g = gateway(0, workers => 1, daemon => $leave == \&upgrade);
    my ($worker) = $g->workers;
    my $master = $g->pid;

    ok(live(0), "$what: a gateway");
    my $token = 'token-number-1' . ++$leaving;
    $k = key_of($token);
    ($ws, $end_of_ws) = upgraded(0, $token);
    ($wsb, $end_of_wsb) = upgraded(0, 'token-number-b', 'b');
    ok($leave->($g), "$what: others are there");
    ok(following($followers), 'each zone has its news');

    # its connections to Redis are made again, too
    HarsTest::redis('CLIENT', 'KILL', 'TYPE', 'normal');
    ok(following($followers), 'again');

    syswrite $wsb, 'pong';
    sysread $end_of_wsb, $got, 4;
    is($got, 'pong', 'what is upgraded goes on');
    if ($what =~ /another Redis/) {
        HarsTest::redis('XADD', 'b:{revoked}stream', '*', key => $k);
        HarsTest::redis('XADD', 'b:{revoked}stream', '*',
                        cert => HarsTest::thumbprint('b'),
                        until => int(time) + 1000);
    } else {
        HarsTest::Redis::revoke(keys => [ $k ]);
        HarsTest::Redis::revoke(cert => HarsTest::thumbprint('b'));
    }
    ok(defined ends($wsb, 1), 'until its certificate is revoked');
    ok(defined ends($ws, 2.5), '... its token');
    undef $_ for $ws, $wsb, $end_of_ws, $end_of_wsb;
    ok(HarsTest::Place::wait_for(2, sub {
           HarsTest::Place::is_gone($worker) }), 'the worker ends');
    if ($g->pid != $master) {
        ok(HarsTest::Place::wait_for(2, sub {
               HarsTest::Place::is_gone($master) }), 'so does its master');
        waitpid $master, 0;
    }
    HarsTest::redis('ZREM', 'hars:{revoked}certs', HarsTest::thumbprint('b'));
    finish();
}
close $backend_server;


# many certificates, read in pages: behind the first one those that end soonest
# go, as the authority takes out what has ended, and another one comes

# a way to Redis; what is done there before the second page is asked for
sub between_pages {
    my ($at, @commands) = @_;
    my $listen = IO::Socket::UNIX->new(Local => $at, Listen => 16)
        or die "$at: $!\n";
    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;

    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($listen);
    my $pages = 0;
    my %to;

    while (my @ready = $select->can_read(60)) {
        for my $s (@ready) {
            if ($s == $listen) {
                my $one = $listen->accept or next;
                my $other = IO::Socket::UNIX->new(Peer => $redis) or next;
                @to{$one, $other} = ($other, $one);
                $select->add($one, $other);
                next;
            }

            my $n = sysread $s, my $bytes, 65536;

            if ($n && $bytes =~ /Z(?:REV)?RANGEBYSCORE/ && ++$pages == 2) {
                HarsTest::Servers::redis($ENV{TEST_NGINX_REDIS_PORT}, @$_)
                    for @commands;
            }

            syswrite $to{$s}, $bytes if $n;
            shutdown $to{$s}, SHUT_WR if !$n;
            $select->remove($s) if !$n;
        }
    }

    POSIX::_exit(0);
}

my ($soon, $certs) = (int(time) + 1000, 'hars:{revoked}certs');
my ($mine, $new) = map { HarsTest::thumbprint($_) } qw(a b);
my @fake = map { encode_base64url(sha256($_)) } 1 .. 1989;
my @set = ((map { ($soon, $_) } splice @fake, 0, 40),
           (map { ($soon + 1000, $_) } splice @fake, 0, 479),
           $soon + 2000, $mine, map { ($soon + 3000, $_) } @fake);

HarsTest::redis('DEL', $certs);
HarsTest::redis('ZADD', $certs, splice @set, 0, 200) while @set;
is(HarsTest::redis('ZCARD', $certs), 1990, 'certificates are revoked');

my $pages = HarsTest::Place::dir() . '/pages.sock';
my $way = between_pages($pages,
    [ 'ZREMRANGEBYSCORE', $certs, '-inf', $soon ],
    [ 'ZADD', $certs, $soon + 4000, $new ],
    [ 'XADD', 'hars:{revoked}stream', '*', 'cert', $new,
      'until', $soon + 4000 ]);
gateway(0, workers => 1, redis => $pages, zone => 'z:8m ttl=300s cap=2s',
        more => 'location = /metrics { hars off override; hars_status; }');
ok(live(0), 'a gateway that begins meanwhile');
is(HarsTest::redis('ZCARD', $certs), 1951, 'some are gone, one is new');
is(verdict(0, 'token-number-4'), '401 cert_revoked', 'none is passed over');
ok(HarsTest::Place::wait_for(5, sub {
       verdict(0, 'token-number-b', 'b') eq '401 cert_revoked' }),
   'nor the new one');
my ($loaded) = $gateway[0]->curl('/metrics', cert => 'none')->{body}
    =~ /^hars_revoked_certificates\{[^}]*\} (\d+)/m;
is($loaded, 1951, 'each of them is known');
finish();
kill 'TERM', $way;
waitpid $way, 0;

done_testing();
