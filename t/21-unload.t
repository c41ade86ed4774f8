#!/usr/bin/perl

# nginx that had the module once, and has it no more: a configuration without
# it, or one that was refused after it was loaded.  OpenSSL still knows what
# the module told it, and TLS goes on.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use Test::More;

my $dir = HarsTest::Place::dir();
my $with = <<"END";
    hars_zone z:1m;
    server {
        \$TEST_NGINX_TLS
        location / { return 200 open; }
        location /protected { hars on; hars_introspect /_hars/introspect; }
        location = /_hars/introspect {
            internal;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
    }
END
my $without = <<'END';
    server {
        $TEST_NGINX_TLS
        location / { return 200 open; }
    }
END

my $nginx = HarsTest::Nginx->new(http => $with);
$nginx->start;
serves('with the module');
anew($without, 0);
ok($nginx->reload, 'a configuration without it');
serves('without it');
anew($with, 1);
ok($nginx->reload, 'and with it again');
serves('with it again');
ended();

$nginx = HarsTest::Nginx->new(conf => conf($without, 0));
$nginx->start;
serves('never with it');

# found when all else was read
anew($with =~ s/hars_introspect .*?;//r, 1);
kill 'HUP', $nginx->{pid};
ok(HarsTest::Place::wait_for(10, sub { log_of() =~ /\[emerg\]/ }),
   'a configuration that is refused');
my ($old) = $nginx->workers;
kill 'KILL', $old;
ok(HarsTest::Place::wait_for(10, sub {
       my ($new) = $nginx->workers;
       $new && $new != $old }), 'a worker that begins later');
serves('after that');
ended(qr/\[emerg\]|exited on signal 9/);

done_testing();


sub conf {
    my ($http, $loads) = @_;
    my $conf = HarsTest::Nginx->new(http => $http)->conf;

    $conf =~ s/^load_module .*;$//m if !$loads;
    return $conf;
}


sub anew { $nginx->write(conf(@_)) }

sub log_of { return do { local (@ARGV, $/) = $nginx->error_log; <> } }


# each connection is a new one
sub serves {
    my ($when) = @_;

    is(join(' ', map { $nginx->curl('/', timeout => 5)->{status} } 1 .. 4),
       '200 200 200 200', $when);
}


sub ended {
    my ($allow) = @_;

    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults($allow ? (allow => $allow) : ()) ], [],
              'no process died, its log');
}
