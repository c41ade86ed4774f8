#!/usr/bin/perl

# The authorization server and the Redis it is given: several servers of which
# one is the master, Sentinels, a Cluster of six, TLS, and the reference ACL.
# Real servers, each of which dies; after that revocations have to arrive at
# the one that took over, and all that were told before have to be there.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';
use HarsTest::Place;
use HarsTest::Servers;

my $o = 'O=HARS Gateway demo';
my $ml = 'https://ml.hars.localhost/';
my @port = map { HarsTest::Place::port($_) } 0 .. 15;

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
settings_refused();
several();
comes_back();
sentinels();
cluster();
tls();

done_testing();


sub prepare {
    for my $name (qw(zone seal)) {
        write_file("$name.key", join('', map { sprintf '%02x', rand 256 }
                                     1 .. 32) . "\n", 0600);
    }

    pki('authorities');
    pki('server', 'redis', 'localhost');
    pki('server', 'elsewhere', 'elsewhere.example');
    certificate('dcm-1');
    certificate('oscar');
    configure();

    for my $client (['gateway', 'resource_server'], ['dcm-1', 'service'],
                    ['oscar', 'operator', '--sub', 'oscar']) {
        my ($id, $kind, @more) = @$client;
        my ($rc, $said) = as('client', 'add', '--id', $id, '--kind', $kind,
                             '--subject-dn', "CN=$id,$o", '--resource', $ml,
                             @more);
        $rc == 0 or BAIL_OUT("client add: $said");
    }
}


sub configure {
    write_file('as.conf', <<"END" . join '', map { "$_\n" } @_);
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
zone_key = $dir/zone.key
seal_key = $dir/seal.key
record_claims = hars_kind
END
}


sub settings_refused {
    my %case = (
        'redis "here"' => ["redis = localhost:1", "redis = here"],
        'redis_cluster "maybe" has' => ["redis = a:1",
                                        "redis_cluster = maybe"],
        'redis_cluster "yes" goes' => ["redis = a:1", "redis_cluster = yes",
                                       "redis_sentinel = m"],
        'redis_tls "1" has' => ["redis = a:1", "redis_tls = 1"],
        'redis_tls_ca is needed' => ["redis = a:1", "redis_tls = yes"],
        'redis_tls_name is needed' =>
            ["redis = unix:/x", "redis_tls = yes",
             "redis_tls_ca = $dir/pki/ca.pem"],
        'cannot be used' => ["redis = a:1", "redis_tls = yes",
                             "redis_tls_ca = $dir/zone.key"],
    );

    for my $words (sort keys %case) {
        configure(@{ $case{$words} });
        my ($rc, $said) = as('--check');
        is($rc, 1, "a setting is refused: $words");
        like($said, qr/\Q$words\E/, '... with these words');
    }
}


sub redis  { return HarsTest::Servers::redis(@_) }
sub marked { return HarsTest::Servers::told(@_) }

sub keys_of {
    my ($port) = @_;

    my $stream = redis($port, 'XRANGE', 'hars:{revoked}stream', '-', '+');

    return ref $stream ? map { "@{ $_->[1] }" =~ /key ([0-9a-f]{64})/g }
        @$stream : ();
}


