
/*
 * What EST answers with, RFC 7030, 4.1.3 and 4.2.3: PKCS#7 that holds
 * certificates and nothing else, in one line of base64 with one line feed.
 * That is the form which strongSwan (no breaks inside) and OpenSSL's BIO (a
 * feed at the end) both read.
 */

#include "hars_as_est.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>


static PKCS7 *hars_est_signed_nothing(void);


char *
hars_est_cert(const unsigned char *der, size_t len)
{
    X509  *cert;
    char  *text;

    cert = d2i_X509(NULL, &der, (long) len);
    text = cert ? hars_est_certs(&cert, 1) : NULL;
    X509_free(cert);

    return text;
}


char *
hars_est_certs(X509 *const *cert, unsigned n)
{
    int             len;
    char           *text;
    PKCS7          *p7;
    unsigned        i;
    unsigned char  *der;

    p7 = hars_est_signed_nothing();

    for (i = 0; p7 && i < n; i++) {
        if (!PKCS7_add_certificate(p7, cert[i])) {
            PKCS7_free(p7);
            p7 = NULL;
        }
    }

    der = NULL;
    len = p7 ? i2d_PKCS7(p7, &der) : -1;
    text = (len > 0) ? malloc((size_t) len / 3 * 4 + 8) : NULL;

    if (text) {
        EVP_EncodeBlock((unsigned char *) text, der, len);
        strcat(text, "\n");
    }

    OPENSSL_free(der);
    PKCS7_free(p7);
    ERR_clear_error();

    return text;
}


/* RFC 5652, 5.2: degenerate, without content and signers */
static PKCS7 *
hars_est_signed_nothing(void)
{
    PKCS7  *p7;

    p7 = PKCS7_new();

    if (p7 == NULL) {
        return NULL;
    }

    p7->type = OBJ_nid2obj(NID_pkcs7_signed);
    p7->d.sign = PKCS7_SIGNED_new();

    if (p7->d.sign == NULL
        || !ASN1_INTEGER_set(p7->d.sign->version, 1))
    {
        PKCS7_free(p7);
        return NULL;
    }

    p7->d.sign->contents->type = OBJ_nid2obj(NID_pkcs7_data);

    return p7;
}
