
/*
 * L1 against a model: what is put is got until its deadline, in whatever
 * length; a full part evicts and keeps what is new; denials have a part of
 * their own and are not undone; a change that was cut short empties its part.
 */

/* link: common/hars_record.c -lcrypto */

#include "../../ngx_hars_module/ngx_http_hars_cache.c"

#include "ngx_stub.h"
#include "tap.h"


#define ZONE   (1024 * 1024)
#define PAGES  (ZONE / 4096)


volatile ngx_msec_t     ngx_current_msec = 1000;
volatile ngx_time_t    *ngx_cached_time;
ngx_uint_t              ngx_pagesize = 4096;
volatile ngx_cycle_t   *ngx_cycle;

static ngx_slab_pool_t       pool;
static ngx_shm_zone_t        shm;
static ngx_http_hars_zone_t  zone;
static int                   locked;


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    locked--;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *p, size_t size)
{
    return calloc(1, size);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    memset(buf, 0, n);
}


ngx_int_t
ngx_http_hars_random(u_char *dst, size_t len)
{
    memset(dst, 7, len);
    return NGX_OK;
}


ngx_int_t
ngx_http_hars_equal(u_char *a, u_char *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}


static uint32_t  state = 1;

static uint32_t
noise(void)
{
    state = state * 1664525 + 1013904223;
    return state >> 8;
}


/* a key spread as an HMAC is, and the bytes of its record */

static void
key_of(u_char key[HARS_KEY_LEN], uint32_t n)
{
    uint32_t  i, h;

    for (i = 0; i < HARS_KEY_LEN; i++) {
        h = (n + 1) * 2654435761u + i * 40503u;
        h ^= h >> 15;
        key[i] = (u_char) (h * 2246822519u >> 24);
    }

    memcpy(key + 8, &n, sizeof(n));
}


static void
record_of(u_char *record, size_t len, uint32_t n)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        record[i] = (u_char) (n * 31 + i * 7);
    }
}


static void
create(void)
{
    free(zone.sh);
    ngx_memzero(&pool, sizeof(pool));
    ngx_memzero(&zone, sizeof(zone));
    ngx_memzero(&shm, sizeof(shm));

    pool.pfree = PAGES;
    zone.shpool = &pool;
    shm.shm.addr = (u_char *) &pool;
    shm.data = &zone;

    if (ngx_http_hars_zone_init(&shm, NULL) != NGX_OK) {
        exit(1);
    }
}


static void
put(uint32_t n, size_t len, ngx_msec_t deadline)
{
    u_char  key[HARS_KEY_LEN], record[HARS_RECORD_MAX];

    key_of(key, n);
    record_of(record, len, n);
    ngx_http_hars_zone_put(&zone, key, record, len, deadline);
}


/* the length found, -1 nothing, -2 other bytes */

static int
get(uint32_t n)
{
    size_t      len;
    u_char      key[HARS_KEY_LEN];
    u_char      record[HARS_RECORD_MAX], want[HARS_RECORD_MAX];
    ngx_msec_t  deadline;

    key_of(key, n);

    if (ngx_http_hars_zone_get(&zone, key, record, &len, &deadline)
        != NGX_OK)
    {
        return -1;
    }

    record_of(want, len, n);

    return memcmp(record, want, len) == 0 ? (int) len : -2;
}


/* cells in chains, free and fresh are all cells; chains end */

static int
sound(ngx_http_hars_part_t *part)
{
    uint32_t               i, n, m, used, entries, queued, nfree;
    ngx_http_hars_cell_t  *cell;

    used = 0;
    entries = 0;

    for (i = 0; i <= part->mask; i++) {
        for (n = part->buckets[i]; n; n = cell->next) {
            cell = ngx_http_hars_cell(part, n);

            if (n > part->fresh || ++entries > part->ncells)
            {
                return 0;
            }

            for (m = n; m; m = ngx_http_hars_cell(part, m)->more) {
                if (++used > part->ncells) {
                    return 0;
                }
            }
        }
    }

    for (queued = 0, m = 0, n = part->oldest; n; n = cell->u.head.newer) {
        cell = ngx_http_hars_cell(part, n);

        if (cell->u.head.older != m || ++queued > part->ncells) {
            return 0;
        }

        m = n;
    }

    if (m != part->newest || queued != entries) {
        return 0;
    }

    nfree = part->ncells - part->fresh;

    for (n = part->free; n; n = ngx_http_hars_cell(part, n)->next) {
        if (++nfree > part->ncells) {
            return 0;
        }
    }

    return entries == part->entries && nfree == part->nfree
           && used + nfree == part->ncells && !part->dirty && !locked;
}


static void
lengths(void)
{
    int       bad;
    uint32_t  n;

    create();

    for (bad = 0, n = 1; n <= HARS_RECORD_MAX; n += (n < 200 ? 1 : 37)) {
        put(n, n, 5000);
        bad += (get(n) != (int) n);
    }

    ok(bad == 0, "records of every length");

    ngx_current_msec = 4999;
    put(9000, 100, 5000);
    ok(get(9000) == 100, "before its deadline");
    ngx_current_msec = 5000;
    ok(get(9000) == -1 && sound(&zone.sh->records),
       "at its deadline it is gone");
    ngx_current_msec = 1000;
    ok(get(9000) == -1, "and removed");
}


