
/*
 * Readings have an end: of windows, however few the rows that they are made
 * of.  What an answer is plays no part here.
 */

/* link: backend/mlservice/hars_ml_sift.c backend/mlservice/hars_ml_middle.c */
/* link: backend/mlservice/hars_ml_feed.c backend/mlservice/hars_ml_source.c */
/* link: backend/mlservice/hars_ml_drift.c */
/* link: backend/mlservice/hars_ml_recording.c */
/* link: backend/mlservice/hars_ml_clock.c */
/* link: -lm */

#include "../../backend/mlservice/hars_ml_reading.c"

#include "tap.h"


static int hold(void *data, size_t size);


static hars_model_t  model;


hars_features_t *
hars_features_create(void)
{
    return calloc(1, sizeof(hars_features_t));
}


void
hars_features_free(hars_features_t *f)
{
    free(f);
}


void
hars_answer_window(hars_answer_t *answer, hars_run_t *run,
    const hars_model_t *of, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES])
{
    (void) run;
    (void) of;
    (void) features;
    (void) row;

    memset(answer, 0, sizeof(hars_answer_t));
    answer->start = start;
}


void
hars_told(const hars_model_t *of, const hars_answer_t *answer,
    hars_told_t *told)
{
    (void) of;

    memset(told, 0, sizeof(hars_told_t));
    told->start = answer->start;
}


static int
hold(void *data, size_t size)
{
    (void) data;
    (void) size;

    return HARS_OK;
}


int
main(void)
{
    unsigned          i;
    double            row[HARS_ML_WINDOW][HARS_ML_AXES];
    hars_rows_t       rows;
    hars_fault_t      fault;
    hars_reading_t   *reading;
    hars_options_t    options;

    memset(row, 0, sizeof(row));
    memset(&rows, 0, sizeof(rows));
    memset(&options, 0, sizeof(options));
    options.rate = 50;
    model.nclasses = 2;

    reading = hars_reading_create(&options, &model, hold, NULL);
    hars_reading_rows(reading, &rows, &fault);

    for (i = 0; i < HARS_READING_WINDOWS; i++) {
        hars_reading_window(reading, 1.28 * i,
                            (const double (*)[HARS_ML_AXES]) row);
    }

    ok(reading->n == 200000 && reading->sift.status == 0, "200,000 windows");

    hars_reading_window(reading, 1.28 * i,
                        (const double (*)[HARS_ML_AXES]) row);

    ok(reading->n == 200000 && reading->sift.status == 413
       && strstr(fault.detail, "more than 200000 windows"), "one more: 413");

    hars_reading_free(reading);

    return tap_done();
}
