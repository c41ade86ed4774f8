
/*
 * See hars_fc_parties.h for what this is.  Pseudonyms and names are HMACs, so
 * their first bytes are a hash already, which nobody outside can choose.
 */

#include "hars_fc_parties.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>


#define HARS_FC_PARTIES_MIN  64           /* a power of two */
#define HARS_FC_PARTIES_MAX  (1 << 24)


struct hars_fc_parties_s {
    pthread_mutex_t          mutex;       /* of all that follows */
    hars_fc_party_t        **party;       /* by number - 1; NULL: a gap */
    uint64_t                 size;        /* of that, a power of two */
    uint64_t                 numbers;     /* given so far */
    hars_fc_party_t        **names;       /* "size" slots */
    hars_fc_pid_t          **pids;        /* 16 x "size" slots */
    hars_fc_party_t         *burns;       /* failures that are not written */
};


static int hars_fc_parties_grow(hars_fc_parties_t *parties, uint64_t least);
static void hars_fc_parties_chain(hars_fc_parties_t *parties,
    hars_fc_party_t *party);
static void hars_fc_parties_link(hars_fc_parties_t *parties,
    hars_fc_pid_t *pid);
static void hars_fc_parties_unlink(hars_fc_parties_t *parties,
    hars_fc_pid_t *pid);
static uint64_t hars_fc_parties_slot(const unsigned char *bytes,
    uint64_t slots);


hars_fc_parties_t *
hars_fc_parties_create(void)
{
    hars_fc_parties_t  *parties;

    parties = calloc(1, sizeof(hars_fc_parties_t));

    if (parties == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&parties->mutex, NULL);

    if (hars_fc_parties_grow(parties, HARS_FC_PARTIES_MIN) != HARS_OK) {
        hars_fc_parties_free(parties);
        return NULL;
    }

    return parties;
}


void
hars_fc_parties_free(hars_fc_parties_t *parties)
{
    uint64_t  i;

    if (parties == NULL) {
        return;
    }

    for (i = 0; i < parties->size; i++) {
        if (parties->party[i]) {
            hars_aka_wipe(parties->party[i], sizeof(hars_fc_party_t));
            free(parties->party[i]);
        }
    }

    pthread_mutex_destroy(&parties->mutex);
    free(parties->party);
    free(parties->names);
    free(parties->pids);
    free(parties);
}


void
hars_fc_parties_lock(hars_fc_parties_t *parties)
{
    pthread_mutex_lock(&parties->mutex);
}


void
hars_fc_parties_unlock(hars_fc_parties_t *parties)
{
    pthread_mutex_unlock(&parties->mutex);
}


/* one that comes to nothing leaves a gap; its place is there already */
uint64_t
hars_fc_parties_number(hars_fc_parties_t *parties)
{
    uint64_t  number;

    number = 0;
    hars_fc_parties_lock(parties);

    if (hars_fc_parties_grow(parties, parties->numbers + 1) == HARS_OK) {
        number = ++parties->numbers;
    }

    hars_fc_parties_unlock(parties);

    return number;
}


int
hars_fc_parties_add(hars_fc_parties_t *parties, hars_fc_party_t *party)
{
    if (party->number == 0
        || hars_fc_parties_grow(parties, party->number) != HARS_OK
        || parties->party[party->number - 1])
    {
        return HARS_ERROR;
    }

    party->pids = 0;

    if (hars_fc_parties_index(parties, party) != HARS_OK) {
        return HARS_ERROR;
    }

    parties->party[party->number - 1] = party;
    hars_fc_parties_chain(parties, party);

    if (party->number > parties->numbers) {
        parties->numbers = party->number;
    }

    return HARS_OK;
}


static int
hars_fc_parties_grow(hars_fc_parties_t *parties, uint64_t least)
{
    uint64_t             size, i, n;
    hars_fc_pid_t      **pids;
    hars_fc_party_t    **party, **names;

    for (size = HARS_FC_PARTIES_MIN; size < least; size *= 2) {
        if (size == HARS_FC_PARTIES_MAX) {
            hars_log_error("there are too many parties");
            return HARS_ERROR;
        }
    }

    if (size <= parties->size) {
        return HARS_OK;
    }

    party = calloc(size, sizeof(hars_fc_party_t *));
    names = calloc(size, sizeof(hars_fc_party_t *));
    pids = calloc(16 * size, sizeof(hars_fc_pid_t *));

    if (party == NULL || names == NULL || pids == NULL) {
        hars_log_error("no memory for more parties");
        free(party);
        free(names);
        free(pids);
        return HARS_ERROR;
    }

    if (parties->size) {
        memcpy(party, parties->party,
               parties->size * sizeof(hars_fc_party_t *));
    }

    free(parties->party);
    free(parties->names);
    free(parties->pids);

    parties->party = party;
    parties->names = names;
    parties->pids = pids;
    parties->size = size;

    for (i = 0; i < size; i++) {
        if (party[i]) {
            hars_fc_parties_chain(parties, party[i]);

            for (n = 0; n < party[i]->pids; n++) {
                hars_fc_parties_link(parties, &party[i]->pid[n]);
            }
        }
    }

    return HARS_OK;
}


