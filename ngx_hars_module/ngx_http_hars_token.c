
/*
 * RFC 7662, 2.2: an introspection answer to a token record.  Pure: memory
 * comes from the pool given, nothing else is read or kept.  What is not
 * exactly of the type that the RFC gives it is not understood, and what is
 * not understood admits nobody; only the JSON value true is "active".
 *
 * RFC 8705, 3.2: a cnf that is there but is not one canonical x5t#S256 stands
 * for a proof that this gateway cannot check.  It is kept as a thumbprint of
 * zeros, which no certificate has, so that it is never mistaken for "unbound".
 *
 * This file is the only user of jansson in the module.
 */

#include "ngx_http_hars.h"

#include <jansson.h>


#define NGX_HTTP_HARS_SAFE_INTEGER  9007199254740992.0   /* 2^53 */


static ngx_int_t ngx_http_hars_token_fields(ngx_pool_t *pool,
    ngx_array_t *claims, json_t *root, hars_record_t *record,
    const char **why);
static ngx_uint_t ngx_http_hars_token_is_refresh(json_t *root);
static ngx_int_t ngx_http_hars_token_date(json_t *root, const char *name,
    int64_t *date);
static ngx_int_t ngx_http_hars_token_string(ngx_pool_t *pool, json_t *value,
    hars_str_t *str);
static ngx_int_t ngx_http_hars_token_aud(ngx_pool_t *pool, json_t *aud,
    hars_str_t *str);
static void ngx_http_hars_token_cnf(json_t *cnf, hars_record_t *record);
static ngx_int_t ngx_http_hars_token_claims(ngx_pool_t *pool,
    ngx_array_t *claims, json_t *root, hars_record_t *record);
static ngx_int_t ngx_http_hars_token_claim(ngx_pool_t *pool, json_t *value,
    hars_str_t *str);
static ngx_int_t ngx_http_hars_token_text(ngx_pool_t *pool, const char *data,
    size_t len, hars_str_t *str);


ngx_int_t
ngx_http_hars_token_parse(ngx_pool_t *pool, ngx_array_t *claims, u_char *json,
    size_t len, hars_record_t *record, const char **why)
{
    json_t        *root, *active;
    ngx_int_t      rc;
    json_error_t   error;

    ngx_memzero(record, sizeof(hars_record_t));

    if (len == 0 || len > NGX_HTTP_HARS_ANSWER_MAX) {
        *why = len ? "longer than 64 KB" : "empty";
        return NGX_DECLINED;
    }

    root = json_loadb((char *) json, len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        *why = "not JSON, or a member stands twice";
        return NGX_DECLINED;
    }

    active = json_object_get(root, "active");

    if (!json_is_boolean(active)) {
        *why = "no boolean member \"active\"";
        rc = NGX_DECLINED;

    } else if (json_is_false(active) || ngx_http_hars_token_is_refresh(root)) {
        rc = NGX_OK;

    } else {
        record->active = 1;
        rc = ngx_http_hars_token_fields(pool, claims, root, record, why);
    }

    json_decref(root);

    return rc;
}


static ngx_int_t
ngx_http_hars_token_fields(ngx_pool_t *pool, ngx_array_t *claims,
    json_t *root, hars_record_t *record, const char **why)
{
    ngx_int_t    rc;
    ngx_uint_t   i;
    struct {
        const char  *name;
        hars_str_t  *str;
    } strings[] = {
        { "sub", &record->sub },
        { "client_id", &record->client_id },
        { "scope", &record->scope },
        { "iss", &record->iss }
    };

    rc = ngx_http_hars_token_date(root, "exp", &record->exp);
    if (rc == NGX_DECLINED) {
        *why = "\"exp\" is not an integer";
        return rc;
    }

    record->has_exp = (rc == NGX_OK);

    rc = ngx_http_hars_token_date(root, "nbf", &record->nbf);
    if (rc == NGX_DECLINED) {
        *why = "\"nbf\" is not an integer";
        return rc;
    }

    record->has_nbf = (rc == NGX_OK);

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        rc = ngx_http_hars_token_string(pool,
                                     json_object_get(root, strings[i].name),
                                     strings[i].str);
        if (rc != NGX_OK) {
            *why = "\"sub\", \"client_id\", \"scope\" or \"iss\" is not a "
                   "string without control characters";
            return rc;
        }
    }

    rc = ngx_http_hars_token_aud(pool, json_object_get(root, "aud"),
                                 &record->aud);
    if (rc != NGX_OK) {
        *why = "\"aud\" is neither a string nor an array of strings";
        return rc;
    }

    ngx_http_hars_token_cnf(json_object_get(root, "cnf"), record);

    rc = ngx_http_hars_token_claims(pool, claims, root, record);
    if (rc != NGX_OK) {
        *why = "a claim of \"hars_claim_set\" holds control characters";
    }

    return rc;
}


