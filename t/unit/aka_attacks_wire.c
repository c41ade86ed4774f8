
/*
 * Attacks of who only listens, stores, changes and sends: clogging, anonymity
 * of the user and of the fog node, untraceability, replay; then jamming, which
 * burns pseudonyms, and how a device comes back.  Each against both profiles;
 * aka_attack.h says how.  The primitives that the cloud server and the fog
 * node call are counted.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: -Wl,--wrap=hars_aka_x25519 -Wl,--wrap=hars_aka_sha256 */
/* link: -lsodium -lcrypto */

#include "aka_attack.h"


#define FLOOD  500


int __real_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point);
int __wrap_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point);
int __real_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n);
int __wrap_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n);

static int clogging_v1(unsigned suite);
static int clogging_paper(void);
static int user_v1(unsigned suite);
static int user_paper(void);
static int trace_v1(unsigned suite);
static int trace_paper(void);
static int fog_v1(unsigned suite);
static int fog_paper(void);
static int replay_v1(unsigned suite);
static int replay_paper(void);
static void jam_v1(unsigned suite);
static void jam_paper(void);
static void unlinkable(unsigned suite);
static int named(const char *profile, unsigned suite, unsigned row);
static int says(const run_t *run, const hars_aka_row_t *row);
static int attempts_linked(const char *profile, unsigned suite);
static size_t alike(const unsigned char *a, const unsigned char *b,
    size_t from, size_t len);
static unsigned burn(world_t *w, unsigned d);


static const attack_t  attacks[] = {
    { "clogging", clogging_v1, clogging_paper, STANDS, FALLS,
      "each forged M1 under a seen pseudonym is checked anew, for ever" },
    { "user anonymity", user_v1, user_paper, STANDS, STANDS,
      "no identity and no hash of it is sent" },
    { "user untraceability", trace_v1, trace_paper, STANDS, FALLS,
      "PID_i repeats until a session completes" },
    { "fog node anonymity", fog_v1, fog_paper, STANDS, STANDS,
      "no identity and no hash of it is sent" },
    { "replay", replay_v1, replay_paper, STANDS, FALLS,
      "an M1 that was held back is taken later, and locks its device out" }
};

static unsigned  x25519s, hashes;


int
main(void)
{
    attack_all(attacks, sizeof(attacks) / sizeof(attacks[0]));
    jam_v1(HARS_AKA_X25519_AES);
    jam_paper();
    unlinkable(HARS_AKA_X25519_AES);
    unlinkable(HARS_AKA_SYM_CHACHA);

    return tap_done();
}


int
__wrap_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point)
{
    x25519s++;

    return __real_hars_aka_x25519(out, scalar, point);
}


int
__wrap_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n)
{
    hashes++;

    return __real_hars_aka_sha256(hash, part, n);
}


/*
 * A flood of M1: of no form, of unknown pseudonyms, under one that was seen.
 * What he may not cause: any work of the fog node for the first, X25519 of
 * the cloud server for the second, more than three for the third.
 */
static int
clogging_v1(unsigned suite)
{
    run_t          run, seen;
    world_t        w;
    unsigned       i, won;
    unsigned char  m1[HARS_AKA_M1];

    world_make(&w, NULL, suite, 81);
    (void) world_m1(&w, 0, &seen);
    won = 0;

    for (i = 0; i < FLOOD; i++) {
        memcpy(m1, seen.m1, sizeof(m1));
        m1[i % 4] ^= (unsigned char) (1 << i % 8);
        m1[2] |= 0x80;
        hashes = x25519s = 0;
        won += hars_aka_fog_m2(&w.fog[0], m1, sizeof(m1), seen.m1, 0,
                               &run.relay, run.m2) != HARS_AKA_DROP;
        won += hashes + x25519s;
    }

    for (x25519s = i = 0; i < FLOOD; i++) {
        memcpy(m1, seen.m1, sizeof(m1));
        draw(&w, m1 + 4);
        (void) world_m2(&w, 0, &run, m1, sizeof(m1));
        won += world_m3(&w, run.m2, HARS_AKA_M2, &run)
               != HARS_AKA_PEER_REJECTED;
    }

    won += x25519s;

    for (x25519s = i = 0; i < FLOOD; i++) {
        memcpy(m1, seen.m1, sizeof(m1));
        draw(&w, m1 + 60);
        (void) world_m2(&w, 0, &run, m1, sizeof(m1));
        won += world_m3(&w, run.m2, HARS_AKA_M2, &run)
               != HARS_AKA_PEER_REJECTED;
    }

    return won || x25519s > HARS_AKA_BURNT;
}


