package HarsBench::Slow;

# An authority that takes 50 ms, a tenth more or less by chance, or else those
# whom it answers together would ask together ever after: 200 connections, out
# of step with each other, bring tokens that nobody knows, which could give
# 200 / 50 ms = 4000 answers a second.  The ideal is 200 by the time (p50) that
# it really takes when it has little to do and is asked directly, without TLS or
# anything between, measured in each round.  Plain nginx asks no authority: what
# it proxies is as slow.
#
# Meanwhile, and before, when it is quiet, another location without any check is
# asked 500 times a second on 8 connections.  Its times are the median of pieces
# of 100 answers, most of which the stalls of a virtual machine spare (see
# HarsBench::Kept); "of all" has the stalls in it.

use strict;
use warnings;

use HarsTest::Place;

use HarsBench::Behind;
use HarsBench::Run;
use HarsBench::Table;

use constant {
    CONNECTIONS => 200,
    OTHERS      => 500,           # a second
    PIECE       => 100,           # of them
};

our @columns = (
    [ 'a second', sub { middle($_[0], 'per_second', '%.0f') } ],
    [ 'ideal', sub { middle($_[0], 'direct', '%.0f') } ],
    [ 'of it', sub { middle($_[0], 'ideal', '%.3f') } ],
    [ '', sub { spread($_[0], 'ideal', '%.2f') } ],
    [ 'p50, us', sub { middle($_[0], 'p50_us', '%.0f') } ],
    [ 'p99', sub { middle($_[0], 'p99_us', '%.0f') } ],
    [ 'others: p99', sub { middle($_[0], 'quiet_us', '%.0f') } ],
    [ 'now', sub { middle($_[0], 'now_us', '%.0f') } ],
    [ 'x quiet', sub { middle($_[0], 'times', '%.2f') } ],
    [ '', sub { spread($_[0], 'times', '%.1f') } ],
    [ 'of all', sub { middle($_[0], 'all_us', '%.0f') } ],
    [ 'longest', sub { middle($_[0], 'max_us', '%.0f') } ],
    HarsBench::Table::core_1(),
);


sub takes {
    my ($f, @of) = @_;

    return @of * $o{rounds} * (2.5 * $o{slow} + 2);
}


sub prepare { }


sub measure {
    my ($f, $c, $round) = @_;
    my $seconds = $o{slow} + 1.5;
    my $ideal = ideal();
    my $quiet = others($c);
    my $running = generating($c, '-c', CONNECTIONS, '-g', "slow-$round",
                             '-n', int(2 * $seconds * $ideal), '-d', 'once',
                             '-s', $seconds, '-w', 0.2, '-y',
                             HarsBench::Behind::DELAY);
    connected($c);
    my $now = others($c);
    my $got = generated($running);

    return (direct => $ideal, per_second => $got->{per_second},
            ideal => $got->{per_second} / $ideal,
            own => $got->{own} + $now->{own}, behind => $got->{behind},
            p50_us => $got->{p50_us}, p99_us => $got->{p99_us},
            quiet_us => $quiet->{piece_p99_us}, now_us => $now->{piece_p99_us},
            times => $now->{piece_p99_us} / $quiet->{piece_p99_us},
            all_us => $now->{p99_us}, max_us => $now->{max_us});
}


sub others {
    my ($c) = @_;

    return generate($c, '/open', '-c', 8, '-r', OTHERS, '-k', PIECE, '-s',
                    $o{slow}, '-w', 0.4);
}


# 200 handshakes at once are not what others are measured beside
sub connected {
    my ($c) = @_;
    my $of = sprintf ':%04X', $c->port;

    HarsTest::Place::wait_for(10, sub {
        return CONNECTIONS <= grep { /^\s*\d+: \S+ \S+$of 01 / }
            split /\n/, content('/proc/net/tcp');
    }) or die $c->name, ": no ${\ CONNECTIONS} connections\n";
}


# a second
sub ideal {
    my ($us) = said("$build/bench/httpload", '-c', CONNECTIONS / 10, '-s',
                    $o{slow} / 2, '-b', 'token=none',
                    HarsBench::Behind::slow(), '/') =~ /p50_us=(\d+)/;

    return 1e6 * CONNECTIONS / $us;
}

1;
