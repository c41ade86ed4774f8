
/* See hars_replay.h for what this is.  The only user of zlib here. */

#include "hars_replay.h"
#include "hars_columns.h"
#include "hars_record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>


#define HARS_REPLAY_LINE   4096
#define HARS_REPLAY_STEPS  4096           /* that the rate is taken from */
#define HARS_REPLAY_EPOCH  1000000000     /* s: later is since 1970 */
#define HARS_REPLAY_LAST   4102444800     /* s: 2100 */
#define HARS_REPLAY_PAUSE  1000000        /* us, between two pieces */
#define HARS_REPLAY_GAP    10000000       /* us */


struct hars_replay_s {
    gzFile           gz;
    EVP_MD_CTX      *digest;
    hars_columns_t   columns;
    unsigned         line;                /* that was read last */
    char            *error;

    /* the row that was read last, and is in no part yet */
    char             text[HARS_REPLAY_LINE];
    const char      *value[HARS_COLUMNS];
    unsigned         pending:1;
    unsigned         broken:1;            /* another piece begins with it */
    int64_t          t_us;                /* on the replay's clock */

    size_t           piece;               /* that the row is of */
    unsigned         begun:1;
    unsigned         epoch:1;
    int64_t          file_us;             /* the same as the file has it */
    int64_t          base_us;             /* from there to the clock */
    int64_t          first_us;
};


static int hars_replay_head(hars_replay_t *replay);
static int hars_replay_line(hars_replay_t *replay);
static int hars_replay_row(hars_replay_t *replay);
static int hars_replay_values(hars_replay_t *replay, double *t);
static int hars_replay_clock(hars_replay_t *replay, double t);
static int hars_replay_cut(const hars_replay_t *replay,
    const hars_survey_t *survey, unsigned seconds, int64_t first_us);
static void hars_replay_add(hars_replay_t *replay, int64_t shift_us,
    hars_text_t *body);
