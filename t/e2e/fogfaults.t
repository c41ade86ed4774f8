#!/usr/bin/perl

# hars-wearable, hars-fognode and hars-fogcloud on bad days: each fault of a
# link at each step, each of the three killed between two steps that belong
# together, 64 wearables at once with all of that by chance.  Afterwards each
# wearable has brought all its rows, and authenticates at its first attempt.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use HarsTest::FaultyLink;
use HarsTest::Fogcloud;
use HarsTest::Fognode;
use HarsTest::Place;
use HarsTest::Run;

my $dir = HarsTest::Place::dir();
my $rows = 150;                        # three texts and END
my $start = 1700000000000;
my $seed = $ENV{SEED} || int time;
my ($links, $said);

srand $seed;
diag("SEED=$seed");
fogcloud_start(fog_rate => 10000, fog_burst => 10000);
fognode_place();
fognode_settings();
run("$HarsTest::Place::build/bin/hars-fognode", '--config',
    "$dir/fognode.conf", 'register');
fognode_dcm();
fognode_start();
fognode_device($_) for 0 .. 63;

each_step();
wearable_dies();
fognode_dies_here();
fogcloud_dies_here();
fognode_stops();
all_at_once();

end('fognode');
fogcloud_stop();
unlike(content("$dir/fognode.log"), qr/wearable-\d|secret|Sanitizer/,
       'nothing secret in the log, no sanitizer had a word');
done_testing();


sub each_step {
    my @case = map {
        my $step = $_;
        map { [ @$step, $_ ] } @HarsTest::FaultyLink::faults;
    } ([ 'up', 0 ], [ 'up', 1 ], [ 'up', 2 ], [ 'up', 4 ], [ 'down', 0 ],
       [ 'down', 1 ]);
    my $n = 0;
    my %child;

    for my $case (@case, undef) {

        # eight at a time
        while (%child && (!$case || keys %child >= 8)) {
            my $pid = wait;
            my ($name, $i, $from) = @{ delete $child{$pid} // next };
            judge($name, $i, $from, $? >> 8);
        }

        last if !$case;
        my ($i, $from) = ($n++ % 64, next_start());
        my $at = link_to(sub { $_[0] == 0 ? $case : () });
        $child{ wear_twice($i, $at, $from) } = [ "@$case", $i, $from ];
    }
}


# a run over the bad link, another one over none, at its first attempt
sub wear_twice {
    my ($i, $at, $from) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my ($rc, $said) = run(wearing($i, $from), '--node', "unix:$at",
                          '--tries', 6);
    write_file("said-$i", $said);
    POSIX::_exit(1) if $rc;
    ($rc, $said) = run(wearing($i, $from + 100_000), '--tries', 1,
                       '--rows', 1);
    write_file("said-$i", $said);
    POSIX::_exit($rc ? 2 : 0);
}


sub judge {
    my ($name, $i, $from, $rc) = @_;

    ok($rc == 0 && arrived($from), "$name: all is there, and it authenticates")
        or diag("status $rc, rows ", fognode_times($from), "\n",
                content("$dir/said-$i"));
}


# killed at each of its steps; the next one of it authenticates at once
sub wearable_dies {
    for my $case (
        [ 'before counter and n are in the flash',
          RENAME => 'flash-1:1' ],
        [ 'when they are there, before M1',
          RENAMED => 'flash-1:1' ],
        [ 'about to send M1', FRAME => '116:1' ],
        [ 'after M4, before the seed is in the flash',
          RENAME => 'flash-1:2' ],
        [ 'when it is there', RENAMED => 'flash-1:2' ],
        [ 'about to send its first record', FRAME => '0:1' ],
        [ 'about to send another one', FRAME => '0:3' ])
    {
        my ($name, @where) = @$case;

        fognode_dies('wearable', @where);
        launch('wearable', wearing(1, next_start()));
        is(died('wearable'), 9, "the wearable dies $name");
        my ($rc, $said) = run(wearing(1, next_start()), '--tries', 1);
        is($rc, 0, '... and authenticates at its next attempt')
            or diag($said);
    }
}


sub fognode_dies_here {
    for my $case (
        [ 'before its state is stored', RENAME => '/state:1' ],
        [ 'when it is, before M2', RENAMED => '/state:1' ],
        [ 'after M3, about to send M4', FRAME => '164:1' ],
        [ 'after the spool is synced, before KEPT', FRAME => '33:1' ],
        [ 'before a recording is whole', RENAME => '.full:1' ],
        [ 'when it is', RENAMED => '.full:1' ])
    {
        my ($name, @where) = @$case;

        end('fognode', 'KILL');
        fognode_dies('fognode', @where);
        fognode_start();
        meanwhile("the fog node dies $name", 2, sub {
            my $signal = died('fognode');
            fognode_start();
            return $signal;
        });
    }
}


sub fogcloud_dies_here {
    for my $case ([ 'committed, about to send M3', 1 ],
                  [ 'confirmed, about to say so', 1, 'application/json' ])
    {
        my ($name, @where) = @$case;

        fogcloud_stop();
        fogcloud_dies(@where);
        fogcloud_start(fog_rate => 10000, fog_burst => 10000);
        meanwhile("the cloud server dies $name", 3, sub {
            my $signal = fogcloud_ended();
            fogcloud_dies(0);
            fogcloud_start(fog_rate => 10000, fog_burst => 10000);
            return $signal;
        });
    }
}


# a clean end in the middle of a session; what is kept stays kept
sub fognode_stops {
    meanwhile('the fog node is stopped while a session is open', 4, sub {
        wait_for(sub { glob "$dir/spool/*.open" });
        my $status = end('fognode');
        fognode_start();
        return $status == 0 ? 9 : $status;
    }, '--speed', 4);
}


# somebody dies while a wearable brings its rows
sub meanwhile {
    my ($name, $i, $what, @more) = @_;
    my $from = next_start();
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my ($rc, $said) = run(wearing($i, $from), '--tries', 60, @more);
        write_file("said-$i", $said);
        POSIX::_exit($rc);
    }

    is($what->(), 9, $name);
    waitpid $pid, 0;
    is($?, 0, '... the wearable gets through')
        or diag(content("$dir/said-$i"), content("$dir/fognode.log"));
    ok(arrived($from), '... with all its rows') or diag(fognode_times($from));
    my ($rc, $said) = run(wearing($i, next_start()), '--tries', 1);
    is($rc, 0, '... and authenticates') or diag($said);
}


