
/*
 * Revoked certificates: a set of thumbprints in the zone, so that a
 * certificate is refused at each request, however old its connection or
 * session is.  An entry ends with its certificate (notAfter) and is never
 * evicted; where the set is full, records are hardly believed any more, and
 * the authority, which knows of all revocations, is asked, until all were read
 * again from Redis and had a place.
 *
 * A connection remembers that it was looked up, until the set changes.  When
 * it does, each worker sweeps its connections once, and shuts those of
 * revoked certificates down: requests that run, idle ones, and upgraded ones.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_REVOKED_MIN   256
#define NGX_HTTP_HARS_REVOKED_MAX   16384
#define NGX_HTTP_HARS_REVOKED_AGAIN 10000   /* ms, while it is full */


typedef struct {
    time_t                          until;   /* notAfter; 0: free */
    u_char                          thumbprint[HARS_SHA256_LEN];
} ngx_http_hars_thumbprint_t;


struct ngx_http_hars_revoked_s {
    ngx_uint_t                      n;       /* places, a power of two */
    ngx_atomic_t                    used;
    ngx_atomic_t                    version; /* changed by each addition */
    ngx_atomic_t                    full;    /* not all are known */
    ngx_msec_t                      due;     /* to be read again; monotonic */
    ngx_uint_t                      refused; /* that had no place, ever */
    ngx_atomic_t                    dirty;   /* a change is going on */
    ngx_http_hars_thumbprint_t     *places;
};


static ngx_uint_t ngx_http_hars_revoked_n(size_t zone_size);
static void ngx_http_hars_revoked_empty(ngx_http_hars_revoked_t *revoked);
static ngx_http_hars_thumbprint_t *ngx_http_hars_revoked_find(
    ngx_http_hars_revoked_t *revoked, u_char *thumbprint);
static ngx_int_t ngx_http_hars_revoked_expire(
    ngx_http_hars_revoked_t *revoked);


size_t
ngx_http_hars_revoked_size(size_t zone_size)
{
    return sizeof(ngx_http_hars_revoked_t)
           + ngx_http_hars_revoked_n(zone_size)
             * sizeof(ngx_http_hars_thumbprint_t);
}


static ngx_uint_t
ngx_http_hars_revoked_n(size_t zone_size)
{
    ngx_uint_t  n;

    for (n = NGX_HTTP_HARS_REVOKED_MIN;
         n < NGX_HTTP_HARS_REVOKED_MAX && n < zone_size / 2048;
         n *= 2)
    {
        /* void */
    }

    return n;
}


ngx_http_hars_revoked_t *
ngx_http_hars_revoked_create(u_char *p, size_t zone_size)
{
    ngx_http_hars_revoked_t  *revoked;

    revoked = (ngx_http_hars_revoked_t *) p;

    revoked->n = ngx_http_hars_revoked_n(zone_size);
    revoked->places = (ngx_http_hars_thumbprint_t *) (revoked + 1);

    ngx_http_hars_revoked_empty(revoked);

    return revoked;
}


ngx_int_t
ngx_http_hars_revoked_check(ngx_http_hars_revoked_t *revoked)
{
    if (!revoked->dirty) {
        return NGX_OK;
    }

    ngx_http_hars_revoked_empty(revoked);

    /* whoever reads them at this moment has read some in vain */

    revoked->refused++;
    revoked->full = 1;
    revoked->due = ngx_current_msec;

    return NGX_ERROR;
}


static void
ngx_http_hars_revoked_empty(ngx_http_hars_revoked_t *revoked)
{
    revoked->dirty = 1;
    ngx_memory_barrier();

    ngx_memzero(revoked->places,
                revoked->n * sizeof(ngx_http_hars_thumbprint_t));
    revoked->used = 0;
    revoked->full = 0;
    revoked->version++;

    ngx_memory_barrier();
    revoked->dirty = 0;
}


/* the place of a thumbprint, or the free one that it would take */

