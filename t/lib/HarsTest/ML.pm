package HarsTest::ML;

# The ML service on a socket of its own, and what to send to it.

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

our @EXPORT = qw(ml_start ml_stop ml_ask ml_pid ml_dir ml_walking ml_packed
                 ml_csv ml_log ml_settings ml_shared ml_alive);

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars-mlservice";
my $dir = tempdir('hars-ml-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $json = JSON::PP->new->canonical;
my ($pid, $socket);


END {
    kill 'KILL', $pid if $pid;
}


sub ml_dir { return $dir }
sub ml_pid { return $pid }


# where the recordings are that are not in the repository
sub ml_shared {
    return $ENV{HARS_SHARED} // "$top/../shared";
}


sub ml_settings {
    my (%setting) = @_;

    open my $fh, '>', "$dir/ml.conf" or die "ml.conf: $!\n";
    for my $name (sort keys %setting) {
        print $fh "$name = $_\n"
            for ref $setting{$name} ? @{ $setting{$name} } : $setting{$name};
    }
    close $fh or die "ml.conf: $!\n";
}


sub ml_start {
    my (%setting) = @_;

    $socket = "$dir/ml.sock";
    ml_settings(model => "$top/backend/mlservice/model.hars",
                socket => $socket, gateway_user => scalar getpwuid($>),
                %setting);

    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', "$dir/log" or die;
        exec $program, '--config', "$dir/ml.conf" or die;
    }

    my $end = time() + 20;

    until (IO::Socket::UNIX->new(Peer => $socket)) {
        if (waitpid($pid, WNOHANG) == $pid || time() > $end) {
            $pid = undef;
            die 'the service does not start: ' . ml_log();
        }

        sleep 0.01;
    }
}


sub ml_stop {
    kill 'TERM', $pid;
    waitpid $pid, 0;
    my $status = $?;
    $pid = undef;

    return $status;
}


sub ml_alive {
    return $pid && waitpid($pid, WNOHANG) == 0;
}


sub ml_log {
    open my $fh, '<', "$dir/log" or return '';
    local $/;

    return <$fh> // '';
}


# status, body (decoded where it is JSON) and header of an answer
sub ml_ask {
    my ($method, $path, $body, %header) = @_;

    if (ref $body) {
        $body = $json->encode($body);
        $header{'Content-Type'} //= 'application/json';
    }

    my $s = IO::Socket::UNIX->new(Peer => $socket) or die "connect: $!\n";
    my $head = "$method $path HTTP/1.1\r\nHost: ml\r\nConnection: close\r\n";
    $head .= "$_: $header{$_}\r\n" for sort keys %header;
    $head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;

    local $SIG{PIPE} = 'IGNORE';
    $s->print($head, "\r\n", $body // '');

    local $/;
    my $said = <$s> // '';
    my ($top, $text) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($top // '') =~ m{^HTTP/1.1 (\d+)} or return (0, '', '');
    my $type = $top =~ /^Content-Type: (.*?)\r?$/mi ? $1 : '';

    if ($type =~ /json/) {
        my $data = eval { $json->decode($text) };
        return ($status, $data, $top, $text);
    }

    return ($status, $text, $top, $text);
}


# rows [t, ax, ay, az, gx, gy, gz]
sub ml_walking {
    my @rows;

    open my $fh, '<', "$top/conf/demo/walking.csv" or die "walking.csv: $!\n";
    scalar <$fh>;

    while (<$fh>) {
        chomp;
        push @rows, [ map { $_ + 0 } split /,/ ];
    }

    return \@rows;
}


sub ml_csv {
    my ($head, $rows) = @_;

    return join "\n", $head, (map { join ',', map { $_ // '' } @$_ } @$rows),
        '';
}


# one block; unit: int16 of that much, for acceleration and rotation
sub ml_packed {
    my ($stream, $rows, $unit) = @_;

    my $t = $rows->[0][0];
    my $block = pack 'a4CCCCVf<f<Vd<', 'HARS', 1, $stream, $unit ? 1 : 0, 0,
        scalar @$rows, $unit ? @$unit : (1, 1), 0, $t;

    for my $row (@$rows) {
        my ($time, @v) = @$row;

        $block .= pack 'V', int(($time - $t) * 1e6 + 0.5);
        $block .= $unit
            ? pack 's<*', map {
                  my $u = $unit->[$stream == 2 || $_ > 2 ? 1 : 0];
                  defined $v[$_] ? sprintf('%.0f', $v[$_] / $u) : -32768;
              } 0 .. $#v
            : pack 'f<*', map { $_ // 'nan' } @v;
    }

    return $block;
}


1;
