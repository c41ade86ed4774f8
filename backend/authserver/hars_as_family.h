
/*
 * Refresh tokens, RFC 6749, 6.  All that grew out of one client_credentials
 * request is a family: one row, with the client, the certificate, the scope
 * and the audience that were granted, and the generation that is valid now.
 *
 *     refresh token    hats_rt_  family (16 bytes), generation (4),
 *                                HMAC-SHA-256 of both (28)
 *
 * A refresh token is used once: the next generation takes its place (RFC
 * 9700, 4.14.2).  An answer may get lost, so the one before stays good for a
 * moment of grace, and gives the same successor again.  After it, or once the
 * successor was used, it is a copy in two hands: the family ends, with its
 * access tokens.  Nothing of a refresh token is stored: the key is in a file,
 * the generation in the row, and neither is of use without the other.
 */

#ifndef HARS_AS_FAMILY_H
#define HARS_AS_FAMILY_H


#include "hars_as.h"
#include "hars_as_store.h"


#define HARS_FAMILY_PREFIX  "hats_rt_"
#define HARS_FAMILY_BYTES   48
#define HARS_FAMILY_SIZE    (sizeof(HARS_FAMILY_PREFIX)                      \
                             + HARS_FAMILY_BYTES / 3 * 4)


typedef struct hars_family_keys_s  hars_family_keys_t;


typedef struct {
    unsigned char  id[HARS_FAMILY_LEN];
    unsigned char  cnf[HARS_SHA256_LEN];  /* thumbprint of the certificate */
    char           client_id[HARS_AS_ID_SIZE];
    char           scope[HARS_AS_SCOPE_SIZE];
    char           aud[HARS_AS_AUD_SIZE];
    uint32_t       generation;            /* the valid one, from 1 */
    int64_t        iat;                   /* s */
    int64_t        exp;                   /* s, of all generations */
    int64_t        rotated_at;            /* s, when this generation began */
    int64_t        revoked_at;            /* s, 0: not */
} hars_family_t;


typedef enum {
    HARS_FAMILY_ROTATED = 0,              /* the next generation began */
    HARS_FAMILY_RETRIED,                  /* it had begun a moment ago */
    HARS_FAMILY_REUSED,                   /* long ago */
    HARS_FAMILY_ENDED                     /* revoked, expired, or gone */
} hars_family_e;


/*
 * From key files (hars_record.h): the first one makes, all are believed.
 * NULL after the log has the cause.
 */
hars_family_keys_t *hars_family_keys_create(char *const *file, unsigned n);
void hars_family_keys_free(hars_family_keys_t *keys);

/* the refresh token of a generation, zero-terminated */
int hars_family_value(const hars_family_keys_t *keys,
    const unsigned char id[HARS_FAMILY_LEN], uint32_t generation,
    char value[HARS_FAMILY_SIZE]);

/* HARS_DECLINED: it is none that these keys made; "keys" may be NULL */
int hars_family_parse(const hars_family_keys_t *keys, const char *value,
    unsigned char id[HARS_FAMILY_LEN], uint32_t *generation);

/* a refresh token of this family and client, as introspection tells it */
void hars_family_token(const hars_family_t *family,
    const hars_client_t *client, hars_token_t *token);


/* one whose certificate is revoked comes out as revoked */
int hars_store_family_get(hars_store_t *store,
    const unsigned char id[HARS_FAMILY_LEN], hars_family_t *family);

/* forgets families that ended before "until", s; HARS_DECLINED: some of them */
int hars_store_family_sweep(hars_store_t *store, int64_t until);

/* how many clients get refresh tokens */
int hars_store_family_clients(hars_store_t *store, int64_t *n);


/* inside a transaction */
int hars_family_insert(hars_db_t *db, const hars_family_t *family);

/*
 * The step from the generation that is in "family" to the next one, at "now",
 * for this client and this certificate.
 */
int hars_family_rotate(hars_db_t *db, const hars_family_t *family,
    int64_t now, int64_t grace, hars_family_e *result);

/*
 * A certificate was renewed: what is bound to the old one is bound to the new
 * one from now on (RFC 8705, 6.3 and 7.1 name the problem).
 */
int hars_store_family_carry(hars_db_t *db, const char *client_id,
    const unsigned char from[HARS_SHA256_LEN],
    const unsigned char to[HARS_SHA256_LEN]);

/* those of a family, client, subject or certificate */
int hars_family_revoke(hars_db_t *db, const hars_revoke_t *revoke,
    int64_t now);


#endif /* HARS_AS_FAMILY_H */
