
/*
 * Links and sessions of the fog node on a stage (hars_fn_stage.h): time passes
 * without waiting, an answer comes when the test says so, or never.
 *
 * Questions: what ends unconfirmed sessions, what holds a place, whom a full
 * table turns away, what KEPT says after a record was lost, that a session is
 * over before fogcloud's end of it.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: backend/fog/link/hars_fog_frame.c backend/fog/link/hars_fog_text.c */
/* link: backend/fog/node/hars_fn_rate.c backend/common/hars_socket.c */
/* link: backend/fog/node/hars_fn_confirmation.c */
/* link: backend/common/hars_log.c common/hars_record.c */
/* link: -ljansson -lsodium -lcrypto -lm */

#include "hars_fn_stage.h"
#include "tap.h"


static void provisional(void);
static void confirming(void);
static void astray(void);
static void torn(void);
static void quiet(void);
static void ending(void);
static unsigned ends_after(unsigned step, int64_t of);
static void records(void);
static void rows(void);
static void places(void);
static void pending(void);
static void clocks(void);


int
main(void)
{
    provisional();
    confirming();
    astray();
    torn();
    quiet();
    ending();
    records();
    rows();
    places();
    pending();
    clocks();
    over();

    return tap_done();
}


/* 5.4: 30 s, whatever comes on the link meanwhile */
static void
provisional(void)
{
    int              fd;
    unsigned         i;
    unsigned char    bad[40] = { 0 };
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);
    ok(begin(link, fd), "a session is provisional");
    ok(node.pending == 1, "... it is pending");

    for (i = 0; i < 29; i++) {
        ms += 1000;
        put(link, fd, bad, sizeof(bad));
        hars_fn_session_tick(&node, link, ms);
    }

    ok(link->fd != -1, "29 s later it is there");
    ms += 1001;
    put(link, fd, bad, sizeof(bad));
    hars_fn_session_tick(&node, link, ms);
    ok(link->fd == -1 && node.pending == 0,
       "30 s later it is not, whatever was sent");
    close(fd);

    link = link_new(&fd);
    ok(begin(link, fd), "another one");
    ms += 30000;
    send_record(link, fd, 0);
    ok(link->fd == -1 && ncalls == 2, "a first record after 30 s: nobody "
       "is asked");
    close(fd);
}


/* fogcloud does not say: asked again, not for ever */
static void
confirming(void)
{
    int              fd;
    unsigned         i;
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);
    ok(begin(link, fd), "a session");
    send_record(link, fd, 0);
    ok(link->state == HARS_LINK_CONFIRMING && ncalls == 2,
       "fogcloud is asked");

    for (i = 0; i < 120 && link->fd != -1; i++) {
        ms += 1000;

        if (link->asking) {
            answer(ncalls - 1, 503);
        }

        hars_fn_session_tick(&node, link, ms);
    }

    ok(link->fd == -1, "it does not confirm: the link ends");
    ok(i > 30 && i <= 61, "... after %u s", i);
    ok(ncalls > 30, "... in which it was asked %u times", ncalls - 1);
    ok(appended == 0, "nothing was put into the spool");
    close(fd);

    fresh();
    link = link_new(&fd);
    ok(begin(link, fd), "another one");
    send_record(link, fd, 0);
    answer(ncalls - 1, 404);
    ok(link->fd == -1, "fogcloud has none such: the link ends at once");
    close(fd);
}


/* an answer that went astray, and one that was torn */
static void
astray(void)
{
    int              fd;
    unsigned         i;
    char             sid[HARS_FN_SID];
    hars_fn_link_t  *link;

    for (i = 0; i < 2; i++) {
        fresh();
        link = link_new(&fd);
        ok(begin(link, fd), "a session");
        send_record(link, fd, 0);
        memcpy(sid, link->sid, sizeof(sid));
        sid[i ? sizeof(sid) - 2 : 0] ^= i ? sid[sizeof(sid) - 2] : 1;
        confirm(sid);
        ok(link->state == HARS_LINK_CONFIRMING && appended == 0,
           i ? "one with a part of its sid confirms nothing"
             : "one of another session confirms nothing");
        ms += 1000;
        hars_fn_session_tick(&node, link, ms);
        ok(ncalls == 3, "... and it is asked again");
        confirm(link->sid);
        ok(link->state == HARS_LINK_OPEN && appended == 1,
           "... till it is its own");
        close(fd);
    }
}


