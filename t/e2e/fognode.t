#!/usr/bin/perl

# hars-wearable, hars-fognode and hars-fogcloud as processes, with nginx and
# TLS 1.3 between the last two; what the gateway would verify of the token is
# said by nginx itself, and the data collecting mechanism is a double that
# writes down what it is sent.  Sessions: one, 64 at once, faults, killed
# parties: the device authenticates afterwards.  Records: what was kept
# arrives, whoever is away or killed meanwhile.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use HarsTest::Fogcloud;
use HarsTest::Fognode;
use HarsTest::Place;
use HarsTest::Run;

my $build = $HarsTest::Place::build;
my $dir = HarsTest::Place::dir();
my $tcp = HarsTest::Place::port(1);
my $json = JSON::PP->new->canonical;

fogcloud_start();
fognode_place();
fognode_settings(metrics => "$dir/metrics.sock",
                 metrics_user => scalar getpwuid $>);

registration();
one_session();
many_at_once();
metrics();
killed();
the_cloud_is_away();
what_is_refused();
limits();

fogcloud_stop();

done_testing();


sub registration {
    wrong(metrics_user => 'nobody-of-this-name', qr/metrics_user.*no such user/);
    wrong(listen => '127.0.0.1', qr/listen.*ADDRESS:PORT/);
    wrong(listen => 'localhost:7100', qr/listen.*ADDRESS:PORT/);
    wrong(fog_url => 'http://localhost', qr/fog_url.*https/);
    wrong(dcm_url => 'https://localhost/v1', qr/dcm_url.*https:..HOST/);
    wrong(certificate => "$HarsTest::Place::pki/b.pem",
          qr/certificate.*is not of this key/);
    wrong(key => "$HarsTest::Place::pki/a.pem", qr/key.*(?:private key|chmod)/);
    wrong(seal_key => '/nothing', qr/seal_key.*nothing/);
    wrong(rate => 0, qr/rate/);
    fognode_settings(metrics => "$dir/metrics.sock",
                     metrics_user => scalar getpwuid $>);

    my ($rc, $said) = check();
    is($rc, 1, '--check before it is registered');
    like($said, qr/it is made by: hars-fognode register/, '... says so');

    ($rc, $said) = run("$build/bin/hars-fognode", '--config',
                       "$dir/fognode.conf");
    is($rc, 1, 'without a state it does not start');
    like($said, qr/it is made by: hars-fognode register/, '... and says so');

    ($rc, $said) = run("$build/bin/hars-fognode", '--config',
                       "$dir/fognode.conf", 'register');
    is($rc, 0, 'registered by itself') or diag($said);
    is((stat "$dir/state")[2] & 07777, 0600, 'a state of its own');

    ($rc, $said) = run("$build/bin/hars-fognode", '--config',
                       "$dir/fognode.conf", 'register');
    is($rc, 1, 'once');
    like($said, qr/is there: this fog node is registered/, '... and says so');

    ($rc, $said) = check();
    is($rc, 0, '--check of all') or diag($said);
    like($said, qr/settings are good/, '... says so');
}


sub wrong {
    my ($name, $value, $pattern) = @_;

    fognode_settings(metrics => "$dir/metrics.sock", $name => $value);
    my ($rc, $said) = check();
    is($rc, 1, "$name = $value: refused");
    like($said, $pattern, '... says why');
}


sub check {
    return run("$build/bin/hars-fognode", '--config', "$dir/fognode.conf",
               '--check');
}


sub one_session {
    my ($status, $why) = run('sh', '-c', 'ulimit -n 200; exec "$@"', 'sh',
                             "$build/bin/hars-fognode", '--config',
                             "$dir/fognode.conf");
    is($status, 1, 'with too few open files it does not start');
    like($why, qr/200 open files are allowed .*ulimit -n/, '... and says so');

    fognode_dcm();
    fognode_start();
    fognode_device(0);

    my ($rc, $said) = run(fognode_wearing(0), '--linger', 4000);

    is($rc, 0, 'all is kept') or diag($said, content("$dir/fognode.log"));
    like($said, qr/^1700000000\.000 1700000005\.120 walking$/m,
         'what was recognized comes back, windows in a row as one')
        or diag(content("$dir/fognode.log"));
    is(join(' ', map { $_->{rows} } fognode_dcm_has()),
       '500', 'all rows are there');

    my ($one) = fognode_dcm_has();
    like($one->{path}, qr{^/v1/recordings\?id=([0-9a-f]{32})-000000-pocket
                          &placement=pocket&fog_session=\1
                          &sampling_rate_hz=50\.0$}x, 'its name');
    is($one->{first}, '1700000000.000000 3.0000', 'its first row');
    is_deeply([ glob "$dir/spool/*" ], [], 'nothing is left in the spool');

    ($rc, $said) = run(fognode_wearing(0), '--node', "127.0.0.1:$tcp");
    is($rc, 0, 'by TCP, too') or diag($said);
    ok(wait_for(sub { fognode_rows() == 1000 }), '... the rows, too')
        or diag(fognode_rows());

    unlike(content("$dir/fognode.log"), qr/wearable-0/,
           'the log has no identity');
}


