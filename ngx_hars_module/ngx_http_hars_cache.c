
/*
 * L1: what the gateway remembers of tokens, for all workers.  A hash with
 * buckets sized at creation and cells of its own, 64 bytes each; a record is
 * a chain of them.  The oldest is evicted, but by second chance: a lookup only
 * sets a bit, and what has it set goes to the end of the queue once.  What the
 * authority does not know lives in a part of its own, so that garbage tokens
 * never displace records; what was revoked stands among the records.
 *
 * All of it runs under the zone's mutex.  Each change of a part is between
 * setting and clearing its dirty mark; who finds it set empties that part: a
 * miss, never an admit.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_CELL_DATA     52
#define NGX_HTTP_HARS_HEAD_DATA     2

#define NGX_HTTP_HARS_AHEAD         6       /* cells of a usual record */
#define NGX_HTTP_HARS_CHANCES       16      /* second chances in a row */
#define NGX_HTTP_HARS_NEGATIVE      64      /* 1/64 of the cells, but */
#define NGX_HTTP_HARS_NEGATIVE_MIN  1024    /* so many where 1/16 allows */


/* cells are named by their number plus one, zero is none */

typedef struct {
    uint32_t             next;       /* of the bucket, or of the free list */
    uint32_t             more;       /* the rest of the record */
    uint16_t             len;        /* of the record, 0: denied */
    uint16_t             used;       /* second chance */

    union {
        struct {
            uint32_t     older;      /* the queue of records */
            uint32_t     newer;
            uint32_t     deadline;   /* monotonic, ms, 48 bits of it */
            uint16_t     deadline_high;
            uint32_t     life;       /* from the question to the deadline */
            u_char       key[HARS_KEY_LEN];
            u_char       data[NGX_HTTP_HARS_HEAD_DATA];
        } __attribute__((packed)) head;

        u_char           data[NGX_HTTP_HARS_CELL_DATA];
    } u;
} ngx_http_hars_cell_t;


typedef struct {
    uint32_t              *buckets;
    ngx_http_hars_cell_t  *cells;
    uint32_t               mask;      /* number of buckets - 1 */
    uint32_t               ncells;
    uint32_t               fresh;     /* cells from here were never used */
    uint32_t               free;
    uint32_t               nfree;     /* free list and fresh */
    uint32_t               oldest;
    uint32_t               newest;
    ngx_atomic_t           dirty;     /* a change is going on */

    ngx_atomic_t           entries;
    ngx_atomic_t           evicted;
    ngx_atomic_t           emptied;
} ngx_http_hars_part_t;


struct ngx_http_hars_cache_s {
    ngx_http_hars_part_t   records;
    ngx_http_hars_part_t   negative;
    ngx_atomic_t           generation[NGX_HTTP_HARS_GENERATIONS];
};


static uint32_t ngx_http_hars_cache_buckets(size_t cells);
static ngx_http_hars_cell_t *ngx_http_hars_cache_denial(
    ngx_http_hars_part_t *part, u_char *key);
static void ngx_http_hars_part_empty(ngx_http_hars_part_t *part);
static ngx_http_hars_cell_t *ngx_http_hars_part_find(
    ngx_http_hars_part_t *part, u_char *key);
