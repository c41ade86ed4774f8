
/*
 * Answers as JSON: windows, models, sessions and what was wrong.  A fault
 * names member, row and column and never repeats a text of the client.
 */


#include "hars_ml_service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_JSON_FLAGS   (JSON_COMPACT | JSON_REAL_PRECISION(15))


static json_t *hars_json_records(const hars_feed_t *feed);
static json_t *hars_json_drift(const hars_feed_t *feed);
static json_t *hars_json_windows(const hars_model_t *model,
    const hars_feed_t *feed, const hars_answers_t *answers,
    unsigned probabilities);
static json_t *hars_json_window(const hars_model_t *model,
    const hars_told_t *told, unsigned heart, unsigned probabilities);
static json_t *hars_json_shares(const hars_model_t *model,
    const hars_told_t *told);
static json_t *hars_json_meta(const hars_model_t *model, const char *name);
static json_t *hars_json_model(const hars_model_t *model);
static json_t *hars_json_figure(const hars_model_t *model, const char *name);


char *
hars_json_told_top(const hars_model_t *model, const hars_feed_t *feed)
{
    char    *text;
    size_t   len;
    json_t  *root;

    root = json_pack("{s:s, s:o, s:f, s:f, s:o, s:o*, s:[]}",
                     "model", model->id,
                     "placement", hars_json_meta(model, "placement"),
                     "window_s", (double) HARS_ML_WINDOW / HARS_ML_RATE,
                     "hop_s", (double) HARS_ML_HOP / HARS_ML_RATE,
                     "records", hars_json_records(feed),
                     "rotation_drift_ppm", hars_json_drift(feed),
                     "windows");

    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    /* HARS_JSON_TOLD_END closes it again */

    len = text ? strlen(text) : 0;

    if (len > 2) {
        text[len - 2] = '\0';
    }

    return text;
}


char *
hars_json_told(const hars_model_t *model, const hars_told_t *told,
    unsigned heart, unsigned probabilities)
{
    char    *text;
    json_t  *window;

    window = hars_json_window(model, told, heart, probabilities);
    text = json_dumps(window, HARS_JSON_FLAGS);
    json_decref(window);

    return text;
}


char *
hars_json_session(const hars_session_t *session, uint64_t idle)
{
    char                   *text;
    json_t                 *root;
    const hars_progress_t  *p;

    p = &session->progress;

    root = json_pack("{s:s, s:s, s:o, s:f, s:f, s:f, s:I, s:I, s:o, s:o*,"
                     " s:o}",
                     "id", session->id,
                     "model", session->model->id,
                     "placement", hars_json_meta(session->model, "placement"),
                     "sampling_rate_hz", session->options.rate,
                     "window_s", (double) HARS_ML_WINDOW / HARS_ML_RATE,
                     "hop_s", (double) HARS_ML_HOP / HARS_ML_RATE,
                     "idle_s", (json_int_t) (idle / 1000),
                     "windows", (json_int_t) p->made,
                     "records", hars_json_records(&p->feed),
                     "rotation_drift_ppm", hars_json_drift(&p->feed),
                     "last_s", p->feed.source[0].any
                     ? json_real(p->feed.source[0].last.t) : json_null());

    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    return text;
}


char *
hars_json_appended(const hars_session_t *session,
    const hars_answers_t *answers, unsigned probabilities)
{
    char                   *text;
    json_t                 *root;
    const hars_progress_t  *p;

    p = &session->progress;

    root = json_pack("{s:o, s:o}",
                     "records", hars_json_records(&p->feed),
                     "windows", hars_json_windows(session->model, &p->feed,
                                                  answers, probabilities));

    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    return text;
}


static json_t *
hars_json_records(const hars_feed_t *feed)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}",
                     "received", (json_int_t) feed->received,
                     "empty", (json_int_t) feed->empty,
                     "duplicates", (json_int_t) feed->duplicates,
                     "outliers", (json_int_t) feed->outliers,
                     "unpaired", (json_int_t) feed->unpaired);
}


/* NULL: there is none to tell */
static json_t *
hars_json_drift(const hars_feed_t *feed)
{
    double  drift;

    drift = hars_feed_drift(feed);

    return isnan(drift) ? NULL : json_real(round(drift * 1e7) / 10);
}


