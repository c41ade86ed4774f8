/*
 * openid-client (npm) as its documentation says, with client certificates.
 */

import * as client from 'openid-client';

import { fetchWith, is, ok, place, refused, run, soon } from './place.mjs';

const models = new URL(`${place.ml}/v1/models`);


/* a client that knows nothing but the issuer's name and its own */
function discover(id, certificate, metadata = {},
                  authentication = client.TlsClientAuth()) {
    return client.discovery(new URL(place.issuer), id,
        { use_mtls_endpoint_aliases: true, ...metadata }, authentication,
        { algorithm: 'oauth2',
          [client.customFetch]: fetchWith(certificate) });
}


const wanted = { scope: 'ml:recognize', resource: place.resource };
const own = await discover('client-a', 'a');
const server = await discover('rs', 'b');


function discovery() {
    const metadata = own.serverMetadata();

    is(metadata.issuer, place.issuer, '[41] RFC 8414: the issuer');
    is(metadata.mtls_endpoint_aliases.token_endpoint,
       `${place.issuer}/oauth2/token`, '[26] RFC 8705, 5: the aliases');
    is(metadata.tls_client_certificate_bound_access_tokens, true,
       '[26] RFC 8705, 3.3: bound tokens');
    ok(metadata.supportsPKCE() === false, 'no code, no PKCE');
}


async function grant() {
    const tokens = await client.clientCredentialsGrant(own, wanted);

    is(tokens.token_type, 'bearer', '[4] RFC 6749, 5.1: token_type');
    ok(tokens.expiresIn() > 0, '... expires_in', tokens.expires_in);
    is(tokens.scope ?? 'ml:recognize', 'ml:recognize', '[5] ... scope');
    is(tokens.refresh_token, undefined, '[10] no refresh token');

    const answer = await client.fetchProtectedResource(own,
        tokens.access_token, models, 'GET');
    is(answer.status, 200, 'the protected resource, through the gateway');
    ok(Array.isArray((await answer.json()).models) , '... answers');

    const thief = await refused(() => client.fetchProtectedResource(server,
        tokens.access_token, models, 'GET'));
    is(thief.status, 401, 'RFC 8705, 3: a thief with a certificate');
    is(thief.cause?.[0]?.parameters?.error, 'invalid_token',
       '... the challenge, as the library reads it');
}


/* RFC 8705, 3: who it is says the secret, whose token it is the certificate */
async function secret() {
    const config = await discover('basic', 'a', {},
        client.ClientSecretBasic(place.secret));
    const { access_token } = await client.clientCredentialsGrant(config,
                                                                 wanted);
    const said = await client.tokenIntrospection(server, access_token);

    is(said.client_id, 'basic', '[9] client_secret_basic, RFC 6749, 2.3.1');
    is(said.cnf?.['x5t#S256'], place.thumbprint.a, '[23] ... a bound token');

    const wrong = await discover('basic', 'a', {},
        client.ClientSecretBasic(`${place.secret}x`));
    const got = await refused(() => client.clientCredentialsGrant(wrong,
        wanted));
    is(got.status, 401, '[6] another secret');
    is(got.cause?.[0]?.scheme, 'basic', '... with a challenge');
}


async function introspection() {
    const { access_token } = await client.clientCredentialsGrant(own, wanted);
    const said = await client.tokenIntrospection(server, access_token);

    is(said.active, true, 'RFC 7662: introspection');
    is(said.client_id, 'client-a', '... client_id');
    is(said.cnf?.['x5t#S256'], place.thumbprint.a,
       '[21] RFC 8705, 3.2: cnf');
    is([said.aud].flat().join(' '), place.resource, '... aud');
    is((await client.tokenIntrospection(server, 'nothing')).active, false,
       '[31] an unknown one is inactive');

    is((await client.tokenIntrospection(own, access_token)).active, true,
       '... to its own client');

    const nobody = await refused(async () => client.tokenIntrospection(
        await discover('rs'), access_token));
    is(nobody.status, 401, '[31] who has no certificate is refused');
}


async function signed() {
    const config = await discover('rs', 'b',
        { introspection_signed_response_alg: 'ES256' });
    client.enableNonRepudiationChecks(config);

    const { access_token } = await client.clientCredentialsGrant(own, wanted);
    const said = await client.tokenIntrospection(config, access_token);

    is(said.active, true, '[35] RFC 9701: a signed answer, signature checked');
    is(said.client_id, 'client-a', '... client_id');
}


