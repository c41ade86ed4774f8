
/*
 * See hars_db.h for what this is; here is what both databases have in
 * common: parameters, the table of prepared statements, columns that have to
 * fit, and the one more attempt after a connection was lost.
 */

#include "hars_db_private.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


typedef struct {
    const char  *sql;                     /* NULL: free */
    void        *stmt;
} hars_db_statement_t;


struct hars_db_s {
    const hars_db_driver_t  *driver;
    char                    *where;
    void                    *conn;        /* NULL: it could not be remade */
    hars_db_statement_t      table[HARS_DB_STATEMENTS];
    unsigned                 statements;
    void                    *running;     /* whose rows are being read */
    hars_db_value_t          value[HARS_DB_VALUES];
    unsigned                 n;
    uint64_t                 changed;     /* rows, by the last statement */
    unsigned                 transaction:1;
    unsigned                 full:1;      /* the disk, at the last failure */
};


static const hars_db_driver_t *hars_db_driver(const char *where);
static int hars_db_reopen(hars_db_t *db);
static void hars_db_forget(hars_db_t *db);
static int hars_db_failed(hars_db_t *db);
static hars_db_value_t *hars_db_value(hars_db_t *db, hars_db_type_e type);
static int hars_db_try(hars_db_t *db, const char *sql);
static void *hars_db_statement(hars_db_t *db, const char *sql);
static char *hars_db_words(const hars_db_driver_t *driver, const char *sql);


