#!/usr/bin/perl

# The store's unit test on PostgreSQL.

use strict;
use warnings;

use File::Basename qw(dirname);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::Postgres;

my $pg = HarsTest::Postgres->new;
$pg->sql('CREATE DATABASE hars');

$ENV{HARS_TEST_DATABASE} = $pg->uri('hars');
my $build = $ENV{HARS_BUILD} // dirname(__FILE__) . '/../../build';

system("$build/t/unit/hars_as_store") == 0 or exit 1;