static ngx_http_hars_thumbprint_t *
ngx_http_hars_revoked_find(ngx_http_hars_revoked_t *revoked,
    u_char *thumbprint)
{
    ngx_uint_t                   n;
    ngx_http_hars_thumbprint_t  *place;

    n = ((ngx_uint_t) thumbprint[0] << 16) | (thumbprint[1] << 8)
        | thumbprint[2];

    for ( ;; n++) {
        place = &revoked->places[n & (revoked->n - 1)];

        if (place->until == 0
            || ngx_memcmp(place->thumbprint, thumbprint, HARS_SHA256_LEN)
               == 0)
        {
            return place;
        }
    }
}


ngx_int_t
ngx_http_hars_revoked_add(ngx_http_hars_zone_t *zone, u_char *thumbprint,
    time_t until)
{
    ngx_int_t                    rc;
    ngx_http_hars_revoked_t     *revoked;
    ngx_http_hars_thumbprint_t  *place;

    /* its certificate has expired, and proves nothing any more */

    if (until < ngx_time()) {
        return NGX_OK;
    }

    rc = NGX_OK;
    revoked = zone->sh->revoked;

    ngx_http_hars_zone_lock(zone);

    place = ngx_http_hars_revoked_find(revoked, thumbprint);

    if (place->until == 0 && revoked->used >= revoked->n / 4 * 3) {

        if (ngx_http_hars_revoked_expire(revoked) == NGX_OK) {
            place = ngx_http_hars_revoked_find(revoked, thumbprint);

        } else {
            revoked->refused++;

            if (!revoked->full) {
                revoked->full = 1;
                revoked->due = ngx_current_msec + NGX_HTTP_HARS_REVOKED_AGAIN;
            }

            place = NULL;
            rc = NGX_DECLINED;
        }
    }

    if (place && place->until == 0) {
        revoked->dirty = 1;
        ngx_memory_barrier();

        ngx_memcpy(place->thumbprint, thumbprint, HARS_SHA256_LEN);
        place->until = until;
        revoked->used++;
        revoked->version++;

        ngx_memory_barrier();
        revoked->dirty = 0;

        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REVOKED_CERT);

    } else if (place) {
        place->until = ngx_max(place->until, until);
    }

    ngx_http_hars_zone_unlock(zone);

    return rc;
}


/* drops those whose certificate has expired; NGX_DECLINED: no room yet */

static ngx_int_t
ngx_http_hars_revoked_expire(ngx_http_hars_revoked_t *revoked)
{
    time_t                       now;
    ngx_uint_t                   i, expired;
    ngx_http_hars_thumbprint_t  *kept, *place;

    now = ngx_time();
    expired = 0;

    for (i = 0; i < revoked->n; i++) {
        expired += (revoked->places[i].until
                    && revoked->places[i].until < now);
    }

    /* not each time for a few */

    if (expired < revoked->n / 16) {
        return NGX_DECLINED;
    }

    kept = ngx_alloc(revoked->n * sizeof(ngx_http_hars_thumbprint_t),
                     ngx_cycle->log);
    if (kept == NULL) {
        return NGX_DECLINED;
    }

    ngx_memcpy(kept, revoked->places,
               revoked->n * sizeof(ngx_http_hars_thumbprint_t));

    revoked->dirty = 1;
    ngx_memory_barrier();

    ngx_memzero(revoked->places,
                revoked->n * sizeof(ngx_http_hars_thumbprint_t));
    revoked->used = 0;

    for (i = 0; i < revoked->n; i++) {

        if (kept[i].until >= now) {
            place = ngx_http_hars_revoked_find(revoked, kept[i].thumbprint);
            *place = kept[i];
            revoked->used++;
        }
    }

    ngx_memory_barrier();
    revoked->dirty = 0;

    ngx_free(kept);

    return NGX_OK;
}


