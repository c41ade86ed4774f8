
/* See hars_dcm_recognize.h for what this is. */

#include "hars_dcm_recognize.h"
#include "hars_dcm_packed.h"
#include "hars_dcm_parts.h"
#include "hars_dcm_results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>


#define HARS_RECOGNIZE_PATH  (HARS_RECORDING_OPTIONS + 32)
#define HARS_RECOGNIZE_RATE  "sampling_rate_hz="


/* one recording on its way, part by part */
typedef struct {
    hars_recognize_t       *recognize;
    const hars_job_t       *job;
    hars_recognized_t      *recognized;
    hars_dcm_recording_t    recording;
    double                  rate;

    char                    path[HARS_RECOGNIZE_PATH];
    char                   *body;         /* of the part in hand */
    size_t                  len;
    hars_answer_t           answer;
    hars_ml_answer_t        all;          /* no model: nothing yet */
} hars_recognize_call_t;


static hars_recognized_e hars_recognize_find(hars_recognize_call_t *call);
static hars_recognized_e hars_recognize_parts(hars_recognize_call_t *call);
static hars_recognized_e hars_recognize_part(hars_recognize_call_t *call,
    const hars_part_t *part);
static hars_recognized_e hars_recognize_read(hars_recognize_call_t *call,
    const hars_part_t *part);
static hars_recognized_e hars_recognize_ask(hars_recognize_call_t *call);
static unsigned hars_recognize_stop(void *data);
static hars_recognized_e hars_recognize_judge(hars_recognize_call_t *call);
static hars_recognized_e hars_recognize_take(hars_recognize_call_t *call,
    const hars_part_t *part);
static int hars_recognize_add(hars_recognize_call_t *call,
    const hars_ml_answer_t *answer, const hars_part_t *part);
static hars_recognized_e hars_recognize_store(hars_recognize_call_t *call);
static void hars_recognize_wipe(hars_ml_answer_t *answer);


void
hars_recognize_job(hars_recognize_t *recognize, const hars_job_t *job,
    hars_recognized_t *recognized)
{
    hars_recognize_call_t  call;

    memset(&call, 0, sizeof(call));
    memset(recognized, 0, sizeof(hars_recognized_t));

    call.recognize = recognize;
    call.job = job;
    call.recognized = recognized;

    recognized->outcome = hars_recognize_find(&call);

    if (recognized->outcome == HARS_RECOGNIZED_DONE) {
        recognized->outcome = hars_recognize_parts(&call);
    }

    recognized->retry_after = call.answer.retry_after;

    if (recognized->outcome == HARS_RECOGNIZED_DONE) {
        recognized->outcome = hars_recognize_store(&call);
    }

    hars_recognize_wipe(&call.all);
}


static hars_recognized_e
hars_recognize_find(hars_recognize_call_t *call)
{
    int          rc;
    hars_db_t   *db;
    hars_dcm_t  *dcm;
    const char  *rate;

    dcm = call->recognize->dcm;
    db = hars_store_reader(dcm->store);

    strcpy(call->recognized->reason, "the store does not answer");

    if (db == NULL) {
        return HARS_RECOGNIZED_NOT;
    }

    rc = hars_recording_get(db, call->job->patient, call->job->recording,
                            &call->recording);
    hars_store_reader_done(dcm->store, db);

    if (rc != HARS_OK) {
        return rc == HARS_DECLINED ? HARS_RECOGNIZED_GONE
                                   : HARS_RECOGNIZED_NOT;
    }

    snprintf(call->path, sizeof(call->path), "/v1/recognitions?%s",
             call->recording.options);

    rate = strstr(call->recording.options, HARS_RECOGNIZE_RATE);
    call->rate = rate ? strtod(rate + strlen(HARS_RECOGNIZE_RATE), NULL) : 0;

    return HARS_RECOGNIZED_DONE;
}


