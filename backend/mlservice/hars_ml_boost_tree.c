
/*
 * One of the boosted trees: which way do the windows of a bough part, and
 * what is a leaf's value?
 *
 *     gain   (sum g)^2 / (sum h + penalty), left and right, more than whole
 *     value  -rate * sum g / (sum h + penalty)
 *
 * At each node some of the inputs are drawn anew.  A node's windows are
 * counted by the steps of an input, whose edges are the thresholds.  Values
 * are rounded to 1 / HARS_ML_LOGIT as they are made, so that the next trees
 * mend the rounding too.
 */


#include "hars_ml_boost.h"
#include "hars_ml_random.h"

#include <math.h>
#include <string.h>


#define HARS_BOOST_PENALTY   3.0f
#define HARS_BOOST_LEAST     10          /* windows of a leaf */
#define HARS_BOOST_BRANCHES  64          /* on the stack: one a level */


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


static hars_slope_t hars_boost_sum(const hars_booster_t *b,
    const hars_bough_t *bough);
static void hars_boost_split(hars_booster_t *b, const hars_bough_t *bough,
    const hars_slope_t *all, hars_cut_t *best);
static void hars_boost_count(const hars_booster_t *b,
    const hars_bough_t *bough, unsigned input, hars_bucket_t *bucket);
static void hars_boost_scan(const hars_bucket_t *bucket, unsigned input,
    const hars_slope_t *all, unsigned n, hars_cut_t *best);
static float hars_boost_gain(const hars_slope_t *s);
static uint32_t hars_boost_part(hars_booster_t *b, const hars_bough_t *bough,
    const hars_cut_t *cut);
static void hars_boost_leaf(hars_booster_t *b, const hars_bough_t *bough,
    uint32_t root, unsigned class, const hars_slope_t *all);


void
hars_boost_tree(hars_booster_t *b, unsigned class)
{
    uint32_t       root, left, middle;
    unsigned       n;
    hars_cut_t     cut;
    hars_slope_t   all;
    hars_bough_t   bough, stack[HARS_BOOST_BRANCHES];

    root = b->forest->nodes++;
    stack[0] = (hars_bough_t) { 0, b->taken, root, 0 };
    n = 1;

    while (n) {
        bough = stack[--n];
        all = hars_boost_sum(b, &bough);
        cut = (hars_cut_t) { .input = -1 };

        if (bough.depth < b->fit->depth) {
            hars_boost_split(b, &bough, &all, &cut);
        }

        if (cut.input < 0) {
            hars_boost_leaf(b, &bough, root, class, &all);
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


static hars_slope_t
hars_boost_sum(const hars_booster_t *b, const hars_bough_t *bough)
{
    uint32_t      i;
    hars_slope_t  all;

    memset(&all, 0, sizeof(all));

    for (i = bough->first; i < bough->end; i++) {
        all.g += b->slope[b->order[i]].g;
        all.h += b->slope[b->order[i]].h;
    }

    return all;
}


static void
hars_boost_split(hars_booster_t *b, const hars_bough_t *bough,
    const hars_slope_t *all, hars_cut_t *best)
{
    uint16_t       draw[HARS_ML_INPUTS], input;
    unsigned       i, k;
    hars_bucket_t  bucket[HARS_BOOST_BINS];

    best->gain = hars_boost_gain(all) + 1e-3f;

    for (i = 0; i < b->inputs; i++) {
        draw[i] = (uint16_t) i;
    }

    for (i = 0; i < b->inputs && i < b->fit->drawn; i++) {
        k = i + (unsigned) (hars_random_next(&b->random) % (b->inputs - i));
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
    return s->g * s->g / (s->h + HARS_BOOST_PENALTY);
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
hars_boost_leaf(hars_booster_t *b, const hars_bough_t *bough, uint32_t root,
    unsigned class, const hars_slope_t *all)
{
    float           value;
    hars_forest_t  *f;

    f = b->forest;
    value = -all->g / (all->h + HARS_BOOST_PENALTY)
            * (float) b->fit->rate / 1000;

    f->share[f->leaves][class] = (int16_t) lrintf(value * HARS_ML_LOGIT);
    f->leaf[bough->node] = (uint16_t) f->leaves++;
    f->node[bough->node] = (hars_node_t) {
        INFINITY, 0, (uint16_t) (bough->node - root)
    };
}
