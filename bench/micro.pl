#!/usr/bin/perl

# What single functions of the request path cost: instructions of one call,
# counted by callgrind, which two runs of the same program have in common to
# the last one, and nanoseconds measured beside them.  bench/micro/ has the
# calls.
#
#   perl bench/micro.pl [--check | --write]     make bench-micro: with --check
#
#   --check    beside the table in bench/results/micro.txt: exit status 1 where
#              a function takes 5 % more instructions than there, or a lookup
#              in L1 10 % more among 1,000,000 records than among 1,000
#   --write    makes this the table
#
# Counts of another compiler, library or processor are others: beside a table
# of such, differences are shown and fail nothing.  Valgrind does not know all
# instructions of new processors; which of them OpenSSL finds there and without
# it stands in the head: by SHA-NI, e.g., SHA-256 takes less time and other
# instructions than what is counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HarsBench::Options;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX qw(strftime);

my $grown = 1.05;
my $flat = 1.10;

my %o;
options(\%o, 'check', 'write');
wrong() if @ARGV || $o{check} && $o{write};

chdir abs_path(dirname($0) . '/..') or die "$0: $!\n";
my $build = $ENV{BUILD} // 'build';
my $micro = "$build/bench/micro";
my $table = 'bench/results/micro.txt';

system('make', '-s', "BUILD=$build", 'module', $micro) == 0
    or die "bench/micro does not compile; valgrind.h: "
           . "scripts/install-packages.sh run bench\n";

my @tools = tools();
my %count = counts();
my @time = map { [ split /\t/ ] } said($micro, 'time');
my ($bytes) = said($micro, 'memory');
my $text = text();

print $text;
spew("$build/bench/results/micro.txt", $text);
spew($table, $text) if $o{write};
exit($o{check} ? check() : 0);


# lines of a command that has to succeed
sub said {
    open my $fh, '-|', @_ or die "$_[0]: $!; "
        . "scripts/install-packages.sh run bench\n";
    chomp(my @line = <$fh>);
    close $fh or die "@_: failed\n";

    return @line;
}


# what decides how many instructions it takes
sub tools {
    my ($cc) = said($ENV{CC} // 'cc', '-dumpfullversion');
    my ($openssl) = said('openssl', 'version');
    my ($libc) = said('ldd', '--version');
    my ($valgrind) = said('valgrind', '--version');
    my @info = ('openssl', 'info', '-cpusettings');
    my ($seen) = said('valgrind', '-q', '--tool=none', @info);
    my ($has) = said(@info);

    return ("cc $cc, " . $openssl =~ s/^(\S+ \S+).*/$1/r
            . ', glibc ' . $libc =~ s/.* //r . ", $valgrind",
            "counted with $seen, timed with $has");
}


# instructions of one call, by name
sub counts {
    my $dir = tempdir(CLEANUP => 1);
    my ($calls) = said('valgrind', '-q', '--tool=callgrind',
                       "--callgrind-out-file=$dir/out",
                       '--collect-atstart=no', '--instr-atstart=no',
                       $micro, 'count');
    my %total;

    for my $file (glob "$dir/out.*") {
        open my $fh, '<', $file or die "$file: $!\n";
        my $name;

        while (my $line = <$fh>) {
            $name = $1 if $line =~ /^desc: Trigger: Client Request: (.*)/;
            $total{$name} = $1 / $calls
                if defined $name && $line =~ /^(?:totals|summary): (\d+)/;
        }
    }

    my $nothing = delete $total{nothing} // die "callgrind counted nothing\n";

    return map { $_ => $total{$_} - $nothing } keys %total;
}


sub text {
    my ($processor) = map { /^model name\s*: (.*)/ ? $1 : () }
        lines('/proc/cpuinfo');
    my $text = strftime("%Y-%m-%d %H:%M UTC, $processor\n", gmtime)
        . "$tools[0]\n$tools[1]\n\n"
        . sprintf("%-46s %12s %8s\n", '', 'instructions', 'ns');

    for (grep { exists $count{$_->[0]} } @time) {
        $text .= sprintf "%-46s %12.1f %8s\n", $_->[0], $count{$_->[0]},
            $_->[1];
    }

    return $text . sprintf("\n1,000,000 records against 1,000: %.3f of the "
                           . "instructions of a lookup\n"
                           . "bytes of the zone for a token: %s\n",
                           growth(), $bytes);
}


sub growth {
    my ($few, $many) = map { $count{"L1 lookup, $_ records"} }
        '1,000', '1,000,000';

    return $many / $few;
}


# says what is more than in the table; the exit status
sub check {
    my @was = lines($table);
    my $same = @was > 2 && "$was[1]\n$was[2]" eq "$tools[0]\n$tools[1]";
    my %was = map { /^(\S.*?)\s{2,}([\d.]+)\s+[\d.]+$/ ? ($1, $2) : () } @was;
    my @more;

    for my $name (map { $_->[0] } @time) {
        next if !exists $count{$name};
        my $was = $was{$name};
        my $now = $count{$name};

        if (!defined $was) {
            push @more, sprintf '%s: %.1f, not in the table', $name, $now;
        } elsif ($now > $was * $grown) {
            push @more, sprintf '%s: %.1f, %.1f in the table, %+.1f %%',
                $name, $now, $was, 100 * ($now / $was - 1);
        }
    }

    push @more, map { "$_: in the table, not measured" }
        grep { !exists $count{$_} } sort keys %was;

    print "\nnothing takes ", 100 * ($grown - 1),
        " % more instructions than in $table\n" if !@more;
    print "\nmore than in $table:\n", map { "  $_\n" } @more if @more;
    print "\nthat table is of other tools or another processor:\n",
        "  $was[1]\n  $was[2]\n" if !$same;
    print "\na lookup takes more the more records there are\n"
        if growth() > $flat;

    return (@more && $same) || growth() > $flat ? 1 : 0;
}


sub lines {
    open my $fh, '<', $_[0] or die "$_[0]: $!\n";
    chomp(my @line = <$fh>);

    return @line;
}


sub spew {
    my ($name, $text) = @_;

    make_path(dirname($name));
    open my $fh, '>', $name or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";
}
