
/*
 * See hars_http.h for what this is.  The only file that knows libmicrohttpd:
 *
 *     connection -> peer checked, or shut down before a byte is read
 *     headers    -> route, or the status of a refusal
 *     body       -> collected up to the route's cap, then thrown away
 *     end        -> handler or refusal -> answer
 *
 * A body over the cap is read to its end, within reason, before the 413: a
 * gateway that is still sending would take a closed socket for a failure of
 * the service.
 */

#include "hars_http.h"
#include "hars_log.h"
#include "hars_record.h"
#include "hars_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>


#define HARS_HTTP_THREADS      2
#define HARS_HTTP_CONNECTIONS  512
#define HARS_HTTP_MEMORY       (64 * 1024)
#define HARS_HTTP_DRAIN        (8 * 1024 * 1024)
#define HARS_HTTP_HEADERS      8
#define HARS_HTTP_ALLOW        64
#define HARS_HTTP_STOP         5000       /* ms */

/* s; longer than nginx keeps idle connections to an upstream (60) */
#define HARS_HTTP_TIMEOUT      75


struct hars_http_s {
    struct MHD_Daemon    *daemon;
    hars_socket_t         socket;
    uid_t                 peer;
    atomic_uint           refused;        /* the last user, logged once */
    const hars_route_t   *routes;
    void                 *data;
    atomic_uint           requests;       /* in hand */
};


/* one request and its answer; "r" is first: a handler's pointer is ours */
typedef struct {
    hars_request_t         r;
    hars_http_t           *http;
    struct MHD_Connection *connection;

    size_t                 size;          /* of r.body, without the zero */
    size_t                 drained;       /* thrown away */
    unsigned               status;        /* of a refusal; 0: none */

    unsigned               nheaders;
    char                  *name[HARS_HTTP_HEADERS];
    char                  *value[HARS_HTTP_HEADERS];
    unsigned               failed:1;      /* a header got lost */
    unsigned               answered:1;
    enum MHD_Result        rc;
} hars_exchange_t;


typedef struct {
    const char            *name;
    const char            *value;
    unsigned               n;
} hars_http_lookup_t;


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
static enum MHD_Result hars_http_begin(hars_http_t *http,
    struct MHD_Connection *c, const char *url, const char *method,
    void **ptr);
static void hars_http_route(hars_exchange_t *ex);
static enum MHD_Result hars_http_length(hars_exchange_t *ex);
static enum MHD_Result hars_http_body(hars_exchange_t *ex, const char *data,
    size_t len);
static enum MHD_Result hars_http_end(hars_exchange_t *ex);
static void hars_http_refuse(hars_exchange_t *ex, unsigned status);
static void hars_http_allow(hars_exchange_t *ex);
static void hars_http_completed(void *data, struct MHD_Connection *c,
    void **ptr, enum MHD_RequestTerminationCode toe);
static enum MHD_Result hars_http_match(void *data, enum MHD_ValueKind kind,
    const char *name, size_t name_len, const char *value, size_t value_len);


static char  hars_http_empty[1];


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

    http->routes = conf->routes;
    http->data = conf->data;
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

    http->daemon = hars_http_daemon(http, conf);

    if (http->daemon == NULL) {
        hars_log_error("socket \"%s\": the server cannot be started",
                       conf->socket);
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
                            | MHD_USE_ERROR_LOG,
                            0, NULL, NULL, hars_http_access, http,
                            MHD_OPTION_EXTERNAL_LOGGER, hars_http_log, http,
                            MHD_OPTION_LISTEN_SOCKET, http->socket.fd,
                            MHD_OPTION_THREAD_POOL_SIZE, threads,
                            MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned) HARS_HTTP_TIMEOUT,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t) HARS_HTTP_MEMORY,
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

    MHD_stop_daemon(http->daemon);

    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }

    free(http);
}


static void
hars_http_log(void *data, const char *fmt, va_list args)
{
    char  text[512];

    (void) data;

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
    size_t  len;

    (void) version;

    if (*ptr == NULL) {
        return hars_http_begin(data, c, url, method, ptr);
    }

    if (*size) {
        len = *size;
        *size = 0;
        return hars_http_body(*ptr, upload, len);
    }

    return hars_http_end(*ptr);
}


