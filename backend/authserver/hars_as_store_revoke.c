
/*
 * The store's revocations, their outbox, and the mark of what was told; see
 * hars_as_store.h.
 */

#include "hars_as_store.h"
#include "hars_as_crl.h"
#include "hars_as_family.h"
#include "hars_as_row.h"

#include <string.h>


#define HARS_STORE_LIVE                                                      \
    "SELECT " HARS_ROW_ID ", exp FROM token"                                  \
    " WHERE revoked_at = 0 AND exp > ?2 AND "


typedef struct {
    const hars_revoke_t  *revoke;
    int64_t               now;
    hars_outbox_t        *row;
    unsigned             *n;
} hars_store_revoke_t;


typedef struct {
    const hars_outbox_t  *row;
    unsigned              n;
} hars_store_done_t;


static int hars_store_revoke_batch(hars_db_t *db, void *data);
static int hars_store_live(hars_db_t *db, const hars_store_revoke_t *what);
static int hars_store_token_revoke(hars_db_t *db, hars_outbox_t *row,
    int64_t now);
static int hars_store_cert_revoke(hars_db_t *db, const hars_revoke_t *revoke,
    int64_t now);
static int hars_store_certificate_revoke(hars_db_t *db,
    const hars_revoke_t *revoke, int64_t now);
static int hars_store_done(hars_db_t *db, void *data);
static int hars_store_cert_done(hars_db_t *db, void *data);
static int hars_store_rows(hars_db_t *db, int rc, hars_outbox_t *row,
    unsigned *n);
static int hars_store_hash_rows(hars_db_t *db, int rc, hars_outbox_t *row,
    unsigned *n);
static int hars_store_told_set(hars_db_t *db, void *data);


int
hars_store_revoke(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n)
{
    hars_store_revoke_t  what = { revoke, now, row, n };

    return hars_store_write(store, hars_store_revoke_batch, &what);
}


int
hars_store_revoke_all(hars_db_t *db, const hars_revoke_t *revoke, int64_t now,
    uint64_t *tokens)
{
    int                  rc;
    unsigned             n;
    hars_outbox_t        row[HARS_STORE_BATCH];
    hars_store_revoke_t  what = { revoke, now, row, &n };

    *tokens = 0;

    do {
        rc = hars_store_revoke_batch(db, &what);
        *tokens += n;

    } while (rc == HARS_OK && n == HARS_STORE_BATCH);

    return rc;
}


