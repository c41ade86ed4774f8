
/*
 * L0: what a connection remembers of the last tokens that it proved, on its
 * SSL object, so that the streams of HTTP/2 share it.  A hit neither hashes
 * nor locks, nor copies or decodes a record: it compares the token itself,
 * the generation of its bucket in the zone, which denials change, and until
 * when the record is believed.
 *
 * A fact is a record that was decoded once.  Connection and requests own it
 * together, since another stream may take its slot while a request goes on;
 * the last owner wipes it, and its memory is used for the next one.  A
 * connection of many tokens, which will hardly ask for one again soon, keeps
 * few of them: what it would keep goes through the processor's cache.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_MEMO_TOKEN    1024
#define NGX_HTTP_HARS_FACT_ALIGN    64       /* room for one a bit larger */
#define NGX_HTTP_HARS_FACT_LARGE    2048     /* not kept: it is wiped whole */
#define NGX_HTTP_HARS_MEMO_RARE     8        /* takes another's place */

/* a sanitizer is to see who uses one that was dropped */
#if (NGX_DEBUG_PALLOC)
#define NGX_HTTP_HARS_FACT_SPARES   0
#else
#define NGX_HTTP_HARS_FACT_SPARES   64
#endif


static uint64_t ngx_http_hars_token_mix(ngx_str_t *token);
static ngx_http_hars_slot_t *ngx_http_hars_memo_find(
    ngx_http_hars_ctx_t *ctx);
static ngx_http_hars_slot_t *ngx_http_hars_memo_slot(
    ngx_http_hars_ctx_t *ctx);
static void ngx_http_hars_slot_empty(ngx_http_hars_slot_t *slot);
static ngx_http_hars_fact_t *ngx_http_hars_fact_create(ngx_log_t *log,
    size_t size);
static void ngx_http_hars_fact_cleanup(void *data);


/* memory of facts that were dropped: the last one is in the cache */
static ngx_http_hars_fact_t  *ngx_http_hars_fact_spare;
static ngx_uint_t             ngx_http_hars_fact_spares;


ngx_int_t
ngx_http_hars_memo_get(ngx_http_hars_ctx_t *ctx, ngx_msec_t refresh)
{
    ngx_http_hars_fact_t  *fact;
    ngx_http_hars_slot_t  *slot;
    ngx_http_hars_zone_t  *zone;

    ctx->slot = NULL;

    if (ctx->conn == NULL || ctx->token.len > NGX_HTTP_HARS_MEMO_TOKEN) {
        return NGX_DECLINED;
    }

    ctx->mix = ngx_http_hars_token_mix(&ctx->token);
    slot = ngx_http_hars_memo_find(ctx);

    if (slot == NULL) {
        return NGX_DECLINED;
    }

    fact = slot->fact;
    zone = ctx->endpoint->zone;

    if (*ngx_http_hars_cache_generation(zone->sh->cache, fact->key)
        != fact->entry.generation
        || ngx_http_hars_until(zone, &fact->entry) <= ngx_current_msec)
    {
        ngx_http_hars_slot_empty(slot);
        ctx->slot = slot;
        return NGX_DECLINED;
    }

    /* L1 may have it renewed, or is to renew it */

    if (ngx_http_hars_renew_at(zone, fact->key, &fact->entry, refresh)
        <= ngx_current_msec)
    {
        ctx->slot = slot;
        return NGX_DECLINED;
    }

    fact->owners++;

    ctx->fact = fact;
    ctx->source = NGX_HTTP_HARS_SOURCE_L0;
    ngx_memcpy(ctx->key, fact->key, HARS_KEY_LEN);
    ngx_memcpy(ctx->id, fact->id, NGX_HTTP_HARS_TOKEN_ID_LEN);
    ctx->has_id = 1;

    return NGX_OK;
}


void
ngx_http_hars_memo_put(ngx_http_hars_ctx_t *ctx)
{
    ngx_http_hars_slot_t  *slot;

    slot = ngx_http_hars_memo_slot(ctx);

    if (slot == NULL) {
        return;
    }

    ngx_http_hars_slot_empty(slot);

    slot->mix = ctx->mix;
    slot->fact = ctx->fact;
    slot->fact->owners++;

    ctx->slot = NULL;
}


void
ngx_http_hars_memo_wipe(ngx_http_hars_conn_t *conn)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        ngx_http_hars_slot_empty(&conn->slots[i]);
    }
}


/* tells tokens apart that are not the same; those that are, are compared */

static uint64_t
ngx_http_hars_token_mix(ngx_str_t *token)
{
    u_char    *p;
    size_t     len;
    uint64_t   mix, word;

    p = token->data;
    mix = 0;

    for (len = token->len; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        ngx_memcpy(&word, p, sizeof(uint64_t));
        mix = (mix ^ word) * 0x9e3779b97f4a7c15;
        mix ^= mix >> 32;
        p += sizeof(uint64_t);
    }

    while (len--) {
        mix = (mix ^ *p++) * 0x9e3779b97f4a7c15;
    }

    return mix;
}


