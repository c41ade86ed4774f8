#!/usr/bin/perl

# Registration over HTTP: RFC 7591 by an initial access token, inside the
# policy that an operator gave it, and RFC 7592 by the token that a client got
# with its registration.  Nothing that is refused leaves a client behind.

use strict;
use warnings;
use utf8;

use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';

my $ml = 'https://ml.hars.localhost/';
my $dcm = 'https://dcm.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $issuer = 'https://auth.hars.localhost';
my $leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n"
    . "extendedKeyUsage=clientAuth\n";
my @service = ('--kind', 'service', '--scope', 'ml:recognize ml:probabilities',
               '--resource', $ml, '--resource', $dcm);
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $name = 'tls_client_auth_subject_dn';
my @secrets;

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
command();
registers();
initial();
requests();
metadata_();
policy();
self_signed();
secret();
once();
manage();
update();
removed();
removed_twice();
told();
refresh();
full();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log") . content("$dir/audit.log"),
       qr/hats_|Sanitizer|runtime error/, 'no secret in the logs');
my $dump = stored();
my @leaked = grep { index($dump, $_) >= 0 } @secrets;
is(@leaked, 0, 'no secret in the database') or diag "@leaked";
ok(@secrets > 20, '... of all that there were');

done_testing();


sub prepare {
    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2 rs-1 oscar);
    certificate('foreign', '--cn', 'dcm-1', '--ca', 'foreign-ca');
    issue('named', 'client-ca', $leaf . 'subjectAltName='
          . 'DNS:dcm.example,DNS:other.example,URI:urn:dcm:1,'
          . "IP:2001:db8::1,email:a\@dcm.example\n");
    issue('own', 'self', $leaf);
    issue('other', 'self', $leaf);
    write_file('as.conf', <<"END");
issuer = $issuer
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
audit_log = $dir/audit.log
refresh_key = $dir/refresh.key
END
    write_file('refresh.key', '77' x 32 . "\n", 0600);
    as('client', 'add', '--id', 'gateway', '--kind', 'resource_server',
       '--resource', $ml, '--resource', $dcm);
    as('client', 'add', '--id', 'oscar', '--kind', 'operator',
       '--subject-dn', "CN=oscar,$o", '--resource', $ml);
    start();
}


# an initial access token
sub initial_token {
    my ($rc, $said) = as('register-token', 'add', @_);
    my ($token) = $said =~ /^initial_access_token\t(\S+)$/m;
    my ($id) = $said =~ /^(\S+)/;

    push @secrets, $token if $token;
    return "$rc: $said" if $rc;
    return wantarray ? ($token, $id) : $token;
}


