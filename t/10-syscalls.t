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

    unlink $trace, "$trace.said";
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

    if (!$attached || $said !~ /attached/) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        diag "SKIPPED: strace cannot attach: $said";
        done_testing();
        exit 0;
    }

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

sub kinds { my %n; $n{$_}++ for @_; return \%n }

# Where the kernel cuts reads and events is chance, more so on a busy machine;
# a call that the module made would be there in every run, once a request.
my ($plain, $hars, @more);

for my $run (1 .. 6) {
    my ($plain_said, @plain) = calls('/plain');
    my ($hars_said, @hars) = calls('/hars');

    for my $said ($plain_said, $hars_said) {
        is(scalar(() = $said =~ /200/g), $requests, "run $run: answered");
    }

    ($plain, $hars) = (kinds(@plain), kinds(@hars));
    my %all = (%$plain, %$hars);

    @more = grep {
        my $more = ($hars->{$_} // 0) - ($plain->{$_} // 0);
        $more > (/^(?:epoll_wait|read)$/ ? $requests / 3 : 0);
    } sort keys %all;

    last if !@more;
}

is_deeply(\@more, [], 'no call is made more often with a token')
    or diag explain { plain => $plain, hars => $hars };

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-number-1' ]) ], [], 'its log');

done_testing();
