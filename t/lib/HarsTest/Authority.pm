package HarsTest::Authority;

# An authorization server that answers as it is told: the introspection
# endpoint on a Unix socket, one process with one loop, so that a hung answer
# holds up nobody else.  It records every request that it got.
#
# A rule per token says what the answer is:
#
#   'text'                      200, application/json, this body
#   { status => 500, type => 'text/html', headers => [ 'X: y' ], body => '',
#     delay => 0.5,             seconds before the answer
#     hold => 1,                not before release(), which holds till rules()
#     hang => 1,                never answers
#     close => 1,               closes without an answer
#     pad => 60_000,            so many blanks behind the body
#     cut => 10,                closes after that many bytes of the body
#     chunked => 1,             Transfer-Encoding: chunked
#     raw => "bytes" }          exactly these bytes, then closes
#   [ rule, rule, ... ]         one after another, the last one stays
#
# The rule of the token "*" stands for all others; without it they are
# {"active":false}.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(time);

use HarsTest::Place;

use constant LIFE => 900;       # seconds; nobody's server outlives its test

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my ($pid, $alive, $generation);


sub socket_path { return HarsTest::Place::dir() . '/as.sock' }
sub rules_path  { return HarsTest::Place::dir() . '/as.rules' }
sub log_path    { return HarsTest::Place::dir() . '/as.log' }
sub go_path     { return HarsTest::Place::dir() . '/as.go' }


sub start {
    return if $pid;

    rules({});

    my $listen = IO::Socket::UNIX->new(Local => socket_path(),
        Type => SOCK_STREAM, Listen => 128) or die socket_path() . ": $!\n";

    # the server ends when nobody holds the other end any more
    pipe(my $parent_gone, $alive) or die "pipe: $!\n";

    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        close $alive;
        alarm LIFE;
        $SIG{PIPE} = 'IGNORE';
        eval { serve($listen, $parent_gone) };
        print STDERR "authority of the test: $@" if $@;
        require POSIX;
        POSIX::_exit(0);
    }
}


sub stop {
    if ($pid) {
        kill 'CONT', $pid;
        kill 'KILL', $pid;
        waitpid($pid, 0);
        unlink socket_path();
        undef $pid;
    }
}


# a stopped process: connections are made, nothing is ever answered
sub pause    { kill 'STOP', $pid }
sub continue { kill 'CONT', $pid }


# sets all rules anew and forgets the requests recorded
sub rules {
    my ($rules) = @_;

    unlink go_path();
    my $text = $json->encode({ generation => ++$generation,
                               rules => $rules });

    open my $fh, '>', rules_path() . '.new' or die "rules: $!\n";
    print $fh $text;
    close $fh or die "rules: $!\n";
    rename rules_path() . '.new', rules_path() or die "rules: $!\n";

    open $fh, '>', log_path() or die "log: $!\n";
}


# what is held is answered, and what comes
sub release {
    open my $fh, '>', go_path() or die "release: $!\n";
}


# the requests since rules(): { method, uri, headers, body, token, conn }
sub requests {
    open my $fh, '<', log_path() or return;
    return map { $json->decode($_) } <$fh>;
}


