
/*
 * Sessions that no record of their wearable has confirmed yet (5.4): in
 * memory alone, for 30 s.  A restart forgets them, and the wearable begins
 * anew.
 */

#ifndef HARS_FC_PROVISIONAL_H
#define HARS_FC_PROVISIONAL_H


#include "aka_session.h"
#include "hars_fc.h"


#define HARS_FC_PROVISIONAL  65536        /* of all fog nodes */


typedef struct hars_fc_provisional_s  hars_fc_provisional_t;

typedef struct {
    hars_aka_session_t   session;
    uint64_t             device;          /* numbers of parties */
    uint64_t             fog;
    uint32_t             device_gen;      /* of their keys, at M2 */
    uint32_t             fog_gen;
} hars_fc_open_t;


/* NULL: no memory, logged */
hars_fc_provisional_t *hars_fc_provisional_create(void);
void hars_fc_provisional_free(hars_fc_provisional_t *table);

/* copied; what is over at its time goes; HARS_DECLINED: it is full */
int hars_fc_provisional_put(hars_fc_provisional_t *table,
    const hars_fc_open_t *open);

/* is there room, at "now"? */
int hars_fc_provisional_room(hars_fc_provisional_t *table, int64_t now);

/* a copy, to be wiped; HARS_DECLINED: there is none that lives at "now" */
int hars_fc_provisional_get(hars_fc_provisional_t *table,
    const unsigned char sid[HARS_AKA_SID], int64_t now, hars_fc_open_t *open);

/* wiped; nothing where it is not there */
void hars_fc_provisional_end(hars_fc_provisional_t *table,
    const unsigned char sid[HARS_AKA_SID]);

/* those of a party, for a revocation; 0: of all that are over at "now" */
void hars_fc_provisional_sweep(hars_fc_provisional_t *table, uint64_t party,
    int64_t now);

unsigned hars_fc_provisional_count(hars_fc_provisional_t *table);


#endif /* HARS_FC_PROVISIONAL_H */
