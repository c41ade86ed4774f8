#!/usr/bin/perl

# Refresh tokens: rotation, the moment of grace, reuse, what binds them, what
# ends them. Names begin with the number of the check in docs/authserver.md.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd ':oauth';

my $ml = 'https://ml.hars.localhost/';
my $dcm = 'https://dcm.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $grace = 2;

BAIL_OUT("$program is not there: make all") unless -x $program;

settings();
prepare();
switch();
rotation();
keys_rotate();
parallel();
reuse();
unaudited();
binding();
narrower();
lifetime();
visible();
revoked();

is(ended('authserver', 'TERM'), 0, 'the server stops');
unlike(content("$dir/authserver.log"), qr/hats_|Sanitizer|runtime error/,
       'no token in the log, no sanitizer had a word');
unlike(content("$dir/audit.log"), qr/hats_/, 'nor in the audit log');

done_testing();


sub conf {
    my (@more) = @_;

    write_file('as.conf', join "\n", <<"END", @more, '');
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
audit_log = $dir/audit.log
refresh_grace = $grace
refresh_ttl = 600
END
}


sub settings {
    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2 once oscar gateway other);
    certificate('renewed', '--cn', 'dcm-1');

    for my $name (qw(refresh older)) {
        write_file("$name.key",
                   join '', (map { sprintf '%02x', int rand 256 } 1 .. 32),
                   "\n");
        chmod 0600, "$dir/$name.key";
    }

    for my $case (
        ['a profile of no name', qr/profile.*standard or paper/,
         'profile = other'],
        ['the paper\'s without key', qr/refresh_key.*is needed/,
         'profile = paper'],
        ['a key that is not there', qr/nokey/, "refresh_key = $dir/nokey"],
        ['a key that is none', qr/key file/, "refresh_key = $dir/as.conf"],
    ) {
        my ($name, $error, @more) = @$case;

        conf(@more);
        my ($rc, $said) = as('--check');
        is($rc, 1, $name);
        like($said, $error, '... is said');
    }

    conf();
    my ($rc, $said) = add('early', '--refresh');
    is($rc, 2, '--refresh without refresh_key');
    like($said, qr/refresh_key/, '... is said');
}


sub add {
    my ($id, @words) = @_;

    push @words, '--kind', 'service' if !grep { $_ eq '--kind' } @words;
    return as('client', 'add', '--id', $id, '--resource', $ml,
              '--subject-dn', "CN=$id,$o", @words);
}


sub prepare {
    conf("refresh_key = $dir/refresh.key");

    my ($rc) = add('gateway', '--kind', 'resource_server');
    is($rc, 0, 'the gateway is registered');
    ($rc) = add('gateway2', '--kind', 'resource_server', '--refresh');
    is($rc, 2, 'a resource server gets no refresh tokens');
    add('dcm-1', '--refresh', '--scope', 'ml:recognize ml:probabilities',
        '--resource', $dcm);
    add('dcm-2', '--refresh', '--scope', 'ml:recognize');
    add('once', '--scope', 'ml:recognize');
    add('other', '--scope', 'ml:recognize');
    add('oscar', '--kind', 'operator');

    conf();
    launch('without', $program, '--config', "$dir/as.conf", 'serve');
    is(ended('without', 0) >> 8, 1, 'without the key that they need');
    like(content("$dir/without.log"), qr/refresh_key is needed: 2 clients/,
         '... it does not start, and says why');

    conf("profile = paper", "refresh_key = $dir/refresh.key");
    add('paper');
    add('paper-not', '--no-refresh');
    like((as('client', 'show', 'paper'))[1], qr/refresh_token/,
         'the paper\'s profile has it on');
    unlike((as('client', 'show', 'paper-not'))[1], qr/refresh_token/,
           '... unless it is switched off');

    conf("refresh_key = $dir/refresh.key");
    start();
}


# status and answer
sub refresh {
    my ($name, $value, %field) = @_;
    my $cert = delete $field{-cert} // $name;

    return post('/oauth2/token', $cert, grant_type => 'refresh_token',
                client_id => $name, refresh_token => $value, %field);
}


