#!/usr/bin/perl

# Walking in, walking out: recordings recognized by the real ML service, by a
# bound token, through the real gateway. The service away and back; a token
# that was revoked or ran out; what the service refuses; totals, pages,
# live streams.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use HarsTest::DCM;
use HarsTest::ML qw(ml_csv ml_packed ml_walking);
use HarsTest::SSE;
use Test::More;
use Time::HiRes qw(time);

my $ml = $HarsTest::Reference::ml;
my $walk = ml_walking();
my $day = int(time / 86400) * 86400 - 86400;
my $t0 = $day + 3600;
my @scope = 'recordings:write activities:read consent:write';
my @p1 = dcm_as('patient', 'p1', @scope);
my $place;

prepare();
walking();
people();
pages();
refused();
long();
revoked();
away();
set_back();
live();
stops('mlservice');
stops('authserver');
settings();

is(dcm_stop(), 0, 'it stops');
unlike(dcm_log(), qr/hats_|Sanitizer|runtime error/,
       'no token in the log, no sanitizer had a word');
is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs of the others');
done_testing();


sub wait_for { return HarsTest::Place::wait_for(@_) }


sub prepare {
    HarsTest::Reference::settings('authserver.conf', "token_ttl = 12\n");
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::client('client-a', '--kind', 'service', '--scope',
                                'ml:recognize', '--resource', $ml,
                                '--subject-dn',
                                HarsTest::Reference::subject('client-a'));
    HarsTest::Reference::start();
    $place = HarsTest::Reference::place();
    dcm_start(identity());
}


sub identity {
    return (ml_url => $place->{ml}, ml_resource => $ml,
            auth_url => $place->{issuer}, client_id => 'client-a',
            certificate => "$place->{pki}/a.pem",
            key => "$place->{pki}/a.key", server_ca => $place->{ca});
}


