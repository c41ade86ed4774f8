
/*
 * POST /v1/recognitions: a recording in, one activity per window out.
 *
 *     piece of the body -> rows -> reading ... -> judged -> answers
 *
 * CSV and packed bodies are read while they come, whatever their length; JSON
 * is collected and parsed as a whole.  What cannot be answered is refused with
 * the reason and the mend, and is the sender's to change: 400, 413, 415 and
 * 422 are never worth a retry.
 */


#include "hars_ml_service.h"

#include <stdlib.h>
#include <string.h>


#define HARS_RECOGNITION_ROWS  512         /* parsed, then computed */


/* one request's; status 0: all is well so far */
typedef struct {
    hars_request_t     *r;
    unsigned            status;
    hars_fault_t        fault;
    unsigned            json:1;
    unsigned            packed:1;
    unsigned            csv:1;             /* is wanted */
    size_t              taken;             /* bytes of JSON */
    uint64_t            computed;          /* ns of the piece in hand */
    hars_options_t      options;
    hars_shelf_t       *shelf;
    const hars_model_t  *model;
    hars_inflate_t     *inflate;           /* NULL: not compressed */
    hars_text_t         text;
    hars_unpack_t       block;
    hars_rows_t         rows;              /* parsed and waiting */
    hars_reading_t     *reading;
} hars_recognition_t;


static hars_recognition_t *hars_recognition_begin(hars_request_t *r);
static unsigned hars_recognition_open(hars_recognition_t *rg);
static unsigned hars_recognition_read(hars_recognition_t *rg);
static int hars_recognition_hold(void *data, size_t size);
static unsigned hars_recognition_piece(void *data, const char *piece,
    size_t len, hars_fault_t *fault);
static int hars_recognition_full(void *data, hars_fault_t *fault);
static unsigned hars_recognition_json(hars_recognition_t *rg);
static unsigned hars_recognition_last(hars_recognition_t *rg);
static unsigned hars_recognition_end(hars_recognition_t *rg);
static void hars_recognition_count(hars_recognition_t *rg, uint64_t start);


/* of who came when there was no memory, be there some at the end */
static hars_recognition_t  hars_recognition_none = {
    .status = 503
};


int
hars_recognitions_piece(hars_request_t *r, const char *data, size_t len)
{
    uint64_t             start;
    hars_recognition_t  *rg;

    rg = r->ctx ? r->ctx : hars_recognition_begin(r);

    if (rg->status) {
        return HARS_ERROR;
    }

    if (rg->json) {
        rg->taken += len;

        if (rg->taken > HARS_ML_BODY) {
            rg->status = hars_body_long(&rg->fault, HARS_ML_BODY);
            return HARS_ERROR;
        }

        return HARS_DECLINED;
    }

    start = hars_metrics_now();

    rg->status = rg->inflate
                 ? hars_inflate_piece(rg->inflate, data, len,
                                      hars_recognition_piece, rg, &rg->fault)
                 : hars_recognition_piece(rg, data, len, &rg->fault);

    hars_recognition_count(rg, start);

    return rg->status ? HARS_ERROR : HARS_OK;
}


/* with the first piece, or with none */
static hars_recognition_t *
hars_recognition_begin(hars_request_t *r)
{
    hars_recognition_t  *rg;

    rg = hars_request_hold(r, sizeof(hars_recognition_t)) == HARS_OK
         ? calloc(1, sizeof(hars_recognition_t)) : NULL;

    if (rg == NULL) {
        r->ctx = &hars_recognition_none;
        return &hars_recognition_none;
    }

    r->ctx = rg;
    rg->r = r;
    rg->status = hars_recognition_open(rg);

    return rg;
}


/* what the headers and the query say */
static unsigned
hars_recognition_open(hars_recognition_t *rg)
{
    int              json, csv;
    unsigned         gzip, status;
    hars_request_t  *r;

    r = rg->r;
    json = hars_request_accept(r, "application/json");
    csv = hars_request_accept(r, "text/csv");

    /* of a malformed header HARS_ERROR, of both */

    if (json <= 0 && csv <= 0) {
        return 406;
    }

    rg->csv = csv > json;

    rg->json = hars_request_type(r, "application/json") != 0;
    rg->packed = hars_request_type(r, HARS_ML_PACKED_TYPE) != 0;

    if (rg->json) {
        return 0;
    }

    if (!rg->packed && !hars_request_type(r, "text/csv")) {
        return hars_body_foreign(&rg->fault);
    }

    status = hars_body_coding(r, &gzip, &rg->fault);

    if (status == 0 && gzip) {
        rg->inflate = hars_inflate_create(HARS_ML_BODY_READ);
        status = rg->inflate ? 0 : 503;
    }

    if (status == 0) {
        status = hars_body_options(r, &rg->options, &rg->fault);
    }

    return status ? status : hars_recognition_read(rg);
}


