
/*
 * For LD_PRELOAD: the process dies by SIGKILL between two steps that belong
 * together, as an unlucky one does.
 *
 *   HARS_KILL_AFTER=N    about to send its N-th good answer of bytes (M3), so
 *                        after the commit, before a byte is on its way
 *   HARS_KILL_TYPE=TEXT  ... of another type than octet-stream
 *   HARS_KILL_FRAME=LEN:N    about to send its N-th frame of LEN bytes (0: of
 *                        any but M1), head not counted
 *   HARS_KILL_RENAME=END:N   before the N-th file gets a name with this end
 *   HARS_KILL_RENAMED=END:N  ... after that
 */

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>


#define KILL_M1  116


static void kill_look(const void *data, size_t len);
static void kill_frame(const unsigned char *data, size_t len);
static void kill_count(const char *name, const char *file, atomic_int *seen);

ssize_t send(int fd, const void *data, size_t len, int flags);
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t write(int fd, const void *data, size_t len);
ssize_t writev(int fd, const struct iovec *iov, int n);
int rename(const char *from, const char *to);
int renameat(int dir, const char *from, int other, const char *to);


static atomic_int  kill_seen, kill_frames, kill_before, kill_behind;


static void
kill_look(const void *data, size_t len)
{
    const char  *after, *type;

    kill_frame(data, len);
    after = getenv("HARS_KILL_AFTER");
    type = getenv("HARS_KILL_TYPE");
    type = type ? type : "octet-stream";

    if (after && len > 12 && memmem(data, len, "HTTP/1.1 200", 12)
        && memmem(data, len, type, strlen(type))
        && atomic_fetch_add(&kill_seen, 1) + 1 == atoi(after))
    {
        raise(SIGKILL);
    }
}


static void
kill_frame(const unsigned char *data, size_t len)
{
    unsigned     size, n, had;
    const char  *frame;

    frame = getenv("HARS_KILL_FRAME");

    if (frame == NULL || sscanf(frame, "%u:%u", &size, &n) != 2 || len < 3) {
        return;
    }

    had = (unsigned) data[0] << 8 | data[1];

    if (had + 2 == len && (size ? had == size : had != KILL_M1)
        && (unsigned) atomic_fetch_add(&kill_frames, 1) + 1 == n)
    {
        raise(SIGKILL);
    }
}


static void
kill_count(const char *name, const char *file, atomic_int *seen)
{
    size_t       len;
    const char  *where, *n;

    where = getenv(name);
    n = where ? strrchr(where, ':') : NULL;

    if (n == NULL) {
        return;
    }

    len = (size_t) (n - where);

    if (strlen(file) >= len
        && memcmp(file + strlen(file) - len, where, len) == 0
        && atomic_fetch_add(seen, 1) + 1 == atoi(n + 1))
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
write(int fd, const void *data, size_t len)
{
    ssize_t  (*real)(int, const void *, size_t);

    kill_frame(data, len);
    real = (ssize_t (*)(int, const void *, size_t))
           dlsym(RTLD_NEXT, "write");

    return real(fd, data, len);
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


int
rename(const char *from, const char *to)
{
    int  rc;
    int  (*real)(const char *, const char *);

    kill_count("HARS_KILL_RENAME", to, &kill_before);
    real = (int (*)(const char *, const char *)) dlsym(RTLD_NEXT, "rename");
    rc = real(from, to);
    kill_count("HARS_KILL_RENAMED", to, &kill_behind);

    return rc;
}


int
renameat(int dir, const char *from, int other, const char *to)
{
    int  rc;
    int  (*real)(int, const char *, int, const char *);

    kill_count("HARS_KILL_RENAME", to, &kill_before);
    real = (int (*)(int, const char *, int, const char *))
           dlsym(RTLD_NEXT, "renameat");
    rc = real(dir, from, other, to);
    kill_count("HARS_KILL_RENAMED", to, &kill_behind);

    return rc;
}
