
/*
 * PostgreSQL by libpq, for several instances on one database.  A commit is on
 * the disk, and on a synchronous standby where there is one: a server with
 * fsync = off is refused, synchronous_commit is at least "on".
 *
 * Nothing waits for ever: statements, locks and idle transactions have limits
 * at the server, and what is not answered after a while here ends the
 * connection, whatever becomes of the server.
 *
 * All statements run at READ COMMITTED: an UPDATE or DELETE waits for the one
 * that changes its row and looks at its condition again, so what is used once
 * is used once by all instances.  What is only read has to be locked where it
 * decides: {SHARE} of the client's row (who disables it waits, or is seen),
 * {SHARE} of the family's.  A revoked certificate is not: it counts when a
 * token or a family is read.  Where locks cross one of the two fails, which
 * hars_db_contended() tells, and is done again alone.
 */

#include "hars_as_db_private.h"
#include "hars_log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <endian.h>
#include <libpq-fe.h>


#define HARS_PG_WAIT  8000                /* ms, longer than the limits below */

#define HARS_PG_SESSION                                                      \
    "SET statement_timeout = 5000;"                                          \
    "SET lock_timeout = 3000;"                                               \
    "SET idle_in_transaction_session_timeout = 5000;"                        \
    "SET client_min_messages = warning;"                                     \
    "SET default_transaction_isolation = 'read committed';"

/* any number that nobody else locks */
#define HARS_PG_LAYOUT                                                       \
    "SELECT pg_advisory_xact_lock(5206975218);"                              \
    "SELECT to_regclass('hars_layout') IS NOT NULL"

/* of pg_type.h, which is the server's */
#define HARS_PG_BYTEA  17
#define HARS_PG_INT8   20
#define HARS_PG_INT4   23
#define HARS_PG_TEXT   25


typedef struct {
    PGconn     *pg;
    PGresult   *result;                   /* of the statement that runs */
    int         row;                      /* the next one */
    unsigned    prepared;                 /* statements, for their names */
    unsigned    broken:1;
    unsigned    contended:1;              /* the last failure was */
} hars_pg_t;


typedef struct {
    char        name[16];
} hars_pg_statement_t;


static const char *hars_pg_wrong(const char *where);
static void *hars_pg_open(const char *where);
static PGconn *hars_pg_connect(const char *where);
static int hars_pg_session(hars_pg_t *conn);
static int hars_pg_durable(hars_pg_t *conn);
static void hars_pg_notice(void *data, const char *message);
static void hars_pg_close(void *conn);
static int hars_pg_lost(void *conn);
static int hars_pg_contended(void *conn);
static int hars_pg_exec(void *conn, const char *sql);
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
static PGresult *hars_pg_query(hars_pg_t *conn, const char *sql);
static PGresult *hars_pg_result(hars_pg_t *conn, int sent);
static int hars_pg_wait(hars_pg_t *conn);
static int64_t hars_pg_now(void);
static void hars_pg_failed(hars_pg_t *conn, const PGresult *result);
static void hars_pg_say(const char *message, const char *state);


