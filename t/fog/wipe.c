
/*
 * What the roles leave behind: each step runs on a stack of its own, which is
 * then searched for the secrets that it had in hand; steps that succeed and
 * steps that are refused.  What a caller gave and was given stands elsewhere.
 *
 * Built as the services are, not under the sanitizers: their checks make the
 * compiler put on the stack what it otherwise has in registers.
 */

#include "../unit/aka_world.h"
#include "../unit/tap.h"

#include "../../backend/fog/aka/aka_messages.h"
#include "../../backend/fog/aka/aka_password.h"

#include <pthread.h>


#define STACK    (256 * 1024)
#define SECRETS  32
#define PIECE    12              /* of a secret that must not be found */


typedef struct {
    const char     *name;
    unsigned char   bytes[32];
} secret_t;


static void suite(unsigned suite);
static void secrets_of(unsigned suite);
static void *m1(void *data);
static void *m2(void *data);
static void *m3(void *data);
static void *m4(void *data);
static void *end(void *data);
static void *row_seal(void *data);
static void *row_open(void *data);
static void *password(void *data);
static void *control(void *data);
static void *step_and_clear(void *data);
static void on_stack(void *(*wanted_step)(void *), const char *what,
    unsigned suite, int wanted, int found);
static const char *left_behind(void);
static void keep(const char *name, const void *bytes);


static world_t                 w, start;
static run_t                   run;
static hars_aka_request_t      request;
static unsigned char           stack[STACK] __attribute__((aligned(4096)));
static secret_t                secret[SECRETS];
static unsigned                secrets;
static int                     result;
static void                 *(*step)(void *);
static unsigned char           rnd[3][32], sealed[HARS_AKA_ROW_SEALED];
static const hars_aka_cost_t   cheap = { 1, 8 };


int
main(void)
{
    suite(HARS_AKA_X25519_AES);
    suite(HARS_AKA_X25519_CHACHA);
    suite(HARS_AKA_SYM_AES);
    suite(HARS_AKA_SYM_CHACHA);

    return tap_done();
}


static void
suite(unsigned suite)
{
    unsigned char  changed;

    world_make(&start, NULL, suite, 3);
    draw(&start, rnd[0]);
    draw(&start, rnd[1]);
    draw(&start, rnd[2]);
    secrets_of(suite);
    w = start;

    on_stack(control, "a step that leaves K_i", suite, 0, 1);

    on_stack(m1, "M1", suite, HARS_AKA_OK, 0);
    on_stack(m2, "M2", suite, HARS_AKA_OK, 0);

    run.m2[HARS_AKA_M2 - 1] ^= 1;
    on_stack(m3, "a wrong M2", suite, HARS_AKA_REJECTED, 0);
    run.m2[HARS_AKA_M2 - 1] ^= 1;

    start.row[0].gen = w.row[0].gen = 2;
    on_stack(m3, "an M1 of another key", suite, HARS_AKA_PEER_REJECTED, 0);
    start.row[0].gen = w.row[0].gen = 1;
    on_stack(m3, "M3", suite, HARS_AKA_OK, 0);

    changed = run.m3[100] ^= 1;
    on_stack(m4, "a wrong M3", suite, HARS_AKA_DROP, 0);
    run.m3[100] = changed ^ 1;
    on_stack(m4, "M4", suite, HARS_AKA_OK, 0);

    run.m4[50] ^= 1;
    on_stack(end, "a wrong M4", suite, HARS_AKA_DROP, 0);
    run.m4[50] ^= 1;
    run.m4[HARS_AKA_M4 - 1] ^= 1;
    on_stack(end, "M4 with a wrong fc", suite, HARS_AKA_DROP, 0);
    run.m4[HARS_AKA_M4 - 1] ^= 1;
    on_stack(end, "the key", suite, HARS_AKA_OK, 0);

    on_stack(row_seal, "a row that is sealed", suite, HARS_AKA_OK, 0);
    on_stack(row_open, "... and opened", suite, HARS_AKA_OK, 0);
    on_stack(password, "a password", suite, HARS_AKA_OK, 0);
}


/* the same session, seen from inside */
static void
secrets_of(unsigned suite)
{
    run_t                 seen;
    unsigned char         out[32], kc[32], e[32], r[32], prk[32], ctx[32];
    hars_aka_part_t       ikm, m;
    const hars_aka_m4_t  *m4_seen = (const hars_aka_m4_t *) seen.m4;

    secrets = 0;
    w = start;
    keep("x", w.cloud.x);
    keep("sk_cs", w.cloud.sk);
    keep("K_i", w.device[0].key);
    keep("K_j", w.fog[0].key);
    keep("s_i", w.device[0].seed);
    keep("s_j", w.fog[0].seed);

    (void) m1(NULL);
    (void) m2(NULL);
    keep("r1", run.t.r);
    keep("r2", run.relay.r);

    if (suite & 2) {
        keep("e_i", run.t.e);
        keep("e_j", run.relay.e);
        keep("z0", run.t.z0);
    }

    (void) m3(NULL);
    seen = run;
    m = (hars_aka_part_t) { run.m2, HARS_AKA_M2 };
    (void) hars_aka_sha256(ctx, &m, 1);
    (void) hars_aka_hedge(e, r, rnd[0], w.cloud.x, ctx, 32);
    keep("r3", r);

    if (suite & 2) {
        keep("e_c", e);
        (void) hars_aka_shared(suite, out, e, seen.m1 + 20);
        keep("z_i", out);
        (void) hars_aka_shared(suite, out, e, seen.m2 + 136);
        keep("z_j", out);
    }

    (void) m4(NULL);
    (void) end(NULL);
    seen = run;
    keep("sk", run.at_device.sk);
    keep("s_i'", w.device[0].seed);
    keep("s_j'", w.fog[0].seed);

    (void) hars_aka_transcript(ctx, "fogaka1 th", seen.m1, HARS_AKA_M1,
                               m4_seen->e);
    (void) hars_aka_session_keys(out, kc, prk, ctx, secret[6].bytes,
                                 secret[7].bytes, r);
    keep("kc", kc);

    ikm = (hars_aka_part_t) { w.cloud.x, 32 };
    (void) hars_aka_hmac(prk, "fogaka1 root", 12, &ikm, 1);
    keep("HKDF-Extract of x", prk);
}


