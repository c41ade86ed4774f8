package HarsBench::Table;

# What was measured: kept as lines of figure, contender, name and the values of
# all rounds, so that a run of some figures leaves the others as they were; and
# written as tables.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);

use HarsBench::Contender;

our @EXPORT = qw(median middle spread by_plain);

my %got;                          # figure, contender, name: values


sub got { return $got{$_[0]} //= {} }


sub forget {
    my ($figure) = @_;

    delete $got{$figure};
}


sub add {
    my ($figure, $contender, %value) = @_;

    push @{ $got{$figure}{$contender}{$_} }, $value{$_} for keys %value;
}


# a text about a figure; with a contender, why it has none
sub say_of {
    my ($figure, $contender, $text) = @_;

    $got{$figure}{$contender}{text} = [ split ' ', $text ];
}


sub read_from {
    my ($file) = @_;

    open my $fh, '<', $file or return;
    while (<$fh>) {
        chomp;
        my ($figure, $contender, $name, $values) = split /\t/;
        $got{$figure}{$contender}{$name} = [ split ' ', $values ];
    }
}


sub write_to {
    my ($file) = @_;

    make_path(dirname($file));
    open my $fh, '>', $file or die "$file: $!\n";

    for my $figure (sort keys %got) {
        for my $contender (sort keys %{ $got{$figure} }) {
            my $values = $got{$figure}{$contender};
            print $fh join("\t", $figure, $contender, $_,
                           "@{ $values->{$_} }"), "\n" for sort keys %$values;
        }
    }

    close $fh or die "$file: $!\n";
}


# the table of a figure: lines
sub of {
    my ($figure, $columns) = @_;
    my $got = $got{$figure};
    my @line = ([ $figure, map { $_->[0] } @$columns ]);

    for my $name (grep { $got->{$_} } @HarsBench::Contender::all) {
        my $one = $got->{$name};
        my $row = { name => $name, got => $one, plain => $got->{plain} };
        my $title = '  ' . $name . (HarsBench::Contender::binding($name)
                                    ? '' : ', no binding');

        push @line, $one->{text} && keys %$one == 1
            ? [ $title, "@{ $one->{text} }" ]
            : [ $title, map { $_->[1]->($row) } @$columns ];
    }

    my $text = $got->{'-'}{text};
    return (aligned(@line), $text ? "  @$text" : ());
}


# the first column to the left, the others to the right; a line of two is text
sub aligned {
    my (@line) = @_;
    my @width;

    for my $line (grep { @$_ > 2 } @line) {
        for my $i (1 .. $#$line) {
            my $length = length $line->[$i];
            $width[$i] //= 6;
            $width[$i] = $length if $length > $width[$i];
        }
    }

    return map {
        my $line = $_;
        sprintf('%-28s', $line->[0]) . join '', @$line == 2
            ? "  $line->[1]"
            : map { sprintf "  %$width[$_]s", $line->[$_] } 1 .. $#$line;
    } @line;
}


sub median {
    my @sorted = sort { $a <=> $b } @{ $_[0] };
    my $half = @sorted / 2;

    return @sorted % 2 ? $sorted[$half]
                       : ($sorted[$half - 1] + $sorted[$half]) / 2;
}


# cells: of a row, by the name of what was measured
sub middle {
    my ($row, $name, $format) = @_;
    my $values = $row->{got}{$name} or return '-';

    return sprintf $format, median($values);
}


sub spread {
    my ($row, $name, $format) = @_;
    my $values = $row->{got}{$name} or return '';

    return between($values, $format);
}


sub between {
    my ($values, $format) = @_;
    my @sorted = sort { $a <=> $b } @$values;

    return sprintf "($format, $format)", @sorted[0, -1];
}


# by what plain nginx had in the same round
sub ratios {
    my ($row, $name) = @_;
    my ($mine, $plain) = map { $_->{$name} } $row->{got}, $row->{plain};

    return if !$mine || !$plain || grep { !$_ } @$plain;
    return [ map { $mine->[$_] / $plain->[$_] } 0 .. $#$mine ];
}


sub by_plain {
    my ($row, $name, $format) = @_;
    my $ratio = ratios($row, $name) or return '-';

    return sprintf $format, median($ratio);
}


# the columns of requests on connections that are kept: requests(@behind_p999)
sub requests {
    my (@more) = @_;

    return (
        cost(),
        [ 'a second', sub { middle($_[0], 'per_second', '%.0f') } ],
        [ 'p50, us', sub { middle($_[0], 'p50_us', '%.0f') } ],
        [ 'p99', sub { middle($_[0], 'p99_us', '%.0f') } ],
        [ 'p99.9', sub { middle($_[0], 'p999_us', '%.0f') } ],
        @more,
        core_1(),
    );
}


# the columns of what the worker spends on a request
sub cost {
    return (
        [ 'CPU, us', sub { middle($_[0], 'cpu_us', '%.2f') } ],
        [ '', sub { spread($_[0], 'cpu_us', '%.1f') } ],
        [ 'x plain', sub { by_plain($_[0], 'cpu_us', '%.3f') } ],
        [ '', sub {
            my $ratio = ratios($_[0], 'cpu_us') or return '';
            return between($ratio, '%.2f');
        } ],
    );
}


# parts of core 1: the generator's, above 0.6 it may have measured itself; what
# lies behind
sub core_1 {
    return (
        [ 'own', sub {
            my $values = $_[0]{got}{own} or return '-';
            my $own = median($values);
            return sprintf '%.2f%s', $own, $own > 0.6 ? ' !' : '';
        } ],
        [ 'behind', sub { middle($_[0], 'behind', '%.2f') } ],
    );
}

1;
