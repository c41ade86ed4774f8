
/* See hars_as_redis.h for what this is. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* pthread_mutex_clocklock() */
#endif

#include "hars_as_redis.h"
#include "hars_as_cluster.h"
#include "hars_as_conn.h"
#include "hars_as_master.h"
#include "hars_log.h"
#include "hars_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


struct hars_redis_s {
    const hars_redis_conf_t  *conf;
    hars_conn_conf_t          conn_conf;
    unsigned                  at;         /* the main thread's: server */
    pthread_mutex_t           mutex;      /* of what follows */
    hars_conn_t              *conn;       /* NULL: not connected */
    hars_cluster_t           *cluster;    /* NULL: it is none */
    unsigned                  down:1;     /* the log knows */
};


static int hars_redis_tls(hars_redis_t *redis);
static int hars_redis_alive(hars_redis_t *redis);
static int hars_redis_pipeline(hars_redis_t *redis, int64_t deadline,
    const hars_redis_command_t *command, unsigned n);
static int hars_redis_lock(hars_redis_t *redis, int64_t deadline);
static void hars_redis_failed(hars_redis_t *redis, const char *server,
    const char *error);
static void hars_redis_up(hars_redis_t *redis, const char *server);


int
hars_redis_server(const char *server)
{
    return hars_conn_server(server);
}


