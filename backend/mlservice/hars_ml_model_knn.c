
/*
 * Are these what a window's inputs become, and the windows that they are
 * compared with?
 *
 *     "STDZ"   mean[inputs] float, 1/deviation[inputs] float; 200 inputs
 *              of a window, or 400 with their means of late
 *     "PCA "   dims:32, axis[inputs][dims] float
 *     "KNN "   k:32, n:32, scale[dims] float, labels[n],
 *              prototypes[n][dims] int16
 */


#include "hars_ml_reader.h"

#include <stdlib.h>


/* with these no sum of squares on the way to a distance is infinite */
#define HARS_MEAN_MAX   1e15f
#define HARS_AXIS_MAX   1e6f


static int hars_knn_stored(hars_model_t *model, hars_reader_t *r);


int
hars_scale_read(hars_model_t *model, hars_reader_t *r)
{
    size_t  len;

    len = (size_t) (r->end - r->pos);
    model->inputs = (unsigned) (len / (2 * sizeof(float)));

    if (len != 2 * model->inputs * sizeof(float)
        || (model->inputs != HARS_ML_OF_WINDOW
            && model->inputs != HARS_ML_INPUTS)
        || hars_get_floats(r, model->mean, model->inputs, HARS_MEAN_MAX)
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_get_floats(r, model->inverse, model->inputs, HARS_MEAN_MAX);
}


int
hars_axes_read(hars_model_t *model, hars_reader_t *r)
{
    size_t  i, len;

    len = (size_t) (r->end - r->pos);

    if (len < 4) {
        return HARS_ERROR;
    }

    model->dims = hars_get_u32(r->pos);
    r->pos += 4;

    if (model->dims < 1 || model->dims > HARS_ML_DIMS
        || len != 4 + model->inputs * model->dims * sizeof(float))
    {
        return HARS_ERROR;
    }

    model->width = (model->dims + 15) / 16 * 16;
    model->axis = calloc(model->inputs * model->width, sizeof(float));

    for (i = 0; model->axis != NULL && i < model->inputs; i++) {
        if (hars_get_floats(r, model->axis + i * model->width, model->dims,
                            HARS_AXIS_MAX)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return model->axis ? HARS_OK : HARS_ERROR;
}


int
hars_knn_read(hars_model_t *model, hars_reader_t *r)
{
    size_t  len;

    len = (size_t) (r->end - r->pos);

    if (len < 8) {
        return HARS_ERROR;
    }

    model->k = hars_get_u32(r->pos);
    model->n = hars_get_u32(r->pos + 4);
    r->pos += 8;

    if (model->n < 1 || model->n > HARS_ML_PROTOTYPES
        || model->k < 1 || model->k > HARS_ML_K || model->k > model->n
        || len != 8 + model->dims * sizeof(float) + model->n
                  + (size_t) model->n * model->dims * 2
        || hars_get_floats(r, model->scale, model->dims, HARS_AXIS_MAX)
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_knn_stored(model, r);
}


static int
hars_knn_stored(hars_model_t *model, hars_reader_t *r)
{
    size_t  i, count;

    count = (size_t) model->n * model->dims;

    model->label = malloc(model->n);
    model->stored = malloc(count * sizeof(int16_t));

    if (model->label == NULL || model->stored == NULL) {
        return HARS_ERROR;
    }

    for (i = 0; i < model->n; i++) {
        model->label[i] = *r->pos++;

        if (model->label[i] >= model->nclasses) {
            return HARS_ERROR;
        }
    }

    for (i = 0; i < count; i++) {
        model->stored[i] = (int16_t) (r->pos[0] | r->pos[1] << 8);
        r->pos += 2;
    }

    return hars_knn_layout(model);
}
