
/*
 * How sure is sure, and what is none of the activities?  From votes of
 * people that were left out:
 *
 *     share^e        e by the least mean negative logarithm of the truth's
 *                    share, on a grid: one number, which cannot overfit
 *     known          logistic regression of the signs, known windows and
 *                    windows of other activities of equal weight in all; the
 *                    signs standardized, a small penalty, Newton's steps
 *     unknown        what 5 of 100 windows of known activities are below
 *
 * Where there are no other activities to learn from, each sign counts the
 * same, in deviations from its mean.
 */


#include "hars_ml_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_CAL_TERMS     (HARS_ML_SIGNS + 1)
#define HARS_CAL_STEPS     25
#define HARS_CAL_PENALTY   1e-4
#define HARS_CAL_LOST      0.05         /* of known windows */


/* which windows are learnt from: what is not zero, for either */
typedef struct {
    const hars_dataset_t  *set;
    const hars_vote_t     *votes;
    const uint8_t         *use;
    double                 mean[HARS_ML_SIGNS];
    double                 scale[HARS_ML_SIGNS];   /* 1 / deviation */
    double                 weight[HARS_CAL_TERMS];
    double                 balance[2];  /* of an other, a known window */
} hars_logit_t;


static float hars_calibrate_sharpen(const hars_dataset_t *set,
    const hars_vote_t *votes);
static double hars_calibrate_loss(const hars_dataset_t *set,
    const hars_vote_t *votes, double e);
static void hars_logit_fit(hars_logit_t *l);
static void hars_logit_scale(hars_logit_t *l);
static void hars_logit_terms(const hars_logit_t *l, size_t i, double *x);
static void hars_logit_step(hars_logit_t *l);
static void hars_logit_solve(double (*a)[HARS_CAL_TERMS + 1]);
static double hars_logit_score(const hars_logit_t *l, size_t i);
static void hars_logit_model(const hars_logit_t *l, hars_model_t *model);
static float hars_calibrate_limit(const hars_dataset_t *set,
    const hars_vote_t *votes);
static int hars_calibrate_compare(const void *one, const void *two);
static double hars_calibrate_half(const hars_dataset_t *set,
    const hars_vote_t *votes, unsigned people, unsigned kinds);


void
hars_calibrate(const hars_dataset_t *set, hars_model_t *model,
    hars_vote_t *votes)
{
    size_t         i;
    uint8_t       *use;
    hars_logit_t   l;

    memset(model->sign, 0, sizeof(model->sign));
    model->unknown = 0;
    model->sharpen = hars_calibrate_sharpen(set, votes);

    use = malloc(set->n);

    if (use) {
        memset(use, 1, set->n);
        memset(&l, 0, sizeof(l));
        l.set = set;
        l.votes = votes;
        l.use = use;
        hars_logit_fit(&l);
        hars_logit_model(&l, model);
        free(use);
    }

    for (i = 0; i < set->n; i++) {
        hars_vote_finish(model, &votes[i]);
    }

    model->unknown = hars_calibrate_limit(set, votes);
}


static float
hars_calibrate_sharpen(const hars_dataset_t *set, const hars_vote_t *votes)
{
    double    best, loss, least;
    unsigned  step;

    best = 1;
    least = INFINITY;

    for (step = 10; step <= 100; step++) {
        loss = hars_calibrate_loss(set, votes, step / 20.0);

        if (loss < least) {
            least = loss;
            best = step / 20.0;
        }
    }

    return (float) best;
}


static double
hars_calibrate_loss(const hars_dataset_t *set, const hars_vote_t *votes,
    double e)
{
    double    sum, loss, p;
    size_t    i;
    unsigned  k;

    loss = 0;

    for (i = 0; i < set->n; i++) {

        if (set->class[i] >= set->nclasses) {
            continue;
        }

        sum = 0;

        for (k = 0; k < set->nclasses; k++) {
            sum += pow((double) votes[i].share[k], e);
        }

        p = pow((double) votes[i].share[set->class[i]], e) / sum;
        loss -= log(p > 1e-4 ? p : 1e-4);
    }

    return loss;
}


