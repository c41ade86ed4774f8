#!/usr/bin/perl

# Revocation, as whoever revokes sees it and as it arrives in a Redis of the
# test's own: POST /oauth2/revoke and both commands, by token, client, subject
# and certificate; who may not; the order in which Redis is told; and that
# nothing is lost, whatever dies meanwhile.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth start_redis redis);

my $o = 'O=HARS Gateway demo';
my $ml = 'https://ml.hars.localhost/';

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
start_redis();
start();
wait_for(\&marked) or BAIL_OUT('the server does not tell Redis');

own_token();
others();
by_operator();
by_certificate();
command();
many();
order();
redis_gone();
flushed();
killed();
stop();

done_testing();


sub prepare {
    for my $name (qw(zone seal)) {
        write_file("$name.key", join('', map { sprintf '%02x', rand 256 }
                                     1 .. 32) . "\n", 0600);
    }

    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2 oscar);
    certificate('renewed', '--cn', 'dcm-1');

    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
redis = unix:$dir/redis.sock
redis_prefix = test:
zone_key = $dir/zone.key
seal_key = $dir/seal.key
record_claims = hars_kind
END

    my ($rc, $said);

    for my $client (['gateway', 'resource_server'], ['dcm-1', 'service'],
                    ['dcm-2', 'service', '--sub', 'alice'],
                    ['oscar', 'operator', '--sub', 'oscar']) {
        my ($id, $kind, @more) = @$client;
        ($rc, $said) = as('client', 'add', '--id', $id, '--kind', $kind,
                          '--subject-dn', "CN=$id,$o", '--resource', $ml,
                          @more);
        $rc == 0 or BAIL_OUT("client add: $said");
    }
}


# without anything but the mark: the server does not notice
sub emptied {
    wait_for(sub {
        redis('EVAL', q{local mark = redis.call('GET', KEYS[1])
                        if not mark or mark == '' then return 0 end
                        redis.call('FLUSHALL')
                        redis.call('SET', KEYS[1], mark)
                        return 1}, 1, 'test:{revoked}run') eq '1';
    }) or BAIL_OUT('Redis was not told');
}


# the entries of the stream, each "name value name value"
sub stream {
    my $stream = redis('XRANGE', 'test:{revoked}stream', '-', '+') // [];

    return map { join ' ', @{ $_->[1] } } @$stream;
}


# what the outbox tells again, while whoever revoked tells it, counts once
sub entries {
    my %seen;

    return grep { !$seen{$_}++ } stream();
}


sub tombstones {
    my $keys = redis('KEYS', 'test:' . '[0-9a-f]' x 64) // [];

    return grep { redis('GET', "test:$_") eq "T\x01" }
        map { substr $_, 5 } @$keys;
}


# how many keys the stream has, each with its tombstone
sub told {
    my %key = map { ($_ => 1) } map { /key ([0-9a-f]{64})/g } entries();
    my %tombstone = map { ($_ => 1) } tombstones();

    return scalar grep { $tombstone{$_} } keys %key;
}


sub own_token {
    my $token = token('dcm-1');
    my $other = token('dcm-1');

    emptied();

    my ($status) = revoke('dcm-1', token => $token,
                          token_type_hint => 'refresh_token');
    is($status, 200, 'a client revokes its token');
    is(active($token), 0, '... which is inactive');
    is(active($other), 1, '... and no other');

    my @tombstones = tombstones();
    is(scalar @tombstones, 1, '... one tombstone');
    is_deeply([entries()], ["key @tombstones"], '... and one entry');

    my $ttl = redis('PTTL', "test:$tombstones[0]");
    ok($ttl > 290_000 && $ttl <= 300_000, "... for the token's life: $ttl");

    ($status) = revoke('dcm-1', token => $token);
    is($status, 200, 'revoked twice');
}


