
/*
 * A model to bytes, in the format that hars_ml_model.c describes.  Nothing
 * but the model goes in, no time and no name of a machine, so that the same
 * training makes the same file.
 */


#include "hars_ml.h"

#include <stdlib.h>
#include <string.h>


static unsigned char *hars_put_meta(unsigned char *p,
    const hars_model_t *model);
static unsigned char *hars_put_transform(unsigned char *p,
    const hars_model_t *model);
static unsigned char *hars_put_knn(unsigned char *p,
    const hars_model_t *model);
static unsigned char *hars_put_forest(unsigned char *p, const char *tag,
    const hars_model_t *model, const hars_forest_t *forest);
static unsigned char *hars_put_node(unsigned char *p,
    const hars_forest_t *forest, uint32_t tree, uint32_t node);
static size_t hars_class_size(const hars_model_t *model);
static size_t hars_knn_size(const hars_model_t *model);
static size_t hars_forest_size(const hars_model_t *model,
    const hars_forest_t *forest);
static unsigned char *hars_put_shorts(unsigned char *p, const int16_t *src,
    size_t n);
static unsigned char *hars_put(unsigned char *p, const void *src, size_t len);
static unsigned char *hars_put_section(unsigned char *p, const char *tag,
    size_t len);
static unsigned char *hars_put_u32(unsigned char *p, uint32_t n);
static unsigned char *hars_put_floats(unsigned char *p, const float *src,
    size_t n);


unsigned char *
hars_model_encode(const hars_model_t *model, size_t *len)
{
    unsigned char  *dst, *p;

    *len = HARS_ML_HEADER + 8 * 8 + strlen(model->meta)
           + hars_class_size(model)
           + 2 * model->inputs * sizeof(float)
           + 4 + model->inputs * model->dims * sizeof(float)
           + hars_knn_size(model) + hars_forest_size(model, &model->forest)
           + hars_forest_size(model, &model->boost)
           + (HARS_ML_VOTERS + HARS_ML_SIGNS + 3) * sizeof(float)
           + HARS_ML_DIGEST;

    if (*len > HARS_ML_MODEL_SIZE) {
        return NULL;
    }

    dst = malloc(*len);
    if (dst == NULL) {
        return NULL;
    }

    p = hars_put(dst, HARS_ML_MAGIC, HARS_ML_MAGIC_LEN);
    p = hars_put_u32(p, HARS_ML_VERSION);
    p = hars_put_u32(p, (uint32_t) *len);

    p = hars_put_meta(p, model);
    p = hars_put_transform(p, model);
    p = hars_put_knn(p, model);
    p = hars_put_forest(p, "FRST", model, &model->forest);
    p = hars_put_forest(p, "BOOS", model, &model->boost);

    p = hars_put_section(p, "VOTE", (HARS_ML_VOTERS + HARS_ML_SIGNS + 3)
                                    * sizeof(float));
    p = hars_put_floats(p, model->weight, HARS_ML_VOTERS);
    p = hars_put_floats(p, &model->sharpen, 1);
    p = hars_put_floats(p, model->sign, HARS_ML_SIGNS + 1);
    p = hars_put_floats(p, &model->unknown, 1);

    if (hars_model_digest(dst, (size_t) (p - dst), p) != HARS_OK) {
        free(dst);
        return NULL;
    }

    return dst;
}


static unsigned char *
hars_put_meta(unsigned char *p, const hars_model_t *model)
{
    unsigned  i;

    p = hars_put_section(p, "META", strlen(model->meta));
    p = hars_put(p, model->meta, strlen(model->meta));

    p = hars_put_section(p, "CLAS", hars_class_size(model));

    for (i = 0; i < model->nclasses; i++) {
        p = hars_put(p, model->class[i], strlen(model->class[i]) + 1);
    }

    return p;
}


