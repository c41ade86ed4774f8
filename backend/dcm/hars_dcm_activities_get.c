
/*
 * GET /v1/patients/{id}/activities?from=&to=&limit=&after=: windows by the
 * time they begin at, of all recordings.
 *
 *     {"activities":[{"start":...,"end":...,"activity":...},...],"next":...}
 *
 * "next" is the "after" of the next page, null at the end.  Blocks come by
 * their beginnings and may overlap; of all windows seen so far only as many
 * are kept as an answer has, so that neither time nor memory depends on how
 * much there is.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_look.h"
#include "hars_dcm_patient.h"
#include "hars_dcm_query.h"
#include "hars_dcm_recording.h"
#include "hars_dcm_reply.h"
#include "hars_dcm_timeline.h"
#include "hars_dcm_window_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_ACTIVITIES_LIMIT  500
#define HARS_ACTIVITIES_MOST   1000
#define HARS_ACTIVITIES_EVER   253402300800000     /* ms: the year 10000 */


/* a window's place in the order of all */
typedef struct {
    int64_t              start_ms;
    char                 recording[HARS_DCM_ID];
    char                 model[HARS_ANSWER_MODEL];
} hars_activities_place_t;


typedef struct {
    hars_window_t             window;
    hars_activities_place_t   place;
} hars_activities_item_t;


typedef struct {
    hars_look_t              look;
    int64_t                  from_ms;
    int64_t                  to_ms;
    int64_t                  limit;
    hars_activities_place_t  after;       /* nothing of it: from the first */

    hars_activities_item_t  *item;        /* limit + 1 are to be known */
    size_t                   n;
    size_t                   size;
    hars_activities_t        activities;
    hars_timeline_block_t    block;
} hars_activities_get_t;


static int hars_activities_ask(hars_request_t *r, hars_activities_get_t *get);
static int hars_activities_after(hars_request_t *r,
    hars_activities_get_t *get);
static int hars_activities_read(hars_db_t *db, const hars_patient_key_t *key,
    void *data);
static int hars_activities_add(hars_activities_get_t *get);
static unsigned hars_activities_enough(hars_activities_get_t *get);
static void hars_activities_prune(hars_activities_get_t *get);
static int hars_activities_order(const void *a, const void *b);
static int hars_activities_compare(const hars_activities_place_t *a,
    const hars_activities_place_t *b);
static void hars_activities_answer(hars_request_t *r,
    hars_activities_get_t *get);


