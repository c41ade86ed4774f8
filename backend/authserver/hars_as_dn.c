
/* See hars_as_dn.h for what this is. */

#include "hars_as_dn.h"
#include "hars_as_dn_private.h"
#include "hars_record.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>


static int hars_dn_entry(hars_dn_t *dn, X509_NAME_ENTRY *entry, unsigned rdn);
static int hars_dn_value(hars_dn_ava_t *ava, const ASN1_STRING *str);
static int hars_dn_value_der(hars_dn_ava_t *ava, const ASN1_STRING *str);


int
hars_dn_check(const char *dn, const char **error)
{
    hars_dn_t  parsed;

    if (hars_dn_parse(&parsed, dn) == HARS_OK) {
        return HARS_OK;
    }

    *error = parsed.error;

    return HARS_ERROR;
}


int
hars_dn_match(const char *dn, const unsigned char *der, size_t len)
{
    int                   i, n, rc, rdns;
    X509_NAME            *name;
    hars_dn_t             parsed;
    X509_NAME_ENTRY      *entry;
    const unsigned char  *p;

    if (hars_dn_parse(&parsed, dn) != HARS_OK) {
        return HARS_DECLINED;
    }

    p = der;
    name = d2i_X509_NAME(NULL, &p, (long) len);

    if (name == NULL || p != der + len) {
        X509_NAME_free(name);
        return HARS_DECLINED;
    }

    n = X509_NAME_entry_count(name);
    rdns = n ? X509_NAME_ENTRY_set(X509_NAME_get_entry(name, n - 1)) + 1 : 0;
    rc = HARS_DECLINED;

    if (n != (int) parsed.n || rdns != (int) parsed.nrdns) {
        goto done;
    }

    /* each entry takes one of as many: all taken is all equal */

    for (i = 0; i < n; i++) {
        entry = X509_NAME_get_entry(name, i);

        if (hars_dn_entry(&parsed, entry,
                          (unsigned) (rdns - 1 - X509_NAME_ENTRY_set(entry)))
            != HARS_OK)
        {
            goto done;
        }
    }

    rc = HARS_OK;

done:

    X509_NAME_free(name);

    return rc;
}


/* one attribute of the certificate takes one of the string's, or declines */
static int
hars_dn_entry(hars_dn_t *dn, X509_NAME_ENTRY *entry, unsigned rdn)
{
    int             n;
    char            oid[HARS_DN_OID];
    unsigned        i;
    ASN1_STRING    *str;
    hars_dn_ava_t  *ava;

    n = OBJ_obj2txt(oid, sizeof(oid), X509_NAME_ENTRY_get_object(entry), 1);

    if (n <= 0 || (size_t) n >= sizeof(oid)) {
        return HARS_DECLINED;
    }

    str = X509_NAME_ENTRY_get_data(entry);

    for (i = 0; i < dn->n; i++) {
        ava = &dn->ava[i];

        if (ava->used || ava->rdn != rdn || strcmp(ava->oid, oid) != 0) {
            continue;
        }

        if ((ava->hex ? hars_dn_value_der(ava, str)
                      : hars_dn_value(ava, str)) == HARS_OK)
        {
            ava->used = 1;
            return HARS_OK;
        }
    }

    return HARS_DECLINED;
}


static int
hars_dn_value(hars_dn_ava_t *ava, const ASN1_STRING *str)
{
    int             len, rc;
    unsigned char  *utf8;

    switch (ASN1_STRING_type(str)) {

    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UNIVERSALSTRING:
        break;

    default:

        /* TeletexString: what its bytes mean is anybody's guess */

        return HARS_DECLINED;
    }

    len = ASN1_STRING_to_UTF8(&utf8, str);
    if (len < 0) {
        return HARS_DECLINED;
    }

    rc = ((size_t) len == ava->len && memcmp(utf8, ava->value, ava->len) == 0)
         ? HARS_OK : HARS_DECLINED;

    OPENSSL_free(utf8);

    return rc;
}


static int
hars_dn_value_der(hars_dn_ava_t *ava, const ASN1_STRING *str)
{
    int             len, rc;
    ASN1_TYPE      *type;
    unsigned char  *der;

    type = ASN1_TYPE_new();
    if (type == NULL) {
        return HARS_DECLINED;
    }

    der = NULL;
    rc = HARS_DECLINED;

    if (ASN1_TYPE_set1(type, ASN1_STRING_type(str), str)) {
        len = i2d_ASN1_TYPE(type, &der);

        if (len > 0
            && (size_t) len == ava->len
            && memcmp(der, ava->value, ava->len) == 0)
        {
            rc = HARS_OK;
        }
    }

    OPENSSL_free(der);
    ASN1_TYPE_free(type);

    return rc;
}
