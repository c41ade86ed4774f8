
/*
 * Answers of handlers: headers that were set before, and a body that is there
 * as a whole or is written while it is sent (hars_reply_flow()).
 */

#include "hars_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_REPLY_FLOW  16384            /* bytes at a time */


typedef struct {
    long       (*next)(void *data, char *dst, size_t size);
    void       (*done)(void *data);
    void        *data;
} hars_reply_flow_t;


static ssize_t hars_reply_next(void *data, uint64_t pos, char *dst,
    size_t size);
static void hars_reply_done(void *data);


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
hars_reply_date(hars_request_t *r, const char *name, int64_t at)
{
    char       value[64];
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) at;

    if (gmtime_r(&seconds, &tm)
        && strftime(value, sizeof(value), HARS_HTTP_DATE, &tm))
    {
        hars_reply_header(r, name, value);
    }
}


void
hars_reply(hars_request_t *r, unsigned status, const char *type, char *body,
    size_t len)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->response) {
        hars_exchange_wipe(&body, len);
        return;
    }

    /* libmicrohttpd would not wipe what it frees */

    ex->response = MHD_create_response_from_buffer(len, body,
                                                   MHD_RESPMEM_PERSISTENT);
    ex->reply = body;
    ex->reply_len = len;

    if (ex->response == NULL) {
        hars_exchange_wipe(&ex->reply, len);
        return;
    }

    hars_exchange_top(ex, status, type);
}


void
hars_exchange_top(hars_exchange_t *ex, unsigned status, const char *type)
{
    unsigned  i;

    if (type
        && MHD_add_response_header(ex->response, "Content-Type", type)
           != MHD_YES)
    {
        ex->failed = 1;
    }

    for (i = 0; i < ex->nheaders && !ex->failed; i++) {
        if (MHD_add_response_header(ex->response, ex->name[i], ex->value[i])
            != MHD_YES)
        {
            ex->failed = 1;
        }
    }

    ex->answer = status;
}


void
hars_reply_flow(hars_request_t *r, unsigned status, const char *type,
    long (*next)(void *data, char *dst, size_t size),
    void (*done)(void *data), void *data)
{
    hars_exchange_t    *ex;
    hars_reply_flow_t  *flow;

    ex = (hars_exchange_t *) r;
    flow = ex->response ? NULL : malloc(sizeof(hars_reply_flow_t));

    if (flow == NULL) {
        done(data);
        return;
    }

    flow->next = next;
    flow->done = done;
    flow->data = data;

    ex->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
                                                     HARS_REPLY_FLOW,
                                                     hars_reply_next, flow,
                                                     hars_reply_done);
    if (ex->response == NULL) {
        hars_reply_done(flow);
        return;
    }

    hars_exchange_top(ex, status, type);
}


static ssize_t
hars_reply_next(void *data, uint64_t pos, char *dst, size_t size)
{
    long                n;
    hars_reply_flow_t  *flow;

    (void) pos;

    flow = data;
    n = flow->next(flow->data, dst, size);

    return n > 0 ? (ssize_t) n
           : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                    : MHD_CONTENT_READER_END_WITH_ERROR;
}


static void
hars_reply_done(void *data)
{
    hars_reply_flow_t  *flow;

    flow = data;
    flow->done(flow->data);
    free(flow);
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
