
/*
 * See aka_paper.h for what this is.  Left of each step its formula, with + for
 * xor and | for concatenation.  The order is the text's: the database is
 * updated before M3 leaves, the fog node checks nothing of M1, nobody
 * confirms, a pseudonym is replaced for good.
 *
 * SPEC section 2.
 */

#include "aka_paper.h"
#include "aka_keys.h"
#include "aka_paper_private.h"

#include <string.h>


static int hars_paper_mask(unsigned char out[32], const unsigned char *in,
    const unsigned char *s, const unsigned char *pid);
static int hars_paper_v(unsigned char v[32], const unsigned char *id,
    size_t id_len, const unsigned char *s, const unsigned char *pid,
    const unsigned char *r, const unsigned char *v1);
static int hars_paper_box(unsigned seal, const unsigned char *id,
    size_t id_len, const unsigned char *s, const unsigned char *r,
    const unsigned char *in, unsigned char *out);
static int hars_paper_finish(const unsigned char *r1,
    const unsigned char *r2, const unsigned char *r3, const unsigned char *v3,
    unsigned char *pid, hars_aka_session_t *session);
static int hars_paper_session(const unsigned char *r1,
    const unsigned char *r2, const unsigned char *r3,
    hars_aka_session_t *session);


/* S = h(ID|x) */
int
hars_paper_key(const hars_aka_cloud_t *cloud, const hars_aka_row_t *row,
    unsigned char key[HARS_AKA_KEY])
{
    return hars_paper_hash(key, row->id, row->id_len, cloud->x, 32, NULL, 0);
}


int
hars_paper_device_advance(hars_aka_device_t *device)
{
    (void) device;

    return HARS_AKA_OK;
}


/* X = r1 + h(S_i|PID_i), V1 = h(ID_i|S_i|PID_i|r1) */
int
hars_paper_device_m1(const hars_aka_device_t *device,
    const unsigned char rnd[HARS_AKA_RND], uint64_t ts, hars_aka_try_t *t,
    unsigned char m1[HARS_AKA_M1])
{
    (void) ts;

    hars_aka_wipe(t, sizeof(hars_aka_try_t));
    memcpy(t->r, rnd, 32);
    memcpy(t->m1, device->seed, 32);

    if (hars_paper_mask(t->m1 + 32, t->r, device->key, device->seed)
        || hars_paper_v(t->m1 + 64, device->id, device->id_len, device->key,
                        device->seed, t->r, NULL))
    {
        hars_aka_wipe(t, sizeof(hars_aka_try_t));
        return HARS_AKA_ERROR;
    }

    t->waiting = 1;
    memcpy(m1, t->m1, HARS_PAPER_M1);

    return HARS_AKA_OK;
}


int
hars_paper_device_m4(hars_aka_device_t *device, hars_aka_try_t *t,
    const unsigned char *m4, size_t len, hars_aka_session_t *session)
{
    int            rc;
    unsigned char  in[96];

    if (len != HARS_PAPER_M4 || !t->waiting) {
        return HARS_AKA_DROP;
    }

    /* k_i = h(ID_i|S_i|r1), r2 | r3 | V3 */

    rc = hars_paper_box(0, device->id, device->id_len, device->key, t->r, m4,
                        in);
    if (rc == HARS_AKA_OK) {
        rc = hars_paper_finish(t->r, in, in + 32, in + 64, device->seed,
                               session);
    }

    if (rc == HARS_AKA_OK) {
        hars_aka_wipe(t, sizeof(hars_aka_try_t));
    }

    hars_aka_wipe(in, sizeof(in));

    return rc;
}


int
hars_paper_fog_advance(hars_aka_fog_t *fog)
{
    (void) fog;

    return HARS_AKA_OK;
}


/* Y = r2 + h(S_j|PID_j), V2 = h(ID_j|S_j|PID_j|r2|V1) */
int
hars_paper_fog_m2(const hars_aka_fog_t *fog, const unsigned char *m1,
    size_t len, const unsigned char rnd[HARS_AKA_RND], uint64_t ts,
    hars_aka_relay_t *relay, unsigned char m2[HARS_AKA_M2])
{
    (void) ts;

    if (len != HARS_PAPER_M1) {
        return HARS_AKA_DROP;
    }

    memcpy(relay->m2, m1, HARS_PAPER_M1);
    memcpy(relay->m2 + 96, fog->seed, 32);
    memcpy(relay->r, rnd, 32);

    if (hars_paper_mask(relay->m2 + 128, rnd, fog->key, fog->seed)
        || hars_paper_v(relay->m2 + 160, fog->id, fog->id_len, fog->key,
                        fog->seed, rnd, m1 + 64))
    {
        hars_aka_wipe(relay, sizeof(hars_aka_relay_t));
        return HARS_AKA_ERROR;
    }

    relay->waiting = 1;
    memcpy(m2, relay->m2, HARS_PAPER_M2);

    return HARS_AKA_OK;
}


