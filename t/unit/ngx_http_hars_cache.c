
/*
 * L1 against a model: what is put is got until its deadline, in whatever
 * length; a full part evicts and keeps what is new; denials have a part of
 * their own and are not undone; a change that was cut short empties its part.
 * And how far an entry is believed: with and without news of revocations,
 * after a gap, past its end; and which workers say what is known of them.
 */

/* link: common/hars_record.c -lcrypto */

#include "../../ngx_hars_module/ngx_http_hars_cache.c"
#include "../../ngx_hars_module/ngx_http_hars_zone.c"

#include "ngx_stub.h"
#include "tap.h"


#define ZONE   (1024 * 1024)

/* nginx keeps 24 bytes for each page */
#define PAGES(size)  ((size) / (4096 + 24))


volatile ngx_msec_t     ngx_current_msec = 1000;
volatile ngx_time_t    *ngx_cached_time;
ngx_uint_t              ngx_pagesize = 4096;
volatile ngx_cycle_t   *ngx_cycle;

static ngx_slab_pool_t       pool;
static ngx_shm_zone_t        shm;
static ngx_http_hars_zone_t  zone;
static int                   locked;
static int                   poisoned;
static int                   torn;
static int                   full_set;


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


void
ngx_time_update(void)
{
}


/* the other parts of a zone have tests of their own */

size_t
ngx_http_hars_table_size(size_t zone_size)
{
    return ngx_min(4096, zone_size / 1024) * 112;
}


ngx_http_hars_table_t *
ngx_http_hars_table_create(u_char *p, size_t zone_size)
{
    return NULL;
}


void
ngx_http_hars_table_check(ngx_http_hars_table_t *table)
{
}


size_t
ngx_http_hars_revoked_size(size_t zone_size)
{
    return ngx_min(16384, zone_size / 2048) * 40;
}


ngx_http_hars_revoked_t *
ngx_http_hars_revoked_create(u_char *p, size_t zone_size)
{
    return NULL;
}


