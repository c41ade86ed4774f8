#!/usr/bin/perl

# The forms that a recording may come in: the same samples as JSON, CSV and
# packed, compressed or not, are the same windows; streams with clocks of
# their own become one recording; what is broken names its row.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Zlib;
use HarsTest::ML;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time sleep);

my $PACKED = 'application/vnd.hars.samples';
my $HEAD = 't_s,ax,ay,az,gx,gy,gz';
my $path = '/v1/recognitions?sampling_rate_hz=50';
my $walking = ml_walking();

ml_start();

forms();
csv_refused();
packed_refused();
bounds();
streams();
hearts();
spikes();
answers();
strange();
held();
device();

ok(ml_alive(), 'the service is still there');
is(ml_stop(), 0, 'and ends in order');

done_testing();


sub activities {
    my ($answer) = @_;

    return ref $answer && $answer->{windows}
        ? join ' ', map { $_->{activity} } @{ $answer->{windows} } : '';
}


sub forms {
    my (undef, $json) = ml_ask('POST', '/v1/recognitions',
                               { sampling_rate_hz => 50,
                                 samples => $walking });
    is(activities($json), join(' ', ('walking') x 7), 'JSON: walking');

    my $csv = ml_csv($HEAD, $walking);
    my ($status, $got) = ml_ask('POST', $path, $csv,
                                'Content-Type' => 'text/csv');
    is($status, 200, 'CSV: 200');
    is_deeply($got, $json, 'CSV: the same answer');

    (my $crlf = $csv) =~ s/\n/\r\n/g;
    (undef, $got) = ml_ask('POST', $path, $crlf,
                           'Content-Type' => 'text/csv; charset=utf-8');
    is_deeply($got, $json, 'CSV with CRLF: the same answer');

    (undef, $got) = ml_ask('POST', $path, Compress::Zlib::memGzip($csv),
                           'Content-Type' => 'text/csv',
                           'Content-Encoding' => 'gzip');
    is_deeply($got, $json, 'CSV, gzip: the same answer');

    ($status, $got) = ml_ask('POST', $path, ml_packed(0, $walking),
                             'Content-Type' => $PACKED);
    is($status, 200, 'float32: 200');
    is(activities($got), activities($json), 'float32: the same activities');

    my $block = ml_packed(0, [ @$walking[0 .. 99] ])
        . ml_packed(0, [ @$walking[100 .. $#$walking] ]);
    my (undef, $two) = ml_ask('POST', $path, $block,
                              'Content-Type' => $PACKED);
    is_deeply($two, $got, 'float32 in two blocks: the same answer');

    (undef, $got) = ml_ask('POST', $path,
                           ml_packed(0, $walking, [ 0.005, 0.001 ]),
                           'Content-Type' => $PACKED);
    is(activities($got), activities($json), 'int16: the same activities');

    my @g = map { my @r = @$_; $_ /= 9.80665 for @r[1 .. 3];
                  $_ *= 180 / 3.14159265358979 for @r[4 .. 6]; \@r }
        @$walking;
    (undef, $got) = ml_ask('POST', "$path&acceleration=g&rotation=deg%2Fs"
                           . '&placement=pocket', ml_csv($HEAD, \@g),
                           'Content-Type' => 'text/csv');
    is(activities($got), activities($json), 'CSV in g and deg/s');
}


sub refusal {
    my ($what, $want, $answer) = @_;

    my ($status, $field, $row, $column, $text) = @$want;
    my ($got, $p) = @$answer;

    is($got, $status, "$what: $status") or diag(explain($p));
    return unless ref $p;
    is($p->{field}, $field, "$what: the field");
    is($p->{row}, $row, "$what: the row");
    is($p->{column}, $column, "$what: the column");
    like($p->{detail}, $text, "$what: the mend");
}


sub csv_refused {
    my $rows = ml_csv($HEAD, $walking);
    my $swap = sub { my ($n, $line) = @_; my @l = split /\n/, $rows;
                     $l[$n + 1] = $line; join "\n", @l, '' };

    my @case = (
        [ 'nothing', '', [ 400, 'samples', undef, undef, qr/heading/ ] ],
        [ 'no heading', "1,2,3\n", [ 400, 'samples', undef, undef,
                                     qr/heading/ ] ],
        [ 'no row', "$HEAD\n", [ 422, 'samples', undef, undef, qr/no row/ ] ],
        [ 'a word', $swap->(17, '0.34,1,2,x,4,5,6'),
          [ 422, 'samples', 17, 3, qr/number/ ] ],
        [ 'inf', $swap->(17, '0.34,1,2,inf,4,5,6'),
          [ 422, 'samples', 17, 3, qr/number/ ] ],
        [ '1e999', $swap->(17, '0.34,1,2,1e999,4,5,6'),
          [ 422, 'samples', 17, 3, qr/number/ ] ],
        [ 'hexadecimal', $swap->(17, '0.34,0x10,2,3,4,5,6'),
          [ 422, 'samples', 17, 1, qr/number/ ] ],
        [ 'one value missing', $swap->(17, '0.34,1,,3,4,5,6'),
          [ 422, 'samples', 17, 2, qr/missing/ ] ],
        [ 'six columns', $swap->(17, '0.34,1,2,3,4,5'),
          [ 422, 'samples', 17, undef, qr/7 columns/ ] ],
        [ 'a hundred columns', $swap->(17, join ',', 1 .. 100),
          [ 422, 'samples', 17, undef, qr/7 columns/ ] ],
        [ 'time back', $swap->(17, '0.1,1,2,3,4,5,6'),
          [ 422, 'samples', 17, 0, qr/in order/ ] ],
        [ 'no time', $swap->(17, ',1,2,3,4,5,6'),
          [ 422, 'samples', 17, 0, qr/time/ ] ],
        [ 'zero bytes', "\0" x 1000, [ 400, 'samples', undef, undef,
                                       qr/heading/ ] ],
    );

    refusal("CSV: $_->[0]", $_->[2],
            [ ml_ask('POST', $path, $_->[1], 'Content-Type' => 'text/csv') ])
        for @case;

    for ([ 'no rate', '', [ 422, 'sampling_rate_hz', undef, undef,
                            qr/number/ ] ],
         [ 'rate nan', '?sampling_rate_hz=nan',
           [ 422, 'sampling_rate_hz', undef, undef, qr/number/ ] ],
         [ 'rate 1e9', '?sampling_rate_hz=1e9',
           [ 422, 'sampling_rate_hz', undef, undef, qr/within/ ] ],
         [ 'what is not known', '?sampling_rate_hz=50&colour=blue',
           [ 422, undef, undef, undef, qr/not known/ ] ],
         [ 'a bad code', '?placement=%0', [ 422, undef, undef, undef,
                                            qr/encoded/ ] ],
         [ 'another place', '?sampling_rate_hz=50&placement=wrist-left',
           [ 422, 'placement', undef, undef, qr/pocket/ ] ],
         [ 'another model', '?sampling_rate_hz=50&model=m',
           [ 422, 'model', undef, undef, qr/models/ ] ],
         [ 'another unit', '?sampling_rate_hz=50&rotation=rpm',
           [ 422, 'units.rotation', undef, undef, qr/deg/ ] ])
    {
        refusal("query: $_->[0]", $_->[2],
                [ ml_ask('POST', "/v1/recognitions$_->[1]", $rows,
                         'Content-Type' => 'text/csv') ]);
    }

    my ($status) = ml_ask('POST', $path, { samples => [] });
    is($status, 422, 'a query beside JSON: 422');
}


sub packed_refused {
    my $good = ml_packed(0, $walking);
    my $put = sub { my ($at, $bytes) = @_; my $b = $good;
                    substr $b, $at, length $bytes, $bytes; $b };
    my $row = sub { $put->(32 + 28 * $_[0] + $_[1], $_[2]) };

    my @case = (
        [ 'nothing', '', [ 400, 'samples', 0, undef, qr/header/ ] ],
        [ 'cut in the header', substr($good, 0, 31),
          [ 400, 'samples', 0, undef, qr/header/ ] ],
        [ 'cut in a row', substr($good, 0, -1),
          [ 400, 'samples', 0, undef, qr/shorter/ ] ],
        [ 'a byte more', "${good}H", [ 400, 'samples', 512, undef,
                                       qr/header/ ] ],
        [ 'another version', $put->(4, "\2"), [ 400, 'samples', 0, undef,
                                                qr/version/ ] ],
        [ 'a stream not known', $put->(5, "\4"),
          [ 400, 'samples', 0, undef, qr/header/ ] ],
        [ 'four thousand million rows', $put->(8, "\xff" x 4),
          [ 400, 'samples', 0, undef, qr/shorter/ ] ],
        [ 'no row', ml_packed(0, [ [ 0 ] ]) =~ s/^(.{8}).{4}/$1\0\0\0\0/sr,
          [ 400, 'samples', 0, undef, qr/header/ ] ],
        [ 'infinity', $row->(9, 8, pack 'f<', 9**9**9),
          [ 422, 'samples', 9, 2, qr/number/ ] ],
        [ 'NaN in one', $row->(9, 8, pack 'f<', -sin 9**9**9),
          [ 422, 'samples', 9, 2, qr/missing/ ] ],
        [ 'a time NaN', $put->(24, pack 'd<', -sin 9**9**9),
          [ 400, 'samples', 0, 0, qr/time/ ] ],
        [ 'time back', $row->(9, 0, pack 'V', 0),
          [ 422, 'samples', 9, 0, qr/order/ ] ],
    );

    refusal("packed: $_->[0]", $_->[2],
            [ ml_ask('POST', $path, $_->[1], 'Content-Type' => $PACKED) ])
        for @case;

    my ($status, $got) = ml_ask('POST', $path, $row->(9, 8, pack 'f<', 1e-42),
                                'Content-Type' => $PACKED);
    is($status, 200, 'packed: a denormal is a number');
}


sub bounds {
    my $csv = ml_csv($HEAD, $walking);
    my $gzip = sub { ml_ask('POST', $path, $_[0], 'Content-Type' => 'text/csv',
                            'Content-Encoding' => 'gzip') };
    my $zipped = Compress::Zlib::memGzip($csv);

    refusal('gzip: cut', [ 400, undef, undef, undef, qr/gzip/ ],
            [ $gzip->(substr $zipped, 0, -9) ]);
    refusal('gzip: none', [ 400, undef, undef, undef, qr/gzip/ ],
            [ $gzip->($csv) ]);
    refusal('gzip: something behind', [ 400, undef, undef, undef, qr/gzip/ ],
            [ $gzip->($zipped . 'x') ]);

    my $before = resident();
    refusal('gzip: a bomb', [ 413, undef, undef, undef, qr/larger/ ],
            [ ml_ask('POST', '/v1/recognitions',
                     Compress::Zlib::memGzip("\0" x (256 << 20)),
                     'Content-Type' => 'application/json',
                     'Content-Encoding' => 'gzip') ]);
    cmp_ok(resident() - $before, '<', 16 << 10,
           'gzip: a bomb: below 16 MB of memory');

    my ($status, $p) = ml_ask('POST', $path, $csv,
                              'Content-Type' => 'text/csv',
                              'Content-Encoding' => 'br');
    is($status, 415, 'another coding: 415');

    ($status) = ml_ask('POST', '/v1/recognitions', ' ' x (1 << 20),
                       'Content-Type' => 'application/json');
    is($status, 400, '1 MB of JSON: read');
    ($status) = ml_ask('POST', '/v1/recognitions', ' ' x ((1 << 20) + 1),
                       'Content-Type' => 'application/json');
    is($status, 413, 'one byte more: 413');
}


# KB
sub resident {
    my $pid = ml_pid();

    open my $fh, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$fh>;

    return $kb;
}


# the walking rows as two streams, the rotation 3 ms later
sub apart {
    my @a = map { [ @$_[0 .. 3] ] } @$walking;
    my @g = map { [ $_->[0] + 0.003, @$_[4 .. 6] ] } @$walking;

    return (\@a, \@g);
}


sub streams {
    my ($a, $g) = apart();
    my $all = sub { return { sampling_rate_hz => 50, acceleration => $a,
                             rotation => $g, @_ } };

    my ($status, $json) = ml_ask('POST', '/v1/recognitions', $all->());
    is($status, 200, 'streams: 200') or diag(explain($json));
    is(activities($json), join(' ', ('walking') x 6), 'streams: walking');

    my $mixed = ml_csv('stream,t_s,x,y,z',
                       [ map { ([ 'a', @{ $a->[$_] } ], [ 'g', @{ $g->[$_] } ])
                             } 0 .. $#$a ]);
    my ($s, $csv) = ml_ask('POST', $path, $mixed,
                           'Content-Type' => 'text/csv');
    is_deeply($csv, $json, 'streams, CSV: the same answer');

    my (undef, $packed) = ml_ask('POST', $path,
                                 ml_packed(2, $g) . ml_packed(1, $a),
                                 'Content-Type' => $PACKED);
    is(activities($packed), activities($json), 'streams, packed');

    my @case = (
        [ 'no rotation', { rotation => undef }, 'rotation', undef,
          qr/needed/ ],
        [ 'both kinds', { samples => $walking }, 'acceleration',
          0, qr/not for one/ ],
        [ 'times apart', { rotation => [ map { [ $_->[0] + 100,
            @$_[1 .. 3] ] } @$g ] }, 'samples', undef, qr/in common/ ],
        [ 'rotation goes back', { rotation => [ @$g[0 .. 9, 5] ] },
          'rotation', 10, qr/order/ ],
        [ 'one time thrice', { acceleration => [ @$a[0 .. 9],
            map { [ 0.2, $_, 9, 1 ] } 1 .. 3 ] }, 'acceleration', 11,
          qr/arrival/ ],
    );

    for (@case) {
        my ($what, $change, $field, $row, $text) = @$_;
        my $body = $all->(%$change);
        my ($st, $p) = ml_ask('POST', '/v1/recognitions', $body);

        is($st, 422, "streams: $what: 422") or diag(explain($p));
        is($p->{field}, $field, "streams: $what: the field");
        is($p->{row}, $row, "streams: $what: the row");
        like($p->{detail}, $text, "streams: $what: the mend");
    }

    my $body = $all->();
    delete $body->{rotation};
    my ($st, $p) = ml_ask('POST', '/v1/recognitions', $body);
    like($p->{detail}, qr/acceleration alone/, 'streams: rotation missing');
}


sub hearts {
    my $with = sub { ml_ask('POST', '/v1/recognitions',
                            { sampling_rate_hz => 50, samples => $walking,
                              heart_rate => $_[0] }) };
    my ($status, $got) = $with->([ map { [ $_, $_ == 4 ? 0 : 70 + $_ ] }
                                   0 .. 5 ]);

    is_deeply([ map { $_->{heart_rate_bpm} } @{ $got->{windows} } ],
              [ 71, 72.5, 74, 75, undef, undef, undef ],
              'heart rate: the median of those in the window')
        or diag(explain([ map { [ @$_{qw(start_s end_s heart_rate_bpm)} ] }
                          @{ $got->{windows} } ]));

    ($status, $got) = $with->([ [ 1, 70 ], [ 0, 70 ] ]);
    is("$status $got->{field} $got->{row}", '422 heart_rate 1',
       'heart rate: time back');
    ($status, $got) = $with->([ [ 1, 'x' ] ]);
    is("$status $got->{field} $got->{row}", '422 heart_rate 0',
       'heart rate: no number');
}


sub spikes {
    my @rows = map { [ @$_ ] } @$walking;
    $rows[$_][2] += 180 for 100, 200, 300;
    $rows[$_][5] = 1e5 for 150, 250;

    my ($status, $got) = ml_ask('POST', '/v1/recognitions',
                                { sampling_rate_hz => 50, samples => \@rows });
    is($got->{records}{outliers}, 5, 'spikes: five records are dropped');
    is(activities($got), join(' ', ('walking') x 7), 'spikes: walking');
}


sub answers {
    my $body = { sampling_rate_hz => 50, samples => $walking,
                 heart_rate => [ [ 1, 70 ] ] };
    my $ask = sub { ml_ask('POST', '/v1/recognitions', $body, @_) };

    my ($status, $json, $head) = $ask->(Accept => 'application/json');
    is($status, 200, 'Accept JSON: 200');
    is($json->{windows}[0]{probabilities}, undef,
       'no probabilities without the scope');

    for ('text/html, */*;q=0.1', 'application/*', 'text/csv, application/json')
    {
        (undef, my $got) = $ask->(Accept => $_);
        is_deeply($got, $json, "Accept $_: JSON");
    }

    ($status, my $csv, $head) = $ask->(Accept => 'text/csv');
    my @line = split /\r\n/, $csv;
    is(scalar @line, 8, 'Accept CSV: heading and 7 windows');
    like($line[1], qr/^0\.000000,2\.560000,walking,0\.\d{4},walking,70$/,
         'Accept CSV: a window');
    like($head, qr{^Content-Type: text/csv}m, 'Accept CSV: the type');

    # RFC 9110, 5.3 and 12.4.2: lines are one list, 0 is not acceptable
    for ([ "application/json\r\nAccept: text/csv", 'application/json' ],
         [ "image/png\r\nAccept: text/csv", 'text/csv' ],
         [ 'application/json;q=0, text/csv', 'text/csv' ],
         [ 'application/json;q=0.3, text/csv;q=0.5', 'text/csv' ],
         [ 'text/csv;q=0, */*;q=0.1', 'application/json' ])
    {
        my ($accept, $type) = @$_;

        ($status, undef, $head) = $ask->(Accept => $accept);
        like($head, qr{^HTTP/1.1 200 .*^Content-Type: \Q$type\E}ms,
             join ' and ', "Accept $type", $accept =~ /\r\n/ ? 'lines' : ());
    }

    for ('*/*;q=0', 'text/csv;q=2', 'json') {
        ($status) = $ask->(Accept => $_);
        is($status, 406, "Accept $_: 406");
    }

    ($status) = $ask->(Accept => 'image/png');
    is($status, 406, 'Accept something else: 406');

    (undef, my $all) = $ask->('Hars-Scope' =>
                              'ml:recognize ml:probabilities');
    my $share = $all->{windows}[0]{probabilities};
    my $sum = 0;
    $sum += $_ for values %$share;

    is(scalar keys %$share, 6, 'ml:probabilities: of six activities');
    cmp_ok(abs($sum - 1), '<', 0.01, 'ml:probabilities: in all 1');
    is($share->{walking}, $all->{windows}[0]{confidence},
       'ml:probabilities: the confidence is one of them');

    (undef, my $none) = $ask->('Hars-Scope' => 'xml:probabilities ml:prob'
                          . ' ml:probabilities2');
    is_deeply($none, $json, 'another scope: none');
}


# what sensors say that are broken, or lie on a table in a laboratory
sub strange {
    my $ask = sub { ml_ask('POST', '/v1/recognitions',
                           { sampling_rate_hz => 50, samples => $_[0] }) };
    my $all = sub { [ map { [ $_ / 50, @_ ] } 0 .. 511 ] };

    my ($status, $got) = $ask->($all->(0, 0, -9.80665, 0, 0, 0));
    is("$status " . scalar @{ $got->{windows} }, '200 7', 'constant: 200');
    is(scalar(grep { !($_->{confidence} >= 0 && $_->{confidence} <= 1) }
              @{ $got->{windows} }), 0, 'constant: confidences');

    for ([ 'saturated', [ (156.9) x 3, (34.9) x 3 ], 422, qr/gravity/ ],
         [ 'denormal', [ (1e-310) x 6 ], 422, qr/gravity/ ],
         [ 'a missing axis', [ 9.8, undef, 1, 0, 0, 0 ], 422, qr/missing/ ],
         [ 'no gyroscope', [ 0, 0, 9.8, undef, undef, undef ], 422,
           qr/missing/ ])
    {
        my ($what, $row, $want, $text) = @$_;

        ($status, $got) = $ask->($all->(@$row));
        is($status, $want, "$what: $want");
        like($got->{detail}, $text, "$what: the mend");
    }

    my @one = ([ 0, 1, 2, 9, 0, 0, 1 ]);
    my @case = (
        [ 'CSV', ml_csv($HEAD, \@one), 'text/csv' ],
        [ 'packed', ml_packed(0, \@one), $PACKED ],
        [ 'streams', ml_csv('stream,t_s,x,y,z', [ [ 'a', 0, 1, 2, 9 ],
                                                  [ 'g', 0, 1, 2, 9 ] ]),
          'text/csv' ],
    );

    for (@case) {
        my ($what, $body, $type) = @$_;

        ($status) = ml_ask('POST', $path, $body, 'Content-Type' => $type);
        is($status, 422, "one sample, $what: 422");
    }
}


# streams that wait for the other one, from more clients than there is
# memory for
sub held {
    my ($refused, $judged, $rows, @held) = (0, 0, 149_999);
    my $body = pack('a4CCCCVf<f<Vd<', 'HARS', 1, 2, 0, 0, $rows + 1, 1, 1, 0,
                    0) . join('', map { pack 'Vf<3', 20_000 * $_, 1, 2, 3 }
                              1 .. $rows);

    local $SIG{PIPE} = 'IGNORE';

    for (1 .. 24) {
        my $s = IO::Socket::UNIX->new(Peer => ml_dir() . '/ml.sock') or next;

        $s->print("POST $path HTTP/1.1\r\nHost: ml\r\n"
                  . "Content-Type: $PACKED\r\nContent-Length: "
                  . (length($body) + 16) . "\r\n\r\n", $body);
        push @held, $s;
    }

    # until the service has read all that was sent (SIOCOUTQ)
    my $end = time() + 60;
    for my $s (@held) {
        my $left = pack 'i', 0;
        ioctl $s, 0x5411, $left;
        last if time() > $end;
        if (unpack 'i', $left) {
            sleep 0.01;
            redo;
        }
    }

    for (@held) {
        $_->print("\xff" x 4, "\0" x 12);
        my $line = <$_> // '';
        $refused += $line =~ / 503 /;
        $judged += $line =~ / 422 /;
    }

    cmp_ok($refused, '>=', 8, 'those beyond 128 MB: 503');
    cmp_ok($judged, '>=', 4, 'those below: judged');
    is($refused + $judged, 24, 'and nothing else of 24 clients');
    my $mb = resident() / 1024;
    cmp_ok($mb, '<', 144, 'and below 144 MB of memory') or diag($mb);
    @held = ();

    my ($status) = ml_ask('POST', '/v1/recognitions',
                          { sampling_rate_hz => 50, samples => $walking });
    is($status, 200, 'when they are gone: 200');
}


# MetaMotionR: g, deg/s, three records a packet, lost ones, an outage
sub device {
    my $data = ml_shared() . '/har/streams';

    if (! -f "$data/accel.csv.gz") {
        diag("SKIPPED: $data is not there, MetaMotionR is not tested");
        return;
    }

    my @rows;
    for ([ 'a', 'accel.csv.gz' ], [ 'g', 'gyro.csv.gz' ],
         [ 'h', 'heart_rate_SYNTHETIC.csv' ])
    {
        my ($stream, $file) = @$_;
        my $gz = gzopen("$data/$file", 'rb') or die "$file\n";
        my $line;

        $gz->gzreadline($line);
        while ($gz->gzreadline($line) > 0) {
            $line =~ s/\s+\z//;
            push @rows, "$stream,$line";
        }
    }

    my $body = join "\n", 'stream,epoch_ms,x,y,z', @rows, '';
    my ($status, $got) = ml_ask('POST', "$path&acceleration=g&rotation=deg/s"
                                . '&times=arrival',
                                Compress::Zlib::memGzip($body),
                                'Content-Type' => 'text/csv',
                                'Content-Encoding' => 'gzip');

    is($status, 200, 'MetaMotionR: 200') or return diag(explain($got));
    is($got->{records}{empty}, 30, 'MetaMotionR: 30 empty records');
    is($got->{records}{duplicates}, 12, 'MetaMotionR: 12 duplicates');
    is($got->{records}{outliers}, 0, 'MetaMotionR: no outliers');
    cmp_ok(abs($got->{rotation_drift_ppm} - 200), '<', 20,
           'MetaMotionR: the gyroscope\'s clock is 200 ppm fast')
        or diag($got->{rotation_drift_ppm});
    diag("MetaMotionR: drift $got->{rotation_drift_ppm} ppm");

    open my $fh, '<', "$data/labels.csv" or die;
    my @label = map { /^(\d+),(\d+),(\w+)/ ? [ $1 / 1000, $2 / 1000, $3 ] : ()
                    } <$fh>;
    my ($right, $n, $beats) = (0, 0, 0);

    for my $w (@{ $got->{windows} }) {
        $beats += defined $w->{heart_rate_bpm};

        for (@label) {
            next if $w->{start_s} < $_->[0] || $w->{end_s} > $_->[1];
            $n++;
            $right += $w->{activity} eq $_->[2];
        }
    }

    diag(sprintf 'MetaMotionR: %d of %d windows within a label are right, '
         . '%d windows in all', $right, $n, scalar @{ $got->{windows} });
    cmp_ok($n, '>=', 160, 'MetaMotionR: windows of 236 s');
    cmp_ok($right / $n, '>=', 0.97, 'MetaMotionR: at least 97 % are right');
    cmp_ok($beats, '>', 150, 'MetaMotionR: with heart rates');
    is(scalar(grep { $_->{start_s} < $label[0][0] - 0.1 + 133
                     && $_->{end_s} > $label[0][0] + 131 }
              @{ $got->{windows} }), 0,
       'MetaMotionR: no window across the outage');
}
