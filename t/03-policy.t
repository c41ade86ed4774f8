# What a location wants of a token: scope, audience, issuer, binding,
# hars_require, claims, variables; judged anew on every hit of the cache.

use lib 't/lib';
use HarsTest;
use Test::Nginx::Socket;

my $port = $ENV{TEST_NGINX_PORT_1};

$ENV{TEST_NGINX_HARS} = <<"END";
hars on;
    hars_introspect /_hars/introspect;
    $ENV{TEST_NGINX_INTROSPECT}
    add_header V "\$hars_verdict,\$hars_source" always;
    location /t { proxy_pass http://127.0.0.1:$port; }
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    server { listen 127.0.0.1:$port; return 200 passed; }
END

our $bearer = 'Authorization: Bearer token-number-1';

# a block of requests, one token each: rules, headers, statuses
our @answer;

sub rules { my $n = 0; return +{ map { ('token-row-' . $n++ => $_) } @_ } }
sub rows  { return map { "Authorization: Bearer token-row-$_" } 0 .. $_[0] - 1 }

# forms of cnf that are no proof this gateway can check (RFC 8705, 3.1)
my $good = HarsTest::thumbprint('a');
(my $padded = $good) =~ s/$/=/;
(my $hex = unpack 'H*', $good) =~ s/^(.{64}).*/$1/;
our @cnf = (
    'null', '""', '[]', '{}', '{"jkt":"' . $good . '"}',
    '{"x5t":"' . $good . '"}', '{"x5t#s256":"' . $good . '"}',
    '{"x5t#S256":null}', '{"x5t#S256":""}', '{"x5t#S256":1}',
    '{"x5t#S256":["' . $good . '"]}', '{"x5t#S256":"' . $padded . '"}',
    '{"x5t#S256":"' . substr($good, 0, 42) . '"}',
    '{"x5t#S256":"' . $good . 'A"}', '{"x5t#S256":"' . $good . $good . '"}',
    '{"x5t#S256":"' . $hex . '"}', '{"x5t#S256":"' . lc($good) . '"}',
    '{"x5t#S256":" ' . $good . '"}', '{"x5t#S256":"' . 'A' x 43 . '"}',
    '{"x5t#S256":"' . substr($good, 0, 42) . '!"}', '"' . $good . '"',
);

sub with_cnf {
    my ($cnf) = @_;
    return HarsTest::active(cert => undef) =~ s/\}$/,"cnf":$cnf}/r;
}

repeat_each(1);
no_long_string();
plan tests => 117;
run_tests();

__DATA__

=== TEST 1: scope: all of them, as whole words
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_scope a:read b;
    $TEST_NGINX_HARS
--- as eval
main::rules(map { HarsTest::active(scope => $_) }
    'a:read b', 'b x a:read', ' b  a:read ', 'a:read', 'b', 'a:rea b', 'a:read bb',
    'A:READ B', '', undef, 'a:read,b')
--- request eval: [ ('GET /t') x 11 ]
--- more_headers eval: [ main::rows(11) ]
--- error_code eval: [ (200) x 3, (403) x 8 ]



=== TEST 2: audience: one of them, exactly
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_audience https://a/ https://b/;
    $TEST_NGINX_HARS
--- as eval
main::rules(map { HarsTest::active(aud => $_) }
    'https://a/', [ 'https://b/' ], [ 'x', 'https://a/', 'y' ],
    'https://a', 'https://a/b', [ 'https://c/' ], [], undef, '',
    [ 'https://a/ https://b/' ])
--- request eval: [ ('GET /t') x 10 ]
--- more_headers eval: [ main::rows(10) ]
--- error_code eval: [ (200) x 3, (401) x 7 ]



=== TEST 3: issuer: one of them, exactly
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_issuer https://a https://b;
    $TEST_NGINX_HARS
--- as eval
main::rules(map { HarsTest::active(iss => $_) }
    'https://a', 'https://b', 'https://a/', 'https://c', '', undef)
--- request eval: [ ('GET /t') x 6 ]
--- more_headers eval: [ main::rows(6) ]
--- error_code eval: [ (200) x 2, (401) x 4 ]



=== TEST 4: bind required: no other form of cnf passes
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval: main::rules(map { main::with_cnf($_) } @main::cnf)
--- request eval: [ ('GET /t') x 21 ]
--- more_headers eval: [ main::rows(21) ]
--- error_code eval: [ (401) x 21 ]



=== TEST 5: bind optional: nor there; no cnf at all passes
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_bind optional;
    $TEST_NGINX_HARS
--- as eval
main::rules(HarsTest::active(cert => undef), HarsTest::active(),
            HarsTest::active(cert => 'b'), map { main::with_cnf($_) } @main::cnf)
--- request eval: [ ('GET /t') x 24 ]
--- more_headers eval: [ main::rows(24) ]
--- error_code eval: [ 200, 200, (401) x 22 ]



=== TEST 6: bind optional without a certificate
--- cert: none
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_bind optional;
    $TEST_NGINX_HARS
