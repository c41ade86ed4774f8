
/*
 * A recording while it is read: rows go through feed, clock and windows as
 * they come, and of each window only its answer is kept.
 *
 *     rows -> lanes -> feed -> clock -> windows -> inputs -> vote -> told
 *                         \-> middles: of times between samples, |a|, |g|
 *
 * Rows of all six values are never kept.  Of two streams one waits for the
 * other, as far as it is ahead.  When all is read the recording is judged as
 * a whole, by the middles, before anything is answered.
 */

#ifndef HARS_ML_READING_H
#define HARS_ML_READING_H


#include "hars_ml_sift.h"


#define HARS_READING_ROWS    10000000     /* 55 hours at 50 Hz */
#define HARS_READING_BEATS   1000000      /* heart rates */
#define HARS_READING_WINDOWS 200000       /* 71 hours, however few the rows */

#define HARS_TOLD_UNKNOWN    255
#define HARS_TOLD_PLACES     10000        /* of a share: four */


/* what is told of a window */
typedef struct {
    double             start;              /* s */
    double             heart;              /* 1/min; NaN: not measured */
    uint16_t           confidence;         /* in HARS_TOLD_PLACES */
    uint16_t           share[HARS_ML_CLASSES];
    uint8_t            activity;           /* class, or HARS_TOLD_UNKNOWN */
    uint8_t            smoothed;
} hars_told_t;


typedef struct {
    double             t;
    float              rate;
} hars_beat_t;


typedef struct {
    hars_sift_t           sift;
    const hars_model_t   *model;
    hars_features_t      *features;
    hars_windows_t        windows;
    hars_run_t            run;
    hars_beat_t          *beat;
    size_t                beats;
    size_t                beats_size;

    hars_told_t          *told;
    size_t                n;
    size_t                size;
} hars_reading_t;


/* NULL: no memory */
hars_reading_t *hars_reading_create(const hars_options_t *options,
    const hars_model_t *model, int (*hold)(void *data, size_t size),
    void *data);
void hars_reading_free(hars_reading_t *reading);

/*
 * Rows in our units, and their end: status 0, or the HTTP status of the
 * refusal with its fault.
 */
unsigned hars_reading_rows(hars_reading_t *reading, const hars_rows_t *rows,
    hars_fault_t *fault);
unsigned hars_reading_end(hars_reading_t *reading, hars_fault_t *fault);

/* an answer as it is told */
void hars_told(const hars_model_t *model, const hars_answer_t *answer,
    hars_told_t *told);

/* its name; "unknown", too */
const char *hars_told_activity(const hars_model_t *model, unsigned activity);


#endif /* HARS_ML_READING_H */
