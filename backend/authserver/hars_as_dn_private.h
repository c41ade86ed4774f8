
/*
 * A parsed RFC 4514 string, as hars_as_dn.c, hars_as_dn_parse.c and
 * hars_as_dn_encode.c have it among themselves.
 */

#ifndef HARS_AS_DN_PRIVATE_H
#define HARS_AS_DN_PRIVATE_H


#include <stddef.h>


#define HARS_DN_AVAS   24
#define HARS_DN_OID    64
#define HARS_DN_VALUE  256


/* attribute type and value; "rdn" counts as the string does: last first */
typedef struct {
    unsigned        rdn;
    unsigned        hex:1;                /* the value is DER */
    unsigned        used:1;
    char            oid[HARS_DN_OID];
    size_t          len;
    unsigned char   value[HARS_DN_VALUE];
} hars_dn_ava_t;


typedef struct {
    unsigned        nrdns;
    unsigned        n;
    hars_dn_ava_t   ava[HARS_DN_AVAS];
    const char     *error;
} hars_dn_t;


/* HARS_OK, or HARS_ERROR with dn->error set */
int hars_dn_parse(hars_dn_t *dn, const char *p);


#endif /* HARS_AS_DN_PRIVATE_H */
