
/*
 * Links: accepted, read into frames, written. Nothing here waits; who does
 * not read what it is sent, or gets to no session, is closed.  A source has a
 * few links at a time, all together HARS_FN_LINKS; where there is no place
 * left, the oldest one that has not even a key gives way, so who only holds
 * links keeps nobody out.
 */

#include "hars_fn.h"
#include "hars_log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>


#define HARS_LINKS_SOURCE  64             /* of one address */


static int hars_fn_listen_tcp(hars_fn_t *fn);
static int hars_fn_listen_at(const struct addrinfo *address);
static void hars_fn_source(hars_fn_source_t *source,
    const struct sockaddr_storage *address);
static hars_fn_link_t *hars_fn_link_place(hars_fn_t *fn,
    const hars_fn_source_t *source);
static int hars_fn_link_older(const hars_fn_link_t *link,
    const hars_fn_link_t *than);
static int hars_fn_link_stops(const hars_fn_link_t *link);


int
hars_fn_listen(hars_fn_t *fn)
{
    struct epoll_event  event = { .events = EPOLLIN };

    fn->tcp = -1;

    if (hars_socket_listen(&fn->socket, fn->conf.socket, getegid())
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    event.data.u64 = HARS_FN_LINKS;

    if (epoll_ctl(fn->epoll, EPOLL_CTL_ADD, fn->socket.fd, &event) == -1) {
        return HARS_ERROR;
    }

    if (fn->conf.listen == NULL) {
        return HARS_OK;
    }

    if (hars_fn_listen_tcp(fn) != HARS_OK) {
        return HARS_ERROR;
    }

    event.data.u64 = HARS_FN_LINKS + 1;

    return epoll_ctl(fn->epoll, EPOLL_CTL_ADD, fn->tcp, &event) == -1
           ? HARS_ERROR : HARS_OK;
}


static int
hars_fn_listen_tcp(hars_fn_t *fn)
{
    struct addrinfo  *list;

    if (hars_fn_address(fn->conf.listen, &list) != HARS_OK) {
        return HARS_ERROR;
    }

    fn->tcp = hars_fn_listen_at(list);
    freeaddrinfo(list);

    if (fn->tcp == -1) {
        hars_log_error("listen \"%s\": %s", fn->conf.listen,
                       strerror(errno));
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_fn_address(const char *listen, struct addrinfo **list)
{
    char              host[256];
    size_t            len;
    const char       *port;
    struct addrinfo   hints;

    port = strrchr(listen, ':');

    if (port == NULL) {
        return HARS_ERROR;
    }

    len = (size_t) (port - listen);

    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }

    if (len >= sizeof(host)) {
        return HARS_ERROR;
    }

    memcpy(host, listen, len);
    host[len] = '\0';

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE|AI_NUMERICHOST|AI_NUMERICSERV;

    return getaddrinfo(host, port + 1, &hints, list) == 0 ? HARS_OK
                                                          : HARS_ERROR;
}


static int
hars_fn_listen_at(const struct addrinfo *address)
{
    int  fd, on;

    fd = socket(address->ai_family, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC,
                0);
    on = 1;

    if (fd != -1
        && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
            || bind(fd, address->ai_addr, address->ai_addrlen) == -1
            || listen(fd, 128) == -1))
    {
        close(fd);
        return -1;
    }

    return fd;
}


void
hars_fn_accept(hars_fn_t *fn, int fd)
{
    int                      one, on;
    socklen_t                len;
    hars_fn_link_t          *link;
    hars_fn_source_t         source;
    struct epoll_event       event = { .events = EPOLLIN };
    struct sockaddr_storage  address;

    for ( ;; ) {
        len = sizeof(address);
        memset(&address, 0, sizeof(address));
        one = accept4(fd, (struct sockaddr *) &address, &len,
                      SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (one == -1) {
            return;
        }

        hars_fn_source(&source, &address);
        link = hars_fn_link_place(fn, &source);

        if (link == NULL) {
            hars_fn_count(&fn->metrics, HARS_FN_LINK_NO_PLACE);
            close(one);
            continue;
        }

        hars_fn_count(&fn->metrics, HARS_FN_LINK_TAKEN);
        atomic_fetch_add(&fn->metrics.links, 1);

        on = 1;

        if (address.ss_family != AF_UNIX) {
            (void) setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on,
                              sizeof(on));
        }

        link->fd = one;
        link->serial = ++fn->serial;
        link->source = source;
        link->touched = hars_clock();
        link->events = EPOLLIN;
        event.data.u64 = (uint64_t) (link - fn->link);

        if (epoll_ctl(fn->epoll, EPOLL_CTL_ADD, one, &event) == -1) {
            hars_fn_link_close(fn, link);
        }
    }
}


/* of IPv6 the first half: the other one is anybody's to choose */
static void
hars_fn_source(hars_fn_source_t *source,
    const struct sockaddr_storage *address)
{
    memset(source, 0, sizeof(hars_fn_source_t));

    if (address->ss_family == AF_INET) {
        source->bytes[0] = 4;
        memcpy(source->bytes + 1,
               &((const struct sockaddr_in *) address)->sin_addr, 4);

    } else if (address->ss_family == AF_INET6) {
        source->bytes[0] = 6;
        memcpy(source->bytes + 1,
               &((const struct sockaddr_in6 *) address)->sin6_addr, 8);
    }
}


static hars_fn_link_t *
hars_fn_link_place(hars_fn_t *fn, const hars_fn_source_t *source)
{
    unsigned         i, n, same;
    hars_fn_link_t  *link, *free, *oldest, *own;

    free = oldest = own = NULL;
    n = 0;

    for (i = 0; i < HARS_FN_LINKS; i++) {
        link = &fn->link[i];

        if (link->fd == -1) {
            free = link;
            continue;
        }

        same = memcmp(&link->source, source, sizeof(hars_fn_source_t)) == 0;
        n += same;

        if (hars_fn_link_older(link, oldest)) {
            oldest = link;
        }

        if (same && hars_fn_link_older(link, own)) {
            own = link;
        }
    }

    /* the Unix socket is for who is on this machine */

    if (n >= HARS_LINKS_SOURCE && source->bytes[0]) {
        free = NULL;
        oldest = own;
    }

    if (free == NULL && oldest) {
        hars_fn_count(&fn->metrics, HARS_FN_LINK_GAVE_WAY);
        hars_fn_link_close(fn, oldest);
        free = oldest;
    }

    return free;
}


/* of those that may give way: nobody has proved anything there */
static int
hars_fn_link_older(const hars_fn_link_t *link, const hars_fn_link_t *than)
{
    return (link->state == HARS_LINK_IDLE || link->state == HARS_LINK_ASKED)
           && (than == NULL || link->serial < than->serial);
}


void
hars_fn_link_ready(hars_fn_t *fn, hars_fn_link_t *link, unsigned events)
{
    ssize_t  n;

    if ((events & EPOLLOUT) && link->out) {
        n = send(link->fd, link->waiting, link->out, MSG_NOSIGNAL);

        if (n > 0) {
            link->out -= (size_t) n;
            memmove(link->waiting, link->waiting + n, link->out);
        }
    }

    if (events & (EPOLLIN|EPOLLHUP|EPOLLERR)) {

        n = recv(link->fd, link->bytes + link->in,
                 sizeof(link->bytes) - link->in, 0);

        if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
            hars_fn_link_close(fn, link);
            return;
        }

        if (n > 0) {
            link->in += (size_t) n;
            hars_fn_link_read(fn, link);
        }
    }

    if (link->fd != -1) {
        hars_fn_link_watch(fn, link);
    }
}


