
/*
 * See hars_fc_provisional.h for what this is.  Slots by the first bytes of a
 * sid, which is the output of HKDF; what is over is found when its slot is
 * looked at, and by the sweep that each second brings.
 */

#include "hars_fc_provisional.h"
#include "aka_crypto.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>


#define HARS_FC_SLOTS  4096               /* a power of two */


typedef struct hars_fc_entry_s {
    hars_fc_open_t            open;
    struct hars_fc_entry_s   *next;
} hars_fc_entry_t;


struct hars_fc_provisional_s {
    pthread_mutex_t           mutex;      /* of all that follows */
    unsigned                  n;
    hars_fc_entry_t          *slot[HARS_FC_SLOTS];
};


static hars_fc_entry_t **hars_fc_provisional_slot(
    hars_fc_provisional_t *table, const unsigned char *sid);
static hars_fc_entry_t **hars_fc_provisional_find(
    hars_fc_provisional_t *table, const unsigned char *sid);
static void hars_fc_provisional_drop(hars_fc_provisional_t *table,
    hars_fc_entry_t **at);


hars_fc_provisional_t *
hars_fc_provisional_create(void)
{
    hars_fc_provisional_t  *table;

    table = calloc(1, sizeof(hars_fc_provisional_t));

    if (table == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&table->mutex, NULL);

    return table;
}


void
hars_fc_provisional_free(hars_fc_provisional_t *table)
{
    unsigned  i;

    if (table == NULL) {
        return;
    }

    for (i = 0; i < HARS_FC_SLOTS; i++) {
        while (table->slot[i]) {
            hars_fc_provisional_drop(table, &table->slot[i]);
        }
    }

    pthread_mutex_destroy(&table->mutex);
    free(table);
}


int
hars_fc_provisional_put(hars_fc_provisional_t *table,
    const hars_fc_open_t *open)
{
    hars_fc_entry_t  *entry, **slot;

    entry = malloc(sizeof(hars_fc_entry_t));

    if (entry == NULL) {
        return HARS_DECLINED;
    }

    entry->open = *open;

    pthread_mutex_lock(&table->mutex);

    slot = hars_fc_provisional_slot(table, open->session.sid);
    entry->next = *slot;
    *slot = entry;
    table->n++;

    pthread_mutex_unlock(&table->mutex);

    return HARS_OK;
}


int
hars_fc_provisional_room(hars_fc_provisional_t *table, int64_t now)
{
    if (hars_fc_provisional_count(table) >= HARS_FC_PROVISIONAL) {
        hars_fc_provisional_sweep(table, 0, now);
    }

    return hars_fc_provisional_count(table) < HARS_FC_PROVISIONAL
           ? HARS_OK : HARS_DECLINED;
}


int
hars_fc_provisional_get(hars_fc_provisional_t *table,
    const unsigned char sid[HARS_AKA_SID], int64_t now, hars_fc_open_t *open)
{
    int               rc;
    hars_fc_entry_t  *entry;

    pthread_mutex_lock(&table->mutex);

    entry = *hars_fc_provisional_find(table, sid);
    rc = entry && hars_aka_session_alive(&entry->open.session, now)
         ? HARS_OK : HARS_DECLINED;

    if (rc == HARS_OK) {
        *open = entry->open;
    }

    pthread_mutex_unlock(&table->mutex);

    return rc;
}


void
hars_fc_provisional_end(hars_fc_provisional_t *table,
    const unsigned char sid[HARS_AKA_SID])
{
    hars_fc_entry_t  **at;

    pthread_mutex_lock(&table->mutex);

    at = hars_fc_provisional_find(table, sid);

    if (*at) {
        hars_fc_provisional_drop(table, at);
    }

    pthread_mutex_unlock(&table->mutex);
}


void
hars_fc_provisional_sweep(hars_fc_provisional_t *table, uint64_t party,
    int64_t now)
{
    unsigned           i;
    hars_fc_open_t    *open;
    hars_fc_entry_t  **at;

    pthread_mutex_lock(&table->mutex);

    for (i = 0; i < HARS_FC_SLOTS; i++) {
        at = &table->slot[i];

        while (*at) {
            open = &(*at)->open;

            if ((party && (open->device == party || open->fog == party))
                || !hars_aka_session_alive(&open->session, now))
            {
                hars_fc_provisional_drop(table, at);

            } else {
                at = &(*at)->next;
            }
        }
    }

    pthread_mutex_unlock(&table->mutex);
}


unsigned
hars_fc_provisional_count(hars_fc_provisional_t *table)
{
    unsigned  n;

    pthread_mutex_lock(&table->mutex);
    n = table->n;
    pthread_mutex_unlock(&table->mutex);

    return n;
}


static hars_fc_entry_t **
hars_fc_provisional_slot(hars_fc_provisional_t *table,
    const unsigned char *sid)
{
    return &table->slot[((unsigned) sid[0] << 8 | sid[1])
                        & (HARS_FC_SLOTS - 1)];
}


/* where it hangs, or where it would: then that is NULL */
static hars_fc_entry_t **
hars_fc_provisional_find(hars_fc_provisional_t *table,
    const unsigned char *sid)
{
    hars_fc_entry_t  **at;

    at = hars_fc_provisional_slot(table, sid);

    while (*at && memcmp((*at)->open.session.sid, sid, HARS_AKA_SID) != 0) {
        at = &(*at)->next;
    }

    return at;
}


static void
hars_fc_provisional_drop(hars_fc_provisional_t *table, hars_fc_entry_t **at)
{
    hars_fc_entry_t  *entry;

    entry = *at;
    *at = entry->next;
    table->n--;

    hars_aka_wipe(entry, sizeof(hars_fc_entry_t));
    free(entry);
}
