#!/usr/bin/perl

# The thumbprint is the one of the certificate that this client proved, on
# this connection: for every kind of key, after TLS 1.3 resumption, over
# HTTP/2, over keep-alive with changing tokens, with several servers on one
# port.  Also L0, which hangs on the connection.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0;
use HarsTest::Nginx;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64 encode_base64url);
use Digest::SHA qw(sha256);
use Test::More;

my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $tls_port = $ENV{TEST_NGINX_TLS_PORT};
my ($back, $shim_a, $shim_b) = @ENV{map { "TEST_NGINX_PORT_$_" } 1 .. 3};
my $stream = HarsTest::Place::modules_path() . '/ngx_stream_module.so';

# raw HTTP to these ports arrives over TLS with the certificate a or b
my $main = (-e $stream ? "load_module $stream;\n" : '') . 'stream { '
    . 'proxy_ssl on; proxy_ssl_protocols TLSv1.3; proxy_ssl_server_name on; '
    . 'proxy_ssl_name localhost; proxy_ssl_session_reuse off; '
    . join('', map { my ($port, $cert) = @$_;
        "server { listen 127.0.0.1:$port; proxy_pass 127.0.0.1:$tls_port; "
        . "proxy_ssl_certificate $pki/$cert.pem; "
        . "proxy_ssl_certificate_key $pki/$cert.key; } " }
        [ $shim_a, 'a' ], [ $shim_b, 'b' ]) . '}';

my $protected = <<"END";
        hars on;
        hars_introspect /_hars/introspect;
        $ENV{TEST_NGINX_INTROSPECT}
        add_header V "\$hars_verdict \$hars_source \$hars_sub" always;
        add_header S256 \$hars_client_cert_s256 always;
        add_header Cert \$hars_client_cert always;
        location / { proxy_pass http://127.0.0.1:$back; }
END

my $http = <<"END";
    hars_zone z:1m ttl=60s;
    server { listen 127.0.0.1:$back; return 200 passed; }
END

my $nginx;

sub gateway {
    my ($text) = @_;

    finish() if $nginx;
    $nginx = HarsTest::Nginx->new(main => $main, http => $http . $text);
    $nginx->start;
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults(tokens => [ 'token-number' ]) ], [], 'its log');
    undef $nginx;
}

sub openssl {
    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 </dev/null', 'sh',
        'openssl', @_ or die "openssl: $!\n";
    local $/ = undef;
    my $said = <$fh>;
    close $fh;
    return $said;
}

# a client certificate of the clients' CA, in $dir/NAME.{pem,key}
sub certificate {
    my ($name, $key, %o) = @_;
    my $file = "$dir/$name";

    openssl('genpkey', @$key, '-out', "$file.key");
    open my $fh, '>', "$file.ext" or die;
    print $fh $o{ext} // "extendedKeyUsage=clientAuth\n";
    close $fh;
    openssl('req', '-new', '-key', "$file.key", '-subj', "/CN=$name",
            '-out', "$file.csr");
    my $said = openssl('x509', '-req', '-in', "$file.csr", '-out', "$file.pem",
            '-extfile', "$file.ext", '-days', 30,
            $o{self} ? ('-signkey', "$file.key")
                     : ('-CA', "$pki/client-ca.pem", '-CAkey',
                        "$pki/client-ca.key", '-CAcreateserial',
                        '-CAserial', "$dir/serial"));
    die "$name: $said" if !-s "$file.pem";

    return $file;
}

sub der_of {
    my ($file) = @_;
    return scalar `openssl x509 -in '$file.pem' -outform DER`;
}

# one request by curl with any certificate file
sub with {
    my ($file, $token, @more) = @_;

    return $nginx->curl('/', cert => 'none', token => $token, args => [
        $file ? ('--cert', "$file.pem", '--key', "$file.key") : (), @more ]);
}

sub header {
    my ($r, $name) = @_;
    return ($r->{headers} =~ /^\Q$name\E: (.*?)\r?$/mi) ? $1 : '';
}


# every kind of key

gateway("server { \$TEST_NGINX_TLS $protected }");

my %key = (
    rsa => [ '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048' ],
    p256 => [ '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256' ],
    p384 => [ '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384' ],
    ed25519 => [ '-algorithm', 'ED25519' ],
);

