package HarsTest::Ledger;

# What an authorization server has acknowledged, while it may die at any
# moment, and what has to hold after it is back.
#
# Some workers ask for tokens, refresh and revoke them, register, enrol, and
# revoke certificates, at random. Each writes into a file of its own what it is about to ask, and what
# it was answered once it has read all of the answer:
#
#     try  KIND SUBJECT               did  KIND SUBJECT RESULT...
#
# A "try" that has no "did" may have happened or not; all others have. Each
# worker has tokens and families of its own, so that their order is known.

use strict;
use warnings;

use HarsTest::EndToEnd qw($dir $json %cert content wait_for write_file);
use HarsTest::Kept;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Time::HiRes qw(sleep);

my $workers = 4;
my $o = 'O=HARS Gateway demo';

# a kind as often as it stands here
my @kinds = (('issue') x 4, ('grant') x 2, ('refresh') x 4, ('revoke') x 3,
             'end', 'register', 'enrol', 'withdraw');

my %do = (issue => \&issue, grant => \&grant, refresh => \&refresh,
          revoke => \&revoke, end => \&end, register => \&register,
          enrol => \&enrol, withdraw => \&withdraw);


# initial: an initial access token of many uses; csr: for each worker
sub new {
    my ($class, %option) = @_;

    return bless { token => {}, family => {}, client => {}, cert => {},
                   maybe => 0, odd => [], did => {}, pid => [], %option },
                 $class;
}


sub workers { return $workers }


# forks the workers; "secrets" are for them to enrol with, one for each
sub begin {
    my ($self, $round, @secrets) = @_;

    unlink "$dir/stop";
    $self->{secret} = \@secrets;

    for my $i (0 .. $workers - 1) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            srand($round * $workers + $i);
            eval { $self->work($i); 1 } or print STDERR $@;
            POSIX::_exit(0);
        }

        push @{ $self->{pid} }, $pid;
    }
}


# till the server is away (persist: till it is back, and all is enough)
sub work {
    my ($self, $i) = @_;

    open my $fh, '>', "$dir/ledger.$i" or die "ledger.$i: $!\n";
    $fh->autoflush;
    $self->{fh} = $fh;
    $self->{me} = $i;
    $self->{http} = HarsTest::Kept->new("$dir/public.sock");
    my @family = grep { $_->{worker} == $i && $_->{state} eq 'live' }
                 values %{ $self->{family} };
    $self->{mine} = { family => { map { $_->{id} => $_ } @family },
                      token => [ map { $_->{token} }
                                 grep { $_->{worker} == $i
                                        && $_->{family} eq '-'
                                        && $_->{state} eq 'live' }
                                 values %{ $self->{token} } ],
                      cert => [ map { $_->{hex} }
                                grep { $_->{worker} == $i
                                       && $_->{state} eq 'live' }
                                values %{ $self->{cert} } ] };

    while (!-e "$dir/stop") {
        my $status = $do{ $kinds[rand @kinds] }->($self);

        if (!defined $status) {
            last if !$self->{persist};
            sleep 0.05;
        }
    }
}


# asks, and returns the answer that counts
sub ask {
    my ($self, $kind, $subject, $good, @request) = @_;

    print { $self->{fh} } "try\t$kind\t$subject\n";
    my ($status, $answer) = $self->{http}->send(@request);

    return if !defined $status;
    return ($status, $answer) if $status == $good;

    # the database is away, or a connection to it was
    print { $self->{fh} } "odd\t$kind\t$subject\t$status\n"
        if $status != 500 && $status != 503;
    sleep 0.02;

    return ($status);
}


sub did {
    my ($self, @word) = @_;

    print { $self->{fh} } join("\t", 'did', @word), "\n";
}


sub form {
    my (%field) = @_;

    return ('application/x-www-form-urlencoded',
            join '&', map { "$_=" . $field{$_} =~ s/ /+/gr } keys %field);
}


sub issue {
    my ($self) = @_;
    my ($status, $answer) =
        $self->ask('issue', '-', 200, 'POST', '/oauth2/token',
                   [$cert{'dcm-1'}],
                   form(grant_type => 'client_credentials',
                        client_id => 'dcm-1'));
    return $status if !$answer;

    $self->did('issue', '-', $answer->{access_token});
    push @{ $self->{mine}{token} }, $answer->{access_token};
    return $status;
}


# a family of refresh tokens begins
sub grant {
    my ($self) = @_;
    my ($status, $answer) =
        $self->ask('grant', '-', 200, 'POST', '/oauth2/token',
                   [$cert{'dcm-2'}],
                   form(grant_type => 'client_credentials',
                        client_id => 'dcm-2'));
    return $status if !$answer;

    $self->granted('grant', $answer);
    return $status;
}


