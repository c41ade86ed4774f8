
/*
 * A recording on its way into the store: its rows in blocks, compressed and
 * sealed as they fill, outside of any transaction; then all of it in one.
 */

#ifndef HARS_DCM_INTAKE_H
#define HARS_DCM_INTAKE_H


#include "hars_dcm_block.h"
#include "hars_dcm_recording.h"


/* sealed, and ready to be stored */
typedef struct {
    int64_t              start_ms;
    unsigned char       *data;
    size_t               len;
} hars_intake_block_t;


typedef struct {
    hars_dcm_t           *dcm;
    hars_dcm_recording_t  recording;      /* patient and id are set before */
    hars_patient_key_t    key;

    hars_block_t         *open[HARS_STREAMS];
    unsigned char        *plain;          /* of one block */

    hars_intake_block_t  *block;
    unsigned              n;
    unsigned              size;
    size_t                bytes;          /* of all blocks */
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


/* the patient is made where there is none; HARS_ERROR: logged, to be freed */
int hars_intake_begin(hars_intake_t *intake, hars_dcm_t *dcm,
    const char *patient, const char *id, unsigned *full);

/* rows of each stream in their order */
int hars_intake_row(hars_intake_t *intake, const hars_row_t *row);

/* stores what there is, with recording as it is set; after the commit */
hars_intake_e hars_intake_commit(hars_intake_t *intake);

void hars_intake_free(hars_intake_t *intake);


#endif /* HARS_DCM_INTAKE_H */
