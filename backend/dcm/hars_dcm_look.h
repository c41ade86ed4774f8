
/*
 * The door of every endpoint about a patient: who asks (hars_who.h),
 * whether they may (hars_dcm_access.h), and that it is written down before
 * anything is shown.
 *
 *     GET /v1/patients/{id}/...
 *         hars_look(r, HARS_LOOK_ACTIVITIES, &look)     401, 403, 404
 *         ... of look.access.since_ms to until_ms alone ...
 *
 * The access log is the patient's: looks of others, sealed, in the database
 * before the answer.  Looks of one client at one thing within a minute are
 * one line.  A look that cannot be written down is not given.
 */

#ifndef HARS_DCM_LOOK_H
#define HARS_DCM_LOOK_H


#include "hars_dcm_access.h"


typedef struct hars_looks_s  hars_looks_t;


typedef struct {
    hars_who_t            who;
    char                  patient[HARS_DCM_ID];
    hars_access_what_e    what;
    hars_access_t         access;
} hars_look_t;


/* what was looked at within the last minute; NULL: no memory, logged */
hars_looks_t *hars_looks_create(void);
void hars_looks_free(hars_looks_t *looks);

/*
 * The patient is the first "*" of the route, whose handler waits
 * (hars_route_t: waits).  HARS_ERROR after it answered.
 */
int hars_look(hars_request_t *r, hars_access_what_e what, hars_look_t *look);

/*
 * The same again, for a stream that goes on; writes nothing down, answers
 * nothing.  HARS_DECLINED: not any more; HARS_ERROR: nobody knows.
 */
int hars_look_again(hars_dcm_t *dcm, hars_look_t *look);

/* 404 as for who is not there at all, for who reads something by itself */
void hars_look_nobody(hars_request_t *r);


#endif /* HARS_DCM_LOOK_H */