static unsigned char *
hars_put_transform(unsigned char *p, const hars_model_t *model)
{
    unsigned  i;

    p = hars_put_section(p, "STDZ", 2 * model->inputs * sizeof(float));
    p = hars_put_floats(p, model->mean, model->inputs);
    p = hars_put_floats(p, model->inverse, model->inputs);

    p = hars_put_section(p, "PCA ", 4 + model->inputs * model->dims
                                        * sizeof(float));
    p = hars_put_u32(p, model->dims);

    for (i = 0; i < model->inputs; i++) {
        p = hars_put_floats(p, model->axis + i * model->width, model->dims);
    }

    return p;
}


static unsigned char *
hars_put_knn(unsigned char *p, const hars_model_t *model)
{
    p = hars_put_section(p, "KNN ", hars_knn_size(model));
    p = hars_put_u32(p, model->k);
    p = hars_put_u32(p, model->n);
    p = hars_put_floats(p, model->scale, model->dims);
    p = hars_put(p, model->label, model->n);

    return hars_put_shorts(p, model->stored,
                           (size_t) model->n * model->dims);
}


static unsigned char *
hars_put_forest(unsigned char *p, const char *tag,
    const hars_model_t *model, const hars_forest_t *forest)
{
    uint32_t  i, tree;

    p = hars_put_section(p, tag, hars_forest_size(model, forest));
    p = hars_put_u32(p, forest->trees);
    p = hars_put_u32(p, forest->leaves);

    for (tree = 0; tree < forest->trees; tree++) {
        p = hars_put_u32(p, forest->root[tree + 1] - forest->root[tree]);
    }

    for (i = 0; i < forest->leaves; i++) {
        p = hars_put_shorts(p, forest->share[i], model->nclasses);
    }

    for (tree = 0; tree < forest->trees; tree++) {
        for (i = forest->root[tree]; i < forest->root[tree + 1]; i++) {
            p = hars_put_node(p, forest, tree, i);
        }
    }

    return p;
}


static unsigned char *
hars_put_node(unsigned char *p, const hars_forest_t *forest, uint32_t tree,
    uint32_t node)
{
    const hars_node_t  *n;

    n = &forest->node[node];

    if (forest->root[tree] + n->left == node) {
        p = hars_put_u32(p, forest->leaf[node]);

        return hars_put_u32(p, n->input);
    }

    p = hars_put_floats(p, &n->threshold, 1);

    return hars_put_u32(p, n->input | (uint32_t) n->left << 16);
}


static size_t
hars_class_size(const hars_model_t *model)
{
    size_t    size;
    unsigned  i;

    size = 0;

    for (i = 0; i < model->nclasses; i++) {
        size += strlen(model->class[i]) + 1;
    }

    return size;
}


static size_t
hars_knn_size(const hars_model_t *model)
{
    return 8 + model->dims * sizeof(float) + model->n
           + (size_t) model->n * model->dims * 2;
}


static size_t
hars_forest_size(const hars_model_t *model, const hars_forest_t *forest)
{
    return 8 + 4 * (size_t) forest->trees
           + 2 * (size_t) forest->leaves * model->nclasses
           + 8 * (size_t) forest->nodes;
}


static unsigned char *
hars_put_section(unsigned char *p, const char *tag, size_t len)
{
    p = hars_put(p, tag, 4);

    return hars_put_u32(p, (uint32_t) len);
}


static unsigned char *
hars_put(unsigned char *p, const void *src, size_t len)
{
    memcpy(p, src, len);

    return p + len;
}


static unsigned char *
hars_put_u32(unsigned char *p, uint32_t n)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        *p++ = (unsigned char) (n >> 8 * i);
    }

    return p;
}


static unsigned char *
hars_put_floats(unsigned char *p, const float *src, size_t n)
{
    size_t    i;
    uint32_t  bits;

    for (i = 0; i < n; i++) {
        memcpy(&bits, &src[i], sizeof(bits));
        p = hars_put_u32(p, bits);
    }

    return p;
}


static unsigned char *
hars_put_shorts(unsigned char *p, const int16_t *src, size_t n)
{
    size_t    i;
    uint16_t  bits;

    for (i = 0; i < n; i++) {
        bits = (uint16_t) src[i];
        *p++ = (unsigned char) bits;
        *p++ = (unsigned char) (bits >> 8);
    }

    return p;
}
