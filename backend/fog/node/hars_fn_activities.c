
/* See hars_fn_activities.h for what this is. */

#include "hars_fn_activities.h"

#include <string.h>

#include <jansson.h>


static void hars_fn_windows(const json_t *list, const hars_fn_news_t *of,
    hars_fn_news_pt tell, void *data);
static int hars_fn_window(const json_t *item, hars_fn_news_t *news);


int
hars_fn_activities(const char *body, size_t len, const hars_fn_news_t *of,
    hars_fn_news_pt tell, void *data)
{
    int          rc;
    json_t      *root;
    const char  *state;

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    state = json_string_value(json_object_get(root, "state"));
    rc = HARS_DECLINED;

    if (state && strcmp(state, "done") == 0) {
        hars_fn_windows(json_object_get(root, "activities"), of, tell, data);
        rc = HARS_OK;

    } else if (state && strcmp(state, "failed") == 0) {
        rc = HARS_OK;
    }

    json_decref(root);

    return rc;
}


static void
hars_fn_windows(const json_t *list, const hars_fn_news_t *of,
    hars_fn_news_pt tell, void *data)
{
    size_t           i;
    hars_fn_news_t   all, one;

    all = one = *of;
    all.name[0] = '\0';

    for (i = 0; i < json_array_size(list); i++) {

        if (hars_fn_window(json_array_get(list, i), &one) != HARS_OK) {
            continue;
        }

        if (strcmp(all.name, one.name) == 0 && one.from <= all.to) {
            all.to = one.to > all.to ? one.to : all.to;
            continue;
        }

        if (all.name[0]) {
            tell(data, &all);
        }

        all = one;
    }

    if (all.name[0]) {
        tell(data, &all);
    }
}


static int
hars_fn_window(const json_t *item, hars_fn_news_t *news)
{
    double       from, to;
    const char  *name;

    from = json_number_value(json_object_get(item, "start"));
    to = json_number_value(json_object_get(item, "end"));
    name = json_string_value(json_object_get(item, "smoothed"));

    if (name == NULL) {
        name = json_string_value(json_object_get(item, "activity"));
    }

    if (name == NULL || name[0] == '\0' || strlen(name) >= HARS_FOG_NAME
        || !(from >= 0 && from <= to && to < 1e11))
    {
        return HARS_ERROR;
    }

    news->from = (uint64_t) (from * 1000 + 0.5);
    news->to = (uint64_t) (to * 1000 + 0.5);
    strcpy(news->name, name);

    return HARS_OK;
}
