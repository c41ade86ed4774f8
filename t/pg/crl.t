#!/usr/bin/perl

# Revocation lists and OCSP where the database goes away, and where two servers
# revoke at the same moment: the list that there was goes on, nothing is said
# of a certificate that cannot be looked up, no number is given twice.

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP qw(decode_json);
use Test::More;

use lib dirname(__FILE__) . '/../lib';

BEGIN { $ENV{HARS_TEST_DATABASE} = 'postgresql' }

use HarsTest::EndToEnd;
use HarsTest::Issued;

BAIL_OUT("$program is not there: make all") unless -x $program;

my $rounds = 10;
my $pg = $HarsTest::EndToEnd::postgres;

pki('authorities');
my $conf = authority('');
add('a', '--subject-dn', 'CN=a,O=HARS');
write_file('two.conf', $conf =~ s/audit\.log/two-audit.log/r
           =~ s{/(public|gateway)\.sock}{/two-$1.sock}gr);
start();
launch('two', $program, '--config', "$dir/two.conf", 'serve');
wait_for(sub { listening("$dir/two-public.sock") })
    or BAIL_OUT('the second server does not start');

away();
crossing();

for my $name (qw(authserver two)) {
    is(ended($name, 'TERM'), 0, "$name stops");
    unlike(content("$dir/$name.log"), qr/hats_|Sanitizer|runtime error/,
           '... nothing secret in the log');
}

done_testing();


# the other server's list
sub other {
    return (run('curl', '-sS', '--max-time', 20, '--unix-socket',
                "$dir/two-public.sock", 'http://localhost/crl'))[1];
}


sub text {
    my ($pem) = @_;

    write_file('text.crl', $pem =~ s/.*(-----BEGIN.*?)/$1/sr);
    return (run('openssl', 'crl', '-in', "$dir/text.crl", '-noout', '-text',
                '-CAfile', "$dir/ca/issuing.crt"))[1];
}


# the OCSPResponseStatus, or the certificate's
sub ask {
    my (@ask) = ('openssl', 'ocsp', '-issuer', "$dir/ca/issuing.crt", '-cert',
                 "$dir/pki/a.pem", '-no_nonce');
    run(@ask, '-reqout', "$dir/q");
    my (undef, $answer) = get('/ocsp', '--data-binary', "\@$dir/q", '-H',
                              'Content-Type: application/ocsp-request');
    return ord $1 if $answer =~ /^\x30.\x0a\x01(.)\z/s;

    write_file('r', $answer);
    return (run(@ask, '-respin', "$dir/r", '-CAfile', "$dir/ca/root.crt"))[1]
        =~ /verify OK\n.*?: (\w+)/ ? $1 : 'bad';
}


sub away {
    enrol('a', 'a');
    my (undef, $list) = get('/crl');
    is(other(), $list, 'two servers show one list');
    is(ask(), 'good', 'a certificate is good');

    $pg->stop('fast');
    my ($status, $same) = get('/crl');
    is($status, 200, 'PostgreSQL is away: /crl');
    is($same, $list, '... shows the list that there was');
    is(ask(), 3, '... OCSP answers tryLater, and nothing from memory');
    is((as('ca', 'revoke', '--serial', $serial{a}))[0], 1,
       '... ca revoke fails, and says so');

    $pg->start;
    ok(wait_for(sub { ask() eq 'good' }, 20), 'it comes back: good as before');
    is((as('ca', 'revoke', '--serial', $serial{a}))[0], 0, '... revoked');
    is(ask(), 'revoked', '... at once');
    ok(wait_for(sub { other() =~ /BEGIN/ && text(other()) =~ /$serial{a}/i }),
       '... in the list of the other server');
    like(text((get('/crl'))[1]), qr/verify OK/, '... signed');
}


# both are asked for a list while certificates end
sub crossing {
    for my $i (1 .. $rounds) {
        enrol('a', 'a');
        my @pid;

        for my $path ("$dir/public.sock", "$dir/two-public.sock") {
            my $pid = fork // die "fork: $!\n";
            if ($pid == 0) {
                run('curl', '-sS', '-o', '/dev/null', '--unix-socket', $path,
                    'http://localhost/crl') for 1 .. 20;
                POSIX::_exit(0);
            }
            push @pid, $pid;
        }
        as('ca', 'revoke', '--serial', $serial{a});
        waitpid $_, 0 for @pid;
        ok(wait_for(sub {
            my ($one, $two) = ((get('/crl'))[1], other());
            return $one eq $two && text($one) =~ /$serial{a}/i;
        }), "revoked, round $i: both show it in one list");
    }

    my %seen;
    $seen{$_}++ for map { $_->{event} eq 'crl' ? $_->{number} : () }
        map { decode_json($_) } map { split /\n/, content("$dir/$_.log") }
        qw(audit two-audit);
    cmp_ok(scalar keys %seen, '>', $rounds, scalar(keys %seen) . ' lists');
    is_deeply([grep { $seen{$_} > 1 } keys %seen], [],
              '[49] no number was used twice');
}
