/*
 * oauth4webapi (npm): each request and the reading of its answer by itself.
 * It checks content types, the issuer, the form of errors and of challenges.
 */

import * as oauth from 'oauth4webapi';

import { fetchWith, is, ok, place, refused, run, soon } from './place.mjs';

const issuer = new URL(place.issuer);
const models = new URL(`${place.ml}/v1/models`);
const a = { [oauth.customFetch]: fetchWith('a') };
const b = { [oauth.customFetch]: fetchWith('b') };
const own = { client_id: 'client-a', use_mtls_endpoint_aliases: true };
const server = { client_id: 'rs', use_mtls_endpoint_aliases: true };
const certificate = oauth.TlsClientAuth();

const as = await oauth.processDiscoveryResponse(issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...a }));


function grant(parameters, client = own, options = a) {
    return oauth.clientCredentialsGrantRequest(as, client, certificate,
        new URLSearchParams(parameters), options)
        .then((response) =>
            oauth.processClientCredentialsResponse(as, client, response));
}


async function token() {
    return (await grant({ scope: 'ml:recognize' })).access_token;
}


function introspect(value, client = server, options = b) {
    return oauth.introspectionRequest(as, client, certificate, value, options)
        .then((response) =>
            oauth.processIntrospectionResponse(as, client, response));
}


function revoke(value, options = {}) {
    return oauth.revocationRequest(as, own, certificate, value,
                                   { ...a, ...options })
        .then(oauth.processRevocationResponse);
}


function read(value, options = a) {
    return oauth.protectedResourceRequest(value, 'GET', models, undefined,
                                          undefined, options);
}


function metadata() {
    is(as.issuer, place.issuer, '[41] RFC 8414, 3.3: the issuer');
    ok(as.token_endpoint_auth_methods_supported.includes('tls_client_auth'),
       '[26] tls_client_auth', as);

    for (const name of ['token', 'introspection', 'revocation']) {
        ok(as.mtls_endpoint_aliases[`${name}_endpoint`]
               .startsWith(`${place.issuer}/`),
           `[26] RFC 8705, 5: the alias of ${name}`);
    }
}


async function grants() {
    const said = await grant({ scope: 'ml:recognize',
                               resource: place.resource });

    is(said.token_type, 'bearer', '[4] RFC 6749, 5.1: the answer');
    is((await read(said.access_token)).status, 200, 'the protected resource');

    const thief = await refused(() => read(said.access_token, b));
    is(thief.cause?.[0]?.scheme, 'bearer', 'RFC 6750, 3: the challenge');
    is(thief.cause?.[0]?.parameters?.error, 'invalid_token', '... its error');

    const paper = await grant({ response_type: 'token' });
    ok(paper.access_token, '[2] response_type, as the paper sends it');
}


async function introspection() {
    const value = await token();
    const said = await introspect(value);

    is(said.active, true, 'RFC 7662, 2.2');
    is(said.scope, 'ml:recognize', '... scope');
    is(said.cnf['x5t#S256'], place.thumbprint.a, '[21] RFC 8705, 3.2');
    ok(Number.isInteger(said.exp) && Number.isInteger(said.iat)
       && said.exp > said.iat, '[34] times are integers', said);

    const unknown = await introspect('unknown');
    is(JSON.stringify(unknown), '{"active":false}', '[31] exactly this');
    is((await introspect(value, server, {
        ...b, additionalParameters: { token_type_hint: 'refresh_token' },
    })).active, true, '[33] a hint is a hint');
}


/* the answer as a JWT, whose signature the library checks by our jwks_uri */
async function signed() {
    const value = await token();

    for (const [wanted, active] of [[value, true], ['unknown', false]]) {
        const response = await oauth.introspectionRequest(as, server,
            certificate, wanted, { ...b, requestJwtResponse: true });

        is(response.headers.get('content-type'),
           'application/token-introspection+jwt', '[35] RFC 9701, 5');

        const said = await oauth.processIntrospectionResponse(as, server,
                                                              response);
        is(said.active, active, `... ${active ? '' : 'in'}active`);
        await oauth.validateApplicationLevelSignature(as, response, b);
        ok(true, '... signed by a key of jwks_uri');
    }
}


async function resource() {
    const response = await oauth.resourceDiscoveryRequest(
        new URL(place.ml), a);
    const said = await oauth.processResourceDiscoveryResponse(
        new URL(place.resource), response);

    is(said.authorization_servers[0], place.issuer,
       'RFC 9728: who gives tokens for the resource');
}


