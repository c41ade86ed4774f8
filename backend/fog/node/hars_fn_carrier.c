
/* See hars_fn_carrier.h for what this is. */

#include "hars_fn_carrier.h"
#include "hars_fn_activities.h"
#include "hars_fn_hz.h"
#include "hars_fn_spool.h"
#include "aka_crypto.h"
#include "hars_log.h"
#include "hars_pace.h"
#include "hars_peer.h"
#include "hars_renewal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>


#define HARS_CARRIER_IDLE     250         /* ms, to look at the spool */
#define HARS_CARRIER_ASKED    32          /* recordings, most */
#define HARS_CARRIER_TRIES    240         /* looks at a recording */
#define HARS_CARRIER_NEWS     256         /* activities that wait */
#define HARS_CARRIER_RENEWAL  600000      /* ms, to look at the certificate */
#define HARS_CARRIER_SECONDS  30


typedef struct {
    char                  name[HARS_SPOOL_NAME];
    unsigned              tries;
} hars_carried_name_t;


struct hars_carrier_s {
    hars_fn_t            *fn;
    hars_peer_t           peer;
    hars_https_t         *https;
    pthread_t             thread;
    unsigned              running:1;
    atomic_uint           stop;
    int64_t               failures;       /* in a row */
    int64_t               looked;         /* at the certificate, ms */
    unsigned              asked;          /* recordings that were taken */
    hars_carried_name_t   name[HARS_CARRIER_ASKED];

    pthread_mutex_t       mutex;          /* of what follows */
    pthread_cond_t        cond;
    unsigned              n;
    hars_fn_news_t        news[HARS_CARRIER_NEWS];
};


static void *hars_carrier_run(void *data);
static void hars_carrier_wait(hars_carrier_t *carrier, int64_t ms);
static void hars_carrier_certificate(hars_carrier_t *carrier);
static int64_t hars_carrier_send(hars_carrier_t *carrier);
static int hars_carrier_post(hars_carrier_t *carrier, const char *name,
    const hars_text_t *body, hars_answer_t *answer);
static int64_t hars_carrier_judge(hars_carrier_t *carrier, const char *name,
    int rc, const hars_answer_t *answer);
static int64_t hars_carrier_done(hars_carrier_t *carrier, const char *name,
    unsigned refused);
static int64_t hars_carrier_away(hars_carrier_t *carrier, long retry_after);
static void hars_carrier_ask(hars_carrier_t *carrier);
static int hars_carrier_look(hars_carrier_t *carrier, const char *name);
static void hars_carrier_news(void *data, const hars_fn_news_t *news);
static unsigned hars_carrier_stops(void *data);


hars_carrier_t *
hars_carrier_start(hars_fn_t *fn)
{
    hars_carrier_t  *carrier;

    carrier = calloc(1, sizeof(hars_carrier_t));

    if (carrier == NULL) {
        return NULL;
    }

    carrier->fn = fn;
    pthread_mutex_init(&carrier->mutex, NULL);
    hars_cond_init(&carrier->cond);

    if (hars_peer_create(&carrier->peer, &fn->conf.self, fn->conf.dcm_url,
                         fn->conf.dcm_resource, "recordings:fog",
                         &carrier->stop)
        == HARS_OK)
    {
        carrier->https = hars_https_create(&carrier->peer.conf);
    }

    if (carrier->https
        && pthread_create(&carrier->thread, NULL, hars_carrier_run, carrier)
           == 0)
    {
        carrier->running = 1;
        return carrier;
    }

    hars_log_error("the carrier cannot be started");
    hars_carrier_stop(carrier);

    return NULL;
}


void
hars_carrier_stop(hars_carrier_t *carrier)
{
    if (carrier == NULL) {
        return;
    }

    pthread_mutex_lock(&carrier->mutex);
    atomic_store(&carrier->stop, 1);
    pthread_cond_signal(&carrier->cond);
    pthread_mutex_unlock(&carrier->mutex);

    if (carrier->running) {
        pthread_join(carrier->thread, NULL);
    }

    hars_https_free(carrier->https);
    hars_peer_free(&carrier->peer);
    pthread_cond_destroy(&carrier->cond);
    pthread_mutex_destroy(&carrier->mutex);
    hars_aka_wipe(carrier, sizeof(hars_carrier_t));
    free(carrier);
}


