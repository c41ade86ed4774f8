
/*
 * The audit log: a line of JSON for each token that was issued, each request
 * that was refused, each revocation and each change of a client.  It names
 * tokens by their id and certificates by their thumbprint; no token, no
 * secret, nothing that a client wrote but a well-formed client_id.
 *
 * A line holds SHA-256 of the one before ("prev"), so that one that was
 * changed, taken out or put in shows.  The running server signs the last
 * line from time to time.  Several processes may write to one file.
 */

#ifndef HARS_AS_AUDIT_H
#define HARS_AS_AUDIT_H


#include "hars_as.h"
#include "hars_as_ca.h"
#include "hars_as_store.h"
#include "hars_http.h"

#include <time.h>


typedef struct hars_audit_s  hars_audit_t;

struct hars_crl_state_s;


/* of a request: who it says it is, and what the log knows of its refusal */
typedef struct {
    const char      *client_id;           /* NULL: none, or malformed */
    char             id[HARS_AS_ID_SIZE];
    const char      *reason;              /* NULL: as the answer says */
    unsigned char    thumbprint[HARS_SHA256_LEN];
    unsigned         has_cert:1;
} hars_audit_who_t;


/* NULL after the log has the cause */
hars_audit_t *hars_audit_open(const char *path);
void hars_audit_close(hars_audit_t *audit);

/*
 * Before anything is served: HARS_ERROR after the log has the cause, where
 * nothing could be written after what stands there.
 */
int hars_audit_begin(hars_audit_t *audit);

/* follows a file that was moved away; the main thread's, each second */
void hars_audit_tick(hars_audit_t *audit);

/* could the last line not be written?  0 where there is no log */
unsigned hars_audit_unwritten(hars_as_t *as);

/*
 * The events.  Without a log (NULL) nothing happens; HARS_ERROR: the line
 * could not be written, which the log says.
 */
int hars_audit_issue(hars_as_t *as, const hars_token_t *token);
int hars_audit_refuse(hars_as_t *as, const hars_request_t *r,
    const char *error, const char *description);
int hars_audit_revoke(hars_as_t *as, const char *by,
    const hars_revoke_t *revoke, uint64_t tokens);
int hars_audit_certificate(hars_as_t *as, const char *what,
    const hars_certificate_t *cert, const unsigned char *old);
int hars_audit_crl(hars_as_t *as, const struct hars_crl_state_s *state,
    size_t entries);
int hars_audit_client(hars_as_t *as, const char *what,
    const char *client_id);

/* over HTTP, and an initial access token, whose id is "token", or NULL */
int hars_audit_register(hars_as_t *as, const hars_request_t *r,
    const char *what, const char *client_id, const char *token);
int hars_audit_register_token(hars_as_t *as, const char *what,
    const char *token);

/*
 * Signs the last line, every audit_sign seconds and, where "now" is 0, at
 * once; not twice.  The main thread's.
 */
int hars_audit_sign(hars_as_t *as, time_t now);

/*
 * Is the chain of a file whole, and are its signatures by one of the keys
 * (NULL: that is not asked)?  Says on standard output how many lines, where
 * it begins and ends, and how far it is signed; HARS_ERROR after standard
 * error has the line, or that none is signed.
 */
struct hars_sign_s;
int hars_audit_verify(const char *path, struct hars_sign_s *sign);


#endif /* HARS_AS_AUDIT_H */
