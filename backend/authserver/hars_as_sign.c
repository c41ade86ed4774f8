
/* See hars_as_sign.h for what this is. */

#include "hars_as_sign.h"
#include "hars_as_private_key.h"
#include "hars_log.h"
#include "hars_sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>


#define HARS_SIGN_HALF   (HARS_SIGN_LEN / 2)
#define HARS_SIGN_TEXT   86               /* HARS_SIGN_LEN in base64url */
#define HARS_SIGN_GROUP  "prime256v1"
#define HARS_SIGN_MAKE                                                       \
    "make it by \"openssl genpkey -algorithm EC -pkeyopt "                   \
    "ec_paramgen_curve:P-256 -out FILE\""


struct hars_sign_s {
    unsigned          n;
    EVP_PKEY         *key[HARS_SIGN_KEYS];
    hars_sign_jwk_t   jwk[HARS_SIGN_KEYS];
};


typedef EVP_PKEY *(*hars_sign_read_pt)(const char *file, const char **error);


static hars_sign_t *hars_sign_load(char *const *file, unsigned n,
    hars_sign_read_pt read);
static EVP_PKEY *hars_sign_private(const char *file, const char **error);
static EVP_PKEY *hars_sign_pem(const char *file, const char **error);
static int hars_sign_add(hars_sign_t *sign, EVP_PKEY *key,
    const char **error);
static int hars_sign_number(EVP_PKEY *key, const char *name,
    char text[HARS_B64_SHA256_LEN + 1]);
static int hars_sign_kid(hars_sign_jwk_t *jwk);
static int hars_sign_raw(const unsigned char *der, size_t len,
    unsigned char signature[HARS_SIGN_LEN]);
static int hars_sign_by(EVP_PKEY *key, const void *data, size_t len,
    const unsigned char *der, size_t der_len);


hars_sign_t *
hars_sign_create(char *const *file, unsigned n)
{
    return hars_sign_load(file, n, hars_sign_private);
}


hars_sign_t *
hars_sign_public(char *const *file, unsigned n)
{
    return hars_sign_load(file, n, hars_sign_pem);
}


static hars_sign_t *
hars_sign_load(char *const *file, unsigned n, hars_sign_read_pt read)
{
    unsigned      i;
    EVP_PKEY     *key;
    const char   *error;
    hars_sign_t  *sign;

    sign = calloc(1, sizeof(hars_sign_t));
    if (sign == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    for (i = 0; i < n; i++) {
        error = "is one too many";
        key = (i < HARS_SIGN_KEYS) ? read(file[i], &error) : NULL;

        if (key == NULL || hars_sign_add(sign, key, &error) != HARS_OK) {
            hars_log_error("signing key \"%s\" %s", file[i], error);
            hars_sign_free(sign);
            return NULL;
        }
    }

    return sign;
}


void
hars_sign_free(hars_sign_t *sign)
{
    unsigned  i;

    if (sign) {
        for (i = 0; i < sign->n; i++) {
            EVP_PKEY_free(sign->key[i]);
        }

        free(sign);
    }
}


static EVP_PKEY *
hars_sign_private(const char *file, const char **error)
{
    EVP_PKEY  *key;

    key = hars_private_key_read(file, error);

    if (key == NULL && access(file, F_OK) == -1) {
        *error = "does not exist; " HARS_SIGN_MAKE;
    }

    return key;
}


static EVP_PKEY *
hars_sign_pem(const char *file, const char **error)
{
    FILE      *fp;
    EVP_PKEY  *key;

    fp = fopen(file, "r");

    if (fp == NULL) {
        *error = "cannot be read";
        return NULL;
    }

    key = PEM_read_PUBKEY(fp, NULL, NULL, NULL);
    fclose(fp);
    ERR_clear_error();

    if (key == NULL) {
        *error = "has no public key in PEM; make it by \"openssl pkey -in "
                 "KEY -pubout\"";
    }

    return key;
}


/* takes the key */
static int
hars_sign_add(hars_sign_t *sign, EVP_PKEY *key, const char **error)
{
    char              group[32];
    hars_sign_jwk_t  *jwk;

    jwk = &sign->jwk[sign->n];
    sign->key[sign->n++] = key;

    if (!EVP_PKEY_is_a(key, "EC")
        || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1
        || strcmp(group, HARS_SIGN_GROUP) != 0
        || hars_sign_number(key, OSSL_PKEY_PARAM_EC_PUB_X, jwk->x) != HARS_OK
        || hars_sign_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, jwk->y) != HARS_OK
        || hars_sign_kid(jwk) != HARS_OK)
    {
        ERR_clear_error();
        *error = "has to be a key of the curve P-256; " HARS_SIGN_MAKE;
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_sign_number(EVP_PKEY *key, const char *name,
    char text[HARS_B64_SHA256_LEN + 1])
{
    int             rc;
    BIGNUM         *number;
    unsigned char   bytes[HARS_SIGN_HALF];

    number = NULL;

    rc = EVP_PKEY_get_bn_param(key, name, &number) == 1
         && BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes);
    BN_free(number);

    if (!rc) {
        return HARS_ERROR;
    }

    hars_b64url_sha256_encode(text, bytes);
    text[HARS_B64_SHA256_LEN] = '\0';

    return HARS_OK;
}


/* RFC 7638, 3: the required members, sorted, without blanks */
static int
hars_sign_kid(hars_sign_jwk_t *jwk)
{
    int             len;
    char            text[256];
    unsigned char   hash[HARS_SHA256_LEN];

    len = snprintf(text, sizeof(text), "{\"crv\":\"P-256\",\"kty\":\"EC\","
                   "\"x\":\"%s\",\"y\":\"%s\"}", jwk->x, jwk->y);

    if (hars_sha256(hash, text, (size_t) len) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_b64url_sha256_encode(jwk->kid, hash);
    jwk->kid[HARS_B64_SHA256_LEN] = '\0';

    return HARS_OK;
}


const hars_sign_jwk_t *
hars_sign_jwk(const hars_sign_t *sign, unsigned i)
{
    return (i < sign->n) ? &sign->jwk[i] : NULL;
}


int
hars_sign(hars_sign_t *sign, const void *data, size_t len,
    unsigned char signature[HARS_SIGN_LEN])
{
    int             rc;
    size_t          n;
    EVP_MD_CTX     *ctx;
    unsigned char   der[HARS_SIGN_LEN + 16];

    n = sizeof(der);
    ctx = EVP_MD_CTX_new();

    rc = ctx
         && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, sign->key[0])
         && EVP_DigestSign(ctx, der, &n, data, len)
         ? hars_sign_raw(der, n, signature) : HARS_ERROR;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


/* RFC 7518, 3.4: the two numbers side by side, of full length */
static int
hars_sign_raw(const unsigned char *der, size_t len,
    unsigned char signature[HARS_SIGN_LEN])
{
    int         rc;
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) len);

    rc = sig
         && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, HARS_SIGN_HALF)
            == HARS_SIGN_HALF
         && BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + HARS_SIGN_HALF,
                         HARS_SIGN_HALF) == HARS_SIGN_HALF;

    ECDSA_SIG_free(sig);

    return rc ? HARS_OK : HARS_ERROR;
}


