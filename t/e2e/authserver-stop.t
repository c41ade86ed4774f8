#!/usr/bin/perl

# SIGTERM while tokens are requested: the authorization server answers what it
# has, ends with status 0, and each token that it gave out is in the database.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;

my $rounds = 4;
my $clients = 16;
my $issuer = 'https://auth.hars.localhost';

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
my $given = 0;

for my $round (1 .. $rounds) {
    start();

    my @busy = map { busy() } 1 .. $clients;
    ok(wait_for(sub { return !grep { !-s $_->{file} } @busy }),
       "$clients connections get tokens");

    is(ended('authserver', 'TERM'), 0, "... and SIGTERM ends it, $round");

    waitpid $_->{pid}, 0 for @busy;
    $given += -s $_->{file} for @busy;
    unlink map { $_->{file} } @busy;
}

my $log = content("$dir/authserver.log");
unlike($log, qr/libmicrohttpd|Sanitizer|runtime error/, 'nothing went wrong');

SKIP: {
    skip 'the database is no file', 2 if $database ne "$dir/as.db";

    my ($rc, $said) = run('python3', '-c', 'import sqlite3, sys; '
                          . 'print(sqlite3.connect(sys.argv[1]).execute('
                          . '"SELECT count(*) FROM token").fetchone()[0])',
                          $database);
    is($rc, 0, 'the database is there') or diag($said);
    cmp_ok($given, '<=', $said, "it has each of the $given tokens");
}

done_testing();


sub prepare {
    write_file("$_.key", join('', map { sprintf '%02x', rand 256 } 1 .. 32)
               . "\n", 0600) for qw(zone seal);
    pki('authorities');
    certificate('gateway');
    certificate('dcm-1');

    write_file('as.conf', <<"END");
issuer = $issuer
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
zone_key = $dir/zone.key
seal_key = $dir/seal.key
END

    for (['gateway', 'resource_server'], ['dcm-1', 'service']) {
        my ($id, $kind) = @$_;
        my ($rc, $said) = as('client', 'add', '--id', $id, '--kind', $kind,
                             '--subject-dn', "CN=$id,O=HARS Gateway demo",
                             '--resource', 'https://ml.hars.localhost/');
        $rc == 0 or BAIL_OUT("client add: $said");
    }
}


# asks on one connection until it ends; a byte in the file for each token
sub busy {
    my $file = "$dir/busy." . ++(our $n);
    my $body = 'grant_type=client_credentials&client_id=dcm-1';
    my $request = join "\r\n", 'POST /oauth2/token HTTP/1.1', 'Host: as',
        'Content-Type: application/x-www-form-urlencoded', $cert{'dcm-1'},
        'Content-Length: ' . length $body, '', $body;
    my $pid = fork // die "fork: $!\n";

    return { pid => $pid, file => $file } if $pid;

    $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
    $SIG{PIPE} = 'IGNORE';
    open my $fh, '>', $file or POSIX::_exit(1);
    my $s = IO::Socket::UNIX->new(Peer => "$dir/public.sock")
        or POSIX::_exit(1);

    while (syswrite $s, $request) {
        sysread $s, my $answer, 65536 or last;
        syswrite $fh, '.' if $answer =~ m{^HTTP/1\.1 200 };
    }

    POSIX::_exit(0);
}
