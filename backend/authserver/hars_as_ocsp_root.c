
/*
 * The one answer that only the root can give, about the issuing authority: it
 * was signed by "ca init", as root.crl was, and lies in ca_dir as root.ocsp,
 * since the root's key is away.  It is given as it is, without the nonce of a
 * question, and no more once root.crl has the issuing authority.
 *
 * An authority without this file does not answer for it ("unauthorized").
 */

#include "hars_as_ocsp.h"
#include "hars_as_ca.h"
#include "hars_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>


#define HARS_OCSP_ROOT_MAX   4096         /* bytes */
#define HARS_OCSP_ROOT_PATH  4096


static const EVP_MD *hars_ocsp_root_digest(unsigned i);
static int hars_ocsp_root_status(OCSP_BASICRESP *basic, X509 *root,
    X509 *issuing);


/* by both digests that clients ask by; NULL: it cannot be made */
unsigned char *
hars_ocsp_root_sign(X509 *root, EVP_PKEY *key, X509 *issuing,
    int64_t this_update, int64_t next_update, size_t *len)
{
    int              rc;
    unsigned         i;
    ASN1_TIME       *this, *next;
    OCSP_CERTID     *id;
    OCSP_RESPONSE   *response;
    OCSP_BASICRESP  *basic;
    unsigned char   *der;

    this = ASN1_GENERALIZEDTIME_set(NULL, this_update);
    next = ASN1_GENERALIZEDTIME_set(NULL, next_update);
    basic = OCSP_BASICRESP_new();
    rc = this && next && basic;

    for (i = 0; rc && hars_ocsp_root_digest(i); i++) {
        id = OCSP_cert_to_id(hars_ocsp_root_digest(i), issuing, root);
        rc = id && OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD,
                                          -1, NULL, this, next) != NULL;
        OCSP_CERTID_free(id);
    }

    rc = rc && OCSP_basic_sign(basic, root, key, hars_ca_digest(key), NULL,
                               OCSP_RESPID_KEY | OCSP_NOCERTS);

    response = rc ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL,
                                         basic)
                  : NULL;
    der = response ? hars_ocsp_der(response, len) : NULL;

    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(next);
    ASN1_TIME_free(this);
    ERR_clear_error();

    return der;
}


static const EVP_MD *
hars_ocsp_root_digest(unsigned i)
{
    return (i == 0) ? EVP_sha1() : (i == 1) ? EVP_sha256() : NULL;
}


int
hars_ocsp_root_load(hars_ca_t *ca, unsigned char **der, size_t *len)
{
    int                   good;
    char                  path[HARS_OCSP_ROOT_PATH + 64];
    FILE                 *fp;
    OCSP_RESPONSE        *response;
    OCSP_BASICRESP       *basic;
    const unsigned char  *p;

    *der = NULL;
    snprintf(path, sizeof(path), "%s/" HARS_CA_ROOT_OCSP, hars_ca_dir(ca));

    fp = fopen(path, "re");

    if (fp == NULL && errno == ENOENT) {
        return HARS_OK;
    }

    *der = fp ? malloc(HARS_OCSP_ROOT_MAX) : NULL;
    *len = *der ? fread(*der, 1, HARS_OCSP_ROOT_MAX, fp) : 0;

    if (fp) {
        fclose(fp);
    }

    p = *der;
    response = *len ? d2i_OCSP_RESPONSE(NULL, &p, (long) *len) : NULL;
    basic = response ? OCSP_response_get1_basic(response) : NULL;

    good = basic
           && hars_ocsp_root_status(basic, hars_ca_root(ca),
                                    hars_ca_issuing(ca)) == HARS_OK;

    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();

    if (good) {
        return HARS_OK;
    }

    hars_log_error("ca_dir: \"%s\" is no answer of root.crt that issuing.crt "
                   "is good: take it away, or make another one with the "
                   "root's key", path);
    free(*der);
    *der = NULL;

    return HARS_ERROR;
}


static int
hars_ocsp_root_status(OCSP_BASICRESP *basic, X509 *root, X509 *issuing)
{
    int              good, status;
    OCSP_CERTID     *id;
    X509_STORE      *store;
    STACK_OF(X509)  *certs;

    id = OCSP_cert_to_id(hars_ocsp_root_digest(0), issuing, root);
    store = X509_STORE_new();
    certs = sk_X509_new_null();

    good = id && store && certs
           && X509_STORE_add_cert(store, root)
           && sk_X509_push(certs, root)
           && OCSP_basic_verify(basic, certs, store, OCSP_TRUSTOTHER) == 1
           && OCSP_resp_find_status(basic, id, &status, NULL, NULL, NULL,
                                    NULL)
           && status == V_OCSP_CERTSTATUS_GOOD;

    sk_X509_free(certs);
    X509_STORE_free(store);
    OCSP_CERTID_free(id);

    return good ? HARS_OK : HARS_ERROR;
}


int
hars_ocsp_root_asked(hars_ca_t *ca, OCSP_CERTID *id)
{
    int           same;
    unsigned      i;
    OCSP_CERTID  *ours;

    same = 0;

    for (i = 0; !same && hars_ocsp_root_digest(i); i++) {
        ours = OCSP_cert_to_id(hars_ocsp_root_digest(i), hars_ca_issuing(ca),
                               hars_ca_root(ca));
        same = ours && OCSP_id_cmp(id, ours) == 0;
        OCSP_CERTID_free(ours);
    }

    return same;
}
