
/*
 * See hars_as_redis.h for what this is.  The context is a non-blocking one,
 * driven by poll() against a monotonic deadline: timeouts of the socket
 * would begin anew with each byte of a slow answer.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* pthread_mutex_clocklock() */
#endif

#include "hars_as_redis.h"
#include "hars_log.h"
#include "hars_record.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <hiredis/hiredis.h>


#define HARS_REDIS_HOST  256


struct hars_redis_s {
    const hars_redis_conf_t  *conf;
    pthread_mutex_t           mutex;      /* of what follows */
    redisContext             *context;    /* NULL: not connected */
    unsigned                  down:1;     /* the log knows */
};


static redisContext *hars_redis_open(const hars_redis_conf_t *conf);
static int hars_redis_hello(const hars_redis_conf_t *conf, redisContext *c,
    int64_t deadline, const char **error);
static int hars_redis_address(const char *server, char *host, size_t size,
    int *port);
static int hars_redis_command(redisContext *c, int64_t deadline, int argc,
    const char **argv, const size_t *len, const char **error);
static int hars_redis_commands(redisContext *c, int64_t deadline,
    const hars_redis_command_t *command, unsigned n, const char **error);
static int hars_redis_reply(redisContext *c, int64_t deadline,
    redisReply **reply);
static int hars_redis_wait(redisContext *c, int64_t deadline, short events);
static int hars_redis_lock(hars_redis_t *redis, int64_t deadline);
static void hars_redis_failed(hars_redis_t *redis, const char *error);
static int64_t hars_redis_now(void);


int
hars_redis_server(const char *server)
{
    int   port;
    char  host[HARS_REDIS_HOST];

    if (strncmp(server, "unix:", 5) == 0) {
        return server[5] == '/';
    }

    return hars_redis_address(server, host, sizeof(host), &port) == HARS_OK;
}


hars_redis_t *
hars_redis_create(const hars_redis_conf_t *conf)
{
    hars_redis_t  *redis;

    redis = calloc(1, sizeof(hars_redis_t));

    if (redis) {
        redis->conf = conf;
        pthread_mutex_init(&redis->mutex, NULL);
    }

    return redis;
}


void
hars_redis_free(hars_redis_t *redis)
{
    if (redis == NULL) {
        return;
    }

    if (redis->context) {
        redisFree(redis->context);
    }

    pthread_mutex_destroy(&redis->mutex);
    free(redis);
}


int
hars_redis_connect(hars_redis_t *redis)
{
    int            rc;
    int64_t        deadline;
    const char    *error;
    redisContext  *c;

    deadline = hars_redis_now() + (int64_t) redis->conf->timeout;

    if (hars_redis_lock(redis, deadline) != HARS_OK) {
        return HARS_ERROR;
    }

    if (redis->context) {
        rc = hars_redis_command(redis->context, deadline, 1,
                                (const char *[]) { "PING" },
                                (const size_t []) { 4 }, &error);
        if (rc != HARS_OK) {
            hars_redis_failed(redis, error);
        }
    }

    c = redis->context;
    pthread_mutex_unlock(&redis->mutex);

    if (c) {
        return HARS_OK;
    }

    /* nobody else makes connections, and nobody waits for this one */

    error = "no memory";
    c = hars_redis_open(redis->conf);
    deadline = hars_redis_now() + (int64_t) redis->conf->timeout;

    if (c && hars_redis_hello(redis->conf, c, deadline, &error) == HARS_OK) {
        pthread_mutex_lock(&redis->mutex);

        redis->context = c;

        if (redis->down) {
            redis->down = 0;
            hars_log_info("redis \"%s\" is back", redis->conf->server);
        }

        pthread_mutex_unlock(&redis->mutex);

        return HARS_OK;
    }

    pthread_mutex_lock(&redis->mutex);
    hars_redis_failed(redis, error);
    pthread_mutex_unlock(&redis->mutex);

    if (c) {
        redisFree(c);
    }

    return HARS_ERROR;
}


static redisContext *
hars_redis_open(const hars_redis_conf_t *conf)
{
    int   port;
    char  host[HARS_REDIS_HOST];

    if (strncmp(conf->server, "unix:", 5) == 0) {
        return redisConnectUnixNonBlock(conf->server + 5);
    }

    if (hars_redis_address(conf->server, host, sizeof(host), &port)
        != HARS_OK)
    {
        return NULL;
    }

    return redisConnectNonBlock(host, port);
}


