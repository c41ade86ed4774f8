
/*
 * What can an operator see: hars_status, the page of the counters, as text
 * for Prometheus (exposition format 0.0.4) or as JSON.  One table says what a
 * metric is called and where its numbers are; both formats walk it.
 *
 * Counters live as long as their zone, so a reload keeps them.  A worker adds
 * to a shard of its own without a lock, and the page adds the shards up.  What
 * is a state of a worker (who waits, what its links to Redis do) stands in a
 * place of its process slot, renewed each second: a worker that is gone is
 * left out after some, or at once where another one has its slot.
 *
 * The page names zones, never tokens, certificates or clients.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_STATUS_TEXT    1
#define NGX_HTTP_HARS_STATUS_JSON    2

#define NGX_HTTP_HARS_BEAT           1000    /* ms */
#define NGX_HTTP_HARS_BEAT_LOST      5000    /* ms, it is taken for dead */

#define NGX_HTTP_HARS_PAGE_BUF       16384
#define NGX_HTTP_HARS_PAGE_LINE      512     /* without the zone's name */


/* the numbers of a zone: its counters, the sums of its workers' gauges, and */

enum {
    NGX_HTTP_HARS_V_GAUGES = NGX_HTTP_HARS_COUNTERS,
    NGX_HTTP_HARS_V_FLIGHTS = NGX_HTTP_HARS_V_GAUGES + NGX_HTTP_HARS_GAUGES,
    NGX_HTTP_HARS_V_FLIGHTS_MAX,

    /* records, denials */

    NGX_HTTP_HARS_V_ENTRIES,
    NGX_HTTP_HARS_V_EVICTED = NGX_HTTP_HARS_V_ENTRIES + 2,
    NGX_HTTP_HARS_V_EMPTIED = NGX_HTTP_HARS_V_EVICTED + 2,
    NGX_HTTP_HARS_V_USED = NGX_HTTP_HARS_V_EMPTIED + 2,
    NGX_HTTP_HARS_V_SIZE = NGX_HTTP_HARS_V_USED + 2,

    NGX_HTTP_HARS_V_CERTS = NGX_HTTP_HARS_V_SIZE + 2,
    NGX_HTTP_HARS_V_CERTS_MAX,
    NGX_HTTP_HARS_V_CERTS_FULL,
    NGX_HTTP_HARS_V_REDIS_UP,
    NGX_HTTP_HARS_V_LIVE,
    NGX_HTTP_HARS_V_AGE,
    NGX_HTTP_HARS_VALUES
};


typedef struct {
    ngx_http_hars_zone_t       *zone;
    ngx_str_t                   name;        /* escaped for the format */
    uint64_t                    value[NGX_HTTP_HARS_VALUES];
} ngx_http_hars_snapshot_t;


typedef struct {
    const char                 *name;
    ngx_uint_t                  n;
    ngx_str_t                  *value;
} ngx_http_hars_label_t;


typedef enum {
    NGX_HTTP_HARS_COUNTER = 0,
    NGX_HTTP_HARS_GAUGE,
    NGX_HTTP_HARS_HISTOGRAM
} ngx_http_hars_metric_e;


/* of which zones: all, with hars_redis, with revocations */
typedef enum {
    NGX_HTTP_HARS_OF_ALL = 0,
    NGX_HTTP_HARS_OF_REDIS,
    NGX_HTTP_HARS_OF_PUSHED
} ngx_http_hars_of_e;


typedef struct {
    const char                 *name;
    ngx_http_hars_metric_e      type;
    ngx_http_hars_of_e          of;
    ngx_uint_t                  first;       /* of the values */
    ngx_uint_t                  scale;       /* so many are one unit */
    ngx_http_hars_label_t      *label[2];
    const char                 *help;
} ngx_http_hars_metric_t;


typedef struct {
    ngx_pool_t                 *pool;
    ngx_chain_t                *out;
    ngx_chain_t               **last;
    ngx_buf_t                  *buf;
    off_t                       len;         /* of the full buffers */
    size_t                      line;        /* longest piece */
    ngx_uint_t                  failed;      /* no memory */
} ngx_http_hars_page_t;


static void ngx_http_hars_status_beat_handler(ngx_event_t *ev);
static void ngx_http_hars_status_publish(ngx_http_hars_main_conf_t *hmcf);
static void ngx_http_hars_status_gauges(ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_zone_t *zone, uint32_t *gauge);

static ngx_int_t ngx_http_hars_status_handler(ngx_http_request_t *r);
static ngx_http_hars_snapshot_t *ngx_http_hars_status_take(
    ngx_http_request_t *r, ngx_http_hars_main_conf_t *hmcf,
    ngx_uint_t format);
static void ngx_http_hars_status_sum(ngx_http_hars_zone_t *zone,
    uint64_t *value);
