
/*
 * L2: which server is asked, and what for.  The servers of a hars_redis are
 * replicas of each other: the first that can be set up is used until it
 * fails, then the next, in a circle.  Redis only makes things faster, so
 * every trouble is NGX_DECLINED.  An outage is logged once; while it lasts a
 * request costs nothing, and one probe a second is made.
 *
 * Beside the link for records each worker has one for the revocation channel,
 * to the same server.  It is made when the first one is ready, and made again
 * when that one goes elsewhere.  What is read there is not decided here.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_REDIS_REPLY       16384    /* bytes of a record */
#define NGX_HTTP_HARS_REDIS_CHANNEL     1048576  /* bytes of a batch */
#define NGX_HTTP_HARS_REDIS_BACKOFF     100      /* ms, doubled each time */
#define NGX_HTTP_HARS_REDIS_PROBE       1000     /* ms, at most between tries */
#define NGX_HTTP_HARS_REDIS_PREFIX_MAX  64


typedef struct {
    ngx_addr_t                   addr;
    ngx_str_t                    name;
    ngx_str_t                    host;       /* as given; empty: an address */
} ngx_http_hars_server_t;


struct ngx_http_hars_redis_s {
    ngx_str_t                    zone_name;
    ngx_http_hars_zone_t        *zone;
    ngx_array_t                  servers;    /* ngx_http_hars_server_t */
    ngx_flag_t                   tls;
    ngx_str_t                    tls_ca;
    ngx_str_t                    tls_cert;
    ngx_str_t                    tls_key;
    ngx_str_t                    tls_name;
    ngx_str_t                    prefix;
    ngx_http_hars_link_conf_t    link_conf;
    ngx_http_hars_link_conf_t    channel_conf;
    ngx_flag_t                   revocations;
    u_char                      *file;
    ngx_uint_t                   line;

    /* of the worker */
    ngx_http_hars_link_t        *link;
    ngx_http_hars_link_t        *channel;
    ngx_uint_t                   current;    /* of servers */
    ngx_uint_t                   channel_at; /* of servers */
    ngx_event_t                  retry;
    ngx_event_t                  channel_retry;
    ngx_uint_t                   failures;   /* in a row */
    ngx_uint_t                   channel_failures;
    ngx_uint_t                   used;       /* logged as the one in use */
    ngx_msec_t                   since;      /* the outage began */
    ngx_log_t                   *log;
    unsigned                     down:1;     /* the outage is logged */
    unsigned                     channel_down:1;
    unsigned                     probing:1;  /* a PING is in flight */
};


/* who waits for a value */
typedef struct {
    ngx_http_hars_redis_t       *redis;
    ngx_http_hars_value_pt       done;       /* NULL: cancelled */
    void                        *data;
} ngx_http_hars_value_t;