sub others {
    my $token = token('dcm-2');

    emptied();

    for my $case (['a foreign token', $token],
                  ['an unknown token', 'hats_at_' . 'A' x 48],
                  ['no token at all', 'x']) {
        my ($status) = revoke('dcm-1', token => $case->[1]);
        is($status, 200, "$case->[0]: nothing is said");
    }

    is(active($token), 1, '... nor done');
    is(scalar(entries()), 0, '... nor told');

    for my $case (
        ['no certificate', 401, 'invalid_client', undef,
         client_id => 'dcm-1', token => $token],
        ['another certificate', 401, 'invalid_client', 'dcm-2',
         client_id => 'dcm-1', token => $token],
        ['no token', 400, 'invalid_request', 'dcm-1', client_id => 'dcm-1'],
        ['by client, no operator', 400, 'unauthorized_client', 'dcm-1',
         client_id => 'dcm-1', hars_client => 'dcm-1'],
        ['by subject, no operator', 400, 'unauthorized_client', 'dcm-1',
         client_id => 'dcm-1', hars_sub => 'alice'],
        ['by certificate, no operator', 400, 'unauthorized_client', 'dcm-1',
         client_id => 'dcm-1', hars_thumbprint => $thumbprint{'dcm-2'}],
        ['two things', 400, 'invalid_request', 'oscar',
         client_id => 'oscar', hars_client => 'a', hars_sub => 'b'],
        ['a short thumbprint', 400, 'invalid_request', 'oscar',
         client_id => 'oscar', hars_thumbprint => 'A' x 42],
        ['one with wrong bits', 400, 'invalid_request', 'oscar',
         client_id => 'oscar', hars_thumbprint => 'A' x 42 . 'B'],
        ['a time that is over', 400, 'invalid_request', 'oscar',
         client_id => 'oscar', hars_thumbprint => 'A' x 43,
         hars_until => 1000],
        ['no time', 400, 'invalid_request', 'oscar', client_id => 'oscar',
         hars_thumbprint => 'A' x 43, hars_until => '1e12'],
        ['a time for a client', 400, 'invalid_request', 'oscar',
         client_id => 'oscar', hars_client => 'dcm-2',
         hars_until => time + 1000],
        ['no id', 400, 'invalid_request', 'oscar', client_id => 'oscar',
         hars_client => 'a b'],
    ) {
        my ($what, $expected, $error, $name, %field) = @$case;
        my ($status, $answer) = post('/oauth2/revoke', $name, %field);
        is($status, $expected, "$what: refused");
        is(ref $answer ? $answer->{error} : '', $error, "... $error");
    }

    my ($status) = revoke('oscar', hars_client => 'dcm-2',
                          -header => 'Origin: https://evil.example');
    is($status, 403, 'a page of another origin');
    is(active($token), 1, 'the token lived through all of it');
}


sub by_operator {
    my @token = map { token('dcm-2') } 1 .. 3;
    my $other = token('dcm-1');

    emptied();

    my ($status, $answer) = revoke('oscar', token => $token[0]);
    is($status, 200, 'an operator revokes a token');
    is($answer->{revoked}, 1, '... one');
    is(active($token[0]), 0, '... which is inactive');

    ($status, $answer) = revoke('oscar', token => 'x');
    is($answer->{revoked}, 0, 'an unknown one: none');

    # one more is from the case before
    ($status, $answer) = revoke('oscar', hars_client => 'dcm-2');
    is($answer->{revoked}, 3, 'all of a client');
    is(active($token[1]) + active($token[2]), 0, '... are inactive');
    is(active($other), 1, '... and of no other');
    is(scalar(entries()), 2, '... told by one entry');

    my $new = token('dcm-2');
    is(active($new), 1, 'the client may get new ones');

    ($status, $answer) = revoke('oscar', hars_sub => 'alice');
    is($answer->{revoked}, 1, 'all of a subject');
    is(active($new), 0, '... are inactive');

    ($status, $answer) = revoke('oscar', hars_sub => 'alice');
    is($answer->{revoked}, 0, 'none is left');
}


