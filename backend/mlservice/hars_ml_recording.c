
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
static double hars_recording_size(const hars_recording_t *rec, unsigned first,
    double *room);
static int hars_measures_are_short(const hars_measures_t *m);
static int hars_rate_judge(const hars_measures_t *m, hars_fault_t *fault);
static int hars_units_judge(const hars_measures_t *m, hars_fault_t *fault);


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
    hars_measures_t  measures;

    measures.n = rec->n;
    measures.span = rec->n ? rec->sample[rec->n - 1].t - rec->sample[0].t : 0;

    return hars_measures_are_short(&measures);
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
    double           *room;
    hars_measures_t   measures;

    measures.declared = rec->rate;
    measures.n = rec->n;
    measures.span = rec->n ? rec->sample[rec->n - 1].t - rec->sample[0].t : 0;

    room = malloc((rec->n + 1) * sizeof(double));
    if (room == NULL) {
        return hars_fault(fault, NULL, -1, -1, "no memory");
    }

    measures.step = rec->n > 1 ? 1 / hars_recording_rate(rec, room) : 0;
    measures.gravity = hars_recording_size(rec, 0, room);
    measures.turning = hars_recording_size(rec, 3, room);

    free(room);

    return hars_measures_judge(&measures, fault);
}


/* the median of |a|, or of |g| */
static double
hars_recording_size(const hars_recording_t *rec, unsigned first, double *room)
{
    size_t         i;
    const double  *v;

    for (i = 0; i < rec->n; i++) {
        v = rec->sample[i].v + first;
        room[i] = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    }

    return rec->n ? hars_median(room, rec->n) : 0;
}


int
hars_measures_judge(const hars_measures_t *m, hars_fault_t *fault)
{
    if (!(m->declared >= HARS_ML_RATE_MIN && m->declared <= HARS_ML_RATE_MAX))
    {
        return hars_fault(fault, "sampling_rate_hz", -1, -1,
                          "%g is not within %d and %d Hz", m->declared,
                          HARS_ML_RATE_MIN, HARS_ML_RATE_MAX);
    }

    if (hars_measures_are_short(m)) {
        return hars_fault(fault, "samples", -1, -1,
                          "too short: a window needs %.2f s of records",
                          (double) HARS_ML_WINDOW / HARS_ML_RATE);
    }

    return hars_rate_judge(m, fault) == HARS_OK ? hars_units_judge(m, fault)
                                                : HARS_ERROR;
}


static int
hars_measures_are_short(const hars_measures_t *m)
{
    return m->n < 2
           || m->span < (double) (HARS_ML_WINDOW - 1) / HARS_ML_RATE - 1e-6;
}


static int
hars_rate_judge(const hars_measures_t *m, hars_fault_t *fault)
{
    double  rate;

    rate = 1 / m->step;

    if (rate > 0.8 * m->declared && rate < 1.25 * m->declared) {
        return HARS_OK;
    }

    if (rate > 0.0008 * m->declared && rate < 0.00125 * m->declared) {
        return hars_fault(fault, "samples", 0, 0,
                          "times look like milliseconds; divide by 1000");
    }

    return hars_fault(fault, "sampling_rate_hz", -1, -1,
                      "%g Hz, but the records come at %.4g Hz; declare the "
                      "rate of the times", m->declared, rate);
}


static int
hars_units_judge(const hars_measures_t *m, hars_fault_t *fault)
{
    if (m->gravity >= HARS_MEDIAN_G_MIN && m->gravity <= HARS_MEDIAN_G_MAX) {
        return hars_fault(fault, "samples", -1, 1,
                          "acceleration looks like g (median %.3g): declare "
                          "units.acceleration \"g\" or multiply by 9.80665; "
                          "if it is m/s^2, send it with gravity", m->gravity);
    }

    if (m->gravity < HARS_MEDIAN_MIN || m->gravity > HARS_MEDIAN_MAX) {
        return hars_fault(fault, "samples", -1, 1,
                          "acceleration has a median of %.3g, where gravity "
                          "alone is 9.8 m/s^2; send m/s^2 with gravity",
                          m->gravity);
    }

    if (m->turning > HARS_TURNING_MAX) {
        return hars_fault(fault, "samples", -1, 4,
                          "rotation looks like deg/s (median %.3g); declare "
                          "units.rotation \"deg/s\" or multiply by 0.0174533",
                          m->turning);
    }

    return HARS_OK;
}
