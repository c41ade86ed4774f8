
/*
 * Growing boosted trees (Friedman, 2001): each tree takes a step down the
 * gradient of the logarithmic loss of all trees before it.
 *
 *     g = share - truth, h = share (1 - share), for each activity
 *     a leaf's value = -rate * sum g / (sum h + penalty), for each activity
 *     a split's gain = sum over activities of (sum g)^2 / (sum h + penalty),
 *     left and right
 *
 * One tree a round has the values of all activities.  Inputs are looked at
 * in 64 steps of equal counts, half of the windows and some of the inputs,
 * drawn anew, at a time.  Values are rounded to 1/HARS_ML_LOGIT as they are
 * made, so that the next trees mend the rounding too.
 */


#include "hars_ml_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_BOOST_BINS      64
#define HARS_BOOST_SAMPLE    8192
#define HARS_BOOST_LANES     8           /* activities side by side */
#define HARS_BOOST_PENALTY   3.0f
#define HARS_BOOST_LEAST     10          /* windows of a leaf */
#define HARS_BOOST_BRANCHES  64          /* on the stack: one a level */


typedef float  hars_eight_t __attribute__((vector_size(32)));

typedef struct {
    hars_eight_t          g;
    hars_eight_t          h;
} hars_slope_t;

typedef struct {
    hars_slope_t          sum;
    unsigned              n;
} hars_bucket_t;

typedef struct {
    uint32_t              first;
    uint32_t              end;
    uint32_t              node;
    unsigned              depth;
} hars_bough_t;

typedef struct {
    int                   input;         /* -1: none found */
    unsigned              bin;           /* the last that goes left */
    float                 gain;
} hars_cut_t;

typedef struct {
    const hars_fit_t     *fit;
    hars_forest_t        *forest;
    unsigned              nclasses;
    unsigned              n;             /* windows */
    uint64_t              random;

    uint8_t              *bin;           /* [input][n] */
    uint8_t              *class;         /* [n] */
    float               (*edge)[HARS_BOOST_BINS];  /* [input], highest of */
    int32_t             (*score)[HARS_ML_CLASSES]; /* [n] */
    hars_slope_t         *slope;         /* [n] */
    uint32_t             *order;         /* [n], windows bough by bough */
    uint32_t             *aside;         /* [n] */
    unsigned              taken;         /* windows of this tree */
} hars_booster_t;


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
static void hars_boost_slopes(hars_booster_t *b);
static void hars_boost_tree(hars_booster_t *b, unsigned tree);
static void hars_boost_split(hars_booster_t *b, const hars_bough_t *bough,
    const hars_slope_t *all, hars_cut_t *best);
static void hars_boost_count(const hars_booster_t *b,
    const hars_bough_t *bough, unsigned input, hars_bucket_t *bucket);
static void hars_boost_scan(const hars_bucket_t *bucket, unsigned input,
    const hars_slope_t *all, unsigned n, hars_cut_t *best);
static float hars_boost_gain(const hars_slope_t *s);
static uint32_t hars_boost_part(hars_booster_t *b, const hars_bough_t *bough,
    const hars_cut_t *cut);
static void hars_boost_leaf(hars_booster_t *b, uint32_t node, unsigned at,
    const hars_slope_t *all);
static void hars_boost_update(hars_booster_t *b, unsigned tree);
static uint64_t hars_boost_random(hars_booster_t *b);


