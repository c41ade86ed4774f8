
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


static void hars_tlsload_begin(hars_tlsload_t *load);
static void hars_tlsload_schedule(hars_tlsload_t *load, uint64_t now);
static uint64_t hars_tlsload_due(const hars_tlsload_t *load, uint64_t k);
static void hars_tlsload_wait(hars_tlsload_t *load);
static int hars_tlsload_timeout(const hars_tlsload_t *load,
    struct timespec *ts);
static void hars_tlsload_request(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static const char *hars_tlsload_token(hars_tlsload_t *load,
    const hars_tlsload_conn_t *c);
static uint64_t hars_tlsload_random(uint64_t *state);
static void hars_tlsload_send(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_ready(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static int hars_tlsload_complete(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    size_t n);
static void hars_tlsload_head(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_answer(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_watch(hars_tlsload_t *load, hars_tlsload_conn_t *c,
    int op, uint32_t events);


/* one after another, blocking: nothing is measured yet */
void
hars_tlsload_connect(hars_tlsload_t *load)
{
    unsigned              i;
    const char           *wrong;
    hars_tlsload_conn_t  *c;

    load->epoll = epoll_create1(0);
    load->conn = calloc(load->connections, sizeof(hars_tlsload_conn_t));

    if (load->epoll == -1 || load->conn == NULL) {
        hars_tlsload_fail("start", strerror(errno));
    }

    for (i = 0; i < load->connections; i++) {
        c = &load->conn[i];
        c->n = i;
        wrong = hars_wire_connect(&load->wire, &c->wire);

        if (wrong) {
            hars_tlsload_fail(load->wire.target, wrong);
        }

        hars_tlsload_watch(load, c, EPOLL_CTL_ADD, EPOLLIN);
    }
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

        } else {
            hars_tlsload_request(load, &load->conn[i]);
        }
    }

    for (now = load->start; ; now = hars_tlsload_now()) {

        if (load->begun == 0 && now >= counted) {
            hars_tlsload_begin(load);
        }

        if (now >= load->end && load->draw != HARS_TLSLOAD_ONCE) {
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
static void
hars_tlsload_begin(hars_tlsload_t *load)
{
    load->good = 0;
    load->bad = 0;
    memset(&load->took, 0, sizeof(load->took));

    load->cpu = hars_tlsload_cpu(load->pid);
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


static uint64_t
hars_tlsload_due(const hars_tlsload_t *load, uint64_t k)
{
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

    if (load->rate == 0 || load->ending) {
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
    int          len;
    const char  *token;

    if (load->draw == HARS_TLSLOAD_ONCE && load->drawn == load->tokens) {
        load->ending = 1;
        return;
    }

    token = hars_tlsload_token(load, c);
    len = snprintf(c->out, sizeof(c->out), "GET %s HTTP/1.1\r\nHost: %s\r\n"
                   "%s%s%s\r\n", load->path, load->wire.name,
                   token ? "Authorization: Bearer " : "", token ? token : "",
                   token ? "\r\n" : "");

    if (len < 0 || (size_t) len >= sizeof(c->out)) {
        hars_tlsload_fail("request", "longer than 8 KB");
    }

    if (load->rate == 0) {
        c->due = hars_tlsload_now();
    }

    c->out_len = len;
    c->out_sent = 0;
    c->in_len = 0;
    c->status = 0;
    c->asked = 1;
    load->in_hand++;

    hars_tlsload_send(load, c);
}


/* NULL: none */
static const char *
hars_tlsload_token(hars_tlsload_t *load, const hars_tlsload_conn_t *c)
{
    if (load->tokens == 0) {
        return NULL;
    }

    switch (load->draw) {

    case HARS_TLSLOAD_RANDOM:
        return load->token[hars_tlsload_random(&load->random) % load->tokens];

    case HARS_TLSLOAD_EACH:
        return load->token[c->n];

    default: /* HARS_TLSLOAD_ONCE */
        return load->token[load->drawn++];
    }
}


/* xorshift64*: the same seed draws the same tokens */
static uint64_t
hars_tlsload_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;

    return (*state * 0x2545f4914f6cdd1dull) >> 32;
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

        if (n < 0 || !c->asked) {
            hars_tlsload_fail(load->wire.target, n < 0 ? "connection closed"
                              : "answers more than it was asked");
        }

        if (hars_tlsload_complete(load, c, n)) {
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


static void
hars_tlsload_head(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    char    *end, *length;
    size_t   size, body;

    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        if (c->in_len == sizeof(c->in) - 1) {
            hars_tlsload_fail("answer", "head longer than 16 KB");
        }

        return;
    }

    *end = '\0';
    length = strcasestr(c->in, "\r\nContent-Length:");

    if (length == NULL) {
        hars_tlsload_fail("answer", "without Content-Length");
    }

    size = strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
    body = c->in_len - (end + 4 - c->in);

    if (body > size) {
        hars_tlsload_fail("answer", "longer than its Content-Length");
    }

    c->body_left = size - body;
    c->status = (unsigned) atoi(c->in + sizeof("HTTP/1.1 ") - 1);

    if (c->status != 200 && load->bad == 0) {
        fprintf(stderr, "tlsload: not expected: %s\n", c->in);
    }
}


static void
hars_tlsload_answer(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    uint64_t  now;

    now = hars_tlsload_now();
    hars_times_add(&load->took, (now - c->due) / 1000);
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
