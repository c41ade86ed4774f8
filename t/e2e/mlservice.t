#!/usr/bin/perl

# The ML service as it runs, on a Unix socket of its own, spoken to by curl:
# a walking signal is walking whatever the units, whatever came broken is
# refused with a problem that names field and row, and none of it stops the
# service.  Model files that are no models are errors of the start.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

my $top = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars-mlservice";
my $train = "$build/bin/hars-train";
my $model = "$top/backend/mlservice/model.hars";
my $wrist = "$top/backend/mlservice/model-wrist.hars";
my $dir = tempdir('hars-ml-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $socket = "$dir/ml.sock";
my $json = JSON::PP->new->canonical;
my $walking = recording();
my $pid;

BAIL_OUT("$program is not there: make all") unless -x $program;


options();
models_refused();
start();
reading();
walking();
prepared();
refused();
raw();
still_there();
stop();

done_testing();


END {
    kill 'KILL', $pid if $pid;
}


sub recording {
    my @rows;

    open my $fh, '<', "$top/conf/demo/walking.csv" or die "walking.csv: $!\n";
    scalar <$fh>;

    while (<$fh>) {
        chomp;
        push @rows, [ map { $_ + 0 } split /,/ ];
    }

    return { sampling_rate_hz => 50, samples => \@rows };
}


# a deep copy of the recording, changed
sub changed {
    my ($change) = @_;

    local $_ = $json->decode($json->encode($walking));
    $change->();

    return $_;
}


sub settings {
    my ($name, %setting) = @_;

    my $path = "$dir/$name.conf";

    open my $fh, '>', $path or die "$path: $!\n";
    print $fh "# made by a test\n";
    print $fh "$_ = $setting{$_}\n" for sort keys %setting;
    close $fh or die "$path: $!\n";

    return $path;
}


# exit status and all that was said
sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said, $? & 127);
}


sub options {
    my ($rc, $said) = run($program, '--help');
    is($rc, 0, '--help: status');
    like($said, qr/^  hars-mlservice .*--check.*^  session_idle /ms,
         '--help: usage and settings');

    ($rc, $said) = run($program, '--version');
    like($said, qr/^hars-mlservice \d+\.\d+\.\d+$/, '--version');

    ($rc, $said) = run($program, '--nonsense');
    is($rc, 2, 'an unknown option: usage');

    ($rc, $said) = run($program, 'extra');
    is($rc, 2, 'an argument: usage');

    ($rc, $said) = run($program, '--config', "$dir/none.conf");
    is($rc, 1, 'no settings file: an error');
    like($said, qr/none\.conf/, 'that names it');

    my $conf = settings('odd', model => $model, colour => 'blue');
    ($rc, $said) = run($program, '--config', $conf, '--check');
    is($rc, 1, 'an unknown setting: an error');
    like($said, qr/odd\.conf:2.*colour/, 'that names file, line and name');

    $conf = settings('good', model => $model, socket => $socket);
    ($rc, $said) = run($program, '--config', $conf, '--check');
    is($rc, 0, '--check: in order');
    like($said, qr/pocket-vote-[0-9a-f]{8}/, '--check: names the model');
    ($rc) = run('sh', '-c', 'exec "$@" > /dev/full', 'sh', $program,
                '--config', $conf, '--check');
    is($rc, 1, '--check: what it says is lost');

    $conf = settings('user', model => $model, gateway_user => 'nosuchuser');
    ($rc, $said) = run($program, '--config', $conf, '--check');
    is($rc, 1, '--check: a gateway_user that is none');
    like($said, qr/user\.conf:\d.*gateway_user.*is no user here/,
         '--check: ... named with its line');

    ($rc, $said) = run($train, 'inspect', $model);
    is($rc, 0, 'hars-train inspect');
    like($said, qr/^neighbours=15$/m, 'hars-train inspect: neighbours');

    ($rc, $said) = run($train, 'train', $dir);
    is($rc, 2, 'hars-train train without --out: usage');
}


