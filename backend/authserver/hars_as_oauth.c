
/*
 * See hars_as_oauth.h for what this is.  All refusals of a client sound the
 * same outside: the log says which it was.
 */

#include "hars_as_oauth.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_auth.h"
#include "hars_as_known.h"
#include "hars_as_metrics.h"
#include "hars_as_store.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>


#define HARS_OAUTH_FORM  "application/x-www-form-urlencoded"


typedef struct {
    const char  *name;
    unsigned     status;
} hars_oauth_answer_t;


static void hars_oauth_challenge(hars_request_t *r);
static void hars_oauth_answer(hars_request_t *r, unsigned status,
    const char *error, const char *description);
static int hars_oauth_foreign(hars_request_t *r, const char *issuer);
static int hars_oauth_cert(hars_request_t *r, time_t now, hars_cert_t *cert);
static int hars_oauth_method(hars_request_t *r, const hars_form_t *form,
    char basic[HARS_AUTH_BASIC], const char **id, const char **secret);
static void hars_oauth_who(hars_request_t *r, const char *id,
    const hars_cert_t *cert);
static int hars_oauth_registered(hars_request_t *r, const char *id,
    const char *secret, const hars_cert_t *cert, hars_client_t *client);
static const char *hars_oauth_wrong(const hars_client_t *client,
    const char *secret, const hars_cert_t *cert);


static const hars_oauth_answer_t  hars_oauth_answers[] = {
    [HARS_OAUTH_INVALID_REQUEST] = { "invalid_request", 400 },
    [HARS_OAUTH_INVALID_CLIENT] = { "invalid_client", 401 },
    [HARS_OAUTH_UNAUTHORIZED_CLIENT] = { "unauthorized_client", 400 },
    [HARS_OAUTH_UNSUPPORTED_GRANT_TYPE] = { "unsupported_grant_type", 400 },
    [HARS_OAUTH_INVALID_GRANT] = { "invalid_grant", 400 },
    [HARS_OAUTH_INVALID_SCOPE] = { "invalid_scope", 400 },
    [HARS_OAUTH_INVALID_TARGET] = { "invalid_target", 400 },
    [HARS_OAUTH_INVALID_TOKEN] = { "invalid_token", 401 },
    [HARS_OAUTH_INVALID_METADATA] = { "invalid_client_metadata", 400 },
    [HARS_OAUTH_INVALID_REDIRECT] = { "invalid_redirect_uri", 400 },
    [HARS_OAUTH_INVALID_STATEMENT] = { "invalid_software_statement", 400 },
    [HARS_OAUTH_SERVER_ERROR] = { "server_error", 500 }
};


void
hars_oauth_error(hars_request_t *r, hars_oauth_error_e error,
    const char *description)
{
    hars_as_socket_t           *socket;
    const hars_oauth_answer_t  *answer;

    answer = &hars_oauth_answers[error];
    socket = r->data;
    hars_metrics_refused(socket->as->metrics, error);

    if (error == HARS_OAUTH_INVALID_TOKEN) {
        hars_reply_header(r, "WWW-Authenticate", "Bearer realm=\"HARS\", "
                          "error=\"invalid_token\"");

    } else if (error == HARS_OAUTH_INVALID_CLIENT) {
        hars_oauth_challenge(r);
    }

    hars_oauth_answer(r, answer->status, answer->name, description);
}


/* RFC 6749, 5.2: who tried the Authorization header gets its scheme */
static void
hars_oauth_challenge(hars_request_t *r)
{
    int          rc;
    const char  *value;

    rc = hars_request_header(r, "Authorization", &value);

    if (rc == HARS_OK && strncasecmp(value, "Bearer ", 7) == 0) {
        hars_reply_header(r, "WWW-Authenticate", "Bearer realm=\"HARS\"");

    } else if (rc != HARS_DECLINED) {
        hars_reply_header(r, "WWW-Authenticate", "Basic realm=\"HARS\"");
    }
}


const char *
hars_oauth_name(hars_oauth_error_e error)
{
    return hars_oauth_answers[error].name;
}


hars_audit_who_t *
hars_oauth_begin(hars_request_t *r)
{
    r->ctx = hars_request_room(r, sizeof(hars_audit_who_t));

    if (r->ctx == NULL) {
        hars_oauth_refuse(r, 503, "The service is short of memory.");
    }

    return r->ctx;
}


