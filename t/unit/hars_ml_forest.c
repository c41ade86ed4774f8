
/*
 * Trees: grown on points that a rule parts, walked one by one and many at a
 * time against a walk as plain as can be, and inputs of a window that do not
 * change when the device is turned.
 */

/* link: -lm */


#include "../../backend/mlservice/hars_ml_boost.c"
#include "../../backend/mlservice/hars_ml_boost_tree.c"
#include "../../backend/mlservice/hars_ml_features.c"
#include "../../backend/mlservice/hars_ml_fft.c"
#include "../../backend/mlservice/hars_ml_forest.c"
#include "../../backend/mlservice/hars_ml_gait.c"
#include "../../backend/mlservice/hars_ml_grow.c"
#include "../../backend/mlservice/hars_ml_inputs.c"
#include "../../backend/mlservice/hars_ml_random.c"
#include "../../backend/mlservice/hars_ml_spectrum.c"
#include "../../backend/mlservice/hars_ml_sort.c"
#include "../../backend/mlservice/hars_ml_time.c"

#include "tap.h"


#define N  3000


static void grown(void);
static void boosted(void);
static void structure(const hars_forest_t *f, unsigned leaf);
static void walked(const hars_model_t *m, const hars_dataset_t *set);
static void edge(const hars_model_t *m, const float *from, uint32_t node,
    hars_vote_t *want, hars_vote_t *one);
static void naive(const hars_model_t *m, const float *input,
    hars_vote_t *vote);
static hars_dataset_t *points(void);
static void turned(void);
static void late(void);
static unsigned mean_of(const float *out, float (*own)[HARS_ML_INPUTS],
    const double *part, unsigned n);
static double turn(const double turn[3][3]);


static uint32_t  state = 1;


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24) - 0.5;
}


int
main(void)
{
    grown();
    boosted();
    turned();
    late();

    return tap_done();
}


static void
grown(void)
{
    uint8_t         *use;
    unsigned         i;
    hars_fit_t       fit = {
        .trees = 21, .leaf = 3, .tries = 60, .seed = 7,
        .inputs = HARS_ML_OF_WINDOW
    };
    hars_model_t     m, again;
    hars_dataset_t  *set;

    set = points();
    use = malloc(N);

    for (i = 0; i < N; i++) {
        use[i] = i % 3 != 0;
    }

    memset(&m, 0, sizeof(m));
    memset(&again, 0, sizeof(again));
    m.nclasses = 3;

    ok(hars_grow(&m.forest, set, use, &fit) == HARS_OK
       && m.forest.trees == 21 && m.forest.root[21] == m.forest.nodes,
       "21 trees grow");
    structure(&m.forest, 2000 / 3);
    walked(&m, set);

    hars_grow(&again.forest, set, use, &fit);
    ok(again.forest.nodes == m.forest.nodes
       && memcmp(again.forest.node, m.forest.node,
                 m.forest.nodes * sizeof(hars_node_t)) == 0,
       "the same seed: the same trees");
    hars_forest_free(&again.forest);
    memset(&again, 0, sizeof(again));

    fit.seed = 8;
    hars_grow(&again.forest, set, use, &fit);
    ok(again.forest.nodes != m.forest.nodes
       || memcmp(again.forest.node, m.forest.node,
                 m.forest.nodes * sizeof(hars_node_t)) != 0,
       "another seed: other trees");
    hars_forest_free(&again.forest);
    hars_forest_free(&m.forest);

    free(set->input);
    free(set->class);
    free(set);
    free(use);
}


