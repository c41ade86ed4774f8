
/*
 * The client's certificate as the gateway hands it over, RFC 9440: one
 * Client-Cert header, a byte sequence of RFC 8941, the DER of the end-entity
 * certificate.  That the gateway has verified it is not enough: it is looked
 * at again whether one of the authorities in client_ca signed it.  What was
 * found out of one that they did is kept for a minute, by the header's text.
 */

#ifndef HARS_AS_CERT_H
#define HARS_AS_CERT_H


#include "hars_record.h"

#include <time.h>


#define HARS_CERT_HEADER  8192            /* longest header value */
#define HARS_CERT_NAME    2048            /* longest subject, issuer, names */


typedef struct hars_certs_s  hars_certs_t;


typedef struct {
    unsigned char   thumbprint[HARS_SHA256_LEN];       /* RFC 8705, 3.1 */
    unsigned        valid:1;              /* notBefore <= now <= notAfter */
    unsigned        trusted:1;            /* by an authority in client_ca */
    size_t          subject_len;
    unsigned char   subject[HARS_CERT_NAME];           /* Name, DER */
    size_t          issuer_len;
    unsigned char   issuer[HARS_CERT_NAME];            /* Name, DER */
    size_t          san_len;              /* 0: there are none */
    unsigned char   san[HARS_CERT_NAME];  /* GeneralNames, DER */
} hars_cert_t;


/*
 * The authorities, from PEM files: roots, and intermediates, which are
 * believed as such.  NULL after the log has the cause.
 */
hars_certs_t *hars_certs_create(char *const *file, unsigned n);
void hars_certs_free(hars_certs_t *certs);

/* one more file; before there is a second thread */
int hars_certs_add(hars_certs_t *certs, const char *file);

/*
 * HARS_OK, or HARS_ERROR: no byte sequence, or not one certificate.  Without
 * "certs" nobody is trusted.  Thread-safe.
 */
int hars_cert_parse(hars_certs_t *certs, hars_cert_t *cert,
    const char *header, time_t now);

/* the same of a PEM file's first certificate */
int hars_cert_file(hars_cert_t *cert, const char *file, time_t now);

/*
 * Whose it is, the same when it is renewed: SHA-256 of issuer, subject
 * and subjectAltName, in base64url.
 */
int hars_cert_holder(const hars_cert_t *cert,
    char holder[HARS_B64_SHA256_LEN + 1]);


#endif /* HARS_AS_CERT_H */