static int
hars_store_revoke_batch(hars_db_t *db, void *data)
{
    unsigned              i;
    hars_store_revoke_t  *what;

    what = data;
    *what->n = 0;

    if (what->revoke->what == HARS_REVOKE_CERT
        && (hars_store_cert_revoke(db, what->revoke, what->now) != HARS_OK
            || hars_store_certificate_revoke(db, what->revoke, what->now)
               != HARS_OK))
    {
        return HARS_ERROR;
    }

    if (hars_family_revoke(db, what->revoke, what->now) != HARS_OK
        || hars_store_live(db, what) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (*what->n == 0 && what->revoke->what == HARS_REVOKE_TOKEN) {
        return HARS_DECLINED;
    }

    for (i = 0; i < *what->n; i++) {
        if (hars_store_token_revoke(db, &what->row[i], what->now) != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    /* what has ended needs no telling; only a single token may have */

    if (*what->n == 1 && what->row[0].exp <= what->now) {
        *what->n = 0;
    }

    return HARS_OK;
}


static int
hars_store_live(hars_db_t *db, const hars_store_revoke_t *what)
{
    int                   rc;
    const hars_revoke_t  *revoke;

    revoke = what->revoke;

    switch (revoke->what) {

    case HARS_REVOKE_TOKEN:

        /* live or not: what is revoked already is told again */

        hars_row_bind_id(db, &revoke->token);
        rc = hars_db_run(db, "SELECT " HARS_ROW_ID ", exp FROM token"
                             " WHERE key = ?1 AND hash = ?2");

        return hars_store_rows(db, rc, what->row, what->n);

    case HARS_REVOKE_CLIENT:
    case HARS_REVOKE_SUB:
        hars_db_text(db, revoke->id);
        break;

    case HARS_REVOKE_FAMILY:
        hars_db_blob(db, revoke->family, HARS_FAMILY_LEN);
        break;

    default: /* HARS_REVOKE_CERT */
        hars_db_blob(db, revoke->cert, HARS_SHA256_LEN);
        break;
    }

    hars_db_int(db, what->now);
    hars_db_int(db, HARS_STORE_BATCH);

    if (revoke->what == HARS_REVOKE_CLIENT) {
        rc = hars_db_run(db, HARS_STORE_LIVE "client_id = ?1 LIMIT ?3");

    } else if (revoke->what == HARS_REVOKE_SUB) {
        rc = hars_db_run(db, HARS_STORE_LIVE "client_id IN (SELECT id FROM"
                             " client WHERE sub = ?1) LIMIT ?3");

    } else if (revoke->what == HARS_REVOKE_FAMILY) {
        rc = hars_db_run(db, HARS_STORE_LIVE "family = ?1"
                             " AND length(family) > 0 LIMIT ?3");

    } else {
        rc = hars_db_run(db, HARS_STORE_LIVE "client_id IN (SELECT client_id"
                             " FROM binding WHERE binding.cnf = ?1)"
                             " AND cnf = ?1 LIMIT ?3");
    }

    return hars_store_rows(db, rc, what->row, what->n);
}


static int
hars_store_token_revoke(hars_db_t *db, hars_outbox_t *row, int64_t now)
{
    hars_row_bind_id(db, &row->id);
    hars_db_int(db, now);

    if (hars_db_do(db, "UPDATE token SET revoked_at = ?3 WHERE key = ?1"
                       " AND hash = ?2 AND revoked_at = 0", NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (row->exp <= now) {
        return HARS_OK;
    }

    hars_db_blob(db, row->id.hash, HARS_SHA256_LEN);
    hars_db_int(db, row->exp);

    return hars_db_do(db, "INSERT INTO outbox (hash, exp) VALUES (?1, ?2)"
                          " ON CONFLICT DO NOTHING", NULL);
}


static int
hars_store_cert_revoke(hars_db_t *db, const hars_revoke_t *revoke,
    int64_t now)
{
    hars_db_blob(db, revoke->cert, HARS_SHA256_LEN);
    hars_db_int(db, revoke->until);
    hars_db_int(db, now);

    if (hars_db_do(db, "INSERT INTO revoked_cert (hash, until, revoked_at)"
                       " VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO UPDATE"
                       " SET until = CASE WHEN revoked_cert.until > ?2"
                       " THEN revoked_cert.until ELSE ?2 END", NULL)
        != HARS_OK
        || hars_store_revise(db) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_blob(db, revoke->cert, HARS_SHA256_LEN);

    return hars_db_do(db, "INSERT INTO outbox_cert (hash) VALUES (?1)"
                          " ON CONFLICT DO NOTHING", NULL);
}


/* where it was issued here; the first time and reason stay */
static int
hars_store_certificate_revoke(hars_db_t *db, const hars_revoke_t *revoke,
    int64_t now)
{
    uint64_t  changed;

    hars_db_blob(db, revoke->cert, HARS_SHA256_LEN);
    hars_db_int(db, now);
    hars_db_int(db, revoke->reason);

    if (hars_db_do(db, "UPDATE certificate SET revoked_at = ?2, reason = ?3"
                       " WHERE thumbprint = ?1 AND revoked_at = 0",
                   &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? hars_crl_changed(db) : HARS_OK;
}


/* the columns of an id and exp; a batch at most */
static int
hars_store_rows(hars_db_t *db, int rc, hars_outbox_t *row, unsigned *n)
{
    *n = 0;

    while (rc == HARS_OK && *n < HARS_STORE_BATCH
           && (rc = hars_db_row(db)) == HARS_OK)
    {
        if (hars_row_id(db, 0, &row[*n].id) != HARS_OK) {
            return HARS_ERROR;
        }

        row[*n].exp = hars_db_get_int(db, 2);
        (*n)++;
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* the columns hash, and exp or until */
static int
hars_store_hash_rows(hars_db_t *db, int rc, hars_outbox_t *row, unsigned *n)
{
    *n = 0;

    while (rc == HARS_OK && *n < HARS_STORE_BATCH
           && (rc = hars_db_row(db)) == HARS_OK)
    {
        memset(&row[*n].id, 0, sizeof(hars_token_id_t));

        if (hars_db_get_blob(db, 0, row[*n].id.hash, HARS_SHA256_LEN)
            != HARS_OK)
        {
            return HARS_ERROR;
        }

        row[*n].exp = hars_db_get_int(db, 1);
        (*n)++;
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


int
hars_store_cert_revoked(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    int64_t  revision;

    return hars_store_cert_revoked_at(store, hash, &revision);
}


int
hars_store_cert_revoked_at(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t *revision)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, hash, HARS_SHA256_LEN);
    rc = hars_db_first(db, "SELECT n, (SELECT count(*) FROM revoked_cert"
                           " WHERE hash = ?1) FROM revision");

    if (rc == HARS_OK) {
        *revision = hars_db_get_int(db, 0);
        rc = hars_db_get_int(db, 1) ? HARS_OK : HARS_DECLINED;

    } else {
        rc = HARS_ERROR;
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n)
{
    int         rc;
    hars_db_t  *db;

    *n = 0;
    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_int(db, HARS_STORE_BATCH);
    rc = hars_db_run(db, "SELECT hash, exp FROM outbox LIMIT ?1");
    rc = hars_store_hash_rows(db, rc, row, n);

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_outbox_done(hars_store_t *store, const hars_outbox_t *row,
    unsigned n)
{
    hars_store_done_t  what = { row, n };

    return hars_store_write(store, hars_store_done, &what);
}


static int
hars_store_done(hars_db_t *db, void *data)
{
    unsigned            i;
    hars_store_done_t  *what;

    what = data;

    for (i = 0; i < what->n; i++) {
        hars_db_blob(db, what->row[i].id.hash, HARS_SHA256_LEN);

        if (hars_db_do(db, "DELETE FROM outbox WHERE hash = ?1", NULL)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


int
hars_store_outbox_cert(hars_store_t *store, hars_outbox_t *row)
{
    int         rc;
    hars_db_t  *db;

    memset(row, 0, sizeof(hars_outbox_t));
    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT hash, until FROM outbox_cert"
                           " JOIN revoked_cert USING (hash) LIMIT 1");
    if (rc == HARS_OK) {
        rc = hars_db_get_blob(db, 0, row->id.hash, HARS_SHA256_LEN);
        row->exp = hars_db_get_int(db, 1);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_outbox_cert_done(hars_store_t *store, const hars_outbox_t *row)
{
    return hars_store_write(store, hars_store_cert_done, (void *) row);
}


static int
hars_store_cert_done(hars_db_t *db, void *data)
{
    const hars_outbox_t  *row;

    row = data;

    hars_db_blob(db, row->id.hash, HARS_SHA256_LEN);

    return hars_db_do(db, "DELETE FROM outbox_cert WHERE hash = ?1", NULL);
}


int
hars_store_revoked(hars_store_t *store, int64_t now, hars_outbox_t *row,
    unsigned *n)
{
    int             rc;
    hars_db_t      *db;
    hars_outbox_t   last = { .exp = now + 1 };

    if (*n) {
        last = row[*n - 1];
    }

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_int(db, last.id.key);
    hars_db_int(db, last.exp);
    hars_db_int(db, HARS_STORE_BATCH);

    rc = hars_db_run(db, "SELECT " HARS_ROW_ID ", exp FROM token"
                         " WHERE revoked_at > 0 AND (exp, key) > (?2, ?1)"
                         " ORDER BY exp, key LIMIT ?3");
    rc = hars_store_rows(db, rc, row, n);

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_revoked_certs(hars_store_t *store, int64_t now,
    hars_outbox_t *row, unsigned *n)
{
    int             rc;
    hars_db_t      *db;
    unsigned char   last[HARS_SHA256_LEN];

    if (*n) {
        memcpy(last, row[*n - 1].id.hash, HARS_SHA256_LEN);
    }

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    /* no hash is less than an empty one */

    hars_db_blob(db, last, *n ? HARS_SHA256_LEN : 0);
    hars_db_int(db, now);
    hars_db_int(db, HARS_STORE_BATCH);

    rc = hars_db_run(db, "SELECT hash, until FROM revoked_cert"
                         " WHERE hash > ?1 AND until > ?2 ORDER BY hash"
                         " LIMIT ?3");
    rc = hars_store_hash_rows(db, rc, row, n);

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_told(hars_store_t *store, char mark[HARS_STORE_MARK])
{
    int         rc;
    hars_db_t  *db;

    mark[0] = '\0';
    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT mark FROM told");

    if (rc == HARS_OK) {
        rc = hars_db_get_text(db, 0, mark, HARS_STORE_MARK);
    }

    hars_store_reader_done(store, db);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


int
hars_store_tell(hars_store_t *store, const char *mark)
{
    return hars_store_write(store, hars_store_told_set, (void *) mark);
}


static int
hars_store_told_set(hars_db_t *db, void *data)
{
    hars_db_text(db, data);

    return hars_db_do(db, "INSERT INTO told (one, mark) VALUES (1, ?1)"
                          " ON CONFLICT (one) DO UPDATE SET mark = ?1", NULL);
}


int
hars_store_turn(hars_store_t *store, hars_db_t **turn)
{
    int  rc;

    *turn = hars_store_reader(store);

    if (*turn == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_turn(*turn);

    if (rc != HARS_OK) {
        hars_store_reader_done(store, *turn);
    }

    return rc;
}


void
hars_store_turn_done(hars_store_t *store, hars_db_t *turn)
{
    hars_db_turn_done(turn);
    hars_store_reader_done(store, turn);
}
