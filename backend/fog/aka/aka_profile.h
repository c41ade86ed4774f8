
/*
 * The two profiles behind one interface: fog-aka v1, and the scheme of Wu,
 * Yang, Meng, Guo and Chen (2021) as SPEC section 2 reconstructs it.  The
 * second is kept for comparison and to show its weaknesses; it is given to
 * nobody who does not ask for it by its name, and none of its messages is one
 * of v1.
 *
 * States are the structs of aka.h in both; what each function does is said in
 * aka_device.h, aka_fognode.h, aka_cloud.h.  The paper's messages are shorter
 * than the buffers of v1 that they are written to: the lengths say how much.
 */

#ifndef HARS_AKA_PROFILE_H
#define HARS_AKA_PROFILE_H


#include "aka_cloud.h"


#define HARS_AKA_V1     "fog-aka v1"
#define HARS_AKA_PAPER  "paper"


typedef struct {
    const char  *name;
    size_t       m1, m2, m3, m4;       /* lengths of messages */
    size_t       pid;                  /* ... and of a pseudonym */

    /* registration: K of a row's party */
    int        (*key)(const hars_aka_cloud_t *cloud,
                      const hars_aka_row_t *row,
                      unsigned char key[HARS_AKA_KEY]);

    /* the wearable */
    int        (*device_advance)(hars_aka_device_t *device);
    int        (*device_m1)(const hars_aka_device_t *device,
                            const unsigned char rnd[HARS_AKA_RND],
                            uint64_t ts, hars_aka_try_t *t,
                            unsigned char m1[HARS_AKA_M1]);
    int        (*device_m4)(hars_aka_device_t *device, hars_aka_try_t *t,
                            const unsigned char *m4, size_t len,
                            hars_aka_session_t *session);

    /* the fog node */
    int        (*fog_advance)(hars_aka_fog_t *fog);
    int        (*fog_m2)(const hars_aka_fog_t *fog, const unsigned char *m1,
                         size_t len, const unsigned char rnd[HARS_AKA_RND],
                         uint64_t ts, hars_aka_relay_t *relay,
                         unsigned char m2[HARS_AKA_M2]);
    int        (*fog_m3)(hars_aka_fog_t *fog, hars_aka_relay_t *relay,
                         const unsigned char *m3, size_t len, int64_t now,
                         unsigned char m4[HARS_AKA_M4],
                         hars_aka_session_t *session);

    /* the cloud server; pids writes "pid" bytes of each, gives their number */
    unsigned   (*pids)(const hars_aka_row_t *row,
                       unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID_MAX]);
    int        (*read)(hars_aka_request_t *request, const unsigned char *m2,
                       size_t len);
    const unsigned char
              *(*pid_j)(const hars_aka_request_t *request);
    const unsigned char
              *(*pid_i)(const hars_aka_request_t *request);
    int        (*admit_fog)(const hars_aka_cloud_t *cloud,
                            hars_aka_request_t *request,
                            const hars_aka_row_t *row_j, unsigned n);
    int        (*admit_device)(const hars_aka_cloud_t *cloud,
                               hars_aka_request_t *request,
                               hars_aka_row_t *row_i, unsigned n,
                               int64_t now);
    int        (*admit)(const hars_aka_cloud_t *cloud,
                        const hars_aka_request_t *request,
                        hars_aka_row_t *row_i, unsigned n_i,
                        hars_aka_row_t *row_j, unsigned n_j,
                        const unsigned char rnd[HARS_AKA_RND],
                        const unsigned char fresh_i[HARS_AKA_SEED],
                        const unsigned char fresh_j[HARS_AKA_SEED],
                        int64_t now, unsigned char m3[HARS_AKA_M3],
                        hars_aka_session_t *session);
} hars_aka_profile_t;


/* v1 of NULL or its name; the paper's of its name alone; else NULL */
const hars_aka_profile_t *hars_aka_profile(const char *name);


#endif /* HARS_AKA_PROFILE_H */
