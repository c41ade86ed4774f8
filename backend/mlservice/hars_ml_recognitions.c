
/*
 * POST /v1/recognitions: a recording in, one activity per window out.
 *
 *     body -> recording -> clean -> judge -> windows -> answers
 *
 * What cannot be answered is refused with the reason and the mend, and is
 * the sender's to change: 400, 415 and 422 are never worth a retry.
 */


#include "hars_ml_service.h"

#include <stdlib.h>
#include <string.h>


static unsigned hars_recognitions_answer(const hars_request_t *r,
    hars_recording_t *rec, hars_fault_t *fault, char **body);
static void hars_recognitions_refuse(hars_request_t *r, unsigned status,
    const hars_fault_t *fault);


void
hars_recognitions_post(hars_request_t *r)
{
    char              *body;
    unsigned           status;
    hars_fault_t       fault;
    hars_recording_t   rec;

    if (!hars_request_type(r, "application/json")) {
        hars_reply_problem(r, 415, "Send the recording as Content-Type: "
                           "application/json.");
        return;
    }

    body = NULL;
    status = hars_recognitions_answer(r, &rec, &fault, &body);

    free(rec.sample);

    if (status != 200) {
        hars_recognitions_refuse(r, status, &fault);
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, "application/json", body, strlen(body));
}


static unsigned
hars_recognitions_answer(const hars_request_t *r, hars_recording_t *rec,
    hars_fault_t *fault, char **body)
{
    size_t               received;
    unsigned             status;
    hars_answers_t       answers;
    const hars_model_t  *model;

    model = r->data;

    status = hars_json_recording(r->body, r->body_len, model, rec, fault);
    if (status) {
        return status;
    }

    received = rec->n;

    if (hars_recording_clean(rec, fault) != HARS_OK
        || hars_recording_judge(rec, fault) != HARS_OK)
    {
        return fault->field ? 422 : 503;
    }

    if (hars_recognize(model, rec, &answers) != HARS_OK) {
        return 503;
    }

    if (answers.n == 0) {
        hars_fault(fault, "samples", -1, -1,
                   "no stretch of %.2f s is without a gap longer than %.2f s",
                   (double) HARS_ML_WINDOW / HARS_ML_RATE, HARS_ML_GAP);
        return 422;
    }

    *body = hars_json_answers(model, rec, received, &answers);
    free(answers.answer);

    return *body ? 200 : 503;
}


static void
hars_recognitions_refuse(hars_request_t *r, unsigned status,
    const hars_fault_t *fault)
{
    char  *body;

    body = status == 503 ? NULL : hars_json_fault(status, fault);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, HARS_PROBLEM_TYPE, body, strlen(body));
}
