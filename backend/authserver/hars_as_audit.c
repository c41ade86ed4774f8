
/*
 * Lines of the audit log, written and signed, each with the hash of the one
 * before; see hars_as_audit.h for what it is, hars_as_audit_file.c for how
 * one file is everybody's.
 */

#include "hars_as_audit_private.h"
#include "hars_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>


static int hars_audit_sign_last(hars_audit_t *audit, hars_sign_t *sign);
static json_t *hars_audit_signature(hars_audit_t *audit, hars_sign_t *sign);
static int hars_audit_append(hars_audit_t *audit, const char *event,
    json_t *what);
static int hars_audit_put(hars_audit_t *audit, const char *line, size_t len);


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
        if (audit->end == 0) {
            hars_audit_mark(audit);
        }

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