static void ngx_http_hars_status_look(ngx_http_hars_zone_t *zone,
    uint64_t *value);
static ngx_int_t ngx_http_hars_status_name(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *escaped, ngx_uint_t format);
static ngx_uint_t ngx_http_hars_status_has(ngx_http_hars_zone_t *zone,
    ngx_http_hars_metric_t *metric);

static void ngx_http_hars_text(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_uint_t n);
static void ngx_http_hars_text_metric(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric);
static void ngx_http_hars_text_histogram(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric);
static void ngx_http_hars_json(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_uint_t n);
static void ngx_http_hars_json_metric(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric);
static void ngx_http_hars_json_histogram(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric);

static void ngx_http_hars_page_add(ngx_http_hars_page_t *page,
    const char *fmt, ...);
static void ngx_http_hars_page_number(ngx_http_hars_page_t *page,
    uint64_t value, ngx_uint_t scale);


static ngx_str_t  ngx_http_hars_formats[] = {
    ngx_null_string,
    ngx_string("text/plain; version=0.0.4; charset=utf-8"),
    ngx_string("application/json")
};


static uint64_t  ngx_http_hars_bounds[] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000
};

static const char  *ngx_http_hars_bound_names[NGX_HTTP_HARS_BUCKETS] = {
    "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
    "0.25", "0.5", "1", "2.5", "+Inf"
};


static ngx_str_t  ngx_http_hars_modes[] = {
    ngx_string("on"),
    ngx_string("report")
};

static ngx_str_t  ngx_http_hars_lookups[] = {
    ngx_string("l0"),
    ngx_string("l1"),
    ngx_string("l2"),
    ngx_string("introspection"),
    ngx_string("stale"),
    ngx_string("negative")
};

static ngx_str_t  ngx_http_hars_kinds[] = {
    ngx_string("request"),
    ngx_string("renewal")
};

static ngx_str_t  ngx_http_hars_full[] = {
    ngx_string("queue"),
    ngx_string("client"),
    ngx_string("flights")
};

static ngx_str_t  ngx_http_hars_outcomes[] = {
    ngx_string("active"),
    ngx_string("inactive"),
    ngx_string("failed")
};

static ngx_str_t  ngx_http_hars_values[] = {
    ngx_string("record"),
    ngx_string("tombstone"),
    ngx_string("none"),
    ngx_string("rejected"),
    ngx_string("untold"),
    ngx_string("due"),
    ngx_string("failed"),
    ngx_string("skipped")
};

static ngx_str_t  ngx_http_hars_seal_faults[] = {
    ngx_string("form"),
    ngx_string("key"),
    ngx_string("seal"),
    ngx_string("old")
};

static ngx_str_t  ngx_http_hars_links[] = {
    ngx_string("records"),
    ngx_string("channel"),
    ngx_string("scout")
};

static ngx_str_t  ngx_http_hars_link_states[] = {
    ngx_string("ready"),
    ngx_string("down")
};

static ngx_str_t  ngx_http_hars_link_faults[] = {
    ngx_string("connect"),
    ngx_string("timeout"),
    ngx_string("closed")
};

static ngx_str_t  ngx_http_hars_what[] = {
    ngx_string("token"),
    ngx_string("certificate")
};

static ngx_str_t  ngx_http_hars_parts[] = {
    ngx_string("records"),
    ngx_string("denials")
};


#define ngx_http_hars_label(name, values)                                    \
    { name, sizeof(values) / sizeof(values[0]), values }

static ngx_http_hars_label_t  ngx_http_hars_l_verdict =
    { "verdict", NGX_HTTP_HARS_VERDICTS - 1, &ngx_http_hars_verdicts[1] };

static ngx_http_hars_label_t  ngx_http_hars_l_mode =
    ngx_http_hars_label("mode", ngx_http_hars_modes);

static ngx_http_hars_label_t  ngx_http_hars_l_source =
    ngx_http_hars_label("source", ngx_http_hars_lookups);

static ngx_http_hars_label_t  ngx_http_hars_l_kind =
    ngx_http_hars_label("kind", ngx_http_hars_kinds);

static ngx_http_hars_label_t  ngx_http_hars_l_full =
    ngx_http_hars_label("reason", ngx_http_hars_full);

static ngx_http_hars_label_t  ngx_http_hars_l_outcome =
    ngx_http_hars_label("outcome", ngx_http_hars_outcomes);

static ngx_http_hars_label_t  ngx_http_hars_l_value =
    ngx_http_hars_label("outcome", ngx_http_hars_values);

static ngx_http_hars_label_t  ngx_http_hars_l_seal =
    ngx_http_hars_label("reason", ngx_http_hars_seal_faults);

static ngx_http_hars_label_t  ngx_http_hars_l_link =
    { "link", 2, ngx_http_hars_links };

