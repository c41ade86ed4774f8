#!/usr/bin/perl

# Recordings at random, with gaps at the end of a window or anywhere else,
# lost and doubled records, zeros, spikes, packets, clocks of their own and
# heart rates: each is posted as a whole and as a stream that is cut at
# random, and both are refused or have the same windows.
#
# HARS_SEED and HARS_RECORDINGS set others than the 200 of every run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use HarsTest::ML;
use JSON::PP;
use Test::More;

my $seed = $ENV{HARS_SEED} // 7;
my $count = $ENV{HARS_RECORDINGS} // 200;
my $length = 12;                    # s
my $walking = ml_walking();
my $json = JSON::PP->new->canonical;
my %text = ('Content-Type' => 'text/csv');
my %who = ('Hars-Sub' => 'alice', 'Hars-Client-Id' => 'client-1');

srand $seed;
ml_start();

my ($taken, $beside_gap, @differ) = (0, 0);

for my $n (1 .. $count) {
    my $made = recording();
    my ($whole, $windows) = whole($made);
    my $cut = cut($made);

    $taken += $windows > 0;
    $beside_gap += $windows > 0 && $made->{gap} > 0.25;
    push @differ, "recording $n, $made->{what}: $whole\n  as a stream: $cut"
        if $whole ne ($cut =~ /^(refused: \d+)/ ? $1 : $cut);
}

is(scalar @differ, 0, "$count recordings, seed $seed: as a whole and cut")
    or diag(join "\n", @differ[0 .. ($#differ < 3 ? $#differ : 3)]);
cmp_ok($taken, '>', $count / 2, 'most of them are answered');
cmp_ok($beside_gap, '>', $count / 8, 'many of them with a gap');

ok(ml_alive(), 'the service is still there');
is(ml_stop(), 0, 'and ends in order');

done_testing();


# head and lines of CSV, options
sub recording {
    my $apart = rand() < 0.6;
    my $arrival = rand() < 0.4;
    my $rate = $apart && rand() < 0.5 ? 25 : 50;
    my $gap = rand() < 0.5 ? rand 1.2 : rand() < 0.2 ? 100 : 0;
    my $at = 2.5 + rand 0.4;

    my @rows = map { sensor($_, $_ eq 'g' ? $rate : 50, $arrival, $at, $gap) }
        $apart ? qw(a g) : 'j';

    my $each = rand() < 0.5 ? 0.1 : 1;
    push @rows, map { [ sprintf('%.6f', $_ * $each), 'h', 60 + int rand 40 ] }
        0 .. int(($length + $gap) / $each) if $apart && rand() < 0.6;

    my %first = (h => 0, j => 1, a => 1, g => 2);
    my @order = sort { $rows[$a][0] <=> $rows[$b][0]
                       || $first{$rows[$a][1]} <=> $first{$rows[$b][1]}
                       || $a <=> $b } 0 .. $#rows;

    my @line = map {
        my ($t, $stream, @v) = @{ $rows[$_] };
        join ',', $apart ? $stream : (), $t, @v;
    } @order;

    return {
        line => \@line, gap => $gap, arrival => $arrival,
        rotation => $apart ? $rate : undef,
        head => $apart ? 'stream,t_s,x,y,z' : 't_s,ax,ay,az,gx,gy,gz',
        what => sprintf('%s, rotation %d Hz%s, a gap of %.3f s at %.3f s',
                        $apart ? 'apart' : 'joined', $rate,
                        $arrival ? ', packets' : '', $gap, $at),
    };
}


# rows [time, stream, values...] of one sensor
sub sensor {
    my ($stream, $rate, $arrival, $at, $gap) = @_;

    my ($packet, @rows);

    for my $i (0 .. $length * $rate) {
        my $x = $i / $rate;
        my $t = $x + ($stream eq 'g' ? 0.007 : 0) + ($x > $at ? $gap : 0);

        if ($arrival) {
            $packet = $t + 2 / $rate + 0.012 * rand if $i % 3 == 0;
            $t = $packet;
        }

        my @v = @{ $walking->[($x * 50) % 512] }[1 .. 6];
        @v = (0) x 6 if rand() < 0.01;
        $v[int rand 6] *= 100 if rand() < 0.004;
        @v = $stream eq 'a' ? @v[0 .. 2] : @v[3 .. 5] if $stream ne 'j';

        next if !$arrival && rand() < 0.02;
        push @rows, [ sprintf('%.6f', $t), $stream, @v ];
        push @rows, [ @{ $rows[-1] } ] if !$arrival && rand() < 0.005;
    }

    return @rows;
}


# the windows as text, or the status of the refusal; how many windows
sub whole {
    my ($made) = @_;

    my $query = 'sampling_rate_hz=50'
        . ($made->{rotation} ? "&rotation_rate_hz=$made->{rotation}" : '')
        . ($made->{arrival} ? '&times=arrival' : '');
    my ($status, $got) = ml_ask('POST', "/v1/recognitions?$query",
        join("\n", $made->{head}, @{ $made->{line} }, ''), %text);

    return ("refused: $status", 0) if $status != 200;
    return ($json->encode($got->{windows}), scalar @{ $got->{windows} });
}


sub cut {
    my ($made) = @_;

    my (undef, $got) = ml_ask('POST', '/v1/streams', {
        sampling_rate_hz => 50,
        $made->{rotation} ? (rotation_rate_hz => $made->{rotation}) : (),
        $made->{arrival} ? (times => 'arrival') : () }, %who);
    my $path = "/v1/streams/$got->{id}";
    my @rest = @{ $made->{line} };
    my @windows;

    while (@rest) {
        my @part = splice @rest, 0, 1 + int rand 90;
        (my $status, $got) = ml_ask('POST', $path,
            join("\n", $made->{head}, @part, ''), %who, %text);

        push @windows, @{ $got->{windows} // [] };
        next if $status == 200;
        ml_ask('DELETE', $path, undef, %who);
        return "refused: $status, $got->{detail}";
    }

    (my $status, $got) = ml_ask('DELETE', $path, undef, %who);
    return "refused: $status, $got->{detail}" if $status != 200;

    return $json->encode([ @windows, @{ $got->{windows} } ]);
}
