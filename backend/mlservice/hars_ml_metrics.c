
/* See hars_ml_metrics.h for what this is: counters as a page of text. */


#include "hars_ml_service.h"

#include <string.h>
#include <time.h>


static void hars_metrics_counters(hars_ml_t *ml, hars_metrics_page_t *page);
static void hars_metrics_models(hars_ml_t *ml, hars_metrics_page_t *page);


uint64_t
hars_metrics_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


void
hars_metrics_refused(hars_metrics_t *metrics, unsigned status)
{
    if (status < sizeof(metrics->refused) / sizeof(metrics->refused[0])) {
        atomic_fetch_add(&metrics->refused[status], 1);
    }
}


void
hars_metrics_served(void *data, const hars_route_t *route,
    uint64_t microseconds)
{
    hars_metrics_time(&((hars_ml_t *) data)->metrics.times, route,
                      microseconds);
}


void
hars_metrics_get(hars_request_t *r)
{
    hars_ml_t            *ml;
    hars_metrics_page_t   page;

    ml = r->data;
    memset(&page, 0, sizeof(hars_metrics_page_t));

    hars_metrics_counters(ml, &page);
    hars_metrics_models(ml, &page);
    hars_metrics_times(&page, "hars_ml_request_seconds",
                       "Time in the handler, by path.", &ml->metrics.times);

    hars_metrics_reply(r, &page);
}


static void
hars_metrics_counters(hars_ml_t *ml, hars_metrics_page_t *page)
{
    unsigned               i;
    unsigned long long     n;
    hars_metrics_t        *m;

    m = &ml->metrics;

    hars_metrics_head(page, "hars_ml_refused_total", "counter",
                      "Requests refused, by status.");

    for (i = 0; i < sizeof(m->refused) / sizeof(m->refused[0]); i++) {
        n = atomic_load(&m->refused[i]);

        if (n) {
            hars_metrics_add(page, "hars_ml_refused_total{status=\"%u\"} "
                             "%llu\n", i, n);
        }
    }

    hars_metrics_number(page, "hars_ml_rows_total", "counter",
                        "Rows read, of all streams.", atomic_load(&m->rows));
    hars_metrics_number(page, "hars_ml_windows_total", "counter",
                        "Windows answered.", atomic_load(&m->windows));

    hars_metrics_head(page, "hars_ml_seconds_total", "counter",
                      "Processor time for bodies, for what was in them.");
    hars_metrics_add(page, "hars_ml_seconds_total{part=\"parse\"} %.9f\n"
                     "hars_ml_seconds_total{part=\"compute\"} %.9f\n",
                     (double) atomic_load(&m->parse) / 1e9,
                     (double) atomic_load(&m->compute) / 1e9);

    hars_metrics_number(page, "hars_ml_streams_total", "counter",
                        "Streams made.", atomic_load(&m->streams));

    pthread_mutex_lock(&ml->sessions.lock);
    i = ml->sessions.n;
    pthread_mutex_unlock(&ml->sessions.lock);
    hars_metrics_number(page, "hars_ml_streams", "gauge", "Streams open.", i);

    hars_metrics_head(page, "hars_ml_reloads_total", "counter",
                      "Times that the models were read anew.");
    hars_metrics_add(page, "hars_ml_reloads_total{result=\"done\"} %llu\n"
                     "hars_ml_reloads_total{result=\"failed\"} %llu\n",
                     atomic_load(&m->reloads[1]),
                     atomic_load(&m->reloads[0]));
}


static void
hars_metrics_models(hars_ml_t *ml, hars_metrics_page_t *page)
{
    unsigned       i;
    hars_shelf_t  *shelf;

    hars_metrics_head(page, "hars_ml_model_info", "gauge",
                      "1: this model answers.");

    shelf = hars_shelf_hold(ml);

    for (i = 0; i < shelf->n; i++) {
        hars_metrics_add(page, "hars_ml_model_info{id=\"%s\"} 1\n",
                         shelf->model[i]->id);
    }

    hars_shelf_release(ml, shelf);
}