static ngx_http_hars_label_t  ngx_http_hars_l_scout =
    ngx_http_hars_label("link", ngx_http_hars_links);

static ngx_http_hars_label_t  ngx_http_hars_l_state =
    ngx_http_hars_label("state", ngx_http_hars_link_states);

static ngx_http_hars_label_t  ngx_http_hars_l_fault =
    ngx_http_hars_label("reason", ngx_http_hars_link_faults);

static ngx_http_hars_label_t  ngx_http_hars_l_what =
    ngx_http_hars_label("kind", ngx_http_hars_what);

static ngx_http_hars_label_t  ngx_http_hars_l_part =
    ngx_http_hars_label("part", ngx_http_hars_parts);


#define ngx_http_hars_g(gauge)  (NGX_HTTP_HARS_V_GAUGES + (gauge))

static ngx_http_hars_metric_t  ngx_http_hars_metrics[] = {

    { "hars_requests_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_C_REQUESTS, 1,
      { &ngx_http_hars_l_verdict, &ngx_http_hars_l_mode },
      "Requests by their first verdict; one that passed and is refused after "
      "an internal redirect counts in both." },

    { "hars_subrequests_refused_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_ALL, NGX_HTTP_HARS_C_SUBREQUESTS, 1,
      { &ngx_http_hars_l_mode, NULL },
      "Subrequests that were refused, or would have been." },

    { "hars_lookups_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_C_LOOKUPS, 1, { &ngx_http_hars_l_source, NULL },
      "Lookups that found an answer, by the tier that gave it; negative is a "
      "remembered denial." },

    { "hars_flights_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_C_FLIGHTS, 1, { &ngx_http_hars_l_kind, NULL },
      "Tokens that Redis and the authorization server were asked about, for "
      "requests that waited or ahead of a record's end." },

    { "hars_flight_waits_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_C_WAITS, 1, { NULL, NULL },
      "Requests that waited for the flight of another one." },

    { "hars_flight_waiters", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      ngx_http_hars_g(NGX_HTTP_HARS_G_WAITERS), 1, { NULL, NULL },
      "Requests that wait for a flight now." },

    { "hars_flights_running", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_FLIGHTS, 1, { NULL, NULL },
      "Flights now." },

    { "hars_flights_max", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_FLIGHTS_MAX, 1, { NULL, NULL },
      "Flights that the zone has place for." },

    { "hars_overloaded_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_C_FULL_QUEUE, 1, { &ngx_http_hars_l_full, NULL },
      "Tokens that were not asked about because too much was already: the "
      "queue, unknown tokens of one client, flights of the zone." },

    { "hars_introspections_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_ALL, NGX_HTTP_HARS_C_ASKED_ACTIVE, 1,
      { &ngx_http_hars_l_outcome, NULL },
      "Questions to the authorization server." },

    { "hars_introspections_running", NGX_HTTP_HARS_GAUGE,
      NGX_HTTP_HARS_OF_ALL, ngx_http_hars_g(NGX_HTTP_HARS_G_ASKING), 1,
      { NULL, NULL },
      "Questions to the authorization server that are not answered yet." },

    { "hars_introspections_queued", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      ngx_http_hars_g(NGX_HTTP_HARS_G_BACKLOG), 1, { NULL, NULL },
      "Questions to the authorization server that wait for their turn." },

    { "hars_introspection_duration_seconds", NGX_HTTP_HARS_HISTOGRAM,
      NGX_HTTP_HARS_OF_ALL, NGX_HTTP_HARS_H_INTROSPECTION, 1000000,
      { NULL, NULL },
      "How long the authorization server took, failures too." },

    { "hars_redis_lookups_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_REDIS, NGX_HTTP_HARS_C_REDIS_RECORD, 1,
      { &ngx_http_hars_l_value, NULL },
      "Questions to Redis for a record, by what came of them." },

    { "hars_redis_duration_seconds", NGX_HTTP_HARS_HISTOGRAM,
      NGX_HTTP_HARS_OF_REDIS, NGX_HTTP_HARS_H_REDIS, 1000000,
      { NULL, NULL },
      "How long Redis took for a record, failures too." },

    { "hars_seal_failures_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_REDIS, NGX_HTTP_HARS_C_SEAL_FORM, 1,
      { &ngx_http_hars_l_seal, NULL },
      "Values in Redis that were no record: not of that form, sealed by an "
      "unknown key, changed or of another place, or too old." },

    { "hars_redis_up", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_REDIS,
      NGX_HTTP_HARS_V_REDIS_UP, 1, { NULL, NULL },
      "1: all workers ask Redis, 0: to some it is away." },

    { "hars_redis_links", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_REDIS,
      ngx_http_hars_g(NGX_HTTP_HARS_G_RECORDS_READY), 1,
      { &ngx_http_hars_l_link, &ngx_http_hars_l_state },
      "Workers with their connections to Redis, to all masters of a "
      "Cluster." },

    { "hars_redis_queued", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_REDIS,
      ngx_http_hars_g(NGX_HTTP_HARS_G_REDIS_QUEUED), 1, { NULL, NULL },
      "Commands that Redis has not answered yet." },

    { "hars_redis_errors_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_REDIS, NGX_HTTP_HARS_C_CLOSED, 1,
      { &ngx_http_hars_l_scout, &ngx_http_hars_l_fault },
      "Connections to Redis that could not be made, did not answer in time, "
      "or ended." },

    { "hars_channel_live", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_PUSHED,
      NGX_HTTP_HARS_V_LIVE, 1, { NULL, NULL },
      "1: the latest revocations are known, 0: the channel is down." },

    { "hars_channel_age_seconds", NGX_HTTP_HARS_GAUGE,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_V_AGE, 1000, { NULL, NULL },
      "Time since all revocations were known." },

    { "hars_channel_gaps_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_C_GAPS, 1, { NULL, NULL },
      "Times that revocations may have been missed." },

    { "hars_channel_loads_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_C_LOADS, 1, { NULL, NULL },
      "Times that a worker began to follow the revocations anew and "
      "everything was suspect, the first included." },

    { "hars_revocations_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_C_REVOKED_TOKEN, 1,
      { &ngx_http_hars_l_what, NULL },
      "Revocations that were applied to the zone." },

    { "hars_connections_ended_total", NGX_HTTP_HARS_COUNTER,
      NGX_HTTP_HARS_OF_ALL, NGX_HTTP_HARS_C_ENDED_TOKEN, 1,
      { &ngx_http_hars_l_what, NULL },
      "Connections that were ended: upgraded ones with their token or "
      "certificate, all of a revoked certificate." },

    { "hars_revoked_certificates", NGX_HTTP_HARS_GAUGE,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_V_CERTS, 1, { NULL, NULL },
      "Revoked certificates that are known." },

    { "hars_revoked_certificates_max", NGX_HTTP_HARS_GAUGE,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_V_CERTS_MAX, 1, { NULL, NULL },
      "Revoked certificates that the zone has place for." },

    { "hars_revoked_certificates_full", NGX_HTTP_HARS_GAUGE,
      NGX_HTTP_HARS_OF_PUSHED, NGX_HTTP_HARS_V_CERTS_FULL, 1, { NULL, NULL },
      "1: there was no place for one, records are hardly believed." },

    { "hars_entries", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_ENTRIES, 1, { &ngx_http_hars_l_part, NULL },
      "Entries of the zone, those that have ended and are not displaced yet "
      "included." },

    { "hars_bytes", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_USED, 1, { &ngx_http_hars_l_part, NULL },
      "Bytes that entries take." },

    { "hars_size_bytes", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_SIZE, 1, { &ngx_http_hars_l_part, NULL },
      "Bytes that there are for entries." },

    { "hars_evictions_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_EVICTED, 1, { &ngx_http_hars_l_part, NULL },
      "Entries that were displaced by new ones." },

    { "hars_emptied_total", NGX_HTTP_HARS_COUNTER, NGX_HTTP_HARS_OF_ALL,
      NGX_HTTP_HARS_V_EMPTIED, 1, { &ngx_http_hars_l_part, NULL },
      "Times that a part was emptied because a worker died while it changed "
      "it." },

    { "hars_workers", NGX_HTTP_HARS_GAUGE, NGX_HTTP_HARS_OF_ALL,
      ngx_http_hars_g(NGX_HTTP_HARS_G_WORKERS), 1, { NULL, NULL },
      "Workers that take requests." },

    { NULL, 0, 0, 0, 0, { NULL, NULL }, NULL }
};


