#!/usr/bin/perl

# No secret of the key exchange stays on the stack: t/fog/wipe.c looks, in a
# program that is built as the services are.

use strict;
use warnings;

use Test::More;

use HarsTest::Place;

my $program = "$HarsTest::Place::top/build/t/fog_wipe";

BAIL_OUT("$program is not there: make test-programs") if ! -x $program;
exec $program or die "$program: $!";
