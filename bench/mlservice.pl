#!/usr/bin/perl

# How long a recording of one minute (3,000 samples of 50 Hz, 45 windows)
# takes over HTTP, in each form, on one connection that stays open; parsing
# and computing apart, in processor time as the service counts it.
#
#   perl -I t/lib bench/mlservice.pl [requests]
#
# The samples are MotionSense's where ../shared/har (or HARS_SHARED) is there,
# otherwise the demo's over and over.  The client's own part is in the time
# of the request: a loop that writes the whole body and reads the answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HarsBench::Options;
use Compress::Zlib;
use HarsTest::ML;
use IO::Socket::UNIX;
use JSON::PP;
use Time::HiRes qw(time);

options({});
my $requests = shift // 300;
$requests =~ /^[1-9]\d*$/ && !@ARGV or wrong();
my $rows = minute();
my $connection;

ml_start();

my $csv = ml_csv('t_s,ax,ay,az,gx,gy,gz', $rows);
my $query = '?sampling_rate_hz=50';
my @form = (
    [ 'packed, float32', $query, 'application/vnd.hars.samples',
      ml_packed(0, $rows) ],
    [ 'packed, int16', $query, 'application/vnd.hars.samples',
      ml_packed(0, $rows, [ 0.005, 0.001 ]) ],
    [ 'JSON', '', 'application/json',
      JSON::PP->new->encode({ sampling_rate_hz => 50, samples => $rows }) ],
    [ 'CSV', $query, 'text/csv', $csv ],
    [ 'CSV, gzip', $query, 'text/csv', Compress::Zlib::memGzip($csv),
      'Content-Encoding: gzip' ],
);

printf "%-18s %9s %9s %9s %9s %9s %9s\n", 'ms', 'KB', 'median', 'p95',
    'parse', 'compute', 'windows';

for (@form) {
    my ($name, $args, $type, $body, @more) = @$_;
    my $request = "POST /v1/recognitions$args HTTP/1.1\r\nHost: ml\r\n"
        . join '', map { "$_\r\n" } "Content-Type: $type",
        'Content-Length: ' . length $body, @more;

    request("$request\r\n$body") for 1 .. 10;

    my @before = counted();
    my (@ms, $windows);

    for (1 .. $requests) {
        my $start = time();
        my $answer = request("$request\r\n$body");
        push @ms, 1000 * (time() - $start);
        $windows = () = $answer =~ /"start_s"/g;
    }

    my @after = counted();
    @ms = sort { $a <=> $b } @ms;

    printf "%-18s %9.1f %9.2f %9.2f %9.2f %9.2f %9d\n", $name,
        length($body) / 1024, $ms[$#ms / 2], $ms[$#ms * 0.95],
        map({ 1000 * ($after[$_] - $before[$_]) / $requests } 0, 1),
        $windows;
}

ml_stop();


sub minute {
    my $file = ml_shared() . '/har/motionsense/sub_01.csv.gz';
    my @rows;

    if (my $gz = gzopen($file, 'rb')) {
        my $line;

        while ($gz->gzreadline($line) > 0) {
            my @f = split /,/, $line;
            push @rows, [ map { $_ + 0 } $#rows * 0.02 + 0.02, @f[4 .. 9] ]
                if $f[1] eq 'walking' && @rows < 3000;
        }
    }

    return \@rows if @rows == 3000;

    print "$file is not there: the demo's samples\n";
    my $walking = ml_walking();

    return [ map { [ $_ * 0.02, @{ $walking->[$_ % 512] }[1 .. 6] ] }
             0 .. 2999 ];
}


# one exchange on the connection; the body of the answer
sub request {
    my ($bytes) = @_;

    $connection //= IO::Socket::UNIX->new(Peer => ml_dir() . '/ml.sock')
        or die "connect: $!\n";

    my $sent = 0;

    while ($sent < length $bytes) {
        my $n = syswrite $connection, $bytes, length($bytes) - $sent, $sent;
        $sent += $n // die "write: $!\n";
    }

    my $got = '';

    until ($got =~ /\r\n\r\n/) {
        sysread $connection, $got, 65536, length $got or die "read: $!\n";
    }

    my ($head) = $got =~ /\A(.*?\r\n\r\n)/s;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi or die $head;

    sysread $connection, $got, 65536, length $got or die "read: $!\n"
        while length $got < length($head) + $length;

    die $got if $got !~ m{\AHTTP/1.1 200};

    return substr $got, length $head;
}


# seconds of parsing, of computing
sub counted {
    my (undef, $text) = ml_ask('GET', '/metrics');

    return map { $text =~ /seconds_total\{part="$_"\} (\S+)/ }
        qw(parse compute);
}