/* what two inputs decide is found among 200, by trees of four leaves */
static void
boosted(void)
{
    size_t           i, bad, right;
    uint8_t         *use;
    hars_fit_t       fit = {
        .rounds = 60, .depth = 3, .drawn = 60, .rate = 200, .seed = 7,
        .inputs = HARS_ML_OF_WINDOW
    };
    hars_vote_t     *many, one;
    hars_model_t     m, again;
    hars_dataset_t  *set;

    set = points();
    use = malloc(N);
    many = malloc(N * sizeof(hars_vote_t));
    memset(&m, 0, sizeof(m));
    memset(&again, 0, sizeof(again));
    m.nclasses = 3;

    for (i = 0; i < N; i++) {
        use[i] = i % 3 != 0;
    }

    ok(hars_boost(&m.boost, set, use, &fit) == HARS_OK
       && m.boost.trees == 180 && m.boost.leaves <= 180 * 8,
       "60 rounds of boosted trees grow");

    hars_boost_classify(&m, (const float (*)[HARS_ML_INPUTS]) set->input, N,
                        many);
    bad = 0;
    right = 0;

    for (i = 0; i < N; i++) {
        hars_boost_classify(&m, (const float (*)[HARS_ML_INPUTS])
                                set->input[i], 1, &one);
        bad += memcmp(&one, &many[i], sizeof(one)) != 0;
        right += i % 3 == 0 && one.class == set->class[i];
    }

    ok(bad == 0, "boosted, one by one or many: the same bits");
    ok(right > N / 3 * 95 / 100, "boosted, not used: %zu of %d right", right,
       N / 3);

    hars_boost(&again.boost, set, use, &fit);
    ok(again.boost.nodes == m.boost.nodes
       && memcmp(again.boost.node, m.boost.node,
                 m.boost.nodes * sizeof(hars_node_t)) == 0
       && memcmp(again.boost.share, m.boost.share,
                 m.boost.leaves * sizeof(m.boost.share[0])) == 0,
       "boosted: the same seed, the same trees");

    hars_forest_free(&again.boost);
    memset(&again, 0, sizeof(again));
    fit.rounds = HARS_ML_TREES / 3 + 1;
    ok(hars_boost(&again.boost, set, use, &fit) == HARS_ERROR
       && !hars_boost_fits(3, &fit),
       "boosted: more trees than a model has are refused");

    fit.rounds = HARS_ML_TREES / 3;
    fit.depth = 4;
    ok(hars_boost_fits(3, &fit) && !hars_boost_fits(4, &fit),
       "boosted: as many as it has are not");
    fit.depth = 5;
    ok(!hars_boost_fits(3, &fit), "boosted: more leaves are refused");

    hars_forest_free(&again.boost);
    hars_forest_free(&m.boost);
    free(set->input);
    free(set->class);
    free(set);
    free(use);
    free(many);
}


static void
structure(const hars_forest_t *f, unsigned most)
{
    unsigned  t, i, first, end, bad, leaves, sum, k;

    bad = 0;
    leaves = 0;

    for (t = 0; t < f->trees; t++) {
        first = f->root[t];
        end = f->root[t + 1];

        for (i = first; i < end; i++) {
            if (first + f->node[i].left == i) {
                bad += !isinf(f->node[i].threshold);
                bad += f->leaf[i] >= f->leaves;
                leaves++;

            } else {
                bad += first + f->node[i].left <= i
                       || first + f->node[i].left + 1 >= end
                       || !isfinite(f->node[i].threshold);
            }
        }

        bad += leaves > most * (t + 1);
    }

    for (i = 0; i < f->leaves; i++) {
        sum = 0;

        for (k = 0; k < HARS_ML_CLASSES; k++) {
            sum += f->share[i][k];
        }

        bad += sum < 253 || sum > 257;
    }

    ok(bad == 0, "children behind their parents, leaves that are ones");
}


static void
walked(const hars_model_t *m, const hars_dataset_t *set)
{
    size_t        i, bad, right, n;
    hars_vote_t   want, one, *many;

    many = malloc(N * sizeof(hars_vote_t));
    bad = 0;
    right = 0;

    for (n = 1; n <= N; n = n < 200 ? n + 1 : n + 997) {
        hars_forest_classify(m, (const float (*)[HARS_ML_INPUTS]) set->input,
                             n, many);
        naive(m, set->input[n - 1], &want);
        bad += memcmp(&want, &many[n - 1], sizeof(want)) != 0;
    }

    hars_forest_classify(m, (const float (*)[HARS_ML_INPUTS]) set->input, N,
                         many);

    for (i = 0; i < N; i++) {
        naive(m, set->input[i], &want);
        hars_forest_classify(m, (const float (*)[HARS_ML_INPUTS])
                                set->input[i], 1, &one);
        bad += memcmp(&want, &one, sizeof(want)) != 0;
        bad += memcmp(&want, &many[i], sizeof(want)) != 0;
        right += i % 3 == 0 && one.class == set->class[i];
    }

    ok(bad == 0, "one by one, in any number and plainly: the same bits");
    bad = 0;

    for (i = 0; i < m->forest.trees; i++) {
        edge(m, set->input[i], m->forest.root[i], &want, &one);
        bad += memcmp(&want, &one, sizeof(want)) != 0;
    }

    ok(bad == 0, "at a threshold and at infinity: plainly the same");
    ok(right > N / 3 * 90 / 100, "points that were not used: %zu of %d "
       "right", right, N / 3);

    free(many);
}


