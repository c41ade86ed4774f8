package HarsTest::Servers;

# Redis servers by their loopback ports: alone, with replicas and Sentinels,
# as a Cluster.
#
#   HarsTest::Servers::replicated('name', [ 2, 3 ], [ 4, 5, 6 ]);
#   HarsTest::Servers::cluster([ 0, 2 .. 6 ], [ 7, 10 .. 14 ]);
#
# Numbers are those of HarsTest::Place::port(); everything else goes by port.

use strict;
use warnings;

use IO::Socket::INET;

use HarsTest::Place;

my (%pid, %options, $owner);


sub start {
    my ($port, @options) = @_;
    my $dir = HarsTest::Place::dir() . "/redis-$port";

    # what it was started with is what it comes back with
    @options = @{ $options{$port} } if !@options && $options{$port};
    $options{$port} = [@options];
    mkdir $dir;
    unlink "$dir/dump.rdb";

    my @command = grep({ $_ eq '--sentinel' } @options)
        ? ('redis-server', @options)
        : ('redis-server', '--port', $port, '--bind', '127.0.0.1', '--save',
           '', '--appendonly', 'no', '--dir', $dir,
           '--repl-diskless-sync-delay', 0, @options);

    $owner = $$;
    $pid{$port} = fork() // die "fork: $!\n";

    if ($pid{$port} == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        # a test that is killed takes its servers along
        exec 'setpriv', '--pdeathsig', 'KILL', @command;
        die "redis-server: $!\n";
    }

    HarsTest::Place::wait_for(10, sub { defined redis($port, 'PING') })
        or die "redis-server does not answer, see $dir/log\n";
}


sub stop {
    my ($port) = @_;
    my $pid = delete $pid{$port} // return;

    kill 'CONT', $pid;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub pause    { kill 'STOP', $pid{ $_[0] } }
sub continue { kill 'CONT', $pid{ $_[0] } }
sub running  { return exists $pid{ $_[0] } }
sub stop_all { stop($_) for keys %pid; %options = () }


# the answer: text, undef for nil or no server, an array reference
sub redis {
    my ($port, @words) = @_;
    my $answer;

    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 2)
        or return;

    eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 3;
        my ($password) = grep { $options{$port}[$_ - 1] eq '--requirepass' }
                         1 .. $#{ $options{$port} // [] };
        command($s, 'AUTH', $options{$port}[$password]) if $password;
        $answer = command($s, @words);
    };
    alarm 0;

    return $answer;
}


sub command {
    my ($s, @words) = @_;

    print $s '*' . @words . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;
    $s->flush;

    return answer($s);
}


sub answer {
    my ($s) = @_;
    my $line = <$s> // die "closed\n";

    $line =~ s/\r\n//;
    my ($type, $rest) = $line =~ /^(.)(.*)/;

    return $rest if $type =~ /[+:-]/;
    return undef if $rest < 0;
    return [ map { answer($s) } 1 .. $rest ] if $type eq '*';

    read $s, my $value, $rest + 2;
    return substr $value, 0, $rest;
}


# settings of servers that speak TLS with each other, too
sub tls {
    my $pki = $HarsTest::Place::pki;

    return ('tls-cert-file' => "$pki/server.pem",
            'tls-key-file' => "$pki/server.key",
            'tls-ca-cert-file' => "$pki/ca.pem",
            'tls-auth-clients' => 'no', 'tls-replication' => 'yes');
}


