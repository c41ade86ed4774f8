
/*
 * hars-mlservice: the activities in a recording, over plain HTTP on a Unix
 * socket behind the gateway.  It knows nothing of tokens and keeps nothing
 * of a request.
 *
 *     settings -> models -> serve -> SIGTERM or SIGINT -> requests in hand end
 *                  SIGHUP: models anew
 *
 * The models are loaded and judged before the first connection is taken: a
 * file that is cut off, damaged or foreign is an error of the start.  Later
 * it is an error in the log, and the models of before go on.
 */

#include "hars_daemon.h"
#include "hars_log.h"
#include "hars_ml_service.h"
#include "hars_process.h"
#include "hars_settings.h"
#include "hars_signal.h"
#include "hars_socket.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_MLSERVICE_ERROR   512
#define HARS_MLSERVICE_BODIES  (128 * 1024 * 1024)  /* of all requests */
#define HARS_MLSERVICE_WORKERS 64


typedef struct {
    char                 *socket;
    char                 *gateway_user;
    hars_setting_list_t   model;
    unsigned long         sessions;
    unsigned long         session_idle;
} hars_mlservice_conf_t;


static void hars_mlservice_settings(void);
static int hars_mlservice_run(const char *config, unsigned check);
static int hars_mlservice_user(hars_settings_t *settings,
    const hars_mlservice_conf_t *conf);
static hars_shelf_t *hars_mlservice_shelf(hars_settings_t *settings,
    const hars_mlservice_conf_t *conf);
static int hars_mlservice_serve(const hars_mlservice_conf_t *conf,
    hars_shelf_t *shelf);
static void hars_mlservice_reload(const hars_mlservice_conf_t *conf,
    hars_ml_t *ml);


static const hars_setting_t  hars_mlservice_setting[] = {
    { .name = "socket", .type = HARS_SETTING_STR,
      .offset = offsetof(hars_mlservice_conf_t, socket),
      .preset = "/run/hars/ml.sock" },
    { .name = "gateway_user", .type = HARS_SETTING_STR,
      .offset = offsetof(hars_mlservice_conf_t, gateway_user),
      .preset = "www-data" },
    { .name = "model", .type = HARS_SETTING_LIST,
      .offset = offsetof(hars_mlservice_conf_t, model),
      .preset = "/usr/share/hars/model.hars" },
    { .name = "sessions", .type = HARS_SETTING_UINT,
      .offset = offsetof(hars_mlservice_conf_t, sessions),
      .preset = "256", .min = 1, .max = 16384 },
    { .name = "session_idle", .type = HARS_SETTING_UINT,
      .offset = offsetof(hars_mlservice_conf_t, session_idle),
      .preset = "300", .min = 1, .max = 86400 },
    { .name = NULL }
};

static const hars_route_t  hars_mlservice_route[] = {
    { .path = "/v1/recognitions", .method = "POST", .waits = 1,
      .body_max = HARS_ML_BODY, .handler = hars_recognitions_post,
      .piece = hars_recognitions_piece, .pieces_max = HARS_ML_BODY_READ,
      .gone = hars_recognitions_gone },
    { .path = "/v1/streams", .method = "POST", .body_max = HARS_ML_BODY,
      .handler = hars_streams_post },
    { .path = "/v1/streams/", .method = "POST", .prefix = 1, .waits = 1,
      .body_max = HARS_ML_BODY_ROWS, .handler = hars_stream_post },
    { .path = "/v1/streams/", .method = "GET", .prefix = 1,
      .handler = hars_stream_get },
    { .path = "/v1/streams/", .method = "DELETE", .prefix = 1,
      .handler = hars_stream_delete },
    { .path = "/v1/models", .method = "GET", .handler = hars_models_get },
    { .path = "/metrics", .method = "GET", .handler = hars_metrics_get },
    { .path = "/healthz", .method = "GET", .handler = hars_http_healthz },
    { .path = NULL }
};


int
main(int argc, char **argv)
{
    const hars_daemon_t  daemon = {
        .name = "hars-mlservice",
        .is = "the activities in a recording",
        .config = "/etc/hars/mlservice.conf",
        .settings = hars_mlservice_settings,
        .run = hars_mlservice_run
    };

    return hars_daemon(&daemon, argc, argv);
}