hars_redis_t *
hars_redis_create(const hars_redis_conf_t *conf)
{
    hars_redis_t  *redis;

    redis = calloc(1, sizeof(hars_redis_t));

    if (redis == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    redis->conf = conf;
    redis->conn_conf.name = conf->tls_name;
    redis->conn_conf.timeout = conf->timeout;
    pthread_mutex_init(&redis->mutex, NULL);

    if (conf->tls && hars_redis_tls(redis) != HARS_OK) {
        hars_redis_free(redis);
        return NULL;
    }

    if (conf->cluster) {
        redis->cluster = hars_cluster_create(conf, &redis->conn_conf,
                                             &redis->mutex);
        if (redis->cluster == NULL) {
            hars_log_error("no memory");
            hars_redis_free(redis);
            return NULL;
        }
    }

    return redis;
}


static int
hars_redis_tls(hars_redis_t *redis)
{
    char                      error[HARS_CONN_ERROR];
    const hars_redis_conf_t  *conf;

    conf = redis->conf;
    redis->conn_conf.tls = hars_conn_tls(conf->tls_ca, conf->tls_cert,
                                         conf->tls_key, error);

    if (redis->conn_conf.tls) {
        return HARS_OK;
    }

    hars_log_error("TLS to Redis: one of \"%s\", \"%s\", \"%s\" cannot be "
                   "used: %s", conf->tls_ca,
                   conf->tls_cert ? conf->tls_cert : "",
                   conf->tls_key ? conf->tls_key : "", error);

    return HARS_ERROR;
}


void
hars_redis_free(hars_redis_t *redis)
{
    if (redis == NULL) {
        return;
    }

    hars_cluster_free(redis->cluster);
    hars_conn_close(redis->conn);
    hars_conn_tls_free(redis->conn_conf.tls);
    pthread_mutex_destroy(&redis->mutex);
    free(redis);
}


int
hars_redis_connect(hars_redis_t *redis)
{
    int           rc;
    char          error[HARS_CONN_ERROR];
    hars_conn_t  *conn;

    rc = HARS_ERROR;
    conn = NULL;

    if (redis->cluster) {
        rc = hars_cluster_connect(redis->cluster, error);

    } else if (hars_redis_alive(redis) == HARS_OK) {
        return HARS_OK;

    } else {

        /* nobody else makes connections, and nobody waits for this one */

        conn = hars_master_open(redis->conf, &redis->conn_conf, &redis->at,
                                error);
        rc = conn ? HARS_OK : HARS_ERROR;
    }

    pthread_mutex_lock(&redis->mutex);

    if (conn) {
        redis->conn = conn;
    }

    if (rc == HARS_OK) {
        hars_redis_up(redis, conn ? hars_conn_name(conn)
                                  : redis->conf->server[0]);
    } else {
        hars_redis_failed(redis, redis->conf->server[0], error);
    }

    pthread_mutex_unlock(&redis->mutex);

    return rc;
}


/* is there a connection, and still one to a master? */
static int
hars_redis_alive(hars_redis_t *redis)
{
    int      rc;
    int64_t  deadline;

    deadline = hars_conn_deadline(&redis->conn_conf);

    if (hars_redis_lock(redis, deadline) != HARS_OK) {

        /* somebody uses it */

        return HARS_OK;
    }

    rc = HARS_ERROR;

    if (redis->conn) {
        rc = hars_master_check(redis->conf, redis->conn, deadline);

        if (rc != HARS_OK) {
            hars_redis_failed(redis, hars_conn_name(redis->conn),
                              hars_conn_error(redis->conn));
        }
    }

    pthread_mutex_unlock(&redis->mutex);

    return rc;
}


int
hars_redis_runs(hars_redis_t *redis, char runs[HARS_REDIS_RUNS])
{
    int  rc;

    rc = HARS_ERROR;

    pthread_mutex_lock(&redis->mutex);

    if (redis->cluster) {
        rc = hars_cluster_runs(redis->cluster, runs);

    } else if (redis->conn) {
        strcpy(runs, hars_conn_run(redis->conn));
        rc = HARS_OK;
    }

    pthread_mutex_unlock(&redis->mutex);

    return rc;
}


int
hars_redis_run(hars_redis_t *redis, const hars_redis_command_t *command,
    unsigned n)
{
    int      rc;
    char     error[HARS_CONN_ERROR];
    int64_t  deadline;

    deadline = hars_conn_deadline(&redis->conn_conf);

    if (hars_redis_lock(redis, deadline) != HARS_OK) {
        return HARS_ERROR;
    }

    /* who waited for others does not take their time for Redis' */

    deadline = hars_conn_deadline(&redis->conn_conf);

    rc = HARS_ERROR;

    if (redis->cluster) {
        rc = hars_cluster_run(redis->cluster, deadline, command, n, error);

        if (rc != HARS_OK) {
            hars_redis_failed(redis, redis->conf->server[0], error);
        }

    } else if (redis->conn) {
        rc = hars_redis_pipeline(redis, deadline, command, n);

        if (rc != HARS_OK) {
            hars_redis_failed(redis, hars_conn_name(redis->conn),
                              hars_conn_error(redis->conn));
        }
    }

    pthread_mutex_unlock(&redis->mutex);

    return rc;
}


static int
hars_redis_pipeline(hars_redis_t *redis, int64_t deadline,
    const hars_redis_command_t *command, unsigned n)
{
    int           rc;
    unsigned      i;
    redisReply   *reply;
    hars_conn_t  *conn;

    conn = redis->conn;

    for (i = 0; i < n; i++) {
        if (hars_master_append(conn, &command[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    if (hars_conn_flush(conn, deadline) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (hars_conn_receive(conn, deadline, &reply) != HARS_OK) {
            return HARS_ERROR;
        }

        rc = hars_master_take(conn, &command[i], reply);
        freeReplyObject(reply);

        if (rc != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* another request's command is in the way for a timeout at most */
static int
hars_redis_lock(hars_redis_t *redis, int64_t deadline)
{
    struct timespec  ts;

    ts.tv_sec = deadline / 1000;
    ts.tv_nsec = (deadline % 1000) * 1000000;

    return pthread_mutex_clocklock(&redis->mutex, CLOCK_MONOTONIC, &ts) == 0
           ? HARS_OK : HARS_ERROR;
}


/* under the mutex; the texts may be the connection's */
static void
hars_redis_failed(hars_redis_t *redis, const char *server, const char *error)
{
    if (!redis->down) {
        redis->down = 1;
        hars_log_error("redis \"%s\": %s", server, error);
    }

    hars_conn_close(redis->conn);
    redis->conn = NULL;
}


/* under the mutex */
static void
hars_redis_up(hars_redis_t *redis, const char *server)
{
    if (redis->down) {
        redis->down = 0;
        hars_log_info("redis \"%s\" is back", server);
    }
}
