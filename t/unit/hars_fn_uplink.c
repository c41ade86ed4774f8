
/*
 * Calls of the fog node while the cloud is silent: as many as there are
 * threads are made, some wait, none waits longer than a wearable does, and
 * there is a bound.  The cloud is a gate in this file, the clock a variable.
 */

/* link: backend/common/hars_workers.c backend/common/hars_text.c */
/* link: backend/common/hars_log.c -lpthread */

#include "../../backend/fog/node/hars_fn_uplink.c"

#include "tap.h"

#include <poll.h>


static void silent(void);
static void gone(void);
static hars_fn_call_t *call_of(unsigned i);
static void done(hars_fn_t *fn, hars_fn_link_t *link, hars_fn_call_t *call);
static void gate(unsigned open);
static unsigned take_until(unsigned n);


static hars_fn_t        fn;
static hars_fn_link_t   links[HARS_FN_LINKS];
static atomic_llong     ms;
static atomic_uint      asked;
static unsigned         answered, unanswered, closed;
static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t   cond = PTHREAD_COND_INITIALIZER;


int
main(void)
{
    unsigned  i;

    atomic_store(&ms, 1000000);
    fn.link = links;

    for (i = 0; i < HARS_FN_LINKS; i++) {
        links[i].serial = i + 1;
    }

    ok(hars_fn_uplink_start(&fn) == HARS_OK, "threads");
    silent();
    gone();
    gate(0);
    hars_fn_uplink_stop(&fn);
    close(fn.event);

    return tap_done();
}


static void
silent(void)
{
    unsigned         i, n;
    hars_fn_call_t  *call;

    gate(1);

    for (i = n = 0; i < 1000; i++) {
        call = call_of(i % HARS_FN_LINKS);

        if (call) {
            hars_fn_uplink_give(call);
            n++;
        }
    }

    ok(n == HARS_UPLINK_CALLS, "%u calls of 1000 are taken", n);

    /* those that are made are made; the others have waited too long by then */

    while (atomic_load(&asked) < HARS_UPLINK_THREADS) {
        (void) poll(NULL, 0, 1);
    }

    atomic_fetch_add(&ms, HARS_UPLINK_LATE);
    gate(0);
    ok(take_until(n) == n, "all are answered for");
    ok(atomic_load(&asked) == HARS_UPLINK_THREADS
       && answered == HARS_UPLINK_THREADS, "... %u of them were made",
       atomic_load(&asked));
    ok(unanswered == n - HARS_UPLINK_THREADS,
       "... the others were too late, and have no answer");
    ok(fn.uplink->calls == 0 && (call = call_of(0)) != NULL,
       "there is room again");
    hars_fn_uplink_drop(call);
    hars_fn_uplink_drop(NULL);
    ok(fn.uplink->calls == 0, "one that is not given counts no more");
}


/* the link of a call may be another one's by the time of its answer */
static void
gone(void)
{
    hars_fn_call_t  *call;

    answered = unanswered = 0;
    call = call_of(3);
    hars_fn_uplink_give(call);
    links[3].serial += 1000;
    call = call_of(4);
    hars_fn_uplink_give(call);
    links[4].fd = -1;
    call = call_of(5);
    hars_fn_uplink_give(call);

    ok(take_until(1) == 1 && fn.uplink->calls == 0,
       "an answer goes to its link, and to no other one");
}


static hars_fn_call_t *
call_of(unsigned i)
{
    hars_fn_call_t  *call;

    call = hars_fn_uplink_call(&fn, &links[i]);

    if (call) {
        call->done = done;
        call->len = 1;
    }

    return call;
}


static void
done(hars_fn_t *of, hars_fn_link_t *link, hars_fn_call_t *call)
{
    (void) of;

    if (link->serial != call->serial || link->fd == -1) {
        abort();
    }

    if (call->status == 200) {
        answered++;

    } else {
        unanswered++;
    }
}


static void
gate(unsigned shut)
{
    pthread_mutex_lock(&lock);
    closed = shut;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
}


/* turns of the loop until so many were told, and no call is under way */
static unsigned
take_until(unsigned n)
{
    unsigned       i;
    struct pollfd  event = { .fd = fn.event, .events = POLLIN };

    for (i = 0; i < 1000 && (answered + unanswered < n || fn.uplink->calls);
         i++)
    {
        if (poll(&event, 1, 10) == 1) {
            hars_fn_uplink_take(&fn);
        }
    }

    return answered + unanswered;
}


/* the cloud, and what leads to it */

int
hars_peer_call(hars_peer_t *peer, hars_https_t *https,
    hars_call_t *call, hars_answer_t *answer)
{
    (void) peer;
    (void) https;
    (void) call;
    atomic_fetch_add(&asked, 1);

    pthread_mutex_lock(&lock);

    while (closed) {
        pthread_cond_wait(&cond, &lock);
    }

    pthread_mutex_unlock(&lock);
    answer->status = 200;

    return HARS_OK;
}


int64_t
hars_clock(void)
{
    return atomic_load(&ms);
}


int
hars_peer_create(hars_peer_t *peer, const hars_self_t *self, const char *url,
    const char *resource, const char *scope, atomic_uint *stop)
{
    (void) peer;
    (void) self;
    (void) url;
    (void) resource;
    (void) scope;
    (void) stop;

    return HARS_OK;
}


void
hars_peer_free(hars_peer_t *peer)
{
    (void) peer;
}


hars_https_t *
hars_https_create(const hars_https_conf_t *conf)
{
    (void) conf;

    return malloc(1);
}


void
hars_https_free(hars_https_t *https)
{
    free(https);
}
