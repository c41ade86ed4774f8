
/*
 * A node: the connection of this worker to one of some servers.  They are
 * tried in turn, and the first that can be set up is used until it fails; then
 * the next, in a circle.  An outage is logged once; while it lasts a request
 * costs nothing, and one try a second is made.
 *
 * Names are resolved when the configuration is read, and again by nginx's
 * "resolver", where there is one, when a server by such a name has failed.
 */

#include "ngx_http_hars_redis.h"


#define NGX_HTTP_HARS_NODE_BACKOFF  100    /* ms, doubled each time */
#define NGX_HTTP_HARS_NODE_PROBE    1000   /* ms, at most between tries */


static void ngx_http_hars_node_connect(ngx_http_hars_node_t *node);
static ngx_int_t ngx_http_hars_node_resolve(ngx_http_hars_node_t *node);
static void ngx_http_hars_node_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_hars_node_open(ngx_http_hars_node_t *node);
static void ngx_http_hars_node_retry_handler(ngx_event_t *ev);


ngx_int_t
ngx_http_hars_node_create(ngx_http_hars_node_t *node,
    ngx_http_hars_redis_t *redis, ngx_http_hars_link_conf_t *conf)
{
    ngx_memzero(node, sizeof(ngx_http_hars_node_t));

    node->redis = redis;

    node->retry.handler = ngx_http_hars_node_retry_handler;
    node->retry.data = node;
    node->retry.log = redis->log;
    node->retry.cancelable = 1;

    node->link = ngx_http_hars_link_create(conf, node, redis->log);

    return node->link ? NGX_OK : NGX_ERROR;
}


void
ngx_http_hars_node_destroy(ngx_http_hars_node_t *node)
{
    if (node->link == NULL) {
        return;
    }

    if (node->resolve) {
        ngx_resolve_name_done(node->resolve);
        node->resolve = NULL;
    }

    if (node->retry.timer_set) {
        ngx_del_timer(&node->retry);
    }

    ngx_http_hars_link_destroy(node->link);
    node->link = NULL;
}


void
ngx_http_hars_node_start(ngx_http_hars_node_t *node,
    ngx_http_hars_server_t *servers, ngx_uint_t n)
{
    if (node->resolve) {
        ngx_resolve_name_done(node->resolve);
        node->resolve = NULL;
    }

    ngx_http_hars_link_close(node->link);

    if (node->retry.timer_set) {
        ngx_del_timer(&node->retry);
    }

    node->servers = servers;
    node->nservers = n;
    node->next = 0;
    node->failures = 0;

    if (node->before.len == 0) {
        node->before = servers[0];
    }

    ngx_http_hars_node_connect(node);
}


ngx_uint_t
ngx_http_hars_node_usable(ngx_http_hars_node_t *node)
{
    return node->failures == 0 || ngx_http_hars_node_ready(node);
}


ngx_uint_t
ngx_http_hars_node_ready(ngx_http_hars_node_t *node)
{
    return ngx_http_hars_link_state(node->link) == NGX_HTTP_HARS_LINK_READY;
}


static void
ngx_http_hars_node_connect(ngx_http_hars_node_t *node)
{
    node->server = node->servers[node->next];
    node->name.data = node->server.text;
    node->name.len = node->server.len;

    if (node->server.host_len
        && (node->failures || node->server.socklen == 0)
        && ngx_http_hars_node_resolve(node) == NGX_OK)
    {
        return;
    }

    ngx_http_hars_node_open(node);
}


static ngx_int_t
ngx_http_hars_node_resolve(ngx_http_hars_node_t *node)
{
    ngx_resolver_ctx_t        *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = node->redis->clcf;

    ctx = clcf->resolver ? ngx_resolve_start(clcf->resolver, NULL) : NULL;

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_DECLINED;
    }

    ctx->name.data = node->server.text;
    ctx->name.len = node->server.host_len;
    ctx->handler = ngx_http_hars_node_resolved;
    ctx->data = node;
    ctx->timeout = node->redis->link_conf.timeout;
    ctx->cancelable = 1;

    node->resolve = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        node->resolve = NULL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* without an answer the last address is as good as any */

static void
ngx_http_hars_node_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_http_hars_node_t *node = ctx->data;

    ngx_resolver_addr_t     *addr;
    ngx_http_hars_server_t  *server;

    if (ctx->state == 0) {

        /* where a name has several, each in its turn */

        addr = &ctx->addrs[node->failures % ctx->naddrs];
        server = &node->server;

        if (addr->socklen <= (socklen_t) sizeof(ngx_sockaddr_t)) {
            ngx_memcpy(&server->sockaddr, addr->sockaddr, addr->socklen);
            server->socklen = addr->socklen;
            ngx_inet_set_port(&server->sockaddr.sockaddr, server->port);
        }

    } else {
        ngx_log_error(NGX_LOG_INFO, node->redis->log, 0,
                      "hars: Redis %V could not be resolved (%i: %s)",
                      &node->name, ctx->state,
                      ngx_resolver_strerror(ctx->state));
    }

    node->resolve = NULL;
    ngx_resolve_name_done(ctx);

    ngx_http_hars_node_open(node);
}


