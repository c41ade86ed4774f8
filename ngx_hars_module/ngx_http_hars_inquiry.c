
/*
 * What a flight asks, and what is learnt: Redis, which knows what other
 * gateways and the authorization server wrote; then the authority itself, of
 * which a worker asks so many questions at once, and keeps so many waiting.
 * What is learnt goes into L1 and Redis, whoever still waits for it.
 *
 * Trouble with Redis only leads on to the authority.  Without its answer
 * there is none, and that is no denial.
 */

#include "ngx_http_hars.h"


static ngx_int_t ngx_http_hars_l2(ngx_http_hars_flight_t *flight);
static void ngx_http_hars_l2_done(void *data, ngx_int_t rc, u_char *value,
    size_t len, ngx_uint_t told);
static ngx_int_t ngx_http_hars_l2_open(ngx_http_hars_flight_t *flight,
    u_char *value, size_t len, ngx_uint_t told);
static ngx_uint_t ngx_http_hars_l2_fault(ngx_http_hars_zone_t *zone,
    u_char *value, size_t len);
static ngx_int_t ngx_http_hars_l2_reject(ngx_http_hars_zone_t *zone,
    ngx_uint_t fault);
static void ngx_http_hars_ask(ngx_http_hars_flight_t *flight);
static void ngx_http_hars_ask_now(ngx_http_hars_flight_t *flight);
static void ngx_http_hars_ask_next(ngx_http_hars_endpoint_t *ep);
static void ngx_http_hars_answered(ngx_http_hars_job_t *job, ngx_int_t rc,
    u_char *json, size_t len);
static ngx_int_t ngx_http_hars_learn(ngx_http_hars_flight_t *flight,
    ngx_http_hars_job_t *job, u_char *json, size_t len);
static void ngx_http_hars_share(ngx_http_hars_flight_t *flight,
    u_char *record, size_t len, ngx_msec_t ttl);
static void ngx_http_hars_inquiry_timer_handler(ngx_event_t *ev);


void
ngx_http_hars_inquire(ngx_http_hars_flight_t *flight)
{
    /* one bound on the sum of all that is asked */

    flight->timer.handler = ngx_http_hars_inquiry_timer_handler;
    flight->timer.data = flight;
    flight->timer.log = ngx_cycle->log;

    ngx_add_timer(&flight->timer, flight->timeout);

    if (ngx_http_hars_l2(flight) == NGX_DECLINED) {
        ngx_http_hars_ask(flight);
    }
}


void
ngx_http_hars_inquiry_cancel(ngx_http_hars_flight_t *flight)
{
    if (flight->timer.timer_set) {
        ngx_del_timer(&flight->timer);
    }

    if (flight->query) {
        ngx_http_hars_redis_cancel(flight->query);
        flight->query = NULL;
    }

    if (flight->waiting) {
        flight->waiting = 0;
        ngx_queue_remove(&flight->queue);
        flight->endpoint->nwaiting--;
    }

    if (flight->job) {
        ngx_http_hars_introspect_cancel(flight->job);
        flight->job = NULL;
        flight->endpoint->asking--;

        ngx_http_hars_ask_next(flight->endpoint);
    }
}


