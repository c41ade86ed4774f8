
/*
 * See hars_dcm_block.h for what this is.  The bytes:
 *
 *     version 1, stream, uint16 rows, uint16 missing rows, int64 first time
 *     uint16 of each missing row
 *     columns: time, then values; of each
 *         uint8 order: how often differences were taken, 0 to 2
 *         frames of 64 numbers: 6 bits k, then of each number
 *             its upper bits in unary (ones, a zero), its lower k bits;
 *             from 24 ones on: 64 bits instead
 *
 * Numbers are zigzag (0, -1, 1, -2, ...), little-endian, bits from the lowest.
 * Differences are taken modulo 2^64, so that none is out of range.
 */

#include "hars_dcm_block.h"

#include <math.h>
#include <string.h>


#define HARS_BLOCK_VERSION  1
#define HARS_BLOCK_HEADER   14
#define HARS_BLOCK_FRAME    64
#define HARS_BLOCK_ORDERS   3
#define HARS_BLOCK_ONES     24
#define HARS_BLOCK_LIMIT    1073741823.0  /* of a value in steps */


typedef struct {
    unsigned char  *dst;
    uint64_t        bits;
    unsigned        n;                    /* of bits */
} hars_block_writer_t;

typedef struct {
    const unsigned char  *src;
    const unsigned char  *end;
    uint64_t              bits;
    unsigned              n;
    unsigned              failed:1;
} hars_block_reader_t;


static double hars_block_step(unsigned stream, unsigned axis);
static void hars_block_column(hars_block_writer_t *w, const int64_t *value,
    unsigned n);
static unsigned hars_block_order(const int64_t *value, unsigned n);
static void hars_block_differ(const int64_t *value, unsigned n,
    unsigned order, uint64_t *dst);
static void hars_block_frame(hars_block_writer_t *w, const uint64_t *z,
    unsigned n);
static void hars_block_write(hars_block_writer_t *w, uint64_t value,
    unsigned n);
static void hars_block_uncolumn(hars_block_reader_t *r, int64_t *value,
    unsigned n);
static void hars_block_unframe(hars_block_reader_t *r, uint64_t *z,
    unsigned n);
static uint64_t hars_block_read(hars_block_reader_t *r, unsigned n);
static void hars_block_put(unsigned char *dst, uint64_t value, unsigned n);
static uint64_t hars_block_get(const unsigned char *src, unsigned n);


void
hars_block_columns(unsigned stream, unsigned *from, unsigned *to)
{
    *from = stream == HARS_STREAM_ROTATION ? 3 : 0;
    *to = stream == HARS_STREAM_ACCELERATION ? 3
          : stream == HARS_STREAM_HEART ? 1 : HARS_ML_AXES;
}


static double
hars_block_step(unsigned stream, unsigned axis)
{
    return stream == HARS_STREAM_HEART ? 16 : axis < 3 ? 2048 : 8192;
}


int
hars_block_add(hars_block_t *block, const hars_row_t *row)
{
    double    value;
    int64_t   t;
    unsigned  i, from, to;

    t = llrint(row->t * 1e6);

    if (block->n
        && (block->n == HARS_BLOCK_ROWS || block->stream != row->stream
            || t < block->t[0] || t - block->t[0] >= HARS_BLOCK_SPAN))
    {
        return HARS_DECLINED;
    }

    block->stream = row->stream;
    block->t[block->n] = t;
    block->missing[block->n] = 0;
    hars_block_columns(row->stream, &from, &to);

    for (i = from; i < to; i++) {
        value = row->v[i] * hars_block_step(row->stream, i);

        if (isnan(value)) {
            block->missing[block->n] = 1;
            value = 0;
        }

        value = fmin(fmax(value, -HARS_BLOCK_LIMIT), HARS_BLOCK_LIMIT);
        block->v[i][block->n] = (int32_t) lrint(value);
    }

    block->n++;

    return HARS_OK;
}


int64_t
hars_block_start(const hars_block_t *block)
{
    return block->t[0];
}


int64_t
hars_block_end(const hars_block_t *block)
{
    int64_t   end;
    unsigned  i;

    end = block->t[0];

    for (i = 1; i < block->n; i++) {
        end = block->t[i] > end ? block->t[i] : end;
    }

    return end;
}


void
hars_block_row(const hars_block_t *block, unsigned i, hars_row_t *row)
{
    unsigned  axis, from, to;

    memset(row, 0, sizeof(hars_row_t));
    row->stream = (uint8_t) block->stream;
    row->index = i;
    row->t = (double) block->t[i] / 1e6;

    hars_block_columns(block->stream, &from, &to);

    for (axis = from; axis < to; axis++) {
        row->v[axis] = block->missing[i] ? (double) NAN
                       : block->v[axis][i]
                         / hars_block_step(block->stream, axis);
    }
}