static void
model(void)
{
    int       bad, got;
    size_t    len[512];
    uint32_t  i, n;

    create();
    memset(len, 0, sizeof(len));

    /* few enough to fit: nothing may be evicted */

    for (bad = 0, i = 0; i < 20000; i++) {
        n = noise() % 512;

        if (noise() % 3) {
            got = get(n);
            bad += (got != (len[n] ? (int) len[n] : -1));

        } else {
            len[n] = 1 + noise() % 500;
            put(n, len[n], 100000);
        }
    }

    ok(bad == 0, "20,000 operations agree with the model");
    ok(sound(&zone.sh->records), "the part is sound");
    ok(zone.sh->records.evicted == 0, "nothing was evicted");
}


static void
full(void)
{
    int       missed, bad;
    u_char    key[HARS_KEY_LEN];
    uint32_t  n;

    create();

    for (bad = 0, missed = 0, n = 0; n < 30000; n++) {
        put(n, 40 + n * 13 % 400, 100000);

        /* what came some insertions ago is there, looked up or not */

        if (n >= 1000) {
            key_of(key, n - 1000);
            missed += (ngx_http_hars_part_find(&zone.sh->records, key)
                       == NULL);
        }

        /* and two that are used, one of them as old as the zone */

        if (n % 50 == 0) {
            missed += (get(0) == -1);
            bad += (get(n / 2) == -2);
        }
    }

    ok(bad == 0 && sound(&zone.sh->records),
       "30,000 records into a zone for fewer: sound");
    ok(zone.sh->records.evicted > 20000, "evicted");
    ok(missed == 0, "new ones and used ones stay");
}


static void
denials(void)
{
    int            bad;
    uint32_t       n;
    u_char         key[HARS_KEY_LEN];
    ngx_atomic_t  *generation, before;

    create();
    put(1, 100, 5000);
    key_of(key, 1);
    generation = ngx_http_hars_zone_generation(&zone, key);
    before = *generation;
    put(1, 0, 3000);
    ok(get(1) == 0, "a denial replaces a record");
    ok(*generation == before + 1, "and is told to L0");
    put(1, 100, 5000);
    ok(get(1) == 0, "a late record does not undo it");
    ngx_current_msec = 3000;
    put(1, 100, 5000);
    ok(get(1) == 100, "once it has ended, one does");
    ngx_current_msec = 1000;

    create();

    for (n = 0; n < 500; n++) {
        put(n, 300, 100000);
    }

    for (n = 1000; n < 50000; n++) {
        put(n, 0, 100000);
    }

    for (bad = 0, n = 0; n < 500; n++) {
        bad += (get(n) != 300);
    }

    ok(bad == 0, "49,000 denials displace no record");
    ok(sound(&zone.sh->negative) && sound(&zone.sh->records),
       "both parts are sound");
}


static void
killed(void)
{
    create();
    put(1, 300, 100000);
    put(2, 0, 100000);

    zone.sh->records.dirty = 1;
    ok(get(1) == -1, "a worker died in the records: they are gone");
    ok(get(2) == 0, "the denials are not");
    put(3, 300, 100000);
    ok(get(3) == 300 && sound(&zone.sh->records), "and it goes on");

    zone.sh->negative.dirty = 1;
    ok(get(2) == -1 && get(3) == 300, "the same the other way round");
}


static void
ttl(void)
{
    ngx_time_t     now;
    hars_record_t  rec;

    ngx_cached_time = &now;
    now.sec = 1800000000;
    now.msec = 500;
    zone.ttl = 60000;

    ngx_memzero(&rec, sizeof(rec));
    rec.checked_at = 1800000000500;

#define TTL()  ngx_http_hars_record_ttl(&zone, &rec)

    ok(TTL() > 52000 && TTL() <= 60000, "ttl, jittered");
    rec.checked_at -= 59000;
    ok(TTL() > 870 && TTL() <= 1000, "what is left of it");
    rec.checked_at -= 1000;
    ok(TTL() == 0, "nothing is left");
    rec.checked_at = 1800000000500 + 20000;
    ok(TTL() == 0, "from a future that is none");
    rec.checked_at = 1800000000500 + 5000;
    ok(TTL() <= 60000, "of a clock that is a little ahead");

    rec.has_exp = 1;
    rec.exp = 1800000002;
    ok(TTL() > 1300 && TTL() <= 1500, "never beyond exp");
    rec.exp = 1800000000;
    ok(TTL() == 0, "at exp");
    rec.exp = INT64_MIN;
    ok(TTL() == 0, "long expired");
    rec.exp = INT64_MAX;
    ok(TTL() > 52000, "an exp without an end");
}


int
main(void)
{
    lengths();
    model();
    full();
    denials();
    killed();
    ttl();
    free(zone.sh);

    return tap_done();
}
