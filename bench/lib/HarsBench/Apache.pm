package HarsBench::Apache;

# Apache with mod_oauth2 (libapache2-mod-oauth2) as a contender: type=mtls, one
# process of 256 threads on core 0, its shared memory as cache.  The module
# asks the authority by TCP, a connection for each question.  Its CPU time is
# that of all its threads.

use strict;
use warnings;

use parent -norequire, 'HarsBench::Contender';

use File::Path qw(make_path remove_tree);

use HarsBench::Behind;
use HarsBench::Run;

use constant ENTRIES => 12_000;   # a look at its cache goes through them all

my $lib = '/usr/lib/apache2/modules';


sub dir { return HarsTest::Place::server_root() . '-apache' }


sub start {
    my ($self) = @_;
    my $at = $self->dir;

    remove_tree($at);
    make_path("$at/logs");
    open my $fh, '>', "$at/httpd.conf" or die "httpd.conf: $!\n";
    print $fh $self->conf;
    close $fh or die "httpd.conf: $!\n";

    $self->{pid} = fork() // die "fork: $!\n";

    if ($self->{pid} == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$at/logs/said";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'TERM', 'taskset', '-c', 0,
            '/usr/sbin/apache2', '-f', "$at/httpd.conf", '-D', 'FOREGROUND';
        die "apache2: $!\n";
    }

    HarsTest::Place::wait_for(10, sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port})
            && $self->workers;
    }) or die 'apache2 does not start: ', content("$at/logs/said"),
              content("$at/logs/error.log"), "\n";
}


sub workers {
    my ($self) = @_;

    return split ' ', content("/proc/$self->{pid}/task/$self->{pid}/children");
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;

    kill 'TERM', $pid;
    my $ended = HarsTest::Place::wait_for(10,
        sub { HarsTest::Place::is_gone($pid) });
    kill 'KILL', $pid if !$ended;
    waitpid $pid, 0;

    my @bad = grep { /:(?:crit|alert|emerg)\]|exit signal/ }
        split /\n/, content($self->dir . '/logs/error.log');

    return ($ended ? () : 'apache does not end', map { "apache: $_" } @bad);
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    $self->stop;
}


sub conf {
    my ($self) = @_;
    my $at = $self->dir;
    my $authority = HarsBench::Behind::tcp($self->{slow});
    my $origin = HarsBench::Behind::origin();
    my $kind = 'introspect.auth=none&introspect.expiry=3600&expiry=3600'
        . '&type=mtls&mtls.policy=required';
    my $load = join "\n", map {
        (my $file = $_) =~ s/_module$//;
        "LoadModule $_ $lib/mod_$file.so";
    } qw(mpm_event_module authn_core_module authz_core_module
         authz_user_module proxy_module proxy_http_module ssl_module
         http2_module oauth2_module);
    my $protocols = $self->{http2} ? 'h2' : 'http/1.1';

    return <<"END";
ServerRoot $at
ServerName localhost
PidFile $at/logs/pid
DefaultRuntimeDir $at
ErrorLog $at/logs/error.log
LogLevel warn
Listen 127.0.0.1:$self->{port}
$load
User www-data
Group www-data
ServerLimit 1
StartServers 1
ThreadsPerChild 256
ThreadLimit 256
MaxRequestWorkers 256
MinSpareThreads 1
MaxSpareThreads 256
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 3600
Protocols $protocols
SSLSessionCache none
SSLSessionTickets off
OAuth2CryptoPassphrase bench
OAuth2Cache shm max_entries=${\ ENTRIES}&max_val_size=1024
<VirtualHost 127.0.0.1:$self->{port}>
    SSLEngine on
    SSLProtocol TLSv1.3
    SSLCertificateFile $pki/server.pem
    SSLCertificateKeyFile $pki/server.key
    SSLCACertificateFile $pki/client-ca.pem
    SSLVerifyClient require
    SSLVerifyDepth 2
    SSLOptions +StdEnvVars +ExportCertData
    ProxyPass / $origin|http://origin/ enablereuse=on max=256
    <Location />
        AuthType oauth2
        OAuth2TokenVerify introspect http://$authority/introspect $kind
        OAuth2TargetPass envvars=Off&headers=Off
        Require valid-user
    </Location>
    <Location /open>
        AuthType none
        Require all granted
    </Location>
</VirtualHost>
END
}

1;