static ngx_http_hars_slot_t *
ngx_http_hars_memo_find(ngx_http_hars_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_http_hars_fact_t  *fact;
    ngx_http_hars_slot_t  *slot;

    slot = ctx->conn->slots;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++, slot++) {
        fact = slot->fact;

        if (slot->mix == ctx->mix
            && fact
            && fact->endpoint == ctx->endpoint
            && fact->token_len == ctx->token.len
            && ngx_http_hars_equal(fact->token, ctx->token.data,
                                   ctx->token.len))
        {
            return slot;
        }
    }

    return NULL;
}


/* the one to fill, or NULL where the token is not to be remembered */

static ngx_http_hars_slot_t *
ngx_http_hars_memo_slot(ngx_http_hars_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_http_hars_conn_t  *conn;

    /* the token's own, as far as it had one */

    if (ctx->slot) {
        return ctx->slot;
    }

    conn = ctx->conn;

    if (conn == NULL || ctx->token.len > NGX_HTTP_HARS_MEMO_TOKEN) {
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        if (conn->slots[i].fact == NULL) {
            return &conn->slots[i];
        }
    }

    i = conn->crowded++;

    if (i % NGX_HTTP_HARS_MEMO_RARE) {
        return NULL;
    }

    return &conn->slots[i / NGX_HTTP_HARS_MEMO_RARE % NGX_HTTP_HARS_SLOTS];
}


static void
ngx_http_hars_slot_empty(ngx_http_hars_slot_t *slot)
{
    if (slot->fact) {
        ngx_http_hars_fact_drop(slot->fact);
        slot->fact = NULL;
    }
}


ngx_int_t
ngx_http_hars_fact(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    u_char *record, size_t len)
{
    u_char                *p;
    ngx_http_hars_fact_t  *fact;

    fact = ngx_http_hars_fact_create(r->connection->log,
                                     ctx->token.len + len);
    if (fact == NULL) {
        return NGX_ERROR;
    }

    fact->endpoint = ctx->endpoint;
    fact->entry = ctx->entry;
    ngx_memcpy(fact->key, ctx->key, HARS_KEY_LEN);
    ngx_memcpy(fact->id, ctx->id, NGX_HTTP_HARS_TOKEN_ID_LEN);

    fact->token_len = ctx->token.len;
    fact->token = fact->data;
    p = ngx_cpymem(fact->data, ctx->token.data, ctx->token.len);
    ngx_memcpy(p, record, len);

    if (hars_record_decode(&fact->record, p, len) != HARS_OK
        || !fact->record.active)
    {
        ngx_http_hars_fact_drop(fact);
        return NGX_DECLINED;
    }

    ctx->fact = fact;

    return NGX_OK;
}


static ngx_http_hars_fact_t *
ngx_http_hars_fact_create(ngx_log_t *log, size_t size)
{
    ngx_http_hars_fact_t  *fact;

    fact = ngx_http_hars_fact_spare;

    if (fact) {
        ngx_http_hars_fact_spare = fact->spare;
        ngx_http_hars_fact_spares--;

        if (fact->size >= size) {
            fact->owners = 1;
            return fact;
        }

        ngx_free(fact);
    }

    size = ngx_align(size, NGX_HTTP_HARS_FACT_ALIGN);

    fact = ngx_alloc(offsetof(ngx_http_hars_fact_t, data) + size, log);
    if (fact == NULL) {
        return NULL;
    }

    fact->owners = 1;
    fact->size = size;

    return fact;
}


void
ngx_http_hars_fact_drop(ngx_http_hars_fact_t *fact)
{
    size_t  head, size;

    if (--fact->owners) {
        return;
    }

    head = offsetof(ngx_http_hars_fact_t, endpoint);
    size = offsetof(ngx_http_hars_fact_t, data) + fact->size;

    ngx_explicit_memzero((u_char *) fact + head, size - head);

    if (ngx_http_hars_fact_spares == NGX_HTTP_HARS_FACT_SPARES
        || fact->size > NGX_HTTP_HARS_FACT_LARGE)
    {
        ngx_free(fact);
        return;
    }

    fact->spare = ngx_http_hars_fact_spare;
    ngx_http_hars_fact_spare = fact;
    ngx_http_hars_fact_spares++;
}


ngx_int_t
ngx_http_hars_fact_leave(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    if (ctx->fact == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_hars_fact_cleanup;
    cln->data = ctx->fact;

    ctx->fact = NULL;

    return NGX_OK;
}


static void
ngx_http_hars_fact_cleanup(void *data)
{
    ngx_http_hars_fact_drop(data);
}