/* whoever does not know when a session ends opens none */
static void
torn(void)
{
    int64_t   of;
    unsigned  i;

    static const struct {
        const char  *body;
        int64_t      lasts;               /* -1: it confirms nothing */
    } body[] = {
        { "{\"sid\":\"ab\",\"start\":1.5,\"end\":3601.5}", 3600000 },
        { "{\"sid\":\"ab\",\"start\":0,\"end\":0}", 0 },
        { "{\"sid\":\"ab\",\"start\":1800000000.001,"
          "\"end\":1800003600.000}", 3599999 },
        { "{\"sid\":\"ab\",\"start\":1.5,\"end\":3601.5", -1 },
        { "{\"sid\":\"ac\",\"start\":1.5,\"end\":3601.5}", -1 },
        { "{\"sid\":\"abc\",\"start\":1.5,\"end\":3601.5}", -1 },
        { "{\"start\":1.5,\"end\":3601.5,\"of\":\"ab\"}", -1 },
        { "{\"sid\":\"ab\"}", -1 },
        { "{\"sid\":\"ab\",\"start\":1.5}", -1 },
        { "{\"sid\":\"ab\",\"end\":3601.5}", -1 },
        { "{\"sid\":\"ab\",\"start\":1.5,\"end\":\"3601.5\"}", -1 },
        { "{\"sid\":\"ab\",\"start\":2,\"end\":1}", -1 },
        { "{\"sid\":\"ab\",\"start\":-1,\"end\":1}", -1 },
        { "{\"sid\":\"ab\",\"start\":1,\"end\":1e300}", -1 },
        { "", -1 }
    };

    for (i = 0; i < sizeof(body) / sizeof(body[0]); i++) {
        of = -1;

        if (hars_fn_confirmation((const unsigned char *) body[i].body,
                                 strlen(body[i].body), "ab", &of) != HARS_OK)
        {
            of = -1;
        }

        ok(of == body[i].lasts, "confirmation %u: %lld ms", i,
           (long long) of);
    }
}


/* a link without a session, and one whose wearable says nothing more */
static void
quiet(void)
{
    int              fd;
    unsigned         i;
    unsigned char    bad[40] = { 0 };
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);

    for (i = 0; i < 31; i++) {
        put(link, fd, bad, sizeof(bad));
        ms += 1000;
        hars_fn_session_tick(&node, link, ms);
    }

    ok(link->fd == -1, "frames of garbage hold no link");
    close(fd);

    link = link_new(&fd);
    ok(open_it(link, fd), "an open session");

    for (i = 0; i < 31; i++) {
        put(link, fd, bad, sizeof(bad));
        ms += 10000;
        hars_fn_session_tick(&node, link, ms);
    }

    ok(link->fd == -1, "nor hold they an open session beyond 5 minutes");
    close(fd);

    link = link_new(&fd);
    ok(open_it(link, fd), "an open session");

    for (i = 0; i < 40; i++) {
        send_record(link, fd, 0);
        ms += 10000;
        hars_fn_session_tick(&node, link, ms);
    }

    ok(link->fd != -1 && appended == 40 + 2, "records do");
    hars_fn_link_close(&node, link);
    close(fd);
}


/*
 * fogcloud said when it ends: what is kept later would be refused by the DCM,
 * which allows two minutes, and a wearable's clock may be two minutes ahead.
 */
static void
ending(void)
{
    int64_t   of, took;
    unsigned  i;

    static const struct {
        unsigned  step;                   /* s, from record to record */
        int64_t   of;                     /* ms */
    } session[] = {
        { 1, 3600000 }, { 240, 86400000 }, { 299, 720 * 3600000LL }
    };

    for (i = 0; i < sizeof(session) / sizeof(session[0]); i++) {
        of = session[i].of;
        took = (int64_t) ends_after(session[i].step, of) * 1000;

        ok(took >= of - of / 1000 - 60000
           && took < of - of / 1000 - 60000 + session[i].step * 1000,
           "one of %lld s ends after %lld s, however much comes",
           (long long) of / 1000, (long long) took / 1000);
    }

    ok(ends_after(1, 0) == 1, "one that is over already ends at once");
    lasts = 86400000;
}