sub models_refused {
    open my $fh, '<:raw', $model or die "$model: $!\n";
    my $good = do { local $/; <$fh> };
    close $fh;

    my $damaged = $good;
    substr($damaged, 500_000, 1) ^= "\x01";

    my @case = (
        [ 'cut', substr($good, 0, 1000), qr/copy it again/ ],
        [ 'damaged', $damaged, qr/damaged/ ],
        [ 'foreign', "\x7fELF" x 100, qr/no model file/ ],
        [ 'empty', '', qr/no model file/ ],
        [ 'longer', $good . 'x', qr/copy it again/ ],
        [ 'none', undef, qr/No such file/ ],
    );

    for (@case) {
        my ($name, $bytes, $text) = @$_;

        if (defined $bytes) {
            open $fh, '>:raw', "$dir/$name.hars" or die "$name: $!\n";
            print $fh $bytes;
            close $fh or die "$name: $!\n";
        }

        my $conf = settings($name, model => "$dir/$name.hars",
                            socket => $socket);
        my ($rc, $said, $signal) = run($program, '--config', $conf);

        is("$rc $signal", '1 0', "a model $name: an error of the start");
        like($said, qr/\Q$name.conf:2: model\E .*$text/,
             "a model $name: file, line and mend");
    }
}


sub start {
    my $user = getpwuid($>);
    my $conf = settings('run', model => "$model\nmodel = $wrist", socket => $socket,
                        gateway_user => $user);

    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', "$dir/log" or die;
        exec $program, '--config', $conf or die;
    }

    my $end = time() + 20;

    until (IO::Socket::UNIX->new(Peer => $socket)) {
        if (waitpid($pid, WNOHANG) == $pid || time() > $end) {
            $pid = undef;
            BAIL_OUT('the service does not start: ' . logged());
        }

        sleep 0.01;
    }
}


sub logged {
    open my $fh, '<', "$dir/log" or return '';
    local $/;

    return <$fh> // '';
}


# status and body; a body may be data, a string or a file's name
sub ask {
    my ($method, $path, $body, @more) = @_;

    my @data;

    if (defined $body) {
        $body = $json->encode($body) if ref $body;

        open my $fh, '>:raw', "$dir/body" or die;
        print $fh $body;
        close $fh or die;

        @data = ('--data-binary', "\@$dir/body");
        @more = ('-H', 'Content-Type: application/json') unless @more;
    }

    my ($rc, $said) = run('curl', '-sS', '--max-time', '30', '-X', $method,
                          '--unix-socket', $socket, @data, @more,
                          '-w', '\n%{http_code} %{content_type}',
                          "http://ml$path");

    $said =~ s/\n(\d+) ([^\n]*)\z// or return (0, $said, '');

    return ($1, $said, $2);
}


sub recognize {
    return ask('POST', '/v1/recognitions', @_);
}


sub reading {
    my ($status, $body) = ask('GET', '/healthz');
    is($status, 200, 'healthz');

    ($status, $body) = ask('GET', '/v1/models');
    is($status, 200, 'models');

    my $m = $json->decode($body)->{models}[0];

    is_deeply($m->{activities},
              [qw(downstairs jogging sitting standing upstairs walking)],
              'models: the six activities');
    is($m->{placement}, 'pocket', 'models: placement');
    cmp_ok($m->{accuracy}, '>', 0.9, 'models: accuracy');
    cmp_ok($m->{smoothed_accuracy}, '>', $m->{accuracy},
           'models: smoothed it is better');

    $m = $json->decode($body)->{models};
    is(join(' ', map { $_->{placement} } @$m), 'pocket wrist',
       'models: pocket and wrist');

    ($status, $body) = recognize(changed(sub {
        $_->{placement} = 'wrist-left' }));
    is($status, 200, 'wrist-left: 200');
    is($json->decode($body)->{model}, $m->[1]{id}, 'wrist-left: its model');

    ($status, $body) = recognize(changed(sub { $_->{model} = $m->[1]{id} }));
    is($json->decode($body)->{model}, $m->[1]{id}, 'a model by its id');

    ($status, $body) = recognize(changed(sub { $_->{model} = $m->[1]{id};
                                               $_->{placement} = 'pocket' }));
    is($status, 422, 'a model of another placement: 422');

    ($status) = ask('GET', '/v1/recognitions');
    is($status, 405, 'GET of recognitions');

    ($status) = ask('GET', '/v1/nothing');
    is($status, 404, 'a path that is not there');
}