for my $kind (sort keys %key) {
    my $file = certificate($kind, $key{$kind});
    my $der = der_of($file);
    my $s256 = encode_base64url(sha256($der));

    HarsTest::Authority::rules({ "token-number-$kind" => HarsTest::active(
        cert => undef, cnf => { 'x5t#S256' => $s256 }) });

    my $r = with($file, "token-number-$kind");
    is($r->{status}, 200, "$kind: the token bound to it passes");
    is(header($r, 'S256'), $s256, "$kind: its thumbprint");
    is(header($r, 'Cert'), ':' . encode_base64($der, '') . ':',
       "$kind: RFC 9440");
    is(with("$pki/b", "token-number-$kind")->{status}, 401,
       "$kind: not with another certificate");
}


# certificates that prove nothing

HarsTest::Authority::rules({ '*' => HarsTest::active(cert => undef) });

for my $case (
    [ 'self-signed', certificate('self', $key{p256}, self => 1) ],
    [ 'for servers', certificate('srv', $key{p256},
                                 ext => "extendedKeyUsage=serverAuth\n") ],
    [ 'expired', "$pki/expired" ], [ 'of another CA', "$pki/foreign" ])
{
    my ($name, $file) = @$case;
    my $r = with($file, 'token-number-any');

    is($r->{status}, 400, "a certificate $name is refused by nginx");
    is(header($r, 'S256') . header($r, 'Cert'), '', "$name: no thumbprint");
}

open my $fh, '>', "$dir/chain.pem" or die;
for my $name ("$pki/b.pem", "$pki/a.pem") {
    open my $in, '<', $name or die;
    print {$fh} readline $in;
}
close $fh;

HarsTest::Authority::rules({ 'token-number-1' => HarsTest::active() });
is($nginx->curl('/', token => 'token-number-1', cert => 'none', args => [
    '--cert', "$dir/chain.pem", '--key', "$pki/b.key" ])->{status}, 401,
   "the victim's certificate behind one's own proves nothing");
is($nginx->curl('/', token => 'token-number-1')->{status}, 200,
   'its owner passes');
is($nginx->curl('/', token => 'token-number-1', cert => 'b')->{status}, 401,
   'and the cache does not help a thief');
unlike(openssl('s_client', '-connect', "127.0.0.1:$tls_port", '-tls1_2',
               '-servername', 'localhost'), qr/Cipher is (?!\(NONE\))/,
       'TLS 1.2 is refused');


# keep-alive, L0

# over one connection: the answers' V headers
sub over {
    my ($port, @tokens) = @_;
    my @said;
    my $s = ref $port ? $port : IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!\n";

    for my $token (@tokens) {
        print $s "GET / HTTP/1.1\r\nHost: localhost\r\n"
                 . ($token ne '' ? "Authorization: Bearer $token\r\n" : '')
                 . "\r\n";
        my ($head, $length, $body) = ("", 0);
        while (my $line = <$s>) {
            $head .= $line;
            $length = $1 if $line =~ /^Content-Length: (\d+)/i;
            last if $line eq "\r\n";
        }
        read $s, $body, $length;
        push @said, $head =~ /^V: (.*?)\r$/m ? $1 : "closed: $head";
    }

    return @said;
}

my %known = map { ("token-number-$_" => HarsTest::active(sub => "sub-$_")) }
            1 .. 9;

sub fresh { gateway("server { \$TEST_NGINX_TLS $protected }");
            HarsTest::Authority::rules(\%known) }

fresh();
is_deeply([ over($shim_a, ('token-number-1') x 3) ],
          [ 'ok introspection sub-1', ('ok l0 sub-1') x 2 ],
          'a connection remembers its token');
is_deeply([ over($shim_a, 'token-number-1') ], [ 'ok l1 sub-1' ],
          'another one has the zone');
is_deeply([ over($shim_b, ('token-number-1') x 2) ], [
          'cnf_mismatch l1 ', 'cnf_mismatch l0 ' ],
          'what is remembered is no verdict');

fresh();
is_deeply([ over($shim_a, map { "token-number-$_" } 1 .. 4, 1 .. 4) ],
          [ map({ "ok introspection sub-$_" } 1 .. 4),
            map({ "ok l0 sub-$_" } 1 .. 4) ], 'four of them');
is_deeply([ over($shim_a, map { "token-number-$_" } 1 .. 5, 2, 1) ],
          [ map({ "ok l1 sub-$_" } 1 .. 4), 'ok introspection sub-5',
            'ok l0 sub-2', 'ok l1 sub-1' ], 'the fifth takes the first place');

