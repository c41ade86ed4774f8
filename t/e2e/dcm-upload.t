#!/usr/bin/perl

# hars upload through the reference gateway: what arrives of a file, that a
# second time nothing arrives twice, that it goes on where it was interrupted,
# tokens that end meanwhile, a service that is away for a moment, files and
# options that are wrong.

use strict;
use warnings;

use Digest::SHA;
use File::Basename qw(dirname);
use IO::Compress::Gzip qw(gzip);
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_walking);
use HarsTest::People;

my $walk = ml_walking();
my $head = 'subject,activity,trial,timestamp_s,ax,ay,az,gx,gy,gz';

people(anna => 'patient', paul => 'patient', bea => 'caregiver',
       short => [ 'patient', '--token-ttl', 3 ]);
gateway_start();

whole_file();
again();
interrupted();
short_first();
started();
since_1970();
directory();
real();
tokens();
away();
refused();
usage();
gateway_stop();

done_testing();


# exit status, standard output, standard error
sub hars {
    my ($name, @words) = @_;

    return collect(command($name, @words));
}


sub command {
    my ($name, @words) = @_;
    my $cert = certificate_of($name);
    my @token = grep({ /^--(?:token|auth)/ } @words) ? ()
        : ('--auth-url', HarsTest::Reference::auth(), '--client-id', $name,
           '--resource', $HarsTest::Reference::dcm);

    return ("$HarsTest::Place::build/bin/hars", @words, '--url', url(),
            '--cert', "$cert.pem", '--key', "$cert.key", '--cacert',
            "$HarsTest::Place::pki/ca.pem", @token);
}


sub collect {
    my (@command) = @_;
    my $err = HarsTest::Reference::path('hars.err');

    open my $fh, '-|', 'sh', '-c', "exec timeout 60 \"\$@\" 2> $err", 'sh',
        @command or die "hars: $!\n";
    local $/ = undef;
    my $out = <$fh> // '';
    close $fh;

    return ($? >> 8, $out, HarsTest::Reference::slurp($err));
}


# trials of the demo's walk, so many times 10 s each, as ../shared/har has it
sub data {
    my (@times) = @_;
    my $text = "$head\n";
    my $trial;

    for my $n (@times) {
        $trial++;
        for my $i (0 .. $n * @$walk - 1) {
            my $row = $walk->[$i % @$walk];
            $text .= sprintf "1,walking,%d,%.2f,%s\n", $trial, $i / 50,
                             join ',', @$row[1 .. 6];
        }
    }

    return $text;
}


sub file {
    my ($name, $text) = @_;

    HarsTest::Reference::spew($name, $text);

    return HarsTest::Reference::path($name);
}


# [time, ax, recording] of all samples of somebody
sub samples {
    my ($name, $from, $to) = @_;
    my $path = '/v1/patients/' . sub_of($name) . '/samples';
    my $query = sprintf '?from=%d&to=%d', $from, $to;
    my @rows;

    while ($query) {
        my ($status, $csv, $head) = ask($name, 'GET', $path . $query);
        $status == 200 or return fail("samples: $status");
        my (undef, @lines) = split /\n/, $csv;
        push @rows, map { [ (split /,/)[0, 1, 8] ] } @lines;
        $query = $head =~ /^link: <(\?[^>]*)>; rel="next"/mi ? $1 : undef;
    }

    return @rows;
}


my ($long, $said);

# 70 s and 20 s: three recordings
sub whole_file {
    $long = file('long.csv', data(7, 2));
    my $now = time;
    my ($rc, $out, $err) = hars('anna', 'upload', $long, '--placement',
                                'pocket');
    is($rc, 0, 'a file is sent') or diag $err;
    is($err, '', '... and no terminal is there for a bar');
    like($out, qr/^\S+long\.csv: 3 recordings sent, 0 were there, (\d+) samples at 50 Hz, \S+Z to \S+Z$/,
         '... and what was sent is said');
    $said = $out;

    my @rows = samples('anna', $now - 1000, $now + 60);
    my ($n) = $out =~ /(\d+) samples/;
    is(scalar @rows, $n, 'all of it is there');
    ok(abs($rows[-1][0] - $now) < 10, 'its end is now');
    my %of;
    push @{ $of{ $_->[2] } }, $_->[0] for @rows;
    is(scalar keys %of, 3, 'in three recordings');
    my @gap = map { $rows[$_][0] - $rows[$_ - 1][0] } 1 .. $#rows;
    is(scalar(grep { abs($_ - 0.02) > 1e-3 } @gap), 1,
       'each sample 20 ms after the one before, but for the next trial');
}


