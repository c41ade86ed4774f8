
/*
 * Growing extra trees (Geurts, Ernst, Wehenkel, 2006): no bootstrap; at each
 * node some inputs are drawn, for each a threshold between its least and its
 * highest value there, and the one that parts the classes best (Gini) is
 * kept.  Random thresholds make the trees differ more and follow single
 * people less than the best thresholds of a random forest do.
 *
 * Randomness comes from the seed alone: the same windows, the same trees.
 */


#include "hars_ml_random.h"
#include "hars_ml_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_GROW_SLOTS   (256 * 1024)     /* of leaves by their shares */


typedef struct {
    uint32_t              first;           /* of the windows' order */
    uint32_t              end;
    uint32_t              node;
} hars_branch_t;

typedef struct {
    int                   input;           /* -1: none found */
    float                 threshold;
    double                gain;
} hars_split_t;

typedef struct {
    const hars_fit_t     *fit;
    hars_forest_t        *forest;
    unsigned              nclasses;
    unsigned              inputs;
    unsigned              n;               /* windows */
    unsigned              room;            /* nodes there is memory for */
    uint64_t              random;

    float                *value;           /* [input][n] */
    uint8_t              *class;           /* [n] */
    uint32_t             *order;           /* [n], windows branch by branch */
    uint32_t             *aside;           /* [n] */
    hars_branch_t        *branch;          /* [n], still to be parted */
    uint16_t             *slot;            /* leaf + 1, by hash; 0: free */
} hars_grower_t;


static hars_grower_t *hars_grow_create(hars_forest_t *forest,
    const hars_dataset_t *set, const uint8_t *use, const hars_fit_t *fit);
static void hars_grow_fill(hars_grower_t *g, const hars_dataset_t *set,
    const uint8_t *use);
static void hars_grow_free(hars_grower_t *g);
static int hars_grow_tree(hars_grower_t *g, unsigned tree);
static int hars_grow_branch(hars_grower_t *g, const hars_branch_t *b,
    uint32_t root, unsigned *n);
static unsigned hars_grow_count(const hars_grower_t *g,
    const hars_branch_t *b, unsigned *count);
static int hars_grow_nodes(hars_grower_t *g, unsigned n);
static int hars_grow_leaf(hars_grower_t *g, uint32_t node, unsigned at,
    const unsigned *count, unsigned n);
static int hars_grow_share(hars_grower_t *g, const int16_t *share);
static void hars_grow_split(hars_grower_t *g, const hars_branch_t *b,
    const unsigned *count, hars_split_t *best);
static int hars_grow_range(const hars_grower_t *g, const hars_branch_t *b,
    unsigned input, float *low, float *high);
static double hars_grow_gain(const hars_grower_t *g, const hars_branch_t *b,
    const unsigned *count, unsigned input, float threshold);
static uint32_t hars_grow_part(hars_grower_t *g, const hars_branch_t *b,
    const hars_split_t *split);


int
hars_grow(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit)
{
    int             rc;
    unsigned        tree;
    hars_grower_t  *g;

    g = hars_grow_create(forest, set, use, fit);
    rc = g ? HARS_OK : HARS_ERROR;

    for (tree = 0; rc == HARS_OK && tree < fit->trees; tree++) {
        g->random = (fit->seed + 1) * 0x9e3779b97f4a7c15 + tree * 0x10001;
        forest->root[tree] = forest->nodes;
        rc = hars_grow_tree(g, tree);
    }

    forest->root[tree] = forest->nodes;
    forest->trees = tree;

    hars_grow_free(g);

    return rc;
}


static hars_grower_t *
hars_grow_create(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit)
{
    size_t          i;
    hars_grower_t  *g;

    g = calloc(1, sizeof(hars_grower_t));
    if (g == NULL) {
        return NULL;
    }

    g->fit = fit;
    g->forest = forest;
    g->nclasses = set->nclasses;
    g->inputs = fit->inputs;

    for (i = 0; i < set->n; i++) {
        g->n += use[i] != 0;
    }

    g->value = malloc((size_t) g->n * g->inputs * sizeof(float));
    g->class = malloc(g->n);
    g->order = malloc(g->n * sizeof(uint32_t));
    g->aside = malloc(g->n * sizeof(uint32_t));
    g->branch = malloc(g->n * sizeof(hars_branch_t));
    g->slot = calloc(HARS_GROW_SLOTS, sizeof(uint16_t));
    forest->share = calloc(HARS_ML_LEAVES, sizeof(forest->share[0]));

    if (!g->value || !g->class || !g->order || !g->aside || !g->branch
        || !g->slot || !forest->share)
    {
        hars_grow_free(g);
        return NULL;
    }

    hars_grow_fill(g, set, use);

    return g;
}


