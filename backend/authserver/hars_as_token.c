
/*
 * POST /oauth2/token, RFC 6749 section 4.4: client_credentials, and nothing
 * else.  A token is opaque (hars_as_value.h), bound to the
 * certificate that came with the request (RFC 8705, 3), stored as SHA-256,
 * and told to Redis after the commit and before the answer.
 *
 *     cross-site? -> form -> client -> grant -> scope -> audience -> issue
 *
 * A certificate that was revoked meanwhile gets none: the store looks once
 * more in the same statement.
 */

#include "hars_as_oauth.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_metrics.h"
#include "hars_as_publish.h"
#include "hars_as_store.h"
#include "hars_as_value.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/crypto.h>


static int hars_token_grant(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client);
static int hars_token_scope(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, hars_token_t *token);
static int hars_token_audience(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, hars_token_t *token);
static void hars_token_issue(hars_request_t *r, const hars_client_t *client,
    const hars_cert_t *cert, hars_token_t *token, time_t now);
static void hars_token_publish(hars_as_socket_t *socket,
    const hars_token_t *token);


void
hars_as_token(hars_request_t *r)
{
    time_t            now;
    hars_cert_t       cert;
    hars_form_t       form;
    hars_token_t      token;
    hars_client_t     client;
    hars_audit_who_t  who;

    now = time(NULL);
    memset(&who, 0, sizeof(who));
    r->ctx = &who;

    memset(&token, 0, sizeof(token));

    if (hars_oauth_cross_site(r) != HARS_OK
        || hars_oauth_form(r, &form, "resource") != HARS_OK
        || hars_oauth_client(r, &form, now, &client, &cert) != HARS_OK
        || hars_token_grant(r, &form, &client) != HARS_OK
        || hars_token_scope(r, &form, &client, &token) != HARS_OK
        || hars_token_audience(r, &form, &client, &token) != HARS_OK)
    {
        return;
    }

    hars_token_issue(r, &client, &cert, &token, now);
}


static int
hars_token_grant(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client)
{
    const char  *type;

    type = hars_form_get(form, "grant_type");

    if (type == NULL) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter grant_type is missing.");
        return HARS_ERROR;
    }

    if (strcmp(type, "client_credentials") != 0) {
        hars_oauth_error(r, HARS_OAUTH_UNSUPPORTED_GRANT_TYPE,
                         "The one grant_type here is client_credentials.");
        return HARS_ERROR;
    }

    if (!client->kind->grant) {
        hars_oauth_error(r, HARS_OAUTH_UNAUTHORIZED_CLIENT,
                         "Clients of this kind get no tokens.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* RFC 6749, 3.3: what is asked for, or all that is registered */
static int
hars_token_scope(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, hars_token_t *token)
{
    size_t       len;
    const char  *scope, *word;

    scope = hars_form_get(form, "scope");

    if (scope == NULL) {
        scope = client->scope;

    } else if (!hars_words_scope(scope)) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                         "The scope is malformed.");
        return HARS_ERROR;
    }

    /* the kind's table may have been narrowed since the registration */

    if (!hars_words_within(scope, client->scope, HARS_WORDS_SCOPE)
        || !hars_words_within(scope, client->kind->scope, HARS_WORDS_SCOPE))
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                         "The scope exceeds the one registered.");
        return HARS_ERROR;
    }

    while ((word = hars_words_next(&scope, HARS_WORDS_SCOPE, &len)) != NULL) {
        if (hars_words_add(token->scope, sizeof(token->scope),
                           HARS_WORDS_SCOPE, word, len) != HARS_OK)
        {
            hars_oauth_error(r, HARS_OAUTH_INVALID_SCOPE,
                             "The scope is too long.");
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* RFC 8707, 2: what is asked for, or all that is registered */
static int
hars_token_audience(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, hars_token_t *token)
{
    unsigned     i;
    const char  *uri;

    for (i = 0; i < form->n; i++) {
        uri = form->param[i].value;

        if (strcmp(form->param[i].name, "resource") != 0 || *uri == '\0') {
            continue;
        }

        if (!hars_words_resource(uri)
            || !hars_words_has(client->resources, HARS_WORDS_RESOURCE, uri,
                               strlen(uri))
            || hars_words_add(token->aud, sizeof(token->aud),
                              HARS_WORDS_RESOURCE, uri, strlen(uri))
               != HARS_OK)
        {
            hars_oauth_error(r, HARS_OAUTH_INVALID_TARGET,
                             "The resource is not one of those registered.");
            return HARS_ERROR;
        }
    }

    if (token->aud[0] == '\0') {
        strcpy(token->aud, client->resources);
    }

    if (token->aud[0] == '\0') {
        hars_oauth_error(r, HARS_OAUTH_INVALID_TARGET,
                         "There is no resource registered.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static void
hars_token_issue(hars_request_t *r, const hars_client_t *client,
    const hars_cert_t *cert, hars_token_t *token, time_t now)
{
    int                rc;
    char               value[HARS_AS_TOKEN_LEN + 1];
    hars_as_socket_t  *socket;

    socket = r->data;

    token->kind = client->kind;
    token->iat = now;
    token->exp = now + (client->token_ttl
                        ? client->token_ttl
                        : (int64_t) socket->as->conf.token_ttl);

    strcpy(token->client_id, client->id);
    strcpy(token->sub, client->sub);
    memcpy(token->cnf, cert->thumbprint, HARS_SHA256_LEN);

    rc = hars_value_token(value, &token->id, now);

    if (rc == HARS_OK) {
        rc = hars_store_token_add(socket->store, token);
    }

    if (rc == HARS_DECLINED) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "The client is unknown, or the certificate is not "
                         "its own.");

    } else if (rc != HARS_OK
               || hars_audit_issue(socket->as, token) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The token cannot be stored.");

    } else {
        hars_metrics_issued(socket->as->metrics, token->kind);
        hars_token_publish(socket, token);
        hars_oauth_reply(r, hars_answer_token(token, value, now));
    }

    OPENSSL_cleanse(value, sizeof(value));
}


/*
 * The record is what introspection would tell the gateway: nothing, where
 * that one may not see the token.
 */
static void
hars_token_publish(hars_as_socket_t *socket, const hars_token_t *token)
{
    hars_client_t     gateway;
    struct timespec   ts;

    if (socket->as->publish == NULL
        || hars_store_client_get(socket->store,
                                 socket->as->conf.gateway_client, &gateway)
           != HARS_OK
        || gateway.disabled_at
        || !gateway.kind->introspect
        || !hars_words_meet(token->aud, gateway.resources,
                            HARS_WORDS_RESOURCE))
    {
        return;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    hars_publish_record(socket->as->publish, token,
                        (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}
