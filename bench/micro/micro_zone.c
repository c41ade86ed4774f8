
/*
 * L1 in one zone of 400,000,000 bytes, as it fills: what a lookup costs must
 * not grow with the number of records; and what it costs to put a record into
 * a zone that is full, where another has to go.  The mutex is taken and given
 * back, as in nginx.
 */

#include "micro.h"

#include "ngx_http_hars.h"

#include <stdlib.h>


#define HARS_MICRO_ZONE    (400 * 1000 * 1000)
#define HARS_MICRO_SMALL   (1024 * 1024)
#define HARS_MICRO_RECORD  233       /* bytes of the reference record */


static void hars_micro_fill(unsigned n);
static void hars_micro_lookup(unsigned i);
static void hars_micro_full(unsigned n);
static void hars_micro_new(unsigned i);
static void hars_micro_put(unsigned i);
static void hars_micro_create(size_t size);
static void hars_micro_insert(u_char *key);
static ngx_uint_t hars_micro_evicted(void);


const hars_micro_t  hars_micro_zone[] = {
    { .name = "L1 lookup, 1,000 records",
      .call = hars_micro_lookup, .setup = hars_micro_fill, .n = 1000 },
    { .name = "L1 lookup, 10,000 records",
      .call = hars_micro_lookup, .setup = hars_micro_fill, .n = 10000 },
    { .name = "L1 lookup, 100,000 records",
      .call = hars_micro_lookup, .setup = hars_micro_fill, .n = 100000 },
    { .name = "L1 lookup, 1,000,000 records",
      .call = hars_micro_lookup, .setup = hars_micro_fill, .n = 1000000 },
    { .name = "L1 store, the oldest goes",
      .call = hars_micro_put, .setup = hars_micro_full,
      .prepare = hars_micro_new },
    { .name = NULL }
};


static ngx_http_hars_zone_t  hars_micro_l1;
static ngx_slab_pool_t       hars_micro_slab;
static ngx_shm_zone_t        hars_micro_shm;
static ngx_atomic_t          hars_micro_mutex;
static unsigned              hars_micro_records;
static u_char                hars_micro_stored[HARS_RECORD_MAX];

static u_char  hars_micro_keys[HARS_MICRO_TIMED][HARS_KEY_LEN];


/* so many records in all, and which of them are asked for */

static void
hars_micro_fill(unsigned n)
{
    u_char    key[HARS_KEY_LEN];
    unsigned  i;

    if (hars_micro_l1.sh == NULL) {
        hars_micro_create(HARS_MICRO_ZONE);
    }

    for ( /* void */ ; hars_micro_records < n; hars_micro_records++) {
        hars_micro_bytes(key, HARS_KEY_LEN, hars_micro_records);
        hars_micro_insert(key);
    }

    for (i = 0; i < HARS_MICRO_TIMED; i++) {
        hars_micro_bytes(hars_micro_keys[i], HARS_KEY_LEN,
                         (unsigned) ((uint64_t) i * 2654435761 % n));
    }
}


static void
hars_micro_lookup(unsigned i)
{
    size_t                 len;
    u_char                 record[HARS_RECORD_MAX];
    ngx_http_hars_entry_t  entry;

    ngx_http_hars_zone_ahead(&hars_micro_l1, hars_micro_keys[i]);

    hars_micro_failed |= ngx_http_hars_zone_get(&hars_micro_l1,
                                                hars_micro_keys[i], 0, record,
                                                &len, &entry)
                         != NGX_OK;
}


/* the large zone is given back */

static void
hars_micro_full(unsigned n)
{
    u_char  key[HARS_KEY_LEN];

    hars_micro_create(HARS_MICRO_SMALL);

    while (hars_micro_evicted() == 0) {
        hars_micro_bytes(key, HARS_KEY_LEN, hars_micro_records++);
        hars_micro_insert(key);
    }
}


static void
hars_micro_new(unsigned i)
{
    hars_micro_bytes(hars_micro_keys[0], HARS_KEY_LEN, hars_micro_records++);
}


static void
hars_micro_put(unsigned i)
{
    hars_micro_insert(hars_micro_keys[0]);
}


double
hars_micro_memory(void)
{
    u_char                key[HARS_KEY_LEN];
    ngx_http_hars_fill_t  fill[2];

    hars_micro_create(HARS_MICRO_ZONE);

    while (hars_micro_evicted() == 0) {
        hars_micro_bytes(key, HARS_KEY_LEN, hars_micro_records++);
        hars_micro_insert(key);
    }

    ngx_http_hars_zone_fill(&hars_micro_l1, fill);

    return (double) HARS_MICRO_ZONE / fill[0].entries;
}


static void
hars_micro_create(size_t size)
{
    free(hars_micro_l1.sh);

    ngx_memzero(&hars_micro_l1, sizeof(hars_micro_l1));
    hars_micro_records = 0;

    /* nginx keeps 24 bytes for each page */

    hars_micro_slab.pfree = size / (ngx_pagesize + 24);
    hars_micro_slab.mutex.lock = &hars_micro_mutex;
    hars_micro_shm.shm.addr = (u_char *) &hars_micro_slab;
    hars_micro_shm.data = &hars_micro_l1;
    hars_micro_l1.pushed = 1;
    hars_micro_l1.cap = 5000;

    hars_micro_bytes(hars_micro_stored, HARS_MICRO_RECORD, 0);

    if (ngx_http_hars_zone_init(&hars_micro_shm, NULL) != NGX_OK) {
        abort();
    }
}


static void
hars_micro_insert(u_char *key)
{
    ngx_http_hars_entry_t  entry;

    entry.asked = ngx_current_msec;
    entry.deadline = ngx_current_msec + 60000;

    ngx_http_hars_zone_lock(&hars_micro_l1);
    ngx_http_hars_cache_put(&hars_micro_l1, key, hars_micro_stored,
                            HARS_MICRO_RECORD, &entry);
    ngx_http_hars_zone_unlock(&hars_micro_l1);
}


static ngx_uint_t
hars_micro_evicted(void)
{
    ngx_http_hars_fill_t  fill[2];

    ngx_http_hars_zone_fill(&hars_micro_l1, fill);

    return fill[0].evicted;
}
