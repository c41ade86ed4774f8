package HarsTest::FaultyUpstream;

# A service's Unix socket on which things go wrong: a process between nginx and
# the service that carries one request and its answer for each connection but
# for the one that a fault was laid out for.
#
#   my $pid = HarsTest::FaultyUpstream::start($at, $to, $seed);
#   my @fault = ('confirm', 'request lost');
#   HarsTest::FaultyUpstream::lay($at, @fault);
#   met($at, @fault)    it was met; over($at, @fault): and nothing is underway
#   seen($at)           requests, in order; ask($to, $one): sends one again
#
# The next POST whose path ends with that word has the fault.  Earlier ones are
# those of such a path that were answered 200.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(time);

my $longest = 20;                      # s, that something is held back

# of what has the connection, the service's socket, request, earlier ones
my %fault = (
    'request lost' => sub { },
    'request held back' => sub {
        gone($_[0]);
        return ask($_[1], $_[2]);
    },
    'request flipped' => sub { return ask($_[1], flip($_[2])) },
    'request after an earlier one' => sub {
        ask($_[1], $_[3]{request});
        return ask($_[1], $_[2]);
    },
    'request twice, first answer' => sub { return (twice(@_))[0] },
    'request twice, second answer' => sub { return (twice(@_))[1] },
    'request twice at once' => sub {
        my @s = map { asking($_[1], $_[2]) } 1, 2;
        my @answer = map { answer($_) } @s;
        return $answer[0];
    },
    'answer lost' => sub { ask($_[1], $_[2]); return },
    'answer held back' => sub {
        my $answer = ask($_[1], $_[2]);
        gone($_[0]);
        return $answer;
    },
    'answer flipped' => sub { return flip(ask($_[1], $_[2])) },
    'answer torn' => sub {
        my $answer = ask($_[1], $_[2]);
        return substr $answer, 0, length($answer) - 20;
    },
    'answer is an earlier one' => sub {
        ask($_[1], $_[2]);
        return $_[3]{answer};
    },
    'request lost, answer is an earlier one' => sub { return $_[3]{answer} },
);


sub start {
    my ($at, $to, $seed) = @_;

    unlink $at;
    mkdir "$at.seen";
    my $listen = IO::Socket::UNIX->new(Local => $at, Listen => 128)
        or die "$at: $!\n";
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(TERM INT);
    $SIG{$_} = 'IGNORE' for qw(PIPE CHLD);

    for (my $n = 100000;; $n++) {
        my $s = $listen->accept or next;

        if (!fork) {
            close $listen;
            srand($seed + $n);
            carry($s, $at, $to, $n);
            POSIX::_exit(0);
        }
    }
}


sub carry {
    my ($s, $at, $to, $n) = @_;
    my $request = message($s);
    my ($end) = $request =~ m{^POST /\S*?(\w+) } or
        return put($s, ask($to, $request));

    my $what = taken($at, $end);
    my $answer = ($fault{$what} // sub { ask($_[1], $_[2]) })->(
        $s, $to, $request, earlier($at, $end));

    file("$at.seen/$n-$end.request", $request);
    file("$at.seen/$n-$end.answer", $answer // '');
    put($s, $answer // '');
    file("$at.over-$end $what", '') if $what;
}


sub lay {
    my ($at, $end, $what) = @_;

    die "$what: no such fault\n" if !$fault{$what};
    file("$at.next", "$end $what");
}


sub met { return -e "$_[0].met-$_[1] $_[2]" }
sub over { return -e "$_[0].over-$_[1] $_[2]" }
sub seen { return map { content($_) } glob "$_[0].seen/*.request" }


# whoever renames it has it
sub taken {
    my ($at, $end) = @_;
    my ($whose, $what) = split / /, content("$at.next"), 2;

    return ($whose // '') eq $end
        && rename("$at.next", "$at.met-$end $what") ? $what : '';
}


sub earlier {
    my ($at, $end) = @_;

    for my $file (reverse glob "$at.seen/*-$end.answer") {
        my $answer = content($file);
        next if $answer !~ m{^HTTP/1.1 200 };
        $file =~ s/answer$/request/;
        return { request => content($file), answer => $answer };
    }

    return { request => '', answer => '' };
}


sub twice {
    my ($s, $to, $request) = @_;

    return map { ask($to, $request) } 1, 2;
}


sub ask {
    my ($to, $request) = @_;

    return answer(asking($to, $request));
}


sub asking {
    my ($to, $request) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $to) or return;

    put($s, $request);

    return $s;
}


# what comes till the other side ends
sub answer {
    my ($s) = @_;
    my $bytes = '';

    while ($s && sysread $s, $bytes, 65536, length $bytes) { }

    return $bytes;
}


# a head, and as many bytes as it says
sub message {
    my ($s) = @_;
    my $bytes = '';

    while (sysread $s, $bytes, 65536, length $bytes) {
        my ($head, $body) = split /\r\n\r\n/, $bytes, 2;
        my ($len) = $head =~ /^Content-Length: (\d+)/mi;
        last if defined $body && length $body >= ($len // 0);
    }

    return $bytes;
}


sub flip {
    my ($bytes) = @_;
    my $from = 8 * (index($bytes, "\r\n\r\n") + 4);
    my $bit = $from + int rand(8 * length($bytes) - $from);

    vec($bytes, $bit, 1) ^= 1;

    return $bytes;
}


# till whoever asked has given up, or the test has ended
sub gone {
    my ($s) = @_;
    my $parent = getppid;
    my $select = IO::Select->new($s);
    my $end = time + $longest;

    while (time < $end && getppid == $parent) {
        last if $select->can_read(0.1) && !sysread $s, my $bytes, 65536;
    }
}


sub put {
    my ($s, $bytes) = @_;
    my $at = 0;

    while ($at < length $bytes) {
        $at += syswrite($s, $bytes, length($bytes) - $at, $at) || last;
    }
}


# there as a whole or not at all
sub file {
    my ($name, $bytes) = @_;

    open my $fh, '>:raw', "$name.new" or die "$name: $!\n";
    print $fh $bytes;
    close $fh or die "$name: $!\n";
    rename "$name.new", $name or die "$name: $!\n";
}


sub content {
    open my $fh, '<:raw', $_[0] or return '';
    local $/;

    return <$fh> // '';
}


1;
