
/*
 * Answers about certificates, RFC 6960, 4.2: one for each that was asked
 * about, the nonce of the question, the responder by its key (the issuing
 * authority's own, so no certificate goes along).  Pure but for the
 * signature.
 */

#include "hars_as_ocsp.h"
#include "hars_as_ca.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>


static OCSP_BASICRESP *hars_ocsp_basic(hars_ca_t *ca,
    const hars_ocsp_request_t *request, const hars_ocsp_status_t *status,
    int64_t now);
static int hars_ocsp_single(OCSP_BASICRESP *basic, OCSP_CERTID *id,
    const hars_ocsp_status_t *status, int64_t now);


unsigned char *
hars_ocsp_answer(hars_ca_t *ca, const hars_ocsp_request_t *request,
    const hars_ocsp_status_t *status, int64_t now, size_t *len)
{
    unsigned char   *der;
    OCSP_RESPONSE   *response;
    OCSP_BASICRESP  *basic;

    basic = hars_ocsp_basic(ca, request, status, now);
    response = basic ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL,
                                            basic)
                     : NULL;

    der = response ? hars_ocsp_der(response, len) : NULL;

    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();

    return der;
}


unsigned char *
hars_ocsp_error(int status, size_t *len)
{
    unsigned char  *der;
    OCSP_RESPONSE  *response;

    response = OCSP_response_create(status, NULL);
    der = response ? hars_ocsp_der(response, len) : NULL;
    OCSP_RESPONSE_free(response);

    return der;
}


static OCSP_BASICRESP *
hars_ocsp_basic(hars_ca_t *ca, const hars_ocsp_request_t *request,
    const hars_ocsp_status_t *status, int64_t now)
{
    int              rc;
    unsigned         i;
    OCSP_BASICRESP  *basic;

    basic = OCSP_BASICRESP_new();
    rc = basic ? HARS_OK : HARS_ERROR;

    for (i = 0; rc == HARS_OK && i < request->n; i++) {
        rc = hars_ocsp_single(basic, request->id[i], &status[i], now);
    }

    if (rc == HARS_OK && request->nonce
        && OCSP_copy_nonce(basic, request->ocsp) != 1)
    {
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK) {
        hars_ca_lock(ca);

        if (!OCSP_basic_sign(basic, hars_ca_issuing(ca), hars_ca_key(ca),
                             hars_ca_digest(hars_ca_key(ca)), NULL,
                             OCSP_RESPID_KEY | OCSP_NOCERTS))
        {
            rc = HARS_ERROR;
        }

        hars_ca_unlock(ca);
    }

    if (rc != HARS_OK) {
        OCSP_BASICRESP_free(basic);
        basic = NULL;
    }

    return basic;
}


/* 4.2.2.1; an unspecified reason is left out, as in the list */
static int
hars_ocsp_single(OCSP_BASICRESP *basic, OCSP_CERTID *id,
    const hars_ocsp_status_t *status, int64_t now)
{
    int         rc, code;
    int64_t     since;
    ASN1_TIME  *this, *next, *revoked;

    since = now - HARS_CA_BACKDATE;

    if (since < status->revoked_at) {
        since = status->revoked_at;       /* before, it was good */
    }

    this = ASN1_GENERALIZEDTIME_set(NULL, since);
    next = ASN1_GENERALIZEDTIME_set(NULL, now + HARS_OCSP_NEXT);
    revoked = ASN1_GENERALIZEDTIME_set(NULL, status->revoked_at);

    code = (status->outcome == HARS_OCSP_GOOD) ? V_OCSP_CERTSTATUS_GOOD
           : (status->outcome == HARS_OCSP_REVOKED)
             ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_UNKNOWN;

    rc = this && next && revoked
         && OCSP_basic_add1_status(basic, id, code,
                                   status->reason ? status->reason : -1,
                                   revoked, this, next)
         ? HARS_OK : HARS_ERROR;

    ASN1_TIME_free(revoked);
    ASN1_TIME_free(next);
    ASN1_TIME_free(this);

    return rc;
}


unsigned char *
hars_ocsp_der(OCSP_RESPONSE *response, size_t *len)
{
    int             n;
    unsigned char  *der, *p;

    n = i2d_OCSP_RESPONSE(response, NULL);
    der = (n > 0) ? malloc((size_t) n) : NULL;

    if (der) {
        p = der;
        *len = (size_t) i2d_OCSP_RESPONSE(response, &p);
    }

    return der;
}
