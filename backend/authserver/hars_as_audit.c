
/* See hars_as_audit.h for what this is. */

#include "hars_as_audit_private.h"
#include "hars_as_answer.h"
#include "hars_as_publish.h"
#include "hars_as_words.h"
#include "hars_log.h"

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
static int hars_audit_write(hars_as_t *as, const char *event, json_t *what);
static int hars_audit_append(hars_audit_t *audit, const char *event,
    json_t *what);
static int hars_audit_put(hars_audit_t *audit, const char *line, size_t len);
static void hars_audit_cert(json_t *what, const unsigned char *thumbprint);
static void hars_audit_family(json_t *what,
    const unsigned char family[HARS_FAMILY_LEN]);


hars_audit_t *
hars_audit_open(const char *path)
{
    hars_audit_t  *audit;

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
hars_audit_issue(hars_as_t *as, const hars_token_t *token)
{
    char     id[HARS_TOKEN_ID_LEN + 1];
    json_t  *what;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    what = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}",
                     "client_id", token->client_id,
                     "sub", token->sub,
                     "hars_kind", token->kind->name,
                     "scope", token->scope,
                     "aud", hars_answer_list(token->aud, HARS_WORDS_RESOURCE),
                     "exp", (json_int_t) token->exp);

    /* as the gateway's own logs name it */

    if (as->publish
        && hars_publish_token_id(as->publish, token->id.hash, id) == HARS_OK)
    {
        json_object_set_new(what, "token", json_string(id));
    }

    hars_audit_cert(what, token->cnf);

    if (token->has_family) {
        hars_audit_family(what, token->family);
    }

    return hars_audit_write(as, "issue", what);
}


int
hars_audit_refuse(hars_as_t *as, const hars_request_t *r, const char *error,
    const char *description)
{
    json_t                  *what;
    const hars_audit_who_t  *who;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    who = r->ctx;

    what = json_pack("{s:s, s:s, s:s}",
                     "endpoint", r->route ? r->route->path : "",
                     "error", error,
                     "reason", who && who->reason ? who->reason
                                                  : description);

    if (who && who->client_id) {
        json_object_set_new(what, "client_id", json_string(who->client_id));
    }

    if (who && who->has_cert) {
        hars_audit_cert(what, who->thumbprint);
    }

    return hars_audit_write(as, "refuse", what);
}


int
hars_audit_revoke(hars_as_t *as, const char *by,
    const hars_revoke_t *revoke, uint64_t tokens)
{
    char     id[HARS_TOKEN_ID_LEN + 1];
    json_t  *what;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    what = json_pack("{s:s, s:I}", "by", by, "tokens", (json_int_t) tokens);

    switch (revoke->what) {

    case HARS_REVOKE_TOKEN:
        if (as->publish
            && hars_publish_token_id(as->publish, revoke->token.hash, id)
               == HARS_OK)
        {
            json_object_set_new(what, "token", json_string(id));
        }

        break;

    case HARS_REVOKE_FAMILY:
        hars_audit_family(what, revoke->family);
        break;

    case HARS_REVOKE_CLIENT:
        json_object_set_new(what, "client_id", json_string(revoke->id));
        break;

    case HARS_REVOKE_SUB:
        json_object_set_new(what, "sub", json_string(revoke->id));
        break;

    case HARS_REVOKE_CERT:
        hars_audit_cert(what, revoke->cert);
        break;
    }

    return hars_audit_write(as, "revoke", what);
}


/* "old": the thumbprint of the one that it follows, or NULL */
int
hars_audit_certificate(hars_as_t *as, const char *what,
    const hars_certificate_t *cert, const unsigned char *old)
{
    char     serial[2 * HARS_CA_SERIAL + 1], text[HARS_B64_SHA256_LEN];
    json_t  *line;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    hars_hex(serial, cert->serial, HARS_CA_SERIAL);
    serial[sizeof(serial) - 1] = '\0';

    line = json_pack("{s:s, s:s, s:s, s:I}",
                     "what", what,
                     "client_id", cert->client_id,
                     "serial", serial,
                     "not_after", (json_int_t) cert->not_after);

    hars_audit_cert(line, cert->thumbprint);

    if (old) {
        hars_b64url_sha256_encode(text, old);
        json_object_set_new(line, "follows",
                            json_stringn(text, sizeof(text)));
    }

    return hars_audit_write(as, "certificate", line);
}


int
hars_audit_client(hars_as_t *as, const char *what, const char *client_id)
{
    if (as->audit == NULL) {
        return HARS_OK;
    }

    return hars_audit_write(as, "client", json_pack("{s:s, s:s}",
                                                    "what", what,
                                                    "client_id", client_id));
}


int
hars_audit_register(hars_as_t *as, const hars_request_t *r, const char *what,
    const char *client_id, const char *token)
{
    json_t                  *line;
    const hars_audit_who_t  *who;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    who = r->ctx;

    line = json_pack("{s:s, s:s, s:s}",
                     "what", what,
                     "client_id", client_id,
                     "endpoint", r->route->path);

    if (token) {
        json_object_set_new(line, "register_token", json_string(token));
    }

    hars_audit_cert(line, who->thumbprint);

    return hars_audit_write(as, "client", line);
}


int
hars_audit_register_token(hars_as_t *as, const char *what, const char *token)
{
    if (as->audit == NULL) {
        return HARS_OK;
    }

    return hars_audit_write(as, "register_token",
                            json_pack("{s:s, s:s}",
                                      "what", what,
                                      "register_token", token));
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


/* takes "what" */
static int
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


static void
hars_audit_cert(json_t *what, const unsigned char *thumbprint)
{
    char  text[HARS_B64_SHA256_LEN];

    hars_b64url_sha256_encode(text, thumbprint);
    json_object_set_new(what, "certificate",
                        json_stringn(text, sizeof(text)));
}


static void
hars_audit_family(json_t *what, const unsigned char family[HARS_FAMILY_LEN])
{
    char      text[2 * HARS_FAMILY_LEN + 1];
    unsigned  i;

    for (i = 0; i < HARS_FAMILY_LEN; i++) {
        snprintf(text + 2 * i, 3, "%02x", family[i]);
    }

    json_object_set_new(what, "family", json_string(text));
}
