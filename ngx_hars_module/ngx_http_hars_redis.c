
/*
 * L2: one pipelined connection of each worker to Redis.  hiredis is the codec
 * (the part that is the same in 0.14 and 1.x); sockets, events and timers are
 * nginx's.  Nothing here blocks, and nothing here holds a request: a query
 * knows whom to call, and forgets it when cancelled.
 *
 * Every query completes exactly once.  Redis only makes things faster, so
 * every trouble is NGX_DECLINED: an error, a timeout, a connection that is
 * not there.  A timeout closes the connection, because a late reply would
 * answer the wrong query.  An outage is logged once, and probed with backoff;
 * while a reconnect is not through its setup, nobody waits for it.
 *
 * This file is the only user of hiredis in the module.
 */

#include "ngx_http_hars.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_HARS_REDIS_QUEUE     4096     /* queries in flight */
#define NGX_HTTP_HARS_REDIS_REPLY     16384    /* bytes of one reply */
#define NGX_HTTP_HARS_REDIS_BACKOFF   100      /* ms, doubled each time */
#define NGX_HTTP_HARS_REDIS_PROBE     1000     /* ms, at most between tries */


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_hars_elements_t;
#else
typedef int     ngx_http_hars_elements_t;
#endif


typedef enum {
    NGX_HTTP_HARS_REDIS_CLOSED = 0,
    NGX_HTTP_HARS_REDIS_SETUP,          /* connecting, AUTH, SELECT, PING */
    NGX_HTTP_HARS_REDIS_READY
} ngx_http_hars_redis_state_e;


typedef enum {
    NGX_HTTP_HARS_QUERY_SETUP = 0,
    NGX_HTTP_HARS_QUERY_READY,          /* the last one of the setup */
    NGX_HTTP_HARS_QUERY_GET,
    NGX_HTTP_HARS_QUERY_SET
} ngx_http_hars_query_e;


struct ngx_http_hars_query_s {
    ngx_queue_t                  queue;
    ngx_http_hars_query_e        type;
    ngx_msec_t                   deadline;
    ngx_http_hars_value_pt       done;       /* NULL: cancelled, or none */
    void                        *data;
};


struct ngx_http_hars_redis_s {
    ngx_str_t                    zone_name;
    ngx_str_t                    name;       /* of the server */
    struct sockaddr             *sockaddr;
    socklen_t                    socklen;
    ngx_str_t                    db;
    ngx_str_t                    user;
    ngx_str_t                    password;
    ngx_str_t                    prefix;
    ngx_msec_t                   timeout;
    u_char                      *file;
    ngx_uint_t                   line;

    /* of the worker */
    ngx_http_hars_redis_state_e  state;
    ngx_peer_connection_t        peer;
    ngx_connection_t            *connection;
    redisReader                 *reader;
    size_t                       received;   /* since the last whole reply */
    ngx_queue_t                  queries;    /* in flight, in order */
    ngx_uint_t                   nqueries;
    u_char                      *out;        /* not sent yet */
    size_t                       out_size;
    size_t                       out_start;
    size_t                       out_end;
    ngx_event_t                  timer;      /* deadline of the first */
    ngx_event_t                  backoff;
    ngx_uint_t                   failures;   /* in a row */
    ngx_log_t                   *log;
    ngx_log_t                    quiet;      /* says nothing by itself */
    unsigned                     down:1;     /* the outage is logged */
    unsigned                     error:1;    /* an error reply is logged */
};


static ngx_int_t ngx_http_hars_redis_option(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *value);
static ngx_int_t ngx_http_hars_redis_password(ngx_conf_t *cf,
    ngx_http_hars_redis_t *redis, ngx_str_t *name);
static void ngx_http_hars_redis_connect(ngx_http_hars_redis_t *redis);
static ngx_int_t ngx_http_hars_redis_setup(ngx_http_hars_redis_t *redis);
static ngx_int_t ngx_http_hars_redis_command(ngx_http_hars_redis_t *redis,
    ngx_http_hars_query_e type, ngx_str_t *args, ngx_uint_t n,
    ngx_http_hars_query_t **query);
static ngx_int_t ngx_http_hars_redis_append(ngx_http_hars_redis_t *redis,
    u_char *data, size_t len);