sub many_at_once {
    my $n = 64;
    my $before = fognode_rows();

    fognode_device($_) for 1 .. $n - 1;

    my $begin = time;
    my @child = map {
        my $i = $_;
        my $child = fork // die "fork: $!\n";

        if ($child == 0) {
            open STDOUT, '>', "$dir/$i.said";
            open STDERR, '>&', \*STDOUT;
            exec fognode_wearing($i), '--rows', 50, '--tries', 8
                or POSIX::_exit(127);
        }

        $child;
    } 0 .. $n - 1;

    my $good = grep { waitpid($_, 0) == $_ && $? == 0 } @child;

    is($good, $n, "$n wearables at once through one fog node")
        or diag(map { content("$dir/$_.said") } 0 .. 3);
    diag(sprintf '%.1f s', time - $begin);
    ok(wait_for(sub { fognode_rows() == $before + 50 * $n }),
       '... the rows of all')
        or diag(fognode_rows() - $before);
}


# what was done so far, by its numbers
sub metrics {
    my ($status, $page) = fogcloud_at("$dir/metrics.sock", sub {
        my ($status, undef, undef, $text) = fogcloud_ask('GET', '/metrics');
        return ($status, $text);
    });

    is($status, 200, 'metrics at a socket of their own');
    like($page, qr/^$_$/m, $_) for
        'hars_fognode_sessions_total\{session="confirmed"\} 66',
        'hars_fognode_m2_total\{code="accepted"\} 66',
        'hars_fognode_rows_total 4200',
        'hars_fognode_recordings_total\{recording="sent"\} 66',
        'hars_fognode_records_total\{record="missing"\} 0',
        'hars_fognode_pending 0',
        'hars_fognode_links 0',
        'hars_fognode_spool_bytes 0',
        'hars_fognode_spool_bytes_max 268435456';
    unlike($page, qr/wearable-\d|[0-9a-f]{32}/, 'nobody is in them');
    like((fogcloud_at("$dir/metrics.sock",
                      sub { (fogcloud_ask('GET', '/healthz'))[3] })),
         qr/"ok"/, 'it is well');
}


# each party dies while sessions come and go
sub killed {
    my $before = fognode_rows();
    my $bad = 0;

    for my $round (1 .. 6) {
        my $child = fork // die "fork: $!\n";

        if ($child == 0) {
            open STDOUT, '>', "$dir/killed.said";
            open STDERR, '>&', \*STDOUT;
            exec fognode_wearing(1), '--tries', 60, '--backoff', 20,
                '--speed', 40, '--wait', 1500 or POSIX::_exit(127);
        }

        sleep 0.05 + 0.04 * $round;

        if ($round % 2) {
            end('fognode', 'KILL');
            fognode_start();

        } else {
            fogcloud_kill();
            fogcloud_start();
        }

        waitpid $child, 0;
        $bad++ if $?;
    }

    is($bad, 0, 'fog node and cloud server are killed three times each: the '
       . 'device authenticates, all was kept')
        or diag(content("$dir/killed.said"), content("$dir/fognode.log"));

    # its counter goes on behind those that it had used
    ok((run(fognode_wearing(1), '--tries', 1))[0] == 0, 'a session');
    end('fognode', 'KILL');
    fognode_start();
    my $refused = fognode_asked(422);
    is((run(fognode_wearing(1), '--tries', 1))[0], 0,
       '... kill -9, another one');
    is(fognode_asked(422), $refused, '... of which no M2 was refused');

    # a text whose KEPT was lost may be there twice, none is missing
    ok(wait_for(sub { fognode_rows() >= $before + 8 * 500 }),
       '... nothing is lost')
        or diag(fognode_rows() - $before);
}


