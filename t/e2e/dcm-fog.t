#!/usr/bin/perl

# Recordings of fog nodes at the data collecting mechanism, which asks the
# real hars-fogcloud through the real gateway, by a bound token, whose session
# it is: who may send what, of which session, of which time; what a stranger
# learns; fogcloud away, slow, and asked by many at once; an erased patient.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use HarsTest::DCM;
use HarsTest::Fogcloud;
use HarsTest::ML qw(ml_packed ml_walking);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $fog = $HarsTest::Reference::fog;
my $ml = $HarsTest::Reference::ml;
my $walk = ml_walking();
my @p1 = dcm_as('patient', 'p1',
                'recordings:write activities:read samples:read consent:write');
my ($place, $cloud, %alias);

prepare();
taken();
who();
strangers();
hours();
away();
elsewhere();
slow();
many();
revoked();
erased();
settings();

is(dcm_stop(), 0, 'it stops');
unlike(dcm_log(), qr/hats_|Sanitizer|runtime error/,
       'no token in the log, no sanitizer had a word');
is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs of the others');
done_testing();


sub prepare {
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml, '--resource', $fog);
    HarsTest::Reference::client('client-a', '--kind', 'service', '--scope',
                                'ml:recognize fog:resolve', '--resource', $ml,
                                '--resource', $fog, '--subject-dn',
                                HarsTest::Reference::subject('client-a'));
    HarsTest::Reference::start(fog => 1);
    $place = HarsTest::Reference::place();
    $cloud = HarsTest::Reference::path('fogcloud.sock');
    dcm_start(identity());

    fogcloud_at($cloud, sub {
        $alias{p1} = fogcloud_device(0, 'watch-1', 'p1')->{alias};
        $alias{p2} = fogcloud_device(1, 'watch-2', 'p2')->{alias};
        $alias{p3} = fogcloud_device(2, 'watch-3', 'p3')->{alias};
        fogcloud_node(0, 'edge');
        fogcloud_node(1, 'edgy');
    });
}


sub identity {
    return (ml_url => $place->{ml}, ml_resource => $ml,
            fog_url => 'https://fog.hars.localhost:' . $place->{port},
            fog_resource => $fog,
            auth_url => $place->{issuer}, client_id => 'client-a',
            certificate => "$place->{pki}/a.pem",
            key => "$place->{pki}/a.key", server_ca => $place->{ca});
}


# a session of wearable number $i by fog node number $j, confirmed
sub session {
    my ($i, $j) = @_;
    my $client = $j ? 'edgy' : 'edge';

    return fogcloud_at($cloud, sub {
        my ($status, $m3) =
            fogcloud_relay($client, fogcloud_party('m2', $i, $j, 0));
        die "M3: $status\n" if $status != 200;
        my ($ok, $sid) = split ' ', fogcloud_party('m3', $i, $j, $m3);
        ($status) = fogcloud_ask('POST', "/v1/fog/sessions/$sid/confirm",
            pack('H*', fogcloud_party('record', $i, 'x')),
            fogcloud_as('fog_node', $client, 'fog:relay', 'Hars-Client-Id' =>
                        $client, 'Content-Type' => $octets));
        die "confirm: $status\n" if $status != 200;

        return $sid;
    });
}


sub node {
    my ($name, $scope) = @_;

    return dcm_as('fog_node', $name, $scope // 'recordings:fog',
                  'Hars-Client-Id' => $name);
}


sub rows {
    my ($at) = @_;

    return [ map { [ sprintf('%.6f', $at + $_->[0]) + 0, @$_[1 .. 6] ] }
             @$walk ];
}