static json_t *
hars_json_windows(const hars_model_t *model, const hars_feed_t *feed,
    const hars_answers_t *answers, unsigned probabilities)
{
    size_t        i;
    json_t       *list, *window;
    unsigned      heart;
    hars_told_t   told;

    list = json_array();
    heart = feed->seen & 1u << HARS_STREAM_HEART;

    for (i = 0; list && i < answers->n; i++) {
        hars_told(model, &answers->answer[i], &told);
        window = hars_json_window(model, &told, heart, probabilities);

        if (json_array_append_new(list, window) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* times to the microsecond, confidence to four places */
static json_t *
hars_json_window(const hars_model_t *model, const hars_told_t *told,
    unsigned heart, unsigned probabilities)
{
    double   end;
    json_t  *window;

    end = told->start + (double) HARS_ML_WINDOW / HARS_ML_RATE;

    window = json_pack("{s:f, s:f, s:s, s:f, s:s}",
                       "start_s", round(told->start * 1e6) / 1e6,
                       "end_s", round(end * 1e6) / 1e6,
                       "activity", hars_told_activity(model, told->activity),
                       "confidence",
                       (double) told->confidence / HARS_TOLD_PLACES,
                       "smoothed", hars_told_activity(model, told->smoothed));

    if (window && probabilities) {
        json_object_set_new(window, "probabilities",
                            hars_json_shares(model, told));
    }

    if (window && heart) {
        json_object_set_new(window, "heart_rate_bpm", isnan(told->heart)
                            ? json_null() : json_real(told->heart));
    }

    return window;
}


static json_t *
hars_json_shares(const hars_model_t *model, const hars_told_t *told)
{
    json_t    *root;
    unsigned   i;

    root = json_object();

    for (i = 0; i < model->nclasses; i++) {
        json_object_set_new(root, model->class[i],
                            json_real((double) told->share[i]
                                      / HARS_TOLD_PLACES));
    }

    return root;
}


static json_t *
hars_json_meta(const hars_model_t *model, const char *name)
{
    char  value[HARS_ML_META];

    hars_model_meta(model, name, value, sizeof(value));

    return json_string(value);
}


char *
hars_json_models(const hars_shelf_t *shelf)
{
    char      *text;
    json_t    *root, *list;
    unsigned   i;

    list = json_array();

    for (i = 0; i < shelf->n; i++) {
        json_array_append_new(list, hars_json_model(shelf->model[i]));
    }

    root = json_pack("{s:o}", "models", list);
    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    return text;
}


static json_t *
hars_json_model(const hars_model_t *model)
{
    char       digest[2 * HARS_ML_DIGEST];
    json_t    *root, *classes;
    unsigned   i;

    hars_hex(digest, model->digest, HARS_ML_DIGEST);

    classes = json_array();

    for (i = 0; i < model->nclasses; i++) {
        json_array_append_new(classes, json_string(model->class[i]));
    }

    root = json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:f, s:f, s:i, s:o, s:s#,"
                     " s:o, s:o, s:o}",
                     "id", model->id,
                     "classifier", "soft vote of k-NN and trees",
                     "placement", hars_json_meta(model, "placement"),
                     "activities", classes,
                     "prototypes", (int) model->n,
                     "neighbours", (int) model->k,
                     "window_s", (double) HARS_ML_WINDOW / HARS_ML_RATE,
                     "hop_s", (double) HARS_ML_HOP / HARS_ML_RATE,
                     "sampling_rate_hz", HARS_ML_RATE,
                     "data", hars_json_meta(model, "data"),
                     "checksum", digest, (int) sizeof(digest),
                     "accuracy", hars_json_figure(model, "accuracy"),
                     "macro_f1", hars_json_figure(model, "macro_f1"),
                     "smoothed_accuracy",
                     hars_json_figure(model, "smoothed_accuracy"));

    return root;
}


/* measured with people left out, when the model was made */
static json_t *
hars_json_figure(const hars_model_t *model, const char *name)
{
    char  value[HARS_ML_NAME];

    hars_model_meta(model, name, value, sizeof(value));

    return json_real(strtod(value, NULL));
}


char *
hars_json_fault(unsigned status, const hars_fault_t *fault)
{
    char    *text;
    json_t  *root;

    root = json_pack("{s:s, s:s, s:i, s:s}",
                     "type", "about:blank",
                     "title", status == 400 ? "Bad Request"
                              : status == 413 ? "Content Too Large"
                              : status == 415 ? "Unsupported Media Type"
                              : "Unprocessable Content",
                     "status", (int) status,
                     "detail", fault->detail);

    if (root && fault->field && fault->field[0]) {
        json_object_set_new(root, "field", json_string(fault->field));
    }

    if (root && fault->row >= 0) {
        json_object_set_new(root, "row", json_integer(fault->row));
    }

    if (root && fault->column >= 0) {
        json_object_set_new(root, "column", json_integer(fault->column));
    }

    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);

    return text;
}
