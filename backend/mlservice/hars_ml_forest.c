
/*
 * What do the trees say?  Every tree is walked from its root; the shares of
 * the leaves where the walks end are added up.
 *
 *     next = left + (input > threshold)
 *
 * A step has no branch.  A leaf leads to itself, because no value is above
 * its threshold (infinity; NaN is above nothing), so eight walks go side by
 * side until none of them moves: their memory is waited for together.  One
 * window meets eight trees, many windows meet one tree eight at a time.  The
 * shares are whole numbers, so the sums are the same either way.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_WALKS   8
#define HARS_CHUNK   64           /* windows */


typedef int32_t  hars_sums_t[HARS_ML_CLASSES];


static void hars_forest_sum(const hars_forest_t *forest,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_sums_t *sum);
static void hars_forest_one(const hars_forest_t *forest, const float *input,
    int32_t *sum);
static void hars_forest_tree(const hars_forest_t *forest, unsigned tree,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_sums_t *sum);
static void hars_forest_walk(const hars_node_t *const *node,
    const float *const *input, unsigned *at);
static void hars_forest_add(const hars_forest_t *forest, uint32_t node,
    int32_t *sum);
static void hars_forest_share(unsigned nclasses, const int32_t *sum,
    hars_vote_t *vote);
static void hars_boost_share(unsigned nclasses, const int32_t *sum,
    hars_vote_t *vote);
static void hars_forest_best(unsigned nclasses, hars_vote_t *vote);


void
hars_forest_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote)
{
    size_t       i, k, count;
    hars_sums_t  sum[HARS_CHUNK];

    for (i = 0; i < n; i += count) {
        count = n - i < HARS_CHUNK ? n - i : HARS_CHUNK;
        hars_forest_sum(&model->forest, input + i, count, sum);

        for (k = 0; k < count; k++) {
            hars_forest_share(model->nclasses, sum[k], &vote[i + k]);
        }
    }
}


void
hars_boost_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote)
{
    size_t       i, k, count;
    hars_sums_t  sum[HARS_CHUNK];

    for (i = 0; i < n; i += count) {
        count = n - i < HARS_CHUNK ? n - i : HARS_CHUNK;
        hars_forest_sum(&model->boost, input + i, count, sum);

        for (k = 0; k < count; k++) {
            hars_boost_share(model->nclasses, sum[k], &vote[i + k]);
        }
    }
}


/* of at most HARS_CHUNK windows */
static void
hars_forest_sum(const hars_forest_t *forest,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_sums_t *sum)
{
    size_t    k;
    unsigned  tree;

    memset(sum, 0, n * sizeof(hars_sums_t));

    if (n < HARS_WALKS) {
        for (k = 0; k < n; k++) {
            hars_forest_one(forest, input[k], sum[k]);
        }

    } else {
        for (tree = 0; tree < forest->trees; tree++) {
            hars_forest_tree(forest, tree, input, n, sum);
        }
    }
}


static void
hars_forest_one(const hars_forest_t *forest, const float *input,
    int32_t *sum)
{
    unsigned            tree, k, last, at[HARS_WALKS];
    const float        *from[HARS_WALKS];
    const hars_node_t  *node[HARS_WALKS];

    last = forest->trees - 1;

    for (k = 0; k < HARS_WALKS; k++) {
        from[k] = input;
    }

    for (tree = 0; tree <= last; tree += HARS_WALKS) {

        /* more walks than trees are left: the last one again */
        for (k = 0; k < HARS_WALKS; k++) {
            node[k] = forest->node
                      + forest->root[tree + k < last ? tree + k : last];
        }

        hars_forest_walk(node, from, at);

        for (k = 0; k < HARS_WALKS && tree + k <= last; k++) {
            hars_forest_add(forest, forest->root[tree + k] + at[k], sum);
        }
    }
}


static void
hars_forest_tree(const hars_forest_t *forest, unsigned tree,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_sums_t *sum)
{
    size_t              i, k;
    unsigned            at[HARS_WALKS];
    const float        *from[HARS_WALKS];
    const hars_node_t  *node[HARS_WALKS];

    for (k = 0; k < HARS_WALKS; k++) {
        node[k] = forest->node + forest->root[tree];
    }

    for (i = 0; i < n; i += HARS_WALKS) {

        for (k = 0; k < HARS_WALKS; k++) {
            from[k] = input[i + k < n ? i + k : n - 1];
        }

        hars_forest_walk(node, from, at);

        for (k = 0; k < HARS_WALKS && i + k < n; k++) {
            hars_forest_add(forest, forest->root[tree] + at[k], sum[i + k]);
        }
    }
}


static void
hars_forest_walk(const hars_node_t *const *node, const float *const *input,
    unsigned *at)
{
    unsigned            k, next, moved;
    const hars_node_t  *p;

    memset(at, 0, HARS_WALKS * sizeof(unsigned));

    do {
        moved = 0;

        for (k = 0; k < HARS_WALKS; k++) {
            p = node[k] + at[k];
            next = p->left + (input[k][p->input] > p->threshold);
            moved |= next ^ at[k];
            at[k] = next;
        }

    } while (moved);
}


static void
hars_forest_add(const hars_forest_t *forest, uint32_t node, int32_t *sum)
{
    unsigned        k;
    const int16_t  *share;

    share = forest->share[forest->leaf[node]];

    for (k = 0; k < HARS_ML_CLASSES; k++) {
        sum[k] += share[k];
    }
}


static void
hars_forest_share(unsigned nclasses, const int32_t *sum, hars_vote_t *vote)
{
    float     share;
    int32_t   total;
    unsigned  k;

    memset(vote, 0, sizeof(hars_vote_t));
    total = 0;

    for (k = 0; k < nclasses; k++) {
        total += sum[k];
    }

    for (k = 0; k < nclasses; k++) {
        share = total > 0 ? (float) sum[k] / (float) total : 0;
        vote->share[k] = share > 0 ? share < 1 ? share : 1 : 0;
    }

    hars_forest_best(nclasses, vote);
}


static void
hars_boost_share(unsigned nclasses, const int32_t *sum, hars_vote_t *vote)
{
    float     total;
    int32_t   most;
    unsigned  k;

    memset(vote, 0, sizeof(hars_vote_t));
    most = sum[0];
    total = 0;

    for (k = 1; k < nclasses; k++) {
        most = sum[k] > most ? sum[k] : most;
    }

    for (k = 0; k < nclasses; k++) {
        vote->share[k] = expf((float) (sum[k] - most) / HARS_ML_LOGIT);
        total += vote->share[k];
    }

    for (k = 0; k < nclasses; k++) {
        vote->share[k] /= total;
    }

    hars_forest_best(nclasses, vote);
}


static void
hars_forest_best(unsigned nclasses, hars_vote_t *vote)
{
    unsigned  k;

    for (k = 1; k < nclasses; k++) {
        if (vote->share[k] > vote->share[vote->class]) {
            vote->class = k;
        }
    }

    vote->confidence = vote->share[vote->class];
}


void
hars_forest_free(hars_forest_t *forest)
{
    free(forest->node);
    free(forest->leaf);
    free(forest->share);
}
