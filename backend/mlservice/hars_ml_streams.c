
/*
 * Streams that are recognized while they come.
 *
 *     POST   /v1/streams         options -> 201, Location, id
 *     POST   /v1/streams/{id}    rows -> the windows that they complete
 *     GET    /v1/streams/{id}    how far it is
 *     DELETE /v1/streams/{id}    the last windows; then it is gone
 *
 * A stream is its creator's alone, by the names that the gateway gives of
 * him; to anybody else it is not there.  What a request has wrong leaves the
 * stream as it was, and so does an answer that there is no memory for: no
 * window is lost that nobody was told.
 */


#include "hars_ml_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>


#define HARS_STREAMS_RETRY  "30"          /* s */
#define HARS_STREAMS_WHO    "A stream is a client's: Hars-Client-Id, once, " \
                            "and Hars-Sub, which the gateway sets."


static unsigned hars_streams_create(hars_request_t *r,
    hars_session_t **session, hars_fault_t *fault);
static unsigned hars_streams_options(hars_request_t *r,
    hars_options_t *options, hars_fault_t *fault);
static unsigned hars_stream_append(hars_request_t *r,
    hars_session_t *session, hars_answers_t *answers, hars_fault_t *fault);
static hars_progress_t *hars_stream_before(const hars_session_t *session);
static char *hars_stream_windows(hars_request_t *r, hars_session_t *session,
    const hars_answers_t *answers, const hars_progress_t *before);
static hars_session_t *hars_stream_take(hars_request_t *r);
static int hars_stream_owner(hars_request_t *r,
    unsigned char owner[HARS_ML_DIGEST]);
static uint64_t hars_stream_now(void);
static void hars_stream_reply(hars_request_t *r, unsigned status, char *body);


void
hars_streams_post(hars_request_t *r)
{
    char             *body, location[HARS_ML_STREAM_ID + 16];
    unsigned          status;
    hars_ml_t        *ml;
    hars_fault_t      fault;
    hars_session_t   *session;

    ml = r->data;
    fault.field = NULL;
    status = hars_streams_create(r, &session, &fault);

    if (status == 503 && fault.field) {
        hars_metrics_refused(&ml->metrics, 503);
        hars_reply_header(r, "Retry-After", HARS_STREAMS_RETRY);
        hars_reply_problem(r, 503, "There are too many streams.");
        return;
    }

    if (status) {
        hars_body_refuse(r, status, &fault);
        return;
    }

    body = hars_json_session(session, ml->sessions.idle);
    snprintf(location, sizeof(location), "/v1/streams/%s", session->id);
    hars_sessions_give(ml, session, hars_stream_now());

    if (body) {
        hars_reply_header(r, "Location", location);
    }

    hars_stream_reply(r, 201, body);
}


/* 503 with a field: there are too many */
static unsigned
hars_streams_create(hars_request_t *r, hars_session_t **session,
    hars_fault_t *fault)
{
    int                   rc;
    char                  id[HARS_ML_STREAM_ID + 1];
    unsigned              status;
    hars_ml_t            *ml;
    hars_shelf_t         *shelf;
    unsigned char         owner[HARS_ML_DIGEST], random[HARS_ML_STREAM_ID / 2];
    hars_options_t        options;
    const hars_model_t   *model;

    ml = r->data;
    status = hars_streams_options(r, &options, fault);

    if (status) {
        return status;
    }

    if (hars_stream_owner(r, owner) != HARS_OK) {
        hars_fault(fault, "", -1, -1, HARS_STREAMS_WHO);
        return 400;
    }

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return 503;
    }

    hars_hex(id, random, sizeof(random));
    id[HARS_ML_STREAM_ID] = '\0';

    shelf = hars_shelf_hold(ml);
    model = hars_shelf_choose(shelf, &options, fault);

    if (model == NULL) {
        hars_shelf_release(ml, shelf);
        return 422;
    }

    rc = hars_sessions_create(ml, id, owner, hars_stream_now(), session);

    if (rc != HARS_OK) {
        hars_shelf_release(ml, shelf);
        fault->field = rc == HARS_DECLINED ? "" : NULL;
        return 503;
    }

    (*session)->options = options;
    (*session)->shelf = shelf;
    (*session)->model = model;
    hars_session_begin(*session);
    atomic_fetch_add(&ml->metrics.streams, 1);

    return 0;
}


static unsigned
hars_streams_options(hars_request_t *r, hars_options_t *options,
    hars_fault_t *fault)
{
    unsigned  status;

    hars_options_init(options);

    if (!hars_request_type(r, "application/json")) {
        hars_fault(fault, "", -1, -1,
                   "Send the stream's options as Content-Type: "
                   "application/json.");
        return 415;
    }

    status = hars_json_rows(r->body, r->body_len, options, NULL, fault);

    if (status == 0 && hars_options_judge(options, fault) != HARS_OK) {
        status = 422;
    }

    return status;
}


void
hars_stream_post(hars_request_t *r)
{
    char             *body;
    unsigned          status;
    hars_ml_t        *ml;
    hars_fault_t      fault;
    hars_answers_t    answers;
    hars_session_t   *session;
    hars_progress_t  *before;

    ml = r->data;

    session = hars_stream_take(r);
    if (session == NULL) {
        return;
    }

    memset(&answers, 0, sizeof(answers));
    before = hars_stream_before(session);
    status = before ? hars_stream_append(r, session, &answers, &fault) : 503;
    body = status ? NULL : hars_stream_windows(r, session, &answers, before);

    hars_sessions_give(ml, session, hars_stream_now());
    free(answers.answer);
    free(before);

    if (status) {
        hars_body_refuse(r, status, &fault);
        return;
    }

    hars_stream_reply(r, 200, body);
}