ngx_int_t
ngx_http_hars_revoked_check(ngx_http_hars_revoked_t *revoked)
{
    return torn ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_http_hars_revoked_full(ngx_http_hars_zone_t *z)
{
    return full_set;
}


void
ngx_http_hars_flight_poison(ngx_http_hars_zone_t *z, u_char *key)
{
    poisoned++;
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
create(size_t size)
{
    free(zone.sh);
    ngx_memzero(&pool, sizeof(pool));
    ngx_memzero(&zone, sizeof(zone));
    ngx_memzero(&shm, sizeof(shm));

    pool.pfree = PAGES(size);
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
    u_char                 key[HARS_KEY_LEN], record[HARS_RECORD_MAX];
    ngx_http_hars_entry_t  entry;

    key_of(key, n);
    record_of(record, len, n);

    ngx_http_hars_zone_lock(&zone);

    if (len) {
        entry.asked = ngx_current_msec;
        entry.deadline = deadline;
        ngx_http_hars_cache_put(&zone, key, record, len, &entry);

    } else {
        ngx_http_hars_cache_deny(&zone, key, deadline);
    }

    ngx_http_hars_zone_unlock(&zone);
}


/* the length found, -1 nothing, -2 other bytes */

static int
get_stale(uint32_t n, ngx_msec_t stale)
{
    size_t                 len;
    u_char                 key[HARS_KEY_LEN];
    u_char                 record[HARS_RECORD_MAX], want[HARS_RECORD_MAX];
    ngx_http_hars_entry_t  entry;

    key_of(key, n);

    if (ngx_http_hars_zone_get(&zone, key, stale, record, &len, &entry)
        != NGX_OK)
    {
        return -1;
    }

    record_of(want, len, n);

    return memcmp(record, want, len) == 0 ? (int) len : -2;
}


static int
get(uint32_t n)
{
    return get_stale(n, 0);
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

    create(ZONE);

    for (bad = 0, n = 1; n <= HARS_RECORD_MAX; n += (n < 200 ? 1 : 37)) {
        put(n, n, 5000);
        bad += (get(n) != (int) n);
    }

    ok(bad == 0, "records of every length");

    ngx_current_msec = 4999;
    put(9000, 100, 5000);
    ok(get(9000) == 100, "before its deadline");
    ngx_current_msec = 5000;
    ok(get(9000) == -1 && sound(&zone.sh->cache->records),
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

    create(ZONE);
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
    ok(sound(&zone.sh->cache->records), "the part is sound");
    ok(zone.sh->cache->records.evicted == 0, "nothing was evicted");
}


static void
full(void)
{
    int                   missed, bad;
    u_char                key[HARS_KEY_LEN];
    uint32_t              n;
    ngx_http_hars_fill_t  fill[2];

    create(ZONE);

    for (bad = 0, missed = 0, n = 0; n < 30000; n++) {
        put(n, 40 + n * 13 % 400, 100000);

        /* what came some insertions ago is there, looked up or not */

        if (n >= 1000) {
            key_of(key, n - 1000);
            missed += (ngx_http_hars_part_find(&zone.sh->cache->records,
                                               key)
                       == NULL);
        }

        /* and two that are used, one of them as old as the zone */

        if (n % 50 == 0) {
            missed += (get(0) == -1);
            bad += (get(n / 2) == -2);
        }
    }

    ok(bad == 0 && sound(&zone.sh->cache->records),
       "30,000 records into a zone for fewer: sound");
    ok(zone.sh->cache->records.evicted > 20000, "evicted");
    ok(missed == 0, "new ones and used ones stay");

    ngx_http_hars_zone_fill(&zone, fill);
    ok(fill[0].entries == zone.sh->cache->records.entries
       && fill[0].evicted == zone.sh->cache->records.evicted
       && fill[0].used <= fill[0].size
       && fill[0].used > fill[0].size - HARS_RECORD_MAX
       && fill[0].size % 64 == 0 && fill[0].size < ZONE,
       "how full it is");

    put(1, 0, 100000);
    ngx_http_hars_zone_fill(&zone, fill);
    ok(fill[1].entries == 1 && fill[1].used == 64 && fill[1].evicted == 0
       && fill[1].size < fill[0].size && !locked,
       "and the other part");
}


static void
denials(void)
{
    int            bad;
    uint32_t       n;
    u_char         key[HARS_KEY_LEN];
    ngx_atomic_t  *generation, before;

    create(ZONE);
    put(1, 100, 5000);
    key_of(key, 1);
    generation = ngx_http_hars_cache_generation(zone.sh->cache, key);
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

    create(ZONE);

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
    ok(sound(&zone.sh->cache->negative) && sound(&zone.sh->cache->records),
       "both parts are sound");
}


static void
killed(void)
{
    create(ZONE);
    put(1, 300, 100000);
    put(2, 0, 100000);

    zone.sh->cache->records.dirty = 1;
    ok(get(1) == -1, "a worker died in the records: they are gone");
    ok(get(2) == 0, "the denials are not");
    put(3, 300, 100000);
    ok(get(3) == 300 && sound(&zone.sh->cache->records), "and it goes on");

    zone.sh->cache->negative.dirty = 1;
    ok(get(2) == -1 && get(3) == 300, "the same the other way round");
}


static void
revocations(void)
{
    u_char         key[HARS_KEY_LEN];
    ngx_atomic_t  *generation, before;

    create(ZONE);
    zone.ttl = 60000;
    key_of(key, 1);
    generation = ngx_http_hars_cache_generation(zone.sh->cache, key);

    put(1, 100, 50000);
    before = *generation;
    poisoned = 0;
    ngx_http_hars_revoke(&zone, key);
    ok(get(1) == 0 && get_stale(1, 100000) == 0, "a revocation denies");
    ok(*generation == before + 1 && poisoned == 1,
       "is told to L0 and to what is on its way");

    ngx_http_hars_revoke(&zone, key);
    ok(zone.counters[NGX_HTTP_HARS_C_REVOKED_TOKEN] == 1,
       "told by another worker, too, it counts once");

    put(1, 100, 50000);
    put(1, 0, 2000);
    ngx_current_msec = 3000;
    put(1, 100, 50000);
    ok(get(1) == 0, "no answer undoes it, not even through a denial");
    ngx_current_msec = 61000;
    ok(get(1) == 0, "for as long as a sealed record would be believed");
    ngx_current_msec = 71000;
    put(1, 100, 90000);
    ok(get(1) == 100 && sound(&zone.sh->cache->records), "then it ends");
    ngx_current_msec = 1000;
}


static void
believed(void)
{
    create(ZONE);
    zone.cap = 5000;
    zone.pushed = 1;
    zone.stale = 10000;

    ngx_current_msec = 20000;
    put(1, 100, 60000);
    ngx_current_msec = 24999;
    ok(get(1) == 100, "never any news: believed for cap");
    ngx_current_msec = 25000;
    ok(get(1) == -1 && get_stale(1, 2000) == 100, "then only as stale");

    zone.sh->seen = 24000;
    ok(get(1) == 100, "news came: believed again");
    ngx_current_msec = 29000;
    ok(get(1) == -1 && get_stale(1, 5000) == 100, "for cap after them");
    ngx_current_msec = 34000;
    ok(get_stale(1, 5000) == -1, "stale, as long as was allowed");

    zone.sh->seen = 34000;
    ok(get(1) == 100, "news again");
    ngx_http_hars_suspect(&zone);
    ok(get(1) == -1, "a gap in them: not believed");
    ok(get_stale(1, 5000) == 100, "but as stale");
    ok(ngx_http_hars_asked(&zone) > ngx_current_msec,
       "a question of the same millisecond comes after it");
    zone.sh->seen = 36000;
    ngx_current_msec = 36000;
    ok(get(1) == -1, "nor by later news");
    ngx_current_msec = 39000;
    ok(get_stale(1, 5000) == -1, "stale since the gap");

    put(1, 100, 60000);
    ok(get(1) == 100, "asked again, it is");
    zone.sh->seen = 60000;
    ngx_current_msec = 60000;
    ok(get(1) == -1 && get_stale(1, 5000) == 100, "the deadline is one");
    ngx_current_msec = 70000;
    ok(get_stale(1, 10000) == -1 && zone.sh->cache->records.entries == 0,
       "when nobody may want it any more it goes");

    put(2, 0, 75000);
    zone.sh->seen = 0;
    ngx_current_msec = 74999;
    ok(get(2) == 0, "a denial needs no news");

    full_set = 1;
    put(3, 100, 100000);
    zone.sh->seen = 75000;
    ngx_current_msec = 76000;
    ok(get(3) == -1, "not all revoked certificates known: hardly believed");
    full_set = 0;
    ok(get(3) == 100, "all known: believed");

    zone.sh->position.known = 1;
    torn = 1;
    (void) get(3);
    ok(zone.sh->seen == 0 && !zone.sh->position.known,
       "a change of that set cut short: to be loaded again");
    torn = 0;

    zone.pushed = 0;
    ngx_current_msec = 99999;
    ok(get(3) == 100, "revocations not pushed: the deadline alone");
    ngx_current_msec = 1000;
}


/* workers that begin: of which configuration, and which Redis they follow */

static ngx_uint_t
begins(ngx_http_hars_zone_t *worker, ngx_msec_t configured, uint32_t source)
{
    *worker = zone;
    worker->configured = configured;
    worker->source = source;

    ngx_http_hars_zone_follow(worker);

    return ngx_http_hars_zone_follows(worker);
}


static ngx_uint_t
knows(void)
{
    return zone.sh->epoch == 7 && zone.sh->position.known
           && zone.sh->seen == 500;
}


static void
sources(void)
{
    ngx_http_hars_zone_t  one, two, late;

    create(ZONE);

    ok(begins(&one, 100, 1) && zone.sh->source == 1, "a worker follows");

    zone.sh->epoch = 7;
    zone.sh->position.known = 1;
    zone.sh->seen = 500;

    ok(begins(&two, 100, 1) && knows(), "another one begins where it was");
    ok(begins(&two, 200, 1) && knows(), "over a reload, too");
    ok(!ngx_http_hars_zone_follows(&one), "who leaves says nothing more");

    ok(begins(&one, 300, 2) && zone.sh->epoch == 0
       && !zone.sh->position.known && zone.sh->seen == 0,
       "at another Redis nothing is known");

    zone.sh->epoch = 7;
    zone.sh->position.known = 1;
    zone.sh->seen = 500;

    ok(!begins(&late, 200, 1) && knows()
       && ngx_http_hars_zone_follows(&one),
       "who begins late, and is to leave, changes nothing");

    zone.sh->source = 1;
    ok(begins(&one, 300, 2) && !knows() && zone.sh->source == 2,
       "a change that was cut short is made again");
    ok(locked == 0, "the mutex is free");
}


static void
renewal(void)
{
    u_char                 key[HARS_KEY_LEN];
    ngx_http_hars_entry_t  entry;

    create(ZONE);
    zone.cap = 4000;
    ngx_memzero(key, sizeof(key));
    entry.asked = 10000;
    entry.deadline = 60000;

#define AT(refresh)  ngx_http_hars_renew_at(&zone, key, &entry, refresh)

    ok(AT(5000) == 55000 && AT(0) > 1000000, "so long before the deadline");
    zone.pushed = 1;
    ngx_current_msec = 12000;
    zone.sh->seen = 11500;
    ok(AT(5000) == 55000, "news come: the same");
    ngx_current_msec = 14000;
    ok(AT(5000) == 12500, "none come: ahead of the cap");
    key[6] = 255;
    ok(AT(5000) == 14500, "not all at once");
    ngx_current_msec = 1000;
}


static void
million(void)
{
    int       bad;
    uint32_t  n, probes, i;
    uint32_t  m;

    create(400 * 1000 * 1000);

    for (n = 0; n < 1000000; n++) {
        put(n, 233, 100000);
    }

    ok(zone.sh->cache->records.evicted == 0
       && zone.sh->cache->records.entries == 1000000,
       "1,000,000 reference records in 400,000,000 bytes");

    for (bad = 0, n = 0; n < 1000000; n += 997) {
        bad += (get(n) != 233);
    }

    ok(bad == 0, "all there");

    for (probes = 0, i = 0; i <= zone.sh->cache->records.mask; i++) {
        for (n = 0, m = zone.sh->cache->records.buckets[i]; m;
             m = ngx_http_hars_cell(&zone.sh->cache->records, m)->next)
        {
            probes += ++n;
        }
    }

    ok(probes < 1700000, "%u.%02u cells are looked at for one",
       probes / 1000000, probes / 10000 % 100);
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
    revocations();
    believed();
    sources();
    renewal();
    million();
    ttl();
    free(zone.sh);

    return tap_done();
}
