#!/usr/bin/perl

# The known-answer vectors of fog-aka v1, by both backends of primitives: the
# shared ones (made by somebody else), and ours, which are here for whoever has
# not got those.  And that the program that checks them is strict: whatever
# differs is wrong, whatever it does not know is an error.

use strict;
use warnings;

use File::Temp qw(tempfile);
use Test::More;

use HarsTest::Place;

my $top = $HarsTest::Place::top;
my $shared = ($ENV{HARS_SHARED} // "$top/../shared") . '/fog-aka';
my $golden = slurp("$top/t/fog/golden.txt");

for my $program ("$top/build/t/fog_kat", "$top/build/t/fog_kat_mbedtls") {
    my $name = $program =~ s{.*/}{}r;

    if (! -x $program) {
        fail("$name is there");
        diag('make programs test-programs');
        next;
    }

    is_deeply([ run($program, "$top/t/fog/golden.txt") ],
              [ 0, "12 cases, 0 wrong\n" ], "$name: our vectors");

    SKIP: {
        if (! -f "$shared/fogaka1_kat.txt") {
            diag("SKIPPED: $shared/fogaka1_kat.txt is not there");
            skip 'no shared vectors', 1;
        }

        is_deeply([ run($program, "$shared/fogaka1_kat.txt") ],
                  [ 0, "32 cases, 0 wrong\n" ], "$name: the shared vectors");
    }

    is_deeply([ run($program, '--make', 3) ], [ 0, $golden ],
              "$name: makes our vectors again");
}

is((run("$top/build/t/fog_roles_mbedtls"))[0], 0,
   'flipped bits, lengths and errors by mbedTLS (t/unit/aka_roles.c)');
strict();
done_testing();


# one digit of each output, and lines that ought not to be
sub strict {
    my $program = "$top/build/t/fog_kat";
    my ($first) = $golden =~ /(\[case 02-2\].*?\n)\n/s;
    my $wrong = 0;
    my @outputs = qw(pk_cs K_i K_j pid_i pid_j r1 r2 r3 th th2 M1 M2 M3 M4 sk
                     kc sid);

    for my $output (@outputs) {
        my $text = $first;

        $text =~ s/^($output = .*)(.)$/$1 . ($2 eq '0' ? '1' : '0')/em
            or die $output;
        my ($status, $said) = vectors($program, $text);
        $wrong += $status == 1 && $said eq "1 cases, 1 wrong\n";
    }

    is($wrong, @outputs, 'a digit of each output that differs is told');

    my ($status, $said) = vectors($program, $first
                                  . $first =~ s/^sk = ./sk = x/mr);
    is($status, 2, 'no digit: an error');

    for my $case (
        [ 'another kind',      sub { s/^\[case/[vector/m } ],
        [ 'an unknown line',   sub { s/^th =/th3 =/m } ],
        [ 'a missing line',    sub { s/^th = .*\n//m } ],
        [ 'a doubled line',    sub { s/^(th = .*\n)/$1$1/m } ],
        [ 'too short',         sub { s/^(M4 = .*)..$/$1/m } ],
        [ 'too long',          sub { s/^(M4 = .*)$/${1}00/m } ],
        [ 'upper case',        sub { s/^(M4 = .*)$/uc $1/me } ],
        [ 'unknown suite',     sub { s/^suite = 02/suite = 03/m } ],
        [ 'a number too big',  sub { s/^n_i = .*/n_i = 8/m } ],
        [ 'past 64 bits',      sub { s/^ts_i = .*/ts_i = 18446744073709551616/m } ],
        [ 'a negative number', sub { s/^ctr_i = .*/ctr_i = -1/m } ],
        [ 'an empty identity', sub { s/^ID_i = .*/ID_i = /m } ],
        [ 'a long identity',   sub { s/^ID_i = .*/'ID_i = ' . 'a' x 65/me } ],
        [ 'behind the case',   sub { s/^(\[case .*)$/$1 x/m } ],
        [ 'before the case',   sub { s/^/th = 00\n/ } ],
        [ 'a line of 2 kB',    sub { s/^/'# ' . 'x' x 2048 . "\n"/e } ],
        [ 'no case at all',    sub { s/.*/# nothing\n/s } ],
    ) {
        my ($what, $change) = @$case;
        local $_ = $first;

        $change->();
        isnt($_, $first, "... $what") or next;
        is((vectors($program, $_))[0], 2, "... is an error");
    }

    is((run($program, '/nonexistent/vectors'))[0], 2, 'no such file');
    like(why($program, '/tmp'), qr{/tmp: Is a directory}, 'a directory');
    like(why($program, '/dev/null'), qr/no case in it/, 'an empty file');
    like(why($program, '/etc/passwd'), qr/passwd:1: root: stands before/,
         'another file');

    for my $case (
        [ qr/:\d+: colour: is not known/, sub { s/^th =/colour =/m } ],
        [ qr/: th: stands twice/, sub { s/^(th = .*\n)/$1$1/m } ],
        [ qr/: M4: has to have 328 lower-case hex/, sub { s/^(M4 = .*)..$/$1/m } ],
        [ qr/: n_i: has to be a decimal/, sub { s/^n_i = .*/n_i = 8/m } ],
        [ qr/: suite: has to be 01/, sub { s/^suite = 02/suite = 03/m } ],
        [ qr/: sk: is no line of the form/, sub { s/^sk = /sk=/m } ],
        [ qr/case 02-2 lacks a line/, sub { s/^sid = .*\n//m } ],
    ) {
        my ($said, $change) = @$case;
        local $_ = $first;

        $change->();
        my ($out, $path) = tempfile(UNLINK => 1);
        print $out $_;
        close $out;
        like(why($program, $path), $said, '... is said');
    }

    my @lines = split /\n/, $first;
    is((vectors($program, join "\n", shift(@lines), reverse(@lines), ''))[1],
       "1 cases, 0 wrong\n", 'lines in another order');
    is((vectors($program, $first =~ s/\n/\r\n/gr))[1],
       "1 cases, 0 wrong\n", 'lines that end by CR LF');
    is((vectors($program, $first =~ s/\n\z//r))[0], 0,
       'the last line may lack its line feed');
}


sub vectors {
    my ($program, $text) = @_;
    my ($out, $path) = tempfile(UNLINK => 1);

    print $out $text;
    close $out;

    return run($program, $path);
}


# the error
sub why {
    my ($program, $path) = @_;

    return scalar `$program $path 2>&1 > /dev/null`;
}


sub run {
    my ($program, @argument) = @_;

    open my $said, '-|', "$program @argument 2> /dev/null" or die $!;
    my $text = do { local $/; <$said> };
    close $said;

    return ($? >> 8, $text // '');
}


sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!";
    local $/;

    return scalar <$in>;
}