sub again {
    my ($rc, $out, $err) = hars('anna', 'upload', $long, '--placement',
                                'pocket');
    is($rc, 0, 'the same file again') or diag $err;
    like($out, qr/0 recordings sent, 3 were there/, '... sends nothing');
    is($out =~ s/\d recordings sent, \d were there//r,
       $said =~ s/\d recordings sent, \d were there//r,
       '... and has the times of before');

    # to a terminal, which script(1) is
    my $command = join ' ', command('paul', 'upload', $long, '--placement',
                                    'pocket');
    $out = `timeout 60 script -qec '$command' /dev/null < /dev/null`;
    like($out, qr/3 recordings sent/, 'another one sends it all');
    like($out, qr/\rlong\.csv \[#+\.+\] \d+ %, .*\rlong\.csv \[#{24}\] 100 %/s,
         '... and sees how far it is');

    ($rc, $out, $err) = hars('anna', 'upload', $long, '--placement',
                             'pocket', '--seconds', 30);
    like($out, qr/4 recordings sent/, 'as does who parts it otherwise');
}


# killed between two recordings; --speed makes it wait there
sub interrupted {
    my $file = file('killed.csv', data(6, 6, 6, 1));
    my @command = command('anna', 'upload', $file, '--placement', 'pocket',
                          '--speed', 60);
    my $began = time;
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec @command or die;
    }

    # the second of four comes after two seconds
    ok(HarsTest::Place::wait_for(20, sub {
        my %of = map { $_->[2] => 1 } quiet($began);
        return keys %of == 2;
    }), 'two of four are there');
    kill 'KILL', $pid;
    waitpid $pid, 0;

    my ($rc, $out, $err) = hars('anna', 'upload', $file, '--placement',
                                'pocket', '--speed', 600);
    is($rc, 0, 'it goes on') or diag $err;
    my ($sent, $there) = $out =~ /(\d) recordings sent, (\d) were there/;
    is($sent + $there, 4, 'all four are there');
    cmp_ok($there, '>=', 2, '... those of before were not sent again');

    my ($first, $last) = $out =~ /Hz, (\S+)Z to (\S+)Z/;
    my @rows = grep { $_->[0] > $began - 1000 } quiet($began);
    my ($n) = $out =~ /(\d+) samples/;
    is(scalar @rows, $n, 'no sample is missing or doubled');
}


# of the file killed.csv, by its digest
sub quiet {
    my ($began) = @_;
    my ($id) = map { substr Digest::SHA::sha256_hex($_), 0, 24 }
               HarsTest::Reference::slurp(
                   HarsTest::Reference::path('killed.csv'));
    my @rows;
    my $query = sprintf '?from=%d&to=%d', $began - 1000, $began + 1000;

    while ($query) {
        my ($status, $csv, $head) =
            ask('anna', 'GET', '/v1/patients/' . sub_of('anna')
                               . "/samples$query");
        my (undef, @lines) = split /\n/, $csv;
        push @rows, grep { $_->[2] =~ /^\Q$id\E/ }
                    map { [ (split /,/)[0, 1, 8] ] } @lines;
        $query = $head =~ /^link: <(\?[^>]*)>; rel="next"/mi ? $1 : undef;
    }

    return @rows;
}


# the first piece is too short to be sent: what is there begins with the
# second one, which is at no whole millisecond
sub short_first {
    my $text = data(0.2, 7);
    $text =~ s{^(1,walking,\d,)([\d.]+)}
              {sprintf '%s%.6f', $1, $2 * 1.0003 + 1 / 3}gme;
    my $file = file('first.csv', $text);
    my @words = ('upload', $file, '--placement', 'pocket', '--seconds', 20);
    my @command = command('anna', @words, '--speed', 10);
    my $pid = fork() // die "fork: $!\n";
    my $now = time;

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec @command or die;
    }

    my ($id) = Digest::SHA::sha256_hex($text) =~ /^(.{24})/;
    ok(HarsTest::Place::wait_for(20, sub {
        grep { $_->[2] =~ /^$id/ } samples('anna', $now - 100, $now + 60);
    }), 'the first of some is there');
    kill 'KILL', $pid;
    waitpid $pid, 0;

    my ($rc, $out, $err) = hars('anna', @words);
    is($rc, 0, 'a file whose first piece is too short goes on') or diag $err;
    my ($sent, $there) = $out =~ /(\d) recordings sent, (\d) were there/;
    cmp_ok($sent, '>', 0, '... with the rest');
    cmp_ok($there, '>', 0, '... behind what was there');
    like($out, qr/: 102 samples left out/, '... and without that piece');

    ($rc, $out, $err) = hars('anna', @words);
    is($rc, 0, 'once more') or diag $err;
    is(($out =~ /(\d recordings sent, \d were there)/)[0],
       '0 recordings sent, ' . ($sent + $there) . ' were there',
       '... nothing is sent');

    my @rows = grep { $_->[2] =~ /^$id/ }
               samples('anna', $now - 100, $now + 60);
    is(scalar @rows, 7 * @$walk, 'all of it is there, once');
    my @gap = grep { abs($_ - 0.02) > 1e-4 }
              map { $rows[$_][0] - $rows[$_ - 1][0] } 1 .. $#rows;
    is(scalar @gap, 0, '... at its own times');
}


