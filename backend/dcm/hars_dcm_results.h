
/*
 * What was recognized, into the database: windows, the totals of their days,
 * the recording's state and the end of its job, all in one transaction.
 */

#ifndef HARS_DCM_RESULTS_H
#define HARS_DCM_RESULTS_H


#include "hars_dcm_answer.h"
#include "hars_dcm_queue.h"


/*
 * HARS_DECLINED: the job is not this claim's any more, or the patient was
 * erased; nothing is stored.  HARS_ERROR: nobody knows.
 */
int hars_results_store(hars_dcm_t *dcm, const hars_job_t *job,
    const hars_ml_answer_t *answer);


#endif /* HARS_DCM_RESULTS_H */
