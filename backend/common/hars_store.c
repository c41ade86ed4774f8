
/*
 * See hars_store.h for what this is; here are its connections: readers,
 * made as they are wanted, and the writer's thread.
 *
 *     op -> queue -> BEGIN, all that wait, COMMIT -> disk -> each is told
 *
 * One commit waits for the disk once, whatever the number of ops in it; where
 * the database leaves that to us, another thread does (hars_store_sync.h).
 * Where one of them fails, nothing of the batch stays and each is done alone,
 * so that a failure is its own.
 */

#include "hars_store_sync.h"
#include "hars_log.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>


#define HARS_STORE_READERS  8
#define HARS_STORE_OPS      256           /* in one transaction */
#define HARS_STORE_TRIES    5             /* where others are in the way */


/* of one who waits, on his stack */
typedef struct {
    hars_store_op_pt    op;
    void               *data;
    sem_t               done;
} hars_store_waiter_t;


struct hars_store_s {
    const char         *where;

    pthread_mutex_t     read_mutex;       /* of what follows */
    pthread_cond_t      read_cond;
    hars_db_t          *reader[HARS_STORE_READERS];    /* not in use */
    unsigned            idle;
    unsigned            readers;          /* all */

    pthread_mutex_t     mutex;            /* of what follows */
    pthread_cond_t      cond;
    hars_store_job_t   *first;
    hars_store_job_t  **last;
    unsigned            stop:1;

    hars_db_t          *db;               /* the writer's */
    hars_store_sync_t  *sync;             /* NULL: a commit is on the disk */
    pthread_t           thread;
    unsigned            started:1;
};


static int hars_store_defer(hars_store_t *store);
static int hars_store_wait_op(hars_db_t *db, void *data);
static void hars_store_wait_done(void *data);
static void *hars_store_writer(void *data);
static hars_store_job_t *hars_store_wait(hars_store_t *store);
static void hars_store_batch(hars_store_t *store, hars_store_job_t *job);
static void hars_store_batch_done(hars_store_job_t *job);
static int hars_store_together(hars_db_t *db, hars_store_job_t *job);
static int hars_store_alone(hars_db_t *db, hars_store_job_t *job);


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
    store->last = &store->first;

    pthread_mutex_init(&store->read_mutex, NULL);
    pthread_cond_init(&store->read_cond, NULL);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->cond, NULL);

    store->db = hars_db_open(where);

    if (store->db && hars_layout_apply(store->db, layout) == HARS_OK
        && hars_store_defer(store) == HARS_OK)
    {
        store->started = (pthread_create(&store->thread, NULL,
                                         hars_store_writer, store) == 0);
    }

    if (!store->started) {
        hars_log_error("database \"%s\" cannot be used", where);
        hars_store_close(store);
        return NULL;
    }

    return store;
}


/* commits need not wait for the disk, where somebody else does */
static int
hars_store_defer(hars_store_t *store)
{
    int  rc, fd;

    rc = hars_db_defer(store->db, &fd);

    if (rc == HARS_OK) {
        store->sync = hars_store_sync_create(fd);
        rc = store->sync ? HARS_OK : HARS_ERROR;
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* nobody waits any more */
void
hars_store_close(hars_store_t *store)
{
    if (store == NULL) {
        return;
    }

    if (store->started) {
        pthread_mutex_lock(&store->mutex);
        store->stop = 1;
        pthread_cond_signal(&store->cond);
        pthread_mutex_unlock(&store->mutex);

        pthread_join(store->thread, NULL);
    }

    hars_store_sync_free(store->sync);

    while (store->idle) {
        hars_db_close(store->reader[--store->idle]);
    }

    hars_db_close(store->db);

    pthread_cond_destroy(&store->cond);
    pthread_mutex_destroy(&store->mutex);
    pthread_cond_destroy(&store->read_cond);
    pthread_mutex_destroy(&store->read_mutex);
    free(store);
}


hars_db_t *
hars_store_reader(hars_store_t *store)
{
    hars_db_t  *db;

    if (store->sync && hars_store_sync_failed(store->sync)) {
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
    job->next = NULL;

    pthread_mutex_lock(&store->mutex);

    if (store->first == NULL) {
        pthread_cond_signal(&store->cond);
    }

    *store->last = job;
    store->last = &job->next;

    pthread_mutex_unlock(&store->mutex);
}


static void *
hars_store_writer(void *data)
{
    hars_store_t      *store;
    hars_store_job_t  *job;

    store = data;

    while ((job = hars_store_wait(store)) != NULL) {
        hars_store_batch(store, job);
    }

    return NULL;
}


/* all that wait, as a list, up to HARS_STORE_OPS; NULL: to stop */
static hars_store_job_t *
hars_store_wait(hars_store_t *store)
{
    unsigned           n;
    hars_store_job_t  *first, **end;

    if (store->sync) {
        hars_store_sync_room(store->sync);
    }

    pthread_mutex_lock(&store->mutex);

    while (store->first == NULL && !store->stop) {
        pthread_cond_wait(&store->cond, &store->mutex);
    }

    first = store->first;
    end = &store->first;

    for (n = 0; *end && n < HARS_STORE_OPS; n++) {
        end = &(*end)->next;
    }

    store->first = *end;

    if (store->first == NULL) {
        store->last = &store->first;
    }

    if (first) {
        *end = NULL;
    }

    pthread_mutex_unlock(&store->mutex);

    return first;
}


static void
hars_store_batch(hars_store_t *store, hars_store_job_t *job)
{
    hars_store_job_t  *next;

    if (store->sync && hars_store_sync_failed(store->sync)) {

        /* each is an error from the beginning */

        hars_store_batch_done(job);
        return;
    }

    if (hars_store_together(store->db, job) != HARS_OK) {

        for (next = job; next; next = next->next) {
            next->rc = HARS_ERROR;
        }

        for (next = job;
             next && hars_store_alone(store->db, next) == HARS_OK;
             next = next->next)
        { /* void */ }
    }

    if (store->sync) {
        hars_store_sync_give(store->sync, job);

    } else {
        hars_store_batch_done(job);
    }
}


/* a job is gone as soon as it is told */
static void
hars_store_batch_done(hars_store_job_t *job)
{
    hars_store_job_t  *next;

    for ( /* void */ ; job; job = next) {
        next = job->next;
        job->done(job->data);
    }
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