int
hars_boost(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit)
{
    unsigned         tree;
    hars_booster_t  *b;

    b = hars_boost_create(forest, set, use, fit);
    if (b == NULL) {
        return HARS_ERROR;
    }

    for (tree = 0; tree < fit->rounds; tree++) {
        b->random = (fit->seed + 3) * 0x9e3779b97f4a7c15 + tree * 0x10003;

        hars_boost_slopes(b);
        forest->root[tree] = forest->nodes;
        hars_boost_tree(b, tree);
        forest->root[tree + 1] = forest->nodes;
        forest->trees = tree + 1;
        hars_boost_update(b, tree);
    }

    hars_boost_free(b);

    return HARS_OK;
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

    for (i = 0; i < set->n; i++) {
        b->n += use[i] != 0;
    }

    if (set->nclasses > HARS_BOOST_LANES
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
    leaves = (size_t) b->fit->rounds << b->fit->depth;

    b->bin = malloc((size_t) b->n * HARS_ML_INPUTS);
    b->class = malloc(b->n);
    b->edge = malloc(HARS_ML_INPUTS * sizeof(b->edge[0]));
    b->score = calloc(b->n, sizeof(b->score[0]));
    b->slope = aligned_alloc(64, b->n * sizeof(hars_slope_t));
    b->order = malloc(b->n * sizeof(uint32_t));
    b->aside = malloc(b->n * sizeof(uint32_t));

    f->node = malloc(2 * leaves * sizeof(hars_node_t));
    f->leaf = calloc(2 * leaves, sizeof(uint16_t));
    f->share = calloc(leaves, sizeof(f->share[0]));

    return leaves <= HARS_ML_LEAVES && b->bin && b->class && b->edge
           && b->score && b->slope && b->order && b->aside && f->node
           && f->leaf && f->share ? HARS_OK : HARS_ERROR;
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

    for (k = 0; k < HARS_ML_INPUTS; k++) {

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
hars_boost_slopes(hars_booster_t *b)
{
    float     share[HARS_BOOST_LANES], sum, most;
    unsigned  i, k;

    b->taken = 0;

    for (i = 0; i < b->n; i++) {
        most = 0;
        sum = 0;

        for (k = 0; k < b->nclasses; k++) {
            most = fmaxf(most, (float) b->score[i][k] / HARS_ML_LOGIT);
        }

        for (k = 0; k < b->nclasses; k++) {
            share[k] = expf((float) b->score[i][k] / HARS_ML_LOGIT - most);
            sum += share[k];
        }

        memset(&b->slope[i], 0, sizeof(hars_slope_t));

        for (k = 0; k < b->nclasses; k++) {
            share[k] /= sum;
            b->slope[i].g[k] = share[k] - (k == b->class[i]);
            b->slope[i].h[k] = fmaxf(share[k] * (1 - share[k]), 1e-6f);
        }

        if (hars_boost_random(b) & 1) {
            b->order[b->taken++] = i;
        }
    }
}


static void
hars_boost_tree(hars_booster_t *b, unsigned tree)
{
    uint32_t       root, left, middle, i;
    unsigned       n;
    hars_cut_t     cut;
    hars_slope_t   all;
    hars_bough_t   bough, stack[HARS_BOOST_BRANCHES];

    root = b->forest->root[tree];
    b->forest->nodes++;
    stack[0] = (hars_bough_t) { 0, b->taken, root, 0 };
    n = 1;

    while (n) {
        bough = stack[--n];
        memset(&all, 0, sizeof(all));

        for (i = bough.first; i < bough.end; i++) {
            all.g += b->slope[b->order[i]].g;
            all.h += b->slope[b->order[i]].h;
        }

        cut.input = -1;

        if (bough.depth < b->fit->depth) {
            hars_boost_split(b, &bough, &all, &cut);
        }

        if (cut.input < 0) {
            hars_boost_leaf(b, bough.node, bough.node - root, &all);
            continue;
        }

        left = b->forest->nodes;
        b->forest->nodes += 2;
        b->forest->node[bough.node] = (hars_node_t) {
            b->edge[cut.input][cut.bin], (uint16_t) cut.input,
            (uint16_t) (left - root)
        };

        middle = hars_boost_part(b, &bough, &cut);
        stack[n++] = (hars_bough_t) {
            middle, bough.end, left + 1, bough.depth + 1
        };
        stack[n++] = (hars_bough_t) {
            bough.first, middle, left, bough.depth + 1
        };
    }
}


static void
hars_boost_split(hars_booster_t *b, const hars_bough_t *bough,
    const hars_slope_t *all, hars_cut_t *best)
{
    uint16_t       draw[HARS_ML_INPUTS], input;
    unsigned       i, k;
    hars_bucket_t  bucket[HARS_BOOST_BINS];

    best->gain = hars_boost_gain(all) + 1e-3f;

    for (i = 0; i < HARS_ML_INPUTS; i++) {
        draw[i] = (uint16_t) i;
    }

    for (i = 0; i < b->fit->drawn; i++) {
        k = i + (unsigned) (hars_boost_random(b) % (HARS_ML_INPUTS - i));
        input = draw[k];
        draw[k] = draw[i];

        hars_boost_count(b, bough, input, bucket);
        hars_boost_scan(bucket, input, all, bough->end - bough->first, best);
    }
}


static void
hars_boost_count(const hars_booster_t *b, const hars_bough_t *bough,
    unsigned input, hars_bucket_t *bucket)
{
    uint32_t        i, w;
    hars_bucket_t  *p;
    const uint8_t  *bin;

    bin = b->bin + (size_t) input * b->n;
    memset(bucket, 0, HARS_BOOST_BINS * sizeof(hars_bucket_t));

    for (i = bough->first; i < bough->end; i++) {
        w = b->order[i];
        p = &bucket[bin[w]];
        p->sum.g += b->slope[w].g;
        p->sum.h += b->slope[w].h;
        p->n++;
    }
}


static void
hars_boost_scan(const hars_bucket_t *bucket, unsigned input,
    const hars_slope_t *all, unsigned n, hars_cut_t *best)
{
    float         gain;
    unsigned      k, below;
    hars_slope_t  left, right;

    memset(&left, 0, sizeof(left));
    below = 0;

    for (k = 0; k + 1 < HARS_BOOST_BINS; k++) {
        left.g += bucket[k].sum.g;
        left.h += bucket[k].sum.h;
        below += bucket[k].n;

        if (bucket[k].n == 0 || below < HARS_BOOST_LEAST) {
            continue;
        }

        if (n - below < HARS_BOOST_LEAST) {
            break;
        }

        right.g = all->g - left.g;
        right.h = all->h - left.h;
        gain = hars_boost_gain(&left) + hars_boost_gain(&right);

        if (gain > best->gain) {
            best->gain = gain;
            best->input = (int) input;
            best->bin = k;
        }
    }
}


static float
hars_boost_gain(const hars_slope_t *s)
{
    float         sum;
    unsigned      k;
    hars_eight_t  gain;

    gain = s->g * s->g / (s->h + HARS_BOOST_PENALTY);
    sum = 0;

    for (k = 0; k < HARS_BOOST_LANES; k++) {
        sum += gain[k];
    }

    return sum;
}


static uint32_t
hars_boost_part(hars_booster_t *b, const hars_bough_t *bough,
    const hars_cut_t *cut)
{
    uint32_t        i, w, left, right;
    const uint8_t  *bin;

    bin = b->bin + (size_t) cut->input * b->n;
    left = bough->first;
    right = 0;

    for (i = bough->first; i < bough->end; i++) {
        w = b->order[i];

        if (bin[w] <= cut->bin) {
            b->order[left++] = w;

        } else {
            b->aside[right++] = w;
        }
    }

    memcpy(b->order + left, b->aside, right * sizeof(uint32_t));

    return left;
}


static void
hars_boost_leaf(hars_booster_t *b, uint32_t node, unsigned at,
    const hars_slope_t *all)
{
    float           value;
    unsigned        k;
    hars_forest_t  *f;

    f = b->forest;

    for (k = 0; k < b->nclasses; k++) {
        value = -all->g[k] / (all->h[k] + HARS_BOOST_PENALTY)
                * (float) b->fit->rate / 1000;
        f->share[f->leaves][k] = (int16_t) lrintf(value * HARS_ML_LOGIT);
    }

    f->leaf[node] = (uint16_t) f->leaves++;
    f->node[node] = (hars_node_t) { INFINITY, 0, (uint16_t) at };
}


/* by the bins, which is where the thresholds lead too */
static void
hars_boost_update(hars_booster_t *b, unsigned tree)
{
    uint32_t              at;
    unsigned              i, k, bin;
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

        for (k = 0; k < b->nclasses; k++) {
            b->score[i][k] += f->share[f->leaf[f->root[tree] + at]][k];
        }
    }
}


/* splitmix64 */
static uint64_t
hars_boost_random(hars_booster_t *b)
{
    uint64_t  z;

    z = (b->random += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;

    return z ^ z >> 31;
}