# "n" times the demo's 10 seconds, from a time on
sub rows {
    my ($at, $n) = @_;
    my @rows;

    for my $i (0 .. ($n // 1) - 1) {
        push @rows, map { [ sprintf('%.6f', $at + 10.24 * $i + $_->[0]) + 0,
                            @$_[1 .. 6] ] } @$walk;
    }

    return \@rows;
}


sub post {
    my ($id, $rows, %o) = @_;

    return dcm_ask('POST', "/v1/recordings?id=$id&placement=pocket"
                   . '&sampling_rate_hz=50', ml_packed(0, $rows),
                   'Content-Type' => 'application/vnd.hars.samples',
                   @{ $o{as} // \@p1 });
}


sub state {
    my ($id, @as) = @_;

    return (dcm_ask('GET', "/v1/recordings/$id", undef, @as ? @as : @p1))[1];
}


# is it done, or failed, within some seconds?
sub is_state {
    my ($id, $state, $seconds) = @_;
    my $is;

    wait_for($seconds // 15, sub {
        $is = state($id);
        return $is->{state} eq $state;
    });
    is($is->{state}, $state, "$id is $state") or diag dcm_log();

    return $is;
}


sub get {
    my ($path, @as) = @_;

    return dcm_ask('GET', $path, undef, @as ? @as : @p1);
}


sub walking {
    is((post('w1', rows($t0)))[0], 201, 'walking is stored');
    my $is = is_state('w1', 'done');
    is($is->{windows}, 7, '... 7 windows');
    like($is->{model}, qr/^pocket-/, '... of a model');

    my ($code, $body) = get('/v1/recordings/w1/activities');
    is($code, 200, 'its activities');
    is_deeply([map { $_->{smoothed} } @{ $body->{activities} }],
              [('walking') x 7], '... are walking');

    ($code, $body) = get('/v1/patients/p1/activities');
    my $first = $body->{activities}[0];
    my $csv = (dcm_ask('GET', '/v1/patients/p1/export?format=csv'
                       . '&what=activities', undef,
                       dcm_as('patient', 'p1', "@scope samples:read")))[3];
    is(scalar(() = $csv =~ /^\d+\.\d{3},\d+\.\d{3},\w+,[01]\.\d{4},walking,,w1,pocket-/mg),
       7, '... in an export as CSV, too');
    is(scalar @{ $body->{activities} }, 7, 'the patient has them, too');
    is_deeply([sort keys %$first],
              [qw(activity confidence end heart_rate_bpm model recording
                  smoothed start)], '... each with all it has');
    cmp_ok(abs($first->{start} - $t0), '<', 0.03, '... in the device\'s time');
    is($first->{recording}, 'w1', '... of that recording');
    is($body->{next}, undef, '... and no more');

    my $export = (get('/v1/patients/p1/export?format=json',
                       dcm_as('patient', 'p1', 'samples:read')))[1];
    is_deeply($export->{activities}, $body->{activities},
              'an export has them all');
    is(@{ $export->{activities} }, 7, '... all of them');

    my $date = date($day);
    ($code, $body) = get("/v1/patients/p1/days?from=$date&to=$date");
    is($code, 200, 'days');
    is($body->{days}[0]{date}, $date, '... that day');
    cmp_ok(abs($body->{days}[0]{activities}{walking} - 10.24), '<', 0.06,
           '... 10 seconds of walking');
    is($body->{days}[0]{unknown_s}, 0, '... nothing unknown');

    # the same time again: it counts once
    is((post('w2', rows($t0)))[0], 201, 'the same time by another device');
    is_state('w2', 'done');
    my $again = (get("/v1/patients/p1/days?from=$date&to=$date"))[1];
    is_deeply($again, $body, '... nobody walks twice at once');

    my $pulse = ml_packed(0, rows($t0 + 100))
        . ml_packed(3, [map { [$t0 + 100 + $_, 90 + $_] } 0 .. 10]);
    is((dcm_ask('POST', '/v1/recordings?id=w3&placement=pocket'
                . '&sampling_rate_hz=50', $pulse, 'Content-Type' =>
                'application/vnd.hars.samples', @p1))[0], 201,
       'with a heart rate');
    is_state('w3', 'done');
    $again = (get("/v1/patients/p1/days?from=$date&to=$date"))[1]{days}[0];
    cmp_ok($again->{heart_rate_bpm}{min}, '>=', 90, '... its least');
    cmp_ok($again->{heart_rate_bpm}{mean}, '>', 92, '... its mean');
    cmp_ok($again->{heart_rate_bpm}{max}, '<=', 100, '... its most');
    cmp_ok(abs($again->{activities}{walking} - 20.48), '<', 0.12,
           '... and twice the time');
}


sub date {
    my (undef, undef, undef, $d, $m, $y) = gmtime $_[0];
    return sprintf '%04d-%02d-%02d', $y + 1900, $m + 1, $d;
}


sub people {
    my @other = dcm_as('patient', 'p2', @scope);
    my @cara = dcm_as('caregiver', 'cara', 'activities:read');

    is((get('/v1/recordings/w1', @other))[0], 404, 'another patient: none');
    is((get('/v1/recordings/w1/activities', @other))[0], 404, '... nor its '
       . 'activities');
    is((get("/v1/patients/p1/$_", @other))[0], 404, "... nor $_")
        for qw(activities days events);
    is((get('/v1/recordings/w1', dcm_as('patient', 'p1', 'samples:read')))[0],
       403, 'without a scope');
    is((get('/v1/recordings/w1'))[1]{state}, 'done', 'the patient: done');

    is((dcm_ask('PUT', '/v1/patients/p1/caregivers/cara',
                { role => 'caregiver', since => $t0 + 50, until => int(time) + 3600,
                  scopes => ['activities:read'] }, @p1))[0] =~ /^20/, 1,
       'a caregiver is connected, for what comes from some second on');
    my ($code, $body) = get('/v1/patients/p1/activities', @cara);
    is_deeply([sort { $a cmp $b } keys %{ { map { $_->{recording} => 1 }
                                            @{ $body->{activities} } } }],
              ['w3'], '... and sees that alone') or diag explain $body;
    my $date = date($day);
    $body = (get("/v1/patients/p1/days?from=$date&to=$date", @cara))[1];
    cmp_ok(abs($body->{days}[0]{activities}{walking} - 10.24), '<', 0.06,
           '... and its part of the day');
}


sub pages {
    my (@all, $next);

    do {
        my $after = defined $next ? "&after=$next" : '';
        my ($code, $body) = get("/v1/patients/p1/activities?limit=3$after");
        is($code, 200, 'a page');
        cmp_ok(scalar @{ $body->{activities} }, '<=', 3, '... of 3');
        push @all, @{ $body->{activities} };
        $next = $body->{next};
    } while defined $next;

    my $whole = (get('/v1/patients/p1/activities'))[1]{activities};
    is_deeply(\@all, $whole, 'all pages are the whole');
    is(scalar @all, 21, '... of three recordings');

    my $part = (get('/v1/patients/p1/activities?from=' . ($t0 + 2) . '&to='
                    . ($t0 + 5)))[1]{activities};
    is_deeply([map { $_->{start} } @$part],
              [grep { $_ >= $t0 + 2 && $_ < $t0 + 5 }
               map { $_->{start} } @all], 'a part of the time');

    is((get("/v1/patients/p1/$_"))[0], 400, "refused: $_")
        for 'activities?limit=0', 'activities?limit=1001',
            'activities?from=x', 'activities?after=x', 'days?from=2026-02-30',
            'days?from=2020-01-01&to=2026-01-01';
}


# two seconds are no window
sub refused {
    my @short = @{ rows($t0 + 200) }[0 .. 99];
    my ($code, $body) = post('short', \@short);

    if ($code == 201) {
        my $is = is_state('short', 'failed');
        like($is->{reason}, qr/\w/, '... for a reason') or diag explain $is;
    } else {
        is($code, 422, 'what is too short is refused at once');
    }
}


# in parts: as if it were one
sub long {
    my $n = 160;
    my $rows = rows($t0 + 10000, $n);
    my $i = 0;

    # a clock that is not quite even
    $_->[0] += 0.004 * (($i++ * 7919) % 11 - 5) / 5 for @$rows;
    is((post('long', $rows))[0], 201, '27 minutes');
    my $is = is_state('long', 'done', 30);
    is($is->{windows}, 8 * $n - 1, '... all their windows');

    my @start = map { $_->{start} }
        @{ (get('/v1/recordings/long/activities'))[1]{activities} };
    my @odd = grep { abs($start[$_] - $start[$_ - 1] - 1.28) > 0.02 }
        1 .. $#start;
    is_deeply(\@odd, [], '... one after the other');
}


# revoked behind its back: one more token, and on
sub revoked {
    HarsTest::Reference::as('revoke', '--client', 'client-a');
    is((post('after', rows($t0 + 300)))[0], 201, 'after a revocation');
    is_state('after', 'done', 5);
    unlike(dcm_log(), qr/recognition waits/, '... at once');

    # and its life is over
    select undef, undef, undef, 13;
    is((post('later', rows($t0 + 400)))[0], 201, 'after the token\'s life');
    is_state('later', 'done');
}


sub away {
    my $child = HarsTest::Reference::pid('mlservice');

    kill 'KILL', $child;
    waitpid $child, 0;
    unlink HarsTest::Reference::path('ml.sock');
    is((post("away$_", rows($t0 + 500 + 20 * $_)))[0], 201,
       'stored, the ML service is away') for 1 .. 5;
    ok(wait_for(10, sub { dcm_log() =~ /recognition waits/ }),
       '... recognition waits');
    is(state('away1')->{state}, 'queued', '... queued again');

    # and it dies as well
    dcm_kill();
    dcm_start(identity());
    HarsTest::Reference::launch('mlservice', '--config',
                                HarsTest::Reference::path('mlservice.conf'));
    is_state("away$_", 'done', 40) for 1 .. 5;
    is(scalar(() = dcm_log() =~ /recognition waits/g) < 12, 1,
       '... it did not storm');
}


# the clock of the day, by three hours, while the ML service is away
sub set_back {
    my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1'
        or return fail('libfaketime is there: make deps-test');
    my @later = dcm_as('patient', 'p1', @scope,
                       'Hars-Exp' => int(time) + 86400);

    clock(3 * 3600);
    dcm_stop();
    {
        local $ENV{FAKETIME_TIMESTAMP_FILE} = dcm_dir() . '/clock';
        local $ENV{FAKETIME_NO_CACHE} = 1;
        local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
        local $ENV{LD_PRELOAD} = $faketime;
        dcm_start(identity());
    }

    my $stream = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events',
                                    @later);
    is($stream->status, 200, 'a live stream');

    my $child = HarsTest::Reference::pid('mlservice');
    kill 'KILL', $child;
    waitpid $child, 0;
    unlink HarsTest::Reference::path('ml.sock');
    my $said = length dcm_log();
    is((post('back', rows($t0 + 800), as => \@later))[0], 201,
       'stored, the ML service is away');
    ok(wait_for(10, sub {
        return substr(dcm_log(), $said) =~ /recognition waits/;
    }), '... recognition waits');

    clock(0);
    ok($stream->ended(5), 'the clock is set back: the stream ends');
    HarsTest::Reference::launch('mlservice', '--config',
                                HarsTest::Reference::path('mlservice.conf'));
    is_state('back', 'done', 30);

    dcm_stop();
    dcm_start(identity());
}


# seconds from now on, for hars-dcm
sub clock {
    my $file = dcm_dir() . '/clock';

    open my $fh, '>', "$file.new" or die "clock: $!\n";
    print $fh "+$_[0]\n";
    close $fh or die "clock: $!\n";
    rename "$file.new", $file or die "clock: $!\n";
}


sub live {
    my @now = dcm_as('patient', 'p1', @scope);
    my $s = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events', @now);

    is($s->status, 200, 'a live stream');
    like($s->header, qr{^Content-Type: text/event-stream}mi, '... its type');
    like($s->header, qr/^X-Accel-Buffering: no/mi, '... nobody buffers it');

    post('live1', rows($t0 + 1000));
    my $event = $s->event(10);
    is($event->{event}, 'activities', 'an event') or diag dcm_log(), explain $s;
    is($event->{data}{recording}, 'live1', '... of the new recording');
    is(scalar @{ $event->{data}{activities} }, 7, '... with its windows');
    my $id = $event->{id};
    $s->close;

    post('live2', rows($t0 + 1100));
    is_state('live2', 'done');
    $s = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events', @now,
                            'Last-Event-ID' => $id);
    $event = $s->event(5);
    is($event->{data}{recording}, 'live2', 'what was missed comes again');
    is($event->{id}, $id + 1, '... and nothing twice');

    # who is connected, till the connection ends
    my @cara = dcm_as('caregiver', 'cara', 'activities:read');
    my $c = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events', @cara);
    is($c->status, 200, 'the caregiver\'s stream');
    my $began = time;
    is((dcm_ask('DELETE', '/v1/patients/p1/caregivers/cara', undef,
                @p1))[0] =~ /^20/, 1, 'is disconnected');
    my $from = time;
    ok($c->ended(3), '... and the stream ends');
    cmp_ok(time - $from, '<', 1.1, '... within a second');

    # till the token's life ends
    my $e = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events',
                               dcm_as('patient', 'p1', @scope,
                                      'Hars-Exp' => int(time) + 2));
    ok($e->ended(4), 'a stream does not outlive the token');

    is((get('/v1/patients/p1/events', @now, 'Last-Event-ID' => 'x'))[0], 400,
       'a Last-Event-ID that is none');

    # what leaves is forgotten: more than there may be at a time
    for my $i (1 .. 300) {
        my $x = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events',
                                   @now);
        $x->more(1) while $x->status == 200 && $x->{raw} !~ /retry/;
        $x->close;
        wait_for(3, sub { HarsTest::SSE->new(dcm_socket(),
            '/v1/patients/p1/events', @now)->status == 200 }) if $i == 290;
    }

    my $z = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events', @now);
    ok(wait_for(3, sub {
        $z = HarsTest::SSE->new(dcm_socket(), '/v1/patients/p1/events', @now);
        return $z->status == 200;
    }), '300 that left take no room');
}


