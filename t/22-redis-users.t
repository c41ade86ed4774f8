#!/usr/bin/perl

# The users of conf/redis-users.acl: with no more than is named there the
# authorization server tells what is revoked, and a gateway loads it, follows
# it, and reads and writes records; nothing that they ask for is refused.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Authserver;
use HarsTest::Gateway;
use HarsTest::Reference;
use Test::More;

my $dir = HarsTest::Place::dir();
my $servers = "unix:$ENV{TEST_NGINX_REDIS_SOCK}";
my $dead = "unix:$dir/nobody.sock";


sub redis { return HarsTest::redis(@_) }

# the records of tokens, by key
sub records {
    return grep { /^hars:[0-9a-f]{64}\z/ && redis('GET', $_) ne "T\x01" }
           @{ redis('KEYS', 'hars:*') };
}


# several servers and a database, so that ROLE and SELECT are needed
HarsTest::Reference::redis_users();
redis('SELECT', 2);
HarsTest::Authserver::start(redis => <<"END");
redis = $servers
redis = $dead
redis_db = 2
redis_user = authserver
redis_password_file = $dir/redis-authserver.password
END
ok(wait_for(10, sub { redis('GET', 'hars:{revoked}run') }), 'Redis is told');
is(HarsTest::Authserver::revoke(hars_thumbprint => 'A' x 43), 200,
   'a certificate is revoked');
is(redis('ZCARD', 'hars:{revoked}certs'), 1, '... in the set');

gateway("$servers $dead db=2 user=gateway "
        . "password_file=$dir/redis-gateway.password");
ok(wait_for(5, sub { log_has(qr/ 1 certificates are revoked/) }),
   '... which is loaded');
ok(wait_for(5, \&fresh), 'a record is read');

redis('DEL', $_) for records();
my $token = HarsTest::Authserver::token();
my ($written) = records();
like($written // '', qr/^hars:/, 'a record is written on issue');
redis('DEL', $written);
is(asked($token), '200 ok introspection', 'one that is not there');
ok(wait_for(5, sub { records() == 1 }), '... is written by the gateway');

revoked($token, 'a token');
is(HarsTest::Authserver::revoke(hars_thumbprint =>
       HarsTest::thumbprint('a')), 200, 'the own certificate is revoked');
ok(wait_for(5, sub {
       asked(HarsTest::Authserver::token() // 'none') =~ /^401 cert_revoked/ }),
   '... and refused');

finish();
HarsTest::Authserver::stop('TERM');
is_deeply([ map { my %e = @$_; "$e{username}: $e{reason} $e{object}" }
            @{ redis('ACL', 'LOG') } ], [], 'nothing was refused');

done_testing();
