
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


struct hars_audit_s {
    const char       *path;
    pthread_mutex_t   mutex;              /* of what follows */
    int               fd;
    off_t             end;                /* where our last line ended */
    uint64_t          seq;                /* of the last line */
    char              head[HARS_B64_SHA256_LEN + 1];   /* its hash, or "" */
    unsigned          sealed:1;           /* it is a signature */
    time_t            signed_at;
    unsigned          failed:1;           /* the log knows */
};


static int hars_audit_reopen(hars_audit_t *audit);
static int hars_audit_catch_up(hars_audit_t *audit);
static int hars_audit_last(hars_audit_t *audit, off_t size);
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


void
hars_audit_tick(hars_audit_t *audit)
{
    struct stat  file, open;

    if (audit == NULL) {
        return;
    }

    pthread_mutex_lock(&audit->mutex);

    if (fdatasync(audit->fd) == -1 && errno != EINVAL && !audit->failed) {
        audit->failed = 1;
        hars_log_error("audit_log \"%s\" cannot be written: %s", audit->path,
                       strerror(errno));
    }

    if (fstat(audit->fd, &open) == 0
        && (stat(audit->path, &file) == -1 || file.st_ino != open.st_ino
            || file.st_dev != open.st_dev))
    {
        /* another process may have written the last line of the old file */

        if (open.st_size != audit->end) {
            (void) hars_audit_last(audit, open.st_size);
        }

        (void) hars_audit_reopen(audit);
    }

    pthread_mutex_unlock(&audit->mutex);
}


/* what another process has written since, or this one before its start */
static int
hars_audit_catch_up(hars_audit_t *audit)
{
    struct stat  st;

    if (fstat(audit->fd, &st) == -1) {
        return HARS_ERROR;
    }

    if (st.st_size != audit->end
        && hars_audit_last(audit, st.st_size) != HARS_OK)
    {
        return HARS_ERROR;
    }

    audit->end = st.st_size;

    return HARS_OK;
}


static int
hars_audit_last(hars_audit_t *audit, off_t size)
{
    char                buf[HARS_AUDIT_LINE + 1], *line;
    off_t               from;
    ssize_t             n;
    hars_audit_line_t   last;

    if (size == 0) {
        return HARS_OK;
    }

    from = (size > HARS_AUDIT_LINE) ? size - HARS_AUDIT_LINE : 0;
    n = pread(audit->fd, buf, HARS_AUDIT_LINE, from);

    if (n < 2 || n != size - from || buf[n - 1] != '\n') {
        return HARS_ERROR;
    }

    buf[--n] = '\0';
    line = strrchr(buf, '\n');
    line = line ? line + 1 : buf;

    if ((line == buf && from)
        || hars_audit_line(line, strlen(line), &last) != HARS_OK)
    {
        return HARS_ERROR;
    }

    audit->seq = last.seq;
    audit->sealed = last.sealed;

    return hars_audit_hash(line, strlen(line), audit->head);
}


int
hars_audit_sign(hars_as_t *as, time_t now)
{
    int            rc;
    json_t        *what;
    hars_audit_t  *audit;

    audit = as->audit;

    if (audit == NULL || as->sign == NULL) {
        return HARS_OK;
    }

    rc = HARS_OK;

    pthread_mutex_lock(&audit->mutex);

    if ((now == 0
         || now < audit->signed_at
         || now - audit->signed_at >= (time_t) as->conf.audit_sign)
        && flock(audit->fd, LOCK_EX) == 0)
    {
        rc = hars_audit_catch_up(audit);

        /* nothing new is signed once */

        if (rc == HARS_OK && audit->seq && !audit->sealed) {
            what = hars_audit_signature(audit, as->sign);
            rc = what ? hars_audit_append(audit, HARS_AUDIT_SIGN, what)
                      : HARS_ERROR;
            json_decref(what);
        }

        flock(audit->fd, LOCK_UN);
    }

    if (rc == HARS_OK && audit->sealed) {
        audit->signed_at = now;
    }

    if (rc != HARS_OK && !audit->failed) {
        audit->failed = 1;
        hars_log_error("audit_log \"%s\" cannot be signed", audit->path);
    }

    pthread_mutex_unlock(&audit->mutex);

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
    rc = HARS_ERROR;

    pthread_mutex_lock(&audit->mutex);

    if (what && flock(audit->fd, LOCK_EX) == 0) {
        rc = hars_audit_append(audit, event, what);
        flock(audit->fd, LOCK_UN);
    }

    if (rc != HARS_OK && !audit->failed) {
        hars_log_error("audit_log \"%s\" cannot be written: no more tokens "
                       "are issued until it can", audit->path);
    }

    audit->failed = (rc != HARS_OK);

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

    rc = line ? hars_audit_put(audit, line, strlen(line)) : HARS_ERROR;

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
    off_t    end;
    ssize_t  n;

    if (len >= HARS_AUDIT_LINE) {
        return HARS_ERROR;
    }

    memcpy(buf, line, len);
    buf[len] = '\n';

    end = lseek(audit->fd, 0, SEEK_END);
    n = write(audit->fd, buf, len + 1);

    if (n != (ssize_t) len + 1) {

        if (n > 0 && ftruncate(audit->fd, end) == -1) {
            hars_log_error("audit_log \"%s\" ends with half a line",
                           audit->path);
        }

        return HARS_ERROR;
    }

    return hars_audit_hash(line, len, audit->head);
}
