
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
#include "hars_as_auth.h"
#include "hars_as_row.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>


#define HARS_STORE_VERSION  4
#define HARS_STORE_BUSY     2000          /* ms, for another writer */


typedef enum {
    HARS_SQL_CLIENT_ADD = 0,
    HARS_SQL_CLIENT_GET,
    HARS_SQL_CLIENT_EACH,
    HARS_SQL_CLIENT_DISABLE,
    HARS_SQL_CLIENT_REMOVE,
    HARS_SQL_TOKEN_ADD,
    HARS_SQL_TOKEN_GET,
    HARS_SQL_LIVE_TOKEN,
    HARS_SQL_LIVE_CLIENT,
    HARS_SQL_LIVE_SUB,
    HARS_SQL_LIVE_CERT,
    HARS_SQL_TOKEN_REVOKE,
    HARS_SQL_CERT_REVOKE,
    HARS_SQL_CERT_REVOKED,
    HARS_SQL_OUTBOX_ADD,
    HARS_SQL_OUTBOX,
    HARS_SQL_OUTBOX_DONE,
    HARS_SQL_OUTBOX_CERT_ADD,
    HARS_SQL_OUTBOX_CERT,
    HARS_SQL_OUTBOX_CERT_DONE,
    HARS_SQL_REVOKED,
    HARS_SQL_REVOKED_CERTS,
    HARS_SQL_TOLD,
    HARS_SQL_TELL,
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
static int hars_store_revoke_batch(hars_store_t *store,
    const hars_revoke_t *revoke, int64_t now, hars_outbox_t *row,
    unsigned *n);
static int hars_store_live(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n);
static int hars_store_cert_revoke(hars_store_t *store,
    const hars_revoke_t *revoke, int64_t now);
static int hars_store_page(hars_store_t *store, hars_sql_e sql, int64_t exp,
    hars_outbox_t *row, unsigned *n);
static int hars_store_rows(sqlite3_stmt *stmt, hars_outbox_t *row,
    unsigned *n);
static int hars_store_run_row(hars_store_t *store, hars_sql_e sql,
    const hars_outbox_t *row);


/* each makes the layout of the next version out of the one before */
static const char  *hars_store_steps[HARS_STORE_VERSION] = {

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

    "PRAGMA user_version = 1;",

    /* a certificate stays here for good: its notAfter is only what we heard */

    "CREATE TABLE revoked_cert ("
    "  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    "  until INTEGER NOT NULL,"
    "  revoked_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE outbox_cert ("
    "  hash BLOB PRIMARY KEY CHECK (length(hash) = 32)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE INDEX token_client ON token (client_id) WHERE revoked_at = 0;"
    "CREATE INDEX token_sub ON token (sub) WHERE revoked_at = 0;"
    "CREATE INDEX token_cnf ON token (cnf) WHERE revoked_at = 0;"
    "CREATE INDEX token_revoked ON token (exp) WHERE revoked_at > 0;"

    "PRAGMA user_version = 2;",

    "CREATE TABLE told ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  mark TEXT NOT NULL"
    ") STRICT;"

    "PRAGMA user_version = 3;",

    "ALTER TABLE client RENAME COLUMN subject_dn TO auth_value;"
    "ALTER TABLE client ADD COLUMN auth TEXT NOT NULL DEFAULT 'subject_dn';"
    "UPDATE client SET auth = 'none' WHERE auth_value = '';"
    "ALTER TABLE client ADD COLUMN issuer_dn TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE client ADD COLUMN secret BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE client ADD COLUMN disabled_at INTEGER NOT NULL DEFAULT 0;"

    "PRAGMA user_version = 4;"
};


#define HARS_STORE_CLIENT                                                    \
    "id, kind, sub, auth, auth_value, issuer_dn, secret, scope, resources,"  \
    " token_ttl, disabled_at, created_at"

#define HARS_STORE_LIVE(column)                                              \
    "SELECT hash, exp FROM token WHERE " column " = ?1 AND revoked_at = 0"   \
    " AND exp > ?2 LIMIT ?3"


static const char  *hars_store_sql[HARS_SQL_N] = {
    [HARS_SQL_CLIENT_ADD] =
        "INSERT OR IGNORE INTO client (" HARS_STORE_CLIENT ")"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",

    [HARS_SQL_CLIENT_GET] =
        "SELECT " HARS_STORE_CLIENT " FROM client WHERE id = ?",

    [HARS_SQL_CLIENT_EACH] =
        "SELECT " HARS_STORE_CLIENT " FROM client ORDER BY id",

    [HARS_SQL_CLIENT_DISABLE] =
        "UPDATE client SET disabled_at = ?2 WHERE id = ?1",

    [HARS_SQL_CLIENT_REMOVE] = "DELETE FROM client WHERE id = ?1",

    [HARS_SQL_TOKEN_ADD] =
        "INSERT INTO token (hash, cnf, client_id, sub, kind, scope, aud, iat,"
        " exp, revoked_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0"
        " WHERE NOT EXISTS (SELECT 1 FROM revoked_cert WHERE hash = ?2)"
        " AND EXISTS (SELECT 1 FROM client WHERE id = ?3"
        " AND disabled_at = 0)",

    [HARS_SQL_TOKEN_GET] =
        "SELECT hash, cnf, client_id, sub, kind, scope, aud, iat, exp,"
        " coalesce(nullif(revoked_at, 0), (SELECT c.revoked_at FROM"
        " revoked_cert AS c WHERE c.hash = cnf), 0)"
        " FROM token WHERE hash = ?",

    /* the one that knows no "live": what is revoked already is told again */

    [HARS_SQL_LIVE_TOKEN] =
        "SELECT hash, exp FROM token WHERE hash = ?1 LIMIT ?3",

    [HARS_SQL_LIVE_CLIENT] = HARS_STORE_LIVE("client_id"),
    [HARS_SQL_LIVE_SUB] = HARS_STORE_LIVE("sub"),
    [HARS_SQL_LIVE_CERT] = HARS_STORE_LIVE("cnf"),

    [HARS_SQL_TOKEN_REVOKE] =
        "UPDATE token SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at = 0",

    [HARS_SQL_CERT_REVOKE] =
        "INSERT INTO revoked_cert (hash, until, revoked_at)"
        " VALUES (?1, ?2, ?3) ON CONFLICT (hash)"
        " DO UPDATE SET until = max(until, ?2)",

    [HARS_SQL_CERT_REVOKED] = "SELECT 1 FROM revoked_cert WHERE hash = ?",

    [HARS_SQL_OUTBOX_ADD] =
        "INSERT OR IGNORE INTO outbox (hash, exp) VALUES (?1, ?2)",

    [HARS_SQL_OUTBOX] = "SELECT hash, exp FROM outbox LIMIT ?",

    [HARS_SQL_OUTBOX_DONE] = "DELETE FROM outbox WHERE hash = ?1",

    [HARS_SQL_OUTBOX_CERT_ADD] =
        "INSERT OR IGNORE INTO outbox_cert (hash) VALUES (?1)",

    [HARS_SQL_OUTBOX_CERT] =
        "SELECT hash, until FROM outbox_cert JOIN revoked_cert USING (hash)"
        " LIMIT 1",

    [HARS_SQL_OUTBOX_CERT_DONE] = "DELETE FROM outbox_cert WHERE hash = ?1",

    [HARS_SQL_REVOKED] =
        "SELECT hash, exp FROM token WHERE revoked_at > 0"
        " AND (exp, hash) > (?2, ?1) ORDER BY exp, hash LIMIT ?3",

    [HARS_SQL_REVOKED_CERTS] =
        "SELECT hash, until FROM revoked_cert WHERE hash > ?1 AND until > ?2"
        " ORDER BY hash LIMIT ?3",

    [HARS_SQL_TOLD] = "SELECT mark FROM told",

    [HARS_SQL_TELL] =
        "INSERT INTO told (one, mark) VALUES (1, ?1) ON CONFLICT (one)"
        " DO UPDATE SET mark = ?1",

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

    if (version < 0 || version > HARS_STORE_VERSION) {
        hars_log_error("database: its layout is of version %d, this program "
                       "knows %d", version, HARS_STORE_VERSION);
        rc = HARS_ERROR;
    }

    while (rc == HARS_OK && version < HARS_STORE_VERSION) {
        rc = hars_store_exec(store, hars_store_steps[version++]);
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
    hars_row_bind_text(stmt, 4, client->auth->name);
    hars_row_bind_text(stmt, 5, client->auth_value);
    hars_row_bind_text(stmt, 6, client->issuer_dn);
    sqlite3_bind_blob(stmt, 7, client->secret,
                      client->has_secret ? HARS_SHA256_LEN : 0,
                      SQLITE_STATIC);
    hars_row_bind_text(stmt, 8, client->scope);
    hars_row_bind_text(stmt, 9, client->resources);
    sqlite3_bind_int64(stmt, 10, client->token_ttl);
    sqlite3_bind_int64(stmt, 11, client->disabled_at);
    sqlite3_bind_int64(stmt, 12, client->created_at);

    rc = sqlite3_step(stmt);
    added = sqlite3_changes(store->db);

    if (hars_store_give(store, HARS_SQL_CLIENT_ADD, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return added ? HARS_OK : HARS_DECLINED;
}


int
hars_store_client_disable(hars_store_t *store, const char *id, int64_t at)
{
    int            rc, changed;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_CLIENT_DISABLE);

    hars_row_bind_text(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, at);

    rc = sqlite3_step(stmt);
    changed = sqlite3_changes(store->db);

    if (hars_store_give(store, HARS_SQL_CLIENT_DISABLE, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}


int
hars_store_client_remove(hars_store_t *store, const char *id)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_CLIENT_REMOVE);

    hars_row_bind_text(stmt, 1, id);

    rc = sqlite3_step(stmt);

    return hars_store_give(store, HARS_SQL_CLIENT_REMOVE, rc);
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
    int            rc, added;
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
    added = sqlite3_changes(store->db);

    if (hars_store_give(store, HARS_SQL_TOKEN_ADD, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return added ? HARS_OK : HARS_DECLINED;
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
hars_store_revoke(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n)
{
    int  rc;

    *n = 0;

    pthread_mutex_lock(&store->mutex);

    rc = hars_store_run(store, HARS_SQL_BEGIN);

    if (rc == HARS_OK) {
        rc = hars_store_revoke_batch(store, revoke, now, row, n);

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
hars_store_revoke_batch(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now, hars_outbox_t *row, unsigned *n)
{
    unsigned       i;
    sqlite3_stmt  *stmt;

    if (revoke->what == HARS_REVOKE_CERT
        && hars_store_cert_revoke(store, revoke, now) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_store_live(store, revoke, now, row, n) != HARS_OK) {
        return HARS_ERROR;
    }

    if (*n == 0 && revoke->what == HARS_REVOKE_TOKEN) {
        return HARS_DECLINED;
    }

    for (i = 0; i < *n; i++) {
        stmt = store->stmt[HARS_SQL_TOKEN_REVOKE];

        hars_row_bind_hash(stmt, 1, row[i].hash);
        sqlite3_bind_int64(stmt, 2, now);

        if (hars_store_run(store, HARS_SQL_TOKEN_REVOKE) != HARS_OK) {
            return HARS_ERROR;
        }

        /* what has ended needs no telling; only a single token may have */

        if (row[i].exp <= now) {
            *n = 0;
            return HARS_OK;
        }

        sqlite3_bind_int64(store->stmt[HARS_SQL_OUTBOX_ADD], 2, row[i].exp);

        if (hars_store_run_row(store, HARS_SQL_OUTBOX_ADD, &row[i])
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_store_live(hars_store_t *store, const hars_revoke_t *revoke, int64_t now,
    hars_outbox_t *row, unsigned *n)
{
    int            rc;
    hars_sql_e     sql;
    sqlite3_stmt  *stmt;

    static const hars_sql_e  sqls[] = {
        [HARS_REVOKE_TOKEN] = HARS_SQL_LIVE_TOKEN,
        [HARS_REVOKE_CLIENT] = HARS_SQL_LIVE_CLIENT,
        [HARS_REVOKE_SUB] = HARS_SQL_LIVE_SUB,
        [HARS_REVOKE_CERT] = HARS_SQL_LIVE_CERT
    };

    sql = sqls[revoke->what];
    stmt = store->stmt[sql];

    if (revoke->id) {
        hars_row_bind_text(stmt, 1, revoke->id);

    } else {
        hars_row_bind_hash(stmt, 1, revoke->hash);
    }

    if (sql != HARS_SQL_LIVE_TOKEN) {
        sqlite3_bind_int64(stmt, 2, now);
    }

    sqlite3_bind_int(stmt, 3, HARS_STORE_BATCH);

    rc = hars_store_rows(stmt, row, n);

    if (rc != HARS_OK) {
        hars_log_error("database: %s", sqlite3_errmsg(store->db));
    }

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);

    return rc;
}


static int
hars_store_cert_revoke(hars_store_t *store, const hars_revoke_t *revoke,
    int64_t now)
{
    hars_outbox_t  row;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[HARS_SQL_CERT_REVOKE];

    hars_row_bind_hash(stmt, 1, revoke->hash);
    sqlite3_bind_int64(stmt, 2, revoke->until);
    sqlite3_bind_int64(stmt, 3, now);

    if (hars_store_run(store, HARS_SQL_CERT_REVOKE) != HARS_OK) {
        return HARS_ERROR;
    }

    memcpy(row.hash, revoke->hash, HARS_SHA256_LEN);

    return hars_store_run_row(store, HARS_SQL_OUTBOX_CERT_ADD, &row);
}


/* the columns hash and exp; a batch at most */
static int
hars_store_rows(sqlite3_stmt *stmt, hars_outbox_t *row, unsigned *n)
{
    int  rc;

    *n = 0;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && *n < HARS_STORE_BATCH) {
        if (hars_row_hash(stmt, 0, row[*n].hash) != HARS_OK) {
            return HARS_ERROR;
        }

        row[*n].exp = sqlite3_column_int64(stmt, 1);
        (*n)++;
    }

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? HARS_OK : HARS_ERROR;
}


/* a statement about one hash, under the mutex */
static int
hars_store_run_row(hars_store_t *store, hars_sql_e sql,
    const hars_outbox_t *row)
{
    hars_row_bind_hash(store->stmt[sql], 1, row->hash);

    return hars_store_run(store, sql);
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
hars_store_cert_revoked(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_CERT_REVOKED);

    hars_row_bind_hash(stmt, 1, hash);

    rc = sqlite3_step(stmt);

    if (hars_store_give(store, HARS_SQL_CERT_REVOKED, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return (rc == SQLITE_ROW) ? HARS_OK : HARS_DECLINED;
}


int
hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_OUTBOX);

    sqlite3_bind_int(stmt, 1, HARS_STORE_BATCH);

    rc = hars_store_rows(stmt, row, n);

    return hars_store_give(store, HARS_SQL_OUTBOX,
                           rc == HARS_OK ? SQLITE_DONE : SQLITE_ERROR);
}


int
hars_store_outbox_done(hars_store_t *store, const hars_outbox_t *row,
    unsigned n)
{
    int       rc;
    unsigned  i;

    pthread_mutex_lock(&store->mutex);

    rc = hars_store_run(store, HARS_SQL_BEGIN);

    if (rc == HARS_OK) {

        for (i = 0; i < n && rc == HARS_OK; i++) {
            rc = hars_store_run_row(store, HARS_SQL_OUTBOX_DONE, &row[i]);
        }

        /* what was told is told, whatever became of the others */

        rc |= hars_store_run(store, HARS_SQL_COMMIT);

        if (!sqlite3_get_autocommit(store->db)) {
            hars_store_run(store, HARS_SQL_ROLLBACK);
        }
    }

    pthread_mutex_unlock(&store->mutex);

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


int
hars_store_outbox_cert(hars_store_t *store, hars_outbox_t *row)
{
    int            rc, found;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_OUTBOX_CERT);

    found = HARS_DECLINED;
    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        found = hars_row_hash(stmt, 0, row->hash);
        row->exp = sqlite3_column_int64(stmt, 1);
    }

    if (hars_store_give(store, HARS_SQL_OUTBOX_CERT, rc) != HARS_OK) {
        return HARS_ERROR;
    }

    return found;
}


int
hars_store_outbox_cert_done(hars_store_t *store, const hars_outbox_t *row)
{
    int  rc;

    pthread_mutex_lock(&store->mutex);
    rc = hars_store_run_row(store, HARS_SQL_OUTBOX_CERT_DONE, row);
    pthread_mutex_unlock(&store->mutex);

    return rc;
}


int
hars_store_revoked(hars_store_t *store, int64_t now, hars_outbox_t *row,
    unsigned *n)
{
    return hars_store_page(store, HARS_SQL_REVOKED,
                           *n ? row[*n - 1].exp : now + 1, row, n);
}


int
hars_store_revoked_certs(hars_store_t *store, int64_t now,
    hars_outbox_t *row, unsigned *n)
{
    return hars_store_page(store, HARS_SQL_REVOKED_CERTS, now, row, n);
}


/* what comes after the last row; no blob is less than an empty one */
static int
hars_store_page(hars_store_t *store, hars_sql_e sql, int64_t exp,
    hars_outbox_t *row, unsigned *n)
{
    int             rc;
    sqlite3_stmt   *stmt;
    unsigned char   hash[HARS_SHA256_LEN];

    stmt = hars_store_take(store, sql);

    if (*n) {
        memcpy(hash, row[*n - 1].hash, HARS_SHA256_LEN);
        hars_row_bind_hash(stmt, 1, hash);

    } else {
        sqlite3_bind_zeroblob(stmt, 1, 0);
    }

    sqlite3_bind_int64(stmt, 2, exp);
    sqlite3_bind_int(stmt, 3, HARS_STORE_BATCH);

    rc = hars_store_rows(stmt, row, n);

    return hars_store_give(store, sql,
                           rc == HARS_OK ? SQLITE_DONE : SQLITE_ERROR);
}


int
hars_store_told(hars_store_t *store, char mark[HARS_STORE_MARK])
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_TOLD);

    mark[0] = '\0';
    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        snprintf(mark, HARS_STORE_MARK, "%s",
                 (const char *) sqlite3_column_text(stmt, 0));
        rc = SQLITE_DONE;
    }

    return hars_store_give(store, HARS_SQL_TOLD, rc);
}


int
hars_store_tell(hars_store_t *store, const char *mark)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = hars_store_take(store, HARS_SQL_TELL);

    sqlite3_bind_text(stmt, 1, mark, -1, SQLITE_STATIC);

    rc = sqlite3_step(stmt);

    return hars_store_give(store, HARS_SQL_TELL, rc);
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
