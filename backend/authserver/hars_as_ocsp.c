
/*
 * See hars_as_ocsp.h for what this is.
 *
 *     request -> whose? -> rows -> kept answer, or signature
 *
 * The database is asked each time, so that a revocation shows at once; what
 * is kept saves the signature alone.  A question with a nonce gets an answer
 * of its own.
 */

#include "hars_as_ocsp.h"
#include "hars_as_ca.h"
#include "hars_as_crl.h"
#include "hars_as_metrics.h"
#include "hars_as_store_cert.h"
#include "hars_log.h"
#include "hars_sha256.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>


#define HARS_OCSP_SLOTS  1024
#define HARS_OCSP_KEPT   1024             /* bytes, longest answer kept */
#define HARS_OCSP_TAG    16               /* hexadecimal digits */


typedef struct {
    unsigned char        hash[HARS_SHA256_LEN];        /* of the CertID */
    hars_ocsp_status_t   status;
    int64_t              made;            /* s; 0: free */
    size_t               len;
    unsigned char        der[HARS_OCSP_KEPT];
} hars_ocsp_slot_t;


struct hars_ocsp_s {
    unsigned char       *root;            /* NULL: there is none */
    size_t               root_len;
    pthread_mutex_t      mutex;
    hars_ocsp_slot_t     slot[HARS_OCSP_SLOTS];
};


static void hars_ocsp_run(hars_request_t *r, const unsigned char *der,
    size_t len, unsigned get);
static int hars_ocsp_issuing(hars_request_t *r,
    const hars_ocsp_request_t *request);
static int hars_ocsp_look(hars_request_t *r, OCSP_CERTID *id,
    hars_ocsp_status_t *status);
static void hars_ocsp_say(hars_request_t *r,
    const hars_ocsp_request_t *request, const hars_ocsp_status_t *status,
    unsigned get);
static unsigned char *hars_ocsp_kept(hars_ocsp_t *ocsp,
    const unsigned char hash[HARS_SHA256_LEN],
    const hars_ocsp_status_t *status, int64_t now, int64_t *made,
    size_t *len);
static void hars_ocsp_keep(hars_ocsp_t *ocsp,
    const unsigned char hash[HARS_SHA256_LEN],
    const hars_ocsp_status_t *status, int64_t now, const unsigned char *der,
    size_t len);
static int hars_ocsp_hash(OCSP_CERTID *id,
    unsigned char hash[HARS_SHA256_LEN]);
static void hars_ocsp_cached(hars_request_t *r, const unsigned char *der,
    size_t len, int64_t made);
static void hars_ocsp_reply(hars_request_t *r, unsigned char *der,
    size_t len);
static void hars_ocsp_refuse(hars_request_t *r, int status);


int
hars_ocsp_create(hars_as_t *as)
{
    if (as->ca == NULL) {
        return HARS_OK;
    }

    as->ocsp = calloc(1, sizeof(hars_ocsp_t));

    if (as->ocsp == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    pthread_mutex_init(&as->ocsp->mutex, NULL);

    return hars_ocsp_root_load(as->ca, &as->ocsp->root, &as->ocsp->root_len);
}


void
hars_ocsp_free(hars_as_t *as)
{
    if (as->ocsp) {
        pthread_mutex_destroy(&as->ocsp->mutex);
        free(as->ocsp->root);
        free(as->ocsp);
        as->ocsp = NULL;
    }
}


void
hars_as_ocsp_post(hars_request_t *r)
{
    if (!hars_request_type(r, "application/ocsp-request")) {
        hars_reply_problem(r, 415, "Content-Type has to be "
                           "application/ocsp-request.");
        return;
    }

    hars_ocsp_run(r, (unsigned char *) r->body, r->body_len, 0);
}


void
hars_as_ocsp_get(hars_request_t *r)
{
    size_t          len;
    unsigned char  *der;

    der = malloc(strlen(r->rest) + 1);

    if (der == NULL) {
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_INTERNALERROR);
        return;
    }

    if (hars_ocsp_decode(r->rest, der, &len) == HARS_OK) {
        hars_ocsp_run(r, der, len, 1);

    } else {
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
    }

    free(der);
}


