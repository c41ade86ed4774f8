
/*
 * What an operator watches: counters and durations since the start, and
 * whether Redis is there, as text for Prometheus (exposition format 0.0.4).
 * Names no client, token or certificate.
 */

#ifndef HARS_AS_METRICS_H
#define HARS_AS_METRICS_H


#include "hars_as.h"
#include "hars_as_est.h"
#include "hars_as_oauth.h"
#include "hars_as_ocsp.h"
#include "hars_as_store.h"
#include "hars_http.h"


typedef struct hars_metrics_s  hars_metrics_t;


/* by RFC 7591 and RFC 7592 */
typedef enum {
    HARS_METRICS_REGISTER = 0,
    HARS_METRICS_UPDATE,
    HARS_METRICS_REMOVE,
    HARS_METRICS_REGISTERED
} hars_metrics_registered_e;


/* NULL: no memory */
hars_metrics_t *hars_metrics_create(void);
void hars_metrics_free(hars_metrics_t *metrics);

void hars_metrics_issued(hars_metrics_t *metrics, const hars_kind_t *kind);
void hars_metrics_refused(hars_metrics_t *metrics, hars_oauth_error_e error);
void hars_metrics_registered(hars_metrics_t *metrics,
    hars_metrics_registered_e what);
void hars_metrics_introspected(hars_metrics_t *metrics, unsigned active);
void hars_metrics_revoked(hars_metrics_t *metrics, hars_revoke_e what,
    uint64_t tokens);
void hars_metrics_ocsp(hars_metrics_t *metrics, hars_ocsp_outcome_e outcome);
void hars_metrics_est(hars_metrics_t *metrics, hars_est_outcome_e outcome);

/* the main thread's: is Redis there, and has it been told everything? */
void hars_metrics_redis(hars_metrics_t *metrics, unsigned up, unsigned told);

/* hars_http_conf_t: served */
void hars_metrics_served(void *data, const hars_route_t *route,
    uint64_t microseconds);

/* a handler: GET */
void hars_as_metrics(hars_request_t *r);


#endif /* HARS_AS_METRICS_H */
