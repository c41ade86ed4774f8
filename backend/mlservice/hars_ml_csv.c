
/*
 * Recordings from CSV files, plain or gzip: a heading that names the columns
 * subject, activity, trial, timestamp_s (or t_s), ax to gz in any order, then
 * one record a line.  A trial is a run of lines with one subject, activity
 * and trial.  An empty field and "nan" are missing values; anything else
 * that is no number is an error that names file, line and column.
 */


#include "hars_ml_train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>


#define HARS_CSV_LINE      1024
#define HARS_CSV_COLUMNS   32


enum {
    hars_csv_subject = 0, hars_csv_activity, hars_csv_trial, hars_csv_time,
    hars_csv_axes, hars_csv_all = hars_csv_axes + HARS_ML_AXES
};


typedef struct {
    const char     *path;
    unsigned        line;
    unsigned        columns;                /* of the heading */
    int             at[hars_csv_all];       /* where each one is; -1: not */

    hars_trial_t    trial;
    size_t          size;                   /* samples there is room for */
    hars_trial_pt   take;
    void           *data;

    char           *error;
    size_t          error_size;
} hars_csv_t;


static int hars_csv_last(hars_csv_t *csv, gzFile gz);
static int hars_csv_heading(hars_csv_t *csv, char *line);
static int hars_csv_record(hars_csv_t *csv, char *line);
static unsigned hars_csv_split(char *line, char **field);
static int hars_csv_number(hars_csv_t *csv, unsigned which, const char *field,
    double *value);
static int hars_csv_begin(hars_csv_t *csv, char **field);
static int hars_csv_end(hars_csv_t *csv);
static int hars_csv_add(hars_csv_t *csv, const hars_sample_t *sample);
static int hars_csv_fail(hars_csv_t *csv, const char *what,
    const char *column);


static const char  *hars_csv_name[hars_csv_all] = {
    "subject", "activity", "trial", "timestamp_s",
    "ax", "ay", "az", "gx", "gy", "gz"
};


int
hars_csv_read(const char *path, hars_trial_pt take, void *data, char *error,
    size_t size)
{
    int         rc;
    char        line[HARS_CSV_LINE];
    gzFile      gz;
    hars_csv_t  csv;

    memset(&csv, 0, sizeof(csv));
    csv.path = path;
    csv.take = take;
    csv.data = data;
    csv.error = error;
    csv.error_size = size;

    gz = gzopen(path, "rb");
    if (gz == NULL) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        return HARS_ERROR;
    }

    rc = HARS_OK;

    while (rc == HARS_OK && gzgets(gz, line, sizeof(line)) != NULL) {
        csv.line++;

        if (strchr(line, '\n') == NULL) {
            rc = hars_csv_last(&csv, gz);

            if (rc != HARS_OK) {
                break;
            }
        }

        line[strcspn(line, "\r\n")] = '\0';

        rc = csv.line == 1 ? hars_csv_heading(&csv, line)
                           : hars_csv_record(&csv, line);
    }

    if (rc == HARS_OK) {
        rc = hars_csv_last(&csv, gz);
    }

    if (rc == HARS_OK) {
        rc = csv.line ? hars_csv_end(&csv)
                      : hars_csv_fail(&csv, "the file is empty", NULL);
    }

    free(csv.trial.rec.sample);
    gzclose(gz);

    return rc;
}


/* nothing more came, or no line feed did: is this the end of the file? */
static int
hars_csv_last(hars_csv_t *csv, gzFile gz)
{
    int  number;

    (void) gzerror(gz, &number);

    if (number != Z_OK && number != Z_STREAM_END) {
        return hars_csv_fail(csv, "the file is cut off or damaged", NULL);
    }

    if (!gzeof(gz)) {
        return hars_csv_fail(csv, "the line is too long", NULL);
    }

    return HARS_OK;
}