size_t
hars_block_encode(const hars_block_t *block, unsigned char *dst)
{
    int64_t              value[HARS_BLOCK_ROWS];
    unsigned             i, axis, from, to, missing;
    unsigned char       *p;
    hars_block_writer_t  w = { .n = 0 };

    missing = 0;
    p = dst + HARS_BLOCK_HEADER;

    for (i = 0; i < block->n; i++) {
        value[i] = (int64_t) ((uint64_t) block->t[i]
                              - (uint64_t) block->t[0]);

        if (block->missing[i]) {
            hars_block_put(p, i, 2);
            p += 2;
            missing++;
        }
    }

    dst[0] = HARS_BLOCK_VERSION;
    dst[1] = (unsigned char) block->stream;
    hars_block_put(dst + 2, block->n, 2);
    hars_block_put(dst + 4, missing, 2);
    hars_block_put(dst + 6, (uint64_t) block->t[0], 8);

    w.dst = p;
    hars_block_column(&w, value, block->n);
    hars_block_columns(block->stream, &from, &to);

    for (axis = from; axis < to; axis++) {

        for (i = 0; i < block->n; i++) {
            value[i] = block->v[axis][i];
        }

        hars_block_column(&w, value, block->n);
    }

    hars_block_write(&w, 0, 7);

    return (size_t) (w.dst - dst);
}


static void
hars_block_column(hars_block_writer_t *w, const int64_t *value, unsigned n)
{
    uint64_t  z[HARS_BLOCK_ROWS];
    unsigned  i, len, order;

    order = hars_block_order(value, n);
    hars_block_differ(value, n, order, z);
    hars_block_write(w, order, 8);

    for (i = 0; i < n; i += HARS_BLOCK_FRAME) {
        len = n - i < HARS_BLOCK_FRAME ? n - i : HARS_BLOCK_FRAME;
        hars_block_frame(w, z + i, len);
    }
}


/* the one whose differences are smallest */
static unsigned
hars_block_order(const int64_t *value, unsigned n)
{
    uint64_t  z[HARS_BLOCK_ROWS];
    double    sum, least;
    unsigned  i, order, best;

    best = 0;
    least = INFINITY;

    for (order = 0; order < HARS_BLOCK_ORDERS; order++) {
        hars_block_differ(value, n, order, z);
        sum = 0;

        for (i = 0; i < n; i++) {
            sum += (double) z[i];
        }

        if (sum < least) {
            least = sum;
            best = order;
        }
    }

    return best;
}


static void
hars_block_differ(const int64_t *value, unsigned n, unsigned order,
    uint64_t *dst)
{
    uint64_t  x, before, d, last;
    unsigned  i;

    before = 0;
    last = 0;

    for (i = 0; i < n; i++) {
        x = (uint64_t) value[i];
        d = order ? x - before : x;
        before = x;

        if (order == 2) {
            x = d - last;
            last = d;
            d = x;
        }

        dst[i] = d << 1 ^ (d >> 63 ? UINT64_MAX : 0);
    }
}


static void
hars_block_frame(hars_block_writer_t *w, const uint64_t *z, unsigned n)
{
    double    mean;
    unsigned  i, k, ones;

    mean = 0;

    for (i = 0; i < n; i++) {
        mean += (double) z[i];
    }

    /* the lower bits that are as good as random */

    mean = mean / n * 0.7;

    for (k = 0; k < 62 && mean >= 2; k++) {
        mean /= 2;
    }

    hars_block_write(w, k, 6);

    for (i = 0; i < n; i++) {

        if (z[i] >> k >= HARS_BLOCK_ONES) {
            hars_block_write(w, (1 << HARS_BLOCK_ONES) - 1, HARS_BLOCK_ONES);
            hars_block_write(w, z[i] & UINT32_MAX, 32);
            hars_block_write(w, z[i] >> 32, 32);
            continue;
        }

        ones = (unsigned) (z[i] >> k);
        hars_block_write(w, (1u << ones) - 1, ones + 1);

        if (k > 32) {
            hars_block_write(w, z[i] & UINT32_MAX, 32);
            hars_block_write(w, z[i] >> 32 & ((1ull << (k - 32)) - 1),
                             k - 32);

        } else if (k) {
            hars_block_write(w, z[i] & ((1ull << k) - 1), k);
        }
    }
}


/* up to 32 bits */
static void
hars_block_write(hars_block_writer_t *w, uint64_t value, unsigned n)
{
    w->bits |= value << w->n;
    w->n += n;

    while (w->n >= 8) {
        *w->dst++ = (unsigned char) w->bits;
        w->bits >>= 8;
        w->n -= 8;
    }
}


