
/*
 * GET /v1/patients/{id}/days?from=YYYY-MM-DD&to=YYYY-MM-DD: totals of days in
 * UTC, the last ones included; 30 days up to today where nothing is said.
 *
 *     {"days":[{"date":"2026-05-04","covered_s":...,"unknown_s":...,
 *               "activities":{"walking":...},"heart_rate_bpm":{...}},...]}
 *
 * Days without a recording are not there.  A day of which only a part may be
 * seen is made of the windows of that part.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_look.h"
#include "hars_dcm_patient.h"
#include "hars_dcm_query.h"
#include "hars_dcm_reply.h"
#include "hars_dcm_timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>


#define HARS_DAYS_MOST     366
#define HARS_DAYS_DEFAULT  30
#define HARS_DAYS_DATA     4096           /* of one, sealed */
#define HARS_DAYS_DIGITS   9


typedef struct {
    hars_look_t   look;
    int64_t       from;                   /* days since 1970 */
    int64_t       to;                     /* the last one */
    json_t       *list;
} hars_days_get_t;


static int hars_days_ask(hars_request_t *r, hars_days_get_t *get);
static int hars_days_date(hars_request_t *r, const char *name, int64_t *day);
static int hars_days_read(hars_db_t *db, const hars_patient_key_t *key,
    void *data);
static int hars_days_rows(hars_db_t *db, hars_days_get_t *get,
    const hars_patient_key_t *key);
static int hars_days_row(hars_db_t *db, const char *patient, int64_t day,
    const hars_patient_key_t *key, json_t **item);
static int hars_days_parts(hars_db_t *db, hars_days_get_t *get,
    const hars_patient_key_t *key);
static int hars_days_part(hars_db_t *db, const hars_days_get_t *get,
    int64_t day, const hars_patient_key_t *key, json_t **item);
static unsigned hars_days_whole(const hars_days_get_t *get, int64_t day);
static void hars_days_put(hars_days_get_t *get, int64_t day, json_t *item,
    unsigned first);


void
hars_dcm_days_get(hars_request_t *r)
{
    int               rc;
    hars_days_get_t   get;

    memset(&get, 0, sizeof(get));

    if (hars_look(r, HARS_LOOK_ACTIVITIES, &get.look) != HARS_OK
        || hars_days_ask(r, &get) != HARS_OK)
    {
        return;
    }

    get.list = json_array();
    rc = get.list ? hars_patient_read(r->data, get.look.patient,
                                      hars_days_read, &get)
                  : HARS_ERROR;

    if (rc == HARS_ERROR) {
        json_decref(get.list);
        hars_reply_problem(r, 503, "The days cannot be read now: ask "
                           "again.");
        return;
    }

    hars_dcm_reply(r, 200, json_pack("{s:o}", "days", get.list),
                   HARS_DAYS_DIGITS);
}


