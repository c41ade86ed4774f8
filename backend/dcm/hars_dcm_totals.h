
/*
 * How long which activity was, out of windows that may overlap.
 *
 * Of one recording a window counts until the next one begins, the last one
 * to its end; it counts as its smoothed activity.  Where recordings overlap
 * the one that was accepted first has the time, so that nobody walks twice
 * at once.  "unknown" is time that was recorded and looks like nothing that
 * the model knows; the rest of the day was not recorded.
 */

#ifndef HARS_DCM_TOTALS_H
#define HARS_DCM_TOTALS_H


#include "hars_dcm_windows.h"


#define HARS_DAY_MS  86400000


/* a window of the recording of this number of acceptance */
typedef struct {
    hars_window_t   window;
    int64_t         seq;
} hars_totals_window_t;


typedef struct {
    int64_t         activity_ms[HARS_ACTIVITIES];
    int64_t         covered_ms;
    int64_t         heart_ms;             /* time that has a heart rate */
    double          heart_sum;            /* 1/10 bpm times ms */
    unsigned        heart_min;            /* 1/10 bpm */
    unsigned        heart_max;
} hars_totals_t;


/*
 * What of these windows lies in [from, to); they are sorted in place.
 * HARS_ERROR: no memory.
 */
int hars_totals(hars_totals_window_t *window, size_t n, int64_t from_ms,
    int64_t to_ms, hars_totals_t *totals);

/*
 * JSON of it, from malloc(): {"activities":{"walking":12.8},"covered_s":...,
 * "heart_rate_bpm":null,"unknown_s":...}; NULL: no memory.
 */
char *hars_totals_json(const hars_totals_t *totals,
    const hars_activities_t *activities);


#endif /* HARS_DCM_TOTALS_H */
