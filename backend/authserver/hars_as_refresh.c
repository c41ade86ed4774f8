
/*
 * Has this Redis been told everything?  `{revoked}run` of docs/architecture.md
 * is the mark of it: a number, and the run ids of the servers that have been
 * told, those of all masters in a Cluster.  The database has the same.
 *
 *     Redis' mark = the database's, of the servers there are: nothing to do
 *     otherwise: a higher number into the database, Redis' mark "",
 *                tombstones, thumbprints, Redis' mark if it is there
 *
 * A server that has restarted has another id, one that was flushed has no
 * mark, one that comes back after another was told has an older number.  A
 * flush meanwhile takes the mark away, so that the last step fails, and all
 * begins anew.  No request waits for any of it longer than for one batch.  Of
 * several servers on one database one does it at a time.
 */

#include "hars_as_publish.h"
#include "hars_as_publish_private.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_REFRESH_BATCH  64            /* commands in one round trip */
#define HARS_REFRESH_PRUNE  60            /* s */


typedef int (*hars_refresh_page_pt)(hars_store_t *store, int64_t now,
    hars_outbox_t *row, unsigned *n);
typedef int (*hars_refresh_make_pt)(hars_publish_t *publish,
    hars_publish_command_t *command, const hars_outbox_t *row, int64_t now);


static int hars_refresh_due(hars_publish_t *publish, hars_store_t *store,
    char runs[HARS_REDIS_RUNS], char told[HARS_STORE_MARK]);
static int hars_refresh_tell(hars_publish_t *publish, hars_store_t *store,
    int64_t now, const char *runs, char told[HARS_STORE_MARK]);
static int hars_refresh_next(hars_store_t *store, int64_t now,
    const char *runs, char mark[HARS_STORE_MARK]);
static int hars_refresh_marked(hars_publish_t *publish,
    char mark[HARS_STORE_MARK]);
static int hars_refresh_mark(hars_publish_t *publish, const char *mark,
    unsigned only);
static int hars_refresh_all(hars_publish_t *publish, hars_store_t *store,
    int64_t now, hars_refresh_page_pt page, hars_refresh_make_pt make,
    unsigned *total);
static int hars_refresh_rows(hars_publish_t *publish,
    const hars_outbox_t *row, unsigned n, int64_t now,
    hars_refresh_make_pt make);
static int hars_refresh_prune(hars_publish_t *publish, int64_t now);


int
hars_publish_refresh(hars_publish_t *publish, hars_store_t *store,
    int64_t now)
{
    int         rc;
    char        runs[HARS_REDIS_RUNS], told[HARS_STORE_MARK];
    hars_db_t  *turn;

    rc = hars_refresh_due(publish, store, runs, told);

    if (rc == HARS_DECLINED) {

        if (now >= publish->pruned
            && now - publish->pruned < HARS_REFRESH_PRUNE)
        {
            return HARS_OK;
        }

        publish->pruned = now;

        return hars_refresh_prune(publish, now);
    }

    /* two at once would take each other's mark away, again and again */

    if (rc != HARS_OK || (rc = hars_store_turn(store, &turn)) != HARS_OK) {
        return rc;
    }

    rc = hars_refresh_due(publish, store, runs, told);

    if (rc == HARS_OK) {
        rc = hars_refresh_tell(publish, store, now, runs, told);

    } else if (rc == HARS_DECLINED) {
        rc = HARS_OK;
    }

    hars_store_turn_done(store, turn);

    return rc;
}


/* HARS_DECLINED: all is told; "told" is the database's mark */
static int
hars_refresh_due(hars_publish_t *publish, hars_store_t *store,
    char runs[HARS_REDIS_RUNS], char told[HARS_STORE_MARK])
{
    char        mark[HARS_STORE_MARK];
    const char *of;

    if (hars_redis_runs(publish->redis, runs) != HARS_OK
        || hars_refresh_marked(publish, mark) != HARS_OK
        || hars_store_told(store, told) != HARS_OK)
    {
        return HARS_ERROR;
    }

    of = strchr(told, ' ');

    return of && strcmp(of + 1, runs) == 0 && strcmp(mark, told) == 0
           ? HARS_DECLINED : HARS_OK;
}