static void
hars_logit_fit(hars_logit_t *l)
{
    size_t    i, n[2];
    unsigned  k, step;

    memset(n, 0, sizeof(n));

    for (i = 0; i < l->set->n; i++) {
        n[l->set->class[i] < l->set->nclasses] += l->use[i] != 0;
    }

    hars_logit_scale(l);

    if (n[0] == 0 || n[1] == 0) {
        for (k = 0; k < HARS_ML_SIGNS; k++) {
            l->weight[k] = k + 1 < HARS_ML_SIGNS ? 1 : -1;
        }

        return;
    }

    l->balance[0] = 0.5 / (double) n[0];
    l->balance[1] = 0.5 / (double) n[1];

    for (step = 0; step < HARS_CAL_STEPS; step++) {
        hars_logit_step(l);
    }
}


static void
hars_logit_scale(hars_logit_t *l)
{
    double    x, n, square[HARS_ML_SIGNS];
    size_t    i;
    unsigned  k;

    memset(square, 0, sizeof(square));
    n = 1e-9;

    for (i = 0; i < l->set->n; i++) {

        if (!l->use[i] || l->set->class[i] >= l->set->nclasses) {
            continue;
        }

        n++;

        for (k = 0; k < HARS_ML_SIGNS; k++) {
            x = (double) l->votes[i].sign[k];
            l->mean[k] += x;
            square[k] += x * x;
        }
    }

    for (k = 0; k < HARS_ML_SIGNS; k++) {
        l->mean[k] /= n;
        x = square[k] / n - l->mean[k] * l->mean[k];
        l->scale[k] = x > 1e-12 ? 1 / sqrt(x) : 0;
    }
}


static void
hars_logit_terms(const hars_logit_t *l, size_t i, double *x)
{
    unsigned  k;

    for (k = 0; k < HARS_ML_SIGNS; k++) {
        x[k] = ((double) l->votes[i].sign[k] - l->mean[k]) * l->scale[k];
    }

    x[HARS_ML_SIGNS] = 1;
}


/* gradient and curvature of the loss; Newton */
static void
hars_logit_step(hars_logit_t *l)
{
    double    a[HARS_CAL_TERMS][HARS_CAL_TERMS + 1], x[HARS_CAL_TERMS];
    double    p, w;
    size_t    i;
    unsigned  k, j, known;

    memset(a, 0, sizeof(a));

    for (k = 0; k < HARS_CAL_TERMS; k++) {
        a[k][k] = HARS_CAL_PENALTY;
        a[k][HARS_CAL_TERMS] = -HARS_CAL_PENALTY * l->weight[k];
    }

    for (i = 0; i < l->set->n; i++) {

        if (!l->use[i]) {
            continue;
        }

        known = l->set->class[i] < l->set->nclasses;
        w = l->balance[known];
        p = 1 / (1 + exp(-hars_logit_score(l, i)));
        hars_logit_terms(l, i, x);

        for (k = 0; k < HARS_CAL_TERMS; k++) {
            a[k][HARS_CAL_TERMS] += w * (known - p) * x[k];

            for (j = 0; j < HARS_CAL_TERMS; j++) {
                a[k][j] += w * p * (1 - p) * x[k] * x[j];
            }
        }
    }

    hars_logit_solve(a);

    for (k = 0; k < HARS_CAL_TERMS; k++) {
        l->weight[k] += a[k][HARS_CAL_TERMS];
    }
}


