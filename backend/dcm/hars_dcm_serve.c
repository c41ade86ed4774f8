
/*
 * The running service: one socket, its routes, and the main thread, which
 * waits for the signal to stop.
 */

#include "hars_dcm.h"
#include "hars_dcm_endpoints.h"
#include "hars_dcm_erase.h"
#include "hars_dcm_layout.h"
#include "hars_dcm_people.h"
#include "hars_dcm_recognizer.h"
#include "hars_dcm_rekey.h"
#include "hars_dcm_sessions.h"
#include "hars_dcm_streams.h"
#include "hars_dcm_upload.h"
#include "hars_log.h"
#include "hars_signal.h"


#define HARS_SERVE_THREADS  4
#define HARS_SERVE_WORKERS  16            /* as many wait at a time */
#define HARS_SERVE_JSON     2             /* recordings of JSON of them */
#define HARS_SERVE_TICK     1000          /* ms */
#define HARS_SERVE_BODIES   (48 * 1024 * 1024)  /* of all requests */
#define HARS_SERVE_CACHE    2048          /* KB, of each connection */


static int hars_dcm_start(hars_dcm_t *dcm);
static void hars_dcm_stop(hars_dcm_t *dcm);
static int hars_dcm_run(hars_dcm_t *dcm);
static long hars_dcm_tick(hars_dcm_t *dcm, hars_rekey_t *rekey);


/* "*" stands for one segment, which hars_route_segment() decodes */
static const hars_route_t  hars_dcm_routes[] = {

    { .path = "/v1/recordings", .method = "POST",
      .body_max = HARS_UPLOAD_JSON, .pieces_max = HARS_UPLOAD_BYTES,
      .piece = hars_dcm_recordings_piece, .gone = hars_dcm_recordings_gone,
      .waits = 1, .handler = hars_dcm_recordings_post },

    { .path = "/v1/recordings/*", .method = "GET",
      .waits = 1, .handler = hars_dcm_recording_get },

    { .path = "/v1/recordings/*/activities", .method = "GET",
      .waits = 1, .handler = hars_dcm_recording_activities },

    { .path = "/v1/patients/*/activities", .method = "GET",
      .waits = 1, .handler = hars_dcm_activities_get },

    { .path = "/v1/patients/*/days", .method = "GET",
      .waits = 1, .handler = hars_dcm_days_get },

    { .path = "/v1/patients/*/events", .method = "GET",
      .waits = 1, .handler = hars_dcm_events_get },

    { .path = "/v1/patients/*", .method = "DELETE",
      .waits = 1, .handler = hars_dcm_patient_delete },

    { .path = "/v1/patients/*/samples", .method = "GET",
      .waits = 1, .handler = hars_dcm_samples_get },

    { .path = "/v1/patients/*/export", .method = "GET",
      .waits = 1, .handler = hars_dcm_export_get },

    { .path = "/v1/me", .method = "GET", .waits = 1,
      .handler = hars_dcm_me },

    { .path = "/v1/patients/*", .method = "GET", .waits = 1,
      .handler = hars_dcm_profile },

    { .path = "/v1/patients/*", .method = "PUT", .waits = 1,
      .body_max = HARS_PEOPLE_BODY, .handler = hars_dcm_profile_put },

    { .path = "/v1/patients/*/caregivers", .method = "GET", .waits = 1,
      .handler = hars_dcm_caregivers },

    { .path = "/v1/patients/*/caregivers/*", .method = "PUT",
      .waits = 1, .body_max = HARS_PEOPLE_BODY,
      .handler = hars_dcm_connect },

    { .path = "/v1/patients/*/caregivers/*", .method = "DELETE",
      .waits = 1, .handler = hars_dcm_disconnect },

    { .path = "/v1/patients/*/accesses", .method = "GET", .waits = 1,
      .handler = hars_dcm_accesses },

    { .path = "/healthz", .method = "GET", .handler = hars_http_healthz },

    { .path = "/metrics", .method = "GET", .handler = hars_dcm_metrics },

    { .path = NULL }
};


