
/*
 * A revocation from its commit to its telling, the same for the endpoint, the
 * command and the main thread:
 *
 *     a batch of tokens: row and outbox, committed
 *         -> tombstones, thumbprint, entry of the stream: Redis
 *         -> out of the outbox
 *
 * until there are no more.  What Redis does not take stays in the outbox.
 */

#ifndef HARS_AS_REVOCATION_H
#define HARS_AS_REVOCATION_H


#include "hars_as.h"
#include "hars_as_store.h"


typedef struct {
    uint64_t        tokens;               /* live ones */
    unsigned        untold:1;             /* Redis does not have all of it */
} hars_revoked_t;


/*
 * HARS_OK, HARS_DECLINED (no such token), or HARS_ERROR: not all of it.  Of a
 * certificate that was issued here notAfter is known, whatever "until" says.
 */
int hars_revocation(hars_as_t *as, hars_store_t *store,
    const hars_revoke_t *revoke, hars_revoked_t *revoked);

/*
 * All certificates of a client that were issued here and are live, with their
 * tokens; "by" is for the audit log.  *n: how many.
 */
int hars_revocation_certificates(hars_as_t *as, hars_store_t *store,
    const char *client_id, int reason, const char *by, unsigned *n,
    hars_revoked_t *revoked);

/* what stands in the outbox; HARS_OK: it is empty */
int hars_revocation_outbox(hars_as_t *as, hars_store_t *store);

/*
 * Fills "revoke" from text: a token, of either sort, a thumbprint of 43
 * characters, an id.  "until" of a certificate is 398 days from "now" on.
 * HARS_ERROR: it is none, which "error" says.
 */
int hars_revocation_what(const hars_as_t *as, hars_revoke_t *revoke,
    hars_revoke_e what, const char *text, int64_t now, const char **error);

/* another "until": unix seconds, after "now" */
int hars_revocation_until(hars_revoke_t *revoke, const char *text,
    int64_t now);


#endif /* HARS_AS_REVOCATION_H */
