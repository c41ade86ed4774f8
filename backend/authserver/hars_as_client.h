
/*
 * What a new client gets of this server, by the command line as by
 * registration over HTTP: a client_id, a subject, and secrets, of which only
 * SHA-256 is kept.  All of it is random.
 */

#ifndef HARS_AS_CLIENT_H
#define HARS_AS_CLIENT_H


#include "hars_as.h"


/* a prefix and 43 characters of base64url, 256 bits, with the zero behind */
#define HARS_SECRET_CLIENT      "hats_cs_"
#define HARS_SECRET_INITIAL     "hats_iat_"        /* RFC 7591, 1.2 */
#define HARS_SECRET_MANAGE      "hats_rat_"        /* RFC 7592, 1.2 */
#define HARS_SECRET_ENROL       "hats_es_"         /* RFC 7030, 3.2.3 */
#define HARS_SECRET_SIZE        (9 + HARS_B64_SHA256_LEN + 1)


/*
 * All return HARS_OK, or HARS_ERROR: there is no randomness.
 *
 * hars_client_new_id() gives 128 bits in base32 (RFC 4648, 6), lower case;
 * hars_client_new_sub() one of a person that says nothing of it, and of
 * anything else its client_id.
 */
int hars_client_new_id(hars_client_t *client);
int hars_client_new_sub(hars_client_t *client);

int hars_secret_make(char secret[HARS_SECRET_SIZE], const char *prefix,
    unsigned char hash[HARS_SHA256_LEN]);

/* of one that somebody sent; HARS_DECLINED: it has not the form */
int hars_secret_hash(const char *secret, const char *prefix,
    unsigned char hash[HARS_SHA256_LEN]);


#endif /* HARS_AS_CLIENT_H */
