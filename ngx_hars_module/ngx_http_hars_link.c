
/*
 * One pipelined connection of a worker to one Redis server.  hiredis is the
 * codec (the part that is the same in 0.14 and 1.x); sockets, events and
 * timers are nginx's.  Nothing here blocks, and nothing here holds a request:
 * a query knows whom to call, and forgets it when cancelled.
 *
 * Every query completes exactly once: with a reply, or without one when the
 * link is closed.  A query that misses its deadline closes the link, because
 * a late reply would answer the wrong one.  What a server may send is bounded
 * in bytes, depth and elements, before anything is allocated for it.
 *
 * With TLS nothing is sent or read before the server's certificate has proved
 * to be valid and for the name that was asked for.
 *
 * A link never decides to which server it goes, nor when again: its owner is
 * told that it is set up and that it closed.  This file is the only user of
 * hiredis in the module.
 */

#include "ngx_http_hars.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_HARS_LINK_QUEUE     4096    /* queries in flight */
#define NGX_HTTP_HARS_LINK_OUT       1048576 /* bytes not sent yet */
#define NGX_HTTP_HARS_LINK_ARGS      16      /* words of a command */
#define NGX_HTTP_HARS_REPLY_DEPTH    7


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_hars_elements_t;
#else
typedef int     ngx_http_hars_elements_t;
#endif


typedef struct {
    ngx_queue_t                  queue;
    ngx_msec_t                   deadline;
    ngx_http_hars_reply_pt       done;       /* NULL: nobody waits */
    void                        *data;
} ngx_http_hars_command_t;


struct ngx_http_hars_link_s {
    ngx_http_hars_link_conf_t   *conf;
    void                        *data;       /* of who is told */
    ngx_http_hars_link_state_e   state;
    ngx_addr_t                   addr;
    ngx_str_t                    tls_name;
    ngx_pool_t                  *tls_pool;   /* of the TLS connection */
    ngx_peer_connection_t        peer;
    ngx_connection_t            *connection;

    redisReader                 *reader;
    size_t                       received;   /* since the last whole reply */
    ngx_pool_t                  *pool;       /* of the reply being read */
    ngx_uint_t                   nodes;      /* of it */

    ngx_queue_t                  queries;    /* in flight, in order */
    ngx_uint_t                   nqueries;
    u_char                      *out;        /* not sent yet */
    size_t                       out_size;
    size_t                       out_start;
    size_t                       out_end;
    ngx_event_t                  timer;      /* at the first deadline */

    ngx_log_t                   *log;
    ngx_log_t                    quiet;      /* says nothing by itself */
    u_char                       run[NGX_HTTP_HARS_RUN_LEN];
    unsigned                     replying:1; /* a handler has the reply */
    unsigned                     secure:1;   /* TLS is proved, or not used */
    unsigned                     error:1;    /* an error reply is logged */
};


static ngx_int_t ngx_http_hars_link_setup(ngx_http_hars_link_t *link);
static void ngx_http_hars_link_step(void *data, ngx_http_hars_reply_t *reply);
static void ngx_http_hars_link_info(void *data, ngx_http_hars_reply_t *reply);
static void ngx_http_hars_link_ready(void *data,
    ngx_http_hars_reply_t *reply);
static ngx_int_t ngx_http_hars_link_append(ngx_http_hars_link_t *link,
    u_char *data, size_t len);
