#!/usr/bin/perl

# 200 uploaders at once, each with a minute of samples in several forms, some
# with most of an hour, whose bodies come in pieces, all of them side by side:
# all are stored, or told to come again, and memory stays below 128 MB.
# HARS_TEST_SECONDS: how long.

use strict;
use warnings;

use Errno qw(EAGAIN EWOULDBLOCK);
use File::Basename qw(dirname);
use IO::Compress::Gzip qw(gzip);
use IO::Select;
use IO::Socket::UNIX;
use List::Util qw(max shuffle sum);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::ML qw(ml_csv ml_packed ml_walking);

use constant { UPLOADERS => 200, LARGE => 8, PIECE => 16384, LIMIT => 128 * 1024 };

my $seconds = $ENV{HARS_TEST_SECONDS} // 5;
my $walk = ml_walking();
my $t0 = int(time()) - 86400;

# a minute; the first digits of its times are put in by started_at
my @minute = map { my $k = $_; map { [ sprintf('%.2f', 10.24 * $k + $_->[0]),
                                       @$_[1 .. 6] ] } @$walk } 0 .. 5;
splice @minute, 3000;

my $csv = ml_csv('t_s,ax,ay,az,gx,gy,gz', \@minute);
my $packed = ml_packed(0, \@minute);
gzip \$csv => \my $small;

my @forms = (
    [ 'text/csv', $csv ],
    [ 'application/vnd.hars.samples', $packed ],
    [ 'text/csv', $small, 'Content-Encoding: gzip' ],
);

# 45 minutes
my $hour = join '', map { my $k = $_; ml_packed(0, [
    map { [ $_->[0] + 60 * $k, @$_[1 .. 6] ] } @minute ]) } 0 .. 44;
my $large = [ 'application/vnd.hars.samples', $hour ];

dcm_start();


sub memory {
    open my $fh, '<', '/proc/' . dcm_pid() . '/status' or die "status: $!\n";
    my ($hwm) = map { /^VmHWM:\s+(\d+) kB/ } <$fh>;

    return $hwm;
}

# the next request of an uploader, in a new connection
sub begin {
    my ($up) = @_;

    my ($type, $body, @more) = @{ $up->{id} <= LARGE ? $large
                                  : $forms[$up->{n} % @forms] };
    my %as = dcm_as('patient', "p$up->{id}", 'recordings:write');
    my $at = $t0 + ($up->{id} <= LARGE ? 2700 : 60) * $up->{n};

    $up->{request} = join("\r\n",
        "POST /v1/recordings?id=r$up->{n}&placement=pocket&"
            . "sampling_rate_hz=50&started_at=$at HTTP/1.1",
        'Host: dcm', 'Connection: close', "Content-Type: $type",
        'Content-Length: ' . length $body, @more,
        (map { "$_: $as{$_}" } sort keys %as), '', '') . $body;
    $up->{sent} = 0;
    $up->{answer} = '';
    $up->{begun} = time();

    $up->{socket} = IO::Socket::UNIX->new(Peer => dcm_socket(), Blocking => 0)
        or die "connect: $!\n";
}

my (%status, @times, %up);
my $end = time() + $seconds;
my $writers = IO::Select->new;
my $readers = IO::Select->new;
local $SIG{PIPE} = 'IGNORE';

sub start {
    my ($up) = @_;

    begin($up);
    $up{ fileno $up->{socket} } = $up;
    $writers->add($up->{socket});
    $readers->add($up->{socket});
}

sub finish {
    my ($up) = @_;

    my ($status) = $up->{answer} =~ m{^HTTP/1.1 (\d+)};
    $status{ $status // 'none' }++;
    push @times, time() - $up->{begun};

    $writers->remove($up->{socket});
    $readers->remove($up->{socket});
    delete $up{ fileno $up->{socket} };
    close $up->{socket};

    $up->{n}++ if ($status // 0) == 201;
    $up->{stored}++ if ($status // 0) == 201;
    start($up)
        if time() < $end || (!$up->{stored} && time() < $end + 60);
}

my @ups = map { { id => $_, n => $_ % 3, stored => 0 } } 1 .. UPLOADERS;
start($_) for @ups;

while (%up) {
    my ($can_read, $can_write) = IO::Select->select($readers, $writers,
                                                    undef, 10) or last;

    for my $s (shuffle @$can_write) {
        my $up = $up{ fileno $s } or next;
        my $n = syswrite $s, $up->{request}, PIECE, $up->{sent};

        $up->{sent} += $n // 0;
        $writers->remove($s) if $up->{sent} >= length $up->{request}
            || (!defined $n && $! != EAGAIN && $! != EWOULDBLOCK);
    }

    for my $s (@$can_read) {
        my $up = $up{ fileno $s } or next;
        my $n = sysread $s, $up->{answer}, 65536, length $up->{answer};

        finish($up) if !$n && !(!defined $n && $! == EAGAIN);
    }
}

my $stored = sum map { $_->{stored} } @ups;
@times = sort { $a <=> $b } @times;

diag sprintf '%d recordings (%.0f/s), %s, p50 %.0f ms, p99 %.0f ms, VmHWM '
    . '%.1f MB', $stored, $stored / $seconds,
    join(' ', map { "$_: $status{$_}" } sort keys %status),
    1000 * $times[@times / 2], 1000 * $times[@times * 0.99],
    memory() / 1024;

ok($status{201} >= UPLOADERS, 'recordings are stored');
is((join ' ', grep { $_ != 201 && $_ != 503 } keys %status), '',
   'or asked for again');
is(scalar(grep { !$_->{stored} } @ups), 0, 'every uploader had some');
cmp_ok(memory(), '<', LIMIT, 'memory is bounded');

my ($code, $text) = dcm_ask('GET', '/metrics');
my ($counted) = $text =~ /^hars_dcm_recordings_total (\d+)/m;
is($counted, $stored, 'what was acknowledged is stored');
is(dcm_stop(), 0, 'stopped');

done_testing();
