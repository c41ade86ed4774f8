#!/usr/bin/perl

# The hars command against a plain nginx with mutual TLS 1.3, which hands the
# client's certificate to the authorization server as the gateway does: what
# it asks for, what it prints, its exit status, and to whom it says nothing.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(decode_base64 encode_base64url);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

my $top = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
my $program = "$build/bin/hars";
my $server = "$build/bin/hars-authserver";
my $dir = tempdir('hars-client-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ml = 'https://ml.hars.localhost/';
my $json = JSON::PP->new;
my (%child, $port, $plain, $old);

$ENV{PATH} .= ':/usr/sbin:/sbin';

for my $name ($program, $server) {
    BAIL_OUT("$name is not there: make all") unless -x $name;
}

# a proxy of the environment is not to be asked
$ENV{https_proxy} = $ENV{HTTPS_PROXY} = $ENV{ALL_PROXY} =
    'http://127.0.0.1:1';

prepare();
start();

usage();
token();
tls_shown();
recognize();
revoke();
local_mistakes();
not_connected();
stop();

done_testing();


# whoever stops the test, what it started goes with it
BEGIN {
    $SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);
}


END {
    my $status = $?;

    for my $pid (values %child) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }

    $? = $status;
}


sub write_file {
    my ($name, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";

    return "$dir/$name";
}


# exit status, standard output, standard error
sub run {
    my ($input, @command) = @_;

    open my $fh, '|-', 'sh', '-c', 'exec "$@" > "$0.out" 2> "$0.err"',
        "$dir/run", @command or die "$command[0]: $!\n";
    local $SIG{PIPE} = 'IGNORE';
    print $fh $input // '';
    close $fh;
    my $status = $?;

    return ($status & 127 ? "signal $status" : $status >> 8,
            map { content("$dir/run.$_") } qw(out err));
}


sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh> // '';
}


sub wait_for {
    my ($condition) = @_;

    my $end = time + 15;

    while (time < $end) {
        return 1 if $condition->();
        sleep 0.02;
    }

    return 0;
}


sub launch {
    my ($name, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(HUP INT PIPE TERM);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $child{$name} = $pid;
}


sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!\n";

    return $s->sockport;
}


sub prepare {
    for my $what ('authorities', 'server auth auth.hars.localhost',
                  'server other other.example', 'client dcm-1',
                  'client dcm-2', 'client oscar', 'client foreign --ca foreign-ca') {
        my ($rc, undef, $err) = run(undef, "$top/scripts/demo-pki.sh",
                                    "$dir/pki", split / /, $what);
        $rc == 0 or BAIL_OUT("demo-pki.sh $what: $err");
    }

    write_file('as.conf', join '', map { "$_\n" }
        'issuer = https://auth.hars.localhost', "database = $dir/as.db",
        "client_ca = $dir/pki/client-ca.pem",
        "public_socket = $dir/public.sock",
        "gateway_socket = $dir/gateway.sock",
        'gateway_user = ' . getpwuid($>));

    my ($rc, undef, $err) =
        run(undef, $server, '--config', "$dir/as.conf", 'client', 'add',
            '--id', 'dcm-1', '--kind', 'service', '--subject-dn',
            'CN=dcm-1,O=HARS Gateway demo', '--scope',
            'ml:recognize ml:probabilities', '--resource', $ml);
    $rc == 0 or BAIL_OUT("client add: $err");

    ($rc, undef, $err) =
        run(undef, $server, '--config', "$dir/as.conf", 'client', 'add',
            '--id', 'oscar', '--kind', 'operator', '--subject-dn',
            'CN=oscar,O=HARS Gateway demo', '--resource', $ml);
    $rc == 0 or BAIL_OUT("client add: $err");
}


# the DER of a certificate, as PEM has it
sub base64 {
    my ($base64) = content("$dir/pki/$_[0].pem")
        =~ /BEGIN CERTIFICATE-----(.*?)-----END/s;

    return $base64 =~ s/\s//gr;
}


