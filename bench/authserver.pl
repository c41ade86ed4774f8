#!/usr/bin/perl

# How fast the authorization server is: tokens, durable when answered, and
# introspections, beside oidc-provider (npm; one process, tokens in memory;
# "parsing": with the certificate parsed when asked for, as in its own tests),
# glewlwyd (Debian's package; tokens alone) and beside raw SQLite that inserts the same rows, 16 per commit, on the same
# disk; through nginx with mTLS, both; and with many live tokens beside few.
#
#   perl -I t/lib bench/authserver.pl [OPTION...]
#
#   --seconds N        of each measurement (3)
#   --rounds N         each measurement in turn, so often (5)
#   --connections N    of the generator (16)
#   --clients N        that ask in turn (64)
#   --live N           bulk-loaded live tokens, e.g. 10000000; without it that
#                      part is left out
#   --dir DIR          where databases are: a disk, not memory (build/bench)
#   --audit            with the audit log, as conf/authserver.conf has it
#   --only PATTERN     measurements whose names match
#
# The generator is bench/httpload.c for all, over Unix sockets but for nginx
# and glewlwyd, which has none.
# A round takes each measurement once, so that whatever else the machine does
# meets all of them; what is printed is the median.  CPU is user and system
# time of the server's processes per request; the generator has its own.  Where
# these share few cores, the ratio of CPU says more than that of throughput.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Glewlwyd;
use HarsBench::Options;
use HarsTest suite => 0, redis => 0;
use HarsTest::Nginx;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Time::HiRes qw(time sleep);

my $owner = $$;
my %o = (seconds => 3, rounds => 5, connections => 16, clients => 64,
         live => 0, dir => "$HarsTest::Place::build/bench");
options(\%o, 'seconds=f', 'rounds=i', 'connections=i', 'clients=i',
        'live=i', 'dir=s', 'audit', 'only=s');
wrong() if @ARGV;

my $top = $HarsTest::Place::top;
my $build = $HarsTest::Place::build;
my $sock = HarsTest::Place::dir();
my $ml = 'https://ml.hars.localhost/';
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $parses = 'oidc-provider parsing';
my (%child, @measure, %got, $nginx, $glewlwyd, $data);

$| = 1;
make_path($o{dir});
$data = tempdir('data.XXXXXX', DIR => abs_path($o{dir}));
build();
forms();
my %as = map { $_ => prepare($_) } 'few', $o{live} ? 'live' : ();
peers();
glewlwyd();
measurements();
rounds();
report();
sweep() if !$o{only};

exit 0;


END {
    if ($owner == $$) {
        local $?;
        undef $nginx;
        kill 'KILL', $_ for values %child;
        waitpid $_, 0 for values %child;
        remove_tree($data) if defined $data;
    }
}


sub path { return "$data/$_[0]" }


sub build {
    my $op = "$build/bench/oidc-provider";

    system('make', '-s', '-C', $top, "BUILD=$build", 'programs', 'module',
           "$build/bench/httpload", "$build/bench/rows") == 0
        or die "the build failed\n";

    return if -d "$op/node_modules/oidc-provider";

    make_path($op);
    for my $file (qw(package.json package-lock.json)) {
        copy("$top/bench/oidc-provider/$file", $op) or die "$op: $!\n";
    }
    system("cd '$op' && npm ci --no-audit --no-fund --ignore-scripts") == 0
        or die "npm ci failed; Node and npm: "
               . "scripts/install-packages.sh bench\n";
}


# standard output of a command that has to succeed
sub said {
    open my $fh, '-|', @_ or die "$_[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "@_: failed\n";

    return $said;
}


sub as {
    my ($name, @words) = @_;

    return said("$build/bin/hars-authserver", '--config',
                path("$name.conf"), @words);
}


sub launch {
    my ($name, $socket, @command) = @_;
    my $class = 'IO::Socket::' . ($socket =~ m{^/} ? 'UNIX' : 'INET');

    unlink $socket if $class =~ /UNIX/;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', path("$name.log");
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', @command;
        die "$command[0]: $!\n";
    }

    $child{$name} = $pid;
    HarsTest::Place::wait_for(30, sub {
        return $class->new($class =~ /UNIX/ ? (Peer => $socket)
                                            : (PeerAddr => $socket));
    }) or die "$name does not listen: ", path("$name.log"), "\n";
}


sub ended {
    my ($name) = @_;
    my $pid = delete $child{$name} or return;

    kill 'TERM', $pid;
    waitpid $pid, 0;
}


# what is asked for, one request after another
sub forms {
    write_to('token.form', map {
        "grant_type=client_credentials&client_id=c-$_&scope=ml:recognize"
        . "&resource=$ml"
    } 1 .. $o{clients});
}


