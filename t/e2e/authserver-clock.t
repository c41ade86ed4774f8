#!/usr/bin/perl

# What the authorization server does each so many seconds, after the clock of
# the day was set back: it takes what has ended out of database and Redis as
# it did before, not hours later.  The clock is the test's (libfaketime).

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth start_redis redis);

my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
my $certs = 'hars:{revoked}certs';

BAIL_OUT("$program is not there: make all") unless -x $program;

if (!$faketime) {
    fail('libfaketime is there');
    diag('make deps-test');
    done_testing();
    exit;
}

clock(0);
prepare();
{
    local $ENV{FAKETIME_TIMESTAMP_FILE} = "$dir/clock";
    local $ENV{FAKETIME_NO_CACHE} = 1;
    local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
    local $ENV{LD_PRELOAD} = $faketime;
    start();
}

swept(7200, 'two hours later');
swept(5000, 'the clock is set back, and a token later');

is(ended('authserver', 'TERM'), 0, 'a clean end');
unlike(content("$dir/authserver.log"), qr/Sanitizer|runtime error/,
       'no sanitizer had a word');
done_testing();


sub prepare {
    write_file("$_.key", join('', map { sprintf '%02x', rand 256 } 1 .. 32)
               . "\n", 0600) for qw(zone seal);
    pki('authorities');
    certificate('dcm-1');

    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
redis = unix:$dir/redis.sock
zone_key = $dir/zone.key
seal_key = $dir/seal.key
END

    my ($rc, $said) = as('client', 'add', '--id', 'dcm-1', '--kind',
                         'service', '--subject-dn',
                         'CN=dcm-1,O=HARS Gateway demo', '--resource',
                         'https://ml.hars.localhost/');
    $rc == 0 or BAIL_OUT("client add: $said");

    start_redis();
}


# a token of now and a certificate that has ended, both gone that much later
sub swept {
    my ($ahead, $when) = @_;

    clock(0);
    my $token = token('dcm-1');
    ok(kept($token), 'a token is in the database');
    is(redis('ZADD', $certs, time - 86400, 'B' x 43), 1,
       'a certificate in Redis');

    clock($ahead);
    ok(wait_for(sub { !kept($token) }), "$when it is gone");
    ok(wait_for(sub { !defined redis('ZSCORE', $certs, 'B' x 43) }),
       '... and the certificate');
}


# seconds from now on, for the server
sub clock {
    write_file('clock.new', "+$_[0]\n");
    rename "$dir/clock.new", "$dir/clock" or die "clock: $!\n";
}


sub kept { return (as('token', 'show', $_[0]))[1] !~ /there is no such token/ }