# status, answer, head of a request with JSON; as => certificate, token => ...
sub request {
    my ($method, $path, $body, %o) = @_;

    my $file;
    if (defined $body) {
        $file = File::Temp->new(DIR => $dir);
        print $file ref $body ? JSON::PP->new->utf8->encode($body) : $body;
        close $file;
    }

    my (undef, $said) =
        run('curl', '-sSi', '--max-time', 20, '--unix-socket',
            "$dir/public.sock", '-X', $method, "http://localhost$path",
            '-H', 'Content-Type: ' . ($o{type} // 'application/json'),
            $o{as} ? ('-H', $cert{ $o{as} }) : (),
            defined $o{token} ? ('-H', "Authorization: Bearer $o{token}") : (),
            (map { ('-H', $_) } @{ $o{headers} // [] }),
            $file ? ('--data-binary', "\@$file") : ());

    my ($head, $text) = split /\r\n\r\n/, $said, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my $answer = eval { JSON::PP->new->utf8->decode($text) } // $text;
    for my $member (qw(registration_access_token client_secret)) {
        push @secrets, $answer->{$member}
            if ref $answer && $answer->{$member};
    }

    return ($status // 0, $answer, $head);
}


sub register {
    my ($token, $metadata, %o) = @_;

    return request('POST', '/oauth2/register', $metadata, as => 'dcm-1',
                   token => $token, %o);
}


# "201", or status and error
sub outcome {
    my ($status, $answer) = @_;

    return ref $answer && $answer->{error} ? "$status $answer->{error}"
                                           : $status;
}


sub clients {
    my (undef, $said) = as('client', 'list');
    return [ map { /^(\S+)/ } split /\n/, $said ];
}


sub command {
    my ($rc, $said) = as('register-token', 'add', @service);
    is($rc, 0, 'register-token add');
    my ($id) = $said =~ /^([0-9a-f]{16})\tservice\tml:recognize ml:probabilities\tuses left 1\tuntil \d{4}-/;
    ok($id, '... says which') or diag $said;
    like($said, qr/^initial_access_token\thats_iat_[\w-]{43}$/m,
         '... and the token, once');
    (undef, $said) = as('register-token', 'list');
    like($said, qr/^$id\tservice\t/m, 'register-token list');
    unlike($said, qr/hats_/, '... without it');
    is((as('register-token', 'remove', $id))[0], 0, 'register-token remove');
    is((as('register-token', 'list'))[1], '', '... is gone');
    ($rc, $said) = as('register-token', 'remove', $id);
    is($rc, 1, '... only once');
    like($said, qr/there is no initial access token $id/, '... says so');

    for my $case (
        ['no kind', '--resource', $ml],
        ['no resource', '--kind', 'service'],
        ['an unknown kind', '--kind', 'x', '--resource', $ml],
        ['a scope too wide', @service, '--scope', 'fog:relay'],
        ['a malformed scope', @service, '--scope', 'a  b'],
        ['a malformed resource', '--kind', 'service', '--resource', 'x'],
        ['a malformed name', @service, '--subject-dn', 'x'],
        ['a malformed issuer', @service, '--issuer-dn', 'x'],
        ['no use', @service, '--uses', '0'],
        ['no life', @service, '--expires', 'x'],
        ['a malformed subject', @service, '--sub', 'a b'],
        ['tokens to none', '--kind', 'resource_server', '--resource', $ml,
         '--refresh'],
        ['a word more', @service, 'x'],
    ) {
        my ($what, @words) = @$case;
        like(scalar initial_token(@words), qr/^2: hars-authserver: /,
             "register-token add: $what");
    }
    is((as('register-token'))[0], 2, 'register-token alone');
}


sub registers {
    my $token = initial_token(@service);
    my %asked = (
        token_endpoint_auth_method => 'tls_client_auth',
        $name => "CN=dcm-1, $o",
        grant_types => ['client_credentials'],
        scope => 'ml:recognize', resources => [$ml],
        tls_client_certificate_bound_access_tokens => $true,
        client_name => 'Gateway', 'client_name#de-CH' => 'Gerät',
        client_uri => 'https://dcm.example/', contacts => ['a@dcm.example'],
        software_id => 'dcm', software_version => '1.2',
        unknown => { deep => [1] }, client_id => 'mine', response_types => [],
    );
    my ($status, $a, $head) = register($token, \%asked);

    is($status, 201, '[37] registered (RFC 7591, 3.2.1)') or diag explain $a;
    like($head, qr/^Cache-Control: no-store\r?$/mi, '[37] ... no-store');
    like($head, qr{^Content-Type: application/json\r?$}mi, '[37] ... JSON');
    like($a->{client_id}, qr/^[a-z2-7]{26}$/, '[37] ... a client_id of ours');
    ok(abs($a->{client_id_issued_at} - time) < 60, '... when');
    for my $member (sort keys %asked) {
        next if $member eq 'unknown' || $member eq 'client_id';
        is_deeply($a->{$member}, $asked{$member}, "[37] ... echo: $member");
    }
    ok(!exists $a->{unknown}, '[38] ... unknown metadata is ignored');
    ok(!exists $a->{client_secret} && !exists $a->{client_secret_expires_at},
       '[39] ... no secret, no client_secret_expires_at');
    like($a->{registration_access_token}, qr/^hats_rat_[\w-]{43}$/,
         '[40] ... registration_access_token (RFC 7592, 3)');
    is($a->{registration_client_uri},
       "$issuer/oauth2/register/$a->{client_id}", '[40] ... and its URI');
    is("$a->{hars_kind} $a->{hars_sub}", "service $a->{client_id}",
       '... kind and sub');

    my $id = $a->{client_id};
    my (undef, $shown) = as('client', 'show', $id);
    is($json->decode($shown)->{metadata}{client_name}, 'Gateway',
       '"client show" has what is for people');
    my ($access) = token('dcm-1', $id);
    like($access, qr/^hats_at_/, 'the client gets tokens');
    my (undef, $said) = post('/introspect', undef, token => $access);
    is("$said->{client_id} $said->{scope} @{ $said->{aud} }[0]",
       "$id ml:recognize $ml", '... of what is registered');
    is(token('dcm-2', $id), 'invalid_client', '... by its certificate alone');
    is(outcome(register($token, \%asked)), '401 invalid_token',
       '[37] a token that is used up');

    # what was not asked for
    ($status, $a) = register(scalar initial_token(@service), { $name => "CN=dcm-1,$o" });
    is($status, 201, 'a name alone');
    is($a->{token_endpoint_auth_method}, 'tls_client_auth', '... the method');
    is_deeply($a->{grant_types}, ['client_credentials'], '... the grant');
    is($a->{scope}, 'ml:recognize ml:probabilities', '... all the scope');
    is_deeply($a->{resources}, [$ml, $dcm], '... all the resources');
    my (undef, $m) = request('GET', '/.well-known/oauth-authorization-server');
    is($m->{registration_endpoint}, "$issuer/oauth2/register", 'metadata');
    is($m->{mtls_endpoint_aliases}{registration_endpoint},
       "$issuer/oauth2/register", '... and its alias');
}


sub initial {
    my $clients = clients();
    my %good = ($name => "CN=dcm-1,$o");
    my ($taken, $id) = initial_token(@service);
    as('register-token', 'remove', $id);
    # the last one: the next one takes away those that have ended
    my $ended = initial_token(@service, '--expires', 1);
    my ($manage) = grep { /^hats_rat_/ } @secrets;
    ok(wait_for(sub { (as('register-token', 'list'))[1] =~ /\tended / }),
       'a token ends');

    for my $case (
        ['none', undef], ['empty', ''], ['unknown', 'hats_iat_' . 'x' x 42 . 'A'],
        ['malformed', 'hats_iat_x'], ['ended', $ended], ['removed', $taken],
        ['of a registration', $manage], ['an access token', token('oscar')],
    ) {
        my ($what, $token) = @$case;
        my ($status, $a, $head) = register($token, \%good);
        is(outcome($status, $a), '401 invalid_token',
           "[37] initial access token: $what (RFC 7591, 3.1)");
        like($head, qr/^WWW-Authenticate: Bearer .*error="invalid_token"/mi,
             '... a challenge (RFC 6750, 3)');
    }

    my $token = initial_token(@service);
    for my $case (
        ['no certificate', undef, '401 invalid_client'],
        ['of nobody that is known', 'foreign', '401 invalid_client'],
        ['of its own making', 'own', '401 invalid_client'],
    ) {
        my ($what, $as, $due) = @$case;
        is(outcome(register($token, \%good, as => $as)), $due,
           "certificate: $what");
    }
    is(outcome(register($token, \%good,
                        headers => ["Authorization: Basic eDp5"])),
       '401 invalid_token', 'two ways to authenticate');
    is((register($token, \%good, headers => ['Sec-Fetch-Site: cross-site']))[0],
       403, 'a page of another origin');
    revoke('oscar', hars_thumbprint => $thumbprint{'dcm-2'});
    is(outcome(register($token, { $name => "CN=dcm-2,$o" }, as => 'dcm-2')),
       '401 invalid_client', 'a certificate that is revoked');
    is_deeply(clients(), $clients, 'nothing of it is stored');
    is((register($token, \%good))[0], 201, '... and no use was counted');
}


sub requests {
    my $clients = clients();
    my $token = initial_token(@service);
    my $good = JSON::PP->new->encode({ $name => "CN=dcm-1,$o" });
    my $bad = '400 invalid_client_metadata';
    my $with = sub { return substr($good, 0, -1) . ",$_[0]}" };

    for my $case (
        ['no JSON', 'x', $bad], ['empty', '', $bad],
        ['an array', '[]', $bad], ['a string', '"x"', $bad],
        ['two values', "$good $good", $bad],
        ['a name twice', $with->('"scope":"","scope":"ml:recognize"'), $bad],
        ['a zero byte', $with->("\"client_name\":\"a\0b\""), $bad],
        ['a zero byte, escaped', $with->('"client_name":"a\u0000b"'), $bad],
        ['a zero byte in a name', $with->('"x\u0000":1'), $bad],
        ['half a surrogate', $with->('"client_name":"\ud800"'), $bad],
        ['no UTF-8', $with->("\"client_name\":\"\xff\""), $bad],
        ['deep', $with->('"x":' . '[' x 7000 . ']' x 7000), $bad],
        ['deep objects', $with->('"x":' . '{"x":' x 2500 . 1 . '}' x 2500),
         $bad],
        ['a number too large', $with->('"x":1e999'), $bad],
        ['too long', $with->('"x":"' . 'x' x 17000 . '"'),
         '413 invalid_request'],
    ) {
        my ($what, $body, $due) = @$case;
        is(outcome(register($token, $body)), $due, "a body: $what");
    }

    is(outcome(register($token, $good, type => $_)), '400 invalid_request',
       "[37] Content-Type: $_ (RFC 7591, 3.1)")
        for 'application/x-www-form-urlencoded', 'text/plain',
            'application/jsonp';
    my ($status, undef, $head) = request('GET', '/oauth2/register', undef,
                                         as => 'dcm-1', token => $token);
    is($status, 405, 'GET');
    like($head, qr/^Allow: POST\r?$/mi, '... says which methods there are');
    ($status, undef, $head) = request('POST', '/oauth2/register/x', $good,
                                      as => 'dcm-1', token => $token);
    is($status, 405, 'POST to a client');
    like($head, qr/^Allow: GET, HEAD, PUT, DELETE\r?$/mi, '... which, too');
    is((request('GET', '/oauth2/register/', undef, as => 'dcm-1'))[0], 404,
       'no client at all');
    is_deeply(clients(), $clients, 'nothing of it is stored');
    is((register($token, $with->('"x":[[1e9]],"client_name":"\u00fc"'),
                 type => 'Application/JSON; charset=utf-8'))[0],
       201, 'a charset, and what is no bomb');
}


sub metadata_ {
    my $clients = clients();
    my $token = initial_token(@service);
    my $bad = 'invalid_client_metadata';

    for my $case (
        ['[38] a redirect URI', 'invalid_redirect_uri',
         redirect_uris => ['https://a.example/']],
        ['[38] redirect URIs of another type', 'invalid_redirect_uri',
         redirect_uris => 'x'],
        ['[38] a software statement', 'invalid_software_statement',
         software_statement => 'e30.e30.'],
        ['[38] another grant', $bad, grant_types => ['authorization_code']],
        ['[38] refresh_token alone', $bad, grant_types => ['refresh_token']],
        ['[38] grants of another type', $bad,
         grant_types => 'client_credentials'],
        ['[38] a response type', $bad, response_types => ['code']],
        ['[38] another method', $bad,
         token_endpoint_auth_method => 'private_key_jwt'],
        ['[38] a method of another type', $bad,
         token_endpoint_auth_method => 1],
        ['[38] none', $bad, token_endpoint_auth_method => 'none'],
        ['[38] a name that goes with another method', $bad,
         token_endpoint_auth_method => 'client_secret_basic'],
        ['[17] two names (RFC 8705, 2.1.2)', $bad,
         tls_client_auth_san_dns => 'dcm.example'],
        ['[17] no name', $bad, $name => undef,
         token_endpoint_auth_method => 'tls_client_auth'],
        ['[38] nothing to authenticate with', $bad, $name => undef],
        ['[38] a name that is none', $bad, $name => 'dcm-1'],
        ['[38] an empty name', $bad, $name => ''],
        ['[38] a name of another type', $bad, $name => ['x']],
        ['[38] a name too long', $bad, $name => 'CN=' . 'x' x 1100],
        ['[38] an issuer that is none', $bad,
         tls_client_auth_issuer_dn => 'x'],
        ['[38] tokens that are not bound', $bad,
         tls_client_certificate_bound_access_tokens => $false],
        ['[38] bound of another type', $bad,
         tls_client_certificate_bound_access_tokens => 'true'],
        ['[38] a scope of another type', $bad, scope => ['ml:recognize']],
        ['[38] a malformed scope', $bad, scope => 'ml:recognize  x'],
        ['[38] a scope too long', $bad, scope => 'x' x 600],
        ['[38] resources of another type', $bad, resources => $ml],
        ['[38] no resource', $bad, resources => []],
        ['[38] a malformed resource', $bad, resources => ['http://x/']],
        ['[38] too many resources', $bad,
         resources => [map { "https://x$_.example/" . 'x' x 40 } 1 .. 30]],
        ['[38] a client_name of another type', $bad, client_name => 1],
        ['[38] a client_name with a line end', $bad, client_name => "a\nb"],
        ['[38] a client_name too long', $bad, client_name => 'x' x 600],
        ['[38] a translation of another type', $bad, 'client_name#de' => []],
        ['[38] a URI that is none', $bad, logo_uri => 'javascript:alert(1)'],
        ['[38] contacts of another type', $bad, contacts => 'a@b'],
        ['[38] contacts not of strings', $bad, contacts => [1]],
        ['[38] too much together', $bad,
         map { ("client_name#x$_" => 'x' x 500) } 1 .. 9],
        ['[38] jwks and jwks_uri', $bad, jwks => {},
         jwks_uri => 'https://a.example/'],
    ) {
        my ($what, $error, %more) = @$case;
        my ($status, $a) = register($token, { $name => "CN=dcm-1,$o", %more });
        is(outcome($status, $a), "400 $error", "$what (RFC 7591, 3.2.2)");
        unlike($a->{error_description} // '"', qr/["\\\x00-\x1f\x7f-\xff]/,
               '... says why');
    }

    is_deeply(clients(), $clients, 'nothing of it is stored');
    my ($status, $a) = register($token, { $name => "CN=dcm-1,$o",
        map { ($_ => undef) } qw(scope redirect_uris software_statement
            client_name jwks token_endpoint_auth_method contacts) });
    is($status, 201, 'null is as if it were not there (RFC 7591, 2)');
    ok(!exists $a->{client_name}, '... nor is it echoed');
}


# inside the policy, and the certificate's own name
sub policy {
    my $bad = '400 invalid_client_metadata';
    my $san = 'tls_client_auth_san_';

    for my $case (
        # what, options, metadata, certificate, outcome
        ['the certificate\'s name', [], { $name => "CN=dcm-1,$o" }, 'dcm-1',
         201],
        ['another name', [], { $name => "CN=dcm-2,$o" }, 'dcm-1', $bad],
        ['another name, allowed', ['--any-subject'],
         { $name => "CN=dcm-2,$o" }, 'dcm-1', 201],
        ['a DNS name', [], { "${san}dns" => 'DCM.example' }, 'named', 201],
        ['a URI', [], { "${san}uri" => 'urn:dcm:1' }, 'named', 201],
        ['an address', [], { "${san}ip" => '2001:db8:0::1' }, 'named', 201],
        ['a mail address', [], { "${san}email" => 'a@dcm.example' }, 'named',
         201],
        ['a DNS name of another', [], { "${san}dns" => 'x.example' }, 'named',
         $bad],
        ['the allowed name', ['--subject-dn', "CN=dcm-1,$o"],
         { $name => "CN = dcm-1 , $o" }, 'dcm-1', 201],
        ['not the allowed name', ['--subject-dn', "CN=dcm-9,$o"],
         { $name => "CN=dcm-1,$o" }, 'dcm-1', $bad],
        ['one of the allowed names', ['--san-dns', 'other.example',
         '--san-ip', '2001:db8::1'], { "${san}ip" => '2001:DB8::0:1' },
         'named', 201],
        ['none of the allowed names', ['--san-dns', 'other.example'],
         { "${san}dns" => 'dcm.example' }, 'named', $bad],
        ['an allowed name in another place', ['--san-dns', 'dcm.example'],
         { "${san}uri" => 'urn:dcm:1' }, 'named', $bad],
        ['an allowed name of somebody else', ['--subject-dn', "CN=dcm-9,$o",
         '--any-subject'], { $name => "CN=dcm-9,$o" }, 'dcm-1', 201],
        ['another one of somebody else', ['--subject-dn', "CN=dcm-9,$o",
         '--any-subject'], { $name => "CN=dcm-8,$o" }, 'dcm-1', $bad],
        ['the issuer', [], { $name => "CN=dcm-1,$o",
         tls_client_auth_issuer_dn => "CN=HARS demo client CA,$o" }, 'dcm-1',
         201],
        ['another issuer', [], { $name => "CN=dcm-1,$o",
         tls_client_auth_issuer_dn => "CN=x" }, 'dcm-1', $bad],
        ['the issuer demanded', ['--issuer-dn', "CN=HARS demo client CA,$o"],
         { $name => "CN=dcm-1,$o" }, 'dcm-1', 201],
        ['another issuer demanded', ['--issuer-dn', 'CN=x'],
         { $name => "CN=dcm-1,$o" }, 'dcm-1', $bad],
        ['a scope too wide', ['--scope', 'ml:recognize'],
         { $name => "CN=dcm-1,$o", scope => 'ml:probabilities' }, 'dcm-1',
         $bad],
        ['a resource too many', [], { $name => "CN=dcm-1,$o",
         resources => ['https://fog.hars.localhost/'] }, 'dcm-1', $bad],
        ['a refresh token', [], { $name => "CN=dcm-1,$o",
         grant_types => [qw(client_credentials refresh_token)] }, 'dcm-1',
         $bad],
        ['a secret', [], { token_endpoint_auth_method =>
         'client_secret_basic' }, 'dcm-1', $bad],
    ) {
        my ($what, $options, $metadata, $as, $due) = @$case;
        my $token = initial_token(@service, @$options);
        my ($status, $a) = register($token, $metadata, as => $as);
        is(outcome($status, $a), $due, "policy: $what") or diag explain $a;
    }

    # kind and sub are the operator's word
    my $token = initial_token('--kind', 'patient', '--resource', $dcm,
                              '--uses', 2, '--scope', 'recordings:write');
    my (undef, $a) = register($token, { $name => "CN=dcm-1,$o",
        hars_kind => 'operator', hars_sub => 'root', kind => 'operator',
        sub => 'root' });
    my (undef, $b) = register($token, { $name => "CN=dcm-1,$o" });
    is($a->{hars_kind}, 'patient', 'the kind is the token\'s');
    like($a->{hars_sub}, qr/^[0-9a-f]{32}$/, '... a person\'s sub is random');
    isnt($a->{hars_sub}, $b->{hars_sub}, '... each its own');
    ($token) = initial_token('--kind', 'patient', '--resource', $dcm,
                             '--sub', 'anna');
    (undef, $a) = register($token, { $name => "CN=dcm-1,$o" });
    is($a->{hars_sub}, 'anna', '... or the one that the token says');
    ($token) = initial_token('--kind', 'resource_server', '--resource', $ml);
    (undef, $a) = register($token, { $name => "CN=rs-1,$o" }, as => 'rs-1');
    is_deeply($a->{grant_types}, [], 'a resource server gets no tokens');
    is((post('/oauth2/introspect', 'rs-1', client_id => $a->{client_id},
             token => 'x'))[0], 200, '... but asks about those of others');
}


sub x5c {
    my ($name) = @_;
    my ($der) = content("$dir/pki/$name.pem")
        =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;
    return { kty => 'EC', crv => 'P-256', x5c => [$der =~ s/\s//gr] };
}


sub self_signed {
    my %own = (jwks => { keys => [x5c('own')] },
               token_endpoint_auth_method => 'self_signed_tls_client_auth');
    my $token = initial_token(@service);
    my $bad = '400 invalid_client_metadata';

    for my $case (
        ['no jwks', { %own, jwks => undef }],
        ['jwks of another type', { %own, jwks => 'x' }],
        ['no keys', { %own, jwks => { keys => [] } }],
        ['a key without certificate', { %own, jwks => { keys => [
            { kty => 'EC' }] } }],
        ['two certificates in one', { %own, jwks => { keys => [
            { %{ x5c('own') }, x5c => [(x5c('own')->{x5c}[0]) x 2] }] } }],
        ['no certificate', { %own, jwks => { keys => [
            { %{ x5c('own') }, x5c => ['AAAA'] }] } }],
        ['a private key', { %own, jwks => { keys => [
            { %{ x5c('own') }, d => 'x' }] } }],
        ['by jwks_uri', { %own, jwks => undef,
                          jwks_uri => 'https://a.example/' }],
        ['an issuer', { %own, tls_client_auth_issuer_dn => 'CN=own' }],
    ) {
        my ($what, $metadata) = @$case;
        is(outcome(register($token, $metadata, as => 'own')), $bad,
           "self-signed: $what");
    }

    is(outcome(register($token, { %own,
                        jwks => { keys => [x5c('dcm-2')] } })), $bad,
       'self-signed: a certificate of somebody else');

    my ($status, $a) = register($token, \%own, as => 'own');
    is($status, 201, 'a self-signed certificate registers itself')
        or diag explain $a;
    is_deeply($a->{jwks}, $own{jwks}, '[37] ... and is echoed');
    like(token('own', $a->{client_id}), qr/^hats_at_/, '... gets tokens');
    is(token('other', $a->{client_id}), 'invalid_client', '... no other one');
    is(outcome(register(scalar initial_token(@service), \%own,
                        as => 'other')),
       '401 invalid_client', 'another one cannot register it');
    ($status, $a) = register(scalar initial_token(@service, '--any-subject'), \%own,
                             as => 'dcm-1');
    is($status, 201, '... but who may register others can');
    my @at = ("/oauth2/register/$a->{client_id}",
              { jwks => { keys => [x5c('other')] },
                client_id => $a->{client_id} },
              token => $a->{registration_access_token});
    is((request('PUT', @at, as => 'foreign'))[0], 401,
       'another certificate, by nobody');
    is(outcome(request('PUT', @at, as => 'dcm-1')), $bad,
       '... by a certificate that is believed, but not its own');
    like(token('own', $a->{client_id}), qr/^hats_at_/, '... it stays');
    is((request('PUT', $at[0], { %own, client_id => $a->{client_id},
                                 scope => 'ml:recognize' }, @at[2, 3],
                as => 'dcm-1'))[0], 200, '... which may narrow the rest');
    is((request('PUT', @at, as => 'own'))[0], 200, '... by itself');
    is(token('own', $a->{client_id}), 'invalid_client', '... is the old one');
    like(token('other', $a->{client_id}), qr/^hats_at_/, '... is the new one');
}


sub secret {
    my %asked = (token_endpoint_auth_method => 'client_secret_basic');
    my ($status, $a) = register(scalar initial_token(@service, '--secret'), \%asked);
    is($status, 201, 'a secret, where the token allows one');
    like($a->{client_secret}, qr/^hats_cs_[\w-]{43}$/, '[39] ... is issued');
    is($a->{client_secret_expires_at}, 0,
       '[39] ... and does not end (RFC 7591, 3.2.1)');

    my ($id, $secret) = @{$a}{qw(client_id client_secret)};
    my $basic = 'Authorization: Basic ' . encode_base64("$id:$secret", '');
    is((post('/oauth2/token', 'dcm-1', grant_type => 'client_credentials',
             -header => $basic))[0], 200, '... gets tokens');
    my @at = ("/oauth2/register/$id");
    my @by = (as => 'dcm-1', token => $a->{registration_access_token});
    for my $method (qw(GET PUT DELETE)) {
        is((request($method, @at, $method eq 'PUT'
                    ? { %asked, client_id => $id } : undef, @by,
                    as => 'oscar'))[0], 401,
           "[39] $method with its token and another's certificate");
    }
    (undef, $a) = request('GET', @at, undef, @by);
    ok(!exists $a->{client_secret}, 'it is shown once');
    is($a->{client_secret_expires_at}, 0, '[39] ... and still does not end');
    is(outcome(request('PUT', @at, { %asked, client_id => $id,
                       client_secret => "${secret}x" }, @by)),
       '400 invalid_client_metadata', 'an update with another secret');
    is((request('PUT', @at, { %asked, client_id => $id,
                              client_secret => $secret }, @by))[0], 200,
       '... with its own (RFC 7592, 2.2)');
    is((request('PUT', @at, { %asked, client_id => $id }, @by))[0], 200,
       '... again');
    is((request('GET', @at, undef, @by, as => 'oscar'))[0], 401,
       '... whose it is does not change');
    certificate('dcm-1');
    is((request('GET', @at, undef, @by))[0], 200,
       "... nor by another certificate of dcm-1's");
    is((post('/oauth2/token', 'dcm-1', grant_type => 'client_credentials',
             -header => $basic))[0], 200, '... which stays');
}


sub refresh {
    my %asked = ($name => "CN=dcm-1,$o",
                 grant_types => [qw(client_credentials refresh_token)]);
    my ($status, $a) = register(scalar initial_token(@service, '--refresh'),
                                { $name => "CN=dcm-1,$o" });
    is_deeply($a->{grant_types}, ['client_credentials'],
              'refresh tokens: only for who asks for them');
    ($status, $a) = register(scalar initial_token(@service, '--refresh'),
                             \%asked);
    is($status, 201, '... where the initial access token allows them');
    is_deeply($a->{grant_types}, $asked{grant_types}, '... are registered');

    my ($id, $manage) = @{$a}{qw(client_id registration_access_token)};
    my $ask = sub {
        return (post('/oauth2/token', 'dcm-1', client_id => $id, @_))[1];
    };
    my $got = $ask->(grant_type => 'client_credentials');
    push @secrets, $got->{refresh_token};
    is($got->{scope}, 'ml:recognize ml:probabilities', '... and issued');
    my @at = ("/oauth2/register/$id");
    my @by = (as => 'dcm-1', token => $manage);
    request('PUT', @at, { %asked, client_id => $id,
                          scope => 'ml:recognize' }, @by);
    my $next = $ask->(grant_type => 'refresh_token',
                      refresh_token => $got->{refresh_token});
    is($next->{error}, 'invalid_scope',
       'narrowed: nor does a refresh token give more');
    $next = $ask->(grant_type => 'refresh_token', scope => 'ml:recognize',
                   refresh_token => $got->{refresh_token});
    is($next->{scope}, 'ml:recognize', '... but what is left');
    push @secrets, $next->{refresh_token};
    request('PUT', @at, { $name => "CN=dcm-1,$o", client_id => $id }, @by);
    $next = $ask->(grant_type => 'refresh_token',
                   refresh_token => $next->{refresh_token});
    is($next->{access_token}, undef, '... and none at all, dropped');
    is((request('DELETE', @at, undef, @by))[0], 204, 'removed');

    # without the key there are none, whatever the initial access token says
    my $token = initial_token(@service, '--refresh', '--uses', 2);
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    my $conf = content("$dir/as.conf");
    write_file('as.conf', $conf =~ s/^refresh_key .*\n//mr);
    like(scalar initial_token(@service, '--refresh'),
         qr/^2: .*needs the setting refresh_key/,
         'register-token add --refresh: without refresh_key');
    start();
    is(outcome(register($token, \%asked)), '400 invalid_client_metadata',
       '... and what was promised before is refused');
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    write_file('as.conf', $conf);
    start();
}


# a token of n uses, and more who come with it at once
sub once {
    for my $uses (1, 3) {
        my $token = initial_token(@service, '--uses', $uses);
        my $before = @{ clients() };
        my @pid;

        for my $n (1 .. 50) {
            my $pid = fork // die "fork: $!\n";
            if ($pid == 0) {
                my ($status) = register($token, { $name => "CN=dcm-1,$o" });
                POSIX::_exit($status == 201 ? 0 : $status == 401 ? 1 : 2);
            }
            push @pid, $pid;
        }

        my %ended = (0 => 0, 1 => 0, 2 => 0);
        for my $pid (@pid) {
            waitpid $pid, 0;
            $ended{ $? >> 8 }++;
        }
        is_deeply(\%ended, { 0 => $uses, 1 => 50 - $uses, 2 => 0 },
                  "50 at once with a token for $uses");
        is(@{ clients() } - $before, $uses, '... and so many clients');
    }
}


sub manage {
    my (undef, $a) = register(scalar initial_token(@service),
        { $name => "CN=dcm-1,$o", client_name => 'x', scope => 'ml:recognize' });
    my (undef, $b) = register(scalar initial_token(@service),
                              { "tls_client_auth_san_dns" => 'dcm.example' },
                              as => 'named');
    my ($id, $manage) = @{$a}{qw(client_id registration_access_token)};
    my $at = "/oauth2/register/$id";

    my ($status, $got, $head) = request('GET', $at, undef, as => 'dcm-1',
                                        token => $manage);
    is($status, 200, '[40] GET (RFC 7592, 2.1)');
    is_deeply($got, $a, '[40] ... all that is registered, as at first');
    like($head, qr/^Cache-Control: no-store\r?$/mi, '[40] ... no-store');

    for my $method (qw(GET PUT DELETE)) {
        for my $case (
            ['no token', $at, 'dcm-1', undef],
            ['a wrong token', $at, 'dcm-1', 'hats_rat_' . 'x' x 42 . 'A'],
            ['the token of another client', $at, 'dcm-1',
             $b->{registration_access_token}],
            ['an initial access token', $at, 'dcm-1',
             scalar initial_token(@service)],
            ['another certificate', $at, 'rs-1', $manage],
            ['an unknown client', '/oauth2/register/nobody', 'dcm-1',
             $manage],
            ['a malformed client', '/oauth2/register/%00', 'dcm-1', $manage],
            ['more behind it', "$at/x", 'dcm-1', $manage],
            ['a client registered by hand', '/oauth2/register/oscar', 'oscar',
             'hats_rat_' . 'A' x 43],
        ) {
            my ($what, $path, $as, $token) = @$case;
            my $body = $method eq 'PUT'
                ? { client_id => $id, $name => "CN=dcm-1,$o" } : undef;
            my ($status, $got, $head) =
                request($method, $path, $body, as => $as, token => $token);
            is(outcome($status, $got), '401 invalid_token',
               "[40] $method: $what (RFC 7592, 2)");
        }
        is(outcome(request($method, $at, undef, token => $manage)),
           '401 invalid_client', "$method: no certificate");
    }

    like(token('dcm-1', $id), qr/^hats_at_/, 'the client is what it was');
    as('client', 'disable', $id);
    for my $method (qw(GET PUT DELETE)) {
        my $body = $method eq 'PUT' ? { client_id => $id,
                                        $name => "CN=dcm-1,$o" } : undef;
        is(outcome(request($method, $at, $body, as => 'dcm-1',
                           token => $manage)),
           '401 invalid_token', "a client that is disabled: $method");
    }
    like((as('client', 'show', $id))[1], qr/disabled/, '... stays so');
    as('client', 'enable', $id);
    is((request('GET', $at, undef, as => 'dcm-1', token => $manage))[0], 200,
       '... until it is enabled');
}


sub update {
    my (undef, $a) = register(scalar initial_token(@service, '--refresh'),
        { $name => "CN=dcm-1,$o", client_name => 'x',
          grant_types => [qw(client_credentials refresh_token)] });
    my ($id, $manage) = @{$a}{qw(client_id registration_access_token)};
    my %good = (client_id => $id, $name => "CN=dcm-1,$o");
    my $put = sub {
        return request('PUT', "/oauth2/register/$id", { %good, @_ },
                       as => 'dcm-1', token => $manage);
    };
    my $bad = '400 invalid_client_metadata';

    for my $case (
        ['[40] no client_id (RFC 7592, 2.2)', client_id => undef],
        ['[40] another client_id', client_id => 'oscar'],
        ['[40] registration_access_token',
         registration_access_token => $manage],
        ['[40] registration_client_uri',
         registration_client_uri => $a->{registration_client_uri}],
        ['[40] client_secret_expires_at', client_secret_expires_at => 0],
        ['[40] client_id_issued_at',
         client_id_issued_at => $a->{client_id_issued_at}],
        ['a secret that is none', client_secret => 'x'],
        ['a scope that was never', scope => 'fog:resolve'],
        ['a resource that was never', resources => ['https://fog.example/']],
        ['another name', $name => "CN=dcm-2,$o"],
        ['another kind of name', $name => undef,
         tls_client_auth_san_dns => 'dcm.example'],
        ['another method', $name => undef,
         token_endpoint_auth_method => 'client_secret_basic'],
        ['another issuer', tls_client_auth_issuer_dn => 'CN=x'],
        ['unbound tokens',
         tls_client_certificate_bound_access_tokens => $false],
    ) {
        my ($what, %more) = @$case;
        is(outcome($put->(%more)), $bad, "PUT: $what");
    }
    my (undef, $got) = request('GET', "/oauth2/register/$id", undef,
                               as => 'dcm-1', token => $manage);
    is_deeply($got, $a, 'it is what it was');

    my ($status);
    ($status, $got) = $put->(scope => 'ml:recognize', resources => [$ml],
                             client_name => 'y', contacts => ['a@b'],
                             tls_client_auth_issuer_dn =>
                                 "CN=HARS demo client CA,$o");
    is($status, 200, '[40] PUT: narrower') or diag explain $got;
    is("$got->{scope} @{ $got->{resources} } $got->{client_name}",
       "ml:recognize $ml y", '[40] ... as it was asked for');
    is($got->{registration_access_token}, $manage, '... by the same token');
    is($got->{client_id_issued_at}, $a->{client_id_issued_at}, '... as old');
    is_deeply($got->{grant_types}, ['client_credentials'],
              '... without what was left out');
    my (undef, $said) = post('/introspect', undef,
                             token => token('dcm-1', $id));
    is($said->{scope}, 'ml:recognize', '... and so are its tokens');
    is(outcome($put->(scope => 'ml:recognize ml:probabilities')), $bad,
       'PUT: as wide as before');
    is(outcome($put->(resources => [$ml, $dcm])), $bad, '... for as many');
    is(outcome($put->(grant_types => [qw(client_credentials refresh_token)])),
       $bad, '... with refresh tokens again');
    (undef, $got) = $put->();
    is($got->{tls_client_auth_issuer_dn}, "CN=HARS demo client CA,$o",
       'the issuer stays');
    ok(!exists $got->{client_name}, '... what was left out is gone');
    is($got->{scope}, 'ml:recognize', '... the scope stays what it was');
    is(outcome(request('PUT', "/oauth2/register/$id", { %good },
                       as => 'dcm-1', token => $manage, type => 'text/plain')),
       '400 invalid_request', 'PUT: another type');

    # several at once: none of them ends wider than another left it
    my @pid = map {
        my $n = $_;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my ($status) = $put->(scope => $n % 2 ? '' : 'ml:recognize');
            POSIX::_exit($status == 200 || $status == 400 ? 0 : 1);
        }
        $pid;
    } 1 .. 20;
    my $failed = 0;
    for my $pid (@pid) {
        waitpid $pid, 0;
        $failed++ if $?;
    }
    is($failed, 0, 'several updates at once: each has its answer');
    (undef, $got) = request('GET', "/oauth2/register/$id", undef,
                            as => 'dcm-1', token => $manage);
    is($got->{scope}, undef, '... and the narrowest stays');
}


sub removed {
    my (undef, $a) = register(scalar initial_token(@service),
                              { $name => "CN=dcm-1,$o" });
    my ($id, $manage) = @{$a}{qw(client_id registration_access_token)};
    my $token = token('dcm-1', $id);
    ok(active($token), 'a token of a client');

    my @at = ("/oauth2/register/$id", undef, as => 'dcm-1', token => $manage);
    my ($status, $text, $head) = request('DELETE', @at);
    is($status, 204, '[40] DELETE (RFC 7592, 2.3)');
    is($text // '', '', '... says nothing');
    like($head, qr/^Cache-Control: no-store\r?$/mi, '... no-store');
    is(active($token), 0, '[40] ... its tokens have ended');
    is(token('dcm-1', $id), 'invalid_client', '[40] ... and it gets none');
    is(outcome(request($_, @at)), '401 invalid_token',
       "[40] ... $_ finds nobody") for qw(GET DELETE);
    ok(!(grep { $_ eq $id } @{ clients() }), '... nor does the list');
    my @line = map { $json->decode($_) } split /\n/, content("$dir/audit.log");
    ok((grep { ($_->{what} // '') eq 'remove'
               && ($_->{client_id} // '') eq $id
               && ($_->{certificate} // '') eq $thumbprint{'dcm-1'} } @line),
       '... and the audit log knows who it was');
}


# a DELETE that the database fails halfway is repeated
sub removed_twice {
  SKIP: {
        skip 'the trigger is SQLite\'s', 5 if $database ne "$dir/as.db";

        my (undef, $a) = register(scalar initial_token(@service),
                                  { $name => "CN=dcm-1,$o" });
        my ($id, $manage) = @{$a}{qw(client_id registration_access_token)};
        my $token = token('dcm-1', $id);
        my @at = ("/oauth2/register/$id", undef, as => 'dcm-1',
                  token => $manage);

        sql('CREATE TRIGGER kept BEFORE DELETE ON client BEGIN '
            . "SELECT RAISE(ABORT, 'kept by the test'); END");
        is((request('DELETE', @at))[0], 500, 'a DELETE fails halfway');
        is(active($token), 0, '... after its tokens have ended');
        $token = token('dcm-1', $id);
        sql('DROP TRIGGER kept');
        is((request('DELETE', @at))[0], 204, '... and it is repeated');
        is(active($token), 0, '... with what it had got meanwhile');
        ok(!(grep { $_ eq $id } @{ clients() }), '... which removes it');
    }
}


# what the audit log and the metrics say
sub told {
    my ($rc) = as('audit', 'verify');
    is($rc, 0, 'the audit log is whole');

    my @line = map { $json->decode($_) } split /\n/, content("$dir/audit.log");
    my %count;
    for my $line (@line) {
        $count{ $line->{what} }++
            if $line->{event} eq 'client' && $line->{endpoint};
    }
    my ($one) = grep { ($_->{what} // '') eq 'register' } @line;
    like($one->{register_token}, qr/^[0-9a-f]{16}$/,
         '... and names the token that was used');
    is($one->{certificate}, $thumbprint{'dcm-1'}, '... the certificate');
    ok((grep { $_->{event} eq 'register_token'
               && $_->{register_token} eq $one->{register_token} } @line),
       '... and when it was made');
    ok((grep { $_->{event} eq 'refuse' && $_->{endpoint} eq '/oauth2/register'
               && $_->{error} eq 'invalid_client_metadata' } @line),
       '... and what was refused');

    my (undef, $page) = run('curl', '-sS', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/metrics');
    my %said = $page =~ /^hars_as_registrations_total\{what="(\w+)"\} (\d+)$/mg;
    is_deeply(\%said, \%count, 'the metrics count the same');
    like($page, qr/^hars_as_refused_total\{error="invalid_redirect_uri"\} 2$/m,
         '... and what was refused');
    my @series = $page =~ /^(hars_as_request_duration_seconds_count\{.*\}) /mg;
    my %once = map { $_ => 1 } @series;
    is(keys %once, @series, '... each path once');
}


# what cannot be written down is not registered
sub full {
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    my $token = initial_token(@service);
    my $clients = clients();
    my $conf = content("$dir/as.conf");
    write_file('as.conf', $conf =~ s{^audit_log = .*}{audit_log = /dev/full}mr);
    start();
    is(outcome(register($token, { $name => "CN=dcm-1,$o" })),
       '500 server_error', 'an audit log that cannot be written');
    is_deeply(clients(), $clients, '... leaves nobody behind');
    write_file('as.conf', $conf);
}