sub the_cloud_is_away {
    wait_for(sub { !glob "$dir/spool/*" });
    my $before = fognode_rows();

    end('dcm', 'KILL');

    my ($rc, $said) = run(fognode_wearing(2));
    is($rc, 0, 'while the data collecting mechanism is away all is kept')
        or diag($said);

    my @file = glob "$dir/spool/*";
    is(scalar @file, 1, '... in the spool');
    unlike(content($file[0] // ''), qr/HARS\x01/, '... sealed');

    end('fognode', 'KILL');
    fognode_start();
    is(fognode_rows(), $before, '... nothing has arrived');

    fognode_dcm();
    ok(wait_for(sub { fognode_rows() == $before + 500 }),
       'it is back: what was kept arrives, after a kill -9, too')
        or diag(fognode_rows() - $before, content("$dir/fognode.log"));
    is_deeply([ glob "$dir/spool/*" ], [], '... and the spool is empty');
}


sub what_is_refused {
    fognode_dcm_refuse(1);

    my ($rc) = run(fognode_wearing(3));
    is($rc, 0, 'a recording that is refused');
    ok(wait_for(sub { glob "$dir/spool/*.refused" }), '... stays aside');
    fognode_dcm_refuse(0);

    my $before = fognode_rows();
    ($rc) = run(fognode_wearing(3));
    ok(wait_for(sub { fognode_rows() == $before + 500 }),
       '... the next one goes on');
    unlink glob "$dir/spool/*.refused";

    cannot_be_put_aside();

    # revoked: the wearable is told that it is refused, nothing else
    my ($given) = map { $json->decode(content("$dir/4.json")) } 1;
    my ($status) = fogcloud_ask('DELETE', "/v1/fog/devices/$given->{alias}",
        undef, fogcloud_as('operator', 'op', 'fog:register'));

    SKIP: {
        skip "no revocation by DELETE ($status)", 2 if $status !~ /^20/;

        my ($rc, $said) = run(fognode_wearing(4), '--tries', 2);
        is($rc, 1, 'a revoked device');
        like($said, qr/refused/, '... is refused');
    }
}


sub cannot_be_put_aside {
    my $place = 'spool/' . '0' x 32 . '-000000-pocket';
    my $tried = sub {
        scalar(() = content("$dir/fognode.log") =~ /cannot be put away/g);
    };

    mkdir "$dir/$place.refused";
    write_file("$place.full", pack 'N/a*', 'x' x 100);
    ok(wait_for(sub { $tried->() }), 'a recording that cannot be put aside');
    my $since = time;
    ok(wait_for(sub { $tried->() >= 2 }), '... is tried again');
    cmp_ok(time - $since, '>', 0.3, '... a while later');

    rmdir "$dir/$place.refused";
    ok(wait_for(sub { -f "$dir/$place.refused" }), '... and is aside then');
    unlink "$dir/$place.refused";
}


sub limits {
    end('fognode', 'TERM');
    fognode_settings(rate => 1, burst => 3, spool_bytes => 65536);
    fognode_start();

    # garbage in the form of M1, from one source: three of ten are asked about
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$tcp") or die;
    my $m1 = "\1\1\2\0" . 'x' x 112;
    my $asked = fognode_asked();

    print $s pack('n/a*', $m1) for 1 .. 10;
    $s->flush;
    ok(wait_for(sub { fognode_asked() >= $asked + 1 }), 'garbage is asked of');
    sleep 0.3;
    cmp_ok(fognode_asked() - $asked, '<=', 6, '... three times at most, each '
           . 'of them again at most');

    print $s pack('n', 4097), 'x' x 10;
    $s->flush;
    my $rest = '';
    {
        local $SIG{ALRM} = sub { die "not closed\n" };
        alarm 5;
        1 while sysread $s, $rest, 4096;
        alarm 0;
    }
    pass('a frame that is too long ends the link');

    # a spool that is full: nothing is said to be kept, nothing is lost
    end('dcm', 'KILL');
    my ($rc, $said) = run(fognode_wearing(5, 'long.csv'), '--tries', 2);
    is($rc, 1, 'a spool that is full keeps nothing more');
    like(content("$dir/fognode.log"), qr/the spool is full/, '... and is said');
    my $size = 0;
    $size += -s for glob "$dir/spool/*";
    cmp_ok($size, '<=', 65536, '... its bound holds');
    is(end('fognode', 'TERM'), 0, 'a clean end');
}


