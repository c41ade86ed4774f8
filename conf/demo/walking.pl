#!/usr/bin/perl

# Makes walking.csv, the demo's recording:  perl walking.pl > walking.csv
#
# Nobody's recording: a sum of sines.  A person who walks repeats every stride
# (two steps), so each axis is its mean and the first six harmonics of the
# stride, amplitude and phase as a phone in a trousers' front pocket has them
# (rounded figures of an everyday pace, estimated from MotionSense, (c) 2018
# Mohammad Malekzadeh, MIT License), plus noise of a fixed generator, so that
# each run makes the same file.  Units and signs as in docs/mlservice.md:
# m/s^2 with gravity, rad/s.

use strict;
use warnings;

my $rate = 50;
my $rows = 512;
my $stride = 0.89;      # Hz

# axis, mean, noise, [amplitude, phase] of each harmonic
my @axes = (
    [ 'ax',    0.4, 0.51,
      [0.6, -2.1], [1.2,  1.2], [0.5, -1.3],
      [0.9,  0.5], [1.3,  1.2], [0.2, -0.2] ],
    [ 'ay',    9.6, 0.96,
      [1.2, -3.0], [2.6, -0.9], [1.6,  0.3],
      [1.7,  1.1], [0.4,  1.6], [1.2, -0.6] ],
    [ 'az',   -1.4, 0.37,
      [2.4, -2.6], [1.6, -2.5], [1.4, -2.9],
      [1.0, -2.2], [0.2, -3.1], [0.6,  2.2] ],
    [ 'gx',   -0.1, 0.16,
      [1.58,  1.9], [0.73, -1.3], [0.69, -0.2],
      [0.29, -1.3], [0.22, -0.8], [0.15,  1.7] ],
    [ 'gy',    0.1, 0.22,
      [1.27, -1.8], [0.52, -2.4], [0.44,  1.1],
      [0.56,  1.8], [0.66,  2.7], [0.13, -1.9] ],
    [ 'gz',    0.1, 0.10,
      [0.87,  1.5], [0.35, -1.7], [0.30, -0.1],
      [0.16, -0.3], [0.07,  1.9], [0.14, -2.7] ],
);

my $state = 1;


sub noise {
    my $sum = 0;

    for (1 .. 12) {
        $state = ($state * 1664525 + 1013904223) % 4294967296;
        $sum += $state / 4294967296;
    }

    return $sum - 6;
}


print join(',', 't_s', map { $_->[0] } @axes), "\n";

for my $i (0 .. $rows - 1) {
    my $t = $i / $rate;
    my @row = (sprintf '%.2f', $t);

    for my $axis (@axes) {
        my (undef, $value, $noise, @harmonics) = @$axis;
        my $n = 0;

        for my $h (@harmonics) {
            $n++;
            $value += $h->[0]
                      * cos(2 * 3.14159265358979 * $stride * $n * $t
                            + $h->[1]);
        }

        push @row, sprintf '%.4f', $value + $noise * noise();
    }

    print join(',', @row), "\n";
}
