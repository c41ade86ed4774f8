
/*
 * A connection to PostgreSQL by libpq, for several servers on one database.
 * A commit is on the disk, and on a synchronous standby where there is one: a
 * server with fsync = off is refused, synchronous_commit is at least "on".
 *
 * Nothing waits for ever: statements, locks and idle transactions have limits
 * at the server, and what is not answered after a while here ends the
 * connection, whatever becomes of the server.
 *
 * All statements run at READ COMMITTED: an UPDATE or DELETE waits for the one
 * that changes its row and looks at its condition again, so what is used once
 * is used once by all servers.  What is only read has to be locked where it
 * decides: {SHARE} of the client's row (who disables it waits, or is seen) and
 * of the family's, {LOCK} of the certificate that another one follows.  A
 * revoked certificate is not: it counts when a token or a family is read.
 * Where locks cross one of the two fails, which hars_db_contended() tells, and
 * is done again alone.
 */

#include "hars_db_pg.h"
#include "hars_log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_PG_WAIT   8000               /* ms, longer than the limits below */
#define HARS_PG_AGAIN  200                /* ms, after it was away */

#define HARS_PG_SESSION                                                      \
    "SET statement_timeout = 5000;"                                          \
    "SET lock_timeout = 3000;"                                               \
    "SET idle_in_transaction_session_timeout = 5000;"                        \
    "SET client_min_messages = warning;"                                     \
    "SET default_transaction_isolation = 'read committed';"


static int hars_pg_away(int failed);
static PGconn *hars_pg_connect(const char *where);
static int hars_pg_session(hars_pg_t *conn);
static int hars_pg_durable(hars_pg_t *conn);
static void hars_pg_notice(void *data, const char *message);
static int hars_pg_wait(hars_pg_t *conn);
static int64_t hars_pg_now(void);
static void hars_pg_failed(hars_pg_t *conn, const PGresult *result);
static void hars_pg_say(const char *message, const char *state);


/* whoever reads the log, or the settings, reads no password */
const char *
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


void *
hars_pg_open(const char *where)
{
    hars_pg_t  *conn;

    if (hars_pg_away(0)) {
        return NULL;
    }

    conn = calloc(1, sizeof(hars_pg_t));
    if (conn == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    conn->pg = hars_pg_connect(where);

    if (conn->pg == NULL || hars_pg_session(conn) != HARS_OK) {
        hars_log_error("see that the PostgreSQL of \"database\" runs and lets "
                       "this user in");
        (void) hars_pg_away(1);
        hars_pg_close(conn);
        return NULL;
    }

    return conn;
}


/*
 * Was it away a moment ago?  The log knows, and neither that nor a PostgreSQL
 * that is about to come back gets as many attempts as there are requests.
 */
static int
hars_pg_away(int failed)
{
    static _Atomic int64_t  last;

    if (failed) {
        last = hars_pg_now();
    }

    return last && hars_pg_now() - last < HARS_PG_AGAIN;
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


void
hars_pg_close(void *data)
{
    hars_pg_t  *conn;

    conn = data;

    PQclear(conn->result);
    PQfinish(conn->pg);
    free(conn);
}


int
hars_pg_lost(void *data)
{
    hars_pg_t  *conn;

    conn = data;

    return conn->broken || PQstatus(conn->pg) != CONNECTION_OK;
}


int
hars_pg_contended(void *data)
{
    return ((hars_pg_t *) data)->contended;
}


unsigned
hars_pg_full(void *data)
{
    return ((hars_pg_t *) data)->full;
}


int
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


PGresult *
hars_pg_query(hars_pg_t *conn, const char *sql)
{
    return hars_pg_result(conn, PQsendQuery(conn->pg, sql));
}


PGresult *
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
        conn->full = (strcmp(state, "53100") == 0);

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