static ngx_event_t  ngx_http_hars_beat;


char *
ngx_http_hars_status_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_loc_conf_t *hlcf = conf;

    ngx_str_t                  *value;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_hars_main_conf_t  *hmcf;

    if (hlcf->status) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 1
        || ngx_strcmp(value[1].data, "prometheus") == 0)
    {
        hlcf->status = NGX_HTTP_HARS_STATUS_TEXT;

    } else if (ngx_strcmp(value[1].data, "json") == 0) {
        hlcf->status = NGX_HTTP_HARS_STATUS_JSON;

    } else {
        return "takes \"prometheus\" or \"json\"";
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hars_module);
    hmcf->status = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_hars_status_handler;

    return NGX_CONF_OK;
}


void
ngx_http_hars_status_init_process(ngx_http_hars_main_conf_t *hmcf,
    ngx_cycle_t *cycle)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {
        zone[i]->counters = zone[i]->sh->counters
                            + ngx_process_slot % NGX_HTTP_HARS_SHARDS
                              * NGX_HTTP_HARS_SHARD;

        /* whoever had the slot before is dead, perhaps by a signal */

        if (ngx_process_slot < NGX_HTTP_HARS_WORKERS) {
            zone[i]->worker = &zone[i]->sh->workers[ngx_process_slot];
            ngx_memzero(zone[i]->worker, sizeof(ngx_http_hars_worker_t));
        }
    }

    if (!hmcf->status) {
        return;
    }

    ngx_http_hars_beat.handler = ngx_http_hars_status_beat_handler;
    ngx_http_hars_beat.data = cycle;
    ngx_http_hars_beat.log = cycle->log;
    ngx_http_hars_beat.cancelable = 1;

    ngx_add_timer(&ngx_http_hars_beat, 1);
}


