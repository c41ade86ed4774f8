
/*
 * Growing boosted trees (Friedman, 2001): each tree takes a step down the
 * gradient of the logarithmic loss of all trees before it.
 *
 *     g = share - truth, h = share (1 - share), of one activity
 *
 * A round is a tree for each activity, one after the other.  (One tree a
 * round with the values of all of them was measured: half a point less on
 * the wrist.)  Inputs are looked at in 64 steps of equal counts, half of the
 * windows, drawn anew, at a time.
 */


#include "hars_ml_boost.h"
#include "hars_ml_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_BOOST_SAMPLE    8192


static hars_booster_t *hars_boost_create(hars_forest_t *forest,
    const hars_dataset_t *set, const uint8_t *use, const hars_fit_t *fit);
static int hars_boost_room(hars_booster_t *b);
static void hars_boost_free(hars_booster_t *b);
static int hars_boost_fill(hars_booster_t *b, const hars_dataset_t *set,
    const uint8_t *use);
static void hars_boost_edges(hars_booster_t *b, const float *value,
    float *edge);
static int hars_boost_compare(const void *one, const void *two);
static unsigned hars_boost_bin(const float *edge, float value);
static void hars_boost_slopes(hars_booster_t *b, unsigned class);
static void hars_boost_update(hars_booster_t *b, unsigned tree,
    unsigned class);


int
hars_boost(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit)
{
    unsigned         tree, class;
    hars_booster_t  *b;

    b = hars_boost_create(forest, set, use, fit);
    if (b == NULL) {
        return HARS_ERROR;
    }

    for (tree = 0; tree < fit->rounds * b->nclasses; tree++) {
        class = tree % b->nclasses;
        b->random = (fit->seed + 3) * 0x9e3779b97f4a7c15 + tree * 0x10003;

        hars_boost_slopes(b, class);
        forest->root[tree] = forest->nodes;
        hars_boost_tree(b, class);
        forest->root[tree + 1] = forest->nodes;
        forest->trees = tree + 1;
        hars_boost_update(b, tree, class);
    }

    hars_boost_free(b);

    return HARS_OK;
}


int
hars_boost_fits(unsigned nclasses, const hars_fit_t *fit)
{
    size_t  trees;

    trees = (size_t) fit->rounds * nclasses;

    return trees <= HARS_ML_TREES && trees << fit->depth <= HARS_ML_LEAVES;
}


static hars_booster_t *
hars_boost_create(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit)
{
    size_t           i;
    hars_booster_t  *b;

    b = calloc(1, sizeof(hars_booster_t));
    if (b == NULL) {
        return NULL;
    }

    b->fit = fit;
    b->forest = forest;
    b->nclasses = set->nclasses;
    b->inputs = fit->inputs;

    for (i = 0; i < set->n; i++) {
        b->n += use[i] != 0;
    }

    if (!hars_boost_fits(set->nclasses, fit)
        || hars_boost_room(b) != HARS_OK
        || hars_boost_fill(b, set, use) != HARS_OK)
    {
        hars_boost_free(b);
        return NULL;
    }

    return b;
}


/* all memory at once: the trees' depth and number are known */
static int
hars_boost_room(hars_booster_t *b)
{
    size_t          leaves;
    hars_forest_t  *f;

    f = b->forest;
    leaves = (size_t) b->fit->rounds * b->nclasses << b->fit->depth;

    b->bin = malloc((size_t) b->n * b->inputs);
    b->class = malloc(b->n);
    b->edge = malloc(b->inputs * sizeof(b->edge[0]));
    b->score = calloc(b->n, sizeof(b->score[0]));
    b->slope = malloc(b->n * sizeof(hars_slope_t));
    b->order = malloc(b->n * sizeof(uint32_t));
    b->aside = malloc(b->n * sizeof(uint32_t));

    f->node = malloc(2 * leaves * sizeof(hars_node_t));
    f->leaf = calloc(2 * leaves, sizeof(uint16_t));
    f->share = calloc(leaves, sizeof(f->share[0]));

    return b->bin && b->class && b->edge && b->score && b->slope && b->order
           && b->aside && f->node && f->leaf && f->share ? HARS_OK
                                                         : HARS_ERROR;
}