sub first {
    my ($name, %field) = @_;
    my (undef, $answer) = post('/oauth2/token', $name, client_id => $name,
                               grant_type => 'client_credentials', %field);

    return $answer;
}


# "200", or the error
sub outcome {
    my ($status, $answer) = @_;

    return $status if $status == 200;
    return "$status " . (ref $answer ? $answer->{error} : $answer // '');
}


# what introspection tells a client, as text
sub seen {
    my ($name, $value) = @_;
    my (undef, $answer) = post('/oauth2/introspect', $name,
                               client_id => $name, token => $value);

    return $answer;
}


sub switch {
    my $answer = first('dcm-1');

    like($answer->{refresh_token}, qr/^hats_rt_[\w-]{64}$/,
         'a client with the switch gets one');
    is(first('once')->{refresh_token}, undef,
       '[10] RFC 6749, 4.4.3: one without gets none');
    is(outcome(refresh('once', $answer->{refresh_token})),
       '400 unauthorized_client', '... and may not use one');

    my ($rc, $said) = as('client', 'show', 'dcm-1');
    is_deeply($json->decode($said)->{grant_types},
              ['client_credentials', 'refresh_token'], 'client show');

    ($rc, $said) = run('curl', '-sS', '--unix-socket', "$dir/public.sock",
        'http://x/.well-known/oauth-authorization-server');
    is_deeply($json->decode($said)->{grant_types_supported},
              ['client_credentials', 'refresh_token'], 'metadata');

    is(outcome(refresh('dcm-1', undef)), '400 invalid_request',
       'no refresh_token');

    my $changed = $answer->{refresh_token};
    substr($changed, 40, 1) = substr($changed, 40, 1) eq 'A' ? 'B' : 'A';

    for my $case (['an access token', $answer->{access_token}],
                  ['garbage', 'hats_rt_' . 'A' x 64],
                  ['too short', 'hats_rt_A'],
                  ['another digit', $changed]) {
        is(outcome(refresh('dcm-1', $case->[1])), '400 invalid_grant',
           "$case->[0] is no refresh token");
    }

    is(outcome(refresh('dcm-1', $answer->{refresh_token})), 200,
       '... and did it no harm');
}


sub rotation {
    my $answer = first('dcm-1');
    my ($status, $next) = refresh('dcm-1', $answer->{refresh_token});

    is($status, 200, '[28] a refresh');
    isnt($next->{refresh_token}, $answer->{refresh_token}, '... rotates');
    isnt($next->{access_token}, $answer->{access_token},
         '... with a new access token');
    is($next->{scope}, 'ml:recognize ml:probabilities', '... of all scopes');
    is($next->{token_type}, 'Bearer', '... of its type');
    ok(active($next->{access_token}) && active($answer->{access_token}),
       'both access tokens are active');

    my (undef, $again) = refresh('dcm-1', $answer->{refresh_token});
    is($again->{refresh_token}, $next->{refresh_token},
       '[28] a retry in the moment of grace gets the same successor');
    ok(active($again->{access_token}), '... and an access token');

    (undef, $again) = refresh('dcm-1', $next->{refresh_token});
    isnt($again->{refresh_token}, $next->{refresh_token},
         'the successor rotates in its turn');
}


# what an older key made is believed while it is named, and what comes is of
# the first
sub keys_rotate {
    my $value = first('dcm-1')->{refresh_token};

    for my $case (
        [['older', 'refresh'], 200, 'a key before it'],
        [['older'], 200, 'its successor is of that key'],
        [['refresh'], '400 invalid_grant', 'which is not named any more'],
    ) {
        my ($names, $outcome, $name) = @$case;

        ended('authserver', 'TERM');
        conf(map { "refresh_key = $dir/$_.key" } @$names);
        start();

        my ($status, $answer) = refresh('dcm-1', $value);
        is(outcome($status, $answer), $outcome, $name);
        $value = $answer->{refresh_token} // $value;
    }
}


# 50 connections, all requests written before an answer is read
sub parallel {
    my $answer = first('dcm-1');
    my $body = 'grant_type=refresh_token&client_id=dcm-1&refresh_token='
        . $answer->{refresh_token};
    my @s = map { IO::Socket::UNIX->new(Peer => "$dir/public.sock") } 1 .. 50;

    for my $s (@s) {
        print $s "POST /oauth2/token HTTP/1.1\r\nHost: x\r\n"
            . "$cert{'dcm-1'}\r\nConnection: close\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        $s->flush;
    }

    my (%status, %next);
    for my $s (@s) {
        local $/;
        my $said = <$s> // '';
        $status{$said =~ m{^HTTP/1.1 (\d+)} ? $1 : 0}++;
        $next{$1}++ if $said =~ /"refresh_token":"([^"]+)"/;
    }

    is_deeply(\%status, { 200 => 50 }, '[29] 50 refreshes at once');
    is(scalar keys %next, 1, '[29] one family head');
    is(outcome(refresh('dcm-1', (keys %next)[0])), 200, '... which is good');
}


