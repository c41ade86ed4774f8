
/*
 * POST /v1/recordings: a recording of the patient who sends it, or of the one
 * whose wearable's session a fog node names, stored when the answer says so.
 * The same again (id and content) is answered the same; another one of that
 * id is 409.
 *
 *     headers -> who, what, whose -> piece of the body -> rows -> blocks
 *     end -> judged -> sealed, stored -> answer
 *
 * CSV and packed bodies go through as they come; JSON is collected, and parsed
 * as a whole.
 */

#include "hars_dcm_access.h"
#include "hars_dcm_endpoints.h"
#include "hars_dcm_intake.h"
#include "hars_dcm_recognizer.h"
#include "hars_dcm_sessions.h"
#include "hars_dcm_upload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>


/* of a request, from its first piece on */
typedef struct {
    hars_request_t  *r;
    unsigned         nobody:1;            /* who asks may not: the handler
                                             says so */
    unsigned         unresolved:1;        /* nobody says whose it is */
    size_t           taken;               /* bytes of JSON */
    unsigned         status;              /* of a refusal; 0: none so far */
    hars_who_t       who;
    hars_fog_session_t  session;          /* of a fog node's */
    hars_fault_t     fault;
    hars_upload_t    upload;
    hars_intake_t    intake;
} hars_posted_t;


static hars_posted_t *hars_posted_begin(hars_request_t *r);
static hars_access_what_e hars_posted_what(const hars_who_t *who);
static unsigned hars_posted_session(hars_posted_t *posted);
static int hars_posted_hold(void *data, size_t size);
static int hars_posted_row(void *data, const hars_row_t *row);
static int hars_posted_may(hars_request_t *r, hars_who_t *who);
static void hars_posted_end(hars_posted_t *posted);
static void hars_posted_refuse(hars_posted_t *posted);
static unsigned hars_posted_json(hars_posted_t *posted);
static unsigned hars_posted_times(hars_posted_t *posted);
static hars_intake_e hars_posted_store(hars_posted_t *posted);
static void hars_posted_fill(hars_posted_t *posted);


/* of who sends while there is no memory */
static hars_posted_t  hars_posted_none = { .status = 503 };


int
hars_dcm_recordings_piece(hars_request_t *r, const char *data, size_t len)
{
    hars_posted_t  *posted;

    posted = r->ctx ? r->ctx : hars_posted_begin(r);

    if (posted->nobody || posted->status) {
        return HARS_ERROR;
    }

    if (posted->upload.json) {
        posted->taken += len;
        posted->status = posted->taken > HARS_UPLOAD_JSON
                         ? hars_upload_long(&posted->fault) : 0;

        return posted->status ? HARS_ERROR : HARS_DECLINED;
    }

    posted->status = hars_upload_piece(&posted->upload, data, len,
                                       &posted->fault);

    return posted->status ? HARS_ERROR : HARS_OK;
}


/* it is the request's from now on, also where there is no memory for it */
static hars_posted_t *
hars_posted_begin(hars_request_t *r)
{
    hars_posted_t  *posted;

    posted = NULL;

    if (hars_request_hold(r, sizeof(hars_posted_t)) == HARS_OK) {
        posted = calloc(1, sizeof(hars_posted_t));
    }

    if (posted == NULL) {
        r->ctx = &hars_posted_none;
        return r->ctx;
    }

    r->ctx = posted;
    posted->r = r;
    posted->intake.hold = hars_posted_hold;
    posted->intake.hold_data = r;
    posted->upload.take = hars_posted_row;
    posted->upload.data = posted;

    /* a header decides, and nothing else is looked at before */

    if (hars_who_is(r, &posted->who) != HARS_OK
        || hars_access(&posted->who, hars_posted_what(&posted->who),
                       posted->who.sub, NULL, hars_now(),
                       &(hars_access_t) { 0 }) != HARS_OK)
    {
        posted->nobody = 1;
        return posted;
    }

    posted->status = hars_upload_begin(&posted->upload, r,
                                       (double) hars_now() / 1000,
                                       &posted->fault);
    if (posted->status == 0) {
        posted->status = hars_posted_session(posted);
    }

    return posted;
}


