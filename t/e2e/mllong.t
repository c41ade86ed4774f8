#!/usr/bin/perl

# Recordings of any length, and bodies that are meant to hurt: ten million
# samples in one request are answered in bounded memory (VmHWM of the
# service), however they are cut into packets, and what is wrong in their
# midst is named; what is too long is refused in time.
#
# SHORT: a tenth of the samples.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Zlib;
use HarsTest::ML;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);

my $PACKED = 'application/vnd.hars.samples';
my $HEAD = 't_s,ax,ay,az,gx,gy,gz';
my $path = '/v1/recognitions?sampling_rate_hz=50';
my $walking = ml_walking();
my $BLOCKS = int(($ENV{SHORT} ? 1e6 : 1e7) / @$walking);

# KB that the service has before a request, models and all
my $before;

ml_start();
$before = peak();

cut();
hours();
midst();
megabytes();
deep();
streams();
beats();

ok(ml_alive(), 'the service is still there');
is(ml_stop(), 0, 'and ends in order');

done_testing();


# KB
sub peak {
    open my $fh, '<', '/proc/' . ml_pid() . '/status' or return 0;
    my ($kb) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$fh>;

    return $kb;
}


# "make" gives the next part of the body; the answer's status and text
sub upload {
    my ($make, %header) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $s = IO::Socket::UNIX->new(Peer => ml_dir() . '/ml.sock')
        or die "connect: $!\n";
    my $type = delete $header{type} // $PACKED;
    my $to = delete $header{path} // $path;

    $s->print("POST $to HTTP/1.1\r\nHost: ml\r\nConnection: close\r\n"
              . "Content-Type: $type\r\nTransfer-Encoding: chunked\r\n"
              . join('', map { "$_: $header{$_}\r\n" } sort keys %header)
              . "\r\n");

    while (defined(my $part = $make->())) {
        $s->print(sprintf("%x\r\n", length $part), $part, "\r\n") or last;
    }

    $s->print("0\r\n\r\n");

    local $/;
    my ($head, $text) = split /\r\n\r\n/, <$s> // '', 2;
    my ($status) = ($head // '') =~ m{^HTTP/1.1 (\d+)};

    if ($head && $head =~ /^Transfer-Encoding: chunked/mi) {
        my ($whole, $at) = ('', 0);

        while (substr($text, $at, 20) =~ /^([0-9a-f]+)\r\n/i) {
            last if hex $1 == 0;
            $whole .= substr $text, $at + length($1) + 2, hex $1;
            $at += length($1) + 2 + hex($1) + 2;
        }
        $text = $whole;
    }

    return ($status // 0, $text // '');
}


# parts of a body; "$size" bytes each, where they come as a whole
sub parts {
    my ($body, $size) = @_;
    my $at = 0;

    return sub {
        return if $at >= length $body;
        my $part = substr $body, $at, ref $size ? $size->() : $size;
        $at += length $part;
        return $part;
    };
}


# the same answer whatever the packets are
sub cut {
    my $csv = ml_csv($HEAD, $walking);
    my $two = ml_packed(0, [ @$walking[0 .. 99] ])
        . ml_packed(0, [ @$walking[100 .. $#$walking] ]);
    my (undef, undef, undef, $want) =
        ml_ask('POST', $path, $csv, 'Content-Type' => 'text/csv');
    my (undef, undef, undef, $packed) =
        ml_ask('POST', $path, $two, 'Content-Type' => $PACKED);

    like($want, qr/"windows":\[\{.*walking.*\}\]\}$/, 'the answer to it all');

    srand 4711;

    for my $most (1, 2, 3, 7, 30, 100, 1000) {
        my $size = sub { 1 + int rand $most };

        is_deeply([ upload(parts($csv, $size), type => 'text/csv') ],
                  [ 200, $want ], "CSV in parts of up to $most bytes");
        is_deeply([ upload(parts($two, $size)) ], [ 200, $packed ],
                  "packed in parts of up to $most bytes");
        is_deeply([ upload(parts(Compress::Zlib::memGzip($csv), $size),
                           type => 'text/csv',
                           'Content-Encoding' => 'gzip') ],
                  [ 200, $want ], "gzip in parts of up to $most bytes");
    }

    (my $bare = $csv) =~ s/\n\z//;
    is((upload(parts($bare, 50), type => 'text/csv'))[1], $want,
       'CSV without the last line feed');

    my ($status, $text) = upload(parts("$csv\n99,1,2,3,4,5,6\n", 50),
                                 type => 'text/csv');
    is($status, 422, 'CSV: a row behind an empty line: 422');
    like($text, qr/"row":512\b/, '... which row');

    ($status) = upload(parts($csv . '1' x 5000, 50), type => 'text/csv');
    is($status, 422, 'CSV: a line without an end: 422');
    ($status) = upload(parts('1' x 5000, 50), type => 'text/csv');
    is($status, 400, 'CSV: a heading without an end: 400');
}


# blocks of the walk, one behind the other as if it never ended
sub blocks {
    my ($n, $change) = @_;
    my $block = ml_packed(0, $walking, [ 0.005, 0.001 ]);
    my $k = 0;

    return sub {
        return if $k == $n;

        my $part = '';

        for (1 .. 64) {
            last if $k == $n;
            substr $block, 24, 8, pack 'd<', 1.6e9 + $k * @$walking / 50;
            $part .= $change && $k == $change->[0] ? $change->[1]->($block)
                                                   : $block;
            $k++;
        }

        return $part;
    };
}


sub hours {
    my $from = time();
    my ($status, $text) = upload(blocks($BLOCKS));
    my $rows = $BLOCKS * @$walking;
    my $grown = peak() - $before;

    is($status, 200, "$rows samples: 200") or diag(substr $text, 0, 400);
    like(substr($text, 0, 300), qr/"received":$rows,/, '... all of them');

    my $windows = () = $text =~ /"start_s"/g;
    my $right = () = $text =~ /"smoothed":"walking"/g;

    is($windows, $rows / 64 - 1, '... every window');
    cmp_ok($right / $windows, '>', 0.99, '... walking');
    like(substr($text, -40), qr/"\}\]\}\z/, '... to the end');

    diag(sprintf '%d samples, %.0f MB, in %.1f s: VmHWM grew by %.1f MB',
         $rows, $BLOCKS * 16 * @$walking / 1e6, time() - $from,
         $grown / 1024);
    cmp_ok($grown, '<', 32 << 10, '... in less than 32 MB');
}


# where the fault is, however much came before it and comes behind it
sub midst {
    my $at = 40;
    my $back = sub {
        return $_[0] =~ s/^(.{24}).{8}/$1 . pack('d<', 1.6e9)/esr;
    };
    my ($status, $text) = upload(blocks(2000, [ $at, $back ]));

    is($status, 422, 'time back in the midst: 422');
    like($text, qr/"row":@{[ $at * @$walking ]}\b/, '... which row');

    ($status, $text) = upload(blocks(2000, [ $at, sub { 'X' . $_[0] } ]));
    is($status, 400, 'no block in the midst: 400');
    like($text, qr/"row":@{[ $at * @$walking ]}\b/, '... which row');

    ($status, $text) = upload(blocks(100),
                              path => '/v1/recognitions?sampling_rate_hz=9');
    is($status, 422, 'a wrong option and 1 MB behind it: 422');

    ($status) = upload(blocks(100), type => 'image/png');
    is($status, 415, 'a picture of 1 MB: 415');
}


sub megabytes {
    my $mb = 1 << 20;

    my ($status, $text) = upload(parts('x' x (64 * $mb), $mb),
                                 type => 'text/csv');
    is($status, 400, '64 MB of CSV without a line: 400');

    ($status, $text) = upload(parts(' ' x (64 * $mb), $mb),
                              type => 'application/json');
    is($status, 413, '64 MB of JSON: 413');
    like($text, qr/text\/csv/, '... and what to do');

    my $zeros = Compress::Zlib::memGzip("$HEAD\n" . "0.02,0,0,0,0,0,0\n"
                                        x (4 * $mb));
    ($status, $text) = upload(parts($zeros, 1000), type => 'text/csv',
                              'Content-Encoding' => 'gzip');
    is($status, 422, 'gzip: 64 MB of nothing: 422');
    like($text, qr/no record has a value/, '... and says so');

    ($status) = ml_ask('POST', $path, undef, 'Content-Type' => $PACKED,
                       'Content-Length' => (1 << 30) + 1);
    is($status, 413, 'a byte more than 1 GB: 413, at once');

    # ten a second
    my $hour = join '', map { pack 'Vv', $_ * 100_000, 1 } 0 .. 35_999;
    my $rows = join '', map {
        my $n = $_ < 27 ? 36_000 : 28_001;
        pack('a4CCCCVf<f<Vd<', 'HARS', 1, 3, 1, 0, $n, 1, 1, 0, $_ * 3600)
            . substr $hour, 0, 6 * $n;
    } 0 .. 27;
    ($status, $text) = upload(parts($rows, $mb));
    is($status, 413, '1,000,001 heart rates: 413');
    like($text, qr/"row":1000000\b/, '... which row');

    cmp_ok(peak() - $before, '<', 48 << 10, 'all in less than 48 MB');
}


sub deep {
    for ('[' x 500_000, '{"samples":' x 90_000, '[[' x 400_000 . ']') {
        my ($status, $text) = upload(parts($_, 10_000),
                                     path => '/v1/recognitions',
                                     type => 'application/json');
        is($status, 400, 'deep JSON: 400');
        like($text, qr/no JSON/, '... and says so');
    }

    my $zipped = Compress::Zlib::memGzip('[' x (900 << 10));
    my ($status) = upload(parts($zipped, 100), type => 'application/json',
                          path => '/v1/recognitions',
                          'Content-Encoding' => 'gzip');
    is($status, 400, 'deep JSON, gzip: 400');

    cmp_ok(peak() - $before, '<', 64 << 10, 'deep JSON: in less than 64 MB');
}


# two streams side by side are as long as they like, one alone is not
sub streams {
    my $blocks = 400;
    my $of = sub {
        my ($stream, $k) = @_;
        my $late = $stream == 2 ? 0.003 : 0;
        my @rows = map { [ $_->[0] + $late + $k * @$walking / 50,
                           @$_[$stream == 2 ? (4 .. 6) : (1 .. 3)] ] }
            @$walking;
        return ml_packed($stream, \@rows);
    };
    my $k = 0;
    my ($status, $text) = upload(sub {
        return if $k == $blocks;
        $k++;
        return $of->(1, $k) . $of->(2, $k);
    });

    is($status, 200, 'two streams side by side: 200')
        or diag(substr $text, 0, 400);
    like($text, qr/"received":@{[ 2 * $blocks * @$walking ]},/,
         '... all of them');
    cmp_ok(scalar(() = $text =~ /"start_s"/g), '>', $blocks * 8 - 10,
           '... every window');

    my $n = 0;
    ($status, $text) = upload(sub { return $n++ < 400 ? $of->(2, $n) : undef });
    is($status, 413, 'one without the other: 413');
    like($text, qr/"row":150000\b/, '... which row');
    like($text, qr/side by side/, '... and what to do');
}


# heart rates behind it all are heard
sub beats {
    my $body = ml_packed(0, $walking)
        . ml_packed(3, [ map { [ $_, 60 + $_ ] } 0 .. 9 ]);
    my ($status, $text) = upload(parts($body, 100));
    my @got = $text =~ /"heart_rate_bpm":([\d.]+|null)/g;

    is("@got", '61.0 62.5 64.0 65.0 66.5 67.5 68.5',
       'heart rates behind the samples') or diag($text);
}