# two of three links are bad, and fog node and cloud server die meanwhile
sub all_at_once {
    my $at = link_to(sub {
        return if rand() < 0.34 || $_[0] > 400;
        return map {
            [ rand() < 0.6 ? 'up' : 'down', int rand 6,
              $HarsTest::FaultyLink::faults[rand @HarsTest::FaultyLink::faults] ]
        } 0 .. int rand 3;
    });
    my %from = map { $_ => next_start() } 0 .. 63;
    my @child = map {
        my $i = $_;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my ($rc, $said) = run(wearing($i, $from{$i}), '--node',
                                  "unix:$at", '--tries', 100, '--wait', 2000);
            write_file("said-$i", $said);
            POSIX::_exit($rc);
        }

        $pid;
    } 0 .. 63;

    for my $round (1 .. 4) {
        sleep 0.2 + rand 0.4;

        if ($round % 2) {
            end('fognode', 'KILL');
            fognode_start();

        } else {
            fogcloud_kill();
            fogcloud_start(fog_rate => 10000, fog_burst => 10000);
        }
    }

    my $bad = grep { waitpid($_, 0) == $_ && $? } @child;

    is($bad, 0, '64 wearables over bad links, fog node and cloud server '
       . 'killed twice each: all get through') or diag(content("$dir/said-0"));
    wait_for(sub { !grep { fognode_times($from{$_}) < $rows } 0 .. 63 });
    is_deeply([ grep { fognode_times($from{$_}) != $rows } 0 .. 63 ], [],
              '... with all their rows');

    my $refused = fognode_asked(422);
    is_deeply([ grep {
        (run(wearing($_, next_start()), '--tries', 1, '--rows', 1))[0]
    } 0 .. 63 ], [], '... and each one authenticates at its next attempt');
    is(fognode_asked(422), $refused, '... of which none was refused');
}


sub wearing {
    my ($i, $from) = @_;

    return (fognode_wearing($i), '--start', $from, '--rows', $rows, '--wait',
            1000, '--kept-wait', 1000, '--backoff', 20);
}


# times of rows that no other run has
sub next_start { return $start += 1_000_000 }


sub arrived {
    my ($from) = @_;

    return wait_for(sub { fognode_times($from) == $rows });
}


# a link with this plan; it goes with the test
sub link_to {
    my ($plan) = @_;
    my $name = 'link-' . $links++;
    my $at = "$dir/$name";

    $child{$name} = HarsTest::FaultyLink::start($at, "$dir/fn.sock", $plan);

    return $at;
}
