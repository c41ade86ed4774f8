
/*
 * Is this a recording that can be answered?  Two questions: which records
 * are none (empty ones, sent twice), and does the rest mean what it says
 * (time goes on, the declared rate is the rate, acceleration is in m/s^2
 * and has gravity in it, rotation is in rad/s).
 *
 * Units are judged by magnitude: the median of |a| over a recording is near
 * 9.8 whatever a person does, because gravity is always there.  A recording
 * that betrays other units is refused with the mend, never repaired in
 * silence.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* beyond what phones and watches measure: 16 g on each axis, 2000 deg/s */
#define HARS_ACCELERATION_MAX   300.0
#define HARS_ROTATION_MAX       75.0

/* the median of |a| in m/s^2; people at rest and running: 9.5 to 13 */
#define HARS_MEDIAN_MIN         6.0
#define HARS_MEDIAN_MAX         20.0
#define HARS_MEDIAN_G_MIN       0.6
#define HARS_MEDIAN_G_MAX       2.1
#define HARS_TURNING_MAX        20.0

#define HARS_TIME_MAX           1e12


static int hars_sample_is_empty(const hars_sample_t *s);
static int hars_sample_check(const hars_sample_t *s, long row,
    hars_fault_t *fault);
static double hars_median(double *value, size_t n);
static int hars_double_cmp(const void *one, const void *two);
static int hars_rate_judge(const hars_recording_t *rec, double *room,
    hars_fault_t *fault);
static int hars_units_judge(const hars_recording_t *rec, double *room,
    hars_fault_t *fault);


int
hars_fault(hars_fault_t *fault, const char *field, long row, int column,
    const char *fmt, ...)
{
    va_list  args;

    fault->field = field;
    fault->row = row;
    fault->column = column;

    va_start(args, fmt);
    vsnprintf(fault->detail, sizeof(fault->detail), fmt, args);
    va_end(args);

    return HARS_ERROR;
}


int
hars_recording_clean(hars_recording_t *rec, hars_fault_t *fault)
{
    size_t          i, kept;
    hars_sample_t  *s, *last;

    kept = 0;
    last = NULL;
    rec->empty = 0;
    rec->duplicates = 0;

    for (i = 0; i < rec->n; i++) {
        s = &rec->sample[i];

        if (hars_sample_is_empty(s)) {
            rec->empty++;
            continue;
        }

        if (hars_sample_check(s, (long) i, fault) != HARS_OK) {
            return HARS_ERROR;
        }

        if (last != NULL && s->t <= last->t) {

            if (s->t == last->t
                && memcmp(s->v, last->v, sizeof(s->v)) == 0)
            {
                rec->duplicates++;
                continue;
            }

            return hars_fault(fault, "samples", (long) i, 0,
                              "time %.6f s is not after %.6f s of the record "
                              "before; send records in order, each with its "
                              "own time", s->t, last->t);
        }

        last = &rec->sample[kept++];
        *last = *s;
    }

    rec->n = kept;

    if (kept == 0) {
        return hars_fault(fault, "samples", -1, -1,
                          "no record has a value: all are zero or null");
    }

    return HARS_OK;
}


static int
hars_sample_is_empty(const hars_sample_t *s)
{
    unsigned  i, zeros;

    zeros = 0;

    for (i = 0; i < HARS_ML_AXES; i++) {

        if (isnan(s->v[i])) {
            return 1;
        }

        zeros += s->v[i] == 0.0;
    }

    return zeros == HARS_ML_AXES;
}


static int
hars_sample_check(const hars_sample_t *s, long row, hars_fault_t *fault)
{
    int     i;
    double  limit;

    if (!(fabs(s->t) <= HARS_TIME_MAX)) {
        return hars_fault(fault, "samples", row, 0,
                          "time %g is no time in seconds", s->t);
    }

    for (i = 0; i < HARS_ML_AXES; i++) {
        limit = i < 3 ? HARS_ACCELERATION_MAX : HARS_ROTATION_MAX;

        if (fabs(s->v[i]) <= limit) {
            continue;
        }

        return hars_fault(fault, "samples", row, i + 1,
                          i < 3 ? "acceleration %g is beyond %g m/s^2"
                          : "rotation %g is beyond %g rad/s; from deg/s: "
                          "multiply by 0.0174533", s->v[i], limit);
    }

    return HARS_OK;
}


