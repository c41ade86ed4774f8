
/*
 * How many windows a second on one core: features, inputs, k-NN, forest,
 * boosted trees, the vote of all, one by one and many at a time.
 *
 *     make build/bench/classifiers
 *     build/bench/classifiers backend/mlservice/model.hars
 *
 * Windows are noise on sines of many paces.  The k-NN is asked for points
 * near to prototypes, as people's are, and for the windows' own, which are
 * far from all of them, where little of the search can be left out.  The
 * figures are of processor time, best of five rounds: what else the machine
 * does only takes away.
 */

#include "hars_ml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_BENCH_N       2048
#define HARS_BENCH_ROUNDS  5


typedef double  hars_rows_t[HARS_ML_WINDOW][HARS_ML_AXES];

typedef struct {
    const hars_model_t  *model;
    hars_features_t     *features;
    hars_rows_t         *row;             /* [N] */
    float              (*input)[HARS_ML_INPUTS];
    float              (*point)[HARS_ML_DIMS];
    hars_vote_t         *vote;
    double               sink;
} hars_bench_t;

typedef void (*hars_bench_pt)(hars_bench_t *b);

typedef struct {
    const char          *name;
    hars_bench_pt        run;
} hars_bench_row_t;


static void hars_bench_make(hars_bench_t *b);
static double hars_bench_noise(void);
static void hars_bench_features(hars_bench_t *b);
static void hars_bench_inputs(hars_bench_t *b);
static void hars_bench_knn(hars_bench_t *b);
static void hars_bench_far(hars_bench_t *b);
static void hars_bench_one(hars_bench_t *b);
static void hars_bench_many(hars_bench_t *b);
static void hars_bench_boost_one(hars_bench_t *b);
static void hars_bench_boost_many(hars_bench_t *b);
static void hars_bench_vote(hars_bench_t *b);
static double hars_bench_now(void);


static const hars_bench_row_t  hars_bench_row[] = {
    { "features 305", hars_bench_features },
    { "inputs 200 of a window", hars_bench_inputs },
    { "k-NN, near prototypes", hars_bench_knn },
    { "k-NN, far from all", hars_bench_far },
    { "forest, one by one", hars_bench_one },
    { "forest, many at a time", hars_bench_many },
    { "boosted, one by one", hars_bench_boost_one },
    { "boosted, many at a time", hars_bench_boost_many },
    { "vote of all, one by one", hars_bench_vote }
};


int
main(int argc, char **argv)
{
    char             error[256];
    double           t, best;
    size_t           i;
    unsigned         round;
    hars_bench_t     b;
    hars_model_t    *model;

    memset(&b, 0, sizeof(b));
    model = argc == 2 ? hars_model_load(argv[1], error, sizeof(error))
                      : NULL;

    if (model == NULL) {
        fprintf(stderr, "classifiers MODEL: %s\n", argc == 2 ? error : "");
        return 1;
    }

    b.model = model;
    hars_bench_make(&b);

    for (i = 0; i < sizeof(hars_bench_row) / sizeof(hars_bench_row_t); i++) {
        best = INFINITY;

        for (round = 0; round < HARS_BENCH_ROUNDS; round++) {
            t = hars_bench_now();
            hars_bench_row[i].run(&b);
            t = hars_bench_now() - t;
            best = t < best ? t : best;
        }

        printf("%-26s %9.0f /s  %7.2f us\n", hars_bench_row[i].name,
               HARS_BENCH_N / best, best / HARS_BENCH_N * 1e6);
    }

    printf("%u prototypes, %u and %u trees (%g)\n", model->n,
           model->forest.trees, model->boost.trees, b.sink);

    hars_model_free(model);

    return 0;
}


static void
hars_bench_make(hars_bench_t *b)
{
    double    t, pace;
    unsigned  i, k, d, at;

    b->features = hars_features_create();
    b->row = malloc(HARS_BENCH_N * sizeof(b->row[0]));
    b->input = malloc(HARS_BENCH_N * sizeof(b->input[0]));
    b->point = malloc(HARS_BENCH_N * sizeof(b->point[0]));
    b->vote = malloc(HARS_BENCH_N * sizeof(b->vote[0]));

    for (i = 0; i < HARS_BENCH_N; i++) {
        pace = 2 * M_PI * (0.5 + i % 97 / 30.0);

        for (k = 0; k < HARS_ML_WINDOW; k++) {
            t = k / 50.0;

            for (d = 0; d < HARS_ML_AXES; d++) {
                b->row[i][k][d] = (d == 1 ? -9.8 : 0)
                                  + i % 13 / 3.0 * sin(pace * (1 + d % 2) * t
                                                       + d)
                                  + hars_bench_noise();
            }
        }

        at = (unsigned) ((double) i / HARS_BENCH_N * b->model->n);

        for (d = 0; d < b->model->dims; d++) {
            b->point[i][d] = (float) b->model->stored[at * b->model->dims + d]
                             * b->model->scale[d]
                             + 0.5f * (float) hars_bench_noise();
        }
    }

    hars_bench_inputs(b);
}


static double
hars_bench_noise(void)
{
    static uint32_t  state = 1;

    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24) - 0.5;
}


static void
hars_bench_features(hars_bench_t *b)
{
    double    out[HARS_ML_FEATURES];
    unsigned  i;

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_features(b->features,
                      (const double (*)[HARS_ML_AXES]) b->row[i], out);
        b->sink += out[7];
    }
}


static void
hars_bench_inputs(hars_bench_t *b)
{
    unsigned    i;
    hars_run_t  run;

    memset(&run, 0, sizeof(run));

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_inputs_run(&run, b->features,
                        i * (double) HARS_ML_HOP / HARS_ML_RATE,
                        (const double (*)[HARS_ML_AXES]) b->row[i],
                        b->input[i]);
    }
}


static void
hars_bench_knn(hars_bench_t *b)
{
    unsigned          i;
    hars_neighbour_t  near[HARS_ML_K];

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_knn_search(b->model, b->point[i], near);
        b->sink += near[0].index;
    }
}


static void
hars_bench_far(hars_bench_t *b)
{
    hars_knn_classify(b->model, (const float (*)[HARS_ML_INPUTS]) b->input,
                      HARS_BENCH_N, b->vote);
}


static void
hars_bench_one(hars_bench_t *b)
{
    unsigned  i;

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_forest_classify(b->model,
                             (const float (*)[HARS_ML_INPUTS]) b->input[i],
                             1, &b->vote[i]);
    }
}


static void
hars_bench_many(hars_bench_t *b)
{
    hars_forest_classify(b->model,
                         (const float (*)[HARS_ML_INPUTS]) b->input,
                         HARS_BENCH_N, b->vote);
}


static void
hars_bench_boost_one(hars_bench_t *b)
{
    unsigned  i;

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_boost_classify(b->model,
                            (const float (*)[HARS_ML_INPUTS]) b->input[i],
                            1, &b->vote[i]);
    }
}


static void
hars_bench_boost_many(hars_bench_t *b)
{
    hars_boost_classify(b->model, (const float (*)[HARS_ML_INPUTS]) b->input,
                        HARS_BENCH_N, b->vote);
}


static void
hars_bench_vote(hars_bench_t *b)
{
    unsigned  i;

    for (i = 0; i < HARS_BENCH_N; i++) {
        hars_model_classify(b->model, b->input[i], &b->vote[i]);
    }
}


static double
hars_bench_now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}