async function refresh() {
    const client = { ...own, client_id: 'refresher' };
    const again = (value) => oauth.refreshTokenGrantRequest(as, client,
        certificate, value, a).then((response) =>
            oauth.processRefreshTokenResponse(as, client, response));

    const first = await grant({ scope: 'ml:recognize' }, client);
    const second = await again(first.refresh_token);

    is((await introspect(second.access_token)).active, true,
       'RFC 6749, 6: refreshed');
    is((await introspect(second.refresh_token, client, a)).active, true,
       'a refresh token, to its client');

    await oauth.processRevocationResponse(await oauth.revocationRequest(as,
        client, certificate, second.refresh_token, a));
    is((await introspect(second.access_token)).active, false,
       '[36] RFC 7009, 2.1: revoked with its access tokens');

    const ended = await refused(() => again(second.refresh_token));
    is(ended.error, 'invalid_grant', '... and good for nothing');
}


async function revocation() {
    const value = await token();

    is((await read(value)).status, 200, 'a token is good');
    await revoke(value, {
        additionalParameters: { token_type_hint: 'refresh_token' } });
    is((await introspect(value)).active, false, '[36] RFC 7009: revoked');
    ok(await soon(async () =>
        (await refused(() => read(value))).status === 401),
       '... at the gateway, too');
    await revoke('unknown');
    ok(true, '[36] an unknown one: 200');
}


/* RFC 7592 has no calls of its own there: plain requests */
async function registration() {
    const register = (metadata, options = a) =>
        oauth.dynamicClientRegistrationRequest(as,
            { token_endpoint_auth_method: 'tls_client_auth', ...metadata },
            { initialAccessToken: place.initial, ...options })
            .then(oauth.processDynamicClientRegistrationResponse);
    const wrong = await refused(() => register(
        { tls_client_auth_subject_dn: 'CN=somebody' }));

    ok(wrong instanceof oauth.ResponseBodyError,
       '[38] RFC 7591, 3.2.2: an error', wrong.message);
    is(wrong.error, 'invalid_client_metadata', '... which');

    const none = await refused(() => register(
        { tls_client_auth_subject_dn: place.subject.a },
        { ...a, initialAccessToken: 'hats_iat_nothing' }));
    is(none.cause?.[0]?.parameters?.error, 'invalid_token',
       '[37] RFC 6750, 3: the challenge of no initial access token');

    const made = await register(
        { tls_client_auth_subject_dn: place.subject.a, software_id: 'x' });
    const client = { ...made, use_mtls_endpoint_aliases: true };
    const { access_token } = await grant({ scope: 'ml:recognize' }, client);
    is(made.software_id, 'x', '[37] RFC 7591, 3.2.1: registered');
    is((await read(access_token)).status, 200, '... the protected resource');

    const manage = (method, body) => a[oauth.customFetch](
        made.registration_client_uri, { method,
            headers: { authorization:
                           `Bearer ${made.registration_access_token}`,
                       'content-type': 'application/json' },
            body: body && JSON.stringify(body) });
    const got = await (await manage('GET')).json();
    is(JSON.stringify(got), JSON.stringify(made),
       '[40] RFC 7592, 2.1: GET, through the gateway');
    is((await manage('PUT', { client_id: made.client_id, software_id: 'y',
        tls_client_auth_subject_dn: place.subject.a })).status, 200,
       '[40] ... 2.2: PUT');
    is((await manage('DELETE')).status, 204, '[40] ... 2.3: DELETE');
    ok(await soon(async () => (await refused(() => read(access_token)))
        .status === 401), '... ends its tokens at the gateway');
    is((await manage('GET')).status, 401, '... and itself');
}


async function errors() {
    for (const [name, parameters, client, options, error] of [
        ['[7] invalid_scope', { scope: 'a b' }, own, a, 'invalid_scope'],
        ['[7] unauthorized_client', {}, server, b, 'unauthorized_client'],
        ['[15] invalid_client', {}, own, b, 'invalid_client'],
    ]) {
        const got = await refused(() => grant(parameters, client, options));

        ok(got instanceof oauth.ResponseBodyError, `${name}: RFC 6749, 5.2`,
           got.message);
        is(got.error, error, '... told apart');
    }

    const unsupported = await refused(async () =>
        oauth.processGenericTokenEndpointResponse(as, own,
            await oauth.genericTokenEndpointRequest(as, own, certificate,
                'urn:ietf:params:oauth:grant-type:jwt-bearer', {}, a)));
    is(unsupported.error, 'unsupported_grant_type',
       '[7] unsupported_grant_type');

    const nobody = await refused(async () => introspect(await token(), server,
        { [oauth.customFetch]: fetchWith() }));
    is(nobody.error, 'invalid_client', '[31] who has no certificate');
}


await run([metadata, grants, introspection, signed, resource, refresh,
           revocation, registration, errors]);
