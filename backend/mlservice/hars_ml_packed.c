
/*
 * Rows as application/vnd.hars.samples, all numbers little-endian.  A body is
 * a sequence of blocks; a block is a header of 32 bytes and its rows:
 *
 *      0  4  "HARS"
 *      4  1  version: 1
 *      5  1  stream: 0 all six, 1 acceleration, 2 rotation, 3 heart rate
 *      6  1  values: 0 float32, 1 int16
 *      7  1  0
 *      8  4  uint32 number of rows
 *     12  4  float32 of acceleration and heart rate: the unit of one int16
 *     16  4  float32 of rotation: the unit of one int16
 *     20  4  0
 *     24  8  float64 time of the block, s
 *
 * A row is the uint32 microseconds since the block's time, and 6, 3 or 1
 * values.  What is missing is NaN, or -32768.  Rows count from 0 over the
 * whole body, which comes in pieces that end anywhere.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <string.h>


#define HARS_PACKED_VERSION  1
#define HARS_PACKED_MISSING  -32768


static unsigned hars_packed_unit(hars_unpack_t *packed,
    const unsigned char *p, hars_rows_t *rows, hars_fault_t *fault);
static size_t hars_packed_size(const hars_unpack_t *packed);
static int hars_packed_header(const unsigned char *p,
    hars_packed_block_t *block, hars_fault_t *fault, uint32_t index);
static int hars_packed_row(const unsigned char *p,
    const hars_packed_block_t *block, hars_rows_t *rows, uint32_t index,
    hars_fault_t *fault);
static double hars_packed_value(const unsigned char *p,
    const hars_packed_block_t *block, double unit);
static uint32_t hars_packed_u32(const unsigned char *p);
static double hars_packed_float(const unsigned char *p);
static double hars_packed_double(const unsigned char *p);


unsigned
hars_packed_rows(const char *body, size_t len, hars_rows_t *rows,
    hars_fault_t *fault)
{
    unsigned       status;
    hars_unpack_t  packed;

    memset(&packed, 0, sizeof(packed));
    status = hars_packed_piece(&packed, body, len, rows, fault);

    return status ? status : hars_packed_end(&packed, rows, fault);
}


unsigned
hars_packed_piece(hars_unpack_t *packed, const char *data, size_t len,
    hars_rows_t *rows, hars_fault_t *fault)
{
    size_t    n, size;
    unsigned  status;

    rows->bare = 1;

    while (len) {
        size = hars_packed_size(packed);

        if (packed->kept == 0 && len >= size) {
            status = hars_packed_unit(packed, (const unsigned char *) data,
                                      rows, fault);
            n = size;

        } else {
            n = len < size - packed->kept ? len : size - packed->kept;
            memcpy(packed->unit + packed->kept, data, n);
            packed->kept += n;
            status = 0;

            if (packed->kept == size) {
                packed->kept = 0;
                status = hars_packed_unit(packed, packed->unit, rows, fault);
            }
        }

        if (status) {
            return status;
        }

        data += n;
        len -= n;
    }

    return 0;
}


/* a header or a row, whole */
static unsigned
hars_packed_unit(hars_unpack_t *packed, const unsigned char *p,
    hars_rows_t *rows, hars_fault_t *fault)
{
    if (packed->left == 0) {

        if (hars_packed_header(p, &packed->block, fault, packed->index)
            != HARS_OK)
        {
            return 400;
        }

        packed->left = packed->block.rows;
        packed->first = packed->index;
        packed->headed = 1;

        return 0;
    }

    if (hars_packed_row(p, &packed->block, rows, packed->index, fault)
        != HARS_OK)
    {
        return hars_rows_status(rows, fault);
    }

    packed->left--;
    packed->index++;

    return 0;
}


static size_t
hars_packed_size(const hars_unpack_t *packed)
{
    return packed->left == 0 ? HARS_PACKED_HEADER
           : 4 + packed->block.values * (packed->block.whole ? 2 : 4);
}


