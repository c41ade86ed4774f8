
/* See hars_as_cluster.h for what this is. */

#include "hars_as_cluster.h"
#include "hars_as_master.h"
#include "hars_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_CLUSTER_NODES    HARS_REDIS_SERVERS
#define HARS_CLUSTER_NONE     0xff
#define HARS_CLUSTER_BATCH    128         /* commands in flight */
#define HARS_CLUSTER_HOPS     5           /* redirections of one command */
#define HARS_CLUSTER_HOST     256


typedef struct {
    char                      server[HARS_CONN_SERVER];    /* "": free */
    hars_conn_t              *conn;       /* NULL: not connected */
    unsigned                  master:1;   /* it has slots */
} hars_cluster_node_t;


struct hars_cluster_s {
    const hars_redis_conf_t  *conf;
    const hars_conn_conf_t   *conn_conf;

    /* the main thread's */
    hars_conn_t              *scout;      /* whom CLUSTER SLOTS is asked */
    unsigned                  at;         /* where the search begins */

    pthread_mutex_t          *mutex;      /* of what follows */
    hars_cluster_node_t       node[HARS_CLUSTER_NODES];
    unsigned char             slot[HARS_KEY_SLOTS];
};


static redisReply *hars_cluster_slots(hars_cluster_t *cluster,
    char error[HARS_CONN_ERROR]);
static redisReply *hars_cluster_ask(hars_cluster_t *cluster,
    char error[HARS_CONN_ERROR]);
static int hars_cluster_map(hars_cluster_t *cluster,
    const redisReply *reply);
static int hars_cluster_range(hars_cluster_t *cluster,
    const redisReply *range);
static int hars_cluster_compare(const void *one, const void *two);
static int hars_cluster_open(hars_cluster_t *cluster, unsigned i,
    unsigned resolve, char error[HARS_CONN_ERROR]);
static unsigned hars_cluster_node(hars_cluster_t *cluster, const char *host,
    const char *port, const char *near);
static void hars_cluster_host(const char *server, char *host);
static int hars_cluster_batch(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, unsigned n,
    char error[HARS_CONN_ERROR]);
static int hars_cluster_send(hars_cluster_t *cluster,
    const hars_redis_command_t *command, unsigned char *where,
    char error[HARS_CONN_ERROR]);
static int hars_cluster_answer(hars_cluster_t *cluster, unsigned i,
    int64_t deadline, const hars_redis_command_t *command,
    char error[HARS_CONN_ERROR]);
static int hars_cluster_follow(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, char error[HARS_CONN_ERROR]);
static unsigned hars_cluster_hop(hars_cluster_t *cluster, const char *text,
    const char *near, unsigned *asking);
static void hars_cluster_close(hars_cluster_node_t *node,
    char error[HARS_CONN_ERROR]);


hars_cluster_t *
hars_cluster_create(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, pthread_mutex_t *mutex)
{
    hars_cluster_t  *cluster;

    cluster = calloc(1, sizeof(hars_cluster_t));

    if (cluster) {
        cluster->conf = conf;
        cluster->conn_conf = conn_conf;
        cluster->mutex = mutex;
        memset(cluster->slot, HARS_CLUSTER_NONE, sizeof(cluster->slot));
    }

    return cluster;
}


void
hars_cluster_free(hars_cluster_t *cluster)
{
    unsigned  i;

    if (cluster == NULL) {
        return;
    }

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        hars_conn_close(cluster->node[i].conn);
    }

    hars_conn_close(cluster->scout);
    free(cluster);
}


int
hars_cluster_runs(hars_cluster_t *cluster, char runs[HARS_REDIS_RUNS])
{
    char                 *p;
    unsigned              i, n;
    const char           *run[HARS_CLUSTER_NODES];
    hars_cluster_node_t  *node;

    n = 0;

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        node = &cluster->node[i];

        if (!node->master) {
            continue;
        }

        if (node->conn == NULL) {
            return HARS_ERROR;
        }

        run[n++] = hars_conn_run(node->conn);
    }

    qsort(run, n, sizeof(run[0]), hars_cluster_compare);

    p = runs;
    *p = '\0';

    for (i = 0; i < n; i++) {
        p += sprintf(p, i ? " %s" : "%s", run[i]);
    }

    return n ? HARS_OK : HARS_ERROR;
}


