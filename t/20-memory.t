#!/usr/bin/perl

# A request that waited, and for whose answer there is no memory: 500, and it
# is over.  What hars_timeout set for it does not come later, when another
# location answers in its place.  Where there is no memory to ask at all, who
# waits in another worker asks at once.  The memory is kept from the module by
# a library that is loaded before it.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use IO::Socket::INET;
use Test::More;

plan skip_all => 'a sanitizer has malloc() to itself'
    if $HarsTest::Place::module =~ m{/build/(?:asan|valgrind)/};

my $shim = $ENV{TEST_NGINX_PORT_1};
my $dir = HarsTest::Place::dir();
my $token = 'token-number-1-' . 'x' x 600;

# sizes that a record with such a token has, and a flight of the longest one,
# and nothing else of a request
my %sizes = (record => [1100, 2000], flight => [4097, 4700]);
my $longest = 'token-number-2-' . 'x' x 4081;
library();

mark('page');
my $nginx = gateway(1, '1s');

HarsTest::Authority::rules({
    $token => { delay => 0.3, body => HarsTest::active() },
    $longest => { body => HarsTest::active() },
    '*' => { delay => 2, body => '"wrong"' },
});

my $s = here();
sends($s, $token);
ok(HarsTest::Place::wait_for(10, sub { asked() == 1 }), 'it waits');
mark('no-record');
ok(HarsTest::Place::wait_for(10, sub { asked() == 2 }),
   'no memory: another location answers');
unlink "$dir/no-record";

like(answer($s), qr/"wrong"/, '... once it can');
is(asked(), 2, '... and is asked once');
waiters(0);
ended();

# the worker that is to ask stands still before it hears that it cannot; its
# client is there already, since a TLS connection may be as large as a flight
$nginx = gateway(2, '60s');
my $first = here();
mark('no-flight');
sends($first, $longest);
ok(HarsTest::Place::wait_for(10, sub { -e "$dir/in-flight" }),
   'one worker is about to ask');
unlink "$dir/no-flight";
my $second = here();
sends($second, $longest);
waiters(1);
mark('go');
like(answer($first), qr{^HTTP/1.1 500 }, 'it has no memory');
like(answer($second), qr{^HTTP/1.1 200 },
     '... and the other one asks, long before its time is up');
waiters(0);
ended();

done_testing();


sub gateway {
    my ($workers, $timeout) = @_;
    my $nginx = HarsTest::Nginx->new(
        workers => $workers,
        main => HarsTest::Nginx::shim([ $shim, $ENV{TEST_NGINX_TLS_PORT},
                                        'a' ]),
        http => <<"END");
    hars_zone z:1m;
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout $timeout;
        hars_introspect /_hars/introspect;
        location = /_hars/introspect {
            internal;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        location / { error_page 500 = \@wrong; root $dir; }
        location /plain/ { alias $dir/; }
        location \@wrong {
            hars off override;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK};
        }
        location = /metrics { hars off override; hars_status; }
    }
END

    local $ENV{LD_PRELOAD} = "$dir/short.so";
    $nginx->start;

    return $nginx;
}


sub ended {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults(allow => qr/malloc\(\d+\) failed/) ], [],
              'its log holds nothing else');
}


# a connection on which a request was answered
sub here {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim)
        or die "connect: $!\n";
    my $said = '';

    syswrite $s, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    while ($said !~ /\r\n\r\n/) {
        sysread $s, $said, 4096, length $said or die "no answer\n";
    }

    return $s;
}


sub sends {
    my ($s, $token) = @_;
    my $path = $token eq $longest ? '/plain/page' : '/';

    syswrite $s, request($path, "Authorization: Bearer $token\r\n");
}


sub answer {
    my ($s) = @_;
    local $/;

    return <$s> // '';
}


sub waiters {
    my ($n) = @_;

    ok(HarsTest::Place::wait_for(10, sub {
           metrics() =~ /^hars_flight_waiters\{zone="z"\} $n$/m }),
       "$n wait");
}


sub asked { return scalar HarsTest::Authority::requests() }


sub request {
    my ($uri, $more) = @_;

    return "GET $uri HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "$more\r\n";
}


sub metrics {
    my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim)
        or die "connect: $!\n";

    syswrite $c, request('/metrics', '');
    local $/;
    return <$c>;
}


sub mark {
    my ($name) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    close $fh;
}


sub library {
    open my $fh, '>', "$dir/short.c" or die "short.c: $!\n";
    print $fh <<"END";
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);

void *
malloc(size_t size)
{
    int  n;

    if (size >= $sizes{record}[0] && size <= $sizes{record}[1]
        && access("$dir/no-record", F_OK) == 0)
    {
        return NULL;
    }

    if (size >= $sizes{flight}[0] && size <= $sizes{flight}[1]
        && access("$dir/no-flight", F_OK) == 0)
    {
        close(open("$dir/in-flight", O_CREAT | O_WRONLY, 0600));

        for (n = 0; access("$dir/go", F_OK) != 0 && n < 30000; n++) {
            usleep(1000);
        }

        return NULL;
    }

    return __libc_malloc(size);
}
END
    close $fh or die "short.c: $!\n";
    system('cc', '-shared', '-fPIC', '-o', "$dir/short.so", "$dir/short.c")
        == 0 or die "short.so cannot be made\n";
}
