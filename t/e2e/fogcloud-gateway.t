#!/usr/bin/perl

# A session of a wearable through the reference gateway: mTLS, bound tokens,
# scopes by path, and what does not get to the cloud server of the fog.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Fogcloud;
use HarsTest::People;

my @fog = ('--resource', $HarsTest::Reference::fog, '--scope');

people(anna => ['patient', @fog, 'fog:register'],
       oscar => ['operator', @fog, 'fog:register'],
       edge => ['fog_node', @fog, 'fog:relay'],
       edgy => ['fog_node', @fog, 'fog:relay'],
       collector => ['service', @fog, 'fog:resolve']);
gateway_start(fog => 1);

my %scope = (anna => 'fog:register', oscar => 'fog:register',
             edge => 'fog:relay', edgy => 'fog:relay',
             collector => 'fog:resolve');


sub fog {
    my ($name, $method, $path, $body, %o) = @_;

    return ask($name, $method, $path, $body,
               resource => $HarsTest::Reference::fog,
               url => 'https://fog.hars.localhost:'
                      . HarsTest::Reference::port(),
               scope => $scope{$name}, %o);
}


sub relay {
    my ($name, $m2, %o) = @_;

    my ($status, $m) = fog($name, 'POST', '/v1/fog/sessions',
                           pack('H*', $m2), type => $octets, %o);

    return ($status, unpack 'H*', $m);
}


# registrations

my ($status, $device) = fog('anna', 'POST', '/v1/fog/devices',
                            { id => 'watch-1', suite => 2,
                              patient => sub_of('anna') });
is($status, 201, 'a patient registers a device');
is($device->{patient}, sub_of('anna'), 'as the own one');
is((fog('anna', 'POST', '/v1/fog/devices',
        { id => 'watch-2', patient => sub_of('oscar') }))[0], 403,
   "not another one's");
is((fog('oscar', 'POST', '/v1/fog/devices',
        { id => 'watch-2', patient => sub_of('anna') }))[0], 201,
   'an operator does');
is((fog('edge', 'POST', '/v1/fog/devices', { id => 'watch-3' }))[0], 403,
   'a fog node has not the scope');
($status, my $node) = fog('edge', 'POST', '/v1/fog/nodes',
                          { client_id => 'edge' });
is($status, 201, 'a fog node registers itself');
is((fog('edgy', 'POST', '/v1/fog/nodes', { client_id => 'edge' }))[0], 403,
   'no other one');

fogcloud_party('device', 0, 'watch-1',
               @$device{qw(suite gen key seed pk_cs)});
fogcloud_party('fog', 0, @$node{qw(key seed)});


# a session

my $m2 = fogcloud_party('m2', 0, 0, 0);
is((relay('edge', $m2, token => 'none'))[0], 401, 'no token');
is((relay('edge', $m2, token => token('edgy', 'fog:relay',
                                      $HarsTest::Reference::fog)))[0], 401,
   'a token of another certificate');
is((relay('anna', $m2))[0], 403, 'another scope');
is((relay('edge', $m2, args => [ '-H', 'Hars-Client-Id: edgy',
                                 '-H', 'Hars-Kind: patient' ]))[0], 200,
   'who asks is what the gateway says');
is((relay('edgy', fogcloud_party('m2', 0, 0, 0)))[0], 422,
   "another fog node's pseudonym");

($status, my $m3) = relay('edge', fogcloud_party('m2', 0, 0, 0));
is($status, 200, 'M3');
my ($ok, $sid) = split ' ', fogcloud_party('m3', 0, 0, $m3);
is($ok, 'ok', 'verifies at both, which have one key');

my $path = "/v1/fog/sessions/$sid";
is((fog('collector', 'GET', $path))[0], 404, 'provisional');
is((fog('edge', 'POST', "$path/confirm",
        pack('H*', fogcloud_party('record', 0, 'pulse=71')),
        type => $octets))[0], 200, 'confirmed');
($status, my $told) = fog('collector', 'GET', $path);
is($status, 200, 'resolved');
is($told->{patient}, sub_of('anna'), 'the patient');
is($told->{device}, $device->{alias}, 'the alias');
is($told->{fog_client_id}, 'edge', 'the fog node');
is((fog('edge', 'GET', $path))[0], 403, 'not by a fog node');
is((fog('anna', 'GET', $path))[0], 403, 'nor by a patient');

is((relay('edge', 'ab' x 5000))[0], 413, 'what is too large ends at nginx');
is((fog('anna', 'GET', '/metrics'))[0], 404, 'no metrics for clients');
is((fog('anna', 'GET', '/healthz', undef, token => 'none'))[0], 200,
   'healthz');

is((fog('anna', 'DELETE', "/v1/fog/devices/$device->{alias}"))[0], 200,
   'revoked');
is((relay('edge', fogcloud_party('m2', 0, 0, 0)))[0], 422, 'no session');

gateway_stop();

done_testing();
