#!/usr/bin/perl

# A warm request makes the system calls of plain proxying, and no other: the
# worker is traced over a run of keep-alive requests to a protected and to a
# plain location, and the sequences of names are compared.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use Test::More;

my $port = $ENV{TEST_NGINX_PORT_1};
my $requests = 30;

my $nginx = HarsTest::Nginx->new(http => <<"END", log_level => 'warn');
    hars_zone z:1m;
    server { listen 127.0.0.1:$port; return 200 passed; }
    upstream back { server unix:$ENV{TEST_NGINX_AS_SOCK}; keepalive 4; }
    server {
        \$TEST_NGINX_TLS
        access_log off;
        hars_introspect /_hars/introspect;
        $ENV{TEST_NGINX_INTROSPECT}
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /plain { proxy_pass http://back; }
        location /hars { hars on; proxy_pass http://back; }
    }
END

HarsTest::Authority::rules({ 'token-number-1' => HarsTest::active() });
$nginx->start;

my ($worker) = $nginx->workers;
my $trace = HarsTest::Place::dir() . '/trace';

# the names of the worker's calls between the first and the last answer
sub calls {
    my ($uri) = @_;

    unlink $trace;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', "$trace.said";
        exec 'strace', '-o', $trace, '-p', $worker;
        die "strace: $!\n";
    }

    my $attached = HarsTest::Place::wait_for(10, sub {
        open my $fh, '<', "$trace.said" or return 0;
        return grep { /attached|not permitted|No such/ } <$fh>;
    });

    open my $fh, '<', "$trace.said";
    my $said = join '', <$fh>;
    plan skip_all => "strace cannot attach: $said"
        if !$attached || $said !~ /attached/;

    my $r = $nginx->curl("$uri?{" . join(',', 1 .. $requests) . '}',
                         token => 'token-number-1', args => [ '-o', '/dev/null',
                         '-w', '%{http_code} ' ]);

    HarsTest::Place::wait_for(5, sub {
        open my $fh, '<', $trace or return 0;
        return scalar grep { /^close\(/ } <$fh>;
    });

    kill 'INT', $pid;
    waitpid $pid, 0;

    open $fh, '<', $trace or die "$trace: $!\n";
    my @names = map { /^(\w+)\(/ ? $1 : () } <$fh>;

    return ($r->{body}, @names);
}

is($nginx->curl('/hars', token => 'token-number-1')->{status}, 200, 'warm');
$nginx->curl('/plain', token => 'token-number-1');

my ($plain_said, @plain) = calls('/plain');
my ($hars_said, @hars) = calls('/hars');

is(scalar(() = $plain_said =~ /200/g), $requests, 'plain requests answered');
is(scalar(() = $hars_said =~ /200/g), $requests, 'protected ones answered');

# how reads are cut is chance, which calls are made is not
sub kinds { my %n; $n{$_}++ for @_; return \%n }

my ($p, $h) = (kinds(@plain), kinds(@hars));
is_deeply([ sort keys %$h ], [ sort keys %$p ], 'the same kinds of calls')
    or diag explain { plain => $p, hars => $h };

for my $name (sort keys %$p) {
    my $more = ($h->{$name} // 0) - $p->{$name};
    ok($more <= $requests / 3, "$name: not more of it with a token")
        or diag "$more more over $requests requests";
}

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-number-1' ]) ], [], 'its log');

done_testing();
