
/*
 * See hars_dcm_streams.h for what this is.
 *
 * A stream is in the list from the answer's beginning till libmicrohttpd says
 * that it has gone.  The thread takes one after the other out of turn (busy),
 * asks the database without the lock, and tells under the lock, which
 * hars_streams_gone() takes, too; one that has gone meanwhile is the
 * thread's to free.
 */

#include "hars_dcm_news.h"
#include "hars_dcm_streams.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_STREAMS_MAX     256
#define HARS_STREAMS_ROUND   500          /* ms, between two looks */
#define HARS_STREAMS_PAUSE   50           /* ms, at least */
#define HARS_STREAMS_LIFE    60000        /* ms */
#define HARS_STREAMS_BEAT    15000        /* ms */
#define HARS_STREAMS_STOP    2000         /* ms */
#define HARS_STREAMS_TOP     "retry: 1000\nid: %lld\n\n"
#define HARS_STREAMS_TOP_LEN (sizeof(HARS_STREAMS_TOP) + 20)


typedef struct hars_streams_one_s  hars_streams_one_t;

struct hars_streams_one_s {
    hars_streams_t      *streams;
    hars_streams_one_t  *next;
    hars_stream_t       *out;
    hars_look_t          look;
    int64_t              event;           /* the last one that was told */
    int64_t              until;           /* ms */
    int64_t              told;            /* something, ms */
    uint64_t             round;           /* that it was looked at in */
    unsigned             busy:1;
    unsigned             gone:1;
};


struct hars_streams_s {
    hars_dcm_t          *dcm;

    pthread_mutex_t      mutex;           /* of what follows */
    pthread_cond_t       cond;
    hars_streams_one_t  *first;
    unsigned             n;
    unsigned             new:1;
    unsigned             stop:1;
    uint64_t             round;

    pthread_t            thread;
    unsigned             started:1;
};


static hars_streams_one_t *hars_streams_make(hars_streams_t *streams,
    const hars_look_t *look, int64_t event);
static void *hars_streams_thread(void *data);
static hars_streams_one_t *hars_streams_take(hars_streams_t *streams);
static void hars_streams_tell(hars_streams_t *streams,
    hars_streams_one_t *one, const hars_news_t *news, unsigned end);
static void hars_streams_remove(hars_streams_t *streams,
    hars_streams_one_t *one);
static void hars_streams_wait(hars_streams_t *streams, long ms,
    unsigned for_news);
static unsigned hars_streams_look(hars_streams_t *streams,
    hars_streams_one_t *one, hars_news_t *news);
static void hars_streams_gone(void *data);


hars_streams_t *
hars_streams_start(hars_dcm_t *dcm)
{
    hars_streams_t  *streams;

    streams = calloc(1, sizeof(hars_streams_t));

    if (streams) {
        streams->dcm = dcm;
        pthread_mutex_init(&streams->mutex, NULL);
        hars_cond_init(&streams->cond);
        streams->started = (pthread_create(&streams->thread, NULL,
                                           hars_streams_thread, streams)
                            == 0);
    }

    if (streams == NULL || !streams->started) {
        hars_log_error("live streams cannot be started");
        hars_streams_free(streams);
        return NULL;
    }

    return streams;
}


void
hars_streams_stop(hars_streams_t *streams)
{
    unsigned             ms;
    struct timespec      ts;
    hars_streams_one_t  *one;

    if (streams == NULL) {
        return;
    }

    pthread_mutex_lock(&streams->mutex);
    streams->stop = 1;
    pthread_cond_broadcast(&streams->cond);
    pthread_mutex_unlock(&streams->mutex);

    pthread_join(streams->thread, NULL);
    streams->started = 0;

    pthread_mutex_lock(&streams->mutex);

    for (one = streams->first; one; one = one->next) {
        hars_stream_end(one->out);
    }

    /* clients read their ends, or are left to the server */

    for (ms = 0; ms < HARS_STREAMS_STOP && streams->n; ms += 5) {
        pthread_mutex_unlock(&streams->mutex);
        ts.tv_sec = 0;
        ts.tv_nsec = 5 * 1000 * 1000;
        nanosleep(&ts, NULL);
        pthread_mutex_lock(&streams->mutex);
    }

    pthread_mutex_unlock(&streams->mutex);
}


void
hars_streams_free(hars_streams_t *streams)
{
    if (streams) {
        pthread_cond_destroy(&streams->cond);
        pthread_mutex_destroy(&streams->mutex);
        free(streams);
    }
}


void
hars_streams_wake(hars_streams_t *streams)
{
    if (streams) {
        pthread_mutex_lock(&streams->mutex);
        streams->new = 1;
        pthread_cond_signal(&streams->cond);
        pthread_mutex_unlock(&streams->mutex);
    }
}


