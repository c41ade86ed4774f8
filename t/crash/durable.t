#!/usr/bin/perl

# An answer comes after the disk has what it says: the system calls of the
# server (of PostgreSQL: of its backend) in their order. kill.t cannot see it,
# since what a process wrote outlives the process.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth !issue);

my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $postgres = $HarsTest::EndToEnd::postgres;

BAIL_OUT("$program is not there: make all") unless -x $program;

# others may not look at a process that they did not start
plan skip_all => 'kernel.yama.ptrace_scope forbids strace -p'
    if $> && (content('/proc/sys/kernel/yama/ptrace_scope') // 0) > 0;

prepare();

# one each before, so that no connection is new
my $token = token('dcm-1');
my @traced = $postgres ? backends() : $child{authserver};

durable('a token', sub { like(token('dcm-1'), qr/^hats_at_/, 'a token') });
durable('a revocation', sub {
    is((revoke('dcm-1', token => $token))[0], 200, 'a revocation');
});

is(ended('authserver', 'TERM'), 0, 'the server stops');
done_testing();


sub prepare {
    pki('authorities');
    certificate('dcm-1');
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END
    as('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
       '--resource', $ml);
    as('client', 'add', '--id', 'dcm-1', '--kind', 'service', '--resource',
       $ml, '--subject-dn', "CN=dcm-1,$o", '--scope', 'ml:recognize');
    start();
}


sub backends {
    return split /\n/, $postgres->sql('SELECT pid FROM pg_stat_activity WHERE'
                                      . " datname = 'hars'");
}


# the answer of the server is sent after its disk has answered, to a thread
# that may not be the one that sends it; PostgreSQL's
# is "COMMIT" to the server, which waits for it
sub durable {
    my ($what, $do) = @_;
    my $sent = $postgres ? qr/"C\\0\\0\\0\\vCOMMIT/ : qr/HTTP\/1\.1 200/;

    unlink "$dir/trace";
    launch('strace', 'strace', '-f', '-y', '-s', 32, '-e',
           'trace=fdatasync,fsync,sendto,sendmsg,write,writev', '-o',
           "$dir/trace", map { ('-p', $_) } @traced);
    wait_for(sub {
        return @traced == grep { content("/proc/$_/status")
                                 =~ /^TracerPid:\t[1-9]/m } @traced;
    }) or BAIL_OUT('strace: ' . content("$dir/strace.log"));

    $do->();
    wait_for(sub { (content("$dir/trace") // '') =~ $sent }, 5);
    ended('strace', 'TERM');

    # a sweep that finds nothing has nothing for the disk
    my ($changed, $synced, @early, %syncing) = (!$postgres, 0);
    my $answers = 0;
    for my $line (split /\n/, content("$dir/trace")) {
        ($changed, $synced) = (1, 0)
            if $postgres && $line =~ /"2.*C.*(?:INSERT 0|UPDATE) [1-9]/;
        my ($pid) = $line =~ /^(\d+)/;
        $syncing{$pid} = 1
            if $line =~ /\bf(?:data)?sync\(\d+<[^>]*(?:as\.db-wal|pg_wal\/\w+)>/;
        $synced = 1
            if $syncing{$pid} && $line =~ /\bf(?:data)?sync\b.*\)\s*= 0/
               && delete $syncing{$pid};

        if ($changed && $line =~ $sent) {
            $answers++;
            push @early, $line if !$synced;
            $changed = !$postgres;
        }
    }

    ok($answers && !@early, "$what is on the disk before it is answered")
        or diag content("$dir/trace");
}
