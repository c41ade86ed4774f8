
/*
 * What the service counts, for Prometheus: times by path, and sums.  Nothing
 * of a person: no activities, no names.
 */

#ifndef HARS_DCM_METRICS_H
#define HARS_DCM_METRICS_H


#include "hars_metrics.h"


/* any number of threads may add to these */
typedef struct {
    hars_metrics_times_t    times;
    atomic_ullong           recordings;   /* stored */
    atomic_ullong           samples;      /* rows of them */
    atomic_ullong           bytes;        /* of their blocks */
    atomic_ullong           relayed;      /* those of the fog */
    atomic_ullong           unresolved;   /* not taken: no word of whose */
    atomic_ullong           refused;      /* recordings */
    atomic_ullong           recognized;   /* recordings */
    atomic_ullong           failed;       /* the same, for good */
    atomic_ullong           retries;      /* that had to wait */
    atomic_ullong           windows;      /* stored */
} hars_dcm_metrics_t;


/* hars_http_conf_t: served */
void hars_dcm_served(void *data, const hars_route_t *route,
    uint64_t microseconds);

/* a handler */
void hars_dcm_metrics(hars_request_t *r);


#endif /* HARS_DCM_METRICS_H */
