package HarsTest::Run;

# What a test runs, and its files: all of it lives in HarsTest::Place::dir()
# and ends with the test.
#
#   my ($rc, $said) = run('hars-x', '--help');     waits, a minute at most
#   launch('node', 'hars-node', ...);              says all to node.log
#   $child{link} = fork;                           ends with the test, too
#   my $status = end('node', 'KILL');              TERM, where none is named
#
# %environment has what the processes of a name are told beside the test's own
# environment, until died() has seen one of them go.

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();

use HarsTest::Place;

our @EXPORT = qw(%child launch end died run wait_for write_file content);

our (%child, %environment);
my $owner = $$;


sub launch {
    my ($name, @command) = @_;
    my $log = HarsTest::Place::dir() . "/$name.log";

    $child{$name} = fork // die "fork: $!\n";
    return if $child{$name};

    @ENV{keys %$_} = values %$_ for $environment{$name} // {};
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $log;
    open STDERR, '>&', \*STDOUT;
    exec @command or POSIX::_exit(127);
}


# its wait status
sub end {
    my ($name, $signal) = @_;
    my $pid = delete $child{$name} or return 0;

    kill $signal // 'TERM', $pid;
    waitpid $pid, 0;

    return $?;
}


# what it died by, within 10 s; 0: it lives
sub died {
    my ($name) = @_;
    my $pid = $child{$name} or return 0;
    my $status;

    delete $environment{$name};
    HarsTest::Place::wait_for(10, sub {
        my $gone = waitpid($pid, POSIX::WNOHANG) == $pid;
        $status = $? if $gone;
        return $gone;
    }) or return 0;
    delete $child{$name};

    return $status & 127;
}


# exit status and all that was said; what runs on is a failure
sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec timeout 60 "$@" 2>&1 < /dev/null',
        'sh', @command or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


# true as soon as the condition is, false at the deadline
sub wait_for { return HarsTest::Place::wait_for($_[1] // 30, $_[0]) }


# its path; its owner alone may read it, as a secret has to be
sub write_file {
    my ($name, $text) = @_;
    my $path = HarsTest::Place::dir() . "/$name";

    open my $fh, '>', $path or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";
    chmod 0600, $path;

    return $path;
}


# nothing, where there is none
sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh> // '';
}


END {
    my $status = $?;

    if ($$ == $owner) {

        # a clean end first: nginx, killed, would leave its worker behind
        kill 'TERM', values %child;
        for my $pid (values %child) {
            HarsTest::Place::wait_for(5, sub {
                waitpid($pid, POSIX::WNOHANG) != 0;
            }) and next;
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }
    }

    $? = $status;
}


1;
