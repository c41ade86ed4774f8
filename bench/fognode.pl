#!/usr/bin/perl

# What hars-fognode carries: sessions a second through it (M1 to KEPT of the
# first record: M2 and M3 by TLS 1.3 through nginx and hars-fogcloud with its
# commit, the confirmation the same way, the record on this node's disk), and
# records of 50 rows a second in open sessions, each said to be kept after a
# sync.
#
#   make programs build/bench/fogload && perl -I t/lib bench/fognode.pl [OPTION...]
#
#   --seconds N        of each round (4)
#   --rounds N         (3)
#   --links N          at a time (32)
#   --devices N        that come in turn, others in each round (256)
#
# CPU is user and system time of the fog node alone; wearables, nginx and
# hars-fogcloud share the machine with it.  The data collecting mechanism is
# away: nothing is sent on, all stays in the spool.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use POSIX ();

use HarsTest::Fogcloud;
use HarsTest::Fognode;
use HarsTest::Place;
use HarsTest::Run;

my %o = (seconds => 4, rounds => 3, links => 32, devices => 256);
options(\%o, 'seconds=f', 'rounds=i', 'links=i', 'devices=i');
wrong() if @ARGV;

my $dir = HarsTest::Place::dir();
my $build = $HarsTest::Place::build;
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

fogcloud_start(fog_rate => 1000000, fog_burst => 1000000);
fognode_place();
fognode_settings(rate => 10000, burst => 10000, spool_bytes => 1 << 32,
                 metrics => "$dir/metrics.sock",
                 metrics_user => scalar getpwuid $>);
run("$build/bin/hars-fognode", '--config', "$dir/fognode.conf", 'register');
fognode_start();
my $registered = 0;

for my $what (qw(sessions records)) {
    my (@rate, @cpu, @rows, $said);

    for my $round (1 .. $o{rounds}) {
        devices();
        my $before = cpu();
        (my $rc, $said) = run("$build/bench/fogload", "$dir/fn.sock",
                              "$dir/devices", $o{links}, $o{seconds}, $what);
        die $said if $rc;
        print "$what $round: $said";
        my %n = $said =~ /(\w+)=([\d.]+)/g;
        my $done = $what eq 'sessions' ? 'sessions' : 'records';

        push @rate, $n{$what eq 'sessions' ? 'per_second'
                                            : 'records_per_second'};
        push @rows, $n{rows_per_second};
        push @cpu, (cpu() - $before) / ($n{$done} || 1) * 1e6;
    }

    printf "%s: %.0f a second, %.0f us of the fog node's processor time "
        . "each%s\n", $what, median(@rate), median(@cpu),
        $what eq 'records' ? sprintf ' (%.0f rows a second)', median(@rows)
                           : '';
}

my (undef, $page) = fogcloud_at("$dir/metrics.sock",
                                sub { fogcloud_ask('GET', '/metrics') });
print map { "  $_\n" } grep { /_(?:m1|m2|sessions|records)_total.* [1-9]/ }
    split /\n/, $page;
end('fognode');
fogcloud_stop();


sub devices {
    open my $fh, '>', "$dir/devices" or die "devices: $!\n";

    for my $i ($registered .. $registered + $o{devices} - 1) {
        my ($status, $given) = fogcloud_ask('POST', '/v1/fog/devices',
            { id => "wearable-$i", patient => "p$i" },
            fogcloud_as('operator', 'op', 'fog:register'));
        die "device: $status\n" if $status != 201;
        print $fh join(' ', "wearable-$i",
                       @$given{qw(suite gen key seed pk_cs)}), "\n";
    }

    close $fh or die "devices: $!\n";
    $registered += $o{devices};
}


# s of the fog node so far
sub cpu {
    open my $fh, '<', '/proc/' . fognode_pid() . '/stat' or die "stat: $!\n";
    my @field = split ' ', (split /\) /, <$fh>)[-1];

    return ($field[11] + $field[12]) / $tick;
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return $sorted[$#sorted / 2];
}
