
/*
 * What the workers share: the zone of shared memory, and how far what is in
 * it is believed.  Parts of it, each in a file of its own: L1, the flights,
 * the revoked certificates.  One mutex guards all, and is held for a bounded
 * copy only; nginx unlocks it for a worker that died.  Each part has a dirty
 * mark, set before and cleared after a change: who takes the mutex and finds
 * it set empties that part.
 *
 * Where revocations are pushed, an entry is believed as long as none can have
 * been missed: for "cap" after it was asked, or after the channel was last
 * known to have brought everything.  After a gap, what was asked before it is
 * believed no more.  Time is nginx's monotonic clock, the same in all workers.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_ZONE_MIN      (256 * 1024)

#define NGX_HTTP_HARS_ZONE_ALIGN    64
#define NGX_HTTP_HARS_FUTURE        10000   /* checked_at ahead of us, ms */
#define NGX_HTTP_HARS_LIVE          1500    /* news are that old at most, ms */
#define NGX_HTTP_HARS_DOUBT         1000    /* not all thumbprints are known */


static ngx_int_t ngx_http_hars_zone_create(ngx_http_hars_zone_t *zone);
static void ngx_http_hars_zone_large_pages(ngx_shm_t *shm);


size_t
ngx_http_hars_zone_min_size(void)
{
    return NGX_HTTP_HARS_ZONE_MIN;
}


