
/*
 * POST /oauth2/register, RFC 7591, section 3:
 *
 *     cross-site? -> certificate -> initial access token -> metadata
 *         -> inside the token's policy? -> use counted, client stored
 *
 * The last step is one transaction: a token for one use makes one client,
 * however many come with it at a time.
 */

#include "hars_as_register.h"
#include "hars_as_audit.h"
#include "hars_as_auth.h"
#include "hars_as_client.h"
#include "hars_as_metrics.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>


#define HARS_REGISTER_URI  1024


static int hars_register_token(hars_request_t *r, time_t now,
    hars_register_token_t *token);
static int hars_register_refused(hars_request_t *r);
static int hars_register_proven(hars_request_t *r,
    const hars_client_t *client, const hars_cert_t *cert);
static void hars_register_client(hars_request_t *r,
    const hars_register_token_t *token, hars_client_t *client, time_t now);
static int hars_register_written(hars_as_socket_t *socket, hars_request_t *r,
    const hars_client_t *client, const hars_register_token_t *token);
static int hars_register_make(hars_client_t *client,
    char manage[HARS_SECRET_SIZE], char secret[HARS_SECRET_SIZE]);


void
hars_as_register(hars_request_t *r)
{
    time_t                  now;
    hars_cert_t             cert;
    hars_registration_t     reg;
    hars_register_token_t   token;

    now = time(NULL);

    if (hars_oauth_begin(r) == NULL
        || hars_oauth_cross_site(r) != HARS_OK
        || hars_oauth_holder(r, now, &cert) != HARS_OK
        || hars_register_token(r, now, &token) != HARS_OK
        || hars_register_body(r, &reg, 0) != HARS_OK
        || hars_register_proven(r, &reg.client, &cert) != HARS_OK)
    {
        return;
    }

    if (hars_policy_apply(&token.policy, &reg, &cert) != HARS_OK) {
        hars_oauth_error(r, reg.error, reg.why);

    } else if (strcmp(reg.client.auth->name, "secret") == 0
               && hars_cert_holder(&cert, reg.client.auth_value) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR, "There is no memory.");

    } else {
        hars_register_client(r, &token, &reg.client, now);
    }

    OPENSSL_cleanse(&reg, sizeof(reg));
}


static int
hars_register_token(hars_request_t *r, time_t now,
    hars_register_token_t *token)
{
    int                rc;
    const char        *value;
    unsigned char      hash[HARS_SHA256_LEN];
    hars_as_socket_t  *socket;

    socket = r->data;

    if (hars_register_bearer(r, HARS_SECRET_INITIAL, &value, hash)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = hars_store_register_token_get(socket->store, hash, now, token);

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    if (rc == HARS_DECLINED) {
        return hars_register_refused(r);
    }

    /* the key of refresh tokens may have been taken away since */

    if (socket->as->refresh == NULL) {
        token->policy.refresh = 0;
    }

    return HARS_OK;
}


int
hars_register_bearer(hars_request_t *r, const char *prefix,
    const char **token, unsigned char hash[HARS_SHA256_LEN])
{
    const char  *value;

    if (hars_request_header(r, "Authorization", &value) == HARS_OK
        && strncasecmp(value, "Bearer ", 7) == 0)
    {
        value += 7;
        value += strspn(value, " ");
        *token = value;

        if (hars_secret_hash(value, prefix, hash) == HARS_OK) {
            return HARS_OK;
        }
    }

    return hars_register_refused(r);
}


/* RFC 7591, 3.2.2: as any access token (RFC 6750, 3.1) */
static int
hars_register_refused(hars_request_t *r)
{
    hars_oauth_error(r, HARS_OAUTH_INVALID_TOKEN,
                     "The token is missing, unknown, used up or has ended.");

    return HARS_ERROR;
}


int
hars_register_body(hars_request_t *r, hars_registration_t *reg,
    unsigned update)
{
    if (!hars_request_type(r, "application/json")) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "Content-Type has to be application/json.");
        return HARS_ERROR;
    }

    if (hars_registration_read(reg, r->body, r->body_len, update) != HARS_OK)
    {
        hars_oauth_error(r, reg->error, reg->why);
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* a certificate that nobody has issued proves itself and nobody else */
static int
hars_register_proven(hars_request_t *r, const hars_client_t *client,
    const hars_cert_t *cert)
{
    if (cert->trusted
        || (strcmp(client->auth->name, "self_signed") == 0
            && client->auth->match(client->auth_value, cert) == HARS_OK))
    {
        return HARS_OK;
    }

    hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                     "The certificate is of no authority that is believed.");

    return HARS_ERROR;
}


static void
hars_register_client(hars_request_t *r, const hars_register_token_t *token,
    hars_client_t *client, time_t now)
{
    int                rc;
    char               manage[HARS_SECRET_SIZE], secret[HARS_SECRET_SIZE];
    hars_as_socket_t  *socket;

    socket = r->data;
    client->created_at = now;
    rc = hars_register_make(client, manage, secret);

    if (rc == HARS_OK) {
        rc = hars_store_register(socket->store, token, client, now);
    }

    if (rc == HARS_DECLINED) {
        (void) hars_register_refused(r);

    } else if (rc != HARS_OK
               || hars_register_written(socket, r, client, token) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The client cannot be stored.");

    } else {
        hars_metrics_registered(socket->as->metrics, HARS_METRICS_REGISTER);
        hars_register_reply(r, 201, client, manage,
                            client->has_secret ? secret : NULL);
    }

    OPENSSL_cleanse(manage, sizeof(manage));
    OPENSSL_cleanse(secret, sizeof(secret));
}


/* nobody is registered without a line of it; the use stays counted */
static int
hars_register_written(hars_as_socket_t *socket, hars_request_t *r,
    const hars_client_t *client, const hars_register_token_t *token)
{
    if (hars_audit_register(socket->as, r, "register", client->id, token->id)
        == HARS_OK)
    {
        return HARS_OK;
    }

    (void) hars_store_client_remove(socket->store, client->id);

    return HARS_ERROR;
}


static int
hars_register_make(hars_client_t *client, char manage[HARS_SECRET_SIZE],
    char secret[HARS_SECRET_SIZE])
{
    if (hars_client_new_id(client) != HARS_OK
        || (client->sub[0] == '\0' && hars_client_new_sub(client) != HARS_OK)
        || hars_secret_make(manage, HARS_SECRET_MANAGE, client->registration)
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    client->has_registration = 1;
    client->has_secret = strcmp(client->auth->name, "secret") == 0;

    return client->has_secret
           ? hars_secret_make(secret, HARS_SECRET_CLIENT, client->secret)
           : HARS_OK;
}


void
hars_register_reply(hars_request_t *r, unsigned status,
    const hars_client_t *client, const char *manage, const char *secret)
{
    char                   uri[HARS_REGISTER_URI];
    const hars_as_conf_t  *conf;

    conf = &((hars_as_socket_t *) r->data)->as->conf;

    /* a certificate has to come along: where the gateway asks for one */

    snprintf(uri, sizeof(uri), "%s" HARS_REGISTER_PATH "/%s",
             conf->mtls_base ? conf->mtls_base : conf->issuer, client->id);

    hars_oauth_reply_status(r, status, hars_registration_answer(client, uri,
                                                                manage,
                                                                secret));
}
