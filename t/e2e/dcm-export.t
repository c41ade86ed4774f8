#!/usr/bin/perl

# Export: all of a patient's data in one text, as JSON and CSV, that another
# database takes again; of a doctor's what the connection is for; many of
# them at once.

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP;
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::ML qw(ml_csv ml_packed ml_walking);

my $walk = ml_walking();
my $t0 = int(time()) - 86400;
my $all = 'recordings:write samples:read activities:read consent:write';
my @p1 = dcm_as('patient', 'p1', $all);
my @doctor = dcm_as('doctor', 'd1', 'samples:read activities:read');

sub post {
    my ($id, $body, $type, %option) = @_;

    return dcm_ask('POST', "/v1/recordings?id=$id&placement=pocket"
                       . '&sampling_rate_hz=50' . ($option{query} // ''),
                   $body, 'Content-Type' => $type, @{ $option{as} // \@p1 });
}

sub rows {
    my ($at) = @_;

    return [ map { [ $t0 + $at + $_->[0], @$_[1 .. 6] ] } @$walk ];
}

sub export {
    my ($format, @as) = @_;

    my ($code, $data, $top, $text)
        = dcm_ask('GET', "/v1/patients/p1/export?format=$format", undef,
                  @as ? @as : @p1);

    return ($code, ref $data && $code == 200 ? JSON::PP->new->encode($data)
                   : $text, $top);
}

dcm_start();

# nothing

my ($code, $body, $top) = export('json');
is($code, 200, 'of nobody yet');
my $data = JSON::PP->new->decode($body);
is_deeply([ @$data{qw(patient name recordings samples)} ],
          [ 'p1', undef, [], [] ], 'there is nothing');

# recordings of each kind

is((post("r$_", ml_packed(0, rows(100 * $_)),
         'application/vnd.hars.samples'))[0], 201, "r$_") for 0 .. 9;
is((post('streams', {
    acceleration => [ map { [ $t0 + 2000 + $_->[0], @$_[1 .. 3] ] } @$walk ],
    rotation => [ map { [ $t0 + 2000.005 + $_->[0], @$_[4 .. 6] ] } @$walk ],
    heart_rate => [ map { [ $t0 + 2000 + $_, 70 + $_ ] } 0 .. 9 ] }))[0],
   201, 'streams');
is((dcm_ask('PUT', '/v1/patients/p1', { name => 'Mrs. "Sato"' },
            @p1))[0], 200, 'a name');

($code, $body, $top) = export('json');
is($code, 200, 'JSON');
like($top, qr/^Content-Disposition: attachment/mi, 'as a file');
$data = JSON::PP->new->decode($body);
is($data->{name}, 'Mrs. "Sato"', 'the name');
is(@{ $data->{recordings} }, 11, 'all recordings');
my ($r3) = grep { $_->{id} eq 'r3' } @{ $data->{recordings} };
is($r3->{uploader}, 'p1', 'who sent it');
is($r3->{client_id}, 'client-p1', 'with what');
is($r3->{certificate_s256}, 'A' x 43, 'and which certificate');
is($r3->{start}, $t0 + 300, 'when');
is($r3->{options}, 'sampling_rate_hz=50&placement=pocket', 'how');

my %rows;
push @{ $rows{"$_->{recording} $_->{stream}"} }, @{ $_->{rows} }
    for @{ $data->{samples} };
is(@{ $rows{"r$_ samples"} }, 512, "rows of r$_") for 0 .. 9;
is(@{ $rows{'streams acceleration'} }, 512, 'of acceleration');
is(@{ $rows{'streams heart_rate'} }, 10, 'of the heart');
is_deeply($rows{'streams heart_rate'}[3], [ $t0 + 2003, 73 ], 'a heart rate');


# it can be sent again, to another database

my $again = { rows => $rows{'r3 samples'} };
my ($status, $said) = post('again', { samples => $again->{rows} }, undef,
                           as => [ dcm_as('patient', 'p2', $all) ]);
is($status, 201, 'it can be sent again') or diag explain $said;
($code, $data) = dcm_ask('GET', '/v1/patients/p2/samples', undef,
                         dcm_as('patient', 'p2', $all));
my @lines = split /\n/, $data;
my ($csv) = (export('csv'))[1];
my @mine = grep { /,r3$/ } split /\n/, $csv;
s/,\w+$// for @lines, @mine;
is_deeply([ @lines[1 .. $#lines] ], \@mine, 'and is the same to the digit');

is(($csv =~ tr/\n//), 1 + 10 * 512 + 2 * 512 + 10, 'CSV has all rows');


($code, $body, $top) = export('csv&what=activities');
is($code, 200, 'CSV of activities');
like($top, qr/^Content-Disposition: attachment; filename="activities.csv"/mi,
     'as a file of its own');
is($body, "start,end,activity,confidence,smoothed,heart_rate_bpm,recording,"
          . "model\n", 'there are none yet');
is((export('csv&what=looks'))[0], 400, 'no such table');
is((export('json&what=activities'))[0], 400, 'JSON has all of it');


# a doctor's

is((export('json', @doctor))[0], 404, 'not connected');
is((dcm_ask('PUT', '/v1/patients/p1/caregivers/d1',
            { role => 'doctor', scopes => [ 'samples:read',
                                            'activities:read' ],
              since => $t0 + 450, until => time() + 600 }, @p1))[0], 200,
   'connected');

($code, $body) = export('json', @doctor);
is($code, 200, 'then it is');
$data = JSON::PP->new->decode($body);
is_deeply([ sort map { $_->{id} } @{ $data->{recordings} } ],
          [ (map { "r$_" } 5 .. 9), 'streams' ], 'of the time since');
ok(!exists $data->{caregivers} && !exists $data->{accesses},
   'and of nobody else');
is(scalar(grep { $_->{recording} =~ /r[0-4]/ } @{ $data->{samples} }), 0,
   'no samples of before');

($code, $body) = export('json');
$data = JSON::PP->new->decode($body);
is($data->{caregivers}[0]{id}, 'd1', "the patient's own has who is connected");
is_deeply([ map { "$_->{by} $_->{what}" } @{ $data->{accesses} } ],
          [ 'd1 export' ], 'and who looked');


# refused

is((export('xml'))[0], 400, 'no such form');
is((export('json', dcm_as('caregiver', 'c1', $all)))[0], 404, 'a stranger');
is((export('json', dcm_as('patient', 'p1', 'activities:read')))[0], 403,
   'not with any scope');

# who goes away in between holds nothing

for (1 .. 20) {
    my $s = IO::Socket::UNIX->new(Peer => dcm_socket()) or die;
    my %as = @p1;
    $s->print("GET /v1/patients/p1/export HTTP/1.1\r\nHost: dcm\r\n",
              (map { "$_: $as{$_}\r\n" } keys %as), "\r\n");
    sysread $s, my $first, 100;
    close $s;
}

my $ok;
for (1 .. 500) {
    ($code, $body) = export('csv');
    last if $ok = $code == 200;
    select undef, undef, undef, 0.01;
}
ok($ok, 'and others can export');

# an export that is going on: longer than what sockets hold

is((post('long', ml_packed(0, [ map { my $row = $walk->[$_ % @$walk];
                                      [ $t0 + 3000 + $_ / 50, @$row[1 .. 6] ] }
                                0 .. 49_999 ]),
         'application/vnd.hars.samples'))[0], 201, 'a long recording');
my $p2 = [ dcm_as('patient', 'p2', $all) ];
cmp_ok(read_on(begin_export(\@doctor)), '==', 1, 'a doctor reads all of it');

my $exp = int(time()) + 2;
my $open = begin_export([ @doctor, 'Hars-Exp' => $exp ]);
my $own = begin_export([ @p1, 'Hars-Exp' => $exp ]);
is("$open->{status} $own->{status}", '200 200', 'of tokens that end');
select undef, undef, undef, 0.01 while time() < $exp;
is(read_on($open), 0, "a doctor's breaks off");
is(read_on($own), 1, "... the patient's own is whole");

$open = begin_export(\@doctor);
is((dcm_ask('DELETE', '/v1/patients/p1/caregivers/d1', undef, @p1))[0], 200,
   'disconnected while more is read');
is(read_on($open), 0, 'it breaks off');
cmp_ok($open->{n}, '<', 1_000_000, '... soon');

# two at a time of one who asks, so that others can

my @slow = map { begin_export(\@p1) } 1 .. 2;
is(join(' ', map { $_->{status} } @slow), '200 200', 'two of a patient');
($code, $body, $top) = export('csv');
is($code, 429, 'no third one');
like($top, qr/^Retry-After: \d+/mi, '... for now');
($code) = dcm_ask('GET', '/v1/patients/p2/export', undef, @$p2);
is($code, 200, 'but one of another patient');
is(join(' ', map { read_on($_) } @slow), '1 1', 'both are whole');
is((ended_export())[0], 200, 'and then there may be others');

is(dcm_stop(), 0, 'stopped');
like(dcm_log(), qr/(?:an export ended early: .*\n?){2}/s, 'as the log says');
# as libmicrohttpd has it of the two
unlike(dcm_log() =~ s/\(application error generating response\)//gr,
       qr/error|broke off/, 'nothing was wrong');

done_testing();


# the top of an answer, whose rest nobody reads yet
sub begin_export {
    my ($as) = @_;
    my $s = IO::Socket::UNIX->new(Peer => dcm_socket()) or die;
    my %as = @$as;
    my $text = '';

    $s->print("GET /v1/patients/p1/export?format=csv HTTP/1.1\r\n"
              . "Host: dcm\r\nConnection: close\r\n",
              (map { "$_: $as{$_}\r\n" } keys %as), "\r\n");
    sysread($s, $text, 1, length $text) or last while $text !~ /\r\n\r\n\z/;

    return { s => $s, status => $text =~ m{^HTTP/1.1 (\d+)}, n => 0 };
}


# to the end: is it the end of all?
sub read_on {
    my ($open) = @_;
    my $last = '';

    while (sysread $open->{s}, my $text, 65536) {
        $open->{n} += length $text;
        $last = substr $last . $text, -16;
    }

    return $last =~ /\r\n0\r\n\r\n\z/ ? 1 : 0;
}


# once those who went away are gone
sub ended_export {
    my @got;

    for (1 .. 500) {
        @got = export('csv');
        last if $got[0] != 429;
        select undef, undef, undef, 0.01;
    }

    return @got;
}
