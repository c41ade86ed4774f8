
/*
 * Single flight: of all requests of all workers that miss the same token one
 * makes a flight, and the others wait for it.  The zone's table has the
 * flights with their owner, outcome, and the workers where somebody waits; each
 * worker has its own part of those that it leads or waits for.  A flight
 * belongs to its worker: clients only wait, and may leave at any time.
 *
 * The worker that leads asks (ngx_http_hars_inquiry.c), stores, ends the
 * flight, and wakes the others by their eventfd.  Who is woken reads the
 * record from L1, or shares the failure.  The flights of a worker that died
 * are ended by the one that begins in its slot, or taken over when their time
 * is up; their waiters elect the next.  A revocation poisons the flight of its
 * key: what it brings is not stored.
 *
 * Whose tokens turn out unknown again and again makes no more flights for a
 * while, so that garbage of one client leaves the others their turn.
 */

#include "ngx_http_hars.h"

#include <ngx_channel.h>
#include <sys/eventfd.h>


#define NGX_HTTP_HARS_FLIGHTS_MIN   256
#define NGX_HTTP_HARS_FLIGHTS_MAX   4096
#define NGX_HTTP_HARS_FLIGHT_SPARE  1000     /* ms after its time is up */
#define NGX_HTTP_HARS_COOLING       1000     /* ms after a failure */
#define NGX_HTTP_HARS_POLL          10       /* ms, without an eventfd */
#define NGX_HTTP_HARS_WAKERS        128      /* process slots with eventfd */
#define NGX_HTTP_HARS_CLIENT_TIME   10000    /* ms, of hars_zone unknown= */


/* flights are named by their number plus one, zero is none */

typedef struct {
    uint32_t                seq;         /* changed when one begins here */
    uint16_t                next;        /* of the bucket */
    uint16_t                older;       /* the queue of those that ended */
    uint16_t                newer;
    uint16_t                slot;        /* of its owner */
    int16_t                 answer;      /* NGX_OK: see L1, and others */
    u_char                  source;
    unsigned                open:1;
    unsigned                poisoned:1;
    unsigned                hashed:1;
    ngx_pid_t               pid;         /* of its owner */
    ngx_msec_t              until;       /* open: then given up; else: failed,
                                            not to be asked before */
    uint64_t                waiting[NGX_HTTP_HARS_WAKERS / 64];
    u_char                  key[HARS_KEY_LEN];
} ngx_http_hars_row_t;


/* unknown tokens of a client: a bucket, as the time at which it is empty */

typedef struct {
    uint64_t                client;
    ngx_msec_t              empty;
} ngx_http_hars_client_t;


struct ngx_http_hars_table_s {
    ngx_uint_t                      n;       /* a power of two */
    ngx_uint_t                      open;
    ngx_atomic_t                    dirty;
    ngx_uint_t                      oldest;
    ngx_uint_t                      newest;
    uint16_t                       *buckets;
    ngx_http_hars_row_t            *entries;
    ngx_http_hars_client_t         *clients;
};


static ngx_uint_t ngx_http_hars_table_n(size_t zone_size);
static void ngx_http_hars_table_empty(ngx_http_hars_table_t *table);
static ngx_http_hars_row_t *ngx_http_hars_table_find(
    ngx_http_hars_table_t *table, u_char *key);
static ngx_http_hars_row_t *ngx_http_hars_table_open(
    ngx_http_hars_table_t *table, u_char *key, ngx_msec_t until);
static void ngx_http_hars_table_unhash(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e);
static void ngx_http_hars_table_queue_in(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e);
static void ngx_http_hars_table_queue_out(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e);
static void ngx_http_hars_table_end(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e, ngx_int_t answer, uint64_t *waiting);
static ngx_http_hars_row_t *ngx_http_hars_flight_own(
    ngx_http_hars_flight_t *flight);

