#!/usr/bin/perl

# kill -9 at a random moment of the data collecting mechanism, while three
# devices upload and the real ML service recognizes through the gateway: what
# was acknowledged is there afterwards, whole and once, and so are its
# windows. ROUNDS of it (100). With HARS_TEST_DATABASE=postgresql the database
# dies in half of the rounds, too.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use HarsTest::DCM;
use HarsTest::ML qw(ml_packed ml_walking);
use Test::More;
use Time::HiRes qw(sleep time);

my $rounds = $ENV{ROUNDS} || 100;
my $devices = 3;
my $windows = 7;                       # of a recording
my $ml = $HarsTest::Reference::ml;
my $walk = ml_walking();
my $day = int(time / 86400) * 86400 - 20 * 86400;
my $pg = $ENV{HARS_TEST_DATABASE};
my (%setting, @child, @said);

$SIG{PIPE} = 'IGNORE';
srand($ENV{SEED} || 1);
prepare();

for my $round (1 .. $rounds) {
    my @wrong = one($round);

    ok(!@wrong, "round $round") or diag join "\n", @wrong;
    last if @wrong;
}

finish();
is(dcm_stop(), 0, 'it stops');
unlike(dcm_log(), qr/hats_|Sanitizer|runtime error/, 'nothing secret in the '
       . 'log, no sanitizer had a word');
is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs of the others');
done_testing();


END {
    kill 'KILL', @child;
}


sub prepare {
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::client('client-a', '--kind', 'service', '--scope',
                                'ml:recognize', '--resource', $ml,
                                '--subject-dn',
                                HarsTest::Reference::subject('client-a'));
    HarsTest::Reference::start();

    my $place = HarsTest::Reference::place();
    %setting = (ml_url => $place->{ml}, ml_resource => $ml,
                auth_url => $place->{issuer}, client_id => 'client-a',
                certificate => "$place->{pki}/a.pem",
                key => "$place->{pki}/a.key", server_ca => $place->{ca});
    dcm_start(%setting);

    for my $i (0 .. $devices - 1) {
        $said[$i] = {};
        $child[$i] = fork // die "fork: $!\n";
        next if $child[$i];

        @child = ();
        eval { device($i) };
        print STDERR "# device $i: $@" if $@;
        kill 'KILL', $$;
    }
}


sub p { return dcm_as('patient', "p$_[0]", 'recordings:write activities:read') }
sub acknowledged { return dcm_dir() . "/device$_[0]" }


# one recording after the other, each till it is acknowledged, which is
# written down
sub device {
    my ($i) = @_;

    open my $fh, '>>', acknowledged($i) or die;

    for (my $n = 0; getppid() != 1; $n++) {
        my $at = $day + 20 * $n;
        my $rows = [map { [$at + $_->[0], @$_[1 .. 6]] } @$walk];
        my $body = ml_packed(0, $rows);
        my $code = 0;

        while (getppid() != 1) {
            ($code) = dcm_ask('POST', "/v1/recordings?id=r$n&placement=pocket"
                              . '&sampling_rate_hz=50', $body,
                              'Content-Type' =>
                              'application/vnd.hars.samples', p($i));
            last if $code == 201 || $code == 200;
            syswrite $fh, "wrong $code\n"
                if $code && $code != 503 && $code != 500;
            sleep 0.02;
        }

        syswrite $fh, "r$n\n";
        sleep rand 0.03;
    }
}


# what did not hold
sub one {
    my ($round) = @_;

    sleep 0.02 + rand 0.4;

    if ($pg && $round % 2) {
        HarsTest::DCM::dcm_postgres()->stop('immediate');
    }

    dcm_kill() if !$pg || $round % 4 != 1;

    if ($pg && $round % 2) {
        HarsTest::DCM::dcm_postgres()->start;
    }

    dcm_start(%setting) if !$pg || $round % 4 != 1;

    return map { check($_) } 0 .. $devices - 1;
}


