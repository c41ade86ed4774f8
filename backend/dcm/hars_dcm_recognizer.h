
/*
 * The recognition of what was stored, in the background: threads that take
 * jobs from the queue and have each recording recognized by the ML service
 * through the gateway, as an OAuth client with a certificate.
 *
 *     job -> blocks, packed -> token -> POST /v1/recognitions -> windows
 *
 * While the service is away, or wants to be left alone (429, 503), one job is
 * tried at a time: after Retry-After, or a second, doubled up to a minute.
 */

#ifndef HARS_DCM_RECOGNIZER_H
#define HARS_DCM_RECOGNIZER_H


#include "hars_dcm.h"


typedef struct hars_recognizer_s  hars_recognizer_t;


/* NULL after the log has the cause; it needs the store */
hars_recognizer_t *hars_recognizer_start(hars_dcm_t *dcm);

/* ends when the calls in hand have; NULL is allowed */
void hars_recognizer_stop(hars_recognizer_t *recognizer);

/* there is a new job; NULL is allowed */
void hars_recognizer_wake(hars_recognizer_t *recognizer);

/* each second: the leases of what is in hand; NULL is allowed */
void hars_recognizer_tick(hars_recognizer_t *recognizer);


#endif /* HARS_DCM_RECOGNIZER_H */
