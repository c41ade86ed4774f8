
/*
 * RFC 6750 both ways: the token out of the Authorization header (2.1), the
 * challenge into the answer (3).  Tokens in the query or in a form are never
 * taken; one in the query beside the header is more than one method, and so
 * a malformed request.  The challenges are made at configuration: fixed
 * texts, nothing of the client's or the authority's data is in them, and
 * they never tell which certificate would fit.
 */

#include "ngx_http_hars.h"


typedef struct {
    ngx_int_t    status;
    ngx_uint_t   challenge;      /* offset in the location conf, or 0 */
} ngx_http_hars_answer_t;


static ngx_http_hars_verdict_e ngx_http_hars_b64token(u_char *p,
    u_char *last);
static ngx_uint_t ngx_http_hars_query_token(ngx_http_request_t *r);
static ngx_int_t ngx_http_hars_add_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value, ngx_table_elt_t **elt);
static ngx_int_t ngx_http_hars_challenge_text(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *realm, const char *error, ngx_str_t *scope);


#define NGX_HTTP_HARS_CHALLENGE(name)                                        \
    offsetof(ngx_http_hars_loc_conf_t, challenge_##name)


/* RFC 6750, 3.1; one row a verdict, in their order */

static const ngx_http_hars_answer_t  ngx_http_hars_answers[] = {
    { NGX_HTTP_INTERNAL_SERVER_ERROR, 0 },                      /* none */
    { NGX_OK, 0 },                                              /* ok */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(bare) },   /* no_token */
    { NGX_HTTP_BAD_REQUEST, NGX_HTTP_HARS_CHALLENGE(request) }, /* malformed */
    { NGX_HTTP_BAD_REQUEST, NGX_HTTP_HARS_CHALLENGE(request) }, /* too_long */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },  /* inactive */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },
                                                         /* not_yet_valid */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },  /* expired */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },  /* no_cert */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },
                                                         /* cert_revoked */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },
                                                         /* cnf_mismatch */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },  /* no_cnf */
    { NGX_HTTP_FORBIDDEN, NGX_HTTP_HARS_CHALLENGE(scope) },
                                                   /* insufficient_scope */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },
                                                       /* wrong_audience */
    { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_HARS_CHALLENGE(token) },
                                                         /* wrong_issuer */
    { NGX_HTTP_FORBIDDEN, NGX_HTTP_HARS_CHALLENGE(require) },
                                                       /* require_failed */
    { NGX_HTTP_SERVICE_UNAVAILABLE, 0 },                     /* unavailable */
    { NGX_HTTP_SERVICE_UNAVAILABLE, 0 },                     /* overloaded */
};


static ngx_str_t  ngx_http_hars_www_authenticate =
    ngx_string("WWW-Authenticate");
static ngx_str_t  ngx_http_hars_retry_after = ngx_string("Retry-After");
static ngx_str_t  ngx_http_hars_retry_seconds = ngx_string("1");
static ngx_str_t  ngx_http_hars_cache_control = ngx_string("Cache-Control");
static ngx_str_t  ngx_http_hars_no_store = ngx_string("no-store");


ngx_http_hars_verdict_e
ngx_http_hars_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char                   *p, *last;
    ngx_str_t                *value;
    ngx_http_hars_verdict_e   verdict;

    /* nginx answers a second Authorization header by 400 itself */

    if (r->headers_in.authorization == NULL) {
        return NGX_HTTP_HARS_NO_TOKEN;
    }

    value = &r->headers_in.authorization->value;
    p = value->data;
    last = p + value->len;

    /* RFC 9110, 11.1: in any case; most clients write it so */

    if (value->len < sizeof("Bearer") - 1
        || (ngx_memcmp(p, "Bearer", sizeof("Bearer") - 1) != 0
            && ngx_strncasecmp(p, (u_char *) "Bearer", sizeof("Bearer") - 1)
               != 0))
    {
        return NGX_HTTP_HARS_NO_TOKEN;
    }

    p += sizeof("Bearer") - 1;

    /* RFC 9110, 11.4: auth-scheme, then 1*SP; another token is not Bearer */

    if (p == last) {
        return NGX_HTTP_HARS_MALFORMED;
    }

    if (*p != ' ') {
        return (*p == '\t' || *p == '=' || *p == ',')
               ? NGX_HTTP_HARS_MALFORMED : NGX_HTTP_HARS_NO_TOKEN;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (last - p > NGX_HTTP_HARS_TOKEN_MAX) {
        return NGX_HTTP_HARS_TOO_LONG;
    }

    verdict = ngx_http_hars_b64token(p, last);

    if (verdict != NGX_HTTP_HARS_OK) {
        return verdict;
    }

    if (r->args.len && ngx_http_hars_query_token(r)) {
        return NGX_HTTP_HARS_MALFORMED;
    }

    token->data = p;
    token->len = last - p;

    return NGX_HTTP_HARS_OK;
}