sub walking {
    my ($status, $body, $type) = recognize($walking);

    is($status, 200, 'walking: status');
    is($type, 'application/json', 'walking: type');

    my $a = $json->decode($body);
    my $w = $a->{windows};

    is(scalar @$w, 7, 'walking: 7 windows of 512 samples');
    is_deeply([ map { $_->{activity} } @$w ], [ ('walking') x 7 ],
              'walking: walking');
    is_deeply([ map { sprintf '%.2f-%.2f', @$_{qw(start_s end_s)} } @$w ],
              [ map { sprintf '%.2f-%.2f', 1.28 * $_, 1.28 * $_ + 2.56 }
                0 .. 6 ],
              'walking: 2.56 s every 1.28 s');
    is(scalar(grep { $_->{confidence} < 0.6 || $_->{confidence} > 1 } @$w),
       0, 'walking: with confidence');
    like($a->{model}, qr/^pocket-vote-[0-9a-f]{8}$/, 'walking: the model');
    is_deeply($a->{records}, { received => 512, empty => 0, duplicates => 0,
                               outliers => 0, unpaired => 0 },
              'walking: records');

    my (undef, $again) = recognize($walking);
    is($again, $body, 'asked again: the same answer');

    my ($s, $b) = recognize(changed(sub { $_->{placement} = 'pocket' }));
    is($b, $body, 'placement pocket: the same answer');

    still(0.03, 'standing or sitting');
}


# nobody lies quite still; whoever does is not walking
sub still {
    my ($noise, $what) = @_;

    my $n = 0;
    my @rows = map { [ $_ / 50, $noise * (($n = ($n * 37 + 11) % 101) / 101),
                       9.8, -0.5, 0.001, 0.002, 0 ] } 0 .. 511;
    my ($status, $body) = recognize({ sampling_rate_hz => 50,
                                      samples => \@rows });

    is(scalar(grep { $_->{activity} !~ /^(sitting|standing|unknown)$/ }
              @{ $json->decode($body)->{windows} }),
       0, "a device at rest: $what");
}


