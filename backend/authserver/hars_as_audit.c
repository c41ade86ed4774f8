
/* See hars_as_audit.h for what this is. */

#include "hars_as_audit_private.h"
#include "hars_log.h"
#include "hars_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>


#define HARS_AUDIT_UNREAD                                                    \
    "its last line cannot be read: run \"hars-authserver audit verify\", and" \
    " move it away"


struct hars_audit_s {
    const char       *path;
    pthread_mutex_t   mutex;              /* of what follows */
    int               fd;
    off_t             end;                /* where our last line ended */
    uint64_t          seq;                /* of the last line */
    char              head[HARS_B64_SHA256_LEN + 1];   /* its hash, or "" */
    unsigned          sealed:1;           /* it is a signature */
    time_t            signed_at;
    const char       *why;                /* of the last failure */
    unsigned          unwritten:1;        /* of these the log knows */
    unsigned          unsealed:1;
    unsigned          unsynced:1;
};


static int hars_audit_reopen(hars_audit_t *audit);
static void hars_audit_sync(hars_audit_t *audit);
static int hars_audit_follow(hars_audit_t *audit);
static int hars_audit_lock(hars_audit_t *audit);
static void hars_audit_unlock(hars_audit_t *audit);
static int hars_audit_catch_up(hars_audit_t *audit);
static int hars_audit_last(hars_audit_t *audit, off_t *size);
static int hars_audit_cut(hars_audit_t *audit, const char *buf, size_t len,
    off_t *size);
static int hars_audit_failed(hars_audit_t *audit, const char *why);
static int hars_audit_sign_last(hars_audit_t *audit, hars_sign_t *sign);
static json_t *hars_audit_signature(hars_audit_t *audit, hars_sign_t *sign);
static int hars_audit_append(hars_audit_t *audit, const char *event,
    json_t *what);
