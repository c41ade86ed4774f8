#!/usr/bin/perl

# What the setting "database" may be, a PostgreSQL that is not there or not to
# be trusted with a commit, a password, and two servers that find an empty
# database at once.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;
use HarsTest::Place;
use HarsTest::Postgres;

my $none = "postgresql://hars@/hars?host=$dir";

BAIL_OUT("$program is not there: make all") unless -x $program;

pki('authorities');
settings();

# passwords for all, and names of two bases that are there
write_file('pwfile', "s3cret\n", 0644);
chmod 0755, $dir;
my $pg = HarsTest::Postgres->new(auth => 'scram-sha-256',
                                 pwfile => "$dir/pwfile");
write_file('pass', "*:*:*:hars:s3cret\n", 0600);
$ENV{PGPASSFILE} = "$dir/pass";
$pg->sql('CREATE DATABASE hars');

unreachable();
password();
durable();
rights();
together();
encrypted();

done_testing();


sub conf {
    my ($uri, $name) = @_;

    $name //= '';
    write_file("as$name.conf", <<"END");
issuer = https://auth.hars.localhost
database = $uri
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public$name.sock
gateway_socket = $dir/gateway$name.sock
gateway_user = ${\ scalar getpwuid($>)}
END
}


sub settings {
    for my $case (
        ['postgresql://hars:s3cret@/hars', qr/may not have a password/],
        ['postgresql://hars@/hars?password=s3cret',
         qr/may not have a password/],
        ['postgresql://hars@/hars?sslpassword=s3cret',
         qr/may not have a password/],
        ['postgres://hars:s3cret@/hars', qr/may not have a password/],
        ['postgresql://hars@/hars?colour=blue', qr/has to be a file, or a URI/],
        ['postgresql://hars@[::1/hars', qr/has to be a file, or a URI/],
    ) {
        my ($uri, $error) = @$case;

        conf($uri);
        my ($rc, $said) = as('--check');
        is($rc, 1, "--check: $uri");
        like($said, qr/as\.conf:2: database $error/, '... says why');
        unlike($said, qr/s3cret/, '... and no secret');
    }

    conf($none);
    is((as('--check'))[0], 0, '--check asks no database');
}


sub unreachable {
    for my $words (['serve'], ['client', 'list']) {
        my ($rc, $said) = as(@$words);

        is($rc, 1, "@$words without PostgreSQL");
        like($said, qr/No such file or directory/, '... says why');
        like($said, qr/see that the PostgreSQL of "database" runs/,
             '... and what to do');
    }

    conf($pg->uri('nobody'));
    my ($rc, $said) = as('serve');
    is($rc, 1, 'a database that is not there');
    like($said, qr/database "nobody" does not exist/, '... says so');

    # nobody there is who we think he is: no certificate, no connection
    conf('postgresql://hars@127.0.0.1:1/hars');
    is((as('serve'))[0], 1, 'nobody at a port');
}


sub password {
    delete local $ENV{PGPASSFILE};
    local $ENV{HOME} = $dir;

    conf($pg->uri('hars'));
    my ($rc, $said) = as('client', 'list');
    is($rc, 1, 'no password');
    like($said, qr/no password supplied/, '... says so');

    conf($pg->uri('hars', "&passfile=$dir/pass"));
    ($rc, $said) = as('client', 'list');
    is($rc, 0, 'a password of a file') or diag $said;

    write_file('wrong', "*:*:*:hars:oth3r\n", 0600);
    conf($pg->uri('hars', "&passfile=$dir/wrong"));
    ($rc, $said) = as('client', 'list');
    is($rc, 1, 'a wrong one');
    like($said, qr/password authentication failed/, '... says so');
    unlike($said, qr/oth3r/, '... but not which');
}


