package HarsTest::Servers;
use strict;
use warnings;
1;