static int
clogging_paper(void)
{
    run_t          run, seen;
    world_t        w;
    unsigned       i, before, fewest;
    unsigned char  m1[HARS_AKA_M1];

    world_make(&w, "paper", HARS_AKA_SYM_AES, 82);
    (void) world_m1(&w, 0, &seen);
    fewest = 100;

    for (i = 0; i < FLOOD; i++) {
        memcpy(m1, seen.m1, HARS_PAPER_M1);
        draw(&w, m1 + 64);
        (void) world_m2(&w, 0, &run, m1, HARS_PAPER_M1);
        before = hashes;
        (void) world_m3(&w, run.m2, HARS_PAPER_M2, &run);
        fewest = hashes - before < fewest ? hashes - before : fewest;
    }

    /* two entries, two values, two checks, to the last */

    return fewest >= 6;
}


static int
user_v1(unsigned suite)
{
    return named(NULL, suite, 0);
}


static int
user_paper(void)
{
    return named("paper", HARS_AKA_SYM_AES, 0);
}


static int
fog_v1(unsigned suite)
{
    return named(NULL, suite, DEVICES);
}


static int
fog_paper(void)
{
    return named("paper", HARS_AKA_SYM_AES, DEVICES);
}


/* is the identity of a row, or its hash, in what is sent, errors too? */
static int
named(const char *profile, unsigned suite, unsigned r)
{
    int       found;
    run_t     run;
    world_t   w;
    unsigned  i;

    world_make(&w, profile, suite, 91);

    for (found = 0, i = 0; i < 10; i++) {
        if (world_session(&w, 0, 0, &run) != HARS_AKA_OK) {
            return -1;
        }

        found += says(&run, &w.row[r]);
    }

    for (i = 0; i < 10; i++) {
        (void) world_m1(&w, 0, &run);
        run.m1[w.profile->m1 - 1] ^= 1;
        (void) world_m2(&w, 0, &run, run.m1, w.profile->m1);
        (void) world_m3(&w, run.m2, w.profile->m2, &run);
        found += says(&run, &w.row[r]);
    }

    return found > 0;
}


static int
says(const run_t *run, const hars_aka_row_t *row)
{
    const unsigned char   *wire = (const unsigned char *) run
                                  + offsetof(run_t, m1);
    const size_t           len = offsetof(run_t, at_device)
                                 - offsetof(run_t, m1);
    unsigned char          hash[32];
    const hars_aka_part_t  id = { row->id, row->id_len };

    (void) hars_aka_sha256(hash, &id, 1);

    return memmem(wire, len, row->id, row->id_len) != NULL
           || memmem(wire, len, hash, 8) != NULL;
}


static int
trace_v1(unsigned suite)
{
    return attempts_linked(NULL, suite);
}


static int
trace_paper(void)
{
    return attempts_linked("paper", HARS_AKA_SYM_AES);
}


/*
 * Eight attempts of a device whose answers get lost, and the eight M2 for
 * them: have two of them four bytes in common, at the same place, that are not
 * the header's?  And sessions that end well?
 */
static int
attempts_linked(const char *profile, unsigned suite)
{
    run_t     run[8];
    size_t    from, m1;
    world_t   w;
    unsigned  i, k, linked, kind;

    world_make(&w, profile, suite, 101);
    from = profile ? 0 : 4;
    m1 = w.profile->m1;
    linked = 0;

    for (kind = 0; kind < 3; kind++) {
        for (i = 0; i < 8; i++) {
            if (kind == 2) {
                (void) world_session(&w, 0, 0, &run[i]);
                continue;
            }

            (void) world_m1(&w, 0, &run[i]);
            (void) world_m2(&w, 0, &run[i], run[i].m1, m1);

            if (kind == 1) {
                (void) world_m3(&w, run[i].m2, w.profile->m2, &run[i]);
            }
        }

        for (i = 0; i < 8; i++) {
            for (k = 0; k < i; k++) {
                linked += alike(run[i].m1, run[k].m1, from, m1) >= 4;
                linked += alike(run[i].m2 + m1 + from,
                                run[k].m2 + m1 + from, 0,
                                w.profile->m2 - m1 - from) >= 4;
            }
        }

        /* a session that ends well moves the fan on */

        (void) world_session(&w, 0, 0, &run[0]);
    }

    return linked > 0;
}


