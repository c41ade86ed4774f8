#!/usr/bin/perl

# A disk that is full: 507 and nothing of the recording, what was stored
# before is read, and with room again all goes on.  The disk is a tmpfs of a
# few MB, which root may mount.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::ML qw(ml_packed ml_walking);

my $disk = dcm_dir() . '/disk';
my $owner = $$;
my $mounted;

END {
    my $status = $?;

    if ($mounted && $$ == $owner) {
        dcm_kill() if dcm_pid();
        system 'umount', $disk;
    }

    $? = $status;
}

plan skip_all => 'PostgreSQL has a disk of its own'
    if $ENV{HARS_TEST_DATABASE};

mkdir $disk or die "$disk: $!\n";
system('mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', $disk) == 0
    or plan skip_all => 'a tmpfs cannot be mounted here: not root?';
$mounted = 1;

my $walk = ml_walking();
my $t0 = int(time()) - 86400;
my @p1 = dcm_as('patient', 'p1', 'recordings:write samples:read');

sub post {
    my ($id, $at, @as) = @_;

    my $body = ml_packed(0, [ map { my $k = $_; map {
        [ $t0 + $at + 10.24 * $k + $_->[0], @$_[1 .. 6] ] } @$walk }
        0 .. 4 ]);

    return dcm_ask('POST', "/v1/recordings?id=$id&placement=pocket"
                       . '&sampling_rate_hz=50', $body,
                   'Content-Type' => 'application/vnd.hars.samples',
                   @as ? @as : @p1);
}

sub rows {
    my ($from) = @_;

    my ($code, $text) = dcm_ask('GET', '/v1/patients/p1/samples?from='
                                    . ($t0 + $from) . '&to='
                                    . ($t0 + $from + 60), undef, @p1);

    return $code == 200 ? ($text =~ tr/\n//) - 1 : "answer $code";
}

# all the room that is left
sub fill {
    open my $fh, '>', "$disk/ballast" or die "ballast: $!\n";
    binmode $fh;
    while (syswrite $fh, 'x' x 4096) { }
    close $fh;
}

dcm_start(database => "$disk/dcm.db");
is((post('before', 0))[0], 201, 'there is room');

fill();

my ($code, $body, $top, $n);

for my $i (1 .. 500) {
    ($code, $body, $top) = post("r$i", 60 * $i);
    $n = $i;
    last if $code != 201;
}

is($code, 507, "then there is none ($n)") or diag explain $body;
is($body->{status}, 507, 'a problem');
is($body->{title}, 'Insufficient Storage', 'of that name');
like($body->{detail}, qr/nothing was stored/, 'that says what it means');
like($top, qr/^Retry-After: \d+/mi, 'and when to come again');

is((post("r$n", 60 * $n))[0], 507, 'nor the next time');
is((post('first', 0, dcm_as('patient', 'p9', 'recordings:write')))[0], 507,
   'nor for somebody new');
is(rows(0), 2560, 'what was stored is read');
is(rows(60 * $n), 0, 'what was not is not');
ok(dcm_alive(), 'it serves on');

unlink "$disk/ballast" or die "ballast: $!\n";
is((post("r$n", 60 * $n))[0], 201, 'there is room again');
is(rows(60 * $n), 2560, 'and it is stored');

is(dcm_kill(), 9, 'killed');
dcm_start(database => "$disk/dcm.db");
is(rows(0), 2560, 'what was acknowledged is there');
is(rows(60 * $_), 2560, "and the last one ($_)") for $n;

fill();
for my $i (501 .. 999) {
    last if (post("r$i", 60 * $i))[0] != 201;
}
is(dcm_kill(), 9, 'killed while it is full');
dcm_start(database => "$disk/dcm.db");
is(rows(0), 2560, 'it starts on a full disk, and reads');
is((post('r1000', 60000))[0], 507, 'and says that it is full');
unlink "$disk/ballast" or die "ballast: $!\n";
is((post('r1000', 60000))[0], 201, 'till it is not');
is(dcm_stop(), 0, 'stopped');

done_testing();
