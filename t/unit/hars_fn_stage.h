
/*
 * A stage for links and sessions of the fog node: their code, and around it a
 * clock that is a variable, calls to fogcloud that stop in a list, a world of
 * pure roles (aka_world.h) as wearable and cloud server, a spool that counts.
 * Frames go through real sockets, read when the test says so.
 */

#ifndef HARS_FN_STAGE_H
#define HARS_FN_STAGE_H


#include "../../backend/fog/node/hars_fn_links.c"
#include "../../backend/fog/node/hars_fn_records.c"
#include "../../backend/fog/node/hars_fn_session.c"

#include "aka_world.h"

#include <arpa/inet.h>


#define CALLS  512


static int begin(hars_fn_link_t *link, int fd);
static int open_it(hars_fn_link_t *link, int fd);
static void answer(unsigned i, long status);
static void confirm(const char *sid);
static void send_record(hars_fn_link_t *link, int fd, unsigned skip);
static void send_rows(hars_fn_link_t *link, int fd, unsigned skip,
    unsigned rows);
static uint64_t kept(int fd);
static void put(hars_fn_link_t *link, int fd, const unsigned char *m,
    size_t len);
static int take(int fd, unsigned char *m, size_t size);
static hars_fn_link_t *link_new(int *fd);
static int tcp_from(const char *address);
static void over(void);
static void fresh(void);


static hars_fn_t           node;
static world_t             world;
static run_t               run;
static hars_aka_channel_t  up, down;
static int64_t             ms = 1000000, utc = 1800000000000;
static int64_t             lasts = 86400000;
static hars_fn_call_t     *calls[CALLS];
static unsigned            ncalls, most = CALLS, appended, begun;


/* up to M4, by the first wearable of the world */
static int
begin(hars_fn_link_t *link, int fd)
{
    unsigned       n;
    unsigned char  m[HARS_FRAME_MAX];

    n = ncalls;
    world.now = utc;

    if (world_m1(&world, 0, &run)) {
        return 0;
    }

    put(link, fd, run.m1, sizeof(run.m1));

    if (ncalls != n + 1 || link->state != HARS_LINK_ASKED
        || world_m3(&world, calls[n]->body, calls[n]->len, &run))
    {
        return 0;
    }

    memcpy(calls[n]->answer, run.m3, sizeof(run.m3));
    calls[n]->answer_len = sizeof(run.m3);
    answer(n, 200);

    return link->state == HARS_LINK_PROVISIONAL
           && take(fd, m, sizeof(m)) == HARS_AKA_M4
           && hars_aka_device_m4(&world.device[0], &run.t, m, HARS_AKA_M4,
                                 &run.at_device) == HARS_AKA_OK
           && hars_aka_channel(&run.at_device, HARS_AKA_DEVICE_TO_FOG, &up)
              == HARS_AKA_OK
           && hars_aka_channel(&run.at_device, HARS_AKA_FOG_TO_DEVICE, &down)
              == HARS_AKA_OK;
}


static int
open_it(hars_fn_link_t *link, int fd)
{
    if (!begin(link, fd)) {
        return 0;
    }

    send_record(link, fd, 0);
    confirm(link->sid);

    return link->state == HARS_LINK_OPEN;
}


/* what a thread of the uplink would bring */
static void
answer(unsigned i, long status)
{
    hars_fn_call_t  *call = calls[i];
    hars_fn_link_t  *link = &node.link[call->link];

    call->status = status;

    if (link->fd != -1 && link->serial == call->serial) {
        call->done(&node, link, call);
    }
}


/* what fogcloud says to the last call, of this session */
static void
confirm(const char *sid)
{
    hars_fn_call_t  *call = calls[ncalls - 1];

    call->answer_len = (size_t) snprintf((char *) call->answer,
                                         sizeof(call->answer),
                                         "{\"sid\":\"%s\",\"start\":"
                                         "%.3f,\"end\":%.3f}", sid,
                                         (double) utc / 1000,
                                         (double) (utc + lasts) / 1000);
    answer(ncalls - 1, 200);
}


/* a row, later than all before; "skip" records are lost before it */
static void
send_record(hars_fn_link_t *link, int fd, unsigned skip)
{
    send_rows(link, fd, skip, 1);
}


static void
send_rows(hars_fn_link_t *link, int fd, unsigned skip, unsigned rows)
{
    size_t            len;
    unsigned          i;
    unsigned char     bytes[HARS_FOG_TEXT];
    unsigned char     record[HARS_FOG_TEXT + HARS_AKA_RECORD];
    hars_fog_text_t   text;
    static uint64_t   us = 1;

    memset(&text, 0, sizeof(text));
    text.type = HARS_FOG_SAMPLES;
    text.placement = 1;
    text.rows = rows;
    text.time = us;
    us += rows;

    for (i = 0; i < rows; i++) {
        text.row[i].us = i;
    }

    len = hars_fog_text_put(&text, bytes);
    up.next += skip;

    if (hars_aka_record_seal(&up, bytes, len, record) != HARS_AKA_OK) {
        abort();
    }

    put(link, fd, record, len + HARS_AKA_RECORD);
}


