
/*
 * GET /v1/patients/{id}/events: new activities as they are recognized, as
 * server-sent events, for the patient and those connected.  Without
 * Last-Event-ID it begins with what comes next.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_look.h"
#include "hars_dcm_streams.h"

#include <stdlib.h>
#include <string.h>


static int hars_events_last(hars_request_t *r, int64_t *event);


void
hars_dcm_events_get(hars_request_t *r)
{
    int64_t       event;
    hars_dcm_t   *dcm;
    hars_look_t   look;

    dcm = r->data;

    if (hars_look(r, HARS_LOOK_ACTIVITIES, &look) == HARS_OK
        && hars_events_last(r, &event) == HARS_OK)
    {
        hars_streams_open(dcm->streams, r, &look, event);
    }
}


static int
hars_events_last(hars_request_t *r, int64_t *event)
{
    int          rc;
    size_t       len;
    const char  *value;

    rc = hars_request_header(r, "Last-Event-ID", &value);

    if (rc == HARS_DECLINED || (rc == HARS_OK && *value == '\0')) {
        *event = HARS_STREAM_NOW;
        return HARS_OK;
    }

    len = rc == HARS_OK ? strspn(value, "0123456789") : 0;

    if (len == 0 || len > 18 || value[len]) {
        hars_reply_problem(r, 400, "Last-Event-ID has to be the id of an "
                           "event that was sent.");
        return HARS_ERROR;
    }

    *event = strtoll(value, NULL, 10);

    return HARS_OK;
}
