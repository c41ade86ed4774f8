#!/usr/bin/perl

# hars-fogcloud as a program, without a gateway: its settings, who may
# register what, sessions from M2 to their confirmation, refusals, restarts.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::Fogcloud;

my @operator = fogcloud_as('operator', 'op', 'fog:register');
my %alias;
my @service = fogcloud_as('service', 'hars-dcm', 'fog:resolve');

settings();
fogcloud_start(fog_rate => 1000, fog_burst => 1000);
registrations();
sessions();
refusals();
seeds();
burns();
changes();
restart();
takeover();

done_testing();


sub settings {
    my ($status, $said) = fogcloud_try('--help');
    is($status, 0, 'help');
    like($said, qr/^  master_key/m, 'with the settings');
    is((fogcloud_try('--colour'))[0], 2, 'an unknown option');
    is((fogcloud_try('serve'))[0], 2, 'an argument');

    ($status, $said) = fogcloud_try('--config', fogcloud_settings(),
                                    '--check');
    is($status, 0, 'settings are good') or diag $said;

    wrong('no file', qr/master_key.*nothing/, master_key => '/nothing');
    wrong('one key for both', qr/exchange_key.*is the master key/,
          exchange_key => fogcloud_dir() . '/master.key');
    wrong('a password', qr/database.*password/,
          database => 'postgresql://a:b@localhost/c');
    wrong('no rate', qr/fog_rate/, fog_rate => 0);
    chmod 0644, fogcloud_dir() . '/master.key';
    wrong('an open key', qr/master_key.*master\.key/);
    chmod 0600, fogcloud_dir() . '/master.key';
}


sub wrong {
    my ($name, $pattern, %setting) = @_;

    my ($status, $said) = fogcloud_try('--config',
                                       fogcloud_settings(%setting),
                                       '--check');
    is($status, 1, "$name: refused");
    like($said, $pattern, "$name: says why");
}


sub registrations {
    my @p1 = fogcloud_as('patient', 'p1', 'fog:register');
    my $path = '/v1/fog/devices';

    my ($status, $given, $head)
        = fogcloud_ask('POST', $path, { id => 'own' }, @p1);
    is($status, 201, 'a patient registers a device');
    is($given->{patient}, 'p1', 'which is the own one');
    is($given->{suite}, 2, 'of the preset suite');
    like($given->{$_}, qr/^[0-9a-f]{64}$/, "has $_") for qw(key seed pk_cs);
    like($head, qr/^Cache-Control: no-store/m, 'not to be stored');

    is((fogcloud_ask('POST', $path, { id => 'own' }, @p1))[0], 409,
       'once only');
    is((fogcloud_ask('POST', $path, { id => 'x', patient => 'p2' }, @p1))[0],
       403, "not another one's");
    is((fogcloud_ask('POST', $path, { id => 'x' }, @operator))[0], 422,
       'an operator says whose');
    is((fogcloud_ask('POST', $path, { id => 'x' }))[0], 401, 'nobody');
    is((fogcloud_ask('POST', $path, { id => 'x' },
                     fogcloud_as('patient', 'p1', 'consent:write')))[0],
       403, 'another scope');
    is((fogcloud_ask('POST', $path, { id => 'x' },
                     fogcloud_as('doctor', 'd1', 'fog:register')))[0],
       403, 'another kind');

    for my $bad ({ }, { id => '' }, { id => 'a b' }, { id => 'x' x 65 },
                 { id => 'x', suite => 3 }, { id => 'x', suite => '2' },
                 { id => 'x', colour => 1 }, { id => 1 }, [ 'x' ]) {
        is((fogcloud_ask('POST', $path, $bad, @p1))[0], 422, 'a bad body');
    }

    my @f = fogcloud_as('fog_node', 'f', 'fog:relay',
                        'Hars-Client-Id' => 'self');
    is((fogcloud_ask('POST', '/v1/fog/nodes', { client_id => 'self' },
                     @f))[0], 201, 'a fog node registers itself');
    is((fogcloud_ask('POST', '/v1/fog/nodes', { client_id => 'other' },
                     @f))[0], 403, 'no other one');
    is((fogcloud_ask('POST', '/v1/fog/nodes', { client_id => 'other' },
                     @p1))[0], 403, 'a patient none');
    is((fogcloud_ask('POST', '/v1/fog/nodes', { client_id => '..' },
                     @operator))[0], 422, 'a name that is a path is none');
}


