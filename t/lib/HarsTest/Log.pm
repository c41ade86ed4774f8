package HarsTest::Log;

# What no error log of a test may hold: an alert, a report of a sanitizer, a
# token.  Every test is thereby also a test for leaks of all three kinds.

use strict;
use warnings;

my @bad = (
    [ qr/\[alert\]/,                        'an alert' ],
    [ qr/\[emerg\]/,                        'an emergency' ],
    [ qr/Sanitizer|: runtime error: /,      'a report of a sanitizer' ],
    [ qr/^==\d+== (?!Memcheck|Copyright|Using|Command|Parent)/,
                                            'a report of valgrind' ],
);


# faults($path, tokens => [...], allow => qr/.../): what is wrong, as texts
sub faults {
    my ($path, %o) = @_;
    my @faults;

    open my $fh, '<', $path or return;

    while (my $line = <$fh>) {
        chomp $line;
        next if $o{allow} && $line =~ $o{allow};

        for my $bad (@bad) {
            if ($line =~ $bad->[0]) {
                push @faults, "$bad->[1] in the error log: $line";
            }
        }

        for my $token (@{ $o{tokens} // [] }) {
            if (index($line, $token) >= 0) {
                push @faults, "a token in the error log: $line";
            }
        }
    }

    return @faults > 5 ? @faults[0 .. 4] : @faults;
}

1;
