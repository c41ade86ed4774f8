
/* See hars_as_cert.h for what this is. */

#include "hars_as_cert.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>


static int hars_cert_decode(const char *header, unsigned char *der,
    size_t *len);
static int hars_cert_read(hars_cert_t *cert, const unsigned char *der,
    size_t len, time_t now);


int
hars_cert_parse(hars_cert_t *cert, const char *header, time_t now)
{
    int             rc;
    size_t          len;
    unsigned char  *der;

    if (strlen(header) > HARS_CERT_HEADER) {
        return HARS_ERROR;
    }

    der = malloc(HARS_CERT_HEADER);
    if (der == NULL) {
        return HARS_ERROR;
    }

    rc = hars_cert_decode(header, der, &len);

    if (rc == HARS_OK) {
        rc = hars_cert_read(cert, der, len, now);
    }

    free(der);

    return rc;
}


/*
 * RFC 8941, 3.3.5: base64 between colons.  Only the canonical form is taken,
 * with padding and nothing behind: the gateway writes no other.
 */
static int
hars_cert_decode(const char *header, unsigned char *der, size_t *len)
{
    int          n, pad;
    size_t       size;
    const char  *p;

    p = header;
    size = strlen(p);

    if (size < 2 || p[0] != ':' || p[size - 1] != ':') {
        return HARS_ERROR;
    }

    p++;
    size -= 2;

    for (pad = 0; pad < 2 && size && p[size - 1] == '='; pad++) {
        size--;
    }

    if (size == 0
        || (size + (size_t) pad) % 4
        || strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789+/") != size)
    {
        return HARS_ERROR;
    }

    n = EVP_DecodeBlock(der, (const unsigned char *) p,
                        (int) size + pad);
    if (n < 0) {
        return HARS_ERROR;
    }

    *len = (size_t) (n - pad);

    /* EVP_DecodeBlock() gives the padding's zero bytes, and unused bits */

    for (n = 0; n < pad; n++) {
        if (der[*len + (size_t) n] != 0) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_cert_read(hars_cert_t *cert, const unsigned char *der, size_t len,
    time_t now)
{
    int                   rc;
    X509                 *x509;
    const unsigned char  *p, *subject;

    p = der;
    rc = HARS_ERROR;

    x509 = d2i_X509(NULL, &p, (long) len);

    if (x509 == NULL || p != der + len) {
        goto done;
    }

    if (!X509_NAME_get0_der(X509_get_subject_name(x509), &subject,
                            &cert->subject_len)
        || cert->subject_len > sizeof(cert->subject))
    {
        goto done;
    }

    memcpy(cert->subject, subject, cert->subject_len);

    if (!EVP_Digest(der, len, cert->thumbprint, NULL, EVP_sha256(), NULL)) {
        goto done;
    }

    /* X509_cmp_time() is -1 or 1, and 0 for a time that it cannot read */

    cert->valid = X509_cmp_time(X509_get0_notBefore(x509), &now) < 0
                  && X509_cmp_time(X509_get0_notAfter(x509), &now) > 0;

    rc = HARS_OK;

done:

    X509_free(x509);

    return rc;
}
