package HarsTest::DCM;

# The data collecting mechanism on a socket of its own, without a gateway:
# what the gateway would say of the client is said here.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

our @EXPORT = qw(dcm_start dcm_stop dcm_kill dcm_ask dcm_as dcm_pid dcm_dir
                 dcm_log dcm_alive dcm_settings dcm_try dcm_socket
                 dcm_database);

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars-dcm";
my $dir = tempdir('hars-dcm-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $json = JSON::PP->new->utf8->canonical;
my ($pid, $socket, $pg);


END {
    kill 'KILL', $pid if $pid;
}


sub dcm_dir { return $dir }
sub dcm_pid { return $pid }
sub dcm_socket { return $socket }


# writes dcm.conf; a setting that is undef is left out
sub dcm_settings {
    my (%setting) = @_;

    $socket = "$dir/dcm.sock";

    if (!-e "$dir/data.key") {
        my $old = umask 077;
        open my $fh, '>', "$dir/data.key" or die "data.key: $!\n";
        print $fh '5a' x 32, "\n";
        close $fh;
        umask $old;
    }

    %setting = (socket => $socket, gateway_user => scalar getpwuid($>),
                database => dcm_database(),
                data_key => "$dir/data.key", %setting);

    open my $fh, '>', "$dir/dcm.conf" or die "dcm.conf: $!\n";
    for my $name (grep { defined $setting{$_} } sort keys %setting) {
        print $fh "$name = $_\n"
            for ref $setting{$name} ? @{ $setting{$name} } : $setting{$name};
    }
    close $fh or die "dcm.conf: $!\n";

    return "$dir/dcm.conf";
}


# a file, or with HARS_TEST_DATABASE=postgresql a server of the test's own
sub dcm_database {
    return "$dir/dcm.db" if !$ENV{HARS_TEST_DATABASE};

    if (!$pg) {
        require HarsTest::Postgres;
        $pg = HarsTest::Postgres->new;
        $pg->sql('CREATE DATABASE dcm');
    }

    return $pg->uri('dcm');
}


# that server, to stop and start it
sub dcm_postgres { return $pg }


# another instance is asked from now on
sub dcm_use { ($socket) = @_ }


# exit status and output of hars-dcm with these arguments
sub dcm_try {
    my (@args) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $program, @args
        or die "hars-dcm: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


sub dcm_start {
    my (%setting) = @_;

    dcm_settings(%setting);
    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>>', "$dir/log" or die;
        exec $program, '--config', "$dir/dcm.conf" or die;
    }

    my $end = time() + 20;

    until (IO::Socket::UNIX->new(Peer => $socket)) {
        if (waitpid($pid, WNOHANG) == $pid || time() > $end) {
            $pid = undef;
            die 'hars-dcm does not start: ' . dcm_log();
        }

        sleep 0.01;
    }
}


sub dcm_stop {
    return dcm_end('TERM');
}


sub dcm_kill {
    return dcm_end('KILL');
}


sub dcm_end {
    my ($signal) = @_;

    kill $signal, $pid;
    waitpid $pid, 0;
    my $status = $?;
    $pid = undef;

    return $status;
}


sub dcm_alive {
    return $pid && waitpid($pid, WNOHANG) == 0;
}


sub dcm_log {
    open my $fh, '<', "$dir/log" or return '';
    local $/;

    return <$fh> // '';
}


# the gateway's headers: dcm_as('patient', 'p1', 'recordings:write ...')
sub dcm_as {
    my ($kind, $sub, $scope, %more) = @_;

    return ('Hars-Sub' => $sub, 'Hars-Client-Id' => "client-$sub",
            'Hars-Kind' => $kind, 'Hars-Scope' => $scope // '',
            'Hars-Exp' => int(time()) + 300,
            'Hars-Cert-S256' => 'A' x 43, %more);
}


# status, body (decoded where it is JSON), header, text of an answer
sub dcm_ask {
    my ($method, $path, $body, %header) = @_;

    if (ref $body) {
        $body = $json->encode($body);
        $header{'Content-Type'} //= 'application/json';
    }

    my $s = IO::Socket::UNIX->new(Peer => $socket) or return (0, '', '', '');
    my $head = "$method $path HTTP/1.1\r\nHost: dcm\r\nConnection: close\r\n";
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
    $text = unchunked($text) if $top =~ /^Transfer-Encoding: chunked/mi;
    my $type = $top =~ /^Content-Type: (.*?)\r?$/mi ? $1 : '';

    if ($type =~ /json/) {
        my $data = eval { $json->decode($text) };
        return ($status, $data, $top, $text);
    }

    return ($status, $text, $top, $text);
}


# an answer whose length nobody knew before; undef: it broke off
sub unchunked {
    my ($text) = @_;

    my $body = '';
    while ($text =~ s/^([0-9a-f]+)\r\n//i) {
        my $len = hex $1 or return $body;
        $body .= substr $text, 0, $len, '';
        $text =~ s/^\r\n//;
    }

    return undef;
}


1;
