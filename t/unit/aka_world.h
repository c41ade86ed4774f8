
/*
 * A world for the tests of the key exchange: a cloud server with its rows and
 * index, some wearables and fog nodes, one profile, a clock and a generator of
 * bytes that are the same in each run.  What a service would do between the
 * pure functions (look up, store, send) is done here in memory, in the order
 * that the headers ask for.
 *
 * A step gives what the function gave; messages go through the caller's hands
 * and may be changed, lost or sent twice there.
 */

#ifndef AKA_WORLD_H
#define AKA_WORLD_H


#include "../../backend/fog/aka/aka_device.h"
#include "../../backend/fog/aka/aka_fognode.h"
#include "../../backend/fog/aka/aka_keys.h"
#include "../../backend/fog/aka/aka_profile.h"
#include "../../backend/fog/aka/aka_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#ifndef DEVICES
#define DEVICES  8
#define FOGS     3
#endif

#define ROWS     (DEVICES + FOGS)


typedef struct {
    const hars_aka_profile_t  *profile;
    unsigned                   suite;
    int64_t                    now;             /* ms */
    uint64_t                   drawn;           /* random strings so far */
    uint64_t                   seed;
    hars_aka_cloud_t           cloud;
    hars_aka_row_t             row[ROWS];       /* devices, then fog nodes */
    unsigned char              pid[ROWS][2 * HARS_AKA_FAN][HARS_AKA_PID_MAX];
    unsigned                   pids[ROWS];
    hars_aka_device_t          device[DEVICES];
    hars_aka_fog_t             fog[FOGS];
} world_t;

/* everything of one session that a test may look at */
typedef struct {
    hars_aka_try_t             t;
    hars_aka_relay_t           relay;
    unsigned char              m1[HARS_AKA_M1], m2[HARS_AKA_M2];
    unsigned char              m3[HARS_AKA_M3], m4[HARS_AKA_M4];
    unsigned char              err[HARS_AKA_ERR];
    hars_aka_session_t         at_device, at_fog, at_cloud;
} run_t;


/* of 0: what is called now is called by a role, not by the world itself */
static unsigned  world_own;


static inline void
draw(world_t *w, unsigned char out[32])
{
    unsigned char          text[16];
    const hars_aka_part_t  part = { text, sizeof(text) };

    memcpy(text, &w->seed, 8);
    memcpy(text + 8, &w->drawn, 8);
    w->drawn++;
    world_own++;

    if (hars_aka_sha256(out, &part, 1) != HARS_AKA_OK) {
        abort();
    }

    world_own--;
}


static inline uint64_t
draw_below(world_t *w, uint64_t limit)
{
    uint64_t       v;
    unsigned char  bytes[32];

    draw(w, bytes);
    memcpy(&v, bytes, 8);

    return v % limit;
}


/* the index: what the cloud server keeps in memory of a row */
static inline void
world_index(world_t *w, unsigned r)
{
    world_own++;
    w->pids[r] = w->profile->pids(&w->row[r], w->pid[r]);
    world_own--;
}


/* the row and the n of a pseudonym, -1 where there is none */
static inline int
world_find(const world_t *w, const unsigned char *pid, unsigned *n)
{
    unsigned  r, i;

    for (r = 0; r < ROWS; r++) {
        for (i = 0; i < w->pids[r]; i++) {
            if (memcmp(w->pid[r][i], pid, w->profile->pid) == 0) {
                *n = i % HARS_AKA_FAN;
                return (int) r;
            }
        }
    }

    return -1;
}


/* gives device or fog node r the key and the seed of its row */
static inline void
world_provision(world_t *w, unsigned r)
{
    unsigned char    key[32];
    hars_aka_fog_t  *f;
    hars_aka_row_t  *row = &w->row[r];

    (void) w->profile->key(&w->cloud, row, key);

    if (r < DEVICES) {
        (void) hars_aka_device_make(&w->device[r], row->id, row->id_len,
                                    row->suite, row->gen, key, row->seed[0],
                                    w->cloud.pk);
    } else {
        f = &w->fog[r - DEVICES];
        hars_aka_fog_make(f, key, row->seed[0]);
        memcpy(f->id, row->id, row->id_len);
        f->id_len = row->id_len;
    }

    world_index(w, r);
}


