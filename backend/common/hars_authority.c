
/*
 * See hars_identity.h for what this is: here is whom the client believes, and
 * whether what came back is its own certificate.
 */

#include "hars_identity_private.h"
#include "hars_record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>


#define HARS_AUTHORITY_MAX  65536         /* longest answer */


static PKCS7 *hars_authority_read(const char *body, size_t len);
static int hars_authority_add(hars_identity_t *id, X509 *cert,
    const char *fingerprint);
static int hars_authority_is(X509 *cert, const char *fingerprint);
static X509 *hars_authority_own(hars_identity_t *id, PKCS7 *p7);
static const char *hars_authority_wrong(hars_identity_t *id, X509 *cert,
    const char *client_id);
static int hars_authority_named(X509 *cert, const char *client_id);
static int hars_authority_chain(hars_identity_t *id, X509 *cert);


/* 64 hexadecimal digits, with colons or without */
int
hars_identity_fingerprint(const char *fingerprint)
{
    size_t  n;

    for (n = 0; *fingerprint; fingerprint++) {
        if (isxdigit((unsigned char) *fingerprint)) {
            n++;

        } else if (*fingerprint != ':') {
            break;
        }
    }

    return (n == 2 * HARS_SHA256_LEN && *fingerprint == '\0')
           ? HARS_OK : HARS_ERROR;
}


int
hars_identity_authorities(hars_identity_t *id, const char *body, size_t len,
    const char *fingerprint)
{
    int     i, rc;
    PKCS7  *p7;

    p7 = hars_authority_read(body, len);

    if (p7 == NULL) {
        return hars_identity_failed(id, "the server's cacerts are no PKCS#7 "
                                    "with certificates");
    }

    rc = HARS_OK;

    for (i = 0; rc == HARS_OK && i < sk_X509_num(p7->d.sign->cert); i++) {
        rc = hars_authority_add(id, sk_X509_value(p7->d.sign->cert, i),
                                fingerprint);
    }

    PKCS7_free(p7);
    ERR_clear_error();

    if (rc != HARS_OK) {
        return hars_identity_failed(id, "there is no memory");
    }

    if (sk_X509_num(id->roots) == 0) {
        return hars_identity_failed(id, "the server's cacerts have no root%s",
                                    fingerprint ? " of this fingerprint: this "
                                    "is another authority, or somebody "
                                    "between" : "");
    }

    return HARS_OK;
}