unsigned
hars_packed_end(hars_unpack_t *packed, hars_rows_t *rows, hars_fault_t *fault)
{
    rows->bare = 1;

    if (packed->left) {
        hars_fault(fault, "samples", (long) packed->first, -1,
                   "the body is shorter than the rows of its header");
        return 400;
    }

    if (packed->kept || !packed->headed) {
        hars_fault(fault, "samples", (long) packed->index, -1,
                   "the body ends within a header of %d bytes",
                   HARS_PACKED_HEADER);
        return 400;
    }

    if (packed->index == 0) {
        hars_fault(fault, "samples", -1, -1, "there is no row");
        return 422;
    }

    return 0;
}


static int
hars_packed_header(const unsigned char *p, hars_packed_block_t *block,
    hars_fault_t *fault, uint32_t index)
{
    static const unsigned  values[HARS_STREAMS] = { HARS_ML_AXES, 3, 3, 1 };

    if (memcmp(p, HARS_PACKED_MAGIC, 4) != 0 || p[4] != HARS_PACKED_VERSION
        || p[5] >= HARS_STREAMS || p[6] > 1 || p[7] != 0
        || hars_packed_u32(p + 20) != 0)
    {
        return hars_fault(fault, "samples", (long) index, -1,
                          "this is no header of a block of samples, "
                          "version %d", HARS_PACKED_VERSION);
    }

    block->stream = (hars_stream_e) p[5];
    block->values = values[block->stream];
    block->whole = p[6];
    block->rows = hars_packed_u32(p + 8);
    block->unit[0] = hars_packed_float(p + 12);
    block->unit[1] = hars_packed_float(p + 16);
    block->t = hars_packed_double(p + 24);

    if (!isfinite(block->t) || !isfinite(block->unit[0])
        || !isfinite(block->unit[1]))
    {
        return hars_fault(fault, "samples", (long) index, 0,
                          "the block's time or unit is no number");
    }

    return HARS_OK;
}


static int
hars_packed_row(const unsigned char *p, const hars_packed_block_t *block,
    hars_rows_t *rows, uint32_t index, hars_fault_t *fault)
{
    int          missing, there;
    double      *v;
    unsigned     i;
    hars_row_t  *row;

    row = hars_rows_add(rows, block->stream, index, fault);
    if (row == NULL) {
        return HARS_ERROR;
    }

    /* to whole microseconds: one time, however rows are cut into blocks */
    row->t = rint((block->t + hars_packed_u32(p) * 1e-6) * 1e6) / 1e6;
    p += 4;
    v = row->v + (block->stream == HARS_STREAM_ROTATION ? 3 : 0);
    missing = -1;
    there = 0;

    for (i = 0; i < block->values; i++, p += block->whole ? 2 : 4) {
        v[i] = hars_packed_value(p, block, block->unit[v + i - row->v > 2]);

        if (isinf(v[i])) {
            return hars_fault(fault, "samples", (long) index, (int) i + 1,
                              "a number is needed, or NaN in all");
        }

        if (isnan(v[i])) {
            missing = (int) i + 1;

        } else {
            there = 1;
        }
    }

    if (missing >= 0 && there) {
        return hars_fault(fault, "samples", (long) index, missing,
                          "the value is missing: a record has all, or none "
                          "and is dropped");
    }

    return HARS_OK;
}


static double
hars_packed_value(const unsigned char *p, const hars_packed_block_t *block,
    double unit)
{
    int  n;

    if (!block->whole) {
        return hars_packed_float(p);
    }

    n = (int16_t) (uint16_t) (p[0] | p[1] << 8);

    return n == HARS_PACKED_MISSING ? (double) NAN : n * unit;
}


static uint32_t
hars_packed_u32(const unsigned char *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


static double
hars_packed_float(const unsigned char *p)
{
    float     value;
    uint32_t  bits;

    bits = hars_packed_u32(p);
    memcpy(&value, &bits, sizeof(value));

    return (double) value;
}


static double
hars_packed_double(const unsigned char *p)
{
    double    value;
    uint64_t  bits;

    bits = hars_packed_u32(p) | (uint64_t) hars_packed_u32(p + 4) << 32;
    memcpy(&value, &bits, sizeof(value));

    return value;
}
