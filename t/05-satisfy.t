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

($ENV{TEST_NGINX_REPORT} = $ENV{TEST_NGINX_HARS}) =~ s/hars on/hars report/;

$ENV{TEST_NGINX_BASIC} = <<"END";
auth_basic basic;
        auth_basic_user_file $ENV{TEST_NGINX_TMP}/users;
        proxy_pass http://127.0.0.1:$port;
END

$ENV{TEST_NGINX_HTTP} = <<"END";
hars_zone z:1m;
    limit_req_zone \$uri zone=requests:1m rate=1r/m;
    limit_req_zone \$uri zone=delayed:1m rate=4r/s;
    limit_conn_zone \$server_name zone=connections:1m;
    server {
        listen 127.0.0.1:$port;
        location / { return 200 passed; }
        location /no { return 403; }
        location /who { return 200 \$http_x_sub; }
    }
END

open my $users, '>', "$ENV{TEST_NGINX_TMP}/users" or die;
print $users "nurse:{PLAIN}secret\n";
close $users;

our $basic = 'Authorization: Basic bnVyc2U6c2VjcmV0';      # nurse:secret
our $bearer = 'Authorization: Bearer token-number-1';
# nginx takes back the last challenge that was set, and auth_basic forgets
# those before its own (1.22 and 1.26 alike)
our $left = 'Bearer realm="HARS"';
our $active = { 'token-number-1' => HarsTest::active() };

repeat_each(1);
no_long_string();
plan tests => 115;
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



=== TEST 10: auth_delay delays a 401, and nothing else
--- http_config: $TEST_NGINX_HTTP
--- config
    auth_delay 300ms;
    $TEST_NGINX_HARS
    add_header T $request_time always;
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /scope {
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval: $main::active
--- request eval
[ 'GET /t', 'GET /t', 'GET /scope' ]
--- more_headers eval
[ '', ($main::bearer) x 2 ]
--- error_code eval
[ 401, 200, 403 ]
--- response_headers eval
[ 'WWW-Authenticate: Bearer realm="HARS"', 'WWW-Authenticate:',
  "Cache-Control: no-store" ]
--- raw_response_headers_like eval
[ 'T: (?!0\.[012])\d', 'T: 0\.[012]', 'T: 0\.[012]' ]



=== TEST 11: any: whoever refuses says so, each challenge once
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t { deny all; $TEST_NGINX_BASIC }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ '', $main::bearer ]
--- error_code eval
[ 401, 401 ]
--- response_headers eval
[ 'WWW-Authenticate: Bearer realm="HARS", Basic realm="basic"',
  'WWW-Authenticate: Bearer realm="HARS", error="invalid_token", '
  . 'error_description="The access token is not valid for this request", '
  . 'Basic realm="basic"' ]
--- response_body_unlike eval
[ ('passed') x 2 ]



