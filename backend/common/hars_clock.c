
/* See hars_clock.h for what this is. */

#include "hars_clock.h"

#include <time.h>


static int64_t hars_clock_read(clockid_t id);


int64_t
hars_clock(void)
{
    return hars_clock_read(CLOCK_MONOTONIC);
}


int64_t
hars_now(void)
{
    return hars_clock_read(CLOCK_REALTIME);
}


static int64_t
hars_clock_read(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
