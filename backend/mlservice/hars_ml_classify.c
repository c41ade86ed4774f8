
/*
 * From a window's inputs to the answer: the one path that the service and
 * the trainer's evaluation both take.
 *
 *     share = weighted mean of k-NN, forest and boosted trees, sharpened
 *     known = logistic(signs): is it one of the activities at all?
 *
 * Standardized values are held within +-HARS_CLIP deviations, so that one
 * input far outside of what the training saw cannot decide alone.
 */


#include "hars_ml.h"

#include <math.h>
#include <string.h>


#define HARS_CLIP   4.0f


typedef void (*hars_voter_pt)(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote);


static void hars_vote_signs(const hars_model_t *model,
    const hars_vote_t *of, hars_vote_t *vote);
static void hars_vote_sharpen(const hars_model_t *model, hars_vote_t *vote);
static void hars_vote_best(unsigned nclasses, hars_vote_t *vote);
static void hars_vote_known(const hars_model_t *model, hars_vote_t *vote);
static float hars_near_distance(const hars_model_t *model,
    const hars_neighbour_t *near);


static const hars_voter_pt  hars_voter[HARS_ML_VOTERS] = {
    hars_knn_classify, hars_forest_classify, hars_boost_classify
};


void
hars_model_classify(const hars_model_t *model, const float *input,
    hars_vote_t *vote)
{
    unsigned     i, k;
    hars_vote_t  of[HARS_ML_VOTERS];

    memset(of, 0, sizeof(of));
    memset(vote, 0, sizeof(hars_vote_t));

    for (i = 0; i < HARS_ML_VOTERS; i++) {

        if (model->weight[i] > 0) {
            hars_voter[i](model, (const float (*)[HARS_ML_INPUTS]) input, 1,
                          &of[i]);
        }

        for (k = 0; k < model->nclasses; k++) {
            vote->share[k] += model->weight[i] * of[i].share[k];
        }
    }

    hars_vote_best(model->nclasses, vote);
    hars_vote_signs(model, of, vote);
    hars_vote_finish(model, vote);
}


void
hars_vote_finish(const hars_model_t *model, hars_vote_t *vote)
{
    hars_vote_sharpen(model, vote);
    hars_vote_best(model->nclasses, vote);
    hars_vote_known(model, vote);
}


static void
hars_vote_best(unsigned nclasses, hars_vote_t *vote)
{
    unsigned  k;

    vote->class = 0;

    for (k = 1; k < nclasses; k++) {
        if (vote->share[k] > vote->share[vote->class]) {
            vote->class = k;
        }
    }

    vote->confidence = vote->share[vote->class];
}


/* before calibration: shares, how far the neighbours are, do all agree? */
static void
hars_vote_signs(const hars_model_t *model, const hars_vote_t *of,
    hars_vote_t *vote)
{
    float     agreed, least;
    unsigned  i, k;

    agreed = 0;

    for (k = 0; k < model->nclasses; k++) {
        least = 1;

        for (i = 0; i < HARS_ML_VOTERS; i++) {
            if (model->weight[i] > 0 && of[i].share[k] < least) {
                least = of[i].share[k];
            }
        }

        agreed += least;
    }

    vote->sign[0] = vote->confidence;
    vote->sign[1] = of[0].confidence;
    vote->sign[2] = of[1].confidence;
    vote->sign[3] = agreed;
    vote->sign[4] = of[0].sign[4];
}


/* share^e, made to sum to 1: above 1 the exponent makes answers surer */
static void
hars_vote_sharpen(const hars_model_t *model, hars_vote_t *vote)
{
    float     sum;
    unsigned  k;

    sum = 0;

    for (k = 0; k < model->nclasses; k++) {
        vote->share[k] = powf(vote->share[k], model->sharpen);
        sum += vote->share[k];
    }

    for (k = 0; sum > 0 && k < model->nclasses; k++) {
        vote->share[k] /= sum;
    }
}


static void
hars_vote_known(const hars_model_t *model, hars_vote_t *vote)
{
    float     x;
    unsigned  k;

    x = model->sign[HARS_ML_SIGNS];

    for (k = 0; k < HARS_ML_SIGNS; k++) {
        x += model->sign[k] * vote->sign[k];
    }

    vote->known = 1 / (1 + expf(-x));
}


int
hars_vote_is_unknown(const hars_model_t *model, const hars_vote_t *vote)
{
    return vote->known < model->unknown;
}


void
hars_smooth(hars_smooth_t *smooth, unsigned nclasses, hars_vote_t *vote)
{
    unsigned            i, k, first;
    hars_vote_t         mean;
    const hars_vote_t  *v;

    smooth->vote[smooth->n++ % HARS_ML_SMOOTH] = *vote;
    first = smooth->n < HARS_ML_SMOOTH ? 0 : smooth->n - HARS_ML_SMOOTH;

    mean = *vote;
    mean.known = 0;
    memset(mean.share, 0, sizeof(mean.share));

    for (i = first; i < smooth->n; i++) {
        v = &smooth->vote[i % HARS_ML_SMOOTH];
        mean.known += v->known / (float) (smooth->n - first);

        for (k = 0; k < nclasses; k++) {
            mean.share[k] += v->share[k] / (float) (smooth->n - first);
        }
    }

    hars_vote_best(nclasses, &mean);
    *vote = mean;
}


void
hars_knn_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote)
{
    size_t            i;
    float             point[HARS_ML_DIMS];
    hars_neighbour_t  near[HARS_ML_K];

    for (i = 0; i < n; i++) {
        hars_model_project(model, input[i], point);
        hars_knn_search(model, point, near);
        hars_knn_vote(model, near, &vote[i]);

        vote[i].sign[4] = hars_near_distance(model, near);
    }
}


/* the logarithm of the neighbours' mean squared distance */
static float
hars_near_distance(const hars_model_t *model, const hars_neighbour_t *near)
{
    float     sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < model->k; i++) {
        sum += near[i].distance;
    }

    return logf(sum / (float) model->k + 1e-6f);
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


HARS_ML_WIDE void
hars_model_project(const hars_model_t *model, const float *input,
    float *point)
{
    float         z;
    unsigned      i, d;
    const float  *axis;

    memset(point, 0, model->width * sizeof(float));

    for (i = 0; i < model->inputs; i++) {
        z = hars_model_standard(model, input, i);
        axis = model->axis + i * model->width;

        for (d = 0; d < model->width; d++) {
            point[d] += z * axis[d];
        }
    }
}
