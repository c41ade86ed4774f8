"""Where everything is (HarsTest::Interop), how a client gets there, and how
it says what it saw.  The names of the gateway are looked up here: they stand
in no resolver."""

import json
import socket
import sys

place = json.load(open(sys.argv[1]))
resolver = socket.getaddrinfo


def getaddrinfo(host, *more, **named):
    if str(host).endswith('.hars.localhost'):
        host = '127.0.0.1'
    return resolver(host, *more, **named)


socket.getaddrinfo = getaddrinfo


def certificate(name):
    return ('%s/%s.pem' % (place['pki'], name),
            '%s/%s.key' % (place['pki'], name))


def settle(session, name):
    """TLS of a session of python3-requests: the environment has no word."""
    session.trust_env = False
    session.verify = place['ca']
    session.cert = certificate(name)
    return session


def equal(got, wanted, name):
    if got == wanted:
        print('ok', name)
    else:
        print('not ok %s: %r is not %r' % (name, got, wanted))
