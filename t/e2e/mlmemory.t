#!/usr/bin/perl

# A stream's windows while there is no memory for their text: 503, the stream
# is as it was, and the same request again has all of them.  The memory is
# kept from jansson by a library that is loaded before it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use HarsTest::ML;
use Test::More;

my $walking = ml_walking();
my $dir = ml_dir();
my %who = ('Hars-Sub' => 'alice', 'Hars-Client-Id' => 'client-1');

# problem details, which have no precision of numbers, are written all the same
my $source = <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

char *
json_dumps(const void *json, size_t flags)
{
    char  *(*dumps)(const void *json, size_t flags);

    if (flags >> 11 && access(getenv("HARS_TEST_SHORT"), F_OK) == 0) {
        return NULL;
    }

    *(void **) &dumps = dlsym(RTLD_NEXT, "json_dumps");

    return dumps(json, flags);
}
END

open my $fh, '>', "$dir/short.c" or die "short.c: $!\n";
print $fh $source;
close $fh or die "short.c: $!\n";
system('cc', '-shared', '-fPIC', '-o', "$dir/short.so", "$dir/short.c",
       '-ldl') == 0 or die "short.so cannot be made\n";

{
    local $ENV{HARS_TEST_SHORT} = "$dir/short";
    local $ENV{LD_PRELOAD} = "$dir/short.so";
    ml_start();
}

my (undef, $whole) = ml_ask('POST', '/v1/recognitions',
                            { sampling_rate_hz => 50, samples => $walking });
my (undef, $made) = ml_ask('POST', '/v1/streams', { sampling_rate_hz => 50 },
                           %who);
my $path = "/v1/streams/$made->{id}";
my (undef, undef, undef, $text) = ml_ask('GET', $path, undef, %who);
my @request = ('POST', $path, { samples => [ @$walking[0 .. 399] ] }, %who);
my @rest = ('POST', $path, { samples => [ @$walking[400 .. 511] ] }, %who);
my @last = ('DELETE', $path, undef, %who);
my @windows;

short(1);
is((ml_ask(@request))[0], 503, 'rows: 503');
short(0);
is((ml_ask('GET', $path, undef, %who))[3], $text, 'the stream is as before');

my ($status, $got) = ml_ask(@request);
is($status, 200, 'the same rows again: 200');
push @windows, @{ $got->{windows} };

(undef, $got) = ml_ask(@rest);
push @windows, @{ $got->{windows} };

short(1);
is((ml_ask(@last))[0], 503, 'the end: 503');
short(0);

($status, $got) = ml_ask(@last);
is($status, 200, 'the end again: 200');
push @windows, @{ $got->{windows} };
is_deeply(\@windows, $whole->{windows}, 'no window is lost');

is((ml_ask(@last))[0], 404, 'and the stream is gone');
is(ml_stop(), 0, 'the service ends in order');

done_testing();


sub short {
    my ($is) = @_;

    if (!$is) {
        unlink "$dir/short";
        return;
    }

    open my $flag, '>', "$dir/short" or die "short: $!\n";
    close $flag or die "short: $!\n";
}