sub write_to {
    my ($name, @lines) = @_;

    open my $fh, '>', path($name) or die path($name), ": $!\n";
    print $fh "$_\n" for @lines;
    close $fh or die path($name), ": $!\n";
}


# an authorization server with clients, a token of each, and more if it is
# the one of many
sub prepare {
    my ($name) = @_;
    my $gateway = "$sock/$name-gw.sock";
    my $public = "$sock/$name.sock";
    my $dn = 'O=HARS Gateway demo';

    write_to("$name.conf", 'issuer = https://auth.hars.localhost',
        'database = ' . path("$name.db"),
        "client_ca = $HarsTest::Place::pki/client-ca.pem",
        "public_socket = $public", "gateway_socket = $gateway",
        'gateway_user = ' . getpwuid($>), 'token_ttl = 3600',
        $o{audit} ? 'audit_log = ' . path("$name.audit") : ());

    as($name, 'client', 'add', '--id', 'gateway', '--kind',
       'resource_server', '--resource', $ml);
    as($name, 'client', 'add', '--id', 'rs', '--kind', 'resource_server',
       '--subject-dn', "CN=client-b,$dn", '--resource', $ml);
    as($name, 'client', 'add', '--id', "c-$_", '--kind', 'service',
       '--subject-dn', "CN=client-a,$dn", '--scope', 'ml:recognize',
       '--resource', $ml) for 1 .. $o{clients};

    my $as = { name => $name, public => $public, gateway => $gateway };
    serve($as);
    load($as->{public}, '/oauth2/token', 'a', path('token.form'), 1);
    ended($name);

    if ($name eq 'few') {
        copy(path('few.db'), path('raw.db')) or die "raw.db: $!\n";
    } else {
        print "loading $o{live} live tokens: ",
            rows('fill', path('live.db'), $o{live}, 12, path('all.tokens'));
    }
    serve($as);

    return $as;
}


sub serve {
    my ($as) = @_;

    launch($as->{name}, $as->{public}, "$build/bin/hars-authserver",
           '--config', path("$as->{name}.conf"), 'serve');
}


sub rows { return said("$build/bench/rows", @_) }


sub glewlwyd {
    my $port = HarsTest::Place::port(12);

    $glewlwyd = HarsBench::Glewlwyd->new(dir => $data, port => $port);
    launch('glewlwyd', "127.0.0.1:$port", $glewlwyd->command);
    $glewlwyd->clients($o{clients}, 'CN=client-a,O=HARS Gateway demo');
}


