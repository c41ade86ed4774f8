
/*
 * See hars_as_store.h for what this is; here it is SQLite in WAL mode, whose
 * readers do not wait for the writer.  A store is one connection with its
 * statements prepared once, under one mutex: who wants more at a time opens
 * another store.
 *
 * The columns of each select stand in the order in which its reader in
 * hars_as_row.c takes them.
 */

#include "hars_as_store.h"
#include "hars_as_row.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>


#define HARS_STORE_VERSION  1
#define HARS_STORE_BUSY     2000          /* ms, for another writer */


typedef enum {
    HARS_SQL_CLIENT_ADD = 0,
    HARS_SQL_CLIENT_GET,
    HARS_SQL_CLIENT_EACH,
    HARS_SQL_TOKEN_ADD,
    HARS_SQL_TOKEN_GET,
    HARS_SQL_TOKEN_REVOKE,
    HARS_SQL_OUTBOX_ADD,
    HARS_SQL_OUTBOX,
    HARS_SQL_OUTBOX_DONE,
    HARS_SQL_SWEEP,
    HARS_SQL_BEGIN,
    HARS_SQL_COMMIT,
    HARS_SQL_ROLLBACK,
    HARS_SQL_N
} hars_sql_e;


struct hars_store_s {
    sqlite3          *db;
    sqlite3_stmt     *stmt[HARS_SQL_N];
    pthread_mutex_t   mutex;
};


static int hars_store_setup(hars_store_t *store, unsigned mode);
static int hars_store_schema(hars_store_t *store);
static int hars_store_exec(hars_store_t *store, const char *sql);
static sqlite3_stmt *hars_store_take(hars_store_t *store, hars_sql_e sql);
static int hars_store_give(hars_store_t *store, hars_sql_e sql, int rc);
static int hars_store_run(hars_store_t *store, hars_sql_e sql);
static int hars_store_revoke(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now);


static const char  hars_store_tables[] =
    "CREATE TABLE client ("
    "  id TEXT PRIMARY KEY,"
    "  kind TEXT NOT NULL,"
    "  sub TEXT NOT NULL,"
    "  subject_dn TEXT NOT NULL,"
    "  scope TEXT NOT NULL,"
    "  resources TEXT NOT NULL,"
    "  token_ttl INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE token ("
    "  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    "  cnf BLOB NOT NULL CHECK (length(cnf) = 32),"
    "  client_id TEXT NOT NULL,"
    "  sub TEXT NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  scope TEXT NOT NULL,"
    "  aud TEXT NOT NULL,"
    "  iat INTEGER NOT NULL,"
    "  exp INTEGER NOT NULL,"
    "  revoked_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE INDEX token_exp ON token (exp);"

    "CREATE TABLE outbox ("
    "  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    "  exp INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "PRAGMA user_version = 1;";


