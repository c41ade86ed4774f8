package HarsTest::Place;

# Where a test file runs: its directories, ports and certificates.  Files run
# in parallel (prove -j), so each one takes a block of loopback ports under a
# lock, a server root and a short directory for sockets of its own.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256);
use Fcntl qw(:flock);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64 encode_base64url);

our $top = abs_path(dirname(__FILE__) . '/../../..');
our $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
our $module = $ENV{HARS_MODULE} // "$build/ngx_http_hars_module.so";
our $pki = "$top/build/t/pki";

# certificates that a client of the tests can present; "none" presents none
our @certs = qw(a b expired foreign none);

use constant PORTS => 16;

my ($dir, $base, $lock, $owner);


# a name of this test file that is good for a file name
sub name {
    my $name = $0;

    $name = basename($name) if $name !~ m{(?:^|/)t/};
    $name =~ s{.*(?:^|/)t/}{};
    $name =~ s/\.t$//;
    $name =~ s/[^\w.-]+/-/g;

    return $name;
}


# a directory for sockets and keys; a Unix socket's path has 107 bytes
sub dir {
    if (!defined $dir) {
        $dir = tempdir('hars-t.XXXXXX', DIR => '/tmp');
        $owner = $$;
    }

    return $dir;
}


sub server_root {
    my $root = "$top/build/t/servroot";

    make_path($root);
    return "$root/" . name();
}


# port($i): the i-th of this file's ports
sub port {
    my ($i) = @_;

    take_ports() if !defined $base;
    die "port $i: a test file has " . PORTS . " ports\n" if $i >= PORTS;

    return $base + $i;
}


sub take_ports {
    my $locks = "/tmp/hars-test-ports.$<";

    make_path($locks, { mode => 0700 });

    # below the range that the kernel takes ports of its own from
    my $n = int(12000 / PORTS);
    my $first = int(rand($n));

    for my $i (0 .. $n - 1) {
        my $try = 20000 + (($first + $i) % $n) * PORTS;

        open my $fh, '>>', "$locks/$try" or die "$locks/$try: $!\n";
        next if !flock($fh, LOCK_EX | LOCK_NB);

        next if grep { !is_free($_) } $try .. $try + PORTS - 1;

        ($base, $lock) = ($try, $fh);
        return;
    }

    die "no " . PORTS . " free loopback ports in a row\n";
}


sub is_free {
    my ($port) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Proto => 'tcp', Listen => 1, ReuseAddr => 1);
}


# the certificates, made once, kept between runs
sub make_pki {
    my $script = "$top/scripts/demo-pki.sh";

    make_path("$top/build/t");

    open my $fh, '>>', "$top/build/t/pki.lock" or die "pki.lock: $!\n";
    flock($fh, LOCK_EX) or die "pki.lock: $!\n";

    for my $what (
        'authorities',
        'server server localhost auth.hars.localhost ml.hars.localhost',
        'server other other.hars.localhost',
        'server dcm dcm.hars.localhost',
        'server fog fog.hars.localhost',
        'client hars-dcm',
        'client a --cn client-a',
        'client b --cn client-b',
        'client expired --cn client-a --expired',
        'client foreign --cn client-a --ca foreign-ca')
    {
        system($script, $pki, split / /, $what) == 0
            or die "$script $pki $what failed\n";
    }
}


# the DER of a certificate, and its thumbprint (RFC 8705, 3.1)
sub der {
    my ($cert) = @_;

    open my $fh, '<', "$pki/$cert.pem" or die "$pki/$cert.pem: $!\n";
    local $/ = undef;
    my ($pem) = <$fh> =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;

    return decode_base64($pem);
}

sub thumbprint {
    return encode_base64url(sha256(der($_[0])));
}


sub nginx {
    for my $path (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
        return "$path/nginx" if -x "$path/nginx";
    }

    die "nginx is not installed; run: make deps-test\n";
}


sub modules_path {
    my $v = `${\ nginx()} -V 2>&1`;

    return $v =~ /--modules-path=(\S+)/ ? $1 : '/usr/lib/nginx/modules';
}


# wait_for($seconds, $condition): true as soon as the condition is
sub wait_for {
    my ($seconds, $condition) = @_;

    for my $i (0 .. $seconds * 100) {
        return 1 if $condition->();
        select undef, undef, undef, 0.01;
    }

    return 0;
}


# whether a process has ended; one that nobody has waited for yet has, too
sub is_gone {
    my ($pid) = @_;

    return 1 if !kill 0, $pid;

    open my $fh, '<', "/proc/$pid/stat" or return !kill 0, $pid;
    my $stat = <$fh> // return 1;

    return $stat =~ /^\d+ \(.*\) [ZX]/ ? 1 : 0;
}


END {
    if (defined $dir && $owner == $$) {
        local ($?, $!);
        remove_tree($dir);
    }
}

1;