sub reuse {
    my $answer = first('dcm-1');
    my ($status, $next) = refresh('dcm-1', $answer->{refresh_token});
    my $other = first('dcm-1');
    my $since = time;

    wait_for(sub { time > $since + $grace });
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '400 invalid_grant', '[28] RFC 9700, 4.14.2: used again after it');
    is(outcome(refresh('dcm-1', $next->{refresh_token})),
       '400 invalid_grant', '[28] the family is revoked');
    ok(!active($answer->{access_token}) && !active($next->{access_token}),
       '[28] with its access tokens');
    ok(active($other->{access_token}), '... another family is not');
    is(outcome(refresh('dcm-1', $other->{refresh_token})), 200,
       '... nor its refresh token');

    my ($line) = grep { /"event":"revoke"/ }
        split /\n/, content("$dir/audit.log");
    like($line, qr/"family":"[0-9a-f]{32}"/, 'the audit log names it');
    like($line, qr/"by":"dcm-1"/, '... and the client');

    # two generations back, the moment of grace or not
    $answer = first('dcm-1');
    (undef, $next) = refresh('dcm-1', $answer->{refresh_token});
    refresh('dcm-1', $next->{refresh_token});
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '400 invalid_grant', '[28] two generations back');
    is(outcome(refresh('dcm-1', $next->{refresh_token})),
       '400 invalid_grant', '[28] ... is reuse');
}


# nobody is punished for having asked while the disk was full
sub unaudited {
    my $answer = first('dcm-1');
    my $log = sub {
        is(ended('authserver', 'TERM'), 0, 'the server stops');
        conf("refresh_key = $dir/refresh.key");
        write_file('as.conf', content("$dir/as.conf")
                   =~ s{^(audit_log = ).*}{$1$_[0]}mr);
        start();
    };

    $log->('/dev/full');
    is(outcome(refresh('once', 'none')), '400 unauthorized_client',
       'a refusal is one without its line in the audit log');
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '500 server_error', '... a refresh is not done then');
    $log->("$dir/audit.log");

    my $since = time;

    wait_for(sub { time > $since + $grace });
    is(outcome(refresh('dcm-1', $answer->{refresh_token})), 200,
       '[28] ... and is no reuse when it is asked for again, after the grace');
}


sub binding {
    my $value = first('dcm-1')->{refresh_token};

    is(outcome(refresh('dcm-1', $value, -cert => 'renewed')),
       '400 invalid_grant',
       '[24] RFC 8705, 7.1: another certificate of the same subject');
    is(outcome(post('/oauth2/token', undef, grant_type => 'refresh_token',
                    client_id => 'dcm-1', refresh_token => $value)),
       '401 invalid_client', '[24] none');
    is(outcome(refresh('dcm-2', $value)), '400 invalid_grant',
       '[25] RFC 6749, 10.4: another client');
    is(outcome(refresh('dcm-1', $value)), 200,
       '... none of which did it any harm');

    my $two = first('dcm-2');
    revoke('oscar', hars_thumbprint => $thumbprint{'dcm-2'});
    is(outcome(refresh('dcm-2', $two->{refresh_token})),
       '401 invalid_client', 'a certificate that is revoked');
}


