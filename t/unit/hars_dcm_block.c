
/*
 * Blocks of samples: what goes in comes out, to the step; how small they are;
 * damaged ones are refused.
 */

/* link: -lm */

#include "../../backend/dcm/hars_dcm_block.c"

#include "tap.h"


#define T0  1790000000.0


static hars_block_t   block, again;
static unsigned char  bytes[HARS_BLOCK_SIZE(HARS_BLOCK_ROWS)];


static double
noise(void)
{
    return (double) random() / RAND_MAX * 2 - 1;
}


static int
add(unsigned stream, double t, double x)
{
    unsigned    i;
    hars_row_t  row = { .t = t, .stream = (uint8_t) stream };

    for (i = 0; i < HARS_ML_AXES; i++) {
        row.v[i] = x + 0.1 * i;
    }

    return hars_block_add(&block, &row);
}


/* the block again from its bytes, and whether it is the same */
static int
same(void)
{
    size_t    len;
    unsigned  i, axis, from, to;

    memset(&again, 0xa5, sizeof(again));
    memset(bytes, 0xa5, sizeof(bytes));

    len = hars_block_encode(&block, bytes);

    if (len > HARS_BLOCK_SIZE(block.n)
        || hars_block_decode(&again, bytes, len) != HARS_OK
        || again.stream != block.stream || again.n != block.n
        || memcmp(again.t, block.t, block.n * sizeof(int64_t)) != 0
        || memcmp(again.missing, block.missing, block.n) != 0)
    {
        return 0;
    }

    hars_block_columns(block.stream, &from, &to);

    for (axis = from; axis < to; axis++) {
        for (i = 0; i < block.n; i++) {
            if (again.v[axis][i] != block.v[axis][i]) {
                return 0;
            }
        }
    }

    return 1;
}


static void
test_rows(void)
{
    unsigned    i, axis, good;
    hars_row_t  row, back;

    block.n = 0;
    good = 1;

    for (i = 0; i < 3000; i++) {
        memset(&row, 0, sizeof(row));
        row.t = rint((T0 + i * 0.02 + 0.001 * noise()) * 1e6) / 1e6;

        for (axis = 0; axis < 6; axis++) {
            row.v[axis] = 10 * sin(i * 0.2 + axis) + noise();
        }

        good &= hars_block_add(&block, &row) == HARS_OK;
        hars_block_row(&block, i, &back);
        good &= fabs(back.t - row.t) < 6e-7 && back.stream == row.stream;

        for (axis = 0; axis < 6; axis++) {
            good &= fabs(back.v[axis] - row.v[axis])
                    <= 0.5 / (axis < 3 ? 2048 : 8192);
        }
    }

    ok(good, "a minute of rows, to half a step");
    ok(same(), "the same from its bytes");
    ok(hars_block_start(&block) == block.t[0]
       && hars_block_end(&block) > block.t[0] + 59900000, "from, to");
}


static void
test_size(void)
{
    size_t    len;
    unsigned  i;

    block.n = 0;

    for (i = 0; i < 3000; i++) {
        add(HARS_STREAM_JOINED, T0 + i * 0.02, 9.81);
    }

    len = hars_block_encode(&block, bytes);
    ok(same() && len < 3000 * 2, "rest is small: %zu bytes of 3000 rows",
       len);

    block.n = 0;

    for (i = 0; i < 3000; i++) {
        add(HARS_STREAM_JOINED, T0 + i * 0.02, 3 * noise());
    }

    len = hars_block_encode(&block, bytes);
    ok(same() && len < 3000 * 13, "noise is not large: %zu bytes", len);
}


/* 16 bits over +-2 g and +-250 deg/s: the sensor's own numbers come back */
static void
test_exact(void)
{
    int         n;
    double      unit[2];
    unsigned    good;
    hars_row_t  row, back;

    unit[0] = 2 * 9.80665 / 32768;
    unit[1] = 250 * M_PI / 180 / 32768;
    good = 1;

    for (n = -32767; n < 32768; n++) {
        memset(&row, 0, sizeof(row));
        row.t = T0;
        row.v[0] = n * unit[0];
        row.v[3] = n * unit[1];

        block.n = 0;
        hars_block_add(&block, &row);
        hars_block_row(&block, 0, &back);

        good &= lrint(back.v[0] / unit[0]) == n
                && lrint(back.v[3] / unit[1]) == n;
    }

    ok(good, "each number of such a sensor");
}