static inline void
world_make(world_t *w, const char *profile, unsigned suite, uint64_t seed)
{
    char           id[16];
    unsigned       r;
    unsigned char  a[32], b[32];

    memset(w, 0, sizeof(*w));
    w->profile = hars_aka_profile(profile);
    w->suite = suite;
    w->seed = seed;
    w->now = 1800000000000;

    draw(w, a);
    draw(w, b);

    if (hars_aka_crypto_init() != HARS_AKA_OK || w->profile == NULL
        || hars_aka_cloud_init(&w->cloud, a, b) != HARS_AKA_OK)
    {
        abort();
    }

    for (r = 0; r < ROWS; r++) {
        snprintf(id, sizeof(id), r < DEVICES ? "wearable-%u" : "fog-node-%u",
                 r < DEVICES ? r : r - DEVICES);
        draw(w, a);

        if (hars_aka_row_make(&w->row[r], r < DEVICES ? HARS_AKA_DEVICE
                                                      : HARS_AKA_FOG,
                              (unsigned char *) id, strlen(id), suite, a)
            != HARS_AKA_OK)
        {
            abort();
        }

        world_provision(w, r);
    }
}


static inline int
world_m1(world_t *w, unsigned d, run_t *run)
{
    int            rc;
    unsigned char  rnd[32];

    draw(w, rnd);
    rc = w->profile->device_advance(&w->device[d]);

    return rc ? rc : w->profile->device_m1(&w->device[d], rnd,
                                           (uint64_t) w->now, &run->t,
                                           run->m1);
}


static inline int
world_m2(world_t *w, unsigned f, run_t *run, const unsigned char *m1,
    size_t len)
{
    int            rc;
    unsigned char  rnd[32];

    draw(w, rnd);
    rc = w->profile->fog_advance(&w->fog[f]);

    return rc ? rc : w->profile->fog_m2(&w->fog[f], m1, len, rnd,
                                        (uint64_t) w->now, &run->relay,
                                        run->m2);
}


/*
 * M2 at the cloud server: the code that it answers with (run->err), or
 * HARS_AKA_OK and run->m3.  The rows are committed by then.
 */
static inline int
world_m3(world_t *w, const unsigned char *m2, size_t len, run_t *run)
{
    int                         rc, i, j;
    unsigned                    n_i, n_j;
    unsigned char               rnd[32], fresh_i[32], fresh_j[32];
    hars_aka_request_t          request;
    const hars_aka_profile_t   *p = w->profile;

    memset(&request, 0, sizeof(request));
    i = j = -1;
    n_i = n_j = 0;

    rc = p->read(&request, m2, len);

    if (rc == HARS_AKA_OK) {
        j = world_find(w, p->pid_j(&request), &n_j);
        rc = j < 0 ? HARS_AKA_REJECTED
                   : p->admit_fog(&w->cloud, &request, &w->row[j], n_j);
    }

    if (rc == HARS_AKA_OK) {
        i = world_find(w, p->pid_i(&request), &n_i);
        rc = i < 0 ? HARS_AKA_PEER_REJECTED
                   : p->admit_device(&w->cloud, &request, &w->row[i], n_i,
                                     w->now);
    }

    if (rc == HARS_AKA_OK) {
        draw(w, rnd);
        draw(w, fresh_i);
        draw(w, fresh_j);
        rc = p->admit(&w->cloud, &request, &w->row[i], n_i, &w->row[j], n_j,
                      rnd, fresh_i, fresh_j, w->now, run->m3,
                      &run->at_cloud);
    }

    if (rc == HARS_AKA_OK) {
        world_index(w, (unsigned) i);
        world_index(w, (unsigned) j);

    } else if (rc > 0) {
        (void) hars_aka_cloud_error(&request, m2, len, (unsigned) rc,
                                    run->err);
    }

    hars_aka_cloud_wipe(&request);

    return rc;
}


static inline int
world_m4(world_t *w, unsigned f, run_t *run)
{
    return w->profile->fog_m3(&w->fog[f], &run->relay, run->m3,
                              w->profile->m3, w->now, run->m4, &run->at_fog);
}


static inline int
world_end(world_t *w, unsigned d, run_t *run)
{
    return w->profile->device_m4(&w->device[d], &run->t, run->m4,
                                 w->profile->m4, &run->at_device);
}


/* all of it on a good day; the first refusal ends it */
static inline int
world_session(world_t *w, unsigned d, unsigned f, run_t *run)
{
    int  rc;

    memset(run, 0, sizeof(*run));

    if ((rc = world_m1(w, d, run))
        || (rc = world_m2(w, f, run, run->m1, w->profile->m1))
        || (rc = world_m3(w, run->m2, w->profile->m2, run))
        || (rc = world_m4(w, f, run))
        || (rc = world_end(w, d, run)))
    {
        return rc;
    }

    return (memcmp(run->at_device.sk, run->at_cloud.sk, 32) != 0
            || memcmp(run->at_fog.sk, run->at_cloud.sk, 32) != 0
            || memcmp(run->at_device.sid, run->at_cloud.sid, 16) != 0
            || memcmp(run->at_fog.sid, run->at_cloud.sid, 16) != 0)
           ? HARS_AKA_ERROR : HARS_AKA_OK;
}


#endif /* AKA_WORLD_H */
