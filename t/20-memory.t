#!/usr/bin/perl

# A request that waited, and for whose answer there is no memory: 500, and it
# is over.  What hars_timeout set for it does not come later, when another
# location answers in its place.  The memory is kept from the module by a
# library that is loaded before it.

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

# sizes that a record with such a token has, and nothing else of a request
short_library(1100, 2000);

my $nginx = HarsTest::Nginx->new(
    main => HarsTest::Nginx::shim([ $shim, $ENV{TEST_NGINX_TLS_PORT}, 'a' ]),
    http => <<"END");
    hars_zone z:1m;
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout 1s;
        hars_introspect /_hars/introspect;
        location = /_hars/introspect {
            internal;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        location / { error_page 500 = \@wrong; root $dir; }
        location \@wrong {
            hars off override;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK};
        }
        location = /metrics { hars off override; hars_status; }
    }
END

{
    local $ENV{LD_PRELOAD} = "$dir/short.so";
    $nginx->start;
}

HarsTest::Authority::rules({
    $token => { delay => 0.3, body => HarsTest::active() },
    '*' => { delay => 2, body => '"wrong"' },
});

my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim)
    or die "connect: $!\n";
syswrite $s, request('/', "Authorization: Bearer $token\r\n");
ok(HarsTest::Place::wait_for(10, sub { asked() == 1 }), 'it waits');
short(1);
ok(HarsTest::Place::wait_for(10, sub { asked() == 2 }),
   'no memory: another location answers');
short(0);

my $said = do { local $/; <$s> } // '';
like($said, qr/"wrong"/, '... once it can');
is(asked(), 2, '... and is asked once');
like(metrics(), qr/^hars_flight_waiters\{zone="z"\} 0$/m, 'nobody waits');

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(allow => qr/malloc\(\d+\) failed/) ], [],
          'its log holds nothing else');

done_testing();


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


sub short {
    my ($on) = @_;

    return unlink "$dir/short" if !$on;

    open my $fh, '>', "$dir/short" or die "short: $!\n";
    close $fh;
}


sub short_library {
    my ($least, $most) = @_;

    open my $fh, '>', "$dir/short.c" or die "short.c: $!\n";
    print $fh <<"END";
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);

void *
malloc(size_t size)
{
    if (size >= $least && size <= $most && access("$dir/short", F_OK) == 0) {
        return NULL;
    }

    return __libc_malloc(size);
}
END
    close $fh or die "short.c: $!\n";
    system('cc', '-shared', '-fPIC', '-o', "$dir/short.so", "$dir/short.c")
        == 0 or die "short.so cannot be made\n";
}
