
/*
 * The Authorization header, as it comes from anybody: a token is a whole
 * b64token behind "Bearer" and blanks, at most 4,096 characters, inside the
 * header's value.
 */

#include "../ngx_hars_module/ngx_http_hars_bearer.c"

#include "ngx_stub.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


void *
ngx_list_push(ngx_list_t *list)
{
    return NULL;
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


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char              *p, *copy;
    ngx_str_t            token;
    ngx_table_elt_t      h;
    ngx_http_request_t   r;

    /* of its exact size, so that a byte too far is seen */

    copy = malloc(size + 1);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, data, size);
    copy[size] = 0;

    ngx_memzero(&r, sizeof(ngx_http_request_t));
    h.value.data = copy;
    h.value.len = size;
    r.headers_in.authorization = &h;

    if (ngx_http_hars_bearer(&r, &token) == NGX_HTTP_HARS_OK) {

        if (token.len == 0 || token.len > NGX_HTTP_HARS_TOKEN_MAX
            || token.data < copy + sizeof("Bearer ") - 1
            || token.data + token.len != copy + size
            || token.data[-1] != ' ')
        {
            __builtin_trap();
        }

        for (p = token.data; p < copy + size; p++) {
            if (!isalnum(*p) && strchr("-._~+/=", *p) == NULL) {
                __builtin_trap();
            }
        }
    }

    free(copy);

    return 0;
}
