
/*
 * A recording as it was sent: its parameters, its rows in our units and in
 * seconds since 1970, and whether they are a recording at all.  Nothing is
 * stored here, and nothing is known here of people.
 */

#ifndef HARS_DCM_UPLOAD_H
#define HARS_DCM_UPLOAD_H


#include "hars_dcm_recording.h"
#include "hars_ml_sift.h"


#define HARS_UPLOAD_JSON    HARS_ML_BODY
#define HARS_UPLOAD_ROWS    HARS_ML_BODY_ROWS
#define HARS_UPLOAD_DAY     86400         /* s, of one recording at most */
#define HARS_UPLOAD_AHEAD   86400         /* s, of a device's clock */
#define HARS_UPLOAD_OLDEST  946684800     /* 2000-01-01 */


typedef struct {
    char              id[HARS_DCM_ID];
    unsigned          started:1;          /* times count from started_at */
    double            started_at;         /* s since 1970 */
    hars_options_t    options;
    hars_rows_t       rows;               /* rows.row is from malloc() */
    hars_sift_t       sift;               /* what became of them */
    double            start;              /* s since 1970 */
    double            end;
    unsigned char     digest[HARS_SHA256_LEN];
} hars_upload_t;


/*
 * Reads the request at "now" (s): 0, or the status of the refusal with its
 * fault.  upload->rows.row is the caller's to free in any case.
 */
unsigned hars_upload_read(hars_request_t *r, double now,
    hars_upload_t *upload, hars_fault_t *fault);


#endif /* HARS_DCM_UPLOAD_H */
