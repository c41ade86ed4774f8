
/*
 * POST /oauth2/revoke, RFC 7009.  A client ends its own tokens; what is
 * unknown or somebody else's is left alone, and the answer is the same.  An
 * operator ends any token, or all live ones of a client, a subject or a
 * certificate, which then gets no others.
 *
 *     cross-site? -> form -> client -> what -> commit -> Redis -> 200
 *
 * The answer says that it is committed; where Redis could not be told in
 * time, the main thread tells it later.
 */

#include "hars_as_oauth.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_crl.h"
#include "hars_as_family.h"
#include "hars_as_metrics.h"
#include "hars_as_revocation.h"
#include "hars_log.h"

#include <string.h>


static int hars_revoke_what(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, time_t now, hars_revoke_t *revoke);
static int hars_revoke_until(hars_request_t *r, const hars_form_t *form,
    time_t now, hars_revoke_t *revoke);
static int hars_revoke_reason(hars_request_t *r, const hars_form_t *form,
    hars_revoke_t *revoke);
static int hars_revoke_own(hars_request_t *r, const hars_client_t *client,
    const hars_revoke_t *revoke);
static void hars_revoke_answer(hars_request_t *r, const hars_client_t *client,
    uint64_t tokens);


typedef struct {
    const char     *name;
    hars_revoke_e   what;
} hars_revoke_param_t;


static const hars_revoke_param_t  hars_revoke_params[] = {
    { "token", HARS_REVOKE_TOKEN },
    { "hars_client", HARS_REVOKE_CLIENT },
    { "hars_sub", HARS_REVOKE_SUB },
    { "hars_thumbprint", HARS_REVOKE_CERT },
    { NULL, 0 }
};


void
hars_as_revoke(hars_request_t *r)
{
    int                rc;
    time_t             now;
    hars_cert_t        cert;
    hars_form_t        form;
    hars_client_t      client;
    hars_revoke_t      revoke;
    hars_revoked_t     revoked;
    hars_as_socket_t  *socket;

    socket = r->data;
    now = time(NULL);

    if (hars_oauth_begin(r) == NULL
        || hars_oauth_cross_site(r) != HARS_OK
        || hars_oauth_form(r, &form, NULL) != HARS_OK
        || hars_oauth_client(r, &form, now, &client, &cert) != HARS_OK
        || hars_revoke_what(r, &form, &client, now, &revoke) != HARS_OK)
    {
        return;
    }

    memset(&revoked, 0, sizeof(revoked));

    rc = hars_revoke_own(r, &client, &revoke);

    if (rc == HARS_OK) {
        rc = hars_revocation(socket->as, socket->store, &revoke, &revoked);
    }

    /* a revocation holds, whether or not it could be written down */

    if (rc == HARS_OK) {
        hars_metrics_revoked(socket->as->metrics, revoke.what,
                             revoked.tokens);
        (void) hars_audit_revoke(socket->as, client.id, &revoke,
                                 revoked.tokens);
    }

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return;
    }

    /* RFC 7009, 2.2: an unknown token is as good as revoked */

    hars_revoke_answer(r, &client, revoked.tokens);
}


/* exactly one of the four, and an operator's only from one */
static int
hars_revoke_what(hars_request_t *r, const hars_form_t *form,
    const hars_client_t *client, time_t now, hars_revoke_t *revoke)
{
    const char                 *error, *value, *text;
    hars_as_socket_t           *socket;
    const hars_revoke_param_t  *param, *found;

    text = NULL;
    found = NULL;
    socket = r->data;

    for (param = hars_revoke_params; param->name; param++) {
        value = hars_form_get(form, param->name);

        if (value == NULL) {
            continue;
        }

        if (param->what != HARS_REVOKE_TOKEN && !client->kind->revoke) {
            hars_oauth_error(r, HARS_OAUTH_UNAUTHORIZED_CLIENT,
                             "Clients of this kind end their own tokens "
                             "only.");
            return HARS_ERROR;
        }

        if (found) {
            hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                             "There is more than one thing to revoke.");
            return HARS_ERROR;
        }

        found = param;
        text = value;
    }

    if (found == NULL) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter token is missing.");
        return HARS_ERROR;
    }

    if (hars_revocation_what(socket->as, revoke, found->what, text, now,
                             &error)
        != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST, error);
        return HARS_ERROR;
    }

    return hars_revoke_until(r, form, now, revoke) == HARS_OK
           ? hars_revoke_reason(r, form, revoke) : HARS_ERROR;
}


static int
hars_revoke_until(hars_request_t *r, const hars_form_t *form, time_t now,
    hars_revoke_t *revoke)
{
    const char  *value;

    value = hars_form_get(form, "hars_until");

    if (value == NULL) {
        return HARS_OK;
    }

    if (revoke->what != HARS_REVOKE_CERT
        || hars_revocation_until(revoke, value, now) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter hars_until goes with "
                         "hars_thumbprint and is a time to come in unix "
                         "seconds.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* RFC 5280, 5.3.1: of a certificate that was issued here */
static int
hars_revoke_reason(hars_request_t *r, const hars_form_t *form,
    hars_revoke_t *revoke)
{
    const char  *value;

    value = hars_form_get(form, "hars_reason");

    if (value == NULL) {
        return HARS_OK;
    }

    revoke->reason = hars_crl_reason(value);

    if (revoke->what != HARS_REVOKE_CERT || revoke->reason == -1) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter hars_reason goes with "
                         "hars_thumbprint and is a reason of RFC 5280, such "
                         "as keyCompromise.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* may this client end this token?  HARS_DECLINED: no, or there is none */
static int
hars_revoke_own(hars_request_t *r, const hars_client_t *client,
    const hars_revoke_t *revoke)
{
    int                rc;
    const char        *owner;
    hars_token_t       token;
    hars_family_t      family;
    hars_as_socket_t  *socket;

    socket = r->data;

    if (client->kind->revoke) {
        return HARS_OK;
    }

    if (revoke->what == HARS_REVOKE_FAMILY) {
        rc = hars_store_family_get(socket->store, revoke->family, &family);
        owner = family.client_id;

    } else {
        rc = hars_store_token_get(socket->store, &revoke->token, &token,
                                  NULL);
        owner = token.client_id;
    }

    if (rc == HARS_OK && strcmp(owner, client->id) != 0) {
        hars_log_warn("client %s would revoke a token of client %s",
                      client->id, owner);
        return HARS_DECLINED;
    }

    return rc;
}


static void
hars_revoke_answer(hars_request_t *r, const hars_client_t *client,
    uint64_t tokens)
{
    if (client->kind->revoke) {
        hars_log_info("operator %s revoked %llu tokens", client->id,
                      (unsigned long long) tokens);
        hars_oauth_reply(r, hars_answer_revoked(tokens));
        return;
    }

    /* RFC 7009, 2.2: nobody reads the body */

    hars_oauth_reply(r, strdup("{}"));
}