static void
hars_ocsp_run(hars_request_t *r, const unsigned char *der, size_t len,
    unsigned get)
{
    int                   rc;
    unsigned              i;
    hars_as_socket_t     *socket;
    hars_ocsp_status_t    status[HARS_OCSP_IDS];
    hars_ocsp_request_t   request;

    socket = r->data;

    if (socket->as->ocsp == NULL) {
        hars_reply_problem(r, 404, "There is no certificate authority here.");
        return;
    }

    if (hars_ocsp_parse(&request, der, len) != HARS_OK) {
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
        return;
    }

    if (hars_ocsp_issuing(r, &request) != HARS_OK) {
        rc = HARS_OK;

        for (i = 0; rc == HARS_OK && i < request.n; i++) {
            rc = hars_ocsp_look(r, request.id[i], &status[i]);
        }

        if (rc == HARS_OK) {
            hars_ocsp_say(r, &request, status, get);
        }
    }

    hars_ocsp_request_free(&request);
}


/* HARS_OK: answered, with what the root has signed */
static int
hars_ocsp_issuing(hars_request_t *r, const hars_ocsp_request_t *request)
{
    hars_as_t      *as;
    unsigned char  *copy;

    as = ((hars_as_socket_t *) r->data)->as;

    if (as->ocsp->root == NULL || request->n != 1
        || !hars_ocsp_root_asked(as->ca, request->id[0])
        || hars_crl_root_has(as->crl, hars_ca_issuing(as->ca)))
    {
        return HARS_DECLINED;
    }

    copy = malloc(as->ocsp->root_len);

    if (copy == NULL) {
        return HARS_DECLINED;
    }

    memcpy(copy, as->ocsp->root, as->ocsp->root_len);
    hars_metrics_ocsp(as->metrics, HARS_OCSP_GOOD);

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_ocsp_reply(r, copy, as->ocsp->root_len);

    return HARS_OK;
}


/* HARS_ERROR: answered */
static int
hars_ocsp_look(hars_request_t *r, OCSP_CERTID *id, hars_ocsp_status_t *status)
{
    int                  rc;
    unsigned char        serial[HARS_CA_SERIAL];
    hars_as_socket_t    *socket;
    hars_certificate_t   cert;

    socket = r->data;

    if (!hars_ocsp_ours(id, hars_ca_issuing(socket->as->ca))) {
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
        return HARS_ERROR;
    }

    memset(status, 0, sizeof(hars_ocsp_status_t));
    status->outcome = HARS_OCSP_UNKNOWN;

    rc = hars_ocsp_serial(id, serial);

    if (rc == HARS_OK) {
        rc = hars_store_certificate_serial(socket->store, serial, &cert);
    }

    if (rc == HARS_ERROR) {
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_TRYLATER);
        return HARS_ERROR;
    }

    if (rc == HARS_OK) {
        status->outcome = cert.revoked_at ? HARS_OCSP_REVOKED
                                          : HARS_OCSP_GOOD;
        status->revoked_at = cert.revoked_at;
        status->reason = cert.reason;
    }

    return HARS_OK;
}


/* what is kept, or what is signed now */
static void
hars_ocsp_say(hars_request_t *r, const hars_ocsp_request_t *request,
    const hars_ocsp_status_t *status, unsigned get)
{
    size_t          len;
    int64_t         now, made;
    unsigned        keep;
    hars_as_t      *as;
    unsigned char  *answer, hash[HARS_SHA256_LEN];

    as = ((hars_as_socket_t *) r->data)->as;
    made = now = time(NULL);

    keep = request->n == 1 && !request->nonce
           && hars_ocsp_hash(request->id[0], hash) == HARS_OK;

    answer = keep ? hars_ocsp_kept(as->ocsp, hash, status, now, &made, &len)
                  : NULL;

    if (answer == NULL) {
        answer = hars_ocsp_answer(as->ca, request, status, now, &len);

        if (answer && keep) {
            hars_ocsp_keep(as->ocsp, hash, status, now, answer, len);
        }
    }

    if (answer == NULL) {
        hars_log_error("the status of a certificate cannot be signed");
        hars_ocsp_refuse(r, OCSP_RESPONSE_STATUS_INTERNALERROR);
        return;
    }

    hars_metrics_ocsp(as->metrics, status[0].outcome);

    if (get && keep && status[0].outcome != HARS_OCSP_UNKNOWN) {
        hars_ocsp_cached(r, answer, len, made);

    } else {
        hars_reply_header(r, "Cache-Control", "no-store");
    }

    hars_ocsp_reply(r, answer, len);
}