static void
ngx_http_hars_node_open(ngx_http_hars_node_t *node)
{
    if (node->server.socklen == 0) {
        ngx_http_hars_node_closed(node, node->link, 0,
                                  "has a name that cannot be resolved, see "
                                  "\"resolver\"");
        return;
    }

    ngx_http_hars_node_link(node->redis, node->link, &node->server,
                            &node->name, node->tls_name);
}


void
ngx_http_hars_node_link(ngx_http_hars_redis_t *redis,
    ngx_http_hars_link_t *link, ngx_http_hars_server_t *server,
    ngx_str_t *name, u_char *tls_name)
{
    ngx_str_t   host;
    ngx_addr_t  addr;

    addr.sockaddr = &server->sockaddr.sockaddr;
    addr.socklen = server->socklen;
    addr.name = *name;

    if (redis->tls_name.len) {
        host = redis->tls_name;

    } else {
        host.data = tls_name;
        host.len = server->host_len;
        *ngx_cpymem(tls_name, server->text, host.len) = '\0';
    }

    ngx_http_hars_link_open(link, &addr, &host);
}


void
ngx_http_hars_node_opened(void *data, ngx_http_hars_link_t *link)
{
    ngx_http_hars_node_t *node = data;

    node->failures = 0;

    if (!ngx_http_hars_node_same(&node->before, &node->server)) {
        ngx_log_error(NGX_LOG_NOTICE, node->redis->log, 0,
                      "hars: Redis %V is used now", &node->name);

    } else if (node->down) {
        ngx_log_error(NGX_LOG_NOTICE, node->redis->log, 0,
                      "hars: Redis %V is back", &node->name);
    }

    node->before = node->server;
    node->down = 0;

    node->opened(node);
}


void
ngx_http_hars_node_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what)
{
    ngx_http_hars_node_t *node = data;

    ngx_http_hars_count_closed(node->redis->zone,
                               node == node->redis->scout ? 2 : 0, err, what);

    if (what && !node->down) {
        node->down = 1;
        ngx_log_error(NGX_LOG_ERR, node->redis->log, err,
                      "hars: Redis %V %s", &node->name, what);
    }

    node->probing = 0;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (node->failures == 0) {
        node->since = ngx_current_msec;
    }

    node->failures++;
    node->next = (node->next + 1) % node->nservers;

    /* the next one at once, but each a second at most when all are dead */

    if (!node->retry.timer_set) {
        ngx_add_timer(&node->retry,
                      (node->failures < node->nservers) ? 1
                      : ngx_http_hars_node_backoff(node->failures
                                                   - node->nservers));
    }

    node->closed(node);
}


static void
ngx_http_hars_node_retry_handler(ngx_event_t *ev)
{
    ngx_http_hars_node_t *node = ev->data;

    if (node->resolve == NULL
        && ngx_http_hars_link_state(node->link) == NGX_HTTP_HARS_LINK_CLOSED)
    {
        ngx_http_hars_node_connect(node);
    }
}


ngx_msec_t
ngx_http_hars_node_backoff(ngx_uint_t failures)
{
    ngx_msec_t  delay;

    delay = NGX_HTTP_HARS_NODE_BACKOFF << ngx_min(failures, 6);

    return ngx_min(delay, NGX_HTTP_HARS_NODE_PROBE);
}


ngx_int_t
ngx_http_hars_node_server(ngx_http_hars_server_t *server, ngx_str_t *host,
    in_port_t port)
{
    u_char  *p;

    ngx_memzero(server, sizeof(ngx_http_hars_server_t));

    if (host->len == 0 || host->len > NGX_HTTP_HARS_REDIS_HOST_MAX
        || port == 0)
    {
        return NGX_ERROR;
    }

    p = server->text;
    server->port = port;

#if (NGX_HAVE_INET6)

    if (ngx_strlchr(host->data, host->data + host->len, ':')) {

        if (ngx_inet6_addr(host->data, host->len,
                           server->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        server->sockaddr.sockaddr_in6.sin6_family = AF_INET6;
        server->socklen = sizeof(struct sockaddr_in6);
        p = ngx_sprintf(p, "[%V]", host);

    } else

#endif
    {
        p = ngx_cpymem(p, host->data, host->len);

        server->sockaddr.sockaddr_in.sin_addr.s_addr =
                                            ngx_inet_addr(host->data,
                                                          host->len);

        if (server->sockaddr.sockaddr_in.sin_addr.s_addr != INADDR_NONE) {
            server->sockaddr.sockaddr_in.sin_family = AF_INET;
            server->socklen = sizeof(struct sockaddr_in);

        } else {
            server->host_len = host->len;
        }
    }

    if (server->socklen) {
        ngx_inet_set_port(&server->sockaddr.sockaddr, port);
    }

    server->len = ngx_sprintf(p, ":%ui", (ngx_uint_t) port) - server->text;

    return NGX_OK;
}


ngx_uint_t
ngx_http_hars_node_same(ngx_http_hars_server_t *one,
    ngx_http_hars_server_t *two)
{
    return one->len == two->len
           && ngx_memcmp(one->text, two->text, one->len) == 0
           && one->socklen == two->socklen
           && ngx_memcmp(&one->sockaddr, &two->sockaddr, one->socklen) == 0;
}
