#!/usr/bin/perl

# hars-train as a person calls it: a model of recordings made here, the same
# bytes for the same seed, reports as text, JSON and SVG, and the shipped
# models: which one is asked, and when it is not guessed.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $train = "$top/build/bin/hars-train";
my $dir = tempdir(CLEANUP => 1);
my $state = 1;

plan skip_all => "$train is not built" if !-x $train;


training();
shipped();
shared('motionsense', 'pocket');
shared('wisdm-watch', 'wrist');

done_testing();


sub training {
    my $data = "$dir/own";

    mkdir $data or die "$data: $!";
    recordings($data, $_) for 1 .. 4;

    my $fit = '--folds 4 --dims 8 --trees 10 --rounds 5 --quiet';
    my ($status, $out) = run("train $fit --seed 3 --placement ankle --json "
                             . "--out $dir/a.hars $data");

    is($status, 0, 'train: done');

    my $report = decode_json($out);

    is_deeply([ sort keys %{$report->{per_class}} ], [ 'rest', 'shake' ],
              'train: a report of what is to be told apart');
    cmp_ok($report->{accuracy}, '>', 0.95, 'train: accuracy');
    cmp_ok($report->{macro_f1}, '>', 0.95, 'train: macro F1');
    is_deeply([ sort keys %{$report->{per_subject}} ], [ 1 .. 4 ],
              'train: every person');
    is($report->{unknown}{windows}, 4 * 2 * 9, 'train: others are apart');

    run("train $fit --seed 3 --placement ankle --out $dir/b.hars $data");
    run("train $fit --seed 4 --placement ankle --out $dir/c.hars $data");
    is(slurp("$dir/a.hars"), slurp("$dir/b.hars"),
       'the same seed: the same bytes');
    isnt(slurp("$dir/a.hars"), slurp("$dir/c.hars"),
         'another seed: other bytes');

    ($status, $out) = run("inspect $dir/a.hars");
    is($status, 0, 'inspect: done');
    like($out, qr/^placement=ankle\n.*^trees=10\nnodes=\d+\nboosted=10$/ms,
         'inspect: what is in it');

    ($status, $out) = run("evaluate --quiet --model $dir/a.hars "
                          . "--svg $dir/a.svg $data");
    is($status, 0, 'evaluate: done');
    like($out, qr/^72 windows of 4 people: accuracy [01]\.\d{4}/,
         'evaluate: as text');
    like(slurp("$dir/a.svg"), qr{^<svg xmlns=.*</svg>\n\z}s, 'an SVG');

    my $error;

    ($status, $out, $error) = run("evaluate --quiet $data");
    is($status, 1, 'evaluate: no shipped model knows these');
    like($error, qr/no shipped model knows these activities/, 'and says so');

    run("train $fit --late --seed 3 --placement ankle --out $dir/d.hars "
        . "$data");
    ($status, $out) = run("inspect $dir/d.hars");
    like($out, qr/^inputs=400$/m, '--late: means besides');
    ($status) = run("evaluate --quiet --model $dir/d.hars $data");
    is($status, 0, '--late: a model that answers');

    for my $command ("train --out $dir/x", 'evaluate --folds 4') {
        ($status, $out, $error) = run("$command --quiet --rounds 2049 "
                                      . $data);
        is($status, 1, "$command, too many rounds: refused");
        like($error, qr/fewer --rounds or less --depth$/, 'and says so');
    }

    ($status, $out, $error) = run("evaluate --folds 4 --model $dir/a.hars "
                                  . $data);
    is($status, 2, 'folds and a model: usage');
    like($error, qr/--folds trains models of its own/, 'and says so');

    ($status, $out) = run("train --weights 50,50,50 --out x $data");
    is($status, 2, 'weights of 150 percent: usage');
}


# activities that both know are not enough to choose by
sub shipped {
    my $data = "$dir/both";

    mkdir $data or die "$data: $!";
    recording($data, 'a', [ [ 'sitting', 0 ] ]);

    my ($status, $out, $error) = run("evaluate --quiet $data");
    is($status, 1, 'both models know it: not guessed');
    like($error, qr/--placement or --model/, 'and says what is missing');

    for my $placement (qw(pocket wrist)) {
        ($status, $out) = run("evaluate --quiet --json --placement "
                              . "$placement $data");
        is($status, 0, "placement $placement: done");
        like(decode_json($out)->{model}, qr/^$placement-vote-/,
             "placement $placement: its model");
    }

    ($status) = run("evaluate --quiet --placement ankle $data");
    is($status, 1, 'placement ankle: there is none');
}


# the very data the shipped model was trained on: whole path, no claim
sub shared {
    my ($name, $placement) = @_;
    my $data = ($ENV{HARS_SHARED} // "$top/../shared/har") . "/$name";

    SKIP: {
        skip("NO DATA in $data: the shipped model is not asked for it", 2)
            if !-d $data;

        my ($status, $out) = run("evaluate --quiet --json $data");
        my $report = $status ? {} : decode_json($out);

        like($report->{model}, qr/^$placement-vote-/, "$name: its model");
        cmp_ok($report->{accuracy} // 0, '>', 0.97, "$name: knows its own");
    }
}


sub recordings {
    my ($data, $who) = @_;

    recording($data, $who, [ [ 'rest', 0 ], [ 'shake', 1.5 + 0.2 * $who ],
                             [ 'other_a', 9 ], [ 'other_b', 12 ] ]);
}


sub recording {
    my ($data, $who, $things) = @_;

    open my $f, '>', "$data/$who.csv" or die "$data/$who.csv: $!";
    print $f "subject,activity,trial,timestamp_s,ax,ay,az,gx,gy,gz\n";

    for my $thing (@$things) {
        my ($name, $hz) = @$thing;

        for my $i (0 .. 128 + 8 * 64 - 1) {
            my $s = sin(2 * 3.14159265 * $hz * $i / 50);

            printf $f "%s,%s,1,%.2f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f\n",
                $who, $name, $i / 50, 3 * $s + noise(), noise(),
                9.8 + noise(), noise(), $s + noise(), noise();
        }
    }

    close $f or die "$data/$who.csv: $!";
}


sub noise {
    $state = ($state * 1664525 + 1013904223) % 2 ** 32;

    return ($state / 2 ** 32 - 0.5) / 10;
}


sub run {
    my ($arguments) = @_;
    my $out = `$train $arguments 2>$dir/errors`;

    return ($? >> 8, $out, slurp("$dir/errors"));
}


sub slurp {
    my ($path) = @_;

    open my $f, '<:raw', $path or die "$path: $!";
    local $/;

    return scalar <$f>;
}
