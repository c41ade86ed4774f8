
/*
 * The link to a fog node: TCP or a Unix socket, frames of hars_fog_frame.h.
 * Waits are bounded; who is waited for may be slow or gone.
 */

#include "hars_wearable.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


#define HARS_LINK_SEND  10000             /* ms, for a message to go */


static int hars_link_unix(const char *path, unsigned long ms,
    const char **why);
static int hars_link_tcp(const char *node, unsigned long ms,
    const char **why);
static int hars_link_connect(const struct sockaddr *address, socklen_t len,
    unsigned long ms, const char **why);
static int hars_link_wait(int fd, short events, int64_t until);


int
hars_link_open(hars_link_t *link, const char *node, unsigned long ms,
    const char **why)
{
    link->size = link->used = 0;
    link->fd = strncmp(node, "unix:", 5) == 0
               ? hars_link_unix(node + 5, ms, why)
               : hars_link_tcp(node, ms, why);

    return link->fd == -1 ? HARS_ERROR : HARS_OK;
}


void
hars_link_close(hars_link_t *link)
{
    if (link->fd != -1) {
        close(link->fd);
        link->fd = -1;
    }
}


static int
hars_link_unix(const char *path, unsigned long ms, const char **why)
{
    struct sockaddr_un  address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(address.sun_path)) {
        *why = "a path of 107 bytes is the longest of a Unix socket";
        return -1;
    }

    strcpy(address.sun_path, path);

    return hars_link_connect((struct sockaddr *) &address, sizeof(address),
                             ms, why);
}


static int
hars_link_tcp(const char *node, unsigned long ms, const char **why)
{
    int               fd, rc;
    char              host[256];
    const char       *port;
    struct addrinfo   hints, *list, *one;

    port = strrchr(node, ':');

    if (port == NULL || (size_t) (port - node) >= sizeof(host)) {
        *why = "--node has to be HOST:PORT or unix:PATH";
        return -1;
    }

    memcpy(host, node, (size_t) (port - node));
    host[port - node] = '\0';
    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    rc = getaddrinfo(host, port + 1, &hints, &list);

    if (rc) {
        *why = gai_strerror(rc);
        return -1;
    }

    fd = -1;

    for (one = list; one && fd == -1; one = one->ai_next) {
        fd = hars_link_connect(one->ai_addr, one->ai_addrlen, ms, why);
    }

    freeaddrinfo(list);

    return fd;
}


static int
hars_link_connect(const struct sockaddr *address, socklen_t len,
    unsigned long ms, const char **why)
{
    int        fd, failed, on;
    socklen_t  size;

    fd = socket(address->sa_family, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC,
                0);

    if (fd == -1) {
        *why = strerror(errno);
        return -1;
    }

    failed = connect(fd, address, len) == 0 ? 0 : errno;

    if (failed == EINPROGRESS) {
        size = sizeof(failed);
        failed = ETIMEDOUT;

        if (hars_link_wait(fd, POLLOUT,
                           hars_clock() + (int64_t) ms) > 0)
        {
            (void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
        }
    }

    if (failed) {
        *why = strerror(failed);
        close(fd);
        return -1;
    }

    on = 1;

    if (address->sa_family != AF_UNIX) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }

    return fd;
}


/* as of poll(), which a signal does not end */
static int
hars_link_wait(int fd, short events, int64_t until)
{
    int            n;
    int64_t        ms;
    struct pollfd  pfd = { .fd = fd, .events = events };

    do {
        ms = until - hars_clock();
        n = poll(&pfd, 1, ms > 0 ? (int) ms : 0);
    } while (n == -1 && errno == EINTR);

    return n;
}


int
hars_link_send(hars_link_t *link, const unsigned char *message, size_t len)
{
    size_t         size, at;
    int64_t        until;
    ssize_t        n;
    unsigned char  frame[HARS_FRAME_HEAD + HARS_FRAME_MAX];

    size = hars_frame_put(frame, message, len);
    until = hars_clock() + HARS_LINK_SEND;

    for (at = 0; at < size; ) {
        n = send(link->fd, frame + at, size - at, MSG_NOSIGNAL);

        if (n > 0) {
            at += (size_t) n;
            continue;
        }

        if (n == 0 || (errno != EAGAIN && errno != EINTR)
            || hars_link_wait(link->fd, POLLOUT, until) <= 0)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


int
hars_link_receive(hars_link_t *link, int64_t until,
    const unsigned char **message, size_t *len)
{
    int      rc;
    ssize_t  n;

    link->size -= link->used;
    memmove(link->bytes, link->bytes + link->used, link->size);
    link->used = 0;

    for ( ;; ) {
        rc = hars_frame_take(link->bytes, link->size, len);

        if (rc == HARS_OK) {
            *message = link->bytes + HARS_FRAME_HEAD;
            link->used = HARS_FRAME_HEAD + *len;
        }

        if (rc != HARS_DECLINED) {
            return rc;
        }

        if (hars_link_wait(link->fd, POLLIN, until) == 0) {
            return HARS_DECLINED;
        }

        n = recv(link->fd, link->bytes + link->size,
                 sizeof(link->bytes) - link->size, 0);

        if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
            return HARS_ERROR;
        }

        link->size += n > 0 ? (size_t) n : 0;
    }
}
