
/*
 * A page for Prometheus (exposition format 0.0.4), written line by line, and
 * what every service counts alike: how long its handlers took, by path.
 *
 * What else is counted, and under which names, is the service's own.  The
 * page grows as it is written; a service keeps the series few, and puts into
 * labels only words of its own: nothing is escaped, and nothing of a client.
 */

#ifndef HARS_METRICS_H
#define HARS_METRICS_H


#include "hars_http.h"

#include <stdatomic.h>


#define HARS_METRICS_PATHS    32          /* of a service, at most */
#define HARS_METRICS_BUCKETS  14          /* the last one: longer */


/* zeroed: an empty page */
typedef struct {
    char                   *text;
    size_t                  len;
    size_t                  size;
    unsigned                failed:1;     /* no memory: there is no page */
} hars_metrics_page_t;


typedef struct {
    _Atomic(const char *)   path;         /* of a route; NULL: free */
    atomic_ullong           bucket[HARS_METRICS_BUCKETS];
    atomic_ullong           sum;          /* us */
} hars_metrics_path_t;


/* zeroed: nothing was served yet; any number of threads may add to it */
typedef struct {
    hars_metrics_path_t     path[HARS_METRICS_PATHS];
} hars_metrics_times_t;


/* what comes before the series of a metric */
void hars_metrics_head(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help);

/* lines of the page, whole ones */
void hars_metrics_add(hars_metrics_page_t *page, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* a metric of one series */
void hars_metrics_number(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help, unsigned long long value);

/*
 * A request was served; all methods of a path are one series.  Paths beyond
 * HARS_METRICS_PATHS are not counted.
 */
void hars_metrics_time(hars_metrics_times_t *times, const hars_route_t *route,
    uint64_t microseconds);

/* the histograms of all paths, in seconds */
void hars_metrics_times(hars_metrics_page_t *page, const char *name,
    const char *help, hars_metrics_times_t *times);

/* the answer to a request; the page is not the caller's any more */
void hars_metrics_reply(hars_request_t *r, hars_metrics_page_t *page);


#endif /* HARS_METRICS_H */