# hundreds of tokens on one connection, each answer its own
my @mixed = map { (7 * $_ * $_ + $_) % 11 } 1 .. 300;
my @answers = over($shim_a, map { $_ == 0 ? '' : "token-number-$_" } @mixed);
my @wrong = grep {
    my $n = $mixed[$_];
    $answers[$_] !~ ($n == 0 ? qr/^no_token  $/ : $n > 9 ? qr/^inactive \S+ $/
                                             : qr/^ok \S+ sub-$n$/)
} 0 .. $#mixed;
is_deeply([ map { "$mixed[$_]: $answers[$_]" } @wrong ], [],
          'each of 300 answers is about its own token');

# a denial that another connection learns ends what is remembered
$nginx->quit;
undef $nginx;
$http =~ s/ttl=60s/ttl=60s negative_ttl=60s/;
fresh();
$http =~ s/ttl=60s negative/ttl=300ms negative/;
gateway("server { \$TEST_NGINX_TLS $protected }");
HarsTest::Authority::rules({ 'token-number-1' => [ HarsTest::active(),
                                                  '{"active":false}' ] });
my $one = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim_a);
like((over($one, 'token-number-1'))[0], qr/^ok introspection/, 'learnt');
like((over($one, 'token-number-1'))[0], qr/^ok l0/, 'remembered');
ok(HarsTest::Place::wait_for(5, sub {
    (over($shim_a, 'token-number-1'))[0] =~ /^inactive/ }),
   'another connection learns the denial');
like((over($one, 'token-number-1'))[0], qr/^inactive/,
     'the first one obeys at once');
close $one;
$http =~ s/ttl=300ms negative_ttl=60s/ttl=60s/;


# HTTP/2: many streams, many tokens, one connection

fresh();
open $fh, '>', "$dir/streams.py" or die;
print $fh <<'END';
import socket, ssl, sys
import h2.config, h2.connection, h2.events

port, pki, cert = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ctx = ssl.create_default_context(cafile=pki + '/ca.pem')
ctx.load_cert_chain(f'{pki}/{cert}.pem', f'{pki}/{cert}.key')
ctx.set_alpn_protocols(['h2'])
raw = socket.create_connection(('127.0.0.1', port), timeout=20)
s = ctx.wrap_socket(raw, server_hostname='localhost')
c = h2.connection.H2Connection(h2.config.H2Configuration(
    validate_inbound_headers=False))
c.initiate_connection()
want, said, reset = {}, {}, set()

def send(token):
    sid = c.get_next_available_stream_id()
    c.send_headers(sid, [(':method', 'GET'), (':path', '/'),
        (':scheme', 'https'), (':authority', 'localhost'),
        ('authorization', 'Bearer ' + token)], end_stream=True)
    want[sid] = token
    return sid

for round in range(4):
    for n in range(1, 12):
        sid = send(f'token-number-{n}')
        if n == 11:
            c.reset_stream(sid)
            reset.add(sid)
s.sendall(c.data_to_send())
while len(said) < len(want) - len(reset):
    data = s.recv(65536)
    if not data:
        break
    for e in c.receive_data(data):
        if isinstance(e, h2.events.ResponseReceived):
            said[e.stream_id] = dict(e.headers)
    s.sendall(c.data_to_send())
for sid, token in want.items():
    if sid in reset:
        continue
    h = {str(k, 'latin1') if isinstance(k, bytes) else k:
         str(v, 'latin1') if isinstance(v, bytes) else v
         for k, v in said.get(sid, {}).items()}
    print(token, h.get(':status'), h.get('v'))
END
close $fh;

SKIP: {
    my $python = '/usr/bin/python3';
    skip 'python3-h2 is not installed', 2
        if system("$python -c 'import h2' 2>/dev/null") != 0;

    my @lines = split /\n/, `$python $dir/streams.py $tls_port $pki a 2>&1`;
    is(scalar @lines, 40, 'forty streams were answered');
    my @bad = grep {
        !/^token-number-(\d) 200 ok \S+ sub-\1$/
        && !/^token-number-10 401 inactive \S+/
    } @lines;
    is_deeply(\@bad, [], 'each about its own token') or diag "@lines";
}

like($nginx->curl('/', token => 'token-number-1', http2 => 1)->{headers},
     qr{^HTTP/2 200}, 'HTTP/2 by curl');


# resumption

