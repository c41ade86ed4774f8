
/*
 * What is to be written, in the order in which it came.  One thread takes all
 * of it, and writes; while the disk is at that another one may write what has
 * come meanwhile, once it is as much: two small batches cost more than one,
 * and what comes in a moment may go with it.
 *
 *     take (one at a time) -> written -> done
 *
 * Private to the store.
 */

#ifndef HARS_STORE_QUEUE_H
#define HARS_STORE_QUEUE_H


#include "hars_store.h"

#include <pthread.h>


typedef struct {
    pthread_mutex_t     mutex;            /* of what follows */
    pthread_cond_t      cond;
    hars_store_job_t   *first;
    hars_store_job_t  **last;
    unsigned            n;                /* jobs */
    unsigned            enough;           /* as many as were written last */
    unsigned            written;          /* batches, and not done */
    unsigned            writing:1;        /* somebody is */
    unsigned            stop:1;
} hars_store_queue_t;


void hars_store_queue_init(hars_store_queue_t *queue);
void hars_store_queue_destroy(hars_store_queue_t *queue);

void hars_store_queue_put(hars_store_queue_t *queue, hars_store_job_t *job);

/*
 * A list of "max" jobs at most, *n of them, for one who alone writes from now
 * on; NULL: it was stopped, and nothing is left.
 */
hars_store_job_t *hars_store_queue_take(hars_store_queue_t *queue,
    unsigned max, unsigned *n);

/* the batch of n is written, and others may write; then the disk has it */
void hars_store_queue_written(hars_store_queue_t *queue, unsigned n);
void hars_store_queue_done(hars_store_queue_t *queue);

void hars_store_queue_stop(hars_store_queue_t *queue);


#endif /* HARS_STORE_QUEUE_H */