async function refresh() {
    const config = await discover('refresher', 'a');
    const thief = await discover('refresher', 'b');
    const first = await client.clientCredentialsGrant(config, wanted);
    const again = (token, whose = config) =>
        client.refreshTokenGrant(whose, token);

    ok(first.refresh_token, 'RFC 6749, 6: a refresh token');
    ok((await refused(() => again(first.refresh_token, thief))).error,
       '[24] RFC 8705, 7.1: not with another certificate');

    const second = await again(first.refresh_token);
    ok(second.access_token !== first.access_token, '[28] a new access token');
    ok(second.refresh_token !== first.refresh_token, '... and a successor');
    is((await again(first.refresh_token)).refresh_token,
       second.refresh_token, '[28] a retry gets the same one');

    const answer = await client.fetchProtectedResource(config,
        second.access_token, models, 'GET');
    is(answer.status, 200, '... the protected resource');

    const third = await again(second.refresh_token);
    is((await refused(() => again(first.refresh_token))).error,
       'invalid_grant', '[28] the one before, once the successor was used');
    is((await refused(() => again(third.refresh_token))).error,
       'invalid_grant', '... ends the family');
    is((await client.tokenIntrospection(config, third.access_token)).active,
       false, '... and its access tokens');
}


async function revocation() {
    const { access_token } = await client.clientCredentialsGrant(own, wanted);
    const seen = async () => (await own[client.customFetch](models, {
        headers: { authorization: `Bearer ${access_token}` },
    })).status;

    is(await seen(), 200, 'a token is good');
    await client.tokenRevocation(own, access_token);
    ok(await soon(async () => await seen() === 401),
       '[36] RFC 7009: revoked at the gateway');
    is((await client.tokenIntrospection(server, access_token)).active, false,
       '... and inactive');
    await client.tokenRevocation(own, 'nothing');
    ok(true, '[36] revoking an unknown one is no error');
}


/* with it, the client has all that the hand would have registered */
async function registration() {
    const options = {
        algorithm: 'oauth2',
        initialAccessToken: place.initial,
        [client.customFetch]: fetchWith('a'),
    };
    const metadata = {
        tls_client_auth_subject_dn: place.subject.a,
        token_endpoint_auth_method: 'tls_client_auth',
        grant_types: ['client_credentials', 'refresh_token'],
        client_name: 'openid-client',
        use_mtls_endpoint_aliases: true,
    };
    const register = (more, options_ = options) =>
        client.dynamicClientRegistration(new URL(place.issuer),
            { ...metadata, ...more }, client.TlsClientAuth(), options_);

    const wrong = await refused(() => register({ scope: 'fog:relay' }));
    is(wrong.error, 'invalid_client_metadata',
       '[38] RFC 7591, 3.2.2: outside the policy');

    const config = await register({});
    is(config.clientMetadata().client_name, 'openid-client',
       '[37] RFC 7591, 3.2.1: registered');
    const tokens = await client.clientCredentialsGrant(config, wanted);
    const answer = await client.fetchProtectedResource(config,
        tokens.access_token, models, 'GET');
    is(answer.status, 200, '... the protected resource');
    ok((await client.refreshTokenGrant(config, tokens.refresh_token))
           .access_token, '... and a refresh token');

    const other = await refused(() => register({}, { ...options,
        [client.customFetch]: fetchWith('b') }));
    is(other.error, 'invalid_client_metadata',
       '[38] the name of another certificate');
    const none = await refused(() => register({}, { ...options,
        initialAccessToken: 'hats_iat_nothing' }));
    is(none.status, 401, '[37] no initial access token');
}


async function errors() {
    for (const [name, id, certificate, parameters, status, error] of [
        ['[7] a scope that is not registered', 'client-a', 'a',
         { scope: 'samples:read' }, 400, 'invalid_scope'],
        ['RFC 8707, 2: another resource', 'client-a', 'a',
         { resource: 'https://other.example/' }, 400, 'invalid_target'],
        ['[15] the certificate of another client', 'client-a', 'b',
         {}, 401, 'invalid_client'],
        ['[14] no certificate', 'client-a', undefined,
         {}, 401, 'invalid_client'],
        ['[7] a client that gets no tokens', 'rs', 'b',
         {}, 400, 'unauthorized_client'],
    ]) {
        const config = await discover(id, certificate);
        const got = await refused(() => client.clientCredentialsGrant(config,
            parameters));

        is(got.error, error, name);
        is(got.status, status, `... ${status}`);
    }

    const foreign = await refused(() => discover('client-a', 'foreign'));
    is(foreign.code, 'OAUTH_RESPONSE_IS_NOT_CONFORM',
       '[16] a certificate of another authority goes nowhere');
}


await run([discovery, grant, secret, introspection, signed, refresh, revocation,
           registration, errors]);