sub by_certificate {
    my @token = map { token('renewed', 'dcm-1') } 1 .. 2;
    my $other = token('dcm-1');
    my $until = int(time) + 5000;

    emptied();

    my ($status, $answer) =
        revoke('oscar', hars_thumbprint => $thumbprint{renewed},
               hars_until => $until);
    is($status, 200, 'an operator revokes a certificate');
    is($answer->{revoked}, 2, '... and its tokens');
    is(active($token[0]) + active($token[1]), 0, '... which are inactive');
    is(active($other), 1, '... and those of no other');

    my ($entry, @more) = entries();
    is(scalar @more, 0, '... in one entry');
    my %key = $entry =~ /key ([0-9a-f]{64})()/g;
    is(substr($entry, 0, 65),
       "cert $thumbprint{renewed} until $until", '... the certificate');
    is_deeply([sort keys %key], [sort { $a cmp $b } tombstones()],
              '... and the keys of its tokens');
    is_deeply(redis('ZRANGE', 'test:{revoked}certs', 0, -1, 'WITHSCORES'),
              [$thumbprint{renewed}, $until], '... and in the set');

    is(token('renewed', 'dcm-1'), 'invalid_client', 'it gets no token');
    ($status) = post('/oauth2/revoke', 'renewed', client_id => 'dcm-1',
                     token => $other);
    is($status, 401, 'it revokes none');
    is(active($other), 1, '... indeed');

    ($status, $answer) = revoke('oscar', hars_thumbprint => 'B' x 42 . 'A');
    is($status, 200, 'a certificate never seen');
    my $score = redis('ZSCORE', 'test:{revoked}certs', 'B' x 42 . 'A');
    ok(abs($score - time - 398 * 86400) < 10, '... for 398 days');

    ($status) = revoke('oscar', hars_thumbprint => 'B' x 42 . 'A',
                       hars_until => $until);
    is($status, 200, '... once more, to an earlier end');
    is(redis('ZSCORE', 'test:{revoked}certs', 'B' x 42 . 'A'), $score,
       '... the later one holds');
    revoke('oscar', hars_thumbprint => 'B' x 42 . 'A',
           hars_until => $score + 1000);
    is(redis('ZSCORE', 'test:{revoked}certs', 'B' x 42 . 'A'), $score + 1000,
       '... and one later still');
}


sub command {
    my $token = token('dcm-1');

    my ($rc, $said) = as('revoke', '--token', $token);
    is($rc, 0, 'the command, by token');
    is($said, "1 live tokens revoked, gateways are told by Redis\n",
       '... says what it did');
    is(active($token), 0, '... and did it');

    token('dcm-2');
    ($rc, $said) = as('revoke', '--sub', 'alice');
    like($said, qr/^1 live/, 'by subject');
    token('dcm-2');
    ($rc, $said) = as('revoke', '--client', 'dcm-2');
    like($said, qr/^1 live/, 'by client');

    certificate('lost', '--cn', 'dcm-1');
    $token = token('lost', 'dcm-1');
    ($rc, $said) = as('revoke', '--thumbprint', $thumbprint{lost},
                      '--until', int(time) + 1000);
    like($said, qr/^1 live/, 'by certificate');
    is(active($token), 0, '... which is inactive');
    is(token('lost', 'dcm-1'), 'invalid_client', '... for good');

    ($rc, $said) = as('revoke', '--token', 'x');
    is($rc, 1, 'an unknown token');
    ($rc, $said) = as('revoke', '--client', 'nosuch');
    is("$rc $said", '1 hars-authserver: client nosuch is not registered, '
       . "nothing was revoked\n", 'an unknown client');
    ($rc, $said) = as('revoke', '--sub', 'nosuch');
    is("$rc $said", '1 hars-authserver: nobody has the subject nosuch, '
       . "nothing was revoked\n", 'an unknown subject');
    ($rc, $said) = as('revoke', '--sub', 'alice');
    like("$rc $said", qr/^0 0 live/, 'a known one without tokens');
    ($rc, $said) = as('revoke', '--client', 'dcm-2');
    like("$rc $said", qr/^0 0 live/, 'a known client without');

    for my $words ([], ['--client'], ['--client', 'a b'], ['x'],
                   ['--client', 'a', '--sub', 'b'], ['--sub', 'b', 'x'],
                   ['--thumbprint', 'A' x 44], ['--nonsense'],
                   ['--client', 'a', '--until', 9999999999],
                   ['--thumbprint', 'A' x 43, '--until', 5]) {
        ($rc) = as('revoke', @$words);
        is($rc, 2, "usage: revoke @$words");
    }
}


