
/* See hars_as_metrics.h for what this is. */

#include "hars_as_metrics.h"
#include "hars_as_crl.h"
#include "hars_metrics.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_METRICS_KINDS   16


struct hars_metrics_s {
    time_t                 started;
    atomic_ullong          issued[HARS_METRICS_KINDS];
    atomic_ullong          refused[HARS_OAUTH_ERRORS];
    atomic_ullong          introspected[2];
    atomic_ullong          registered[HARS_METRICS_REGISTERED];
    atomic_ullong          revoked[HARS_REVOKE_CERT + 1];
    atomic_ullong          revoked_tokens;
    atomic_ullong          est[HARS_EST_OUTCOMES];
    atomic_ullong          ocsp[HARS_OCSP_OUTCOMES];
    atomic_uint            redis_up;
    atomic_uint            redis_told;
    hars_metrics_times_t   times;
};


static void hars_metrics_counters(hars_metrics_t *metrics,
    hars_metrics_page_t *page);
static void hars_metrics_publish(hars_as_t *as, hars_metrics_page_t *page);
static void hars_metrics_certs(hars_as_t *as, hars_metrics_page_t *page);


hars_metrics_t *
hars_metrics_create(void)
{
    hars_metrics_t  *metrics;

    metrics = calloc(1, sizeof(hars_metrics_t));

    if (metrics) {
        metrics->started = time(NULL);
    }

    return metrics;
}


void
hars_metrics_free(hars_metrics_t *metrics)
{
    free(metrics);
}


void
hars_metrics_issued(hars_metrics_t *metrics, const hars_kind_t *kind)
{
    size_t  i;

    i = (size_t) (kind - hars_kinds);

    if (metrics && i < HARS_METRICS_KINDS) {
        atomic_fetch_add(&metrics->issued[i], 1);
    }
}


void
hars_metrics_refused(hars_metrics_t *metrics, hars_oauth_error_e error)
{
    if (metrics) {
        atomic_fetch_add(&metrics->refused[error], 1);
    }
}


void
hars_metrics_registered(hars_metrics_t *metrics,
    hars_metrics_registered_e what)
{
    if (metrics) {
        atomic_fetch_add(&metrics->registered[what], 1);
    }
}


void
hars_metrics_introspected(hars_metrics_t *metrics, unsigned active)
{
    if (metrics) {
        atomic_fetch_add(&metrics->introspected[active != 0], 1);
    }
}


void
hars_metrics_revoked(hars_metrics_t *metrics, hars_revoke_e what,
    uint64_t tokens)
{
    if (metrics) {
        atomic_fetch_add(&metrics->revoked[what], 1);
        atomic_fetch_add(&metrics->revoked_tokens, tokens);
    }
}


void
hars_metrics_est(hars_metrics_t *metrics, hars_est_outcome_e outcome)
{
    if (metrics) {
        atomic_fetch_add(&metrics->est[outcome], 1);
    }
}


void
hars_metrics_ocsp(hars_metrics_t *metrics, hars_ocsp_outcome_e outcome)
{
    if (metrics) {
        atomic_fetch_add(&metrics->ocsp[outcome], 1);
    }
}


void
hars_metrics_redis(hars_metrics_t *metrics, unsigned up, unsigned told)
{
    if (metrics) {
        atomic_store(&metrics->redis_up, up);
        atomic_store(&metrics->redis_told, told);
    }
}


void
hars_metrics_served(void *data, const hars_route_t *route,
    uint64_t microseconds)
{
    hars_metrics_t  *metrics;

    metrics = ((hars_as_socket_t *) data)->as->metrics;

    if (metrics) {
        hars_metrics_time(&metrics->times, route, microseconds);
    }
}


void
hars_as_metrics(hars_request_t *r)
{
    hars_metrics_page_t   page;
    hars_as_socket_t     *socket;

    socket = r->data;

    if (socket->as->metrics == NULL) {
        hars_reply_problem(r, 503, "There are no metrics.");
        return;
    }

    memset(&page, 0, sizeof(hars_metrics_page_t));

    hars_metrics_counters(socket->as->metrics, &page);
    hars_metrics_publish(socket->as, &page);
    hars_metrics_certs(socket->as, &page);
    hars_metrics_times(&page, "hars_as_request_duration_seconds",
                       "From the whole request to its answer.",
                       &socket->as->metrics->times);

    hars_metrics_reply(r, &page);
}


