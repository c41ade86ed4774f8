
/*
 * The handlers, one endpoint per file, and the answers that several of them
 * give.
 */

#ifndef HARS_DCM_ENDPOINTS_H
#define HARS_DCM_ENDPOINTS_H


#include "hars_dcm.h"
#include "hars_dcm_intake.h"
#include "hars_ml.h"


void hars_dcm_recordings_post(hars_request_t *r);
int hars_dcm_recordings_piece(hars_request_t *r, const char *data,
    size_t len);
void hars_dcm_recordings_gone(hars_request_t *r);
void hars_dcm_recording_get(hars_request_t *r);
void hars_dcm_recording_activities(hars_request_t *r);
void hars_dcm_samples_get(hars_request_t *r);
void hars_dcm_export_get(hars_request_t *r);
void hars_dcm_activities_get(hars_request_t *r);
void hars_dcm_days_get(hars_request_t *r);
void hars_dcm_events_get(hars_request_t *r);
void hars_dcm_patient_delete(hars_request_t *r);


/* hars_dcm_intake_answer.c: to who sent it */
void hars_intake_answer(hars_request_t *r, hars_intake_e outcome,
    const hars_dcm_recording_t *recording);

/* hars_dcm_fault.c: RFC 9457 with the members field, row, column */
void hars_reply_fault(hars_request_t *r, unsigned status,
    const hars_fault_t *fault);


#endif /* HARS_DCM_ENDPOINTS_H */
