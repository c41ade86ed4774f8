#!/usr/bin/perl

# What a gateway costs over plain nginx, by what checks the token: nothing
# (the limit for any module), ours, auth_request with proxy_cache, and Lua
# (access_by_lua with a shared dict and a check of cnf).
#
#   perl -I t/lib bench/gateway.pl [OPTION...]
#
#   --quick            3 rounds of 0.6 s, into build/bench/results
#   --rounds N         each measurement in turn, so often (7)
#   --seconds N        of each measurement (2)
#   --connections N    of the generator (64)
#   --tokens N         where many are in use (10000)
#   --only PATTERN     figures whose names match
#   --out FILE         where the table is written, too (bench/results/gateway)
#
# Each contender is an nginx of its own with one worker on core 0; on core 1
# are the generator (bench/tlsload.c), and one nginx that is what lies behind
# and the authorization server.  All speak mTLS 1.3 with kept connections and
# proxy the same way; all believe an answer for an hour and have asked about
# every token before anything is measured.  A round takes each contender once,
# so that whatever else the machine does meets all of them.
#
# CPU is the time of the worker on its core (schedstat) by answer, as fast as
# it goes; "x plain" is the ratio to plain nginx of the same round.  Both are
# medians with the lowest and highest.  The times of an answer are at 70 % of
# what the contender did in the same round, from the moment when the request
# was to be sent.  "own" is the part of core 1 that the generator took.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 0;
use HarsTest::Nginx;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use Getopt::Long;
use POSIX ();
use Time::HiRes qw(time);

my %o = (rounds => 7, seconds => 2, connections => 64, tokens => 10_000);
GetOptions(\%o, 'quick', 'rounds=i', 'seconds=f', 'connections=i', 'tokens=i',
           'only=s', 'out=s')
    && !@ARGV && $o{rounds} > 0 && $o{seconds} > 0
    && $o{tokens} >= $o{connections} && $o{connections} > 0
    or die "see the head of $0\n";

my $top = $HarsTest::Place::top;
my $build = $HarsTest::Place::build;
my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $modules = HarsTest::Place::modules_path();
my $binding = HarsTest::Place::thumbprint('a');
my $exp = time + 86_400 | 0;
my $load = 0.7;
my ($busy) = split ' ', content('/proc/loadavg');
my $nice = getpriority 0, 0;
my (%nginx, %port, %got, $origin, $table);

$o{out} //= $o{quick} ? "$build/bench/results/gateway"
                      : "$top/bench/results/gateway";
@o{qw(rounds seconds)} = (3, 0.6) if $o{quick};

my @contender = (
    { name => 'plain', binding => 0 },
    { name => 'hars', binding => 1, ours() },
    { name => 'auth_request', binding => 0, auth_request() },
    { name => 'lua', binding => 1, lua() },
);

my @figure = grep { !defined $o{only} || $_->{name} =~ /$o{only}/ } (
    { name => 'one token', tokens => 'one', draw => 'random' },
    { name => "$o{tokens} tokens", tokens => 'many', draw => 'random' },
    { name => 'a token for each connection', tokens => 'many',
      draw => 'each' },
);

$| = 1;
die "two cores are needed, one for the worker and one for all else\n"
    if said('getconf', '_NPROCESSORS_ONLN') < 2;
die "no figure matches --only $o{only}\n" if !@figure;

build();
tokens();
start();
verify();
rounds();
report();
stop();

exit 0;


sub build {
    system('make', '-s', '-C', $top, "BUILD=$build", 'module',
           "$build/bench/tlsload") == 0
        or die "the build failed\n";

    for my $module (qw(ndk_http_module ngx_http_lua_module)) {
        -e "$modules/$module.so"
            or die "$module is not installed: scripts/install-packages.sh"
                   . " bench\n";
    }
}


# standard output of a command that has to succeed
sub said {
    open my $fh, '-|', @_ or die "$_[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "@_: failed\n";

    return $said;
}


