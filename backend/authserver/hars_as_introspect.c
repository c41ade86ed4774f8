
/*
 * RFC 7662: what is this token?  Asked by the gateway on a socket of its own,
 * where the peer is known by SO_PEERCRED, and by other resource servers with
 * their certificate on the public one.
 *
 * A resource server sees tokens that are for one of its own resources, and
 * every client sees its own, refresh tokens too.  Of all others (unknown,
 * expired, revoked, somebody else's) a caller learns nothing but
 * {"active":false}, in one form, so that nothing can be told apart.
 *
 * The answer is JSON, or the same JSON inside a signed JWT (RFC 9701) for who
 * asks for that by Accept, which is then meant for this caller alone.
 */

#include "hars_as_oauth.h"
#include "hars_accept.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_family.h"
#include "hars_as_jwt.h"
#include "hars_as_known.h"
#include "hars_as_metrics.h"
#include "hars_as_store.h"
#include "hars_as_value.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>


static void hars_introspect(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *caller, time_t now);
static int hars_introspect_form(hars_request_t *r, unsigned *jwt);
static int hars_introspect_gateway(hars_request_t *r, int64_t revision,
    hars_client_t *gateway);
static int hars_introspect_family(hars_as_socket_t *socket,
    const char *value, const hars_client_t *caller, hars_token_t *token);
static unsigned hars_introspect_sees(const hars_client_t *caller,
    const hars_token_t *token, time_t now);
static void hars_introspect_reply(hars_request_t *r,
    const hars_token_t *token);
static void hars_introspect_signed(hars_request_t *r,
    const hars_token_t *token, const hars_client_t *caller, time_t now);


/* RFC 7662, 2.2 */
static const char  hars_introspect_inactive[] = "{\"active\":false}";


void
hars_as_introspect_public(hars_request_t *r)
{
    time_t            now;
    hars_cert_t       cert;
    hars_form_t       form;
    hars_client_t     caller;

    now = time(NULL);

    if (hars_oauth_begin(r) == NULL
        || hars_oauth_form(r, &form, NULL) != HARS_OK
        || hars_oauth_client(r, &form, now, &caller, &cert) != HARS_OK)
    {
        return;
    }

    hars_introspect(r, &form, &caller, now);
}


void
hars_as_introspect_gateway(hars_request_t *r)
{
    hars_form_t  form;

    if (hars_oauth_form(r, &form, NULL) == HARS_OK) {
        hars_introspect(r, &form, NULL, time(NULL));
    }
}


/*
 * The token's row tells the revision as well, so that who the gateway is need
 * not be asked for.
 */
static void
hars_introspect(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *caller, time_t now)
{
    int                rc;
    int64_t            revision;
    unsigned           jwt, opaque;
    const char        *value;
    hars_token_t       token;
    hars_client_t      gateway;
    hars_token_id_t    id;
    hars_as_socket_t  *socket;

    socket = r->data;

    value = hars_form_get(form, "token");

    if (value == NULL) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter token is missing.");
        return;
    }

    if (hars_introspect_form(r, &jwt) != HARS_OK) {
        return;
    }

    rc = HARS_DECLINED;
    revision = 0;
    opaque = (hars_value_token_id(&id, value) == HARS_OK);

    if (opaque) {
        rc = hars_store_token_get(socket->store, &id, &token, &revision);
    }

    if (caller == NULL) {
        if (hars_introspect_gateway(r, revision, &gateway) != HARS_OK) {
            return;
        }

        caller = &gateway;
    }

    if (!opaque) {
        rc = hars_introspect_family(socket, value, caller, &token);
    }

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return;
    }

    if (rc == HARS_OK && !hars_introspect_sees(caller, &token, now)) {
        rc = HARS_DECLINED;
    }

    hars_metrics_introspected(socket->as->metrics, rc == HARS_OK);

    if (jwt) {
        hars_introspect_signed(r, rc == HARS_OK ? &token : NULL, caller, now);

    } else {
        hars_introspect_reply(r, rc == HARS_OK ? &token : NULL);
    }
}


