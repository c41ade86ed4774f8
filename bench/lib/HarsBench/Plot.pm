package HarsBench::Plot;

# Plots of the table by gnuplot, as SVG: what a request costs the worker, with
# the lowest and highest of all rounds, and how long answers take.

use strict;
use warnings;

use HarsBench::Contender;
use HarsBench::Run;
use HarsBench::Table;

my @colour = ('#888888', '#1b9e77', '#d95f02', '#7570b3', '#e7298a');


# the files that were written: all($out, @figures)
sub all {
    my ($out, @figure) = @_;
    my @kept = grep { $_->{kind} =~ /^(?:Kept|Cold)$/
                      && HarsBench::Table::got($_->{name})->{plain} } @figure;
    my @timed = grep { HarsBench::Table::got($_->{name})->{hars}{p999_us} }
        @kept;

    return map { $_->[1]->("$out-$_->[0].svg", @{ $_->[2] }) }
        grep { @{ $_->[2] } }
        [ 'cpu', \&cpu, \@kept ], [ 'latency', \&latency, \@timed ];
}


sub cpu {
    my ($file, @figure) = @_;

    plot($file, <<"END", 'cpu_us', sub {
set title "What a request costs the gateway's worker"
set yrange [5:*]
set ylabel "CPU time of a request, us (logarithmic)"
END
        my ($values) = @_;
        my @sorted = sort { $a <=> $b } @$values;
        return (median($values), @sorted[0, -1]);
    }, @figure);
}


sub latency {
    my ($file, @figure) = @_;

    plot($file, <<"END", 'p50_us', sub {
set title "How long an answer takes: median, and up to the 99.9 % mark"
set ylabel "time of an answer, us (logarithmic)"
END
        my ($values, $one) = @_;
        return (median($values), median($values), median($one->{p999_us}));
    }, @figure);
}


# bars of contenders side by side, figure by figure, with error bars
sub plot {
    my ($file, $titles, $name, $cell, @figure) = @_;
    my %data;

    for my $i (0 .. $#HarsBench::Contender::all) {
        my $contender = $HarsBench::Contender::all[$i];

        for my $f (0 .. $#figure) {
            my $one = HarsBench::Table::got($figure[$f]{name})->{$contender};
            my $values = $one->{$name} or next;
            $data{$i} .= sprintf "%.2f %.2f %.2f %.2f\n",
                $f + ($i - 2) * 0.16, $cell->($values, $one);
        }
    }

    my @with = sort keys %data;
    gnuplot(<<"END", $titles, map({ "\$c$_ << EOD\n$data{$_}EOD\n" } @with),
set terminal svg size 960,480 font "sans,12" background "white"
set output "$file"
set logscale y
set grid y
set key outside top center horizontal
set style fill solid
set bars 0.5
set border 3
set tics nomirror
set xtics rotate by -20 (${\ tics(@figure)})
set xrange [-0.6:${\ ($#figure + 0.6)}]
END
            plots(@with));
    return "written: $file";
}


sub tics {
    my @figure = @_;

    return join ', ', map { "\"$figure[$_]{name}\" $_" } 0 .. $#figure;
}


sub plots {
    return 'plot ' . join(', ', map {
        my $name = $HarsBench::Contender::all[$_] =~ s/_/ /r;
        "\$c$_ using 1:2:3:4:(0.15) with boxerrorbars"
            . " lc rgb \"$colour[$_]\" title \"$name\"";
    } @_) . "\n";
}


sub gnuplot {
    open my $fh, '|-', 'gnuplot' or die "gnuplot: $!\n";
    print $fh @_;
    close $fh or die "gnuplot failed\n";
}

1;
