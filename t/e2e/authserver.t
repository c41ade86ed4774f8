#!/usr/bin/perl

# The authorization server as it runs, on its two Unix sockets, with a Redis
# of the test's own: who gets a token and who does not, what introspection
# says and to whom, what stands in Redis, and that a revocation arrives there
# whatever happens to Redis meanwhile.  Numbers in brackets are those of
# docs/authserver.md, "Checks".

use strict;
use warnings;

use File::Basename qw(dirname);
use Digest::SHA qw(sha256);
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:DEFAULT start_redis);

my $issuer = 'https://auth.hars.localhost';
my $o = 'O=HARS Gateway demo';
my $ml = 'https://ml.hars.localhost/';
my $dcm = 'https://dcm.hars.localhost/';
my $patience = 2;                  # s with Redis, longer than anything else

BAIL_OUT("$program is not there: make all") unless -x $program;

# other users have to reach the sockets to be refused there
chmod 0755, $dir;

prepare();
options();
settings_refused();
clients();
start_redis();
start();

token_issued();
token_unique();
token_form();
token_client();
token_scope();
token_resource();
token_cross_site();
http();
introspection();
expiry();
records();
revocation();
redis_slow();
outbox();
peers();
second_start();
no_token_in_log();
stop();

done_testing();


sub prepare {
    for my $name (qw(zone seal)) {
        write_file("$name.key", join('', map { sprintf '%02x', rand 256 }
                                     1 .. 32) . "\n", 0600);
    }

    pki('authorities');
    certificate('dcm-1');
    certificate('renewed', '--cn', 'dcm-1');
    certificate('dcm-2');
    certificate('gateway');
    certificate('expired', '--cn', 'dcm-1', '--expired');

    configure();
}


sub configure {
    my (%more) = @_;

    my %setting = (
        issuer         => $issuer,
        database       => $database,
        client_ca      => "$dir/pki/client-ca.pem",
        public_socket  => "$dir/public.sock",
        gateway_socket => "$dir/gateway.sock",
        gateway_user   => scalar getpwuid($>),
        redis          => "unix:$dir/redis.sock",
        redis_db       => 3,
        redis_prefix   => 'test:',
        redis_timeout  => 1000 * $patience,
        zone_key       => "$dir/zone.key",
        seal_key       => "$dir/seal.key",
        record_claims  => 'hars_kind',
        %more,
    );

    write_file('as.conf', join '', map { "$_ = $setting{$_}\n" }
               grep { defined $setting{$_} } sort keys %setting);
}


sub options {
    my ($rc, $said) = run($program, '--help');
    is($rc, 0, '--help: status');
    like($said, qr/client add --id ID.*\n.*redis_timeout +200/s, '--help');

    ($rc, $said) = run($program, '--version');
    like($said, qr/^hars-authserver \d+\.\d+\.\d+$/, '--version');

    for my $words ([], ['bake'], ['client'], ['client', 'fry'], ['token'],
                   ['token', 'show'], ['serve', 'x'], ['--nonsense']) {
        ($rc) = as(@$words);
        is($rc, 2, "usage: @$words");
    }

    ($rc, $said) = as('--check');
    is($rc, 0, "--check: $said");
}


