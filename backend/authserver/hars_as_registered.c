
/*
 * /oauth2/register/{client_id}, RFC 7592: a client reads, narrows and ends
 * its own registration, by the token that it got with it and its own
 * certificate.
 *
 *     certificate -> token -> client -> GET: all that is registered
 *                                       PUT: the same, inside what it was
 *                                       DELETE: no tokens, no client
 *
 * Unknown, disabled, another one's: all sound the same.  Who disabled it
 * decides what becomes of it, so it is not removed either.
 */

#include "hars_as_register.h"
#include "hars_as_audit.h"
#include "hars_as_auth.h"
#include "hars_as_client.h"
#include "hars_as_crl.h"
#include "hars_as_metrics.h"
#include "hars_as_revocation.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/crypto.h>


/* an update that meets another one begins anew */
#define HARS_REGISTERED_TRIES  3


/* a request for a client that is there, and its own */
typedef struct {
    hars_cert_t         cert;
    hars_client_t       client;
    const char         *manage;           /* its token */
    unsigned char       hash[HARS_SHA256_LEN];
    hars_audit_who_t   *who;
} hars_registered_t;


static int hars_registered_open(hars_request_t *r,
    hars_registered_t *registered);
static int hars_registered_find(hars_request_t *r,
    hars_registered_t *registered);
static const char *hars_registered_wrong(int rc,
    const hars_registered_t *registered);
static int hars_registered_update(hars_request_t *r,
    hars_registered_t *registered, hars_registration_t *reg);
static int hars_registered_keys(const hars_registered_t *registered,
    const hars_registration_t *reg);
static int hars_registered_end(hars_as_socket_t *socket,
    const hars_client_t *client, time_t now);


void
hars_as_registered_get(hars_request_t *r)
{
    hars_registered_t  registered;

    if (hars_registered_open(r, &registered) == HARS_OK) {
        hars_register_reply(r, 200, &registered.client, registered.manage,
                            NULL);
    }
}


