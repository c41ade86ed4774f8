
/* The store's clients; see hars_as_store.h. */

#include "hars_as_store.h"
#include "hars_as_row.h"


typedef struct {
    const char  *id;
    int64_t      at;
} hars_store_disable_t;


static int hars_store_client_insert(hars_db_t *db, void *data);
static int hars_store_client_update(hars_db_t *db, void *data);
static int hars_store_client_delete(hars_db_t *db, void *data);


int
hars_store_client_add(hars_store_t *store, const hars_client_t *client)
{
    return hars_store_write(store, hars_store_client_insert,
                            (void *) client);
}


static int
hars_store_client_insert(hars_db_t *db, void *data)
{
    return hars_client_insert(db, data);
}


int
hars_client_insert(hars_db_t *db, const hars_client_t *client)
{
    uint64_t  added;

    hars_row_bind_client(db, client);

    if (hars_db_do(db, "INSERT INTO client (" HARS_ROW_CLIENT ")"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                       " ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING",
                   &added) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return added ? hars_store_revise(db) : HARS_DECLINED;
}


int
hars_store_client_disable(hars_store_t *store, const char *id, int64_t at)
{
    hars_store_disable_t  what = { .id = id, .at = at };

    return hars_store_write(store, hars_store_client_update, &what);
}


static int
hars_store_client_update(hars_db_t *db, void *data)
{
    uint64_t               changed;
    hars_store_disable_t  *what;

    what = data;

    hars_db_text(db, what->id);
    hars_db_int(db, what->at);

    if (hars_db_do(db, "UPDATE client SET disabled_at = ?2 WHERE id = ?1",
                   &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? hars_store_revise(db) : HARS_DECLINED;
}


int
hars_store_client_remove(hars_store_t *store, const char *id)
{
    return hars_store_write(store, hars_store_client_delete, (void *) id);
}


static int
hars_store_client_delete(hars_db_t *db, void *data)
{
    return hars_client_delete(db, data);
}


int
hars_client_delete(hars_db_t *db, const char *id)
{
    hars_db_text(db, id);

    /* who is registered by the same name later has to ask for its own */

    if (hars_db_do(db, "DELETE FROM enrol_secret WHERE client_id = ?1", NULL)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_text(db, id);

    if (hars_db_do(db, "DELETE FROM enrol_password WHERE client_id = ?1",
                   NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_text(db, id);

    if (hars_db_do(db, "DELETE FROM client WHERE id = ?1", NULL) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_store_revise(db);
}


int
hars_store_client_get(hars_store_t *store, const char *id,
    hars_client_t *client)
{
    int64_t  revision;

    return hars_store_client_at(store, id, client, &revision);
}


int
hars_store_client_at(hars_store_t *store, const char *id,
    hars_client_t *client, int64_t *revision)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_text(db, id);

    rc = hars_db_first(db, "SELECT " HARS_ROW_CLIENT HARS_ROW_REVISION
                           " FROM client WHERE id = ?1");
    if (rc == HARS_OK) {
        rc = hars_row_client(db, client);
        *revision = hars_db_get_int(db, HARS_ROW_CLIENT_COLUMNS);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_revision(hars_store_t *store, int64_t *revision)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT n FROM revision");

    if (rc == HARS_OK) {
        *revision = hars_db_get_int(db, 0);
    }

    hars_store_reader_done(store, db);

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


int
hars_store_revise(hars_db_t *db)
{
    return hars_db_do(db, "UPDATE revision SET n = n + 1", NULL);
}


int
hars_store_sub_known(hars_store_t *store, const char *sub)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_text(db, sub);
    rc = hars_db_first(db, "SELECT id FROM client WHERE sub = ?1 LIMIT 1");

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_client_each(hars_store_t *store, hars_store_client_pt take,
    void *data)
{
    int             rc;
    hars_db_t      *db;
    hars_client_t   client;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_run(db, "SELECT " HARS_ROW_CLIENT " FROM client"
                         " ORDER BY id");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        if (hars_row_client(db, &client) == HARS_OK) {
            take(data, &client);
        }
    }

    hars_store_reader_done(store, db);

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}
