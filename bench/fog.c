
/*
 * What the key exchange of the fog costs: microseconds per party and message,
 * sessions a second on one core, for each suite of fog-aka v1 and for the
 * paper's scheme, beside what the X25519 operations of a session cost alone.
 *
 *     make build/bench/fog
 *     build/bench/fog
 *
 * 64 sessions at a time, of 64 wearables by 64 fog nodes, message by message;
 * processor time, best of 25 rounds: what else the machine does only takes
 * away.  X25519 (three of a base point, six of others, the same primitives) is
 * measured in each round too.  Looking up a pseudonym, storing rows and
 * sending are not in it; the pseudonyms of a new seed, which go into the index
 * of the cloud server, have a column of their own.
 */

#include "aka_profile.h"
#include "aka_crypto.h"
#include "aka_device.h"
#include "aka_fognode.h"
#include "aka_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_BENCH_N       64
#define HARS_BENCH_ROUNDS  25
#define HARS_BENCH_STAGES  6


typedef struct {
    const hars_aka_profile_t  *profile;
    hars_aka_cloud_t           cloud;
    hars_aka_row_t             row_i[HARS_BENCH_N], row_j[HARS_BENCH_N];
    hars_aka_device_t          device[HARS_BENCH_N];
    hars_aka_fog_t             fog[HARS_BENCH_N];
    hars_aka_try_t             t[HARS_BENCH_N];
    hars_aka_relay_t           relay[HARS_BENCH_N];
    unsigned char              m1[HARS_BENCH_N][HARS_AKA_M1];
    unsigned char              m2[HARS_BENCH_N][HARS_AKA_M2];
    unsigned char              m3[HARS_BENCH_N][HARS_AKA_M3];
    unsigned char              m4[HARS_BENCH_N][HARS_AKA_M4];
    unsigned char              rnd[HARS_BENCH_N][5][32];
    uint64_t                   drawn;
} hars_bench_t;

typedef void (*hars_bench_pt)(hars_bench_t *b, unsigned i);


static void hars_bench_profile(const char *name, const char *profile,
    unsigned suite);
static void hars_bench_bits(void);
static void hars_bench_make(hars_bench_t *b, const char *profile,
    unsigned suite);
static void hars_bench_draw(hars_bench_t *b);
static double hars_bench_stage(hars_bench_t *b, hars_bench_pt run);
static void hars_bench_m1(hars_bench_t *b, unsigned i);
static void hars_bench_m2(hars_bench_t *b, unsigned i);
static void hars_bench_m3(hars_bench_t *b, unsigned i);
static void hars_bench_m4(hars_bench_t *b, unsigned i);
static void hars_bench_end(hars_bench_t *b, unsigned i);
static void hars_bench_index(hars_bench_t *b, unsigned i);
static void hars_bench_x25519(hars_bench_t *b, unsigned i);
static void hars_bench_must(int rc, const char *what);
static double hars_bench_now(void);


int
main(void)
{
    hars_bench_must(hars_aka_crypto_init(), "the library");

    printf("us, best of %u rounds of %u sessions\n\n", HARS_BENCH_ROUNDS,
           HARS_BENCH_N);
    printf("%-28s %7s %7s %7s %7s %7s %8s %6s %9s %6s %6s\n", "", "device",
           "fog", "cloud", "fog", "device", "session", "index", "sessions",
           "bytes", "x/X");
    printf("%-28s %7s %7s %7s %7s %7s %8s %6s %9s\n", "", "M1", "M2", "M3",
           "M4", "key", "", "", "a second");

    hars_bench_profile("X25519, AES-256-GCM (02)", NULL, 0x02);
    hars_bench_profile("X25519, ChaCha20 (12)", NULL, 0x12);
    hars_bench_profile("SYM, AES-256-GCM (01)", NULL, 0x01);
    hars_bench_profile("SYM, ChaCha20 (11)", NULL, 0x11);
    hars_bench_profile("the paper's scheme", HARS_AKA_PAPER, 0x01);

    printf("\nx/X: a session by its nine X25519 operations alone\n");
    hars_bench_bits();

    return 0;
}


