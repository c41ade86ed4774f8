
/*
 * The running server: two sockets with threads of their own, and the main
 * thread, which keeps the connection to Redis, tells it the revocations that
 * it does not have (yet, or any more), and sweeps what has ended.
 *
 *     public socket    /oauth2/token, /oauth2/introspect, /oauth2/revoke,
 *                      /oauth2/register, /oauth2/jwks, /.well-known/est/,
 *                      /crl, /ocsp, /healthz
 *     gateway socket   /introspect, never behind a slow issue
 */

#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_crl.h"
#include "hars_as_est.h"
#include "hars_as_family.h"
#include "hars_as_jwt.h"
#include "hars_as_metadata.h"
#include "hars_as_known.h"
#include "hars_as_metrics.h"
#include "hars_as_oauth.h"
#include "hars_as_ocsp.h"
#include "hars_as_publish.h"
#include "hars_as_register.h"
#include "hars_as_revocation.h"
#include "hars_as_store.h"
#include "hars_as_store_cert.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_signal.h"

#include <time.h>


#define HARS_SERVE_THREADS  4             /* of a socket, at most */
#define HARS_SERVE_WORKERS  32            /* as many wait at a time */
#define HARS_SERVE_TICK     1000          /* ms */
#define HARS_SERVE_MEMORY   (16 * 1024)   /* no certificate comes there */
#define HARS_SERVE_PUBLIC   (32 * 1024)   /* here it does: 8 KB at most */
#define HARS_SERVE_KEEP     3600          /* s, of tokens that have ended */
#define HARS_SERVE_SWEEP    10            /* s */
#define HARS_SERVE_FAMILIES  20           /* slices of families in a tick */
#define HARS_SERVE_CERTS    (30 * 86400)  /* s, of certificates that ended */


typedef struct {
    hars_as_socket_t   socket;
    time_t             swept;             /* when */
    int64_t            sweep_from;        /* key of a token */
} hars_serve_t;


static int hars_serve_refresh(hars_serve_t *serve, hars_as_t *as);
static int hars_serve_run(hars_serve_t *serve, hars_as_t *as);
static void hars_serve_tick(hars_serve_t *serve, hars_as_t *as);
static void hars_serve_sweep(hars_serve_t *serve, hars_as_t *as, time_t now);
static void hars_serve_gateway(hars_serve_t *serve, hars_as_t *as);


static void hars_serve_healthz(hars_request_t *r);


static hars_route_t  hars_serve_public[] = {

    /* the first: its path is the issuer's */

    { .path = HARS_METADATA_PATH, .method = "GET",
      .handler = hars_as_metadata },

    { .path = "/oauth2/token", .method = "POST",
      .body_max = HARS_OAUTH_BODY,
      .handler = hars_as_token, .refuse = hars_oauth_refuse },

    { .path = "/oauth2/introspect", .method = "POST",
      .body_max = HARS_OAUTH_BODY,
      .handler = hars_as_introspect_public, .refuse = hars_oauth_refuse },

    { .path = "/oauth2/revoke", .method = "POST",
      .body_max = HARS_OAUTH_BODY,
      .waits = 1, .handler = hars_as_revoke, .refuse = hars_oauth_refuse },

    { .path = HARS_EST_CACERTS, .method = "GET",
      .handler = hars_as_est_cacerts, .refuse = hars_est_refuse },

    { .path = HARS_EST_CSRATTRS, .method = "GET",
      .handler = hars_as_est_csrattrs, .refuse = hars_est_refuse },

    { .path = HARS_EST_ENROL, .method = "POST", .body_max = HARS_CSR_TEXT,
      .waits = 1, .handler = hars_as_est_enrol, .refuse = hars_est_refuse },

    { .path = HARS_EST_REENROL, .method = "POST", .body_max = HARS_CSR_TEXT,
      .waits = 1, .handler = hars_as_est_reenrol, .refuse = hars_est_refuse },

    { .path = HARS_CRL_PATH, .method = "GET",
      .waits = 1, .handler = hars_as_crl },

    { .path = HARS_CRL_DER_PATH, .method = "GET",
      .waits = 1, .handler = hars_as_crl_der },

    { .path = HARS_OCSP_PATH, .method = "POST", .body_max = HARS_OCSP_BODY,
      .waits = 1, .handler = hars_as_ocsp_post },

    { .path = HARS_OCSP_GET_PATH, .prefix = 1, .method = "GET",
      .waits = 1, .handler = hars_as_ocsp_get },

    { .path = HARS_REGISTER_PATH, .method = "POST",
      .body_max = HARS_REGISTRATION_BODY,
      .waits = 1, .handler = hars_as_register, .refuse = hars_oauth_refuse },

    { .path = HARS_REGISTER_PATH "/", .prefix = 1, .method = "GET",
      .waits = 1, .handler = hars_as_registered_get,
      .refuse = hars_oauth_refuse },

    { .path = HARS_REGISTER_PATH "/", .prefix = 1, .method = "PUT",
      .body_max = HARS_REGISTRATION_BODY,
      .waits = 1, .handler = hars_as_registered_put,
      .refuse = hars_oauth_refuse },

    { .path = HARS_REGISTER_PATH "/", .prefix = 1, .method = "DELETE",
      .waits = 1, .handler = hars_as_registered_delete,
      .refuse = hars_oauth_refuse },

    { .path = HARS_METADATA_JWKS, .method = "GET", .handler = hars_as_jwks },

    { .path = "/healthz", .method = "GET", .handler = hars_serve_healthz },

    { .path = "/metrics", .method = "GET", .handler = hars_as_metrics },

    { .path = NULL }
};


