#!/usr/bin/perl

# A Redis Cluster: each record at the master of its slot, the channel at that
# of the stream; MOVED, ASK and the failover of a master are followed.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 0;
use HarsTest::Authserver;
use HarsTest::Gateway;
use HarsTest::Servers;
use Test::More;
use Time::HiRes qw(time);

my @node = map { HarsTest::Place::port($_) } 0, 2 .. 6;
my $dead = HarsTest::Place::port(15);

sub redis    { return HarsTest::Servers::redis(@_) }

# the records of all masters: port by name
sub records {
    my %at;

    for my $port (grep { HarsTest::Servers::running($_) } @node) {
        my $role = redis($port, 'ROLE');
        next if !ref $role || $role->[0] ne 'master';
        $at{$_} = $port for grep { /^hars:[0-9a-f]{64}$/ }
                            @{ redis($port, 'KEYS', '*') // [] };
    }

    return %at;
}

# a token that no gateway has seen, the name of its record, and where it is
sub unseen {
    my %before = records();
    my $token = HarsTest::Authserver::token();
    my %after = records();
    my ($name) = grep { !$before{$_} } keys %after;

    return ($token, $name, $after{$name});
}

# the gateway's connections there that are no channel
sub connections {
    my ($port) = @_;

    return scalar grep { /cmd=(?:get|ping|set)\b/ && !/flags=[SM]/ }
           split /\n/, redis($port, 'CLIENT', 'LIST') // '';
}

sub id_of { return redis($_[0], 'CLUSTER', 'MYID') }


HarsTest::Servers::cluster([ 0, 2 .. 6 ], [ 7, 8, 10 .. 13 ]);
my $authserver = join "\n", 'redis_cluster = yes',
    map { "redis = 127.0.0.1:$_" } @node;
HarsTest::Authserver::start(redis => $authserver);
my @masters = do {
    my %seen;
    grep { !$seen{$_}++ } map { $_->[2][1] }
        @{ redis($node[0], 'CLUSTER', 'SLOTS') };
};
my $stream = HarsTest::Servers::holder('hars:{revoked}stream', @node);
ok(wait_for(10, sub {
       !grep { !HarsTest::Servers::told($_, $stream) } @masters }),
   'the authority has told all masters');

gateway("127.0.0.1:$dead 127.0.0.1:$node[1] cluster");

# a first question may come before the first connection
ok(wait_for(5, \&fresh), 'a new token passes by its record');
is(scalar(grep { !fresh() } 1 .. 20), 0, 'so do others');
my %at = records();
my %used = map { ($_ => 1) } values %at;
is(scalar(keys %used), 3, 'whose records are on all masters');

my @known = map { HarsTest::Authserver::token() } 1 .. 6;
is(asked($_), '200 ok l2', 'a token is known') for @known;
revoked(shift @known, 'pushed');
is(HarsTest::Authserver::revoke(token => $known[0]), 200, 'another one');
ok(wait_for(1, sub { asked($known[0]) =~ /^401 inactive/ }), '... is refused');
shift @known;


# what the gateways write goes to the right place, too

redis($_, 'FLUSHALL') for @masters;
like(asked(HarsTest::Authserver::token()), qr/^200 ok/, 'all are emptied');
ok(wait_for(10, sub {
       !grep { !HarsTest::Servers::told($_, $stream) } @masters }),
   '... and told again');
ok(wait_for(10, \&fresh), '... so that records are used again');


# a slot moves, with a record in it: ASK, then MOVED

my ($token, $name, $from) = unseen();
my ($to) = grep { $_ != $from && $_ != $stream } @masters;
my $slot = redis($from, 'CLUSTER', 'KEYSLOT', $name);

redis($to, 'CLUSTER', 'SETSLOT', $slot, 'IMPORTING', id_of($from));
redis($from, 'CLUSTER', 'SETSLOT', $slot, 'MIGRATING', id_of($to));
is(redis($from, 'MIGRATE', '127.0.0.1', $to, $name, 0, 2000), 'OK',
   'a record is on its way');
like(redis($from, 'GET', $name), qr/^ASK $slot /, '... the Cluster says ASK');
is(asked($token), '200 ok l2', '... which is followed');

redis($_, 'CLUSTER', 'SETSLOT', $slot, 'NODE', id_of($to)) for $to, $from;
like(redis($from, 'GET', $name), qr/^MOVED $slot /, 'the slot has moved');
revoked($token, 'there');
is(redis($to, 'GET', $name), "T\x01", '... by its tombstone');

# a gateway that has not heard of it, of a slot that moves before its question
($token, $name, $from) = unseen();
($to) = grep { $_ != $from } @masters;
$slot = redis($from, 'CLUSTER', 'KEYSLOT', $name);
redis($to, 'CLUSTER', 'SETSLOT', $slot, 'IMPORTING', id_of($from));
redis($from, 'CLUSTER', 'SETSLOT', $slot, 'MIGRATING', id_of($to));
is(redis($from, 'MIGRATE', '127.0.0.1', $to, $name, 0, 2000), 'OK',
   'another record');
redis($_, 'CLUSTER', 'SETSLOT', $slot, 'NODE', id_of($to)) for $to, $from;
like(redis($from, 'GET', $name), qr/^MOVED $slot /, '... has moved');
is(asked($token), '200 ok l2', 'MOVED is followed at once');
is(log_has(qr/answers "(?:MOVED|ASK)/), 0, '... and is no error');


# the master of the stream dies

HarsTest::Servers::stop($stream);
like(asked($_), qr/^200/, 'the master is killed: what is known passes')
    for @known;
my $lost = shift @known;
is(HarsTest::Authserver::revoke(token => $lost), 200,
   'a revocation without it');
my @others = grep { $_ != $stream } @node;
ok(wait_for(30, sub {
       my $now = HarsTest::Servers::holder('hars:{revoked}stream', @others);
       $now && $now != $stream && HarsTest::Servers::told($now) }),
   'its replica is master now, and is told');
ok(wait_for(10, sub { !grep { !fresh() } 1 .. 5 }),
   'records of all masters are used again');
like(asked($lost), qr/^401 inactive/, 'the revocation holds');
like(asked($_), qr/^200/, 'what is known passes') for @known;
revoked(shift(@known), 'the channel is there');

HarsTest::Servers::start($stream);
ok(wait_for(20, sub { HarsTest::Servers::whole(@node) }),
   'the old one is its replica');


# another master dies, and nobody can tell its replica of the revocations

my ($victim) = grep {
    my $role = redis($_, 'ROLE');
    $role->[0] eq 'master'
        && $_ != HarsTest::Servers::holder('hars:{revoked}stream', @node)
} @node;
ok(wait_for(10, sub { ($token, $name, $from) = unseen(); $from == $victim }),
   'a record there');
ok(wait_for(5, sub {
       my $role = redis($victim, 'ROLE');
       ref $role && @{ $role->[2] } && $role->[2][0][2] >= $role->[1] }),
   '... and at its replica');
HarsTest::Authserver::stop();
HarsTest::Servers::stop($victim);
ok(wait_for(30, sub {
       my $now = HarsTest::Servers::holder($name, @node);
       $now && $now != $victim && (redis($now, 'GET', $name) // '') =~ /^S/ }),
   'its replica is master now, and has it');
# the worker may not know the new master yet, and then asks nobody
ok(wait_for(10, sub { connections(HarsTest::Servers::holder($name, @node))
                      == 2 }), '... to which both workers are connected');
like(asked($token), qr/^503 unavailable/, '... but it was not told');
HarsTest::Servers::start($victim);
HarsTest::Authserver::start(redis => $authserver);
ok(wait_for(20, sub { asked($token) =~ /^200 ok/ }),
   '... and the authority may be asked again');
ok(wait_for(20, sub {
       my ($new, undef, $at) = unseen();
       ($at // 0) == HarsTest::Servers::holder($name, @node)
           && asked($new) eq '200 ok l2' }),
   'told, its records are used');
ok(wait_for(20, sub { HarsTest::Servers::whole(@node) }), 'whole again');


# another master dies

($victim) = grep {
    my $role = redis($_, 'ROLE');
    $role->[0] eq 'master'
        && $_ != HarsTest::Servers::holder('hars:{revoked}stream', @node)
} @node;
HarsTest::Servers::stop($victim);
my $begun = time;
like(asked(HarsTest::Authserver::token()), qr/^200 ok/,
     'another master is killed: tokens pass') for 1 .. 10;
cmp_ok(time - $begun, '<', 8, '... without much of a wait');
revoked(shift(@known), 'meanwhile');
ok(wait_for(30, sub { !grep { !fresh() } 1 .. 5 }),
   'its replica is master now, and used');


# what is no Cluster

my $single = HarsTest::Place::port(14);
HarsTest::Servers::start($single);
gateway("127.0.0.1:$single cluster", down => 1);
ok(wait_for(5, sub { log_has(qr/is in no Cluster/) }),
   'a server without a Cluster is logged');
like(asked(HarsTest::Authserver::token()), qr/^200 ok introspection/,
     '... and the authority is asked');

finish();
HarsTest::Authserver::stop();
HarsTest::Servers::stop_all();

done_testing();
