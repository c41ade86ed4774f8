package HarsBench::Counted;

# Instructions of a new connection with one request, counted by callgrind in
# an nginx of one process: its own code and its libraries', not the kernel's.
# They hardly vary, so that they tell what the time of handshakes hides in its
# noise.  callgrind's processor has no SHA extensions, which makes digests
# dearer than they are.

use strict;
use warnings;

use HarsBench::Run;
use HarsBench::Table;

our @columns = (
    [ 'instructions', sub { middle($_[0], 'instructions', '%.0f') } ],
    [ '', sub { spread($_[0], 'instructions', '%.0f') } ],
    [ 'x plain', sub { by_plain($_[0], 'instructions', '%.4f') } ],
);


# the command before nginx's; its files are beside nginx's own
sub command {
    my ($at) = @_;

    return ('valgrind', '-q', '--tool=callgrind',
            "--callgrind-out-file=$at/callgrind");
}


sub takes {
    my ($f, @of) = @_;

    return @of * (6 + 3 * $o{counted} / 12);
}


sub more { return $_[2] < 2 }


# what is done once is not counted
sub prepare {
    my ($f, $said, @c) = @_;

    handshakes($f, $_) for @c;
}


sub measure {
    my ($f, $c) = @_;

    dump_of($c);
    handshakes($f, $c);

    return (instructions => dump_of($c) / ($o{counted} + 3));
}


# three more than it is told: tlsload begins with them
sub handshakes {
    my ($f, $c) = @_;

    generate($c, '-n', 1, '-H', $o{counted}, $f->{resumed} ? '-R' : ());
}


# instructions since the last one
sub dump_of {
    my ($c) = @_;
    my $at = $c->dir;
    my ($pid) = $c->workers;

    unlink glob "$at/callgrind.*";
    said('sh', '-c', 'exec callgrind_control --dump "$1" 2>&1', 'sh', $pid);

    my ($file) = glob "$at/callgrind.*"
        or die "callgrind wrote nothing into $at\n";
    my ($sum) = content($file) =~ /^(?:totals|summary): (\d+)/m
        or die "$file has no sum\n";

    return $sum;
}

1;
