
/*
 * POST /oauth2/token, RFC 6749: client_credentials (4.4) and refresh_token
 * (6): what may be granted.  The token that it becomes (hars_as_issue.h) is
 * bound to the certificate that came with the request (RFC 8705, 3).
 *
 *     cross-site? -> form -> client -> grant -> scope -> audience -> issue
 *
 * What was granted once, to the client when it registered or to a family of
 * refresh tokens, bounds what is asked for now.
 */

#include "hars_as_issue.h"
#include "hars_as_words.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


typedef struct {
    const char  *name;
    int        (*check)(hars_request_t *r, hars_grant_t *grant);
} hars_grant_type_t;


static const hars_grant_type_t *hars_token_grant(hars_request_t *r,
    hars_grant_t *grant);
static int hars_token_credentials(hars_request_t *r, hars_grant_t *grant);
static int hars_token_refresh(hars_request_t *r, hars_grant_t *grant);
static int hars_token_scope(hars_request_t *r, hars_grant_t *grant);
static int hars_token_audience(hars_request_t *r, hars_grant_t *grant);
static int hars_token_target(hars_grant_t *grant, const char *uri,
    size_t len);
static void hars_token_fill(hars_request_t *r, hars_grant_t *grant);


static const hars_grant_type_t  hars_token_types[] = {
    { "client_credentials", hars_token_credentials },
    { "refresh_token", hars_token_refresh },
    { NULL, NULL }
};


void
hars_as_token(hars_request_t *r)
{
    hars_grant_t             *grant;
    const hars_grant_type_t  *type;

    grant = hars_request_room(r, sizeof(hars_grant_t));

    if (grant == NULL) {
        hars_oauth_refuse(r, 503, "The service is short of memory.");
        return;
    }

    r->ctx = &grant->who;
    grant->request = r;
    grant->now = time(NULL);

    if (hars_oauth_cross_site(r) != HARS_OK
        || hars_oauth_form(r, &grant->form, "resource") != HARS_OK
        || hars_oauth_client(r, &grant->form, grant->now, &grant->client,
                             &grant->cert) != HARS_OK)
    {
        return;
    }

    type = hars_token_grant(r, grant);

    if (type == NULL
        || type->check(r, grant) != HARS_OK
        || hars_token_scope(r, grant) != HARS_OK
        || hars_token_audience(r, grant) != HARS_OK)
    {
        return;
    }

    hars_token_fill(r, grant);
    hars_issue(r, grant);
}


static const hars_grant_type_t *
hars_token_grant(hars_request_t *r, hars_grant_t *grant)
{
    const char               *name;
    const hars_grant_type_t  *type;

    name = hars_form_get(&grant->form, "grant_type");

    if (name == NULL) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter grant_type is missing.");
        return NULL;
    }

    for (type = hars_token_types; type->name; type++) {
        if (strcmp(name, type->name) == 0) {
            break;
        }
    }

    if (type->name == NULL) {
        hars_oauth_error(r, HARS_OAUTH_UNSUPPORTED_GRANT_TYPE,
                         "The grant_type here is client_credentials or "
                         "refresh_token.");
        return NULL;
    }

    if (!grant->client.kind->grant) {
        hars_oauth_error(r, HARS_OAUTH_UNAUTHORIZED_CLIENT,
                         "Clients of this kind get no tokens.");
        return NULL;
    }

    return type;
}


/* RFC 6749, 4.4.3 advises against a refresh token: a switch of the client */
static int
hars_token_credentials(hars_request_t *r, hars_grant_t *grant)
{
    hars_family_t     *family;
    hars_as_socket_t  *socket;

    socket = r->data;
    family = &grant->family;

    strcpy(family->scope, grant->client.scope);
    strcpy(family->aud, grant->client.resources);

    if (!grant->client.refresh || socket->as->refresh == NULL) {
        return HARS_OK;
    }

    if (RAND_bytes(family->id, HARS_FAMILY_LEN) != 1) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "There is no randomness.");
        return HARS_ERROR;
    }

    grant->refresh = 1;
    family->generation = 1;
    grant->next = 1;
    family->iat = grant->now;
    family->rotated_at = grant->now;
    family->exp = grant->now + (int64_t) socket->as->conf.refresh_ttl;

    strcpy(family->client_id, grant->client.id);
    memcpy(family->cnf, grant->cert.thumbprint, HARS_SHA256_LEN);

    return HARS_OK;
}


