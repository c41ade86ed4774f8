
/*
 * Who the masters are, where the configuration does not say it.  A scout, a
 * node of its own, is connected to one of those who know, and is asked each
 * second, and when something has changed:
 *
 *     Sentinel: SENTINEL GET-MASTER-ADDR-BY-NAME -> the one node
 *     Cluster:  CLUSTER SLOTS -> the nodes, and the slots of each
 *
 * A Cluster is followed by MOVED and ASK as well.  What they say is only where
 * to ask: that a server was told of all revocations is looked up for each
 * answer, whoever sent us there.
 */

#include "ngx_http_hars_redis.h"


#define NGX_HTTP_HARS_TOPOLOGY_ASK  1000   /* ms between questions */


static void ngx_http_hars_topology_scout_opened(ngx_http_hars_node_t *scout);
static void ngx_http_hars_topology_scout_closed(ngx_http_hars_node_t *scout);
static void ngx_http_hars_topology_handler(ngx_event_t *ev);
static void ngx_http_hars_topology_master(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_topology_slots(void *data,
    ngx_http_hars_reply_t *reply);
static ngx_int_t ngx_http_hars_topology_range(ngx_http_hars_redis_t *redis,
    ngx_http_hars_reply_t *range);
static void ngx_http_hars_topology_settle(ngx_http_hars_redis_t *redis);
static ngx_uint_t ngx_http_hars_topology_node(ngx_http_hars_redis_t *redis,
    ngx_str_t *host, ngx_int_t port, ngx_http_hars_node_t *near);


ngx_int_t
ngx_http_hars_topology_init(ngx_http_hars_redis_t *redis)
{
    ngx_http_hars_server_t  *servers;

    servers = redis->servers.elts;

    redis->scout = ngx_calloc(sizeof(ngx_http_hars_node_t), redis->log);
    redis->known = ngx_calloc((redis->servers.nelts
                               + NGX_HTTP_HARS_REDIS_NODES)
                              * sizeof(ngx_http_hars_server_t), redis->log);

    if (redis->scout == NULL || redis->known == NULL
        || ngx_http_hars_node_create(redis->scout, redis, &redis->scout_conf)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    redis->scout->opened = ngx_http_hars_topology_scout_opened;
    redis->scout->closed = ngx_http_hars_topology_scout_closed;

    redis->ask.handler = ngx_http_hars_topology_handler;
    redis->ask.data = redis;
    redis->ask.log = redis->log;
    redis->ask.cancelable = 1;

    ngx_memcpy(redis->known, servers,
               redis->servers.nelts * sizeof(ngx_http_hars_server_t));

    ngx_http_hars_node_start(redis->scout, redis->known,
                             redis->servers.nelts);

    return NGX_OK;
}


void
ngx_http_hars_topology_exit(ngx_http_hars_redis_t *redis)
{
    if (redis->ask.timer_set) {
        ngx_del_timer(&redis->ask);
    }

    if (redis->scout) {
        ngx_http_hars_node_destroy(redis->scout);
        ngx_free(redis->scout);
        redis->scout = NULL;
    }

    if (redis->known) {
        ngx_free(redis->known);
        redis->known = NULL;
    }
}


static void
ngx_http_hars_topology_scout_opened(ngx_http_hars_node_t *scout)
{
    ngx_http_hars_topology_ask(scout->redis);
}


static void
ngx_http_hars_topology_scout_closed(ngx_http_hars_node_t *scout)
{
    scout->redis->asking = 0;
}


static void
ngx_http_hars_topology_handler(ngx_event_t *ev)
{
    ngx_http_hars_topology_ask(ev->data);
}


void
ngx_http_hars_topology_ask(ngx_http_hars_redis_t *redis)
{
    ngx_int_t               rc;
    ngx_str_t               argv[3];
    ngx_uint_t              n;
    ngx_http_hars_reply_pt  done;

    if (redis->scout == NULL || redis->asking
        || !ngx_http_hars_node_ready(redis->scout))
    {
        return;
    }

    if (redis->topology == NGX_HTTP_HARS_SENTINEL) {
        ngx_str_set(&argv[0], "SENTINEL");
        ngx_str_set(&argv[1], "GET-MASTER-ADDR-BY-NAME");
        argv[2] = redis->master;
        n = 3;
        done = ngx_http_hars_topology_master;

    } else {
        ngx_str_set(&argv[0], "CLUSTER");
        ngx_str_set(&argv[1], "SLOTS");
        n = 2;
        done = ngx_http_hars_topology_slots;
    }

    rc = ngx_http_hars_link_command(redis->scout->link, argv, n,
                                    redis->scout_conf.timeout, done, redis);

    redis->asking = (rc == NGX_OK);

    ngx_add_timer(&redis->ask, NGX_HTTP_HARS_TOPOLOGY_ASK);
}


static void
ngx_http_hars_topology_master(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_int_t                port;
    ngx_http_hars_node_t    *node;
    ngx_http_hars_server_t   server;

    redis->asking = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY || reply->n != 2) {
        ngx_http_hars_link_fail(redis->scout->link,
                                "knows no master of the name in sentinel=");
        return;
    }

    port = ngx_atoi(reply->elts[1]->str.data, reply->elts[1]->str.len);

    if (port < 1 || port > 65535
        || ngx_http_hars_node_server(&server, &reply->elts[0]->str,
                                     (in_port_t) port)
           != NGX_OK)
    {
        ngx_http_hars_link_fail(redis->scout->link,
                                "knows a master that has no address");
        return;
    }

    node = &redis->nodes[0];

    if (ngx_http_hars_node_same(&server, &node->home)) {
        return;
    }

    node->home = server;

    ngx_http_hars_node_start(node, &node->home, 1);
}


static void
ngx_http_hars_topology_slots(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_uint_t  i;

    redis->asking = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY) {
        ngx_http_hars_link_fail(redis->scout->link, "is in no Cluster");
        return;
    }

    for (i = 0; i < redis->nnodes; i++) {
        redis->nodes[i].master = 0;
    }

    ngx_memset(redis->slots, NGX_HTTP_HARS_REDIS_NO_NODE, HARS_KEY_SLOTS);

    for (i = 0; i < reply->n; i++) {

        if (ngx_http_hars_topology_range(redis, reply->elts[i]) != NGX_OK) {
            ngx_http_hars_link_fail(redis->scout->link, "answers CLUSTER "
                                    "SLOTS in no known form");
            return;
        }
    }

    ngx_http_hars_topology_settle(redis);
}


