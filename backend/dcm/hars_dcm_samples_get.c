
/*
 * GET /v1/patients/{id}/samples?from=&to=&after=: stored samples as CSV, for
 * the patient and for doctors who are connected.
 *
 *     t_s,ax,ay,az,gx,gy,gz,bpm,recording
 *
 * Times are the device's, seconds since 1970; what a row's stream has not is
 * empty.  Rows come by blocks of up to a minute, by the time that these begin
 * at.  An answer has some minutes of them; Link (RFC 8288) has the next one.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_look.h"
#include "hars_dcm_print.h"
#include "hars_dcm_query.h"
#include "hars_dcm_recording.h"
#include "hars_dcm_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_SAMPLES_ROWS  40000          /* of an answer, and a block */


typedef struct {
    hars_look_t      look;
    hars_samples_t   samples;
    int64_t          from_ms;
    int64_t          to_ms;
} hars_samples_get_t;


static int hars_samples_ask(hars_request_t *r, hars_samples_get_t *get);
static int hars_samples_after(hars_request_t *r, hars_samples_t *samples);
static int hars_samples_read(hars_dcm_t *dcm, hars_samples_get_t *get,
    hars_print_t *print);
static void hars_samples_link(hars_request_t *r,
    const hars_samples_get_t *get);


void
hars_dcm_samples_get(hars_request_t *r)
{
    int                  rc;
    hars_print_t         print;
    hars_samples_get_t   get;

    memset(&print, 0, sizeof(print));

    if (hars_look(r, HARS_LOOK_SAMPLES, &get.look) != HARS_OK
        || hars_samples_ask(r, &get) != HARS_OK)
    {
        return;
    }

    hars_print_add(&print, "%s", HARS_PRINT_HEADING);
    rc = hars_samples_read(r->data, &get, &print);

    if (rc == HARS_ERROR || print.failed) {
        free(print.text);
        hars_reply_problem(r, 503, "The samples cannot be read now: ask "
                           "again.");
        return;
    }

    if (rc == HARS_OK) {
        hars_samples_link(r, &get);
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, "text/csv; charset=utf-8; header=present", print.text,
               print.len);
}


static int
hars_samples_ask(hars_request_t *r, hars_samples_get_t *get)
{
    hars_access_t  *access;

    access = &get->look.access;
    get->from_ms = 0;
    get->to_ms = HARS_SAMPLES_EVER;

    if (hars_query_time(r, "from", &get->from_ms) != HARS_OK
        || hars_query_time(r, "to", &get->to_ms) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (get->from_ms < access->since_ms) {
        get->from_ms = access->since_ms;
    }

    if (get->to_ms > access->until_ms) {
        get->to_ms = access->until_ms;
    }

    hars_samples_begin(&get->samples, get->look.patient, get->from_ms,
                       get->to_ms);

    return hars_samples_after(r, &get->samples);
}


/* the place of the block before: start_ms, n, recording */
static int
hars_samples_after(hars_request_t *r, hars_samples_t *samples)
{
    int        rc;
    char       value[HARS_QUERY_VALUE], id[HARS_DCM_ID + 1];
    long long  start, n;

    rc = hars_query_text(r, "after", value);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK
        && sscanf(value, "%15lld,%9lld,%65[A-Za-z0-9._-]", &start, &n, id) == 3
        && hars_recording_id(id) && start >= samples->start_ms && n >= 0)
    {
        samples->start_ms = start;
        samples->n = n;
        strcpy(samples->recording, id);

        return HARS_OK;
    }

    hars_reply_problem(r, 400, "The parameter after has to be that of the "
                       "Link of an answer.");

    return HARS_ERROR;
}


/* HARS_OK: there may be more, HARS_DECLINED: this was all */
static int
hars_samples_read(hars_dcm_t *dcm, hars_samples_get_t *get, hars_print_t *print)
{
    int            rc;
    hars_db_t     *db;
    hars_block_t  *block;

    block = malloc(sizeof(hars_block_t));
    db = block ? hars_store_reader(dcm->store) : NULL;

    if (db == NULL) {
        free(block);
        return HARS_ERROR;
    }

    do {
        rc = hars_samples_next(dcm, db, &get->samples, block);

        if (rc == HARS_OK) {
            hars_print_csv(print, block, get->samples.recording, get->from_ms,
                           get->to_ms);
        }

    } while (rc == HARS_OK && print->rows < HARS_SAMPLES_ROWS
             && !print->failed);

    hars_store_reader_done(dcm->store, db);
    free(block);

    return rc;
}


/* of the same look, with the bounds that it had */
static void
hars_samples_link(hars_request_t *r, const hars_samples_get_t *get)
{
    char  link[HARS_DCM_ID + 160];

    snprintf(link, sizeof(link),
             "<?from=%lld.%03d&to=%lld.%03d&after=%lld,%lld,%s>; rel=\"next\"",
             (long long) (get->from_ms / 1000), (int) (get->from_ms % 1000),
             (long long) (get->to_ms / 1000), (int) (get->to_ms % 1000),
             (long long) get->samples.start_ms, (long long) get->samples.n,
             get->samples.recording);

    hars_reply_header(r, "Link", link);
}
