
/*
 * The requests of tlsload and their answers: on each connection one after
 * another, at once or when it is due.
 *
 * By a schedule the k-th request is due k / rate after the start, on
 * connection k mod N.  One that comes due while its connection has an answer
 * to come is sent when that is there, and its time counts from the moment it
 * was due: what a stalled server kept from being asked is in the percentiles.
 */

#include "tlsload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>


#define HARS_TLSLOAD_SILENCE  10          /* s without any answer: fails */


static void hars_tlsload_open(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_schedule(hars_tlsload_t *load, uint64_t now);
static void hars_tlsload_spread(hars_tlsload_t *load, uint64_t now);
static uint64_t hars_tlsload_due(const hars_tlsload_t *load, uint64_t k);
static void hars_tlsload_wait(hars_tlsload_t *load);
static int hars_tlsload_timeout(const hars_tlsload_t *load,
    struct timespec *ts);
static void hars_tlsload_request(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static size_t hars_tlsload_write(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    const char *token);
static void hars_tlsload_send(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_ready(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static int hars_tlsload_complete(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    size_t n);
static int hars_tlsload_frames(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    size_t n);
static void hars_tlsload_head(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_unexpected(const hars_tlsload_t *load,
    const char *what);
static void hars_tlsload_answer(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_watch(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    int op, uint32_t events);


/* one after another, blocking: nothing is measured yet */
void
hars_tlsload_connect(hars_tlsload_t *load)
{
    unsigned  i;

    load->epoll = epoll_create1(0);
    load->conn = calloc(load->connections, sizeof(hars_tlsload_conn_t));

    if (load->epoll == -1 || load->conn == NULL) {
        hars_tlsload_fail("start", strerror(errno));
    }

    for (i = 0; i < load->connections; i++) {
        load->conn[i].n = i;
        hars_tlsload_open(load, &load->conn[i]);
    }
}


static void
hars_tlsload_open(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    size_t       len;
    const char  *wrong;

    wrong = hars_wire_connect(&load->wire, &c->wire);

    if (wrong) {
        hars_tlsload_fail(load->wire.target, wrong);
    }

    if (load->h2) {
        len = hars_h2_preface(c->out, sizeof(c->out));

        if (hars_wire_write(&c->wire, c->out, len) != (ssize_t) len) {
            hars_tlsload_fail(load->wire.target, "takes no HTTP/2");
        }
    }

    hars_tlsload_watch(load, c, EPOLL_CTL_ADD, EPOLLIN);
}


/* until the time is over, or the tokens are, and all answers have come */
void
hars_tlsload_run(hars_tlsload_t *load)
{
    unsigned  i;
    uint64_t  now, counted;

    load->start = hars_tlsload_now();
    counted = load->start + (uint64_t) (load->warm * 1e9);
    load->end = counted + (uint64_t) (load->seconds * 1e9);

    for (i = 0; i < load->connections; i++) {
        if (load->rate > 0) {
            load->conn[i].due = hars_tlsload_due(load, i);

        } else if (load->spread == 0) {
            hars_tlsload_request(load, &load->conn[i]);
        }
    }

    for (now = load->start; ; now = hars_tlsload_now()) {

        if (load->begun == 0 && now >= counted) {
            hars_tlsload_begin(load);
        }

        if (load->seconds > 0 && now >= load->end) {
            load->ending = 1;
        }

        hars_tlsload_schedule(load, now);

        if (load->ending && load->in_hand == 0) {
            return;
        }

        hars_tlsload_wait(load);
    }
}


/* from here on it counts */
void
hars_tlsload_begin(hars_tlsload_t *load)
{
    load->good = 0;
    load->bad = 0;
    memset(&load->took, 0, sizeof(load->took));
    hars_pieces_clear(&load->pieces);

    load->cpu = hars_tlsload_cpu(load);
    load->behind = load->other ? hars_tlsload_process(load->other) : 0;
    load->own = hars_tlsload_own();
    load->begun = hars_tlsload_now();
}


/* those that are due by now, on connections that have none in hand */
static void
hars_tlsload_schedule(hars_tlsload_t *load, uint64_t now)
{
    uint64_t              due;
    hars_tlsload_conn_t  *c;

    if (load->rate == 0) {
        hars_tlsload_spread(load, now);
        return;
    }

    for ( ;; ) {
        due = hars_tlsload_due(load, load->scheduled);

        if (due > now || due >= load->end) {
            return;
        }

        c = &load->conn[load->scheduled % load->connections];
        load->scheduled++;

        if (!c->asked && c->due <= now) {
            hars_tlsload_request(load, c);
        }
    }
}


/* first requests, one connection after another */
static void
hars_tlsload_spread(hars_tlsload_t *load, uint64_t now)
{
    if (load->spread == 0) {
        return;
    }

    while (load->scheduled < load->connections
           && hars_tlsload_due(load, load->scheduled) <= now)
    {
        hars_tlsload_request(load, &load->conn[load->scheduled++]);
    }
}


static uint64_t
hars_tlsload_due(const hars_tlsload_t *load, uint64_t k)
{
    if (load->spread > 0) {
        return load->start + (uint64_t) (1e9 * load->spread * (double) k
                                         / load->connections);
    }

    return load->start + (uint64_t) (1e9 * (double) k / load->rate);
}


static void
hars_tlsload_wait(hars_tlsload_t *load)
{
    int                 i, n, idle;
    struct timespec     ts;
    struct epoll_event  event[64];

    idle = hars_tlsload_timeout(load, &ts);
    n = epoll_pwait2(load->epoll, event, 64, &ts, NULL);

    if (n == -1 && errno != EINTR) {
        hars_tlsload_fail("epoll", strerror(errno));
    }

    if (n == 0 && idle) {
        hars_tlsload_fail(load->wire.target, "no answer in 10 seconds");
    }

    for (i = 0; i < n; i++) {
        hars_tlsload_ready(load, event[i].data.ptr);
    }
}


/* how long until the next request is due; 1: none is, it must not be reached */
static int
hars_tlsload_timeout(const hars_tlsload_t *load, struct timespec *ts)
{
    uint64_t  due, now;

    ts->tv_sec = HARS_TLSLOAD_SILENCE;
    ts->tv_nsec = 0;

    if (load->ending
        || (load->rate == 0
            && (load->spread == 0 || load->scheduled == load->connections)))
    {
        return 1;
    }

    now = hars_tlsload_now();
    due = hars_tlsload_due(load, load->scheduled);
    due = due > now ? due - now : 0;

    ts->tv_sec = (time_t) (due / 1000000000);
    ts->tv_nsec = (long) (due % 1000000000);

    return 0;
}


static void
hars_tlsload_request(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    if (hars_tokens_over(&load->tokens)) {
        load->ending = 1;
        return;
    }

    c->out_len = hars_tlsload_write(load, c,
                                    hars_tokens_next(&load->tokens, c->n));

    if (load->rate == 0) {
        c->due = hars_tlsload_now();
    }

    c->out_sent = 0;
    c->status = 0;
    c->asked = 1;
    load->in_hand++;

    hars_tlsload_send(load, c);
}


static size_t
hars_tlsload_write(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    const char *token)
{
    size_t  len;

    if (!load->h2) {
        return hars_tlsload_text(load, token, c->out, sizeof(c->out));
    }

    len = hars_h2_request(&c->h2, c->out, sizeof(c->out), load->wire.name,
                          load->path, token);
    if (len == 0) {
        hars_tlsload_fail("request", "longer than 8 KB");
    }

    return len;
}


/* the request of HTTP/1.1; its length */
size_t
hars_tlsload_text(const hars_tlsload_t *load, const char *token, char *dst,
    size_t size)
{
    int  len;

    len = snprintf(dst, size, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n",
                   load->path, load->wire.name,
                   token ? "Authorization: Bearer " : "", token ? token : "",
                   token ? "\r\n" : "");

    if (len < 0 || (size_t) len >= size) {
        hars_tlsload_fail("request", "longer than 8 KB");
    }

    return len;
}


static void
hars_tlsload_send(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    ssize_t  n;

    n = hars_wire_write(&c->wire, c->out + c->out_sent,
                        c->out_len - c->out_sent);
    if (n < 0) {
        hars_tlsload_fail(load->wire.target, "connection lost");
    }

    c->out_sent += n;

    if (c->out_sent < c->out_len) {
        hars_tlsload_watch(load, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}


static void
hars_tlsload_ready(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    ssize_t  n;

    if (c->asked && c->out_sent < c->out_len) {
        hars_tlsload_watch(load, c, EPOLL_CTL_MOD, EPOLLIN);
        hars_tlsload_send(load, c);
        return;
    }

    for ( ;; ) {
        n = hars_wire_read(&c->wire, c->in + c->in_len,
                           sizeof(c->in) - 1 - c->in_len);

        if (n == 0) {
            return;
        }

        /* HTTP/2 may have frames for the connection at any time */

        if (n < 0 || (!c->asked && !load->h2)) {
            hars_tlsload_fail(load->wire.target, n < 0 ? "connection closed"
                              : "answers more than it was asked");
        }

        if (load->h2 ? hars_tlsload_frames(load, c, n)
                     : hars_tlsload_complete(load, c, n))
        {
            hars_tlsload_answer(load, c);
            return;
        }
    }
}


/* n more bytes are there: is the answer? */
static int
hars_tlsload_complete(hars_tlsload_t *load, hars_tlsload_conn_t *c, size_t n)
{
    c->in_len += n;
    c->in[c->in_len] = '\0';

    if (c->status == 0) {
        hars_tlsload_head(load, c);

        if (c->status == 0) {
            return 0;
        }

    } else if (n > c->body_left) {
        hars_tlsload_fail("answer", "longer than its Content-Length");

    } else {
        c->body_left -= n;
    }

    c->in_len = 0;

    return c->body_left == 0;
}


/* the same of frames; what is left of one waits at the front of "in" */
static int
hars_tlsload_frames(hars_tlsload_t *load, hars_tlsload_conn_t *c, size_t n)
{
    size_t       taken;
    unsigned     status;
    const char  *wrong;

    status = 0;
    wrong = NULL;

    c->in_len += n;
    taken = hars_h2_take(&c->h2, c->in, c->in_len, &status, &wrong);
    c->in_len -= taken;
    memmove(c->in, c->in + taken, c->in_len);

    if (wrong == NULL && c->in_len == sizeof(c->in) - 1) {
        wrong = "frame longer than 16 KB";
    }

    if (wrong) {
        hars_tlsload_fail(load->wire.target, wrong);
    }

    c->status = status;

    if (status && status != 200) {
        hars_tlsload_unexpected(load, "another status of HTTP/2 than 200");
    }

    return status != 0;
}


static void
hars_tlsload_head(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    char    *end;
    size_t   length, body;

    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        if (c->in_len == sizeof(c->in) - 1) {
            hars_tlsload_fail("answer", "head longer than 16 KB");
        }

        return;
    }

    *end = '\0';
    c->status = hars_tlsload_status(c->in, &length);
    body = c->in_len - (end + 4 - c->in);

    if (body > length) {
        hars_tlsload_fail("answer", "longer than its Content-Length");
    }

    c->body_left = length - body;

    if (c->status != 200) {
        hars_tlsload_unexpected(load, c->in);
    }
}


/* of a head, as a text: its status; the Content-Length, which it has to have */
unsigned
hars_tlsload_status(char *head, size_t *length)
{
    char  *field;

    field = strcasestr(head, "\r\nContent-Length:");

    if (field == NULL) {
        hars_tlsload_fail("answer", "without Content-Length");
    }

    *length = strtoul(field + sizeof("\r\nContent-Length:") - 1, NULL, 10);

    return (unsigned) atoi(head + sizeof("HTTP/1.1 ") - 1);
}


/* the first one is shown */
static void
hars_tlsload_unexpected(const hars_tlsload_t *load, const char *what)
{
    if (load->bad == 0) {
        fprintf(stderr, "tlsload: not expected: %s\n", what);
    }
}


static void
hars_tlsload_answer(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    uint64_t  now, us;

    now = hars_tlsload_now();
    us = (now - c->due) / 1000;
    hars_times_add(&load->took, us);
    hars_pieces_add(&load->pieces, us);
    load->in_hand--;
    c->asked = 0;

    if (c->status == 200) {
        load->good++;

    } else {
        load->bad++;
    }

    if (load->rate == 0) {

        if (!load->ending) {
            hars_tlsload_request(load, c);
        }

        return;
    }

    c->turn++;
    c->due = hars_tlsload_due(load, c->n + c->turn * load->connections);

    /* what came due in time is asked even when the time is over */

    if (c->due <= now && c->due < load->end) {
        hars_tlsload_request(load, c);
    }
}


static void
hars_tlsload_watch(hars_tlsload_t *load, hars_tlsload_conn_t *c, int op,
    uint32_t events)
{
    struct epoll_event  event = { .events = events, .data.ptr = c };

    if (epoll_ctl(load->epoll, op, c->wire.fd, &event) == -1) {
        hars_tlsload_fail("epoll", strerror(errno));
    }
}
