
/*
 * A new data key: the settings name it first, and the one of before behind
 * it; all patients' keys are wrapped anew while the service serves.  When the
 * log says so, the old one is not needed any more.
 */

#ifndef HARS_DCM_REKEY_H
#define HARS_DCM_REKEY_H


#include "hars_dcm_patient.h"


/* zeroed: to begin */
typedef struct {
    char          sub[HARS_DCM_ID];       /* the last one looked at */
    uint64_t      done;                   /* keys wrapped anew */
    unsigned      over:1;
} hars_rekey_t;


/*
 * Before anything is served: HARS_ERROR after the log has cause and mend, some
 * patients' keys are wrapped by a data key that is not there.
 */
int hars_rekey_check(hars_dcm_t *dcm);

/* some of them; HARS_ERROR: logged, to be tried again */
int hars_rekey(hars_dcm_t *dcm, hars_rekey_t *rekey);


#endif /* HARS_DCM_REKEY_H */
