
/*
 * The store's certificates, by serial number and thumbprint, and the secrets
 * that clients enrol with: SHA-256, used once.  See hars_as_store.h.
 */

#ifndef HARS_AS_STORE_CERT_H
#define HARS_AS_STORE_CERT_H


#include "hars_as_ca.h"
#include "hars_as_password.h"
#include "hars_as_store.h"


/* takes the place of what the client may have had, of either sort; s */
int hars_store_secret_set(hars_store_t *store, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t until);

/*
 * HARS_OK: it is the client's, and ends at *until, after "now"; nothing is
 * used up.
 */
int hars_store_secret_known(hars_store_t *store, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now, int64_t *until);

/* the same in a transaction, where the client has none by now */
int hars_store_secret_again(hars_db_t *db, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t until);

/* the same of a password's hash, and the hash */
int hars_store_password_set(hars_store_t *store, const char *client_id,
    const char *hash);
int hars_store_password_get(hars_store_t *store, const char *client_id,
    char hash[HARS_PASSWORD_HASH]);

/* why an enrolment was declined */
typedef enum {
    HARS_STORE_CHANGED = 0,               /* what was read holds no more */
    HARS_STORE_OFTEN,                     /* it had HARS_EST_OFTEN of them */
    HARS_STORE_KEY                        /* another's key, or compromised */
} hars_store_why_e;

/*
 * Stores a certificate for a client that is still registered as "client" has
 * it and not disabled, and uses its secret up.  HARS_DECLINED, and *why:
 * nothing is stored or used up.
 */
int hars_store_enrol(hars_store_t *store, const hars_client_t *client,
    const unsigned char secret[HARS_SHA256_LEN],
    const hars_certificate_t *cert, hars_store_why_e *why);

/* the same by a password, which stays */
int hars_store_enrol_again(hars_store_t *store, const hars_client_t *client,
    const char *password, const hars_certificate_t *cert,
    hars_store_why_e *why);

/*
 * The same with the certificate that it follows, which was issued to this
 * client and is not revoked; all that is bound to it is carried over.
 */
int hars_store_reenrol(hars_store_t *store, const hars_client_t *client,
    const unsigned char old[HARS_SHA256_LEN], const hars_certificate_t *cert,
    hars_store_why_e *why);

/*
 * Undoes one of these, whose certificate nobody got: it was never there.
 * "old" is the one that it follows, or NULL; a secret (NULL: none), which
 * ends at "until", is good again, unless there is another one by now.
 */
int hars_store_unenrol(hars_store_t *store, const hars_certificate_t *cert,
    const unsigned char *old, const unsigned char *secret, int64_t until);

int hars_store_certificate_get(hars_store_t *store,
    const unsigned char thumbprint[HARS_SHA256_LEN],
    hars_certificate_t *cert);
int hars_store_certificate_serial(hars_store_t *store,
    const unsigned char serial[HARS_CA_SERIAL], hars_certificate_t *cert);

/* one of a client's that is not revoked and ends after "now" */
int hars_store_certificate_live(hars_store_t *store, const char *client_id,
    int64_t now, hars_certificate_t *cert);

/* all, or a client's, the oldest first */
typedef void (*hars_store_certificate_pt)(void *data,
    const hars_certificate_t *cert);
int hars_store_certificate_each(hars_store_t *store, const char *client_id,
    hars_store_certificate_pt take, void *data);

/*
 * Forgets certificates that ended before "until", unless their key was
 * compromised, and secrets before "now".
 */
int hars_store_certificate_sweep(hars_store_t *store, int64_t until,
    int64_t now);


#endif /* HARS_AS_STORE_CERT_H */
