
/*
 * A randomized run of v1: 64 wearables, two fog nodes, a cloud server, each
 * with what it has in memory and what it has stored.  Messages get lost,
 * delayed, doubled, reordered and replayed; any party dies between any two
 * steps and comes back with what it had stored.  Time is simulated.
 *
 * Always: a party's seed is one of its row's two; no two sessions have one
 * key; what fog node and cloud server hold as confirmed the device derived
 * identically; what is not confirmed ends after 30 s.  On a quiet network
 * each device authenticates at its first attempt.
 *
 * HARS_FOG_SESSIONS (3000) attempts with the seed HARS_FOG_SEED (1).
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: -lsodium -lcrypto */

#define DEVICES  64
#define FOGS     2

#include "aka_network.h"
#include "tap.h"


#define RELAYS   64
#define HELD     4096            /* sessions of a fog node or the cloud */
#define TIMEOUT  5000

#define CRASHES  5               /* at each place where one may happen */


typedef struct {
    hars_aka_relay_t     relay;
    unsigned             device;            /* whose link it came over */
    int64_t              since;
    unsigned             again;             /* rebuilt once */
} slot_t;

typedef struct {
    hars_aka_session_t   session;
    hars_aka_channel_t   channel;
    unsigned             device;
    unsigned             used;
} held_t;

typedef struct {
    unsigned char        sid[HARS_AKA_SID], sk[32];
    unsigned             device;
} derived_t;


static void together(void);
static void attempts(unsigned wanted);
static void quiet(void);
static void step(const event_t *e);
static void wake(const event_t *e);
static void at_fog_m1(const event_t *e);
static void at_cloud_m2(const event_t *e);
static void at_fog_m3(const event_t *e);
static void at_fog_err(const event_t *e);
static void at_device_m4(const event_t *e);
static void at_fog_first(const event_t *e);
static void at_cloud_confirm(const event_t *e);
static void ask(unsigned f, unsigned slot, const unsigned char *m1);
static void check_seeds(void);
static void check_confirmed(const hars_aka_session_t *session,
    unsigned device);
static void hold(held_t *held, unsigned *next,
    const hars_aka_session_t *session, unsigned device);
static int confirm(held_t *h, const event_t *e);
static void store_device(unsigned d);
static void store_fog(unsigned f);
static void store_row(unsigned r);
static void crash_device(unsigned d);
static void crash_fog(unsigned f);
static void crash_cloud(void);
static void derive(unsigned d, const hars_aka_session_t *session);
static int by_key(const void *a, const void *b);
static unsigned same_keys(unsigned char (*key)[32], unsigned n);


/* what each has in memory besides w ... */
static hars_aka_try_t  attempt[DEVICES];
static unsigned        epoch[DEVICES], fog_of[DEVICES];
static slot_t          slot[FOGS][RELAYS];
static held_t          at_fog[FOGS][HELD], at_cloud[HELD];
static unsigned        next_fog[FOGS], next_cloud;

/* ... and what is stored */
static unsigned char   flash[DEVICES][HARS_AKA_MEMORY];
static hars_aka_fog_t  disk[FOGS];
static unsigned char   database[ROWS][HARS_AKA_ROW_SEALED];

static derived_t      *derived;
static unsigned char (*accepted)[32];
static unsigned        n_derived, n_accepted, n_attempts, n_crashes, n_fog;
static unsigned        n_cloud, n_late;
static unsigned        bad_seed, bad_confirmed, bad_quiet, n_quiet, wanted_max;


