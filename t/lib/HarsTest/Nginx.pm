package HarsTest::Nginx;

# An nginx of the test's own, for what Test::Nginx cannot show: reload, quit,
# "nginx -t", many clients at once, TLS by curl and openssl.
#
#   use HarsTest suite => 0, redis => 1;
#   use HarsTest::Nginx;
#
#   my $nginx = HarsTest::Nginx->new(http => '...', workers => 2);
#   my ($status, $said) = $nginx->check;              nginx -t
#   $nginx->start;
#   my $r = $nginx->curl('/t', cert => 'a', token => 'token-number-1');
#   $nginx->reload;
#   $nginx->quit;                                     fails where it hangs
#   is_deeply([ $nginx->faults ], []);                HarsTest::Log
#
# Texts know the same $TEST_NGINX_ names as the suites' (HarsTest), beside
# them $TEST_NGINX_TLS: the lines of a TLS server on $TEST_NGINX_TLS_PORT.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);

use HarsTest;
use HarsTest::Log;
use HarsTest::Place;

my $count = 0;


# http => text, main => text, workers => 1, connections => 512,
# conf => a whole configuration
sub new {
    my ($class, %o) = @_;

    my $dir = HarsTest::Place::server_root() . '-' . ++$count;
    remove_tree($dir);
    make_path("$dir/logs");

    my $self = bless { %o, dir => $dir, owner => $$ }, $class;

    $self->write($o{conf} // $self->conf);
    return $self;
}


sub dir       { return $_[0]{dir} }
sub error_log { return "$_[0]{dir}/logs/error.log" }


# writes a configuration, for the next start or reload
sub write {
    my ($self, $text) = @_;

    $text =~ s/\$(TEST_NGINX_[A-Z0-9_]+)/
               $1 eq 'TEST_NGINX_TLS' ? tls() : $ENV{$1} || die "no \$$1\n"/ge;

    open my $fh, '>', "$self->{dir}/nginx.conf" or die "nginx.conf: $!\n";
    print $fh $text;
    close $fh or die "nginx.conf: $!\n";
}


sub tls {
    my $pki = $HarsTest::Place::pki;

    return <<"END";
listen 127.0.0.1:$ENV{TEST_NGINX_TLS_PORT} ssl http2;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_client_certificate $pki/client-ca.pem;
        ssl_verify_client optional;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;
END
}


# for main => ...: raw HTTP to a port arrives over TLS at another one, with a
# client certificate or without; [ port, tls port, 'a' or undef ] each
sub shim {
    my $pki = $HarsTest::Place::pki;
    my $module = HarsTest::Place::modules_path() . '/ngx_stream_module.so';
    my $servers = '';

    for my $one (@_) {
        my ($port, $tls, $cert) = @$one;

        $servers .= "    server {\n        listen 127.0.0.1:$port backlog=2048;\n"
            . "        proxy_pass 127.0.0.1:$tls;\n";
        $servers .= "        proxy_ssl_certificate $pki/$cert.pem;\n"
            . "        proxy_ssl_certificate_key $pki/$cert.key;\n" if $cert;
        $servers .= "    }\n";
    }

    return (-e $module ? "load_module $module;\n" : '') . <<"END";
stream {
    proxy_ssl on;
    proxy_ssl_protocols TLSv1.3;
    proxy_ssl_session_reuse off;
    proxy_ssl_server_name on;
    proxy_ssl_name localhost;
$servers}
END
}


sub conf {
    my ($self) = @_;
    my $workers = $self->{workers} // 1;
    my $main = $self->{main} // '';
    my $http = $self->{http} // '';
    my $level = $self->{log_level} // 'info';
    my $connections = $self->{connections} // 512;
    my $user = $> == 0 ? 'user root;' : '';

    return <<"END";
load_module $HarsTest::Place::module;
$user
worker_processes $workers;
pid logs/nginx.pid;
error_log logs/error.log $level;
$main
events {
    worker_connections $connections;
}
http {
    access_log logs/access.log;
    default_type text/plain;
    client_body_temp_path tmp_body;
    proxy_temp_path tmp_proxy;
    fastcgi_temp_path tmp_fastcgi;
    uwsgi_temp_path tmp_uwsgi;
    scgi_temp_path tmp_scgi;
$http
}
END
}


sub command {
    my ($self, @more) = @_;

    return (HarsTest::Place::nginx(), '-e', 'logs/error.log', '-p',
            "$self->{dir}/", '-c', "$self->{dir}/nginx.conf", @more);
}


# nginx -t: its exit status and what it said
sub check {
    my ($self) = @_;
    my @command = $self->command('-t');

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "nginx: $!\n";
    local $/ = undef;
    my $said = <$fh>;
    close $fh;

    # "-e" is in the way of seeing it
    open my $log, '<', $self->error_log;
    $said .= <$log> // '' if $log;

    return ($? >> 8, $said);
}


sub start {
    my ($self) = @_;

    $self->{pid} = fork() // die "fork: $!\n";

    if ($self->{pid} == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/logs/said";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'QUIT', $self->command('-g',
             'daemon off;');
        die "nginx: $!\n";
    }

    HarsTest::Place::wait_for(10, sub {
        return 1 if HarsTest::Place::is_gone($self->{pid});
        return $self->workers > 0;
    });

    if (HarsTest::Place::is_gone($self->{pid})) {
        waitpid $self->{pid}, 0;
        undef $self->{pid};
        open my $fh, '<', $self->error_log;
        die 'nginx does not start: ', $fh ? <$fh> : '', "\n";
    }
}