static enum MHD_Result
hars_http_begin(hars_http_t *http, struct MHD_Connection *c, const char *url,
    const char *method, void **ptr)
{
    hars_exchange_t  *ex;

    ex = calloc(1, sizeof(hars_exchange_t));
    if (ex == NULL) {
        return MHD_NO;
    }

    ex->http = http;
    ex->connection = c;
    ex->r.method = method;
    ex->r.path = url;
    ex->r.body = hars_http_empty;
    ex->r.data = http->data;

    *ptr = ex;
    atomic_fetch_add(&http->requests, 1);

    hars_http_route(ex);

    return hars_http_length(ex);
}


static void
hars_http_route(hars_exchange_t *ex)
{
    const char          *method;
    const hars_route_t  *route;

    method = ex->r.method;

    if (strcmp(method, "HEAD") == 0) {
        method = "GET";
    }

    ex->status = 404;

    for (route = ex->http->routes; route->path; route++) {

        if (strcmp(route->path, ex->r.path) != 0) {
            continue;
        }

        ex->r.route = route;
        ex->status = 405;

        if (strcmp(route->method, method) == 0) {
            ex->status = 0;
            return;
        }
    }
}


/* a body that is announced as too long need not be sent */
static enum MHD_Result
hars_http_length(hars_exchange_t *ex)
{
    size_t              max;
    const char         *value;
    unsigned long long  len;

    if (hars_request_header(&ex->r, "Content-Length", &value) != HARS_OK) {
        return MHD_YES;
    }

    max = (ex->r.route && ex->status == 0) ? ex->r.route->body_max : 0;
    len = strtoull(value, NULL, 10);

    if (len <= max) {
        return MHD_YES;
    }

    if (ex->status == 0) {
        ex->status = 413;
    }

    if (hars_request_header(&ex->r, "Expect", &value) != HARS_DECLINED
        || len > HARS_HTTP_DRAIN)
    {
        return hars_http_end(ex);
    }

    return MHD_YES;
}


static enum MHD_Result
hars_http_body(hars_exchange_t *ex, const char *data, size_t len)
{
    char    *body;
    size_t   size, max;

    if (ex->status == 0 && len > ex->r.route->body_max - ex->r.body_len) {
        ex->status = 413;
    }

    if (ex->status) {
        ex->drained += len;
        return (ex->drained > HARS_HTTP_DRAIN) ? MHD_NO : MHD_YES;
    }

    if (ex->r.body_len + len > ex->size) {
        max = ex->r.route->body_max;
        size = 2 * ex->size > ex->r.body_len + len ? 2 * ex->size
                                                   : ex->r.body_len + len;
        if (size < 4096) {
            size = 4096;
        }

        if (size > max) {
            size = max;
        }

        body = realloc(ex->size ? ex->r.body : NULL, size + 1);
        if (body == NULL) {
            ex->status = 503;
            return MHD_YES;
        }

        ex->r.body = body;
        ex->size = size;
    }

    memcpy(ex->r.body + ex->r.body_len, data, len);
    ex->r.body_len += len;
    ex->r.body[ex->r.body_len] = '\0';

    return MHD_YES;
}


static enum MHD_Result
hars_http_end(hars_exchange_t *ex)
{
    if (ex->status) {
        hars_http_refuse(ex, ex->status);

    } else {
        ex->r.route->handler(&ex->r);
    }

    if (!ex->answered) {
        hars_log_error("%s %s got no answer", ex->r.method,
                       ex->r.route ? ex->r.route->path : "");
        hars_http_refuse(ex, 500);
    }

    return ex->answered ? ex->rc : MHD_NO;
}


static void
hars_http_refuse(hars_exchange_t *ex, unsigned status)
{
    const char  *detail;

    switch (status) {

    case 404:
        detail = "There is nothing at this path.";
        break;

    case 405:
        detail = "This path does not know the method.";
        hars_http_allow(ex);
        break;

    case 413:
        detail = "The body is larger than this path takes.";
        break;

    case 503:
        detail = "The service is short of memory.";
        break;

    default:
        detail = "The service failed.";
    }

    if (ex->r.route && ex->r.route->refuse) {
        ex->r.route->refuse(&ex->r, status, detail);

    } else {
        hars_reply_problem(&ex->r, status, detail);
    }
}


