#!/usr/bin/perl

# Two servers on one PostgreSQL behind the reference gateway, as the comments
# in conf/nginx.conf and conf/hars-dropin.conf say. One of them is killed, again
# and again, under a load of tokens, introspections and revocations: no client
# sees an error.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Test::More;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Postgres;
use HarsTest::Reference;

my $kills = $ENV{KILLS} || 8;
my $pki = $HarsTest::Place::pki;
my @ml = ('--resource', $HarsTest::Reference::ml);
my (%pid, $place);

my $pg = HarsTest::Postgres->new;
$pg->sql('CREATE DATABASE hars');

prepare();
ok(grep({ $_ eq 'done' } work(2)), 'two servers, nobody dies');
killed('KILL');
killed('TERM');
shared();
counted();
flushed();

ended($_, 'TERM') for 1, 2;
is_deeply([ HarsTest::Reference::stop() ], [],
          'nothing in the logs that may not be there');

done_testing();


sub path { return HarsTest::Reference::path(@_) }
sub text { return HarsTest::Reference::slurp(path(@_)) }


sub prepare {
    HarsTest::Reference::files();

    my $conf = text('authserver.conf');
    $conf =~ s/^database = .*/database = ${\ $pg->uri('hars')}/m;
    HarsTest::Reference::spew('authserver.conf', $conf);
    $conf =~ s/auth-(public|gateway)\.sock/auth2-$1.sock/g;
    $conf =~ s/authserver-audit\.log/authserver2-audit.log/;
    HarsTest::Reference::spew('authserver2.conf', $conf);

    for my $name ('nginx.conf', 'hars-dropin.conf') {
        my $text = text($name);
        is($text =~ s/^( *)#(server unix:\S+auth2-)/$1$2/mg, 1,
           "$name: one more server");
        $text =~ s{^( *)#(?=location = /metrics/2 \{|    include|    proxy_pass|\})}
                  {$1}mg;
        HarsTest::Reference::spew($name, $text);
    }

    HarsTest::Reference::client('gateway', '--kind', 'resource_server', @ml);
    HarsTest::Reference::client('client-a', '--kind', 'service', @ml,
        '--scope', 'ml:recognize', '--subject-dn',
        HarsTest::Reference::subject('client-a'));
    HarsTest::Reference::client('rs', '--kind', 'resource_server', @ml,
        '--subject-dn', HarsTest::Reference::subject('client-b'));

    begin($_) for 1, 2;
    HarsTest::Reference::start(authserver => 0);
    HarsTest::Reference::reload(HarsTest::Reference::nginx_conf());
    $place = HarsTest::Reference::place();
}


sub begin {
    my ($i) = @_;
    my $name = $i == 1 ? '' : $i;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', path("authserver$i.log");
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL',
            "$HarsTest::Place::build/bin/hars-authserver", '--config',
            path("authserver$name.conf"), 'serve' or POSIX::_exit(127);
    }

    $pid{$i} = $pid;
    HarsTest::Place::wait_for(15, sub {
        IO::Socket::UNIX->new(Peer => path("auth$name-public.sock"))
            && IO::Socket::UNIX->new(Peer => path("auth$name-gateway.sock"));
    }) or die "server $i: ", text("authserver$i.log");
}


sub ended {
    my ($i, $signal) = @_;

    kill $signal, $pid{$i};
    waitpid $pid{$i}, 0;
}


