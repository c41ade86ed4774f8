
/*
 * POST /v1/recordings: a recording of the patient who sends it, stored when
 * the answer says so.  The same again (id and content) is answered the same;
 * another one of that id is 409.
 */

#include "hars_dcm_access.h"
#include "hars_dcm_endpoints.h"
#include "hars_dcm_intake.h"
#include "hars_dcm_recognizer.h"
#include "hars_dcm_upload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_RECORDINGS_LARGE  (512 * 1024)


static unsigned hars_recordings_large(hars_request_t *r);
static void hars_recordings_read(hars_request_t *r, const hars_who_t *who);
static void hars_recordings_store(hars_request_t *r, const hars_who_t *who,
    hars_upload_t *upload);
static int hars_recordings_rows(hars_intake_t *intake,
    const hars_upload_t *upload);
static void hars_recordings_fill(hars_dcm_recording_t *recording,
    const hars_who_t *who, const hars_upload_t *upload);
static void hars_recordings_answer(hars_request_t *r, hars_intake_e outcome,
    const hars_dcm_recording_t *recording);
static void hars_recordings_full(hars_request_t *r);
static char *hars_recordings_json(const hars_dcm_recording_t *recording);


void
hars_dcm_recordings_post(hars_request_t *r)
{
    unsigned        large;
    hars_dcm_t     *dcm;
    hars_who_t      who;
    hars_access_t   access;

    dcm = r->data;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, hars_access_scopes(HARS_DO_RECORD))
           != HARS_OK)
    {
        return;
    }

    if (hars_access(&who, HARS_DO_RECORD, who.sub, NULL, hars_dcm_now(),
                    &access) != HARS_OK)
    {
        hars_reply_problem(r, 403, "Recordings are sent by the patient whose "
                           "they are.");
        return;
    }

    /* the rows of an hour take 20 MB for a moment */

    large = hars_recordings_large(r);

    if (large) {
        while (sem_wait(&dcm->large) != 0) { /* EINTR */ }
    }

    hars_recordings_read(r, &who);

    if (large) {
        sem_post(&dcm->large);
    }
}


/* JSON is several times as large inside, and gzip outside smaller */
static unsigned
hars_recordings_large(hars_request_t *r)
{
    const char  *coding;

    if (hars_request_type(r, "application/json")) {
        return 1;
    }

    return r->body_len > HARS_RECORDINGS_LARGE
           || (r->body_len > HARS_RECORDINGS_LARGE / 4
               && hars_request_header(r, "Content-Encoding", &coding)
                  != HARS_DECLINED);
}


static void
hars_recordings_read(hars_request_t *r, const hars_who_t *who)
{
    unsigned        status;
    hars_dcm_t     *dcm;
    hars_fault_t    fault;
    hars_upload_t  *upload;

    dcm = r->data;
    upload = malloc(sizeof(hars_upload_t));

    if (upload == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    status = hars_upload_read(r, (double) hars_dcm_now() / 1000, upload,
                              &fault);

    if (status) {
        atomic_fetch_add(&dcm->metrics.refused, 1);
        hars_reply_fault(r, status, &fault);

    } else {
        hars_recordings_store(r, who, upload);
    }

    free(upload->rows.row);
    free(upload);
}


static void
hars_recordings_store(hars_request_t *r, const hars_who_t *who,
    hars_upload_t *upload)
{
    int             rc;
    unsigned        full;
    hars_dcm_t     *dcm;
    hars_intake_e   outcome;
    hars_intake_t   intake;

    dcm = r->data;
    rc = hars_intake_begin(&intake, dcm, who->sub, upload->id, &full);
    outcome = full ? HARS_INTAKE_FULL : HARS_INTAKE_ERROR;

    if (rc == HARS_OK) {
        hars_recordings_fill(&intake.recording, who, upload);
        rc = hars_recordings_rows(&intake, upload);
        outcome = HARS_INTAKE_ERROR;
    }

    /* what was sent is not needed any more, and others wait for room */

    free(upload->rows.row);
    upload->rows.row = NULL;

    if (rc == HARS_OK) {
        outcome = hars_intake_commit(&intake);
    }

    if (outcome == HARS_INTAKE_STORED) {
        hars_recognizer_wake(dcm->recognizer);
        atomic_fetch_add(&dcm->metrics.recordings, 1);
        atomic_fetch_add(&dcm->metrics.samples, upload->rows.n);
        atomic_fetch_add(&dcm->metrics.bytes, intake.bytes);
    }

    hars_recordings_answer(r, outcome, &intake.recording);
    hars_intake_free(&intake);
}


static int
hars_recordings_rows(hars_intake_t *intake, const hars_upload_t *upload)
{
    size_t  i;

    for (i = 0; i < upload->rows.n; i++) {
        if (hars_intake_row(intake, &upload->rows.row[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static void
hars_recordings_fill(hars_dcm_recording_t *recording, const hars_who_t *who,
    const hars_upload_t *upload)
{
    int                    n;
    const hars_options_t  *options;

    options = &upload->options;

    strcpy(recording->uploader_sub, who->sub);
    strcpy(recording->uploader_client, who->client);
    memcpy(recording->cert, who->cert, HARS_SHA256_LEN);
    memcpy(recording->digest, upload->digest, HARS_SHA256_LEN);
    strcpy(recording->placement, options->placement);

    n = snprintf(recording->options, HARS_RECORDING_OPTIONS,
                 "sampling_rate_hz=%.10g&placement=%s%s", options->rate,
                 options->placement, options->arrival ? "&times=arrival" : "");

    if (options->rotation_rate > 0) {
        snprintf(recording->options + n, HARS_RECORDING_OPTIONS - (size_t) n,
                 "&rotation_rate_hz=%.10g", options->rotation_rate);
    }

    recording->start_ms = (int64_t) floor(upload->start * 1000);
    recording->end_ms = (int64_t) ceil(upload->end * 1000);
    recording->samples = (int64_t) upload->sift.samples;
    recording->received = (int64_t) upload->sift.feed.received;
    recording->empty = (int64_t) upload->sift.feed.empty;
    recording->duplicates = (int64_t) upload->sift.feed.duplicates;
    recording->outliers = (int64_t) upload->sift.feed.outliers;
    recording->unpaired = (int64_t) upload->sift.feed.unpaired;
}


static void
hars_recordings_answer(hars_request_t *r, hars_intake_e outcome,
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
        hars_reply_problem(r, 409, "The patient was erased at this moment: "
                           "nothing was stored.");
        return;

    case HARS_INTAKE_FULL:
        hars_recordings_full(r);
        return;

    default: /* HARS_INTAKE_ERROR */
        hars_reply_header(r, "Retry-After", "5");
        hars_reply_problem(r, 503, "The recording was not stored: send it "
                           "again.");
        return;
    }

    body = hars_recordings_json(recording);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory; the "
                           "recording is stored.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, outcome == HARS_INTAKE_STORED ? 201 : 200,
               "application/json", body, strlen(body));
}


static void
hars_recordings_full(hars_request_t *r)
{
    hars_reply_header(r, "Retry-After", "60");
    hars_reply_problem(r, 507, "There is no room for it: nothing was stored. "
                       "Send it again later.");
}


/* as it was answered first: what became of it since is a GET's to say */
static char *
hars_recordings_json(const hars_dcm_recording_t *recording)
{
    char    *text;
    json_t  *root;

    root = json_pack("{s:s, s:s, s:f, s:f, s:I, s:{s:I, s:I, s:I, s:I}, s:s}",
                     "id", recording->id,
                     "patient", recording->patient,
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
