
/*
 * The three roles of fog-aka v1 with each other, in all four suites: a
 * session, every flipped bit of M1 to M4 and of errors, every wrong length,
 * and what each error says.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: -lsodium -lcrypto */

#include "aka_world.h"
#include "tap.h"


static void suite(unsigned suite);
static void flips_m1(unsigned suite, const world_t *start);
static void flips_m2(unsigned suite, const world_t *start);
static void flips_m3_m4(unsigned suite, const world_t *start);
static void lengths(unsigned suite, const world_t *start);
static void errors(unsigned suite, const world_t *start);
static void flips_error(const world_t *w, const run_t *run);
static void order(unsigned suite, const world_t *start);
static void batch(unsigned suite, const world_t *start);
static void points(void);
static void profiles(void);
static int is_zero(const void *data, size_t len);
static void flip(unsigned char *p, unsigned bit);


int
main(void)
{
    suite(HARS_AKA_SYM_AES);
    suite(HARS_AKA_X25519_AES);
    suite(HARS_AKA_SYM_CHACHA);
    suite(HARS_AKA_X25519_CHACHA);
    points();
    profiles();

    return tap_done();
}


static void
suite(unsigned suite)
{
    run_t     run;
    world_t   w;
    unsigned  i, bad;

    world_make(&w, NULL, suite, suite);

    for (bad = 0, i = 0; i < 20; i++) {
        bad += world_session(&w, i % DEVICES, i % FOGS, &run) != 0;
        bad += !is_zero(&run.t, sizeof(run.t));
        bad += !is_zero(&run.relay, sizeof(run.relay));
    }

    ok(bad == 0, "%02x: 20 sessions, nothing of an attempt stays", suite);
    ok(run.at_device.confirmed && !run.at_fog.confirmed
       && !run.at_cloud.confirmed && run.at_fog.since == w.now,
       "%02x: provisional at fog node and cloud", suite);

    flips_m1(suite, &w);
    flips_m2(suite, &w);
    flips_m3_m4(suite, &w);
    lengths(suite, &w);
    errors(suite, &w);
    order(suite, &w);
    batch(suite, &w);
}


/* M1 reaches the cloud server in an honest M2 */
static void
flips_m1(unsigned suite, const world_t *start)
{
    int       rc;
    run_t     run;
    world_t   w, v;
    unsigned  bit, taken, burnt;

    w = *start;
    (void) world_m1(&w, 0, &run);

    for (taken = burnt = bit = 0; bit < 8 * HARS_AKA_M1; bit++) {
        v = w;
        flip(run.m1, bit);
        rc = world_m2(&v, 0, &run, run.m1, HARS_AKA_M1);

        if (rc == HARS_AKA_OK) {
            rc = world_m3(&v, run.m2, HARS_AKA_M2, &run);
            taken += rc == HARS_AKA_OK;
            burnt += v.row[0].burnt[0][v.device[0].n];
        }

        flip(run.m1, bit);
    }

    ok(taken == 0, "%02x: none of %u flipped bits of M1 is taken", suite,
       bit);
    ok(burnt >= 8 * 96 && burnt <= 8 * 98,
       "%02x: ... those behind the pseudonym burn it (%u)", suite, burnt);
}


static void
flips_m2(unsigned suite, const world_t *start)
{
    int       rc;
    run_t     run;
    world_t   w, v;
    unsigned  bit, taken, changed;

    w = *start;
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);

    for (taken = changed = bit = 0; bit < 8 * HARS_AKA_M2; bit++) {
        v = w;
        flip(run.m2, bit);
        rc = world_m3(&v, run.m2, HARS_AKA_M2, &run);
        flip(run.m2, bit);
        taken += rc == HARS_AKA_OK;
        changed += memcmp(v.row, w.row, sizeof(w.row)) != 0;
    }

    ok(taken == 0, "%02x: none of %u flipped bits of M2 is taken", suite,
       bit);
    ok(changed == 0, "%02x: ... and no row changes", suite);
    ok(world_m3(&w, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK,
       "%02x: ... M2 itself is", suite);
}


