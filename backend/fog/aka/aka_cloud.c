
/*
 * See aka_cloud.h for what this is.  Here is what the cloud server computes
 * of an M2, in the order of its keys: K_j opens M2, then K_i and z0 open the
 * M1 inside, then e_c, hedged with x and the whole M2, makes M3 for both.
 * It decides nothing: aka_admit.c does.
 *
 * SPEC 5.2 (keys), 5.4 (M3, SK), 5.7 (ERR).
 */

#include "aka_cloud.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


static int hars_aka_cloud_open(unsigned suite, const unsigned char *key,
    const unsigned char *z, unsigned nz, const char *label,
    const unsigned char *aad, size_t aad_len, unsigned char *r,
    uint64_t *ctr, uint64_t *ts);
static int hars_aka_cloud_box_i(const hars_aka_request_t *request,
    const unsigned char *e, const unsigned char *th, const unsigned char *r3,
    const unsigned char *seed, unsigned char *box);
static int hars_aka_cloud_box_j(const hars_aka_request_t *request,
    const unsigned char *e, const unsigned char *r3,
    const unsigned char *seed, hars_aka_m3_t *m3);


int
hars_aka_cloud_init(hars_aka_cloud_t *cloud, const unsigned char x[32],
    const unsigned char sk[32])
{
    memcpy(cloud->x, x, 32);
    memcpy(cloud->sk, sk, 32);

    return hars_aka_x25519_base(cloud->pk, sk);
}


int
hars_aka_cloud_key(const hars_aka_cloud_t *cloud, const hars_aka_row_t *row,
    unsigned char key[HARS_AKA_KEY])
{
    return hars_aka_root(key, cloud->x, row->kind, row->id, row->id_len,
                         row->gen);
}


int
hars_aka_cloud_read(hars_aka_request_t *request, const unsigned char *m2,
    size_t len)
{
    const hars_aka_m2_t  *m;

    m = hars_aka_m2(m2, len);
    request->stage = 0;

    if (m == NULL) {
        return HARS_AKA_MALFORMED;
    }

    memcpy(request->m2, m, HARS_AKA_M2);
    request->stage = 1;

    return HARS_AKA_OK;
}


const unsigned char *
hars_aka_cloud_pid_j(const hars_aka_request_t *request)
{
    return ((const hars_aka_m2_t *) request->m2)->pid;
}


const unsigned char *
hars_aka_cloud_pid_i(const hars_aka_request_t *request)
{
    return ((const hars_aka_m2_t *) request->m2)->m1.pid;
}


int
hars_aka_cloud_open_m2(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const unsigned char *id, size_t id_len,
    uint32_t gen)
{
    int             rc;
    const unsigned  suite = request->m2[2];

    if (request->stage != 1) {
        return HARS_AKA_ERROR;
    }

    rc = hars_aka_root(request->key_j, cloud->x, HARS_AKA_FOG, id, id_len,
                       gen);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_cloud_open(suite, request->key_j, NULL, 0,
                                 "fogaka1 m2", request->m2, HARS_AKA_A2,
                                 request->r2, &request->ctr_j,
                                 &request->ts_j);
    }

    if (rc == HARS_AKA_OK) {
        request->stage = 2;

    } else {
        hars_aka_wipe(request->key_j, 32);
    }

    return rc;
}


int
hars_aka_cloud_open_m1(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const unsigned char *id, size_t id_len,
    uint32_t gen)
{
    int                   rc;
    const hars_aka_m1_t  *m1 = &((const hars_aka_m2_t *) request->m2)->m1;

    if (request->stage != 2) {
        return HARS_AKA_ERROR;
    }

    rc = hars_aka_root(request->key_i, cloud->x, HARS_AKA_DEVICE, id, id_len,
                       gen);

    if (rc == HARS_AKA_OK) {
        /* z0 = X25519(sk_cs, E_i) */
        rc = hars_aka_shared(m1->head.suite, request->z0, cloud->sk, m1->e);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_cloud_open(m1->head.suite, request->key_i, request->z0,
                                 1, "fogaka1 m1", (const unsigned char *) m1,
                                 HARS_AKA_A1, request->r1, &request->ctr_i,
                                 &request->ts_i);
    }

    if (rc == HARS_AKA_OK) {
        request->stage = 3;

    } else {
        hars_aka_wipe(request->key_i, 32);
        hars_aka_wipe(request->z0, 32);
    }

    return rc;
}


/* r | ctr | ts of M1 or M2; the sealed bytes stand behind the AAD */
static int
hars_aka_cloud_open(unsigned suite, const unsigned char *key,
    const unsigned char *z, unsigned nz, const char *label,
    const unsigned char *aad, size_t aad_len, unsigned char *r,
    uint64_t *ctr, uint64_t *ts)
{
    int                    rc;
    unsigned char          salt[32], once[32];
    hars_aka_plain_t       plain;
    const hars_aka_part_t  a = { aad, aad_len };

    rc = hars_aka_sha256(salt, &a, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(suite, once, key, z, nz, salt, label);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_open(suite, once, hars_aka_no_nonce, aad, aad_len,
                           aad + aad_len, HARS_AKA_PLAIN,
                           (unsigned char *) &plain);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(r, plain.r, 32);
        *ctr = hars_aka_get(plain.ctr, 8);
        *ts = hars_aka_get(plain.ts, 8);
    }

    hars_aka_wipe(once, sizeof(once));
    hars_aka_wipe(&plain, sizeof(plain));

    return rc;
}


