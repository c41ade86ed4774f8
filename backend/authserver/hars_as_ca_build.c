
/*
 * Certificates, RFC 5280: three profiles, each extension decided here.
 *
 *     root     basicConstraints CA:TRUE            keyCertSign, cRLSign
 *     issuing  basicConstraints CA:TRUE,pathlen:0  keyCertSign, cRLSign,
 *                                                  digitalSignature (OCSP)
 *     client   basicConstraints CA:FALSE           digitalSignature
 *              extendedKeyUsage clientAuth, the registered subjectAltName,
 *              where list and responder are, if they are to say so
 *
 * All have a subjectKeyIdentifier (RFC 7093, 2: SHA-256, its left 160 bits)
 * and the issuer's as authorityKeyIdentifier.  Pure but for the signature.
 */

#include "hars_as_ca.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


#define HARS_CA_KEY_ID  20                /* bytes */


static int hars_ca_fill(X509 *cert, const hars_ca_plan_t *plan, X509 *issuer);
static int hars_ca_number(X509 *cert, const unsigned char *serial);
static int hars_ca_constraints(X509 *cert, hars_ca_profile_e profile);
static int hars_ca_usage(X509 *cert, hars_ca_profile_e profile);
static int hars_ca_extended(X509 *cert);
static int hars_ca_san(X509 *cert, const hars_ca_plan_t *plan);
static int hars_ca_crl_point(X509 *cert, const char *url);
static int hars_ca_responder(X509 *cert, const char *url);
static GENERAL_NAME *hars_ca_uri(const char *url);
static int hars_ca_key_ids(X509 *cert, X509 *issuer);


X509 *
hars_ca_build(const hars_ca_plan_t *plan, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509      *cert;
    EVP_PKEY  *key;

    cert = X509_new();

    if (cert == NULL) {
        return NULL;
    }

    if (issuer == NULL) {
        issuer = cert;
        issuer_key = plan->key;
    }

    /* the public half, as others see it: a key in a token may not sign */

    key = (issuer == cert) ? plan->key : X509_get0_pubkey(issuer);

    if (hars_ca_fill(cert, plan, issuer) != HARS_OK
        || X509_sign(cert, issuer_key, hars_ca_digest(issuer_key)) <= 0
        || X509_verify(cert, key) != 1)
    {
        X509_free(cert);
        cert = NULL;
    }

    ERR_clear_error();

    return cert;
}


const EVP_MD *
hars_ca_digest(EVP_PKEY *key)
{
    return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}


static int
hars_ca_fill(X509 *cert, const hars_ca_plan_t *plan, X509 *issuer)
{
    int                   rc;
    X509_NAME            *subject;
    const unsigned char  *p;

    p = plan->subject;
    subject = d2i_X509_NAME(NULL, &p, (long) plan->subject_len);

    rc = subject
         && X509_set_version(cert, X509_VERSION_3)
         && X509_set_subject_name(cert, subject)
         && X509_set_issuer_name(cert, X509_get_subject_name(issuer))
         && ASN1_TIME_set(X509_getm_notBefore(cert), plan->not_before)
         && ASN1_TIME_set(X509_getm_notAfter(cert), plan->not_after)
         && X509_set_pubkey(cert, plan->key)
         && hars_ca_number(cert, plan->serial) == HARS_OK
         && hars_ca_constraints(cert, plan->profile) == HARS_OK
         && hars_ca_usage(cert, plan->profile) == HARS_OK
         && hars_ca_key_ids(cert, issuer) == HARS_OK
         ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK && plan->profile == HARS_CA_CLIENT) {
        rc = hars_ca_extended(cert);
    }

    if (rc == HARS_OK && plan->san_len) {
        rc = hars_ca_san(cert, plan);
    }

    if (rc == HARS_OK && plan->crl_url) {
        rc = hars_ca_crl_point(cert, plan->crl_url);
    }

    if (rc == HARS_OK && plan->ocsp_url) {
        rc = hars_ca_responder(cert, plan->ocsp_url);
    }

    X509_NAME_free(subject);

    return rc;
}


