
/*
 * What the module's files need of nginx, so that they run without it:
 * memory from an arena, the zone's mutex as nginx takes it where nobody holds
 * it, a clock that stands still.  They cost what the originals cost, or a few
 * instructions less.
 */

#include "micro.h"

#include "ngx_http_hars.h"

#include "ngx_stub.h"

#include <stdlib.h>


volatile ngx_msec_t     ngx_current_msec = 1000;
volatile ngx_time_t    *ngx_cached_time;
ngx_uint_t              ngx_pagesize = 4096;
ngx_pid_t               ngx_pid = 1;
volatile ngx_cycle_t   *ngx_cycle;
ngx_module_t            ngx_http_ssl_module;

static ngx_cycle_t      hars_micro_cycle;


void
hars_micro_pool_reset(unsigned i)
{
    ngx_stub_used = 0;
    ngx_cycle = &hars_micro_cycle;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    while (*mtx->lock != 0
           || !ngx_atomic_cmp_set(mtx->lock, 0, (ngx_atomic_uint_t) ngx_pid))
    {
        ngx_cpu_pause();
    }
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    (void) ngx_atomic_cmp_set(mtx->lock, (ngx_atomic_uint_t) ngx_pid, 0);
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    return calloc(1, size);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_stub_used = ngx_align(ngx_stub_used, NGX_ALIGNMENT);

    return ngx_pnalloc(pool, size);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    ngx_memzero(buf, n);
    ngx_memory_barrier();
}


void
ngx_time_update(void)
{
}


void ngx_cdecl
ngx_ssl_error(ngx_uint_t level, ngx_log_t *log, ngx_err_t err, char *fmt, ...)
{
}


ngx_int_t
ngx_http_arg(ngx_http_request_t *r, u_char *name, size_t len,
    ngx_str_t *value)
{
    return NGX_DECLINED;
}
