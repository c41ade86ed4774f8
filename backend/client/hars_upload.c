
/*
 * hars upload: files of samples to the data collecting mechanism, as a phone
 * would send them: a recording a minute, acknowledged one by one.
 *
 * A recording's id is the file's digest and its place in the file, so that
 * sending a file again sends nothing twice: what was interrupted goes on
 * where it ended.  Where the times of a file begin at 0 they are moved to
 * --start; without it the replay ends at the present, and a file that is
 * partly there already goes on with the time it began with.
 */

#include "hars_bearer.h"
#include "hars_client.h"
#include "hars_moment.h"
#include "hars_progress.h"
#include "hars_replay.h"
#include "hars_sender.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>


#define HARS_UPLOAD_SECONDS  60           /* of a recording */
#define HARS_UPLOAD_LEAST    2600000      /* us */


/* what is to be done, and with which file */
typedef struct {
    const hars_options_t  *options;
    hars_sender_t         *sender;
    unsigned               seconds;       /* of a part */
    double                 speed;         /* 0: as fast as it goes */
    int64_t                start_us;      /* -1: not given */

    const char            *file;
    hars_survey_t          survey;
    int64_t                shift_us;      /* from the file's times to those
                                             that are sent */
    unsigned               there:1;       /* so far all of it was there */
    double                 begun;         /* s, monotonic: of offset 0, as
                                             if sent then; -1: not yet */
    unsigned               sent;
    unsigned               skipped;
    unsigned               left_out;      /* samples */
    hars_progress_t        progress;
} hars_upload_t;


static int hars_upload_options(hars_upload_t *upload);
static int hars_upload_path(hars_upload_t *upload, const char *path);
static int hars_upload_directory(hars_upload_t *upload, const char *path);
static int hars_upload_is_data(const struct dirent *entry);
static int hars_upload_file(hars_upload_t *upload, const char *file);
static int hars_upload_start(hars_upload_t *upload);
static int hars_upload_first(const hars_upload_t *upload,
    int64_t *offset_us);
static int64_t hars_upload_end_now(const hars_upload_t *upload);
static int hars_upload_parts(hars_upload_t *upload);
static int hars_upload_part(hars_upload_t *upload, const hars_part_t *part);
static unsigned hars_upload_fits(const hars_part_t *part);
static void hars_upload_wait(hars_upload_t *upload, const hars_part_t *part);
static void hars_upload_id(const hars_upload_t *upload, int64_t offset_us,
    char id[HARS_SENDER_ID]);
static double hars_upload_clock(clockid_t id);
static void hars_upload_said(const hars_upload_t *upload);


