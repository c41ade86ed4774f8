#!/usr/bin/perl

# How many sessions the cloud server of the fog takes: M2 to M3 at its socket,
# each committed to the disk before it is answered, and what bounds that: four
# X25519 a session and the disk's fsync, which those in flight share.
#
#   perl -I t/lib bench/fogcloud.pl [OPTION...]
#
#   --sessions N       of each round (6000)
#   --rounds N         (3)
#   --in-flight N      (64)
#   --devices N        that ask in turn (512)
#   --database URI     instead of a file below build/bench
#
# The generator is bench/httpload.c, one thread; CPU is user and system time
# of the server alone.  The limit is 1 / (4 X25519 + fsync / in flight): four
# X25519 are what M3 takes in suite 02 more than in 01, as build/bench/fog says
# on this machine; fsync is of 4 KB appended to a file beside the database,
# which is less than a commit takes.  It is the limit of one core.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use Cwd qw(abs_path);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Handle;
use POSIX ();
use Time::HiRes qw(time);

use HarsTest::Fogcloud;

my %o = (sessions => 6000, rounds => 3, 'in-flight' => 64, devices => 512);
options(\%o, 'sessions=i', 'rounds=i', 'in-flight=i', 'devices=i',
        'database=s');
wrong() if @ARGV;

system('make', '-s', 'programs', 'build/bench/httpload',
       'build/bench/fog') == 0 or die "the build failed\n";
make_path('build/bench');
my $dir = tempdir('fogcloud.XXXXXX', DIR => abs_path('build/bench'),
                  CLEANUP => 1);
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

fogcloud_start(database => $o{database} // "$dir/fogcloud.db",
               fog_rate => 1000000, fog_burst => 1000000);
fogcloud_device($_, "dev-$_", 'p') for 0 .. $o{devices} - 1;
fogcloud_node(0, 'fog-a');

my $table = `build/bench/fog`;
my ($with, $without) = map {
    $table =~ /\($_\)\s+[\d.]+\s+[\d.]+\s+([\d.]+)/
        or die "build/bench/fog says no M3\n";
    $1;
} qw(02 01);
my $four = $with - $without;
my (@rate, @cpu, @fsync);

for my $round (1 .. $o{rounds}) {
    push @fsync, fsync();

    open my $fh, '>', "$dir/m2" or die "m2: $!\n";
    print $fh fogcloud_party('m2', $_ % $o{devices}, 0, 0), "\n"
        for 0 .. $o{sessions} - 1;
    close $fh or die "m2: $!\n";

    my %head = fogcloud_as('fog_node', 'fog-a', 'fog:relay',
                           'Hars-Client-Id' => 'fog-a');
    my $before = cpu();
    my $said = run('build/bench/httpload', '-c', $o{'in-flight'}, '-s', 300,
                   '-X', "$dir/m2", (map { ('-H', "$_: $head{$_}") }
                                     sort keys %head),
                   'unix:' . fogcloud_socket(), '/v1/fog/sessions');
    print "round $round: $said";
    my ($rate, $good, $bad) = $said
        =~ /per_second=(\d+) good=(\d+) bad=(\d+)/ or die "httpload\n";
    die "$bad were refused\n" if $bad;
    push @rate, $rate;
    push @cpu, (cpu() - $before) / $good * 1e6;
}

fogcloud_stop();

my $limit = 1e6 / ($four + median(@fsync) / $o{'in-flight'});
printf "4 X25519 %.1f us, fsync %.0f us: at most %.0f/s\n", $four,
    median(@fsync), $limit;
printf "sessions %.0f/s, %.2f of that; %.0f us of CPU each\n",
    median(@rate), median(@rate) / $limit, median(@cpu);


sub run {
    open my $fh, '-|', @_ or die "$_[0]: $!\n";
    local $/;

    return <$fh> // '';
}


# s of the server so far
sub cpu {
    open my $fh, '<', '/proc/' . fogcloud_pid() . '/stat' or die "stat: $!\n";
    my @field = split ' ', (split /\) /, <$fh>)[-1];

    return ($field[11] + $field[12]) / $tick;
}


# us of one
sub fsync {
    open my $fh, '>>', "$dir/fsync" or die "fsync: $!\n";
    my @took;

    for (1 .. 50) {
        syswrite $fh, 'x' x 4096;
        my $begun = time();
        $fh->sync;
        push @took, (time() - $begun) * 1e6;
    }

    return median(@took);
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return $sorted[$#sorted / 2];
}
