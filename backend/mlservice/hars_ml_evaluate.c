
/*
 * How well does it answer for people it has not seen?  Windows of one person
 * are alike, so whole people are left out, never windows: a random split
 * would flatter.  Each fold of people is answered by a model fitted to all
 * others.
 */


#include "hars_ml_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int hars_evaluate_own(const hars_dataset_t *set,
    const hars_model_t *model, unsigned who, unsigned f, const uint8_t *fold,
    unsigned own, hars_vote_t *votes);
static int hars_evaluate_map(const hars_dataset_t *set,
    const hars_model_t *model, unsigned *class, char *error, size_t size);
static void hars_evaluate_rename(const hars_model_t *model,
    const unsigned *class, hars_vote_t *vote);
static void hars_evaluate_progress(int progress, size_t done, size_t all);


void
hars_folds(const hars_dataset_t *set, unsigned folds, uint8_t *fold)
{
    size_t    i, windows[HARS_ML_PEOPLE], load[HARS_ML_PEOPLE];
    uint8_t   of[HARS_ML_PEOPLE], done[HARS_ML_PEOPLE];
    unsigned  p, round, most, least;

    memset(windows, 0, sizeof(windows));
    memset(load, 0, sizeof(load));
    memset(of, 0, sizeof(of));
    memset(done, 0, sizeof(done));

    for (i = 0; i < set->n; i++) {
        windows[set->person[i]]++;
    }

    /* who has most goes to the fold that has least */
    for (round = 0; round < set->npeople; round++) {
        most = set->npeople;

        for (p = 0; p < set->npeople; p++) {
            if (!done[p]
                && (most == set->npeople || windows[p] > windows[most]))
            {
                most = p;
            }
        }

        least = 0;

        for (p = 1; p < folds; p++) {
            least = load[p] < load[least] ? p : least;
        }

        done[most] = 1;
        of[most] = (uint8_t) least;
        load[least] += windows[most];
    }

    for (i = 0; i < set->n; i++) {
        fold[i] = of[set->person[i]];
    }
}


int
hars_evaluate_folds(const hars_dataset_t *set, const hars_fit_t *fit,
    unsigned folds, int progress, hars_vote_t *votes)
{
    int            rc;
    size_t         i, done;
    uint8_t       *fold, *use;
    unsigned       f, p;
    hars_model_t  *model;

    fold = malloc(set->n);
    use = malloc(set->n);
    rc = fold && use ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK) {
        hars_folds(set, folds, fold);
    }

    done = 0;

    for (f = 0; rc == HARS_OK && f < folds; f++) {

        for (i = 0; i < set->n; i++) {
            use[i] = fold[i] != f && set->class[i] < set->nclasses;
        }

        hars_evaluate_progress(progress, done, set->n);

        model = hars_fit(set, use, fit);
        if (model == NULL) {
            rc = HARS_ERROR;
            break;
        }

        for (i = 0; i < set->n; i++) {
            if (fold[i] == f) {
                hars_model_classify(model, set->input[i], &votes[i]);
                done++;
            }
        }

        for (p = 0; rc == HARS_OK && fit->own && p < set->npeople; p++) {
            rc = hars_evaluate_own(set, model, p, f, fold, fit->own, votes);
        }

        hars_model_free(model);
    }

    hars_evaluate_progress(progress, done, set->n);

    free(fold);
    free(use);

    return rc;
}