int
main(void)
{
    unsigned     r, wanted;
    const char  *n = getenv("HARS_FOG_SESSIONS");
    const char  *seed = getenv("HARS_FOG_SEED");
    static const unsigned char  suites[] = { 0x02, 0x12, 0x01, 0x11 };

    wanted = n ? (unsigned) atoi(n) : 3000;
    world_make(&w, NULL, HARS_AKA_X25519_AES,
               seed ? (uint64_t) atoi(seed) : 1);

    for (r = 0; r < ROWS; r++) {
        w.row[r].suite = suites[r % 4];
        world_provision(&w, r);
        store_row(r);

        if (r < DEVICES) {
            store_device(r);
        } else {
            store_fog(r - DEVICES);
        }
    }

    wanted_max = wanted + wanted / 1000 * DEVICES + 2 * DEVICES;
    derived = calloc(wanted_max, sizeof(*derived));
    accepted = calloc(2 * wanted_max, 32);

    together();
    attempts(wanted);

    printf("# %u attempts: %u sessions at devices, %u at the cloud server, "
           "%u confirmed at fog nodes, %u at the cloud server\n",
           n_attempts, n_derived, n_accepted, n_fog, n_cloud);
    printf("# %u lost, %u doubled, %u replayed, %u crashes, %u too late to "
           "confirm\n", n_lost, n_doubled, n_replayed, n_crashes, n_late);

    ok(n_attempts >= wanted && n_derived > wanted / 2 && n_fog > wanted / 3
       && n_cloud > wanted / 4, "most attempts end well all the same");
    ok(n_lost && n_doubled && n_replayed && n_crashes && n_late,
       "each kind of fault happened");
    ok(bad_seed == 0, "a party's seed is one of its row's two, always");
    ok(bad_confirmed == 0,
       "no session confirmed that its device did not derive");
    ok(same_keys(accepted, n_accepted) == 0, "no two sessions have one key");
    ok(bad_quiet == 0 && n_quiet > 0,
       "on a quiet network the first attempt succeeds (%u times)", n_quiet);
    ok(n_room == 0, "the simulation had room");

    free(derived);
    free(accepted);

    return tap_done();
}


/* 64 sessions open at once at one fog node, answered in any order */
static void
together(void)
{
    unsigned      d, i, k, was, bad, order[DEVICES];
    static run_t  open[DEVICES];

    for (bad = d = 0; d < DEVICES; d++) {
        order[d] = d;
        bad += world_m1(&w, d, &open[d]) != HARS_AKA_OK;
        bad += world_m2(&w, 0, &open[d], open[d].m1, HARS_AKA_M1)
               != HARS_AKA_OK;
    }

    for (i = 0; i < 3; i++) {
        for (d = DEVICES; d-- > 1; ) {
            k = (unsigned) draw_below(&w, d + 1);
            was = order[d];
            order[d] = order[k];
            order[k] = was;
        }

        for (d = 0; d < DEVICES; d++) {
            k = order[d];
            bad += i == 0 ? world_m3(&w, open[k].m2, HARS_AKA_M2, &open[k])
                   : i == 1 ? world_m4(&w, 0, &open[k])
                   : world_end(&w, k, &open[k]);
        }
    }

    check_seeds();
    quiet();
    ok(bad == 0 && bad_seed == 0 && bad_quiet == 0,
       "64 sessions at once through one fog node, and each device again");
}


static void
attempts(unsigned wanted)
{
    event_t   e;
    unsigned  d, quiet_at;

    quiet_at = wanted < 5000 ? wanted / 3 : 5000;

    while (n_attempts < wanted) {
        memset(&e, 0, sizeof(e));

        for (d = 0; d < DEVICES; d++) {
            e.kind = WAKE;
            e.to = d;
            e.slot = ++epoch[d];
            later(&e, (int64_t) draw_below(&w, 2000));
        }

        d = n_attempts + quiet_at;

        while (n_attempts < d && n_attempts < wanted && next_event(&e)) {
            w.now = e.at > w.now ? e.at : w.now;
            step(&e);
            check_seeds();
        }

        quiet();
    }
}


