
/*
 * What the votes are worth: window by window and smoothed as the service
 * smooths them, by activity, by person, by confidence, and how well what is
 * none of the activities is told.
 *
 * Macro F1 is the mean of the classes' F1, so that sitting, of which there
 * is most, does not hide going downstairs.  The area under the ROC curve is
 * the chance that a window of a known activity has a higher "known" than one
 * of another activity.
 */


#include "hars_ml_train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    float              known;
    int                other;
} hars_rank_t;


static void hars_report_window(const hars_dataset_t *set, size_t i,
    const hars_vote_t *vote, hars_report_t *report);
static void hars_score_add(hars_score_t *score, unsigned truth,
    unsigned answer);
static void hars_score_finish(const hars_dataset_t *set,
    hars_score_t *score);
static void hars_report_ece(hars_report_t *report);
static int hars_report_compare(const void *one, const void *two);
static void hars_report_people(const hars_dataset_t *set,
    const hars_report_t *report);
static void hars_json_string(const char *s);
static void hars_json_score(const hars_dataset_t *set,
    const hars_score_t *score);


void
hars_report(const hars_dataset_t *set, const hars_vote_t *votes,
    hars_report_t *report)
{
    size_t         i;
    hars_vote_t    mean;
    hars_smooth_t  smooth;

    memset(report, 0, sizeof(hars_report_t));

    for (i = 0; i < set->n; i++) {

        if (i == 0 || set->trial[i] != set->trial[i - 1]) {
            memset(&smooth, 0, sizeof(smooth));
        }

        if (set->class[i] >= set->nclasses) {
            report->others++;
            continue;
        }

        mean = votes[i];
        hars_smooth(&smooth, set->nclasses, &mean);
        hars_score_add(&report->smooth, set->class[i], mean.class);
        hars_report_window(set, i, &votes[i], report);
    }

    hars_score_finish(set, &report->window);
    hars_score_finish(set, &report->smooth);
    hars_report_ece(report);

    report->auroc = hars_report_auroc(set, votes);
}


static void
hars_report_window(const hars_dataset_t *set, size_t i,
    const hars_vote_t *vote, hars_report_t *report)
{
    int          right, b;
    hars_bin_t  *bin;

    hars_score_add(&report->window, set->class[i], vote->class);

    right = vote->class == set->class[i];
    report->windows[set->person[i]]++;
    report->right[set->person[i]] += (size_t) right;

    b = (int) ((double) vote->confidence * HARS_ML_BINS);
    bin = &report->bin[b < 0 ? 0 : b < HARS_ML_BINS ? b : HARS_ML_BINS - 1];
    bin->n++;
    bin->right += (size_t) right;
    bin->confidence += (double) vote->confidence;
}


static void
hars_score_add(hars_score_t *score, unsigned truth, unsigned answer)
{
    score->n++;

    if (answer < HARS_ML_CLASSES) {
        score->confusion[truth][answer]++;
    }
}


static void
hars_score_finish(const hars_dataset_t *set, hars_score_t *score)
{
    size_t    hits, truth, said;
    unsigned  k, j;

    for (k = 0; k < set->nclasses; k++) {
        hits = score->confusion[k][k];
        truth = 0;
        said = 0;

        for (j = 0; j < set->nclasses; j++) {
            truth += score->confusion[k][j];
            said += score->confusion[j][k];
        }

        score->recall[k] = truth ? (double) hits / (double) truth : 0;
        score->precision[k] = said ? (double) hits / (double) said : 0;
        score->f1[k] = truth + said
                       ? 2.0 * (double) hits / (double) (truth + said) : 0;

        score->accuracy += (double) hits;
        score->macro_f1 += score->f1[k];
    }

    if (score->n) {
        score->accuracy /= (double) score->n;
        score->macro_f1 /= set->nclasses;
    }
}


static void
hars_report_ece(hars_report_t *report)
{
    unsigned           b;
    const hars_bin_t  *bin;

    for (b = 0; b < HARS_ML_BINS; b++) {
        bin = &report->bin[b];
        report->ece += fabs(bin->confidence - (double) bin->right);
    }

    if (report->window.n) {
        report->ece /= (double) report->window.n;
    }
}


/* by ranks, equal ones counted half */
double
hars_report_auroc(const hars_dataset_t *set, const hars_vote_t *votes)
{
    double        wins, others, known, o, k;
    size_t        i, j;
    hars_rank_t  *rank;

    rank = malloc((set->n + 1) * sizeof(hars_rank_t));
    if (rank == NULL) {
        return -1;
    }

    for (i = 0; i < set->n; i++) {
        rank[i].known = votes[i].known;
        rank[i].other = set->class[i] >= set->nclasses;
    }

    qsort(rank, set->n, sizeof(hars_rank_t), hars_report_compare);

    wins = 0;
    others = 0;
    known = 0;

    for (i = 0; i < set->n; i = j) {
        o = 0;
        k = 0;

        for (j = i; j < set->n && rank[j].known <= rank[i].known; j++) {
            o += rank[j].other;
            k += !rank[j].other;
        }

        wins += k * (others + o / 2);
        others += o;
        known += k;
    }

    free(rank);

    return others > 0 && known > 0 ? wins / others / known : -1;
}