# nginx without our module: the certificate's PEM made RFC 9440 by a map
sub nginx_conf {
    my ($dcm, $oscar) = map { base64($_) } qw(dcm-1 oscar);

    return <<"CONF";
daemon off;
master_process off;
pid $dir/nginx.pid;
error_log $dir/nginx-error.log;
events { }
http {
    access_log $dir/access.log;
    client_body_temp_path $dir;
    proxy_temp_path $dir;
    fastcgi_temp_path $dir;
    uwsgi_temp_path $dir;
    scgi_temp_path $dir;
    client_max_body_size 1m;
    map \$ssl_client_s_dn \$dcm {
        "~CN=dcm-1" ":$dcm:";
        "~CN=oscar" ":$oscar:";
    }
    ssl_certificate $dir/pki/auth.pem;
    ssl_certificate_key $dir/pki/auth.key;
    ssl_client_certificate $dir/pki/client-ca.pem;
    ssl_verify_client on;
    server {
        listen 127.0.0.1:$port ssl;
        server_name auth.hars.localhost;
        ssl_protocols TLSv1.3;
        location /oauth2/ {
            proxy_pass http://unix:$dir/public.sock;
            proxy_set_header Client-Cert \$dcm;
        }
        location /v1/recognitions {
            proxy_pass http://127.0.0.1:$plain/;
            proxy_set_header Host plain;
        }
        location /redirect {
            return 302 https://auth.hars.localhost:$port/oauth2/token;
        }
        location /challenge {
            add_header WWW-Authenticate 'Bearer error="invalid_token"' always;
            return 401 '{"status":401}';
        }
    }
    server {
        listen 127.0.0.1:$port;
        server_name other.example;
        ssl_certificate $dir/pki/other.pem;
        ssl_certificate_key $dir/pki/other.key;
    }
    server {
        listen 127.0.0.1:$old ssl;
        server_name auth.hars.localhost;
        ssl_protocols TLSv1.2;
        location / {
            return 200 '{"access_token":"x"}';
        }
    }
    server {
        listen 127.0.0.1:$plain;
        server_name plain;
        location / {
            set \$length '"length":"\$content_length"';
            set \$type '"type":"\$content_type"';
            return 200 '{"token":"\$http_authorization",\$length,\$type}';
        }
    }
}
CONF
}


sub start {
    $port = free_port();
    $plain = free_port();
    $old = free_port();

    write_file('nginx.conf', nginx_conf());
    launch('authserver', $server, '--config', "$dir/as.conf", 'serve');
    launch('nginx', 'nginx', '-p', $dir, '-c', "$dir/nginx.conf");

    wait_for(sub { IO::Socket::UNIX->new(Peer => "$dir/public.sock") })
        or BAIL_OUT('hars-authserver: ' . content("$dir/authserver.log"));
    wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") })
        or BAIL_OUT('nginx: ' . content("$dir/nginx.log"));
}


sub common {
    my ($name) = @_;

    return ('--url', "https://auth.hars.localhost:$port", '--cert',
            "$dir/pki/$name.pem", '--key', "$dir/pki/$name.key", '--cacert',
            "$dir/pki/ca.pem");
}


sub usage {
    my ($rc, $out, $err) = run(undef, $program, '--help');
    is($rc, 0, '--help: status');
    like($out, qr/hars token.*hars recognize.*hars revoke/s, '--help');

    ($rc, $out) = run(undef, $program, '--version');
    like($out, qr/^hars \d+\.\d+\.\d+$/, '--version');

    my @common = common('dcm-1');

    for my $words ([], ['bake'], ['token'], ['token', @common],
                   ['token', @common, '--client-id', 'x', 'y'],
                   ['token', '--nonsense'], ['recognize', @common],
                   ['recognize', 'x.csv', @common],
                   ['recognize', 'x.csv', @common, '--token', 'a',
                    '--token-file', 'b'],
                   ['recognize', '-', @common, '--token-file', '-'],
                   ['recognize', "$dir/none", @common, '--token', 'a'],
                   ['revoke', @common, '--token', 'a'],
                   ['revoke', @common, '--client-id', 'x'],
                   ['revoke', @common, '--client-id', 'x', '--sub', 'a',
                    '--client', 'b'],
                   ['revoke', @common, '--client-id', 'x', '--sub', 'a',
                    '--until', 5],
                   ['revoke', @common, '--client-id', 'x', '--token', '-']) {
        ($rc, $out, $err) = run(undef, $program, @$words);
        is($rc, 2, "usage: " . (@$words ? "$words->[0] " . @$words : ''));
        like($err, qr/^hars: .|unrecognized/, '... says what');
    }

    ($rc, $out, $err) = run(undef, $program, 'token', @common, '--client-id',
                            'dcm-1', '--url', 'http://auth.hars.localhost/');
    isnt($rc, 0, 'http is no URL');
    like($err, qr{has to be https}, '... says so');
}


