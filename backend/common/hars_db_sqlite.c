
/*
 * SQLite in WAL mode, whose readers do not wait for the writer, with
 * synchronous = FULL: a commit is on the disk, but for a connection that was
 * told to leave that to others (hars_sqlite_defer()).
 */

#include "hars_db_private.h"
#include "hars_log.h"
#include "hars_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>


#define HARS_SQLITE_BUSY   5000           /* ms, for another writer */
#define HARS_SQLITE_AGAIN  5              /* ms, where SQLite does not wait */

/* KB of each connection, taken as they are used */
#define HARS_SQLITE_CACHE  16384

/*
 * KB of a connection that writes small transactions in turn with others: a
 * page that is split takes for a moment the number that no page has, and each
 * commit after such a one looks at every page that is kept (SQLite 3.40,
 * balance_nonroot(), pcache1Truncate())
 */
#define HARS_SQLITE_DIRTY  2048

/* pages: what many commits change is written back once */
#define HARS_SQLITE_WAL    "PRAGMA wal_autocheckpoint = 8192"


static const char *hars_sqlite_wrong(const char *where);
static void hars_sqlite_configure(void);
static void *hars_sqlite_open(const char *where);
static int hars_sqlite_log(sqlite3 *db);
static void hars_sqlite_close(void *conn);
static int hars_sqlite_lost(void *conn);
static int hars_sqlite_contended(void *conn);
static unsigned hars_sqlite_full(void *conn);
static int hars_sqlite_exec(void *conn, const char *sql);
static int hars_sqlite_defer(void *conn, int *fd);
static int hars_sqlite_turn(void *conn, int take);
static int hars_sqlite_part(void *conn, const char *table, const char *part,
    int64_t from, int64_t to);
static int hars_sqlite_scrub(void *conn, const char *table);
static int hars_sqlite_version(void *conn, int *version);
static int hars_sqlite_set_version(void *conn, int version);
static void *hars_sqlite_prepare(void *conn, const char *sql,
    const hars_db_value_t *value, unsigned n);
static void hars_sqlite_finalize(void *conn, void *stmt);
static int hars_sqlite_run(void *conn, void *stmt,
    const hars_db_value_t *value, unsigned n);
static int hars_sqlite_row(void *conn, void *stmt);
static void hars_sqlite_column(void *conn, void *stmt, unsigned i,
    hars_db_value_t *value);
static uint64_t hars_sqlite_changed(void *conn, void *stmt);
static void hars_sqlite_done(void *conn, void *stmt);


const hars_db_driver_t  hars_db_sqlite = {
    .int_type = "INTEGER",
    .blob_type = "BLOB",
    .end = "STRICT, WITHOUT ROWID",
    .end_rowid = "STRICT",
    .blocks = "STRICT",
    .share = "",
    .lock = "",
    .begin = "BEGIN IMMEDIATE",
    .wrong = hars_sqlite_wrong,
    .open = hars_sqlite_open,
    .close = hars_sqlite_close,
    .lost = hars_sqlite_lost,
    .contended = hars_sqlite_contended,
    .full = hars_sqlite_full,
    .exec = hars_sqlite_exec,
    .defer = hars_sqlite_defer,
    .turn = hars_sqlite_turn,
    .part = hars_sqlite_part,
    .scrub = hars_sqlite_scrub,
    .version = hars_sqlite_version,
    .set_version = hars_sqlite_set_version,
    .prepare = hars_sqlite_prepare,
    .finalize = hars_sqlite_finalize,
    .run = hars_sqlite_run,
    .row = hars_sqlite_row,
    .column = hars_sqlite_column,
    .changed = hars_sqlite_changed,
    .done = hars_sqlite_done
};


static unsigned  hars_sqlite_cache = HARS_SQLITE_CACHE;
static unsigned  hars_sqlite_overwrite;


void
hars_db_files(unsigned cache, unsigned overwrite)
{
    hars_sqlite_cache = cache;
    hars_sqlite_overwrite = overwrite;
}


/* in whatever directory it is asked for, it has to be the same one */
static const char *
hars_sqlite_wrong(const char *where)
{
    return where[0] == '/' ? NULL
           : "has to be an absolute path, or a URI: postgresql://...";
}


/* nobody asks what memory is in use, which costs a lock in each malloc() */
static void
hars_sqlite_configure(void)
{
    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}