static int
hars_cluster_compare(const void *one, const void *two)
{
    return strcmp(*(const char *const *) one, *(const char *const *) two);
}


int
hars_cluster_connect(hars_cluster_t *cluster, char error[HARS_CONN_ERROR])
{
    int          rc;
    unsigned     i;
    redisReply  *reply;

    reply = hars_cluster_slots(cluster, error);

    if (reply == NULL) {
        return HARS_ERROR;
    }

    pthread_mutex_lock(cluster->mutex);
    rc = hars_cluster_map(cluster, reply);
    pthread_mutex_unlock(cluster->mutex);

    freeReplyObject(reply);

    if (rc != HARS_OK) {
        snprintf(error, HARS_CONN_ERROR, "some slots have no master");
    }

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        if (cluster->node[i].master
            && hars_cluster_open(cluster, i, 1, error) != HARS_OK)
        {
            rc = HARS_ERROR;
        }
    }

    return rc;
}


/* asked whom it was asked last, then all that are known, in turn */
static redisReply *
hars_cluster_slots(hars_cluster_t *cluster, char error[HARS_CONN_ERROR])
{
    char         server[HARS_CONN_SERVER];
    unsigned     i, k, n;
    redisReply  *reply;

    reply = cluster->scout ? hars_cluster_ask(cluster, error) : NULL;

    n = cluster->conf->n + HARS_CLUSTER_NODES;
    snprintf(error, HARS_CONN_ERROR, "no server is known");

    for (i = 0; i < n && reply == NULL; i++) {
        k = (cluster->at + i) % n;

        if (k < cluster->conf->n) {
            snprintf(server, sizeof(server), "%s", cluster->conf->server[k]);

        } else {
            pthread_mutex_lock(cluster->mutex);
            strcpy(server, cluster->node[k - cluster->conf->n].server);
            pthread_mutex_unlock(cluster->mutex);
        }

        if (server[0] == '\0') {
            continue;
        }

        cluster->scout = hars_conn_open(cluster->conn_conf, server, 1, error);

        if (cluster->scout == NULL) {
            continue;
        }

        if (hars_master_hello(cluster->conf, cluster->scout,
                              hars_conn_deadline(cluster->conn_conf))
            != HARS_OK)
        {
            snprintf(error, HARS_CONN_ERROR, "%s",
                     hars_conn_error(cluster->scout));
            hars_conn_close(cluster->scout);
            cluster->scout = NULL;
            continue;
        }

        reply = hars_cluster_ask(cluster, error);
        cluster->at = k;
    }

    return reply;
}


static redisReply *
hars_cluster_ask(hars_cluster_t *cluster, char error[HARS_CONN_ERROR])
{
    redisReply           *reply;
    const char           *words[] = { "CLUSTER", "SLOTS" };
    const size_t          len[] = { 7, 5 };
    hars_conn_command_t   command = { .argc = 2, .argv = words, .len = len };

    if (hars_conn_ask(cluster->scout, hars_conn_deadline(cluster->conn_conf),
                      &command, &reply) == HARS_OK)
    {
        return reply;
    }

    snprintf(error, HARS_CONN_ERROR, "%s", hars_conn_error(cluster->scout));
    hars_conn_close(cluster->scout);
    cluster->scout = NULL;

    return NULL;
}


