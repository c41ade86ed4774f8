#!/usr/bin/perl

# The dashboard's modules with answers that come late, wrong or at midnight:
# page.mjs, by node, without a browser.

use strict;
use warnings;

exec 'node', 't/browser/page.mjs' or die "node: $!\n";
