
/*
 * See hars_dcm_timeline.h for what this is.  A block is found by where it
 * begins; it is no longer than HARS_WINDOWS_SPAN and a window.
 */

#include "hars_dcm_timeline.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>


#define HARS_TIMELINE_REACH  (HARS_WINDOWS_SPAN + HARS_WINDOW_MS)

#define HARS_TIMELINE_BLOCK                                                  \
    "SELECT w.start_ms, w.recording, w.model, w.event, w.data, r.seq"        \
    " FROM window_block w JOIN recording r"                                  \
    " ON r.patient = w.patient AND r.id = w.recording WHERE w.patient = ?1"


static int hars_timeline_open(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_activities_t *activities,
    hars_timeline_block_t *block);
static int hars_timeline_collect(const hars_timeline_block_t *block,
    int64_t from, int64_t to, hars_totals_window_t **list, size_t *n,
    size_t *size);


void
hars_timeline_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t start_ms, const char *recording, const char *model)
{
    hars_seal_name(name, "window_block", patient, "%lld\n%s\n%s",
                   (long long) start_ms, recording, model);
}


void
hars_timeline_day_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t day)
{
    hars_seal_name(name, "day", patient, "%lld", (long long) day);
}


int
hars_timeline_find(hars_db_t *db, const char *patient, int64_t from_ms,
    int64_t to_ms)
{
    hars_db_text(db, patient);
    hars_db_int(db, from_ms - HARS_TIMELINE_REACH);
    hars_db_int(db, to_ms);

    return hars_db_run(db, HARS_TIMELINE_BLOCK
                       " AND w.start_ms > ?2 AND w.start_ms < ?3"
                       " ORDER BY w.start_ms, w.recording, w.model");
}


int
hars_timeline_of(hars_db_t *db, const char *patient, const char *recording)
{
    hars_db_text(db, patient);
    hars_db_text(db, recording);

    return hars_db_run(db, HARS_TIMELINE_BLOCK " AND w.recording = ?2"
                       " ORDER BY w.start_ms, w.model");
}


int
hars_timeline_since(hars_db_t *db, const char *patient, int64_t event,
    int64_t limit)
{
    hars_db_text(db, patient);
    hars_db_int(db, event);
    hars_db_int(db, limit);

    return hars_db_run(db, HARS_TIMELINE_BLOCK " AND w.event > ?2"
                       " ORDER BY w.event LIMIT ?3");
}


int
hars_timeline_next(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_activities_t *activities,
    hars_timeline_block_t *block)
{
    int  rc;

    rc = hars_db_row(db);

    if (rc != HARS_OK) {
        return rc;
    }

    if (hars_timeline_open(db, patient, key, activities, block) != HARS_OK) {
        hars_log_error("a block of windows does not open: the database was "
                       "damaged, or changed by somebody else");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_timeline_open(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_activities_t *activities,
    hars_timeline_block_t *block)
{
    int                   n;
    char                  name[HARS_VAULT_NAME];
    size_t                len;
    unsigned char         plain[HARS_WINDOWS_SIZE(HARS_WINDOWS_BLOCK)];
    const unsigned char  *data;

    block->start_ms = hars_db_get_int(db, 0);
    block->event = hars_db_get_int(db, 3);
    block->seq = hars_db_get_int(db, 5);

    if (hars_db_get_text(db, 1, block->recording, HARS_DCM_ID) != HARS_OK
        || hars_db_get_text(db, 2, block->model, HARS_ANSWER_MODEL)
           != HARS_OK
        || hars_db_get_bytes(db, 4, &data, &len) != HARS_OK
        || len < HARS_VAULT_SEAL || len - HARS_VAULT_SEAL > sizeof(plain))
    {
        return HARS_ERROR;
    }

    hars_timeline_name(name, patient, block->start_ms, block->recording,
                       block->model);

    if (hars_open_bytes(key, name, data, len, plain) != HARS_OK) {
        return HARS_ERROR;
    }

    n = hars_windows_decode(plain, len - HARS_VAULT_SEAL, block->start_ms,
                            block->window, activities);
    explicit_bzero(plain, len - HARS_VAULT_SEAL);
    block->n = n < 0 ? 0 : (unsigned) n;

    return n < 0 ? HARS_ERROR : HARS_OK;
}


int
hars_timeline_totals(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, int64_t from_ms, int64_t to_ms,
    hars_totals_t *totals, hars_activities_t *activities)
{
    int                     rc;
    size_t                  n, size;
    hars_totals_window_t   *list;
    hars_timeline_block_t  *block;

    block = malloc(sizeof(hars_timeline_block_t));

    if (block == NULL) {
        return HARS_ERROR;
    }

    list = NULL;
    n = size = 0;

    rc = hars_timeline_find(db, patient, from_ms, to_ms);

    while (rc == HARS_OK) {
        rc = hars_timeline_next(db, patient, key, activities, block);

        if (rc == HARS_OK) {
            rc = hars_timeline_collect(block, from_ms, to_ms, &list, &n,
                                       &size);
        }
    }

    hars_db_done(db);
    free(block);

    rc = (rc == HARS_DECLINED) ? hars_totals(list, n, from_ms, to_ms, totals)
                               : HARS_ERROR;
    free(list);

    return rc;
}


static int
hars_timeline_collect(const hars_timeline_block_t *block, int64_t from,
    int64_t to, hars_totals_window_t **list, size_t *n, size_t *size)
{
    void                 *p;
    unsigned              i;
    const hars_window_t  *w;

    if (*n + block->n > *size) {
        *size = 2 * *size + HARS_WINDOWS_BLOCK;
        p = realloc(*list, *size * sizeof(hars_totals_window_t));

        if (p == NULL) {
            return HARS_ERROR;
        }

        *list = p;
    }

    for (i = 0; i < block->n; i++) {
        w = &block->window[i];

        if (w->start_ms < to && w->start_ms + w->len_ms > from) {
            (*list)[*n].window = *w;
            (*list)[(*n)++].seq = block->seq;
        }
    }

    return HARS_OK;
}