int
hars_upload(const hars_options_t *options)
{
    int            i, rc;
    hars_upload_t  upload;

    memset(&upload, 0, sizeof(hars_upload_t));
    upload.options = options;

    if (hars_bearer_check("upload", options) != HARS_OK
        || hars_upload_options(&upload) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    upload.sender = hars_sender_create(options);

    if (upload.sender == NULL) {
        fprintf(stderr, "hars: there is no memory\n");
        return HARS_EXIT_REFUSED;
    }

    rc = HARS_EXIT_OK;

    for (i = 0; rc == HARS_EXIT_OK && i < options->files; i++) {
        rc = hars_upload_path(&upload, options->file_list[i]);
    }

    hars_sender_free(upload.sender);

    return rc;
}


static int
hars_upload_options(hars_upload_t *upload)
{
    char                  *end;
    const hars_options_t  *options;

    options = upload->options;

    if (options->files == 0 || options->placement == NULL) {
        fprintf(stderr, "hars: upload needs FILE or DIR and --placement; see "
                "--help\n");
        return HARS_ERROR;
    }

    upload->seconds = HARS_UPLOAD_SECONDS;

    if (options->seconds) {
        upload->seconds = (unsigned) strtoul(options->seconds, &end, 10);

        if (*end || options->seconds[0] == '-' || upload->seconds < 5
            || upload->seconds > 3600)
        {
            fprintf(stderr, "hars: --seconds has to be 5 to 3600\n");
            return HARS_ERROR;
        }
    }

    if (options->speed) {
        upload->speed = strtod(options->speed, &end);

        if (*end || end == options->speed || !(upload->speed >= 0)
            || upload->speed > 1e6)
        {
            fprintf(stderr, "hars: --speed has to be a number from 0 (as "
                    "fast as it goes), 1 is real time\n");
            return HARS_ERROR;
        }
    }

    upload->start_us = -1;

    if (options->start
        && hars_moment(options->start, (int64_t) time(NULL) * 1000000,
                       &upload->start_us) != HARS_OK)
    {
        fprintf(stderr, "hars: --start has to be seconds since 1970, as in "
                "2026-05-04T12:30:00Z, or now\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_upload_path(hars_upload_t *upload, const char *path)
{
    struct stat  sb;

    if (stat(path, &sb) == -1) {
        fprintf(stderr, "hars: %s: %s\n", path, strerror(errno));
        return HARS_EXIT_USAGE;
    }

    return S_ISDIR(sb.st_mode) ? hars_upload_directory(upload, path)
                               : hars_upload_file(upload, path);
}


/* its *.csv and *.csv.gz, by their names */
static int
hars_upload_directory(hars_upload_t *upload, const char *path)
{
    int              i, n, rc;
    char            *file;
    struct dirent  **entry;

    n = scandir(path, &entry, hars_upload_is_data, alphasort);

    if (n <= 0) {
        fprintf(stderr, "hars: %s: %s\n", path,
                n == 0 ? "has no *.csv or *.csv.gz" : strerror(errno));
        free(n == 0 ? entry : NULL);
        return HARS_EXIT_USAGE;
    }

    rc = HARS_EXIT_OK;

    for (i = 0; i < n; i++) {

        if (rc == HARS_EXIT_OK) {

            if (asprintf(&file, "%s/%s", path, entry[i]->d_name) == -1) {
                fprintf(stderr, "hars: there is no memory\n");
                rc = HARS_EXIT_REFUSED;

            } else {
                rc = hars_upload_file(upload, file);
                free(file);
            }
        }

        free(entry[i]);
    }

    free(entry);

    return rc;
}


static int
hars_upload_is_data(const struct dirent *entry)
{
    size_t       len;
    const char  *name;

    name = entry->d_name;
    len = strlen(name);

    return name[0] != '.'
           && ((len > 4 && strcmp(name + len - 4, ".csv") == 0)
               || (len > 7 && strcmp(name + len - 7, ".csv.gz") == 0));
}


static int
hars_upload_file(hars_upload_t *upload, const char *file)
{
    int   rc;
    char  error[HARS_REPLAY_ERROR];

    upload->file = file;
    upload->sent = 0;
    upload->skipped = 0;
    upload->left_out = 0;

    if (hars_replay_survey(file, &upload->survey, error) != HARS_OK)
    {
        fprintf(stderr, "hars: %s: %s\n", file, error);
        return HARS_EXIT_USAGE;
    }

    hars_sender_rate(upload->sender, upload->survey.rate);

    rc = hars_upload_start(upload);

    if (rc == HARS_EXIT_OK) {
        hars_progress_begin(&upload->progress, file);
        rc = hars_upload_parts(upload);
        hars_progress_end(&upload->progress);
    }

    if (rc == HARS_EXIT_OK) {
        hars_upload_said(upload);
    }

    hars_survey_free(&upload->survey);

    return rc;
}


/* where the file's first row comes to stand, and whether it is there */
static int
hars_upload_start(hars_upload_t *upload)
{
    int             rc;
    char            id[HARS_SENDER_ID];
    int64_t         offset_us, start_us;
    hars_survey_t  *survey;

    survey = &upload->survey;
    start_us = -1;
    rc = hars_upload_first(upload, &offset_us);

    if (rc == HARS_EXIT_OK && offset_us >= 0) {
        hars_upload_id(upload, offset_us, id);
        rc = hars_sender_there(upload->sender, id, &start_us);
    }

    if (rc != HARS_EXIT_OK) {
        return rc;
    }

    upload->there = (start_us >= 0);

    if (upload->start_us >= 0) {
        upload->shift_us = upload->start_us - survey->first_us;

    } else if (survey->epoch) {
        upload->shift_us = 0;

    } else {

        /* the file's own begin is of a whole ms, as is what is there */

        upload->shift_us = (upload->there
                            ? start_us - offset_us / 1000 * 1000
                            : hars_upload_end_now(upload))
                           - survey->first_us;
    }

    upload->begun = -1;

    return HARS_EXIT_OK;
}


/* of the first part that is sent; -1: none is */
static int
hars_upload_first(const hars_upload_t *upload, int64_t *offset_us)
{
    int             more;
    char            error[HARS_REPLAY_ERROR];
    hars_part_t     part;
    hars_replay_t  *replay;

    *offset_us = -1;
    memset(&part, 0, sizeof(hars_part_t));
    more = HARS_ERROR;

    replay = hars_replay_open(upload->file, error);

    while (replay && *offset_us < 0
           && (more = hars_replay_part(replay, &upload->survey,
                                       upload->seconds, 0, &part, error))
              == HARS_OK)
    {
        if (hars_upload_fits(&part)) {
            *offset_us = part.offset_us;
        }
    }

    if (more == HARS_ERROR) {
        fprintf(stderr, "hars: %s: %s\n", upload->file, error);
    }

    hars_text_free(&part.body);
    hars_replay_close(replay);

    return more == HARS_ERROR ? HARS_EXIT_USAGE : HARS_EXIT_OK;
}


/* the last row is of the moment at which it is sent; in whole ms */
static int64_t
hars_upload_end_now(const hars_upload_t *upload)
{
    double  left, s;

    s = (double) upload->survey.length_us / 1e6;
    left = upload->speed > 0 ? s / upload->speed : 0;

    return llround((hars_upload_clock(CLOCK_REALTIME) + left - s) * 1000)
           * 1000;
}


static int
hars_upload_parts(hars_upload_t *upload)
{
    int             rc, more;
    char            error[HARS_REPLAY_ERROR];
    hars_part_t     part;
    hars_replay_t  *replay;

    memset(&part, 0, sizeof(hars_part_t));
    rc = HARS_EXIT_OK;
    more = HARS_ERROR;

    replay = hars_replay_open(upload->file, error);

    while (replay && rc == HARS_EXIT_OK
           && (more = hars_replay_part(replay, &upload->survey,
                                       upload->seconds, upload->shift_us,
                                       &part, error)) == HARS_OK)
    {
        rc = hars_upload_part(upload, &part);

        if (rc == HARS_EXIT_OK) {
            hars_progress_step(&upload->progress,
                               (double) part.end_us
                               / (double) upload->survey.length_us,
                               upload->sent == 0);
        }
    }

    if (more == HARS_ERROR) {
        fprintf(stderr, "hars: %s: %s\n", upload->file, error);
        rc = HARS_EXIT_USAGE;
    }

    hars_text_free(&part.body);
    hars_replay_close(replay);

    return rc;
}


static int
hars_upload_part(hars_upload_t *upload, const hars_part_t *part)
{
    int      rc;
    char     id[HARS_SENDER_ID];
    int64_t  start_us;

    if (!hars_upload_fits(part)) {
        upload->left_out += part->rows;
        return HARS_EXIT_OK;
    }

    hars_upload_id(upload, part->offset_us, id);

    if (upload->there) {
        rc = hars_sender_there(upload->sender, id, &start_us);

        if (rc != HARS_EXIT_OK) {
            return rc;
        }

        if (start_us >= 0) {
            upload->skipped++;
            return HARS_EXIT_OK;
        }

        upload->there = 0;
    }

    hars_upload_wait(upload, part);

    rc = hars_sender_send(upload->sender, id, &part->body);

    if (rc == HARS_EXIT_OK) {
        upload->sent++;
    }

    return rc;
}


/* what no window fits into would be refused */
static unsigned
hars_upload_fits(const hars_part_t *part)
{
    return part->end_us - part->offset_us >= HARS_UPLOAD_LEAST;
}


/* till the part's last row would have been recorded */
static void
hars_upload_wait(hars_upload_t *upload, const hars_part_t *part)
{
    double           s;
    struct timespec  ts;

    if (upload->speed <= 0) {
        return;
    }

    if (upload->begun < 0) {
        upload->begun = hars_upload_clock(CLOCK_MONOTONIC)
                        - (double) part->offset_us / 1e6 / upload->speed;
    }

    s = upload->begun + (double) part->end_us / 1e6 / upload->speed
        - hars_upload_clock(CLOCK_MONOTONIC);

    if (s > 0) {
        ts.tv_sec = (time_t) s;
        ts.tv_nsec = (long) ((s - (double) ts.tv_sec) * 1e9);
        nanosleep(&ts, NULL);
    }
}


/* with another start it is another recording */
static void
hars_upload_id(const hars_upload_t *upload, int64_t offset_us,
    char id[HARS_SENDER_ID])
{
    int  n;

    n = snprintf(id, HARS_SENDER_ID, "%.24s-%u-%" PRId64, upload->survey.id,
                 upload->seconds, offset_us / 1000);

    if (upload->start_us >= 0) {
        snprintf(id + n, HARS_SENDER_ID - (size_t) n, "-%" PRId64,
                 upload->start_us / 1000);
    }
}


static double
hars_upload_clock(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
hars_upload_said(const hars_upload_t *upload)
{
    char                  from[HARS_MOMENT], to[HARS_MOMENT];
    const hars_survey_t  *survey;

    survey = &upload->survey;

    hars_moment_text(survey->first_us + upload->shift_us, from);
    hars_moment_text(survey->first_us + survey->length_us + upload->shift_us,
                     to);

    printf("%s: %u recordings sent, %u were there, %" PRIu64 " samples at "
           "%.4g Hz, %s to %s\n", upload->file, upload->sent, upload->skipped,
           survey->rows, survey->rate, from, to);

    if (upload->left_out) {
        printf("%s: %u samples left out, in pieces of less than 2.6 s\n",
               upload->file, upload->left_out);
    }

    fflush(stdout);
}
