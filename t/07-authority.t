# The introspection request on the wire, and what becomes of each answer of
# an authorization server that is slow, broken, or not there: never an admit,
# never a stalled worker; 503 where it could not be asked or understood, 401
# for what is proven bad.

use lib 't/lib';
use HarsTest;
use Test::Nginx::Socket;

my $port = $ENV{TEST_NGINX_PORT_1};

$ENV{TEST_NGINX_HARS} = <<"END";
hars on;
    hars_introspect /_hars/introspect;
    add_header V "\$hars_verdict,\$hars_source" always;
    location /t { proxy_pass http://127.0.0.1:$port; }
    location /quiet { hars off override; proxy_pass http://127.0.0.1:$port; }
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    limit_req_zone \$server_port zone=asks:1m rate=20r/s;
    proxy_cache_path $ENV{TEST_NGINX_TMP}/cache keys_zone=cache:1m;
    server {
        listen 127.0.0.1:$port;
        location / { return 200 passed; }
        location /fake { default_type application/json;
                         return 200 '{"active":true}'; }
    }
END

our $bearer = 'Authorization: Bearer token-number-1';

# JSON of an active token with one member of another text
sub with {
    my ($name, $text) = @_;
    my $json = HarsTest::active($name => undef);

    return $json =~ s/\}$/,"$name":$text}/r;
}

our $unavailable = "V: unavailable,introspection\nRetry-After: 1\n"
                   . 'WWW-Authenticate:';

repeat_each(1);
no_long_string();
plan tests => 239;
run_tests();

__DATA__

=== TEST 1: the request: form-encoded, and nothing of the client's
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval: { 'a+b/c~d.e_f-g==' => HarsTest::active() }
--- request
POST /t?secret=arguments
the client's body
--- more_headers
Authorization: Bearer a+b/c~d.e_f-g==
X-Client: leaked
Cookie: leaked=1
Range: bytes=0-1
Content-Type: text/leaked
Accept: text/leaked
User-Agent: leaked
If-None-Match: leaked
--- response_body: passed
--- as_requests: 1
--- as_request_like
^POST /introspect HTTP/1\.1[\s\S]*Content-Type: application/x-www-form-urlencoded[\s\S]*token_type_hint=access_token&token=a%2Bb%2Fc~d\.e_f-g%3D%3D$
--- as_request_unlike
leaked|arguments|Range|Authorization|client's|Cookie



=== TEST 2: what the location adds is sent, the connection is kept
--- http_config
    $TEST_NGINX_HTTP
    upstream as { server unix:$TEST_NGINX_AS_SOCK; keepalive 2; }
--- config
    $TEST_NGINX_HARS
    location = /_hars/introspect {
        internal;
        proxy_set_header Authorization "Basic Z2F0ZXdheTpzZWNyZXQ=";
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass http://as/introspect;
    }
--- as eval: +{ map { ("token-number-$_" => HarsTest::active()) } 1 .. 3 }
--- request eval
[ ('GET /t') x 3 ]
--- more_headers eval
[ map { "Authorization: Bearer token-number-$_" } 1 .. 3 ]
--- error_code eval
[ 200, 200, 200 ]
--- as_request_like: Authorization: Basic Z2F0ZXdheTpzZWNyZXQ=
--- after
my %conn = map { $_->{conn} => 1 } HarsTest::Authority::requests();
is(scalar keys %conn, 1, 'one connection');



