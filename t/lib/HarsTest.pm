package HarsTest;

# The harness of the Test::Nginx suites: what stands around nginx in a test
# of the module.
#
#   use lib 't/lib';
#   use HarsTest redis => 1;       # before Test::Nginx::Socket
#   use Test::Nginx::Socket;
#
# Each block's server speaks TLS 1.3 with a certificate of its own and asks
# for one.  Test::Nginx writes raw HTTP to a loopback port; a stream {} shim
# in the same nginx carries it into TLS with the client certificate that the
# block names.  Sections beside those of Test::Nginx:
#
#   --- cert: a                a | b | expired | foreign | none; plain: no TLS
#   --- sni: localhost         server name that the shim sends
#   --- verify: optional       ssl_verify_client of the block's server
#   --- as eval                rules of the authorization server, a hash
#   --- as_requests: 1         a test: so many introspections were made
#   --- as_request_like        a test: the last one matches (head and body)
#   --- as_request_unlike      a test: none matches
#   --- after                  Perl run after the requests, nginx still there
#   --- allow_log              regex: lines of the error log that may be bad
#   --- keep_redis             do not empty Redis before this block
#
# In configuration text: $TEST_NGINX_INTROSPECT (an introspection location),
# _AS_SOCK, _DEAD_SOCK (nobody listens), _REDIS_SOCK, _REDIS_PORT, _TLS_PORT,
# _PORT_1 to _PORT_4 (free for the test), _PKI, _ZONE_KEY, _SEAL_KEY, _TMP.
# Every block has a --- config: nginx is stopped after each one, and the
# harness fails where it does not end or its log holds what none may hold
# (HarsTest::Log).  The functions of HarsTest::Authority and HarsTest::Redis
# are there for --- init and --- after.

use strict;
use warnings;

use JSON::PP;
use Test::More ();

use HarsTest::Authority;
use HarsTest::Log;
use HarsTest::Place;
use HarsTest::Redis;

my %shim_port = (a => 2, b => 3, expired => 4, foreign => 5, none => 6);
my $json = JSON::PP->new->utf8->canonical;
my ($main, @secrets, %option);


# use HarsTest module => 0 | 1, redis => 0 | 1, log_level => 'info';
# suite => 0 for tests that start nginx themselves (HarsTest::Nginx)
sub import {
    my ($class, %o) = @_;

    return if $main;

    %option = (suite => 1, module => 1, redis => 0, log_level => 'info', %o);
    $main = $$;

    # a test whose reader goes away still ends what it started
    $SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);

    HarsTest::Place::make_pki();
    HarsTest::Authority::start();
    HarsTest::Redis::start() if $option{redis};
    environment();

    return if !$option{suite};

    require Test::Nginx::Util;
    Test::Nginx::Util::add_block_preprocessor(\&prepare);
    Test::Nginx::Util::add_test_cleanup_handler(\&finish);
}


sub environment {
    my $tmp = HarsTest::Place::dir();

    my %env = (
        SERVROOT       => HarsTest::Place::server_root(),
        BINARY         => HarsTest::Place::nginx(),
        SERVER_PORT    => '127.0.0.1:' . HarsTest::Place::port(0),
        CLIENT_PORT    => HarsTest::Place::port($shim_port{a}),
        STREAM_PORT    => HarsTest::Place::port(7),
        MASTER_PROCESS => 'on',
        LOG_LEVEL      => $option{log_level},
        TLS_PORT       => HarsTest::Place::port(1),
        PORT_1         => HarsTest::Place::port(8),
        PORT_2         => HarsTest::Place::port(9),
        PORT_3         => HarsTest::Place::port(10),
        PORT_4         => HarsTest::Place::port(11),
        REDIS_PORT     => HarsTest::Redis::port(),
        REDIS_SOCK     => HarsTest::Redis::socket_path(),
        AS_SOCK        => HarsTest::Authority::socket_path(),
        DEAD_SOCK      => "$tmp/dead.sock",
        PKI            => $HarsTest::Place::pki,
        TMP            => $tmp,
        ZONE_KEY       => secret('zone.key', '11'),
        SEAL_KEY       => secret('seal.key', '22'),
    );

    # the environment wins: a sanitizer run sets its own nginx
    for my $name (keys %env) {
        $ENV{"TEST_NGINX_$name"} //= $env{$name};
    }

    $ENV{TEST_NGINX_INTROSPECT} = introspect();
}


