#!/usr/bin/perl

# A warm request makes the system calls of plain proxying, and no other: the
# worker is traced over a run of keep-alive requests to a protected and to a
# plain location, and the sequences of names have to be the same, from the
# first call to the last one.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use Test::More;

my $port = $ENV{TEST_NGINX_TLS_PORT};
my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $requests = 30;
my $tokens = $requests;         # each once: L0 has none of them

my $nginx = HarsTest::Nginx->new(http => <<"END", log_level => 'warn');
    hars_zone z:1m;
    upstream back { server unix:$ENV{TEST_NGINX_AS_SOCK}; keepalive 4; }
    server {
        \$TEST_NGINX_TLS
        access_log off;
        hars_introspect /_hars/introspect;
        $ENV{TEST_NGINX_INTROSPECT}
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        add_header V "\$hars_verdict \$hars_source" always;
        location /plain { proxy_pass http://back; }
        location /hars {
            hars on;
            hars_scope ml:recognize;
            hars_audience https://ml.hars.localhost/;
            hars_issuer https://auth.hars.localhost;
            hars_require \$hars_sub;
            proxy_set_header Hars-Sub \$hars_sub;
            proxy_pass http://back;
        }
    }
END

HarsTest::Authority::rules({ map {
    ("token-number-$_" => HarsTest::active()) } 1 .. $tokens });
$nginx->start;

my ($worker) = $nginx->workers;
my $trace = "$dir/trace";

# strace on the worker, attached; or why not
sub attach {
    unlink $trace, "$trace.said";
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', "$trace.said";
        exec 'strace', '-f', '-o', $trace, '-p', $worker
            or print STDERR "No such program: strace: $!\n";
        require POSIX;
        POSIX::_exit(1);
    }

    my $said = '';
    HarsTest::Place::wait_for(20, sub {
        open my $fh, '<', "$trace.said" or return 0;
        $said = join '', <$fh>;
        return $said =~ /attached/ || HarsTest::Place::is_gone($pid);
    });

    return ($pid, '') if $said =~ /attached/;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return (undef, $said || 'it says nothing');
}

# "$requests" of them over one connection, with so many tokens in turn: what
# was answered, and the names of the worker's calls
sub calls {
    my ($uri, $tokens, $version) = @_;

    my ($pid, $why) = attach();
    die "strace: $why\n" if !$pid;

    open my $fh, '>', "$dir/curl" or die "curl: $!\n";
    print $fh join "next\n", map { my $token = 1 + $_ % $tokens; <<"END" }
url = "https://localhost:$port$uri?$_"
header = "Authorization: Bearer token-number-$token"
resolve = "localhost:$port:127.0.0.1"
cert = "$pki/a.pem"
key = "$pki/a.key"
cacert = "$pki/ca.pem"
output = "/dev/null"
write-out = "%{http_code} %{num_connects} %header{v}\\n"
$version
silent
max-time = 20
END
        0 .. $requests - 1;
    close $fh;

    my @said = split /\n/, `curl -K $dir/curl 2>&1`;

    # until the connection is closed
    HarsTest::Place::wait_for(10, sub {
        open my $fh, '<', $trace or return 0;
        return scalar grep { /^\d+\s+close\(/ } <$fh>;
    });

    kill 'INT', $pid;
    waitpid $pid, 0;

    # Where the kernel has an event without data, and how often it is waited,
    # is chance (and where a sanitizer takes memory); a call that did nothing but say so is not the module's.
    open $fh, '<', $trace or die "$trace: $!\n";
    my $names = join ' ', map { /^\d+\s+(\w+)\(/ ? $1 : () }
                grep { !/= -1 EAGAIN/ && !($ENV{ASAN_OPTIONS} && /map\(/) }
                <$fh>;
    $names =~ s/\bepoll_wait(?: epoll_wait)+/epoll_wait/g;
    $names =~ s/^epoll_wait | epoll_wait$//g;

    return (\@said, $names);
}

sub due {
    my ($tokens, $v) = @_;
    return [ map { '200 ' . ($_ ? 0 : 1)
                   . ($v eq '' ? '' : $_ < $tokens ? ' ok l1' : " ok $v") }
             0 .. $requests - 1 ];
}

my ($pid, $why) = attach();
if (!$pid) {
    $nginx->quit;
    diag "SKIPPED: strace cannot attach to the worker: $why";
    plan skip_all => "strace cannot attach to the worker: $why";
}
kill 'INT', $pid;
waitpid $pid, 0;

# warm: the zone, the connections to the proxied server
for my $token (1 .. $tokens) {
    is($nginx->curl('/hars', token => "token-number-$token")->{status}, 200,
       'the zone learns a token');
}

for my $case ([ 'l0', 1, 'http1.1' ], [ 'l1', $tokens, 'http1.1' ],
              [ 'l0', 1, 'http2' ])
{
    my ($source, $tokens, $version) = @$case;
    my ($plain, $hars, %seen);

    # Where reads are cut is chance on a busy machine; a call of the module's
    # would be there in every run.
    for my $run (1 .. 10) {
        (my $said, $plain) = calls('/plain', $tokens, $version);
        is_deeply([ map { s/\s+$//r } @$said ], due($tokens, ''),
                  "$version, plain: answered") or last;
        ($said, $hars) = calls('/hars', $tokens, $version);
        is_deeply([ map { s/\s+$//r } @$said ], due($tokens, $source),
                  "$version, $source: answered") or last;

        $seen{$plain} = 1;
        $plain = $hars if $seen{$hars};
        last if $plain eq $hars;
    }

    cmp_ok(scalar(() = $hars =~ /\bwritev\b/g), '>=', $requests,
           'each of them was traced');
    is($hars, $plain, "$version, $source: the calls of plain proxying");
}

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-number-' ]) ], [], 'its log');

done_testing();
