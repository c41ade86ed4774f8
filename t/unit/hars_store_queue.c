
/*
 * What waits to be written is taken in its order by one at a time, while
 * something is on its way to the disk once it is as much.
 */

/* link: -lpthread */

#include "../../backend/common/hars_store_queue.c"

#include "tap.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>


static hars_store_queue_t  queue;
static hars_store_job_t    job[8];


/* somebody else */
static void *
taker(void *data)
{
    unsigned  n;

    atomic_store((_Atomic(hars_store_job_t *) *) data,
                 hars_store_queue_take(&queue, 8, &n));

    return NULL;
}


/* has he got nothing, although he had the time? */
static unsigned
waits(_Atomic(hars_store_job_t *) *taken)
{
    struct timespec  ts = { .tv_nsec = 30 * 1000 * 1000 };

    nanosleep(&ts, NULL);

    return atomic_load(taken) == NULL;
}


static void
order(void)
{
    unsigned           n;
    hars_store_job_t  *first;

    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_put(&queue, &job[1]);
    hars_store_queue_put(&queue, &job[2]);

    first = hars_store_queue_take(&queue, 2, &n);
    ok(first == &job[0] && job[0].next == &job[1] && job[1].next == NULL
       && n == 2, "the first ones, in their order");

    hars_store_queue_put(&queue, &job[3]);
    hars_store_queue_written(&queue, 2);

    first = hars_store_queue_take(&queue, 8, &n);
    ok(first == &job[2] && job[2].next == &job[3] && job[3].next == NULL
       && n == 2, "then the next ones");

    hars_store_queue_written(&queue, 2);
    hars_store_queue_done(&queue);
    hars_store_queue_done(&queue);
}


static void
enough(void)
{
    unsigned                     n;
    pthread_t                    thread;
    _Atomic(hars_store_job_t *)  taken = NULL;

    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_put(&queue, &job[1]);
    (void) hars_store_queue_take(&queue, 8, &n);

    pthread_create(&thread, NULL, taker, &taken);
    hars_store_queue_put(&queue, &job[2]);
    hars_store_queue_put(&queue, &job[3]);
    hars_store_queue_put(&queue, &job[4]);
    ok(waits(&taken), "one writes at a time");

    hars_store_queue_written(&queue, 2);
    pthread_join(thread, NULL);
    ok(taken == &job[2], "and then the other one");

    taken = NULL;
    hars_store_queue_written(&queue, 3);
    pthread_create(&thread, NULL, taker, &taken);
    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_put(&queue, &job[1]);
    ok(waits(&taken), "two are less than the three that are being synced");

    hars_store_queue_put(&queue, &job[2]);
    pthread_join(thread, NULL);
    ok(taken == &job[0], "three are enough");

    taken = NULL;
    hars_store_queue_written(&queue, 3);
    hars_store_queue_put(&queue, &job[3]);
    hars_store_queue_done(&queue);
    pthread_create(&thread, NULL, taker, &taken);
    hars_store_queue_done(&queue);
    ok(waits(&taken), "one is less, as long as one of them is not done");

    hars_store_queue_done(&queue);
    pthread_join(thread, NULL);
    ok(taken == &job[3], "and enough where nothing is");
    hars_store_queue_written(&queue, 1);
    hars_store_queue_done(&queue);
}


static void
stops(void)
{
    unsigned                     n;
    pthread_t                    thread;
    _Atomic(hars_store_job_t *)  taken = NULL;

    hars_store_queue_put(&queue, &job[0]);
    (void) hars_store_queue_take(&queue, 8, &n);
    hars_store_queue_put(&queue, &job[1]);
    pthread_create(&thread, NULL, taker, &taken);
    hars_store_queue_stop(&queue);
    ok(waits(&taken), "who writes when it stops comes to his end");

    hars_store_queue_written(&queue, 9);
    pthread_join(thread, NULL);
    ok(taken == &job[1], "what is left is taken");

    hars_store_queue_written(&queue, 1);
    ok(hars_store_queue_take(&queue, 8, &n) == NULL && n == 0
       && hars_store_queue_take(&queue, 8, &n) == NULL,
       "and that is the end, for all");
}


int
main(void)
{
    alarm(20);                            /* rather than wait for ever */
    hars_store_queue_init(&queue);

    order();
    enough();
    stops();

    hars_store_queue_destroy(&queue);

    return tap_done();
}