--- as eval
main::rules(HarsTest::active(cert => undef), HarsTest::active())
--- request eval: [ ('GET /t') x 2 ]
--- more_headers eval: [ main::rows(2) ]
--- error_code eval: [ 200, 401 ]
--- response_headers eval
[ 'V: ok,introspection', 'V: no_cert,introspection' ]



=== TEST 7: bind off does not look
--- cert: none
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_bind off;
    $TEST_NGINX_HARS
--- as eval
main::rules(HarsTest::active(cert => undef), HarsTest::active(),
            HarsTest::active(cert => 'b'), main::with_cnf('{}'))
--- request eval: [ ('GET /t') x 4 ]
--- more_headers eval: [ main::rows(4) ]
--- error_code eval: [ (200) x 4 ]



=== TEST 8: facts are kept, verdicts are not: each location judges
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /scope { hars_scope other; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /aud { hars_audience other; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /iss { hars_issuer other; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /req { hars_require $arg_x; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: { 'token-number-1' => HarsTest::active() }
--- request eval: [ map { "GET /$_" } qw(t scope aud iss req req?x=1 t) ]
--- more_headers eval: $main::bearer
--- error_code eval: [ 200, 403, 401, 401, 403, 200, 200 ]
--- as_requests: 1



=== TEST 9: the same over one connection, where L0 answers
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /scope { hars_scope other; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: { 'token-number-1' => HarsTest::active() }
--- pipelined_requests eval
[ map { "GET /$_" } qw(t scope t) ]
--- more_headers eval
[ ($main::bearer) x 3 ]
--- error_code eval: [ 200, 403, 200 ]
--- response_headers eval
[ 'V: ok,introspection', 'V: insufficient_scope,l0', 'V: ok,l0' ]



=== TEST 10: claims as variables
--- http_config
    hars_claim_set $kind hars_kind;
    hars_claim_set $number numbers.one;
    hars_claim_set $truth truth;
    hars_claim_set $list list;
    hars_claim_set $object numbers;
    hars_claim_set $deep a.b.c;
    hars_claim_set $missing a.x.c;
    hars_claim_set $null nothing;
    $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /v {
        add_header C "$kind|$number|$truth|$list|$object|$deep|$missing|$null|" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active(numbers => { one => 1 },
    truth => JSON::PP::true, list => [ 'x', 2 ], a => { b => { c => 'deep' } })
    =~ s/\}$/,"nothing":null}/r }
--- request eval: [ 'GET /v', 'GET /v', 'GET /v' ]
--- more_headers eval: [ $main::bearer, $main::bearer, '' ]
--- error_code eval: [ 200, 200, 401 ]
--- response_headers eval
[ ('C: patient|1|true|["x",2]|{"one":1}|deep|||') x 2, 'C: ||||||||' ]



=== TEST 11: a claim with a line feed is no header: not understood
--- http_config
    hars_claim_set $kind hars_kind;
    $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval: { 'token-number-1' => HarsTest::active(hars_kind => "a\r\nX: 1") }
--- request
GET /t
--- more_headers eval: $main::bearer
--- error_code: 503



=== TEST 12: hars_require: each is neither empty nor 0
--- http_config
    hars_claim_set $kind hars_kind;
    map $kind $is_doctor { default 0; doctor 1; }
    $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /doctor { hars_require $is_doctor; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /both { hars_require $hars_sub $arg_x; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
main::rules(HarsTest::active(), HarsTest::active(hars_kind => 'doctor'),
            (HarsTest::active()) x 4, HarsTest::active(sub => undef))
--- request eval
[ 'GET /doctor', 'GET /doctor', map { "GET /both$_" } '', '?x=', '?x=0', '?x=00',
  '?x=1' ]
--- more_headers eval: [ main::rows(7) ]
--- error_code eval: [ 403, 200, 403, 403, 403, 200, 403 ]



=== TEST 13: every variable of the token, and none for another's certificate
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /v {
        add_header I "$hars_sub|$hars_client_id|$hars_scope|$hars_aud|$hars_iss|$hars_exp" always;
        add_header T "$hars_token_id $hars_client_cert_s256" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
main::rules(HarsTest::active(exp => 1900000000, aud => [ 'x', 'y' ]),
            HarsTest::active(cert => 'b'), HarsTest::active(scope => undef,
                sub => undef, client_id => undef, aud => undef, iss => undef,
                exp => undef))
--- request eval: [ ('GET /v') x 3 ]
--- more_headers eval: [ main::rows(3) ]
--- error_code eval: [ 200, 401, 200 ]
--- response_headers eval
[ 'I: sub-a|client-a|ml:recognize|x y|https://auth.hars.localhost|1900000000',
  'I: |||||', 'I: |||||' ]
--- response_headers_like eval
[ ('T: [0-9a-f]{8} ' . HarsTest::thumbprint('a')) x 3 ]



=== TEST 14: not yet valid: ten seconds of leeway
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
main::rules(map { HarsTest::active(nbf => time + $_) } -60, 5, 3600)
--- request eval: [ ('GET /t') x 3 ]
--- more_headers eval: [ main::rows(3) ]
--- error_code eval: [ 200, 200, 401 ]
