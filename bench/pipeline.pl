#!/usr/bin/perl

# What each of the fourteen steps of the mutual authentication flow costs
# (scripts/demo.sh plays them): how long a client waits for it, and the
# processor time of each process that has a part in it.  The reference gateway
# (conf/), authorization server with a CA, ML service and Redis, all real, on
# this machine; bench/pipeline.c are the clients, once one at a time, once many.
#
#   perl -I t/lib bench/pipeline.pl [OPTION...]       make bench-pipeline
#
#   --clients N    that walk through it in each of the two ways (128)
#   --threads N    at a time, the second way (16)
#   --no-rates     without what follows: tokens a second beside other
#                  authorization servers, sessions a second in the fog, a minute
#                  of samples at the ML service, each by its own benchmark
#   --write        into bench/results/pipeline.txt, too
#
# All clients take a step before the first takes the next one.  What is not
# seen of a step from outside is in one line with its neighbours: 7, 8 and 9 are
# one request and its answer.  Lines with "11" have the token of the line above
# or one that was not used yet; the request itself is a small one.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use Fcntl qw(SEEK_SET);
use File::Path qw(make_path);
use IO::Handle;
use IPC::Open2;
use POSIX qw(strftime);
use Time::HiRes qw(time);

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;

my %o = (clients => 128, threads => 16, rates => 1);
options(\%o, 'clients=i', 'threads=i', 'rates!', 'write');
!@ARGV && $o{clients} > 0 && $o{threads} > 0 or wrong();

my @process = qw(client nginx authserver redis mlservice);
my @line = (
    ['key',         '1     key pair, P-256'],
    ['first',       '      TLS 1.3 to the authserver, no certificate yet'],
    ['certificate', '2     certificate by EST: request, signature, answer'],
    ['resource',    '3     registration of who asks about tokens, a command'],
    ['client',      '4,5   registration of the client, a command'],
    ['auth',        '6     mutual TLS 1.3 to the authserver'],
    ['token',       '7,8,9 token: asked for, bound, stored on the disk'],
    ['ml',          '10    mutual TLS 1.3 to the ML service'],
    ['known',       '11    token presented, known to the gateway'],
    ['redis',       '11    the same, its first use: record from Redis'],
    ['asked',       '11-13 the same, its first use: authserver asked'],
    ['activity',    '11,14 10 s of samples, activities returned'],
);

my $top = $HarsTest::Place::top;
my $build = $HarsTest::Place::build;
my $ml = $HarsTest::Reference::ml;
my (%pid, $text);

build();
begin();
$text = head();
table("one client at a time, $o{clients} clients", 'a', 1);
table("$o{threads} at a time, $o{clients} clients", 'b', $o{threads});
end();
rates() if $o{rates};
written();


sub build {
    system('make', '-s', '-C', $top, "BUILD=$build", 'module', 'programs',
           map { "$build/bench/$_" } 'pipeline',
           $o{rates} ? qw(httpload rows fog) : ()) == 0
        or die "the build failed\n";
}


sub begin {
    HarsTest::Reference::authority('--name', 'O=HARS Gateway bench');
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::start();

    my ($redis) = HarsTest::redis('INFO', 'server') =~ /^process_id:(\d+)/m;
    %pid = (nginx => [HarsTest::Reference::nginx()->workers],
            authserver => [HarsTest::Reference::pid('authserver')],
            mlservice => [HarsTest::Reference::pid('mlservice')],
            redis => [$redis]);
}


sub end {
    my @faults = HarsTest::Reference::stop();

    die "what none of the logs may hold:\n", map { "  $_\n" } @faults
        if @faults;
}


sub said {
    open my $fh, '-|', @_ or die "$_[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh or die "@_: failed\n";

    return $said;
}


sub slurp { return HarsTest::Reference::slurp(@_) }


