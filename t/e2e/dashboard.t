#!/usr/bin/perl

# The dashboard as the gateway serves it: what it may load, who it says that
# one is, and that no page but itself gets a token with the browser's
# certificate.  The page itself is in t/browser/dashboard.t.

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP;
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use HarsTest suite => 0, redis => 1;
use HarsTest::People;

plan skip_all => 'build/dashboard is not there: make dashboard'
    if !-f "$HarsTest::Place::build/dashboard/index.html";

people(anna => 'patient', bea => 'caregiver');
gateway_start();

files();
me();
tokens();
gateway_stop();

done_testing();


sub plain { return ask(@_, token => 'none') }


sub files {
    my ($status, undef, $head) = plain('anna', 'GET', '/', undef);
    is($status, 302, 'the name alone');
    like($head, qr{^location: \S+/dashboard/\r?$}mi, '... leads to the page');

    ($status, my $page, $head) = plain('anna', 'GET', '/dashboard/', undef);
    is($status, 200, 'the page');
    like($head, qr{^content-type: text/html; charset=utf-8}mi, '... is HTML');
    for my $word ("default-src 'none'", "script-src 'self'",
                  "style-src 'self'", "connect-src 'self'",
                  "base-uri 'none'", "frame-ancestors 'none'") {
        like($head, qr/^content-security-policy: .*\Q$word\E/mi, $word);
    }
    unlike($head, qr/^content-security-policy: .*(?:unsafe|\*|https?:)/mi,
           '... and nothing unsafe or from elsewhere');
    like($head, qr/^x-content-type-options: nosniff/mi, 'no guessing');
    like($head, qr/^referrer-policy: no-referrer/mi, 'no referrer');
    unlike($page, qr/<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=/,
           'no script and no style in the page itself');

    for my $name (sort keys %{{ map { $_ => 1 }
                                $page =~ /(?:src|href)="([\w.]+)"/g }}) {
        my ($is, undef, $said) = plain('anna', 'GET', "/dashboard/$name",
                                       undef);
        is($is, 200, $name);
        like($said, qr{^content-type: (?:text/(?:css|javascript)|image/svg)}mi,
             '... with a type that browsers take');
    }

    ($status) = plain('anna', 'GET', '/dashboard/../index.html', undef);
    is($status, 401, 'nothing beside it');
    ($status) = ask('anna', 'GET', '/dashboard/', undef, token => 'none',
                    cert => 'none');
    is($status, 400, 'without a certificate there is no page');
}


sub me {
    for my $name (qw(anna bea)) {
        my ($status, $said, $head) = plain($name, 'GET',
                                           '/dashboard/me.json', undef);
        is_deeply($said, { client_id => $name,
                           resource => 'https://dcm.hars.localhost/' },
                  "$name: by the certificate");
        like($head, qr/^cache-control: no-store/mi, '... kept nowhere');
    }
}


sub tokens {
    my $own = url();
    my @page = ('-H', "Origin: $own", '-H', 'Sec-Fetch-Site: same-origin');
    my $body = 'grant_type=client_credentials&client_id=bea'
        . '&resource=https%3A%2F%2Fdcm.hars.localhost%2F';
    my $of = sub {
        my ($name, @args) = @_;
        return ask($name, 'POST', '/dashboard/token', $body, token => 'none',
                   type => 'application/x-www-form-urlencoded',
                   args => \@args);
    };

    my ($status, $said) = $of->('bea', @page);
    is($status, 200, 'the page gets a token');
    my $token = $said->{access_token} // '';

    ($status, $said) = ask('bea', 'GET', '/v1/me', undef, token => $token);
    is_deeply([$status, $said->{sub}], [200, sub_of('bea')],
              '... which works with its certificate');
    ($status) = ask('anna', 'GET', '/v1/me', undef, token => $token);
    is($status, 401, '... and with no other one');

    ($status) = $of->('anna', @page);
    is($status, 401, 'nobody gets the token of somebody else');

    my @other = ('-H', 'Origin: https://evil.example');
    my @none = ('-H', 'Sec-Fetch-Site: same-origin');
    for my $case (['no header of a page'],
                  ['another origin', @other, @none],
                  ['another site', @page[0, 1], '-H',
                   'Sec-Fetch-Site: cross-site'],
                  ['the same site', @page[0, 1], '-H',
                   'Sec-Fetch-Site: same-site'],
                  ['what somebody types', @page[0, 1], '-H',
                   'Sec-Fetch-Site: none'],
                  ['no origin', @none],
                  ['an origin that begins alike', '-H', "Origin: ${own}0",
                   @none],
                  ['two words', '-H', "Origin: $own same-origin $own",
                   @none]) {
        my ($name, @args) = @$case;
        my ($is, $answer, $head) = $of->('bea', @args);
        is($is, 403, "$name: no token");
        unlike($head, qr/^access-control/mi, '... and no CORS');
    }

    ($status) = ask('bea', 'GET', '/dashboard/token', undef, token => 'none',
                    args => \@page);
    is($status, 405, 'not by GET');
}
