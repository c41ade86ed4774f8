package HarsTest::Fognode;

# The fog node as a process between hars-wearable and hars-fogcloud, with nginx
# and TLS 1.3 between the last two: what the gateway would verify of the token
# is said by nginx itself.  The data collecting mechanism is a double that
# writes down what it is sent, a line for each recording.
#
#   HarsTest::Fogcloud's fogcloud_start() comes first, then
#   fognode_place(); fognode_settings(); register, fognode_start();
#   fognode_device($i); run(fognode_wearing($i))

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

use HarsTest::Fogcloud;
use HarsTest::Place;
use HarsTest::Run;

our @EXPORT = qw(fognode_place fognode_settings fognode_start fognode_dies
                 fognode_pid
                 fognode_device fognode_wearing fognode_recording
                 fognode_asked fognode_dcm fognode_dcm_has fognode_dcm_refuse
                 fognode_rows fognode_times);

my $build = $HarsTest::Place::build;
my $pki = $HarsTest::Place::pki;
my $json = JSON::PP->new->canonical;
our ($dir, $port, $tcp);


# nginx and a recording of 500 rows
sub fognode_place {
    $dir = HarsTest::Place::dir();
    $port = HarsTest::Place::port(0);
    $tcp = HarsTest::Place::port(1);

    HarsTest::Place::make_pki();
    fognode_nginx();
    fognode_recording('walk.csv', 500);
    fognode_recording('long.csv', 4000);
}


sub fognode_settings {
    my (%more) = @_;
    my $old = umask 077;

    my %setting = (
        socket => "$dir/fn.sock", listen => "127.0.0.1:$tcp",
        state => "$dir/state", seal_key => "$dir/seal.key",
        spool => "$dir/spool", rate => 1000, burst => 1000,
        fog_url => "https://localhost:$port", fog_resource => 'https://fog/',
        dcm_url => "https://localhost:$port", dcm_resource => 'https://dcm/',
        auth_url => "https://localhost:$port", client_id => 'client-a',
        certificate => "$pki/a.pem", key => "$pki/a.key",
        server_ca => "$pki/ca.pem", %more);

    write_file('seal.key', '7c' x 32 . "\n");
    write_file('fognode.conf',
               join '', map { "$_ = $setting{$_}\n" } sort keys %setting);
    umask $old;
}


sub fognode_device {
    my ($i) = @_;

    my ($status, $given, $top, $text) = fogcloud_ask('POST',
        '/v1/fog/devices', { id => "wearable-$i", patient => "p$i" },
        fogcloud_as('operator', 'op', 'fog:register'));
    die "device $i: $status\n" if $status != 201;

    write_file("$i.json", $text);
    write_file("owner-$i", "wearable-$i\nsecret\n");
    my ($rc, $said) = run("$build/bin/hars-wearable", 'provision', '--small',
        '--flash', "$dir/flash-$i", '--owner-file', "$dir/owner-$i",
        '--registration', "$dir/$i.json");
    die "provision: $said\n" if $rc;
}


