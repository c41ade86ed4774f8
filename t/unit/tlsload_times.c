
/*
 * How often what took how long: percentiles are those of a sorted list, at
 * most 1 % above it and never below.
 */

#include "../../bench/tlsload_times.c"

#include "tap.h"

#include <string.h>


static hars_times_t  times;


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

    return tap_done();
}
