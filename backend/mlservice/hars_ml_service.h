
/*
 * What the endpoints of the ML service share: the loaded model, the request
 * and the answers as JSON.  One endpoint per file; the service knows nothing
 * of tokens or people.
 */

#ifndef HARS_ML_SERVICE_H
#define HARS_ML_SERVICE_H


#include "hars_http.h"
#include "hars_ml.h"


#define HARS_ML_BODY   (1024 * 1024)


/*
 * The recording of a request's body: status 0, or the HTTP status of the
 * refusal with its fault.  rec->sample comes from malloc() in any case.
 */
unsigned hars_json_recording(const char *body, size_t len,
    const hars_model_t *model, hars_recording_t *rec, hars_fault_t *fault);

/* bodies from malloc(), NULL: no memory */
char *hars_json_answers(const hars_model_t *model,
    const hars_recording_t *rec, size_t received,
    const hars_answers_t *answers);
char *hars_json_models(const hars_model_t *model);

/* RFC 9457 with the members field, row, column */
char *hars_json_fault(unsigned status, const hars_fault_t *fault);

/* handlers */
void hars_recognitions_post(hars_request_t *r);
void hars_models_get(hars_request_t *r);


#endif /* HARS_ML_SERVICE_H */
