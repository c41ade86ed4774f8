#!/usr/bin/perl

# hars-wearable against a double of fog node and cloud server (t/fog/
# node_double.c, made of the pure roles): what it sends is the recording, to
# the last row and once; faults of the key exchange and links that break are
# overcome; the flash is whole at any moment; what cannot work is said.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use HarsTest::Place;
use HarsTest::Run;

my $top = $HarsTest::Place::top;
my $wearable = "$HarsTest::Place::build/bin/hars-wearable";
my $double = "$HarsTest::Place::build/t/fog_node_double";
my $dir = HarsTest::Place::dir();
my $at;

if (! -x $wearable || ! -x $double) {
    fail('the programs are there');
    diag('make programs test-programs');
    done_testing();
    exit;
}

write_file('owner', "wearable-0\ncorrect horse\n");
write_file('typo', "wearable-0\ncorrect house\n");
my @rows = recording('walk.csv', 420);

provisioning();
on_a_good_day();
faults();
a_broken_session();
killed();
what_cannot_work();
shared_data();

done_testing();


sub provisioning {
    node('');

    my ($rc, $said) = provision();

    is($rc, 0, 'provision') or diag($said);
    is(-s "$at/flash", 128, '128 bytes');
    is((stat "$at/flash")[2] & 07777, 0600, 'for the owner alone');
    unlike(content("$at/flash"), qr/wearable-0|horse/,
           'neither identity nor password in it');

    write_file('bad.json', '{"gen": 1, "suite": 2, "key": "00"}');
    ($rc, $said) = run($wearable, 'provision', '--flash', "$at/other",
                       '--owner-file', "$dir/owner", '--registration',
                       "$dir/bad.json");
    is($rc, 1, 'an answer without keys');
    like($said, qr/is no answer of POST/, '... is said to be none');
    ok(! -e "$at/other", '... and nothing is made');
    end('node');
}


sub on_a_good_day {
    node('');
    provision();

    my $before = seed();
    my ($rc, $said) = wear('--linger', 500);

    is($rc, 0, 'all is kept') or diag($said);
    like($said, qr/^1800000000\.000 1800000002\.560 walking$/m,
         'the activity that comes back');
    is_deeply([ kept() ], \@rows, 'each row once, as it was');
    like(double_said(), qr/confirmed 0/, 'the first record confirms');

    isnt(seed(), $before, 'the seed of the next attempt is in the flash');

    ($rc) = wear();
    is($rc, 0, 'a second session');
    end('node');
}


sub faults {
    node('m1-lost,m4-lost,m4-flipped,refused,m4-flipped-late,m4-lost,m4-lost,'
         . 'm1-lost,m1-lost,m4-twice');
    provision();

    my ($rc, $said) = wear('--wait', 150);
    my @pids = double_said() =~ /pid (\w+)/g;
    my %seen;

    is($rc, 0, 'lost, flipped, refused, doubled, late: it gets through')
        or diag($said, double_said());
    is_deeply([ kept() ], \@rows, '... each row once');
    is(scalar @pids, 5, 'five attempts, the fifth has a bad M4 first');
    is(scalar(grep { !$seen{$_}++ } @pids), 5, '... each another pseudonym');

    ($rc, $said) = wear('--wait', 150);
    is($rc, 0, 'lost and doubled again') or diag($said, double_said());
    end('node');
}


sub a_broken_session {
    node('cut,silent,none');
    provision();

    my ($rc, $said) = wear('--kept-wait', 200);

    is($rc, 0, 'sessions that break: it gets through') or diag($said);
    is_deeply([ kept() ], \@rows, '... what was not kept is sent again');
    is(() = $said =~ /^hars-wearable: session$/mg, 3, '... in three sessions');
    end('node');
}


# the flash is one whole image whenever the device dies
sub killed {
    node('');
    provision();

    my $whole = 0;

    for my $round (1 .. 10) {
        my $child = fork // die "fork: $!\n";

        if ($child == 0) {
            open STDERR, '>', '/dev/null';
            open STDOUT, '>', '/dev/null';
            exec wearing() or POSIX::_exit(127);
        }

        sleep 0.02 * $round;
        kill 'KILL', $child;
        waitpid $child, 0;
        $whole++ if -s "$at/flash" == 128;
    }

    is($whole, 10, 'kill -9 ten times: the image is whole');

    my ($rc, $said) = wear();
    is($rc, 0, '... and the device authenticates') or diag($said);
    end('node');
}