# status, decoded answer
sub ask {
    my ($cert, $url, @args) = @_;

    open my $fh, '-|', 'curl', '-q', '-sSi', '--noproxy', '*', '--max-time',
        20, '--cacert', $place->{ca}, '--cert', "$pki/$cert.pem", '--key',
        "$pki/$cert.key", @args, $url or die "curl: $!\n";
    local $/ = undef;
    my $said = <$fh> // '';
    close $fh;

    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return ($status // 0, eval { decode_json($body) } // {});
}


# each counts for itself, and is asked for itself
sub counted {
    my $began = sub {
        my $socket = path('status-9146.sock');
        my $said = `curl -q -sS --unix-socket $socket http://x$_[0]`;
        return $said =~ /^hars_as_start_time_seconds (\d+)$/m ? $1 : 'none';
    };

    for my $path ('/metrics', '/metrics/2') {
        my %seen = map { ($began->($path) => 1) } 1 .. 6;
        like(join(' ', keys %seen), qr/^\d+$/, "$path: of one, each time");
    }

    ended(2, 'KILL');
    isnt($began->('/metrics'), 'none', '... the first one');
    is($began->('/metrics/2'), 'none', '... and the other one');
    begin(2);
}


sub form { return map { ('-d', $_) } @_ }


# one token from its issue to its end; what was not as it has to be
sub round {
    my $auth = "$place->{issuer}/oauth2";
    my @mine = ('client_id=client-a');
    my @wrong;

    my ($status, $answer) = ask('a', "$auth/token", form(@mine,
        'grant_type=client_credentials'));
    my $token = $answer->{access_token} // return "token: $status";

    ($status, $answer) = ask('b', "$auth/introspect",
                             form('client_id=rs', "token=$token"));
    push @wrong, "introspect: $status" if !$answer->{active};

    # the service knows no such page, and is asked only with a good token
    ($status) = ask('a', "$place->{ml}/nothing", '-H',
                    "Authorization: Bearer $token");
    push @wrong, "resource: $status" if $status != 404;

    ($status) = ask('a', "$auth/revoke", form(@mine, "token=$token"));
    push @wrong, "revoke: $status" if $status != 200;

    ($status, $answer) = ask('b', "$auth/introspect",
                             form('client_id=rs', "token=$token"));
    push @wrong, "introspect, revoked: $status"
        if $status != 200 || ($answer->{active} // 1);

    return @wrong;
}


# rounds, till there were enough or "stop" is there; what went wrong, "done"
sub work {
    my ($n) = @_;
    my @wrong;

    while ($n-- > 0 && !-e path('stop')) {
        push @wrong, round();
        print { $_[1] } "round\n" if $_[1];
    }

    return (@wrong, @wrong ? () : 'done');
}


# no client sees that one of them dies
sub killed {
    my ($signal) = @_;
    my @pid;

    unlink path('stop');
    for my $i (1 .. 4) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            open my $fh, '>', path("worker.$i") or POSIX::_exit(1);
            $fh->autoflush;
            print $fh "$_\n" for work(100_000, $fh);
            POSIX::_exit(0);
        }
        push @pid, $pid;
    }

    for my $n (1 .. $kills) {
        my $i = 1 + $n % 2;

        select undef, undef, undef, 0.3 + rand 0.2;
        ended($i, $signal);
        select undef, undef, undef, 0.3 + rand 0.2;
        begin($i);
    }

    HarsTest::Reference::spew('stop', '');
    waitpid $_, 0 for @pid;

    my @line = map { split /\n/, text("worker.$_") } 1 .. 4;
    my $rounds = grep { $_ eq 'round' } @line;
    my @wrong = grep { $_ ne 'round' && $_ ne 'done' } @line;

    cmp_ok($rounds, '>', 10, "$kills times $signal, $rounds rounds of five");
    is_deeply(\@wrong, [], '... and no error');
}


# both see that Redis knows nothing any more, one tells it all again, which
# takes longer than the second after which both look again
sub flushed {
    $pg->sql("INSERT INTO token SELECT n, sha256(n::text::bytea),"
             . " sha256(''), 'client-a',"
             . " 'client-a', 'service', '', '', 1, 4102444800, '', 2"
             . ' FROM generate_series(1, 150000) AS n', 'hars');

    my $before = told();
    HarsTest::redis('FLUSHALL');
    ok(HarsTest::Place::wait_for(30, sub { told() > $before }),
       'a Redis that was flushed is told again');
    ok(!HarsTest::Place::wait_for(4, sub { told() > $before + 1 }),
       '... by one of the two, once');
    like(HarsTest::redis('GET', 'hars:{revoked}run'), qr/^\d+ /,
         '... and has its mark');
}


sub told {
    return scalar(() = join('', map { text("authserver$_.log") } 1, 2)
                  =~ /redis knows of/g);
}


# each of them had its part
sub shared {
    my @issued = map { scalar(() = text("authserver$_-audit.log")
                              =~ /"event":"issue"/g) } '', 2;

    cmp_ok($_, '>', 5, "$_ tokens of one server") for @issued;
}
