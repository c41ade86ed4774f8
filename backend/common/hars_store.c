
/*
 * See hars_store.h for what this is; here are its connections: readers,
 * made as they are wanted, and the writers' one.
 *
 *     op -> queue -> BEGIN, all that wait, COMMIT -> disk -> each is told
 *
 * One commit waits for the disk once, whatever the number of ops in it.  Where
 * the database leaves that to us, and the disk is slow, two threads take turns:
 * while one of them waits for the disk the other one writes.  Where an op
 * fails, nothing of the batch stays and each is done alone, so that a failure
 * is its own.
 */

#include "hars_store_queue.h"
#include "hars_log.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define HARS_STORE_READERS  8
#define HARS_STORE_OPS      256           /* in one transaction */
#define HARS_STORE_TRIES    5             /* where others are in the way */
#define HARS_STORE_WRITERS  2             /* where they wait for the disk */

/* us of a sync: where it takes less, to wake another thread costs as much */
#define HARS_STORE_SLOW     500


/* of one who waits, on his stack */
typedef struct {
    hars_store_op_pt    op;
    void               *data;
    sem_t               done;
} hars_store_waiter_t;


/* one of those who write in turn */
typedef struct {
    hars_store_t       *store;
    int                 fd;               /* -1: a commit is on the disk */
    pthread_t           thread;
} hars_store_writer_t;


struct hars_store_s {
    const char         *where;

    pthread_mutex_t     read_mutex;       /* of what follows */
    pthread_cond_t      read_cond;
    hars_db_t          *reader[HARS_STORE_READERS];    /* not in use */
    unsigned            idle;
    unsigned            readers;          /* all */

    hars_store_queue_t  queue;
    hars_db_t           *db;              /* of who writes */
    hars_store_writer_t  writer[HARS_STORE_WRITERS];
    unsigned             writers;         /* that run */
    atomic_uint          took;            /* us, a sync of late */
    atomic_uint          failed;          /* the disk, once */
};


static int hars_store_writers(hars_store_t *store);
static int hars_store_wait_op(hars_db_t *db, void *data);
static void hars_store_wait_done(void *data);
static void *hars_store_writer(void *data);
static void hars_store_batch(hars_store_t *store, hars_store_job_t *job);
static int hars_store_together(hars_db_t *db, hars_store_job_t *job);
static int hars_store_alone(hars_db_t *db, hars_store_job_t *job);
static void hars_store_sync(hars_store_writer_t *writer);
static void hars_store_tell_all(hars_store_t *store, hars_store_job_t *job);