void
hars_dcm_activities_get(hars_request_t *r)
{
    int                     rc;
    hars_activities_get_t  *get;

    get = calloc(1, sizeof(hars_activities_get_t));

    if (get == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    if (hars_look(r, HARS_LOOK_ACTIVITIES, &get->look) == HARS_OK
        && hars_activities_ask(r, get) == HARS_OK)
    {
        rc = hars_patient_read(r->data, get->look.patient,
                               hars_activities_read, get);

        if (rc == HARS_ERROR) {
            hars_reply_problem(r, 503, "The activities cannot be read now: "
                               "ask again.");
        } else {
            hars_activities_answer(r, get);
        }
    }

    free(get->item);
    free(get);
}


static int
hars_activities_ask(hars_request_t *r, hars_activities_get_t *get)
{
    hars_access_t  *access;

    access = &get->look.access;
    get->to_ms = HARS_ACTIVITIES_EVER;
    get->limit = HARS_ACTIVITIES_LIMIT;

    if (hars_query_time(r, "from", &get->from_ms) != HARS_OK
        || hars_query_time(r, "to", &get->to_ms) != HARS_OK
        || hars_query_number(r, "limit", 1, HARS_ACTIVITIES_MOST,
                             &get->limit) != HARS_OK
        || hars_activities_after(r, get) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (get->from_ms < access->since_ms) {
        get->from_ms = access->since_ms;
    }

    if (get->from_ms < get->after.start_ms) {
        get->from_ms = get->after.start_ms;
    }

    if (get->to_ms > access->until_ms) {
        get->to_ms = access->until_ms;
    }

    return HARS_OK;
}


static int
hars_activities_after(hars_request_t *r, hars_activities_get_t *get)
{
    int        rc;
    char       value[HARS_QUERY_VALUE];
    long long  start;

    rc = hars_query_text(r, "after", value);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK
        && sscanf(value, "%15lld,%64[A-Za-z0-9._-],%63[A-Za-z0-9._-]", &start,
                  get->after.recording, get->after.model) == 3
        && start > 0)
    {
        get->after.start_ms = start;
        return HARS_OK;
    }

    hars_reply_problem(r, 400, "The parameter after has to be the next of an "
                       "answer.");

    return HARS_ERROR;
}


static int
hars_activities_read(hars_db_t *db, const hars_patient_key_t *key, void *data)
{
    int                     rc;
    hars_activities_get_t  *get = data;

    rc = hars_timeline_find(db, get->look.patient, get->from_ms, get->to_ms);

    while (rc == HARS_OK) {
        rc = hars_timeline_next(db, get->look.patient, key,
                                &get->activities, &get->block);

        if (rc == HARS_OK && hars_activities_enough(get)) {
            break;
        }

        if (rc == HARS_OK) {
            rc = hars_activities_add(get);
        }
    }

    hars_db_done(db);
    hars_activities_prune(get);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* are all windows known that are before those of this block? */
static unsigned
hars_activities_enough(hars_activities_get_t *get)
{
    if (get->n <= (size_t) get->limit) {
        return 0;
    }

    hars_activities_prune(get);

    return get->item[get->limit].place.start_ms < get->block.start_ms;
}


static int
hars_activities_add(hars_activities_get_t *get)
{
    void                    *p;
    unsigned                 i;
    const hars_window_t     *w;
    hars_activities_item_t  *item;

    if (get->n + get->block.n > get->size) {
        get->size = get->n + get->block.n + HARS_ACTIVITIES_LIMIT;
        p = realloc(get->item, get->size * sizeof(hars_activities_item_t));

        if (p == NULL) {
            return HARS_ERROR;
        }

        get->item = p;
    }

    for (i = 0; i < get->block.n; i++) {
        w = &get->block.window[i];

        if (w->start_ms < get->from_ms || w->start_ms >= get->to_ms) {
            continue;
        }

        item = &get->item[get->n];
        item->window = *w;
        item->place.start_ms = w->start_ms;
        strcpy(item->place.recording, get->block.recording);
        strcpy(item->place.model, get->block.model);

        if (hars_activities_compare(&item->place, &get->after) > 0) {
            get->n++;
        }
    }

    return HARS_OK;
}


static void
hars_activities_prune(hars_activities_get_t *get)
{
    qsort(get->item, get->n, sizeof(hars_activities_item_t),
          hars_activities_order);

    if (get->n > (size_t) get->limit + 1) {
        get->n = (size_t) get->limit + 1;
    }
}


static int
hars_activities_order(const void *a, const void *b)
{
    const hars_activities_item_t  *x, *y;

    x = a;
    y = b;

    return hars_activities_compare(&x->place, &y->place);
}


static int
hars_activities_compare(const hars_activities_place_t *a,
    const hars_activities_place_t *b)
{
    int  rc;

    if (a->start_ms != b->start_ms) {
        return a->start_ms < b->start_ms ? -1 : 1;
    }

    rc = strcmp(a->recording, b->recording);

    return rc ? rc : strcmp(a->model, b->model);
}


static void
hars_activities_answer(hars_request_t *r, hars_activities_get_t *get)
{
    char                      next[HARS_QUERY_VALUE];
    size_t                    i, n;
    json_t                   *list;
    hars_activities_place_t  *place;

    list = json_array();
    n = get->n > (size_t) get->limit ? (size_t) get->limit : get->n;

    for (i = 0; i < n; i++) {
        place = &get->item[i].place;
        json_array_append_new(list, hars_window_json(&get->item[i].window,
                                                     &get->activities,
                                                     place->recording,
                                                     place->model));
    }

    if (get->n > n) {
        place = &get->item[n - 1].place;
        snprintf(next, sizeof(next), "%lld,%s,%s",
                 (long long) place->start_ms, place->recording,
                 place->model);
    }

    hars_dcm_reply(r, 200, json_pack("{s:o, s:o}", "activities", list, "next",
                                     get->n > n ? json_string(next)
                                                : json_null()),
                   HARS_WINDOW_DIGITS);
}
