
/*
 * A recording while it is sent: its parameters, its rows in our units and in
 * seconds since 1970 as they come, and at the end whether they are a recording
 * at all.  Nothing is stored here, and nothing is known here of people.
 *
 *     query, headers -> piece ... piece -> inflated -> rows, some at a time
 *         -> judged as the ML service will -> taken
 */

#ifndef HARS_DCM_UPLOAD_H
#define HARS_DCM_UPLOAD_H


#include "hars_dcm_recording.h"
#include "hars_dcm_session.h"
#include "hars_ml_sift.h"

#include <openssl/types.h>


#define HARS_UPLOAD_JSON    HARS_ML_BODY
#define HARS_UPLOAD_BYTES   (32 * 1024 * 1024)   /* of CSV and packed */
#define HARS_UPLOAD_ROWS    HARS_ML_ROWS_BIG
#define HARS_UPLOAD_DAY     86400         /* s, of one recording at most */
#define HARS_UPLOAD_AHEAD   86400         /* s, of a device's clock */
#define HARS_UPLOAD_OLDEST  946684800     /* 2000-01-01 */


/* takes a row in our units; HARS_ERROR: there is no memory */
typedef int (*hars_upload_take_pt)(void *data, const hars_row_t *row);


typedef struct {
    char                 id[HARS_DCM_ID];
    char                 placement[HARS_ML_NAME];    /* the query's */
    char                 fog_session[HARS_FOG_SID];  /* "": none was said */
    hars_options_t       options;
    unsigned             json:1;
    unsigned             packed:1;
    unsigned             started:1;       /* times count from started_at */
    double               started_at;      /* s since 1970 */
    double               now;

    size_t               bytes;           /* that came, inflated */
    EVP_MD_CTX          *digests;         /* of parameters and bytes */
    unsigned char        digest[HARS_SHA256_LEN];

    hars_inflate_t      *inflate;         /* NULL: not compressed */
    hars_text_t          text;
    hars_unpack_t        unpack;
    hars_rows_t          rows;            /* some of them */
    hars_sift_t          sift;            /* what became of all */
    double               start;           /* s since 1970 */
    double               end;

    hars_upload_take_pt  take;
    void                *data;
} hars_upload_t;


/*
 * In the order of their use; 0, or the status of a refusal with its fault.
 * A zeroed upload is begun with what the request's headers say, at "now" (s),
 * and freed in any case.
 */
unsigned hars_upload_begin(hars_upload_t *upload, hars_request_t *r,
    double now, hars_fault_t *fault);
unsigned hars_upload_piece(hars_upload_t *upload, const char *data,
    size_t len, hars_fault_t *fault);
unsigned hars_upload_json(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault);
unsigned hars_upload_long(hars_fault_t *fault);    /* 413 of JSON */
unsigned hars_upload_end(hars_upload_t *upload, hars_fault_t *fault);
void hars_upload_free(hars_upload_t *upload);


#endif /* HARS_DCM_UPLOAD_H */
