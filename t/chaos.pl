#!/usr/bin/perl

# What happens to requests while something dies: Redis killed and restarted, or
# stopped and continued; the master that Sentinels watch killed; a master of a
# Cluster; the authorization server; both.  Under load with many warm tokens,
# some of which are revoked meanwhile:
#
#   - nobody is admitted with a revoked token later than the bound allows
#   - with Redis alone away no request fails, none is slower than its deadline
#   - an unprotected location does not notice
#   - afterwards all tiers are back
#
#   perl -I t/lib t/chaos.pl [--rounds N] [--tokens N] [--rate N] [mode ...]
#
# Modes: kill stop sentinel cluster authserver both stale; all without one.
# Exit status 1 where a promise was broken.  Each mode prints a line of what
# was counted.

use strict;
use warnings;

use lib 't/lib';

use Getopt::Long;
use HarsTest suite => 0;
use HarsTest::Authserver;
use HarsTest::Nginx;
use HarsTest::Servers;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

my %o = (rounds => 50, tokens => 10_000, rate => 4000);
GetOptions(\%o, 'rounds=i', 'tokens=i', 'rate=i') or die "see the top of $0\n";

use constant CAP => 5;          # seconds, of hars_zone
use constant TIMEOUT => 3;      # seconds, hars_timeout
use constant PUSHED => 0.25;    # seconds for a revocation, all being well

my $dir = HarsTest::Place::dir();
my $shim = $ENV{TEST_NGINX_PORT_1};
my $open = $ENV{TEST_NGINX_PORT_2};
my ($gateway, @tokens, %load, $broken);
my $next = 0;                   # of @tokens, to be revoked

my %mode = (
    kill => \&mode_kill, stop => \&mode_stop, authserver => \&mode_authserver,
    both => \&mode_both, stale => \&mode_stale,
    sentinel => \&mode_sentinel, cluster => \&mode_cluster,
);
my @modes = @ARGV ? @ARGV
                  : qw(kill stop sentinel cluster authserver both stale);

