#!/usr/bin/perl

# What the scripts behind make, and benchmarks, refuse before they install,
# build or run anything: a name that was mistyped is not a run that has passed.

use strict;
use warnings;

use File::Basename qw(basename);
use Test::More;

use HarsTest::Place;
use HarsTest::Run qw(run);

my $top = $HarsTest::Place::top;
my $dir = HarsTest::Place::dir();

for my $case (
    ['models.sh', ['nosuch'], {}, qr/error: no such line: nosuch\n/],
    ['models.sh', ['quiet', 'nosuch'], {}, qr/no such line: nosuch/],
    ['models.sh', ['.*'], {}, qr/no such line: \.\*/],
    ['models.sh', ['quiet'], { SHORT => 1 }, qr/SHORT=1 is neither yes nor no/],
    ['test-crash.sh', ['--nosuch'], {}, qr/no such option: --nosuch/],
    ['test-crash.sh', ['--short', 'x'], {}, qr/no such option: x/],
    ['asan.sh', [], { VALGRIND => 1 }, qr/VALGRIND=1 is neither yes nor no/],
) {
    my ($name, $words, $env, $why) = @$case;
    my $what = join ' ', map({ "$_=$env->{$_}" } keys %$env), $name, @$words;
    my ($rc, $said) = said($env, "$top/scripts/$name", @$words);

    is($rc, 1, "$what: refused");
    like($said, $why, '... why');
    like($said, qr/\n  mend: /, '... and the mend');
    unlike($said, qr/Building|prove|SPIN/, '... nothing is begun');
}

# benchmarks: --help is the head of the file, what else is said has to be known
for my $bench (map { basename($_) } glob "$top/bench/*.pl") {
    my @perl = ('perl', '-I', "$top/t/lib", "$top/bench/$bench");
    my ($rc, $said) = said({}, @perl, '--help');

    like("$rc $said", qr{^0 [A-Z].*^  \S.*bench/$bench}ms, "$bench --help");
    ($rc, $said) = said({}, @perl, '--nosuch');
    like("$rc $said", qr/^2 Unknown option: nosuch\n.* --help says/,
         "$bench --nosuch");
}
my ($status) = said({}, 'perl', '-I', "$top/t/lib", "$top/bench/revocation.pl",
                   'nosuch');
is($status, 2, 'what is to be a number');

# times of the stages, with "make" that does nothing, or fails once
mkdir "$dir/bin";
make('exit 0');
my ($rc, $said) = said({}, "$top/.ci/run");
is($rc, 0, '.ci/run');
is(scalar(() = $said =~ /^ +\d+ s  make /mg), 8, '... says a time per stage');
make('[ "$1" != models ]');
($rc, $said) = said({}, "$top/.ci/run");
isnt($rc, 0, '.ci/run: a stage fails');
like($said, qr/^ +\d+ s  make models SHORT=yes   FAILED\n\z/m,
     '... which ends it, and is said');

done_testing();


# exit status and all that was said; "make" is ours, once there is one
sub said {
    my ($env, @command) = @_;

    local @ENV{keys %$env} = values %$env;
    local $ENV{PATH} = -d "$dir/bin" ? "$dir/bin:$ENV{PATH}" : $ENV{PATH};

    return run(@command);
}


sub make {
    my ($what) = @_;

    open my $fh, '>', "$dir/bin/make" or die "make: $!\n";
    print $fh "#!/bin/sh\n$what\n";
    close $fh;
    chmod 0755, "$dir/bin/make";
}