ngx_uint_t
ngx_http_hars_revoked_full(ngx_http_hars_zone_t *zone)
{
    return zone->sh->revoked->full;
}


ngx_uint_t
ngx_http_hars_revoked_due(ngx_http_hars_zone_t *zone)
{
    ngx_uint_t                due;
    ngx_http_hars_revoked_t  *revoked;

    revoked = zone->sh->revoked;

    if (!revoked->full) {
        return 0;
    }

    ngx_http_hars_zone_lock(zone);

    due = revoked->full && ngx_current_msec >= revoked->due;

    if (due) {
        revoked->due = ngx_current_msec + NGX_HTTP_HARS_REVOKED_AGAIN;
    }

    ngx_http_hars_zone_unlock(zone);

    return due;
}


ngx_uint_t
ngx_http_hars_revoked_refused(ngx_http_hars_zone_t *zone)
{
    return zone->sh->revoked->refused;
}


ngx_int_t
ngx_http_hars_revoked_all(ngx_http_hars_zone_t *zone, ngx_uint_t refused)
{
    ngx_http_hars_revoked_t  *revoked;

    revoked = zone->sh->revoked;

    if (!revoked->full || revoked->refused != refused) {
        return NGX_DECLINED;
    }

    revoked->full = 0;

    return NGX_OK;
}


void
ngx_http_hars_revoked_stat(ngx_http_hars_zone_t *zone, ngx_uint_t *used,
    ngx_uint_t *max)
{
    *used = zone->sh->revoked->used;
    *max = zone->sh->revoked->n / 4 * 3;
}


ngx_uint_t
ngx_http_hars_revoked(ngx_http_hars_zone_t *zone, u_char *thumbprint)
{
    ngx_uint_t                yes;
    ngx_http_hars_revoked_t  *revoked;

    revoked = zone->sh->revoked;

    if (revoked->used == 0 && !revoked->dirty) {
        return 0;
    }

    ngx_http_hars_zone_lock(zone);
    yes = (ngx_http_hars_revoked_find(revoked, thumbprint)->until != 0);
    ngx_http_hars_zone_unlock(zone);

    return yes;
}


ngx_uint_t
ngx_http_hars_conn_revoked(ngx_http_hars_zone_t *zone,
    ngx_http_hars_conn_t *conn)
{
    ngx_atomic_uint_t         version;
    ngx_http_hars_revoked_t  *revoked;

    revoked = zone->sh->revoked;
    version = revoked->version;

    if (conn->looked_up != revoked || conn->version != version
        || revoked->dirty)
    {
        conn->revoked = ngx_http_hars_revoked(zone, conn->thumbprint);
        conn->looked_up = revoked;
        conn->version = version;
    }

    return conn->revoked;
}


void
ngx_http_hars_revoked_sweep(ngx_http_hars_zone_t *zone)
{
    u_char              thumbprint[HARS_SHA256_LEN];
    ngx_uint_t          i;
    ngx_connection_t   *c;
    ngx_atomic_uint_t   version;

    version = zone->sh->revoked->version;

    if (zone->swept == version) {
        return;
    }

    zone->swept = version;

    c = ngx_cycle->connections;

    for (i = 0; i < ngx_cycle->connection_n; i++) {

        if (c[i].fd == (ngx_socket_t) -1 || c[i].ssl == NULL
            || ngx_http_hars_peer(&c[i], thumbprint) != NGX_OK
            || !ngx_http_hars_revoked(zone, thumbprint))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_NOTICE, c[i].log, 0,
                      "hars: connection of a revoked certificate is shut");

        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_ENDED_CERT);

        /* whoever owns the connection reads its end */

        if (ngx_shutdown_socket(c[i].fd, SHUT_RDWR) == -1
            && ngx_socket_errno != NGX_ENOTCONN)
        {
            ngx_log_error(NGX_LOG_ALERT, c[i].log, ngx_socket_errno,
                          ngx_shutdown_socket_n " failed");
        }
    }
}