void
ngx_http_hars_status_exit_process(ngx_http_hars_main_conf_t *hmcf)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {
        if (zone[i]->worker) {
            zone[i]->worker->beat = 0;
        }
    }
}


uint64_t
ngx_http_hars_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_hars_observe(ngx_http_hars_zone_t *zone, ngx_uint_t histogram,
    uint64_t sent)
{
    uint64_t    took;
    ngx_uint_t  i;

    took = ngx_http_hars_clock() - sent;

    for (i = 0; i < NGX_HTTP_HARS_BUCKETS - 1; i++) {
        if (took <= ngx_http_hars_bounds[i]) {
            break;
        }
    }

    ngx_http_hars_count(zone, histogram + i);

    (void) ngx_atomic_fetch_add(&zone->counters[histogram
                                                + NGX_HTTP_HARS_BUCKETS],
                                took);
}


void
ngx_http_hars_count_closed(ngx_http_hars_zone_t *zone, ngx_uint_t link,
    ngx_err_t err, const char *what)
{
    ngx_uint_t  reason;

    if (what == NULL) {
        return;
    }

    /* only an attempt to connect has another error than a timeout's */

    reason = (err == 0) ? 2 : (err == NGX_ETIMEDOUT) ? 1 : 0;

    ngx_http_hars_count(zone, NGX_HTTP_HARS_C_CLOSED + 3 * link + reason);
}


static void
ngx_http_hars_status_beat_handler(ngx_event_t *ev)
{
    ngx_http_hars_main_conf_t  *hmcf;

    /* not that of the event: without a master process a reload changes it */

    hmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_hars_module);
    if (hmcf) {
        ngx_http_hars_status_publish(hmcf);
    }

    ngx_add_timer(ev, NGX_HTTP_HARS_BEAT);
}


static void
ngx_http_hars_status_publish(ngx_http_hars_main_conf_t *hmcf)
{
    uint32_t                 gauge[NGX_HTTP_HARS_GAUGES];
    ngx_uint_t               i;
    ngx_http_hars_zone_t   **zone;

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {

        if (zone[i]->worker == NULL) {
            continue;
        }

        ngx_memzero(gauge, sizeof(gauge));
        ngx_http_hars_status_gauges(hmcf, zone[i], gauge);

        ngx_memcpy(zone[i]->worker->gauge, gauge, sizeof(gauge));
        zone[i]->worker->beat = ngx_current_msec;
    }
}


static void
ngx_http_hars_status_gauges(ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_zone_t *zone, uint32_t *gauge)
{
    ngx_uint_t                   i;
    ngx_http_hars_endpoint_t   **ep;
    ngx_http_hars_redis_info_t   info;

    gauge[NGX_HTTP_HARS_G_WAITERS] = zone->waiters;

    ep = hmcf->endpoints.elts;

    for (i = 0; i < hmcf->endpoints.nelts; i++) {
        if (ep[i]->zone == zone) {
            gauge[NGX_HTTP_HARS_G_ASKING] += ep[i]->asking;
            gauge[NGX_HTTP_HARS_G_BACKLOG] += ep[i]->nwaiting;
        }
    }

    /* one that leaves closes its links, and that is no fault */

    if (ngx_exiting) {
        return;
    }

    gauge[NGX_HTTP_HARS_G_WORKERS] = 1;

    if (zone->redis == NULL) {
        return;
    }

    ngx_http_hars_redis_state(zone->redis, &info);

    gauge[NGX_HTTP_HARS_G_REDIS_QUEUED] = info.queued;

    if (info.state == NGX_HTTP_HARS_LINK_READY) {
        gauge[NGX_HTTP_HARS_G_RECORDS_READY] = 1;

    } else {
        gauge[NGX_HTTP_HARS_G_RECORDS_DOWN] = 1;

        /* it has failed, or nobody has said where the masters are */

        gauge[NGX_HTTP_HARS_G_REDIS_AWAY] = (info.failures != 0
                                             || info.server.data == NULL);
    }

    if (zone->pushed) {
        gauge[info.channel ? NGX_HTTP_HARS_G_CHANNEL_READY
                           : NGX_HTTP_HARS_G_CHANNEL_DOWN] = 1;
    }
}