static hars_access_what_e
hars_posted_what(const hars_who_t *who)
{
    return who->kind == HARS_WHO_FOG_NODE ? HARS_DO_RELAY : HARS_DO_RECORD;
}


/* of a fog node: whose it is, before anything of it is read; or a refusal */
static unsigned
hars_posted_session(hars_posted_t *posted)
{
    int          rc;
    hars_dcm_t  *dcm;
    const char  *sid;

    dcm = posted->r->data;
    sid = posted->upload.fog_session;

    if ((posted->who.kind == HARS_WHO_FOG_NODE) != (sid[0] != '\0')) {
        hars_fault(&posted->fault, "fog_session", -1, -1, sid[0]
                   ? "it is for fog nodes: your recordings are your own"
                   : "a fog node says which session a recording is of");
        return 422;
    }

    if (sid[0] == '\0') {
        return 0;
    }

    rc = dcm->sessions ? hars_sessions_find(dcm->sessions, sid,
                                            posted->who.client,
                                            &posted->session) : HARS_ERROR;

    if (rc == HARS_DECLINED) {
        hars_fault(&posted->fault, "fog_session", -1, -1, "there is no such "
                   "session of this fog node, or it ended long ago");
        return 422;
    }

    posted->unresolved = rc != HARS_OK;

    return rc == HARS_OK ? 0 : 503;
}


static int
hars_posted_hold(void *data, size_t size)
{
    return hars_request_hold(data, size);
}


static int
hars_posted_row(void *data, const hars_row_t *row)
{
    return hars_intake_row(&((hars_posted_t *) data)->intake, row);
}


void
hars_dcm_recordings_gone(hars_request_t *r)
{
    hars_posted_t  *posted;

    posted = r->ctx;

    if (posted && posted != &hars_posted_none) {
        hars_upload_free(&posted->upload);
        hars_intake_free(&posted->intake);
        OPENSSL_cleanse(posted, sizeof(hars_posted_t));
        free(posted);
        r->ctx = NULL;
    }
}


void
hars_dcm_recordings_post(hars_request_t *r)
{
    hars_who_t      who;
    hars_posted_t  *posted;

    if (hars_posted_may(r, &who) != HARS_OK) {
        return;
    }

    posted = r->ctx ? r->ctx : hars_posted_begin(r);

    if (posted == &hars_posted_none) {
        hars_reply_header(r, "Retry-After", "5");
        hars_reply_problem(r, 503, "Too much is being sent at this moment: "
                           "send it again.");
        return;
    }

    hars_posted_end(posted);
}


