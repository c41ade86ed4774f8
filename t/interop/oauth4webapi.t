#!/usr/bin/perl

# oauth4webapi of npm, unmodified, against the reference gateway: the
# strictest reader of answers there is, one call per request and one per
# answer.  Numbers in brackets are those of docs/authserver.md, "Checks".

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Interop;

HarsTest::Interop::start();
HarsTest::Interop::node('oauth4webapi.mjs',
    initial => HarsTest::Interop::initial('--refresh', '--uses', 2));
HarsTest::Interop::stop();
