package HarsBench::Contender;

# Who is measured: an nginx with one worker on core 0 that speaks mTLS 1.3,
# and what checks the token there.  Apache is HarsBench::Apache, with the same
# methods.
#
#   my $c = HarsBench::Contender->new('hars', zone => '32m', workers => 2);
#   $c->start;  $c->verify;  $c->port;  $c->workers;
#   my @faults = $c->stop;
#
# Options: zone, the size of what remembers tokens; workers; http2; resumption
# (session tickets); slow (the authority that takes 50 ms); redis: "filled",
# the records are put there by asking at /fill, or "own", by hars-authserver;
# under, what gives the command that nginx runs under, as one process, by its
# directory.

use strict;
use warnings;

use HarsTest::Nginx;

use HarsBench::Apache;
use HarsBench::Behind;
use HarsBench::Nginx;
use HarsBench::Run;

# in the order of the tables; "binding": whether it is checked
our @all = qw(plain hars auth_request lua apache);
my %binding = (plain => 0, hars => 1, auth_request => 0, lua => 1,
               apache => 1);
my %check = (plain => sub { () }, hars => \&ours,
             auth_request => \&auth_request, lua => \&lua);


sub new {
    my ($class, $name, %o) = @_;
    my ($i) = grep { $all[$_] eq $name } 0 .. $#all;
    my $self = { zone => '32m', workers => 1, %o, name => $name,
                 port => HarsTest::Place::port(8 + $i) };

    return bless $self, $name eq 'apache' ? 'HarsBench::Apache' : $class;
}


sub binding { return $binding{$_[0]} }
sub name    { return $_[0]{name} }
sub port    { return $_[0]{port} }
sub workers { return $_[0]{pid} // $_[0]{nginx}->workers }
sub dir     { return $_[0]{nginx}->dir }


sub start {
    my ($self) = @_;

    $self->{nginx} = HarsTest::Nginx->new(conf => $self->conf);
    return $self->start_under if $self->{under};
    $self->{nginx}->start;
    HarsTest::Place::wait_for(10,
        sub { return $self->workers == $self->{workers} })
        or die "$self->{name}: workers do not start\n";
}


sub start_under {
    my ($self) = @_;
    my $at = $self->dir;
    my $pid = $self->{pid} = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$at/logs/said";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', $self->{under}->($at),
            $self->{nginx}->command('-g', 'daemon off; master_process off;');
        die "$self->{name}: $!\n";
    }

    HarsTest::Place::wait_for(60, sub {
        return HarsTest::Place::is_gone($pid)
            || IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port});
    }) && !HarsTest::Place::is_gone($pid)
        or die "$self->{name} does not start: ", content("$at/logs/said"),
               content("$at/logs/error.log"), "\n";
}


sub quit_under {
    my ($self) = @_;
    my $pid = delete $self->{pid};

    kill 'QUIT', $pid;
    my $ended = HarsTest::Place::wait_for(20,
        sub { HarsTest::Place::is_gone($pid) });
    kill 'KILL', $pid if !$ended;
    waitpid $pid, 0;

    return $ended;
}


# what was wrong, if anything
sub stop {
    my ($self) = @_;
    my @fault;
    my $quit = $self->{pid} ? $self->quit_under : $self->{nginx}->quit;

    $quit or push @fault, "$self->{name} does not end";
    push @fault, map { "$self->{name}: $_" } $self->{nginx}->faults;
    system('rm', '-rf', $self->dir . '/cache');

    return @fault;
}


# that it does what it stands for
sub verify {
    my ($self) = @_;
    my $wanted = binding($self->{name}) ? 401 : 200;
    my $bound = $self->asked('a');
    my $other = $self->asked('b');

    die "$self->{name}: $bound for a token that is good\n" if $bound != 200;
    die "$self->{name}: $other for the token of another certificate,"
        . " not $wanted\n" if $other != $wanted;
}


# the status of an answer
sub asked {
    my ($self, $cert, $path, $token) = @_;

    $path //= '/';
    $token //= 'one-token';

    return said('curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}',
                '--max-time', 10, '--cacert', "$pki/ca.pem",
                '--cert', "$pki/$cert.pem", '--key', "$pki/$cert.key",
                '-H', "Authorization: Bearer $token", '--resolve',
                "localhost:$self->{port}:127.0.0.1",
                "https://localhost:$self->{port}$path");
}