static int
hars_days_ask(hars_request_t *r, hars_days_get_t *get)
{
    get->to = hars_now() / HARS_DAY_MS;
    get->from = INT64_MIN;

    if (hars_days_date(r, "from", &get->from) != HARS_OK
        || hars_days_date(r, "to", &get->to) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (get->from == INT64_MIN) {
        get->from = get->to - HARS_DAYS_DEFAULT + 1;
    }

    if (get->to - get->from >= HARS_DAYS_MOST) {
        hars_reply_problem(r, 400, "From from to to there may be 366 days.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_days_date(hars_request_t *r, const char *name, int64_t *day)
{
    int      rc;
    char     value[HARS_QUERY_VALUE], detail[128];
    int64_t  ms;

    rc = hars_query_text(r, name, value);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK && strlen(value) == 10) {
        strcat(value, "T00:00:00Z");

        if (hars_query_moment(value, &ms) == HARS_OK) {
            *day = ms / HARS_DAY_MS;
            return HARS_OK;
        }
    }

    snprintf(detail, sizeof(detail), "The parameter %s has to be a day as "
             "2026-05-04, once.", name);
    hars_reply_problem(r, 400, detail);

    return HARS_ERROR;
}


static int
hars_days_read(hars_db_t *db, const hars_patient_key_t *key, void *data)
{
    int               rc;
    hars_days_get_t  *get = data;

    rc = hars_days_rows(db, get, key);

    return rc == HARS_OK ? hars_days_parts(db, get, key) : rc;
}


static int
hars_days_rows(hars_db_t *db, hars_days_get_t *get,
    const hars_patient_key_t *key)
{
    int      rc;
    json_t  *item;
    int64_t  day;

    hars_db_text(db, get->look.patient);
    hars_db_int(db, get->from);
    hars_db_int(db, get->to);

    rc = hars_db_run(db, "SELECT day, data FROM day WHERE patient = ?1"
                     " AND day >= ?2 AND day <= ?3 ORDER BY day");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        day = hars_db_get_int(db, 0);

        if (hars_days_whole(get, day)) {
            rc = hars_days_row(db, get->look.patient, day, key, &item);

            if (rc == HARS_OK) {
                hars_days_put(get, day, item, 0);
            }
        }
    }

    hars_db_done(db);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


static int
hars_days_row(hars_db_t *db, const char *patient, int64_t day,
    const hars_patient_key_t *key, json_t **item)
{
    char                  name[HARS_VAULT_NAME], text[HARS_DAYS_DATA];
    size_t                len;
    const unsigned char  *data;

    hars_timeline_day_name(name, patient, day);

    if (hars_db_get_bytes(db, 1, &data, &len) != HARS_OK
        || len < HARS_VAULT_SEAL || len > sizeof(text)
        || hars_open_bytes(key, name, data, len, (unsigned char *) text)
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    *item = json_loadb(text, len - HARS_VAULT_SEAL, 0, NULL);
    explicit_bzero(text, len);

    return *item ? HARS_OK : HARS_ERROR;
}


/* the first day that may be seen, and the last, may be parts */
static int
hars_days_parts(hars_db_t *db, hars_days_get_t *get,
    const hars_patient_key_t *key)
{
    int       rc;
    json_t   *item;
    int64_t   day[2];
    unsigned  i;

    day[0] = get->look.access.since_ms / HARS_DAY_MS;
    day[1] = (get->look.access.until_ms - 1) / HARS_DAY_MS;

    for (i = 0; i < 2; i++) {
        if (day[i] < get->from || day[i] > get->to
            || (i && day[1] == day[0]) || hars_days_whole(get, day[i]))
        {
            continue;
        }

        rc = hars_days_part(db, get, day[i], key, &item);

        if (rc == HARS_OK) {
            hars_days_put(get, day[i], item, i == 0);

        } else if (rc == HARS_ERROR) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* HARS_DECLINED: there is nothing of it */
static int
hars_days_part(hars_db_t *db, const hars_days_get_t *get, int64_t day,
    const hars_patient_key_t *key, json_t **item)
{
    char               *text;
    int64_t             from, to;
    hars_totals_t       totals;
    hars_activities_t   activities;

    from = day * HARS_DAY_MS;
    to = from + HARS_DAY_MS;
    activities.n = 0;

    if (from < get->look.access.since_ms) {
        from = get->look.access.since_ms;
    }

    if (to > get->look.access.until_ms) {
        to = get->look.access.until_ms;
    }

    if (hars_timeline_totals(db, get->look.patient, key, from, to, &totals,
                             &activities) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (totals.covered_ms == 0) {
        return HARS_DECLINED;
    }

    text = hars_totals_json(&totals, &activities);
    *item = text ? json_loads(text, 0, NULL) : NULL;
    free(text);

    return *item ? HARS_OK : HARS_ERROR;
}


static unsigned
hars_days_whole(const hars_days_get_t *get, int64_t day)
{
    return get->look.access.since_ms <= day * HARS_DAY_MS
           && (day + 1) * HARS_DAY_MS <= get->look.access.until_ms;
}


static void
hars_days_put(hars_days_get_t *get, int64_t day, json_t *item,
    unsigned first)
{
    char       date[32];
    time_t     t;
    struct tm  tm;

    t = (time_t) (day * (HARS_DAY_MS / 1000));
    gmtime_r(&t, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d", &tm);

    json_object_set_new(item, "date", json_string(date));

    if (first) {
        json_array_insert_new(get->list, 0, item);

    } else {
        json_array_append_new(get->list, item);
    }
}
