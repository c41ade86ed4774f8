
/*
 * What the gateway remembers of tokens: L0, a few slots on each connection,
 * and L1, a zone of shared memory for all workers.
 *
 * L1 is a hash with buckets sized at creation and cells of its own, 64 bytes
 * each; a record is a chain of them.  The oldest is evicted, but by second
 * chance: a lookup only sets a bit, and what has it set goes to the end of
 * the queue once.  "Inactive" lives in a part of its own, so that garbage
 * tokens never displace records.
 *
 * A lookup waits for a bounded copy under the zone's mutex, which nginx
 * unlocks for a worker that died.  Each change of a part is between setting
 * and clearing its dirty mark; who finds it set under the mutex empties that
 * part: a miss, never an admit.
 *
 * A hit in L0 neither hashes nor locks: it compares the token itself, and one
 * of 4,096 generations, which denials bump.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_ZONE_MIN      (256 * 1024)

#define NGX_HTTP_HARS_CELL_DATA     52
#define NGX_HTTP_HARS_HEAD_DATA     4

#define NGX_HTTP_HARS_CHANCES       16      /* second chances in a row */
#define NGX_HTTP_HARS_NEGATIVE      64      /* 1/64 of the cells, but */
#define NGX_HTTP_HARS_NEGATIVE_MIN  1024    /* so many where 1/16 allows */

#define NGX_HTTP_HARS_MEMO_TOKEN    1024
#define NGX_HTTP_HARS_FUTURE        10000   /* checked_at ahead of us, ms */


/* cells are named by their number plus one, zero is none */