/* what stands at the threshold is not above it; nothing is above infinity */
static void
edge(const hars_model_t *m, const float *from, uint32_t node,
    hars_vote_t *want, hars_vote_t *one)
{
    float  input[HARS_ML_INPUTS];

    memcpy(input, from, sizeof(input));
    input[0] = INFINITY;
    input[m->forest.node[node].input] = m->forest.node[node].threshold;

    naive(m, input, want);
    hars_forest_classify(m, (const float (*)[HARS_ML_INPUTS]) input, 1, one);
}


static void
naive(const hars_model_t *m, const float *input, hars_vote_t *vote)
{
    int32_t               sum[HARS_ML_CLASSES];
    uint32_t              i, t, k;
    const hars_node_t    *node;
    const hars_forest_t  *f;

    f = &m->forest;
    memset(sum, 0, sizeof(sum));

    for (t = 0; t < f->trees; t++) {
        i = 0;

        for ( ;; ) {
            node = &f->node[f->root[t] + i];

            if (node->left == i) {
                break;
            }

            i = input[node->input] > node->threshold ? node->left + 1u
                                                     : node->left;
        }

        for (k = 0; k < HARS_ML_CLASSES; k++) {
            sum[k] += f->share[f->leaf[f->root[t] + i]][k];
        }
    }

    hars_forest_share(m->nclasses, sum, vote);
}


/* three classes by two of the inputs, which are not easy to find */
static hars_dataset_t *
points(void)
{
    unsigned         i, k;
    hars_dataset_t  *set;

    set = calloc(1, sizeof(hars_dataset_t));
    set->n = N;
    set->nclasses = 3;
    set->input = malloc(N * sizeof(set->input[0]));
    set->class = malloc(N);

    for (i = 0; i < N; i++) {
        for (k = 0; k < HARS_ML_INPUTS; k++) {
            set->input[i][k] = k % 10 == 9 ? 3 : (float) noise();
        }

        set->class[i] = (uint8_t) (set->input[i][17] > 0.1f ? 2
                                   : set->input[i][120] > 0);
    }

    return set;
}


static void
turned(void)
{
    double  a, b, c;

    static const double  down[3][3] = {
        { -1, 0, 0 }, { 0, -1, 0 }, { 0, 0, 1 }
    };
    static const double  back[3][3] = {
        { -1, 0, 0 }, { 0, 1, 0 }, { 0, 0, -1 }
    };
    static const double  askew[3][3] = {
        { 0.36, 0.48, -0.8 }, { -0.8, 0.6, 0 }, { 0.48, 0.64, 0.6 }
    };

    a = turn(down);
    b = turn(back);
    c = turn(askew);

    ok(a < 1e-3, "upside down: the same inputs (%g)", a);
    ok(b < 1e-3, "back to front: the same inputs (%g)", b);
    ok(c < 1e-3, "turned any way: the same but the axes' gravity (%g)", c);
}


