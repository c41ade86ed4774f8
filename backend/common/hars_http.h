
/*
 * HTTP/1.1 for the gateway, on a Unix socket: a table of routes, one handler
 * per path and method, the whole body in memory and capped (or taken piece by
 * piece), one answer.
 *
 * A handler runs on one of a few threads that serve all connections, so it
 * may not wait for anything; it gets the request parsed and within bounds,
 * owns nothing of it, and answers once.  Without an answer of its own the
 * client gets 500.  Where a handler does wait it runs on a thread of a larger
 * pool (hars_route_t: waits), or gives its work away and answers later
 * (hars_request_later()).
 *
 * Paths are compared as sent, undecoded: the gateway proxies exact ones.  A
 * "*" in a route stands for any one segment (hars_route.h).  A route may be a
 * prefix instead, which ends with "/"; what follows is the handler's to look
 * at.
 */

#ifndef HARS_HTTP_H
#define HARS_HTTP_H


#include <stddef.h>
#include <stdint.h>


typedef struct hars_http_s  hars_http_t;
typedef struct hars_request_s  hars_request_t;

typedef void (*hars_handler_pt)(hars_request_t *r);

/* answers an error found before the handler: 404, 405, 413, 500, 503 */
typedef void (*hars_refuse_pt)(hars_request_t *r, unsigned status,
    const char *detail);


/*
 * Takes a piece of the body while it comes; on a worker's thread where the
 * route waits.  HARS_OK: taken; HARS_DECLINED:
 * to be collected, as without this; HARS_ERROR: the rest is thrown away, and
 * the handler answers with what it knows of it.
 */
typedef int (*hars_piece_pt)(hars_request_t *r, const char *data, size_t len);


/* a table of these ends with the path NULL */
typedef struct {
    const char            *path;          /* without the query */
    const char            *method;        /* GET answers HEAD as well */
    unsigned               waits:1;       /* for a disk, another server */
    unsigned               prefix:1;      /* of the path */
    size_t                 body_max;      /* bytes; beyond: 413 */
    hars_piece_pt          piece;         /* or NULL */
    size_t                 pieces_max;    /* bytes of all pieces */
    hars_handler_pt        gone;          /* where there is a piece: the last
                                             word, however it ended */
    hars_handler_pt        handler;
    hars_refuse_pt         refuse;        /* NULL: problem details */
} hars_route_t;


struct hars_request_s {
    const char            *method;
    const char            *path;
    const char            *rest;          /* behind a prefix, or "" */
    char                  *body;          /* zero-terminated, never NULL */
    size_t                 body_len;      /* may have zero bytes inside */
    void                  *data;          /* hars_http_conf_t: data */
    void                  *ctx;           /* the handler's own, at first NULL */
    const hars_route_t    *route;         /* NULL: none has this path */
};


typedef struct {
    const char            *socket;        /* path */
    const char            *gateway_user;  /* may connect, beside oneself */
    const hars_route_t    *routes;
    void                  *data;          /* for the handlers, shared */
    void                 (*served)(void *data, const hars_route_t *route,
                                   uint64_t microseconds);    /* or NULL */
    unsigned               threads;       /* 0: 2 */
    unsigned               workers;       /* for handlers that wait */
    unsigned               waits:1;       /* all of them do */
    unsigned               connections;   /* 0: 512 */
    size_t                 bodies;        /* bytes of all bodies at a time,
                                             beyond: 503; 0: no limit */
    size_t                 memory;        /* of each, header and answer's
                                             header; 0: 64 KB */
} hars_http_conf_t;


/*
 * Starts serving.  Returns NULL after the log has cause and mend.  Signals
 * are to be blocked before (hars_signal_init()).
 */
hars_http_t *hars_http_start(const hars_http_conf_t *conf);

/*
 * Takes the socket file away, lets the requests in hand end for up to 5
 * seconds, and stops.  NULL is allowed.
 */
void hars_http_stop(hars_http_t *http);

