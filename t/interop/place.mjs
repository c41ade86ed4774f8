/*
 * Where everything is (HarsTest::Interop), how a client gets there with one
 * of the test's certificates, and how it says what it saw.  The names of the
 * gateway are looked up here: they stand in no resolver.
 */

import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Agent, fetch } from 'undici';

/* what the libraries ask of a Node 18, Debian 12's, to have */
globalThis.crypto ??= webcrypto;

export const place = JSON.parse(readFileSync(process.argv[2], 'utf8'));


function lookup(host, options, callback) {
    const address = { address: '127.0.0.1', family: 4 };

    if (!host.endsWith('.hars.localhost')) {
        callback(new Error(`${host} is not of this test`));
    } else if (options.all) {
        callback(null, [address]);
    } else {
        callback(null, address.address, address.family);
    }
}


/* fetch() by TLS 1.3 with the certificate of this name, or without one */
export function fetchWith(name) {
    const connect = {
        ca: readFileSync(place.ca),
        lookup,
        minVersion: 'TLSv1.3',
    };

    if (name) {
        connect.cert = readFileSync(`${place.pki}/${name}.pem`);
        connect.key = readFileSync(`${place.pki}/${name}.key`);
    }

    const dispatcher = new Agent({ connect, keepAliveTimeout: 1000 });

    return (url, options) => fetch(url, { ...options, dispatcher });
}


export function ok(held, name, why) {
    console.log(held ? `ok ${name}`
                     : `not ok ${name}: ${JSON.stringify(why) ?? ''}`);
}


export function is(got, wanted, name) {
    ok(got === wanted, name, { got, wanted });
}


/* resolves within two seconds: what becomes true behind the client's back */
export async function soon(condition) {
    const end = Date.now() + 2000;

    for ( ;; ) {
        if (await condition()) {
            return true;
        }

        if (Date.now() > end) {
            return false;
        }
    }
}


/* the error that a call has to end with */
export async function refused(call) {
    try {
        await call();
    } catch (error) {
        return error;
    }

    return {};
}


export async function run(checks) {
    for (const check of checks) {
        console.log(`# ${check.name}`);
        await check();
    }

    console.log('done');
    process.exit(0);
}
