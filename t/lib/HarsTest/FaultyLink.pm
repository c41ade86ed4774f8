package HarsTest::FaultyLink;

# A link between wearables and a fog node on which things go wrong: a process
# that takes links at a Unix socket, makes one to the fog node for each, and
# carries frames both ways but for what its plan says.
#
#   my $pid = HarsTest::FaultyLink::start($at, $to, sub {
#       my ($n) = @_;                     # the n-th link, from 0
#       return ([ 'up', 0, 'lose' ], ...);
#   });
#
# "up" comes from the wearable (frame 0 is M1), "down" from the fog node (frame
# 0 is M4).  What may happen to a frame:
#
#   lose  twice  flip   a bit of it      replay  one of an earlier link first
#   late  after the next one, or 0.2 s   junk    a frame of garbage first
#   cut   the link, behind it            torn    in the middle of it

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(time);

our @faults = qw(lose twice flip late replay junk cut torn);

my %old;


sub start {
    my ($at, $to, $plan) = @_;

    unlink $at;
    my $listen = IO::Socket::UNIX->new(Local => $at, Listen => 128)
        or die "$at: $!\n";
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(TERM INT);
    $SIG{PIPE} = 'IGNORE';
    serve($listen, $to, $plan);
    POSIX::_exit(0);
}


sub serve {
    my ($listen, $to, $plan) = @_;
    my $select = IO::Select->new($listen);
    my (%link, $n);

    for (;;) {
        for my $s ($select->can_read(0.02)) {

            if ($s == $listen) {
                my $one = $listen->accept or next;
                my $other = IO::Socket::UNIX->new(Peer => $to);
                close $one, next if !$other;

                my $link = { plan => [ $plan->($n++ // 0) ],
                             up => { from => $one, to => $other },
                             down => { from => $other, to => $one } };
                $link{$one} = [ $link, 'up' ];
                $link{$other} = [ $link, 'down' ];
                $select->add($one, $other);
                next;
            }

            my ($link, $way) = @{ $link{$s} // next };
            my $more = sysread $s, my $bytes, 65536;

            $link->{$way}{bytes} .= $bytes // '';
            $link->{over} = 1 if !$more || !frames($link, $way);
        }

        for my $link (map { $_->[0] } values %link) {
            held($link, $_) for qw(up down);
            next if !$link->{over};

            for my $s ($link->{up}{from}, $link->{down}{from}) {
                $select->remove($s);
                delete $link{$s};
                close $s;
            }
        }
    }
}


# 0: the link is to be cut
sub frames {
    my ($link, $way) = @_;
    my $one = $link->{$way};

    while (length $one->{bytes} >= 2) {
        my $len = unpack 'n', $one->{bytes};
        last if length $one->{bytes} < 2 + $len;

        my $frame = substr $one->{bytes}, 0, 2 + $len, '';
        my $n = $one->{n}++ // 0;
        my ($what) = map { $_->[2] }
            grep { $_->[0] eq $way && $_->[1] == $n } @{ $link->{plan} };

        carry($one, $frame, $what // '', \$old{"$way $n"}) or return 0;
        $old{"$way $n"} = $frame;
    }

    return 1;
}


sub carry {
    my ($one, $frame, $what, $old) = @_;

    if ($what eq 'flip') {
        my $bit = 16 + int rand(8 * (length($frame) - 2));
        vec($frame, $bit, 1) ^= 1;
    }

    put($one, $$old) if $what eq 'replay' && defined $$old;
    put($one, pack 'n/a*', chr(int rand 2) . 'x' x int rand 200)
        if $what eq 'junk';
    return 1 if $what eq 'lose';

    if ($what eq 'late') {
        $one->{held} = $frame;
        $one->{until} = time + 0.2;
        return 1;
    }

    put($one, $what eq 'torn' ? substr $frame, 0, length($frame) / 2 : $frame);
    put($one, $frame) if $what eq 'twice';

    if (defined(my $held = delete $one->{held})) {
        put($one, $held);
    }

    return $what ne 'cut' && $what ne 'torn';
}


sub held {
    my ($link, $way) = @_;
    my $one = $link->{$way};

    put($one, delete $one->{held})
        if defined $one->{held} && time > $one->{until};
}


sub put {
    my ($one, $frame) = @_;
    my $at = 0;

    while ($at < length $frame) {
        my $n = syswrite $one->{to}, $frame, length($frame) - $at, $at;
        last if !$n;
        $at += $n;
    }
}


1;