static int
hars_refresh_tell(hars_publish_t *publish, hars_store_t *store, int64_t now,
    const char *runs, char told[HARS_STORE_MARK])
{
    int       rc;
    unsigned  tokens, certs;

    tokens = 0;
    certs = 0;

    if (hars_refresh_next(store, now, runs, told) != HARS_OK
        || hars_refresh_mark(publish, "", 0) != HARS_OK
        || hars_refresh_all(publish, store, now, hars_store_revoked,
                            hars_publish_tombstone, &tokens) != HARS_OK
        || hars_refresh_all(publish, store, now, hars_store_revoked_certs,
                            hars_publish_zadd, &certs) != HARS_OK
        || hars_refresh_prune(publish, now) != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = hars_refresh_mark(publish, told, 1);

    if (rc == HARS_OK) {
        publish->pruned = now;
        hars_log_info("redis knows of %u revoked tokens and %u revoked "
                      "certificates", tokens, certs);
    }

    return rc;
}


/* a number that no server was told with; the time, should the last be lost */
static int
hars_refresh_next(hars_store_t *store, int64_t now, const char *runs,
    char mark[HARS_STORE_MARK])
{
    long long  number;

    number = strtoll(mark, NULL, 10) + 1;

    if (number < now) {
        number = now;
    }

    snprintf(mark, HARS_STORE_MARK, "%lld %s", number, runs);

    return hars_store_tell(store, mark);
}


static int
hars_refresh_marked(hars_publish_t *publish, char mark[HARS_STORE_MARK])
{
    hars_redis_command_t    command;
    hars_publish_command_t  get;

    if (hars_publish_name(publish, get.name, HARS_PUBLISH_RUN,
                          strlen(HARS_PUBLISH_RUN)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    get.argc = 0;
    hars_publish_arg(&get, "GET", 3);
    hars_publish_arg(&get, get.name, strlen(get.name));
    command = hars_publish_command(&get);
    command.text = mark;
    command.size = HARS_STORE_MARK;

    return hars_redis_run(publish->redis, &command, 1);
}


static int
hars_refresh_mark(hars_publish_t *publish, const char *mark, unsigned only)
{
    char                    text[8];
    hars_redis_command_t    command;
    hars_publish_command_t  set;

    if (hars_publish_name(publish, set.name, HARS_PUBLISH_RUN,
                          strlen(HARS_PUBLISH_RUN)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    set.argc = 0;
    hars_publish_arg(&set, "SET", 3);
    hars_publish_arg(&set, set.name, strlen(set.name));
    hars_publish_arg(&set, mark, strlen(mark));

    if (only) {
        hars_publish_arg(&set, "XX", 2);
    }

    command = hars_publish_command(&set);
    command.text = text;
    command.size = sizeof(text);

    if (hars_redis_run(publish->redis, &command, 1) != HARS_OK) {
        return HARS_ERROR;
    }

    return strcmp(text, "OK") == 0 ? HARS_OK : HARS_DECLINED;
}


static int
hars_refresh_all(hars_publish_t *publish, hars_store_t *store, int64_t now,
    hars_refresh_page_pt page, hars_refresh_make_pt make, unsigned *total)
{
    unsigned       n;
    hars_outbox_t  row[HARS_STORE_BATCH];

    n = 0;

    do {
        if (page(store, now, row, &n) != HARS_OK
            || hars_refresh_rows(publish, row, n, now, make) != HARS_OK)
        {
            return HARS_ERROR;
        }

        *total += n;

    } while (n == HARS_STORE_BATCH);

    return HARS_OK;
}


static int
hars_refresh_rows(hars_publish_t *publish, const hars_outbox_t *row,
    unsigned n, int64_t now, hars_refresh_make_pt make)
{
    unsigned                i, end;
    hars_redis_command_t    command[HARS_REFRESH_BATCH];
    hars_publish_command_t  made[HARS_REFRESH_BATCH];

    while (n) {
        end = (n < HARS_REFRESH_BATCH) ? n : HARS_REFRESH_BATCH;

        for (i = 0; i < end; i++) {
            if (make(publish, &made[i], &row[i], now) != HARS_OK) {
                return HARS_ERROR;
            }

            command[i] = hars_publish_command(&made[i]);
        }

        if (hars_redis_run(publish->redis, command, end) != HARS_OK) {
            return HARS_ERROR;
        }

        row += end;
        n -= end;
    }

    return HARS_OK;
}


/* certificates that have ended: nobody gets past nginx with them */
static int
hars_refresh_prune(hars_publish_t *publish, int64_t now)
{
    hars_redis_command_t    command;
    hars_publish_command_t  prune;

    if (hars_publish_name(publish, prune.name, HARS_PUBLISH_CERTS,
                          strlen(HARS_PUBLISH_CERTS)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    snprintf(prune.number, sizeof(prune.number), "(%lld", (long long) now);

    prune.argc = 0;
    hars_publish_arg(&prune, "ZREMRANGEBYSCORE", 16);
    hars_publish_arg(&prune, prune.name, strlen(prune.name));
    hars_publish_arg(&prune, "-inf", 4);
    hars_publish_arg(&prune, prune.number, strlen(prune.number));
    command = hars_publish_command(&prune);

    return hars_redis_run(publish->redis, &command, 1);
}