static ngx_uint_t
ngx_http_hars_token_is_refresh(json_t *root)
{
    ngx_uint_t   i;
    const char  *value;

    /* a refresh token is not an access token, whatever else is said of it */

    static const char  *names[] = { "token_type", "token_use" };

    for (i = 0; i < 2; i++) {
        value = json_string_value(json_object_get(root, names[i]));

        if (value && (ngx_strcasecmp((u_char *) value,
                                     (u_char *) "refresh_token") == 0
                      || ngx_strcasecmp((u_char *) value,
                                        (u_char *) "refresh") == 0))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_hars_token_date(json_t *root, const char *name, int64_t *date)
{
    double   real;
    json_t  *value;

    /* NGX_OK, NGX_DONE where it is absent, NGX_DECLINED */

    value = json_object_get(root, name);

    if (value == NULL) {
        *date = 0;
        return NGX_DONE;
    }

    if (json_is_integer(value)) {
        *date = json_integer_value(value);
        return NGX_OK;
    }

    if (json_is_real(value)) {
        real = json_real_value(value);

        if (real >= -NGX_HTTP_HARS_SAFE_INTEGER
            && real <= NGX_HTTP_HARS_SAFE_INTEGER
            && real == (double) (int64_t) real)
        {
            *date = (int64_t) real;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_hars_token_string(ngx_pool_t *pool, json_t *value, hars_str_t *str)
{
    if (value == NULL) {
        return NGX_OK;
    }

    if (!json_is_string(value)) {
        return NGX_DECLINED;
    }

    return ngx_http_hars_token_text(pool, json_string_value(value),
                                    json_string_length(value), str);
}


static ngx_int_t
ngx_http_hars_token_aud(ngx_pool_t *pool, json_t *aud, hars_str_t *str)
{
    u_char       *p;
    json_t       *value;
    size_t        i, len;
    ngx_int_t     rc;
    hars_str_t    one;

    if (!json_is_array(aud)) {
        return ngx_http_hars_token_string(pool, aud, str);
    }

    len = 0;

    json_array_foreach(aud, i, value) {

        if (!json_is_string(value) || json_string_length(value) == 0) {
            return NGX_DECLINED;
        }

        len += json_string_length(value) + 1;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    str->data = p;
    str->len = len - 1;

    json_array_foreach(aud, i, value) {

        rc = ngx_http_hars_token_string(pool, value, &one);
        if (rc != NGX_OK) {
            return rc;
        }

        p = ngx_cpymem(p, one.data, one.len);
        *p++ = '\n';
    }

    return NGX_OK;
}


static void
ngx_http_hars_token_cnf(json_t *cnf, hars_record_t *record)
{
    json_t  *x5t;

    if (cnf == NULL) {
        return;
    }

    record->has_cnf = 1;

    /* RFC 8705, 3.1: x5t#S256 */

    x5t = json_object_get(cnf, "x5t#S256");

    if (!json_is_string(x5t)
        || hars_b64url_sha256_decode(record->cnf, json_string_value(x5t),
                                     json_string_length(x5t))
           != HARS_OK)
    {
        ngx_memzero(record->cnf, HARS_SHA256_LEN);
    }
}


static ngx_int_t
ngx_http_hars_token_claims(ngx_pool_t *pool, ngx_array_t *claims,
    json_t *root, hars_record_t *record)
{
    char                  **key;
    json_t                 *value;
    ngx_int_t               rc;
    ngx_uint_t              i, k;
    ngx_http_hars_claim_t  *claim;

    claim = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        value = root;
        key = claim[i].keys.elts;

        for (k = 0; value && k < claim[i].keys.nelts; k++) {
            value = json_object_get(value, key[k]);
        }

        rc = ngx_http_hars_token_claim(pool, value, &record->claim[i]);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    record->nclaims = claims->nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_token_claim(ngx_pool_t *pool, json_t *value, hars_str_t *str)
{
    char       *text;
    ngx_int_t   rc;

    if (value == NULL || json_is_null(value)) {
        return NGX_OK;
    }

    if (json_is_string(value)) {
        return ngx_http_hars_token_string(pool, value, str);
    }

    /* numbers, booleans, arrays and objects as compact JSON */

    text = json_dumps(value, JSON_COMPACT|JSON_ENCODE_ANY);
    if (text == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_hars_token_text(pool, text, ngx_strlen(text), str);

    free(text);

    return rc;
}


static ngx_int_t
ngx_http_hars_token_text(ngx_pool_t *pool, const char *data, size_t len,
    hars_str_t *str)
{
    size_t  i;

    /* it may become a header of a proxied request or a line of a log */

    for (i = 0; i < len; i++) {
        if ((u_char) data[i] < 0x20 || (u_char) data[i] == 0x7f) {
            return NGX_DECLINED;
        }
    }

    str->len = len;
    str->data = NULL;

    if (len == 0) {
        return NGX_OK;
    }

    str->data = ngx_pnalloc(pool, len);
    if (str->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(str->data, data, len);

    return NGX_OK;
}