/* the paper's Table 5 counts a ciphertext as 256 bits, whatever is in it */
static void
hars_bench_bits(void)
{
    unsigned  i;

    static const struct {
        const char  *name;
        unsigned     bits;
    } others[] = {
        { "the paper's, by its own count", 3072 },
        { "Jia et al.", 5696 },
        { "Wazid et al.", 4800 },
        { "Chen et al.", 7744 },
        { "Wu et al.", 5696 },
        { "Ali et al.", 4800 }
    };

    printf("\n%-28s %6s %6s\n", "a session on the wire", "bytes", "bits");
    printf("%-28s %6u %6u\n", "fog-aka v1, all suites",
           HARS_AKA_M1 + HARS_AKA_M2 + HARS_AKA_M3 + HARS_AKA_M4,
           8 * (HARS_AKA_M1 + HARS_AKA_M2 + HARS_AKA_M3 + HARS_AKA_M4));

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        printf("%-28s %6u %6u\n", others[i].name, others[i].bits / 8,
               others[i].bits);
    }
}


static void
hars_bench_profile(const char *name, const char *profile, unsigned suite)
{
    double                      us, sum, total, x25519;
    unsigned                    i, round, bytes;
    static double               best[HARS_BENCH_STAGES];
    static hars_bench_t         b;
    static const hars_bench_pt  stages[HARS_BENCH_STAGES] = {
        hars_bench_m1, hars_bench_m2, hars_bench_m3, hars_bench_m4,
        hars_bench_end, hars_bench_index
    };

    hars_bench_make(&b, profile, suite);

    total = x25519 = 1e9;

    for (i = 0; i < HARS_BENCH_STAGES; i++) {
        best[i] = 1e9;
    }

    for (round = 0; round < HARS_BENCH_ROUNDS; round++) {
        hars_bench_draw(&b);

        for (sum = 0, i = 0; i < HARS_BENCH_STAGES; i++) {
            us = hars_bench_stage(&b, stages[i]);
            best[i] = us < best[i] ? us : best[i];
            sum += stages[i] == hars_bench_index ? 0 : us;
        }

        total = sum < total ? sum : total;
        us = hars_bench_stage(&b, hars_bench_x25519);
        x25519 = us < x25519 ? us : x25519;
    }

    bytes = (unsigned) (b.profile->m1 + b.profile->m2 + b.profile->m3
                        + b.profile->m4);

    printf("%-28s %7.2f %7.2f %7.2f %7.2f %7.2f %8.2f %6.2f %9.0f %6u", name,
           best[0], best[1], best[2], best[3], best[4], total, best[5],
           1e6 / total, bytes);

    if (suite & 0x02) {
        printf(" %6.3f   (X: %.2f)", total / x25519, x25519);
    }

    printf("\n");
}


static void
hars_bench_make(hars_bench_t *b, const char *profile, unsigned suite)
{
    char            id[32];
    unsigned        i;
    unsigned char   seed[32], key[32];

    memset(b, 0, sizeof(*b));
    b->profile = hars_aka_profile(profile);
    hars_bench_draw(b);
    hars_bench_must(hars_aka_cloud_init(&b->cloud, b->rnd[0][0],
                                        b->rnd[0][1]), "the cloud server");

    for (i = 0; i < HARS_BENCH_N; i++) {
        memcpy(seed, b->rnd[i][2], 32);
        snprintf(id, sizeof(id), "wearable-%02u", i);
        hars_bench_must(hars_aka_row_make(&b->row_i[i], HARS_AKA_DEVICE,
                            (unsigned char *) id, strlen(id), suite, seed),
                        "a row");
        hars_bench_must(b->profile->key(&b->cloud, &b->row_i[i], key),
                        "a key");
        hars_bench_must(hars_aka_device_make(&b->device[i],
                            (unsigned char *) id, strlen(id), suite, 1, key,
                            seed, b->cloud.pk), "a device");

        memcpy(seed, b->rnd[i][3], 32);
        snprintf(id, sizeof(id), "fog-node-%02u", i);
        hars_bench_must(hars_aka_row_make(&b->row_j[i], HARS_AKA_FOG,
                            (unsigned char *) id, strlen(id), suite, seed),
                        "a row");
        hars_bench_must(b->profile->key(&b->cloud, &b->row_j[i], key),
                        "a key");
        hars_aka_fog_make(&b->fog[i], key, seed);
        memcpy(b->fog[i].id, id, strlen(id));
        b->fog[i].id_len = (unsigned char) strlen(id);
    }
}


