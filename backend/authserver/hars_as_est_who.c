
/*
 * Who enrols, RFC 7030, 3.2.3 and 3.3.2: a client with the secret that was
 * made for it, or one with a certificate that was issued here.  Outside it is
 * told that it is unknown, and no more; the log has the reason.
 */

#include "hars_as_est_private.h"
#include "hars_as_auth.h"
#include "hars_as_ca.h"
#include "hars_as_client.h"
#include "hars_as_store_cert.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>


#define HARS_EST_BUSY  1                  /* it has been answered */


static int hars_est_basic(hars_request_t *r, hars_enrol_t *enrol,
    char basic[HARS_AUTH_BASIC], const char **id, const char **secret);
static int hars_est_known(hars_request_t *r, hars_enrol_t *enrol,
    const char *id, const char *secret);
static int hars_est_password(hars_request_t *r, hars_enrol_t *enrol,
    const char *id, const char *password);
static int hars_est_old_cert(hars_request_t *r, hars_enrol_t *enrol);
static const char *hars_est_old_wrong(hars_as_socket_t *socket,
    hars_enrol_t *enrol, int *rc);


/* RFC 7030, 3.2.3: HTTP Basic; RFC 7617 */
int
hars_est_secret(hars_request_t *r, hars_enrol_t *enrol)
{
    int                rc;
    char               basic[HARS_AUTH_BASIC];
    unsigned           wait;
    const char        *id, *secret;
    hars_as_socket_t  *socket;

    socket = r->data;
    rc = hars_est_basic(r, enrol, basic, &id, &secret);

    if (rc == HARS_OK) {
        wait = hars_lockout_try(socket->as->est->lockout, id, enrol->now);

        if (wait) {
            hars_est_wait(r, wait);
            rc = HARS_ERROR;
        }
    }

    if (rc == HARS_OK) {
        rc = hars_est_known(r, enrol, id, secret);
    }

    if (rc == HARS_OK) {
        hars_lockout_succeeded(socket->as->est->lockout, id);
    }

    OPENSSL_cleanse(basic, sizeof(basic));

    return rc;
}


static int
hars_est_basic(hars_request_t *r, hars_enrol_t *enrol,
    char basic[HARS_AUTH_BASIC], const char **id, const char **secret)
{
    int          rc;
    const char  *value;

    rc = hars_request_header(r, "Authorization", &value);

    if (rc == HARS_DECLINED) {
        hars_est_unknown(r, "without a secret");
        return HARS_ERROR;
    }

    if (rc != HARS_OK
        || hars_auth_basic_plain(value, basic, id, secret) != HARS_OK
        || !EVP_Digest(*secret, strlen(*secret), enrol->secret, NULL,
                       EVP_sha256(), NULL))
    {
        hars_est_unknown(r, "the Authorization header is malformed");
        return HARS_ERROR;
    }

    if (hars_words_id(*id)) {
        strcpy(enrol->who.id, *id);
        enrol->who.client_id = enrol->who.id;
    }

    return HARS_OK;
}


