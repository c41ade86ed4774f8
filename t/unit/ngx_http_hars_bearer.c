
/*
 * The answer of each verdict (RFC 6750, 3.1; RFC 8705, 3), also of those that
 * no request can get yet, and what is a b64token (RFC 6750, 2.1).
 */

#include "../../ngx_hars_module/ngx_http_hars_bearer.c"

#include "ngx_stub.h"
#include "tap.h"


static ngx_table_elt_t  headers[8];
static ngx_uint_t       nheaders;


void *
ngx_list_push(ngx_list_t *list)
{
    return &headers[nheaders++];
}


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    return buf;
}


ngx_int_t
ngx_http_arg(ngx_http_request_t *r, u_char *name, size_t len,
    ngx_str_t *value)
{
    return NGX_DECLINED;
}


static const char *
header(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < nheaders; i++) {
        if (headers[i].key.len == strlen(name)
            && memcmp(headers[i].key.data, name, strlen(name)) == 0)
        {
            return (char *) headers[i].value.data;
        }
    }

    return "";
}


static void
answers(void)
{
    void                      *conf[2];
    ngx_uint_t                 i;
    ngx_int_t                  status;
    ngx_http_request_t         r;
    ngx_http_core_loc_conf_t   clcf;
    ngx_http_hars_loc_conf_t   hlcf;

    static const struct {
        const char  *name;
        ngx_int_t    status;
        const char  *challenge;
    } want[] = {
        { "none: a fault of ours", 500, "" },
        { "ok", NGX_OK, "" },
        { "no_token", 401, "bare" },
        { "malformed", 400, "request" },
        { "too_long", 400, "request" },
        { "inactive", 401, "token" },
        { "not_yet_valid", 401, "token" },
        { "expired", 401, "token" },
        { "no_cert", 401, "token" },
        { "cert_revoked", 401, "token" },
        { "cnf_mismatch", 401, "token" },
        { "no_cnf", 401, "token" },
        { "insufficient_scope", 403, "scope" },
        { "wrong_audience", 401, "token" },
        { "wrong_issuer", 401, "token" },
        { "require_failed", 403, "require" },
        { "unavailable", 503, "" },
        { "overloaded", 503, "" }
    };

    ngx_memzero(&clcf, sizeof(clcf));
    ngx_memzero(&hlcf, sizeof(hlcf));
    clcf.satisfy = NGX_HTTP_SATISFY_ALL;

    ngx_str_set(&hlcf.challenge_bare, "bare");
    ngx_str_set(&hlcf.challenge_request, "request");
    ngx_str_set(&hlcf.challenge_token, "token");
    ngx_str_set(&hlcf.challenge_scope, "scope");
    ngx_str_set(&hlcf.challenge_require, "require");

    ngx_http_core_module.ctx_index = 0;
    ngx_http_hars_module.ctx_index = 1;
    conf[0] = &clcf;
    conf[1] = &hlcf;

    ok(sizeof(want) / sizeof(want[0]) == NGX_HTTP_HARS_VERDICTS
       && sizeof(ngx_http_hars_answers) / sizeof(ngx_http_hars_answers[0])
          == NGX_HTTP_HARS_VERDICTS, "each verdict has an answer");

    for (i = 0; i < NGX_HTTP_HARS_VERDICTS; i++) {
        ngx_memzero(&r, sizeof(r));
        r.loc_conf = conf;
        nheaders = 0;

        status = ngx_http_hars_challenge(&r, i);

        ok(status == want[i].status
           && strcmp(header("WWW-Authenticate"), want[i].challenge) == 0
           && strcmp(header("Retry-After"), want[i].status == 503 ? "1" : "")
              == 0
           && strcmp(header("Cache-Control"), "no-store") == 0
           && (r.headers_out.www_authenticate != NULL)
              == (want[i].challenge[0] != 0),
           "%s: %d %s", want[i].name, (int) want[i].status,
           want[i].challenge);
    }
}


static void
tokens(void)
{
    u_char              text[8192];
    unsigned            ch, bad;
    ngx_str_t           token;
    ngx_table_elt_t     h;
    ngx_http_request_t  r;

    ngx_memzero(&r, sizeof(r));
    h.value.data = text;
    r.headers_in.authorization = &h;

    for (bad = 0, ch = 0; ch < 256; ch++) {
        memcpy(text, "Bearer aXb", 10);
        text[8] = (u_char) ch;
        h.value.len = 10;

        bad += (ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_OK)
               != (ch && (isalnum((int) ch) || strchr("-._~+/", (int) ch)));
    }

    ok(bad == 0, "each of 256 bytes inside a token");

    memset(text, 'x', sizeof(text));
    memcpy(text, "Bearer ", 7);
    h.value.len = 7 + NGX_HTTP_HARS_TOKEN_MAX;
    ok(ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_OK
       && token.len == NGX_HTTP_HARS_TOKEN_MAX && token.data == text + 7,
       "the longest token");

    h.value.len++;
    ok(ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_TOO_LONG,
       "one character more");

    for (bad = 0, h.value.len = 0; h.value.len < 7; h.value.len++) {
        bad += (ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_OK);
    }

    ok(bad == 0, "no token in what is shorter than one");

    r.headers_in.authorization = NULL;
    ok(ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_NO_TOKEN,
       "no header");
}


int
main(void)
{
    answers();
    tokens();

    return tap_done();
}