# a key file of a fixed secret, in hexadecimal digits
sub secret {
    my ($name, $byte) = @_;
    my $path = HarsTest::Place::dir() . "/$name";

    open my $fh, '>', $path or die "$path: $!\n";
    chmod 0600, $path;
    print $fh $byte x 32, "\n";
    close $fh or die "$path: $!\n";

    return $path;
}


# the text of an introspection location: introspect('/uri', 'unix:socket')
sub introspect {
    my ($uri, $server) = @_;

    $uri //= '/_hars/introspect';
    $server //= 'unix:' . HarsTest::Authority::socket_path();

    return <<"END";
location = $uri {
            internal;
            proxy_pass http://$server:/introspect;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Client-Cert "";
            proxy_connect_timeout 1s;
            proxy_send_timeout 1s;
            proxy_read_timeout 1s;
            subrequest_output_buffer_size 64k;
        }
END
}


# The JSON of an active token (RFC 7662, 2.2), bound to the certificate
# "cert".  Other names are claims; undef leaves a claim out; exp_in and
# nbf_in are seconds from now.
sub active {
    my (%o) = @_;

    my $cert = exists $o{cert} ? delete $o{cert} : 'a';
    my $now = time;

    my %claims = (
        active     => JSON::PP::true,
        client_id  => 'client-a',
        sub        => 'sub-a',
        scope      => 'ml:recognize',
        aud        => [ 'https://ml.hars.localhost/' ],
        iss        => 'https://auth.hars.localhost',
        exp        => $now + (delete $o{exp_in} // 300),
        iat        => $now,
        nbf        => $now + (delete $o{nbf_in} // 0),
        token_type => 'Bearer',
        hars_kind  => 'patient',
    );

    if (defined $cert) {
        $claims{cnf} = { 'x5t#S256' => HarsTest::Place::thumbprint($cert) };
    }

    for my $name (keys %o) {
        if (defined $o{$name}) {
            $claims{$name} = $o{$name};
        } else {
            delete $claims{$name};
        }
    }

    return $json->encode(\%claims);
}


# tokens that no error log may hold, beside those the harness finds itself
sub tokens { push @secrets, @_ }

sub thumbprint { return HarsTest::Place::thumbprint($_[0]) }
sub redis      { return HarsTest::Redis::redis(@_) }


sub prepare {
    my ($block) = @_;

    my $cert = word($block->cert) // 'a';

    if ($cert eq 'plain') {
        Test::Nginx::Util::server_port_for_client(HarsTest::Place::port(0));

    } elsif ($shim_port{$cert}) {
        Test::Nginx::Util::server_port_for_client(
            HarsTest::Place::port($shim_port{$cert}));

    } else {
        die $block->name . ": no certificate \"$cert\"\n";
    }

    # without a section config Test::Nginx would go on with the last nginx
    die $block->name . ": no --- config\n" if !defined $block->config;

    $block->set_value('config', tls($block) . $block->config);
    $block->set_value('main_config',
                      main_config($block) . ($block->main_config // ''));

    my $rules = $block->as // {};
    die $block->name . ": --- as: $rules" if ref $rules ne 'HASH';
    HarsTest::Authority::rules($rules);
    @secrets = grep { length >= 8 } keys %$rules;

    for my $text (map { flat($_) } $block->request, $block->more_headers,
                  $block->raw_request, $block->pipelined_requests)
    {
        push @secrets, $text =~ /Bearer +(\S{8,})/gi;
    }

    if ($option{redis} && !defined $block->keep_redis) {
        HarsTest::Redis::start();
        HarsTest::Redis::redis('FLUSHALL');
    }
}


# the TLS side of the block's server; what it says itself is left to it
sub tls {
    my ($block) = @_;
    my $config = $block->config;
    my $pki = $HarsTest::Place::pki;

    my @lines = (
        [ ssl_certificate        => "$pki/server.pem" ],
        [ ssl_certificate_key    => "$pki/server.key" ],
        [ ssl_client_certificate => "$pki/client-ca.pem" ],
        [ ssl_verify_client      => word($block->verify) // 'optional' ],
        [ ssl_protocols          => 'TLSv1.3' ],
        [ ssl_session_tickets    => 'off' ],
        [ ssl_session_cache      => 'off' ],
    );

    my $text = 'listen 127.0.0.1:' . HarsTest::Place::port(1)
               . " ssl http2;\n";

    for my $line (@lines) {
        my ($name, $value) = @$line;
        next if $config =~ /^\s*$name\s/m;
        $text .= "        $name $value;\n";
    }

    return $text;
}


sub main_config {
    my ($block) = @_;
    my $pki = $HarsTest::Place::pki;
    my $sni = word($block->sni) // 'localhost';
    my $text = '';

    my $stream = HarsTest::Place::modules_path() . '/ngx_stream_module.so';

    $text .= "load_module $stream;\n" if -e $stream;
    $text .= "load_module $HarsTest::Place::module;\n" if $option{module};

    $text .= <<"END";
stream {
    proxy_ssl on;
    proxy_ssl_protocols TLSv1.3;
    proxy_ssl_session_reuse off;
    proxy_ssl_server_name on;
    proxy_ssl_name $sni;
END

    for my $cert (sort keys %shim_port) {
        my $port = HarsTest::Place::port($shim_port{$cert});
        my $tls = HarsTest::Place::port(1);
        my $present = $cert eq 'none' ? '' :
            "proxy_ssl_certificate $pki/$cert.pem; "
            . "proxy_ssl_certificate_key $pki/$cert.key;";

        $text .= "    server { listen 127.0.0.1:$port; "
                 . "proxy_pass 127.0.0.1:$tls; $present }\n";
    }

    return "$text}\n";
}


# after a block: its own checks, the end of nginx, the log
sub finish {
    my ($block) = @_;

    return if $$ != $main;

    my $name = $block->name;
    my @requests = HarsTest::Authority::requests();

    if (defined $block->as_requests) {
        Test::More::is(scalar @requests, word($block->as_requests),
                       "$name - introspections made");
    }

    if (defined $block->as_request_like) {
        my $re = line($block->as_request_like);
        my $last = @requests
            ? "$requests[-1]{headers}\r\n$requests[-1]{body}" : '';
        Test::More::like($last, qr/$re/ms, "$name - introspection request");
    }

    if (defined $block->as_request_unlike) {
        my $re = line($block->as_request_unlike);
        my $all = join "\n", map { "$_->{headers}\r\n$_->{body}" } @requests;
        Test::More::unlike($all, qr/$re/ms, "$name - introspection request");
    }

    if (defined $block->after) {
        eval 'package main; ' . $block->after;
        Test::More::fail("$name - after: $@") if $@;
    }

    my $ended = end_nginx();
    Test::More::fail("$name - nginx ends on SIGQUIT") if !$ended;

    my @allow;
    push @allow, qr/\[emerg\]/ if defined $block->must_die;
    push @allow, map { qr/$_/ } line($block->allow_log)
        if defined $block->allow_log;

    my $allow = @allow ? qr/${\ join '|', @allow}/ : undef;

    for my $fault (HarsTest::Log::faults(
        "$ENV{TEST_NGINX_SERVROOT}/logs/error.log",
        tokens => \@secrets, allow => $allow))
    {
        Test::More::fail("$name - $fault");
    }
}


sub end_nginx {
    my $path = "$ENV{TEST_NGINX_SERVROOT}/logs/nginx.pid";

    open my $fh, '<', $path or return 1;
    my ($pid) = <$fh> =~ /^(\d+)$/ or return 1;

    kill 'QUIT', $pid or return 1;
    return 1 if HarsTest::Place::wait_for(10,
        sub { HarsTest::Place::is_gone($pid) });

    kill 'KILL', $pid;
    return 0;
}


sub word {
    my ($text) = @_;

    return if !defined $text;
    $text =~ s/^\s+|\s+$//g;
    return $text;
}

sub line {
    my ($text) = @_;

    chomp $text if !ref $text;
    return $text;
}

sub flat {
    my ($value) = @_;

    return () if !defined $value;
    return map { flat($_) } @$value if ref $value eq 'ARRAY';
    return map { flat($_) } values %$value if ref $value eq 'HASH';
    return ref $value ? () : $value;
}


END {
    if (defined $main && $$ == $main) {
        local ($?, $!);
        HarsTest::Authority::stop();
        HarsTest::Redis::stop();
    }
}

1;