int
hars_dcm_serve(hars_dcm_t *dcm)
{
    int  rc;

    /* before there is any thread */

    if (hars_signal_init() != HARS_OK) {
        hars_log_error("signals cannot be blocked");
        return HARS_EXIT_FAILED;
    }

    dcm->looks = hars_looks_create();

    if (dcm->looks == NULL) {
        return HARS_EXIT_FAILED;
    }

    /* what a stop in between left */

    atomic_init(&dcm->erasing, 1);
    hars_exports_init(&dcm->exports);
    sem_init(&dcm->json, 0, HARS_SERVE_JSON);
    hars_db_files(HARS_SERVE_CACHE, 1);
    dcm->store = hars_store_open(dcm->conf.database, &hars_dcm_layout);

    rc = dcm->store ? hars_rekey_check(dcm) : HARS_ERROR;

    if (rc == HARS_OK) {
        rc = hars_dcm_start(dcm);
    }

    if (rc == HARS_OK) {
        rc = hars_dcm_run(dcm);
    }

    hars_dcm_stop(dcm);
    hars_store_close(dcm->store);
    dcm->store = NULL;
    hars_looks_free(dcm->looks);
    hars_exports_free(&dcm->exports);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


/* what goes on beside the requests */
static int
hars_dcm_start(hars_dcm_t *dcm)
{
    dcm->streams = hars_streams_start(dcm);

    if (dcm->streams == NULL) {
        return HARS_ERROR;
    }

    if (dcm->conf.fog_url) {
        dcm->sessions = hars_sessions_create(dcm);

        if (dcm->sessions == NULL) {
            return HARS_ERROR;
        }
    }

    if (dcm->conf.ml_url == NULL) {
        hars_log_warn("there is no ml_url: recordings are stored, and their "
                      "activities are not recognized");
        return HARS_OK;
    }

    dcm->recognizer = hars_recognizer_start(dcm);

    return dcm->recognizer ? HARS_OK : HARS_ERROR;
}


/* requests have ended, and nobody wakes these any more */
static void
hars_dcm_stop(hars_dcm_t *dcm)
{
    hars_recognizer_stop(dcm->recognizer);
    dcm->recognizer = NULL;

    hars_streams_free(dcm->streams);
    dcm->streams = NULL;

    hars_sessions_free(dcm->sessions);
    dcm->sessions = NULL;
}


static int
hars_dcm_run(hars_dcm_t *dcm)
{
    long               wait;
    hars_http_t       *http;
    hars_rekey_t       rekey = { .over = 0 };
    hars_http_conf_t   conf = { .threads = HARS_SERVE_THREADS };

    conf.socket = dcm->conf.socket;
    conf.gateway_user = dcm->conf.gateway_user;
    conf.routes = hars_dcm_routes;
    conf.data = dcm;
    conf.served = hars_dcm_served;
    conf.workers = HARS_SERVE_WORKERS;
    conf.waits = hars_db_waits(dcm->conf.database);
    conf.bodies = HARS_SERVE_BODIES;

    http = hars_http_start(&conf);

    if (http == NULL) {
        return HARS_ERROR;
    }

    hars_log_info("serving on \"%s\"", dcm->conf.socket);

    do {
        wait = hars_dcm_tick(dcm, &rekey);

    } while (hars_signal_wait(wait) == 0);

    hars_log_info("stopping");
    hars_streams_stop(dcm->streams);
    hars_sessions_stop(dcm->sessions);
    hars_http_stop(http);

    return HARS_OK;
}


/* what is to be done now and then; ms till the next time */
static long
hars_dcm_tick(hars_dcm_t *dcm, hars_rekey_t *rekey)
{
    int  rc;

    rc = HARS_DECLINED;
    hars_recognizer_tick(dcm->recognizer);

    if (!rekey->over) {
        rc = hars_rekey(dcm, rekey);

    } else if (atomic_load(&dcm->erasing)) {
        rc = hars_erase_rows(dcm);
    }

    return rc == HARS_OK ? 0 : HARS_SERVE_TICK;
}
