
/*
 * What the cloud server keeps of a wearable or a fog node (5.3), and its
 * rules: pseudonyms {cur, prev} (5.6), counters, pseudonyms that are burnt
 * (5.5, step 7).  A row is a struct; sealed it is bytes for the database,
 * which tells nothing without x.
 *
 * The index from pseudonym to row (in memory only, 2 x 8 entries a party) is
 * the caller's: hars_aka_row_pids() says what has to be in it.
 */

#ifndef HARS_AKA_ROW_H
#define HARS_AKA_ROW_H


#include "aka.h"


#define HARS_AKA_CUR      0
#define HARS_AKA_PREV     1

#define HARS_AKA_ACTIVE   1
#define HARS_AKA_REVOKED  2

#define HARS_AKA_ROW_SEALED  326        /* nonce, bytes, tag */


typedef struct {
    unsigned char  kind;                        /* HARS_AKA_DEVICE, _FOG */
    unsigned char  id[HARS_AKA_ID_MAX];
    unsigned char  id_len;
    unsigned char  suite;                       /* a device's */
    unsigned char  status;
    unsigned char  has_prev;
    uint32_t       gen;
    unsigned char  seed[2][HARS_AKA_SEED];      /* s_cur, s_prev */
    unsigned char  burnt[2][HARS_AKA_FAN];      /* failures of a pid */
    int64_t        t_last;                      /* of the last failure, ms */
    uint64_t       ctr;                         /* ctr_last */
    unsigned char  window[HARS_AKA_WINDOW / 8]; /* a fog node's: ctr % 1024 */
} hars_aka_row_t;


/*
 * A new party, active, gen 1.  "seed" is random and new.  HARS_AKA_ERROR
 * where the id has not 1 to 64 bytes or the suite is none of 5.1.
 */
int hars_aka_row_make(hars_aka_row_t *row, unsigned kind,
    const unsigned char *id, size_t id_len, unsigned suite,
    const unsigned char seed[HARS_AKA_SEED]);

/*
 * gen + 1, a new seed, counters and burns anew, active; the party has to be
 * given key and seed by wire, with its own counter at 0.
 */
int hars_aka_row_rekey(hars_aka_row_t *row,
    const unsigned char seed[HARS_AKA_SEED]);

/* its pseudonyms now: 8 of cur, then 8 of prev; the number of them, or 0 */
unsigned hars_aka_row_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID]);

/* of which seed is "pid", its n-th: CUR, PREV, or -1 for neither */
int hars_aka_row_of(const hars_aka_row_t *row, unsigned n,
    const unsigned char pid[HARS_AKA_PID]);

/*
 * 5.6: accepted under a pseudonym of "of"; "fresh" is random and new and used
 * only where that is CUR.  What the party is told is seed[CUR] then.
 */
void hars_aka_row_roll(hars_aka_row_t *row, unsigned of,
    const unsigned char fresh[HARS_AKA_SEED]);

/* is the n-th pseudonym of a seed dead at "now"?  another failure of it */
int hars_aka_row_is_burnt(const hars_aka_row_t *row, unsigned of, unsigned n,
    int64_t now);
void hars_aka_row_burn(hars_aka_row_t *row, unsigned of, unsigned n,
    int64_t now);

/* may this counter be taken? a device's grows, a fog node's has a window */
int hars_aka_row_is_fresh(const hars_aka_row_t *row, uint64_t ctr);
void hars_aka_row_take(hars_aka_row_t *row, uint64_t ctr);

/*
 * AES-256-GCM under HKDF(x, L"root", L"db"), AAD be64 number.  "nonce" is
 * random and new for each write.  HARS_AKA_DROP: not sealed by this x, of
 * another number, changed.
 */
int hars_aka_row_seal(const hars_aka_row_t *row, const unsigned char x[32],
    uint64_t number, const unsigned char nonce[12],
    unsigned char sealed[HARS_AKA_ROW_SEALED]);
int hars_aka_row_open(hars_aka_row_t *row, const unsigned char x[32],
    uint64_t number, const unsigned char *sealed, size_t len);


#endif /* HARS_AKA_ROW_H */
