#!/usr/bin/perl

# How long a revoked token is still admitted: from the authorization server's
# answer to POST /oauth2/revoke until every worker of two gateways (own
# masters, own zones, one Redis) has refused it, under load.
#
#   perl -I t/lib bench/revocation.pl [revocations]
#
# The time of each revocation ends with the arrival of the last worker's
# refusal, so it holds a request's own round trip; each connection asks again
# at once for as long as it is admitted.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use HarsTest suite => 0, redis => 1;
use HarsTest::Authserver;
use HarsTest::Nginx;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);

options({});
my $revocations = shift // 1000;
$revocations =~ /^[1-9]\d*$/ && !@ARGV or wrong();
my $workers = 2;
my @tls = ($ENV{TEST_NGINX_TLS_PORT}, HarsTest::Place::port(12));
my @shim = ($ENV{TEST_NGINX_PORT_1}, HarsTest::Place::port(13));
my (@gateway, @load, @client);

$| = 1;
HarsTest::Authserver::start();

for my $n (0, 1) {
    my $tls = HarsTest::Nginx::tls();
    $tls =~ s/$tls[0]/$tls[$n]/;

    my $main = HarsTest::Nginx::shim([ $shim[$n], $tls[$n], 'a' ]);
    my $g = HarsTest::Nginx->new(main => $main, workers => $workers,
                                 log_level => 'notice', http => <<"END");
    hars_zone z:16m key=$ENV{TEST_NGINX_ZONE_KEY};
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z unix:$ENV{TEST_NGINX_REDIS_SOCK};
    keepalive_requests 100000000;
    server {
        $tls
        hars on;
        hars_introspect /_hars/introspect issuer=https://auth.hars.localhost
                        caller=gateway;
        location = /_hars/introspect {
            internal;
            proxy_pass http://unix:${\ HarsTest::Authserver::gateway_socket()}:/introspect;
        }
        add_header Pid \$pid always;
        location / { root ${\ HarsTest::Place::dir()}; try_files /page =404; }
    }
END
    open my $page, '>', HarsTest::Place::dir() . '/page' or die "page: $!\n";
    print $page 'passed';
    close $page;
    $g->start;
    push @gateway, $g;
}

# one connection to each worker of each gateway
for my $n (0, 1) {
    my %seen;

    while (keys %seen < $workers) {
        my $s = client($n);
        ask($s, 'no-such-token');
        my ($status, $pid) = answer($s);
        next if $seen{$pid}++;
        push @client, $s;
    }
}

pipe(my $counts, my $count) or die "pipe: $!\n";

for my $n (0, 1) {
    my $pid = fork() // die "fork: $!\n";
    push(@load, $pid), next if $pid;
    POSIX::_exit(load($n));
}

my @took;
my $began = time;

for my $n (1 .. $revocations) {
    my $token = HarsTest::Authserver::token() // die "no token\n";

    for my $s (@client) {
        ask($s, $token);
        my ($status) = answer($s);
        die "not admitted: $status\n" if $status != 200;
    }

    HarsTest::Authserver::revoke(token => $token) == 200
        or die "not revoked\n";

    my $start = time;
    my %left = map { $_ => $_ } @client;
    ask($_, $token) for @client;

    while (%left) {
        for my $s (IO::Select->new(values %left)->can_read(1)) {
            my ($status) = answer($s);
            if ($status == 401) { delete $left{$s} } else { ask($s, $token) }
        }
        die "still admitted after a second\n" if time - $start > 1;
    }

    push @took, 1000 * (time - $start);
    printf "\r%d of %d", $n, $revocations if -t STDOUT && $n % 20 == 0;
}

for my $pid (@load) {
    kill 'TERM', $pid;
    waitpid $pid, 0;
}
my $served = 0;
$served += <$counts> for @load;

@took = sort { $a <=> $b } @took;
printf "\r%d revocations, 2 gateways of %d workers, %d other requests a second:"
       . " until all refuse\np50 %.1f ms, p99 %.1f ms, longest %.1f ms\n",
       $revocations, $workers, $served / (time - $began), $took[@took / 2], $took[0.99 * $#took],
       $took[-1];

@client = ();
$_->quit for @gateway;


sub client {
    my ($n) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $shim[$n])
        // die "connect: $!\n";
}

sub ask {
    my ($s, $token) = @_;
    syswrite $s, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                 . "Authorization: Bearer $token\r\n\r\n";
}

# status and process id
sub answer {
    my ($s) = @_;
    my $text = '';

    for ( ;; ) {
        my $got = sysread $s, $text, 65536, length $text;
        next if !defined $got && $!{EINTR};
        die "closed: $text\n" if !$got;
        my ($len) = $text =~ /^Content-Length: (\d+)/mi;
        next if $text !~ /\r\n\r\n/ || !defined $len;
        last if length($text) >= index($text, "\r\n\r\n") + 4 + $len;
    }

    return ($text =~ m{^HTTP/1.1 (\d+)}, $text =~ /^Pid: (\d+)/m);
}

# until it is told to end: eight connections, one request after another
sub load {
    my ($n) = @_;
    my $end = 0;
    local $SIG{TERM} = sub { $end = 1 };

    my $token = HarsTest::Authserver::token();
    my @s = map { client($n) } 1 .. 8;

    my $served = 0;

    while (!$end) {
        ask($_, $token) for @s;
        answer($_) for @s;
        $served += @s;
    }
    syswrite $count, "$served\n";
    return 0;
}