int
hars_aka_cloud_m3(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, const unsigned char rnd[HARS_AKA_RND],
    const unsigned char seed_i[HARS_AKA_SEED],
    const unsigned char seed_j[HARS_AKA_SEED],
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session)
{
    int                    rc;
    unsigned char          e[32], r3[32], ctx[32], th[32], kc[32];
    hars_aka_m3_t          m;
    const unsigned         suite = request->m2[2];
    const hars_aka_part_t  m2 = { request->m2, HARS_AKA_M2 };

    if (request->stage != 3) {
        return HARS_AKA_ERROR;
    }

    memset(session, 0, sizeof(hars_aka_session_t));
    hars_aka_header(&m.head, 3, suite, 0);

    rc = hars_aka_sha256(ctx, &m2, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hedge(e, r3, rnd, cloud->x, ctx, 32);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_point(suite, m.e, e);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_transcript(th, "fogaka1 th", request->m2 + 4,
                                 HARS_AKA_M1, m.e);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_cloud_box_i(request, e, th, r3, seed_i, m.box_i);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_cloud_box_j(request, e, r3, seed_j, &m);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_session_keys(session->sk, kc, session->sid, th,
                                   request->r1, request->r2, r3);
    }

    if (rc == HARS_AKA_OK) {
        session->suite = (unsigned char) suite;
        memcpy(m3, &m, HARS_AKA_M3);
    }

    hars_aka_wipe(e, sizeof(e));
    hars_aka_wipe(r3, sizeof(r3));
    hars_aka_wipe(kc, sizeof(kc));

    return rc;
}


/* k_i = HKDF(K_i|z0|z_i, th, L"ki"), AAD th, r2 | r3 | s_i' */
static int
hars_aka_cloud_box_i(const hars_aka_request_t *request,
    const unsigned char *e, const unsigned char *th, const unsigned char *r3,
    const unsigned char *seed, unsigned char *box)
{
    int                   rc;
    unsigned char         z[64], key[32];
    hars_aka_inside_t     inside;
    const hars_aka_m2_t  *m2 = (const hars_aka_m2_t *) request->m2;

    memcpy(z, request->z0, 32);
    memcpy(inside.peer, request->r2, 32);
    memcpy(inside.r3, r3, 32);
    memcpy(inside.seed, seed, HARS_AKA_SEED);

    rc = hars_aka_shared(m2->head.suite, z + 32, e, m2->m1.e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(m2->head.suite, key, request->key_i, z, 2,
                                  th, "fogaka1 ki");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_seal(m2->head.suite, key, hars_aka_no_nonce, th, 32,
                           (unsigned char *) &inside, HARS_AKA_INSIDE, box);
    }

    hars_aka_wipe(z, sizeof(z));
    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(&inside, sizeof(inside));

    return rc;
}


/* k_j = HKDF(K_j|z_j, th2, L"kj"), AAD th2 | box_i, r1 | r3 | s_j' */
static int
hars_aka_cloud_box_j(const hars_aka_request_t *request,
    const unsigned char *e, const unsigned char *r3,
    const unsigned char *seed, hars_aka_m3_t *m3)
{
    int                   rc;
    unsigned char         z[32], key[32], aad[32 + HARS_AKA_BOX];
    hars_aka_inside_t     inside;
    const hars_aka_m2_t  *m2 = (const hars_aka_m2_t *) request->m2;

    memcpy(inside.peer, request->r1, 32);
    memcpy(inside.r3, r3, 32);
    memcpy(inside.seed, seed, HARS_AKA_SEED);
    memcpy(aad + 32, m3->box_i, HARS_AKA_BOX);

    rc = hars_aka_shared(m2->head.suite, z, e, m2->e);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_transcript(aad, "fogaka1 th2", m2, HARS_AKA_M2, m3->e);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(m2->head.suite, key, request->key_j, z, 1,
                                  aad, "fogaka1 kj");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_seal(m2->head.suite, key, hars_aka_no_nonce, aad,
                           sizeof(aad), (unsigned char *) &inside,
                           HARS_AKA_INSIDE, m3->box_j);
    }

    hars_aka_wipe(z, sizeof(z));
    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(&inside, sizeof(inside));

    return rc;
}


int
hars_aka_cloud_error(const hars_aka_request_t *request,
    const unsigned char *m2, size_t len, unsigned code,
    unsigned char err[HARS_AKA_ERR])
{
    unsigned char          ref[32];
    hars_aka_err_t         m;
    const hars_aka_part_t  part = { m2, len };

    if (hars_aka_sha256(ref, &part, 1) != HARS_AKA_OK) {
        return HARS_AKA_ERROR;
    }

    memset(&m, 0, sizeof(m));
    hars_aka_header(&m.head, HARS_AKA_TYPE_ERR, len > 2 ? m2[2] : 0, code);
    memcpy(m.ref, ref, sizeof(m.ref));

    if (request->stage >= 2
        && hars_aka_error_mac(m.mac, request->key_j, request->m2,
                              (unsigned char *) &m) != HARS_AKA_OK)
    {
        return HARS_AKA_ERROR;
    }

    memcpy(err, &m, HARS_AKA_ERR);

    return HARS_AKA_OK;
}


void
hars_aka_cloud_wipe(hars_aka_request_t *request)
{
    hars_aka_wipe(request, sizeof(hars_aka_request_t));
}
