
/*
 * What training and evaluation know beyond hars_ml.h: files of recordings
 * with names of people and activities, the windows of all of them with their
 * features, and how well a model answers for people it has not seen.
 *
 *     CSV -> trials -> the pipeline of hars_ml.h -> windows with labels
 *         -> fit -> model;  folds of people -> fit, classify -> report
 */

#ifndef HARS_ML_TRAIN_H
#define HARS_ML_TRAIN_H


#include "hars_ml.h"


#define HARS_ML_PEOPLE     512
#define HARS_ML_FOLDS      6
#define HARS_ML_ERROR      512
#define HARS_ML_BINS       10           /* of confidence */
#define HARS_ML_NONE       255          /* an activity the data has not */


/* one recording of one person doing one thing */
typedef struct {
    char               subject[HARS_ML_NAME];
    char               activity[HARS_ML_NAME];
    char               trial[HARS_ML_NAME];
    hars_recording_t   rec;
} hars_trial_t;

/* takes one trial; HARS_ERROR ends the reading, with a text in "error" */
typedef int (*hars_trial_pt)(void *data, hars_trial_t *trial, char *error,
    size_t size);


/* windows of many recordings; the same index in all arrays */
typedef struct {
    size_t             n;
    size_t             size;               /* windows there is room for */
    float            (*input)[HARS_ML_INPUTS];
    uint8_t           *class;
    uint16_t          *person;
    uint32_t          *trial;              /* of the same recording: equal */

    unsigned           nclasses;           /* to be told apart */
    unsigned           nothers;            /* named behind, to be refused */
    char               class_name[HARS_ML_CLASSES][HARS_ML_NAME];
    unsigned           npeople;
    char               person_name[HARS_ML_PEOPLE][HARS_ML_NAME];

    size_t             trials;
    size_t             empty;              /* records dropped */
    size_t             duplicates;
} hars_dataset_t;


typedef struct {
    unsigned           dims;
    unsigned           k;
    unsigned           trees;
    unsigned           leaf;               /* least windows of a leaf */
    unsigned           tries;              /* inputs tried for a split */
    uint64_t           seed;
    unsigned           rounds;             /* of boosting */
    unsigned           depth;              /* of a boosted tree */
    unsigned           drawn;              /* inputs tried at its nodes */
    unsigned           rate;               /* of 1000 */
    float              weight[HARS_ML_VOTERS];
    unsigned           inputs;             /* of a window, or all */
    unsigned           own;                /* windows of each activity that
                                              people calibrate it with */
    unsigned           unrounded:1;        /* prototypes stay float */
} hars_fit_t;


/* how often answers of about a confidence were right */
typedef struct {
    size_t             n;
    size_t             right;
    double             confidence;         /* sum */
} hars_bin_t;

/* truth in rows, answers in columns */
typedef struct {
    size_t             n;
    size_t             confusion[HARS_ML_CLASSES][HARS_ML_CLASSES];
    double             accuracy;
    double             macro_f1;
    double             recall[HARS_ML_CLASSES];
    double             precision[HARS_ML_CLASSES];
    double             f1[HARS_ML_CLASSES];
} hars_score_t;

typedef struct {
    hars_score_t       window;             /* window by window */
    hars_score_t       smooth;             /* over HARS_ML_SMOOTH windows */

    size_t             right[HARS_ML_PEOPLE];
    size_t             windows[HARS_ML_PEOPLE];

    hars_bin_t         bin[HARS_ML_BINS];
    double             ece;                /* expected calibration error */

    size_t             others;             /* windows of other activities */
    double             auroc;              /* of "known"; -1: no others */
} hars_report_t;


/* the command line of hars-train */
typedef struct {
    const char        *out;
    const char        *model;
    const char        *placement;
    const char        *data;
    const char        *svg;
    const char        *path;               /* the argument */
    unsigned           folds;              /* 0: not said */
    int                json;
    int                quiet;
    hars_fit_t         fit;
} hars_train_t;

