
/*
 * L2: what Redis is asked, and which of its servers.  Redis only makes things
 * faster, so every trouble is NGX_DECLINED.
 *
 * Beside the links for records each worker has one for the revocation channel,
 * to the server that has the stream.  It is made when the node of that server
 * is ready, and made again when the stream is elsewhere.  What is read there
 * is not decided here.
 */

#include "ngx_http_hars_redis.h"


#define NGX_HTTP_HARS_REDIS_HOPS  3        /* MOVED and ASK of one question */


/* who waits for a value */
struct ngx_http_hars_query_s {
    ngx_http_hars_node_t        *node;       /* who is asked */
    ngx_http_hars_value_pt       done;       /* NULL: cancelled */
    void                        *data;
    ngx_uint_t                   hops;
    ngx_str_t                    name;
    u_char                       buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX
                                     + HARS_KEY_HEX_LEN];
};


static ngx_http_hars_node_t *ngx_http_hars_redis_node(
    ngx_http_hars_redis_t *redis, ngx_str_t *name);
static void ngx_http_hars_redis_key(ngx_http_hars_redis_t *redis,
    u_char *buf, u_char *key, ngx_str_t *name);
static ngx_int_t ngx_http_hars_redis_send(ngx_http_hars_query_t *query);
static void ngx_http_hars_redis_value(void *data,
    ngx_http_hars_reply_t *reply);
