#!/usr/bin/perl

# From a patient's device to a caregiver's screen, through the reference
# gateway alone: the recording is recognized and the activities arrive live.
# What stops recognition, and goes on by itself: 503 with Retry-After, a
# gateway that names another authority, which the certificate is not shown to.
# The own certificate is renewed before a third of its life is left.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_packed ml_walking);
use HarsTest::People;
use IO::Select;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new;
my $walk = ml_walking();
my $t0 = int(time) - 7200;
my $n = 0;
my $anna;

HarsTest::Reference::settings('dcm.conf', '');
HarsTest::Reference::authority('--name', 'O=HARS Gateway demo');
people(anna => 'patient', bea => 'caregiver');
gateway_start();
$anna = sub_of('anna');

live();
busy();
refused();
foreign();
renewed();
gateway_stop();
done_testing();


sub wait_for { return HarsTest::Place::wait_for(@_) }
sub path { return HarsTest::Reference::path($_[0]) }


# ten seconds of walking; its id
sub upload {
    my $at = $t0 + 20 * ++$n;
    my $rows = [map { [$at + $_->[0], @$_[1 .. 6]] } @$walk];

    is((ask('anna', 'POST', "/v1/recordings?id=r$n&placement=pocket"
            . '&sampling_rate_hz=50', ml_packed(0, $rows),
            type => 'application/vnd.hars.samples'))[0], 201, "r$n is sent");

    return "r$n";
}


sub state {
    my $is = (ask('anna', 'GET', "/v1/recordings/$_[0]"))[1];

    return ref $is ? $is->{state} : '';
}


