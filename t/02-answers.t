# What a request is answered: each verdict, its status and its challenge
# (RFC 6750, 3), and how the token is read out of the request (2.1).

use lib 't/lib';
use HarsTest;
use Test::Nginx::Socket;

# a protected server; the proxied one says that it was reached
$ENV{TEST_NGINX_HARS} = <<"END";
hars on;
    hars_introspect /_hars/introspect;
    add_header V \$hars_verdict always;
    location /t { proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_PORT_1}; }
    $ENV{TEST_NGINX_INTROSPECT}
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    server {
        listen 127.0.0.1:$ENV{TEST_NGINX_PORT_1};
        location / { return 200 passed; }
    }
END

our $bare = 'Bearer realm="HARS"';
our $request = "$bare, error=\"invalid_request\", error_description="
               . '"The request does not hold one well-formed bearer token"';
our $token = "$bare, error=\"invalid_token\", error_description="
             . '"The access token is not valid for this request"';
our $scope = "$bare, error=\"insufficient_scope\", error_description="
             . '"The access token does not have the scope needed"';

# the answer's headers as lines of Test::Nginx
sub refused {
    my ($verdict, $challenge, $retry) = @_;

    return "V: $verdict\nWWW-Authenticate: $challenge\n"
           . 'Retry-After: ' . ($retry // '') . "\n"
           . "Cache-Control: no-store\n";
}

repeat_each(1);
no_long_string();
plan tests => 179;
run_tests();

__DATA__

=== TEST 1: ok
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- response_headers
V: ok
WWW-Authenticate:
Retry-After:
Cache-Control:
--- response_body: passed



=== TEST 2: no_token: 401, and no error code
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- request
GET /t
--- error_code: 401
--- response_headers eval: main::refused('no_token', $main::bare)
--- as_requests: 0



=== TEST 3: another scheme is no token
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- request
GET /t
--- more_headers
Authorization: Basic dXNlcjpwYXNz
--- error_code: 401
--- response_headers eval: main::refused('no_token', $main::bare)
--- as_requests: 0



=== TEST 4: inactive
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- request
GET /t
--- more_headers
Authorization: Bearer nobody-knows-it
--- error_code: 401
--- response_headers eval: main::refused('inactive', $main::token)



=== TEST 5: expired
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active(exp_in => -1) }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('expired', $main::token)



=== TEST 6: not yet valid
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active(nbf_in => 60) }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('not_yet_valid', $main::token)



=== TEST 7: no certificate, and nobody is asked
--- cert: none
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('no_cert', $main::token)
--- as_requests: 0



=== TEST 8: no certificate where ssl_verify_client is on: 400 by nginx
--- cert: none
--- verify: on
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 400
--- as_requests: 0



=== TEST 9: a stolen token: another valid certificate
--- cert: b
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('cnf_mismatch', $main::token)



=== TEST 10: a token that is bound to nothing
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active(cert => undef) }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('no_cnf', $main::token)



=== TEST 11: scope missing: 403 with the scope
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_scope ml:recognize ml:probabilities;
    $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 403
--- response_headers eval
main::refused('insufficient_scope',
              "$main::scope, scope=\"ml:recognize ml:probabilities\"")



=== TEST 12: wrong audience
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_audience https://dcm.hars.localhost/;
    $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('wrong_audience', $main::token)



=== TEST 13: wrong issuer
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_issuer https://other.hars.localhost;
    $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers eval: main::refused('wrong_issuer', $main::token)



=== TEST 14: hars_require failed: 403, its own words, no scope
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_require $arg_doctor;
    $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t?doctor=0
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 403
--- response_headers eval
main::refused('require_failed', "$main::bare, error=\"insufficient_scope\", "
    . 'error_description="The access token does not suffice for this resource"')



=== TEST 15: the authority cannot be asked: 503, Retry-After, no challenge
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => { status => 500, body => '' } }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 503
--- response_headers eval: main::refused('unavailable', '', 1)



=== TEST 16: a realm of one's own
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_realm "ward 7";
    $TEST_NGINX_HARS
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="ward 7"



=== TEST 17: report never refuses; the identity stays empty
--- cert: b
--- http_config: $TEST_NGINX_HTTP
--- config
    hars report;
    hars_introspect /_hars/introspect;
    $TEST_NGINX_INTROSPECT
    location /t {
        add_header V "$hars_verdict,$hars_sub,$hars_token_id" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- response_headers_like
V: cnf_mismatch,,[0-9a-f]{8}
--- response_headers
WWW-Authenticate:
--- response_body: passed



=== TEST 18: report sets the identity of a good token
--- http_config: $TEST_NGINX_HTTP
--- config
    hars report;
    hars_introspect /_hars/introspect;
    $TEST_NGINX_INTROSPECT
    location /t {
        add_header V "$hars_verdict,$hars_sub" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- response_headers
V: ok,sub-a
--- response_body: passed



=== TEST 19: no method is exempt
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- request eval
[ map { "$_ /t" } qw(GET HEAD OPTIONS PUT DELETE PROPFIND PATCH FOO) ]
--- error_code eval
[ (401) x 8 ]
--- as_requests: 0



=== TEST 20: problem details by named locations keep the challenge
--- http_config: $TEST_NGINX_HTTP
--- config
    error_page 401 @problem;
    location @problem {
        default_type application/problem+json;
        return 401 '{"status":401}';
    }
    $TEST_NGINX_HARS
--- request
GET /t
--- error_code: 401
--- response_headers
Content-Type: application/problem+json
WWW-Authenticate: Bearer realm="HARS"
V: no_token
--- response_body: {"status":401}



=== TEST 21: no 100 before a refusal
--- http_config: $TEST_NGINX_HTTP
--- config
    lingering_timeout 100ms;
    $TEST_NGINX_HARS
--- raw_request eval
"POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
. "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
--- error_code: 401



=== TEST 22: forms of the header that are one token
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active(),
  'aZ09-._~+/==' => HarsTest::active(),
  'x' x 4096 => HarsTest::active() }
--- request eval
[ ('GET /t') x 6 ]
--- more_headers eval
[ map { "Authorization: $_" }
  'bearer token-number-1', 'BEARER token-number-1', 'bEaReR   token-number-1',
  'Bearer token-number-1   ',
  'Bearer aZ09-._~+/==', 'Bearer ' . 'x' x 4096 ]
--- error_code eval
[ (200) x 6 ]



=== TEST 23: forms that are none: 400, and nobody is asked
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => HarsTest::active() }
--- request eval
[ ('GET /t') x 15 ]
--- more_headers eval
[ map { "Authorization: $_" }
  'Bearer', "Bearer token-number-1\t", 'Bearer=abcdefgh', "Bearer\ttoken-number-1", 'Bearer,abcdefgh',
  'Bearer token-number-1, Bearer token-number-2', 'Bearer ab cd',
  'Bearer ===', 'Bearer ab=cd', "Bearer ab\x01cd", "Bearer ab\x7fcd",
  "Bearer ab\xe9cd", 'Bearer "abcdefgh"', 'Bearer ab%20cd',
  'Bearer ' . 'y' x 4097 ]
