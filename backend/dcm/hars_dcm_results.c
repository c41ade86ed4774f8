
/*
 * See hars_dcm_results.h for what this is.  Windows are sealed before the
 * transaction; what it reads and seals itself are the days they touch, made
 * anew from all windows of the day, so that a day is what its windows say
 * whatever came in which order.
 */

#include "hars_dcm_results.h"
#include "hars_dcm_timeline.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    int64_t          start_ms;
    unsigned char   *data;
    size_t           len;
} hars_results_block_t;


typedef struct {
    hars_dcm_t             *dcm;
    const hars_job_t       *job;
    const hars_ml_answer_t *answer;
    hars_patient_key_t      key;
    hars_results_block_t   *block;
    unsigned                n;
} hars_results_t;


static int hars_results_key(hars_results_t *results);
static int hars_results_seal(hars_results_t *results);
static int hars_results_block(hars_results_t *results,
    const hars_window_t *window, unsigned n);
static int hars_results_write(hars_db_t *db, void *data);
static int hars_results_windows(hars_db_t *db, const hars_results_t *results);
static int hars_results_done(hars_db_t *db, const hars_results_t *results);
static int hars_results_days(hars_db_t *db, const hars_results_t *results);
static int hars_results_day(hars_db_t *db, const hars_results_t *results,
    int64_t day);
static int hars_results_day_put(hars_db_t *db, const hars_results_t *results,
    int64_t day, const char *text);


int
hars_results_store(hars_dcm_t *dcm, const hars_job_t *job,
    const hars_ml_answer_t *answer)
{
    int             rc;
    hars_results_t  results;

    memset(&results, 0, sizeof(hars_results_t));
    results.dcm = dcm;
    results.job = job;
    results.answer = answer;

    rc = hars_results_key(&results);

    if (rc == HARS_OK) {
        rc = hars_results_seal(&results);
    }

    if (rc == HARS_OK) {
        rc = hars_store_write(dcm->store, hars_results_write, &results);
    }

    while (results.n) {
        free(results.block[--results.n].data);
    }

    free(results.block);
    hars_patient_key_wipe(&results.key);

    return rc;
}


static int
hars_results_key(hars_results_t *results)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(results->dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_patient_key(results->dcm, db, results->job->patient,
                          &results->key);
    hars_store_reader_done(results->dcm->store, db);

    return rc;
}


