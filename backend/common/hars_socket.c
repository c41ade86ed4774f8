
/*
 * See hars_socket.h for what this is.  The socket is bound and listening
 * under a name beside and then renamed: nobody ever meets a file that nobody
 * serves, and a stale file is replaced in one step.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                       /* struct ucred */
#endif

#include "hars_socket.h"
#include "hars_log.h"
#include "hars_record.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>


#define HARS_SOCKET_BACKLOG  511
#define HARS_SOCKET_USER     16384        /* getpwnam_r() */


static int hars_socket_stale(const char *path);
static int hars_socket_bind(int fd, const char *path, gid_t group);
static int hars_socket_address(struct sockaddr_un *sun, const char *path);


int
hars_socket_listen(hars_socket_t *sock, const char *path, gid_t group)
{
    char         name[sizeof(((struct sockaddr_un *) 0)->sun_path)];
    struct stat  sb;

    memset(sock, 0, sizeof(hars_socket_t));
    sock->fd = -1;

    /* the longest process id has to fit as well */

    if (strlen(path) + sizeof(".4194304") > sizeof(name)) {
        hars_log_error("socket \"%s\": the path is longer than %zu bytes, "
                       "choose a shorter one", path,
                       sizeof(name) - sizeof(".4194304"));
        return HARS_ERROR;
    }

    if (hars_socket_stale(path) != HARS_OK) {
        return HARS_ERROR;
    }

    snprintf(name, sizeof(name), "%s.%ld", path, (long) getpid());

    sock->path = strdup(path);
    sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (sock->path == NULL || sock->fd == -1) {
        hars_log_error("socket \"%s\": %s", path, strerror(errno));
        goto failed;
    }

    if (hars_socket_bind(sock->fd, name, group) != HARS_OK) {
        goto failed;
    }

    if (stat(name, &sb) == -1 || rename(name, path) == -1) {
        hars_log_error("socket \"%s\": %s", path, strerror(errno));
        unlink(name);
        goto failed;
    }

    sock->dev = sb.st_dev;
    sock->ino = sb.st_ino;

    return HARS_OK;

failed:

    if (sock->fd != -1) {
        close(sock->fd);
        sock->fd = -1;
    }

    free(sock->path);
    sock->path = NULL;

    return HARS_ERROR;
}


void
hars_socket_unlink(hars_socket_t *sock)
{
    struct stat  sb;

    if (sock->path == NULL) {
        return;
    }

    if (lstat(sock->path, &sb) == 0
        && sb.st_dev == sock->dev
        && sb.st_ino == sock->ino)
    {
        unlink(sock->path);
    }

    free(sock->path);
    sock->path = NULL;
}


/* may the path be taken? */
static int
hars_socket_stale(const char *path)
{
    int                 fd, rc;
    struct stat         sb;
    struct sockaddr_un  sun;

    if (lstat(path, &sb) == -1) {
        if (errno == ENOENT) {
            return HARS_OK;
        }

        hars_log_error("socket \"%s\": %s", path, strerror(errno));
        return HARS_ERROR;
    }

    if (!S_ISSOCK(sb.st_mode)) {
        hars_log_error("socket \"%s\": is there and not a socket, remove it "
                       "or choose another path", path);
        return HARS_ERROR;
    }

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1 || hars_socket_address(&sun, path) != HARS_OK) {
        hars_log_error("socket \"%s\": %s", path, strerror(errno));
        rc = -1;

    } else if (connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
               && (errno == ECONNREFUSED || errno == ENOENT))
    {
        rc = 0;

    } else {
        hars_log_error("socket \"%s\": another process listens there, stop "
                       "it or choose another path", path);
        rc = -1;
    }

    if (fd != -1) {
        close(fd);
    }

    return rc ? HARS_ERROR : HARS_OK;
}


static int
hars_socket_bind(int fd, const char *path, gid_t group)
{
    mode_t              mode;
    struct sockaddr_un  sun;

    unlink(path);

    if (hars_socket_address(&sun, path) != HARS_OK
        || bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1)
    {
        hars_log_error("socket \"%s\": %s, see that its directory exists and "
                       "this user may write there", path, strerror(errno));
        return HARS_ERROR;
    }

    /*
     * Who may not give the file to the gateway's group leaves it open to
     * all: the peer is checked in any case, and before a byte is read.
     */

    mode = (chown(path, (uid_t) -1, group) == 0) ? 0660 : 0666;

    if (chmod(path, mode) == -1 || listen(fd, HARS_SOCKET_BACKLOG) == -1) {
        hars_log_error("socket \"%s\": %s", path, strerror(errno));
        unlink(path);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_socket_address(struct sockaddr_un *sun, const char *path)
{
    size_t  len;

    len = strlen(path);

    if (len >= sizeof(sun->sun_path)) {
        errno = ENAMETOOLONG;
        return HARS_ERROR;
    }

    memset(sun, 0, sizeof(struct sockaddr_un));
    sun->sun_family = AF_UNIX;
    memcpy(sun->sun_path, path, len + 1);

    return HARS_OK;
}


int
hars_socket_user(const char *name, uid_t *uid, gid_t *gid)
{
    int             rc;
    char           *buf;
    struct passwd   pw, *found;

    buf = malloc(HARS_SOCKET_USER);
    if (buf == NULL) {
        return HARS_ERROR;
    }

    rc = HARS_ERROR;

    if (getpwnam_r(name, &pw, buf, HARS_SOCKET_USER, &found) == 0 && found) {
        *uid = pw.pw_uid;
        *gid = pw.pw_gid;
        rc = HARS_OK;
    }

    free(buf);

    return rc;
}


int
hars_socket_peer(int fd, uid_t uid, uid_t *peer)
{
    socklen_t     len;
    struct ucred  cred;

    len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1
        || len != sizeof(cred))
    {
        *peer = (uid_t) -1;
        return HARS_ERROR;
    }

    *peer = cred.uid;

    return (cred.uid == geteuid() || cred.uid == uid) ? HARS_OK : HARS_ERROR;
}
