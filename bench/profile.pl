#!/usr/bin/perl

# Where the instructions of a warm request go, by function: what nginx
# executes of its own and its libraries' code (not the kernel's) for a request
# of a kept mTLS 1.3 connection, counted by callgrind.
#
#   perl -I t/lib bench/profile.pl [OPTION...]
#
#   --requests N    a count is the difference of 2 N and N requests (1000)
#   --tokens N      in the zone (1000); --top N  functions in the tables (25)
#   --module FILE   another ngx_http_hars_module.so (of an older commit)
#   --keep          leave callgrind's files, and say where
#   --out FILE      where the tables are written, too (bench/results/profile)
#
# plain is an nginx without the module; the others are one with it:
#   off   a location without "hars on"
#   L0    one token, one connection
#   L1    each request brings another token than the 100 before it
#   L2    each brings a token that another gateway wrote into Redis
#   cold  each brings a token that the authority is asked about
# and the same for a full handshake with the request that follows it.
#
# The differences take away what is no request's (handshake, start).  What a
# function of the module and of OpenSSL counts is the same in each run; the
# sum of nginx and malloc() varies by 2 in 100, by where the heap has its gaps
# and the kernel cuts what is read.  callgrind's processor has no SHA
# extensions; where the real one has, SHA-256 takes a tenth of the
# instructions that are counted here.

use strict;
use warnings;

use FindBin;
use lib 't/lib', "$FindBin::Bin/lib";

use HarsBench::Options;
use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;

use HarsBench::Nginx;

use File::Basename qw(dirname);
use File::Path qw(make_path);

my %o = (requests => 1000, tokens => 1000, top => 25);
options(\%o, 'requests=i', 'tokens=i', 'top=i', 'module=s', 'keep', 'out=s');
!@ARGV && $o{requests} > 0 && $o{tokens} > 100 && $o{top} > 0 or wrong();

my $build = $HarsTest::Place::build;
my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $module = $o{module} // $HarsTest::Place::module;
my $exp = time + 86_400 | 0;
my $named = 'issuer=https://auth.hars.localhost caller=gateway';
my $binding = HarsTest::Place::thumbprint('a');
my (%nginx, %port, %count, $origin, $other, $table);
my $drawn = 0;

$o{out} //= "$HarsTest::Place::top/bench/results/profile";
$| = 1;

system('make', '-s', '-C', $HarsTest::Place::top, "BUILD=$build", 'module',
       "$build/bench/tlsload") == 0 or die "the build failed\n";
-x '/usr/bin/valgrind'
    or die "valgrind is not installed: scripts/install-packages.sh bench\n";

my @token = map { sprintf 'hats_at_%08d-Zx93kQpL0aVbN7cTyUeR2wKd5sHgJm1f', $_ }
            1 .. $o{tokens};
my @case = (
    [ 'plain', 'plain', '/', sub { $token[0] } ],
    [ 'off', 'hars', '/off', sub { $token[0] } ],
    [ 'L0', 'hars', '/', sub { $token[0] } ],
    [ 'L1', 'hars', '/', sub { $token[$_[0] % @token] } ],
    [ 'L2', 'redis', '/', sub { sprintf 'hats_at_%08d-l2', ++$drawn } ],
    [ 'cold', 'hars', '/', sub { sprintf 'hats_at_%08d-cold', ++$drawn } ],
);
my @first = (
    [ 'plain', 'plain', '/', sub { $token[0] } ],
    [ 'hars', 'hars', '/', sub { $token[0] } ],
);

start();
load('hars', '/', 1, @token);
load('other', '/', 8, map { sprintf 'hats_at_%08d-l2', $_ }
                      1 .. 3.1 * $o{requests});
count($_->[0], $o{requests}, 0, @$_) for @case;
count("first $_->[0]", 100, 1, @$_) for @first;
stop();
report();

exit 0;


