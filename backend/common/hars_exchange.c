
/*
 * From headers to answer:
 *
 *     headers    -> route, or the status of a refusal
 *     body       -> the route's, piece by piece, or collected, up to the
 *                   route's cap, then thrown away
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
#include <time.h>


#define HARS_EXCHANGE_DRAIN  (8 * 1024 * 1024)
#define HARS_EXCHANGE_ALLOW  64
#define HARS_EXCHANGE_RETRY  "5"          /* s */


static void hars_exchange_route(hars_exchange_t *ex);
static size_t hars_exchange_max(const hars_exchange_t *ex);
static unsigned hars_exchange_waits(const hars_exchange_t *ex);
static enum MHD_Result hars_exchange_give_piece(hars_exchange_t *ex,
    const char *data, size_t len);
static void hars_exchange_work_piece(void *data);
static enum MHD_Result hars_exchange_take(hars_exchange_t *ex,
    const char *data, size_t len);
static enum MHD_Result hars_exchange_drain(hars_exchange_t *ex, size_t len);
static int hars_exchange_piece(hars_exchange_t *ex, const char *data,
    size_t len);
static char *hars_exchange_grow(hars_exchange_t *ex, size_t size);
static int hars_exchange_handle(hars_exchange_t *ex);
static void hars_exchange_work(void *data);
static int hars_exchange_give(hars_exchange_t *ex, void (*run)(void *data));
static int hars_exchange_is_suspended(const hars_exchange_t *ex);
static void hars_exchange_served(hars_exchange_t *ex);
static enum MHD_Result hars_exchange_answer(hars_exchange_t *ex);
static void hars_exchange_refuse(hars_exchange_t *ex, unsigned status);
static void hars_exchange_allow(hars_exchange_t *ex);


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

    if (ex->r.route && ex->r.route->gone && ex->status != 405) {
        ex->r.route->gone(&ex->r);
    }

    for (i = 0; i < ex->nheaders; i++) {
        free(ex->name[i]);
        free(ex->value[i]);
    }

    if (ex->response) {
        MHD_destroy_response(ex->response);
    }

    /* bodies and answers carry tokens */

    hars_exchange_wipe(&ex->reply, ex->reply_len);
    hars_exchange_wipe(&ex->piece, ex->piece_len);

    if (ex->size) {
        atomic_fetch_sub(&ex->server->held, ex->size);
        hars_exchange_wipe(&ex->r.body, ex->size);
    }

    atomic_fetch_sub(&ex->server->held, ex->kept);

    if (ex->room) {
        explicit_bzero(ex->room, ex->room_size);
        free(ex->room);
    }

    free(ex);
}


