#!/usr/bin/perl

# What a gateway costs over plain nginx, by what checks the token: nothing
# (the limit for any module), ours, auth_request with proxy_cache, Lua
# (access_by_lua with a shared dict and a check of cnf), and Apache with
# mod_oauth2.
#
#   perl -I t/lib -I bench/lib bench/gateway.pl [OPTION...]
#
#   --quick            about 2 minutes, into build/bench/results; each number
#                      below is smaller, four figures are left out
#   --rounds N         each measurement in turn, so often (5; 3 at most where no
#                      bar is)
#   --seconds N        of each measurement (0.5; of many tokens 4 times that)
#   --connections N    of the generator (64)
#   --tokens N         where many are in use (10000)
#   --million N        where very many are (1000000)
#   --only PATTERN     figures whose names match; the others stay in the table
#                      as they were
#   --list             names of figures
#   --draw             the table and plots anew, of what was measured before
#   --out FILE         of the results (bench/results/gateway): .txt, the table;
#                      .tsv, all that was measured; -*.svg, plots
#
# Each contender is a server of its own with one worker on core 0; on core 1
# are the generator (bench/tlsload.c), and one nginx that is what lies behind
# and the authorization server (HarsBench::Behind), ahead of other processes
# where that is allowed (HarsBench::Run).  All speak mTLS 1.3 with
# kept connections, proxy the same way and believe an answer for an hour.  A
# round takes each contender once, so that whatever else the machine does
# meets all of them.
#
# CPU is the time of the worker on its core (schedstat) by answer; "x plain" is
# the ratio to plain nginx of the same round.  Both are medians with the lowest
# and highest.  The times of an answer count from the moment when the request
# was to be sent.  "own" is the part of core 1 that the generator took,
# "behind" that of what lies behind: where both together are near 1, it is core
# 1 that sets the number a second, not the contender.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use HarsTest suite => 0, redis => 0;

use POSIX ();

use HarsBench::Bars;
use HarsBench::Behind;
use HarsBench::Cold;
use HarsBench::Contender;
use HarsBench::Counted;
use HarsBench::Handshake;
use HarsBench::Kept;
use HarsBench::Memory;
use HarsBench::Plot;
use HarsBench::Run;
use HarsBench::Slow;
use HarsBench::Table;

my %full = (rounds => 5, seconds => 0.5, connections => 64, tokens => 10_000,
            million => 1_000_000, cold => 3000, slow => 0.8, pairs => 60,
            kept => 20_000, opened => 2000, counted => 30);
my %quick = (%full, rounds => 3, seconds => 0.2, connections => 32,
             tokens => 2000,
             million => 50_000, cold => 1000, slow => 0.4, pairs => 12,
             kept => 5000, opened => 500, counted => 15);
my %given;
options(\%given, 'quick', 'rounds=i', 'seconds=f', 'connections=i',
        'tokens=i', 'million=i', 'only=s', 'list', 'draw', 'out=s');
wrong() if @ARGV;
%o = ($given{quick} ? %quick : %full, out => $given{quick}
      ? "$build/bench/results/gateway" : "$top/bench/results/gateway", %given);
$o{rounds} > 0 && $o{seconds} > 0 && $o{connections} > 0
    && $o{tokens} >= $o{connections} or wrong();

my $nice = getpriority 0, 0;
my @group = groups();
my %kind = (Kept => \@HarsBench::Kept::columns,
            Cold => \@HarsBench::Cold::columns,
            Slow => \@HarsBench::Slow::columns,
            Handshake => \@HarsBench::Handshake::columns,
            Counted => \@HarsBench::Counted::columns,
            Memory => \@HarsBench::Memory::columns);
my @all = map { @{ $_->{figures} } } @group;
my ($done, $wanted) = (0, 0);

exit list() if $o{list};

only();
missing();
die "two cores are needed, one for the worker and one for all else\n"
    if said('getconf', '_NPROCESSORS_ONLN') < 2;
HarsBench::Table::read_from("$o{out}.tsv");
measure() if !$o{draw};
report();

exit 0;


sub measure {
    system('make', '-s', '-C', $top, "BUILD=$build", 'programs', 'module',
           "$build/bench/tlsload", "$build/bench/httpload") == 0
        or die "the build failed\n";
    alone();
    pin();
    HarsBench::Behind::start();
    group($_) for @group;

    my @fault = HarsBench::Behind::stop();
    die join "\n", 'what is measured had faults:', @fault, '' if @fault;
}