hars_db_t *
hars_db_open(const char *where)
{
    hars_db_t  *db;

    db = calloc(1, sizeof(hars_db_t));
    if (db == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    db->driver = hars_db_driver(where);
    db->where = strdup(where);
    db->conn = db->where ? db->driver->open(where) : NULL;

    if (db->conn == NULL) {
        hars_db_close(db);
        return NULL;
    }

    return db;
}


static const hars_db_driver_t *
hars_db_driver(const char *where)
{
    if (strncmp(where, "postgresql://", 13) == 0
        || strncmp(where, "postgres://", 11) == 0)
    {
        return &hars_db_pg;
    }

    return &hars_db_sqlite;
}


const char *
hars_db_wrong(const char *where)
{
    return hars_db_driver(where)->wrong(where);
}


unsigned
hars_db_waits(const char *where)
{
    return hars_db_driver(where)->waits;
}


void
hars_db_close(hars_db_t *db)
{
    if (db == NULL) {
        return;
    }

    hars_db_forget(db);
    free(db->where);
    free(db);
}


/* statements end with their connection */
static void
hars_db_forget(hars_db_t *db)
{
    unsigned  i;

    hars_db_done(db);

    for (i = 0; i < HARS_DB_STATEMENTS; i++) {
        if (db->table[i].sql) {
            db->driver->finalize(db->conn, db->table[i].stmt);
        }
    }

    memset(db->table, 0, sizeof(db->table));
    db->statements = 0;

    if (db->conn) {
        db->driver->close(db->conn);
        db->conn = NULL;
    }
}


/* HARS_OK: it was lost, and there is another one */
static int
hars_db_reopen(hars_db_t *db)
{
    if (db->transaction || (db->conn && !db->driver->lost(db->conn))) {
        return HARS_ERROR;
    }

    hars_db_forget(db);
    db->conn = db->driver->open(db->where);

    return db->conn ? HARS_OK : HARS_ERROR;
}


void
hars_db_text(hars_db_t *db, const char *text)
{
    hars_db_value_t  *value;

    value = hars_db_value(db, HARS_DB_TEXT);

    value->data = text;
    value->len = strlen(text);
}


void
hars_db_blob(hars_db_t *db, const void *data, size_t len)
{
    hars_db_value_t  *value;

    value = hars_db_value(db, HARS_DB_BLOB);

    value->data = data;
    value->len = len;
}


void
hars_db_int(hars_db_t *db, int64_t n)
{
    hars_db_value(db, HARS_DB_INT)->n = n;
}


/* one too many makes the run an error */
static hars_db_value_t *
hars_db_value(hars_db_t *db, hars_db_type_e type)
{
    hars_db_value_t  *value;

    value = &db->value[db->n < HARS_DB_VALUES ? db->n : HARS_DB_VALUES - 1];
    db->n++;

    memset(value, 0, sizeof(hars_db_value_t));
    value->type = type;

    return value;
}


int
hars_db_run(hars_db_t *db, const char *sql)
{
    int  rc;

    rc = hars_db_try(db, sql);

    if (rc != HARS_OK && hars_db_reopen(db) == HARS_OK) {
        rc = hars_db_try(db, sql);
    }

    db->n = 0;

    return rc;
}


static int
hars_db_try(hars_db_t *db, const char *sql)
{
    void  *stmt;

    hars_db_done(db);

    if (db->conn == NULL) {
        return HARS_ERROR;
    }

    stmt = hars_db_statement(db, sql);

    if (stmt == NULL
        || db->driver->run(db->conn, stmt, db->value, db->n) != HARS_OK)
    {
        return hars_db_failed(db);
    }

    db->running = stmt;

    return HARS_OK;
}


/* of a rollback that follows nothing is asked */
static int
hars_db_failed(hars_db_t *db)
{
    db->full = db->conn && db->driver->full(db->conn);

    return HARS_ERROR;
}


/* open addressing by the literal's address */
static void *
hars_db_statement(hars_db_t *db, const char *sql)
{
    char                 *text;
    uintptr_t             at;
    hars_db_statement_t  *s;

    if (db->n > HARS_DB_VALUES) {
        hars_log_error("database: more than %d parameters", HARS_DB_VALUES);
        return NULL;
    }

    at = (uintptr_t) sql * 0x9e3779b97f4a7c15 >> 40;

    for ( ;; at++) {
        s = &db->table[at & (HARS_DB_STATEMENTS - 1)];

        if (s->sql == sql) {
            return s->stmt;
        }

        if (s->sql == NULL) {
            break;
        }
    }

    if (db->statements >= HARS_DB_STATEMENTS * 3 / 4) {
        hars_log_error("database: more than %d statements",
                       HARS_DB_STATEMENTS * 3 / 4);
        return NULL;
    }

    text = hars_db_words(db->driver, sql);
    s->stmt = text ? db->driver->prepare(db->conn, text, db->value, db->n)
                   : NULL;
    free(text);

    if (s->stmt) {
        s->sql = sql;
        db->statements++;
    }

    return s->stmt;
}


int
hars_db_row(hars_db_t *db)
{
    int  rc;

    if (db->running == NULL) {
        return HARS_DECLINED;
    }

    rc = db->driver->row(db->conn, db->running);

    if (rc == HARS_ERROR) {
        (void) hars_db_failed(db);
    }

    if (rc == HARS_DECLINED) {
        db->changed = db->driver->changed(db->conn, db->running);
    }

    if (rc != HARS_OK) {
        hars_db_done(db);
    }

    return rc;
}


int
hars_db_first(hars_db_t *db, const char *sql)
{
    return (hars_db_run(db, sql) == HARS_OK) ? hars_db_row(db) : HARS_ERROR;
}


int
hars_db_do(hars_db_t *db, const char *sql, uint64_t *changed)
{
    int  rc;

    rc = hars_db_first(db, sql);

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    if (rc == HARS_OK) {
        hars_log_error("database: rows where none are read");
        return HARS_ERROR;
    }

    if (changed) {
        *changed = db->changed;
    }

    return HARS_OK;
}


void
hars_db_done(hars_db_t *db)
{
    if (db->running) {
        db->driver->done(db->conn, db->running);
        db->running = NULL;
    }
}


int
hars_db_get_text(hars_db_t *db, unsigned i, char *dst, size_t size)
{
    hars_db_value_t  value;

    db->driver->column(db->conn, db->running, i, &value);

    if (value.data == NULL || value.len >= size
        || memchr(value.data, '\0', value.len))
    {
        return HARS_ERROR;
    }

    memcpy(dst, value.data, value.len);
    dst[value.len] = '\0';

    return HARS_OK;
}


int
hars_db_get_blob(hars_db_t *db, unsigned i, void *dst, size_t len)
{
    hars_db_value_t  value;

    db->driver->column(db->conn, db->running, i, &value);

    if (value.data == NULL || value.len != len) {
        return HARS_ERROR;
    }

    memcpy(dst, value.data, len);

    return HARS_OK;
}


int
hars_db_get_bytes(hars_db_t *db, unsigned i, const unsigned char **data,
    size_t *len)
{
    hars_db_value_t  value;

    db->driver->column(db->conn, db->running, i, &value);

    *data = value.data;
    *len = value.len;

    return value.data ? HARS_OK : HARS_ERROR;
}


int64_t
hars_db_get_int(hars_db_t *db, unsigned i)
{
    hars_db_value_t  value;

    db->driver->column(db->conn, db->running, i, &value);

    return value.n;
}


int
hars_db_begin(hars_db_t *db)
{
    int  rc;

    db->full = 0;

    rc = hars_db_do(db, db->driver->begin, NULL);
    db->transaction = (rc == HARS_OK);

    return rc;
}


int
hars_db_commit(hars_db_t *db)
{
    int  rc;

    /* not prepared: the driver looks whether it became a rollback */

    rc = hars_db_exec(db, "COMMIT");

    if (rc != HARS_OK) {
        hars_db_rollback(db);
    }

    db->transaction = 0;

    return rc;
}


/* the database may have done so by itself */
void
hars_db_rollback(hars_db_t *db)
{
    hars_db_done(db);

    if (db->conn && !db->driver->lost(db->conn)) {
        (void) db->driver->exec(db->conn, "ROLLBACK");
    }

    db->n = 0;
    db->transaction = 0;
}


int
hars_db_defer(hars_db_t *db, int *fd)
{
    return db->driver->defer ? db->driver->defer(db->conn, fd)
                             : HARS_DECLINED;
}


int
hars_db_contended(hars_db_t *db)
{
    return db->conn && db->driver->contended(db->conn);
}


unsigned
hars_db_full(hars_db_t *db)
{
    return db->full;
}


int
hars_db_exec(hars_db_t *db, const char *sql)
{
    int    rc;
    char  *text;

    hars_db_done(db);

    if (db->conn == NULL) {
        return HARS_ERROR;
    }

    text = hars_db_words(db->driver, sql);
    rc = text && db->driver->exec(db->conn, text) == HARS_OK
         ? HARS_OK : hars_db_failed(db);

    free(text);

    return rc;
}


/* a copy with this database's words for {INT} and so on */
static char *
hars_db_words(const hars_db_driver_t *driver, const char *sql)
{
    char        *text, *p;
    size_t       len;
    unsigned     i;
    const char  *word;

    const struct {
        const char  *name;
        const char  *word;
    } words[] = {
        { "{INT}", driver->int_type },
        { "{BLOB}", driver->blob_type },
        { "{END}", driver->end },
        { "{END_ROWID}", driver->end_rowid },
        { "{BLOCKS}", driver->blocks },
        { "{SHARE}", driver->share },
        { "{LOCK}", driver->lock },
        { NULL, NULL }
    };

    /* no word is more than five times as long as its name */

    text = malloc(5 * strlen(sql) + 1);
    if (text == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    for (p = text; *sql; ) {

        for (i = 0; words[i].name; i++) {
            len = strlen(words[i].name);

            if (strncmp(sql, words[i].name, len) == 0) {
                break;
            }
        }

        if (words[i].name == NULL) {
            *p++ = *sql++;
            continue;
        }

        for (word = words[i].word; *word; ) {
            *p++ = *word++;
        }

        sql += len;
    }

    *p = '\0';

    return text;
}


int
hars_db_turn(hars_db_t *db)
{
    int  rc;

    rc = db->conn ? db->driver->turn(db->conn, 1) : HARS_ERROR;

    if (rc == HARS_ERROR && hars_db_reopen(db) == HARS_OK) {
        rc = db->driver->turn(db->conn, 1);
    }

    return rc;
}


void
hars_db_turn_done(hars_db_t *db)
{
    if (db->conn && !db->driver->lost(db->conn)) {
        (void) db->driver->turn(db->conn, 0);
    }
}


int
hars_db_month(hars_db_t *db, const char *table, int64_t ms)
{
    char       part[64];
    time_t     t;
    int64_t    from;
    struct tm  tm;

    hars_db_done(db);

    t = (time_t) (ms / 1000);

    if (gmtime_r(&t, &tm) == NULL) {
        hars_log_error("database: %lld ms are in no month", (long long) ms);
        return HARS_ERROR;
    }

    snprintf(part, sizeof(part), "%s_%04d_%02d", table, tm.tm_year + 1900,
             tm.tm_mon + 1);

    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    from = (int64_t) timegm(&tm) * 1000;

    tm.tm_mon++;

    return db->driver->part(db->conn, table, part, from,
                            (int64_t) timegm(&tm) * 1000);
}


int
hars_db_scrub(hars_db_t *db, const char *table)
{
    hars_db_done(db);

    return db->conn ? db->driver->scrub(db->conn, table) : HARS_ERROR;
}


int
hars_db_version(hars_db_t *db, int *version)
{
    return db->driver->version(db->conn, version);
}


int
hars_db_set_version(hars_db_t *db, int version)
{
    return db->driver->set_version(db->conn, version);
}
