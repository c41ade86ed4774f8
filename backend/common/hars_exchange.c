
/*
 * From headers to answer:
 *
 *     headers    -> route, or the status of a refusal
 *     body       -> collected up to the route's cap, then thrown away
 *     end        -> handler or refusal -> answer
 *
 * A body over the cap is read to its end, within reason, before the 413: a
 * gateway that is still sending would take a closed socket for a failure of
 * the service.
 */

#include "hars_exchange.h"
#include "hars_log.h"
#include "hars_record.h"
#include "hars_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>


#define HARS_EXCHANGE_DRAIN  (8 * 1024 * 1024)
#define HARS_EXCHANGE_ALLOW  64
#define HARS_EXCHANGE_RETRY  "5"          /* s */


typedef struct {
    const char  *name;
    const char  *value;
    unsigned     n;
} hars_exchange_lookup_t;

typedef struct {
    void       (*take)(void *data, const char *name, const char *value);
    void        *data;
} hars_exchange_query_t;


static void hars_exchange_route(hars_exchange_t *ex);
static char *hars_exchange_grow(hars_exchange_t *ex, size_t size);
static int hars_exchange_handle(hars_exchange_t *ex);
static void hars_exchange_work(void *data);
static void hars_exchange_suspend(hars_exchange_t *ex);
static void hars_exchange_resume(hars_exchange_t *ex);
static void hars_exchange_served(hars_exchange_t *ex);
static enum MHD_Result hars_exchange_answer(hars_exchange_t *ex);
static void hars_exchange_refuse(hars_exchange_t *ex, unsigned status);
static void hars_exchange_allow(hars_exchange_t *ex);
static enum MHD_Result hars_exchange_match(void *data,
    enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len);
static enum MHD_Result hars_exchange_parameter(void *data,
    enum MHD_ValueKind kind, const char *name, const char *value);


static char  hars_exchange_empty[1];


hars_exchange_t *
hars_exchange_create(hars_exchange_server_t *server,
    struct MHD_Connection *connection, const char *url, const char *method)
{
    hars_exchange_t  *ex;

    ex = calloc(1, sizeof(hars_exchange_t));

    if (ex) {
        ex->server = server;
        ex->connection = connection;
        ex->r.method = method;
        ex->r.path = url;
        ex->r.rest = "";
        ex->r.body = hars_exchange_empty;
        ex->r.data = server->conf.data;
    }

    return ex;
}


void
hars_exchange_free(hars_exchange_t *ex)
{
    unsigned  i;

    /* the connection was lost before it went on */

    if (ex->finish) {
        ex->finish(&ex->r);
    }

    for (i = 0; i < ex->nheaders; i++) {
        free(ex->name[i]);
        free(ex->value[i]);
    }

    if (ex->response) {
        MHD_destroy_response(ex->response);
    }

    /* bodies carry tokens */

    if (ex->size) {
        atomic_fetch_sub(&ex->server->held, ex->size);
        explicit_bzero(ex->r.body, ex->size);
        free(ex->r.body);
    }

    if (ex->room) {
        explicit_bzero(ex->room, ex->room_size);
        free(ex->room);
    }

    free(ex);
}


/* a body that is announced as too long need not be sent */
enum MHD_Result
hars_exchange_begin(hars_exchange_t *ex)
{
    size_t              max;
    const char         *value;
    unsigned long long  len;

    hars_exchange_route(ex);

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
        || len > HARS_EXCHANGE_DRAIN)
    {
        return hars_exchange_end(ex);
    }

    return MHD_YES;
}


static void
hars_exchange_route(hars_exchange_t *ex)
{
    const char          *method;
    const hars_route_t  *route;

    method = ex->r.method;

    if (strcmp(method, "HEAD") == 0) {
        method = "GET";
    }

    ex->status = 404;

    for (route = ex->server->conf.routes; route->path; route++) {

        if (!hars_route_at(route, ex->r.path)) {
            continue;
        }

        ex->r.route = route;
        ex->r.rest = ex->r.path + strlen(route->path);
        ex->status = 405;

        if (strcmp(route->method, method) == 0) {
            ex->status = 0;
            return;
        }
    }
}


enum MHD_Result
hars_exchange_body(hars_exchange_t *ex, const char *data, size_t len)
{
    char    *body;
    size_t   size, max;

    if (ex->status == 0 && len > ex->r.route->body_max - ex->r.body_len) {
        ex->status = 413;
    }

    if (ex->status) {
        ex->drained += len;
        return (ex->drained > HARS_EXCHANGE_DRAIN) ? MHD_NO : MHD_YES;
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

        body = hars_exchange_grow(ex, size);
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


/* all bodies together have a limit, too */
static char *
hars_exchange_grow(hars_exchange_t *ex, size_t size)
{
    char    *body;
    size_t   more, held, limit;

    limit = ex->server->conf.bodies;
    more = size - ex->size;
    held = atomic_fetch_add(&ex->server->held, more);
    body = NULL;

    if (limit == 0 || held + more <= limit) {
        body = realloc(ex->size ? ex->r.body : NULL, size + 1);
    }

    if (body == NULL) {
        atomic_fetch_sub(&ex->server->held, more);
    }

    return body;
}


/* once, and once more where the answer came later */
enum MHD_Result
hars_exchange_end(hars_exchange_t *ex)
{
    if (ex->begun) {

        if (ex->finish) {
            ex->finish(&ex->r);
            ex->finish = NULL;
        }

        hars_exchange_served(ex);

    } else if (ex->status) {
        hars_exchange_refuse(ex, ex->status);

    } else if (hars_exchange_handle(ex) == HARS_DECLINED) {
        return MHD_YES;
    }

    return hars_exchange_answer(ex);
}


/* HARS_DECLINED: the answer comes later, and may be there already */
static int
hars_exchange_handle(hars_exchange_t *ex)
{
    ex->begun = 1;
    clock_gettime(CLOCK_MONOTONIC, &ex->from);

    if (ex->server->workers
        && (ex->r.route->waits || ex->server->conf.waits))
    {
        ex->working = 1;
        ex->work.run = hars_exchange_work;
        ex->work.data = ex;

        hars_exchange_suspend(ex);
        hars_workers_give(ex->server->workers, &ex->work);

        return HARS_DECLINED;
    }

    ex->r.route->handler(&ex->r);

    if (ex->later) {
        return HARS_DECLINED;
    }

    hars_exchange_served(ex);

    return HARS_OK;
}


static void
hars_exchange_work(void *data)
{
    hars_exchange_t  *ex;

    ex = data;

    ex->r.route->handler(&ex->r);

    hars_exchange_resume(ex);
}


int
hars_request_later(hars_request_t *r, hars_handler_pt finish)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->working) {
        return HARS_DECLINED;
    }

    ex->later = 1;
    ex->finish = finish;
    hars_exchange_suspend(ex);

    return HARS_OK;
}


