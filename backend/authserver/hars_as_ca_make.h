
/*
 * A new authority: root, issuing authority, and the root's own revocation
 * list, which lasts as long as the root because its key is to be away.  All
 * files are there at once, or none is.
 */

#ifndef HARS_AS_CA_MAKE_H
#define HARS_AS_CA_MAKE_H


#include <stdint.h>


typedef struct {
    const char  *dir;
    const char  *key;                     /* pkcs11: of issuing; NULL: new */
    const char  *curve;                   /* "P-256", "P-384" */
    const char  *name;                    /* RFC 4514, behind the CN */
    long         root_days;
    long         issuing_days;
    int64_t      now;                     /* s */
} hars_ca_make_t;


/* HARS_ERROR: said on standard error, and nothing is left behind */
int hars_ca_make(const hars_ca_make_t *make);


#endif /* HARS_AS_CA_MAKE_H */