/* s from M3 till the link of a session that lasts "of" ms is closed */
static unsigned
ends_after(unsigned step, int64_t of)
{
    int              fd;
    unsigned         n, told;
    int64_t          start;
    hars_fn_link_t  *link;

    fresh();
    lasts = of;
    link = link_new(&fd);
    ok(open_it(link, fd), "a session of %lld s", (long long) of / 1000);
    start = ms;

    for (n = told = 0; link->fd != -1 && ms - start <= of + 1000; n++) {
        hars_fn_kept(&node);
        told += kept(fd) == n;
        ms += step * 1000;
        utc -= 1000;
        hars_fn_session_tick(&node, link, ms);

        if (link->fd != -1) {
            send_record(link, fd, 0);
        }
    }

    ok(link->fd == -1 && told == n && appended == n,
       "... all %u records were kept", n);
    close(fd);

    return (unsigned) ((ms - start) / 1000);
}


/* KEPT is of all up to a number, so none may be missing */
static void
records(void)
{
    int              fd;
    unsigned char    record[64];
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);
    ok(open_it(link, fd), "an open session");
    hars_fn_kept(&node);
    ok(kept(fd) == 0, "the first record is kept");
    send_record(link, fd, 0);
    send_record(link, fd, 0);
    hars_fn_kept(&node);
    ok(kept(fd) == 2 && appended == 3, "... and two more");

    /* flipped: it is not there, and the next one shows that */

    ok(hars_aka_record_seal(&up, (unsigned char *) "\2", 1, record)
       == HARS_AKA_OK, "END");
    record[9] ^= 1;
    put(link, fd, record, 1 + HARS_AKA_RECORD);
    hars_fn_kept(&node);
    ok(link->fd != -1 && kept(fd) == UINT64_MAX,
       "a flipped record: nothing is said");
    send_record(link, fd, 0);
    ok(link->fd == -1 && appended == 3, "... the next one ends the link, and "
       "is not put into the spool");
    ok(kept(fd) == UINT64_MAX, "... nor said to be kept");
    close(fd);

    fresh();
    link = link_new(&fd);
    ok(open_it(link, fd), "an open session");
    send_record(link, fd, 1);
    ok(link->fd == -1 && appended == 1, "a record that is lost does the same");
    close(fd);

    fresh();
    link = link_new(&fd);
    ok(open_it(link, fd), "an open session");
    hars_fn_kept(&node);
    (void) kept(fd);
    ok(hars_aka_record_seal(&up, (unsigned char *) "\2", 1, record)
       == HARS_AKA_OK, "END");
    put(link, fd, record, 1 + HARS_AKA_RECORD);
    put(link, fd, record, 1 + HARS_AKA_RECORD);
    hars_fn_kept(&node);
    ok(link->fd != -1 && kept(fd) == 1, "one that comes twice is kept, "
       "once");
    hars_fn_link_close(&node, link);
    close(fd);
}


/* the carrier reads a recording as a whole: one has a bound */
static void
rows(void)
{
    int              fd;
    unsigned         n;
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);
    ok(open_it(link, fd) && begun == 1, "a session of too many rows");

    for (n = 1; n + 100 <= 30000; n += 100) {
        send_rows(link, fd, 0, 100);
    }

    ok(link->fd != -1 && begun == 1, "29,901 rows are one recording");
    send_rows(link, fd, 0, 100);
    ok(begun == 2, "a hundred more: they are of the next one");

    for (n = 100; n + 100 <= 30000; n += 100) {
        send_rows(link, fd, 0, 100);
    }

    ok(link->fd != -1 && begun == 2, "... which takes 30,000");
    send_rows(link, fd, 0, 1);
    ok(begun == 3 && appended == 601, "... and not one more");
    close(fd);
}