static void *
hars_carrier_run(void *data)
{
    int64_t          ms;
    hars_carrier_t  *carrier = data;

    while (!atomic_load(&carrier->stop)) {
        hars_carrier_certificate(carrier);
        ms = hars_carrier_send(carrier);

        if (ms >= 0 && carrier->failures == 0) {
            hars_carrier_ask(carrier);
        }

        if (ms > 0) {
            hars_carrier_wait(carrier, ms);
        }
    }

    return NULL;
}


static void
hars_carrier_wait(hars_carrier_t *carrier, int64_t ms)
{
    pthread_mutex_lock(&carrier->mutex);

    if (!atomic_load(&carrier->stop)) {
        (void) hars_cond_wait(&carrier->cond, &carrier->mutex,
                              hars_clock() + ms);
    }

    pthread_mutex_unlock(&carrier->mutex);
}


static void
hars_carrier_certificate(hars_carrier_t *carrier)
{
    int64_t  now;

    now = hars_clock();

    if (carrier->looked && now - carrier->looked < HARS_CARRIER_RENEWAL) {
        return;
    }

    carrier->looked = now;

    if (hars_renewal(&carrier->peer.grant_conf.peer) == HARS_OK) {
        hars_log_info("the certificate was renewed");
    }
}


/* one recording; ms to wait then, 0: there may be more */
static int64_t
hars_carrier_send(hars_carrier_t *carrier)
{
    int             rc;
    char            name[HARS_SPOOL_NAME];
    int64_t         ms;
    hars_text_t     body;
    hars_answer_t   answer;

    if (hars_spool_next(carrier->fn->spool, name) != HARS_OK) {
        return HARS_CARRIER_IDLE;
    }

    memset(&body, 0, sizeof(body));
    memset(&answer, 0, sizeof(answer));

    rc = hars_spool_load(carrier->fn->spool, name, &body);

    if (rc == HARS_DECLINED) {
        hars_fn_count(&carrier->fn->metrics, HARS_FN_RECORDING_CHANGED);
        ms = hars_carrier_done(carrier, name, 1);

    } else if (rc != HARS_OK) {
        ms = hars_carrier_away(carrier, 0);

    } else if (body.len == 0) {
        ms = hars_carrier_done(carrier, name, 0);

    } else {
        rc = hars_carrier_post(carrier, name, &body, &answer);
        ms = hars_carrier_judge(carrier, name, rc, &answer);
    }

    hars_text_free(&body);
    hars_text_free(&answer.body);

    return ms;
}


static int
hars_carrier_post(hars_carrier_t *carrier, const char *name,
    const hars_text_t *body, hars_answer_t *answer)
{
    char         path[256];
    hars_call_t  call;

    memset(&call, 0, sizeof(call));

    /* SID-N-PLACEMENT; N has six digits or more */

    snprintf(path, sizeof(path), "/v1/recordings?id=%s&placement=%s"
             "&fog_session=%.32s&sampling_rate_hz=%.1f", name,
             strchr(name + 2 * HARS_AKA_SID + 1, '-') + 1, name,
             hars_fn_hz(body->data, body->len));
    call.path = path;
    call.type = "application/vnd.hars.samples";
    call.body = body->data;
    call.len = body->len;
    call.seconds = HARS_CARRIER_SECONDS;
    call.stop = hars_carrier_stops;
    call.data = carrier;

    return hars_peer_call(&carrier->peer, carrier->https, &call, answer);
}


static int64_t
hars_carrier_judge(hars_carrier_t *carrier, const char *name, int rc,
    const hars_answer_t *answer)
{
    int64_t  ms;

    if (rc != HARS_OK) {
        hars_log_warn("data collecting mechanism: %s", answer->error);
        return hars_carrier_away(carrier, 0);
    }

    if (answer->status >= 200 && answer->status < 300) {
        hars_fn_count(&carrier->fn->metrics, HARS_FN_RECORDING_SENT);
        ms = hars_carrier_done(carrier, name, 0);

        if (ms == 0 && carrier->asked < HARS_CARRIER_ASKED) {
            strcpy(carrier->name[carrier->asked].name, name);
            carrier->name[carrier->asked++].tries = 0;
        }

        return ms;
    }

    hars_log_warn("recording %s: status %ld: %.*s", name, answer->status,
                  (int) (answer->body.len < 300 ? answer->body.len : 300),
                  answer->body.data ? answer->body.data : "");

    switch (answer->status) {

    case 400:
    case 409:
    case 413:
    case 415:
    case 422:
        hars_fn_count(&carrier->fn->metrics, HARS_FN_RECORDING_REFUSED);
        return hars_carrier_done(carrier, name, 1);
    }

    /* 403 and 404 are somebody's to mend: what was kept waits for it */

    return hars_carrier_away(carrier, answer->retry_after);
}


