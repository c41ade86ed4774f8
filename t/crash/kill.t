#!/usr/bin/perl

# kill -9 at a random moment, under a load of issuing, refreshing, revoking,
# registering, enrolling and revoking certificates: what was acknowledged before
# is there afterwards, once. ROUNDS of it (200). With
# HARS_TEST_DATABASE=postgresql the database dies in half of the rounds, alone
# or together with the server.
#
# A process dies here, not the machine: of the disk see durable.t.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd;
use HarsTest::Ledger;
use HarsTest::Pkcs10;

my $rounds = $ENV{ROUNDS} || 200;
my $uses = 1_000_000;
my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $postgres = $HarsTest::EndToEnd::postgres;

# of each worker: its secret that is not used, its certificates
my $workers = HarsTest::Ledger::workers();
my (@secret, @certificates);
my $ledger;

BAIL_OUT("$program is not there: make all") unless -x $program;

$SIG{PIPE} = 'IGNORE';
srand($ENV{SEED} || 1);
prepare();

for my $round (1 .. $rounds) {
    my @wrong = one($round);

    ok(!@wrong, "round $round") or diag join "\n", @wrong;
    last if @wrong;
}

is_deeply([$ledger->check('all')], [], 'at the end: all of it');
is_deeply($ledger->{odd}, [], 'no other answer than the right one, or 500');
note join ', ', map { "$_ $ledger->{did}{$_}" } sort keys %{ $ledger->{did} };

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no secret in the log, no sanitizer had a word');
is((as('audit', 'verify'))[0], 0, 'the audit log has no gap');

done_testing();


sub prepare {
    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2 oscar);
    write_file('refresh.key', '77' x 32 . "\n", 0600);
    write_file('as.conf', <<"END");
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
ca_dir = $dir/ca
audit_log = $dir/audit.log
token_ttl = 86400
refresh_key = $dir/refresh.key
refresh_grace = 3600
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
END
    said('ca', 'init', '--name', 'O=Test');
    add('gateway', '--kind', 'resource_server');
    add('dcm-1', '--subject-dn', "CN=dcm-1,$o", '--scope', 'ml:recognize');
    add('dcm-2', '--subject-dn', "CN=dcm-2,$o", '--scope', 'ml:recognize',
        '--refresh');
    add('oscar', '--subject-dn', "CN=oscar,$o", '--kind', 'operator');
    add("e$_", '--subject-dn', "CN=e$_,O=HARS") for 0 .. $workers - 1;

    my ($initial) = said('register-token', 'add', '--kind', 'service',
                         '--resource', $ml, '--uses', $uses)
        =~ /^initial_access_token\t(\S+)/m;
    my @csr = map { encode_base64(request(key("$dir/e$_.key"),
                                          name([O => 'HARS', CN => "e$_"])),
                                  '') } 0 .. $workers - 1;

    $ledger = HarsTest::Ledger->new(initial => $initial, csr => \@csr);
    start();
}


sub said {
    my ($rc, $said) = as(@_);
    $rc == 0 or BAIL_OUT("@_: $said");

    return $said;
}


sub add {
    my ($id, @words) = @_;

    push @words, '--kind', 'service' if !grep { $_ eq '--kind' } @words;
    said('client', 'add', '--id', $id, '--resource', $ml, @words);
}


# what did not hold
sub one {
    my ($round) = @_;
    my $kind = $postgres ? $round % 4 : 0;

    for my $i (grep { !$secret[$_] } 0 .. $workers - 1) {
        ($secret[$i]) = said('client', 'enrol', "e$i")
            =~ /^enrol_secret\t(\S+)/m;
    }

    $ledger->{persist} = ($kind == 3);
    $ledger->begin($round, map { encode_base64("e$_:$secret[$_]", '') }
                           0 .. $workers - 1);
    sleep 0.01 + rand 0.3;

    # both, or one of them; alone, PostgreSQL comes back under the load

    $postgres->stop($round % 8 < 4 ? 'kill' : 'immediate')
        if $kind == 1 || $kind == 3;
    ended('authserver', 'KILL') if $kind != 3;
    $postgres->start if $kind == 1 || $kind == 3;

    my $back = $kind != 3 || again();
    $ledger->finish;
    start() if $kind != 3;

    return ($back ? () : 'nothing is answered after PostgreSQL is back',
            $ledger->check, database());
}


