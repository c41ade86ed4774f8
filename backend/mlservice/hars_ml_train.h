
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

    unsigned           nclasses;
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
    float              weight;             /* of the forest, 0 to 1 */
    unsigned           unrounded:1;        /* prototypes stay float */
} hars_fit_t;


/* truth in rows, answers in columns */
typedef struct {
    size_t             n;
    size_t             confusion[HARS_ML_CLASSES][HARS_ML_CLASSES];
    double             accuracy;
    double             macro_f1;
    double             recall[HARS_ML_CLASSES];
    double             precision[HARS_ML_CLASSES];
    double             f1[HARS_ML_CLASSES];

    size_t             right[HARS_ML_PEOPLE];
    size_t             windows[HARS_ML_PEOPLE];
} hars_report_t;


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

/* fits a model to the windows whose "use" is not zero; without meta text */
hars_model_t *hars_fit(const hars_dataset_t *set, const uint8_t *use,
    const hars_fit_t *fit);

/*
 * Extra trees: each split the best of "tries" random ones.  The same seed
 * makes the same trees.
 */
int hars_grow(hars_forest_t *forest, const hars_dataset_t *set,
    const uint8_t *use, const hars_fit_t *fit);

/* people to folds of about equal windows, the rule of GroupKFold */
void hars_folds(const hars_dataset_t *set, unsigned folds, uint8_t *fold);

/* leaves people out, fold by fold */
int hars_evaluate_folds(const hars_dataset_t *set, const hars_fit_t *fit,
    unsigned folds, int progress, hars_report_t *report);

/* one model, asked for all windows; HARS_ERROR: it lacks a class */
int hars_evaluate_model(const hars_dataset_t *set, const hars_model_t *model,
    int progress, hars_report_t *report, char *error, size_t size);
void hars_report_print(const hars_dataset_t *set,
    const hars_report_t *report);


#endif /* HARS_ML_TRAIN_H */
