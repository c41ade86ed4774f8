package HarsTest::Gateway;

# A gateway of two workers in front of the real authorization server
# (HarsTest::Authserver), and what a client sees of it.
#
#   gateway('127.0.0.1:6379 sentinel=hars');       the servers of hars_redis
#   gateway($servers, down => 1);                  without waiting for news
#   is(asked($token), '200 ok l1');
#   ok(fresh()); revoked($token, 'name of the tests');
#   finish();

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use HarsTest::Authserver;
use HarsTest::Nginx;

our @EXPORT = qw(gateway finish log_has asked fresh revoked wait_for);

my $nginx;


sub wait_for { return HarsTest::Place::wait_for(@_) }


sub gateway {
    my ($servers, %o) = @_;
    my $auth = HarsTest::Authserver::gateway_socket();

    finish() if $nginx;
    $nginx = HarsTest::Nginx->new(workers => 2, log_level => 'notice',
                                  http => <<"END");
    hars_zone z:1m key=$ENV{TEST_NGINX_ZONE_KEY} ttl=300s cap=3s;
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z $servers;
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_introspect /_hars/introspect issuer=https://auth.hars.localhost
                        caller=gateway;
        location = /_hars/introspect {
            internal;
            proxy_pass http://unix:$auth:/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        location / { proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:; }
    }
END
    $nginx->start;

    return if $o{down};
    ok(wait_for(10, sub { log_has(qr/revocations are followed from/) }),
       'the revocations are followed');
}


sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults ], [], 'its log holds nothing bad');
    undef $nginx;
}


# so many lines of its error log
sub log_has {
    my ($re) = @_;

    open my $fh, '<', $nginx->error_log or return 0;
    return scalar grep { /$re/ } <$fh>;
}


# "status verdict source" of a request with a token
sub asked {
    my ($token) = @_;
    my $r = $nginx->curl('/', token => $token);
    my ($v) = $r->{headers} =~ /^V: (.*?) *\r?$/m;

    return "$r->{status} " . ($v // '');
}


# does a new token pass by the record that was written on its issue?
sub fresh {
    return asked(HarsTest::Authserver::token()) eq '200 ok l2';
}


sub revoked {
    my ($token, $name) = @_;

    is(HarsTest::Authserver::revoke(token => $token), 200, "$name: revoked");
    ok(wait_for(1, sub { asked($token) =~ /^401 inactive/ }),
       "$name: ... and refused");
}

1;