/* the same is asked of the database, whoever it is */
static int
hars_est_known(hars_request_t *r, hars_enrol_t *enrol, const char *id,
    const char *secret)
{
    int                rc, known;
    const char        *wrong;
    hars_as_socket_t  *socket;

    socket = r->data;

    known = (socket->as->est->passwords
             && strncmp(secret, HARS_SECRET_ENROL,
                        sizeof(HARS_SECRET_ENROL) - 1) != 0)
            ? hars_est_password(r, enrol, id, secret)
            : hars_store_secret_known(socket->store,
                                      hars_words_id(id) ? id : "?",
                                      enrol->secret, enrol->now,
                                      &enrol->until);

    if (known == HARS_EST_BUSY) {
        return HARS_ERROR;
    }

    rc = hars_store_client_get(socket->store,
                               hars_words_id(id) ? id : "?", &enrol->client);

    if (rc == HARS_ERROR || known == HARS_ERROR) {
        hars_est_error(r, 500, "The database cannot be asked.");
        return HARS_ERROR;
    }

    wrong = (rc != HARS_OK) ? "is not registered"
            : (known != HARS_OK) ? "came with a wrong secret"
            : enrol->client.disabled_at ? "is disabled" : NULL;

    if (wrong) {
        hars_est_unknown(r, wrong);
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* the paper's profile: it takes as long for a client that has none */
static int
hars_est_password(hars_request_t *r, hars_enrol_t *enrol, const char *id,
    const char *password)
{
    int                rc;
    hars_as_socket_t  *socket;

    socket = r->data;

    rc = hars_store_password_get(socket->store, hars_words_id(id) ? id : "?",
                                 enrol->password);
    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    rc = hars_password_verify(socket->as->est->passwords,
                              rc == HARS_OK ? enrol->password : NULL,
                              password);

    if (rc == HARS_ERROR) {
        hars_lockout_unmade(socket->as->est->lockout, id);
        hars_est_wait(r, HARS_PASSWORD_WAIT);
        return HARS_EST_BUSY;
    }

    return rc;
}


/* 4.2.2: who has a certificate of ours shows it by TLS */
int
hars_est_old(hars_request_t *r, hars_enrol_t *enrol)
{
    int                rc;
    const char        *wrong;
    hars_as_socket_t  *socket;

    if (hars_est_old_cert(r, enrol) != HARS_OK) {
        return HARS_ERROR;
    }

    socket = r->data;
    wrong = hars_est_old_wrong(socket, enrol, &rc);

    if (rc == HARS_ERROR) {
        hars_est_error(r, 500, "The database cannot be asked.");
        return HARS_ERROR;
    }

    if (wrong) {
        enrol->who.reason = wrong;
        hars_est_error(r, 403, "The certificate is not one that was issued "
                       "here, or is not good any more.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_est_old_cert(hars_request_t *r, hars_enrol_t *enrol)
{
    int                rc;
    const char        *value;
    hars_as_socket_t  *socket;

    socket = r->data;
    rc = hars_request_header(r, "Client-Cert", &value);

    if (rc == HARS_DECLINED || (rc == HARS_OK && *value == '\0')) {
        hars_est_error(r, 403, "The certificate that is to be followed has "
                       "to come along, by TLS.");
        return HARS_ERROR;
    }

    if (rc != HARS_OK
        || hars_cert_parse(socket->as->certs, &enrol->old, value, enrol->now)
           != HARS_OK)
    {
        hars_est_error(r, 400, "The client certificate cannot be read.");
        return HARS_ERROR;
    }

    enrol->who.has_cert = 1;
    memcpy(enrol->who.thumbprint, enrol->old.thumbprint, HARS_SHA256_LEN);

    return HARS_OK;
}


/* why it is no certificate to go on from; *rc HARS_ERROR: nobody knows */
static const char *
hars_est_old_wrong(hars_as_socket_t *socket, hars_enrol_t *enrol, int *rc)
{
    hars_certificate_t  row;

    *rc = HARS_OK;

    if (!enrol->old.valid || !enrol->old.trusted) {
        return "the certificate is not valid";
    }

    *rc = hars_store_certificate_get(socket->store, enrol->old.thumbprint,
                                     &row);
    if (*rc != HARS_OK) {
        return "the certificate was not issued here";
    }

    strcpy(enrol->who.id, row.client_id);
    enrol->who.client_id = enrol->who.id;

    if (row.revoked_at) {
        return "the certificate is revoked";
    }

    *rc = hars_store_cert_revoked(socket->store, enrol->old.thumbprint);

    if (*rc != HARS_DECLINED) {
        return "the certificate is revoked";
    }

    *rc = hars_store_client_get(socket->store, row.client_id, &enrol->client);

    return (*rc != HARS_OK) ? "the client is not registered any more"
           : enrol->client.disabled_at ? "the client is disabled"
           : hars_auth_wrong(&enrol->client, &enrol->old);
}


/* all of these sound the same */
void
hars_est_unknown(hars_request_t *r, const char *reason)
{
    hars_audit_who_t  *who;

    who = r->ctx;
    who->reason = reason;

    if (who->client_id) {
        hars_log_warn("enrolment of \"%.64s\" refused: %s", who->client_id,
                      reason);
    }

    hars_reply_header(r, "WWW-Authenticate",
                      "Basic realm=\"HARS enrolment\", charset=\"UTF-8\"");
    hars_est_error(r, 401, "The client is unknown, or its secret is wrong or "
                   "used.");
}