static void
ngx_http_hars_inquiry_timer_handler(ngx_event_t *ev)
{
    ngx_http_hars_flight_t *flight = ev->data;

    if (flight->query) {
        ngx_http_hars_count(flight->zone, NGX_HTTP_HARS_C_REDIS_FAILED);
        ngx_http_hars_observe(flight->zone, NGX_HTTP_HARS_H_REDIS,
                              flight->sent);
    }

    if (flight->job) {
        ngx_http_hars_count(flight->zone, NGX_HTTP_HARS_C_ASKED_FAILED);
        ngx_http_hars_observe(flight->zone, NGX_HTTP_HARS_H_INTROSPECTION,
                              flight->sent);
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, NGX_ETIMEDOUT,
                  "hars: introspection took longer than hars_timeout, "
                  "token %*s", (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN,
                  flight->id);

    ngx_http_hars_flight_done(flight, NGX_ERROR, NGX_HTTP_HARS_SOURCE_NONE);
}


static ngx_int_t
ngx_http_hars_l2(ngx_http_hars_flight_t *flight)
{
    ngx_int_t  rc;

    if (flight->zone->redis == NULL) {
        return NGX_DECLINED;
    }

    flight->asked = ngx_http_hars_asked(flight->zone);
    flight->sent = ngx_http_hars_clock();

    rc = ngx_http_hars_redis_get(flight->zone->redis, flight->key,
                                 ngx_http_hars_l2_done, flight,
                                 &flight->query);

    if (rc == NGX_DECLINED) {
        ngx_http_hars_count(flight->zone, NGX_HTTP_HARS_C_REDIS_SKIPPED);
    }

    return rc;
}


static void
ngx_http_hars_l2_done(void *data, ngx_int_t rc, u_char *value, size_t len,
    ngx_uint_t told)
{
    ngx_http_hars_flight_t *flight = data;

    flight->query = NULL;

    ngx_http_hars_observe(flight->zone, NGX_HTTP_HARS_H_REDIS, flight->sent);

    if (rc == NGX_OK) {
        rc = ngx_http_hars_l2_open(flight, value, len, told);

    } else {
        ngx_http_hars_count(flight->zone,
                            rc == NGX_DECLINED ? NGX_HTTP_HARS_C_REDIS_NONE
                                               : NGX_HTTP_HARS_C_REDIS_FAILED);
    }

    if (rc == NGX_OK) {
        ngx_http_hars_flight_done(flight, NGX_OK, NGX_HTTP_HARS_SOURCE_L2);
        return;
    }

    ngx_http_hars_ask(flight);
}


static ngx_int_t
ngx_http_hars_l2_open(ngx_http_hars_flight_t *flight, u_char *value,
    size_t len, ngx_uint_t told)
{
    size_t                  size;
    u_char                  plain[HARS_RECORD_MAX];
    ngx_msec_t              ttl;
    ngx_uint_t              fault;
    hars_record_t           record;
    ngx_http_hars_zone_t   *zone;
    ngx_http_hars_entry_t   entry;

    zone = flight->zone;

    if (hars_is_tombstone(value, len)) {
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REDIS_TOMBSTONE);
        entry.deadline = ngx_current_msec + zone->negative_ttl;
        ngx_http_hars_flight_store(flight, NULL, 0, &entry);
        return NGX_OK;
    }

    if (hars_open(zone->seal, flight->key, flight->endpoint->id, value, len,
                  plain, &size)
        != HARS_OK
        || hars_record_decode(&record, plain, size) != HARS_OK
        || !record.active)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "hars: record %*s in Redis does not open",
                      (size_t) NGX_HTTP_HARS_TOKEN_ID_LEN, flight->id);

        fault = ngx_http_hars_l2_fault(zone, value, len);

        return ngx_http_hars_l2_reject(zone, fault);
    }

    /*
     * A server that may have lost a tombstone can deny, not admit: it has to
     * be one that was told of all revocations, while these are followed, and
     * all of them are known here.
     */

    if (zone->pushed
        && (!told || !ngx_http_hars_live(zone)
            || ngx_http_hars_revoked_full(zone)))
    {
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REDIS_UNTOLD);
        return NGX_DECLINED;
    }

    /* the sealed checked_at bounds what is restored or replayed */

    ttl = ngx_http_hars_record_ttl(zone, &record);

    if (ttl == 0) {
        return ngx_http_hars_l2_reject(zone, NGX_HTTP_HARS_C_SEAL_OLD);
    }

    entry.asked = flight->asked;
    entry.deadline = ngx_current_msec + ttl;

    /* one that would not be believed, or is itself about to be renewed */

    if (ngx_http_hars_until(zone, &entry) <= ngx_current_msec
        || (flight->renewal
            && ngx_http_hars_renew_at(zone, flight->key, &entry,
                                      flight->refresh)
               <= ngx_current_msec))
    {
        ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REDIS_DUE);
        return NGX_DECLINED;
    }

    ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REDIS_RECORD);
    ngx_http_hars_flight_store(flight, plain, size, &entry);

    return NGX_OK;
}


/* why a value does not open, as far as can be told from outside */

static ngx_uint_t
ngx_http_hars_l2_fault(ngx_http_hars_zone_t *zone, u_char *value, size_t len)
{
    switch (hars_seal_check(zone->seal, value, len)) {

    case HARS_OK:
        return NGX_HTTP_HARS_C_SEAL_SEAL;

    case HARS_DECLINED:
        return NGX_HTTP_HARS_C_SEAL_KEY;

    default:
        return NGX_HTTP_HARS_C_SEAL_FORM;
    }
}


static ngx_int_t
ngx_http_hars_l2_reject(ngx_http_hars_zone_t *zone, ngx_uint_t fault)
{
    ngx_http_hars_count(zone, NGX_HTTP_HARS_C_REDIS_REJECTED);
    ngx_http_hars_count(zone, fault);

    return NGX_DECLINED;
}


static void
ngx_http_hars_ask(ngx_http_hars_flight_t *flight)
{
    ngx_http_hars_endpoint_t  *ep;

    ep = flight->endpoint;

    if (ep->asking < ep->max) {
        ngx_http_hars_ask_now(flight);
        return;
    }

    if (ep->nwaiting >= ep->backlog) {
        ngx_http_hars_count(flight->zone, NGX_HTTP_HARS_C_FULL_QUEUE);
        ngx_http_hars_flight_done(flight, NGX_BUSY,
                                  NGX_HTTP_HARS_SOURCE_NONE);
        return;
    }

    flight->waiting = 1;
    ngx_queue_insert_tail(&ep->waiting, &flight->queue);
    ep->nwaiting++;
}