static void
test_edges(void)
{
    unsigned    i;
    hars_row_t  row;

    block.n = 0;
    ok(add(HARS_STREAM_ACCELERATION, T0, 1) == HARS_OK, "the first");
    ok(add(HARS_STREAM_ROTATION, T0, 1) == HARS_DECLINED, "another stream");
    ok(add(HARS_STREAM_ACCELERATION, T0 + 60, 1) == HARS_DECLINED,
       "a minute later");
    ok(add(HARS_STREAM_ACCELERATION, T0 - 1, 1) == HARS_DECLINED, "before");
    ok(add(HARS_STREAM_ACCELERATION, T0 + 59.9, 1) == HARS_OK
       && add(HARS_STREAM_ACCELERATION, T0 + 1, -1e300) == HARS_OK
       && add(HARS_STREAM_ACCELERATION, T0 + 1, 1e300) == HARS_OK,
       "in any order, of any size");
    ok(same(), "and back");
    hars_block_row(&block, 2, &row);
    ok(row.v[0] < -1000 && isfinite(row.v[0]), "an outlier stays one");

    for (i = 0; i < 4; i++) {
        block.n = 0;
        add(i, T0, 5);
        ok(same(), "one row of stream %u", i);
    }

    block.n = 0;
    for (i = 0; add(HARS_STREAM_HEART, T0 + i * 0.001, 60 + i % 9) == HARS_OK;
         i++)
    { /* void */ }
    ok(i == HARS_BLOCK_ROWS && same(), "a full one");

    block.n = 0;
    for (i = 0; i < 200; i++) {
        add(HARS_STREAM_ROTATION, T0 + i * 0.02, i % 7 ? 1 : (double) NAN);
    }
    ok(same(), "rows without values");
    hars_block_row(&again, 7, &row);
    ok(isnan(row.v[3]) && isnan(row.v[5]), "have none");
    hars_block_row(&again, 8, &row);
    ok(row.v[3] > 1 && row.v[0] == 0, "others do, of their axes");

    block.n = HARS_BLOCK_ROWS;
    block.stream = HARS_STREAM_JOINED;
    for (i = 0; i < HARS_BLOCK_ROWS; i++) {
        block.t[i] = i % 2 ? INT64_MAX : INT64_MIN;
        block.missing[i] = 1;
        block.v[0][i] = block.v[1][i] = block.v[2][i] = INT32_MAX - (int) i;
        block.v[3][i] = block.v[4][i] = i % 2 ? INT32_MAX : INT32_MIN;
        block.v[5][i] = i % 65 ? 0 : INT32_MIN;
    }
    ok(same(), "the worst there is");
}


static void
test_damage(void)
{
    size_t    len, i;
    unsigned  refused;

    block.n = 0;

    for (i = 0; i < 100; i++) {
        add(HARS_STREAM_JOINED, T0 + 0.02 * (double) i, noise());
    }

    len = hars_block_encode(&block, bytes);
    refused = 0;

    for (i = 0; i < len; i++) {
        refused += hars_block_decode(&again, bytes, i) != HARS_OK;
    }

    ok(refused == len, "cut off anywhere");
    ok(hars_block_decode(&again, bytes, len + 1) != HARS_OK, "or longer");

    for (i = 0; i < 100000; i++) {
        bytes[(size_t) random() % len] ^= (unsigned char) (1 << i % 8);
        (void) hars_block_decode(&again, bytes, len);
    }

    ok(1, "damage is survived");
}


int
main(void)
{
    srandom(1);

    test_rows();
    test_size();
    test_exact();
    test_edges();
    test_damage();

    return tap_done();
}
