
/*
 * See hars_as_est.h for what this is.
 *
 *     who? (secret or certificate) -> registered names -> PKCS#10 ->
 *         its names held against these -> sign -> commit, secret used up ->
 *         audit line -> answer
 *
 * Nobody who is not known (hars_as_est_who.c) makes the server look at a
 * signature.  A request that is refused for its contents uses no secret up.
 */

#include "hars_as_est_private.h"
#include "hars_as_auth.h"
#include "hars_as_ca.h"
#include "hars_as_dn.h"
#include "hars_as_metrics.h"
#include "hars_as_store_cert.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>


#define HARS_EST_EMPTY_NAME  2            /* bytes of DER */


static void hars_est_run(hars_request_t *r, unsigned again);
static int hars_est_names(hars_request_t *r, hars_enrol_t *enrol);
static int hars_est_request(hars_request_t *r, hars_enrol_t *enrol);
static int hars_est_wishes(hars_request_t *r, hars_enrol_t *enrol);
static void hars_est_issue(hars_request_t *r, hars_enrol_t *enrol);
static void hars_est_store(hars_request_t *r, hars_enrol_t *enrol,
    const hars_certificate_t *cert, char **body);
static int hars_est_written(hars_as_socket_t *socket,
    const hars_enrol_t *enrol, const hars_certificate_t *cert);
static void hars_est_declined(hars_request_t *r, const hars_enrol_t *enrol,
    hars_store_why_e why);
static void hars_est_reply(hars_request_t *r, const char *type, char *body);