static void *
m1(void *data)
{
    result = hars_aka_device_advance(&w.device[0]);
    result = hars_aka_device_m1(&w.device[0], rnd[0], 0, &run.t, run.m1);

    return data;
}


static void *
m2(void *data)
{
    result = hars_aka_fog_advance(&w.fog[0]);
    result = hars_aka_fog_m2(&w.fog[0], run.m1, HARS_AKA_M1, rnd[1], 0,
                             &run.relay, run.m2);

    return data;
}


static void *
m3(void *data)
{
    result = hars_aka_cloud_read(&request, run.m2, HARS_AKA_M2);
    result = hars_aka_admit_fog(&w.cloud, &request, &w.row[DEVICES],
                                w.fog[0].n);

    if (result == HARS_AKA_OK) {
        result = hars_aka_admit_device(&w.cloud, &request, &w.row[0],
                                       w.device[0].n, w.now);
    }

    if (result == HARS_AKA_OK) {
        result = hars_aka_admit(&w.cloud, &request, &w.row[0], w.device[0].n,
                                &w.row[DEVICES], w.fog[0].n, rnd[0], rnd[1],
                                rnd[2], w.now, run.m3, &run.at_cloud);
    }

    hars_aka_cloud_wipe(&request);

    return data;
}


static void *
m4(void *data)
{
    result = hars_aka_fog_m3(&w.fog[0], &run.relay, run.m3, HARS_AKA_M3,
                             w.now, run.m4, &run.at_fog);

    return data;
}


static void *
end(void *data)
{
    result = hars_aka_device_m4(&w.device[0], &run.t, run.m4, HARS_AKA_M4,
                                &run.at_device);

    return data;
}


static void *
row_seal(void *data)
{
    result = hars_aka_row_seal(&w.row[0], w.cloud.x, 1, rnd[0], sealed);

    return data;
}


static void *
row_open(void *data)
{
    result = hars_aka_row_open(&w.row[1], w.cloud.x, 1, sealed,
                               sizeof(sealed));

    return data;
}


static void *
password(void *data)
{
    result = hars_aka_lock(&w.device[0], (unsigned char *) "password", 8,
                           rnd[0], &cheap);
    result |= hars_aka_unlock(&w.device[0], w.row[0].id, w.row[0].id_len,
                              (unsigned char *) "password", 8, &cheap);

    return data;
}


/* the search finds what is left */
static void *
control(void *data)
{
    volatile unsigned char  copy[16384];
    unsigned                i;

    /* all over, so that the thread's end does not write over all of it */

    for (i = 0; i < sizeof(copy); i++) {
        copy[i] = w.device[0].key[i % 32];
    }

    result = copy[0] - copy[0];

    return data;
}


/*
 * What the step left in vector registers is not on its stack, until the
 * thread's end lets the dynamic linker save them there.
 */
static void *
step_and_clear(void *data)
{
    static char      from[256], to[256];
    volatile size_t  len = sizeof(from);

    (void) step(data);
    memcpy(to, from, len);

    return NULL;
}


static void
on_stack(void *(*wanted_step)(void *), const char *what, unsigned suite,
    int wanted, int found)
{
    pthread_t        thread;
    const char      *left;
    pthread_attr_t   attr;

    step = wanted_step;
    memset(stack, 0, sizeof(stack));
    pthread_attr_init(&attr);

    if (pthread_attr_setstack(&attr, stack, sizeof(stack)) != 0
        || pthread_create(&thread, &attr, step_and_clear, NULL) != 0)
    {
        perror("a thread on a stack of ours");
        exit(1);
    }

    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    left = left_behind();

    ok(result == wanted && (left != NULL) == found, "%02x: %s: %s%s", suite,
       what, left ? "left behind: " : "nothing is left behind",
       left ? left : "");
}


static const char *
left_behind(void)
{
    unsigned                    i, k, form, from;
    unsigned char               bytes[32];
    static const unsigned char  pad[] = { 0, 0x36, 0x5c };

    /* as it is, and with the pads of HMAC */

    for (i = 0; i < secrets; i++) {
        for (form = 0; form < sizeof(pad); form++) {
            for (k = 0; k < 32; k++) {
                bytes[k] = secret[i].bytes[k] ^ pad[form];
            }

            for (from = 0; from + PIECE <= 32; from += 4) {
                if (memmem(stack, sizeof(stack), bytes + from, PIECE)) {
                    return secret[i].name;
                }
            }
        }
    }

    return NULL;
}


static void
keep(const char *name, const void *bytes)
{
    if (secrets == SECRETS) {
        abort();
    }

    secret[secrets].name = name;
    memcpy(secret[secrets].bytes, bytes, 32);
    secrets++;
}
