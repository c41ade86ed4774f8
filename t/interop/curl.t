#!/usr/bin/perl

# curl against the reference gateway: the chain it accepts, the call of the
# paper, the protected resource, what a thief gets, revocation.  It finds
# names below .localhost by itself.  Numbers in brackets are those of
# docs/authserver.md, "Checks".

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Interop;
use HarsTest::Reference;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $pki = $HarsTest::Place::pki;

HarsTest::Interop::start();

my $place = HarsTest::Reference::place();

chain();
paper();
resource();
revocation();

HarsTest::Interop::stop();


# status, body, head, exit status of curl
sub curl {
    my ($cert, $url, @args) = @_;

    unshift @args, '--cert', "$pki/$cert.pem", '--key', "$pki/$cert.key"
        if $cert;
    unshift @args, '--cacert', $place->{ca}
        if !grep { $_ eq '--cacert' } @args;

    # without what ~/.curlrc and the environment say
    open my $fh, '-|', 'env', '-u', 'CURL_CA_BUNDLE', '-u', 'SSL_CERT_FILE',
        'curl', '-q', '-si', '--noproxy', '*', '--max-time', 20, @args, $url
        or die "curl: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    my $exit = $? >> 8;
    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return ($status // 0, $body // '', $head // '', $exit);
}


sub form { return map { ('-d', $_) } @_ }


sub token {
    my ($status, $body) = curl('a', "$place->{issuer}/oauth2/token",
        form('grant_type=client_credentials', 'client_id=client-a'));

    return eval { decode_json($body)->{access_token} } // '';
}


# the certificate of the server, as curl and openssl judge it
sub chain {
    my $url = "$place->{issuer}/healthz";

    for my $http ('--http1.1', '--http2') {
        my ($status, $body) = curl(undef, $url, $http);
        is($status, 200, "curl accepts the chain, $http");
    }

    is((curl(undef, $url, '--cacert', "$pki/foreign-ca.pem", '-o',
             '/dev/null'))[3], 60, '... not of another authority');
    is((curl('a', $url, '--tls-max', '1.2', '-o', '/dev/null'))[3], 35,
       '[50] TLS 1.2 is refused');
    is((curl(undef, "https://other.hars.localhost:$place->{port}/"))[3], 35,
       'a name that is not ours gets no handshake');

    my $said = `openssl s_client -connect 127.0.0.1:$place->{port} \\
        -servername auth.hars.localhost -verify_return_error \\
        -verify_hostname auth.hars.localhost -CAfile $place->{ca} \\
        -cert $pki/a.pem -key $pki/a.key 2>&1 < /dev/null`;
    like($said, qr/Verify return code: 0 \(ok\)/, 'openssl accepts it');
    like($said, qr/TLSv1\.3/, '... by TLS 1.3');
}


# the call that the paper prints, with what no RFC has in it
sub paper {
    my @call = ('--tlsv1.3', form('client_id=client-a',
        'grant_type=client_credentials', 'scope=ml:recognize',
        'response_type=token'));
    my $url = "$place->{issuer}/oauth2/token";

    my ($status, $body, $head) = curl('a', $url, @call);
    my $said = eval { decode_json($body) } // {};
    is($status, 200, '[2] the call of the paper');
    is($said->{token_type}, 'Bearer', '[4] ... its answer');
    like($head, qr{^content-type: application/json}mi, '... as JSON');
    like($head, qr/^cache-control: no-store/mi, '... not to be stored');

    ($status, $body) = curl(undef, $url, @call);
    is("$status " . ($body =~ /"error":\s*"(\w+)"/)[0],
       '401 invalid_client', '[14] without certificate');
    is((curl('foreign', $url, @call))[0], 400,
       '[16] a certificate of another authority');
    is((curl('b', $url, @call))[0], 401, '[15] of another client');

    my $der = encode_base64(HarsTest::Place::der('a'), '');
    is((curl('b', $url, @call, '-H', "Client-Cert: :$der:"))[0], 401,
       '[27] ... with the owner\'s in a header');
    is((curl('a', $url))[0], 405, '[1] GET');
}


# ten seconds of walking, as the service takes them
sub recording {
    my @rows = map { /^[\d-]/ ? '[' . s/\s+\z//r . ']' : () }
        split /\n/, HarsTest::Reference::slurp(
            "$HarsTest::Place::top/conf/demo/walking.csv");

    HarsTest::Reference::spew('recording.json',
        '{"sampling_rate_hz":50,"samples":[' . join(',', @rows) . ']}');

    return HarsTest::Reference::path('recording.json');
}


sub resource {
    my $bearer = 'Authorization: Bearer ' . token();
    my $url = "$place->{ml}/v1/recognitions";
    my @call = ('-H', $bearer, '-H', 'Content-Type: application/json',
                '--data-binary', '@' . recording());

    my ($status, $body) = curl('a', "$place->{ml}/v1/models", '-H', $bearer);
    is($status, 200, 'the protected resource') or diag $body;
    ok(eval { decode_json($body) }, '... answers JSON');

    ($status, $body) = curl('a', $url, @call);
    is($status, 200, 'a recording') or diag $body;
    like($body, qr/walking/, '... is walking');

    my ($code, undef, $head) = curl('b', $url, @call);
    is($code, 401, 'a thief with a certificate');
    like($head, qr/^www-authenticate: Bearer .*error="invalid_token"/mi,
         '... RFC 6750, 3');
    is((curl(undef, $url, @call))[0], 400, 'without certificate');
    is((curl('a', $url))[0], 401, 'without token');
    is((curl('a', "$place->{ml}/v1/models", '-H', $bearer =~ s/Bearer/bEARER/r))
       [0], 200, '[12] bEARER');
}


sub revocation {
    my $token = token();
    my @ask = (form('client_id=rs', "token=$token"));
    my ($status, $body) = curl('b', "$place->{issuer}/oauth2/introspect",
                               @ask);

    is($status, 200, 'RFC 7662: introspection');
    is(eval { decode_json($body)->{cnf}{'x5t#S256'} }, $place->{thumbprint}{a},
       '[21] ... the thumbprint');

    my @bearer = ("$place->{ml}/v1/models", '-H',
                  "Authorization: Bearer $token");
    is((curl('a', @bearer))[0], 200, 'a token is good');
    is((curl('a', "$place->{issuer}/oauth2/revoke",
             form('client_id=client-a', "token=$token")))[0], 200,
       '[36] RFC 7009: revoked');
    ok(HarsTest::Place::wait_for(2, sub { (curl('a', @bearer))[0] == 401 }),
       '... at the gateway');
    is((curl('b', "$place->{issuer}/oauth2/introspect", @ask))[1],
       '{"active":false}', '... and inactive');
}
