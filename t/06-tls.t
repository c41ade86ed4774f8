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
use IO::Handle;
use IO::Socket::INET;
use IPC::Open2;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use MIME::Base64 qw(encode_base64 encode_base64url);
use Digest::SHA qw(sha256);
use Test::More;

my $pki = $HarsTest::Place::pki;
my $dir = HarsTest::Place::dir();
my $tls_port = $ENV{TEST_NGINX_TLS_PORT};
my ($back, $shim_a, $shim_b) = @ENV{map { "TEST_NGINX_PORT_$_" } 1 .. 3};

# raw HTTP to these ports arrives over TLS with the certificate a or b
my $main = HarsTest::Nginx::shim([ $shim_a, $tls_port, 'a' ],
                                 [ $shim_b, $tls_port, 'b' ]);

my $protected = <<"END";
        hars on;
        hars_introspect /_hars/introspect;
        $ENV{TEST_NGINX_INTROSPECT}
        add_header V "\$hars_verdict \$hars_source \$hars_sub" always;
        add_header S256 \$hars_client_cert_s256 always;
        add_header Cert \$hars_client_cert always;
        proxy_set_header X-Sub \$hars_sub;
        location / { proxy_pass http://127.0.0.1:$back; }
END

my $http = <<"END";
    hars_zone z:1m ttl=60s;
    server { listen 127.0.0.1:$back; return 200 "passed \$http_x_sub"; }
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

# A client certificate of the clients' CA, in $dir/NAME.{pem,key}.  ext => its
# extensions, self => 1, from and to => seconds from now.
sub certificate {
    my ($name, $key, %o) = @_;
    my $file = "$dir/$name";

    openssl('genpkey', @$key, '-out', "$file.key");
    put("$file.ext", $o{ext} // "basicConstraints=CA:FALSE\n"
                                . "extendedKeyUsage=clientAuth\n");
    openssl('req', '-new', '-key', "$file.key", '-subj', "/CN=$name",
            '-out', "$file.csr");

    # only "openssl ca" sets both dates in every version
    put("$file.db", '');
    put("$file.cnf", "[ca]\ndefault_ca=one\n[one]\ndatabase=$file.db\n"
        . "new_certs_dir=$dir\ndefault_md=default\npolicy=any\nrand_serial=yes\nunique_subject=no\n"
        . "[any]\ncommonName=optional\n");
    my ($from, $to) = map {
        strftime('%Y%m%d%H%M%SZ', gmtime(time + $_))
    } $o{from} // -60, $o{to} // 3600;

    my $said = openssl('ca', '-batch', '-notext', '-config', "$file.cnf",
        '-in', "$file.csr", '-extfile', "$file.ext", '-out', "$file.pem",
        '-startdate', $from, '-enddate', $to,
        $o{self} ? ('-selfsign', '-keyfile', "$file.key")
                 : ('-cert', "$pki/client-ca.pem", '-keyfile',
                    "$pki/client-ca.key"));
    die "$name: $said" if !-s "$file.pem";

    return $file;
}

sub put {
    my ($path, $text) = @_;

    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
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


# certificates that prove nothing, each with a token that is bound to it

my $any = 100;

for my $case (
    [ 'self-signed', certificate('self', $key{p256}, self => 1) ],
    [ 'for servers', certificate('srv', $key{p256},
                                 ext => "extendedKeyUsage=serverAuth\n") ],
    [ 'for signatures', certificate('sgn', $key{p256},
                                    ext => "keyUsage=keyAgreement\n"
                                    . "extendedKeyUsage=codeSigning\n") ],
    [ 'not valid yet', certificate('future', $key{p256}, from => 3600,
                                   to => 7200) ],
    [ 'just expired', certificate('past', $key{p256}, from => -7200,
                                  to => -1) ],
    [ 'with a critical extension that nobody knows',
      certificate('critical', $key{p256},
                  ext => "1.2.3.4=critical,DER:0500\n") ],
    [ 'expired', "$pki/expired" ], [ 'of another CA', "$pki/foreign" ],
    [ 'of an authority', certificate('authority', $key{p256},
      ext => "basicConstraints=critical,CA:TRUE\n"), 401 ],
    [ 'that may sign others', certificate('signer', $key{p256},
      ext => "keyUsage=digitalSignature,keyCertSign\n"), 401 ])
{
    my ($name, $file, $status) = @$case;
    my $s256 = encode_base64url(sha256(der_of($file)));

    HarsTest::Authority::rules({ '*' => HarsTest::active(cert => undef,
        cnf => { 'x5t#S256' => $s256 }) });

    my $r = with($file, 'token-number-' . ++$any);

    is($r->{status}, $status // 400, "a certificate $name is refused");
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
like(openssl('s_client', '-connect', "127.0.0.1:$tls_port", '-tls1_2',
             '-servername', 'localhost', '-cert', "$pki/a.pem", '-key',
             "$pki/a.key"), qr/alert protocol version/, 'TLS 1.2 is refused');


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
        my ($v) = $head =~ /^V: (.*?)\r$/m;
        push @said, $v // "closed: $head";

        # what the proxied server was told is about the same token
        $said[-1] .= " $body"
            if ($v // '') =~ /^ok \S+ (\S+)$/ && $body ne "passed $1";
    }

    return @said;
}

my %known = map { ("token-number-$_" => HarsTest::active(sub => "sub-$_")) }
            1 .. 9;
$known{'token-number-b'} = HarsTest::active(cert => 'b', sub => 'sub-b');

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

# a token that is too long for L0 has the zone
my $long = 'token-number-' . 'x' x 1500;
HarsTest::Authority::rules({ %known, $long => HarsTest::active(sub => 'x') });
is_deeply([ over($shim_a, ($long) x 3) ], [ 'ok introspection x',
          ('ok l1 x') x 2 ], 'a long token is not remembered, and passes');

# hundreds of tokens over shared connections of two clients, in turn: each
# answer is about its own token and its own client
fresh();
my @shared = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $_) } $shim_a, $shim_b, $shim_a;
my @wrong;

for my $i (1 .. 300) {
    my $n = (7 * $i * $i + $i) % 12;
    my $c = $i % 3;
    my ($answer) = over($shared[$c], $n == 0 ? '' : $n > 10 ? 'token-number-b'
                                                   : "token-number-$n");
    my $due = $n == 0 ? qr/^no_token  $/
            : $n == 10 ? qr/^inactive \S+ $/
            : ($c == 1) != ($n == 11) ? qr/^cnf_mismatch \S+ $/
            : $n == 11 ? qr/^ok \S+ sub-b$/ : qr/^ok \S+ sub-$n$/;

    push @wrong, "$i on $c, token $n: $answer" if $answer !~ $due;
}

is_deeply(\@wrong, [], 'each of 300 answers is about its own token');
close $_ for @shared;

# a denial that another connection learns ends what is remembered
$http =~ s/ttl=60s/ttl=800ms negative_ttl=60s/;
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

HarsTest::Authority::rules({ 'token-number-2' => [
    map { HarsTest::active(sub => "sub-$_") } 1 .. 9 ] });
$one = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim_a);
my ($first, @later) = over($one, ('token-number-2') x 3);
is_deeply([ $first, grep { !/^ok l0 sub-1$/ } @later ],
          [ 'ok introspection sub-1' ], 'remembered');
