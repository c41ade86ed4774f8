
/*
 * One request and its answer, between libmicrohttpd's callbacks and the
 * handlers; private to hars_http.c, which makes connections into these,
 * hars_exchange.c, which makes answers of them, hars_request.c, hars_reply.c,
 * hars_stream.c.
 */

#ifndef HARS_EXCHANGE_H
#define HARS_EXCHANGE_H


#include "hars_http.h"
#include "hars_workers.h"

#include <stdatomic.h>
#include <time.h>

#include <microhttpd.h>


#define HARS_EXCHANGE_HEADERS  8


/* what all exchanges of a server have in common */
typedef struct {
    hars_http_conf_t        conf;
    hars_workers_t         *workers;      /* NULL: there are none */
    atomic_uint             suspended;    /* exchanges */
    atomic_uint             ending;       /* none is suspended any more */
    atomic_size_t           held;         /* bytes of all bodies */
} hars_exchange_server_t;


/* "r" is first: a handler's pointer is ours */
typedef struct {
    hars_request_t          r;
    hars_exchange_server_t *server;
    struct MHD_Connection  *connection;

    size_t                  size;         /* of r.body, without the zero */
    size_t                  pieces;       /* bytes that came as such */
    size_t                  drained;      /* thrown away */
    size_t                  kept;         /* hars_request_hold() */
    unsigned                refused:1;    /* a piece: throw away the rest */
    unsigned                broken:1;     /* the connection ends */
    char                   *piece;        /* of the body, a worker's */
    size_t                  piece_len;
    unsigned                status;       /* of a refusal; 0: none */

    unsigned                nheaders;
    char                   *name[HARS_EXCHANGE_HEADERS];
    char                   *value[HARS_EXCHANGE_HEADERS];
    unsigned                failed:1;     /* a header got lost */
    unsigned                begun:1;      /* the handler has run, or does */
    struct MHD_Response    *response;     /* NULL: no answer yet */
    unsigned                answer;       /* its status */
    char                   *reply;        /* its body, NULL: from elsewhere */
    size_t                  reply_len;

    hars_work_t             work;
    unsigned                working:1;    /* a worker has it, or had it */
    unsigned                later:1;      /* set by the handler itself */
    hars_handler_pt         finish;       /* NULL: it is not later */
    struct timespec         from;         /* the handler's start */
    void                   *room;         /* the handler's own */
    size_t                  room_size;
} hars_exchange_t;


/* NULL: no memory; url and method live as long as the exchange */
hars_exchange_t *hars_exchange_create(hars_exchange_server_t *server,
    struct MHD_Connection *connection, const char *url, const char *method);
void hars_exchange_free(hars_exchange_t *ex);

/* frees what may hold a secret; NULL is allowed, and what is left */
void hars_exchange_wipe(char **bytes, size_t len);

/*
 * After the headers, for each piece of the body, and after its end.  *size is
 * what is left of the piece: none, or all of it, which comes again later.
 */
enum MHD_Result hars_exchange_begin(hars_exchange_t *ex);
enum MHD_Result hars_exchange_body(hars_exchange_t *ex, const char *data,
    size_t *size);
enum MHD_Result hars_exchange_end(hars_exchange_t *ex);

/*
 * libmicrohttpd leaves the connection alone till it is resumed.
 * HARS_DECLINED: the server ends, which it cannot with one that is suspended.
 * What the connection is for may be gone as soon as it goes on.
 */
int hars_exchange_suspend(hars_exchange_server_t *server,
    struct MHD_Connection *connection);
void hars_exchange_resume(hars_exchange_server_t *server,
    struct MHD_Connection *connection);

/* hars_reply.c: status and headers of ex->response, which was just made */
void hars_exchange_top(hars_exchange_t *ex, unsigned status,
    const char *type);


#endif /* HARS_EXCHANGE_H */