sub many {
    my @token = map { token('dcm-2') } 1 .. 70;

    emptied();

    my ($status, $answer) = revoke('oscar', hars_client => 'dcm-2');
    is($answer->{revoked}, 70, 'many tokens');

    # again out of the outbox: in another order, and so in other entries
    my @keys = sort { $b <=> $a } map { scalar(() = /key /g) } stream();
    is($keys[0], 64, '... of 64 keys at most');
    cmp_ok(scalar @keys, '<=', 4, '... in two entries, or told twice');
    is(told(), 70, '... each is told, and has its tombstone');
}


sub redis_gone {
    my $token = token('dcm-1');

    is(ended('redis', 'KILL'), 9, 'Redis is killed');
    unlink "$dir/redis.sock";

    my $begun = time;
    my ($status) = revoke('dcm-1', token => $token);
    is($status, 200, 'a revocation without Redis');
    ok(time - $begun < 2, '... in time');
    is(active($token), 0, '... is one');

    start_redis();
    ok(wait_for(sub { entries() == 1 && told() == 1 }, 5),
       '... and is told when Redis is back');

    sleep 1.2;
    is(scalar(stream()), 1, '... once');

    # a Redis that hangs: the answer waits for the timeout and no longer
    $token = token('dcm-1');
    kill 'STOP', $child{redis};
    $begun = time;
    ($status) = revoke('dcm-1', token => $token);
    is($status, 200, 'a revocation while Redis hangs');
    ok(time - $begun < 2, '... in time');
    kill 'CONT', $child{redis};

    # Redis also takes what it finds of the connection that was given up
    ok(wait_for(sub { told() == 2 && entries() == 2 }, 5),
       '... and is told after');
}


# the names that the server writes while the code runs, in their order
sub monitored {
    my ($code, $until) = @_;

    my $s = IO::Socket::UNIX->new(Peer => "$dir/redis.sock") or return;
    print $s "MONITOR\r\n";
    <$s>;

    $code->();

    my @written;
    my $end = time + 10;

    while (time < $end && defined(my $line = <$s>)) {
        next unless $line =~
            /"(SET|ZADD|XADD|ZREMRANGEBYSCORE)" "test:([^"]*)"(?: "([^"]*)")?/;
        my ($command, $name, $value) = ($1, $2, $3);
        $name = 'key' if $name =~ /^[0-9a-f]{64}$/;
        $name .= $value ? ' ID' : ' ""' if $name =~ /run$/;
        push @written, "$command $name";
        last if $written[-1] eq $until;
    }

    return \@written;
}


# while Redis is there: after an outage the outbox tells, of certificates first
sub order {
    certificate('first', '--cn', 'dcm-1');
    my $token = token('first', 'dcm-1');

    is_deeply(monitored(sub {
        revoke('oscar', hars_thumbprint => $thumbprint{first});
    }, 'XADD {revoked}stream'),
              ['SET key', 'ZADD {revoked}certs', 'XADD {revoked}stream'],
              'the tombstone, the certificate, then the entry');
}


sub run_id {
    return redis('INFO', 'server') =~ /^run_id:(\w+)/m ? $1 : '';
}


sub marked {
    my $mark = redis('GET', 'test:{revoked}run') // return 0;

    return $mark =~ /^(\d+) (\w+)$/ && $2 eq run_id() ? $1 : 0;
}