static unsigned char *
hars_ocsp_kept(hars_ocsp_t *ocsp, const unsigned char hash[HARS_SHA256_LEN],
    const hars_ocsp_status_t *status, int64_t now, int64_t *made, size_t *len)
{
    unsigned char     *copy;
    hars_ocsp_slot_t  *slot;

    copy = NULL;
    slot = &ocsp->slot[(hash[0] << 8 | hash[1]) % HARS_OCSP_SLOTS];

    pthread_mutex_lock(&ocsp->mutex);

    if (slot->made <= now && now - slot->made < HARS_OCSP_KEEP
        && slot->status.outcome == status->outcome
        && slot->status.revoked_at == status->revoked_at
        && slot->status.reason == status->reason
        && memcmp(slot->hash, hash, HARS_SHA256_LEN) == 0)
    {
        copy = malloc(slot->len);

        if (copy) {
            memcpy(copy, slot->der, slot->len);
            *len = slot->len;
            *made = slot->made;
        }
    }

    pthread_mutex_unlock(&ocsp->mutex);

    return copy;
}


static void
hars_ocsp_keep(hars_ocsp_t *ocsp, const unsigned char hash[HARS_SHA256_LEN],
    const hars_ocsp_status_t *status, int64_t now, const unsigned char *der,
    size_t len)
{
    hars_ocsp_slot_t  *slot;

    if (len > HARS_OCSP_KEPT) {
        return;
    }

    slot = &ocsp->slot[(hash[0] << 8 | hash[1]) % HARS_OCSP_SLOTS];

    pthread_mutex_lock(&ocsp->mutex);

    memcpy(slot->hash, hash, HARS_SHA256_LEN);
    memcpy(slot->der, der, len);
    slot->status = *status;
    slot->made = now;
    slot->len = len;

    pthread_mutex_unlock(&ocsp->mutex);
}


static int
hars_ocsp_hash(OCSP_CERTID *id, unsigned char hash[HARS_SHA256_LEN])
{
    int             len, rc;
    unsigned char  *der;

    der = NULL;
    len = i2d_OCSP_CERTID(id, &der);

    rc = len > 0 ? hars_sha256(hash, der, (size_t) len) : HARS_ERROR;

    OPENSSL_free(der);

    return rc;
}


/* RFC 5019, 6.2 */
static void
hars_ocsp_cached(hars_request_t *r, const unsigned char *der, size_t len,
    int64_t made)
{
    char           value[96], tag[HARS_OCSP_TAG + 1];
    unsigned char  hash[HARS_SHA256_LEN];

    snprintf(value, sizeof(value), "max-age=%d, public, no-transform, "
             "must-revalidate", HARS_OCSP_KEEP);
    hars_reply_header(r, "Cache-Control", value);

    if (hars_sha256(hash, der, len) == HARS_OK) {
        hars_hex(tag, hash, HARS_OCSP_TAG / 2);
        tag[HARS_OCSP_TAG] = '\0';
        snprintf(value, sizeof(value), "\"%s\"", tag);
        hars_reply_header(r, "ETag", value);
    }

    hars_reply_date(r, "Last-Modified", made - HARS_CA_BACKDATE);
    hars_reply_date(r, "Expires", made + HARS_OCSP_NEXT);
}


static void
hars_ocsp_reply(hars_request_t *r, unsigned char *der, size_t len)
{
    hars_reply(r, 200, "application/ocsp-response", (char *) der, len);
}


static void
hars_ocsp_refuse(hars_request_t *r, int status)
{
    size_t             len;
    unsigned char     *der;
    hars_as_socket_t  *socket;

    socket = r->data;

    hars_metrics_ocsp(socket->as->metrics,
                      status == OCSP_RESPONSE_STATUS_MALFORMEDREQUEST
                      || status == OCSP_RESPONSE_STATUS_UNAUTHORIZED
                      ? HARS_OCSP_REFUSED : HARS_OCSP_FAILED);

    der = hars_ocsp_error(status, &len);

    if (der == NULL) {
        hars_reply_problem(r, 500, "There is no memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_ocsp_reply(r, der, len);
}
