#!/usr/bin/perl

# openid-client of npm, unmodified, against the reference gateway: discovery,
# client_credentials by certificate, the protected resource, introspection,
# revocation, and the errors as it reads them.  Numbers in brackets are those
# of docs/authserver.md, "Checks".

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Interop;

HarsTest::Interop::start();
HarsTest::Interop::node('openid-client.mjs',
    initial => HarsTest::Interop::initial('--refresh', '--uses', 2));
HarsTest::Interop::stop();
