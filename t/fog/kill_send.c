
/*
 * For LD_PRELOAD: the process dies by SIGKILL where it is about to send its
 * HARS_KILL_AFTER-th good answer of bytes (M3), after the commit and before
 * the first byte is on its way.
 */

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>


static void kill_look(const void *data, size_t len);

ssize_t send(int fd, const void *data, size_t len, int flags);
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t writev(int fd, const struct iovec *iov, int n);


static atomic_int  kill_seen;


static void
kill_look(const void *data, size_t len)
{
    const char  *after;

    after = getenv("HARS_KILL_AFTER");

    if (after && len > 12 && memmem(data, len, "HTTP/1.1 200", 12)
        && memmem(data, len, "octet-stream", 12)
        && atomic_fetch_add(&kill_seen, 1) + 1 == atoi(after))
    {
        raise(SIGKILL);
    }
}


ssize_t
send(int fd, const void *data, size_t len, int flags)
{
    ssize_t  (*real)(int, const void *, size_t, int);

    kill_look(data, len);
    real = (ssize_t (*)(int, const void *, size_t, int))
           dlsym(RTLD_NEXT, "send");

    return real(fd, data, len, flags);
}


ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t  (*real)(int, const struct msghdr *, int);

    if (msg->msg_iovlen) {
        kill_look(msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len);
    }

    real = (ssize_t (*)(int, const struct msghdr *, int))
           dlsym(RTLD_NEXT, "sendmsg");

    return real(fd, msg, flags);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    ssize_t  (*real)(int, const struct iovec *, int);

    if (n) {
        kill_look(iov[0].iov_base, iov[0].iov_len);
    }

    real = (ssize_t (*)(int, const struct iovec *, int))
           dlsym(RTLD_NEXT, "writev");

    return real(fd, iov, n);
}
