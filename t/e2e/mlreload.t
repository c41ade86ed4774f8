#!/usr/bin/perl

# New models while the service is at work: no request is lost or answered by
# half of each, a stream keeps the model that it began with, and a file that
# is none leaves everything as it was.  And what the service counts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Copy qw(copy);
use HarsTest::ML;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $models = "$FindBin::Bin/../../backend/mlservice";
my $model = ml_dir() . '/model.hars';
my $walking = ml_walking();
my %id;

place('model.hars');
ml_start(model => [ $model, "$models/model-wrist.hars" ]);

known();
streams();
broken();
load();
metrics();

ok(ml_alive(), 'the service is still there');
is(ml_stop(), 0, 'and ends in order');

done_testing();


sub place {
    my ($from) = @_;

    copy("$models/$from", "$model.new") or die "$from: $!\n";
    rename "$model.new", $model or die "$model: $!\n";
}


sub first_id {
    my (undef, $got) = ml_ask('GET', '/v1/models');

    return $got->{models}[0]{id};
}


# the first model's id, once it is this one or 10 s have passed
sub reload {
    my ($want) = @_;

    my $end = time() + 10;
    kill 'HUP', ml_pid();

    sleep 0.02 until first_id() =~ /^\Q$want\E/ || time() > $end;

    return first_id();
}


sub recognize {
    return ml_ask('POST', '/v1/recognitions', { sampling_rate_hz => 50,
                                                samples => $walking });
}


sub known {
    $id{pocket} = first_id();
    like($id{pocket}, qr/^pocket-/, 'at first the pocket');

    place('model-wrist.hars');
    is(first_id(), $id{pocket}, 'a new file alone changes nothing');

    $id{wrist} = reload('wrist-');
    like($id{wrist}, qr/^wrist-/, 'SIGHUP: the new one');

    my (undef, $got) = recognize();
    is($got->{model}, $id{wrist}, 'and it answers');

    place('model.hars');
    is(reload('pocket-'), $id{pocket}, 'and back again');
}


sub streams {
    my %who = ('Hars-Sub' => 'alice', 'Hars-Client-Id' => 'client-1');
    my (undef, $made) = ml_ask('POST', '/v1/streams',
                               { sampling_rate_hz => 50 }, %who);
    my $path = "/v1/streams/$made->{id}";
    my (undef, $before) = ml_ask('POST', $path,
                                 { samples => [ @$walking[0 .. 255] ] }, %who);

    place('model-wrist.hars');
    reload('wrist-');

    my (undef, $state) = ml_ask('GET', $path, undef, %who);
    is($state->{model}, $id{pocket}, 'a stream keeps its model');

    my (undef, $after) = ml_ask('POST', $path,
                                { samples => [ @$walking[256 .. 511] ] }, %who);
    my (undef, $last) = ml_ask('DELETE', $path, undef, %who);

    place('model.hars');
    reload('pocket-');

    my (undef, $whole) = recognize();
    is_deeply([ map { @{ $_->{windows} } } $before, $after, $last ],
              $whole->{windows}, 'and its windows are those of one model');
}


sub broken {
    open my $fh, '>:raw', "$model.new" or die;
    print $fh 'no model';
    close $fh or die;
    rename "$model.new", $model or die;

    kill 'HUP', ml_pid();
    my $end = time() + 10;
    sleep 0.02 until ml_log() =~ /stay as they are/ || time() > $end;

    like(ml_log(), qr/stay as they are: .*model\.hars.* no model file/,
         'a file that is no model: said in the log');
    is(first_id(), $id{pocket}, 'and the one of before goes on');
    is((recognize())[0], 200, 'and answers');

    place('model.hars');
}


# four clients ask all the time, the models change 20 times
sub load {
    my @child;

    for my $n (1 .. 4) {
        pipe my $read, my $write or die;
        my $pid = fork() // die;

        if ($pid == 0) {
            close $read;
            my %count;
            my $end = time() + 6;

            while (time() < $end) {
                my ($status, $got) = recognize();
                my $what = $status == 200 && @{ $got->{windows} } == 7
                    ? $got->{model} : "lost: $status";
                $count{$what}++;
            }

            print $write "$_\t$count{$_}\n" for keys %count;
            close $write;
            POSIX::_exit(0);
        }

        close $write;
        push @child, [ $pid, $read ];
    }

    for (1 .. 20) {
        place($_ % 2 ? 'model-wrist.hars' : 'model.hars');
        kill 'HUP', ml_pid();
        sleep 0.25;
    }

    my %count;

    for (@child) {
        my ($pid, $read) = @$_;
        while (<$read>) {
            /^(.*)\t(\d+)$/ and $count{$1} += $2;
        }
        waitpid $pid, 0;
    }

    my @lost = grep { /lost/ } keys %count;
    my $n = 0;
    $n += $_ for values %count;

    diag("$n requests during 20 reloads");
    is("@lost", '', 'under load no request is lost');
    cmp_ok($count{$id{$_}} // 0, '>', 10, "under load $_ answers")
        for qw(pocket wrist);
}


sub metrics {
    my ($status, $text, $head) = ml_ask('GET', '/metrics');

    is($status, 200, 'metrics: 200');
    like($head, qr{^Content-Type: text/plain; version=0\.0\.4}m,
         'metrics: of Prometheus');

    my @bad = grep { !/^(# (HELP|TYPE) .*|[a-z_]+(\{[^}]*\})? [0-9.]+)$/ }
        split /\n/, $text;
    is("@bad", '', 'metrics: every line is one');

    my $value = sub { $text =~ /^\Q$_[0]\E (\S+)$/m ? $1 : undef };

    cmp_ok($value->('hars_ml_reloads_total{result="done"}'), '>=', 5,
           'metrics: reloads');
    is($value->('hars_ml_reloads_total{result="failed"}'), 1,
       'metrics: one that failed');
    is($value->('hars_ml_streams_total'), 1, 'metrics: a stream made');
    is($value->('hars_ml_streams'), 0, 'metrics: none open');
    cmp_ok($value->('hars_ml_windows_total'), '>', 100, 'metrics: windows');
    cmp_ok($value->("hars_ml_seconds_total{part=\"$_\"}"), '>', 0,
           "metrics: seconds of $_") for qw(parse compute);

    ml_ask('POST', '/v1/recognitions', { samples => 1 });
    my (undef, $again) = ml_ask('GET', '/metrics');
    like($again, qr/^hars_ml_refused_total\{status="422"\} 1$/m,
         'metrics: refusals');
    unlike($again, qr/walking|alice/, 'metrics: nothing of a person');
}
