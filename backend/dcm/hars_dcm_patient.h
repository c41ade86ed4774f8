
/*
 * A patient's row: it is there from the first recording or connection on, and
 * has the key that all else of the patient is sealed under.
 */

#ifndef HARS_DCM_PATIENT_H
#define HARS_DCM_PATIENT_H


#include "hars_dcm.h"


/*
 * The patient's key, by any connection, inside or outside of a transaction.
 * HARS_DECLINED: there is no such patient, or it was erased.  To be wiped.
 */
int hars_patient_key(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    hars_patient_key_t *key);

/*
 * What "read" finds with that key and a connection that reads; its code, or
 * that of hars_patient_key().  The key is wiped.
 */
typedef int (*hars_patient_read_pt)(hars_db_t *db,
    const hars_patient_key_t *key, void *data);

int hars_patient_read(hars_dcm_t *dcm, const char *sub,
    hars_patient_read_pt read, void *data);

/*
 * As hars_patient_key(); makes the patient where there is none, but
 * HARS_DECLINED while what is left of one that was erased is on its way out.
 * It writes, and waits.
 * *full: it failed since the disk is full.
 */
int hars_patient_key_made(hars_dcm_t *dcm, const char *sub,
    hars_patient_key_t *key, unsigned *full);

/*
 * Inside a transaction that writes: locks the patient's row till its end, so
 * that recordings and events of one patient are numbered one after another.
 * HARS_DECLINED: there is none, or its key is not "key" any more: it was
 * erased meanwhile.  "key" may be NULL.
 */
int hars_patient_lock(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    const hars_patient_key_t *key);

/* is this no key but the place where one was? */
unsigned hars_patient_is_erased(
    const unsigned char wrapped[HARS_VAULT_WRAPPED]);

/* under that lock: the next number of a recording, of an event */
int hars_patient_next_seq(hars_db_t *db, const char *sub, int64_t *seq);
int hars_patient_next_event(hars_db_t *db, const char *sub, int64_t *event);


#endif /* HARS_DCM_PATIENT_H */
