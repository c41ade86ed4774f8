#!/usr/bin/perl

# "make run" as a newcomer sees it, in a directory of its own: fourteen steps
# in order, the values of one step in the lines of another, each attack with
# its answer, the wearable of the second act; a second run while the first
# one's processes still run; and that "make stop" leaves nothing behind.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use JSON::PP;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $run = "$top/build/t/run";
my $me = $$;

$ENV{HARS_RUN} = $run;
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
chdir $top or die "$top: $!\n";

for my $time ('first', 'second') {
    my ($status, $out) = command('scripts/run.sh');
    is($status, 0, "the $time run") or die "make run fails:\n$out";
    look_at($out, $time);
}

my %pid = pids();
is(scalar keys %pid, 7, 'seven services run');
ok(kill(0, $_), "process $_ is there") for sort values %pid;

my ($ls) = grep { !/^srw/ } split /\n/, `ls -l $run/sock/ | tail -n +2`;
is($ls, undef, 'nothing but sockets where the sockets are');

is(nobody_listens_elsewhere(), '', 'every listener is on the loopback');

# the status page; workers that are gone have taken no numbers along
my ($zone) = @{ decode_json(page('/status.json'))->{zones} };
is($zone->{zone}, 'tokens', 'the status page');
is($zone->{hars_channel_live}, 1, 'says that revocations are known');
like(page('/metrics'), qr/^hars_redis_up\{zone="tokens"\} 1$/m, 'as text');

# the authorization server: what it counts, and what it says of itself
like(scalar `curl -sS --unix-socket $run/sock/auth-status.sock http://x/metrics`,
     qr/^hars_as_tokens_issued_total\{kind="service"\} [1-9]/m,
     'its own metrics');
like(scalar `curl -sS --unix-socket $run/sock/auth-status.sock http://x/metrics`,
     qr/^hars_as_redis_told 1$/m, '... with Redis');
my ($port) = slurp("$run/etc/nginx.conf") =~ /listen 127\.0\.0\.1:(\d+) ssl/;
my $url = "https://auth.hars.localhost:$port";
my @curl = ('curl', '-sS', '--cacert', "$run/pki/ca.pem", '--resolve',
            "auth.hars.localhost:$port:127.0.0.1");
my $metadata = decode_json(
    scalar `@curl $url/.well-known/oauth-authorization-server`);
is($metadata->{issuer}, 'https://auth.hars.localhost', 'its metadata');
my $keys = decode_json(scalar `@curl $url/oauth2/jwks`);
is(@{ $keys->{keys} }, 1, 'and its public key');

streams();

my ($status, $out) = command('scripts/run.sh', 'stop');
is($status, 0, 'stop');

for my $name (sort keys %pid) {
    ok(is_gone($pid{$name}), "$name has ended");
}

($status, $out) = command('scripts/run.sh', 'stop');
is($status, 0, 'stop where nothing runs');

my $log = slurp("$run/log/error.log");
unlike($log, qr/\[alert\]|\[emerg\]|Sanitizer|hats_at_/,
       'the error log has no alert and no token');
unlike(slurp("$run/log/$_"), qr/hats_at_/, "no token in $_")
    for qw(access.log authserver.log mlservice.log dcm.log redis.log
           fogcloud.log fognode.log);

# the authorization server's own, signed to its end
($status, $out) = command("$run/bin/hars-authserver", '--config',
                          "$run/etc/authserver.conf", 'audit', 'verify');
