
/* What is answered to who sent a recording. */

#include "hars_dcm_endpoints.h"

#include <string.h>

#include <jansson.h>


static char *hars_recording_json(const hars_dcm_recording_t *recording);


void
hars_intake_answer(hars_request_t *r, hars_intake_e outcome,
    const hars_dcm_recording_t *recording)
{
    char  *body;

    switch (outcome) {

    case HARS_INTAKE_STORED:
    case HARS_INTAKE_AGAIN:
        break;

    case HARS_INTAKE_OTHER:
        hars_reply_problem(r, 409, "Another recording has this id: each one "
                           "needs an id of its own.");
        return;

    case HARS_INTAKE_ERASED:
        hars_reply_problem(r, 409, "The patient was erased a moment ago: "
                           "nothing was stored.");
        return;

    case HARS_INTAKE_FULL:
        hars_reply_header(r, "Retry-After", "60");
        hars_reply_problem(r, 507, "There is no room for it: nothing was "
                           "stored. Send it again later.");
        return;

    default: /* HARS_INTAKE_ERROR */
        hars_reply_header(r, "Retry-After", "5");
        hars_reply_problem(r, 503, "The recording was not stored: send it "
                           "again.");
        return;
    }

    body = hars_recording_json(recording);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory; the "
                           "recording is stored.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, outcome == HARS_INTAKE_STORED ? 201 : 200,
               "application/json", body, strlen(body));
}


/*
 * As it was answered first: what became of it since is a GET's to say.  A fog
 * node is not told whose it is.
 */
static char *
hars_recording_json(const hars_dcm_recording_t *recording)
{
    char    *text;
    json_t  *root;

    root = json_pack("{s:s, s:s*, s:f, s:f, s:I, s:{s:I, s:I, s:I, s:I},"
                     " s:s}",
                     "id", recording->id,
                     "patient", recording->fog_session[0]
                                ? NULL : recording->patient,
                     "start", (double) recording->start_ms / 1000,
                     "end", (double) recording->end_ms / 1000,
                     "samples", (json_int_t) recording->samples,
                     "dropped",
                     "empty", (json_int_t) recording->empty,
                     "duplicates", (json_int_t) recording->duplicates,
                     "outliers", (json_int_t) recording->outliers,
                     "unpaired", (json_int_t) recording->unpaired,
                     "state", hars_recording_state(HARS_RECORDING_QUEUED));

    text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(13));
    json_decref(root);

    return text;
}