int
hars_block_decode(hars_block_t *block, const unsigned char *src, size_t len)
{
    int64_t              first, value[HARS_BLOCK_ROWS];
    unsigned             i, at, axis, from, to, missing;
    hars_block_reader_t  r = { .n = 0 };

    if (len < HARS_BLOCK_HEADER || src[0] != HARS_BLOCK_VERSION
        || src[1] >= HARS_STREAMS)
    {
        return HARS_ERROR;
    }

    block->stream = src[1];
    block->n = (unsigned) hars_block_get(src + 2, 2);
    missing = (unsigned) hars_block_get(src + 4, 2);
    first = (int64_t) hars_block_get(src + 6, 8);

    if (block->n == 0 || block->n > HARS_BLOCK_ROWS || missing > block->n
        || len - HARS_BLOCK_HEADER < 2 * missing)
    {
        return HARS_ERROR;
    }

    src += HARS_BLOCK_HEADER;
    memset(block->missing, 0, block->n);

    for (i = 0; i < missing; i++) {
        at = (unsigned) hars_block_get(src + 2 * i, 2);

        if (at >= block->n) {
            return HARS_ERROR;
        }

        block->missing[at] = 1;
    }

    r.src = src + 2 * missing;
    r.end = src + len - HARS_BLOCK_HEADER;

    hars_block_uncolumn(&r, value, block->n);

    for (i = 0; i < block->n; i++) {
        block->t[i] = (int64_t) ((uint64_t) value[i] + (uint64_t) first);
    }

    hars_block_columns(block->stream, &from, &to);

    for (axis = from; axis < to && !r.failed; axis++) {
        hars_block_uncolumn(&r, value, block->n);

        for (i = 0; i < block->n; i++) {
            block->v[axis][i] = (int32_t) value[i];
        }
    }

    return r.failed || r.src != r.end ? HARS_ERROR : HARS_OK;
}


static void
hars_block_uncolumn(hars_block_reader_t *r, int64_t *value, unsigned n)
{
    uint64_t  d, last, before, z[HARS_BLOCK_ROWS];
    unsigned  i, len, order;

    order = (unsigned) hars_block_read(r, 8);

    if (order >= HARS_BLOCK_ORDERS) {
        r->failed = 1;
    }

    for (i = 0; i < n && !r->failed; i += HARS_BLOCK_FRAME) {
        len = n - i < HARS_BLOCK_FRAME ? n - i : HARS_BLOCK_FRAME;
        hars_block_unframe(r, z + i, len);
    }

    before = 0;
    last = 0;

    for (i = 0; i < n && !r->failed; i++) {
        d = z[i] >> 1 ^ (z[i] & 1 ? UINT64_MAX : 0);

        if (order == 2) {
            d += last;
            last = d;
        }

        before = order ? before + d : d;
        value[i] = (int64_t) before;
    }
}


static void
hars_block_unframe(hars_block_reader_t *r, uint64_t *z, unsigned n)
{
    uint64_t  ones;
    unsigned  i, k;

    k = (unsigned) hars_block_read(r, 6);

    for (i = 0; i < n && !r->failed; i++) {

        for (ones = 0; ones < HARS_BLOCK_ONES && hars_block_read(r, 1);
             ones++)
        { /* void */ }

        if (ones == HARS_BLOCK_ONES) {
            z[i] = hars_block_read(r, 32);
            z[i] |= hars_block_read(r, 32) << 32;

        } else if (k > 32) {
            z[i] = hars_block_read(r, 32);
            z[i] |= hars_block_read(r, k - 32) << 32;
            z[i] |= ones << k;

        } else {
            z[i] = ones << k | hars_block_read(r, k);
        }
    }
}


static uint64_t
hars_block_read(hars_block_reader_t *r, unsigned n)
{
    uint64_t  value;

    while (r->n < n) {

        if (r->src == r->end) {
            r->failed = 1;
            return 0;
        }

        r->bits |= (uint64_t) *r->src++ << r->n;
        r->n += 8;
    }

    value = r->bits & ((1ull << n) - 1);
    r->bits >>= n;
    r->n -= n;

    return value;
}


static void
hars_block_put(unsigned char *dst, uint64_t value, unsigned n)
{
    for ( /* void */ ; n; n--) {
        *dst++ = (unsigned char) value;
        value >>= 8;
    }
}


static uint64_t
hars_block_get(const unsigned char *src, unsigned n)
{
    uint64_t  value;

    value = 0;

    while (n--) {
        value = value << 8 | src[n];
    }

    return value;
}