# contenders that are started together, with these options, and what they are
# measured by; "none": who is not, and why; "full": not with --quick;
# "rounds": so many at most, where no bar is
sub groups {
    my @all = @HarsBench::Contender::all;
    my $files = "it would be $o{million} files of its cache";
    my $walk = 'a look at its cache goes through all entries of it';
    my $long = 'asking about each of them first takes too long';
    my $capture = 'its ngx.location.capture() does not know HTTP/2';
    my $no_redis = 'has no cache that several servers share';
    my %many = (tokens => $o{tokens}, how => [ '-d', 'random' ]);

    return (
        { of => \@all, figures => [
            { name => 'one token', kind => 'Kept', tokens => 1, how => [],
              long => 2 },
            { name => 'many tokens', kind => 'Kept', %many, long => 4 },
            { name => 'a token for each connection', kind => 'Kept', %many,
              how => [ '-d', 'each' ], rounds => 3 },
            { name => 'answers of 1 MB', kind => 'Kept', tokens => 1,
              how => [ '/1m' ], rounds => 3 } ] },
        { of => [qw(plain hars)], with => { zone => '480m' }, figures => [
            map { { name => "a million tokens, $_->[0]", kind => 'Kept',
                    tokens => $o{million}, how => [ '-d', $_->[1] ],
                    long => 4,
                    $_->[1] eq 'zipf' ? (full => 1, rounds => 3) : (),
                    none => { auth_request => $files, lua => $long,
                              apache => $walk } } }
                [ 'uniform', 'random' ], [ 'Zipf', 'zipf' ] ] },
        { of => [qw(plain hars auth_request apache)], with => { http2 => 1 },
          figures => [
            { name => 'HTTP/2', kind => 'Kept', tokens => $o{connections},
              how => [ '-d', 'each', '-2' ], rounds => 3,
              none => { lua => $capture } } ] },
        map({ { of => [qw(plain hars auth_request lua)],
                with => { workers => $_ }, figures => [
            { name => "$_ workers", kind => 'Kept', %many, rounds => 3,
              full => $_ > 2 } ] } } 2, 4),
        { of => \@all, figures => [
            { name => 'cold, foreign authority', kind => 'Cold',
              from => 'foreign' } ] },
        map({ { of => [qw(plain hars)], with => { redis => $_->[0] },
                figures => [
            { name => $_->[1], kind => 'Cold', from => $_->[0], none => {
              map { $_ => $no_redis } qw(auth_request lua) } } ] } }
            [ 'own', 'cold, own authority' ], [ 'filled', 'from Redis' ]),
        { of => \@all, with => { slow => 1 }, figures => [
            { name => 'slow authority', kind => 'Slow' } ] },
        { of => [qw(plain hars)], figures => [
            { name => 'handshakes', kind => 'Handshake' } ] },
        { of => [qw(plain hars)], with => { resumption => 1 }, figures => [
            { name => 'handshakes, resumed', kind => 'Handshake',
              resumed => 1 } ] },
        map({ { of => [qw(plain hars)], figures => [
            { name => $_->[0], kind => 'Counted', resumed => $_->[1],
              full => 1 } ],
                with => { resumption => $_->[1],
                          under => \&HarsBench::Counted::command } } }
            [ 'handshakes, counted', 0 ],
            [ 'handshakes, resumed, counted', 1 ]),
        { of => \@all, with => { zone => POSIX::ceil($o{kept} * 420 / 1e6)
                                         . 'm' }, figures => [
            { name => 'memory', kind => 'Memory', connections => {
              apache => 200 }, none => {} } ] },
    );
}


sub list {
    print map { "$_->{name}\n" } @all;
    return 0;
}


# leaves out what is not wanted; what a figure of a group has asked about, the
# next ones need not
sub only {
    for my $group (@group) {
        my $known = 0;

        $group->{figures} = [ grep {
            defined $o{only} ? $_->{name} =~ /$o{only}/
                             : !($o{quick} && $_->{full})
        } @{ $group->{figures} } ];

        for my $f (@{ $group->{figures} }) {
            my $tokens = $f->{tokens} // 0;
            $f->{known} = $tokens <= $known;
            $known = $tokens if $tokens > $known;
            $wanted += takes($f, $group);
        }
    }

    @group = grep { @{ $_->{figures} } } @group
        or die "no figure matches --only $o{only}; see --list\n";
}


sub takes {
    my ($figure, $group) = @_;

    return "HarsBench::$figure->{kind}"->can('takes')
        ->($figure, @{ $group->{of} });
}