sub post {
    my ($id, $sid, %o) = @_;

    return dcm_ask('POST', "/v1/recordings?id=$id&placement=pocket"
        . '&sampling_rate_hz=50' . ($sid ? "&fog_session=$sid" : ''),
        ml_packed(0, rows($o{at} // time - 12)),
        'Content-Type' => 'application/vnd.hars.samples',
        @{ $o{as} // [ node('edge') ] });
}


sub get { return dcm_ask('GET', $_[0], undef, @_[1 .. $#_]) }


sub count {
    my ($name) = @_;

    return (get('/metrics'))[3] =~ /^hars_dcm_${name}_total (\d+)/m ? $1 : -1;
}


sub detail {
    my ($got) = @_;

    return "$got->{detail} $got->{field}";
}


my $sid;

sub taken {
    $sid = session(0, 0);
    my ($code, $first) = post('one', $sid);

    is($code, 201, 'a recording of a session') or diag explain $first,
        dcm_log();
    is($first->{patient}, undef, '... whose it is the fog node is not told');
    ($code, my $again) = post('one', $sid, at => $first->{start});
    is($code, 409, 'another one of this id');
    is(count('relayed'), 1, 'it is counted');

    ok(HarsTest::Place::wait_for(20, sub {
        (get('/v1/recordings/one', @p1))[1]{state} eq 'done';
    }), 'recognized') or diag dcm_log();
    my $own = (get('/v1/recordings/one', @p1))[1];
    is($own->{patient}, 'p1', '... and it is the patient\'s');
    is($own->{device}, $alias{p1}, '... of this wearable');

    ($code, my $seen) = get('/v1/recordings/one/activities', node('edge'));
    is($code, 200, 'its fog node sees');
    is_deeply([map { $_->{smoothed} } @{ $seen->{activities} }],
              [('walking') x 7], '... walking');
    is_deeply([grep { exists $seen->{$_} } qw(patient device)], [],
              '... of nobody');
    is((get('/v1/patients/p1/activities', @p1))[1]{activities}[0]{recording},
       'one', 'so does the patient');

    my $all = (get('/v1/patients/p1/export?format=json', @p1))[1];
    is_deeply([@{ $all->{recordings}[0] }{qw(client_id fog_session
                                             fog_device)}],
              ['edge', $sid, $alias{p1}], 'who sent it is known');

    # the very same bytes
    my $at = int(time) - 12;
    ($code, $first) = post('two', $sid, at => $at);
    is($code, 201, 'another recording');
    ($code, $again) = post('two', $sid, at => $at);
    is($code, 200, '... that is sent again');
    is_deeply($again, $first, '... is answered as before');
}


sub who {
    my ($code, $said) = post('x', '');

    is($code, 422, 'a fog node that names no session');
    like(detail($said), qr/which session.*fog_session$/, '... is told so');
    ($code, $said) = post('x', 'zz');
    is($code, 422, 'what is no id of a session');
    like(detail($said), qr/32 of 0-9 a-f.*fog_session$/, '... neither');
    ($code, $said) = post('x', $sid, as => [ @p1 ]);
    is($code, 422, 'a patient who names one');
    like(detail($said), qr/for fog nodes/, '... neither');
    is((post('x', $sid, as => [ node('edge', 'activities:read') ]))[0], 403,
       'a fog node without the scope');
    is((post('x', $sid, as => [ node('edge', 'recordings:write') ]))[0], 403,
       '... with the patients\' scope');

    for my $kind (qw(caregiver doctor service operator resource_server)) {
        is((post('x', $sid, as => [ dcm_as($kind, 'edge', 'recordings:fog '
             . 'recordings:write', 'Hars-Client-Id' => 'edge') ]))[0], 403,
           "a $kind of the same name");
    }

    is((post('x', $sid, as => [ dcm_as('patient', 'p1', 'recordings:fog') ]))
       [0], 403, 'a patient with the fog\'s scope');
}


# unknown, another one's, revoked: all are one to another fog node
sub strangers {
    my @edgy = node('edgy');
    my @said = map { [ (post('x', $_, as => [ @edgy ]))[0, 3] ] }
        $sid, 'ab' x 16, session(0, 0), $sid;

    is($said[0][0], 422, 'another fog node\'s session is none');
    is_deeply($said[$_], $said[0], '... as one that there is not')
        for 1 .. 3;

    for my $path ('one', 'one/activities', 'nothing', 'nothing/activities') {
        my @got = get("/v1/recordings/$path", @edgy);
        is($got[0], 404, "another fog node reads $path");
    }

    is((get('/v1/recordings/one', @edgy))[3],
       (get('/v1/recordings/nothing', @edgy))[3], '... the same answer');
    is((get('/v1/recordings/one', dcm_as('patient', 'p2', 'activities:read')))
       [0], 404, 'another patient');
    is((get('/v1/patients/p1/activities', node('edge',
            'recordings:fog activities:read')))[0], 404,
       'its own fog node sees nothing else of the patient');

    # each id is one client's own
    my $two = session(1, 1);
    is((post('one', $two, as => [ @edgy ]))[0], 201,
       'an id that another fog node has used, of another patient');
    is((get('/v1/recordings/one', @p1))[1]{device}, $alias{p1},
       '... and the first one is as it was');
}


sub hours {
    $sid = session(0, 0);

    my ($code, $said) = post('early', $sid, at => time - 24 * 3600 - 100);
    is($code, 422, 'more than a day before the session');
    like(detail($said), qr/the recording is of [\d.]+ to .* its session of .* fog_session$/,
         '... says why');
    is((post('kept', $sid, at => time - 3600))[0], 201,
       'what a wearable had kept since an hour before');

    # the session ends where the next one begins
    my $next = session(0, 0);
    sleep 10.1;                                  # that long it is remembered
    is((post('late', $sid, at => time + 200))[0], 422,
       'after the session');
    is((post('still', $sid, at => time - 12))[0], 201,
       'of its end, though the next one has begun');
    is((post('next', $next, at => time + 200))[0], 201, '... is the next\'s');
    $sid = $next;
}


sub away {
    my $other = session(1, 0);
    HarsTest::Reference::end('fogcloud');

    my $n = count('unresolved');
    my ($code, $said, $top) = post('away', $other);
    is($code, 503, 'fogcloud is away');
    like($top, qr/^Retry-After: [1-9]/mi, '... come again');
    is(count('unresolved'), $n + 1, '... is counted');
    is((get('/v1/recordings/away', dcm_as('patient', 'p2',
                                          'activities:read')))[0], 404,
       '... nothing was stored');

    HarsTest::Reference::begin('fogcloud');
    is((post('away', $other))[0], 201, 'it is back: taken');
}


# who answers 404 is not fogcloud: that says nothing of a session
sub elsewhere {
    my $other = session(1, 0);
    my $said = length dcm_log();

    HarsTest::Reference::nginx(sub {
        s{(location ~ \^/v1/fog/sessions/\[0-9a-f\]\+\$ \{)}
         {$1 hars off override; return 404;} or die;
    });
    HarsTest::Reference::reload();
    my ($code, undef, $top) = post('elsewhere', $other);
    is($code, 503, 'the 404 of a proxy: not known whose the session is');
    like($top, qr/^Retry-After: [1-9]/mi, '... come again');
    like(substr(dcm_log(), $said), qr/a 404 that is not of hars-fogcloud.*fog_url/,
         '... the log says why');

    HarsTest::Reference::nginx(sub { });
    HarsTest::Reference::reload();
    is((post('elsewhere', $other))[0], 201, '... which nobody remembers');
    is((post('none', 'cd' x 16))[0], 422, 'a session that there is not');
}


# it neither answers nor refuses: others are served meanwhile
sub slow {
    my $pid = HarsTest::Reference::pid('fogcloud');
    my @sid = map { sprintf '%032x', $_ } 1 .. 20;

    kill 'STOP', $pid;
    my @child = map {
        my $one = $_;
        my $child = fork // die "fork: $!\n";
        if ($child == 0) {
            my ($code) = post('slow', $one);
            POSIX::_exit($code == 503 ? 0 : 1);
        }
        $child;
    } @sid;

    my $begun = time;
    my $n = 0;
    while (time - $begun < 3) {
        $n++ if (get('/v1/recordings/one', @p1))[0] == 200
            && (post("mean$n", '', as => [ @p1 ]))[0] == 201;
    }
    cmp_ok($n, '>', 2, 'fogcloud hangs: patients are served') or diag $n;

    my $good = grep { waitpid($_, 0) == $_ && $? == 0 } @child;
    is($good, @sid, '... 20 fog nodes are told to come again');
    cmp_ok(time - $begun, '<', 9, '... soon');
    kill 'CONT', $pid;
    ok(HarsTest::Place::wait_for(10, sub {
        (post('slow', $sid))[0] =~ /^20/;
    }), 'it goes on');
}


# one question for all who ask the same
sub many {
    my $other = session(1, 0);
    my $before = asked($other);

    my @child = map {
        my $n = $_;
        my $child = fork // die "fork: $!\n";
        POSIX::_exit(many_one($n, $other)) if $child == 0;
        $child;
    } 1 .. 16;
    my $good = grep { waitpid($_, 0) == $_ && $? == 0 } @child;

    is($good, 16, '16 recordings of a session at once');
    is(asked($other) - $before, 1, '... fogcloud was asked once');
}


sub many_one {
    my ($n, $other) = @_;

    for (1 .. 20) {
        my ($code) = post("many$n", $other, at => time - 12 - 20 * $n);
        return 0 if $code == 201;
        return 1 if $code != 503;
        sleep 0.1;
    }

    return 1;
}


sub asked {
    my ($one) = @_;

    open my $fh, '<', HarsTest::Reference::path('access.log') or die;
    return scalar grep { m{GET /v1/fog/sessions/$one } } <$fh>;
}


sub revoked {
    my $other = session(1, 0);

    is((post('before', $other))[0], 201, 'a session');
    fogcloud_at($cloud, sub {
        my ($code) = fogcloud_ask('DELETE', "/v1/fog/devices/$alias{p2}",
            undef, fogcloud_as('operator', 'op', 'fog:register'));
        is($code, 200, '... whose wearable is revoked');
    });
    sleep 10.1;
    is((post('after', $other, at => time + 130))[0], 422,
       '... takes nothing of later');

    # the token of the data collecting mechanism behind its back
    HarsTest::Reference::as('revoke', '--client', 'client-a');
    is((post('token', session(0, 0)))[0], 201, 'its own token is revoked: it '
       . 'gets another one') or diag dcm_log();
}


# with a wearable on that goes on
sub erased {
    my @p3 = dcm_as('patient', 'p3', 'recordings:write consent:write '
                    . 'activities:read');
    my $other = session(2, 0);

    is((post('three', $other))[0], 201, 'a recording of p3');
    is((dcm_ask('DELETE', '/v1/patients/p3', undef, @p3))[0], 204,
       '... who is erased');
    ok(HarsTest::Place::wait_for(20, sub {
        (post('mine', '', as => [ @p3 ]))[0] == 201;
    }), '... to the last row, and comes again');
    my ($code, $said) = post('four', $other);
    is($code, 409, 'the wearable goes on: nothing is stored')
        or diag explain $said;
    is((post('five', session(2, 0)))[0], 201,
       'a session that begins after it is another matter');
}


sub settings {
    my %good = identity();

    for my $case (
        ['no fog_resource', qr/fog_resource.*is needed/,
         fog_resource => undef],
        ['no fog_url', qr/fog_url.*is needed/, fog_url => undef],
        ['no URL', qr/fog_url.*https:/, fog_url => 'fog'],
        ['no client', qr/ml_url.*is needed/,
         map { $_ => undef } qw(ml_url ml_resource auth_url client_id
                                certificate key server_ca)],
    ) {
        my ($what, $why, @other) = @$case;
        my ($rc, $said) = dcm_try('--config', dcm_settings(%good, @other),
                                  '--check');
        is($rc, 1, "settings: $what");
        like($said, $why, '... says why');
    }

    dcm_stop();
    dcm_start(%good, fog_url => undef, fog_resource => undef);
    is((post('none', session(0, 0)))[0], 503, 'without any fog: not now');
    dcm_settings(%good);
}
