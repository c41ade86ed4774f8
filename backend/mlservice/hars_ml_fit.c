
/*
 * Fitting: means and deviations, principal components, prototypes.
 *
 *     z = (feature - mean) / deviation, held within bounds
 *     covariance of z = V D V^T (Jacobi); the components of the largest
 *     eigenvalues are the axes; a prototype is a window's z on these axes,
 *     rounded to 16 bits of each axis' range
 *
 * No step has randomness, so the same windows make the same model.
 */


#include "hars_ml_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_EIGEN_SWEEPS   64
#define HARS_FIT_ROWS       4


static void hars_fit_standardize(hars_model_t *model,
    const hars_dataset_t *set, const uint8_t *use);
static int hars_fit_axes(hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use);
static void hars_fit_covariance(const hars_model_t *model,
    const hars_dataset_t *set, const uint8_t *use, double *a);
static void hars_fit_add(double *restrict a,
    double (*restrict z)[HARS_ML_INPUTS], unsigned inputs);
static int hars_fit_prototypes(hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use, unsigned unrounded);
static void hars_fit_round(hars_model_t *model, const float *point);
static int hars_fit_unrounded(hars_model_t *model, const float *point);
static double hars_eigen_sweep(double *a, unsigned n, double *vector);
static void hars_eigen_rotate(double *a, unsigned n, double *vector,
    unsigned p, unsigned q);


const char *
hars_fit_fault(const hars_fit_t *fit, unsigned nclasses)
{
    return hars_boost_fits(nclasses, fit)
           ? NULL : "a boosted tree a round for each activity, so many and "
                    "so deep, is more than a model holds: fewer --rounds or "
                    "less --depth";
}


hars_model_t *
hars_fit(const hars_dataset_t *set, const uint8_t *use, const hars_fit_t *fit)
{
    size_t         i;
    hars_model_t  *model;

    model = calloc(1, sizeof(hars_model_t));
    if (model == NULL) {
        return NULL;
    }

    for (i = 0; i < set->n; i++) {
        model->n += use[i] != 0;
    }

    model->inputs = fit->inputs;
    model->dims = fit->dims;
    model->width = (fit->dims + 15) / 16 * 16;
    model->k = fit->k < model->n ? fit->k : model->n;
    model->nclasses = set->nclasses;
    memcpy(model->weight, fit->weight, sizeof(model->weight));
    model->sharpen = 1;
    memcpy(model->class, set->class_name, sizeof(model->class));

    hars_fit_standardize(model, set, use);

    if (model->n < 2
        || hars_fit_axes(model, set, use) != HARS_OK
        || hars_fit_prototypes(model, set, use, fit->unrounded) != HARS_OK
        || hars_grow(&model->forest, set, use, fit) != HARS_OK
        || hars_boost(&model->boost, set, use, fit) != HARS_OK)
    {
        hars_model_free(model);
        return NULL;
    }

    return model;
}


static void
hars_fit_standardize(hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use)
{
    double    mean, square, x;
    size_t    i;
    unsigned  k;

    for (k = 0; k < model->inputs; k++) {
        mean = 0;
        square = 0;

        for (i = 0; i < set->n; i++) {
            mean += use[i] ? (double) set->input[i][k] : 0;
        }

        mean /= model->n;

        for (i = 0; i < set->n; i++) {
            x = (double) set->input[i][k] - mean;
            square += use[i] ? x * x : 0;
        }

        square = sqrt(square / model->n);

        model->mean[k] = (float) mean;
        model->inverse[k] = (float) (square > 1e-9 ? 1 / square : 0);
    }
}


static int
hars_fit_axes(hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use)
{
    int        rc;
    double    *a, *vector, *value, *v, most;
    unsigned   d, i, n;

    n = model->inputs;
    a = calloc(n * n, sizeof(double));
    vector = calloc(n * n, sizeof(double));
    value = calloc(n, sizeof(double));
    model->axis = calloc(n * model->width, sizeof(float));
    rc = HARS_ERROR;

    if (!a || !vector || !value || !model->axis) {
        goto done;
    }

    hars_fit_covariance(model, set, use, a);

    hars_eigen(a, n, value, vector);

    for (d = 0; d < model->dims; d++) {
        v = vector + d * n;
        most = 0;

        for (i = 0; i < n; i++) {
            most = fabs(v[i]) > fabs(most) ? v[i] : most;
        }

        /* an eigenvector has no sign of its own: its largest part is > 0 */
        for (i = 0; i < n; i++) {
            model->axis[i * model->width + d]
                                      = (float) (most < 0 ? -v[i] : v[i]);
        }
    }

    rc = HARS_OK;

done:

    free(a);
    free(vector);
    free(value);

    return rc;
}


static void
hars_fit_covariance(const hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use, double *a)
{
    double    z[HARS_FIT_ROWS][HARS_ML_INPUTS];
    size_t    i;
    unsigned  k, j, n, rows;

    n = model->inputs;
    memset(z, 0, sizeof(z));
    rows = 0;

    for (i = 0; i < set->n; i++) {

        if (use[i]) {
            for (k = 0; k < n; k++) {
                z[rows][k] = hars_model_standard(model, set->input[i], k);
            }

            rows++;
        }

        if (rows == HARS_FIT_ROWS || i + 1 == set->n) {
            hars_fit_add(a, z, n);
            memset(z, 0, sizeof(z));
            rows = 0;
        }
    }

    for (k = 0; k < n; k++) {
        for (j = 0; j <= k; j++) {
            a[k * n + j] /= model->n;
            a[j * n + k] = a[k * n + j];
        }
    }
}


