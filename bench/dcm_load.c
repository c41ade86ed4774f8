
/*
 * Recordings and their windows into a database of the data collecting
 * mechanism, by its own code and through its own transactions, without HTTP
 * and without an ML service: minutes of an hour a day, for as many days and
 * patients as are asked for.
 *
 *     dcm_load DATABASE KEYFILE ROWS PATIENTS DAYS MINUTES [THREADS]
 *
 * ROWS has lines "ax,ay,az,gx,gy,gz" of 50 Hz, which are sent over and over,
 * each time a bit louder or softer.  A day is of UTC, the last one is
 * yesterday, its minutes are those from 8 o'clock on.  Patients are called
 * p0, p1 and so on.  A minute that is there already is left.
 *
 * Prints one line of name=value.
 */

#include "hars_dcm_answer.h"
#include "hars_dcm_intake.h"
#include "hars_dcm_layout.h"
#include "hars_dcm_results.h"
#include "hars_dcm_totals.h"
#include "hars_log.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_LOAD_RATE     50
#define HARS_LOAD_MINUTE   (60 * HARS_LOAD_RATE)
#define HARS_LOAD_ROWS     400000
#define HARS_LOAD_HOP      1280           /* ms, from window to window */
#define HARS_LOAD_LENGTH   2560
#define HARS_LOAD_WINDOWS  46             /* of a minute */
#define HARS_LOAD_EIGHT    (8 * 3600)     /* s of a day */
#define HARS_LOAD_THREADS  16
#define HARS_LOAD_MODEL    "pocket-bench"


typedef struct {
    hars_dcm_t       dcm;
    double         (*row)[HARS_ML_AXES];
    size_t           rows;
    unsigned         patients;
    unsigned         days;
    unsigned         minutes;
    int64_t          first;               /* day, since 1970 */
    atomic_uint      next;                /* patient and day */
    atomic_ullong    recordings;
    atomic_ullong    samples;
    atomic_ullong    windows;
    atomic_ullong    bytes;
    atomic_uint      failed;
} hars_load_t;


static int hars_load_open(hars_load_t *load, char **argv);
static int hars_load_rows(hars_load_t *load, const char *file);
static void *hars_load_work(void *data);
static int hars_load_minute(hars_load_t *load, unsigned patient, int64_t at);
static hars_intake_e hars_load_record(hars_load_t *load, hars_job_t *job,
    int64_t at);
static void hars_load_answer(hars_ml_answer_t *answer, int64_t at);
static double hars_load_clock(void);