int
hars_est_create(hars_as_t *as)
{
    X509        *cert[2];
    hars_est_t  *est;

    if (as->ca == NULL) {
        return HARS_OK;
    }

    est = calloc(1, sizeof(hars_est_t));

    if (est) {
        as->est = est;
        cert[0] = hars_ca_issuing(as->ca);
        cert[1] = hars_ca_root(as->ca);
        est->cacerts = hars_est_certs(cert, 2);
        est->lockout = hars_lockout_create();
    }

    if (est == NULL || est->cacerts == NULL || est->lockout == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    if (strcmp(as->conf.profile, "paper") == 0) {
        est->passwords = hars_passwords_create();

        if (est->passwords == NULL) {
            hars_log_error("libsodium does not work, or has no memory");
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


void
hars_est_free(hars_as_t *as)
{
    if (as->est) {
        hars_passwords_free(as->est->passwords);
        hars_lockout_free(as->est->lockout);
        free(as->est->cacerts);
        free(as->est);
        as->est = NULL;
    }
}


/* RFC 7030, 4.1: anybody may ask */
void
hars_as_est_cacerts(hars_request_t *r)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    if (socket->as->est == NULL) {
        hars_est_error(r, 404, "There is no certificate authority here.");
        return;
    }

    hars_est_reply(r, "application/pkcs7-mime; smime-type=certs-only",
                   strdup(socket->as->est->cacerts));
}


/*
 * 4.5.2: CsrAttrs, a SEQUENCE of
 *     SEQUENCE { id-ecPublicKey, SET { secp256r1 } }, ecdsa-with-SHA256
 */
void
hars_as_est_csrattrs(hars_request_t *r)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    if (socket->as->est == NULL) {
        hars_est_error(r, 404, "There is no certificate authority here.");
        return;
    }

    hars_est_reply(r, "application/csrattrs",
                   strdup("MCEwFQYHKoZIzj0CATEKBggqhkjOPQMBBwYIKoZIzj0EAwI="
                          "\n"));
}


void
hars_as_est_enrol(hars_request_t *r)
{
    hars_est_run(r, 0);
}


void
hars_as_est_reenrol(hars_request_t *r)
{
    hars_est_run(r, 1);
}


static void
hars_est_run(hars_request_t *r, unsigned again)
{
    hars_enrol_t      *enrol;
    hars_as_socket_t  *socket;

    socket = r->data;
    enrol = calloc(1, sizeof(hars_enrol_t));

    if (enrol == NULL || socket->as->est == NULL) {
        hars_est_error(r, enrol ? 404 : 500,
                       enrol ? "There is no certificate authority here."
                             : "There is no memory.");
        free(enrol);
        return;
    }

    r->ctx = &enrol->who;
    enrol->now = time(NULL);
    enrol->again = again;

    if ((again ? hars_est_old(r, enrol) : hars_est_secret(r, enrol)) == HARS_OK
        && hars_est_names(r, enrol) == HARS_OK
        && hars_est_request(r, enrol) == HARS_OK)
    {
        if (hars_est_wishes(r, enrol) == HARS_OK) {
            hars_est_issue(r, enrol);
        }

        hars_csr_free(&enrol->csr);
    }

    OPENSSL_cleanse(enrol, sizeof(hars_enrol_t));
    r->ctx = NULL;
    free(enrol);
}


/* what the certificate will say, and what an old one has to say already */
static int
hars_est_names(hars_request_t *r, hars_enrol_t *enrol)
{
    size_t                len;
    const char           *why;
    hars_as_socket_t     *socket;
    const unsigned char  *issuer;

    socket = r->data;

    if (!X509_NAME_get0_der(X509_get_subject_name(
                                hars_ca_issuing(socket->as->ca)),
                            &issuer, &len))
    {
        hars_est_error(r, 500, "There is no memory.");
        return HARS_ERROR;
    }

    if (hars_names_of(&enrol->client, issuer, len, &enrol->names, &why)
        != HARS_OK)
    {
        enrol->who.reason = why;
        hars_est_error(r, 403, "This client is not enrolled here, by its "
                       "registration.");
        return HARS_ERROR;
    }

    if (enrol->again
        && (hars_dn_match(enrol->names.dn, enrol->old.subject,
                          enrol->old.subject_len) != HARS_OK
            || enrol->old.san_len != enrol->names.san_len
            || memcmp(enrol->old.san, enrol->names.san, enrol->names.san_len)
               != 0))
    {
        hars_est_error(r, 403, "The client is registered by other names now "
                       "than its certificate has: enrol anew.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_est_request(hars_request_t *r, hars_enrol_t *enrol)
{
    int             rc;
    size_t          len;
    const char     *error;
    unsigned char  *der;

    if (!hars_request_type(r, "application/pkcs10")) {
        hars_est_error(r, 415, "Content-Type has to be application/pkcs10.");
        return HARS_ERROR;
    }

    der = malloc(HARS_CSR_TEXT + 1);

    if (der == NULL) {
        hars_est_error(r, 500, "There is no memory.");
        return HARS_ERROR;
    }

    error = "The request is not in base64 (RFC 8951, 3).";
    rc = hars_csr_decode(r->body, r->body_len, der, &len);

    if (rc == HARS_OK) {
        rc = hars_csr_parse(&enrol->csr, der, len, &error);
    }

    if (rc != HARS_OK) {
        hars_est_error(r, 400, error);
    }

    free(der);

    return rc;
}


/*
 * Names are not for it to choose.  On enrolment it may leave them out; later
 * they are those of the certificate that is followed (4.2.2).
 */
static int
hars_est_wishes(hars_request_t *r, hars_enrol_t *enrol)
{
    const hars_cert_t  *names;

    names = &enrol->csr.names;

    if ((enrol->again || names->subject_len != HARS_EST_EMPTY_NAME)
        && hars_dn_match(enrol->names.dn, names->subject, names->subject_len)
           != HARS_OK)
    {
        hars_est_error(r, 400, "The subject is not the registered one.");
        return HARS_ERROR;
    }

    if (!enrol->again && enrol->csr.sans == 0) {
        return HARS_OK;
    }

    if (enrol->csr.sans != (enrol->names.san_len != 0)
        || (enrol->csr.sans
            && enrol->client.auth->match(enrol->client.auth_value, names)
               != HARS_OK))
    {
        hars_est_error(r, 400, "The subjectAltName is not the registered "
                       "one.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static void
hars_est_issue(hars_request_t *r, hars_enrol_t *enrol)
{
    char                *body;
    size_t               len;
    unsigned char       *der, serial[HARS_CA_SERIAL];
    hars_as_socket_t    *socket;
    hars_certificate_t   cert;

    socket = r->data;
    strcpy(cert.client_id, enrol->client.id);

    if (hars_ca_serial(serial) != HARS_OK
        || hars_ca_issue(socket->as->ca, &enrol->names, &enrol->csr, serial,
                         enrol->now, socket->as->conf.ca_days, &der, &len,
                         &cert) != HARS_OK)
    {
        hars_est_error(r, 500, "The certificate cannot be signed.");
        return;
    }

    body = hars_est_cert(der, len);
    free(der);

    if (body == NULL) {
        hars_est_error(r, 500, "There is no memory.");
        return;
    }

    hars_est_store(r, enrol, &cert, &body);

    free(body);
}


/* committed, then written down, then told; "body" is taken where it is told */
static void
hars_est_store(hars_request_t *r, hars_enrol_t *enrol,
    const hars_certificate_t *cert, char **body)
{
    int                rc;
    hars_store_why_e   why;
    hars_as_socket_t  *socket;

    socket = r->data;

    rc = enrol->again
         ? hars_store_reenrol(socket->store, &enrol->client,
                              enrol->old.thumbprint, cert, &why)
         : enrol->password[0]
         ? hars_store_enrol_again(socket->store, &enrol->client,
                                  enrol->password, cert, &why)
         : hars_store_enrol(socket->store, &enrol->client, enrol->secret,
                            cert, &why);

    if (rc == HARS_DECLINED) {
        hars_est_declined(r, enrol, why);
        return;
    }

    if (rc != HARS_OK || hars_est_written(socket, enrol, cert) != HARS_OK) {
        hars_est_error(r, 500, "The certificate cannot be stored.");
        return;
    }

    hars_metrics_est(socket->as->metrics, enrol->again ? HARS_EST_REENROLLED
                                                       : HARS_EST_ENROLLED);

    hars_est_reply(r, "application/pkcs7-mime; smime-type=certs-only", *body);
    *body = NULL;
}


/* nobody is certified without a line of it: then it never was */
static int
hars_est_written(hars_as_socket_t *socket, const hars_enrol_t *enrol,
    const hars_certificate_t *cert)
{
    const unsigned char  *old, *secret;

    old = enrol->again ? enrol->old.thumbprint : NULL;
    secret = (enrol->again || enrol->password[0]) ? NULL : enrol->secret;

    if (hars_audit_certificate(socket->as, old ? "reenrol" : "enrol", cert,
                               old) == HARS_OK)
    {
        return HARS_OK;
    }

    if (hars_store_unenrol(socket->store, cert, old, secret, enrol->until)
        != HARS_OK)
    {
        hars_log_error("client %s: a certificate that it did not get stays in "
                       "the database, its secret is used up",
                       cert->client_id);
    }

    return HARS_ERROR;
}


static void
hars_est_declined(hars_request_t *r, const hars_enrol_t *enrol,
    hars_store_why_e why)
{
    if (why == HARS_STORE_OFTEN) {
        hars_est_wait(r, HARS_EST_OFTEN_TIME);

    } else if (why == HARS_STORE_KEY) {
        hars_est_error(r, 409, "The key is of another client, or was "
                       "compromised: make a new one.");

    /* used, disabled, revoked a moment ago */

    } else if (enrol->again) {
        hars_est_error(r, 403, "The certificate is not good any more.");

    } else {
        hars_est_unknown(r, "came with a secret that was used");
    }
}


void
hars_est_refuse(hars_request_t *r, unsigned status, const char *detail)
{
    hars_est_error(r, status, detail);
}


/* 4.2.3: a line of text */
void
hars_est_error(hars_request_t *r, unsigned status, const char *text)
{
    char               line[256];
    hars_as_socket_t  *socket;

    socket = r->data;

    hars_metrics_est(socket->as->metrics,
                     status == 429 ? HARS_EST_LIMITED
                     : status < 500 ? HARS_EST_REFUSED : HARS_EST_FAILED);

    (void) hars_audit_refuse(socket->as, r,
                             status == 429 ? "slow_down"
                             : status == 401 || status == 403
                               ? "invalid_client"
                             : status < 500 ? "invalid_request"
                             : "server_error", text);

    snprintf(line, sizeof(line), "%s\n", text);

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_text(r, status, "text/plain; charset=utf-8", line);
}


void
hars_est_wait(hars_request_t *r, unsigned seconds)
{
    char  text[16];

    snprintf(text, sizeof(text), "%u", seconds);

    hars_reply_header(r, "Retry-After", text);
    hars_est_error(r, 429, "There were too many attempts: wait.");
}


static void
hars_est_reply(hars_request_t *r, const char *type, char *body)
{
    if (body == NULL) {
        hars_est_error(r, 500, "There is no memory.");
        return;
    }

    /* RFC 8951, 3.1 ignores it; some clients want it */

    hars_reply_header(r, "Content-Transfer-Encoding", "base64");
    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, type, body, strlen(body));
}
