package HarsTest::Fogcloud;

# The cloud server of the fog on a socket of its own (HarsTest::Service), and
# what wearables and fog nodes say to it.

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use IPC::Open2;
use Time::HiRes qw(time sleep);

use HarsTest::Service;

our @EXPORT = qw(fogcloud_start fogcloud_stop fogcloud_kill fogcloud_ask
                 fogcloud_as fogcloud_pid fogcloud_dir fogcloud_log
                 fogcloud_alive fogcloud_settings fogcloud_try
                 fogcloud_socket fogcloud_database fogcloud_dies fogcloud_ended
                 fogcloud_second fogcloud_at fogcloud_relay fogcloud_party
                 fogcloud_device fogcloud_node $octets);

our $octets = 'application/octet-stream';

my $fogcloud = HarsTest::Service->new(name => 'fogcloud', host => 'fog',
    keys => { 'master.key' => '5a', 'exchange.key' => '6b' });
my ($kill_after, $kill_type, $in, $out, $party);


END {
    local $?;
    close $in if $in;
    waitpid $party, 0 if $party;
}


sub fogcloud_dir      { return $fogcloud->dir }
sub fogcloud_pid      { return $fogcloud->pid }
sub fogcloud_socket   { return $fogcloud->socket }
sub fogcloud_database { return $fogcloud->database }
sub fogcloud_postgres { return $fogcloud->postgres }
sub fogcloud_try      { return $fogcloud->try(@_) }
sub fogcloud_stop     { return $fogcloud->end('TERM') }
sub fogcloud_kill     { return $fogcloud->end('KILL') }
sub fogcloud_alive    { return $fogcloud->alive }
sub fogcloud_log      { return $fogcloud->log }
sub fogcloud_as       { return $fogcloud->as(@_) }
sub fogcloud_ask      { return $fogcloud->ask(@_) }


# writes fogcloud.conf; a setting that is undef is left out
sub fogcloud_settings {
    return $fogcloud->write(socket => $fogcloud->path('fogcloud.sock'),
                            gateway_user => scalar getpwuid($>),
                            database => $fogcloud->database,
                            master_key => $fogcloud->path('master.key'),
                            exchange_key => $fogcloud->path('exchange.key'),
                            @_);
}


sub fogcloud_start {
    fogcloud_settings(@_);
    $fogcloud->start(
        $kill_after ? (LD_PRELOAD => "$HarsTest::Service::build/t/kill_send.so",
                       HARS_KILL_AFTER => $kill_after) : (),
        $kill_type ? (HARS_KILL_TYPE => $kill_type) : ());
}


# another process on the same database, which is the one from now on
sub fogcloud_second {
    $fogcloud->forget;
    fogcloud_start(socket => $fogcloud->path('second.sock'), @_);
}


# what is asked at the socket of another one
sub fogcloud_at {
    my ($at, $ask) = @_;

    local $fogcloud->{socket} = $at;

    return $ask->();
}


# the next start dies where it is about to send its n-th M3, or its n-th good
# answer of another type; 0: it does not
sub fogcloud_dies {
    ($kill_after, $kill_type) = @_;
}


# what signal it died by; one that does not die in 10 s is stopped
sub fogcloud_ended {
    my $end = time() + 10;

    while ($fogcloud->alive) {
        if (time() > $end) {
            fogcloud_stop();
            return 0;
        }
        sleep 0.01;
    }
    my $status = $?;
    $fogcloud->forget;

    return $status & 127;
}


# what wearables and fog nodes say to these words (t/fog/party.c)
sub fogcloud_party {
    if (!$party) {
        $party = open2($out, $in, "$HarsTest::Service::build/t/fog_party");
        $in->autoflush(1);
    }

    print $in "@_\n";
    my $said = <$out> // die "fog_party: it has ended\n";
    chomp $said;

    return $said;
}


# registers device number $i as "id" for "patient", and gives its keys to it
sub fogcloud_device {
    my ($i, $id, $patient, %more) = @_;

    my ($status, $given) = fogcloud_ask('POST', '/v1/fog/devices',
        { id => $id, patient => $patient, %more },
        fogcloud_as('operator', 'op', 'fog:register'));
    die "device: $status\n" if $status != 201;
    fogcloud_party('device', $i, $id,
                   @$given{qw(suite gen key seed pk_cs)}) eq 'ok'
        or die "device\n";

    return $given;
}


# registers the client as fog node number $j
sub fogcloud_node {
    my ($j, $client) = @_;

    my ($status, $given) = fogcloud_ask('POST', '/v1/fog/nodes',
        { client_id => $client },
        fogcloud_as('operator', 'op', 'fog:register'));
    die "node: $status\n" if $status != 201;
    fogcloud_party('fog', $j, @$given{qw(key seed)}) eq 'ok' or die "node\n";

    return $given;
}


# M2 in hexadecimal of the client: status and the answer, the same
sub fogcloud_relay {
    my ($client, $m2) = @_;

    my ($status, $m) = fogcloud_ask('POST', '/v1/fog/sessions',
        pack('H*', $m2),
        fogcloud_as('fog_node', $client, 'fog:relay',
                    'Hars-Client-Id' => $client, 'Content-Type' => $octets));

    return ($status, unpack 'H*', $m);
}


1;
