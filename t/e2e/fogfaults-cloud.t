#!/usr/bin/perl

# hars-wearable, hars-fognode and hars-fogcloud, where what goes wrong is
# between the last two: M2 and M3, the first record and its confirmation are
# lost, held back till the fog node has given up, doubled, replayed, swapped
# for those of an earlier session, changed, torn.  After each the wearable has
# brought all its rows, fogcloud knows the session of each recording as that
# wearable's, and the next attempt succeeds at once.
#
# How many attempts the first run may take is said with each fault: 1 where
# the fog node mends it, 2 where the wearable has to come again.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use HarsTest::FaultyUpstream;
use HarsTest::Fogcloud;
use HarsTest::Fognode;
use HarsTest::Place;
use HarsTest::Run;

my $dir = HarsTest::Place::dir();
my $at = "$dir/upstream";
my $rows = 150;                        # three texts and END
my $start = 1700000000000;
my $seed = $ENV{SEED} || int time;
my %step = (sessions => 'M2 and M3', confirm => 'first record');
my @one;

diag("SEED=$seed");
fogcloud_start(fog_rate => 10000, fog_burst => 10000);
$child{upstream} =
    HarsTest::FaultyUpstream::start($at, fogcloud_socket(), $seed);
fogcloud_at($at, \&fognode_place);
fognode_settings();
run("$HarsTest::Place::build/bin/hars-fognode", '--config',
    "$dir/fognode.conf", 'register');
fognode_dcm();
fognode_start();
fognode_device($_) for 0 .. 4;

# one that the others' faults are answered from
judge({ name => 'no fault', met => 1, over => 1, begin_run(0, 1) });

for my $case (
    [ sessions => 'request lost', 2 ],
    [ sessions => 'request flipped', 2 ],
    [ sessions => 'request after an earlier one', 1 ],
    [ sessions => 'request twice, first answer', 1 ],
    [ sessions => 'request twice, second answer', 2 ],
    [ sessions => 'request twice at once', 2 ],
    [ sessions => 'answer lost', 2 ],
    [ sessions => 'answer flipped', 2 ],
    [ sessions => 'answer torn', 2 ],
    [ sessions => 'answer is an earlier one', 2 ],
    [ sessions => 'request lost, answer is an earlier one', 2 ],
    [ confirm => 'request lost', 1 ],
    [ confirm => 'request flipped', 2 ],
    [ confirm => 'request after an earlier one', 1 ],
    [ confirm => 'request twice, first answer', 1 ],
    [ confirm => 'request twice, second answer', 1 ],
    [ confirm => 'request twice at once', 1 ],
    [ confirm => 'answer lost', 1 ],
    [ confirm => 'answer flipped', 1 ],
    [ confirm => 'answer torn', 1 ],
    [ confirm => 'answer is an earlier one', 1 ],
    [ confirm => 'request lost, answer is an earlier one', 1 ])
{
    judge(met_by(0, @$case));
}

held_back();
replayed();

end('fognode');
fogcloud_stop();
unlike(content("$dir/fognode.log") . fogcloud_log(),
       qr/wearable-\d|secret|Sanitizer/,
       'nothing secret in the logs, no sanitizer had a word');
done_testing();


# the run of a wearable that meets this fault, in at most so many attempts
sub met_by {
    my ($i, $end, $what, $tries) = @_;
    my @fault = ($at, $end, $what);

    HarsTest::FaultyUpstream::lay(@fault);
    my %run = begin_run($i, $tries);
    my $met = wait_for(sub { HarsTest::FaultyUpstream::met(@fault) }, 10);

    return { %run, name => "$step{$end}: $what", met => $met,
             fault => \@fault };
}


