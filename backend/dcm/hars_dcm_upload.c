
/*
 * See hars_dcm_upload.h for what this is.
 *
 *     query, body -> options and rows -> judged as the ML service will
 *                 -> seconds since 1970, within reason
 *
 * What the ML service would refuse is refused here, while its sender is there
 * to hear it.  Rows go on in the order and with the values that were sent;
 * the clean samples that the judgement makes of them are only counted.
 */

#include "hars_dcm_upload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>


typedef struct {
    hars_upload_t  *upload;
    hars_fault_t   *fault;
    EVP_MD_CTX     *digest;
    int             rc;
} hars_upload_query_t;


static unsigned hars_upload_body(hars_request_t *r, EVP_MD_CTX *digest,
    hars_upload_t *upload, hars_fault_t *fault);
static void hars_upload_parameter(void *data, const char *name,
    const char *value);
static int hars_upload_number(const char *value, double *number);
static unsigned hars_upload_open(hars_request_t *r, size_t max, char **open,
    const char **body, size_t *len, hars_fault_t *fault);
static unsigned hars_upload_parse(hars_request_t *r, const char *body,
    size_t len, hars_upload_t *upload, hars_fault_t *fault);
static int hars_upload_options(hars_upload_t *upload, const char *placement,
    hars_fault_t *fault);
static int hars_upload_judge(hars_upload_t *upload, hars_fault_t *fault);
static int hars_upload_hold(void *data, size_t size);
static int hars_upload_times(hars_upload_t *upload, double now,
    hars_fault_t *fault);


unsigned
hars_upload_read(hars_request_t *r, double now, hars_upload_t *upload,
    hars_fault_t *fault)
{
    char                  placement[HARS_ML_NAME];
    unsigned              status;
    hars_upload_query_t   query = { .upload = upload, .fault = fault };

    memset(upload, 0, sizeof(hars_upload_t));
    hars_options_init(&upload->options);

    query.digest = EVP_MD_CTX_new();
    query.rc = HARS_OK;

    if (query.digest == NULL
        || EVP_DigestInit_ex(query.digest, EVP_sha256(), NULL) != 1)
    {
        hars_fault(fault, NULL, -1, -1, "no memory");
        EVP_MD_CTX_free(query.digest);
        return 503;
    }

    hars_request_query(r, hars_upload_parameter, &query);

    if (query.rc == HARS_OK && upload->id[0] == '\0') {
        query.rc = hars_fault(fault, "id", -1, -1, "an id is needed, of 1 to "
                              "64 of A-Z a-z 0-9 . _ -, for each recording "
                              "another one");
    }

    strcpy(placement, upload->options.placement);

    status = query.rc == HARS_OK
             ? hars_upload_body(r, query.digest, upload, fault)
             : 422;

    EVP_MD_CTX_free(query.digest);

    if (status) {
        return status;
    }

    if (hars_upload_options(upload, placement, fault) != HARS_OK
        || hars_upload_judge(upload, fault) != HARS_OK
        || hars_upload_times(upload, now, fault) != HARS_OK)
    {
        return fault->field ? 422 : 503;
    }

    return 0;
}


static void
hars_upload_parameter(void *data, const char *name, const char *value)
{
    hars_upload_t        *upload;
    hars_upload_query_t  *query;

    query = data;
    upload = query->upload;

    if (query->rc != HARS_OK) {
        return;
    }

    if (strcmp(name, "id") == 0) {

        if (upload->id[0] || !hars_recording_id(value)) {
            query->rc = hars_fault(query->fault, "id", -1, -1, "it has to be "
                                   "one, of 1 to 64 of A-Z a-z 0-9 . _ -");
            return;
        }

        strcpy(upload->id, value);
        return;
    }

    /* with another meaning it is another recording */

    (void) EVP_DigestUpdate(query->digest, name, strlen(name) + 1);
    (void) EVP_DigestUpdate(query->digest, value, strlen(value) + 1);

    if (strcmp(name, "started_at") == 0) {
        if (upload->started
            || hars_upload_number(value, &upload->started_at) != HARS_OK)
        {
            query->rc = hars_fault(query->fault, "started_at", -1, -1,
                                   "one time is needed, in seconds since "
                                   "1970");
        }

        upload->started = 1;

    } else {
        query->rc = hars_options_set(&upload->options, name, value,
                                     query->fault);
    }
}


static int
hars_upload_number(const char *value, double *number)
{
    char  *end;

    if (value[strspn(value, "0123456789.")] || strlen(value) > 24) {
        return HARS_ERROR;
    }

    *number = strtod(value, &end);

    return *end || end == value || !isfinite(*number) ? HARS_ERROR : HARS_OK;
}


static unsigned
hars_upload_body(hars_request_t *r, EVP_MD_CTX *digest,
    hars_upload_t *upload, hars_fault_t *fault)
{
    char        *open;
    size_t       len;
    unsigned     json, status;
    const char  *body;

    json = hars_request_type(r, "application/json") != 0;
    upload->rows.max = json ? HARS_ML_ROWS_MAX : HARS_ML_ROWS_BIG;

    status = hars_upload_open(r, json ? HARS_UPLOAD_JSON : HARS_UPLOAD_ROWS,
                              &open, &body, &len, fault);

    if (status == 0) {
        (void) EVP_DigestUpdate(digest, body, len);
        (void) EVP_DigestFinal_ex(digest, upload->digest, NULL);

        status = hars_upload_parse(r, body, len, upload, fault);
    }

    free(open);

    return status;
}


