
/*
 * The driver of PostgreSQL: statements are prepared once, with the types of
 * what is bound to them (int8, text, bytea), and values go both ways in
 * binary.  All of an answer is here before its first row is read.  Connection,
 * limits and what several servers do to each other: hars_db_pg_conn.c.
 */

#include "hars_db_pg.h"
#include "hars_log.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* any number that nobody else locks */
#define HARS_PG_LAYOUT                                                       \
    "SELECT pg_advisory_xact_lock(5206975218);"                              \
    "SELECT to_regclass('hars_layout') IS NOT NULL"

#define HARS_PG_PART    "SELECT pg_advisory_xact_lock(5206975220);"

#define HARS_PG_TURN    "SELECT pg_try_advisory_lock(5206975219)"
#define HARS_PG_RETURN  "SELECT pg_advisory_unlock(5206975219)"

/* of pg_type.h, which is the server's */
#define HARS_PG_BYTEA  17
#define HARS_PG_INT8   20
#define HARS_PG_INT4   23
#define HARS_PG_TEXT   25


typedef struct {
    char        name[16];
} hars_pg_statement_t;


static int hars_pg_turn(void *conn, int take);
static int hars_pg_part(void *conn, const char *table, const char *part,
    int64_t from, int64_t to);
static int hars_pg_scrub(void *conn, const char *table);
static int hars_pg_version(void *conn, int *version);
static int hars_pg_set_version(void *conn, int version);
static void *hars_pg_prepare(void *conn, const char *sql,
    const hars_db_value_t *value, unsigned n);
static void hars_pg_parameters(char *sql);
static void hars_pg_finalize(void *conn, void *stmt);
static int hars_pg_run(void *conn, void *stmt, const hars_db_value_t *value,
    unsigned n);
static int hars_pg_row(void *conn, void *stmt);
static void hars_pg_column(void *conn, void *stmt, unsigned i,
    hars_db_value_t *value);
static uint64_t hars_pg_changed(void *conn, void *stmt);
static void hars_pg_done(void *conn, void *stmt);


const hars_db_driver_t  hars_db_pg = {
    .int_type = "BIGINT",
    .blob_type = "BYTEA",
    .end = "",
    .end_rowid = "",
    .blocks = "PARTITION BY RANGE (start_ms)",
    .share = "FOR SHARE",
    .lock = "FOR UPDATE",
    .begin = "BEGIN",
    .waits = 1,
    .wrong = hars_pg_wrong,
    .open = hars_pg_open,
    .close = hars_pg_close,
    .lost = hars_pg_lost,
    .contended = hars_pg_contended,
    .full = hars_pg_full,
    .exec = hars_pg_exec,
    .turn = hars_pg_turn,
    .part = hars_pg_part,
    .scrub = hars_pg_scrub,
    .version = hars_pg_version,
    .set_version = hars_pg_set_version,
    .prepare = hars_pg_prepare,
    .finalize = hars_pg_finalize,
    .run = hars_pg_run,
    .row = hars_pg_row,
    .column = hars_pg_column,
    .changed = hars_pg_changed,
    .done = hars_pg_done
};


/* of this connection, and gone with it */
static int
hars_pg_turn(void *data, int take)
{
    int        taken;
    PGresult  *result;

    result = hars_pg_query(data, take ? HARS_PG_TURN : HARS_PG_RETURN);

    if (result == NULL) {
        return HARS_ERROR;
    }

    taken = (PQgetvalue(result, 0, 0)[0] == 't');
    PQclear(result);

    return taken ? HARS_OK : HARS_DECLINED;
}


/* of two who want the same one the second waits and finds it */
static int
hars_pg_part(void *data, const char *table, const char *part, int64_t from,
    int64_t to)
{
    int        there;
    char       sql[512];
    PGresult  *result;

    snprintf(sql, sizeof(sql), "SELECT to_regclass('%s') IS NOT NULL", part);
    result = hars_pg_query(data, sql);

    if (result == NULL) {
        return HARS_ERROR;
    }

    there = (PQgetvalue(result, 0, 0)[0] == 't');
    PQclear(result);

    if (there) {
        return HARS_OK;
    }

    snprintf(sql, sizeof(sql),
             HARS_PG_PART
             "CREATE TABLE IF NOT EXISTS %s PARTITION OF %s"
             " FOR VALUES FROM (%lld) TO (%lld)",
             part, table, (long long) from, (long long) to);

    return hars_pg_exec(data, sql);
}


/*
 * A row's older states stay in its table's file, even after a VACUUM, until
 * something is written over them: the table is written anew, and its old file
 * goes.  The server's log has them till it is recycled.
 */
static int
hars_pg_scrub(void *data, const char *table)
{
    char  sql[128];

    snprintf(sql, sizeof(sql), "VACUUM (FULL) %s", table);

    return hars_pg_exec(data, sql);
}


/* held till the end of the transaction: others wait for the layout */
static int
hars_pg_version(void *data, int *version)
{
    int        there;
    PGresult  *result;

    result = hars_pg_query(data, HARS_PG_LAYOUT);

    if (result == NULL) {
        return HARS_ERROR;
    }

    there = (PQgetvalue(result, 0, 0)[0] == 't');
    PQclear(result);

    *version = 0;

    if (!there) {
        return HARS_OK;
    }

    result = hars_pg_query(data, "SELECT version FROM hars_layout");

    if (result == NULL) {
        return HARS_ERROR;
    }

    if (PQntuples(result) == 1) {
        *version = atoi(PQgetvalue(result, 0, 0));
    }

    PQclear(result);

    return HARS_OK;
}