sub narrower {
    my $value = first('dcm-1')->{refresh_token};

    is(outcome(refresh('dcm-1', $value, scope => 'ml:recognize fog:relay')),
       '400 invalid_scope', '[30] RFC 6749, 6: a wider scope');
    is(outcome(refresh('dcm-1', $value, resource => 'https://x.example/')),
       '400 invalid_target', 'a resource that was not granted');

    my (undef, $next) = refresh('dcm-1', $value, scope => 'ml:recognize',
                                resource => $dcm);
    is($next->{scope}, 'ml:recognize', 'a narrower scope');
    (undef, $next) = refresh('dcm-1', $next->{refresh_token});
    is($next->{scope}, 'ml:recognize ml:probabilities',
       '[30] what was granted stays granted');

    my $answer = first('dcm-1', scope => 'ml:recognize', resource => $ml);
    is(outcome(refresh('dcm-1', $answer->{refresh_token},
                       scope => 'ml:recognize ml:probabilities')),
       '400 invalid_scope', '[30] what was not asked for was not granted');
    is(outcome(refresh('dcm-1', $answer->{refresh_token}, resource => $dcm)),
       '400 invalid_target', '... nor its resource');

    as('client', 'disable', 'dcm-1');
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '401 invalid_client', 'a client that was disabled');
    as('client', 'enable', 'dcm-1');
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '400 invalid_grant', '... and enabled: its families are gone');
}


sub lifetime {
    my $answer = first('dcm-1');
    my $ends = seen('dcm-1', $answer->{refresh_token})->{exp};
    my $begun = time;

    wait_for(sub { time > $begun });
    (undef, $answer) = refresh('dcm-1', $answer->{refresh_token});
    is(seen('dcm-1', $answer->{refresh_token})->{exp}, $ends,
       '[30] rotation does not lengthen its life');
}


sub visible {
    my $answer = first('dcm-1');
    my $value = $answer->{refresh_token};
    my $nothing = { active => JSON::PP::false };
    my $said = seen('dcm-1', $value);

    is($said->{active}, JSON::PP::true, '[32] its client sees it');
    is($said->{token_type}, undef, '... as no access token');
    is($said->{cnf}{'x5t#S256'}, $thumbprint{'dcm-1'}, '... bound');
    ok(!active($value), '[32] the gateway does not');
    is_deeply(seen('gateway', $value), $nothing,
              '[32] nor on the public socket');
    is_deeply(seen('other', $value), $nothing, '[32] nor another client');

    is(seen('dcm-1', $answer->{access_token})->{active}, JSON::PP::true,
       '[32] own access tokens');
    is_deeply(seen('other', $answer->{access_token}), $nothing,
              '[32] those of others');

    refresh('dcm-1', $value);
    is_deeply(seen('dcm-1', $value), $nothing, 'one that was used');
}


sub revoked {
    my $answer = first('dcm-1');
    my $value = $answer->{refresh_token};

    is((revoke('other', token => $value))[0], 200,
       '[36] RFC 7009, 2.2: a foreign refresh token: 200');
    ok(active($answer->{access_token}), '[36] ... untouched');

    is((revoke('dcm-1', token => $answer->{access_token}))[0], 200,
       'an access token is revoked');
    my ($status, $next) = refresh('dcm-1', $value);
    is($status, 200, '... its refresh token is not (RFC 7009, 2.1)');

    is((revoke('dcm-1', token => $value,
               token_type_hint => 'access_token'))[0], 200,
       '[36] a refresh token, with a wrong hint, the generation before');
    ok(!active($next->{access_token}), '[36] its access tokens are dead');
    is(outcome(refresh('dcm-1', $next->{refresh_token})),
       '400 invalid_grant', '[36] and the family');
    is((revoke('dcm-1', token => $value))[0], 200, '[36] once more: 200');

    for my $what ('hars_client', 'hars_sub') {
        $answer = first('dcm-1');
        revoke('oscar', $what => 'dcm-1');
        is(outcome(refresh('dcm-1', $answer->{refresh_token})),
           '400 invalid_grant', "an operator ends them by $what");
    }

    $answer = first('dcm-1');
    my ($rc) = as('revoke', '--token', $answer->{refresh_token});
    is($rc, 0, 'by hand');
    is(outcome(refresh('dcm-1', $answer->{refresh_token})),
       '400 invalid_grant', '... too');
}