static ngx_http_hars_verdict_e
ngx_http_hars_b64token(u_char *p, u_char *last)
{
    u_char  *start, good;

    /* 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */

    static const u_char  b64token[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1,   /* + - . / */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,   /* 0-9 */
        0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,   /* A-O */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1,   /* P-Z _ */
        0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,   /* a-o */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0,   /* p-z ~ */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    };

    start = p;

    while (last > start && last[-1] == '=') {
        last--;
    }

    if (last == start) {
        return NGX_HTTP_HARS_MALFORMED;
    }

    for (good = 1; last - p >= 8; p += 8) {
        good &= b64token[p[0]] & b64token[p[1]] & b64token[p[2]]
                & b64token[p[3]] & b64token[p[4]] & b64token[p[5]]
                & b64token[p[6]] & b64token[p[7]];
    }

    while (p < last) {
        good &= b64token[*p++];
    }

    return good ? NGX_HTTP_HARS_OK : NGX_HTTP_HARS_MALFORMED;
}


static ngx_uint_t
ngx_http_hars_query_token(ngx_http_request_t *r)
{
    ngx_str_t  value;

    /* RFC 6750, 2.3 and 3.1: more than one method is invalid_request */

    return ngx_http_arg(r, (u_char *) "access_token",
                        sizeof("access_token") - 1, &value)
           == NGX_OK;
}


ngx_int_t
ngx_http_hars_challenge(ngx_http_request_t *r,
    ngx_http_hars_verdict_e verdict)
{
    ngx_str_t                     *text;
    ngx_table_elt_t               *h;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_hars_loc_conf_t      *hlcf;
    const ngx_http_hars_answer_t  *answer;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hars_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    answer = &ngx_http_hars_answers[verdict];

    if (answer->status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_hars_add_header(r, &ngx_http_hars_retry_after,
                                    &ngx_http_hars_retry_seconds, &h)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* with "satisfy any" the request may pass yet: then it is not ours */

    if (clcf->satisfy == NGX_HTTP_SATISFY_ALL
        && ngx_http_hars_add_header(r, &ngx_http_hars_cache_control,
                                    &ngx_http_hars_no_store, &h)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (answer->challenge == 0) {
        return answer->status;
    }

    text = (ngx_str_t *) ((u_char *) hlcf + answer->challenge);

    if (ngx_http_hars_add_header(r, &ngx_http_hars_www_authenticate, text, &h)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

#if (nginx_version >= 1023000)
    h->next = r->headers_out.www_authenticate;
#endif
    r->headers_out.www_authenticate = h;

    return answer->status;
}


static ngx_int_t
ngx_http_hars_add_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value, ngx_table_elt_t **elt)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    /* judged again after error_page: the same header is not said twice */

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.data == name->data) {
            h[i].hash = 0;
        }
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *name;
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    *elt = h;

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_init_challenges(ngx_conf_t *cf, ngx_http_hars_loc_conf_t *hlcf)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *s, scope;
    ngx_uint_t   i;

    ngx_str_null(&scope);

    if (hlcf->scope) {
        s = hlcf->scope->elts;

        for (len = 0, i = 0; i < hlcf->scope->nelts; i++) {
            len += s[i].len + 1;
        }

        p = ngx_pnalloc(cf->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        scope.data = p;

        for (i = 0; i < hlcf->scope->nelts; i++) {
            p = ngx_cpymem(p, s[i].data, s[i].len);
            *p++ = ' ';
        }

        scope.len = len - 1;
    }

    if (ngx_http_hars_challenge_text(cf, &hlcf->challenge_bare, &hlcf->realm,
                                     NULL, NULL)
        != NGX_OK
        || ngx_http_hars_challenge_text(cf, &hlcf->challenge_request,
               &hlcf->realm, "error=\"invalid_request\", error_description="
               "\"The request does not hold one well-formed bearer token\"",
               NULL)
           != NGX_OK
        || ngx_http_hars_challenge_text(cf, &hlcf->challenge_token,
               &hlcf->realm, "error=\"invalid_token\", error_description="
               "\"The access token is not valid for this request\"", NULL)
           != NGX_OK
        || ngx_http_hars_challenge_text(cf, &hlcf->challenge_scope,
               &hlcf->realm, "error=\"insufficient_scope\", "
               "error_description="
               "\"The access token does not have the scope needed\"", &scope)
           != NGX_OK
        || ngx_http_hars_challenge_text(cf, &hlcf->challenge_require,
               &hlcf->realm, "error=\"insufficient_scope\", "
               "error_description="
               "\"The access token does not suffice for this resource\"",
               NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_challenge_text(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *realm, const char *error, ngx_str_t *scope)
{
    u_char  *p;
    size_t   len;

    len = sizeof("Bearer realm=\"\", , scope=\"\"") + realm->len
          + (error ? ngx_strlen(error) : 0) + (scope ? scope->len : 0);

    text->data = ngx_pnalloc(cf->pool, len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text->data, "Bearer realm=\"%V\"", realm);

    if (error) {
        p = ngx_sprintf(p, ", %s", error);
    }

    if (scope && scope->len) {
        p = ngx_sprintf(p, ", scope=\"%V\"", scope);
    }

    text->len = p - text->data;

    return NGX_OK;
}