/* what stays where it was would come again at once, for ever */
static int64_t
hars_carrier_done(hars_carrier_t *carrier, const char *name, unsigned refused)
{
    if (hars_spool_done(carrier->fn->spool, name, refused) != HARS_OK) {
        return hars_carrier_away(carrier, 0);
    }

    carrier->failures = 0;

    return 0;
}


static int64_t
hars_carrier_away(hars_carrier_t *carrier, long retry_after)
{
    unsigned char  random;

    hars_fn_count(&carrier->fn->metrics, HARS_FN_RECORDING_AGAIN);

    if (getrandom(&random, 1, 0) != 1) {
        random = 0;
    }

    return hars_pace_again(++carrier->failures, retry_after, random);
}


/* what came of recordings that were taken */
static void
hars_carrier_ask(hars_carrier_t *carrier)
{
    unsigned  i, n;

    for (i = n = 0; i < carrier->asked; i++) {

        if (hars_carrier_look(carrier, carrier->name[i].name) != HARS_OK
            && ++carrier->name[i].tries < HARS_CARRIER_TRIES)
        {
            carrier->name[n++] = carrier->name[i];
        }
    }

    carrier->asked = n;
}


/* HARS_OK: there is nothing more to come */
static int
hars_carrier_look(hars_carrier_t *carrier, const char *name)
{
    int             rc;
    char            path[256];
    hars_call_t     call;
    hars_answer_t   answer;
    hars_fn_news_t  news;

    memset(&call, 0, sizeof(call));
    memset(&answer, 0, sizeof(answer));
    memset(&news, 0, sizeof(news));
    snprintf(path, sizeof(path), "/v1/recordings/%s/activities", name);
    snprintf(news.sid, sizeof(news.sid), "%.32s", name);
    call.path = path;
    call.get = 1;
    call.seconds = HARS_CARRIER_SECONDS;
    call.stop = hars_carrier_stops;
    call.data = carrier;

    rc = hars_peer_call(&carrier->peer, carrier->https, &call, &answer);

    if (rc == HARS_OK && answer.status == 200) {
        rc = hars_fn_activities(answer.body.data, answer.body.len, &news,
                                hars_carrier_news, carrier);
    } else {
        rc = HARS_DECLINED;
    }

    hars_text_free(&answer.body);

    return rc;
}


static void
hars_carrier_news(void *data, const hars_fn_news_t *news)
{
    hars_carrier_t  *carrier = data;

    pthread_mutex_lock(&carrier->mutex);

    if (carrier->n < HARS_CARRIER_NEWS) {
        carrier->news[carrier->n++] = *news;
    }

    pthread_mutex_unlock(&carrier->mutex);
}


static unsigned
hars_carrier_stops(void *data)
{
    hars_carrier_t  *carrier = data;

    return atomic_load(&carrier->stop);
}


void
hars_carrier_take(hars_fn_t *fn)
{
    unsigned         i, j;
    hars_carrier_t  *carrier = fn->carrier;
    hars_fog_text_t  text;

    pthread_mutex_lock(&carrier->mutex);

    for (i = 0; i < carrier->n; i++) {
        memset(&text, 0, sizeof(text));
        text.type = HARS_FOG_ACTIVITY;
        text.from = carrier->news[i].from;
        text.to = carrier->news[i].to;
        strcpy(text.name, carrier->news[i].name);

        for (j = 0; j < HARS_FN_LINKS; j++) {
            if (fn->link[j].fd != -1 && fn->link[j].state == HARS_LINK_OPEN
                && strcmp(fn->link[j].sid, carrier->news[i].sid) == 0)
            {
                hars_fn_count(&fn->metrics, HARS_FN_ACTIVITIES);
                hars_fn_say(fn, &fn->link[j], &text);
            }
        }
    }

    hars_aka_wipe(&text, sizeof(text));
    hars_aka_wipe(carrier->news, carrier->n * sizeof(hars_fn_news_t));
    carrier->n = 0;
    pthread_mutex_unlock(&carrier->mutex);
}
