
/*
 * The three-party key exchange of wearable, fog node and cloud server: what
 * its parts have in common.  ../shared/fog-aka/SPEC.md is the source, "5.4"
 * in a comment is a section of it; docs/fog-aka.md explains it.
 *
 * Everything in this directory is a function of its arguments: no I/O, no
 * clock, no randomness, no allocation.  Who calls brings 32 random bytes and
 * the time, writes states to flash or database, and sends.  A state is a
 * struct of the caller's; the same holds for the paper's scheme, which
 * aka_profile.h puts behind the same functions.
 *
 * A function that fails has wiped what it computed and changed no state, but
 * where it says so.  Time is in ms (UTC), lengths in bytes.
 */

#ifndef HARS_AKA_H
#define HARS_AKA_H


#include <stddef.h>
#include <stdint.h>


/* what functions return; a positive one is the code of an error message */
#define HARS_AKA_OK             0
#define HARS_AKA_ERROR         -1    /* the library of primitives failed */
#define HARS_AKA_DROP          -2    /* does not verify: drop, keep waiting */
#define HARS_AKA_PASSWORD      -3    /* 5.7: E_PASSWORD */
#define HARS_AKA_FLASH         -4    /* 5.7: E_FLASH, no image of ours */
#define HARS_AKA_SPENT         -5    /* a counter has come to its end */
#define HARS_AKA_SEEN          -6    /* this record was opened before */
#define HARS_AKA_EXPIRED       -7    /* not confirmed in time */

/* 5.7: codes of the cloud server's errors */
#define HARS_AKA_MALFORMED      0x01
#define HARS_AKA_SUITE          0x02
#define HARS_AKA_REJECTED       0x10
#define HARS_AKA_PEER_REJECTED  0x11
#define HARS_AKA_BUSY           0x20
#define HARS_AKA_INTERNAL       0x30

/* 5.1 */
#define HARS_AKA_SYM_AES        0x01
#define HARS_AKA_X25519_AES     0x02           /* the default */
#define HARS_AKA_SYM_CHACHA     0x11
#define HARS_AKA_X25519_CHACHA  0x12

/* the kinds of registered parties */
#define HARS_AKA_DEVICE         0
#define HARS_AKA_FOG            1

#define HARS_AKA_KEY            32
#define HARS_AKA_SEED           32
#define HARS_AKA_RND            32
#define HARS_AKA_PID            16
#define HARS_AKA_PID_MAX        32             /* the paper's */
#define HARS_AKA_FAN            8              /* pseudonyms of a seed */
#define HARS_AKA_SID            16
#define HARS_AKA_SALT           16
#define HARS_AKA_ID_MAX         64
#define HARS_AKA_WINDOW         1024           /* 5.3: of a fog node's ctr */
#define HARS_AKA_BURNT          3              /* 5.5, 7: failures at most */
#define HARS_AKA_BURNT_MS       86400000       /* 5.5, 7: 24 h */
#define HARS_AKA_SKEW_MS        120000         /* 5.5, 8: of a time stamp */
#define HARS_AKA_PROVISIONAL_MS 30000          /* 5.4 */

#define HARS_AKA_M1             116
#define HARS_AKA_M2             232
#define HARS_AKA_M3             260
#define HARS_AKA_M4             164
#define HARS_AKA_ERR            28

#define HARS_AKA_MEMORY         128            /* 5.3: a device's flash */


/* a wearable; all but id and key is what its flash holds */
typedef struct {
    unsigned char  id[HARS_AKA_ID_MAX];        /* typed by its owner */
    unsigned char  key[HARS_AKA_KEY];          /* K_i, unlocked */

    uint64_t       ctr;                        /* of the last attempt */
    uint32_t       gen;
    unsigned char  salt[HARS_AKA_SALT];        /* a_i */
    unsigned char  wrapped[HARS_AKA_KEY];
    unsigned char  seed[HARS_AKA_SEED];        /* s */
    unsigned char  pk_cs[32];                  /* pinned */
    unsigned char  id_len;                     /* 1..64 */
    unsigned char  suite;
    unsigned char  fv;                         /* fuzzy verifier, 8 bits */
    unsigned char  n;                          /* of the last attempt */
} hars_aka_device_t;


/* the one attempt that a wearable waits for */
typedef struct {
    unsigned char  m1[HARS_AKA_M1];
    unsigned char  e[32];                      /* e_i */
    unsigned char  r[32];                      /* r1 */
    unsigned char  z0[32];                     /* 5.2; none in SYM suites */
    unsigned char  waiting;                    /* 1, or there is none */
} hars_aka_try_t;


/* a fog node; sealed with the platform's key where it is stored */
typedef struct {
    unsigned char  id[HARS_AKA_ID_MAX];        /* the paper's profile only */
    unsigned char  key[HARS_AKA_KEY];          /* K_j */
    unsigned char  seed[HARS_AKA_SEED];
    uint64_t       ctr;                        /* of the last M2 */
    unsigned char  id_len;
    unsigned char  n;                          /* of the last M2 */
} hars_aka_fog_t;


/* one session that a fog node has pending */
typedef struct {
    unsigned char  m2[HARS_AKA_M2];
    unsigned char  e[32];                      /* e_j */
    unsigned char  r[32];                      /* r2 */
    unsigned char  seed[HARS_AKA_SEED];        /* that M2 went out under */
    unsigned char  waiting;
} hars_aka_relay_t;


/* the cloud server's own secrets */
typedef struct {
    unsigned char  x[32];
    unsigned char  sk[32];
    unsigned char  pk[32];                     /* pk_cs, of sk */
} hars_aka_cloud_t;


/* what all three have in the end */
typedef struct {
    unsigned char  sk[HARS_AKA_KEY];
    unsigned char  sid[HARS_AKA_SID];
    int64_t        since;                      /* ms, at fog node and cloud */
    unsigned char  suite;
    unsigned char  confirmed;                  /* 5.4: not provisional */
} hars_aka_session_t;


#endif /* HARS_AKA_H */
