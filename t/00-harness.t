# The harness itself, without the module: what a suite can rely on.

use lib 't/lib';
use HarsTest module => 0, redis => 1;
use Test::Nginx::Socket;

repeat_each(1);
plan tests => 33;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the shim speaks TLS 1.3 and presents the certificate
--- config
    location /t {
        return 200 "$ssl_protocol $ssl_client_verify $ssl_client_s_dn";
    }
--- request
GET /t
--- response_body: TLSv1.3 SUCCESS CN=client-a,O=HARS Gateway demo



=== TEST 2: another certificate
--- cert: b
--- config
    location /t {
        return 200 "$ssl_client_verify $ssl_client_s_dn";
    }
--- request
GET /t
--- response_body: SUCCESS CN=client-b,O=HARS Gateway demo



=== TEST 3: no certificate
--- cert: none
--- config
    location /t {
        return 200 "$ssl_client_verify";
    }
--- request
GET /t
--- response_body: NONE



=== TEST 4: no certificate where one is required
--- cert: none
--- verify: on
--- config
    location /t {
        return 200 "$ssl_client_verify";
    }
--- request
GET /t
--- error_code: 400
--- response_body_like: No required SSL certificate



=== TEST 5: an expired certificate
--- cert: expired
--- config
    location /t {
        return 200 "$ssl_client_verify";
    }
--- request
GET /t
--- error_code: 400
--- response_body_like: The SSL certificate error



=== TEST 6: a certificate of another authority with the name of a
--- cert: foreign
--- config
    location /t {
        return 200 "$ssl_client_verify";
    }
--- request
GET /t
--- error_code: 400
--- response_body_like: The SSL certificate error



=== TEST 7: without TLS
--- cert: plain
--- config
    location /t {
        return 200 "[$ssl_protocol]";
    }
--- request
GET /t
--- response_body: []



=== TEST 8: the authorization server answers by token and records
--- config
    location /t {
        rewrite ^ /introspect break;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:;
    }
--- as eval
{ 'token-number-1' => HarsTest::active(scope => 'x:y', cert => 'b') }
--- request
POST /t
token=token-number-1
--- response_body_like eval
'"scope":"x:y"'
--- as_requests: 1
--- as_request_like
^POST /introspect .*token=token-number-1$
--- after
is((HarsTest::Authority::requests())[0]{token}, 'token-number-1',
   'the token recorded');



=== TEST 9: an unknown token is inactive
--- config
    location /t {
        rewrite ^ /introspect break;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:;
    }
--- request
POST /t
token=nobody-knows
--- response_body: {"active":false}
--- as_requests: 1
--- as_request_unlike
HTTP/2



=== TEST 10: answers one after another, garbage
--- config
    location /t {
        rewrite ^ /introspect break;
        proxy_pass http://unix:$TEST_NGINX_AS_SOCK:;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
--- as eval
{ 'token-number-2' => [ 'first', { status => 500, type => 'text/html',
                                   body => 'second', chunked => 1 },
                        { raw => "HTTP/1.1 200 OK\r\n\0bad\r\n\r\n" }, { close => 1 } ] }
--- request eval
[ ("POST /t\ntoken=token-number-2") x 4 ]
--- error_code eval
[ 200, 500, 502, 502 ]
--- as_requests: 4



=== TEST 11: an introspection location and a hung answer
--- config
    location /t { try_files /none /_hars/introspect; }
    $TEST_NGINX_INTROSPECT
--- as eval
{ '*' => { hang => 1 } }
--- request
GET /t
--- error_code: 504



=== TEST 12: Redis is there, empty, and speaks
--- config
    location /t { return 204; }
--- request
GET /t
--- error_code: 204
--- after
is(HarsTest::redis('SET', 'k', "v\r\nw", 'NX', 'PX', 5000), 'OK', 'set');
is(HarsTest::redis('GET', 'k'), "v\r\nw", 'get');
is(HarsTest::redis('GET', 'none'), undef, 'nil');