static const char  *hars_store_sql[HARS_SQL_N] = {
    [HARS_SQL_CLIENT_ADD] =
        "INSERT OR IGNORE INTO client (id, kind, sub, subject_dn, scope,"
        " resources, token_ttl, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",

    [HARS_SQL_CLIENT_GET] =
        "SELECT id, kind, sub, subject_dn, scope, resources, token_ttl,"
        " created_at FROM client WHERE id = ?",

    [HARS_SQL_CLIENT_EACH] =
        "SELECT id, kind, sub, subject_dn, scope, resources, token_ttl,"
        " created_at FROM client ORDER BY id",

    [HARS_SQL_TOKEN_ADD] =
        "INSERT INTO token (hash, cnf, client_id, sub, kind, scope, aud, iat,"
        " exp, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",

    [HARS_SQL_TOKEN_GET] =
        "SELECT hash, cnf, client_id, sub, kind, scope, aud, iat, exp,"
        " revoked_at FROM token WHERE hash = ?",

    [HARS_SQL_TOKEN_REVOKE] =
        "UPDATE token SET revoked_at = CASE revoked_at WHEN 0 THEN ?2"
        " ELSE revoked_at END WHERE hash = ?1",

    [HARS_SQL_OUTBOX_ADD] =
        "INSERT OR IGNORE INTO outbox (hash, exp)"
        " SELECT hash, exp FROM token WHERE hash = ?1 AND exp > ?2",

    [HARS_SQL_OUTBOX] = "SELECT hash, exp FROM outbox LIMIT ?",

    [HARS_SQL_OUTBOX_DONE] = "DELETE FROM outbox WHERE hash = ?",

    [HARS_SQL_SWEEP] =
        "DELETE FROM token WHERE hash IN"
        " (SELECT hash FROM token WHERE exp < ? LIMIT 5000)",

    [HARS_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [HARS_SQL_COMMIT] = "COMMIT",
    [HARS_SQL_ROLLBACK] = "ROLLBACK"
};


hars_store_t *
hars_store_open(const char *path, unsigned mode)
{
    int            rc;
    hars_store_t  *store;

    store = calloc(1, sizeof(hars_store_t));
    if (store == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&store->mutex, NULL);

    rc = sqlite3_open_v2(path, &store->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                         | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        hars_log_error("database \"%s\": %s, see that its directory exists "
                       "and this user may write there", path,
                       store->db ? sqlite3_errmsg(store->db)
                                 : sqlite3_errstr(rc));

    } else if (hars_store_setup(store, mode) == HARS_OK) {
        return store;

    } else {
        hars_log_error("database \"%s\" cannot be used", path);
    }

    hars_store_close(store);

    return NULL;
}


void
hars_store_close(hars_store_t *store)
{
    unsigned  i;

    if (store == NULL) {
        return;
    }

    for (i = 0; i < HARS_SQL_N; i++) {
        sqlite3_finalize(store->stmt[i]);
    }

    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}


static int
hars_store_setup(hars_store_t *store, unsigned mode)
{
    int       rc;
    unsigned  i;

    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, HARS_STORE_BUSY);

    if (hars_store_exec(store, "PRAGMA journal_mode = WAL") != HARS_OK
        || hars_store_exec(store, mode == HARS_STORE_FAST
                                  ? "PRAGMA synchronous = NORMAL"
                                  : "PRAGMA synchronous = FULL") != HARS_OK
        || hars_store_schema(store) != HARS_OK)
    {
        return HARS_ERROR;
    }

    for (i = 0; i < HARS_SQL_N; i++) {
        rc = sqlite3_prepare_v3(store->db, hars_store_sql[i], -1,
                                SQLITE_PREPARE_PERSISTENT, &store->stmt[i],
                                NULL);
        if (rc != SQLITE_OK) {
            hars_log_error("database: %s", sqlite3_errmsg(store->db));
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* two programs may open an empty file at once: who comes second looks again */
static int
hars_store_schema(hars_store_t *store)
{
    int            rc, version;
    sqlite3_stmt  *stmt;

    if (hars_store_exec(store, "BEGIN IMMEDIATE") != HARS_OK) {
        return HARS_ERROR;
    }

    version = -1;

    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &stmt, NULL)
        == SQLITE_OK)
    {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            version = sqlite3_column_int(stmt, 0);
        }

        sqlite3_finalize(stmt);
    }

    rc = HARS_OK;

    if (version == 0) {
        rc = hars_store_exec(store, hars_store_tables);

    } else if (version != HARS_STORE_VERSION) {
        hars_log_error("database: its layout is of version %d, this program "
                       "knows %d", version, HARS_STORE_VERSION);
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK) {
        return hars_store_exec(store, "COMMIT");
    }

    hars_store_exec(store, "ROLLBACK");

    return HARS_ERROR;
}


static int
hars_store_exec(hars_store_t *store, const char *sql)
{
    char  *error;

    error = NULL;

    if (sqlite3_exec(store->db, sql, NULL, NULL, &error) == SQLITE_OK) {
        return HARS_OK;
    }

    hars_log_error("database: %s", error ? error : "no memory");
    sqlite3_free(error);

    return HARS_ERROR;
}


/* the statement, and the connection with it, until hars_store_give() */
static sqlite3_stmt *
hars_store_take(hars_store_t *store, hars_sql_e sql)
{
    pthread_mutex_lock(&store->mutex);

    return store->stmt[sql];
}


/* "rc" is of the last step: SQLITE_ROW and SQLITE_DONE are well */
static int
hars_store_give(hars_store_t *store, hars_sql_e sql, int rc)
{
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        hars_log_error("database: %s", sqlite3_errmsg(store->db));
    }

    sqlite3_reset(store->stmt[sql]);
    sqlite3_clear_bindings(store->stmt[sql]);
    pthread_mutex_unlock(&store->mutex);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? HARS_OK : HARS_ERROR;
}


int
hars_store_client_add(hars_store_t *store, const hars_client_t *client)
{
    int            rc, added;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_CLIENT_ADD);

    hars_row_bind_text(stmt, 1, client->id);
    hars_row_bind_text(stmt, 2, client->kind->name);
    hars_row_bind_text(stmt, 3, client->sub);
    hars_row_bind_text(stmt, 4, client->subject_dn);
    hars_row_bind_text(stmt, 5, client->scope);
    hars_row_bind_text(stmt, 6, client->resources);
    sqlite3_bind_int64(stmt, 7, client->token_ttl);
    sqlite3_bind_int64(stmt, 8, client->created_at);

    rc = sqlite3_step(stmt);
    added = sqlite3_changes(store->db);

    if (hars_store_give(store, HARS_SQL_CLIENT_ADD, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return added ? HARS_OK : HARS_DECLINED;
}


int
hars_store_client_get(hars_store_t *store, const char *id,
    hars_client_t *client)
{
    int            rc, found;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_CLIENT_GET);

    hars_row_bind_text(stmt, 1, id);

    found = HARS_DECLINED;
    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        found = hars_row_client(stmt, client);
    }

    if (hars_store_give(store, HARS_SQL_CLIENT_GET, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return found;
}


int
hars_store_client_each(hars_store_t *store, hars_store_client_pt take,
    void *data)
{
    int             rc;
    sqlite3_stmt   *stmt;
    hars_client_t   client;

    stmt = hars_store_take(store, HARS_SQL_CLIENT_EACH);

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (hars_row_client(stmt, &client) == HARS_OK) {
            take(data, &client);
        }
    }

    return hars_store_give(store, HARS_SQL_CLIENT_EACH, rc);
}


