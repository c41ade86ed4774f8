
/*
 * May this request pass?  The record of the token, the thumbprint that the
 * connection proved, the time and the location's configuration to a verdict.
 * Pure, and asked again at every request and every location: scope, audience,
 * issuer, lifetime and binding are never cached as an answer.
 *
 * The binding comes before what the location wants of the token: who holds a
 * stolen token learns nothing more of it.
 */

#include "ngx_http_hars.h"


/* a clock that is a little behind the authorization server's is no error */
#define NGX_HTTP_HARS_NBF_LEEWAY  10


static ngx_http_hars_verdict_e ngx_http_hars_policy_cnf(
    hars_record_t *record, u_char *thumbprint, ngx_uint_t bind);
static ngx_uint_t ngx_http_hars_has_value(hars_str_t *list, u_char separator,
    ngx_str_t *value);
static ngx_uint_t ngx_http_hars_has_all(hars_str_t *list, u_char separator,
    ngx_array_t *values);
static ngx_uint_t ngx_http_hars_has_one(hars_str_t *list, u_char separator,
    ngx_array_t *values);


ngx_http_hars_verdict_e
ngx_http_hars_policy(hars_record_t *record, u_char *thumbprint, int64_t now,
    ngx_http_hars_loc_conf_t *hlcf)
{
    ngx_http_hars_verdict_e  verdict;

    /* RFC 7662, 2.2: active */

    if (!record->active) {
        return NGX_HTTP_HARS_INACTIVE;
    }

    /* RFC 7519, 4.1.4: "on or after" exp is too late */

    if (record->has_exp && now >= record->exp) {
        return NGX_HTTP_HARS_EXPIRED;
    }

    if (record->has_nbf && record->nbf > now
        && record->nbf - now > NGX_HTTP_HARS_NBF_LEEWAY)
    {
        return NGX_HTTP_HARS_NOT_YET_VALID;
    }

    verdict = ngx_http_hars_policy_cnf(record, thumbprint, hlcf->bind);

    if (verdict != NGX_HTTP_HARS_OK) {
        return verdict;
    }

    if (hlcf->issuer
        && !ngx_http_hars_has_one(&record->iss, '\n', hlcf->issuer))
    {
        return NGX_HTTP_HARS_WRONG_ISSUER;
    }

    if (hlcf->audience
        && !ngx_http_hars_has_one(&record->aud, '\n', hlcf->audience))
    {
        return NGX_HTTP_HARS_WRONG_AUDIENCE;
    }

    if (hlcf->scope
        && !ngx_http_hars_has_all(&record->scope, ' ', hlcf->scope))
    {
        return NGX_HTTP_HARS_INSUFFICIENT_SCOPE;
    }

    return NGX_HTTP_HARS_OK;
}


static ngx_http_hars_verdict_e
ngx_http_hars_policy_cnf(hars_record_t *record, u_char *thumbprint,
    ngx_uint_t bind)
{
    /* RFC 8705, 3 */

    if (bind == NGX_HTTP_HARS_BIND_OFF) {
        return NGX_HTTP_HARS_OK;
    }

    if (!record->has_cnf) {
        return (bind == NGX_HTTP_HARS_BIND_OPTIONAL)
               ? NGX_HTTP_HARS_OK : NGX_HTTP_HARS_NO_CNF;
    }

    /* a bound token without its proof is refused, "optional" or not */

    if (thumbprint == NULL) {
        return NGX_HTTP_HARS_NO_CERT;
    }

    return ngx_http_hars_equal(record->cnf, thumbprint, HARS_SHA256_LEN)
           ? NGX_HTTP_HARS_OK : NGX_HTTP_HARS_CNF_MISMATCH;
}


static ngx_uint_t
ngx_http_hars_has_value(hars_str_t *list, u_char separator, ngx_str_t *value)
{
    u_char  *p, *q, *last;

    p = list->data;
    last = p + list->len;

    while (p < last) {

        q = memchr(p, separator, last - p);

        if (q == NULL) {
            q = last;
        }

        if ((size_t) (q - p) == value->len
            && ngx_memcmp(p, value->data, value->len) == 0)
        {
            return 1;
        }

        p = q + 1;
    }

    return 0;
}


static ngx_uint_t
ngx_http_hars_has_all(hars_str_t *list, u_char separator, ngx_array_t *values)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = values->elts;

    for (i = 0; i < values->nelts; i++) {
        if (!ngx_http_hars_has_value(list, separator, &value[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_hars_has_one(hars_str_t *list, u_char separator, ngx_array_t *values)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = values->elts;

    for (i = 0; i < values->nelts; i++) {
        if (ngx_http_hars_has_value(list, separator, &value[i])) {
            return 1;
        }
    }

    return 0;
}