static int hars_audit_put(hars_audit_t *audit, const char *line, size_t len);


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

    if (hars_audit_reopen(audit) != HARS_OK) {
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
hars_audit_reopen(hars_audit_t *audit)
{
    int  fd;

    fd = open(audit->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
              0600);

    if (fd == -1) {
        hars_log_error("audit_log \"%s\" cannot be opened: %s", audit->path,
                       strerror(errno));
        return HARS_ERROR;
    }

    if (audit->fd != -1) {
        close(audit->fd);
    }

    /* a new file goes on where the old one ended */

    audit->fd = fd;
    audit->end = 0;

    return HARS_OK;
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
    struct stat  file, open;

    if (audit == NULL) {
        return;
    }

    pthread_mutex_lock(&audit->mutex);

    hars_audit_sync(audit);

    if (fstat(audit->fd, &open) == 0
        && (stat(audit->path, &file) == -1 || file.st_ino != open.st_ino
            || file.st_dev != open.st_dev)
        && hars_audit_lock(audit) == HARS_OK)
    {
        (void) hars_audit_follow(audit);
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


/* another process may have written the last line of the old file */
static int
hars_audit_follow(hars_audit_t *audit)
{
    (void) hars_audit_catch_up(audit);
    hars_audit_unlock(audit);

    return hars_audit_reopen(audit);
}


/* of the file, against other processes; under the mutex */
static int
hars_audit_lock(hars_audit_t *audit)
{
    return (flock(audit->fd, LOCK_EX) == 0)
           ? HARS_OK : hars_audit_failed(audit, strerror(errno));
}


static void
hars_audit_unlock(hars_audit_t *audit)
{
    flock(audit->fd, LOCK_UN);
}


/*
 * What another process has written since, or this one before its start;
 * under the lock.
 */
static int
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


static int
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


int
hars_audit_sign(hars_as_t *as, time_t now)
{
    int            rc;
    hars_audit_t  *audit;

    audit = as->audit;

    if (audit == NULL || as->sign == NULL) {
        return HARS_OK;
    }

    rc = HARS_OK;

    pthread_mutex_lock(&audit->mutex);

    if (now == 0
        || now < audit->signed_at
        || now - audit->signed_at >= (time_t) as->conf.audit_sign)
    {
        rc = hars_audit_lock(audit);

        if (rc == HARS_OK) {
            rc = hars_audit_sign_last(audit, as->sign);
            hars_audit_unlock(audit);
        }
    }

    if (rc == HARS_OK && audit->sealed) {
        audit->signed_at = now;
    }

    if (rc != HARS_OK && !audit->unsealed) {
        hars_log_error("audit_log \"%s\" cannot be signed: %s", audit->path,
                       audit->why);
    }

    audit->unsealed = (rc != HARS_OK);

    pthread_mutex_unlock(&audit->mutex);

    return rc;
}


/* nothing new is signed once */
static int
hars_audit_sign_last(hars_audit_t *audit, hars_sign_t *sign)
{
    int      rc;
    json_t  *what;

    rc = hars_audit_catch_up(audit);

    if (rc != HARS_OK || audit->seq == 0 || audit->sealed) {
        return rc;
    }

    what = hars_audit_signature(audit, sign);
    rc = what ? hars_audit_append(audit, HARS_AUDIT_SIGN, what)
              : hars_audit_failed(audit, "the key cannot sign");
    json_decref(what);

    return rc;
}


/* of the last line's number and hash, which the next one has as "prev" */
static json_t *
hars_audit_signature(hars_audit_t *audit, hars_sign_t *sign)
{
    char            text[HARS_AUDIT_HEAD];
    char            b64[HARS_SIGN_B64(HARS_SIGN_LEN)];
    size_t          len;
    unsigned char   signature[HARS_SIGN_LEN];

    len = hars_audit_head(text, audit->seq, audit->head);

    if (hars_sign(sign, text, len, signature) != HARS_OK) {
        return NULL;
    }

    hars_sign_b64(b64, signature, sizeof(signature));

    return json_pack("{s:s, s:s}", "kid", hars_sign_jwk(sign, 0)->kid,
                     "signature", b64);
}


int
hars_audit_write(hars_as_t *as, const char *event, json_t *what)
{
    int            rc;
    hars_audit_t  *audit;

    audit = as->audit;

    pthread_mutex_lock(&audit->mutex);

    rc = what ? hars_audit_lock(audit)
              : hars_audit_failed(audit, "there is no memory");

    if (rc == HARS_OK) {
        rc = hars_audit_append(audit, event, what);
        hars_audit_unlock(audit);
    }

    if (rc != HARS_OK && !audit->unwritten) {
        hars_log_error("audit_log \"%s\" cannot be written: %s: no more "
                       "tokens are issued until it can", audit->path,
                       audit->why);
    }

    audit->unwritten = (rc != HARS_OK);

    pthread_mutex_unlock(&audit->mutex);

    json_decref(what);

    return rc;
}


static int
hars_audit_append(hars_audit_t *audit, const char *event, json_t *what)
{
    int           rc;
    char          time_[32], *line;
    struct tm     tm;
    json_t       *root;
    struct timespec  ts;

    if (hars_audit_catch_up(audit) != HARS_OK) {
        return HARS_ERROR;
    }

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(time_, sizeof(time_) - 8, "%Y-%m-%dT%H:%M:%S", &tm);
    sprintf(time_ + strlen(time_), ".%03uZ",
            (unsigned) (ts.tv_nsec / 1000000) % 1000);

    root = json_pack("{s:s, s:I, s:s, s:s}",
                     "time", time_,
                     "seq", (json_int_t) (audit->seq + 1),
                     "prev", audit->head,
                     "event", event);

    line = (json_object_update(root, what) == 0)
           ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);

    rc = line ? hars_audit_put(audit, line, strlen(line))
              : hars_audit_failed(audit, "there is no memory");

    if (rc == HARS_OK) {
        audit->seq++;
        audit->end += (off_t) strlen(line) + 1;
        audit->sealed = strcmp(event, HARS_AUDIT_SIGN) == 0;
    }

    free(line);

    return rc;
}


/* all of it or nothing: half a line would end the chain */
static int
hars_audit_put(hars_audit_t *audit, const char *line, size_t len)
{
    char     buf[HARS_AUDIT_LINE];
    ssize_t  n;

    if (len >= HARS_AUDIT_LINE) {
        return hars_audit_failed(audit, "a line is too long");
    }

    memcpy(buf, line, len);
    buf[len] = '\n';

    n = write(audit->fd, buf, len + 1);

    if (n == (ssize_t) len + 1) {
        return (hars_audit_hash(line, len, audit->head) == HARS_OK)
               ? HARS_OK : hars_audit_failed(audit, "it cannot be hashed");
    }

    (void) hars_audit_failed(audit, n == -1 ? strerror(errno)
                                            : strerror(ENOSPC));

    if (n > 0 && ftruncate(audit->fd, audit->end) == -1) {
        hars_log_error("audit_log \"%s\" ends with half a line", audit->path);
    }

    return HARS_ERROR;
}