/* 256 links, 64 of a source: the oldest without a session gives way */
static void
places(void)
{
    int                 fd[2 * HARS_FN_LINKS], listener;
    char                address[32];
    unsigned            i, n;
    socklen_t           len;
    uint64_t            serial;
    hars_fn_link_t     *first;
    struct sockaddr_in  own = { .sin_family = AF_INET };

    fresh();
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);
    len = sizeof(own);

    if (bind(listener, (struct sockaddr *) &own, len) == -1
        || listen(listener, 512) == -1
        || getsockname(listener, (struct sockaddr *) &own, &len) == -1)
    {
        ok(0, "a listening socket");
        return;
    }

    node.tcp = ntohs(own.sin_port);

    for (i = 0; i < 70; i++) {
        fd[i] = tcp_from("127.0.0.2");
        hars_fn_accept(&node, listener);
    }

    for (i = n = 0; i < HARS_FN_LINKS; i++) {
        n += node.link[i].fd != -1;
    }

    ok(n == 64, "64 links of one address");
    serial = UINT64_MAX;

    for (i = 0; i < HARS_FN_LINKS; i++) {
        if (node.link[i].fd != -1 && node.link[i].serial < serial) {
            serial = node.link[i].serial;
        }
    }

    ok(serial == 7, "... the last 64: those before gave way");

    /* one of them has got a session */

    for (first = node.link; first->serial != 7; first++) {
        /* void */
    }

    ok(open_it(first, fd[6]), "the oldest one has a session");

    for (i = 70; i < 2 * HARS_FN_LINKS; i++) {
        snprintf(address, sizeof(address), "127.0.1.%u", 1 + i % 100);
        fd[i] = tcp_from(address);
        hars_fn_accept(&node, listener);
    }

    for (i = n = 0; i < HARS_FN_LINKS; i++) {
        n += node.link[i].fd != -1;
    }

    ok(n == HARS_FN_LINKS, "all places are taken");
    ok(first->fd != -1 && first->serial == 7, "... it has its session still");

    serial = node.serial;
    i = (unsigned) tcp_from("127.0.0.9");
    hars_fn_accept(&node, listener);

    for (n = 0; n < HARS_FN_LINKS; n++) {
        if (node.link[n].serial > serial) {
            break;
        }
    }

    ok(n < HARS_FN_LINKS && begin(&node.link[n], (int) i),
       "a wearable that comes now has its M4");

    close((int) i);
    close(listener);

    for (i = 0; i < HARS_FN_LINKS; i++) {
        hars_fn_link_close(&node, &node.link[i]);
    }

    for (i = 0; i < 2 * HARS_FN_LINKS; i++) {
        close(fd[i]);
    }
}


/* 64 that are not open; beyond: silence, and nothing is asked */
static void
pending(void)
{
    int              fd[66];
    unsigned         i;
    hars_fn_link_t  *link[66];

    fresh();

    for (i = 0; i < 65; i++) {
        link[i] = link_new(&fd[i]);
        ok(world_m1(&world, i % DEVICES, &run) == HARS_AKA_OK, "M1 %u", i);
        put(link[i], fd[i], run.m1, sizeof(run.m1));
    }

    ok(node.pending == 64 && ncalls == 64, "64 are pending, the next is not");
    ok(link[64]->fd != -1 && link[64]->state == HARS_LINK_IDLE,
       "... and is told nothing");
    hars_fn_link_close(&node, link[0]);
    put(link[64], fd[64], run.m1, sizeof(run.m1));
    ok(node.pending == 64 && ncalls == 65, "one ends: there is room");

    for (i = 0; i < 65; i++) {
        hars_fn_link_close(&node, link[i]);
        close(fd[i]);
    }

    ok(node.pending == 0, "none is left");

    /* calls that cannot be made: no session, no loss of places */

    most = ncalls;
    link[0] = link_new(&fd[0]);
    put(link[0], fd[0], run.m1, sizeof(run.m1));
    ok(node.pending == 0 && link[0]->state == HARS_LINK_IDLE,
       "too many calls: silence");
    hars_fn_link_close(&node, link[0]);
    close(fd[0]);
}


/* somebody sets the clock of the day back, or far ahead */
static void
clocks(void)
{
    int              fd;
    hars_fn_link_t  *link;

    fresh();
    link = link_new(&fd);
    ok(begin(link, fd), "a session");
    utc -= 86400000;
    ms += 30001;
    hars_fn_session_tick(&node, link, ms);
    ok(link->fd == -1, "a day back: it ends after 30 s all the same");
    close(fd);

    utc += 86400000;
    link = link_new(&fd);
    ok(begin(link, fd), "another one");
    utc += 86400000;
    send_record(link, fd, 0);
    ok(link->fd != -1 && link->state == HARS_LINK_CONFIRMING,
       "a day ahead: it lives");
    hars_fn_link_close(&node, link);
    close(fd);
}
