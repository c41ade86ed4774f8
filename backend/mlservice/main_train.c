
/*
 * hars-train: makes the model that hars-mlservice answers with, and says how
 * good it is.
 *
 *     hars-train train --out MODEL DIR      fit to all recordings of DIR
 *     hars-train evaluate DIR               leave people out, fold by fold
 *     hars-train evaluate --model MODEL DIR ask one model for all of DIR
 *     hars-train inspect MODEL
 *
 * Progress goes to standard error, results to standard output.  Exit status:
 * 0 done, 1 failed, 2 usage.
 */


#include "hars_ml_train.h"
#include "hars_version.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define HARS_TRAIN_USAGE  2


typedef struct {
    const char   *out;
    const char   *model;
    const char   *placement;
    const char   *data;
    const char   *path;                   /* the argument */
    unsigned      folds;
    int           quiet;
    hars_fit_t    fit;
} hars_train_t;

typedef int (*hars_command_pt)(const hars_train_t *t);

typedef struct {
    const char       *name;
    hars_command_pt   run;
} hars_command_t;


static int hars_train_options(hars_train_t *t, int argc, char **argv);
static int hars_train_number(const char *text, unsigned min, unsigned max,
    unsigned *value);
static int hars_train_train(const hars_train_t *t);
static int hars_train_meta(const hars_train_t *t, const hars_dataset_t *set,
    const hars_report_t *report, hars_model_t *model);
static int hars_train_write(const hars_train_t *t, const hars_model_t *model);
static int hars_train_store(const char *path, const unsigned char *bytes,
    size_t len);
static int hars_train_evaluate(const hars_train_t *t);
static void hars_train_overlap(const hars_dataset_t *set,
    const hars_model_t *model);
static int hars_train_inspect(const hars_train_t *t);
static int hars_train_usage(const char *what);


static const char  hars_train_help[] =
    "Usage: hars-train train --out MODEL DIR\n"
    "       hars-train evaluate [--model MODEL] DIR\n"
    "       hars-train inspect MODEL\n"
    "\n"
    "DIR has recordings as *.csv or *.csv.gz with the columns subject,\n"
    "activity, trial, timestamp_s, ax, ay, az (m/s^2 with gravity),\n"
    "gx, gy, gz (rad/s).\n"
    "\n"
    "train fits a model to all of them, evaluates as below and writes MODEL.\n"
    "evaluate leaves people out, fold by fold, or asks MODEL for all.\n"
    "inspect says what is in MODEL.\n"
    "\n"
    "  --folds N         folds of people (6); as many as people: one each\n"
    "  --dims N          principal components (40)\n"
    "  --neighbours N    k of k-NN (15)\n"
    "  --placement NAME  where the device was worn (pocket)\n"
    "  --data NAME       what the model says it was trained on (DIR's name)\n"
    "  --unrounded       evaluate with prototypes not rounded to 16 bits\n"
    "  --quiet           no progress\n"
    "  --help, --version\n";

static const hars_command_t  hars_train_command[] = {
    { "train", hars_train_train },
    { "evaluate", hars_train_evaluate },
    { "inspect", hars_train_inspect }
};

static const struct option  hars_train_option[] = {
    { "out", required_argument, NULL, 'o' },
    { "model", required_argument, NULL, 'm' },
    { "folds", required_argument, NULL, 'f' },
    { "dims", required_argument, NULL, 'd' },
    { "neighbours", required_argument, NULL, 'k' },
    { "placement", required_argument, NULL, 'p' },
    { "data", required_argument, NULL, 'n' },
    { "unrounded", no_argument, NULL, 'u' },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int           rc;
    size_t        i;
    hars_train_t  t;

    memset(&t, 0, sizeof(t));
    t.placement = "pocket";
    t.folds = HARS_ML_FOLDS;
    t.fit.dims = 40;
    t.fit.k = 15;
    t.fit.trees = 100;
    t.fit.leaf = 2;
    t.fit.tries = 40;
    t.fit.seed = 1;
    t.fit.weight = 0.65f;

    rc = hars_train_options(&t, argc, argv);

    if (rc >= 0) {
        return rc;
    }

    if (argc - optind != 2) {
        return hars_train_usage("a command and one path are needed");
    }

    t.path = argv[optind + 1];

    for (i = 0; i < sizeof(hars_train_command) / sizeof(hars_command_t); i++)
    {
        if (strcmp(argv[optind], hars_train_command[i].name) == 0) {
            return hars_train_command[i].run(&t);
        }
    }

    return hars_train_usage("there is no such command");
}


