
/*
 * The registered wearables and fog nodes, in memory: their rows, opened, and
 * the index from pseudonym to row, which is nowhere else (5.3).
 *
 * A party stays at its place until the end.  All of it is under one lock,
 * but for number, name and who, which never change, and what is said to be
 * somebody's own.
 */

#ifndef HARS_FC_PARTIES_H
#define HARS_FC_PARTIES_H


#include "aka_row.h"
#include "hars_fc_keys.h"
#include "hars_fc_rate.h"


typedef struct hars_fc_party_s  hars_fc_party_t;
typedef struct hars_fc_parties_s  hars_fc_parties_t;


/* one pseudonym in the index */
typedef struct hars_fc_pid_s {
    unsigned char            pid[HARS_AKA_PID];
    struct hars_fc_pid_s    *next;        /* of its slot */
    hars_fc_party_t         *party;
    unsigned                 n;           /* of its seed */
} hars_fc_pid_t;


struct hars_fc_party_s {
    uint64_t                 number;
    unsigned char            name[HARS_FC_NAME];
    char                     who[HARS_WHO_ID];    /* patient; client */
    hars_aka_row_t           row;
    hars_fc_rate_t           rate;        /* a fog node's */
    uint64_t                 written;     /* hars_fc_commit.c's own */
    unsigned                 burnt:1;     /* is in that list */
    hars_fc_party_t         *next_burnt;
    unsigned                 pids;        /* in the index */
    hars_fc_pid_t            pid[2 * HARS_AKA_FAN];
    hars_fc_party_t         *next;        /* of its slot of names */
};


/* NULL: no memory, logged */
hars_fc_parties_t *hars_fc_parties_create(void);

/* wiped */
void hars_fc_parties_free(hars_fc_parties_t *parties);

void hars_fc_parties_lock(hars_fc_parties_t *parties);
void hars_fc_parties_unlock(hars_fc_parties_t *parties);

/*
 * A number that none has, with room for its party; 0: there are as many as
 * can be, or no memory, logged.  Nothing may be written then, for a row that
 * finds no room is one that the next start cannot read.
 */
uint64_t hars_fc_parties_number(hars_fc_parties_t *parties);

/*
 * All of the following under the lock.  The party, from malloc(), is the
 * table's from now on; HARS_ERROR: no memory, or its number is taken.
 */
int hars_fc_parties_add(hars_fc_parties_t *parties, hars_fc_party_t *party);

/* its row has changed: the index with it */
int hars_fc_parties_index(hars_fc_parties_t *parties,
    hars_fc_party_t *party);

/*
 * Its failures are to be written: 1, or 0 where that was said already; one of
 * whom it was said, once, NULL: there is none.
 */
unsigned hars_fc_parties_burnt(hars_fc_parties_t *parties,
    hars_fc_party_t *party);
hars_fc_party_t *hars_fc_parties_burns(hars_fc_parties_t *parties);

/* NULL: there is none */
hars_fc_party_t *hars_fc_parties_pid(hars_fc_parties_t *parties,
    const unsigned char pid[HARS_AKA_PID], unsigned *n);
hars_fc_party_t *hars_fc_parties_name(hars_fc_parties_t *parties,
    const unsigned char name[HARS_FC_NAME]);
hars_fc_party_t *hars_fc_parties_at(hars_fc_parties_t *parties,
    uint64_t number);


#endif /* HARS_FC_PARTIES_H */