sub start {
    $origin = HarsTest::Nginx->new(conf => conf('', origin()));
    $origin->start;
    under('plain', 8, '', '');
    under('hars', 9, "load_module $module;", protected('') . <<'END');
        location /off { hars off override; proxy_pass http://origin; }
END
    under('redis', 10, "load_module $module;", protected($named), redis());

    # who fills Redis
    $port{other} = HarsTest::Place::port(11);
    $other = HarsTest::Nginx->new(
        conf => conf("load_module $module;", gateway($port{other},
                     "load_module $module;", protected($named), redis())));
    $other->start;
}


sub protected {
    my ($named) = @_;

    return <<"END";
        hars on;
        hars_introspect /_introspect $named;
        location = /_introspect {
            internal;
            proxy_pass http://authority;
        }
END
}


# without news of revocations: there is no authority that writes them
sub redis {
    return <<"END";
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis tokens unix:$ENV{TEST_NGINX_REDIS_SOCK} revocations=off;
END
}


# an nginx of one process, in callgrind
sub under {
    my ($name, $n, $main, $server, $http) = @_;

    $port{$name} = HarsTest::Place::port($n);

    my $nginx = HarsTest::Nginx->new(
        conf => conf("$main\nmaster_process off;",
                     gateway($port{$name}, $main, $server, $http // '')));
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/$name.said";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', 'valgrind', '-q',
             '--tool=callgrind', "--callgrind-out-file=$dir/$name.out",
             $nginx->command('-g', 'daemon off;');
        die "valgrind: $!\n";
    }

    $nginx{$name} = [ $nginx, $pid ];
    HarsTest::Place::wait_for(60, sub {
        -s $nginx->dir . '/logs/nginx.pid'
            || HarsTest::Place::is_gone($pid);
    });
    die "nginx does not start under valgrind:\n", content("$dir/$name.said"),
        content($nginx->error_log), "\n" if HarsTest::Place::is_gone($pid);
    push @{ $nginx{$name} }, scalar(() = glob "/proc/$pid/fd/*");
}


sub stop {
    for my $name (sort keys %nginx) {
        my ($nginx, $pid) = @{ $nginx{$name} };
        kill 'QUIT', $pid;
        HarsTest::Place::wait_for(20,
            sub { HarsTest::Place::is_gone($pid) })
            or die "$name does not end\n";
        waitpid $pid, 0;
        my @fault = $nginx->faults;
        die join "\n", "$name:", @fault, '' if @fault;
    }
    $other->quit or die "the other gateway does not end\n";
    $origin->quit or die "the origin does not end\n";

    if ($o{keep}) {
        make_path("$build/bench/profile");
        system('cp', glob("$dir/*.out.*"), "$build/bench/profile");
        print "callgrind's files: $build/bench/profile\n";
    }
}


sub conf { return HarsBench::Nginx::conf($_[0], 512, $_[1]) }


# what lies behind, 1 KB; and an authority that knows every token as bound
sub origin {
    my $body = 'x' x 1023 . '\n';

    return <<"END";
    server {
        listen unix:$dir/origin.sock;
        location / { return 200 "$body"; }
    }
    server {
        listen unix:$dir/authority.sock;
        default_type application/json;
        location / {
            return 200 '{"active":true,"exp":$exp,"client_id":"client-a","sub":"6f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f","scope":"ml:recognize recordings:write","aud":"https://ml.hars.localhost/","iss":"https://auth.hars.localhost","cnf":{"x5t#S256":"$binding"}}';
        }
    }
END
}


sub gateway {
    my ($port, $main, $server, $http) = @_;
    my $key = $http ? "key=$ENV{TEST_NGINX_ZONE_KEY}" : '';
    my $zone = $main ? "hars_zone tokens:32m ttl=1h $key;" : '';

    return <<"END";
    upstream origin {
        server unix:$dir/origin.sock;
        keepalive 8;
        keepalive_requests 1000000000;
    }
    upstream authority { server unix:$dir/authority.sock; keepalive 8; }
    $zone
$http
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_client_certificate $pki/client-ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;

        proxy_http_version 1.1;
        proxy_set_header Connection "";
$server
        location / { proxy_pass http://origin; }
    }
END
}


# one request for each token
sub load {
    my ($name, $uri, $connections, @given) = @_;

    open my $fh, '>', "$dir/tokens" or die "tokens: $!\n";
    print $fh "$_\n" for @given;
    close $fh or die "tokens: $!\n";

    open my $said, '-|', "$build/bench/tlsload", '-c', $connections, '-t',
        "$dir/tokens", '-d', 'once', '--cacert', "$pki/ca.pem", '--cert', "$pki/a.pem",
        '--key', "$pki/a.key", '--name', 'localhost',
        "127.0.0.1:$port{$name}", $uri or die "tlsload: $!\n";
    <$said>;
    close $said or die "$name $uri: not answered\n";
}


# instructions of a request by "object function"; each on a connection of its
# own, or all on one
sub count {
    my ($title, $n, $each, $case, $name, $uri, $token) = @_;
    my @run;

    # the first has what is done once, as the first touch of a page
    for my $m ($n / 10 | 0, $n, 2 * $n) {
        dump_counts($name);
        load($name, $uri, $each ? $m : 1, map { $token->($_) } 1 .. $m);
        quiet($name);
        push @run, counts(dump_counts($name));
    }

    my ($once, $twice) = @run[1, 2];
    my %by = map { $_ => ($twice->{$_} - ($once->{$_} // 0)) / $n }
             keys %$twice;
    $count{$title} = \%by;
    printf "%-12s %9.0f instructions a request\n", $title, total(\%by);
}


# until it has closed its connections, but those it keeps to the origin
sub quiet {
    my ($name) = @_;
    my ($kept, $pid) = @{ $nginx{$name} }[2, 1];

    HarsTest::Place::wait_for(20,
        sub { (() = glob "/proc/$pid/fd/*") <= $kept + 16 })
        or die "$name: connections are not closed\n";
}


# what was counted since the last time: a file
sub dump_counts {
    my ($name) = @_;
    my %before = map { $_ => 1 } glob "$dir/$name.out.*";

    system("callgrind_control --dump $nginx{$name}[1] >$dir/control 2>&1") == 0
        or die 'callgrind_control: ', content("$dir/control");

    my ($new) = grep { !$before{$_} } glob "$dir/$name.out.*";
    return $new // die 'callgrind_control: ', content("$dir/control");
}


# "Callgrind Format Specification": fn= and ob= name what the costs below them
# are of; the line behind calls= is what the callee took, counted there
sub counts {
    my ($file) = @_;
    my (%name, %by, $object, $function, $callee);

    open my $fh, '<', $file or die "$file: $!\n";

    while (my $line = <$fh>) {
        if ($line =~ /^(c?)(ob|fn)=(\(\d+\))(?: (.*))?/) {
            my ($callee, $kind, $id, $new) = ($1, $2, $3, $4);

            $name{$kind}{$id} = $new =~ s{^.*/|'\d+$}{}gr if defined $new;
            next if $callee;
            $object = $name{ob}{$id} if $kind eq 'ob';
            $function = "$object $name{fn}{$id}" if $kind eq 'fn';
        } elsif ($line =~ /^calls=/) {
            $callee = 1;
        } elsif ($line =~ /^(?:\d|[-+*]\d*)\S* (\d+)$/) {
            $by{$function} += $1 if !$callee;
            $callee = 0;
        }
    }

    return \%by;
}


sub total {
    my ($by, $pattern) = @_;
    my $sum = 0;

    $sum += $by->{$_} for grep { !$pattern || /$pattern/ } keys %$by;

    return $sum;
}


sub report {
    make_path(dirname($o{out}));
    open $table, '>', "$o{out}.txt" or die "$o{out}.txt: $!\n";

    my ($version) = `${\ HarsTest::Place::nginx()} -v 2>&1` =~ m{nginx/(\S+)};
    my $commit = `git -C $HarsTest::Place::top log -1 --format=%h` =~ s/\n//r;
    both("instructions of a request, by callgrind; nginx %s, hars %s, %s",
         $version, $commit, `openssl version` =~ s/\s*\(.*//r);

    my @cases = map { $_->[0] } @case;
    both("\n%-52s" . ' %8s' x @cases . "\n", 'object', @cases);

    my %object = map { (split)[0] => 1 } map { keys %$_ } values %count;
    row($_, "^\Q$_\E ") for sort { of($b, 'L1') <=> of($a, 'L1') }
                            grep { of($_, 'L1') >= 10 } keys %object;
    row('all', '');
    both("%-52s" . ' %8.4f' x @cases . "\n", 'x plain',
         map { total($count{$_}) / total($count{plain}) } @cases);

    both("\n%-52s" . ' %8s' x 2 . "\n", 'a handshake and a request',
         map { $_->[0] } @first);
    both("%-52s %8.0f %8.0f\n%-52s %8.4f %8.4f\n", 'all',
         map({ total($count{"first $_->[0]"}) } @first), 'x plain',
         map { total($count{"first $_->[0]"}) / total($count{'first plain'}) }
             @first);

    more('plain', $_) for grep { $_ ne 'plain' } @cases;
    more('first plain', 'first hars');

    close $table or die "$o{out}.txt: $!\n";
    print "\nwritten: $o{out}.txt\n";
}


# the functions in which one has more than the other, and those with less
sub more {
    my ($less, $case) = @_;
    my ($from, $to) = @count{$less, $case};
    my %all = map { $_ => ($to->{$_} // 0) - ($from->{$_} // 0) }
              keys %$from, keys %$to;
    my @most = sort { abs $all{$b} <=> abs $all{$a} or $a cmp $b }
               grep { abs $all{$_} >= 5 } keys %all;

    splice @most, $o{top} if @most > $o{top};
    both("\n%-52s" . ' %12s' x 2 . ' %8s' . "\n", "$case, more than $less",
         $less, $case, 'more');
    both("%-52s %12.0f %12.0f %+8.0f\n", substr($_, 0, 52), $from->{$_} // 0,
         $to->{$_} // 0, $all{$_}) for @most;
}


sub of {
    my ($object, $case) = @_;

    return total($count{$case}, "^\Q$object\E ");
}


sub row {
    my ($name, $pattern) = @_;

    both("%-52s" . ' %8.0f' x @case . "\n", $name,
         map { total($count{ $_->[0] }, $pattern) } @case);
}


# to standard output and into the table
sub both {
    my ($format, @value) = @_;

    printf $format, @value;
    printf $table $format, @value;
}


sub content {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/ = undef;
    return <$fh> // '';
}
