
/* See hars_as_metrics.h for what this is. */

#include "hars_as_metrics.h"
#include "hars_as_crl.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_METRICS_KINDS   16
#define HARS_METRICS_PATHS   32           /* with a histogram each */
#define HARS_METRICS_PAGE    65536


/* the upper ends of the buckets, and one for the rest */
static const struct {
    uint64_t     us;
    const char  *text;
} hars_metrics_buckets[] = {
    { 250, "0.00025" }, { 500, "0.0005" }, { 1000, "0.001" },
    { 2500, "0.0025" }, { 5000, "0.005" }, { 10000, "0.01" },
    { 25000, "0.025" }, { 50000, "0.05" }, { 100000, "0.1" },
    { 250000, "0.25" }, { 1000000, "1" }, { UINT64_MAX, "+Inf" }
};

#define HARS_METRICS_BUCKETS                                                 \
    (sizeof(hars_metrics_buckets) / sizeof(hars_metrics_buckets[0]))


typedef struct {
    _Atomic(const char *)          path;        /* NULL: free */
    atomic_ullong                  bucket[HARS_METRICS_BUCKETS];
    atomic_ullong                  sum;         /* us */
} hars_metrics_path_t;


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
    hars_metrics_path_t    path[HARS_METRICS_PATHS];
};


typedef struct {
    char    *text;
    size_t   len;
} hars_metrics_page_t;


static void hars_metrics_add(hars_metrics_page_t *page, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void hars_metrics_head(hars_metrics_page_t *page, const char *name,
    const char *type, const char *help);
static void hars_metrics_counters(hars_metrics_t *metrics,
    hars_metrics_page_t *page);
static void hars_metrics_certs(hars_as_t *as, hars_metrics_page_t *page);
static void hars_metrics_routes(hars_metrics_t *metrics,
    hars_metrics_page_t *page);


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
    unsigned               i, k;
    const char            *path;
    hars_metrics_t        *metrics;
    hars_metrics_path_t   *place;

    metrics = ((hars_as_socket_t *) data)->as->metrics;

    if (metrics == NULL) {
        return;
    }

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
hars_as_metrics(hars_request_t *r)
{
    hars_metrics_page_t   page;
    hars_as_socket_t     *socket;

    socket = r->data;
    page.len = 0;
    page.text = malloc(HARS_METRICS_PAGE);

    if (page.text == NULL || socket->as->metrics == NULL) {
        free(page.text);
        hars_reply_problem(r, 503, "There are no metrics.");
        return;
    }

    hars_metrics_counters(socket->as->metrics, &page);
    hars_metrics_certs(socket->as, &page);
    hars_metrics_routes(socket->as->metrics, &page);

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", page.text,
               page.len);
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

    hars_metrics_head(page, "hars_as_tokens_revoked_total", "counter",
                      "Live tokens that these have ended.");
    hars_metrics_add(page, "hars_as_tokens_revoked_total %llu\n",
                     atomic_load(&metrics->revoked_tokens));

    hars_metrics_head(page, "hars_as_enrolments_total", "counter",
                      "Enrolments asked for (RFC 7030), by the outcome.");

    for (i = 0; i < HARS_EST_OUTCOMES; i++) {
        hars_metrics_add(page,
                         "hars_as_enrolments_total{outcome=\"%s\"} %llu\n",
                         est[i], atomic_load(&metrics->est[i]));
    }

    hars_metrics_head(page, "hars_as_redis_up", "gauge",
                      "1: connected to Redis, all of it.");
    hars_metrics_add(page, "hars_as_redis_up %u\n",
                     atomic_load(&metrics->redis_up));

    hars_metrics_head(page, "hars_as_redis_told", "gauge",
                      "1: Redis has been told of all revocations.");
    hars_metrics_add(page, "hars_as_redis_told %u\n",
                     atomic_load(&metrics->redis_told));

    hars_metrics_head(page, "hars_as_start_time_seconds", "gauge",
                      "When this process began, unix time.");
    hars_metrics_add(page, "hars_as_start_time_seconds %lld\n",
                     (long long) metrics->started);
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

    hars_metrics_head(page, "hars_as_crl_number", "gauge",
                      "Of the revocation list that is shown.");
    hars_metrics_add(page, "hars_as_crl_number %lld\n",
                     (long long) info.number);

    hars_metrics_head(page, "hars_as_crl_entries", "gauge",
                      "Certificates that stand in it.");
    hars_metrics_add(page, "hars_as_crl_entries %zu\n", info.n);

    hars_metrics_head(page, "hars_as_crl_issued_seconds", "gauge",
                      "When it was signed, unix time.");
    hars_metrics_add(page, "hars_as_crl_issued_seconds %lld\n",
                     (long long) info.issued_at);

    hars_metrics_head(page, "hars_as_crl_next_update_seconds", "gauge",
                      "When it ends, unix time.");
    hars_metrics_add(page, "hars_as_crl_next_update_seconds %lld\n",
                     (long long) info.next_update);
}


static void
hars_metrics_routes(hars_metrics_t *metrics, hars_metrics_page_t *page)
{
    size_t                 i, k;
    const char            *path;
    unsigned long long     n;
    hars_metrics_path_t   *place;

    hars_metrics_head(page, "hars_as_request_duration_seconds", "histogram",
                      "From the whole request to its answer.");

    for (i = 0; i < HARS_METRICS_PATHS; i++) {
        place = &metrics->path[i];
        path = atomic_load(&place->path);

        if (path == NULL) {
            continue;
        }

        n = 0;

        for (k = 0; k < HARS_METRICS_BUCKETS; k++) {
            n += atomic_load(&place->bucket[k]);
            hars_metrics_add(page, "hars_as_request_duration_seconds_bucket"
                             "{path=\"%s\",le=\"%s\"} %llu\n", path,
                             hars_metrics_buckets[k].text, n);
        }

        hars_metrics_add(page, "hars_as_request_duration_seconds_sum"
                         "{path=\"%s\"} %.6f\n", path,
                         (double) atomic_load(&place->sum) / 1e6);
        hars_metrics_add(page, "hars_as_request_duration_seconds_count"
                         "{path=\"%s\"} %llu\n", path, n);
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

    /* the page is made for all there is; half a line is none */

    if (n > 0 && (size_t) n < HARS_METRICS_PAGE - page->len) {
        page->len += (size_t) n;
    }
}
