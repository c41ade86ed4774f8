
/*
 * The audit log's file; see hars_as_audit.h for what it is.
 *
 *     lock of the file -> still the one of that name? -> what others have
 *         written since
 *
 * A file that was moved away is left under its lock, and a new one goes on
 * where it ended.  Whoever comes first finds that end by a second name of the
 * file, FILE.last, which stays with it until a new file has a line.
 */

#include "hars_as_audit_private.h"
#include "hars_log.h"
#include "hars_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>


#define HARS_AUDIT_UNREAD                                                    \
    "its last line cannot be read: run \"hars-authserver audit verify\", and" \
    " move it away"


#define HARS_AUDIT_LAST  ".last"


static int hars_audit_reopen(hars_audit_t *audit, const char *path);
static unsigned hars_audit_is_empty(const char *path);
static void hars_audit_sync(hars_audit_t *audit);
static unsigned hars_audit_moved(hars_audit_t *audit);
static int hars_audit_follow(hars_audit_t *audit);
static int hars_audit_last(hars_audit_t *audit, off_t *size);
static int hars_audit_cut(hars_audit_t *audit, const char *buf, size_t len,
    off_t *size);


hars_audit_t *
hars_audit_open(const char *path)
{
    hars_audit_t  *audit;

    if (hars_owner_check("audit_log", path) != HARS_OK) {
        return NULL;
    }

    audit = calloc(1, sizeof(hars_audit_t));
    if (audit == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    audit->path = path;
    audit->fd = -1;
    pthread_mutex_init(&audit->mutex, NULL);

    snprintf(audit->last, sizeof(audit->last), "%s" HARS_AUDIT_LAST, path);

    /* the lock finds that it was moved away, and goes on where it ends */

    if (hars_audit_reopen(audit, hars_audit_is_empty(path)
                                 && !hars_audit_is_empty(audit->last)
                                 ? audit->last : path) != HARS_OK)
    {
        hars_audit_close(audit);
        return NULL;
    }

    return audit;
}


void
hars_audit_close(hars_audit_t *audit)
{
    if (audit == NULL) {
        return;
    }

    if (audit->fd != -1) {
        close(audit->fd);
    }

    pthread_mutex_destroy(&audit->mutex);
    free(audit);
}


/* under the mutex, or before there is anybody else */
static int
hars_audit_reopen(hars_audit_t *audit, const char *path)
{
    int  fd;

    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd == -1) {
        hars_log_error("audit_log \"%s\" cannot be opened: %s", path,
                       strerror(errno));
        return hars_audit_failed(audit, "it cannot be opened");
    }

    /* a new file goes on where the old one ended, and is signed soon */

    audit->end = 0;
    audit->sealed = 0;
    audit->signed_at = 0;

    if (audit->fd == -1) {
        audit->fd = fd;
        return HARS_OK;
    }

    (void) fdatasync(audit->fd);
    (void) dup3(fd, audit->fd, O_CLOEXEC);
    close(fd);

    return HARS_OK;
}


static unsigned
hars_audit_is_empty(const char *path)
{
    struct stat  st;

    return stat(path, &st) == -1 || (S_ISREG(st.st_mode) && st.st_size == 0);
}


int
hars_audit_begin(hars_audit_t *audit)
{
    int  rc;

    if (audit == NULL) {
        return HARS_OK;
    }

    pthread_mutex_lock(&audit->mutex);

    rc = hars_audit_lock(audit);

    if (rc == HARS_OK) {
        rc = hars_audit_catch_up(audit);

        if (audit->end && hars_audit_is_empty(audit->last)) {
            hars_audit_mark(audit);
        }

        hars_audit_unlock(audit);
    }

    pthread_mutex_unlock(&audit->mutex);

    if (rc != HARS_OK) {
        hars_log_error("audit_log \"%s\" cannot be continued: %s",
                       audit->path, audit->why);
    }

    return rc;
}


void
hars_audit_tick(hars_audit_t *audit)
{
    if (audit == NULL) {
        return;
    }

    /* nobody waits for the disk */

    hars_audit_sync(audit);

    pthread_mutex_lock(&audit->mutex);

    if (hars_audit_lock(audit) == HARS_OK) {
        hars_audit_unlock(audit);
    }

    pthread_mutex_unlock(&audit->mutex);
}


static void
hars_audit_sync(hars_audit_t *audit)
{
    int  failed;

    failed = (fdatasync(audit->fd) == -1 && errno != EINVAL);

    if (failed && !audit->unsynced) {
        hars_log_error("audit_log \"%s\" cannot be written: %s", audit->path,
                       strerror(errno));
    }

    audit->unsynced = failed;
}


