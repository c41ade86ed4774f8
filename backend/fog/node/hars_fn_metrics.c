
/*
 * GET /metrics and /healthz on a Unix socket of their own, by a thread that
 * the links know nothing of.  There is none unless the settings name one: a
 * fog node has no gateway in front of it, and its scraper is of this machine.
 */

#include "hars_fn.h"
#include "hars_fn_spool.h"
#include "hars_http.h"
#include "hars_metrics.h"

#include <string.h>


typedef struct {
    const char  *name;
    const char  *label;                   /* "", or label="value" */
    const char  *help;                    /* of the name's first one */
} hars_fn_counted_t;


static void hars_fn_metrics_page(hars_request_t *r);
static void hars_fn_metrics_counts(hars_metrics_page_t *page,
    hars_fn_metrics_t *metrics);


static const hars_fn_counted_t  hars_fn_counted[HARS_FN_COUNTS] = {

    [HARS_FN_LINK_TAKEN] = { "hars_fognode_links_total", "link=\"taken\"",
        "Links of wearables." },
    [HARS_FN_LINK_NO_PLACE] = { "hars_fognode_links_total",
        "link=\"no_place\"", NULL },
    [HARS_FN_LINK_GAVE_WAY] = { "hars_fognode_links_total",
        "link=\"gave_way\"", NULL },

    [HARS_FN_M1_ASKED] = { "hars_fognode_m1_total", "m1=\"asked\"",
        "M1 of wearables: asked of fogcloud, or met with silence." },
    [HARS_FN_M1_FORM] = { "hars_fognode_m1_total", "m1=\"form\"", NULL },
    [HARS_FN_M1_RATE] = { "hars_fognode_m1_total", "m1=\"rate\"", NULL },
    [HARS_FN_M1_PENDING] = { "hars_fognode_m1_total", "m1=\"pending\"",
        NULL },
    [HARS_FN_M1_BUSY] = { "hars_fognode_m1_total", "m1=\"busy\"", NULL },

    [HARS_FN_M2_ACCEPTED] = { "hars_fognode_m2_total", "code=\"accepted\"",
        "What fogcloud said to M2." },
    [HARS_FN_M2_MALFORMED] = { "hars_fognode_m2_total", "code=\"malformed\"",
        NULL },
    [HARS_FN_M2_SUITE] = { "hars_fognode_m2_total", "code=\"suite\"", NULL },
    [HARS_FN_M2_REJECTED] = { "hars_fognode_m2_total", "code=\"rejected\"",
        NULL },
    [HARS_FN_M2_PEER_REJECTED] = { "hars_fognode_m2_total",
        "code=\"peer_rejected\"", NULL },
    [HARS_FN_M2_BUSY] = { "hars_fognode_m2_total", "code=\"busy\"", NULL },
    [HARS_FN_M2_INTERNAL] = { "hars_fognode_m2_total", "code=\"internal\"",
        NULL },
    [HARS_FN_M2_NONE] = { "hars_fognode_m2_total", "code=\"none\"", NULL },

    [HARS_FN_SESSION_OPEN] = { "hars_fognode_sessions_total",
        "session=\"confirmed\"", "Sessions whose M4 was sent." },
    [HARS_FN_SESSION_UNCONFIRMED] = { "hars_fognode_sessions_total",
        "session=\"unconfirmed\"", NULL },

    [HARS_FN_RECORD_TAKEN] = { "hars_fognode_records_total",
        "record=\"taken\"", "Records of open sessions." },
    [HARS_FN_RECORD_AGAIN] = { "hars_fognode_records_total",
        "record=\"again\"", NULL },
    [HARS_FN_RECORD_BAD] = { "hars_fognode_records_total", "record=\"bad\"",
        NULL },
    [HARS_FN_RECORD_REFUSED] = { "hars_fognode_records_total",
        "record=\"refused\"", NULL },
    [HARS_FN_RECORD_MISSING] = { "hars_fognode_records_total",
        "record=\"missing\"", NULL },

    [HARS_FN_ROWS] = { "hars_fognode_rows_total", "",
        "Rows put into the spool." },
    [HARS_FN_SPOOL_FULL] = { "hars_fognode_spool_full_total", "",
        "Texts that the spool had no room for." },

    [HARS_FN_RECORDING_SENT] = { "hars_fognode_recordings_total",
        "recording=\"sent\"", "Recordings on their way to the data "
        "collecting mechanism." },
    [HARS_FN_RECORDING_REFUSED] = { "hars_fognode_recordings_total",
        "recording=\"refused\"", NULL },
    [HARS_FN_RECORDING_CHANGED] = { "hars_fognode_recordings_total",
        "recording=\"changed\"", NULL },
    [HARS_FN_RECORDING_AGAIN] = { "hars_fognode_recordings_total",
        "recording=\"again\"", NULL },

    [HARS_FN_ACTIVITIES] = { "hars_fognode_activities_total", "",
        "Activities told to wearables." }
};

static const hars_route_t  hars_fn_routes[] = {

    { .path = "/metrics", .method = "GET", .handler = hars_fn_metrics_page },

    { .path = "/healthz", .method = "GET", .handler = hars_http_healthz },

    { .path = NULL }
};


int
hars_fn_metrics_start(hars_fn_t *fn)
{
    hars_http_conf_t  conf;

    if (fn->conf.metrics == NULL) {
        return HARS_OK;
    }

    memset(&conf, 0, sizeof(conf));
    conf.socket = fn->conf.metrics;
    conf.gateway_user = fn->conf.metrics_user;
    conf.routes = hars_fn_routes;
    conf.data = fn;
    conf.threads = 1;
    conf.connections = 16;
    fn->http = hars_http_start(&conf);

    return fn->http ? HARS_OK : HARS_ERROR;
}


static void
hars_fn_metrics_page(hars_request_t *r)
{
    hars_fn_t            *fn = r->data;
    hars_metrics_page_t   page;

    memset(&page, 0, sizeof(page));

    hars_fn_metrics_counts(&page, &fn->metrics);
    hars_metrics_number(&page, "hars_fognode_links", "gauge",
                        "Links of wearables, now.",
                        atomic_load(&fn->metrics.links));
    hars_metrics_number(&page, "hars_fognode_pending", "gauge",
                        "Sessions that are not open yet, now.",
                        atomic_load(&fn->metrics.pending));
    hars_metrics_number(&page, "hars_fognode_spool_bytes", "gauge",
                        "Bytes of the disk that the spool takes.",
                        hars_spool_bytes(fn->spool));
    hars_metrics_number(&page, "hars_fognode_spool_bytes_max", "gauge",
                        "The setting spool_bytes.", fn->conf.spool_bytes);

    hars_metrics_reply(r, &page);
}


static void
hars_fn_metrics_counts(hars_metrics_page_t *page, hars_fn_metrics_t *metrics)
{
    unsigned                  i;
    const hars_fn_counted_t  *c;

    for (i = 0; i < HARS_FN_COUNTS; i++) {
        c = &hars_fn_counted[i];

        if (c->help) {
            hars_metrics_head(page, c->name, "counter", c->help);
        }

        hars_metrics_add(page, "%s%s%s%s %llu\n", c->name,
                         c->label[0] ? "{" : "", c->label,
                         c->label[0] ? "}" : "",
                         atomic_load(&metrics->count[i]));
    }
}