sub token {
    my ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                               '--client-id', 'dcm-1', '--scope',
                               'ml:recognize', '--resource', $ml);
    my $answer = eval { $json->decode($out) } // {};

    is($rc, 0, "hars token: $err");
    like($answer->{access_token}, qr/^hats_at_/, '... prints the response');
    is($answer->{scope}, 'ml:recognize', '... with the scope asked for');
    is($err, '', '... and nothing else');
    write_file('token.json', $out);

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                            '--client-id', 'dcm-1', '--scope', 'fog:relay');
    is($rc, 1, 'refused by the server');
    is($out, '', '... nothing on standard output');
    like($err, qr/status 400.*invalid_scope/s, '... and why');

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                            '--client-id', 'dcm-1', '--url',
                            "https://auth.hars.localhost:$port/challenge");
    is($rc, 1, 'a challenge');
    like($err, qr/WWW-Authenticate: Bearer error="invalid_token"/,
         '... is shown');

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                            '--client-id', 'dcm-1', '--url',
                            "https://auth.hars.localhost:$port/redirect");
    is($rc, 1, 'a redirect is not followed');
    like($err, qr/status 302/, '... but shown');
}


sub tls_shown {
    my ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                               '--client-id', 'dcm-1', '--show-tls');
    my %tls = $err =~ /^tls\.(\w+)=(.*)$/mg;

    is($rc, 0, '--show-tls');
    is($tls{protocol}, 'TLSv1.3', '... the protocol');
    like($tls{group}, qr/^x25519/i, '... the group');
    like($tls{cipher}, qr/^TLS_/, '... the cipher');
    is($tls{server}, 'CN=auth.hars.localhost,O=HARS Gateway demo',
       '... the server');
    is($tls{client}, 'CN=dcm-1,O=HARS Gateway demo', '... oneself');
    like($tls{thumbprint}, qr/^[A-Za-z0-9_-]{43}$/, '... the thumbprint');

    ($rc, undef, $err) = run(undef, $program, 'token', common('dcm-1'),
                             '--client-id', 'dcm-1');
    is($err, '', 'nothing of it without');

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                            '--client-id', 'dcm-1', '--url',
                            'https://auth.hars.localhost:1', '--connect-to',
                            "127.0.0.1:$port");
    is($rc, 0, "--connect-to: $err");
}