static int
hars_pg_set_version(void *data, int version)
{
    char  sql[256];

    snprintf(sql, sizeof(sql),
             "CREATE TABLE IF NOT EXISTS hars_layout (one BIGINT PRIMARY KEY"
             " CHECK (one = 1), version BIGINT NOT NULL);"
             "INSERT INTO hars_layout VALUES (1, %d)"
             " ON CONFLICT (one) DO UPDATE SET version = %d",
             version, version);

    return hars_pg_exec(data, sql);
}


static void *
hars_pg_prepare(void *data, const char *sql, const hars_db_value_t *value,
    unsigned n)
{
    int                   sent;
    Oid                   type[HARS_DB_VALUES];
    char                 *text;
    unsigned              i;
    PGresult             *result;
    hars_pg_t            *conn;
    hars_pg_statement_t  *stmt;

    conn = data;

    for (i = 0; i < n; i++) {
        type[i] = value[i].type == HARS_DB_INT ? HARS_PG_INT8
                  : value[i].type == HARS_DB_TEXT ? HARS_PG_TEXT
                  : HARS_PG_BYTEA;
    }

    text = strdup(sql);
    stmt = calloc(1, sizeof(hars_pg_statement_t));

    if (text == NULL || stmt == NULL) {
        hars_log_error("no memory");
        free(text);
        free(stmt);
        return NULL;
    }

    hars_pg_parameters(text);
    snprintf(stmt->name, sizeof(stmt->name), "s%u", ++conn->prepared);

    sent = PQsendPrepare(conn->pg, stmt->name, text, (int) n, type);
    result = hars_pg_result(conn, sent);

    free(text);

    if (result == NULL) {
        free(stmt);
        return NULL;
    }

    PQclear(result);

    return stmt;
}


/* ?1 is $1, outside of quotes */
static void
hars_pg_parameters(char *sql)
{
    int  quoted;

    for (quoted = 0; *sql; sql++) {

        if (*sql == '\'') {
            quoted = !quoted;

        } else if (*sql == '?' && !quoted) {
            *sql = '$';
        }
    }
}


/* it goes with its connection */
static void
hars_pg_finalize(void *conn, void *stmt)
{
    (void) conn;

    free(stmt);
}


static int
hars_pg_run(void *data, void *stmt, const hars_db_value_t *value, unsigned n)
{
    int          sent, len[HARS_DB_VALUES], format[HARS_DB_VALUES];
    uint64_t     number[HARS_DB_VALUES];
    unsigned     i;
    hars_pg_t   *conn;
    const char  *bytes[HARS_DB_VALUES];

    conn = data;

    for (i = 0; i < n; i++) {
        format[i] = 1;

        if (value[i].type == HARS_DB_INT) {
            number[i] = htobe64((uint64_t) value[i].n);
            bytes[i] = (const char *) &number[i];
            len[i] = sizeof(uint64_t);

        } else {
            /* a pointer of NULL would be NULL */

            bytes[i] = value[i].len ? value[i].data : "";
            len[i] = (int) value[i].len;
        }
    }

    sent = PQsendQueryPrepared(conn->pg, ((hars_pg_statement_t *) stmt)->name,
                               (int) n, bytes, len, format, 1);

    conn->result = hars_pg_result(conn, sent);
    conn->row = -1;

    return conn->result ? HARS_OK : HARS_ERROR;
}


static int
hars_pg_row(void *data, void *stmt)
{
    hars_pg_t  *conn;

    (void) stmt;

    conn = data;

    return ++conn->row < PQntuples(conn->result) ? HARS_OK : HARS_DECLINED;
}


static void
hars_pg_column(void *data, void *stmt, unsigned i, hars_db_value_t *value)
{
    int          len;
    uint32_t     n4;
    uint64_t     n8;
    hars_pg_t   *conn;
    const char  *bytes;

    (void) stmt;

    conn = data;
    memset(value, 0, sizeof(hars_db_value_t));

    if ((int) i >= PQnfields(conn->result)
        || PQgetisnull(conn->result, conn->row, (int) i))
    {
        return;
    }

    bytes = PQgetvalue(conn->result, conn->row, (int) i);
    len = PQgetlength(conn->result, conn->row, (int) i);

    switch (PQftype(conn->result, (int) i)) {

    case HARS_PG_INT8:
        memcpy(&n8, bytes, sizeof(n8));
        value->n = (int64_t) be64toh(n8);
        break;

    case HARS_PG_INT4:
        memcpy(&n4, bytes, sizeof(n4));
        value->n = (int32_t) be32toh(n4);
        break;

    case HARS_PG_TEXT:
    case HARS_PG_BYTEA:
        value->data = bytes;
        value->len = (size_t) len;
        break;

    default: /* in no table of ours */
        break;
    }
}


static uint64_t
hars_pg_changed(void *data, void *stmt)
{
    (void) stmt;

    return strtoull(PQcmdTuples(((hars_pg_t *) data)->result), NULL, 10);
}


static void
hars_pg_done(void *data, void *stmt)
{
    hars_pg_t  *conn;

    (void) stmt;

    conn = data;

    PQclear(conn->result);
    conn->result = NULL;
}
