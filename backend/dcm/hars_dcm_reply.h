
/*
 * An answer in JSON about somebody: no cache keeps it.  Without the memory
 * for it, 503.
 */

#ifndef HARS_DCM_REPLY_H
#define HARS_DCM_REPLY_H


#include "hars_http.h"


struct json_t;


/* frees "root", which may be NULL; "digits" of a number that is not whole */
void hars_dcm_reply(hars_request_t *r, unsigned status, struct json_t *root,
    unsigned digits);


#endif /* HARS_DCM_REPLY_H */
