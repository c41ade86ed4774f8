
/* See hars_as_master.h for what this is. */

#include "hars_as_master.h"
#include "hars_record.h"

#include <stdio.h>
#include <string.h>


static hars_conn_t *hars_master_ready(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, const char *server,
    char error[HARS_CONN_ERROR]);
static int hars_master_of(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, const char *sentinel,
    char server[HARS_CONN_SERVER], char error[HARS_CONN_ERROR]);
static int hars_master_address(const redisReply *reply,
    char server[HARS_CONN_SERVER]);
static int hars_master_run(hars_conn_t *conn, int64_t deadline);
static int hars_master_words(hars_conn_t *conn, int64_t deadline, int n,
    const char **words, redisReply **reply);


hars_conn_t *
hars_master_open(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, unsigned *at,
    char error[HARS_CONN_ERROR])
{
    char          server[HARS_CONN_SERVER];
    unsigned      i;
    const char   *candidate;
    hars_conn_t  *conn;

    for (i = 0; i < conf->n; i++) {
        candidate = conf->server[*at];

        if (conf->sentinel) {
            if (hars_master_of(conf, conn_conf, candidate, server, error)
                == HARS_OK)
            {
                candidate = server;

            } else {
                candidate = NULL;
            }
        }

        conn = candidate ? hars_master_ready(conf, conn_conf, candidate,
                                             error)
                         : NULL;
        if (conn) {
            return conn;
        }

        *at = (*at + 1) % conf->n;
    }

    return NULL;
}


static hars_conn_t *
hars_master_ready(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, const char *server,
    char error[HARS_CONN_ERROR])
{
    int64_t       deadline;
    hars_conn_t  *conn;

    conn = hars_conn_open(conn_conf, server, 1, error);

    if (conn == NULL) {
        return NULL;
    }

    deadline = hars_conn_deadline(conn_conf);

    if (hars_master_hello(conf, conn, deadline) == HARS_OK
        && hars_master_check(conf, conn, deadline) == HARS_OK)
    {
        return conn;
    }

    snprintf(error, HARS_CONN_ERROR, "%s", hars_conn_error(conn));
    hars_conn_close(conn);

    return NULL;
}


/* what a Sentinel knows; the password is the server's, not its own */
static int
hars_master_of(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, const char *sentinel,
    char server[HARS_CONN_SERVER], char error[HARS_CONN_ERROR])
{
    int           rc;
    redisReply   *reply;
    const char   *words[] = { "SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                              conf->sentinel };
    hars_conn_t  *conn;

    conn = hars_conn_open(conn_conf, sentinel, 1, error);

    if (conn == NULL) {
        return HARS_ERROR;
    }

    rc = hars_master_words(conn, hars_conn_deadline(conn_conf), 3, words,
                           &reply);

    if (rc == HARS_OK) {
        rc = hars_master_address(reply, server);
        freeReplyObject(reply);

        if (rc != HARS_OK) {
            snprintf(error, HARS_CONN_ERROR, "this Sentinel knows no master "
                     "\"%s\"", conf->sentinel);
        }

    } else {
        snprintf(error, HARS_CONN_ERROR, "%s", hars_conn_error(conn));
    }

    hars_conn_close(conn);

    return rc;
}


/* [HOST, PORT] */
static int
hars_master_address(const redisReply *reply, char server[HARS_CONN_SERVER])
{
    int          n;
    const char  *host;

    if (reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return HARS_ERROR;
    }

    host = reply->element[0]->str;

    n = snprintf(server, HARS_CONN_SERVER,
                 strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
                 reply->element[1]->str);

    return (n > 0 && n < HARS_CONN_SERVER && hars_conn_server(server))
           ? HARS_OK : HARS_ERROR;
}


int
hars_master_check(const hars_redis_conf_t *conf, hars_conn_t *conn,
    int64_t deadline)
{
    int          rc;
    const char  *word;
    redisReply  *reply;

    word = (conf->sentinel || conf->n > 1) && !conf->cluster ? "ROLE"
                                                              : "PING";

    if (hars_master_words(conn, deadline, 1, &word, &reply) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = HARS_OK;

    if (word[0] == 'R'
        && (reply->type != REDIS_REPLY_ARRAY
            || reply->elements == 0
            || reply->element[0]->type != REDIS_REPLY_STRING
            || strcmp(reply->element[0]->str, "master") != 0))
    {
        rc = hars_conn_fail(conn, "it is no master");
    }

    freeReplyObject(reply);

    return rc;
}


int
hars_master_hello(const hars_redis_conf_t *conf, hars_conn_t *conn,
    int64_t deadline)
{
    int          n;
    char         db[24];
    const char  *words[3];
    redisReply  *reply;

    if (conf->password) {
        n = 0;
        words[n++] = "AUTH";

        if (conf->user) {
            words[n++] = conf->user;
        }

        words[n++] = conf->password;

        if (hars_master_words(conn, deadline, n, words, &reply) != HARS_OK) {
            return HARS_ERROR;
        }

        freeReplyObject(reply);
    }

    if (conf->db) {
        snprintf(db, sizeof(db), "%lu", conf->db);
        words[0] = "SELECT";
        words[1] = db;

        if (hars_master_words(conn, deadline, 2, words, &reply) != HARS_OK) {
            return HARS_ERROR;
        }

        freeReplyObject(reply);
    }

    return hars_master_run(conn, deadline);
}


/* another process, another run id: it may have forgotten everything */
static int
hars_master_run(hars_conn_t *conn, int64_t deadline)
{
    char        *run;
    const char  *p;
    const char  *words[] = { "INFO", "server" };
    redisReply  *reply;

    static const char  name[] = "\r\nrun_id:";

    if (hars_master_words(conn, deadline, 2, words, &reply) != HARS_OK) {
        return HARS_ERROR;
    }

    p = (reply->type == REDIS_REPLY_STRING) ? strstr(reply->str, name) : NULL;
    run = hars_conn_run(conn);

    if (p) {
        p += sizeof(name) - 1;

        if (strspn(p, "0123456789abcdef") == HARS_CONN_RUN - 1) {
            memcpy(run, p, HARS_CONN_RUN - 1);
            run[HARS_CONN_RUN - 1] = '\0';
        }
    }

    freeReplyObject(reply);

    return run[0] ? HARS_OK : hars_conn_fail(conn, "it has no run_id");
}


static int
hars_master_words(hars_conn_t *conn, int64_t deadline, int n,
    const char **words, redisReply **reply)
{
    int                  i;
    size_t               len[3];
    hars_conn_command_t  command = { .argc = n, .argv = words, .len = len };

    for (i = 0; i < n; i++) {
        len[i] = strlen(words[i]);
    }

    return hars_conn_ask(conn, deadline, &command, reply);
}


int
hars_master_append(hars_conn_t *conn, const hars_redis_command_t *command)
{
    hars_conn_command_t  c = { .argc = (int) command->argc,
                               .argv = command->argv,
                               .len = command->len };

    return hars_conn_append(conn, &c);
}


int
hars_master_take(hars_conn_t *conn, const hars_redis_command_t *command,
    const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        return hars_conn_fail(conn, reply->str);
    }

    if (command->text) {
        snprintf(command->text, command->size, "%s",
                 reply->str ? reply->str : "");
    }

    return HARS_OK;
}
