#!/usr/bin/perl

# What README.md, docs/ and fuzz/README.md name is there: links, files, targets
# of make, directives with their contexts, settings, metrics, fuzz targets.
# And what is there of the latter is named.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
chdir $top or die "$top: $!\n";

my @pages = ('README.md', glob 'docs/*.md docs/*/*.md fuzz/README.md');
my %text = map { $_ => slurp($_) } @pages;
my $all = join "\n", values %text;

for my $page (@pages) {
    is_deeply([ grep { !leads($page, $_) }
                $text{$page} =~ /\]\(([^)\s]+)\)/g ], [], "$page: links");
    is_deeply([ grep { !there($page, $_) } $text{$page} =~ m{
                    (?<![\w./\\-]) ((?:t|bench|conf|docs|scripts|fuzz|backend
                    |common|ngx_hars_module|dashboard)/[\w./*-]*\w) }gx ],
              [], '... files');
}

is_deeply([ grep { !-e } slurp('Makefile') =~ m{\bT=(\w+/[\w./-]+)}g ], [],
          'files that the help of make names');

my %target = map { $_ => 1 } slurp('Makefile') =~ /^([a-z-]+):/mg;
is_deeply([ grep { !$target{$_} }
            uniq($all =~ m{(?:`|^    )make ([a-z-]+)(?!\S*/)}mg) ],
          [], 'targets of make');

is_deeply(documented(), directives(), 'directives and their contexts');

my $metric = qr/\bhars_(?:as|ml|dcm|fogcloud|fognode)_\w+/;
my @printed = map { slurp($_) =~ /"($metric)["{]/g }
    glob 'backend/*/*_metrics.c backend/*/*/*_metrics.c';
is_deeply([ uniq(grep { !/_t$|\.h/ } @printed) ],
          [ uniq(map { /($metric)/g }
                 grep { /^\| hars_/ } split /\n/,
                 $text{'docs/operations.md'}) ], 'metrics of the services');

for my $conf (qw(authserver dcm fogcloud fognode mlservice)) {
    my ($settings) = `build/bin/hars-$conf --help` =~ /^Settings.*?\n(.*)/ms;
    my %known = map { $_ => 1 } ($settings // '') =~ /^  ([a-z_]+)/mg;
    my @named = slurp("conf/$conf.conf") =~ /^#?([a-z_]+) = /mg;

    cmp_ok(scalar keys %known, '>', 4, "hars-$conf --help has settings");
    is_deeply([ grep { !$known{$_} } @named ], [], "... those of $conf.conf");

    my %named = map { $_ => 1 } @named, map { /\b([a-z_]+)\b/g }
        grep { /^\|/ } split /\n/, $all;
    is_deeply([ grep { !$named{$_} } sort keys %known ], [],
              '... which are there, or in a table of docs/');
}

is_deeply([ uniq(map { s/\.c$//r } map { basename($_) } glob 'fuzz/*.c') ],
          [ uniq(map { split /, / }
                 $text{'fuzz/README.md'}
                 =~ /^\| (?!target)(\w+(?:, \w+)*) \|/mg) ],
          'fuzz targets');

done_testing();


sub slurp {
    my ($name) = @_;

    open my $fh, '<', $name or die "$name: $!\n";
    local $/;
    return scalar <$fh>;
}


sub uniq {
    my %seen = map { $_ => 1 } @_;
    return sort keys %seen;
}


# a file and, behind "#", a heading as it is written in addresses
sub leads {
    my ($page, $link) = @_;

    return 1 if $link =~ m{^https?://};

    my ($file, $anchor) = $link =~ /^([^#]*)#?(.*)$/;
    $file = $file eq '' ? $page : dirname($page) . "/$file";

    return 0 if !-e $file;
    return 1 if $anchor eq '';

    return scalar grep { $_ eq $anchor }
        map { my $h = lc; $h =~ s/[^\w\- ]//g; $h =~ tr/ /-/r }
        slurp($file) =~ /^#+ (.*)$/mg;
}


sub there {
    my ($page, $name) = @_;

    return scalar grep { -e } glob(dirname($page) . "/$name"), glob($name),
        $name =~ m{/\w+$} ? glob("$name.[ch]") : ();
}


sub documented {
    my %contexts;

    for my $block (split /\n\n/, $text{'README.md'}) {
        my ($context) = $block =~ /^ +Context: +(.*)$/m or next;
        $contexts{$_} = join ' ', sort split /, /, $context
            for $block =~ /^(?: +Syntax:)? +(hars\w*) /mg;
    }

    return \%contexts;
}


sub directives {
    my %word = (MAIN => 'http', SRV => 'server', LOC => 'location');
    my %contexts;

    for my $file (glob 'ngx_hars_module/*.c') {
        my $code = slurp($file);

        while ($code =~ /\{ ngx_string\("(hars\w*)"\),\s+(NGX_HTTP_\S+),/g) {
            my ($name, $flags) = ($1, $2);
            $contexts{$name} = join ' ', sort map { $word{$_} }
                $flags =~ /NGX_HTTP_(MAIN|SRV|LOC)_CONF/g;
        }
    }

    return \%contexts;
}
