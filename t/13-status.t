#!/usr/bin/perl

# What an operator sees: every number of hars_status is provoked and changes
# by exactly what happened, and no other counter does; the text is one that a
# strict parser takes, the JSON has the same numbers; counters outlive a
# reload, and the state of a worker its death not.  And what is built on it:
# the audit line, the dashboard, the list of metrics in docs/operations.md.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(sha256);
use HarsTest suite => 0, redis => 1;
use HarsTest::Nginx;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes qw(time);

my $redis = $ENV{TEST_NGINX_REDIS_SOCK};
my $top = $HarsTest::Place::top;
my %shim = (a => $ENV{TEST_NGINX_PORT_1}, b => $ENV{TEST_NGINX_PORT_2},
            none => $ENV{TEST_NGINX_PORT_3});
my $status = $ENV{TEST_NGINX_PORT_4};
my $backend = HarsTest::Place::port(12);
my $active = HarsTest::active();
my ($nginx, %all);


# raw HTTP in, TLS with a client certificate out
my $main = HarsTest::Nginx::shim(
    map { [ $shim{$_}, $ENV{TEST_NGINX_TLS_PORT}, $_ eq 'none' ? undef : $_ ] }
    sort keys %shim);

sub gateway {
    my (%o) = @_;
    my $zone = $o{zone} // '';
    my $size = $o{size} // '1m';
    my $ask = $o{ask} // '';
    my $more = $o{more} // '';
    my $http = $o{http} // '';
    my $name = $o{name} // 'z';
    my $server = $o{server} // "unix:$redis";
    my $timeout = $o{timeout} // '3s';
    my $to = $o{redis} ? "hars_seal_key $ENV{TEST_NGINX_SEAL_KEY}; "
                         . "hars_redis z $server $o{redis};" : '';

    finish() if $nginx;

    $nginx = HarsTest::Nginx->new(main => $main, workers => $o{workers} // 1,
        connections => $o{connections} // 512);
    $nginx->{http} = <<"END";
    hars_zone $name:$size key=$ENV{TEST_NGINX_ZONE_KEY} $zone;
    $to
    include $top/conf/hars-audit.conf;
    access_log logs/audit.log hars_audit if=\$hars_refused;
    $http
    server {
        listen 127.0.0.1:$status;
        location = /metrics { hars_status; }
        location = /text { hars_status prometheus; }
        location = /json { hars_status json; }
    }
    server {
        \$TEST_NGINX_TLS
        hars on;
        hars_timeout $timeout;
        hars_introspect /_hars/introspect issuer=https://as caller=gateway
                        $ask;
        location = /_hars/introspect {
            internal;
            proxy_read_timeout 30s;
            proxy_pass http://unix:$ENV{TEST_NGINX_AS_SOCK}:/introspect;
        }
        add_header V "\$hars_verdict \$hars_source" always;
        add_header Id "\$hars_token_id" always;
        root $nginx->{dir};
        $more
        location / { try_files /page =404; }
    }
END
    $nginx->write($nginx->conf);
    open my $fh, '>', $nginx->dir . '/page' or die "page: $!\n";
    print $fh 'passed';
    close $fh;
    $nginx->start;
    %all = ();
}

sub finish {
    ok($nginx->quit, 'nginx ends');
    is_deeply([ $nginx->faults(tokens => [ 'token-number' ], @_) ], [],
              'its log holds nothing bad');
    undef $nginx;
}

sub client {
    my ($cert) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $shim{ $cert // 'a' }) // die "connect: $!\n";
}

sub ask {
    my ($s, $token, $uri, @headers) = @_;
    unshift @headers, "Authorization: Bearer $token" if defined $token;
    syswrite $s, join "\r\n", 'GET ' . ($uri // '/') . ' HTTP/1.1',
                 'Host: localhost', @headers, '', '';
}

# the next answer: "status V", and into $$id the token's
sub answer {
    my ($s, $id) = @_;
    my ($text, $select) = ('', IO::Select->new($s));
    my $deadline = time + 20;

    while (time < $deadline) {
        $select->can_read(0.5) or next;
        sysread $s, $text, 65536, length $text or return 'closed';
        my ($body) = $text =~ /\r\n\r\n(.*)\z/s or next;
        my ($len) = $text =~ /^Content-Length: (\d+)/mi;
        last if defined $len ? length $body >= $len
              : $text =~ /chunked/i ? $body =~ /0\r\n\r\n\z/
              : $text =~ m{^HTTP/1.1 101};
    }

    my ($code) = $text =~ m{^HTTP/1.1 (\d+)};
    my ($v) = $text =~ /^V: (.*?) *\r$/m;
    $$id = $1 if $id && $text =~ /^Id: (\w+)/m;
    return ($code // 'nothing') . ' ' . ($v // '');
}

# one request on a connection of its own
sub verdict {
    my ($token, %o) = @_;
    my $s = client($o{cert});
    ask($s, $token, $o{uri}, 'Connection: close', @{ $o{headers} // [] });
    return answer($s, $o{id});
}

sub page {
    my ($uri, $method, $body) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $status) or die "connect: $!\n";
    $method //= 'GET';
    $body //= '';
    syswrite $s, "$method $uri HTTP/1.1\r\nHost: localhost\r\n"
                 . 'Content-Length: ' . length($body)
                 . "\r\nConnection: close\r\n\r\n$body";
    local $/ = undef;
    my ($head, $text) = (<$s> // '') =~ /\A(.*?\r\n)\r\n(.*)\z/s;
    return ($text, $head);
}

# the text format 0.0.4, strictly: series to value; dies of any fault
sub parse {
    my ($text) = @_;
    my (%value, %type, %help, %done, $name);

    die "no end of line\n" if $text !~ /\n\z/;

    for my $line (split /\n/, $text) {
        die "not ASCII: $line\n" if $line =~ /[^\x20-\x7e]/;

        if (my ($of, $help) = $line =~ /^# HELP (\S+) (\S.*)$/) {
            die "HELP twice: $line\n" if $help{$of}++;
            $done{$name} = 1 if defined $name;
            $name = $of;
            die "name: $name\n" if $name !~ /^hars_[a-z][a-z0-9_]*$/;
            die "backslash: $line\n" if $help =~ /\\(?![\\n])/;
            next;
        }

        if (my ($of, $type)
                = $line =~ /^# TYPE (\S+) (counter|gauge|histogram)$/)
        {
            die "TYPE twice: $line\n" if $type{$of};
            die "TYPE without HELP: $line\n" if $of ne ($name // '');
            $type{$of} = $type;
            die "_total is for counters: $of\n"
                if ($type eq 'counter' xor $of =~ /_total$/);
            next;
        }

        my ($n, $labels, $v) = $line =~ /^([a-z0-9_]+)\{(.*)\} (\S+)$/
            or die "no sample: $line\n";
        my $base = ($type{$name} // '') eq 'histogram'
            ? $n =~ s/_(?:bucket|sum|count)$//r : $n;
        die "not where it belongs: $line\n"
            if $base ne $name || !$type{$base} || $done{$base};
        die "no number: $line\n" if $v !~ /^\d+(?:\.\d+)?$/;
        die "no whole number: $line\n"
            if $type{$base} eq 'counter' && $v !~ /^\d+$/;

        my @pairs;
        my $rest = $labels;
        while ($rest =~ s/^([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(?:,|$)//) {
            push @pairs, [ $1, $2 ];
        }
        die "labels: $line\n" if length $rest || $labels =~ /,$/;
        die "zone is not the first: $line\n" if $pairs[0][0] ne 'zone';
        die "twice: $line\n" if exists $value{"$n\{$labels}"};
        $value{"$n\{$labels}"} = $v;
        $all{$base} = $type{$base};
    }

    for my $h (grep { $type{$_} eq 'histogram' } keys %type) {
        my %of;
        for my $s (grep { /^\Q$h\E_bucket/ } keys %value) {
            my ($zone, $le) = $s =~ /\{(.*),le="([^"]+)"\}/;
            $of{$zone}{$le} = $value{$s};
        }
        for my $zone (keys %of) {
            my $in = $of{$zone};
            my $last = 0;
            die "$h: no +Inf\n" if !exists $in->{'+Inf'};
            for my $le (sort { $a <=> $b } grep { $_ ne '+Inf' } keys %$in) {
                die "$h: not cumulative at $le\n" if $in->{$le} < $last;
                $last = $in->{$le};
            }
            die "$h: +Inf\n" if $in->{'+Inf'} < $last;
            die "$h: _count is not +Inf\n"
                if $value{"${h}_count{$zone}"} != $in->{'+Inf'};
            die "$h: no _sum\n" if !exists $value{"${h}_sum{$zone}"};
        }
    }

    return \%value;
}

# "requests ok on" for hars_requests_total{zone="z",verdict="ok",mode="on"}
sub short {
    my ($series) = @_;
    my ($name, $labels) = $series =~ /^hars_([a-z0-9_]+)\{(.*)\}/;
    $name =~ s/_total$//;
    return join ' ', $name,
        map { /^zone=/ ? () : /"(.*)"/ } split /,/, $labels;
}

# those of the zone "z"
sub numbers {
    my $v = parse((page('/metrics'))[0]);
    return { map { short($_) => $v->{$_} } grep { /zone="z"/ } keys %$v };
}

# the counters that changed, and by how much
sub changed {
    my ($before, $now) = @_;
    my %delta;

    for my $s (keys %$now) {
        my $name = (split / /, $s)[0];
        next if !$all{"hars_${name}_total"} && $name !~ /_count$/;
        my $d = $now->{$s} - ($before->{$s} // 0);
        $delta{$s} = $d if $d;
    }
    return \%delta;
}

# what "do" changes, and nothing else but those of "ignore"
sub changes {
    my ($what, $want, $do, $ignore) = @_;
    my $before = numbers();
    $do->();
    my $delta;

    # another worker may still be about to count
    HarsTest::Place::wait_for(2, sub {
        $delta = changed($before, numbers());
        delete @$delta{ grep { $_ =~ $ignore } keys %$delta } if $ignore;
        return join(',', map { "$_=$delta->{$_}" } sort keys %$delta)
            eq join(',', map { "$_=$want->{$_}" } sort keys %$want);
    });
    is_deeply($delta, $want, $what) or diag explain $delta;
}

sub until_shows {
    my ($seconds, %want) = @_;
    my $n;
    return 1 if HarsTest::Place::wait_for($seconds, sub {
        $n = numbers();
        return !grep { $n->{$_} != $want{$_} } keys %want;
    });
    diag explain { map { $_ => $n->{$_} } keys %want };
    return 0;
}

sub until_asked {
    my ($n) = @_;
    return HarsTest::Place::wait_for(10, sub {
        my @asked = HarsTest::Authority::requests();
        return @asked >= $n;
    });
}



# the page

gateway(more => <<'END');
        location /scope { hars_scope other; try_files /page =404; }
        location /report { hars report override; try_files /page =404; }
        location /moved { try_files /nothing /scope/; }
        location /mirrored { mirror /mirror; try_files /page =404; }
        location = /mirror { hars_scope other; try_files /page =404; }
        location /reported { mirror /report/ward; try_files /page =404; }
        location = /report/ward { hars report override; hars_scope other;
                                  try_files /page =404; }
        location /pages {
            error_page 401 403 =200 /said;
            hars_override error_page;
            hars_scope other;
        }
        location = /said { internal; hars off override; return 200 said; }
END
HarsTest::Authority::rules({ 'token-number-1' => $active,
    'token-number-2' => HarsTest::active(cert => 'b'),
    'token-number-3' => $active,
    'token-number-4' => HarsTest::active(exp_in => -10),
    'token-number-5' => { status => 500 },
    'token-number-6' => 'nonsense' });

my ($text, $head) = page('/metrics');
my $numbers = eval { parse($text) };
ok($numbers, 'a strict parser takes the page') or diag $@;
like($head, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r$}m,
     'Prometheus text');
like($head, qr/^Content-Length: ${\ length $text}\r$/m, 'its length');
is((page('/text'))[0] =~ s/(live|age_seconds).*//gr,
   $text =~ s/(live|age_seconds).*//gr, 'the word "prometheus" says the same');
($text, $head) = page('/metrics', 'HEAD');
like($head, qr/^Content-Length: [1-9]/m, 'HEAD has a length');
is($text, '', 'and no body');
like((page($_->[0], $_->[1], 'x'))[1], qr{\AHTTP/1.1 405 }, "@$_: 405")
    for [ '/metrics', 'POST' ], [ '/json', 'PUT' ], [ '/metrics', 'DELETE' ];
like((page('/metrics', 'GET', 'x' x 10))[1], qr{\AHTTP/1.1 200 },
     'a body that nobody asked for');

is(scalar(grep { $numbers->{$_} && /_total\{|_count\{/ } keys %$numbers), 0,
   'nothing has been counted yet');
is(numbers()->{workers}, 1, 'one worker');
ok(!grep({ /^(redis|channel|seal|revo)/ } keys %{ numbers() }),
   'no Redis, no news');


# verdicts, and the tiers

changes('no token', { 'requests no_token on' => 1 },
        sub { is(verdict(undef), '401 no_token', 'no token') });
changes('a token of nobody',
    { 'requests inactive on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections inactive' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('garbage'), '401 inactive introspection', 'garbage') });
changes('the same again', { 'requests inactive on' => 3,
                            'lookups negative' => 3 },
        sub { verdict('garbage') for 1 .. 3 });
changes('another certificate',
    { 'requests cnf_mismatch on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-2'), '401 cnf_mismatch introspection',
             'of another') });
changes('no certificate', { 'requests no_cert on' => 1 },
        sub { is(verdict('token-number-1', cert => 'none'), '401 no_cert',
                 'no certificate') });

my $s = client();
changes('a first request of a connection',
    { 'requests ok on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      introspection_duration_seconds_count => 1 },
    sub { ask($s, 'token-number-1');
          is(answer($s), '200 ok introspection', 'asked') });
changes('three more: L0', { 'requests ok on' => 3, 'lookups l0' => 3 }, sub {
    for (1 .. 3) {
        ask($s, 'token-number-1');
        is(answer($s), '200 ok l0', 'L0');
    }
});
changes('two other connections: L1', { 'requests ok on' => 2,
                                       'lookups l1' => 2 },
        sub { is(verdict('token-number-1'), '200 ok l1', 'L1') for 1 .. 2 });
changes('a scope is missing', { 'requests insufficient_scope on' => 1,
                                'lookups l1' => 1 },
        sub { is(verdict('token-number-1', uri => '/scope/'),
                 '403 insufficient_scope l1', 'scope') });
changes('only a report', { 'requests no_token report' => 1,
                           'requests ok report' => 1, 'lookups l1' => 1 },
    sub { is(verdict(undef, uri => '/report/'), '200 no_token', 'report');
          is(verdict('token-number-1', uri => '/report/'), '200 ok l1',
             'passes') });
changes('passed, then refused after a redirect',
    { 'requests ok on' => 1, 'requests insufficient_scope on' => 1,
      'lookups l1' => 1 },
    sub { is(verdict('token-number-1', uri => '/moved/'),
             '403 insufficient_scope l1', 'moved') });
changes('a subrequest is refused',
    { 'requests ok on' => 1, 'lookups l1' => 1, 'subrequests_refused on' => 1 },
    sub { is(verdict('token-number-1', uri => '/mirrored/'), '200 ok l1',
             'mirrored') });
changes('a subrequest would be refused',
    { 'requests ok on' => 1, 'lookups l1' => 1,
      'subrequests_refused report' => 1 },
    sub { is(verdict('token-number-1', uri => '/reported/'), '200 ok l1',
             'mirrored') });
changes('a refusal has its page, and counts once',
    { 'requests no_token on' => 1 },
    sub { is(verdict(undef, uri => '/pages/'), '200 no_token', 'a page') });
changes('an expired token',
    { 'requests expired on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      introspection_duration_seconds_count => 1 },
    sub { like(verdict('token-number-4'), qr/^401 expired/, 'expired') });
changes('the authority fails',
    { 'requests unavailable on' => 2, 'flights request' => 2,
      'introspections failed' => 2,
      introspection_duration_seconds_count => 2 },
    sub { like(verdict("token-number-$_"), qr/^503 unavailable/, 'failed')
              for 5, 6 });

my $json = JSON::PP->new->utf8;
($text, $head) = page('/json');
like($head, qr/^Content-Type: application\/json\r$/m, 'JSON');
my $decoded = eval { $json->decode($text) };
ok($decoded, 'that can be read') or diag $@;
is_deeply(flat($decoded), parse((page('/metrics'))[0]),
          'it has the same numbers');

unlike((page($_))[0], qr/token-number|garbage/, 'no token there')
    for '/metrics', '/json';

# the JSON as series of the text
sub flat {
    my ($page) = @_;
    my %value;
    my %label = labels();

    for my $zone (@{ $page->{zones} }) {
        my $name = $zone->{zone} =~ s/(["\\])/\\$1/gr;

        for my $metric (grep { $_ ne 'zone' } keys %$zone) {
            my $v = $zone->{$metric};
            my $of = "zone=\"$name\"";

            if (!ref $v) {
                $value{"$metric\{$of}"} = $v;

            } elsif ($v->{buckets}) {
                $value{"${metric}_bucket{$of,le=\"$_\"}"} = $v->{buckets}{$_}
                    for keys %{ $v->{buckets} };
                $value{"${metric}_$_\{$of}"} = $v->{$_} for qw(sum count);

            } else {
                my ($l1, $l2) = @{ $label{$metric} };
                for my $k (keys %$v) {
                    my %in = ref $v->{$k} ? %{ $v->{$k} } : ('' => $v->{$k});
                    $value{"$metric\{$of,$l1=\"$k\""
                           . (ref $v->{$k} ? ",$l2=\"$_\"" : '') . '}'}
                        = $in{$_} for keys %in;
                }
            }
        }
    }
    # numbers as they were written
    $_ = "$_" for values %value;
    return { map { my $v = $value{$_};
                   $_ => /_sum\{/ ? sprintf('%.6f', $v)
                         : /age_seconds/ ? sprintf('%.3f', $v) : $v }
             keys %value };
}

# the names of the labels of each metric, from the text
sub labels {
    my %label;
    for my $line (split /\n/, (page('/metrics'))[0]) {
        my ($name, $labels) = $line =~ /^(\w+)\{zone="(?:[^"\\]|\\.)*",(.*)\}/
            or next;
        $label{$name} = [ $labels =~ /(\w+)="/g ];
    }
    return %label;
}


# the audit line

my @audit = audit();
my %verdicts;
$verdicts{ $_->{verdict} }++ for @audit;
is($verdicts{insufficient_scope}, 2, 'a line for each refusal')
    or diag explain \%verdicts;
my ($line) = grep { $_->{verdict} eq 'insufficient_scope' } @audit;
like($line->{token}, qr/^[0-9a-f]{8}$/, 'with the id of the token');
is($line->{certificate}, HarsTest::thumbprint('a'), 'and the thumbprint');
like($line->{msec}, qr/^\d+(\.\d+)?$/, 'the time in milliseconds');
is($line->{status}, 403, 'the status');
($line) = grep { $_->{uri} eq '/report/' } @audit;
is("$line->{verdict} $line->{status}", 'no_token 200', 'a report, too');
($line) = grep { $_->{uri} eq '/pages/' } @audit;
is($line->{verdict}, 'no_token', 'the URI is not that of the page');
verdict('token-number-1', uri => '/scope/?key=secret#secret');
verdict('token-number-1', uri => "/scope/\xff\"");
verdict('token-number-1', uri => '/scope/%22%ff%0a');
is(join(' ', map { $_->{uri} } (audit())[-2 .. -1]),
   'not printable /scope/%22%ff%0a', 'any bytes make a line of JSON');
open my $fh, '<', $nginx->dir . '/logs/audit.log' or die "audit: $!\n";
unlike(join('', <$fh>), qr/token-number|secret|garbage/,
       'no token, no query string');

sub audit {
    open my $fh, '<', $nginx->dir . '/logs/audit.log' or die "audit: $!\n";
    return map { JSON::PP->new->decode($_) } <$fh>;
}


# who waits, what is full

gateway(ask => 'max=2 queue=1', zone => 'unknown=0', timeout => '20s');
HarsTest::Authority::rules({ '*' => { delay => 1.5, body => $active } });
my @waiting;
changes('three wait for one flight',
    { 'flights request' => 1, 'flight_waits' => 2 },
    sub { push @waiting, client() for 1 .. 3;
          ask($_, 'token-number-1') for @waiting;
          ok(until_shows(1, flight_waiters => 3, flights_running => 1,
                         introspections_running => 1,
                         introspections_queued => 0), 'three wait') });
changes('the queue is full',
    { 'flights request' => 3, 'overloaded queue' => 1,
      'requests overloaded on' => 1 },
    sub { push @waiting, client() for 1 .. 2;
          ask($waiting[$_], "token-number-$_") for 3 .. 4;
          ok(until_shows(1, introspections_queued => 1,
                         introspections_running => 2, flights_running => 3,
                         flight_waiters => 5), 'one has no turn yet');
          is(verdict('token-number-9'), '503 overloaded', 'no place') });
changes('all are answered',
    { 'requests ok on' => 5, 'lookups introspection' => 5,
      'introspections active' => 3,
      introspection_duration_seconds_count => 3 },
    sub { is_deeply([ map { answer($_) } @waiting ],
                    [ ('200 ok introspection') x 5 ], 'answered') });
my $n = numbers();
is($n->{$_}, 0, "$_: none") for qw(flight_waiters flights_running
    introspections_running introspections_queued);
is($n->{'introspection_duration_seconds_bucket 1'}, 0, 'none within a second');
cmp_ok($n->{'introspection_duration_seconds_bucket 2.5'}, '>=', 2,
       'within the delay');
cmp_ok($n->{introspection_duration_seconds_sum}, '>', 3 * 1.5, 'their sum');
cmp_ok($n->{introspection_duration_seconds_sum}, '<', 3 * 20, 'in seconds');
changes('a client that leaves',
    { 'flights request' => 1, 'introspections active' => 1,
      introspection_duration_seconds_count => 1 },
    sub { my $s = client();
          ask($s, 'token-number-10');
          ok(until_shows(1, flight_waiters => 1), 'waits');
          close $s;
          ok(until_shows(1, flight_waiters => 0), 'waits no more');
          ok(until_shows(3, flights_running => 0), 'landed') });

gateway();
HarsTest::Authority::rules({ '*' => { hang => 1 } });
changes('hars_timeout',
    { 'flights request' => 1, 'requests unavailable on' => 1,
      'introspections failed' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-11'), '503 unavailable', 'too late') });

gateway(size => '256k', zone => 'unknown=0', connections => 2048);
HarsTest::Authority::rules({ '*' => { hang => 1 } });
$n = numbers()->{flights_max};
changes('all flights are taken',
    { 'flights request' => $n, 'overloaded flights' => 1,
      'requests overloaded on' => 1 },
    sub { @waiting = map { client() } 1 .. $n;
          ask($waiting[$_ - 1], "token-number-$_") for 1 .. $n;
          ok(until_shows(2, flights_running => $n), 'so many');
          is(verdict('token-number-0'), '503 overloaded', 'not one more') });
undef @waiting;
finish(allow => qr/timed out/);

gateway(zone => 'unknown=3');
HarsTest::Authority::rules({});
changes('garbage of one client',
    { 'requests inactive on' => 3, 'requests overloaded on' => 2,
      'lookups introspection' => 3, 'flights request' => 3,
      'introspections inactive' => 3, 'overloaded client' => 2,
      introspection_duration_seconds_count => 3 },
    sub { verdict("garbage-$_") for 1 .. 5 });


# how full the zone is

gateway(size => '256k', zone => 'unknown=0 negative_ttl=100s');
HarsTest::Authority::rules({});
$n = numbers();
is($n->{'entries denials'} + $n->{'entries records'}, 0, 'an empty zone');
my $place = $n->{'size_bytes denials'} / 64;
changes('denials displace each other',
    { 'requests inactive on' => $place + 10, 'flights request' => $place + 10,
      'lookups introspection' => $place + 10,
      'introspections inactive' => $place + 10,
      introspection_duration_seconds_count => $place + 10,
      'evictions denials' => 10 },
    sub { my $s = client();
          for my $i (1 .. $place + 10) {
              ask($s, "garbage-$i");
              answer($s);
          } });
$n = numbers();
is($n->{'entries denials'}, $place, 'that part is full');
is($n->{'bytes denials'}, $n->{'size_bytes denials'}, 'to the last byte');
is($n->{'entries records'}, 0, 'the other one is empty');
HarsTest::Authority::rules({ 'token-number-1' => $active });
verdict('token-number-1');
$n = numbers();
is($n->{'entries records'}, 1, 'a record');
cmp_ok($n->{'bytes records'}, '>=', 64, 'takes bytes');
is($n->{'bytes records'} % 64, 0, 'in cells');
cmp_ok($n->{'size_bytes records'}, '<', 256 * 1024, 'of the zone');


# served past its end, asked ahead of it

gateway(zone => 'ttl=1s', more => 'hars_stale_if_error 10s;');
HarsTest::Authority::rules({ 'token-number-1' => [ $active,
                                                  { status => 500 } ] });
is(verdict('token-number-1'), '200 ok introspection', 'asked');
ok(HarsTest::Place::wait_for(3, sub { verdict('token-number-1') =~ /stale/ }),
   'served past its end');
changes('stale, while the failure is fresh', { 'requests ok on' => 2,
                                               'lookups stale' => 2 },
        sub { is(verdict('token-number-1'), '200 ok stale', 'stale')
                  for 1 .. 2 },
        # on a slow machine it may be asked again
        qr/^(?:flights|introspection)/);
finish(allow => qr/introspection failed/);

gateway(zone => 'ttl=20s', more => 'hars_refresh_before 19s;');
HarsTest::Authority::rules({ 'token-number-1' => $active });
is(verdict('token-number-1'), '200 ok introspection', 'asked');
select undef, undef, undef, 1.1;
changes('renewed in the background',
    { 'requests ok on' => 1, 'lookups l1' => 1, 'flights renewal' => 1,
      'introspections active' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-1'), '200 ok l1', 'L1') });


# what comes from Redis

HarsTest::redis('FLUSHALL');
gateway(redis => 'timeout=300ms', zone => 'ttl=300s cap=5s');
my @known = (1 .. 8);
HarsTest::Authority::rules({ map { ("token-number-$_" => $active) } @known,
                             20 .. 29 });

ok(until_shows(5, redis_up => 1, 'redis_links records ready' => 1,
               'redis_links records down' => 0,
               'redis_links channel ready' => 1,
               'redis_links channel down' => 0), 'Redis is there');
is(numbers()->{channel_live}, 0, 'but nobody has told it of revocations');
my (%key, %value);
changes('tokens that Redis does not know',
    { 'requests ok on' => 8, 'lookups introspection' => 8,
      'flights request' => 8, 'introspections active' => 8,
      'redis_lookups none' => 8, redis_duration_seconds_count => 8,
      introspection_duration_seconds_count => 8 },
    sub { fill($_) for @known });
ok(!grep({ !$value{$_} } @known), 'it knows them now');

# asked once, and what stands in Redis then
sub fill {
    my ($n) = @_;
    is(verdict("token-number-$n", id => \my $id), '200 ok introspection',
       "token $n");
    HarsTest::Place::wait_for(2, sub {
        ($key{$n}) = map { /^hars:(${id}[0-9a-f]{56})$/ ? $1 : () }
                     @{ HarsTest::redis('KEYS', "hars:$id*") };
        return $key{$n};
    });
    $value{$n} = HarsTest::redis('GET', "hars:$key{$n}");
}

sub put {
    my ($n, $value) = @_;
    HarsTest::redis('SET', "hars:$key{$n}", $value);
}

# a new gateway, which remembers nothing
sub anew {
    my (%o) = @_;
    gateway(redis => 'timeout=300ms', zone => 'ttl=300s cap=5s', %o);
    HarsTest::Redis::told();
    return ok(until_shows(5, channel_live => 1), 'the channel is live');
}

gateway(redis => 'timeout=300ms', zone => 'ttl=300s cap=5s');
ok(until_shows(5, 'redis_links records ready' => 1), 'another gateway');
my %asked = ('requests ok on' => 1, 'lookups introspection' => 1,
             'flights request' => 1, 'introspections active' => 1,
             redis_duration_seconds_count => 1,
             introspection_duration_seconds_count => 1);
changes('no revocations are told: a record may only deny',
        { %asked, 'redis_lookups untold' => 1 },
        sub { is(verdict('token-number-1'), '200 ok introspection', 'asked') });

anew();
changes('the first load', { }, sub { });
is(numbers()->{channel_loads}, 1, 'has been counted');
my $age = numbers()->{channel_age_seconds};
ok($age >= 0 && $age < 1.5, 'all is known') or diag $age;
changes('a record', { 'requests ok on' => 1, 'lookups l2' => 1,
                      'flights request' => 1, 'redis_lookups record' => 1,
                      redis_duration_seconds_count => 1 },
        sub { is(verdict('token-number-1'), '200 ok l2', 'L2') });

my %tampered = (
    2 => [ 'a flipped bit', seal => $value{2} ^ ("\0" x 40 . "\1") ],
    3 => [ 'a record of another key', seal => $value{1} ],
    4 => [ 'an unknown key', key => $value{4} ^ ("\0" x 2 . "\1") ],
    5 => [ 'another version', form => $value{5} ^ "\0\1" ],
    6 => [ 'something else', form => 'hello' ],
);
for my $n (sort keys %tampered) {
    my ($what, $reason, $value) = @{ $tampered{$n} };
    put($n, $value);
    changes("$what: a miss",
        { %asked, 'redis_lookups rejected' => 1,
          "seal_failures $reason" => 1 },
        sub { is(verdict("token-number-$n"), '200 ok introspection', $what) });
}

put(7, "T\x01");
changes('a tombstone: a deny',
    { 'requests inactive on' => 1, 'lookups l2' => 1, 'flights request' => 1,
      'redis_lookups tombstone' => 1, redis_duration_seconds_count => 1 },
    sub { is(verdict('token-number-7'), '401 inactive l2', 'tombstone') });


# revocations

is(verdict('token-number-8'), '200 ok l2', 'a token');
changes('it is revoked', { 'revocations token' => 1 }, sub {
    HarsTest::Redis::revoke(keys => [ $key{8} ]);
    ok(HarsTest::Place::wait_for(3, sub {
           numbers()->{'revocations token'} == 1 }), 'revoked');
});
changes('once more', { }, sub {
    HarsTest::Redis::revoke(keys => [ $key{8} ]);
    select undef, undef, undef, 0.5;
});
put(8, $value{8});
changes('its old record is put back: a deny',
    { 'requests inactive on' => 1, 'lookups negative' => 1 },
    sub { is(verdict('token-number-8'), '401 inactive l1', 'denied') });
is(numbers()->{'entries records'}, 7, 'its denial stands among the records');

$s = client('b');
HarsTest::Authority::rules({ 'token-number-8' => '{"active":false}',
    'token-number-30' => HarsTest::active(cert => 'b'),
    map { ("token-number-$_" => $active) } 20 .. 29 });
ask($s, 'token-number-30');
is(answer($s), '200 ok introspection', 'a connection of b');
changes('a certificate is revoked',
    { 'revocations certificate' => 1, 'connections_ended certificate' => 1 },
    sub { HarsTest::Redis::revoke(cert => HarsTest::thumbprint('b'));
          is(answer($s), 'closed', 'its connection ends') });
$n = numbers();
is($n->{revoked_certificates}, 1, 'one certificate');
cmp_ok($n->{revoked_certificates_max}, '>', 100, 'of those there is place for');
is($n->{revoked_certificates_full}, 0, 'so it is not full');
changes('it is refused', { 'requests cert_revoked on' => 1 },
        sub { is(verdict('token-number-30', cert => 'b'), '401 cert_revoked',
                 'refused') });
HarsTest::redis('DEL', 'hars:{revoked}certs');

changes('the stream is lost', { channel_gaps => 1, channel_loads => 1 },
        sub { HarsTest::redis('DEL', 'hars:{revoked}stream');
              ok(HarsTest::Place::wait_for(5, sub {
                     numbers()->{channel_loads} == 2 }), 'begun anew') },
        qr/^redis_errors channel/);
ok(until_shows(3, channel_live => 1), 'live again');

# Redis hangs

is(numbers()->{'redis_errors records timeout'}, 0, 'no timeout yet');
HarsTest::Redis::pause();
changes('no answer in time: the authority is asked',
    { %asked, 'redis_lookups failed' => 1,
      'redis_errors records timeout' => 1 },
    sub { is(verdict('token-number-20'), '200 ok introspection', 'asked') },
    qr/^redis_errors (?!records timeout)/);
$n = numbers();
is($n->{'redis_duration_seconds_bucket 0.25'} + 1,
   $n->{'redis_duration_seconds_bucket 0.5'}, 'that took the timeout')
    or diag explain $n;
is($n->{redis_up}, 0, 'the breaker is open');
is($n->{'redis_links records down'}, 1, 'the link is down');
changes('while it is open Redis is not asked',
    { 'requests ok on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      'redis_lookups skipped' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-21'), '200 ok introspection', 'asked') },
    qr/^redis_errors/);
ok(until_shows(4, channel_live => 0), 'the channel is down');
cmp_ok(numbers()->{channel_age_seconds}, '>=', 1.5, 'for so long');
HarsTest::Redis::continue();
ok(until_shows(5, redis_up => 1, channel_live => 1,
               'redis_links records ready' => 1,
               'redis_links channel ready' => 1), 'all is well again');

# Redis dies

HarsTest::Redis::stop();
ok(HarsTest::Place::wait_for(3, sub {
    $n = numbers();
    return $n->{'redis_errors records closed'}
           && $n->{'redis_errors channel closed'}
           && $n->{'redis_errors records connect'};
}), 'closed, and not to be connected');
ok(until_shows(3, redis_up => 0, channel_live => 0), 'and away');
HarsTest::Redis::start();
HarsTest::Redis::told(2);
ok(until_shows(5, redis_up => 1, channel_live => 1), 'another one is there');
is(numbers()->{channel_loads}, 3, 'it was read from the beginning');
is(numbers()->{channel_gaps}, 1, 'no news, no gap');

# an old record, of a token that was revoked meanwhile

gateway(redis => 'timeout=300ms', zone => 'ttl=1s cap=5s');
my $revoked = $key{8};
put(8, $value{8});
ok(until_shows(5, channel_live => 1), 'the channel is live');
changes('an old record is put back: a miss',
    { 'requests inactive on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'redis_lookups rejected' => 1,
      'seal_failures old' => 1, 'introspections inactive' => 1,
      redis_duration_seconds_count => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-8'), '401 inactive introspection',
             'not believed') });
unlike((page($_))[0], qr/token-number|$revoked/, 'neither token nor key there')
    for '/metrics', '/json';
finish(allow => qr/hars: Redis/);


# more certificates are revoked than there is place for

gateway(redis => 'timeout=300ms', zone => 'ttl=300s cap=5s');
ok(until_shows(5, channel_live => 1), 'the channel is live');
my $room = numbers()->{revoked_certificates_max};
HarsTest::Redis::revoke(cert => encode_base64url(sha256("revoked $_")))
    for 0 .. $room;
ok(until_shows(5, revoked_certificates_full => 1), 'there is no place');
HarsTest::Authority::rules({ '*' => $active });
put(2, $value{2});
changes('the authority knows all: no record of Redis is believed',
    { 'requests ok on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'redis_lookups untold' => 1,
      'introspections active' => 1, redis_duration_seconds_count => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-2'), '200 ok introspection', 'asked') });

# until all that Redis has were read again, and had a place

sub no_place {
    open my $fh, '<', $nginx->error_log or return 0;
    return scalar grep { /has no place for more revoked/ } <$fh>;
}

HarsTest::Redis::told(3);
ok(until_shows(5, channel_loads => 2, channel_live => 1), 'read again');
ok(until_shows(1, revoked_certificates_full => 1), 'one has none still');
HarsTest::redis('ZREM', 'hars:{revoked}certs',
                encode_base64url(sha256("revoked $room")));
HarsTest::Redis::told(4);
ok(until_shows(5, channel_loads => 3, revoked_certificates_full => 0),
   'it is gone: all have');
is(no_place(), 1, 'that was said once');
changes('records of Redis are believed again',
    { 'requests ok on' => 1, 'lookups l2' => 1, 'flights request' => 1,
      'redis_lookups record' => 1, redis_duration_seconds_count => 1 },
    sub { put(3, $value{3});
          is(verdict('token-number-3'), '200 ok l2', 'believed') });
HarsTest::Redis::revoke(cert => encode_base64url(sha256('short')),
                        until => int(time) + 2);
ok(until_shows(5, revoked_certificates_full => 1), 'one that ends soon');
ok(until_shows(20, revoked_certificates_full => 0),
   'by itself, when it has ended');
is(numbers()->{channel_loads}, 3, 'from where it was');
is(no_place(), 2, 'said again');
finish(allow => qr/hars: /);


# asked ahead of its end, but Redis has nothing newer

gateway(redis => 'revocations=off', zone => 'ttl=300s',
        more => 'hars_refresh_before 299s;');
HarsTest::Authority::rules({ '*' => HarsTest::active(exp_in => 3000) });
is(verdict('token-number-40'), '200 ok introspection', 'asked');
ok(!grep({ /^(channel|revo)/ } keys %{ numbers() }), 'no channel, no news');
select undef, undef, undef, 0.2;
HarsTest::Place::wait_for(3, sub {
    verdict('token-number-40');
    return numbers()->{'flights renewal'} > 0;
});
ok(until_shows(2, flights_running => 0), 'renewed');
$n = numbers();
is($n->{'redis_lookups due'}, $n->{'flights renewal'}, 'what it has is as old');
is($n->{'introspections active'}, 1 + $n->{'flights renewal'}, 'so who knows '
   . 'is asked');


# Sentinels that are not there

gateway(redis => 'sentinel=m timeout=300ms',
        server => '127.0.0.1:' . HarsTest::Place::port(13));
HarsTest::Authority::rules({ '*' => $active });
ok(HarsTest::Place::wait_for(3, sub {
       numbers()->{'redis_errors scout connect'} > 1 }), 'nobody to ask');
ok(until_shows(1, redis_up => 0, 'redis_links records down' => 1,
               'redis_links channel down' => 1, channel_live => 0,
               'redis_errors records connect' => 0), 'who the master is');
changes('so it is not asked',
    { 'requests ok on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      'redis_lookups skipped' => 1,
      introspection_duration_seconds_count => 1 },
    sub { is(verdict('token-number-41'), '200 ok introspection', 'asked') },
    qr/^redis_errors scout/);
finish(allow => qr/hars: Redis/);


# an upgraded connection

gateway(more => <<"END");
        location /up {
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_pass http://127.0.0.1:$backend;
        }
END
HarsTest::Authority::rules({ '*' => HarsTest::active(exp_in => 2) });
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $backend, Listen => 4, ReuseAddr => 1) or die "listen: $!\n";
changes('it ends with its token',
    { 'requests ok on' => 1, 'lookups introspection' => 1,
      'flights request' => 1, 'introspections active' => 1,
      introspection_duration_seconds_count => 1,
      'connections_ended token' => 1 },
    sub { my $s = client();
          ask($s, 'token-number-1', '/up', 'Upgrade: websocket',
              'Connection: Upgrade');
          my $b = $server->accept;
          my $head = '';
          sysread $b, $head, 4096, length $head until $head =~ /\r\n\r\n/;
          syswrite $b, "HTTP/1.1 101 Switching Protocols\r\n"
              . "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n";
          like(answer($s), qr/^101 /, 'upgraded');
          is(answer($s), 'closed', 'ended') });


# several workers

HarsTest::redis('FLUSHALL');
gateway(workers => 4, redis => 'timeout=300ms', zone => 'ttl=300s',
        ask => 'zone=z', http => 'hars_zone "other \"\\\\ z:1m";');
HarsTest::Redis::told();
HarsTest::Authority::rules({ 'token-number-1' => $active });
ok(until_shows(5, workers => 4, 'redis_links records ready' => 4,
               'redis_links channel ready' => 4, channel_live => 1),
   'four workers, four links');
verdict('token-number-1');
# where the channel is late on a slow machine, records are renewed
my $late = qr/^(?:flights renewal|introspection|redis_)/;
changes('forty requests', { 'requests ok on' => 40, 'lookups l1' => 40 },
        sub { verdict('token-number-1') for 1 .. 40 }, $late);
changes('a revocation that all of them read', { 'revocations token' => 1 },
        sub { HarsTest::Redis::revoke(keys => [ 'ab' x 32 ]);
              select undef, undef, undef, 1 });
changes('a gap that all of them meet', { channel_gaps => 1 },
        sub { HarsTest::redis('DEL', 'hars:{revoked}stream');
              select undef, undef, undef, 2 },
        # each begins anew, unless another one has
        qr/^redis_errors|^channel_loads/);
($text) = page('/metrics');
like($text, qr/^hars_workers\{zone="other \\"\\\\ z"\} 4$/m,
     'a name is escaped');
$numbers = eval { parse($text) };
ok($numbers, 'and taken by the parser') or diag $@;
$decoded = eval { $json->decode((page('/json'))[0]) } // {};
is_deeply([ map { $_->{zone} } @{ $decoded->{zones} } ],
          [ 'z', 'other "\\ z' ], 'in JSON, too') or diag $@;
ok(!exists $decoded->{zones}[1]{hars_redis_up}, 'which has no Redis');
is_deeply([ map { $_->{hars_workers} } @{ $decoded->{zones} } ], [ 4, 4 ],
          'in the zones of all');

# counters outlive a reload, and what workers said of themselves does not

like(verdict('token-number-1'), qr/^200 ok/, 'asked anew after the gap');
my $before = numbers();
ok($nginx->reload, 'reload');
ok(until_shows(10, workers => 4, 'redis_links records ready' => 4,
               'redis_links channel ready' => 4,
               'redis_links records down' => 0), 'four others');
delete @$before{ grep { /channel/ || $_ =~ $late } keys %$before };
$numbers = numbers();
is_deeply(changed($before, { map { $_ => $numbers->{$_} } keys %$before }),
          { }, 'have kept all counters');
changes('and go on', { 'requests ok on' => 8, 'lookups l1' => 8 },
        sub { verdict('token-number-1') for 1 .. 8 }, $late);

# the workers in which somebody waits are killed

HarsTest::Authority::rules({ 'token-number-2' => { hang => 1 } });
@waiting = map { client() } 1 .. 12;
ask($_, 'token-number-2') for @waiting;
ok(until_shows(3, flight_waiters => 12, introspections_running => 1),
   'twelve wait');
kill 'KILL', $nginx->workers;
ok(until_shows(3, flight_waiters => 0, introspections_running => 0,
               workers => 4), 'with their workers they are gone');
undef @waiting;
changes('counters are not', { 'requests ok on' => 4, 'lookups l1' => 4 },
        sub { verdict('token-number-1') for 1 .. 4 }, $late);

# one that hangs is left out after a while

my ($hangs) = $nginx->workers;
kill 'STOP', $hangs;
my $deadline = time + 12;
my $shown = 0;
while ($shown != 3 && time < $deadline) {
    select undef, undef, undef, 0.2;
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 1;
    $shown = eval { numbers()->{workers} } // 0;
    alarm 0;
}
is($shown, 3, 'a worker that hangs is none');
kill 'CONT', $hangs;
ok(until_shows(5, workers => 4), 'and comes back');
finish(allow => qr/exited on signal 9|hars: Redis/);


# what is built on it

my %metric = %all;
for my $name (grep { $all{$_} eq 'histogram' } keys %all) {
    $metric{"${name}_$_"} = 1 for qw(bucket sum count);
}

$decoded = eval { $json->decode(slurp('docs/grafana/hars-gateway.json')) };
ok($decoded, 'the dashboard is JSON') or diag $@;
my %used = map { $_ => 1 } map { /\b(hars_[a-z0-9_]+)/g } exprs($decoded);
is_deeply([ grep { !$metric{$_} } sort keys %used ], [],
          'it asks for nothing that is not there');
cmp_ok(scalar(keys %used), '>', 20, 'but for much of it');

my $manual = slurp('docs/operations.md');
is_deeply([ grep { $manual !~ /\b$_\b/ } sort keys %all ], [],
          'every metric is explained');
my $directive = qr/^hars_(?:status|redis|seal_key|stale_if_error
                           |refresh_before|token_id|verdict)$
                           |^hars_(?:as|dcm|ml|fogcloud|fognode)_/x;   # those are of the services
is_deeply([ grep { !$metric{$_} && $_ !~ $directive }
            $manual =~ /\b(hars_[a-z0-9_]+)/g ], [], 'and no other one');

# all that a panel or a variable asks for
sub exprs {
    my ($node) = @_;
    return map { exprs($_) } @$node if ref $node eq 'ARRAY';
    return () if ref $node ne 'HASH';
    return map { ref $node->{$_} ? exprs($node->{$_})
                 : /^(?:expr|query)$/ ? $node->{$_} : () } sort keys %$node;
}

sub slurp {
    open my $fh, '<', "$top/$_[0]" or return '';
    local $/ = undef;
    return <$fh>;
}

done_testing();