static void
flips_m3_m4(unsigned suite, const world_t *start)
{
    run_t              run;
    world_t            w;
    unsigned           bit, taken;
    hars_aka_fog_t     fog;
    hars_aka_device_t  device;

    w = *start;
    memset(&run, 0, sizeof(run));
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    (void) world_m3(&w, run.m2, HARS_AKA_M2, &run);
    fog = w.fog[0];

    for (taken = bit = 0; bit < 8 * HARS_AKA_M3; bit++) {
        flip(run.m3, bit);
        taken += world_m4(&w, 0, &run) != HARS_AKA_DROP;
        flip(run.m3, bit);
    }

    ok(taken == 0, "%02x: none of %u flipped bits of M3 is taken", suite,
       bit);
    ok(memcmp(&fog, &w.fog[0], sizeof(fog)) == 0
       && is_zero(&run.at_fog, sizeof(run.at_fog))
       && world_m4(&w, 0, &run) == HARS_AKA_OK,
       "%02x: ... nothing changed, M3 itself is", suite);

    device = w.device[0];

    for (taken = bit = 0; bit < 8 * HARS_AKA_M4; bit++) {
        flip(run.m4, bit);
        taken += world_end(&w, 0, &run) != HARS_AKA_DROP;
        flip(run.m4, bit);
    }

    ok(taken == 0, "%02x: none of %u flipped bits of M4 is taken", suite,
       bit);
    ok(memcmp(&device, &w.device[0], sizeof(device)) == 0
       && is_zero(&run.at_device, sizeof(run.at_device))
       && world_end(&w, 0, &run) == HARS_AKA_OK,
       "%02x: ... nothing changed, M4 itself is", suite);
}


