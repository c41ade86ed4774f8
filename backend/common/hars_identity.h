
/*
 * A client's key and certificate, and the authorities that it believes: what
 * enrolment (RFC 7030) makes and checks.  The key is made here, 0600, and
 * never leaves its file; what comes from the server is believed only where it
 * leads to a root that was authenticated before.
 *
 * All return HARS_OK, or HARS_ERROR: hars_identity_error() has cause and mend.
 */

#ifndef HARS_IDENTITY_H
#define HARS_IDENTITY_H


#include "hars_text.h"

#include <stdint.h>


#define HARS_IDENTITY_ERROR  512


typedef struct hars_identity_s  hars_identity_t;


/* NULL: no memory */
hars_identity_t *hars_identity_create(void);
void hars_identity_free(hars_identity_t *id);

const char *hars_identity_error(const hars_identity_t *id);

/* P-256, new where there is no file and "make" is set; never overwritten */
int hars_identity_key(hars_identity_t *id, const char *file, unsigned make);

/* the certificate that is to be followed; its key has to be this one */
int hars_identity_old(hars_identity_t *id, const char *file);

/* when that one begins and ends, s since 1970 */
int hars_identity_times(hars_identity_t *id, int64_t *from, int64_t *to);

/* PKCS#10 in base64: of the old one's names, or of none at all */
int hars_identity_request(hars_identity_t *id, hars_text_t *body);

/*
 * hars_authority.c: an answer of cacerts (RFC 7030, 4.1.3).  Its roots are
 * believed: all of them, or only the one of this SHA-256 (hexadecimal).
 */
int hars_identity_authorities(hars_identity_t *id, const char *body,
    size_t len, const char *fingerprint);

/* is it one?  It says nothing */
int hars_identity_fingerprint(const char *fingerprint);

/* these roots in PEM */
int hars_identity_roots(hars_identity_t *id, hars_text_t *pem);

/*
 * The answer of an enrolment: a certificate of this key, of these
 * authorities, whose CN is "client_id" (NULL: the subject is the old one's).
 */
int hars_identity_take(hars_identity_t *id, const char *body, size_t len,
    const char *client_id);

/* it, and the authorities between it and the root, in one step */
int hars_identity_write(hars_identity_t *id, const char *file);

/* what it says, on standard output */
void hars_identity_print(hars_identity_t *id);


#endif /* HARS_IDENTITY_H */