static void
hars_fc_parties_chain(hars_fc_parties_t *parties, hars_fc_party_t *party)
{
    hars_fc_party_t  **slot;

    slot = &parties->names[hars_fc_parties_slot(party->name, parties->size)];
    party->next = *slot;
    *slot = party;
}


int
hars_fc_parties_index(hars_fc_parties_t *parties, hars_fc_party_t *party)
{
    unsigned       i, total;
    unsigned char  pid[2 * HARS_AKA_FAN][HARS_AKA_PID];

    total = hars_aka_row_pids(&party->row, pid);

    if (total == 0) {
        hars_log_error("pseudonyms cannot be computed");
        return HARS_ERROR;
    }

    for (i = 0; i < party->pids; i++) {
        hars_fc_parties_unlink(parties, &party->pid[i]);
    }

    for (i = 0; i < total; i++) {
        memcpy(party->pid[i].pid, pid[i], HARS_AKA_PID);
        party->pid[i].party = party;
        party->pid[i].n = i % HARS_AKA_FAN;
        hars_fc_parties_link(parties, &party->pid[i]);
    }

    party->pids = total;

    return HARS_OK;
}


static void
hars_fc_parties_link(hars_fc_parties_t *parties, hars_fc_pid_t *pid)
{
    hars_fc_pid_t  **slot;

    slot = &parties->pids[hars_fc_parties_slot(pid->pid, 16 * parties->size)];
    pid->next = *slot;
    *slot = pid;
}


static void
hars_fc_parties_unlink(hars_fc_parties_t *parties, hars_fc_pid_t *pid)
{
    hars_fc_pid_t  **slot;

    slot = &parties->pids[hars_fc_parties_slot(pid->pid, 16 * parties->size)];

    while (*slot != pid) {
        slot = &(*slot)->next;
    }

    *slot = pid->next;
}


static uint64_t
hars_fc_parties_slot(const unsigned char *bytes, uint64_t slots)
{
    uint64_t  v;

    memcpy(&v, bytes, sizeof(v));

    return v & (slots - 1);
}


unsigned
hars_fc_parties_burnt(hars_fc_parties_t *parties, hars_fc_party_t *party)
{
    if (party->burnt) {
        return 0;
    }

    party->burnt = 1;
    party->next_burnt = parties->burns;
    parties->burns = party;

    return 1;
}


hars_fc_party_t *
hars_fc_parties_burns(hars_fc_parties_t *parties)
{
    hars_fc_party_t  *p;

    p = parties->burns;

    if (p) {
        parties->burns = p->next_burnt;
        p->burnt = 0;
    }

    return p;
}


hars_fc_party_t *
hars_fc_parties_pid(hars_fc_parties_t *parties,
    const unsigned char pid[HARS_AKA_PID], unsigned *n)
{
    hars_fc_pid_t  *p;

    p = parties->pids[hars_fc_parties_slot(pid, 16 * parties->size)];

    while (p && memcmp(p->pid, pid, HARS_AKA_PID) != 0) {
        p = p->next;
    }

    if (p == NULL) {
        return NULL;
    }

    *n = p->n;

    return p->party;
}


hars_fc_party_t *
hars_fc_parties_name(hars_fc_parties_t *parties,
    const unsigned char name[HARS_FC_NAME])
{
    hars_fc_party_t  *p;

    p = parties->names[hars_fc_parties_slot(name, parties->size)];

    while (p && memcmp(p->name, name, HARS_FC_NAME) != 0) {
        p = p->next;
    }

    return p;
}


hars_fc_party_t *
hars_fc_parties_at(hars_fc_parties_t *parties, uint64_t number)
{
    return number && number <= parties->size ? parties->party[number - 1]
                                             : NULL;
}
