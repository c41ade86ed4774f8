package HarsBench::Options;

# What a benchmark was told on its command line.  The head of its file says
# what that may be; --help prints the head.

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use Getopt::Long;

our @EXPORT = qw(options wrong);


# options(\%o, SPECIFICATION...), as GetOptions(); what is no option stays in
# @ARGV
sub options {
    my ($o, @specification) = @_;
    my $help;

    GetOptions($o, 'help|h' => \$help, @specification) or wrong();

    if ($help) {
        print head();
        exit 0;
    }
}


sub wrong {
    my ($why) = @_;

    print STDERR "$why\n" if defined $why;
    print STDERR "$0 --help says what may be said\n";
    exit 2;
}


sub head {
    open my $fh, '<', "$FindBin::Bin/$FindBin::Script" or die "$0: $!\n";
    local $/ = '';
    my (undef, $head) = (scalar <$fh>, scalar <$fh>);

    return $head =~ s/^# ?//gmr =~ s/\n+\z/\n/r;
}

1;
