package HarsTest::Reference;

# The reference gateway: the files of conf/ as they are, but for places, port
# and user, with the real authorization server, ML service and Redis behind
# it, and the data collecting mechanism where start() is told dcm => 1.  For clients that nobody here wrote; they reach it by its own names.
#
#   use HarsTest suite => 0, redis => 1;
#   use HarsTest::Reference;
#
#   HarsTest::Reference::settings('authserver.conf', "token_ttl = 60\n");
#   HarsTest::Reference::authority();        "ca init", where it is wanted
#   HarsTest::Reference::start();
#   HarsTest::Reference::client('client-a', '--kind', 'service', ...);
#   my $said = HarsTest::Reference::as('client', 'list');
#   HarsTest::Reference::nginx(sub { s/#ssl_crl/ssl_crl/g });
#   my $place = HarsTest::Reference::place();    issuer, ml, port, ca, certs
#   is_deeply([ HarsTest::Reference::stop() ], []);     what the logs hold
#
# With a certificate of each name in HarsTest::Place: a and foreign and
# expired have the CN client-a, b has client-b.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Socket::UNIX;

use HarsTest;
use HarsTest::Log;
use HarsTest::Nginx;
use HarsTest::Place;

our $ml = 'https://ml.hars.localhost/';
our $dcm = 'https://dcm.hars.localhost/';
our $fog = 'https://fog.hars.localhost/';

my (%child, $nginx, $owner);


sub path { return HarsTest::Place::dir() . "/$_[0]" }
sub port { return $ENV{TEST_NGINX_TLS_PORT} }
sub auth { return 'https://auth.hars.localhost:' . port() }


# what a client has to know, for one that is no Perl
sub place {
    my $pki = $HarsTest::Place::pki;

    return {
        issuer   => auth(),
        port     => port(),
        ml       => 'https://ml.hars.localhost:' . port(),
        resource => $ml,
        ca       => "$pki/ca.pem",
        pki      => $pki,
        subject  => { a => subject('client-a'), b => subject('client-b') },
        thumbprint => { map { $_ => HarsTest::thumbprint($_) } qw(a b) },
    };
}


# lines at the end of one of the files, before start()
sub settings {
    my ($name, $lines) = @_;

    files() if !-e path($name);
    spew($name, slurp(path($name)) . $lines);
}


# a certificate authority of its own, believed by the gateway beside the
# other one, before start()
sub authority {
    settings('authserver.conf', 'ca_dir = ' . path('ca') . "\n");
    as('ca', 'init', @_);
    spew('tls/client-ca.pem', slurp(path('tls/client-ca.pem'))
         . slurp(path('ca/ca.pem')));
}


# another nginx.conf, before start() or reload: a function on $_
sub nginx {
    my ($change) = @_;

    files() if !-e path('nginx.conf');

    if ($change) {
        local $_ = nginx_conf();
        $change->();
        $nginx->write($_);
    }

    return $nginx;
}


# authserver => 0: who calls has started it
sub start {
    my (%o) = (authserver => 1, @_);
    my $ml = path('ml.sock');
    my $as = path('auth-public.sock');

    files() if !-e path('nginx.conf');
    $owner = $$;

    # before there is a server: two at once could not make the database
    client('hars-dcm', '--kind', 'service', '--scope',
           'ml:recognize fog:resolve', '--resource', $HarsTest::Reference::ml,
           '--resource', $fog, '--subject-dn', subject('hars-dcm'))
        if $o{dcm};

    launch('authserver', '--config', path('authserver.conf'), 'serve')
        if $o{authserver};
    launch('mlservice', '--config', path('mlservice.conf'));
    launch('dcm', '--config', path('dcm.conf')) if $o{dcm};
    launch('fogcloud', '--config', path('fogcloud.conf')) if $o{fog};

    for my $socket ($as, $ml, $o{dcm} ? path('dcm.sock') : (),
                    $o{fog} ? path('fogcloud.sock') : ()) {
        HarsTest::Place::wait_for(15, sub {
            return IO::Socket::UNIX->new(Peer => $socket);
        }) or die "nobody listens at $socket: ",
                  map { slurp($_) } grep { -e }
                  map { path("$_.log") } qw(authserver mlservice dcm fogcloud);
    }

    my ($status, $said) = $nginx->check;
    die "nginx refuses the reference configuration: $said\n" if $status;
    $nginx->start;
}


