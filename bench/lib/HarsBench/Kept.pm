package HarsBench::Kept;

# Connections that are kept, tokens that are known: what a request costs as
# fast as the contender goes, and how long it takes at 70 % of that.  A virtual
# machine stands still for some milliseconds now and then (bench/stalls.c),
# which is no contender's doing: p99 and p99.9 are the medians of those of
# pieces of 1000 answers, most of which were spared; "of all" is p99.9 with the
# stalls in it.  Nobody may ask the authority: each one has an answer about
# every token.
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

use constant {
    LOAD  => 0.7,
    EVEN  => 0.8,                 # s, at that
    PIECE => 1000,                # answers
};

our @columns = HarsBench::Table::requests(
    [ 'x plain', sub { by_plain($_[0], 'p999_us', '%.2f') } ],
    [ 'of all', sub { middle($_[0], 'all_us', '%.0f') } ],
);


# seconds
sub takes {
    my ($f, @of) = @_;
    my $fill = 0;

    # a second, what it can do
    $fill += $f->{tokens} / ($_ eq 'apache' ? 700 : 10_000)
        for grep { $_ ne 'plain' } @of;
    return ($f->{known} ? 0 : $fill)
        + @of * rounds($f)
              * (1.25 * (seconds($f) + EVEN) + 2 * 0.1);
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

    $f->{said} = sprintf '%.1f s each', seconds($f);
}


sub fast {
    my ($f, $c, $seed, $seconds, @how) = @_;

    return generate($c, @{ $f->{how} }, '-n', $f->{tokens}, '-S', $seed, '-s',
                    $seconds, '-w', $seconds / 4, @how);
}


sub measure {
    my ($f, $c, $round) = @_;
    my $asked = HarsBench::Behind::asked();
    my $fast = fast($f, $c, 2 * $round, seconds($f));
    my $even = fast($f, $c, 2 * $round + 1, EVEN, '-k', PIECE, '-r',
                    LOAD * $fast->{per_second});
    my $which = $even->{pieces} ? 'piece_' : '';

    my %got = map { $_ => $fast->{$_} } qw(cpu_us per_second own behind);
    $got{p50_us} = $even->{p50_us};
    $got{"${_}_us"} = $even->{"$which${_}_us"} for qw(p99 p999);
    $got{all_us} = $even->{p999_us};

    die $c->name, ": asks again about tokens that it knows\n"
        if HarsBench::Behind::asked() != $asked;

    return %got;
}

1;
