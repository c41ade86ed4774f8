
/*
 * Attacks on a session: of an insider, of a man in the middle, of who learns
 * all long-term secrets later (forward secrecy) or the random numbers of a
 * session (known session-specific temporary information).  Each against both
 * profiles; aka_attack.h says how.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: backend/fog/aka/aka_password.c -lsodium -lcrypto */

#include "aka_attack.h"


static int insider_v1(unsigned suite);
static int insider_paper(void);
static int middle_v1(unsigned suite);
static int middle_paper(void);
static int forward_v1(unsigned suite);
static int forward_paper(void);
static int temporary_v1(unsigned suite);
static int temporary_paper(void);
static void dead_generator(void);


static const attack_t  attacks[] = {
    { "insider", insider_v1, insider_paper, STANDS, STANDS,
      "another party's keys and the stolen database open nothing" },
    { "man in the middle", middle_v1, middle_paper, STANDS, FALLS,
      "E_i out of M3 is M4, the device accepts without a fog node" },
    { "forward secrecy", forward_v1, forward_paper, FALLS, FALLS,
      "x and the identities open recorded sessions" },
    { "temporary information", temporary_v1, temporary_paper, STANDS, FALLS,
      "SK is a hash of the three randoms and nothing else" }
};


int
main(void)
{
    attack_all(attacks, sizeof(attacks) / sizeof(attacks[0]));
    dead_generator();

    return tap_done();
}


/*
 * Registered device 1 and fog node 1 are the adversary's, and he has the
 * database as it is stored.
 */
