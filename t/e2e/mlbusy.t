#!/usr/bin/perl

# Recordings that take long, more of them at a time than the service has
# threads for connections: meanwhile it says that it is healthy, its models and
# counters, answers small recordings, and ends in order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Zlib;
use HarsTest::ML;
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time sleep);

my $PACKED = 'application/vnd.hars.samples';
my $walking = ml_walking();

ml_start();

busy();
ending();

done_testing();


# so many blocks of 1,500 rows, half of them 0.12 s apart, half 0.249: a window
# for each six rows, and a thousandth of their bytes to send
sub sparse {
    my ($blocks) = @_;

    my $t = 0;
    my $body = '';
    my $block = ml_packed(0, [ map {
        $t += $_ % 100 < 51 ? 0.12 : 0.249;
        [ $t, @{ $walking->[$_ % 512] }[1 .. 6] ] } 1 .. 1500 ],
        [ 0.005, 0.001 ]);

    for (0 .. $blocks - 1) {
        substr $block, 24, 8, pack 'd<', 0.12 + $_ * $t;
        $body .= $block;
    }

    return Compress::Zlib::memGzip($body);
}


sub begin {
    my ($body, $length) = @_;

    my $s = IO::Socket::UNIX->new(Peer => ml_dir() . '/ml.sock') or die;
    $s->print("POST /v1/recognitions?sampling_rate_hz=10 HTTP/1.1\r\n",
              "Host: ml\r\nConnection: close\r\n",
              "Content-Encoding: gzip\r\nContent-Type: $PACKED\r\n",
              'Content-Length: ', $length // length $body, "\r\n\r\n", $body);
    $s->flush;

    return $s;
}


# of what is asked meanwhile the longest time
sub slowest {
    my ($method, $path, $body, %header) = @_;

    my $worst = 0;

    for (1 .. 10) {
        my $begun = time;
        my ($status) = ml_ask($method, $path, $body, %header);
        my $took = time - $begun;

        return 999 if $status != 200;
        $worst = $took if $took > $worst;
        sleep 0.05;
    }

    return $worst;
}


sub busy {
    my $body = sparse(100);
    my @busy = map { begin($body) } 1 .. 4;
    my $select = IO::Select->new(@busy);

    for my $path (qw(/healthz /metrics /v1/models)) {
        cmp_ok(slowest('GET', $path), '<', 1,
               "$path beside four long recordings");
    }

    my @done = $select->can_read(0);
    is(scalar @done, 0, 'which are not done yet');

    my ($status) = ml_ask('POST', '/v1/recognitions',
                          { sampling_rate_hz => 50, samples => $walking });
    is($status, 200, 'a short recording beside them');

    for (@busy) {
        local $/;
        my $said = <$_>;
        is(scalar(() = $said =~ /"start_s"/g) > 20_000
           && substr($said, 9, 3), 200, 'a long recording: all windows');
    }
}


# in the middle of a body, and of work
sub ending {
    my $body = sparse(20);
    my $half = begin(substr($body, 0, length($body) / 2), length $body);
    my $whole = begin($body);

    sleep 0.2;

    my $begun = time;
    is(ml_stop(), 0, 'ends in order, half a body in hand');
    cmp_ok(time - $begun, '<', 20, 'and soon');

    local $/;
    like(scalar <$whole>, qr/^HTTP\/1.1 200 /, 'what was there is answered');
    close $half;
}