int
hars_sign_verify(hars_sign_t *sign, const void *data, size_t len,
    const unsigned char signature[HARS_SIGN_LEN])
{
    int             rc, n;
    BIGNUM         *r, *s;
    unsigned        i;
    ECDSA_SIG      *sig;
    unsigned char  *der;

    der = NULL;
    n = -1;

    r = BN_bin2bn(signature, HARS_SIGN_HALF, NULL);
    s = BN_bin2bn(signature + HARS_SIGN_HALF, HARS_SIGN_HALF, NULL);
    sig = ECDSA_SIG_new();

    if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
        r = NULL;
        s = NULL;
        n = i2d_ECDSA_SIG(sig, &der);
    }

    rc = (n > 0) ? HARS_DECLINED : HARS_ERROR;

    for (i = 0; rc == HARS_DECLINED && i < sign->n; i++) {
        rc = hars_sign_by(sign->key[i], data, len, der, (size_t) n);
    }

    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    BN_free(r);
    BN_free(s);
    ERR_clear_error();

    return rc;
}


static int
hars_sign_by(EVP_PKEY *key, const void *data, size_t len,
    const unsigned char *der, size_t der_len)
{
    int          rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    rc = ctx
         && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key)
         && EVP_DigestVerify(ctx, der, der_len, data, len) == 1
         ? HARS_OK : HARS_DECLINED;

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* RFC 7515, appendix C */
void
hars_sign_b64(char *dst, const void *src, size_t len)
{
    char  *p;

    EVP_EncodeBlock((unsigned char *) dst, src, (int) len);

    for (p = dst; *p && *p != '='; p++) {
        *p = (*p == '+') ? '-' : (*p == '/') ? '_' : *p;
    }

    *p = '\0';
}


int
hars_sign_unb64(unsigned char signature[HARS_SIGN_LEN], const char *text)
{
    char            again[HARS_SIGN_B64(HARS_SIGN_LEN)];
    char            plain[HARS_SIGN_TEXT + 3], *p;
    unsigned char   bytes[HARS_SIGN_LEN + 2];

    if (strlen(text) != HARS_SIGN_TEXT) {
        return HARS_ERROR;
    }

    strcpy(plain, text);

    for (p = plain; *p; p++) {
        *p = (*p == '-') ? '+' : (*p == '_') ? '/' : *p;
    }

    strcpy(p, "==");

    if (EVP_DecodeBlock(bytes, (unsigned char *) plain, HARS_SIGN_TEXT + 2)
        != HARS_SIGN_LEN + 2)
    {
        return HARS_ERROR;
    }

    memcpy(signature, bytes, HARS_SIGN_LEN);
    hars_sign_b64(again, signature, HARS_SIGN_LEN);

    return strcmp(again, text) == 0 ? HARS_OK : HARS_ERROR;
}