sub conf {
    my ($self) = @_;
    my %check = $check{$self->{name}}->($self);
    my $kept = 2 * $o{connections};
    my $authority = $self->{slow} ? HarsBench::Behind::slow()
                                  : HarsBench::Behind::authority();
    my $answers = $self->answers;
    my $http2 = $self->{http2} ? ' http2' : '';
    my $tickets = $self->{resumption} ? 'on' : 'off';
    # the first core, and the second for every other worker
    my $cores = join ' ', map { $_ % 2 ? '10' : '01' }
        0 .. $self->{workers} - 1;

    $check{$_} //= '' for qw(main http server location open);

    return HarsBench::Nginx::conf(<<"MAIN", 16384, <<"HTTP");
$check{main}
worker_processes $self->{workers};
worker_cpu_affinity $cores;
MAIN
    upstream origin {
        server ${\ HarsBench::Behind::origin()};
        keepalive $kept;
        keepalive_requests 1000000000;
    }
    upstream authority {
        server $authority;
        keepalive $kept;
        keepalive_requests 1000000000;
    }
$check{http}
    server {
        listen 127.0.0.1:$self->{port} ssl$http2 backlog=4096;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_client_certificate $pki/client-ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        ssl_session_tickets $tickets;
        ssl_session_cache off;

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_max_temp_file_size 0;
$check{server}
        location / {
$check{location}
            proxy_pass http://$answers;
        }
        location = /open {
            proxy_pass http://origin;
        }
    }
HTTP
}


# Plain nginx asks nobody about a token: with a slow authority it is the origin
# of "/" that is as slow.
sub answers {
    my ($self) = @_;

    return $self->{slow} && $self->{name} eq 'plain' ? 'authority' : 'origin';
}


sub ours {
    my ($self) = @_;
    my $override = $self->{resumption} ? '        hars_override resumption;'
                                       : '';
    my %conf = (
        main => "load_module $HarsTest::Place::module;",
        http => "    hars_zone tokens:$self->{zone} ttl=1h;",
        location => '            hars on;',
        server => <<"END");
$override
        hars_introspect /_introspect max=1024;
        location = /_introspect {
            internal;
            proxy_pass http://authority;
        }
END

    return $self->{redis} ? (%conf, redis($self)) : %conf;
}


# No token that Redis does not know is believed: the authority of "location /"
# is a socket where nobody listens.
sub redis {
    my ($self) = @_;
    my $redis = 'unix:' . HarsTest::Redis::socket_path();
    my $key = $ENV{TEST_NGINX_ZONE_KEY};
    my $id = 'issuer=https://auth.hars.localhost caller=gateway';
    my @zone = ('tokens', $self->{redis} eq 'filled' ? 'fill' : ());
    my $fill = $self->{redis} eq 'filled' ? <<"END" : '';
        location = /_introspect_fill {
            internal;
            proxy_pass http://authority;
        }
        location = /fill {
            hars on;
            hars_introspect /_introspect_fill zone=fill $id max=1024;
            proxy_pass http://origin;
        }
END

    return (
        http => join('', map { <<"END" } @zone)
    hars_zone $_:$self->{zone} ttl=1h key=$key;
    hars_redis $_ $redis;
END
            . "    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};",
        server => <<"END");
        hars_introspect /_introspect zone=tokens $id;
        location = /_introspect {
            internal;
            proxy_pass http://unix:$dir/dead.sock;
        }
$fill
END
}


# the verdict is the status of the authority's answer: no binding, no claims
sub auth_request {
    my ($self) = @_;

    return (
        http => "    proxy_cache_path cache keys_zone=tokens:$self->{zone}"
            . ' inactive=1d;',
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
    my ($self) = @_;

    return (
        main => "load_module $modules/ndk_http_module.so;\n"
            . "load_module $modules/ngx_http_lua_module.so;",
        location => '            access_by_lua_block { check() }',
        http => "    lua_shared_dict tokens $self->{zone};\n" . <<'END',
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
        server => <<'END');
        location = /_introspect {
            internal;
            proxy_pass http://authority;
        }
END
}

1;
