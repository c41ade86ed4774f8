
/*
 * A recording as the ML service takes it:
 *
 *     {"sampling_rate_hz":50,"samples":[[t_s,ax,ay,az,gx,gy,gz],...]}
 *
 * from CSV with a header line that names the columns: t_s or timestamp_s, and
 * ax ay az (m/s^2, with gravity) gx gy gz (rad/s), in any order, others are
 * passed over.  An empty field is a missing value.  The rate is the one that
 * the times have, by the median of their steps.  What begins with "{" is sent
 * as it is.  Whether a recording makes sense is the service's to say.  Pure.
 */

#include "hars_client.h"
#include "hars_columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    hars_columns_t  columns;
    unsigned      line;
    double       *t;                      /* of all rows */
    size_t        n;
    size_t        size;
    hars_text_t   samples;
    char         *error;
    size_t        error_size;
} hars_csv_t;


static int hars_csv_read(hars_csv_t *csv, char *text);
static char *hars_csv_line(char **text);
static int hars_csv_row(hars_csv_t *csv, char *line);
static int hars_csv_time(hars_csv_t *csv, double t);
static int hars_csv_rate(hars_csv_t *csv, double *rate);
static int hars_csv_compare(const void *one, const void *two);


int
hars_recording_body(hars_text_t *text, char *error, size_t size)
{
    int          rc;
    char         head[64];
    double       rate;
    hars_csv_t   csv;
    hars_text_t  body;

    if (text->data[strspn(text->data, " \t\r\n")] == '{') {
        return HARS_OK;
    }

    memset(&csv, 0, sizeof(csv));
    memset(&body, 0, sizeof(body));

    csv.error = error;
    csv.error_size = size;

    rc = HARS_ERROR;

    if (strlen(text->data) != text->len) {
        snprintf(error, size, "is neither CSV nor JSON");
        goto done;
    }

    if (hars_csv_read(&csv, text->data) != HARS_OK
        || hars_csv_rate(&csv, &rate) != HARS_OK)
    {
        goto done;
    }

    snprintf(head, sizeof(head), "{\"sampling_rate_hz\":%.6g,\"samples\":[",
             rate);

    hars_text_puts(&body, head);
    hars_text_add(&body, csv.samples.data, csv.samples.len);
    hars_text_puts(&body, "]}");

    if (body.failed || csv.samples.failed) {
        snprintf(error, size, "is too large for the memory there is");
        hars_text_free(&body);
        goto done;
    }

    hars_text_free(text);
    *text = body;
    rc = HARS_OK;

done:

    hars_text_free(&csv.samples);
    free(csv.t);

    return rc;
}


static int
hars_csv_read(hars_csv_t *csv, char *text)
{
    char  *line;

    /* a byte order mark, as spreadsheets write it */

    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }

    line = hars_csv_line(&text);
    csv->line = 1;

    if (line == NULL || hars_columns_head(&csv->columns, line) != HARS_OK) {
        snprintf(csv->error, csv->error_size, "its first line has to name "
                 "the columns t_s (or timestamp_s), ax, ay, az, gx, gy, gz");
        return HARS_ERROR;
    }

    while ((line = hars_csv_line(&text)) != NULL) {
        csv->line++;

        if (*line && hars_csv_row(csv, line) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static char *
hars_csv_line(char **text)
{
    char    *line;
    size_t   len;

    line = *text;

    if (*line == '\0') {
        return NULL;
    }

    len = strcspn(line, "\n");
    *text += len + (line[len] == '\n');

    if (len && line[len - 1] == '\r') {
        len--;
    }

    line[len] = '\0';

    return line;
}


static int
hars_csv_row(hars_csv_t *csv, char *line)
{
    char      *field[HARS_COLUMNS_MAX], number[32];
    double     value;
    unsigned   k, n;

    n = hars_columns_split(line, field);

    for (k = 0; k < HARS_COLUMNS; k++) {

        if (csv->columns.at[k] >= (int) n
            || hars_columns_number(field[csv->columns.at[k]], &value) != HARS_OK
            || (k == 0 && isnan(value)))
        {
            snprintf(csv->error, csv->error_size, "line %u has no number in "
                     "the column %s", csv->line, hars_columns_name(k));
            return HARS_ERROR;
        }

        if (isnan(value)) {
            hars_text_puts(&csv->samples, ",null");
            continue;
        }

        if (k == 0) {
            value = csv->columns.epoch_ms ? value / 1000 : value;

            if (hars_csv_time(csv, value) != HARS_OK) {
                return HARS_ERROR;
            }

            hars_text_puts(&csv->samples, csv->n > 1 ? ",[" : "[");
            snprintf(number, sizeof(number), "%.16g", value);

        } else {
            snprintf(number, sizeof(number), ",%.9g", value);
        }

        hars_text_puts(&csv->samples, number);
    }

    hars_text_puts(&csv->samples, "]");

    return HARS_OK;
}


static int
hars_csv_time(hars_csv_t *csv, double t)
{
    double  *p;
    size_t   size;

    if (csv->n == csv->size) {
        size = 2 * csv->size + 1024;
        p = realloc(csv->t, size * sizeof(double));

        if (p == NULL) {
            snprintf(csv->error, csv->error_size, "is too large for the "
                     "memory there is");
            return HARS_ERROR;
        }

        csv->t = p;
        csv->size = size;
    }

    csv->t[csv->n++] = t;

    return HARS_OK;
}


/* the median of the steps: gaps and packets that come at once do not count */
static int
hars_csv_rate(hars_csv_t *csv, double *rate)
{
    double  step;
    size_t  i, n;

    for (i = 1, n = 0; i < csv->n; i++) {
        step = csv->t[i] - csv->t[i - 1];

        if (step > 0 && isfinite(1 / step)) {
            csv->t[n++] = step;
        }
    }

    if (n == 0) {
        snprintf(csv->error, csv->error_size, "has no two records at "
                 "different times in seconds");
        return HARS_ERROR;
    }

    qsort(csv->t, n, sizeof(double), hars_csv_compare);

    *rate = 1 / csv->t[n / 2];

    return HARS_OK;
}


static int
hars_csv_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}