static void
hars_metrics_counters(hars_metrics_t *metrics, hars_metrics_page_t *page)
{
    size_t  i;

    static const char  *active[] = { "inactive", "active" };
    static const char  *registered[] = { "register", "update", "remove" };
    static const char  *what[] = { "token", "family", "client", "sub",
                                   "certificate" };
    static const char  *est[] = { "enrolled", "reenrolled", "refused",
                                  "limited", "failed" };

    hars_metrics_head(page, "hars_as_tokens_issued_total", "counter",
                      "Tokens issued, by the kind of client.");

    for (i = 0; hars_kinds[i].name && i < HARS_METRICS_KINDS; i++) {
        if (hars_kinds[i].grant) {
            hars_metrics_add(page,
                             "hars_as_tokens_issued_total{kind=\"%s\"} %llu\n",
                             hars_kinds[i].name,
                             atomic_load(&metrics->issued[i]));
        }
    }

    hars_metrics_head(page, "hars_as_refused_total", "counter",
                      "Requests refused, by the error of RFC 6749, 7591.");

    for (i = 0; i < HARS_OAUTH_ERRORS; i++) {
        hars_metrics_add(page, "hars_as_refused_total{error=\"%s\"} %llu\n",
                         hars_oauth_name((hars_oauth_error_e) i),
                         atomic_load(&metrics->refused[i]));
    }

    hars_metrics_head(page, "hars_as_introspections_total", "counter",
                      "Introspections answered, by the answer.");

    for (i = 0; i < 2; i++) {
        hars_metrics_add(page,
                         "hars_as_introspections_total{answer=\"%s\"} %llu\n",
                         active[i], atomic_load(&metrics->introspected[i]));
    }

    hars_metrics_head(page, "hars_as_registrations_total", "counter",
                      "Registrations over HTTP, by what was done.");

    for (i = 0; i < HARS_METRICS_REGISTERED; i++) {
        hars_metrics_add(page,
                         "hars_as_registrations_total{what=\"%s\"} %llu\n",
                         registered[i],
                         atomic_load(&metrics->registered[i]));
    }

    hars_metrics_head(page, "hars_as_revocations_total", "counter",
                      "Revocations asked for, by what was named.");

    for (i = 0; i <= HARS_REVOKE_CERT; i++) {
        hars_metrics_add(page,
                         "hars_as_revocations_total{what=\"%s\"} %llu\n",
                         what[i], atomic_load(&metrics->revoked[i]));
    }

    hars_metrics_number(page, "hars_as_tokens_revoked_total", "counter",
                        "Live tokens that these have ended.",
                        atomic_load(&metrics->revoked_tokens));

    hars_metrics_head(page, "hars_as_enrolments_total", "counter",
                      "Enrolments asked for (RFC 7030), by the outcome.");

    for (i = 0; i < HARS_EST_OUTCOMES; i++) {
        hars_metrics_add(page,
                         "hars_as_enrolments_total{outcome=\"%s\"} %llu\n",
                         est[i], atomic_load(&metrics->est[i]));
    }

    hars_metrics_number(page, "hars_as_start_time_seconds", "gauge",
                        "When this process began, unix time.",
                        (unsigned long long) metrics->started);
}


/* 0 where there is none to be connected to would be an alarm for ever */
static void
hars_metrics_publish(hars_as_t *as, hars_metrics_page_t *page)
{
    if (as->publish == NULL) {
        return;
    }

    hars_metrics_number(page, "hars_as_redis_up", "gauge",
                        "1: connected to Redis, all of it.",
                        atomic_load(&as->metrics->redis_up));

    hars_metrics_number(page, "hars_as_redis_told", "gauge",
                        "1: Redis has been told of all revocations.",
                        atomic_load(&as->metrics->redis_told));
}


static void
hars_metrics_certs(hars_as_t *as, hars_metrics_page_t *page)
{
    size_t           i;
    hars_crl_info_t  info;

    static const char  *ocsp[] = { "good", "revoked", "unknown", "refused",
                                   "failed" };

    if (as->crl == NULL) {
        return;
    }

    hars_metrics_head(page, "hars_as_ocsp_total", "counter",
                      "Questions about certificates, by the answer.");

    for (i = 0; i < HARS_OCSP_OUTCOMES; i++) {
        hars_metrics_add(page, "hars_as_ocsp_total{answer=\"%s\"} %llu\n",
                         ocsp[i], atomic_load(&as->metrics->ocsp[i]));
    }

    hars_crl_info(as->crl, &info);

    hars_metrics_number(page, "hars_as_crl_number", "gauge",
                        "Of the revocation list that is shown.",
                        (unsigned long long) info.number);

    hars_metrics_number(page, "hars_as_crl_entries", "gauge",
                        "Certificates that stand in it.", info.n);

    hars_metrics_number(page, "hars_as_crl_issued_seconds", "gauge",
                        "When it was signed, unix time.",
                        (unsigned long long) info.issued_at);

    hars_metrics_number(page, "hars_as_crl_next_update_seconds", "gauge",
                        "When it ends, unix time.",
                        (unsigned long long) info.next_update);
}