/* -1: go on; otherwise the exit status */
static int
hars_train_options(hars_train_t *t, int argc, char **argv)
{
    int  c, rc;

    rc = HARS_OK;

    while (rc == HARS_OK
           && (c = getopt_long(argc, argv, "", hars_train_option, NULL))
              != -1)
    {
        switch (c) {
        case 'o':
            t->out = optarg;
            break;
        case 'm':
            t->model = optarg;
            break;
        case 'f':
            rc = hars_train_number(optarg, 2, 64, &t->folds);
            break;
        case 'd':
            rc = hars_train_number(optarg, 1, HARS_ML_DIMS, &t->fit.dims);
            break;
        case 'k':
            rc = hars_train_number(optarg, 1, HARS_ML_K, &t->fit.k);
            break;
        case 'p':
            t->placement = optarg;
            break;
        case 'n':
            t->data = optarg;
            break;
        case 'u':
            t->fit.unrounded = 1;
            break;
        case 'q':
            t->quiet = 1;
            break;
        case 'h':
            fputs(hars_train_help, stdout);
            return EXIT_SUCCESS;
        case 'v':
            printf("hars-train %s\n", HARS_VERSION);
            return EXIT_SUCCESS;
        default:
            return hars_train_usage(NULL);
        }
    }

    return rc == HARS_OK ? -1 : HARS_TRAIN_USAGE;
}


static int
hars_train_number(const char *text, unsigned min, unsigned max,
    unsigned *value)
{
    char           *end;
    unsigned long   n;

    n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
        fprintf(stderr, "hars-train: %s is not a number from %u to %u\n",
                text, min, max);
        return HARS_ERROR;
    }

    *value = (unsigned) n;

    return HARS_OK;
}


static int
hars_train_train(const hars_train_t *t)
{
    int              rc;
    char             error[HARS_ML_ERROR];
    uint8_t         *use;
    hars_model_t    *model;
    hars_report_t    report;
    hars_dataset_t  *set;

    if (t->out == NULL) {
        return hars_train_usage("train needs --out MODEL");
    }

    set = hars_dataset_read(t->path, !t->quiet, error, sizeof(error));
    if (set == NULL) {
        fprintf(stderr, "hars-train: %s\n", error);
        return EXIT_FAILURE;
    }

    rc = HARS_ERROR;
    model = NULL;

    use = malloc(set->n);

    if (use && hars_evaluate_folds(set, &t->fit, t->folds, !t->quiet,
                                   &report)
               == HARS_OK)
    {
        memset(use, 1, set->n);
        model = hars_fit(set, use, &t->fit);
    }

    if (model == NULL) {
        fprintf(stderr, "hars-train: too few windows or no memory\n");

    } else if (hars_train_meta(t, set, &report, model) == HARS_OK) {
        rc = hars_train_write(t, model);
    }

    if (rc == HARS_OK) {
        hars_report_print(set, &report);
    }

    hars_model_free(model);
    hars_dataset_free(set);
    free(use);

    return rc == HARS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
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
                 "folds=%u\naccuracy=%.4f\nmacro_f1=%.4f\nsubjects=",
                 t->placement, data, set->n, set->npeople,
                 t->folds, report->accuracy, report->macro_f1);

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
        printf("%s: model %s, %zu bytes\n", t->out, check->id, len);
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


static int
hars_train_evaluate(const hars_train_t *t)
{
    int              rc;
    char             error[HARS_ML_ERROR];
    hars_model_t    *model;
    hars_report_t    report;
    hars_dataset_t  *set;

    model = NULL;
    snprintf(error, sizeof(error), "too few windows or no memory");

    if (t->model) {
        model = hars_model_load(t->model, error, sizeof(error));

        if (model == NULL) {
            fprintf(stderr, "hars-train: model %s %s\n", t->model, error);
            return EXIT_FAILURE;
        }
    }

    set = hars_dataset_read(t->path, !t->quiet, error, sizeof(error));
    rc = HARS_ERROR;

    if (set && model) {
        hars_train_overlap(set, model);
        rc = hars_evaluate_model(set, model, !t->quiet, &report, error,
                                 sizeof(error));

    } else if (set) {
        rc = hars_evaluate_folds(set, &t->fit, t->folds, !t->quiet, &report);
    }

    if (rc == HARS_OK) {
        hars_report_print(set, &report);

    } else {
        fprintf(stderr, "hars-train: %s\n", error);
    }

    hars_dataset_free(set);
    hars_model_free(model);

    return rc == HARS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
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


static int
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

    printf("\nsize=%zu\nversion=%d\n%sinputs=%d\ndims=%u\nneighbours=%u\n"
           "prototypes=%u\n", model->size, HARS_ML_VERSION, model->meta,
           HARS_ML_INPUTS, model->dims, model->k, model->n);

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


static int
hars_train_usage(const char *what)
{
    if (what) {
        fprintf(stderr, "hars-train: %s\n", what);
    }

    fputs("Try hars-train --help.\n", stderr);

    return HARS_TRAIN_USAGE;
}
