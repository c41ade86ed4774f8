#!/usr/bin/perl

# All of the fog, nothing of it a double: wearables, hars-fognode, nginx with
# the module, authorization server, Redis, hars-fogcloud, data collecting
# mechanism, ML service.  A recording becomes activities on the wearable and
# before its patient, and before nobody else; another fog node, a stolen token,
# a revoked wearable; whoever is away, nothing that was kept is lost.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_csv ml_packed ml_walking);
use HarsTest::People;
use HarsTest::Run;

my $build = $HarsTest::Place::build;
my $pki = $HarsTest::Place::pki;
my $fog = $HarsTest::Reference::fog;
my $rows = 0;                                    # that were kept
my ($anna, $seen);

my @fog = ('--resource', $fog, '--scope');
my $patient = 'recordings:write activities:read samples:read consent:write '
    . 'fog:register';

people(anna => ['patient', @fog, $patient], paul => ['patient', @fog, $patient],
       edge => ['fog_node', @fog, 'fog:relay recordings:fog'],
       edgy => ['fog_node', @fog, 'fog:relay recordings:fog']);
gateway_start(dcm => 1, fog => 1);
$anna = sub_of('anna');

walking();
settings();
device($_) for qw(anna paul);
fognode_start();

session();
others();
the_dcm_is_away();
the_cloud_is_away();
renewed();
revoked();

is(end('fognode'), 0, 'the fog node ends');
end('watch');
unlike(content(path("$_.log")), qr/hats_|watch-anna|Sanitizer|runtime error/,
       "the log of $_ has no token and no identity")
    for qw(fognode dcm fogcloud);
gateway_stop();

done_testing();


sub path { return HarsTest::Reference::path($_[0]) }


