
/* See hars_dcm_metrics.h for what this is. */

#include "hars_dcm.h"

#include <string.h>


void
hars_dcm_served(void *data, const hars_route_t *route, uint64_t microseconds)
{
    hars_metrics_time(&((hars_dcm_t *) data)->metrics.times, route,
                      microseconds);
}


void
hars_dcm_metrics(hars_request_t *r)
{
    hars_dcm_metrics_t   *m;
    hars_metrics_page_t   page;

    m = &((hars_dcm_t *) r->data)->metrics;
    memset(&page, 0, sizeof(hars_metrics_page_t));

    hars_metrics_number(&page, "hars_dcm_recordings_total", "counter",
                        "Recordings stored.", atomic_load(&m->recordings));
    hars_metrics_number(&page, "hars_dcm_relayed_total", "counter",
                        "Recordings stored that fog nodes sent.",
                        atomic_load(&m->relayed));
    hars_metrics_number(&page, "hars_dcm_unresolved_total", "counter",
                        "Recordings of fog nodes that have to come again: "
                        "nobody could say whose they are.",
                        atomic_load(&m->unresolved));
    hars_metrics_number(&page, "hars_dcm_refused_total", "counter",
                        "Recordings refused.", atomic_load(&m->refused));
    hars_metrics_number(&page, "hars_dcm_samples_total", "counter",
                        "Rows of stored recordings.",
                        atomic_load(&m->samples));
    hars_metrics_number(&page, "hars_dcm_bytes_total", "counter",
                        "Bytes of their blocks, compressed and sealed.",
                        atomic_load(&m->bytes));
    hars_metrics_number(&page, "hars_dcm_recognized_total", "counter",
                        "Recordings whose activities were recognized.",
                        atomic_load(&m->recognized));
    hars_metrics_number(&page, "hars_dcm_failed_total", "counter",
                        "Recordings that the ML service refused.",
                        atomic_load(&m->failed));
    hars_metrics_number(&page, "hars_dcm_retries_total", "counter",
                        "Attempts that have to be made again.",
                        atomic_load(&m->retries));
    hars_metrics_number(&page, "hars_dcm_windows_total", "counter",
                        "Windows stored.", atomic_load(&m->windows));
    hars_metrics_times(&page, "hars_dcm_request_seconds",
                       "Time in the handler, by path.", &m->times);

    hars_metrics_reply(r, &page);
}
