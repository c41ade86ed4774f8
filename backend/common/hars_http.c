
/*
 * See hars_http.h for what this is; here is the server itself: its start, its
 * connections, of which those of other users are shut down before a byte is
 * read, and its stop.  Only this file and those of hars_exchange.h know
 * libmicrohttpd.
 */

#include "hars_exchange.h"
#include "hars_log.h"
#include "hars_record.h"
#include "hars_socket.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define HARS_HTTP_THREADS      2
#define HARS_HTTP_CONNECTIONS  512
#define HARS_HTTP_MEMORY       (64 * 1024)
#define HARS_HTTP_STOP         5000       /* ms */

/* ms; longer than a handler waits for anything */
#define HARS_HTTP_SUSPENDED    30000

/* s; longer than nginx keeps idle connections to an upstream (60) */
#define HARS_HTTP_TIMEOUT      75


struct hars_http_s {
    struct MHD_Daemon    *daemon;
    hars_socket_t         socket;
    uid_t                 peer;
    atomic_uint           refused;        /* the last user, logged once */
    hars_exchange_server_t  server;
    atomic_uint           requests;       /* in hand */
};


static struct MHD_Daemon *hars_http_daemon(hars_http_t *http,
    const hars_http_conf_t *conf);
static void hars_http_log(void *data, const char *fmt, va_list args);
static size_t hars_http_unescape(void *data, struct MHD_Connection *c,
    char *s);
static void hars_http_connected(void *data, struct MHD_Connection *c,
    void **socket_data, enum MHD_ConnectionNotificationCode toe);
static enum MHD_Result hars_http_access(void *data, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *size, void **ptr);
static void hars_http_completed(void *data, struct MHD_Connection *c,
    void **ptr, enum MHD_RequestTerminationCode toe);

hars_http_t *
hars_http_start(const hars_http_conf_t *conf)
{
    gid_t         group;
    hars_http_t  *http;

    http = calloc(1, sizeof(hars_http_t));
    if (http == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    http->server.conf = *conf;
    atomic_init(&http->server.held, 0);
    atomic_init(&http->refused, (uid_t) -2);

    if (hars_socket_user(conf->gateway_user, &http->peer, &group) != HARS_OK)
    {
        hars_log_error("gateway_user \"%s\": there is no such user",
                       conf->gateway_user);
        free(http);
        return NULL;
    }

    if (hars_socket_listen(&http->socket, conf->socket, group) != HARS_OK) {
        free(http);
        return NULL;
    }

    if (conf->workers) {
        http->server.workers = hars_workers_create(conf->workers);
    }

    if (conf->workers == 0 || http->server.workers) {
        http->daemon = hars_http_daemon(http, conf);
    }

    if (http->daemon == NULL) {
        hars_log_error("socket \"%s\": the server cannot be started",
                       conf->socket);
        hars_workers_free(http->server.workers);
        hars_socket_unlink(&http->socket);
        close(http->socket.fd);
        free(http);
        return NULL;
    }

    return http;
}


static struct MHD_Daemon *
hars_http_daemon(hars_http_t *http, const hars_http_conf_t *conf)
{
    unsigned  threads, connections;

    threads = conf->threads ? conf->threads : HARS_HTTP_THREADS;
    connections = conf->connections ? conf->connections
                                    : HARS_HTTP_CONNECTIONS;

    /* a pool of one is refused by libmicrohttpd */

    if (threads < 2) {
        threads = 2;
    }

    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC
                            | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME,
                            0, NULL, NULL, hars_http_access, http,
                            MHD_OPTION_EXTERNAL_LOGGER, hars_http_log, http,
                            MHD_OPTION_LISTEN_SOCKET, http->socket.fd,
                            MHD_OPTION_THREAD_POOL_SIZE, threads,
                            MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned) HARS_HTTP_TIMEOUT,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            conf->memory ? conf->memory
                                         : (size_t) HARS_HTTP_MEMORY,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_UNESCAPE_CALLBACK, hars_http_unescape,
                            NULL,
                            MHD_OPTION_NOTIFY_CONNECTION,
                            hars_http_connected, http,
                            MHD_OPTION_NOTIFY_COMPLETED,
                            hars_http_completed, http,
                            MHD_OPTION_END);
}


void
hars_http_stop(hars_http_t *http)
{
    int              fd;
    unsigned         ms;
    struct timespec  ts;

    if (http == NULL) {
        return;
    }

    hars_socket_unlink(&http->socket);

    fd = MHD_quiesce_daemon(http->daemon);

    ts.tv_sec = 0;
    ts.tv_nsec = 5 * 1000 * 1000;

    for (ms = 0; ms < HARS_HTTP_STOP && atomic_load(&http->requests); ms += 5)
    {
        nanosleep(&ts, NULL);
    }

    /* libmicrohttpd cannot end before these go on */

    atomic_store(&http->server.ending, 1);

    for (ms = 0; ms < HARS_HTTP_SUSPENDED
                 && atomic_load(&http->server.suspended); ms += 5)
    {
        nanosleep(&ts, NULL);
    }

    hars_workers_free(http->server.workers);

    MHD_stop_daemon(http->daemon);

    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }

    free(http);
}


static void
hars_http_log(void *data, const char *fmt, va_list args)
{
    char          text[512];
    hars_http_t  *http;

    http = data;

    /* of each request that gets no answer any more some of its versions warn */

    if (atomic_load(&http->server.ending)) {
        return;
    }

    /* it speaks of broken connections, never of what was in them */

    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\r\n")] = '\0';

    hars_log_warn("libmicrohttpd: %s", text);
}


static size_t
hars_http_unescape(void *data, struct MHD_Connection *c, char *s)
{
    (void) data;
    (void) c;

    return strlen(s);
}


static void
hars_http_connected(void *data, struct MHD_Connection *c, void **socket_data,
    enum MHD_ConnectionNotificationCode toe)
{
    uid_t                            peer;
    hars_http_t                     *http;
    const union MHD_ConnectionInfo  *info;

    (void) socket_data;

    if (toe != MHD_CONNECTION_NOTIFY_STARTED) {
        return;
    }

    http = data;
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (hars_socket_peer(info->connect_fd, http->peer, &peer) == HARS_OK) {
        return;
    }

    shutdown(info->connect_fd, SHUT_RDWR);

    if (atomic_exchange(&http->refused, peer) != peer) {
        hars_log_warn("a process of user id %ld was refused, set "
                      "gateway_user if it is the gateway", (long) peer);
    }
}


static enum MHD_Result
hars_http_access(void *data, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *size, void **ptr)
{
    hars_http_t      *http;
    hars_exchange_t  *ex;

    (void) version;

    http = data;
    ex = *ptr;

    if (ex == NULL) {
        ex = hars_exchange_create(&http->server, c, url, method);
        if (ex == NULL) {
            return MHD_NO;
        }

        *ptr = ex;
        atomic_fetch_add(&http->requests, 1);

        return hars_exchange_begin(ex);
    }

    if (*size) {
        return hars_exchange_body(ex, upload, size);
    }

    return hars_exchange_end(ex);
}


static void
hars_http_completed(void *data, struct MHD_Connection *c, void **ptr,
    enum MHD_RequestTerminationCode toe)
{
    hars_http_t  *http;

    (void) c;
    (void) toe;

    http = data;

    if (*ptr) {
        hars_exchange_free(*ptr);
        *ptr = NULL;
        atomic_fetch_sub(&http->requests, 1);
    }
}