# real walking, where it is
sub walking {
    my $all = ($ENV{HARS_SHARED} // "$HarsTest::Place::top/../shared")
              . '/har/motionsense/sub_01.csv.gz';
    my @rows = map { [ @$_ ] } @{ ml_walking() };

    if (-r $all) {
        open my $fh, '-|', 'gzip', '-dc', $all or die "gzip: $!\n";
        my @line = map { [ split /[,\n]/ ] } grep { /^1,walking,7,/ } <$fh>;
        close $fh;
        @rows = map { [ @$_[3 .. 9] ] } @line[1000 .. 2999];

    } else {
        diag('there is no data of people beside the repository: synthetic '
             . 'walking');
        @rows = map { my $n = $_;
                      map { [ $_->[0] + 10.24 * $n, @$_[1 .. 6] ] } @rows }
            0 .. 3;
    }

    write_file('walking.csv', "timestamp_s,ax,ay,az,gx,gy,gz\n"
               . join '', map { join(',', @$_) . "\n" } @rows);
}


sub settings {
    my %setting = (
        socket => path('fn.sock'), state => path('fn.state'),
        seal_key => path('fn.key'), spool => path('fn.spool'),
        rate => 100, burst => 100,
        fog_url => cloud(), fog_resource => $fog,
        dcm_url => url(), dcm_resource => $HarsTest::Reference::dcm,
        auth_url => HarsTest::Reference::auth(), client_id => 'edge',
        certificate => path('edge.pem'), key => path('edge.key'),
        server_ca => "$pki/ca.pem");

    identity('edge');
    write_file('fn.key', '7c' x 32 . "\n");
    write_file('fn.conf',
               join '', map { "$_ = $setting{$_}\n" } sort keys %setting);

    my ($rc, $said) = run("$build/bin/hars-fognode", '--config',
                          path('fn.conf'), 'register');
    is($rc, 0, 'the fog node registers itself') or diag($said);
}


# the fog node's; the certificate comes last, in one step
sub identity {
    my ($name) = @_;

    for (qw(key pem)) {
        write_file("$_.new", content("$pki/who-$name.$_"));
        rename path("$_.new"), path("edge.$_") or die "edge.$_: $!\n";
    }
}


sub cloud { return 'https://fog.hars.localhost:' . HarsTest::Reference::port() }


# of that patient, registered by the patient
sub device {
    my ($name) = @_;

    my ($status, $given, undef, $text) =
        ask($name, 'POST', '/v1/fog/devices', { id => "watch-$name" },
            url => cloud(), resource => $fog, scope => 'fog:register');
    is($status, 201, "$name registers a wearable");

    write_file("$name.alias", $given->{alias});
    write_file("$name.json", $text);
    write_file("$name.owner", "watch-$name\nsecret\n");
    my ($rc, $said) = run("$build/bin/hars-wearable", 'provision', '--small',
        '--flash', path("$name.flash"), '--owner-file', path("$name.owner"),
        '--registration', path("$name.json"));
    is($rc, 0, '... and makes it') or diag($said);
}


# its first row was recorded so many seconds ago
sub wearing {
    my ($name, $ago, @more) = @_;

    return ("$build/bin/hars-wearable", 'run', '--small', '--flash',
            path("$name.flash"), '--owner-file', path("$name.owner"),
            '--node', 'unix:' . path('fn.sock'), '--recording',
            path('walking.csv'), '--speed', 1000, '--backoff', 50, '--tries',
            10, '--kept-wait', 10000, '--start', int((time - $ago) * 1000),
            @more);
}


# what the data collecting mechanism has of somebody, by its fog node
sub recordings {
    my ($name) = @_;
    my ($status, $all) = ask($name, 'GET', '/v1/patients/' . sub_of($name)
                             . '/export?format=json', undef,
                             scope => 'samples:read');

    return $status == 200 ? grep { $_->{client_id} eq 'edge' }
                                 @{ $all->{recordings} } : ();
}


sub received {
    my $n = 0;
    $n += $_->{received} for recordings(@_);
    return $n;
}


sub session {
    $child{watch} = watch();

    # from its first line on all of it is live
    ok(wait_for(sub { content(path('seen')) ne '' }, 1)
       || upload_one(), 'anna watches');

    my ($rc, $said) = run(wearing('anna', 60, '--linger', 6000));
    is($rc, 0, 'a wearable, a fog node, and all is kept')
        or diag($said, content(path('fognode.log')));
    like($said, qr/^\d+\.\d{3} \d+\.\d{3} walking$/m,
         '... walking comes back to the wearable')
        or diag($said, map { content(path("$_.log")) } qw(fognode dcm));
    my @recorded = recordings('anna');
    is(received('anna'), content(path('walking.csv')) =~ tr/\n// - 1,
       'each row is the patient\'s');
    $rows = received('anna');
    is_deeply([ map { $_->{state} } @recorded ], [ 'done' ], '... recognized');
    is($recorded[0]{fog_device}, content(path('anna.alias')),
       '... by her wearable');
    is($recorded[0]{certificate_s256}, thumbprint('edge'),
       '... through the fog node with this certificate');
    ok(wait_for(sub { content(path('seen')) =~ /walking.*walking/s }, 10),
       'hars watch prints it') or diag(content(path('seen')));

    my ($status, $all) = ask('anna', 'GET',
                             "/v1/patients/$anna/activities");
    my @of = grep { $_->{recording} eq $recorded[0]{id} }
        @{ $all->{activities} };
    cmp_ok(scalar(grep { $_->{smoothed} eq 'walking' } @of), '>', 10,
           'and the patient sees it');
    $seen = $recorded[0];
}


sub thumbprint {
    return HarsTest::Place::thumbprint("who-$_[0]");
}


# till the stream is there; recordings of her own of yesterday
sub upload_one {
    for my $n (1 .. 20) {
        my $csv = ml_csv('t_s,ax,ay,az,gx,gy,gz',
            [ map { [ sprintf('%.3f', time - 80000 + 60 * $n + $_->[0]),
                      @$_[1 .. 6] ] } @{ ml_walking() } ]);
        ask('anna', 'POST', "/v1/recordings?id=own-$n&placement=pocket"
            . '&sampling_rate_hz=50', $csv, type => 'text/csv');
        return 1 if wait_for(sub { content(path('seen')) ne '' }, 2);
    }

    return 0;
}


sub watch {
    my $cert = certificate_of('anna');
    my $pid = fork // die "fork: $!\n";

    return $pid if $pid;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', path('seen') or die;
    open STDERR, '>', path('seen.err') or die;
    exec 'setpriv', '--pdeathsig', 'KILL', "$build/bin/hars", 'watch',
        '--patient', $anna, '--url', url(), '--cert', "$cert.pem", '--key',
        "$cert.key", '--cacert', "$pki/ca.pem", '--auth-url',
        HarsTest::Reference::auth(), '--client-id', 'anna', '--resource',
        $HarsTest::Reference::dcm
        or POSIX::_exit(127);
}


# nobody else sees it, and nobody else sends for her
sub others {
    my ($sid, $id) = @$seen{qw(fog_session id)};
    my $relay = 'recordings:fog';

    is((ask('paul', 'GET', "/v1/patients/$anna/activities"))[0], 404,
       'another patient sees none of it');
    is((ask('paul', 'GET', "/v1/recordings/$id/activities"))[0], 404,
       '... by its id neither');

    my ($status, $said) = ask('edge', 'GET', "/v1/recordings/$id/activities",
                              undef, scope => $relay);
    is($status, 200, 'its fog node does');
    is($said->{patient}, undef, '... and is not told of whom');
    is((ask('edgy', 'GET', "/v1/recordings/$id/activities", undef,
            scope => $relay))[0], 404, 'another fog node sees none');

    my $post = "/v1/recordings?id=mine&placement=pocket&sampling_rate_hz=50"
        . "&fog_session=$sid";
    my $body = ml_packed(0, [ map { [ time - 12 + $_->[0], @$_[1 .. 6] ] }
                              @{ ml_walking() } ]);
    my %as = (type => 'application/vnd.hars.samples', scope => $relay);

    ($status, $said) = ask('edgy', 'POST', $post, $body, %as);
    is($status, 422, 'another fog node, by its own good token, sends nothing '
       . 'into the session');
    is($said->{field}, 'fog_session', '... which is none of its own');
    is((ask('edgy', 'POST', $post, $body, %as, token => token('edge', $relay)))
       [0], 401, 'with the token of the first one neither: it is bound');
    is((ask('paul', 'POST', $post, $body, type => $as{type}))[0], 422,
       'a patient cannot either');
    is((ask('edge', 'POST', $post =~ s/$sid/'ab' x 16/er, $body, %as))[0], 422,
       'a session that there is not');
    is(received('anna'), $rows, 'nothing of that was stored');

    # her fog node with another patient's wearable
    my ($rc, $out) = run(wearing('paul', 50));
    is($rc, 0, 'another wearable at this fog node');
    ok(wait_for(sub { received('paul') == $rows }), '... is its own patient\'s');
    is(received('anna'), $rows, '... and not hers');
}


sub the_dcm_is_away {
    my $before = received('anna');

    HarsTest::Reference::end('dcm');
    my ($rc, $said) = run(wearing('anna', 50));
    is($rc, 0, 'the data collecting mechanism is away: all is kept')
        or diag($said);
    ok(spooled(), '... by the fog node');
    end('fognode', 'KILL');
    fognode_start();
    ok(spooled(), '... that is killed, too');

    HarsTest::Reference::begin('dcm');
    ok(wait_for(sub { received('anna') == $before + $rows }, 60),
       'it is back: nothing was lost, nothing is there twice')
        or diag(received('anna'), content(path('fognode.log')));
    ok(wait_for(sub { !spooled() }), '... and the spool is empty');
}


# a session that is open goes on; whose it is has to wait
sub the_cloud_is_away {
    my $before = received('anna');
    my $child = fork // die "fork: $!\n";

    if ($child == 0) {
        open STDOUT, '>', path('wearing.said');
        open STDERR, '>&', \*STDOUT;
        exec wearing('anna', 50, '--speed', 8) or POSIX::_exit(127);
    }

    ok(wait_for(sub { spooled() }), 'a session, and rows of it');
    HarsTest::Reference::end('fogcloud');
    waitpid $child, 0;
    is($?, 0, 'hars-fogcloud is away: all is kept')
        or diag(content(path('wearing.said')));
    ok(wait_for(sub { content(path('fognode.log')) =~ /status 503/ }),
       '... and told to come again');
    is(received('anna'), $before, '... nothing is stored of whom nobody '
       . 'knows');

    HarsTest::Reference::begin('fogcloud');
    ok(wait_for(sub { received('anna') == $before + $rows }, 60),
       'it is back: nothing was lost')
        or diag(received('anna') - $before, content(path('fognode.log')));
    is_deeply([ glob path('fn.spool') . '/*.refused' ], [],
              '... nothing was refused');
}


# another certificate of the fog node: no connection and no token of the old
# one goes on
sub renewed {
    system("$HarsTest::Place::top/scripts/demo-pki.sh", $pki, 'client',
           'who-edge-2', '--cn', 'edge') == 0 or die "demo-pki.sh\n";
    identity('edge-2');

    my $before = received('paul');
    my $refused = refused();
    my ($rc, $said) = run(wearing('paul', 50));
    is($rc, 0, 'the fog node has another certificate') or diag($said);
    ok(wait_for(sub { received('paul') == $before + $rows }),
       '... and sends by it') or diag(content(path('fognode.log')));
    is(scalar(grep { $_->{certificate_s256} eq thumbprint('edge-2') }
              recordings('paul')), 1,
       '... as the data collecting mechanism sees');
    is(refused(), $refused, '... no token of the old one is sent with it');
}


sub refused { return scalar grep { / 401 / } split /\n/, content(path('access.log')) }


sub revoked {
    my $before = received('anna');
    my ($status) = ask('anna', 'DELETE', '/v1/fog/devices/'
        . content(path('anna.alias')), undef, url => cloud(), resource =>
        $fog, scope => 'fog:register');

    is($status, 200, 'anna revokes her wearable');
    my ($rc, $said) = run(wearing('anna', 50, '--tries', 2));
    is($rc, 1, '... it gets no session');
    like($said, qr/refused/, '... and says so');
    is(received('anna'), $before, '... nothing more is stored');
    is((run(wearing('paul', 0)))[0], 0, 'another one does');
}


sub spooled { return scalar grep { -s } glob path('fn.spool') . '/*' }


sub fognode_start {
    launch('fognode', 'setpriv', '--pdeathsig', 'KILL',
           "$build/bin/hars-fognode", '--config', path('fn.conf'));
    wait_for(sub { IO::Socket::UNIX->new(Peer => path('fn.sock')) })
        or BAIL_OUT('hars-fognode does not start: '
                    . content(path('fognode.log')));
}