/* RFC 5280, 4.1.2.2 */
static int
hars_ca_number(X509 *cert, const unsigned char *serial)
{
    int      rc;
    BIGNUM  *bn;

    bn = BN_bin2bn(serial, HARS_CA_SERIAL, NULL);
    rc = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert))
         ? HARS_OK : HARS_ERROR;
    BN_free(bn);

    return rc;
}


/* 4.2.1.9 */
static int
hars_ca_constraints(X509 *cert, hars_ca_profile_e profile)
{
    int                 rc;
    BASIC_CONSTRAINTS  *constraints;

    constraints = BASIC_CONSTRAINTS_new();

    if (constraints == NULL) {
        return HARS_ERROR;
    }

    rc = HARS_OK;
    constraints->ca = (profile != HARS_CA_CLIENT) ? 0xff : 0;

    if (profile == HARS_CA_ISSUING) {
        constraints->pathlen = ASN1_INTEGER_new();

        if (constraints->pathlen == NULL
            || !ASN1_INTEGER_set(constraints->pathlen, 0))
        {
            rc = HARS_ERROR;
        }
    }

    if (rc == HARS_OK
        && X509_add1_ext_i2d(cert, NID_basic_constraints, constraints, 1,
                             X509V3_ADD_APPEND) != 1)
    {
        rc = HARS_ERROR;
    }

    BASIC_CONSTRAINTS_free(constraints);

    return rc;
}


/* 4.2.1.3: digitalSignature is bit 0, keyCertSign 5, cRLSign 6 */
static int
hars_ca_usage(X509 *cert, hars_ca_profile_e profile)
{
    int               rc;
    ASN1_BIT_STRING  *usage;

    usage = ASN1_BIT_STRING_new();

    rc = usage
         && (profile == HARS_CA_CLIENT
             || ASN1_BIT_STRING_set_bit(usage, 5, 1))
         && (profile == HARS_CA_CLIENT
             || ASN1_BIT_STRING_set_bit(usage, 6, 1))
         && (profile == HARS_CA_ROOT
             || ASN1_BIT_STRING_set_bit(usage, 0, 1))
         && X509_add1_ext_i2d(cert, NID_key_usage, usage, 1,
                              X509V3_ADD_APPEND) == 1
         ? HARS_OK : HARS_ERROR;

    ASN1_BIT_STRING_free(usage);

    return rc;
}


/* 4.2.1.12 */
static int
hars_ca_extended(X509 *cert)
{
    int                  rc;
    EXTENDED_KEY_USAGE  *usage;

    usage = sk_ASN1_OBJECT_new_null();

    rc = usage
         && sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_client_auth)) > 0
         && X509_add1_ext_i2d(cert, NID_ext_key_usage, usage, 0,
                              X509V3_ADD_APPEND) == 1
         ? HARS_OK : HARS_ERROR;

    sk_ASN1_OBJECT_free(usage);

    return rc;
}


/* 4.2.1.6 */
static int
hars_ca_san(X509 *cert, const hars_ca_plan_t *plan)
{
    int                   rc;
    GENERAL_NAMES        *names;
    const unsigned char  *p;

    p = plan->san;
    names = d2i_GENERAL_NAMES(NULL, &p, (long) plan->san_len);

    rc = names
         && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0,
                              X509V3_ADD_APPEND) == 1
         ? HARS_OK : HARS_ERROR;

    GENERAL_NAMES_free(names);

    return rc;
}


