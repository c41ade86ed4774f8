
/*
 * The client's certificate as the gateway hands it over, RFC 9440: one
 * Client-Cert header, a byte sequence of RFC 8941, the DER of the end-entity
 * certificate.  The gateway has verified its chain; what is looked at again
 * is that it is one certificate and its period of validity.  Pure.
 */

#ifndef HARS_AS_CERT_H
#define HARS_AS_CERT_H


#include "hars_record.h"

#include <time.h>


#define HARS_CERT_HEADER  8192            /* longest header value */
#define HARS_CERT_SUBJECT 2048            /* longest subject name, DER */


typedef struct {
    unsigned char   thumbprint[HARS_SHA256_LEN];       /* RFC 8705, 3.1 */
    unsigned        valid:1;              /* notBefore <= now <= notAfter */
    size_t          subject_len;
    unsigned char   subject[HARS_CERT_SUBJECT];        /* Name, DER */
} hars_cert_t;


/* HARS_OK, or HARS_ERROR: no byte sequence, or not one certificate */
int hars_cert_parse(hars_cert_t *cert, const char *header, time_t now);


#endif /* HARS_AS_CERT_H */