/* the lower triangle, four windows at a time */
static void
hars_fit_add(double *restrict a, double (*restrict z)[HARS_ML_INPUTS],
    unsigned inputs)
{
    double    w0, w1, w2, w3, *restrict row;
    unsigned  k, j, n;

    for (k = 0; k < inputs; k++) {
        row = a + k * inputs;
        w0 = z[0][k];
        w1 = z[1][k];
        w2 = z[2][k];
        w3 = z[3][k];
        n = k + 1;

        for (j = 0; j < n; j++) {
            row[j] += w0 * z[0][j] + w1 * z[1][j] + w2 * z[2][j]
                      + w3 * z[3][j];
        }
    }
}


static int
hars_fit_prototypes(hars_model_t *model, const hars_dataset_t *set,
    const uint8_t *use, unsigned unrounded)
{
    int      rc;
    float   *point, *p;
    size_t   i, n;

    point = malloc((size_t) model->n * model->width * sizeof(float));
    model->stored = malloc((size_t) model->n * model->dims
                           * sizeof(int16_t));
    model->label = malloc(model->n);

    if (!point || !model->stored || !model->label) {
        free(point);
        return HARS_ERROR;
    }

    for (i = 0, n = 0; i < set->n; i++) {
        if (use[i]) {
            p = point + n * model->width;
            hars_model_project(model, set->input[i], p);
            model->label[n++] = set->class[i];
        }
    }

    hars_fit_round(model, point);
    rc = unrounded ? hars_fit_unrounded(model, point)
                   : hars_knn_layout(model);

    free(point);

    return rc;
}


static void
hars_fit_round(hars_model_t *model, const float *point)
{
    float     most;
    size_t    i;
    unsigned  d;

    for (d = 0; d < model->dims; d++) {
        most = 1e-6f;

        for (i = 0; i < model->n; i++) {
            most = fmaxf(most, fabsf(point[i * model->width + d]));
        }

        model->scale[d] = most / INT16_MAX;

        for (i = 0; i < model->n; i++) {
            model->stored[i * model->dims + d] =
                (int16_t) lrintf(point[i * model->width + d]
                                 / model->scale[d]);
        }
    }
}


/* to measure what rounding costs: the layout with the floats themselves */
static int
hars_fit_unrounded(hars_model_t *model, const float *point)
{
    size_t    i;
    unsigned  d;

    if (hars_knn_layout(model) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; i < model->n; i++) {
        for (d = 0; d < model->dims; d++) {
            model->block[hars_knn_place(model, i, d)] =
                point[i * model->width + d];
        }
    }

    return HARS_OK;
}


void
hars_eigen(double *a, unsigned n, double *value, double *vector)
{
    double    off, t;
    unsigned  i, j, k, best;

    for (i = 0; i < n * n; i++) {
        vector[i] = i / n == i % n;
    }

    for (i = 0; i < HARS_EIGEN_SWEEPS; i++) {
        off = hars_eigen_sweep(a, n, vector);

        if (off < 1e-20) {
            break;
        }
    }

    for (i = 0; i < n; i++) {
        value[i] = a[i * n + i];
    }

    for (i = 0; i < n; i++) {
        best = i;

        for (j = i + 1; j < n; j++) {
            best = value[j] > value[best] ? j : best;
        }

        t = value[i];
        value[i] = value[best];
        value[best] = t;

        for (k = 0; best != i && k < n; k++) {
            t = vector[i * n + k];
            vector[i * n + k] = vector[best * n + k];
            vector[best * n + k] = t;
        }
    }
}


/* what is off the diagonal, squared, as it was before */
static double
hars_eigen_sweep(double *a, unsigned n, double *vector)
{
    double    off;
    unsigned  p, q;

    off = 0;

    for (p = 0; p + 1 < n; p++) {
        for (q = p + 1; q < n; q++) {
            off += a[p * n + q] * a[p * n + q];

            if (fabs(a[p * n + q]) > 1e-14) {
                hars_eigen_rotate(a, n, vector, p, q);
            }
        }
    }

    return off;
}


static void
hars_eigen_rotate(double *a, unsigned n, double *vector, unsigned p,
    unsigned q)
{
    double    theta, t, c, s, x, y, *vp, *vq;
    unsigned  i;

    theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    c = 1 / sqrt(t * t + 1);
    s = t * c;

    /* rows, then, the matrix being symmetric, the columns from them */
    vp = a + p * n;
    vq = a + q * n;

    x = vp[p];
    y = vq[q];
    t *= vp[q];

    for (i = 0; i < n; i++) {
        theta = vp[i];
        vp[i] = c * theta - s * vq[i];
        vq[i] = s * theta + c * vq[i];
    }

    vp[p] = x - t;
    vq[q] = y + t;
    vp[q] = 0;
    vq[p] = 0;

    for (i = 0; i < n; i++) {
        a[i * n + p] = vp[i];
        a[i * n + q] = vq[i];
    }

    vp = vector + p * n;
    vq = vector + q * n;

    for (i = 0; i < n; i++) {
        x = vp[i];
        vp[i] = c * x - s * vq[i];
        vq[i] = s * x + c * vq[i];
    }
}