sub granted {
    my ($self, $kind, $answer) = @_;
    my ($id) = parse($answer->{refresh_token});

    $self->did($kind, $id, $answer->{access_token},
               $answer->{refresh_token});
    $self->{mine}{family}{$id} = { id => $id,
                                   token => $answer->{refresh_token} };
}


# family and generation
sub parse {
    my ($id, $generation) =
        unpack 'H32 N', decode_base64url($_[0] =~ s/^hats_rt_//r);

    return ($id, $generation);
}


sub refresh {
    my ($self) = @_;
    my @id = keys %{ $self->{mine}{family} } or return 1;
    my $id = $id[rand @id];
    my ($status, $answer) =
        $self->ask('refresh', $id, 200, 'POST', '/oauth2/token',
                   [$cert{'dcm-2'}],
                   form(grant_type => 'refresh_token', client_id => 'dcm-2',
                        refresh_token => $self->{mine}{family}{$id}{token}));
    return $status if !$answer;

    $self->granted('refresh', $answer);
    return $status;
}


# an access token that has no family
sub revoke {
    my ($self) = @_;
    my $mine = $self->{mine}{token};
    return 1 if @$mine < 8;

    my ($token) = splice @$mine, rand @$mine, 1;
    my ($status, $answer) =
        $self->ask('revoke', $token, 200, 'POST', '/oauth2/revoke',
                   [$cert{'dcm-1'}],
                   form(client_id => 'dcm-1', token => $token));

    $self->did('revoke', $token) if defined $answer;
    return $status;
}


# a family, with all of it
sub end {
    my ($self) = @_;
    my @id = keys %{ $self->{mine}{family} };
    return 1 if @id < 3;

    my $family = delete $self->{mine}{family}{ $id[rand @id] };
    my ($status, $answer) =
        $self->ask('end', $family->{id}, 200, 'POST', '/oauth2/revoke',
                   [$cert{'dcm-2'}],
                   form(client_id => 'dcm-2', token => $family->{token}));

    $self->did('end', $family->{id}) if defined $answer;
    return $status;
}


sub register {
    my ($self) = @_;
    my ($status, $answer) =
        $self->ask('register', '-', 201, 'POST', '/oauth2/register',
                   [$cert{'dcm-1'}, "Authorization: Bearer $self->{initial}"],
                   'application/json',
                   $json->encode({ token_endpoint_auth_method =>
                                       'tls_client_auth',
                                   tls_client_auth_subject_dn =>
                                       "CN=dcm-1,$o" }));

    $self->did('register', '-', $answer->{client_id}) if $answer;
    return $status;
}


sub enrol {
    my ($self) = @_;
    my $secret = delete $self->{secret}[ $self->{me} ] // return 1;
    my ($status, $answer) =
        $self->ask('enrol', $self->{me}, 200, 'POST',
                   '/.well-known/est/simpleenroll',
                   ["Authorization: Basic $secret"], 'application/pkcs10',
                   $self->{csr}[ $self->{me} ]);

    $self->did('enrol', $self->{me}, $answer =~ s/\s//gr) if $answer;
    return $status;
}


# a certificate, by an operator
sub withdraw {
    my ($self) = @_;
    my $hex = shift @{ $self->{mine}{cert} } // return 1;
    my ($status, $answer) =
        $self->ask('withdraw', $hex, 200, 'POST', '/oauth2/revoke',
                   [$cert{oscar}],
                   form(client_id => 'oscar', hars_thumbprint =>
                            encode_base64url(pack 'H*', $hex)));

    $self->did('withdraw', $hex) if defined $answer;
    return $status;
}


# how many answers there are by now
sub answers {
    my $n = 0;

    $n += () = content("$dir/ledger.$_") =~ /^did\t/mg for 0 .. $workers - 1;

    return $n;
}


# the workers are at their end; what they wrote becomes what has to hold
sub finish {
    my ($self) = @_;

    write_file('stop', '');
    for my $pid (splice @{ $self->{pid} }) {
        wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 60)
            or do { kill 'KILL', $pid; waitpid $pid, 0 };
    }

    $self->{touched} = { token => {}, family => {} };
    $self->{enrolled} = [];
    $self->{maybe} = 0;

    for my $i (0 .. $workers - 1) {
        my $open;

        for my $line (split /\n/, content("$dir/ledger.$i")) {
            my ($word, $kind, $subject, @result) = split /\t/, $line;

            if ($word eq 'odd') {
                push @{ $self->{odd} }, $line;

            } elsif ($word eq 'did') {
                $self->{did}{$kind}++;
                $self->apply($i, 'live', $kind, $subject, @result);
                undef $open;

            } else {
                $self->apply($i, 'maybe', @$open) if $open;
                $open = [$kind, $subject];
            }
        }

        $self->apply($i, 'maybe', @$open) if $open;
    }
}


sub apply {
    my ($self, $i, $state, $kind, $subject, @result) = @_;
    my $ended = $state eq 'live' ? 'revoked' : 'maybe';

    if ($kind =~ /^(issue|grant|refresh)$/ && @result) {
        $self->{token}{ $result[0] } = {
            token => $result[0], state => 'live', worker => $i,
            family => $subject };
        $self->{touched}{token}{ $result[0] } = 1;
    }

    if ($kind =~ /^(grant|refresh)$/ && @result) {
        $self->{family}{$subject} = { id => $subject, state => 'live',
                                      worker => $i, token => $result[1] };
    }

    $self->{touched}{family}{$subject} = 1
        if $kind =~ /^(grant|refresh|end)$/ && $subject ne '-';

    if ($kind eq 'revoke') {
        $self->{token}{$subject}{state} = $ended;
        $self->{touched}{token}{$subject} = 1;
    }

    if ($kind eq 'end') {
        $self->{family}{$subject}{state} = $ended;
        for my $token (grep { $_->{family} eq $subject }
                       values %{ $self->{token} })
        {
            $token->{state} = $ended;
            $self->{touched}{token}{ $token->{token} } = 1;
        }
    }

    if ($kind eq 'register') {
        @result ? $self->{client}{ $result[0] } = 1 : $self->{maybe}++;
    }

    $self->{cert}{$subject}{state} = $ended if $kind eq 'withdraw';
    $self->{enrolled}[$subject] = $result[0] // '' if $kind eq 'enrol';
}


# what does not hold, of all or of what the last round touched
sub check {
    my ($self, $all) = @_;
    my @wrong;
    my $http = HarsTest::Kept->new("$dir/gateway.sock");

    for my $token ($all ? keys %{ $self->{token} }
                        : keys %{ $self->{touched}{token} })
    {
        my $t = $self->{token}{$token};
        my ($status, $answer) =
            $http->post('/introspect', [], token => $token);
        my $state = ref $answer && $status == 200
            ? ($answer->{active} ? 'live' : 'revoked') : 'not answered';

        push @wrong, "a token that was $t->{state} is $state"
            if $t->{state} ne $state
               && !($t->{state} eq 'maybe' && $state ne 'not answered');
        $t->{state} = $state;
    }

    return (@wrong, $self->check_families($all));
}


# an enrolled certificate of a worker, by its thumbprint
sub has_certificate {
    my ($self, $i, $hex) = @_;

    $self->{cert}{$hex} //= { hex => $hex, worker => $i, state => 'live' };
}


# those in a list are revoked, all others are not
sub check_certificates {
    my ($self, @revoked) = @_;
    my %revoked = map { $_ => 1 } @revoked;
    my @wrong;

    for my $cert (values %{ $self->{cert} }) {
        my $state = $revoked{ $cert->{hex} } ? 'revoked' : 'live';

        push @wrong, "a certificate that was $cert->{state} is $state"
            if $cert->{state} ne $state && $cert->{state} ne 'maybe';
        $cert->{state} = $state;
    }

    return @wrong;
}


# the last refresh token that was answered gives the next one, always: the
# one that was lost on its way is the same
sub check_families {
    my ($self, $all) = @_;
    my @wrong;
    my $http = HarsTest::Kept->new("$dir/public.sock");

    for my $id ($all ? keys %{ $self->{family} }
                     : keys %{ $self->{touched}{family} })
    {
        my $f = $self->{family}{$id};
        my ($status, $answer) =
            $http->post('/oauth2/token', [$cert{'dcm-2'}],
                        grant_type => 'refresh_token', client_id => 'dcm-2',
                        refresh_token => $f->{token});
        $status //= 0;
        my $state = $status == 200 ? 'live'
            : $status == 400 && $answer->{error} eq 'invalid_grant'
            ? 'revoked' : "answered with $status";

        push @wrong, "a family that was $f->{state} is $state"
            if $f->{state} ne $state
               && !($f->{state} eq 'maybe' && $state =~ /^(live|revoked)$/);

        if ($status == 200) {
            my ($was, $is) = map { (parse($_))[1] }
                             $f->{token}, $answer->{refresh_token};
            push @wrong, "generation $was of a family led to $is"
                if $is != $was + 1;
            $self->apply($f->{worker}, 'live', 'refresh', $id,
                         @{$answer}{qw(access_token refresh_token)});

        } else {
            $f->{state} = $state;
        }
    }

    return @wrong;
}

1;
