
/* See tlsload_times.h for what this is. */

#include "tlsload_times.h"

#include <string.h>


static unsigned hars_times_bucket(uint64_t us);
static uint64_t hars_times_end(unsigned bucket);


void
hars_times_add(hars_times_t *times, uint64_t us)
{
    times->bucket[hars_times_bucket(us)]++;
    times->n++;
}


uint64_t
hars_times_part(const hars_times_t *times, double part)
{
    unsigned  i;
    uint64_t  n, wanted;

    if (times->n == 0) {
        return 0;
    }

    wanted = (uint64_t) ((double) times->n * part + 0.999999);

    for (i = 0, n = 0; i < HARS_TIMES_BUCKETS - 1; i++) {
        n += times->bucket[i];

        if (n && n >= wanted) {
            break;
        }
    }

    return hars_times_end(i);
}


static unsigned
hars_times_bucket(uint64_t us)
{
    unsigned  shift;

    if (us < 2 * HARS_TIMES_DIVISION) {
        return (unsigned) us;
    }

    shift = 63 - __builtin_clzll(us) - __builtin_ctz(HARS_TIMES_DIVISION);

    return shift * HARS_TIMES_DIVISION + (unsigned) (us >> shift);
}


/* the highest value that falls into it */
static uint64_t
hars_times_end(unsigned bucket)
{
    uint64_t  top;
    unsigned  shift;

    if (bucket < 2 * HARS_TIMES_DIVISION) {
        return bucket;
    }

    shift = bucket / HARS_TIMES_DIVISION - 1;
    top = bucket - shift * HARS_TIMES_DIVISION;

    return ((top + 1) << shift) - 1;
}


void
hars_pieces_add(hars_pieces_t *pieces, uint64_t us)
{
    if (pieces->n == 0) {
        return;
    }

    hars_times_add(&pieces->one, us);

    if (pieces->one.n < pieces->n) {
        return;
    }

    hars_times_add(&pieces->p99, hars_times_part(&pieces->one, 0.99));
    hars_times_add(&pieces->p999, hars_times_part(&pieces->one, 0.999));
    memset(&pieces->one, 0, sizeof(pieces->one));
}


void
hars_pieces_clear(hars_pieces_t *pieces)
{
    uint64_t  n;

    n = pieces->n;
    memset(pieces, 0, sizeof(hars_pieces_t));
    pieces->n = n;
}