static int
hars_registered_open(hars_request_t *r, hars_registered_t *registered)
{
    memset(registered, 0, sizeof(hars_registered_t));
    registered->who = hars_oauth_begin(r);

    if (registered->who == NULL
        || hars_oauth_cross_site(r) != HARS_OK
        || hars_oauth_holder(r, time(NULL), &registered->cert) != HARS_OK
        || hars_register_bearer(r, HARS_SECRET_MANAGE, &registered->manage,
                                registered->hash) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_registered_find(r, registered);
}


/* RFC 7592, 2: 401 whatever it is, so that nothing can be told apart */
static int
hars_registered_find(hars_request_t *r, hars_registered_t *registered)
{
    int                rc;
    const char        *wrong;
    hars_as_socket_t  *socket;

    socket = r->data;

    rc = hars_words_id(r->rest)
         ? hars_store_client_get(socket->store, r->rest, &registered->client)
         : HARS_DECLINED;

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    wrong = hars_registered_wrong(rc, registered);

    if (rc == HARS_OK) {
        strcpy(registered->who->id, r->rest);
        registered->who->client_id = registered->who->id;
    }

    if (wrong == NULL) {
        return HARS_OK;
    }

    registered->who->reason = wrong;
    hars_log_warn("registration of \"%.64s\": the request %s",
                  rc == HARS_OK ? r->rest : "?", wrong);

    hars_oauth_error(r, HARS_OAUTH_INVALID_TOKEN,
                     "The token is not that of this registration, or came "
                     "without the client's certificate.");

    return HARS_ERROR;
}


static const char *
hars_registered_wrong(int rc, const hars_registered_t *registered)
{
    char                  holder[HARS_B64_SHA256_LEN + 1];
    const char           *wrong;
    const hars_client_t  *client;

    client = &registered->client;

    /* as long for a client that is not there */

    if (CRYPTO_memcmp(client->registration, registered->hash,
                      HARS_SHA256_LEN) != 0
        || rc != HARS_OK
        || !client->has_registration)
    {
        return "came with another token";
    }

    if (client->disabled_at) {
        return "is of a client that is disabled";
    }

    wrong = hars_auth_wrong(client, &registered->cert);

    /* a secret's value: any certificate comes with it for tokens */

    if (wrong == NULL && strcmp(client->auth->name, "secret") == 0
        && client->auth_value[0]
        && (hars_cert_holder(&registered->cert, holder) != HARS_OK
            || strcmp(client->auth_value, holder) != 0))
    {
        return "came with another certificate than the one that registered";
    }

    /* one of its own making may not get as far as here through the gateway */

    return registered->cert.trusted
           && strcmp(client->auth->name, "self_signed") == 0
           ? NULL : wrong;
}


void
hars_as_registered_put(hars_request_t *r)
{
    int                   rc;
    unsigned              tries;
    hars_as_socket_t     *socket;
    hars_registered_t     registered;
    hars_registration_t   reg;

    socket = r->data;

    if (hars_registered_open(r, &registered) != HARS_OK) {
        return;
    }

    rc = HARS_DECLINED;

    for (tries = 0; rc == HARS_DECLINED && tries < HARS_REGISTERED_TRIES;
         tries++)
    {
        if ((tries && hars_registered_find(r, &registered) != HARS_OK)
            || hars_register_body(r, &reg, 1) != HARS_OK
            || hars_registered_update(r, &registered, &reg) != HARS_OK)
        {
            OPENSSL_cleanse(&reg, sizeof(reg));
            return;
        }

        rc = hars_store_reregister(socket->store, &registered.client,
                                   &reg.client);
    }

    if (rc != HARS_OK
        || hars_audit_register(socket->as, r, "update", reg.client.id, NULL)
           != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The client cannot be stored.");

    } else {
        hars_metrics_registered(socket->as->metrics, HARS_METRICS_UPDATE);
        hars_register_reply(r, 200, &reg.client, registered.manage, NULL);
    }

    OPENSSL_cleanse(&reg, sizeof(reg));
}


/* RFC 7592, 2.2: of this very client, and inside what it is */
static int
hars_registered_update(hars_request_t *r, hars_registered_t *registered,
    hars_registration_t *reg)
{
    int  rc;

    if (strcmp(reg->id, registered->client.id) != 0) {
        rc = hars_registration_refuse(reg, "client_id is not that of the "
                                      "path.");

    } else if (reg->secret[0]
               && hars_auth_secret(&registered->client, reg->secret)
                  != HARS_OK)
    {
        rc = hars_registration_refuse(reg, "client_secret is not the present "
                                      "one.");

    } else if (hars_registered_keys(registered, reg) != HARS_OK) {
        rc = hars_registration_refuse(reg, "jwks is changed with one of the "
                                      "certificates in it alone.");

    } else {
        rc = hars_policy_narrow(&registered->client, reg, &registered->cert);
    }

    if (rc != HARS_OK) {
        hars_oauth_error(r, reg->error, reg->why);
    }

    return rc;
}


/*
 * Certificates of one's own making stay what they are for whoever came with
 * another one: with the token alone nobody takes a client over.
 */
static int
hars_registered_keys(const hars_registered_t *registered,
    const hars_registration_t *reg)
{
    const hars_client_t  *client;

    client = &registered->client;

    return strcmp(client->auth->name, "self_signed") != 0
           || strcmp(client->auth_value, reg->client.auth_value) == 0
           || hars_auth_wrong(client, &registered->cert) == NULL
           ? HARS_OK : HARS_ERROR;
}


void
hars_as_registered_delete(hars_request_t *r)
{
    int                 rc;
    hars_as_socket_t   *socket;
    hars_registered_t   registered;

    socket = r->data;

    if (hars_registered_open(r, &registered) != HARS_OK) {
        return;
    }

    rc = hars_registered_end(socket, &registered.client, time(NULL));

    /* at this moment somebody has disabled it, or removed it */

    if (rc == HARS_DECLINED
        && hars_registered_find(r, &registered) != HARS_OK)
    {
        return;
    }

    if (rc != HARS_OK) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The client cannot be removed.");
        return;
    }

    /* it is removed, whether that can be written down or not */

    (void) hars_audit_register(socket->as, r, "remove", registered.client.id,
                               NULL);
    hars_metrics_registered(socket->as->metrics, HARS_METRICS_REMOVE);

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "Pragma", "no-cache");
    hars_reply(r, 204, NULL, NULL, 0);
}


/*
 * No tokens, then nobody: whatever fails on the way, the next DELETE goes on.
 * Tokens of between are revoked with the client itself, and its certificates
 * are the last, since with one that is revoked nobody gets here.
 */
static int
hars_registered_end(hars_as_socket_t *socket, const hars_client_t *client,
    time_t now)
{
    int             rc;
    unsigned        n;
    uint64_t        tokens;
    hars_revoke_t   revoke;
    hars_revoked_t  revoked, certs;

    memset(&revoke, 0, sizeof(revoke));
    revoke.what = HARS_REVOKE_CLIENT;
    revoke.id = client->id;

    if (hars_revocation(socket->as, socket->store, &revoke, &revoked)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = hars_store_unregister(socket->store, client, now, &tokens);

    if (rc == HARS_OK) {
        revoked.tokens += tokens;
    }

    (void) hars_audit_revoke(socket->as, client->id, &revoke, revoked.tokens);
    hars_metrics_revoked(socket->as->metrics, HARS_REVOKE_CLIENT,
                         revoked.tokens);

    if (rc != HARS_OK) {
        return rc;
    }

    /* who cannot be told now is told by the next tick */

    (void) hars_revocation_outbox(socket->as, socket->store);

    if (hars_revocation_certificates(socket->as, socket->store, client->id,
                                     HARS_CRL_CESSATION, client->id, &n,
                                     &certs)
        != HARS_OK)
    {
        hars_log_error("client %s is removed, but not all its certificates "
                       "are revoked: see \"hars-authserver certificate "
                       "list\"", client->id);
        return HARS_ERROR;
    }

    return HARS_OK;
}
