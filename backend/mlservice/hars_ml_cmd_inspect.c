
/* hars-train inspect: what is in a model file, as lines name=value. */


#include "hars_ml_train.h"

#include <stdio.h>
#include <stdlib.h>


int
hars_train_inspect(const hars_train_t *t)
{
    char           error[HARS_ML_ERROR];
    unsigned       i, k, *count;
    hars_model_t  *model;

    model = hars_model_load(t->path, error, sizeof(error));
    count = calloc(HARS_ML_CLASSES, sizeof(unsigned));

    if (model == NULL || count == NULL) {
        fprintf(stderr, "hars-train: model %s %s\n", t->path, error);
        hars_model_free(model);
        free(count);
        return EXIT_FAILURE;
    }

    printf("id=%s\nchecksum=", model->id);

    for (i = 0; i < HARS_ML_DIGEST; i++) {
        printf("%02x", model->digest[i]);
    }

    printf("\nsize=%zu\nversion=%d\n%sinputs=%u\ndims=%u\nneighbours=%u\n"
           "prototypes=%u\ntrees=%u\nnodes=%u\nboosted=%u\n"
           "weights=%.2f %.2f %.2f\n"
           "sharpen=%.2f\nunknown=%.4f\n",
           model->size, HARS_ML_VERSION, model->meta, model->inputs,
           model->dims, model->k, model->n, model->forest.trees,
           model->forest.nodes, model->boost.trees,
           (double) model->weight[0], (double) model->weight[1],
           (double) model->weight[2],
           (double) model->sharpen, (double) model->unknown);

    for (i = 0; i < model->n; i++) {
        count[model->label[i]]++;
    }

    for (k = 0; k < model->nclasses; k++) {
        printf("class %s=%u\n", model->class[k], count[k]);
    }

    hars_model_free(model);
    free(count);

    return EXIT_SUCCESS;
}