static void ngx_http_hars_part_drop(ngx_http_hars_part_t *part, u_char *key);
static void ngx_http_hars_part_remove(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_part_insert(ngx_http_hars_part_t *part, u_char *key,
    u_char *record, size_t len, ngx_http_hars_entry_t *entry);
static ngx_http_hars_cell_t *ngx_http_hars_part_alloc(
    ngx_http_hars_part_t *part);
static void ngx_http_hars_part_evict(ngx_http_hars_part_t *part);
static void ngx_http_hars_queue_in(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_queue_out(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_cell_read(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell, u_char *dst);
static void ngx_http_hars_record_ahead(ngx_http_hars_part_t *part,
    u_char *key);


#define ngx_http_hars_cell(part, n)  (&(part)->cells[(n) - 1])

#define ngx_http_hars_cell_number(part, cell)                                \
    ((uint32_t) ((cell) - (part)->cells) + 1)

#define ngx_http_hars_bucket(part, key)                                      \
    (&(part)->buckets[(((uint32_t) (key)[0] << 24) | ((key)[1] << 16)        \
                       | ((key)[2] << 8) | (key)[3]) & (part)->mask])

#define ngx_http_hars_deadline(cell)                                         \
    (((uint64_t) (cell)->u.head.deadline_high << 32)                         \
     | (cell)->u.head.deadline)


ngx_http_hars_cache_t *
ngx_http_hars_cache_create(u_char *p, size_t size)
{
    size_t                  cells, negative, buckets;
    ngx_http_hars_cache_t  *cache;

    cache = (ngx_http_hars_cache_t *) p;

    p = ngx_align_ptr(p + sizeof(ngx_http_hars_cache_t),
                      sizeof(ngx_http_hars_cell_t));
    size -= p - (u_char *) cache;

    cells = size / sizeof(ngx_http_hars_cell_t);
    negative = ngx_max(cells / NGX_HTTP_HARS_NEGATIVE,
                       ngx_min(cells / 16, NGX_HTTP_HARS_NEGATIVE_MIN));

    cache->negative.mask = ngx_http_hars_cache_buckets(negative) - 1;
    cache->records.mask = ngx_http_hars_cache_buckets(cells / 4) - 1;

    buckets = (size_t) cache->negative.mask + cache->records.mask + 2;
    cells = (size - buckets * sizeof(uint32_t))
            / sizeof(ngx_http_hars_cell_t);

    cache->negative.ncells = ngx_min(negative, 0xffffff00);
    cache->records.ncells = ngx_min(cells - negative, 0xffffff00);

    cache->negative.cells = (ngx_http_hars_cell_t *) p;
    cache->records.cells = cache->negative.cells + cache->negative.ncells;
    cache->negative.buckets = (uint32_t *) (cache->records.cells
                                            + cache->records.ncells);
    cache->records.buckets = cache->negative.buckets
                             + cache->negative.mask + 1;

    ngx_http_hars_part_empty(&cache->negative);
    ngx_http_hars_part_empty(&cache->records);

    cache->negative.emptied = 0;
    cache->records.emptied = 0;

    return cache;
}


static uint32_t
ngx_http_hars_cache_buckets(size_t cells)
{
    uint32_t  n;

    for (n = 16; n < cells && n < 0x40000000; n <<= 1) { /* void */ }

    return n / 2;
}


void
ngx_http_hars_cache_check(ngx_http_hars_cache_t *cache)
{
    /* who changed the part died in it */

    if (cache->negative.dirty) {
        ngx_http_hars_part_empty(&cache->negative);
    }

    if (cache->records.dirty) {
        ngx_http_hars_part_empty(&cache->records);
    }
}


ngx_atomic_t *
ngx_http_hars_cache_generation(ngx_http_hars_cache_t *cache, u_char *key)
{
    ngx_uint_t  n;

    n = (key[4] << 8 | key[5]) & (NGX_HTTP_HARS_GENERATIONS - 1);

    return &cache->generation[n];
}


void
ngx_http_hars_cache_forget(ngx_http_hars_cache_t *cache)
{
    ngx_uint_t  n;

    for (n = 0; n < NGX_HTTP_HARS_GENERATIONS; n++) {
        (void) ngx_atomic_fetch_add(&cache->generation[n], 1);
    }
}


/*
 * A lookup waits for memory more than for anything else, and one thing leads
 * to the next: what will be wanted is asked for before it is, and all of it at
 * once.  A wrong guess costs nothing but the asking.
 */

void
ngx_http_hars_zone_ahead(ngx_http_hars_zone_t *zone, u_char *key)
{
    ngx_http_hars_cache_t  *cache;

    cache = zone->sh->cache;

    __builtin_prefetch(ngx_http_hars_bucket(&cache->records, key));
    __builtin_prefetch(ngx_http_hars_bucket(&cache->negative, key));
    __builtin_prefetch((void *) ngx_http_hars_cache_generation(cache, key));
}


ngx_int_t
ngx_http_hars_zone_get(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t stale, u_char *dst, size_t *len, ngx_http_hars_entry_t *entry)
{
    ngx_int_t  rc;

    ngx_http_hars_zone_lock(zone);

    rc = ngx_http_hars_cache_get(zone, key, stale, dst, len, entry);

    ngx_http_hars_zone_unlock(zone);

    return rc;
}


ngx_int_t
ngx_http_hars_cache_get(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t stale, u_char *dst, size_t *len, ngx_http_hars_entry_t *entry)
{
    ngx_msec_t              until;
    ngx_http_hars_cell_t   *cell;
    ngx_http_hars_cache_t  *cache;

    cache = zone->sh->cache;

    ngx_http_hars_record_ahead(&cache->records, key);

    cell = ngx_http_hars_cache_denial(&cache->negative, key);

    if (cell == NULL) {
        cell = ngx_http_hars_part_find(&cache->records, key);
    }

    if (cell == NULL) {
        return NGX_DECLINED;
    }

    entry->deadline = ngx_http_hars_deadline(cell);
    entry->asked = entry->deadline - cell->u.head.life;
    entry->generation = *ngx_http_hars_cache_generation(cache, key);

    until = cell->len ? ngx_http_hars_until(zone, entry) : entry->deadline;

    if (until + stale <= ngx_current_msec) {

        /* nobody may want it any more */

        if (entry->deadline + (cell->len ? zone->stale : 0)
            <= ngx_current_msec)
        {
            ngx_http_hars_part_remove(&cache->records, cell);
        }

        return NGX_DECLINED;
    }

    /* what is not changed stays in the caches of other processors */

    if (!cell->used) {
        cell->used = 1;
    }

    *len = cell->len;
    ngx_http_hars_cell_read(&cache->records, cell, dst);

    return NGX_OK;
}


static ngx_http_hars_cell_t *
ngx_http_hars_cache_denial(ngx_http_hars_part_t *part, u_char *key)
{
    ngx_http_hars_cell_t  *cell;

    cell = ngx_http_hars_part_find(part, key);

    if (cell && ngx_http_hars_deadline(cell) <= ngx_current_msec) {
        ngx_http_hars_part_remove(part, cell);
        return NULL;
    }

    return cell;
}


void
ngx_http_hars_cache_put(ngx_http_hars_zone_t *zone, u_char *key,
    u_char *record, size_t len, ngx_http_hars_entry_t *entry)
{
    ngx_http_hars_cell_t   *cell;
    ngx_http_hars_cache_t  *cache;

    cache = zone->sh->cache;

    /* an older answer that comes late does not undo a denial */

    if (ngx_http_hars_cache_denial(&cache->negative, key)) {
        return;
    }

    cell = ngx_http_hars_part_find(&cache->records, key);

    if (cell) {

        if (cell->len == 0 && ngx_http_hars_deadline(cell) > ngx_current_msec)
        {
            return;
        }

        ngx_http_hars_part_remove(&cache->records, cell);
    }

    ngx_http_hars_part_insert(&cache->records, key, record, len, entry);
}


void
ngx_http_hars_cache_deny(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t deadline)
{
    ngx_http_hars_cell_t   *cell;
    ngx_http_hars_cache_t  *cache;
    ngx_http_hars_entry_t   entry;

    cache = zone->sh->cache;

    cell = ngx_http_hars_part_find(&cache->records, key);

    if (cell && cell->len == 0
        && ngx_http_hars_deadline(cell) > ngx_current_msec)
    {
        return;
    }

    (void) ngx_atomic_fetch_add(ngx_http_hars_cache_generation(cache, key),
                                1);

    if (cell) {
        ngx_http_hars_part_remove(&cache->records, cell);
    }

    ngx_http_hars_part_drop(&cache->negative, key);

    entry.asked = deadline;
    entry.deadline = deadline;

    ngx_http_hars_part_insert(&cache->negative, key, NULL, 0, &entry);
}


ngx_int_t
ngx_http_hars_cache_revoke(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t deadline)
{
    ngx_int_t               rc;
    ngx_http_hars_cell_t   *cell;
    ngx_http_hars_cache_t  *cache;
    ngx_http_hars_entry_t   entry;

    cache = zone->sh->cache;

    cell = ngx_http_hars_part_find(&cache->records, key);

    rc = (cell && cell->len == 0
          && ngx_http_hars_deadline(cell) > ngx_current_msec)
         ? NGX_DECLINED : NGX_OK;

    /* first, since a worker may die at any point here */

    (void) ngx_atomic_fetch_add(ngx_http_hars_cache_generation(cache, key),
                                1);

    ngx_http_hars_part_drop(&cache->negative, key);
    ngx_http_hars_part_drop(&cache->records, key);

    entry.asked = deadline;
    entry.deadline = deadline;

    ngx_http_hars_part_insert(&cache->records, key, NULL, 0, &entry);

    return rc;
}


void
ngx_http_hars_zone_fill(ngx_http_hars_zone_t *zone,
    ngx_http_hars_fill_t fill[2])
{
    ngx_uint_t             i;
    ngx_http_hars_part_t  *part;

    ngx_http_hars_zone_lock(zone);

    for (i = 0; i < 2; i++) {
        part = i ? &zone->sh->cache->negative : &zone->sh->cache->records;

        fill[i].entries = part->entries;
        fill[i].evicted = part->evicted;
        fill[i].emptied = part->emptied;
        fill[i].used = (size_t) (part->ncells - part->nfree)
                       * sizeof(ngx_http_hars_cell_t);
        fill[i].size = (size_t) part->ncells * sizeof(ngx_http_hars_cell_t);
    }

    ngx_http_hars_zone_unlock(zone);
}


static void
ngx_http_hars_part_empty(ngx_http_hars_part_t *part)
{
    part->dirty = 1;
    ngx_memory_barrier();

    ngx_memzero(part->buckets, ((size_t) part->mask + 1) * sizeof(uint32_t));
    part->fresh = 0;
    part->free = 0;
    part->nfree = part->ncells;
    part->oldest = 0;
    part->newest = 0;
    part->entries = 0;
    part->emptied++;

    ngx_memory_barrier();
    part->dirty = 0;
}


static ngx_http_hars_cell_t *
ngx_http_hars_part_find(ngx_http_hars_part_t *part, u_char *key)
{
    uint32_t               n;
    ngx_http_hars_cell_t  *cell;

    for (n = *ngx_http_hars_bucket(part, key); n; n = cell->next) {
        cell = ngx_http_hars_cell(part, n);

        if (ngx_memcmp(cell->u.head.key, key, HARS_KEY_LEN) == 0) {
            return cell;
        }
    }

    return NULL;
}


static void
ngx_http_hars_part_drop(ngx_http_hars_part_t *part, u_char *key)
{
    ngx_http_hars_cell_t  *cell;

    cell = ngx_http_hars_part_find(part, key);

    if (cell) {
        ngx_http_hars_part_remove(part, cell);
    }
}


static void
ngx_http_hars_part_remove(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell)
{
    uint32_t               n, more, first, *prev;
    ngx_http_hars_cell_t  *c;

    part->dirty = 1;
    ngx_memory_barrier();

    n = ngx_http_hars_cell_number(part, cell);
    prev = ngx_http_hars_bucket(part, cell->u.head.key);

    while (*prev != n) {
        prev = &ngx_http_hars_cell(part, *prev)->next;
    }

    *prev = cell->next;

    ngx_http_hars_queue_out(part, cell);

    /* in their order, so that the next record lies as this one did */

    first = n;

    for ( /* void */ ; n; n = more) {
        c = ngx_http_hars_cell(part, n);
        more = c->more;

        c->next = more ? more : part->free;
        part->nfree++;
    }

    part->free = first;

    part->entries--;

    ngx_memory_barrier();
    part->dirty = 0;
}


static void
ngx_http_hars_part_insert(ngx_http_hars_part_t *part, u_char *key,
    u_char *record, size_t len, ngx_http_hars_entry_t *entry)
{
    size_t                 n, rest;
    uint32_t               need, *bucket;
    ngx_http_hars_cell_t  *head, *cell, *more;

    need = 1;

    if (len > NGX_HTTP_HARS_HEAD_DATA) {
        need += (len - NGX_HTTP_HARS_HEAD_DATA + NGX_HTTP_HARS_CELL_DATA - 1)
                / NGX_HTTP_HARS_CELL_DATA;
    }

    while (part->nfree < need) {
        ngx_http_hars_part_evict(part);
    }

    part->dirty = 1;
    ngx_memory_barrier();

    head = ngx_http_hars_part_alloc(part);
    head->used = 0;
    head->len = len;
    head->more = 0;
    head->u.head.deadline = (uint32_t) entry->deadline;
    head->u.head.deadline_high = (uint16_t) ((uint64_t) entry->deadline >> 32);
    head->u.head.life = entry->deadline - entry->asked;
    ngx_memcpy(head->u.head.key, key, HARS_KEY_LEN);

    n = ngx_min(len, NGX_HTTP_HARS_HEAD_DATA);

    if (n) {
        ngx_memcpy(head->u.head.data, record, n);
    }

    cell = head;

    for (rest = len - n; rest; rest -= n) {
        record += n;
        n = ngx_min(rest, NGX_HTTP_HARS_CELL_DATA);

        more = ngx_http_hars_part_alloc(part);
        more->more = 0;
        ngx_memcpy(more->u.data, record, n);

        cell->more = ngx_http_hars_cell_number(part, more);
        cell = more;
    }

    bucket = ngx_http_hars_bucket(part, key);
    head->next = *bucket;
    *bucket = ngx_http_hars_cell_number(part, head);

    ngx_http_hars_queue_in(part, head);

    part->entries++;

    ngx_memory_barrier();
    part->dirty = 0;
}


static ngx_http_hars_cell_t *
ngx_http_hars_part_alloc(ngx_http_hars_part_t *part)
{
    ngx_http_hars_cell_t  *cell;

    part->nfree--;

    if (part->free == 0) {
        return &part->cells[part->fresh++];
    }

    cell = ngx_http_hars_cell(part, part->free);
    part->free = cell->next;

    return cell;
}


static void
ngx_http_hars_part_evict(ngx_http_hars_part_t *part)
{
    ngx_uint_t             chances;
    ngx_http_hars_cell_t  *cell;

    /* a full part has an oldest record */

    for (chances = NGX_HTTP_HARS_CHANCES; chances; chances--) {
        cell = ngx_http_hars_cell(part, part->oldest);

        if (!cell->used || ngx_http_hars_deadline(cell) <= ngx_current_msec) {
            break;
        }

        part->dirty = 1;
        ngx_memory_barrier();

        cell->used = 0;
        ngx_http_hars_queue_out(part, cell);
        ngx_http_hars_queue_in(part, cell);

        ngx_memory_barrier();
        part->dirty = 0;
    }

    ngx_http_hars_part_remove(part, ngx_http_hars_cell(part, part->oldest));
    part->evicted++;
}


static void
ngx_http_hars_queue_in(ngx_http_hars_part_t *part, ngx_http_hars_cell_t *cell)
{
    uint32_t  n;

    n = ngx_http_hars_cell_number(part, cell);

    cell->u.head.older = part->newest;
    cell->u.head.newer = 0;

    if (part->newest) {
        ngx_http_hars_cell(part, part->newest)->u.head.newer = n;

    } else {
        part->oldest = n;
    }

    part->newest = n;
}


static void
ngx_http_hars_queue_out(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell)
{
    uint32_t  older, newer;

    older = cell->u.head.older;
    newer = cell->u.head.newer;

    if (older) {
        ngx_http_hars_cell(part, older)->u.head.newer = newer;

    } else {
        part->oldest = newer;
    }

    if (newer) {
        ngx_http_hars_cell(part, newer)->u.head.older = older;

    } else {
        part->newest = older;
    }
}


static void
ngx_http_hars_cell_read(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell, u_char *dst)
{
    size_t  n, rest;

    n = ngx_min(cell->len, NGX_HTTP_HARS_HEAD_DATA);
    dst = ngx_cpymem(dst, cell->u.head.data, n);

    for (rest = cell->len - n; rest > NGX_HTTP_HARS_CELL_DATA;
         rest -= NGX_HTTP_HARS_CELL_DATA)
    {
        cell = ngx_http_hars_cell(part, cell->more);
        dst = ngx_cpymem(dst, cell->u.data, NGX_HTTP_HARS_CELL_DATA);
    }

    if (rest) {
        cell = ngx_http_hars_cell(part, cell->more);
        ngx_memcpy(dst, cell->u.data, rest);
    }
}


static void
ngx_http_hars_record_ahead(ngx_http_hars_part_t *part, u_char *key)
{
    uint32_t               n;
    ngx_uint_t             i;
    ngx_http_hars_cell_t  *cell;

    n = *ngx_http_hars_bucket(part, key);

    if (n == 0) {
        return;
    }

    /* cells that were taken one after another mostly lie so */

    cell = ngx_http_hars_cell(part, n);

    for (i = 0; i < NGX_HTTP_HARS_AHEAD; i++) {
        __builtin_prefetch(cell + i);
    }
}
