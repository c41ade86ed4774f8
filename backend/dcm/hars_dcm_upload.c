
/*
 * See hars_dcm_upload.h for what this is.
 *
 * What the ML service would refuse is refused here, while its sender is there
 * to hear it.  Rows are taken in the order and with the values that were sent;
 * the clean samples that the judgement makes of them are only counted.
 */

#include "hars_dcm_upload.h"
#include "hars_dcm_upload_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>


#define HARS_UPLOAD_SOME  256             /* rows at a time */


static unsigned hars_upload_form(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault);
static unsigned hars_upload_read(hars_upload_t *upload, size_t max,
    hars_fault_t *fault);
static int hars_upload_hold(void *data, size_t size);
static unsigned hars_upload_bytes(void *data, const char *piece, size_t len,
    hars_fault_t *fault);
static int hars_upload_full(void *data, hars_fault_t *fault);
static unsigned hars_upload_rows(hars_upload_t *upload, hars_fault_t *fault);
static int hars_upload_row(hars_upload_t *upload, hars_row_t *row,
    hars_fault_t *fault);
static int hars_upload_time(hars_upload_t *upload, const hars_row_t *row,
    hars_fault_t *fault);


unsigned
hars_upload_begin(hars_upload_t *upload, hars_request_t *r, double now,
    hars_fault_t *fault)
{
    unsigned  status;

    upload->now = now;
    upload->start = INFINITY;
    upload->end = -INFINITY;
    upload->digests = EVP_MD_CTX_new();

    if (upload->digests == NULL
        || EVP_DigestInit_ex(upload->digests, EVP_sha256(), NULL) != 1)
    {
        hars_fault(fault, NULL, -1, -1, "no memory");
        return 503;
    }

    status = hars_upload_query(upload, r, fault);

    return status ? status : hars_upload_form(upload, r, fault);
}


static unsigned
hars_upload_form(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault)
{
    unsigned  status, gzip;

    upload->json = hars_request_type(r, "application/json") != 0;
    upload->packed = hars_request_type(r, "application/vnd.hars.samples") != 0;

    if (!upload->json && !upload->packed && !hars_request_type(r, "text/csv"))
    {
        hars_fault(fault, "", -1, -1, "Send the recording as Content-Type: "
                   "application/json, text/csv or "
                   "application/vnd.hars.samples");
        return 415;
    }

    status = hars_upload_gzip(r, &gzip, fault);

    if (status || upload->json) {
        return status;
    }

    if (gzip) {
        upload->inflate = hars_inflate_create(HARS_UPLOAD_BYTES);

        if (upload->inflate == NULL) {
            hars_fault(fault, NULL, -1, -1, "no memory");
            return 503;
        }
    }

    if (hars_upload_judge(upload, fault) != HARS_OK) {
        return 422;
    }

    return hars_upload_read(upload, HARS_UPLOAD_ROWS, fault);
}


/* the options are known: rows can be */
static unsigned
hars_upload_read(hars_upload_t *upload, size_t max, hars_fault_t *fault)
{
    (void) fault;

    upload->rows.max = HARS_UPLOAD_SOME;
    upload->rows.full = hars_upload_full;
    upload->rows.data = upload;

    hars_sift_init(&upload->sift, &upload->options, max);
    upload->sift.hold = hars_upload_hold;

    return 0;
}


/* one stream is not far ahead of the other one: HARS_UPLOAD_ROWS at most */
static int
hars_upload_hold(void *data, size_t size)
{
    (void) data;
    (void) size;

    return HARS_OK;
}


unsigned
hars_upload_piece(hars_upload_t *upload, const char *data, size_t len,
    hars_fault_t *fault)
{
    return upload->inflate
           ? hars_inflate_piece(upload->inflate, data, len,
                                hars_upload_bytes, upload, fault)
           : hars_upload_bytes(upload, data, len, fault);
}


static unsigned
hars_upload_bytes(void *data, const char *piece, size_t len,
    hars_fault_t *fault)
{
    hars_upload_t  *upload;

    upload = data;
    (void) EVP_DigestUpdate(upload->digests, piece, len);

    return upload->packed
           ? hars_packed_piece(&upload->unpack, piece, len, &upload->rows,
                               fault)
           : hars_text_piece(&upload->text, piece, len, &upload->rows, fault);
}


