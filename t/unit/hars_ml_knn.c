
/* the search and the vote against a naive double loop over all prototypes */

/* link: -lm */


#include "../../backend/mlservice/hars_ml_knn.c"

#include "tap.h"


static void against_naive(unsigned n, unsigned dims, unsigned k, int coarse);
static void naive(const hars_model_t *m, const float *query,
    hars_neighbour_t *near);
static void votes(void);
static void build(hars_model_t *m, unsigned n, unsigned dims, unsigned k,
    int coarse);
static void clear(hars_model_t *m);


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
    against_naive(1, 1, 1, 0);
    against_naive(15, 3, 15, 0);
    against_naive(16, 16, 5, 0);
    against_naive(17, 17, 5, 1);
    against_naive(1000, 40, 15, 0);
    against_naive(1000, 40, 15, 1);
    against_naive(4001, 64, 64, 0);
    against_naive(4001, 2, 15, 1);
    votes();

    return tap_done();
}


/* coarse: few different values, so that most distances are ties */
static void
against_naive(unsigned n, unsigned dims, unsigned k, int coarse)
{
    float             query[HARS_ML_DIMS];
    unsigned          i, d, bad;
    hars_model_t      m;
    hars_neighbour_t  got[HARS_ML_K], want[HARS_ML_K];

    build(&m, n, dims, k, coarse);

    bad = 0;

    for (i = 0; i < 200; i++) {

        for (d = 0; d < dims; d++) {
            query[d] = coarse ? (float) (int) (4 * noise())
                              : (float) (2 * noise());
        }

        /* now and then a prototype itself */
        for (d = 0; i % 5 == 0 && d < dims; d++) {
            query[d] = (float) m.stored[i % n * dims + d] * m.scale[d];
        }

        hars_knn_search(&m, query, got);
        naive(&m, query, want);
        bad += memcmp(got, want, k * sizeof(got[0])) != 0;
    }

    ok(bad == 0, "%u prototypes, %u dimensions, k %u%s: the naive answer", n,
       dims, k, coarse ? ", ties" : "");

    clear(&m);
}


static void
naive(const hars_model_t *m, const float *query, hars_neighbour_t *near)
{
    float     sum, d;
    unsigned  i, j, filled;

    filled = 0;

    for (i = 0; i < m->n; i++) {
        sum = 0;

        for (j = 0; j < m->dims; j++) {
            d = (float) m->stored[i * m->dims + j] * m->scale[j] - query[j];
            sum += d * d;
        }

        for (j = filled; j > 0 && near[j - 1].distance > sum; j--) {
            if (j < m->k) {
                near[j] = near[j - 1];
            }
        }

        if (j < m->k) {
            near[j].distance = sum;
            near[j].index = i;
            filled += filled < m->k;
        }
    }
}


static void
votes(void)
{
    hars_vote_t       vote;
    hars_model_t      m;
    hars_neighbour_t  near[3] = {
        { 1.0f, 0 }, { 4.0f, 1 }, { 16.0f, 2 }
    };

    build(&m, 3, 1, 3, 0);
    m.label[0] = 2;
    m.label[1] = 1;
    m.label[2] = 1;

    /* weights 1, 1/2, 1/4 */
    hars_knn_vote(&m, near, &vote);
    ok(vote.class == 2 && fabsf(vote.confidence - 1 / 1.75f) < 1e-6f,
       "near one against two that are far: the near one, %.4f",
       (double) vote.confidence);

    near[1].distance = 1.0f;
    hars_knn_vote(&m, near, &vote);
    ok(vote.class == 1 && fabsf(vote.confidence - 1.25f / 2.25f) < 1e-6f,
       "two against one as near: the two");

    near[0].distance = 0;
    hars_knn_vote(&m, near, &vote);
    ok(vote.class == 2 && vote.confidence == 1, "distance zero decides alone");

    near[1].distance = 0;
    hars_knn_vote(&m, near, &vote);
    ok(vote.class == 1 && vote.confidence == 0.5f,
       "two at distance zero: one vote each, the lower class");

    clear(&m);
}


static void
build(hars_model_t *m, unsigned n, unsigned dims, unsigned k, int coarse)
{
    unsigned  i;

    memset(m, 0, sizeof(hars_model_t));
    m->n = n;
    m->dims = dims;
    m->k = k;
    m->nclasses = 6;
    m->stored = malloc(n * dims * sizeof(int16_t));
    m->label = malloc(n);

    for (i = 0; i < n * dims; i++) {
        m->stored[i] = (int16_t) (coarse ? 4 * noise() : 65000 * noise());
    }

    for (i = 0; i < n; i++) {
        m->label[i] = (uint8_t) (i % 6);
    }

    for (i = 0; i < dims; i++) {
        m->scale[i] = coarse ? 1 : (float) (1 + noise()) / 32767;
    }

    if (hars_knn_layout(m) != HARS_OK) {
        exit(1);
    }
}


static void
clear(hars_model_t *m)
{
    free(m->stored);
    free(m->label);
    free(m->block);
}