/* the end of connect(), AUTH, SELECT; PING where neither is needed */
static int
hars_redis_hello(const hars_redis_conf_t *conf, redisContext *c,
    int64_t deadline, const char **error)
{
    int          n;
    char         db[24];
    size_t       len[3], i;
    const char  *argv[3];

    *error = c->errstr;

    if (c->err || hars_redis_wait(c, deadline, POLLOUT) != HARS_OK) {
        return HARS_ERROR;
    }

    if (conf->password) {
        n = 0;
        argv[n++] = "AUTH";

        if (conf->user) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        for (i = 0; i < (size_t) n; i++) {
            len[i] = strlen(argv[i]);
        }

        if (hars_redis_command(c, deadline, n, argv, len, error) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    if (conf->db == 0) {
        return hars_redis_command(c, deadline, 1,
                                  (const char *[]) { "PING" },
                                  (const size_t []) { 4 }, error);
    }

    argv[0] = "SELECT";
    argv[1] = db;
    len[0] = strlen(argv[0]);
    len[1] = (size_t) snprintf(db, sizeof(db), "%lu", conf->db);

    return hars_redis_command(c, deadline, 2, argv, len, error);
}


/* HOST:PORT, [IPv6]:PORT */
static int
hars_redis_address(const char *server, char *host, size_t size, int *port)
{
    char        *end;
    long         n;
    size_t       len;
    const char  *colon;

    colon = strrchr(server, ':');

    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return HARS_ERROR;
    }

    n = strtol(colon + 1, &end, 10);
    len = (size_t) (colon - server);

    if (*end != '\0' || n < 1 || n > 65535) {
        return HARS_ERROR;
    }

    if (len > 2 && server[0] == '[' && server[len - 1] == ']') {
        server++;
        len -= 2;

    } else if (memchr(server, ':', len) || memchr(server, '[', len)) {
        return HARS_ERROR;
    }

    if (len == 0 || len >= size) {
        return HARS_ERROR;
    }

    memcpy(host, server, len);
    host[len] = '\0';
    *port = (int) n;

    return HARS_OK;
}


int
hars_redis_run(hars_redis_t *redis, const hars_redis_command_t *command,
    unsigned n)
{
    int          rc;
    int64_t      deadline;
    const char  *error;

    deadline = hars_redis_now() + (int64_t) redis->conf->timeout;

    if (hars_redis_lock(redis, deadline) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = HARS_ERROR;

    if (redis->context) {
        rc = hars_redis_commands(redis->context, deadline, command, n,
                                 &error);
        if (rc != HARS_OK) {
            hars_redis_failed(redis, error);
        }
    }

    pthread_mutex_unlock(&redis->mutex);

    return rc;
}


static int
hars_redis_commands(redisContext *c, int64_t deadline,
    const hars_redis_command_t *command, unsigned n, const char **error)
{
    unsigned     i;
    redisReply  *reply;

    *error = "no memory";

    for (i = 0; i < n; i++) {
        if (redisAppendCommandArgv(c, (int) command[i].argc, command[i].argv,
                                   command[i].len) != REDIS_OK)
        {
            return HARS_ERROR;
        }
    }

    for (i = 0; i < n; i++) {
        *error = "it does not answer in time";

        if (hars_redis_reply(c, deadline, &reply) != HARS_OK) {
            if (c->err) {
                *error = c->errstr;
            }

            return HARS_ERROR;
        }

        if (reply->type == REDIS_REPLY_ERROR) {

            /* "NOAUTH ...", "READONLY ...": the context lends its buffer */

            snprintf(c->errstr, sizeof(c->errstr), "%s", reply->str);
            *error = c->errstr;
            freeReplyObject(reply);

            return HARS_ERROR;
        }

        if (command[i].text) {
            snprintf(command[i].text, command[i].size, "%s",
                     reply->str ? reply->str : "");
        }

        freeReplyObject(reply);
    }

    return HARS_OK;
}


static int
hars_redis_command(redisContext *c, int64_t deadline, int argc,
    const char **argv, const size_t *len, const char **error)
{
    hars_redis_command_t  command = { .argc = (unsigned) argc,
                                      .argv = argv, .len = len };

    return hars_redis_commands(c, deadline, &command, 1, error);
}


static int
hars_redis_reply(redisContext *c, int64_t deadline, redisReply **reply)
{
    int    done;
    void  *got;

    for (done = 0; !done; ) {
        if (hars_redis_wait(c, deadline, POLLOUT) != HARS_OK
            || redisBufferWrite(c, &done) != REDIS_OK)
        {
            return HARS_ERROR;
        }
    }

    for ( ;; ) {
        got = NULL;

        if (redisReaderGetReply(c->reader, &got) != REDIS_OK) {
            return HARS_ERROR;
        }

        if (got) {
            *reply = got;
            return HARS_OK;
        }

        if (hars_redis_wait(c, deadline, POLLIN) != HARS_OK
            || redisBufferRead(c) != REDIS_OK)
        {
            return HARS_ERROR;
        }
    }
}


static int
hars_redis_wait(redisContext *c, int64_t deadline, short events)
{
    int            rc;
    int64_t        left;
    struct pollfd  pfd;

    pfd.fd = c->fd;
    pfd.events = events;

    do {
        left = deadline - hars_redis_now();

        if (left <= 0) {
            return HARS_ERROR;
        }

        rc = poll(&pfd, 1, (int) left);

    } while (rc == -1 && errno == EINTR);

    return (rc > 0) ? HARS_OK : HARS_ERROR;
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


/* under the mutex; "error" may be the context's */
static void
hars_redis_failed(hars_redis_t *redis, const char *error)
{
    if (!redis->down) {
        redis->down = 1;
        hars_log_error("redis \"%s\": %s", redis->conf->server, error);
    }

    if (redis->context) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}


static int64_t
hars_redis_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
