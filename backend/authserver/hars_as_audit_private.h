
/*
 * A line of the audit log as its events (hars_as_audit_event.c), its writer
 * (hars_as_audit.c) and its reader (hars_as_audit_verify.c) see it; private
 * to them.
 */

#ifndef HARS_AS_AUDIT_PRIVATE_H
#define HARS_AS_AUDIT_PRIVATE_H


#include "hars_as_audit.h"
#include "hars_as_sign.h"


#define HARS_AUDIT_LINE  8192             /* longest line */
#define HARS_AUDIT_SIGN  "sign"           /* the event */
#define HARS_AUDIT_HEAD  128              /* longest text to be signed */


typedef struct {
    uint64_t         seq;
    char             prev[HARS_B64_SHA256_LEN + 1];    /* or "" */
    unsigned         sealed:1;            /* it signs the line before */
    char             kid[HARS_B64_SHA256_LEN + 1];
    unsigned char    signature[HARS_SIGN_LEN];
} hars_audit_line_t;


struct json_t;


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


#endif /* HARS_AS_AUDIT_PRIVATE_H */