sub fognode_wearing {
    my ($i, $recording) = @_;

    return ("$build/bin/hars-wearable", 'run', '--small', '--flash',
            "$dir/flash-$i", '--owner-file', "$dir/owner-$i", '--node',
            "unix:$dir/fn.sock", '--recording',
            "$dir/" . ($recording // 'walk.csv'), '--speed', 1000, '--start',
            1700000000000, '--backoff', 50, '--tries', 4, '--kept-wait',
            10000);
}


sub fognode_recording {
    my ($name, $n) = @_;

    write_file($name, "timestamp_s,ax,ay,az,gx,gy,gz\n" . join '', map {
        sprintf "%.2f,3,%.3f,9.8,0.1,%.3f,0\n", $_ / 50, sin($_ / 5),
            cos($_ / 7)
    } 0 .. $n - 1);
}


sub fognode_start {
    launch('fognode', "$build/bin/hars-fognode", '--config',
           "$dir/fognode.conf");
    wait_for(sub { IO::Socket::UNIX->new(Peer => "$dir/fn.sock") })
        or die 'hars-fognode does not start: ', content("$dir/fognode.log");
}


sub fognode_nginx {
    my $nginx = HarsTest::Place::nginx();
    my $cloud = fogcloud_socket();
    my $exp = int(time) + 3600;
    my $user = $> == 0 ? 'user root;' : '';

    write_file('nginx.conf', <<"END");
daemon off;
master_process off;
$user
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events { worker_connections 1024; }
http {
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/f;
    uwsgi_temp_path $dir/u;
    scgi_temp_path $dir/s;
    access_log $dir/access.log;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $pki/server.pem;
        ssl_certificate_key $pki/server.key;
        ssl_client_certificate $pki/client-ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        location = /oauth2/token {
            default_type application/json;
            return 200 '{"access_token":"t","token_type":"Bearer","expires_in":300}';
        }
        location /v1/fog/ {
            proxy_pass http://unix:$cloud:;
            proxy_set_header Hars-Sub client-a;
            proxy_set_header Hars-Client-Id client-a;
            proxy_set_header Hars-Kind fog_node;
            proxy_set_header Hars-Scope fog:relay;
            proxy_set_header Hars-Exp $exp;
            proxy_set_header Hars-Cert-S256 @{['A' x 43]};
        }
        location /v1/recordings {
            proxy_pass http://unix:$dir/dcm.sock:;
        }
    }
}
END
    launch('nginx', 'setpriv', '--pdeathsig', 'KILL', $nginx, '-p', $dir,
           '-c', "$dir/nginx.conf");
    wait_for(sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") })
        or die 'nginx does not start: ', content("$dir/nginx.log");
}


# M2 that nginx has seen, of a status
sub fognode_asked {
    my $status = shift // '\d+';

    return scalar grep { m{POST /v1/fog/sessions .*" $status\b} }
        split /\n/, content("$dir/access.log");
}


# the double of the data collecting mechanism: a line for each recording
sub fognode_dcm {
    unlink "$dir/dcm.sock";
    my $listen = IO::Socket::UNIX->new(Local => "$dir/dcm.sock",
                                       Listen => 64) or die "dcm: $!\n";
    $child{dcm} = fork // die "fork: $!\n";
    return if $child{dcm};

    # who asked may be killed before it has the answer
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        my $s = $listen->accept or next;
        dcm_answer($s);
        close $s;
    }
}


sub dcm_answer {
    my ($s) = @_;
    my ($head, $body) = ('', '');

    while (defined(my $line = <$s>)) {
        last if $line eq "\r\n";
        $head .= $line;
    }

    my ($method, $path) = $head =~ /^(\S+) (\S+)/ or return;
    my ($len) = $head =~ /^Content-Length: (\d+)/mi;
    read $s, $body, $len if $len;

    my ($status, $said) = (200, { state => 'done', activities => [
        map { { start => 1700000000 + $_ * 2.56,
                end => 1700000002.56 + $_ * 2.56, activity => 'standing',
                smoothed => 'walking' } } 0 .. 1 ] });

    if ($method eq 'POST') {
        ($status, $said) = -e "$dir/refuse" ? (422, { detail => 'no' })
                                            : (201, { state => 'queued' });
        dcm_write($path, $body) if $status == 201;
    }

    my $text = $json->encode($said);
    print $s "HTTP/1.1 $status x\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($text) . "\r\nConnection: close\r\n\r\n"
        . $text;
    $s->flush;
}


# hars_ml_packed.c: blocks of 32 bytes and rows of 28
sub dcm_write {
    my ($path, $body) = @_;
    my ($rows, $first, @times) = (0, '');

    while (length $body) {
        my ($magic, $n, $time) = unpack 'a4 x4 V x12 d<', $body;
        $magic eq 'HARS' && length $body >= 32 + 28 * $n
            or $path = "broken $path", last;
        $first ||= sprintf '%.6f %.4f', $time, unpack('x36 f<', $body);
        $rows += $n;
        push @times, map {
            sprintf '%.0f', $time * 1e6
                + unpack 'V', substr $body, 32 + 28 * $_, 4;
        } 0 .. $n - 1;
        $body = substr $body, 32 + 28 * $n;
    }

    open my $fh, '>>', "$dir/dcm.has" or die;
    syswrite $fh, $json->encode({ path => $path, rows => $rows,
                                  first => $first, times => \@times })
        . "\n";
}


sub fognode_dcm_has { return map { $json->decode($_) } split /\n/, content("$dir/dcm.has") }

# a recording that was sent twice is one
sub fognode_rows {
    my ($n, %seen) = (0);
    $n += $_->{rows} for grep { !$seen{$_->{path}}++ } fognode_dcm_has();

    return $n;
}


# how many rows of different times there are in the ten s from "start" (ms)
sub fognode_times {
    my ($start) = @_;
    my %seen;

    for my $one (fognode_dcm_has()) {
        $seen{$_} = 1 for grep {
            $_ >= $start * 1000 && $_ < ($start + 10000) * 1000
        } @{ $one->{times} };
    }

    return scalar keys %seen;
}


sub fognode_dcm_refuse {
    $_[0] ? write_file('refuse', '') : unlink "$dir/refuse";
}


sub fognode_pid { return $child{fognode} }


# the next process of this name dies where t/fog/kill_send.c is told to
sub fognode_dies {
    my ($name, %where) = @_;

    $HarsTest::Run::environment{$name} = {
        LD_PRELOAD => "$build/t/kill_send.so",
        map { ("HARS_KILL_$_" => $where{$_}) } keys %where };
}


1;
