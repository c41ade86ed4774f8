"""python3-authlib's OAuth2Session with a client certificate."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from place import equal, place, settle

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

token_endpoint = place['issuer'] + '/oauth2/token'
models = place['ml'] + '/v1/models'


def session(client_id, certificate, **more):
    return settle(OAuth2Session(client_id, token_endpoint_auth_method='none',
                                revocation_endpoint_auth_method='none',
                                **more), certificate)


own = session('client-a', 'a', scope='ml:recognize')
token = own.fetch_token(token_endpoint, grant_type='client_credentials',
                        resource=place['resource'])
equal(token['token_type'].lower(), 'bearer', '[4] RFC 6749, 5.1: a token')
equal(token.is_expired(), False, '... with its end')
equal(own.get(models).status_code, 200, 'the protected resource')

thief = session('client-a', 'b', token=token)
equal(thief.get(models).status_code, 401, 'RFC 8705, 3: a thief')

basic = settle(OAuth2Session('basic', place['secret']), 'a')
token_of_basic = basic.fetch_token(token_endpoint,
                                   grant_type='client_credentials')
equal(token_of_basic['token_type'].lower(), 'bearer',
      '[9] client_secret_basic, Authlib\'s own choice')

said = session('rs', 'b').introspect_token(
    place['issuer'] + '/oauth2/introspect', token=token['access_token']).json()
equal(said['active'], True, 'RFC 7662: introspection')
equal(said['cnf']['x5t#S256'], place['thumbprint']['a'], '[21] ... cnf')

answer = own.revoke_token(place['issuer'] + '/oauth2/revoke',
                          token=token['access_token'])
equal(answer.status_code, 200, '[36] RFC 7009: revocation')
equal(own.get(models).status_code, 401, '... at the gateway')

for name, client, parameters, error in (
        ('a scope that is not registered', own, {'scope': 'samples:read'},
         'invalid_scope'),
        ('another certificate', session('client-a', 'b'), {},
         'invalid_client'),
):
    try:
        client.fetch_token(token_endpoint, grant_type='client_credentials',
                           **parameters)
        got = None
    except OAuthError as wrong:
        got = wrong.error
    equal(got, error, '[7] ' + name)

print('done')
