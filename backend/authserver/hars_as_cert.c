
/* See hars_as_cert.h for what this is. */

#include "hars_as_cert.h"
#include "hars_log.h"
#include "hars_sha256.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


#define HARS_CERT_KEPT  256
#define HARS_CERT_KEEP  60                /* s, that a verification holds */
#define HARS_CERT_TAIL  16                /* of a header: its signature's end */


/* what was found out of a certificate, and until when that holds */
typedef struct {
    hars_cert_t       cert;
    char             *header;             /* as it came; NULL: free */
    time_t            until;
    time_t            not_before;
    time_t            not_after;
} hars_cert_kept_t;


struct hars_certs_s {
    X509_STORE       *store;
    pthread_mutex_t   mutex;              /* of what follows */
    hars_cert_kept_t  kept[HARS_CERT_KEPT];
};


static hars_cert_kept_t *hars_cert_kept(hars_certs_t *certs,
    const char *header, size_t len);
static unsigned hars_cert_known(hars_certs_t *certs,
    const hars_cert_kept_t *kept, hars_cert_t *cert, const char *header,
    time_t now);
static void hars_cert_keep(hars_certs_t *certs, hars_cert_kept_t *kept,
    const hars_cert_kept_t *found, const char *header);
static void hars_cert_copy(hars_cert_t *dst, const hars_cert_t *src);
static int hars_cert_decode(const char *header, unsigned char *der,
    size_t *len);
static int hars_cert_look(hars_certs_t *certs, hars_cert_kept_t *found,
    const unsigned char *der, size_t len, time_t now);
static int hars_cert_read(hars_certs_t *certs, hars_cert_kept_t *kept,
    X509 *x509);
static int hars_cert_name(const X509_NAME *name, unsigned char *dst,
    size_t *len);
static int hars_cert_names(X509 *x509, hars_cert_t *cert);
static time_t hars_cert_time(const ASN1_TIME *time);
static unsigned hars_cert_verify(hars_certs_t *certs, X509 *x509);
static unsigned hars_cert_dates(const hars_cert_kept_t *kept, time_t now);


hars_certs_t *
hars_certs_create(char *const *file, unsigned n)
{
    unsigned            i;
    hars_certs_t       *certs;
    X509_VERIFY_PARAM  *param;

    certs = calloc(1, sizeof(hars_certs_t));
    if (certs == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&certs->mutex, NULL);

    certs->store = X509_STORE_new();

    if (certs->store == NULL) {
        hars_log_error("no memory");
        hars_certs_free(certs);
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (hars_certs_add(certs, file[i]) != HARS_OK) {
            hars_certs_free(certs);
            return NULL;
        }
    }

    param = X509_STORE_get0_param(certs->store);

    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);

    return certs;
}


