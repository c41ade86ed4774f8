/*
 * The peer of bench/authserver.pl: oidc-provider in one process on a Unix
 * socket, tokens in a Map of the process, nothing durable.
 *
 *     node server.js SOCKET ISSUER CLIENTS SUBJECT SUBJECT-OF-RS [parse]
 *
 * Same work as hars-authserver's: client_credentials by tls_client_auth, the
 * certificate in Client-Cert (RFC 9440), the token opaque and bound to it;
 * introspection by a client that authenticates by its certificate; a token is
 * for one resource (RFC 8707).  Kinder to it: a certificate is read once and
 * never verified, nothing is durable, there are no metrics.  With "parse"
 * getCertificate() reads it each time that it is called, as in oidc-provider's
 * own tests; its documentation's example leaves that to the proxy in front.
 */

import { X509Certificate, webcrypto } from 'node:crypto';
import http from 'node:http';

/* what it takes for granted of a newer Node than Debian's */
globalThis.crypto ??= webcrypto;
URL.parse ??= (text, base) => {
    try {
        return new URL(text, base);
    } catch {
        return null;
    }
};

const { default: Provider } = await import('oidc-provider');

const [socket, issuer, clients, subject, introspector, how] =
    process.argv.slice(2);

const rows = new Map();
const certificates = new Map();


class Memory {
    constructor(name) {
        this.name = name;
    }

    key(id) {
        return `${this.name}:${id}`;
    }

    async upsert(id, payload) {
        rows.set(this.key(id), payload);
    }

    async find(id) {
        return rows.get(this.key(id));
    }

    async destroy(id) {
        rows.delete(this.key(id));
    }

    async consume(id) {
        rows.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
    }

    async findByUid() {}

    async findByUserCode() {}

    async revokeByGrantId() {}
}


function certificate(ctx) {
    const value = ctx.get('client-cert');

    if (!value) {
        return undefined;
    }

    if (!certificates.has(value)) {
        certificates.set(value, parsed(value));
    }

    return certificates.get(value);
}


function parsed(value) {
    return new X509Certificate(Buffer.from(value.slice(1, -1), 'base64'));
}


function parse(ctx) {
    const value = ctx.get('client-cert');

    return value ? parsed(value) : undefined;
}


function client(client_id, dn, scope) {
    return {
        client_id,
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: dn,
        tls_client_certificate_bound_access_tokens: true,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope,
    };
}


const provider = new Provider(issuer, {
    adapter: Memory,
    clients: [
        ...Array.from({ length: Number(clients) }, (_, i) =>
            client(`c-${i + 1}`, subject, 'ml:recognize')),
        client('rs', introspector),
    ],
    scopes: ['ml:recognize'],
    clientAuthMethods: ['tls_client_auth'],
    ttl: { ClientCredentials: 3600 },
    features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: {
            enabled: true,
            allowedPolicy: () => true,
        },
        resourceIndicators: {
            enabled: true,
            getResourceServerInfo: () => ({
                scope: 'ml:recognize',
                accessTokenFormat: 'opaque',
                accessTokenTTL: 3600,
            }),
        },
        mTLS: {
            enabled: true,
            certificateBoundAccessTokens: true,
            tlsClientAuth: true,
            getCertificate: how === 'parse' ? parse : certificate,
            certificateAuthorized: () => true,
            certificateSubjectMatches: (ctx, property, expected) =>
                certificate(ctx).subject.split('\n').reverse().join(',')
                    === expected,
        },
    },
});

provider.proxy = true;

http.createServer(provider.callback()).listen(socket, () => {
    console.log('listening');
});