sub judge {
    my ($one) = @_;

    push @one, $one;
    ok($one->{met} && ended($one) == 0 && arrived($one->{from}),
       "$one->{name}: all is there")
        or diag($one->{met} ? 'met' : 'never met', ", status $one->{status}, ",
                fognode_times($one->{from}), " rows\n", content($one->{said}));
    ok($one->{over} || wait_for(sub {
        HarsTest::FaultyUpstream::over(@{ $one->{fault} })
    }), '... what was underway is over');
    is(strangers($one), 0, '... fogcloud knows whose session it was');
    at_once($one->{i});
}


# the confirmations of two wearables, and M2 and M3 of two others, which do
# not wait for the fog node, and have a session when theirs arrive
sub held_back {
    my @held;
    my $n = 1;

    for my $case ([ confirm => 'request held back', 1 ],
                  [ confirm => 'answer held back', 1 ],
                  [ sessions => 'request held back', 2 ],
                  [ sessions => 'answer held back', 2 ])
    {
        push @held, met_by($n++, @$case);
        ended($held[-1]) if $case->[0] eq 'sessions';
    }

    judge($_) for @held;
}


# whatever went to fogcloud goes there again
sub replayed {
    my %said;

    for my $request (HarsTest::FaultyUpstream::seen($at)) {
        my $what = $request =~ /^POST \S+confirm / ? 'record' : 'M2';
        my $answer = HarsTest::FaultyUpstream::ask(fogcloud_socket(),
                                                   $request);
        my ($status) = $answer =~ m{^HTTP/1.1 (\d+)};
        $said{"$what $status"}++ if $request =~ m{^POST /v1/fog/sessions};
    }

    is_deeply([ grep { !/^M2 4|^record (?:200|404|422)/ } keys %said ], [],
              'each M2 once more: none is answered with an M3')
        or diag(explain(\%said));
    is(strangers(@one), 0, '... sessions are whose they were');
    at_once($_) for 0 .. 4;
}


sub at_once {
    my ($i) = @_;
    my ($rc, $said) = run(wearing($i, next_start()), '--tries', 1,
                          '--rows', 1);

    is($rc, 0, "... wearable $i authenticates at once") or diag($said);
}


# how many sessions of their recordings fogcloud does not know as theirs
sub strangers {
    my %whose;

    for my $one (@_) {
        $whose{$_} = "p$one->{i}" for sessions($one->{from});
    }

    return 'no session' if !%whose;

    return scalar grep {
        my ($status, $told) = fogcloud_ask('GET', "/v1/fog/sessions/$_",
            undef, fogcloud_as('service', 'hars-dcm', 'fog:resolve'));
        $status != 200 || $told->{patient} ne $whose{$_};
    } keys %whose;
}


# of the recordings with rows of the ten s from "start" (ms)
sub sessions {
    my ($start) = @_;

    return map { $_->{path} =~ /fog_session=(\w+)/ } grep {
        grep { $_ >= $start * 1000 && $_ < ($start + 10000) * 1000 }
            @{ $_->{times} };
    } fognode_dcm_has();
}


sub begin_run {
    my ($i, $tries) = @_;
    my $from = next_start();
    my $pid = fork // die "fork: $!\n";

    return (pid => $pid, from => $from, i => $i, said => "$dir/said-$from")
        if $pid;

    my ($rc, $said) = run(wearing($i, $from), '--tries', $tries, '--wait',
                          $tries > 1 ? 2000 : 5000);
    write_file("said-$from", $said);
    POSIX::_exit($rc);
}


sub ended {
    my ($one) = @_;

    if (!defined $one->{status}) {
        waitpid $one->{pid}, 0;
        $one->{status} = $?;
    }

    return $one->{status};
}


sub wearing {
    my ($i, $from) = @_;

    return (fognode_wearing($i), '--start', $from, '--rows', $rows,
            '--kept-wait', 15000, '--backoff', 20);
}


# times of rows that no other run has
sub next_start { return $start += 1_000_000 }


sub arrived {
    my ($from) = @_;

    return wait_for(sub { fognode_times($from) == $rows });
}
