
/*
 * Questions about certificates, RFC 6960, 4.1, as they come from anybody:
 * what is not one whole request within bounds is malformed.  A signature
 * around it is not looked at, everybody may ask.
 */

#include "hars_as_ocsp.h"
#include "hars_as_ca.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>


static int hars_ocsp_ids(hars_ocsp_request_t *request);
static int hars_ocsp_extensions(hars_ocsp_request_t *request);
static int hars_ocsp_nonce(X509_EXTENSION *ext);
static int hars_ocsp_unescape(const char *text, char *dst, size_t *len);
static int hars_ocsp_digit(char c);


int
hars_ocsp_parse(hars_ocsp_request_t *request, const unsigned char *der,
    size_t len)
{
    const unsigned char  *p;

    memset(request, 0, sizeof(hars_ocsp_request_t));

    if (len == 0 || len > HARS_OCSP_BODY) {
        return HARS_DECLINED;
    }

    p = der;
    request->ocsp = d2i_OCSP_REQUEST(NULL, &p, (long) len);

    if (request->ocsp == NULL
        || p != der + len
        || hars_ocsp_ids(request) != HARS_OK
        || hars_ocsp_extensions(request) != HARS_OK)
    {
        ERR_clear_error();
        hars_ocsp_request_free(request);
        return HARS_DECLINED;
    }

    return HARS_OK;
}


void
hars_ocsp_request_free(hars_ocsp_request_t *request)
{
    OCSP_REQUEST_free(request->ocsp);
    request->ocsp = NULL;
}


static int
hars_ocsp_ids(hars_ocsp_request_t *request)
{
    int            i, k, n;
    OCSP_ONEREQ   *one;

    n = OCSP_request_onereq_count(request->ocsp);

    if (n < 1 || n > HARS_OCSP_IDS) {
        return HARS_DECLINED;
    }

    for (i = 0; i < n; i++) {
        one = OCSP_request_onereq_get0(request->ocsp, i);

        for (k = 0; k < OCSP_ONEREQ_get_ext_count(one); k++) {
            if (X509_EXTENSION_get_critical(OCSP_ONEREQ_get_ext(one, k))) {
                return HARS_DECLINED;
            }
        }

        request->id[request->n++] = OCSP_onereq_get0_id(one);
    }

    return HARS_OK;
}


/* 4.4: of the critical ones only the nonce is known */
static int
hars_ocsp_extensions(hars_ocsp_request_t *request)
{
    int              i;
    X509_EXTENSION  *ext;

    for (i = 0; i < OCSP_REQUEST_get_ext_count(request->ocsp); i++) {
        ext = OCSP_REQUEST_get_ext(request->ocsp, i);

        if (OBJ_obj2nid(X509_EXTENSION_get_object(ext))
            == NID_id_pkix_OCSP_Nonce)
        {
            if (request->nonce || hars_ocsp_nonce(ext) != HARS_OK) {
                return HARS_DECLINED;
            }

            request->nonce = 1;

        } else if (X509_EXTENSION_get_critical(ext)) {
            return HARS_DECLINED;
        }
    }

    return HARS_OK;
}


/* RFC 9654, 2.1: OCTET STRING (SIZE(1..128)), in the extension's own */
static int
hars_ocsp_nonce(X509_EXTENSION *ext)
{
    int                   rc;
    const unsigned char  *p, *end;
    ASN1_OCTET_STRING    *value, *nonce;

    value = X509_EXTENSION_get_data(ext);
    p = ASN1_STRING_get0_data(value);
    end = p + ASN1_STRING_length(value);
    nonce = d2i_ASN1_OCTET_STRING(NULL, &p, end - p);

    rc = nonce && p == end
         && ASN1_STRING_length(nonce) >= 1
         && ASN1_STRING_length(nonce) <= HARS_OCSP_NONCE
         ? HARS_OK : HARS_DECLINED;

    ASN1_OCTET_STRING_free(nonce);

    return rc;
}


/* A.1: base64, percent-encoded as a part of a URL */
int
hars_ocsp_decode(const char *text, unsigned char *der, size_t *len)
{
    int     n;
    char    base64[HARS_OCSP_BODY / 3 * 4 + 8];
    size_t  size, pad;

    size = sizeof(base64);

    if (hars_ocsp_unescape(text, base64, &size) != HARS_OK) {
        return HARS_DECLINED;
    }

    for (pad = 0; pad < 2 && pad < size && base64[size - 1 - pad] == '=';
         pad++)
    {
        /* void */
    }

    if (size == 0
        || size % 4
        || strspn(base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstu"
                          "vwxyz0123456789+/") != size - pad)
    {
        return HARS_DECLINED;
    }

    n = EVP_DecodeBlock(der, (const unsigned char *) base64, (int) size);

    if (n < (int) pad) {
        return HARS_DECLINED;
    }

    *len = (size_t) n - pad;

    return HARS_OK;
}


static int
hars_ocsp_unescape(const char *text, char *dst, size_t *len)
{
    int     high, low;
    size_t  n;

    for (n = 0; *text; text++) {

        if (n + 1 >= *len) {
            return HARS_DECLINED;
        }

        if (*text != '%') {
            dst[n++] = *text;
            continue;
        }

        high = hars_ocsp_digit(text[1]);
        low = (high == -1) ? -1 : hars_ocsp_digit(text[2]);

        if (low == -1 || high + low == 0) {
            return HARS_DECLINED;
        }

        dst[n++] = (char) (high << 4 | low);
        text += 2;
    }

    dst[n] = '\0';
    *len = n;

    return HARS_OK;
}


static int
hars_ocsp_digit(char c)
{
    static const char  digits[] = "0123456789abcdef0123456789ABCDEF";

    const char  *p;

    p = c ? strchr(digits, c) : NULL;

    return p ? (int) (p - digits) % 16 : -1;
}


/* by the issuer's name and key, under the digest that was asked by */
int
hars_ocsp_ours(OCSP_CERTID *id, X509 *issuer)
{
    int            nid, same;
    ASN1_OBJECT   *digest;
    OCSP_CERTID   *ours;
    const EVP_MD  *md;

    if (!OCSP_id_get0_info(NULL, &digest, NULL, NULL, id)) {
        return 0;
    }

    nid = OBJ_obj2nid(digest);
    md = (nid == NID_sha1) ? EVP_sha1()
         : (nid == NID_sha256) ? EVP_sha256()
         : (nid == NID_sha384) ? EVP_sha384()
         : (nid == NID_sha512) ? EVP_sha512() : NULL;

    ours = md ? OCSP_cert_to_id(md, NULL, issuer) : NULL;
    same = ours && OCSP_id_issuer_cmp(id, ours) == 0;

    OCSP_CERTID_free(ours);
    ERR_clear_error();

    return same;
}


int
hars_ocsp_serial(OCSP_CERTID *id, unsigned char *serial)
{
    int            rc;
    BIGNUM        *bn;
    ASN1_INTEGER  *number;

    if (!OCSP_id_get0_info(NULL, NULL, NULL, &number, id)) {
        return HARS_ERROR;
    }

    bn = ASN1_INTEGER_to_BN(number, NULL);

    rc = bn && !BN_is_negative(bn) && BN_num_bytes(bn) == HARS_CA_SERIAL
         && BN_bn2bin(bn, serial) == HARS_CA_SERIAL
         ? HARS_OK : HARS_DECLINED;

    BN_free(bn);

    return rc;
}
