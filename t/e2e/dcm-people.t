#!/usr/bin/perl

# The endpoints about people, without a gateway: names, connections, what a
# caregiver sees of them, the access log, and what no body may say.  Who may
# do what is in dcm-access.t.

use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use File::Basename qw(dirname);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time sleep);

use lib dirname(__FILE__) . '/../lib';
use HarsTest::DCM;
use HarsTest::Kept;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

my $all = 'recordings:write activities:read samples:read consent:write';
my @p1 = dcm_as('patient', 'p1', $all);
my @p2 = dcm_as('patient', 'p2', $all);
my @c1 = dcm_as('caregiver', 'c1', 'activities:read');
my @d1 = dcm_as('doctor', 'd1', 'activities:read samples:read');

dcm_start();
names();
erased();
connections();
in_time();
bodies();
accesses();
full();
nobody();
is(dcm_stop(), 0, 'it stops');
sealed();
dcm_start();
is(scalar @{ (get('/v1/patients/p1/caregivers', @p1))[1]{caregivers} }, 2,
   'connections are there after a restart');
is((dcm_ask('GET', '/v1/patients/p1', undef, @p1))[1]{name}, 'Mrs. Satō',
   '... and the name');
is(dcm_stop(), 0, 'it stops');
unlike(dcm_log(), qr/error|Sanitizer/, 'nothing was wrong');

done_testing();


