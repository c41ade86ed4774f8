
/* See hars_fn_hz.h for what this is. */

#include "hars_fn_hz.h"

#include <stdint.h>
#include <string.h>


#define HARS_HZ_HEAD   32                 /* of a block */
#define HARS_HZ_ROW    28
#define HARS_HZ_PAUSE  0.25               /* s: more is one */


static uint64_t hars_fn_hz_little(const char *p, size_t len);
static double hars_fn_hz_time(const char *p);


double
hars_fn_hz(const char *body, size_t len)
{
    double       time, last, sum;
    uint64_t     i, n, rows;
    const char  *p;

    sum = 0;
    n = 0;
    last = -1;

    while (len >= HARS_HZ_HEAD) {
        rows = hars_fn_hz_little(body + 8, 4);
        p = body + HARS_HZ_HEAD;

        if (rows > (len - HARS_HZ_HEAD) / HARS_HZ_ROW) {
            return 0;
        }

        for (i = 0; i < rows; i++, p += HARS_HZ_ROW) {
            time = hars_fn_hz_time(body + 24)
                   + (double) hars_fn_hz_little(p, 4) / 1e6;

            if (last >= 0 && time > last && time - last <= HARS_HZ_PAUSE) {
                sum += time - last;
                n++;
            }

            last = time;
        }

        len -= (size_t) (p - body);
        body = p;
    }

    return n && len == 0 ? (double) n / sum : 0;
}


static uint64_t
hars_fn_hz_little(const char *p, size_t len)
{
    size_t    i;
    uint64_t  value;

    for (value = 0, i = len; i > 0; i--) {
        value = value << 8 | (unsigned char) p[i - 1];
    }

    return value;
}


static double
hars_fn_hz_time(const char *p)
{
    double    time;
    uint64_t  bits;

    bits = hars_fn_hz_little(p, 8);
    memcpy(&time, &bits, sizeof(time));

    return time;
}
