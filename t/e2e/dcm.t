#!/usr/bin/perl

# hars-dcm as a program: its options, its settings and what is wrong with
# them, start and stop, who may connect.

use strict;
use warnings;

use File::Basename qw(dirname);
use List::Util qw(uniq);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;

my ($status, $said) = dcm_try('--help');
is($status, 0, 'help');
like($said, qr/^  data_key/m, 'with the settings');

($status, $said) = dcm_try('--version');
like($said, qr/^hars-dcm \d/, 'version');

is((dcm_try('--colour'))[0], 2, 'an unknown option');
is((dcm_try('serve'))[0], 2, 'an argument');

my $conf = dcm_settings();
($status, $said) = dcm_try('--config', $conf, '--check');
is($status, 0, 'settings are good') or diag $said;

sub wrong {
    my ($name, $pattern, %setting) = @_;

    my ($status, $said) = dcm_try('--config', dcm_settings(%setting),
                                  '--check');
    is($status, 1, "$name: refused");
    like($said, $pattern, "$name: says why");
}

wrong('no key', qr/data_key.*is needed/, data_key => undef);
wrong('no file', qr/data_key.*nothing/, data_key => '/nothing');
wrong('a setting', qr/colour/, colour => 'blue');
wrong('a password', qr/database.*password/,
      database => 'postgresql://a:b@localhost/c');

chmod 0644, dcm_dir() . '/data.key';
wrong('an open key', qr/data_key.*data\.key/);
chmod 0600, dcm_dir() . '/data.key';

dcm_start();
my ($code, $body) = dcm_ask('GET', '/healthz');
is($code, 200, 'healthz');
is_deeply($body, { status => 'ok' }, 'ok');

($code, $body) = dcm_ask('GET', '/metrics');
is($code, 200, 'metrics');
like($body, qr/^hars_dcm_recordings_total 0$/m, 'no recordings yet');

my ($manual) = map { local $/; open my $fh, '<', $_ or die "$_: $!\n"; <$fh> }
    dirname(__FILE__) . '/../../docs/operations.md';
is_deeply([ sort { $a cmp $b } uniq($body =~ /^# TYPE (\w+)/mg) ],
          [ sort { $a cmp $b } uniq($manual =~ /\b(hars_dcm_\w+)/g) ],
          'docs/operations.md has all of them, and no others');

is((dcm_ask('GET', '/v1/nothing'))[0], 404, 'another path');
is((stat(dcm_dir() . '/dcm.db'))[2] & 077, 0, 'nobody reads the database')
    if !$ENV{HARS_TEST_DATABASE};

is(dcm_stop(), 0, 'it stops');
dcm_start();
is((dcm_ask('GET', '/healthz'))[0], 200, 'and starts again');
is(dcm_stop(), 0, 'and stops');
unlike(dcm_log(), qr/error/, 'nothing was wrong');

done_testing();
