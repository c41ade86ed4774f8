
/*
 * Revocation lists, RFC 5280, 5: version 2, the issuer's key identifier
 * (5.2.1), a number (5.2.3), and for each entry when and why (5.3.1; an
 * unspecified reason is left out).  Pure but for the signature.
 */

#include "hars_as_crl.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


static int hars_crl_fill(X509_CRL *crl, const hars_crl_plan_t *plan);
static int hars_crl_entry(X509_CRL *crl, const hars_crl_entry_t *entry);
static int hars_crl_entry_reason(X509_REVOKED *revoked, int reason);
static int hars_crl_extensions(X509_CRL *crl, const hars_crl_plan_t *plan);


static const struct {
    int          reason;
    const char  *name;
} hars_crl_reasons[] = {
    { 0, "unspecified" },
    { 1, "keyCompromise" },
    { 3, "affiliationChanged" },
    { 4, "superseded" },
    { 5, "cessationOfOperation" },
    { 9, "privilegeWithdrawn" },
    { -1, NULL }
};


X509_CRL *
hars_crl_build(const hars_crl_plan_t *plan)
{
    X509_CRL  *crl;

    crl = X509_CRL_new();

    if (crl == NULL) {
        return NULL;
    }

    /* a key in a token may sign wrongly */

    if (hars_crl_fill(crl, plan) != HARS_OK
        || X509_CRL_sign(crl, plan->key, hars_ca_digest(plan->key)) <= 0
        || X509_CRL_verify(crl, X509_get0_pubkey(plan->issuer)) != 1)
    {
        X509_CRL_free(crl);
        crl = NULL;
    }

    ERR_clear_error();

    return crl;
}


static int
hars_crl_fill(X509_CRL *crl, const hars_crl_plan_t *plan)
{
    int         rc;
    size_t      i;
    ASN1_TIME  *this, *next;

    this = ASN1_TIME_set(NULL, plan->this_update);
    next = ASN1_TIME_set(NULL, plan->next_update);

    rc = this && next
         && X509_CRL_set_version(crl, X509_CRL_VERSION_2)
         && X509_CRL_set_issuer_name(crl, X509_get_subject_name(plan->issuer))
         && X509_CRL_set1_lastUpdate(crl, this)
         && X509_CRL_set1_nextUpdate(crl, next)
         && hars_crl_extensions(crl, plan) == HARS_OK
         ? HARS_OK : HARS_ERROR;

    for (i = 0; rc == HARS_OK && i < plan->n; i++) {
        rc = hars_crl_entry(crl, &plan->entry[i]);
    }

    ASN1_TIME_free(this);
    ASN1_TIME_free(next);

    return rc;
}


static int
hars_crl_entry(X509_CRL *crl, const hars_crl_entry_t *entry)
{
    int            rc;
    BIGNUM        *bn;
    ASN1_TIME     *at;
    ASN1_INTEGER  *serial;
    X509_REVOKED  *revoked;

    revoked = X509_REVOKED_new();
    bn = BN_bin2bn(entry->serial, HARS_CA_SERIAL, NULL);
    serial = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
    at = ASN1_TIME_set(NULL, entry->revoked_at);

    rc = revoked && serial && at
         && X509_REVOKED_set_serialNumber(revoked, serial)
         && X509_REVOKED_set_revocationDate(revoked, at)
         && hars_crl_entry_reason(revoked, entry->reason) == HARS_OK
         && X509_CRL_add0_revoked(crl, revoked)
         ? HARS_OK : HARS_ERROR;

    if (rc != HARS_OK) {
        X509_REVOKED_free(revoked);
    }

    ASN1_TIME_free(at);
    ASN1_INTEGER_free(serial);
    BN_free(bn);

    return rc;
}


static int
hars_crl_entry_reason(X509_REVOKED *revoked, int reason)
{
    int               rc;
    ASN1_ENUMERATED  *value;

    if (reason == 0) {
        return HARS_OK;
    }

    value = ASN1_ENUMERATED_new();

    rc = value
         && ASN1_ENUMERATED_set(value, reason)
         && X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, value, 0,
                                      X509V3_ADD_APPEND) == 1
         ? HARS_OK : HARS_ERROR;

    ASN1_ENUMERATED_free(value);

    return rc;
}


static int
hars_crl_extensions(X509_CRL *crl, const hars_crl_plan_t *plan)
{
    int               rc;
    ASN1_INTEGER     *number;
    AUTHORITY_KEYID  *aki;

    number = ASN1_INTEGER_new();
    aki = AUTHORITY_KEYID_new();
    rc = HARS_ERROR;

    if (number && aki) {
        aki->keyid =
                 ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(plan->issuer));

        rc = aki->keyid
             && ASN1_INTEGER_set_int64(number, plan->number)
             && X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, aki,
                                      0, X509V3_ADD_APPEND) == 1
             && X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0,
                                      X509V3_ADD_APPEND) == 1
             ? HARS_OK : HARS_ERROR;
    }

    AUTHORITY_KEYID_free(aki);
    ASN1_INTEGER_free(number);

    return rc;
}


int
hars_crl_reason(const char *name)
{
    unsigned  i;

    for (i = 0; hars_crl_reasons[i].name; i++) {
        if (strcmp(hars_crl_reasons[i].name, name) == 0) {
            break;
        }
    }

    return hars_crl_reasons[i].reason;
}


const char *
hars_crl_reason_name(int reason)
{
    unsigned  i;

    for (i = 0; hars_crl_reasons[i].name; i++) {
        if (hars_crl_reasons[i].reason == reason) {
            break;
        }
    }

    return hars_crl_reasons[i].name;
}