static void
hars_grow_fill(hars_grower_t *g, const hars_dataset_t *set,
    const uint8_t *use)
{
    size_t    i, n;
    unsigned  k;

    for (i = 0, n = 0; i < set->n; i++) {

        if (!use[i]) {
            continue;
        }

        for (k = 0; k < g->inputs; k++) {
            g->value[(size_t) k * g->n + n] = set->input[i][k];
        }

        g->class[n++] = set->class[i];
    }
}


static void
hars_grow_free(hars_grower_t *g)
{
    if (g == NULL) {
        return;
    }

    free(g->value);
    free(g->class);
    free(g->order);
    free(g->aside);
    free(g->branch);
    free(g->slot);
    free(g);
}


static int
hars_grow_tree(hars_grower_t *g, unsigned tree)
{
    uint32_t       root, i;
    unsigned       n;
    hars_branch_t  b;

    for (i = 0; i < g->n; i++) {
        g->order[i] = i;
    }

    root = g->forest->root[tree];

    if (hars_grow_nodes(g, 1) != HARS_OK) {
        return HARS_ERROR;
    }

    g->branch[0] = (hars_branch_t) { 0, g->n, root };
    n = 1;

    while (n) {
        b = g->branch[--n];

        if (hars_grow_branch(g, &b, root, &n) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/*
 * To a leaf, or to two branches more on the stack of "n".  Children stand
 * behind their parent, so that no walk can go round.
 */
static int
hars_grow_branch(hars_grower_t *g, const hars_branch_t *b, uint32_t root,
    unsigned *n)
{
    uint32_t      middle, left, size;
    unsigned      count[HARS_ML_CLASSES];
    hars_split_t  split;

    size = b->end - b->first;
    split.input = -1;

    if (hars_grow_count(g, b, count) < size && size >= 2 * g->fit->leaf
        && g->forest->nodes - root + 2 <= HARS_ML_NODES)
    {
        hars_grow_split(g, b, count, &split);
    }

    if (split.input < 0) {
        return hars_grow_leaf(g, b->node, b->node - root, count, size);
    }

    if (hars_grow_nodes(g, 2) != HARS_OK) {
        return HARS_ERROR;
    }

    left = g->forest->nodes - 2;
    g->forest->node[b->node] = (hars_node_t) {
        split.threshold, (uint16_t) split.input, (uint16_t) (left - root)
    };

    middle = hars_grow_part(g, b, &split);
    g->branch[(*n)++] = (hars_branch_t) { middle, b->end, left + 1 };
    g->branch[(*n)++] = (hars_branch_t) { b->first, middle, left };

    return HARS_OK;
}


/* windows of each class; how many the most frequent one has */
static unsigned
hars_grow_count(const hars_grower_t *g, const hars_branch_t *b,
    unsigned *count)
{
    uint32_t  i;
    unsigned  k, most;

    memset(count, 0, HARS_ML_CLASSES * sizeof(unsigned));
    most = 0;

    for (i = b->first; i < b->end; i++) {
        k = g->class[g->order[i]];
        count[k]++;
        most = count[k] > most ? count[k] : most;
    }

    return most;
}


static int
hars_grow_nodes(hars_grower_t *g, unsigned n)
{
    void           *p;
    unsigned        room;
    hars_forest_t  *forest;

    forest = g->forest;

    if (forest->nodes + n > g->room) {
        room = 2 * g->room + 4096;

        p = realloc(forest->node, room * sizeof(hars_node_t));
        if (p == NULL) {
            return HARS_ERROR;
        }

        forest->node = p;

        p = realloc(forest->leaf, room * sizeof(uint16_t));
        if (p == NULL) {
            return HARS_ERROR;
        }

        forest->leaf = p;
        g->room = room;
    }

    memset(forest->leaf + forest->nodes, 0, n * sizeof(uint16_t));
    forest->nodes += n;

    return HARS_OK;
}


static int
hars_grow_leaf(hars_grower_t *g, uint32_t node, unsigned at,
    const unsigned *count, unsigned n)
{
    int       leaf;
    int16_t   share[HARS_ML_CLASSES];
    unsigned  k;

    for (k = 0; k < HARS_ML_CLASSES; k++) {
        share[k] = (int16_t) ((2 * 255 * count[k] + n) / (2 * n));
    }

    leaf = hars_grow_share(g, share);
    if (leaf < 0) {
        return HARS_ERROR;
    }

    g->forest->leaf[node] = (uint16_t) leaf;
    g->forest->node[node] = (hars_node_t) { INFINITY, 0, (uint16_t) at };

    return HARS_OK;
}


/* equal leaves are one */
static int
hars_grow_share(hars_grower_t *g, const int16_t *share)
{
    uint32_t        hash;
    unsigned        k;
    hars_forest_t  *forest;

    forest = g->forest;
    hash = 2166136261;

    for (k = 0; k < HARS_ML_CLASSES; k++) {
        hash = (hash ^ (uint32_t) share[k]) * 16777619;
    }

    for (hash %= HARS_GROW_SLOTS; g->slot[hash];
         hash = (hash + 1) % HARS_GROW_SLOTS)
    {
        k = g->slot[hash] - 1;

        if (memcmp(forest->share[k], share, sizeof(forest->share[k])) == 0) {
            return (int) k;
        }
    }

    if (forest->leaves == HARS_ML_LEAVES) {
        return -1;
    }

    memcpy(forest->share[forest->leaves], share, sizeof(forest->share[0]));
    g->slot[hash] = (uint16_t) ++forest->leaves;

    return (int) forest->leaves - 1;
}


static void
hars_grow_split(hars_grower_t *g, const hars_branch_t *b,
    const unsigned *count, hars_split_t *best)
{
    float     low, high, threshold;
    double    gain;
    uint16_t  draw[HARS_ML_INPUTS], input;
    unsigned  i, k, tried;

    for (i = 0; i < g->inputs; i++) {
        draw[i] = (uint16_t) i;
    }

    best->gain = -1;
    tried = 0;

    for (i = 0; i < g->inputs && tried < g->fit->tries; i++) {
        k = i + (unsigned) (hars_random_next(&g->random) % (g->inputs - i));
        input = draw[k];
        draw[k] = draw[i];

        /* what is the same for all is not tried */
        if (hars_grow_range(g, b, input, &low, &high) != HARS_OK) {
            continue;
        }

        threshold = low + (high - low)
                    * (float) (hars_random_next(&g->random) >> 40)
                    / (1 << 24);
        threshold = threshold < high ? threshold : low;
        gain = hars_grow_gain(g, b, count, input, threshold);
        tried++;

        if (gain > best->gain) {
            best->gain = gain;
            best->input = input;
            best->threshold = threshold;
        }
    }
}


static int
hars_grow_range(const hars_grower_t *g, const hars_branch_t *b,
    unsigned input, float *low, float *high)
{
    float         least, most, v;
    uint32_t      i;
    const float  *value;

    value = g->value + (size_t) input * g->n;
    least = value[g->order[b->first]];
    most = least;

    for (i = b->first + 1; i < b->end; i++) {
        v = value[g->order[i]];
        least = v < least ? v : least;
        most = v > most ? v : most;
    }

    *low = least;
    *high = most;

    return most > least ? HARS_OK : HARS_DECLINED;
}


/* -1: a side would be less than a leaf may be */
static double
hars_grow_gain(const hars_grower_t *g, const hars_branch_t *b,
    const unsigned *count, unsigned input, float threshold)
{
    double        left, right, rest;
    uint32_t      i, w;
    unsigned      k, n, below, side[HARS_ML_CLASSES];
    const float  *value;

    value = g->value + (size_t) input * g->n;
    memset(side, 0, sizeof(side));
    n = 0;

    for (i = b->first; i < b->end; i++) {
        w = g->order[i];
        below = value[w] <= threshold;
        side[g->class[w]] += below;
        n += below;
    }

    if (n < g->fit->leaf || b->end - b->first - n < g->fit->leaf) {
        return -1;
    }

    left = 0;
    right = 0;

    for (k = 0; k < g->nclasses; k++) {
        rest = count[k] - side[k];
        left += (double) side[k] * side[k];
        right += rest * rest;
    }

    return left / n + right / (b->end - b->first - n);
}


/* both sides keep their order; where the right one begins */
static uint32_t
hars_grow_part(hars_grower_t *g, const hars_branch_t *b,
    const hars_split_t *split)
{
    uint32_t      i, w, left, right;
    const float  *value;

    value = g->value + (size_t) split->input * g->n;
    left = b->first;
    right = 0;

    for (i = b->first; i < b->end; i++) {
        w = g->order[i];

        if (value[w] <= split->threshold) {
            g->order[left++] = w;

        } else {
            g->aside[right++] = w;
        }
    }

    memcpy(g->order + left, g->aside, right * sizeof(uint32_t));

    return left;
}
