
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
    hars_store_batch_t  batch;

    atomic_store((_Atomic(hars_store_job_t *) *) data,
                 hars_store_queue_take(&queue, 8, &batch) == HARS_OK
                 ? batch.first : NULL);

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
    hars_store_batch_t  batch;

    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_put(&queue, &job[1]);
    hars_store_queue_put(&queue, &job[2]);

    hars_store_queue_take(&queue, 2, &batch);
    ok(batch.first == &job[0] && job[0].next == &job[1]
       && job[1].next == NULL && batch.n == 2 && batch.number == 0,
       "the first ones, in their order");

    hars_store_queue_put(&queue, &job[3]);
    hars_store_queue_written(&queue, 2);

    hars_store_queue_take(&queue, 8, &batch);
    ok(batch.first == &job[2] && job[2].next == &job[3]
       && job[3].next == NULL && batch.n == 2 && batch.number == 1,
       "then the next ones");

    hars_store_queue_written(&queue, 2);
    hars_store_queue_done(&queue);
    hars_store_queue_done(&queue);
}


static void
enough(void)
{
    pthread_t                    thread;
    hars_store_batch_t           batch;
    _Atomic(hars_store_job_t *)  taken = NULL;

    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_put(&queue, &job[1]);
    hars_store_queue_take(&queue, 8, &batch);

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


static void *
second(void *data)
{
    hars_store_batch_t  batch = { .number = 1 };

    hars_store_queue_turn(&queue, &batch);
    atomic_store((_Atomic(hars_store_job_t *) *) data, &job[0]);

    return NULL;
}


static void
turns(void)
{
    pthread_t                    thread;
    hars_store_batch_t           batch = { .number = 0 };
    _Atomic(hars_store_job_t *)  taken = NULL;

    pthread_create(&thread, NULL, second, &taken);
    hars_store_queue_turn(&queue, &batch);
    ok(waits(&taken), "the second batch is not told before the first one");

    hars_store_queue_told(&queue);
    pthread_join(thread, NULL);
    ok(taken == &job[0], "then it is");
}


static void
stops(void)
{
    pthread_t                    thread;
    hars_store_batch_t           batch;
    _Atomic(hars_store_job_t *)  taken = NULL;

    hars_store_queue_put(&queue, &job[0]);
    hars_store_queue_take(&queue, 8, &batch);
    hars_store_queue_put(&queue, &job[1]);
    pthread_create(&thread, NULL, taker, &taken);
    hars_store_queue_stop(&queue);
    ok(waits(&taken), "who writes when it stops comes to his end");

    hars_store_queue_written(&queue, 9);
    pthread_join(thread, NULL);
    ok(taken == &job[1], "what is left is taken");

    /* the other one sleeps till the first one is told to go */

    taken = &job[7];
    pthread_create(&thread, NULL, taker, &taken);
    waits(&taken);
    hars_store_queue_free(&queue);
    ok(hars_store_queue_take(&queue, 8, &batch) == HARS_DECLINED
       && hars_store_queue_take(&queue, 8, &batch) == HARS_DECLINED,
       "and that is the end");
    pthread_join(thread, NULL);
    ok(taken == NULL, "for all");
}


int
main(void)
{
    alarm(20);                            /* rather than wait for ever */
    hars_store_queue_init(&queue);

    order();
    enough();
    turns();
    stops();

    hars_store_queue_destroy(&queue);

    return tap_done();
}