static ngx_int_t
ngx_http_hars_status_handler(ngx_http_request_t *r)
{
    size_t                      len;
    ngx_int_t                   rc;
    ngx_uint_t                  i, n;
    ngx_http_hars_page_t        page;
    ngx_http_hars_snapshot_t   *snap;
    ngx_http_hars_loc_conf_t   *hlcf;
    ngx_http_hars_main_conf_t  *hmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hars_module);
    hmcf = ngx_http_get_module_main_conf(r, ngx_http_hars_module);

    /* of this worker nothing is old */

    ngx_http_hars_status_publish(hmcf);

    snap = ngx_http_hars_status_take(r, hmcf, hlcf->status);
    if (snap == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = hmcf->zones.nelts;
    len = 0;

    for (i = 0; i < n; i++) {
        len = ngx_max(len, snap[i].name.len);
    }

    ngx_memzero(&page, sizeof(ngx_http_hars_page_t));

    page.pool = r->pool;
    page.last = &page.out;
    page.line = NGX_HTTP_HARS_PAGE_LINE + len;

    if (hlcf->status == NGX_HTTP_HARS_STATUS_JSON) {
        ngx_http_hars_json(&page, snap, n);

    } else {
        ngx_http_hars_text(&page, snap, n);
    }

    if (page.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    page.buf->last_buf = (r == r->main);
    page.buf->last_in_chain = 1;

    /* the length of the type alone: nginx adds no charset of its own then */

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = page.len
                                      + (page.buf->last - page.buf->pos);
    r->headers_out.content_type = ngx_http_hars_formats[hlcf->status];
    r->headers_out.content_type_len =
                         (hlcf->status == NGX_HTTP_HARS_STATUS_JSON)
                         ? r->headers_out.content_type.len
                         : sizeof("text/plain") - 1;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, page.out);
}


static ngx_http_hars_snapshot_t *
ngx_http_hars_status_take(ngx_http_request_t *r,
    ngx_http_hars_main_conf_t *hmcf, ngx_uint_t format)
{
    ngx_uint_t                  i;
    ngx_http_hars_zone_t      **zone;
    ngx_http_hars_snapshot_t   *snap;

    snap = ngx_pcalloc(r->pool, hmcf->zones.nelts
                                * sizeof(ngx_http_hars_snapshot_t));
    if (snap == NULL) {
        return NULL;
    }

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {
        snap[i].zone = zone[i];

        if (ngx_http_hars_status_name(r->pool, &zone[i]->name, &snap[i].name,
                                      format)
            != NGX_OK)
        {
            return NULL;
        }

        ngx_http_hars_status_sum(zone[i], snap[i].value);
        ngx_http_hars_status_look(zone[i], snap[i].value);
    }

    return snap;
}


/* what the workers counted, and say of themselves */

static void
ngx_http_hars_status_sum(ngx_http_hars_zone_t *zone, uint64_t *value)
{
    ngx_uint_t               i, k;
    ngx_atomic_t            *shard;
    ngx_atomic_uint_t        beat;
    ngx_http_hars_worker_t  *worker;

    shard = zone->sh->counters;

    for (i = 0; i < NGX_HTTP_HARS_SHARDS; i++) {

        for (k = 0; k < NGX_HTTP_HARS_COUNTERS; k++) {
            value[k] += shard[k];
        }

        shard += NGX_HTTP_HARS_SHARD;
    }

    worker = zone->sh->workers;

    for (i = 0; i < NGX_HTTP_HARS_WORKERS; i++) {
        beat = worker[i].beat;

        if (beat == 0
            || (ngx_msec_int_t) (ngx_current_msec - beat)
               >= NGX_HTTP_HARS_BEAT_LOST)
        {
            continue;
        }

        for (k = 0; k < NGX_HTTP_HARS_GAUGES; k++) {
            value[ngx_http_hars_g(k)] += worker[i].gauge[k];
        }
    }
}


/* what the zone itself shows */

