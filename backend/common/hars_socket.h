
/*
 * The listening Unix socket of a service, and who may speak to it: processes
 * of this very user and of the gateway's user, by the kernel's word
 * (SO_PEERCRED), because what comes in carries the gateway's word for the
 * client's certificate.
 */

#ifndef HARS_SOCKET_H
#define HARS_SOCKET_H


#include <sys/types.h>


typedef struct {
    int     fd;
    char   *path;
    dev_t   dev;                          /* of the file that was made */
    ino_t   ino;
} hars_socket_t;


/*
 * Binds and listens.  The file appears under its name once connections are
 * taken; a stale one is replaced, one that somebody listens on is an error.
 * Returns HARS_OK, or HARS_ERROR after the log has cause and mend.
 */
int hars_socket_listen(hars_socket_t *sock, const char *path, gid_t group);

/* removes the file if it is still the own one; the descriptor stays open */
void hars_socket_unlink(hars_socket_t *sock);

/* HARS_OK with the user and its first group, HARS_ERROR: no such user */
int hars_socket_user(const char *name, uid_t *uid, gid_t *gid);

/*
 * HARS_OK: a process of the own user or of "uid" is at the other end.  Also
 * gives the user that it is of, (uid_t) -1 where the kernel does not say.
 */
int hars_socket_peer(int fd, uid_t uid, uid_t *peer);


#endif /* HARS_SOCKET_H */