static int
hars_report_compare(const void *one, const void *two)
{
    const hars_rank_t  *a = one, *b = two;

    return (a->known > b->known) - (a->known < b->known);
}


void
hars_report_print(const hars_dataset_t *set, const hars_report_t *report)
{
    unsigned             k, j;
    const hars_score_t  *w;

    w = &report->window;

    printf("%zu windows of %u people: accuracy %.4f, macro F1 %.4f\n"
           "smoothed over %d windows: accuracy %.4f, macro F1 %.4f\n"
           "expected calibration error %.4f\n",
           w->n, set->npeople, w->accuracy, w->macro_f1, HARS_ML_SMOOTH,
           report->smooth.accuracy, report->smooth.macro_f1, report->ece);

    if (report->others) {
        printf("%zu windows of other activities: area under the ROC curve "
               "%.4f\n", report->others, report->auroc);
    }

    printf("\n%-12s %9s %9s %9s   answered as\n%-12s %9s %9s %9s  ",
           "activity", "recall", "precision", "F1", "", "", "", "");

    for (k = 0; k < set->nclasses; k++) {
        printf(" %10.10s", set->class_name[k]);
    }

    for (k = 0; k < set->nclasses; k++) {
        printf("\n%-12s %9.4f %9.4f %9.4f  ", set->class_name[k],
               w->recall[k], w->precision[k], w->f1[k]);

        for (j = 0; j < set->nclasses; j++) {
            printf(" %10zu", w->confusion[k][j]);
        }
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

    printf("\n\naccuracy by person:");

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


void
hars_report_json(const hars_dataset_t *set, const hars_report_t *report,
    const char *model)
{
    unsigned     p, first, b;
    const char  *comma;

    printf("{\"model\": ");
    hars_json_string(model);
    printf(", \"windows\": %zu, \"people\": %u, ", report->window.n,
           set->npeople);
    hars_json_score(set, &report->window);
    printf(", \"per_subject\": {");
    first = 1;

    for (p = 0; p < set->npeople; p++) {
        if (report->windows[p]) {
            printf("%s", first ? "" : ", ");
            hars_json_string(set->person_name[p]);
            printf(": %.6f", (double) report->right[p]
                             / (double) report->windows[p]);
            first = 0;
        }
    }

    printf("}, \"smoothed\": {\"windows\": %d, ", HARS_ML_SMOOTH);
    hars_json_score(set, &report->smooth);
    printf("}, \"calibration\": {\"ece\": %.6f, \"bins\": [", report->ece);

    for (b = 0, comma = ""; b < HARS_ML_BINS; b++) {
        if (report->bin[b].n) {
            printf("%s{\"windows\": %zu, \"confidence\": %.6f, "
                   "\"accuracy\": %.6f}", comma, report->bin[b].n,
                   report->bin[b].confidence / (double) report->bin[b].n,
                   (double) report->bin[b].right
                   / (double) report->bin[b].n);
            comma = ", ";
        }
    }

    printf("]}");

    if (report->others) {
        printf(", \"unknown\": {\"windows\": %zu, \"auroc\": %.6f}",
               report->others, report->auroc);
    }

    printf("}\n");
}


static void
hars_json_score(const hars_dataset_t *set, const hars_score_t *score)
{
    unsigned  k, j;

    printf("\"accuracy\": %.6f, \"macro_f1\": %.6f, \"per_class\": {",
           score->accuracy, score->macro_f1);

    for (k = 0; k < set->nclasses; k++) {
        printf("%s", k ? ", " : "");
        hars_json_string(set->class_name[k]);
        printf(": {\"recall\": %.6f, \"precision\": %.6f, \"f1\": %.6f}",
               score->recall[k], score->precision[k], score->f1[k]);
    }

    printf("}, \"confusion\": [");

    for (k = 0; k < set->nclasses; k++) {
        for (j = 0; j < set->nclasses; j++) {
            printf("%s%zu", j ? ", " : k ? "], [" : "[",
                   score->confusion[k][j]);
        }
    }

    printf("]]");
}


/* names come from files: a quote in one must not end the string */
static void
hars_json_string(const char *s)
{
    putchar('"');

    for ( /* void */ ; *s; s++) {
        if (*s == '"' || *s == '\\' || (unsigned char) *s < ' ') {
            printf("\\u%04x", (unsigned) (unsigned char) *s);

        } else {
            putchar(*s);
        }
    }

    putchar('"');
}
