
/*
 * RFC 4514 strings to DER: what the authority here writes into certificates
 * (RFC 5280, 4.1.2.4).  The string's last RDN is the first one of the Name.
 */

#include "hars_as_dn.h"
#include "hars_as_dn_private.h"
#include "hars_record.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>


#define HARS_DN_CN  "2.5.4.3"


static int hars_dn_add_rdn(X509_NAME *name, const hars_dn_t *dn,
    unsigned rdn);
static int hars_dn_add(X509_NAME *name, const hars_dn_ava_t *ava, int set);
static int hars_dn_add_der(X509_NAME *name, ASN1_OBJECT *object,
    const hars_dn_ava_t *ava, int set);


int
hars_dn_encode(const char *dn, unsigned char *der, size_t size, size_t *len)
{
    int                   rc;
    unsigned              rdn;
    hars_dn_t             parsed;
    X509_NAME            *name;
    const unsigned char  *p;

    if (hars_dn_parse(&parsed, dn) != HARS_OK) {
        return HARS_ERROR;
    }

    name = X509_NAME_new();
    rc = name ? HARS_OK : HARS_ERROR;

    for (rdn = parsed.nrdns; rc == HARS_OK && rdn > 0; rdn--) {
        rc = hars_dn_add_rdn(name, &parsed, rdn - 1);
    }

    if (rc == HARS_OK
        && (!X509_NAME_get0_der(name, &p, len) || *len > size))
    {
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK) {
        memcpy(der, p, *len);
    }

    X509_NAME_free(name);
    ERR_clear_error();

    return rc;
}


static int
hars_dn_add_rdn(X509_NAME *name, const hars_dn_t *dn, unsigned rdn)
{
    int       set;
    unsigned  i;

    set = 0;                              /* -1: into the RDN before */

    for (i = 0; i < dn->n; i++) {
        if (dn->ava[i].rdn != rdn) {
            continue;
        }

        if (hars_dn_add(name, &dn->ava[i], set) != HARS_OK) {
            return HARS_ERROR;
        }

        set = -1;
    }

    return HARS_OK;
}


static int
hars_dn_add(X509_NAME *name, const hars_dn_ava_t *ava, int set)
{
    int           rc;
    ASN1_OBJECT  *object;

    object = OBJ_txt2obj(ava->oid, 1);

    if (object == NULL) {
        return HARS_ERROR;
    }

    rc = ava->hex
         ? hars_dn_add_der(name, object, ava, set)
         : X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, ava->value,
                                      (int) ava->len, -1, set)
           ? HARS_OK : HARS_ERROR;

    ASN1_OBJECT_free(object);

    return rc;
}


/* a "#" value: as it is, where it is a string */
static int
hars_dn_add_der(X509_NAME *name, ASN1_OBJECT *object,
    const hars_dn_ava_t *ava, int set)
{
    int                   rc, tag;
    ASN1_TYPE            *type;
    const unsigned char  *p;

    p = ava->value;
    type = d2i_ASN1_TYPE(NULL, &p, (long) ava->len);
    tag = type ? ASN1_TYPE_get(type) : -1;

    rc = (tag == V_ASN1_UTF8STRING || tag == V_ASN1_PRINTABLESTRING
          || tag == V_ASN1_IA5STRING || tag == V_ASN1_NUMERICSTRING)
         && p == ava->value + ava->len
         && X509_NAME_add_entry_by_OBJ(name, object, tag,
                                 ASN1_STRING_get0_data(type->value.asn1_string),
                                 ASN1_STRING_length(type->value.asn1_string),
                                 -1, set)
         ? HARS_OK : HARS_ERROR;

    ASN1_TYPE_free(type);

    return rc;
}


int
hars_dn_common_name(const char *dn, const char *cn)
{
    size_t       len;
    unsigned     i, n;
    hars_dn_t    parsed;

    if (hars_dn_parse(&parsed, dn) != HARS_OK) {
        return HARS_DECLINED;
    }

    len = strlen(cn);
    n = 0;

    for (i = 0; i < parsed.n; i++) {
        if (strcmp(parsed.ava[i].oid, HARS_DN_CN) != 0) {
            continue;
        }

        if (n++ || parsed.ava[i].hex || parsed.ava[i].len != len
            || memcmp(parsed.ava[i].value, cn, len) != 0)
        {
            return HARS_DECLINED;
        }
    }

    return n ? HARS_OK : HARS_DECLINED;
}