$| = 1;
for my $name (@modes) {
    ($mode{$name} // die "no mode $name\n")->($name);
}
exit($broken ? 1 : 0);


# one Redis: dies and comes back empty

sub mode_kill {
    my ($name) = @_;

    HarsTest::Redis::start();
    start('unix:' . HarsTest::Redis::socket_path());

    for my $round (1 .. $o{rounds}) {
        HarsTest::Redis::stop();
        revoke(3);
        sleep 0.3 + rand 0.7;
        HarsTest::Redis::start();
        sleep 0.5 + rand 1.5;
        revoke(3);
        sleep 0.3;
        progress($name, $round);
    }
    finish($name, failures => 0);
}


# hangs, and goes on

sub mode_stop {
    my ($name) = @_;

    HarsTest::Redis::start();
    start('unix:' . HarsTest::Redis::socket_path());

    for my $round (1 .. $o{rounds}) {
        HarsTest::Redis::pause();
        revoke(3);
        sleep 0.3 + rand 2;
        HarsTest::Redis::continue();
        sleep 0.5 + rand 0.5;
        revoke(3);
        sleep 0.3;
        progress($name, $round);
    }
    finish($name, failures => 0);
}


# the master dies, its replica takes over, and it comes back as a replica

sub mode_sentinel {
    my ($name) = @_;
    my @server = map { HarsTest::Place::port($_) } 2, 3;
    my @sentinel = map { HarsTest::Place::port($_) } 4, 5, 6;

    HarsTest::Servers::replicated('hars', [ 2, 3 ], [ 4, 5, 6 ]);
    start(join(' ', map { "127.0.0.1:$_" } @sentinel) . ' sentinel=hars', '',
          join "\n", 'redis_sentinel = hars',
          map { "redis = 127.0.0.1:$_" } @sentinel);

    for my $round (1 .. $o{rounds}) {
        my $old = HarsTest::Servers::master('hars', @sentinel);
        my ($new) = grep { $_ != $old } @server;

        HarsTest::Servers::stop($old);
        revoke(3);
        check("$name: round $round: a failover",
              HarsTest::Place::wait_for(30, sub {
                  HarsTest::Servers::master('hars', @sentinel) == $new
                      && HarsTest::Servers::told($new) }));
        revoke(3);
        HarsTest::Servers::start($old, '--replicaof', '127.0.0.1', $new);
        check("$name: round $round: a replica",
              HarsTest::Place::wait_for(30, sub {
                  my $role = HarsTest::Servers::redis($old, 'ROLE');
                  ref $role && $role->[3] eq 'connected' }));
        revoke(3);
        sleep 0.3;
        progress($name, $round);
    }
    finish($name, failures => 0);
}


# a master of a Cluster dies, each second time the one of the stream

sub mode_cluster {
    my ($name) = @_;
    my @node = map { HarsTest::Place::port($_) } 0, 2 .. 6;
    my $of = 'hars:{revoked}stream';

    HarsTest::Servers::cluster([ 0, 2 .. 6 ], [ 7, 10 .. 14 ]);
    start(join(' ', map { "127.0.0.1:$_" } @node) . ' cluster', '',
          join "\n", 'redis_cluster = yes',
          map { "redis = 127.0.0.1:$_" } @node);

    for my $round (1 .. $o{rounds}) {
        my $key = $round % 2 ? $of : "hars:$round";
        my $old = HarsTest::Servers::holder($key, @node);

        HarsTest::Servers::stop($old);
        revoke(3);
        check("$name: round $round: a failover",
              HarsTest::Place::wait_for(30, sub {
                  my $new = HarsTest::Servers::holder($key, @node);
                  my $stream = HarsTest::Servers::holder($of, @node);
                  $new && $new != $old && $stream
                      && HarsTest::Servers::told($new, $stream) }));
        revoke(3);
        HarsTest::Servers::start($old);
        check("$name: round $round: whole again",
              HarsTest::Place::wait_for(30, sub {
                  HarsTest::Servers::whole(@node) }));
        revoke(3);
        sleep 0.3;
        progress($name, $round);
    }
    finish($name, failures => 0);
}


# the authority is killed: what is known goes on

sub mode_authserver {
    my ($name) = @_;

    HarsTest::Redis::start();
    start('unix:' . HarsTest::Redis::socket_path());

    for my $round (1 .. $o{rounds}) {
        HarsTest::Authserver::stop();
        # once for longer than anything is believed without news
        sleep($round == 1 ? 2 * CAP : 0.5 + rand 1);
        HarsTest::Authserver::start(redis_lines());
        revoke(3);
        sleep 0.5;
        progress($name, $round);
    }
    finish($name, failures => 0);
}


# both: admitted for cap, then 503

sub mode_both {
    my ($name) = @_;

    HarsTest::Redis::start();
    start('unix:' . HarsTest::Redis::socket_path());

    HarsTest::Redis::pause();
    HarsTest::Authserver::stop();
    my $began = time;
    my $last = last_admit(CAP + 8);
    check("$name: known tokens are admitted for a while", $last > 2);
    check(sprintf('%s: then refused (%.1f s)', $name, $last),
          $last < CAP + 1.5);
    HarsTest::Redis::continue();
    HarsTest::Authserver::start(redis_lines());
    finish($name, failures => undef);
}


# both, where hars_stale_if_error says longer

sub mode_stale {
    my ($name) = @_;

    HarsTest::Redis::start();
    start('unix:' . HarsTest::Redis::socket_path(),
          'hars_stale_if_error 4s;');

    HarsTest::Redis::pause();
    HarsTest::Authserver::stop();
    my $last = last_admit(CAP + 12);
    check(sprintf('%s: admitted for longer, and no more (%.1f s)', $name,
                  $last), $last > CAP + 2 && $last < CAP + 4 + 1.5);
    HarsTest::Redis::continue();
    HarsTest::Authserver::start(redis_lines());
    finish($name, failures => undef);
}


my $authserver_lines;

sub redis_lines { return (redis => $authserver_lines) }

# gateway, authorization server, warm tokens, load
sub start {
    my ($servers, $more, $lines) = @_;

    $more //= '';
    $authserver_lines = $lines // 'redis = ' . $servers;
    HarsTest::Authserver::start(redis_lines());

    my $tls = HarsTest::Nginx::tls();
    my $main = HarsTest::Nginx::shim([ $shim, $ENV{TEST_NGINX_TLS_PORT},
                                       'a' ]);
    my $cap = CAP;
    my $timeout = TIMEOUT;
    my $auth = HarsTest::Authserver::gateway_socket();

    open my $page, '>', "$dir/page" or die "page: $!\n";
    print $page 'passed';
    close $page;

    $gateway = HarsTest::Nginx->new(main => $main, workers => 2,
        connections => 2048, log_level => 'notice', http => <<"END");
    access_log off;
    keepalive_requests 100000000;
    hars_zone z:16m key=$ENV{TEST_NGINX_ZONE_KEY} ttl=300s cap=${cap}s
              unknown=0;
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z $servers;
    upstream auth { server unix:$auth; keepalive 64; }
    server {
        listen 127.0.0.1:$open;
        location / { root $dir; try_files /page =404; }
    }
    server {
        $tls
        hars on;
        hars_timeout ${timeout}s;
        hars_introspect /_hars/introspect issuer=https://auth.hars.localhost
                        caller=gateway queue=4096;
        location = /_hars/introspect {
            internal;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream error timeout non_idempotent;
            proxy_pass http://auth/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        $more
        location / { root $dir; try_files /page =404; }
    }
END
    $gateway->start;
    HarsTest::Place::wait_for(10, \&followed)
        or die "the gateway does not follow the revocations\n";

    @tokens = map { HarsTest::Authserver::token() // die "no token\n" }
              1 .. $o{tokens};
    $next = 0;
    begin_load();
}

sub followed {
    open my $fh, '<', $gateway->error_log or return 0;
    return scalar grep { /revocations are followed from/ } <$fh>;
}


# Revoked tokens and the time of the answer are lines of a file that the load
# reads; it asks with some of them on purpose.
sub revoke {
    my ($n) = @_;

    for (1 .. $n) {
        my $token = $tokens[$next++ % @tokens];
        next if HarsTest::Authserver::revoke(token => $token) != 200;
        open my $fh, '>>', "$dir/revoked" or die "revoked: $!\n";
        syswrite $fh, sprintf "%d %.6f\n", ($next - 1) % @tokens, time;
    }
}


sub begin_load {
    unlink "$dir/revoked", glob "$dir/counted.*";
    open my $fh, '>', "$dir/revoked" or die "revoked: $!\n";

    for my $n (0, 1) {
        my $pid = fork() // die "fork: $!\n";
        if ($pid == 0) { POSIX::_exit(eval { load($n); 1 } ? 0 : 1) }
        $load{$pid} = $n;
    }
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) { POSIX::_exit(eval { probe(); 1 } ? 0 : 1) }
    $load{$pid} = 'probe';

    # warm, and some quiet for the probe
    HarsTest::Place::wait_for(60, sub { -e "$dir/warm.0" && -e "$dir/warm.1" })
        or die "the load does not get warm\n";
    unlink "$dir/warm.0", "$dir/warm.1";
    sleep($o{rounds} > 3 ? 10 : 1);
    open $fh, '>', "$dir/noise" or die "noise: $!\n";
}


sub finish {
    my ($name, %due) = @_;

    # all tiers are back: a new token passes, the last revocations hold
    sleep CAP + 1;
    my $fresh = HarsTest::Place::wait_for(20, sub {
        my $token = HarsTest::Authserver::token() or return 0;
        my $s = client($shim);
        ask($s, $token);
        return answer($s) =~ /^200 ok l2/;
    });
    check("$name: a fresh token passes by L2 again", $fresh);
    check("$name: the workers live",
          $gateway->workers == 2 && !grep { /exited on signal/ } log_lines());

    kill 'TERM', $_ for keys %load;
    waitpid $_, 0 for keys %load;
    my %sum = (sent => 0, slowest => 0, late => 0, wrong => 0);
    for my $path (glob "$dir/counted.*") {
        open my $fh, '<', $path or next;
        while (<$fh>) {
            my ($what, $n) = split;
            $sum{$what} = $what =~ /slowest|late|p99/
                ? ($n > ($sum{$what} // 0) ? $n : $sum{$what})
                : ($sum{$what} // 0) + $n;
        }
    }
    %load = ();
    unlink "$dir/noise";

    my $failed = ($sum{failed} // 0);
    printf "%s%s: %d requests, %d with revoked tokens, wrong admits %d "
           . "(longest %.3f s after the answer), failures %d, slowest %.0f ms, "
           . "open location p99 %.2f ms quiet, %.2f ms in faults\n",
           -t STDOUT ? "\r" : '', $name, $sum{sent}, $sum{asked_revoked} // 0,
           $sum{wrong}, $sum{late}, $failed, 1000 * $sum{slowest},
           $sum{p99quiet} // 0, $sum{p99noise} // 0;
    print "   $_: $sum{$_}\n" for sort grep { /^failed:/ } keys %sum;
    check("$name: nobody wrongly admitted", $sum{wrong} == 0);
    check("$name: no failures", $failed <= $due{failures})
        if defined $due{failures};
    check("$name: none slower than the deadlines allow",
          $sum{slowest} < TIMEOUT + 1);
    check("$name: requests were made", $sum{sent} > 1000);

    my $ended = $gateway->quit;
    check("$name: nginx ends", $ended);
    check("$name: no alert in its log",
          !grep { /\[(alert|emerg)\]/ } log_lines());
    HarsTest::Authserver::stop();
    HarsTest::Redis::stop();
    HarsTest::Servers::stop_all();
}


sub check {
    my ($what, $ok) = @_;

    return if $ok;
    print "BROKEN: $what\n";
    $broken = 1;
}

sub progress {
    my ($name, $round) = @_;

    printf "\r%s: round %d of %d", $name, $round, $o{rounds} if -t STDOUT;
}

sub log_lines {
    open my $fh, '<', $gateway->error_log or return ();
    return <$fh>;
}


# how long known tokens are still admitted from now on, at most $for seconds
sub last_admit {
    my ($for) = @_;
    my $began = time;
    my $last = 0;
    my $n = 0;

    while (time - $began < $for) {
        my $s = client($shim);
        my $asked = time;
        ask($s, $tokens[100 + $n++ % 1000]);
        my $v = answer($s);
        $last = $asked - $began if $v =~ /^200/;
        sleep 0.02;
    }
    return $last;
}


sub client {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        // die "connect: $!\n";
}

sub ask {
    my ($s, $token) = @_;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                 . ($token ? "Authorization: Bearer $token\r\n" : '') . "\r\n";
}

# "status V", or "closed", "nothing"
sub answer {
    my ($s) = @_;
    my $text = '';

    for ( ;; ) {
        local $! = 0;
        if (!IO::Select->new($s)->can_read(TIMEOUT + 5)) {
            next if $!{EINTR};
            return 'nothing';
        }
        my $got = sysread $s, $text, 65536, length $text;
        next if !defined $got && $!{EINTR};
        return 'closed' if !$got;
        my ($len) = $text =~ /^Content-Length: (\d+)/mi;
        next if $text !~ /\r\n\r\n/ || !defined $len;
        last if length($text) >= index($text, "\r\n\r\n") + 4 + $len;
    }

    my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
    my ($v) = $text =~ /^V: (.*?) *\r$/m;
    return "$status " . ($v // '');
}


# Half of the tokens each, in random order, half of the rate; what was
# revoked is asked about again and again for the bound and longer.
sub load {
    my ($half) = @_;
    my $end = 0;
    local $SIG{TERM} = sub { $end = 1 };
    srand $half;

    my @mine = grep { $_ % 2 == $half } 0 .. $#tokens;
    my @s = map { client($shim) } 1 .. 8;
    my (%revoked, @recent, %n);
    my ($slowest, $late) = (0, 0);
    open my $fh, '<', "$dir/revoked" or die "revoked: $!\n";

    # all of them once
    for (my $i = 0; $i < @mine; $i += @s) {
        my $last = $i + $#s < $#mine ? $#s : $#mine - $i;
        ask($s[$_], $tokens[$mine[$i + $_]]) for 0 .. $last;
        answer($s[$_]) for 0 .. $last;
    }
    open my $warm, '>', "$dir/warm.$half" or die "warm: $!\n";
    close $warm;

    while (!$end) {
        my $began = time;

        seek $fh, 0, 1;
        while (<$fh>) {
            my ($i, $at) = split;
            $revoked{$i} = $at;
            push @recent, $i;
        }
        @recent = grep { $began - $revoked{$_} < 2 * CAP } @recent;

        my @asked = map { rand(8) < 1 && @recent ? $recent[rand @recent]
                                                 : $mine[rand @mine] } @s;
        ask($s[$_], $tokens[$asked[$_]]) for 0 .. $#s;

        for my $k (0 .. $#s) {
            my $v = answer($s[$k]);
            my $took = time - $began;
            my $at = $revoked{ $asked[$k] };

            $n{sent}++;
            $slowest = $took if $took > $slowest;

            if (defined $at) {
                $n{asked_revoked}++;
                if ($v =~ /^200/ && $began > $at) {
                    $late = $began - $at if $began - $at > $late;
                    $n{wrong}++ if $began - $at > CAP + PUSHED;
                }
                next if $v =~ /^401/;
            }

            # the answer may have been for a token revoked this moment
            next if $v =~ /^200/ || $v =~ /^401 inactive/;
            $n{failed}++;
            $n{"failed:$v"}++;
            $s[$k] = client($shim) if $v =~ /^(closed|nothing)$/;
        }

        my $rest = @s / ($o{rate} / 2) - (time - $began);
        select undef, undef, undef, $rest if $rest > 0;
    }

    open my $out, '>', "$dir/counted.$half" or die "counted: $!\n";
    print $out map { s/ /_/gr . ' ' . $n{$_} . "\n" } sort keys %n;
    print $out "slowest $slowest\nlate $late\n";
}


# an unprotected location, every five milliseconds
sub probe {
    my $end = 0;
    local $SIG{TERM} = sub { $end = 1 };
    my $s = client($open);
    my %took = (quiet => [], noise => []);

    while (!$end) {
        my $began = time;
        ask($s);
        answer($s);
        push @{ $took{ -e "$dir/noise" ? 'noise' : 'quiet' } },
             1000 * (time - $began);
        select undef, undef, undef, 0.005;
    }

    open my $out, '>', "$dir/counted.probe" or die "counted: $!\n";
    for my $when (keys %took) {
        my @t = sort { $a <=> $b } @{ $took{$when} };
        print $out "p99$when ", $t[0.99 * $#t], "\n" if @t;
    }
}