hars_store_t *
hars_store_open(const char *where, const hars_layout_t *layout)
{
    hars_store_t  *store;

    store = calloc(1, sizeof(hars_store_t));
    if (store == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    store->where = where;

    pthread_mutex_init(&store->read_mutex, NULL);
    pthread_cond_init(&store->read_cond, NULL);
    hars_store_queue_init(&store->queue);

    store->db = hars_db_open(where);

    atomic_init(&store->took, 0);
    atomic_init(&store->failed, 0);

    if (store->db == NULL
        || hars_layout_apply(store->db, layout) != HARS_OK
        || hars_store_writers(store) != HARS_OK)
    {
        hars_log_error("database \"%s\" cannot be used", where);
        hars_store_close(store);
        return NULL;
    }

    return store;
}


/*
 * Each has a descriptor of its own, which is told of an error of the disk even
 * if the other one was told before.
 */
static int
hars_store_writers(hars_store_t *store)
{
    int                   rc;
    hars_store_writer_t  *writer;

    do {
        writer = &store->writer[store->writers];
        writer->store = store;
        writer->fd = -1;

        rc = hars_db_defer(store->db, &writer->fd);

        if (rc == HARS_ERROR) {
            return HARS_ERROR;
        }

        if (pthread_create(&writer->thread, NULL, hars_store_writer, writer)
            != 0)
        {
            hars_log_error("a thread cannot be started");

            if (writer->fd != -1) {
                close(writer->fd);
            }

            return HARS_ERROR;
        }

        store->writers++;

    } while (rc == HARS_OK && store->writers < HARS_STORE_WRITERS);

    return HARS_OK;
}


/* nobody waits any more */
void
hars_store_close(hars_store_t *store)
{
    hars_store_writer_t  *writer;

    if (store == NULL) {
        return;
    }

    hars_store_queue_stop(&store->queue);

    while (store->writers) {
        writer = &store->writer[--store->writers];
        pthread_join(writer->thread, NULL);

        if (writer->fd != -1) {
            close(writer->fd);
        }
    }

    while (store->idle) {
        hars_db_close(store->reader[--store->idle]);
    }

    hars_db_close(store->db);

    hars_store_queue_destroy(&store->queue);
    pthread_cond_destroy(&store->read_cond);
    pthread_mutex_destroy(&store->read_mutex);
    free(store);
}


hars_db_t *
hars_store_reader(hars_store_t *store)
{
    hars_db_t  *db;

    if (atomic_load(&store->failed)) {
        return NULL;
    }

    pthread_mutex_lock(&store->read_mutex);

    while (store->idle == 0 && store->readers == HARS_STORE_READERS) {
        pthread_cond_wait(&store->read_cond, &store->read_mutex);
    }

    if (store->idle) {
        db = store->reader[--store->idle];
        pthread_mutex_unlock(&store->read_mutex);
        return db;
    }

    store->readers++;
    pthread_mutex_unlock(&store->read_mutex);

    db = hars_db_open(store->where);

    if (db == NULL) {
        pthread_mutex_lock(&store->read_mutex);
        store->readers--;
        pthread_cond_signal(&store->read_cond);
        pthread_mutex_unlock(&store->read_mutex);
    }

    return db;
}


/* a statement that is not at its end would hold an old state of everything */
void
hars_store_reader_done(hars_store_t *store, hars_db_t *db)
{
    hars_db_done(db);

    pthread_mutex_lock(&store->read_mutex);
    store->reader[store->idle++] = db;
    pthread_cond_signal(&store->read_cond);
    pthread_mutex_unlock(&store->read_mutex);
}


int
hars_store_write(hars_store_t *store, hars_store_op_pt op, void *data)
{
    unsigned  full;

    return hars_store_write_full(store, op, data, &full);
}


int
hars_store_write_full(hars_store_t *store, hars_store_op_pt op, void *data,
    unsigned *full)
{
    hars_store_job_t     job = { .op = hars_store_wait_op,
                                 .done = hars_store_wait_done };
    hars_store_waiter_t  waiter = { .op = op, .data = data };

    sem_init(&waiter.done, 0, 0);
    job.data = &waiter;

    hars_store_write_later(store, &job);

    while (sem_wait(&waiter.done) != 0) { /* EINTR */ }

    sem_destroy(&waiter.done);

    *full = job.full;

    return job.rc;
}


static int
hars_store_wait_op(hars_db_t *db, void *data)
{
    hars_store_waiter_t  *waiter;

    waiter = data;

    return waiter->op(db, waiter->data);
}


static void
hars_store_wait_done(void *data)
{
    sem_post(&((hars_store_waiter_t *) data)->done);
}


void
hars_store_write_later(hars_store_t *store, hars_store_job_t *job)
{
    job->rc = HARS_ERROR;
    job->full = 0;

    hars_store_queue_put(&store->queue, job);
}


static void *
hars_store_writer(void *data)
{
    unsigned              turns;
    hars_store_t         *store;
    hars_store_batch_t    batch;
    hars_store_writer_t  *writer;

    writer = data;
    store = writer->store;

    while (hars_store_queue_take(&store->queue, HARS_STORE_OPS, &batch)
           == HARS_OK)
    {
        /* each is an error from the beginning */

        if (!atomic_load(&store->failed)) {
            hars_store_batch(store, batch.first);
        }

        turns = atomic_load(&store->took) > HARS_STORE_SLOW;

        if (turns) {
            hars_store_queue_written(&store->queue, batch.n);
            hars_store_sync(writer);
            hars_store_queue_done(&store->queue);

        } else {
            hars_store_sync(writer);
        }

        hars_store_queue_turn(&store->queue, &batch);
        hars_store_tell_all(store, batch.first);
        hars_store_queue_told(&store->queue);

        if (!turns) {
            hars_store_queue_free(&store->queue);
        }
    }

    return NULL;
}


static void
hars_store_batch(hars_store_t *store, hars_store_job_t *job)
{
    hars_store_job_t  *next;

    if (hars_store_together(store->db, job) == HARS_OK) {
        return;
    }

    for (next = job; next; next = next->next) {
        next->rc = HARS_ERROR;
    }

    for (next = job;
         next && hars_store_alone(store->db, next) == HARS_OK;
         next = next->next)
    { /* void */ }
}


/*
 * HARS_OK: each has its answer.  What becomes of a commit that fails nobody
 * knows: that is an error for all, and nothing is done again.
 */
static int
hars_store_together(hars_db_t *db, hars_store_job_t *job)
{
    int                contended;
    hars_store_job_t  *next;

    if (hars_db_begin(db) != HARS_OK) {
        return HARS_OK;
    }

    for (next = job; next; next = next->next) {
        next->rc = next->op(db, next->data);
        hars_db_done(db);

        if (next->rc == HARS_ERROR) {
            break;
        }
    }

    if (next) {
        contended = hars_db_contended(db);
        next->full = hars_db_full(db);
        hars_db_rollback(db);

        return (job->next || contended) ? HARS_ERROR : HARS_OK;
    }

    if (hars_db_commit(db) != HARS_OK) {
        for (next = job; next; next = next->next) {
            next->rc = HARS_ERROR;
            next->full = hars_db_full(db);
        }
    }

    return HARS_OK;
}


/* HARS_ERROR: there is no database, for those after it neither */
static int
hars_store_alone(hars_db_t *db, hars_store_job_t *job)
{
    int       contended;
    unsigned  n;

    for (n = 0; n < HARS_STORE_TRIES; n++) {

        if (hars_db_begin(db) != HARS_OK) {
            return HARS_ERROR;
        }

        job->rc = job->op(db, job->data);
        hars_db_done(db);

        if (job->rc != HARS_ERROR) {
            if (hars_db_commit(db) != HARS_OK) {
                job->rc = HARS_ERROR;
                job->full = hars_db_full(db);
            }

            break;
        }

        contended = hars_db_contended(db);
        job->full = hars_db_full(db);
        hars_db_rollback(db);

        if (!contended) {
            break;
        }
    }

    return HARS_OK;
}


/*
 * Once: after a failure the kernel may have thrown away what it could not
 * write, and the next sync, of what is left, would be a success.
 */
static void
hars_store_sync(hars_store_writer_t *writer)
{
    int              rc;
    unsigned         us;
    hars_store_t    *store;
    struct timespec  from, to;

    store = writer->store;

    if (writer->fd == -1 || atomic_load(&store->failed)) {
        return;
    }

    clock_gettime(CLOCK_MONOTONIC, &from);

    do {
        rc = fdatasync(writer->fd);
    } while (rc == -1 && errno == EINTR);

    clock_gettime(CLOCK_MONOTONIC, &to);

    us = (unsigned) ((to.tv_sec - from.tv_sec) * 1000000
                     + (to.tv_nsec - from.tv_nsec) / 1000);
    atomic_store(&store->took, (7 * atomic_load(&store->took) + us) / 8);

    if (rc == -1 && !atomic_exchange(&store->failed, 1)) {
        hars_log_error("database: the disk failed, \"%s\": nothing is "
                       "answered any more; see to the disk, then restart",
                       strerror(errno));
    }
}


/* a job is gone as soon as it is told */
static void
hars_store_tell_all(hars_store_t *store, hars_store_job_t *job)
{
    hars_store_job_t  *next;

    for ( /* void */ ; job; job = next) {
        next = job->next;

        if (atomic_load(&store->failed)) {
            job->rc = HARS_ERROR;
        }

        job->done(job->data);
    }
}