void
hars_streams_open(hars_streams_t *streams, hars_request_t *r,
    const hars_look_t *look, int64_t event)
{
    int                  len;
    char                 top[HARS_STREAMS_TOP_LEN];
    hars_stream_t       *out;
    hars_streams_one_t  *one;

    if (event == HARS_STREAM_NOW
        && hars_news_now(streams->dcm, look->patient, &event) != HARS_OK)
    {
        hars_reply_problem(r, 503, "The store does not answer: ask again.");
        return;
    }

    one = hars_streams_make(streams, look, event);

    if (one == NULL) {
        hars_reply_header(r, "Retry-After", "5");
        hars_reply_problem(r, 503, "There are too many live streams: come "
                           "again later.");
        return;
    }

    /* nobody in between keeps or collects it */

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "X-Accel-Buffering", "no");

    out = hars_reply_stream(r, 200, "text/event-stream", hars_streams_gone,
                            one);
    if (out == NULL) {
        return;
    }

    pthread_mutex_lock(&streams->mutex);

    one->out = out;
    one->next = streams->first;
    streams->first = one;
    streams->new = 1;

    /* who is cut off before any event goes on from here all the same */

    len = snprintf(top, sizeof(top), HARS_STREAMS_TOP, (long long) event);
    (void) hars_stream_tell(out, top, (size_t) len);

    if (streams->stop) {
        hars_stream_end(out);
    }

    pthread_cond_signal(&streams->cond);
    pthread_mutex_unlock(&streams->mutex);
}


/* counted, not in the list yet; NULL: there is no room */
static hars_streams_one_t *
hars_streams_make(hars_streams_t *streams, const hars_look_t *look,
    int64_t event)
{
    unsigned             full;
    hars_streams_one_t  *one;

    one = calloc(1, sizeof(hars_streams_one_t));

    pthread_mutex_lock(&streams->mutex);
    full = one == NULL || streams->stop || streams->n == HARS_STREAMS_MAX;
    streams->n += !full;
    pthread_mutex_unlock(&streams->mutex);

    if (full) {
        free(one);
        return NULL;
    }

    one->streams = streams;
    one->look = *look;
    one->event = event;
    one->told = hars_now();
    one->until = one->told + HARS_STREAMS_LIFE;

    if (look->who.exp * 1000 < one->until) {
        one->until = look->who.exp * 1000;
    }

    return one;
}


static void *
hars_streams_thread(void *data)
{
    unsigned             end;
    hars_news_t          news;
    hars_streams_t      *streams;
    hars_streams_one_t  *one;

    streams = data;
    pthread_mutex_lock(&streams->mutex);

    while (!streams->stop) {
        streams->new = 0;
        streams->round++;

        while (!streams->stop && (one = hars_streams_take(streams)) != NULL) {

            memset(&news, 0, sizeof(news));
            news.event = one->event;
            end = hars_stream_left(one->out);
            pthread_mutex_unlock(&streams->mutex);

            if (!end) {
                end = hars_streams_look(streams, one, &news);
            }

            pthread_mutex_lock(&streams->mutex);
            hars_streams_tell(streams, one, &news, end);
            free(news.text);
        }

        hars_streams_wait(streams, HARS_STREAMS_PAUSE, 0);
        hars_streams_wait(streams, HARS_STREAMS_ROUND - HARS_STREAMS_PAUSE,
                          1);
    }

    pthread_mutex_unlock(&streams->mutex);

    return NULL;
}


/* one that was not looked at in this round; NULL: all were */
static hars_streams_one_t *
hars_streams_take(hars_streams_t *streams)
{
    hars_streams_one_t  *one;

    for (one = streams->first; one; one = one->next) {
        if (one->round != streams->round) {
            one->round = streams->round;
            one->busy = 1;
            return one;
        }
    }

    return NULL;
}


static void
hars_streams_tell(hars_streams_t *streams, hars_streams_one_t *one,
    const hars_news_t *news, unsigned end)
{
    one->busy = 0;

    if (one->gone) {
        hars_streams_remove(streams, one);
        return;
    }

    /* what is not taken comes again in the next round */

    if (news->text && hars_stream_tell(one->out, news->text, news->len)
                      != HARS_OK)
    {
        return;
    }

    one->event = news->event;

    if (news->text) {
        one->told = hars_now();
    }

    if (end) {
        hars_stream_end(one->out);
    }
}


static void
hars_streams_remove(hars_streams_t *streams, hars_streams_one_t *one)
{
    hars_streams_one_t  **p;

    for (p = &streams->first; *p; p = &(*p)->next) {
        if (*p == one) {
            *p = one->next;
            break;
        }
    }

    streams->n--;
    free(one);
}


static void
hars_streams_wait(hars_streams_t *streams, long ms, unsigned for_news)
{
    int64_t  until;

    until = hars_clock() + ms;

    while (!streams->stop && !(for_news && streams->new)) {
        if (hars_cond_wait(&streams->cond, &streams->mutex, until) != 0) {
            return;
        }
    }
}


/* does it end?  Nobody else writes to "one" while it is busy */
static unsigned
hars_streams_look(hars_streams_t *streams, hars_streams_one_t *one,
    hars_news_t *news)
{
    int64_t  now;

    now = hars_now();

    /*
     * Of a look that cannot be decided nothing more is shown; nor for longer
     * because the clock was set back.
     */

    if (now >= one->until
        || now < one->told
        || hars_look_again(streams->dcm, &one->look) != HARS_OK
        || hars_news_read(streams->dcm, &one->look, one->event, news)
           == HARS_ERROR)
    {
        return 1;
    }

    if (news->text == NULL && now - one->told >= HARS_STREAMS_BEAT) {
        return hars_news_add(news, ":\n\n", NULL) != HARS_OK;
    }

    return 0;
}


/* by libmicrohttpd, once */
static void
hars_streams_gone(void *data)
{
    hars_streams_t      *streams;
    hars_streams_one_t  *one;

    one = data;
    streams = one->streams;

    pthread_mutex_lock(&streams->mutex);

    if (one->busy) {
        one->gone = 1;

    } else {
        hars_streams_remove(streams, one);
    }

    pthread_mutex_unlock(&streams->mutex);
}
