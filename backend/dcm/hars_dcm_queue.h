
/*
 * The queue of recordings that are to be recognized: rows of the table job,
 * made with the recording and gone with its result.  What is done with a job
 * is a lease of some seconds, renewed while it lasts, so that several
 * instances share one queue, and what one that died had in hand is done by
 * another.  Each claim of a job has a number of its own (tries): only who has
 * the last one may end it.
 */

#ifndef HARS_DCM_QUEUE_H
#define HARS_DCM_QUEUE_H


#include "hars_dcm_recording.h"


#define HARS_QUEUE_LEASE  15000           /* ms */


typedef struct {
    char       patient[HARS_DCM_ID];
    char       recording[HARS_DCM_ID];
    int64_t    tries;                     /* the number of this claim */
} hars_job_t;


/* a job that is due, claimed; HARS_DECLINED: there is none */
int hars_queue_claim(hars_dcm_t *dcm, int64_t now_ms, hars_job_t *job);

/* has it for another while; HARS_DECLINED: another one has it, or it is gone */
int hars_queue_keep(hars_dcm_t *dcm, const hars_job_t *job, int64_t now_ms);

/* to be done again, at that time */
int hars_queue_later(hars_dcm_t *dcm, const hars_job_t *job, int64_t due_ms);

/* never again: the recording has failed, for this reason */
int hars_queue_fail(hars_dcm_t *dcm, const hars_job_t *job,
    const char *reason);

/*
 * Inside a transaction: ends the claim with its job.  HARS_DECLINED: it is
 * not the last one any more, and nothing of it counts.
 */
int hars_queue_end(hars_db_t *db, const hars_job_t *job);

/* nobody has a job in hand: at the start of the one server of a database */
int hars_queue_recover(hars_dcm_t *dcm);


#endif /* HARS_DCM_QUEUE_H */
