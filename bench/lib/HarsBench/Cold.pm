package HarsBench::Cold;

# Every token is asked for once, the first time, over 64 kept connections, for
# two seconds at most.
#
# "foreign": an authority of another make, which each contender asks by HTTP.
# "filled": the record is in Redis; another zone of the same gateway has put it
# there.  "own": hars-authserver has put it there when it issued the token.
# With the last two there is no authority behind "/": a token that is not found
# in Redis would be answered by 503, and end the run.

use strict;
use warnings;

use HarsTest::Authserver;
use HarsTest::Redis;

use HarsBench::Behind;
use HarsBench::Run;
use HarsBench::Table;

our @columns = HarsBench::Table::requests();


sub takes {
    my ($f, @of) = @_;

    return @of * $o{rounds} * ($f->{from} eq 'foreign' ? 1 : 0.6)
        + ($f->{from} eq 'own' ? $o{rounds} * $o{cold} / 2500 : 0);
}


# before the contenders start
sub around {
    my ($f) = @_;

    return if $f->{from} eq 'foreign';

    HarsTest::Redis::start();
    HarsTest::Redis::told() if $f->{from} eq 'filled';
    issue($f) if $f->{from} eq 'own';
}


sub after {
    my ($f) = @_;

    return if $f->{from} eq 'foreign';

    HarsTest::Authserver::stop() if $f->{from} eq 'own';
    HarsTest::Redis::stop();
}


# the tokens of all rounds, in a file for each
sub issue {
    my ($f) = @_;
    my $form = "$dir/issue.form";
    my @token;

    HarsTest::Authserver::start();
    write_lines($form, 'grant_type=client_credentials&client_id=client-a'
                . '&scope=ml:recognize&resource=https://ml.hars.localhost/');

    while (@token < $o{rounds} * $o{cold}) {
        said("$build/bench/httpload", '-s', 2, '-B', $form, '-o',
             "$dir/issued", '-H', 'Client-Cert: :' . certificate() . ':',
             '-H', 'X-Forwarded-Proto: https',
             'unix:' . HarsTest::Authserver::public_socket(),
             '/oauth2/token');
        push @token, split ' ', content("$dir/issued");
    }

    write_lines("$dir/own-$_.tokens", splice @token, 0, $o{cold})
        for 1 .. $o{rounds};
}


sub certificate {
    require MIME::Base64;
    return MIME::Base64::encode_base64(HarsTest::Place::der('a'), '');
}


sub write_lines {
    my ($file, @lines) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh "$_\n" for @lines;
    close $fh or die "$file: $!\n";
}


# a worker hears of revocations a moment after its start; until then no record
# of Redis counts
sub prepare {
    my ($f, $said, @c) = @_;

    return if $f->{from} eq 'foreign';

    my ($hars) = grep { $_->name eq 'hars' } @c;
    my $token = 'one-token';

    if ($f->{from} eq 'own') {
        $token = HarsTest::Authserver::token('a');
    } else {
        $hars->asked('a', '/fill') == 200 or die "/fill does not answer\n";
    }

    HarsTest::Place::wait_for(10, sub {
        return $hars->asked('a', '/', $token) == 200;
    }) or die "hars does not believe what is in Redis\n";
}


sub measure {
    my ($f, $c, $round) = @_;
    my @tokens = ('-g', "cold-$round", '-n', $o{cold}, '-d', 'once');

    @tokens = ('-t', "$dir/own-$round.tokens", '-d', 'once')
        if $f->{from} eq 'own';
    fill($c, @tokens) if $f->{from} eq 'filled' && $c->name eq 'hars';

    my $asked = HarsBench::Behind::asked();
    my $got = generate($c, @tokens, '-s', 2);
    my $asks = HarsBench::Behind::asked() > $asked;
    my $may = $f->{from} eq 'foreign' && $c->name ne 'plain';

    die $c->name, $asks ? ': asks the authority' : ': asks nobody', "\n"
        if $asks xor $may;

    return map { $_ => $got->{$_} }
        qw(cpu_us per_second own behind p50_us p99_us p999_us);
}


# records go to Redis behind the answer's back
sub fill {
    my ($c, @tokens) = @_;
    my $before = HarsTest::Redis::redis('DBSIZE');

    generate($c, '/fill', @tokens);
    HarsTest::Place::wait_for(10, sub {
        return HarsTest::Redis::redis('DBSIZE') >= $before + $o{cold};
    }) or die "not all records came to Redis\n";
}

1;