sub group {
    my ($group) = @_;
    my $around = "HarsBench::$group->{figures}[0]{kind}"->can('around');
    my $after = "HarsBench::$group->{figures}[0]{kind}"->can('after');
    my $redis = $group->{with} && $group->{with}{redis};
    my @c = map { HarsBench::Contender->new($_, %{ $group->{with} // {} }) }
        @{ $group->{of} };

    $around->($group->{figures}[0]) if $around;
    $_->start for @c;
    $redis || $_->verify for @c;
    figure($_, $group, @c) for @{ $group->{figures} };

    my @fault = map { $_->stop } @c;
    $after->($group->{figures}[0]) if $after;
    die join "\n", 'what is measured had faults:', @fault, '' if @fault;
}


sub figure {
    my ($f, $group, @c) = @_;
    my $kind = "HarsBench::$f->{kind}";
    my $more = $kind->can('more') // sub { return $_[2] < rounds($_[0]) };
    my ($load) = split ' ', content('/proc/loadavg');
    my $takes = takes($f, $group);
    my $name = $f->{name};

    HarsBench::Table::forget($name);
    HarsBench::Table::say_of($name, $_, "not measured: $f->{none}{$_}")
        for keys %{ $f->{none} // {} };
    $kind->can('prepare')->($f, sub {
        progress($wanted - $done, '%s: %s', $name, @_);
    }, @c);

    my $round = 0;
    for (; $more->($f, HarsBench::Table::got($name), $round); $round++) {
        my $part = $round / ($f->{kind} eq 'Handshake' ? $o{pairs}
                             : rounds($f));

        # none always comes behind the same one
        for my $c (map { $c[($_ + $round) % @c] } 0 .. $#c) {
            progress($wanted - $done - $part * $takes, '%s, round %d: %s',
                     $name, $round + 1, $c->name) if -t STDERR || !$round;
            HarsBench::Table::add($name, $c->name,
                                  $kind->can('measure')->($f, $c, $round + 1));
        }
    }

    $done += $takes;
    HarsBench::Table::say_of($name, '-', sprintf '%s; %d rounds; %s; load'
        . ' average %s; %s; hars %s',
        POSIX::strftime('%F %R UTC', gmtime), $round,
        $f->{said} // "$o{connections} connections", $load, ahead(), commit());
    HarsBench::Table::write_to("$o{out}.tsv");
}


sub commit {
    my $commit = said('git', '-C', $top, 'log', '-1', '--format=%h', '--',
                      'ngx_hars_module', 'common');

    chomp $commit;
    return $commit;
}


sub report {
    my @line = machine();

    for my $f (grep { %{ HarsBench::Table::got($_->{name}) } } @all) {
        push @line, '', HarsBench::Table::of($f->{name}, $kind{$f->{kind}});
    }

    push @line, '', HarsBench::Bars::lines();

    open my $fh, '>', "$o{out}.txt" or die "$o{out}.txt: $!\n";
    print $fh map { "$_\n" } @line;
    close $fh or die "$o{out}.txt: $!\n";

    print STDERR "\n";
    print map { "$_\n" } @line, '', "written: $o{out}.txt",
        HarsBench::Plot::all($o{out}, @all);
}


# what the kernel gives a zone
sub large_pages {
    my $of = content('/sys/kernel/mm/transparent_hugepage/shmem_enabled');

    return $of =~ /\[(\w+)\]/ ? $1 : 'none';
}


sub machine {
    my $uname = join ' ', (POSIX::uname())[0, 2, 4];
    my ($cpu) = content('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($nginx) = `${\ HarsTest::Place::nginx()} -v 2>&1` =~ m{nginx/(\S+)};
    my %version = map { split /=/, $_, 2 } split ' ', said('dpkg-query', '-W',
        '-f', '${Package}=${Version} ', 'libnginx-mod-http-lua',
        'apache2-bin', 'libapache2-mod-oauth2');

    return (
        sprintf('%s, %d cores, %s%s', $cpu // 'unknown processor',
                said('getconf', '_NPROCESSORS_ONLN'), $uname, $nice
                ? ", nice $nice: the times of an answer are not to be had"
                : ''),
        'large pages of shared memory: ' . large_pages(),
        "nginx $nginx, " . (said('openssl', 'version') =~ s/\s*\(.*//sr) . ', '
            . join(', ', map { "$_ $version{$_}" } sort keys %version),
        "$o{connections} kept connections, answers of 1 KB, one worker on a"
            . ' core of its own',
        "many tokens: $o{tokens}; a million: $o{million}; cold: $o{cold} each"
            . " round; connections whose memory is measured: $o{opened}");
}
