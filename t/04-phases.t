# A request is judged by every protected location that it enters, with one
# lookup: through error_page, try_files, index, named locations,
# X-Accel-Redirect, rewrite, and as a subrequest, where nginx skips the
# access phase (auth_request, SSI, mirror, slice, add_before_body).

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
    log_format back "\$request_uri \$http_range";
    server {
        listen 127.0.0.1:$port;
        access_log logs/back.log back;
        location / { return 200 "passed \$uri"; }
        location /who { return 200 "[\$http_x_sub]"; }
        location /file { alias html/file; }
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

# the URIs that arrived at the proxied server
sub arrived {
    open my $fh, '<', "$ENV{TEST_NGINX_SERVROOT}/logs/back.log" or return ();
    return map { s/\s+$//r } <$fh>;
}

repeat_each(1);
no_long_string();
plan tests => 163;
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



=== TEST 18: slices are clones of a request that was judged in this location
--- http_config
    map $slice_range $first { volatile; default 0; bytes=0-3 1; }
    $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    slice 4;
    proxy_set_header Range $slice_range;
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/file; }
    location /first {
        hars_require $first;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/file?first;
    }
--- user_files
>>> file
0123456789
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /t', 'GET /first' ]
--- more_headers eval
[ '', ('Authorization: Bearer token-number-1') x 2 ]
--- error_code eval
[ 401, 200, 200 ]
--- response_body_like eval
[ '401', ("^0123456789\$") x 2 ]
--- as_requests: 1
--- after
is_deeply([ arrived() ], [ map {
    my $uri = $_; map { "$uri bytes=$_" } '0-3', '4-7', '8-11' } '/file',
    '/file?first' ], 'three slices each, none of the refused request');



=== TEST 19: add_before_body and add_after_body
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /page {
        types { text/html html; }
        add_before_body /read/x;
        add_after_body /write/x;
    }
    location /plain/ {
        types { text/html html; }
        hars off override;
        add_before_body /read/x;
    }
--- user_files
>>> page/x.html
[page]
>>> plain/x.html
[page]
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /page/x.html', 'GET /plain/x.html' ]
--- more_headers
Authorization: Bearer token-number-1
--- response_body_like eval
[ '^passed /read/x\[page\]\s+(?!passed)', '^<html>[\s\S]*401[\s\S]*\[page\]' ]
--- as_requests: 1
--- after
is_deeply([ arrived() ], [ '/read/x -' ], 'nothing else arrives');



=== TEST 20: a subrequest is judged by where it ends, too
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /hop { hars off override; try_files /none /write/x; }
    location /named { hars off override; try_files /none @named; }
    location @named {
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /err {
        hars off override;
        error_page 404 /write/x;
        proxy_intercept_errors on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/missing;
    }
    location /accel { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /page { ssi on; ssi_silent_errors on; }
    location /a-hop { auth_request /hop; }
    location /a-named { auth_request /named; }
    location /a-err { auth_request /err; }
    location /a-accel { auth_request /accel-write; }
--- user_files
>>> page/x.html
<!--# include virtual="/hop" --><!--# include virtual="/named" -->
<!--# include virtual="/err" --><!--# include virtual="/accel-write" -->
[<!--# include virtual="/page/y.html" -->]
>>> page/y.html
<!--# include virtual="/read/y" --><!--# include virtual="/write/y" -->
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ map { "GET $_" } qw(/a-hop /a-named /a-err /a-accel /page/x.html) ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 403, 403, 403, 403, 200 ]
--- as_requests: 1
--- after
is_deeply([ grep { !m{/(?:missing|accel)} } arrived() ], [ '/read/y -' ],
          'only what the token permits arrives');



=== TEST 21: a refused request starts no subrequest
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        hars_scope ml:write;
        auth_request /open/auth;
        mirror /open/mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ 'Authorization: Bearer token-number-1', '' ]
--- error_code eval
[ 403, 401 ]
--- after
is_deeply([ arrived() ], [], 'nothing arrives');



=== TEST 22: mirror of an open request into a protected location
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        hars off override;
        mirror /read/mirror;
        mirror /open/mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- response_body: passed /t
--- as_requests: 0
--- after
HarsTest::Place::wait_for(10, sub { arrived() >= 2 });
is_deeply([ sort map { s/ .*//r } arrived() ], [ '/open/mirror', '/t' ],
          'the copy into the open location alone');



=== TEST 23: a subrequest into a location of another authority
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t { auth_request /other/x; }
    location /other {
        hars_introspect /_other/introspect;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    $TEST_NGINX_OTHER
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /t
--- more_headers
Authorization: Bearer token-number-1
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="HARS"
--- as_requests: 1



=== TEST 24: another authority, and back again: what each said stays its own
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /a { try_files /none /b; }
    location /b {
        hars_introspect /_other/introspect;
        try_files /none /read/x;
    }
    location /c {
        hars_introspect /_other/introspect;
        error_page 401 /read/x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    $TEST_NGINX_OTHER
--- as eval
{ 'token-number-1' => HarsTest::active(),
  'token-number-2' => [ '{"active":false}', HarsTest::active() ] }
--- request eval
[ 'GET /a', 'GET /c' ]
--- more_headers eval
[ map { "Authorization: Bearer token-number-$_" } 1, 2 ]
--- error_code eval
[ 200, 401 ]
--- response_headers eval
[ 'V: ok,l0', 'V: inactive,introspection' ]
--- as_requests: 4



=== TEST 25: a location that is entered cold, by a redirect
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location @read { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /try { hars off override; try_files /none @read; }
    location /err {
        hars off override;
        error_page 404 @read;
        proxy_intercept_errors on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/missing;
    }
    location /index/ { hars off override; index none.html /read/i; }
    location /accel { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
+{ map { ("token-number-$_" => HarsTest::active()) } 1 .. 4 }
--- user_files
>>> index/there.html
--- request eval
[ 'GET /try', 'GET /err', 'GET /index/', 'GET /accel-read' ]
--- more_headers eval
[ map { "Authorization: Bearer token-number-$_" } 1 .. 4 ]
--- error_code eval
[ 200, 404, 200, 200 ]
--- response_body eval
[ 'passed /try', 'passed /err', 'passed /read/i', 'passed /read/x' ]
--- response_headers eval
[ ('V: ok,introspection') x 4 ]
--- as_requests: 4



=== TEST 26: the same without a token, or with somebody else's
--- cert: b
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location @read { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /try { hars off override; try_files /none @read; }
    location /index/ { hars off override; index none.html /read/i; }
    location /accel { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- user_files
>>> index/there.html
--- request eval
[ map { ("GET $_") x 2 } '/try', '/index/', '/accel-read' ]
--- more_headers eval
[ ('', 'Authorization: Bearer token-number-1') x 3 ]
--- error_code eval
[ (401) x 6 ]
--- response_headers eval
[ 'V: no_token,', 'V: cnf_mismatch,introspection', 'V: no_token,',
  'V: cnf_mismatch,l1', 'V: no_token,', 'V: cnf_mismatch,l1' ]
--- as_requests: 1



=== TEST 27: error_page of a refusal: its target is judged by the same record
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /t {
        hars_scope ml:write;
        error_page 403 /read/x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /u {
        hars_scope ml:write;
        error_page 403 /v;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /v {
        hars_audience other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /w {
        recursive_error_pages on;
        error_page 401 403 /w;
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /t', 'GET /u', 'GET /w' ]
--- more_headers
Authorization: Bearer token-number-1
--- error_code eval
[ 403, 401, 500 ]
--- response_headers eval
[ 'V: insufficient_scope,introspection', 'V: insufficient_scope,l1',
  'V: insufficient_scope,l1' ]
--- response_body_like eval
[ '^passed /read/x', '401 Authorization Required', '500 Internal' ]
--- as_requests: 1
--- after
is_deeply([ arrived() ], [ '/read/x -' ], 'what the token permits arrives');



=== TEST 28: error_page of an error before the first phase
--- cert: foreign
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    error_page 400 495 496 /read/x;
--- as eval
{ '*' => HarsTest::active(cert => 'foreign') }
--- request eval
[ 'GET /t', 'GET /t' ]
--- more_headers eval
[ 'Authorization: Bearer token-number-1', '' ]
--- error_code eval
[ 401, 401 ]
--- response_body_unlike eval
[ ('passed') x 2 ]
--- response_headers eval
[ 'V: no_cert,', 'V: no_token,' ]
--- as_requests: 0



=== TEST 29: "if", limit_except and nested locations inherit the protection
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /if {
        if ($arg_x) { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    }
    location /except {
        limit_except GET { allow all; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /outer {
        hars_scope ml:write;
        location /outer/inner {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
        location ~ [.]x$ {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ map { ($_) x 2 } 'GET /if?x=1', 'POST /except', 'GET /outer/inner',
  'GET /outer/a.x' ]
--- more_headers eval
[ ('', 'Authorization: Bearer token-number-1') x 4 ]
--- error_code eval
[ 401, 200, 401, 200, 401, 403, 401, 403 ]
--- as_requests: 1



=== TEST 30: post_action is judged as well
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location @after { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location /t {
        post_action @after;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /from-open {
        hars off override;
        post_action @after;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active(),
  'token-number-2' => HarsTest::active(cert => 'b') }
--- request eval
[ 'GET /t?none', 'GET /t?1', 'GET /from-open?none', 'GET /from-open?2',
  'GET /from-open?1', 'GET /from-open?3' ]
--- more_headers eval
[ '', 'Authorization: Bearer token-number-1', '',
  map { "Authorization: Bearer token-number-$_" } 2, 1, 3 ]
--- error_code eval
[ 401, 200, 200, 200, 200, 200 ]
--- after
HarsTest::Place::wait_for(10, sub { arrived() >= 7 });
my %times;
$times{$_}++ for map { s/ .*//r } arrived();
is_deeply(\%times, { '/t?1' => 2, '/from-open?none' => 1, '/from-open?2' => 1,
    '/from-open?1' => 2, '/from-open?3' => 1 }, 'only with a good token');



=== TEST 31: "rewrite ... last" leaves a location before it is asked
--- http_config: $TEST_NGINX_HTTP
--- config
    rewrite ^/server /write/x;
    $TEST_NGINX_HARS
    location /out { rewrite ^ /open/x last; }
    location /in { rewrite ^ /read/x last; }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request eval
[ 'GET /out', 'GET /server', 'GET /server', 'GET /in', 'GET /in' ]
--- more_headers eval
[ '', ('', 'Authorization: Bearer token-number-1') x 2 ]
--- error_code eval
[ 200, 401, 403, 401, 200 ]
--- as_requests: 1



=== TEST 32: the record is found again after a redirect behind a subrequest
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    location /who {
        auth_request /read/auth;
        try_files /none @last;
    }
    location @last {
        auth_request /read/auth2;
        proxy_set_header X-Sub $hars_sub;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /who
--- more_headers
Authorization: Bearer token-number-1
--- response_body: [sub-a]
--- as_requests: 1



=== TEST 33: a refused subrequest has no identity, whatever page it ends in
--- http_config: $TEST_NGINX_HTTP
--- config
    $TEST_NGINX_HARS
    proxy_set_header X-Sub $hars_sub$hars_client_id$hars_exp$hars_verdict;
    location /page { ssi on; ssi_silent_errors on; }
    location = /report {
        hars report override;
        hars_scope ml:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/who;
    }
    location = /refused {
        hars_scope ml:write;
        error_page 403 /who;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location = /who { hars off override;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    location = /good {
        proxy_set_header X-Sub $hars_sub;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/who;
    }
--- user_files
>>> page/x.html
<!--# include virtual="/report" --><!--# include virtual="/refused" --><!--# include virtual="/good" -->
--- as eval
{ 'token-number-1' => HarsTest::active() }
--- request
GET /page/x.html
--- more_headers
Authorization: Bearer token-number-1
--- response_headers
V: ok,introspection
--- response_body
[insufficient_scope][insufficient_scope][sub-a]
--- as_requests: 1
