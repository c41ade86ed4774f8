
/*
 * The windows of a folder of recordings, with their features: each trial
 * goes through the very pipeline that the service uses.  Classes and people
 * are numbered in the order of their names, whatever the order of files, so
 * that a training does not depend on a folder's listing.
 */


#include "hars_ml_train.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    hars_dataset_t   *set;
    hars_features_t  *features;
    hars_windows_t    windows;
    unsigned          class;
    unsigned          person;
    hars_run_t        run;
    int               failed;
} hars_collector_t;


static int hars_dataset_files(hars_dataset_t *set, const char *dir,
    int progress, hars_collector_t *c, char *error, size_t size);
static int hars_dataset_is_csv(const struct dirent *entry);
static int hars_dataset_trial(void *data, hars_trial_t *trial, char *error,
    size_t size);
static int hars_dataset_prepare(hars_trial_t *trial, char *error,
    size_t size);
static void hars_dataset_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
static int hars_dataset_grow(hars_dataset_t *set);
static int hars_dataset_number(char (*name)[HARS_ML_NAME], unsigned *n,
    unsigned max, const char *wanted);
static void hars_dataset_sort(hars_dataset_t *set);
static unsigned hars_dataset_rank(char (*name)[HARS_ML_NAME], unsigned n,
    unsigned i);
static int hars_dataset_compare(const void *one, const void *two);
static int hars_dataset_is_other(const char *name);


hars_dataset_t *
hars_dataset_read(const char *dir, int progress, char *error, size_t size)
{
    int                rc;
    hars_dataset_t    *set;
    hars_collector_t  *c;

    set = calloc(1, sizeof(hars_dataset_t));
    c = calloc(1, sizeof(hars_collector_t));
    rc = HARS_ERROR;

    if (set == NULL || c == NULL) {
        snprintf(error, size, "no memory");
        goto done;
    }

    c->set = set;
    c->features = hars_features_create();

    if (c->features == NULL) {
        snprintf(error, size, "no memory");
        goto done;
    }

    rc = hars_dataset_files(set, dir, progress, c, error, size);

    if (rc == HARS_OK) {
        hars_dataset_sort(set);
    }

done:

    if (c != NULL) {
        hars_features_free(c->features);
        free(c);
    }

    if (rc != HARS_OK) {
        hars_dataset_free(set);
        return NULL;
    }

    return set;
}


void
hars_dataset_free(hars_dataset_t *set)
{
    if (set == NULL) {
        return;
    }

    free(set->input);
    free(set->class);
    free(set->person);
    free(set->trial);
    free(set);
}


static int
hars_dataset_files(hars_dataset_t *set, const char *dir, int progress,
    hars_collector_t *c, char *error, size_t size)
{
    int              i, n, rc;
    char             path[4096];
    struct dirent  **entry;

    n = scandir(dir, &entry, hars_dataset_is_csv, alphasort);
    if (n < 0) {
        snprintf(error, size, "%s: %s", dir, strerror(errno));
        return HARS_ERROR;
    }

    rc = HARS_OK;

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);

        if (rc == HARS_OK) {
            rc = hars_csv_read(path, hars_dataset_trial, c, error, size);
        }

        if (progress && rc == HARS_OK) {
            fprintf(stderr, "read %d/%d %s: %zu windows so far\n", i + 1, n,
                    entry[i]->d_name, set->n);
        }

        free(entry[i]);
    }

    free(entry);

    if (rc == HARS_OK && set->n == 0) {
        snprintf(error, size, "%s: no recording in *.csv or *.csv.gz", dir);
        return HARS_ERROR;
    }

    return rc;
}


static int
hars_dataset_is_csv(const struct dirent *entry)
{
    const char  *dot;

    /* what describes the people is no recording */
    if (strncmp(entry->d_name, "subjects.", 9) == 0) {
        return 0;
    }

    dot = strchr(entry->d_name, '.');

    return dot && (strcmp(dot, ".csv") == 0 || strcmp(dot, ".csv.gz") == 0);
}