static void
lengths(unsigned suite, const world_t *start)
{
    run_t          run;
    size_t         len, bad;
    world_t        w, v;
    unsigned char  big[400], err[HARS_AKA_ERR];

    w = *start;
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    v = w;
    (void) world_m3(&v, run.m2, HARS_AKA_M2, &run);
    memset(big, 0, sizeof(big));

#define EACH(from, right, call, wanted)                                      \
    for (bad = 0, len = 0; len <= sizeof(big); len++) {                      \
        memcpy(big, from, right);                                            \
        bad += len != right && (call) != wanted;                             \
    }                                                                        \
    ok(bad == 0, "%02x: %s of another length", suite, #from);

    EACH(run.m2, HARS_AKA_M2, world_m3(&w, big, len, &run),
         HARS_AKA_MALFORMED)
    EACH(run.m3, HARS_AKA_M3,
         hars_aka_fog_m3(&w.fog[0], &run.relay, big, len, 0, run.m4,
                         &run.at_fog), HARS_AKA_DROP)
    EACH(err, HARS_AKA_ERR,
         (hars_aka_cloud_error(&(hars_aka_request_t) { .stage = 0 }, run.m2,
                               HARS_AKA_M2, HARS_AKA_REJECTED, err),
          memcpy(big, err, HARS_AKA_ERR),
          hars_aka_fog_error(&w.fog[0], &run.relay, big, len)),
         HARS_AKA_DROP)

    (void) world_m4(&v, 0, &run);
    EACH(run.m4, HARS_AKA_M4,
         hars_aka_device_m4(&w.device[0], &run.t, big, len, &run.at_device),
         HARS_AKA_DROP)
    EACH(run.m1, HARS_AKA_M1, world_m2(&w, 0, &run, big, len), HARS_AKA_DROP)
}


static int
error_of(world_t *w, run_t *run)
{
    (void) world_m3(w, run->m2, HARS_AKA_M2, run);

    return hars_aka_fog_error(&w->fog[0], &run->relay, run->err,
                              HARS_AKA_ERR);
}


static void
errors(unsigned suite, const world_t *start)
{
    run_t          run;
    world_t        w;
    unsigned       bit, taken;
    unsigned char  err[HARS_AKA_ERR];

    w = *start;
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);

    w.fog[0].seed[0] ^= 1;
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    w.fog[0].seed[0] ^= 1;
    ok(error_of(&w, &run) == HARS_AKA_REJECTED
       && is_zero(run.err + 12, 16), "%02x: an unknown fog node", suite);

    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    w.row[DEVICES].status = HARS_AKA_REVOKED;
    ok(error_of(&w, &run) == HARS_AKA_REJECTED, "%02x: a revoked one", suite);
    w.row[DEVICES].status = HARS_AKA_ACTIVE;

    w.row[0].status = HARS_AKA_REVOKED;
    ok(error_of(&w, &run) == HARS_AKA_PEER_REJECTED
       && !is_zero(run.err + 12, 16), "%02x: a revoked device", suite);
    flips_error(&w, &run);
    w.row[0].status = HARS_AKA_ACTIVE;

    w.row[0].suite ^= 0x10;
    ok(error_of(&w, &run) == HARS_AKA_SUITE, "%02x: another suite", suite);
    w.row[0].suite ^= 0x10;

    w.now += HARS_AKA_SKEW_MS + 1;
    ok(error_of(&w, &run) == HARS_AKA_PEER_REJECTED, "%02x: too late",
       suite);
    w.now -= 2 * (HARS_AKA_SKEW_MS + 1);
    ok(error_of(&w, &run) == HARS_AKA_PEER_REJECTED, "%02x: too early",
       suite);
    w.now += HARS_AKA_SKEW_MS + 1;

    w.row[0].ctr = w.device[0].ctr;
    ok(error_of(&w, &run) == HARS_AKA_PEER_REJECTED, "%02x: a stale counter",
       suite);
    w.row[0].ctr--;

    /* another fog node's key, and this one's with another M2 */

    (void) world_m3(&w, run.m2, HARS_AKA_M2 - 1, &run);
    ok(run.err[3] == HARS_AKA_MALFORMED && is_zero(run.err + 12, 16)
       && hars_aka_fog_error(&w.fog[0], &run.relay, run.err, HARS_AKA_ERR)
          == HARS_AKA_DROP, "%02x: about other bytes", suite);

    w.now += 100 * HARS_AKA_SKEW_MS;
    (void) world_m3(&w, run.m2, HARS_AKA_M2, &run);
    w.now -= 100 * HARS_AKA_SKEW_MS;
    ok(hars_aka_fog_error(&w.fog[1], &run.relay, run.err, HARS_AKA_ERR)
       == HARS_AKA_DROP, "%02x: with a mac for another node", suite);

    ok(hars_aka_fog_refusal(&run.relay, err) == HARS_AKA_OK
       && err[3] == HARS_AKA_REJECTED && is_zero(err + 12, 16)
       && hars_aka_device_refused(&run.t, err, HARS_AKA_ERR)
          == HARS_AKA_REJECTED,
       "%02x: what the device is told", suite);

    for (bit = taken = 0; bit < 8 * 12; bit++) {
        flip(err, bit);
        taken += hars_aka_device_refused(&run.t, err, HARS_AKA_ERR)
                 != HARS_AKA_DROP;
        flip(err, bit);
    }

    ok(taken == 0
       && hars_aka_device_refused(&run.t, err, HARS_AKA_ERR - 1)
          == HARS_AKA_DROP, "%02x: ... about its own M1 alone", suite);
    ok(world_m3(&w, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK,
       "%02x: M2 is good after all that", suite);
    ok(error_of(&w, &run) == HARS_AKA_REJECTED && !is_zero(run.err + 12, 16),
       "%02x: ... and once only", suite);

    /* the fog node asks again with the M1 that it has */

    ok(world_m2(&w, 0, &run, run.relay.m2 + 4, HARS_AKA_M1) == HARS_AKA_OK
       && memcmp(run.m2 + 4, run.m1, HARS_AKA_M1) == 0
       && error_of(&w, &run) == HARS_AKA_PEER_REJECTED,
       "%02x: rebuilt, M1 was taken before", suite);
}


static void
flips_error(const world_t *w, const run_t *run)
{
    unsigned       bit, taken;
    unsigned char  err[HARS_AKA_ERR];

    memcpy(err, run->err, HARS_AKA_ERR);

    for (taken = bit = 0; bit < 8 * HARS_AKA_ERR; bit++) {
        flip(err, bit);
        taken += hars_aka_fog_error(&w->fog[0], &run->relay, err,
                                    HARS_AKA_ERR) != HARS_AKA_DROP;
        flip(err, bit);
    }

    ok(taken == 0, "none of %u flipped bits of an error is taken", bit);
}


/* several sessions of one fog node, answered in any order */
static void
order(unsigned suite, const world_t *start)
{
    run_t     run[3], other;
    world_t   w;
    unsigned  i, bad;

    w = *start;

    for (bad = 0, i = 0; i < 3; i++) {
        bad += world_m1(&w, i, &run[i]) != 0;
        bad += world_m2(&w, 0, &run[i], run[i].m1, HARS_AKA_M1) != 0;
    }

    for (i = 0; i < 3; i++) {
        bad += world_m3(&w, run[i].m2, HARS_AKA_M2, &run[i]) != 0;
    }

    for (i = 3; i-- > 0; ) {
        bad += world_m4(&w, 0, &run[i]) != 0;
        bad += world_end(&w, i, &run[i]) != 0;
    }

    ok(bad == 0, "%02x: three sessions at once, answered backwards", suite);
    ok(memcmp(w.fog[0].seed, w.row[DEVICES].seed[0], 32) == 0,
       "%02x: ... the fog node has the present seed", suite);

    /* what belongs to another session is dropped */

    (void) world_m1(&w, 0, &run[0]);
    (void) world_m1(&w, 1, &run[1]);
    (void) world_m2(&w, 0, &run[0], run[0].m1, HARS_AKA_M1);
    (void) world_m2(&w, 0, &run[1], run[1].m1, HARS_AKA_M1);
    (void) world_m3(&w, run[0].m2, HARS_AKA_M2, &run[0]);
    (void) world_m3(&w, run[1].m2, HARS_AKA_M2, &run[1]);

    other = run[0];
    memcpy(run[0].m3, run[1].m3, HARS_AKA_M3);
    ok(world_m4(&w, 0, &run[0]) == HARS_AKA_DROP, "%02x: M3 of another",
       suite);
    run[0] = other;
    (void) world_m4(&w, 0, &run[0]);
    (void) world_m4(&w, 0, &run[1]);
    other = run[0];
    memcpy(run[0].m4, run[1].m4, HARS_AKA_M4);
    ok(world_end(&w, 0, &run[0]) == HARS_AKA_DROP, "%02x: M4 of another",
       suite);
    run[0] = other;
    ok(world_end(&w, 0, &run[0]) == 0
       && world_end(&w, 0, &run[0]) == HARS_AKA_DROP,
       "%02x: its own, once", suite);
}


/* one M2 twice, and the same device by two fog nodes, decided together */
static void
batch(unsigned suite, const world_t *start)
{
    run_t               run[2];
    world_t             w;
    unsigned            i, admitted, n;
    unsigned char       rnd[32];
    hars_aka_request_t  request[3];

    w = *start;
    memset(rnd, 3, sizeof(rnd));
    (void) world_m1(&w, 0, &run[0]);
    (void) world_m2(&w, 0, &run[0], run[0].m1, HARS_AKA_M1);
    (void) world_m2(&w, 1, &run[1], run[0].m1, HARS_AKA_M1);
    n = w.device[0].n;

    for (admitted = i = 0; i < 3; i++) {
        (void) hars_aka_cloud_read(&request[i], run[i == 1].m2, HARS_AKA_M2);
        admitted += hars_aka_admit_fog(&w.cloud, &request[i],
                                       &w.row[DEVICES + (i == 1)],
                                       w.fog[i == 1].n) == HARS_AKA_OK
                    && hars_aka_admit_device(&w.cloud, &request[i],
                                             &w.row[0], n, w.now)
                       == HARS_AKA_OK;
    }

    ok(admitted == 3, "%02x: three requests at once, none knows of another",
       suite);

#define ADMIT(i)                                                             \
    hars_aka_admit(&w.cloud, &request[i], &w.row[0], n,                      \
                   &w.row[DEVICES + (i == 1)], w.fog[i == 1].n, rnd, rnd,    \
                   rnd, w.now, run[0].m3, &run[0].at_cloud)

    ok(ADMIT(0) == HARS_AKA_OK && ADMIT(1) == HARS_AKA_PEER_REJECTED
       && ADMIT(2) == HARS_AKA_REJECTED, "%02x: ... the first is taken",
       suite);
}


/* RFC 7748, 6.1: what has no secret in it aborts */
static void
points(void)
{
    run_t                       run;
    world_t                     w;
    static const unsigned char  low[][32] = {
        { 0 }, { 1 },
        { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
          0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
          0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 }
    };
    unsigned                    i;

    world_make(&w, NULL, HARS_AKA_X25519_AES, 7);

    for (i = 0; i < 3; i++) {
        memcpy(w.device[0].pk_cs, low[i], 32);
        ok(world_m1(&w, 0, &run) == HARS_AKA_DROP
           && is_zero(&run.t, sizeof(run.t)), "pk_cs of low order, %u", i);
    }

    memcpy(w.device[0].pk_cs, w.cloud.pk, 32);
    w.device[0].ctr = UINT64_MAX;
    ok(world_m1(&w, 0, &run) == HARS_AKA_SPENT, "a counter at its end");
    w.fog[0].ctr = UINT64_MAX;
    ok(world_m2(&w, 0, &run, run.m1, HARS_AKA_M1) == HARS_AKA_SPENT,
       "... of a fog node");
}


static void
profiles(void)
{
    run_t    run;
    world_t  w;

    ok(strcmp(hars_aka_profile(NULL)->name, "fog-aka v1") == 0
       && hars_aka_profile("fog-aka v1") == hars_aka_profile(NULL),
       "v1 is the default");
    ok(hars_aka_profile("Paper") == NULL && hars_aka_profile("") == NULL
       && hars_aka_profile("v1") == NULL, "no profile of another name");
    ok(strcmp(hars_aka_profile("paper")->name, "paper") == 0,
       "the paper's by its name");

    world_make(&w, "paper", HARS_AKA_SYM_AES, 1);
    ok(world_session(&w, 0, 0, &run) == 0 && world_session(&w, 0, 0, &run) == 0
       && world_session(&w, 1, 0, &run) == 0, "the paper's sessions");

    w.profile = hars_aka_profile(NULL);
    ok(world_m2(&w, 0, &run, run.m1, 96) == HARS_AKA_DROP
       && world_m3(&w, run.m2, 192, &run) == HARS_AKA_MALFORMED
       && hars_aka_fog_m3(&w.fog[0], &run.relay, run.m3, 224, 0, run.m4,
                          &run.at_fog) == HARS_AKA_DROP
       && hars_aka_device_m4(&w.device[0], &run.t, run.m4, 112,
                             &run.at_device) == HARS_AKA_DROP,
       "v1 takes no message of the paper's");
}


static int
is_zero(const void *data, size_t len)
{
    const unsigned char  *p = data;

    while (len && *p == 0) {
        p++;
        len--;
    }

    return len == 0;
}


static void
flip(unsigned char *p, unsigned bit)
{
    p[bit / 8] ^= (unsigned char) (1 << bit % 8);
}
