package HarsTest::ML;

# The ML service on a socket of its own (HarsTest::Service), and what to send
# to it.

use strict;
use warnings;

use Exporter qw(import);

use HarsTest::Service;

our @EXPORT = qw(ml_start ml_stop ml_ask ml_pid ml_dir ml_walking ml_packed
                 ml_csv ml_log ml_settings ml_shared ml_alive);

my $top = $HarsTest::Service::top;
my $ml = HarsTest::Service->new(name => 'mlservice', host => 'ml');


sub ml_dir   { return $ml->dir }
sub ml_pid   { return $ml->pid }
sub ml_stop  { return $ml->end('TERM') }
sub ml_alive { return $ml->alive }
sub ml_log   { return $ml->log }
sub ml_ask   { return $ml->ask(@_) }


# where the recordings are that are not in the repository
sub ml_shared {
    return $ENV{HARS_SHARED} // "$top/../shared";
}


sub ml_settings { $ml->write(@_) }


# the log begins anew
sub ml_start {
    ml_settings(model => "$top/backend/mlservice/model.hars",
                socket => $ml->path('ml.sock'),
                gateway_user => scalar getpwuid($>), @_);
    unlink $ml->path('log');
    $ml->start;
}


# rows [t, ax, ay, az, gx, gy, gz]
sub ml_walking {
    my @rows;

    open my $fh, '<', "$top/conf/demo/walking.csv" or die "walking.csv: $!\n";
    scalar <$fh>;

    while (<$fh>) {
        chomp;
        push @rows, [ map { $_ + 0 } split /,/ ];
    }

    return \@rows;
}


sub ml_csv {
    my ($head, $rows) = @_;

    return join "\n", $head, (map { join ',', map { $_ // '' } @$_ } @$rows),
        '';
}


# one block; unit: int16 of that much, for acceleration and rotation
sub ml_packed {
    my ($stream, $rows, $unit) = @_;

    my $t = $rows->[0][0];
    my $block = pack 'a4CCCCVf<f<Vd<', 'HARS', 1, $stream, $unit ? 1 : 0, 0,
        scalar @$rows, $unit ? @$unit : (1, 1), 0, $t;

    for my $row (@$rows) {
        my ($time, @v) = @$row;

        $block .= pack 'V', int(($time - $t) * 1e6 + 0.5);
        $block .= $unit
            ? pack 's<*', map {
                  my $u = $unit->[$stream == 2 || $_ > 2 ? 1 : 0];
                  defined $v[$_] ? sprintf('%.0f', $v[$_] / $u) : -32768;
              } 0 .. $#v
            : pack 'f<*', map { $_ // 'nan' } @v;
    }

    return $block;
}


1;