static void
hars_mlservice_settings(void)
{
    puts("\nSettings, one \"name = value\" per line; SIGHUP reads the models "
         "anew:\n"
         "  socket          (/run/hars/ml.sock)\n"
         "  gateway_user    whose processes may connect (www-data)\n"
         "  model           (/usr/share/hars/model.hars), up to 8 lines, one "
         "for\n"
         "                  each placement\n"
         "  sessions        streams open at a time (256)\n"
         "  session_idle    s, after which a stream is gone (300)");
}


/* with "check" the models are read, too */
static int
hars_mlservice_run(const char *config, unsigned check)
{
    int                     rc;
    hars_shelf_t           *shelf;
    hars_settings_t        *settings;
    hars_mlservice_conf_t   conf;

    memset(&conf, 0, sizeof(conf));

    settings = hars_settings_read(config, hars_mlservice_setting, &conf);
    if (settings == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = HARS_EXIT_FAILED;
    shelf = hars_mlservice_user(settings, &conf) == HARS_OK
            ? hars_mlservice_shelf(settings, &conf) : NULL;

    if (shelf && check) {
        printf("%s: the settings are good, model %s\n", config,
               shelf->model[0]->id);
        hars_shelf_free(shelf);
        rc = HARS_EXIT_OK;

    } else if (shelf) {
        rc = hars_mlservice_serve(&conf, shelf);
    }

    hars_settings_free(settings);

    return rc;
}


static int
hars_mlservice_user(hars_settings_t *settings,
    const hars_mlservice_conf_t *conf)
{
    uid_t  uid;
    gid_t  gid;

    if (hars_socket_user(conf->gateway_user, &uid, &gid) != HARS_OK) {
        hars_settings_fail(settings, "gateway_user", "is no user here, name "
                           "the one that nginx's workers run as");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static hars_shelf_t *
hars_mlservice_shelf(hars_settings_t *settings,
    const hars_mlservice_conf_t *conf)
{
    char           error[HARS_MLSERVICE_ERROR];
    hars_shelf_t  *shelf;

    shelf = hars_shelf_load(conf->model.value, conf->model.n, error,
                            sizeof(error));

    if (shelf == NULL) {
        hars_settings_fail(settings, "model", "%s", error);
    }

    return shelf;
}


static int
hars_mlservice_serve(const hars_mlservice_conf_t *conf, hars_shelf_t *shelf)
{
    hars_ml_t          ml;
    hars_http_t       *http;
    hars_http_conf_t   hc;

    memset(&ml, 0, sizeof(ml));
    pthread_mutex_init(&ml.lock, NULL);
    ml.shelf = shelf;

    memset(&hc, 0, sizeof(hc));
    hc.socket = conf->socket;
    hc.gateway_user = conf->gateway_user;
    hc.routes = hars_mlservice_route;
    hc.data = &ml;
    hc.served = hars_metrics_served;
    hc.bodies = HARS_MLSERVICE_BODIES;
    hc.workers = hars_process_threads(HARS_MLSERVICE_WORKERS);

    if (hars_sessions_init(&ml.sessions, (unsigned) conf->sessions,
                           conf->session_idle * 1000) != HARS_OK)
    {
        hars_log_error("no memory");
        hars_shelf_release(&ml, shelf);
        return HARS_EXIT_FAILED;
    }

    hars_signal_also(SIGHUP);
    http = hars_signal_init() == HARS_OK ? hars_http_start(&hc) : NULL;

    if (http) {
        hars_log_info("model %s, listening on %s", shelf->model[0]->id,
                      conf->socket);

        while (hars_signal_wait(-1) == SIGHUP) {
            hars_mlservice_reload(conf, &ml);
        }

        hars_http_stop(http);
        hars_log_info("stopped");
    }

    hars_sessions_free(&ml);
    hars_shelf_release(&ml, ml.shelf);
    pthread_mutex_destroy(&ml.lock);

    return http ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


/* requests in hand, and streams, keep the models that they began with */
static void
hars_mlservice_reload(const hars_mlservice_conf_t *conf, hars_ml_t *ml)
{
    char           error[HARS_MLSERVICE_ERROR];
    hars_shelf_t  *shelf;

    shelf = hars_shelf_load(conf->model.value, conf->model.n, error,
                            sizeof(error));

    if (shelf == NULL) {
        atomic_fetch_add(&ml->metrics.reloads[0], 1);
        hars_log_error("the models stay as they are: %s", error);
        return;
    }

    hars_log_info("model %s is the first one now", shelf->model[0]->id);
    hars_shelf_replace(ml, shelf);
    atomic_fetch_add(&ml->metrics.reloads[1], 1);
}
