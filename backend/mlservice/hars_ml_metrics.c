
/* See hars_ml_metrics.h for what this is: counters as a page of text. */


#include "hars_ml_service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_METRICS_PAGE  16384


/* upper bounds; those of longer ones are in the last bucket alone */
static const struct {
    uint64_t      us;
    const char   *le;
} hars_metrics_buckets[HARS_METRICS_BUCKETS] = {
    { 1000, "0.001" },
    { 2500, "0.0025" },
    { 5000, "0.005" },
    { 10000, "0.01" },
    { 25000, "0.025" },
    { 100000, "0.1" },
    { 500000, "0.5" },
    { 2500000, "2.5" },
    { UINT64_MAX, "+Inf" }
};


typedef struct {
    char     *text;
    size_t    len;
} hars_metrics_page_t;


static void hars_metrics_counters(hars_ml_t *ml, hars_metrics_page_t *page);
static void hars_metrics_models(hars_ml_t *ml, hars_metrics_page_t *page);
static void hars_metrics_routes(hars_metrics_t *metrics,
    hars_metrics_page_t *page);
static void hars_metrics_head(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help);
static void hars_metrics_add(hars_metrics_page_t *page, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


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
    unsigned              i, k;
    const char           *path;
    hars_metrics_t       *metrics;
    hars_metrics_path_t  *place;

    metrics = &((hars_ml_t *) data)->metrics;

    for (i = 0; i < HARS_METRICS_PATHS; i++) {
        place = &metrics->path[i];
        path = NULL;

        /* several methods of one path are one series */

        if (atomic_compare_exchange_strong(&place->path, &path, route->path)
            || strcmp(path, route->path) == 0)
        {
            for (k = 0; microseconds > hars_metrics_buckets[k].us; k++) {
                /* void */
            }

            atomic_fetch_add(&place->bucket[k], 1);
            atomic_fetch_add(&place->sum, microseconds);

            return;
        }
    }
}


void
hars_metrics_get(hars_request_t *r)
{
    hars_ml_t            *ml;
    hars_metrics_page_t   page;

    ml = r->data;
    page.len = 0;
    page.text = malloc(HARS_METRICS_PAGE);

    if (page.text == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_metrics_counters(ml, &page);
    hars_metrics_models(ml, &page);
    hars_metrics_routes(&ml->metrics, &page);

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", page.text,
               page.len);
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

    hars_metrics_head(page, "hars_ml_rows_total", "counter",
                      "Rows read, of all streams.");
    hars_metrics_add(page, "hars_ml_rows_total %llu\n",
                     atomic_load(&m->rows));

    hars_metrics_head(page, "hars_ml_windows_total", "counter",
                      "Windows answered.");
    hars_metrics_add(page, "hars_ml_windows_total %llu\n",
                     atomic_load(&m->windows));

    hars_metrics_head(page, "hars_ml_seconds_total", "counter",
                      "Processor time for bodies, for what was in them.");
    hars_metrics_add(page, "hars_ml_seconds_total{part=\"parse\"} %.9f\n"
                     "hars_ml_seconds_total{part=\"compute\"} %.9f\n",
                     (double) atomic_load(&m->parse) / 1e9,
                     (double) atomic_load(&m->compute) / 1e9);

    hars_metrics_head(page, "hars_ml_streams_total", "counter",
                      "Streams made.");
    hars_metrics_add(page, "hars_ml_streams_total %llu\n",
                     atomic_load(&m->streams));

    hars_metrics_head(page, "hars_ml_streams", "gauge", "Streams open.");
    pthread_mutex_lock(&ml->sessions.lock);
    i = ml->sessions.n;
    pthread_mutex_unlock(&ml->sessions.lock);
    hars_metrics_add(page, "hars_ml_streams %u\n", i);

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


static void
hars_metrics_routes(hars_metrics_t *metrics, hars_metrics_page_t *page)
{
    unsigned               i, k;
    const char            *path;
    unsigned long long     n;
    hars_metrics_path_t   *place;

    hars_metrics_head(page, "hars_ml_request_seconds", "histogram",
                      "Time in the handler, by path.");

    for (i = 0; i < HARS_METRICS_PATHS; i++) {
        place = &metrics->path[i];
        path = atomic_load(&place->path);
        n = 0;

        for (k = 0; path && k < HARS_METRICS_BUCKETS; k++) {
            n += atomic_load(&place->bucket[k]);
            hars_metrics_add(page, "hars_ml_request_seconds_bucket"
                             "{path=\"%s\",le=\"%s\"} %llu\n", path,
                             hars_metrics_buckets[k].le, n);
        }

        if (path) {
            hars_metrics_add(page,
                             "hars_ml_request_seconds_sum{path=\"%s\"} %.6f\n"
                             "hars_ml_request_seconds_count{path=\"%s\"} "
                             "%llu\n", path,
                             (double) atomic_load(&place->sum) / 1e6, path, n);
        }
    }
}


static void
hars_metrics_head(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help)
{
    hars_metrics_add(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                     type);
}


static void
hars_metrics_add(hars_metrics_page_t *page, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(page->text + page->len, HARS_METRICS_PAGE - page->len, fmt,
                  args);
    va_end(args);

    /* a line that does not fit is left out */

    if (n > 0 && (size_t) n < HARS_METRICS_PAGE - page->len) {
        page->len += (size_t) n;
    }
}