/* HARS_ERROR after it answered */
static int
hars_posted_may(hars_request_t *r, hars_who_t *who)
{
    hars_access_t  access;

    if (hars_who(r, who) != HARS_OK
        || hars_who_may(r, who, hars_access_scopes(hars_posted_what(who)))
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_access(who, hars_posted_what(who), who->sub, NULL,
                    hars_now(), &access) != HARS_OK)
    {
        hars_reply_problem(r, 403, "Recordings are sent by the patient whose "
                           "they are, or by a fog node.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static void
hars_posted_end(hars_posted_t *posted)
{
    hars_dcm_t     *dcm;
    hars_intake_e   outcome;

    dcm = posted->r->data;

    if (posted->status == 0 && posted->upload.json) {
        posted->status = hars_posted_json(posted);

    } else if (posted->status == 0) {
        posted->status = hars_upload_end(&posted->upload, &posted->fault);
    }

    if (posted->status == 0) {
        posted->status = hars_posted_times(posted);
    }

    if (posted->status) {
        hars_posted_refuse(posted);
        return;
    }

    outcome = hars_posted_store(posted);

    if (outcome == HARS_INTAKE_STORED) {
        hars_recognizer_wake(dcm->recognizer);
        atomic_fetch_add(&dcm->metrics.recordings, 1);
        atomic_fetch_add(&dcm->metrics.samples, posted->upload.sift.rows);
        atomic_fetch_add(&dcm->metrics.bytes, posted->intake.bytes);
        atomic_fetch_add(&dcm->metrics.relayed,
                         posted->upload.fog_session[0] != '\0');
    }

    hars_intake_answer(posted->r, outcome, &posted->intake.recording);
}


static void
hars_posted_refuse(hars_posted_t *posted)
{
    hars_dcm_t  *dcm;

    dcm = posted->r->data;

    if (posted->unresolved) {
        atomic_fetch_add(&dcm->metrics.unresolved, 1);
        hars_reply_header(posted->r, "Retry-After", "5");
        hars_reply_problem(posted->r, 503, "Whose session this is cannot be "
                           "found out now: nothing was stored. Send it "
                           "again.");
        return;
    }

    atomic_fetch_add(&dcm->metrics.refused, 1);
    hars_reply_fault(posted->r, posted->status, &posted->fault);
}


/* in memory JSON is several times as large: some of it at a time */
static unsigned
hars_posted_json(hars_posted_t *posted)
{
    unsigned     status;
    hars_dcm_t  *dcm;

    dcm = posted->r->data;

    while (sem_wait(&dcm->json) != 0) { /* EINTR */ }

    status = hars_upload_json(&posted->upload, posted->r, &posted->fault);

    if (status == 0) {
        status = hars_upload_end(&posted->upload, &posted->fault);
    }

    sem_post(&dcm->json);

    return status;
}


/* of a fog node's: is it of the session's time? */
static unsigned
hars_posted_times(hars_posted_t *posted)
{
    const hars_upload_t       *upload;
    const hars_fog_session_t  *session;

    upload = &posted->upload;
    session = &posted->session;

    if (upload->fog_session[0] == '\0'
        || hars_fog_session_holds(session,
                                  (int64_t) floor(upload->start * 1000),
                                  (int64_t) ceil(upload->end * 1000)))
    {
        return 0;
    }

    hars_fault(&posted->fault, "fog_session", -1, -1, "the recording is of "
               "%.3f to %.3f s, its session of %.3f to %.3f s: set the "
               "device's clock, or begin another session", upload->start,
               upload->end, (double) session->start_ms / 1000,
               (double) session->end_ms / 1000);

    return 422;
}


static hars_intake_e
hars_posted_store(hars_posted_t *posted)
{
    hars_dcm_t     *dcm;
    hars_intake_e   outcome;

    dcm = posted->r->data;
    hars_posted_fill(posted);

    outcome = hars_intake_open(dcm, &posted->intake);

    return outcome == HARS_INTAKE_STORED
           ? hars_intake_commit(dcm, &posted->intake) : outcome;
}


static void
hars_posted_fill(hars_posted_t *posted)
{
    int                     n;
    const hars_sift_t      *sift;
    const hars_options_t   *options;
    hars_dcm_recording_t   *recording;

    sift = &posted->upload.sift;
    options = &posted->upload.options;
    recording = &posted->intake.recording;

    strcpy(recording->patient, posted->upload.fog_session[0]
                               ? posted->session.patient : posted->who.sub);
    strcpy(recording->fog_session, posted->upload.fog_session);
    strcpy(recording->fog_device, posted->session.device);
    posted->intake.session_ms = posted->session.start_ms;
    strcpy(recording->id, posted->upload.id);
    strcpy(recording->uploader_sub, posted->who.sub);
    strcpy(recording->uploader_client, posted->who.client);
    memcpy(recording->cert, posted->who.cert, HARS_SHA256_LEN);
    memcpy(recording->digest, posted->upload.digest, HARS_SHA256_LEN);
    strcpy(recording->placement, options->placement);

    n = snprintf(recording->options, HARS_RECORDING_OPTIONS,
                 "sampling_rate_hz=%.10g&placement=%s%s", options->rate,
                 options->placement, options->arrival ? "&times=arrival" : "");

    if (options->rotation_rate > 0) {
        snprintf(recording->options + n, HARS_RECORDING_OPTIONS - (size_t) n,
                 "&rotation_rate_hz=%.10g", options->rotation_rate);
    }

    recording->start_ms = (int64_t) floor(posted->upload.start * 1000);
    recording->end_ms = (int64_t) ceil(posted->upload.end * 1000);
    recording->samples = (int64_t) sift->samples;
    recording->received = (int64_t) sift->feed.received;
    recording->empty = (int64_t) sift->feed.empty;
    recording->duplicates = (int64_t) sift->feed.duplicates;
    recording->outliers = (int64_t) sift->feed.outliers;
    recording->unpaired = (int64_t) sift->feed.unpaired;
}
