
/*
 * The pipeline: in which order a request asks for what, how it is suspended
 * and resumed, and what it is answered.  ngx_http_hars_run() is the only
 * place that names a step's successor.  Here is no parsing and no I/O.
 *
 * The handler returns a status and sets headers; it writes no body and
 * finalizes nothing, so satisfy, limit_req and error_page keep their meaning.
 * It may be called again at any time: where the request stands is in its
 * context, which outlives internal redirects by a cleanup of the pool.
 *
 * A record is looked up once per request and endpoint, and judged at each
 * entry into a protected location.  nginx skips the access phase for
 * subrequests: those are judged in PREACCESS, by what the main request proved.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_ROUNDS  3        /* flights that came to nothing */
#define NGX_HTTP_HARS_WATCH   1000     /* ms, over upgraded connections */

/* a sanitizer is to see who uses one that has ended */
#if (NGX_DEBUG_PALLOC)
#define NGX_HTTP_HARS_SPARES  0
#else
#define NGX_HTTP_HARS_SPARES  64
#endif


static ngx_int_t ngx_http_hars_run(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
static ngx_int_t ngx_http_hars_refuse_sub(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_verdict_e verdict);
static ngx_int_t ngx_http_hars_reset(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_endpoint_t *endpoint);
static ngx_int_t ngx_http_hars_name(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
static ngx_int_t ngx_http_hars_l1(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_msec_t stale);
static void ngx_http_hars_renew(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
static ngx_int_t ngx_http_hars_landed(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
static ngx_int_t ngx_http_hars_stale(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
static void ngx_http_hars_found(ngx_http_hars_ctx_t *ctx);
static ngx_uint_t ngx_http_hars_cert_revoked(ngx_http_hars_ctx_t *ctx);
static ngx_http_hars_verdict_e ngx_http_hars_judge(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
static ngx_int_t ngx_http_hars_finish(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf,
    ngx_http_hars_verdict_e verdict);
static ngx_int_t ngx_http_hars_wait(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
static ngx_int_t ngx_http_hars_suspend(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_msec_t timeout);
static void ngx_http_hars_wake_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_hars_watch(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
static void ngx_http_hars_watch_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_hars_is_over(ngx_http_hars_ctx_t *ctx);
static void ngx_http_hars_timer_handler(ngx_event_t *ev);
static void ngx_http_hars_cleanup(void *data);


/*
 * Contexts of requests that have ended, the last one first: it is in the
 * processor's cache, and one in the pool of a request often cost it a block
 * more.
 */
static ngx_http_hars_ctx_t  *ngx_http_hars_spare;
static ngx_uint_t            ngx_http_hars_spares;


ngx_int_t
ngx_http_hars_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_hars_ctx_t       *ctx;
    ngx_http_hars_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hars_module);

    if (hlcf->mode == NGX_HTTP_HARS_MODE_OFF) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_hars_create_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->waiting) {
        return NGX_AGAIN;
    }

    if (ctx->endpoint != hlcf->introspect
        && ngx_http_hars_reset(r, ctx, hlcf->introspect) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_hars_run(r, ctx, hlcf);

    /* whatever it came to, without memory too: it waits no longer */

    if (rc != NGX_AGAIN && ctx->wait && ctx->wait->timer.timer_set) {
        ngx_del_timer(&ctx->wait->timer);
    }

    return rc;
}


static ngx_int_t
ngx_http_hars_run(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    ngx_int_t  rc;

    for ( ;; ) {

        switch (ctx->state) {

        case NGX_HTTP_HARS_BEARER:
            ctx->failure = ngx_http_hars_bearer(r, &ctx->token);
            ctx->state = (ctx->failure == NGX_HTTP_HARS_OK)
                         ? NGX_HTTP_HARS_CERT : NGX_HTTP_HARS_REFUSE;
            break;

        case NGX_HTTP_HARS_CERT:

            if (ngx_http_hars_prove(r, ctx) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            /* a revoked proxy's client has no certificate either */

            if (ngx_http_hars_cert_revoked(ctx)) {
                return ngx_http_hars_finish(r, ctx, hlcf,
                                            NGX_HTTP_HARS_CERT_REVOKED);
            }

            /* no record could help; another location may bind otherwise */

            if (hlcf->bind == NGX_HTTP_HARS_BIND_REQUIRED
                && ctx->thumbprint == NULL)
            {
                return ngx_http_hars_finish(r, ctx, hlcf,
                                            NGX_HTTP_HARS_NO_CERT);
            }

            ctx->state = NGX_HTTP_HARS_L0;
            break;

        case NGX_HTTP_HARS_L0:

            if (ngx_http_hars_memo_get(ctx, hlcf->refresh) == NGX_OK) {
                ngx_http_hars_found(ctx);
                ctx->state = NGX_HTTP_HARS_DECIDE;
                break;
            }

            if (ngx_http_hars_name(r, ctx) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ctx->state = NGX_HTTP_HARS_L1;
            break;

        case NGX_HTTP_HARS_L1:
            rc = ngx_http_hars_l1(r, ctx, 0);

            if (rc == NGX_ERROR) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            if (rc == NGX_OK) {
                ngx_http_hars_found(ctx);
                ngx_http_hars_renew(r, ctx, hlcf);
                ctx->state = ctx->fact ? NGX_HTTP_HARS_FILL
                                       : NGX_HTTP_HARS_REFUSE;
                break;
            }

            ctx->answer = NGX_DONE;
            ctx->state = NGX_HTTP_HARS_FLIGHT;
            break;

        case NGX_HTTP_HARS_FLIGHT:
            rc = ctx->answer;
            ctx->answer = NGX_DONE;

            if (rc == NGX_DONE) {
                rc = ngx_http_hars_wait(r, ctx);
            }

            if (rc == NGX_DONE) {
                ctx->wait->since = ngx_current_msec;
                rc = ngx_http_hars_flight_join(r, ctx, hlcf);
            }

            if (rc == NGX_AGAIN) {
                return ngx_http_hars_suspend(r, ctx, hlcf->timeout);
            }

            /* the next flight may have begun there before this one was seen */

            if (rc == NGX_OK || rc == NGX_DECLINED) {
                rc = ngx_http_hars_landed(r, ctx);
            }

            if (rc == NGX_ABORT) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            if (rc == NGX_OK) {
                ngx_http_hars_found(ctx);
                ctx->state = ctx->fact ? NGX_HTTP_HARS_FILL
                                       : NGX_HTTP_HARS_REFUSE;
                break;
            }

            /* who led it has gone, or it is not believed: once more */

            if (rc == NGX_DECLINED
                && ctx->rounds++ < NGX_HTTP_HARS_ROUNDS)
            {
                break;
            }

            ctx->failure = (rc == NGX_BUSY) ? NGX_HTTP_HARS_OVERLOADED
                                            : NGX_HTTP_HARS_UNAVAILABLE;
            ctx->state = NGX_HTTP_HARS_STALE;
            break;

        case NGX_HTTP_HARS_STALE:
            rc = ngx_http_hars_stale(r, ctx, hlcf);

            if (rc == NGX_ERROR) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ctx->state = ctx->fact ? NGX_HTTP_HARS_DECIDE
                                   : NGX_HTTP_HARS_REFUSE;
            break;

        case NGX_HTTP_HARS_FILL:
            ngx_http_hars_memo_put(ctx);
            ctx->state = NGX_HTTP_HARS_DECIDE;
            break;

        case NGX_HTTP_HARS_DECIDE:
            return ngx_http_hars_finish(r, ctx, hlcf,
                                        ngx_http_hars_judge(r, ctx, hlcf));

        case NGX_HTTP_HARS_REFUSE:
            return ngx_http_hars_finish(r, ctx, hlcf, ctx->failure);
        }
    }
}


ngx_int_t
ngx_http_hars_preaccess_handler(ngx_http_request_t *r)
{
    ngx_http_hars_ctx_t       *ctx;
    ngx_http_hars_sub_t       *sub;
    ngx_http_hars_verdict_e    verdict;
    ngx_http_hars_loc_conf_t  *hlcf;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hars_module);

    if (hlcf->mode == NGX_HTTP_HARS_MODE_OFF) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx && ctx->internal) {
        return NGX_DECLINED;
    }

    /* judged again after a redirect of its own */

    sub = ctx ? ngx_http_hars_get_sub(r, ctx) : NULL;

    if (sub && sub->request == r) {
        sub->verdict = NGX_HTTP_HARS_OK;
    }

    if (ctx && ctx->fact && ctx->endpoint == hlcf->introspect) {
        verdict = ngx_http_hars_judge(r, ctx, hlcf);

    } else {
        verdict = NGX_HTTP_HARS_NO_TOKEN;
    }

    if (verdict == NGX_HTTP_HARS_OK) {
        return NGX_DECLINED;
    }

    ngx_http_hars_count(hlcf->introspect->zone, NGX_HTTP_HARS_C_SUBREQUESTS
                                                + hlcf->mode
                                                - NGX_HTTP_HARS_MODE_ON);

    if (ctx && ngx_http_hars_refuse_sub(r, ctx, verdict) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (hlcf->mode == NGX_HTTP_HARS_MODE_REPORT) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "hars refused subrequest \"%V\": %V", &r->uri,
                  &ngx_http_hars_verdicts[verdict]);

    return ngx_http_hars_challenge(r, verdict);
}


static ngx_int_t
ngx_http_hars_refuse_sub(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_verdict_e verdict)
{
    ngx_http_hars_sub_t  *sub;

    sub = ngx_http_hars_get_sub(r, ctx);

    if (sub == NULL || sub->request != r) {
        sub = ngx_palloc(r->pool, sizeof(ngx_http_hars_sub_t));
        if (sub == NULL) {
            return NGX_ERROR;
        }

        sub->request = r;
        sub->refusal = verdict;
        sub->next = ctx->subs;
        ctx->subs = sub;
    }

    sub->verdict = verdict;

    return NGX_OK;
}


ngx_http_hars_sub_t *
ngx_http_hars_get_sub(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_http_hars_sub_t  *sub;

    for ( /* void */ ; r != r->main; r = r->parent) {

        for (sub = ctx->subs; sub; sub = sub->next) {
            if (sub->request == r) {
                return sub;
            }
        }
    }

    return NULL;
}


ngx_http_hars_ctx_t *
ngx_http_hars_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_hars_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hars_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    /* an internal redirect zeroes the contexts, the cleanup stays */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_hars_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_hars_module);
            break;
        }
    }

    return ctx;
}


ngx_http_hars_ctx_t *
ngx_http_hars_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_hars_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ctx = ngx_http_hars_spare;

    if (ctx) {
        ngx_http_hars_spare = ctx->spare;
        ngx_http_hars_spares--;

    } else {
        ctx = ngx_alloc(sizeof(ngx_http_hars_ctx_t), r->connection->log);
        if (ctx == NULL) {
            return NULL;
        }
    }

    ngx_memzero(ctx, sizeof(ngx_http_hars_ctx_t));

    /*
     * set by ngx_memzero():
     *
     *     ctx->state = NGX_HTTP_HARS_BEARER;
     *     ctx->verdict = NGX_HTTP_HARS_NONE;
     *     ctx->endpoint = NULL;
     */

    ctx->request = r;
    cln->handler = ngx_http_hars_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_hars_module);

    return ctx;
}


