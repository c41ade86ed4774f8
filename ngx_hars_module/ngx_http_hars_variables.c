
/*
 * What the rest of nginx.conf can read.  The variables of a token are empty
 * until this request was judged ok, and empty again once it is refused, so
 * nothing that is built on them lets a refused request look like a good one.
 * None is cacheable: an internal redirect may be judged otherwise.
 */

#include "ngx_http_hars.h"


static ngx_int_t ngx_http_hars_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_aud_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_exp_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_source_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_token_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_s256_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_hars_cert_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static hars_record_t *ngx_http_hars_proved(ngx_http_request_t *r);
static ngx_int_t ngx_http_hars_value(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


static ngx_http_variable_t  ngx_http_hars_vars[] = {

    { ngx_string("hars_sub"), NULL, ngx_http_hars_string_variable,
      offsetof(hars_record_t, sub), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_client_id"), NULL, ngx_http_hars_string_variable,
      offsetof(hars_record_t, client_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_scope"), NULL, ngx_http_hars_string_variable,
      offsetof(hars_record_t, scope), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_iss"), NULL, ngx_http_hars_string_variable,
      offsetof(hars_record_t, iss), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_aud"), NULL, ngx_http_hars_aud_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_exp"), NULL, ngx_http_hars_exp_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_verdict"), NULL, ngx_http_hars_verdict_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_source"), NULL, ngx_http_hars_source_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_token_id"), NULL, ngx_http_hars_token_id_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_client_cert_s256"), NULL, ngx_http_hars_s256_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hars_client_cert"), NULL, ngx_http_hars_cert_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_hars_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_hars_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_add_claim_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t index)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_hars_claim_variable;
    var->data = index;

    return NGX_OK;
}


static hars_record_t *
ngx_http_hars_proved(ngx_http_request_t *r)
{
    ngx_http_hars_ctx_t  *ctx;
    ngx_http_hars_sub_t  *sub;

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx == NULL
        || ctx->fact == NULL
        || ctx->verdict != NGX_HTTP_HARS_OK)
    {
        return NULL;
    }

    sub = ngx_http_hars_get_sub(r, ctx);

    return (sub == NULL || sub->verdict == NGX_HTTP_HARS_OK)
           ? &ctx->fact->record : NULL;
}


static ngx_int_t
ngx_http_hars_value(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->data = data ? data : (u_char *) "";
    v->len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    hars_str_t     *str;
    hars_record_t  *record;

    record = ngx_http_hars_proved(r);

    if (record == NULL) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    str = (hars_str_t *) ((u_char *) record + data);

    return ngx_http_hars_value(v, str->data, str->len);
}


static ngx_int_t
ngx_http_hars_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    hars_record_t  *record;

    record = ngx_http_hars_proved(r);

    if (record == NULL || data >= record->nclaims) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    return ngx_http_hars_value(v, record->claim[data].data,
                               record->claim[data].len);
}


static ngx_int_t
ngx_http_hars_aud_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char         *p;
    size_t          i;
    hars_record_t  *record;

    record = ngx_http_hars_proved(r);

    if (record == NULL || record->aud.len == 0) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, record->aud.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* no line feed may become part of a header */

    for (i = 0; i < record->aud.len; i++) {
        p[i] = (record->aud.data[i] == LF) ? ' ' : record->aud.data[i];
    }

    return ngx_http_hars_value(v, p, record->aud.len);
}


static ngx_int_t
ngx_http_hars_exp_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char         *p;
    hars_record_t  *record;

    record = ngx_http_hars_proved(r);

    if (record == NULL || !record->has_exp) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_hars_value(v, p,
                               ngx_sprintf(p, "%L", record->exp) - p);
}


static ngx_int_t
ngx_http_hars_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                *name;
    ngx_http_hars_ctx_t      *ctx;
    ngx_http_hars_sub_t      *sub;
    ngx_http_hars_verdict_e   verdict;

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx == NULL || ctx->internal) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    /* once refused, a request stays so, whatever page it ends in */

    verdict = ctx->refusal ? ctx->refusal : ctx->verdict;
    sub = ngx_http_hars_get_sub(r, ctx);

    name = &ngx_http_hars_verdicts[sub ? sub->refusal : verdict];

    return ngx_http_hars_value(v, name->data, name->len);
}


static ngx_int_t
ngx_http_hars_source_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t            *name;
    ngx_http_hars_ctx_t  *ctx;

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx == NULL) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    name = &ngx_http_hars_sources[ctx->source];

    return ngx_http_hars_value(v, name->data, name->len);
}


static ngx_int_t
ngx_http_hars_token_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_hars_ctx_t  *ctx;

    ctx = ngx_http_hars_get_ctx(r);

    if (ctx == NULL || !ctx->has_id) {
        return ngx_http_hars_value(v, NULL, 0);
    }

    return ngx_http_hars_value(v, ctx->id, NGX_HTTP_HARS_TOKEN_ID_LEN);
}


static ngx_int_t
ngx_http_hars_s256_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char  *s256;

    if (ngx_http_hars_s256(r, &s256) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_hars_value(v, s256, s256 ? HARS_B64_SHA256_LEN : 0);
}


static ngx_int_t
ngx_http_hars_cert_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  value;

    if (ngx_http_hars_client_cert(r, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_hars_value(v, value.data, value.len);
}