/* the frames that came; one that has to wait for an answer stops them */
void
hars_fn_link_read(hars_fn_t *fn, hars_fn_link_t *link)
{
    int       rc;
    size_t    len, at;
    uint64_t  serial;

    serial = link->serial;

    for (at = 0; link->fd != -1 && !hars_fn_link_stops(link); ) {
        rc = hars_frame_take(link->bytes + at, link->in - at, &len);

        if (rc == HARS_DECLINED) {
            break;
        }

        if (rc == HARS_ERROR) {
            hars_fn_link_close(fn, link);
            return;
        }

        hars_fn_message(fn, link, link->bytes + at + HARS_FRAME_HEAD, len);
        at += HARS_FRAME_HEAD + len;
    }

    if (link->fd != -1 && link->serial == serial) {
        link->in -= at;
        memmove(link->bytes, link->bytes + at, link->in);
    }
}


/* is nothing to be read now? */
static int
hars_fn_link_stops(const hars_fn_link_t *link)
{
    return link->state == HARS_LINK_CONFIRMING;
}


void
hars_fn_link_send(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *message, size_t len)
{
    ssize_t  n;

    if (link->fd == -1) {
        return;
    }

    if (link->waiting == NULL) {
        link->waiting = malloc(HARS_FN_OUT);
    }

    if (link->waiting == NULL
        || link->out + HARS_FRAME_HEAD + len > HARS_FN_OUT)
    {
        hars_fn_link_close(fn, link);
        return;
    }

    link->out += hars_frame_put(link->waiting + link->out, message, len);
    n = send(link->fd, link->waiting, link->out, MSG_NOSIGNAL);

    if (n > 0) {
        link->out -= (size_t) n;
        memmove(link->waiting, link->waiting + n, link->out);
    }

    hars_fn_link_watch(fn, link);
}


void
hars_fn_link_watch(hars_fn_t *fn, hars_fn_link_t *link)
{
    unsigned            events;
    struct epoll_event  event;

    events = (hars_fn_link_stops(link) ? 0 : EPOLLIN)
             | (link->out ? EPOLLOUT : 0);

    if (events != link->events) {
        event.events = events;
        event.data.u64 = (uint64_t) (link - fn->link);
        link->events = events;
        (void) epoll_ctl(fn->epoll, EPOLL_CTL_MOD, link->fd, &event);
    }
}


void
hars_fn_link_close(hars_fn_t *fn, hars_fn_link_t *link)
{
    if (link->fd == -1) {
        return;
    }

    hars_fn_session_end(fn, link);
    atomic_fetch_sub(&fn->metrics.links, 1);
    close(link->fd);
    free(link->waiting);
    explicit_bzero(link, sizeof(hars_fn_link_t));
    link->fd = -1;
}
