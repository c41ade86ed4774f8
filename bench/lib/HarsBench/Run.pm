package HarsBench::Run;

# What all parts of a run of bench/gateway.pl share: its options, its
# directory, commands, the generator, and what is said meanwhile on standard
# error.
#
# This process, and so whatever it starts, is on core 1; what is measured goes
# to core 0 by itself.  All of it runs ahead of other processes (SCHED_FIFO)
# where that is allowed, as it is to root: beside an idle shell and the kernel's
# own threads a process waited for milliseconds, which is in no contender.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock);

use HarsTest;
use HarsTest::Place;

our @EXPORT = qw(%o $top $build $pki $dir $modules said content missing alone
                 pin ahead rounds generate generating generated progress);

our %o;                           # the options, see bench/gateway.pl
our $top = $HarsTest::Place::top;
our $build = $HarsTest::Place::build;
our $pki = $HarsTest::Place::pki;
our $modules = HarsTest::Place::modules_path();
our $dir;
my ($lock, $ahead);

my %needed = (
    "$modules/ndk_http_module.so" => 'libnginx-mod-http-ndk',
    "$modules/ngx_http_lua_module.so" => 'libnginx-mod-http-lua',
    '/usr/lib/apache2/modules/mod_ssl.so' => 'apache2-bin',
    '/usr/lib/apache2/modules/mod_oauth2.so' => 'libapache2-mod-oauth2',
    '/usr/bin/gnuplot' => 'gnuplot-nox',
    '/usr/bin/taskset' => 'util-linux',
    '/usr/bin/valgrind' => 'valgrind',
);


# what is not installed ends the run, and is named with its command
sub missing {
    my @missing = sort map { $needed{$_} } grep { !-e } keys %needed;

    die "not installed: @missing; run: scripts/install-packages.sh bench\n"
        if @missing;
}


# two at a time would measure each other
sub alone {
    open $lock, '>', "$build/bench/gateway.lock" or die "gateway.lock: $!\n";
    flock $lock, LOCK_EX | LOCK_NB
        or die "another run of bench/gateway.pl is on its way here\n";
}


# to core 1, ahead of others, and a directory for sockets that Apache's user can
# reach
sub pin {
    said('taskset', '-cp', 1, $$);
    $ahead = system("chrt -f -p 1 $$ 2>/dev/null") == 0;
    $dir = HarsTest::Place::dir();
    chmod 0711, $dir or die "$dir: $!\n";
}


# what a figure says of the times that it was measured with
sub ahead {
    return $ahead ? 'ahead of other processes'
                  : 'beside other processes (root measures ahead of them)';
}


# of a figure
sub rounds {
    my ($f) = @_;
    my $most = $f->{rounds} // $o{rounds};

    return $most < $o{rounds} ? $most : $o{rounds};
}


# standard output of a command that has to succeed
sub said {
    open my $fh, '-|', @_ or die "$_[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "@_: failed\n";

    return $said;
}


sub content {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/ = undef;
    return <$fh> // '';
}


# what the generator says of a contender: a hash.  "path" is "/" where @how
# does not begin with another one.
sub generate {
    return generated(generating(@_));
}


# the same in two steps, for two at a time
sub generating {
    my ($c, @how) = @_;
    my $path = @how && $how[0] =~ m{^/} ? shift @how : '/';
    my @command = ("$build/bench/tlsload", map({ ('-p', $_) } $c->workers),
                   '--cacert', "$pki/ca.pem", '--cert', "$pki/a.pem", '--key',
                   "$pki/a.key", '--name', 'localhost', '-b',
                   HarsBench::Behind::worker(), '-c', $o{connections},
                   @how, '127.0.0.1:' . $c->port, $path);

    open my $fh, '-|', @command or die "$command[0]: $!\n";
    return { fh => $fh, of => $c->name, command => "@command" };
}


sub generated {
    my ($running) = @_;
    my $fh = $running->{fh};
    my $said = <$fh> // '';
    my %said = map { split /=/ } split ' ', $said;

    close $fh or die "$running->{of}: ", $said{bad} ? "$said{bad} answers were"
        . " not 200" : 'no measurement', " by $running->{command}\n";

    return \%said;
}


# what is going on, and for how much longer
sub progress {
    my ($left, $format, @value) = @_;
    my $text = sprintf "[%d:%02d left] $format", $left / 60, $left % 60,
                       @value;

    printf STDERR -t STDERR ? "\r%-78.78s" : "%s\n", $text;
}

1;