/* nothing on the way any more: each device, once */
static void
quiet(void)
{
    run_t     run;
    unsigned  d;

    events = 0;
    faults = 0;

    for (d = 0; d < DEVICES; d++) {
        bad_quiet += world_session(&w, d, d % FOGS, &run) != HARS_AKA_OK;
        memcpy(accepted[n_accepted++], run.at_cloud.sk, 32);
        n_quiet++;
        store_device(d);
        store_row(d);
    }

    for (d = 0; d < FOGS; d++) {
        store_row(DEVICES + d);
        store_fog(d);
    }

    check_seeds();
    faults = 1;
}


static void
step(const event_t *e)
{
    switch (e->kind) {
    case WAKE:    wake(e);             break;
    case M1:      at_fog_m1(e);        break;
    case M2:      at_cloud_m2(e);      break;
    case M3:      at_fog_m3(e);        break;
    case ERR:     at_fog_err(e);       break;
    case M4:      at_device_m4(e);     break;
    case FIRST:   at_fog_first(e);     break;
    case CONFIRM: at_cloud_confirm(e); break;
    }
}


/* SWMD: a new attempt; one that waits is forgotten */
static void
wake(const event_t *e)
{
    event_t        timer;
    unsigned       d = e->to;
    unsigned char  rnd[32], m1[HARS_AKA_M1];

    if (e->slot != epoch[d]) {
        return;
    }

    timer = *e;
    later(&timer, TIMEOUT + (int64_t) draw_below(&w, 1000));

    if (chance(CRASHES)) {
        crash_device(d);
        return;
    }

    (void) hars_aka_device_advance(&w.device[d]);
    store_device(d);
    n_attempts++;

    if (chance(CRASHES)) {
        crash_device(d);
        return;
    }

    draw(&w, rnd);
    (void) hars_aka_device_m1(&w.device[d], rnd,
                              d % 3 ? (uint64_t) w.now : 0, &attempt[d], m1);
    fog_of[d] = draw_below(&w, 10) == 0;
    send(M1, d, fog_of[d], 0, m1, sizeof(m1));
}


static void
at_fog_m1(const event_t *e)
{
    slot_t    *s;
    unsigned   f = e->to, i;

    for (i = 0; i < RELAYS; i++) {
        s = &slot[f][i];

        if (!s->relay.waiting || w.now - s->since > TIMEOUT) {
            break;
        }
    }

    if (i == RELAYS) {
        return;
    }

    s->device = e->from;
    s->since = w.now;
    s->again = 0;
    ask(f, i, e->bytes);
}


/* FN: M2 of a slot */
static void
ask(unsigned f, unsigned i, const unsigned char *m1)
{
    unsigned char  rnd[32], m2[HARS_AKA_M2];

    if (chance(CRASHES)) {
        crash_fog(f);
        return;
    }

    (void) hars_aka_fog_advance(&w.fog[f]);
    store_fog(f);

    if (chance(CRASHES)) {
        crash_fog(f);
        return;
    }

    draw(&w, rnd);

    if (hars_aka_fog_m2(&w.fog[f], m1, HARS_AKA_M1, rnd, (uint64_t) w.now,
                        &slot[f][i].relay, m2) == HARS_AKA_OK)
    {
        send(M2, f, 0, i, m2, sizeof(m2));
    }
}


static void
at_cloud_m2(const event_t *e)
{
    int       rc;
    run_t     run;
    unsigned  r;

    if (chance(CRASHES)) {
        crash_cloud();
        return;
    }

    rc = world_m3(&w, e->bytes, e->len, &run);

    if (rc != HARS_AKA_OK) {
        send(ERR, 0, e->from, e->slot, run.err, HARS_AKA_ERR);
        return;
    }

    /* died before the commit: neither stored nor sent */

    if (chance(CRASHES)) {
        crash_cloud();
        return;
    }

    for (r = 0; r < ROWS; r++) {
        store_row(r);
    }

    memcpy(accepted[n_accepted++], run.at_cloud.sk, 32);

    /* ... or between commit and send */

    if (chance(CRASHES)) {
        crash_cloud();
        return;
    }

    hold(at_cloud, &next_cloud, &run.at_cloud, 0);
    send(M3, 0, e->from, e->slot, run.m3, HARS_AKA_M3);
}


