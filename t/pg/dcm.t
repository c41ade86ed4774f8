#!/usr/bin/perl

# Two data collecting mechanisms on one PostgreSQL: one queue, of which each
# job is done once whichever of them dies; what one of them recognizes is live
# at the other one; a disconnect at one ends streams at both.

use strict;
use warnings;

use lib 't/lib';

BEGIN { $ENV{HARS_TEST_DATABASE} = 'postgresql' }

use HarsTest suite => 0, redis => 1;
use HarsTest::Reference;
use HarsTest::DCM;
use HarsTest::ML qw(ml_packed ml_walking);
use HarsTest::SSE;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);

my $ml = $HarsTest::Reference::ml;
my $walk = ml_walking();
my $t0 = int(time / 86400) * 86400 - 86400;
my @p1 = dcm_as('patient', 'p1', 'recordings:write activities:read '
                . 'consent:write');
my @cara = dcm_as('caregiver', 'cara', 'activities:read');
my (@socket, %setting, $second);

prepare();
shared();
live();
dies();

is(dcm_stop(), 0, 'one stops');
stop_second('TERM');

# two that make a month's partition may be in each other's way, once: one of
# them is rolled back and does it again
my @said = grep { !/deadlock/ } split /^/m, slurp(dcm_dir() . '/log2')
    . dcm_log();
unlike(join('', @said), qr/hats_|Sanitizer|runtime error|[^_]error:/,
       'neither has anything to complain of');
is_deeply([HarsTest::Reference::stop(tokens => ['hats_'])], [],
          'no fault in the logs of the others');
done_testing();


END { kill 'KILL', $second if $second }

sub wait_for { return HarsTest::Place::wait_for(@_) }
sub slurp { open my $fh, '<', $_[0] or return ''; local $/; return <$fh> }
sub sql { return HarsTest::DCM::dcm_postgres()->sql($_[0], 'dcm') }


sub prepare {
    HarsTest::Reference::client('gateway', '--kind', 'resource_server',
                                '--resource', $ml);
    HarsTest::Reference::client('client-a', '--kind', 'service', '--scope',
                                'ml:recognize', '--resource', $ml,
                                '--subject-dn',
                                HarsTest::Reference::subject('client-a'));
    HarsTest::Reference::start();

    my $place = HarsTest::Reference::place();
    %setting = (ml_url => $place->{ml}, ml_resource => $ml,
                auth_url => $place->{issuer}, client_id => 'client-a',
                certificate => "$place->{pki}/a.pem",
                key => "$place->{pki}/a.key", server_ca => $place->{ca});
    dcm_start(%setting);
    start_second();
    @socket = (dcm_socket(), dcm_dir() . '/dcm2.sock');
}


sub start_second {
    my $conf = slurp(dcm_dir() . '/dcm.conf') =~ s/dcm\.sock/dcm2.sock/r;
    my $dir = dcm_dir();

    open my $fh, '>', "$dir/dcm2.conf" or die;
    print $fh $conf;
    close $fh;

    $second = fork // die "fork: $!\n";
    if ($second == 0) {
        open STDERR, '>>', "$dir/log2" or die;
        exec "$HarsTest::Place::build/bin/hars-dcm", '--config',
            "$dir/dcm2.conf";
    }
    wait_for(15, sub { IO::Socket::UNIX->new(Peer => "$dir/dcm2.sock") })
        or die slurp("$dir/log2");
}


sub stop_second {
    kill $_[0], $second;
    waitpid $second, 0;
    undef $second;
}


# at the i-th of them
sub at {
    my ($i, @ask) = @_;

    HarsTest::DCM::dcm_use($socket[$i % 2]);
    my @answer = dcm_ask(@ask);
    HarsTest::DCM::dcm_use($socket[0]);

    return @answer;
}


sub post {
    my ($i, $n) = @_;
    my $rows = [map { [$t0 + 20 * $n + $_->[0], @$_[1 .. 6]] } @$walk];

    return (at($i, 'POST', "/v1/recordings?id=r$n&placement=pocket"
               . '&sampling_rate_hz=50', ml_packed(0, $rows), 'Content-Type'
               => 'application/vnd.hars.samples', @p1))[0];
}


sub shared {
    my @code = map { post($_, $_) } 0 .. 39;

    is_deeply(\@code, [(201) x 40], '40 recordings, sent to both');
    ok(wait_for(30, sub { sql('SELECT count(*) FROM job') == 0 }),
       'all are recognized');
    is(sql('SELECT count(*) FROM recording WHERE state = 2 AND windows = 7'),
       40, '... each with its windows');
    is(sql('SELECT count(*) FROM window_block'), 40, '... once');
    is(sql('SELECT count(DISTINCT event) FROM window_block'), 40,
       '... numbered one after the other');

    my @done = map { (at($_, 'GET', '/metrics'))[1]
                     =~ /^hars_dcm_recognized_total (\d+)/m } 0, 1;
    is($done[0] + $done[1], 40, "... $done[0] by one, $done[1] by the other");
    cmp_ok($done[$_], '>', 0, '... which both have worked') for 0, 1;
    is(sql("SELECT count(*) FROM pg_class WHERE relname ~ 'window_block_2'"
           . " AND relkind = 'r'"), 1, 'windows have a partition by month');
}


sub live {
    my $s = HarsTest::SSE->new($socket[1], '/v1/patients/p1/events', @p1);

    post(0, 100);
    my $event = $s->event(10);
    is($event->{data}{recording}, 'r100', 'sent to one, live at the other');
    $s->close;

    is((at(0, 'PUT', '/v1/patients/p1/caregivers/cara',
           { role => 'caregiver', until => undef }, @p1))[0], 200,
       'a caregiver is connected');
    my @c = map { HarsTest::SSE->new($_, '/v1/patients/p1/events', @cara) }
        @socket;
    is($_->status, 200, 'a stream') for @c;
    is((at(1, 'DELETE', '/v1/patients/p1/caregivers/cara', undef,
           @p1))[0], 200, 'is disconnected at one of them');
    my $from = time;
    ok($_->ended(3), '... a stream ends') for @c;
    cmp_ok(time - $from, '<', 1.1, '... both within a second');
}


# with jobs in hand, or without
sub dies {
    for my $round (1 .. 3) {
        my @n = map { 200 * $round + $_ } 0 .. 19;

        post(0, $_) for @n;
        stop_second('KILL');
        ok(wait_for(40, sub { sql('SELECT count(*) FROM job') == 0 }),
           'one dies, the other does what is left');
        is(sql('SELECT count(*) FROM window_block'), 41 + 20 * $round,
           '... once');
        start_second();
    }
}
