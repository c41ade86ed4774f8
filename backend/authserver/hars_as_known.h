
/*
 * Who is known: the rows of clients, and which certificates are not revoked,
 * remembered as they were at one revision of the database.  Whoever changes
 * one of these, a command or another instance too, makes a new revision in
 * the same transaction (hars_store_revise()), so that one number read from
 * the database says whether what is remembered still holds.
 */

#ifndef HARS_AS_KNOWN_H
#define HARS_AS_KNOWN_H


#include "hars_as.h"
#include "hars_as_store.h"


typedef struct hars_known_s  hars_known_t;


/* NULL after the log has the cause */
hars_known_t *hars_known_create(hars_store_t *store);
void hars_known_free(hars_known_t *known);

/*
 * The client's row as of "revision", which was just read, or as of now where
 * that is 0.  Returns as the store's calls do.  Thread-safe.
 */
int hars_known_client(hars_known_t *known, const char *id, int64_t revision,
    hars_client_t *client);

/* the same of a certificate: HARS_OK: it is revoked, HARS_DECLINED: not */
int hars_known_revoked(hars_known_t *known,
    const unsigned char thumbprint[HARS_SHA256_LEN], int64_t revision);

/*
 * Has a token of this client been stored with this certificate?  What the
 * store keeps of that is never taken back; 0 says nothing.
 */
unsigned hars_known_bound(hars_known_t *known, const char *id,
    const unsigned char thumbprint[HARS_SHA256_LEN]);

/* one has, and is on the disk */
void hars_known_bind(hars_known_t *known, const char *id,
    const unsigned char thumbprint[HARS_SHA256_LEN]);


#endif /* HARS_AS_KNOWN_H */