# what was acknowledged since is there
sub check {
    my ($i) = @_;
    my @wrong;

    for my $id (grep { !$said[$i]{$_} } lines($i)) {
        if ($id =~ /wrong/) {
            push @wrong, "device $i: $id";
            next;
        }

        my ($code, $is) = asked("/v1/recordings/$id", $i);
        push @wrong, "p$i $id: $code" if $code != 200;
        push @wrong, "p$i $id: failed, $is->{reason}"
            if $code == 200 && $is->{state} eq 'failed';
        $said[$i]{$id} = 1;
    }

    return @wrong;
}


sub lines {
    open my $fh, '<', acknowledged($_[0]) or return;
    chomp(my @line = <$fh>);

    return @line;
}


# an answer, when the database is back
sub asked {
    my ($path, $i) = @_;
    my @answer = (0);

    HarsTest::Place::wait_for(20, sub {
        @answer = dcm_ask('GET', $path, undef, p($i));
        return $answer[0] && $answer[0] != 503 && $answer[0] != 500;
    });

    return @answer;
}


# all of it is recognized, once
sub finish {
    kill 'TERM', @child;
    waitpid $_, 0 for @child;
    @child = ();

    my ($n, $total) = (0, 0);

    for my $i (0 .. $devices - 1) {
        my @id = lines($i);
        my (@not, @odd);

        $n += @id;
        for my $id (@id) {
            my ($code, $is);
            HarsTest::Place::wait_for(60, sub {
                ($code, $is) = asked("/v1/recordings/$id/activities", $i);
                return $is->{state} eq 'done';
            });
            push @not, "$id: $is->{state}" if $is->{state} ne 'done';
            my %start = map { $_->{start} => 1 } @{ $is->{activities} };
            push @odd, $id if @{ $is->{activities} } != $windows
                || keys(%start) != $windows;
        }

        is_deeply(\@not, [], "p$i: all " . @id . ' are done');
        is_deeply(\@odd, [], "p$i: ... each has its windows, once");
        $total += total($i, scalar @id);
    }

    note "$n recordings, $total windows";
    cmp_ok($n, '>', $rounds, 'there was something to lose');
    is(rows('SELECT count(*) FROM job'), 0, 'the queue is empty');
    is(rows('SELECT count(*) FROM (SELECT 1 FROM window_block GROUP BY '
            . 'patient, event HAVING count(*) > 1) x'), 0,
       'no event has its number twice');
}


# windows of all pages, and the time of all days; one more recording may be
# there, that was not acknowledged
sub total {
    my ($i, $n) = @_;
    my (%seen, $next, $seconds);
    my $twice = 0;

    do {
        my $after = defined $next ? "&after=$next" : '';
        my $is = (asked("/v1/patients/p$i/activities?limit=1000$after",
                        $i))[1];
        $twice += $seen{$_->{recording}}{$_->{start}}++
            for @{ $is->{activities} };
        $next = $is->{next};
    } while defined $next;

    is($twice, 0, "p$i: no window is there twice");
    is(scalar(grep { keys %$_ != $windows } values %seen), 0,
       "p$i: no recording has a part of them");
    cmp_ok(keys(%seen) - $n, '<=', 1, "p$i: none that nobody sent");

    my @date = map { my @t = gmtime $_; sprintf '%04d-%02d-%02d',
                     $t[5] + 1900, $t[4] + 1, $t[3] } $day, time;
    my $is = (asked("/v1/patients/p$i/days?from=$date[0]&to=$date[1]",
                    $i))[1];
    $seconds += $_->{covered_s} for @{ $is->{days} };
    cmp_ok(abs($seconds - 10.24 * keys %seen), '<', 0.05 * keys %seen,
           "p$i: the days have all of it");

    return scalar map { keys %$_ } values %seen;
}


sub rows {
    my ($sql) = @_;

    return HarsTest::DCM::dcm_postgres()->sql($sql, 'dcm') if $pg;

    my $said = `sqlite3 -readonly -cmd '.timeout 5000' ${\ dcm_dir()}/dcm.db "$sql"`;
    return $said =~ s/\s+\z//r;
}
