
/*
 * A primitive that fails: the first call of a session, then the second, and so
 * on to the last, in each suite and in the paper's profile.  The step that it
 * belongs to fails closed, nobody has a session that another party has not,
 * and with the primitive working again the next attempt succeeds.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: -Wl,--wrap=hars_aka_sha256 -Wl,--wrap=hars_aka_seal */
/* link: -Wl,--wrap=hars_aka_open -Wl,--wrap=hars_aka_x25519 */
/* link: -Wl,--wrap=hars_aka_x25519_base -lsodium -lcrypto */

#include "aka_world.h"
#include "tap.h"


int __real_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n);
int __wrap_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n);
int __real_hars_aka_seal(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *text, size_t len, unsigned char *sealed);
int __wrap_hars_aka_seal(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *text, size_t len, unsigned char *sealed);
int __real_hars_aka_open(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *sealed, size_t len, unsigned char *text);
int __wrap_hars_aka_open(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *sealed, size_t len, unsigned char *text);
int __real_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point);
int __wrap_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point);
int __real_hars_aka_x25519_base(unsigned char *out,
    const unsigned char *scalar);
int __wrap_hars_aka_x25519_base(unsigned char *out,
    const unsigned char *scalar);

static void failures(const char *profile, unsigned suite);
static int session(world_t *w, run_t *run);
static int step(int rc);
static int fails(void);


/* which call fails; 0 none */
static unsigned  failing, calls, failed;

/* steps that were content with it */
static unsigned  ignored;


int
main(void)
{
    failures(NULL, HARS_AKA_X25519_AES);
    failures(NULL, HARS_AKA_X25519_CHACHA);
    failures(NULL, HARS_AKA_SYM_AES);
    failures(NULL, HARS_AKA_SYM_CHACHA);
    failures("paper", HARS_AKA_SYM_AES);

    return tap_done();
}


static void
failures(const char *profile, unsigned suite)
{
    int             rc;
    run_t           run;
    unsigned        n, taken, stuck, left;
    static world_t  start, w;

    world_make(&start, profile, suite, 200 + suite);
    (void) world_session(&start, 0, 0, &run);
    taken = stuck = left = ignored = 0;

    for (n = 1; /* void */ ; n++) {
        w = start;
        memset(&run, 0, sizeof(run));
        calls = failed = 0;
        failing = n;
        rc = session(&w, &run);
        failing = 0;

        if (!failed) {
            break;
        }

        taken += rc == HARS_AKA_OK || run.at_device.confirmed;
        left += !run.t.waiting && memcmp(run.t.r, (char[32]) { 0 }, 32) != 0;

        stuck += profile == NULL && world_session(&w, 0, 0, &run) != 0;
    }

    ok(rc == HARS_AKA_OK && n > 10 && taken == 0 && ignored == 0,
       "%s %02x: %u calls, each one's failure ends its step",
       start.profile->name, suite, n - 1);
    ok(stuck == 0, "%s %02x: ... and the next one succeeds",
       start.profile->name, suite);
    ok(left == 0, "%s %02x: ... nothing stays of an attempt that did not "
       "begin", start.profile->name, suite);
}


/* world_session(); the step that a failure belongs to is the last one */
static int
session(world_t *w, run_t *run)
{
    return step(world_m1(w, 0, run))
           || step(world_m2(w, 0, run, run->m1, w->profile->m1))
           || step(world_m3(w, run->m2, w->profile->m2, run))
           || step(world_m4(w, 0, run))
           || step(world_end(w, 0, run));
}


static int
step(int rc)
{
    ignored += failed && rc == HARS_AKA_OK;

    return rc != HARS_AKA_OK;
}


static int
fails(void)
{
    if (world_own) {
        return 0;
    }

    calls++;
    failed |= failing && calls == failing;

    return failing && calls == failing;
}


int
__wrap_hars_aka_sha256(unsigned char *hash, const hars_aka_part_t *part,
    unsigned n)
{
    return fails() ? HARS_AKA_ERROR : __real_hars_aka_sha256(hash, part, n);
}


int
__wrap_hars_aka_seal(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *text, size_t len, unsigned char *sealed)
{
    return fails() ? HARS_AKA_ERROR
                   : __real_hars_aka_seal(suite, key, nonce, aad, aad_len,
                                          text, len, sealed);
}


int
__wrap_hars_aka_open(unsigned suite, const unsigned char *key,
    const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
    const unsigned char *sealed, size_t len, unsigned char *text)
{
    return fails() ? HARS_AKA_ERROR
                   : __real_hars_aka_open(suite, key, nonce, aad, aad_len,
                                          sealed, len, text);
}


int
__wrap_hars_aka_x25519(unsigned char *out, const unsigned char *scalar,
    const unsigned char *point)
{
    return fails() ? HARS_AKA_ERROR
                   : __real_hars_aka_x25519(out, scalar, point);
}


int
__wrap_hars_aka_x25519_base(unsigned char *out, const unsigned char *scalar)
{
    return fails() ? HARS_AKA_ERROR
                   : __real_hars_aka_x25519_base(out, scalar);
}