sub what_cannot_work {
    node('');
    provision();

    my $before = content("$at/flash");
    my ($rc, $said) = run(wearing(), '--owner-file', "$dir/typo");

    # 1 of 256 typos is found by the cloud server only
    is($rc, 1, 'a wrong password');
    like($said, qr/identity or password is wrong|attempts failed/,
         '... is said');
    is(content("$at/flash"), $before, '... nothing is written')
        if $said =~ /is wrong/;

    ($rc, $said) = run(wearing(), '--node', "unix:$dir/nobody");
    is($rc, 1, 'no fog node');
    like($said, qr/No such file.*2 attempts failed/s, '... is said, twice');

    write_file('few.csv', "timestamp_s,ax,ay,az,gx,gy\n0,1,2,3,4,5\n");
    ($rc, $said) = run(wearing(), '--recording', "$dir/few.csv");
    is($rc, 1, 'a recording without gz');
    like($said, qr/few\.csv:1: needs the columns/, '... is said');

    write_file('bad.csv', "timestamp_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,x\n");
    ($rc, $said) = run(wearing(), '--recording', "$dir/bad.csv");
    is($rc, 1, 'a cell that is no number');
    like($said, qr/bad\.csv:2: has no number/, '... is said with its line');

    write_file('short', 'x' x 127);
    ($rc, $said) = run(wearing(), '--flash', "$dir/short");
    is($rc, 1, 'a flash of 127 bytes');
    like($said, qr/no image of 128 bytes/, '... is said');

    ($rc, $said) = run($wearable, 'run', '--node', 'x');
    is($rc, 2, 'options that miss');
    like($said, qr/run needs --flash/, '... are said');
    end('node');
}


sub shared_data {
    my $file = ($ENV{HARS_SHARED} // "$top/../shared")
               . '/har/motionsense/sub_01.csv.gz';

    SKIP: {
        if (! -f $file) {
            diag("SKIPPED: $file is not there");
            skip 'no shared recordings', 2;
        }

        node('');
        provision();

        my ($rc, $said) = run(wearing(), '--recording', $file, '--where',
                              'activity=walking', '--where', 'trial=7',
                              '--rows', 1000);
        my @kept = kept();

        is($rc, 0, 'a recording of somebody') or diag($said);
        is(scalar @kept, 1000, '... its first 1000 rows');
        end('node');
    }
}


sub recording {
    my ($name, $n) = @_;

    my $text = "subject,timestamp_s,ax,ay,az,gx,gy,gz\n";
    my @rows;

    for my $i (0 .. $n - 1) {
        my @values = map { sprintf("%.4f", 3 * sin($i / 9 + $_)) =~ s{^-(0\.0000)$}{$1}r } 1 .. 6;

        $text .= join(',', 1, sprintf('%.2f', $i / 50), @values) . "\n";
        push @rows, join ' ', 1700000000000000 + $i * 20000, 1, @values;
    }

    write_file($name, $text);

    return @rows;
}


sub node {
    my ($faults) = @_;

    our $n++;
    $at = "$dir/$n";
    mkdir $at or die "$at: $!\n";
    $child{node} = fork // die "fork: $!\n";

    if ($child{node} == 0) {
        open STDOUT, '>', "$at/said" or die;
        exec $double, "$at/node", $at, $faults or POSIX::_exit(127);
    }

    HarsTest::Place::wait_for(10, sub { double_said() =~ /listening/ })
        or BAIL_OUT("fog_node_double does not start: see $at");
}


sub double_said { return content("$at/said") }


sub kept {
    return map { s/-(0\.0000)/$1/gr } split /\n/, content("$at/rows");
}


# SPEC 5.3: ver 1, suite 1, gen 4, a 16, wrapped 32, fv 1, then 32 of seed
sub seed { return substr content("$at/flash"), 55, 32 }


sub provision {
    return run($wearable, 'provision', '--small', '--flash', "$at/flash",
               '--owner-file', "$dir/owner", '--registration',
               "$at/wearable-0.json");
}


sub wearing {
    return ($wearable, 'run', '--small', '--flash', "$at/flash",
            '--owner-file', "$dir/owner", '--node', "unix:$at/node",
            '--recording', "$dir/walk.csv", '--speed', 1000, '--start',
            1700000000000, '--backoff', 10, '--tries',
            2);
}


sub wear {
    my (@more) = @_;

    return run(wearing(), '--tries', 8, @more);
}