int
hars_recording_is_short(const hars_recording_t *rec)
{
    return rec->n < 2
           || rec->sample[rec->n - 1].t - rec->sample[0].t
              < (double) (HARS_ML_WINDOW - 1) / HARS_ML_RATE - 1e-6;
}


double
hars_recording_rate(const hars_recording_t *rec, double *room)
{
    size_t  i;

    for (i = 1; i < rec->n; i++) {
        room[i - 1] = rec->sample[i].t - rec->sample[i - 1].t;
    }

    return 1 / hars_median(room, rec->n - 1);
}


static double
hars_median(double *value, size_t n)
{
    qsort(value, n, sizeof(double), hars_double_cmp);

    return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}


static int
hars_double_cmp(const void *one, const void *two)
{
    double  a = *(const double *) one;
    double  b = *(const double *) two;

    return (a > b) - (a < b);
}


int
hars_recording_judge(const hars_recording_t *rec, hars_fault_t *fault)
{
    int      rc;
    double  *room;

    if (!(rec->rate >= HARS_ML_RATE_MIN && rec->rate <= HARS_ML_RATE_MAX)) {
        return hars_fault(fault, "sampling_rate_hz", -1, -1,
                          "%g is not within %d and %d Hz", rec->rate,
                          HARS_ML_RATE_MIN, HARS_ML_RATE_MAX);
    }

    if (hars_recording_is_short(rec)) {
        return hars_fault(fault, "samples", -1, -1,
                          "too short: a window needs %.2f s of records",
                          (double) HARS_ML_WINDOW / HARS_ML_RATE);
    }

    room = malloc(rec->n * sizeof(double));
    if (room == NULL) {
        return hars_fault(fault, NULL, -1, -1, "no memory");
    }

    rc = hars_rate_judge(rec, room, fault);

    if (rc == HARS_OK) {
        rc = hars_units_judge(rec, room, fault);
    }

    free(room);

    return rc;
}


static int
hars_rate_judge(const hars_recording_t *rec, double *room, hars_fault_t *fault)
{
    double  rate;

    rate = hars_recording_rate(rec, room);

    if (rate > 0.8 * rec->rate && rate < 1.25 * rec->rate) {
        return HARS_OK;
    }

    if (rate > 0.0008 * rec->rate && rate < 0.00125 * rec->rate) {
        return hars_fault(fault, "samples", 0, 0,
                          "times look like milliseconds; divide by 1000");
    }

    return hars_fault(fault, "sampling_rate_hz", -1, -1,
                      "%g Hz, but the records come at %.4g Hz; declare the "
                      "rate of the times", rec->rate, rate);
}


static int
hars_units_judge(const hars_recording_t *rec, double *room, hars_fault_t *fault)
{
    double         median;
    size_t         i;
    const double  *v;

    for (i = 0; i < rec->n; i++) {
        v = rec->sample[i].v;
        room[i] = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    }

    median = hars_median(room, rec->n);

    if (median >= HARS_MEDIAN_G_MIN && median <= HARS_MEDIAN_G_MAX) {
        return hars_fault(fault, "samples", -1, 1,
                          "acceleration looks like g (median %.3g): declare "
                          "units.acceleration \"g\" or multiply by 9.80665; "
                          "if it is m/s^2, send it with gravity", median);
    }

    if (median < HARS_MEDIAN_MIN || median > HARS_MEDIAN_MAX) {
        return hars_fault(fault, "samples", -1, 1,
                          "acceleration has a median of %.3g, where gravity "
                          "alone is 9.8 m/s^2; send m/s^2 with gravity",
                          median);
    }

    for (i = 0; i < rec->n; i++) {
        v = rec->sample[i].v + 3;
        room[i] = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    }

    median = hars_median(room, rec->n);

    if (median > HARS_TURNING_MAX) {
        return hars_fault(fault, "samples", -1, 4,
                          "rotation looks like deg/s (median %.3g); declare "
                          "units.rotation \"deg/s\" or multiply by 0.0174533",
                          median);
    }

    return HARS_OK;
}