static int hars_replay_look(hars_replay_t *replay, hars_survey_t *survey);
static int hars_replay_piece(hars_survey_t *survey, int64_t end_us);
static double hars_replay_rate(double *step, size_t n);
static int hars_replay_compare(const void *one, const void *two);
static int hars_replay_finish(hars_replay_t *replay, hars_survey_t *survey);
static int hars_replay_failed(hars_replay_t *replay, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


hars_replay_t *
hars_replay_open(const char *file, char error[HARS_REPLAY_ERROR])
{
    hars_replay_t  *replay;

    replay = calloc(1, sizeof(hars_replay_t));

    if (replay == NULL) {
        snprintf(error, HARS_REPLAY_ERROR, "there is no memory");
        return NULL;
    }

    replay->error = error;
    replay->gz = gzopen(file, "rbe");
    replay->digest = EVP_MD_CTX_new();

    if (replay->gz == NULL) {
        snprintf(error, HARS_REPLAY_ERROR, "%s", strerror(errno));
        hars_replay_close(replay);
        return NULL;
    }

    if (replay->digest == NULL
        || EVP_DigestInit_ex(replay->digest, EVP_sha256(), NULL) != 1
        || hars_replay_head(replay) != HARS_OK)
    {
        hars_replay_close(replay);
        return NULL;
    }

    return replay;
}


void
hars_replay_close(hars_replay_t *replay)
{
    if (replay) {
        if (replay->gz) {
            gzclose(replay->gz);
        }

        EVP_MD_CTX_free(replay->digest);
        free(replay);
    }
}


static int
hars_replay_head(hars_replay_t *replay)
{
    char  *line;

    if (hars_replay_line(replay) == HARS_ERROR) {
        return HARS_ERROR;
    }

    /* a byte order mark, as spreadsheets write it */

    line = replay->text;
    line += strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    if (replay->line == 0
        || hars_columns_head(&replay->columns, line) != HARS_OK)
    {
        return hars_replay_failed(replay, "its first line has to name the "
                                  "columns t_s (timestamp_s, epoch_ms), ax, "
                                  "ay, az, gx, gy, gz");
    }

    return HARS_OK;
}


/* the next line without its end; HARS_DECLINED: there is none */
static int
hars_replay_line(hars_replay_t *replay)
{
    int     code;
    size_t  len;

    replay->text[0] = '\0';

    if (gzgets(replay->gz, replay->text, sizeof(replay->text)) == NULL) {
        (void) gzerror(replay->gz, &code);

        return code == Z_OK || code == Z_STREAM_END
               ? HARS_DECLINED
               : hars_replay_failed(replay, "cannot be read to its end: the "
                                    "gzip data is damaged or cut");
    }

    replay->line++;
    len = strlen(replay->text);

    if (len == 0 || (replay->text[len - 1] != '\n' && !gzeof(replay->gz))) {
        return hars_replay_failed(replay, "line %u is no line of text, or "
                                  "longer than %d bytes", replay->line,
                                  HARS_REPLAY_LINE - 2);
    }

    if (EVP_DigestUpdate(replay->digest, replay->text, len) != 1) {
        return hars_replay_failed(replay, "SHA-256 cannot be had");
    }

    replay->text[strcspn(replay->text, "\r\n")] = '\0';

    return HARS_OK;
}


/* makes a row pending, unless one is; HARS_DECLINED: there is none */
static int
hars_replay_row(hars_replay_t *replay)
{
    int     rc;
    double  t;

    if (replay->pending) {
        return HARS_OK;
    }

    do {
        rc = hars_replay_line(replay);

        if (rc != HARS_OK) {
            return rc;
        }

    } while (replay->text[0] == '\0');

    if (hars_replay_values(replay, &t) != HARS_OK
        || hars_replay_clock(replay, t) != HARS_OK)
    {
        return HARS_ERROR;
    }

    replay->pending = 1;

    return HARS_OK;
}


static int
hars_replay_values(hars_replay_t *replay, double *t)
{
    int        at;
    char      *field[HARS_COLUMNS_MAX];
    double     value;
    unsigned   i, n;

    n = hars_columns_split(replay->text, field);

    for (i = 0; i < HARS_COLUMNS; i++) {
        at = replay->columns.at[i];

        if (at >= (int) n
            || hars_columns_number(field[at], &value) != HARS_OK
            || (i == 0 && isnan(value)))
        {
            return hars_replay_failed(replay, "line %u has no number in the "
                                      "column %s", replay->line,
                                      hars_columns_name(i));
        }

        if (i == 0) {
            *t = replay->columns.epoch_ms ? value / 1000 : value;
        }

        replay->value[i] = field[at];
    }

    return HARS_OK;
}


static int
hars_replay_clock(hars_replay_t *replay, double t)
{
    int64_t  us, before;

    if (t < 0 || t >= HARS_REPLAY_LAST) {
        return hars_replay_failed(replay, "line %u has a time that is "
                                  "neither seconds from 0 nor since 1970",
                                  replay->line);
    }

    us = llround(t * 1e6);
    before = replay->t_us;
    replay->broken = 0;

    if (!replay->begun) {
        replay->begun = 1;
        replay->epoch = (t >= HARS_REPLAY_EPOCH);
        replay->first_us = us;

    } else if (us < replay->file_us) {
        replay->broken = 1;

        if (!replay->epoch) {
            replay->base_us = before + HARS_REPLAY_PAUSE - us;
        }

    } else if (us - replay->file_us > HARS_REPLAY_GAP) {
        replay->broken = 1;
    }

    replay->piece += replay->broken;
    replay->file_us = us;
    replay->t_us = us + replay->base_us;

    return HARS_OK;
}


int
hars_replay_part(hars_replay_t *replay, const hars_survey_t *survey,
    unsigned seconds, int64_t shift_us, hars_part_t *part,
    char error[HARS_REPLAY_ERROR])
{
    int      rc;
    int64_t  first_us;

    replay->error = error;
    part->rows = 0;
    part->body.len = 0;

    rc = hars_replay_row(replay);

    if (rc != HARS_OK) {
        return rc;
    }

    first_us = replay->t_us;
    part->offset_us = first_us - replay->first_us;
    hars_text_puts(&part->body, "t_s,ax,ay,az,gx,gy,gz\n");

    do {
        hars_replay_add(replay, shift_us, &part->body);
        part->end_us = replay->t_us - replay->first_us;
        part->rows++;
        replay->pending = 0;

        rc = hars_replay_row(replay);

    } while (rc == HARS_OK && !hars_replay_cut(replay, survey, seconds,
                                               first_us));

    if (part->body.failed) {
        return hars_replay_failed(replay, "there is no memory");
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* does another part begin with the row that is pending? */
static int
hars_replay_cut(const hars_replay_t *replay, const hars_survey_t *survey,
    unsigned seconds, int64_t first_us)
{
    if (replay->broken) {
        return 1;
    }

    /* a file that has grown since has more pieces than were seen */

    return replay->t_us - first_us >= (int64_t) seconds * 1000000
           && (replay->piece >= survey->pieces
               || survey->end_us[replay->piece] - replay->t_us
                  >= HARS_REPLAY_LEAST);
}


static void
hars_replay_add(hars_replay_t *replay, int64_t shift_us, hars_text_t *body)
{
    size_t       len;
    int64_t      us;
    unsigned     i;
    const char  *value;

    us = replay->t_us + shift_us;
    hars_text_print(body, "%" PRId64 ".%06" PRId64, us / 1000000,
                    us % 1000000);

    for (i = 1; i < HARS_COLUMNS; i++) {
        value = replay->value[i] + strspn(replay->value[i], " ");
        len = strcspn(value, " ");

        hars_text_add(body, ",", 1);
        hars_text_add(body, value, len);
    }

    hars_text_add(body, "\n", 1);
}


int
hars_replay_survey(const char *file, hars_survey_t *survey,
    char error[HARS_REPLAY_ERROR])
{
    int             rc;
    hars_replay_t  *replay;

    memset(survey, 0, sizeof(hars_survey_t));

    replay = hars_replay_open(file, error);

    if (replay == NULL) {
        return HARS_ERROR;
    }

    rc = hars_replay_look(replay, survey);

    if (rc == HARS_OK) {
        rc = hars_replay_finish(replay, survey);
    }

    hars_replay_close(replay);

    if (rc != HARS_OK) {
        hars_survey_free(survey);
    }

    return rc;
}


void
hars_survey_free(hars_survey_t *survey)
{
    free(survey->end_us);
    survey->end_us = NULL;
    survey->pieces = 0;
}


static int
hars_replay_look(hars_replay_t *replay, hars_survey_t *survey)
{
    int      rc;
    double   step[HARS_REPLAY_STEPS];
    size_t   n;
    int64_t  last_us;

    n = 0;
    last_us = 0;

    while ((rc = hars_replay_row(replay)) == HARS_OK) {

        if (replay->broken && hars_replay_piece(survey, last_us) != HARS_OK)
        {
            return hars_replay_failed(replay, "there is no memory");
        }

        if (survey->rows && replay->t_us > last_us && !replay->broken
            && n < HARS_REPLAY_STEPS)
        {
            step[n++] = (double) (replay->t_us - last_us);
        }

        last_us = replay->t_us;
        survey->rows++;
        replay->pending = 0;
    }

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    survey->epoch = replay->epoch;
    survey->first_us = replay->first_us;
    survey->length_us = last_us - replay->first_us;
    survey->rate = hars_replay_rate(step, n);

    return hars_replay_piece(survey, last_us) == HARS_OK
           ? HARS_OK : hars_replay_failed(replay, "there is no memory");
}


static int
hars_replay_piece(hars_survey_t *survey, int64_t end_us)
{
    int64_t  *p;

    /* room doubles: it is full at each power of two */

    if ((survey->pieces & (survey->pieces - 1)) == 0) {
        p = realloc(survey->end_us, (survey->pieces ? 2 * survey->pieces : 1)
                                    * sizeof(int64_t));

        if (p == NULL) {
            return HARS_ERROR;
        }

        survey->end_us = p;
    }

    survey->end_us[survey->pieces++] = end_us;

    return HARS_OK;
}


static double
hars_replay_rate(double *step, size_t n)
{
    if (n == 0) {
        return 0;
    }

    qsort(step, n, sizeof(double), hars_replay_compare);

    return 1e6 / step[n / 2];
}


static int
hars_replay_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


static int
hars_replay_finish(hars_replay_t *replay, hars_survey_t *survey)
{
    unsigned       i;
    unsigned char  digest[HARS_SHA256_LEN];

    if (survey->rate == 0) {
        return hars_replay_failed(replay, "has no two records at different "
                                  "times in seconds");
    }

    if (EVP_DigestFinal_ex(replay->digest, digest, NULL) != 1) {
        return hars_replay_failed(replay, "SHA-256 cannot be had");
    }

    for (i = 0; i < HARS_REPLAY_ID / 2; i++) {
        snprintf(survey->id + 2 * i, 3, "%02x", digest[i]);
    }

    return HARS_OK;
}


static int
hars_replay_failed(hars_replay_t *replay, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(replay->error, HARS_REPLAY_ERROR, fmt, args);
    va_end(args);

    return HARS_ERROR;
}