# one whole session; its sid
sub session {
    my ($i, $j, $client) = @_;

    my ($status, $m3) = fogcloud_relay($client,
                                       fogcloud_party('m2', $i, $j, 0));
    return "status $status" if $status != 200;
    my ($ok, $sid) = split ' ', fogcloud_party('m3', $i, $j, $m3);

    return $ok eq 'ok' ? $sid : $ok;
}


sub confirm {
    my ($client, $sid, $record) = @_;

    return fogcloud_ask('POST', "/v1/fog/sessions/$sid/confirm",
        pack('H*', $record),
        fogcloud_as('fog_node', $client, 'fog:relay',
                    'Hars-Client-Id' => $client, 'Content-Type' => $octets));
}


sub resolve {
    return fogcloud_ask('GET', "/v1/fog/sessions/$_[0]", undef, @service);
}


sub sessions {
    for ([ 0, 2 ], [ 1, 1 ], [ 2, 17 ], [ 3, 18 ]) {
        my ($i, $suite) = @$_;
        $alias{$i} = fogcloud_device($i, "dev-$i", "p$i",
                                     suite => $suite)->{alias};
    }
    fogcloud_node(0, 'fog-a');
    fogcloud_node(1, 'fog-b');

    for my $i (0 .. 3) {
        my $sid = session($i, 0, 'fog-a');
        like($sid, qr/^[0-9a-f]{32}$/, "device $i: a session of one key");
        is((resolve($sid))[0], 404, 'provisional: nobody is told');

        my $record = fogcloud_party('record', $i, 'pulse=71');
        my $bad = $record;
        substr($bad, -1) =~ tr/0-9a-f/1-9a-f0/;
        is((confirm('fog-a', $sid, $bad))[0], 422, 'another record');
        is((confirm('fog-a', $sid, ''))[0], 422, 'no record');
        is((confirm('fog-b', $sid, $record))[0], 404, 'another fog node');
        my ($status, $said) = confirm('fog-a', $sid, $record);
        is($status, 200, 'confirmed by the first record');
        is_deeply([ confirm('fog-a', $sid, $record) ]->[1], $said,
                  'and again, since an answer may be lost');
        is((confirm('fog-b', $sid, $record))[0], 404, 'not by another');

        ($status, my $told) = resolve($sid);
        is($status, 200, 'resolved');
        is($told->{patient}, "p$i", 'whose it is');
        is($told->{fog_client_id}, 'fog-a', 'by which fog node');
        is_deeply([ @$told{qw(start end)} ], [ @$said{qw(start end)} ],
                  'from when to when');
        cmp_ok(abs($told->{start} - time()), '<', 30, 'it began now');
        cmp_ok(abs($told->{end} - $told->{start} - 86400), '<', 0.01,
               'and ends after a day');
    }

    my $status;
    my $one = session(0, 0, 'fog-a');
    confirm('fog-a', $one, fogcloud_party('record', 0, 'x'));
    my $two = session(0, 1, 'fog-b');
    confirm('fog-b', $two, fogcloud_party('record', 0, 'x'));
    is((resolve($one))[1]{end}, (resolve($two))[1]{start},
       'the next session ends the one before');

    is((fogcloud_ask('GET', "/v1/fog/sessions/$two", undef,
                     fogcloud_as('patient', 'p0', 'fog:register')))[0], 403,
       'another scope is told nothing');
    ($status, my $none) = resolve('0' x 32);
    is($status, 404, 'another sid');
    is($none->{sid}, '0' x 32, '... is said to be none');
    is((resolve('x'))[0], 404, 'no sid');
}


# status and code of an error
sub refused {
    my ($i, $j, $client, $m2) = @_;

    my ($status, $m) = fogcloud_relay($client, $m2);

    return "$status " . fogcloud_party('err', $i, $j, $m);
}


