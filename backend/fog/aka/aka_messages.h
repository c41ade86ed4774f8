
/*
 * The messages of fog-aka v1, byte by byte (5.4): structs of bytes alone, so
 * they have no padding and stand anywhere.  What reads them is here, and
 * nothing else interprets what came over a wire: a function gives the
 * message, or NULL where length, version, type, suite or code is not its.
 */

#ifndef HARS_AKA_MESSAGES_H
#define HARS_AKA_MESSAGES_H


#include "aka.h"


#define HARS_AKA_VERSION   1
#define HARS_AKA_TYPE_ERR  0x7f
#define HARS_AKA_PLAIN     48        /* of M1 and M2 */
#define HARS_AKA_INSIDE    96        /* of box_i and box_j */
#define HARS_AKA_BOX       112
#define HARS_AKA_A1        52
#define HARS_AKA_A2        168


typedef struct {
    unsigned char      version;
    unsigned char      type;
    unsigned char      suite;
    unsigned char      code;                       /* 0 but in errors */
} hars_aka_header_t;

typedef struct {
    hars_aka_header_t  head;
    unsigned char      pid[HARS_AKA_PID];          /* pid_i */
    unsigned char      e[32];                      /* E_i */
    unsigned char      sealed[HARS_AKA_PLAIN];
    unsigned char      tag[16];
} hars_aka_m1_t;

typedef struct {
    hars_aka_header_t  head;
    hars_aka_m1_t      m1;
    unsigned char      pid[HARS_AKA_PID];          /* pid_j */
    unsigned char      e[32];                      /* E_j */
    unsigned char      sealed[HARS_AKA_PLAIN];
    unsigned char      tag[16];
} hars_aka_m2_t;

typedef struct {
    hars_aka_header_t  head;
    unsigned char      e[32];                      /* E_c */
    unsigned char      box_i[HARS_AKA_BOX];
    unsigned char      box_j[HARS_AKA_BOX];
} hars_aka_m3_t;

typedef struct {
    hars_aka_header_t  head;
    unsigned char      e[32];                      /* E_c */
    unsigned char      box_i[HARS_AKA_BOX];
    unsigned char      fc[16];
} hars_aka_m4_t;

typedef struct {
    hars_aka_header_t  head;
    unsigned char      ref[8];                     /* of SHA256(request) */
    unsigned char      mac[16];                    /* or zeroes */
} hars_aka_err_t;

/* what stands sealed in M1 and M2 */
typedef struct {
    unsigned char      r[32];                      /* r1, r2 */
    unsigned char      ctr[8];
    unsigned char      ts[8];                      /* 0: no clock */
} hars_aka_plain_t;

/* ... and in the boxes */
typedef struct {
    unsigned char      peer[32];                   /* r2, r1 */
    unsigned char      r3[32];
    unsigned char      seed[HARS_AKA_SEED];        /* s_i', s_j' */
} hars_aka_inside_t;

_Static_assert(sizeof(hars_aka_m1_t) == HARS_AKA_M1, "M1");
_Static_assert(sizeof(hars_aka_m2_t) == HARS_AKA_M2, "M2");
_Static_assert(sizeof(hars_aka_m3_t) == HARS_AKA_M3, "M3");
_Static_assert(sizeof(hars_aka_m4_t) == HARS_AKA_M4, "M4");
_Static_assert(sizeof(hars_aka_err_t) == HARS_AKA_ERR, "ERR");
_Static_assert(sizeof(hars_aka_plain_t) == HARS_AKA_PLAIN, "plain");
_Static_assert(sizeof(hars_aka_inside_t) == HARS_AKA_INSIDE, "inside");


/* one of the four of 5.1? does it have X25519? */
int hars_aka_suite_known(unsigned suite);
int hars_aka_suite_x25519(unsigned suite);

void hars_aka_header(hars_aka_header_t *head, unsigned type, unsigned suite,
    unsigned code);

/*
 * NULL where it is no such message.  M2 is one only where M1 inside is one of
 * the same suite; M3 and M4 have to be of the suite that was asked with.
 */
const hars_aka_m1_t *hars_aka_m1(const unsigned char *m, size_t len);
const hars_aka_m2_t *hars_aka_m2(const unsigned char *m, size_t len);
const hars_aka_m3_t *hars_aka_m3(const unsigned char *m, size_t len,
    unsigned suite);
const hars_aka_m4_t *hars_aka_m4(const unsigned char *m, size_t len,
    unsigned suite);
const hars_aka_err_t *hars_aka_err(const unsigned char *m, size_t len);

/* big-endian (5.2) */
void hars_aka_put(unsigned char *p, unsigned size, uint64_t v);
uint64_t hars_aka_get(const unsigned char *p, unsigned size);


#endif /* HARS_AKA_MESSAGES_H */