sub get { return dcm_ask('GET', $_[0], undef, @_[1 .. $#_]) }
sub put { return dcm_ask('PUT', $_[0], encoded($_[1]), 'Content-Type',
                         'application/json', @_[2 .. $#_]) }

sub encoded {
    my ($body) = @_;

    return ref $body ? JSON::PP->new->utf8->encode($body)
                     : encode_utf8($body);
}


sub names {
    my ($status, $body, $head) = get('/v1/patients/p1', @p1);
    is($status, 200, 'a patient of whom nothing is stored');
    is_deeply($body, { id => 'p1', name => undef }, '... has no name');
    like($head, qr/^Cache-Control: no-store/mi, '... and nobody keeps it');

    ($status, $body) = put('/v1/patients/p1', { name => 'Mrs. Satō' }, @p1);
    is($status, 200, 'a name is given');
    is((get('/v1/patients/p1', @p1))[1]{name}, 'Mrs. Satō', '... and read');

    ($status, $body) = get('/v1/me', @p1);
    is_deeply($body, { sub => 'p1', client_id => 'client-p1',
                       kind => 'patient', name => 'Mrs. Satō',
                       patients => [] }, 'me, a patient');

    ($status, $body) = get('/v1/me', @c1);
    is_deeply($body, { sub => 'c1', client_id => 'client-c1',
                       kind => 'caregiver', name => undef, patients => [] },
              'me, a caregiver of nobody');

    ($status, $body) = get('/v1/me', dcm_as('patient', 'p1',
                                            'recordings:write'));
    is($body->{name}, undef, 'who only sends gets no name');
    is((get('/v1/me'))[0], 401, 'nobody');
}


# while the rows are on their way out, a second at most, and afterwards
sub erased {
    my @p = dcm_as('patient', 'p9', $all);

    for (1 .. 3) {
        is((put('/v1/patients/p9', { name => 'gone soon' }, @p))[0], 200,
           'who is to be erased');
        is((dcm_ask('DELETE', '/v1/patients/p9', undef, @p))[0], 204,
           '... and is') ;
        my ($status, $body) = get('/v1/me', @p);
        is($status, 200, '... can ask at once');
        is($body->{name}, undef, '... and has no name');

        my $end = time + 10;
        sleep 0.02 while (put('/v1/patients/p9', { name => 'again' }, @p))[0]
                         != 200 && time < $end;
    }
}


sub connections {
    my $now = time;
    my ($status, $body) = put('/v1/patients/p1/caregivers/c1',
                              { role => 'caregiver', until => undef,
                                name => 'Anna' }, @p1);
    is($status, 200, 'connected');
    is_deeply([ @$body{qw(id name role until state)} ],
              ['c1', 'Anna', 'caregiver', undef, 'connected'], 'as said');
    is_deeply($body->{scopes}, ['activities:read'], 'scopes of the role');
    ok(abs($body->{since} - $now) < 5, 'data from now on');
    my $since = $body->{since};

    ($status, $body) = put('/v1/patients/p1/caregivers/c1',
                           { role => 'caregiver', until => int $now + 3600 },
                           @p1);
    is($body->{since}, $since, 'connected again: the time of before stays');
    is($body->{until}, int $now + 3600, '... the end is another one');
    is($body->{name}, undef, '... and so is the name');

    put('/v1/patients/p1/caregivers/d1',
        { role => 'doctor', until => undef, since => 1000.5 }, @p1);
    ($status, $body) = get('/v1/patients/p1/caregivers', @p1);
    is(join(' ', map { "$_->{id}:$_->{role}" } @{ $body->{caregivers} }),
       'c1:caregiver d1:doctor', 'the list');
    is($body->{caregivers}[1]{since}, 1000.5, 'with the time that was given');

    ($status, $body) = get('/v1/me', @d1);
    is_deeply([ map { [ @$_{qw(id name role)} ] } @{ $body->{patients} } ],
              [ [ 'p1', 'Mrs. Satō', 'doctor' ] ], 'what the doctor sees');
    is((get('/v1/patients/p1', @d1))[1]{name}, 'Mrs. Satō', '... the name');
    ($status, $body) = get('/v1/me', dcm_as('caregiver', 'd1',
                                            'activities:read'));
    is($body->{patients}[0]{role}, 'caregiver',
       'a doctor by the patient\'s word alone is a caregiver');

    put('/v1/patients/p2/caregivers/c1',
        { role => 'caregiver', until => undef }, @p2);
    is(join(' ', map { $_->{id} } @{ (get('/v1/me', @c1))[1]{patients} }),
       'p1 p2', 'a caregiver of two');

    ($status, $body) = dcm_ask('DELETE', '/v1/patients/p1/caregivers/c1',
                               undef, @p1);
    is($status, 200, 'disconnected');
    is((get('/v1/patients/p1', @c1))[0], 404, '... sees nothing more');
    is(join(' ', map { $_->{id} } @{ (get('/v1/me', @c1))[1]{patients} }),
       'p2', '... of this one');
    is((dcm_ask('DELETE', '/v1/patients/p1/caregivers/c1', undef, @p1))[0],
       404, 'disconnected twice');
    is((get('/v1/patients/p2', @c1))[0], 200, 'the other one is still there');
}


sub in_time {
    put('/v1/patients/p1/caregivers/c1',
        { role => 'caregiver', until => undef, since => time + 3600 }, @p1);
    is((get('/v1/patients/p1', @c1))[0], 404, 'not yet');
    is((get('/v1/patients/p1/caregivers', @p1))[1]{caregivers}[1]{state},
       'not yet', '... says the list');

    put('/v1/patients/p1/caregivers/c1',
        { role => 'caregiver', until => time + 0.5, since => 1 }, @p1);
    is((get('/v1/patients/p1', @c1))[0], 200, 'for half a second');
    my $end = time + 10;
    sleep 0.02 until (get('/v1/patients/p1', @c1))[0] == 404 || time > $end;
    is((get('/v1/patients/p1', @c1))[0], 404, 'over');
    is((get('/v1/patients/p1/caregivers', @p1))[1]{caregivers}[1]{state},
       'ended', '... says the list');

    my (undef, $body) = put('/v1/patients/p1/caregivers/c1',
                            { role => 'caregiver', until => undef }, @p1);
    ok(abs($body->{since} - time) < 5, 'a new one does not show the gap');
}


sub bodies {
    my $path = '/v1/patients/p1/caregivers/x';
    my %good = (role => 'caregiver', until => undef);
    my $before = (get('/v1/patients/p1/caregivers', @p1))[3];

    for my $case (
        ['no JSON', '{', 400], ['a list', '[]', 400], ['nothing', '', 400],
        ['a member twice', '{"role":"doctor","role":"doctor"}', 400],
        ['a NUL', qq({"role":"doctor","until":null,"name":"a\\u0000b"}), 400],
        ['no UTF-8', "{\"name\":\"\xe4\"}", 400, 'bytes'],
        ['no role', { until => undef }, 422, 'role'],
        ['another role', { %good, role => 'owner' }, 422, 'role'],
        ['no until', { role => 'doctor' }, 422, 'until'],
        ['until a text', { %good, until => '2030-01-01' }, 422, 'until'],
        ['until is over', { %good, until => 5 }, 422, 'until'],
        ['until in ms', { %good, until => 1.8e12 }, 422, 'until'],
        ['since below 0', { %good, since => -1 }, 422, 'since'],
        ['since a list', { %good, since => [] }, 422, 'since'],
        ['since after until', { %good, until => int time + 10,
                                since => int time + 11 }, 422, 'since'],
        ['another scope', { %good, scopes => ['consent:write'] }, 422,
         'scopes'],
        ['a doctor\'s scope', { %good, scopes => ['samples:read'] }, 422,
         'scopes'],
        ['no scope', { %good, scopes => [] }, 422, 'scopes'],
        ['scopes a text', { %good, scopes => 'activities:read' }, 422,
         'scopes'],
        ['two in one', { %good,
            scopes => ['activities:read consent:write'] }, 422, 'scopes'],
        ['a number', { %good, scopes => [7] }, 422, 'scopes'],
        ['another member', { %good, admin => JSON::PP::true }, 422],
        ['a name of a number', { %good, name => 7 }, 422, 'name'],
        ['an empty name', { %good, name => '' }, 422, 'name'],
        ['a long name', { %good, name => 'é' x 101 }, 422, 'name'],
        ['a line in a name', { %good, name => "a\r\nSet-Cookie: b" }, 422,
         'name'],
        ['a tab', { %good, name => "a\tb" }, 422, 'name'],
        ['a blank before', { %good, name => ' a' }, 422, 'name'],
        ['an escape', { %good, name => "\e[31m" }, 422, 'name'],
        ['C1', { %good, name => "a\x{9b}b" }, 422, 'name'],
        ['right to left', { %good, name => "a\x{202e}b" }, 422, 'name'],
        ['an isolate', { %good, name => "a\x{2066}b" }, 422, 'name'],
        ['a line separator', { %good, name => "a\x{2028}b" }, 422, 'name'],
        ['no width', { %good, name => "a\x{200b}b" }, 422, 'name'],
        ['a joiner alone', { %good, name => "\x{200d}" }, 422, 'name'],
        ['a tag', { %good, name => "a\x{e0041}" }, 422, 'name'],
        ['a private one', { %good, name => "\x{e000}" }, 422, 'name']) {
        my ($name, $body, $status, $field) = @$case;

        my ($got, $problem, $head) = ($field // '') eq 'bytes'
            ? dcm_ask('PUT', $path, $body, 'Content-Type',
                      'application/json', @p1)
            : put($path, $body, @p1);
        is($got, $status, "$name: $status");
        is($problem->{field}, $field, '... names the field')
            if $status == 422;
        like($head, qr{^Content-Type: application/problem\+json}mi,
             '... as a problem');
    }

    is((put($path, ' ' x 5000 . '{}', @p1))[0], 413, 'a large body');
    is((dcm_ask('PUT', $path, '{}', 'Content-Type', 'text/plain', @p1))[0],
       415, 'another type');
    is((get('/v1/patients/p1/caregivers', @p1))[3], $before,
       'none of it changed anything');

    for my $id ('p1', 'a%20b', 'a%27%3B--', 'x' x 65, '%2e%2e%2fme', 'é',
                'a%0d%0ab', '%00', 'a%', '<b>') {
        my ($status) = put('/v1/patients/p1/caregivers/' . encode_utf8($id),
                           \%good, @p1);
        is($status, 422, "a caregiver called $id");
    }

    for my $text ("O'Brien; DROP TABLE patient; --", '<script>alert(1)',
                  '../../etc/passwd', '%00%0d%0a', '{"a":1}', '$(id)',
                  'علی‌رضا', '👩‍⚕️ Dr. Ito', '山田 太郎', 'a' x 200) {
        is((put('/v1/patients/p2', { name => $text }, @p2))[0], 200,
           "a text is a text: $text");
        is((get('/v1/patients/p2', @c1))[1]{name}, $text, '... and stays it');
    }

    is((put('/v1/patients/p2', { name => undef }, @p2))[1]{name}, undef,
       'no name again');
    is((put('/v1/patients/p2', {}, @p2))[0], 422, 'a name has to be said');
}


sub accesses {
    my ($status, $body) = get('/v1/patients/p1/accesses', @p1);
    is($status, 200, 'who looked');
    my @line = map { join ' ', @$_{qw(by client_id kind what)} }
               @{ $body->{accesses} };
    my %times;
    $times{$_}++ for @line;
    is_deeply([ sort keys %times ],
              [ 'c1 client-c1 caregiver profile',
                'd1 client-d1 doctor profile' ], 'others alone, each thing');
    # a test of less than a minute meets two of them at most
    cmp_ok($_, '<=', 2, 'a line for a minute') for values %times;
    ok(!(grep { abs($_->{at} - time) > 60 } @{ $body->{accesses} }),
       'with the time');
    is($body->{next}, undef, 'no more of it');

    my @lines = @{ $body->{accesses} };
    my (@paged, $after);
    for (1 .. @lines + 1) {
        ($status, $body) = get('/v1/patients/p1/accesses?limit=1'
                               . ($after ? "&after=$after" : ''), @p1);
        push @paged, @{ $body->{accesses} };
        $after = $body->{next} or last;
    }
    is_deeply(\@paged, \@lines, 'page by page');

    for my $query ('limit=0', 'limit=1001', 'limit=x', 'limit=', 'after=1',
                   'after=1-', 'after=-1-1', 'after=1-1x', 'limit=-1',
                   'after=99999999999999999999-1', 'limit=1&limit=1',
                   'after=1-1&after=1-1', 'after=1-1%00', 'limit=1%27') {
        is((get("/v1/patients/p1/accesses?$query", @p1))[0], 400,
           "asked for $query");
    }
}


sub full {
    my ($status, $n, $end) = (200, 0, time + 60);

    while ($status == 200 && $n < 200 && time < $end) {
        ($status) = put('/v1/patients/p3/caregivers/c' . ++$n,
                        { role => 'caregiver', until => undef },
                        dcm_as('patient', 'p3', $all));
    }

    is("$status after $n", '409 after 101', 'a hundred caregivers');
    ($status) = put('/v1/patients/p3/caregivers/c7',
                    { role => 'doctor', until => undef },
                    dcm_as('patient', 'p3', $all));
    is($status, 200, 'one of them can still be changed');
}


# who is not connected cannot tell a patient from nobody: neither by the
# answer nor by how long it takes
sub nobody {
    my $kept = HarsTest::Kept->new(dcm_socket());
    my %head = dcm_as('doctor', 'stranger', 'activities:read samples:read');
    my @head = map { "$_: $head{$_}" } sort keys %head;
    my %path = map { $_ => "/v1/patients/$_/samples" } qw(p1 p9);
    my ($ratio, %said);

    # of what else this machine has to do the fastest quarter knows little
    for my $try (1 .. 5) {
        my %time;

        for my $n (1 .. 1600) {
            for my $id ($n % 2 ? qw(p1 p9) : qw(p9 p1)) {
                my $began = time;
                my ($status, $body) = $kept->send('GET', $path{$id}, \@head,
                                                  'text/plain', '');
                push @{ $time{$id} }, time - $began;
                $said{$id}{"$status $body->{detail}"} = 1;
            }
        }

        my ($there, $none) = map { (sort { $a <=> $b } @{ $time{$_} })[400] }
                             qw(p1 p9);
        $ratio = $there / $none;
        note sprintf 'not connected %.1f us, nobody %.1f us', $there * 1e6,
            $none * 1e6;
        last if abs($ratio - 1) < 0.03;
    }

    cmp_ok(abs($ratio - 1), '<', 0.03, 'no other time');
    is_deeply($said{p1}, $said{p9}, 'no other answer');
    is(scalar keys %{ $said{p1} }, 1, '... ever');
}


# neither names nor who looked at what stand in the files
sub sealed {
    return if $ENV{HARS_TEST_DATABASE};

    my $bytes = '';
    for my $file (glob dcm_dir() . '/dcm.db*') {
        open my $fh, '<:raw', $file or die "$file: $!\n";
        local $/;
        $bytes .= <$fh> // '';
    }

    like($bytes, qr/caregiver/, 'the files of the database');
    for my $text (encode_utf8('Mrs. Satō'), 'Anna', 'O\'Brien', 'client-c1',
                  'profile') {
        unlike($bytes, qr/\Q$text\E/, 'have no "' . $text . '"');
    }
}