static void
hars_boost_free(hars_booster_t *b)
{
    free(b->bin);
    free(b->class);
    free(b->edge);
    free(b->score);
    free(b->slope);
    free(b->order);
    free(b->aside);
    free(b);
}


static int
hars_boost_fill(hars_booster_t *b, const hars_dataset_t *set,
    const uint8_t *use)
{
    float     *value;
    size_t     i, n;
    unsigned   k;

    value = malloc(b->n * sizeof(float));
    if (value == NULL) {
        return HARS_ERROR;
    }

    for (k = 0; k < b->inputs; k++) {

        for (i = 0, n = 0; i < set->n; i++) {
            if (use[i]) {
                b->class[n] = set->class[i];
                value[n++] = set->input[i][k];
            }
        }

        hars_boost_edges(b, value, b->edge[k]);

        for (i = 0; i < b->n; i++) {
            b->bin[(size_t) k * b->n + i] =
                (uint8_t) hars_boost_bin(b->edge[k], value[i]);
        }
    }

    free(value);

    return HARS_OK;
}


/* of evenly spaced windows, so that nothing is drawn */
static void
hars_boost_edges(hars_booster_t *b, const float *value, float *edge)
{
    float     sample[HARS_BOOST_SAMPLE];
    size_t    i, n;
    unsigned  k;

    n = b->n < HARS_BOOST_SAMPLE ? b->n : HARS_BOOST_SAMPLE;

    for (i = 0; i < n; i++) {
        sample[i] = value[i * b->n / n];
    }

    qsort(sample, n, sizeof(float), hars_boost_compare);

    for (k = 0; k < HARS_BOOST_BINS; k++) {
        edge[k] = sample[(k + 1) * n / HARS_BOOST_BINS
                         - ((k + 1) * n >= HARS_BOOST_BINS)];
    }

    edge[HARS_BOOST_BINS - 1] = INFINITY;
}


static int
hars_boost_compare(const void *one, const void *two)
{
    const float  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


/* the first whose edge is not below the value; the last has all above */
static unsigned
hars_boost_bin(const float *edge, float value)
{
    unsigned  low, high, middle;

    low = 0;
    high = HARS_BOOST_BINS - 1;

    while (low < high) {
        middle = (low + high) / 2;

        if (value > edge[middle]) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


static void
hars_boost_slopes(hars_booster_t *b, unsigned class)
{
    float     share, sum, most;
    unsigned  i, k;

    b->taken = 0;

    for (i = 0; i < b->n; i++) {
        most = 0;
        sum = 0;

        for (k = 0; k < b->nclasses; k++) {
            most = fmaxf(most, (float) b->score[i][k] / HARS_ML_LOGIT);
        }

        for (k = 0; k < b->nclasses; k++) {
            sum += expf((float) b->score[i][k] / HARS_ML_LOGIT - most);
        }

        share = expf((float) b->score[i][class] / HARS_ML_LOGIT - most) / sum;
        b->slope[i].g = share - (class == b->class[i]);
        b->slope[i].h = fmaxf(share * (1 - share), 1e-6f);

        if (hars_random_next(&b->random) & 1) {
            b->order[b->taken++] = i;
        }
    }
}


/* by the bins, which is where the thresholds lead too */
static void
hars_boost_update(hars_booster_t *b, unsigned tree, unsigned class)
{
    uint32_t              at;
    unsigned              i, bin;
    const hars_node_t    *node, *root;
    const hars_forest_t  *f;

    f = b->forest;
    root = f->node + f->root[tree];

    for (i = 0; i < b->n; i++) {
        at = 0;

        for ( ;; ) {
            node = root + at;

            if (node->left == at) {
                break;
            }

            bin = b->bin[(size_t) node->input * b->n + i];
            at = node->left + (b->edge[node->input][bin] > node->threshold);
        }

        b->score[i][class] += f->share[f->leaf[f->root[tree] + at]][class];
    }
}