/* the largest difference, the three of gravity left out if askew */
static double
turn(const double turn[3][3])
{
    float             one[HARS_ML_INPUTS], two[HARS_ML_INPUTS];
    double            row[HARS_ML_WINDOW][HARS_ML_AXES], worst, t;
    double            other[HARS_ML_WINDOW][HARS_ML_AXES];
    unsigned          i, k, j, n;
    hars_features_t  *f;

    memset(other, 0, sizeof(other));
    state = 5;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        t = i / 50.0;
        row[i][0] = 3 + sin(6 * t) + noise();
        row[i][1] = -9 + 3 * sin(12 * t + 1) + noise();
        row[i][2] = 2 + cos(6 * t) + noise();
        row[i][3] = 2 * sin(6 * t) + 1.5 * cos(12 * t) + 0.1 * noise();
        row[i][4] = 0.3 * sin(6 * t + 1) + 0.1 * noise();
        row[i][5] = 0.5 * cos(6 * t) + 0.1 * noise();

        for (k = 0; k < 6; k++) {
            for (j = 0; j < 3; j++) {
                other[i][k] += turn[k % 3][j] * row[i][k / 3 * 3 + j];
            }
        }
    }

    f = hars_features_create();
    hars_inputs(f, (const double (*)[HARS_ML_AXES]) row, one);
    hars_inputs(f, (const double (*)[HARS_ML_AXES]) other, two);
    hars_features_free(f);

    worst = 0;
    n = fabs(turn[0][0]) == 1 ? HARS_ML_OF_WINDOW : HARS_ML_OF_WINDOW - 3;

    for (i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double) one[i] - (double) two[i])
                            / fmax(1, fabs((double) one[i])));
    }

    return worst;
}


/* five windows in a row, five behind a gap of which two change all */
static void
late(void)
{
    float             out[10][HARS_ML_INPUTS], own[10][HARS_ML_INPUTS];
    double            row[HARS_ML_WINDOW][HARS_ML_AXES];
    unsigned          i, k, w, bad;
    hars_run_t        run;
    hars_features_t  *f;

    static const double  start[] = {
        7, 8.28, 9.56, 10.84, 12.12, 14.68, 15.96, 17.24, 18.52, 19.8
    };
    static const double  size[] = {
        1, 2, 3, 4, 5, 6, 60, 60, 0.01, 0.0001
    };
    static const double  one[] = { 1 }, two[] = { 1 / 2.0, 1 / 2.0 };
    static const double  three[] = { 1 / 3.0, 1 / 3.0, 1 / 3.0 };
    static const double  five[] = {
        4 / 27.0, 4 / 27.0, 4 / 27.0, 2 / 9.0, 1 / 3.0
    };

    memset(&run, 0, sizeof(run));
    f = hars_features_create();
    bad = 0;

    for (w = 0; w < 10; w++) {
        for (i = 0; i < HARS_ML_WINDOW; i++) {
            for (k = 0; k < HARS_ML_AXES; k++) {
                row[i][k] = (k == 2 ? 9.8 : 0) + size[w] * noise();
            }
        }

        hars_inputs_run(&run, f, start[w],
                        (const double (*)[HARS_ML_AXES]) row, out[w]);
        hars_inputs(f, (const double (*)[HARS_ML_AXES]) row, own[w]);
        bad += memcmp(own[w], out[w], HARS_ML_OF_WINDOW * sizeof(float)) != 0;
    }

    ok(bad == 0, "a window's own inputs are first");
    ok(mean_of(out[0], own, one, 1) == 0, "late: the first is its own mean");
    ok(mean_of(out[1], own, two, 2) == 0 && mean_of(out[2], own, three, 3) == 0,
       "late: of two and three windows their mean");
    ok(mean_of(out[4], own, five, 5) == 0, "late: then a third of each");
    ok(mean_of(out[5], own + 5, one, 1) == 0, "late: nothing beyond a gap");
    ok(mean_of(out[6], own + 6, one, 1) == 0
       && mean_of(out[7], own + 6, two, 2) == 0,
       "late: nothing of before where all moves more");
    ok(mean_of(out[8], own + 8, one, 1) == 0
       && mean_of(out[9], own + 8, two, 2) == 0,
       "late: nor where it comes to rest; two ways to rest are one");

    hars_features_free(f);
}


/* how many are not */
static unsigned
mean_of(const float *out, float (*own)[HARS_ML_INPUTS], const double *part,
    unsigned n)
{
    double    want, size;
    unsigned  i, w, bad;

    bad = 0;

    for (i = 0; i < HARS_ML_OF_WINDOW; i++) {
        want = 0;
        size = 1;

        for (w = 0; w < n; w++) {
            want += part[w] * (double) own[w][i];
            size += fabs((double) own[w][i]);
        }

        bad += !(fabs((double) out[HARS_ML_OF_WINDOW + i] - want)
                 < 1e-6 * size);
    }

    return bad;
}
