package HarsTest::SSE;

# A stream of server-sent events on a Unix socket, read as it comes.
#
#   my $s = HarsTest::SSE->new($socket, '/v1/.../events', %header);
#   is($s->status, 200);
#   my $event = $s->event(5);      id, event, data (decoded); undef: none came
#   ok($s->ended(2)); $s->close;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use Time::HiRes qw(time);

my $json = JSON::PP->new;


sub new {
    my ($class, $socket, $path, %header) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $socket) or die "connect: $!\n";
    my $self = bless { s => $s, raw => '', text => '' }, $class;

    local $SIG{PIPE} = 'IGNORE';
    $s->syswrite("GET $path HTTP/1.1\r\nHost: dcm\r\n"
                 . join('', map { "$_: $header{$_}\r\n" } sort keys %header)
                 . "\r\n");

    my $end = time + 5;
    while ($self->{raw} !~ /\r\n\r\n/ && time < $end) {
        last if !$self->more($end - time);
    }

    ($self->{header}, $self->{raw}) = split /\r\n\r\n/, $self->{raw}, 2;
    $self->{raw} //= '';

    return $self;
}


sub header { return $_[0]{header} }
sub status { return $_[0]{header} =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0 }
sub close  { $_[0]{s}->close }


# bytes that come within so many seconds; false at the end
sub more {
    my ($self, $seconds) = @_;

    return 1 if !IO::Select->new($self->{s})->can_read($seconds);
    my $n = sysread $self->{s}, $self->{raw}, 65536, length $self->{raw};

    return $self->{over} = 0 if !$n;
    return 1;
}


# the text of whole chunks; false once the last one was there
sub chunks {
    my ($self) = @_;

    while ($self->{raw} =~ /^([0-9a-fA-F]+)\r\n/) {
        my ($head, $len) = (length($1) + 2, hex $1);
        return 0 if $len == 0;
        last if length $self->{raw} < $head + $len + 2;
        $self->{text} .= substr $self->{raw}, $head, $len;
        $self->{raw} = substr $self->{raw}, $head + $len + 2;
    }

    return 1;
}


sub event {
    my ($self, $seconds) = @_;
    my $end = time + $seconds;

    while (time < $end) {
        my $on = $self->chunks;

        while ($self->{text} =~ s/^(.*?)\n\n//s) {
            my %field = map { /^(\w+): (.*)/ ? ($1 => $2) : () }
                split /\n/, $1;
            next if !defined $field{data};
            $field{data} = $json->decode($field{data});
            return \%field;
        }

        last if !$on || !$self->more($end - time);
    }

    return;
}


# has it ended, properly, within so many seconds?
sub ended {
    my ($self, $seconds) = @_;
    my $end = time + $seconds;

    while (time < $end) {
        return 1 if !$self->chunks;
        return 0 if !$self->more($end - time);
    }

    return 0;
}

1;