/*
 * The handler returns without an answer, since that has to wait for something.
 * When it is there, any thread calls hars_request_go_on(), once, and then
 * "finish" runs as the handler did and answers, also where nobody is there to
 * read it.  HARS_DECLINED: the handler runs on a thread that may wait, and has
 * to; or the server ends, and answers no later than now.
 */
int hars_request_later(hars_request_t *r, hars_handler_pt finish);
void hars_request_go_on(hars_request_t *r);

/*
 * Room that lives as long as the request, once for each, zeroed, and wiped
 * afterwards; NULL: no memory.
 */
void *hars_request_room(hars_request_t *r, size_t size);

/*
 * The request needs more memory, until it ends: it counts with the bodies.
 * HARS_DECLINED: there is too much already (hars_http_conf_t: bodies).
 */
int hars_request_hold(hars_request_t *r, size_t size);

/*
 * The header's value: HARS_OK, HARS_DECLINED: there is none, HARS_ERROR: it
 * stands more than once or has a zero byte; then *value is NULL.  Names
 * compare without case.
 */
int hars_request_header(hars_request_t *r, const char *name,
    const char **value);

/*
 * How much the client wants this media type, by all lines of Accept: as
 * hars_accept() has it; HARS_ACCEPT_FULL where there is none.
 */
int hars_request_accept(hars_request_t *r, const char *type);

/*
 * Calls "take" with each parameter of the query, undecoded and in order; one
 * without "=" has the value "".
 */
void hars_request_query(hars_request_t *r,
    void (*take)(void *data, const char *name, const char *value),
    void *data);

/* is Content-Type this media type, whatever its parameters? */
int hars_request_type(hars_request_t *r, const char *type);

/* a further header of the answer, before it is given; copies both */
void hars_reply_header(hars_request_t *r, const char *name,
    const char *value);

/* the same of a time, seconds since 1970 (RFC 9110, 5.6.7) */
#define HARS_HTTP_DATE  "%a, %d %b %Y %H:%M:%S GMT"
void hars_reply_date(hars_request_t *r, const char *name, int64_t at);

/*
 * The answer; "body" comes from malloc() and is not the caller's any more.
 * Of an answer without one "type" and "body" are NULL.
 */
void hars_reply(hars_request_t *r, unsigned status, const char *type,
    char *body, size_t len);

/*
 * The answer, written while it is sent: "next" puts up to "size" bytes and
 * says how many, 0: that was all, -1: the answer breaks off.  "done" is called
 * in any case, once, with the data.
 */
void hars_reply_flow(hars_request_t *r, unsigned status, const char *type,
    long (*next)(void *data, char *dst, size_t size),
    void (*done)(void *data), void *data);

/*
 * The answer, of which nobody knows yet how it goes on: what any thread tells
 * it is sent, and costs no thread meanwhile.  "gone" is called once, with the
 * data, when it has ended or the client has gone; from then on the stream is
 * not to be used: who tells holds a lock that "gone" takes, too.  NULL: no
 * memory; "gone" was called then.
 */
typedef struct hars_stream_s  hars_stream_t;

hars_stream_t *hars_reply_stream(hars_request_t *r, unsigned status,
    const char *type, void (*gone)(void *data), void *data);

/* HARS_DECLINED: the client reads too slowly, or it has ended: not taken */
int hars_stream_tell(hars_stream_t *stream, const char *text, size_t len);

/* after what was told */
void hars_stream_end(hars_stream_t *stream);

/* has the client gone?  That is not seen while there is nothing to send */
unsigned hars_stream_left(hars_stream_t *stream);

/* the answer, copied from a string */
void hars_reply_text(hars_request_t *r, unsigned status, const char *type,
    const char *text);

/*
 * The answer as RFC 9457 has it, in hars_problem.c: type about:blank, title
 * of the status, the detail; no-store.  "detail" is UTF-8 made by us: what
 * the client sent is not to be repeated in it.
 */
#define HARS_PROBLEM_TYPE  "application/problem+json"
void hars_reply_problem(hars_request_t *r, unsigned status,
    const char *detail);

/* a handler: 200 and {"status":"ok"} */
void hars_http_healthz(hars_request_t *r);


#endif /* HARS_HTTP_H */
