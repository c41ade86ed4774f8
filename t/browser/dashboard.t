#!/usr/bin/perl

# The dashboard in Chromium: a patient connects a caregiver, who sees the
# jogging as it comes; the patient sees that, and takes the access away, which
# the caregiver's page says.  By the keyboard, on a phone's width, without a
# fault in the console.

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Browser;
use HarsTest::ML qw(ml_shared ml_walking);
use HarsTest::People;
use HarsTest::Reference;
use Test::More;

$> == 0 or BAIL_OUT('Chromium\'s policy stands in /etc: run this as root');

my $shots = $ENV{SHOTS};

people(anna => 'patient', bea => 'caregiver');
gateway_start();

my $place = HarsTest::Reference::place();
my %chromium = map { $_ => HarsTest::Browser->new($_, certificate_of($_),
    $place->{ca}, 'HARS Gateway demo') } qw(anna bea);

alone();
connects();
live();
again();
keyboard();
phone();
disconnects();

$_->quit for values %chromium;
gateway_stop();
done_testing();


sub anna { return $chromium{anna}->does(@_) }
sub bea { return $chromium{bea}->does(@_) }


sub clean {
    my ($name, $when) = @_;

    is_deeply($chromium{$name}->does('faults'), [],
              "$when: nothing in ${name}'s console");
}


sub shot {
    my ($name, $file) = @_;

    $chromium{$name}->does(shot => file => "$shots/$file.png") if $shots;
}


# some seconds of it, of a person of the shared data
sub jogging {
    my $file = ml_shared() . '/har/motionsense/sub_01.csv.gz';
    my @rows;

    open my $fh, '-|', 'gzip', '-dc', $file or die "gzip: $!\n";
    while (<$fh>) {
        my (undef, $activity, $trial, @row) = split /,/;
        push @rows, [ map { $_ + 0 } @row ]
            if $activity eq 'jogging' && $trial == 9;
    }
    close $fh;

    return [ @rows[500 .. 1011] ];
}


sub upload {
    my ($id, $from, $rows) = @_;
    my $at = $from - $rows->[0][0];
    my $t = sub { return 0 + sprintf('%.3f', $_[0] + $at) };

    my ($status, $said) = ask('anna', 'POST', "/v1/recordings?id=$id", {
        sampling_rate_hz => 50,
        placement => 'pocket',
        acceleration => [ map { [ $t->($_->[0]), @$_[1 .. 3] ] } @$rows ],
        rotation => [ map { [ $t->($_->[0]), @$_[4 .. 6] ] } @$rows ],
        heart_rate => [ map { [ $t->($rows->[0][0] + $_), 90 + $_ ] } 0 .. 9 ],
    });
    is($status, 201, "anna's phone sends $id") or diag explain $said;
}


sub alone {
    is(bea(go => url => url() . '/dashboard/'), 200, 'bea opens the page');
    ok(bea(see => text => 'Nobody has given you access yet.'),
       '... and is told what to do');
    ok(bea(see => text => sub_of('bea')), '... with her id');
    clean('bea', 'nobody connected');
}


sub connects {
    is(anna(go => url => url() . '/dashboard/'), 200, 'anna opens hers');
    ok(anna(see => text => 'Who has access'), 'who has access');
    ok(anna(see => text => 'Nobody but you.'), '... nobody yet');

    anna(fill => label => 'Their id', value => sub_of('bea'));
    anna(fill => label => 'Their name', value => '<b>Bea</b> & "co"');
    anna(click => role => 'button', name => 'Give access');
    ok(anna(see => text => 'Access was given.'), 'anna connects bea');
    ok(anna(see => text => '<b>Bea</b> & "co", caregiver, until'),
       '... whose name is text, and no HTML');

    anna(fill => label => 'As those see it who have access',
         value => 'Anna <i>A.</i>');
    anna(click => role => 'button', name => 'Save');
    ok(anna(see => text => 'Your name was saved.'), 'anna says her name');
    clean('anna', 'connected');
    shot('anna', 'patient');
}


sub live {
    is(bea(go => url => url() . '/dashboard/'), 200, 'bea looks again');
    ok(bea(see => text => 'Nothing was recorded today yet.'),
       '... at nothing yet');

    my $begun = time;
    upload('walk', $begun, ml_walking());
    ok(bea(see => text => 'walking, since', within => 30),
       'anna walks: bea sees it without asking again');
    clean('bea', 'live');
    shot('bea', 'caregiver');

    ok(anna(see => text => 'walking, since', within => 30),
       '... and so does anna');

    SKIP: {
        if (!-f ml_shared() . '/har/motionsense/sub_01.csv.gz') {
            diag('SKIPPED: ' . ml_shared() . '/har is not there');
            skip 'no shared data', 2;
        }

        upload('jog', $begun + 11, jogging());
        ok(bea(see => text => 'jogging, since', within => 30),
           'anna jogs: bea sees that, too');
    }
}


sub again {
    is(bea(go => url => url() . '/dashboard/'), 200, 'bea comes back');
    ok(bea(see => text => 'Activities of Anna <i>A.</i>'),
       '... to Anna, whose name is text');
    ok(bea(see => text => 'walking: '), '... and sees what was');
    ok(bea(see => text => 'in beats per minute'), '... with the heart rate');
    ok(bea(js => code => 'document.querySelector("#heart canvas") != null'),
       '... and its chart');
    like(bea('tree'), qr/img "Timeline of today: .*walking/,
         '... a screen reader hears it');

    is(anna(go => url => url() . '/dashboard/'), 200, 'anna comes back');
    ok(anna(see => text => 'activities'), '... and sees who looked');
}


sub keyboard {
    bea('js', code => 'document.activeElement.blur(), true');
    bea(press => key => 'Tab');
    is(bea('focus'), 'Skip to the activities', 'the first stop skips');

    my %stops;
    for (1 .. 12) {
        anna(press => key => 'Tab');
        $stops{ anna('focus') } = 1;
    }
    ok($stops{'Their id'}, 'the form is reached by Tab');
    ok((grep { /^Take access away from/ } keys %stops),
       '... and what takes access away');
}


sub phone {
    bea(size => width => 360, height => 740);
    ok(HarsTest::Place::wait_for(5, sub {
        bea(js => code => 'document.documentElement.scrollWidth <= 360');
    }), 'nothing is wider than a phone');
    shot('bea', 'phone');
}


sub disconnects {
    anna(click => role => 'button', name => qq(Take access away from <b>Bea</b> & "co"));
    ok(anna(see => text => 'Take access away from <b>Bea</b>'),
       'anna is asked once more');
    anna(press => key => 'Escape');
    ok(anna(see => text => 'caregiver, until'), '... and may think again');

    anna(click => role => 'button', name => qq(Take access away from <b>Bea</b> & "co"));
    anna(click => role => 'button', name => 'Take access away');
    ok(anna(see => text => 'has no access any more.'), 'access is gone');
    ok(bea(see => text => 'Your access to this patient has ended.',
           within => 10), 'bea\'s page says so');
    ok(bea(gone => text => 'walking: '), '... and shows nothing any more');
    shot('bea', 'ended');
}