int
hars_store_token_add(hars_store_t *store, const hars_token_t *token)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_TOKEN_ADD);

    hars_row_bind_hash(stmt, 1, token->hash);
    hars_row_bind_hash(stmt, 2, token->cnf);
    hars_row_bind_text(stmt, 3, token->client_id);
    hars_row_bind_text(stmt, 4, token->sub);
    hars_row_bind_text(stmt, 5, token->kind->name);
    hars_row_bind_text(stmt, 6, token->scope);
    hars_row_bind_text(stmt, 7, token->aud);
    sqlite3_bind_int64(stmt, 8, token->iat);
    sqlite3_bind_int64(stmt, 9, token->exp);

    rc = sqlite3_step(stmt);

    return hars_store_give(store, HARS_SQL_TOKEN_ADD, rc);
}


int
hars_store_token_get(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], hars_token_t *token)
{
    int            rc, found;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_TOKEN_GET);

    hars_row_bind_hash(stmt, 1, hash);

    found = HARS_DECLINED;
    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        found = hars_row_token(stmt, token);
    }

    if (hars_store_give(store, HARS_SQL_TOKEN_GET, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return found;
}


int
hars_store_token_revoke(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now)
{
    int  rc;

    pthread_mutex_lock(&store->mutex);

    rc = hars_store_run(store, HARS_SQL_BEGIN);

    if (rc == HARS_OK) {
        rc = hars_store_revoke(store, hash, now);

        if (rc == HARS_OK) {
            rc = hars_store_run(store, HARS_SQL_COMMIT);
        }

        if (rc != HARS_OK && !sqlite3_get_autocommit(store->db)) {
            hars_store_run(store, HARS_SQL_ROLLBACK);
        }
    }

    pthread_mutex_unlock(&store->mutex);

    return rc;
}


/* inside a transaction, under the mutex */
static int
hars_store_revoke(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[HARS_SQL_TOKEN_REVOKE];

    hars_row_bind_hash(stmt, 1, hash);
    sqlite3_bind_int64(stmt, 2, now);

    if (hars_store_run(store, HARS_SQL_TOKEN_REVOKE) != HARS_OK) {
        return HARS_ERROR;
    }

    if (sqlite3_changes(store->db) == 0) {
        return HARS_DECLINED;
    }

    stmt = store->stmt[HARS_SQL_OUTBOX_ADD];

    hars_row_bind_hash(stmt, 1, hash);
    sqlite3_bind_int64(stmt, 2, now);

    return hars_store_run(store, HARS_SQL_OUTBOX_ADD);
}


/* a statement without answer, under the mutex */
static int
hars_store_run(hars_store_t *store, hars_sql_e sql)
{
    int  rc;

    rc = sqlite3_step(store->stmt[sql]);

    if (rc != SQLITE_DONE) {
        hars_log_error("database: %s", sqlite3_errmsg(store->db));
    }

    sqlite3_reset(store->stmt[sql]);
    sqlite3_clear_bindings(store->stmt[sql]);

    return (rc == SQLITE_DONE) ? HARS_OK : HARS_ERROR;
}


int
hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *n = 0;

    stmt = hars_store_take(store, HARS_SQL_OUTBOX);

    sqlite3_bind_int(stmt, 1, HARS_STORE_BATCH);

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && *n < HARS_STORE_BATCH) {
        if (hars_row_hash(stmt, 0, row[*n].hash) == HARS_OK) {
            row[*n].exp = sqlite3_column_int64(stmt, 1);
            (*n)++;
        }
    }

    return hars_store_give(store, HARS_SQL_OUTBOX, rc);
}


int
hars_store_outbox_done(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_OUTBOX_DONE);

    hars_row_bind_hash(stmt, 1, hash);

    rc = sqlite3_step(stmt);

    return hars_store_give(store, HARS_SQL_OUTBOX_DONE, rc);
}


int
hars_store_sweep(hars_store_t *store, int64_t exp)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_SWEEP);

    sqlite3_bind_int64(stmt, 1, exp);

    rc = sqlite3_step(stmt);

    return hars_store_give(store, HARS_SQL_SWEEP, rc);
}
