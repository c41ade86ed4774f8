
/*
 * hars-train evaluate: a model asked for all windows of a folder, or people
 * left out fold by fold.
 *
 * Which shipped model?  The one that knows the activities of the folder, and
 * that was made for the placement where one is declared.  Where both would
 * do it is not guessed.  They lie where make left them, beside the source,
 * or where make install puts them.
 */


#include "hars_ml_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define HARS_SHARE   "/usr/share/hars"


static hars_model_t *hars_train_choose(const hars_train_t *t,
    const hars_dataset_t *set);
static hars_model_t *hars_train_shipped(const char *name);
static int hars_train_place(char *place, size_t size);
static int hars_train_suits(const hars_train_t *t, const hars_dataset_t *set,
    const hars_model_t *model);
static int hars_train_ask(const hars_train_t *t, const hars_dataset_t *set,
    hars_vote_t *votes, hars_report_t *report, const char **name);
static int hars_train_leave(const hars_train_t *t, hars_dataset_t *set,
    hars_vote_t *votes, hars_report_t *report);
static void hars_train_overlap(const hars_dataset_t *set,
    const hars_model_t *model);


static const char  *hars_train_name[] = { "model.hars", "model-wrist.hars" };


int
hars_train_evaluate(const hars_train_t *t)
{
    int              rc;
    char             error[HARS_ML_ERROR];
    const char      *name;
    hars_vote_t     *votes;
    hars_report_t    report;
    hars_dataset_t  *set;

    set = hars_dataset_read(t->path, !t->quiet, error, sizeof(error));
    if (set == NULL) {
        fprintf(stderr, "hars-train: %s\n", error);
        return EXIT_FAILURE;
    }

    votes = calloc(set->n, sizeof(hars_vote_t));
    name = "people left out";
    rc = HARS_ERROR;

    if (votes == NULL) {
        fprintf(stderr, "hars-train: no memory\n");

    } else if (t->folds && t->model == NULL) {
        rc = hars_train_leave(t, set, votes, &report);

    } else {
        rc = hars_train_ask(t, set, votes, &report, &name);
    }

    if (rc == HARS_OK && t->svg) {
        rc = hars_plot(set, votes, &report, t->svg);
    }

    if (rc == HARS_OK && t->json) {
        hars_report_json(set, &report, name);

    } else if (rc == HARS_OK) {
        hars_report_print(set, &report);
    }

    hars_dataset_free(set);
    free(votes);

    return rc == HARS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}


static int
hars_train_ask(const hars_train_t *t, const hars_dataset_t *set,
    hars_vote_t *votes, hars_report_t *report, const char **name)
{
    int            rc;
    char           error[HARS_ML_ERROR];
    static char    id[HARS_ML_NAME];
    hars_model_t  *model;

    if (t->model) {
        model = hars_model_load(t->model, error, sizeof(error));

        if (model == NULL) {
            fprintf(stderr, "hars-train: model %s %s\n", t->model, error);
        }

    } else {
        model = hars_train_choose(t, set);
    }

    if (model == NULL) {
        return HARS_ERROR;
    }

    hars_train_overlap(set, model);
    rc = hars_evaluate_model(set, model, !t->quiet, votes, error,
                             sizeof(error));

    if (rc == HARS_OK) {
        hars_report(set, votes, report);

    } else {
        fprintf(stderr, "hars-train: %s\n", error);
    }

    memcpy(id, model->id, sizeof(id));
    *name = id;
    hars_model_free(model);

    return rc;
}


