
/*
 * POST /oauth2/token, RFC 6749: client_credentials (4.4) and refresh_token
 * (6).  A token is opaque (hars_as_value.h), bound to the certificate that
 * came with the request (RFC 8705, 3), stored as SHA-256, and told to Redis
 * after the commit and before the answer.
 *
 *     cross-site? -> form -> client -> grant -> scope -> audience -> issue
 *
 * What was granted once, to the client when it registered or to a family of
 * refresh tokens, bounds what is asked for now.  A certificate that was
 * revoked meanwhile gets nothing: the store looks once more, in the
 * transaction that has the row.
 */

#include "hars_as_oauth.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_family.h"
#include "hars_as_known.h"
#include "hars_as_metrics.h"
#include "hars_as_publish.h"
#include "hars_as_revocation.h"
#include "hars_as_store.h"
#include "hars_as_value.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define HARS_TOKEN_TRIES  5               /* for a key of its own */


/* a request, and what becomes of it; lives as long as that */
typedef struct {
    hars_request_t     *request;
    hars_audit_who_t    who;
    hars_store_job_t    job;
    hars_form_t     form;
    hars_client_t   client;
    hars_cert_t     cert;
    time_t          now;
    int64_t         grace;                /* s, of the refresh token before */
    unsigned        refresh:1;            /* there is a refresh token */
    hars_family_t   family;               /* at the generation presented */
    hars_family_e   rotated;
    uint64_t        revoked;              /* tokens, where it was reused */
    uint32_t        next;                 /* generation to answer with */
    hars_token_t    token;
    char            value[HARS_AS_TOKEN_LEN + 1];      /* the token itself */
} hars_grant_t;


typedef struct {
    const char  *name;
    int        (*check)(hars_request_t *r, hars_grant_t *grant);
    int        (*store)(hars_db_t *db, void *data);
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
static void hars_token_issue(hars_request_t *r,
    const hars_grant_type_t *type, hars_grant_t *grant);
static void hars_token_unaudited(hars_request_t *r);
static void hars_token_stored(void *data);
static void hars_token_issued(hars_request_t *r);
static int hars_token_store_credentials(hars_db_t *db, void *data);
static int hars_token_store_refresh(hars_db_t *db, void *data);
static int hars_token_store(hars_db_t *db, hars_grant_t *grant);
static void hars_token_not_stored(hars_request_t *r, hars_grant_t *grant,
    int rc);
static void hars_token_reused(hars_request_t *r, hars_grant_t *grant);
static void hars_token_answer(hars_request_t *r, const hars_grant_t *grant);
static void hars_token_publish(hars_as_socket_t *socket,
    const hars_token_t *token);
static int64_t hars_token_ms(void);


static const hars_grant_type_t  hars_token_types[] = {
    { "client_credentials", hars_token_credentials,
      hars_token_store_credentials },
    { "refresh_token", hars_token_refresh, hars_token_store_refresh },
    { NULL, NULL, NULL }
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
    hars_token_issue(r, type, grant);
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


/* nobody waits for the disk where others could be served meanwhile */
static void
hars_token_issue(hars_request_t *r, const hars_grant_type_t *type,
    hars_grant_t *grant)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    /* a refresh token that is used for nothing would count as reused later */

    if (hars_audit_unwritten(socket->as)) {
        hars_token_unaudited(r);
        return;
    }

    if (hars_value_token(grant->value, &grant->token.id, hars_token_ms())
        != HARS_OK)
    {
        hars_token_not_stored(r, grant, HARS_ERROR);
        return;
    }

    grant->job.op = type->store;
    grant->job.done = hars_token_stored;
    grant->job.data = grant;

    if (hars_request_later(r, hars_token_issued) == HARS_OK) {
        hars_store_write_later(socket->store, &grant->job);
        return;
    }

    grant->job.rc = hars_store_write(socket->store, type->store, grant);
    hars_token_issued(r);
}


/* the refusal's own line tries the log again */
static void
hars_token_unaudited(hars_request_t *r)
{
    hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                     "The audit log cannot be written.");
}


/* the writer's */
static void
hars_token_stored(void *data)
{
    hars_request_go_on(((hars_grant_t *) data)->request);
}


static void
hars_token_issued(hars_request_t *r)
{
    hars_grant_t      *grant;
    hars_as_socket_t  *socket;

    socket = r->data;
    grant = hars_request_room(r, sizeof(hars_grant_t));

    if (grant->job.rc != HARS_OK) {
        hars_token_not_stored(r, grant, grant->job.rc);

    } else if (hars_audit_issue(socket->as, &grant->token) != HARS_OK) {
        hars_token_unaudited(r);

    } else {
        hars_metrics_issued(socket->as->metrics, grant->token.kind);
        hars_token_publish(socket, &grant->token);
        hars_token_answer(r, grant);
    }
}


