
/*
 * See aka_fognode.h for what this is.  Of M1 it looks at length and header
 * alone: what is in it only the cloud server can tell.  The cloud server's
 * answer opens under K_j and e_j and covers, as authenticated data, the whole
 * M2, E_c and the box that goes on to the device.
 *
 * A new seed is taken only where the one that M2 went out under is still the
 * present one: M3 of several sessions come in any order, and an older one
 * would bring back a seed that the cloud server has left (SPIN: V1BAD).
 *
 * SPEC 5.4 (messages), 5.5 (FN), 5.7 (errors).
 */

#include "aka_fognode.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


static int hars_aka_fog_seal(const hars_aka_fog_t *fog,
    hars_aka_relay_t *relay, uint64_t ts);
static int hars_aka_fog_open(const hars_aka_fog_t *fog,
    const hars_aka_relay_t *relay, const hars_aka_m3_t *m3,
    hars_aka_inside_t *inside);
static int hars_aka_fog_m4(const hars_aka_relay_t *relay,
    const hars_aka_m3_t *m3, const hars_aka_inside_t *inside,
    unsigned char *m4, hars_aka_session_t *session);


void
hars_aka_fog_make(hars_aka_fog_t *fog, const unsigned char key[HARS_AKA_KEY],
    const unsigned char seed[HARS_AKA_SEED])
{
    memset(fog, 0, sizeof(hars_aka_fog_t));
    memcpy(fog->key, key, HARS_AKA_KEY);
    memcpy(fog->seed, seed, HARS_AKA_SEED);
    fog->n = HARS_AKA_FAN - 1;
}


int
hars_aka_fog_advance(hars_aka_fog_t *fog)
{
    if (fog->ctr == UINT64_MAX) {
        return HARS_AKA_SPENT;
    }

    fog->ctr++;
    fog->n = (fog->n + 1) % HARS_AKA_FAN;

    return HARS_AKA_OK;
}


int
hars_aka_fog_m2(const hars_aka_fog_t *fog, const unsigned char *m1,
    size_t len, const unsigned char rnd[HARS_AKA_RND], uint64_t ts,
    hars_aka_relay_t *relay, unsigned char m2[HARS_AKA_M2])
{
    int                   rc;
    unsigned char         ctr[8];
    hars_aka_m2_t        *m = (hars_aka_m2_t *) relay->m2;
    const hars_aka_m1_t  *asked;

    asked = hars_aka_m1(m1, len);

    if (asked == NULL) {
        return HARS_AKA_DROP;
    }

    /* rebuilding its own M2, after 10 REJECTED, "m1" is a part of it */

    memmove(&m->m1, asked, HARS_AKA_M1);
    hars_aka_header(&m->head, 2, m->m1.head.suite, 0);
    memcpy(relay->seed, fog->seed, HARS_AKA_SEED);
    hars_aka_put(ctr, 8, fog->ctr);

    rc = hars_aka_pid(m->pid, fog->seed, fog->n);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hedge(relay->e, relay->r, rnd, fog->key, ctr, 8);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_point(m->head.suite, m->e, relay->e);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_fog_seal(fog, relay, ts);
    }

    if (rc != HARS_AKA_OK) {
        hars_aka_fog_forget(relay);
        return rc;
    }

    relay->waiting = 1;
    memcpy(m2, relay->m2, HARS_AKA_M2);

    return HARS_AKA_OK;
}


/* key HKDF(K_j, SHA256(A2), L"m2"), AAD A2, r2 | ctr_j | ts */
static int
hars_aka_fog_seal(const hars_aka_fog_t *fog, hars_aka_relay_t *relay,
    uint64_t ts)
{
    int                    rc;
    unsigned char          salt[32], key[HARS_AKA_KEY];
    hars_aka_m2_t         *m = (hars_aka_m2_t *) relay->m2;
    hars_aka_plain_t       plain;
    const hars_aka_part_t  a2 = { relay->m2, HARS_AKA_A2 };

    memcpy(plain.r, relay->r, 32);
    hars_aka_put(plain.ctr, 8, fog->ctr);
    hars_aka_put(plain.ts, 8, ts);

    rc = hars_aka_sha256(salt, &a2, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(m->head.suite, key, fog->key, NULL, 0, salt,
                                  "fogaka1 m2");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_seal(m->head.suite, key, hars_aka_no_nonce, relay->m2,
                           HARS_AKA_A2, (unsigned char *) &plain,
                           HARS_AKA_PLAIN, m->sealed);
    }

    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(&plain, sizeof(plain));

    return rc;
}


int
hars_aka_fog_m3(hars_aka_fog_t *fog, hars_aka_relay_t *relay,
    const unsigned char *m3, size_t len, int64_t now,
    unsigned char m4[HARS_AKA_M4], hars_aka_session_t *session)
{
    int                   rc;
    const unsigned        suite = relay->m2[2];
    hars_aka_inside_t     inside;
    const hars_aka_m3_t  *m;

    m = hars_aka_m3(m3, len, suite);

    if (m == NULL || !relay->waiting) {
        return HARS_AKA_DROP;
    }

    rc = hars_aka_fog_open(fog, relay, m, &inside);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_fog_m4(relay, m, &inside, m4, session);
    }

    if (rc == HARS_AKA_OK) {
        session->suite = (unsigned char) suite;
        session->since = now;
        session->confirmed = 0;

        if (hars_aka_equal(fog->seed, relay->seed, HARS_AKA_SEED)) {
            memcpy(fog->seed, inside.seed, HARS_AKA_SEED);
            fog->n = HARS_AKA_FAN - 1;
        }

        hars_aka_fog_forget(relay);
    }

    hars_aka_wipe(&inside, sizeof(inside));

    return rc;
}