static int
hars_results_seal(hars_results_t *results)
{
    unsigned              i, n;
    const hars_window_t  *window;

    window = results->answer->window;
    results->block = calloc(results->answer->n + 1,
                            sizeof(hars_results_block_t));

    if (results->block == NULL) {
        return HARS_ERROR;
    }

    for (i = 0; i < results->answer->n; i += n) {
        n = hars_windows_next(window + i, results->answer->n - i);

        if (hars_results_block(results, window + i, n) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_results_block(hars_results_t *results, const hars_window_t *window,
    unsigned n)
{
    int                    rc;
    char                   name[HARS_VAULT_NAME];
    size_t                 len;
    unsigned char         *plain;
    hars_results_block_t  *block;

    block = &results->block[results->n];
    plain = malloc(HARS_WINDOWS_SIZE(n));

    if (plain == NULL) {
        return HARS_ERROR;
    }

    len = hars_windows_encode(window, n, &results->answer->activities, plain);
    block->start_ms = window->start_ms;
    block->len = len + HARS_VAULT_SEAL;
    block->data = malloc(block->len);

    hars_timeline_name(name, results->job->patient, block->start_ms,
                       results->job->recording, results->answer->model);

    rc = block->data ? hars_seal_bytes(&results->key, name, plain, len,
                                       block->data) : HARS_ERROR;
    results->n++;

    explicit_bzero(plain, len);
    free(plain);

    return rc;
}


/* may run twice; what it needs stays as it is */
static int
hars_results_write(hars_db_t *db, void *data)
{
    int              rc;
    hars_results_t  *results;

    results = data;

    rc = hars_patient_lock(results->dcm, db, results->job->patient,
                           &results->key);

    if (rc == HARS_OK) {
        rc = hars_queue_end(db, results->job);
    }

    if (rc == HARS_OK) {
        rc = hars_results_windows(db, results);
    }

    if (rc == HARS_OK) {
        rc = hars_results_done(db, results);
    }

    return rc == HARS_OK ? hars_results_days(db, results) : rc;
}


static int
hars_results_windows(hars_db_t *db, const hars_results_t *results)
{
    int64_t                event;
    unsigned               i;
    hars_results_block_t  *block;

    for (i = 0; i < results->n; i++) {
        block = &results->block[i];

        if (hars_patient_next_event(db, results->job->patient, &event)
            != HARS_OK
            || hars_db_month(db, "window_block", block->start_ms) != HARS_OK)
        {
            return HARS_ERROR;
        }

        hars_db_text(db, results->job->patient);
        hars_db_int(db, block->start_ms);
        hars_db_text(db, results->job->recording);
        hars_db_text(db, results->answer->model);
        hars_db_int(db, event);
        hars_db_blob(db, block->data, block->len);

        if (hars_db_do(db, "INSERT INTO window_block (patient, start_ms,"
                       " recording, model, event, data)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)", NULL) != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_results_done(hars_db_t *db, const hars_results_t *results)
{
    hars_db_text(db, results->job->patient);
    hars_db_text(db, results->job->recording);
    hars_db_int(db, HARS_RECORDING_DONE);
    hars_db_text(db, results->answer->model);
    hars_db_int(db, results->answer->n);
    hars_db_text(db, "");

    return hars_db_do(db, "UPDATE recording SET state = ?3, model = ?4,"
                      " windows = ?5, reason = ?6 WHERE patient = ?1"
                      " AND id = ?2", NULL);
}


static int
hars_results_days(hars_db_t *db, const hars_results_t *results)
{
    int64_t               day, last;
    unsigned              i;
    const hars_window_t  *w;

    last = INT64_MIN;

    for (i = 0; i < results->answer->n; i++) {
        w = &results->answer->window[i];

        for (day = w->start_ms / HARS_DAY_MS;
             day <= (w->start_ms + w->len_ms - 1) / HARS_DAY_MS; day++)
        {
            if (day <= last) {
                continue;
            }

            if (hars_results_day(db, results, day) != HARS_OK) {
                return HARS_ERROR;
            }

            last = day;
        }
    }

    return HARS_OK;
}


static int
hars_results_day(hars_db_t *db, const hars_results_t *results, int64_t day)
{
    int                 rc;
    char               *text;
    hars_totals_t       totals;
    hars_activities_t   activities;

    activities.n = 0;

    if (hars_timeline_totals(db, results->job->patient, &results->key,
                             day * HARS_DAY_MS, (day + 1) * HARS_DAY_MS,
                             &totals, &activities) != HARS_OK)
    {
        return HARS_ERROR;
    }

    text = hars_totals_json(&totals, &activities);

    if (text == NULL) {
        return HARS_ERROR;
    }

    rc = hars_results_day_put(db, results, day, text);

    explicit_bzero(text, strlen(text));
    free(text);

    return rc;
}


static int
hars_results_day_put(hars_db_t *db, const hars_results_t *results,
    int64_t day, const char *text)
{
    int             rc;
    char            name[HARS_VAULT_NAME];
    size_t          len;
    unsigned char  *data;

    len = strlen(text);
    data = malloc(len + HARS_VAULT_SEAL);
    hars_timeline_day_name(name, results->job->patient, day);

    if (data == NULL
        || hars_seal_bytes(&results->key, name, text, len, data) != HARS_OK)
    {
        free(data);
        return HARS_ERROR;
    }

    hars_db_text(db, results->job->patient);
    hars_db_int(db, day);
    hars_db_blob(db, data, len + HARS_VAULT_SEAL);

    rc = hars_db_do(db, "INSERT INTO day (patient, day, data)"
                    " VALUES (?1, ?2, ?3) ON CONFLICT (patient, day)"
                    " DO UPDATE SET data = excluded.data", NULL);

    free(data);

    return rc;
}
