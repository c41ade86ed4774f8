
/*
 * The cloud server's part: what it computes (aka_cloud.c) and in which order
 * it decides (aka_admit.c, 5.5: cheapest first).  For one M2:
 *
 *   hars_aka_cloud_read()     1     length, both headers
 *   ... the caller looks pid_j up, 2; unknown: REJECTED
 *   hars_aka_admit_fog()      3, 4  M2's tag, ctr_j
 *   ... the fog node's rate, 5: BUSY; pid_i, 6; unknown: PEER_REJECTED
 *   hars_aka_admit_device()   6-8   burns, z0, M1's tag, suite, ctr_i, ts
 *   hars_aka_admit()          9     both rows as they have to be stored, M3
 *   ... the caller commits both rows in one transaction, then sends M3
 *
 * What is not HARS_AKA_OK is the code of hars_aka_cloud_error(), which makes
 * the answer; HARS_AKA_ERROR is answered as INTERNAL.  A request is wiped by
 * hars_aka_cloud_wipe() on every way out.
 */

#ifndef HARS_AKA_CLOUD_H
#define HARS_AKA_CLOUD_H


#include "aka_row.h"


/* an M2 on its way; the first three fields are for the caller */
typedef struct {
    unsigned char  m2[HARS_AKA_M2];
    uint64_t       ctr_i;                /* once its M1 was opened */
    uint64_t       ts_i;
    uint64_t       ctr_j;                /* once M2 was opened */
    uint64_t       ts_j;
    unsigned char  key_i[32];
    unsigned char  key_j[32];
    unsigned char  r1[32];
    unsigned char  r2[32];
    unsigned char  z0[32];
    unsigned char  stage;                /* 1 read, 2 M2 open, 3 M1 open */
} hars_aka_request_t;


/* x and sk_cs, 32 random bytes each; makes pk_cs */
int hars_aka_cloud_init(hars_aka_cloud_t *cloud, const unsigned char x[32],
    const unsigned char sk[32]);

/* K of a row's party, for its registration (5.3) */
int hars_aka_cloud_key(const hars_aka_cloud_t *cloud,
    const hars_aka_row_t *row, unsigned char key[HARS_AKA_KEY]);

/* HARS_AKA_OK or HARS_AKA_MALFORMED */
int hars_aka_cloud_read(hars_aka_request_t *request, const unsigned char *m2,
    size_t len);

/* the two pseudonyms of what was read, 16 bytes each */
const unsigned char *hars_aka_cloud_pid_j(const hars_aka_request_t *request);
const unsigned char *hars_aka_cloud_pid_i(const hars_aka_request_t *request);

/*
 * Opens M2 (K_j of id, gen) and then its M1 (K_i, z0).  HARS_AKA_DROP: the
 * tag is wrong.  hars_aka_admit_*() call these; no rule of a row is in them.
 */
int hars_aka_cloud_open_m2(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const unsigned char *id, size_t id_len,
    uint32_t gen);
int hars_aka_cloud_open_m1(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const unsigned char *id, size_t id_len,
    uint32_t gen);

/* M3 of a request with both open, telling the seeds; the session's keys */
int hars_aka_cloud_m3(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, const unsigned char rnd[HARS_AKA_RND],
    const unsigned char seed_i[HARS_AKA_SEED],
    const unsigned char seed_j[HARS_AKA_SEED],
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session);

/*
 * REJECTED: the pseudonym is not the n-th of this row, M2's tag, its counter,
 * a revoked fog node.
 */
int hars_aka_admit_fog(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const hars_aka_row_t *row_j, unsigned n);

/*
 * PEER_REJECTED: the same of the device, and burnt, or ts is not within 120 s
 * of "now" (ms); SUITE: authentic, but not the row's suite.  Where M1's tag
 * is wrong row_i->burnt and t_last have changed: keep the row (in memory is
 * enough, it goes to the database with the next session).
 */
int hars_aka_admit_device(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n,
    int64_t now);

/*
 * The new state of both rows, M3 and the provisional session; looks again at
 * counters and seeds, which other sessions may have moved since.  "rnd",
 * "fresh_i", "fresh_j": 32 random new bytes each.  Anything but HARS_AKA_OK
 * leaves the rows as they were.
 */
int hars_aka_admit(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n_i,
    hars_aka_row_t *row_j, unsigned n_j,
    const unsigned char rnd[HARS_AKA_RND],
    const unsigned char fresh_i[HARS_AKA_SEED],
    const unsigned char fresh_j[HARS_AKA_SEED], int64_t now,
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session);

/*
 * ERR about the "len" bytes that came, with its mac where M2 was authentic.
 * "request" may be one of which reading failed.
 */
int hars_aka_cloud_error(const hars_aka_request_t *request,
    const unsigned char *m2, size_t len, unsigned code,
    unsigned char err[HARS_AKA_ERR]);

void hars_aka_cloud_wipe(hars_aka_request_t *request);


#endif /* HARS_AKA_CLOUD_H */
