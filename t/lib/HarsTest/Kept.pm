package HarsTest::Kept;

# A connection to a Unix socket that is kept for many requests (HTTP/1.1).
#
#   my $kept = HarsTest::Kept->new("$dir/public.sock");
#   my ($status, $body) = $kept->post('/oauth2/token', [headers], a => 1, ...);
#
# An answer counts when all of it was read; nothing is asked twice. Where it
# ends before, or takes longer than 20 s, the list is empty, and the next
# request makes a new connection.

use strict;
use warnings;

use IO::Socket::UNIX;
use JSON::PP;

my $json = JSON::PP->new;


sub new {
    my ($class, $path) = @_;

    return bless { path => $path }, $class;
}


# a form; a field that is a list stands several times
sub post {
    my ($self, $path, $headers, @field) = @_;
    my @pair;

    while (my ($name, $value) = splice @field, 0, 2) {
        push @pair, join '=', map { s/([^\w.~-])/sprintf '%%%02X', ord $1/ger }
                              $name, $value;
    }

    return $self->send('POST', $path, $headers,
                       'application/x-www-form-urlencoded', join '&', @pair);
}


# status, the answer (decoded where it is JSON)
sub send {
    my ($self, $method, $path, $headers, $type, $body) = @_;

    my @answer = eval {
        local $SIG{ALRM} = sub { die "late\n" };
        local $SIG{PIPE} = 'IGNORE';
        alarm 20;
        $self->{socket} //= IO::Socket::UNIX->new(Peer => $self->{path})
            // die "no connection\n";
        print { $self->{socket} } join "\r\n", "$method $path HTTP/1.1",
            'Host: localhost', @$headers, "Content-Type: $type",
            'Content-Length: ' . length $body, '', $body;
        $self->{socket}->flush or die "closed\n";
        read_answer($self->{socket});
    };

    alarm 0;
    delete $self->{socket} if @answer == 0;

    return @answer;
}


sub read_answer {
    my ($s) = @_;

    my $line = <$s> // die "closed\n";
    my ($status) = $line =~ m{^HTTP/1\.1 (\d+)} or die "no answer: $line";
    my $length;

    while (1) {
        $line = <$s> // die "closed\n";
        last if $line eq "\r\n";
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
    }

    my $body = '';
    $length // die "no length\n";
    while (length $body < $length) {
        read $s, $body, $length - length $body, length $body or die "short\n";
    }

    return ($status, eval { $json->decode($body) } // $body);
}

1;