# the gateway alone, by another nginx.conf if there is one
sub reload {
    my ($conf) = @_;

    $nginx->write($conf) if $conf;
    $nginx->reload or die "nginx does not reload\n";
}


# ends all of it; what the logs hold that none may hold
sub stop {
    my (%o) = @_;
    my @faults;

    push @faults, 'nginx does not end' if $nginx && !$nginx->quit;
    push @faults, $nginx->faults(%o) if $nginx;

    for my $name (sort keys %child) {
        kill 'TERM', $child{$name};
        HarsTest::Place::wait_for(10, sub {
            return HarsTest::Place::is_gone($child{$name});
        }) or push @faults, "$name does not end";
        kill 'KILL', $child{$name};
        waitpid $child{$name}, 0;
        push @faults, "$name ended with $?" if $?;
        push @faults, HarsTest::Log::faults(path("$name.log"), %o);
    }

    undef $nginx;
    %child = ();

    return @faults;
}


# one of them alone; it listens again when begin() returns
sub end {
    my ($name) = @_;
    my $pid = delete $child{$name};

    kill 'TERM', $pid;
    waitpid $pid, 0;
}

sub begin {
    my ($name) = @_;

    launch($name, '--config', path("$name.conf"));
    HarsTest::Place::wait_for(15, sub {
        return IO::Socket::UNIX->new(Peer => path("$name.sock"));
    }) or die "$name does not begin again\n";
}


# hars-authserver: what it said; dies where it fails
sub as {
    my @command = ("$HarsTest::Place::build/bin/hars-authserver", '--config',
                   path('authserver.conf'), @_);

    files() if !-e path('authserver.conf');
    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "$command[0]: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh or die "hars-authserver @_: $said\n";

    return $said;
}


sub client {
    my ($id, @words) = @_;

    return as('client', 'add', '--id', $id, @words);
}


sub pid { return $child{$_[0]} }


sub subject { return "CN=$_[0],O=HARS Gateway demo" }


sub launch {
    my ($name, @words) = @_;

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', path("$name.log");
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL',
            "$HarsTest::Place::build/bin/hars-$name", @words;
        die "hars-$name: $!\n";
    }

    $child{$name} = $pid;
}