=== TEST 3: answers that are not understood: 503
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval
@main::bad = (
    { status => 500, body => '{"active":true}' },
    { status => 201, body => '{"active":true}' },
    { status => 204, body => '' },
    { status => 301, headers => [ 'Location: /fake' ], body => '' },
    { status => 400, body => '{"active":true}' },
    { status => 401, body => '{"active":true}' },
    { status => 403, body => '' },
    { status => 404, body => '' },
    { status => 429, body => '' },
    { type => 'text/html', body => HarsTest::active() },
    { type => 'application/jsonx', body => HarsTest::active() },
    '', '{', 'true', '[]', '[{"active":true}]', 'null', '{"active":true',
    '{"active":true}x', '{"active":"true"}', '{"active":1}',
    '{"active":null}', '{"active":[true]}', '{}', '{"Active":true}',
    '{"active":true,"active":true}', '{"active":false,"active":true}',
    "{\"active\":true,\"sub\":\"\xff\xfe\"}",
    main::with('exp', '"1900000000"'), main::with('exp', '1e300'),
    main::with('exp', 'null'), main::with('exp', '1900000000.5'),
    main::with('exp', '99999999999999999999'), main::with('exp', 'NaN'),
    main::with('nbf', '"0"'), main::with('sub', '1'),
    main::with('sub', '"a\r\nHars-Kind: doctor"'),
    main::with('sub', '"a\u0000b"'), main::with('scope', '["ml:recognize"]'),
    main::with('aud', '{}'), main::with('aud', '[1]'), main::with('iss', '[]'),
    '{"active":true,"x":' . '[' x 3000 . ']' x 3000 . '}',
    { body => HarsTest::active(), pad => 70_000 },
    { body => HarsTest::active(), pad => 1_000_000 },
    { body => HarsTest::active(), pad => 1_000_000, chunked => 1 },
    HarsTest::active(sub => 'y' x 5_000),
    { body => HarsTest::active(), cut => 20 },
    { body => HarsTest::active(), cut => 20, chunked => 1 },
    { body => HarsTest::active(), close => 1 },
    { raw => '{"active":true}' },
    { raw => "garbage\r\n\r\n" },
    { raw => "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" },
    { headers => [ 'Content-Encoding: gzip' ], body => "\x1f\x8b\x08" },
);
my $n = 0;
+{ map { ('bad-token-' . $n++ => $_) } @main::bad }
--- request eval
[ map { 'GET /t' } 0 .. 53 ]
--- more_headers eval
[ map { "Authorization: Bearer bad-token-$_" } 0 .. 53 ]
--- error_code eval
[ map { 503 } 0 .. 53 ]
--- response_headers eval
[ map { "Retry-After: 1\nWWW-Authenticate:" } 0 .. 53 ]
--- after
is(scalar @main::bad, 54, 'each answer was tried');



=== TEST 4: answers that are proven bad: 401, whatever else they say
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval
my @inactive = (
    '{"active":false}', HarsTest::active(active => JSON::PP::false),
    HarsTest::active(token_type => 'refresh_token'),
    HarsTest::active(token_use => 'refresh'),
    HarsTest::active(exp_in => 0), HarsTest::active(exp => 0),
    HarsTest::active(exp => -1), HarsTest::active(exp_in => -3600),
    HarsTest::active(nbf_in => 3600),
);
my $n = 0;
+{ map { ('bad-token-' . $n++ => $_) } @inactive }
--- request eval
[ map { 'GET /t' } 0 .. 8 ]
--- more_headers eval
[ map { "Authorization: Bearer bad-token-$_" } 0 .. 8 ]
--- error_code eval
[ map { 401 } 0 .. 8 ]
--- response_headers_like eval
[ map { 'WWW-Authenticate: .*invalid_token.*' } 0 .. 8 ]



=== TEST 5: answers that are good
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval
my @good = (
    HarsTest::active(), HarsTest::active(x => 'y' x 5_000),
    { body => HarsTest::active(), pad => 60_000 },
    { body => HarsTest::active(), chunked => 1 },
    { type => 'application/json; charset=utf-8', body => HarsTest::active() },
    { type => 'Application/JSON', body => HarsTest::active() },
    HarsTest::active(exp => undef), main::with('exp', '1900000000.0'),
    main::with('active', 'true'), " \n" . HarsTest::active() . "\n",
    HarsTest::active(sub => "J\x{fc}rgen"), { body => HarsTest::active(),
                                             delay => 0.3 },
);
my $n = 0;
+{ map { ('good-token-' . $n++ => $_) } @good }
--- request eval
[ map { 'GET /t' } 0 .. 11 ]
--- more_headers eval
[ map { "Authorization: Bearer good-token-$_" } 0 .. 11 ]
--- error_code eval
[ map { 200 } 0 .. 11 ]



=== TEST 6: nobody listens
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location = /_hars/introspect {
        internal;
        proxy_pass http://unix:$TEST_NGINX_DEAD_SOCK:/;
    }
--- request
GET /t
--- more_headers eval: $main::bearer
--- error_code: 503
--- response_headers eval: $main::unavailable



=== TEST 7: hung: refused after hars_timeout, other locations answer meanwhile
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_timeout 700ms;
    $TEST_NGINX_HARS
    location = /_hars/introspect {
        internal;
        proxy_read_timeout 60s;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/introspect;
    }
--- as eval: { '*' => { hang => 1 } }
--- request
GET /t
--- more_headers eval: $main::bearer
--- error_code: 503
--- response_headers
Retry-After: 1
--- error_log: introspection took longer than hars_timeout
--- after
require Time::HiRes;
require IO::Socket::INET;

sub ask {
    my ($uri, $token) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_CLIENT_PORT}) or die "connect: $!";
    print $s "GET $uri HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             . "Authorization: Bearer $token\r\n\r\n";
    return $s;
}

my @hung = map { ask('/t', "hung-token-$_") } 1 .. 8;
my ($slowest, $answered) = (0, 0);