/* [first, last, [host, port, ...], replicas...] */

static ngx_int_t
ngx_http_hars_topology_range(ngx_http_hars_redis_t *redis,
    ngx_http_hars_reply_t *range)
{
    int64_t                 first, last;
    ngx_uint_t              i;
    ngx_http_hars_reply_t  *master;

    if (range->type != NGX_HTTP_HARS_REPLY_ARRAY || range->n < 3) {
        return NGX_ERROR;
    }

    first = range->elts[0]->integer;
    last = range->elts[1]->integer;
    master = range->elts[2];

    if (first < 0 || last >= HARS_KEY_SLOTS || first > last
        || master->type != NGX_HTTP_HARS_REPLY_ARRAY || master->n < 2)
    {
        return NGX_ERROR;
    }

    i = ngx_http_hars_topology_node(redis, &master->elts[0]->str,
                                    master->elts[1]->integer, redis->scout);

    if (i != NGX_HTTP_HARS_REDIS_NO_NODE) {
        redis->nodes[i].master = 1;
        ngx_memset(redis->slots + first, (int) i, last - first + 1);
    }

    return NGX_OK;
}


/* those that are no masters any more go; the others may be asked next time */

static void
ngx_http_hars_topology_settle(ngx_http_hars_redis_t *redis)
{
    ngx_uint_t  i, n;

    n = redis->servers.nelts;

    for (i = 0; i < redis->nnodes; i++) {

        if (redis->nodes[i].master) {
            redis->known[n++] = redis->nodes[i].home;

        } else {
            ngx_http_hars_node_destroy(&redis->nodes[i]);
        }
    }

    redis->scout->nservers = n;

    ngx_http_hars_redis_follow(redis);
}


