
/*
 * DELETE /v1/patients/{id}: the patient is erased, by the patient alone.  204
 * when nothing of it can be read any more; the rows go in the background.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_erase.h"
#include "hars_dcm_look.h"


void
hars_dcm_patient_delete(hars_request_t *r)
{
    hars_look_t  look;

    if (hars_look(r, HARS_DO_ERASE, &look) != HARS_OK) {
        return;
    }

    switch (hars_erase(r->data, look.patient)) {

    case HARS_OK:
    case HARS_DECLINED:

        /* there is nothing (any more): that is what was asked for */

        hars_reply(r, 204, NULL, NULL, 0);
        return;

    default:
        hars_reply_header(r, "Retry-After", "5");
        hars_reply_problem(r, 503, "The erasure is not complete: ask for it "
                           "again.");
        return;
    }
}