static uint64_t ngx_http_hars_client(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
static ngx_http_hars_client_t *ngx_http_hars_client_find(
    ngx_http_hars_table_t *table, uint64_t client);
static ngx_int_t ngx_http_hars_client_take(ngx_http_hars_zone_t *zone,
    uint64_t client);
static void ngx_http_hars_client_give(ngx_http_hars_zone_t *zone,
    uint64_t client);

static ngx_int_t ngx_http_hars_flight_lead(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf,
    ngx_uint_t number, uint32_t seq, ngx_uint_t renewal);
static ngx_int_t ngx_http_hars_flight_wait(ngx_http_hars_ctx_t *ctx,
    ngx_uint_t number, uint32_t seq);
static ngx_http_hars_flight_t *ngx_http_hars_flight_create(
    ngx_http_hars_zone_t *zone, ngx_uint_t number, uint32_t seq, size_t len);
static void ngx_http_hars_flight_land(ngx_http_hars_flight_t *flight,
    ngx_int_t answer, ngx_http_hars_source_e source);
static void ngx_http_hars_flight_check(ngx_http_hars_zone_t *zone);
static void ngx_http_hars_flight_end_all(ngx_http_hars_zone_t *zone,
    ngx_uint_t own);
static void ngx_http_hars_flight_signal(uint64_t *waiting);
static void ngx_http_hars_flight_event_handler(ngx_event_t *ev);
static void ngx_http_hars_flight_poll_handler(ngx_event_t *ev);
static void ngx_http_hars_flight_check_all(void);


#define ngx_http_hars_table_entry(table, n)  (&(table)->entries[(n) - 1])

#define ngx_http_hars_table_number(table, e)                                 \
    ((uint16_t) ((e) - (table)->entries + 1))

#define ngx_http_hars_table_bucket(table, key)                               \
    (&(table)->buckets[(((key)[8] << 8) | (key)[9]) & ((table)->n - 1)])


/* of the master: made once, before the first worker, and never closed */
static int                         ngx_http_hars_wakers[NGX_HTTP_HARS_WAKERS];
static ngx_uint_t                  ngx_http_hars_has_wakers;

static ngx_event_t                 ngx_http_hars_poll;
static ngx_http_hars_main_conf_t  *ngx_http_hars_flight_main;


size_t
ngx_http_hars_table_size(size_t zone_size)
{
    ngx_uint_t  n;

    n = ngx_http_hars_table_n(zone_size);

    return sizeof(ngx_http_hars_table_t)
           + n * (sizeof(ngx_http_hars_row_t)
                  + sizeof(ngx_http_hars_client_t) + sizeof(uint16_t));
}


static ngx_uint_t
ngx_http_hars_table_n(size_t zone_size)
{
    ngx_uint_t  n;

    for (n = NGX_HTTP_HARS_FLIGHTS_MIN;
         n < NGX_HTTP_HARS_FLIGHTS_MAX && n < zone_size / 1024;
         n *= 2)
    {
        /* void */
    }

    return n;
}


ngx_http_hars_table_t *
ngx_http_hars_table_create(u_char *p, size_t zone_size)
{
    ngx_http_hars_table_t  *table;

    /* the memory is zeroed */

    table = (ngx_http_hars_table_t *) p;

    table->n = ngx_http_hars_table_n(zone_size);
    table->entries = (ngx_http_hars_row_t *) (table + 1);
    table->clients = (ngx_http_hars_client_t *) (table->entries + table->n);
    table->buckets = (uint16_t *) (table->clients + table->n);

    ngx_http_hars_table_empty(table);

    return table;
}


void
ngx_http_hars_table_check(ngx_http_hars_table_t *table)
{
    if (table->dirty) {
        ngx_http_hars_table_empty(table);
    }
}


void
ngx_http_hars_table_stat(ngx_http_hars_zone_t *zone, ngx_uint_t *used,
    ngx_uint_t *max)
{
    *used = zone->sh->flights->open;
    *max = zone->sh->flights->n;
}


static void
ngx_http_hars_table_empty(ngx_http_hars_table_t *table)
{
    ngx_uint_t                     i;
    ngx_http_hars_row_t           *e;

    table->dirty = 1;
    ngx_memory_barrier();

    ngx_memzero(table->buckets, table->n * sizeof(uint16_t));

    table->open = 0;
    table->oldest = 0;
    table->newest = 0;

    for (i = 0; i < table->n; i++) {
        e = &table->entries[i];

        /* whoever leads or waits here notices by it */

        e->seq++;
        e->open = 0;
        e->hashed = 0;
        e->until = 0;

        ngx_http_hars_table_queue_in(table, e);
    }

    ngx_memory_barrier();
    table->dirty = 0;
}


static ngx_http_hars_row_t *
ngx_http_hars_table_find(ngx_http_hars_table_t *table, u_char *key)
{
    ngx_uint_t                     n;
    ngx_http_hars_row_t           *e;

    for (n = *ngx_http_hars_table_bucket(table, key); n; n = e->next) {
        e = ngx_http_hars_table_entry(table, n);

        if (ngx_memcmp(e->key, key, HARS_KEY_LEN) == 0) {
            return e;
        }
    }

    return NULL;
}


/* a flight for a key that has no open one, or NULL where all are taken */

static ngx_http_hars_row_t *
ngx_http_hars_table_open(ngx_http_hars_table_t *table, u_char *key,
    ngx_msec_t until)
{
    uint16_t                      *bucket;
    ngx_http_hars_row_t           *e;

    e = ngx_http_hars_table_find(table, key);

    if (e == NULL && table->oldest == 0) {
        return NULL;
    }

    table->dirty = 1;
    ngx_memory_barrier();

    if (e == NULL) {
        e = ngx_http_hars_table_entry(table, table->oldest);

        if (e->hashed) {
            ngx_http_hars_table_unhash(table, e);
        }

        ngx_memcpy(e->key, key, HARS_KEY_LEN);

        bucket = ngx_http_hars_table_bucket(table, key);
        e->next = *bucket;
        e->hashed = 1;
        *bucket = ngx_http_hars_table_number(table, e);
    }

    /* one that is taken over is open already */

    if (!e->open) {
        ngx_http_hars_table_queue_out(table, e);
        table->open++;
    }

    e->seq++;
    e->open = 1;
    e->poisoned = 0;
    e->slot = ngx_process_slot;
    e->pid = ngx_pid;
    e->until = until;
    ngx_memzero(e->waiting, sizeof(e->waiting));

    ngx_memory_barrier();
    table->dirty = 0;

    return e;
}


static void
ngx_http_hars_table_unhash(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e)
{
    uint16_t  n, *prev;

    n = ngx_http_hars_table_number(table, e);
    prev = ngx_http_hars_table_bucket(table, e->key);

    while (*prev != n) {
        prev = &ngx_http_hars_table_entry(table, *prev)->next;
    }

    *prev = e->next;
}


static void
ngx_http_hars_table_end(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e, ngx_int_t answer, uint64_t *waiting)
{
    table->dirty = 1;
    ngx_memory_barrier();

    ngx_memcpy(waiting, e->waiting, sizeof(e->waiting));

    e->open = 0;
    e->answer = answer;
    e->until = (answer == NGX_ERROR)
               ? ngx_current_msec + NGX_HTTP_HARS_COOLING : 0;

    ngx_http_hars_table_queue_in(table, e);
    table->open--;

    ngx_memory_barrier();
    table->dirty = 0;
}


static void
ngx_http_hars_table_queue_in(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e)
{
    uint16_t  n;

    n = ngx_http_hars_table_number(table, e);

    e->older = table->newest;
    e->newer = 0;

    if (table->newest) {
        ngx_http_hars_table_entry(table, table->newest)->newer = n;

    } else {
        table->oldest = n;
    }

    table->newest = n;
}


static void
ngx_http_hars_table_queue_out(ngx_http_hars_table_t *table,
    ngx_http_hars_row_t *e)
{
    if (e->older) {
        ngx_http_hars_table_entry(table, e->older)->newer = e->newer;

    } else {
        table->oldest = e->newer;
    }

    if (e->newer) {
        ngx_http_hars_table_entry(table, e->newer)->older = e->older;

    } else {
        table->newest = e->older;
    }
}


/* under the mutex: the entry of a flight that this worker still leads */

static ngx_http_hars_row_t *
ngx_http_hars_flight_own(ngx_http_hars_flight_t *flight)
{
    ngx_http_hars_row_t           *e;

    e = &flight->zone->sh->flights->entries[flight->number];

    return (e->seq == flight->seq && e->open) ? e : NULL;
}


static uint64_t
ngx_http_hars_client(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    uint64_t    client;
    ngx_str_t  *addr;

    if (ctx->thumbprint) {
        ngx_memcpy(&client, ctx->thumbprint, sizeof(client));
        return client;
    }

    addr = &r->connection->addr_text;

    return ((uint64_t) ngx_murmur_hash2(addr->data, addr->len) << 32)
           | ngx_crc32_short(addr->data, addr->len);
}


static ngx_http_hars_client_t *
ngx_http_hars_client_find(ngx_http_hars_table_t *table, uint64_t client)
{
    ngx_uint_t               i, n;
    ngx_http_hars_client_t  *c, *idle;

    idle = NULL;

    for (i = 0; i < 4; i++) {
        n = (client + i) & (table->n - 1);
        c = &table->clients[n];

        if (c->client == client) {
            return c;
        }

        if (idle == NULL && c->empty <= ngx_current_msec) {
            idle = c;
        }
    }

    if (idle) {
        idle->client = client;
        idle->empty = 0;
    }

    return idle;
}


static ngx_int_t
ngx_http_hars_client_take(ngx_http_hars_zone_t *zone, uint64_t client)
{
    ngx_msec_t               empty, cost;
    ngx_http_hars_client_t  *c;

    if (zone->unknown == 0) {
        return NGX_OK;
    }

    c = ngx_http_hars_client_find(zone->sh->flights, client);

    if (c == NULL) {
        return NGX_OK;
    }

    cost = NGX_HTTP_HARS_CLIENT_TIME / zone->unknown;
    empty = ngx_max(c->empty, ngx_current_msec) + cost;

    if (empty - ngx_current_msec > NGX_HTTP_HARS_CLIENT_TIME) {
        return NGX_BUSY;
    }

    c->empty = empty;

    return NGX_OK;
}


static void
ngx_http_hars_client_give(ngx_http_hars_zone_t *zone, uint64_t client)
{
    ngx_msec_t               cost;
    ngx_http_hars_client_t  *c;

    if (zone->unknown == 0) {
        return;
    }

    cost = NGX_HTTP_HARS_CLIENT_TIME / zone->unknown;
    c = ngx_http_hars_client_find(zone->sh->flights, client);

    if (c) {
        c->empty -= ngx_min(cost, c->empty);
    }
}


ngx_int_t
ngx_http_hars_flight_join(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    size_t                         len;
    u_char                         record[HARS_RECORD_MAX];
    uint32_t                       seq;
    ngx_uint_t                     number;
    ngx_http_hars_zone_t          *zone;
    ngx_http_hars_entry_t          entry;
    ngx_http_hars_table_t         *table;
    ngx_http_hars_row_t           *e;

    zone = ctx->endpoint->zone;
    table = zone->sh->flights;

    ngx_http_hars_zone_lock(zone);

    /* a flight may have ended since L1 was looked into */

    if (ngx_http_hars_cache_get(zone, ctx->key, 0, record, &len, &entry)
        == NGX_OK)
    {
        ngx_http_hars_zone_unlock(zone);
        return NGX_OK;
    }

    e = ngx_http_hars_table_find(table, ctx->key);

    if (e && e->open && e->until > ngx_current_msec) {
        number = e - table->entries;
        seq = e->seq;

        if (ngx_process_slot < NGX_HTTP_HARS_WAKERS) {
            e->waiting[ngx_process_slot / 64]
                |= (uint64_t) 1 << ngx_process_slot % 64;
        }

        ngx_http_hars_zone_unlock(zone);

        return ngx_http_hars_flight_wait(ctx, number, seq);
    }

    if (e && !e->open && e->until > ngx_current_msec && hlcf->stale) {
        ngx_http_hars_zone_unlock(zone);
        return NGX_ERROR;
    }

    if (ngx_http_hars_client_take(zone, ngx_http_hars_client(r, ctx))
        != NGX_OK)
    {
        ngx_http_hars_zone_unlock(zone);
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_FULL_CLIENT);
        return NGX_BUSY;
    }

    e = ngx_http_hars_table_open(table, ctx->key,
                                 ngx_current_msec + hlcf->timeout
                                 + NGX_HTTP_HARS_FLIGHT_SPARE);
    if (e == NULL) {
        ngx_http_hars_client_give(zone, ngx_http_hars_client(r, ctx));
        ngx_http_hars_zone_unlock(zone);
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_FULL_FLIGHTS);
        return NGX_BUSY;
    }

    number = e - table->entries;
    seq = e->seq;

    ngx_http_hars_zone_unlock(zone);

    return ngx_http_hars_flight_lead(r, ctx, hlcf, number, seq, 0);
}


