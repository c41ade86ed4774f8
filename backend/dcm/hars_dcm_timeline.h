
/*
 * A patient's windows and days in the database.
 */

#ifndef HARS_DCM_TIMELINE_H
#define HARS_DCM_TIMELINE_H


#include "hars_dcm_answer.h"
#include "hars_dcm_patient.h"
#include "hars_dcm_totals.h"


/* a block of windows, from where hars_timeline_next() found it */
typedef struct {
    int64_t             start_ms;
    char                recording[HARS_DCM_ID];
    char                model[HARS_ANSWER_MODEL];
    int64_t             seq;              /* of the recording */
    int64_t             event;
    hars_window_t       window[HARS_WINDOWS_BLOCK];
    unsigned            n;
} hars_timeline_block_t;


/*
 * Blocks with windows that begin in [from, to), and some that begin before,
 * by time: a statement that runs, whose rows hars_timeline_next() reads.
 */
int hars_timeline_find(hars_db_t *db, const char *patient, int64_t from_ms,
    int64_t to_ms);

/* the same: those of a recording, by time */
int hars_timeline_of(hars_db_t *db, const char *patient,
    const char *recording);

/* the same: those behind an event, by events, up to "limit" */
int hars_timeline_since(hars_db_t *db, const char *patient, int64_t event,
    int64_t limit);

/*
 * The next one of these, opened; names that are new are added.
 * HARS_DECLINED: there is no more.
 */
int hars_timeline_next(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_activities_t *activities,
    hars_timeline_block_t *block);

/* totals of what begins or lies in [from, to), from the windows */
int hars_timeline_totals(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, int64_t from_ms, int64_t to_ms,
    hars_totals_t *totals, hars_activities_t *activities);

/* names of what is sealed */
void hars_timeline_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t start_ms, const char *recording, const char *model);
void hars_timeline_day_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t day);


#endif /* HARS_DCM_TIMELINE_H */