static void
ngx_http_hars_status_look(ngx_http_hars_zone_t *zone, uint64_t *value)
{
    ngx_uint_t            i, n, max;
    ngx_msec_t            seen;
    ngx_msec_int_t        age;
    ngx_http_hars_fill_t  fill[2];

    ngx_http_hars_zone_fill(zone, fill);

    for (i = 0; i < 2; i++) {
        value[NGX_HTTP_HARS_V_ENTRIES + i] = fill[i].entries;
        value[NGX_HTTP_HARS_V_EVICTED + i] = fill[i].evicted;
        value[NGX_HTTP_HARS_V_EMPTIED + i] = fill[i].emptied;
        value[NGX_HTTP_HARS_V_USED + i] = fill[i].used;
        value[NGX_HTTP_HARS_V_SIZE + i] = fill[i].size;
    }

    ngx_http_hars_table_stat(zone, &n, &max);
    value[NGX_HTTP_HARS_V_FLIGHTS] = n;
    value[NGX_HTTP_HARS_V_FLIGHTS_MAX] = max;

    ngx_http_hars_revoked_stat(zone, &n, &max);
    value[NGX_HTTP_HARS_V_CERTS] = n;
    value[NGX_HTTP_HARS_V_CERTS_MAX] = max;
    value[NGX_HTTP_HARS_V_CERTS_FULL] = ngx_http_hars_revoked_full(zone);

    value[NGX_HTTP_HARS_V_REDIS_UP]
                      = (value[ngx_http_hars_g(NGX_HTTP_HARS_G_REDIS_AWAY)]
                         == 0);

    /* another worker's clock may be a little ahead */

    seen = ngx_max(zone->sh->seen, zone->sh->created);
    age = (ngx_msec_int_t) (ngx_current_msec - seen);

    value[NGX_HTTP_HARS_V_LIVE] = ngx_http_hars_live(zone);
    value[NGX_HTTP_HARS_V_AGE] = ngx_max(age, 0);
}