my $after;
ok(HarsTest::Place::wait_for(5, sub {
    ($after) = over($one, 'token-number-2'); $after !~ / l[01] sub-1$/ }),
   'until its ttl has passed, on the same connection');
is($after, 'ok introspection sub-2', 'then the authority is asked again');
close $one;

$http =~ s/ttl=800ms negative_ttl=60s/ttl=60s/;


# HTTP/2: many streams, many tokens, several clients

fresh();
HarsTest::Authority::rules({ %known, 'token-number-hang' => { hang => 1 } });
put("$dir/streams.py", <<'END');
import json, socket, ssl, sys, time
import h2.config, h2.connection, h2.events

port, pki, asked = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Client:
    def __init__(self, cert):
        ctx = ssl.create_default_context(cafile=pki + '/ca.pem')
        ctx.load_cert_chain(f'{pki}/{cert}.pem', f'{pki}/{cert}.key')
        ctx.set_alpn_protocols(['h2'])
        raw = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.s = ctx.wrap_socket(raw, server_hostname='localhost')
        self.c = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding='utf-8', validate_inbound_headers=False))
        self.c.initiate_connection()
        self.cert, self.open, self.said = cert, {}, {}

    def send(self, token, host='localhost'):
        sid = self.c.get_next_available_stream_id()
        headers = [(':method', 'GET'), (':path', '/'), (':scheme', 'https'),
                   (':authority', host)]
        if token:
            headers.append(('authorization', 'Bearer token-number-' + token))
        self.c.send_headers(sid, headers, end_stream=True)
        self.open[sid] = {'cert': self.cert, 'token': token, 'body': ''}
        return sid

    def reset(self, sid):
        self.c.reset_stream(sid, 8)
        del self.open[sid]

    def flush(self):
        self.s.sendall(self.c.data_to_send())

    # until these streams have ended, or all
    def finish(self, sids=None):
        self.flush()
        while any(sid in self.open for sid in sids or list(self.open)):
            data = self.s.recv(65536)
            if not data:
                raise SystemExit('closed')
            for e in self.c.receive_data(data):
                stream = self.open.get(getattr(e, 'stream_id', None))
                if stream is None:
                    continue
                if isinstance(e, h2.events.ResponseReceived):
                    h = dict(e.headers)
                    stream.update(status=h[':status'], v=h.get('v', ''),
                                  s256=h.get('s256', ''))
                elif isinstance(e, h2.events.DataReceived):
                    stream['body'] += e.data.decode()
                elif isinstance(e, h2.events.StreamEnded):
                    print(json.dumps(self.open.pop(e.stream_id)))
            self.flush()


