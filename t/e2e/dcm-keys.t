#!/usr/bin/perl

# Keys and what hangs on them: erasure over HTTP, and what a stop in between
# leaves; another data key; a database and its key put back from a backup,
# each from its own place.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::ML qw(ml_packed ml_walking);
use HarsTest::Place;

my $walk = ml_walking();
my $t0 = int(time()) - 86400;
my $all = 'recordings:write samples:read activities:read consent:write';

sub post {
    my ($sub, $id, $at) = @_;

    my $body = ml_packed(0, [ map { [ $t0 + $at + $_->[0], @$_[1 .. 6] ] }
                              @$walk ]);

    return (dcm_ask('POST', "/v1/recordings?id=$id&placement=pocket"
                        . '&sampling_rate_hz=50', $body,
                    'Content-Type' => 'application/vnd.hars.samples',
                    dcm_as('patient', $sub, $all)))[0];
}

# how many rows there are
sub rows {
    my ($sub) = @_;

    my ($code, $text) = dcm_ask('GET', "/v1/patients/$sub/samples", undef,
                                dcm_as('patient', $sub, $all));

    return $code == 200 ? ($text =~ tr/\n//) - 1 : "answer $code";
}

sub erase {
    my ($sub, @as) = @_;

    @as = dcm_as('patient', $sub, $all) if !@as;

    return (dcm_ask('DELETE', "/v1/patients/$sub", undef, @as))[0];
}

sub key_file {
    my ($name, $digits) = @_;

    my $old = umask 077;
    open my $fh, '>', dcm_dir() . "/$name" or die "$name: $!\n";
    print $fh $digits x 32, "\n";
    close $fh;
    umask $old;

    return dcm_dir() . "/$name";
}


# erasure

dcm_start();

for my $i (0 .. 49) {
    post('p1', "r$i", 20 * $i) == 201 or die 'not stored';
}
is(post('p2', 'x', 0), 201, 'another patient');
is(rows('p1'), 25600, 'fifty recordings');

is(erase('p1', dcm_as('patient', 'p2', $all)), 404, 'not by another patient');
is(erase('p1', dcm_as('doctor', 'p1', $all)), 404, 'nor by another kind');
is(erase('p1', dcm_as('patient', 'p1', 'samples:read')), 403,
   'nor without the scope');
is(rows('p1'), 25600, 'all is there');

is(erase('p1'), 204, 'erased');
is(rows('p1'), 0, 'nothing is left to see');
is(dcm_kill(), 9, 'killed at once');

dcm_start();
is(rows('p1'), 0, 'nothing after a start');
ok(HarsTest::Place::wait_for(20, sub { post('p1', 'new', 0) == 201 }),
   'who comes again begins anew');
is(rows('p1'), 512, 'with nothing of before');
is(rows('p2'), 512, 'the other one is as before');
like(dcm_log(), qr/info: a patient's rows are erased/, 'the log says so');
unlike(dcm_log(), qr/p1/, 'and not whose');

is(erase('p1'), 204, 'once more');
is(erase('nobody'), 204, 'nobody: nothing is there');


# another data key

is(dcm_stop(), 0, 'stopped');
my $second = key_file('second.key', '6b');
my $third = key_file('third.key', '7c');
my $first = dcm_dir() . '/data.key';

my ($status, $said) = dcm_try('--config', dcm_settings(data_key => $second));
is($status, 1, 'without its key it does not start');
like($said, qr/by 1 data keys that are no data_key of the settings/,
     'and says why');

dcm_start(data_key => [ $second, $first ]);
is(rows('p2'), 512, 'with both it does');
ok(HarsTest::Place::wait_for(10, sub {
    dcm_log() =~ /\d patients' keys are wrapped by the first data_key now/
}), 'keys are wrapped anew');
is(dcm_stop(), 0, 'stopped');

dcm_start(data_key => $second);
is(rows('p2'), 512, 'the old one is not needed any more');
is(post('p2', 'y', 100), 201, 'and more can be stored');
is(dcm_stop(), 0, 'stopped');

is((dcm_try('--config', dcm_settings(data_key => $first)))[0], 1,
   'nor is it of use');


# a backup, the database and the key each from its own place

SKIP: {
    skip 'PostgreSQL has its own', 4 if $ENV{HARS_TEST_DATABASE};

    my $db = dcm_dir() . '/dcm.db';
    my $place = dcm_dir() . '/elsewhere';

    mkdir $place or die "$place: $!\n";
    copy($db, "$place/dcm.db") or die "copy: $!\n";
    copy($second, "$place/data.key") or die "copy: $!\n";
    chmod 0600, "$place/dcm.db", "$place/data.key";
    unlink $db or die "$db: $!\n";

    dcm_start(data_key => $second);
    is(rows('p2'), 0, 'lost');
    is(dcm_stop(), 0, 'stopped');

    dcm_start(database => "$place/dcm.db", data_key => "$place/data.key");
    is(rows('p2'), 1024, 'and back');
    is(dcm_stop(), 0, 'stopped');
}

done_testing();