sub tokens {
    for (['one', 1], ['many', $o{tokens}]) {
        my ($name, $n) = @$_;

        open my $fh, '>', "$dir/$name.tokens" or die "$name.tokens: $!\n";
        printf $fh "hats_at_%08d-Zx93kQpL0aVbN7cTyUeR2wKd5sHgJm1f\n", $_
            for 1 .. $n;
        close $fh or die "$name.tokens: $!\n";
    }
}


sub start {
    $origin = HarsTest::Nginx->new(conf => conf('10', '', origin()));
    $origin->start;

    for my $i (0 .. $#contender) {
        my $c = $contender[$i];

        $port{$c->{name}} = HarsTest::Place::port(8 + $i);
        $nginx{$c->{name}} = HarsTest::Nginx->new(
            conf => conf('01', $c->{main} // '', gateway($c)));
        $nginx{$c->{name}}->start;
    }
}


sub stop {
    my @fault;

    for my $name (sort keys %nginx) {
        $nginx{$name}->quit or push @fault, "$name does not end";
        push @fault, map { "$name: $_" } $nginx{$name}->faults;
    }

    $origin->quit or push @fault, 'the origin does not end';
    die join "\n", 'what is measured had faults:', @fault, '' if @fault;
}


sub conf {
    my ($cores, $main, $http) = @_;
    my $user = $> == 0 ? 'user root;' : '';

    return <<"END";
$main
$user
worker_processes 1;
worker_cpu_affinity $cores;
pid logs/nginx.pid;
error_log logs/error.log notice;

events {
    worker_connections 4096;
}

http {
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path tmp_body;
    proxy_temp_path tmp_proxy;
    fastcgi_temp_path tmp_fastcgi;
    uwsgi_temp_path tmp_uwsgi;
    scgi_temp_path tmp_scgi;
$http
}
END
}


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
        access_log logs/asked;
        default_type application/json;
        location / {
            return 200 '{"active":true,"exp":$exp,"client_id":"client-a","cnf":{"x5t#S256":"$binding"}}';
        }
    }
END
}


sub gateway {
    my ($c) = @_;
    my $http = $c->{http} // '';
    my $server = $c->{server} // '';
    my $location = $c->{location} // '';
    my $kept = 2 * $o{connections};

    return <<"END";
    upstream origin {
        server unix:$dir/origin.sock;
        keepalive $kept;
        keepalive_requests 1000000000;
    }
    upstream authority {
        server unix:$dir/authority.sock;
        keepalive $kept;
        keepalive_requests 1000000000;
    }
$http
    server {
        listen 127.0.0.1:$port{$c->{name}} ssl;
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
        location / {
$location
            proxy_pass http://origin;
        }
    }
END
}


sub ours {
    return (
        main => "load_module $HarsTest::Place::module;",
        http => '    hars_zone tokens:32m ttl=1h;',
        location => '            hars on;',
        server => <<'END');
        hars_introspect /_introspect;
        location = /_introspect {
            internal;
            proxy_pass http://authority;
        }
END
}


# the verdict is the status of the authority's answer: no binding, no claims
sub auth_request {
    return (
        http => '    proxy_cache_path cache keys_zone=tokens:32m inactive=1d;',
        location => '            auth_request /_introspect;',
        server => <<'END');
        location = /_introspect {
            internal;
            proxy_method POST;
            proxy_set_header Content-Type application/x-www-form-urlencoded;
            proxy_set_header Content-Length "";
            proxy_set_body token=$http_authorization;
            proxy_cache tokens;
            proxy_cache_key $http_authorization;
            proxy_cache_valid 200 1h;
            proxy_cache_lock on;
            proxy_pass http://authority;
        }
END
}