# while it waits for an answer
sub stops {
    my ($of) = @_;
    my $pid = HarsTest::Reference::pid($of);
    my $id = "stop-$of";

    if ($of eq 'authserver') {
        dcm_stop();
        dcm_start(identity());
    }

    kill 'STOP', $pid;
    post($id, rows($t0 + 2000 + ord $of));
    ok(wait_for(5, sub { state($id)->{state} eq 'running' }),
       "$id waits for an answer");
    my $begun = time;
    is(dcm_stop(), 0, '... and the service stops');
    cmp_ok(time - $begun, '<', 4, '... soon');
    kill 'CONT', $pid;
    dcm_start(identity());
    is_state($id, 'done');
}


sub settings {
    my %good = identity();

    for my $case (
        ['a part of them', qr/auth_url.*is needed/, auth_url => undef],
        ['http', qr/ml_url.*https:/, ml_url => 'http://x'],
        ['a path', qr/ml_url.*https:/, ml_url => "$place->{ml}/v1"],
        ['no key', qr/key.*No such file/, key => '/nothing'],
        ['the key of another', qr/certificate.*not of this key/,
         key => "$place->{pki}/b.key"],
        ['no CA', qr/server_ca.*No such file/, server_ca => '/nothing'],
    ) {
        my ($what, $why, @other) = @$case;
        my ($rc, $said) = dcm_try('--config', dcm_settings(%good, @other),
                                  '--check');
        is($rc, 1, "settings: $what");
        like($said, $why, '... says why');
    }
    dcm_settings(%good);
}
