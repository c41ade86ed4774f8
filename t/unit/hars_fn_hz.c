
/* The rate of a recording's rows. */

/* link: -lm */

#include "../../backend/fog/node/hars_fn_hz.c"

#include "tap.h"

#include <math.h>


#define BLOCK  (HARS_HZ_HEAD + 50 * HARS_HZ_ROW)


static size_t block(char *dst, double time, unsigned rows, unsigned us);


int
main(void)
{
    char    body[3 * BLOCK];
    size_t  len;

    len = block(body, 1700000000, 50, 20000);
    ok(fabs(hars_fn_hz(body, len) - 50) < 0.01, "50 rows a second");
    ok(hars_fn_hz(body, len - 1) == 0, "cut off");
    ok(hars_fn_hz(body, HARS_HZ_HEAD - 1) == 0, "no block");
    ok(hars_fn_hz(body, 0) == 0, "nothing");

    len += block(body + len, 1700000001, 50, 20000);
    ok(fabs(hars_fn_hz(body, len) - 50) < 0.01, "two blocks");
    len += block(body + len, 1700000901, 50, 20000);
    ok(fabs(hars_fn_hz(body, len) - 50) < 0.01, "and one after a pause");

    len = block(body, 1700000000, 50, 10000);
    ok(fabs(hars_fn_hz(body, len) - 100) < 0.01, "100 rows a second");
    len = block(body, 1700000000, 1, 0);
    ok(hars_fn_hz(body, len) == 0, "one row");
    len = block(body, 1700000000, 50, 0);
    ok(hars_fn_hz(body, len) == 0, "a time that stands still");

    return tap_done();
}


/* as on a machine that is little-endian */
static size_t
block(char *dst, double time, unsigned rows, unsigned us)
{
    uint32_t  value;
    unsigned  i;

    memset(dst, 0, HARS_HZ_HEAD + rows * HARS_HZ_ROW);
    memcpy(dst, "HARS\1", 5);
    memcpy(dst + 8, &rows, 4);
    memcpy(dst + 24, &time, 8);

    for (i = 0; i < rows; i++) {
        value = i * us;
        memcpy(dst + HARS_HZ_HEAD + i * HARS_HZ_ROW, &value, 4);
    }

    return HARS_HZ_HEAD + rows * HARS_HZ_ROW;
}
