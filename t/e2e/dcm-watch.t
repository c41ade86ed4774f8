#!/usr/bin/perl

# hars watch through the reference gateway: a caregiver sees the activities
# of an upload as they are recognized, none twice and none missing where the
# service was away meanwhile, and is told of the disconnect.

use strict;
use warnings;
use feature qw(state);

use File::Basename qw(dirname);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_csv ml_walking);
use HarsTest::People;

my $head = 't_s,ax,ay,az,gx,gy,gz';
my $now = int time;
my %out;

people(anna => 'patient', mallory => 'caregiver',
       bea => [ 'caregiver', '--token-ttl', 5 ]);
gateway_start();

my $anna = sub_of('anna');
my $bea = sub_of('bea');

is((ask('anna', 'PUT', "/v1/patients/$anna/caregivers/$bea",
        { role => 'caregiver', until => undef, since => $now - 86400 }))[0],
   200, 'anna connects bea');

live();
away();
disconnected();
refused();
gateway_stop();

done_testing();


# hars watch in the background, what it says in files
sub watch {
    my ($name, @more) = @_;
    my $cert = certificate_of($name);
    my %file = map { $_ => HarsTest::Reference::path("watch.$_") }
               qw(out err);

    unlink values %file;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $file{out} or die;
        open STDERR, '>', $file{err} or die;
        exec 'setpriv', '--pdeathsig', 'KILL', 'timeout', 90,
            "$HarsTest::Place::build/bin/hars", 'watch', '--patient', $anna,
            '--url', url(), '--cert', "$cert.pem", '--key', "$cert.key",
            '--cacert', "$HarsTest::Place::pki/ca.pem", '--auth-url',
            HarsTest::Reference::auth(), '--client-id', $name, '--resource',
            $HarsTest::Reference::dcm, @more or die;
    }

    return { pid => $pid, file => \%file };
}


sub said {
    my ($watch, $what) = @_;
    my $file = $watch->{file}{ $what // 'out' };

    return -e $file ? HarsTest::Reference::slurp($file) : '';
}


# exit status, within so many seconds
sub ended {
    my ($watch, $seconds) = @_;

    HarsTest::Place::wait_for($seconds, sub {
        HarsTest::Place::is_gone($watch->{pid});
    }) or kill 'KILL', $watch->{pid};
    waitpid $watch->{pid}, 0;

    return $? >> 8;
}


# till something that was sent arrives: from then on all of it is live
sub streaming {
    my ($watch) = @_;

    for my $n (1 .. 20) {
        state $warm = 0;
        upload('warm-' . ++$warm, $now - 80000 + 60 * $warm);
        return if HarsTest::Place::wait_for(1.5, sub { said($watch) ne '' });
    }

    fail('a stream') or diag said($watch, 'err');
}


sub upload {
    my ($id, $at) = @_;
    my $csv = ml_csv($head, [ map { [ sprintf('%.3f', $at + $_->[0]),
                                      @$_[1 .. 6] ] } @{ ml_walking() } ]);

    is((ask('anna', 'POST', "/v1/recordings?id=$id&placement=pocket"
            . '&sampling_rate_hz=50', $csv, type => 'text/csv'))[0], 201,
       "anna walks: $id");
}


sub live {
    my $watch = watch('bea', '--count', 14);
    streaming($watch);
    upload('first', $now - 600);
    is(ended($watch, 30), 0, 'fourteen lines, and it ends');

    my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
    my @line = split /\n/, said($watch);
    is(scalar @line, 14, 'seven windows of ten seconds, twice');
    is(scalar(grep { /^$time  2\.6 s  walking     \d+ %$/ } @line), 14,
       '... walking, with time and confidence') or diag said($watch);
    is(said($watch, 'err'), '', '... and nothing else');
}


# streams end: with the token of five seconds, and with the service
sub away {
    my $watch = watch('bea', '--json');
    streaming($watch);
    upload('second', $now - 500);
    ok(HarsTest::Place::wait_for(20, sub { said($watch) =~ /second/ }),
       'what came first') or diag said($watch, 'err');

    HarsTest::Reference::end('dcm');
    ok(HarsTest::Place::wait_for(20, sub {
        said($watch, 'err') =~ /again in/;
    }), 'the service is away: it waits');
    HarsTest::Reference::begin('dcm');
    upload('third', $now - 400);
    ok(HarsTest::Place::wait_for(40, sub { said($watch) =~ /third/ }),
       'and what came then') or diag said($watch, 'err');

    my (@windows, %seen);
    for (split /\n/, said($watch)) {
        my $event = eval { decode_json($_) } // {};
        push @windows, map { "$event->{recording} $_->{start}" }
                       @{ $event->{activities} };
    }
    $seen{$_}++ for @windows;
    is(scalar(grep { /^(?:second|third) / } keys %seen), 14,
       'all windows of both') or diag said($watch);
    is(scalar(grep { $_ > 1 } values %seen), 0, 'none of them twice');
    ok(!(grep { /^first / } keys %seen), 'and nothing of before');
    unlike(said($watch, 'err'), qr/hats_/, 'no token is said');

    $out{watch} = $watch;
}


sub disconnected {
    my $watch = $out{watch};

    is((ask('anna', 'DELETE', "/v1/patients/$anna/caregivers/$bea"))[0], 200,
       'anna disconnects bea');
    my $began = time;
    is(ended($watch, 15), 1, 'the stream ends');
    # within a second, and one more request
    cmp_ok(time - $began, '<', 5, '... soon');
    like(said($watch, 'err'), qr/not connected \(any more\)/, '... and why');
}


sub refused {
    my $watch = watch('mallory');
    is(ended($watch, 15), 1, 'who is not connected');
    like(said($watch, 'err'), qr/status 404: there is no such patient/,
         '... sees nothing');
    is(said($watch), '', '... at all');

    $watch = watch('anna', '--scope', 'samples:read');
    is(ended($watch, 15), 1, 'a token without the scope');
    like(said($watch, 'err'), qr/status 403\n.*insufficient_scope/s,
         '... says so');
}
