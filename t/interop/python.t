#!/usr/bin/perl

# Debian's python3-authlib and python3-oauthlib, unmodified, against the
# reference gateway: a token by certificate, the protected resource, what
# they make of errors.  Numbers in brackets are those of docs/authserver.md,
# "Checks".

use strict;
use warnings;

use lib 't/lib';

use HarsTest suite => 0, redis => 1;
use HarsTest::Interop;

HarsTest::Interop::start();
HarsTest::Interop::python('authlib-session.py');
HarsTest::Interop::python('oauthlib-backend.py');
HarsTest::Interop::stop();