const hars_db_driver_t  hars_db_pg = {
    .int_type = "BIGINT",
    .blob_type = "BYTEA",
    .end = "",
    .share = "FOR SHARE",
    .lock = "FOR UPDATE",
    .begin = "BEGIN",
    .wrong = hars_pg_wrong,
    .open = hars_pg_open,
    .close = hars_pg_close,
    .lost = hars_pg_lost,
    .contended = hars_pg_contended,
    .exec = hars_pg_exec,
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


/* whoever reads the log, or the settings, reads no password */
static const char *
hars_pg_wrong(const char *where)
{
    char              *error;
    const char        *wrong;
    PQconninfoOption  *option, *o;

    error = NULL;
    wrong = NULL;
    option = PQconninfoParse(where, &error);

    if (option == NULL) {
        PQfreemem(error);
        return "has to be a file, or a URI as libpq knows it: "
               "postgresql://USER@HOST:PORT/NAME?PARAMETER=VALUE";
    }

    for (o = option; o->keyword; o++) {
        if (o->val && (strcmp(o->keyword, "password") == 0
                       || strcmp(o->keyword, "sslpassword") == 0))
        {
            wrong = "may not have a password inside, name a file of mode "
                    "0600 that has it: ?passfile=PATH, a line "
                    "HOST:PORT:NAME:USER:PASSWORD";
        }
    }

    PQconninfoFree(option);

    return wrong;
}


static void *
hars_pg_open(const char *where)
{
    hars_pg_t  *conn;

    conn = calloc(1, sizeof(hars_pg_t));
    if (conn == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    conn->pg = hars_pg_connect(where);

    if (conn->pg == NULL || hars_pg_session(conn) != HARS_OK) {
        hars_log_error("see that the PostgreSQL of \"database\" runs and lets "
                       "this user in");
        hars_pg_close(conn);
        return NULL;
    }

    return conn;
}


/* what the URI says comes last, and goes before the presets */
static PGconn *
hars_pg_connect(const char *where)
{
    PGconn  *pg;

    const char *const  name[] = {
        "connect_timeout", "tcp_user_timeout", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "target_session_attrs",
        "sslmode", "gssencmode", "fallback_application_name", "dbname",
        "client_encoding", NULL
    };
    const char *const  value[] = {
        "3", "8000", "5", "2", "3", "read-write",
        "verify-full", "disable", "hars-authserver", where,
        "UTF8", NULL
    };

    pg = PQconnectdbParams(name, value, 1);

    if (pg == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    if (PQstatus(pg) != CONNECTION_OK) {
        hars_pg_say(PQerrorMessage(pg), NULL);
        PQfinish(pg);
        return NULL;
    }

    return pg;
}


static int
hars_pg_session(hars_pg_t *conn)
{
    PQsetNoticeProcessor(conn->pg, hars_pg_notice, NULL);

    if (PQsetnonblocking(conn->pg, 1) != 0) {
        hars_pg_say(PQerrorMessage(conn->pg), NULL);
        return HARS_ERROR;
    }

    if (hars_pg_exec(conn, HARS_PG_SESSION) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_pg_durable(conn);
}


static int
hars_pg_durable(hars_pg_t *conn)
{
    int        remote;
    PGresult  *result;

    result = hars_pg_query(conn, "SELECT current_setting('fsync'),"
                                 " current_setting('synchronous_commit')");
    if (result == NULL) {
        return HARS_ERROR;
    }

    if (strcmp(PQgetvalue(result, 0, 0), "on") != 0) {
        hars_log_error("database: fsync is off at the server, which would "
                       "lose what was answered: turn it on");
        PQclear(result);
        return HARS_ERROR;
    }

    remote = (strcmp(PQgetvalue(result, 0, 1), "remote_apply") == 0);
    PQclear(result);

    return remote ? HARS_OK
                  : hars_pg_exec(conn, "SET synchronous_commit = on");
}


static void
hars_pg_notice(void *data, const char *message)
{
    (void) data;

    hars_pg_say(message, NULL);
}


static void
hars_pg_close(void *data)
{
    hars_pg_t  *conn;

    conn = data;

    PQclear(conn->result);
    PQfinish(conn->pg);
    free(conn);
}


static int
hars_pg_lost(void *data)
{
    hars_pg_t  *conn;

    conn = data;

    return conn->broken || PQstatus(conn->pg) != CONNECTION_OK;
}


static int
hars_pg_contended(void *data)
{
    return ((hars_pg_t *) data)->contended;
}


static int
hars_pg_exec(void *data, const char *sql)
{
    int         rc;
    PGresult   *result;
    hars_pg_t  *conn;

    conn = data;
    rc = HARS_OK;

    /* it ended the transaction already */

    if (strcmp(sql, "ROLLBACK") == 0
        && PQtransactionStatus(conn->pg) == PQTRANS_IDLE)
    {
        return HARS_OK;
    }

    result = hars_pg_query(conn, sql);

    if (result == NULL) {
        return HARS_ERROR;
    }

    /* one in which something failed is rolled back, and that is no error */

    if (strcmp(sql, "COMMIT") == 0
        && strcmp(PQcmdStatus(result), "COMMIT") != 0)
    {
        hars_log_error("database: a transaction was not committed");
        rc = HARS_ERROR;
    }

    PQclear(result);

    return rc;
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


/* statements without parameters; the last one's answer, as text */
static PGresult *
hars_pg_query(hars_pg_t *conn, const char *sql)
{
    return hars_pg_result(conn, PQsendQuery(conn->pg, sql));
}


/* the answer to what was sent, its last part; NULL: logged */
static PGresult *
hars_pg_result(hars_pg_t *conn, int sent)
{
    PGresult  *result, *next;

    result = NULL;
    conn->contended = 0;

    if (!sent) {
        hars_pg_failed(conn, NULL);
        return NULL;
    }

    while (hars_pg_wait(conn) == HARS_OK
           && (next = PQgetResult(conn->pg)) != NULL)
    {
        PQclear(result);
        result = next;
    }

    if (result && !conn->broken
        && (PQresultStatus(result) == PGRES_COMMAND_OK
            || PQresultStatus(result) == PGRES_TUPLES_OK))
    {
        return result;
    }

    hars_pg_failed(conn, result);
    PQclear(result);

    return NULL;
}


/* PQgetResult() will not block */
static int
hars_pg_wait(hars_pg_t *conn)
{
    int            flush;
    int64_t        left, end;
    struct pollfd  fd;

    end = hars_pg_now() + HARS_PG_WAIT;

    for ( ;; ) {
        flush = PQflush(conn->pg);

        /* an error is in the result */

        if (flush < 0 || (flush == 0 && !PQisBusy(conn->pg))) {
            return HARS_OK;
        }

        left = end - hars_pg_now();
        fd.fd = PQsocket(conn->pg);
        fd.events = (short) (POLLIN | (flush ? POLLOUT : 0));

        if (left <= 0 || fd.fd < 0) {
            conn->broken = 1;
            return HARS_ERROR;
        }

        if (poll(&fd, 1, (int) left) > 0
            && (fd.revents & ~POLLOUT) && !PQconsumeInput(conn->pg))
        {
            return HARS_OK;
        }
    }
}


static int64_t
hars_pg_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/*
 * A connection is of no use any more where the server ends it (57P..), became
 * a standby (25006) or does not know our statements (26000, 0A000).
 */
static void
hars_pg_failed(hars_pg_t *conn, const PGresult *result)
{
    const char  *state, *message;

    state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                     : NULL;

    if (state) {
        conn->contended = (strcmp(state, "40001") == 0
                           || strcmp(state, "40P01") == 0);

        if (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0
            || strcmp(state, "25006") == 0 || strcmp(state, "26000") == 0
            || strcmp(state, "0A000") == 0)
        {
            conn->broken = 1;
        }
    }

    if (message == NULL) {
        message = conn->broken ? "no answer" : PQerrorMessage(conn->pg);
    }

    hars_pg_say(message, state);
}


/* without details, which have values */
static void
hars_pg_say(const char *message, const char *state)
{
    char    text[512], *p;
    size_t  len;

    snprintf(text, sizeof(text), "%s", message);

    for (p = text; *p; p++) {
        if (*p == '\n' || *p == '\t') {
            *p = ' ';
        }
    }

    for (len = strlen(text); len && text[len - 1] == ' '; len--) {
        text[len - 1] = '\0';
    }

    if (state) {
        hars_log_error("database: %s (%s)", text, state);

    } else {
        hars_log_error("database: %s", text);
    }
}
