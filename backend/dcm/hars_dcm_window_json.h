
/* Windows as answers have them. */

#ifndef HARS_DCM_WINDOW_JSON_H
#define HARS_DCM_WINDOW_JSON_H


#include "hars_dcm_windows.h"

#include <jansson.h>


/*
 * {"start":...,"end":...,"activity":...,"confidence":...,"smoothed":...,
 * "heart_rate_bpm":...}, times in seconds since 1970; with "recording" and
 * "model" where these are not NULL.  NULL: no memory.
 */
json_t *hars_window_json(const hars_window_t *window,
    const hars_activities_t *activities, const char *recording,
    const char *model);

/* digits of such a time, for JSON_REAL_PRECISION() */
#define HARS_WINDOW_DIGITS  14


#endif /* HARS_DCM_WINDOW_JSON_H */
