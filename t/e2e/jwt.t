#!/usr/bin/perl

# Signed introspection (RFC 9701): who asks for a JWT by Accept gets the same
# answer inside of one, which another implementation verifies by the keys
# that the server publishes; and the key file, which is to be closed.

use strict;
use warnings;

use Digest::SHA qw(sha256);
use File::Basename qw(dirname);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';

my $ml = 'https://ml.hars.localhost/';
my $dcm = 'https://dcm.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $issuer = 'https://auth.hars.localhost';
my $type = 'application/token-introspection+jwt';
my $python = '/usr/bin/python3';

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
without_key();
with_key();
accept_();
another_key();
files();

unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'its log');

done_testing();


sub settings {
    my (@more) = @_;

    write_file('as.conf', join '', <<"END", map { "$_\n" } @more);
issuer = $issuer
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
audit_log = $dir/audit.log
END
}


# a key of the curve; closed
sub key {
    my ($name, $curve) = @_;

    my ($rc, $said) = run('openssl', 'genpkey', '-algorithm', 'EC',
                          '-pkeyopt', 'ec_paramgen_curve:' . ($curve // 'P-256'),
                          '-out', "$dir/$name");
    $rc == 0 or BAIL_OUT("openssl genpkey: $said");
    chmod 0600, "$dir/$name";
}


sub prepare {
    pki('authorities');
    certificate($_) for qw(dcm-1 rs-1 rs-2);
    settings();
    as('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
       '--resource', $ml);
    as('client', 'add', '--id', $_->[0], '--kind', 'resource_server',
       '--subject-dn', "CN=$_->[0],$o", '--resource', $_->[1])
        for ['rs-1', $ml], ['rs-2', $dcm];
    as('client', 'add', '--id', 'dcm-1', '--kind', 'service',
       '--subject-dn', "CN=dcm-1,$o", '--resource', $ml, '--scope',
       'ml:recognize');
    start();
}


# status, content type, body of an introspection by a resource server, or by
# the gateway where there is none; "Accept" may stand several times
sub introspect {
    my ($caller, $token, @accept) = @_;

    my $socket = $caller ? 'public' : 'gateway';
    my $path = $caller ? '/oauth2/introspect' : '/introspect';
    my (undef, $said) =
        run('curl', '-sSi', '--max-time', 20, '--unix-socket',
            "$dir/$socket.sock", "http://localhost$path",
            (map { ('-H', defined $_ ? "Accept: $_" : 'Accept:') } @accept),
            $caller ? ('-H', $cert{$caller} // $cert{'dcm-1'}, '-d',
                       "client_id=$caller") : (),
            '-d', "token=$token");

    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($is) = $head =~ /^Content-Type: ([^\r]*)/mi;
    like($head, qr/^Cache-Control: no-store\r?$/mi, 'not to be stored')
        if $status == 200;

    return ($status, $is, $body);
}


sub keys_published {
    my (undef, $said) = run('curl', '-sS', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/oauth2/jwks');
    return $said;
}


# header and claims of a JWT that PyJWT verifies by these keys, or why not
sub verified {
    my ($jwt, $jwks, $audience) = @_;

    write_file('verify.py', <<'END');
import json, sys
import jwt
from jwt.algorithms import ECAlgorithm

token, jwks, audience, issuer = sys.argv[1:]
try:
    header = jwt.get_unverified_header(token)
    key, = [k for k in json.loads(jwks)["keys"] if k["kid"] == header["kid"]]
    claims = jwt.decode(token, ECAlgorithm.from_jwk(json.dumps(key)),
                        algorithms=["ES256"], audience=audience,
                        issuer=issuer)
    print(json.dumps({"header": header, "claims": claims}))
except Exception as e:
    print(json.dumps({"error": type(e).__name__ + ": " + str(e)}))
END
    my ($rc, $said) = run($python, "$dir/verify.py", $jwt, $jwks, $audience,
                          $issuer);

    return eval { $json->decode($said) } // { error => $said };
}


sub without_key {
    my $token = token('dcm-1');
    my ($status, $is) = introspect('rs-1', $token, $type);
    is($status, 406, 'no signing key: no JWT');
    is($is, 'application/json', '... an error in JSON');
    is((introspect('rs-1', $token, "$type, application/json;q=0.1"))[1],
       'application/json', '... JSON for who takes it, too');
    is(keys_published(), '{"keys":[]}', '... no key is published');
    my (undef, $said) =
        run('curl', '-sS', '--unix-socket', "$dir/public.sock",
            'http://localhost/.well-known/oauth-authorization-server');
    unlike($said, qr/jwks_uri|introspection_signing/, '... nor announced');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
}


sub with_key {
    key('one.pem');
    settings("signing_key = $dir/one.pem");
    start();

    my (undef, $said) =
        run('curl', '-sS', '--unix-socket', "$dir/public.sock",
            'http://localhost/.well-known/oauth-authorization-server');
    my $metadata = $json->decode($said);
    is($metadata->{jwks_uri}, "$issuer/oauth2/jwks", 'metadata: jwks_uri');
    is_deeply($metadata->{introspection_signing_alg_values_supported},
              ['ES256'], '[35] ... the algorithm (RFC 9701, 7)');

    my $keys = keys_published();
    is_deeply([sort keys %{ $json->decode($keys)->{keys}[0] }],
              [qw(alg crv kid kty use x y)], 'a public key, and no more of it');
    my %jwk = %{ $json->decode($keys)->{keys}[0] };
    is($jwk{kid}, encode_base64url(sha256(JSON::PP->new->canonical->encode(
           { map { $_ => $jwk{$_} } qw(crv kty x y) }))),
       '... named by its thumbprint (RFC 7638, 3)');

    my $token = token('dcm-1');
    my (undef, undef, $plain) = introspect('rs-1', $token, 'application/json');
    my ($status, $is, $jwt) = introspect('rs-1', $token, $type);
    is($status, 200, '[35] Accept: a JWT (RFC 9701, 4)');
    is($is, $type, '[35] ... of its own type (5)');

    my $got = verified($jwt, $keys, 'rs-1');
    is($got->{error}, undef, '[35] ... that PyJWT verifies');
    is($got->{header}{typ}, 'token-introspection+jwt', '[35] ... typ');
    is($got->{header}{alg}, 'ES256', '... alg');
    my $claims = $got->{claims};
    is($claims->{iss}, $issuer, '[35] ... iss');
    is($claims->{aud}, 'rs-1', '[35] ... aud is the caller');
    ok(abs($claims->{iat} - time) < 60, '[35] ... iat is now');
    is_deeply([sort keys %$claims], [qw(aud iat iss token_introspection)],
              '[35] ... nothing of the token on the outside');
    is_deeply($claims->{token_introspection}, $json->decode($plain),
              '[35] ... the answer of RFC 7662 inside');

    for my $case (
        ['unknown', 'rs-1', 'hats_at_x'],
        ['of another audience', 'rs-2', $token],
        ['revoked', 'rs-1', do { my $t = token('dcm-1');
                                 revoke('dcm-1', token => $t); $t }],
    ) {
        my ($what, $caller, $asked) = @$case;
        my ($status, $is, $jwt) = introspect($caller, $asked, $type);
        my $got = verified($jwt, $keys, $caller);
        is("$status $is", "200 $type", "[35] a token $what: a JWT, too");
        is_deeply($got->{claims}{token_introspection},
                  { active => JSON::PP::false },
                  '[35] ... inactive, and not more (RFC 9701, 5)');
    }

    # to the gateway's socket as well
    (undef, undef, $jwt) = introspect(undef, $token, $type);
    is(verified($jwt, $keys, 'gateway')->{claims}{aud}, 'gateway',
       'the gateway may ask for it');
    like(verified($jwt, $keys, 'rs-1')->{error}, qr/Audience/,
         '... for itself alone');
    my ($head, $body, $signature) = split /\./, $jwt;
    $body = substr($body, 0, -2) . 'AA';
    like(verified("$head.$body.$signature", $keys, 'gateway')->{error},
         qr/Signature/, '... and nothing of it can be changed');
    (undef, undef, $jwt) = introspect('dcm-1', $token, $type);
    is(verified($jwt, $keys, 'dcm-1')->{claims}{token_introspection}{sub},
       'dcm-1', 'a client may ask about its own token');
    is((introspect('nobody', $token, $type))[0], 401,
       'who is not known gets no JWT');
}


sub accept_ {
    my $token = token('dcm-1');

    for my $case (
        # RFC 9110, 12.5.1
        [undef, 'application/json'],
        ['*/*', 'application/json'],
        ['application/json', 'application/json'],
        ["$type, application/json", 'application/json'],
        ["$type, application/json;q=0.9", $type],
        ["$type;q=0.5, */*;q=0.1", $type],
        ["application/*;q=0.5, application/json;q=0", $type],
        [uc $type, $type],
        ['text/html', 406],
        ["$type;q=0", 406],
        ["$type;v=2", 406],
        ["$type;q=7", 400],
        ['application', 400],
    ) {
        my ($accept, $due) = @$case;
        my ($status, $is, $body) = introspect('rs-1', $token, $accept);
        is($status == 200 ? $is : $status, $due,
           'Accept: ' . ($accept // '(none)'));
        is($json->decode($body)->{error}, 'invalid_request', '... in JSON')
            if $status != 200;
    }

    is((introspect('rs-1', $token, 'application/json', $type))[0], 400,
       'Accept twice');
}


# a second key: published beside the one that signs
sub another_key {
    my $old = $json->decode(keys_published())->{keys}[0]{kid};
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    key('two.pem');
    settings("signing_key = $dir/two.pem", "signing_key = $dir/one.pem");
    start();

    my $keys = keys_published();
    my @kid = map { $_->{kid} } @{ $json->decode($keys)->{keys} };
    is(@kid, 2, 'two keys are published');
    is($kid[1], $old, '... the old one among them');
    my (undef, undef, $jwt) = introspect('rs-1', 'x', $type);
    is(verified($jwt, $keys, 'rs-1')->{header}{kid}, $kid[0],
       '... the first one signs');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
}


sub files {
    key('open.pem');
    chmod 0644, "$dir/open.pem";
    key('other.pem', 'P-384');
    run('openssl', 'ec', '-aes128', '-passout', 'pass:x', '-in',
        "$dir/one.pem", '-out', "$dir/locked.pem");
    run('openssl', 'pkey', '-pubout', '-in', "$dir/one.pem", '-out',
        "$dir/public.pem");
    run('openssl', 'genpkey', '-algorithm', 'ED25519', '-out', "$dir/ed.pem");
    chmod 0600, map { "$dir/$_.pem" } qw(locked public ed);

    for my $case (
        ['nothing.pem', qr/does not exist; make it by "openssl genpkey/],
        ['open.pem', qr/is open to others, use "chmod 600"/],
        ['other.pem', qr/has to be a key of the curve P-256/],
        ['ed.pem', qr/has to be a key of the curve P-256/],
        ['locked.pem', qr/has no private key in PEM without a passphrase/],
        ['public.pem', qr/has no private key in PEM/],
        -e $database ? ['as.db', qr/has no private key in PEM/] : (),
    ) {
        my ($name, $why) = @$case;
        settings("signing_key = $dir/$name");
        my ($rc, $said) = as('--check');
        is($rc, 1, "--check: $name");
        like($said, $why, '... says what is wrong');
    }
}