--- error_code eval
[ (400) x 15 ]
--- response_headers eval
[ map { "WWW-Authenticate: $main::request\nV: $_" }
  ('malformed') x 14, 'too_long' ]
--- as_requests: 0



=== TEST 24: two Authorization headers: 400 by nginx, either order
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => HarsTest::active() }
--- request eval
[ ('GET /t') x 3 ]
--- more_headers eval
[ "Authorization: Bearer token-number-1\r\nAuthorization: Bearer token-number-2",
  "Authorization: Basic eA==\r\nAuthorization: Bearer token-number-2",
  "Authorization: Bearer token-number-1\r\nauthorization: Bearer token-number-1" ]
--- error_code eval
[ (400) x 3 ]
--- as_requests: 0
--- allow_log: client sent duplicate header line



=== TEST 25: a token in query or form is none; beside the header it is two
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => HarsTest::active() }
--- request eval
[ 'GET /t?access_token=abcdefghij',
  "POST /t\naccess_token=abcdefghij",
  'GET /t?access_token=abcdefghij',
  'GET /t?x=1&access_token=abcdefghij',
  'GET /t?my_access_token=abcdefghij' ]
--- more_headers eval
[ '', 'Content-Type: application/x-www-form-urlencoded',
  ('Authorization: Bearer token-number-1') x 3 ]
--- error_code eval
[ 401, 401, 400, 400, 200 ]
--- as_requests: 1



=== TEST 26: malformed requests never get through
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => HarsTest::active() }
--- raw_request eval
[ map { "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$_\r\n\r\n" }
  'Authorization : Bearer token-number-1',
  "Authorization: Bearer\r\n token-number-1",
  "Authorization: Bearer token\0number-1" ]
--- error_code eval
[ 400, 400, 400 ]
--- as_requests: 0



=== TEST 27: HTTP/1.0 without Host: the challenge is there
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- raw_request eval
"GET /t HTTP/1.0\r\n\r\n"
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="HARS"



=== TEST 28: the introspection location is not for clients
--- http_config: $TEST_NGINX_HTTP
--- config: $TEST_NGINX_HARS
--- as eval
{ '*' => HarsTest::active() }
--- request eval
[ 'GET /_hars/introspect', 'POST http://localhost/_hars/introspect' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 404, 404 ]
--- as_requests: 0



=== TEST 29: reserved headers of the client go, "hars off" or not
--- http_config: $TEST_NGINX_HTTP
--- config
    location /t { proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/; }
--- request
GET /t
--- more_headers
Hars-Sub: evil
HARS-client-id: evil
hars-anything: evil
Client-Cert: evil
client-CERT-chain: evil
X-Kept: kept
--- as_request_like: X-Kept: kept
--- as_request_unlike: evil



=== TEST 30: with underscores, doubled, nominated by Connection
--- http_config
    underscores_in_headers on;
    $TEST_NGINX_HTTP
--- config
    location /t {
        proxy_set_header Hars-Sub ours;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/;
    }
--- request
GET /t
--- more_headers
Hars_Sub: evil
Hars-Sub: evil
hars_sub: evil
Client_Cert: evil
Client-Cert_Chain: evil
Connection: close, Hars-Sub
X-Kept: kept
--- as_request_like: Hars-Sub: ours[\s\S]*X-Kept: kept
--- as_request_unlike: evil



=== TEST 31: and after an error that redirects before the first phase
--- cert: none
--- verify: on
--- http_config: $TEST_NGINX_HTTP
--- config
    error_page 496 =200 @open;
    location @open { proxy_pass http://unix:$TEST_NGINX_AS_SOCK:; }
    location /t { return 204; }
--- request
GET /t
--- more_headers
Hars-Sub: evil
Client-Cert: evil
X-Kept: kept
--- as_request_like: X-Kept: kept
--- as_request_unlike: evil



=== TEST 32: similar names stay
--- http_config: $TEST_NGINX_HTTP
--- config
    location /t { proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/; }
--- request
GET /t
--- more_headers
Harsh: kept
Hars: kept
Client-Certificate: kept
--- as_request_like: Harsh: kept\r\nHars: kept\r\nClient-Certificate: kept
