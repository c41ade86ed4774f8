
/*
 * An answer that goes on, between its owner and libmicrohttpd, of which what
 * suspends and resumes a connection is this test's: it is suspended while
 * there is nothing to send, and no more once the server ends.
 */

/* link: backend/common/hars_reply.c backend/common/hars_problem.c */
/* link: backend/common/hars_request.c backend/common/hars_route.c */
/* link: backend/common/hars_workers.c backend/common/hars_accept.c */
/* link: backend/common/hars_log.c common/hars_record.c */
/* link: -lmicrohttpd -ljansson -lcrypto -lpthread */

#include "../../backend/common/hars_exchange.c"
#include "../../backend/common/hars_stream.c"

#include "tap.h"


static unsigned                suspended, resumed, went;
static hars_exchange_server_t  server;
static char                    out[64];


void
MHD_suspend_connection(struct MHD_Connection *connection)
{
    (void) connection;

    suspended++;
}


void
MHD_resume_connection(struct MHD_Connection *connection)
{
    (void) connection;

    resumed++;
}


static void
gone(void *data)
{
    (void) data;

    went++;
}


static ssize_t
next(hars_stream_t *stream)
{
    memset(out, 0, sizeof(out));

    return hars_stream_next(stream, 0, out, sizeof(out) - 1);
}


static hars_stream_t *
begin(hars_exchange_t *ex)
{
    memset(ex, 0, sizeof(hars_exchange_t));
    ex->server = &server;
    suspended = resumed = went = 0;

    return hars_reply_stream(&ex->r, 200, "text/event-stream", gone, NULL);
}


static void
told(void)
{
    hars_stream_t    *stream;
    hars_exchange_t   ex;

    stream = begin(&ex);

    ok(next(stream) == 0 && suspended == 1
       && atomic_load(&server.suspended) == 1, "nothing to send: suspended");
    ok(hars_stream_tell(stream, "one", 3) == HARS_OK && resumed == 1
       && atomic_load(&server.suspended) == 0, "told: it goes on");
    ok(next(stream) == 3 && strcmp(out, "one") == 0, "... with that");
    ok(next(stream) == 0 && suspended == 2, "... and no more");

    hars_stream_end(stream);
    ok(resumed == 2 && atomic_load(&server.suspended) == 0
       && next(stream) == MHD_CONTENT_READER_END_OF_STREAM, "ended");
    ok(hars_stream_tell(stream, "two", 3) == HARS_DECLINED,
       "... nothing is taken any more");

    MHD_destroy_response(ex.response);
    ok(went == 1, "... and it has gone, once");
}


/* nobody has ended it: it began at this moment */
static void
ending(void)
{
    hars_stream_t    *stream;
    hars_exchange_t   ex;

    atomic_store(&server.ending, 1);
    stream = begin(&ex);

    (void) hars_stream_tell(stream, "one", 3);
    ok(next(stream) == 3 && strcmp(out, "one") == 0,
       "the server ends: what was told is sent");
    ok(next(stream) == MHD_CONTENT_READER_END_OF_STREAM, "... then it ends");
    ok(suspended == 0 && atomic_load(&server.suspended) == 0,
       "... and nobody waits for it");

    hars_stream_end(stream);
    ok(resumed == 0, "... whoever ends it later");

    MHD_destroy_response(ex.response);
    ok(went == 1, "it has gone, once");
}


int
main(void)
{
    told();
    ending();

    return tap_done();
}
