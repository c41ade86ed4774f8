"""python3-oauthlib's BackendApplicationClient, carried by python3-requests."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from place import equal, place, settle

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

token_endpoint = place['issuer'] + '/oauth2/token'
models = place['ml'] + '/v1/models'
form = {'Content-Type': 'application/x-www-form-urlencoded'}


def ask(client, certificate, **more):
    body = client.prepare_request_body(include_client_id=True, **more)
    answer = settle(requests.Session(), certificate).post(
        token_endpoint, data=body, headers=form)
    return client.parse_request_body_response(answer.text)


client = BackendApplicationClient('client-a')
token = ask(client, 'a', scope='ml:recognize', resource=place['resource'])
equal(token['token_type'].lower(), 'bearer', '[4] RFC 6749, 5.1: a token')
equal(token.scope_changed, False, '[5] of the scope that was asked for')

url, headers, body = client.add_token(models)
equal(settle(requests.Session(), 'a').get(url, headers=headers).status_code,
      200, 'the protected resource')
equal(settle(requests.Session(), 'b').get(url, headers=headers).status_code,
      401, 'RFC 8705, 3: a thief')

url, headers, body = client.prepare_token_revocation_request(
    place['issuer'] + '/oauth2/revoke', token['access_token'])
answer = settle(requests.Session(), 'a').post(
    url, data=body + '&client_id=client-a', headers=headers)
equal(answer.status_code, 200, '[36] RFC 7009: revocation')

for name, certificate, more, error in (
        ('a scope that is not registered', 'a', {'scope': 'samples:read'},
         'invalid_scope'),
        ('another certificate', 'b', {}, 'invalid_client'),
):
    try:
        ask(BackendApplicationClient('client-a'), certificate, **more)
        got = None
    except OAuth2Error as wrong:
        got = wrong.error
    equal(got, error, '[7] ' + name)

print('done')
