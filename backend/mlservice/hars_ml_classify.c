
/*
 * From a window's inputs to the answer: the one path that the service and
 * the trainer's evaluation both take.
 *
 *     share = weight * forest + (1 - weight) * k-NN
 *
 * Standardized values are held within +-HARS_CLIP deviations, so that one
 * input far outside of what the training saw cannot decide alone.
 */


#include "hars_ml.h"

#include <string.h>


#define HARS_CLIP   4.0f


void
hars_model_classify(const hars_model_t *model, const float *input,
    hars_vote_t *vote)
{
    unsigned     k;
    hars_vote_t  near, trees;

    memset(&near, 0, sizeof(near));
    memset(&trees, 0, sizeof(trees));
    memset(vote, 0, sizeof(hars_vote_t));

    if (model->weight < 1) {
        hars_knn_classify(model, input, &near);
    }

    if (model->weight > 0) {
        hars_forest_classify(model, (const float (*)[HARS_ML_INPUTS]) input,
                             1, &trees);
    }

    for (k = 0; k < model->nclasses; k++) {
        vote->share[k] = model->weight * trees.share[k]
                         + (1 - model->weight) * near.share[k];

        if (vote->share[k] > vote->share[vote->class]) {
            vote->class = k;
        }
    }

    vote->confidence = vote->share[vote->class];
}


void
hars_knn_classify(const hars_model_t *model, const float *input,
    hars_vote_t *vote)
{
    float             point[HARS_ML_DIMS];
    hars_neighbour_t  near[HARS_ML_K];

    hars_model_project(model, input, point);
    hars_knn_search(model, point, near);
    hars_knn_vote(model, near, vote);
}


float
hars_model_standard(const hars_model_t *model, const float *input,
    unsigned i)
{
    float  z;

    z = (input[i] - model->mean[i]) * model->inverse[i];

    /* in this order NaN, if ever there is one, ends here */
    return !(z > -HARS_CLIP) ? -HARS_CLIP : z < HARS_CLIP ? z : HARS_CLIP;
}


void
hars_model_project(const hars_model_t *model, const float *input,
    float *point)
{
    float         z;
    unsigned      i, d;
    const float  *axis;

    memset(point, 0, model->width * sizeof(float));

    for (i = 0; i < HARS_ML_INPUTS; i++) {
        z = hars_model_standard(model, input, i);
        axis = model->axis + i * model->width;

        for (d = 0; d < model->width; d++) {
            point[d] += z * axis[d];
        }
    }
}
