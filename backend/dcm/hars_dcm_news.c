
/* See hars_dcm_news.h for what this is. */

#include "hars_dcm_news.h"
#include "hars_dcm_timeline.h"
#include "hars_dcm_window_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_NEWS_BLOCKS  8               /* at a time */


static int hars_news_event(hars_db_t *db, const char *patient,
    int64_t *event);
static int hars_news_blocks(hars_db_t *db, const hars_look_t *look,
    int64_t after, const hars_patient_key_t *key, hars_news_t *news);
static int hars_news_block(const hars_look_t *look,
    const hars_timeline_block_t *block, const hars_activities_t *activities,
    hars_news_t *news);


int
hars_news_now(hars_dcm_t *dcm, const char *patient, int64_t *event)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    *event = 0;
    rc = hars_news_event(db, patient, event);
    hars_store_reader_done(dcm->store, db);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


int
hars_news_read(hars_dcm_t *dcm, const hars_look_t *look, int64_t after,
    hars_news_t *news)
{
    int                 rc;
    int64_t             event;
    hars_db_t          *db;
    hars_patient_key_t  key;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_news_event(db, look->patient, &event);

    if (rc == HARS_OK && event > after) {
        rc = hars_patient_key(dcm, db, look->patient, &key);

        if (rc == HARS_OK) {
            rc = hars_news_blocks(db, look, after, &key, news);
            hars_patient_key_wipe(&key);
        }
    }

    hars_store_reader_done(dcm->store, db);

    return rc;
}


static int
hars_news_event(hars_db_t *db, const char *patient, int64_t *event)
{
    int  rc;

    hars_db_text(db, patient);
    rc = hars_db_first(db, "SELECT event FROM patient WHERE sub = ?1");

    if (rc == HARS_OK) {
        *event = hars_db_get_int(db, 0);
    }

    hars_db_done(db);

    return rc;
}


static int
hars_news_blocks(hars_db_t *db, const hars_look_t *look, int64_t after,
    const hars_patient_key_t *key, hars_news_t *news)
{
    int                     rc;
    hars_activities_t      *activities;
    hars_timeline_block_t  *block;

    block = malloc(sizeof(hars_timeline_block_t));
    activities = calloc(1, sizeof(hars_activities_t));

    rc = block && activities
         ? hars_timeline_since(db, look->patient, after,
                               HARS_NEWS_BLOCKS) : HARS_ERROR;

    while (rc == HARS_OK) {
        rc = hars_timeline_next(db, look->patient, key, activities,
                                block);

        if (rc == HARS_OK) {
            rc = hars_news_block(look, block, activities, news);
        }
    }

    hars_db_done(db);
    free(activities);
    free(block);

    return rc;
}


/* what of a block this one may see; its number goes on in any case */
static int
hars_news_block(const hars_look_t *look,
    const hars_timeline_block_t *block, const hars_activities_t *activities,
    hars_news_t *news)
{
    int                   rc;
    char                  head[64], *text;
    json_t               *root, *list;
    unsigned              i;
    const hars_window_t  *w;

    news->event = block->event;
    list = json_array();

    for (i = 0; i < block->n; i++) {
        w = &block->window[i];

        if (w->start_ms >= look->access.since_ms
            && w->start_ms < look->access.until_ms)
        {
            json_array_append_new(list, hars_window_json(w, activities, NULL,
                                                         NULL));
        }
    }

    if (json_array_size(list) == 0) {
        json_decref(list);
        return HARS_OK;
    }

    root = json_pack("{s:s, s:s, s:o}", "recording", block->recording,
                     "model", block->model, "activities", list);
    text = json_dumps(root, JSON_COMPACT
                      | JSON_REAL_PRECISION(HARS_WINDOW_DIGITS));
    json_decref(root);

    snprintf(head, sizeof(head), "id: %lld\nevent: activities\ndata: ",
             (long long) block->event);

    rc = text ? hars_news_add(news, head, text) : HARS_ERROR;
    free(text);

    return rc;
}


int
hars_news_add(hars_news_t *news, const char *head, const char *body)
{
    char    *text;
    size_t   len;

    len = strlen(head) + (body ? strlen(body) + 2 : 0);
    text = realloc(news->text, news->len + len + 1);

    if (text == NULL) {
        return HARS_ERROR;
    }

    news->text = text;
    news->len += (size_t) sprintf(text + news->len, "%s%s%s", head,
                                  body ? body : "", body ? "\n\n" : "");

    return HARS_OK;
}
