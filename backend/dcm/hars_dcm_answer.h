
/*
 * What the ML service answered (docs/mlservice.md): a model and windows.  It
 * comes from another machine, and is taken only as far as it is what it has
 * to be.
 */

#ifndef HARS_DCM_ANSWER_H
#define HARS_DCM_ANSWER_H


#include "hars_dcm_windows.h"


#define HARS_ANSWER_MODEL    64
#define HARS_ANSWER_REASON   512
#define HARS_ANSWER_WINDOWS  300000


typedef struct {
    char                model[HARS_ANSWER_MODEL];
    hars_activities_t   activities;
    hars_window_t      *window;           /* from malloc(), by time */
    unsigned            n;
} hars_ml_answer_t;


/*
 * Times in it are seconds since 1970.  HARS_ERROR: "reason" says why it is
 * none; then there is nothing to free.
 */
int hars_ml_answer(const char *body, size_t len, hars_ml_answer_t *answer,
    char reason[HARS_ANSWER_REASON]);

/*
 * Why it refused a recording, for the patient: the problem's detail (RFC
 * 9457), without control characters.
 */
void hars_ml_refusal(const char *body, size_t len, long status,
    char reason[HARS_ANSWER_REASON]);


#endif /* HARS_DCM_ANSWER_H */
