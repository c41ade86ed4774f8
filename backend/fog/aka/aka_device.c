
/*
 * See aka_device.h for what this is.  M1 tells nobody but the cloud server
 * who sends it; M4 is taken only where the box opens under what this attempt
 * alone knows (K_i, e_i, r1) and the fog node has shown, by fc, that it has
 * the same three randoms.  Whatever else comes is dropped without a trace.
 *
 * SPEC 5.3 (flash image), 5.4 (messages), 5.5 (SWMD).
 */

#include "aka_device.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


#define HARS_AKA_IMAGE  1             /* version of the flash image */


static int hars_aka_device_seal(const hars_aka_device_t *device,
    hars_aka_try_t *t, uint64_t ts);
static int hars_aka_device_open(const hars_aka_device_t *device,
    const hars_aka_try_t *t, const hars_aka_m4_t *m4, const unsigned char *th,
    hars_aka_inside_t *inside);
static int hars_aka_device_check(const hars_aka_try_t *t,
    const hars_aka_m4_t *m4, const unsigned char *th,
    const hars_aka_inside_t *inside, hars_aka_session_t *session);


int
hars_aka_device_make(hars_aka_device_t *device, const unsigned char *id,
    size_t id_len, unsigned suite, uint32_t gen,
    const unsigned char key[HARS_AKA_KEY],
    const unsigned char seed[HARS_AKA_SEED], const unsigned char pk_cs[32])
{
    if (id_len == 0 || id_len > HARS_AKA_ID_MAX
        || !hars_aka_suite_known(suite))
    {
        return HARS_AKA_ERROR;
    }

    memset(device, 0, sizeof(hars_aka_device_t));
    memcpy(device->id, id, id_len);
    device->id_len = (unsigned char) id_len;
    device->suite = (unsigned char) suite;
    device->gen = gen;
    device->n = HARS_AKA_FAN - 1;
    memcpy(device->key, key, HARS_AKA_KEY);
    memcpy(device->seed, seed, HARS_AKA_SEED);
    memcpy(device->pk_cs, pk_cs, 32);

    return HARS_AKA_OK;
}


/* ver | suite | gen | a_i | wrapped | fv | s | n | ctr | pk_cs */
void
hars_aka_device_memory(const hars_aka_device_t *device,
    unsigned char image[HARS_AKA_MEMORY])
{
    image[0] = HARS_AKA_IMAGE;
    image[1] = device->suite;
    hars_aka_put(image + 2, 4, device->gen);
    memcpy(image + 6, device->salt, 16);
    memcpy(image + 22, device->wrapped, 32);
    image[54] = device->fv;
    memcpy(image + 55, device->seed, 32);
    image[87] = device->n;
    hars_aka_put(image + 88, 8, device->ctr);
    memcpy(image + 96, device->pk_cs, 32);
}


int
hars_aka_device_recall(hars_aka_device_t *device,
    const unsigned char image[HARS_AKA_MEMORY])
{
    memset(device, 0, sizeof(hars_aka_device_t));

    if (image[0] != HARS_AKA_IMAGE || !hars_aka_suite_known(image[1])
        || image[87] >= HARS_AKA_FAN)
    {
        return HARS_AKA_FLASH;
    }

    device->suite = image[1];
    device->gen = (uint32_t) hars_aka_get(image + 2, 4);
    memcpy(device->salt, image + 6, 16);
    memcpy(device->wrapped, image + 22, 32);
    device->fv = image[54];
    memcpy(device->seed, image + 55, 32);
    device->n = image[87];
    device->ctr = hars_aka_get(image + 88, 8);
    memcpy(device->pk_cs, image + 96, 32);

    return HARS_AKA_OK;
}


int
hars_aka_device_advance(hars_aka_device_t *device)
{
    if (device->ctr == UINT64_MAX) {
        return HARS_AKA_SPENT;
    }

    device->ctr++;
    device->n = (device->n + 1) % HARS_AKA_FAN;

    return HARS_AKA_OK;
}


int
hars_aka_device_m1(const hars_aka_device_t *device,
    const unsigned char rnd[HARS_AKA_RND], uint64_t ts, hars_aka_try_t *t,
    unsigned char m1[HARS_AKA_M1])
{
    int             rc;
    unsigned char   ctr[8];
    hars_aka_m1_t  *m = (hars_aka_m1_t *) t->m1;

    hars_aka_device_forget(t);

    if (!hars_aka_suite_known(device->suite)) {
        return HARS_AKA_ERROR;
    }

    hars_aka_header(&m->head, 1, device->suite, 0);
    hars_aka_put(ctr, 8, device->ctr);

    rc = hars_aka_pid(m->pid, device->seed, device->n);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hedge(t->e, t->r, rnd, device->key, ctr, 8);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_point(device->suite, m->e, t->e);
    }

    if (rc == HARS_AKA_OK) {
        /* z0 = X25519(e_i, pk_cs) */
        rc = hars_aka_shared(device->suite, t->z0, t->e, device->pk_cs);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_device_seal(device, t, ts);
    }

    if (rc != HARS_AKA_OK) {
        hars_aka_device_forget(t);
        return rc;
    }

    t->waiting = 1;
    memcpy(m1, t->m1, HARS_AKA_M1);

    return HARS_AKA_OK;
}