static ngx_int_t ngx_http_hars_redis_redirect(ngx_http_hars_query_t *query,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_redis_stored(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_redis_check(ngx_http_hars_node_t *node,
    ngx_http_hars_reply_t *reply);
static ngx_http_hars_node_t *ngx_http_hars_redis_channel_node(
    ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_channel_handler(ngx_event_t *ev);
static void ngx_http_hars_redis_probe(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_probed(void *data,
    ngx_http_hars_reply_t *reply);


ngx_int_t
ngx_http_hars_redis_init_process(ngx_http_hars_redis_t *redis,
    ngx_cycle_t *cycle)
{
    ngx_http_hars_node_t  *node;

    redis->log = cycle->log;
    redis->nnodes = 1;

    redis->channel_retry.handler = ngx_http_hars_redis_channel_handler;
    redis->channel_retry.data = redis;
    redis->channel_retry.log = cycle->log;
    redis->channel_retry.cancelable = 1;

    if (redis->revocations) {
        redis->channel = ngx_http_hars_link_create(&redis->channel_conf, redis,
                                                   cycle->log);
        if (redis->channel == NULL) {
            return NGX_ERROR;
        }
    }

    if (redis->topology == NGX_HTTP_HARS_CLUSTER) {
        redis->nnodes = NGX_HTTP_HARS_REDIS_NODES;

        redis->slots = ngx_alloc(HARS_KEY_SLOTS, cycle->log);
        if (redis->slots == NULL) {
            return NGX_ERROR;
        }

        ngx_memset(redis->slots, NGX_HTTP_HARS_REDIS_NO_NODE, HARS_KEY_SLOTS);
    }

    redis->nodes = ngx_calloc(redis->nnodes * sizeof(ngx_http_hars_node_t),
                              cycle->log);
    if (redis->nodes == NULL) {
        return NGX_ERROR;
    }

    if (redis->topology == NGX_HTTP_HARS_CLUSTER) {
        return ngx_http_hars_topology_init(redis);
    }

    node = &redis->nodes[0];

    if (ngx_http_hars_node_create(node, redis, &redis->link_conf) != NGX_OK) {
        return NGX_ERROR;
    }

    node->opened = ngx_http_hars_redis_opened;
    node->closed = ngx_http_hars_redis_closed;

    if (redis->topology == NGX_HTTP_HARS_SENTINEL) {
        return ngx_http_hars_topology_init(redis);
    }

    ngx_http_hars_node_start(node, redis->servers.elts,
                             redis->servers.nelts);

    return NGX_OK;
}


void
ngx_http_hars_redis_exit_process(ngx_http_hars_redis_t *redis)
{
    ngx_uint_t  i;

    /* of a reload without a master process, where no process is initialized */

    if (redis->nodes == NULL) {
        return;
    }

    ngx_http_hars_topology_exit(redis);

    if (redis->channel) {
        ngx_http_hars_link_destroy(redis->channel);
        redis->channel = NULL;
    }

    if (redis->channel_retry.timer_set) {
        ngx_del_timer(&redis->channel_retry);
    }

    for (i = 0; i < redis->nnodes; i++) {
        ngx_http_hars_node_destroy(&redis->nodes[i]);
    }

    ngx_free(redis->nodes);
    redis->nodes = NULL;

    if (redis->slots) {
        ngx_free(redis->slots);
        redis->slots = NULL;
    }
}


void
ngx_http_hars_redis_state(ngx_http_hars_redis_t *redis,
    ngx_http_hars_redis_info_t *info)
{
    ngx_uint_t             i;
    ngx_http_hars_node_t  *node;

    ngx_memzero(info, sizeof(ngx_http_hars_redis_info_t));

    info->state = NGX_HTTP_HARS_LINK_READY;

    /* of a Cluster the worst */

    for (i = 0; redis->nodes && i < redis->nnodes; i++) {
        node = &redis->nodes[i];

        if (node->link == NULL) {
            continue;
        }

        info->queued += ngx_http_hars_link_queued(node->link);

        if (info->server.data == NULL || node->failures > info->failures) {
            info->server = node->name;
            info->failures = node->failures;
            info->outage = node->failures
                           ? (ngx_current_msec - node->since) / 1000 : 0;
        }

        info->state = ngx_min(info->state,
                              ngx_http_hars_link_state(node->link));
    }

    if (info->server.data == NULL) {
        info->state = NGX_HTTP_HARS_LINK_CLOSED;
    }

    if (redis->channel) {
        info->channel = ngx_http_hars_link_state(redis->channel)
                        == NGX_HTTP_HARS_LINK_READY;
    }
}


ngx_int_t
ngx_http_hars_redis_get(ngx_http_hars_redis_t *redis, u_char *key,
    ngx_http_hars_value_pt done, void *data, ngx_http_hars_query_t **query)
{
    ngx_http_hars_query_t  *q;

    q = ngx_alloc(sizeof(ngx_http_hars_query_t), redis->log);
    if (q == NULL) {
        return NGX_DECLINED;
    }

    ngx_http_hars_redis_key(redis, q->buf, key, &q->name);

    q->node = ngx_http_hars_redis_node(redis, &q->name);
    q->done = done;
    q->data = data;
    q->hops = 0;

    if (q->node == NULL || !ngx_http_hars_node_usable(q->node)
        || ngx_http_hars_redis_send(q) != NGX_OK)
    {
        ngx_free(q);
        return NGX_DECLINED;
    }

    *query = q;

    return NGX_AGAIN;
}


void
ngx_http_hars_redis_cancel(ngx_http_hars_query_t *query)
{
    query->done = NULL;
}


static ngx_int_t
ngx_http_hars_redis_send(ngx_http_hars_query_t *query)
{
    ngx_str_t  argv[2];

    ngx_str_set(&argv[0], "GET");
    argv[1] = query->name;

    return ngx_http_hars_link_command(query->node->link, argv, 2,
                                      query->node->redis->link_conf.timeout,
                                      ngx_http_hars_redis_value, query);
}


static void
ngx_http_hars_redis_value(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_query_t *query = data;

    u_char                *run;
    ngx_http_hars_node_t  *node;

    node = query->node;

    if (query->done && reply && reply->type == NGX_HTTP_HARS_REPLY_ERROR
        && ngx_http_hars_redis_redirect(query, reply) == NGX_OK)
    {
        return;
    }

    if (query->done) {

        if (reply && reply->type == NGX_HTTP_HARS_REPLY_STRING) {
            run = ngx_http_hars_link_run(node->link);

            query->done(query->data, NGX_OK, reply->str.data, reply->str.len,
                        ngx_http_hars_channel_told(node->redis->zone, run));

        } else {
            query->done(query->data,
                        (reply && reply->type == NGX_HTTP_HARS_REPLY_NIL)
                        ? NGX_DECLINED : NGX_ERROR, NULL, 0, 0);
        }
    }

    ngx_http_hars_redis_check(node, reply);

    ngx_free(query);
}


/* asks again where a server of a Cluster says */

static ngx_int_t
ngx_http_hars_redis_redirect(ngx_http_hars_query_t *query,
    ngx_http_hars_reply_t *reply)
{
    ngx_str_t              word;
    ngx_uint_t             asking;
    ngx_http_hars_node_t  *node;

    if (query->hops++ == NGX_HTTP_HARS_REDIS_HOPS) {
        return NGX_DECLINED;
    }

    node = ngx_http_hars_topology_redirect(query->node->redis, query->node,
                                           &reply->str, &asking);

    if (node == NULL || !ngx_http_hars_node_usable(node)) {
        return NGX_DECLINED;
    }

    query->node = node;
    ngx_str_set(&word, "ASKING");

    if (asking
        && ngx_http_hars_link_command(node->link, &word, 1,
                                      node->redis->link_conf.timeout, NULL,
                                      NULL)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_hars_redis_send(query);
}


void
ngx_http_hars_redis_put(ngx_http_hars_redis_t *redis, u_char *key,
    u_char *value, size_t len, ngx_msec_t ttl)
{
    u_char                 buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX
                               + HARS_KEY_HEX_LEN];
    u_char                 ms[NGX_INT64_LEN];
    ngx_str_t              argv[6];
    ngx_http_hars_node_t  *node;

    ngx_http_hars_redis_key(redis, buf, key, &argv[1]);

    node = ngx_http_hars_redis_node(redis, &argv[1]);

    if (node == NULL || !ngx_http_hars_node_ready(node)) {
        return;
    }

    ngx_str_set(&argv[0], "SET");
    argv[2].data = value;
    argv[2].len = len;
    ngx_str_set(&argv[3], "NX");
    ngx_str_set(&argv[4], "PX");
    argv[5].data = ms;
    argv[5].len = ngx_sprintf(ms, "%M", ngx_max(ttl, 1)) - ms;

    (void) ngx_http_hars_link_command(node->link, argv, 6,
                                      redis->link_conf.timeout,
                                      ngx_http_hars_redis_stored, node);
}


/* one that is not stored is asked of the authority again, and no harm done */

static void
ngx_http_hars_redis_stored(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_check(data, reply);
}


/* a server that answers, but is none that could be used */

static void
ngx_http_hars_redis_check(ngx_http_hars_node_t *node,
    ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_t  *redis;

    if (reply == NULL || reply->type != NGX_HTTP_HARS_REPLY_ERROR) {
        return;
    }

    redis = node->redis;

    if (redis->topology == NGX_HTTP_HARS_SERVERS
        && redis->servers.nelts == 1)
    {
        /* nobody else to ask, and a replica's records are good */

        return;
    }

    if (ngx_strncmp(reply->str.data, "READONLY", 8) == 0) {
        ngx_http_hars_link_fail(node->link, "is a read-only replica");

    } else if (ngx_strncmp(reply->str.data, "LOADING", 7) == 0) {
        ngx_http_hars_link_fail(node->link, "is loading its data");

    } else if (ngx_strncmp(reply->str.data, "MASTERDOWN", 10) == 0) {
        ngx_http_hars_link_fail(node->link, "is a replica without a master");

    } else if (ngx_strncmp(reply->str.data, "MOVED", 5) == 0) {
        ngx_http_hars_topology_ask(redis);
    }
}


/* whom a key is asked of, NULL: nobody has it now */

static ngx_http_hars_node_t *
ngx_http_hars_redis_node(ngx_http_hars_redis_t *redis, ngx_str_t *name)
{
    ngx_uint_t  i;

    if (redis->slots == NULL) {
        return redis->nodes[0].nservers ? &redis->nodes[0] : NULL;
    }

    i = redis->slots[hars_key_slot((char *) name->data, name->len)];

    return (i == NGX_HTTP_HARS_REDIS_NO_NODE) ? NULL : &redis->nodes[i];
}


static void
ngx_http_hars_redis_key(ngx_http_hars_redis_t *redis, u_char *buf,
    u_char *key, ngx_str_t *name)
{
    u_char  *p;

    p = ngx_cpymem(buf, redis->prefix.data, redis->prefix.len);
    hars_hex((char *) p, key, HARS_KEY_LEN);

    name->data = buf;
    name->len = redis->prefix.len + HARS_KEY_HEX_LEN;
}


void
ngx_http_hars_redis_opened(ngx_http_hars_node_t *node)
{
    ngx_http_hars_redis_t  *redis;

    redis = node->redis;

    if (node == ngx_http_hars_redis_channel_node(redis)) {
        redis->channel_failures = 0;
        ngx_http_hars_redis_follow(redis);
    }
}


void
ngx_http_hars_redis_closed(ngx_http_hars_node_t *node)
{
    ngx_http_hars_topology_ask(node->redis);
}


/* who has the stream */

static ngx_http_hars_node_t *
ngx_http_hars_redis_channel_node(ngx_http_hars_redis_t *redis)
{
    u_char     buf[NGX_HTTP_HARS_NAME_MAX];
    ngx_str_t  name;

    name.data = buf;
    name.len = ngx_sprintf(buf, "%V{revoked}", &redis->prefix) - buf;

    return ngx_http_hars_redis_node(redis, &name);
}


void
ngx_http_hars_redis_follow(ngx_http_hars_redis_t *redis)
{
    ngx_http_hars_node_t  *node;

    if (redis->channel == NULL || !ngx_http_hars_zone_follows(redis->zone)) {
        return;
    }

    node = ngx_http_hars_redis_channel_node(redis);

    if (node && ngx_http_hars_node_ready(node)) {

        if (!ngx_http_hars_node_same(&redis->channel_server, &node->server)) {
            ngx_http_hars_link_close(redis->channel);
            redis->channel_server = node->server;
        }

    } else if (!ngx_exiting || redis->channel_server.len == 0) {

        /* a worker that leaves makes none ready again: to where it was */

        return;
    }

    if (ngx_http_hars_link_state(redis->channel)
        != NGX_HTTP_HARS_LINK_CLOSED)
    {
        return;
    }

    redis->channel_name.data = redis->channel_server.text;
    redis->channel_name.len = redis->channel_server.len;

    ngx_http_hars_node_link(redis, redis->channel, &redis->channel_server,
                            &redis->channel_name, redis->tls_host);
}


void
ngx_http_hars_redis_channel_opened(void *data, ngx_http_hars_link_t *link)
{
    ngx_http_hars_redis_t *redis = data;

    redis->channel_failures = 0;

    if (redis->channel_down) {
        redis->channel_down = 0;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "hars: Redis %V: revocation channel made again",
                      &redis->channel_name);
    }

    ngx_http_hars_channel_opened(redis->zone, link);
}


void
ngx_http_hars_redis_channel_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_http_hars_channel_closed(redis->zone);
    ngx_http_hars_count_closed(redis->zone, 1, err, what);

    if (what && !redis->channel_down) {
        redis->channel_down = 1;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, err,
                      "hars: Redis %V: revocation channel %s",
                      &redis->channel_name, what);
    }

    /* nobody may be asking for records: is the server there at all? */

    ngx_http_hars_redis_probe(redis);

    if (!redis->channel_retry.timer_set) {
        ngx_add_timer(&redis->channel_retry,
                      ngx_http_hars_node_backoff(redis->channel_failures));
    }

    redis->channel_failures++;
}


/* a node that is not ready yet makes the channel when it is */

static void
ngx_http_hars_redis_channel_handler(ngx_event_t *ev)
{
    ngx_http_hars_redis_follow(ev->data);
}


static void
ngx_http_hars_redis_probe(ngx_http_hars_redis_t *redis)
{
    ngx_str_t              word;
    ngx_http_hars_node_t  *node;

    ngx_http_hars_topology_ask(redis);

    node = ngx_http_hars_redis_channel_node(redis);

    if (node == NULL || node->probing || !ngx_http_hars_node_ready(node)) {
        return;
    }

    ngx_str_set(&word, "PING");

    if (ngx_http_hars_link_command(node->link, &word, 1,
                                   redis->link_conf.timeout,
                                   ngx_http_hars_redis_probed, node)
        == NGX_OK)
    {
        node->probing = 1;
    }
}


static void
ngx_http_hars_redis_probed(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_node_t *node = data;

    node->probing = 0;

    ngx_http_hars_redis_check(node, reply);
}
