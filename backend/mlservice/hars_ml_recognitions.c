
/*
 * POST /v1/recognitions: a recording in, one activity per window out.
 *
 *     body -> rows -> clean recording -> judge -> windows -> answers
 *
 * What cannot be answered is refused with the reason and the mend, and is
 * the sender's to change: 400, 413, 415 and 422 are never worth a retry.
 */


#include "hars_ml_service.h"

#include <stdlib.h>
#include <string.h>


static unsigned hars_recognitions_rows(hars_request_t *r,
    const hars_shelf_t *shelf, hars_fault_t *fault, char **body);
static unsigned hars_recognitions_answer(hars_request_t *r,
    const hars_rows_t *rows, const hars_options_t *options,
    const hars_model_t *model, hars_fault_t *fault, char **body);
static unsigned hars_recognitions_windows(hars_request_t *r,
    const hars_rows_t *rows, const hars_model_t *model,
    const hars_recording_t *rec, const hars_feed_t *feed, hars_fault_t *fault,
    char **body);


void
hars_recognitions_post(hars_request_t *r)
{
    char          *body;
    unsigned       status;
    hars_ml_t     *ml;
    const char    *type;
    hars_fault_t   fault;
    hars_shelf_t  *shelf;

    ml = r->data;
    body = NULL;
    type = hars_body_accepts(r, "application/json") ? "application/json"
           : hars_body_accepts(r, "text/csv") ? "text/csv; header=present"
           : NULL;

    if (type == NULL) {
        hars_metrics_refused(&ml->metrics, 406);
        hars_reply_problem(r, 406, "Accept application/json or text/csv.");
        return;
    }

    shelf = hars_shelf_hold(ml);
    status = hars_recognitions_rows(r, shelf, &fault, &body);
    hars_shelf_release(ml, shelf);

    if (status != 200) {
        hars_body_refuse(r, status, &fault);
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, type, body, strlen(body));
}


static unsigned
hars_recognitions_rows(hars_request_t *r, const hars_shelf_t *shelf,
    hars_fault_t *fault, char **body)
{
    uint64_t             start;
    unsigned             status;
    hars_rows_t          rows;
    hars_options_t       options;
    hars_metrics_t      *metrics;
    const hars_model_t  *model;

    metrics = &((hars_ml_t *) r->data)->metrics;
    status = hars_body_rows(r, &options, NULL, &rows, fault);
    start = hars_metrics_now();

    if (status == 0) {
        model = hars_shelf_choose(shelf, &options, fault);
        status = model ? hars_recognitions_answer(r, &rows, &options, model,
                                                  fault, body)
                       : 422;
    }

    atomic_fetch_add(&metrics->compute, hars_metrics_now() - start);

    free(rows.row);

    return status;
}


static unsigned
hars_recognitions_answer(hars_request_t *r, const hars_rows_t *rows,
    const hars_options_t *options, const hars_model_t *model,
    hars_fault_t *fault, char **body)
{
    unsigned           status;
    hars_feed_t       *feed;
    hars_recording_t   rec;

    feed = malloc(sizeof(hars_feed_t));
    if (feed == NULL) {
        return 503;
    }

    fault->field = NULL;

    if (hars_rows_recording(rows, options, &rec, feed, fault) == HARS_OK
        && hars_recording_judge(&rec, fault) == HARS_OK)
    {
        status = hars_recognitions_windows(r, rows, model, &rec, feed, fault,
                                           body);

    } else {
        status = fault->field ? 422 : 503;
    }

    free(rec.sample);
    free(feed);

    return status;
}


static unsigned
hars_recognitions_windows(hars_request_t *r, const hars_rows_t *rows,
    const hars_model_t *model, const hars_recording_t *rec,
    const hars_feed_t *feed, hars_fault_t *fault, char **body)
{
    size_t           i, at;
    hars_ml_t       *ml;
    hars_answer_t   *a;
    hars_answers_t   answers;

    if (hars_recognize(model, rec, &answers) != HARS_OK) {
        return 503;
    }

    if (answers.n == 0) {
        hars_fault(fault, "samples", -1, -1,
                   "no stretch of %.2f s is without a gap longer than %.2f s",
                   (double) HARS_ML_WINDOW / HARS_ML_RATE, HARS_ML_GAP);
        return 422;
    }

    ml = r->data;
    atomic_fetch_add(&ml->metrics.windows, answers.n);
    at = 0;

    for (i = 0; i < answers.n; i++) {
        a = &answers.answer[i];
        a->heart = hars_rows_heart(rows, &at, a->start, a->end);
    }

    *body = hars_body_accepts(r, "application/json")
            ? hars_json_answers(model, feed, &answers, (unsigned)
                                hars_body_scope(r, HARS_ML_PROBABILITIES))
            : hars_text_answers(model, &answers);
    free(answers.answer);

    return *body ? 200 : 503;
}
