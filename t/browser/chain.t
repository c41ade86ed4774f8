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
use HarsTest::Reference;
use File::Path qw(make_path remove_tree);
use JSON::PP qw(encode_json);
use Test::More;

my $policy = '/etc/chromium/policies/managed/hars-gateway-test.json';
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
policy('HARS browser test');

store();
unlike(page($auth), qr/"issuer"/, 'a root that it does not know');

certutil('-A', '-n', 'server', '-t', 'C,,', '-i', $place->{ca});
like(page($auth), qr/"issuer":"\Q$place->{issuer}\E"/,
     'it accepts the chain of the server');
unlike(page($ml), qr/"status":401/, 'without a certificate: no further');

import('alice');
like(page($ml), qr/"status":401/,
     'with the one that was enrolled: the gateway asks for a token');
like(page($auth), qr/"issuer":"\Q$place->{issuer}\E"/,
     '... and the authorization server answers');

is_deeply([HarsTest::Reference::stop()], [], 'the logs are clean');
unlink $policy;
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


sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 < /dev/null', 'sh',
        @command or die "$command[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "@command: $said\n";

    return $said;
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

    run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$at.key", '-subj',
        "/CN=$name", '-outform', 'DER', '-out', "$at.csr");
    run('openssl', 'base64', '-in', "$at.csr", '-out', "$at.b64");
    run('curl', '-sSf', '--cacert', $place->{ca}, '--noproxy', '*', '-u',
        "$name:$secret", '-H', 'Content-Type: application/pkcs10',
        '--data-binary', "\@$at.b64", '-o', "$at.p7",
        "$place->{issuer}/.well-known/est/simpleenroll");
    run('sh', '-c', "openssl base64 -d -A -in '$at.p7' | openssl pkcs7"
        . " -inform DER -print_certs -out '$at.pem'");
}


sub store {
    make_path("$home/.pki/nssdb");
    certutil('-N', '--empty-password');
    chmod 0711, HarsTest::Place::dir();
}


# what a person would: key, certificate, chain
sub import {
    my ($name) = @_;
    my $at = HarsTest::Reference::path($name);

    run('openssl', 'pkcs12', '-export', '-in', "$at.pem", '-inkey',
        "$at.key", '-certfile', HarsTest::Reference::path('ca/issuing.crt'),
        '-name', $name, '-passout', 'pass:x', '-out', "$at.p12");
    run('pk12util', '-d', "sql:$home/.pki/nssdb", '-i', "$at.p12", '-W',
        'x');
}


sub certutil { run('certutil', '-d', "sql:$home/.pki/nssdb", @_) }


# take the certificates of this authority without asking
sub policy {
    my ($organization) = @_;

    make_path('/etc/chromium/policies/managed');
    open my $fh, '>', $policy or die "$policy: $!\n";
    print $fh encode_json({ AutoSelectCertificateForUrls => [encode_json({
        pattern => '*', filter => { ISSUER => { O => $organization } } })] });
    close $fh;
}


# what it shows; its profile is new each time, so that nothing is cached
sub page {
    my ($url) = @_;
    my $log = HarsTest::Reference::path('chromium.log');

    remove_tree("$home/profile");
    run('chown', '-R', 'nobody', $home);

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>> "$0" < /dev/null', $log,
        'setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups',
        'env', '-i', "HOME=$home", 'PATH=/usr/bin:/bin', 'timeout', 60,
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


END { unlink $policy if defined $policy }