static int
insider_v1(unsigned suite)
{
    run_t              run;
    world_t            w;
    unsigned           k;
    unsigned char      sealed[HARS_AKA_ROW_SEALED], nonce[12] = { 1 };
    unsigned char      z[64] = { 0 };
    hars_aka_row_t     row;
    hars_aka_inside_t  inside;

    world_make(&w, NULL, suite, 11);
    (void) world_session(&w, 0, 0, &run);
    (void) hars_aka_row_seal(&w.row[0], w.cloud.x, 0, nonce, sealed);

    const unsigned char  *keys[] = { w.device[1].key, w.fog[1].key,
                                     w.device[1].seed, run.at_fog.sid };

    for (k = 0; k < 4; k++) {
        if (opens((hars_aka_m4_t *) run.m4, run.m1, suite, keys[k], z,
                  &inside)
            || hars_aka_row_open(&row, keys[k], 0, sealed, sizeof(sealed))
               == HARS_AKA_OK)
        {
            return 1;
        }
    }

    /* his fog node cannot vouch for M1 as fog node 0, nor his device */

    (void) world_m1(&w, 0, &run);
    memcpy(w.fog[1].seed, w.fog[0].seed, 32);
    (void) world_m2(&w, 1, &run, run.m1, HARS_AKA_M1);

    if (world_m3(&w, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK) {
        return 1;
    }

    memcpy(w.device[1].seed, w.device[0].seed, 32);
    (void) world_m1(&w, 1, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);

    return world_m3(&w, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK
           || memmem(sealed, sizeof(sealed), w.row[0].id, w.row[0].id_len)
           || memmem(sealed, sizeof(sealed), w.row[0].seed[0], 32);
}


/* the rows {PID, ID} are in clear there; x is what he lacks */
static int
insider_paper(void)
{
    run_t    run;
    world_t  w;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 12);
    (void) world_session(&w, 0, 0, &run);

    memcpy(w.device[1].seed, w.row[0].seed[0], 32);
    memcpy(w.device[1].id, w.row[0].id, w.row[0].id_len);
    (void) world_m1(&w, 1, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_PAPER_M1);

    if (world_m3(&w, run.m2, HARS_PAPER_M2, &run) == HARS_AKA_OK) {
        return 1;
    }

    (void) world_m1(&w, 0, &run);
    memcpy(w.fog[1].seed, w.row[DEVICES].seed[0], 32);
    memcpy(w.fog[1].id, w.row[DEVICES].id, w.row[DEVICES].id_len);
    (void) world_m2(&w, 1, &run, run.m1, HARS_PAPER_M1);

    return world_m3(&w, run.m2, HARS_PAPER_M2, &run) == HARS_AKA_OK;
}


/*
 * He sits between the fog node and everybody: puts in his own points, and
 * keeps M3 from the fog node but gives the device what was in it for it.
 */
static int
middle_v1(unsigned suite)
{
    run_t           run;
    world_t         w, v;
    unsigned        i;
    unsigned char   e[32] = { 5 }, point[32], fc[16], kc[32] = { 0 }, th[32];
    hars_aka_m4_t  *m4 = (hars_aka_m4_t *) run.m4;

    world_make(&w, NULL, suite, 51);
    (void) hars_aka_point(suite, point, e);

    for (i = 0; i < 3; i++) {
        v = w;
        (void) world_m1(&v, 0, &run);

        if (i == 0) {
            memcpy(run.m1 + 20, point, 32);
        }

        (void) world_m2(&v, 0, &run, run.m1, HARS_AKA_M1);

        if (i == 1) {
            memcpy(run.m2 + 136, point, 32);
        }

        if (world_m3(&v, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK) {
            memcpy(run.m3 + 4, point, 32);

            if (i < 2 || world_m4(&v, 0, &run) == HARS_AKA_OK) {
                return 1;
            }
        }
    }

    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_AKA_M1);
    (void) world_m3(&w, run.m2, HARS_AKA_M2, &run);

    hars_aka_header(&m4->head, 4, suite, 0);
    memcpy(m4->e, run.m3 + 4, 32);
    memcpy(m4->box_i, run.m3 + 36, HARS_AKA_BOX);
    (void) hars_aka_transcript(th, "fogaka1 th", run.m1, HARS_AKA_M1, m4->e);
    (void) hars_aka_confirmation(fc, kc, th, run.m4);
    memcpy(m4->fc, fc, 16);

    return world_end(&w, 0, &run) == HARS_AKA_OK;
}


static int
middle_paper(void)
{
    run_t    run;
    world_t  w;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 52);
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 0, &run, run.m1, HARS_PAPER_M1);
    (void) world_m3(&w, run.m2, HARS_PAPER_M2, &run);

    /* the fog node never sees M3 */

    memcpy(run.m4, run.m3 + HARS_PAPER_BOX, HARS_PAPER_M4);

    return world_end(&w, 0, &run) == HARS_AKA_OK;
}


/* the session is over and recorded; then all long-term secrets leak */
static int
forward_v1(unsigned suite)
{
    run_t               run;
    world_t             w;
    unsigned            i, k;
    unsigned char       kc[32], sid[16], sk[32], th[32], z[64];
    hars_aka_m4_t      *m4 = (hars_aka_m4_t *) run.m4;
    hars_aka_inside_t   inside;
    hars_aka_request_t  request;

    world_make(&w, NULL, suite, 61);
    (void) world_session(&w, 0, 0, &run);

    (void) hars_aka_cloud_read(&request, run.m2, HARS_AKA_M2);

    if (hars_aka_cloud_open_m2(&w.cloud, &request, w.row[DEVICES].id,
                               w.row[DEVICES].id_len, 1)
        || hars_aka_cloud_open_m1(&w.cloud, &request, w.row[0].id,
                                  w.row[0].id_len, 1))
    {
        return -1;
    }

    /* r1 and r2 he has; r3 is in a box whose key takes z_i */

    const unsigned char  *scalars[] = { w.cloud.sk, w.cloud.x, request.r1,
                                        request.r2, w.device[0].key };
    const unsigned char  *points[] = { m4->e, run.m1 + 20, w.cloud.pk };

    for (i = 0; i < 5; i++) {
        for (k = 0; k < 3; k++) {
            memcpy(z, request.z0, 32);
            (void) hars_aka_shared(suite, z + 32, scalars[i], points[k]);

            if (opens(m4, run.m1, suite, request.key_i, z, &inside)) {
                (void) hars_aka_transcript(th, "fogaka1 th", run.m1,
                                           HARS_AKA_M1, m4->e);
                (void) hars_aka_session_keys(sk, kc, sid, th, request.r1,
                                             inside.peer, inside.r3);
                return memcmp(sk, run.at_device.sk, 32) == 0;
            }
        }
    }

    return 0;
}