# without a restart of the server
sub again {
    my $before = $ledger->answers;

    return wait_for(sub { $ledger->answers > $before + 20 }, 20);
}


# what no request tells: registrations and certificates, once each
sub database {
    my @wrong;
    my %client = map { $_ => 1 } rows('SELECT id FROM client');
    my ($left) = rows('SELECT uses FROM register_token');
    my %has = map { $_ => 1 } rows('SELECT client_id FROM enrol_secret');
    my @cert = rows('SELECT client_id, lower(' . hex_of('thumbprint')
                    . ') FROM certificate');
    my $registered = keys(%client) - 4 - $workers;
    my $known = keys %{ $ledger->{client} };

    push @wrong, "client $_ is gone"
        for grep { !$client{$_} } keys %{ $ledger->{client} };
    push @wrong, "$registered clients are registered, $known were answered, "
        . "$ledger->{maybe} may be"
        if $registered < $known || $registered > $known + $ledger->{maybe};
    push @wrong, "$registered clients took ${\ ($uses - $left)} uses"
        if $registered != $uses - $left;

    $ledger->{client}{$_} = 1
        for grep { !/^(gateway|oscar|dcm-[12]|e\d+)$/ } keys %client;

    for my $i (0 .. $workers - 1) {
        my @mine = map { /^e$i\|(.*)/ ? $1 : () } @cert;
        my $answer = $ledger->{enrolled}[$i];
        my $before = $certificates[$i] // 0;
        my $used = !$has{"e$i"};

        push @wrong, "e$i: $before certificates were ${\ scalar @mine}, its "
            . 'secret is ' . ($used ? 'used' : 'not used')
            if @mine != $before + $used;
        push @wrong, "e$i: its secret is used, nobody asked"
            if $used && !defined $answer;
        push @wrong, "e$i: its certificate was answered, and is not there"
            if $answer && !grep { $_ eq thumbprint($answer) } @mine;

        $ledger->has_certificate($i, $_) for @mine;
        $certificates[$i] = @mine;
        undef $secret[$i] if $used;
    }

    # what the list and the responder say, and what no token is issued to
    my ($own, $all) = map {
        join "\n", rows("SELECT lower(" . hex_of($_->[0]) . ") FROM $_->[1]"
                        . ' ORDER BY 1')
    } ['thumbprint', 'certificate WHERE revoked_at > 0'],
      ['hash', 'revoked_cert'];
    push @wrong, 'a certificate is revoked by half' if $own ne $all;

    return (@wrong, $ledger->check_certificates(split /\n/, $all));
}


# of the first certificate of PKCS #7 in base64
sub thumbprint {
    my ($body) = @_;

    write_file('answer', decode_base64($body));
    my ($rc, $said) = run('openssl', 'pkcs7', '-inform', 'DER', '-in',
                          "$dir/answer", '-print_certs');
    my ($pem) = $said =~ /BEGIN CERTIFICATE-----(.*?)-----END/s;

    return sha256_hex(decode_base64($pem // ''));
}


# columns parted by "|"
sub rows {
    my ($sql) = @_;
    return split /\n/, $postgres->sql($sql, 'hars') if $postgres;

    my ($rc, $said) = run('sqlite3', '-readonly', '-cmd', '.timeout 5000',
                          $database, $sql);
    $rc == 0 or BAIL_OUT("sqlite3: $said");

    return split /\n/, $said;
}


sub hex_of {
    return $postgres ? "encode($_[0], 'hex')" : "hex($_[0])";
}
