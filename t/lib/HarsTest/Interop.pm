package HarsTest::Interop;

# Clients of other makers, run as programs of their own against the reference
# gateway (HarsTest::Reference).  A program gets one argument, a file of JSON
# that says where everything is, and prints lines:
#
#   ok NAME                 a check that held
#   not ok NAME: WHY        one that did not
#   # TEXT                  for the reader
#   done                    it came to its end
#
#   HarsTest::Interop::start();
#   my $token = HarsTest::Interop::initial('--uses', 2);
#   HarsTest::Interop::node('openid-client.mjs', initial => $token);
#   HarsTest::Interop::python('authlib-session.py', %more);
#   HarsTest::Interop::stop();           the logs, done_testing()
#
# The clients that are registered: client-a, a service with the certificate
# "a"; refresher, the same with refresh tokens; basic, with a secret beside any
# certificate; rs, a resource server with "b".

use strict;
use warnings;

use File::Copy qw(copy);
use JSON::PP;
use Test::More;

use HarsTest::Reference;

our $timeout = 60;

my $secret;


sub start {
    my @ml = ('--resource', $HarsTest::Reference::ml);
    my @service = ('--kind', 'service', @ml, '--scope', 'ml:recognize');
    my @a = ('--subject-dn', HarsTest::Reference::subject('client-a'));

    HarsTest::Reference::spew('refresh.key', '33' x 32 . "\n");
    HarsTest::Reference::settings('authserver.conf', 'refresh_key = '
        . HarsTest::Reference::path('refresh.key') . "\n");

    HarsTest::Reference::client('gateway', '--kind', 'resource_server', @ml);
    HarsTest::Reference::client('client-a', @service, @a);
    HarsTest::Reference::client('refresher', @service, @a, '--refresh');
    ($secret) = HarsTest::Reference::client('basic', @service, '--secret')
        =~ /^client_secret\t(\S+)$/m;
    HarsTest::Reference::client('rs', '--kind', 'resource_server', @ml,
        '--subject-dn', HarsTest::Reference::subject('client-b'));
    HarsTest::Reference::start();
}


# an initial access token for services
sub initial {
    my ($token) = HarsTest::Reference::as('register-token', 'add', '--kind',
        'service', '--resource', $HarsTest::Reference::ml, '--scope',
        'ml:recognize', @_) =~ /^initial_access_token\t(\S+)$/m;

    return $token;
}


sub stop {
    is_deeply([ HarsTest::Reference::stop(tokens => [ 'hats_' ]) ], [],
              'no fault in the logs, no token');
    done_testing();
}


# Node finds packages beside the program alone, so it runs where they are
sub node {
    my ($name, %more) = @_;
    my $to = "$HarsTest::Place::build/interop";

    if (!-d "$to/node_modules") {
        BAIL_OUT("$to/node_modules is not there: make test-interop");
    }

    for my $file (glob "$HarsTest::Place::top/t/interop/*.mjs") {
        copy($file, $to) or BAIL_OUT("$to: $!");
    }

    checks(['node', "$to/$name"], %more);
}


# Debian's own, whatever else is called python3 here
sub python {
    my ($name, %more) = @_;

    checks(['/usr/bin/python3', '-I', '-B',
            "$HarsTest::Place::top/t/interop/$name"], %more);
}


sub checks {
    my ($command, %more) = @_;
    my $place = { %{ HarsTest::Reference::place() }, secret => $secret,
                  %more };
    my $file = HarsTest::Reference::path('place.json');
    my $done = 0;

    HarsTest::Reference::spew('place.json', encode_json($place));

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', 'timeout',
        $timeout, @$command, $file or die "$command->[0]: $!\n";

    while (<$fh>) {
        chomp;
        if (/^ok (.+)/) {
            pass($1);
        } elsif (/^not ok (.+)/) {
            fail($1);
        } elsif ($_ eq 'done') {
            $done = 1;
        } else {
            diag($_) if !/^# /;
            note($_) if /^# /;
        }
    }
    close $fh;

    my ($name) = $command->[-1] =~ m{([^/]+)$};
    is($? >> 8, 0, "$name ends well");
    ok($done, '... and came to its end');
}

1;