static void
hars_bench_draw(hars_bench_t *b)
{
    unsigned         i, k;
    hars_aka_part_t  part = { &b->drawn, sizeof(b->drawn) };

    for (i = 0; i < HARS_BENCH_N; i++) {
        for (k = 0; k < 5; k++) {
            b->drawn++;
            hars_bench_must(hars_aka_sha256(b->rnd[i][k], &part, 1), "hash");
        }
    }
}


/* microseconds of each of the 64 */
static double
hars_bench_stage(hars_bench_t *b, hars_bench_pt run)
{
    double    begun;
    unsigned  i;

    begun = hars_bench_now();

    for (i = 0; i < HARS_BENCH_N; i++) {
        run(b, i);
    }

    return (hars_bench_now() - begun) / HARS_BENCH_N;
}


static void
hars_bench_m1(hars_bench_t *b, unsigned i)
{
    hars_bench_must(b->profile->device_advance(&b->device[i]), "M1");
    hars_bench_must(b->profile->device_m1(&b->device[i], b->rnd[i][0], 0,
                                          &b->t[i], b->m1[i]), "M1");
}


static void
hars_bench_m2(hars_bench_t *b, unsigned i)
{
    hars_bench_must(b->profile->fog_advance(&b->fog[i]), "M2");
    hars_bench_must(b->profile->fog_m2(&b->fog[i], b->m1[i], b->profile->m1,
                                       b->rnd[i][1], 0, &b->relay[i],
                                       b->m2[i]), "M2");
}


static void
hars_bench_m3(hars_bench_t *b, unsigned i)
{
    hars_aka_request_t         request;
    hars_aka_session_t         session;
    const hars_aka_profile_t  *p = b->profile;

    hars_bench_must(p->read(&request, b->m2[i], p->m2), "M3, read");
    hars_bench_must(p->admit_fog(&b->cloud, &request, &b->row_j[i],
                                 b->fog[i].n), "M3, fog node");
    hars_bench_must(p->admit_device(&b->cloud, &request, &b->row_i[i],
                                    b->device[i].n, 0), "M3, device");
    hars_bench_must(p->admit(&b->cloud, &request, &b->row_i[i],
                             b->device[i].n, &b->row_j[i], b->fog[i].n,
                             b->rnd[i][2], b->rnd[i][3], b->rnd[i][4], 0,
                             b->m3[i], &session), "M3");
    hars_aka_cloud_wipe(&request);
}


static void
hars_bench_m4(hars_bench_t *b, unsigned i)
{
    hars_aka_session_t  session;

    hars_bench_must(b->profile->fog_m3(&b->fog[i], &b->relay[i], b->m3[i],
                                       b->profile->m3, 0, b->m4[i],
                                       &session), "M4");
}


static void
hars_bench_end(hars_bench_t *b, unsigned i)
{
    hars_aka_session_t  session;

    hars_bench_must(b->profile->device_m4(&b->device[i], &b->t[i], b->m4[i],
                                          b->profile->m4, &session), "key");
}


/* the eight pseudonyms of each party's new seed */
static void
hars_bench_index(hars_bench_t *b, unsigned i)
{
    unsigned       n;
    unsigned char  pid[HARS_AKA_PID];

    if (b->profile->pid != HARS_AKA_PID) {
        return;
    }

    for (n = 0; n < HARS_AKA_FAN; n++) {
        hars_bench_must(hars_aka_pid(pid, b->row_i[i].seed[0], n), "index");
        hars_bench_must(hars_aka_pid(pid, b->row_j[i].seed[0], n), "index");
    }
}


/* 5.4: three E, and twice each of z0, z_i, z_j */
static void
hars_bench_x25519(hars_bench_t *b, unsigned i)
{
    unsigned       k;
    unsigned char  e[3][32], z[32];

    for (k = 0; k < 3; k++) {
        hars_bench_must(hars_aka_x25519_base(e[k], b->rnd[i][k]), "X25519");
    }

    for (k = 0; k < 6; k++) {
        hars_bench_must(hars_aka_x25519(z, b->rnd[i][k % 3],
                                        e[(k + 1) % 3]), "X25519");
    }
}


static void
hars_bench_must(int rc, const char *what)
{
    if (rc != HARS_AKA_OK) {
        fprintf(stderr, "fog: %s: %d\n", what, rc);
        exit(1);
    }
}


static double
hars_bench_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}