static int
hars_authority_add(hars_identity_t *id, X509 *cert, const char *fingerprint)
{
    STACK_OF(X509)  *to;

    to = id->others;

    if (X509_self_signed(cert, 1) == 1 && X509_check_ca(cert) == 1) {

        /* another root is nobody's */

        if (fingerprint && !hars_authority_is(cert, fingerprint)) {
            return HARS_OK;
        }

        to = id->roots;
    }

    if (!X509_up_ref(cert)) {
        return HARS_ERROR;
    }

    if (!sk_X509_push(to, cert)) {
        X509_free(cert);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_authority_is(X509 *cert, const char *fingerprint)
{
    char            hex[3];
    unsigned        i;
    unsigned char   digest[HARS_SHA256_LEN];

    if (!X509_digest(cert, EVP_sha256(), digest, NULL)) {
        return 0;
    }

    for (i = 0; i < sizeof(digest); i++) {
        snprintf(hex, sizeof(hex), "%02x", digest[i]);

        fingerprint += strspn(fingerprint, ":");

        if (tolower((unsigned char) fingerprint[0]) != hex[0]
            || tolower((unsigned char) fingerprint[1]) != hex[1])
        {
            return 0;
        }

        fingerprint += 2;
    }

    return 1;
}


/* RFC 8951, 3: base64, whatever its lines; NULL: it is not */
static PKCS7 *
hars_authority_read(const char *body, size_t len)
{
    int                   n;
    char                 *text;
    PKCS7                *p7;
    size_t                i, k;
    unsigned char        *der;
    const unsigned char  *p;

    if (len > HARS_AUTHORITY_MAX) {
        return NULL;
    }

    text = malloc(len + 1);
    der = malloc(len + 4);
    p7 = NULL;

    for (i = 0, k = 0; text && i < len; i++) {
        if (strchr(" \t\r\n", body[i]) == NULL) {
            text[k++] = body[i];
        }
    }

    n = (text && der && k)
        ? EVP_DecodeBlock(der, (unsigned char *) text, (int) k) : -1;

    if (n > 0) {
        p = der;
        p7 = d2i_PKCS7(NULL, &p, n);
    }

    if (p7 && (!PKCS7_type_is_signed(p7) || p7->d.sign == NULL
               || p7->d.sign->cert == NULL))
    {
        PKCS7_free(p7);
        p7 = NULL;
    }

    free(der);
    free(text);
    ERR_clear_error();

    return p7;
}


int
hars_identity_roots(hars_identity_t *id, hars_text_t *pem)
{
    int    i;
    BIO   *bio;
    char  *text;
    long   len;

    bio = BIO_new(BIO_s_mem());

    for (i = 0; bio && i < sk_X509_num(id->roots); i++) {
        PEM_write_bio_X509(bio, sk_X509_value(id->roots, i));
    }

    len = bio ? BIO_get_mem_data(bio, &text) : 0;

    if (len > 0) {
        hars_text_add(pem, text, (size_t) len);
    }

    BIO_free(bio);

    return (len > 0 && !pem->failed)
           ? HARS_OK : hars_identity_failed(id, "there is no memory");
}


int
hars_identity_take(hars_identity_t *id, const char *body, size_t len,
    const char *client_id)
{
    X509        *cert;
    PKCS7       *p7;
    const char  *wrong;

    p7 = hars_authority_read(body, len);

    if (p7 == NULL) {
        return hars_identity_failed(id, "the server's answer is no PKCS#7 with "
                                    "certificates");
    }

    cert = hars_authority_own(id, p7);
    PKCS7_free(p7);

    wrong = cert ? hars_authority_wrong(id, cert, client_id)
                 : "there is none of this key";
    ERR_clear_error();

    if (wrong) {
        X509_free(cert);
        return hars_identity_failed(id, "the server's certificate is not "
                                    "taken: %s", wrong);
    }

    id->cert = cert;

    return HARS_OK;
}


/* the certificate of this key */
static X509 *
hars_authority_own(hars_identity_t *id, PKCS7 *p7)
{
    int    i;
    X509  *cert;

    for (i = 0; i < sk_X509_num(p7->d.sign->cert); i++) {
        cert = sk_X509_value(p7->d.sign->cert, i);

        if (EVP_PKEY_eq(X509_get0_pubkey(cert), id->key) == 1
            && X509_up_ref(cert))
        {
            return cert;
        }
    }

    return NULL;
}


/* NULL: it is what was asked for */
static const char *
hars_authority_wrong(hars_identity_t *id, X509 *cert, const char *client_id)
{
    if (client_id && !hars_authority_named(cert, client_id)) {
        return "it is of another client";
    }

    if (client_id == NULL && id->old
        && X509_NAME_cmp(X509_get_subject_name(cert),
                         X509_get_subject_name(id->old)) != 0)
    {
        return "it is of another subject";
    }

    return hars_authority_chain(id, cert) == HARS_OK
           ? NULL : "it does not lead to the authority that is believed";
}


/* the one CN is the client_id */
static int
hars_authority_named(X509 *cert, const char *client_id)
{
    int                 i;
    X509_NAME          *name;
    const ASN1_STRING  *value;

    name = X509_get_subject_name(cert);
    i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

    if (i < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, i) >= 0) {
        return 0;
    }

    value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

    return (size_t) ASN1_STRING_length(value) == strlen(client_id)
           && memcmp(ASN1_STRING_get0_data(value), client_id,
                     strlen(client_id)) == 0;
}


static int
hars_authority_chain(hars_identity_t *id, X509 *cert)
{
    int              ok;
    X509_STORE      *store;
    X509_STORE_CTX  *ctx;

    store = X509_STORE_new();
    ctx = X509_STORE_CTX_new();
    ok = store && ctx;

    for (int i = 0; ok && i < sk_X509_num(id->roots); i++) {
        ok = X509_STORE_add_cert(store, sk_X509_value(id->roots, i));
    }

    ok = ok
         && X509_STORE_CTX_init(ctx, store, cert, id->others)
         && X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT)
         && X509_verify_cert(ctx) == 1;

    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);

    return ok ? HARS_OK : HARS_ERROR;
}


void
hars_identity_print(hars_identity_t *id)
{
    BIO            *bio;
    char           *text, print[HARS_B64_SHA256_LEN];
    long            len;
    unsigned char   digest[HARS_SHA256_LEN];

    bio = BIO_new(BIO_s_mem());

    if (bio == NULL || !X509_digest(id->cert, EVP_sha256(), digest, NULL)) {
        BIO_free(bio);
        return;
    }

    BIO_puts(bio, "subject\t");
    X509_NAME_print_ex(bio, X509_get_subject_name(id->cert), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    BIO_puts(bio, "\nuntil\t");
    ASN1_TIME_print(bio, X509_get0_notAfter(id->cert));

    len = BIO_get_mem_data(bio, &text);
    hars_b64url_sha256_encode(print, digest);
    printf("%.*s\nx5t#S256\t%.*s\n", (int) len, text, HARS_B64_SHA256_LEN,
           print);

    BIO_free(bio);
}
