
/*
 * See aka_cloud.h for what this is.  Who is let in, cheapest question first:
 * an M1 costs the cloud server an X25519 only after an authenticated fog node
 * vouched for having received it, under a pseudonym that is known and not
 * burnt.  Nothing of a row changes before the last step but the count of
 * failures.
 *
 * SPEC 5.5 (CS, steps 2 to 9), 5.6.
 */

#include "aka_cloud.h"
#include "aka_crypto.h"

#include <string.h>


static int hars_aka_admit_ts(uint64_t ts, int64_t now);


int
hars_aka_admit_fog(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const hars_aka_row_t *row_j, unsigned n)
{
    int  rc;

    /* 2 */

    if (row_j->kind != HARS_AKA_FOG || row_j->status != HARS_AKA_ACTIVE
        || hars_aka_row_of(row_j, n, hars_aka_cloud_pid_j(request)) < 0)
    {
        return HARS_AKA_REJECTED;
    }

    /* 3 */

    rc = hars_aka_cloud_open_m2(cloud, request, row_j->id, row_j->id_len,
                                row_j->gen);
    if (rc != HARS_AKA_OK) {
        return rc == HARS_AKA_DROP ? HARS_AKA_REJECTED : rc;
    }

    /* 4 */

    return hars_aka_row_is_fresh(row_j, request->ctr_j)
           ? HARS_AKA_OK : HARS_AKA_REJECTED;
}


int
hars_aka_admit_device(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n,
    int64_t now)
{
    int  rc, of;

    /* 6 */

    of = hars_aka_row_of(row_i, n, hars_aka_cloud_pid_i(request));

    if (row_i->kind != HARS_AKA_DEVICE || of < 0
        || hars_aka_row_is_burnt(row_i, (unsigned) of, n, now))
    {
        return HARS_AKA_PEER_REJECTED;
    }

    /* 7 */

    rc = hars_aka_cloud_open_m1(cloud, request, row_i->id, row_i->id_len,
                                row_i->gen);
    if (rc == HARS_AKA_DROP) {
        hars_aka_row_burn(row_i, (unsigned) of, n, now);
        return HARS_AKA_PEER_REJECTED;
    }

    if (rc != HARS_AKA_OK) {
        return rc;
    }

    /* 8 */

    if (row_i->status != HARS_AKA_ACTIVE) {
        return HARS_AKA_PEER_REJECTED;
    }

    if (row_i->suite != request->m2[2]) {
        return HARS_AKA_SUITE;
    }

    if (!hars_aka_row_is_fresh(row_i, request->ctr_i)
        || !hars_aka_admit_ts(request->ts_i, now))
    {
        return HARS_AKA_PEER_REJECTED;
    }

    return HARS_AKA_OK;
}


static int
hars_aka_admit_ts(uint64_t ts, int64_t now)
{
    uint64_t  t = (uint64_t) now;

    return ts == 0 || (ts > t ? ts - t : t - ts) <= HARS_AKA_SKEW_MS;
}


int
hars_aka_admit(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n_i,
    hars_aka_row_t *row_j, unsigned n_j,
    const unsigned char rnd[HARS_AKA_RND],
    const unsigned char fresh_i[HARS_AKA_SEED],
    const unsigned char fresh_j[HARS_AKA_SEED], int64_t now,
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session)
{
    int  rc, of_i, of_j;

    of_i = hars_aka_row_of(row_i, n_i, hars_aka_cloud_pid_i(request));
    of_j = hars_aka_row_of(row_j, n_j, hars_aka_cloud_pid_j(request));

    if (of_j < 0 || !hars_aka_row_is_fresh(row_j, request->ctr_j)) {
        return HARS_AKA_REJECTED;
    }

    /* again: others may have failed while this one was computed on a copy */

    if (of_i < 0 || !hars_aka_row_is_fresh(row_i, request->ctr_i)
        || hars_aka_row_is_burnt(row_i, (unsigned) of_i, n_i, now))
    {
        return HARS_AKA_PEER_REJECTED;
    }

    /* 5.6: under prev the present seed is told again */

    rc = hars_aka_cloud_m3(cloud, request, rnd,
                           of_i == HARS_AKA_CUR ? fresh_i
                                                : row_i->seed[HARS_AKA_CUR],
                           of_j == HARS_AKA_CUR ? fresh_j
                                                : row_j->seed[HARS_AKA_CUR],
                           m3, session);
    if (rc != HARS_AKA_OK) {
        return HARS_AKA_ERROR;
    }

    hars_aka_row_roll(row_i, (unsigned) of_i, fresh_i);
    hars_aka_row_roll(row_j, (unsigned) of_j, fresh_j);
    hars_aka_row_take(row_i, request->ctr_i);
    hars_aka_row_take(row_j, request->ctr_j);
    session->since = now;

    return HARS_AKA_OK;
}