static int
hars_token_store_credentials(hars_db_t *db, void *data)
{
    int            rc;
    hars_grant_t  *grant;

    grant = data;
    rc = hars_token_store(db, grant);

    if (rc == HARS_OK && grant->refresh) {
        rc = hars_family_insert(db, &grant->family);
    }

    return rc;
}


/* what is used again ends in the transaction that sees it */
static int
hars_token_store_refresh(hars_db_t *db, void *data)
{
    hars_grant_t   *grant;
    hars_revoke_t   revoke = { .what = HARS_REVOKE_FAMILY };

    grant = data;

    if (hars_family_rotate(db, &grant->family, grant->now, grant->grace,
                           &grant->rotated) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (grant->rotated == HARS_FAMILY_REUSED) {
        memcpy(revoke.family, grant->family.id, HARS_FAMILY_LEN);

        return hars_store_revoke_all(db, &revoke, grant->now, &grant->revoked)
               == HARS_OK ? HARS_DECLINED : HARS_ERROR;
    }

    if (grant->rotated == HARS_FAMILY_ENDED) {
        return HARS_DECLINED;
    }

    return hars_token_store(db, grant);
}


/* where its key is that of another one, of the same millisecond: a new one */
static int
hars_token_store(hars_db_t *db, hars_grant_t *grant)
{
    int       rc;
    unsigned  n;

    for (n = 0; n < HARS_TOKEN_TRIES; n++) {
        rc = hars_token_insert(db, &grant->token);

        if (rc != HARS_DECLINED) {
            return rc;
        }

        rc = hars_token_taken(db, &grant->token.id);

        if (rc != HARS_OK) {
            return rc;
        }

        if (hars_value_token(grant->value, &grant->token.id, hars_token_ms())
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_ERROR;
}


/* HARS_DECLINED: something ended meanwhile */
static void
hars_token_not_stored(hars_request_t *r, hars_grant_t *grant, int rc)
{
    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The token cannot be stored.");

    } else if (grant->refresh && grant->rotated == HARS_FAMILY_REUSED) {
        hars_token_reused(r, grant);

    } else if (grant->refresh && grant->rotated == HARS_FAMILY_ENDED) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_GRANT,
                         "The refresh token is not valid.");

    } else {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "The client is unknown, or the certificate is not "
                         "its own.");
    }
}


/* RFC 9700, 4.14.2: two hands hold it, and nobody knows whose is whose */
static void
hars_token_reused(hars_request_t *r, hars_grant_t *grant)
{
    hars_revoke_t      revoke = { .what = HARS_REVOKE_FAMILY };
    hars_as_socket_t  *socket;

    socket = r->data;
    memcpy(revoke.family, grant->family.id, HARS_FAMILY_LEN);

    /* what cannot be told now stays in the outbox */

    (void) hars_revocation_outbox(socket->as, socket->store);

    hars_log_warn("client %s used a refresh token again: its family is "
                  "revoked", grant->client.id);
    hars_metrics_revoked(socket->as->metrics, revoke.what, grant->revoked);
    (void) hars_audit_revoke(socket->as, grant->client.id, &revoke,
                             grant->revoked);

    hars_oauth_error(r, HARS_OAUTH_INVALID_GRANT,
                     "The refresh token is not valid.");
}


static void
hars_token_answer(hars_request_t *r, const hars_grant_t *grant)
{
    char               refresh[HARS_FAMILY_SIZE];
    hars_as_socket_t  *socket;

    socket = r->data;
    refresh[0] = '\0';

    if (grant->refresh
        && hars_family_value(socket->as->refresh, grant->family.id,
                             grant->next, refresh) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The refresh token cannot be made.");
        return;
    }

    hars_oauth_reply(r, hars_answer_token(&grant->token, grant->value,
                                          refresh, grant->now));
    OPENSSL_cleanse(refresh, sizeof(refresh));
}


/*
 * The record is what introspection would tell the gateway: nothing, where
 * that one may not see the token.
 */
static void
hars_token_publish(hars_as_socket_t *socket, const hars_token_t *token)
{
    hars_client_t  gateway;

    if (socket->as->publish == NULL
        || hars_known_client(socket->known, socket->as->conf.gateway_client,
                             0, &gateway) != HARS_OK
        || gateway.disabled_at
        || !gateway.kind->introspect
        || !hars_words_meet(token->aud, gateway.resources,
                            HARS_WORDS_RESOURCE))
    {
        return;
    }

    hars_publish_record(socket->as->publish, token, hars_token_ms());
}


/* ms since 1970 */
static int64_t
hars_token_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
