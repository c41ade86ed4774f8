
/* See hars_dcm_window_json.h for what this is. */

#include "hars_dcm_window_json.h"


json_t *
hars_window_json(const hars_window_t *window,
    const hars_activities_t *activities, const char *recording,
    const char *model)
{
    json_t  *item;

    item = json_pack("{s:f, s:f, s:s, s:f, s:s, s:o}",
                     "start", (double) window->start_ms / 1000,
                     "end", (double) (window->start_ms + window->len_ms)
                            / 1000,
                     "activity", activities->name[window->activity],
                     "confidence", window->confidence / 10000.0,
                     "smoothed", activities->name[window->smoothed],
                     "heart_rate_bpm", window->heart_rate
                     ? json_real(window->heart_rate / 10.0) : json_null());

    if (item && recording) {
        json_object_set_new(item, "recording", json_string(recording));
        json_object_set_new(item, "model", json_string(model));
    }

    return item;
}