/* the number of the KEPT that came; UINT64_MAX: none did */
static uint64_t
kept(int fd)
{
    int              len;
    uint64_t         number;
    unsigned char    m[HARS_FRAME_MAX], bytes[HARS_FRAME_MAX];
    hars_fog_text_t  text;

    len = take(fd, m, sizeof(m));

    if (len <= 0
        || hars_aka_record_open(&down, m, (size_t) len, bytes, &number)
           != HARS_AKA_OK
        || hars_fog_text_take(&text, bytes, (size_t) len - HARS_AKA_RECORD)
           != HARS_OK
        || text.type != HARS_FOG_KEPT)
    {
        return UINT64_MAX;
    }

    return text.number;
}


/* a frame, read by the fog node */
static void
put(hars_fn_link_t *link, int fd, const unsigned char *m, size_t len)
{
    size_t         size;
    unsigned char  frame[HARS_FRAME_HEAD + HARS_FRAME_MAX];

    if (link->fd == -1) {
        return;
    }

    size = hars_frame_put(frame, m, len);

    if (send(fd, frame, size, MSG_NOSIGNAL) != (ssize_t) size) {
        abort();
    }

    hars_fn_link_ready(&node, link, EPOLLIN);
}


/* the length of a frame that the fog node sent, -1: there is none */
static int
take(int fd, unsigned char *m, size_t size)
{
    size_t         len;
    unsigned char  head[HARS_FRAME_HEAD];

    if (recv(fd, head, sizeof(head), MSG_DONTWAIT) != sizeof(head)) {
        return -1;
    }

    len = (size_t) head[0] << 8 | head[1];

    return len <= size
           && recv(fd, m, len, MSG_DONTWAIT) == (ssize_t) len
           ? (int) len : -1;
}


static hars_fn_link_t *
link_new(int *fd)
{
    int              pair[2];
    hars_fn_link_t  *link;

    for (link = node.link; link->fd != -1; link++) {
        /* void */
    }

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0, pair) == -1) {
        abort();
    }

    *fd = pair[1];
    link->fd = pair[0];
    link->serial = ++node.serial;
    link->touched = ms;

    return link;
}


static int
tcp_from(const char *address)
{
    int                 fd;
    struct sockaddr_in  own = { .sin_family = AF_INET };

    fd = socket(AF_INET, SOCK_STREAM, 0);
    own.sin_addr.s_addr = inet_addr(address);

    if (bind(fd, (struct sockaddr *) &own, sizeof(own)) == -1) {
        abort();
    }

    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_port = htons((uint16_t) node.tcp);

    if (connect(fd, (struct sockaddr *) &own, sizeof(own)) == -1) {
        abort();
    }

    return fd;
}


static void
over(void)
{
    unsigned  i;

    for (i = 0; i < ncalls; i++) {
        free(calls[i]);
    }

    for (i = 0; node.link && i < HARS_FN_LINKS; i++) {
        hars_fn_link_close(&node, &node.link[i]);
    }

    if (node.link) {
        free(node.link);
        close(node.epoll);
    }

    ncalls = 0;
    node.link = NULL;
}


static void
fresh(void)
{
    unsigned  i;

    over();
    world_make(&world, NULL, HARS_AKA_X25519_AES, 1);
    world.now = utc;
    memset(&node, 0, sizeof(node));
    node.link = calloc(HARS_FN_LINKS, sizeof(hars_fn_link_t));
    node.epoll = epoll_create1(0);
    node.rates.rate = node.rates.burst = 10000;
    node.fog = world.fog[0];

    if (node.link == NULL || node.epoll == -1) {
        abort();
    }

    for (i = 0; i < HARS_FN_LINKS; i++) {
        node.link[i].fd = -1;
    }

    appended = begun = 0;
    most = CALLS;
}


/* what stands around */

int64_t
hars_clock(void)
{
    return ms;
}


int64_t
hars_now(void)
{
    return utc;
}


int
hars_fn_state_advance(hars_fn_t *fn)
{
    return hars_aka_fog_advance(&fn->fog) == HARS_AKA_OK ? HARS_OK
                                                         : HARS_ERROR;
}


hars_fn_call_t *
hars_fn_uplink_call(hars_fn_t *fn, hars_fn_link_t *link)
{
    hars_fn_call_t  *call;

    if (ncalls >= most) {
        return NULL;
    }

    call = calloc(1, sizeof(hars_fn_call_t));
    call->fn = fn;
    call->link = (unsigned) (link - fn->link);
    call->serial = link->serial;

    return call;
}


void
hars_fn_uplink_give(hars_fn_call_t *call)
{
    calls[ncalls++] = call;
}


void
hars_fn_uplink_drop(hars_fn_call_t *call)
{
    free(call);
}


hars_spooled_t *
hars_spool_begin(hars_spool_t *spool, const char *sid, unsigned n,
    const char *placement)
{
    (void) spool;
    (void) sid;
    (void) n;
    (void) placement;
    begun++;

    return (hars_spooled_t *) &node;
}


int
hars_spool_append(hars_spooled_t *spooled, const unsigned char *bytes,
    size_t len)
{
    (void) spooled;
    (void) bytes;
    (void) len;
    appended++;

    return HARS_OK;
}


int
hars_spool_sync(hars_spooled_t *spooled)
{
    (void) spooled;

    return HARS_OK;
}


int
hars_spool_end(hars_spooled_t *spooled)
{
    (void) spooled;

    return HARS_OK;
}


#endif /* HARS_FN_STAGE_H */
