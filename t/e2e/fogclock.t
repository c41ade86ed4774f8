#!/usr/bin/perl

# The times of the fog's key exchange in its services, under a clock that the
# test sets: an unconfirmed session ends after 30 s at cloud server and fog
# node, burns expire after 24 hours, a session is told till 30 days after its
# end, and a link that is always used ends with its session, its rows kept.
# Nothing waits but the wearable.  Burns outlive a restart, too.

use strict;
use warnings;

use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use HarsTest::Fogcloud;
use HarsTest::Fognode;
use HarsTest::Place;
use HarsTest::Run;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
my $dir = HarsTest::Place::dir();
my %rate = (fog_rate => 10000, fog_burst => 10000, session_hours => 1);
my $later = int(time) + 400 * 86400;        # no token ends here
my @service = fogcloud_as('service', 'hars-dcm', 'fog:resolve',
                          'Hars-Exp' => $later);

if (!$faketime) {
    fail('libfaketime is there');
    diag('make deps-test');
    done_testing();
    exit;
}

$ENV{FAKETIME_TIMESTAMP_FILE} = "$dir/clock";
$ENV{FAKETIME_NO_CACHE} = 1;

clock(0);
{
    local $ENV{LD_PRELOAD} = $faketime;
    fogcloud_start(%rate);
}
my %given = map { $_ => fogcloud_device($_, "dev-$_", "p$_") } 0 .. 2;
fogcloud_node(0, 'fog-a');

thirty_seconds();
thirty_days();
a_day();
over_a_restart();
fogcloud_stop();

the_fog_node();
session_hours();
done_testing();


sub thirty_seconds {
    clock(0);
    my ($one, $first) = session(0);
    my ($two, $second) = session(1);

    clock(29);
    is(confirm($one, $first), 200, '29 s later a session is confirmed');
    clock(31);
    is(confirm($two, $second), 404, '31 s later it is not any more');
    ok(wait_for(sub { metric('provisional') == 0 }), '... its keys are gone');
    is(confirm($one, $first), 200, 'the other one is what it was');
}


sub thirty_days {
    clock(100);
    my ($sid, $record) = session(0);
    is(confirm($sid, $record), 200, 'a session of an hour');

    clock(100 + 3600 + 30 * 86400 - 5);
    is(resolve($sid), 200, '30 days less 5 s after its end: told');
    clock(100 + 3600 + 30 * 86400 + 5);
    is(resolve($sid), 404, '30 days and 5 s: not told');
}


sub a_day {
    my $at = 40 * 86400;

    clock($at);
    is(refused(fogcloud_party('bad', 2, 0)), 17, "jammed $_") for 1 .. 24;
    is(refused(fogcloud_party('m2', 2, 0, 0)), 17,
       'all pseudonyms are burnt');
    clock($at + 86400 - 5);
    is(refused(fogcloud_party('m2', 2, 0, 0)), 17,
       '... 24 hours less 5 s later, too');
    clock($at + 86400 + 5);
    like((session(2))[0], qr/^[0-9a-f]{32}$/,
         '5 s later the device authenticates');
}


# a clean one, and one by kill -9 a second later
sub over_a_restart {
    for my $end (\&fogcloud_stop, \&fogcloud_kill) {
        my ($status, $given) = fogcloud_ask('POST',
            "/v1/fog/devices/$given{2}{alias}/rekey", undef,
            fogcloud_as('operator', 'op', 'fog:register',
                        'Hars-Exp' => $later));
        is($status, 200, 'a re-key');
        fogcloud_party('device', 2, 'dev-2',
                       @$given{qw(suite gen key seed pk_cs)});
        refused(fogcloud_party('bad', 2, 0)) for 1 .. 24;

        if ($end == \&fogcloud_kill) {
            ok(wait_for(sub { metric('burns_unwritten') == 0 }),
               'written a second later');
        }
        $end->();
        local $ENV{LD_PRELOAD} = $faketime;
        fogcloud_start(%rate);
        is(refused(fogcloud_party('m2', 2, 0, 0)), 17,
           'a restart does not forget burns');
    }
}


# a raw link: M1 of a wearable, and then nothing
sub the_fog_node {
    fogcloud_start(%rate);
    fognode_place();
    fognode_settings(metrics => "$dir/metrics.sock",
                     metrics_user => scalar getpwuid $>);
    run("$HarsTest::Place::build/bin/hars-fognode", '--config',
        "$dir/fognode.conf", 'register');
    clock(0);
    {
        local $ENV{LD_PRELOAD} = $faketime;
        fognode_start();
    }

    fogcloud_device(3, 'dev-3', 'p3');
    my $m1 = substr pack('H*', fogcloud_party('m2', 3, 0, 0)), 4, 116;
    my $s = IO::Socket::UNIX->new(Peer => "$dir/fn.sock") or die;
    print $s pack('n/a*', $m1);
    $s->flush;
    read $s, my $m4, 166;
    is(unpack('n', $m4), 164, 'a session is provisional at the fog node');
    like(node_metrics(), qr/^hars_fognode_pending 1$/m, '... and pending');

    clock(25);
    print $s pack('n/a*', "\0" x 40);
    $s->flush;
    clock(31);
    local $SIG{ALRM} = sub { die "not closed\n" };
    alarm 10;
    is(read($s, my $more, 1), 0, '31 s later its link is closed');
    alarm 0;
    like(node_metrics(), qr/^hars_fognode_pending 0$/m, 'nothing is pending');
    like(node_metrics(),
         qr/^hars_fognode_sessions_total\{session="unconfirmed"\} 1$/m,
         '... and it is counted');
    is(end('fognode'), 0, 'a clean end');
}


