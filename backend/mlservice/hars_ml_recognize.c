
/*
 * From a window's features to the answer, and from a recording to all of
 * its answers: the one path that the service and the trainer's evaluation
 * both take.  Nothing is allocated per window but the answer itself.
 *
 * Standardized values are held within +-HARS_CLIP deviations, so that one
 * feature far outside of what the training saw cannot decide alone.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_CLIP   4.0f


typedef struct {
    const hars_model_t  *model;
    hars_features_t     *features;
    hars_answers_t      *answers;
    int                  rc;
    float                out[HARS_ML_FEATURES];
} hars_recognizer_t;


static void hars_recognize_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
static hars_answer_t *hars_answers_add(hars_answers_t *answers);


float
hars_model_standard(const hars_model_t *model, const float *features,
    unsigned i)
{
    float  z;

    z = (features[i] - model->mean[i]) * model->inverse[i];

    /* in this order NaN, if ever there is one, ends here */
    return !(z > -HARS_CLIP) ? -HARS_CLIP : z < HARS_CLIP ? z : HARS_CLIP;
}


void
hars_model_project(const hars_model_t *model, const float *features,
    float *point)
{
    float         z;
    unsigned      i, d;
    const float  *axis;

    memset(point, 0, model->width * sizeof(float));

    for (i = 0; i < HARS_ML_FEATURES; i++) {
        z = hars_model_standard(model, features, i);
        axis = model->axis + i * model->width;

        for (d = 0; d < model->width; d++) {
            point[d] += z * axis[d];
        }
    }
}


void
hars_model_classify(const hars_model_t *model, const float *features,
    hars_vote_t *vote)
{
    float             point[HARS_ML_DIMS];
    hars_neighbour_t  near[HARS_ML_K];

    hars_model_project(model, features, point);
    hars_knn_search(model, point, near);
    hars_knn_vote(model, near, vote);
}


int
hars_recognize(const hars_model_t *model, const hars_recording_t *rec,
    hars_answers_t *answers)
{
    size_t             i;
    hars_windows_t    *windows;
    hars_recognizer_t  r;

    memset(answers, 0, sizeof(hars_answers_t));

    r.model = model;
    r.answers = answers;
    r.rc = HARS_OK;
    r.features = hars_features_create();
    windows = malloc(sizeof(hars_windows_t));

    if (r.features == NULL || windows == NULL) {
        r.rc = HARS_ERROR;
        goto done;
    }

    hars_windows_init(windows, rec->rate, hars_recognize_window, &r);

    for (i = 0; i < rec->n; i++) {
        hars_windows_push(windows, &rec->sample[i]);
    }

    hars_windows_end(windows);

done:

    if (r.rc != HARS_OK) {
        free(answers->answer);
        memset(answers, 0, sizeof(hars_answers_t));
    }

    free(windows);
    hars_features_free(r.features);

    return r.rc;
}


static void
hars_recognize_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    hars_answer_t      *answer;
    hars_recognizer_t  *r = data;

    answer = r->rc == HARS_OK ? hars_answers_add(r->answers) : NULL;

    if (answer == NULL) {
        r->rc = HARS_ERROR;
        return;
    }

    answer->start = start;
    answer->end = start + (double) HARS_ML_WINDOW / HARS_ML_RATE;

    hars_features_single(r->features, row, r->out);
    hars_model_classify(r->model, r->out, &answer->vote);
}


static hars_answer_t *
hars_answers_add(hars_answers_t *answers)
{
    size_t          size;
    hars_answer_t  *p;

    if (answers->n == answers->size) {
        size = answers->size ? 2 * answers->size : 64;

        p = realloc(answers->answer, size * sizeof(hars_answer_t));
        if (p == NULL) {
            return NULL;
        }

        answers->answer = p;
        answers->size = size;
    }

    return &answers->answer[answers->n++];
}