# The thumbprint of a certificate is computed once for a worker, as somebody
# who minds speed would do; the dict holds "exp thumbprint" by token.
sub lua {
    return (
        main => "load_module $modules/ndk_http_module.so;\n"
            . "load_module $modules/ngx_http_lua_module.so;",
        location => '            access_by_lua_block { check() }',
        http => <<'END', server => <<'END2');
    lua_shared_dict tokens 32m;
    init_by_lua_block {
        local ffi = require "ffi"
        local cjson = require "cjson.safe"
        local ssl = require "ngx.ssl"
        local b64 = require "ngx.base64"
        local prints = require("resty.lrucache").new(1000)

        ffi.cdef[[
            unsigned char *SHA256(const unsigned char *d, size_t n,
                                  unsigned char *md);
        ]]

        local function thumbprint(pem)
            local seen = prints:get(pem)
            if seen then return seen end
            local der = ssl.cert_pem_to_der(pem)
            if not der then return nil end
            local md = ffi.new("unsigned char[32]")
            ffi.C.SHA256(der, #der, md)
            local x5t = b64.encode_base64url(ffi.string(md, 32))
            prints:set(pem, x5t)
            return x5t
        end

        local function introspect(token)
            local said = ngx.location.capture("/_introspect", {
                method = ngx.HTTP_POST,
                body = "token=" .. ngx.escape_uri(token) })
            if said.status ~= 200 then return ngx.exit(503) end
            local t = cjson.decode(said.body)
            if not t then return ngx.exit(503) end
            local cnf = t.cnf and t.cnf["x5t#S256"]
            if t.active ~= true or not cnf or not t.exp then
                return ngx.exit(401)
            end
            local record = t.exp .. " " .. cnf
            ngx.shared.tokens:set(token, record, 3600)
            return record
        end

        function check()
            local given = ngx.var.http_authorization
            local token = given and given:match("^[Bb]earer +([^ ]+)$")
            local pem = ngx.var.ssl_client_raw_cert
            if not token or not pem then return ngx.exit(401) end
            local record = ngx.shared.tokens:get(token) or introspect(token)
            local exp, cnf = record:match("^(%d+) (.+)$")
            if tonumber(exp) <= ngx.time() or cnf ~= thumbprint(pem) then
                return ngx.exit(401)
            end
        end
    }
END
        location = /_introspect {
            internal;
            proxy_pass http://authority;
        }
END2
}


# that each one does what it stands for, before it is measured
sub verify {
    for my $c (@contender) {
        my $wanted = $c->{binding} ? 401 : 200;
        my $bound = asked($c, 'a', 'one-token');
        my $other = asked($c, 'b', 'one-token');

        die "$c->{name}: $bound for a token that is good\n" if $bound != 200;
        die "$c->{name}: $other for the token of another certificate,"
            . " not $wanted\n" if $other != $wanted;
    }
}


sub asked {
    my ($c, $cert, $token) = @_;

    return said('curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}',
                '--max-time', 10, '--cacert', "$pki/ca.pem",
                '--cert', "$pki/$cert.pem", '--key', "$pki/$cert.key",
                '-H', "Authorization: Bearer $token", '--resolve',
                "localhost:$port{$c->{name}}:127.0.0.1",
                "https://localhost:$port{$c->{name}}/");
}


sub rounds {
    for my $f (@figure) {
        generate($_, $f, '-d', 'once') for @contender;

        for my $round (1 .. $o{rounds}) {
            # none always comes behind the same one
            for my $c (map { $contender[($_ + $round) % @contender] }
                       0 .. $#contender)
            {
                printf "\r%s, round %d of %d: %-30s", $f->{name}, $round,
                    $o{rounds}, $c->{name} if -t STDOUT;
                measure($f, $c, $round);
            }
        }
    }
    printf "\r%-78s\r", '' if -t STDOUT;
}


# nobody may ask the authority: each one has an answer about every token
sub measure {
    my ($f, $c, $round) = @_;
    my $asked = asked_so_far();
    my @how = ('-d', $f->{draw}, '-S', $round, '-s', $o{seconds},
               '-w', $o{seconds} / 4);
    my $fast = generate($c, $f, @how);
    my $even = generate($c, $f, @how, '-r', $load * $fast->{per_second});
    my $got = $got{$f->{name}}{$c->{name}} //= {};

    die "$c->{name}: asks again about tokens that it knows\n"
        if asked_so_far() != $asked;

    push @{ $got->{$_} }, $fast->{$_} for qw(cpu_us per_second own);
    push @{ $got->{$_} }, $even->{$_} for qw(p50_us p99_us p999_us);
}


# bytes of the authority's log
sub asked_so_far {
    return -s $origin->dir . '/logs/asked';
}


# what the generator says: a hash
sub generate {
    my ($c, $f, @how) = @_;
    my ($worker) = $nginx{$c->{name}}->workers;
    my $said = said('taskset', '-c', 1, "$build/bench/tlsload", '-c',
                    $o{connections}, '-t', "$dir/$f->{tokens}.tokens",
                    '-p', $worker, '--cacert', "$pki/ca.pem", '--cert',
                    "$pki/a.pem", '--key', "$pki/a.key", '--name',
                    'localhost', @how, "127.0.0.1:$port{$c->{name}}", '/');

    return { map { split /=/ } split ' ', $said };
}


sub report {
    make_path(dirname($o{out}));
    open $table, '>', "$o{out}.txt" or die "$o{out}.txt: $!\n";

    machine();

    for my $f (@figure) {
        both("\n%-30s %8s %15s %7s %13s %8s %8s %8s %8s %5s\n", $f->{name},
             'CPU, us', '', 'x plain', '', 'a second', 'p50, us', 'p99',
             'p99.9', 'own');
        row($f, $_) for @contender;
    }

    close $table or die "$o{out}.txt: $!\n";
    print "\nwritten: $o{out}.txt\n";
}


sub row {
    my ($f, $c) = @_;
    my ($mine, $plain) = @{ $got{$f->{name}} }{$c->{name}, 'plain'};
    my $ratio = [ map { $mine->{cpu_us}[$_] / $plain->{cpu_us}[$_] }
                  0 .. $o{rounds} - 1 ];
    my $own = median($mine->{own});

    both("  %-28s %8.2f %15s %7.3f %13s %8.0f %8.0f %8.0f %8.0f %5.2f%s\n",
         $c->{name} . ($c->{binding} ? '' : ', no binding'),
         median($mine->{cpu_us}), spread('%.1f', $mine->{cpu_us}),
         median($ratio), spread('%.2f', $ratio),
         map({ median($mine->{$_}) } qw(per_second p50_us p99_us p999_us)),
         $own, $own > 0.6 ? ' !' : '');
}


sub machine {
    my ($uname) = join ' ', (POSIX::uname())[0, 2, 4];
    my ($cpu) = content('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($version) = `${\ HarsTest::Place::nginx()} -v 2>&1` =~ m{nginx/(\S+)};
    my $lua = said('dpkg-query', '-W', '-f', '${Version}',
                   'libnginx-mod-http-lua');
    my $commit = said('git', '-C', $top, 'log', '-1', '--format=%h', '--',
                      'ngx_hars_module', 'common');

    chomp $commit;
    both("%s, %d rounds of %g s, %d connections, 1 KB\n",
         POSIX::strftime('%F %R UTC', gmtime), @o{qw(rounds seconds
                                                     connections)});
    both("%s, %d cores, %s, load average before %s%s\n",
         $cpu // 'unknown processor', said('getconf', '_NPROCESSORS_ONLN'),
         $uname, $busy, $nice ? ", nice $nice: the times of an answer are"
         . " not to be had" : '');
    both("nginx %s, hars %s, lua %s, %s\n", $version, $commit, $lua,
         said('openssl', 'version') =~ s/\s*\(.*//sr);
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


sub median {
    my @sorted = sort { $a <=> $b } @{ $_[0] };
    my $half = @sorted / 2;

    return @sorted % 2 ? $sorted[$half]
                       : ($sorted[$half - 1] + $sorted[$half]) / 2;
}


sub spread {
    my ($format, $values) = @_;
    my @sorted = sort { $a <=> $b } @$values;

    return sprintf "($format, $format)", @sorted[0, -1];
}
