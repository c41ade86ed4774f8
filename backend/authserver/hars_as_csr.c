
/* See hars_as_csr.h for what this is. */

#include "hars_as_csr.h"
#include "hars_sha256.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


#define HARS_CSR_ATTRIBUTES  16
#define HARS_CSR_EXTENSIONS  32
#define HARS_CSR_RSA_MIN     2048
#define HARS_CSR_RSA_MAX     4096

#define HARS_CSR_BEGIN       "-----BEGIN "
#define HARS_CSR_END         "-----END "
#define HARS_CSR_DASHES      "-----"


static int hars_csr_strip(char *body, size_t *len);
static const char *hars_csr_look(hars_csr_t *csr, X509_REQ *req);
static const char *hars_csr_key(EVP_PKEY *key);
static const char *hars_csr_curve(EVP_PKEY *key);
static const char *hars_csr_rsa(EVP_PKEY *key);
static const char *hars_csr_algorithm(X509_REQ *req);
static const char *hars_csr_subject(hars_csr_t *csr, X509_NAME *name);
static const char *hars_csr_attributes(hars_csr_t *csr, X509_REQ *req);
static const char *hars_csr_wishes(hars_csr_t *csr, X509_ATTRIBUTE *attr);
static const char *hars_csr_extensions(hars_csr_t *csr,
    const STACK_OF(X509_EXTENSION) *exts);
static const char *hars_csr_constraints(X509_EXTENSION *ext);
static const char *hars_csr_san(hars_csr_t *csr, X509_EXTENSION *ext);
static int hars_csr_clean(const ASN1_STRING *value);


