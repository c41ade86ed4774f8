
/*
 * Calls to fogcloud by some threads, each with a connection of its own from a
 * small stack of them.  An answer goes into a list and an eventfd tells the
 * thread of the links.  A token that was refused is asked for anew, once.
 *
 * While the cloud is silent calls wait: HARS_UPLINK_CALLS of them, and one that
 * is older than a wearable waits for M4 is not made any more.
 */

#include "hars_fn.h"
#include "hars_log.h"
#include "hars_peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>


#define HARS_UPLINK_THREADS  8
#define HARS_UPLINK_SECONDS  10
#define HARS_UPLINK_CALLS    256
#define HARS_UPLINK_LATE     5000         /* ms */


struct hars_uplink_s {
    hars_peer_t          peer;
    hars_workers_t      *workers;
    unsigned             calls;           /* under way; of the links' thread */
    pthread_mutex_t      mutex;           /* of what follows */
    hars_https_t        *https[HARS_UPLINK_THREADS];
    hars_fn_call_t      *first;           /* done */
    hars_fn_call_t     **last;
    atomic_uint          stop;
};


static void hars_uplink_run(void *data);
static hars_https_t *hars_uplink_handle(struct hars_uplink_s *uplink);
static void hars_uplink_handle_done(struct hars_uplink_s *uplink,
    hars_https_t *https);
static void hars_uplink_ask(hars_fn_call_t *call, hars_https_t *https);
static unsigned hars_uplink_stop(void *data);


