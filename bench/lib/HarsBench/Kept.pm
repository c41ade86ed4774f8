package HarsBench::Kept;

# Connections that are kept, tokens that are known: what a request costs as
# fast as the contender goes, and how long it takes at 70 % of what plain
# nginx does, the same rate for all.  Who does not reach that rate has no times
# there.  Nobody may ask the authority: each one has an answer about every
# token.
#
# A figure has: how, options of the generator; tokens, their number; known:
# whether one before has made them known; long: how many times as long as
# others it is measured, since what the contender before it took of the
# processor's caches is not what many tokens cost.

use strict;
use warnings;

use HarsBench::Behind;
use HarsBench::Contender;
use HarsBench::Run;
use HarsBench::Table;

use constant LOAD => 0.7;

our @columns = (
    HarsBench::Table::cost(),
    [ 'a second', sub { middle($_[0], 'per_second', '%.0f') } ],
    [ 'p50, us', sub { middle($_[0], 'p50_us', '%.0f') } ],
    [ 'p99', sub { middle($_[0], 'p99_us', '%.0f') } ],
    [ 'p99.9', sub { middle($_[0], 'p999_us', '%.0f') } ],
    HarsBench::Table::core_1(),
);


# seconds
sub takes {
    my ($f, @of) = @_;
    my $fill = 0;

    # a second, what it can do
    $fill += $f->{tokens} / ($_ eq 'apache' ? 700 : 10_000)
        for grep { $_ ne 'plain' } @of;
    return ($f->{known} ? 0 : $fill)
        + @of * $o{rounds} * 2.5 * (seconds($f) + 0.06);
}


sub seconds { return $o{seconds} * ($_[0]{long} // 1) }


sub prepare {
    my ($f, $said, @c) = @_;

    if (!$f->{known}) {
        for my $c (grep { $_->name ne 'plain' } @c) {
            $said->($c->name . ' asks about each token');
            generate($c, '-n', $f->{tokens}, '-d', 'once');
        }
    }

    my ($plain) = grep { $_->name eq 'plain' } @c;
    my @fast = sort { $a <=> $b }
        map { fast($f, $plain, $_)->{per_second} } 1 .. 3;
    $f->{rate} = LOAD * $fast[1];
    $f->{said} = sprintf 'times at %.0f a second, %.1f s each', $f->{rate},
        seconds($f);
}


sub fast {
    my ($f, $c, $round, @how) = @_;

    return generate($c, @{ $f->{how} }, '-n', $f->{tokens}, '-S', $round, '-s',
                    seconds($f), '-w', seconds($f) / 4, @how);
}


sub measure {
    my ($f, $c, $round) = @_;
    my $asked = HarsBench::Behind::asked();
    my $fast = fast($f, $c, $round);
    my %got = map { $_ => $fast->{$_} } qw(cpu_us per_second own behind);

    if ($fast->{per_second} > 1.02 * $f->{rate}) {
        my $even = fast($f, $c, $round, '-r', $f->{rate});
        $got{$_} = $even->{$_} for qw(p50_us p99_us p999_us);
    }

    die $c->name, ": asks again about tokens that it knows\n"
        if HarsBench::Behind::asked() != $asked;

    return %got;
}

1;
