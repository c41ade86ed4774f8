package HarsTest::Postgres;

# A PostgreSQL of the test's own: a directory of its own, a Unix socket, no
# port, and no daemon of Debian's.  It refuses to run as root, and is started
# as the user "postgres" of the package there.
#
#   my $pg = HarsTest::Postgres->new;      made and started
#   $pg->uri('name')                       for the setting "database"
#   $pg->sql('SELECT 1', 'name')           what psql says
#   $pg->stop('fast' | 'immediate' | 'kill');  $pg->start;
#   my $other = $pg->standby;  $other->promote;
#
# Its disk is not pretended: fsync stays on.  It ends with the test.

use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

my %running;
my $owner = $$;

my %signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT',
              kill => 'KILL');

END {
    my $status = $?;

    if ($$ == $owner) {
        $_->stop('immediate') for values %running;
    }

    $? = $status;
}


sub new {
    my ($class, %option) = @_;

    my ($bin) = sort { $b cmp $a } glob '/usr/lib/postgresql/*/bin';
    $bin // die "no PostgreSQL here: scripts/install-packages.sh pg\n";

    my $self = directory($class, $bin);
    my $dir = $self->{dir};
    my $auth = $option{auth} // 'trust';

    my $pid = $self->process("$dir/initdb.log", "$bin/initdb", '-D',
                             "$dir/data", '-U', 'hars', '-A', $auth,
                             '-E', 'UTF8', '--locale=C', '-N',
                             $option{pwfile} ? "--pwfile=$option{pwfile}"
                                             : ());
    waitpid $pid, 0;
    $? == 0 or die "initdb: $dir/initdb.log: " . content("$dir/initdb.log");

    $self->start;

    return $self;
}


sub directory {
    my ($class, $bin) = @_;

    my $dir = tempdir('hars-pg-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { bin => $bin, dir => $dir, port => 5432 }, $class;

    if ($> == 0) {
        my (undef, undef, $uid, $gid) = getpwnam 'postgres'
            or die "no user postgres here\n";
        chown $uid, $gid, $dir;
        $self->{user} = [$uid, $gid];
    }

    return $self;
}


# another one that follows this one
sub standby {
    my ($self) = @_;

    my $other = directory(ref $self, $self->{bin});
    my $log = "$other->{dir}/basebackup.log";
    my $pid = $other->process($log, "$self->{bin}/pg_basebackup", '-D',
                              "$other->{dir}/data", '-h', $self->{dir}, '-p',
                              $self->{port}, '-U', 'hars', '-R', '-c',
                              'fast');
    waitpid $pid, 0;
    $? == 0 or die 'pg_basebackup: ' . content($log);

    $other->start;

    return $other;
}


sub promote {
    my ($self) = @_;

    $self->sql('SELECT pg_promote()');
}


# a child, not as root, with a log
sub process {
    my ($self, $log, @command) = @_;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(HUP INT PIPE TERM);
    chdir $self->{dir};
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $log;
    open STDERR, '>&', \*STDOUT;

    if ($self->{user}) {
        my ($uid, $gid) = @{$self->{user}};

        $) = "$gid $gid";
        POSIX::setgid($gid);
        POSIX::setuid($uid);
        $> == $uid or POSIX::_exit(126);
    }

    exec @command or POSIX::_exit(127);
}


# with further words for it; what its predecessor left behind may need a
# moment to go
sub start {
    my ($self, @more) = @_;

    my $end = time + 30;

    while (time < $end) {
        if (!$self->{pid}) {
            $self->{pid} = $self->process(
                "$self->{dir}/log", "$self->{bin}/postgres", '-D',
                "$self->{dir}/data", '-k', $self->{dir}, '-p',
                $self->{port}, '-c',
                'listen_addresses=', '-c', 'log_min_messages=fatal', '-c',
                'log_min_error_statement=panic', @more);
            $running{$self->{dir}} = $self;
        }

        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};

        } elsif (system("$self->{bin}/pg_isready", '-q', '-h',
                        $self->{dir}, '-p', $self->{port}) == 0)
        {
            return;
        }

        sleep 0.05;
    }

    die "PostgreSQL does not start: " . content("$self->{dir}/log");
}


# from now on by a port of the loopback, too, with this certificate and key
# (files); without them in clear
sub listen {
    my ($self, $port, $cert, $key) = @_;

    $self->stop;
    $self->{port} = $port;

    for my $file ($cert // (), $key // ()) {
        my ($name) = $file =~ m{([^/]+)$};

        open my $fh, '>', "$self->{dir}/$name" or die "$name: $!\n";
        print $fh content($file);
        close $fh or die "$name: $!\n";
        chmod 0600, "$self->{dir}/$name";
        chown @{ $self->{user} }, "$self->{dir}/$name" if $self->{user};
        $file = "$self->{dir}/$name";
    }

    $self->start('-c', 'listen_addresses=127.0.0.1', $cert
                 ? ('-c', 'ssl=on', '-c', "ssl_cert_file=$cert", '-c',
                    "ssl_key_file=$key") : ());
}


# fast: clients are sent away; immediate: as after a crash; kill: nobody is
# asked
sub stop {
    my ($self, $how) = @_;

    delete $running{$self->{dir}};
    my $pid = delete $self->{pid} // return;

    kill $signal{$how // 'fast'}, $pid;

    my $end = time + 20;

    while (waitpid($pid, WNOHANG) == 0) {
        kill 'KILL', $pid if time > $end;
        sleep 0.02;
    }
}


sub uri {
    my ($self, $name, $more) = @_;

    return "postgresql://hars@/$name?host=$self->{dir}" . ($more // '');
}


# rows, a line each
sub sql {
    my ($self, $text, $name) = @_;

    open my $fh, '-|', "$self->{bin}/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1',
        '-h', $self->{dir}, '-p', $self->{port}, '-U', 'hars', '-c', $text, $name // 'postgres'
        or die "psql: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh or die "psql: $text\n";
    $said =~ s/\n\z//;

    return $said;
}


sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh> // '';
}

1;
