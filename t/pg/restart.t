#!/usr/bin/perl

# PostgreSQL goes away and comes back under load: an error while it is away, an
# answer afterwards, without a restart of the server. One that hangs, and a
# lock that nobody lets go of, are errors after a while, no longer.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth !issue);
use HarsTest::Kept;
use HarsTest::Postgres;

my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';

BAIL_OUT("$program is not there: make all") unless -x $program;

my $pg = HarsTest::Postgres->new;
$pg->sql('CREATE DATABASE hars');

prepare();
my $first = token('dcm-1');
ok(active($first), 'a token');

away($_) for qw(fast immediate kill);
pushed();
locked();
hangs();

ok(active($first), 'the first token is still one');
my $lines = () = content("$dir/authserver.log") =~ /\n/g;
cmp_ok($lines, '<', 500, "$lines lines of log, not one for each request");
is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"),
       qr/hats_|[0-9a-f]{40}|Sanitizer|runtime error/,
       'nothing secret in the log');

done_testing();


sub prepare {
    pki('authorities');
    certificate('dcm-1');
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = ${\ $pg->uri('hars')}
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


sub status { return (post(@_))[0] }
sub issue  { return status('/oauth2/token', 'dcm-1', client_id => 'dcm-1',
                           grant_type => 'client_credentials') }

sub health {
    my (undef, $said) = run('curl', '-s', '-o', '/dev/null', '-w',
                            '%{http_code}', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/healthz');
    return $said;
}


# four that ask without end, and what they see
sub loaded {
    my ($while) = @_;
    my @pid;

    unlink "$dir/stop";
    for my $i (1 .. 4) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $http = HarsTest::Kept->new("$dir/public.sock");
            my %seen;

            while (!-e "$dir/stop") {
                my ($status, $answer) =
                    $http->post('/oauth2/token', [$cert{'dcm-1'}],
                                grant_type => 'client_credentials',
                                client_id => 'dcm-1');
                $seen{ $status // 'none' }++;
                sleep 0.02 if ($status // 0) != 200;
            }
            write_file("seen.$i", join ' ', sort keys %seen);
            POSIX::_exit(0);
        }
        push @pid, $pid;
    }

    $while->();
    write_file('stop', '');
    waitpid $_, 0 for @pid;

    return join ' ', sort keys %{ { map { $_ => 1 }
                                    map { split / /, content("$dir/seen.$_") }
                                    1 .. 4 } };
}


sub away {
    my ($how) = @_;

    my $seen = loaded(sub {
        select undef, undef, undef, 0.3;
        $pg->stop($how);

        my $begun = time;
        is(issue(), 500, "$how: no token without database");
        is(status('/introspect', undef, token => $first), 500,
           '... no introspection, neither yes nor no');
        is(health(), 503, '... no health');
        cmp_ok(time - $begun, '<', 5, '... and nobody waits');

        $pg->start;
        ok(wait_for(sub { issue() == 200 }, 10), '... and tokens after it');
        is(health(), 200, '... health');
        ok(active($first), '... introspection');
    });

    is($seen, '200 500', "... under load: an answer, or 500");
}


# an administrator sends all connections away
sub pushed {
    $pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
             . " WHERE datname = 'hars'");
    ok(active($first), 'connections that were ended: introspection');
    is(issue(), 200, '... and a token');
}


sub locked {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $pg->sql('BEGIN; LOCK TABLE token IN EXCLUSIVE MODE;'
                 . ' SELECT pg_sleep(7)', 'hars');
        POSIX::_exit(0);
    }

    wait_for(sub { $pg->sql("SELECT count(*) FROM pg_locks WHERE mode ="
                            . " 'ExclusiveLock' AND relation ="
                            . " 'token'::regclass", 'hars') });
    my $begun = time;
    is(issue(), 500, 'a table that is locked: no token');
    my $took = time - $begun;
    ok($took > 2 && $took < 6, '... after the lock_timeout') or diag $took;
    ok(active($first), '... and introspection goes on');

    waitpid $pid, 0;
    is(issue(), 200, '... and a token after it');
}


# its processes stand still: it takes connections, and answers nothing
sub hangs {
    my @all = processes();

    kill 'STOP', @all;
    my $begun = time;
    my $said = issue();
    my $took = time - $begun;
    kill 'CONT', @all;

    is($said, 500, 'a PostgreSQL that hangs');
    ok($took < 14, '... after a while') or diag $took;
    ok(wait_for(sub { issue() == 200 }, 10), '... and a token after it');
}


# the postmaster and its children
sub processes {
    open my $fh, '-|', 'ps', '-o', 'pid=', '--pid', $pg->{pid}, '--ppid',
        $pg->{pid} or die "ps: $!\n";

    return map { /(\d+)/ } <$fh>;
}