sub settings_refused {
    my %case = (
        'issuer "https://x/"'       => { issuer => 'https://x/' },
        'issuer "http://x"'         => { issuer => 'http://x' },
        'issuer is missing'         => { issuer => undef },
        'gateway_user "nobody-x"'   => { gateway_user => 'nobody-x' },
        'client_ca is needed'      => { client_ca => undef },
        'cannot be read: No such'   => { client_ca => "$dir/nothing" },
        'it has no certificates'    => { client_ca => "$dir/zone.key" },
        'gateway_client "a b"'      => { gateway_client => 'a b' },
        'redis "here"'              => { redis => 'here' },
        'zone_key is needed'        => { zone_key => undef },
        'seal_key is needed'        => { seal_key => undef },
        'does not exist'            => { zone_key => "$dir/nothing" },
        'same key as zone_key'      => { seal_key => "$dir/zone.key" },
        'record_claims "iat"'       => { record_claims => 'iat' },
        'redis_user "u" needs'      => { redis_user => 'u' },
        'redis_password_file "'     => { redis_password_file => "$dir/no" },
        'is public_socket too'      =>
            { gateway_socket => "$dir/public.sock" },
        'token_ttl "0" has to be'   => { token_ttl => 0 },
    );

    for my $words (sort keys %case) {
        configure(%{ $case{$words} });
        my ($rc, $said) = as('--check');
        is($rc, 1, "a setting is refused: $words");
        like($said, qr/\Q$words\E/, "... with these words");
    }

    write_file('open.key', 'a' x 64, 0644);
    configure(seal_key => "$dir/open.key");
    my ($rc, $said) = as('--check');
    like($said, qr/open to others/, 'a key file that others can read');

    configure();
}


sub clients {
    my @dcm = ('client', 'add', '--id', 'dcm-1', '--kind', 'service',
               '--subject-dn', "CN=dcm-1,$o", '--scope',
               'ml:recognize ml:probabilities', '--resource', $ml,
               '--resource', $dcm);

    my ($rc, $said) = as(@dcm);
    is($rc, 0, "client add: $said");
    is($said, "dcm-1\tservice\tdcm-1\n", 'a service is its own sub');

    ($rc, $said) = as(@dcm);
    is($rc, 1, 'client add twice');
    like($said, qr/registered already/, '... says so');

    ($rc) = as('client', 'add', '--id', 'gateway', '--kind',
               'resource_server', '--resource', $ml,
               '--subject-dn', "CN=gateway,$o");
    is($rc, 0, 'client add: the gateway');

    as('client', 'add', '--id', 'dcm-2', '--kind', 'service', '--subject-dn',
       "CN=dcm-2,$o", '--scope', 'fog:resolve', '--resource', $dcm,
       '--token-ttl', '1');
    as('client', 'add', '--id', 'nocert', '--kind', 'resource_server',
       '--resource', $dcm);

    ($rc, $said) = as('client', 'add', '--id', 'alice', '--kind', 'patient',
                      '--subject-dn', 'CN=alice', '--scope',
                      'recordings:write', '--resource', $dcm);
    like($said, qr/^alice\tpatient\t[0-9a-f]{32}$/, 'a person has a random '
         . 'sub');

    ($rc, $said) = as('client', 'show', 'dcm-1');
    my $row = eval { $json->decode($said) } // {};
    is($row->{tls_client_auth_subject_dn}, "CN=dcm-1,$o", 'client show');
    is_deeply($row->{resources}, [$ml, $dcm], 'client show: resources');

    ($rc, $said) = as('client', 'list');
    like($said, qr/^alice\t.*^dcm-1\t.*^dcm-2\t.*^gateway\t/ms,
         'client list');

    ($rc) = as('client', 'show', 'nobody');
    is($rc, 1, 'client show: not registered');

    my @x = ('--id', 'x', '--kind', 'service', '--subject-dn', 'CN=x',
             '--resource', $ml);

    for my $case (
        ['scope of another kind', @x, '--scope', 'recordings:write'],
        ['malformed scope', @x, '--scope', 'a  b'],
        ['malformed name', @x, '--subject-dn', 'x'],
        ['resource with fragment', @x, '--resource', "$ml#f"],
        ['ttl', @x, '--token-ttl', '0'],
        ['unknown kind', @x, '--kind', 'wizard'],
        ['malformed id', @x, '--id', 'a b'],
        ['no resource', '--id', 'x', '--kind', 'service', '--subject-dn',
         'CN=x'],
        ['no subject', '--id', 'x', '--kind', 'service', '--resource', $ml],
        ['no id', '--kind', 'service'],
        ['an argument too many', @x, 'y'],
    ) {
        my ($what, @words) = @$case;
        ($rc) = as('client', 'add', @words);
        is($rc, 2, "client add: $what");
    }
}