/* a part may have nothing to recognize, if only another one has */
static hars_recognized_e
hars_recognize_parts(hars_recognize_call_t *call)
{
    unsigned              i, n;
    hars_part_t           part;
    hars_recognized_e     outcome;
    hars_dcm_recording_t *recording;

    recording = &call->recording;
    n = hars_parts(call->rate, recording->start_ms, recording->end_ms);

    for (i = 0; i < n; i++) {
        hars_part(call->rate, recording->start_ms, recording->end_ms, i,
                  &part);
        outcome = hars_recognize_part(call, &part);

        if (n > 1 && (outcome == HARS_RECOGNIZED_GONE
                      || (outcome == HARS_RECOGNIZED_REFUSED
                          && call->answer.status == 422)))
        {
            continue;
        }

        if (outcome != HARS_RECOGNIZED_DONE) {
            return outcome;
        }
    }

    if (call->all.model[0]) {
        return HARS_RECOGNIZED_DONE;
    }

    return call->answer.status == 422 ? HARS_RECOGNIZED_REFUSED
                                      : HARS_RECOGNIZED_GONE;
}


static hars_recognized_e
hars_recognize_part(hars_recognize_call_t *call, const hars_part_t *part)
{
    hars_recognized_e  outcome;

    outcome = hars_recognize_read(call, part);

    if (outcome == HARS_RECOGNIZED_DONE) {
        outcome = hars_recognize_ask(call);
    }

    if (outcome == HARS_RECOGNIZED_DONE) {
        outcome = hars_recognize_take(call, part);
    }

    hars_text_free(&call->answer.body);

    if (call->body) {
        OPENSSL_cleanse(call->body, call->len);
        free(call->body);
        call->body = NULL;
    }

    return outcome;
}


static hars_recognized_e
hars_recognize_read(hars_recognize_call_t *call, const hars_part_t *part)
{
    int          rc;
    hars_db_t   *db;
    hars_dcm_t  *dcm;

    dcm = call->recognize->dcm;
    db = hars_store_reader(dcm->store);

    strcpy(call->recognized->reason, "the store does not answer");

    if (db == NULL) {
        return HARS_RECOGNIZED_NOT;
    }

    rc = hars_samples_packed_part(dcm, db, call->job->patient,
                                  call->job->recording, part->from_ms,
                                  part->to_ms, &call->body, &call->len);
    hars_store_reader_done(dcm->store, db);

    return rc == HARS_OK ? HARS_RECOGNIZED_DONE
           : rc == HARS_DECLINED ? HARS_RECOGNIZED_GONE
                                 : HARS_RECOGNIZED_NOT;
}


static hars_recognized_e
hars_recognize_ask(hars_recognize_call_t *call)
{
    int                rc;
    hars_call_t        sent;
    hars_recognize_t  *recognize;

    recognize = call->recognize;
    memset(&sent, 0, sizeof(sent));
    memset(&call->answer, 0, sizeof(hars_answer_t));

    sent.path = call->path;
    sent.type = "application/vnd.hars.samples";
    sent.body = call->body;
    sent.len = call->len;
    sent.stop = hars_recognize_stop;
    sent.data = recognize;

    if (recognize->https == NULL) {
        recognize->https = hars_https_create(&recognize->peer->conf);
    }

    rc = recognize->https ? hars_peer_call(recognize->peer, recognize->https,
                                           &sent, &call->answer)
                          : HARS_ERROR;

    if (rc != HARS_OK) {
        snprintf(call->recognized->reason, HARS_ANSWER_REASON, "%.500s",
                 call->answer.error);
        return HARS_RECOGNIZED_AWAY;
    }

    return hars_recognize_judge(call);
}


static unsigned
hars_recognize_stop(void *data)
{
    return atomic_load(((hars_recognize_t *) data)->stop);
}