static void ngx_http_hars_link_write_handler(ngx_event_t *wev);
static void ngx_http_hars_link_handshake(ngx_http_hars_link_t *link);
static void ngx_http_hars_link_handshake_handler(ngx_connection_t *c);
static ngx_err_t ngx_http_hars_link_test_connect(ngx_connection_t *c);
static void ngx_http_hars_link_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_hars_link_replies(ngx_http_hars_link_t *link);
static ngx_int_t ngx_http_hars_link_reply(ngx_http_hars_link_t *link,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_link_complete(ngx_http_hars_link_t *link,
    ngx_http_hars_command_t *query, ngx_http_hars_reply_t *reply);
static void ngx_http_hars_link_arm(ngx_http_hars_link_t *link,
    ngx_msec_t deadline);
static void ngx_http_hars_link_rest(ngx_http_hars_link_t *link);
static void ngx_http_hars_link_timer_handler(ngx_event_t *ev);
static void ngx_http_hars_link_down(ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what);
static void ngx_http_hars_link_shut(ngx_http_hars_link_t *link);
static void ngx_http_hars_link_release(ngx_http_hars_link_t *link);

static ngx_http_hars_reply_t *ngx_http_hars_link_node(
    const redisReadTask *task, ngx_http_hars_reply_e type);
static void *ngx_http_hars_link_string(const redisReadTask *task, char *str,
    size_t len);
static void *ngx_http_hars_link_array(const redisReadTask *task,
    ngx_http_hars_elements_t n);
static void *ngx_http_hars_link_integer(const redisReadTask *task,
    long long value);
static void *ngx_http_hars_link_nil(const redisReadTask *task);
static void ngx_http_hars_link_free(void *reply);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_http_hars_link_no_double(const redisReadTask *task,
    double value, char *str, size_t len);
static void *ngx_http_hars_link_no_bool(const redisReadTask *task, int value);
#endif


static redisReplyObjectFunctions  ngx_http_hars_link_functions = {
    .createString = ngx_http_hars_link_string,
    .createArray = ngx_http_hars_link_array,
    .createInteger = ngx_http_hars_link_integer,
    .createNil = ngx_http_hars_link_nil,
#if (HIREDIS_MAJOR >= 1)
    .createDouble = ngx_http_hars_link_no_double,
    .createBool = ngx_http_hars_link_no_bool,
#endif
    .freeObject = ngx_http_hars_link_free
};


ngx_http_hars_link_t *
ngx_http_hars_link_create(ngx_http_hars_link_conf_t *conf, void *data,
    ngx_log_t *log)
{
    ngx_http_hars_link_t  *link;

    link = ngx_calloc(sizeof(ngx_http_hars_link_t), log);
    if (link == NULL) {
        return NULL;
    }

    link->conf = conf;
    link->data = data;
    link->log = log;
    link->quiet = *log;
    link->quiet.log_level = NGX_LOG_EMERG;
    link->quiet.next = NULL;

    ngx_queue_init(&link->queries);

    link->timer.handler = ngx_http_hars_link_timer_handler;
    link->timer.data = link;
    link->timer.log = log;
    link->timer.cancelable = conf->channel;

    return link;
}


void
ngx_http_hars_link_destroy(ngx_http_hars_link_t *link)
{
    ngx_http_hars_link_shut(link);

    if (link->out) {
        ngx_free(link->out);
    }

    ngx_free(link);
}


ngx_http_hars_link_state_e
ngx_http_hars_link_state(ngx_http_hars_link_t *link)
{
    return link->state;
}


u_char *
ngx_http_hars_link_run(ngx_http_hars_link_t *link)
{
    return link->run;
}


ngx_uint_t
ngx_http_hars_link_queued(ngx_http_hars_link_t *link)
{
    return link->nqueries;
}


void
ngx_http_hars_link_open(ngx_http_hars_link_t *link, ngx_addr_t *addr,
    ngx_str_t *tls_name)
{
    ngx_int_t          rc;
    ngx_err_t          err;
    ngx_connection_t  *c;

    link->addr = *addr;
    link->tls_name = *tls_name;
    link->secure = (link->conf->ssl == NULL);
    link->state = NGX_HTTP_HARS_LINK_SETUP;

    ngx_memzero(&link->peer, sizeof(ngx_peer_connection_t));

    link->peer.sockaddr = addr->sockaddr;
    link->peer.socklen = addr->socklen;
    link->peer.name = &link->addr.name;
    link->peer.get = ngx_event_get_peer;
    link->peer.log = &link->quiet;
    link->peer.log_error = NGX_ERROR_INFO;

    link->reader = redisReaderCreateWithFunctions(
                                               &ngx_http_hars_link_functions);
    if (link->reader == NULL) {
        ngx_http_hars_link_down(link, 0, "has no memory for its reader");
        return;
    }

    link->reader->privdata = link;

    rc = ngx_event_connect_peer(&link->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        err = ngx_socket_errno;

        if (link->peer.connection) {
            ngx_close_connection(link->peer.connection);
            link->peer.connection = NULL;
        }

        ngx_http_hars_link_down(link, err, "cannot be connected");
        return;
    }

    c = link->peer.connection;

    c->data = link;
    c->log = link->log;
    c->read->log = link->log;
    c->write->log = link->log;
    c->read->handler = ngx_http_hars_link_read_handler;
    c->write->handler = ngx_http_hars_link_write_handler;
    c->idle = link->conf->channel && !link->conf->stays;

    link->connection = c;
    link->received = 0;
    link->out_start = 0;
    link->out_end = 0;
    link->error = 0;
    ngx_memzero(link->run, NGX_HTTP_HARS_RUN_LEN);

    if (ngx_http_hars_link_setup(link) != NGX_OK) {
        ngx_http_hars_link_down(link, 0, "has no memory for its setup");
    }
}


static ngx_int_t
ngx_http_hars_link_setup(ngx_http_hars_link_t *link)
{
    ngx_str_t                   argv[3];
    ngx_uint_t                  n;
    ngx_http_hars_link_conf_t  *conf;

    conf = link->conf;

    if (conf->password.len) {
        n = 1;
        ngx_str_set(&argv[0], "AUTH");

        if (conf->user.len) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        if (ngx_http_hars_link_command(link, argv, n, conf->timeout,
                                       ngx_http_hars_link_step, link)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (conf->db.len) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1] = conf->db;

        if (ngx_http_hars_link_command(link, argv, 2, conf->timeout,
                                       ngx_http_hars_link_step, link)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (conf->info) {
        ngx_str_set(&argv[0], "INFO");
        ngx_str_set(&argv[1], "server");

        if (ngx_http_hars_link_command(link, argv, 2, conf->timeout,
                                       ngx_http_hars_link_info, link)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* a server that accepts connections may still not answer */

    ngx_str_set(&argv[0], "PING");

    return ngx_http_hars_link_command(link, argv, 1, conf->timeout,
                                      ngx_http_hars_link_ready, link);
}


static void
ngx_http_hars_link_step(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_link_t *link = data;

    if (reply && reply->type != NGX_HTTP_HARS_REPLY_STATUS) {
        ngx_http_hars_link_down(link, 0, "refuses the setup: see "
                                "user=, password_file=, db=");
    }
}


static void
ngx_http_hars_link_info(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_link_t *link = data;

    u_char  *p, *last;

    static ngx_str_t  name = ngx_string("\nrun_id:");

    /* a user who may not ask can still be told of denials */

    if (reply == NULL || reply->type != NGX_HTTP_HARS_REPLY_STRING) {
        return;
    }

    last = reply->str.data + reply->str.len;
    p = ngx_strlcasestrn(reply->str.data, last, name.data, name.len - 1);

    if (p && last - p >= (ssize_t) (name.len + NGX_HTTP_HARS_RUN_LEN)) {
        ngx_memcpy(link->run, p + name.len, NGX_HTTP_HARS_RUN_LEN);
    }
}


static void
ngx_http_hars_link_ready(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_link_t *link = data;

    ngx_http_hars_link_step(link, reply);

    if (reply && link->state == NGX_HTTP_HARS_LINK_SETUP) {
        link->state = NGX_HTTP_HARS_LINK_READY;
        link->conf->opened(link->data, link);
    }
}


ngx_int_t
ngx_http_hars_link_command(ngx_http_hars_link_t *link, ngx_str_t *argv,
    ngx_uint_t argc, ngx_msec_t timeout, ngx_http_hars_reply_pt done,
    void *data)
{
    int                     len;
    char                   *cmd;
    size_t                  words_len[NGX_HTTP_HARS_LINK_ARGS];
    ngx_int_t               rc;
    ngx_uint_t              i;
    const char             *words[NGX_HTTP_HARS_LINK_ARGS];
    ngx_http_hars_command_t  *q;

    if (link->state == NGX_HTTP_HARS_LINK_CLOSED
        || link->nqueries == NGX_HTTP_HARS_LINK_QUEUE)
    {
        return NGX_DECLINED;
    }

    if (argc > NGX_HTTP_HARS_LINK_ARGS) {
        return NGX_ERROR;
    }

    for (i = 0; i < argc; i++) {
        words[i] = (const char *) argv[i].data;
        words_len[i] = argv[i].len;
    }

    q = ngx_alloc(sizeof(ngx_http_hars_command_t), link->log);
    if (q == NULL) {
        return NGX_ERROR;
    }

    len = redisFormatCommandArgv(&cmd, argc, words, words_len);
    if (len < 0) {
        ngx_free(q);
        return NGX_ERROR;
    }

    rc = ngx_http_hars_link_append(link, (u_char *) cmd, len);

    redisFreeCommand(cmd);

    if (rc != NGX_OK) {
        ngx_free(q);
        return rc;
    }

    q->deadline = ngx_current_msec + timeout;
    q->done = done;
    q->data = data;

    ngx_queue_insert_tail(&link->queries, &q->queue);
    link->nqueries++;

    link->connection->idle = link->conf->channel && !link->conf->stays;

    ngx_http_hars_link_arm(link, q->deadline);

    /* what this turn of the event loop asks goes out in one write */

    ngx_post_event(link->connection->write, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_http_hars_link_fail(ngx_http_hars_link_t *link, const char *what)
{
    if (link->state != NGX_HTTP_HARS_LINK_CLOSED) {
        ngx_http_hars_link_down(link, 0, what);
    }
}


void
ngx_http_hars_link_close(ngx_http_hars_link_t *link)
{
    if (link->state != NGX_HTTP_HARS_LINK_CLOSED) {
        ngx_http_hars_link_down(link, 0, NULL);
    }
}


static ngx_int_t
ngx_http_hars_link_append(ngx_http_hars_link_t *link, u_char *data,
    size_t len)
{
    u_char  *p;
    size_t   size;

    if (link->out_start) {
        ngx_memmove(link->out, link->out + link->out_start,
                    link->out_end - link->out_start);
        link->out_end -= link->out_start;
        link->out_start = 0;
    }

    if (link->out_end + len > NGX_HTTP_HARS_LINK_OUT) {
        return NGX_DECLINED;
    }

    if (link->out_end + len > link->out_size) {
        size = ngx_max(2 * link->out_size, link->out_end + len);
        size = ngx_max(size, 4096);

        p = ngx_alloc(size, link->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (link->out) {
            ngx_memcpy(p, link->out, link->out_end);
            ngx_free(link->out);
        }

        link->out = p;
        link->out_size = size;
    }

    ngx_memcpy(link->out + link->out_end, data, len);
    link->out_end += len;

    return NGX_OK;
}


static void
ngx_http_hars_link_write_handler(ngx_event_t *wev)
{
    ssize_t                n;
    ngx_err_t              err;
    ngx_connection_t      *c;
    ngx_http_hars_link_t  *link;

    c = wev->data;
    link = c->data;

    if (link->state == NGX_HTTP_HARS_LINK_SETUP && !c->ssl) {
        err = ngx_http_hars_link_test_connect(c);

        if (err == NGX_EINPROGRESS) {
            return;
        }

        if (err) {
            ngx_http_hars_link_down(link, err, "cannot be connected");
            return;
        }
    }

    if (!link->secure) {
        ngx_http_hars_link_handshake(link);
        return;
    }

    while (link->out_start < link->out_end) {

        n = c->send(c, link->out + link->out_start,
                    link->out_end - link->out_start);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_hars_link_down(link, 0, "closed the connection");
            return;
        }

        link->out_start += n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_hars_link_down(link, 0, "cannot be watched");
    }
}


static void
ngx_http_hars_link_handshake(ngx_http_hars_link_t *link)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = link->connection;

    /* every probe of a broken server would be logged by nginx itself */

    c->log = &link->quiet;
    c->read->log = &link->quiet;
    c->write->log = &link->quiet;

    link->tls_pool = ngx_create_pool(1024, &link->quiet);
    if (link->tls_pool == NULL) {
        ngx_http_hars_link_down(link, 0, "has no memory for TLS");
        return;
    }

    c->pool = link->tls_pool;

    if (ngx_ssl_create_connection(link->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK
        || SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) link->tls_name.data)
           == 0)
    {
        ngx_http_hars_link_down(link, 0, "has no memory for TLS");
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_hars_link_handshake_handler;
        return;
    }

    ngx_http_hars_link_handshake_handler(c);
}


static void
ngx_http_hars_link_handshake_handler(ngx_connection_t *c)
{
    long                   rc;
    u_char                 buf[256];
    ngx_http_hars_link_t  *link;

    link = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_hars_link_down(link, 0, "fails the TLS handshake");
        return;
    }

    /* nginx's own callback accepts every certificate */

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        *ngx_snprintf(buf, sizeof(buf) - 1, "has no valid certificate: %s",
                      X509_verify_cert_error_string(rc))
            = '\0';
        ngx_http_hars_link_down(link, 0, (char *) buf);
        return;
    }

    if (ngx_ssl_check_host(c, &link->tls_name) != NGX_OK) {
        ngx_http_hars_link_down(link, 0, "has a certificate for another "
                                "name, see tls_name=");
        return;
    }

    link->secure = 1;

    c->read->handler = ngx_http_hars_link_read_handler;
    c->write->handler = ngx_http_hars_link_write_handler;

    ngx_post_event(c->read, &ngx_posted_events);
    ngx_http_hars_link_write_handler(c->write);
}


static ngx_err_t
ngx_http_hars_link_test_connect(ngx_connection_t *c)
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
ngx_http_hars_link_read_handler(ngx_event_t *rev)
{
    u_char                 buf[4096];
    ssize_t                n;
    ngx_err_t              err;
    ngx_connection_t      *c;
    ngx_http_hars_link_t  *link;

    c = rev->data;
    link = c->data;

    if (c->close) {

        /* the worker is leaving, and nobody waits for this connection */

        ngx_http_hars_link_down(link, 0, NULL);
        return;
    }

    if (link->state == NGX_HTTP_HARS_LINK_SETUP && !c->ssl) {
        err = ngx_http_hars_link_test_connect(c);

        if (err && err != NGX_EINPROGRESS) {
            ngx_http_hars_link_down(link, err, "cannot be connected");
            return;
        }
    }

    if (!link->secure) {
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_hars_link_down(link, 0, "closed the connection");
            return;
        }

        link->received += n;

        if (redisReaderFeed(link->reader, (char *) buf, n) != REDIS_OK
            || ngx_http_hars_link_replies(link) != NGX_OK)
        {
            ngx_http_hars_link_down(link, 0, "sent what is not understood");
            return;
        }

        if (link->state == NGX_HTTP_HARS_LINK_CLOSED) {
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_hars_link_down(link, 0, "cannot be watched");
    }
}


static ngx_int_t
ngx_http_hars_link_replies(ngx_http_hars_link_t *link)
{
    void       *reply;
    ngx_int_t   rc;

    for ( ;; ) {

        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return (link->received > link->conf->reply_max) ? NGX_ERROR
                                                            : NGX_OK;
        }

        link->received = 0;
        link->replying = 1;

        rc = ngx_http_hars_link_reply(link, reply);

        link->replying = 0;
        ngx_http_hars_link_release(link);

        if (rc != NGX_OK || link->state == NGX_HTTP_HARS_LINK_CLOSED) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_http_hars_link_reply(ngx_http_hars_link_t *link,
    ngx_http_hars_reply_t *reply)
{
    ngx_queue_t            *q;
    ngx_http_hars_command_t  *query;

    if (ngx_queue_empty(&link->queries)) {
        return NGX_ERROR;
    }

    if (reply->type == NGX_HTTP_HARS_REPLY_ERROR && !link->error
        && !(link->conf->moves
             && (ngx_strncmp(reply->str.data, "MOVED ", 6) == 0
                 || ngx_strncmp(reply->str.data, "ASK ", 4) == 0)))
    {
        link->error = 1;
        ngx_log_error(NGX_LOG_ERR, link->log, 0,
                      "hars: Redis %V answers \"%*s\"", &link->addr.name,
                      ngx_min(reply->str.len, 200), reply->str.data);
    }

    q = ngx_queue_head(&link->queries);
    query = ngx_queue_data(q, ngx_http_hars_command_t, queue);

    ngx_http_hars_link_complete(link, query, reply);

    if (ngx_queue_empty(&link->queries)) {
        ngx_http_hars_link_rest(link);
    }

    return NGX_OK;
}


static void
ngx_http_hars_link_complete(ngx_http_hars_link_t *link,
    ngx_http_hars_command_t *query, ngx_http_hars_reply_t *reply)
{
    ngx_queue_remove(&query->queue);
    link->nqueries--;

    if (query->done) {
        query->done(query->data, reply);
    }

    ngx_free(query);
}


static void
ngx_http_hars_link_arm(ngx_http_hars_link_t *link, ngx_msec_t deadline)
{
    if (link->timer.timer_set
        && (ngx_msec_int_t) (link->timer.timer.key - deadline) <= 0)
    {
        return;
    }

    ngx_add_timer(&link->timer, deadline - ngx_current_msec);
}


static void
ngx_http_hars_link_rest(ngx_http_hars_link_t *link)
{
    ngx_connection_t  *c;

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    c = link->connection;

    if (c == NULL || link->conf->stays) {
        return;
    }

    if (ngx_exiting) {
        c->close = 1;
        ngx_post_event(c->read, &ngx_posted_events);
        return;
    }

    c->idle = 1;
}


static void
ngx_http_hars_link_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t              first;
    ngx_queue_t            *q;
    ngx_http_hars_link_t   *link;
    ngx_http_hars_command_t  *query;

    link = ev->data;

    if (ngx_queue_empty(&link->queries)) {
        return;
    }

    /* the timer may have been set for a query that has been answered since */

    q = ngx_queue_head(&link->queries);
    query = ngx_queue_data(q, ngx_http_hars_command_t, queue);
    first = query->deadline;

    for (q = ngx_queue_next(q);
         q != ngx_queue_sentinel(&link->queries);
         q = ngx_queue_next(q))
    {
        query = ngx_queue_data(q, ngx_http_hars_command_t, queue);

        if ((ngx_msec_int_t) (query->deadline - first) < 0) {
            first = query->deadline;
        }
    }

    if ((ngx_msec_int_t) (first - ngx_current_msec) > 0) {
        ngx_http_hars_link_arm(link, first);
        return;
    }

    ngx_http_hars_link_down(link, NGX_ETIMEDOUT, "does not answer");
}


static void
ngx_http_hars_link_down(ngx_http_hars_link_t *link, ngx_err_t err,
    const char *what)
{
    ngx_http_hars_link_shut(link);

    link->conf->closed(link->data, link, err, what);
}


static void
ngx_http_hars_link_shut(ngx_http_hars_link_t *link)
{
    ngx_queue_t            *q;
    ngx_http_hars_command_t  *query;

    link->state = NGX_HTTP_HARS_LINK_CLOSED;

    if (link->connection) {

        if (link->connection->ssl) {
            link->connection->ssl->no_wait_shutdown = 1;
            link->connection->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(link->connection);
        }

        ngx_close_connection(link->connection);
        link->connection = NULL;
        link->peer.connection = NULL;
    }

    if (link->tls_pool) {
        ngx_destroy_pool(link->tls_pool);
        link->tls_pool = NULL;
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    while (!ngx_queue_empty(&link->queries)) {
        q = ngx_queue_head(&link->queries);
        query = ngx_queue_data(q, ngx_http_hars_command_t, queue);

        ngx_http_hars_link_complete(link, query, NULL);
    }

    if (link->reader) {
        redisReaderFree(link->reader);
        link->reader = NULL;
    }

    /* who closed it may be the one that has the reply */

    if (!link->replying) {
        ngx_http_hars_link_release(link);
    }
}


static void
ngx_http_hars_link_release(ngx_http_hars_link_t *link)
{
    if (link->pool == NULL) {
        return;
    }

    if (link->nodes == 1 && link->state != NGX_HTTP_HARS_LINK_CLOSED) {
        ngx_reset_pool(link->pool);

    } else {
        ngx_destroy_pool(link->pool);
        link->pool = NULL;
    }

    link->nodes = 0;
}


/* what hiredis calls: NULL closes the link as sent by no good server */

static ngx_http_hars_reply_t *
ngx_http_hars_link_node(const redisReadTask *task, ngx_http_hars_reply_e type)
{
    ngx_http_hars_link_t   *link;
    ngx_http_hars_reply_t  *reply, *parent;

    link = task->privdata;

    if (link->nodes == NGX_HTTP_HARS_LINK_NODES) {
        return NULL;
    }

    if (link->pool == NULL) {
        link->pool = ngx_create_pool(1024, link->log);
        if (link->pool == NULL) {
            return NULL;
        }
    }

    reply = ngx_pcalloc(link->pool, sizeof(ngx_http_hars_reply_t));
    if (reply == NULL) {
        return NULL;
    }

    link->nodes++;
    reply->type = type;

    if (task->parent) {
        parent = task->parent->obj;
        parent->elts[task->idx] = reply;
    }

    return reply;
}


static void *
ngx_http_hars_link_string(const redisReadTask *task, char *str, size_t len)
{
    ngx_http_hars_link_t   *link;
    ngx_http_hars_reply_e   type;
    ngx_http_hars_reply_t  *reply;

    switch (task->type) {

    case REDIS_REPLY_STRING:
        type = NGX_HTTP_HARS_REPLY_STRING;
        break;

    case REDIS_REPLY_STATUS:
        type = NGX_HTTP_HARS_REPLY_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        type = NGX_HTTP_HARS_REPLY_ERROR;
        break;

    default: /* of RESP3, which nobody asked for */
        return NULL;
    }

    reply = ngx_http_hars_link_node(task, type);
    if (reply == NULL) {
        return NULL;
    }

    link = task->privdata;

    reply->str.len = len;
    reply->str.data = ngx_pnalloc(link->pool, len + 1);

    if (reply->str.data == NULL) {
        return NULL;
    }

    ngx_memcpy(reply->str.data, str, len);
    reply->str.data[len] = '\0';

    return reply;
}


static void *
ngx_http_hars_link_array(const redisReadTask *task,
    ngx_http_hars_elements_t n)
{
    ngx_uint_t              depth;
    const redisReadTask    *parent;
    ngx_http_hars_link_t   *link;
    ngx_http_hars_reply_t  *reply;

    link = task->privdata;
    depth = 1;

    for (parent = task->parent; parent; parent = parent->parent) {
        depth++;
    }

    /* a header costs nothing: it is refused before it is believed */

    if (task->type != REDIS_REPLY_ARRAY
        || depth > NGX_HTTP_HARS_REPLY_DEPTH
        || n > NGX_HTTP_HARS_LINK_ELTS
        || n + link->nodes > NGX_HTTP_HARS_LINK_NODES)
    {
        return NULL;
    }

    reply = ngx_http_hars_link_node(task, NGX_HTTP_HARS_REPLY_ARRAY);
    if (reply == NULL) {
        return NULL;
    }

    reply->n = n;
    reply->elts = ngx_pcalloc(link->pool,
                              (n + 1) * sizeof(ngx_http_hars_reply_t *));

    return reply->elts ? reply : NULL;
}


static void *
ngx_http_hars_link_integer(const redisReadTask *task, long long value)
{
    ngx_http_hars_reply_t  *reply;

    reply = ngx_http_hars_link_node(task, NGX_HTTP_HARS_REPLY_INTEGER);

    if (reply) {
        reply->integer = value;
    }

    return reply;
}


static void *
ngx_http_hars_link_nil(const redisReadTask *task)
{
    return ngx_http_hars_link_node(task, NGX_HTTP_HARS_REPLY_NIL);
}


static void
ngx_http_hars_link_free(void *reply)
{
    /* a reply goes with its pool */
}


#if (HIREDIS_MAJOR >= 1)

static void *
ngx_http_hars_link_no_double(const redisReadTask *task, double value,
    char *str, size_t len)
{
    return NULL;
}


static void *
ngx_http_hars_link_no_bool(const redisReadTask *task, int value)
{
    return NULL;
}

#endif