# two connections, the second with the session of the first; what came of it
sub resumed {
    my (%o) = @_;
    my @common = ('-connect', "127.0.0.1:$tls_port", '-ign_eof', '-tls1_3');

    unlink "$dir/session";
    talk([ @common, '-servername', $o{first} // 'localhost',
           '-sess_out', "$dir/session", $o{without} ? () :
           ('-cert', "$pki/a.pem", '-key', "$pki/a.key") ], $o{first_token});
    return (0, '') if !-s "$dir/session";
    my $said = talk([ @common, '-servername', $o{second} // 'localhost',
                      '-sess_in', "$dir/session" ], $o{token},
                    $o{second} // 'localhost');

    return ($said =~ /^Reused, /m ? 1 : 0, $said);
}

sub talk {
    my ($args, $token, $host) = @_;

    $host //= 'localhost';
    $token //= 'token-number-1';
    my $request = "GET / HTTP/1.1\\r\\nHost: $host\\r\\nConnection: close\\r\\n"
                  . "Authorization: Bearer $token\\r\\n\\r\\n";
    my $command = join ' ', map { "'$_'" } @$args;
    return scalar
        `printf '$request' | timeout 10 openssl s_client $command 2>&1`;
}

my ($reused, $said) = resumed();
is($reused, 0, 'by default no session is resumed');

for my $setting ('ssl_session_tickets on;', 'ssl_session_cache shared:s:1m;')
{
    my $tls = HarsTest::Nginx::tls()
              =~ s/ssl_session_(?:tickets|cache) off;//gr;
    $tls .= $setting =~ /tickets/ ? "ssl_session_cache off; $setting"
                                  : "ssl_session_tickets off; $setting";

    gateway("server { $tls hars_override resumption; $protected }");
    HarsTest::Authority::rules(\%known);
    ($reused, $said) = resumed();
    is($reused, 1, "$setting: resumed");
    like($said, qr/^V: ok \S+ sub-1\r$/m, 'the token passes');
    like($said, qr/^S256: \Q${\ HarsTest::thumbprint('a')}\E\r$/m,
         'by the certificate that the session was made with');

    HarsTest::Authority::rules({ 'token-number-b' => HarsTest::active(
        cert => 'b') });
    ($reused, $said) = resumed(token => 'token-number-b');
    like($said, qr/^V: cnf_mismatch/m, 'and no other token does');
}


# several servers on one port

for my $setting ('tickets off, cache off', 'tickets on, cache off',
                 'tickets off, cache shared:s:1m',
                 'tickets on, cache shared:s:1m')
{
    (my $lines = $setting) =~ s/(tickets|cache) ([^,]+),?/ssl_session_$1 $2;/g;
    my $certs = "ssl_certificate $pki/server.pem; ssl_certificate_key "
                . "$pki/server.key; ssl_protocols TLSv1.3; $lines";

    gateway(<<"END");
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name auth.hars.localhost;
        $certs
        location / { return 200 open; }
    }
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name other.hars.localhost;
        $certs
        ssl_verify_client on;
        ssl_client_certificate $pki/foreign-ca.pem;
        location / { return 200 foreign; }
    }
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name ml.hars.localhost;
        $certs
        ssl_verify_client optional;
        ssl_client_certificate $pki/client-ca.pem;
        hars_override resumption;
        $protected
    }
END
    HarsTest::Authority::rules({ '*' => HarsTest::active() });

    for my $first ('auth.hars.localhost', 'other.hars.localhost') {
        (undef, $said) = resumed(first => $first, without => 1,
                                 second => 'ml.hars.localhost');
        unlike($said, qr{^HTTP/1.1 200}m,
               "$setting: a session of $first opens nothing");
    }

    (undef, $said) = resumed(first => 'ml.hars.localhost',
                             second => 'other.hars.localhost');
    unlike($said, qr{^HTTP/1.1 200}m,
           "$setting: nor one of ml elsewhere");
    unlike($said, qr/foreign$/m, 'its page is not shown');
}

is($nginx->curl('/', host => 'ml.hars.localhost', token => 'token-number-1',
                args => [ '-H', 'Host: other.hars.localhost' ])->{status}, 421,
   'SNI of one server, Host of another: 421');
is($nginx->curl('/', host => 'auth.hars.localhost', token => 'token-number-1',
                cert => 'none', args => [ '-H', 'Host: ml.hars.localhost' ]
               )->{status}, 421, 'also from a server without certificates');

finish();
done_testing();
