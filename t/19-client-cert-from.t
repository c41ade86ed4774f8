#!/usr/bin/perl

# hars_client_cert_from: the certificate that a trusted proxy hands on
# (RFC 9440) is the request's, verified here again; from anybody else it is
# nothing, and the proxy's own certificate never stands in for it.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Socket::INET;
use IO::Socket::UNIX;
use MIME::Base64 qw(decode_base64 encode_base64 encode_base64url);
use Digest::SHA qw(sha256);
use Test::More;

my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $back = 'unix:' . HarsTest::Authority::socket_path();
my $tls_port = $ENV{TEST_NGINX_TLS_PORT};
my ($shim_a, $shim_b, $here, $elsewhere) =
    @ENV{map { "TEST_NGINX_PORT_$_" } 1 .. 4};
my ($socket, $strict) = ("$dir/gateway.sock", "$dir/strict.sock");


# certificates of more kinds than the other tests need

sub openssl {
    my $said = `cd $dir && openssl @_ 2>&1`;
    die "openssl @_: $said\n" if $?;
}

sub spit {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $fh $text;
    close $fh or die "$dir/$name: $!\n";
}

sub slurp {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!\n";
    local $/ = undef;
    return <$fh>;
}

my $client = "basicConstraints=critical,CA:FALSE\n"
    . "keyUsage=critical,digitalSignature\n";
my $authority = "basicConstraints=critical,CA:TRUE\n"
    . "keyUsage=critical,keyCertSign,cRLSign\n"
    . "subjectKeyIdentifier=hash\n";

spit('ca.cnf', <<"END");
[ca]
default_ca = one
[one]
database = db
serial = serial
new_certs_dir = .
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = optional
END
spit('db', '');
spit('serial', "1000\n");

# name, issuer, its extensions, more options of "openssl ca"
sub certificate {
    my ($name, $ca, $extensions, @more) = @_;

    spit("$name.ext", $extensions);
    openssl('req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes',
            "-keyout $name.key -subj /CN=$name -out $name.csr");
    openssl("ca -batch -notext -config ca.cnf -in $name.csr",
            "-extfile $name.ext -out $name.pem",
            $ca eq 'self' ? "-selfsign -keyfile $name.key"
                          : "-cert $ca.pem -keyfile $ca.key", @more);
}

certificate('root', 'self', $authority);
certificate('inter', 'root', $authority);
certificate('deeper', 'inter', $authority);
certificate('long', 'root', "${authority}nsComment=" . 'x' x 5000 . "\n");
certificate('good', 'root', "${client}extendedKeyUsage=clientAuth\n");
certificate('chained', 'inter', "${client}extendedKeyUsage=clientAuth\n");
certificate('deep', 'deeper', "${client}extendedKeyUsage=clientAuth\n");
certificate('server-only', 'root', "${client}extendedKeyUsage=serverAuth\n");
certificate('gone', 'root', "${client}extendedKeyUsage=clientAuth\n");
certificate('not-yet', 'root', "${client}extendedKeyUsage=clientAuth\n",
            '-startdate 20990101000000Z -enddate 20990201000000Z');
openssl('ca -config ca.cnf -cert root.pem -keyfile root.key -revoke gone.pem');
openssl("ca -config ca.cnf -cert $_.pem -keyfile $_.key -gencrl -out $_.crl")
    for qw(root inter);
spit('crl.pem', slurp("$dir/root.crl") . slurp("$dir/inter.crl"));
spit('authorities.pem', slurp("$pki/client-ca.pem") . slurp("$dir/root.pem"));

sub der {
    my ($name) = @_;
    my $path = -e "$dir/$name.pem" ? "$dir/$name.pem" : "$pki/$name.pem";
    my ($pem) = slurp($path)
        =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;
    return decode_base64($pem);
}

sub sequence   { return ':' . encode_base64($_[0], '') . ':' }
sub header     { return 'Client-Cert: ' . sequence(der($_[0])) }
sub thumbprint { return encode_base64url(sha256(der($_[0]))) }


my $proxy = thumbprint('b');
my $main = HarsTest::Nginx::shim([ $shim_a, $tls_port, 'a' ],
                                 [ $shim_b, $tls_port, 'b' ]);