static void
at_fog_m3(const event_t *e)
{
    unsigned             f = e->to, d;
    slot_t              *s = &slot[f][e->slot];
    unsigned char        m4[HARS_AKA_M4];
    hars_aka_session_t   session;

    d = s->device;

    if (hars_aka_fog_m3(&w.fog[f], &s->relay, e->bytes, e->len, w.now, m4,
                        &session) != HARS_AKA_OK)
    {
        return;
    }

    if (chance(CRASHES)) {
        crash_fog(f);
        return;
    }

    store_fog(f);

    if (chance(CRASHES)) {
        crash_fog(f);
        return;
    }

    hold(at_fog[f], &next_fog[f], &session, d);
    send(M4, f, d, 0, m4, sizeof(m4));
}


static void
at_fog_err(const event_t *e)
{
    int             code;
    slot_t         *s = &slot[e->to][e->slot];
    unsigned char   m1[HARS_AKA_M1];

    code = hars_aka_fog_error(&w.fog[e->to], &s->relay, e->bytes, e->len);

    if (code == HARS_AKA_REJECTED && !s->again) {
        s->again = 1;
        memcpy(m1, s->relay.m2 + 4, sizeof(m1));
        ask(e->to, e->slot, m1);

    } else if (code > 0) {
        hars_aka_fog_forget(&s->relay);
    }
}


static void
at_device_m4(const event_t *e)
{
    event_t              timer;
    unsigned             d = e->to;
    unsigned char        first[2 + HARS_AKA_RECORD];
    hars_aka_channel_t   channel;
    hars_aka_session_t   session;

    if (hars_aka_device_m4(&w.device[d], &attempt[d], e->bytes, e->len,
                           &session) != HARS_AKA_OK)
    {
        return;
    }

    if (chance(CRASHES)) {
        crash_device(d);
        return;
    }

    store_device(d);
    derive(d, &session);

    memset(&timer, 0, sizeof(timer));
    timer.kind = WAKE;
    timer.to = d;
    timer.slot = ++epoch[d];
    later(&timer, (int64_t) draw_below(&w, 3000));

    if (chance(CRASHES)) {
        crash_device(d);
        return;
    }

    (void) hars_aka_channel(&session, HARS_AKA_DEVICE_TO_FOG, &channel);
    (void) hars_aka_record_seal(&channel, (unsigned char *) "72", 2, first);
    send(FIRST, d, e->from, 0, first, sizeof(first));
}


/* FN: whose first record is it, of those that this link has open? */
static void
at_fog_first(const event_t *e)
{
    held_t    *h;
    unsigned   f = e->to, i;

    for (i = 0; i < HELD; i++) {
        h = &at_fog[f][i];

        if (h->used && h->device == e->from && confirm(h, e)) {
            n_fog++;
            check_confirmed(&h->session, e->from);
            send(CONFIRM, e->from, f, 0, e->bytes, e->len);
            return;
        }
    }
}


static void
at_cloud_confirm(const event_t *e)
{
    unsigned  i;

    if (chance(CRASHES)) {
        crash_cloud();
        return;
    }

    for (i = 0; i < HELD; i++) {
        if (at_cloud[i].used && confirm(&at_cloud[i], e)) {
            n_cloud++;
            check_confirmed(&at_cloud[i].session, e->from);
            return;
        }
    }
}