static ngx_int_t
ngx_http_hars_status_name(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *escaped, ngx_uint_t format)
{
    u_char  *p;
    size_t   i;

    p = ngx_pnalloc(pool, 6 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    escaped->data = p;

    if (format == NGX_HTTP_HARS_STATUS_JSON) {
        p = (u_char *) ngx_escape_json(p, name->data, name->len);
        escaped->len = p - escaped->data;

        return NGX_OK;
    }

    for (i = 0; i < name->len; i++) {

        if (name->data[i] == LF) {
            *p++ = '\\';
            *p++ = 'n';
            continue;
        }

        if (name->data[i] == '\\' || name->data[i] == '"') {
            *p++ = '\\';
        }

        *p++ = name->data[i];
    }

    escaped->len = p - escaped->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hars_status_has(ngx_http_hars_zone_t *zone,
    ngx_http_hars_metric_t *metric)
{
    switch (metric->of) {

    case NGX_HTTP_HARS_OF_REDIS:
        return zone->redis != NULL;

    case NGX_HTTP_HARS_OF_PUSHED:
        return zone->pushed;

    default:
        return 1;
    }
}


static void
ngx_http_hars_text(ngx_http_hars_page_t *page, ngx_http_hars_snapshot_t *snap,
    ngx_uint_t n)
{
    ngx_uint_t               i, k;
    ngx_http_hars_metric_t  *metric;

    static const char  *types[] = { "counter", "gauge", "histogram" };

    for (metric = ngx_http_hars_metrics; metric->name; metric++) {

        /* all of a metric stands together, under one head */

        for (i = 0, k = 0; i < n; i++) {

            if (!ngx_http_hars_status_has(snap[i].zone, metric)) {
                continue;
            }

            if (k++ == 0) {
                ngx_http_hars_page_add(page, "# HELP %s %s\n# TYPE %s %s\n",
                                       metric->name, metric->help,
                                       metric->name, types[metric->type]);
            }

            if (metric->type == NGX_HTTP_HARS_HISTOGRAM) {
                ngx_http_hars_text_histogram(page, &snap[i], metric);

            } else {
                ngx_http_hars_text_metric(page, &snap[i], metric);
            }
        }
    }
}


static void
ngx_http_hars_text_metric(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric)
{
    uint64_t               *value;
    ngx_uint_t              i, k;
    ngx_http_hars_label_t  *a, *b;

    a = metric->label[0];
    b = metric->label[1];
    value = &snap->value[metric->first];

    for (i = 0; i < (a ? a->n : 1); i++) {

        for (k = 0; k < (b ? b->n : 1); k++) {

            ngx_http_hars_page_add(page, "%s{zone=\"%V\"", metric->name,
                                   &snap->name);

            if (a) {
                ngx_http_hars_page_add(page, ",%s=\"%V\"", a->name,
                                       &a->value[i]);
            }

            if (b) {
                ngx_http_hars_page_add(page, ",%s=\"%V\"", b->name,
                                       &b->value[k]);
            }

            ngx_http_hars_page_add(page, "} ");
            ngx_http_hars_page_number(page, *value++, metric->scale);
            ngx_http_hars_page_add(page, "\n");
        }
    }
}


static void
ngx_http_hars_text_histogram(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric)
{
    uint64_t    *value, count;
    ngx_uint_t   i;

    count = 0;
    value = &snap->value[metric->first];

    for (i = 0; i < NGX_HTTP_HARS_BUCKETS; i++) {
        count += value[i];

        ngx_http_hars_page_add(page,
                               "%s_bucket{zone=\"%V\",le=\"%s\"} %uL\n",
                               metric->name, &snap->name,
                               ngx_http_hars_bound_names[i], count);
    }

    ngx_http_hars_page_add(page, "%s_sum{zone=\"%V\"} ", metric->name,
                           &snap->name);
    ngx_http_hars_page_number(page, value[NGX_HTTP_HARS_BUCKETS],
                              metric->scale);
    ngx_http_hars_page_add(page, "\n%s_count{zone=\"%V\"} %uL\n",
                           metric->name, &snap->name, count);
}


static void
ngx_http_hars_json(ngx_http_hars_page_t *page, ngx_http_hars_snapshot_t *snap,
    ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_http_hars_metric_t  *metric;

    ngx_http_hars_page_add(page, "{\"zones\":[");

    for (i = 0; i < n; i++) {
        ngx_http_hars_page_add(page, "%s\n{\"zone\":\"%V\"", i ? "," : "",
                               &snap[i].name);

        for (metric = ngx_http_hars_metrics; metric->name; metric++) {

            if (!ngx_http_hars_status_has(snap[i].zone, metric)) {
                continue;
            }

            ngx_http_hars_page_add(page, ",\n \"%s\":", metric->name);

            if (metric->type == NGX_HTTP_HARS_HISTOGRAM) {
                ngx_http_hars_json_histogram(page, &snap[i], metric);

            } else {
                ngx_http_hars_json_metric(page, &snap[i], metric);
            }
        }

        ngx_http_hars_page_add(page, "}");
    }

    ngx_http_hars_page_add(page, "]}\n");
}


/* an object for each label, in each other */

static void
ngx_http_hars_json_metric(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric)
{
    uint64_t               *value;
    ngx_uint_t              i, k;
    ngx_http_hars_label_t  *a, *b;

    a = metric->label[0];
    b = metric->label[1];
    value = &snap->value[metric->first];

    for (i = 0; i < (a ? a->n : 1); i++) {

        if (a) {
            ngx_http_hars_page_add(page, "%s\"%V\":", i ? "," : "{",
                                   &a->value[i]);
        }

        for (k = 0; k < (b ? b->n : 1); k++) {

            if (b) {
                ngx_http_hars_page_add(page, "%s\"%V\":", k ? "," : "{",
                                       &b->value[k]);
            }

            ngx_http_hars_page_number(page, *value++, metric->scale);
        }

        ngx_http_hars_page_add(page, b ? "}" : "");
    }

    ngx_http_hars_page_add(page, a ? "}" : "");
}


static void
ngx_http_hars_json_histogram(ngx_http_hars_page_t *page,
    ngx_http_hars_snapshot_t *snap, ngx_http_hars_metric_t *metric)
{
    uint64_t    *value, count;
    ngx_uint_t   i;

    count = 0;
    value = &snap->value[metric->first];

    for (i = 0; i < NGX_HTTP_HARS_BUCKETS; i++) {
        count += value[i];

        ngx_http_hars_page_add(page, "%s\"%s\":%uL",
                               i ? "," : "{\"buckets\":{",
                               ngx_http_hars_bound_names[i], count);
    }

    ngx_http_hars_page_add(page, "},\"sum\":");
    ngx_http_hars_page_number(page, value[NGX_HTTP_HARS_BUCKETS],
                              metric->scale);
    ngx_http_hars_page_add(page, ",\"count\":%uL}", count);
}


/* a piece of the page, of page->line bytes at most */

static void
ngx_http_hars_page_add(ngx_http_hars_page_t *page, const char *fmt, ...)
{
    va_list       args;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (page->failed) {
        return;
    }

    b = page->buf;

    if (b == NULL || (size_t) (b->end - b->last) < page->line) {

        if (b) {
            page->len += b->last - b->pos;
        }

        cl = ngx_alloc_chain_link(page->pool);
        b = ngx_create_temp_buf(page->pool,
                                NGX_HTTP_HARS_PAGE_BUF + page->line);

        if (cl == NULL || b == NULL) {
            page->failed = 1;
            return;
        }

        cl->buf = b;
        cl->next = NULL;
        *page->last = cl;
        page->last = &cl->next;
        page->buf = b;
    }

    va_start(args, fmt);
    b->last = ngx_vslprintf(b->last, b->end, fmt, args);
    va_end(args);
}


static void
ngx_http_hars_page_number(ngx_http_hars_page_t *page, uint64_t value,
    ngx_uint_t scale)
{
    switch (scale) {

    case 1000:
        ngx_http_hars_page_add(page, "%uL.%03uL", value / scale,
                               value % scale);
        break;

    case 1000000:
        ngx_http_hars_page_add(page, "%uL.%06uL", value / scale,
                               value % scale);
        break;

    default:
        ngx_http_hars_page_add(page, "%uL", value);
    }
}
