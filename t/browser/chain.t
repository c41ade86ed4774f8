#!/usr/bin/perl

# Chromium and the reference gateway: it accepts the server's chain, and the
# gateway the certificate that our authority issued to the person in front of
# it.  That one stands in Chromium's own store, so that its own TLS presents
# it.  As root, since its policy stands in /etc; Chromium itself runs as
# nobody.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Browser;
use HarsTest::Reference;
use File::Path qw(remove_tree);
use Test::More;

my $pki = $HarsTest::Place::pki;
my $home = HarsTest::Reference::path('home');
my $place = HarsTest::Reference::place();

$> == 0 or BAIL_OUT('Chromium\'s policy stands in /etc: run this as root');

HarsTest::Reference::settings('authserver.conf', "ca_dir = "
    . HarsTest::Reference::path('ca') . "\n");
HarsTest::Reference::as('ca', 'init', '--name', 'O=HARS browser test');
trust();
HarsTest::Reference::start();

my $auth = "$place->{issuer}/.well-known/oauth-authorization-server";
my $ml = "$place->{ml}/v1/models";

enrol('alice');
HarsTest::Browser::policy('HARS browser test');

HarsTest::Browser::store($home);
chmod 0711, HarsTest::Place::dir();
unlike(page($auth), qr/"issuer"/, 'a root that it does not know');

HarsTest::Browser::believe($home, $place->{ca});
like(page($auth), qr/"issuer":"\Q$place->{issuer}\E"/,
     'it accepts the chain of the server');
unlike(page($ml), qr/"status":401/, 'without a certificate: no further');

HarsTest::Browser::import_as($home, 'alice',
    HarsTest::Reference::path('alice'),
    HarsTest::Reference::path('ca/issuing.crt'));
like(page($ml), qr/"status":401/,
     'with the one that was enrolled: the gateway asks for a token');
like(page($auth), qr/"issuer":"\Q$place->{issuer}\E"/,
     '... and the authorization server answers');

is_deeply([HarsTest::Reference::stop()], [], 'the logs are clean');
done_testing();


# the gateway believes what our authority issues
sub trust {
    my $file = HarsTest::Reference::path('tls/client-ca.pem');

    open my $fh, '>>', $file or die "$file: $!\n";
    for my $name (qw(issuing root)) {
        print $fh HarsTest::Reference::slurp(
            HarsTest::Reference::path("ca/$name.crt"));
    }
    close $fh;
}


# RFC 7030, 4.2, by openssl and curl; NAME.pem, NAME.key
sub enrol {
    my ($name) = @_;
    my $at = HarsTest::Reference::path($name);

    HarsTest::Reference::client($name, '--kind', 'caregiver', '--subject-dn',
        "CN=$name", '--resource', $HarsTest::Reference::ml, '--scope',
        'activities:read');
    my ($secret) = HarsTest::Reference::as('client', 'enrol', $name)
        =~ /(hats_\w+_[\w-]+|hats_[\w-]+)/ or die "no secret\n";

    HarsTest::Browser::run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$at.key", '-subj',
        "/CN=$name", '-outform', 'DER', '-out', "$at.csr");
    HarsTest::Browser::run('openssl', 'base64', '-in', "$at.csr", '-out', "$at.b64");
    HarsTest::Browser::run('curl', '-sSf', '--cacert', $place->{ca}, '--noproxy', '*', '-u',
        "$name:$secret", '-H', 'Content-Type: application/pkcs10',
        '--data-binary', "\@$at.b64", '-o', "$at.p7",
        "$place->{issuer}/.well-known/est/simpleenroll");
    HarsTest::Browser::run('sh', '-c', "openssl base64 -d -A -in '$at.p7' | openssl pkcs7"
        . " -inform DER -print_certs -out '$at.pem'");
}


# what it shows; its profile is new each time, so that nothing is cached
sub page {
    my ($url) = @_;
    my $log = HarsTest::Reference::path('chromium.log');

    remove_tree("$home/profile");
    HarsTest::Browser::run('chown', '-R', 'nobody', $home);

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>> "$0" < /dev/null', $log,
        HarsTest::Browser::as_nobody($home), 'timeout', 60,
        'chromium', '--headless=new', '--disable-gpu', '--no-first-run',
        '--disable-dev-shm-usage', '--disable-background-networking',
        '--disable-component-update', "--user-data-dir=$home/profile",
        '--virtual-time-budget=5000', '--dump-dom', $url
        or die "chromium: $!\n";
    local $/ = undef;
    my $dom = <$fh> // '';
    close $fh or diag("chromium ended with $?, see $log");

    return $dom;
}
