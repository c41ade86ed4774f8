
/*
 * Has this Redis been told everything?  The mark is the run id of the server
 * that has: `{revoked}run` of docs/architecture.md.  A server that has
 * restarted has another id, one that was flushed has no mark, and one that
 * comes back after another was told has an old one.  In a Cluster
 * the mark is one for all, so a change of any master is seen by its number.
 *
 *     mark = run id?    yes: nothing to do
 *     no:  mark "", tombstones, thumbprints, mark = run id if it is there
 *
 * A flush meanwhile takes the mark away, so that the last step fails, and all
 * begins anew.  No request waits for any of it longer than for one batch.
 */

#include "hars_as_publish.h"
#include "hars_as_publish_private.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_REFRESH_INFO   16384
#define HARS_REFRESH_RUN    41            /* 40 digits */
#define HARS_REFRESH_BATCH  64            /* commands in one round trip */
#define HARS_REFRESH_PRUNE  60            /* s */


typedef int (*hars_refresh_page_pt)(hars_store_t *store, int64_t now,
    hars_outbox_t *row, unsigned *n);
typedef int (*hars_refresh_make_pt)(hars_publish_t *publish,
    hars_publish_command_t *command, const hars_outbox_t *row, int64_t now);


static int hars_refresh_told(hars_publish_t *publish,
    char run[HARS_REFRESH_RUN]);
static int hars_refresh_run(const char *info, char run[HARS_REFRESH_RUN]);
static int hars_refresh_mark(hars_publish_t *publish, const char *run,
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
    int       rc;
    char      run[HARS_REFRESH_RUN];
    uint64_t  changes;
    unsigned  tokens, certs;

    /* a master of a Cluster that has no mark of its own counts as well */

    changes = hars_redis_changes(publish->redis);
    rc = hars_refresh_told(publish, run);

    /* one that was away may come back with its old mark */

    if (rc == HARS_OK && publish->told[0]
        && strcmp(publish->told, run) != 0)
    {
        rc = HARS_DECLINED;
    }

    if (rc == HARS_OK && changes == publish->changes) {
        memcpy(publish->told, run, sizeof(publish->told));

        if (now < publish->pruned + HARS_REFRESH_PRUNE) {
            return HARS_OK;
        }

        publish->pruned = now;

        return hars_refresh_prune(publish, now);
    }

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    tokens = 0;
    certs = 0;

    if (hars_refresh_mark(publish, "", 0) != HARS_OK
        || hars_refresh_all(publish, store, now, hars_store_revoked,
                            hars_publish_tombstone, &tokens) != HARS_OK
        || hars_refresh_all(publish, store, now, hars_store_revoked_certs,
                            hars_publish_zadd, &certs) != HARS_OK
        || hars_refresh_prune(publish, now) != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = hars_refresh_mark(publish, run, 1);

    if (rc == HARS_OK) {
        publish->pruned = now;
        publish->changes = changes;
        memcpy(publish->told, run, sizeof(publish->told));
        hars_log_info("redis knows of %u revoked tokens and %u revoked "
                      "certificates", tokens, certs);
    }

    return rc;
}


/* HARS_DECLINED: it has not, and is to be marked with "run" */
static int
hars_refresh_told(hars_publish_t *publish, char run[HARS_REFRESH_RUN])
{
    int                     rc;
    char                    mark[HARS_REFRESH_RUN + 1], *info;
    hars_redis_command_t    command[2];
    hars_publish_command_t  get, ask;

    info = malloc(HARS_REFRESH_INFO);

    if (info == NULL
        || hars_publish_name(publish, get.name, HARS_PUBLISH_RUN,
                             strlen(HARS_PUBLISH_RUN)) != HARS_OK)
    {
        free(info);
        return HARS_ERROR;
    }

    get.argc = 0;
    hars_publish_arg(&get, "GET", 3);
    hars_publish_arg(&get, get.name, strlen(get.name));
    command[0] = hars_publish_command(&get);
    command[0].text = mark;
    command[0].size = sizeof(mark);

    ask.argc = 0;
    hars_publish_arg(&ask, "INFO", 4);
    hars_publish_arg(&ask, "server", 6);
    command[1] = hars_publish_command(&ask);
    command[1].route = get.name;
    command[1].text = info;
    command[1].size = HARS_REFRESH_INFO;

    rc = hars_redis_run(publish->redis, command, 2);

    if (rc == HARS_OK) {
        rc = hars_refresh_run(info, run);
    }

    free(info);

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    return (strcmp(mark, run) == 0) ? HARS_OK : HARS_DECLINED;
}


static int
hars_refresh_run(const char *info, char run[HARS_REFRESH_RUN])
{
    const char  *p;

    static const char  name[] = "\r\nrun_id:";

    p = strstr(info, name);

    if (p == NULL) {
        return HARS_ERROR;
    }

    p += sizeof(name) - 1;

    if (strspn(p, "0123456789abcdef") != HARS_REFRESH_RUN - 1) {
        return HARS_ERROR;
    }

    memcpy(run, p, HARS_REFRESH_RUN - 1);
    run[HARS_REFRESH_RUN - 1] = '\0';

    return HARS_OK;
}


/* "only" where there is a mark already; HARS_DECLINED: there is none */
static int
hars_refresh_mark(hars_publish_t *publish, const char *run, unsigned only)
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
    hars_publish_arg(&set, run, strlen(run));

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
