package HarsTest::Browser;

# Chromium with a certificate in its own store (NSS), so that its own TLS
# presents it, driven by t/browser/driver.mjs.  As root, since the policy that
# answers "which certificate?" stands in /etc; Chromium itself runs as nobody.
#
#   my $bea = HarsTest::Browser->new('bea', "$pki/who-bea", $server_ca,
#                                    'HARS Gateway demo');
#   my $is = $bea->does(see => text => 'jogging', within => 20);
#   $bea->quit;
#
# of new(): name, PREFIX of .pem and .key, the root that it believes, and the
# organization whose certificates it presents unasked.

use strict;
use warnings;

use File::Path qw(make_path);
use IPC::Open2;
use JSON::PP;

use HarsTest::Place;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $policy = '/etc/chromium/policies/managed/hars-gateway-test.json';
my $owner = $$;
my %running;


sub new {
    my ($class, $name, $cert, $ca, $organization) = @_;
    my $self = bless { name => $name,
                       home => HarsTest::Place::dir() . "/home-$name" },
        $class;

    chmod 0711, HarsTest::Place::dir();
    store($self->{home});
    believe($self->{home}, $ca);
    import_as($self->{home}, $name, $cert);
    policy($organization);
    run('chown', '-R', 'nobody', $self->{home});
    $self->start;

    return $self;
}


# an empty store; certificates of servers that it believes; a person's own
sub store {
    my ($home) = @_;

    make_path("$home/.pki/nssdb");
    certutil($home, '-N', '--empty-password');
}


sub believe { certutil($_[0], '-A', '-n', 'server', '-t', 'C,,', '-i', $_[1]) }


sub import_as {
    my ($home, $name, $cert, @chain) = @_;

    run('openssl', 'pkcs12', '-export', '-in', "$cert.pem", '-inkey',
        "$cert.key", (map { ('-certfile', $_) } @chain), '-name', $name,
        '-passout', 'pass:x', '-out', "$home/$name.p12");
    run('pk12util', '-d', "sql:$home/.pki/nssdb", '-i', "$home/$name.p12",
        '-W', 'x');
}


sub certutil {
    my ($home, @words) = @_;

    return run('certutil', '-d', "sql:$home/.pki/nssdb", @words);
}


# take the certificates of this authority without asking
sub policy {
    my ($organization) = @_;

    make_path('/etc/chromium/policies/managed');
    open my $fh, '>', $policy or die "$policy: $!\n";
    print $fh $json->encode({ AutoSelectCertificateForUrls => [
        JSON::PP->new->encode({ pattern => '*',
            filter => { ISSUER => { O => $organization } } })] });
    close $fh;
}


sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 < /dev/null', 'sh',
        @command or die "$command[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "@command: $said\n";

    return $said;
}


# what a person's programs run as
sub as_nobody {
    my ($home) = @_;

    return ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups',
            'env', '-i', "HOME=$home", 'PATH=/usr/local/bin:/usr/bin:/bin');
}


sub start {
    my ($self) = @_;
    my $driver = driver();

    $self->{pid} = open2($self->{from}, $self->{to}, 'sh', '-c',
        'exec "$@" 2>> "$0"', "$self->{home}.log",
        'setpriv', '--pdeathsig', 'KILL', as_nobody($self->{home}),
        'timeout', 600, 'node', $driver, $self->{home});
    $running{ $self->{pid} } = 1;

    my $line = readline $self->{from};
    die "Chromium does not start, see $self->{home}.log\n"
        if !defined $line || !$json->decode($line)->{ready};
}


# the driver beside what npm ci brings, done again for another lock file
sub driver {
    my $from = "$HarsTest::Place::top/t/browser";
    my $to = "$HarsTest::Place::build/t/browser";

    make_path($to);
    run('cp', "$from/package.json", "$from/driver.mjs", $to);

    if (system('cmp', '-s', "$from/package-lock.json",
               "$to/package-lock.json") != 0) {
        unlink "$to/package-lock.json";
        run('cp', "$from/package-lock.json", "$to/lock.json");
        run('sh', '-c', "cd '$to' && cp lock.json package-lock.json"
            . ' && npm ci --ignore-scripts --no-audit --no-fund');
    }

    return "$to/driver.mjs";
}


# what it answered; dies where it could not do it
sub does {
    my ($self, $do, %how) = @_;

    print { $self->{to} } $json->encode({ do => $do, %how }), "\n";
    $self->{to}->flush;

    my $line = readline $self->{from};
    die "$self->{name}'s Chromium is gone, see $self->{home}.log\n"
        if !defined $line;

    my $said = $json->decode($line);
    die "$self->{name}: $do: $said->{error}\n" if defined $said->{error};

    return $said->{is};
}


sub quit {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    close $self->{to};
    waitpid $pid, 0;
    delete $running{$pid};
}


END {
    if ($owner == $$) {
        local ($?, $!, $@);
        kill 'KILL', keys %running;
        unlink $policy;
    }
}


1;
