
/*
 * hars_redis: what an administrator says of Redis, and what of it cannot work.
 */

#include "ngx_http_hars_redis.h"


#define NGX_HTTP_HARS_REDIS_REPLY       16384    /* bytes of a record */


static ngx_int_t ngx_http_hars_redis_server(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *value);
static ngx_uint_t ngx_http_hars_redis_is_option(ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_option(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_password(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *name);
static const char *ngx_http_hars_redis_wrong(ngx_http_hars_redis_t *redis);
static ngx_int_t ngx_http_hars_redis_tls(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_links(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_identify(ngx_http_hars_redis_t *redis,
    ngx_str_t *servers, ngx_uint_t n);
static void ngx_http_hars_redis_word(ngx_http_hars_redis_t *redis,
    ngx_str_t *word);


/* what takes a value, so that a mistyped server is no server */
static ngx_str_t  ngx_http_hars_redis_options[] = {
    ngx_string("db="),
    ngx_string("user="),
    ngx_string("password_file="),
    ngx_string("prefix="),
    ngx_string("timeout="),
    ngx_string("revocations="),
    ngx_string("sentinel="),
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
    ngx_uint_t               i, n;
    const char              *why;
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
    redis->clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
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

    n = i - 2;

    for ( /* void */ ; i < cf->args->nelts; i++) {
        if (ngx_http_hars_redis_option(cf, redis, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    why = ngx_http_hars_redis_wrong(redis);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"hars_redis\" %s", why);
        return NGX_CONF_ERROR;
    }

    if (redis->tls && ngx_http_hars_redis_tls(cf, redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_hars_redis_links(redis);
    ngx_http_hars_redis_identify(redis, &value[2], n);

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

    if (ngx_strcmp(value->data, "tls") == 0
        || ngx_strcmp(value->data, "cluster") == 0)
    {
        return 1;
    }

    /* no host has this in its name: a parameter with a typing error */

    return ngx_strlchr(value->data, value->data + value->len, '=') != NULL;
}


static ngx_int_t
ngx_http_hars_redis_server(ngx_conf_t *cf, ngx_http_hars_redis_t *redis,
    ngx_str_t *value)
{
    u_char                  *p;
    ngx_url_t                u;
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

    if (u.host.len > NGX_HTTP_HARS_REDIS_HOST_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too long a name in \"hars_redis\" server \"%V\"",
                           &u.url);
        return NGX_ERROR;
    }

    /* each address of a name is a server of its own */

    for (i = 0; i < u.naddrs; i++) {
        server = ngx_array_push(&redis->servers);
        if (server == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(server, sizeof(ngx_http_hars_server_t));
        ngx_memcpy(&server->sockaddr, u.addrs[i].sockaddr, u.addrs[i].socklen);
        server->socklen = u.addrs[i].socklen;
        p = server->text;

        if (u.family != AF_UNIX && u.host.data[0] != '['
            && ngx_inet_addr(u.host.data, u.host.len) == INADDR_NONE)
        {
            server->port = u.port;
            server->host_len = u.host.len;
            p = ngx_sprintf(p, "%V:%ui", &u.host, (ngx_uint_t) u.port);

        } else {
            p = ngx_cpymem(p, u.addrs[i].name.data, u.addrs[i].name.len);
        }

        server->len = p - server->text;
    }

    return NGX_OK;
}


/* what cannot work together, or NULL */

static const char *
ngx_http_hars_redis_wrong(ngx_http_hars_redis_t *redis)
{
    ngx_uint_t               i;
    ngx_http_hars_server_t  *server;

    server = redis->servers.elts;

    if (redis->link_conf.user.len && redis->link_conf.password.len == 0) {
        return "has \"user=\" without \"password_file=\"";
    }

    if (redis->topology == NGX_HTTP_HARS_CLUSTER) {

        if (redis->master.len) {
            return "has \"sentinel=\" and \"cluster\", which exclude each "
                   "other";
        }

        if (redis->link_conf.db.len) {
            return "has \"db=\" with \"cluster\", which knows one only";
        }

        for (i = 0; i < redis->servers.nelts; i++) {
            if (server[i].sockaddr.sockaddr.sa_family == AF_UNIX) {
                return "needs \"host:port\" for each server with \"cluster\"";
            }
        }
    }

    if (!redis->tls) {

        if (redis->tls_ca.len || redis->tls_cert.len || redis->tls_key.len
            || redis->tls_name.len)
        {
            return "has \"tls_...=\" without \"tls\"";
        }

        return NULL;
    }

    if (redis->tls_ca.len == 0) {
        return "needs \"tls_ca=file\" with \"tls\"";
    }

    if ((redis->tls_cert.len == 0) != (redis->tls_key.len == 0)) {
        return "needs \"tls_cert=\" and \"tls_key=\" together";
    }

    for (i = 0; redis->tls_name.len == 0 && i < redis->servers.nelts; i++) {
        if (server[i].host_len == 0) {
            return "needs \"tls_name=\" for a server that is given by its "
                   "address";
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_hars_redis_tls(ngx_conf_t *cf, ngx_http_hars_redis_t *redis)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

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


/* three kinds of links: for records, for the channel, for who knows masters */

static void
ngx_http_hars_redis_links(ngx_http_hars_redis_t *redis)
{
    redis->link_conf.reply_max = NGX_HTTP_HARS_REDIS_REPLY;
    redis->link_conf.opened = ngx_http_hars_node_opened;
    redis->link_conf.closed = ngx_http_hars_node_closed;
    redis->link_conf.moves = (redis->topology == NGX_HTTP_HARS_CLUSTER);

    redis->scout_conf = redis->link_conf;
    redis->scout_conf.reply_max = NGX_HTTP_HARS_LINK_LARGE;
    redis->scout_conf.channel = 1;

    if (redis->topology == NGX_HTTP_HARS_SENTINEL) {

        /* user and password are the server's, not the Sentinel's */

        ngx_str_null(&redis->scout_conf.user);
        ngx_str_null(&redis->scout_conf.password);
        ngx_str_null(&redis->scout_conf.db);
    }

    redis->link_conf.info = redis->revocations;

    redis->channel_conf = redis->link_conf;
    redis->channel_conf.reply_max = NGX_HTTP_HARS_LINK_LARGE;
    redis->channel_conf.channel = 1;
    redis->channel_conf.stays = 1;
    redis->channel_conf.opened = ngx_http_hars_redis_channel_opened;
    redis->channel_conf.closed = ngx_http_hars_redis_channel_closed;
}


/*
 * Which stream that is.  The servers are told by their words: a name may have
 * other addresses each time it is read.
 */

static void
ngx_http_hars_redis_identify(ngx_http_hars_redis_t *redis,
    ngx_str_t *servers, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_crc32_init(redis->source);

    for (i = 0; i < n; i++) {
        ngx_http_hars_redis_word(redis, &servers[i]);
    }

    ngx_http_hars_redis_word(redis, &redis->prefix);
    ngx_http_hars_redis_word(redis, &redis->link_conf.db);
    ngx_http_hars_redis_word(redis, &redis->master);

    redis->source ^= redis->topology;
}


static void
ngx_http_hars_redis_word(ngx_http_hars_redis_t *redis, ngx_str_t *word)
{
    ngx_crc32_update(&redis->source, word->data, word->len);
    ngx_crc32_update(&redis->source, (u_char *) "", 1);
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

    } else if (ngx_strncmp(value->data, "sentinel=", 9) == 0) {
        redis->master.data = value->data + 9;
        redis->master.len = value->len - 9;

        if (redis->master.len && redis->topology == NGX_HTTP_HARS_SERVERS) {
            redis->topology = NGX_HTTP_HARS_SENTINEL;
        }

        if (redis->master.len) {
            return NGX_OK;
        }

    } else if (ngx_strcmp(value->data, "cluster") == 0) {
        redis->topology = NGX_HTTP_HARS_CLUSTER;
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
                       "servers, then sentinel=, cluster, db=, user=, "
                       "password_file=, timeout=, prefix=, "
                       "revocations=on|off, tls, tls_ca=, tls_cert=, "
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


uint32_t
ngx_http_hars_redis_source(ngx_http_hars_redis_t *redis)
{
    return redis->source;
}


ngx_uint_t
ngx_http_hars_redis_revocations(ngx_http_hars_redis_t *redis)
{
    return redis->revocations;
}


void
ngx_http_hars_redis_where(ngx_http_hars_redis_t *redis, u_char **file,
    ngx_uint_t *line)
{
    *file = redis->file;
    *line = redis->line;
}
