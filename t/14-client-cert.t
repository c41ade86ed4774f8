#!/usr/bin/perl

# The certificate as it is handed on (RFC 9440): a backend sees the one that
# this nginx verified, once, or none; what a client sends under the names that
# a backend may take for it never arrives, in whatever spelling.

use strict;
use warnings;

use lib 't/lib';

use Cwd qw(abs_path);
use HarsTest suite => 0;
use HarsTest::Nginx;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $conf = abs_path('conf');
my $tls_port = $ENV{TEST_NGINX_TLS_PORT};
my ($shim_a, $shim_none) = @ENV{map { "TEST_NGINX_PORT_$_" } 1 .. 2};
my $back = 'unix:' . HarsTest::Authority::socket_path();

# raw HTTP to these ports arrives over TLS, with the certificate a or without
my $main = HarsTest::Nginx::shim([ $shim_a, $tls_port, 'a' ],
                                 [ $shim_none, $tls_port ]);

my $nginx = HarsTest::Nginx->new(main => $main, http => <<"END");
    hars_zone z:1m;
    hars_claim_set \$hars_kind hars_kind;
    server {
        \$TEST_NGINX_TLS
        $ENV{TEST_NGINX_INTROSPECT}

        location /in {
            hars on;
            hars_introspect /_hars/introspect;
            include $conf/hars-proxy-headers.conf;
            include $conf/hars-client-cert-backend.conf;
            proxy_pass http://$back:/in;
        }
        location /without {
            include $conf/hars-proxy-headers.conf;
            proxy_pass http://$back:/without;
        }
        location /open {
            include $conf/hars-proxy-headers.conf;
            include $conf/hars-client-cert-backend.conf;
            proxy_pass http://$back:/open;
        }
        location /bare {
            proxy_pass http://$back:/bare;
        }
    }
END

my $ours = ':' . encode_base64(HarsTest::Place::der('a'), '') . ':';
my $evil = ':' . encode_base64(HarsTest::Place::der('b'), '') . ':';

# the header's names as a backend that works by CGI's rules reads them
sub certificates {
    my ($port, $path, @spoof) = @_;

    HarsTest::Authority::rules({ '*' => 'passed',
        'token-number-1' => HarsTest::active() });

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
        Timeout => 5) or die "shim: $!\n";
    print $socket join("\r\n", "GET $path HTTP/1.1", 'Host: localhost',
        'Authorization: Bearer token-number-1', @spoof, 'Connection: close',
        '', '');

    local $SIG{ALRM} = sub { die "$path: no answer\n" };
    alarm 10;
    my $answer = do { local $/ = undef; <$socket> } // '';
    alarm 0;

    my ($seen) = grep { $_->{uri} eq $path } HarsTest::Authority::requests();
    return 'nothing: ' . substr $answer, 0, 12 if !$seen;

    return join ' | ',
        map { s/\A[^:]*: ?//r }
        grep { /\A[^:]*client[-_]cert/i } split /\r\n/, $seen->{headers};
}

my @spoof = (
    [ 'none', () ],
    [ 'as it is written', "Client-Cert: $evil" ],
    [ 'in small letters', "client-cert: $evil" ],
    [ 'in capitals', "CLIENT-CERT: $evil" ],
    [ 'with _', "Client_Cert: $evil" ],
    [ 'with _ and as it is', "Client_Cert: $evil", "Client-Cert: $evil" ],
    [ 'doubled', "Client-Cert: $evil", "Client-Cert: $evil" ],
    [ 'doubled in two spellings', "Client-Cert: $evil",
      "cLIENT-cERT: $evil" ],
    [ 'as a list', "Client-Cert: $evil, $evil" ],
    [ 'empty', 'Client-Cert:' ],
    [ 'folded', 'Client-Cert:', " $evil" ],
    [ 'blank before the colon', "Client-Cert : $evil" ],
    [ 'a chain', "Client-Cert-Chain: $evil" ],
    [ 'a chain with _', "Client_Cert_Chain: $evil" ],
    [ 'a chain, mixed', "Client-Cert_Chain: $evil" ],
    [ 'behind 40 others', (map { "X-$_: x" } 1 .. 40),
      "Client-Cert: $evil" ],
    [ 'named by Connection', "Client-Cert: $evil",
      'Connection: Client-Cert' ],
);

$nginx->start;

for my $case (@spoof) {
    my ($name, @header) = @$case;

    # nginx itself refuses some: then the backend sees nothing at all
    like(certificates($shim_a, '/in', @header),
         qr/\A(?:\Q$ours\E|nothing: HTTP\/1.1 400)\z/,
         "verified certificate, client's own: $name");
    like(certificates($shim_a, '/without', @header),
         qr/\A(?:|nothing: HTTP\/1.1 400)\z/, "not handed on: $name");
    like(certificates($shim_none, '/open', @header),
         qr/\A(?:|nothing: HTTP\/1.1 400)\z/, "no certificate: $name");
    like(certificates($shim_none, '/bare', @header),
         qr/\A(?:|nothing: HTTP\/1.1 400)\z/, "no include: $name");
}

is(certificates($shim_a, '/in'), $ours, 'the certificate arrives');
is(certificates($shim_a, '/open'), $ours, 'in an open location, too');
is(certificates($shim_none, '/open'), '', 'without one nothing arrives');

ok($nginx->quit, 'nginx ends');
is_deeply([ $nginx->faults(tokens => [ 'token-number' ]) ], [], 'its log');

done_testing();
