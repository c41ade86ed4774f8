
/*
 * The paper's scheme (SPEC section 2), for comparison: reached through
 * hars_aka_profile("paper").  Its weaknesses are listed in SPEC section 4 and
 * shown by t/unit/aka_attacks.c; nothing here mends them.
 *
 * The formulas are a reconstruction.  What the text leaves open is chosen so
 * that what falls, falls by the protocol: h is SHA-256 over the plain
 * concatenation, the cipher E is AES-256-GCM with a tag, and sid, which the
 * records of aka_session.h want, is cut from h("sid" | SK).
 *
 * In the structs of aka.h: key is S, seed is PID; gen, suite, n, ctr, e, z0
 * have no meaning.
 */

#ifndef HARS_AKA_PAPER_H
#define HARS_AKA_PAPER_H


#include "aka_cloud.h"


#define HARS_PAPER_PID  32
#define HARS_PAPER_M1   96               /* PID_i | X | V1 */
#define HARS_PAPER_M2   192              /* M1 | PID_j | Y | V2 */
#define HARS_PAPER_BOX  112              /* E: 96 bytes and a tag */
#define HARS_PAPER_M3   224              /* E_j | E_i */
#define HARS_PAPER_M4   112              /* E_i */

/* E_j and E_i count as 256 bits each there (1.3): 12 fields */
#define HARS_PAPER_BITS 3072


/* what a wearable's memory holds after its registration */
typedef struct {
    unsigned char  a[32];                /* A_i = a_i + h(ID|PW) */
    unsigned char  b[32];                /* B_i = S_i + h(PW|a_i) */
    unsigned char  c[32];                /* C_i = h(ID|PW|a_i) */
    unsigned char  pid[32];
} hars_paper_memory_t;

/* ... and a fog node's */
typedef struct {
    unsigned char  b[32];                /* B_j = S_j + h(ID|b_j) */
    unsigned char  d[32];                /* D_j = b_j + h(ID) */
    unsigned char  pid[32];
} hars_paper_fog_memory_t;


/* from a device with id, key (S_i) and seed (PID_i); "a" random and new */
int hars_paper_enrol(const hars_aka_device_t *device,
    const unsigned char *password, size_t len, const unsigned char a[32],
    hars_paper_memory_t *memory);

/* AKA(1): HARS_AKA_PASSWORD where C_i says that id or password is wrong */
int hars_paper_unlock(hars_aka_device_t *device,
    const hars_paper_memory_t *memory, const unsigned char *id,
    size_t id_len, const unsigned char *password, size_t len);

int hars_paper_fog_enrol(const hars_aka_fog_t *fog,
    const unsigned char b[32], hars_paper_fog_memory_t *memory);
int hars_paper_fog_recall(hars_aka_fog_t *fog,
    const hars_paper_fog_memory_t *memory, const unsigned char *id,
    size_t id_len);


/* the functions of the profile; see aka_profile.h */
int hars_paper_key(const hars_aka_cloud_t *cloud, const hars_aka_row_t *row,
    unsigned char key[HARS_AKA_KEY]);
int hars_paper_device_advance(hars_aka_device_t *device);
int hars_paper_device_m1(const hars_aka_device_t *device,
    const unsigned char rnd[HARS_AKA_RND], uint64_t ts, hars_aka_try_t *t,
    unsigned char m1[HARS_AKA_M1]);
int hars_paper_device_m4(hars_aka_device_t *device, hars_aka_try_t *t,
    const unsigned char *m4, size_t len, hars_aka_session_t *session);
int hars_paper_fog_advance(hars_aka_fog_t *fog);
int hars_paper_fog_m2(const hars_aka_fog_t *fog, const unsigned char *m1,
    size_t len, const unsigned char rnd[HARS_AKA_RND], uint64_t ts,
    hars_aka_relay_t *relay, unsigned char m2[HARS_AKA_M2]);
int hars_paper_fog_m3(hars_aka_fog_t *fog, hars_aka_relay_t *relay,
    const unsigned char *m3, size_t len, int64_t now,
    unsigned char m4[HARS_AKA_M4], hars_aka_session_t *session);
unsigned hars_paper_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID_MAX]);
int hars_paper_read(hars_aka_request_t *request, const unsigned char *m2,
    size_t len);
const unsigned char *hars_paper_pid_j(const hars_aka_request_t *request);
const unsigned char *hars_paper_pid_i(const hars_aka_request_t *request);
int hars_paper_admit_fog(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, const hars_aka_row_t *row_j, unsigned n);
int hars_paper_admit_device(const hars_aka_cloud_t *cloud,
    hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n,
    int64_t now);
int hars_paper_admit(const hars_aka_cloud_t *cloud,
    const hars_aka_request_t *request, hars_aka_row_t *row_i, unsigned n_i,
    hars_aka_row_t *row_j, unsigned n_j,
    const unsigned char rnd[HARS_AKA_RND],
    const unsigned char fresh_i[HARS_AKA_SEED],
    const unsigned char fresh_j[HARS_AKA_SEED], int64_t now,
    unsigned char m3[HARS_AKA_M3], hars_aka_session_t *session);


#endif /* HARS_AKA_PAPER_H */