# what the pipeline mends: the answer stays walking
sub prepared {
    my $g = 9.80665;
    my $deg = 180 / 3.14159265358979;

    my @case = (
        [ 'in g and deg/s, declared', sub {
            $_->{units} = { acceleration => 'g', rotation => 'deg/s' };
            for (@{ $_->{samples} }) {
                $_ /= $g for @$_[1 .. 3];
                $_ *= $deg for @$_[4 .. 6];
            }
        }, 7 ],
        [ 'with empty records and duplicates', sub {
            splice @{ $_->{samples} }, 400, 0, [ 1e9, (0) x 6 ],
                   [ 7.99, (undef) x 6 ];
            splice @{ $_->{samples} }, 100, 0, $_->{samples}[99];
        }, 7 ],
        [ 'every second record', sub {
            my $i = 0;
            $_->{sampling_rate_hz} = 25;
            $_->{samples} = [ grep { $i++ % 2 == 0 } @{ $_->{samples} } ];
        }, 6 ],
        [ 'at 200 Hz', sub {
            my @s = @{ $_->{samples} };
            $_->{sampling_rate_hz} = 200;
            $_->{samples} = [ map {
                my ($a, $b) = @s[$_, $_ + 1];
                map {
                    my $part = $_ / 4;
                    [ map { $a->[$_] + $part * ($b->[$_] - $a->[$_]) } 0 .. 6 ]
                } 0 .. 3
            } 0 .. $#s - 1 ];
        }, 6 ],
        [ 'a day of the calendar', sub {
            $_->[0] += 1_700_000_000 for @{ $_->{samples} };
        }, 7 ],
        [ 'with a gap of a second', sub {
            $_->[0] += $_->[0] >= 5.12 ? 1 : 0 for @{ $_->{samples} };
        }, 6 ],
    );

    for (@case) {
        my ($what, $change, $windows) = @$_;
        my ($status, $body) = recognize(changed($change));
        my $w = $status == 200 ? $json->decode($body)->{windows} : [];

        is(join(' ', $status, map { $_->{activity} } @$w),
           join(' ', 200, ('walking') x $windows), $what)
            or diag($body);
    }

    my ($status, $body) = recognize(changed($case[1][1]));
    is_deeply($json->decode($body)->{records},
              { received => 515, empty => 2, duplicates => 1, outliers => 0,
                unpaired => 0 },
              'empty records and duplicates are counted');
}


sub refused {
    my $rows = sub { my ($f) = @_; sub { $f->($_) for $_->{samples} } };

    my @case = (
        [ 'no rate', sub { delete $_->{sampling_rate_hz} },
          'sampling_rate_hz', undef, undef, qr/number/ ],
        [ 'rate a string', sub { $_->{sampling_rate_hz} = 'x' },
          'sampling_rate_hz', undef, undef, qr/number/ ],
        [ 'rate 9.9', sub { $_->{sampling_rate_hz} = 9.9 },
          'sampling_rate_hz', undef, undef, qr/10 and 400/ ],
        [ 'rate 401', sub { $_->{sampling_rate_hz} = 401 },
          'sampling_rate_hz', undef, undef, qr/10 and 400/ ],
        [ 'rate -50', sub { $_->{sampling_rate_hz} = -50 },
          'sampling_rate_hz', undef, undef, qr/10 and 400/ ],
        [ 'rate 100 of 50', sub { $_->{sampling_rate_hz} = 100 },
          'sampling_rate_hz', undef, undef, qr/50 Hz/ ],
        [ 'no samples', sub { delete $_->{samples} }, 'samples', undef, undef,
          qr/array/ ],
        [ 'samples an object', sub { $_->{samples} = {} }, 'samples', undef,
          undef, qr/array/ ],
        [ 'no row', sub { $_->{samples} = [] }, 'samples', undef, undef,
          qr/array/ ],
        [ 'a row of 6', $rows->(sub { pop @{ $_[0][17] } }), 'samples', 17,
          undef, qr/array of 7/ ],
        [ 'a row of 8', $rows->(sub { push @{ $_[0][17] }, 1 }), 'samples',
          17, undef, qr/array of 7/ ],
        [ 'a row no array', $rows->(sub { $_[0][0] = 3 }), 'samples', 0,
          undef, qr/array of 7/ ],
        [ 'a string', $rows->(sub { $_[0][511][6] = 'x' }), 'samples', 511, 6,
          qr/number/ ],
        [ 'a boolean', $rows->(sub { $_[0][3][1] = JSON::PP::true }),
          'samples', 3, 1, qr/number/ ],
        [ 'one null', $rows->(sub { $_[0][3][4] = undef }), 'samples', 3, 4,
          qr/missing/ ],
        [ 'time null', $rows->(sub { $_[0][3][0] = undef }), 'samples', 3, 0,
          qr/time/ ],
        [ 'time back', $rows->(sub { $_[0][100][0] = 1 }), 'samples', 100, 0,
          qr/in order/ ],
        [ 'one time twice', $rows->(sub { $_[0][100][0] = $_[0][99][0] }),
          'samples', 100, 0, qr/own time/ ],
        [ 'time in ms', $rows->(sub { $_->[0] *= 1000 for @{ $_[0] } }),
          'samples', 0, 0, qr/divide by 1000/ ],
        [ 'in g', $rows->(sub { for (@{ $_[0] }) {
            $_ /= 9.80665 for @$_[1 .. 3] } }), 'samples', undef, 1,
          qr/units\.acceleration "g"/ ],
        [ 'm/s^2 declared as g', sub {
            $_->{units} = { acceleration => 'g' } }, 'samples', undef, undef,
          qr/m\/s\^2/ ],
        [ 'no gravity', $rows->(sub { for (@{ $_[0] }) {
            $_ *= 0.01 for @$_[1 .. 3] } }), 'samples', undef, 1,
          qr/with gravity/ ],
        [ 'in deg/s', $rows->(sub { for (@{ $_[0] }) {
            $_ *= 57.3 for @$_[4 .. 6] } }), 'samples', 0, 5,
          qr/deg\/s/ ],
        [ '1e300, often', $rows->(sub { $_[0][9 * $_][2] = 1e300
            for 1 .. 50 }), 'samples', 9, 2, qr/beyond/ ],
        [ 'time 1e300', $rows->(sub { $_[0][511][0] = 1e300 }), 'samples',
          511, 0, qr/time/ ],
        [ 'all zero', $rows->(sub { @$_[1 .. 6] = (0) x 6 for @{ $_[0] } }),
          'samples', undef, undef, qr/zero or null/ ],
        [ '127 samples', $rows->(sub { splice @{ $_[0] }, 127 }), 'samples',
          undef, undef, qr/2\.56 s/ ],
        [ 'one sample', $rows->(sub { splice @{ $_[0] }, 1 }), 'samples',
          undef, undef, qr/2\.56 s/ ],
        [ 'gaps everywhere', $rows->(sub { my $i = 0;
            $_->[0] += int($i++ / 100) for @{ $_[0] } }), 'samples', undef,
          undef, qr/gap/ ],
        [ 'too many rows', sub {
            $_->{samples} = [ map { [ $_, (1) x 6 ] } 0 .. 30000 ] },
          'samples', 30000, undef, qr/30000 rows/, 413 ],
        [ 'on the ankle', sub { $_->{placement} = 'ankle' }, 'placement',
          undef, undef, qr/"pocket"/ ],
        [ 'placement null', sub { $_->{placement} = undef }, 'placement',
          undef, undef, qr/"pocket"/ ],
        [ 'units a string', sub { $_->{units} = 'g' }, 'units', undef, undef,
          qr/object/ ],
        [ 'a unit not known', sub { $_->{units} = { rotation => 'rpm' } },
          'units.rotation', undef, undef, qr/"rad\/s" or "deg\/s"/ ],
        [ 'units of what', sub { $_->{units} = { speed => 'm/s' } }, 'units',
          undef, undef, qr/acceleration and rotation/ ],
        [ 'a member not known', sub { $_->{unit} = 'g' }, undef, undef, undef,
          qr/member that is not known/ ],
    );

    for (@case) {
        my ($what, $change, $field, $row, $column, $detail, $want) = @$_;
        my ($status, $body, $type) = recognize(changed($change));
        my $p = eval { $json->decode($body) } // {};

        $want //= 422;
        is("$status $type", "$want application/problem+json", "$what: $want")
            or diag($body);
        is($p->{status}, $want, "$what: and so it says");
        is($p->{field}, $field, "$what: the field");
        is($p->{row}, $row, "$what: the row");
        is($p->{column}, $column, "$what: the column") if defined $column;
        like($p->{detail}, $detail, "$what: the mend");
    }
}


sub raw {
    my @case = (
        [ 'nothing', '' ],
        [ 'no JSON', 'walking' ],
        [ 'cut off', '{"sampling_rate_hz":50,"samples":[[0,1,2' ],
        [ 'an array', '[]' ],
        [ 'a number', '50' ],
        [ 'NaN', '{"sampling_rate_hz":50,"samples":[[0,NaN,2,3,4,5,6]]}' ],
        [ 'Infinity',
          '{"sampling_rate_hz":50,"samples":[[0,Infinity,2,3,4,5,6]]}' ],
        [ '1e999', '{"sampling_rate_hz":1e999,"samples":[]}' ],
        [ 'a member twice', '{"samples":[],"samples":[]}' ],
        [ 'no UTF-8', "{\"\xff\":1}" ],
        [ 'a zero byte', "{\"a\":\"\\u0000\"}" ],
        [ 'something behind', '{} {}' ],
        [ 'deep', ('[' x 100_000) . (']' x 100_000) ],
        [ 'deeper', '{"samples":' x 60_000 ],
    );

    for (@case) {
        my ($what, $text) = @$_;
        my ($status, $body, $type) = recognize($text);
        my $p = eval { $json->decode($body) } // {};

        is("$status $type", '400 application/problem+json', "$what: 400");
        like($p->{detail}, qr/JSON/, "$what: why");
    }

    my ($status) = recognize(' ' x (1024 * 1024 + 1));
    is($status, 413, 'more than 1 MB: 413');

    ($status) = recognize(' ' x (1024 * 1024 + 1), '-H',
                          'Content-Type: application/json', '-H',
                          'Transfer-Encoding: chunked');
    is($status, 413, 'more than 1 MB in chunks: 413');

    ($status) = recognize('{"secret' . (' ' x (1024 * 1024 - 8)));
    is($status, 400, '1 MB: 400, not 413');

    ($status) = recognize($walking, '-H', 'Content-Type: text/plain');
    is($status, 415, 'another type: 415');

    my (undef, $body) = recognize('{"secret-4711":1}');
    unlike($body, qr/secret/, 'what was sent does not come back');
}


sub still_there {
    my ($status, $body) = recognize($walking);
    is($status, 200, 'after all that: an answer');

    # several at once, each its own answer
    my @ask = map {
        open my $fh, '-|', 'curl', '-sS', '--max-time', '30',
            '--unix-socket', $socket, '-H', 'Content-Type: application/json',
            '--data-binary', "\@$dir/body", 'http://ml/v1/recognitions'
            or die "curl: $!\n";
        $fh;
    } 1 .. 8;

    my $same = grep { local $/; my $b = <$_>; close $_; $b eq $body } @ask;
    is($same, 8, 'eight at once: the same answer');
}


sub stop {
    kill 'TERM', $pid;

    my $end = time() + 20;
    my $rc;

    until ($rc = waitpid($pid, WNOHANG)) {
        last if time() > $end;
        sleep 0.01;
    }

    is($rc, $pid, 'SIGTERM: it ends');
    is($?, 0, 'SIGTERM: with status 0');
    $pid = undef if $rc;

    ok(!-e $socket, 'and takes its socket along');
    unlike(logged(), qr/error|Sanitizer|runtime error/, 'no error in the log');
}