/* k_j = HKDF(K_j|z_j, th2, L"kj"), AAD th2 | box_i */
static int
hars_aka_fog_open(const hars_aka_fog_t *fog, const hars_aka_relay_t *relay,
    const hars_aka_m3_t *m3, hars_aka_inside_t *inside)
{
    int             rc;
    unsigned char   z[32], key[HARS_AKA_KEY], aad[32 + HARS_AKA_BOX];
    const unsigned  suite = relay->m2[2];

    rc = hars_aka_shared(suite, z, relay->e, m3->e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_transcript(aad, "fogaka1 th2", relay->m2, HARS_AKA_M2,
                                 m3->e);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(aad + 32, m3->box_i, HARS_AKA_BOX);
        rc = hars_aka_message_key(suite, key, fog->key, z, 1, aad,
                                  "fogaka1 kj");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_open(suite, key, hars_aka_no_nonce, aad, sizeof(aad),
                           m3->box_j, HARS_AKA_INSIDE,
                           (unsigned char *) inside);
    }

    hars_aka_wipe(z, sizeof(z));
    hars_aka_wipe(key, sizeof(key));

    return rc;
}


static int
hars_aka_fog_m4(const hars_aka_relay_t *relay, const hars_aka_m3_t *m3,
    const hars_aka_inside_t *inside, unsigned char *m4,
    hars_aka_session_t *session)
{
    int                   rc;
    unsigned char         th[32], kc[32];
    hars_aka_m4_t         m;
    hars_aka_session_t    made;
    const hars_aka_m2_t  *m2 = (const hars_aka_m2_t *) relay->m2;

    hars_aka_header(&m.head, 4, m2->head.suite, 0);
    memcpy(m.e, m3->e, 32);
    memcpy(m.box_i, m3->box_i, HARS_AKA_BOX);
    memset(&made, 0, sizeof(made));

    rc = hars_aka_transcript(th, "fogaka1 th", &m2->m1, HARS_AKA_M1, m3->e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_session_keys(made.sk, kc, made.sid, th, inside->peer,
                                   relay->r, inside->r3);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_confirmation(m.fc, kc, th, (unsigned char *) &m);
    }

    if (rc == HARS_AKA_OK) {
        *session = made;
        memcpy(m4, &m, HARS_AKA_M4);
    }

    hars_aka_wipe(kc, sizeof(kc));
    hars_aka_wipe(&made, sizeof(made));

    return rc;
}


int
hars_aka_fog_error(const hars_aka_fog_t *fog, const hars_aka_relay_t *relay,
    const unsigned char *err, size_t len)
{
    int                         authentic, hint;
    unsigned char               ref[32], mac[16];
    const hars_aka_err_t       *m;
    const hars_aka_part_t       request = { relay->m2, HARS_AKA_M2 };
    static const unsigned char  none[16];

    m = hars_aka_err(err, len);

    if (m == NULL || !relay->waiting || m->head.suite != relay->m2[2]
        || hars_aka_sha256(ref, &request, 1) != HARS_AKA_OK
        || memcmp(m->ref, ref, sizeof(m->ref)) != 0
        || hars_aka_error_mac(mac, fog->key, relay->m2, err) != HARS_AKA_OK)
    {
        return HARS_AKA_DROP;
    }

    authentic = hars_aka_equal(mac, m->mac, sizeof(mac));
    hint = authentic || hars_aka_equal(none, m->mac, sizeof(none));
    hars_aka_wipe(mac, sizeof(mac));

    switch (m->head.code) {

    case HARS_AKA_MALFORMED:
    case HARS_AKA_REJECTED:
        return hint ? m->head.code : HARS_AKA_DROP;

    case HARS_AKA_SUITE:
    case HARS_AKA_PEER_REJECTED:
    case HARS_AKA_BUSY:
    case HARS_AKA_INTERNAL:
        return authentic ? m->head.code : HARS_AKA_DROP;

    default:
        return HARS_AKA_DROP;
    }
}


int
hars_aka_fog_refusal(const hars_aka_relay_t *relay,
    unsigned char err[HARS_AKA_ERR])
{
    unsigned char          ref[32];
    hars_aka_err_t         m;
    const hars_aka_m2_t   *m2 = (const hars_aka_m2_t *) relay->m2;
    const hars_aka_part_t  request = { &m2->m1, HARS_AKA_M1 };

    if (hars_aka_sha256(ref, &request, 1) != HARS_AKA_OK) {
        return HARS_AKA_ERROR;
    }

    memset(&m, 0, sizeof(m));
    hars_aka_header(&m.head, HARS_AKA_TYPE_ERR, m2->head.suite,
                    HARS_AKA_REJECTED);
    memcpy(m.ref, ref, sizeof(m.ref));
    memcpy(err, &m, HARS_AKA_ERR);

    return HARS_AKA_OK;
}


void
hars_aka_fog_forget(hars_aka_relay_t *relay)
{
    hars_aka_wipe(relay, sizeof(hars_aka_relay_t));
}


void
hars_aka_fog_wipe(hars_aka_fog_t *fog)
{
    hars_aka_wipe(fog, sizeof(hars_aka_fog_t));
}
