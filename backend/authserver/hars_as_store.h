
/*
 * What the authorization server keeps: clients, tokens (by SHA-256, never
 * themselves), the certificates that are revoked, and the outbox of what
 * Redis does not have yet of all revocations.  Connections and group commits
 * are those of hars_store.h.
 *
 * All calls are thread-safe, block for a bounded time, and return HARS_OK,
 * HARS_DECLINED (no such row, or there is one already) or HARS_ERROR after
 * the log has the cause.
 */

#ifndef HARS_AS_STORE_H
#define HARS_AS_STORE_H


#include "hars_as.h"
#include "hars_as_layout.h"
#include "hars_store.h"


/* rows in one transaction, so that nobody waits for it long */
#define HARS_STORE_BATCH     512

/* a number and some run ids */
#define HARS_STORE_MARK      4096


typedef void (*hars_store_client_pt)(void *data, const hars_client_t *client);


/* a revoked token, or a revoked certificate (no time), that is to be told */
typedef struct {
    hars_token_id_t  id;
    int64_t          exp;                 /* or notAfter, s */
} hars_outbox_t;


typedef enum {
    HARS_REVOKE_TOKEN = 0,                /* this one */
    HARS_REVOKE_FAMILY,                   /* refresh tokens and theirs */
    HARS_REVOKE_CLIENT,                   /* all live ones of ... */
    HARS_REVOKE_SUB,
    HARS_REVOKE_CERT
} hars_revoke_e;


typedef struct {
    hars_revoke_e    what;
    const char      *id;                  /* client_id or sub */
    hars_token_id_t  token;
    unsigned char    family[HARS_FAMILY_LEN];
    unsigned char    cert[HARS_SHA256_LEN];    /* its thumbprint */
    int64_t          until;               /* s, the certificate's notAfter */
    int              reason;              /* of a certificate, RFC 5280 */
} hars_revoke_t;


int hars_store_client_add(hars_store_t *store, const hars_client_t *client);
int hars_store_client_get(hars_store_t *store, const char *id,
    hars_client_t *client);

/* the same, and the revision that it is of */
int hars_store_client_at(hars_store_t *store, const char *id,
    hars_client_t *client, int64_t *revision);

/* HARS_DECLINED: no client's tokens speak of it */
int hars_store_sub_known(hars_store_t *store, const char *sub);

/*
 * Which clients there are and which certificates are revoked has a number,
 * from 1, that grows with each change: hars_store_revise() belongs into the
 * transaction of each.
 */
int hars_store_revision(hars_store_t *store, int64_t *revision);
int hars_store_revise(hars_db_t *db);

int hars_store_client_each(hars_store_t *store, hars_store_client_pt take,
    void *data);

/* the same inside a transaction */
int hars_client_insert(hars_db_t *db, const hars_client_t *client);
int hars_client_delete(hars_db_t *db, const char *id);

/* from "at" on, s; 0: no longer.  It gets no token from now on */
int hars_store_client_disable(hars_store_t *store, const char *id,
    int64_t at);
int hars_store_client_remove(hars_store_t *store, const char *id);

/* HARS_DECLINED: its certificate is revoked, or its client disabled */
int hars_store_token_add(hars_store_t *store, const hars_token_t *token);

/* the same inside a transaction; HARS_DECLINED: or its key is taken */
int hars_token_insert(hars_db_t *db, const hars_token_t *token);
int hars_token_taken(hars_db_t *db, const hars_token_id_t *id);

/*
 * A token of a revoked certificate comes out as revoked.  *revision (may be
 * NULL) is that of its clients at the same moment, 0 where there is no token.
 */
int hars_store_token_get(hars_store_t *store, const hars_token_id_t *id,
    hars_token_t *token, int64_t *revision);

/*
 * Revokes up to HARS_STORE_BATCH live tokens, all families of refresh tokens
 * and the certificate if it is one, and puts them into the outbox, in one
 * transaction.  Returns the tokens in "row" and their number in *n; there may
 * be more while it is a whole batch.  HARS_DECLINED: no such token.
 *
 * A single token that is revoked already stays so and goes into the outbox
 * again; *n is 0 where it has ended.
 */
int hars_store_revoke(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n);

/* all of them inside a transaction, their number in *tokens */
int hars_store_revoke_all(hars_db_t *db, const hars_revoke_t *revoke,
    int64_t now, uint64_t *tokens);

int hars_store_cert_revoked(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN]);

/* the same, and the revision that it is of */
int hars_store_cert_revoked_at(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t *revision);

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

/*
 * Of several servers on one database one tells at a time.  HARS_DECLINED:
 * another one is at it.
 */
int hars_store_turn(hars_store_t *store, hars_db_t **turn);
void hars_store_turn_done(hars_store_t *store, hars_db_t *turn);

/*
 * Forgets tokens that were issued so long ago that they have ended before
 * "until"; no token lives longer than "ttl" or what its client has.
 * HARS_DECLINED: so many that this is to be called again, after whatever else
 * there is to do, with *from (a key, at first 0) as it was left.
 */
int hars_store_sweep(hars_store_t *store, int64_t until, int64_t ttl,
    int64_t *from);


#endif /* HARS_AS_STORE_H */
