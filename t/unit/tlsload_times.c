
/*
 * How often what took how long: percentiles are those of a sorted list, at
 * most 1 % above it and never below.
 */

#include "../../bench/tlsload_times.c"

#include "tap.h"

#include <string.h>


static void pieces(void);


static hars_times_t   times;
static hars_pieces_t  parts;


int
main(void)
{
    unsigned  i, low, high;
    uint64_t  us, end;

    ok(hars_times_part(&times, 0.5) == 0, "of none there is none");

    for (us = 0, low = 0, high = 0, i = 0; us < 1ull << 40;
         us += us / 1000 + 1)
    {
        end = hars_times_end(hars_times_bucket(us));
        low += end < us;
        high += (double) end > 1.01 * (double) us;
        i++;
    }

    ok(i > 10000 && low == 0, "what is read is never below what was counted");
    ok(high == 0, "nor more than 1 %% above");
    ok(hars_times_bucket(UINT64_MAX) < HARS_TIMES_BUCKETS,
       "nothing is beyond the scale");

    for (us = 1; us <= 3; us++) {
        hars_times_add(&times, us);
    }

    ok(hars_times_part(&times, 0.5) == 2, "of three the one between");
    memset(&times, 0, sizeof(times));

    for (us = 1; us <= 1000; us++) {
        hars_times_add(&times, us == 1000 ? 5000000 : (us - 1) % 100 + 1);
    }

    ok(hars_times_part(&times, 0.5) == 50, "the median");
    ok(hars_times_part(&times, 0.99) == 99, "p99");
    ok(hars_times_part(&times, 0.999) == 100, "p99.9 without the one outlier");
    us = hars_times_part(&times, 1);
    ok(us >= 5000000 && us < 5050000, "the longest is the outlier");

    pieces();

    return tap_done();
}


/* of 2,501 the 250th and the 251st are late */
static void
pieces(void)
{
    unsigned  i;

    hars_pieces_add(&parts, 1);
    ok(parts.one.n == 0 && parts.p99.n == 0, "without -k there are none");

    parts.n = 100;

    for (i = 0; i < 2501; i++) {
        hars_pieces_add(&parts, i == 250 || i == 251 ? 5000
                                : i % 100 == 99 ? 20 : 10);
    }

    ok(parts.p99.n == 25 && parts.p999.n == 25, "25 pieces are complete");
    ok(hars_times_part(&parts.p99, 0.5) == 10, "p99 of most of them");
    ok(hars_times_part(&parts.p999, 0.5) == 20, "p99.9 of most of them");
    ok(hars_times_part(&parts.p999, 1) >= 5000, "and the one with a stall");
    ok(hars_times_part(&parts.p99, 0.96) == 10
       && hars_times_part(&parts.p99, 1) >= 5000, "which is one of them");

    hars_pieces_clear(&parts);
    ok(parts.n == 100 && parts.one.n == 0 && parts.p999.n == 0,
       "cleared, pieces have as many as before");
}
