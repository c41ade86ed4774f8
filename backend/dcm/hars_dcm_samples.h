
/*
 * Stored samples: from the database to blocks, one at a time.
 */

#ifndef HARS_DCM_SAMPLES_H
#define HARS_DCM_SAMPLES_H


#include "hars_dcm_block.h"
#include "hars_dcm_patient.h"


#define HARS_SAMPLES_EVER  253402300800000     /* ms: the year 10000 */


/* where the reading of blocks has come to, by time */
typedef struct {
    char                 patient[HARS_DCM_ID];
    char                 recording[HARS_DCM_ID];    /* of the block before */
    int64_t              start_ms;
    int64_t              n;
    int64_t              to_ms;           /* blocks that begin before */
} hars_samples_t;


/* all blocks with rows in [from, to), ms, by time; more may be in them */
void hars_samples_begin(hars_samples_t *samples, const char *patient,
    int64_t from_ms, int64_t to_ms);

/*
 * The next block, whose recording is then samples->recording.  HARS_DECLINED:
 * there is none, or no such patient.  The connection is needed for this call
 * alone.
 */
int hars_samples_next(hars_dcm_t *dcm, hars_db_t *db, hars_samples_t *samples,
    hars_block_t *block);

/* a row's i-th column, opened as "name" and unpacked; HARS_ERROR: logged */
int hars_samples_block(hars_db_t *db, unsigned i,
    const hars_patient_key_t *key, const char *name, hars_block_t *block);

/* a sealed block's name */
void hars_samples_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t start_ms, const char *recording, int64_t n);


#endif /* HARS_DCM_SAMPLES_H */
