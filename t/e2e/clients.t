#!/usr/bin/perl

# Who a client is: each way to authenticate (RFC 8705, 2.1 and 2.2; RFC 6749,
# 2.3.1), seen at the token endpoint; the authority that has to have issued
# the certificate; clients that are disabled and removed.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX qw(mkfifo);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';

my $ml = 'https://ml.hars.localhost/';
my $leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n"
    . "extendedKeyUsage=clientAuth\n";

BAIL_OUT("$program is not there: make all") unless -x $program;

prepare();
names();
issuers();
self_signed();
secrets();
disabled();
registered();
metrics();
metadata();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no secret in the log, no sanitizer had a word');

done_testing();


# a command whose words nobody got has not succeeded
sub lost {
    my $to_full = sub {
        return run('sh', '-c', 'exec "$@" > /dev/full', 'sh', @_);
    };

    for my $case ([$program, '--config', "$dir/as.conf", 'client', 'list'],
                  [$program, '--config', "$dir/as.conf", '--check'],
                  [$program, '--help'], [$program, '--version'],
                  ["$build/bin/hars", '--help'],
                  ["$build/bin/hars-dcm", '--help'],
                  ["$build/bin/hars-fogcloud", '--version']) {
        my ($rc, $said) = $to_full->(@$case);
        my $what = join ' ', @$case[$#$case - 1, $#$case];

        isnt($rc, 0, "$what: its output is lost");
        like($said, qr/standard output cannot be written: No space left/,
             '... which it says');
    }
}


# /proc/PID/mem is root's, though the process is another user's: no core
# dump, no ptrace; seen while it waits for its settings
sub undumpable {
  SKIP: {
    my $at = tempdir(TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $at;
    mkfifo("$at/as.conf", 0644) or die "mkfifo: $!\n";

    my @as = $> ? () : qw(setpriv --reuid 65534 --regid 65534 --clear-groups);
    skip 'nobody else can run the programs here', 1
        if @as && (run(@as, $program, '--version'))[0] != 0;

    launch('closed', @as, $program, '--config', "$at/as.conf", '--check');
    local $SIG{ALRM} = sub { die "the settings are not read\n" };
    alarm 20;
    open my $fh, '>', "$at/as.conf" or die "as.conf: $!\n";
    alarm 0;
    is((stat "/proc/$child{closed}/mem")[4], 0, 'its memory is for nobody');
    close $fh;
    ended('closed', 0);
  }
}


sub prepare {
    pki('authorities');
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
client_ca = $dir/pki/second-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END
    my $authority = "basicConstraints=critical,CA:TRUE\n"
        . "keyUsage=critical,keyCertSign,cRLSign\n";
    issue('second-ca', 'self', $authority);
    issue('unknown-ca', 'self', $authority);

    certificate($_) for qw(dcm-1 dcm-2);
    certificate('foreign', '--cn', 'dcm-1', '--ca', 'foreign-ca');
    add('gateway', '--kind', 'resource_server');
    lost();
    undumpable();
    start();
}


sub add {
    my ($id, @words) = @_;

    push @words, '--kind', 'service' if !grep { $_ eq '--kind' } @words;
    my ($rc, $said) = as('client', 'add', '--id', $id, '--resource', $ml,
                         @words);
    return $said if $rc == 0;
    return "$rc: $said";
}


# "200", or the error, of a token request
sub asked {
    my ($id, $cert, %field) = @_;
    my ($status, $answer) = post('/oauth2/token', $cert,
                                 grant_type => 'client_credentials',
                                 client_id => $id, %field);

    return $status if $status == 200;
    return "$status " . (ref $answer ? $answer->{error} : $answer // '');
}


sub names {
    my $i = 0;

    for my $case (
        # option, what is registered, in the certificate, the same?
        ['san-dns', 'dcm.example', 'DNS:dcm.example', 1],
        ['san-dns', 'dcm.example', 'DNS:DCM.Example', 1],
        ['san-dns', 'dcm.example', 'DNS:other.example,DNS:dcm.example', 1],
        ['san-dns', 'dcm.example', 'DNS:dcm.example.org', 0],
        ['san-dns', 'dcm.example', 'DNS:*.example', 0],
        ['san-dns', 'dcm.example', 'URI:dcm:example', 0],
        ['san-dns', 'dcm.example', 'email:x@dcm.example', 0],
        ['san-uri', 'urn:dcm:1', 'URI:urn:dcm:1', 1],
        ['san-uri', 'urn:dcm:1', 'URI:urn:dcm:2', 0],
        ['san-uri', 'urn:dcm:1', 'URI:URN:dcm:1', 0],
        ['san-uri', 'urn:dcm:1', 'DNS:urn.dcm.1', 0],
        ['san-ip', '192.0.2.7', 'IP:192.0.2.7', 1],
        ['san-ip', '192.0.2.7', 'IP:192.0.2.70', 0],
        ['san-ip', '2001:db8::1', 'IP:2001:0DB8:0:0:0:0:0:1', 1],
        ['san-ip', '2001:0db8:0:0::1', 'IP:2001:db8::1', 1],
        ['san-ip', '2001:db8::1', 'IP:2001:db8::2', 0],
        ['san-ip', '::ffff:192.0.2.7', 'IP:192.0.2.7', 0],
        ['san-ip', '192.0.2.7', 'DNS:192.0.2.7', 0],
        ['san-email', 'a@dcm.example', 'email:a@dcm.example', 1],
        ['san-email', 'a@dcm.example', 'email:A@dcm.example', 0],
    ) {
        my ($option, $registered, $in, $same) = @$case;
        my $name = 'n' . ++$i;

        issue($name, 'client-ca', "${leaf}subjectAltName=$in\n");
        add($name, "--$option", $registered);
        is(asked($name, $name), $same ? 200 : '401 invalid_client',
           "[19] --$option $registered: " . ($same ? '' : 'not ') . $in);
    }

    # a zero byte ends no name: dcm.example\0.evil.example
    issue('zero', 'client-ca', $leaf . "subjectAltName=DER:"
          . '30:1A:82:18:' . join(':', map { sprintf '%02X', ord }
                                 split //, "dcm.example\0.evil.exampl"));
    add('zero', '--san-dns', 'dcm.example');
    is(asked('zero', 'zero'), '401 invalid_client',
       '[19] a zero byte inside a name');

    add('dcm-1', '--subject-dn', 'CN=dcm-1,O=HARS Gateway demo');
    is(asked('dcm-1', 'dcm-1'), 200, '[18] --subject-dn');
    is(asked('dcm-1', 'dcm-2'), '401 invalid_client', '... another subject');
    is(asked('dcm-1', 'n1'), '401 invalid_client', '[15] ... another client');
    is(asked(undef, 'dcm-1'), '401 invalid_client', '[13] no client_id');
    is(asked('dcm-1', undef), '401 invalid_client', '[14] no certificate');

    for my $case (
        ['[17] two names', '--san-dns', 'a.example', '--san-ip', '192.0.2.1'],
        ['[17] the same twice', '--san-dns', 'a.example', '--san-dns',
         'b.example'],
        ['a host that is none', '--san-dns', 'a..b c'],
        ['a wildcard', '--san-dns', '*.example'],
        ['a relative URI', '--san-uri', '/dcm'],
        ['a blank in a URI', '--san-uri', 'urn:a b'],
        ['a network', '--san-ip', '192.0.2.0/24'],
        ['no address', '--san-ip', 'localhost'],
        ['no mail address', '--san-email', 'dcm'],
        ['a malformed issuer', '--san-dns', 'a.example', '--issuer-dn', 'x'],
        ['no file', '--self-signed', "$dir/nothing"],
        ['a file without certificate', '--self-signed', "$dir/as.conf"],
        ['an issuer of ones own', '--self-signed', "$dir/pki/dcm-1.pem",
         '--issuer-dn', 'CN=x'],
    ) {
        my ($what, @words) = @$case;
        like(add('x', @words), qr/^2: .*--/, "refused: $what");
    }
}


sub issuers {
    is(asked('dcm-1', 'foreign'), '401 invalid_client',
       '[16] the same name from an authority that nobody knows');

    issue('dcm-9', 'second-ca', $leaf);
    known('dcm-9');
    my $other = $cert{'dcm-9'};
    issue('dcm-9', 'client-ca', $leaf);
    $cert{other} = $other;

    add('any', '--subject-dn', 'CN=dcm-9');
    is(asked('any', 'dcm-9'), 200, 'no issuer registered: one authority');
    is(asked('any', 'other'), 200, '... and another one');

    add('one', '--subject-dn', 'CN=dcm-9', '--issuer-dn', 'CN=second-ca');
    is(asked('one', 'other'), 200, '--issuer-dn: the one registered');
    is(asked('one', 'dcm-9'), '401 invalid_client',
       '... the same subject from another one gets nothing');

    issue('no-client', 'client-ca',
          "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n");
    add('no-client', '--subject-dn', 'CN=no-client');
    is(asked('no-client', 'no-client'), '401 invalid_client',
       'a certificate for servers');

    known('client-ca');
    add('authority', '--subject-dn',
        'CN=HARS demo client CA,O=HARS Gateway demo');
    is(asked('authority', 'client-ca'), '401 invalid_client',
       'the authority itself');
}


sub self_signed {
    issue('own', 'self', $leaf);
    my ($first, $key) = ($cert{own}, "$dir/pki/own.key");
    add('own', '--self-signed', "$dir/pki/own.pem");
    is(asked('own', 'own'), 200, '[20] --self-signed: the certificate');

    my ($rc, $said) = run('openssl', 'req', '-x509', '-key', $key, '-subj',
                          '/CN=own', '-days', 30, '-out',
                          "$dir/pki/again.pem");
    known('again');
    is(asked('own', 'again'), '401 invalid_client',
       '[20] ... not another one of the same key');
    is(asked('dcm-1', 'again'), '401 invalid_client',
       '... which is no other client');

    add('two', '--self-signed', "$dir/pki/own.pem", '--self-signed',
        "$dir/pki/again.pem");
    is(asked('two', 'own'), 200, 'two of them: the first');
    is(asked('two', 'again'), 200, '... and the second');
}


sub secrets {
    my ($secret) = add('basic', '--secret') =~ /^client_secret\t(\S+)$/m;
    like($secret // '', qr/^hats_cs_[\w-]{43}$/, '--secret: it is shown once');
    my (undef, $shown) = as('client', 'show', 'basic');
    unlike($shown, qr/hats_cs_/, '... and not again');

    my $basic = sub { 'Authorization: Basic ' . encode_base64($_[0], '') };
    my @id = (client_id => undef);

    is(asked('basic', 'dcm-2', -header => $basic->("basic:$secret")), 200,
       'a secret, and client_id beside it');
    my ($status, $answer) =
        post('/oauth2/token', 'dcm-2', grant_type => 'client_credentials',
             -header => $basic->("basic:$secret"));
    is($status, 200, '... or not');
    my (undef, $token) = post('/introspect', undef,
                              token => $answer->{access_token});
    is($token->{cnf}{'x5t#S256'}, $thumbprint{'dcm-2'},
       '[23] the token is bound to the certificate that came along');

    my %case = (
        '[9] form-encoded' => ['b%61sic:' . $secret =~ s/_/%5F/gr, 200],
        'another secret' => ["basic:${secret}x", '401 invalid_client'],
        'no secret' => ['basic:', '401 invalid_client'],
        'no colon' => ['basic', '401 invalid_client'],
        'of another client' => ["dcm-1:$secret", '401 invalid_client'],
        'malformed encoding' => ["basic:%zz$secret", '401 invalid_client'],
        'a zero byte' => ["basic:$secret\0", '401 invalid_client'],
    );
    for my $what (sort keys %case) {
        my ($text, $due) = @{ $case{$what} };
        my ($status, $answer) =
            post('/oauth2/token', 'dcm-2', grant_type => 'client_credentials',
                 -header => $basic->($text));
        is($status == 200 ? 200 : "$status $answer->{error}", $due,
           "a secret: $what");
    }

    is(asked('dcm-1', 'dcm-2', -header => $basic->("basic:$secret")),
       '400 invalid_request', 'client_id of somebody else');
    is(asked('basic', 'dcm-2'), '401 invalid_client', 'without the secret');
    is(asked('basic', 'dcm-2', client_secret => $secret),
       '401 invalid_client', 'in the body');
    is(asked('basic', 'dcm-2', client_secret => $secret,
             -header => $basic->("basic:$secret")),
       '400 invalid_request', '[8] twice');
    is(asked('basic', undef, -header => $basic->("basic:$secret")),
       '401 invalid_client', '[22] no certificate: no token');
    is(asked('basic', 'foreign', -header => $basic->("basic:$secret")),
       '401 invalid_client', 'a certificate that nobody knows');
    is(asked('dcm-1', 'dcm-1', -header => $basic->('dcm-1:x')),
       '401 invalid_client', 'a client that has none');
    is(asked('basic', 'dcm-2', -header => 'Authorization: Bearer x'),
       '401 invalid_client', 'another scheme');
}


sub disabled {
    my $token = token('dcm-1');
    ok(active($token), 'a token');

    my ($rc, $said) = as('client', 'disable', 'dcm-1');
    is($rc, 0, "client disable: $said");
    is(active($token), 0, '... its tokens have ended');
    is(asked('dcm-1', 'dcm-1'), '401 invalid_client', '... and it gets none');
    (undef, $said) = as('client', 'list');
    like($said, qr/^dcm-1\t.*\tdisabled$/m, '... which the list says');
    (undef, $said) = as('client', 'show', 'dcm-1');
    ok($json->decode($said)->{disabled_at}, '... and its row');

    ($rc) = as('client', 'enable', 'dcm-1');
    is($rc, 0, 'client enable');
    is(asked('dcm-1', 'dcm-1'), 200, '... it gets tokens again');
    is(active($token), 0, '... the old ones stay what they are');

    $token = token('dcm-1');
    ($rc, $said) = as('client', 'disable', 'gateway');
    is((post('/introspect', undef, token => $token))[0], 401,
       'a gateway that is disabled learns nothing');
    as('client', 'enable', 'gateway');
    ok(active($token), '... until it is enabled');

    ($rc, $said) = as('client', 'remove', 'dcm-1');
    is($rc, 0, "client remove: $said");
    is(active($token), 0, '... its tokens have ended');
    is(asked('dcm-1', 'dcm-1'), '401 invalid_client', '... and it is unknown');

    for my $what (qw(disable enable remove)) {
        ($rc, $said) = as('client', $what, 'nobody');
        is($rc, 1, "client $what: not registered");
        like($said, qr/client nobody is not registered/, '... says so');
    }
}


# status, decoded body, headers of a GET
sub get {
    my ($path) = @_;
    my (undef, $said) = run('curl', '-sSi', '--max-time', 20,
                            '--unix-socket', "$dir/public.sock",
                            "http://localhost$path");
    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
    my ($head, $body) = split /\r\n\r\n/, $said, 2;

    return ($status, eval { $json->decode($body) }, $head);
}


sub metadata {
    my $path = '/.well-known/oauth-authorization-server';
    my $issuer = 'https://auth.hars.localhost';
    my ($status, $m, $head) = get($path);

    is($status, 200, '[41] metadata');
    like($head, qr{^Content-Type: application/json\r$}mi, '... JSON');
    is($m->{issuer}, $issuer, '... of this issuer, byte for byte');
    is_deeply($m->{response_types_supported}, [], '... no response types');
    ok(!exists $m->{authorization_endpoint}, '... no authorization endpoint');
    is_deeply($m->{grant_types_supported}, ['client_credentials'],
              '... grants');
    is_deeply($m->{token_endpoint_auth_methods_supported},
              [qw(tls_client_auth self_signed_tls_client_auth
                  client_secret_basic)], '... methods, each once');
    ok((grep { $_ eq 'ml:recognize' } @{ $m->{scopes_supported} }),
       '... scopes');
    is($m->{tls_client_certificate_bound_access_tokens}, JSON::PP::true,
       '[26] ... tokens are bound');

    for my $name (qw(token introspection revocation)) {
        my $url = $m->{"${name}_endpoint"};
        my ($at) = $url =~ /^\Q$issuer\E(.*)/;
        my ($status) = post($at, undef, client_id => 'x');
        is($status, 401, "... $name: $url is there");
        is($m->{mtls_endpoint_aliases}{"${name}_endpoint"}, $url,
           '[26] ... and its alias');
    }

    # an issuer with a path, and certificates at another host
    is(ended('authserver', 'TERM'), 0, 'the server stops');
    my $conf = content("$dir/as.conf");
    $conf =~ s{^issuer = .*}{issuer = $issuer/ward/7\nmtls_base = https://mtls.example}m;
    write_file('as.conf', $conf);
    start();
    is((get($path))[0], 404, 'an issuer with a path: not at the root');
    ($status, $m) = get("$path/ward/7");
    is($status, 200, '[41] ... but behind the well-known part');
    is($m->{issuer}, "$issuer/ward/7", '... of this issuer');
    is($m->{token_endpoint}, "$issuer/ward/7/oauth2/token", '... below it');
    is($m->{mtls_endpoint_aliases}{token_endpoint},
       'https://mtls.example/oauth2/token', '... with aliases elsewhere');
}


# name and labels to number, of a page that a strict reader takes
sub numbers {
    my (undef, $said) = run('curl', '-sS', '--unix-socket',
                            "$dir/public.sock", 'http://localhost/metrics');
    my (%number, %type);

    for (split /\n/, $said) {
        if (/^# TYPE (\w+) (counter|gauge|histogram)$/) {
            is($type{$1}, undef, "$1 has one type");
            $type{$1} = $2;
        } elsif (/^(\w+)((?:\{[^}]*\})?) (\d+(?:\.\d+)?)$/) {
            my ($name, $labels, $value) = ($1, $2, $3);
            my $base = $name =~ s/_(?:bucket|sum|count)$//r;
            ok($type{$base}, "$name has a type") if !$type{$name};
            $number{"$name$labels"} = $value;
        } else {
            like($_, qr/^# HELP \w+ \S/, 'a line of help');
        }
    }
    return %number;
}


sub metrics {
    add('counted', '--kind', 'patient', '--subject-dn',
        'CN=dcm-2,O=HARS Gateway demo', '--scope', 'activities:read');
    my %before = numbers();

    my $token = token('dcm-2', 'counted');
    token('dcm-2', 'counted');
    asked('nobody', 'dcm-2');
    asked('counted', 'dcm-2', scope => 'ml:recognize');
    active($token);
    active('x');
    active('y');
    post('/oauth2/revoke', 'dcm-2', client_id => 'counted', token => $token);

    my %after = numbers();
    my %due = (
        'hars_as_tokens_issued_total{kind="patient"}' => 2,
        'hars_as_tokens_issued_total{kind="service"}' => 0,
        'hars_as_refused_total{error="invalid_client"}' => 1,
        'hars_as_refused_total{error="invalid_scope"}' => 1,
        'hars_as_introspections_total{answer="active"}' => 1,
        'hars_as_introspections_total{answer="inactive"}' => 2,
        'hars_as_revocations_total{what="token"}' => 1,
        'hars_as_tokens_revoked_total' => 1,
        'hars_as_request_duration_seconds_count{path="/oauth2/token"}' => 4,
        'hars_as_request_duration_seconds_bucket{path="/oauth2/token",'
            . 'le="+Inf"}' => 4,
    );
    is($after{$_} - $before{$_}, $due{$_}, "$_ +$due{$_}") for sort keys %due;
    ok(abs($after{hars_as_start_time_seconds} - time) < 600, 'its start');

    my %said = map { s/\{.*//r =~ s/_(?:bucket|sum|count)$//r => 1 } keys %after;
    # those of an authority are there with one (crl.t), of Redis as well
    my %told = map { ($_ => 1) } grep { !/^hars_as_(crl|ocsp|redis)_/ }
        content("$top/docs/operations.md") =~ /\b(hars_as_\w+)/g;
    is_deeply([sort keys %told], [sort keys %said],
              'docs/operations.md has all of them, and no others');
    is((get('/healthz'))[0], 200, 'healthz');
}


# what "client show" says is RFC 7591's metadata
sub registered {
    my %case = (
        n1 => ['tls_client_auth', 'tls_client_auth_san_dns', 'dcm.example'],
        n8 => ['tls_client_auth', 'tls_client_auth_san_uri', 'urn:dcm:1'],
        n12 => ['tls_client_auth', 'tls_client_auth_san_ip', '192.0.2.7'],
        n19 => ['tls_client_auth', 'tls_client_auth_san_email',
                'a@dcm.example'],
        one => ['tls_client_auth', 'tls_client_auth_issuer_dn',
                'CN=second-ca'],
        own => ['self_signed_tls_client_auth'],
        basic => ['client_secret_basic'],
        gateway => ['none'],
    );

    for my $id (sort keys %case) {
        my ($method, $name, $value) = @{ $case{$id} };
        my (undef, $said) = as('client', 'show', $id);
        my $row = $json->decode($said);

        is($row->{token_endpoint_auth_method}, $method, "client show $id");
        is($row->{$name}, $value, "... $name") if $name;
    }
}