sub tombstones {
    my $n = 0;

    for my $port (@_) {
        my $keys = redis($port, 'KEYS', 'hars:' . '[0-9a-f]' x 64);
        $n += grep { (redis($port, 'GET', $_) // '') eq "T\x01" } @$keys;
    }

    return $n;
}


# a token, revoked; how long that took
sub revoked {
    my $token = token('dcm-1');
    my $begun = time;
    my ($status) = revoke('dcm-1', token => $token);

    return $status == 200 && !active($token) ? time - $begun : undef;
}


# a master and its replica, whichever comes first; the reference ACL
sub several {
    my $acl = content("$top/conf/redis-users.acl");
    $acl =~ s/AUTHSERVER_PASSWORD_SHA256/sha256_hex('secret')/e;
    $acl =~ s/GATEWAY_PASSWORD_SHA256/sha256_hex('other')/e;
    $acl =~ s/^user default off$/user default on nopass ~* &* +\@all/m;
    write_file('users.acl', $acl);
    write_file('password', "secret\n", 0600);

    my @options = ('--aclfile', "$dir/users.acl");
    HarsTest::Servers::start($port[0], @options);
    HarsTest::Servers::start($port[1], @options, '--replicaof', '127.0.0.1',
                             $port[0]);

    # the replica first, and one that is not there
    configure("redis = 127.0.0.1:$port[15]", "redis = localhost:$port[1]",
              "redis = 127.0.0.1:$port[0]", 'redis_user = authserver',
              "redis_password_file = $dir/password");
    start();

    ok(wait_for(sub { marked($port[0]) }), 'the master is found');
    ok(defined revoked(), 'a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    is(tombstones($port[0]), 1, '... and its tombstone');

    my ($status) = revoke('oscar', hars_thumbprint => 'A' x 43);
    is($status, 200, 'a certificate');
    is(redis($port[0], 'ZCARD', 'hars:{revoked}certs'), 1, '... in the set');

    # the replica has it all, but the mark is the old master's
    ok(wait_for(sub { tombstones($port[1]) == 1 }), 'the replica follows');
    # the master is killed
    HarsTest::Servers::stop($port[0]);

    ok((revoked() // 9) < 1, 'a revocation without a master');

    redis($port[1], 'REPLICAOF', 'NO', 'ONE');
    ok(wait_for(sub { marked($port[1]) }), 'the new master is found');
    is(scalar(keys_of($port[1])), 2, '... and has the entry')
        or diag(keys_of($port[1]));
    is(tombstones($port[1]), 2, '... and all tombstones');

    # a master that is made a replica: -READONLY, and ROLE says so
    HarsTest::Servers::start($port[0], @options);
    redis($port[1], 'REPLICAOF', '127.0.0.1', $port[0]);
    ok(wait_for(sub { marked($port[0]) }), 'and back to the first one');
    is(tombstones($port[0]), 2, '... which came back empty');
    is(redis($port[0], 'ZCARD', 'hars:{revoked}certs'), 1,
       '... with the certificate');

    my $said = content("$dir/authserver.log");
    unlike($said, qr/NOPERM|NOAUTH|WRONGPASS/, 'the ACL is enough');

    end_all();
}


# a server that was away while another one was told, with its old mark
sub comes_back {
    HarsTest::Servers::start($_) for @port[2, 3];
    configure("redis = 127.0.0.1:$port[2]", "redis = 127.0.0.1:$port[3]");
    start();
    ok(wait_for(sub { marked($port[2]) }), 'the first of two is told');

    HarsTest::Servers::pause($port[2]);
    ok(wait_for(sub { marked($port[3]) }), 'it hangs: the other one');
    ok(defined revoked(), 'a revocation');
    my $told = tombstones($port[3]);
    cmp_ok($told, '>', 0, '... is told there');

    # which dies
    HarsTest::Servers::stop($port[3]);
    HarsTest::Servers::continue($port[2]);
    ok(wait_for(sub { tombstones($port[2]) == $told }),
       'the first one comes back, and is told again');
    ok(wait_for(sub { marked($port[2]) }), '... and marked');

    end_all();
}


sub end_all {
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    HarsTest::Servers::stop_all();
    unlink "$dir/authserver.log";
}


sub sentinels {
    HarsTest::Servers::replicated('hars', [ 0, 1 ], [ 2 .. 4 ]);

    configure("redis = 127.0.0.1:$port[15]",
              (map { "redis = 127.0.0.1:$port[$_]" } 2 .. 4),
              'redis_sentinel = hars');
    start();

    ok(wait_for(sub { marked($port[0]) }), 'the master is found');
    ok(defined revoked(), 'a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    ok(wait_for(sub { keys_of($port[1]) == 1 }), '... which the replica gets');

    # the master is killed
    HarsTest::Servers::stop($port[0]);
    ok((revoked() // 9) < 1, 'a revocation without a master');

    ok(wait_for(sub { marked($port[1]) }, 30), 'the failover is followed');
    ok(wait_for(sub {
        my %seen = map { ($_ => 1) } keys_of($port[1]);
        return keys %seen == 2;
    }), '... both entries are there');
    ok(tombstones($port[1]) >= 2, '... and the tombstones');

    end_all();
}


sub cluster {
    my @node = @port[0 .. 5];
    my $of = 'hars:{revoked}run';

    HarsTest::Servers::cluster([ 0 .. 5 ], [ 6 .. 11 ]);

    configure("redis = 127.0.0.1:$port[15]", "redis = 127.0.0.1:$node[4]",
              'redis_cluster = yes');
    start();

    my $master = HarsTest::Servers::holder($of, @node);
    ok(wait_for(sub { marked($master) }), 'the server of the stream is told');
    my $mark = redis($master, 'GET', 'hars:{revoked}run');
    is(scalar(grep { redis($_, 'INFO', 'server') =~ /^run_id:(\w+)/m
                     && $mark =~ / $1/ } @node), 3, '... with all masters');

    # those of the cases before are told again
    my $before = tombstones(@node[0 .. 2]);
    my @token = map { token('dcm-1') } 1 .. 20;
    my @records = map { scalar grep { /^hars:[0-9a-f]{64}$/ }
                        @{ redis($_, 'KEYS', '*') } } @node[0 .. 2];
    is($records[0] + $records[1] + $records[2], $before + 20,
       "records on all masters: @records");

    my ($status, $answer) = revoke('oscar', hars_client => 'dcm-1');
    is($answer->{revoked}, 20, 'all are revoked');
    is(tombstones(@node[0 .. 2]), $before + 20, '... a tombstone each');
    is(scalar(keys_of($master)), 20, '... and the entries in one place');

    # a slot that moves: MOVED, which the next command has to follow
    my $slots = redis($node[0], 'CLUSTER', 'SLOTS');
    my ($from, $to) = map { $_->[2] }
        (grep { $_->[2][1] != $master } @$slots)[0, 1];
    moved_slot($from, $to, @node[0 .. 2]);
    ok(defined revoked(), 'a revocation after a slot has moved') for 1 .. 3;
    is(scalar(keys_of($master)), 23, '... arrives');

    # the master of the stream dies
    # the master of the stream is killed
    HarsTest::Servers::stop($master);
    ok((revoked() // 9) < 1, 'a revocation without it');

    my @left = grep { $_ != $master } @node;
    ok(wait_for(sub {
        my $now = HarsTest::Servers::holder($of, @left);
        return $now && $now != $master && marked($now);
    }, 40), 'its replica is, and is told');

    $master = HarsTest::Servers::holder($of, @left);
    ok(wait_for(sub {
        my %seen = map { ($_ => 1) } keys_of($master);
        return keys %seen == 24;
    }), '... with the entry that it missed')
        or diag(scalar(keys_of($master)));

    ok(defined revoked(), 'and the next one');

    end_all();
}


# every slot of one master's range goes to another, empty ones and others
sub moved_slot {
    my ($from, $to, @node) = @_;

    my $range = (grep { $_->[2][2] eq $from->[2] }
                 @{ redis($node[0], 'CLUSTER', 'SLOTS') })[0];
    my $moved = 0;

    for my $slot ($range->[0] .. $range->[1]) {
        next if $moved >= 200;
        next if redis($from->[1], 'CLUSTER', 'COUNTKEYSINSLOT', $slot);
        redis($_, 'CLUSTER', 'SETSLOT', $slot, 'NODE', $to->[2])
            for $to->[1], $from->[1], @node;
        $moved++;
    }

    return $moved;
}


sub tls {
    my @options = ('--tls-port', $port[1], '--tls-cert-file',
                   "$dir/pki/redis.pem", '--tls-key-file',
                   "$dir/pki/redis.key", '--tls-ca-cert-file',
                   "$dir/pki/client-ca.pem");
    my @good = ("redis = localhost:$port[1]", 'redis_tls = yes',
                "redis_tls_ca = $dir/pki/ca.pem",
                "redis_tls_cert = $dir/pki/dcm-1.pem",
                "redis_tls_key = $dir/pki/dcm-1.key");

    HarsTest::Servers::start($port[0], @options);
    configure(@good);
    start();

    ok(wait_for(sub { marked($port[0]) }), 'TLS, with a certificate each')
        or diag(content("$dir/authserver.log"));
    ok(defined revoked(), '... a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    is(ended('authserver', 'TERM'), 0, '... the server stops');

    for my $case (
        ['without a client certificate', qr/./, @good[0 .. 2]],
        ['a server of another name', qr/[Hh]ostname mismatch/, @good,
         'redis_tls_name = other.example'],
        ['an address that is not in its certificate',
         qr/IP address mismatch/, "redis = 127.0.0.1:$port[1]",
         @good[1 .. 4]],
        ['a server of another CA', qr/.*issuer certificate/, @good[0, 1, 3, 4],
         "redis_tls_ca = $dir/pki/foreign-ca.pem"],
        ['a server without TLS', qr/./, "redis = localhost:$port[0]",
         @good[1 .. 4]],
    ) {
        my ($what, $words, @conf) = @$case;

        unlink "$dir/authserver.log";
        redis($port[0], 'FLUSHALL');
        redis($port[0], 'CONFIG', 'RESETSTAT');
        configure(@conf, 'redis_user = u',
                  "redis_password_file = $dir/password");
        start();

        ok(wait_for(sub { content("$dir/authserver.log") =~ /redis ".*": $words/ }),
           "$what: refused") or diag(content("$dir/authserver.log"));
        unlike(redis($port[0], 'INFO', 'commandstats'), qr/cmdstat_auth/,
               '... and no password was sent');
        is(ended('authserver', 'TERM'), 0, '... the server stops');
    }

    HarsTest::Servers::stop($port[0]);
}


