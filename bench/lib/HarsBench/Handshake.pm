package HarsBench::Handshake;

# New connections: handshake, a request with a token that is known, its answer
# and the end, one after another.  Short runs of plain nginx and of ours take
# turns, as many pairs as it takes until the 95 % interval of the ratio's mean
# is within 1 %, or there were enough of them.
#
# Our configuration forbids resumption, because a session outlives the
# certificate's revocation; "resumed" is therefore with hars_override and, in
# both, session tickets.

use strict;
use warnings;

use HarsBench::Run;
use HarsBench::Table;

use constant {
    EACH  => 150,                 # connections of a run
    FIRST => 10,                  # pairs
    WITHIN => 0.01,
};

our @columns = (
    [ 'CPU, us', sub { middle($_[0], 'cpu_us', '%.1f') } ],
    [ '', sub { spread($_[0], 'cpu_us', '%.0f') } ],
    [ 'x plain', sub { mean($_[0], '%.4f') } ],
    [ '95 % interval', sub { interval($_[0]) } ],
    [ 'pairs', sub { scalar @{ $_[0]{got}{cpu_us} } } ],
    [ 'a second', sub { sprintf '%.0f', 1e6 / median($_[0]{got}{cpu_us}) } ],
    [ 'p50, us', sub { middle($_[0], 'p50_us', '%.0f') } ],
    [ 'p99', sub { middle($_[0], 'p99_us', '%.0f') } ],
);


sub takes { return 0.4 * $o{pairs} }


sub prepare {
    my ($f, $said, @c) = @_;

    generate($_, '-n', 1, '-d', 'once') for @c;
}


# whether there is another round to come
sub more {
    my ($f, $got, $round) = @_;

    return 1 if $round < FIRST;
    return 0 if $round >= $o{pairs};

    my (undef, $half) = estimate(ratios($got->{hars}, $got->{plain}));
    return $half > WITHIN / 2;
}


sub measure {
    my ($f, $c, $round) = @_;
    my $got = generate($c, '-n', 1, '-H', EACH, $f->{resumed} ? '-R' : ());

    return map { $_ => $got->{$_} } qw(cpu_us per_second p50_us p99_us);
}


sub ratios {
    my ($mine, $plain) = @_;

    return [ map { $mine->{cpu_us}[$_] / $plain->{cpu_us}[$_] }
             0 .. $#{ $plain->{cpu_us} } ];
}


# The mean without the tenth at either end, which is the rest of the machine's,
# and half of its 95 % interval (Tukey and McLaughlin; Student's t, for 8 values
# or more).
sub estimate {
    my ($values) = @_;
    my @sorted = sort { $a <=> $b } @$values;
    my $off = int(@sorted / 10);
    my $n = @sorted;
    my $kept = $n - 2 * $off;
    my ($sum, $all, $square) = (0, 0, 0);

    $sum += $_ for @sorted[$off .. $n - 1 - $off];
    @sorted[0 .. $off - 1] = ($sorted[$off]) x $off;
    @sorted[$n - $off .. $n - 1] = ($sorted[$n - 1 - $off]) x $off;
    $all += $_ for @sorted;
    $square += ($_ - $all / $n) ** 2 for @sorted;

    return ($sum / $kept, (1.96 + 2.7 / ($kept - 1))
            * sqrt($square / ($n - 1) / $n) / ($kept / $n));
}


sub mean {
    my ($row, $format) = @_;

    return sprintf $format, (estimate(ratios($row->{got}, $row->{plain})))[0];
}


sub interval {
    my ($row) = @_;
    my ($mean, $half) = estimate(ratios($row->{got}, $row->{plain}));

    return '' if $row->{name} eq 'plain';
    return sprintf '%.3f to %.3f', $mean - $half, $mean + $half;
}

1;
