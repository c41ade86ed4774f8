#!/usr/bin/perl

# Two servers on one database: what is used once is used once by both, what
# one of them revoked or disabled the other one does not believe, and work that
# crosses fails for nobody.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::More;
use Time::HiRes qw(sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::EndToEnd qw(:oauth !issue);
use HarsTest::Kept;
use HarsTest::Pkcs10;
use HarsTest::Postgres;

my $ml = 'https://ml.hars.localhost/';
my $o = 'O=HARS Gateway demo';
my $rounds = $ENV{ROUNDS} || 20;
my $leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n"
    . "extendedKeyUsage=clientAuth\n";

BAIL_OUT("$program is not there: make all") unless -x $program;

my $pg = HarsTest::Postgres->new;
$pg->stop;
$pg->start('-c', 'track_commit_timestamp=on');
$pg->sql('CREATE DATABASE hars');

my @http;
prepare();

secrets();
registrations();
generations();
disabled();
disabled_midway();
revoked();
renewals();
crossing();

for my $i (1, 2) {
    is(ended("as$i", 'TERM'), 0, "server $i stops");
    unlike(content("$dir/as$i.log"), qr/hats_|Sanitizer|runtime error/,
           '... nothing secret in the log');
}

done_testing();


sub prepare {
    pki('authorities');
    certificate($_) for qw(dcm-1 dcm-2);
    write_file('refresh.key', '77' x 32 . "\n", 0600);
    conf($_) for '', 1, 2;
    said('ca', 'init', '--name', 'O=Test');
    add('gateway', '--kind', 'resource_server');
    add('dcm-1', '--subject-dn', "CN=dcm-1,$o", '--scope', 'ml:recognize');
    add('dcm-2', '--subject-dn', "CN=dcm-2,$o", '--scope', 'ml:recognize',
        '--refresh');
    add('e', '--subject-dn', 'CN=e,O=HARS', '--scope', 'ml:recognize',
        '--refresh');

    for my $i (1, 2) {
        launch("as$i", $program, '--config', "$dir/as$i.conf", 'serve');
        wait_for(sub { listening("$dir/public$i.sock") })
            or BAIL_OUT('no server: ' . content("$dir/as$i.log"));
    }
    @http = map { HarsTest::Kept->new("$dir/public$_.sock") } 1, 2;
}


sub conf {
    my ($i) = @_;

    write_file("as$i.conf", <<"END");
issuer = https://auth.hars.localhost
database = ${\ $pg->uri('hars')}
client_ca = $dir/pki/client-ca.pem
ca_dir = $dir/ca
refresh_key = $dir/refresh.key
public_socket = $dir/public$i.sock
gateway_socket = $dir/gateway$i.sock
gateway_user = ${\ scalar getpwuid($>)}
END
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


# does the same at several servers at once: what each one returns (a line)
sub at_once {
    my ($n, $do) = @_;
    my (@pid, @line);

    unlink "$dir/go";
    for my $i (0 .. $n - 1) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $http = HarsTest::Kept->new("$dir/public" . (1 + $i % 2)
                                           . '.sock');
            srand($i);
            select undef, undef, undef, 0.0005 while !-e "$dir/go";
            write_file("line.$i", $do->($http, $i));
            POSIX::_exit(0);
        }
        push @pid, $pid;
    }

    sleep 0.02;
    write_file('go', '');
    waitpid $_, 0 for @pid;

    return map { content("$dir/line.$_") // '' } 0 .. $n - 1;
}


# an enrolment's secret is used once
sub secrets {
    my $key = key("$dir/one.key");
    my $csr = encode_base64(request($key, name([O => 'HARS', CN => 'e'])), '');
    my (%first, $twice);

    for my $round (1 .. $rounds) {
        my ($secret) = said('client', 'enrol', 'e')
            =~ /^enrol_secret\t(\S+)/m;
        my @status = at_once(4, sub {
            return ($_[0]->send('POST', '/.well-known/est/simpleenroll',
                                ['Authorization: Basic '
                                 . encode_base64("e:$secret", '')],
                                'application/pkcs10', $csr))[0] // 0;
        });

        $twice++ if join(' ', sort @status) ne '200 401 401 401';
        $first{ $status[0] == 200 || $status[2] == 200 ? 1 : 2 }++;
    }

    is($twice, undef, "[47] $rounds secrets, each at both servers: one use");
    note "server 1 was first $first{1} times" if $first{1};
    is($pg->sql('SELECT count(*) FROM certificate', 'hars'), $rounds,
       '... as many certificates');
}


sub registrations {
    my $wrong = 0;
    my $metadata = $json->encode({ tls_client_auth_subject_dn =>
                                       "CN=dcm-1,$o" });

    for my $round (1 .. $rounds) {
        my ($token) = said('register-token', 'add', '--kind', 'service',
                           '--resource', $ml, '--uses', 2)
            =~ /^initial_access_token\t(\S+)/m;
        my @status = at_once(4, sub {
            return ($_[0]->send('POST', '/oauth2/register',
                                [$cert{'dcm-1'},
                                 "Authorization: Bearer $token"],
                                'application/json', $metadata))[0] // 0;
        });

        $wrong++ if join(' ', sort @status) ne '201 201 401 401';
    }

    is($wrong, 0, "[37] $rounds tokens of two uses, four at once");
}


sub granted {
    my ($http, $id, @more) = @_;

    return $http->post('/oauth2/token', [$cert{$id}], client_id => $id,
                       @more ? @more : (grant_type => 'client_credentials'));
}


# one refresh token at both: the same successor, once
sub generations {
    my ($status, $answer) = granted($http[0], 'dcm-2');
    my $wrong = 0;

    for my $round (1 .. $rounds) {
        my $token = $answer->{refresh_token};
        my @next = at_once(8, sub {
            my ($status, $answer) =
                granted($_[0], 'dcm-2', grant_type => 'refresh_token',
                        refresh_token => $token);
            return $status == 200 ? $answer->{refresh_token} : $status;
        });

        $wrong++ if grep { $_ ne $next[0] || !/^hats_rt_/ } @next;
        $answer = { refresh_token => $next[0] };
    }

    is($wrong, 0, "[29] $rounds refresh tokens, eight at once: one successor");
    my ($generation) = map { unpack 'x16 N', decode_base64url($_) }
                       $answer->{refresh_token} =~ /^hats_rt_(.*)/;
    is($generation, 1 + $rounds, '... and one generation each');

    # what has ended at the one has ended at the other
    ($status) = $http[0]->post('/oauth2/revoke', [$cert{'dcm-2'}],
                               client_id => 'dcm-2',
                               token => $answer->{refresh_token});
    is($status, 200, 'it is revoked at one of them');
    ($status, $answer) =
        granted($http[1], 'dcm-2', grant_type => 'refresh_token',
                refresh_token => $answer->{refresh_token});
    is($status, 400, '... and refused by the other one');
}


# asks for tokens till there is none, and says them all
sub all_of {
    my ($http, $id) = @_;
    my @token;

    for (1 .. 5000) {
        my ($status, $answer) = granted($http, $id);
        last if $status != 200;
        push @token, $answer->{access_token};
    }

    return join ' ', @token;
}


sub live {
    my ($token) = @_;
    my ($status, $answer) =
        HarsTest::Kept->new("$dir/gateway2.sock")->post('/introspect', [],
                                                        token => $token);
    return !ref $answer || $answer->{active};
}


# tokens of 4 that ask while somebody ends it, and those that are left
sub ending {
    my ($id, @command) = @_;
    my @token = map { split / / } at_once(5, sub {
        my ($http, $i) = @_;

        return all_of($http, $id) if $i < 4;
        said(@command);
        return '';
    });

    return (scalar @token, scalar grep { live($_) } @token);
}


# after "disable" there is no token, whatever was on its way
sub disabled {
    my ($issued, $left) = (0, 0);

    for my $round (1 .. $rounds / 2) {
        my ($n, $of) = ending('dcm-1', 'client', 'disable', 'dcm-1');

        $issued += $n;
        $left += $of;
        said('client', 'enable', 'dcm-1');
    }

    ok($issued, "disabled while $issued tokens are issued");
    is($left, 0, '... none of them is left');
}


# a token whose transaction stands still is waited for, and seen
sub disabled_midway {
    my @pid = map {
        my $do = $_;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            $do->();
            POSIX::_exit(0);
        }
        $pid;
    } (
        sub {
            $pg->sql('BEGIN; LOCK TABLE binding IN SHARE MODE;'
                     . ' SELECT pg_sleep(1.5); COMMIT', 'hars');
        },
        sub {
            waiting(1);
            my ($status, $answer) =
                granted(HarsTest::Kept->new("$dir/public1.sock"), 'dcm-1');
            write_file('midway', $answer->{access_token} // $status);
        },
    );

    ok(waiting(2), 'a token is on its way');
    said('client', 'disable', 'dcm-1');
    waitpid $_, 0 for @pid;
    said('client', 'enable', 'dcm-1');

    my $token = content("$dir/midway");
    like($token, qr/^hats_at_/, '... is issued');
    ok(!live($token), '... and ended by "disable", which waited for it');
}


# so many hold the lock on "binding", or wait for it
sub waiting {
    my ($n) = @_;

    return wait_for(sub {
        return $pg->sql("SELECT count(*) FROM pg_locks WHERE relation ="
                        . " 'binding'::regclass AND mode IN ('ShareLock',"
                        . " 'RowExclusiveLock')", 'hars') >= $n;
    }, 5);
}


# a certificate is revoked by one more while both issue
sub revoked {
    my ($issued, $left) = (0, 0);

    for my $round (1 .. 6) {
        issue_certificate("r$round");
        my ($n, $of) = ending("r$round", 'revoke', '--thumbprint',
                              $thumbprint{"r$round"});
        $issued += $n;
        $left += $of;
    }

    ok($issued, "certificates are revoked while $issued tokens are issued");
    is($left, 0, '... none of them is left');
}


sub issue_certificate {
    my ($name) = @_;

    HarsTest::EndToEnd::issue($name, 'client-ca', $leaf);
    add($name, '--subject-dn', "CN=$name");
}


# a certificate is renewed at both: the families follow to the last one
sub renewals {
    my $key = key("$dir/one.key");
    my $csr = encode_base64(request($key, name([O => 'HARS', CN => 'e'])), '');
    my ($secret) = said('client', 'enrol', 'e') =~ /^enrol_secret\t(\S+)/m;
    my (undef, $body) =
        $http[0]->send('POST', '/.well-known/est/simpleenroll',
                       ['Authorization: Basic '
                        . encode_base64("e:$secret", '')],
                       'application/pkcs10', $csr);

    keep('e', $body);
    my ($status, $answer) = granted($http[0], 'e');
    is($status, 200, 'a family of a certificate of ours');

    # an hour's worth of them was taken above
    $pg->sql("UPDATE certificate SET issued_at = issued_at - 86400", 'hars');

    my $lost = 0;
    for my $round (1 .. 6) {
        my @body = at_once(2, sub {
            my ($status, $body) =
                $_[0]->send('POST', '/.well-known/est/simplereenroll',
                            [$cert{e}], 'application/pkcs10', $csr);
            return $status == 200 ? $body : $status;
        });

        # the family is where the last one of the two left it
        my ($last, $bound) = map { $pg->sql($_, 'hars') }
            "SELECT encode(thumbprint, 'hex') FROM certificate"
            . ' ORDER BY pg_xact_commit_timestamp(xmin) DESC LIMIT 1',
            "SELECT encode(cnf, 'hex') FROM family WHERE client_id = 'e'";
        $lost++ if $last ne $bound;

        for my $body (@body) {
            keep('one', $body);
            keep('e', $body)
                if unpack('H*', decode_base64url($thumbprint{one})) eq $bound;
        }
    }
    is($lost, 0, 'renewed at both: the family follows to the last one');

    ($status) = granted($http[0], 'e', grant_type => 'refresh_token',
                        refresh_token => $answer->{refresh_token});
    is($status, 200, '... whose client goes on');
}


# the certificate of PKCS #7, for requests
sub keep {
    my ($name, $body) = @_;

    write_file('answer', MIME::Base64::decode_base64($body));
    my (undef, $said) = run('openssl', 'pkcs7', '-inform', 'DER', '-in',
                            "$dir/answer", '-print_certs');
    write_file("pki/$name.pem", $said);
    known($name);
}


# two rows in both orders: locks cross, and nobody fails
sub crossing {
    my @token = map { said('register-token', 'add', '--kind', 'service',
                           '--resource', $ml, '--uses', 1000)
                      =~ /^initial_access_token\t(\S+)/m ? $1 : () } 1 .. 2;
    my $metadata = $json->encode({ tls_client_auth_subject_dn =>
                                       "CN=dcm-1,$o" });
    my $deadlocks = 'SELECT deadlocks FROM pg_stat_database'
        . " WHERE datname = 'hars'";
    my $before = $pg->sql($deadlocks);

    my %seen;
    for my $line (at_once(16, sub {
        my ($http) = @_;

        return join ' ', map {
            ($http->send('POST', '/oauth2/register',
                         [$cert{'dcm-1'},
                          "Authorization: Bearer $token[rand @token]"],
                         'application/json', $metadata))[0] // 'none'
        } 1 .. 30;
    })) {
        $seen{$_}++ for split / /, $line;
    }

    is_deeply(\%seen, { 201 => 480 }, 'locks that cross: no error');
    is($pg->sql('SELECT sum(uses) FROM register_token WHERE uses > 2',
                'hars'), 2000 - 480, '... and no use is lost');
    note 'deadlocks: ', $pg->sql($deadlocks) - $before;
}