# what was answered may not depend on luck
sub durable {
    conf($pg->uri('hars'));
    $pg->sql('ALTER DATABASE hars SET synchronous_commit = off');
    is((as('client', 'list'))[0], 0, 'synchronous_commit = off');
    $pg->sql('ALTER DATABASE hars RESET synchronous_commit');

    # of what the connection has; "options" comes with it
    conf($pg->uri('hars', '&application_name=look'));
    start();
    is($pg->sql("SELECT count(*) > 0 FROM pg_stat_activity"
                . " WHERE application_name = 'look'"), 't',
       'the URI has the last word');
    ended('authserver', 'TERM');

    $pg->stop;
    $pg->start('-c', 'fsync=off');
    my ($rc, $said) = as('serve');
    is($rc, 1, 'fsync = off');
    like($said, qr/fsync is off at the server.*turn it on/, '... says so');
    $pg->stop;
    $pg->start;
}


# a role that may not make tables uses those that are there
sub rights {
    $pg->sql("CREATE ROLE used LOGIN PASSWORD 's3cret'");
    $pg->sql('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA'
             . ' public TO used', 'hars');
    write_file('pass', "*:*:*:*:s3cret\n", 0600);

    conf($pg->uri('hars') =~ s/hars@/used@/r);
    my ($rc, $said) = as('client', 'list');
    is($rc, 0, 'a role without tables of its own') or diag $said;

    $pg->sql('CREATE DATABASE empty');
    conf($pg->uri('empty') =~ s/hars@/used@/r);
    ($rc, $said) = as('client', 'list');
    is($rc, 1, '... needs tables');
    like($said, qr/permission denied/, '... says so');
}


# each time on a database that has nothing yet
sub together {
    for my $round (1 .. 5) {
        $pg->sql("CREATE DATABASE both$round");
        conf($pg->uri("both$round"), $_) for 1 .. 4;
        launch("as$_", $program, '--config', "$dir/as$_.conf", 'serve')
            for 1 .. 4;

        my $up = grep {
            my $i = $_;
            wait_for(sub { listening("$dir/public$i.sock") })
        } 1 .. 4;

        is($up, 4, 'four servers begin at once');
        is(ended("as$_", 'TERM'), 0, '... and end') for 1 .. 4;
        is($pg->sql('SELECT count(*) FROM hars_layout', "both$round"), 1,
           '... with one layout');
    }

    unlike(content("$dir/as$_.log"), qr/ error: /, 'no error') for 1 .. 4;
}


# by a network the server proves who it is, unless the URI says otherwise
sub encrypted {
    my $port = HarsTest::Place::port(0);
    my $uri = "postgresql://hars\@localhost:$port/hars?hostaddr=127.0.0.1";
    my $ca = "&sslrootcert=$dir/pki/ca.pem";

    pki('server', 'db', 'localhost');
    pki('server', 'elsewhere', 'db.example');

    for my $case (
        ['db', $ca, 0, qr/^$/, 'the name, by an authority we know'],
        ['db', "&sslrootcert=$dir/pki/foreign-ca.pem", 1,
         qr/certificate verify failed/, '... another one'],
        ['db', '', 1, qr/root certificate file .* does not exist/, '... none'],
        ['elsewhere', $ca, 1, qr/does not match host name "localhost"/,
         'another name'],
        ['elsewhere', "$ca&sslmode=verify-ca", 0, qr/^$/,
         '... where the URI wants it so'],
        [undef, $ca, 1, qr/server does not support SSL/, 'in clear'],
        [undef, '&sslmode=disable', 0, qr/^$/,
         '... where the URI wants it so'],
    ) {
        my ($name, $more, $exit, $says, $what) = @$case;

        $pg->listen($port, $name ? map { "$dir/pki/$name.$_" } qw(pem key)
                                 : ());
        local $ENV{HOME} = '/nonexistent';
        conf("$uri$more");
        my ($rc, $said) = as('client', 'list');
        is($rc, $exit, "by TLS: $what") or diag $said;
        like($said, $says, '... says so') if $exit;
    }
}