# ends one of the services and starts it again, with its clock so many seconds
# ahead; what it had said is gone
sub restart {
    my ($name, $ahead) = @_;
    my ($lib) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

    kill 'TERM', $child{$name};
    waitpid $child{$name}, 0;
    die "hars-$name ended with $?\n" if $?;
    unlink path("$name.log");

    local $ENV{LD_PRELOAD} = $lib // die "libfaketime: make deps-test\n"
        if $ahead;
    local $ENV{FAKETIME} = '+' . ($ahead // 0);
    launch($name, '--config', path("$name.conf"));
    HarsTest::Place::wait_for(15, sub {
        return IO::Socket::UNIX->new(Peer => path("$name.sock"));
    }) or die "hars-$name does not start again\n";
}


# the files of conf/ in the directory of the test, as root would have put them
# to where they belong
sub files {
    mkdir path('tls');
    for my $name (qw(auth ml)) {
        spew("tls/$name.$_", slurp("$HarsTest::Place::pki/server.$_"))
            for qw(pem key);
    }
    for my $name (qw(dcm fog)) {
        spew("tls/$name.$_", slurp("$HarsTest::Place::pki/$name.$_"))
            for qw(pem key);
    }
    spew('fog-master.key', '6b' x 32 . "\n");
    spew('fog-exchange.key', '7c' x 32 . "\n");
    spew('data.key', '5a' x 32 . "\n");
    spew("client.$_", slurp("$HarsTest::Place::pki/hars-dcm.$_"))
        for qw(pem key);
    spew('server-ca.pem', slurp("$HarsTest::Place::pki/ca.pem"));
    spew($_, slurp("$HarsTest::Place::pki/client-ca.pem"))
        for qw(tls/client-ca.pem client-ca.pem);

    for my $name (qw(zone seal)) {
        my $from = $ENV{'TEST_NGINX_' . uc($name) . '_KEY'};
        spew("$name.key", slurp($from)) if $from ne path("$name.key");
    }

    system('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
           'ec_paramgen_curve:P-256', '-out', path('signing.key')) == 0
        or die "openssl genpkey failed\n";

    for my $conf (glob "$HarsTest::Place::top/conf/*.conf") {
        my ($name) = $conf =~ m{([^/]+)$};
        spew($name, placed(slurp($conf)));
    }

    redis_users();
    $nginx = HarsTest::Nginx->new(conf => nginx_conf());
}


sub placed {
    my ($text) = @_;
    my $dir = HarsTest::Place::dir();
    my ($user, $port, $auth) = (scalar getpwuid($>), port(), auth());

    for ($text) {
        s{modules/ngx_http_hars_module.so}{$HarsTest::Place::module};
        s{/run/hars/redis.sock}{$ENV{TEST_NGINX_REDIS_SOCK}}g;
        s{/usr/share/hars/dashboard}{$HarsTest::Place::build/dashboard}g;
        s{/usr/share/hars}{$HarsTest::Place::top/backend/mlservice}g;
        s{/(?:etc|run|var/lib)/hars(?:-dcm|-fogcloud)?}{$dir}g;
        s{/var/log/nginx|/run(?=/nginx\.pid)}{$dir}g;
        s{127\.0\.0\.1:(914\d)}{unix:$dir/status-$1.sock}g;
        s{allow 127\.0\.0\.1;}{allow unix:;}g;
        s{(?<=localhost:)8443\b}{$port}g;
        s{\b8443\b}{127.0.0.1:$port}g;
        s{https://auth\.hars\.localhost\b(?!:)}{$auth}g;
        s{^(gateway_user = ).*}{$1$user}m;
        s{^user .*}{$> == 0 ? 'user root;' : ''}me;
    }

    return $text;
}


# temporary files where nobody but root could make them
sub nginx_conf {
    my $conf = slurp(path('nginx.conf'));
    my $temp = join "\n", map { "    ${_}_temp_path " . path($_) . ';' }
        qw(client_body proxy fastcgi uwsgi scgi);

    $conf =~ s/^error_log .*/error_log logs\/error.log notice;/m;
    $conf =~ s/^http \{/http {\n$temp/m;

    return $conf;
}


# the users of conf/redis-users.acl, with passwords of this test
sub redis_users {
    my $acl = slurp("$HarsTest::Place::top/conf/redis-users.acl");

    for my $name (qw(gateway authserver)) {
        spew("redis-$name.password", "secret of $name\n");
        my $hash = sha256_hex("secret of $name");
        my ($user) = $acl =~ /^user $name (.*)/m;
        $user =~ s/#\w+_PASSWORD_SHA256/#$hash/;
        my $said = HarsTest::redis('ACL', 'SETUSER', $name, 'reset',
                                   split ' ', $user);
        die "redis-users.acl, $name: $said\n" if $said ne 'OK';
    }
}


sub slurp {
    open my $fh, '<', $_[0] or die "$_[0]: $!\n";
    local $/ = undef;
    return <$fh> // '';
}


sub spew {
    my ($name, $text) = @_;

    open my $fh, '>', path($name) or die path($name), ": $!\n";
    chmod 0600, path($name);
    print $fh $text;
    close $fh or die path($name), ": $!\n";
}


END {
    if (defined $owner && $owner == $$) {
        local ($?, $!, $@);
        kill 'KILL', $_ for values %child;
        waitpid $_, 0 for values %child;
    }
}

1;