static int
hars_upload_full(void *data, hars_fault_t *fault)
{
    hars_upload_t  *upload;

    upload = data;
    upload->rows.status = hars_upload_rows(upload, fault);

    return upload->rows.status ? HARS_ERROR : HARS_OK;
}


/* those in hand, which are gone then */
static unsigned
hars_upload_rows(hars_upload_t *upload, hars_fault_t *fault)
{
    size_t    i;
    unsigned  status;

    hars_rows_scale(&upload->rows, &upload->options);
    status = hars_sift_rows(&upload->sift, &upload->rows, fault);

    for (i = 0; status == 0 && i < upload->rows.n; i++) {
        if (hars_upload_row(upload, &upload->rows.row[i], fault) != HARS_OK) {
            status = fault->field ? 422 : 503;
        }
    }

    upload->rows.n = 0;

    return status;
}


static int
hars_upload_row(hars_upload_t *upload, hars_row_t *row, hars_fault_t *fault)
{
    row->t += upload->started ? upload->started_at : 0;

    if (hars_upload_time(upload, row, fault) != HARS_OK) {
        return HARS_ERROR;
    }

    if (upload->take(upload->data, row) != HARS_OK) {
        return hars_fault(fault, NULL, -1, -1, "no memory");
    }

    return HARS_OK;
}


static int
hars_upload_time(hars_upload_t *upload, const hars_row_t *row,
    hars_fault_t *fault)
{
    const char  *field;

    field = hars_feed_field(&upload->sift.feed, row->stream);

    if (!(row->t >= HARS_UPLOAD_OLDEST)) {
        return hars_fault(fault, field, (long) row->index, 0, "time %.3f s is "
                          "before 2000: send seconds since 1970, or say in "
                          "started_at when 0 was", row->t);
    }

    if (row->t > upload->now + HARS_UPLOAD_AHEAD) {
        return hars_fault(fault, field, (long) row->index, 0, "time %.3f s is "
                          "more than a day ahead of now, %.3f: set the "
                          "device's clock", row->t, upload->now);
    }

    upload->start = fmin(upload->start, row->t);
    upload->end = fmax(upload->end, row->t);

    if (upload->end - upload->start > HARS_UPLOAD_DAY) {
        return hars_fault(fault, field, (long) row->index, 0, "time %.3f s is "
                          "more than a day from others: send it in parts, "
                          "each a recording", row->t);
    }

    return HARS_OK;
}


unsigned
hars_upload_json(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault)
{
    char        *open;
    size_t       len;
    unsigned     status;
    const char  *body;

    upload->rows.max = HARS_ML_ROWS_MAX;
    status = hars_upload_open(r, &open, &body, &len, fault);

    if (status == 0) {
        (void) EVP_DigestUpdate(upload->digests, body, len);
        status = hars_json_rows(body, len, &upload->options, &upload->rows,
                                fault);
    }

    free(open);

    if (status == 0 && hars_upload_judge(upload, fault) != HARS_OK) {
        status = 422;
    }

    return status ? status : hars_upload_read(upload, HARS_ML_ROWS_MAX, fault);
}


unsigned
hars_upload_long(hars_fault_t *fault)
{
    hars_fault(fault, "", -1, -1, "more than %d bytes of JSON: send the "
               "samples as text/csv or application/vnd.hars.samples, or in "
               "parts, each a recording", HARS_UPLOAD_JSON);

    return 413;
}


unsigned
hars_upload_end(hars_upload_t *upload, hars_fault_t *fault)
{
    unsigned  status;

    status = 0;

    if (!upload->json) {
        status = upload->inflate ? hars_inflate_end(upload->inflate, fault)
                                 : 0;
        if (status == 0) {
            status = upload->packed
                     ? hars_packed_end(&upload->unpack, &upload->rows, fault)
                     : hars_text_end(&upload->text, &upload->rows, fault);
        }
    }

    if (status == 0) {
        status = hars_upload_rows(upload, fault);
    }

    if (status == 0) {
        status = hars_sift_end(&upload->sift, fault);
    }

    if (status == 0 && hars_sift_judge(&upload->sift, fault) != HARS_OK) {
        status = fault->field ? 422 : 503;
    }

    (void) EVP_DigestFinal_ex(upload->digests, upload->digest, NULL);

    return status;
}


void
hars_upload_free(hars_upload_t *upload)
{
    EVP_MD_CTX_free(upload->digests);
    hars_inflate_free(upload->inflate);
    hars_sift_free(&upload->sift);
    free(upload->rows.row);
}
