
/*
 * Revoked certificates against a model: what was added is found until its
 * certificate has expired; a full set says so and loses nothing, until all
 * were read again and had a place; places are used again; a change that was
 * cut short empties the set and says so; a connection looks again when the
 * set has changed.
 */

/* link: -lcrypto */

#include "../../ngx_hars_module/ngx_http_hars_revoked.c"

#include "ngx_stub.h"
#include "tap.h"

#include <openssl/sha.h>


#define ZONE  (1024 * 1024)               /* 512 places, 384 of them used */
#define MAX   384


volatile ngx_msec_t    ngx_current_msec;
volatile ngx_time_t   *ngx_cached_time;
volatile ngx_cycle_t  *ngx_cycle;

static ngx_time_t            now;
static ngx_cycle_t           cycle;
static ngx_log_t             log_;
static ngx_http_hars_sh_t    sh;
static ngx_http_hars_zone_t  zone;
static ngx_atomic_t          counters[NGX_HTTP_HARS_COUNTERS];


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


ngx_int_t
ngx_http_hars_peer(ngx_connection_t *c, u_char *thumbprint)
{
    return NGX_DECLINED;
}


/* what the zone's file does, where a worker died */

void
ngx_http_hars_zone_lock(ngx_http_hars_zone_t *z)
{
    (void) ngx_http_hars_revoked_check(z->sh->revoked);
}


void
ngx_http_hars_zone_unlock(ngx_http_hars_zone_t *z)
{
}


static u_char *
thumb(unsigned i)
{
    static u_char  hash[HARS_SHA256_LEN];

    SHA256((u_char *) &i, sizeof(i), hash);

    /* all in one row of places, so that they have to get along */

    hash[0] = 0;
    hash[1] = 0;
    hash[2] = i % 7;

    return hash;
}


static ngx_uint_t
missing(unsigned from, unsigned to)
{
    unsigned    i;
    ngx_uint_t  n;

    n = 0;

    for (i = from; i < to; i++) {
        n += !ngx_http_hars_revoked(&zone, thumb(i));
    }

    return n;
}


int
main(void)
{
    unsigned              i;
    ngx_uint_t            used, max, n, refused;
    ngx_http_hars_conn_t  conn;

    now.sec = 1000;
    ngx_cached_time = &now;
    cycle.log = &log_;
    ngx_cycle = &cycle;

    zone.sh = &sh;
    zone.counters = counters;
    sh.revoked = ngx_http_hars_revoked_create(
                           calloc(1, ngx_http_hars_revoked_size(ZONE)), ZONE);

    ok(!ngx_http_hars_revoked(&zone, thumb(0)), "an empty set has nothing");

    memset(&conn, 0, sizeof(conn));
    memcpy(conn.thumbprint, thumb(1), HARS_SHA256_LEN);
    ok(!ngx_http_hars_conn_revoked(&zone, &conn), "nor has a connection");

    ok(ngx_http_hars_revoked_add(&zone, thumb(1), 2000) == NGX_OK
       && ngx_http_hars_revoked(&zone, thumb(1))
       && !ngx_http_hars_revoked(&zone, thumb(2)), "one is added, one is not");
    ok(ngx_http_hars_conn_revoked(&zone, &conn), "the connection notices");

    ok(ngx_http_hars_revoked_add(&zone, thumb(1), 2000) == NGX_OK
       && counters[NGX_HTTP_HARS_C_REVOKED_CERT] == 1,
       "added by another worker, too, it counts once");

    ok(ngx_http_hars_revoked_add(&zone, thumb(9), 999) == NGX_OK
       && !ngx_http_hars_revoked(&zone, thumb(9)),
       "one that has expired is not kept");

    /* half of them end at 1500, the others at 3000 */

    for (i = 100; i < 100 + MAX - 1; i++) {
        ngx_http_hars_revoked_add(&zone, thumb(i), i % 2 ? 1500 : 3000);
    }

    ngx_http_hars_revoked_stat(&zone, &used, &max);
    ok(used == MAX && max == MAX && missing(100, 100 + MAX - 1) == 0,
       "so many as fit: %lu of %lu", (unsigned long) used,
       (unsigned long) max);
    ok(!ngx_http_hars_revoked_full(&zone), "it is not full yet");

    ok(ngx_http_hars_revoked_add(&zone, thumb(1000), 3000) == NGX_DECLINED
       && ngx_http_hars_revoked_full(&zone), "one more: it is full");
    ok(missing(100, 100 + MAX - 1) == 0
       && ngx_http_hars_revoked(&zone, thumb(1)), "nothing is lost by that");

    ok(ngx_http_hars_revoked_add(&zone, thumb(101), 3000) == NGX_OK,
       "one that is there is told again, for longer");

    /* all are read again */

    ok(!ngx_http_hars_revoked_due(&zone), "not at once");
    ngx_current_msec += 10000;
    ok(ngx_http_hars_revoked_due(&zone), "a while later by one worker");
    ok(!ngx_http_hars_revoked_due(&zone), "not by the others");

    refused = ngx_http_hars_revoked_refused(&zone);
    ngx_http_hars_revoked_add(&zone, thumb(1000), 3000);
    ok(ngx_http_hars_revoked_all(&zone, refused) == NGX_DECLINED
       && ngx_http_hars_revoked_full(&zone), "one had no place: full still");

    refused = ngx_http_hars_revoked_refused(&zone);
    ngx_http_hars_revoked_add(&zone, thumb(100), 3000);
    ok(ngx_http_hars_revoked_all(&zone, refused) == NGX_OK
       && !ngx_http_hars_revoked_full(&zone), "all had: not full any more");
    ok(ngx_http_hars_revoked_all(&zone, refused) == NGX_DECLINED,
       "which is said once");
    ngx_current_msec += 10000;
    ok(!ngx_http_hars_revoked_due(&zone), "nothing is to be read again");

    now.sec = 1600;
    ok(ngx_http_hars_revoked_add(&zone, thumb(1000), 3000) == NGX_OK
       && ngx_http_hars_revoked(&zone, thumb(1000)),
       "some have expired: there is room");

    n = 0;

    for (i = 100; i < 100 + MAX - 1; i++) {
        n += ngx_http_hars_revoked(&zone, thumb(i))
             != (i % 2 == 0 || i == 101);
    }

    ok(n == 0, "the others are still there, and only they");

    /* a worker was killed in the middle of a change */

    memcpy(conn.thumbprint, thumb(100), HARS_SHA256_LEN);
    ok(ngx_http_hars_conn_revoked(&zone, &conn), "a connection of one of them");
    n = ngx_http_hars_revoked_refused(&zone);
    sh.revoked->dirty = 1;
    ok(ngx_http_hars_revoked_check(sh.revoked) == NGX_ERROR,
       "a change was cut short: that is said");
    ngx_http_hars_revoked_stat(&zone, &used, &max);
    ok(used == 0 && !ngx_http_hars_revoked(&zone, thumb(100)),
       "the set is empty, to be loaded again");
    ok(ngx_http_hars_revoked_all(&zone, n) != NGX_OK
       && ngx_http_hars_revoked_full(&zone)
       && ngx_http_hars_revoked_due(&zone),
       "by whoever was at that, too");
    n = ngx_http_hars_revoked_refused(&zone);
    ok(ngx_http_hars_revoked_all(&zone, n) == NGX_OK
       && !ngx_http_hars_revoked_full(&zone), "and then it has all of them");
    ok(!ngx_http_hars_conn_revoked(&zone, &conn),
       "and connections do not remember another");

    return tap_done();
}