/* the first windows of each activity are learnt, the others answered anew */
static int
hars_evaluate_own(const hars_dataset_t *set, const hars_model_t *model,
    unsigned who, unsigned f, const uint8_t *fold, unsigned own,
    hars_vote_t *votes)
{
    int             rc;
    size_t          i;
    unsigned        k, seen[HARS_ML_CLASSES];
    hars_person_t   person;

    memset(&person, 0, sizeof(person));
    memset(seen, 0, sizeof(seen));
    rc = HARS_OK;

    for (i = 0; rc != HARS_ERROR && i < set->n; i++) {
        k = set->class[i];

        if (set->person[i] == who && fold[i] == f && k < set->nclasses
            && seen[k] <= own)
        {
            votes[i].class = HARS_ML_NONE;

            /* one more overlaps the last that is learnt */
            if (seen[k]++ < own) {
                rc = hars_person_learn(&person, model, set->input[i], k);
            }
        }
    }

    for (i = 0; rc != HARS_ERROR && i < set->n; i++) {
        if (set->person[i] == who && fold[i] == f
            && votes[i].class != HARS_ML_NONE)
        {
            hars_person_vote(&person, model, set->input[i], &votes[i]);
        }
    }

    hars_person_free(&person);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


void
hars_evaluate_drop(hars_dataset_t *set, hars_vote_t *votes)
{
    size_t  i, n;

    for (i = 0, n = 0; i < set->n; i++) {
        if (votes[i].class != HARS_ML_NONE) {
            votes[n] = votes[i];
            set->class[n] = set->class[i];
            set->person[n] = set->person[i];
            set->trial[n] = set->trial[i];
            n++;
        }
    }

    set->n = n;
}


int
hars_evaluate_model(const hars_dataset_t *set, const hars_model_t *model,
    int progress, hars_vote_t *votes, char *error, size_t size)
{
    size_t    i;
    unsigned  class[HARS_ML_CLASSES];

    if (hars_evaluate_map(set, model, class, error, size) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; i < set->n; i++) {
        hars_model_classify(model, set->input[i], &votes[i]);
        hars_evaluate_rename(model, class, &votes[i]);

        if (i + 1 == set->n || i % 1000 == 999) {
            hars_evaluate_progress(progress, i + 1, set->n);
        }
    }

    return HARS_OK;
}


int
hars_evaluate_fits(const hars_dataset_t *set, const hars_model_t *model)
{
    char      error[HARS_ML_ERROR];
    unsigned  class[HARS_ML_CLASSES];

    return hars_evaluate_map(set, model, class, error, sizeof(error))
           == HARS_OK;
}


/* from the model's classes to those of the data */
static int
hars_evaluate_map(const hars_dataset_t *set, const hars_model_t *model,
    unsigned *class, char *error, size_t size)
{
    unsigned  i, k;

    for (k = 0; k < model->nclasses; k++) {
        class[k] = HARS_ML_NONE;

        for (i = 0; i < set->nclasses; i++) {
            if (strcmp(model->class[k], set->class_name[i]) == 0) {
                class[k] = i;
            }
        }
    }

    for (i = 0; i < set->nclasses; i++) {

        for (k = 0; k < model->nclasses && class[k] != i; k++) { /* void */ }

        if (k == model->nclasses) {
            snprintf(error, size, "the model does not know the activity %s",
                     set->class_name[i]);
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static void
hars_evaluate_rename(const hars_model_t *model, const unsigned *class,
    hars_vote_t *vote)
{
    float     share[HARS_ML_CLASSES];
    unsigned  k;

    memcpy(share, vote->share, sizeof(share));
    memset(vote->share, 0, sizeof(vote->share));

    for (k = 0; k < model->nclasses; k++) {
        if (class[k] != HARS_ML_NONE) {
            vote->share[class[k]] = share[k];
        }
    }

    vote->class = class[vote->class];
}


/* a bar that grows on a terminal, a line at the end elsewhere */
static void
hars_evaluate_progress(int progress, size_t done, size_t all)
{
    int  part;

    if (!progress || (!isatty(STDERR_FILENO) && done < all)) {
        return;
    }

    part = (int) (done * 40 / (all ? all : 1));

    fprintf(stderr, "%s[%.*s%*s] %zu of %zu windows answered%s",
            isatty(STDERR_FILENO) ? "\r" : "", part,
            "########################################", 40 - part, "",
            done, all, done < all ? "" : "\n");
}