# oidc-provider, and an nginx in front of both
sub peers {
    my $op = "$build/bench/oidc-provider";
    my $dn = 'O=HARS Gateway demo';

    copy("$top/bench/oidc-provider/server.js", $op) or die "$op: $!\n";
    launch($_->[0], "$sock/$_->[1].sock", 'node', "$op/server.js",
           "$sock/$_->[1].sock", 'https://auth.hars.localhost', $o{clients},
           "CN=client-a,$dn", "CN=client-b,$dn", @$_[2 .. $#$_])
        for ['oidc-provider', 'op'], [$parses, 'opp', 'parse'];

    my $location = sub {
        my ($where, $to) = @_;
        return <<"END";
        location /$where/ {
            proxy_pass http://$where/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Client-Cert \$hars_client_cert;
            proxy_set_header X-Forwarded-Proto https;
        }
END
    };

    $nginx = HarsTest::Nginx->new(workers => 2, http => <<"END");
    upstream hars { server unix:$as{few}{public}; keepalive 32; }
    upstream op { server unix:$sock/op.sock; keepalive 32; }
    upstream opp { server unix:$sock/opp.sock; keepalive 32; }
    keepalive_requests 100000000;
    server {
        \$TEST_NGINX_TLS
        access_log off;
${\ $location->('hars')}${\ $location->('op')}${\ $location->('opp')}
    }
END
    $nginx->start;
}


# one run of the generator: what it printed, by name
sub load {
    my ($where, $uri, $cert, $forms, $seconds, @more) = @_;
    my $pki = $HarsTest::Place::pki;
    my @to = ($where =~ m{^/} ? "unix:$where" : $where, $uri);

    if ($where eq 'tls') {
        @to = ('--cacert', "$pki/ca.pem", '--cert', "$pki/$cert.pem",
               '--key', "$pki/$cert.key", '--name', 'localhost',
               "127.0.0.1:$ENV{TEST_NGINX_TLS_PORT}", $uri);
    } elsif ($cert) {
        my $der = encode_base64(HarsTest::Place::der($cert), '');
        unshift @to, '-H', "Client-Cert: :$der:",
            '-H', 'X-Forwarded-Proto: https';
    }

    my $said = said("$build/bench/httpload", '-c', $o{connections}, '-s',
                    $seconds, '-B', $forms, @more, @to);
    my %said = $said =~ /(\w+)=([\d.]+)/g;
    die "$uri at $where: $said" if $said{bad};

    return \%said;
}


# what there is to measure: name, the processes whose time counts, how
sub measurements {
    my @few = ('few');

    raw();
    pair('tokens', [\@few, $as{few}{public}, '/oauth2/token'],
         [['oidc-provider'], "$sock/op.sock", '/token']);
    tokens("$parses tokens", 'opp', [$parses], "$sock/opp.sock", '/token');
    tokens('glewlwyd tokens', 'glewlwyd', ['glewlwyd'],
           "127.0.0.1:$glewlwyd->{port}", $glewlwyd->uri,
           '-H', $glewlwyd->header('a'));
    introspections('introspection', [\@few, $as{few}{gateway},
                                     '/introspect', '']);
    pair_introspection('introspection, by certificate',
        [\@few, $as{few}{public}, '/oauth2/introspect', 'b'],
        [['oidc-provider'], "$sock/op.sock", '/token/introspection', 'b']);
    pair('tokens, mTLS through nginx', [['few', 'nginx'], 'tls',
         '/hars/oauth2/token'], [['oidc-provider', 'nginx'], 'tls',
         '/op/token']);
    tokens("$parses tokens, mTLS through nginx", 'opp', [$parses, 'nginx'],
           'tls', '/opp/token');
    pair_introspection('introspection, mTLS through nginx',
        [['few', 'nginx'], 'tls', '/hars/oauth2/introspect', 'b'],
        [['oidc-provider', 'nginx'], 'tls', '/op/token/introspection',
         'b']);
    many() if $o{live};

    @measure = grep { $_->{name} =~ /$o{only}/ } @measure if $o{only};
}


sub raw {
    push @measure, { name => 'raw SQLite', of => [], run => sub {
        my %said = rows('raw', path('raw.db'), $o{seconds})
            =~ /(\w+)=([\d.]+)/g;
        return \%said;
    } };
}


# the same of both servers
sub pair {
    my ($name, $ours, $theirs) = @_;

    tokens("hars $name", 'few', @$ours);
    tokens("oidc-provider $name", 'op', @$theirs);
}


sub tokens {
    my ($name, $kind, $of, $where, $uri, @more) = @_;

    push @measure, { name => $name, of => $of, run => sub {
        return load($where, $uri, 'a', path('token.form'), $o{seconds},
                    '-o', path("$kind.tokens"), @more);
    } };
}


sub pair_introspection {
    my ($name, $ours, $theirs) = @_;

    introspections($name, $ours);
    introspections("oidc-provider $name", $theirs, 'op');
}


# of tokens that were measured just before
sub introspections {
    my ($name, $how, $kind, $file) = @_;
    my ($of, $where, $uri, $cert) = @$how;

    $kind //= 'few';
    $name = "hars $name" if $name !~ /^oidc/;
    push @measure, { name => $name, of => $of, run => sub {
        my $tokens = $file // path("$kind.tokens");
        load($kind eq 'op' ? "$sock/op.sock" : $as{$kind}{public},
             $kind eq 'op' ? '/token' : '/oauth2/token', 'a',
             path('token.form'), 1, '-o', $tokens) if !-e $tokens;

        open my $fh, '<', $tokens or die "$tokens: $!\n";
        my $rs = $cert ? 'client_id=rs&' : '';
        write_to('introspect.form', map { chomp; "${rs}token=$_" } <$fh>);

        return load($where, $uri, $cert, path('introspect.form'),
                    $o{seconds}, '-e', '"active":true');
    } };
}


# new tokens among many, and any of the many
sub many {
    tokens("hars tokens, $o{live} live", 'live', ['live'],
           $as{live}{public}, '/oauth2/token');
    introspections("introspection, $o{live} live", [['live'],
        $as{live}{gateway}, '/introspect', ''], 'live');
    introspections("introspection, any of $o{live} live", [['live'],
        $as{live}{gateway}, '/introspect', ''], 'live', path('all.tokens'));
}


sub rounds {
    # the first one is to warm up: Node compiles what it runs often
    for my $round (0 .. $o{rounds}) {
        for my $m (@measure) {
            printf "\rround %d of %d: %-50s", $round, $o{rounds}, $m->{name}
                if -t STDOUT;
            my $before = cpu($m->{of});
            my $said = $m->{run}->();
            my $cpu = cpu($m->{of}) - $before;
            next if $round == 0;

            push @{ $got{$m->{name}}{per_second} }, $said->{per_second};
            push @{ $got{$m->{name}}{p99} }, $said->{p99_us}
                if defined $said->{p99_us};
            push @{ $got{$m->{name}}{cpu} }, 1e6 * $cpu / $said->{good}
                if $said->{good};
        }
    }
    printf "\r%-72s\r", '' if -t STDOUT;
}


# seconds of user and system time of these, by now
sub cpu {
    my ($of) = @_;
    my $ticks = 0;

    for my $pid (map { $_ eq 'nginx' ? $nginx->workers : $child{$_} } @$of) {
        open my $fh, '<', "/proc/$pid/stat" or die "process $pid: $!\n";
        my @stat = split ' ', <$fh> =~ s/.*\)//r;
        $ticks += $stat[11] + $stat[12];
    }

    return $ticks / $tick;
}


sub median {
    my @sorted = sort { $a <=> $b } @{ $_[0] // [] };

    return @sorted ? $sorted[@sorted / 2] : undef;
}


sub report {
    printf "%d rounds of %g s, %d connections, %d clients%s, %d cores, %s\n\n",
        $o{rounds}, $o{seconds}, $o{connections}, $o{clients},
        $o{audit} ? ', audit log' : '',
        said('getconf', '_NPROCESSORS_ONLN'), node();
    printf "%-50s %10s %20s %10s %9s\n", '', 'a second', '(lowest, highest)',
        'CPU, us', 'p99, ms';

    for my $m (@measure) {
        my $g = $got{$m->{name}};
        my @sorted = sort { $a <=> $b } @{ $g->{per_second} };
        my ($cpu, $p99) = (median($g->{cpu}), median($g->{p99}));
        printf "%-50s %10.0f %20s %10s %9s\n", $m->{name},
            median(\@sorted), sprintf('%.0f, %.0f', @sorted[0, -1]),
            defined $cpu ? sprintf('%.0f', $cpu) : '',
            defined $p99 ? sprintf('%.1f', $p99 / 1000) : '';
    }

    printf "\n%-62s %8s %8s %12s\n", '', 'ratio', 'wanted', 'by CPU';
    ratio('hars tokens', 'raw SQLite', 0.5);
    ratio('hars tokens', 'oidc-provider tokens', 5);
    ratio('hars tokens', "$parses tokens", 5);
    ratio('hars tokens', 'glewlwyd tokens', 1);
    ratio('hars introspection', 'oidc-provider introspection, by certificate',
          12);
    ratio('hars introspection, by certificate',
          'oidc-provider introspection, by certificate', 12);
    for my $what ('tokens', 'introspection') {
        ratio("hars $what, mTLS through nginx",
              "oidc-provider $what, mTLS through nginx", 5);
        ratio("hars $what, mTLS through nginx",
              "$parses $what, mTLS through nginx", 5);
        ratio("hars $what, $o{live} live", "hars $what", 0.8);
    }
    ratio("hars introspection, any of $o{live} live", 'hars introspection',
          0.8);
}


sub node { return 'node ' . said('node', '--version') =~ s/\s//gr }


# of each round, then the median; the machine was the same for both
sub ratio {
    my ($one, $other, $wanted) = @_;
    my ($a, $b) = @got{$one, $other};

    return if !$a || !$b;

    my @ratio = map { $a->{per_second}[$_] / $b->{per_second}[$_] }
        0 .. $o{rounds} - 1;
    my ($mine, $its) = (median($a->{cpu}), median($b->{cpu}));
    printf "%-62s %8.2f %8.1f %12s\n", "$one / $other", median(\@ratio),
        $wanted, $mine && $its ? sprintf('%.2f', $its / $mine) : '';
}


# tokens that have ended: how fast they go, and what that costs those who ask
sub sweep {
    my $n = 500000;
    my $db = path('few.db');

    ended('few');
    rows('past', $db, $n, 30);
    my ($all) = rows('count', $db) =~ /rows=(\d+)/;
    serve($as{few});

    my $begun = time;
    my $said = load($as{few}{public}, '/oauth2/token', 'a',
                    path('token.form'), $o{seconds});
    my ($left, $issued) = ($all, $said->{good});

    while (time - $begun < 120) {
        ($left) = rows('count', $db) =~ /rows=(\d+)/;
        last if $left - $issued <= $all - $n;
        sleep 0.2;
    }

    my $gone = $all + $issued - $left;
    printf "\n%d ended tokens: %d swept %.1f s after the start, meanwhile %d"
           . " tokens a second were issued\n", $n, $gone, time - $begun,
           $said->{per_second};
}
