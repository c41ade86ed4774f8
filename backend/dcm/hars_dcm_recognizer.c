
/*
 * See hars_dcm_recognizer.h for what this is.  A thread has one job in hand,
 * which its slot tells the tick, and a connection of its own.
 */

#include "hars_dcm_recognizer.h"
#include "hars_pace.h"
#include "hars_dcm_recognize.h"
#include "hars_renewal.h"
#include "hars_dcm_streams.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/rand.h>


#define HARS_RECOGNIZER_THREADS  2
#define HARS_RECOGNIZER_IDLE     1000     /* ms, to look at the queue */
#define HARS_RECOGNIZER_KEEP     3000     /* ms, to renew a lease */
#define HARS_RECOGNIZER_RENEWAL  600000   /* ms, to look at the certificate */


typedef struct {
    hars_recognizer_t  *recognizer;
    pthread_t           thread;
    hars_recognize_t    recognize;

    /* under the mutex */
    unsigned            busy:1;
    hars_job_t          job;
    int64_t             kept;             /* its lease was renewed, ms */
} hars_recognizer_slot_t;


struct hars_recognizer_s {
    hars_dcm_t             *dcm;
    hars_peer_t             peer;         /* the ML service */

    pthread_mutex_t         mutex;        /* of what follows */
    pthread_cond_t          cond;
    unsigned                new:1;        /* a job */
    unsigned                probing:1;    /* somebody tries again */
    unsigned                failures;     /* in a row */
    int64_t                 closed;       /* until then nobody tries,
                                             monotonic ms */
    int64_t                 looked;       /* at the certificate, ms */

    atomic_uint             stop;
    unsigned                threads;      /* that run */
    hars_recognizer_slot_t  slot[HARS_RECOGNIZER_THREADS];
};


static int hars_recognizer_threads(hars_recognizer_t *recognizer);
static void *hars_recognizer_thread(void *data);
static int hars_recognizer_claim(hars_recognizer_slot_t *slot);
static void hars_recognizer_wait(hars_recognizer_t *recognizer);
static void hars_recognizer_certificate(hars_recognizer_t *recognizer);
static void hars_recognizer_job(hars_recognizer_slot_t *slot);
static void hars_recognizer_ended(hars_recognizer_slot_t *slot,
    const hars_recognized_t *recognized);
static void hars_recognizer_open(hars_recognizer_t *recognizer);
static int64_t hars_recognizer_close(hars_recognizer_t *recognizer,
    const hars_recognized_t *recognized);
static unsigned char hars_recognizer_random(void);


