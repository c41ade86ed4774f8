
/* The store's tokens; see hars_as_store.h. */

#include "hars_as_store.h"
#include "hars_as_row.h"
#include "hars_as_value.h"

#include <string.h>


/* a range is deleted in slices, so that no token waits long for one */
#define HARS_SWEEP_SLICE   4096           /* rows */
#define HARS_SWEEP_SLICES  32             /* in one call */


typedef struct {
    int64_t         bound;                /* key: issued before it */
    int64_t         until;
    int64_t         from;                 /* key, where this slice begins */
    int64_t         next;                 /* and the next one */
    unsigned        more:1;               /* there is a next one */
} hars_sweep_t;


static int hars_store_token_insert(hars_db_t *db, void *data);
static int64_t hars_sweep_ttl(hars_store_t *store, int64_t ttl);
static int hars_sweep_slice(hars_db_t *db, void *data);


int
hars_store_token_add(hars_store_t *store, const hars_token_t *token)
{
    return hars_store_write(store, hars_store_token_insert, (void *) token);
}


static int
hars_store_token_insert(hars_db_t *db, void *data)
{
    return hars_token_insert(db, data);
}


/* the client's row is locked: who disables it comes before, or sees this */
int
hars_token_insert(hars_db_t *db, const hars_token_t *token)
{
    uint64_t  added;

    hars_row_bind_token(db, token);

    if (hars_db_do(db, "INSERT INTO token (" HARS_ROW_TOKEN ", revoked_at)"
                       " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                       " 0 WHERE NOT EXISTS (SELECT 1 FROM revoked_cert"
                       " WHERE hash = ?3)"
                       " AND EXISTS (SELECT 1 FROM client WHERE id = ?4"
                       " AND disabled_at = 0 {SHARE})"
                       " ON CONFLICT DO NOTHING",
                   &added) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (!added) {
        return HARS_DECLINED;
    }

    if (token->bound) {
        return HARS_OK;
    }

    hars_db_blob(db, token->cnf, HARS_SHA256_LEN);
    hars_db_text(db, token->client_id);

    return hars_db_do(db, "INSERT INTO binding (cnf, client_id)"
                          " VALUES (?1, ?2) ON CONFLICT DO NOTHING", NULL);
}


int
hars_token_taken(hars_db_t *db, const hars_token_id_t *id)
{
    hars_db_int(db, id->key);

    return hars_db_first(db, "SELECT 1 FROM token WHERE key = ?1");
}


int
hars_store_token_get(hars_store_t *store, const hars_token_id_t *id,
    hars_token_t *token, int64_t *revision)
{
    int         rc;
    hars_db_t  *db;

    if (revision) {
        *revision = 0;
    }

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_row_bind_id(db, id);

    rc = hars_db_first(db, "SELECT " HARS_ROW_TOKEN ", coalesce("
                           "nullif(revoked_at, 0), (SELECT c.revoked_at FROM"
                           " revoked_cert AS c WHERE c.hash = cnf), 0)"
                           HARS_ROW_REVISION " FROM token WHERE key = ?1"
                           " AND hash = ?2");
    if (rc == HARS_OK) {
        rc = hars_row_token(db, token);

        if (revision) {
            *revision = hars_db_get_int(db, HARS_ROW_TOKEN_COLUMNS);
        }
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_sweep(hars_store_t *store, int64_t until, int64_t ttl,
    int64_t *from)
{
    int           rc;
    unsigned      n;
    hars_sweep_t  sweep;

    ttl = hars_sweep_ttl(store, ttl);

    if (ttl < 0) {
        return HARS_ERROR;
    }

    memset(&sweep, 0, sizeof(hars_sweep_t));

    sweep.bound = hars_value_key((until - ttl) * 1000, NULL);
    sweep.until = until;
    sweep.from = *from;

    for (n = 0; n < HARS_SWEEP_SLICES; n++) {
        rc = hars_store_write(store, hars_sweep_slice, &sweep);

        if (rc != HARS_OK || !sweep.more) {
            *from = 0;
            return rc;
        }

        sweep.from = sweep.next;
    }

    *from = sweep.from;

    return HARS_DECLINED;
}


/* the longest life that any token may have now; -1: the log knows */
static int64_t
hars_sweep_ttl(hars_store_t *store, int64_t ttl)
{
    int         rc;
    int64_t     longest;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return -1;
    }

    longest = -1;
    rc = hars_db_first(db, "SELECT coalesce(max(token_ttl), 0) FROM client");

    if (rc == HARS_OK) {
        longest = hars_db_get_int(db, 0);
        longest = (longest > ttl) ? longest : ttl;
    }

    hars_store_reader_done(store, db);

    return longest;
}


/*
 * Life may have been longer when a token was issued: such a one stays, until
 * it has ended too.
 */
static int
hars_sweep_slice(hars_db_t *db, void *data)
{
    int            rc;
    hars_sweep_t  *sweep;

    sweep = data;

    hars_db_int(db, sweep->from);
    hars_db_int(db, sweep->bound);
    hars_db_int(db, HARS_SWEEP_SLICE);

    rc = hars_db_first(db, "SELECT key FROM token WHERE key >= ?1"
                           " AND key < ?2 ORDER BY key LIMIT 1 OFFSET ?3");
    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    sweep->more = (rc == HARS_OK);
    sweep->next = sweep->more ? hars_db_get_int(db, 0) : sweep->bound;

    hars_db_int(db, sweep->from);
    hars_db_int(db, sweep->next);
    hars_db_int(db, sweep->until);

    return hars_db_do(db, "DELETE FROM token WHERE key >= ?1 AND key < ?2"
                          " AND exp < ?3", NULL);
}
