package HarsBench::Memory;

# What is kept in memory: by a worker that has just started (Pss), by each of
# many connections that are open and have asked once (Pss), and by each token
# (pages of shared memory that were touched; files, too).  The zone is of a
# size that these tokens nearly fill.

use strict;
use warnings;

use HarsBench::Run;
use HarsBench::Table;

our @columns = (
    [ 'worker, KB', sub { middle($_[0], 'worker', '%.0f') } ],
    [ 'connection, KB', sub { middle($_[0], 'connection', '%.1f') } ],
    [ 'x plain', sub { by_plain($_[0], 'connection', '%.3f') } ],
    [ 'token, bytes', sub { middle($_[0], 'token', '%.0f') } ],
    [ 'and files', sub { middle($_[0], 'files', '%.0f') } ],
);


sub takes {
    my ($f, @of) = @_;

    return @of * (3 + $o{opened} / 600 + $o{kept} / 9000);
}


sub prepare { }


sub more { return $_[2] < 1 }


sub measure {
    my ($f, $c) = @_;
    my %got = (worker => pss($c));
    my ($shared, $files) = (shared($c), files($c));

    if ($c->name ne 'plain' && !$f->{none}{$c->name}) {
        generate($c, '-g', 'kept', '-n', $o{kept}, '-d', 'once');
        my $more = shared($c) - $shared;

        # memory that was touched when it started does not tell
        $got{token} = $more * 1024 / $o{kept} if $more;
        $got{files} = (files($c) - $files) * 1024 / $o{kept};
    }

    my $n = $f->{connections}{$c->name} // $o{opened};
    generate($c, '-n', 1, '-d', 'once');
    my $before = pss($c);
    my $most = 0;
    my $running = generating($c, '-c', $n, '-n', 1, '-r', $n, '-s', 1);

    until (HarsTest::Place::wait_for(0.1, sub {
        return is_over($running);
    })) {
        my $now = pss($c);
        $most = $now if $now > $most;
    }

    generated($running);
    $got{connection} = ($most - $before) / $n;

    return %got;
}


sub is_over {
    my ($running) = @_;
    my $in = '';

    vec($in, fileno($running->{fh}), 1) = 1;
    return select $in, undef, undef, 0;
}


# KB of all its processes
sub pss {
    my $sum = 0;

    for my $pid ($_[0]->workers) {
        my ($kb) = content("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+)/m;
        $sum += $kb;
    }

    return $sum;
}


# KB of shared memory that it has touched, and of files
sub shared {
    my ($pid) = $_[0]->workers;
    my ($kb) = content("/proc/$pid/status") =~ /^RssShmem:\s+(\d+)/m;

    return $kb;
}


sub files {
    my $cache = $_[0]->dir . '/cache';

    return 0 if !-d $cache;
    return (split ' ', said('du', '-sk', $cache))[0];
}


1;
