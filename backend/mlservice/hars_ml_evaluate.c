
/*
 * How well does it answer for people it has not seen?  Windows of one person
 * are alike, so whole people are left out, never windows: a random split
 * would flatter.  Each fold of people is answered by a model fitted to all
 * others; the counts of all folds make one table.
 *
 * Macro F1 is the mean of the classes' F1, so that sitting, of which there
 * is most, does not hide going downstairs.
 */


#include "hars_ml_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static void hars_evaluate_window(const hars_dataset_t *set, size_t i,
    const hars_model_t *model, hars_report_t *report);
static void hars_report_finish(const hars_dataset_t *set,
    hars_report_t *report);
static void hars_report_people(const hars_dataset_t *set,
    const hars_report_t *report);


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
    unsigned folds, int progress, hars_report_t *report)
{
    int            rc;
    size_t         i;
    uint8_t       *fold, *use;
    unsigned       f;
    hars_model_t  *model;

    memset(report, 0, sizeof(hars_report_t));

    fold = malloc(set->n);
    use = malloc(set->n);
    rc = fold && use ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK) {
        hars_folds(set, folds, fold);
    }

    for (f = 0; rc == HARS_OK && f < folds; f++) {

        for (i = 0; i < set->n; i++) {
            use[i] = fold[i] != f;
        }

        model = hars_fit(set, use, fit);
        if (model == NULL) {
            rc = HARS_ERROR;
            break;
        }

        for (i = 0; i < set->n; i++) {
            if (!use[i]) {
                hars_evaluate_window(set, i, model, report);
            }
        }

        hars_model_free(model);

        if (progress) {
            fprintf(stderr, "fold %u/%u: %zu of %zu windows answered\n",
                    f + 1, folds, report->n, set->n);
        }
    }

    free(fold);
    free(use);

    hars_report_finish(set, report);

    return rc;
}


int
hars_evaluate_model(const hars_dataset_t *set, const hars_model_t *model,
    int progress, hars_report_t *report, char *error, size_t size)
{
    size_t        i;
    unsigned      k, class[HARS_ML_CLASSES];
    hars_vote_t   vote;

    memset(report, 0, sizeof(hars_report_t));

    for (k = 0; k < model->nclasses; k++) {

        for (i = 0; i < set->nclasses; i++) {
            if (strcmp(model->class[k], set->class_name[i]) == 0) {
                break;
            }
        }

        class[k] = (unsigned) i;
    }

    for (i = 0; i < set->nclasses; i++) {

        for (k = 0; k < model->nclasses && class[k] != i; k++) { /* void */ }

        if (k == model->nclasses) {
            snprintf(error, size, "the model does not know the activity %s",
                     set->class_name[i]);
            return HARS_ERROR;
        }
    }

    for (i = 0; i < set->n; i++) {
        hars_model_classify(model, set->input[i], &vote);

        k = class[vote.class];

        report->n++;
        report->windows[set->person[i]]++;
        report->right[set->person[i]] += k == set->class[i];

        if (k < set->nclasses) {
            report->confusion[set->class[i]][k]++;
        }

        if (progress && (i + 1 == set->n || i % 5000 == 4999)) {
            fprintf(stderr, "%zu of %zu windows answered\n", i + 1, set->n);
        }
    }

    hars_report_finish(set, report);

    return HARS_OK;
}


static void
hars_evaluate_window(const hars_dataset_t *set, size_t i,
    const hars_model_t *model, hars_report_t *report)
{
    hars_vote_t  vote;

    hars_model_classify(model, set->input[i], &vote);

    report->n++;
    report->confusion[set->class[i]][vote.class]++;
    report->windows[set->person[i]]++;
    report->right[set->person[i]] += vote.class == set->class[i];
}


static void
hars_report_finish(const hars_dataset_t *set, hars_report_t *report)
{
    size_t    hits, truth, said;
    unsigned  k, j, classes;

    classes = 0;
    report->accuracy = 0;
    report->macro_f1 = 0;

    for (k = 0; k < set->nclasses; k++) {
        hits = report->confusion[k][k];
        truth = 0;
        said = 0;

        for (j = 0; j < set->nclasses; j++) {
            truth += report->confusion[k][j];
            said += report->confusion[j][k];
        }

        report->recall[k] = truth ? (double) hits / (double) truth : 0;
        report->precision[k] = said ? (double) hits / (double) said : 0;
        report->f1[k] = truth + said
                        ? 2.0 * (double) hits / (double) (truth + said) : 0;

        report->accuracy += (double) hits;
        report->macro_f1 += report->f1[k];
        classes++;
    }

    if (report->n) {
        report->accuracy /= (double) report->n;
        report->macro_f1 /= classes;
    }
}


void
hars_report_print(const hars_dataset_t *set, const hars_report_t *report)
{
    unsigned  k, j;

    printf("%zu windows of %u people: accuracy %.4f, macro F1 %.4f\n\n",
           report->n, set->npeople, report->accuracy, report->macro_f1);

    printf("%-12s %9s %9s %9s   answered as\n", "activity", "recall",
           "precision", "F1");
    printf("%-12s %9s %9s %9s  ", "", "", "", "");

    for (k = 0; k < set->nclasses; k++) {
        printf(" %10.10s", set->class_name[k]);
    }

    printf("\n");

    for (k = 0; k < set->nclasses; k++) {
        printf("%-12s %9.4f %9.4f %9.4f  ", set->class_name[k],
               report->recall[k], report->precision[k], report->f1[k]);

        for (j = 0; j < set->nclasses; j++) {
            printf(" %10zu", report->confusion[k][j]);
        }

        printf("\n");
    }

    hars_report_people(set, report);
}


static void
hars_report_people(const hars_dataset_t *set, const hars_report_t *report)
{
    double    part, least, most;
    unsigned  p;

    least = 1;
    most = 0;

    printf("\naccuracy by person:");

    for (p = 0; p < set->npeople; p++) {

        if (report->windows[p] == 0) {
            continue;
        }

        part = (double) report->right[p] / (double) report->windows[p];
        least = part < least ? part : least;
        most = part > most ? part : most;

        printf("%s%s %.3f", p % 6 ? ", " : "\n    ", set->person_name[p],
               part);
    }

    printf("\n    from %.3f to %.3f\n", least, most);
}