/* Gauss and Jordan; the matrix is positive definite, no pivots are needed */
static void
hars_logit_solve(double (*a)[HARS_CAL_TERMS + 1])
{
    double    f;
    unsigned  i, k, j;

    for (i = 0; i < HARS_CAL_TERMS; i++) {
        f = a[i][i];

        for (j = 0; j <= HARS_CAL_TERMS; j++) {
            a[i][j] /= f;
        }

        for (k = 0; k < HARS_CAL_TERMS; k++) {
            f = a[k][i];

            for (j = 0; k != i && j <= HARS_CAL_TERMS; j++) {
                a[k][j] -= f * a[i][j];
            }
        }
    }
}


static double
hars_logit_score(const hars_logit_t *l, size_t i)
{
    double    x[HARS_CAL_TERMS], sum;
    unsigned  k;

    hars_logit_terms(l, i, x);
    sum = 0;

    for (k = 0; k < HARS_CAL_TERMS; k++) {
        sum += l->weight[k] * x[k];
    }

    return sum;
}


static void
hars_logit_model(const hars_logit_t *l, hars_model_t *model)
{
    double    constant;
    unsigned  k;

    constant = l->weight[HARS_ML_SIGNS];

    for (k = 0; k < HARS_ML_SIGNS; k++) {
        model->sign[k] = (float) (l->weight[k] * l->scale[k]);
        constant -= l->weight[k] * l->scale[k] * l->mean[k];
    }

    model->sign[HARS_ML_SIGNS] = (float) constant;
}


static float
hars_calibrate_limit(const hars_dataset_t *set, const hars_vote_t *votes)
{
    float   *known, limit;
    size_t   i, n;

    known = malloc(set->n * sizeof(float));
    if (known == NULL) {
        return 0;
    }

    for (i = 0, n = 0; i < set->n; i++) {
        if (set->class[i] < set->nclasses) {
            known[n++] = votes[i].known;
        }
    }

    qsort(known, n, sizeof(float), hars_calibrate_compare);
    limit = n ? known[(size_t) ((double) n * HARS_CAL_LOST)] : 0;
    free(known);

    return limit;
}


static int
hars_calibrate_compare(const void *one, const void *two)
{
    const float  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


double
hars_calibrate_auroc(const hars_dataset_t *set, const hars_vote_t *votes)
{
    double  sum;

    if (set->nothers < 2) {
        return -1;
    }

    sum = hars_calibrate_half(set, votes, 0, 0)
          + hars_calibrate_half(set, votes, 0, 1)
          + hars_calibrate_half(set, votes, 1, 0)
          + hars_calibrate_half(set, votes, 1, 1);

    return sum / 4;
}


/* learns from half of the people and kinds, asked about the other halves */
static double
hars_calibrate_half(const hars_dataset_t *set, const hars_vote_t *votes,
    unsigned people, unsigned kinds)
{
    double          auroc;
    size_t          i, n;
    uint8_t        *use, *class;
    hars_vote_t    *asked;
    hars_logit_t    l;
    hars_dataset_t  half;

    use = malloc(set->n);
    class = malloc(set->n);
    asked = malloc(set->n * sizeof(hars_vote_t));
    auroc = 0;

    if (!use || !class || !asked) {
        goto done;
    }

    for (i = 0; i < set->n; i++) {
        use[i] = set->person[i] % 2 == people
                 && (set->class[i] < set->nclasses
                     || (set->class[i] - set->nclasses) % 2 == kinds);
    }

    memset(&l, 0, sizeof(l));
    l.set = set;
    l.votes = votes;
    l.use = use;
    hars_logit_fit(&l);

    half = *set;
    half.class = class;

    for (i = 0, n = 0; i < set->n; i++) {
        if (set->person[i] % 2 != people
            && (set->class[i] < set->nclasses
                || (set->class[i] - set->nclasses) % 2 != kinds))
        {
            class[n] = set->class[i];
            asked[n].known = (float) hars_logit_score(&l, i);
            n++;
        }
    }

    half.n = n;
    auroc = hars_report_auroc(&half, asked);

done:

    free(use);
    free(class);
    free(asked);

    return auroc;
}
