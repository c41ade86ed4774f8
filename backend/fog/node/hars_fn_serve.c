
/*
 * The loop: links and answers as they come, ticks of a second or less, and at
 * the end of each turn what was written to the spool is synced and said to be
 * kept: many records, one sync.
 */

#include "hars_fn.h"
#include "hars_fn_carrier.h"
#include "hars_fn_spool.h"
#include "hars_http.h"
#include "aka_crypto.h"
#include "hars_log.h"
#include "hars_signal.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>


#define HARS_SERVE_EVENTS  64
#define HARS_SERVE_TICK    200            /* ms */
#define HARS_SERVE_FILES   (HARS_FN_LINKS + 128)


static int hars_fn_start(hars_fn_t *fn);
static int hars_fn_files(void);
static void hars_fn_run(hars_fn_t *fn);
static void hars_fn_turn(hars_fn_t *fn, const struct epoll_event *event);
static void hars_fn_tick(hars_fn_t *fn, int64_t now);
static void hars_fn_stop(hars_fn_t *fn);


int
hars_fn_serve(hars_fn_t *fn)
{
    int  rc;

    if (hars_signal_init() != HARS_OK) {
        hars_log_error("signals cannot be blocked");
        return HARS_EXIT_FAILED;
    }

    rc = hars_fn_start(fn);

    if (rc == HARS_OK) {
        hars_log_info("serving wearables at %s%s%s", fn->conf.socket,
                      fn->conf.listen ? " and " : "",
                      fn->conf.listen ? fn->conf.listen : "");
        hars_fn_run(fn);
    }

    hars_fn_stop(fn);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_fn_start(hars_fn_t *fn)
{
    unsigned            i;
    struct epoll_event  event = { .events = EPOLLIN };

    fn->rates.rate = fn->conf.rate;
    fn->rates.burst = fn->conf.burst;
    fn->tcp = fn->event = fn->socket.fd = -1;
    fn->link = calloc(HARS_FN_LINKS, sizeof(hars_fn_link_t));
    fn->epoll = epoll_create1(EPOLL_CLOEXEC);

    if (fn->link == NULL || fn->epoll == -1) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    for (i = 0; i < HARS_FN_LINKS; i++) {
        fn->link[i].fd = -1;
    }

    if (hars_fn_files() != HARS_OK) {
        return HARS_ERROR;
    }

    fn->spool = hars_spool_open(fn->conf.spool, fn->conf.spool_bytes,
                                fn->seal);

    if (fn->spool == NULL || hars_fn_state_read(fn) != HARS_OK
        || hars_fn_uplink_start(fn) != HARS_OK)
    {
        return HARS_ERROR;
    }

    event.data.u64 = HARS_FN_LINKS + 2;

    if (epoll_ctl(fn->epoll, EPOLL_CTL_ADD, fn->event, &event) == -1) {
        return HARS_ERROR;
    }

    fn->carrier = hars_carrier_start(fn);

    return fn->carrier && hars_fn_metrics_start(fn) == HARS_OK
           ? hars_fn_listen(fn) : HARS_ERROR;
}


/* without them a link more would be a loop that does not rest */
static int
hars_fn_files(void)
{
    struct rlimit  files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0
        && files.rlim_cur < HARS_SERVE_FILES)
    {
        files.rlim_cur = HARS_SERVE_FILES;

        if (files.rlim_max < HARS_SERVE_FILES
            || setrlimit(RLIMIT_NOFILE, &files) == -1)
        {
            hars_log_error("%lu open files are allowed and %u needed: see "
                           "ulimit -n, or LimitNOFILE= of systemd",
                           (unsigned long) files.rlim_max, HARS_SERVE_FILES);
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static void
hars_fn_run(hars_fn_t *fn)
{
    int                 i, n;
    int64_t             now, ticked;
    struct epoll_event  event[HARS_SERVE_EVENTS];

    ticked = 0;

    while (hars_signal_wait(0) == 0) {
        n = epoll_wait(fn->epoll, event, HARS_SERVE_EVENTS, HARS_SERVE_TICK);

        for (i = 0; i < n; i++) {
            hars_fn_turn(fn, &event[i]);
        }

        /* before the tick, which may close what it is due to */

        hars_fn_kept(fn);
        now = hars_clock();

        if (now - ticked >= HARS_SERVE_TICK) {
            ticked = now;
            hars_fn_tick(fn, now);
        }
    }
}


static void
hars_fn_turn(hars_fn_t *fn, const struct epoll_event *event)
{
    switch (event->data.u64) {

    case HARS_FN_LINKS:
        hars_fn_accept(fn, fn->socket.fd);
        break;

    case HARS_FN_LINKS + 1:
        hars_fn_accept(fn, fn->tcp);
        break;

    case HARS_FN_LINKS + 2:
        hars_fn_uplink_take(fn);
        break;

    default:
        if (fn->link[event->data.u64].fd != -1) {
            hars_fn_link_ready(fn, &fn->link[event->data.u64],
                               event->events);
        }
    }
}


static void
hars_fn_tick(hars_fn_t *fn, int64_t now)
{
    unsigned  i;

    for (i = 0; i < HARS_FN_LINKS; i++) {
        if (fn->link[i].fd != -1) {
            hars_fn_session_tick(fn, &fn->link[i], now);
        }
    }

    hars_carrier_take(fn);
}


static void
hars_fn_stop(hars_fn_t *fn)
{
    unsigned  i;

    hars_http_stop(fn->http);

    for (i = 0; fn->link && i < HARS_FN_LINKS; i++) {
        hars_fn_link_close(fn, &fn->link[i]);
    }

    hars_carrier_stop(fn->carrier);
    hars_fn_uplink_stop(fn);
    hars_spool_close(fn->spool);

    if (fn->socket.fd != -1) {
        hars_socket_unlink(&fn->socket);
        close(fn->socket.fd);
    }

    if (fn->tcp != -1) {
        close(fn->tcp);
    }

    free(fn->link);
    hars_aka_fog_wipe(&fn->fog);
}
