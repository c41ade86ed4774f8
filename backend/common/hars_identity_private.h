
/* What hars_identity.c and hars_authority.c have between them. */

#ifndef HARS_IDENTITY_PRIVATE_H
#define HARS_IDENTITY_PRIVATE_H


#include "hars_identity.h"
#include "hars_record.h"

#include <openssl/evp.h>
#include <openssl/x509.h>


struct hars_identity_s {
    EVP_PKEY        *key;
    X509            *old;                 /* NULL: the first enrolment */
    X509            *cert;
    STACK_OF(X509)  *roots;               /* believed */
    STACK_OF(X509)  *others;              /* of authorities below them */
    char             error[HARS_IDENTITY_ERROR];
};


/* keeps what is wrong; HARS_ERROR */
int hars_identity_failed(hars_identity_t *id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* HARS_IDENTITY_PRIVATE_H */
