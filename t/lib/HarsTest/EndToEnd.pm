package HarsTest::EndToEnd;

# What the end to end tests have in common: programs that are started and
# ended, certificates, and requests to an authorization server of the test's
# own, on Unix sockets and without a gateway.
#
#   use HarsTest::EndToEnd;                the processes and certificates
#   use HarsTest::EndToEnd ':oauth';       post, token, active, revoke, too
#   use HarsTest::EndToEnd qw(start_redis redis);
#
# All of it lives in $dir and ends with the test.
#
# $database is the servers': a file, or with HARS_TEST_DATABASE=postgresql one
# of a PostgreSQL that is started for this test.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(decode_base64 encode_base64url);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

our @EXPORT = qw($top $build $dir $program $database $json %child %cert
                 %thumbprint write_file content run sql as wait_for launch ended
                 listening start pki certificate issue known answer stored);
our %EXPORT_TAGS = (oauth => [@EXPORT, qw(post token active revoke)]);
our @EXPORT_OK = qw(post token active revoke start_redis redis);

our $top = abs_path(dirname(__FILE__) . '/../../..');
our $build = $ENV{HARS_BUILD} ? abs_path($ENV{HARS_BUILD}) : "$top/build";
our $dir = tempdir('hars-e2e-XXXXXX', TMPDIR => 1, CLEANUP => 1);
our $program = "$build/bin/hars-authserver";
our $database = "$dir/as.db";
our $json = JSON::PP->new->canonical;

# processes by name; the header and the thumbprint of a certificate by name
our (%child, %cert, %thumbprint);

my $owner = $$;

if (($ENV{HARS_TEST_DATABASE} // '') eq 'postgresql') {
    require HarsTest::Postgres;

    our $postgres = HarsTest::Postgres->new;
    $postgres->sql('CREATE DATABASE hars');
    $database = $postgres->uri('hars');
}


# whoever stops the test, what it started goes with it
$SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);

END {
    my $status = $?;

    if ($$ == $owner) {
        for my $pid (values %child) {
            kill 'CONT', $pid;
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }
    }

    $? = $status;
}


sub write_file {
    my ($name, $text, $mode) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";
    chmod $mode, "$dir/$name" if $mode;

    return "$dir/$name";
}


sub content {
    open my $fh, '<', $_[0] or return '';
    local $/;

    return <$fh>;
}


# exit status and all that was said
sub run {
    my (@command) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1 < /dev/null', 'sh',
        @command or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    return ($? >> 8, $said);
}


# hars-authserver, its settings those of as.conf
sub as {
    return run($program, '--config', "$dir/as.conf", @_);
}


# a statement into the server's database, behind its back
sub sql {
    my ($text) = @_;

    return our $postgres->sql($text, 'hars') if $database ne "$dir/as.db";

    my ($rc, $said) = run('python3', '-c', 'import sqlite3, sys; '
                          . 'db = sqlite3.connect(sys.argv[1], timeout=10); '
                          . 'db.execute(sys.argv[2]); db.commit()',
                          $database, $text);
    $rc == 0 or die "sql: $said\n";
}