static hars_recognized_e
hars_recognize_judge(hars_recognize_call_t *call)
{
    char           *reason;
    hars_answer_t  *answer;

    answer = &call->answer;
    reason = call->recognized->reason;

    switch (answer->status) {

    case 200:
        return HARS_RECOGNIZED_DONE;

    case 400:
    case 413:
    case 422:

        /* nginx says 400 in HTML where the certificate was not shown */

        if (answer->withheld) {
            snprintf(reason, HARS_ANSWER_REASON, "the server does not "
                     "name the authority of the own certificate");
            return HARS_RECOGNIZED_AWAY;
        }

        hars_ml_refusal(answer->body.data, answer->body.len, answer->status,
                        reason);
        return HARS_RECOGNIZED_REFUSED;

    default:
        snprintf(reason, HARS_ANSWER_REASON, "status %ld%.300s",
                 answer->status, answer->challenge);
        return HARS_RECOGNIZED_AWAY;
    }
}


static hars_recognized_e
hars_recognize_take(hars_recognize_call_t *call, const hars_part_t *part)
{
    int                rc;
    hars_ml_answer_t   answer;

    if (hars_ml_answer(call->answer.body.data, call->answer.body.len, &answer,
                       call->recognized->reason) != HARS_OK)
    {
        return HARS_RECOGNIZED_NOT;
    }

    if (call->all.model[0] == '\0') {
        strcpy(call->all.model, answer.model);
    }

    /* a model that was replaced in between: all of it by the new one */

    if (strcmp(call->all.model, answer.model) != 0) {
        strcpy(call->recognized->reason, "the model is another one now");
        rc = HARS_ERROR;

    } else {
        strcpy(call->recognized->reason, "there is no memory");
        rc = hars_recognize_add(call, &answer, part);
    }

    hars_recognize_wipe(&answer);

    return rc == HARS_OK ? HARS_RECOGNIZED_DONE : HARS_RECOGNIZED_NOT;
}


static int
hars_recognize_add(hars_recognize_call_t *call,
    const hars_ml_answer_t *answer, const hars_part_t *part)
{
    int                a, s;
    unsigned           i;
    hars_window_t     *w, *list;
    hars_ml_answer_t  *all;

    all = &call->all;
    list = malloc((all->n + answer->n + 1) * sizeof(hars_window_t));

    if (list == NULL) {
        return HARS_ERROR;
    }

    if (all->n) {
        memcpy(list, all->window, all->n * sizeof(hars_window_t));
        OPENSSL_cleanse(all->window, all->n * sizeof(hars_window_t));
    }

    free(all->window);
    all->window = list;

    for (i = 0; i < answer->n; i++) {
        w = &answer->window[i];

        if (w->start_ms < part->first_ms || w->start_ms >= part->next_ms) {
            continue;
        }

        a = hars_activity(&all->activities,
                          answer->activities.name[w->activity]);
        s = hars_activity(&all->activities,
                          answer->activities.name[w->smoothed]);

        if (a < 0 || s < 0) {
            return HARS_ERROR;
        }

        list[all->n] = *w;
        list[all->n].activity = (uint8_t) a;
        list[all->n++].smoothed = (uint8_t) s;
    }

    return HARS_OK;
}


static hars_recognized_e
hars_recognize_store(hars_recognize_call_t *call)
{
    int          rc;
    hars_dcm_t  *dcm;

    dcm = call->recognize->dcm;
    strcpy(call->recognized->reason, "the store does not answer");

    rc = hars_results_store(dcm, call->job, &call->all);

    if (rc == HARS_OK) {
        atomic_fetch_add(&dcm->metrics.windows, call->all.n);
    }

    return rc == HARS_OK ? HARS_RECOGNIZED_DONE
           : rc == HARS_DECLINED ? HARS_RECOGNIZED_GONE
                                 : HARS_RECOGNIZED_NOT;
}


static void
hars_recognize_wipe(hars_ml_answer_t *answer)
{
    if (answer->window) {
        OPENSSL_cleanse(answer->window, answer->n * sizeof(hars_window_t));
        free(answer->window);
    }
}