def wait_until_asked(times):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(asked) as f:
            if f.read().count('token=token-number-hang') >= times:
                return
        time.sleep(0.01)
    raise SystemExit('the authority is not asked')


clients = [Client('a'), Client('b'), Client('a')]

for wave in range(10):
    for i, client in enumerate(clients):
        for n in range(10):
            k = (7 * n * n + 3 * wave + i) % 12
            client.send('' if k == 0 else 'b' if k == 11 else str(k))
        client.flush()
    for client in clients:
        client.finish()

# streams that are reset while they wait for one answer, others go on
one = clients[0]
hung = [one.send('hang') for n in range(6)]
one.flush()
wait_until_asked(1)
for sid in hung[:3]:
    one.reset(sid)
good = [one.send(str(n)) for n in range(1, 10)]
one.finish(good)
one.finish()

# and before anybody was asked
for n in range(20):
    one.reset(one.send('hang'))
one.finish([one.send('1')])

# a client that leaves with streams that wait
two = clients[2]
two.send('hang')
two.flush()
two.s.close()
clients[1].send('b')
clients[1].finish()
END

SKIP: {
    my $python = '/usr/bin/python3';
    if (system("$python -c 'import h2' 2>/dev/null") != 0) {
        diag 'SKIPPED: python3-h2 is not installed';
        skip 'python3-h2 is not installed', 4;
    }

    my $log = HarsTest::Authority::log_path();
    my @lines = split /\n/,
        `$python $dir/streams.py $tls_port $pki $log 2>&1`;
    my @said = map { eval { decode_json($_) } // { v => $_, token => '' } }
               @lines;
    my %s256 = map { $_ => HarsTest::thumbprint($_) } 'a', 'b';

    my @wrong = grep {
        my ($token, $mine) = ($_->{token}, $_->{token} eq 'b' ? 'b' : 'a');
        my $due = $token eq '' ? qr/^401 no_token   </
            : $token eq 'hang' ? qr/^503 unavailable \S+  </
            : $token eq '10' ? qr/^401 inactive \S+  </
            : $mine ne $_->{cert} ? qr/^401 cnf_mismatch \S+  </
            : qr/^200 ok \S+ (sub-\Q$token\E) passed \1$/;

        join(' ', map { $_ // '' } @$_{qw(status v body)}) !~ $due
            || ($_->{s256} // '') ne $s256{$_->{cert} // ''}
    } @said;

    is_deeply(\@wrong, [], 'each stream is about its own token and client')
        or diag join "\n", @lines > 40 ? @lines[0 .. 39] : @lines;
    is(scalar @said, 300 + 3 + 9 + 1 + 1, 'all streams are answered');
    is(scalar(grep { $_->{token} eq 'hang' } @said), 3,
       'but those that were reset');
    cmp_ok(scalar(grep { $_->{v} =~ / l0 / } @said), '>', 30,
           'streams share what their connection remembers');
}

# one connection of curl, another token in each request
my @next = map { ('-H', "Authorization: Bearer token-number-$_", '-o',
    '/dev/null', '-w', '%{http_version} %{num_connects} %header{v}\n',
    '--cert', "$pki/a.pem", '--key', "$pki/a.key", '--cacert', "$pki/ca.pem",
    '--resolve', "localhost:$tls_port:127.0.0.1",
    "https://localhost:$tls_port/", '--next') } 1 .. 9, 'b', 1;
pop @next;
my $curl = join ' ', map { "'$_'" } @next;
is_deeply([ map { s/ok \S+/ok/r =~ s/cnf_mismatch \S+/cnf_mismatch/r }
            split /\n/, `curl -sS $curl 2>&1` ],
          [ '2 1 ok sub-1', map({ "2 0 ok sub-$_" } 2 .. 9),
            '2 0 cnf_mismatch', '2 0 ok sub-1' ], 'HTTP/2 by curl');


# resumption

# one connection by openssl: sni (undef: none), host, token, cert (a file's
# name, undef: none), more arguments
sub talk {
    my ($o, @more) = @_;
    my $sni = exists $o->{sni} ? $o->{sni} : 'localhost';
    my $host = $o->{host} // $sni // 'localhost';
    my @args = ('-connect', "127.0.0.1:$tls_port", '-tls1_3', '-ign_eof',
        defined $sni ? ('-servername', $sni) : '-noservername',
        $o->{cert} ? ('-cert', "$o->{cert}.pem", '-key', "$o->{cert}.key")
                   : (), @more);
    my $token = $o->{token} // 'token-number-1';
    my $command = join ' ', map { "'$_'" } @args;

    put("$dir/request", "GET / HTTP/1.1\r\nHost: $host\r\n"
        . "Connection: close\r\nAuthorization: Bearer $token\r\n\r\n");

    return scalar `timeout 10 openssl s_client $command <$dir/request 2>&1`;
}

# two of them, the second with the session of the first: whether it was
# resumed, and what was said
sub resumed {
    my ($first, $second) = @_;

    $second //= {};
    unlink "$dir/session";
    talk({ cert => "$pki/a", %$first }, '-sess_out', "$dir/session");
    return again($second);
}

sub again {
    my ($second) = @_;

    return (0, '') if !-s "$dir/session";
    my $said = talk($second, '-sess_in', "$dir/session");
    return ($said =~ /^Reused, /m ? 1 : 0, $said);
}

fresh();
my ($reused, $said) = resumed({});
is($reused, 0, 'by default no session is resumed');

my %settings = (
    'tickets off, cache off' => 0,
    'tickets on, cache off' => 1,
    'tickets off, cache shared:s:1m' => 1,
    'tickets on, cache shared:s:1m' => 1,
);

sub sessions {
    my ($setting) = @_;
    return $setting =~ s/(tickets|cache) ([^,]+),?/ssl_session_$1 $2;/gr;
}

sub resuming {
    my ($setting, $more) = @_;
    my $tls = HarsTest::Nginx::tls()
              =~ s/ssl_session_(?:tickets|cache) off;//gr . sessions($setting);

    gateway("server { $tls hars_override resumption ssl_early_data; "
            . ($more // '') . " $protected }");
    HarsTest::Authority::rules(\%known);
}

my %issuing = (
    authority => certificate('authority', $key{p256},
                             ext => "basicConstraints=critical,CA:TRUE\n"),
    signer => certificate('signer', $key{p256},
                          ext => "keyUsage=digitalSignature,keyCertSign\n"),
    old => certificate('old', $key{p256}, ext => "nsCertType=client,sslCA\n"),
);

for my $setting (grep { $settings{$_} } sort keys %settings) {
    resuming($setting);

    ($reused, $said) = resumed({});
    is($reused, 1, "$setting: resumed");
    like($said, qr/^V: ok l1 sub-1\r$/m, 'the token passes, without L0');
    like($said, qr/^S256: \Q${\ HarsTest::thumbprint('a')}\E\r$/m,
         'by the certificate that the session was made with');
    like($said, qr/^Cert: :\Q${\ encode_base64(HarsTest::Place::der('a'), '')
         }\E:\r$/m, 'which is handed on');

    ($reused, $said) = resumed({}, { cert => "$pki/b",
                                     token => 'token-number-b' });
    like("$reused $said", qr/^1 .*^V: cnf_mismatch/ms,
         'whatever other certificate this client has');
    ($reused, $said) = resumed({ cert => "$pki/b" }, { cert => "$pki/a" });
    like("$reused $said", qr/^1 .*^V: cnf_mismatch/ms,
         "and the session of another one's is of no use");
    ($reused, $said) = resumed({ cert => undef }, { cert => "$pki/a" });
    like($said, $reused ? qr/^V: no_cert/m : qr/^V: ok/m,
         'a session without a certificate stays so');

    for my $bad ('foreign', 'expired') {
        ($reused, $said) = resumed({ cert => "$pki/$bad" });
        unlike($said, qr/^(?:HTTP\S+ 200|V: ok|S256: \S)/m,
               "nor is one of a $bad certificate");
    }

    for my $bad ('authority', 'signer', 'old') {
        ($reused, $said) = resumed({ cert => $issuing{$bad} });
        is($reused, 1, "a session of one that may sign others: $bad");
        like($said, qr/^V: no_cert/m, 'is none of a client');
        unlike($said, qr/^S256: \S/m, 'and has no thumbprint');
    }
}

# a session that has ended: another handshake, without a certificate
resuming('tickets on, cache off', 'ssl_session_timeout 1s;');
resumed({});
ok(HarsTest::Place::wait_for(5, sub {
    ($reused, $said) = again({}); !$reused }), 'a session ends');
like($said, qr/^V: no_cert/m, 'and with it what it proved');

# a session that outlives its certificate
resuming('tickets on, cache off');
my $soon = certificate('soon', $key{p256}, to => 4);
my $soon_s256 = encode_base64url(sha256(der_of($soon)));
HarsTest::Authority::rules({ 'token-number-soon' => HarsTest::active(
    cert => undef, cnf => { 'x5t#S256' => $soon_s256 }) });
($reused, $said) = resumed({ cert => $soon },
                           { token => 'token-number-soon' });
like("$reused $said", qr/^1 .*^V: ok /ms, 'a certificate is valid as yet');
ok(HarsTest::Place::wait_for(10, sub {
    openssl('x509', '-in', "$soon.pem", '-noout', '-checkend', 0)
        =~ /will expire/ }), 'it expires');
($reused, $said) = again({ token => 'token-number-soon' });
like("$reused $said", qr/^1 .*^S256: \r\n.*^V: no_cert|^1 .*^V: no_cert/ms,
     'and the session with it');
unlike($said, qr/^(?:S256|Cert): ./m, 'no thumbprint is left');


# a connection that does; asked for by HEAD, since it stays open
my $brief = certificate('brief', $key{p256}, to => 4);
my $brief_s256 = encode_base64url(sha256(der_of($brief)));
HarsTest::Authority::rules({ 'token-number-brief' => HarsTest::active(
    cert => undef, cnf => { 'x5t#S256' => $brief_s256 }) });
my $talking = open2(my $hears, my $says, 'timeout', 30, 'openssl', 's_client',
                    '-quiet', '-connect', "127.0.0.1:$tls_port",
                    '-servername', 'localhost', '-cert', "$brief.pem",
                    '-key', "$brief.key");
$says->autoflush;

sub asked_on {
    my $said = '';

    print $says "HEAD / HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer token-number-brief\r\n\r\n";
    while (my $line = <$hears>) {
        $said .= $line;
        last if $line =~ /^\r?\n/;
    }

    return $said;
}

like(asked_on(), qr/^V: ok introspection/m, 'a certificate is valid as yet');
like(asked_on(), qr/^V: ok l0/m, '... is known on its connection');
ok(HarsTest::Place::wait_for(10, sub {
    openssl('x509', '-in', "$brief.pem", '-noout', '-checkend', 0)
        =~ /will expire/ }), '... expires');
$said = asked_on();
like($said, qr/^V: no_cert/m, '... and proves nobody there any more');
unlike($said, qr/^(?:S256|Cert): ./m, '... no thumbprint is left');
close $says;
waitpid $talking, 0;


# early data

sub early {
    my ($token) = @_;

    resumed({});
    put("$dir/plain", "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: "
        . "close\r\n\r\n");
    put("$dir/early", "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: "
        . "close\r\nAuthorization: Bearer $token\r\n\r\n");
    return scalar `timeout 10 openssl s_client -connect 127.0.0.1:$tls_port \\
        -tls1_3 -ign_eof -servername localhost -sess_in $dir/session \\
        -early_data $dir/early <$dir/plain 2>&1`;
}

resuming('tickets on, cache off');
$said = early('token-number-1');
like($said, qr/^Reused, .*^V: no_token/ms, 'sessions are resumed');
unlike($said, qr/Early data was accepted|^V: ok/m, 'early data is not taken');

resuming('tickets on, cache off', 'ssl_early_data on;');
$said = early('token-number-1');
like($said, qr/Early data was accepted/, 'with the override it is');
like($said, qr/^V: ok \S+ sub-1\r$/m, 'and judged by its session');
like(early('token-number-b'), qr/^V: cnf_mismatch/m, 'as any other request');


# several servers on one port: sessions

for my $setting (sort keys %settings) {
    my $lines = sessions($setting);
    my $certs = "listen 127.0.0.1:$tls_port ssl http2; ssl_certificate "
                . "$pki/server.pem; ssl_certificate_key $pki/server.key; "
                . "ssl_protocols TLSv1.3; $lines";
    my $other = $protected =~ s{/_hars/introspect}{/_other/introspect}gr;

    gateway(<<"END");
    server {
        $certs
        server_name auth.hars.localhost;
        location / { return 200 open; }
    }
    server {
        $certs
        server_name other.hars.localhost;
        ssl_verify_client on;
        ssl_client_certificate $pki/foreign-ca.pem;
        hars_override resumption;
        hars_scope ml:write;
        $other
    }
    server {
        $certs
        server_name ml.hars.localhost;
        ssl_verify_client optional;
        ssl_client_certificate $pki/client-ca.pem;
        hars_override resumption;
        hars_scope ml:recognize;
        $protected
    }
END
    HarsTest::Authority::rules({ %known,
        'token-number-f' => HarsTest::active(cert => 'foreign', sub => 'sub-f',
                                             scope => 'ml:write ml:recognize')
    });

    # who may in without a session
    my ($ml, $other_name) = ('ml.hars.localhost', 'other.hars.localhost');
    my %good = ($ml => { sni => $ml, cert => "$pki/a" },
                $other_name => { sni => $other_name, cert => "$pki/foreign",
                                 token => 'token-number-f' });

    for my $name ($ml, $other_name) {
        like(talk($good{$name}), qr/^V: ok/m, "$setting: $name as it should");
        ($reused, $said) = resumed($good{$name}, $good{$name});
        is($reused, $settings{$setting}, 'resumed where that is on');
        like($said, qr/^V: ok/m, 'and of the same client');
    }

    next if !$settings{$setting};

    # nobody else, whatever session was made where; "undef": no name
    my $auth = 'auth.hars.localhost';
    my @none = ({ sni => $auth, cert => undef }, { sni => $auth },
                { sni => undef });
    my @ml = ($good{$ml}, { sni => $ml, cert => undef },
              { sni => $ml, cert => "$pki/foreign" });
    my @other = ($good{$other_name}, { sni => $other_name });

    for my $case ((map { [ $_, { sni => $ml } ] } @none, @other),
                  (map { [ $_, { sni => $other_name } ] } @none, @ml),
                  (map { [ $_, { sni => undef, host => $ml } ] } @none,
                   @ml, @other),
                  (map { [ $_, { sni => undef, host => $other_name } ] }
                   @none, @ml, @other))
    {
        my ($first, $second) = @$case;

        # the token of the certificate that the session has
        $second->{token} = ($first->{cert} // '') =~ /foreign/
                           ? 'token-number-f' : 'token-number-1';
        ($reused, $said) = resumed($first, $second);
        unlike($said, qr/^(?:HTTP\S+ 200|V: ok|S256: \S)/m, join ' ',
            'a session of', $first->{sni} // 'no name', 'opens nothing to',
            $second->{sni} // 'no name', $second->{host} // ());
    }
}


# several servers on one port: names

for my $http2 (0, 1) {
    for my $case ([ 'ml.hars.localhost', 'other.hars.localhost', 'a' ],
                  [ 'other.hars.localhost', 'ml.hars.localhost', 'foreign' ],
                  [ 'auth.hars.localhost', 'ml.hars.localhost', 'none' ],
                  [ 'auth.hars.localhost', 'ml.hars.localhost', 'a' ])
    {
        my ($sni, $host, $cert) = @$case;

        for my $token (1, 'f') {
            is($nginx->curl('/', host => $sni, cert => $cert, http2 => $http2,
                token => "token-number-$token",
                args => [ '-k', '-H', "Host: $host" ])->{status}, 421,
               "handshake with $sni, request of $host: 421");
        }
    }
}

is($nginx->curl('/', host => 'ml.hars.localhost', token => 'token-number-f',
                cert => 'foreign')->{status}, 400,
   'the client of one server is none of the other');
is($nginx->curl('/', host => 'other.hars.localhost', cert => 'a',
                token => 'token-number-1', args => [ '-k' ])->{status}, 400,
   'nor the other way round');

# without a name in the handshake the default server asks for certificates of
# its own clients, and nginx obeys the Host header all the same
my $two = join '', map { my ($name, $ca) = @$_; <<"END" } (
    server {
        listen 127.0.0.1:$tls_port ssl;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;
        server_name $name.hars.localhost;
        ssl_verify_client optional;
        ssl_client_certificate $pki/$ca.pem;
        $protected
    }
END
    [ 'other', 'foreign-ca' ], [ 'ml', 'client-ca' ]);
# ... and a server that has no certificate of its own goes by the default one
gateway($two . <<"END");
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name bare.hars.localhost;
        ssl_verify_client optional;
        ssl_session_tickets off;
        ssl_session_cache off;
        $protected
    }
END
HarsTest::Authority::rules({ %known, 'token-number-f' => HarsTest::active(
    cert => 'foreign', sub => 'sub-f') });

my %foreign = (cert => "$pki/foreign", token => 'token-number-f');
like(talk({ %foreign, sni => 'other.hars.localhost' }), qr/^V: ok/m,
     'the default server takes its own client');
like(talk({ %foreign, sni => undef, host => 'other.hars.localhost' }),
     qr/^V: ok/m, 'without a name, too');
like(talk({ %foreign, sni => 'bare.hars.localhost' }), qr/^V: ok/m,
     'as does a server that has no certificate');
like(talk({ %foreign, sni => undef, host => 'ml.hars.localhost' }),
     qr/^V: no_cert/m, 'another server does not');
like(talk({ %foreign, sni => 'ml.hars.localhost' }), qr{^HTTP/1.1 400}m,
     'nor by its name');
like(talk({ cert => "$pki/a", sni => 'ml.hars.localhost' }), qr/^V: ok/m,
     'but its own client');

finish();
done_testing();