typedef struct {
    uint32_t             next;       /* of the bucket, or of the free list */
    uint32_t             more;       /* the rest of the record */
    uint16_t             len;        /* of the record */
    uint16_t             used;       /* second chance */

    union {
        struct {
            uint32_t     older;      /* the queue of records */
            uint32_t     newer;
            uint64_t     deadline;   /* monotonic, ms */
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


struct ngx_http_hars_sh_s {
    u_char                 secret[HARS_SECRET_LEN];  /* without key= */
    ngx_http_hars_part_t   records;
    ngx_http_hars_part_t   negative;
    ngx_atomic_t           generation[NGX_HTTP_HARS_GENERATIONS];
};


static ngx_int_t ngx_http_hars_zone_create(ngx_http_hars_zone_t *zone);
static uint32_t ngx_http_hars_zone_buckets(size_t cells);
static void ngx_http_hars_zone_lock(ngx_http_hars_zone_t *zone);
static void ngx_http_hars_part_empty(ngx_http_hars_part_t *part);
static ngx_http_hars_cell_t *ngx_http_hars_part_find(
    ngx_http_hars_part_t *part, u_char *key);
static void ngx_http_hars_part_remove(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_part_insert(ngx_http_hars_part_t *part, u_char *key,
    u_char *record, size_t len, ngx_msec_t deadline);
static ngx_http_hars_cell_t *ngx_http_hars_part_alloc(
    ngx_http_hars_part_t *part);
static void ngx_http_hars_part_evict(ngx_http_hars_part_t *part);
static void ngx_http_hars_queue_in(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_queue_out(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell);
static void ngx_http_hars_cell_read(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell, u_char *dst);
static void ngx_http_hars_slot_wipe(ngx_http_hars_slot_t *slot);


#define ngx_http_hars_cell(part, n)  (&(part)->cells[(n) - 1])

#define ngx_http_hars_cell_number(part, cell)                                \
    ((uint32_t) ((cell) - (part)->cells) + 1)

#define ngx_http_hars_bucket(part, key)                                      \
    (&(part)->buckets[(((uint32_t) (key)[0] << 24) | ((key)[1] << 16)        \
                       | ((key)[2] << 8) | (key)[3]) & (part)->mask])


ngx_int_t
ngx_http_hars_memo_get(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_http_hars_slot_t  *slot;

    if (ctx->conn == NULL) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        slot = &ctx->conn->slots[i];

        if (slot->endpoint != ctx->endpoint
            || slot->token_len != ctx->token.len
            || !ngx_http_hars_equal(slot->data, ctx->token.data,
                                    slot->token_len))
        {
            continue;
        }

        if (*slot->generation != slot->seen
            || (ngx_msec_int_t) (slot->deadline - ngx_current_msec) <= 0)
        {
            ngx_http_hars_slot_wipe(slot);
            return NGX_DECLINED;
        }

        /* another stream may take the slot while this request goes on */

        ctx->data = ngx_pnalloc(r->pool, slot->record_len);
        if (ctx->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ctx->data, slot->data + slot->token_len,
                   slot->record_len);
        ngx_memcpy(ctx->id, slot->id, NGX_HTTP_HARS_TOKEN_ID_LEN);

        if (hars_record_decode(&ctx->record, ctx->data, slot->record_len)
            != HARS_OK)
        {
            return NGX_DECLINED;
        }

        ctx->len = slot->record_len;
        ctx->has_id = 1;
        ctx->has_record = 1;
        ctx->source = NGX_HTTP_HARS_SOURCE_L0;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_http_hars_memo_put(ngx_http_hars_ctx_t *ctx)
{
    size_t                 len;
    ngx_uint_t             i;
    ngx_http_hars_conn_t  *conn;
    ngx_http_hars_slot_t  *slot;

    conn = ctx->conn;

    if (conn == NULL
        || ctx->token.len > NGX_HTTP_HARS_MEMO_TOKEN
        || (ngx_msec_int_t) (ctx->deadline - ngx_current_msec) <= 0)
    {
        return;
    }

    slot = NULL;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {

        if (conn->slots[i].endpoint == NULL
            || (conn->slots[i].endpoint == ctx->endpoint
                && conn->slots[i].token_len == ctx->token.len
                && ngx_http_hars_equal(conn->slots[i].data, ctx->token.data,
                                       ctx->token.len)))
        {
            slot = &conn->slots[i];
            break;
        }
    }

    if (slot == NULL) {
        slot = &conn->slots[conn->next];
        conn->next++;
    }

    len = ctx->token.len + ctx->len;

    if (slot->size < len) {
        ngx_http_hars_slot_wipe(slot);

        slot->data = ngx_alloc(len, ngx_cycle->log);
        if (slot->data == NULL) {
            return;
        }

        slot->size = len;
    }

    slot->generation = ngx_http_hars_zone_generation(ctx->endpoint->zone,
                                                     ctx->key);
    slot->seen = *slot->generation;
    slot->deadline = ctx->deadline;
    slot->token_len = ctx->token.len;
    slot->record_len = ctx->len;
    slot->endpoint = ctx->endpoint;

    ngx_memcpy(slot->id, ctx->id, NGX_HTTP_HARS_TOKEN_ID_LEN);
    ngx_memcpy(slot->data, ctx->token.data, ctx->token.len);
    ngx_memcpy(slot->data + ctx->token.len, ctx->data, ctx->len);
}


void
ngx_http_hars_memo_wipe(ngx_http_hars_conn_t *conn)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        ngx_http_hars_slot_wipe(&conn->slots[i]);
    }
}


static void
ngx_http_hars_slot_wipe(ngx_http_hars_slot_t *slot)
{
    if (slot->data) {
        ngx_explicit_memzero(slot->data, slot->size);
        ngx_free(slot->data);
    }

    ngx_memzero(slot, sizeof(ngx_http_hars_slot_t));
}


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
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;
        return NGX_OK;
    }

    return ngx_http_hars_zone_create(zone);
}


static ngx_int_t
ngx_http_hars_zone_create(ngx_http_hars_zone_t *zone)
{
    u_char              *p;
    size_t               size, cells, negative, buckets;
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

    p = ngx_align_ptr((u_char *) sh + sizeof(ngx_http_hars_sh_t),
                      sizeof(ngx_http_hars_cell_t));
    size -= p - (u_char *) sh;

    cells = size / sizeof(ngx_http_hars_cell_t);
    negative = ngx_max(cells / NGX_HTTP_HARS_NEGATIVE,
                       ngx_min(cells / 16, NGX_HTTP_HARS_NEGATIVE_MIN));

    sh->negative.mask = ngx_http_hars_zone_buckets(negative) - 1;
    sh->records.mask = ngx_http_hars_zone_buckets(cells / 4) - 1;

    buckets = (size_t) sh->negative.mask + sh->records.mask + 2;
    cells = (size - buckets * sizeof(uint32_t))
            / sizeof(ngx_http_hars_cell_t);

    sh->negative.ncells = ngx_min(negative, 0xffffff00);
    sh->records.ncells = ngx_min(cells - negative, 0xffffff00);

    sh->negative.cells = (ngx_http_hars_cell_t *) p;
    sh->records.cells = sh->negative.cells + sh->negative.ncells;
    sh->negative.buckets = (uint32_t *) (sh->records.cells
                                         + sh->records.ncells);
    sh->records.buckets = sh->negative.buckets + sh->negative.mask + 1;

    ngx_http_hars_part_empty(&sh->negative);
    ngx_http_hars_part_empty(&sh->records);

    sh->negative.emptied = 0;
    sh->records.emptied = 0;

    return NGX_OK;
}


static uint32_t
ngx_http_hars_zone_buckets(size_t cells)
{
    uint32_t  n;

    for (n = 16; n < cells && n < 0x40000000; n <<= 1) { /* void */ }

    return n / 2;
}


void
ngx_http_hars_zone_secret(ngx_http_hars_zone_t *zone, u_char *secret)
{
    ngx_memcpy(secret, zone->has_key ? zone->secret : zone->sh->secret,
               HARS_SECRET_LEN);
}


ngx_atomic_t *
ngx_http_hars_zone_generation(ngx_http_hars_zone_t *zone, u_char *key)
{
    ngx_uint_t  n;

    n = (key[4] << 8 | key[5]) & (NGX_HTTP_HARS_GENERATIONS - 1);

    return &zone->sh->generation[n];
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


ngx_int_t
ngx_http_hars_zone_get(ngx_http_hars_zone_t *zone, u_char *key, u_char *dst,
    size_t *len, ngx_msec_t *deadline)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_http_hars_cell_t  *cell;
    ngx_http_hars_part_t  *part, *parts[2];

    parts[0] = &zone->sh->negative;
    parts[1] = &zone->sh->records;

    rc = NGX_DECLINED;

    ngx_http_hars_zone_lock(zone);

    for (i = 0; i < 2; i++) {
        part = parts[i];

        cell = ngx_http_hars_part_find(part, key);
        if (cell == NULL) {
            continue;
        }

        if (cell->u.head.deadline <= ngx_current_msec) {
            ngx_http_hars_part_remove(part, cell);
            continue;
        }

        cell->used = 1;
        *len = cell->len;
        *deadline = cell->u.head.deadline;
        ngx_http_hars_cell_read(part, cell, dst);

        rc = NGX_OK;
        break;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


void
ngx_http_hars_zone_put(ngx_http_hars_zone_t *zone, u_char *key,
    u_char *record, size_t len, ngx_msec_t deadline)
{
    ngx_http_hars_cell_t  *cell;
    ngx_http_hars_part_t  *negative, *records;

    negative = &zone->sh->negative;
    records = &zone->sh->records;

    ngx_http_hars_zone_lock(zone);

    cell = ngx_http_hars_part_find(negative, key);

    /* an older answer that comes late does not undo a denial */

    if (cell && len && cell->u.head.deadline > ngx_current_msec) {
        ngx_shmtx_unlock(&zone->shpool->mutex);
        return;
    }

    if (cell) {
        ngx_http_hars_part_remove(negative, cell);
    }

    cell = ngx_http_hars_part_find(records, key);
    if (cell) {
        ngx_http_hars_part_remove(records, cell);
    }

    if (len == 0) {
        (void) ngx_atomic_fetch_add(ngx_http_hars_zone_generation(zone, key),
                                    1);
    }

    ngx_http_hars_part_insert(len ? records : negative, key, record, len,
                              deadline);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static void
ngx_http_hars_zone_lock(ngx_http_hars_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    /* who changed the part died in it */

    if (zone->sh->negative.dirty) {
        ngx_http_hars_part_empty(&zone->sh->negative);
    }

    if (zone->sh->records.dirty) {
        ngx_http_hars_part_empty(&zone->sh->records);
    }
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
ngx_http_hars_part_remove(ngx_http_hars_part_t *part,
    ngx_http_hars_cell_t *cell)
{
    uint32_t               n, more, *prev;
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

    for ( /* void */ ; n; n = more) {
        c = ngx_http_hars_cell(part, n);
        more = c->more;

        c->next = part->free;
        part->free = n;
        part->nfree++;
    }

    part->entries--;

    ngx_memory_barrier();
    part->dirty = 0;
}


static void
ngx_http_hars_part_insert(ngx_http_hars_part_t *part, u_char *key,
    u_char *record, size_t len, ngx_msec_t deadline)
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
    head->u.head.deadline = deadline;
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

        if (!cell->used || cell->u.head.deadline <= ngx_current_msec) {
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

    for (rest = cell->len - n; rest; rest -= n) {
        cell = ngx_http_hars_cell(part, cell->more);
        n = ngx_min(rest, NGX_HTTP_HARS_CELL_DATA);
        dst = ngx_cpymem(dst, cell->u.data, n);
    }
}
