
/*
 * A recording as CSV, gzip or not: its first line names the columns, of which
 * one is the time (timestamp_s, or epoch_ms) and six are ax ay az (m/s2) gx gy
 * gz (rad/s); others may be asked for by --where column=value.  Rows whose
 * time does not grow are left out: a device's clock does not go back.
 */

#include "hars_wearable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>


#define HARS_REPLAY_COLUMNS  32
#define HARS_REPLAY_LINE     1024


struct hars_replay_s {
    const hars_wearable_options_t  *options;
    gzFile                          file;
    double                          unit;      /* us of the time column */
    double                          first;     /* the first row's time */
    uint64_t                        last;      /* us since */
    unsigned long                   line;
    unsigned                        begun:1;
    unsigned                        columns;
    unsigned                        at[7];     /* time, then the six */
    unsigned                        where[HARS_WEARABLE_WHERE];
    char                            text[HARS_REPLAY_LINE];
    char                           *cell[HARS_REPLAY_COLUMNS];
};


static int hars_replay_head(hars_replay_t *replay);
static int hars_replay_columns(hars_replay_t *replay);
static int hars_replay_column(const hars_replay_t *replay, const char *name,
    size_t len, unsigned *at);
static int hars_replay_line(hars_replay_t *replay);
static int hars_replay_is_asked(const hars_replay_t *replay);
static int hars_replay_number(const hars_replay_t *replay, unsigned column,
    double *value);
static int hars_replay_fail(const hars_replay_t *replay, const char *what);


hars_replay_t *
hars_replay_open(const hars_wearable_options_t *options)
{
    hars_replay_t  *replay;

    replay = calloc(1, sizeof(hars_replay_t));

    if (replay == NULL) {
        return NULL;
    }

    replay->options = options;
    replay->file = gzopen(options->recording, "re");

    if (replay->file == NULL) {
        (void) hars_replay_fail(replay, "cannot be opened");
        hars_replay_close(replay);
        return NULL;
    }

    if (hars_replay_head(replay) != HARS_OK) {
        hars_replay_close(replay);
        return NULL;
    }

    return replay;
}


void
hars_replay_close(hars_replay_t *replay)
{
    if (replay && replay->file) {
        gzclose(replay->file);
    }

    free(replay);
}


static int
hars_replay_head(hars_replay_t *replay)
{
    if (hars_replay_line(replay) != HARS_OK) {
        return hars_replay_fail(replay, "has no first line with the names of "
                                "its columns");
    }

    return hars_replay_columns(replay);
}


static int
hars_replay_columns(hars_replay_t *replay)
{
    unsigned            i;
    const char         *where, *end;
    static const char  *names[] = { "ax", "ay", "az", "gx", "gy", "gz" };

    if (hars_replay_column(replay, "timestamp_s", 11, &replay->at[0])
        == HARS_OK)
    {
        replay->unit = 1e6;

    } else if (hars_replay_column(replay, "epoch_ms", 8, &replay->at[0])
               == HARS_OK)
    {
        replay->unit = 1e3;

    } else {
        return hars_replay_fail(replay, "has no column timestamp_s or "
                                "epoch_ms");
    }

    for (i = 0; i < 6; i++) {
        if (hars_replay_column(replay, names[i], 2, &replay->at[i + 1])
            != HARS_OK)
        {
            return hars_replay_fail(replay, "needs the columns ax ay az gx "
                                    "gy gz");
        }
    }

    for (i = 0; i < replay->options->conditions; i++) {
        where = replay->options->where[i];
        end = strchr(where, '=');

        if (end == NULL
            || hars_replay_column(replay, where, (size_t) (end - where),
                                  &replay->where[i]) != HARS_OK)
        {
            return hars_replay_fail(replay, "has not the column of a --where "
                                    "column=value");
        }
    }

    return HARS_OK;
}


static int
hars_replay_column(const hars_replay_t *replay, const char *name, size_t len,
    unsigned *at)
{
    unsigned  i;

    for (i = 0; i < replay->columns; i++) {
        if (strlen(replay->cell[i]) == len
            && memcmp(replay->cell[i], name, len) == 0)
        {
            *at = i;
            return HARS_OK;
        }
    }

    return HARS_DECLINED;
}


int
hars_replay_next(hars_replay_t *replay, uint64_t *us, float value[6])
{
    int       rc;
    double    number;
    unsigned  i;

    for ( ;; ) {
        rc = hars_replay_line(replay);

        if (rc != HARS_OK) {
            return rc;
        }

        if (!hars_replay_is_asked(replay)) {
            continue;
        }

        if (hars_replay_number(replay, 0, &number) != HARS_OK) {
            return HARS_ERROR;
        }

        if (!replay->begun) {
            replay->first = number;
        }

        number = (number - replay->first) * replay->unit;

        if (replay->begun && !(number > (double) replay->last
                               && number < 1e15))
        {
            continue;
        }

        break;
    }

    *us = replay->last = (uint64_t) llround(number);
    replay->begun = 1;

    for (i = 0; i < 6; i++) {
        if (hars_replay_number(replay, i + 1, &number) != HARS_OK) {
            return HARS_ERROR;
        }

        value[i] = (float) number;

        if (fabs(number) > (i < 3 ? HARS_FOG_ACCEL : HARS_FOG_ROTATION)) {
            return hars_replay_fail(replay, "is no acceleration in m/s2 or "
                                    "rotation in rad/s");
        }
    }

    return HARS_OK;
}


static int
hars_replay_line(hars_replay_t *replay)
{
    char  *p;

    if (gzgets(replay->file, replay->text, sizeof(replay->text)) == NULL) {
        return gzeof(replay->file) ? HARS_DECLINED
                                   : hars_replay_fail(replay, "is broken");
    }

    replay->line++;
    p = replay->text + strcspn(replay->text, "\r\n");

    if (*p == '\0' && !gzeof(replay->file)) {
        return hars_replay_fail(replay, "is too long a line");
    }

    *p = '\0';
    p = replay->text;
    replay->columns = 0;

    while (p && replay->columns < HARS_REPLAY_COLUMNS) {
        replay->cell[replay->columns++] = strsep(&p, ",");
    }

    return HARS_OK;
}


static int
hars_replay_is_asked(const hars_replay_t *replay)
{
    unsigned  i;

    for (i = 0; i < replay->options->conditions; i++) {
        if (replay->where[i] >= replay->columns
            || strcmp(replay->cell[replay->where[i]],
                      strchr(replay->options->where[i], '=') + 1) != 0)
        {
            return 0;
        }
    }

    return 1;
}


static int
hars_replay_number(const hars_replay_t *replay, unsigned column,
    double *value)
{
    char  *end;

    if (replay->at[column] >= replay->columns) {
        return hars_replay_fail(replay, "has too few columns");
    }

    *value = strtod(replay->cell[replay->at[column]], &end);

    if (end == replay->cell[replay->at[column]] || *end != '\0'
        || !isfinite(*value))
    {
        return hars_replay_fail(replay, "has no number where one has to be");
    }

    return HARS_OK;
}


static int
hars_replay_fail(const hars_replay_t *replay, const char *what)
{
    fprintf(stderr, "hars-wearable: --recording %s:%lu: %s\n",
            replay->options->recording, replay->line, what);

    return HARS_ERROR;
}