/* 4.2.1.13: one point, its full name */
static int
hars_ca_crl_point(X509 *cert, const char *url)
{
    int               rc;
    DIST_POINT       *point;
    GENERAL_NAME     *uri;
    CRL_DIST_POINTS  *points;

    rc = HARS_ERROR;
    uri = hars_ca_uri(url);
    point = DIST_POINT_new();
    points = CRL_DIST_POINTS_new();

    if (uri && point && points) {
        point->distpoint = DIST_POINT_NAME_new();

        if (point->distpoint) {
            point->distpoint->type = 0;
            point->distpoint->name.fullname = GENERAL_NAMES_new();
        }

        if (point->distpoint && point->distpoint->name.fullname
            && sk_GENERAL_NAME_push(point->distpoint->name.fullname, uri))
        {
            uri = NULL;

            if (sk_DIST_POINT_push(points, point)) {
                point = NULL;
                rc = X509_add1_ext_i2d(cert, NID_crl_distribution_points,
                                       points, 0, X509V3_ADD_APPEND) == 1
                     ? HARS_OK : HARS_ERROR;
            }
        }
    }

    CRL_DIST_POINTS_free(points);
    DIST_POINT_free(point);
    GENERAL_NAME_free(uri);

    return rc;
}


/* 4.2.2.1 */
static int
hars_ca_responder(X509 *cert, const char *url)
{
    int                     rc;
    ACCESS_DESCRIPTION     *access;
    AUTHORITY_INFO_ACCESS  *info;

    rc = HARS_ERROR;
    access = ACCESS_DESCRIPTION_new();
    info = AUTHORITY_INFO_ACCESS_new();

    if (access && info) {
        ASN1_OBJECT_free(access->method);
        access->method = OBJ_nid2obj(NID_ad_OCSP);
        GENERAL_NAME_free(access->location);
        access->location = hars_ca_uri(url);

        if (access->location && sk_ACCESS_DESCRIPTION_push(info, access)) {
            access = NULL;
            rc = X509_add1_ext_i2d(cert, NID_info_access, info, 0,
                                   X509V3_ADD_APPEND) == 1
                 ? HARS_OK : HARS_ERROR;
        }
    }

    AUTHORITY_INFO_ACCESS_free(info);
    ACCESS_DESCRIPTION_free(access);

    return rc;
}


static GENERAL_NAME *
hars_ca_uri(const char *url)
{
    GENERAL_NAME    *name;
    ASN1_IA5STRING  *text;

    name = GENERAL_NAME_new();
    text = ASN1_IA5STRING_new();

    if (name == NULL || text == NULL || !ASN1_STRING_set(text, url, -1)) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return NULL;
    }

    GENERAL_NAME_set0_value(name, GEN_URI, text);

    return name;
}


/* 4.2.1.1, 4.2.1.2; RFC 7093, 2, method 1 */
static int
hars_ca_key_ids(X509 *cert, X509 *issuer)
{
    int                 rc;
    AUTHORITY_KEYID    *aki;
    ASN1_OCTET_STRING  *ski;
    ASN1_BIT_STRING    *key;
    unsigned char       digest[EVP_MAX_MD_SIZE];

    key = X509_get0_pubkey_bitstr(cert);
    ski = ASN1_OCTET_STRING_new();
    aki = AUTHORITY_KEYID_new();

    rc = key && ski && aki
         && EVP_Digest(ASN1_STRING_get0_data(key),
                       (size_t) ASN1_STRING_length(key), digest, NULL,
                       EVP_sha256(), NULL)
         && ASN1_OCTET_STRING_set(ski, digest, HARS_CA_KEY_ID)
         && X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0,
                              X509V3_ADD_APPEND) == 1
         ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK && issuer != cert) {
        ASN1_OCTET_STRING_free(ski);
        ski = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(issuer));
    }

    if (rc == HARS_OK && ski) {
        aki->keyid = ski;
        ski = NULL;
        rc = X509_add1_ext_i2d(cert, NID_authority_key_identifier, aki, 0,
                               X509V3_ADD_APPEND) == 1
             ? HARS_OK : HARS_ERROR;

    } else {
        rc = HARS_ERROR;
    }

    ASN1_OCTET_STRING_free(ski);
    AUTHORITY_KEYID_free(aki);

    return rc;
}


int
hars_ca_dates(const X509 *cert, int64_t *not_before, int64_t *not_after)
{
    struct tm  tm;

    if (!ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm)) {
        return HARS_ERROR;
    }

    *not_before = timegm(&tm);

    if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm)) {
        return HARS_ERROR;
    }

    *not_after = timegm(&tm);

    return HARS_OK;
}