my $locations = <<"END";
        hars on;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway;
        $ENV{TEST_NGINX_INTROSPECT}
        add_header V "\$hars_verdict" always;
        add_header S "\$hars_client_cert_s256" always;
        add_header C "\$hars_client_cert" always;
        proxy_set_header Authorization "";
        proxy_set_header Hars-Cert-S256 \$hars_client_cert_s256;
        location / { proxy_pass http://$back:/back; }
        location /again { rewrite ^ /next last; }
        location /next { proxy_pass http://$back:/back; }
        location /missing {
            proxy_pass http://$back:/nothing;
            proxy_intercept_errors on;
            error_page 404 = /next;
        }
        location /sub {
            auth_request /asked;
            proxy_pass http://$back:/back;
        }
        location = /asked { proxy_pass http://$back:/asked; }
        location /open {
            hars off override;
            proxy_pass http://$back:/open;
        }
END

my $nginx = HarsTest::Nginx->new(main => $main, http => <<"END");
    hars_zone z:1m key=$ENV{TEST_NGINX_ZONE_KEY};
    hars_seal_key $ENV{TEST_NGINX_SEAL_KEY};
    hars_redis z unix:$ENV{TEST_NGINX_REDIS_SOCK};
    large_client_header_buffers 4 64k;
    keepalive_requests 100000;
    server {
        listen unix:$socket;
        hars_client_cert_from header=Client-Cert trusted=unix: depth=2
                              ca=$dir/authorities.pem;
$locations
    }
    server {
        listen unix:$strict;
        hars_client_cert_from header=Client-Cert trusted=unix: depth=2
                              ca=$dir/root.pem crl=$dir/crl.pem;
$locations
    }
    server {
        \$TEST_NGINX_TLS
        server_name localhost;
        hars_client_cert_from header=Client-Cert trusted_cert=$proxy
                              ca=$dir/authorities.pem;
$locations
    }
    server {
        listen 127.0.0.1:$here;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
        hars_override client_cert_from;
        hars_client_cert_from header=Client-Cert trusted=127.0.0.0/8
                              ca=$dir/authorities.pem;
$locations
    }
    server {
        listen 127.0.0.1:$elsewhere;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
        hars_override client_cert_from;
        hars_client_cert_from header=Client-Cert trusted=192.0.2.0/24
                              ca=$dir/authorities.pem;
$locations
    }
END

HarsTest::Authority::rules({
    '*' => 'passed',
    map({ ("token-of-$_" => HarsTest::active(cert => undef,
               cnf => { 'x5t#S256' => thumbprint($_) })) }
        qw(a b good chained deep gone expired foreign not-yet server-only
           client-ca)) });
HarsTest::Redis::told();
$nginx->start;

sub connection {
    my ($to) = @_;
    return ($to =~ m{^/} ? IO::Socket::UNIX->new(Peer => $to)
                         : IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to"))
        // die "$to: $!\n";
}

# "status verdict" of the next answer, its headers in %said
my %said;

sub on {
    my ($s, $uri, $token, @headers) = @_;

    print $s join "\r\n", "GET $uri HTTP/1.1", 'Host: localhost',
        "Authorization: Bearer token-of-$token", @headers, '', '';

    local $SIG{ALRM} = sub { die "$uri: no answer\n" };
    alarm 10;
    my ($status) = (<$s> // '') =~ m{^HTTP/1.1 (\d+)};
    %said = ();
    while (defined(my $line = <$s>)) {
        last if $line eq "\r\n";
        $said{lc $1} = $2 if $line =~ /^([^:]+): ?(.*?) *\r\n/;
    }
    my $body = '';
    if (defined(my $n = $said{'content-length'})) {
        read $s, $body, $n;
    } elsif (($said{'transfer-encoding'} // '') eq 'chunked') {
        while (defined(my $size = <$s>)) {
            read $s, $body, hex($size) + 2;
            last if hex $size == 0;
        }
    }
    alarm 0;

    return ($status // 'nothing') . ' ' . ($said{v} // '');
}

sub asked {
    my ($to, $token, @headers) = @_;
    return on(connection($to), '/', $token, @headers);
}


# whom it proves

is(asked($socket, 'good', header('good')), '200 ok', 'a certificate');
is($said{s}, thumbprint('good'), '... its thumbprint');
is($said{c}, sequence(der('good')), '... and itself');
is(asked($socket, 'good', header('good')), '200 ok', '... once more');
is(asked($socket, 'a', header('a')), '200 ok', 'one of another authority');
is(asked($socket, 'good', header('a')), '401 cnf_mismatch',
   'the token of another one');
is(asked($socket, 'good'), '401 no_cert', 'no header');
is($said{s} // '', '', '... no thumbprint');

my $chain = sequence(der('inter'));
is(asked($socket, 'chained', header('chained'), "Client-Cert-Chain: $chain"),
   '200 ok', 'a chain');
is(asked($socket, 'chained', header('chained')), '401 no_cert',
   '... without its intermediate');
is(asked($socket, 'chained', header('chained'),
         "Client-Cert-Chain: $chain, " . sequence(der('root'))),
   '200 ok', '... with the root');
is(asked($socket, 'chained', header('chained'),
         'Client-Cert-Chain: ' . sequence(der('root'))),
   '401 no_cert', '... with another one');
is(asked($socket, 'deep', header('deep'), 'Client-Cert-Chain: '
         . join ', ', map { sequence(der($_)) } qw(deeper inter)),
   '200 ok', 'as deep as depth=2');
is(asked($socket, 'good', header('good'), 'Client-Cert-Chain: nonsense'),
   '401 no_cert', 'a chain that is none');

# RFC 8941, 4.2: the lines of a list are one

my ($deeper, $root, $long)
    = map { sequence(der($_)) } qw(deeper root long);

for my $case (
    [ 'in two lines', '200 ok', $deeper, $chain ],
    [ 'in another order', '200 ok', $chain, $deeper ],
    [ 'in three, one with two of them', '200 ok', $root, "$root, $deeper",
      $chain ],
    [ 'eight in four lines', '200 ok', ("$deeper,$chain") x 4 ],
    [ 'a ninth', '401 no_cert', ("$deeper,$chain") x 4, $chain ],
    [ 'nine lines', '401 no_cert', $deeper, ($chain) x 8 ],
    [ 'one line of them', '401 no_cert', $deeper ],
    [ 'the other one', '401 no_cert', $chain ],
    [ 'and one that is empty', '401 no_cert', $deeper, $chain, '' ],
    [ 'with an empty one first', '401 no_cert', '', $deeper, $chain ],
    [ 'and one that is none', '401 no_cert', $deeper, $chain, 'nonsense' ],
    [ 'a comma behind the first', '401 no_cert', "$deeper,", $chain ],
    [ 'one of them over two lines', '401 no_cert', $deeper,
      substr($chain, 0, 401), substr($chain, 401) ],
    [ 'of 30 kB', '200 ok', $deeper, $chain, ($long) x 4 ],
    [ 'of 37 kB', '401 no_cert', $deeper, $chain, ($long) x 5 ],
) {
    my ($what, $expected, @lines) = @$case;

    is(asked($socket, 'deep', header('deep'),
             map { "Client-Cert-Chain: $_" } @lines),
       $expected, "a chain $what");
}

for my $case ([ 'expired' => 'expired' ], [ 'not-yet' => 'not valid yet' ],
              [ 'foreign' => 'of a foreign authority' ],
              [ 'server-only' => 'for servers' ],
              [ 'client-ca' => 'of the authority itself' ])
{
    my ($name, $what) = @$case;
    is(asked($socket, $name, header($name)), '401 no_cert',
       "a certificate $what");
}

is(asked($socket, 'gone', header('gone')), '200 ok', 'without a CRL');
is(asked($strict, 'gone', header('gone')), '401 no_cert', '... with one');
is(asked($strict, 'good', header('good')), '200 ok', '... another passes');
is(asked($strict, 'chained', header('chained'), "Client-Cert-Chain: $chain"),
   '200 ok', '... and a chain, each with its list');
is(asked($strict, 'a', header('a')), '401 no_cert',
   'what one server verified is nothing to another');


# one that was believed a moment ago ends all the same

my ($sec, $min, $hour, $day, $month, $year) = gmtime(time + 3);
my $end = sprintf '%04d%02d%02d%02d%02d%02dZ', $year + 1900, $month + 1, $day,
    $hour, $min, $sec;
certificate('brief', 'root', "${client}extendedKeyUsage=clientAuth\n",
            "-startdate 20240101000000Z -enddate $end");
is(asked($socket, 'good', header('brief')), '401 cnf_mismatch',
   'a certificate of three seconds');
ok(HarsTest::Place::wait_for(6, sub {
       asked($socket, 'good', header('brief')) eq '401 no_cert' }),
   '... is none after them');


# what is no Client-Cert

my $good = encode_base64(der('good'), '');
my $der = der('good');
my $bits = $good;

# the bits that stand for nothing, set
my ($tail) = $good =~ /([A-Za-z0-9+\/])=+\z/;
if (defined $tail) {
    my $set = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
        . '0123456789+/';
    my $next = substr $set, index($set, $tail) + 1, 1;
    $bits =~ s/\Q$tail\E(=+)\z/$next$1/;
}

for my $case (
    [ 'empty', '' ],
    [ 'no colons', $good ],
    [ 'no first colon', "$good:" ],
    [ 'no last colon', ":$good" ],
    [ 'three colons', ":${good}::" ],
    [ 'nothing between the colons', '::' ],
    [ 'one colon', ':' ],
    [ 'quoted', "\":$good:\"" ],
    [ 'a token', 'certificate' ],
    [ 'two of them', ":$good:, :$good:" ],
    [ 'a comma behind', ":$good:," ],
    [ 'a comma before', ",:$good:" ],
    [ 'text behind', ":$good:x" ],
    [ 'a parameter', ":$good:;a=1" ],
    [ 'a flag', ":$good:;a" ],
    [ 'base64url', ':' . encode_base64url($der) . '_-:' ],
    [ 'a blank inside', ':' . substr($good, 0, 40) . ' '
                        . substr($good, 40) . ':' ],
    [ 'a tab inside', ':' . substr($good, 0, 40) . "\t"
                      . substr($good, 40) . ':' ],
    [ 'percent signs', ':' . $good =~ s/(.)/sprintf '%%%02X', ord $1/er
                       . ':' ],
    [ 'bits left over', $bits eq $good ? ':A===:' : ":$bits:" ],
    [ 'too much padding', ":$good====:" ],
    [ 'padding in the middle', ':' . substr($good, 0, 38) . '=='
                               . substr($good, 40) . ':' ],
    [ 'one character less', ':' . substr($good, 1) . ':' ],
    [ 'PEM', '-----BEGIN CERTIFICATE-----' . $good
             . '-----END CERTIFICATE-----' ],
    [ 'DER and a byte', sequence("$der\0") ],
    [ 'DER cut', sequence(substr $der, 0, -1) ],
    [ 'DER twice', sequence($der . $der) ],
    [ 'a byte before DER', sequence("\0$der") ],
    [ 'no DER', sequence('certificate') ],
    [ 'one bit changed', sequence(substr($der, 0, -1)
                                  . chr(1 ^ ord substr $der, -1)) ],
    [ 'a thumbprint', sequence(sha256($der)) ],
    [ 'far too long', ':' . 'A' x 20_000 . ':' ],
) {
    my ($what, $value) = @$case;

    is(asked($socket, 'good', "Client-Cert: $value"), '401 no_cert',
       "malformed: $what");
}

for my $case (
    [ 'twice', header('good'), header('good') ],
    [ 'twice, the second empty', header('good'), 'Client-Cert:' ],
    [ 'two of them', header('good'), header('a') ],
    [ 'once with _', "Client_Cert: " . sequence($der) ],
) {
    my ($what, @headers) = @$case;

    like(asked($socket, 'good', @headers), qr/^(?:401 no_cert|400 )/,
         "the header $what");
}


# nginx drops names with "_" before anybody sees them
is(asked($socket, 'good', header('good'), "Client_Cert: " . sequence(der('a'))),
   '200 ok', 'another one with _ is not there');


# one connection, many clients

my $s = connection($socket);
is(on($s, '/', 'good', header('good')), '200 ok', 'one connection: a client');
is(on($s, '/', 'good', header('a')), '401 cnf_mismatch', '... another one');
is(on($s, '/', 'a', header('a')), '200 ok', '... with its own token');
is(on($s, '/', 'a'), '401 no_cert', '... without a certificate');
is(on($s, '/', 'a', header('good')), '401 cnf_mismatch', '... with a wrong one');
is(on($s, '/', 'good', header('good')), '200 ok', '... the first again');


# what is remembered is for the very same bytes, wherever it is kept

$s = connection($socket);
on($s, '/', 'good', header('good'));
is(scalar(grep { on($s, '/', 'good', header('good'), "Client-Cert-Chain: $_")
                 ne '401 no_cert' } 1 .. 1500), 0,
   '1500 spellings that prove nobody');


# redirects and subrequests

for my $uri ('/again', '/missing', '/sub') {
    is(on(connection($socket), $uri, 'good', header('good')), '200 ok',
       "$uri: the certificate stays");
    is(on(connection($socket), $uri, 'good', header('a')),
       '401 cnf_mismatch', "$uri: ... for its token alone");
    is(on(connection($socket), $uri, 'good'), '401 no_cert',
       "$uri: ... and without one there is none");
}


# what a backend sees

sub handed_on {
    my ($to, $uri, $token, @headers) = @_;

    HarsTest::Authority::rules({ '*' => 'passed', 'token-of-good' =>
        HarsTest::active(cert => undef,
            cnf => { 'x5t#S256' => thumbprint('good') }) });
    on(connection($to), $uri, $token, @headers);
    my ($seen) = grep { $_->{uri} !~ /introspect/ }
                 HarsTest::Authority::requests();
    return 'nothing' if !$seen;
    return join ' | ', grep { /^(?:client|hars)[-_]cert/i }
           split /\r\n/, $seen->{headers};
}

is(handed_on($socket, '/', 'good', header('good')),
   'Hars-Cert-S256: ' . thumbprint('good'),
   'a backend: the thumbprint, not the header');
is(handed_on($socket, '/open', 'good', header('good')),
   'Hars-Cert-S256: ' . thumbprint('good'), '... in an open location');
is(handed_on($socket, '/open', 'good', header('expired')), '',
   '... none of one that is not verified');
is(handed_on($elsewhere, '/open', 'good', header('good')), '',
   '... nothing from somebody else');
is(handed_on($socket, '/', 'good', header('a')), 'nothing',
   '... no request that is refused');

HarsTest::Authority::rules({ '*' => 'passed', map {
    ("token-of-$_" => HarsTest::active(cert => undef,
        cnf => { 'x5t#S256' => thumbprint($_) })) } qw(a b good) });


# who is trusted

is(asked($shim_b, 'good', header('good')), '200 ok',
   'a proxy with its certificate');
is(asked($shim_b, 'b', header('good')), '401 cnf_mismatch',
   '... may not use its own token for a client');
is(asked($shim_b, 'b'), '401 no_cert', '... nor without a header');
is(asked($shim_b, 'b', 'Client-Cert: nonsense'), '401 no_cert',
   '... nor with a malformed one');
is($said{s} // '', '', '... its thumbprint is not shown');
is(asked($shim_a, 'good', header('good')), '401 cnf_mismatch',
   'somebody else with a certificate: the header is nothing');
is(asked($shim_a, 'a', header('good')), '200 ok',
   '... but the own one counts');
is($said{s}, thumbprint('a'), '... and is shown');

is(asked($here, 'good', header('good')), '200 ok', 'an address');
is(asked($here, 'good', header('good'), 'X-Real-IP: 198.51.100.7'),
   '200 ok', '... of the connection, not what realip makes of it');
is(asked($elsewhere, 'good', header('good')), '401 no_cert',
   'another address');
is(asked($elsewhere, 'good', header('good'), 'X-Real-IP: 192.0.2.7'),
   '401 no_cert', '... which realip does not change');


# revoked: known to the proxy or not

ok(HarsTest::Place::wait_for(10, sub {
       grep { /cmd=xread/ } split /\n/, HarsTest::redis('CLIENT', 'LIST') }),
   'revocations are followed');
$s = connection($socket);
is(on($s, '/', 'good', header('good')), '200 ok', 'before its revocation');
HarsTest::Redis::revoke(cert => thumbprint('good'));
ok(HarsTest::Place::wait_for(2, sub {
       on($s, '/', 'good', header('good')) eq '401 cert_revoked' }),
   'a revoked certificate is refused');
is(on($s, '/', 'a', header('a')), '200 ok', '... others pass');
is(asked($shim_b, 'good', header('good')), '401 cert_revoked',
   '... through any proxy');
is(asked($shim_b, 'a', header('a')), '200 ok', '... others pass there');
is(handed_on($shim_b, '/open', 'a', header('a')),
   'Hars-Cert-S256: ' . thumbprint('a'), '... and an open location');
HarsTest::Redis::revoke(cert => $proxy);
ok(HarsTest::Place::wait_for(2, sub {
       asked($shim_b, 'a', header('a')) eq '401 cert_revoked' }),
   'a proxy whose own certificate is revoked is not believed');
is(asked($socket, 'a', header('a')), '200 ok', '... others are');
is(handed_on($shim_b, '/open', 'a', header('a')), '',
   '... nor in an open location');
is($said{s} // '', '', '... where no thumbprint is shown either');
is(handed_on($socket, '/open', 'a', header('a')),
   'Hars-Cert-S256: ' . thumbprint('a'), '... others are there, too');

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-of-' ]) ], [], 'its log');

done_testing();
