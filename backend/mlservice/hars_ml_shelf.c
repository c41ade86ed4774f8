
/*
 * The models that answer: which one is for a recording, and which shelf of
 * them is the current one.  A request holds the shelf that it began with, so
 * that new files do not change an answer half way; the last one that lets go
 * of an old shelf frees it.
 *
 * A model for one place of the body says nonsense at another: a placement
 * without a model is refused, and none is guessed.
 */


#include "hars_ml_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_SHELF_ERROR  256


static int hars_shelf_is_for(const hars_model_t *model,
    const char *placement);


hars_shelf_t *
hars_shelf_load(char *const *path, unsigned n, char *error, size_t size)
{
    char           why[HARS_SHELF_ERROR];
    unsigned       i;
    hars_shelf_t  *shelf;

    shelf = calloc(1, sizeof(hars_shelf_t));
    if (shelf == NULL) {
        snprintf(error, size, "no memory");
        return NULL;
    }

    shelf->refs = 1;

    for (i = 0; i < n && i < HARS_ML_MODELS; i++) {
        shelf->model[i] = hars_model_load(path[i], why, sizeof(why));

        if (shelf->model[i] == NULL) {
            snprintf(error, size, "%s: %s", path[i], why);
            hars_shelf_free(shelf);
            return NULL;
        }

        shelf->n++;
    }

    return shelf;
}


void
hars_shelf_free(hars_shelf_t *shelf)
{
    unsigned  i;

    for (i = 0; shelf && i < shelf->n; i++) {
        hars_model_free(shelf->model[i]);
    }

    free(shelf);
}


hars_shelf_t *
hars_shelf_hold(hars_ml_t *ml)
{
    hars_shelf_t  *shelf;

    pthread_mutex_lock(&ml->lock);
    shelf = ml->shelf;
    shelf->refs++;
    pthread_mutex_unlock(&ml->lock);

    return shelf;
}


void
hars_shelf_release(hars_ml_t *ml, hars_shelf_t *shelf)
{
    unsigned  refs;

    pthread_mutex_lock(&ml->lock);
    refs = --shelf->refs;
    pthread_mutex_unlock(&ml->lock);

    if (refs == 0) {
        hars_shelf_free(shelf);
    }
}


void
hars_shelf_replace(hars_ml_t *ml, hars_shelf_t *shelf)
{
    hars_shelf_t  *old;

    pthread_mutex_lock(&ml->lock);
    old = ml->shelf;
    ml->shelf = shelf;
    pthread_mutex_unlock(&ml->lock);

    hars_shelf_release(ml, old);
}


const hars_model_t *
hars_shelf_choose(const hars_shelf_t *shelf, const hars_options_t *options,
    hars_fault_t *fault)
{
    char                 known[HARS_ML_NAME];
    unsigned             i;
    const hars_model_t  *model;

    for (i = 0; i < shelf->n; i++) {
        model = shelf->model[i];

        if (options->model[0] && strcmp(options->model, model->id) != 0) {
            continue;
        }

        if (options->placement[0] == '\0'
            || hars_shelf_is_for(model, options->placement))
        {
            return model;
        }
    }

    if (options->model[0]) {
        hars_fault(fault, "model", -1, -1,
                   "there is no model of this name for this placement; see "
                   "/v1/models");
        return NULL;
    }

    hars_model_meta(shelf->model[0], "placement", known, sizeof(known));
    hars_fault(fault, "placement", -1, -1,
               "there is no model for this placement; there is one for "
               "\"%s\"%s", known, shelf->n > 1 ? " and others" : "");

    return NULL;
}


/* a model for the wrist is one for wrist-left and wrist-right */
static int
hars_shelf_is_for(const hars_model_t *model, const char *placement)
{
    char    known[HARS_ML_NAME];
    size_t  len;

    hars_model_meta(model, "placement", known, sizeof(known));
    len = strlen(known);

    return strncmp(placement, known, len) == 0
           && (placement[len] == '\0'
               || strcmp(placement + len, "-left") == 0
               || strcmp(placement + len, "-right") == 0);
}
