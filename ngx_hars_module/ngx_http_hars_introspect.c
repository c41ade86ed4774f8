
/*
 * RFC 7662: asks the authorization server about a token, on a request of the
 * worker's own.  A subrequest of the client's request would die with that
 * client; this one has a connection without a socket, its own pool and log,
 * and issues one in-memory POST subrequest to the internal location named by
 * hars_introspect.  So nginx's upstream does the sending, keeps connections
 * alive, speaks TLS, and bounds time.
 *
 * Nothing of the client's request is in it but the token.  What comes back
 * counts only if it is the upstream's own status 200 with a JSON type and a
 * complete body; error pages, caches and redirects do not count.
 *
 * The subrequest's handler only records: it always returns NGX_OK, so that
 * nginx never terminates the connection that is none, and resumes nothing.
 */

#include "ngx_http_hars.h"


static ngx_http_hars_job_t *ngx_http_hars_job_create(ngx_log_t *log);
static ngx_int_t ngx_http_hars_job_connection(ngx_http_hars_job_t *job);
static ngx_int_t ngx_http_hars_job_request(ngx_http_hars_job_t *job);
static ngx_int_t ngx_http_hars_job_subrequest(ngx_http_hars_job_t *job,
    ngx_str_t *token);
static ngx_int_t ngx_http_hars_job_body(ngx_http_request_t *sr,
    ngx_str_t *token);
static ngx_int_t ngx_http_hars_job_header(ngx_http_request_t *r,
    const char *name, const char *value);
