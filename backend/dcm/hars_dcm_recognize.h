
/*
 * One recording to the ML service and back: read from its blocks, sent
 * packed with a token, its windows stored.
 *
 *     401            another token, once; then later
 *     400, 413, 422  the recording has failed, for the reason given
 *     all others     later
 */

#ifndef HARS_DCM_RECOGNIZE_H
#define HARS_DCM_RECOGNIZE_H


#include "hars_dcm_answer.h"
#include "hars_peer.h"
#include "hars_dcm_queue.h"


/* what became of a job */
typedef enum {
    HARS_RECOGNIZED_DONE = 0,             /* and stored */
    HARS_RECOGNIZED_REFUSED,              /* the recording, for good */
    HARS_RECOGNIZED_GONE,                 /* it is not ours any more */
    HARS_RECOGNIZED_AWAY,                 /* nobody there, or no time for it */
    HARS_RECOGNIZED_NOT                   /* this one, not all of them */
} hars_recognized_e;


typedef struct {
    hars_recognized_e         outcome;
    long                      retry_after;     /* s; 0: it was not said */
    char                      reason[HARS_ANSWER_REASON];
} hars_recognized_t;


/* of a thread; all but https is given */
typedef struct {
    hars_dcm_t               *dcm;
    hars_peer_t              *peer;       /* the ML service */
    atomic_uint              *stop;       /* not 0: no call is waited for */

    hars_https_t             *https;      /* to be freed; NULL: not yet */
} hars_recognize_t;


void hars_recognize_job(hars_recognize_t *recognize, const hars_job_t *job,
    hars_recognized_t *recognized);


#endif /* HARS_DCM_RECOGNIZE_H */