=== TEST 12: any: what nginx takes back when the last of several lets pass
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /ok { hars off override; satisfy all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
    location /t { deny all; auth_request /ok; $TEST_NGINX_BASIC }
    location /basic { $TEST_NGINX_BASIC }
--- request eval
[ 'GET /t', 'GET /basic' ]
--- more_headers eval
[ '', $main::basic ]
--- response_headers eval
[ "WWW-Authenticate: $main::left", 'WWW-Authenticate:' ]
--- response_body eval
[ ('passed') x 2 ]



=== TEST 13: any: the token of a thief, the password of a nurse: no identity
--- cert: b
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t {
        auth_request /ok;
        proxy_set_header X-Sub [$hars_sub$hars_client_id$hars_scope$hars_exp];
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/who;
    }
    location /ok { hars off override; satisfy all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/; }
--- as eval: $main::active
--- request
GET /t
--- more_headers eval: $main::bearer
--- response_headers
V: cnf_mismatch,
--- response_body: []
--- as_requests: 1



=== TEST 14: any: 503 and 400 are no vote, though the address would do
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    location /t { allow all; $TEST_NGINX_BASIC }
--- as eval: { '*' => { status => 500, body => '' } }
--- request eval
[ 'GET /t', 'GET /t?access_token=x', 'GET /t' ]
--- more_headers eval
[ $main::bearer, $main::bearer, $main::basic ]
--- error_code eval
[ 503, 400, 200 ]
--- response_headers eval
[ "Retry-After: 1\nWWW-Authenticate:",
  'WWW-Authenticate: Bearer realm="HARS", error="invalid_request", '
  . 'error_description="The request does not hold one well-formed bearer '
  . 'token"',
  "Retry-After:\nWWW-Authenticate:" ]



=== TEST 15: report beside others: they decide, with and without a token
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_REPORT
    location /all { $TEST_NGINX_BASIC }
    location /any { satisfy any; deny all; $TEST_NGINX_BASIC }
    location /in { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval: $main::active
--- request eval
[ map { ("GET $_") x 3 } '/all', '/any', '/in' ]
--- more_headers eval
[ ($main::basic, $main::bearer, '') x 3 ]
--- error_code eval
[ (200, 401, 401) x 2, (200) x 3 ]
--- response_headers eval
[ ('WWW-Authenticate:', ('WWW-Authenticate: Basic realm="basic"') x 2) x 2,
  ('WWW-Authenticate:') x 3 ]



=== TEST 16: limit_req delays, then the token is judged
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        limit_req zone=delayed burst=2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval: $main::active
--- pipelined_requests eval
[ ('GET /t') x 3 ]
--- more_headers eval
[ '', $main::bearer, '' ]
--- error_code eval
[ 401, 200, 401 ]
--- response_headers eval
[ 'V: no_token,', 'V: ok,sub-a', 'V: no_token,' ]
--- as_requests: 1
--- after
open my $fh, '<', "$ENV{TEST_NGINX_SERVROOT}/logs/error.log" or die;
ok(scalar(grep { /delaying request/ } <$fh>), 'it was delayed');



=== TEST 17: limit_conn counts a request that waits for the authority
--- http_config: $TEST_NGINX_HTTP
--- config
    hars_timeout 1s;
    $TEST_NGINX_HARS
    location /t {
        limit_conn connections 1;
        limit_conn_status 429;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval: +{ %$main::active, 'token-number-2' => { hang => 1 } }
--- request
GET /t
--- more_headers eval: $main::bearer
--- error_code: 200
--- after
my ($waits, $other) = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_CLIENT_PORT}) } 1, 2;

sub ask {
    print { $_[0] } "GET /t HTTP/1.1\r\nHost: localhost\r\n"
                    . "Authorization: Bearer token-number-$_[1]\r\n\r\n";
}

sub status {
    my ($fh) = @_;
    my ($status, $length);

    while (my $line = <$fh>) {
        $status //= (split ' ', $line)[1];
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        last if $line eq "\r\n";
    }
    read $fh, my $body, $length if $length;
    return $status // 'closed';
}

ask($waits, 2);
ok(HarsTest::Place::wait_for(10, sub {
    grep { $_->{token} eq 'token-number-2' } HarsTest::Authority::requests()
}), 'the authority is asked');

ask($other, 1);
is(status($other), 429, 'meanwhile the limit is reached');
is(status($waits), 503, 'hars_timeout ends the first');

ask($other, 1);
is(status($other), 200, 'and its place is free again');



=== TEST 18: any: a scope that is missing is a refusal like another
--- http_config: $TEST_NGINX_HTTP
--- config
    satisfy any;
    $TEST_NGINX_HARS
    hars_scope ml:write;
    location /out { deny all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /in { allow all; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /basic { deny all; $TEST_NGINX_BASIC }
--- as eval: $main::active
--- request eval
[ 'GET /out', 'GET /in', 'GET /basic' ]
--- more_headers eval
[ ($main::bearer) x 3 ]
--- error_code eval
[ 403, 200, 401 ]
--- response_headers eval
[ map { "V: insufficient_scope,\n$_" }
  'WWW-Authenticate: Bearer realm="HARS", error="insufficient_scope", '
  . 'error_description="The access token does not have the scope needed", '
  . 'scope="ml:write"',
  'WWW-Authenticate:', '' ]