static hars_model_t *
hars_train_choose(const hars_train_t *t, const hars_dataset_t *set)
{
    unsigned       i;
    hars_model_t  *model, *chosen;

    chosen = NULL;

    for (i = 0; i < sizeof(hars_train_name) / sizeof(char *); i++) {
        model = hars_train_shipped(hars_train_name[i]);

        if (model == NULL || !hars_train_suits(t, set, model)) {
            hars_model_free(model);
            continue;
        }

        if (chosen) {
            fprintf(stderr, "hars-train: more than one model knows these "
                    "activities: say --placement or --model\n");
            hars_model_free(model);
            hars_model_free(chosen);
            return NULL;
        }

        chosen = model;
    }

    if (chosen == NULL) {
        fprintf(stderr, "hars-train: no shipped model knows these activities"
                "%s%s: say --model\n", t->placement ? " at " : "",
                t->placement ? t->placement : "");
    }

    return chosen;
}


static hars_model_t *
hars_train_shipped(const char *name)
{
    char           path[4096 + 64], place[4096], error[HARS_ML_ERROR];
    hars_model_t  *model;

    if (hars_train_place(place, sizeof(place)) == HARS_OK) {
        snprintf(path, sizeof(path), "%s/%s", place, name);
        model = hars_model_load(path, error, sizeof(error));

        if (model) {
            return model;
        }
    }

    snprintf(path, sizeof(path), "%s/%s", HARS_SHARE, name);

    return hars_model_load(path, error, sizeof(error));
}


/* of TREE/build/bin/hars-train: TREE/backend/mlservice */
static int
hars_train_place(char *place, size_t size)
{
    char     *slash;
    ssize_t   n;
    unsigned  i;

    static const char  below[] = "/backend/mlservice";

    n = readlink("/proc/self/exe", place, size - sizeof(below));
    if (n < 0) {
        return HARS_ERROR;
    }

    place[n] = '\0';

    for (i = 0; i < 3; i++) {
        slash = strrchr(place, '/');
        if (slash == NULL) {
            return HARS_ERROR;
        }

        *slash = '\0';
    }

    memcpy(place + strlen(place), below, sizeof(below));

    return HARS_OK;
}


static int
hars_train_suits(const hars_train_t *t, const hars_dataset_t *set,
    const hars_model_t *model)
{
    char  placement[HARS_ML_NAME];

    hars_model_meta(model, "placement", placement, sizeof(placement));

    return (t->placement == NULL || strcmp(t->placement, placement) == 0)
           && hars_evaluate_fits(set, model);
}


static int
hars_train_leave(const hars_train_t *t, hars_dataset_t *set,
    hars_vote_t *votes, hars_report_t *report)
{
    const char    *fault;
    hars_model_t  *model;

    fault = hars_fit_fault(&t->fit, set->nclasses);

    if (fault) {
        fprintf(stderr, "hars-train: %s\n", fault);
        return HARS_ERROR;
    }

    model = calloc(1, sizeof(hars_model_t));

    if (model == NULL
        || hars_evaluate_folds(set, &t->fit, t->folds, !t->quiet, votes)
           != HARS_OK)
    {
        fprintf(stderr, "hars-train: too few windows or no memory\n");
        free(model);
        return HARS_ERROR;
    }

    hars_evaluate_drop(set, votes);

    model->nclasses = set->nclasses;
    hars_calibrate(set, model, votes);
    hars_report(set, votes, report);
    report->auroc = hars_calibrate_auroc(set, votes);

    free(model);

    return HARS_OK;
}


/* a model knows its own people: what it scores with them says nothing */
static void
hars_train_overlap(const hars_dataset_t *set, const hars_model_t *model)
{
    char      subjects[HARS_ML_META], *name, *rest;
    unsigned  i, known;

    hars_model_meta(model, "subjects", subjects, sizeof(subjects));
    known = 0;

    for (name = strtok_r(subjects, " ", &rest); name;
         name = strtok_r(NULL, " ", &rest))
    {
        for (i = 0; i < set->npeople; i++) {
            known += strcmp(set->person_name[i], name) == 0;
        }
    }

    if (known) {
        fprintf(stderr, "warning: %u of %u people have the names of people "
                "that this model was trained on\n", known, set->npeople);
    }
}
