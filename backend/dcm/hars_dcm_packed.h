
/* A stored recording on its way to the ML service. */

#ifndef HARS_DCM_PACKED_H
#define HARS_DCM_PACKED_H


#include "hars_dcm.h"


/*
 * A recording as the ML service takes it, application/vnd.hars.samples, from
 * malloc().  HARS_DECLINED: there is nothing of it (any more).
 */
int hars_samples_packed(hars_dcm_t *dcm, hars_db_t *db, const char *patient,
    const char *recording, char **body, size_t *len);

/* the same of its rows in [from, to), ms */
int hars_samples_packed_part(hars_dcm_t *dcm, hars_db_t *db,
    const char *patient, const char *recording, int64_t from_ms,
    int64_t to_ms, char **body, size_t *len);


#endif /* HARS_DCM_PACKED_H */
