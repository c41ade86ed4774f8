
/*
 * What the cloud server's last step asks again: between the look at a copy of
 * a row, where X25519 and the tag are computed, and the lock under which both
 * rows move, others may have come first.  A thief who asks for many passwords
 * at once has the three guesses of a pseudonym, not one for each thread.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: -lsodium -lcrypto */

#include "aka_world.h"
#include "tap.h"


static void burnt_meanwhile(void);
static void twice(void);
static void rekeyed_meanwhile(void);
static int look(world_t *w, run_t *run, hars_aka_request_t *request,
    unsigned *n_i, unsigned *n_j);
static int admit(world_t *w, run_t *run, hars_aka_request_t *request,
    unsigned n_i, unsigned n_j);


int
main(void)
{
    burnt_meanwhile();
    twice();
    rekeyed_meanwhile();

    return tap_done();
}


static void
burnt_meanwhile(void)
{
    run_t               run;
    world_t             w;
    unsigned            i, n_i, n_j;
    hars_aka_request_t  request;

    world_make(&w, NULL, HARS_AKA_X25519_AES, 7);
    memset(&run, 0, sizeof(run));
    ok(look(&w, &run, &request, &n_i, &n_j) == HARS_AKA_OK,
       "the right one of many guesses, computed on a copy");

    for (i = 0; i < HARS_AKA_BURNT; i++) {
        hars_aka_row_burn(&w.row[0], HARS_AKA_CUR, n_i, w.now);
    }

    ok(admit(&w, &run, &request, n_i, n_j) == HARS_AKA_PEER_REJECTED,
       "three wrong ones were faster: it is refused");
    w.now += HARS_AKA_BURNT_MS - 1;
    ok(admit(&w, &run, &request, n_i, n_j) == HARS_AKA_PEER_REJECTED,
       "... for 24 hours");
    w.now++;
    ok(admit(&w, &run, &request, n_i, n_j) == HARS_AKA_OK,
       "... and not longer");
}


static void
twice(void)
{
    run_t               run;
    world_t             w;
    unsigned            n_i, n_j, m_i, m_j;
    hars_aka_request_t  one, two;

    world_make(&w, NULL, HARS_AKA_X25519_AES, 8);
    memset(&run, 0, sizeof(run));
    ok(look(&w, &run, &one, &n_i, &n_j) == HARS_AKA_OK, "an M2");
    two = one;
    m_i = n_i;
    m_j = n_j;
    ok(admit(&w, &run, &one, n_i, n_j) == HARS_AKA_OK, "it is admitted");
    ok(admit(&w, &run, &two, m_i, m_j) == HARS_AKA_REJECTED,
       "the same one, computed at the same time, is not");
}


static void
rekeyed_meanwhile(void)
{
    run_t               run;
    world_t             w;
    unsigned            n_i, n_j;
    unsigned char       seed[32] = { 1 };
    hars_aka_request_t  request;

    world_make(&w, NULL, HARS_AKA_X25519_AES, 9);
    memset(&run, 0, sizeof(run));
    ok(look(&w, &run, &request, &n_i, &n_j) == HARS_AKA_OK, "an M2");
    ok(hars_aka_row_rekey(&w.row[0], seed) == HARS_AKA_OK
       && admit(&w, &run, &request, n_i, n_j) == HARS_AKA_PEER_REJECTED,
       "the device has a new key by now: refused");
}


/* 2 to 8, on copies as a service does it */
static int
look(world_t *w, run_t *run, hars_aka_request_t *request,
    unsigned *n_i, unsigned *n_j)
{
    int             rc;
    hars_aka_row_t  row_i, row_j;

    row_i = w->row[0];
    row_j = w->row[DEVICES];

    rc = world_m1(w, 0, run);
    rc = rc ? rc : world_m2(w, 0, run, run->m1, HARS_AKA_M1);
    rc = rc ? rc : hars_aka_cloud_read(request, run->m2, HARS_AKA_M2);

    if (rc == HARS_AKA_OK
        && (world_find(w, hars_aka_cloud_pid_i(request), n_i) != 0
            || world_find(w, hars_aka_cloud_pid_j(request), n_j) != DEVICES))
    {
        rc = HARS_AKA_ERROR;
    }

    rc = rc ? rc : hars_aka_admit_fog(&w->cloud, request, &row_j, *n_j);

    return rc ? rc : hars_aka_admit_device(&w->cloud, request, &row_i, *n_i,
                                           w->now);
}


static int
admit(world_t *w, run_t *run, hars_aka_request_t *request, unsigned n_i,
    unsigned n_j)
{
    unsigned char  fresh[3][32];

    draw(w, fresh[0]);
    draw(w, fresh[1]);
    draw(w, fresh[2]);

    return hars_aka_admit(&w->cloud, request, &w->row[0], n_i,
                          &w->row[DEVICES], n_j, fresh[0], fresh[1],
                          fresh[2], w->now, run->m3, &run->at_cloud);
}