static ngx_int_t
ngx_http_hars_reset(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_endpoint_t *endpoint)
{
    /* what one authority said is nothing to another */

    if (ngx_http_hars_fact_leave(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->endpoint = endpoint;
    ctx->state = NGX_HTTP_HARS_BEARER;
    ctx->verdict = NGX_HTTP_HARS_NONE;
    ctx->source = NGX_HTTP_HARS_SOURCE_NONE;
    ctx->answer = NGX_DONE;
    ctx->rounds = 0;
    ctx->has_id = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_name(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    hars_str_t                  token;
    ngx_http_hars_main_conf_t  *hmcf;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_hars_module);

    token.len = ctx->token.len;
    token.data = ctx->token.data;

    if (hars_record_key(ctx->endpoint->zone->keyer, ctx->key,
                        ctx->endpoint->id, hmcf->claim_set, &token)
        != HARS_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_hars_zone_ahead(ctx->endpoint->zone, ctx->key);

    hars_hex((char *) ctx->id, ctx->key, NGX_HTTP_HARS_TOKEN_ID_LEN / 2);
    ctx->has_id = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_l1(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_msec_t stale)
{
    size_t     len;
    u_char     record[HARS_RECORD_MAX];
    ngx_int_t  rc;

    rc = ngx_http_hars_zone_get(ctx->endpoint->zone, ctx->key, stale, record,
                                &len, &ctx->entry);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->source = NGX_HTTP_HARS_SOURCE_L1;

    if (len == 0) {
        ctx->failure = NGX_HTTP_HARS_INACTIVE;
        return NGX_OK;
    }

    return ngx_http_hars_fact(r, ctx, record, len);
}


static void
ngx_http_hars_renew(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    /* ahead of its end, so that no request waits for it */

    if (ctx->fact
        && ngx_http_hars_renew_at(ctx->endpoint->zone, ctx->key, &ctx->entry,
                                  hlcf->refresh)
           <= ngx_current_msec)
    {
        ngx_http_hars_flight_renew(r, ctx, hlcf);
    }
}


static ngx_int_t
ngx_http_hars_landed(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_msec_t              since;
    ngx_http_hars_source_e  source;

    /* of whoever asked; none where L1 had it when the flight was joined */

    source = ctx->source;

    /*
     * What would have been believed when it began to wait is believed now: an
     * answer may take longer than "cap".  Not what was asked before a gap.
     */

    since = ngx_max(ctx->wait->since, ctx->endpoint->zone->sh->suspect);

    rc = ngx_http_hars_l1(r, ctx,
                          ngx_current_msec - ngx_min(since, ngx_current_msec));

    if (rc == NGX_ERROR) {
        return NGX_ABORT;
    }

    if (rc == NGX_OK && source != NGX_HTTP_HARS_SOURCE_NONE) {
        ctx->source = source;
    }

    return rc;
}


static ngx_int_t
ngx_http_hars_stale(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    ngx_int_t      rc;
    static time_t  logged;

    if (hlcf->stale == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_http_hars_l1(r, ctx, hlcf->stale);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx->source = NGX_HTTP_HARS_SOURCE_STALE;
    ngx_http_hars_found(ctx);

    /* an outage has many of them */

    if (logged != ngx_time()) {
        logged = ngx_time();
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "hars: the authorization server cannot be asked, token "
                      "%*s is judged by what it said before",
                      (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN, ctx->id);
    }

    return NGX_OK;
}


static void
ngx_http_hars_found(ngx_http_hars_ctx_t *ctx)
{
    ngx_uint_t  n;

    n = NGX_HTTP_HARS_C_LOOKUPS + ctx->source - 1;

    /* a denial that was remembered; a new one is its source's answer */

    if (ctx->fact == NULL
        && (ctx->source == NGX_HTTP_HARS_SOURCE_L1
            || ctx->source == NGX_HTTP_HARS_SOURCE_STALE))
    {
        n = NGX_HTTP_HARS_C_NEGATIVE;
    }

    ngx_http_hars_count(ctx->endpoint->zone, n);
}


static ngx_uint_t
ngx_http_hars_cert_revoked(ngx_http_hars_ctx_t *ctx)
{
    ngx_http_hars_zone_t  *zone;

    zone = ctx->endpoint->zone;

    if (ctx->header && ctx->header->proxy
        && ngx_http_hars_conn_revoked(zone, ctx->header->proxy))
    {
        return 1;
    }

    if (ctx->thumbprint == NULL) {
        return 0;
    }

    /* a proxy's connection has the certificates of many */

    return ctx->conn ? ngx_http_hars_conn_revoked(zone, ctx->conn)
                     : ngx_http_hars_revoked(zone, ctx->thumbprint);
}


static ngx_http_hars_verdict_e
ngx_http_hars_judge(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;
    ngx_http_hars_verdict_e    verdict, before;

    /* on each request: connections and sessions outlive a revocation */

    if (ngx_http_hars_cert_revoked(ctx)) {
        return NGX_HTTP_HARS_CERT_REVOKED;
    }

    verdict = ngx_http_hars_policy(&ctx->fact->record, ctx->thumbprint,
                                   ngx_time(), hlcf);

    if (verdict != NGX_HTTP_HARS_OK || hlcf->require == NULL) {
        return verdict;
    }

    /* the variables of the token are to be seen by what requires them */

    before = ctx->verdict;
    ctx->verdict = NGX_HTTP_HARS_OK;

    cv = hlcf->require->elts;

    for (i = 0; i < hlcf->require->nelts; i++) {

        if (ngx_http_complex_value(r, &cv[i], &value) != NGX_OK
            || value.len == 0
            || (value.len == 1 && value.data[0] == '0'))
        {
            verdict = NGX_HTTP_HARS_REQUIRE_FAILED;
            break;
        }
    }

    ctx->verdict = before;

    return verdict;
}


static ngx_int_t
ngx_http_hars_finish(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf, ngx_http_hars_verdict_e verdict)
{
    ngx_uint_t  level;

    ctx->verdict = verdict;

    /* judged again after a redirect it counts only where it is refused */

    if (!ctx->counted
        || (verdict != NGX_HTTP_HARS_OK
            && ctx->refusal == NGX_HTTP_HARS_NONE))
    {
        ctx->counted = 1;
        ngx_http_hars_count(ctx->endpoint->zone,
                            NGX_HTTP_HARS_C_REQUESTS
                            + NGX_HTTP_HARS_MODES * (verdict - 1)
                            + hlcf->mode - NGX_HTTP_HARS_MODE_ON);
    }

    if (verdict == NGX_HTTP_HARS_OK) {

        if (r->headers_in.upgrade && hlcf->mode == NGX_HTTP_HARS_MODE_ON
            && ngx_http_hars_watch(r, ctx) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return (hlcf->mode == NGX_HTTP_HARS_MODE_ON) ? NGX_OK : NGX_DECLINED;
    }

    if (ctx->refusal == NGX_HTTP_HARS_NONE) {
        ctx->refusal = verdict;
    }

    level = (verdict == NGX_HTTP_HARS_UNAVAILABLE) ? NGX_LOG_ERR
                                                   : NGX_LOG_INFO;

    ngx_log_error(level, r->connection->log, 0, "hars %s: %V, token %*s",
                  hlcf->mode == NGX_HTTP_HARS_MODE_ON ? "refused"
                                                      : "would refuse",
                  &ngx_http_hars_verdicts[verdict],
                  ctx->has_id ? (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN : 1,
                  ctx->has_id ? ctx->id : (u_char *) "-");

    if (hlcf->mode == NGX_HTTP_HARS_MODE_REPORT) {
        return NGX_DECLINED;
    }

    return ngx_http_hars_challenge(r, verdict);
}


/* NGX_DONE, or NGX_ABORT without memory */

static ngx_int_t
ngx_http_hars_wait(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    if (ctx->wait == NULL) {
        ctx->wait = ngx_pcalloc(r->pool, sizeof(ngx_http_hars_wait_t));
    }

    return ctx->wait ? NGX_DONE : NGX_ABORT;
}


static ngx_int_t
ngx_http_hars_suspend(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_msec_t timeout)
{
    ngx_event_t       *timer;
    ngx_connection_t  *c;

    c = r->connection;

    /* a client that leaves is to be seen, the connection reads nothing else */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_hars_flight_leave(ctx);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    ctx->waiting = 1;
    ctx->endpoint->zone->waiters++;

    /* one bound on the sum of all lookups */

    timer = &ctx->wait->timer;

    if (!timer->timer_set) {
        timer->handler = ngx_http_hars_timer_handler;
        timer->data = ctx;
        timer->log = c->log;

        ngx_add_timer(timer, timeout);
    }

    return NGX_AGAIN;
}


void
ngx_http_hars_resume(ngx_http_hars_ctx_t *ctx, ngx_int_t answer,
    ngx_http_hars_source_e source)
{
    ngx_event_t  *wake;

    ctx->answer = answer;
    ctx->source = (answer == NGX_DECLINED) ? NGX_HTTP_HARS_SOURCE_NONE
                                           : source;

    wake = &ctx->wait->wake;

    wake->handler = ngx_http_hars_wake_handler;
    wake->data = ctx;
    wake->log = ctx->request->connection->log;

    ngx_post_event(wake, &ngx_posted_events);
}


static void
ngx_http_hars_wake_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_hars_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx->waiting = 0;
    ctx->endpoint->zone->waiters--;
    r->read_event_handler = ngx_http_block_reading;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}


/* an upgraded connection is judged once, and may last: it ends in time */

static ngx_int_t
ngx_http_hars_watch(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_event_t  *watch;

    if (ngx_http_hars_wait(r, ctx) != NGX_DONE) {
        return NGX_ERROR;
    }

    watch = &ctx->wait->watch;

    watch->handler = ngx_http_hars_watch_handler;
    watch->data = ctx;
    watch->log = r->connection->log;
    watch->cancelable = 1;

    if (!watch->timer_set) {
        ngx_add_timer(watch, NGX_HTTP_HARS_WATCH);
    }

    return NGX_OK;
}


static void
ngx_http_hars_watch_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_hars_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    if (r->upstream == NULL || !r->upstream->upgrade
        || !ngx_http_hars_is_over(ctx))
    {
        ngx_add_timer(ev, NGX_HTTP_HARS_WATCH);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "hars: upgraded connection ends with its token %*s",
                  (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN, ctx->id);

    ngx_http_hars_count(ctx->endpoint->zone, NGX_HTTP_HARS_C_ENDED_TOKEN);

    /* whoever owns it reads its end */

    if (shutdown(c->fd, SHUT_RDWR) == -1
        && ngx_socket_errno != NGX_ENOTCONN)
    {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                      "hars: shutdown() failed");
    }
}


static ngx_uint_t
ngx_http_hars_is_over(ngx_http_hars_ctx_t *ctx)
{
    size_t                 len;
    u_char                 stored[HARS_RECORD_MAX];
    hars_record_t         *record;
    ngx_http_hars_entry_t  entry;

    record = ctx->fact ? &ctx->fact->record : NULL;

    if (record && record->has_exp && record->exp <= ngx_time()) {
        return 1;
    }

    if (ngx_http_hars_cert_revoked(ctx)) {
        return 1;
    }

    return ngx_http_hars_zone_get(ctx->endpoint->zone, ctx->key, 0, stored,
                                  &len, &entry)
           == NGX_OK
           && len == 0;
}


static void
ngx_http_hars_timer_handler(ngx_event_t *ev)
{
    ngx_http_hars_ctx_t *ctx = ev->data;

    ngx_http_hars_flight_leave(ctx);

    ngx_http_hars_resume(ctx, NGX_ERROR, NGX_HTTP_HARS_SOURCE_NONE);
}


static void
ngx_http_hars_cleanup(void *data)
{
    ngx_http_hars_ctx_t *ctx = data;

    ngx_http_hars_wait_t  *wait;

    ngx_http_hars_flight_leave(ctx);

    if (ctx->waiting) {
        ctx->endpoint->zone->waiters--;
    }

    wait = ctx->wait;

    if (wait) {

        if (wait->timer.timer_set) {
            ngx_del_timer(&wait->timer);
        }

        if (wait->watch.timer_set) {
            ngx_del_timer(&wait->watch);
        }

        if (wait->wake.posted) {
            ngx_delete_posted_event(&wait->wake);
        }
    }

    if (ctx->fact) {
        ngx_http_hars_fact_drop(ctx->fact);
    }

    if (ngx_http_hars_spares == NGX_HTTP_HARS_SPARES) {
        ngx_free(ctx);
        return;
    }

    ctx->spare = ngx_http_hars_spare;
    ngx_http_hars_spare = ctx;
    ngx_http_hars_spares++;
}
