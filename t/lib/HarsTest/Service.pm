package HarsTest::Service;

# A service of backend/ on a Unix socket of its own, without a gateway: what
# the gateway would say of the client is said here.
#
#   my $it = HarsTest::Service->new(name => 'dcm', keys => { 'data.key' => '5a' });
#   $it->write(socket => $it->path('dcm.sock'), ...);    NAME.conf
#   $it->start;                        $it->end('TERM')    its wait status
#   my ($status, $body, $head, $text) = $it->ask('GET', '/', undef, %header);
#
# Its files are in a directory that goes with the test, its process ends with
# it.  "keys" are files of one byte, 32 times, in hexadecimal.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

our $top = abs_path(dirname(__FILE__) . '/../../..');
our $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";

my $json = JSON::PP->new->utf8->canonical;
my $owner = $$;
my @all;


END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', $_ for map { $_->{pid} // () } @all;
    }
}


# name => 'dcm' of hars-dcm; host => what it is asked as
sub new {
    my ($class, %o) = @_;
    my $it = bless { host => $o{name}, keys => {}, %o,
        program => "$build/bin/hars-$o{name}",
        dir => tempdir("hars-$o{name}-XXXXXX", TMPDIR => 1, CLEANUP => 1),
    }, $class;

    push @all, $it;

    return $it;
}


sub dir  { return $_[0]{dir} }
sub pid  { return $_[0]{pid} }
sub path { return "$_[0]{dir}/$_[1]" }
sub conf { return "$_[0]{dir}/$_[0]{name}.conf" }

# where it is asked; another process may listen there
sub socket {
    my ($it, $socket) = @_;

    $it->{socket} = $socket if defined $socket;

    return $it->{socket};
}


# writes NAME.conf and the keys; a setting that is undef is left out
sub write {
    my ($it, %setting) = @_;
    my $old = umask 077;

    for my $name (sort keys %{ $it->{keys} }) {
        next if -e $it->path($name);
        open my $fh, '>', $it->path($name) or die "$name: $!\n";
        print $fh $it->{keys}{$name} x 32, "\n";
        close $fh or die "$name: $!\n";
    }
    umask $old;

    $it->socket($setting{socket});

    open my $fh, '>', $it->conf or die $it->conf, ": $!\n";
    for my $name (grep { defined $setting{$_} } sort keys %setting) {
        print $fh "$name = $_\n"
            for ref $setting{$name} ? @{ $setting{$name} } : $setting{$name};
    }
    close $fh or die $it->conf, ": $!\n";

    return $it->conf;
}


# a file, or with HARS_TEST_DATABASE=postgresql a server of the test's own
sub database {
    my ($it) = @_;

    return $it->path("$it->{name}.db") if !$ENV{HARS_TEST_DATABASE};

    if (!$it->{pg}) {
        require HarsTest::Postgres;
        $it->{pg} = HarsTest::Postgres->new;
        $it->{pg}->sql("CREATE DATABASE $it->{name}");
    }

    return $it->{pg}->uri($it->{name});
}


# that server, to stop and start it
sub postgres { return $_[0]{pg} }


# exit status and output of the program with these arguments
sub try {
    my ($it, @args) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $it->{program},
        @args or die "$it->{program}: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


# by what write() wrote, with more in its environment
sub start {
    my ($it, %env) = @_;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        @ENV{keys %env} = values %env;
        open STDERR, '>>', $it->path('log') or die;
        exec $it->{program}, '--config', $it->conf or die;
    }

    $it->{pid} = $pid;
    my $end = time() + 20;

    until (IO::Socket::UNIX->new(Peer => $it->{socket})) {
        if (!$it->alive || time() > $end) {
            $it->{pid} = undef;
            die "hars-$it->{name} does not start: ", $it->log;
        }

        sleep 0.01;
    }
}


# its wait status
sub end {
    my ($it, $signal) = @_;

    kill $signal, $it->{pid};
    waitpid $it->{pid}, 0;
    my $status = $?;
    $it->{pid} = undef;

    return $status;
}


# the process is another's from now on
sub forget { $_[0]{pid} = undef }


sub alive {
    my ($it) = @_;

    return $it->{pid} && waitpid($it->{pid}, WNOHANG) == 0;
}


sub log {
    open my $fh, '<', $_[0]->path('log') or return '';
    local $/;

    return <$fh> // '';
}


# the gateway's headers: as('patient', 'p1', 'recordings:write ...')
sub as {
    my ($it, $kind, $sub, $scope, %more) = @_;

    return ('Hars-Sub' => $sub, 'Hars-Client-Id' => "client-$sub",
            'Hars-Kind' => $kind, 'Hars-Scope' => $scope // '',
            'Hars-Exp' => int(time()) + 300,
            'Hars-Cert-S256' => 'A' x 43, %more);
}


# status, body (decoded where it is JSON), header, text of an answer; status
# 0: there was none
sub ask {
    my ($it, $method, $path, $body, %header) = @_;

    if (ref $body) {
        $body = $json->encode($body);
        $header{'Content-Type'} //= 'application/json';
    }

    my $s = IO::Socket::UNIX->new(Peer => $it->{socket})
        or return (0, '', '', '');
    my $head = "$method $path HTTP/1.1\r\nHost: $it->{host}\r\n"
        . "Connection: close\r\n";
    for my $name (sort keys %header) {
        $head .= "$name: $header{$name}\r\n" if defined $header{$name};
    }
    $head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;

    local $SIG{PIPE} = 'IGNORE';
    $s->print($head, "\r\n", $body // '');

    local $/;

    return answer(<$s> // '');
}


sub answer {
    my ($said) = @_;
    my ($top, $text) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($top // '') =~ m{^HTTP/1.1 (\d+)} or return (0, '', '', '');

    $text = unchunked($text) if $top =~ /^Transfer-Encoding: chunked/mi;
    my $type = $top =~ /^Content-Type: (.*?)\r?$/mi ? $1 : '';
    my $data = $type =~ /json/ ? eval { $json->decode($text) } : $text;

    return ($status, $data, $top, $text);
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