/* RFC 6749, 6; all that is wrong with the token sounds the same (5.2) */
static int
hars_token_refresh(hars_request_t *r, hars_grant_t *grant)
{
    int                rc;
    uint32_t           generation;
    const char        *value;
    hars_family_t     *family;
    hars_as_socket_t  *socket;

    socket = r->data;
    family = &grant->family;

    if (!grant->client.refresh) {
        hars_oauth_error(r, HARS_OAUTH_UNAUTHORIZED_CLIENT,
                         "This client gets no refresh tokens.");
        return HARS_ERROR;
    }

    value = hars_form_get(&grant->form, "refresh_token");

    if (value == NULL) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter refresh_token is missing.");
        return HARS_ERROR;
    }

    rc = hars_family_parse(socket->as->refresh, value, family->id,
                           &generation);
    if (rc == HARS_OK) {
        rc = hars_store_family_get(socket->store, family->id, family);
    }

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    if (rc == HARS_DECLINED
        || family->revoked_at
        || family->exp <= grant->now
        || strcmp(family->client_id, grant->client.id) != 0
        || CRYPTO_memcmp(family->cnf, grant->cert.thumbprint,
                         HARS_SHA256_LEN) != 0)
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_GRANT,
                         "The refresh token is not valid.");
        return HARS_ERROR;
    }

    /* the row's may be further on */

    family->generation = generation;
    grant->next = generation + 1;
    grant->grace = (int64_t) socket->as->conf.refresh_grace;
    grant->refresh = 1;
    grant->rotates = 1;

    return HARS_OK;
}


/* RFC 6749, 3.3 and 6: what is asked for, or all that was granted */
static int
hars_token_scope(hars_request_t *r, hars_grant_t *grant)
{
    size_t          len;
    const char     *scope, *word;
    hars_client_t  *client;

    client = &grant->client;
    scope = hars_form_get(&grant->form, "scope");

    if (scope == NULL) {
        scope = grant->family.scope;

    } else if (!hars_words_scope(scope)) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                         "The scope is malformed.");
        return HARS_ERROR;
    }

    /* the client, or its kind's table, may have been narrowed since */

    if (!hars_words_within(scope, grant->family.scope, HARS_WORDS_SCOPE)
        || !hars_words_within(scope, client->scope, HARS_WORDS_SCOPE)
        || !hars_words_within(scope, client->kind->scope, HARS_WORDS_SCOPE))
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                         "The scope exceeds the one granted.");
        return HARS_ERROR;
    }

    while ((word = hars_words_next(&scope, HARS_WORDS_SCOPE, &len)) != NULL) {
        if (hars_words_add(grant->token.scope, sizeof(grant->token.scope),
                           HARS_WORDS_SCOPE, word, len) != HARS_OK)
        {
            hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                             "The scope is too long.");
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* RFC 8707, 2: what is asked for, or all that was granted */
static int
hars_token_audience(hars_request_t *r, hars_grant_t *grant)
{
    size_t        len;
    unsigned      i, n;
    const char   *list, *uri;
    hars_form_t  *form;

    form = &grant->form;

    for (i = 0, n = 0; i < form->n; i++) {
        uri = form->param[i].value;

        if (strcmp(form->param[i].name, "resource") != 0 || *uri == '\0') {
            continue;
        }

        n++;

        if (!hars_words_resource(uri)
            || hars_token_target(grant, uri, strlen(uri)) != HARS_OK)
        {
            hars_oauth_error(r, HARS_OAUTH_INVALID_TARGET,
                             "The resource is not one of those granted.");
            return HARS_ERROR;
        }
    }

    list = grant->family.aud;

    while (n == 0
           && (uri = hars_words_next(&list, HARS_WORDS_RESOURCE, &len)))
    {
        (void) hars_token_target(grant, uri, len);
    }

    if (grant->token.aud[0] == '\0') {
        hars_oauth_error(r, HARS_OAUTH_INVALID_TARGET,
                         "There is no resource registered.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* HARS_ERROR: it is not one of the client's, or was not granted */
static int
hars_token_target(hars_grant_t *grant, const char *uri, size_t len)
{
    if (!hars_words_has(grant->family.aud, HARS_WORDS_RESOURCE, uri, len)
        || !hars_words_has(grant->client.resources, HARS_WORDS_RESOURCE, uri,
                           len))
    {
        return HARS_ERROR;
    }

    return hars_words_add(grant->token.aud, sizeof(grant->token.aud),
                          HARS_WORDS_RESOURCE, uri, len);
}


/* all of it but its own text */
static void
hars_token_fill(hars_request_t *r, hars_grant_t *grant)
{
    hars_token_t      *token;
    hars_as_socket_t  *socket;

    socket = r->data;
    token = &grant->token;

    token->kind = grant->client.kind;
    token->iat = grant->now;
    token->exp = grant->now + (grant->client.token_ttl
                               ? grant->client.token_ttl
                               : (int64_t) socket->as->conf.token_ttl);

    strcpy(token->client_id, grant->client.id);
    strcpy(token->sub, grant->client.sub);
    memcpy(token->cnf, grant->cert.thumbprint, HARS_SHA256_LEN);

    if (grant->refresh) {
        memcpy(token->family, grant->family.id, HARS_FAMILY_LEN);
        token->has_family = 1;
    }

    /* RFC 6749, 6: what is granted now is all that there will be */

    if (grant->refresh && grant->next == 1) {
        strcpy(grant->family.scope, token->scope);
        strcpy(grant->family.aud, token->aud);
    }
}
