
/* See hars_store_queue.h for what this is. */

#include "hars_store_queue.h"

#include <string.h>


static unsigned hars_store_queue_is_enough(const hars_store_queue_t *queue);
static void hars_store_queue_wake(hars_store_queue_t *queue);


void
hars_store_queue_init(hars_store_queue_t *queue)
{
    memset(queue, 0, sizeof(hars_store_queue_t));

    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->cond, NULL);
    pthread_cond_init(&queue->turn, NULL);

    queue->last = &queue->first;
}


void
hars_store_queue_destroy(hars_store_queue_t *queue)
{
    pthread_cond_destroy(&queue->turn);
    pthread_cond_destroy(&queue->cond);
    pthread_mutex_destroy(&queue->mutex);
}


void
hars_store_queue_put(hars_store_queue_t *queue, hars_store_job_t *job)
{
    unsigned  before;

    job->next = NULL;

    pthread_mutex_lock(&queue->mutex);

    before = hars_store_queue_is_enough(queue);

    *queue->last = job;
    queue->last = &job->next;
    queue->n++;

    /* where it was enough before, somebody is on the way */

    if (!before) {
        hars_store_queue_wake(queue);
    }

    pthread_mutex_unlock(&queue->mutex);
}


int
hars_store_queue_take(hars_store_queue_t *queue, unsigned max,
    hars_store_batch_t *batch)
{
    hars_store_job_t  **end;

    pthread_mutex_lock(&queue->mutex);

    while (!hars_store_queue_is_enough(queue)) {
        pthread_cond_wait(&queue->cond, &queue->mutex);
    }

    batch->first = queue->first;
    batch->number = queue->taken;
    end = &queue->first;

    for (batch->n = 0; *end && batch->n < max; batch->n++) {
        end = &(*end)->next;
    }

    queue->first = *end;
    queue->n -= batch->n;

    if (queue->first == NULL) {
        queue->last = &queue->first;
    }

    if (batch->n) {
        *end = NULL;
        queue->writing = 1;
        queue->taken++;

    } else {
        pthread_cond_broadcast(&queue->cond);
    }

    pthread_mutex_unlock(&queue->mutex);

    return batch->n ? HARS_OK : HARS_DECLINED;
}


/* what is there when it stops is still written */
static unsigned
hars_store_queue_is_enough(const hars_store_queue_t *queue)
{
    if (queue->writing) {
        return 0;
    }

    return queue->stop
           || (queue->n && (queue->written == 0
                            || queue->n >= queue->enough));
}


static void
hars_store_queue_wake(hars_store_queue_t *queue)
{
    if (hars_store_queue_is_enough(queue)) {
        pthread_cond_signal(&queue->cond);
    }
}


/* to wake somebody else would cost more than it takes */
void
hars_store_queue_free(hars_store_queue_t *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->writing = 0;
    pthread_mutex_unlock(&queue->mutex);
}


void
hars_store_queue_written(hars_store_queue_t *queue, unsigned n)
{
    pthread_mutex_lock(&queue->mutex);

    queue->writing = 0;
    queue->written++;
    queue->enough = n;
    hars_store_queue_wake(queue);

    pthread_mutex_unlock(&queue->mutex);
}


void
hars_store_queue_done(hars_store_queue_t *queue)
{
    pthread_mutex_lock(&queue->mutex);

    queue->written--;
    hars_store_queue_wake(queue);

    pthread_mutex_unlock(&queue->mutex);
}


void
hars_store_queue_turn(hars_store_queue_t *queue,
    const hars_store_batch_t *batch)
{
    pthread_mutex_lock(&queue->mutex);

    while (queue->told != batch->number) {
        pthread_cond_wait(&queue->turn, &queue->mutex);
    }

    pthread_mutex_unlock(&queue->mutex);
}


void
hars_store_queue_told(hars_store_queue_t *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->told++;
    pthread_cond_broadcast(&queue->turn);
    pthread_mutex_unlock(&queue->mutex);
}


void
hars_store_queue_stop(hars_store_queue_t *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->stop = 1;
    pthread_cond_broadcast(&queue->cond);
    pthread_mutex_unlock(&queue->mutex);
}