# a wearable that sends all the time: after an hour it is another session
sub session_hours {
    my $rows = 3000;                  # 15 s, of which the test needs the half

    fognode_dcm();
    fognode_device(4);
    clock(0);
    {
        local $ENV{LD_PRELOAD} = $faketime;
        fognode_start();
    }

    launch('wearable', fognode_wearing(4, 'long.csv'), '--rows', $rows,
           '--speed', 4);
    ok(wait_for(sub { counted('records', 'record="taken"') > 0 }),
       'a wearable sends');

    # a link is quiet after 300 s; the session ends 64 s before its hour
    for my $at (map { 250 * $_ } 1 .. 14) {
        clock($at);
        goes_on() or return fail("a record after $at s");
    }
    is(counted('sessions', 'session="confirmed"'), 1,
       'after 3500 s it is the same session');

    clock(3540);
    ok(wait_for(sub { counted('sessions', 'session="confirmed"') == 2 }),
       'after 3540 s it is another one');
    ok(goes_on(), '... by which it goes on');

    ok(wait_for(sub { waitpid($child{wearable}, POSIX::WNOHANG) }, 30),
       'the wearable ends');
    is($?, 0, '... all of it is kept') or diag(content("$dir/wearable.log"));
    delete $child{wearable};

    my (%session, %time);
    ok(wait_for(sub {
        for my $one (fognode_dcm_has()) {
            $session{$1} = 1 if $one->{path} =~ /&fog_session=([0-9a-f]{32})/;
            $time{$_} = 1 for @{ $one->{times} };
        }
        return keys %time == $rows;
    }), 'recordings have each row') or diag(scalar keys %time);
    is(scalar keys %session, 2, '... of both sessions');
    is(end('fognode'), 0, 'a clean end');
    end('dcm');
}


# is a record taken after this moment?
sub goes_on {
    my $before = counted('records', 'record="taken"');

    return wait_for(sub { counted('records', 'record="taken"') > $before });
}


sub counted {
    my ($name, $label) = @_;

    return node_metrics() =~ /^hars_fognode_${name}_total\{\Q$label\E\} (\d+)$/m
        ? $1 : -1;
}


sub node_metrics {
    return fogcloud_at("$dir/metrics.sock",
                       sub { (fogcloud_ask('GET', '/metrics'))[3] });
}


# seconds from now on, for who is under that clock
sub clock {
    my ($ahead) = @_;

    open my $fh, '>', "$dir/clock.new" or die "clock: $!\n";
    print $fh "+$ahead\n";
    close $fh or die "clock: $!\n";
    rename "$dir/clock.new", "$dir/clock" or die "clock: $!\n";
}


# sid and first record
sub session {
    my ($i) = @_;

    my ($status, $m3) = relay(fogcloud_party('m2', $i, 0, 0));
    return "status $status" if $status != 200;
    my ($ok, $sid) = split ' ', fogcloud_party('m3', $i, 0, unpack 'H*', $m3);

    return $ok eq 'ok' ? ($sid, fogcloud_party('record', $i, 'x')) : $ok;
}


# the code
sub refused {
    my ($m2) = @_;
    my (undef, $m) = relay($m2);

    return fogcloud_party('err', 2, 0, unpack 'H*', $m);
}


sub relay {
    my ($m2) = @_;

    return fogcloud_ask('POST', '/v1/fog/sessions', pack('H*', $m2),
                        as_fog_node());
}


sub confirm {
    my ($sid, $record) = @_;

    return (fogcloud_ask('POST', "/v1/fog/sessions/$sid/confirm",
                         pack('H*', $record), as_fog_node()))[0];
}


sub resolve {
    return (fogcloud_ask('GET', "/v1/fog/sessions/$_[0]", undef,
                         @service))[0];
}


sub as_fog_node {
    return fogcloud_as('fog_node', 'fog-a', 'fog:relay',
                       'Hars-Client-Id' => 'fog-a', 'Hars-Exp' => $later,
                       'Content-Type' => $octets);
}


sub metric {
    my ($name) = @_;
    my (undef, undef, undef, $text) = fogcloud_ask('GET', '/metrics');

    return $text =~ /^hars_fogcloud_$name (\d+)$/m ? $1 : -1;
}