/*
 * JSON unless a JWT is wanted more.  Who wants neither, or a JWT of a server
 * without a key, gets no other thing instead (RFC 9110, 15.5.7).
 */
static int
hars_introspect_form(hars_request_t *r, unsigned *jwt)
{
    int                rc, json, jws;
    const char        *accept;
    hars_as_socket_t  *socket;

    *jwt = 0;
    socket = r->data;
    rc = hars_request_header(r, "Accept", &accept);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    json = (rc == HARS_OK) ? hars_accept(accept, "application/json") : rc;
    jws = (rc == HARS_OK)
          ? hars_accept(accept, "application/" HARS_JWT_INTROSPECTION)
          : rc;

    if (json == HARS_ERROR || jws == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "Accept is doubled or malformed.");
        return HARS_ERROR;
    }

    if (socket->as->sign == NULL) {
        jws = 0;
    }

    if (json == 0 && jws == 0) {
        hars_oauth_refuse(r, 406, "The answer is application/json"
                          " or, where the server has a signing key, "
                          "application/" HARS_JWT_INTROSPECTION ".");
        return HARS_ERROR;
    }

    *jwt = jws > json;

    return HARS_OK;
}


/* HARS_ERROR: it has been answered */
static int
hars_introspect_gateway(hars_request_t *r, int64_t revision,
    hars_client_t *gateway)
{
    int                rc;
    hars_as_socket_t  *socket;

    socket = r->data;
    rc = hars_known_client(socket->known, socket->as->conf.gateway_client,
                           revision, gateway);

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    if (rc == HARS_DECLINED || gateway->disabled_at) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "The gateway is not registered.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* a refresh token that is the valid one; who is not its client sees none */
static int
hars_introspect_family(hars_as_socket_t *socket, const char *value,
    const hars_client_t *caller, hars_token_t *token)
{
    int            rc;
    uint32_t       generation;
    hars_family_t  family;
    unsigned char  id[HARS_FAMILY_LEN];

    if (hars_family_parse(socket->as->refresh, value, id, &generation)
        != HARS_OK)
    {
        return HARS_DECLINED;
    }

    rc = hars_store_family_get(socket->store, id, &family);

    if (rc == HARS_OK && family.generation != generation) {
        rc = HARS_DECLINED;
    }

    if (rc == HARS_OK) {
        hars_family_token(&family, caller, token);
    }

    return rc;
}


/* at exp it has ended, without leeway */
static unsigned
hars_introspect_sees(const hars_client_t *caller, const hars_token_t *token,
    time_t now)
{
    if (token->revoked_at || token->exp <= now) {
        return 0;
    }

    if (strcmp(token->client_id, caller->id) == 0) {
        return 1;
    }

    return !token->refresh
           && caller->kind->introspect
           && hars_words_meet(token->aud, caller->resources,
                              HARS_WORDS_RESOURCE);
}


static void
hars_introspect_reply(hars_request_t *r, const hars_token_t *token)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    hars_oauth_reply(r, token ? hars_answer_introspection(token,
                                                     socket->as->conf.issuer)
                              : strdup(hars_introspect_inactive));
}


/* RFC 9701, 5: "aud" is the caller */
static void
hars_introspect_signed(hars_request_t *r, const hars_token_t *token,
    const hars_client_t *caller, time_t now)
{
    char              *claims, *jwt;
    hars_as_socket_t  *socket;

    socket = r->data;

    claims = hars_answer_signed(token, socket->as->conf.issuer, caller->id,
                                now);
    jwt = claims ? hars_jwt_sign(socket->as->sign, HARS_JWT_INTROSPECTION,
                                 claims)
                 : NULL;
    free(claims);

    if (jwt == NULL) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The answer cannot be signed.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "Pragma", "no-cache");
    hars_reply(r, 200, "application/" HARS_JWT_INTROSPECTION, jwt,
               strlen(jwt));
}