static ngx_int_t ngx_http_hars_redis_server(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_tls(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis);
static ngx_uint_t ngx_http_hars_redis_is_option(ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_option(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_password(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *name);
static void ngx_http_hars_redis_key(ngx_http_hars_redis_t *redis,
    u_char *buf, u_char *key, ngx_str_t *name);
static void ngx_http_hars_redis_value(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_redis_checked(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_redis_check(ngx_http_hars_redis_t *redis,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_redis_connect(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_opened(void *data,
    ngx_http_hars_link_t *link);
static void ngx_http_hars_redis_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what);
static void ngx_http_hars_redis_retry_handler(ngx_event_t *ev);
static ngx_msec_t ngx_http_hars_redis_backoff(ngx_uint_t failures);
static void ngx_http_hars_redis_channel_connect(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_channel_opened(void *data,
    ngx_http_hars_link_t *link);
static void ngx_http_hars_redis_channel_closed(void *data,
    ngx_http_hars_link_t *link, ngx_err_t err, const char *what);
static void ngx_http_hars_redis_channel_handler(ngx_event_t *ev);
static void ngx_http_hars_redis_probe(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_probed(void *data,
    ngx_http_hars_reply_t *reply);


/* what takes a value, so that a mistyped server is no server */
static ngx_str_t  ngx_http_hars_redis_options[] = {
    ngx_string("db="),
    ngx_string("user="),
    ngx_string("password_file="),
    ngx_string("prefix="),
    ngx_string("timeout="),
    ngx_string("revocations="),
    ngx_string("tls_ca="),
    ngx_string("tls_cert="),
    ngx_string("tls_key="),
    ngx_string("tls_name="),
    ngx_null_string
};


char *
ngx_http_hars_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_main_conf_t *hmcf = conf;

    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_http_hars_redis_t   *redis, **list;

    value = cf->args->elts;
    list = hmcf->redis.elts;

    for (i = 0; i < hmcf->redis.nelts; i++) {
        if (list[i]->zone_name.len == value[1].len
            && ngx_strncmp(list[i]->zone_name.data, value[1].data,
                           value[1].len)
               == 0)
        {
            return "is duplicate for this zone";
        }
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_redis_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    redis->zone_name = value[1];
    redis->file = cf->conf_file->file.name.data;
    redis->line = cf->conf_file->line;
    redis->revocations = 1;
    redis->link_conf.timeout = 200;
    ngx_str_set(&redis->prefix, "hars:");

    if (ngx_array_init(&redis->servers, cf->pool, 2,
                       sizeof(ngx_http_hars_server_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_hars_redis_is_option(&value[i])) {
            break;
        }

        if (ngx_http_hars_redis_server(cf, redis, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (redis->servers.nelts == 0) {
        return "has no server before its parameters";
    }

    for ( /* void */ ; i < cf->args->nelts; i++) {
        if (ngx_http_hars_redis_option(cf, redis, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (redis->link_conf.user.len && redis->link_conf.password.len == 0) {
        return "has \"user=\" without \"password_file=\"";
    }

    if (ngx_http_hars_redis_tls(cf, redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    redis->link_conf.data = redis;
    redis->link_conf.info = redis->revocations;
    redis->channel_conf = redis->link_conf;

    redis->link_conf.reply_max = NGX_HTTP_HARS_REDIS_REPLY;
    redis->link_conf.opened = ngx_http_hars_redis_opened;
    redis->link_conf.closed = ngx_http_hars_redis_closed;

    redis->channel_conf.reply_max = NGX_HTTP_HARS_REDIS_CHANNEL;
    redis->channel_conf.channel = 1;
    redis->channel_conf.opened = ngx_http_hars_redis_channel_opened;
    redis->channel_conf.closed = ngx_http_hars_redis_channel_closed;

    list = ngx_array_push(&hmcf->redis);
    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    *list = redis;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_hars_redis_is_option(ngx_str_t *value)
{
    ngx_str_t  *option;

    if (ngx_strncmp(value->data, "unix:", 5) == 0) {
        return 0;
    }

    for (option = ngx_http_hars_redis_options; option->len; option++) {
        if (ngx_strncmp(value->data, option->data, option->len) == 0) {
            return 1;
        }
    }

    if (ngx_strcmp(value->data, "tls") == 0) {
        return 1;
    }

    /* no host has this in its name: a parameter with a typing error */

    return ngx_strlchr(value->data, value->data + value->len, '=') != NULL;
}


static ngx_int_t
ngx_http_hars_redis_server(ngx_conf_t *cf, ngx_http_hars_redis_t *redis,
    ngx_str_t *value)
{
    ngx_url_t                u;
    ngx_str_t                host;
    ngx_uint_t               i;
    ngx_http_hars_server_t  *server;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = *value;
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"hars_redis\" server \"%V\", use "
                           "\"unix:/path\" or \"host:port\"",
                           u.err ? u.err : "invalid address", &u.url);
        return NGX_ERROR;
    }

    ngx_str_null(&host);

    if (u.family != AF_UNIX && u.host.len && u.host.data[0] != '['
        && ngx_inet_addr(u.host.data, u.host.len) == INADDR_NONE)
    {
        host.len = u.host.len;
        host.data = ngx_pnalloc(cf->pool, host.len + 1);
        if (host.data == NULL) {
            return NGX_ERROR;
        }

        *ngx_cpymem(host.data, u.host.data, host.len) = '\0';
    }

    /* each address of a name is a server of its own */

    for (i = 0; i < u.naddrs; i++) {
        server = ngx_array_push(&redis->servers);
        if (server == NULL) {
            return NGX_ERROR;
        }

        server->addr = u.addrs[i];
        server->name = u.addrs[i].name;
        server->host = host;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_redis_tls(ngx_conf_t *cf, ngx_http_hars_redis_t *redis)
{
    ngx_ssl_t               *ssl;
    ngx_uint_t               i;
    const char              *why;
    ngx_pool_cleanup_t      *cln;
    ngx_http_hars_server_t  *server;

    why = NULL;
    server = redis->servers.elts;

    if (!redis->tls) {

        if (redis->tls_ca.len || redis->tls_cert.len || redis->tls_key.len
            || redis->tls_name.len)
        {
            why = "has \"tls_...=\" without \"tls\"";
        }

    } else if (redis->tls_ca.len == 0) {
        why = "needs \"tls_ca=file\" with \"tls\"";

    } else if ((redis->tls_cert.len == 0) != (redis->tls_key.len == 0)) {
        why = "needs \"tls_cert=\" and \"tls_key=\" together";

    } else if (redis->tls_name.len == 0) {

        for (i = 0; i < redis->servers.nelts; i++) {
            if (server[i].host.len == 0) {
                why = "needs \"tls_name=\" for a server that is given by "
                      "its address";
            }
        }
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"hars_redis\" %s", why);
        return NGX_ERROR;
    }

    if (!redis->tls) {
        return NGX_OK;
    }

    for (i = 0; redis->tls_name.len && i < redis->servers.nelts; i++) {
        server[i].host = redis->tls_name;
    }

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    /* what waits to be sent moves when more is appended */

    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                               |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    if (ngx_ssl_trusted_certificate(cf, ssl, &redis->tls_ca, 4) != NGX_OK) {
        return NGX_ERROR;
    }

    if (redis->tls_cert.len
        && ngx_ssl_certificate(cf, ssl, &redis->tls_cert, &redis->tls_key,
                               NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    redis->link_conf.ssl = ssl;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_redis_option(ngx_conf_t *cf, ngx_http_hars_redis_t *redis,
    ngx_str_t *value)
{
    ngx_int_t   n;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "db=", 3) == 0) {
        redis->link_conf.db.data = value->data + 3;
        redis->link_conf.db.len = value->len - 3;

        n = ngx_atoi(redis->link_conf.db.data, redis->link_conf.db.len);
        if (n != NGX_ERROR && n < 65536) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "user=", 5) == 0) {
        redis->link_conf.user.data = value->data + 5;
        redis->link_conf.user.len = value->len - 5;

        if (redis->link_conf.user.len) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "password_file=", 14) == 0) {
        s.data = value->data + 14;
        s.len = value->len - 14;

        return ngx_http_hars_redis_password(cf, redis, &s);

    } else if (ngx_strncmp(value->data, "prefix=", 7) == 0) {
        redis->prefix.data = value->data + 7;
        redis->prefix.len = value->len - 7;

        if (redis->prefix.len
            && redis->prefix.len <= NGX_HTTP_HARS_REDIS_PREFIX_MAX)
        {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        s.data = value->data + 8;
        s.len = value->len - 8;

        n = ngx_parse_time(&s, 0);
        if (n != NGX_ERROR && n > 0) {
            redis->link_conf.timeout = n;
            return NGX_OK;
        }

    } else if (ngx_strcmp(value->data, "revocations=on") == 0) {
        redis->revocations = 1;
        return NGX_OK;

    } else if (ngx_strcmp(value->data, "revocations=off") == 0) {
        redis->revocations = 0;
        return NGX_OK;

    } else if (ngx_strcmp(value->data, "tls") == 0) {
        redis->tls = 1;
        return NGX_OK;

    } else if (ngx_strncmp(value->data, "tls_ca=", 7) == 0) {
        redis->tls_ca.data = value->data + 7;
        redis->tls_ca.len = value->len - 7;

        if (redis->tls_ca.len) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "tls_cert=", 9) == 0) {
        redis->tls_cert.data = value->data + 9;
        redis->tls_cert.len = value->len - 9;

        if (redis->tls_cert.len) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "tls_key=", 8) == 0) {
        redis->tls_key.data = value->data + 8;
        redis->tls_key.len = value->len - 8;

        if (redis->tls_key.len) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "tls_name=", 9) == 0) {
        redis->tls_name.data = value->data + 9;
        redis->tls_name.len = value->len - 9;

        if (redis->tls_name.len) {
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"hars_redis\": it takes "
                       "servers, then db=, user=, password_file=, timeout=, "
                       "prefix=, revocations=on|off, tls, tls_ca=, tls_cert=, "
                       "tls_key=, tls_name=", value);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_hars_redis_password(ngx_conf_t *cf, ngx_http_hars_redis_t *redis,
    ngx_str_t *name)
{
    u_char           buf[1024];
    ssize_t          n;
    ngx_fd_t         fd;
    const char      *why;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"hars_redis\" cannot open password_file \"%V\"",
                           name);
        return NGX_ERROR;
    }

    why = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        why = "is not a regular file";

    } else if ((fi.st_uid != 0 && fi.st_uid != geteuid())
               || (fi.st_mode & (S_IWGRP|S_IRWXO)))
    {
        why = "has to be owned by root or by this user and closed to others, "
              "use \"chmod 600\"";

    } else {
        n = ngx_read_fd(fd, buf, sizeof(buf));

        while (n > 0 && (buf[n - 1] == LF || buf[n - 1] == CR)) {
            n--;
        }

        if (n <= 0 || n == sizeof(buf)) {
            why = "is empty or longer than 1023 bytes";

        } else {
            redis->link_conf.password.len = n;
            redis->link_conf.password.data = ngx_pnalloc(cf->pool, n);

            if (redis->link_conf.password.data == NULL) {
                why = "cannot be kept: no memory";

            } else {
                ngx_memcpy(redis->link_conf.password.data, buf, n);
            }
        }

        ngx_explicit_memzero(buf, sizeof(buf));
    }

    (void) ngx_close_file(fd);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"hars_redis\" password_file \"%V\" %s", name,
                           why);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_str_t *
ngx_http_hars_redis_zone_name(ngx_http_hars_redis_t *redis)
{
    return &redis->zone_name;
}


void
ngx_http_hars_redis_set_zone(ngx_http_hars_redis_t *redis,
    ngx_http_hars_zone_t *zone)
{
    redis->zone = zone;
}


ngx_str_t *
ngx_http_hars_redis_prefix(ngx_http_hars_redis_t *redis)
{
    return &redis->prefix;
}


ngx_uint_t
ngx_http_hars_redis_revocations(ngx_http_hars_redis_t *redis)
{
    return redis->revocations;
}


void
ngx_http_hars_redis_state(ngx_http_hars_redis_t *redis,
    ngx_http_hars_redis_info_t *info)
{
    ngx_http_hars_server_t  *server;

    ngx_memzero(info, sizeof(ngx_http_hars_redis_info_t));

    server = redis->servers.elts;
    info->server = server[redis->current].name;

    if (redis->link == NULL) {
        return;
    }

    info->state = ngx_http_hars_link_state(redis->link);
    info->failures = redis->failures;
    info->queued = ngx_http_hars_link_queued(redis->link);

    if (redis->failures) {
        info->outage = (ngx_current_msec - redis->since) / 1000;
    }

    if (redis->channel) {
        info->channel = ngx_http_hars_link_state(redis->channel)
                        == NGX_HTTP_HARS_LINK_READY;
    }
}


void
ngx_http_hars_redis_where(ngx_http_hars_redis_t *redis, u_char **file,
    ngx_uint_t *line)
{
    *file = redis->file;
    *line = redis->line;
}


ngx_int_t
ngx_http_hars_redis_init_process(ngx_http_hars_redis_t *redis,
    ngx_cycle_t *cycle)
{
    redis->log = cycle->log;

    redis->retry.handler = ngx_http_hars_redis_retry_handler;
    redis->retry.data = redis;
    redis->retry.log = cycle->log;
    redis->retry.cancelable = 1;

    redis->channel_retry.handler = ngx_http_hars_redis_channel_handler;
    redis->channel_retry.data = redis;
    redis->channel_retry.log = cycle->log;
    redis->channel_retry.cancelable = 1;

    redis->link = ngx_http_hars_link_create(&redis->link_conf, cycle->log);
    if (redis->link == NULL) {
        return NGX_ERROR;
    }

    if (redis->revocations) {
        redis->channel = ngx_http_hars_link_create(&redis->channel_conf,
                                                   cycle->log);
        if (redis->channel == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_hars_redis_connect(redis);

    return NGX_OK;
}


void
ngx_http_hars_redis_exit_process(ngx_http_hars_redis_t *redis)
{
    /* of a reload without a master process, where no process is initialized */

    if (redis->link == NULL) {
        return;
    }

    if (redis->channel) {
        ngx_http_hars_link_destroy(redis->channel);
        redis->channel = NULL;
    }

    ngx_http_hars_link_destroy(redis->link);
    redis->link = NULL;

    if (redis->retry.timer_set) {
        ngx_del_timer(&redis->retry);
    }

    if (redis->channel_retry.timer_set) {
        ngx_del_timer(&redis->channel_retry);
    }
}


ngx_int_t
ngx_http_hars_redis_get(ngx_http_hars_redis_t *redis, u_char *key,
    ngx_http_hars_value_pt done, void *data, ngx_http_hars_query_t **query)
{
    u_char                  buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX
                                + HARS_KEY_HEX_LEN];
    ngx_str_t               argv[2];
    ngx_http_hars_value_t  *v;

    /* a first connection may be waited for, a broken one may not */

    if (redis->failures
        && ngx_http_hars_link_state(redis->link) != NGX_HTTP_HARS_LINK_READY)
    {
        return NGX_DECLINED;
    }

    v = ngx_alloc(sizeof(ngx_http_hars_value_t), redis->log);
    if (v == NULL) {
        return NGX_DECLINED;
    }

    v->redis = redis;
    v->done = done;
    v->data = data;

    ngx_str_set(&argv[0], "GET");
    ngx_http_hars_redis_key(redis, buf, key, &argv[1]);

    if (ngx_http_hars_link_command(redis->link, argv, 2,
                                   redis->link_conf.timeout,
                                   ngx_http_hars_redis_value, v, query)
        != NGX_OK)
    {
        ngx_free(v);
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}


void
ngx_http_hars_redis_cancel(ngx_http_hars_query_t *query)
{
    ngx_http_hars_value_t  *v;

    v = ngx_http_hars_link_data(query);

    v->done = NULL;
    v->data = NULL;
}


static void
ngx_http_hars_redis_value(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_value_t *v = data;

    if (v->done) {

        if (reply && reply->type == NGX_HTTP_HARS_REPLY_STRING) {
            v->done(v->data, NGX_OK, reply->str.data, reply->str.len);

        } else {
            v->done(v->data, NGX_DECLINED, NULL, 0);
        }
    }

    ngx_http_hars_redis_check(v->redis, reply);

    ngx_free(v);
}


ngx_uint_t
ngx_http_hars_redis_told(ngx_http_hars_redis_t *redis, u_char *key)
{
    return ngx_http_hars_channel_told(redis->zone,
                                      ngx_http_hars_link_run(redis->link));
}


void
ngx_http_hars_redis_put(ngx_http_hars_redis_t *redis, u_char *key,
    u_char *value, size_t len, ngx_msec_t ttl)
{
    u_char     buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX + HARS_KEY_HEX_LEN];
    u_char     ms[NGX_INT64_LEN];
    ngx_str_t  argv[6];

    if (ngx_http_hars_link_state(redis->link) != NGX_HTTP_HARS_LINK_READY) {
        return;
    }

    ngx_str_set(&argv[0], "SET");
    ngx_http_hars_redis_key(redis, buf, key, &argv[1]);
    argv[2].data = value;
    argv[2].len = len;
    ngx_str_set(&argv[3], "NX");
    ngx_str_set(&argv[4], "PX");
    argv[5].data = ms;
    argv[5].len = ngx_sprintf(ms, "%M", ngx_max(ttl, 1)) - ms;

    (void) ngx_http_hars_link_command(redis->link, argv, 6,
                                      redis->link_conf.timeout,
                                      ngx_http_hars_redis_checked, redis,
                                      NULL);
}


static void
ngx_http_hars_redis_checked(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_check(data, reply);
}


/* a server that answers, but is none that could be used */

static void
ngx_http_hars_redis_check(ngx_http_hars_redis_t *redis,
    ngx_http_hars_reply_t *reply)
{
    if (reply == NULL || reply->type != NGX_HTTP_HARS_REPLY_ERROR) {
        return;
    }

    if (redis->servers.nelts == 1) {

        /* nobody else to ask, and a replica's records are good */

        return;
    }

    if (ngx_strncmp(reply->str.data, "READONLY", 8) == 0) {
        ngx_http_hars_link_fail(redis->link, "is a read-only replica");

    } else if (ngx_strncmp(reply->str.data, "LOADING", 7) == 0) {
        ngx_http_hars_link_fail(redis->link, "is loading its data");

    } else if (ngx_strncmp(reply->str.data, "MASTERDOWN", 10) == 0) {
        ngx_http_hars_link_fail(redis->link, "is a replica without a master");
    }
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


static void
ngx_http_hars_redis_connect(ngx_http_hars_redis_t *redis)
{
    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    ngx_http_hars_link_open(redis->link, &server[redis->current].addr,
                            &server[redis->current].host);
}


static void
ngx_http_hars_redis_opened(void *data, ngx_http_hars_link_t *link)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    redis->failures = 0;

    if (redis->used != redis->current) {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "hars: Redis %V is used now",
                      &server[redis->current].name);

    } else if (redis->down) {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "hars: Redis %V is back",
                      &server[redis->current].name);
    }

    redis->used = redis->current;
    redis->down = 0;

    if (redis->channel == NULL) {
        return;
    }

    if (redis->channel_at != redis->current
        && ngx_http_hars_link_state(redis->channel)
           != NGX_HTTP_HARS_LINK_CLOSED)
    {
        ngx_http_hars_link_close(redis->channel);
    }

    redis->channel_failures = 0;

    if (ngx_http_hars_link_state(redis->channel) == NGX_HTTP_HARS_LINK_CLOSED)
    {
        ngx_http_hars_redis_channel_connect(redis);
    }
}


static void
ngx_http_hars_redis_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_uint_t               n;
    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;
    n = redis->servers.nelts;

    if (what && !redis->down) {
        redis->down = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, err, "hars: Redis %V %s",
                      &server[redis->current].name, what);
    }

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (redis->failures == 0) {
        redis->since = ngx_current_msec;
    }

    redis->failures++;
    redis->current = (redis->current + 1) % n;

    /* the next one at once, but each a second at most when all are dead */

    if (!redis->retry.timer_set) {
        ngx_add_timer(&redis->retry,
                      (redis->failures < n) ? 1
                      : ngx_http_hars_redis_backoff(redis->failures - n));
    }
}


static void
ngx_http_hars_redis_retry_handler(ngx_event_t *ev)
{
    ngx_http_hars_redis_t *redis = ev->data;

    if (ngx_http_hars_link_state(redis->link) == NGX_HTTP_HARS_LINK_CLOSED) {
        ngx_http_hars_redis_connect(redis);
    }
}


static ngx_msec_t
ngx_http_hars_redis_backoff(ngx_uint_t failures)
{
    ngx_msec_t  delay;

    delay = NGX_HTTP_HARS_REDIS_BACKOFF << ngx_min(failures, 6);

    return ngx_min(delay, NGX_HTTP_HARS_REDIS_PROBE);
}


static void
ngx_http_hars_redis_channel_connect(ngx_http_hars_redis_t *redis)
{
    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    redis->channel_at = redis->current;

    ngx_http_hars_link_open(redis->channel, &server[redis->channel_at].addr,
                            &server[redis->channel_at].host);
}


static void
ngx_http_hars_redis_channel_opened(void *data, ngx_http_hars_link_t *link)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    redis->channel_failures = 0;

    if (redis->channel_down) {
        redis->channel_down = 0;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "hars: Redis %V: revocation channel made again",
                      &server[redis->channel_at].name);
    }

    ngx_http_hars_channel_opened(redis->zone, link);
}


static void
ngx_http_hars_redis_channel_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what)
{
    ngx_http_hars_redis_t *redis = data;

    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    ngx_http_hars_channel_closed(redis->zone);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (what && !redis->channel_down) {
        redis->channel_down = 1;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, err,
                      "hars: Redis %V: revocation channel %s",
                      &server[redis->channel_at].name, what);
    }

    /* nobody may be asking for records: is the server there at all? */

    ngx_http_hars_redis_probe(redis);

    if (!redis->channel_retry.timer_set) {
        ngx_add_timer(&redis->channel_retry,
                      ngx_http_hars_redis_backoff(redis->channel_failures));
    }

    redis->channel_failures++;
}


static void
ngx_http_hars_redis_channel_handler(ngx_event_t *ev)
{
    ngx_http_hars_redis_t *redis = ev->data;

    /* a link that is not ready yet makes the channel when it is */

    if (ngx_http_hars_link_state(redis->link) == NGX_HTTP_HARS_LINK_READY
        && ngx_http_hars_link_state(redis->channel)
           == NGX_HTTP_HARS_LINK_CLOSED)
    {
        ngx_http_hars_redis_channel_connect(redis);
    }
}


static void
ngx_http_hars_redis_probe(ngx_http_hars_redis_t *redis)
{
    ngx_str_t  argv[1];

    if (redis->probing
        || ngx_http_hars_link_state(redis->link) != NGX_HTTP_HARS_LINK_READY)
    {
        return;
    }

    ngx_str_set(&argv[0], "PING");

    if (ngx_http_hars_link_command(redis->link, argv, 1,
                                   redis->link_conf.timeout,
                                   ngx_http_hars_redis_probed, redis, NULL)
        == NGX_OK)
    {
        redis->probing = 1;
    }
}


static void
ngx_http_hars_redis_probed(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_redis_t *redis = data;

    redis->probing = 0;

    ngx_http_hars_redis_check(redis, reply);
}