int
main(int argc, char **argv)
{
    double              start, seconds;
    unsigned            i, threads;
    pthread_t           thread[HARS_LOAD_THREADS];
    static hars_load_t  load;

    hars_log_init("dcm_load");

    if (argc < 7) {
        fprintf(stderr, "dcm_load DATABASE KEYFILE ROWS PATIENTS DAYS "
                "MINUTES [THREADS]\n");
        return HARS_EXIT_USAGE;
    }

    threads = argc > 7 ? (unsigned) atoi(argv[7]) : HARS_LOAD_THREADS;
    threads = threads < HARS_LOAD_THREADS ? threads : HARS_LOAD_THREADS;

    if (hars_load_open(&load, argv) != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    start = hars_load_clock();

    for (i = 0; i < threads; i++) {
        if (pthread_create(&thread[i], NULL, hars_load_work, &load) != 0) {
            return HARS_EXIT_FAILED;
        }
    }

    for (i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
    }

    seconds = hars_load_clock() - start;

    printf("seconds=%.1f recordings=%llu samples=%llu windows=%llu "
           "bytes=%llu bytes_per_sample=%.2f samples_per_second=%.0f\n",
           seconds, atomic_load(&load.recordings),
           atomic_load(&load.samples), atomic_load(&load.windows),
           atomic_load(&load.bytes),
           (double) atomic_load(&load.bytes)
           / (double) atomic_load(&load.samples),
           (double) atomic_load(&load.samples) / seconds);

    hars_store_close(load.dcm.store);
    hars_vault_free(load.dcm.vault);
    free(load.row);

    return atomic_load(&load.failed) ? HARS_EXIT_FAILED : HARS_EXIT_OK;
}


static int
hars_load_open(hars_load_t *load, char **argv)
{
    char                  error[HARS_VAULT_ERROR];
    hars_setting_list_t   key = { .n = 1, .value = { argv[2] } };

    load->patients = (unsigned) atoi(argv[4]);
    load->days = (unsigned) atoi(argv[5]);
    load->minutes = (unsigned) atoi(argv[6]);
    load->first = hars_now() / HARS_DAY_MS - load->days;

    load->dcm.vault = hars_vault_create(&key, error);

    if (load->dcm.vault == NULL) {
        fprintf(stderr, "dcm_load: %s\n", error);
        return HARS_ERROR;
    }

    if (hars_load_rows(load, argv[3]) != HARS_OK) {
        fprintf(stderr, "dcm_load: %s: lines ax,ay,az,gx,gy,gz of a minute "
                "at least\n", argv[3]);
        return HARS_ERROR;
    }

    hars_db_files(16384, 1);
    load->dcm.store = hars_store_open(argv[1], &hars_dcm_layout);

    return load->dcm.store ? HARS_OK : HARS_ERROR;
}


static int
hars_load_rows(hars_load_t *load, const char *file)
{
    FILE    *f;
    double  *v;

    load->row = calloc(HARS_LOAD_ROWS, sizeof(load->row[0]));
    f = fopen(file, "r");

    if (f == NULL || load->row == NULL) {
        return HARS_ERROR;
    }

    while (load->rows < HARS_LOAD_ROWS) {
        v = load->row[load->rows];

        if (fscanf(f, "%lf,%lf,%lf,%lf,%lf,%lf", &v[0], &v[1], &v[2], &v[3],
                   &v[4], &v[5]) != 6)
        {
            break;
        }

        load->rows++;
    }

    fclose(f);

    return load->rows >= HARS_LOAD_MINUTE ? HARS_OK : HARS_ERROR;
}


/* a day of a patient at a time, so that few write to the same one */
static void *
hars_load_work(void *data)
{
    int64_t       day;
    unsigned      n, i, patient;
    hars_load_t  *load;

    load = data;

    while (!atomic_load(&load->failed)) {
        n = atomic_fetch_add(&load->next, 1);

        if (n >= load->patients * load->days) {
            break;
        }

        patient = n % load->patients;
        day = load->first + n / load->patients;

        for (i = 0; i < load->minutes; i++) {
            if (hars_load_minute(load, patient, day * 86400 + HARS_LOAD_EIGHT
                                 + 60 * (int64_t) i) != HARS_OK)
            {
                atomic_store(&load->failed, 1);
                break;
            }
        }
    }

    return NULL;
}


static int
hars_load_minute(hars_load_t *load, unsigned patient, int64_t at)
{
    hars_job_t         job;
    hars_window_t      window[HARS_LOAD_WINDOWS];
    hars_intake_e      outcome;
    hars_ml_answer_t   answer = { .window = window };

    memset(&job, 0, sizeof(job));
    snprintf(job.patient, sizeof(job.patient), "p%u", patient);
    snprintf(job.recording, sizeof(job.recording), "m%lld", (long long) at);

    outcome = hars_load_record(load, &job, at);

    if (outcome == HARS_INTAKE_AGAIN) {
        return HARS_OK;
    }

    if (outcome != HARS_INTAKE_STORED) {
        return HARS_ERROR;
    }

    hars_load_answer(&answer, at);
    atomic_fetch_add(&load->windows, answer.n);

    return hars_results_store(&load->dcm, &job, &answer);
}


static hars_intake_e
hars_load_record(hars_load_t *load, hars_job_t *job, int64_t at)
{
    size_t                 from;
    double                 louder;
    unsigned               i, axis;
    hars_row_t             row;
    hars_intake_e          outcome;
    hars_intake_t          intake;
    hars_dcm_recording_t  *recording;

    memset(&intake, 0, sizeof(intake));
    memset(&row, 0, sizeof(row));
    recording = &intake.recording;

    strcpy(recording->patient, job->patient);
    strcpy(recording->id, job->recording);
    strcpy(recording->uploader_sub, job->patient);
    strcpy(recording->uploader_client, "bench");
    strcpy(recording->placement, "pocket");
    strcpy(recording->options, "sampling_rate_hz=50&placement=pocket");
    recording->start_ms = at * 1000;
    recording->end_ms = at * 1000 + 59980;
    recording->samples = HARS_LOAD_MINUTE;
    recording->received = HARS_LOAD_MINUTE;

    from = (size_t) (at / 60 * 7919)
           % (load->rows - HARS_LOAD_MINUTE + 1);
    louder = 0.95 + 0.1 * (double) (at / 60 % 97) / 97;

    for (i = 0; i < HARS_LOAD_MINUTE; i++) {
        row.t = (double) at + (double) i / HARS_LOAD_RATE;

        for (axis = 0; axis < HARS_ML_AXES; axis++) {
            row.v[axis] = load->row[from + i][axis] * louder;
        }

        if (hars_intake_row(&intake, &row) != HARS_OK) {
            break;
        }
    }

    outcome = hars_intake_open(&load->dcm, &intake);

    if (outcome == HARS_INTAKE_STORED) {
        outcome = hars_intake_commit(&load->dcm, &intake);
    }

    if (outcome == HARS_INTAKE_STORED) {
        atomic_fetch_add(&load->recordings, 1);
        atomic_fetch_add(&load->samples, HARS_LOAD_MINUTE);
        atomic_fetch_add(&load->bytes, intake.bytes);
    }

    hars_intake_free(&intake);

    return outcome;
}


/* what changes, and how often, is as with people: minutes of one activity */
static void
hars_load_answer(hars_ml_answer_t *answer, int64_t at)
{
    unsigned        i, what;
    hars_window_t  *w;

    static const char  *activity[] = {
        "downstairs", "jogging", "sitting", "standing", "upstairs", "walking"
    };

    strcpy(answer->model, HARS_LOAD_MODEL);
    answer->activities.n = 0;

    for (i = 0; i < 6; i++) {
        (void) hars_activity(&answer->activities, activity[i]);
    }

    answer->n = HARS_LOAD_WINDOWS;

    for (i = 0; i < HARS_LOAD_WINDOWS; i++) {
        what = (unsigned) (at / 180 * 2654435761u >> 7) % 6;

        w = &answer->window[i];
        w->start_ms = at * 1000 + (int64_t) i * HARS_LOAD_HOP;
        w->len_ms = HARS_LOAD_LENGTH;
        w->confidence = (uint16_t) (7000 + (at + i * 37) % 3000);
        w->heart_rate = (uint16_t) (600 + (at + i * 11) % 400);
        w->activity = (uint8_t) (i % 23 ? what : (what + 1) % 6);
        w->smoothed = (uint8_t) what;
    }
}


static double
hars_load_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}
