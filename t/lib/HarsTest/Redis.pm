package HarsTest::Redis;

# A Redis of the test file's own, on a Unix socket and a loopback port,
# without a disk, and a client for it that speaks RESP.

use strict;
use warnings;

use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

use HarsTest::Place;

my ($pid, $client);


sub socket_path { return HarsTest::Place::dir() . '/redis.sock' }
sub port        { return HarsTest::Place::port(15) }
sub log_path    { return HarsTest::Place::dir() . '/redis.log' }


sub start {
    my (@options) = @_;

    return if $pid;

    # before the fork: the ports are this process's
    my $port = port();

    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', log_path();
        open STDERR, '>&', \*STDOUT;
        # a test that is killed takes its Redis along
        exec 'setpriv', '--pdeathsig', 'KILL', 'redis-server',
            '--port', $port, '--bind', '127.0.0.1',
            '--unixsocket', socket_path(), '--unixsocketperm', '777',
            '--dir', HarsTest::Place::dir(), '--save', '',
            '--appendonly', 'no', '--daemonize', 'no', @options;
        die "redis-server: $!\n";
    }

    HarsTest::Place::wait_for(10, sub {
        my $answer = eval { redis('PING') } // '';
        return $answer eq 'PONG' || $answer =~ /NOAUTH/;
    }) or die "redis-server does not answer, see " . log_path() . "\n";
}


sub stop {
    if ($pid) {
        undef $client;
        kill 'CONT', $pid;
        kill 'KILL', $pid;
        waitpid($pid, 0);
        unlink socket_path();
        undef $pid;
    }
}


# a stopped process: connections are made, nothing is ever answered
sub pause    { kill 'STOP', $pid }
sub continue { kill 'CONT', $pid }


# redis('SET', 'key', 'value'): the answer; an error's text begins with "-",
# nil is undef, an array is an array reference
sub redis {
    my (@words) = @_;

    $client //= IO::Socket::UNIX->new(Peer => socket_path(),
        Type => SOCK_STREAM) or die socket_path() . ": $!\n";

    my $command = '*' . @words . "\r\n";
    for my $word (@words) {
        utf8::encode($word) if utf8::is_utf8($word);
        $command .= '$' . length($word) . "\r\n$word\r\n";
    }

    my $answer;

    my $ok = eval {
        local $SIG{ALRM} = sub { die "Redis did not answer in 5 s\n" };
        local $SIG{PIPE} = 'IGNORE';

        alarm 5;
        print $client $command or die "Redis is gone: $!\n";
        $client->flush;
        $answer = take_answer();
        alarm 0;
        1;
    };

    if (!$ok) {
        my $error = $@;

        alarm 0;
        undef $client;
        die $error;
    }

    return $answer;
}


# what the authorization server does (docs/architecture.md): says that it has
# told this Redis of all revocations; revokes by keys of 64 digits, and by a
# thumbprint until a time
sub told {
    my ($epoch) = @_;
    my ($run) = redis('INFO', 'server') =~ /^run_id:([0-9a-f]{40})/m;

    redis('SET', 'hars:{revoked}run', ($epoch // 1) . " $run");
}


sub revoke {
    my (%o) = @_;
    my @pairs = map { (key => $_) } @{ $o{keys} // [] };

    for my $key (@{ $o{keys} // [] }) {
        redis('SET', "hars:$key", "T\x01", 'PX', 300_000);
    }

    if ($o{cert}) {
        my $until = $o{until} // time + 1000;
        redis('ZADD', 'hars:{revoked}certs', 'GT', $until, $o{cert});
        push @pairs, cert => $o{cert}, until => $until;
    }

    redis('XADD', 'hars:{revoked}stream', 'MAXLEN', '~', 100_000, '*', @pairs);
}


sub take_answer {
    my $line = <$client>;
    die "Redis closed the connection\n" if !defined $line;
    $line =~ s/\r\n$//;

    my ($type, $rest) = $line =~ /^(.)(.*)/s;

    return $rest if $type eq '+' || $type eq ':';
    return $line if $type eq '-';

    if ($type eq '$') {
        return undef if $rest < 0;
        my $data = '';
        while (length $data < $rest + 2) {
            read($client, $data, $rest + 2 - length $data, length $data)
                or die "Redis closed the connection\n";
        }
        return substr $data, 0, $rest;
    }

    if ($type eq '*') {
        return $rest < 0 ? undef : [ map { take_answer() } 1 .. $rest ];
    }

    die "Redis said: $line\n";
}

1;