#define HARS_TRAIN_USAGE  2                /* exit status */


/* the commands; exit status */
int hars_train_train(const hars_train_t *t);
int hars_train_evaluate(const hars_train_t *t);
int hars_train_inspect(const hars_train_t *t);

/* the trials of a file, plain or gzip, one after the other */
int hars_csv_read(const char *path, hars_trial_pt take, void *data,
    char *error, size_t size);

/* the windows of all *.csv and *.csv.gz of a folder, in order of names */
hars_dataset_t *hars_dataset_read(const char *dir, int progress, char *error,
    size_t size);
void hars_dataset_free(hars_dataset_t *set);

/*
 * Eigenvalues, largest first, and eigenvectors (rows of "vector") of the
 * symmetric n * n matrix "a", which is destroyed.
 */
void hars_eigen(double *a, unsigned n, double *value, double *vector);

/* what is wrong with it for so many activities; NULL: nothing */
const char *hars_fit_fault(const hars_fit_t *fit, unsigned nclasses);

/* fits a model to the windows whose "use" is not zero; without meta text */
hars_model_t *hars_fit(const hars_dataset_t *set, const uint8_t *use,
    const hars_fit_t *fit);

/*
 * Extra trees: each split the best of "tries" random ones.  The same seed
 * makes the same trees.
 */
int hars_grow(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit);

/* so many rounds, of that depth, of a tree for each activity? */
int hars_boost_fits(unsigned nclasses, const hars_fit_t *fit);

/* boosted trees; HARS_ERROR: no memory, or they do not fit */
int hars_boost(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit);

/* people to folds of about equal windows, the rule of GroupKFold */
void hars_folds(const hars_dataset_t *set, unsigned folds, uint8_t *fold);

/*
 * Leaves people out, fold by fold: set->n votes as a model gives them that
 * is not yet calibrated.  Windows that people calibrate it with, and those
 * that overlap them, have the class HARS_ML_NONE.
 */
int hars_evaluate_folds(const hars_dataset_t *set, const hars_fit_t *fit,
    unsigned folds, int progress, hars_vote_t *votes);

/*
 * One model, asked for all windows; votes have the classes of the data.
 * HARS_ERROR: it lacks one.
 */
int hars_evaluate_model(const hars_dataset_t *set, const hars_model_t *model,
    int progress, hars_vote_t *votes, char *error, size_t size);

/* without the windows whose vote's class is HARS_ML_NONE, but for inputs */
void hars_evaluate_drop(hars_dataset_t *set, hars_vote_t *votes);

/* does the model know all activities of the data but the other ones? */
int hars_evaluate_fits(const hars_dataset_t *set, const hars_model_t *model);

/*
 * From votes that leave people out: the model's exponent of calibration and
 * what it takes for known; the votes are finished with them.
 */
void hars_calibrate(const hars_dataset_t *set, hars_model_t *model,
    hars_vote_t *votes);

/*
 * How well "known" would tell kinds of other activities that it was not
 * trained on, with people it was not trained on; -1: no others.
 */
double hars_calibrate_auroc(const hars_dataset_t *set,
    const hars_vote_t *votes);

/* -1: there is nothing to tell apart */
double hars_report_auroc(const hars_dataset_t *set,
    const hars_vote_t *votes);
void hars_report(const hars_dataset_t *set, const hars_vote_t *votes,
    hars_report_t *report);
void hars_report_print(const hars_dataset_t *set,
    const hars_report_t *report);
void hars_report_json(const hars_dataset_t *set, const hars_report_t *report,
    const char *model);

/* an SVG; what is wrong with the file is said on standard error */
int hars_plot(const hars_dataset_t *set, const hars_vote_t *votes,
    const hars_report_t *report, const char *path);


#endif /* HARS_ML_TRAIN_H */