static int
forward_paper(void)
{
    run_t          run;
    world_t        w;
    unsigned       i;
    unsigned char  s[32], mask[32], r1[32], in[96], sk[32];

    world_make(&w, "paper", HARS_AKA_SYM_AES, 62);
    (void) world_session(&w, 0, 0, &run);

    /* S = h(ID|x), r1 = X + h(S|PID), then E_i */

    sha(s, w.row[0].id, w.row[0].id_len, w.cloud.x, 32, NULL, 0);
    sha(mask, s, 32, run.m1, 32, NULL, 0);

    for (i = 0; i < 32; i++) {
        r1[i] = run.m1[32 + i] ^ mask[i];
    }

    if (!paper_box(w.row[0].id, w.row[0].id_len, s, r1, run.m4, in)) {
        return 0;
    }

    sha(sk, r1, 32, in, 32, in + 32, 32);

    return memcmp(sk, run.at_device.sk, 32) == 0;
}


/*
 * He has what all three generators gave (world: draw() in the order of use),
 * no long-term secret.
 */
static int
temporary_v1(unsigned suite)
{
    run_t              run;
    world_t            w, v;
    unsigned           i;
    unsigned char      rnd[8][32], e[32], r[32], z[64], none[32] = { 0 };
    hars_aka_inside_t  inside;

    world_make(&w, NULL, suite, 71);
    v = w;
    (void) world_session(&w, 0, 0, &run);

    for (i = 0; i < 8; i++) {
        draw(&v, rnd[i]);
    }

    for (i = 0; i < 8; i++) {
        (void) hars_aka_hedge(e, r, rnd[i], none, none, 8);
        (void) hars_aka_shared(suite, z, e, w.cloud.pk);
        (void) hars_aka_shared(suite, z + 32, e, run.m4 + 4);

        if (opens((hars_aka_m4_t *) run.m4, run.m1, suite, none, z, &inside)
            || memmem(&run, offsetof(run_t, at_device), rnd[i], 32)
            || memcmp(run.m1 + 20, rnd[i], 32) == 0)
        {
            return 1;
        }

        (void) hars_aka_shared(suite, z, rnd[i], w.cloud.pk);
        (void) hars_aka_shared(suite, z + 32, rnd[i], run.m4 + 4);

        if (opens((hars_aka_m4_t *) run.m4, run.m1, suite, none, z, &inside))
        {
            return 1;
        }
    }

    return 0;
}


static int
temporary_paper(void)
{
    run_t          run;
    world_t        w, v;
    unsigned char  r1[32], r2[32], r3[32], sk[32];

    world_make(&w, "paper", HARS_AKA_SYM_AES, 72);
    v = w;
    (void) world_session(&w, 0, 0, &run);

    draw(&v, r1);
    draw(&v, r2);
    draw(&v, r3);
    sha(sk, r1, 32, r2, 32, r3, 32);

    return memcmp(sk, run.at_device.sk, 32) == 0;
}


/* a generator that gives the same bytes always: no key comes twice */
static void
dead_generator(void)
{
    run_t    first, second;
    world_t  w;

    world_make(&w, NULL, HARS_AKA_SYM_AES, 73);
    (void) world_m1(&w, 0, &first);
    w.drawn--;
    (void) world_m1(&w, 0, &second);
    ok(memcmp(first.m1 + 20, second.m1 + 20, 32) != 0
       && memcmp(first.t.r, second.t.r, 32) != 0,
       "temporary information: v1 with a dead generator, nothing repeats");
}