# A master, its replicas, and Sentinels that know all of them.  password => of
# the servers; tls => numbers of further ports: of the servers, then of the
# Sentinels, which speak to each other by these alone.
sub replicated {
    my ($name, $servers, $sentinels, %o) = @_;
    my $password = $o{password};
    my @auth = $password ? ('--requirepass', $password, '--masterauth',
                            $password) : ();
    my @tls = map { HarsTest::Place::port($_) } @{ $o{tls} // [] };
    my %tls = tls();
    my $secure = sub {
        @tls ? ('--tls-port', $tls[ $_[0] ], map { ("--$_", $tls{$_}) }
                                             sort keys %tls) : ();
    };
    my ($master, @replicas) = map { HarsTest::Place::port($_) } @$servers;
    my @sentinels = map { HarsTest::Place::port($_) } @$sentinels;

    my $at = $tls[0] // $master;
    my $n = 0;

    start($master, @auth, $secure->($n++));
    start($_, '--replicaof', '127.0.0.1', $at, @auth, $secure->($n++))
        for @replicas;

    for my $port (@sentinels) {
        my $dir = HarsTest::Place::dir();
        my $conf = "$dir/sentinel-$port.conf";

        mkdir "$dir/redis-$port";
        open my $fh, '>', $conf or die "$conf: $!\n";
        print $fh <<"END";
port $port
bind 127.0.0.1
dir $dir/redis-$port
sentinel monitor $name 127.0.0.1 $at 2
sentinel down-after-milliseconds $name 500
sentinel failover-timeout $name 3000
END
        print $fh "sentinel auth-pass $name $password\n" if $password;
        print $fh "tls-port $tls[$n]\n", map { "$_ $tls{$_}\n" } sort keys %tls
            if @tls;
        $n++;
        close $fh;
        start($port, $conf, '--sentinel');
    }

    HarsTest::Place::wait_for(30, sub {
        !grep {
            my %m = @{ redis($_, 'SENTINEL', 'MASTER', $name) // [] };
            ($m{'num-slaves'} // 0) != @replicas
                || ($m{'num-other-sentinels'} // 0) != @sentinels - 1
        } @sentinels;
    }) or die "the Sentinels do not find each other\n";
}


# the port of the master that most Sentinels of these ports name
sub master {
    my ($name, @sentinels) = @_;
    my %said;

    for my $port (grep { running($_) } @sentinels) {
        my $m = redis($port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', $name);
        $said{ $m->[1] }++ if ref $m;
    }

    return (sort { $said{$b} <=> $said{$a} } keys %said)[0];
}


# a server and its replica for each third of the slots
sub cluster {
    my ($servers, $buses) = @_;
    my @port = map { HarsTest::Place::port($_) } @$servers;
    my @bus = map { HarsTest::Place::port($_) } @$buses;

    for my $i (0 .. $#port) {
        unlink HarsTest::Place::dir() . "/redis-$port[$i]/nodes.conf";
        start($port[$i], '--cluster-enabled', 'yes', '--cluster-port',
              $bus[$i], '--cluster-node-timeout', 1000,
              '--cluster-config-file', 'nodes.conf');
    }

    my @nodes = map { "127.0.0.1:$_" } @port;
    my $said = `timeout 60 redis-cli --cluster create @nodes --cluster-replicas 1 \\
        --cluster-yes 2>&1`;
    die "redis-cli --cluster create: $said\n" if $?;

    HarsTest::Place::wait_for(30, sub { whole(@port) })
        or die "the Cluster does not become one\n";
}


# has each slot a master that is well, and that master a replica?
sub whole {
    my (@port) = @_;

    for my $port (@port) {
        my $info = redis($port, 'CLUSTER', 'INFO') // return 0;
        my $slots = redis($port, 'CLUSTER', 'SLOTS');

        return 0 if $info !~ /cluster_state:ok/ || !ref $slots
                    || !@$slots || grep { @$_ < 4 } @$slots;
    }

    return 1;
}


# the port of the master of a key, as these servers say
sub holder {
    my ($key, @port) = @_;

    for my $port (grep { running($_) } @port) {
        my $slot = redis($port, 'CLUSTER', 'KEYSLOT', $key) // next;
        my $slots = redis($port, 'CLUSTER', 'SLOTS');
        next if !ref $slots;

        for my $range (@$slots) {
            return $range->[2][1]
                if $range->[0] <= $slot && $slot <= $range->[1];
        }
    }

    return 0;
}


# has the authority told this server, and those it is one of, everything?
sub told {
    my ($port, $holder) = @_;
    my $info = redis($port, 'INFO', 'server') // return 0;
    my ($run) = $info =~ /^run_id:(\w+)/m;

    return (redis($holder // $port, 'GET', 'hars:{revoked}run') // '')
           =~ /^\d+ (?:\w+ )*$run(?: |$)/ ? 1 : 0;
}


END {
    if ($owner && $owner == $$) {
        local ($?, $!);
        stop_all();
    }
}

1;