/* the longest run of bytes that are equal at equal places */
static size_t
alike(const unsigned char *a, const unsigned char *b, size_t from, size_t len)
{
    size_t  i, run, longest;

    for (run = longest = 0, i = from; i < len; i++) {
        run = a[i] == b[i] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }

    return longest;
}


/*
 * Everything that was sent, sent again: to whom it was meant for, and M1 by
 * another fog node; and an M1 that was held back.  He wins by a session, or by
 * a device that cannot authenticate any more.
 */
static int
replay_v1(unsigned suite)
{
    run_t     old, run;
    world_t   w;
    unsigned  won;

    world_make(&w, NULL, suite, 111);
    (void) world_session(&w, 0, 0, &old);
    run = old;

    won = world_m3(&w, old.m2, HARS_AKA_M2, &run) != HARS_AKA_REJECTED;
    (void) world_m2(&w, 1, &run, old.m1, HARS_AKA_M1);
    won += world_m3(&w, run.m2, HARS_AKA_M2, &run) != HARS_AKA_PEER_REJECTED;

    memcpy(run.m3, old.m3, HARS_AKA_M3);
    memcpy(run.m4, old.m4, HARS_AKA_M4);
    won += world_m4(&w, 1, &run) != HARS_AKA_DROP;
    (void) world_m1(&w, 0, &run);
    memcpy(run.m4, old.m4, HARS_AKA_M4);
    won += world_end(&w, 0, &run) != HARS_AKA_DROP;

    /* held back: taken within two minutes, which moves nobody out */

    (void) world_m1(&w, 0, &old);
    w.now += HARS_AKA_SKEW_MS;
    (void) world_m2(&w, 1, &old, old.m1, HARS_AKA_M1);
    won += world_m3(&w, old.m2, HARS_AKA_M2, &old) != HARS_AKA_OK;
    won += world_session(&w, 0, 0, &run) != HARS_AKA_OK;

    (void) world_m1(&w, 0, &old);
    w.now += HARS_AKA_SKEW_MS + 1;
    (void) world_m2(&w, 1, &old, old.m1, HARS_AKA_M1);
    won += world_m3(&w, old.m2, HARS_AKA_M2, &old) != HARS_AKA_PEER_REJECTED;
    won += world_session(&w, 0, 0, &run) != HARS_AKA_OK;

    return won > 0;
}


static int
replay_paper(void)
{
    run_t    old, run;
    world_t  w;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 112);
    (void) world_m1(&w, 0, &old);
    w.now += 86400000;
    (void) world_m2(&w, 0, &old, old.m1, HARS_PAPER_M1);

    return world_m3(&w, old.m2, HARS_PAPER_M2, &old) == HARS_AKA_OK
           && world_session(&w, 0, 1, &run) == HARS_AKA_PEER_REJECTED;
}


/* jams 8 attempts and sends each M1 three times with a flipped bit */
static unsigned
burn(world_t *w, unsigned d)
{
    run_t     jammed[HARS_AKA_FAN], run;
    unsigned  i, k, refused;

    for (i = 0; i < HARS_AKA_FAN; i++) {
        (void) world_m1(w, d, &jammed[i]);
        jammed[i].m1[HARS_AKA_M1 - 1] ^= 1;
    }

    for (refused = i = 0; i < HARS_AKA_FAN; i++) {
        for (k = 0; k < 3; k++) {
            (void) world_m2(w, 0, &run, jammed[i].m1, HARS_AKA_M1);
            refused += world_m3(w, run.m2, HARS_AKA_M2, &run)
                       == HARS_AKA_PEER_REJECTED;
        }
    }

    return refused;
}