static const hars_route_t  hars_serve_introspect[] = {

    { .path = "/introspect", .method = "POST",
      .body_max = HARS_OAUTH_BODY,
      .handler = hars_as_introspect_gateway, .refuse = hars_oauth_refuse },

    { .path = NULL }
};


int
hars_as_serve(hars_as_t *as)
{
    int           rc;
    hars_serve_t  serve = { .socket.as = as };

    /* before there is any thread */

    if (hars_signal_init() != HARS_OK) {
        hars_log_error("signals cannot be blocked");
        return HARS_EXIT_FAILED;
    }

    serve.socket.store = hars_store_open(as->conf.database, &hars_as_layout);

    if (serve.socket.store == NULL) {
        return HARS_EXIT_FAILED;
    }

    as->metrics = hars_metrics_create();
    serve.socket.known = hars_known_create(serve.socket.store);

    rc = serve.socket.known ? hars_serve_refresh(&serve, as) : HARS_ERROR;

    if (rc == HARS_OK) {
        rc = hars_serve_run(&serve, as);
        (void) hars_audit_sign(as, 0);
    }

    hars_metrics_free(as->metrics);
    as->metrics = NULL;

    hars_known_free(serve.socket.known);
    hars_store_close(serve.socket.store);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


/* a client that was promised refresh tokens would get none */
static int
hars_serve_refresh(hars_serve_t *serve, hars_as_t *as)
{
    int64_t  n;

    if (as->refresh) {
        return HARS_OK;
    }

    if (hars_store_family_clients(serve->socket.store, &n) != HARS_OK) {
        return HARS_ERROR;
    }

    if (n) {
        hars_log_error("refresh_key is needed: %lld clients get refresh "
                       "tokens", (long long) n);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_serve_run(hars_serve_t *serve, hars_as_t *as)
{
    int               rc;
    hars_http_t      *public, *gateway;
    hars_http_conf_t  conf = { .threads = HARS_SERVE_THREADS };

    /* revocations first: a gateway may be filling from Redis already */

    hars_serve_gateway(serve, as);
    hars_serve_tick(serve, as);

    /* all that asks a PostgreSQL waits for it */

    conf.waits = hars_db_waits(as->conf.database);
    conf.gateway_user = as->conf.gateway_user;
    conf.served = hars_metrics_served;

    conf.socket = as->conf.gateway_socket;
    conf.routes = hars_serve_introspect;
    conf.workers = conf.waits ? HARS_SERVE_WORKERS : 0;
    conf.memory = HARS_SERVE_MEMORY;
    conf.data = &serve->socket;
    gateway = hars_http_start(&conf);

    hars_serve_public[0].path = as->metadata_path;

    /*
     * The writer wakes each of them for fewer tokens, the more there are; who
     * introspects may wait for a page that no cache has
     */

    conf.socket = as->conf.public_socket;
    conf.threads = hars_process_threads(HARS_SERVE_THREADS);
    conf.workers = HARS_SERVE_WORKERS;
    conf.routes = hars_serve_public;
    conf.memory = HARS_SERVE_PUBLIC;
    public = gateway ? hars_http_start(&conf) : NULL;

    rc = HARS_ERROR;

    if (public) {
        hars_log_info("serving %s on \"%s\" and \"%s\"", as->conf.issuer,
                      as->conf.public_socket, as->conf.gateway_socket);

        while (hars_signal_wait(HARS_SERVE_TICK) == 0) {
            hars_serve_tick(serve, as);
        }

        hars_log_info("stopping");
        rc = HARS_OK;
    }

    hars_http_stop(public);
    hars_http_stop(gateway);

    return rc;
}


static void
hars_serve_tick(hars_serve_t *serve, hars_as_t *as)
{
    time_t         now;
    unsigned       up, told;
    hars_store_t  *store;

    now = time(NULL);
    store = serve->socket.store;

    up = as->publish && hars_publish_connect(as->publish) == HARS_OK;
    told = up
           && hars_revocation_outbox(as, store) == HARS_OK
           && hars_publish_refresh(as->publish, store, now)
              == HARS_OK;

    hars_metrics_redis(as->metrics, up, told);

    (void) hars_crl_refresh(as, store, now);

    hars_audit_tick(as->audit);
    (void) hars_audit_sign(as, now);

    /* whoever sets the clock of the day back does not put it off */

    if (now < serve->swept || now - serve->swept >= HARS_SERVE_SWEEP) {
        hars_serve_sweep(serve, as, now);
    }
}


/* where there is more than a tick takes, the next one goes on */
static void
hars_serve_sweep(hars_serve_t *serve, hars_as_t *as, time_t now)
{
    int            tokens, families;
    unsigned       n;
    hars_store_t  *store;

    store = serve->socket.store;

    tokens = hars_store_sweep(store, now - HARS_SERVE_KEEP,
                              (int64_t) as->conf.token_ttl,
                              &serve->sweep_from);

    for (n = 0, families = HARS_DECLINED;
         n < HARS_SERVE_FAMILIES && families == HARS_DECLINED;
         n++)
    {
        families = hars_store_family_sweep(store, now - HARS_SERVE_KEEP);
    }

    hars_store_certificate_sweep(store, now - HARS_SERVE_CERTS, now);

    if (tokens != HARS_DECLINED && families != HARS_DECLINED) {
        serve->swept = now;
    }
}


/* the database, without which nothing is issued */
static void
hars_serve_healthz(hars_request_t *r)
{
    hars_client_t      client;
    hars_as_socket_t  *socket;

    socket = r->data;

    if (hars_store_client_get(socket->store, socket->as->conf.gateway_client,
                              &client) == HARS_ERROR)
    {
        hars_reply_problem(r, 503, "The database cannot be asked.");
        return;
    }

    hars_http_healthz(r);
}


static void
hars_serve_gateway(hars_serve_t *serve, hars_as_t *as)
{
    hars_client_t  client;

    if (hars_store_client_get(serve->socket.store, as->conf.gateway_client,
                              &client) == HARS_OK)
    {
        if (client.disabled_at) {
            hars_log_warn("client %s is disabled: nobody passes the gateway",
                          client.id);
            return;
        }

        if (client.kind->introspect) {
            return;
        }

        hars_log_warn("client %s is of kind %s, not resource_server: nobody "
                      "passes the gateway", client.id, client.kind->name);
        return;
    }

    hars_log_warn("client %s is not registered: nobody passes the gateway "
                  "until \"hars-authserver client add --id %s --kind "
                  "resource_server --resource URI\"",
                  as->conf.gateway_client, as->conf.gateway_client);
}
