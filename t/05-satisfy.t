# satisfy, auth_basic, allow/deny, auth_request, limit_req beside hars: each
# means what nginx documents, because the handler only returns a status.

use lib 't/lib';
use HarsTest;
use Test::Nginx::Socket;

my $port = $ENV{TEST_NGINX_PORT_1};

$ENV{TEST_NGINX_HARS} = <<"END";
hars on;
    hars_override satisfy;
    hars_introspect /_hars/introspect;
    $ENV{TEST_NGINX_INTROSPECT}
    add_header V "\$hars_verdict,\$hars_sub" always;
END

$ENV{TEST_NGINX_BASIC} = <<"END";
auth_basic basic;
        auth_basic_user_file $ENV{TEST_NGINX_TMP}/users;
        proxy_pass http://127.0.0.1:$port;
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    limit_req_zone \$uri zone=requests:1m rate=1r/m;
    server {
        listen 127.0.0.1:$port;
        location / { return 200 passed; }
        location /no { return 403; }
    }
END

open my $users, '>', "$ENV{TEST_NGINX_TMP}/users" or die;
print $users "nurse:{PLAIN}secret\n";
close $users;

our $basic = 'Authorization: Basic bnVyc2U6c2VjcmV0';      # nurse:secret
our $bearer = 'Authorization: Bearer token-number-1';
our $active = { 'token-number-1' => HarsTest::active() };

repeat_each(1);
no_long_string();
plan tests => 47;
run_tests();

__DATA__

=== TEST 1: all: the address and the token
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /in { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /out { deny all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: $main::active
--- request eval
[ 'GET /in', 'GET /in', 'GET /out', 'GET /out' ]
--- more_headers eval
[ $main::bearer, '', $main::bearer, '' ]
--- error_code eval
[ 200, 401, 403, 401 ]



=== TEST 2: any: the address or the token
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /in { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /out { deny all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: $main::active
--- request eval
[ 'GET /in', 'GET /in', 'GET /out', 'GET /out' ]
--- more_headers eval
[ $main::bearer, '', $main::bearer, '' ]
--- error_code eval
[ 200, 200, 200, 401 ]
--- response_headers eval
[ "V: ok,sub-a\nWWW-Authenticate:", "V: no_token,\nWWW-Authenticate:",
  'V: ok,sub-a', 'WWW-Authenticate: Bearer realm="HARS"' ]



=== TEST 3: who passes by the address is told no challenge and no no-store
--- cert: b
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /in { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: $main::active
--- request
GET /in
--- more_headers eval: $main::bearer
--- response_headers
V: cnf_mismatch,
WWW-Authenticate:
Cache-Control:
--- response_body: passed



=== TEST 4: any, with auth_basic
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t { $TEST_NGINX_BASIC }
--- as eval: $main::active
--- request eval
[ ('GET /t') x 3 ]
--- more_headers eval
[ $main::bearer, $main::basic, '' ]
--- error_code eval
[ 200, 200, 401 ]



=== TEST 5: all, with auth_basic: one header cannot be both
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { $TEST_NGINX_BASIC }
--- as eval: $main::active
--- request eval
[ ('GET /t') x 3 ]
--- more_headers eval
[ $main::bearer, $main::basic, '' ]
--- error_code eval
[ 401, 401, 401 ]
--- response_body_unlike eval
[ (qr/passed/) x 3 ]



=== TEST 6: any: what cannot be decided is no refusal to pass over
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: { '*' => { status => 500, body => '' } }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ $main::bearer, 'Authorization: Bearer a,b' ]
--- error_code eval
[ 503, 400 ]



=== TEST 7: report does not satisfy
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t {
        hars report override;
        deny all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval: $main::active
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ $main::bearer, '' ]
--- error_code eval
[ 403, 403 ]



=== TEST 8: auth_request beside hars: all, any
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /ok { hars off override; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
    location /no { hars off override; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/no; }
    location /all-ok { auth_request /ok;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
    location /all-no { auth_request /no;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
    location /any-ok { satisfy any; auth_request /ok;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
    location /any-no { satisfy any; auth_request /no;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
--- as eval: $main::active
--- request eval
[ map { ("GET $_") x 2 } '/all-ok', '/all-no', '/any-ok', '/any-no' ]
--- more_headers eval
[ ($main::bearer, '') x 4 ]
--- error_code eval
[ 200, 401, 403, 401, 200, 200, 200, 401 ]



=== TEST 9: limit_req comes first and costs no lookup
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        limit_req zone=requests;
        limit_req_status 429;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval: $main::active
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ '', $main::bearer ]
--- error_code eval
[ 401, 429 ]
--- as_requests: 0



=== TEST 10: auth_delay
--- http_config: $TEST_NGINX_HTTP
--- config
    auth_delay 50ms;
    $TEST_NGINX_HARS
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: $main::active
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ '', $main::bearer ]
--- error_code eval
[ 401, 200 ]
--- response_headers eval
[ 'WWW-Authenticate: Bearer realm="HARS"', 'WWW-Authenticate:' ]
