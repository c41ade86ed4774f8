#!/usr/bin/perl

# Streams that are recognized while they come: the windows are the same bytes
# however the samples were cut into requests and in whichever form they came,
# and the same as of the whole recording; a stream is its creator's alone,
# goes when it is idle, holds little, and is as before after a fault.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Zlib;
use HarsTest::ML;
use JSON::PP;
use POSIX ();
use Test::More;

my $PACKED = 'application/vnd.hars.samples';
my $walking = ml_walking();
my $alice = { 'Hars-Sub' => 'alice', 'Hars-Client-Id' => 'client-1' };

srand 4711;

ml_start(sessions => 64, session_idle => 2);

cuts();
apart();
gap();
device();
whose();
faults();
outliers();
reading();
together();
bounded();
idle();

ok(ml_alive(), 'the service is still there');
is(ml_stop(), 0, 'and ends in order');

ml_start(sessions => 2048);
memory();
ml_stop();

ml_start(model => "$FindBin::Bin/../../backend/mlservice/model-wrist.hars");
late();
ml_stop();

done_testing();


sub create {
    my ($options, $who) = @_;

    my ($status, $got, $head) =
        ml_ask('POST', '/v1/streams', { sampling_rate_hz => 50,
                                        %{ $options // {} } },
               %{ $who // $alice });

    return ($status, $got, $head) if wantarray;

    die "stream not made: $status" if $status != 201;
    return $got->{id};
}


sub append {
    my ($id, $body, %header) = @_;

    return ml_ask('POST', "/v1/streams/$id", $body, %$alice, %header);
}


# the text between the brackets of "windows"
sub windows {
    my ($text) = @_;

    return $text =~ /"windows":\[(.*)\]/s ? $1 : "?$text";
}


# rows in random parts; the windows as text
sub stream {
    my ($options, $rows, $most, $body) = @_;

    my $id = create($options);
    my @rows = @$rows;
    my @windows;

    while (@rows) {
        my @part = splice @rows, 0, 1 + int rand $most;
        my ($status, $got, undef, $text) = append($id, $body->(\@part));

        return "$status $text" if $status != 200;
        push @windows, windows($text);
    }

    my ($status, undef, undef, $text) = ml_ask('DELETE', "/v1/streams/$id",
                                               undef, %$alice);
    push @windows, windows($text);

    return join ',', grep { length } @windows;
}


sub json_of { my ($rows) = @_; return ({ samples => $rows }) }

sub csv_of {
    my ($rows) = @_;

    return (ml_csv('t_s,ax,ay,az,gx,gy,gz', $rows),
            'Content-Type' => 'text/csv');
}


sub cuts {
    my (undef, undef, undef, $text) = ml_ask('POST', '/v1/recognitions',
        { sampling_rate_hz => 50, samples => $walking });
    my $whole = windows($text);

    is(scalar(() = $whole =~ /walking/g), 14, 'the whole: walking');

    for my $most (1, 3, 20, 100, 1000, 7, 64, 128) {
        next if $most == 1 && $ENV{SHORT};

        is(stream({}, $walking, $most, \&json_of), $whole,
           "in parts of up to $most rows: the same windows");
    }

    is(stream({}, $walking, 100, \&csv_of), $whole, 'as CSV: the same windows');
    is(stream({}, $walking, 100, sub {
        my ($csv, %type) = csv_of(@_);
        return (Compress::Zlib::memGzip($csv), %type,
                'Content-Encoding' => 'gzip');
    }), $whole, 'as CSV in gzip: the same windows');

    my $packed = sub { return (ml_packed(0, $_[0]), 'Content-Type' => $PACKED)
                     };
    my $one = stream({}, $walking, 100_000, $packed);

    is(stream({}, $walking, $_, $packed), $one,
       "packed, in parts of up to $_ rows: the same windows") for 10, 100;

    my $i = 0;
    is(stream({}, $walking, 50, sub {
        return $i++ % 2 ? json_of(@_) : csv_of(@_);
    }), $whole, 'JSON and CSV in turn: the same windows');
}


# streams of their own clocks, with heart rates and what is to be dropped
sub apart {
    my @rows;

    for (0 .. $#$walking) {
        my ($t, @v) = @{ $walking->[$_] };

        push @rows, [ 'a', $t, @v[0 .. 2] ], [ 'g', $t + 0.003, @v[3 .. 5] ];
        push @rows, [ 'a', $t, @v[0 .. 2] ] if $_ % 97 == 5;
        push @rows, [ 'h', $t, 60 + $_ / 10 ] if $_ % 50 == 0;
        $rows[-1] = [ 'g', $t + 0.003, undef, undef, undef ] if $_ == 77;
    }

    @rows = map { $rows[$_] } sort { $rows[$a][1] <=> $rows[$b][1]
                                     || $a <=> $b } 0 .. $#rows;

    my $csv = sub { return (ml_csv('stream,t_s,x,y,z', $_[0]),
                            'Content-Type' => 'text/csv') };
    my ($body, %type) = $csv->(\@rows);
    my (undef, $got, undef, $text) =
        ml_ask('POST', '/v1/recognitions?sampling_rate_hz=50', $body, %type);

    is($got->{records}{duplicates}, 6, 'streams apart: duplicates');
    is(stream({}, \@rows, $_, $csv), windows($text),
       "streams apart, in parts of up to $_ rows: the same windows")
        for 1000, 100, 10;
}


sub gap {
    my @rows = map { my @r = @$_; $r[0] += $r[0] >= 5.12 ? 1 : 0; \@r }
        @$walking;
    my (undef, $got, undef, $text) = ml_ask('POST', '/v1/recognitions',
        { sampling_rate_hz => 50, samples => \@rows });

    is(scalar @{ $got->{windows} }, 6, 'a gap: 6 windows');
    is(stream({}, \@rows, $_, \&json_of), windows($text),
       "a gap, in parts of up to $_ rows: the same windows") for 200, 30;
}


# the wrist's model looks at windows before: up to a gap, no part of a stream
sub late {
    my @rows = map { my @r = @$_; $r[0] += $r[0] >= 7.68 ? 1 : 0; \@r }
        @$walking;
    my $ask = sub {
        my (undef, undef, undef, $text) = ml_ask('POST', '/v1/recognitions',
            { sampling_rate_hz => 50, samples => $_[0] });
        return windows($text);
    };
    my $whole = $ask->(\@rows);
    my $behind = $ask->([ grep { $_->[0] >= 8 } @rows ]);

    is(stream({}, \@rows, $_, \&json_of), $whole,
       "wrist, in parts of up to $_ rows: the same windows")
        for 1000, 100, 7;
    is($ask->([ grep { $_->[0] < 8 } @rows ]) . ",$behind", $whole,
       'wrist, a gap: nothing before it matters');
}


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
            push @rows, [ $stream, split /,/, $line, -1 ];
        }
    }

    @rows = map { $rows[$_] } sort { $rows[$a][1] <=> $rows[$b][1]
                                     || $a <=> $b } 0 .. $#rows;

    my $csv = sub { return (ml_csv('stream,epoch_ms,x,y,z', $_[0]),
                            'Content-Type' => 'text/csv') };
    my ($body, %type) = $csv->(\@rows);
    my ($status, $got, undef, $text) =
        ml_ask('POST', '/v1/recognitions?sampling_rate_hz=50&acceleration=g'
               . '&rotation=deg/s&times=arrival', $body, %type);
    my $options = { units => { acceleration => 'g', rotation => 'deg/s' },
                    times => 'arrival' };

    is(scalar @{ $got->{windows} }, 181, 'MetaMotionR: 181 windows');
    is(stream($options, \@rows, $_, $csv), windows($text),
       "MetaMotionR, in parts of up to $_ rows: the same windows")
        for 5000, 300;
}


sub whose {
    my $id = create();

    like($id, qr/^[0-9a-f]{32}$/, 'an id of 128 bits');

    for ([ 'another user', { 'Hars-Sub' => 'bob',
                             'Hars-Client-Id' => 'client-1' } ],
         [ 'another client', { 'Hars-Sub' => 'alice',
                               'Hars-Client-Id' => 'client-2' } ],
         [ 'another client of nobody', { 'Hars-Client-Id' => 'client-1' } ],
         [ 'the names run together', { 'Hars-Sub' => 'alicec',
                                       'Hars-Client-Id' => 'lient-1' } ])
    {
        my ($what, $who) = @$_;

        for my $method (qw(GET POST DELETE)) {
            my ($status) = ml_ask($method, "/v1/streams/$id",
                                  $method eq 'POST'
                                  ? { samples => $walking } : undef, %$who);
            is($status, 404, "$what: $method: 404");
        }
    }

    for ([ 'nobody', {} ], [ 'no client', { 'Hars-Sub' => 'alice' } ],
         [ 'an empty client', { 'Hars-Sub' => 'alice',
                                'Hars-Client-Id' => '' } ])
    {
        my ($what, $who) = @$_;

        for ([ 'GET', "/v1/streams/$id" ], [ 'DELETE', "/v1/streams/$id" ],
             [ 'POST', "/v1/streams/$id", { samples => $walking } ],
             [ 'POST', '/v1/streams', { sampling_rate_hz => 50 } ])
        {
            my ($method, $path, $body) = @$_;
            my ($status, $got) = ml_ask($method, $path, $body, %$who);

            is($status, 400, "$what: $method $path: 400");
            like($got->{detail}, qr/Hars-Client-Id/, "$what: the reason");
        }
    }

    my ($status, $got) = ml_ask('GET', "/v1/streams/$id", undef, %$alice);
    is($status, 200, 'its creator: 200');
    is($got->{records}{received}, 0, 'nobody has changed it');

    ml_ask('DELETE', "/v1/streams/$id", undef, %$alice);
    ($status) = ml_ask('GET', "/v1/streams/$id", undef, %$alice);
    is($status, 404, 'gone: 404');

    for my $bad ('', '/', '../v1', 'x' x 5000, $id . '/', "$id?x=1") {
        ($status) = ml_ask('GET', "/v1/streams/$bad", undef, %$alice);
        like($status, qr/^(404|405|414|400|431)$/, 'an id of nothing');
    }
}


sub faults {
    my $id = create();
    my @rows = @$walking;
    my (undef, $first) = append($id, { samples => [ @rows[0 .. 199] ] });
    my $before = (ml_ask('GET', "/v1/streams/$id", undef, %$alice))[3];

    my @case = (
        [ 'time back', { samples => [ @rows[200 .. 240, 17] ] },
          422, 'samples', 41 ],
        [ 'a word', { samples => [ @rows[200 .. 240], [ (5) x 6, 'x' ] ] },
          422, 'samples', 41 ],
        [ 'both kinds', { samples => [ $rows[200] ],
                          acceleration => [ [ 9, 1, 2, 3 ] ] },
          422, 'acceleration', 0 ],
        [ 'an option', { samples => [ $rows[200] ], placement => 'pocket' },
          422, 'placement', undef ],
        [ 'what is not known', { sample => [] }, 422, undef, undef ],
        [ 'nothing', {}, 422, 'samples', undef ],
        [ 'the same again', { samples => [ @rows[100 .. 199] ] },
          422, 'samples', 0 ],
    );

    for (@case) {
        my ($what, $body, $want, $field, $row) = @$_;
        my ($status, $got) = append($id, $body);

        is($status, $want, "$what: $want");
        is($got->{field}, $field, "$what: the field");
        is($got->{row}, $row, "$what: the row");
        is((ml_ask('GET', "/v1/streams/$id", undef, %$alice))[3], $before,
           "$what: the stream is as it was");
    }

    my ($status) = append($id, 'x', 'Content-Type' => 'text/plain');
    is($status, 415, 'another type: 415');

    my (undef, $rest) = append($id, { samples => [ @rows[200 .. 511] ] });
    my (undef, $last) = ml_ask('DELETE', "/v1/streams/$id", undef, %$alice);
    is(scalar(map { @{ $_->{windows} } } $first, $rest, $last), 7,
       'and goes on to its 7 windows');

    for ([ 'in g', { }, sub { $_ / 9.8 }, 'samples' ],
         [ 'at 100 Hz', { sampling_rate_hz => 100 }, sub { $_ },
           'sampling_rate_hz' ])
    {
        my ($what, $options, $scale, $field) = @$_;

        $id = create($options);
        ($status, my $got) = append($id, { samples =>
            [ map { my ($t, @v) = @$_; [ $t, map { $scale->() } @v ] }
              @rows ] });
        is("$status $got->{field}", "422 $field", "$what: refused");
    }

    $id = create();
    ($status, my $got) = append($id, { samples =>
        [ map { my ($t, @v) = @$_; [ 1000 * $t, @v ] } @rows ] });
    like("$status $got->{detail}", qr/^422 .*milliseconds/,
         'in ms: refused');
}


# a row is one of the request that it came with
sub outliers {
    my $id = create();
    my @rows = map { [ @{ $walking->[$_] } ] } 0 .. 199;

    $rows[7][1] = 1234;
    $rows[$_][4] = 90 for 150 .. 199;

    my ($status) = append($id, { samples => [ @rows[0 .. 99] ] });
    is($status, 200, 'an outlier: taken');

    ($status, my $got) = append($id, { samples => [ @rows[100 .. 199] ] });
    is("$status $got->{row} $got->{column}", '422 50 4',
       'more of them in the next request: its own first one is named');
    like($got->{detail}, qr/^rotation 90 /, 'and its value');
    ml_ask('DELETE', "/v1/streams/$id", undef, %$alice);
}


sub reading {
    my ($status, $got, $head) = create({ placement => 'pocket' });

    is($status, 201, 'made: 201');
    like($head, qr{^Location: /v1/streams/$got->{id}\r?$}m, 'made: Location');

    my $id = $got->{id};
    append($id, { samples => [ @$walking[0 .. 299] ] });
    ($status, $got) = ml_ask('GET', "/v1/streams/$id", undef, %$alice);

    is($got->{records}{received}, 300, 'GET: what was received');
    is($got->{windows}, 3, 'GET: windows so far');
    is($got->{last_s}, $walking->[299][0], 'GET: the last time');

    for ([ 'no rate', { sampling_rate_hz => undef }, 'sampling_rate_hz' ],
         [ 'another place', { placement => 'ankle' }, 'placement' ],
         [ 'rows', { samples => [] }, 'samples' ])
    {
        my ($what, $options, $field) = @$_;

        ($status, $got) = create($options);
        is("$status $got->{field}", "422 $field", "made with $what: 422");
    }
}


# clients that all have the same stream in hand, and make and end others
sub together {
    my $id = create();
    my @child;

    for my $n (1 .. 4) {
        pipe my $read, my $write or die;
        my $pid = fork() // die;

        if ($pid == 0) {
            my %count;
            my $who = { %$alice, 'Hars-Sub' => "user$n" };

            for my $i (0 .. 60) {
                my $t = 100 * $i + $n;
                my @part = map { [ $t + $_ / 50, 1, 9, 1, 0, 0, 1 ] } 0 .. 30;

                $count{(append($id, { samples => \@part }))[0]}++;
                $count{(ml_ask('GET', "/v1/streams/$id", undef,
                               %$alice))[0]}++;

                my ($status, $made) = create({}, $who);
                $count{$status}++;
                next if $status != 201;
                $count{(ml_ask('DELETE', "/v1/streams/$made->{id}", undef,
                               %$who))[0]}++;
            }

            print $write join ' ', map { "$_=$count{$_}" } sort keys %count;
            close $write;
            POSIX::_exit(0);
        }

        close $write;
        push @child, [ $pid, $read ];
    }

    my %count;

    for (@child) {
        my ($pid, $read) = @$_;
        local $/;
        my $line = <$read> // '';
        $count{$1} += $2 while $line =~ /(\d+)=(\d+)/g;
        waitpid $pid, 0;
    }

    my @odd = grep { !/^(200|201|409|422)$/ } keys %count;

    is("@odd", '', 'four clients at one stream: taken, refused or busy');
    cmp_ok($count{200}, '>', 100, 'four clients at one stream: taken');
    is($count{201}, 4 * 61, 'four clients: all streams were made');

    my ($status, $got) = ml_ask('GET', "/v1/streams/$id", undef, %$alice);
    is($got->{records}{received} % 31, 0, 'each request as a whole');
    ml_ask('DELETE', "/v1/streams/$id", undef, %$alice);
}


sub bounded {
    my @made;

    for (1 .. 65) {
        my ($status, $got, $head) =
            create({}, { %$alice, 'Hars-Sub' => 'user' . int($_ / 6) });

        push @made, $got->{id} if $status == 201;

        if ($status != 201) {
            is($status, 503, 'too many: 503');
            like($head, qr/^Retry-After: \d+\r?$/m, 'too many: Retry-After');
            last;
        }
    }

    cmp_ok(scalar @made, '<=', 64, 'no more streams than there may be');

    my ($status) = create({}, { %$alice, 'Hars-Sub' => 'greedy' });
    is($status, 503, 'and for others none');
}


sub idle {
    sleep 3;

    my $greedy = { %$alice, 'Hars-Sub' => 'greedy' };
    my @status = map { (create({}, $greedy))[0] } 1 .. 9;
    is("@status", join(' ', (201) x 8, 503),
       'idle ones are gone; one owner has an eighth of the room');
}


# KB
sub resident {
    my $pid = ml_pid();

    open my $fh, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$fh>;

    return $kb;
}


sub memory {
    my $make = sub {
        my ($user) = @_;
        my (undef, $got) = ml_ask('POST', '/v1/streams',
                                  { sampling_rate_hz => 400 },
                                  %$alice, 'Hars-Sub' => $user);
        my ($status) = ml_ask('POST', "/v1/streams/$got->{id}", {
            acceleration => [ map { [ $_ / 400, 1, 9, 1 ] } 0 .. 999 ],
            rotation => [ map { [ $_ / 400, 1, 1, 1 ] } 0 .. 1200 ],
            heart_rate => [ map { [ $_, 60 ] } 0 .. 40 ] },
            %$alice, 'Hars-Sub' => $user);

        return $status;
    };

    $make->("warm$_") for 1 .. 20;

    my $before = resident();
    my $made = grep { $make->("user$_") == 200 } 1 .. 500;
    my $each = (resident() - $before) / 500;

    is($made, 500, '500 streams with all that they hold');
    diag(sprintf 'memory: %.1f KB per stream', $each);
    cmp_ok($each, '<', 32, 'less than 32 KB each');
}