sub flushed {
    ok(wait_for(\&marked, 5), 'the mark is the run id');

    redis('FLUSHALL');
    my $token = token('dcm-1');
    revoke('dcm-1', token => $token);
    ok(wait_for(\&marked, 5), 'told before: it is there again');

    # of all that was revoked before, and one certificate has ended
    my @tombstones = tombstones();
    my $certs = redis('ZCARD', 'test:{revoked}certs');
    redis('ZADD', 'test:{revoked}certs', int(time) - 10, 'Z' x 43);

    my $mark = marked();
    my $written = monitored(sub { redis('FLUSHALL') },
                            'SET {revoked}run ID');

    is($written->[0], 'SET {revoked}run ""', 'flushed: a mark that is none');
    is($written->[-1], 'SET {revoked}run ID', '... the run id comes last');
    is(scalar(grep { $_ eq 'SET key' } @$written), scalar @tombstones,
       '... after all tombstones');
    is(scalar(grep { /^ZADD/ } @$written), $certs, '... and certificates');
    is(scalar(grep { /^XADD/ } @$written), 0, '... without an entry');

    ok(wait_for(\&marked, 5), '... and all is in place');
    is_deeply([sort { $a cmp $b } tombstones()],
              [sort { $a cmp $b } @tombstones], '... as it was');
    my $ttl = redis('PTTL', "test:$tombstones[0]");
    ok($ttl > 0 && $ttl <= 300_000, "... for the rest: $ttl");
    is(redis('ZSCORE', 'test:{revoked}certs', 'Z' x 43), undef,
       '... and nothing else');

    cmp_ok(marked(), '>', $mark, '... with a higher number');

    # the database knows that this Redis was told
    $mark = marked();
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    redis('ZADD', 'test:{revoked}certs', int(time) - 10, 'Z' x 43);
    start();
    ok(wait_for(sub { !redis('ZSCORE', 'test:{revoked}certs', 'Z' x 43) }),
       'and another one goes on');
    is(marked(), $mark, '... without telling all again');

    # a server that comes back with what was said of it before
    my $id = run_id();
    redis('SET', 'test:{revoked}run', $mark - 1 . " $id");
    ok(wait_for(sub { marked() > $mark }, 5), 'an old mark does not count');

    is(ended('redis', 'KILL'), 9, 'Redis is killed');
    unlink "$dir/redis.sock";
    start_redis();
    isnt(run_id(), $id, '... and another one comes, empty');

    ok(wait_for(\&marked, 5), '... that is told as well');
    is(scalar(tombstones()), scalar @tombstones, '... of all tombstones');
    is(redis('ZCARD', 'test:{revoked}certs'), $certs,
       '... and certificates');
}


# killed between commit and telling: the outbox is there at the next start
sub killed {
    certificate('stolen', '--cn', 'dcm-1');
    my @token = (token('dcm-1'), token('stolen', 'dcm-1'));

    kill 'STOP', $child{redis};

    my @pid = map {
        my %field = %$_;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            revoke('oscar', %field);
            POSIX::_exit(0);
        }
        $pid;
    } ({ token => $token[0] }, { hars_thumbprint => $thumbprint{stolen} });

    ok(wait_for(sub { !active($token[0]) && !active($token[1]) }),
       'two revocations are committed');
    is(ended('authserver', 'KILL'), 9, '... and the server is killed');
    waitpid $_, 0 for @pid;

    is(ended('redis', 'KILL'), 9, '... and Redis, with what it had');
    unlink "$dir/redis.sock";
    start_redis();
    start();

    ok(wait_for(\&marked, 5), 'the next one tells');
    is(scalar(grep { $_ =~ /key/ } entries()), 1, '... the tokens');
    like(join("\n", entries()), qr/^cert $thumbprint{stolen} until \d+\b/m,
         '... and the certificate');
    ok(redis('ZSCORE', 'test:{revoked}certs', $thumbprint{stolen}),
       '... also in the set');
    is(scalar(() = join(' ', entries()) =~ /key /g), 2, '... of both');
}


sub stop {
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    is(ended('redis', 'TERM'), 0, 'and Redis');

    if (open my $fh, '<', "$dir/authserver.log") {
        local $/;
        my $log = <$fh>;
        unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer had a word');
        unlike($log, qr/hats_at_/, 'no token in the log');
    }
}
