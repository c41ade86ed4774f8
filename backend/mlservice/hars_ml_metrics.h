
/*
 * What the service counts, for Prometheus: requests and their time by path,
 * refusals by status, rows, windows, streams, models.  Nothing of a person:
 * no activities, no names.
 */

#ifndef HARS_ML_METRICS_H
#define HARS_ML_METRICS_H


#include "hars_metrics.h"


typedef struct {
    hars_metrics_times_t    times;
    atomic_ullong           refused[600]; /* by status */
    atomic_ullong           rows;
    atomic_ullong           windows;
    atomic_ullong           parse;        /* ns */
    atomic_ullong           compute;      /* ns */
    atomic_ullong           streams;      /* made so far */
    atomic_ullong           reloads[2];   /* failed, done */
} hars_metrics_t;


/* ns that the calling thread has worked */
uint64_t hars_metrics_now(void);

void hars_metrics_refused(hars_metrics_t *metrics, unsigned status);

/* hars_http_conf_t: served */
void hars_metrics_served(void *data, const hars_route_t *route,
    uint64_t microseconds);

/* a handler */
void hars_metrics_get(hars_request_t *r);


#endif /* HARS_ML_METRICS_H */
