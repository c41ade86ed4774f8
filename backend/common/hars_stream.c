
/*
 * An answer that goes on (hars_http.h: hars_reply_stream).  Its connection is
 * suspended while there is nothing to send, so libmicrohttpd neither waits
 * for it nor looks at it; who tells it something resumes it.
 */

#include "hars_exchange.h"
#include "hars_record.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>


#define HARS_STREAM_BLOCK   4096
#define HARS_STREAM_UNREAD  (256 * 1024)


struct hars_stream_s {
    hars_exchange_server_t  *server;
    struct MHD_Connection   *connection;
    void                   (*gone)(void *data);
    void                    *data;

    pthread_mutex_t          mutex;       /* of what follows */
    char                    *text;        /* not sent yet */
    size_t                   len;
    size_t                   size;
    unsigned                 ended:1;
    unsigned                 suspended:1;
};


static ssize_t hars_stream_next(void *data, uint64_t pos, char *dst,
    size_t size);
static void hars_stream_resume(hars_stream_t *stream);
static int hars_stream_room(hars_stream_t *stream, size_t len);
static void hars_stream_done(void *data);


hars_stream_t *
hars_reply_stream(hars_request_t *r, unsigned status, const char *type,
    void (*gone)(void *data), void *data)
{
    hars_stream_t    *stream;
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;
    stream = ex->response ? NULL : calloc(1, sizeof(hars_stream_t));

    if (stream == NULL) {
        gone(data);
        return NULL;
    }

    stream->server = ex->server;
    stream->connection = ex->connection;
    stream->gone = gone;
    stream->data = data;
    pthread_mutex_init(&stream->mutex, NULL);

    ex->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
                                                     HARS_STREAM_BLOCK,
                                                     hars_stream_next, stream,
                                                     hars_stream_done);
    if (ex->response == NULL) {
        hars_stream_done(stream);
        return NULL;
    }

    hars_exchange_top(ex, status, type);

    return stream;
}


static ssize_t
hars_stream_next(void *data, uint64_t pos, char *dst, size_t size)
{
    ssize_t         n;
    hars_stream_t  *stream;

    (void) pos;

    stream = data;
    pthread_mutex_lock(&stream->mutex);

    if (stream->len) {
        n = (ssize_t) (stream->len < size ? stream->len : size);
        memcpy(dst, stream->text, (size_t) n);
        stream->len -= (size_t) n;
        memmove(stream->text, stream->text + n, stream->len);

    } else if (stream->ended
               || hars_exchange_suspend(stream->server, stream->connection)
                  != HARS_OK)
    {
        n = MHD_CONTENT_READER_END_OF_STREAM;

    } else {
        n = 0;
        stream->suspended = 1;
    }

    pthread_mutex_unlock(&stream->mutex);

    return n;
}


int
hars_stream_tell(hars_stream_t *stream, const char *text, size_t len)
{
    int  rc;

    pthread_mutex_lock(&stream->mutex);

    rc = stream->ended ? HARS_DECLINED : hars_stream_room(stream, len);

    if (rc == HARS_OK) {
        memcpy(stream->text + stream->len, text, len);
        stream->len += len;
        hars_stream_resume(stream);
    }

    pthread_mutex_unlock(&stream->mutex);

    return rc;
}


/* one text is always taken, however long it is */
static int
hars_stream_room(hars_stream_t *stream, size_t len)
{
    char    *text;
    size_t   size;

    if (stream->len && stream->len + len > HARS_STREAM_UNREAD) {
        return HARS_DECLINED;
    }

    if (stream->len + len <= stream->size) {
        return HARS_OK;
    }

    size = stream->len + len + 1024;
    text = malloc(size);

    if (text == NULL) {
        return HARS_DECLINED;
    }

    if (stream->text) {
        memcpy(text, stream->text, stream->len);
        explicit_bzero(stream->text, stream->size);
        free(stream->text);
    }

    stream->text = text;
    stream->size = size;

    return HARS_OK;
}


/* the mutex is held: nobody else suspends or resumes it meanwhile */
static void
hars_stream_resume(hars_stream_t *stream)
{
    if (stream->suspended) {
        stream->suspended = 0;
        hars_exchange_resume(stream->server, stream->connection);
    }
}


void
hars_stream_end(hars_stream_t *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->ended = 1;
    hars_stream_resume(stream);
    pthread_mutex_unlock(&stream->mutex);
}


unsigned
hars_stream_left(hars_stream_t *stream)
{
    struct pollfd                    fd;
    const union MHD_ConnectionInfo  *info;

    info = MHD_get_connection_info(stream->connection,
                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return 1;
    }

    fd.fd = info->connect_fd;
    fd.events = POLLRDHUP;
    fd.revents = 0;

    return poll(&fd, 1, 0) > 0
           && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}


static void
hars_stream_done(void *data)
{
    hars_stream_t  *stream;

    stream = data;
    stream->gone(stream->data);

    if (stream->text) {
        explicit_bzero(stream->text, stream->size);
        free(stream->text);
    }

    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}