int
hars_certs_add(hars_certs_t *certs, const char *file)
{
    const char   *why;
    X509_LOOKUP  *lookup;

    lookup = X509_STORE_add_lookup(certs->store, X509_LOOKUP_file());

    why = lookup == NULL ? "there is no memory"
          : access(file, R_OK) == -1 ? strerror(errno)
          : X509_load_cert_file(lookup, file, X509_FILETYPE_PEM) <= 0
            ? "it has no certificates in PEM" : NULL;

    if (why) {
        hars_log_error("client_ca \"%s\" cannot be read: %s", file, why);
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_certs_free(hars_certs_t *certs)
{
    unsigned  i;

    if (certs == NULL) {
        return;
    }

    for (i = 0; i < HARS_CERT_KEPT; i++) {
        free(certs->kept[i].header);
    }

    X509_STORE_free(certs->store);
    pthread_mutex_destroy(&certs->mutex);
    free(certs);
}


/* who has a header that is known needs neither its bytes nor their hash */
int
hars_cert_parse(hars_certs_t *certs, hars_cert_t *cert, const char *header,
    time_t now)
{
    int                rc;
    size_t             len;
    unsigned char     *der;
    hars_cert_kept_t  *kept, found;

    len = strlen(header);

    if (len > HARS_CERT_HEADER) {
        return HARS_ERROR;
    }

    kept = certs ? hars_cert_kept(certs, header, len) : NULL;

    if (kept && hars_cert_known(certs, kept, cert, header, now)) {
        return HARS_OK;
    }

    der = malloc(HARS_CERT_HEADER);
    if (der == NULL) {
        return HARS_ERROR;
    }

    rc = hars_cert_decode(header, der, &len);

    if (rc == HARS_OK) {
        rc = hars_cert_look(certs, &found, der, len, now);
    }

    free(der);

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    /* one that is not valid now may be so in a moment */

    if (kept && found.cert.trusted && found.cert.valid) {
        found.until = now + HARS_CERT_KEEP;
        hars_cert_keep(certs, kept, &found, header);
    }

    *cert = found.cert;

    return HARS_OK;
}


/* FNV-1a of what an authority made, and no client chooses */
static hars_cert_kept_t *
hars_cert_kept(hars_certs_t *certs, const char *header, size_t len)
{
    uint32_t  hash;

    header += len > HARS_CERT_TAIL ? len - HARS_CERT_TAIL : 0;

    for (hash = 2166136261u; *header; header++) {
        hash = (hash ^ (unsigned char) *header) * 16777619u;
    }

    return &certs->kept[(hash ^ hash >> 16) % HARS_CERT_KEPT];
}


static unsigned
hars_cert_known(hars_certs_t *certs, const hars_cert_kept_t *kept,
    hars_cert_t *cert, const char *header, time_t now)
{
    unsigned  known;

    pthread_mutex_lock(&certs->mutex);

    known = kept->header && kept->until > now
            && strcmp(kept->header, header) == 0;

    if (known) {
        hars_cert_copy(cert, &kept->cert);
        cert->valid = hars_cert_dates(kept, now);
    }

    pthread_mutex_unlock(&certs->mutex);

    return known;
}


static void
hars_cert_keep(hars_certs_t *certs, hars_cert_kept_t *kept,
    const hars_cert_kept_t *found, const char *header)
{
    char  *copy;

    copy = strdup(header);

    if (copy == NULL) {
        return;
    }

    pthread_mutex_lock(&certs->mutex);

    free(kept->header);
    *kept = *found;
    kept->header = copy;

    pthread_mutex_unlock(&certs->mutex);
}


/* names are short as a rule: what is behind them is left alone */
static void
hars_cert_copy(hars_cert_t *dst, const hars_cert_t *src)
{
    memcpy(dst->thumbprint, src->thumbprint, HARS_SHA256_LEN);
    dst->trusted = src->trusted;

    dst->subject_len = src->subject_len;
    memcpy(dst->subject, src->subject, src->subject_len);

    dst->issuer_len = src->issuer_len;
    memcpy(dst->issuer, src->issuer, src->issuer_len);

    dst->san_len = src->san_len;
    memcpy(dst->san, src->san, src->san_len);
}


int
hars_cert_file(hars_cert_t *cert, const char *file, time_t now)
{
    int                rc, len;
    FILE              *fp;
    X509              *x509;
    unsigned char     *der;
    hars_cert_kept_t   found;

    fp = fopen(file, "r");
    if (fp == NULL) {
        return HARS_ERROR;
    }

    x509 = PEM_read_X509(fp, NULL, NULL, NULL);
    fclose(fp);

    der = NULL;
    len = x509 ? i2d_X509(x509, &der) : -1;
    rc = (len > 0) ? hars_cert_look(NULL, &found, der, (size_t) len, now)
                   : HARS_ERROR;

    if (rc == HARS_OK) {
        *cert = found.cert;
    }

    OPENSSL_free(der);
    X509_free(x509);
    ERR_clear_error();

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
hars_cert_look(hars_certs_t *certs, hars_cert_kept_t *found,
    const unsigned char *der, size_t len, time_t now)
{
    int                   rc;
    X509                 *x509;
    const unsigned char  *p;

    memset(found, 0, sizeof(hars_cert_kept_t));

    if (hars_sha256(found->cert.thumbprint, der, len) != HARS_OK) {
        return HARS_ERROR;
    }

    p = der;
    x509 = d2i_X509(NULL, &p, (long) len);
    rc = (x509 && p == der + len) ? hars_cert_read(certs, found, x509)
                                  : HARS_ERROR;
    X509_free(x509);
    ERR_clear_error();

    found->cert.valid = rc == HARS_OK && hars_cert_dates(found, now);

    return rc;
}


static unsigned
hars_cert_dates(const hars_cert_kept_t *kept, time_t now)
{
    return kept->not_before <= now && now <= kept->not_after;
}


static int
hars_cert_read(hars_certs_t *certs, hars_cert_kept_t *kept, X509 *x509)
{
    hars_cert_t  *cert;

    cert = &kept->cert;
    kept->not_before = hars_cert_time(X509_get0_notBefore(x509));
    kept->not_after = hars_cert_time(X509_get0_notAfter(x509));

    if (kept->not_before == (time_t) -1
        || kept->not_after == (time_t) -1
        || hars_cert_name(X509_get_subject_name(x509), cert->subject,
                          &cert->subject_len) != HARS_OK
        || hars_cert_name(X509_get_issuer_name(x509), cert->issuer,
                          &cert->issuer_len) != HARS_OK
        || hars_cert_names(x509, cert) != HARS_OK)
    {
        return HARS_ERROR;
    }

    cert->trusted = certs && hars_cert_verify(certs, x509);

    return HARS_OK;
}


static int
hars_cert_name(const X509_NAME *name, unsigned char *dst, size_t *len)
{
    const unsigned char  *der;

    if (!X509_NAME_get0_der(name, &der, len) || *len > HARS_CERT_NAME) {
        return HARS_ERROR;
    }

    memcpy(dst, der, *len);

    return HARS_OK;
}


/* RFC 5280, 4.2.1.6; twice is an error */
static int
hars_cert_names(X509 *x509, hars_cert_t *cert)
{
    int                 i;
    ASN1_OCTET_STRING  *value;

    i = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);

    if (i == -1) {
        return HARS_OK;
    }

    value = X509_EXTENSION_get_data(X509_get_ext(x509, i));

    if (X509_get_ext_by_NID(x509, NID_subject_alt_name, i) != -1
        || ASN1_STRING_length(value) > HARS_CERT_NAME)
    {
        return HARS_ERROR;
    }

    cert->san_len = (size_t) ASN1_STRING_length(value);
    memcpy(cert->san, ASN1_STRING_get0_data(value), cert->san_len);

    return HARS_OK;
}


static time_t
hars_cert_time(const ASN1_TIME *time)
{
    struct tm  tm;

    return ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : (time_t) -1;
}


/* an authority's own certificate is no client's */
static unsigned
hars_cert_verify(hars_certs_t *certs, X509 *x509)
{
    unsigned         ok;
    X509_STORE_CTX  *ctx;

    if (X509_check_ca(x509)) {
        return 0;
    }

    ctx = X509_STORE_CTX_new();

    ok = ctx && X509_STORE_CTX_init(ctx, certs->store, x509, NULL) == 1
         && X509_verify_cert(ctx) == 1;

    X509_STORE_CTX_free(ctx);

    return ok;
}


/* all names are DER, which says where each ends */
int
hars_cert_holder(const hars_cert_t *cert,
    char holder[HARS_B64_SHA256_LEN + 1])
{
    unsigned char  names[3 * HARS_CERT_NAME], hash[HARS_SHA256_LEN], *p;

    p = names;
    memcpy(p, cert->issuer, cert->issuer_len);
    p += cert->issuer_len;
    memcpy(p, cert->subject, cert->subject_len);
    p += cert->subject_len;
    memcpy(p, cert->san, cert->san_len);
    p += cert->san_len;

    if (hars_sha256(hash, names, (size_t) (p - names)) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_b64url_sha256_encode(holder, hash);
    holder[HARS_B64_SHA256_LEN] = '\0';

    return HARS_OK;
}