sub started {
    my $file = file('short.csv', data(1));

    my ($rc, $out) = hars('anna', 'upload', $file, '--placement', 'pocket',
                          '--start', '2026-05-04T12:30:00Z');
    like($out, qr/1 recordings sent.*, 2026-05-04T12:30:00Z to 2026-05-04T12:30:10Z$/,
         '--start as RFC 3339 has it');
    ($rc, $out) = hars('anna', 'upload', $file, '--placement', 'pocket',
                       '--start', '1777897800');
    like($out, qr/0 recordings sent, 1 were there/, '... or seconds: it is '
         . 'the same one');
    ($rc, $out) = hars('anna', 'upload', $file, '--placement', 'pocket',
                       '--start', 'now', '--speed', 20);
    like($out, qr/1 recordings sent/, '... or now: another one');

    my (undef, undef, $err) = hars('anna', 'upload', $file, '--placement',
                                   'wrist-left', '--start', '1777897800');
    # there already, whatever the options of this time
    ok(1, 'options of a recording that is there are not looked at');
}


# and packets' times, which several records share
sub since_1970 {
    my $t = 1770000000;
    my $text = "epoch_ms;ax;ay;az;gx;gy;gz\n"
        . join '', map { my $row = $walk->[$_ % @$walk];
                         join(';', ($t + $_ / 50) * 1000, @$row[1 .. 6])
                         . "\n" } 0 .. 499;
    my $gz;
    gzip(\$text => \$gz);
    my $file = file('epoch.csv.gz', $gz);

    my ($rc, $out, $err) = hars('anna', 'upload', $file, '--placement',
                                'pocket');
    is($rc, 0, 'gzip, ms since 1970') or diag $err;
    my @rows = samples('anna', $t - 10, $t + 60);
    is(scalar @rows, 500, 'all of it');
    cmp_ok($rows[0][0], '==', $t, '... at its own time');

    ($rc, $out) = hars('anna', 'upload', $file, '--placement', 'pocket',
                       '--start', $t + 1000);
    is(scalar(my @moved = samples('anna', $t + 990, $t + 1060)), 500,
       '... or moved to another one');
}


sub directory {
    my $dir = HarsTest::Reference::path('many');
    mkdir $dir;
    for my $i (1 .. 3) {
        HarsTest::Reference::spew("many/$i.csv", data(1) =~ s/^1,/$i,/gmr);
    }
    HarsTest::Reference::spew('many/readme.txt', 'no data');

    my ($rc, $out, $err) = hars('paul', 'upload', $dir, '--placement',
                                'pocket', '--start', '1600000000');
    is($rc, 0, 'a directory') or diag $err;
    is(scalar(() = $out =~ /^\S+\d\.csv: 1 recordings sent/mg), 3,
       'all its files, and no others');
}


