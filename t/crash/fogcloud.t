#!/usr/bin/perl

# kill -9 at a random moment of the fog's cloud server, while 64 requests are
# in flight: M2, first records, registrations.  Afterwards whatever was
# acknowledged is there, no M2 and no M1 that was answered is answered again,
# and each wearable authenticates at its first attempt, whether it got its M3
# or not.  ROUNDS of it (100), SEED.  With HARS_TEST_DATABASE=postgresql the
# database dies in each third round, too.

use strict;
use warnings;

use lib 't/lib';

use HarsTest::Fogcloud;
use IO::Select;
use IO::Socket::UNIX;
use List::Util qw(shuffle);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $rounds = $ENV{ROUNDS} || 100;
my $seed = $ENV{SEED} || time;
my %rate = (fog_rate => 100000, fog_burst => 100000);
my @service = fogcloud_as('service', 'hars-dcm', 'fog:resolve');
my @operator = fogcloud_as('operator', 'op', 'fog:register');
my $json = JSON::PP->new;
my $devices = 48;
my (%sid, %told, %count);
my $registered = $devices;

srand $seed;
diag("SEED=$seed");
$SIG{PIPE} = 'IGNORE';
fogcloud_start(%rate);
fogcloud_device($_, "dev-$_", "p$_") for 0 .. $devices - 1;
fogcloud_node(0, 'fog-a');

for my $round (1 .. $rounds) {
    my @wrong = one($round);

    ok(!@wrong, "round $round") or diag join "\n", @wrong;
    last if @wrong;
}

is(fogcloud_stop(), 0, 'it stops');
unlike(fogcloud_log(), qr/Sanitizer|runtime error/,
       'no sanitizer had a word');