static ngx_int_t ngx_http_hars_job_recorded(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static void ngx_http_hars_job_done(ngx_http_request_t *r);
static ngx_int_t ngx_http_hars_job_answer(ngx_http_hars_job_t *job,
    u_char **json, size_t *len);
static ngx_uint_t ngx_http_hars_is_json(ngx_str_t *type);
static void ngx_http_hars_job_start_handler(ngx_event_t *ev);
static void ngx_http_hars_job_close(ngx_http_hars_job_t *job);
static void ngx_http_hars_job_request_gone(void *data);
static void ngx_http_hars_job_reap_handler(ngx_event_t *ev);
static void ngx_http_hars_job_write_handler(ngx_event_t *ev);
static void ngx_http_hars_job_empty_handler(ngx_event_t *ev);
static u_char *ngx_http_hars_job_log(ngx_log_t *log, u_char *buf, size_t len);


static ngx_str_t  ngx_http_hars_post = ngx_string("POST");


ngx_int_t
ngx_http_hars_introspect(ngx_http_hars_flight_t *flight,
    ngx_http_hars_answer_pt answer)
{
    ngx_http_hars_job_t  *job;

    job = ngx_http_hars_job_create(ngx_cycle->log);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->flight = flight;
    job->endpoint = flight->endpoint;
    job->answer = answer;
    ngx_memcpy(job->id, flight->id, NGX_HTTP_HARS_TOKEN_ID_LEN);

    if (ngx_http_hars_job_connection(job) != NGX_OK
        || ngx_http_hars_job_request(job) != NGX_OK
        || ngx_http_hars_job_subrequest(job, &flight->token) != NGX_OK)
    {
        ngx_http_hars_job_close(job);
        return NGX_ERROR;
    }

    flight->job = job;

    /* it starts in a turn of its own, never under the client's request */

    job->start.handler = ngx_http_hars_job_start_handler;
    job->start.data = job;
    job->start.log = &job->log;
    ngx_post_event(&job->start, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_http_hars_introspect_cancel(ngx_http_hars_job_t *job)
{
    ngx_http_hars_job_close(job);
}


static ngx_http_hars_job_t *
ngx_http_hars_job_create(ngx_log_t *log)
{
    ngx_pool_t           *pool;
    ngx_http_hars_job_t  *job;

    pool = ngx_create_pool(2048, log);
    if (pool == NULL) {
        return NULL;
    }

    job = ngx_pcalloc(pool, sizeof(ngx_http_hars_job_t));
    if (job == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    job->pool = pool;
    job->log = *log;
    job->log.handler = ngx_http_hars_job_log;
    job->log.data = &job->log_ctx;
    job->log_ctx.connection = &job->connection;
    job->rc = NGX_OK;

    return job;
}


static ngx_int_t
ngx_http_hars_job_connection(ngx_http_hars_job_t *job)
{
    ngx_connection_t  *c;

    /*
     * set by ngx_pcalloc():
     *
     *     job->hc.ssl = 0;
     *     c->ssl = NULL;
     *     c->sockaddr->sa_data = { 0 };
     */

    job->hc.conf_ctx = job->flight->server->ctx;

    c = &job->connection;

    c->fd = (ngx_socket_t) -1;
    c->data = &job->hc;
    c->log = &job->log;
    c->log_error = NGX_ERROR_INFO;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->read = &job->read;
    c->write = &job->write;

    c->sockaddr = ngx_pcalloc(job->pool, sizeof(struct sockaddr));
    if (c->sockaddr == NULL) {
        return NGX_ERROR;
    }

    c->sockaddr->sa_family = AF_UNIX;
    c->socklen = sizeof(struct sockaddr);
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
    ngx_str_set(&c->addr_text, "unix:");

    /* active: nothing has to be added to epoll for it */

    job->read.data = c;
    job->read.log = &job->log;
    job->read.handler = ngx_http_hars_job_empty_handler;
    job->read.active = 1;

    job->write = job->read;
    job->write.handler = ngx_http_hars_job_write_handler;
    job->write.write = 1;
    job->write.ready = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_job_request(ngx_http_hars_job_t *job)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_request_t   *r;
    ngx_http_hars_ctx_t  *ctx;

    r = ngx_http_create_request(&job->connection);
    if (r == NULL) {
        return NGX_ERROR;
    }

    job->request = r;
    job->connection.data = r;

    /* of its own: nginx destroys it where it has to give the request up */

    job->connection.pool = ngx_create_pool(256, &job->log);
    if (job->connection.pool == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_hars_job_request_gone;
    cln->data = job;

    /* no client asked for this: not counted, not in the access log */

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
#endif

    r->logged = 1;

    r->method = NGX_HTTP_GET;
    r->method_name = ngx_http_core_get_method;
    r->http_version = NGX_HTTP_VERSION_11;
    ngx_str_set(&r->http_protocol, "HTTP/1.1");
    r->write_event_handler = ngx_http_hars_job_done;

    if (ngx_list_init(&r->headers_in.headers, r->pool, 4,
                      sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_http_hars_job_header(r, "Content-Type",
                                    "application/x-www-form-urlencoded")
           != NGX_OK
        || ngx_http_hars_job_header(r, "Accept", "application/json")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* by this mark PREACCESS knows that nobody is let in here */

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_hars_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->internal = 1;
    ctx->job = job;
    ngx_http_set_ctx(r, ctx, ngx_http_hars_module);

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_job_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = ngx_strlen(value);
    h->value.data = (u_char *) value;

    h->lowcase_key = ngx_pnalloc(r->pool, h->key.len);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, h->key.data, h->key.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_job_subrequest(ngx_http_hars_job_t *job, ngx_str_t *token)
{
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(job->request->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_hars_job_recorded;
    ps->data = job;

    if (ngx_http_subrequest(job->request, &job->endpoint->uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY
                            |NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    job->subrequest = sr;

    return ngx_http_hars_job_body(sr, token);
}


static ngx_int_t
ngx_http_hars_job_body(ngx_http_request_t *sr, ngx_str_t *token)
{
    size_t      len;
    uintptr_t   escape;
    ngx_buf_t  *b;

    static ngx_str_t  head = ngx_string("token_type_hint=access_token&token=");

    /* a b64token needs escaping for "+", "/" and "=" */

    escape = ngx_escape_uri(NULL, token->data, token->len,
                            NGX_ESCAPE_URI_COMPONENT);
    len = head.len + token->len + 2 * escape;

    b = ngx_create_temp_buf(sr->pool, len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, head.data, head.len);
    b->last = (u_char *) ngx_escape_uri(b->last, token->data, token->len,
                                        NGX_ESCAPE_URI_COMPONENT);
    b->last_buf = 1;
    b->last_in_chain = 1;

    sr->request_body = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_ERROR;
    }

    sr->request_body->bufs = ngx_alloc_chain_link(sr->pool);
    if (sr->request_body->bufs == NULL) {
        return NGX_ERROR;
    }

    sr->request_body->bufs->buf = b;
    sr->request_body->bufs->next = NULL;
    sr->request_body->buf = b;

    sr->method = NGX_HTTP_POST;
    sr->method_name = ngx_http_hars_post;
    sr->headers_in.content_length_n = b->last - b->pos;
    sr->headers_in.chunked = 0;

    return NGX_OK;
}


static void
ngx_http_hars_job_start_handler(ngx_event_t *ev)
{
    ngx_http_hars_job_t *job = ev->data;

    ngx_http_run_posted_requests(&job->connection);
}


static ngx_int_t
ngx_http_hars_job_recorded(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_hars_job_t *job = data;

    if (job->rc == NGX_OK) {
        job->rc = rc;
    }

    job->done = 1;
    job->log.action = NULL;

    /*
     * set by ngx_http_output_filter() where an answer is too long: nginx
     * would close the connection that is none
     */

    r->connection->error = 0;

    return NGX_OK;
}


static void
ngx_http_hars_job_done(ngx_http_request_t *r)
{
    size_t                len;
    u_char               *json;
    ngx_int_t             rc;
    ngx_http_hars_ctx_t  *ctx;
    ngx_http_hars_job_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hars_module);
    job = ctx->job;

    if (!job->done) {
        return;
    }

    json = NULL;
    len = 0;

    rc = ngx_http_hars_job_answer(job, &json, &len);

    job->answer(job, rc, json, len);

    ngx_http_hars_job_close(job);
}


static ngx_int_t
ngx_http_hars_job_answer(ngx_http_hars_job_t *job, u_char **json, size_t *len)
{
    ngx_buf_t           *b;
    ngx_http_request_t  *sr;

    sr = job->subrequest;

    if (sr->upstream == NULL
        || sr->uri.len != job->endpoint->uri.len
        || ngx_strncmp(sr->uri.data, job->endpoint->uri.data, sr->uri.len)
           != 0)
    {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection was not answered by an upstream: "
                      "status %ui", sr->headers_out.status);
        return NGX_ERROR;
    }

    if (job->rc != NGX_OK
        || sr->upstream->headers_in.status_n != NGX_HTTP_OK
        || sr->headers_out.status != NGX_HTTP_OK)
    {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection failed: status %ui, rc %i",
                      sr->upstream->headers_in.status_n, job->rc);
        return NGX_ERROR;
    }

#if (NGX_HTTP_CACHE)

    if (sr->cached) {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection was answered by proxy_cache, "
                      "remove it from \"%V\"", &job->endpoint->uri);
        return NGX_ERROR;
    }

#endif

    if (!ngx_http_hars_is_json(&sr->headers_out.content_type)) {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection answered \"%V\" instead of "
                      "application/json", &sr->headers_out.content_type);
        return NGX_ERROR;
    }

    b = sr->out ? sr->out->buf : NULL;

    *json = b ? b->pos : NULL;
    *len = b ? b->last - b->pos : 0;

    if (sr->headers_out.content_length_n != -1
        && sr->headers_out.content_length_n != (off_t) *len)
    {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection answer is incomplete: "
                      "%uz of %O bytes", *len,
                      sr->headers_out.content_length_n);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hars_is_json(ngx_str_t *type)
{
    static ngx_str_t  json = ngx_string("application/json");

    return type->len >= json.len
           && ngx_strncasecmp(type->data, json.data, json.len) == 0
           && (type->len == json.len
               || type->data[json.len] == ';'
               || type->data[json.len] == ' ');
}


static void
ngx_http_hars_job_close(ngx_http_hars_job_t *job)
{
    ngx_connection_t  *c;

    c = &job->connection;

    if (job->start.posted) {
        ngx_delete_posted_event(&job->start);
    }

    /* ends the upstream's side too, by its cleanup */

    if (job->request) {
        ngx_http_free_request(job->request, 0);

        if (c->pool) {
            ngx_destroy_pool(c->pool);
        }
    }

    c->destroyed = 1;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* ngx_http_run_posted_requests() still looks at c->destroyed */

    job->reap.handler = ngx_http_hars_job_reap_handler;
    job->reap.data = job;
    job->reap.log = ngx_cycle->log;

    ngx_post_event(&job->reap, &ngx_posted_events);
}


static void
ngx_http_hars_job_request_gone(void *data)
{
    ngx_http_hars_job_t *job = data;

    job->request = NULL;
    job->subrequest = NULL;
}


static void
ngx_http_hars_job_reap_handler(ngx_event_t *ev)
{
    ngx_http_hars_job_t *job = ev->data;

    ngx_destroy_pool(job->pool);
}


static void
ngx_http_hars_job_write_handler(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    /* a delay of limit_req in the location has passed */

    c = ev->data;
    r = c->data;

    if (ev->delayed && ev->timedout) {
        ev->delayed = 0;
        ev->timedout = 0;
    }

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_hars_job_empty_handler(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "hars introspection: event without a socket");
}


static u_char *
ngx_http_hars_job_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char               *p;
    ngx_http_log_ctx_t   *ctx;
    ngx_http_hars_job_t  *job;

    ctx = log->data;
    job = (ngx_http_hars_job_t *)
              ((u_char *) ctx - offsetof(ngx_http_hars_job_t, log_ctx));

    p = buf;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
        len -= p - buf;
    }

    buf = p;

    p = ngx_snprintf(buf, len, ", introspecting token %*s by \"%V\"",
                     (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN, job->id,
                     &job->endpoint->uri);
    len -= p - buf;

    if (job->subrequest
        && job->subrequest->upstream
        && job->subrequest->upstream->peer.name)
    {
        p = ngx_snprintf(p, len, ", upstream: \"%V\"",
                         job->subrequest->upstream->peer.name);
    }

    return p;
}