static int
hars_dataset_trial(void *data, hars_trial_t *trial, char *error, size_t size)
{
    int                rc, class, person;
    size_t             i;
    hars_dataset_t    *set;
    hars_collector_t  *c = data;

    set = c->set;

    rc = hars_dataset_prepare(trial, error, size);
    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    set->trials++;
    set->empty += trial->rec.empty;
    set->duplicates += trial->rec.duplicates;

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    class = hars_dataset_number(set->class_name, &set->nclasses,
                                HARS_ML_CLASSES, trial->activity);
    person = hars_dataset_number(set->person_name, &set->npeople,
                                 HARS_ML_PEOPLE, trial->subject);

    if (class < 0 || person < 0) {
        snprintf(error, size, "more than %d activities or %d people",
                 HARS_ML_CLASSES, HARS_ML_PEOPLE);
        return HARS_ERROR;
    }

    c->class = (unsigned) class;
    c->person = (unsigned) person;
    memset(&c->run, 0, sizeof(c->run));

    hars_windows_init(&c->windows, trial->rec.rate, hars_dataset_window, c);

    for (i = 0; i < trial->rec.n; i++) {
        hars_windows_push(&c->windows, &trial->rec.sample[i]);
    }

    hars_windows_end(&c->windows);

    if (c->failed) {
        snprintf(error, size, "no memory");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* HARS_DECLINED: too short for a window, which is no error */
static int
hars_dataset_prepare(hars_trial_t *trial, char *error, size_t size)
{
    double        *room;
    hars_fault_t   fault;

    if (hars_recording_clean(&trial->rec, &fault) != HARS_OK) {
        goto invalid;
    }

    if (hars_recording_is_short(&trial->rec)) {
        return HARS_DECLINED;
    }

    room = malloc(trial->rec.n * sizeof(double));
    if (room == NULL) {
        snprintf(error, size, "no memory");
        return HARS_ERROR;
    }

    /* files do not declare a rate */
    trial->rec.rate = hars_recording_rate(&trial->rec, room);
    free(room);

    if (hars_recording_judge(&trial->rec, &fault) == HARS_OK) {
        return HARS_OK;
    }

invalid:

    snprintf(error, size, "subject %s, %s, trial %s, row %ld: %s",
             trial->subject, trial->activity, trial->trial, fault.row,
             fault.detail);

    return HARS_ERROR;
}


static void
hars_dataset_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    hars_dataset_t    *set;
    hars_collector_t  *c = data;

    set = c->set;

    if (set->n == set->size && hars_dataset_grow(set) != HARS_OK) {
        c->failed = 1;
        return;
    }

    hars_inputs_run(&c->run, c->features, start, row, set->input[set->n]);
    set->class[set->n] = (uint8_t) c->class;
    set->person[set->n] = (uint16_t) c->person;
    set->trial[set->n] = (uint32_t) set->trials;
    set->n++;
}


static int
hars_dataset_grow(hars_dataset_t *set)
{
    void    *p;
    size_t   size;

    size = set->size ? 2 * set->size : 4096;

    p = realloc(set->input, size * sizeof(set->input[0]));
    if (p == NULL) {
        return HARS_ERROR;
    }

    set->input = p;

    p = realloc(set->class, size * sizeof(set->class[0]));
    if (p == NULL) {
        return HARS_ERROR;
    }

    set->class = p;

    p = realloc(set->person, size * sizeof(set->person[0]));
    if (p == NULL) {
        return HARS_ERROR;
    }

    set->person = p;

    p = realloc(set->trial, size * sizeof(set->trial[0]));
    if (p == NULL) {
        return HARS_ERROR;
    }

    set->trial = p;
    set->size = size;

    return HARS_OK;
}


static int
hars_dataset_number(char (*name)[HARS_ML_NAME], unsigned *n, unsigned max,
    const char *wanted)
{
    unsigned  i;

    for (i = 0; i < *n; i++) {
        if (strcmp(name[i], wanted) == 0) {
            return (int) i;
        }
    }

    if (*n == max) {
        return -1;
    }

    strcpy(name[i], wanted);

    return (int) (*n)++;
}


static void
hars_dataset_sort(hars_dataset_t *set)
{
    size_t    i;
    unsigned  class[HARS_ML_CLASSES], person[HARS_ML_PEOPLE], k;

    for (k = 0; k < set->nclasses; k++) {
        class[k] = hars_dataset_rank(set->class_name, set->nclasses, k);
    }

    for (k = 0; k < set->npeople; k++) {
        person[k] = hars_dataset_rank(set->person_name, set->npeople, k);
    }

    for (i = 0; i < set->n; i++) {
        set->class[i] = (uint8_t) class[set->class[i]];
        set->person[i] = (uint16_t) person[set->person[i]];
    }

    qsort(set->class_name, set->nclasses, HARS_ML_NAME,
          hars_dataset_compare);
    qsort(set->person_name, set->npeople, HARS_ML_NAME,
          hars_dataset_compare);

    while (set->nclasses
           && hars_dataset_is_other(set->class_name[set->nclasses - 1]))
    {
        set->nclasses--;
        set->nothers++;
    }
}


static unsigned
hars_dataset_rank(char (*name)[HARS_ML_NAME], unsigned n, unsigned i)
{
    unsigned  k, rank;

    rank = 0;

    for (k = 0; k < n; k++) {
        rank += hars_dataset_compare(name[k], name[i]) < 0;
    }

    return rank;
}


/* other activities, which are there to be refused, behind all others */
static int
hars_dataset_compare(const void *one, const void *two)
{
    int  rc;

    rc = hars_dataset_is_other(one) - hars_dataset_is_other(two);

    return rc ? rc : strcmp(one, two);
}


static int
hars_dataset_is_other(const char *name)
{
    return strncmp(name, "other_", 6) == 0;
}
