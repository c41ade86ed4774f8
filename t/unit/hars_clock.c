
/* the clock that nobody sets, and who waits by it */

/* link: -lpthread */

#include "../../backend/common/hars_clock.c"

#include "tap.h"

#include <errno.h>


#define WAIT  30                          /* ms */


static pthread_mutex_t  mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t   cond;
static int              there;


static void *
tell(void *data)
{
    (void) data;

    pthread_mutex_lock(&mutex);
    there = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);

    return NULL;
}


int
main(void)
{
    int        rc;
    int64_t    begun;
    pthread_t  thread;

    hars_cond_init(&cond);
    pthread_mutex_lock(&mutex);

    /* by the clock of the day it would have been over for decades */

    begun = hars_clock();

    do {
        rc = hars_cond_wait(&cond, &mutex, begun + WAIT);
    } while (rc == 0);

    ok(rc == ETIMEDOUT && hars_clock() - begun >= WAIT,
       "until then: %lld ms", (long long) (hars_clock() - begun));

    ok(hars_cond_wait(&cond, &mutex, begun) == ETIMEDOUT, "it is over");

    pthread_create(&thread, NULL, tell, NULL);

    do {
        rc = hars_cond_wait(&cond, &mutex, hars_clock() + 60000);
    } while (rc == 0 && !there);

    ok(rc == 0 && there, "told");

    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);

    return tap_done();
}