void
hars_oauth_refuse(hars_request_t *r, unsigned status, const char *detail)
{
    hars_oauth_answer(r, status,
                      status < 500 ? "invalid_request" : "server_error",
                      detail);
}


static void
hars_oauth_answer(hars_request_t *r, unsigned status, const char *error,
    const char *description)
{
    char              *json;
    hars_as_socket_t  *socket;

    socket = r->data;
    (void) hars_audit_refuse(socket->as, r, error, description);

    json = hars_answer_error(error, description);

    if (json) {
        hars_reply_header(r, "Cache-Control", "no-store");
        hars_reply_header(r, "Pragma", "no-cache");
        hars_reply(r, status, "application/json", json, strlen(json));
    }
}


void
hars_oauth_reply(hars_request_t *r, char *json)
{
    hars_oauth_reply_status(r, 200, json);
}


void
hars_oauth_reply_status(hars_request_t *r, unsigned status, char *json)
{
    if (json == NULL) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR, "There is no memory.");
        return;
    }

    /* RFC 6749, 5.1 */

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "Pragma", "no-cache");
    hars_reply(r, status, "application/json", json, strlen(json));
}


int
hars_oauth_form(hars_request_t *r, hars_form_t *form, const char *repeated)
{
    const char  *error;

    if (!hars_request_type(r, HARS_OAUTH_FORM)) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "Content-Type has to be " HARS_OAUTH_FORM ".");
        return HARS_ERROR;
    }

    if (hars_form_parse(form, r->body, r->body_len, repeated, &error)
        != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST, error);
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_oauth_cross_site(hars_request_t *r)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    if (!hars_oauth_foreign(r, socket->as->conf.issuer)) {
        return HARS_OK;
    }

    (void) hars_audit_refuse(socket->as, r, "cross_site",
                             "a page of another origin");

    hars_reply_problem(r, 403, "Pages of other origins have no business "
                       "here.");

    return HARS_ERROR;
}


/* RFC 6454, 7: Origin is the issuer's own, or there is none */
static int
hars_oauth_foreign(hars_request_t *r, const char *issuer)
{
    int          rc;
    size_t       len;
    const char  *value;

    rc = hars_request_header(r, "Sec-Fetch-Site", &value);

    if (rc == HARS_ERROR
        || (rc == HARS_OK && strcasecmp(value, "cross-site") == 0))
    {
        return 1;
    }

    rc = hars_request_header(r, "Origin", &value);

    if (rc == HARS_DECLINED) {
        return 0;
    }

    /* scheme, host and port of the issuer identifier, without its path */

    len = strlen("https://");
    len += strcspn(issuer + len, "/");

    return rc != HARS_OK
           || strlen(value) != len
           || strncasecmp(value, issuer, len) != 0;
}


int
hars_oauth_client(hars_request_t *r, const hars_form_t *form, time_t now,
    hars_client_t *client, hars_cert_t *cert)
{
    int          rc;
    char         basic[HARS_AUTH_BASIC];
    const char  *id, *secret;

    rc = hars_oauth_method(r, form, basic, &id, &secret);

    if (rc == HARS_OK) {
        rc = hars_oauth_cert(r, now, cert);
    }

    if (rc == HARS_OK) {
        hars_oauth_who(r, id, cert);
        rc = hars_oauth_registered(r, id, secret, cert, client);
    }

    OPENSSL_cleanse(basic, sizeof(basic));

    return rc;
}


/* what the audit log may say of whom */
static void
hars_oauth_who(hars_request_t *r, const char *id, const hars_cert_t *cert)
{
    hars_audit_who_t  *who;

    who = r->ctx;

    who->client_id = NULL;
    who->has_cert = 1;
    memcpy(who->thumbprint, cert->thumbprint, HARS_SHA256_LEN);

    if (hars_words_id(id)) {
        strcpy(who->id, id);
        who->client_id = who->id;
    }
}


/*
 * A certificate, with client_id beside it (RFC 8705, 2), or a secret (RFC
 * 6749, 2.3.1); not both ways, and none that stands in the body.
 */
