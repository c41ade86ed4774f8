#!/usr/bin/perl

# Names of authorities in the client's handshake (RFC 8446, 4.2.4): it says
# whom it believes, and shows its certificate to a server that names its
# authority, and to no other.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;
use HarsTest::Place;

pki('authorities');
pki('server', 'server', 'localhost');
certificate('dcm');

my $said = asked('client-ca');
like($said, qr/ClientHello(?:(?!^Sent).*\n)*?.*certificate_authorities\(47\)/m,
     'the client says whom it believes');
is(certificates($said), 1, 'to its own authority goes its certificate');

$said = asked('foreign-ca');
is(certificates($said), 0, 'to another one goes none');
like($said, qr/names no authority of the certificate/, '... as it says');

done_testing();


# what an openssl s_server saw of "hars token", and what that one said; since
# OpenSSL 3.2 it would take certificates compressed, which its trace cannot read
sub asked {
    my ($ca) = @_;
    my $port = HarsTest::Place::port(0);
    my $log = "$dir/$ca.log";
    my ($plain) = `openssl s_server -help 2>&1` =~ /^ *(-no_rx_cert_comp)\b/m;

    launch($ca, 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-cert',
           "$dir/pki/server.pem", '-key', "$dir/pki/server.key", '-tls1_3',
           '-CAfile', "$dir/pki/$ca.pem", '-verify', 1, '-trace', '-rev',
           '-naccept', 1, $plain // ());
    wait_for(sub { content($log) =~ /^ACCEPT/m }) or BAIL_OUT('s_server');

    my ($rc, $said) = run("$build/bin/hars", 'token', '--url',
        "https://localhost:$port", '--connect-to', "127.0.0.1:$port",
        '--cert', "$dir/pki/dcm.pem", '--key', "$dir/pki/dcm.key",
        '--cacert', "$dir/pki/ca.pem", '--client-id', 'dcm');
    ended($ca, 'TERM');

    return content($log) . $said;
}


# of the client, by what the server received
sub certificates {
    my ($trace) = @_;
    my @got = grep { /\AReceived/ && /^ +Certificate, Length/m }
        split /^(?=(?:Received|Sent) (?:TLS )?Record)/m, $trace;

    return @got == 1 ? scalar(() = $got[0] =~ /Subject: /g) : 'no message';
}