static void ngx_http_hars_redis_write_handler(ngx_event_t *wev);
static ngx_err_t ngx_http_hars_redis_test_connect(ngx_connection_t *c);
static void ngx_http_hars_redis_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_hars_redis_replies(ngx_http_hars_redis_t *redis);
static ngx_int_t ngx_http_hars_redis_reply(ngx_http_hars_redis_t *redis,
    redisReply *reply);
static void ngx_http_hars_redis_complete(ngx_http_hars_redis_t *redis,
    ngx_http_hars_query_t *query, ngx_int_t rc, u_char *value, size_t len);
static void ngx_http_hars_redis_arm(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_timer_handler(ngx_event_t *ev);
static void ngx_http_hars_redis_backoff_handler(ngx_event_t *ev);
static void ngx_http_hars_redis_fail(ngx_http_hars_redis_t *redis,
    ngx_err_t err, const char *what);
static void ngx_http_hars_redis_close(ngx_http_hars_redis_t *redis);
static void ngx_http_hars_redis_key(ngx_http_hars_redis_t *redis,
    u_char *buf, u_char *key, ngx_str_t *name);
static redisReader *ngx_http_hars_redis_reader(void);
static void *ngx_http_hars_redis_no_array(const redisReadTask *task,
    ngx_http_hars_elements_t elements);


#define NGX_HTTP_HARS_REDIS_PREFIX_MAX  64


char *
ngx_http_hars_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_main_conf_t *hmcf = conf;

    ngx_url_t                u;
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
    redis->timeout = 200;
    redis->file = cf->conf_file->file.name.data;
    redis->line = cf->conf_file->line;
    ngx_str_set(&redis->prefix, "hars:");

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[2];
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"hars_redis\" server \"%V\", use "
                           "\"unix:/path\" or \"host:port\"",
                           u.err ? u.err : "invalid address", &u.url);
        return NGX_CONF_ERROR;
    }

    redis->name = u.addrs[0].name;
    redis->sockaddr = u.addrs[0].sockaddr;
    redis->socklen = u.addrs[0].socklen;

    for (i = 3; i < cf->args->nelts; i++) {
        if (ngx_http_hars_redis_option(cf, redis, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (redis->user.len && redis->password.len == 0) {
        return "has \"user=\" without \"password_file=\"";
    }

    list = ngx_array_push(&hmcf->redis);
    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    *list = redis;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hars_redis_option(ngx_conf_t *cf, ngx_http_hars_redis_t *redis,
    ngx_str_t *value)
{
    ngx_int_t   n;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "db=", 3) == 0) {
        redis->db.data = value->data + 3;
        redis->db.len = value->len - 3;

        n = ngx_atoi(redis->db.data, redis->db.len);
        if (n != NGX_ERROR && n < 65536) {
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "user=", 5) == 0) {
        redis->user.data = value->data + 5;
        redis->user.len = value->len - 5;

        if (redis->user.len) {
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
            redis->timeout = n;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"hars_redis\": it takes "
                       "one server and db=, user=, password_file=, timeout=, "
                       "prefix=", value);
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
            redis->password.len = n;
            redis->password.data = ngx_pnalloc(cf->pool, n);

            if (redis->password.data == NULL) {
                why = "cannot be kept: no memory";

            } else {
                ngx_memcpy(redis->password.data, buf, n);
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
    redis->quiet = *cycle->log;
    redis->quiet.log_level = NGX_LOG_EMERG;
    redis->quiet.next = NULL;

    ngx_queue_init(&redis->queries);

    redis->timer.handler = ngx_http_hars_redis_timer_handler;
    redis->timer.data = redis;
    redis->timer.log = cycle->log;

    redis->backoff.handler = ngx_http_hars_redis_backoff_handler;
    redis->backoff.data = redis;
    redis->backoff.log = cycle->log;
    redis->backoff.cancelable = 1;

    ngx_http_hars_redis_connect(redis);

    return NGX_OK;
}


void
ngx_http_hars_redis_exit_process(ngx_http_hars_redis_t *redis)
{
    /* of a reload without a master process, where no process is initialized */

    if (redis->log == NULL) {
        return;
    }

    ngx_http_hars_redis_close(redis);

    if (redis->backoff.timer_set) {
        ngx_del_timer(&redis->backoff);
    }

    if (redis->out) {
        ngx_free(redis->out);
        redis->out = NULL;
    }
}


ngx_int_t
ngx_http_hars_redis_get(ngx_http_hars_redis_t *redis, u_char *key,
    ngx_http_hars_value_pt done, void *data, ngx_http_hars_query_t **query)
{
    u_char     buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX + HARS_KEY_HEX_LEN];
    ngx_str_t  args[2];

    /* a first connection may be waited for, a broken one may not */

    if (redis->state == NGX_HTTP_HARS_REDIS_CLOSED
        || (redis->state == NGX_HTTP_HARS_REDIS_SETUP && redis->failures))
    {
        return NGX_DECLINED;
    }

    ngx_str_set(&args[0], "GET");
    ngx_http_hars_redis_key(redis, buf, key, &args[1]);

    if (ngx_http_hars_redis_command(redis, NGX_HTTP_HARS_QUERY_GET, args, 2,
                                    query)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    (*query)->done = done;
    (*query)->data = data;

    return NGX_AGAIN;
}


void
ngx_http_hars_redis_cancel(ngx_http_hars_query_t *query)
{
    query->done = NULL;
    query->data = NULL;
}


void
ngx_http_hars_redis_put(ngx_http_hars_redis_t *redis, u_char *key,
    u_char *value, size_t len, ngx_msec_t ttl)
{
    u_char                  buf[NGX_HTTP_HARS_REDIS_PREFIX_MAX
                                + HARS_KEY_HEX_LEN];
    u_char                  ms[NGX_INT64_LEN];
    ngx_str_t               args[6];
    ngx_http_hars_query_t  *query;

    if (redis->state != NGX_HTTP_HARS_REDIS_READY) {
        return;
    }

    ngx_str_set(&args[0], "SET");
    ngx_http_hars_redis_key(redis, buf, key, &args[1]);
    args[2].data = value;
    args[2].len = len;
    ngx_str_set(&args[3], "NX");
    ngx_str_set(&args[4], "PX");
    args[5].data = ms;
    args[5].len = ngx_sprintf(ms, "%M", ngx_max(ttl, 1)) - ms;

    (void) ngx_http_hars_redis_command(redis, NGX_HTTP_HARS_QUERY_SET, args,
                                       6, &query);
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
    ngx_int_t          rc;
    ngx_connection_t  *c;

    ngx_memzero(&redis->peer, sizeof(ngx_peer_connection_t));

    redis->peer.sockaddr = redis->sockaddr;
    redis->peer.socklen = redis->socklen;
    redis->peer.name = &redis->name;
    redis->peer.get = ngx_event_get_peer;
    redis->peer.log = &redis->quiet;
    redis->peer.log_error = NGX_ERROR_INFO;

    redis->reader = ngx_http_hars_redis_reader();
    if (redis->reader == NULL) {
        ngx_http_hars_redis_fail(redis, 0, "has no memory for its reader");
        return;
    }

    rc = ngx_event_connect_peer(&redis->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {

        if (redis->peer.connection) {
            ngx_close_connection(redis->peer.connection);
            redis->peer.connection = NULL;
        }

        ngx_http_hars_redis_fail(redis, ngx_socket_errno,
                                 "cannot be connected");
        return;
    }

    c = redis->peer.connection;

    c->data = redis;
    c->log = redis->log;
    c->read->log = redis->log;
    c->write->log = redis->log;
    c->read->handler = ngx_http_hars_redis_read_handler;
    c->write->handler = ngx_http_hars_redis_write_handler;

    redis->connection = c;
    redis->state = NGX_HTTP_HARS_REDIS_SETUP;
    redis->received = 0;
    redis->out_start = 0;
    redis->out_end = 0;
    redis->error = 0;

    if (ngx_http_hars_redis_setup(redis) != NGX_OK) {
        ngx_http_hars_redis_fail(redis, 0, "has no memory for its setup");
    }
}


static redisReader *
ngx_http_hars_redis_reader(void)
{
    redisReader                       *reader;
    static redisReplyObjectFunctions   fn;

    reader = redisReaderCreate();

    if (reader) {
        fn = *reader->fn;
        fn.createArray = ngx_http_hars_redis_no_array;
        reader->fn = &fn;
    }

    return reader;
}


static void *
ngx_http_hars_redis_no_array(const redisReadTask *task,
    ngx_http_hars_elements_t elements)
{
    /*
     * no command of ours is answered by one; hiredis would believe a header
     * of 2^30 elements, and freeing them stops the worker for seconds
     */

    return NULL;
}


static ngx_int_t
ngx_http_hars_redis_setup(ngx_http_hars_redis_t *redis)
{
    ngx_str_t               args[3];
    ngx_uint_t              n;
    ngx_http_hars_query_t  *query;

    if (redis->password.len) {
        n = 1;
        ngx_str_set(&args[0], "AUTH");

        if (redis->user.len) {
            args[n++] = redis->user;
        }

        args[n++] = redis->password;

        if (ngx_http_hars_redis_command(redis, NGX_HTTP_HARS_QUERY_SETUP,
                                        args, n, &query)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (redis->db.len) {
        ngx_str_set(&args[0], "SELECT");
        args[1] = redis->db;

        if (ngx_http_hars_redis_command(redis, NGX_HTTP_HARS_QUERY_SETUP,
                                        args, 2, &query)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* a server that accepts connections may still not answer */

    ngx_str_set(&args[0], "PING");

    return ngx_http_hars_redis_command(redis, NGX_HTTP_HARS_QUERY_READY, args,
                                       1, &query);
}


static ngx_int_t
ngx_http_hars_redis_command(ngx_http_hars_redis_t *redis,
    ngx_http_hars_query_e type, ngx_str_t *args, ngx_uint_t n,
    ngx_http_hars_query_t **query)
{
    int                     len;
    char                   *cmd;
    size_t                  argvlen[6];
    ngx_int_t               rc;
    ngx_uint_t              i;
    const char             *argv[6];
    ngx_http_hars_query_t  *q;

    if (redis->nqueries == NGX_HTTP_HARS_REDIS_QUEUE) {
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        argv[i] = (const char *) args[i].data;
        argvlen[i] = args[i].len;
    }

    q = ngx_alloc(sizeof(ngx_http_hars_query_t), redis->log);
    if (q == NULL) {
        return NGX_ERROR;
    }

    len = redisFormatCommandArgv(&cmd, n, argv, argvlen);
    if (len < 0) {
        ngx_free(q);
        return NGX_ERROR;
    }

    rc = ngx_http_hars_redis_append(redis, (u_char *) cmd, len);

    redisFreeCommand(cmd);

    if (rc != NGX_OK) {
        ngx_free(q);
        return NGX_ERROR;
    }

    q->type = type;
    q->deadline = ngx_current_msec + redis->timeout;
    q->done = NULL;
    q->data = NULL;

    ngx_queue_insert_tail(&redis->queries, &q->queue);
    redis->nqueries++;

    redis->connection->idle = 0;

    ngx_http_hars_redis_arm(redis);

    /* what this turn of the event loop asks goes out in one write */

    ngx_post_event(redis->connection->write, &ngx_posted_events);

    *query = q;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_redis_append(ngx_http_hars_redis_t *redis, u_char *data,
    size_t len)
{
    u_char  *p;
    size_t   size;

    if (redis->out_start) {
        ngx_memmove(redis->out, redis->out + redis->out_start,
                    redis->out_end - redis->out_start);
        redis->out_end -= redis->out_start;
        redis->out_start = 0;
    }

    if (redis->out_end + len > redis->out_size) {
        size = ngx_max(2 * redis->out_size, redis->out_end + len);
        size = ngx_max(size, 4096);

        p = ngx_alloc(size, redis->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (redis->out) {
            ngx_memcpy(p, redis->out, redis->out_end);
            ngx_free(redis->out);
        }

        redis->out = p;
        redis->out_size = size;
    }

    ngx_memcpy(redis->out + redis->out_end, data, len);
    redis->out_end += len;

    return NGX_OK;
}


static void
ngx_http_hars_redis_write_handler(ngx_event_t *wev)
{
    ssize_t                 n;
    ngx_err_t               err;
    ngx_connection_t       *c;
    ngx_http_hars_redis_t  *redis;

    c = wev->data;
    redis = c->data;

    if (redis->state == NGX_HTTP_HARS_REDIS_SETUP) {
        err = ngx_http_hars_redis_test_connect(c);

        if (err == NGX_EINPROGRESS) {
            return;
        }

        if (err) {
            ngx_http_hars_redis_fail(redis, err, "cannot be connected");
            return;
        }
    }

    while (redis->out_start < redis->out_end) {

        n = c->send(c, redis->out + redis->out_start,
                    redis->out_end - redis->out_start);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_hars_redis_fail(redis, 0, "closed the connection");
            return;
        }

        redis->out_start += n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_hars_redis_fail(redis, 0, "cannot be watched");
    }
}


static ngx_err_t
ngx_http_hars_redis_test_connect(ngx_connection_t *c)
{
    int             err;
    socklen_t       len;
    ngx_sockaddr_t  sa;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        return ngx_socket_errno;
    }

    if (err) {
        return err;
    }

    len = sizeof(ngx_sockaddr_t);

    if (getpeername(c->fd, &sa.sockaddr, &len) == -1) {
        return NGX_EINPROGRESS;
    }

    return 0;
}


static void
ngx_http_hars_redis_read_handler(ngx_event_t *rev)
{
    u_char                  buf[4096];
    ssize_t                 n;
    ngx_err_t               err;
    ngx_connection_t       *c;
    ngx_http_hars_redis_t  *redis;

    c = rev->data;
    redis = c->data;

    if (redis->state == NGX_HTTP_HARS_REDIS_SETUP) {
        err = ngx_http_hars_redis_test_connect(c);

        if (err && err != NGX_EINPROGRESS) {
            ngx_http_hars_redis_fail(redis, err, "cannot be connected");
            return;
        }
    }

    if (c->close) {

        /* the worker is leaving, and nobody waits for this connection */

        ngx_http_hars_redis_close(redis);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_hars_redis_fail(redis, 0, "closed the connection");
            return;
        }

        redis->received += n;

        if (redisReaderFeed(redis->reader, (char *) buf, n) != REDIS_OK
            || ngx_http_hars_redis_replies(redis) != NGX_OK)
        {
            ngx_http_hars_redis_fail(redis, 0,
                                     "sent what is not understood");
            return;
        }

        if (redis->state == NGX_HTTP_HARS_REDIS_CLOSED) {
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_hars_redis_fail(redis, 0, "cannot be watched");
    }
}


static ngx_int_t
ngx_http_hars_redis_replies(ngx_http_hars_redis_t *redis)
{
    void       *reply;
    ngx_int_t   rc;

    for ( ;; ) {

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return (redis->received > NGX_HTTP_HARS_REDIS_REPLY) ? NGX_ERROR
                                                                 : NGX_OK;
        }

        redis->received = 0;

        rc = ngx_http_hars_redis_reply(redis, reply);

        freeReplyObject(reply);

        if (rc != NGX_OK || redis->state == NGX_HTTP_HARS_REDIS_CLOSED) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_http_hars_redis_reply(ngx_http_hars_redis_t *redis, redisReply *reply)
{
    ngx_queue_t            *q;
    ngx_http_hars_query_t  *query;

    if (ngx_queue_empty(&redis->queries)) {
        return NGX_ERROR;
    }

    q = ngx_queue_head(&redis->queries);
    query = ngx_queue_data(q, ngx_http_hars_query_t, queue);

    if (reply->type == REDIS_REPLY_ERROR && !redis->error) {
        redis->error = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "hars: Redis %V answers \"%*s\"", &redis->name,
                      (size_t) ngx_min(reply->len, 200), reply->str);
    }

    switch (query->type) {

    case NGX_HTTP_HARS_QUERY_GET:

        if (reply->type == REDIS_REPLY_STRING) {
            ngx_http_hars_redis_complete(redis, query, NGX_OK,
                                         (u_char *) reply->str, reply->len);
            break;
        }

        ngx_http_hars_redis_complete(redis, query, NGX_DECLINED, NULL, 0);
        break;

    case NGX_HTTP_HARS_QUERY_SET:
        ngx_http_hars_redis_complete(redis, query, NGX_OK, NULL, 0);
        break;

    default: /* NGX_HTTP_HARS_QUERY_SETUP, NGX_HTTP_HARS_QUERY_READY */

        if (reply->type != REDIS_REPLY_STATUS) {
            ngx_http_hars_redis_fail(redis, 0, "refuses the setup: see "
                                     "user=, password_file=, db=");
            return NGX_OK;
        }

        if (query->type == NGX_HTTP_HARS_QUERY_READY) {
            redis->state = NGX_HTTP_HARS_REDIS_READY;
            redis->failures = 0;

            if (redis->down) {
                redis->down = 0;
                ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                              "hars: Redis %V is back", &redis->name);
            }
        }

        ngx_http_hars_redis_complete(redis, query, NGX_OK, NULL, 0);
        break;
    }

    ngx_http_hars_redis_arm(redis);

    return NGX_OK;
}


static void
ngx_http_hars_redis_complete(ngx_http_hars_redis_t *redis,
    ngx_http_hars_query_t *query, ngx_int_t rc, u_char *value, size_t len)
{
    ngx_queue_remove(&query->queue);
    redis->nqueries--;

    if (query->done) {
        query->done(query->data, rc, value, len);
    }

    ngx_free(query);
}


static void
ngx_http_hars_redis_arm(ngx_http_hars_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_connection_t       *c;
    ngx_http_hars_query_t  *query;

    if (!ngx_queue_empty(&redis->queries)) {

        if (!redis->timer.timer_set) {
            q = ngx_queue_head(&redis->queries);
            query = ngx_queue_data(q, ngx_http_hars_query_t, queue);

            ngx_add_timer(&redis->timer, query->deadline - ngx_current_msec);
        }

        return;
    }

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    c = redis->connection;

    if (c && ngx_exiting) {
        c->close = 1;
        ngx_post_event(c->read, &ngx_posted_events);
        return;
    }

    if (c) {
        c->idle = 1;
    }
}


static void
ngx_http_hars_redis_timer_handler(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_http_hars_query_t  *query;
    ngx_http_hars_redis_t  *redis;

    redis = ev->data;

    if (ngx_queue_empty(&redis->queries)) {
        return;
    }

    q = ngx_queue_head(&redis->queries);
    query = ngx_queue_data(q, ngx_http_hars_query_t, queue);

    /* the timer was set for a query that has been answered since */

    if ((ngx_msec_int_t) (query->deadline - ngx_current_msec) > 0) {
        ngx_http_hars_redis_arm(redis);
        return;
    }

    ngx_http_hars_redis_fail(redis, NGX_ETIMEDOUT, "does not answer");
}


static void
ngx_http_hars_redis_fail(ngx_http_hars_redis_t *redis, ngx_err_t err,
    const char *what)
{
    ngx_msec_t  delay;

    if (!redis->down) {
        redis->down = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, err, "hars: Redis %V %s",
                      &redis->name, what);
    }

    ngx_http_hars_redis_close(redis);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    delay = NGX_HTTP_HARS_REDIS_BACKOFF << ngx_min(redis->failures, 6);
    delay = ngx_min(delay, NGX_HTTP_HARS_REDIS_PROBE);
    redis->failures++;

    if (!redis->backoff.timer_set) {
        ngx_add_timer(&redis->backoff, delay);
    }
}


static void
ngx_http_hars_redis_backoff_handler(ngx_event_t *ev)
{
    ngx_http_hars_redis_t *redis = ev->data;

    if (redis->state == NGX_HTTP_HARS_REDIS_CLOSED) {
        ngx_http_hars_redis_connect(redis);
    }
}


static void
ngx_http_hars_redis_close(ngx_http_hars_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_http_hars_query_t  *query;

    redis->state = NGX_HTTP_HARS_REDIS_CLOSED;

    if (redis->connection) {
        ngx_close_connection(redis->connection);
        redis->connection = NULL;
        redis->peer.connection = NULL;
    }

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    while (!ngx_queue_empty(&redis->queries)) {
        q = ngx_queue_head(&redis->queries);
        query = ngx_queue_data(q, ngx_http_hars_query_t, queue);

        ngx_http_hars_redis_complete(redis, query, NGX_DECLINED, NULL, 0);
    }

    if (redis->reader) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }
}
