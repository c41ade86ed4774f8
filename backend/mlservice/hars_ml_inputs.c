
/*
 * Which of a window's features the classifiers take: those that do not
 * change when the device is turned, 144 of the 305 and the 53 of
 * hars_ml_gait.c, and of the device's axes only how much of gravity each
 * has, without its sign.
 *
 * The device's axes are what makes one person's walking look like another's
 * way downstairs: how deep the pocket is and how the device lies in it is in
 * every feature of ax ... gz, and is a person's habit.  Without them 20
 * trees err less with unseen people than 200 with all 305 features.
 *
 * A model may take their means of late besides, of this window and those
 * before it: a wrist moves for other reasons too, and 2.56 s are a step or
 * two.  They are causal: no answer waits for the next window.  Where power
 * is e^2 times what it was of late, or that part of it, something else has
 * begun, and they begin anew.  How still it is where it is still does not
 * count: power has a floor.
 */


#include "hars_ml.h"

#include <math.h>
#include <string.h>


#define HARS_INPUTS_CHANGE   2.0f        /* of a logarithm of power */


typedef struct {
    uint16_t   first;
    uint16_t   end;
} hars_range_t;

typedef struct {
    uint16_t   input;
    float      floor;
} hars_power_t;


static void hars_inputs_late(hars_late_t *late, float *input);
static int hars_inputs_changed(const hars_late_t *late, const float *input);


/* logarithms of power among the inputs: of |a|, of |g| */
static const hars_power_t  hars_inputs_power[] = {
    { 96, 2 }, { 107, 1 }
};

/* signals amag gmag jmag gjmag av ah gv, by the order of the features */
static const hars_range_t  hars_inputs_kept[] = {
    { 60, 130 },                           /* of time */
    { 154, 162 },                          /* autoregression, amag and gmag */
    { 162, 170 },                          /* autocorrelation */
    { 236, 291 },                          /* of frequency */
    { 297, 300 }                           /* correlations */
};


void
hars_inputs(hars_features_t *f, const double (*row)[HARS_ML_AXES],
    float *out)
{
    double    all[HARS_ML_FEATURES], gait[HARS_ML_GAIT];
    unsigned  i, k;

    /* nothing is taken of ax ... gz but the means */
    f->groups = HARS_ML_GROUP_AXES;
    hars_features(f, row, all);
    f->groups = HARS_ML_GROUPS;

    hars_features_gait(row, gait);

    for (k = 0; k < sizeof(hars_inputs_kept) / sizeof(hars_range_t); k++) {
        for (i = hars_inputs_kept[k].first; i < hars_inputs_kept[k].end; i++)
        {
            *out++ = (float) all[i];
        }
    }

    for (i = 0; i < HARS_ML_GAIT; i++) {
        *out++ = (float) gait[i];
    }

    /* the means of ax, ay, az */
    for (i = 0; i < 3; i++) {
        *out++ = (float) fabs(f->group[HARS_ML_GROUP_AXES].mean[i]);
    }
}


void
hars_inputs_run(hars_run_t *run, hars_features_t *f, double start,
    const double (*row)[HARS_ML_AXES], float *out)
{
    if (start - run->start > 1.5 * HARS_ML_HOP / HARS_ML_RATE) {
        memset(run, 0, sizeof(hars_run_t));
    }

    run->start = start;

    hars_inputs(f, row, out);
    hars_inputs_late(&run->late, out);
}


static void
hars_inputs_late(hars_late_t *late, float *input)
{
    unsigned  i;

    if (hars_inputs_changed(late, input)) {
        memset(late, 0, sizeof(hars_late_t));
    }

    late->n += late->n < HARS_ML_LATE;

    for (i = 0; i < HARS_ML_OF_WINDOW; i++) {
        late->mean[i] += (input[i] - late->mean[i]) / (float) late->n;
    }

    memcpy(input + HARS_ML_OF_WINDOW, late->mean, sizeof(late->mean));
}


static int
hars_inputs_changed(const hars_late_t *late, const float *input)
{
    float                now, before;
    unsigned             i;
    const hars_power_t  *p;

    for (i = 0; i < sizeof(hars_inputs_power) / sizeof(hars_power_t); i++) {
        p = &hars_inputs_power[i];
        now = fmaxf(input[p->input], p->floor);
        before = fmaxf(late->mean[p->input], p->floor);

        if (fabsf(now - before) > HARS_INPUTS_CHANGE) {
            return 1;
        }
    }

    return 0;
}
