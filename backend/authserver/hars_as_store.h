
/*
 * What the authorization server keeps: clients, tokens (by SHA-256, never
 * themselves), the certificates that are revoked, and the outbox of what
 * Redis does not have yet of all revocations.  The only place that knows
 * which database it is.
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

/* rows in one transaction, so that nobody waits for it long */
#define HARS_STORE_BATCH     512


/* a number and some run ids */
#define HARS_STORE_MARK      4096


typedef struct hars_store_s  hars_store_t;

typedef void (*hars_store_client_pt)(void *data, const hars_client_t *client);


/* a revoked token, or a revoked certificate, that is to be told */
typedef struct {
    unsigned char   hash[HARS_SHA256_LEN];
    int64_t         exp;                  /* or notAfter, s */
} hars_outbox_t;


typedef enum {
    HARS_REVOKE_TOKEN = 0,                /* the one of this hash */
    HARS_REVOKE_CLIENT,                   /* all live ones of ... */
    HARS_REVOKE_SUB,
    HARS_REVOKE_CERT
} hars_revoke_e;


typedef struct {
    hars_revoke_e   what;
    const char     *id;                   /* client_id or sub */
    unsigned char   hash[HARS_SHA256_LEN];     /* of token or certificate */
    int64_t         until;                /* s, the certificate's notAfter */
} hars_revoke_t;


/* makes the database where there is none; NULL after the log has the cause */
hars_store_t *hars_store_open(const char *path, unsigned mode);
void hars_store_close(hars_store_t *store);

int hars_store_client_add(hars_store_t *store, const hars_client_t *client);
int hars_store_client_get(hars_store_t *store, const char *id,
    hars_client_t *client);
int hars_store_client_each(hars_store_t *store, hars_store_client_pt take,
    void *data);

/* from "at" on, s; 0: no longer.  It gets no token from now on */
int hars_store_client_disable(hars_store_t *store, const char *id,
    int64_t at);
int hars_store_client_remove(hars_store_t *store, const char *id);

/* HARS_DECLINED: its certificate is revoked, or its client disabled */
int hars_store_token_add(hars_store_t *store, const hars_token_t *token);

/* a token of a revoked certificate comes out as revoked */
int hars_store_token_get(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], hars_token_t *token);

/*
 * Revokes up to HARS_STORE_BATCH live tokens, and the certificate if it is
 * one, and puts them into the outbox, in one transaction.  Returns the tokens
 * in "row" and their number in *n; there may be more while it is a whole
 * batch.  HARS_DECLINED: no such token.
 *
 * A single token that is revoked already stays so and goes into the outbox
 * again; *n is 0 where it has ended.
 */
int hars_store_revoke(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n);

int hars_store_cert_revoked(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN]);

/* up to HARS_STORE_BATCH tokens to be told, their number in *n */
int hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n);
int hars_store_outbox_done(hars_store_t *store, const hars_outbox_t *row,
    unsigned n);

/* a certificate to be told; its tokens may not all be revoked yet */
int hars_store_outbox_cert(hars_store_t *store, hars_outbox_t *row);
int hars_store_outbox_cert_done(hars_store_t *store,
    const hars_outbox_t *row);

/*
 * All revoked tokens that end after "now", and all certificates revoked till
 * after it, a batch at a time: "row" holds the batch before, *n its number, 0
 * to begin.
 */
int hars_store_revoked(hars_store_t *store, int64_t now, hars_outbox_t *row,
    unsigned *n);
int hars_store_revoked_certs(hars_store_t *store, int64_t now,
    hars_outbox_t *row, unsigned *n);

/*
 * The mark of the servers that were told all of this ("{revoked}run"), "" for
 * none; set before they are told, so that no older one is used again.
 */
int hars_store_told(hars_store_t *store, char mark[HARS_STORE_MARK]);
int hars_store_tell(hars_store_t *store, const char *mark);

/* forgets some of the tokens that ended before "exp" */
int hars_store_sweep(hars_store_t *store, int64_t exp);


#endif /* HARS_AS_STORE_H */
