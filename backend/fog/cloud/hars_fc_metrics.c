
/* What is counted, for Prometheus; refusals by the code of their error. */

#include "hars_fc.h"
#include "hars_fc_provisional.h"

#include <string.h>


/* in the order of hars_fc_refusals (hars_fc_sessions_post.c) */
static const char *const  hars_fc_codes[] = {
    "malformed", "suite", "rejected", "peer_rejected", "busy", "internal"
};


void
hars_fc_served(void *data, const hars_route_t *route, uint64_t microseconds)
{
    hars_metrics_time(&((hars_fc_t *) data)->metrics.times, route,
                      microseconds);
}


void
hars_fc_metrics(hars_request_t *r)
{
    unsigned              i;
    hars_fc_t            *fc = r->data;
    hars_fc_metrics_t    *m = &fc->metrics;
    hars_metrics_page_t   page;

    memset(&page, 0, sizeof(hars_metrics_page_t));

    hars_metrics_number(&page, "hars_fogcloud_registered_total", "counter",
                        "Parties registered.", atomic_load(&m->registered));
    hars_metrics_number(&page, "hars_fogcloud_accepted_total", "counter",
                        "Sessions whose M3 was made.",
                        atomic_load(&m->accepted));
    hars_metrics_number(&page, "hars_fogcloud_confirmed_total", "counter",
                        "Sessions that a first record confirmed.",
                        atomic_load(&m->confirmed));
    hars_metrics_number(&page, "hars_fogcloud_provisional", "gauge",
                        "Sessions that wait for their first record.",
                        hars_fc_provisional_count(fc->provisional));

    hars_metrics_head(&page, "hars_fogcloud_refused_total", "counter",
                      "M2 refused, by the code of the error.");

    for (i = 0; i < sizeof(hars_fc_codes) / sizeof(char *); i++) {
        hars_metrics_add(&page, "hars_fogcloud_refused_total{code=\"%s\"} "
                         "%llu\n", hars_fc_codes[i],
                         atomic_load(&m->refused[i]));
    }

    hars_metrics_number(&page, "hars_fogcloud_burns_total", "counter",
                        "M1 whose tag was wrong.", atomic_load(&m->burns));
    hars_metrics_number(&page, "hars_fogcloud_burns_unwritten", "gauge",
                        "Devices of which such are not in the database.",
                        atomic_load(&m->unwritten));

    hars_metrics_times(&page, "hars_fogcloud_request_seconds",
                       "Time in the handler, by path.", &m->times);

    hars_metrics_reply(r, &page);
}
