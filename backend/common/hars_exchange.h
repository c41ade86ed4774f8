
/*
 * One request and its answer, between libmicrohttpd's callbacks and the
 * handlers; private to hars_http.c, which makes connections into these, and
 * hars_exchange.c, which makes answers of them.
 */

#ifndef HARS_EXCHANGE_H
#define HARS_EXCHANGE_H


#include "hars_http.h"

#include <microhttpd.h>


#define HARS_EXCHANGE_HEADERS  8


/* "r" is first: a handler's pointer is ours */
typedef struct {
    hars_request_t          r;
    const hars_http_conf_t *conf;
    struct MHD_Connection  *connection;

    size_t                  size;         /* of r.body, without the zero */
    size_t                  drained;      /* thrown away */
    unsigned                status;       /* of a refusal; 0: none */

    unsigned                nheaders;
    char                   *name[HARS_EXCHANGE_HEADERS];
    char                   *value[HARS_EXCHANGE_HEADERS];
    unsigned                failed:1;     /* a header got lost */
    unsigned                answered:1;
    enum MHD_Result         rc;           /* of the answer */
} hars_exchange_t;


/* NULL: no memory; url and method live as long as the exchange */
hars_exchange_t *hars_exchange_create(const hars_http_conf_t *conf,
    struct MHD_Connection *connection, const char *url, const char *method);
void hars_exchange_free(hars_exchange_t *ex);

/* after the headers, for each piece of the body, and after its end */
enum MHD_Result hars_exchange_begin(hars_exchange_t *ex);
enum MHD_Result hars_exchange_body(hars_exchange_t *ex, const char *data,
    size_t len);
enum MHD_Result hars_exchange_end(hars_exchange_t *ex);


#endif /* HARS_EXCHANGE_H */
