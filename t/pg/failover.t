#!/usr/bin/perl

# The primary dies under load and its synchronous standby takes over: the
# server finds it by itself, and what was answered is there.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth !issue);
use HarsTest::Kept;
use HarsTest::Postgres;

my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';

BAIL_OUT("$program is not there: make all") unless -x $program;

my $one = HarsTest::Postgres->new;
$one->sql('CREATE DATABASE hars');
my $two = $one->standby;
$one->sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
$one->sql('SELECT pg_reload_conf()');
ok(wait_for(sub {
    return $one->sql("SELECT count(*) FROM pg_stat_replication WHERE"
                     . " sync_state = 'sync'");
}), 'a standby that is waited for');

prepare();
my @token = map { token('dcm-1') } 1 .. 3;
is((revoke('dcm-1', token => $token[0]))[0], 200, 'one of three is revoked');

my @load = load();
sleep 0.5;
$one->stop('kill');
sleep 0.3;
is((post('/introspect', undef, token => $token[1]))[0], 500,
   'no primary: no answer');
$two->promote;
ok(wait_for(sub { active($token[1]) }, 10), 'the standby took over');
ok(wait_for(sub { token('dcm-1') =~ /^hats_at_/ }, 10), '... tokens, too');
ok(!active($token[0]), '... and what was revoked is');

write_file('stop', '');
waitpid $_, 0 for @load;
my @answered = map { split /\n/, content("$dir/load.$_") } 1 .. @load;
cmp_ok(scalar @answered, '>', 20, @answered . ' tokens were answered');
is(scalar(grep { !active_by($_) } @answered), 0, '... all of them are there');

is(ended('authserver', 'TERM'), 0, 'the server stops');

# one that may only be read is none
my ($rc, $said) = (0, '');
$two->stop;
write_file('as.conf', content("$dir/as.conf")
           =~ s/^database = .*/database = ${\ $two->uri('hars')}/mr);
run('touch', "$two->{dir}/data/standby.signal");
$two->start;
($rc, $said) = as('client', 'list');
is($rc, 1, 'a standby alone');
like($said, qr/(?:read-only|hot standby)/, '... says what it is');

done_testing();


# the standby stands first, and is passed over
sub prepare {
    pki('authorities');
    certificate('dcm-1');
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = postgresql://hars@/hars?host=$two->{dir},$one->{dir}
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END
    is((as('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
           '--resource', $ml))[0], 0, 'the primary is found');
    as('client', 'add', '--id', 'dcm-1', '--kind', 'service', '--resource',
       $ml, '--subject-dn', "CN=dcm-1,$o", '--scope', 'ml:recognize');
    start();
}


# processes that ask for tokens, and write down those that were answered
sub load {
    return map {
        my $i = $_;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $http = HarsTest::Kept->new("$dir/public.sock");

            open my $fh, '>', "$dir/load.$i" or POSIX::_exit(1);
            while (!-e "$dir/stop") {
                my ($status, $answer) =
                    $http->post('/oauth2/token', [$cert{'dcm-1'}],
                                grant_type => 'client_credentials',
                                client_id => 'dcm-1');
                print $fh "$answer->{access_token}\n" if $status == 200;
                sleep 0.02 if $status != 200;
            }
            close $fh;
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 4;
}


my $gateway;

sub active_by {
    $gateway //= HarsTest::Kept->new("$dir/gateway.sock");
    my ($status, $answer) = $gateway->post('/introspect', [],
                                           token => $_[0]);
    return $status && $status == 200 && $answer->{active};
}