sub serve {
    my ($listen, $parent_gone) = @_;

    my $select = IO::Select->new($listen, $parent_gone);
    my (%conn, %seen, $seen_generation, $accepted);

    $seen_generation = 0;

    while (1) {
        my $now = time;
        my $wait = 10;

        for my $c (values %conn) {
            if ($c->{held}) {
                $wait = 0.02 if $wait > 0.02;
                next if !-e go_path();
                @$c{qw(at held)} = ($now, 0);
            }

            next if !defined $c->{at};
            my $left = $c->{at} - $now;
            $wait = $left > 0 ? $left : 0 if $left < $wait;
        }

        for my $fh ($select->can_read($wait)) {
            return if $fh == $parent_gone;

            if ($fh == $listen) {
                my $new = $listen->accept or next;
                $new->blocking(1);
                $select->add($new);
                $conn{$new} = { fh => $new, in => '', n => ++$accepted };
                next;
            }

            my $c = $conn{$fh};
            my $n = sysread $fh, $c->{in}, 65536, length $c->{in};

            if (!$n) {
                $select->remove($fh);
                delete $conn{$fh};
                close $fh;
                next;
            }

            next if defined $c->{out} || $c->{hang};

            my $request = take_request($c) or next;

            my $all = read_rules();
            if ($all->{generation} != $seen_generation) {
                %seen = ();
                $seen_generation = $all->{generation};
            }

            record($request, $c->{n});

            my $token = $request->{token} // '';
            my $rule = $all->{rules}{$token} // $all->{rules}{'*'}
                       // '{"active":false}';

            if (ref $rule eq 'ARRAY') {
                my $i = $seen{$token}++;
                $rule = $rule->[$i < @$rule ? $i : -1];
            }

            answer($c, $rule);
        }

        $now = time;

        for my $c (values %conn) {
            next if !defined $c->{at} || $c->{at} > $now;

            syswrite $c->{fh}, $c->{out} if length $c->{out};
            delete @$c{qw(at out)};

            if ($c->{close}) {
                $select->remove($c->{fh});
                my $fh = $c->{fh};
                delete $conn{$fh};
                close $fh;
            }
        }
    }
}


sub take_request {
    my ($c) = @_;

    my $end = index $c->{in}, "\r\n\r\n";
    return if $end < 0;

    my $head = substr $c->{in}, 0, $end + 2;
    my ($length) = $head =~ /^Content-Length:\s*(\d+)/mi;
    $length //= 0;
    return if length($c->{in}) < $end + 4 + $length;

    my $body = substr $c->{in}, $end + 4, $length;
    substr($c->{in}, 0, $end + 4 + $length) = '';

    my ($method, $uri) = $head =~ /^(\S+) (\S+)/;
    my $token;

    if ($body =~ /(?:^|&)token=([^&]*)/) {
        $token = $1;
        $token =~ tr/+/ /;
        $token =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    }

    return { method => $method, uri => $uri, headers => $head,
             body => $body, token => $token };
}


sub read_rules {
    open my $fh, '<', rules_path() or die "rules: $!\n";
    local $/ = undef;
    return $json->decode(<$fh>);
}


sub record {
    my ($request, $n) = @_;

    open my $fh, '>>', log_path() or die "log: $!\n";
    syswrite $fh, $json->encode({ %$request, conn => $n }) . "\n";
}


sub answer {
    my ($c, $rule) = @_;

    $rule = { body => $rule } if !ref $rule;

    if ($rule->{hang}) {
        $c->{hang} = 1;
        return;
    }

    $c->{held} = $rule->{hold};
    $c->{at} = time + ($rule->{delay} // 0) if !$c->{held};

    if ($rule->{close}) {
        @$c{qw(out close)} = ('', 1);
        return;
    }

    if (defined $rule->{raw}) {
        @$c{qw(out close)} = ($rule->{raw}, 1);
        return;
    }

    my $body = $rule->{body} // '';
    $body .= ' ' x $rule->{pad} if $rule->{pad};
    utf8::downgrade($body, 1) or utf8::encode($body);    # bytes stay bytes

    my @head = ('HTTP/1.1 ' . ($rule->{status} // 200) . ' Said',
                'Content-Type: ' . ($rule->{type} // 'application/json'),
                @{ $rule->{headers} // [] });

    if ($rule->{chunked}) {
        push @head, 'Transfer-Encoding: chunked';
        $body = sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body);

    } else {
        push @head, 'Content-Length: ' . length $body;
    }

    if (defined $rule->{cut}) {
        $body = substr $body, 0, $rule->{cut};
        $c->{close} = 1;
    }

    $c->{out} = join("\r\n", @head) . "\r\n\r\n" . $body;
}

1;