/* under the mutex; HARS_ERROR: slots without a master are left */
static int
hars_cluster_map(hars_cluster_t *cluster, const redisReply *reply)
{
    size_t  i;

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        cluster->node[i].master = 0;
    }

    memset(cluster->slot, HARS_CLUSTER_NONE, sizeof(cluster->slot));

    for (i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
    {
        if (hars_cluster_range(cluster, reply->element[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        if (!cluster->node[i].master) {
            hars_conn_close(cluster->node[i].conn);
            cluster->node[i].conn = NULL;
            cluster->node[i].server[0] = '\0';
        }
    }

    return memchr(cluster->slot, HARS_CLUSTER_NONE, sizeof(cluster->slot))
           ? HARS_ERROR : HARS_OK;
}


/* [first, last, [host, port, id, ...], replicas...] */
static int
hars_cluster_range(hars_cluster_t *cluster, const redisReply *range)
{
    char               port[24];
    unsigned           i;
    long long          first, last;
    const redisReply  *master, *host;

    if (range->type != REDIS_REPLY_ARRAY
        || range->elements < 3
        || range->element[0]->type != REDIS_REPLY_INTEGER
        || range->element[1]->type != REDIS_REPLY_INTEGER
        || range->element[2]->type != REDIS_REPLY_ARRAY
        || range->element[2]->elements < 2)
    {
        return HARS_ERROR;
    }

    first = range->element[0]->integer;
    last = range->element[1]->integer;
    master = range->element[2];
    host = master->element[0];

    if (first < 0 || last >= HARS_KEY_SLOTS || first > last
        || master->element[1]->type != REDIS_REPLY_INTEGER)
    {
        return HARS_ERROR;
    }

    snprintf(port, sizeof(port), "%lld", master->element[1]->integer);

    /* nil or "": where the question went to */

    i = hars_cluster_node(cluster, host->str ? host->str : "", port,
                          hars_conn_name(cluster->scout));

    if (i == HARS_CLUSTER_NONE) {
        return HARS_ERROR;
    }

    cluster->node[i].master = 1;
    memset(cluster->slot + first, (int) i, (size_t) (last - first + 1));

    return HARS_OK;
}


/* the main thread's: connected, and still there */
static int
hars_cluster_open(hars_cluster_t *cluster, unsigned i, unsigned resolve,
    char error[HARS_CONN_ERROR])
{
    int                   rc;
    char                  server[HARS_CONN_SERVER];
    hars_conn_t          *conn;
    hars_cluster_node_t  *node;

    node = &cluster->node[i];

    pthread_mutex_lock(cluster->mutex);

    rc = HARS_ERROR;
    strcpy(server, node->server);

    if (node->conn) {
        rc = hars_master_check(cluster->conf, node->conn,
                               hars_conn_deadline(cluster->conn_conf));
        if (rc != HARS_OK) {
            hars_cluster_close(node, error);
        }
    }

    pthread_mutex_unlock(cluster->mutex);

    if (rc == HARS_OK) {
        return HARS_OK;
    }

    conn = hars_conn_open(cluster->conn_conf, server, resolve, error);

    if (conn == NULL) {
        return HARS_ERROR;
    }

    rc = hars_master_hello(cluster->conf, conn,
                           hars_conn_deadline(cluster->conn_conf));
    if (rc == HARS_OK) {
        rc = hars_master_check(cluster->conf, conn,
                               hars_conn_deadline(cluster->conn_conf));
    }

    if (rc != HARS_OK) {
        snprintf(error, HARS_CONN_ERROR, "%s", hars_conn_error(conn));
        hars_conn_close(conn);
        return HARS_ERROR;
    }

    pthread_mutex_lock(cluster->mutex);

    if (node->conn == NULL && strcmp(node->server, server) == 0) {
        node->conn = conn;
        conn = NULL;
    }

    pthread_mutex_unlock(cluster->mutex);

    hars_conn_close(conn);

    return HARS_OK;
}


/* under the mutex: the server's place in the table, or NONE */
static unsigned
hars_cluster_node(hars_cluster_t *cluster, const char *host, const char *port,
    const char *near)
{
    int       n;
    char      same[HARS_CLUSTER_HOST], server[HARS_CONN_SERVER];
    unsigned  i, empty;

    if (*host == '\0') {
        hars_cluster_host(near, same);
        host = same;
    }

    n = snprintf(server, sizeof(server),
                 strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);

    if (n < 0 || (size_t) n >= sizeof(server) || !hars_conn_server(server)) {
        return HARS_CLUSTER_NONE;
    }

    empty = HARS_CLUSTER_NONE;

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        if (strcmp(cluster->node[i].server, server) == 0) {
            return i;
        }

        if (empty == HARS_CLUSTER_NONE
            && cluster->node[i].server[0] == '\0')
        {
            empty = i;
        }
    }

    if (empty != HARS_CLUSTER_NONE) {
        strcpy(cluster->node[empty].server, server);
    }

    return empty;
}


/* HOST of HOST:PORT, without brackets */
static void
hars_cluster_host(const char *server, char *host)
{
    const char  *colon;

    colon = strrchr(server, ':');

    if (colon == NULL) {
        colon = server;
    }

    if (server[0] == '[' && colon > server + 1) {
        server++;
        colon--;
    }

    snprintf(host, HARS_CLUSTER_HOST, "%.*s", (int) (colon - server), server);
}


int
hars_cluster_run(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, unsigned n,
    char error[HARS_CONN_ERROR])
{
    int       rc;
    unsigned  end;

    rc = HARS_OK;

    /*
     * What comes last is sent even where something before it failed: an
     * entry of the stream that comes twice is better than one that is late.
     */

    while (n) {
        for (end = 1; end < n && end < HARS_CLUSTER_BATCH; end++) {
            if (command[end].last) {
                break;
            }
        }

        rc |= hars_cluster_batch(cluster, deadline, command, end, error);

        command += end;
        n -= end;
    }

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


static int
hars_cluster_batch(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, unsigned n,
    char error[HARS_CONN_ERROR])
{
    int                   rc, done;
    unsigned              i;
    unsigned char         where[HARS_CLUSTER_BATCH];
    unsigned char         again[HARS_CLUSTER_BATCH];
    hars_cluster_node_t  *node;

    rc = HARS_OK;
    memset(again, 0, sizeof(again));

    for (i = 0; i < n; i++) {
        rc |= hars_cluster_send(cluster, &command[i], &where[i], error);
    }

    for (i = 0; i < HARS_CLUSTER_NODES; i++) {
        node = &cluster->node[i];

        if (node->conn && hars_conn_flush(node->conn, deadline) != HARS_OK) {
            hars_cluster_close(node, error);
        }
    }

    for (i = 0; i < n; i++) {
        if (where[i] == HARS_CLUSTER_NONE) {
            continue;
        }

        done = hars_cluster_answer(cluster, where[i], deadline, &command[i],
                                   error);
        if (done == HARS_DECLINED) {
            again[i] = 1;

        } else {
            rc |= done;
        }
    }

    /* not before: their connections may have had answers to come */

    for (i = 0; i < n; i++) {
        if (again[i]) {
            rc |= hars_cluster_follow(cluster, deadline, &command[i], error);
        }
    }

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


static int
hars_cluster_send(hars_cluster_t *cluster,
    const hars_redis_command_t *command, unsigned char *where,
    char error[HARS_CONN_ERROR])
{
    hars_cluster_node_t  *node;

    *where = cluster->slot[hars_key_slot(command->argv[1], command->len[1])];

    if (*where == HARS_CLUSTER_NONE || cluster->node[*where].conn == NULL) {
        *where = HARS_CLUSTER_NONE;
        snprintf(error, HARS_CONN_ERROR, "a master is away");
        return HARS_ERROR;
    }

    node = &cluster->node[*where];

    if (hars_master_append(node->conn, command) != HARS_OK) {
        hars_cluster_close(node, error);
        *where = HARS_CLUSTER_NONE;
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* HARS_DECLINED: it is to be asked elsewhere */
static int
hars_cluster_answer(hars_cluster_t *cluster, unsigned i, int64_t deadline,
    const hars_redis_command_t *command, char error[HARS_CONN_ERROR])
{
    int                   rc;
    unsigned              asking;
    redisReply           *reply;
    hars_cluster_node_t  *node;

    node = &cluster->node[i];

    /* closed when an answer before this one did not come */

    if (node->conn == NULL) {
        return HARS_ERROR;
    }

    if (hars_conn_receive(node->conn, deadline, &reply) != HARS_OK) {
        hars_cluster_close(node, error);
        return HARS_ERROR;
    }

    rc = hars_master_take(node->conn, command, reply);

    if (rc != HARS_OK) {
        if (hars_cluster_hop(cluster, reply->str, node->server, &asking)
            != HARS_CLUSTER_NONE)
        {
            rc = HARS_DECLINED;

        } else {
            snprintf(error, HARS_CONN_ERROR, "%s",
                     hars_conn_error(node->conn));
        }
    }

    freeReplyObject(reply);

    return rc;
}


/* one command, wherever it leads */
static int
hars_cluster_follow(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, char error[HARS_CONN_ERROR])
{
    int                    rc;
    unsigned               i, hops, asking;
    const char            *word = "ASKING";
    redisReply            *reply;
    hars_conn_command_t    first = { .argc = 1, .argv = &word,
                                     .len = (const size_t []) { 6 } };
    hars_conn_command_t    c = { .argc = (int) command->argc,
                                 .argv = command->argv,
                                 .len = command->len };
    hars_cluster_node_t   *node;

    i = cluster->slot[hars_key_slot(command->argv[1], command->len[1])];
    asking = 0;

    for (hops = 0; hops < HARS_CLUSTER_HOPS && i != HARS_CLUSTER_NONE;
         hops++)
    {
        node = &cluster->node[i];

        /* a server new to us; its address is one that needs no name server */

        if (node->conn == NULL) {
            node->conn = hars_conn_open(cluster->conn_conf, node->server, 0,
                                        error);
            if (node->conn == NULL) {
                return HARS_ERROR;
            }

            if (hars_master_hello(cluster->conf, node->conn, deadline)
                != HARS_OK)
            {
                hars_cluster_close(node, error);
                return HARS_ERROR;
            }
        }

        if ((asking && hars_conn_append(node->conn, &first) != HARS_OK)
            || hars_conn_append(node->conn, &c) != HARS_OK
            || hars_conn_flush(node->conn, deadline) != HARS_OK)
        {
            hars_cluster_close(node, error);
            return HARS_ERROR;
        }

        reply = NULL;
        rc = asking ? hars_conn_receive(node->conn, deadline, &reply)
                    : HARS_OK;

        if (reply) {
            freeReplyObject(reply);
        }

        if (rc != HARS_OK
            || hars_conn_receive(node->conn, deadline, &reply) != HARS_OK)
        {
            hars_cluster_close(node, error);
            return HARS_ERROR;
        }

        rc = hars_master_take(node->conn, command, reply);
        i = HARS_CLUSTER_NONE;

        if (rc != HARS_OK) {
            snprintf(error, HARS_CONN_ERROR, "%s", reply->str);
            i = hars_cluster_hop(cluster, reply->str, node->server, &asking);
        }

        freeReplyObject(reply);

        if (rc == HARS_OK) {
            return HARS_OK;
        }
    }

    return HARS_ERROR;
}


/* "MOVED SLOT HOST:PORT", "ASK SLOT HOST:PORT": where to, or NONE */
static unsigned
hars_cluster_hop(hars_cluster_t *cluster, const char *text, const char *near,
    unsigned *asking)
{
    char        host[HARS_CLUSTER_HOST], *end;
    unsigned    i;
    const char *colon;
    unsigned long  slot;

    *asking = (strncmp(text, "ASK ", 4) == 0);

    if (!*asking && strncmp(text, "MOVED ", 6) != 0) {
        return HARS_CLUSTER_NONE;
    }

    slot = strtoul(text + (*asking ? 4 : 6), &end, 10);
    colon = strrchr(end, ':');

    if (*end != ' ' || slot >= HARS_KEY_SLOTS || colon == NULL) {
        return HARS_CLUSTER_NONE;
    }

    snprintf(host, sizeof(host), "%.*s", (int) (colon - end - 1), end + 1);
    i = hars_cluster_node(cluster, host, colon + 1, near);

    if (!*asking && i != HARS_CLUSTER_NONE) {
        cluster->slot[slot] = (unsigned char) i;
    }

    return i;
}


/* whatever it had still to say goes with it */
static void
hars_cluster_close(hars_cluster_node_t *node, char error[HARS_CONN_ERROR])
{
    snprintf(error, HARS_CONN_ERROR, "%s", hars_conn_error(node->conn));

    hars_conn_close(node->conn);
    node->conn = NULL;
}