static int
confirm(held_t *h, const event_t *e)
{
    int            rc, alive, was;
    unsigned char  text[8];

    was = h->session.confirmed;
    alive = w.now - h->session.since < HARS_AKA_PROVISIONAL_MS;
    rc = hars_aka_session_confirm(&h->session, &h->channel, e->bytes, e->len,
                                  w.now, text);

    if (rc == HARS_AKA_EXPIRED) {
        n_late++;
        h->used = 0;
    }

    bad_confirmed += rc == HARS_AKA_OK && (was || !alive);
    bad_confirmed += !alive && !was
                     && hars_aka_session_alive(&h->session, w.now);

    return rc == HARS_AKA_OK;
}


static void
hold(held_t *held, unsigned *next, const hars_aka_session_t *session,
    unsigned device)
{
    held_t  *h = &held[(*next)++ % HELD];

    n_room += h->used && !h->session.confirmed
              && hars_aka_session_alive(&h->session, w.now);
    h->session = *session;
    h->device = device;
    h->used = 1;
    (void) hars_aka_channel(session, HARS_AKA_DEVICE_TO_FOG, &h->channel);
}


static void
check_confirmed(const hars_aka_session_t *session, unsigned device)
{
    unsigned  i;

    for (i = n_derived; i-- > 0; ) {
        if (memcmp(derived[i].sid, session->sid, HARS_AKA_SID) == 0) {
            bad_confirmed += derived[i].device != device
                             || memcmp(derived[i].sk, session->sk, 32) != 0;
            return;
        }
    }

    bad_confirmed++;
}


static void
check_seeds(void)
{
    unsigned              r;
    const unsigned char  *seed;

    for (r = 0; r < ROWS; r++) {
        seed = r < DEVICES ? w.device[r].seed : w.fog[r - DEVICES].seed;
        bad_seed += memcmp(seed, w.row[r].seed[0], 32) != 0
                    && memcmp(seed, w.row[r].seed[1], 32) != 0;
    }
}


static void
derive(unsigned d, const hars_aka_session_t *session)
{
    memcpy(derived[n_derived].sid, session->sid, HARS_AKA_SID);
    memcpy(derived[n_derived].sk, session->sk, 32);
    derived[n_derived].device = d;
    n_derived++;
}


static void
store_device(unsigned d)
{
    hars_aka_device_memory(&w.device[d], flash[d]);
}


static void
store_fog(unsigned f)
{
    disk[f] = w.fog[f];
}


static void
store_row(unsigned r)
{
    unsigned char  nonce[32];

    draw(&w, nonce);
    (void) hars_aka_row_seal(&w.row[r], w.cloud.x, r, nonce, database[r]);
}


/* the owner types the password again */
static void
crash_device(unsigned d)
{
    hars_aka_device_t  was = w.device[d];

    n_crashes++;
    (void) hars_aka_device_recall(&w.device[d], flash[d]);
    memcpy(w.device[d].id, was.id, sizeof(was.id));
    memcpy(w.device[d].key, was.key, sizeof(was.key));
    w.device[d].id_len = was.id_len;
    hars_aka_device_forget(&attempt[d]);
}


static void
crash_fog(unsigned f)
{
    n_crashes++;
    w.fog[f] = disk[f];
    memset(slot[f], 0, sizeof(slot[f]));
    memset(at_fog[f], 0, sizeof(at_fog[f]));
}


static void
crash_cloud(void)
{
    unsigned  r;

    n_crashes++;
    memset(at_cloud, 0, sizeof(at_cloud));

    for (r = 0; r < ROWS; r++) {
        if (hars_aka_row_open(&w.row[r], w.cloud.x, r, database[r],
                              HARS_AKA_ROW_SEALED) != HARS_AKA_OK)
        {
            bad_seed++;
        }

        world_index(&w, r);
    }
}


static unsigned
same_keys(unsigned char (*key)[32], unsigned n)
{
    unsigned  i, same;

    qsort(key, n, 32, by_key);

    for (same = 0, i = 1; i < n; i++) {
        same += memcmp(key[i - 1], key[i], 32) == 0;
    }

    return same;
}


static int
by_key(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}
