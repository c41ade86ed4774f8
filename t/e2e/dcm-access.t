#!/usr/bin/perl

# The access matrix of the data collecting mechanism: who x what x when, each
# cell by a client with a certificate and a token of its own, through the
# reference gateway.  Then what is no identity at all, what a connection shows
# of which time, and what an attacker writes into each field and header.

use strict;
use warnings;

use Encode qw(encode_utf8);
use File::Basename qw(dirname);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::ML qw(ml_csv ml_walking);
use HarsTest::People;

my $now = int time;
my $head = 't_s,ax,ay,az,gx,gy,gz';

people(anna => 'patient', paul => 'patient', tom => 'patient',
       bea => 'caregiver', dan => 'doctor', doris => 'doctor',
       eve => 'caregiver', gone => 'caregiver', later => 'caregiver',
       mallory => 'caregiver', quack => 'doctor', nora => 'caregiver',
       dcm => 'service', fog => 'fog_node', oscar => 'operator',
       # a phone and a browser of one person, and one person in two roles
       tablet => [ 'patient', '--sub', 'one-sub' ],
       phone => [ 'patient', '--sub', 'one-sub' ],
       annabea => [ 'caregiver', '--sub', 'one-sub' ]);
gateway_start();

my $anna = sub_of('anna');
my @columns = qw(anna paul bea dan doris nora eve gone later mallory quack dcm
                 fog oscar);

connect_all();
matrix();
methods();
scopes();
same_sub();
no_identity();
since();
disconnect();
attacks();
erase();
gateway_stop();

done_testing();


sub upload {
    my ($at) = @_;

    return ml_csv($head, [ map { [ sprintf('%.3f', $at + $_->[0]),
                                   @$_[1 .. 6] ] } @{ ml_walking() } ]);
}