/* of the file that has the name, against others; under the mutex */
int
hars_audit_lock(hars_audit_t *audit)
{
    for ( ;; ) {

        if (flock(audit->fd, LOCK_EX) == -1) {
            return hars_audit_failed(audit, strerror(errno));
        }

        if (!hars_audit_moved(audit)) {
            return HARS_OK;
        }

        if (hars_audit_follow(audit) != HARS_OK) {
            hars_audit_unlock(audit);
            return HARS_ERROR;
        }
    }
}


static unsigned
hars_audit_moved(hars_audit_t *audit)
{
    struct stat  file, open;

    return fstat(audit->fd, &open) == -1
           || stat(audit->path, &file) == -1
           || file.st_ino != open.st_ino
           || file.st_dev != open.st_dev;
}


/*
 * Another process may have written the last line of the old file; nobody
 * does once the new one is there, which is before the lock goes.
 */
static int
hars_audit_follow(hars_audit_t *audit)
{
    (void) hars_audit_catch_up(audit);

    return hars_audit_reopen(audit, audit->path);
}


void
hars_audit_unlock(hars_audit_t *audit)
{
    flock(audit->fd, LOCK_UN);
}


/*
 * What another process has written since, or this one before its start;
 * under the lock.
 */
int
hars_audit_catch_up(hars_audit_t *audit)
{
    off_t        size;
    struct stat  st;

    if (fstat(audit->fd, &st) == -1) {
        return hars_audit_failed(audit, strerror(errno));
    }

    size = st.st_size;

    if (size != audit->end && hars_audit_last(audit, &size) != HARS_OK) {
        return HARS_ERROR;
    }

    audit->end = size;

    return HARS_OK;
}


static int
hars_audit_last(hars_audit_t *audit, off_t *size)
{
    char                buf[2 * HARS_AUDIT_LINE], *line;
    off_t               from;
    size_t              len;
    ssize_t             n;
    hars_audit_line_t   last;

    from = (*size > (off_t) sizeof(buf)) ? *size - (off_t) sizeof(buf) : 0;
    n = pread(audit->fd, buf, sizeof(buf), from);

    if (n == -1 || n != *size - from) {
        return hars_audit_failed(audit, n == -1 ? strerror(errno)
                                                : "it cannot be read");
    }

    if (hars_audit_cut(audit, buf, (size_t) n, size) != HARS_OK) {
        return HARS_ERROR;
    }

    if (*size == 0) {
        return HARS_OK;
    }

    len = (size_t) (*size - from) - 1;
    line = memrchr(buf, '\n', len);
    line = line ? line + 1 : buf;
    len -= (size_t) (line - buf);

    if ((line == buf && from) || hars_audit_line(line, len, &last) != HARS_OK
        || hars_audit_hash(line, len, audit->head) != HARS_OK)
    {
        return hars_audit_failed(audit, HARS_AUDIT_UNREAD);
    }

    audit->seq = last.seq;
    audit->sealed = last.sealed;

    return HARS_OK;
}


/*
 * Half a line at the end was never answered for: who wrote it is dead, since
 * we have the lock.  Nothing that could not be the beginning of ours is cut.
 */
static int
hars_audit_cut(hars_audit_t *audit, const char *buf, size_t len, off_t *size)
{
    size_t       tail;
    const char  *end;

    end = len ? memrchr(buf, '\n', len) : NULL;
    tail = end ? len - (size_t) (end + 1 - buf) : len;

    if (tail == 0) {
        return HARS_OK;
    }

    if (tail >= HARS_AUDIT_LINE
        || (buf[len - tail] != '{' && buf[len - tail] != '\0'))
    {
        return hars_audit_failed(audit, HARS_AUDIT_UNREAD);
    }

    if (ftruncate(audit->fd, *size - (off_t) tail) == -1) {
        return hars_audit_failed(audit, strerror(errno));
    }

    *size -= (off_t) tail;

    hars_log_warn("audit_log \"%s\" ended with half a line, %zu bytes of what "
                  "was never answered: they are cut off", audit->path, tail);

    return HARS_OK;
}


int
hars_audit_failed(hars_audit_t *audit, const char *why)
{
    audit->why = why;

    return HARS_ERROR;
}


unsigned
hars_audit_unwritten(hars_as_t *as)
{
    unsigned  unwritten;

    if (as->audit == NULL) {
        return 0;
    }

    pthread_mutex_lock(&as->audit->mutex);
    unwritten = as->audit->unwritten;
    pthread_mutex_unlock(&as->audit->mutex);

    return unwritten;
}


/* the second name; without it a restart may begin another chain, no more */
void
hars_audit_mark(hars_audit_t *audit)
{
    struct stat  st;

    if (fstat(audit->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        return;
    }

    (void) unlink(audit->last);

    if (link(audit->path, audit->last) == -1) {
        hars_log_warn("audit_log: \"%s\" cannot be made: %s", audit->last,
                      strerror(errno));
    }
}
