
/*
 * See hars_dcm_queue.h for what this is.  An idle queue costs a SELECT, not a
 * transaction that writes.
 */

#include "hars_dcm_queue.h"
#include "hars_pace.h"

#include <string.h>


/* later than any delay: the clock was set back meanwhile */
#define HARS_QUEUE_NEVER  (HARS_PACE_AFTER * 1000LL)


typedef struct {
    hars_job_t     *job;
    int64_t         now;
    int64_t         due;
    const char     *reason;
} hars_queue_op_t;


static int hars_queue_due(hars_dcm_t *dcm, int64_t now);
static int hars_queue_take(hars_db_t *db, void *data);
static int hars_queue_lease(hars_db_t *db, void *data);
static int hars_queue_delay(hars_db_t *db, void *data);
static int hars_queue_failed(hars_db_t *db, void *data);
static void hars_queue_bind(hars_db_t *db, const hars_job_t *job);
static int hars_queue_state(hars_db_t *db, const hars_job_t *job,
    hars_recording_state_e state, const char *reason);
static int hars_queue_reset(hars_db_t *db, void *data);


int
hars_queue_claim(hars_dcm_t *dcm, int64_t now_ms, hars_job_t *job)
{
    int              rc;
    hars_queue_op_t  op = { .job = job, .now = now_ms };

    rc = hars_queue_due(dcm, now_ms);

    return rc == HARS_OK ? hars_store_write(dcm->store, hars_queue_take, &op)
                         : rc;
}


static int
hars_queue_due(hars_dcm_t *dcm, int64_t now)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_int(db, now);
    hars_db_int(db, now + HARS_QUEUE_NEVER);
    rc = hars_db_first(db, "SELECT 1 FROM job WHERE (due_ms <= ?1"
                       " OR due_ms > ?2) AND until_ms <= ?1 LIMIT 1");

    hars_store_reader_done(dcm->store, db);

    return rc;
}


/* the one that another instance takes at this moment is not seen: later */
static int
hars_queue_take(hars_db_t *db, void *data)
{
    int               rc;
    hars_job_t       *job;
    hars_queue_op_t  *op;

    op = data;
    job = op->job;

    hars_db_int(db, op->now);
    hars_db_int(db, op->now + HARS_QUEUE_NEVER);
    rc = hars_db_first(db, "SELECT patient, recording, tries FROM job"
                       " WHERE (due_ms <= ?1 OR due_ms > ?2)"
                       " AND until_ms <= ?1"
                       " ORDER BY due_ms LIMIT 1 {LOCK}");

    if (rc != HARS_OK) {
        return rc;
    }

    if (hars_db_get_text(db, 0, job->patient, HARS_DCM_ID) != HARS_OK
        || hars_db_get_text(db, 1, job->recording, HARS_DCM_ID) != HARS_OK)
    {
        return HARS_ERROR;
    }

    job->tries = hars_db_get_int(db, 2) + 1;

    hars_db_text(db, job->patient);
    hars_db_text(db, job->recording);
    hars_db_int(db, job->tries);
    hars_db_int(db, op->now + HARS_QUEUE_LEASE);

    if (hars_db_do(db, "UPDATE job SET tries = ?3, until_ms = ?4"
                   " WHERE patient = ?1 AND recording = ?2", NULL)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_queue_state(db, job, HARS_RECORDING_RUNNING, "");
}


int
hars_queue_keep(hars_dcm_t *dcm, const hars_job_t *job, int64_t now_ms)
{
    hars_job_t       copy = *job;
    hars_queue_op_t  op = { .job = &copy, .now = now_ms };

    return hars_store_write(dcm->store, hars_queue_lease, &op);
}


static int
hars_queue_lease(hars_db_t *db, void *data)
{
    uint64_t          n;
    hars_queue_op_t  *op;

    op = data;

    hars_queue_bind(db, op->job);
    hars_db_int(db, op->now + HARS_QUEUE_LEASE);

    if (hars_db_do(db, "UPDATE job SET until_ms = ?4 WHERE patient = ?1"
                   " AND recording = ?2 AND tries = ?3", &n) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return n ? HARS_OK : HARS_DECLINED;
}


int
hars_queue_later(hars_dcm_t *dcm, const hars_job_t *job, int64_t due_ms)
{
    hars_job_t       copy = *job;
    hars_queue_op_t  op = { .job = &copy, .due = due_ms };

    return hars_store_write(dcm->store, hars_queue_delay, &op);
}


static int
hars_queue_delay(hars_db_t *db, void *data)
{
    uint64_t          n;
    hars_queue_op_t  *op;

    op = data;

    hars_queue_bind(db, op->job);
    hars_db_int(db, op->due);

    if (hars_db_do(db, "UPDATE job SET due_ms = ?4, until_ms = 0"
                   " WHERE patient = ?1 AND recording = ?2 AND tries = ?3",
                   &n) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return n ? hars_queue_state(db, op->job, HARS_RECORDING_QUEUED, "")
             : HARS_DECLINED;
}


int
hars_queue_fail(hars_dcm_t *dcm, const hars_job_t *job, const char *reason)
{
    hars_job_t       copy = *job;
    hars_queue_op_t  op = { .job = &copy, .reason = reason };

    return hars_store_write(dcm->store, hars_queue_failed, &op);
}


static int
hars_queue_failed(hars_db_t *db, void *data)
{
    int               rc;
    hars_queue_op_t  *op;

    op = data;
    rc = hars_queue_end(db, op->job);

    return rc == HARS_OK ? hars_queue_state(db, op->job,
                                            HARS_RECORDING_FAILED, op->reason)
                         : rc;
}


int
hars_queue_end(hars_db_t *db, const hars_job_t *job)
{
    uint64_t  n;

    hars_queue_bind(db, job);

    if (hars_db_do(db, "DELETE FROM job WHERE patient = ?1"
                   " AND recording = ?2 AND tries = ?3", &n) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return n ? HARS_OK : HARS_DECLINED;
}


static void
hars_queue_bind(hars_db_t *db, const hars_job_t *job)
{
    hars_db_text(db, job->patient);
    hars_db_text(db, job->recording);
    hars_db_int(db, job->tries);
}


static int
hars_queue_state(hars_db_t *db, const hars_job_t *job,
    hars_recording_state_e state, const char *reason)
{
    hars_db_text(db, job->patient);
    hars_db_text(db, job->recording);
    hars_db_int(db, state);
    hars_db_text(db, reason);

    return hars_db_do(db, "UPDATE recording SET state = ?3, reason = ?4"
                      " WHERE patient = ?1 AND id = ?2", NULL);
}


int
hars_queue_recover(hars_dcm_t *dcm)
{
    return hars_store_write(dcm->store, hars_queue_reset, NULL);
}


static int
hars_queue_reset(hars_db_t *db, void *data)
{
    (void) data;

    return hars_db_do(db, "UPDATE job SET until_ms = 0 WHERE until_ms > 0",
                      NULL);
}
