
/*
 * See hars_metrics.h for what this is.  The buckets go from a quarter of a
 * millisecond, an introspection, to seconds, a long recording recognized:
 * one table, so that dashboards of all services read alike.
 */

#include "hars_metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_METRICS_PAGE  16384


/* the upper ends of the buckets, and one for the rest */
static const struct {
    uint64_t     us;
    const char  *text;
} hars_metrics_buckets[HARS_METRICS_BUCKETS] = {
    { 250, "0.00025" },
    { 500, "0.0005" },
    { 1000, "0.001" },
    { 2500, "0.0025" },
    { 5000, "0.005" },
    { 10000, "0.01" },
    { 25000, "0.025" },
    { 50000, "0.05" },
    { 100000, "0.1" },
    { 250000, "0.25" },
    { 500000, "0.5" },
    { 1000000, "1" },
    { 2500000, "2.5" },
    { UINT64_MAX, "+Inf" }
};


static int hars_metrics_room(hars_metrics_page_t *page, size_t len);
static void hars_metrics_path(hars_metrics_page_t *page, const char *name,
    const char *path, hars_metrics_path_t *place);


void
hars_metrics_head(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help)
{
    hars_metrics_add(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                     type);
}


void
hars_metrics_add(hars_metrics_page_t *page, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0 || !hars_metrics_room(page, (size_t) n + 1)) {
        page->failed = 1;
        return;
    }

    va_start(args, fmt);
    vsnprintf(page->text + page->len, (size_t) n + 1, fmt, args);
    va_end(args);

    page->len += (size_t) n;
}


static int
hars_metrics_room(hars_metrics_page_t *page, size_t len)
{
    char    *text;
    size_t   size;

    size = page->size ? page->size : HARS_METRICS_PAGE;

    while (size - page->len < len) {
        size *= 2;
    }

    if (size != page->size) {
        text = realloc(page->text, size);

        if (text == NULL) {
            return 0;
        }

        page->text = text;
        page->size = size;
    }

    return 1;
}


void
hars_metrics_number(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help, unsigned long long value)
{
    hars_metrics_head(page, name, type, help);
    hars_metrics_add(page, "%s %llu\n", name, value);
}


void
hars_metrics_time(hars_metrics_times_t *times, const hars_route_t *route,
    uint64_t microseconds)
{
    unsigned              i, k;
    const char           *path;
    hars_metrics_path_t  *place;

    for (i = 0; i < HARS_METRICS_PATHS; i++) {
        place = &times->path[i];
        path = NULL;

        /* the first one to come takes the free place */

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
hars_metrics_times(hars_metrics_page_t *page, const char *name,
    const char *help, hars_metrics_times_t *times)
{
    unsigned     i;
    const char  *path;

    hars_metrics_head(page, name, "histogram", help);

    for (i = 0; i < HARS_METRICS_PATHS; i++) {
        path = atomic_load(&times->path[i].path);

        if (path) {
            hars_metrics_path(page, name, path, &times->path[i]);
        }
    }
}


static void
hars_metrics_path(hars_metrics_page_t *page, const char *name,
    const char *path, hars_metrics_path_t *place)
{
    unsigned            i;
    unsigned long long  n;

    n = 0;

    for (i = 0; i < HARS_METRICS_BUCKETS; i++) {
        n += atomic_load(&place->bucket[i]);
        hars_metrics_add(page, "%s_bucket{path=\"%s\",le=\"%s\"} %llu\n",
                         name, path, hars_metrics_buckets[i].text, n);
    }

    /* the count is the last bucket's, whoever adds in between */

    hars_metrics_add(page, "%s_sum{path=\"%s\"} %.6f\n", name, path,
                     (double) atomic_load(&place->sum) / 1e6);
    hars_metrics_add(page, "%s_count{path=\"%s\"} %llu\n", name, path, n);
}


void
hars_metrics_reply(hars_request_t *r, hars_metrics_page_t *page)
{
    if (page->failed || page->text == NULL) {
        free(page->text);
        hars_reply_problem(r, 503, "The service is short of memory.");

    } else {
        hars_reply_header(r, "Cache-Control", "no-store");
        hars_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8",
                   page->text, page->len);
    }

    memset(page, 0, sizeof(hars_metrics_page_t));
}
