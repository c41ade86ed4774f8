#!/usr/bin/perl

# The ML service behind the reference gateway: how often a client may ask, by
# the client that the token names, not by its certificate or address; how long
# a recording may be, and that it goes through without a file on the way.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_packed ml_walking);
use HarsTest::People;

my $ml = 'https://ml.hars.localhost:';
my @of_ml = ('--scope', 'ml:recognize', '--resource', $HarsTest::Reference::ml);

people(ward => [ 'service', @of_ml ], lab => [ 'service', @of_ml ]);

# slow enough that no machine is slower
HarsTest::Reference::nginx(sub {
    s/(zone=ml_requests:1m rate)=\S+;/$1=1r\/m;/ or die;
    s/(limit_req zone=ml_requests burst)=\d+/$1=5/g == 2 or die;
});

gateway_start();
$ml .= HarsTest::Reference::port();

often();
long();

gateway_stop(allow => [ qr/limiting requests, excess/ ]);
done_testing();


# statuses of "n" requests, and what was said; "no:" before the path: with a
# token that is none
sub get {
    my ($name, $n, $path, @more) = @_;
    my $right = $path =~ s/^no:// ? 'no'
        : token($name, 'ml:recognize', $HarsTest::Reference::ml);
    my $cert = certificate_of($name);

    open my $fh, '-|', 'curl', '-q', '-sSi', '--noproxy', '*', '--http1.1',
        '--max-time', 60, '--cacert', "$HarsTest::Place::pki/ca.pem",
        '--cert', "$cert.pem", '--key', "$cert.key", '-H',
        "Authorization: Bearer $right", @more, ("$ml$path") x $n
        or die "curl: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;
    $said =~ s{HTTP/1\.1 100 .*?\r\n\r\n}{}s;

    return ([ $said =~ m{HTTP/1\.1 (\d{3}) }g ], $said);
}


sub often {
    my ($status, $said) = get('ward', 9, '/v1/models');

    is("@$status", join(' ', (200) x 6, (429) x 3),
       'six at once, then 429') or diag $said;
    like($said, qr{429 .*?^Retry-After: \d.*?\r\n\r\n\{"type":.*429\}\s*\z}ms,
         '... as problem details');

    ($status) = get('ward', 1, '/v1/streams/x');
    is("@$status", '429', 'another path of it: the same budget');
    ($status) = get('ward', 1, '/v1/recognitions', '-d', '{}');
    is("@$status", '429', 'a recording: the same budget');
    ($status) = get('ward', 1, '/v1/models', '-H', 'Hars-Client-Id: lab');
    is("@$status", '429', 'another name does not help');
    ($status) = get('ward', 1, '/healthz');
    is("@$status", '200', 'health is not counted');

    ($status) = get('lab', 1, '/v1/models');
    is("@$status", '200', 'another client has its own');

    ($status) = get('lab', 3, 'no:/v1/models');
    is("@$status", '401 401 401', 'who has no right is refused as before');
    ($status) = get('lab', 1, '/v1/models');
    is("@$status", '200', '... and costs nobody anything');
}


sub long {
    my $walking = ml_walking();
    my $block = ml_packed(0, $walking, [ 0.005, 0.001 ]);
    my $file = HarsTest::Place::dir() . '/long';
    my $send = sub {
        my ($blocks) = @_;

        open my $fh, '>:raw', $file or die "$file: $!\n";
        for my $k (1 .. $blocks) {
            substr $block, 24, 8, pack 'd<', 1.6e9 + $k * @$walking / 50;
            print $fh $block;
        }
        close $fh or die "$file: $!\n";

        my $start = time();
        my @got = get('lab', 1, '/v1/recognitions?sampling_rate_hz=50', '-H',
                      'Content-Type: application/vnd.hars.samples',
                      '--data-binary', "\@$file");
        diag(sprintf '%d samples, %.1f MB, through the gateway: %s in %.1f s',
             $blocks * @$walking, (-s $file) / 1e6, "@{ $got[0] }",
             time() - $start);
        return @got;
    };

    my ($status, $said) = $send->(1000);
    is("@$status", '200', '8 MB in one request: 200')
        or diag(substr $said, 0, 600);
    is(scalar(() = $said =~ /"start_s"/g), 1000 * @$walking / 64 - 1,
       '... every window');

    ($status) = $send->(8300);
    is("@$status", '413', 'more than 64 MB: 413');
    unlink $file;
}
