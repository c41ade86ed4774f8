#!/usr/bin/perl

# The store's unit tests on PostgreSQL, each on an empty database.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::Postgres;

my $build = $ENV{HARS_BUILD} // dirname(__FILE__) . '/../../build';
my $pg = HarsTest::Postgres->new;

for my $name (qw(hars_db_pg hars_as_store hars_as_store_cert
             hars_as_store_register hars_as_store_crl hars_dcm_erase)) {
    $pg->sql("CREATE DATABASE $name");
    local $ENV{HARS_TEST_DATABASE} = $pg->uri($name);
    local $ENV{HARS_TEST_FILES} = "$pg->{dir}/data";

    open my $fh, '-|', "$build/t/unit/$name" or die "$name: $!\n";
    my @failed = grep { /^not ok/ } <$fh>;
    close $fh;

    is($?, 0, $name) or diag @failed;
}

done_testing();