/* the number of the node, made where there is none */

static ngx_uint_t
ngx_http_hars_topology_node(ngx_http_hars_redis_t *redis, ngx_str_t *host,
    ngx_int_t port, ngx_http_hars_node_t *near)
{
    u_char                  *p;
    ngx_str_t                same;
    ngx_uint_t               i, empty;
    ngx_http_hars_node_t    *node;
    ngx_http_hars_server_t   server;

    same = *host;

    if (same.len == 0 || (same.len == 1 && same.data[0] == '?')) {

        /* that of who says it */

        same.data = near->server.text;
        same.len = near->server.len;

        p = same.data + same.len;
        while (p > same.data && *--p != ':') { /* void */ }
        same.len = p - same.data;

        if (same.len > 2 && same.data[0] == '[') {
            same.data++;
            same.len -= 2;
        }
    }

    if (port < 1 || port > 65535
        || ngx_http_hars_node_server(&server, &same, (in_port_t) port)
           != NGX_OK)
    {
        return NGX_HTTP_HARS_REDIS_NO_NODE;
    }

    empty = redis->nnodes;

    for (i = 0; i < redis->nnodes; i++) {
        node = &redis->nodes[i];

        if (node->link == NULL) {
            empty = ngx_min(empty, i);

        } else if (ngx_http_hars_node_same(&node->home, &server)) {
            return i;
        }
    }

    if (empty == redis->nnodes) {

        if (!redis->full) {
            redis->full = 1;
            ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                          "hars: the Redis Cluster has more than %d masters, "
                          "the others are not asked",
                          NGX_HTTP_HARS_REDIS_NODES);
        }

        return NGX_HTTP_HARS_REDIS_NO_NODE;
    }

    node = &redis->nodes[empty];

    if (ngx_http_hars_node_create(node, redis, &redis->link_conf) != NGX_OK) {
        return NGX_HTTP_HARS_REDIS_NO_NODE;
    }

    node->home = server;
    node->opened = ngx_http_hars_redis_opened;
    node->closed = ngx_http_hars_redis_closed;

    ngx_http_hars_node_start(node, &node->home, 1);

    return empty;
}


ngx_http_hars_node_t *
ngx_http_hars_topology_redirect(ngx_http_hars_redis_t *redis,
    ngx_http_hars_node_t *near, ngx_str_t *error, ngx_uint_t *asking)
{
    u_char      *p, *last, *end, *colon;
    ngx_int_t    slot, port;
    ngx_str_t    host;
    ngx_uint_t   i;

    p = error->data;
    last = p + error->len;

    if (redis->slots == NULL) {
        return NULL;
    }

    if (error->len > 6 && ngx_strncmp(p, "MOVED ", 6) == 0) {
        *asking = 0;
        p += 6;

    } else if (error->len > 4 && ngx_strncmp(p, "ASK ", 4) == 0) {
        *asking = 1;
        p += 4;

    } else {
        return NULL;
    }

    end = ngx_strlchr(p, last, ' ');

    if (end == NULL) {
        return NULL;
    }

    slot = ngx_atoi(p, end - p);

    for (colon = last; colon > end && *colon != ':'; colon--) { /* void */ }

    if (slot == NGX_ERROR || slot >= HARS_KEY_SLOTS || colon == end) {
        return NULL;
    }

    host.data = end + 1;
    host.len = colon - host.data;
    port = ngx_atoi(colon + 1, last - colon - 1);

    i = ngx_http_hars_topology_node(redis, &host, port, near);

    if (i == NGX_HTTP_HARS_REDIS_NO_NODE) {
        return NULL;
    }

    if (!*asking) {
        redis->slots[slot] = (u_char) i;
        ngx_http_hars_topology_ask(redis);
    }

    return &redis->nodes[i];
}
