
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


void
hars_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t  attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}


int
hars_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until)
{
    struct timespec  ts;

    ts.tv_sec = until / 1000;
    ts.tv_nsec = until % 1000 * 1000000;

    return pthread_cond_timedwait(cond, mutex, &ts);
}