static unsigned
hars_stream_append(hars_request_t *r, hars_session_t *session,
    hars_answers_t *answers, hars_fault_t *fault)
{
    uint64_t          start;
    unsigned          status;
    hars_rows_t       rows;
    hars_metrics_t   *metrics;
    hars_options_t    none;

    metrics = &((hars_ml_t *) r->data)->metrics;
    status = hars_body_rows(r, &none, &session->options, &rows, fault);
    start = hars_metrics_now();

    if (status == 0 && hars_session_push(session, &rows, answers, fault)
        != HARS_OK)
    {
        status = fault->field ? 422 : 503;
    }

    atomic_fetch_add(&metrics->compute, hars_metrics_now() - start);
    atomic_fetch_add(&metrics->windows, answers->n);
    free(rows.row);

    return status;
}


void
hars_stream_get(hars_request_t *r)
{
    char             *body;
    hars_ml_t        *ml;
    hars_session_t   *session;

    ml = r->data;

    session = hars_stream_take(r);

    if (session) {
        body = hars_json_session(session, ml->sessions.idle);
        hars_sessions_give(ml, session, hars_stream_now());
        hars_stream_reply(r, 200, body);
    }
}


void
hars_stream_delete(hars_request_t *r)
{
    char             *body;
    unsigned          status;
    hars_fault_t      fault;
    hars_answers_t    answers;
    hars_session_t   *session;
    hars_progress_t  *before;

    session = hars_stream_take(r);
    if (session == NULL) {
        return;
    }

    memset(&answers, 0, sizeof(answers));
    before = hars_stream_before(session);
    status = before ? 0 : 503;

    if (before && hars_session_end(session, &answers, &fault) != HARS_OK) {
        status = fault.field ? 422 : 503;
    }

    body = status ? NULL : hars_stream_windows(r, session, &answers, before);

    if (body || status == 422) {
        hars_sessions_remove(r->data, session);

    } else {
        hars_sessions_give(r->data, session, hars_stream_now());
    }

    free(answers.answer);
    free(before);

    if (status) {
        hars_body_refuse(r, status, &fault);
        return;
    }

    hars_stream_reply(r, 200, body);
}


static hars_progress_t *
hars_stream_before(const hars_session_t *session)
{
    hars_progress_t  *before;

    before = malloc(sizeof(hars_progress_t));

    if (before) {
        memcpy(before, &session->progress, sizeof(hars_progress_t));
    }

    return before;
}


/* NULL: no memory, and the stream is as before */
static char *
hars_stream_windows(hars_request_t *r, hars_session_t *session,
    const hars_answers_t *answers, const hars_progress_t *before)
{
    char      *body;
    unsigned   all;

    all = (unsigned) hars_body_scope(r, HARS_ML_PROBABILITIES);
    body = hars_json_appended(session, answers, all);

    if (body == NULL) {
        memcpy(&session->progress, before, sizeof(hars_progress_t));
    }

    return body;
}


/* NULL after the refusal */
static hars_session_t *
hars_stream_take(hars_request_t *r)
{
    int               rc;
    unsigned char     owner[HARS_ML_DIGEST];
    hars_session_t   *session;

    if (hars_stream_owner(r, owner) != HARS_OK) {
        hars_metrics_refused(&((hars_ml_t *) r->data)->metrics, 400);
        hars_reply_problem(r, 400, HARS_STREAMS_WHO);
        return NULL;
    }

    rc = hars_sessions_take(r->data, r->rest, owner, hars_stream_now(),
                            &session);

    if (rc == HARS_OK) {
        return session;
    }

    hars_metrics_refused(&((hars_ml_t *) r->data)->metrics,
                         rc == HARS_ML_BUSY ? 409 : 404);

    if (rc == HARS_ML_BUSY) {
        hars_reply_problem(r, 409, "Another request has this stream; send "
                           "one after the other.");
        return NULL;
    }

    hars_reply_problem(r, 404, "There is no such stream; it may have been "
                       "idle for too long.");

    return NULL;
}


/*
 * The gateway sets both names on every request, and nobody else can.  Without
 * a client everybody would be one.
 */
static int
hars_stream_owner(hars_request_t *r, unsigned char owner[HARS_ML_DIGEST])
{
    int          rc;
    char        *text;
    size_t       len;
    const char  *sub, *client;

    if (hars_request_header(r, "Hars-Sub", &sub) == HARS_ERROR
        || hars_request_header(r, "Hars-Client-Id", &client) != HARS_OK
        || client[0] == '\0')
    {
        return HARS_ERROR;
    }

    sub = sub ? sub : "";
    len = strlen(sub) + strlen(client) + 1;

    text = malloc(len + 1);
    if (text == NULL) {
        return HARS_ERROR;
    }

    /* no header has a line's end inside */
    snprintf(text, len + 1, "%s\n%s", sub, client);
    rc = hars_model_digest((unsigned char *) text, len, owner);
    free(text);

    return rc;
}


static uint64_t
hars_stream_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
hars_stream_reply(hars_request_t *r, unsigned status, char *body)
{
    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, "application/json", body, strlen(body));
}