# one command to Redis, in its database 3; status lines, bulk or integers
sub redis {
    my (@words) = @_;

    my $s = IO::Socket::UNIX->new(Peer => "$dir/redis.sock") or return;

    for my $command (['SELECT', 3], \@words) {
        print $s '*' . @$command . "\r\n"
            . join '', map { '$' . length($_) . "\r\n$_\r\n" } @$command;
    }

    <$s>;
    my $line = <$s> // '';
    $line =~ s/\r\n//;

    return substr $line, 1 if $line =~ /^[+:-]/;

    my @values;

    for (1 .. ($line =~ /^\*(\d+)/ ? $1 : 1)) {
        $line = <$s> if @values || $line =~ /^\*/;
        return undef if $line =~ /^\$-1/;
        read $s, my $value, ($line =~ /(\d+)/)[0];
        read $s, my $end, 2;
        push @values, $value;
    }

    return wantarray ? @values : $values[0];
}


# records and tombstones
sub redis_keys {
    return redis('KEYS', 'test:' . '[0-9a-f]' x 64);
}


# status, decoded body, headers as text
sub post {
    my ($socket, $path, @curl) = @_;

    my ($rc, $said) = run('curl', '-sSi', '--max-time', 20, '-H', 'Expect:',
                          '--unix-socket', "$dir/$socket.sock",
                          "http://localhost$path", @curl);

    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
    my ($head, $body) = split /\r\n\r\n/, $said, 2;

    return ($status // 0, eval { $json->decode($body) } // $body, $head);
}


sub form {
    my (%field) = @_;

    return map { ('--data-urlencode', "$_=$field{$_}") }
        grep { defined $field{$_} } sort keys %field;
}


# a token request of dcm-1 with these changes
sub token {
    my ($name, %field) = @_;

    return post('public', '/oauth2/token',
                $name ? ('-H', $cert{$name}) : (),
                form(grant_type => 'client_credentials',
                     client_id => 'dcm-1', %field));
}


sub introspect {
    my ($token) = @_;

    return post('gateway', '/introspect', form(token => $token));
}


sub refused {
    my ($what, $error, $status, $got, $body, $head) = @_;

    is($got, $status, "$what: status");
    is(ref $body ? $body->{error} : $body, $error, "$what: error");
    like($head, qr/^Cache-Control: no-store\r?$/mi, "$what: no-store");
    ok(!(ref $body && ($body->{access_token}
                       || $body->{error_description} =~ /[\r\n\t"\\]/)),
       "$what: nothing else");
}


sub token_issued {
    my ($status, $answer, $head) = token('dcm-1');

    is($status, 200, 'a token');
    like($answer->{access_token}, qr/^hats_at_[A-Za-z0-9_-]{48}$/,
         '[11] ... of 240 bits');
    is($answer->{token_type}, 'Bearer', '... for the Bearer scheme');
    is($answer->{expires_in}, 300, '... for the time configured');
    is($answer->{scope}, 'ml:recognize ml:probabilities',
       '... with all that is registered');
    is_deeply([sort keys %$answer],
              [qw(access_token expires_in scope token_type)],
              '[10] ... and nothing else: no refresh token');
    like($head, qr{^Content-Type: application/json\r?$}mi, '[4] ... as JSON');
    like($head, qr/^Cache-Control: no-store\r?$/mi, '[4] ... that nobody keeps');
    unlike($head, qr/Access-Control/i, '... nor reads across origins');

    my (undef, $other) = token('dcm-1');
    isnt($other->{access_token}, $answer->{access_token}, 'each its own');

    my $stored = stored();
    ok(index($stored, $answer->{access_token}) < 0,
       'the token itself is not stored');
    ok(index($stored, sha256($answer->{access_token})) >= 0,
       'its SHA-256 is');
}


sub token_unique {
    my $s = IO::Socket::UNIX->new(Peer => "$dir/public.sock")
        or die "public.sock: $!\n";
    my $body = 'grant_type=client_credentials&client_id=dcm-1';
    my $text = join "\r\n", 'POST /oauth2/token HTTP/1.1', 'Host: localhost',
        $cert{'dcm-1'}, 'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, '', $body;
    my %seen;

    for (1 .. 10_000) {
        print $s $text;
        $s->flush;
        my ($len, $answer) = (0, '');
        while (defined(my $line = <$s>)) {
            $len = $1 if $line =~ /^Content-Length: (\d+)/i;
            last if $line eq "\r\n";
        }
        read $s, $answer, $len;
        $seen{$1}++ if $answer =~ /"access_token":"(hats_at_[\w-]{48})"/;
    }

    is(scalar keys %seen, 10_000, '[11] 10,000 tokens, none twice');
}


sub token_form {
    my @raw = ('-H', $cert{'dcm-1'}, '-d');
    my $good = 'grant_type=client_credentials&client_id=dcm-1';

    my @token = ('public', '/oauth2/token');

    my ($status) = post(@token, @raw, "$good&response_type=token&x=y&scope=");
    is($status, 200, '[2] unknown parameters and empty ones do no harm');

    refused('[2] a parameter twice', 'invalid_request', 400,
            post(@token, @raw, "$good&client_id=dcm-1"));
    refused('a broken escape', 'invalid_request', 400,
            post(@token, @raw, "$good&scope=%zz"));
    refused('[3] JSON', 'invalid_request', 400,
            post(@token, @raw, '{}', '-H', 'Content-Type: application/json'));
    refused('no body', 'invalid_request', 400,
            post(@token, '-X', 'POST', '-H', $cert{'dcm-1'}));
    refused('[6] no grant type', 'invalid_request', 400,
            token('dcm-1', grant_type => undef));
    refused('[7] another grant type', 'unsupported_grant_type', 400,
            token('dcm-1', grant_type => 'password'));
    refused('an empty grant type', 'invalid_request', 400,
            token('dcm-1', grant_type => ''));

    ($status) = post(@token, @raw, $good, '-H', 'Content-Type: application/'
                     . 'x-www-form-urlencoded; charset=UTF-8');
    is($status, 200, 'a charset does no harm');
}


sub token_client {
    refused('[14] no certificate', 'invalid_client', 401, token(undef));
    refused('[13] no client_id', 'invalid_client', 401,
            token('dcm-1', client_id => undef));
    refused('an unknown client', 'invalid_client', 401,
            token('dcm-1', client_id => 'nobody'));
    refused('the certificate of another client', 'invalid_client', 401,
            token('dcm-2'));
    refused('[15] the client_id of another client', 'invalid_client', 401,
            token('dcm-1', client_id => 'dcm-2'));
    refused('an expired certificate', 'invalid_client', 401,
            token('expired'));
    refused('a client without certificate', 'invalid_client', 401,
            token('dcm-1', client_id => 'nocert'));
    refused('[7] a resource server', 'unauthorized_client', 400,
            token('gateway', client_id => 'gateway'));

    my @good = ('public', '/oauth2/token',
                form(grant_type => 'client_credentials',
                     client_id => 'dcm-1'));

    for my $case (
        ['[27] two certificates', $cert{'dcm-1'}, $cert{'dcm-1'}],
        ['a certificate and another', $cert{'dcm-1'}, $cert{'dcm-2'}],
        ['a certificate without its colon', substr $cert{'dcm-1'}, 0, -1],
        ['a certificate with parameters', "$cert{'dcm-1'};x=1"],
        ['half a certificate', 'Client-Cert: :MIIB:'],
        ['PEM', 'Client-Cert: -----BEGIN CERTIFICATE-----'],
        ['[27] more than 8 KB', 'Client-Cert: :' . 'A' x 9000 . ':'],
    ) {
        my ($what, @header) = @$case;
        refused($what, 'invalid_request', 400,
                post(@good, map { ('-H', $_) } @header));
    }

    my ($status, $answer, $head) =
        post(@good, '-H', $cert{'dcm-1'}, '-u', 'dcm-1:secret');
    refused('a password', 'invalid_client', 401, $status, $answer, $head);
    like($head, qr/^WWW-Authenticate: Basic /mi,
         '[6] a password: its scheme is challenged');

    refused('[8] two authentications', 'invalid_request', 400,
            post(@good, '-H', $cert{'dcm-1'}, '-u', 'dcm-1:secret',
                 form(client_secret => 'x')));
    refused('a secret', 'invalid_client', 401,
            token('dcm-1', client_secret => 'x'));

    ($status) = token('renewed');
    is($status, 200, 'another certificate of the same subject will do');
}


sub token_scope {
    my ($status, $answer) = token('dcm-1', scope => 'ml:recognize');
    is($answer->{scope}, 'ml:recognize', '[5] a narrower scope');

    ($status, $answer) =
        token('dcm-1', scope => 'ml:probabilities ml:recognize '
              . 'ml:probabilities');
    is($answer->{scope}, 'ml:probabilities ml:recognize', 'each value once');

    for my $scope ('fog:resolve', 'ml:recognize fog:resolve', 'ml', ' ',
                   'ml:recognize  ml:probabilities', 'a"b', "a\nb") {
        refused("[7] scope \"$scope\"", 'invalid_scope', 400,
                token('dcm-1', scope => $scope));
    }
}


sub token_resource {
    my (undef, $answer) = token('dcm-1');
    (undef, $answer) = introspect($answer->{access_token});
    is_deeply($answer->{aud}, [$ml, $dcm], 'all resources by default');

    (undef, $answer) = token('dcm-1', resource => $ml);
    (undef, $answer) = introspect($answer->{access_token});
    is_deeply($answer->{aud}, [$ml], 'one resource');

    (undef, $answer) = post('public', '/oauth2/token', '-H', $cert{'dcm-1'},
                            form(grant_type => 'client_credentials',
                                 client_id => 'dcm-1', resource => $dcm),
                            form(resource => $ml));
    (undef, $answer) = introspect($answer->{access_token});
    is_deeply($answer->{aud}, [$dcm, $ml], 'two resources, in their order');

    for my $uri ('https://other.example/', "${ml}x", 'ml', "$ml#f",
                 substr($ml, 0, -1)) {
        refused("resource $uri", 'invalid_target', 400,
                token('dcm-1', resource => $uri));
    }
}


sub token_cross_site {
    my @good = ('public', '/oauth2/token', '-H', $cert{'dcm-1'},
                form(grant_type => 'client_credentials',
                     client_id => 'dcm-1'));

    for my $header ('Origin: https://evil.example', 'Origin: null',
                    'Origin: https://auth.hars.localhost:8443',
                    'Origin: https://auth.hars.localhost.evil.example',
                    'Sec-Fetch-Site: cross-site') {
        my ($status, $answer, $head) = post(@good, '-H', $header);
        is($status, 403, "403: $header");
        is($answer->{status}, 403, '... as problem details');
        unlike($head, qr/Access-Control/i, '... without CORS headers');
    }

    my ($status) = post(@good, '-H', "Origin: $issuer", '-H',
                        'Sec-Fetch-Site: same-origin');
    is($status, 200, 'the own origin');
}


sub http {
    my ($status, $answer, $head) = post('public', '/healthz');
    is($status, 200, '/healthz');
    is($answer->{status}, 'ok', '... says ok');

    ($status, $answer, $head) = post('public', '/oauth2/token');
    is($status, 405, '[1] GET /oauth2/token');
    like($head, qr/^Allow: POST\r?$/mi, '... names the method');

    ($status, $answer) = post('public', '/nothing');
    is($status, 404, 'an unknown path');
    is($answer->{status}, 404, '... as problem details');

    for my $path ('/introspect', '//oauth2/token', '/oauth2/token/',
                  '/oauth2/%74oken') {
        ($status) = post('public', $path, '-d', 'x=y');
        is($status, 404, "public: $path");
    }

    for my $path ('/oauth2/token', '/oauth2/introspect', '/healthz') {
        ($status) = post('gateway', $path, '-d', 'x=y');
        is($status, 404, "gateway: $path");
    }

    my $file = write_file('large', 'a=' . 'x' x 16383);

    refused('[3] a body over the cap', 'invalid_request', 413,
            post('public', '/oauth2/token', '--data-binary', "\@$file"));
    refused('... in chunks', 'invalid_request', 413,
            post('public', '/oauth2/token', '--data-binary', "\@$file", '-H',
                 'Transfer-Encoding: chunked'));
    refused('... that is only announced', 'invalid_request', 413,
            post('public', '/oauth2/token', '--data-binary', "\@$file", '-H',
                 'Expect: 100-continue'));

    write_file('large', 'a=' . 'x' x 16382);
    refused('a body at the cap is read', 'invalid_client', 401,
            post('public', '/oauth2/token', '--data-binary', "\@$file"));
}


sub introspection {
    my (undef, $token) = token('dcm-1', scope => 'ml:recognize');
    my ($status, $answer, $head) = introspect($token->{access_token});

    is($status, 200, 'introspection');
    like($head, qr/^Cache-Control: no-store\r?$/mi, '... is not kept');
    is($answer->{exp} - $answer->{iat}, 300, '... has the times');

    delete @$answer{qw(exp iat nbf)};
    is_deeply($answer, {
        active     => JSON::PP::true,
        aud        => [$ml, $dcm],
        client_id  => 'dcm-1',
        cnf        => { 'x5t#S256' => $thumbprint{'dcm-1'} },
        hars_kind  => 'service',
        iss        => $issuer,
        scope      => 'ml:recognize',
        sub        => 'dcm-1',
        token_type => 'Bearer',
    }, '[21] ... and says what the token is');

    my (undef, $foreign) = token('dcm-2', client_id => 'dcm-2');

    for my $case (['unknown', "hats_at_" . 'A' x 48],
                  ['no token at all', 'x'],
                  ['for somebody else', $foreign->{access_token}]) {
        ($status, undef, $head) = introspect($case->[1]);
        my ($rc, $said) = run('curl', '-sS', '--unix-socket',
                              "$dir/gateway.sock", 'http://x/introspect',
                              form(token => $case->[1]));
        is($said, '{"active":false}', "[31] [32] inactive: $case->[0]");
    }

    ($status, $answer) = post('gateway', '/introspect', '-H',
                              'Client-Cert: :garbage:',
                              form(token => $token->{access_token},
                                   token_type_hint => 'refresh_token',
                                   client_id => 'nobody'));
    is($answer->{active}, JSON::PP::true, '[33] the gateway is known by '
       . 'its socket alone, and hints are only hints');

    refused('no token parameter', 'invalid_request', 400,
            post('gateway', '/introspect', form(x => 'y')));

    my @public = ('public', '/oauth2/introspect');
    my %ask = (token => $token->{access_token});

    ($status, $answer) = post(@public, '-H', $cert{gateway},
                              form(%ask, client_id => 'gateway'));
    is($answer->{active}, JSON::PP::true, 'a resource server asks');

    refused('[31] a resource server without certificate', 'invalid_client', 401,
            post(@public, form(%ask, client_id => 'gateway')));
    refused('another certificate', 'invalid_client', 401,
            post(@public, '-H', $cert{'dcm-1'},
                 form(%ask, client_id => 'gateway')));
    ($status, $answer) = post(@public, '-H', $cert{'dcm-1'},
                              form(%ask, client_id => 'dcm-1'));
    is($answer->{active}, JSON::PP::true,
       '[32] a client that is no resource server sees its own');
}


sub expiry {
    as('client', 'add', '--id', 'short', '--kind', 'service', '--subject-dn',
       "CN=dcm-1,$o", '--resource', $ml, '--token-ttl', '1');

    my (undef, $token) = token('dcm-1', client_id => 'short');

    is($token->{expires_in}, 1, 'a life of its own per client');
    ok(!exists $token->{scope}, 'no scope, no member');
    ok(wait_for(sub {
        my (undef, $answer) = introspect($token->{access_token});
        return !$answer->{active};
    }, 5), '[34] and then it is inactive');

    my ($rc, $said) = as('token', 'show', $token->{access_token});
    like($said, qr/"state": "expired"/, 'token show: expired');
}


sub records {
    redis('FLUSHDB');

    my (undef, $token) = token('dcm-1');
    my @keys = redis_keys();

    is(scalar @keys, 1, 'one record for one token');
    like($keys[0], qr/^test:[0-9a-f]{64}$/, '... under prefix and key');

    my $value = redis('GET', $keys[0]);
    is(substr($value, 0, 2), "S\x01", '... is sealed');
    ok(index($value, 'dcm-1') < 0, '... and shows nothing');

    my $ttl = redis('PTTL', $keys[0]);
    ok($ttl > 30_000 && $ttl <= 60_000, "... for a minute at most: $ttl ms");

    my ($rc, $said) = as('token', 'show', $token->{access_token});
    my $row = eval { $json->decode($said) } // {};
    is($row->{state}, 'active', 'token show');
    is($row->{cnf}{'x5t#S256'}, $thumbprint{'dcm-1'}, '... its certificate');
    is($row->{token_id}, substr($keys[0], 5, 8), '... its id');
    ok(index($said, $token->{access_token}) < 0, '... and not the token');

    redis('FLUSHDB');
    token('dcm-2', client_id => 'dcm-2');
    is(scalar(my @none = redis_keys()), 0,
       'no record of what the gateway may not see');
}


sub revocation {
    redis('FLUSHDB');

    my (undef, $token) = token('dcm-1');
    my ($key) = redis_keys();

    open my $fh, '|-', "'$program' --config '$dir/as.conf' token revoke - "
        . "> '$dir/revoke.out' 2>&1" or die "sh: $!\n";
    print $fh "$token->{access_token}\n";
    close $fh;
    is($? >> 8, 0, 'token revoke, from standard input');

    is(redis('GET', $key), "T\x01", 'the tombstone stands in Redis');
    my $ttl = redis('PTTL', $key);
    ok($ttl > 290_000 && $ttl <= 300_000, "... for the token's life: $ttl");

    my (undef, $answer) = introspect($token->{access_token});
    is_deeply($answer, { active => JSON::PP::false }, 'it is inactive');

    my ($rc, $said) = as('token', 'show', $token->{access_token});
    like($said, qr/"state": "revoked"/, 'token show: revoked');

    ($rc) = as('token', 'revoke', $token->{access_token});
    is($rc, 0, 'revoked twice');

    # what was told is not told again
    my (undef, $other) = token('dcm-1');
    my ($stream) = redis('XLEN', 'test:{revoked}stream');
    as('token', 'revoke', $other->{access_token});
    is(redis('XLEN', 'test:{revoked}stream'), $stream + 1,
       'what was told has left the outbox');

    ($rc, $said) = as('token', 'revoke', 'hats_at_x');
    is($rc, 1, 'an unknown token');
    unlike($said, qr/hats_at_x/, '... is not repeated');
}


sub redis_slow {
    kill 'STOP', $child{redis};

    my $start = time;
    my ($status) = token('dcm-1');
    my $took = time - $start;

    is($status, 200, 'a token while Redis hangs');
    cmp_ok($took, '<', 5 * $patience, '... in time');

    # it is known now, nobody waits for it again
    my $slow = 0;

    for (1 .. 8) {
        $start = time;
        ($status) = token('dcm-1');
        $slow++ if time - $start >= $patience;
    }

    is($slow, 0, '... and the next ones do not wait');

    kill 'CONT', $child{redis};
}


sub outbox {
    my (undef, $token) = token('dcm-1');

    is(ended('redis', 'KILL'), 9, 'Redis is killed');
    unlink "$dir/redis.sock";

    my ($status, $other) = token('dcm-1');
    is($status, 200, 'a token without Redis');

    my ($rc, $said) = as('token', 'revoke', $token->{access_token});
    is($rc, 0, 'token revoke without Redis');
    like($said, qr/as soon as Redis is back/, '... says what will be');

    my (undef, $answer) = introspect($token->{access_token});
    is_deeply($answer, { active => JSON::PP::false }, '... and it is revoked');

    start_redis();

    ok(wait_for(sub {
        my @keys = redis_keys();
        return @keys && redis('GET', $keys[0]) eq "T\x01";
    }), 'the running server tells it when Redis is back');

    # and one that starts tells what was left
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    ok(!-e "$dir/public.sock" && !-e "$dir/gateway.sock",
       '... and takes its sockets away');
    is(ended('redis', 'KILL'), 9, 'Redis is killed again');
    unlink "$dir/redis.sock";

    ($rc) = as('token', 'revoke', $other->{access_token});
    is($rc, 0, 'token revoke without server and Redis');

    start_redis();
    start();

    ok(wait_for(sub {
        my @keys = redis_keys();
        return @keys && redis('GET', $keys[0]) eq "T\x01";
    }), 'a server that starts tells what was left');
}


sub peers {
  SKIP: {
        skip 'needs root, setpriv and the user nobody', 4
            unless $> == 0 && getpwnam('nobody')
            && (run('setpriv', '--version'))[0] == 0;

        for my $socket (qw(public gateway)) {
            chmod 0666, "$dir/$socket.sock";

            my ($rc, $said) = run('setpriv', '--reuid', 'nobody',
                                  '--clear-groups', 'curl', '-sS',
                                  '--unix-socket', "$dir/$socket.sock",
                                  'http://localhost/healthz');
            isnt($rc, 0, "$socket: other users get no answer");
            unlike($said, qr/HTTP|status/, '... at all');
        }
    }
}


sub second_start {
    my ($rc, $said) = as('serve');
    is($rc, 1, 'a second server does not start');
    like($said, qr/another process listens there/, '... and says why');
    ok(listening("$dir/public.sock"), '... and leaves the first alone');

    is(ended('authserver', 'KILL'), 9, 'the server is killed');
    ok(-S "$dir/public.sock", '... and leaves its sockets');
    start();
    my ($status) = token('dcm-1');
    is($status, 200, 'stale sockets are replaced');
}


sub no_token_in_log {
    open my $fh, '<', "$dir/authserver.log" or die "authserver.log: $!\n";
    my @lines = <$fh>;

    is(scalar(grep { /hats_at_/ } @lines), 0, 'no token in the log');
    is(scalar(grep { !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ hars-authserver\[/ }
              @lines), 0, 'one line per event')
        or diag(grep { !/^\d{4}-/ } @lines);
    is(scalar(grep { /redis ".*": / } @lines) > 0, 1, 'an outage is logged');
}


sub stop {
    is(ended('authserver', 'INT'), 0, 'SIGINT stops it as well');
    is(ended('redis', 'TERM'), 0, 'and Redis');

    if (open my $fh, '<', "$dir/authserver.log") {
        local $/;
        my $log = <$fh>;
        unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer had a word');
    }
}