sub head {
    my ($processor) = slurp('/proc/cpuinfo') =~ /^model name\s*: (.*)/m;
    my ($nginx) = `${\ HarsTest::Place::nginx()} -v 2>&1` =~ m{nginx/(\S+)};

    return strftime("%Y-%m-%d %H:%M UTC, ", gmtime)
        . ($processor // 'unknown processor') . ', '
        . said('getconf', '_NPROCESSORS_ONLN') =~ s/\s//gr . ' cores, '
        . join(' ', (POSIX::uname())[0, 2]) . ', load average before '
        . (split ' ', slurp('/proc/loadavg'))[0] . "\nnginx $nginx, hars "
        . said('git', '-C', $top, 'describe', '--always', '--dirty')
        =~ s/\s//gr . ', ' . said('openssl', 'version') =~ s/\s*\(.*//sr
        . "\n";
}


# all steps of as many clients of its own
sub table {
    my ($title, $prefix, $threads) = @_;
    my @id = map { "$prefix-$_" } 1 .. $o{clients};
    my %got;

    $got{resource} = commands(map { [qw(client add --id), "rs-$_",
        qw(--kind resource_server --resource), $ml, '--subject-dn',
        "CN=rs-$_,O=HARS Gateway bench"] } @id);
    $got{client} = commands(map { [qw(client add --id), $_, qw(--kind service
        --scope ml:recognize --resource), $ml, '--subject-dn',
        "CN=$_,O=HARS Gateway bench"] } @id);

    HarsTest::Reference::spew('clients', join '', map {
        my ($secret) = HarsTest::Reference::as('client', 'enrol', $_)
            =~ /(hats_es_[\w-]+)/;
        "$_ $secret\n";
    } @id);

    my $log = -s HarsTest::Reference::path('access.log') // 0;
    walk(\%got, $threads);
    $text .= "\n$title\n" . rows(\%got) . looked_up($log);
}


# each by a process of its own, one after the other
sub commands {
    my @took;
    my @before = (POSIX::times())[3, 4];
    my $conf = HarsTest::Reference::path('authserver.conf');
    my $begun = time;

    for my $words (@_) {
        my $from = time;
        said("$build/bin/hars-authserver", '--config', $conf, @$words);
        push @took, 1e6 * (time - $from);
    }

    my $all = time - $begun;
    my @after = (POSIX::times())[3, 4];
    my $cpu = ($after[0] + $after[1] - $before[0] - $before[1])
        / POSIX::sysconf(POSIX::_SC_CLK_TCK());
    @took = sort { $a <=> $b } @took;

    return { n => scalar @took, p50 => $took[@took / 2],
             p99 => $took[@took * 0.99], all => 1e6 * $all,
             cpu => { authserver => 1e6 * $cpu } };
}


# the clients of bench/pipeline.c, and what the servers do at each step
sub walk {
    my ($got, $threads) = @_;
    my $pid = open2(my $from, my $to, "$build/bench/pipeline",
        "127.0.0.1:" . HarsTest::Reference::port(),
        "$HarsTest::Place::pki/ca.pem", HarsTest::Reference::path('clients'),
        "$top/conf/demo/walking.csv", $threads);
    $to->autoflush(1);

    while (<$from>) {
        my ($step) = /^ready (\w+)/ or die "pipeline said: $_";
        forget() if $step eq 'asked';
        my %before = map { $_ => cpu($_) } keys %pid;
        print $to "\n";
        my (undef, $name, $n, $p50, $p99, $all, $cpu) = split ' ',
            <$from> // die "the step \"$step\" failed\n";
        $got->{$step} = {
            n => $n, p50 => $p50, p99 => $p99, all => $all,
            cpu => { client => $cpu,
                     map { $_ => cpu($_) - $before{$_} } keys %pid },
        };
    }

    waitpid $pid, 0;
    die "bench/pipeline ended with $?\n" if $?;
}


# the records in Redis, so that the authorization server is asked
sub forget {
    my @key = grep { /^hars:[0-9a-f]{64}$/ }
        @{ HarsTest::redis('KEYS', 'hars:*') };

    die "no records in Redis\n" if @key < $o{clients};
    HarsTest::redis('DEL', @key);
}


# microseconds of all its threads so far
sub cpu {
    my ($name) = @_;
    my $ns = 0;

    for my $file (map { glob "/proc/$_/task/*/schedstat" } @{ $pid{$name} }) {
        $ns += (split ' ', slurp($file))[0];
    }

    return $ns / 1000;
}


# was each request decided by what its line says?  What was not, in words
sub looked_up {
    my ($from) = @_;
    my %by;

    open my $fh, '<', HarsTest::Reference::path('access.log')
        or die "access.log: $!\n";
    seek $fh, $from, SEEK_SET;
    while (<$fh>) {
        $by{$1}++ if m{"GET /v1/models .* source=(\w+)};
    }

    my $n = $o{clients};
    my %want = (l2 => $n, introspection => $n, l0 => 10 * $n);
    my @wrong = grep { ($by{$_} // 0) != $want{$_} } sort keys %want;

    return join '', map { "$_ decided ${\ ($by{$_} // 0)} of the requests of "
                          . "11, not $want{$_}\n" } @wrong;
}


sub rows {
    my ($got) = @_;
    my $rows = sprintf "%-53s %8s %8s %8s  %s\n%-53s %8s %8s %8s  %s\n", '',
        'ms', '', 'a', 'us of CPU each', '', 'median', 'p99', 'second',
        join ' ', map { sprintf '%10s', $_ } @process;

    for (@line) {
        my ($step, $name) = @$_;
        my $g = $got->{$step};
        $rows .= sprintf "%-53s %8.2f %8.2f %8.0f  %s\n", $name,
            $g->{p50} / 1000, $g->{p99} / 1000, 1e6 * $g->{n} / $g->{all},
            join ' ', map { defined $g->{cpu}{$_}
                ? sprintf '%10.0f', $g->{cpu}{$_} / $g->{n}
                : ' ' x 10 } @process;
    }

    return $rows =~ s/ +$//gmr;
}


# each by its own benchmark, in short
sub rates {
    $text .= "\ntokens a second (bench/authserver.pl)\n"
        . bench('bench/authserver.pl', '--rounds', 3, '--seconds', 1,
                '--only', 'tokens|SQLite')
        . "\nsessions a second in the fog (bench/fogcloud.pl)\n"
        . bench('bench/fogcloud.pl', '--rounds', 1, '--sessions', 4000)
        . "\na minute of samples at the ML service (bench/mlservice.pl)\n"
        . bench('bench/mlservice.pl', 100);
}


sub bench {
    my ($file, @words) = @_;

    my $said = said($^X, '-I', "$top/t/lib", "$top/$file", @words);

    # what npm said when it installed something
    return $said =~ s/\A.*?(?=^\d+ rounds)//msr;
}


sub written {
    print $text;
    make_path("$build/bench/results");

    for my $file ("$build/bench/results/pipeline.txt",
                  $o{write} ? "$top/bench/results/pipeline.txt" : ()) {
        open my $fh, '>', $file or die "$file: $!\n";
        print $fh $text;
        close $fh or die "$file: $!\n";
    }
}
