
/* See hars_workers.h for what this is. */

#include "hars_workers.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdlib.h>


struct hars_workers_s {
    pthread_mutex_t   mutex;              /* of what follows */
    pthread_cond_t    cond;
    hars_work_t      *first;
    hars_work_t     **last;
    unsigned          stop:1;

    unsigned          threads;            /* that run */
    pthread_t         thread[];
};


static void *hars_workers_thread(void *data);


hars_workers_t *
hars_workers_create(unsigned threads)
{
    hars_workers_t  *workers;

    workers = calloc(1, sizeof(hars_workers_t)
                        + threads * sizeof(pthread_t));
    if (workers == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->cond, NULL);
    workers->last = &workers->first;

    for ( /* void */ ; workers->threads < threads; workers->threads++) {
        if (pthread_create(&workers->thread[workers->threads], NULL,
                           hars_workers_thread, workers) != 0)
        {
            hars_log_error("a thread cannot be started");
            hars_workers_free(workers);
            return NULL;
        }
    }

    return workers;
}


void
hars_workers_free(hars_workers_t *workers)
{
    unsigned  i;

    if (workers == NULL) {
        return;
    }

    pthread_mutex_lock(&workers->mutex);
    workers->stop = 1;
    pthread_cond_broadcast(&workers->cond);
    pthread_mutex_unlock(&workers->mutex);

    for (i = 0; i < workers->threads; i++) {
        pthread_join(workers->thread[i], NULL);
    }

    pthread_cond_destroy(&workers->cond);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}


void
hars_workers_give(hars_workers_t *workers, hars_work_t *work)
{
    work->next = NULL;

    pthread_mutex_lock(&workers->mutex);
    *workers->last = work;
    workers->last = &work->next;
    pthread_cond_signal(&workers->cond);
    pthread_mutex_unlock(&workers->mutex);
}


static void *
hars_workers_thread(void *data)
{
    hars_work_t     *work;
    hars_workers_t  *workers;

    workers = data;

    for ( ;; ) {
        pthread_mutex_lock(&workers->mutex);

        while (workers->first == NULL && !workers->stop) {
            pthread_cond_wait(&workers->cond, &workers->mutex);
        }

        work = workers->first;

        if (work) {
            workers->first = work->next;

            if (workers->first == NULL) {
                workers->last = &workers->first;
            }
        }

        pthread_mutex_unlock(&workers->mutex);

        if (work == NULL) {
            return NULL;
        }

        /* it may be gone as soon as it is done */

        work->run(work->data);
    }
}
