
/*
 * The audit log as its events (hars_as_audit_event.c), its writer
 * (hars_as_audit.c, hars_as_audit_file.c) and its reader
 * (hars_as_audit_verify.c) see it; private to them.
 */

#ifndef HARS_AS_AUDIT_PRIVATE_H
#define HARS_AS_AUDIT_PRIVATE_H


#include "hars_as_audit.h"
#include "hars_as_sign.h"

#include <pthread.h>
#include <sys/types.h>


#define HARS_AUDIT_LINE  8192             /* longest line */
#define HARS_AUDIT_SIGN  "sign"           /* the event */
#define HARS_AUDIT_HEAD  128              /* longest text to be signed */
#define HARS_AUDIT_PATH  4096


typedef struct {
    uint64_t         seq;
    char             prev[HARS_B64_SHA256_LEN + 1];    /* or "" */
    unsigned         sealed:1;            /* it signs the line before */
    char             kid[HARS_B64_SHA256_LEN + 1];
    unsigned char    signature[HARS_SIGN_LEN];
} hars_audit_line_t;


struct json_t;


struct hars_audit_s {
    const char       *path;
    char              last[HARS_AUDIT_PATH];   /* its second name */
    int               fd;                 /* the same number for good */
    unsigned          unsynced;           /* the main thread's */
    pthread_mutex_t   mutex;              /* of what follows */
    off_t             end;                /* where our last line ended */
    uint64_t          seq;                /* of the last line */
    char              head[HARS_B64_SHA256_LEN + 1];   /* its hash, or "" */
    unsigned          sealed:1;           /* it is a signature */
    time_t            signed_at;
    const char       *why;                /* of the last failure */
    unsigned          unwritten:1;        /* of these the log knows */
    unsigned          unsealed:1;
};


/* takes "what"; HARS_ERROR after the log has the cause */
int hars_audit_write(hars_as_t *as, const char *event, struct json_t *what);

/* HARS_ERROR: it is none of ours */
int hars_audit_line(const char *text, size_t len, hars_audit_line_t *line);

/* SHA-256 in base64url */
int hars_audit_hash(const char *text, size_t len,
    char hash[HARS_B64_SHA256_LEN + 1]);

/* what a signature is of: a line's number and hash; the length */
size_t hars_audit_head(char text[HARS_AUDIT_HEAD], uint64_t seq,
    const char *hash);

/*
 * hars_as_audit_file.c, all under the mutex.  The lock is of the file that
 * has the name, against other processes; under it, what they have written.
 * HARS_ERROR: audit->why has the cause.
 */
int hars_audit_lock(hars_audit_t *audit);
void hars_audit_unlock(hars_audit_t *audit);
int hars_audit_catch_up(hars_audit_t *audit);
int hars_audit_failed(hars_audit_t *audit, const char *why);

/* after the first line of a file: its second name */
void hars_audit_mark(hars_audit_t *audit);


#endif /* HARS_AS_AUDIT_PRIVATE_H */