/* key HKDF(K_i|z0, SHA256(A1), L"m1"), AAD A1, r1 | ctr_i | ts */
static int
hars_aka_device_seal(const hars_aka_device_t *device, hars_aka_try_t *t,
    uint64_t ts)
{
    int                    rc;
    unsigned char          salt[32], key[HARS_AKA_KEY];
    hars_aka_m1_t         *m = (hars_aka_m1_t *) t->m1;
    hars_aka_plain_t       plain;
    const hars_aka_part_t  a1 = { t->m1, HARS_AKA_A1 };

    memcpy(plain.r, t->r, 32);
    hars_aka_put(plain.ctr, 8, device->ctr);
    hars_aka_put(plain.ts, 8, ts);

    rc = hars_aka_sha256(salt, &a1, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(device->suite, key, device->key, t->z0, 1,
                                  salt, "fogaka1 m1");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_seal(device->suite, key, hars_aka_no_nonce, t->m1,
                           HARS_AKA_A1, (unsigned char *) &plain,
                           HARS_AKA_PLAIN, m->sealed);
    }

    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(&plain, sizeof(plain));

    return rc;
}


int
hars_aka_device_m4(hars_aka_device_t *device, hars_aka_try_t *t,
    const unsigned char *m4, size_t len, hars_aka_session_t *session)
{
    int                   rc;
    unsigned char         th[32];
    hars_aka_inside_t     inside;
    const hars_aka_m4_t  *m;

    m = hars_aka_m4(m4, len, device->suite);

    if (m == NULL || !t->waiting) {
        return HARS_AKA_DROP;
    }

    rc = hars_aka_transcript(th, "fogaka1 th", t->m1, HARS_AKA_M1, m->e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_device_open(device, t, m, th, &inside);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_device_check(t, m, th, &inside, session);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(device->seed, inside.seed, HARS_AKA_SEED);
        device->n = HARS_AKA_FAN - 1;
        session->suite = device->suite;
        session->confirmed = 1;
        session->since = 0;
        hars_aka_device_forget(t);
    }

    hars_aka_wipe(&inside, sizeof(inside));

    return rc;
}


/* k_i = HKDF(K_i|z0|z_i, th, L"ki"), AAD th */
static int
hars_aka_device_open(const hars_aka_device_t *device,
    const hars_aka_try_t *t, const hars_aka_m4_t *m4, const unsigned char *th,
    hars_aka_inside_t *inside)
{
    int            rc;
    unsigned char  z[64], key[HARS_AKA_KEY];

    memcpy(z, t->z0, 32);

    rc = hars_aka_shared(device->suite, z + 32, t->e, m4->e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(device->suite, key, device->key, z, 2, th,
                                  "fogaka1 ki");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_open(device->suite, key, hars_aka_no_nonce, th, 32,
                           m4->box_i, HARS_AKA_INSIDE,
                           (unsigned char *) inside);
    }

    hars_aka_wipe(z, sizeof(z));
    hars_aka_wipe(key, sizeof(key));

    return rc;
}


/* has the fog node the same key? */
static int
hars_aka_device_check(const hars_aka_try_t *t, const hars_aka_m4_t *m4,
    const unsigned char *th, const hars_aka_inside_t *inside,
    hars_aka_session_t *session)
{
    int                 rc;
    unsigned char       kc[32], fc[16];
    hars_aka_session_t  made;

    rc = hars_aka_session_keys(made.sk, kc, made.sid, th, t->r, inside->peer,
                               inside->r3);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_confirmation(fc, kc, th, (const unsigned char *) m4);
    }

    if (rc == HARS_AKA_OK && !hars_aka_equal(fc, m4->fc, 16)) {
        rc = HARS_AKA_DROP;
    }

    if (rc == HARS_AKA_OK) {
        *session = made;
    }

    hars_aka_wipe(kc, sizeof(kc));
    hars_aka_wipe(fc, sizeof(fc));
    hars_aka_wipe(&made, sizeof(made));

    return rc;
}


int
hars_aka_device_refused(const hars_aka_try_t *t, const unsigned char *err,
    size_t len)
{
    unsigned char           ref[32];
    const hars_aka_err_t   *m;
    const hars_aka_part_t   request = { t->m1, HARS_AKA_M1 };

    m = hars_aka_err(err, len);

    if (m == NULL || !t->waiting || m->head.code != HARS_AKA_REJECTED
        || m->head.suite != t->m1[2]
        || hars_aka_sha256(ref, &request, 1) != HARS_AKA_OK
        || memcmp(m->ref, ref, sizeof(m->ref)) != 0)
    {
        return HARS_AKA_DROP;
    }

    return HARS_AKA_REJECTED;
}


void
hars_aka_device_forget(hars_aka_try_t *t)
{
    hars_aka_wipe(t, sizeof(hars_aka_try_t));
}


void
hars_aka_device_wipe(hars_aka_device_t *device)
{
    hars_aka_wipe(device, sizeof(hars_aka_device_t));
}
