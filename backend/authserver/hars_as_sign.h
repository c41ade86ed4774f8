
/*
 * The server's own signatures, ES256 (RFC 7518, 3.4): of introspection
 * answers (RFC 9701) and of the audit log's head.  Keys are EC P-256 in PEM
 * files, as closed as any key; the first one signs, all are good for
 * verifying, so that another can be brought in before the old one goes.
 */

#ifndef HARS_AS_SIGN_H
#define HARS_AS_SIGN_H


#include "hars_record.h"


#define HARS_SIGN_LEN     64              /* r and s, each 32 bytes */
#define HARS_SIGN_KEYS    8
#define HARS_SIGN_ALG     "ES256"


typedef struct hars_sign_s  hars_sign_t;


/*
 * From files of private keys, or of public ones, which only verify.  NULL
 * after the log has cause and mend.
 */
hars_sign_t *hars_sign_create(char *const *file, unsigned n);
hars_sign_t *hars_sign_public(char *const *file, unsigned n);
void hars_sign_free(hars_sign_t *sign);

/* a signature of "data" by the first key; thread-safe */
int hars_sign(hars_sign_t *sign, const void *data, size_t len,
    unsigned char signature[HARS_SIGN_LEN]);

/* HARS_OK: by one of the keys; HARS_DECLINED: by none */
int hars_sign_verify(hars_sign_t *sign, const void *data, size_t len,
    const unsigned char signature[HARS_SIGN_LEN]);

/* the key's public numbers as a JWK has them (RFC 7518, 6.2.1) */
typedef struct {
    char  x[HARS_B64_SHA256_LEN + 1];
    char  y[HARS_B64_SHA256_LEN + 1];
    char  kid[HARS_B64_SHA256_LEN + 1];   /* RFC 7638 */
} hars_sign_jwk_t;

/* the i-th one's; NULL: there are not so many */
const hars_sign_jwk_t *hars_sign_jwk(const hars_sign_t *sign, unsigned i);

/* base64url without padding: "dst" takes len * 4 / 3 + 4 bytes */
#define HARS_SIGN_B64(len)  ((len) * 4 / 3 + 4)
void hars_sign_b64(char *dst, const void *src, size_t len);

/* of a signature; HARS_ERROR: it is none, or not in its one form */
int hars_sign_unb64(unsigned char signature[HARS_SIGN_LEN],
    const char *text);


#endif /* HARS_AS_SIGN_H */
