
/*
 * What is said of a recording before its rows: in the query, in headers, and
 * with JSON in the body.  Private to hars_dcm_upload.c.
 */

#ifndef HARS_DCM_UPLOAD_QUERY_H
#define HARS_DCM_UPLOAD_QUERY_H


#include "hars_dcm_upload.h"


/* status 0, or of the refusal with its fault */
unsigned hars_upload_query(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault);

/* Content-Encoding: is it gzip? */
unsigned hars_upload_gzip(hars_request_t *r, unsigned *gzip,
    hars_fault_t *fault);

/* the JSON body as it was before gzip; *open is the caller's to free */
unsigned hars_upload_open(hars_request_t *r, char **open, const char **body,
    size_t *len, hars_fault_t *fault);

/* are the options what they have to be?  placement, rate, no model */
int hars_upload_judge(hars_upload_t *upload, hars_fault_t *fault);


#endif /* HARS_DCM_UPLOAD_QUERY_H */
