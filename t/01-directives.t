#!/usr/bin/perl

# What "nginx -t" takes and refuses: each directive's valid and invalid use,
# and each setting around it that would undo the check.  A refusal names the
# directive and the mend.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use Test::More;

my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my ($zone_key, $seal_key) = @ENV{qw(TEST_NGINX_ZONE_KEY TEST_NGINX_SEAL_KEY)};
my $introspect = $ENV{TEST_NGINX_INTROSPECT};
my $free = "127.0.0.1:$ENV{TEST_NGINX_PORT_1}";

my $zone = 'hars_zone z:1m;';
my $keyed = "hars_zone z:1m key=$zone_key; hars_seal_key $seal_key;";
my $redis = "$keyed hars_redis z unix:$dir/redis.sock";
my $on = "hars on; hars_introspect /_hars/introspect; $introspect";
my $named = 'hars on; hars_introspect /_hars/introspect issuer=https://as '
            . "caller=gateway; $introspect";

sub file {
    my ($name, $mode, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh;
    chmod $mode, "$dir/$name";

    return "$dir/$name";
}

my $digits = '0123456789abcdef' x 4;
my $open_key = file('open.key', 0644, "$digits\n");
my $short_key = file('short.key', 0600, "0123\n");
my $password = file('password', 0600, "secret\n");
my $open_password = file('open.password', 0604, "secret\n");
my $no_password = file('no.password', 0600, "\n");

# a server whose clients come through a proxy
sub from {
    my ($parameters) = @_;

    $parameters =~ s/\$ca/$pki\/client-ca.pem/;
    return "$zone " . server("$on hars_client_cert_from $parameters;");
}

# the lines of a TLS server: what is asked of it is replaced
sub server {
    my ($text, %o) = @_;

    my %tls = (
        listen => "127.0.0.1:$ENV{TEST_NGINX_TLS_PORT} ssl",
        ssl_certificate => "$pki/server.pem",
        ssl_certificate_key => "$pki/server.key",
        ssl_client_certificate => "$pki/client-ca.pem",
        ssl_verify_client => 'optional', ssl_protocols => 'TLSv1.3',
        ssl_session_tickets => 'off', ssl_session_cache => 'off', %o);

    return 'server { '
           . join(' ', map { "$_ $tls{$_};" } grep { defined $tls{$_} }
                       sort keys %tls)
           . " $text }";
}

# name, text of http {}, what the refusal says (undef: taken)
my @case = (
    [ 'nothing of hars', 'server { location / { return 204; } }' ],
    [ 'the least', "$zone " . server($on) ],
    [ 'in http, for two servers', "$zone hars on; "
      . 'hars_introspect /_hars/introspect; '
      . server("server_name a; $introspect")
      . server("server_name b; $introspect") ],
    [ 'in a location', "$zone " . server("$introspect location /p { hars on; "
      . 'hars_introspect /_hars/introspect; }') ],
    [ 'report', "$zone " . server("$introspect hars report; "
      . 'hars_introspect /_hars/introspect;') ],
    [ 'off with override', "$zone " . server("$on location /o { hars off "
      . 'override; }') ],
    [ 'report with override', "$zone " . server("$on location /o { "
      . 'hars report override; location /o/p { hars on; } }') ],
    [ 'all of them', "$redis db=3 user=gateway password_file=$password "
      . 'timeout=50ms prefix=ward7:; hars_claim_set $kind hars_kind; '
      . 'hars_claim_set $role realm_access.role; '
      . server("$named hars_realm \"ward 7\"; hars_bind optional; "
               . 'hars_scope a b; hars_audience x y; hars_issuer https://as; '
               . 'hars_require $kind $hars_sub; hars_timeout 2s;') ],
    [ 'a certificate from a header',
      from('header=Client-Cert ca=$ca trusted=unix: trusted_cert='
           . 'A' x 43 . ' depth=2') ],
    [ 'a certificate from a header, by address',
      from('header=Client-Cert ca=$ca trusted=192.0.2.0/24; '
           . 'hars_override client_cert_from') ],
    [ 'Redis by address', "$keyed hars_redis z 127.0.0.1:6379; "
      . server($named) ],
    [ 'Sentinels', "$keyed hars_redis z 127.0.0.1:26379 unix:$dir/s.sock "
      . 'sentinel=hars db=1; ' . server($named) ],
    [ 'a Cluster', "$keyed hars_redis z 127.0.0.1:7000 [::1]:7001 cluster "
      . 'prefix=ward7:; ' . server($named) ],
    [ 'two zones, one named', "$zone hars_zone y:1m ttl=5s negative_ttl=1s; "
      . server("hars on; hars_introspect /_hars/introspect zone=y; "
               . $introspect) ],
    [ 'the status pages', "$zone " . server("$on "
      . 'location /a { hars_status; } location /b { hars_status json; } '
      . 'location /c { hars_status prometheus; hars off override; }') ],
    [ 'a status page of zones that nothing uses yet', "$zone "
      . 'server { location = /metrics { hars_status; } }' ],
    [ 'several seal keys', "hars_zone z:1m key=$zone_key; "
      . "hars_seal_key $seal_key " . file('old.key', 0400, $digits)
      . "; hars_redis z unix:$dir/redis.sock; " . server($named) ],
    [ 'a server beside it that does not protect', "$zone " . server($on)
      . " server { listen $free; }" ],
    [ 'a server beside it that refuses all handshakes', "$zone " . server($on)
      . server('', listen => "127.0.0.1:$ENV{TEST_NGINX_TLS_PORT} ssl "
                             . 'default_server',
               ssl_reject_handshake => 'on', ssl_session_tickets => 'on') ],
    [ 'bind off without TLS', "$zone server { listen $free; $on "
      . 'hars_bind off; }' ],
    [ 'bind optional without TLS', "$zone server { listen $free; $on "
      . 'hars_bind optional; }' ],

    # each directive's wrong use

    [ 'hars: another word', "$zone " . server('hars maybe;'),
      qr/"hars" directive takes "on", "off" or "report"/ ],
    [ 'hars: another second word', "$zone " . server('hars off please;'),
      qr/"hars" directive takes no other second word than "override"/ ],
    [ 'hars: twice', "$zone " . server("$on hars on;"),
      qr/"hars" directive is duplicate/ ],
    [ 'hars: in if', "$zone " . server("$on location / { if (\$arg_a) { "
      . 'hars off override; } }'), qr/"hars" directive is not allowed here/ ],
    [ 'hars: off inside on', "$zone " . server("$on location /o { hars off; }"),
      qr/"hars off" inside the scope of "hars on".*"hars off override".*:\d+/ ],
    [ 'hars: report inside on', "$zone "
      . server("$on location /o { hars report; }"),
      qr/"hars report" inside the scope.*"hars report override"/ ],
    [ 'hars: off inside on of http', "$zone hars on; "
      . 'hars_introspect /_hars/introspect; ' . server("hars off; $introspect"),
      qr/"hars off override"/ ],
    [ 'hars_override: unknown', "$zone " . server("$on hars_override all;"),
      qr/invalid value "all"/ ],
    [ 'hars_realm: a quote', "$zone " . server("$on hars_realm 'a\"b';"),
      qr/"hars_realm" directive takes printable ASCII/ ],
    [ 'hars_realm: empty', "$zone " . server("$on hars_realm '';"),
      qr/"hars_realm" directive is empty/ ],
    [ 'hars_introspect: no URI', "$zone " . server('hars_introspect name;'),
      qr/"hars_introspect" directive takes the URI of an internal location/ ],
    [ 'hars_introspect: unknown parameter', "$zone "
      . server('hars_introspect /i who=me;'),
      qr/invalid parameter "who=me".*issuer=, caller=, zone=/ ],
    [ 'hars_introspect: issuer without caller', "$zone "
      . server('hars_introspect /i issuer=x;'),
      qr/needs both "issuer=" and "caller=", or neither/ ],
    [ 'hars_introspect: twice', "$zone "
      . server("$on hars_introspect /j;"), qr/"hars_introspect" directive is d/ ],
    [ 'hars_introspect: no such zone', "$zone "
      . server("hars on; hars_introspect /_hars/introspect zone=q; "
               . $introspect), qr/needs "zone=" with the name of one of/ ],
    [ 'hars_introspect: which of two zones', "$zone hars_zone y:1m; "
      . server($on), qr/needs "zone="/ ],
    [ 'hars_zone: no size', 'hars_zone z;', qr/takes "name:size", such as/ ],
    [ 'hars_zone: no name', 'hars_zone :1m;', qr/takes "name:size"/ ],
    [ 'hars_zone: too small', 'hars_zone z:64k;',
      qr/invalid size "64k" of "hars_zone", it takes 256k and more/ ],
    [ 'hars_zone: no number', 'hars_zone z:big;', qr/invalid size "big"/ ],
    [ 'hars_zone: twice', "$zone $zone", qr/"hars_zone" directive is dupl/ ],
    [ 'hars_zone: ttl=0', 'hars_zone z:1m ttl=0;',
      qr/invalid parameter "ttl=0" in "hars_zone".*above zero/ ],
    [ 'hars_zone: negative_ttl', 'hars_zone z:1m negative_ttl=x;',
      qr/invalid parameter "negative_ttl=x"/ ],
    [ 'hars_zone: unknown parameter', 'hars_zone z:1m big=1;',
      qr/invalid parameter "big=1"/ ],
    [ 'hars_zone: absent key', 'hars_zone z:1m key=/nonexistent;',
      qr/key file "\/nonexistent" of "hars_zone" does not exist.*openssl rand/ ],
    [ 'hars_zone: open key', "hars_zone z:1m key=$open_key;",
      qr/"hars_zone" is open to others, use "chmod 600"/ ],
    [ 'hars_zone: short key', "hars_zone z:1m key=$short_key;",
      qr/has to hold 64 hexadecimal digits/ ],
    [ 'hars_zone: a directory as key', 'hars_zone z:1m key=/;',
      qr/is not a regular file/ ],
    [ 'hars_seal_key: open', "hars_seal_key $open_key;",
      qr/of "hars_seal_key" is open to others/ ],
    [ 'hars_seal_key: twice', "hars_seal_key $seal_key; hars_seal_key "
      . "$seal_key;", qr/is duplicate: name all files in one/ ],
    [ 'hars_seal_key: nine', 'hars_seal_key ' . "$seal_key " x 9 . ';',
      qr/takes 8 files at most/ ],
    [ 'hars_client_cert_from: no header', from('ca=$ca trusted=unix:'),
      qr/"hars_client_cert_from" directive needs "header=Client-Cert"/ ],
    [ 'hars_client_cert_from: another header',
      from('header=X-Cert ca=$ca trusted=unix:'), qr/has an unknown parameter/ ],
    [ 'hars_client_cert_from: no authorities',
      from('header=Client-Cert trusted=unix:'),
      qr/needs "ca=file" with the authorities of the clients/ ],
    [ 'hars_client_cert_from: absent authorities',
      from('header=Client-Cert trusted=unix: ca=/nonexistent'),
      qr/"ca=\/nonexistent" of "hars_client_cert_from" has no certificates/ ],
    [ 'hars_client_cert_from: an absent CRL',
      from('header=Client-Cert trusted=unix: ca=$ca crl=/nonexistent'),
      qr/"crl=\/nonexistent" of "hars_client_cert_from" has no list/ ],
    [ 'hars_client_cert_from: nobody trusted',
      from('header=Client-Cert ca=$ca'),
      qr/needs "trusted_cert=thumbprint" of the proxy, or "trusted=unix:"/ ],
    [ 'hars_client_cert_from: a thumbprint that is none',
      from('header=Client-Cert ca=$ca trusted_cert=' . 'A' x 42),
      qr/takes as "trusted_cert" the 43 characters of a certificate's/ ],
    [ 'hars_client_cert_from: another spelling of one',
      from('header=Client-Cert ca=$ca trusted_cert=' . 'A' x 42 . 'B'),
      qr/takes as "trusted_cert" the 43 characters of a certificate's/ ],
    [ 'hars_client_cert_from: no network',
      from('header=Client-Cert ca=$ca trusted=proxy.example'),
      qr/takes as "trusted" "unix:" or a network/ ],
    [ 'hars_client_cert_from: depth',
      from('header=Client-Cert ca=$ca trusted=unix: depth=9'),
      qr/takes a "depth" of 0 to 8/ ],
    [ 'hars_client_cert_from: by address',
      from('header=Client-Cert ca=$ca trusted=192.0.2.0/24'),
      qr/by address believes whoever can send from there, write "trusted_cert="/ ],
    [ 'hars_client_cert_from: by address, in an open server',
      "$zone " . server("hars_client_cert_from header=Client-Cert "
          . "ca=$pki/client-ca.pem trusted=192.0.2.0/24; location / { }"),
      qr/by address believes whoever can send from there.*server in .*:\d+/ ],
    [ 'hars_client_cert_from: twice',
      from('header=Client-Cert ca=$ca trusted=unix:; hars_client_cert_from off'),
      qr/"hars_client_cert_from" directive is duplicate/ ],
    [ 'hars_redis: no such zone', "$keyed hars_redis q unix:/r;",
      qr/"hars_redis q" is for a zone that "hars_zone" does not define.*:\d+/ ],
    [ 'hars_redis: no zone key', "$zone hars_seal_key $seal_key; "
      . 'hars_redis z unix:/r;', qr/"hars_redis z" needs "key=file" in "hars_z/ ],
    [ 'hars_redis: no seal key', "hars_zone z:1m key=$zone_key; "
      . 'hars_redis z unix:/r;', qr/"hars_redis z" needs "hars_seal_key"/ ],
    [ 'hars_redis: one key for both', "hars_zone z:1m key=$zone_key; "
      . "hars_seal_key $zone_key; hars_redis z unix:/r;",
      qr/same key in "hars_zone" and "hars_seal_key"/ ],
    [ 'hars_redis: no issuer', "$redis; " . server($on),
      qr/"hars_introspect" needs "issuer=" and "caller=" with "hars_redis"/ ],
    [ 'hars_redis: twice', "$redis; hars_redis z unix:/r;",
      qr/"hars_redis" directive is duplicate for this zone/ ],
    [ 'hars_redis: an address that is none', "$keyed hars_redis z host:port;",
      qr/in "hars_redis" server "host:port", use "unix:/ ],
    [ 'hars_redis: a server behind the parameters', "$redis db=1 unix:/r;",
      qr/invalid parameter "unix:\/r" in "hars_redis": it takes servers, then/ ],
    [ 'hars_redis: no server', "$keyed hars_redis z db=1 timeout=1s;",
      qr/"hars_redis" directive has no server before its parameters/ ],
    [ 'hars_redis: a bad second server', "$redis host:port;",
      qr/in "hars_redis" server "host:port", use "unix:/ ],
    [ 'hars_redis: Sentinels of no name', "$redis sentinel=;",
      qr/invalid parameter "sentinel=" in "hars_redis"/ ],
    [ 'hars_redis: both', "$keyed hars_redis z 127.0.0.1:1 sentinel=a cluster;",
      qr/"hars_redis" has "sentinel=" and "cluster", which exclude each other/ ],
    [ 'hars_redis: a Cluster by a socket', "$redis cluster;",
      qr/"hars_redis" needs "host:port" for each server with "cluster"/ ],
    [ 'hars_redis: a Cluster with db', "$keyed hars_redis z 127.0.0.1:1 db=1 cluster;",
      qr/"hars_redis" has "db=" with "cluster", which knows one only/ ],
    [ 'hars_redis: tls without a CA', "$redis tls;",
      qr/"hars_redis" needs "tls_ca=file" with "tls"/ ],
    [ 'hars_redis: a CA without tls', "$redis tls_ca=/ca.pem;",
      qr/"hars_redis" has "tls_...=" without "tls"/ ],
    [ 'hars_redis: tls to an address', "$redis tls tls_ca=/ca.pem;",
      qr/"hars_redis" needs "tls_name=" for a server that is given by its a/ ],
    [ 'hars_redis: half a client certificate',
      "$redis tls tls_ca=/ca.pem tls_name=n tls_cert=/c.pem;",
      qr/"hars_redis" needs "tls_cert=" and "tls_key=" together/ ],
    [ 'hars_redis: absent CA', "$redis tls tls_ca=/absent.pem tls_name=n;",
      qr/\/absent\.pem/ ],
    [ 'hars_redis: revocations', "$redis revocations=maybe;",
      qr/invalid parameter "revocations=maybe"/ ],
    [ 'hars_redis: db', "$redis db=x;", qr/invalid parameter "db=x"/ ],
    [ 'hars_redis: timeout', "$redis timeout=0;", qr/"timeout=0"/ ],
    [ 'hars_redis: prefix', "$redis prefix=;", qr/invalid parameter "prefix="/ ],
    [ 'hars_redis: user without password', "$redis user=u;",
      qr/has "user=" without "password_file="/ ],
    [ 'hars_redis: absent password', "$redis password_file=/nonexistent;",
      qr/"hars_redis" cannot open password_file "\/nonexistent"/ ],
    [ 'hars_redis: open password', "$redis password_file=$open_password;",
      qr/has to be owned by root or by this user and closed to others/ ],
    [ 'hars_redis: empty password', "$redis password_file=$no_password;",
      qr/is empty or longer than 1023 bytes/ ],
    [ 'hars_bind: another word', "$zone " . server("$on hars_bind maybe;"),
      qr/invalid value "maybe"/ ],
    [ 'hars_scope: a blank', "$zone " . server("$on hars_scope 'a b';"),
      qr/"hars_scope" directive takes scopes as words of their own/ ],
    [ 'hars_scope: empty', "$zone " . server("$on hars_scope '';"),
      qr/takes no empty value/ ],
    [ 'hars_audience: twice', "$zone "
      . server("$on hars_audience a; hars_audience b;"),
      qr/"hars_audience" directive is duplicate/ ],
    [ 'hars_issuer: empty', "$zone " . server("$on hars_issuer '';"),
      qr/"hars_issuer" directive takes no empty value/ ],
    [ 'hars_require: a constant', "$zone " . server("$on hars_require yes;"),
      qr/"hars_require" directive takes variables/ ],
    [ 'hars_require: unknown variable', "$zone "
      . server("$on hars_require \$no_such_one;"), qr/unknown "no_such_one"/ ],
    [ 'hars_claim_set: no variable', 'hars_claim_set kind kind;',
      qr/"hars_claim_set" directive takes a variable, such as/ ],
    [ 'hars_claim_set: empty name in the path', 'hars_claim_set $a a..b;',
      qr/takes a path of names parted by dots/ ],
    [ 'hars_claim_set: a variable of ours', 'hars_claim_set $hars_sub a;',
      qr/the duplicate "hars_sub" variable/ ],
    [ 'hars_claim_set: seventeen',
      join(' ', map { "hars_claim_set \$c$_ c$_;" } 1 .. 17),
      qr/may stand 16 times at most/ ],
    [ 'hars_timeout: zero', "$zone " . server("$on hars_timeout 0;"),
      qr/"hars_timeout" has to be more than zero/ ],

    [ 'hars_status: of another kind', "$zone "
      . 'server { location /s { hars_status xml; } }',
      qr/"hars_status" directive takes "prometheus" or "json"/ ],
    [ 'hars_status: twice', "$zone "
      . 'server { location /s { hars_status; hars_status json; } }',
      qr/"hars_status" directive is duplicate/ ],
    [ 'hars_status: two words', "$zone "
      . 'server { location /s { hars_status json json; } }',
      qr/invalid number of arguments in "hars_status"/ ],
    [ 'hars_status: for a server', "$zone server { hars_status; }",
      qr/"hars_status" directive is not allowed here/ ],

    # what is missing

    [ 'a status page without a zone', 'server { location /s { hars_status; } }',
      qr/"hars_status" needs a "hars_zone" in "http"/ ],
    [ 'no zone', server($on), qr/"hars" needs a "hars_zone" in "http", such/ ],
    [ 'no endpoint', "$zone " . server('hars on;'),
      qr/"hars" needs "hars_introspect"/ ],
    [ 'no location', "$zone " . server('hars on; hars_introspect /i;'),
      qr/needs a location of this server with exactly its URI/ ],
    [ 'a prefix location', "$zone " . server('hars on; hars_introspect /i; '
      . 'location /i { internal; proxy_pass http://127.0.0.1:1; }'),
      qr/exactly its URI/ ],
    [ 'an open location', "$zone " . server('hars on; hars_introspect /i; '
      . 'location = /i { proxy_pass http://127.0.0.1:1; }'),
      qr/is open to clients, write "internal;" into it/ ],
    [ 'a location that asks nobody', "$zone " . server('hars on; '
      . 'hars_introspect /i; location = /i { internal; }'),
      qr/asks nobody, write "proxy_pass" into it/ ],
    [ 'the location in another server', "$zone " . server($on)
      . server('server_name b; hars on; hars_introspect /_hars/introspect;'),
      qr/exactly its URI.*server "b"/ ],
    [ 'no TLS', "$zone server { listen $free; $on }",
      qr/refuses everybody where no "listen" of the server has "ssl"/ ],
    [ 'no client certificates', "$zone " . server($on,
      ssl_verify_client => 'off'),
      qr/refuses everybody without "ssl_verify_client on"/ ],
);

# what undoes the check, and its override

my @undone = (
    [ 'satisfy', "$on satisfy any;", {}, qr/"satisfy any" lets pass/ ],
    [ 'error_page', "$on error_page 401 =200 /x;", {},
      qr/"error_page" turns a refusal into success/ ],
    [ 'error_page', "$on error_page 403 = /x;", {}, qr/"error_page" turns/ ],
    [ 'error_page', "$on error_page 500 503 =302 /x;", {},
      qr/"error_page" turns/ ],
    [ 'underscores_in_headers', "$on underscores_in_headers on;", {},
      qr/"underscores_in_headers on" lets clients send/ ],
    [ 'ignore_invalid_headers', "$on ignore_invalid_headers off;", {},
      qr/"ignore_invalid_headers off" hands malformed/ ],
    [ 'ssl_verify_client', $on, { ssl_verify_client => 'optional_no_ca' },
      qr/"ssl_verify_client optional_no_ca" takes certificates of anybody/ ],
    [ 'ssl_early_data', $on, { ssl_early_data => 'on' },
      qr/"ssl_early_data on" in a server of this address/ ],
    [ 'resumption', $on, { ssl_session_tickets => 'on' }, qr/TLS resumption/ ],
    [ 'resumption', $on, { ssl_session_tickets => undef },
      qr/"ssl_session_tickets off; ssl_session_cache off;"/ ],
    [ 'resumption', $on, { ssl_session_cache => 'shared:s:1m' },
      qr/TLS resumption/ ],
    [ 'resumption', $on, { ssl_session_cache => 'builtin' },
      qr/TLS resumption/ ],
);

for my $undone (@undone) {
    my ($name, $text, $tls, $said) = @$undone;

    push @case, [ "$name: refused", "$zone " . server($text, %$tls), $said ],
        [ "$name: the mend is named", "$zone " . server($text, %$tls),
          qr/"hars_override $name"/ ],
        [ "$name: overridden", "$zone hars_override $name; "
          . server($text, %$tls) ];
}

push @case,
    [ 'resumption in another server of the address', "$zone " . server($on)
      . server('server_name b;', ssl_session_tickets => 'on'),
      qr/TLS resumption in a server of this address/ ],
    [ 'early data in another server of the address', "$zone " . server($on)
      . server('server_name b;', ssl_early_data => 'on'),
      qr/"ssl_early_data on" in a server of this address/ ],
    [ 'resumption in a server of another address', "$zone " . server($on)
      . server('', listen => "$free ssl", ssl_session_tickets => 'on') ],
    [ 'resumption and report', "$zone " . server("$introspect hars report; "
      . 'hars_introspect /_hars/introspect;', ssl_session_tickets => 'on'),
      qr/TLS resumption/ ],
    [ 'satisfy any where nothing is protected', "$zone "
      . server("$introspect location /p { satisfy any; }") ],
    [ 'an error page with its own status', "$zone "
      . server("$on error_page 401 403 503 /x; error_page 401 =403 /y;") ];

for my $case (@case) {
    my ($name, $http, $said) = @$case;

    my $nginx = HarsTest::Nginx->new(http => $http);
    my ($status, $text) = $nginx->check;

    if ($said) {
        ok($status != 0 && $text =~ /\[emerg\].*$said/, $name)
            or diag $text;
        next;
    }

    is($status, 0, $name) or diag $text;
}

done_testing();