int
hars_fn_uplink_start(hars_fn_t *fn)
{
    struct hars_uplink_s  *uplink;

    uplink = calloc(1, sizeof(struct hars_uplink_s));
    fn->uplink = uplink;

    if (uplink == NULL) {
        return HARS_ERROR;
    }

    uplink->last = &uplink->first;
    pthread_mutex_init(&uplink->mutex, NULL);

    if (hars_peer_create(&uplink->peer, &fn->conf.self, fn->conf.fog_url,
                         fn->conf.fog_resource, "fog:relay", &uplink->stop)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    fn->event = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    uplink->workers = hars_workers_create(HARS_UPLINK_THREADS);

    return uplink->workers && fn->event != -1 ? HARS_OK : HARS_ERROR;
}


void
hars_fn_uplink_stop(hars_fn_t *fn)
{
    unsigned               i;
    hars_fn_call_t        *call;
    struct hars_uplink_s  *uplink;

    uplink = fn->uplink;

    if (uplink == NULL) {
        return;
    }

    atomic_store(&uplink->stop, 1);
    hars_workers_free(uplink->workers);

    while ((call = uplink->first) != NULL) {
        uplink->first = call->next;
        free(call);
    }

    for (i = 0; i < HARS_UPLINK_THREADS; i++) {
        hars_https_free(uplink->https[i]);
    }

    hars_peer_free(&uplink->peer);
    pthread_mutex_destroy(&uplink->mutex);
    free(uplink);
    fn->uplink = NULL;
}


hars_fn_call_t *
hars_fn_uplink_call(hars_fn_t *fn, hars_fn_link_t *link)
{
    hars_fn_call_t  *call;

    if (fn->uplink->calls >= HARS_UPLINK_CALLS) {
        return NULL;
    }

    call = calloc(1, sizeof(hars_fn_call_t));

    if (call) {
        fn->uplink->calls++;
        call->fn = fn;
        call->made = hars_clock();
        call->link = (unsigned) (link - fn->link);
        call->serial = link->serial;
        call->work.run = hars_uplink_run;
        call->work.data = call;
    }

    return call;
}


void
hars_fn_uplink_give(hars_fn_call_t *call)
{
    hars_workers_give(call->fn->uplink->workers, &call->work);
}


void
hars_fn_uplink_drop(hars_fn_call_t *call)
{
    if (call) {
        call->fn->uplink->calls--;
        explicit_bzero(call, sizeof(hars_fn_call_t));
        free(call);
    }
}


static void
hars_uplink_run(void *data)
{
    uint64_t               one;
    hars_https_t          *https;
    hars_fn_call_t        *call = data;
    hars_fn_t             *fn = call->fn;
    struct hars_uplink_s  *uplink = fn->uplink;

    https = hars_clock() - call->made < HARS_UPLINK_LATE
            ? hars_uplink_handle(uplink) : NULL;

    if (https) {
        hars_uplink_ask(call, https);
        hars_uplink_handle_done(uplink, https);
    }

    pthread_mutex_lock(&uplink->mutex);
    call->next = NULL;
    *uplink->last = call;
    uplink->last = &call->next;
    pthread_mutex_unlock(&uplink->mutex);

    /* the call may be gone as soon as it is in the list */

    one = 1;

    if (write(fn->event, &one, sizeof(one)) != sizeof(one)) {
        hars_log_error("eventfd is full");
    }
}


static hars_https_t *
hars_uplink_handle(struct hars_uplink_s *uplink)
{
    unsigned       i;
    hars_https_t  *https;

    https = NULL;
    pthread_mutex_lock(&uplink->mutex);

    for (i = 0; i < HARS_UPLINK_THREADS && https == NULL; i++) {
        https = uplink->https[i];
        uplink->https[i] = NULL;
    }

    pthread_mutex_unlock(&uplink->mutex);

    return https ? https : hars_https_create(&uplink->peer.conf);
}


static void
hars_uplink_handle_done(struct hars_uplink_s *uplink, hars_https_t *https)
{
    unsigned  i;

    pthread_mutex_lock(&uplink->mutex);

    for (i = 0; i < HARS_UPLINK_THREADS; i++) {
        if (uplink->https[i] == NULL) {
            uplink->https[i] = https;
            https = NULL;
            break;
        }
    }

    pthread_mutex_unlock(&uplink->mutex);
    hars_https_free(https);
}


static void
hars_uplink_ask(hars_fn_call_t *call, hars_https_t *https)
{
    int             rc;
    hars_call_t     sent;
    hars_answer_t   answer;

    memset(&sent, 0, sizeof(sent));
    memset(&answer, 0, sizeof(answer));
    sent.path = call->path;
    sent.type = "application/octet-stream";
    sent.accept = "application/octet-stream, application/json";
    sent.body = (char *) call->body;
    sent.len = call->len;
    sent.seconds = HARS_UPLINK_SECONDS;
    sent.stop = hars_uplink_stop;
    sent.data = call->fn->uplink;

    rc = hars_peer_call(&call->fn->uplink->peer, https, &sent, &answer);

    if (rc == HARS_OK) {
        call->status = answer.status;
        call->answer_len = answer.body.len < sizeof(call->answer)
                           ? answer.body.len : sizeof(call->answer);

        if (call->answer_len) {
            memcpy(call->answer, answer.body.data, call->answer_len);
        }

    } else {
        hars_log_warn("fogcloud: %s", answer.error);
    }

    hars_text_free(&answer.body);
}


static unsigned
hars_uplink_stop(void *data)
{
    struct hars_uplink_s  *uplink = data;

    return atomic_load(&uplink->stop);
}


void
hars_fn_uplink_take(hars_fn_t *fn)
{
    uint64_t               n;
    hars_fn_link_t        *link;
    hars_fn_call_t        *call, *list;
    struct hars_uplink_s  *uplink = fn->uplink;

    if (read(fn->event, &n, sizeof(n)) == -1) {
        return;
    }

    pthread_mutex_lock(&uplink->mutex);
    list = uplink->first;
    uplink->first = NULL;
    uplink->last = &uplink->first;
    pthread_mutex_unlock(&uplink->mutex);

    while ((call = list) != NULL) {
        list = call->next;
        link = &fn->link[call->link];

        /* the link may have ended meanwhile, and its place be another's */

        if (link->fd != -1 && link->serial == call->serial) {
            call->done(fn, link, call);
        }

        hars_fn_uplink_drop(call);
    }
}
