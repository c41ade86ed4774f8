#!/usr/bin/perl

# Sentinels say who the master is: records and the revocation channel go to it,
# and go along when it is another one.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 0;
use HarsTest::Authserver;
use HarsTest::Gateway;
use HarsTest::Servers;
use Test::More;
use Time::HiRes qw(time);

my @server = map { HarsTest::Place::port($_) } 2, 3;
my @sentinel = map { HarsTest::Place::port($_) } 4, 5, 6;
my $dead = HarsTest::Place::port(7);


# both workers have a link for records, and one for the channel
sub connections {
    my ($port) = @_;
    my $list = HarsTest::Servers::redis($port, 'CLIENT', 'LIST') // '';

    # the authorization server has one, this question is one, replicas are
    # told by their flags
    return scalar grep { /cmd=(?:get|xread|set|ping|xrange)\b/ && !/flags=S/ }
           split /\n/, $list;
}


HarsTest::Servers::replicated('hars', [ 2, 3 ], [ 4, 5, 6 ],
                              password => 'secret');

# the password is the servers', the Sentinels have none
my $password = HarsTest::Place::dir() . '/password';
open my $fh, '>', $password or die "$password: $!\n";
print $fh "secret\n";
close $fh;
chmod 0600, $password;

my $all = join ' ', map { "127.0.0.1:$_" } @sentinel;
HarsTest::Authserver::start(redis => join("\n", 'redis_sentinel = hars',
    "redis_password_file = $password",
    map { "redis = 127.0.0.1:$_" } @sentinel));

gateway("127.0.0.1:$dead $all sentinel=hars password_file=$password");
ok(wait_for(5, \&fresh), 'a new token passes by its record');

my @known = map { HarsTest::Authserver::token() } 1 .. 3;
like(asked($_), qr/^200/, 'a token is known') for @known;
revoked(shift @known, 'pushed');


# failover

HarsTest::Servers::stop($server[0]);
is(asked($_), '200 ok l1', 'the master is killed: what is known passes')
    for @known;
my $lost = shift @known;
is(HarsTest::Authserver::revoke(token => $lost), 200,
   'a revocation that no Redis has');
like(asked(HarsTest::Authserver::token()), qr/^200 ok introspection/,
     'a new token passes, by the authority');

ok(wait_for(20, sub {
       (HarsTest::Servers::master('hars', @sentinel) // 0) == $server[1] }),
   'the Sentinels have another master');
ok(wait_for(10, sub { HarsTest::Servers::told($server[1]) }),
   '... which is told everything');
ok(wait_for(10, \&fresh), '... and used for records');
ok(log_has(qr/Redis 127\.0\.0\.1:$server[1] is used now/), '... says the log');
like(asked($lost), qr/^401 inactive/, 'the revocation holds');
like(asked($_), qr/^200/, 'what is known passes') for @known;
revoked(shift(@known), 'the channel is there');


# the old master comes back, as a replica

HarsTest::Servers::start($server[0]);
ok(wait_for(20, sub {
       my $role = HarsTest::Servers::redis($server[0], 'ROLE');
       ref $role && $role->[0] eq 'slave' }), 'the old master is a replica');
ok(wait_for(10, sub { connections($server[0]) == 0 }), '... that nobody asks');
ok(wait_for(5, \&fresh), 'records go on');


# the Sentinel that is asked dies; all of them die

HarsTest::Servers::stop($sentinel[0]);
ok(wait_for(5, sub { log_has(qr/Redis 127\.0\.0\.1:$sentinel[1] is used/) }),
   'a Sentinel is killed: another one is asked');
HarsTest::Servers::stop($_) for @sentinel[ 1, 2 ];
ok(fresh(), 'all are killed: the master is known');
revoked(HarsTest::Authserver::token(), 'without Sentinels');
HarsTest::Servers::start($_) for @sentinel;


# what they do not know

gateway("$all sentinel=other", down => 1);
ok(wait_for(5, sub { log_has(qr/knows no master of the name in sentinel=/) }),
   'a name that no Sentinel knows is logged');
like(asked(HarsTest::Authserver::token()), qr/^200 ok introspection/,
     '... and the authority is asked');

gateway("127.0.0.1:$server[0] sentinel=hars", down => 1);
ok(wait_for(5, sub { log_has(qr/knows no master of the name|answers "/) }),
   'a server that is no Sentinel is logged');

finish();
HarsTest::Authserver::stop();
HarsTest::Servers::stop_all();


# the same by TLS: to the Sentinels, and to the master that they name

my $pki = $HarsTest::Place::pki;
my @secure = map { HarsTest::Place::port($_) } 10, 11;
my $asked = join ' ', map { '127.0.0.1:' . HarsTest::Place::port($_) }
                      12, 13, 14;
HarsTest::Servers::replicated('hars', [ 2, 3 ], [ 4, 5, 6 ],
                              tls => [ 10 .. 14 ]);
HarsTest::Authserver::start(redis => join("\n", 'redis_sentinel = hars',
    'redis_tls = yes', "redis_tls_ca = $pki/ca.pem",
    'redis_tls_name = localhost',
    map { "redis = $_" } split / /, $asked));

gateway("$asked sentinel=hars tls tls_ca=$pki/ca.pem tls_name=localhost");
ok(wait_for(5, \&fresh), 'TLS: a new token passes by its record');
HarsTest::Servers::stop($server[0]);
ok(wait_for(20, sub {
       (HarsTest::Servers::master('hars', @sentinel) // 0) == $secure[1]
           && HarsTest::Servers::told($server[1]) }),
   '... there is another master, by its TLS port');
ok(wait_for(10, \&fresh), '... which is used');
revoked(HarsTest::Authserver::token(), 'by TLS');

gateway("$asked sentinel=hars tls tls_ca=$pki/foreign-ca.pem "
        . 'tls_name=localhost', down => 1);
ok(wait_for(5, sub { log_has(qr/has no valid certificate/) }),
   'Sentinels of another CA are not asked');

finish();
HarsTest::Authserver::stop();
HarsTest::Servers::stop_all();

done_testing();