sub pid { return $_[0]{pid} }


# the process ids of the workers that are not shutting down
sub workers {
    my ($self) = @_;
    my @workers;

    for my $path (glob "/proc/$self->{pid}/task/$self->{pid}/children") {
        open my $fh, '<', $path or next;
        push @workers, split ' ', <$fh> // '';
    }

    return grep {
        open my $fh, '<', "/proc/$_/cmdline";
        my $title = $fh ? <$fh> // '' : '';
        $title =~ /worker process/ && $title !~ /shutting down/;
    } @workers;
}


# SIGHUP, until other workers are there
sub reload {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->{pid};

    return HarsTest::Place::wait_for(10, sub {
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    });
}


# SIGQUIT; true when it has ended within ten seconds
sub quit {
    my ($self, $signal) = @_;
    my $pid = $self->{pid} // return 1;

    kill $signal // 'QUIT', $pid;

    my $ended = HarsTest::Place::wait_for(10,
        sub { HarsTest::Place::is_gone($pid) });

    kill 'TERM', $pid if !$ended;
    waitpid $pid, 0;
    undef $self->{pid};

    return $ended;
}


sub faults {
    my ($self, %o) = @_;

    return HarsTest::Log::faults($self->error_log, %o);
}


# One request by curl: { status, headers (a text), body, exit }.  cert => name
# or "none", token => text, http2 => 1, host => name, args => [ ... ].
sub curl {
    my ($self, $uri, %o) = @_;
    my $pki = $HarsTest::Place::pki;
    my $cert = $o{cert} // 'a';
    my $host = $o{host} // 'localhost';
    my $port = $ENV{TEST_NGINX_TLS_PORT};
    my @args = ('-sS', '-i', '--max-time', $o{timeout} // 10,
                '--cacert', "$pki/ca.pem",
                '--resolve', "$host:$port:127.0.0.1",
                $o{http2} ? '--http2' : '--http1.1');

    push @args, '--cert', "$pki/$cert.pem", '--key', "$pki/$cert.key"
        if $cert ne 'none';
    push @args, '-H', "Authorization: Bearer $o{token}" if defined $o{token};
    push @args, @{ $o{args} // [] };

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', 'curl', @args,
        "https://$host:$port$uri" or die "curl: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;
    my $exit = $? >> 8;

    my ($head, $body) = $said =~ /\A(.*?)\r\n\r\n(.*)\z/s;
    my ($status) = ($head // $said) =~ /\AHTTP\/\S+ (\d+)/;

    return { status => $status // 0, headers => $head // '',
             body => $body // $said, exit => $exit };
}


sub DESTROY {
    my ($self) = @_;

    if ($self->{pid} && $$ == $self->{owner}) {
        local ($?, $!, $@);
        $self->quit;
    }
}

1;
