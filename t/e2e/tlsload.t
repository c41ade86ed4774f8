#!/usr/bin/perl

# The load generator of the gateway's benchmark (bench/tlsload.c): what it
# counts, and that a server that stalls is not asked less for it.

use strict;
use warnings;

use HarsTest suite => 0, redis => 0;
use HarsTest::Nginx;
use Test::More;
use Time::HiRes qw(time);

my $top = $HarsTest::Place::top;
my $program = "$HarsTest::Place::build/bench/tlsload";
my $dir = HarsTest::Place::dir();
my $pki = $HarsTest::Place::pki;
my $asked = 0;

system('make', '-s', '-C', $top, "BUILD=$HarsTest::Place::build", $program)
    == 0 or BAIL_OUT('bench/tlsload does not build');

my $nginx = HarsTest::Nginx->new(http => <<'END');
    keepalive_requests 1000000;
    log_format seen '$uri $http_authorization $ssl_client_verify'
                    ' $ssl_protocol $connection $server_protocol'
                    ' $ssl_session_reused';
    server {
        $TEST_NGINX_TLS
        location / { return 200 "passed\n"; access_log logs/seen seen; }
        location /large { root $TEST_NGINX_TMP; }
        location /refused { return 401 "no\n"; access_log logs/seen seen; }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1 ssl;
        ssl_certificate $TEST_NGINX_PKI/server.pem;
        ssl_certificate_key $TEST_NGINX_PKI/server.key;
        ssl_client_certificate $TEST_NGINX_PKI/client-ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        location / { return 200 "passed\n"; access_log logs/seen seen; }
    }
END
$nginx->start;

my @token = map { "token-number-$_" } 1 .. 100;
put("$dir/tokens", join '', map { "$_\n" } @token);
put("$dir/large", 'x' x 1_000_000);

# every token once
my $said = tlsload('/once', '-d', 'once', '-c', 8);
my @seen = seen('/once');
is($said->{good}, 100, 'each token is answered');
is_deeply([ sort map { $_->{token} } @seen ], [ sort @token ],
          'and each was asked once');
is(scalar(grep { "$_->{verify} $_->{protocol}" ne 'SUCCESS TLSv1.3' } @seen),
   0, 'by TLS 1.3 with a client certificate');
is(connections(@seen), 8, 'over as many connections as it was told');

# a connection its own token
$said = tlsload('/each', '-d', 'each', '-c', 8, '-s', 0.3);
@seen = seen('/each');
my %of;
$of{$_->{connection}}{$_->{token}} = 1 for @seen;
is(scalar(@seen), $said->{good}, 'all that was answered was counted');
is(scalar(grep { keys %$_ > 1 } values %of), 0, 'a connection has one token');
is(scalar(keys %{ { map { %$_ } values %of } }), 8, 'of its own');

# drawn at random, the same ones by the same seed
tlsload('/random', '-d', 'random', '-c', 1, '-s', 0.3, '-S', 7);
my @first = map { $_->{token} } seen('/random');
tlsload('/again', '-d', 'random', '-c', 1, '-s', 0.3, '-S', 7);
my @again = map { $_->{token} } seen('/again');
is_deeply([ @again[0 .. 99] ], [ @first[0 .. 99] ], 'a seed, an order');
cmp_ok(scalar(keys %{ { map { $_ => 1 } @first } }), '>', 40, 'of many');