/* RFC 9110, 15.5.6: a 405 says which methods there are */
static void
hars_http_allow(hars_exchange_t *ex)
{
    int                  n;
    char                 allow[HARS_HTTP_ALLOW], *p, *last;
    const hars_route_t  *route;

    p = allow;
    last = allow + sizeof(allow);

    for (route = ex->http->routes; route->path; route++) {

        if (strcmp(route->path, ex->r.path) != 0) {
            continue;
        }

        n = snprintf(p, (size_t) (last - p), "%s%s%s", p == allow ? "" : ", ",
                     route->method,
                     strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
        if (n < 0 || n >= last - p) {
            return;
        }

        p += n;
    }

    hars_reply_header(&ex->r, "Allow", allow);
}


static void
hars_http_completed(void *data, struct MHD_Connection *c, void **ptr,
    enum MHD_RequestTerminationCode toe)
{
    unsigned          i;
    hars_exchange_t  *ex;

    (void) data;
    (void) c;
    (void) toe;

    ex = *ptr;
    if (ex == NULL) {
        return;
    }

    *ptr = NULL;

    for (i = 0; i < ex->nheaders; i++) {
        free(ex->name[i]);
        free(ex->value[i]);
    }

    /* bodies carry tokens */

    if (ex->size) {
        explicit_bzero(ex->r.body, ex->size);
        free(ex->r.body);
    }

    atomic_fetch_sub(&ex->http->requests, 1);
    free(ex);
}


int
hars_request_header(hars_request_t *r, const char *name, const char **value)
{
    hars_exchange_t     *ex;
    hars_http_lookup_t   lookup;

    ex = (hars_exchange_t *) r;

    memset(&lookup, 0, sizeof(lookup));
    lookup.name = name;

    MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                hars_http_match, &lookup);

    *value = NULL;

    if (lookup.n == 0) {
        return HARS_DECLINED;
    }

    if (lookup.n > 1 || lookup.value == NULL) {
        return HARS_ERROR;
    }

    *value = lookup.value;

    return HARS_OK;
}


static enum MHD_Result
hars_http_match(void *data, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    hars_http_lookup_t  *lookup;

    (void) kind;

    lookup = data;

    if (name == NULL
        || name_len != strlen(lookup->name)
        || strncasecmp(name, lookup->name, name_len) != 0)
    {
        return MHD_YES;
    }

    lookup->n++;

    if (value && strlen(value) == value_len) {
        lookup->value = value;

    } else {
        lookup->n++;
    }

    return MHD_YES;
}


int
hars_request_type(hars_request_t *r, const char *type)
{
    size_t       len;
    const char  *value;

    if (hars_request_header(r, "Content-Type", &value) != HARS_OK) {
        return 0;
    }

    len = strlen(type);

    if (strncasecmp(value, type, len) != 0) {
        return 0;
    }

    value += len;
    value += strspn(value, " \t");

    return *value == '\0' || *value == ';';
}


void
hars_reply_header(hars_request_t *r, const char *name, const char *value)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->nheaders == HARS_HTTP_HEADERS) {
        ex->failed = 1;
        return;
    }

    ex->name[ex->nheaders] = strdup(name);
    ex->value[ex->nheaders] = strdup(value);

    if (ex->name[ex->nheaders] == NULL || ex->value[ex->nheaders] == NULL) {
        ex->failed = 1;
    }

    ex->nheaders++;
}


void
hars_reply(hars_request_t *r, unsigned status, const char *type, char *body,
    size_t len)
{
    unsigned              i;
    hars_exchange_t      *ex;
    struct MHD_Response  *response;

    ex = (hars_exchange_t *) r;

    if (ex->answered) {
        free(body);
        return;
    }

    response = MHD_create_response_from_buffer(len, body,
                                               MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return;
    }

    if (MHD_add_response_header(response, "Content-Type", type) != MHD_YES) {
        ex->failed = 1;
    }

    for (i = 0; i < ex->nheaders && !ex->failed; i++) {
        if (MHD_add_response_header(response, ex->name[i], ex->value[i])
            != MHD_YES)
        {
            ex->failed = 1;
        }
    }

    /* an answer without its headers is another answer: rather none */

    ex->rc = ex->failed ? MHD_NO
                        : MHD_queue_response(ex->connection, status,
                                             response);
    ex->answered = 1;

    MHD_destroy_response(response);
}


void
hars_reply_text(hars_request_t *r, unsigned status, const char *type,
    const char *text)
{
    char  *body;

    body = strdup(text);

    if (body) {
        hars_reply(r, status, type, body, strlen(body));
    }
}


void
hars_http_healthz(hars_request_t *r)
{
    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_text(r, 200, "application/json", "{\"status\":\"ok\"}\n");
}