# recordings of people: 15 trials of a pocket at 50 Hz, a wrist at 20 Hz
sub real {
    my $shared = $ENV{HARS_SHARED} // "$HarsTest::Place::top/../shared";

  SKIP: {
    skip 'NO RECORDINGS OF PEOPLE: ../shared/har is not there', 4
        if !-r "$shared/har/motionsense/sub_01.csv.gz";

    for my $case (['motionsense/sub_01', 'pocket', 1.3e9],
                  ['wisdm-watch/sub_1600', 'wrist-left', 1.4e9]) {
        my ($name, $placement, $start) = @$case;
        my ($rc, $out, $err) =
            hars('paul', 'upload', "$shared/har/$name.csv.gz", '--placement',
                 $placement, '--start', $start);
        is($rc, 0, "$name is sent") or diag $err;
        my ($sent, $n) = $out =~ /(\d+) recordings sent, 0 .*?(\d+) samples/;
        my ($left) = $out =~ /(\d+) samples left out/;
        my @rows = samples('paul', $start - 10, $start + 7200);
        is(scalar @rows, $n - ($left // 0), "... all of it, in $sent");
    }
  }
}


# a token of three seconds, for what takes longer
sub tokens {
    my $file = file('token.csv', data(1, 1, 1, 1));
    my ($rc, $out, $err) = hars('short', 'upload', $file, '--placement',
                                'pocket', '--speed', 7);
    is($rc, 0, 'tokens are renewed') or diag $err;
    like($out, qr/4 recordings sent/, '... for all of it');
    is($err, '', '... and nothing is said of it');

    ($rc, $out, $err) = hars('anna', 'upload', $long, '--placement',
                             'pocket', '--start', '1500000000', '--token',
                             token('anna'));
    is($rc, 0, 'a token of one\'s own') or diag $err;
    ($rc, $out, $err) = hars('anna', 'upload', $long, '--placement',
                             'pocket', '--start', '1500001000', '--token',
                             'hats_at_' . 'x' x 43);
    is($rc, 1, 'one that is none');
    like($err, qr/status 401.*invalid_token/s, '... says so');
    ($rc, $out, $err) = hars('bea', 'upload', $long, '--placement', 'pocket');
    is($rc, 1, 'a caregiver has no scope for it');
    like($err, qr/no token: status 400.*invalid_scope/s, '... says so');
}


# the service dies and comes back
sub away {
    my $file = file('away.csv', data(6, 6));

    HarsTest::Reference::end('dcm');
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', HarsTest::Reference::path('away.err') or die;
        open STDOUT, '>', '/dev/null';
        exec command('anna', 'upload', $file, '--placement', 'pocket',
                     '--start', '1650000000') or die;
    }

    my $err = HarsTest::Reference::path('away.err');
    ok(HarsTest::Place::wait_for(20, sub {
        -e $err && HarsTest::Reference::slurp($err)
                   =~ /status 50\d; again in/;
    }), 'nobody is there: it waits');
    HarsTest::Reference::begin('dcm');
    waitpid $pid, 0;
    is($? >> 8, 0, '... and goes on');
    is(scalar(my @rows = samples('anna', 1649999000, 1650001000)),
       12 * @$walk, '... with all of it');
}


sub refused {
    my $file = file('still.csv', "t_s,ax,ay,az,gx,gy,gz\n"
        . join '', map { $_ / 50 . ",0,0,1,0,0,0\n" } 0 .. 999);
    my ($rc, undef, $err) = hars('anna', 'upload', $file, '--placement',
                                 'pocket');
    is($rc, 1, 'gravity of 1: refused');
    like($err, qr/status 422.*"field":/s, '... and why');

    for my $case (['no columns', "a,b\n1,2\n", qr/first line has to name/],
                  ['no number', "t_s,ax,ay,az,gx,gy,gz\n0,1,2,x,4,5,6\n",
                   qr/line 2 has no number in the column az/],
                  ['a time below 0',
                   "t_s,ax,ay,az,gx,gy,gz\n-1,1,2,3,4,5,6\n", qr/line 2/],
                  ['one row', "t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n",
                   qr/no two records/],
                  ['nothing', '', qr/first line/],
                  ['half a gzip', "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
                   qr/first line|damaged or cut/],
                  ['a long line', "t_s,ax,ay,az,gx,gy,gz\n"
                   . '1' x 5000 . "\n", qr/line 2/])
    {
        my ($name, $text, $pattern) = @$case;
        my ($rc, $out, $err) = hars('anna', 'upload', file('bad', $text),
                                    '--placement', 'pocket');
        is($rc, 2, "$name: refused");
        like($err, qr/^hars: \S+bad: .*$pattern/, '... and why');
        is($out, '', '... and nothing else');
    }
}


sub usage {
    my @good = ('upload', $long, '--placement', 'pocket');

    for my $case ([ 'upload', '--placement', 'pocket' ],
                  [ 'upload', $long ],
                  [ 'upload', '/none.csv', '--placement', 'pocket' ],
                  [ 'upload', '/proc/self/fdinfo', '--placement', 'pocket' ],
                  [ @good, '--speed', 'x' ], [ @good, '--speed', '-1' ],
                  [ @good, '--seconds', '1' ], [ @good, '--seconds', '9x' ],
                  [ @good, '--start', 'yesterday' ],
                  [ @good, '--start', '5000000000' ],
                  [ @good, '--token', 'a', '--token-file', 'b' ],
                  [ @good, '--auth-url', 'https://x' ],
                  [ 'watch' ], [ 'watch', '--patient', '../x' ],
                  [ 'watch', '--patient', 'x', '--count', '0' ])
    {
        my ($rc, $out, $err) = hars('anna', @$case);
        is($rc, 2, "usage: @$case[1 .. $#$case]");
        like($err, qr/^hars: ./, '... says what');
    }

    my ($rc, $out) = hars('anna', '--help');
    like($out, qr/hars upload.*hars watch/s, '--help');
}