void
ngx_http_hars_flight_renew(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf)
{
    uint32_t                       seq;
    ngx_uint_t                     number;
    ngx_http_hars_zone_t          *zone;
    ngx_http_hars_table_t         *table;
    ngx_http_hars_row_t           *e;

    zone = ctx->endpoint->zone;
    table = zone->sh->flights;

    ngx_http_hars_zone_lock(zone);

    e = ngx_http_hars_table_find(table, ctx->key);

    /* it is being asked, or failed a moment ago */

    if (e && e->until > ngx_current_msec) {
        ngx_http_hars_zone_unlock(zone);
        return;
    }

    e = ngx_http_hars_table_open(table, ctx->key,
                                 ngx_current_msec + hlcf->timeout
                                 + NGX_HTTP_HARS_FLIGHT_SPARE);
    if (e == NULL) {
        ngx_http_hars_zone_unlock(zone);
        return;
    }

    number = e - table->entries;
    seq = e->seq;

    ngx_http_hars_zone_unlock(zone);

    (void) ngx_http_hars_flight_lead(r, ctx, hlcf, number, seq, 1);
}


static ngx_int_t
ngx_http_hars_flight_lead(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    ngx_http_hars_loc_conf_t *hlcf, ngx_uint_t number, uint32_t seq,
    ngx_uint_t renewal)
{
    uint64_t                       waiting[NGX_HTTP_HARS_WAKERS / 64];
    ngx_http_hars_zone_t          *zone;
    ngx_http_hars_flight_t        *flight;
    ngx_http_hars_row_t           *e;

    zone = ctx->endpoint->zone;

    flight = ngx_http_hars_flight_create(zone, number, seq, ctx->token.len);

    if (flight == NULL) {
        ngx_memzero(waiting, sizeof(waiting));

        ngx_http_hars_zone_lock(zone);

        e = &zone->sh->flights->entries[number];

        if (e->seq == seq && e->open) {
            ngx_http_hars_table_end(zone->sh->flights, e, NGX_DECLINED,
                                    waiting);
        }

        if (!renewal) {
            ngx_http_hars_client_give(zone, ngx_http_hars_client(r, ctx));
        }

        ngx_http_hars_zone_unlock(zone);

        ngx_http_hars_flight_signal(waiting);

        return NGX_ABORT;
    }

    flight->leader = 1;
    flight->renewal = renewal;
    flight->refresh = hlcf->refresh;
    flight->timeout = hlcf->timeout;
    flight->endpoint = ctx->endpoint;
    flight->client = ngx_http_hars_client(r, ctx);
    flight->server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    flight->main = ngx_http_get_module_main_conf(r, ngx_http_hars_module);

    ngx_memcpy(flight->key, ctx->key, HARS_KEY_LEN);
    ngx_memcpy(flight->id, ctx->id, NGX_HTTP_HARS_TOKEN_ID_LEN);
    ngx_memcpy(flight->token.data, ctx->token.data, ctx->token.len);

    ngx_http_hars_count(zone, renewal ? NGX_HTTP_HARS_C_RENEWALS
                                      : NGX_HTTP_HARS_C_FLIGHTS);

    if (!renewal) {
        ctx->flight = flight;
        ngx_queue_insert_tail(&flight->waiters, &ctx->queue);
    }

    ngx_http_hars_inquire(flight);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_hars_flight_wait(ngx_http_hars_ctx_t *ctx, ngx_uint_t number,
    uint32_t seq)
{
    ngx_http_hars_zone_t    *zone;
    ngx_http_hars_flight_t  *flight;

    zone = ctx->endpoint->zone;
    flight = zone->flights[number];

    if (flight && flight->seq != seq) {

        /* somebody took it over: those who wait here are to join again */

        ngx_http_hars_flight_land(flight, NGX_DECLINED,
                                  NGX_HTTP_HARS_SOURCE_NONE);
        flight = NULL;
    }

    if (flight == NULL) {
        flight = ngx_http_hars_flight_create(zone, number, seq, 0);
        if (flight == NULL) {
            return NGX_ABORT;
        }

        ngx_queue_insert_tail(&zone->waits, &flight->queue);

        if (ngx_process_slot >= NGX_HTTP_HARS_WAKERS
            && !ngx_http_hars_poll.timer_set)
        {
            ngx_add_timer(&ngx_http_hars_poll, NGX_HTTP_HARS_POLL);
        }
    }

    ngx_http_hars_count(zone, NGX_HTTP_HARS_C_WAITS);

    ctx->flight = flight;
    ngx_queue_insert_tail(&flight->waiters, &ctx->queue);

    return NGX_AGAIN;
}


static ngx_http_hars_flight_t *
ngx_http_hars_flight_create(ngx_http_hars_zone_t *zone, ngx_uint_t number,
    uint32_t seq, size_t len)
{
    ngx_http_hars_flight_t  *flight;

    /* of an old flight there, whose time was up */

    if (zone->flights[number]) {
        ngx_http_hars_flight_land(zone->flights[number], NGX_DECLINED,
                                  NGX_HTTP_HARS_SOURCE_NONE);
    }

    flight = ngx_calloc(sizeof(ngx_http_hars_flight_t) + len,
                        ngx_cycle->log);
    if (flight == NULL) {
        return NULL;
    }

    flight->zone = zone;
    flight->number = number;
    flight->seq = seq;
    flight->token.len = len;
    flight->token.data = (u_char *) (flight + 1);
    ngx_queue_init(&flight->waiters);

    zone->flights[number] = flight;

    return flight;
}


void
ngx_http_hars_flight_leave(ngx_http_hars_ctx_t *ctx)
{
    ngx_http_hars_flight_t  *flight;

    flight = ctx->flight;

    if (flight == NULL) {
        return;
    }

    ngx_queue_remove(&ctx->queue);
    ctx->flight = NULL;

    /* what this worker asks goes on, the caches want it */

    if (!flight->leader && ngx_queue_empty(&flight->waiters)) {
        ngx_http_hars_flight_land(flight, NGX_DECLINED,
                                  NGX_HTTP_HARS_SOURCE_NONE);
    }
}


ngx_uint_t
ngx_http_hars_flight_wanted(ngx_http_hars_flight_t *flight)
{
    ngx_uint_t                     wanted;
    ngx_http_hars_row_t           *e;

    if (flight->renewal || !ngx_queue_empty(&flight->waiters)) {
        return 1;
    }

    /* in other workers somebody may wait, or have left */

    ngx_http_hars_zone_lock(flight->zone);

    e = ngx_http_hars_flight_own(flight);
    wanted = (e && (e->waiting[0] || e->waiting[1]));

    ngx_http_hars_zone_unlock(flight->zone);

    return wanted;
}


ngx_int_t
ngx_http_hars_flight_store(ngx_http_hars_flight_t *flight, u_char *record,
    size_t len, ngx_http_hars_entry_t *entry)
{
    ngx_int_t                      rc;
    ngx_http_hars_zone_t          *zone;
    ngx_http_hars_row_t           *e;

    rc = NGX_DECLINED;
    zone = flight->zone;

    ngx_http_hars_zone_lock(zone);

    e = ngx_http_hars_flight_own(flight);

    /* a revocation that came meanwhile has denied it already */

    if (e && !e->poisoned) {
        rc = NGX_OK;

        if (len) {
            ngx_http_hars_cache_put(zone, flight->key, record, len, entry);

        } else {
            ngx_http_hars_cache_deny(zone, flight->key, entry->deadline);
        }
    }

    flight->unknown = (len == 0);

    ngx_http_hars_zone_unlock(zone);

    return rc;
}


void
ngx_http_hars_flight_done(ngx_http_hars_flight_t *flight, ngx_int_t answer,
    ngx_http_hars_source_e source)
{
    uint64_t                       waiting[NGX_HTTP_HARS_WAKERS / 64];
    ngx_http_hars_zone_t          *zone;
    ngx_http_hars_row_t           *e;

    zone = flight->zone;
    ngx_memzero(waiting, sizeof(waiting));

    ngx_http_hars_zone_lock(zone);

    e = ngx_http_hars_flight_own(flight);

    if (e) {
        e->source = source;
        ngx_http_hars_table_end(zone->sh->flights, e, answer, waiting);

    } else {

        /* another one took it over, or the table was emptied */

        answer = NGX_DECLINED;
    }

    if (!flight->renewal && !flight->unknown) {
        ngx_http_hars_client_give(zone, flight->client);
    }

    ngx_http_hars_zone_unlock(zone);

    ngx_http_hars_flight_signal(waiting);

    ngx_http_hars_flight_land(flight, answer, source);
}


/* the end of this worker's part: those who wait here go on */

static void
ngx_http_hars_flight_land(ngx_http_hars_flight_t *flight, ngx_int_t answer,
    ngx_http_hars_source_e source)
{
    ngx_queue_t          *q;
    ngx_http_hars_ctx_t  *ctx;

    if (flight->leader) {
        ngx_http_hars_inquiry_cancel(flight);

    } else {
        ngx_queue_remove(&flight->queue);
    }

    flight->zone->flights[flight->number] = NULL;

    while (!ngx_queue_empty(&flight->waiters)) {
        q = ngx_queue_head(&flight->waiters);
        ctx = ngx_queue_data(q, ngx_http_hars_ctx_t, queue);

        ngx_queue_remove(q);
        ctx->flight = NULL;

        ngx_http_hars_resume(ctx, answer, source);
    }

    ngx_explicit_memzero(flight->token.data, flight->token.len);
    ngx_free(flight);
}


void
ngx_http_hars_flight_poison(ngx_http_hars_zone_t *zone, u_char *key)
{
    ngx_http_hars_row_t           *e;

    e = ngx_http_hars_table_find(zone->sh->flights, key);

    if (e && e->open) {
        e->poisoned = 1;
    }
}


ngx_int_t
ngx_http_hars_flight_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    if (ngx_http_hars_has_wakers || ngx_test_config) {
        return NGX_OK;
    }

    for (i = 0; i < NGX_HTTP_HARS_WAKERS; i++) {
        ngx_http_hars_wakers[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (ngx_http_hars_wakers[i] == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "hars: eventfd() failed, %d of them are needed",
                          NGX_HTTP_HARS_WAKERS);
            return NGX_ERROR;
        }
    }

    ngx_http_hars_has_wakers = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_flight_init_process(ngx_http_hars_main_conf_t *hmcf,
    ngx_cycle_t *cycle)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {

        zone[i]->flights = ngx_pcalloc(cycle->pool,
                                       zone[i]->sh->flights->n
                                       * sizeof(ngx_http_hars_flight_t *));
        if (zone[i]->flights == NULL) {
            return NGX_ERROR;
        }

        ngx_queue_init(&zone[i]->waits);

        /* of who had this slot before, and died */

        ngx_http_hars_flight_end_all(zone[i], 0);
    }

    ngx_http_hars_flight_main = hmcf;

    ngx_memzero(&ngx_http_hars_poll, sizeof(ngx_event_t));
    ngx_http_hars_poll.handler = ngx_http_hars_flight_poll_handler;
    ngx_http_hars_poll.data = &ngx_http_hars_poll;
    ngx_http_hars_poll.log = cycle->log;

    if (hmcf->zones.nelts == 0
        || ngx_process_slot >= NGX_HTTP_HARS_WAKERS)
    {
        return NGX_OK;
    }

    return ngx_add_channel_event(cycle,
                                 ngx_http_hars_wakers[ngx_process_slot],
                                 NGX_READ_EVENT,
                                 ngx_http_hars_flight_event_handler);
}


