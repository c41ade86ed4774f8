# A request is judged by every protected location that it enters, with one
# lookup: through error_page, try_files, index, named locations,
# X-Accel-Redirect, rewrite, and as a subrequest, where nginx skips the
# access phase (auth_request, SSI, mirror, slice).

use lib 't/lib';
use HarsTest;
use Test::Nginx::Socket;

my $port = $ENV{TEST_NGINX_PORT_1};

# a protected server; /open is left open, /write needs another scope
$ENV{TEST_NGINX_HARS} = <<"END";
hars on;
    hars_introspect /_hars/introspect;
    $ENV{TEST_NGINX_INTROSPECT}
    add_header V "\$hars_verdict,\$hars_source" always;
    location /open { hars off override; proxy_pass http://127.0.0.1:$port; }
    location /read { proxy_pass http://127.0.0.1:$port; }
    location /write {
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$port;
    }
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    server {
        listen 127.0.0.1:$port;
        location / { return 200 "passed \$uri"; }
        location /accel-read {
            add_header X-Accel-Redirect /read/x;
            return 200;
        }
        location /accel-write {
            add_header X-Accel-Redirect /write/x;
            return 200;
        }
        location /accel-named {
            add_header X-Accel-Redirect \@write;
            return 200;
        }
        location /missing { return 404; }
    }
END

# a second authority, that knows other tokens, is the same server: a second
# location asks it under another identity
$ENV{TEST_NGINX_OTHER} =
    HarsTest::introspect('/_other/introspect');

repeat_each(1);
no_long_string();
plan tests => 57;
run_tests();

__DATA__

=== TEST 1: try_files into a location that needs more
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { try_files /none /write/x; }
    location /u { try_files /none /read/x; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /u' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 403, 200 ]
--- as_requests: 1



=== TEST 2: error_page into a location that needs more
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        error_page 404 /write/x;
        proxy_intercept_errors on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/missing;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 403
--- as_requests: 1



=== TEST 3: error_page of a refusal that proxies into a protected location
--- http_config: $TEST_NGINX_HTTP
--- config
    error_page 401 /read/login;
    $TEST_NGINX_HARS
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="HARS"
--- response_body_unlike: passed



=== TEST 4: the same by a named location
--- http_config: $TEST_NGINX_HTTP
--- config
    error_page 401 @login;
    $TEST_NGINX_HARS
    location @login { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- request
GET /t
--- error_code: 401
--- response_body_unlike: passed



=== TEST 5: a named location that is open shows its page with our status
--- http_config: $TEST_NGINX_HTTP
--- config
    error_page 401 @login;
    $TEST_NGINX_HARS
    location @login {
        hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- request
GET /t
--- error_code: 401
--- response_body: passed /t



=== TEST 6: X-Accel-Redirect from an open location into protected ones
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location @write {
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /accel { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /accel-read', 'GET /accel-read', 'GET /accel-write',
  'GET /accel-named' ]
--- more_headers eval
[ '', ('Authorization: Bearer token-number-1') x 3 ]
--- error_code eval
[ 401, 200, 403, 403 ]
--- as_requests: 1



=== TEST 7: X-Accel-Redirect out of a protected location: judged twice, one lookup
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /accel { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /accel-read', 'GET /accel-write' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 200, 403 ]
--- response_headers eval
[ 'V: ok,introspection', 'V: insufficient_scope,l1' ]
--- as_requests: 1



=== TEST 8: index
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location = /dir/ { hars off override; index page.html; }
    location = /dir/page.html { hars_scope ml:write; }
--- user_files
>>> dir/page.html
passed
--- as eval
{ 'token-number-1' => HarsTest::active(),
  'token-number-2' => HarsTest::active(scope => 'ml:write') }
--- request eval
[ ('GET /dir/') x 3 ]
--- more_headers eval
[ '', map { "Authorization: Bearer token-number-$_" } 1, 2 ]
--- error_code eval
[ 401, 403, 200 ]



=== TEST 9: rewrite ... last and break
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /last { hars off override; rewrite ^ /write/x last; }
    location /break {
        hars_scope ml:write;
        rewrite ^ /open/x break;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /last', 'GET /break' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 403, 403 ]



=== TEST 10: another authority is asked anew, the first one's word does not count
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { try_files /none /other/x; }
    location /other {
        hars_introspect /_other/introspect;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    $TEST_NGINX_OTHER
--- as eval
{ 'token-number-1' => [ HarsTest::active(), '{"active":false}' ] }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers
V: inactive,introspection
--- as_requests: 2



=== TEST 11: SSI into protected locations, from a protected page
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /page { ssi on; ssi_silent_errors on; }
--- user_files
>>> page/x.html
[<!--# include virtual="/read/x" -->][<!--# include virtual="/write/x" -->]
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /page/x.html
--- more_headers
Authorization: Bearer token-number-1
--- response_body_like: ^\[passed /read/x\]\[(?!passed)
--- as_requests: 1



=== TEST 12: SSI from an open page: nothing is proved, the subrequest is refused
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /page { hars off override; ssi on; }
--- user_files
>>> page/x.html
[<!--# include virtual="/read/x" -->][<!--# include virtual="/open/x" -->]
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /page/x.html
--- more_headers
Authorization: Bearer token-number-1
--- response_body_like: 401 Authorization Required[\s\S]*\[passed /open/x\]
--- response_body_unlike: passed /read
--- as_requests: 0



=== TEST 13: auth_request into a protected location
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /good { auth_request /read/x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /more { auth_request /write/x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /unproved { hars off override; auth_request /read/x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /good', 'GET /more', 'GET /unproved', 'GET /good' ]
--- more_headers eval
[ ('Authorization: Bearer token-number-1') x 3, '' ]
--- error_code eval
[ 200, 403, 401, 401 ]
--- as_requests: 1



=== TEST 14: mirror: the copy is judged too
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /good { mirror /mread; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /more { mirror /mwrite; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /mread { proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/mread; }
    location /mwrite { hars_scope ml:write;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:/mwrite; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /more', 'GET /good' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 200, 200 ]
--- after
my $deadline = time + 10;
my @uris;

while (time < $deadline) {
    @uris = map { $_->{uri} } HarsTest::Authority::requests();
    last if grep { m{/mread} } @uris;
    select undef, undef, undef, 0.02;
}

is(scalar(grep { m{/mread} } @uris), 1, 'the permitted copy arrives');
is(scalar(grep { m{/mwrite} } @uris), 0, 'the other one does not');



=== TEST 15: the introspection is exempt, though its location inherits all
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_scope ml:recognize;
    hars_audience https://ml.hars.localhost/;
    $TEST_NGINX_HARS
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /read
--- more_headers
Authorization: Bearer token-number-1
--- response_body: passed /read
--- as_requests: 1



=== TEST 16: "return" runs before any access check, as nginx documents
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { return 200 returned; }
--- request
GET /t
--- response_headers
V: ,
--- response_body: returned



=== TEST 17: the identity is empty again after a refusal by a redirect's target
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { try_files /none /denied; }
    location /denied {
        hars_scope ml:write;
        error_page 403 @said;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location @said {
        hars off override;
        return 403 "[$hars_sub][$hars_client_id][$hars_verdict]";
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 403
--- response_body: [][][insufficient_scope]
--- as_requests: 1



=== TEST 18: slices are judged with their request
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        slice 2;
        proxy_set_header Range $slice_range;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ 'Authorization: Bearer token-number-1', '' ]
--- error_code eval
[ 200, 401 ]
--- as_requests: 1