cmp_ok($count{$_} // 0, '>', 0, "$_: $count{$_}")
    for qw(answered lost confirmed registered);
done_testing();


sub one {
    my ($round) = @_;
    my @flight = (first_records(), attempts(), registrations());
    my @wrong;

    killed(\@flight, rand @flight, 0.002 * rand);
    database_dies() if $ENV{HARS_TEST_DATABASE} && $round % 3 == 0;
    fogcloud_start(%rate);

    for my $one (@flight) {
        push @wrong, $one->{then}->($one->{status}, $one->{body});
    }

    push @wrong, sessions();
    push @wrong, whatever_was_told() if $round % 10 == 0
        || $round == $rounds;

    return @wrong;
}


# an M2 of each of 40 wearables
sub attempts {
    return map {
        my $i = $_;
        my $m2 = fogcloud_party('m2', $i, 0, 0);

        { request => post('/v1/fog/sessions', pack('H*', $m2), relay()),
          then => sub {
              my ($status, $m3) = @_;

              if ($status != 200) {
                  $count{lost}++;
                  return;
              }
              $count{answered}++;

              return answered_once($i, $m2, unpack 'H*', $m3);
          } }
    } 0 .. 39;
}


# neither this M2 nor its M1 again; M3 is good
sub answered_once {
    my ($i, $m2, $m3) = @_;
    my ($ok) = split ' ', fogcloud_party('m3', $i, 0, $m3);
    my @wrong;

    push @wrong, "device $i: its M3 is $ok" if $ok ne 'ok';
    my ($status) = fogcloud_relay('fog-a', $m2);
    push @wrong, "device $i: its M2 is answered again" if $status != 422;
    ($status) = fogcloud_relay('fog-a', fogcloud_party('again', $i, 0));
    push @wrong, "device $i: its M1 is answered again" if $status != 422;

    return @wrong;
}


# of the 8 wearables that were left; in this life of the server
sub first_records {
    return map {
        my $i = $_;
        my ($status, $m3) = fogcloud_relay('fog-a',
                                           fogcloud_party('m2', $i, 0, 0));
        my (undef, $sid) = split ' ', fogcloud_party('m3', $i, 0, $m3);

        { request => post("/v1/fog/sessions/$sid/confirm",
                          pack('H*', fogcloud_party('record', $i, 'x')),
                          relay()),
          then => sub {
              my ($status) = @_;

              if ($status == 200) {
                  $count{confirmed}++;
                  $told{$sid} = "p$i";
              }

              return;
          } }
    } 40 .. 47;
}


sub registrations {
    return map {
        my $i = $registered++;
        my $body = $json->encode({ id => "dev-$i", patient => "p$i" });

        { request => post('/v1/fog/devices', $body, @operator,
                          'Content-Type' => 'application/json'),
          then => sub {
              my ($status, $body) = @_;
              return if $status != 201;

              # at the place of one that is not needed any more
              $count{registered}++;
              my $given = $json->decode($body);
              fogcloud_party('device', 1000, "dev-$i",
                             @$given{qw(suite gen key seed pk_cs)});
              return if session(1000, "p$i");
              return "dev-$i was registered and is not known";
          } }
    } 1 .. 16;
}


# each wearable at its first attempt
sub sessions {
    return map { "device $_ does not authenticate" }
        grep { !session($_, "p$_") } 0 .. $devices - 1;
}


sub session {
    my ($i, $patient) = @_;

    my ($status, $m3) = fogcloud_relay('fog-a',
                                       fogcloud_party('m2', $i, 0, 0));
    return 0 if $status != 200;
    my ($ok, $sid) = split ' ', fogcloud_party('m3', $i, 0, $m3);

    return $ok eq 'ok' && !$sid{$sid}++;
}


sub whatever_was_told {
    return map { "session $_ was confirmed and is not told" } grep {
        my ($status, $told) = fogcloud_ask('GET', "/v1/fog/sessions/$_",
                                           undef, @service);
        $status != 200 || $told->{patient} ne $told{$_};
    } keys %told;
}


sub relay {
    return fogcloud_as('fog_node', 'fog-a', 'fog:relay',
                       'Hars-Client-Id' => 'fog-a',
                       'Content-Type' => $octets);
}


sub post {
    my ($path, $body, %header) = @_;

    return join '', "POST $path HTTP/1.1\r\nHost: fog\r\n",
        "Connection: close\r\n", (map { "$_: $header{$_}\r\n" } keys %header),
        'Content-Length: ', length $body, "\r\n\r\n", $body;
}


# all at once, and the end some time after so many answers; what came by then
# counts
sub killed {
    my ($flight, $answers, $after) = @_;
    my $select = IO::Select->new;
    my %of;

    for my $one (shuffle(@$flight)) {
        my $s = IO::Socket::UNIX->new(Peer => fogcloud_socket())
            or die "connect: $!\n";
        syswrite $s, $one->{request};
        $one->{said} = '';
        $of{$s} = $one;
        $select->add($s);
    }

    my ($at, $dead);

    while ($select->count) {
        if (!$dead && defined $at && time >= $at) {
            fogcloud_kill();
            $dead = 1;
        }

        for my $s ($select->can_read(0.0005)) {
            my $n = sysread $s, $of{$s}{said}, 4096, length $of{$s}{said};
            next if $n;
            $select->remove($s);
            close $s;
        }

        $at //= time + $after if @$flight - $select->count >= $answers;
    }

    fogcloud_kill() if !$dead;

    for my $one (@$flight) {
        my ($top, $body) = split /\r\n\r\n/, $one->{said}, 2;
        my ($status) = ($top // '') =~ m{^HTTP/1.1 (\d+)};
        my ($len) = ($top // '') =~ /^Content-Length: (\d+)/mi;
        my $whole = defined $len && length($body // '') == $len;

        @$one{qw(status body)} = $whole ? ($status, $body) : (0, '');
    }
}


sub database_dies {
    my $pg = HarsTest::Fogcloud::fogcloud_postgres();

    $pg->stop('kill');
    $pg->start;
}