static void
ngx_http_hars_ask_now(ngx_http_hars_flight_t *flight)
{
    /* nobody is troubled for clients that left */

    if (!ngx_http_hars_flight_wanted(flight)) {
        ngx_http_hars_flight_done(flight, NGX_DECLINED,
                                  NGX_HTTP_HARS_SOURCE_NONE);
        return;
    }

    flight->asked = ngx_http_hars_asked(flight->zone);
    flight->sent = ngx_http_hars_clock();

    if (ngx_http_hars_introspect(flight, ngx_http_hars_answered) != NGX_OK) {
        ngx_http_hars_count(flight->zone, NGX_HTTP_HARS_C_ASKED_FAILED);
        ngx_http_hars_flight_done(flight, NGX_ERROR,
                                  NGX_HTTP_HARS_SOURCE_NONE);
        return;
    }

    flight->endpoint->asking++;
}


static void
ngx_http_hars_ask_next(ngx_http_hars_endpoint_t *ep)
{
    ngx_queue_t             *q;
    ngx_http_hars_flight_t  *flight;

    while (ep->asking < ep->max && !ngx_queue_empty(&ep->waiting)) {
        q = ngx_queue_head(&ep->waiting);
        flight = ngx_queue_data(q, ngx_http_hars_flight_t, queue);

        ngx_queue_remove(q);
        ep->nwaiting--;
        flight->waiting = 0;

        ngx_http_hars_ask_now(flight);
    }
}


static void
ngx_http_hars_answered(ngx_http_hars_job_t *job, ngx_int_t rc, u_char *json,
    size_t len)
{
    ngx_http_hars_flight_t    *flight;
    ngx_http_hars_endpoint_t  *ep;

    flight = job->flight;
    ep = flight->endpoint;

    flight->job = NULL;
    ep->asking--;

    ngx_http_hars_observe(flight->zone, NGX_HTTP_HARS_H_INTROSPECTION,
                          flight->sent);

    if (rc == NGX_OK) {
        rc = ngx_http_hars_learn(flight, job, json, len);
    }

    ngx_http_hars_count(flight->zone,
                        rc != NGX_OK ? NGX_HTTP_HARS_C_ASKED_FAILED
                        : flight->unknown ? NGX_HTTP_HARS_C_ASKED_INACTIVE
                                          : NGX_HTTP_HARS_C_ASKED_ACTIVE);

    ngx_http_hars_flight_done(flight, rc == NGX_OK ? NGX_OK : NGX_ERROR,
                              NGX_HTTP_HARS_SOURCE_INTROSPECTION);

    ngx_http_hars_ask_next(ep);
}


static ngx_int_t
ngx_http_hars_learn(ngx_http_hars_flight_t *flight, ngx_http_hars_job_t *job,
    u_char *json, size_t len)
{
    size_t                  size;
    u_char                  record[HARS_RECORD_MAX];
    ngx_int_t               rc;
    ngx_msec_t              ttl;
    const char             *why;
    ngx_time_t             *tp;
    hars_record_t           rec;
    ngx_http_hars_zone_t   *zone;
    ngx_http_hars_entry_t   entry;

    zone = flight->zone;
    why = "no memory";

    rc = ngx_http_hars_token_parse(job->pool, &flight->main->claims, json,
                                   len, &rec, &why);
    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection answer is not understood: %s",
                      why);
        return NGX_ERROR;
    }

    if (!rec.active) {
        entry.deadline = ngx_current_msec + zone->negative_ttl;
        ngx_http_hars_flight_store(flight, NULL, 0, &entry);
        return NGX_OK;
    }

    tp = ngx_timeofday();
    rec.checked_at = (int64_t) tp->sec * 1000 + tp->msec
                     - ngx_max((ngx_msec_int_t)
                               (ngx_current_msec - flight->asked), 0);

    size = hars_record_encode(&rec, record, HARS_RECORD_MAX);

    if (size == 0) {
        ngx_log_error(NGX_LOG_ERR, &job->log, 0,
                      "hars: introspection answer is not understood: "
                      "the record would exceed %d bytes", HARS_RECORD_MAX);
        return NGX_ERROR;
    }

    ttl = ngx_http_hars_record_ttl(zone, &rec);

    /*
     * One that has expired is kept as long as one that is not known; one whose
     * answer took all of its time is for those who waited, and a moment
     */

    entry.asked = flight->asked;
    entry.deadline = ngx_current_msec
                     + (ttl ? ttl : ngx_min(zone->negative_ttl, zone->ttl));

    rc = ngx_http_hars_flight_store(flight, record, size, &entry);

    if (rc == NGX_OK && ttl) {
        ngx_http_hars_share(flight, record, size, ttl);
    }

    return NGX_OK;
}


static void
ngx_http_hars_share(ngx_http_hars_flight_t *flight, u_char *record,
    size_t len, ngx_msec_t ttl)
{
    size_t                 size;
    u_char                 nonce[HARS_SEAL_NONCE_LEN];
    u_char                 value[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];
    ngx_http_hars_zone_t  *zone;

    zone = flight->zone;

    if (zone->redis == NULL) {
        return;
    }

    if (ngx_http_hars_random(nonce, HARS_SEAL_NONCE_LEN) != NGX_OK) {
        return;
    }

    size = hars_seal(zone->seal, flight->key, flight->endpoint->id, nonce,
                     record, len, value);
    if (size) {
        ngx_http_hars_redis_put(zone->redis, flight->key, value, size, ttl);
    }
}