ngx_int_t
ngx_http_hars_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_hars_zone_t *ozone = data;

    ngx_http_hars_zone_t  *zone;

    zone = shm_zone->data;
    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (ozone) {
        zone->sh = ozone->sh;

    } else if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;

    } else {
        ngx_http_hars_zone_large_pages(&shm_zone->shm);

        if (ngx_http_hars_zone_create(zone) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* until there is a worker, which has a shard of its own */

    zone->counters = zone->sh->counters;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_zone_create(ngx_http_hars_zone_t *zone)
{
    u_char              *p, *last;
    size_t               size;
    ngx_http_hars_sh_t  *sh;

    /* all pages at once: the slab allocator only lends its mutex */

    size = zone->shpool->pfree * ngx_pagesize;

    sh = ngx_slab_calloc(zone->shpool, size);
    if (sh == NULL) {
        return NGX_ERROR;
    }

    zone->sh = sh;
    zone->shpool->data = sh;

    if (ngx_http_hars_random(sh->secret, HARS_SECRET_LEN) != NGX_OK) {
        return NGX_ERROR;
    }

    sh->created = ngx_current_msec;

    last = (u_char *) sh + size;
    p = ngx_align_ptr((u_char *) sh + sizeof(ngx_http_hars_sh_t),
                      NGX_HTTP_HARS_ZONE_ALIGN);

    sh->counters = (ngx_atomic_t *) p;
    p += NGX_HTTP_HARS_SHARDS * NGX_HTTP_HARS_SHARD * sizeof(ngx_atomic_t);

    sh->workers = (ngx_http_hars_worker_t *) p;
    p += ngx_align(NGX_HTTP_HARS_WORKERS * sizeof(ngx_http_hars_worker_t),
                   NGX_HTTP_HARS_ZONE_ALIGN);

    sh->flights = ngx_http_hars_table_create(p, size);
    p += ngx_align(ngx_http_hars_table_size(size), NGX_HTTP_HARS_ZONE_ALIGN);

    sh->revoked = ngx_http_hars_revoked_create(p, size);
    p += ngx_align(ngx_http_hars_revoked_size(size),
                   NGX_HTTP_HARS_ZONE_ALIGN);

    sh->cache = ngx_http_hars_cache_create(p, last - p);

    return NGX_OK;
}


/*
 * Which page a record is on is chance: its translation is in no cache of the
 * processor, and to find it takes longer than all else of a lookup.  The
 * kernel may do as it likes (transparent_hugepage/shmem_enabled).
 */

static void
ngx_http_hars_zone_large_pages(ngx_shm_t *shm)
{
#ifdef MADV_HUGEPAGE
    (void) madvise(shm->addr, shm->size, MADV_HUGEPAGE);
#endif
}


void
ngx_http_hars_zone_secret(ngx_http_hars_zone_t *zone, u_char *secret)
{
    ngx_memcpy(secret, zone->has_key ? zone->secret : zone->sh->secret,
               HARS_SECRET_LEN);
}


void
ngx_http_hars_zone_lock(ngx_http_hars_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_hars_cache_check(zone->sh->cache);
    ngx_http_hars_table_check(zone->sh->flights);

    if (ngx_http_hars_revoked_check(zone->sh->revoked) != NGX_OK) {

        /* to be loaded again: until then nothing is known */

        zone->sh->position.known = 0;
        zone->sh->seen = 0;
    }
}


void
ngx_http_hars_zone_unlock(ngx_http_hars_zone_t *zone)
{
    ngx_shmtx_unlock(&zone->shpool->mutex);
}


ngx_msec_t
ngx_http_hars_until(ngx_http_hars_zone_t *zone, ngx_http_hars_entry_t *entry)
{
    ngx_msec_t           news;
    ngx_http_hars_sh_t  *sh;

    if (!zone->pushed) {
        return entry->deadline;
    }

    sh = zone->sh;

    if (entry->asked <= sh->suspect) {
        news = ngx_min(sh->suspect_seen + zone->cap, sh->suspect);

    } else if (ngx_http_hars_revoked_full(zone)) {
        news = entry->asked + NGX_HTTP_HARS_DOUBT;

    } else {
        news = ngx_max(entry->asked, sh->seen) + zone->cap;
    }

    return ngx_min(entry->deadline, news);
}


ngx_msec_t
ngx_http_hars_asked(ngx_http_hars_zone_t *zone)
{
    /* it follows the last gap, though it may be in the same millisecond */

    return ngx_max(ngx_current_msec, zone->sh->suspect + 1);
}


ngx_msec_t
ngx_http_hars_renew_at(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_http_hars_entry_t *entry, ngx_msec_t refresh)
{
    ngx_msec_t  at, news;

    at = entry->deadline - ngx_min(refresh, entry->deadline);

    if (refresh == 0) {
        at = NGX_MAX_INT_T_VALUE;
    }

    if (zone->pushed && !ngx_http_hars_live(zone)) {

        /* those that are capped together are not renewed together */

        news = ngx_max(entry->asked, zone->sh->seen);
        at = ngx_min(at, news + zone->cap / 4
                         + zone->cap / 2 * key[6] / 255);
    }

    return at;
}


/*
 * Not by the master: it could not free the mutex of a worker that dies, and
 * would wait for ever.  A worker that begins late may be of a configuration
 * that has been replaced.
 */

void
ngx_http_hars_zone_follow(ngx_http_hars_zone_t *zone)
{
    ngx_http_hars_sh_t  *sh;

    sh = zone->sh;

    ngx_http_hars_zone_lock(zone);

    if (zone->configured >= sh->configured) {
        sh->configured = zone->configured;

        /* numbers and places of another stream mean nothing in this one */

        if (sh->source != zone->source) {
            sh->epoch = 0;
            sh->position.known = 0;
            sh->seen = 0;

            ngx_memory_barrier();
            sh->source = zone->source;
        }
    }

    ngx_http_hars_zone_unlock(zone);
}


ngx_uint_t
ngx_http_hars_zone_follows(ngx_http_hars_zone_t *zone)
{
    return zone->sh->configured == zone->configured;
}


ngx_uint_t
ngx_http_hars_live(ngx_http_hars_zone_t *zone)
{
    return zone->pushed
           && (ngx_msec_int_t) (ngx_current_msec - zone->sh->seen)
              < NGX_HTTP_HARS_LIVE;
}


void
ngx_http_hars_revoke(ngx_http_hars_zone_t *zone, u_char *key)
{
    ngx_msec_t  deadline;

    /* no record sealed before this is believed for longer */

    deadline = ngx_current_msec + zone->ttl + NGX_HTTP_HARS_FUTURE;

    ngx_http_hars_zone_lock(zone);

    ngx_http_hars_flight_poison(zone, key);

    /* each worker reads all revocations: the first that does counts it */

    if (ngx_http_hars_cache_revoke(zone, key, deadline) == NGX_OK) {
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REVOKED_TOKEN);
    }

    ngx_http_hars_zone_unlock(zone);
}


void
ngx_http_hars_suspect(ngx_http_hars_zone_t *zone)
{
    ngx_http_hars_sh_t  *sh;

    sh = zone->sh;

    /* not the time at which this turn of the event loop began */

    ngx_time_update();

    ngx_http_hars_zone_lock(zone);

    sh->suspect_seen = sh->seen;
    sh->suspect = ngx_current_msec;

    ngx_http_hars_cache_forget(sh->cache);

    ngx_http_hars_zone_unlock(zone);
}


ngx_msec_t
ngx_http_hars_record_ttl(ngx_http_hars_zone_t *zone, hars_record_t *record)
{
    int64_t      now, age, left;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    now = (int64_t) tp->sec * 1000 + tp->msec;
    age = now - record->checked_at;

    if (age < -NGX_HTTP_HARS_FUTURE || age >= (int64_t) zone->ttl) {
        return 0;
    }

    left = (int64_t) zone->ttl - ngx_max(age, 0);

    if (record->has_exp) {

        if (record->exp <= tp->sec) {
            return 0;
        }

        /* near enough not to overflow */

        if (record->exp < (now + left) / 1000 + 1) {
            left = ngx_min(left, record->exp * 1000 - now);
        }
    }

    /* entries that came together do not go together */

    return left - ngx_random() % (left / 8 + 1);
}