# not all answers are alike
$said = tlsload('/large', '-s', 0.3, '-c', 4);
cmp_ok($said->{good}, '>', 4, 'a body of 1 MB');
is(tlsload('/refused', '-s', 0.1)->{good} // 0, 0, '401 is not good');
isnt($?, 0, 'and the exit status says so');

# connections that begin one after another, of ten in a second
tlsload('/spread', '-c', 10, '-y', 1, '-s', 0.25);
is(connections(seen('/spread')), 3, 'those that are due by then');

# tokens that are made
$said = tlsload('/made', '-g', 'made', '-n', 50, '-d', 'once', '-c', 4);
is($said->{good}, 50, 'tokens that are made, once each');
is(scalar(keys %{ { map { $_->{token} => 1 } seen('/made') } }), 50,
   'differ');

# HTTP/2
$said = tlsload('/frames', '-2', '-d', 'once', '-c', 8);
@seen = seen('/frames');
is($said->{good}, 100, 'HTTP/2: each token is answered');
is_deeply([ sort map { $_->{token} } @seen ], [ sort @token ],
          'each was asked once');
is(scalar(grep { $_->{http} ne 'HTTP/2.0' } @seen), 0, 'by HTTP/2');
is(connections(@seen), 8, 'over as many connections');
$said = tlsload('/large', '-2', '-s', 0.3, '-c', 4);
cmp_ok($said->{good}, '>', 4, 'a body of 1 MB, in frames');
is(tlsload('/refused', '-2', '-s', 0.1)->{good} // 0, 0, '401 is not good');

# connections that are not kept
$said = tlsload('/new', '-H', 20);
@seen = seen('/new');
is($said->{good}, 20, 'handshakes: each one is answered');
is(connections(@seen), 23, 'on connections of their own, and three before');
is(scalar(grep { $_->{reused} ne '.' } @seen), 0, 'none of them resumed');
tlsload('/new', '-H', 20, '-R');
isnt($?, 0, 'where nothing can be resumed, -R fails');
my $port = $ENV{TEST_NGINX_TLS_PORT};
$ENV{TEST_NGINX_TLS_PORT} = $ENV{TEST_NGINX_PORT_1};
$said = tlsload('/resumed', '-H', 20, '-R');
is($said->{resumptions}, 20, 'where it can, all are');
is(scalar(grep { $_->{reused} eq 'r' } seen('/resumed')), 22,
   'and nginx says so, too');
$ENV{TEST_NGINX_TLS_PORT} = $port;

# a stall of half a second, amid two seconds
my ($worker) = $nginx->workers;
$said = stalled('-r', 500, '-k', 100);
is($said->{good}, 1000, 'by schedule: all that was due was asked');
cmp_ok($said->{p90_us}, '>', 200_000,
       'and those that had to wait are in the times');
is($said->{pieces}, 10, 'of pieces of 100');
cmp_ok($said->{piece_p99_us}, '<', 100_000, 'most are spared');
$said = stalled();
cmp_ok($said->{p90_us}, '<', 100_000, 'as fast as it goes: they are not');
cmp_ok($said->{cpu_us}, '>', 1, "the worker's time is told");
cmp_ok($said->{cpu_us}, '<', 10_000, 'of an answer');

ok($nginx->quit, 'nginx ends');

done_testing();


sub put {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
}


sub tlsload {
    my ($path, @how) = @_;
    my @tokens = grep({ $_ eq '-g' } @how) ? () : ('-t', "$dir/tokens");
    my @command = ($program, @tokens, '--cacert', "$pki/ca.pem",
                   '--cert', "$pki/a.pem", '--key', "$pki/a.key", '--name',
                   'localhost', @how,
                   "127.0.0.1:$ENV{TEST_NGINX_TLS_PORT}", $path);

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', @command
        or die "tlsload: $!\n";
    my $said = <$fh> // '';
    close $fh;

    return { map { split /=/ } split ' ', $said };
}


# nginx's worker stops for half a second, when it has answered each connection
sub stalled {
    my (@how) = @_;
    my $asked = sub { return scalar grep { m{^/stalled } } logged() };
    my $begin = $asked->() + 10;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        HarsTest::Place::wait_for(20, sub { return $asked->() >= $begin });
        kill 'STOP', $worker;
        select undef, undef, undef, 0.5;
        kill 'CONT', $worker;
        require POSIX;
        POSIX::_exit(0);
    }

    my $said = tlsload('/stalled', '-c', 10, '-s', 2, '-p', $worker, @how);
    waitpid $pid, 0;

    return $said;
}


# requests for a path.  The worker writes a request's line after its answer, and
# before it answers the next one: the last of all says that all are there
sub seen {
    my ($path) = @_;
    my $last = '/last-' . ++$asked;

    tlsload($last, '-H', 1);
    HarsTest::Place::wait_for(5, sub { grep { /^\Q$last\E / } logged() })
        or BAIL_OUT('nginx does not log');

    return map {
        my %seen;
        (my $uri, undef, @seen{qw(token verify protocol connection http
                                  reused)}) = split;
        $uri eq $path ? \%seen : ();
    } logged();
}


sub logged {
    open my $fh, '<', $nginx->dir . '/logs/seen' or return;

    return <$fh>;
}


sub connections {
    return scalar keys %{ { map { $_->{connection} => 1 } @_ } };
}