sub refusals {
    my $m2 = fogcloud_party('m2', 0, 0, 0);

    is(refused(0, 0, 'fog-a', ''), '400 -2', 'nothing');
    is((fogcloud_relay('fog-a', substr($m2, 2)))[0], 400, 'too short');
    is((fogcloud_relay('fog-a', $m2 . '00'))[0], 400, 'too long');
    is(refused(0, 0, 'fog-b', $m2), '422 16', "another client's pseudonym");
    is((fogcloud_ask('POST', '/v1/fog/sessions', pack('H*', $m2),
                     fogcloud_as('patient', 'p1', 'fog:relay',
                                 'Content-Type' => $octets)))[0], 403,
       'no fog node');
    is((fogcloud_ask('POST', '/v1/fog/sessions', pack('H*', $m2),
                     fogcloud_as('fog_node', 'f', 'recordings:fog',
                                 'Content-Type' => $octets)))[0], 403,
       'no scope');

    my ($status, $m3) = fogcloud_relay('fog-a', $m2);
    is($status, 200, 'it is good');
    is(refused(0, 0, 'fog-a', $m2), '422 16', 'not twice');
    is(refused(0, 0, 'fog-a', fogcloud_party('again', 0, 0)), '422 17',
       'nor its M1 in another M2');
    like(fogcloud_party('m3', 0, 0, $m3), qr/^drop/,
         'M3 of an M2 before is dropped');
    like(session(0, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'and then it goes on');

    my $ms = int(time() * 1000);
    is((fogcloud_relay('fog-a', fogcloud_party('m2', 0, 0, $ms)))[0], 200,
       'with a clock');
    is(refused(0, 0, 'fog-a', fogcloud_party('m2', 0, 0, $ms - 130000)),
       '422 17', 'that is 130 s late');
}


# M3 is lost, in turn at the device alone and at both
sub seeds {
    for my $n (1 .. 20) {
        my ($status, $m3) = fogcloud_relay('fog-a',
                                           fogcloud_party('m2', 1, 0, 0));
        is($status, 200, "M3 $n is lost");
        like(fogcloud_party('fogm3', 1, 0, $m3), qr/^ok/, 'for the device')
            if $n % 2;
    }
    like(session(1, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'nobody is locked out');
}


sub burns {
    my $alias = fogcloud_device(5, 'jammed', 'patient-five')->{alias};
    my @own = fogcloud_as('patient', 'patient-five', 'fog:register');

    for my $n (1 .. 24) {
        is(refused(5, 0, 'fog-a', fogcloud_party('bad', 5, 0)), '422 17',
           "jammed $n");
    }
    is(refused(5, 0, 'fog-a', fogcloud_party('m2', 5, 0, 0)), '422 17',
       'all pseudonyms are burnt');

    my $before = session(0, 0, 'fog-a');
    my $path = "/v1/fog/devices/$alias{0}/rekey";
    my ($said, $again) = fogcloud_ask('POST', $path, undef, @operator);
    is($said, 200, 'a re-key');
    is((confirm('fog-a', $before, fogcloud_party('record', 0, 'x')))[0], 404,
       'ends a provisional session');
    is(refused(0, 0, 'fog-a', fogcloud_party('m2', 0, 0, 0)), '422 17',
       'and the key of before');
    provision(0, 'dev-0', $again);
    like(session(0, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'not the new one');

    $path = "/v1/fog/devices/$alias/rekey";
    is((fogcloud_ask('POST', $path, undef,
                     fogcloud_as('patient', 'p6', 'fog:register')))[0], 404,
       "a re-key is not another patient's");
    my ($status, $given) = fogcloud_ask('POST', $path, undef, @own);
    is($status, 200, 'a re-key');
    is($given->{gen}, 2, 'is the second generation');
    is($given->{alias}, $alias, 'of the same device');
    provision(5, 'jammed', $given);
    like(session(5, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'mends it');
}


sub provision {
    my ($i, $id, $given) = @_;

    is(fogcloud_party('device', $i, $id,
                      @$given{qw(suite gen key seed pk_cs)}), 'ok', 'given');
}


sub changes {
    my $alias = fogcloud_device(6, 'lost', 'p6')->{alias};
    my @own = fogcloud_as('patient', 'p6', 'fog:register');
    my $sid = session(6, 1, 'fog-b');
    my $record = fogcloud_party('record', 6, 'x');
    confirm('fog-b', $sid, $record);
    my $open = session(6, 1, 'fog-b');
    $record = fogcloud_party('record', 6, 'x');

    my $path = "/v1/fog/devices/$alias";
    is((fogcloud_ask('DELETE', $path, undef,
                     fogcloud_as('patient', 'p1', 'fog:register')))[0], 404,
       "not another one's to revoke");
    is((fogcloud_ask('DELETE', $path, undef, @own))[0], 200, 'revoked');
    cmp_ok((resolve($sid))[1]{end}, '<', time() + 1, 'its session ends');
    is((confirm('fog-b', $open, $record))[0], 404,
       'the provisional one, too');
    is(refused(6, 1, 'fog-b', fogcloud_party('m2', 6, 1, 0)), '422 17',
       'and there is no other one');
    is((fogcloud_ask('POST', "$path/rekey", undef, @own))[0], 403,
       'the patient cannot undo it');
    my ($status, $given) = fogcloud_ask('POST', "$path/rekey", undef,
                                        @operator);
    is($status, 200, 'an operator can');
    provision(6, 'lost', $given);
    like(session(6, 1, 'fog-b'), qr/^[0-9a-f]{32}$/, 'under a new key');

    is((fogcloud_ask('DELETE', '/v1/fog/nodes/fog-b', undef, @own))[0], 403,
       'a patient revokes no fog node');
    is((fogcloud_ask('DELETE', '/v1/fog/nodes/fog-c', undef,
                     @operator))[0], 404, 'there has to be one');
    is((fogcloud_ask('DELETE', '/v1/fog/nodes/fog-b', undef,
                     @operator))[0], 200, 'an operator does');
    is(refused(6, 1, 'fog-b', fogcloud_party('m2', 6, 1, 0)), '422 16',
       'it is not heard any more');
    ($status, $given) = fogcloud_ask('POST', '/v1/fog/nodes/fog-b/rekey',
                                     undef, @operator);
    is($status, 200, 'until it has a new key');
    fogcloud_party('fog', 1, @$given{qw(key seed)});
    like(session(6, 1, 'fog-b'), qr/^[0-9a-f]{32}$/, 'and is again');
}


# stopped, killed; another key; what the file says without it
sub restart {
    my $sid = session(3, 0, 'fog-a');
    my $record = fogcloud_party('record', 3, 'x');
    confirm('fog-a', $sid, $record);
    my ($status, $m3) = fogcloud_relay('fog-a',
                                       fogcloud_party('m2', 2, 0, 0));
    my $open = session(3, 0, 'fog-a');
    my $open_record = fogcloud_party('record', 3, 'x');

    is(fogcloud_stop(), 0, 'it stops');
    fogcloud_start(fog_rate => 10, fog_burst => 3);
    is((confirm('fog-a', $sid, $record))[0], 200, 'a session is kept');
    is((confirm('fog-a', $open, $open_record))[0], 404,
       'a provisional one is not');
    like(session(2, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'a lost M3 is no harm');
    like(session(3, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'nor is another');

    my %said;
    $said{ refused(3, 0, 'fog-a', fogcloud_party('m2', 3, 0, 0)) }++
        for 1 .. 20;
    cmp_ok($said{'429 32'}, '>', 10, 'a fog node has a rate');

    fogcloud_kill();
    my $file = fogcloud_dir() . '/other.key';
    open my $fh, '>', $file or die;
    print $fh '7c' x 32;
    close $fh;
    chmod 0600, $file;
    ok(!eval { fogcloud_start(master_key => $file); 1 },
       'no start with another master key');
    like($@, qr/row \d+ .*master_key/, 'which says why');

    return if $ENV{HARS_TEST_DATABASE};

    local $/;
    my $bytes = '';
    for my $name (glob fogcloud_database() . '*') {
        open my $fh, '<:raw', $name or die;
        $bytes .= <$fh>;
    }
    unlike($bytes, qr/dev-1|jammed|fog-a|patient-five/, 'the database names nobody');
}


# the one that was started last has the rows
sub takeover {
    fogcloud_start(fog_rate => 1000, fog_burst => 1000);
    like(session(3, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'the first one');
    my ($first, $socket) = (fogcloud_pid(), fogcloud_socket());

    fogcloud_second();
    like(session(3, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'the second one');
    like(fogcloud_at($socket, sub {
             (fogcloud_ask('POST', '/v1/fog/nodes', { client_id => 'late' },
                           @operator))[0];
         }), qr/^(?:503|0)$/, 'the first one writes nothing any more');
    is((waitpid $first, 0), $first, 'it ends');
    isnt($?, 0, 'and says so');
    like(fogcloud_log(), qr/another hars-fogcloud/, 'in words');
    like(session(3, 0, 'fog-a'), qr/^[0-9a-f]{32}$/, 'the second one goes on');
    is(fogcloud_stop(), 0, 'and stops');
}