hars_recognizer_t *
hars_recognizer_start(hars_dcm_t *dcm)
{
    hars_dcm_conf_t    *conf;
    hars_recognizer_t  *recognizer;

    recognizer = calloc(1, sizeof(hars_recognizer_t));

    if (recognizer == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    conf = &dcm->conf;
    recognizer->dcm = dcm;
    pthread_mutex_init(&recognizer->mutex, NULL);
    hars_cond_init(&recognizer->cond);

    if (hars_peer_create(&recognizer->peer, &conf->self, conf->ml_url,
                         conf->ml_resource, "ml:recognize",
                         &recognizer->stop)
        != HARS_OK
        || hars_recognizer_threads(recognizer) != HARS_OK)
    {
        hars_log_error("the recognizer cannot be started");
        hars_recognizer_stop(recognizer);
        return NULL;
    }

    return recognizer;
}


/* the one server of a database knows that nobody else has a job in hand */
static int
hars_recognizer_threads(hars_recognizer_t *recognizer)
{
    hars_recognizer_slot_t  *slot;

    if (!hars_db_waits(recognizer->dcm->conf.database)
        && hars_queue_recover(recognizer->dcm) != HARS_OK)
    {
        return HARS_ERROR;
    }

    for ( /* void */ ; recognizer->threads < HARS_RECOGNIZER_THREADS;
         recognizer->threads++)
    {
        slot = &recognizer->slot[recognizer->threads];
        slot->recognizer = recognizer;
        slot->recognize.dcm = recognizer->dcm;
        slot->recognize.peer = &recognizer->peer;
        slot->recognize.stop = &recognizer->stop;

        if (pthread_create(&slot->thread, NULL, hars_recognizer_thread, slot)
            != 0)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


void
hars_recognizer_stop(hars_recognizer_t *recognizer)
{
    unsigned  i;

    if (recognizer == NULL) {
        return;
    }

    pthread_mutex_lock(&recognizer->mutex);
    atomic_store(&recognizer->stop, 1);
    pthread_cond_broadcast(&recognizer->cond);
    pthread_mutex_unlock(&recognizer->mutex);

    for (i = 0; i < recognizer->threads; i++) {
        pthread_join(recognizer->slot[i].thread, NULL);
        hars_https_free(recognizer->slot[i].recognize.https);
    }

    hars_peer_free(&recognizer->peer);
    pthread_cond_destroy(&recognizer->cond);
    pthread_mutex_destroy(&recognizer->mutex);
    free(recognizer);
}


void
hars_recognizer_wake(hars_recognizer_t *recognizer)
{
    if (recognizer) {
        pthread_mutex_lock(&recognizer->mutex);
        recognizer->new = 1;
        pthread_cond_signal(&recognizer->cond);
        pthread_mutex_unlock(&recognizer->mutex);
    }
}


void
hars_recognizer_tick(hars_recognizer_t *recognizer)
{
    int64_t                  now;
    unsigned                 i, due;
    hars_job_t               job;
    hars_recognizer_slot_t  *slot;

    if (recognizer == NULL) {
        return;
    }

    now = hars_now();

    for (i = 0; i < recognizer->threads; i++) {
        slot = &recognizer->slot[i];

        pthread_mutex_lock(&recognizer->mutex);
        due = slot->busy && (now - slot->kept >= HARS_RECOGNIZER_KEEP
                             || now < slot->kept);

        if (due) {
            slot->kept = now;
            job = slot->job;
        }

        pthread_mutex_unlock(&recognizer->mutex);

        if (due) {
            (void) hars_queue_keep(recognizer->dcm, &job, now);
        }
    }
}


static void *
hars_recognizer_thread(void *data)
{
    hars_recognizer_t       *recognizer;
    hars_recognizer_slot_t  *slot;

    slot = data;
    recognizer = slot->recognizer;

    while (!atomic_load(&recognizer->stop)) {
        hars_recognizer_certificate(recognizer);

        if (hars_recognizer_claim(slot) == HARS_OK) {
            hars_recognizer_job(slot);

        } else {
            hars_recognizer_wait(recognizer);
        }
    }

    return NULL;
}


/* HARS_DECLINED: it is not the time, or there is none */
static int
hars_recognizer_claim(hars_recognizer_slot_t *slot)
{
    int                 rc;
    int64_t             now;
    unsigned            open, probe;
    hars_recognizer_t  *recognizer;

    recognizer = slot->recognizer;
    now = hars_now();

    pthread_mutex_lock(&recognizer->mutex);
    recognizer->new = 0;
    probe = recognizer->failures > 0;
    open = !probe || (hars_clock() >= recognizer->closed
                      && !recognizer->probing);
    recognizer->probing |= open && probe;
    pthread_mutex_unlock(&recognizer->mutex);

    rc = open ? hars_queue_claim(recognizer->dcm, now, &slot->job)
              : HARS_DECLINED;

    pthread_mutex_lock(&recognizer->mutex);

    if (rc == HARS_OK) {
        slot->busy = 1;
        slot->kept = now;

    } else if (open && probe) {
        recognizer->probing = 0;
    }

    pthread_mutex_unlock(&recognizer->mutex);

    return rc;
}


static void
hars_recognizer_wait(hars_recognizer_t *recognizer)
{
    pthread_mutex_lock(&recognizer->mutex);

    if (!atomic_load(&recognizer->stop)
        && (!recognizer->new || recognizer->failures))
    {
        (void) hars_cond_wait(&recognizer->cond, &recognizer->mutex,
                              hars_clock() + HARS_RECOGNIZER_IDLE);
    }

    pthread_mutex_unlock(&recognizer->mutex);
}


/* whoever comes first looks; the others go on with what they have */
static void
hars_recognizer_certificate(hars_recognizer_t *recognizer)
{
    int64_t   now;
    unsigned  look;

    now = hars_now();

    pthread_mutex_lock(&recognizer->mutex);
    look = recognizer->looked == 0
           || now - recognizer->looked >= HARS_RECOGNIZER_RENEWAL
           || now < recognizer->looked;

    if (look) {
        recognizer->looked = now;
    }

    pthread_mutex_unlock(&recognizer->mutex);

    if (look) {
        (void) hars_renewal(&recognizer->peer.grant_conf.peer);
    }
}


static void
hars_recognizer_job(hars_recognizer_slot_t *slot)
{
    hars_recognized_t  recognized;

    hars_recognize_job(&slot->recognize, &slot->job, &recognized);

    pthread_mutex_lock(&slot->recognizer->mutex);
    slot->busy = 0;
    pthread_mutex_unlock(&slot->recognizer->mutex);

    hars_recognizer_ended(slot, &recognized);
}


static void
hars_recognizer_ended(hars_recognizer_slot_t *slot,
    const hars_recognized_t *recognized)
{
    int64_t             due;
    hars_dcm_t         *dcm;
    hars_recognizer_t  *recognizer;

    recognizer = slot->recognizer;
    dcm = recognizer->dcm;

    switch (recognized->outcome) {

    case HARS_RECOGNIZED_DONE:
        atomic_fetch_add(&dcm->metrics.recognized, 1);
        hars_streams_wake(dcm->streams);
        hars_recognizer_open(recognizer);
        break;

    case HARS_RECOGNIZED_REFUSED:
        atomic_fetch_add(&dcm->metrics.failed, 1);
        (void) hars_queue_fail(dcm, &slot->job, recognized->reason);
        hars_recognizer_open(recognizer);
        break;

    case HARS_RECOGNIZED_GONE:
        (void) hars_queue_fail(dcm, &slot->job, "there is nothing of it");
        hars_recognizer_open(recognizer);
        break;

    case HARS_RECOGNIZED_NOT:
        hars_log_warn("a recording waits: %s", recognized->reason);
        atomic_fetch_add(&dcm->metrics.retries, 1);
        due = hars_now() + hars_pace_again(slot->job.tries, 0, 0);
        (void) hars_queue_later(dcm, &slot->job, due);
        hars_recognizer_open(recognizer);
        break;

    case HARS_RECOGNIZED_AWAY:
        atomic_fetch_add(&dcm->metrics.retries, 1);
        due = hars_now() + hars_recognizer_close(recognizer, recognized);
        (void) hars_queue_later(dcm, &slot->job, due);
        break;
    }
}


static void
hars_recognizer_open(hars_recognizer_t *recognizer)
{
    pthread_mutex_lock(&recognizer->mutex);
    recognizer->failures = 0;
    recognizer->probing = 0;
    pthread_cond_broadcast(&recognizer->cond);
    pthread_mutex_unlock(&recognizer->mutex);
}


/* ms that nobody is to try; the first of several that fail says so */
static int64_t
hars_recognizer_close(hars_recognizer_t *recognizer,
    const hars_recognized_t *recognized)
{
    int64_t   now, delay, left;
    unsigned  first;

    now = hars_clock();

    pthread_mutex_lock(&recognizer->mutex);
    first = recognizer->probing || recognizer->failures == 0;

    if (first) {
        recognizer->failures++;
        delay = hars_pace_again(recognizer->failures,
                                      recognized->retry_after,
                                      hars_recognizer_random());
        recognizer->closed = now + delay;
        recognizer->probing = 0;
    }

    left = recognizer->closed - now;
    pthread_mutex_unlock(&recognizer->mutex);

    if (first) {
        hars_log_warn("recognition waits for %.1f s: %s",
                      (double) left / 1000, recognized->reason);
    }

    return left;
}


static unsigned char
hars_recognizer_random(void)
{
    unsigned char  random;

    return RAND_bytes(&random, 1) == 1 ? random : 0;
}
