
/*
 * A request's body as rows, in whichever form it comes, and what its headers
 * and query say of it.
 *
 *     Content-Type        application/json            up to 1 MB
 *                         text/csv                    up to 8 MB
 *                         application/vnd.hars.samples
 *     Content-Encoding    gzip, bounded by the same sizes
 *     query               the options of CSV and samples
 *
 * A recording as CSV or samples is read in pieces (hars_ml_recognitions.c),
 * and as long as it likes.
 */


#include "hars_ml_service.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


typedef struct {
    hars_options_t     *options;           /* NULL: there may be none */
    hars_fault_t       *fault;
    int                 rc;
} hars_body_query_t;


static unsigned hars_body_read(hars_request_t *r, hars_options_t *options,
    const hars_options_t *fixed, hars_rows_t *rows, hars_fault_t *fault);
static unsigned hars_body_open(hars_request_t *r, size_t max, char **open,
    const char **body, size_t *len, hars_fault_t *fault);
static unsigned hars_body_parse(hars_request_t *r, const char *body,
    size_t len, hars_options_t *options, hars_rows_t *rows,
    hars_fault_t *fault);
static void hars_body_query(void *data, const char *name, const char *value);


unsigned
hars_body_rows(hars_request_t *r, hars_options_t *options,
    const hars_options_t *fixed, hars_rows_t *rows, hars_fault_t *fault)
{
    uint64_t         start;
    unsigned         status;
    hars_metrics_t  *metrics;

    metrics = &((hars_ml_t *) r->data)->metrics;
    start = hars_metrics_now();

    status = hars_body_read(r, options, fixed, rows, fault);

    atomic_fetch_add(&metrics->parse, hars_metrics_now() - start);
    atomic_fetch_add(&metrics->rows, rows->n);

    return status;
}


static unsigned
hars_body_read(hars_request_t *r, hars_options_t *options,
    const hars_options_t *fixed, hars_rows_t *rows, hars_fault_t *fault)
{
    char               *open;
    size_t              len;
    unsigned            status, json;
    const char         *body;
    hars_body_query_t   query;

    memset(rows, 0, sizeof(hars_rows_t));
    hars_options_init(options);

    json = hars_request_type(r, "application/json");
    rows->max = json ? HARS_ML_ROWS_MAX : HARS_ML_ROWS_BIG;

    query.options = json || fixed ? NULL : options;
    query.fault = fault;
    query.rc = HARS_OK;
    hars_request_query(r, hars_body_query, &query);

    if (query.rc != HARS_OK) {
        return 422;
    }

    status = hars_body_open(r, json ? HARS_ML_BODY : HARS_ML_BODY_ROWS,
                            &open, &body, &len, fault);

    if (status == 0) {
        status = hars_body_parse(r, body, len, fixed ? NULL : options, rows,
                                 fault);
    }

    free(open);

    if (status == 0 && fixed == NULL
        && hars_options_judge(options, fault) != HARS_OK)
    {
        status = 422;
    }

    if (status == 0) {
        hars_rows_scale(rows, fixed ? fixed : options);
    }

    return status;
}


static void
hars_body_query(void *data, const char *name, const char *value)
{
    hars_body_query_t  *query = data;

    if (query->rc != HARS_OK) {
        return;
    }

    if (query->options == NULL) {
        query->rc = hars_fault(query->fault, "", -1, -1,
                               "there is no place for a query here");
        return;
    }

    query->rc = hars_options_set(query->options, name, value, query->fault);
}


static unsigned
hars_body_open(hars_request_t *r, size_t max, char **open, const char **body,
    size_t *len, hars_fault_t *fault)
{
    unsigned  status, gzip;

    *open = NULL;
    *body = r->body;
    *len = r->body_len;

    if (*len > max) {
        return hars_body_long(fault, max);
    }

    status = hars_body_coding(r, &gzip, fault);

    if (status == 0 && gzip) {
        status = hars_inflate(r->body, r->body_len, max, open, len, fault);
        *body = *open ? *open : "";
    }

    return status;
}


unsigned
hars_body_long(hars_fault_t *fault, size_t max)
{
    hars_fault(fault, "", -1, -1, "more than %zu bytes: send the samples "
               "as text/csv or " HARS_ML_PACKED_TYPE ", or in parts", max);

    return 413;
}


unsigned
hars_body_coding(hars_request_t *r, unsigned *gzip, hars_fault_t *fault)
{
    int          rc;
    const char  *coding;

    *gzip = 0;
    rc = hars_request_header(r, "Content-Encoding", &coding);

    if (rc == HARS_DECLINED || (rc == HARS_OK
                                && strcasecmp(coding, "identity") == 0))
    {
        return 0;
    }

    if (rc != HARS_OK || strcasecmp(coding, "gzip") != 0) {
        hars_fault(fault, "", -1, -1, "Content-Encoding may be gzip");
        return 415;
    }

    *gzip = 1;

    return 0;
}


unsigned
hars_body_options(hars_request_t *r, hars_options_t *options,
    hars_fault_t *fault)
{
    hars_body_query_t  query;

    hars_options_init(options);

    query.options = options;
    query.fault = fault;
    query.rc = HARS_OK;
    hars_request_query(r, hars_body_query, &query);

    return query.rc == HARS_OK
           && hars_options_judge(options, fault) == HARS_OK ? 0 : 422;
}


static unsigned
hars_body_parse(hars_request_t *r, const char *body, size_t len,
    hars_options_t *options, hars_rows_t *rows, hars_fault_t *fault)
{
    if (hars_request_type(r, "application/json")) {
        return hars_json_rows(body, len, options, rows, fault);
    }

    if (hars_request_type(r, "text/csv")) {
        return hars_text_rows(body, len, rows, fault);
    }

    if (hars_request_type(r, HARS_ML_PACKED_TYPE)) {
        return hars_packed_rows(body, len, rows, fault);
    }

    return hars_body_foreign(fault);
}


unsigned
hars_body_foreign(hars_fault_t *fault)
{
    hars_fault(fault, "", -1, -1, "Send the recording as Content-Type: "
               "application/json, text/csv or " HARS_ML_PACKED_TYPE);

    return 415;
}


void
hars_body_refuse(hars_request_t *r, unsigned status,
    const hars_fault_t *fault)
{
    char       *body;
    hars_ml_t  *ml;

    ml = r->data;
    hars_metrics_refused(&ml->metrics, status);

    body = status == 503 ? NULL : hars_json_fault(status, fault);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, HARS_PROBLEM_TYPE, body, strlen(body));
}


int
hars_body_scope(hars_request_t *r, const char *scope)
{
    size_t       len;
    const char  *p;

    if (hars_request_header(r, "Hars-Scope", &p) != HARS_OK) {
        return 0;
    }

    len = strlen(scope);

    while (*p) {
        p += strspn(p, " ");

        if (strcspn(p, " ") == len && strncmp(p, scope, len) == 0) {
            return 1;
        }

        p += strcspn(p, " ");
    }

    return 0;
}