void
hars_request_go_on(hars_request_t *r)
{
    hars_exchange_resume((hars_exchange_t *) r);
}


void *
hars_request_room(hars_request_t *r, size_t size)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->room == NULL) {
        ex->room = calloc(1, size);
        ex->room_size = size;
    }

    return ex->room;
}


static void
hars_exchange_suspend(hars_exchange_t *ex)
{
    atomic_fetch_add(&ex->server->suspended, 1);
    MHD_suspend_connection(ex->connection);
}


/* it may be gone as soon as it goes on */
static void
hars_exchange_resume(hars_exchange_t *ex)
{
    hars_exchange_server_t  *server;

    server = ex->server;
    MHD_resume_connection(ex->connection);
    atomic_fetch_sub(&server->suspended, 1);
}


static void
hars_exchange_served(hars_exchange_t *ex)
{
    struct timespec  to;

    if (ex->server->conf.served) {
        clock_gettime(CLOCK_MONOTONIC, &to);
        ex->server->conf.served(ex->r.data, ex->r.route,
                         (uint64_t) ((to.tv_sec - ex->from.tv_sec) * 1000000
                                     + (to.tv_nsec - ex->from.tv_nsec)
                                       / 1000));
    }
}


static enum MHD_Result
hars_exchange_answer(hars_exchange_t *ex)
{
    if (ex->response == NULL) {
        hars_log_error("%s %s got no answer", ex->r.method,
                       ex->r.route ? ex->r.route->path : "");
        hars_exchange_refuse(ex, 500);
    }

    /* an answer without its headers is another answer: rather none */

    if (ex->response == NULL || ex->failed) {
        return MHD_NO;
    }

    return MHD_queue_response(ex->connection, ex->answer, ex->response);
}


static void
hars_exchange_refuse(hars_exchange_t *ex, unsigned status)
{
    const char  *detail;

    switch (status) {

    case 404:
        detail = "There is nothing at this path.";
        break;

    case 405:
        detail = "This path does not know the method.";
        hars_exchange_allow(ex);
        break;

    case 413:
        detail = "The body is larger than this path takes.";
        break;

    case 503:
        detail = "The service is short of memory.";
        hars_reply_header(&ex->r, "Retry-After", HARS_EXCHANGE_RETRY);
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
hars_exchange_allow(hars_exchange_t *ex)
{
    int                  n;
    char                 allow[HARS_EXCHANGE_ALLOW], *p, *last;
    const hars_route_t  *route;

    p = allow;
    last = allow + sizeof(allow);

    for (route = ex->server->conf.routes; route->path; route++) {

        if (!hars_route_at(route, ex->r.path)) {
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


int
hars_request_header(hars_request_t *r, const char *name, const char **value)
{
    hars_exchange_t     *ex;
    hars_exchange_lookup_t   lookup;

    ex = (hars_exchange_t *) r;

    memset(&lookup, 0, sizeof(lookup));
    lookup.name = name;

    MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                hars_exchange_match, &lookup);

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
hars_exchange_match(void *data, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    hars_exchange_lookup_t  *lookup;

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


void
hars_request_query(hars_request_t *r,
    void (*take)(void *data, const char *name, const char *value),
    void *data)
{
    hars_exchange_t        *ex;
    hars_exchange_query_t   query;

    ex = (hars_exchange_t *) r;
    query.take = take;
    query.data = data;

    MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND,
                              hars_exchange_parameter, &query);
}


static enum MHD_Result
hars_exchange_parameter(void *data, enum MHD_ValueKind kind,
    const char *name, const char *value)
{
    hars_exchange_query_t  *query;

    (void) kind;

    query = data;
    query->take(query->data, name, value ? value : "");

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

    if (ex->nheaders == HARS_EXCHANGE_HEADERS) {
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

    if (ex->response) {
        free(body);
        return;
    }

    response = MHD_create_response_from_buffer(len, body,
                                               MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return;
    }

    if (type
        && MHD_add_response_header(response, "Content-Type", type) != MHD_YES)
    {
        ex->failed = 1;
    }

    for (i = 0; i < ex->nheaders && !ex->failed; i++) {
        if (MHD_add_response_header(response, ex->name[i], ex->value[i])
            != MHD_YES)
        {
            ex->failed = 1;
        }
    }

    ex->response = response;
    ex->answer = status;
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
