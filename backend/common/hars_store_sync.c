
/* See hars_store_sync.h for what this is. */

#include "hars_store_sync.h"
#include "hars_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


struct hars_store_sync_s {
    int                 fd;

    pthread_mutex_t     mutex;            /* of what follows */
    pthread_cond_t      given;
    pthread_cond_t      taken;
    hars_store_job_t   *first;            /* a batch that is written */
    unsigned            stop:1;

    atomic_uint         failed;
    pthread_t           thread;
    unsigned            started:1;
};


static void *hars_store_sync_thread(void *data);
static hars_store_job_t *hars_store_sync_take(hars_store_sync_t *sync);
static void hars_store_sync_disk(hars_store_sync_t *sync);


hars_store_sync_t *
hars_store_sync_create(int fd)
{
    hars_store_sync_t  *sync;

    sync = calloc(1, sizeof(hars_store_sync_t));

    if (sync == NULL) {
        hars_log_error("no memory");
        close(fd);
        return NULL;
    }

    sync->fd = fd;
    atomic_init(&sync->failed, 0);
    pthread_mutex_init(&sync->mutex, NULL);
    pthread_cond_init(&sync->given, NULL);
    pthread_cond_init(&sync->taken, NULL);

    sync->started = (pthread_create(&sync->thread, NULL,
                                    hars_store_sync_thread, sync) == 0);

    if (!sync->started) {
        hars_log_error("a thread cannot be started");
        hars_store_sync_free(sync);
        return NULL;
    }

    return sync;
}


void
hars_store_sync_free(hars_store_sync_t *sync)
{
    if (sync == NULL) {
        return;
    }

    if (sync->started) {
        pthread_mutex_lock(&sync->mutex);
        sync->stop = 1;
        pthread_cond_signal(&sync->given);
        pthread_mutex_unlock(&sync->mutex);

        pthread_join(sync->thread, NULL);
    }

    pthread_cond_destroy(&sync->taken);
    pthread_cond_destroy(&sync->given);
    pthread_mutex_destroy(&sync->mutex);
    close(sync->fd);
    free(sync);
}


void
hars_store_sync_room(hars_store_sync_t *sync)
{
    pthread_mutex_lock(&sync->mutex);

    while (sync->first) {
        pthread_cond_wait(&sync->taken, &sync->mutex);
    }

    pthread_mutex_unlock(&sync->mutex);
}


/* there is room: one thread writes, and has waited for it */
void
hars_store_sync_give(hars_store_sync_t *sync, hars_store_job_t *first)
{
    pthread_mutex_lock(&sync->mutex);
    sync->first = first;
    pthread_cond_signal(&sync->given);
    pthread_mutex_unlock(&sync->mutex);
}


unsigned
hars_store_sync_failed(hars_store_sync_t *sync)
{
    return atomic_load(&sync->failed);
}


static void *
hars_store_sync_thread(void *data)
{
    hars_store_job_t   *job, *next;
    hars_store_sync_t  *sync;

    sync = data;

    while ((job = hars_store_sync_take(sync)) != NULL) {

        hars_store_sync_disk(sync);

        /* a job is gone as soon as it is told */

        for ( /* void */ ; job; job = next) {
            next = job->next;

            if (atomic_load(&sync->failed)) {
                job->rc = HARS_ERROR;
            }

            job->done(job->data);
        }
    }

    return NULL;
}


/* NULL: to stop */
static hars_store_job_t *
hars_store_sync_take(hars_store_sync_t *sync)
{
    hars_store_job_t  *job;

    pthread_mutex_lock(&sync->mutex);

    while (sync->first == NULL && !sync->stop) {
        pthread_cond_wait(&sync->given, &sync->mutex);
    }

    job = sync->first;
    sync->first = NULL;
    pthread_cond_signal(&sync->taken);

    pthread_mutex_unlock(&sync->mutex);

    return job;
}


/*
 * Once: after a failure the kernel may have thrown away what it could not
 * write, and the next sync, of what is left, would be a success.
 */
static void
hars_store_sync_disk(hars_store_sync_t *sync)
{
    int  rc;

    if (atomic_load(&sync->failed)) {
        return;
    }

    do {
        rc = fdatasync(sync->fd);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        atomic_store(&sync->failed, 1);
        hars_log_error("database: the disk failed, \"%s\": nothing is "
                       "answered any more; see to the disk, then restart",
                       strerror(errno));
    }
}