# true as soon as the condition is, false at the deadline
sub wait_for {
    my ($condition, $seconds) = @_;

    my $end = time + ($seconds // 15);

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


sub ended {
    my ($name, $signal) = @_;

    kill $signal, $child{$name};

    my $status;
    my $gone = wait_for(sub {
        return 0 if waitpid($child{$name}, WNOHANG) == 0;
        $status = $?;
        return 1;
    });

    delete $child{$name} if $gone;

    return $gone ? $status : 'still there';
}


sub listening {
    return IO::Socket::UNIX->new(Peer => $_[0]) ? 1 : 0;
}


sub start {
    launch('authserver', $program, '--config', "$dir/as.conf", 'serve');

    wait_for(sub { listening("$dir/public.sock") })
        or BAIL_OUT("hars-authserver does not start: see $dir");
}


sub pki {
    my ($rc, $said) = run("$top/scripts/demo-pki.sh", "$dir/pki", @_);
    $rc == 0 or BAIL_OUT("demo-pki.sh @_: $said");
}


sub certificate {
    my ($name, @more) = @_;

    pki('client', $name, @more);
    known($name);
}


# a certificate with these extensions, of an authority below pki/ ("self":
# its own); one option of "openssl x509" may follow
sub issue {
    my ($name, $ca, $extensions, @more) = @_;
    my $at = "$dir/pki/$name";

    write_file("$name.ext", $extensions);
    for my $command (
        ['req', '-new', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$at.key", '-subj',
         "/CN=$name", '-out', "$at.csr"],
        ['x509', '-req', '-in', "$at.csr", '-days', 30, '-extfile',
         "$dir/$name.ext", '-out', "$at.pem",
         $ca eq 'self' ? ('-signkey', "$at.key")
                       : ('-CA', "$dir/pki/$ca.pem", '-CAkey',
                          "$dir/pki/$ca.key", '-CAcreateserial'), @more],
    ) {
        my ($rc, $said) = run('openssl', @$command);
        $rc == 0 or BAIL_OUT("openssl @$command: $said");
    }

    known($name);
}


# header and thumbprint of pki/NAME.pem
sub known {
    my ($name) = @_;
    my ($der) = content("$dir/pki/$name.pem")
        =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;

    $cert{$name} = 'Client-Cert: :' . $der =~ s/\s//gr . ':';
    $thumbprint{$name} = encode_base64url(sha256(decode_base64($der)));
}


# all bytes that the database has
sub stored {
    return join '', map { content($_) } glob "$dir/as.db*"
        if $database eq "$dir/as.db";

    my ($rc, $said) = run('pg_dump', $database);
    $rc == 0 or BAIL_OUT("pg_dump: $said");

    return $said =~ s/\\\\x([0-9a-f]+)/pack 'H*', $1/ger;
}


# at $dir/redis.sock, empty
sub start_redis {
    launch('redis', 'redis-server', '--port', 0, '--unixsocket',
           "$dir/redis.sock", '--save', '', '--appendonly', 'no', '--dir',
           $dir);

    wait_for(sub { listening("$dir/redis.sock") })
        or BAIL_OUT('redis-server does not start');
}


# one command to it
sub redis {
    my (@words) = @_;

    my $s = IO::Socket::UNIX->new(Peer => "$dir/redis.sock") or return;

    print $s '*' . @words . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;

    return answer($s);
}


# an answer of Redis, arrays as references
sub answer {
    my ($s) = @_;

    my $line = <$s> // return;
    $line =~ s/\r\n//;
    my ($type, $rest) = $line =~ /^(.)(.*)/;

    return $rest if $type =~ /[+:-]/;
    return undef if $rest < 0;
    return [map { answer($s) } 1 .. $rest] if $type eq '*';

    read $s, my $value, $rest + 2;

    return substr $value, 0, $rest;
}


# status, decoded body
sub post {
    my ($path, $name, %field) = @_;

    my $socket = $path eq '/introspect' ? 'gateway' : 'public';
    my ($rc, $said) =
        run('curl', '-sSi', '--max-time', 20, '--unix-socket',
            "$dir/$socket.sock", "http://localhost$path",
            $name ? ('-H', $cert{$name}) : (),
            $field{-header} ? ('-H', delete $field{-header}) : (),
            map { ('--data-urlencode', "$_=$field{$_}") }
            grep { defined $field{$_} } sort keys %field);

    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)};
    my (undef, $body) = split /\r\n\r\n/, $said, 2;

    return ($status // 0, eval { $json->decode($body) } // $body);
}


# a token of client "id", asked for with a certificate
sub token {
    my ($name, $id) = @_;

    my ($status, $answer) = post('/oauth2/token', $name,
                                 grant_type => 'client_credentials',
                                 client_id => $id // $name);

    return ref $answer ? $answer->{access_token} // $answer->{error} : '';
}


sub active {
    my (undef, $answer) = post('/introspect', undef, token => $_[0]);

    return $answer->{active} ? 1 : 0;
}


sub revoke {
    my ($name, %field) = @_;

    return post('/oauth2/revoke', $name, client_id => $name, %field);
}
1;
