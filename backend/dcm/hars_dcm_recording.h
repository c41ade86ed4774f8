
/*
 * A recording's row: whose it is, who sent it, what became of it.  It is
 * stored with its blocks and its job in one transaction, or not at all.
 */

#ifndef HARS_DCM_RECORDING_H
#define HARS_DCM_RECORDING_H


#include "hars_dcm_patient.h"


#define HARS_RECORDING_REASON   512
#define HARS_RECORDING_MODEL    64
#define HARS_RECORDING_OPTIONS  256


typedef enum {
    HARS_RECORDING_QUEUED = 0,
    HARS_RECORDING_RUNNING,
    HARS_RECORDING_DONE,
    HARS_RECORDING_FAILED
} hars_recording_state_e;


typedef struct {
    char            patient[HARS_DCM_ID];
    char            id[HARS_DCM_ID];
    int64_t         seq;                  /* order of acceptance */
    char            uploader_sub[HARS_DCM_ID];
    char            uploader_client[HARS_DCM_ID];
    unsigned char   cert[HARS_SHA256_LEN];
    unsigned char   digest[HARS_SHA256_LEN];
    char            fog_session[HARS_DCM_ID];      /* "": the patient's */
    char            fog_device[HARS_DCM_ID];       /* alias of the wearable */
    char            placement[HARS_DCM_ID];

    /* of the ML service's query: sampling_rate_hz=50&placement=pocket */
    char            options[HARS_RECORDING_OPTIONS];

    int64_t         start_ms;
    int64_t         end_ms;
    int64_t         samples;              /* with all six values */
    int64_t         received;             /* rows */
    int64_t         empty;                /* of these dropped, by why */
    int64_t         duplicates;
    int64_t         outliers;
    int64_t         unpaired;
    int64_t         accepted_ms;
    hars_recording_state_e  state;
    char            reason[HARS_RECORDING_REASON];
    char            model[HARS_RECORDING_MODEL];
    int64_t         windows;
} hars_dcm_recording_t;


/* HARS_DECLINED: there is none */
int hars_recording_get(hars_db_t *db, const char *patient, const char *id,
    hars_dcm_recording_t *recording);

/* the same, by who sent it, as the gateway says (Hars-Client-Id) */
int hars_recording_sent(hars_db_t *db, const char *client, const char *id,
    hars_dcm_recording_t *recording);

/* the next one of a patient, by id; "" to begin */
int hars_recording_after(hars_db_t *db, const char *patient, const char *id,
    hars_dcm_recording_t *recording);

int hars_recording_insert(hars_db_t *db,
    const hars_dcm_recording_t *recording);

/* "queued" and so on */
const char *hars_recording_state(hars_recording_state_e state);

/* is this an id: 1 to 64 of A-Z a-z 0-9 . _ -, not of dots alone */
unsigned hars_recording_id(const char *id);


#endif /* HARS_DCM_RECORDING_H */