static int
hars_oauth_method(hars_request_t *r, const hars_form_t *form,
    char basic[HARS_AUTH_BASIC], const char **id, const char **secret)
{
    int          rc;
    unsigned     n;
    const char  *value, *named;

    rc = hars_request_header(r, "Authorization", &value);
    n = (rc != HARS_DECLINED)
        + (hars_form_get(form, "client_secret") != NULL)
        + (hars_form_get(form, "client_assertion") != NULL);

    /* RFC 6749, 5.2: more than one mechanism; unsupported method */

    if (n > 1) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "There is more than one client authentication.");
        return HARS_ERROR;
    }

    named = hars_form_get(form, "client_id");
    *secret = NULL;

    if (n == 0) {
        *id = named;

        if (named == NULL) {
            hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                             "The parameter client_id is missing.");
            return HARS_ERROR;
        }

        return HARS_OK;
    }

    if (rc != HARS_OK
        || hars_auth_basic(value, basic, id, secret) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "Clients authenticate by their certificate, or by "
                         "a secret in the Authorization header.");
        return HARS_ERROR;
    }

    if (named && strcmp(named, *id) != 0) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The parameter client_id names another client.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_oauth_cert(hars_request_t *r, time_t now, hars_cert_t *cert)
{
    int                rc;
    const char        *value;
    hars_as_socket_t  *socket;

    socket = r->data;
    rc = hars_request_header(r, "Client-Cert", &value);

    if (rc == HARS_DECLINED || (rc == HARS_OK && *value == '\0')) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "There is no client certificate.");
        return HARS_ERROR;
    }

    if (rc != HARS_OK
        || hars_cert_parse(socket->as->certs, cert, value, now) != HARS_OK)
    {
        hars_log_warn("Client-Cert is doubled or malformed, see that the "
                      "gateway sets it");
        hars_oauth_error(r, HARS_OAUTH_INVALID_REQUEST,
                         "The client certificate cannot be read.");
        return HARS_ERROR;
    }

    if (!cert->valid) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "The client certificate is not valid now.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_oauth_holder(hars_request_t *r, time_t now, hars_cert_t *cert)
{
    int                rc;
    hars_audit_who_t  *who;
    hars_as_socket_t  *socket;

    if (hars_oauth_cert(r, now, cert) != HARS_OK) {
        return HARS_ERROR;
    }

    socket = r->data;
    who = r->ctx;

    hars_oauth_who(r, "", cert);

    rc = hars_known_revoked(socket->known, cert->thumbprint, 0);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    who->reason = "came with a revoked certificate";
    hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                     "The certificate is not to be used.");

    return HARS_ERROR;
}


static int
hars_oauth_registered(hars_request_t *r, const char *id, const char *secret,
    const hars_cert_t *cert, hars_client_t *client)
{
    int                rc, revoked;
    int64_t            revision;
    const char        *wrong;
    hars_audit_who_t  *who;
    hars_as_socket_t  *socket;

    socket = r->data;

    rc = hars_store_revision(socket->store, &revision);

    if (rc == HARS_OK) {
        rc = hars_words_id(id)
             ? hars_known_client(socket->known, id, revision, client)
             : HARS_DECLINED;
    }

    revoked = (rc == HARS_ERROR)
              ? HARS_ERROR
              : hars_known_revoked(socket->known, cert->thumbprint, revision);

    if (revoked == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The database cannot be asked.");
        return HARS_ERROR;
    }

    who = r->ctx;
    wrong = (rc == HARS_DECLINED) ? "is not registered"
            : (revoked == HARS_OK) ? "came with a revoked certificate"
            : hars_oauth_wrong(client, secret, cert);

    if (wrong == NULL) {
        return HARS_OK;
    }

    who->reason = wrong;
    hars_log_warn("client \"%.64s\" %s", hars_words_id(id) ? id : "?", wrong);

    hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                     "The client is unknown, or the certificate is not "
                     "its own.");

    return HARS_ERROR;
}


static const char *
hars_oauth_wrong(const hars_client_t *client, const char *secret,
    const hars_cert_t *cert)
{
    if (client->disabled_at) {
        return "is disabled";
    }

    /* who has registered one way does not come in by another */

    if (client->has_secret != (secret != NULL)) {
        return secret ? "came with a secret, which it has none of"
                      : "came without its secret";
    }

    if (secret && hars_auth_secret(client, secret) != HARS_OK) {
        return "came with another secret";
    }

    return hars_auth_wrong(client, cert);
}
