
/*
 * RFC 4514 strings, taken apart.  Of section 3 all is taken, and blanks
 * around "," "+" "=" as RFC 2253 had them; quoted values and ";" are not.
 */

#include "hars_as_dn_private.h"
#include "hars_record.h"

#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>


typedef struct {
    const char     *keyword;
    const char     *oid;
} hars_dn_type_t;


static const char *hars_dn_parse_type(hars_dn_t *dn, hars_dn_ava_t *ava,
    const char *p);
static const char *hars_dn_parse_string(hars_dn_t *dn, hars_dn_ava_t *ava,
    const char *p);
static const char *hars_dn_parse_hex(hars_dn_t *dn, hars_dn_ava_t *ava,
    const char *p);
static const char *hars_dn_escape(const char *p, unsigned char *c);
static int hars_dn_digit(char c);


/* RFC 4514, 3, and what else is seen in client certificates */
static const hars_dn_type_t  hars_dn_types[] = {
    { "CN", "2.5.4.3" },
    { "L", "2.5.4.7" },
    { "ST", "2.5.4.8" },
    { "O", "2.5.4.10" },
    { "OU", "2.5.4.11" },
    { "C", "2.5.4.6" },
    { "STREET", "2.5.4.9" },
    { "DC", "0.9.2342.19200300.100.1.25" },
    { "UID", "0.9.2342.19200300.100.1.1" },
    { "SN", "2.5.4.4" },
    { "serialNumber", "2.5.4.5" },
    { "title", "2.5.4.12" },
    { "givenName", "2.5.4.42" },
    { "organizationIdentifier", "2.5.4.97" },
    { "emailAddress", "1.2.840.113549.1.9.1" },
    { NULL, NULL }
};


int
hars_dn_parse(hars_dn_t *dn, const char *p)
{
    hars_dn_ava_t  *ava;

    memset(dn, 0, sizeof(hars_dn_t));

    dn->nrdns = 1;

    for ( ;; ) {

        if (dn->n == HARS_DN_AVAS) {
            dn->error = "has too many attributes";
            return HARS_ERROR;
        }

        ava = &dn->ava[dn->n++];
        ava->rdn = dn->nrdns - 1;

        p = hars_dn_parse_type(dn, ava, p);
        if (p == NULL) {
            return HARS_ERROR;
        }

        p = (*p == '#') ? hars_dn_parse_hex(dn, ava, p + 1)
                        : hars_dn_parse_string(dn, ava, p);
        if (p == NULL) {
            return HARS_ERROR;
        }

        if (*p == '\0') {
            return HARS_OK;
        }

        if (*p == ',') {
            dn->nrdns++;

        } else if (*p != '+') {
            dn->error = "has something behind a \"#\" value";
            return HARS_ERROR;
        }

        p++;
    }
}


static const char *
hars_dn_parse_type(hars_dn_t *dn, hars_dn_ava_t *ava, const char *p)
{
    char                   name[HARS_DN_OID];
    size_t                 len;
    ASN1_OBJECT           *object;
    const hars_dn_type_t  *type;

    p += strspn(p, " ");
    len = strcspn(p, " =");

    if (len == 0 || len >= sizeof(name)) {
        dn->error = "has no attribute type where one has to be, write it as "
                    "\"CN=name,O=organization\"";
        return NULL;
    }

    memcpy(name, p, len);
    name[len] = '\0';

    p += len;
    p += strspn(p, " ");

    if (*p != '=') {
        dn->error = "has an attribute without \"=\"";
        return NULL;
    }

    p++;
    p += strspn(p, " ");

    for (type = hars_dn_types; type->keyword; type++) {
        if (strcasecmp(type->keyword, name) == 0) {
            strcpy(ava->oid, type->oid);
            return p;
        }
    }

    object = (strspn(name, "0123456789.") == len) ? OBJ_txt2obj(name, 1)
                                                  : NULL;
    if (object == NULL) {
        dn->error = "has an attribute type that is not known, write its "
                    "object identifier";
        return NULL;
    }

    len = (size_t) OBJ_obj2txt(ava->oid, sizeof(ava->oid), object, 1);
    ASN1_OBJECT_free(object);

    if (len >= sizeof(ava->oid)) {
        dn->error = "has an object identifier that is too long";
        return NULL;
    }

    return p;
}


static const char *
hars_dn_parse_string(hars_dn_t *dn, hars_dn_ava_t *ava, const char *p)
{
    size_t         end;
    unsigned char  c;

    /* "end": trailing blanks do not count, escaped ones do */

    for (end = 0; *p != '\0' && *p != ',' && *p != '+'; p++) {

        if (strchr("\";<>", *p)) {
            dn->error = "has one of \" ; < > in a value, put a backslash "
                        "before it";
            return NULL;
        }

        if (ava->len == sizeof(ava->value)) {
            dn->error = "has a value that is too long";
            return NULL;
        }

        c = (unsigned char) *p;

        if (*p == '\\') {
            p = hars_dn_escape(p + 1, &c);

            if (p == NULL) {
                dn->error = "has a backslash that escapes nothing";
                return NULL;
            }

            ava->value[ava->len++] = c;
            end = ava->len;
            continue;
        }

        ava->value[ava->len++] = c;

        if (c != ' ') {
            end = ava->len;
        }
    }

    ava->len = end;

    if (end == 0) {
        dn->error = "has an attribute without value";
        return NULL;
    }

    return p;
}


/* RFC 4514, 3: pair; gives the place of its last character */
static const char *
hars_dn_escape(const char *p, unsigned char *c)
{
    int  high, low;

    if (*p != '\0' && strchr(" \"#+,;<=>\\", *p)) {
        *c = (unsigned char) *p;
        return p;
    }

    high = hars_dn_digit(*p);
    low = (high < 0) ? -1 : hars_dn_digit(p[1]);

    if (low < 0 || (high == 0 && low == 0)) {
        return NULL;
    }

    *c = (unsigned char) (high << 4 | low);

    return p + 1;
}


static const char *
hars_dn_parse_hex(hars_dn_t *dn, hars_dn_ava_t *ava, const char *p)
{
    int  high, low;

    ava->hex = 1;

    while ((high = hars_dn_digit(*p)) >= 0) {
        low = hars_dn_digit(p[1]);

        if (low < 0 || ava->len == sizeof(ava->value)) {
            dn->error = "has a \"#\" value that is not hexadecimal or too "
                        "long";
            return NULL;
        }

        ava->value[ava->len++] = (unsigned char) (high << 4 | low);
        p += 2;
    }

    if (ava->len == 0) {
        dn->error = "has an empty \"#\" value";
        return NULL;
    }

    return p + strspn(p, " ");
}


static int
hars_dn_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