sub is_done {
    my ($id, $seconds) = @_;

    ok(wait_for($seconds // 15, sub { sleep 0.05; state($id) eq 'done' }),
       "$id is recognized") or diag said();
}


sub said { return HarsTest::Reference::slurp(path('dcm.log')) }


# curl's eye on a stream; lines as they come
sub follow {
    my ($name, @more) = @_;
    my $cert = certificate_of($name);

    my $pid = open my $fh, '-|', 'curl', '-q', '-sN', '--noproxy', '*',
        '--cacert', "$HarsTest::Place::pki/ca.pem", '--cert', "$cert.pem",
        '--key', "$cert.key", '-H', 'Authorization: Bearer ' . token($name),
        @more, url() . "/v1/patients/$anna/events" or die "curl: $!\n";

    return { pid => $pid, fh => $fh, text => '' };
}


sub event {
    my ($s, $seconds) = @_;
    my $end = time + $seconds;

    while (time < $end) {
        return { id => $1, %{ $json->decode($2) } } if $s->{text}
            =~ s/.*?^id: (\d+)\nevent: activities\ndata: (.*)\n\n//ms;
        IO::Select->new($s->{fh})->can_read($end - time) or last;
        sysread $s->{fh}, $s->{text}, 65536, length $s->{text} or last;
    }

    return;
}


# seconds till its end
sub ended {
    my ($s, $seconds) = @_;
    my $begun = time;

    while (time < $begun + $seconds) {
        IO::Select->new($s->{fh})->can_read($begun + $seconds - time) or last;
        sysread $s->{fh}, $s->{text}, 65536, length $s->{text}
            or return time - $begun;
    }

    return $seconds;
}


sub live {
    is((ask('anna', 'PUT', "/v1/patients/$anna/caregivers/" . sub_of('bea'),
            { role => 'caregiver', until => undef, since => $t0 }))[0], 200,
       'bea may see what anna does');
    my $s = follow('bea');
    ok(wait_for(5, sub {
        IO::Select->new($s->{fh})->can_read(0)
            and sysread $s->{fh}, $s->{text}, 4096, length $s->{text};
        return $s->{text} =~ /^retry: \d+\nid: 0\n\n/m;
    }), 'her stream begins at once, and says where: nobody buffers it');

    my $sent = time;
    my $id = upload();
    my $event = event($s, 10);
    is($event->{recording}, $id, 'anna walks, bea sees it');
    note sprintf 'after %.2f s', time - $sent;
    is_deeply([map { $_->{smoothed} } @{ $event->{activities} }],
              [('walking') x 7], '... walking');

    is((ask('anna', 'DELETE', "/v1/patients/$anna/caregivers/"
            . sub_of('bea')))[0], 200, 'anna disconnects her');
    my $ended = ended($s, 5);
    cmp_ok($ended, '<', 1.1, '... and the stream ends within a second');
    kill 'TERM', $s->{pid};
    close $s->{fh};
    is((ask('bea', 'GET', "/v1/patients/$anna/events"))[0], 404,
       '... there is no such patient any more');

    # anna's own one: what was missed
    $s = follow('anna', '-H', 'Last-Event-ID: 0');
    is(event($s, 5)->{recording}, $id, 'from the first event on');
    kill 'TERM', $s->{pid};
    close $s->{fh};
}


# the ML service wants to be left alone
sub busy {
    my $nginx = HarsTest::Reference::nginx(sub {
        s{location = /v1/recognitions \{}
         {location = /v1/recognitions { hars off override;
              error_page 418 /none;    # in the place of those for all
              add_header Retry-After 3 always; return 503; }
          location = /v1/unused \{} or die;
    });
    HarsTest::Reference::reload();

    my $begun = time;
    my $id = upload();
    ok(wait_for(10, sub { said() =~ /recognition waits for 3\.0 s: status 503/ }),
       'it waits as long as it was told') or diag said();
    $nginx = HarsTest::Reference::nginx(sub { });
    HarsTest::Reference::reload();
    is_done($id);
    cmp_ok(time - $begun, '>', 2.5, '... and not less');
}


# what the service says is wrong with a recording is its reason, for good
sub refused {
    HarsTest::Reference::nginx(sub {
        s{location = /v1/recognitions \{}
         {location = /v1/recognitions { hars off override;
              error_page 418 /none;
              default_type application/problem+json;
              return 422 '{"status":422,"detail":"too <odd>"}'; }
          location = /v1/unused \{} or die;
    });
    HarsTest::Reference::reload();

    my $id = upload();
    ok(wait_for(10, sub { sleep 0.05; state($id) eq 'failed' }),
       "$id has failed") or diag said();
    my $is = (ask('anna', 'GET', "/v1/recordings/$id"))[1];
    is($is->{reason}, 'too <odd>', '... for the reason given');
    HarsTest::Reference::nginx(sub { });
    HarsTest::Reference::reload();

    is_done(upload());
    is(state($id), 'failed', '... and is not sent again');
}


# the gateway wants certificates of others: none is shown to it
sub foreign {
    HarsTest::Reference::nginx(sub {
        s{(server_name ml\.hars\.localhost;.*?ssl_client_certificate )\S+;}
         {$1$HarsTest::Place::pki/foreign-ca.pem;}s;
    });
    HarsTest::Reference::reload();

    my $id = upload();
    ok(wait_for(10, sub {
        said() =~ /recognition waits.*does not name the authority/
    }), 'to a server of another authority no certificate goes')
        or diag said();
    isnt(state($id), 'failed', '... which is not the recording\'s fault');

    HarsTest::Reference::nginx(sub { });
    HarsTest::Reference::reload();
    is_done($id, 30);
}


# a certificate of the authorization server's own authority, which is nearly
# over
sub renewed {
    my ($key, $pem) = map { path("client.$_") } qw(key pem);
    my $dn = HarsTest::Reference::subject('hars-dcm');
    my ($root, $ca) = (path('ca'), "$HarsTest::Place::pki/ca.pem");

    # as that authority would have made it, 40 days ago
    open my $fh, '>', path('renew.ext') or die;
    print $fh "basicConstraints=critical,CA:FALSE\n"
        . "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
        . "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
    close $fh;
    my $was = HarsTest::Reference::slurp($pem);
    enrolled($key, $pem);
    isnt(HarsTest::Reference::slurp($pem), $was, 'a certificate by EST');
    my $short = HarsTest::Reference::slurp($pem);

    # of some days: not yet
    HarsTest::Reference::restart('dcm');
    is_done(upload());
    is(HarsTest::Reference::slurp($pem), $short, 'a new one is not renewed');

    # the clock of the process is ahead: a third of its life is left
    HarsTest::Reference::restart('dcm', 5 * 86400);
    ok(wait_for(15, sub { HarsTest::Reference::slurp($pem) ne $short }),
       'one that is old is') or diag said();
    ok(wait_for(5, sub {
        said() =~ /own certificate ".*client\.pem" is a new one/
    }), '... as the log says');
    my $now = `openssl x509 -in $pem -noout -subject`;
    like($now, qr/hars-dcm/, '... of the same name');

    HarsTest::Reference::restart('dcm');
    is_done(upload());
}


sub enrolled {
    my ($key, $pem) = @_;
    my ($secret) = HarsTest::Reference::as('client', 'enrol', 'hars-dcm')
        =~ /(hats_es_[\w-]+)/;
    my $file = path('secret');

    HarsTest::Reference::spew('secret', "$secret\n");
    unlink $pem;
    is(system("$HarsTest::Place::build/bin/hars", 'enrol', '--url',
              HarsTest::Reference::auth(), '--client-id', 'hars-dcm',
              '--secret-file', $file, '--ca', "$HarsTest::Place::pki/ca.pem",
              '--key', $key, '--cert', $pem), 0, 'enrolled');
}