static unsigned
hars_recognition_read(hars_recognition_t *rg)
{
    rg->shelf = hars_shelf_hold(rg->r->data);
    rg->model = hars_shelf_choose(rg->shelf, &rg->options, &rg->fault);

    if (rg->model == NULL) {
        return 422;
    }

    rg->rows.max = HARS_RECOGNITION_ROWS;
    rg->rows.full = hars_recognition_full;
    rg->rows.data = rg;

    rg->reading = hars_reading_create(&rg->options, rg->model,
                                      hars_recognition_hold, rg->r);

    return rg->reading ? 0 : 503;
}


static int
hars_recognition_hold(void *data, size_t size)
{
    return hars_request_hold(data, size);
}


static unsigned
hars_recognition_piece(void *data, const char *piece, size_t len,
    hars_fault_t *fault)
{
    hars_recognition_t  *rg = data;

    return rg->packed
           ? hars_packed_piece(&rg->block, piece, len, &rg->rows, fault)
           : hars_text_piece(&rg->text, piece, len, &rg->rows, fault);
}


static int
hars_recognition_full(void *data, hars_fault_t *fault)
{
    uint64_t             start;
    unsigned             status;
    hars_recognition_t  *rg = data;

    start = hars_metrics_now();

    hars_rows_scale(&rg->rows, &rg->options);
    status = hars_reading_rows(rg->reading, &rg->rows, fault);

    atomic_fetch_add(&((hars_ml_t *) rg->r->data)->metrics.rows, rg->rows.n);
    rg->rows.n = 0;
    rg->rows.status = status;
    rg->computed += hars_metrics_now() - start;

    return status ? HARS_ERROR : HARS_OK;
}


void
hars_recognitions_post(hars_request_t *r)
{
    uint64_t             start;
    hars_reading_t      *reading;
    hars_recognition_t  *rg;

    rg = r->ctx ? r->ctx : hars_recognition_begin(r);

    if (rg->status == 0 && rg->json) {
        rg->status = hars_recognition_json(rg);
    }

    if (rg->status == 0) {
        start = hars_metrics_now();
        rg->status = hars_recognition_end(rg);
        hars_recognition_count(rg, start);
    }

    if (rg->status == 406) {
        hars_metrics_refused(&((hars_ml_t *) r->data)->metrics, 406);
        hars_reply_problem(r, 406, "Accept application/json or text/csv.");
        return;
    }

    if (rg->status) {
        hars_body_refuse(r, rg->status, &rg->fault);
        return;
    }

    reading = rg->reading;
    rg->reading = NULL;
    atomic_fetch_add(&((hars_ml_t *) r->data)->metrics.windows, reading->n);
    hars_answer_send(r, rg->shelf, reading, rg->csv);
    rg->shelf = NULL;
}


static unsigned
hars_recognition_json(hars_recognition_t *rg)
{
    unsigned  status;

    status = hars_body_rows(rg->r, &rg->options, NULL, &rg->rows, &rg->fault);

    return status ? status : hars_recognition_read(rg);
}


static unsigned
hars_recognition_end(hars_recognition_t *rg)
{
    uint64_t  start;
    unsigned  status;

    status = rg->json ? 0 : hars_recognition_last(rg);
    start = hars_metrics_now();

    if (status == 0) {
        status = hars_reading_rows(rg->reading, &rg->rows, &rg->fault);
    }

    if (status == 0) {
        status = hars_reading_end(rg->reading, &rg->fault);
    }

    rg->computed += hars_metrics_now() - start;

    return status;
}


/* what the last piece left */
static unsigned
hars_recognition_last(hars_recognition_t *rg)
{
    unsigned  status;

    status = rg->inflate ? hars_inflate_end(rg->inflate, &rg->fault) : 0;

    if (status == 0) {
        status = rg->packed
                 ? hars_packed_end(&rg->block, &rg->rows, &rg->fault)
                 : hars_text_end(&rg->text, &rg->rows, &rg->fault);
    }

    if (status == 0) {
        hars_rows_scale(&rg->rows, &rg->options);
        atomic_fetch_add(&((hars_ml_t *) rg->r->data)->metrics.rows,
                         rg->rows.n);
    }

    return status;
}


static void
hars_recognition_count(hars_recognition_t *rg, uint64_t start)
{
    uint64_t         spent;
    hars_metrics_t  *metrics;

    metrics = &((hars_ml_t *) rg->r->data)->metrics;
    spent = hars_metrics_now() - start;

    atomic_fetch_add(&metrics->compute, rg->computed);
    atomic_fetch_add(&metrics->parse, spent - rg->computed);
    rg->computed = 0;
}


void
hars_recognitions_gone(hars_request_t *r)
{
    hars_recognition_t  *rg;

    rg = r->ctx;

    if (rg == NULL || rg == &hars_recognition_none) {
        return;
    }

    hars_inflate_free(rg->inflate);
    hars_reading_free(rg->reading);
    free(rg->rows.row);

    if (rg->shelf) {
        hars_shelf_release(r->data, rg->shelf);
    }

    free(rg);
    r->ctx = NULL;
}
