#!/usr/bin/perl

# The authorization server and the Redis it is given: several servers of which
# one is the master, Sentinels, a Cluster of six, TLS, and the reference ACL.
# Real servers, each of which dies; after that revocations have to arrive at
# the one that took over, and all that were told before have to be there.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256 sha256_hex);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::Place;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars-authserver";
my $dir = tempdir('hars-redis-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $o = 'O=HARS Gateway demo';
my $ml = 'https://ml.hars.localhost/';
my $json = JSON::PP->new->canonical;
my @port = map { HarsTest::Place::port($_) } 0 .. 15;
my (%child, %cert, %thumbprint);

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
settings_refused();
several();
comes_back();
sentinels();
cluster();
tls();

done_testing();


# whoever stops the test, what it started goes with it
BEGIN {
    $SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);
}


END {
    my $status = $?;

    for my $pid (values %child) {
        kill 'CONT', $pid;
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }

    $? = $status;
}


sub write_file {
    my ($name, $text, $mode) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";
    chmod $mode, "$dir/$name" if $mode;

    return "$dir/$name";
}


# exit status and all that was said
sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 < /dev/null', 'sh',
        @command or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


sub as {
    return run($program, '--config', "$dir/as.conf", @_);
}


# true as soon as the condition is, false at the deadline
sub wait_for {
    my ($condition, $seconds) = @_;

    my $end = time + ($seconds // 15);

    while (time < $end) {
        return 1 if $condition->();
        sleep 0.02;
    }

    return 0;
}


sub launch {
    my ($name, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(HUP INT PIPE TERM);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $child{$name} = $pid;
}


sub ended {
    my ($name, $signal) = @_;

    kill $signal, $child{$name};

    my $status;
    my $gone = wait_for(sub {
        return 0 if waitpid($child{$name}, WNOHANG) == 0;
        $status = $?;
        return 1;
    });

    delete $child{$name} if $gone;

    return $gone ? $status : 'still there';
}


sub listening {
    return IO::Socket::UNIX->new(Peer => $_[0]) ? 1 : 0;
}


sub prepare {
    for my $name (qw(zone seal)) {
        write_file("$name.key", join('', map { sprintf '%02x', rand 256 }
                                     1 .. 32) . "\n", 0600);
    }

    pki('authorities');
    pki('server', 'redis', 'localhost');
    pki('server', 'elsewhere', 'elsewhere.example');
    certificate('dcm-1');
    certificate('oscar');
    configure();

    for my $client (['gateway', 'resource_server'], ['dcm-1', 'service'],
                    ['oscar', 'operator', '--sub', 'oscar']) {
        my ($id, $kind, @more) = @$client;
        my ($rc, $said) = as('client', 'add', '--id', $id, '--kind', $kind,
                             '--subject-dn', "CN=$id,$o", '--resource', $ml,
                             @more);
        $rc == 0 or BAIL_OUT("client add: $said");
    }
}


sub configure {
    write_file('as.conf', <<"END" . join '', map { "$_\n" } @_);
issuer = https://auth.hars.localhost
database = $dir/as.db
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
zone_key = $dir/zone.key
seal_key = $dir/seal.key
record_claims = hars_kind
END
}


sub settings_refused {
    my %case = (
        'redis "here"' => ["redis = localhost:1", "redis = here"],
        'redis_cluster "maybe" has' => ["redis = a:1",
                                        "redis_cluster = maybe"],
        'redis_cluster "yes" goes' => ["redis = a:1", "redis_cluster = yes",
                                       "redis_sentinel = m"],
        'redis_tls "1" has' => ["redis = a:1", "redis_tls = 1"],
        'redis_tls_ca is needed' => ["redis = a:1", "redis_tls = yes"],
        'redis_tls_name is needed' =>
            ["redis = unix:/x", "redis_tls = yes",
             "redis_tls_ca = $dir/pki/ca.pem"],
        'cannot be used' => ["redis = a:1", "redis_tls = yes",
                             "redis_tls_ca = $dir/zone.key"],
    );

    for my $words (sort keys %case) {
        configure(@{ $case{$words} });
        my ($rc, $said) = as('--check');
        is($rc, 1, "a setting is refused: $words");
        like($said, qr/\Q$words\E/, '... with these words');
    }
}


sub pki {
    my ($rc, $said) = run("$top/scripts/demo-pki.sh", "$dir/pki", @_);
    $rc == 0 or BAIL_OUT("demo-pki.sh @_: $said");
}


sub certificate {
    my ($name, @more) = @_;

    pki('client', $name, @more);

    open my $fh, '<', "$dir/pki/$name.pem" or die "$name.pem: $!\n";
    local $/;
    my ($der) = <$fh> =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;

    $cert{$name} = 'Client-Cert: :' . $der =~ s/\s//gr . ':';
    $thumbprint{$name} =
        encode_base64(sha256(decode_base64($der)), '') =~ tr{+/=}{-_}dr;
}


sub start {
    launch('authserver', $program, '--config', "$dir/as.conf", 'serve');

    wait_for(sub { listening("$dir/public.sock") })
        or BAIL_OUT("hars-authserver does not start: see $dir");
}


sub start_redis {
    my ($port, @options) = @_;

    # a replica leaves a file behind, which the next one would load
    my $data = tempdir(DIR => $dir);

    launch("redis-$port", 'redis-server', '--port', $port, '--bind',
           '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', $data,
           @options);

    wait_for(sub { defined redis($port, 'PING') })
        or BAIL_OUT("redis-server does not start, see $dir");
}


# an answer of Redis, arrays as references
sub answer {
    my ($s) = @_;

    my $line = <$s> // return;
    $line =~ s/\r\n//;
    my ($type, $rest) = $line =~ /^(.)(.*)/;

    return $rest if $type =~ /[+:-]/;
    return undef if $rest < 0;
    return [map { answer($s) } 1 .. $rest] if $type eq '*';

    read $s, my $value, $rest + 2;

    return substr $value, 0, $rest;
}


sub redis {
    my ($port, @words) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return;

    print $s '*' . @words . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;

    return answer($s);
}


# has the server of the stream on this port been told everything?
sub marked {
    my ($port) = @_;

    my $info = redis($port, 'INFO', 'server') // return 0;
    my ($id) = $info =~ /^run_id:(\w+)/m or return 0;

    return (redis($port, 'GET', 'hars:{revoked}run') // '')
           =~ /^\d+ (?:\w+ )*$id(?: |$)/ ? 1 : 0;
}


sub keys_of {
    my ($port) = @_;

    my $stream = redis($port, 'XRANGE', 'hars:{revoked}stream', '-', '+');

    return ref $stream ? map { "@{ $_->[1] }" =~ /key ([0-9a-f]{64})/g }
        @$stream : ();
}


sub tombstones {
    my $n = 0;

    for my $port (@_) {
        my $keys = redis($port, 'KEYS', 'hars:' . '[0-9a-f]' x 64);
        $n += grep { (redis($port, 'GET', $_) // '') eq "T\x01" } @$keys;
    }

    return $n;
}


# a token, revoked; how long that took
sub revoked {
    my $token = token('dcm-1');
    my $begun = time;
    my ($status) = revoke('dcm-1', token => $token);

    return $status == 200 && !active($token) ? time - $begun : undef;
}


# a master and its replica, whichever comes first; the reference ACL
sub several {
    my $acl = content("$top/conf/redis-users.acl");
    $acl =~ s/AUTHSERVER_PASSWORD_SHA256/sha256_hex('secret')/e;
    $acl =~ s/GATEWAY_PASSWORD_SHA256/sha256_hex('other')/e;
    $acl =~ s/^user default off$/user default on nopass ~* &* +\@all/m;
    write_file('users.acl', $acl);
    write_file('password', "secret\n", 0600);

    my @options = ('--aclfile', "$dir/users.acl");
    start_redis($port[0], @options);
    start_redis($port[1], @options, '--replicaof', '127.0.0.1', $port[0],
                '--repl-diskless-sync-delay', 0);

    # the replica first, and one that is not there
    configure("redis = 127.0.0.1:$port[15]", "redis = localhost:$port[1]",
              "redis = 127.0.0.1:$port[0]", 'redis_user = authserver',
              "redis_password_file = $dir/password");
    start();

    ok(wait_for(sub { marked($port[0]) }), 'the master is found');
    ok(defined revoked(), 'a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    is(tombstones($port[0]), 1, '... and its tombstone');

    my ($status) = revoke('oscar', hars_thumbprint => 'A' x 43);
    is($status, 200, 'a certificate');
    is(redis($port[0], 'ZCARD', 'hars:{revoked}certs'), 1, '... in the set');

    # the replica has it all, but the mark is the old master's
    ok(wait_for(sub { tombstones($port[1]) == 1 }), 'the replica follows');
    is(ended("redis-$port[0]", 'KILL'), 9, 'the master is killed');

    ok((revoked() // 9) < 1, 'a revocation without a master');

    redis($port[1], 'REPLICAOF', 'NO', 'ONE');
    ok(wait_for(sub { marked($port[1]) }), 'the new master is found');
    is(scalar(keys_of($port[1])), 2, '... and has the entry')
        or diag(keys_of($port[1]));
    is(tombstones($port[1]), 2, '... and all tombstones');

    # a master that is made a replica: -READONLY, and ROLE says so
    start_redis($port[0], @options);
    redis($port[1], 'REPLICAOF', '127.0.0.1', $port[0]);
    ok(wait_for(sub { marked($port[0]) }), 'and back to the first one');
    is(tombstones($port[0]), 2, '... which came back empty');
    is(redis($port[0], 'ZCARD', 'hars:{revoked}certs'), 1,
       '... with the certificate');

    my $said = content("$dir/authserver.log");
    unlike($said, qr/NOPERM|NOAUTH|WRONGPASS/, 'the ACL is enough');

    end_all();
}


# a server that was away while another one was told, with its old mark
sub comes_back {
    start_redis($_) for @port[2, 3];
    configure("redis = 127.0.0.1:$port[2]", "redis = 127.0.0.1:$port[3]");
    start();
    ok(wait_for(sub { marked($port[2]) }), 'the first of two is told');

    kill 'STOP', $child{"redis-$port[2]"};
    ok(wait_for(sub { marked($port[3]) }), 'it hangs: the other one');
    ok(defined revoked(), 'a revocation');
    my $told = tombstones($port[3]);
    cmp_ok($told, '>', 0, '... is told there');

    is(ended("redis-$port[3]", 'KILL'), 9, 'which dies');
    kill 'CONT', $child{"redis-$port[2]"};
    ok(wait_for(sub { tombstones($port[2]) == $told }),
       'the first one comes back, and is told again');
    ok(wait_for(sub { marked($port[2]) }), '... and marked');

    end_all();
}


sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh>;
}


sub end_all {
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    ended($_, 'KILL') for keys %child;
    unlink "$dir/authserver.log";
}


sub sentinels {
    start_redis($port[0]);
    start_redis($port[1], '--replicaof', '127.0.0.1', $port[0],
                '--repl-diskless-sync-delay', 0);

    for my $i (2 .. 4) {
        mkdir "$dir/$port[$i]";
        write_file("sentinel-$i.conf", <<"END");
port $port[$i]
bind 127.0.0.1
dir $dir/$port[$i]
sentinel monitor hars 127.0.0.1 $port[0] 2
sentinel down-after-milliseconds hars 500
sentinel failover-timeout hars 3000
END
        launch("sentinel-$i", 'redis-server', "$dir/sentinel-$i.conf",
               '--sentinel');
    }

    ok(wait_for(sub {
        my $master = redis($port[2], 'SENTINEL', 'MASTER', 'hars') // [];
        my %master = ref $master ? @$master : ();
        return ($master{'num-slaves'} // 0) == 1
            && ($master{'num-other-sentinels'} // 0) == 2;
    }, 30), 'Sentinels that know each other and the replica');

    configure("redis = 127.0.0.1:$port[15]",
              (map { "redis = 127.0.0.1:$port[$_]" } 2 .. 4),
              'redis_sentinel = hars');
    start();

    ok(wait_for(sub { marked($port[0]) }), 'the master is found');
    ok(defined revoked(), 'a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    ok(wait_for(sub { keys_of($port[1]) == 1 }), '... which the replica gets');

    is(ended("redis-$port[0]", 'KILL'), 9, 'the master is killed');
    ok((revoked() // 9) < 1, 'a revocation without a master');

    ok(wait_for(sub { marked($port[1]) }, 30), 'the failover is followed');
    ok(wait_for(sub {
        my %seen = map { ($_ => 1) } keys_of($port[1]);
        return keys %seen == 2;
    }), '... both entries are there');
    ok(tombstones($port[1]) >= 2, '... and the tombstones');

    end_all();
}


# on which of these ports is the stream's master now?
sub stream_master {
    for my $port (@_) {
        my $slots = redis($port, 'CLUSTER', 'SLOTS');
        next unless ref $slots;

        my $slot = redis($port, 'CLUSTER', 'KEYSLOT', 'hars:{revoked}run');
        my ($range) = grep { $_->[0] <= $slot && $slot <= $_->[1] } @$slots;

        return $range->[2][1] if $range;
    }

    return 0;
}


sub cluster {
    my @node = @port[0 .. 5];

    for my $i (0 .. 5) {
        start_redis($node[$i], '--cluster-enabled', 'yes', '--cluster-port',
                    $port[6 + $i], '--cluster-node-timeout', 1000,
                    '--cluster-config-file', 'nodes.conf',
                    '--repl-diskless-sync-delay', 0);
    }

    my ($rc, $said) = run('redis-cli', '--cluster', 'create',
                          (map { "127.0.0.1:$_" } @node),
                          '--cluster-replicas', 1, '--cluster-yes');
    $rc == 0 or BAIL_OUT("redis-cli --cluster create: $said");

    ok(wait_for(sub {
        return 0 if grep {
            (redis($_, 'CLUSTER', 'INFO') // '') !~ /cluster_state:ok/
        } @node;
        my $slots = redis($node[0], 'CLUSTER', 'SLOTS');
        return !grep { @$_ != 4 } @$slots;
    }, 30), 'a Cluster of three masters and their replicas');

    configure("redis = 127.0.0.1:$port[15]", "redis = 127.0.0.1:$node[4]",
              'redis_cluster = yes');
    start();

    my $master = stream_master(@node);
    ok(wait_for(sub { marked($master) }), 'the server of the stream is told');
    my $mark = redis($master, 'GET', 'hars:{revoked}run');
    is(scalar(grep { redis($_, 'INFO', 'server') =~ /^run_id:(\w+)/m
                     && $mark =~ / $1/ } @node), 3, '... with all masters');

    # those of the cases before are told again
    my $before = tombstones(@node[0 .. 2]);
    my @token = map { token('dcm-1') } 1 .. 20;
    my @records = map { scalar grep { /^hars:[0-9a-f]{64}$/ }
                        @{ redis($_, 'KEYS', '*') } } @node[0 .. 2];
    is($records[0] + $records[1] + $records[2], $before + 20,
       "records on all masters: @records");

    my ($status, $answer) = revoke('oscar', hars_client => 'dcm-1');
    is($answer->{revoked}, 20, 'all are revoked');
    is(tombstones(@node[0 .. 2]), $before + 20, '... a tombstone each');
    is(scalar(keys_of($master)), 20, '... and the entries in one place');

    # a slot that moves: MOVED, which the next command has to follow
    my $slots = redis($node[0], 'CLUSTER', 'SLOTS');
    my ($from, $to) = map { $_->[2] }
        (grep { $_->[2][1] != $master } @$slots)[0, 1];
    moved_slot($from, $to, @node[0 .. 2]);
    ok(defined revoked(), 'a revocation after a slot has moved') for 1 .. 3;
    is(scalar(keys_of($master)), 23, '... arrives');

    # the master of the stream dies
    is(ended("redis-$master", 'KILL'), 9, 'the master of the stream is killed');
    ok((revoked() // 9) < 1, 'a revocation without it');

    my @left = grep { $_ != $master } @node;
    ok(wait_for(sub {
        my $now = stream_master(@left);
        return $now && $now != $master && marked($now);
    }, 40), 'its replica is, and is told');

    $master = stream_master(@left);
    ok(wait_for(sub {
        my %seen = map { ($_ => 1) } keys_of($master);
        return keys %seen == 24;
    }), '... with the entry that it missed')
        or diag(scalar(keys_of($master)));

    ok(defined revoked(), 'and the next one');

    end_all();
}


# every slot of one master's range goes to another, empty ones and others
sub moved_slot {
    my ($from, $to, @node) = @_;

    my $range = (grep { $_->[2][2] eq $from->[2] }
                 @{ redis($node[0], 'CLUSTER', 'SLOTS') })[0];
    my $moved = 0;

    for my $slot ($range->[0] .. $range->[1]) {
        next if $moved >= 200;
        next if redis($from->[1], 'CLUSTER', 'COUNTKEYSINSLOT', $slot);
        redis($_, 'CLUSTER', 'SETSLOT', $slot, 'NODE', $to->[2])
            for $to->[1], $from->[1], @node;
        $moved++;
    }

    return $moved;
}


sub tls {
    my @options = ('--tls-port', $port[1], '--tls-cert-file',
                   "$dir/pki/redis.pem", '--tls-key-file',
                   "$dir/pki/redis.key", '--tls-ca-cert-file',
                   "$dir/pki/client-ca.pem");
    my @good = ("redis = localhost:$port[1]", 'redis_tls = yes',
                "redis_tls_ca = $dir/pki/ca.pem",
                "redis_tls_cert = $dir/pki/dcm-1.pem",
                "redis_tls_key = $dir/pki/dcm-1.key");

    start_redis($port[0], @options);
    configure(@good);
    start();

    ok(wait_for(sub { marked($port[0]) }), 'TLS, with a certificate each')
        or diag(content("$dir/authserver.log"));
    ok(defined revoked(), '... a revocation');
    is(scalar(keys_of($port[0])), 1, '... has its entry');
    is(ended('authserver', 'TERM'), 0, '... the server stops');

    for my $case (
        ['without a client certificate', qr/./, @good[0 .. 2]],
        ['a server of another name', qr/[Hh]ostname mismatch/, @good,
         'redis_tls_name = other.example'],
        ['an address that is not in its certificate',
         qr/IP address mismatch/, "redis = 127.0.0.1:$port[1]",
         @good[1 .. 4]],
        ['a server of another CA', qr/.*issuer certificate/, @good[0, 1, 3, 4],
         "redis_tls_ca = $dir/pki/foreign-ca.pem"],
        ['a server without TLS', qr/./, "redis = localhost:$port[0]",
         @good[1 .. 4]],
    ) {
        my ($what, $words, @conf) = @$case;

        unlink "$dir/authserver.log";
        redis($port[0], 'FLUSHALL');
        redis($port[0], 'CONFIG', 'RESETSTAT');
        configure(@conf, 'redis_user = u',
                  "redis_password_file = $dir/password");
        start();

        ok(wait_for(sub { content("$dir/authserver.log") =~ /redis ".*": $words/ }),
           "$what: refused") or diag(content("$dir/authserver.log"));
        unlike(redis($port[0], 'INFO', 'commandstats'), qr/cmdstat_auth/,
               '... and no password was sent');
        is(ended('authserver', 'TERM'), 0, '... the server stops');
    }

    ended("redis-$port[0]", 'KILL');
}


# status, decoded body
sub post {
    my ($path, $name, %field) = @_;

    my $socket = $path eq '/introspect' ? 'gateway' : 'public';
    my ($rc, $said) =
        run('curl', '-sSi', '--max-time', 20, '--unix-socket',
            "$dir/$socket.sock", "http://localhost$path",
            $name ? ('-H', $cert{$name}) : (),
            $field{-header} ? ('-H', delete $field{-header}) : (),
            map { ('--data-urlencode', "$_=$field{$_}") } sort keys %field);

    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
    my (undef, $body) = split /\r\n\r\n/, $said, 2;

    return ($status // 0, eval { $json->decode($body) } // $body);
}


sub token {
    my ($name, $id) = @_;

    my ($status, $answer) = post('/oauth2/token', $name,
                                 grant_type => 'client_credentials',
                                 client_id => $id // $name);

    return ref $answer ? $answer->{access_token} // $answer->{error} : '';
}


sub active {
    my (undef, $answer) = post('/introspect', undef, token => $_[0]);

    return $answer->{active} ? 1 : 0;
}


sub revoke {
    my ($name, %field) = @_;

    return post('/oauth2/revoke', $name, client_id => $name, %field);
}
