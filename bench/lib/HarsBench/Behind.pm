package HarsBench::Behind;

# What lies behind the contenders, one nginx on core 1: the origin, with
# answers of 1 KB and at /1m of 1 MB, and two authorities that know every token
# as bound to the certificate of "a": one answers at once, one after 50 ms.  Its
# answers are of usual length: sub and client_id of 36 bytes, scope and aud of
# 32 and 31, issuer of 26.

use strict;
use warnings;

use HarsTest::Nginx;

use HarsBench::Nginx;
use HarsBench::Run;

use constant DELAY => 0.05;       # s

my $exp = time + 86_400 | 0;
my $nginx;


# addresses for proxy_pass; Apache's module asks by TCP alone
sub origin    { return "unix:$dir/origin.sock" }
sub authority { return "unix:$dir/authority.sock" }
sub slow      { return "unix:$dir/slow.sock" }
sub tcp       { return '127.0.0.1:' . HarsTest::Place::port($_[0] ? 14 : 13) }


sub start {
    $nginx = HarsTest::Nginx->new(conf => conf());
    $nginx->start;

    open my $fh, '>', $nginx->dir . '/1m' or die "1m: $!\n";
    print $fh 'x' x 1_048_576;
    close $fh or die "1m: $!\n";
}


# what was wrong, if anything
sub stop {
    return 'the origin does not end' if !$nginx->quit;
    return map { "origin: $_" } $nginx->faults;
}


sub worker { return ($nginx->workers)[0] }


# bytes of the log of the authority that answers at once
sub asked {
    return -s $nginx->dir . '/logs/asked';
}


sub conf {
    my $body = 'x' x 1023 . '\n';
    my $binding = HarsTest::Place::thumbprint('a');
    my $answer = '{"active":true,"exp":' . $exp . ',"client_id":"1b6d7b5e-'
        . '6f0c-4a5e-9d5b-2f1a4c7e8d90","sub":"7c9e6679-7425-40de-944b-e07f'
        . 'c1f90ae7","scope":"ml:recognize recordings:write ml","aud":'
        . '"https://api.ml.hars.example/v1/","iss":"https://auth.hars.example'
        . '/","cnf":{"x5t#S256":"' . $binding . '"}}';
    my ($tcp, $slow_tcp, $delay) = (tcp(0), tcp(1), DELAY);

    return HarsBench::Nginx::conf(<<"MAIN", 8192, <<"HTTP");
load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
worker_processes 1;
worker_cpu_affinity 10;
MAIN
    sendfile on;
    server {
        listen ${\ origin()} backlog=4096;
        location / { return 200 "$body"; }
        location = /1m { root .; }
    }
    server {
        listen ${\ authority()} backlog=4096;
        listen $tcp backlog=4096;
        access_log logs/asked;
        default_type application/json;
        location / {
            return 200 '$answer';
        }
    }
    server {
        listen ${\ slow()} backlog=4096;
        listen $slow_tcp backlog=4096;
        default_type application/json;
        location / {
            content_by_lua_block {
                ngx.req.read_body()
                ngx.sleep($delay * (0.9 + 0.2 * math.random()))
                ngx.header["Content-Length"] = ${\ length $answer}
                ngx.print('$answer')
            }
        }
    }
HTTP
}

1;
