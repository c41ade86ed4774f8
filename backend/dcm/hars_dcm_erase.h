
/*
 * Erasure of a patient.  First the key goes, and with it the meaning of all
 * that was sealed under it; who was connected is nobody from then on.  The
 * rows go afterwards, some at a time, however many years there are; a row of
 * the patient, without a key, stays to the end, so that a stop in between
 * leaves nothing behind and nobody begins anew among what is left.
 *
 * One line stays: SHA-256 of the sub, when, and how many recordings.
 */

#ifndef HARS_DCM_ERASE_H
#define HARS_DCM_ERASE_H


#include "hars_dcm_patient.h"


/*
 * When it returns HARS_OK the key is nowhere in the database's files.
 * HARS_DECLINED: there is no such patient; HARS_ERROR: logged, it may be
 * that the key is gone and to be done again all the same.
 */
int hars_erase(hars_dcm_t *dcm, const char *sub);

/* some rows of who was erased; HARS_DECLINED: there are no more */
int hars_erase_rows(hars_dcm_t *dcm);


/*
 * HARS_OK: the patient was erased at that moment (ms since 1970) or after it;
 * HARS_DECLINED: not
 */
int hars_erased_since(hars_db_t *db, const char *sub, int64_t ms);


#endif /* HARS_DCM_ERASE_H */
