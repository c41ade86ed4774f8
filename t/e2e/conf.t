#!/usr/bin/perl

# The files of conf/: the reference configuration is one that nginx takes,
# and an nginx.conf that exists already is protected by the five lines that
# hars-dropin.conf names.  Every header about the client that a backend gets
# is the gateway's word.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use JSON::PP qw(decode_json);
use MIME::Base64 qw(encode_base64);
use Test::More;

my $top = $HarsTest::Place::top;
my $dir = HarsTest::Place::dir();
my $as = HarsTest::Authority::socket_path();

settings();


# the reference configuration

my $conf = slurp("$dir/nginx.conf");
$conf =~ s/^user .*\n//m;
# what only root could make
$conf =~ s/^http \{/http {\n${\ join "\n", map {
    "    ${_}_temp_path $dir\/$_;" } qw(client_body proxy fastcgi uwsgi scgi)}/m;
$conf =~ s/\b8443\b/127.0.0.1:$ENV{TEST_NGINX_TLS_PORT}/g;

my $nginx = HarsTest::Nginx->new(conf => $conf);
my ($status, $said) = $nginx->check;
is($status, 0, 'nginx takes the reference configuration') or diag $said;
unlike($said, qr/\[(?!warn|notice)\w+\]/, 'without an error');
unlike($said =~ s/.*"listen \.\.\. http2" directive is deprecated.*\n//gr,
       qr/\[warn\]/, 'without a warning');


# what it says of a resource (RFC 9728), to who has a certificate and no token

$nginx->start;
my ($issuer) = slurp("$dir/hars-introspect.conf") =~ /^hars_issuer (\S+);/m;
my %known = map { $_ => 1 } map { /[\w:]+/g }
    slurp("$top/backend/authserver/hars_as_kind.c")
    =~ /"(?:patient|service|fog_node)",\s+\.scope = ((?:"[^"]*"\s*)+)/g;
my %scopes = (ml => qr/^ml:/,
              dcm => qr/^(?:recordings|activities|samples|consent):/,
              fog => qr/^fog:/);

for my $name (sort keys %scopes) {
    my @insecure = (args => ['-k'], host => "$name.hars.localhost");
    my $m = $nginx->curl('/.well-known/oauth-protected-resource', @insecure);
    is($m->{status}, 200, "RFC 9728, 3: metadata of the resource $name");
    like($m->{headers}, qr{^content-type: application/json\r?$}mi,
         '... JSON');
    my $told = eval { decode_json($m->{body}) } // {};
    my ($audience) = $conf =~ /server_name $name\..*?hars_audience (\S+);/s;
    is($told->{resource}, $audience, '... 3.3: the one that tokens are for');
    is_deeply($told->{authorization_servers}, [$issuer],
              '... from this issuer');
    is_deeply([ sort @{ $told->{scopes_supported} } ],
              [ sort grep { $_ =~ $scopes{$name} } keys %known ], '... the scopes');
    ok($told->{tls_client_certificate_bound_access_tokens}, '... bound');
    is($nginx->curl('/.well-known/oauth-protected-resource/x', @insecure)
       ->{status}, 401, 'what is beside it is protected');
    is($nginx->curl('/metrics', @insecure)->{status}, 404,
       'what is counted is not told here');
}

# what is no request at all, before any location is known
for my $path ('/%00', '/x%', '/x%1', '/%u0041', '/' . 'a' x 9000) {
    for my $http2 (0, 1) {
        my $r = $nginx->curl($path, host => 'ml.hars.localhost',
                             http2 => $http2,
                             args => ['-k', '--path-as-is']);
        like($r->{status}, qr/^4(?:00|01|14|31)$/,
             substr($path, 0, 8) . " is refused, http2 $http2");
        like($r->{headers}, qr/problem\+json/, '... as problem details')
            if !$http2;
    }
}

for my $path ('/_hars/400', '/_hars/414') {
    is($nginx->curl($path, args => ['-k'], host => 'ml.hars.localhost')
       ->{status}, 404, "$path is not there for clients");
}

ok($nginx->quit, 'nginx ends');


# what may be sent a second time where an instance does not answer, and what
# would be done twice
my %retried = map { $_ => 'error timeout non_idempotent' }
    map { "= /oauth2/$_" } qw(token introspect revoke);
my %once = map { $_ => 'off' } '= /oauth2/register', '/oauth2/register/',
    map { "= /.well-known/est/$_" } qw(simpleenroll simplereenroll);
my %is = slurp("$top/conf/nginx.conf")
    =~ /location ([^{]+) \{(?=[^}]*proxy_next_upstream ([^;]+);)/g;
is_deeply(\%is, { %retried, %once }, 'what is retried, and what never is');


# the five lines, in a configuration that has a server already

my ($five) = slurp("$dir/hars-dropin.conf") =~ /(.*?)\n#\n# The server/s;
my @line = map { /^#   (\S.*;)/ ? $1 : () } split /\n/, $five;
is(scalar @line, 5, 'five lines') or diag explain \@line;

$nginx = HarsTest::Nginx->new(http => <<"END");
    $line[1]
    log_format id '\$hars_verdict \$hars_source';

    server {
        \$TEST_NGINX_TLS
        server_name localhost;
        $line[2]
        include $dir/hars-error-pages.conf;

        location / {
            $line[3]
            $line[4]
            proxy_pass http://unix:$as;
        }

        location = /open {
            return 200 "open";
        }
    }
END

# the authority of the test plays the backend, too: it records what it gets
my %rules = ('token-of-a-1' => HarsTest::active(cert => 'a'));
$nginx->start;

my @forged = map { ('-H', $_) }
    'Hars-Sub: root', 'hars-client-id: root', 'Hars-Kind: operator',
    'HARS-SCOPE: all', 'Hars-Other: x', 'Hars-Cert-S256: x',
    'Client-Cert: :' . encode_base64(HarsTest::Place::der('b'), '') . ':';

for my $http2 (0, 1) {
    HarsTest::Authority::rules(\%rules);

    my $r = $nginx->curl('/x', token => 'token-of-a-1', http2 => $http2,
                         args => \@forged);
    my $print = HarsTest::thumbprint('a');

    is($r->{status}, 200, "the owner passes, http2 $http2");
    my ($got) = grep { $_->{uri} eq '/x' } HarsTest::Authority::requests();
    my @told = sort map { lc } $got->{headers}
               =~ /^((?:hars|client|auth)[\w-]*: [^\r]*)/gim;
    is_deeply([ grep { !/^hars-exp: \d+$/ } @told ],
              [ map { lc } "hars-cert-s256: $print",
                'hars-client-id: client-a', 'hars-kind: patient',
                'hars-scope: ml:recognize', 'hars-sub: sub-a' ],
              'the gateway\'s word alone');

    $r = $nginx->curl('/x', token => 'token-of-a-1', cert => 'b',
                      http2 => $http2, args => \@forged);
    is($r->{status}, 401, 'a thief does not');
    like($r->{headers}, qr/^content-type: application\/problem\+json/mi,
         'problem details');
    like($r->{headers}, qr/^www-authenticate: .*invalid_token/mi,
         'and the challenge');
    is($r->{body}, '{"type":"about:blank","title":"Unauthorized",'
       . '"status":401}', 'and no more');
}

my $r = $nginx->curl('/x', cert => 'foreign', token => 'token-of-a-1');
is($r->{status}, 400, 'a foreign certificate');
like($r->{body}, qr/"detail":"TLS with a valid client certificate/, 'why');

is($nginx->curl('/open', cert => 'none')->{body}, 'open',
   'what is not protected is open');
is($nginx->curl('/_hars/introspect')->{status}, 404,
   'the introspection location is not');

HarsTest::Authority::stop();
$r = $nginx->curl('/x', token => 'token-of-a-2');
is($r->{status}, 503, 'nobody to ask');
like($r->{headers}, qr/^retry-after: \d/mi, 'with Retry-After');
like($r->{headers}, qr/problem\+json/, 'and problem details');

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-of-a' ]) ], [], 'its log');

done_testing();


# the files of conf/ in a directory of the test's own
sub settings {
    for my $path (glob "$top/conf/*.conf") {
        my $text = slurp($path);

        $text =~ s{modules/ngx_http_hars_module.so}{$HarsTest::Place::module};
        $text =~ s{/etc/hars}{$dir}g;
        $text =~ s{/run/hars/redis.sock}{$ENV{TEST_NGINX_REDIS_SOCK}}g;
        $text =~ s{/run/hars/auth-gateway.sock}{$as}g;
        $text =~ s{/run/hars}{$dir}g;
        $text =~ s{127\.0\.0\.1:9145}{127.0.0.1:$ENV{TEST_NGINX_PORT_1}};
        $text =~ s{127\.0\.0\.1:(914[46-9])}{unix:$dir/$1.sock}g;
        $text =~ s{allow 127\.0\.0\.1;}{allow unix:;}g;
        $text =~ s{/var/log/nginx|/run(?=/nginx.pid)}{$dir}g;

        my ($name) = $path =~ m{([^/]+)$};
        spew("$dir/$name", $text);
    }

    mkdir "$dir/tls";
    for my $name (qw(auth ml dcm fog)) {
        for my $kind (qw(pem key)) {
            spew("$dir/tls/$name.$kind",
                 slurp("$HarsTest::Place::pki/server.$kind"));
        }
    }
    spew("$dir/tls/client-ca.pem", slurp("$HarsTest::Place::pki/client-ca.pem"));

    # the user that hars_redis is told of
    spew("$dir/redis-gateway.password", "secret\n");
    HarsTest::redis('ACL', 'SETUSER', 'gateway', 'on', '>secret', '~hars:*',
                    '-@all', '+auth', '+select', '+ping', '+get', '+set');
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or die "$path: $!\n";
    local $/ = undef;
    return <$fh>;
}


sub spew {
    my ($path, $text) = @_;

    open my $fh, '>', $path or die "$path: $!\n";
    chmod 0600, $path;
    print $fh $text;
    close $fh or die "$path: $!\n";
}
