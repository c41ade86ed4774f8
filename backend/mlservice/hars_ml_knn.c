
/*
 * Which k prototypes are nearest to a point, exactly, and what do they say?
 *
 * 32 prototypes stand side by side, dimension after dimension, so that one
 * value of the query meets 32 neighbours in memory and the sum of each
 * prototype is one lane, added up in the order of the dimensions.  After the
 * first dimensions, which have most of the variance, a block whose sums are
 * all beyond the k-th best is left: sums only grow, so the answer stays
 * exact.  Of equal distances the lower index is nearer.
 *
 * A neighbour's vote weighs 1 / distance; prototypes at distance zero, if
 * there are any, vote alone.  Confidence is the winner's share.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_FIRST_DIMS   12
#define HARS_FAR          1e15f     /* of what fills the last block */


/* a SIMD register where there is one, two or eight operations where not */
typedef float    hars_eight_t __attribute__((vector_size(32), may_alias));
typedef int32_t  hars_mask_t __attribute__((vector_size(32)));


static void hars_knn_distance(const float *block, const float *query,
    unsigned dims, float *sum);
static int hars_knn_any(const float *sum, float limit);
static void hars_knn_insert(hars_neighbour_t *near, unsigned k,
    float distance, uint32_t index);


int
hars_knn_layout(hars_model_t *model)
{
    size_t          i, d, blocks, size;
    const int16_t  *from;

    blocks = (model->n + HARS_ML_BLOCK - 1) / HARS_ML_BLOCK;
    size = blocks * model->dims * HARS_ML_BLOCK * sizeof(float);

    free(model->block);

    model->block = aligned_alloc(64, size);
    if (model->block == NULL) {
        return HARS_ERROR;
    }

    for (i = 0; i < blocks * HARS_ML_BLOCK; i++) {
        from = model->stored + i * model->dims;

        for (d = 0; d < model->dims; d++) {
            model->block[hars_knn_place(model, i, d)] =
                i < model->n ? (float) from[d] * model->scale[d] : HARS_FAR;
        }
    }

    return HARS_OK;
}


/* first dimensions of all prototypes, which stay in the cache, then others */
size_t
hars_knn_place(const hars_model_t *model, size_t i, size_t d)
{
    size_t  blocks, first, block;

    blocks = (model->n + HARS_ML_BLOCK - 1) / HARS_ML_BLOCK;
    first = model->dims < HARS_FIRST_DIMS ? model->dims : HARS_FIRST_DIMS;
    block = i / HARS_ML_BLOCK;

    return (d < first ? block * first + d
            : blocks * first + block * (model->dims - first) + d - first)
           * HARS_ML_BLOCK + i % HARS_ML_BLOCK;
}


HARS_ML_WIDE void
hars_knn_search(const hars_model_t *model, const float *query,
    hars_neighbour_t *near)
{
    uint32_t      i, lane;
    unsigned      first, rest;
    const float  *block, *more;

    _Alignas(64)
    float         sum[HARS_ML_BLOCK];

    first = model->dims < HARS_FIRST_DIMS ? model->dims : HARS_FIRST_DIMS;
    rest = model->dims - first;

    for (i = 0; i < model->k; i++) {
        near[i].distance = INFINITY;
        near[i].index = UINT32_MAX;
    }

    block = model->block;
    more = block + hars_knn_place(model, 0, first);

    for (i = 0; i < model->n; i += HARS_ML_BLOCK) {
        memset(sum, 0, sizeof(sum));
        hars_knn_distance(block, query, first, sum);

        if (hars_knn_any(sum, near[model->k - 1].distance)) {
            hars_knn_distance(more, query + first, rest, sum);

            for (lane = 0; lane < HARS_ML_BLOCK; lane++) {
                if (sum[lane] < near[model->k - 1].distance
                    && i + lane < model->n)
                {
                    hars_knn_insert(near, model->k, sum[lane], i + lane);
                }
            }
        }

        block += first * HARS_ML_BLOCK;
        more += rest * HARS_ML_BLOCK;
    }
}


/* four registers of eight sums, which an array would put into memory */
static void
hars_knn_distance(const float *block, const float *query, unsigned dims,
    float *sum)
{
    unsigned             i;
    hars_eight_t         s0, s1, s2, s3, d0, d1, d2, d3, *out;
    const hars_eight_t  *p;

    p = (const hars_eight_t *) block;
    out = (hars_eight_t *) sum;

    s0 = out[0];
    s1 = out[1];
    s2 = out[2];
    s3 = out[3];

    for (i = 0; i < dims; i++) {
        d0 = p[0] - query[i];
        d1 = p[1] - query[i];
        d2 = p[2] - query[i];
        d3 = p[3] - query[i];

        s0 += d0 * d0;
        s1 += d1 * d1;
        s2 += d2 * d2;
        s3 += d3 * d3;

        p += HARS_ML_BLOCK / 8;
    }

    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}


/* is one of the sums below the limit? */
static int
hars_knn_any(const float *sum, float limit)
{
    hars_mask_t          below;
    const hars_eight_t  *s;

    s = (const hars_eight_t *) sum;
    below = (s[0] < limit) | (s[1] < limit) | (s[2] < limit)
            | (s[3] < limit);

    return (below[0] | below[1] | below[2] | below[3] | below[4] | below[5]
            | below[6] | below[7]) != 0;
}


static void
hars_knn_insert(hars_neighbour_t *near, unsigned k, float distance,
    uint32_t index)
{
    unsigned  i;

    for (i = k - 1; i > 0 && distance < near[i - 1].distance; i--) {
        near[i] = near[i - 1];
    }

    near[i].distance = distance;
    near[i].index = index;
}


void
hars_knn_vote(const hars_model_t *model, const hars_neighbour_t *near,
    hars_vote_t *vote)
{
    float     weight, sum;
    unsigned  i;

    memset(vote, 0, sizeof(hars_vote_t));
    sum = 0;

    for (i = 0; i < model->k; i++) {

        if (near[0].distance > 0) {
            weight = 1 / sqrtf(near[i].distance);

        } else {
            weight = near[i].distance > 0 ? 0 : 1;
        }

        vote->share[model->label[near[i].index]] += weight;
        sum += weight;
    }

    for (i = 0; i < model->nclasses; i++) {
        vote->share[i] /= sum;

        if (vote->share[i] > vote->share[vote->class]) {
            vote->class = i;
        }
    }

    vote->confidence = vote->share[vote->class];
}