void
ngx_http_hars_flight_exit_process(ngx_http_hars_zone_t *zone)
{
    ngx_http_hars_flight_end_all(zone, 1);
}


/* the flights of this slot: of this worker, or of all who had it before */

static void
ngx_http_hars_flight_end_all(ngx_http_hars_zone_t *zone, ngx_uint_t own)
{
    uint64_t                       waiting[NGX_HTTP_HARS_WAKERS / 64], all[2];
    ngx_uint_t                     i, k;
    ngx_http_hars_table_t         *table;
    ngx_http_hars_row_t           *e;

    table = zone->sh->flights;
    ngx_memzero(all, sizeof(all));

    ngx_http_hars_zone_lock(zone);

    for (i = 0; i < table->n; i++) {
        e = &table->entries[i];

        if (!e->open || e->slot != ngx_process_slot
            || (e->pid == ngx_pid) != own)
        {
            continue;
        }

        ngx_http_hars_table_end(table, e, NGX_DECLINED, waiting);

        for (k = 0; k < NGX_HTTP_HARS_WAKERS / 64; k++) {
            all[k] |= waiting[k];
        }
    }

    ngx_http_hars_zone_unlock(zone);

    ngx_http_hars_flight_signal(all);
}


static void
ngx_http_hars_flight_signal(uint64_t *waiting)
{
    uint64_t    one;
    ngx_uint_t  slot;

    if (!ngx_http_hars_has_wakers) {
        return;
    }

    one = 1;

    for (slot = 0; slot < NGX_HTTP_HARS_WAKERS; slot++) {

        /* mostly nobody waits elsewhere */

        if (waiting[slot / 64] == 0) {
            slot += 63;
            continue;
        }

        if (!(waiting[slot / 64] >> slot % 64 & 1)
            || slot == (ngx_uint_t) ngx_process_slot)
        {
            continue;
        }

        /* a counter that is full wakes as well */

        if (write(ngx_http_hars_wakers[slot], &one, sizeof(one)) == -1
            && ngx_errno != NGX_EAGAIN)
        {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "hars: write() to an eventfd failed");
        }
    }
}