my ($lines) = $out =~ /^(\d+) lines/;
my ($signed) = $out =~ /^signed +up to number (\d+)/m;
is($signed, ($lines // 0) - 1, 'its audit log is whole, and signed') or diag $out;

# the audit log: a line of JSON for each refusal, and nothing else
my @audit = map { decode_json($_) } split /\n/, slurp("$run/log/hars-audit.log");
my %verdicts;
# an expired token is also one that the authority no longer knows
$verdicts{ $_->{verdict} =~ s/^expired$/inactive/r }++ for @audit;
my $counted = $zone->{hars_requests_total};
# of two runs, that count anew
is($verdicts{$_}, 2 * ($counted->{$_}{on}
                       + ($_ eq 'inactive' ? $counted->{expired}{on} : 0)),
   "as many as were counted: $_") for sort keys %verdicts;
is_deeply([ sort keys %verdicts ],
          [ qw(cert_revoked cnf_mismatch inactive no_token) ],
          'refusals are audited, each by its verdict')
    or diag explain \%verdicts;
is(scalar(grep { $_->{uri} eq '/%ff%22' } @audit), 2,
   'a URI that is no text is there as it was sent');
is(scalar(grep { $_->{status} < 400
                 || $_->{uri} !~ m{^(/v1/recognitions|/%ff%22)$}
                 || $_->{certificate} !~ /^[\w-]{43}$/
                 || $_->{token} !~ /^([0-9a-f]{8})?$/ } @audit), 0,
   'with certificate and token id');
unlike(slurp("$run/log/hars-audit.log"), qr/hats_at_/, 'and no token');

command('scripts/run.sh', 'clean');
ok(!-e $run, 'clean');

done_testing();


END {
    if ($$ == $me) {
        local ($?, $!);
        command('scripts/run.sh', 'clean');
    }
}


# the status and the body; the token is the client's own
sub ask {
    my ($client, $token, $path, @more) = @_;

    my $said = `curl -sS --cacert $run/pki/ca.pem --cert $run/pki/$client.pem \\
        --key $run/pki/$client.key --resolve ml.hars.localhost:$port:127.0.0.1 \\
        -H 'Authorization: Bearer $token' -w '\\n%{http_code}' @more \\
        https://ml.hars.localhost:$port$path 2>&1`;
    $said =~ s/\n(\d+)\z//;

    return ($1, $said);
}


# a stream through the gateway is of the client that made it
sub streams {
    my $token = sub {
        my ($client) = @_;

        return decode_json(scalar
            `@curl --cert $run/pki/$client.pem --key $run/pki/$client.key \\
             -d grant_type=client_credentials -d client_id=$client \\
             -d scope=ml:recognize -d resource=https://ml.hars.localhost/ \\
             $url/oauth2/token`)->{access_token};
    };
    my $own = $token->('dcm-1');

    my ($status, $body) =
        ask('dcm-1', $own, '/v1/streams', '-H',
            "'Content-Type: application/json'", '-d',
            q('{"sampling_rate_hz":50}'));
    is($status, 201, 'a stream is made') or return diag $body;

    my $path = '/v1/streams/' . decode_json($body)->{id};
    my @rows = ('-H', "'Content-Type: text/csv'", '-H',
                "'Content-Encoding: gzip'", '--data-binary',
                "\@$run/walking.gz");

    system "gzip -c conf/demo/walking.csv > $run/walking.gz";

    # dcm-2's certificate is revoked; dcm-3 has tokens of 2 seconds
    ($status, $body) = ask('dcm-3', $token->('dcm-3'), $path, @rows, '-H',
                           "'Hars-Client-Id: dcm-1'", '-H', "'Hars-Sub: dcm-1'");
    is($status, 404, 'another client has none of this name');

    ($status, $body) = ask('dcm-1', $own, $path, @rows);
    is($status, 200, 'its own takes samples') or diag $body;

    ($status, my $last) = ask('dcm-1', $own, $path, '-X DELETE');
    is(scalar(() = "$body$last" =~ /"activity":"walking"/g), 7,
       'and tells the 7 windows');

    ($status) = ask('dcm-1', $own, '/metrics');
    is($status, 404, 'what is counted is not for clients');
    like(scalar `curl -sS --unix-socket $run/sock/ml-status.sock http://x/metrics`,
         qr/^hars_ml_streams_total 1$/m, 'but for this machine');
}


sub page {
    my ($uri) = @_;
    my $text = `curl -sS --unix-socket $run/sock/status.sock http://x$uri`;
    return $text;
}


sub look_at {
    my ($out, $time) = @_;
    my @step;

    for my $line (split /\n/, $out) {
        push @step, [ $1, $2 ] if $line =~ /^(\d+)\. (.*)/;
    }

    is(join(' ', map { $_->[0] } @step), join(' ', 1 .. 14),
       "fourteen steps in order, $time run");

    my %step = map { @$_ } @step;
    my ($own) = $step{2} =~ /thumbprint ([\w-]{43})$/;
    ok($own, 'the thumbprint of the certificate');

    like($step{$_}, qr/(?<![\w-])\Q$own\E/, "the same thumbprint in step $_")
        for 7, 8, 9, 13, 14;

    for my $n (6, 10) {
        like($step{$n}, qr/TLSv1\.3, x25519, TLS_AES_128_GCM_SHA256/i,
             "what was agreed in step $n");
    }

    like($step{6}, qr/server "CN=auth\.hars\.localhost/, 'authserver');
    like($step{10}, qr/server "CN=ml\.hars\.localhost/, 'ML service');
    my ($ml) = $step{10} =~ /certificate of its own, ([\w-]{43})/;
    isnt($ml, $own, "the ML service's certificate is another one");
    like($step{12}, qr/by introspection: ok/, 'the authserver was asked');
    like($step{14}, qr/windows walking/, 'walking is recognized as walking');

    unlike($out, qr/hats_at_[\w-]{10}/, 'no whole token is printed');

    my %attack = $out =~ /^   (\S.*?) +refused  (.*)$/mg;
    is(scalar keys %attack, 8, 'eight attacks refused');
    unlike($out, qr/WRONG/, 'none is answered otherwise');

    like($attack{'no certificate'}, qr/^400 /, 'no certificate');
    is($attack{'no token'}, '401 Bearer realm="HARS"', 'no token');

    for my $name (grep { /^stolen|^expired|^revoked/ } sort keys %attack) {
        like($attack{$name}, qr/^401 Bearer .*error="invalid_token"/, $name);
    }

    like($out, qr/make stop +ends it/, 'how to end it');

    like($out, qr/^   bea sees: [1-9]\d* windows of walking$/m,
         "$time: a caregiver sees the patient walk");

    my %fog = $out =~ /^(f\d)\. (.*)$/mg;
    is(join(' ', sort keys %fog), 'f1 f2 f3 f4 f5', "$time: the second act");
    my ($alias) = $fog{f2} =~ /alias ([0-9a-f]{32}),/;
    like($fog{f3}, qr/128 bytes/, '... the wearable is made');
    like($fog{f4}, qr/ walking\b.* it had no certificate/, '... and walks');
    like($fog{f5}, qr/anna's, of wearable \Q$alias\E, .* by fog-node-1 /,
         '... as its patient sees');
    like($fog{f5}, qr/certificate \Q@{[ $fog{f1} =~ m{([\w-]{43})$} ]}\E$/,
         '... by the fog node of that certificate');
    my ($page) = $out =~ m{^   Dashboard +(https://\S+/dashboard/)$}m;
    ok($page, "$time: where the dashboard is");
    like(scalar `openssl pkcs12 -in $run/pki/bea.p12 -passin pass:hars -nokeys 2>&1`,
         qr/CN ?= ?bea/, "$time: a certificate to import");
}


sub command {
    my (@words) = @_;

    my $out = `@words 2>&1 < /dev/null`;
    return ($? >> 8, $out);
}


sub pids {
    return map { ($_, 0 + slurp("$run/pid/$_")) }
           grep { -f "$run/pid/$_" }
               qw(redis authserver mlservice dcm fogcloud fognode nginx);
}


# the listeners of this run's processes beyond the loopback, as text
sub nobody_listens_elsewhere {
    my $port = 0 + slurp("$run.port");
    my @bad;

    for my $file (qw(/proc/net/tcp /proc/net/tcp6)) {
        open my $fh, '<', $file or next;
        while (<$fh>) {
            my ($address, $p, $state) =
                /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2})/
                or next;
            next if $state ne '0A' || hex $p != $port;
            push @bad, "$file $address" if $address ne '0100007F';
        }
    }

    return "@bad";
}


sub is_gone {
    my ($pid) = @_;

    return 1 if !kill 0, $pid;
    open my $fh, '<', "/proc/$pid/stat" or return 1;
    return <$fh> =~ /^\d+ \(.*\) [ZX]/;
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/ = undef;
    return <$fh> // '';
}