sub caregiver {
    my ($name, $patient) = @_;

    return '/v1/patients/' . sub_of($patient // 'anna') . '/caregivers/'
           . sub_of($name);
}


sub connect_to {
    my ($name, %said) = @_;

    my ($status, $said) = ask('anna', 'PUT', caregiver($name),
                              { role => 'caregiver', until => undef, %said });
    is($status, 200, "anna connects $name") or diag explain $said;
}


# eve's connection ends, gone's was ended, later's has not begun, doris is a
# doctor who was made a caregiver, nora a caregiver who was made a doctor
sub connect_all {
    connect_to('bea');
    connect_to('dan', role => 'doctor');
    connect_to('doris');
    connect_to('nora', role => 'doctor');
    connect_to('later', since => $now + 3600);
    connect_to('gone');
    is((ask('anna', 'DELETE', caregiver('gone')))[0], 200,
       'and disconnects gone');

    connect_to('eve', until => time + 3);
    is((ask('eve', 'GET', "/v1/patients/$anna"))[0], 200, 'eve, till then');
    ok(HarsTest::Place::wait_for(10, sub {
        (ask('eve', 'GET', "/v1/patients/$anna"))[0] == 404;
    }), 'and not after');

    is((ask('paul', 'PUT', caregiver('mallory', 'paul'),
            { role => 'caregiver', until => undef }))[0], 200,
       'mallory is somebody else\'s caregiver');
}


# what, and who gets which status: "." is 404, "!" is 403; "#" is 422, of a
# fog node that names no session
sub matrix {
    my $id = 'matrix';
    my $body = upload($now - 600);
    my $post = "/v1/recordings?id=$id&placement=pocket&sampling_rate_hz=50";
    my $p = "/v1/patients/$anna";

    is((ask('anna', 'POST', $post, $body, type => 'text/csv'))[0], 201,
       'a recording of anna');

    #                                    anna paul bea dan doris nora eve gone
    #                                    later mallory quack dcm fog oscar
    my @rows = (
        [ 'GET', '/v1/me',              '* * * * * * * * * * * * * *' ],
        [ 'GET', $p,                    '* . * * * * . . . . . ! . !' ],
        [ 'GET', "$p/activities",       '* . * * * * . . . . . ! . !' ],
        [ 'GET', "$p/days",             '* . * * * * . . . . . ! . !' ],
        [ 'GET', "$p/events",           '* . * * * * . . . . . ! . !' ],
        [ 'GET', "$p/samples",          '* . ! * . ! ! ! ! ! . ! ! !' ],
        [ 'GET', "$p/export?format=csv",
                                        '* . ! * . ! ! ! ! ! . ! ! !' ],
        [ 'GET', "$p/export?format=json",
                                        '* . ! * . ! ! ! ! ! . ! ! !' ],
        [ 'GET', "$p/caregivers",       '* . . . . . . . . . . ! . !' ],
        [ 'GET', "$p/accesses",         '* . . . . . . . . . . ! . !' ],
        [ 'PUT', $p,                    '* . ! ! ! ! ! ! ! ! ! ! ! !',
          { name => 'Anna' } ],
        [ 'PUT', "$p/caregivers/nobody",
                                        '* . ! ! ! ! ! ! ! ! ! ! ! !',
          { role => 'caregiver', until => undef } ],
        [ 'DELETE', "$p/caregivers/nobody",
                                        '* . ! ! ! ! ! ! ! ! ! ! ! !' ],
        [ 'POST', $post,                '* + ! ! ! ! ! ! ! ! ! ! # !',
          $body ],
        [ 'GET', "/v1/recordings/$id",  '* * . . . . . . . . . ! . !' ],
        [ 'GET', "/v1/recordings/$id/activities",
                                        '* * . . . . . . . . . ! . !' ],
        [ 'DELETE', $p,                 '- . ! ! ! ! ! ! ! ! ! ! ! !' ],
    );
    my %status = ('*' => 200, '+' => 201, '.' => 404, '!' => 403, '#' => 422);

    for my $row (@rows) {
        my ($method, $path, $cells, $send) = @$row;
        my @want = split / /, $cells;
        my $what = "$method " . $path =~ s/\Q$anna\E/anna/r;

        # the one whose right it is comes last: others change nothing
        for my $i (reverse 0 .. $#columns) {
            next if $want[$i] eq '-';

            my ($status, $data) = cell($columns[$i], $method, $path, $send);
            is($status, $status{ $want[$i] }, "$columns[$i]: $what")
                or diag explain $data;
        }
    }

    for my $row (@rows) {
        my ($method, $path, undef, $send) = @$row;

        next if $path !~ s/\Q$anna\E/nobody-of-this-name/;
        strangers($method, $path, $send);
    }
}


sub cell {
    my ($name, $method, $path, $send) = @_;

    return ask($name, $method, $path, $send,
               type => ref $send ? 'application/json' : 'text/csv',
               # a stream goes on
               $path =~ /events/ ? (args => [ '--max-time', 0.5 ]) : ());
}


# a patient who is not there is answered as one who is not connected
sub strangers {
    my ($method, $path, $send) = @_;

    for my $name (qw(paul mallory quack bea)) {
        my @there = cell($name, $method,
                         $path =~ s/nobody-of-this-name/sub_of('tom')/er,
                         $send);
        my @none = cell($name, $method, $path, $send);

        is("$there[0] $there[3]", "$none[0] $none[3]",
           "$name: $method $path, as of somebody else");
        like($none[0], qr/^40[34]$/, '... refused');
    }
}


# what no path has, nobody can
sub methods {
    my $p = "/v1/patients/$anna";

    for my $path ('/v1/me', $p, "$p/activities", "$p/days", "$p/events",
                  "$p/samples", "$p/export", "$p/caregivers",
                  "$p/caregivers/x", "$p/accesses", '/v1/recordings',
                  '/v1/recordings/matrix') {
        my %known = map { $_ => 1 }
            $path eq $p ? qw(GET PUT DELETE) : $path =~ /x$/ && $path =~ /care/
            ? qw(PUT DELETE) : $path eq '/v1/recordings' ? 'POST' : 'GET';

        for my $method (grep { !$known{$_} }
                        qw(GET POST PUT PATCH DELETE OPTIONS PROPFIND X)) {
            my ($status, undef, $head) = ask('anna', $method, $path);
            is($status, 405, "$method " . $path =~ s/\Q$anna\E/anna/r);
        }
    }

    is((ask('mallory', 'HEAD', $p, undef, args => ['-I']))[0], 404,
       'HEAD is GET: not connected');
    is((ask('bea', 'HEAD', $p, undef, args => ['-I']))[0], 200,
       '... connected');
    is((ask('anna', 'TRACE', $p))[0], 405, 'nothing is traced');
}


# a token with less than the kind has
sub scopes {
    my $p = "/v1/patients/$anna";

    for my $case (
        ['recordings:write', GET => $p, 403],
        ['recordings:write', GET => "$p/samples", 403],
        ['recordings:write', PUT => $p, 403],
        ['activities:read', GET => $p, 200],
        ['activities:read', GET => "$p/samples", 403],
        ['activities:read', GET => "$p/caregivers", 200],
        ['activities:read', DELETE => "$p/caregivers/x", 403],
        ['activities:read', DELETE => $p, 403],
        ['samples:read', GET => $p, 403],
        ['samples:read', GET => "$p/samples", 200],
        ['consent:write', GET => $p, 403],
        ['consent:write', GET => "$p/accesses", 200],
        ['consent:write', DELETE => "$p/caregivers/x", 404],
        ['consent:write', POST => '/v1/recordings?id=x', 403])
    {
        my ($scope, $method, $path, $want) = @$case;
        my ($status, undef, $head) =
            ask('anna', $method, $path, $method eq 'POST' ? $head : undef,
                scope => $scope, type => 'text/csv');

        is($status, $want, "anna with $scope: $method $path");
        like($head, qr/^www-authenticate: .*insufficient_scope/mi,
             '... and why') if $want == 403;
    }

    connect_to('dan', role => 'doctor', scopes => ['activities:read']);
    is((ask('dan', 'GET', "$p/samples"))[0], 404,
       'a doctor without the samples');
    is((ask('dan', 'GET', $p))[0], 200, '... sees the rest');
    connect_to('dan', role => 'doctor', scopes => ['samples:read']);
    is((ask('dan', 'GET', "$p/samples"))[0], 200, 'with the samples alone');
    is((ask('dan', 'GET', $p))[0], 404, '... sees them alone');
    connect_to('dan', role => 'doctor');
}


# the person is the sub, the role is the client's
sub same_sub {
    is((ask('tablet', 'PUT', '/v1/patients/one-sub', { name => 'One' }))[0],
       200, 'a tablet');
    is((ask('phone', 'GET', '/v1/patients/one-sub'))[1]{name}, 'One',
       '... and the phone of the same person');
    is((ask('annabea', 'GET', '/v1/patients/one-sub'))[0], 404,
       'as a caregiver this person is none of the patient\'s');
    is((ask('tablet', 'PUT', '/v1/patients/one-sub/caregivers/one-sub',
            { role => 'caregiver', until => undef }))[0], 422,
       '... and cannot be connected with herself');
    is((ask('anna', 'PUT', "/v1/patients/$anna/caregivers/one-sub",
            { role => 'caregiver', until => undef }))[0], 200,
       'but is anna\'s');
    is((ask('annabea', 'GET', "/v1/patients/$anna"))[0], 200, '... as that');
    is((ask('phone', 'GET', "/v1/patients/$anna"))[0], 404,
       '... not as a patient');
}


sub no_identity {
    my $p = "/v1/patients/$anna";
    my $token = token('anna');

    for my $path ($p, '/v1/me', '/v1/recordings', '/v1/', "$p/samples",
                  "$p/events", '/nothing') {
        is((ask('anna', 'GET', $path, undef, token => 'none'))[0], 401,
           "no token: $path");
        is((ask('anna', 'GET', $path, undef, cert => 'none',
                token => $token))[0], 400, "no certificate: $path");
        is((ask('mallory', 'GET', $path, undef, token => $token))[0], 401,
           "anna's token with another certificate: $path");
    }

    is((ask('anna', 'GET', $p, undef, token => substr($token, 0, -1) . 'x'))
       [0], 401, 'a token that nobody gave');
    is((ask('anna', 'GET', '/metrics'))[0], 404, 'metrics are not for clients');
    is((ask('anna', 'GET', '/healthz', undef, token => 'none'))[0], 200,
       'healthz is for all');

    # the service's own
    $token = token('hars-dcm', 'ml:recognize', $HarsTest::Reference::ml);
    for my $path ($p, '/v1/me', "$p/samples", '/v1/recordings/matrix') {
        is((ask('hars-dcm', 'GET', $path, undef, token => $token))[0], 401,
           "a token for another resource: $path");
    }
}


# what was recorded before a connection is not of it
sub since {
    my $old = $now - 86400;
    my $range = sprintf 'from=%d&to=%d', $old - 60, $now + 60;
    my $post = 'placement=pocket&sampling_rate_hz=50';

    is((ask('anna', 'POST', "/v1/recordings?id=old&$post", upload($old),
            type => 'text/csv'))[0], 201, 'a recording of yesterday');
    is((ask('anna', 'POST', "/v1/recordings?id=new&$post", upload($now - 120),
            type => 'text/csv'))[0], 201, 'and of now');

    my $seen = sub {
        my (undef, $csv) = ask($_[0], 'GET',
                               "/v1/patients/$anna/samples?$range");
        my %of;
        $of{$1}++ while $csv =~ /,(\w+)$/mg;
        return join ' ', grep { $_ ne 'recording' && $_ ne 'matrix' }
                         sort keys %of;
    };

    is((ask('anna', 'DELETE', caregiver('dan')))[0], 200, 'dan was here');
    is($seen->('anna'), 'new old', 'anna sees both');
    connect_to('dan', role => 'doctor', since => $now - 300);
    is($seen->('dan'), 'new', 'dan sees what is since then');
    connect_to('dan', role => 'doctor', since => $old - 100);
    is($seen->('dan'), 'new old', 'or since another time');
    connect_to('dan', role => 'doctor', since => $old - 100,
               until => $now + 300);
    is($seen->('dan'), 'new old', 'till an end to come');
}


# from the answer on
sub disconnect {
    my $p = "/v1/patients/$anna";

    for my $round (1 .. 5) {
        connect_to('bea');
        is((ask('bea', 'GET', $p))[0], 200, 'bea is connected');
        is((ask('anna', 'DELETE', caregiver('bea')))[0], 200, '... and not');
        is((ask('bea', 'GET', $p))[0], 404, '... from the answer on');
    }

    is_deeply((ask('bea', 'GET', '/v1/me'))[1]{patients}, [],
              'of nobody any more');

    my (undef, $log) = ask('anna', 'GET', "$p/accesses?limit=1000");
    my %who = map { ("$_->{client_id} $_->{what}" => 1) }
              @{ $log->{accesses} };
    ok($who{$_}, "anna knows: $_")
        for 'bea profile', 'dan profile', 'dan samples', 'doris profile',
            'eve profile';
    ok(!(grep { /^(?:anna|paul|gone|later|mallory|quack|dcm|fog|oscar) / }
         keys %who), 'and nobody who saw nothing');
}


sub attacks {
    my $p = "/v1/patients/$anna";
    my @evil = ("' OR '1'='1", "x'; DROP TABLE connection; --",
                '%27%20OR%201=1--', '%00', 'anna%00', "$anna%00", '%0d%0a',
                "$anna%0d%0aHars-Sub:%20x", '..', '../..',
                "..%2f..%2f$anna", "$anna%2factivities", '%2e%2e',
                '<script>', '%3Cscript%3E', '%c0%af', '%ff', '%', '%1',
                '%u0041', "$anna ", "$anna%20", "$anna/", "$anna//",
                "$anna;x", "$anna%3f", '*', '%e2%80%ae', '${jndi:x}',
                'a' x 65, 'a' x 3000, '%25' x 30);

    for my $id (@evil) {
        (my $sent = $id) =~ s/([ '<>"\\^`{}|])/sprintf '%%%02x', ord $1/ge;

        for my $path ("/v1/patients/$sent", "/v1/patients/$sent/samples",
                      "$p/caregivers/$sent", "/v1/recordings/$sent") {
            my $method = $path =~ /caregivers/ ? 'DELETE' : 'GET';
            my ($status, $data, $head, $text) = ask('paul', $method, $path);

            # what is above all of it is the page
            like($status, $id eq '../..' ? qr/^(?:30[12]|40[045])$/
                                         : qr/^(?:40[0345]|414|422)$/,
                 "paul: $method " . substr $path, 0, 60);
            # what was sent is not sent back
            unlike("$head $text", qr/script|DROP|jndi|\x{202e}|Hars-Sub: x/i,
                   '... repeats nothing');
        }
    }

    headers($p);
    fields($p);

    my (undef, $list) = ask('anna', 'GET', "$p/caregivers");
    is_deeply([ sort map { $_->{id} } @{ $list->{caregivers} } ],
              [ sort 'one-sub', map { sub_of($_) } qw(dan doris eve later nora) ],
              'all tables are there, and as they were');
}


# identity is the gateway's word, whatever a client sends beside it
sub headers {
    my ($p) = @_;
    my @forged = map { ('-H', $_) }
        "Hars-Sub: $anna", 'Hars-Client-Id: anna', 'Hars-Kind: patient',
        'Hars-Scope: activities:read samples:read consent:write',
        'Hars-Exp: 99999999999', 'Hars-Cert-S256: ' . 'A' x 43,
        "hars_sub: $anna", 'HARS-KIND: operator', "Hars-Sub:$anna",
        "X-Hars-Sub: $anna", "Forwarded: for=unix", "X-Forwarded-User: $anna";

    for my $http2 (0, 1) {
        for my $name (qw(paul mallory quack dcm)) {
            my ($status) = ask($name, 'GET', $p, undef, http2 => $http2,
                               args => \@forged);
            is($status, $name eq 'dcm' ? 403 : 404,
               "$name says to be anna, http2 $http2");
            my (undef, $me) = ask($name, 'GET', '/v1/me', undef,
                                  http2 => $http2, args => \@forged);
            is($me->{sub}, sub_of($name), '... and is not');
            is($me->{client_id}, $name, '... nor her client');
        }

        is((ask('mallory', 'GET', $p, undef, http2 => $http2,
                token => 'none', args => \@forged))[0], 401,
           'headers alone are nobody');
    }

    # one header that is two, or a body that is two requests
    for my $args (['-H', "X: a\r\nHars-Sub: $anna"],
                  ['-H', "Connection: close, Hars-Sub"],
                  ['-H', "Connection: Hars-Sub, Hars-Kind", @forged],
                  ['-H', 'Transfer-Encoding: chunked', '-H',
                   'Content-Length: 4', '--data-binary', "0\r\n\r\nGET $p"])
    {
        my ($status, $me) = ask('mallory', 'GET', '/v1/me', undef,
                                args => $args);
        ok($status =~ /^40\d$/ || ($me->{sub} // '') eq sub_of('mallory'),
           "mallory stays mallory ($status)");
    }

    for my $name ('User-Agent', 'Referer', 'Origin', 'Cookie', 'Range',
                  'If-None-Match', 'Accept', 'Accept-Encoding', 'Host2',
                  'Last-Event-ID', 'X-Request-Id') {
        for my $value ("' OR 1=1 --", '<script>alert(1)</script>',
                       "\xe2\x80\xae", 'a' x 4000, '%0d%0aSet-Cookie: a=b',
                       '../../etc/passwd', "\xff\xfe") {
            my ($status, $data, $head, $text) =
                ask('anna', 'GET', $p, undef, args => ['-H',
                                                       "$name: $value"]);
            like($status, qr/^(?:200|400|406|431)$/,
                 "$name: " . substr $value, 0, 20);
            unlike("$head $text", qr/alert|Set-Cookie|passwd/,
                   '... repeats nothing');
        }
    }
}


# texts that are stored come back as they were, as JSON
sub fields {
    my ($p) = @_;

    for my $text ("Robert'); DROP TABLE patient;--", '<b onload=x>', '&amp;',
                  '"}],"x":[{"', '\\u0000', '%00%0d', '{{7*7}}', '${x}',
                  "O\x{2019}Hara") {
        my ($status) = ask('anna', 'PUT', $p, { name => $text });
        is($status, 200, encode_utf8("a name: $text"));
        my ($got, $data, $head) = ask('doris', 'GET', $p);
        is($data->{name}, $text, '... is that name');
        like($head, qr{^content-type: application/json\r?$}mi, '... as JSON');
    }

    for my $case ("id=x'--", 'id=a%00', 'id=a%0d%0ab', 'id=../x',
                   'id=%2e%2e%2f', 'id=' . 'a' x 65, 'id=', 'id=a&id=b',
                   'id=a&started_at=1&started_at=2',
                   'id=a&placement=%27--', 'id=a&placement=<b>',
                   'id=a&sampling_rate_hz=1e999',
                   'id=a&sampling_rate_hz=50%27',
                   'id=a&fog_session=%27%20OR%201') {
        my $query = $case =~ s/([<>'])/sprintf '%%%02x', ord $1/ger;
        $query .= '&placement=pocket' if $query !~ /placement/;
        $query .= '&sampling_rate_hz=50' if $query !~ /sampling/;
        my ($status) = ask('paul', 'POST', "/v1/recordings?$query",
                           upload($now - 300), type => 'text/csv');
        like($status, qr/^4\d\d$/, "a recording: $query");
    }

    for my $query ('from=1%27', 'to=%00', 'from=<b>', 'limit=1;',
                   "after=x'--", 'from=1&from=2', 'from=nan', 'to=inf',
                   'from=-1e400') {
        (my $sent = $query) =~ s/([<>'])/sprintf '%%%02x', ord $1/ge;
        for my $path ('samples', 'activities', 'days', 'accesses') {
            my ($status) = ask('anna', 'GET', "$p/$path?$sent");
            like($status, qr/^(?:200|400|404|422)$/, "$path?$query");
        }
    }
}


# last, since nothing is there afterwards
sub erase {
    is((ask('anna', 'DELETE', "/v1/patients/$anna"))[0], 204,
       'anna is erased, by herself');
    for my $name (qw(dan doris bea)) {
        is((ask($name, 'GET', "/v1/patients/$anna"))[0], 404,
           "nobody for $name");
        is_deeply((ask($name, 'GET', '/v1/me'))[1]{patients}, [],
                  '... nor in the list');
    }
}