int
hars_paper_fog_m3(hars_aka_fog_t *fog, hars_aka_relay_t *relay,
    const unsigned char *m3, size_t len, int64_t now,
    unsigned char m4[HARS_AKA_M4], hars_aka_session_t *session)
{
    int            rc;
    unsigned char  in[96];

    if (len != HARS_PAPER_M3 || !relay->waiting) {
        return HARS_AKA_DROP;
    }

    /* k_j = h(ID_j|S_j|r2), r1 | r3 | V3 */

    rc = hars_paper_box(0, fog->id, fog->id_len, fog->key, relay->r, m3, in);

    if (rc == HARS_AKA_OK) {
        rc = hars_paper_finish(in, relay->r, in + 32, in + 64, fog->seed,
                               session);
    }

    if (rc == HARS_AKA_OK) {
        session->since = now;
        memcpy(m4, m3 + HARS_PAPER_BOX, HARS_PAPER_M4);
        hars_aka_wipe(relay, sizeof(hars_aka_relay_t));
    }

    hars_aka_wipe(in, sizeof(in));

    return rc;
}


unsigned
hars_paper_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID_MAX])
{
    memcpy(pid[0], row->seed[HARS_AKA_CUR], HARS_PAPER_PID);

    return 1;
}


int
hars_paper_read(hars_aka_request_t *request, const unsigned char *m2,
    size_t len)
{
    request->stage = 0;

    if (len != HARS_PAPER_M2) {
        return HARS_AKA_MALFORMED;
    }

    memcpy(request->m2, m2, HARS_PAPER_M2);
    request->stage = 1;

    return HARS_AKA_OK;
}


const unsigned char *
hars_paper_pid_j(const hars_aka_request_t *request)
{
    return request->m2 + 96;
}


const unsigned char *
hars_paper_pid_i(const hars_aka_request_t *request)
{
    return request->m2;
}


/* r2 = Y + h(h(ID_j|x)|PID_j), check V2 */
int
hars_paper_admit_fog(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const hars_aka_row_t *row_j, unsigned n)
{
    unsigned char         v2[32];
    const unsigned char  *m2 = request->m2;

    (void) n;

    if (request->stage != 1
        || row_j->kind != HARS_AKA_FOG
        || memcmp(row_j->seed[HARS_AKA_CUR], m2 + 96, 32) != 0)
    {
        return HARS_AKA_REJECTED;
    }

    if (hars_paper_key(cloud, row_j, request->key_j)
        || hars_paper_mask(request->r2, m2 + 128, request->key_j, m2 + 96)
        || hars_paper_v(v2, row_j->id, row_j->id_len, request->key_j, m2 + 96,
                        request->r2, m2 + 64))
    {
        return HARS_AKA_ERROR;
    }

    if (!hars_aka_equal(v2, m2 + 160, 32)) {
        return HARS_AKA_REJECTED;
    }

    request->stage = 2;

    return HARS_AKA_OK;
}


/* r1 = X + h(h(ID_i|x)|PID_i), check V1 */
int
hars_paper_admit_device(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n,
    int64_t now)
{
    unsigned char         v1[32];
    const unsigned char  *m1 = request->m2;

    (void) n;
    (void) now;

    if (request->stage != 2
        || row_i->kind != HARS_AKA_DEVICE
        || memcmp(row_i->seed[HARS_AKA_CUR], m1, 32) != 0)
    {
        return HARS_AKA_PEER_REJECTED;
    }

    if (hars_paper_key(cloud, row_i, request->key_i)
        || hars_paper_mask(request->r1, m1 + 32, request->key_i, m1)
        || hars_paper_v(v1, row_i->id, row_i->id_len, request->key_i, m1,
                        request->r1, NULL))
    {
        return HARS_AKA_ERROR;
    }

    if (!hars_aka_equal(v1, m1 + 64, 32)) {
        return HARS_AKA_PEER_REJECTED;
    }

    request->stage = 3;

    return HARS_AKA_OK;
}


/* the pseudonyms are replaced, then M3 = {E_j, E_i} is made */
int
hars_paper_admit(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n_i,
    hars_aka_row_t *row_j, unsigned n_j,
    const unsigned char rnd[HARS_AKA_RND],
    const unsigned char fresh_i[HARS_AKA_SEED],
    const unsigned char fresh_j[HARS_AKA_SEED], int64_t now,
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session)
{
    int                   rc;
    unsigned char         in[96], v3[32], text[64], pid_i[32], pid_j[32];
    const unsigned char  *r1 = request->r1, *r2 = request->r2;

    (void) cloud;
    (void) n_i;
    (void) n_j;
    (void) fresh_i;
    (void) fresh_j;

    if (request->stage != 3) {
        return HARS_AKA_ERROR;
    }

    /* V3 = h("V3"|r1|r2|r3), E_j of r1|r3|V3, E_i of r2|r3|V3 */

    memcpy(text, r1, 32);
    memcpy(text + 32, r2, 32);
    rc = hars_paper_hash(v3, "V3", 2, text, 64, rnd, 32);

    memcpy(in, r1, 32);
    memcpy(in + 32, rnd, 32);
    memcpy(in + 64, v3, 32);
    rc |= hars_paper_box(1, row_j->id, row_j->id_len, request->key_j, r2, in,
                         m3);

    memcpy(in, r2, 32);
    rc |= hars_paper_box(1, row_i->id, row_i->id_len, request->key_i, r1, in,
                         m3 + HARS_PAPER_BOX);

    /* PID' = h(PID|r3) */

    rc |= hars_paper_hash(pid_i, row_i->seed[HARS_AKA_CUR], 32, rnd, 32, NULL,
                          0);
    rc |= hars_paper_hash(pid_j, row_j->seed[HARS_AKA_CUR], 32, rnd, 32, NULL,
                          0);
    rc |= hars_paper_session(r1, r2, rnd, session);

    if (rc == 0) {
        memcpy(row_i->seed[HARS_AKA_CUR], pid_i, 32);
        memcpy(row_j->seed[HARS_AKA_CUR], pid_j, 32);
    }

    session->since = now;
    hars_aka_wipe(in, sizeof(in));
    hars_aka_wipe(text, sizeof(text));

    return rc ? HARS_AKA_ERROR : HARS_AKA_OK;
}