int
hars_csr_decode(char *body, size_t len, unsigned char *der, size_t *der_len)
{
    int     n, pad;
    size_t  i, k;

    if (hars_csr_strip(body, &len) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0, k = 0; i < len; i++) {
        if (body[i] != '\r' && body[i] != '\n' && body[i] != ' '
            && body[i] != '\t')
        {
            body[k++] = body[i];
        }
    }

    for (pad = 0; pad < 2 && k && body[k - 1] == '='; pad++) {
        k--;
    }

    body[k] = '\0';

    if (k == 0
        || (k + (size_t) pad) % 4
        || strspn(body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789+/") != k)
    {
        return HARS_ERROR;
    }

    memset(body + k, '=', (size_t) pad);

    n = EVP_DecodeBlock(der, (unsigned char *) body, (int) k + pad);

    if (n < pad) {
        return HARS_ERROR;
    }

    *der_len = (size_t) (n - pad);

    return HARS_OK;
}


/* takes the lines around PEM away, where there are any */
static int
hars_csr_strip(char *body, size_t *len)
{
    char    *begin, *end;
    size_t   skip;

    body[*len] = '\0';
    skip = strspn(body, " \t\r\n");

    if (strncmp(body + skip, HARS_CSR_BEGIN, sizeof(HARS_CSR_BEGIN) - 1) != 0)
    {
        return HARS_OK;
    }

    begin = strstr(body + skip + sizeof(HARS_CSR_BEGIN) - 1, HARS_CSR_DASHES);
    end = begin ? strstr(begin, HARS_CSR_END) : NULL;

    if (end == NULL) {
        return HARS_ERROR;
    }

    begin += sizeof(HARS_CSR_DASHES) - 1;

    if (begin > end) {
        return HARS_ERROR;
    }

    *len = (size_t) (end - begin);
    memmove(body, begin, *len);

    return HARS_OK;
}


int
hars_csr_parse(hars_csr_t *csr, const unsigned char *der, size_t len,
    const char **error)
{
    X509_REQ             *req;
    const unsigned char  *p;

    memset(csr, 0, sizeof(hars_csr_t));

    if (len > HARS_CSR_MAX) {
        *error = "The request is longer than 16 KB.";
        return HARS_ERROR;
    }

    p = der;
    req = d2i_X509_REQ(NULL, &p, (long) len);

    *error = req == NULL ? "The request is no PKCS#10."
             : p != der + len ? "There is something behind the request."
             : hars_csr_look(csr, req);

    X509_REQ_free(req);
    ERR_clear_error();

    if (*error) {
        hars_csr_free(csr);
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_csr_free(hars_csr_t *csr)
{
    EVP_PKEY_free(csr->key);
    csr->key = NULL;
}


/* RFC 5480, 2.2: a point may be compressed, and is the same point */
int
hars_csr_key_hash(const hars_csr_t *csr, unsigned char hash[HARS_SHA256_LEN])
{
    int             n, rc;
    EVP_PKEY       *key;
    unsigned char  *der;

    der = NULL;
    key = EVP_PKEY_dup(csr->key);

    rc = key
         && (!EVP_PKEY_is_a(key, "EC")
             || EVP_PKEY_set_utf8_string_param(key,
                                   OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                   "uncompressed"));

    n = rc ? i2d_PUBKEY(key, &der) : -1;

    rc = n > 0 && hars_sha256(hash, der, (size_t) n) == HARS_OK;

    OPENSSL_free(der);
    EVP_PKEY_free(key);
    ERR_clear_error();

    return rc ? HARS_OK : HARS_ERROR;
}


/* the signature last: it is what costs */
static const char *
hars_csr_look(hars_csr_t *csr, X509_REQ *req)
{
    const char  *error;

    if (X509_REQ_get_version(req) != X509_REQ_VERSION_1) {
        return "The request is not of version 1.";
    }

    csr->key = X509_REQ_get_pubkey(req);

    if (csr->key == NULL) {
        return "The public key cannot be read: P-256, P-384 or RSA.";
    }

    if ((error = hars_csr_key(csr->key)) != NULL
        || (error = hars_csr_algorithm(req)) != NULL
        || (error = hars_csr_subject(csr, X509_REQ_get_subject_name(req)))
           != NULL
        || (error = hars_csr_attributes(csr, req)) != NULL)
    {
        return error;
    }

    /* RFC 2986, 4.2: whoever sends it has the private key */

    if (X509_REQ_verify(req, csr->key) != 1) {
        return "The signature is not of this key.";
    }

    return NULL;
}


static const char *
hars_csr_key(EVP_PKEY *key)
{
    int            rc;
    const char    *error;
    EVP_PKEY_CTX  *ctx;

    error = EVP_PKEY_is_a(key, "EC") ? hars_csr_curve(key)
            : EVP_PKEY_is_a(key, "RSA") ? hars_csr_rsa(key)
            : "The key has to be P-256, P-384 or RSA.";

    if (error) {
        return error;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    rc = ctx ? EVP_PKEY_public_check(ctx) : 0;
    EVP_PKEY_CTX_free(ctx);

    return rc == 1 ? NULL : "The public key is not a good one.";
}


static const char *
hars_csr_curve(EVP_PKEY *key)
{
    int     by_hand;
    char    name[32];
    size_t  len;

    by_hand = 0;

    if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name,
                                        sizeof(name), &len)
        || (strcmp(name, "prime256v1") != 0 && strcmp(name, "secp384r1") != 0))
    {
        return "The curve has to be P-256 or P-384.";
    }

    (void) EVP_PKEY_get_int_param(key,
                           OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                           &by_hand);

    return by_hand ? "The curve has to be named, RFC 5480." : NULL;
}


static const char *
hars_csr_rsa(EVP_PKEY *key)
{
    int          bits;
    BIGNUM      *e;
    const char  *error;

    bits = EVP_PKEY_get_bits(key);

    if (bits < HARS_CSR_RSA_MIN || bits > HARS_CSR_RSA_MAX) {
        return "An RSA key has to have 2048 to 4096 bits.";
    }

    e = NULL;

    error = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e)
            && BN_is_odd(e)
            && BN_num_bits(e) >= 17
            && BN_num_bits(e) <= 64
            ? NULL : "The RSA exponent has to be odd, 65537 or more.";

    BN_free(e);

    return error;
}


static const char *
hars_csr_algorithm(X509_REQ *req)
{
    int     nid;
    size_t  i;

    static const int  nids[] = {
        NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512,
        NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption,
        NID_sha512WithRSAEncryption
    };

    nid = X509_REQ_get_signature_nid(req);

    for (i = 0; i < sizeof(nids) / sizeof(nids[0]); i++) {
        if (nid == nids[i]) {
            return NULL;
        }
    }

    return "The signature has to be ECDSA or RSA (PKCS#1) with SHA-256, "
           "SHA-384 or SHA-512.";
}


static const char *
hars_csr_subject(hars_csr_t *csr, X509_NAME *name)
{
    int                   i;
    const unsigned char  *der;

    for (i = 0; i < X509_NAME_entry_count(name); i++) {
        if (!hars_csr_clean(X509_NAME_ENTRY_get_data(
                                X509_NAME_get_entry(name, i))))
        {
            return "The subject has a zero byte, or a type of string that "
                   "is out of use.";
        }
    }

    if (!X509_NAME_get0_der(name, &der, &csr->names.subject_len)
        || csr->names.subject_len > sizeof(csr->names.subject))
    {
        return "The subject is too long.";
    }

    memcpy(csr->names.subject, der, csr->names.subject_len);

    return NULL;
}


static const char *
hars_csr_attributes(hars_csr_t *csr, X509_REQ *req)
{
    int                 i, k, n, nid;
    unsigned            wishes;
    const char         *error;
    X509_ATTRIBUTE     *attr;
    const ASN1_OBJECT  *object;

    n = X509_REQ_get_attr_count(req);
    wishes = 0;

    if (n > HARS_CSR_ATTRIBUTES) {
        return "The request has too many attributes.";
    }

    for (i = 0; i < n; i++) {
        attr = X509_REQ_get_attr(req, i);
        object = X509_ATTRIBUTE_get0_object(attr);

        for (k = 0; k < i; k++) {
            if (OBJ_cmp(object, X509_ATTRIBUTE_get0_object(
                                    X509_REQ_get_attr(req, k))) == 0)
            {
                return "The request has an attribute twice.";
            }
        }

        nid = OBJ_obj2nid(object);

        if (nid != NID_ext_req && nid != NID_ms_ext_req) {
            continue;
        }

        error = wishes++ ? "The request asks for extensions twice."
                         : hars_csr_wishes(csr, attr);
        if (error) {
            return error;
        }
    }

    return NULL;
}


/* RFC 2985, 5.4.2: extensionRequest, of one value */
static const char *
hars_csr_wishes(hars_csr_t *csr, X509_ATTRIBUTE *attr)
{
    const char                *error;
    const ASN1_TYPE           *type;
    const ASN1_STRING         *value;
    const unsigned char       *p, *end;
    STACK_OF(X509_EXTENSION)  *exts;

    type = (X509_ATTRIBUTE_count(attr) == 1)
           ? X509_ATTRIBUTE_get0_type(attr, 0) : NULL;

    if (type == NULL || ASN1_TYPE_get(type) != V_ASN1_SEQUENCE) {
        return "The request's extensions cannot be read.";
    }

    value = type->value.sequence;
    p = ASN1_STRING_get0_data(value);
    end = p + ASN1_STRING_length(value);
    exts = d2i_X509_EXTENSIONS(NULL, &p, (long) (end - p));

    error = (exts && p == end) ? hars_csr_extensions(csr, exts)
                               : "The request's extensions cannot be read.";

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);

    return error;
}


static const char *
hars_csr_extensions(hars_csr_t *csr, const STACK_OF(X509_EXTENSION) *exts)
{
    int              i, k, n, nid;
    const char      *error;
    X509_EXTENSION  *ext;

    n = sk_X509_EXTENSION_num(exts);

    if (n > HARS_CSR_EXTENSIONS) {
        return "The request asks for too many extensions.";
    }

    for (i = 0; i < n; i++) {
        ext = sk_X509_EXTENSION_value(exts, i);

        for (k = 0; k < i; k++) {
            if (OBJ_cmp(X509_EXTENSION_get_object(ext),
                        X509_EXTENSION_get_object(
                            sk_X509_EXTENSION_value(exts, k))) == 0)
            {
                return "The request asks for an extension twice.";
            }
        }

        nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

        error = (nid == NID_basic_constraints) ? hars_csr_constraints(ext)
                : (nid == NID_subject_alt_name) ? hars_csr_san(csr, ext)
                : NULL;

        if (error) {
            return error;
        }
    }

    return NULL;
}


static const char *
hars_csr_constraints(X509_EXTENSION *ext)
{
    int                 ca;
    BASIC_CONSTRAINTS  *constraints;

    constraints = X509V3_EXT_d2i(ext);

    if (constraints == NULL) {
        return "The request's basicConstraints cannot be read.";
    }

    ca = constraints->ca;
    BASIC_CONSTRAINTS_free(constraints);

    return ca ? "Certificates of authorities (CA:TRUE) are not issued here."
              : NULL;
}


static const char *
hars_csr_san(hars_csr_t *csr, X509_EXTENSION *ext)
{
    int                   i, type;
    size_t                len;
    const char           *error;
    ASN1_STRING          *value;
    GENERAL_NAMES        *names;
    const unsigned char  *p, *der;

    der = ASN1_STRING_get0_data(X509_EXTENSION_get_data(ext));
    len = (size_t) ASN1_STRING_length(X509_EXTENSION_get_data(ext));

    if (len == 0 || len > sizeof(csr->names.san)) {
        return "The subjectAltName is empty or too long.";
    }

    p = der;
    names = d2i_GENERAL_NAMES(NULL, &p, (long) len);

    error = (names && p == der + len && sk_GENERAL_NAME_num(names) > 0)
            ? NULL : "The subjectAltName cannot be read.";

    for (i = 0; error == NULL && i < sk_GENERAL_NAME_num(names); i++) {
        value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
                                        &type);

        if ((type == GEN_DNS || type == GEN_URI || type == GEN_EMAIL)
            && !hars_csr_clean(value))
        {
            error = "The subjectAltName has a zero byte.";
        }
    }

    if (error == NULL) {
        csr->sans = (unsigned) sk_GENERAL_NAME_num(names);
        csr->names.san_len = len;
        memcpy(csr->names.san, der, len);
    }

    GENERAL_NAMES_free(names);

    return error;
}


/* a string of bytes that are characters, none of them zero */
static int
hars_csr_clean(const ASN1_STRING *value)
{
    switch (ASN1_STRING_type(value)) {

    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_NUMERICSTRING:
        return ASN1_STRING_length(value) > 0
               && memchr(ASN1_STRING_get0_data(value), '\0',
                         (size_t) ASN1_STRING_length(value)) == NULL;
    }

    return 0;
}
