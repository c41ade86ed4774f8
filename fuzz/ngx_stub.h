
/*
 * What the pure files of the module need of nginx, so that they run without
 * it: memory from one arena that is emptied between inputs, and two string
 * functions.  Included after the .c under test.
 */

#ifndef HARS_NGX_STUB_H
#define HARS_NGX_STUB_H


#define NGX_STUB_ARENA  (1024 * 1024)


static u_char  ngx_stub_arena[NGX_STUB_ARENA];
static size_t  ngx_stub_used;

ngx_module_t   ngx_http_hars_module;
ngx_module_t   ngx_http_core_module;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    if (size > NGX_STUB_ARENA - ngx_stub_used) {
        return NULL;
    }

    p = ngx_stub_arena + ngx_stub_used;
    ngx_stub_used += size;

    return p;
}


ngx_int_t
ngx_strncasecmp(u_char *a, u_char *b, size_t n)
{
    return strncasecmp((char *) a, (char *) b, n);
}


ngx_int_t
ngx_strcasecmp(u_char *a, u_char *b)
{
    return strcasecmp((char *) a, (char *) b);
}


#endif /* HARS_NGX_STUB_H */
