
/*
 * hars-train train: people left out first, fold by fold, which says how good
 * it is and calibrates it; then the model of all windows, written with what
 * was found.  No time and no name of a machine goes in: the same data and
 * seed make the same bytes.
 */


#include "hars_ml_train.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static hars_model_t *hars_train_model(const hars_train_t *t,
    const hars_dataset_t *set, hars_report_t *report);
static unsigned hars_train_folds(const hars_train_t *t);
static int hars_train_meta(const hars_train_t *t, const hars_dataset_t *set,
    const hars_report_t *report, hars_model_t *model);
static int hars_train_write(const hars_train_t *t, const hars_model_t *model);
static int hars_train_store(const char *path, const unsigned char *bytes,
    size_t len);


int
hars_train_train(const hars_train_t *t)
{
    int              rc;
    char             error[HARS_ML_ERROR];
    hars_model_t    *model;
    hars_report_t    report;
    hars_dataset_t  *set;

    if (t->out == NULL) {
        fprintf(stderr, "hars-train: train needs --out MODEL\n"
                "Try hars-train --help.\n");
        return HARS_TRAIN_USAGE;
    }

    set = hars_dataset_read(t->path, !t->quiet, error, sizeof(error));
    if (set == NULL) {
        fprintf(stderr, "hars-train: %s\n", error);
        return EXIT_FAILURE;
    }

    rc = HARS_ERROR;
    model = hars_train_model(t, set, &report);

    if (model && hars_train_meta(t, set, &report, model) == HARS_OK) {
        rc = hars_train_write(t, model);
    }

    if (rc == HARS_OK && t->json) {
        hars_report_json(set, &report, t->out);

    } else if (rc == HARS_OK) {
        hars_report_print(set, &report);
    }

    hars_model_free(model);
    hars_dataset_free(set);

    return rc == HARS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}


static hars_model_t *
hars_train_model(const hars_train_t *t, const hars_dataset_t *set,
    hars_report_t *report)
{
    size_t         i;
    uint8_t       *use;
    const char    *fault;
    hars_vote_t   *votes;
    hars_model_t  *model;

    fault = hars_fit_fault(&t->fit, set->nclasses);

    if (fault) {
        fprintf(stderr, "hars-train: %s\n", fault);
        return NULL;
    }

    model = NULL;
    use = malloc(set->n);
    votes = malloc(set->n * sizeof(hars_vote_t));

    if (use && votes
        && hars_evaluate_folds(set, &t->fit, hars_train_folds(t), !t->quiet,
                               votes)
           == HARS_OK)
    {
        for (i = 0; i < set->n; i++) {
            use[i] = set->class[i] < set->nclasses;
        }

        model = hars_fit(set, use, &t->fit);
    }

    if (model == NULL) {
        fprintf(stderr, "hars-train: too few windows or no memory\n");

    } else {
        hars_calibrate(set, model, votes);
        hars_report(set, votes, report);
        report->auroc = hars_calibrate_auroc(set, votes);
    }

    free(use);
    free(votes);

    return model;
}


static unsigned
hars_train_folds(const hars_train_t *t)
{
    return t->folds ? t->folds : HARS_ML_FOLDS;
}


static int
hars_train_meta(const hars_train_t *t, const hars_dataset_t *set,
    const hars_report_t *report, hars_model_t *model)
{
    int          n;
    size_t       len;
    unsigned     i;
    const char  *data;

    data = t->data;

    if (data == NULL) {
        data = strrchr(t->path, '/');
        data = data && data[1] ? data + 1 : t->path;
    }

    n = snprintf(model->meta, sizeof(model->meta),
                 "placement=%s\ndata=%s\nwindows=%zu\npeople=%u\n"
                 "folds=%u\naccuracy=%.4f\nmacro_f1=%.4f\n"
                 "smoothed_accuracy=%.4f\nsmoothed_macro_f1=%.4f\n"
                 "ece=%.4f\nauroc=%.4f\nsubjects=",
                 t->placement ? t->placement : "pocket", data,
                 report->window.n, set->npeople, hars_train_folds(t),
                 report->window.accuracy, report->window.macro_f1,
                 report->smooth.accuracy, report->smooth.macro_f1,
                 report->ece, report->auroc);

    len = n > 0 ? (size_t) n : sizeof(model->meta);

    for (i = 0; i < set->npeople; i++) {

        /* with a blank before or a line feed behind, and the zero */
        if (len + strlen(set->person_name[i]) + 3 > sizeof(model->meta)) {
            fprintf(stderr, "hars-train: the names are too long for a "
                    "model\n");
            return HARS_ERROR;
        }

        len += (size_t) sprintf(model->meta + len, "%s%s", i ? " " : "",
                                set->person_name[i]);
    }

    memcpy(model->meta + len, "\n", 2);

    return HARS_OK;
}


/* what is written is first read back, as the service will read it */
static int
hars_train_write(const hars_train_t *t, const hars_model_t *model)
{
    int             rc;
    char            error[HARS_ML_ERROR];
    size_t          len;
    hars_model_t   *check;
    unsigned char  *bytes;

    bytes = hars_model_encode(model, &len);
    if (bytes == NULL) {
        fprintf(stderr, "hars-train: the model is too large or no memory\n");
        return HARS_ERROR;
    }

    rc = HARS_ERROR;
    check = hars_model_decode(bytes, len, error, sizeof(error));

    if (check == NULL) {
        fprintf(stderr, "hars-train: the model %s\n", error);

    } else if (hars_train_store(t->out, bytes, len) != HARS_OK) {
        fprintf(stderr, "hars-train: %s: %s\n", t->out, strerror(errno));

    } else {
        fprintf(t->json ? stderr : stdout, "%s: model %s, %zu bytes\n",
                t->out, check->id, len);
        rc = HARS_OK;
    }

    hars_model_free(check);
    free(bytes);

    return rc;
}


/* under another name first: who reads meanwhile has the old one or the new */
static int
hars_train_store(const char *path, const unsigned char *bytes, size_t len)
{
    int    rc, n;
    char   part[4096];
    FILE  *f;

    n = snprintf(part, sizeof(part), "%s.part", path);

    if (n < 0 || (size_t) n >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return HARS_ERROR;
    }

    f = fopen(part, "wb");
    if (f == NULL) {
        return HARS_ERROR;
    }

    rc = fwrite(bytes, 1, len, f) == len && fflush(f) == 0 ? HARS_OK
                                                           : HARS_ERROR;

    if (fclose(f) != 0 || rc != HARS_OK || rename(part, path) != 0) {
        n = errno;
        unlink(part);
        errno = n;
        return HARS_ERROR;
    }

    return HARS_OK;
}