static unsigned
hars_upload_open(hars_request_t *r, size_t max, char **open,
    const char **body, size_t *len, hars_fault_t *fault)
{
    int          rc;
    const char  *coding;

    *open = NULL;
    *body = r->body;
    *len = r->body_len;

    if (*len > max) {
        hars_fault(fault, "", -1, -1, "more than %zu bytes: send the samples "
                   "as text/csv or application/vnd.hars.samples, or in "
                   "parts, each a recording", max);
        return 413;
    }

    rc = hars_request_header(r, "Content-Encoding", &coding);

    if (rc == HARS_DECLINED
        || (rc == HARS_OK && strcasecmp(coding, "identity") == 0))
    {
        return 0;
    }

    if (rc != HARS_OK || strcasecmp(coding, "gzip") != 0) {
        hars_fault(fault, "", -1, -1, "Content-Encoding may be gzip");
        return 415;
    }

    rc = (int) hars_inflate(r->body, r->body_len, max, open, len, fault);
    *body = *open;

    return (unsigned) rc;
}


static unsigned
hars_upload_parse(hars_request_t *r, const char *body, size_t len,
    hars_upload_t *upload, hars_fault_t *fault)
{
    if (hars_request_type(r, "application/json")) {
        return hars_json_rows(body, len, &upload->options, &upload->rows,
                              fault);
    }

    if (hars_request_type(r, "text/csv")) {
        return hars_text_rows(body, len, &upload->rows, fault);
    }

    if (hars_request_type(r, "application/vnd.hars.samples")) {
        return hars_packed_rows(body, len, &upload->rows, fault);
    }

    hars_fault(fault, "", -1, -1, "Send the recording as Content-Type: "
               "application/json, text/csv or application/vnd.hars.samples");

    return 415;
}


/* "placement" is the query's, which JSON may say, too */
static int
hars_upload_options(hars_upload_t *upload, const char *placement,
    hars_fault_t *fault)
{
    unsigned         i;
    hars_options_t  *options;

    static const char  *known[] = {
        "pocket", "wrist-left", "wrist-right", NULL
    };

    options = &upload->options;

    if (options->placement[0] == '\0') {
        strcpy(options->placement, placement);
    }

    for (i = 0; known[i]; i++) {
        if (strcmp(options->placement, known[i]) == 0) {
            break;
        }
    }

    if (known[i] == NULL
        || (placement[0] && strcmp(placement, options->placement) != 0))
    {
        return hars_fault(fault, "placement", -1, -1, "where the device is "
                          "worn is needed: pocket, wrist-left or wrist-right");
    }

    if (options->model[0]) {
        return hars_fault(fault, "model", -1, -1, "the model is chosen by "
                          "placement");
    }

    return hars_options_judge(options, fault);
}


static int
hars_upload_judge(hars_upload_t *upload, hars_fault_t *fault)
{
    unsigned  status;

    hars_rows_scale(&upload->rows, &upload->options);

    hars_sift_init(&upload->sift, &upload->options, upload->rows.max);
    upload->sift.hold = hars_upload_hold;

    status = hars_sift_rows(&upload->sift, &upload->rows, fault);

    if (status == 0) {
        status = hars_sift_end(&upload->sift, fault);
    }

    hars_sift_free(&upload->sift);

    return status ? HARS_ERROR : hars_sift_judge(&upload->sift, fault);
}


/* the rows are here already: they are bounded */
static int
hars_upload_hold(void *data, size_t size)
{
    (void) data;
    (void) size;

    return HARS_OK;
}


static int
hars_upload_times(hars_upload_t *upload, double now, hars_fault_t *fault)
{
    size_t        i;
    hars_row_t   *row;
    const char   *field;

    upload->start = INFINITY;
    upload->end = -INFINITY;

    for (i = 0; i < upload->rows.n; i++) {
        row = &upload->rows.row[i];
        row->t += upload->started ? upload->started_at : 0;

        field = hars_feed_field(&upload->sift.feed, row->stream);
        upload->start = fmin(upload->start, row->t);
        upload->end = fmax(upload->end, row->t);

        if (!(row->t >= HARS_UPLOAD_OLDEST)) {
            return hars_fault(fault, field, (long) row->index, 0, "time %.3f "
                              "s is before 2000: send seconds since 1970, or "
                              "say in started_at when 0 was", row->t);
        }

        if (row->t > now + HARS_UPLOAD_AHEAD) {
            return hars_fault(fault, field, (long) row->index, 0, "time %.3f "
                              "s is more than a day ahead of now, %.3f: set "
                              "the device's clock", row->t, now);
        }

        if (upload->end - upload->start > HARS_UPLOAD_DAY) {
            return hars_fault(fault, field, (long) row->index, 0, "time %.3f "
                              "s is more than a day from others: send it in "
                              "parts, each a recording", row->t);
        }
    }

    return HARS_OK;
}