void
ngx_http_hars_flight_wake(void)
{
    uint64_t  all[NGX_HTTP_HARS_WAKERS / 64];

    ngx_memset(all, 0xff, sizeof(all));

    ngx_http_hars_flight_signal(all);
}


static void
ngx_http_hars_flight_event_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    /* the number of times does not matter */

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "hars: read() from an eventfd failed");
    }

    ngx_http_hars_flight_check_all();
}


static void
ngx_http_hars_flight_poll_handler(ngx_event_t *ev)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    ngx_http_hars_flight_check_all();

    zone = ngx_http_hars_flight_main->zones.elts;

    for (i = 0; i < ngx_http_hars_flight_main->zones.nelts; i++) {

        if (!ngx_queue_empty(&zone[i]->waits)) {
            ngx_add_timer(ev, NGX_HTTP_HARS_POLL);
            return;
        }
    }
}


static void
ngx_http_hars_flight_check_all(void)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    zone = ngx_http_hars_flight_main->zones.elts;

    for (i = 0; i < ngx_http_hars_flight_main->zones.nelts; i++) {
        ngx_http_hars_flight_check(zone[i]);
        ngx_http_hars_revoked_sweep(zone[i]);
    }
}


static void
ngx_http_hars_flight_check(ngx_http_hars_zone_t *zone)
{
    ngx_int_t                      answer;
    ngx_queue_t                   *q, *next;
    ngx_http_hars_flight_t        *flight;
    ngx_http_hars_source_e         source;
    ngx_http_hars_row_t           *e;

    for (q = ngx_queue_head(&zone->waits);
         q != ngx_queue_sentinel(&zone->waits);
         q = next)
    {
        next = ngx_queue_next(q);
        flight = ngx_queue_data(q, ngx_http_hars_flight_t, queue);

        ngx_http_hars_zone_lock(zone);

        e = &zone->sh->flights->entries[flight->number];
        answer = NGX_AGAIN;
        source = NGX_HTTP_HARS_SOURCE_NONE;

        if (e->seq != flight->seq) {
            answer = NGX_DECLINED;

        } else if (!e->open) {
            answer = e->answer;
            source = e->source;
        }

        ngx_http_hars_zone_unlock(zone);

        if (answer != NGX_AGAIN) {
            ngx_http_hars_flight_land(flight, answer, source);
        }
    }
}