sub recognize {
    my $csv = write_file('walk.csv', "t_s,ax,ay,az,gx,gy,gz\n"
                         . join '', map { $_ / 50 . ",1,2,3,4,5,6\n" }
                         0 .. 199);
    my $token = $json->decode(content("$dir/token.json"))->{access_token};

    for my $case (['--token', [$token]], ['--token-file', ["$dir/token.json"]],
                  ['--token-file', ['-'], "$token\n"]) {
        my ($option, $words, $input) = @$case;
        my ($rc, $out, $err) = run($input, $program, 'recognize', $csv,
                                   common('dcm-1'), $option, @$words);
        my $answer = eval { $json->decode($out) } // {};

        is($rc, 0, "hars recognize $option: $err");
        is($answer->{token}, "Bearer $token", '... sends the token');
        is($answer->{type}, 'application/json', '... and JSON');
        cmp_ok($answer->{length} // 0, '>', 3000, '... and the recording');
    }

    my ($rc, $out) = run(content($csv), $program, 'recognize', '-',
                         common('dcm-1'), '--token', $token);
    is($rc, 0, 'hars recognize -');

    my $err;
    my $bad = write_file('bad.csv', "t_s,ax,ay,az,gx,gy,gz\n0,1,2,x,4,5,6\n");
    ($rc, $out, $err) = run(undef, $program, 'recognize', $bad,
                            common('dcm-1'), '--token', $token);
    is($rc, 2, 'a file that is none');
    like($err, qr/bad\.csv: line 2 has no number in the column az/,
         '... says where');

    ($rc, $out, $err) = run(undef, $program, 'recognize', $csv,
                            common('dcm-1'), '--token', "a\r\nX: y");
    is($rc, 2, 'a token with a header in it');
}


# a token of dcm-1
sub fresh {
    my (undef, $out) = run(undef, $program, 'token', common('dcm-1'),
                           '--client-id', 'dcm-1');

    return $json->decode($out)->{access_token};
}


sub state {
    my (undef, $out) = run($_[0], $server, '--config', "$dir/as.conf",
                           'token', 'show', '-');

    return $json->decode($out)->{state};
}


sub revoke {
    my $token = fresh();
    my @own = ('revoke', common('dcm-1'), '--client-id', 'dcm-1');
    my @operator = ('revoke', common('oscar'), '--client-id', 'oscar');

    my ($rc, $out, $err) = run($token, $program, @own, '--token', '-');
    is($rc, 0, "hars revoke: an own token, from standard input: $err");
    is(state($token), 'revoked', '... is revoked');

    ($rc, $out, $err) = run(undef, $program, @own, '--client', 'dcm-1');
    is($rc, 1, 'a client cannot revoke by client');
    like($err, qr/status 400.*unauthorized_client/s, '... and is told so');

    # those of the cases before
    run(undef, $program, @operator, '--client', 'dcm-1');

    my ($der) = base64('dcm-1');
    my $thumbprint = encode_base64url(sha256(decode_base64($der)));

    for my $case (['--token', undef], ['--client', 'dcm-1'],
                  ['--sub', 'dcm-1'], ['--thumbprint', $thumbprint]) {
        my ($name, $value) = @$case;

        $token = fresh();
        ($rc, $out, $err) = run(undef, $program, @operator, $name,
                                $value // $token);
        is($rc, 0, "hars revoke $name: $err");
        is($out, qq({"revoked":1}\n), '... prints how many');
        is(state($token), 'revoked', '... and it is');
    }

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-1'),
                            '--client-id', 'dcm-1');
    is($rc, 1, 'the certificate is revoked');
    like($err, qr/status 401.*invalid_client/s, '... and gets no token');

    ($rc, $out, $err) = run(undef, $program, @operator, '--thumbprint',
                            'A' x 43, '--until', 5);
    is($rc, 1, 'a time that is over');
    like($err, qr/hars_until/, '... is refused');
}


# what the command line names and is not there: nobody is asked
sub local_mistakes {
    my @token = ('token', common('dcm-1'), '--client-id', 'dcm-1');
    open my $fh, '>', "$dir/no-pem" or die "no-pem: $!\n";
    print $fh "nothing\n";
    close $fh;
    chmod 0600, "$dir/no-pem";

    for my $name ('--cert', '--key', '--cacert') {
        for my $url ([], ['--url', 'https://auth.hars.localhost:1']) {
            my ($rc, $out, $err) = run(undef, $program, @token, @$url, $name,
                                       "$dir/nowhere");
            is($rc, 2, "$name: no such file");
            is($err, "hars: $name $dir/nowhere: No such file or directory\n",
               '... is said');
        }

        my ($rc, $out, $err) = run(undef, $program, @token, $name,
                                   "$dir/no-pem");
        is($rc, 2, "$name: no PEM: $err");
        ($rc, $out, $err) = run(undef, $program, @token, $name, $dir);
        is($rc, 2, "$name: a directory: $err");
    }

    my ($rc, $out, $err) = run(undef, $program, @token, '--key',
                               "$dir/pki/dcm-2.key");
    is($rc, 2, "the key of another certificate: $err");

    for my $url ('http://auth.hars.localhost', 'auth.hars.localhost',
                 'https://', 'https://a@auth.hars.localhost',
                 "https://auth.hars.localhost:$port/" . 'x' x 2048)
    {
        my ($rc, $out, $err) = run(undef, $program, @token, '--url', $url);
        is($rc, 2, substr("--url $url", 0, 40) . ': usage');
        like($err, qr/--url has to be/, '... is said');
    }
}


sub not_connected {
    my @token = ('token', common('dcm-1'), '--client-id', 'dcm-1');

    my ($rc, $out, $err) = run(undef, $program, @token, '--url',
                               'https://auth.hars.localhost:1');
    is($rc, 3, 'nobody listens');

    ($rc, $out, $err) = run(undef, $program, @token, '--cacert',
                            "$dir/pki/foreign-ca.pem");
    is($rc, 3, 'a server of another CA');
    like($err, qr/certificate/i, '... is named as such');

    ($rc, $out, $err) = run(undef, $program, @token, '--url',
                            'https://other.example', '--connect-to',
                            "127.0.0.1:$port");
    is($rc, 1, "the name decides: $err");

    ($rc, $out, $err) = run(undef, $program, @token, '--url',
                            'https://wrong.example', '--connect-to',
                            "127.0.0.1:$port");
    is($rc, 3, 'a server of another name');

    ($rc, $out, $err) = run(undef, $program, @token, '--url',
                            "https://auth.hars.localhost:$plain");
    is($rc, 3, 'no TLS');

    ($rc, $out, $err) = run(undef, $program, @token, '--url',
                            "https://auth.hars.localhost:$old");
    is($rc, 3, 'TLS 1.2 alone');

    ($rc, $out, $err) = run(undef, $program, 'token', common('foreign'),
                            '--client-id', 'dcm-1');
    isnt($rc, 0, 'a certificate of another CA gets no token');

    ($rc, $out, $err) = run(undef, $program, 'token', common('dcm-2'),
                            '--client-id', 'dcm-1');
    is($rc, 1, 'nor does another client');
    like($err, qr/invalid_client/, '... says the server');
}


sub stop {
    for my $name (sort keys %child) {
        kill 'TERM', $child{$name};
        ok(wait_for(sub { waitpid($child{$name}, WNOHANG) }),
           "$name ends");
        delete $child{$name};
    }

    unlike(content("$dir/authserver.log"), qr/Sanitizer|runtime error/,
           'no sanitizer had a word');
}
