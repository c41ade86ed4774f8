
/*
 * The running service: one socket, its routes, and the main thread, which
 * waits for the signal to stop.
 */

#include "hars_fc_body.h"
#include "hars_fc_commit.h"
#include "hars_fc_layout.h"
#include "hars_fc_provisional.h"
#include "hars_fc_rows.h"
#include "hars_fc_session.h"
#include "hars_log.h"
#include "hars_signal.h"


#define HARS_SERVE_THREADS  4
#define HARS_SERVE_WORKERS  16            /* as many wait at a time */
#define HARS_SERVE_TICK     1000          /* ms */
#define HARS_SERVE_PURGE    3600          /* ticks */
#define HARS_SERVE_CACHE    2048          /* KB, of each connection */


static int hars_fc_start(hars_fc_t *fc);
static void hars_fc_stop(hars_fc_t *fc);
static int hars_fc_run(hars_fc_t *fc);
static void hars_fc_tick(hars_fc_t *fc, unsigned n);


static const hars_route_t  hars_fc_routes[] = {

    /* computes, and then waits without a thread */

    { .path = "/v1/fog/sessions", .method = "POST",
      .body_max = HARS_FC_RECORD, .handler = hars_fc_sessions_post },

    { .path = "/v1/fog/sessions/" "*" "/confirm", .method = "POST",
      .waits = 1, .body_max = HARS_FC_RECORD, .handler = hars_fc_confirm },

    { .path = "/v1/fog/sessions/*", .method = "GET",
      .waits = 1, .handler = hars_fc_session_get },

    { .path = "/v1/fog/devices", .method = "POST", .waits = 1,
      .body_max = HARS_FC_BODY, .handler = hars_fc_devices_post },

    { .path = "/v1/fog/devices/" "*" "/rekey", .method = "POST", .waits = 1,
      .handler = hars_fc_device_rekey },

    { .path = "/v1/fog/devices/*", .method = "DELETE", .waits = 1,
      .handler = hars_fc_device_delete },

    { .path = "/v1/fog/nodes", .method = "POST", .waits = 1,
      .body_max = HARS_FC_BODY, .handler = hars_fc_nodes_post },

    { .path = "/v1/fog/nodes/" "*" "/rekey", .method = "POST", .waits = 1,
      .handler = hars_fc_node_rekey },

    { .path = "/v1/fog/nodes/*", .method = "DELETE", .waits = 1,
      .handler = hars_fc_node_delete },

    { .path = "/healthz", .method = "GET", .handler = hars_http_healthz },

    { .path = "/metrics", .method = "GET", .handler = hars_fc_metrics },

    { .path = NULL }
};


int
hars_fc_serve(hars_fc_t *fc)
{
    int  rc;

    /* before there is any thread */

    if (hars_signal_init() != HARS_OK) {
        hars_log_error("signals cannot be blocked");
        return HARS_EXIT_FAILED;
    }

    hars_db_files(HARS_SERVE_CACHE, 1);

    rc = hars_fc_start(fc);

    if (rc == HARS_OK) {
        rc = hars_fc_run(fc);
    }

    hars_fc_stop(fc);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_fc_start(hars_fc_t *fc)
{
    fc->parties = hars_fc_parties_create();
    fc->provisional = hars_fc_provisional_create();

    fc->commits = hars_fc_commits_create(fc);

    if (fc->parties == NULL || fc->provisional == NULL
        || fc->commits == NULL)
    {
        return HARS_ERROR;
    }

    fc->store = hars_store_open(fc->conf.database, &hars_fc_layout);

    return fc->store ? hars_fc_rows_take(fc) : HARS_ERROR;
}


static void
hars_fc_stop(hars_fc_t *fc)
{
    hars_store_close(fc->store);
    fc->store = NULL;
    hars_fc_commits_free(fc->commits);
    hars_fc_provisional_free(fc->provisional);
    hars_fc_parties_free(fc->parties);
}


static int
hars_fc_run(hars_fc_t *fc)
{
    unsigned           n;
    hars_http_t       *http;
    hars_http_conf_t   conf = { .threads = HARS_SERVE_THREADS };

    conf.socket = fc->conf.socket;
    conf.gateway_user = fc->conf.gateway_user;
    conf.routes = hars_fc_routes;
    conf.data = fc;
    conf.served = hars_fc_served;
    conf.workers = HARS_SERVE_WORKERS;
    conf.waits = 0;

    http = hars_http_start(&conf);

    if (http == NULL) {
        return HARS_ERROR;
    }

    hars_log_info("serving on \"%s\"", fc->conf.socket);

    for (n = 0; !atomic_load(&fc->lost); n++) {
        hars_fc_tick(fc, n);

        if (hars_signal_wait(HARS_SERVE_TICK) != 0) {
            break;
        }
    }

    hars_log_info("stopping");
    hars_http_stop(http);
    hars_fc_rows_burns(fc);

    return atomic_load(&fc->lost) ? HARS_ERROR : HARS_OK;
}


static void
hars_fc_tick(hars_fc_t *fc, unsigned n)
{
    int64_t  now;

    now = hars_now();
    hars_fc_provisional_sweep(fc->provisional, 0, now);
    hars_fc_rows_look(fc);
    hars_fc_rows_burns(fc);

    if (n % HARS_SERVE_PURGE == 0) {
        (void) hars_fc_session_purge(fc, now);
    }
}