static void *
hars_sqlite_open(const char *where)
{
    int                    rc;
    char                   pragma[128];
    sqlite3               *db;
    static pthread_once_t  once = PTHREAD_ONCE_INIT;

    (void) pthread_once(&once, hars_sqlite_configure);

    if (hars_owner_check("database", where) != HARS_OK) {
        return NULL;
    }

    rc = sqlite3_open_v2(where, &db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                         | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        hars_log_error("database \"%s\": %s, see that its directory exists "
                       "and this user may write there", where,
                       db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
        sqlite3_close(db);
        return NULL;
    }

    snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%u;"
             "PRAGMA secure_delete = %s", hars_sqlite_cache,
             hars_sqlite_overwrite ? "ON" : "OFF");
    sqlite3_extended_result_codes(db, 1);

    if (hars_sqlite_log(db) != HARS_OK
        || sqlite3_busy_timeout(db, HARS_SQLITE_BUSY) != SQLITE_OK
        || hars_sqlite_exec(db, "PRAGMA synchronous = FULL") != HARS_OK
        || hars_sqlite_exec(db, pragma) != HARS_OK
        || hars_sqlite_exec(db, HARS_SQLITE_WAL) != HARS_OK)
    {
        hars_log_error("database \"%s\" cannot be used", where);
        sqlite3_close(db);
        return NULL;
    }

    return db;
}


/*
 * What turns a new file into one with a log reads first, then writes: where
 * another process is at that, too, SQLite leaves it to us to wait.  It does
 * not wait itself meanwhile: its time would be added to each turn of ours.
 */
static int
hars_sqlite_log(sqlite3 *db)
{
    int  rc, ms;

    for (ms = 0; ms < HARS_SQLITE_BUSY; ms += HARS_SQLITE_AGAIN) {
        rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

        if ((rc & 0xff) != SQLITE_BUSY) {
            break;
        }

        sqlite3_sleep(HARS_SQLITE_AGAIN);
    }

    /* once more, for the log to say why */

    return rc == SQLITE_OK ? HARS_OK
                           : hars_sqlite_exec(db, "PRAGMA journal_mode = WAL");
}


static void
hars_sqlite_close(void *conn)
{
    sqlite3_close(conn);
}


static int
hars_sqlite_lost(void *conn)
{
    (void) conn;

    return 0;
}


/* who begins waits for the other one */
static int
hars_sqlite_contended(void *conn)
{
    (void) conn;

    return 0;
}


/* a quota, or a limit of the file's size, is no other thing */
static unsigned
hars_sqlite_full(void *conn)
{
    int  error;

    switch (sqlite3_errcode(conn) & 0xff) {

    case SQLITE_FULL:
        return 1;

    case SQLITE_IOERR:
        error = sqlite3_system_errno(conn);
        return error == ENOSPC || error == EDQUOT || error == EFBIG;

    default:
        return 0;
    }
}


static int
hars_sqlite_exec(void *conn, const char *sql)
{
    char  *error;

    error = NULL;

    if (sqlite3_exec(conn, sql, NULL, NULL, &error) == SQLITE_OK) {
        return HARS_OK;
    }

    /* it ended the transaction already, when the disk was full or the like */

    if (strcmp(sql, "ROLLBACK") != 0 || !sqlite3_get_autocommit(conn)) {
        hars_log_error("database: %s", error ? error : "no memory");
    }

    sqlite3_free(error);

    return HARS_ERROR;
}


/*
 * The log is appended to, and a sync of it makes durable all that it holds:
 * our commits and those of others.  All else SQLite does in its order with
 * synchronous = NORMAL, too: a checkpoint, ours or that of another process,
 * syncs the log, writes to the database and syncs that; only then the log
 * begins anew, with a header that is synced before a frame follows.  So what
 * our sync does not find in the log any more is in the database, on the disk;
 * and what is lost with the power is the end of the log, never its middle.
 * SQLite has no lock on the log's file that close() could end.
 */
