package HarsTest::Fogcloud;

# The cloud server of the fog on a socket of its own, without a gateway:
# what the gateway would say of the client is said here.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Socket::UNIX;
use IPC::Open2;
use JSON::PP;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

our @EXPORT = qw(fogcloud_start fogcloud_stop fogcloud_kill fogcloud_ask
                 fogcloud_as fogcloud_pid fogcloud_dir fogcloud_log
                 fogcloud_alive fogcloud_settings fogcloud_try
                 fogcloud_socket fogcloud_database fogcloud_dies fogcloud_ended
                 fogcloud_second fogcloud_at fogcloud_relay fogcloud_party
                 fogcloud_device fogcloud_node $octets);

our $octets = 'application/octet-stream';

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars-fogcloud";
my $dir = tempdir('hars-fogcloud-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $json = JSON::PP->new->utf8->canonical;
our $socket;
my ($pid, $pg, $kill_after, $kill_type, $in, $out, $party);


END {
    local $?;
    kill 'KILL', $pid if $pid;
    close $in if $in;
    waitpid $party, 0 if $party;
}


sub fogcloud_dir { return $dir }
sub fogcloud_pid { return $pid }
sub fogcloud_socket { return $socket }


# writes fogcloud.conf; a setting that is undef is left out
sub fogcloud_settings {
    my (%setting) = @_;

    $socket = "$dir/fogcloud.sock";

    my $old = umask 077;
    for (['master.key', '5a'], ['exchange.key', '6b']) {
        my ($name, $byte) = @$_;
        next if -e "$dir/$name";
        open my $fh, '>', "$dir/$name" or die "$name: $!\n";
        print $fh $byte x 32, "\n";
        close $fh;
    }
    umask $old;

    %setting = (socket => $socket, gateway_user => scalar getpwuid($>),
                database => fogcloud_database(),
                master_key => "$dir/master.key",
                exchange_key => "$dir/exchange.key", %setting);

    $socket = $setting{socket};

    open my $fh, '>', "$dir/fogcloud.conf" or die "fogcloud.conf: $!\n";
    for my $name (grep { defined $setting{$_} } sort keys %setting) {
        print $fh "$name = $_\n"
            for ref $setting{$name} ? @{ $setting{$name} } : $setting{$name};
    }
    close $fh or die "fogcloud.conf: $!\n";

    return "$dir/fogcloud.conf";
}


# a file, or with HARS_TEST_DATABASE=postgresql a server of the test's own
sub fogcloud_database {
    return "$dir/fogcloud.db" if !$ENV{HARS_TEST_DATABASE};

    if (!$pg) {
        require HarsTest::Postgres;
        $pg = HarsTest::Postgres->new;
        $pg->sql('CREATE DATABASE fogcloud');
    }

    return $pg->uri('fogcloud');
}


# that server, to stop and start it
sub fogcloud_postgres { return $pg }


# exit status and output of hars-fogcloud with these arguments
sub fogcloud_try {
    my (@args) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $program, @args
        or die "hars-fogcloud: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


sub fogcloud_start {
    my (%setting) = @_;

    fogcloud_settings(%setting);
    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        @ENV{qw(LD_PRELOAD HARS_KILL_AFTER)}
            = ("$build/t/kill_send.so", $kill_after) if $kill_after;
        $ENV{HARS_KILL_TYPE} = $kill_type if $kill_type;
        open STDERR, '>>', "$dir/log" or die;
        exec $program, '--config', "$dir/fogcloud.conf" or die;
    }

    my $end = time() + 20;

    until (IO::Socket::UNIX->new(Peer => $socket)) {
        if (waitpid($pid, WNOHANG) == $pid || time() > $end) {
            $pid = undef;
            die 'hars-fogcloud does not start: ' . fogcloud_log();
        }

        sleep 0.01;
    }
}


sub fogcloud_stop {
    return fogcloud_end('TERM');
}


sub fogcloud_kill {
    return fogcloud_end('KILL');
}


sub fogcloud_end {
    my ($signal) = @_;

    kill $signal, $pid;
    waitpid $pid, 0;
    my $status = $?;
    $pid = undef;

    return $status;
}


sub fogcloud_alive {
    return $pid && waitpid($pid, WNOHANG) == 0;
}


sub fogcloud_log {
    open my $fh, '<', "$dir/log" or return '';
    local $/;

    return <$fh> // '';
}


# the gateway's headers: fogcloud_as('patient', 'p1', 'recordings:write ...')
sub fogcloud_as {
    my ($kind, $sub, $scope, %more) = @_;

    return ('Hars-Sub' => $sub, 'Hars-Client-Id' => "client-$sub",
            'Hars-Kind' => $kind, 'Hars-Scope' => $scope // '',
            'Hars-Exp' => int(time()) + 300,
            'Hars-Cert-S256' => 'A' x 43, %more);
}


# status, body (decoded where it is JSON), header, text of an answer
sub fogcloud_ask {
    my ($method, $path, $body, %header) = @_;

    if (ref $body) {
        $body = $json->encode($body);
        $header{'Content-Type'} //= 'application/json';
    }

    my $s = IO::Socket::UNIX->new(Peer => $socket) or return (0, '', '', '');
    my $head = "$method $path HTTP/1.1\r\nHost: fog\r\n"
        . "Connection: close\r\n";
    for my $name (sort keys %header) {
        $head .= "$name: $header{$name}\r\n" if defined $header{$name};
    }
    $head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;

    local $SIG{PIPE} = 'IGNORE';
    $s->print($head, "\r\n", $body // '');

    local $/;
    my $said = <$s> // '';
    my ($top, $text) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($top // '') =~ m{^HTTP/1.1 (\d+)} or return (0, '', '', '');
    my $type = $top =~ /^Content-Type: (.*?)\r?$/mi ? $1 : '';

    if ($type =~ /json/) {
        my $data = eval { $json->decode($text) };
        return ($status, $data, $top, $text);
    }

    return ($status, $text, $top, $text);
}


# another process on the same database, which is the one from now on
sub fogcloud_second {
    $pid = undef;
    fogcloud_start(socket => "$dir/second.sock", @_);
}


# what is asked at the socket of another one
sub fogcloud_at {
    my ($at, $ask) = @_;

    local $socket = $at;

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

    while (waitpid($pid, WNOHANG) != $pid) {
        if (time() > $end) {
            fogcloud_stop();
            return 0;
        }
        sleep 0.01;
    }
    $pid = undef;

    return $? & 127;
}


# what wearables and fog nodes say to these words (t/fog/party.c)
sub fogcloud_party {
    if (!$party) {
        $party = open2($out, $in, "$build/t/fog_party");
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
