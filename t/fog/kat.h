
/*
 * One known-answer case of fog-aka v1: what kat.c reads and compares and
 * kat_run.c computes.  The first part are inputs, in the order in which the
 * format has them; the second part is what the parties make of them.  Text is
 * zero-terminated.
 */

#ifndef HARS_KAT_H
#define HARS_KAT_H


#include "aka.h"


typedef struct {
    uint64_t       suite, gen_i, gen_j, n_i, n_j, ctr_i, ctr_j, ts_i, ts_j;
    char           id_i[HARS_AKA_ID_MAX + 1], id_j[HARS_AKA_ID_MAX + 1];
    unsigned char  x[32], sk_cs[32];
    unsigned char  s_i[32], rnd_i[32], s_j[32], rnd_j[32], rnd_cs[32];
    unsigned char  s_i_new[32], s_j_new[32];

    unsigned char  pk_cs[32], key_i[32], key_j[32], pid_i[16], pid_j[16];
    unsigned char  r1[32], r2[32], r3[32], th[32], th2[32];
    unsigned char  m1[HARS_AKA_M1], m2[HARS_AKA_M2], m3[HARS_AKA_M3];
    unsigned char  m4[HARS_AKA_M4], sk[32], kc[32], sid[16];
} hars_kat_t;


/* the session of the inputs, by all three parties; 0 where none refuses */
int hars_kat_run(const hars_kat_t *in, hars_kat_t *out);


#endif /* HARS_KAT_H */