static int
hars_sqlite_defer(void *conn, int *fd)
{
    char         pragma[64];
    const char  *log;

    snprintf(pragma, sizeof(pragma), "PRAGMA synchronous = NORMAL;"
             "PRAGMA cache_size = -%u", hars_sqlite_cache < HARS_SQLITE_DIRTY
                                        ? hars_sqlite_cache
                                        : HARS_SQLITE_DIRTY);

    if (hars_sqlite_exec(conn, pragma) != HARS_OK) {
        return HARS_ERROR;
    }

    log = sqlite3_filename_wal(sqlite3_db_filename(conn, "main"));
    *fd = open(log, O_RDWR | O_CLOEXEC);

    if (*fd == -1) {
        hars_log_error("database: \"%s\" cannot be opened: %s", log,
                       strerror(errno));
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* there is one server, on this machine */
static int
hars_sqlite_turn(void *conn, int take)
{
    (void) conn;
    (void) take;

    return HARS_OK;
}


/* all of a table is one tree, in which a month lies side by side anyway */
static int
hars_sqlite_part(void *conn, const char *table, const char *part,
    int64_t from, int64_t to)
{
    (void) conn;
    (void) table;
    (void) part;
    (void) from;
    (void) to;

    return HARS_OK;
}


/*
 * The file has been overwritten as far as it was written back; what of it is
 * older stands in the log, which is written back here and cut off.  A reader
 * of an older state is waited for, as long as for a writer.
 */
static int
hars_sqlite_scrub(void *conn, const char *table)
{
    int            rc;
    sqlite3_stmt  *stmt;

    (void) table;

    rc = HARS_ERROR;

    if (sqlite3_prepare_v2(conn, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &stmt,
                           NULL) == SQLITE_OK)
    {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            rc = sqlite3_column_int(stmt, 0) ? HARS_DECLINED : HARS_OK;
        }

        sqlite3_finalize(stmt);
    }

    if (rc == HARS_ERROR) {
        hars_log_error("database: %s", sqlite3_errmsg(conn));
    }

    return rc;
}


static int
hars_sqlite_version(void *conn, int *version)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = HARS_ERROR;

    if (sqlite3_prepare_v2(conn, "PRAGMA user_version", -1, &stmt, NULL)
        == SQLITE_OK)
    {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            *version = sqlite3_column_int(stmt, 0);
            rc = HARS_OK;
        }

        sqlite3_finalize(stmt);
    }

    if (rc != HARS_OK) {
        hars_log_error("database: %s", sqlite3_errmsg(conn));
    }

    return rc;
}


static int
hars_sqlite_set_version(void *conn, int version)
{
    char  sql[64];

    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);

    return hars_sqlite_exec(conn, sql);
}


static void *
hars_sqlite_prepare(void *conn, const char *sql, const hars_db_value_t *value,
    unsigned n)
{
    sqlite3_stmt  *stmt;

    (void) value;
    (void) n;

    if (sqlite3_prepare_v3(conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                           NULL) != SQLITE_OK)
    {
        hars_log_error("database: %s", sqlite3_errmsg(conn));
        return NULL;
    }

    return stmt;
}


static void
hars_sqlite_finalize(void *conn, void *stmt)
{
    (void) conn;

    sqlite3_finalize(stmt);
}


static int
hars_sqlite_run(void *conn, void *stmt, const hars_db_value_t *value,
    unsigned n)
{
    int       i, rc;
    unsigned  len;

    rc = SQLITE_OK;

    for (i = 1; i <= (int) n && rc == SQLITE_OK; i++, value++) {
        len = (unsigned) value->len;

        switch (value->type) {

        case HARS_DB_INT:
            rc = sqlite3_bind_int64(stmt, i, value->n);
            break;

        case HARS_DB_TEXT:
            rc = sqlite3_bind_text(stmt, i, value->data, (int) len,
                                   SQLITE_STATIC);
            break;

        default: /* HARS_DB_BLOB; a pointer of NULL would be NULL */
            rc = sqlite3_bind_blob(stmt, i, len ? value->data : "", (int) len,
                                   SQLITE_STATIC);
            break;
        }
    }

    if (rc != SQLITE_OK) {
        hars_log_error("database: %s", sqlite3_errmsg(conn));
        hars_sqlite_done(conn, stmt);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_sqlite_row(void *conn, void *stmt)
{
    switch (sqlite3_step(stmt)) {

    case SQLITE_ROW:
        return HARS_OK;

    case SQLITE_DONE:
        return HARS_DECLINED;

    default:
        hars_log_error("database: %s", sqlite3_errmsg(conn));
        return HARS_ERROR;
    }
}


static void
hars_sqlite_column(void *conn, void *stmt, unsigned i, hars_db_value_t *value)
{
    (void) conn;

    memset(value, 0, sizeof(hars_db_value_t));

    switch (sqlite3_column_type(stmt, (int) i)) {

    case SQLITE_INTEGER:
        value->n = sqlite3_column_int64(stmt, (int) i);
        break;

    case SQLITE_TEXT:
        value->data = sqlite3_column_text(stmt, (int) i);
        value->len = (size_t) sqlite3_column_bytes(stmt, (int) i);
        break;

    case SQLITE_BLOB:
        value->len = (size_t) sqlite3_column_bytes(stmt, (int) i);
        value->data = value->len ? sqlite3_column_blob(stmt, (int) i) : "";
        break;

    default: /* SQLITE_NULL, SQLITE_FLOAT: in no table of ours */
        break;
    }
}


static uint64_t
hars_sqlite_changed(void *conn, void *stmt)
{
    (void) stmt;

    return (uint64_t) sqlite3_changes64(conn);
}


static void
hars_sqlite_done(void *conn, void *stmt)
{
    (void) conn;

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}
