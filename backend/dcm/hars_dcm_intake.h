
/*
 * A recording on its way into the store: its rows in blocks, compressed as
 * they fill; then sealed, and all of it stored in one transaction.
 */

#ifndef HARS_DCM_INTAKE_H
#define HARS_DCM_INTAKE_H


#include "hars_dcm_block.h"
#include "hars_dcm_recording.h"


/* compressed; sealed in the end */
typedef struct {
    int64_t              start_ms;
    unsigned char       *data;
    size_t               len;
} hars_intake_block_t;


/* zeroed at first */
typedef struct {
    hars_dcm_recording_t  recording;      /* to be set before the commit */
    int64_t               session_ms;     /* of a fog_session: it began */
    hars_patient_key_t    key;

    hars_block_t         *open[HARS_STREAMS];
    hars_intake_block_t  *block;
    unsigned              n;
    unsigned              size;
    size_t                bytes;          /* of all blocks */

    /* more memory is needed: HARS_OK, or there is too much already; or NULL */
    int                 (*hold)(void *data, size_t size);
    void                 *hold_data;
} hars_intake_t;


/* what became of it */
typedef enum {
    HARS_INTAKE_STORED = 0,
    HARS_INTAKE_AGAIN,                    /* it was there: recording is it */
    HARS_INTAKE_OTHER,                    /* another one has its id */
    HARS_INTAKE_ERASED,                   /* its patient is gone */
    HARS_INTAKE_FULL,                     /* the disk is */
    HARS_INTAKE_ERROR
} hars_intake_e;


/* rows of each stream in their order; HARS_ERROR: no memory */
int hars_intake_row(hars_intake_t *intake, const hars_row_t *row);

/*
 * The patient's key, who is made where there is none: it waits.  Then the
 * commit seals and stores all that there is, with recording as it is set.  A
 * session of before does not make a patient anew who was erased, nor stores
 * anything for one who is there again.
 */
hars_intake_e hars_intake_open(hars_dcm_t *dcm, hars_intake_t *intake);
hars_intake_e hars_intake_commit(hars_dcm_t *dcm, hars_intake_t *intake);

void hars_intake_free(hars_intake_t *intake);


#endif /* HARS_DCM_INTAKE_H */
