
/*
 * What is to be written, in the order in which it came.  One thread takes all
 * of it and writes.  Where it says so, another one may write while the disk
 * is at that, once as much has come: two small batches cost more than one,
 * and what comes in a moment may go with it.
 *
 *     take (one at a time) -> turn -> told -> free
 *     take (one at a time) -> written -> done -> turn -> told
 *
 * Whoever took it, all are told in the order in which they came.  Private to
 * the store.
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
    unsigned            taken;            /* batches */
    unsigned            told;
    pthread_cond_t      turn;
    unsigned            writing:1;        /* somebody is */
    unsigned            stop:1;
} hars_store_queue_t;


typedef struct {
    hars_store_job_t   *first;
    unsigned            n;                /* jobs */
    unsigned            number;           /* in the order of batches */
} hars_store_batch_t;


void hars_store_queue_init(hars_store_queue_t *queue);
void hars_store_queue_destroy(hars_store_queue_t *queue);

void hars_store_queue_put(hars_store_queue_t *queue, hars_store_job_t *job);

/*
 * "max" jobs at most, for one who alone writes from now on; HARS_DECLINED: it
 * was stopped, and nothing is left.
 */
int hars_store_queue_take(hars_store_queue_t *queue, unsigned max,
    hars_store_batch_t *batch);

/* whoever took it is about to take again */
void hars_store_queue_free(hars_store_queue_t *queue);

/* the batch of n is written, and others may write; then the disk has it */
void hars_store_queue_written(hars_store_queue_t *queue, unsigned n);
void hars_store_queue_done(hars_store_queue_t *queue);

/* waits until all batches before have been told; then this one has been */
void hars_store_queue_turn(hars_store_queue_t *queue,
    const hars_store_batch_t *batch);
void hars_store_queue_told(hars_store_queue_t *queue);

void hars_store_queue_stop(hars_store_queue_t *queue);


#endif /* HARS_STORE_QUEUE_H */
