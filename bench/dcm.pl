#!/usr/bin/perl

# What the data of people cost: how fast they are stored in bulk, how many
# bytes a sample has, and how long looks at them take, with one patient and
# with many.
#
#   make programs build/bench/dcm_load
#   perl -I t/lib bench/dcm.pl [--short] [--requests N] [--best N] [DIRECTORY]
#
# Databases are made below DIRECTORY (12 GB; a temporary one otherwise): 10
# patients with an hour a day for a year, 1,000 with an hour of one day, and
# one with the same; those that are there are used as they are.  --short: 10
# with 4 days, 50, and one.  Samples are
# MotionSense's where ../shared/har (or HARS_SHARED) is there, otherwise the
# demo's.  Looks at the different databases take turns, one at a time, on
# connections that stay open: what else the machine does meets all alike.
# --best: each look so many times, of which the fastest counts, for a machine
# that does something else as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HarsBench::Options;
use Compress::Zlib;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HarsTest::ML qw(ml_shared ml_walking);
use IO::Socket::UNIX;
use POSIX qw(strftime WNOHANG);
use Time::HiRes qw(time sleep);

my $top = abs_path(dirname(__FILE__) . '/..');
my $requests = 5000;
my $best = 1;
my $short;
my %service;

options({}, 'short' => \$short, 'requests=i' => \$requests,
        'best=i' => \$best);
wrong() if @ARGV > 1;
$requests = 500 if $short && $requests == 5000;

my $dir = $ARGV[0] // tempdir('hars-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $loader = "$top/build/bench/dcm_load";
-x $loader or die "$loader is not there: make build/bench/dcm_load\n";

END {
    kill 'TERM', $_->{pid} for values %service;
}

my $key = "$dir/data.key";
if (!-e $key) {
    my $old = umask 077;
    open my $fh, '>', $key or die "$key: $!\n";
    print $fh map({ sprintf '%02x', int rand 256 } 1 .. 32), "\n";
    close $fh;
    umask $old;
}

samples("$dir/rows");

my @bases = ([ one => 1, 1 ], [ many => $short ? 50 : 1000, 1 ],
             [ year => 10, $short ? 4 : 365 ]);

printf "%-6s %9s %6s %10s %9s %9s %12s %9s %10s\n", qw(base patients days
    samples windows seconds samples/s B/sample), 'file B/s.';

for (@bases) {
    my ($name, $patients, $days) = @$_;

    next if -e "$dir/$name.db";

    my $said = `$loader $dir/$name.db $key $dir/rows $patients $days 60`;
    $? == 0 or die "$loader: $said\n";
    my %got = $said =~ /(\w+)=([\d.]+)/g;

    printf "%-6s %9d %6d %10.3g %9.3g %9.1f %12.0f %9.2f %10.2f\n", $name,
        $patients, $days, @got{qw(samples windows seconds
        samples_per_second bytes_per_sample)},
        $got{samples} ? (-s "$dir/$name.db") / $got{samples} : 0;
}

start($_->[0]) for @bases;
$| = 1;

my $yesterday = strftime('%F', gmtime(time() - 86400));
my $eight = int(time() / 86400) * 86400 - 86400 + 8 * 3600;
my $month = strftime('%F', gmtime(time() - 30 * 86400));

my @looks = (
    [ 'a day', "days?from=$yesterday&to=$yesterday" ],
    [ '30 days', "days?from=$month&to=$yesterday" ],
    [ 'activities of 10 minutes',
      "activities?from=$eight&to=" . ($eight + 600) ],
    [ 'samples of a minute', "samples?from=$eight&to=" . ($eight + 60) ],
);

printf "\n%-26s %8s %9s %9s %9s\n", 'ms', 'base', 'median', 'p99', 'bytes';

for (@looks) {
    my ($name, $path) = @$_;
    my (%ms, %bytes);

    for my $i (-50 .. $requests - 1) {
        for my $base (@bases) {
            my ($of, $patients) = @$base;
            my $p = int rand $patients;
            my $least;

            for (1 .. $best) {
                my $begun = time();
                $bytes{$of} = length look($of, "p$p", $path);
                my $took = 1000 * (time() - $begun);
                $least = $took if !defined $least || $took < $least;
            }

            push @{ $ms{$of} }, $least if $i >= 0;
        }
    }

    for my $of (map { $_->[0] } @bases) {
        my @sorted = sort { $a <=> $b } @{ $ms{$of} };

        printf "%-26s %8s %9.3f %9.3f %9d\n", $name, $of,
            $sorted[@sorted / 2], $sorted[@sorted * 0.99], $bytes{$of};
    }

    my %p99 = map { $_ => (sort { $a <=> $b } @{ $ms{$_} })
                          [ @{ $ms{$_} } * 0.99 ] } keys %ms;
    printf "%-26s %8s %19.2f\n", '', 'p99 many/one', $p99{many} / $p99{one};
}


# lines ax,ay,az,gx,gy,gz
sub samples {
    my ($file) = @_;

    return if -e $file;

    open my $out, '>', $file or die "$file: $!\n";
    my $source = ml_shared() . '/har/motionsense/sub_01.csv.gz';

    if (my $gz = gzopen($source, 'rb')) {
        my $line;
        $gz->gzreadline($line);
        while ($gz->gzreadline($line) > 0) {
            chomp $line;
            print $out join(',', (split /,/, $line)[4 .. 9]), "\n";
        }
    } else {
        for (1 .. 100) {
            print $out join(',', @$_[1 .. 6]), "\n" for @{ ml_walking() };
        }
    }

    close $out or die "$file: $!\n";
}


sub start {
    my ($name) = @_;

    my $socket = "$dir/$name.sock";
    open my $fh, '>', "$dir/$name.conf" or die "$name.conf: $!\n";
    print $fh "socket = $socket\ngateway_user = ", scalar getpwuid($>),
        "\ndatabase = $dir/$name.db\ndata_key = $key\n";
    close $fh;

    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>', "$dir/$name.log" or die;
        exec "$top/build/bin/hars-dcm", '--config', "$dir/$name.conf" or die;
    }

    my $end = time() + 20;
    my $s;
    until ($s = IO::Socket::UNIX->new(Peer => $socket)) {
        die "hars-dcm: $dir/$name.log\n"
            if waitpid($pid, WNOHANG) == $pid || time() > $end;
        sleep 0.01;
    }

    $service{$name} = { pid => $pid, socket => $s };
}


# as the patient, through the open connection
sub look {
    my ($name, $patient, $path) = @_;

    my $s = $service{$name}{socket};
    my $head = "GET /v1/patients/$patient/$path HTTP/1.1\r\nHost: dcm\r\n"
        . "Hars-Sub: $patient\r\nHars-Client-Id: c\r\nHars-Kind: patient\r\n"
        . "Hars-Scope: activities:read samples:read\r\nHars-Exp: "
        . (int(time()) + 300) . "\r\nHars-Cert-S256: " . 'A' x 43
        . "\r\n\r\n";
    syswrite $s, $head;

    my $got = '';
    while ($got !~ /\r\n\r\n/) {
        sysread($s, $got, 65536, length $got) or die "$name: it is gone\n";
    }

    my ($top) = $got =~ /^(.*?\r\n\r\n)/s;
    $top =~ m{^HTTP/1.1 200} or die "$name: $path: $got\n";
    my ($len) = $top =~ /^Content-Length: (\d+)/mi;

    while (length($got) < length($top) + $len) {
        sysread($s, $got, 262144, length $got) or die "$name: it is gone\n";
    }

    return substr $got, length $top;
}