for (1 .. 20) {
    my $t = Time::HiRes::time();
    my $s = ask('/quiet', 'no-matter');
    my $answer = join '', <$s>;
    $answered++ if $answer =~ /passed/;
    $t = Time::HiRes::time() - $t;
    $slowest = $t if $t > $slowest;
}

is($answered, 20, 'another location answers while introspections hang');
ok($slowest < 0.5, 'and none of its requests waited') or diag $slowest;

my $refused = 0;

for my $s (@hung) {
    my $answer = join '', <$s>;
    $refused++ if $answer =~ m{^HTTP/1.1 503};
}

is($refused, 8, 'the hung ones are refused in the end');



=== TEST 8: error_page and proxy_intercept_errors of the server do not count
--- http_config: $TEST_NGINX_HTTP
--- config
    proxy_intercept_errors on;
    error_page 404 500 =200 /fake;
    hars_override error_page;
    $TEST_NGINX_HARS
    location = /fake { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/fake; }
    $TEST_NGINX_INTROSPECT
--- as eval
{ 'token-number-1' => { status => 500, body => '' },
  'token-number-2' => { status => 404, body => '' } }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ $main::bearer, 'Authorization: Bearer token-number-2' ]
--- error_code eval
[ 503, 503 ]



=== TEST 9: proxy_cache does not answer for the authority
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /u { hars_introspect /_two/introspect; hars on;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location = /_hars/introspect {
        internal;
        proxy_cache cache; proxy_cache_methods POST; proxy_cache_key same;
        proxy_cache_valid 200 1h;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/introspect;
    }
    location = /_two/introspect {
        internal;
        proxy_cache cache; proxy_cache_methods POST; proxy_cache_key same;
        proxy_cache_valid 200 1h;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/introspect;
    }
--- as eval: { '*' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /u' ]
--- more_headers eval: $main::bearer
--- error_code eval
[ 200, 503 ]



=== TEST 10: limit_req in the introspection location delays, and no more
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location = /_hars/introspect {
        internal;
        limit_req zone=asks burst=50;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/introspect;
    }
--- as eval: +{ map { ("token-number-$_" => HarsTest::active()) } 1 .. 5 }
--- request eval
[ ('GET /t') x 5 ]
--- more_headers eval
[ map { "Authorization: Bearer token-number-$_" } 1 .. 5 ]
--- error_code eval
[ (200) x 5 ]



=== TEST 11: what was learnt is kept: good and bad alike
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval: { 'token-number-1' => HarsTest::active() }
--- request eval
[ ('GET /t') x 4 ]
--- more_headers eval
[ $main::bearer, $main::bearer, ('Authorization: Bearer nobody-knows') x 2 ]
--- error_code eval
[ 200, 200, 401, 401 ]
--- response_headers eval
[ 'V: ok,introspection', 'V: ok,l1', 'V: inactive,introspection',
  'V: inactive,l1' ]
--- as_requests: 2



=== TEST 12: but not an answer that was not understood
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval: { 'token-number-1' => [ 'garbage', HarsTest::active() ] }
--- request eval
[ ('GET /t') x 2 ]
--- more_headers eval: $main::bearer
--- error_code eval
[ 503, 200 ]



=== TEST 13: ttl and negative_ttl end, and the authority is asked again
--- http_config
    hars_zone z:1m ttl=300ms negative_ttl=300ms;
    server { listen 127.0.0.1:$TEST_NGINX_PORT_1; return 200 passed; }
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- as eval
{ 'token-number-1' => [ HarsTest::active(), '{"active":false}',
                        HarsTest::active() ] }
--- request
GET /t
--- more_headers eval: $main::bearer
--- after
my @seen = ('200');
my $deadline = time + 20;

while (time < $deadline && "@seen" ne '200 401 200') {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_CLIENT_PORT}) or die;
    print $s "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             . "$main::bearer\r\n\r\n";
    my ($status) = join('', <$s>) =~ m{^HTTP/1.1 (\d+)};
    push @seen, $status if $status ne $seen[-1];
    select undef, undef, undef, 0.02;
}

is("@seen", '200 401 200', 'each answer was believed for its time');
is(scalar HarsTest::Authority::requests(), 3, 'and asked for once');



=== TEST 14: never beyond exp
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    $TEST_NGINX_INTROSPECT
--- request
GET /t
--- error_code: 401
--- after
my $deadline = time + 20;
my ($status, $exp) = (200, time + 2);
HarsTest::Authority::rules({ 'token-number-1' => HarsTest::active(exp_in => 2) });

while (time < $deadline && $status == 200) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_CLIENT_PORT}) or die;
    print $s "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             . "$main::bearer\r\n\r\n";
    ($status) = join('', <$s>) =~ m{^HTTP/1.1 (\d+)};
    select undef, undef, undef, 0.02;
}

is($status, 401, 'refused once it has expired');
ok(time <= $exp + 1, 'and not later');
