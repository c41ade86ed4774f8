
/*
 * The store's revocation list; see hars_as_crl.h.  One row: a revocation
 * locks it till its commit, so whoever takes a number knows all that the
 * revision counts.
 */

#include "hars_as_crl.h"
#include "hars_log.h"

#include <stdlib.h>


typedef struct {
    int64_t                  now;
    hars_crl_draft_t        *draft;
} hars_store_crl_reserve_t;


typedef struct {
    const hars_crl_state_t  *state;
    const unsigned char     *der;
} hars_store_crl_put_t;


static void hars_store_crl_read(hars_db_t *db, hars_crl_state_t *state);
static int hars_store_crl_number(hars_db_t *db, void *data);
static int hars_store_crl_entries(hars_db_t *db, hars_crl_draft_t *draft,
    int64_t until);
static int hars_store_crl_set(hars_db_t *db, void *data);


int
hars_store_crl_state(hars_store_t *store, hars_crl_state_t *state)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT revision, covers, number, issued_at, size"
                           " FROM crl");
    if (rc == HARS_OK) {
        hars_store_crl_read(db, state);
    }

    hars_store_reader_done(store, db);

    return rc;
}


/* the first columns of a row */
static void
hars_store_crl_read(hars_db_t *db, hars_crl_state_t *state)
{
    state->revision = hars_db_get_int(db, 0);
    state->covers = hars_db_get_int(db, 1);
    state->number = hars_db_get_int(db, 2);
    state->issued_at = hars_db_get_int(db, 3);
    state->len = (size_t) hars_db_get_int(db, 4);
}


int
hars_store_crl_get(hars_store_t *store, hars_crl_state_t *state,
    unsigned char **der)
{
    int         rc;
    hars_db_t  *db;

    *der = NULL;
    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT revision, covers, number, issued_at, size,"
                           " list FROM crl WHERE size > 0");
    if (rc == HARS_OK) {
        hars_store_crl_read(db, state);
        *der = malloc(state->len);
        rc = *der ? hars_db_get_blob(db, 5, *der, state->len) : HARS_ERROR;
    }

    hars_store_reader_done(store, db);

    if (rc != HARS_OK) {
        free(*der);
        *der = NULL;
    }

    return rc;
}


int
hars_store_crl_reserve(hars_store_t *store, int64_t now,
    hars_crl_draft_t *draft)
{
    int                       rc;
    hars_store_crl_reserve_t  reserve = { now, draft };

    draft->entry = NULL;

    rc = hars_store_write(store, hars_store_crl_number, &reserve);

    if (rc != HARS_OK) {
        free(draft->entry);
        draft->entry = NULL;
    }

    return rc;
}


static int
hars_store_crl_number(hars_db_t *db, void *data)
{
    hars_store_crl_reserve_t  *reserve;

    reserve = data;

    hars_db_blob(db, NULL, 0);

    if (hars_db_do(db, "INSERT INTO crl (one, revision, reserved, number,"
                       " covers, issued_at, size, list)"
                       " VALUES (1, 0, 0, 0, 0, 0, 0, ?1)"
                       " ON CONFLICT DO NOTHING", NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_int(db, reserve->now * HARS_CRL_PER_SECOND);

    if (hars_db_first(db, "UPDATE crl SET reserved = CASE WHEN reserved >= ?1"
                          " THEN reserved + 1 ELSE ?1 END"
                          " RETURNING reserved, revision") != HARS_OK)
    {
        return HARS_ERROR;
    }

    reserve->draft->number = hars_db_get_int(db, 0);
    reserve->draft->revision = hars_db_get_int(db, 1);
    hars_db_done(db);

    return hars_store_crl_entries(db, reserve->draft,
                                  reserve->now - HARS_CRL_KEEP);
}


static int
hars_store_crl_entries(hars_db_t *db, hars_crl_draft_t *draft, int64_t until)
{
    int                rc;
    size_t             size;
    hars_crl_entry_t  *entry;

    free(draft->entry);
    draft->entry = NULL;
    draft->n = 0;
    size = 0;

    hars_db_int(db, until);

    rc = hars_db_run(db, "SELECT serial, revoked_at, reason FROM certificate"
                         " WHERE revoked_at > 0 AND not_after > ?1"
                         " ORDER BY not_after, serial");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {

        if (draft->n == size) {
            size = size ? 2 * size : 64;
            entry = realloc(draft->entry, size * sizeof(hars_crl_entry_t));

            if (entry == NULL) {
                hars_log_error("no memory");
                return HARS_ERROR;
            }

            draft->entry = entry;
        }

        entry = &draft->entry[draft->n++];
        rc = hars_db_get_blob(db, 0, entry->serial, HARS_CA_SERIAL);
        entry->revoked_at = hars_db_get_int(db, 1);
        entry->reason = (int) hars_db_get_int(db, 2);
    }

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


int
hars_store_crl_put(hars_store_t *store, const hars_crl_state_t *state,
    const unsigned char *der)
{
    hars_store_crl_put_t  put = { state, der };

    return hars_store_write(store, hars_store_crl_set, &put);
}


static int
hars_store_crl_set(hars_db_t *db, void *data)
{
    uint64_t                 changed;
    hars_store_crl_put_t    *put;
    const hars_crl_state_t  *state;

    put = data;
    state = put->state;

    hars_db_int(db, state->number);
    hars_db_int(db, state->covers);
    hars_db_int(db, state->issued_at);
    hars_db_int(db, (int64_t) state->len);
    hars_db_blob(db, put->der, state->len);

    if (hars_db_do(db, "UPDATE crl SET number = ?1, covers = ?2,"
                       " issued_at = ?3, size = ?4, list = ?5"
                       " WHERE number < ?1", &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}


int
hars_crl_changed(hars_db_t *db)
{
    hars_db_blob(db, NULL, 0);

    return hars_db_do(db, "INSERT INTO crl (one, revision, reserved, number,"
                          " covers, issued_at, size, list)"
                          " VALUES (1, 1, 0, 0, 0, 0, 0, ?1)"
                          " ON CONFLICT (one) DO UPDATE"
                          " SET revision = crl.revision + 1", NULL);
}
