#!/usr/bin/perl

# Recordings in: every form, sent again, what is refused and why, what comes
# out of the store again, order and overlap, restart.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Compress::Gzip qw(gzip);
use IO::Socket::UNIX;
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::ML qw(ml_csv ml_packed ml_walking);

my $walk = ml_walking();
my $t0 = int(time()) - 86400;
my $head = 't_s,ax,ay,az,gx,gy,gz';
my $query = 'placement=pocket&sampling_rate_hz=50';
my @p1 = dcm_as('patient', 'p1', 'recordings:write samples:read');

dcm_start();


# walking, begun at a time
sub rows {
    my ($at) = @_;

    return [ map { [ sprintf('%.6f', $at + $_->[0]) + 0, @$_[1 .. 6] ] }
             @$walk ];
}

sub post {
    my ($id, $body, $type, %option) = @_;

    my $parameters = join '&', "id=$id", grep { length }
        $option{query} // $query;

    return dcm_ask('POST', "/v1/recordings?$parameters", $body,
                   'Content-Type' => $type, @{ $option{as} // \@p1 },
                   %{ $option{header} // {} });
}

# all samples of a patient, page by page: [t, ax .. gz, bpm, recording]
sub samples {
    my ($from, $to, $as) = @_;

    my ($sub) = map { { @$_ }->{'Hars-Sub'} } $as // \@p1;
    my $path = "/v1/patients/$sub/samples?from=$from&to=$to";
    my (@rows, $pages);

    while ($path) {
        my ($code, $text, $top) = dcm_ask('GET', $path, undef,
                                          @{ $as // \@p1 });
        return [ "answer $code" ] if $code != 200;

        my ($first, @lines) = split /\n/, $text;
        is($first, 't_s,ax,ay,az,gx,gy,gz,bpm,recording', 'heading')
            if !$pages++;
        push @rows, map { [ split /,/, $_, -1 ] } @lines;

        $path = $top =~ /^Link: <(\?[^>]*)>; rel="next"/mi
            ? "/v1/patients/$sub/samples$1" : undef;
    }

    return \@rows;
}


# who

is((dcm_ask('POST', "/v1/recordings?id=a&$query", 'x'))[0], 401,
   'nobody is nobody');
is((post('a', 'x', 'text/csv', as => [ dcm_as('patient', 'p1') ]))[0], 403,
   'without the scope');

for my $kind (qw(caregiver doctor service operator fog_node resource_server)) {
    is((post('a', 'x', 'text/csv',
             as => [ dcm_as($kind, 'p1', 'recordings:write') ]))[0], 403,
       "a $kind sends no recording of its own");
}


# every form

my $csv = ml_csv($head, rows($t0));
my ($code, $body) = post('csv', $csv, 'text/csv');
is($code, 201, 'CSV') or diag explain $body;
is($body->{id}, 'csv', 'its id');
is($body->{patient}, 'p1', 'whose it is');
is($body->{state}, 'queued', 'it is to be recognized');
is($body->{samples}, 512, 'samples');
cmp_ok(abs($body->{start} - $t0), '<', 0.002, 'from');
cmp_ok(abs($body->{end} - $t0 - 10.22), '<', 0.002, 'to');
is_deeply($body->{dropped}, { empty => 0, duplicates => 0, outliers => 0,
                              unpaired => 0 }, 'nothing dropped');

my $first = $body;
($code, $body) = post('csv', $csv, 'text/csv');
is($code, 200, 'the same again');
is_deeply($body, $first, 'is answered the same');

is((post('csv', $csv =~ s/\d(?=\n)/$& == 1 ? 2 : 1/er, 'text/csv'))[0], 409,
   'another digit: another recording');
is((post('csv', $csv, 'text/csv', query => "placement=wrist-left&"
         . 'sampling_rate_hz=50'))[0], 409, 'worn elsewhere: another one');
is((post('csv', $csv, 'text/csv',
         as => [ dcm_as('patient', 'p2', 'recordings:write') ]))[0], 201,
   'another patient has ids of its own');

is((post('json', { sampling_rate_hz => 50, placement => 'pocket',
                   samples => rows($t0 + 100) }, undef, query => ''))[0],
   201, 'JSON with all in it');
is((post('json2', { samples => rows($t0 + 200) }))[0], 201,
   'JSON with the options in the query');

is((post('packed', ml_packed(0, rows($t0 + 300)),
         'application/vnd.hars.samples'))[0], 201, 'packed');

my $packed = ml_packed(0, rows($t0 + 400));
gzip \$packed => \my $small;
is((post('gzip', $small, 'application/vnd.hars.samples',
         header => { 'Content-Encoding' => 'gzip' }))[0], 201, 'gzip');
is((post('gzip', $packed, 'application/vnd.hars.samples'))[0], 200,
   'and the same without');

my $ms = ml_csv('epoch_ms,ax,ay,az,gx,gy,gz',
                [ map { [ sprintf('%.0f', ($t0 + 500 + $_->[0]) * 1000),
                          @$_[1 .. 6] ] } @$walk ]);
($code, $body) = post('ms', $ms, 'text/csv');
is($code, 201, 'milliseconds') or diag explain $body;
cmp_ok(abs($body->{start} - $t0 - 500), '<', 0.002, 'are milliseconds');

($code, $body) = post('zero', ml_csv($head, $walk), 'text/csv',
                      query => "$query&started_at=" . ($t0 + 600) . '.25');
is($code, 201, 'times from 0') or diag explain $body;
cmp_ok(abs($body->{start} - $t0 - 600.25), '<', 0.002, 'and when that was');

($code, $body) = post('units', ml_csv($head, [
    map { [ $t0 + 700 + $_->[0], (map { $_ / 9.80665 } @$_[1 .. 3]),
            (map { $_ * 57.29578 } @$_[4 .. 6]) ] } @$walk ]), 'text/csv',
    query => "$query&acceleration=g&rotation=deg/s");
is($code, 201, 'g and deg/s');

($code, $body) = post('streams', {
    sampling_rate_hz => 50, placement => 'pocket',
    acceleration => [ map { [ $t0 + 800 + $_->[0], @$_[1 .. 3] ] } @$walk ],
    rotation => [ map { [ $t0 + 800.005 + $_->[0], @$_[4 .. 6] ] } @$walk ],
    heart_rate => [ map { [ $t0 + 800 + $_, 70 + $_ ] } 0 .. 9 ] });
is($code, 201, 'streams with clocks of their own') or diag explain $body;
is($body->{samples}, 511, 'paired by time');


# what is in the store is what was sent, to the step

my $rows = samples($t0 - 10, $t0 + 50);
is(@$rows, 512, 'all rows come out');
my $off = 0;

for my $i (0 .. $#$rows) {
    $off++ if abs($rows->[$i][0] - $t0 - $walk->[$i][0]) > 2e-6;
    $off++ if grep { abs($rows->[$i][$_] - $walk->[$i][$_])
                     > ($_ < 4 ? 0.0003 : 0.00012) } 1 .. 6;
    $off++ if $rows->[$i][7] ne '' || $rows->[$i][8] ne 'csv';
}
is($off, 0, 'with their times and values');

my $again = samples($t0 + 690, $t0 + 790);
$off = grep { my $i = $_; grep { abs($again->[$i][$_] - $rows->[$i][$_])
                                 > 0.0008 } 1 .. 6 } 0 .. 511;
is($off, 0, 'g and deg/s became m/s^2 and rad/s');

for my $at (100, 200, 300, 400, 500) {
    my $other = samples($t0 + $at - 1, $t0 + $at + 20);
    $off = grep { my $i = $_; grep { abs($other->[$i][$_] - $rows->[$i][$_])
                                     > 0.0002 } 1 .. 6 } 0 .. 511;
    is($off, 0, "the form does not matter: $other->[0][8]");
}

$rows = samples($t0 + 799, $t0 + 820);
is(@$rows, 2 * 512 + 10, 'three streams');
is_deeply([ map { join '', map { length ? 'x' : '-' } @$_[1 .. 7] }
            (grep { $_->[7] } @$rows)[0], (grep { $_->[1] } @$rows)[0],
            (grep { $_->[4] } @$rows)[0] ],
          [ '------x', 'xxx----', '---xxx-' ], 'in their columns');

$rows = samples($t0 + 101, $t0 + 102);
is(@$rows, 50, 'a second of it');
is(@{ samples(0, $t0 - 3600) }, 0, 'nothing before');
is((dcm_ask('GET', "/v1/patients/p1/samples?from=yesterday", undef,
            @p1))[0], 400, 'no such time');
is((dcm_ask('GET', "/v1/patients/p1/samples?after=1", undef, @p1))[0], 400,
   'no such place');
is((dcm_ask('GET', '/v1/patients/p1/samples', undef,
            dcm_as('patient', 'p2', 'samples:read')))[0], 404,
   'of somebody else');


# order and overlap do not matter: each recording stands for itself

is((post('late', ml_csv($head, rows($t0 - 5000)), 'text/csv'))[0], 201,
   'an older one after newer ones');
is((post('over', ml_csv($head, rows($t0 + 5)), 'text/csv'))[0], 201,
   'one that overlaps another');
is(@{ samples($t0 - 10, $t0 + 50) }, 1024, 'both are there');

my @gap = @{ rows($t0 + 1000) };
$_->[0] += 3600 for @gap[256 .. 511];
($code, $body) = post('gap', ml_csv($head, \@gap), 'text/csv');
is($code, 201, 'a clock that jumped an hour ahead') or diag explain $body;
cmp_ok(abs($body->{end} - $t0 - 1000 - 3600 - 10.22), '<', 0.01,
       'it is a gap');

my @twice = @{ rows($t0 + 5000) };
splice @twice, 10, 0, [ @{ $twice[9] } ];
($code, $body) = post('twice', ml_csv($head, \@twice), 'text/csv');
is($code, 201, 'a row sent twice') or diag explain $body;
is($body->{dropped}{duplicates}, 1, 'is dropped and told');
is($body->{samples}, 512, 'and does not count');


# a recording of an hour: several pages

my @hour = map { my $k = $_; map { [ $t0 + 20000 + $k * 10.24 + $_->[0],
                                     @$_[1 .. 6] ] } @$walk } 0 .. 175;
$packed = ml_packed(0, [ @hour[0 .. 89999] ]);
($code, $body) = post('hour', $packed, 'application/vnd.hars.samples');
is($code, 201, 'half an hour') or diag explain $body;
$rows = samples($t0 + 20000, $t0 + 24000);
is(@$rows, 90000, 'comes out in pages');
ok(!(grep { $rows->[$_][0] <= $rows->[$_ - 1][0] } 1 .. 89999),
   'in order, none twice');


# refused, with field and row; nothing of it stays

sub refused {
    my ($name, $status, $field, $row, $body, %option) = @_;

    my $type = ref $body ? 'application/json' : 'text/csv';
    my ($code, $said, $top) = post($option{id} // 'bad', $body, $option{type} // $type,
                                   %option);

    is($code, $status, "$name: $status") or diag explain $said;
    like($top, qr{^Content-Type: application/problem\+json}mi,
         "$name: a problem");
    is($said->{field}, $field, "$name: names the field");
    is($said->{row}, $row, "$name: names the row");
    is($said->{status}, $status, "$name: status");
    like($said->{detail}, $option{says} // qr/./, "$name: says why");
}

sub broken {
    my ($i, $k, $value) = @_;

    my $rows = rows($t0 + 9000);
    $rows->[$i][$k] = $value;

    return ml_csv($head, $rows);
}

my $good = ml_csv($head, rows($t0 + 9000));

refused('no id', 422, 'id', undef, $good, id => '');
refused('an id with a slash', 422, 'id', undef, $good, id => 'a/b');
refused('no placement', 422, 'placement', undef, $good,
        query => 'sampling_rate_hz=50');
refused('in a bag', 422, 'placement', undef, $good,
        query => 'sampling_rate_hz=50&placement=bag');
refused('no rate', 422, 'sampling_rate_hz', undef, $good,
        query => 'placement=pocket');
refused('a rate that is not', 422, 'sampling_rate_hz', undef, $good,
        query => 'placement=pocket&sampling_rate_hz=200');
refused('a parameter nobody knows', 422, undef, undef, $good,
        query => "$query&colour=blue");
refused('an id of dots', 422, 'id', undef, $good, id => '..');
refused('an id twice', 422, undef, undef, $good, query => "id=c&$query");
refused('a placement twice', 422, undef, undef, $good,
        query => "$query&placement=pocket");
refused('a model', 422, 'model', undef, $good, query => "$query&model=x");
refused('no start', 422, 'started_at', undef, $good,
        query => "$query&started_at=soon");

refused('infinity', 422, 'samples', 17, broken(17, 2, 'inf'));
refused('no number', 422, 'samples', 18, broken(18, 3, 'x'));
refused('one of six is missing', 422, 'samples', 19, broken(19, 3, ''));
refused('time back', 422, 'samples', 20, broken(20, 0, $t0 + 9000));
refused('before 2000', 422, 'samples', 0, ml_csv($head, $walk),
        says => qr/started_at/);
refused('tomorrow and a day', 422, 'samples', 0,
        ml_csv($head, rows(time() + 90000)), says => qr/clock/);
refused('in g', 422, 'samples', undef,
        ml_csv($head, [ map { [ $_->[0] + $t0,
                                (map { $_ / 9.80665 } @$_[1 .. 3]),
                                @$_[4 .. 6] ] } @$walk ]), says => qr/ g /);
refused('in deg/s', 422, 'samples', 0,
        ml_csv($head, [ map { [ $_->[0] + $t0, @$_[1 .. 3],
                                (map { $_ * 57.3 } @$_[4 .. 6]) ] }
                        @$walk ]));
refused('a moment', 422, 'samples', undef,
        ml_csv($head, [ @{ rows($t0) }[0 .. 20] ]));
refused('no row', 422, 'samples', undef, "$head\n");
refused('nothing', 400, 'samples', undef, '');
refused('no JSON', 400, undef, undef, '{', type => 'application/json');
refused('a member nobody knows', 422, undef, undef,
        { samples => rows($t0), colour => 1 });
refused('empty', 422, 'samples', undef, { samples => [] });
refused('NaN in JSON', 400, undef, undef, '{"samples": [[NaN]]}',
        type => 'application/json');
refused('an array for a row', 422, 'samples', 1,
        { samples => [ rows($t0)->[0], [ 1, 2 ] ] });
refused('another form', 415, undef, undef, 'x', type => 'text/plain');
refused('another coding', 415, undef, undef, 'x',
        header => { 'Content-Encoding' => 'br' });
refused('no gzip', 400, undef, undef, 'x',
        header => { 'Content-Encoding' => 'gzip' });

my $rotation = ml_csv('t_s,ax,ay,az', [ map { [ @$_[0 .. 3] ] }
                                        @{ rows($t0) } ]);
refused('no gyroscope', 422, 'samples', undef, $rotation,
        says => qr/rotation is missing/);

my $large = '{"samples": [' . ' ' x (1024 * 1024) . ']}';
refused('JSON of more than a megabyte', 413, undef, undef, $large,
        type => 'application/json', says => qr/text\/csv/);
gzip \$large => \$small;
refused('the same in little', 413, undef, undef, $small,
        type => 'application/json',
        header => { 'Content-Encoding' => 'gzip' });

is((post('bad', $good, 'text/csv'))[0], 201, 'nothing of these was stored');


# who breaks off leaves nothing: half a body in each form, and no end

for my $i (1 .. 60) {
    my ($type, $half, @more) = @{ (
        [ 'text/csv', substr $good, 0, length($good) / 2 ],
        [ 'application/vnd.hars.samples', substr $packed, 0, 999_999 ],
        [ 'application/json', '{"samples": [[1, 2' ],
        [ 'text/csv', substr($small, 0, length($small) / 2),
          'Content-Encoding: gzip' ],
    )[$i % 4] };
    my %as = @p1;
    my $s = IO::Socket::UNIX->new(Peer => dcm_socket()) or die;

    local $SIG{PIPE} = 'IGNORE';
    $s->print("POST /v1/recordings?id=half$i&$query HTTP/1.1\r\nHost: dcm\r\n",
              "Content-Type: $type\r\n", (map { "$_\r\n" } @more),
              (map { "$_: $as{$_}\r\n" } sort keys %as),
              'Content-Length: ', 2 * length $half, "\r\n\r\n", $half);
    close $s;
}

is((post("half$_", $good, 'text/csv'))[0], 201, "the end of half$_")
    for 1 .. 4;


# what was acknowledged stays

is(dcm_kill(), 9, 'killed');
dcm_start();
is((post('csv', $csv, 'text/csv'))[0], 200, 'it is there again');
is(@{ samples($t0 + 20000, $t0 + 24000) }, 90000, 'all of it');
is(dcm_stop(), 0, 'stopped');

done_testing();