void
hars_exchange_wipe(char **bytes, size_t len)
{
    if (*bytes) {
        explicit_bzero(*bytes, len);
        free(*bytes);
        *bytes = NULL;
    }
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

    max = ex->status == 0 ? hars_exchange_max(ex) : 0;
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


static size_t
hars_exchange_max(const hars_exchange_t *ex)
{
    if (ex->r.route == NULL) {
        return 0;
    }

    return ex->r.route->piece ? ex->r.route->pieces_max
                              : ex->r.route->body_max;
}


/*
 * What a route that waits does with a piece is no matter of this thread.  Of
 * several chunks in hand libmicrohttpd offers the next one at once, suspended
 * or not: it stays where it is.
 */
enum MHD_Result
hars_exchange_body(hars_exchange_t *ex, const char *data, size_t *size)
{
    size_t  len;

    if (hars_exchange_is_suspended(ex)) {
        return MHD_YES;
    }

    if (ex->broken) {
        return MHD_NO;
    }

    len = *size;
    *size = 0;

    if (ex->status == 0 && !ex->refused && ex->r.route->piece
        && hars_exchange_waits(ex))
    {
        return hars_exchange_give_piece(ex, data, len);
    }

    return hars_exchange_take(ex, data, len);
}


static unsigned
hars_exchange_waits(const hars_exchange_t *ex)
{
    return ex->server->workers
           && (ex->r.route->waits || ex->server->conf.waits);
}


/* libmicrohttpd's memory of it is gone when this returns */
static enum MHD_Result
hars_exchange_give_piece(hars_exchange_t *ex, const char *data, size_t len)
{
    ex->piece = malloc(len);

    if (ex->piece == NULL) {
        ex->status = 503;
        return MHD_YES;
    }

    memcpy(ex->piece, data, len);
    ex->piece_len = len;

    return hars_exchange_give(ex, hars_exchange_work_piece) == HARS_OK
           ? MHD_YES : MHD_NO;
}


static void
hars_exchange_work_piece(void *data)
{
    hars_exchange_t  *ex;

    ex = data;

    ex->broken = hars_exchange_take(ex, ex->piece, ex->piece_len) != MHD_YES;
    hars_exchange_wipe(&ex->piece, ex->piece_len);

    hars_exchange_resume(ex->server, ex->connection);
}


static enum MHD_Result
hars_exchange_take(hars_exchange_t *ex, const char *data, size_t len)
{
    char    *body;
    size_t   size, max;

    if (ex->status == 0 && ex->r.route->piece
        && hars_exchange_piece(ex, data, len) == HARS_OK)
    {
        return MHD_YES;
    }

    if (ex->status == 0 && !ex->refused
        && len > ex->r.route->body_max - ex->r.body_len)
    {
        ex->status = 413;
    }

    if (ex->status || ex->refused) {
        return hars_exchange_drain(ex, len);
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


/* HARS_OK: the route has it; otherwise collected, or thrown away */
static int
hars_exchange_piece(hars_exchange_t *ex, const char *data, size_t len)
{
    int  rc;

    if (ex->refused) {
        return HARS_DECLINED;
    }

    if (len > ex->r.route->pieces_max - ex->pieces) {
        ex->status = 413;
        return HARS_DECLINED;
    }

    ex->pieces += len;
    rc = ex->r.route->piece(&ex->r, data, len);
    ex->refused = rc == HARS_ERROR;

    return rc;
}


/* as much as it may have, or what a client has on its way */
static enum MHD_Result
hars_exchange_drain(hars_exchange_t *ex, size_t len)
{
    size_t  max;

    max = hars_exchange_max(ex);
    max = max > HARS_EXCHANGE_DRAIN ? max : HARS_EXCHANGE_DRAIN;
    ex->drained += len;

    return ex->drained > max ? MHD_NO : MHD_YES;
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
        body = malloc(size + 1);
    }

    if (body == NULL) {
        atomic_fetch_sub(&ex->server->held, more);
        return NULL;
    }

    /* realloc() would leave behind what it moves */

    if (ex->size) {
        memcpy(body, ex->r.body, ex->r.body_len);
        hars_exchange_wipe(&ex->r.body, ex->size);
    }

    return body;
}


/* once, and once more where the answer came later */
enum MHD_Result
hars_exchange_end(hars_exchange_t *ex)
{
    int  rc;

    if (hars_exchange_is_suspended(ex)) {
        return MHD_YES;
    }

    if (ex->begun) {

        if (ex->finish) {
            ex->finish(&ex->r);
            ex->finish = NULL;
        }

        hars_exchange_served(ex);

    } else if (ex->status) {
        hars_exchange_refuse(ex, ex->status);

    } else {
        rc = hars_exchange_handle(ex);

        if (rc != HARS_OK) {
            return rc == HARS_DECLINED ? MHD_YES : MHD_NO;
        }
    }

    return hars_exchange_answer(ex);
}


/*
 * HARS_DECLINED: the answer comes later, and may be there already;
 * HARS_ERROR: never, the server ends.
 */
static int
hars_exchange_handle(hars_exchange_t *ex)
{
    ex->begun = 1;
    clock_gettime(CLOCK_MONOTONIC, &ex->from);

    if (hars_exchange_waits(ex)) {
        ex->working = 1;

        return hars_exchange_give(ex, hars_exchange_work) == HARS_OK
               ? HARS_DECLINED : HARS_ERROR;
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

    hars_exchange_resume(ex->server, ex->connection);
}


/* HARS_ERROR: there are no workers any more */
static int
hars_exchange_give(hars_exchange_t *ex, void (*run)(void *data))
{
    if (hars_exchange_suspend(ex->server, ex->connection) != HARS_OK) {
        return HARS_ERROR;
    }

    ex->work.run = run;
    ex->work.data = ex;

    hars_workers_give(ex->server->workers, &ex->work);

    return HARS_OK;
}


/* who ends the server sees this one, or is seen by it */
int
hars_exchange_suspend(hars_exchange_server_t *server,
    struct MHD_Connection *connection)
{
    atomic_fetch_add(&server->suspended, 1);

    if (atomic_load(&server->ending)) {
        atomic_fetch_sub(&server->suspended, 1);
        return HARS_DECLINED;
    }

    MHD_suspend_connection(connection);

    return HARS_OK;
}


int
hars_request_later(hars_request_t *r, hars_handler_pt finish)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->working
        || hars_exchange_suspend(ex->server, ex->connection) != HARS_OK)
    {
        return HARS_DECLINED;
    }

    ex->later = 1;
    ex->finish = finish;

    return HARS_OK;
}


void
hars_request_go_on(hars_request_t *r)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    hars_exchange_resume(ex->server, ex->connection);
}


/* for the connection's own thread, which alone ends it */
static int
hars_exchange_is_suspended(const hars_exchange_t *ex)
{
    const union MHD_ConnectionInfo  *info;

    info = MHD_get_connection_info(ex->connection,
                                   MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);

    return info && info->suspended == MHD_YES;
}


void
hars_exchange_resume(hars_exchange_server_t *server,
    struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
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
