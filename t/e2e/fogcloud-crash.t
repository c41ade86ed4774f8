#!/usr/bin/perl

# kill -9 of the cloud server between the commit and M3, in each round at
# another M3 of a stream of sessions: whoever has no answer authenticates
# again at once, and what was confirmed is still told.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::Fogcloud;

my %rate = (fog_rate => 10000, fog_burst => 10000);
my $devices = 6;
my $rounds = $ENV{HARS_CRASH_ROUNDS} // 12;
my @service = fogcloud_as('service', 'hars-dcm', 'fog:resolve');
my (%patient, $died, $sessions);

fogcloud_start(%rate);
fogcloud_device($_, "dev-$_", "p$_") for 0 .. $devices - 1;
fogcloud_node(0, 'fog-a');
fogcloud_stop();

for my $round (1 .. $rounds) {
    fogcloud_dies($round);
    fogcloud_start(%rate);

    # until one is not answered; the device of before comes first again
    my $i = $round;
    for (1 .. $round + 1) {
        last if !session($i++ % $devices);
    }
    is(fogcloud_ended(), 9, "round $round: it was killed");
    $died++;

    fogcloud_dies(0);
    fogcloud_start(%rate);
    my @out = grep { !session($_) } 0 .. $devices - 1;
    is_deeply(\@out, [], 'each device authenticates at once');
    fogcloud_stop();
}

fogcloud_start(%rate);
my @lost = grep {
    my ($status, $told) = fogcloud_ask('GET', "/v1/fog/sessions/$_", undef,
                                       @service);
    $status != 200 || $told->{patient} ne $patient{$_};
} keys %patient;
is_deeply(\@lost, [], 'whatever was confirmed is told');
is(scalar(keys %patient), $sessions, 'no two sessions have one sid');
fogcloud_stop();
diag("$died deaths, $sessions sessions confirmed");

done_testing();


sub session {
    my ($i) = @_;

    my ($status, $m3) = fogcloud_relay('fog-a',
                                       fogcloud_party('m2', $i, 0, 0));
    return 0 if $status != 200;
    my ($ok, $sid) = split ' ', fogcloud_party('m3', $i, 0, $m3);
    return 0 if $ok ne 'ok';

    my ($said) = fogcloud_ask('POST', "/v1/fog/sessions/$sid/confirm",
        pack('H*', fogcloud_party('record', $i, 'x')),
        fogcloud_as('fog_node', 'fog-a', 'fog:relay',
                    'Hars-Client-Id' => 'fog-a', 'Content-Type' => $octets));
    return 0 if $said != 200;
    $patient{$sid} = "p$i";
    $sessions++;

    return 1;
}
