
/*
 * What the authorization server keeps: clients, tokens (by SHA-256, never
 * themselves), and the outbox of revocations that Redis does not have yet.
 * The only place that knows which database it is.
 *
 * All calls are thread-safe, block for a bounded time, and return HARS_OK,
 * HARS_DECLINED (no such row, or there is one already) or HARS_ERROR after
 * the log has the cause.
 */

#ifndef HARS_AS_STORE_H
#define HARS_AS_STORE_H


#include "hars_as.h"


/* a commit waits for the disk: for what must not be forgotten */
#define HARS_STORE_DURABLE   0
/* a commit may be lost with the machine's power: for new tokens */
#define HARS_STORE_FAST      1

#define HARS_STORE_BATCH     64           /* outbox rows at a time */


typedef struct hars_store_s  hars_store_t;

typedef void (*hars_store_client_pt)(void *data, const hars_client_t *client);


/* a revocation that is to be told; "exp" is the token's */
typedef struct {
    unsigned char   hash[HARS_SHA256_LEN];
    int64_t         exp;
} hars_outbox_t;


/* makes the database where there is none; NULL after the log has the cause */
hars_store_t *hars_store_open(const char *path, unsigned mode);
void hars_store_close(hars_store_t *store);

int hars_store_client_add(hars_store_t *store, const hars_client_t *client);
int hars_store_client_get(hars_store_t *store, const char *id,
    hars_client_t *client);
int hars_store_client_each(hars_store_t *store, hars_store_client_pt take,
    void *data);

int hars_store_token_add(hars_store_t *store, const hars_token_t *token);
int hars_store_token_get(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], hars_token_t *token);

/*
 * Marks the token revoked and puts it into the outbox, in one transaction.
 * One that is revoked already stays so and goes into the outbox again.
 */
int hars_store_token_revoke(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now);

/* up to HARS_STORE_BATCH rows into "row", their number in *n */
int hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n);
int hars_store_outbox_done(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN]);

/* forgets some of the tokens that ended before "exp" */
int hars_store_sweep(hars_store_t *store, int64_t exp);


#endif /* HARS_AS_STORE_H */
