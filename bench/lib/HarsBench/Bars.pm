package HarsBench::Bars;

# What ours has to reach, beside what was measured: the end of the table.

use strict;
use warnings;

use HarsBench::Handshake;
use HarsBench::Table;

my @bar = (
    map({ [ "$_->[0]: CPU", 'at most', $_->[1], '%.3f x plain',
            \&cost, $_->[0] ] }
        [ 'one token', 1.03 ], [ 'many tokens', 1.06 ],
        [ 'a million tokens, uniform', 1.08 ],
        [ 'from Redis', 2 ], [ 'cold, own authority', 2 ],
        [ 'cold, foreign authority', 3.5 ]),
    map({ [ "$_: p99.9", 'at most', 1.2, '%.2f x plain', \&last_of_1000, $_ ] }
        'one token', 'many tokens'),
    map({ [ "$_: from", 'at most', 1.01, '%.4f x plain', \&lowest, $_ ] }
        'handshakes', 'handshakes, resumed'),
    map({ [ $_, 'at most', 1.01, '%.4f x plain', \&instructions, $_ ] }
        'handshakes, counted', 'handshakes, resumed, counted'),
    [ 'slow authority', 'at least', 0.97, '%.3f of the ideal',
      sub { median($_[0]{hars}{ideal}) }, 'slow authority' ],
    [ 'slow authority: others, p99', 'at most', 2, '%.2f x quiet',
      sub { median($_[0]{hars}{times}) }, 'slow authority' ],
    [ 'memory of a token', 'at most', 400, '%.0f bytes',
      sub { median($_[0]{hars}{token}) }, 'memory' ],
);


# lines; of what was measured
sub lines {
    my @line = ('what ours has to reach');

    for my $bar (@bar) {
        my ($name, $which, $limit, $format, $value, $figure) = @$bar;
        my $got = HarsBench::Table::got($figure);
        next if !$got->{hars};

        my $have = $value->($got) // next;
        my $met = $which eq 'at most' ? $have <= $limit : $have >= $limit;
        push @line, sprintf '  %-32s %-8s %6s  %-20s %s', $name, $which,
            $limit, sprintf($format, $have), $met ? 'met' : 'missed';
    }

    return @line;
}


sub cost { return ratio($_[0], 'cpu_us') }


sub instructions { return ratio($_[0], 'instructions') }


sub last_of_1000 { return ratio($_[0], 'p999_us') }


sub ratio {
    my ($got, $name) = @_;
    my $row = { got => $got->{hars}, plain => $got->{plain} };
    my $ratio = HarsBench::Table::ratios($row, $name) or return;

    return median($ratio);
}


# the lower end of the interval: whether the bar is within it
sub lowest {
    my ($got) = @_;
    my ($mean, $half) = HarsBench::Handshake::estimate(
        HarsBench::Handshake::ratios($got->{hars}, $got->{plain}));

    return $mean - $half;
}

1;
