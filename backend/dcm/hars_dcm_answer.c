
/* See hars_dcm_answer.h for what this is. */

#include "hars_dcm_answer.h"
#include "hars_record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_ANSWER_EVER  253402300800.0  /* s: the year 10000 */


static int hars_answer_model(const json_t *root, char *model);
static const char *hars_answer_windows(const json_t *root,
    hars_ml_answer_t *answer);
static int hars_answer_window(const json_t *item,
    hars_activities_t *activities, hars_window_t *window);
static int hars_answer_activity(const json_t *item, const char *name,
    hars_activities_t *activities, uint8_t *place);
static int hars_answer_heart_rate(const json_t *item, uint16_t *heart_rate);


int
hars_ml_answer(const char *body, size_t len, hars_ml_answer_t *answer,
    char reason[HARS_ANSWER_REASON])
{
    json_t      *root;
    const char  *wrong;

    memset(answer, 0, sizeof(hars_ml_answer_t));
    root = body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (!json_is_object(root)) {
        wrong = "it is no JSON object";

    } else if (hars_answer_model(root, answer->model) != HARS_OK) {
        wrong = "it names no model";

    } else {
        wrong = hars_answer_windows(root, answer);
    }

    json_decref(root);

    if (wrong == NULL) {
        return HARS_OK;
    }

    free(answer->window);
    memset(answer, 0, sizeof(hars_ml_answer_t));
    snprintf(reason, HARS_ANSWER_REASON, "the ML service's answer is not "
             "understood: %s", wrong);

    return HARS_ERROR;
}


static int
hars_answer_model(const json_t *root, char *model)
{
    size_t       len;
    const char  *value;

    value = json_string_value(json_object_get(root, "model"));
    len = value ? strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "abcdefghijklmnopqrstuvwxyz0123456789._-") : 0;

    if (len == 0 || value[len] || len >= HARS_ANSWER_MODEL) {
        return HARS_ERROR;
    }

    strcpy(model, value);

    return HARS_OK;
}


/* NULL: they are good */
static const char *
hars_answer_windows(const json_t *root, hars_ml_answer_t *answer)
{
    size_t         i, n;
    json_t        *list;
    hars_window_t *window;

    list = json_object_get(root, "windows");
    n = json_array_size(list);

    if (!json_is_array(list) || n > HARS_ANSWER_WINDOWS) {
        return "it has no windows, or too many";
    }

    answer->window = calloc(n + 1, sizeof(hars_window_t));

    if (answer->window == NULL) {
        return "there is no memory for it";
    }

    for (i = 0; i < n; i++) {
        window = &answer->window[i];

        if (hars_answer_window(json_array_get(list, i), &answer->activities,
                               window) != HARS_OK)
        {
            return "one of its windows is none";
        }

        if (i && window->start_ms <= window[-1].start_ms) {
            return "its windows are not in order";
        }
    }

    answer->n = (unsigned) n;

    return NULL;
}


static int
hars_answer_window(const json_t *item, hars_activities_t *activities,
    hars_window_t *window)
{
    double   start, end, confidence;

    start = json_number_value(json_object_get(item, "start_s"));
    end = json_number_value(json_object_get(item, "end_s"));
    confidence = json_number_value(json_object_get(item, "confidence"));

    if (!(start > 0 && end > start && end < HARS_ANSWER_EVER
          && end - start <= HARS_WINDOW_MS / 1000.0
          && confidence >= 0 && confidence <= 1))
    {
        return HARS_ERROR;
    }

    window->start_ms = (int64_t) rint(start * 1000);
    window->len_ms = (uint32_t) ((int64_t) rint(end * 1000)
                                 - window->start_ms);
    window->confidence = (uint16_t) rint(confidence * 10000);

    return hars_answer_activity(item, "activity", activities,
                                &window->activity) == HARS_OK
           && hars_answer_activity(item, "smoothed", activities,
                                   &window->smoothed) == HARS_OK
           ? hars_answer_heart_rate(item, &window->heart_rate) : HARS_ERROR;
}


static int
hars_answer_activity(const json_t *item, const char *name,
    hars_activities_t *activities, uint8_t *place)
{
    int          at;
    size_t       len;
    const char  *value;

    value = json_string_value(json_object_get(item, name));
    len = value ? strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "abcdefghijklmnopqrstuvwxyz0123456789._ -") : 0;

    at = (len && value[len] == '\0') ? hars_activity(activities, value) : -1;
    *place = (uint8_t) at;

    return at < 0 ? HARS_ERROR : HARS_OK;
}


static int
hars_answer_heart_rate(const json_t *item, uint16_t *heart_rate)
{
    double         bpm;
    const json_t  *value;

    value = json_object_get(item, "heart_rate_bpm");
    *heart_rate = 0;

    if (value == NULL || json_is_null(value)) {
        return HARS_OK;
    }

    bpm = json_number_value(value);

    if (!(bpm >= 1 && bpm <= 1000)) {
        return HARS_ERROR;
    }

    *heart_rate = (uint16_t) rint(bpm * 10);

    return HARS_OK;
}


void
hars_ml_refusal(const char *body, size_t len, long status,
    char reason[HARS_ANSWER_REASON])
{
    char        *p;
    size_t       n;
    json_t      *root;
    const char  *detail;

    root = body ? json_loadb(body, len, 0, NULL) : NULL;
    detail = json_string_value(json_object_get(root, "detail"));
    n = detail ? strlen(detail) : 0;

    if (n == 0) {
        snprintf(reason, HARS_ANSWER_REASON, "the ML service refused it "
                 "(status %ld)", status);

    } else {
        if (n >= HARS_ANSWER_REASON) {

            /* not within a character: UTF-8's go on with 10xxxxxx */

            for (n = HARS_ANSWER_REASON - 1;
                 n && ((unsigned char) detail[n] & 0xc0) == 0x80; n--)
            { /* void */ }
        }

        memcpy(reason, detail, n);
        reason[n] = '\0';
    }

    for (p = reason; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            *p = ' ';
        }
    }

    json_decref(root);
}