void
hars_paper_xor(unsigned char out[32], const unsigned char *a,
    const unsigned char *b)
{
    unsigned  i;

    for (i = 0; i < 32; i++) {
        out[i] = a[i] ^ b[i];
    }
}


/* in + h(S|PID): r to X or Y, and back */
static int
hars_paper_mask(unsigned char out[32], const unsigned char *in,
    const unsigned char *s, const unsigned char *pid)
{
    int            rc;
    unsigned char  mask[32];

    rc = hars_paper_hash(mask, s, 32, pid, 32, NULL, 0);
    hars_paper_xor(out, in, mask);
    hars_aka_wipe(mask, sizeof(mask));

    return rc;
}


/* h(ID|S|PID|r), of a fog node h(ID|S|PID|r|V1) */
static int
hars_paper_v(unsigned char v[32], const unsigned char *id, size_t id_len,
    const unsigned char *s, const unsigned char *pid, const unsigned char *r,
    const unsigned char *v1)
{
    const hars_aka_part_t  part[] = {
        { id, id_len }, { s, 32 }, { pid, 32 }, { r, 32 }, { v1, 32 }
    };

    return hars_aka_sha256(v, part, v1 ? 5 : 4);
}


/* E or D under k = h(ID|S|r) */
static int
hars_paper_box(unsigned seal, const unsigned char *id, size_t id_len,
    const unsigned char *s, const unsigned char *r, const unsigned char *in,
    unsigned char *out)
{
    int            rc;
    unsigned char  k[32];

    rc = hars_paper_hash(k, id, id_len, s, 32, r, 32);

    if (rc == HARS_AKA_OK && seal) {
        rc = hars_aka_seal(HARS_AKA_SYM_AES, k, hars_aka_no_nonce, NULL, 0,
                           in, 96, out);

    } else if (rc == HARS_AKA_OK) {
        rc = hars_aka_open(HARS_AKA_SYM_AES, k, hars_aka_no_nonce, NULL, 0,
                           in, 96, out);
    }

    hars_aka_wipe(k, sizeof(k));

    return rc;
}


/* check V3, PID <- h(PID|r3), SK */
static int
hars_paper_finish(const unsigned char *r1, const unsigned char *r2,
    const unsigned char *r3, const unsigned char *v3, unsigned char *pid,
    hars_aka_session_t *session)
{
    int                 rc;
    unsigned char       have[32], text[64], next[32];
    hars_aka_session_t  made;

    memcpy(text, r1, 32);
    memcpy(text + 32, r2, 32);

    rc = hars_paper_hash(have, "V3", 2, text, 64, r3, 32);

    if (rc == HARS_AKA_OK && !hars_aka_equal(have, v3, 32)) {
        rc = HARS_AKA_DROP;
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_paper_session(r1, r2, r3, &made);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_paper_hash(next, pid, 32, r3, 32, NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(pid, next, 32);
        *session = made;
    }

    hars_aka_wipe(text, sizeof(text));
    hars_aka_wipe(&made, sizeof(made));

    return rc;
}


/* SK = h(r1|r2|r3) */
static int
hars_paper_session(const unsigned char *r1, const unsigned char *r2,
    const unsigned char *r3, hars_aka_session_t *session)
{
    int            rc;
    unsigned char  name[32];

    memset(session, 0, sizeof(hars_aka_session_t));

    rc = hars_paper_hash(session->sk, r1, 32, r2, 32, r3, 32);
    rc |= hars_paper_hash(name, "sid", 3, session->sk, 32, NULL, 0);

    memcpy(session->sid, name, HARS_AKA_SID);
    session->suite = HARS_AKA_SYM_AES;
    session->confirmed = 1;

    return rc ? HARS_AKA_ERROR : HARS_AKA_OK;
}


int
hars_paper_hash(unsigned char *hash, const void *a, size_t a_len,
    const void *b, size_t b_len, const void *c, size_t c_len)
{
    const hars_aka_part_t  part[] = {
        { a, a_len }, { b, b_len }, { c, c_len }
    };

    return hars_aka_sha256(hash, part, 3);
}
