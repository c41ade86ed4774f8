
/*
 * L0: what a connection remembers of the last tokens that it proved, on its
 * SSL object, so that the streams of HTTP/2 share it.  A hit neither hashes
 * nor locks: it compares the token itself, the generation of its bucket in
 * the zone, which denials change, and until when the record is believed.
 * Wiped when the connection ends.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_MEMO_TOKEN    1024


static void ngx_http_hars_slot_wipe(ngx_http_hars_slot_t *slot);


ngx_int_t
ngx_http_hars_memo_get(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_msec_t refresh)
{
    ngx_uint_t             i;
    ngx_http_hars_zone_t  *zone;
    ngx_http_hars_slot_t  *slot;

    if (ctx->conn == NULL) {
        return NGX_DECLINED;
    }

    zone = ctx->endpoint->zone;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        slot = &ctx->conn->slots[i];

        if (slot->endpoint != ctx->endpoint
            || slot->token_len != ctx->token.len
            || !ngx_http_hars_equal(slot->data, ctx->token.data,
                                    slot->token_len))
        {
            continue;
        }

        if (*ngx_http_hars_cache_generation(zone->sh->cache, slot->key)
            != slot->entry.generation
            || ngx_http_hars_until(zone, &slot->entry) <= ngx_current_msec)
        {
            ngx_http_hars_slot_wipe(slot);
            return NGX_DECLINED;
        }

        /* L1 may have it renewed, or is to renew it */

        if (ngx_http_hars_renew_at(zone, slot->key, &slot->entry, refresh)
            <= ngx_current_msec)
        {
            return NGX_DECLINED;
        }

        /* another stream may take the slot while this request goes on */

        ctx->data = ngx_pnalloc(r->pool, slot->record_len);
        if (ctx->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ctx->data, slot->data + slot->token_len,
                   slot->record_len);
        ngx_memcpy(ctx->key, slot->key, HARS_KEY_LEN);
        ngx_memcpy(ctx->id, slot->id, NGX_HTTP_HARS_TOKEN_ID_LEN);

        if (hars_record_decode(&ctx->record, ctx->data, slot->record_len)
            != HARS_OK)
        {
            return NGX_DECLINED;
        }

        ctx->len = slot->record_len;
        ctx->has_id = 1;
        ctx->has_record = 1;
        ctx->source = NGX_HTTP_HARS_SOURCE_L0;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_http_hars_memo_put(ngx_http_hars_ctx_t *ctx)
{
    size_t                 len;
    ngx_uint_t             i;
    ngx_http_hars_conn_t  *conn;
    ngx_http_hars_slot_t  *slot;

    conn = ctx->conn;

    if (conn == NULL
        || ctx->token.len > NGX_HTTP_HARS_MEMO_TOKEN
        || ctx->source == NGX_HTTP_HARS_SOURCE_STALE)
    {
        return;
    }

    slot = NULL;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {

        if (conn->slots[i].endpoint == NULL
            || (conn->slots[i].endpoint == ctx->endpoint
                && conn->slots[i].token_len == ctx->token.len
                && ngx_http_hars_equal(conn->slots[i].data, ctx->token.data,
                                       ctx->token.len)))
        {
            slot = &conn->slots[i];
            break;
        }
    }

    if (slot == NULL) {
        slot = &conn->slots[conn->next];
        conn->next++;
    }

    len = ctx->token.len + ctx->len;

    if (slot->size < len) {
        ngx_http_hars_slot_wipe(slot);

        slot->data = ngx_alloc(len, ngx_cycle->log);
        if (slot->data == NULL) {
            return;
        }

        slot->size = len;
    }

    /* with the generation of the moment in which the record was read */

    slot->entry = ctx->entry;
    slot->token_len = ctx->token.len;
    slot->record_len = ctx->len;
    slot->endpoint = ctx->endpoint;

    ngx_memcpy(slot->key, ctx->key, HARS_KEY_LEN);
    ngx_memcpy(slot->id, ctx->id, NGX_HTTP_HARS_TOKEN_ID_LEN);
    ngx_memcpy(slot->data, ctx->token.data, ctx->token.len);
    ngx_memcpy(slot->data + ctx->token.len, ctx->data, ctx->len);
}


void
ngx_http_hars_memo_wipe(ngx_http_hars_conn_t *conn)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        ngx_http_hars_slot_wipe(&conn->slots[i]);
    }
}


static void
ngx_http_hars_slot_wipe(ngx_http_hars_slot_t *slot)
{
    if (slot->data) {
        ngx_explicit_memzero(slot->data, slot->size);
        ngx_free(slot->data);
    }

    ngx_memzero(slot, sizeof(ngx_http_hars_slot_t));
}