static void
jam_v1(unsigned suite)
{
    run_t          run;
    world_t        w, v;
    unsigned       i, refused;
    unsigned char  seed[32];

    world_make(&w, NULL, suite, 121);
    (void) world_session(&w, 0, 0, &run);
    ok(burn(&w, 0) == 24, "jam: eight M1 with a flipped bit, thrice each");

    for (refused = i = 0; i < 20; i++) {
        w.now += 1000;
        refused += world_session(&w, 0, 1, &run) == HARS_AKA_PEER_REJECTED;
    }

    ok(refused == 20, "jam: all pseudonyms are burnt");
    ok(world_session(&w, 1, 0, &run) == HARS_AKA_OK,
       "jam: ... of that device alone");

    v = w;
    v.now += HARS_AKA_BURNT_MS - 20000 - 1;
    ok(world_session(&v, 0, 0, &run) == HARS_AKA_PEER_REJECTED,
       "jam: a millisecond before 24 hours: refused");
    v.now += 1;
    ok(world_session(&v, 0, 0, &run) == HARS_AKA_OK,
       "jam: after 24 hours it authenticates again");

    draw(&w, seed);
    (void) hars_aka_row_rekey(&w.row[0], seed);
    world_provision(&w, 0);
    ok(world_session(&w, 0, 0, &run) == HARS_AKA_OK
       && w.device[0].gen == 2, "jam: or at once after a re-key");

    /* lost before it rolled: the burnt seed is the previous one then */

    world_make(&w, NULL, suite, 122);
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    (void) world_m3(&w, run.m2, HARS_AKA_M2, &run);
    (void) burn(&w, 0);
    ok(world_session(&w, 0, 0, &run) == HARS_AKA_PEER_REJECTED,
       "jam: under the previous seed too");
    w.now += HARS_AKA_BURNT_MS;
    ok(world_session(&w, 0, 0, &run) == HARS_AKA_OK, "jam: ... for 24 hours");
}


/* one M4 that is jammed, once: for ever; and two devices at one fog node */
static void
jam_paper(void)
{
    run_t     run, other;
    world_t   w;
    unsigned  i, refused;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 123);
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_PAPER_M1);
    (void) world_m3(&w, run.m2, HARS_PAPER_M2, &run);
    (void) world_m4(&w, 0, &run);

    for (refused = i = 0; i < 100; i++) {
        w.now += HARS_AKA_BURNT_MS;
        refused += world_session(&w, 0, 0, &run) == HARS_AKA_PEER_REJECTED;
    }

    ok(refused == 100, "jam: the paper's device is locked out for ever by "
       "one lost M4");

    (void) world_m1(&w, 1, &run);
    (void) world_m1(&w, 2, &other);
    (void) world_m2(&w, 0, &run, run.m1, HARS_PAPER_M1);
    (void) world_m2(&w, 0, &other, other.m1, HARS_PAPER_M1);
    ok(world_m3(&w, run.m2, HARS_PAPER_M2, &run) == HARS_AKA_OK
       && world_m3(&w, other.m2, HARS_PAPER_M2, &other)
          == HARS_AKA_REJECTED,
       "the paper's fog node has one session at a time");
}


/* the limit that stays (SPEC 5.6): the ninth failure repeats a pseudonym */
static void
unlinkable(unsigned suite)
{
    run_t     run[9];
    world_t   w;
    unsigned  i, k, same;

    world_make(&w, NULL, suite, 131);

    for (i = 0; i < 9; i++) {
        (void) world_m1(&w, 0, &run[i]);
    }

    for (same = i = 0; i < 8; i++) {
        for (k = 0; k < i; k++) {
            same += memcmp(run[i].m1 + 4, run[k].m1 + 4, HARS_AKA_PID) == 0;
        }
    }

    ok(same == 0, "%02x: 8 failed attempts under 8 pseudonyms", suite);
    ok(memcmp(run[8].m1 + 4, run[0].m1 + 4, HARS_AKA_PID) == 0
       && alike(run[8].m1, run[0].m1, 20, HARS_AKA_M1) < 4,
       "%02x: ... the ninth repeats the first one's, nothing else", suite);
}