static int
hars_csv_heading(hars_csv_t *csv, char *line)
{
    char      *field[HARS_CSV_COLUMNS];
    unsigned   i, k;

    csv->columns = hars_csv_split(line, field);

    for (k = 0; k < hars_csv_all; k++) {
        csv->at[k] = -1;

        for (i = 0; i < csv->columns; i++) {
            if (strcmp(field[i], hars_csv_name[k]) == 0
                || (k == hars_csv_time && strcmp(field[i], "t_s") == 0))
            {
                csv->at[k] = (int) i;
            }
        }

        if (csv->at[k] < 0) {
            return hars_csv_fail(csv, "the heading has no column",
                                 hars_csv_name[k]);
        }
    }

    return HARS_OK;
}


static int
hars_csv_record(hars_csv_t *csv, char *line)
{
    char           *field[HARS_CSV_COLUMNS];
    unsigned        i;
    hars_trial_t   *trial;
    hars_sample_t   sample;

    if (hars_csv_split(line, field) != csv->columns) {
        return hars_csv_fail(csv, "not as many fields as the heading", NULL);
    }

    trial = &csv->trial;

    if (strcmp(field[csv->at[hars_csv_subject]], trial->subject) != 0
        || strcmp(field[csv->at[hars_csv_activity]], trial->activity) != 0
        || strcmp(field[csv->at[hars_csv_trial]], trial->trial) != 0)
    {
        if (hars_csv_end(csv) != HARS_OK
            || hars_csv_begin(csv, field) != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    if (hars_csv_number(csv, hars_csv_time, field[csv->at[hars_csv_time]],
                        &sample.t)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    for (i = 0; i < HARS_ML_AXES; i++) {
        if (hars_csv_number(csv, hars_csv_axes + i,
                            field[csv->at[hars_csv_axes + i]], &sample.v[i])
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return hars_csv_add(csv, &sample);
}


static unsigned
hars_csv_split(char *line, char **field)
{
    unsigned  n;

    for (n = 0; n < HARS_CSV_COLUMNS; /* void */ ) {
        field[n++] = line;
        line = strchr(line, ',');

        if (line == NULL) {
            break;
        }

        *line++ = '\0';
    }

    return n;
}


static int
hars_csv_number(hars_csv_t *csv, unsigned which, const char *field,
    double *value)
{
    char  *end;

    *value = NAN;

    if (*field == '\0' && which != hars_csv_time) {
        return HARS_OK;
    }

    *value = strtod(field, &end);

    if (end == field || *end != '\0') {
        return hars_csv_fail(csv, "no number in column",
                             hars_csv_name[which]);
    }

    return HARS_OK;
}


static int
hars_csv_begin(hars_csv_t *csv, char **field)
{
    char      *to[] = {
        csv->trial.subject, csv->trial.activity, csv->trial.trial
    };
    unsigned   i;

    for (i = 0; i < 3; i++) {
        if (strlen(field[csv->at[i]]) >= HARS_ML_NAME) {
            return hars_csv_fail(csv, "too long a name in column",
                                 hars_csv_name[i]);
        }

        strcpy(to[i], field[csv->at[i]]);
    }

    return HARS_OK;
}


static int
hars_csv_end(hars_csv_t *csv)
{
    int  rc;

    if (csv->trial.rec.n == 0) {
        return HARS_OK;
    }

    rc = csv->take(csv->data, &csv->trial, csv->error, csv->error_size);
    csv->trial.rec.n = 0;

    return rc;
}


static int
hars_csv_add(hars_csv_t *csv, const hars_sample_t *sample)
{
    size_t             size;
    hars_sample_t     *p;
    hars_recording_t  *rec;

    rec = &csv->trial.rec;

    if (rec->n == csv->size) {
        size = csv->size ? 2 * csv->size : 4096;

        p = realloc(rec->sample, size * sizeof(hars_sample_t));
        if (p == NULL) {
            return hars_csv_fail(csv, "no memory", NULL);
        }

        rec->sample = p;
        csv->size = size;
    }

    rec->sample[rec->n++] = *sample;

    return HARS_OK;
}


static int
hars_csv_fail(hars_csv_t *csv, const char *what, const char *column)
{
    snprintf(csv->error, csv->error_size, "%s:%u: %s%s%s", csv->path,
             csv->line, what, column ? " " : "", column ? column : "");

    return HARS_ERROR;
}
