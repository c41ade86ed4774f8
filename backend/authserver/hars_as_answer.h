
/*
 * What a token says, in its two forms, side by side in one file so that they
 * stay one: the introspection answer that the gateway makes a record of, and
 * the record that it would make.  Also the other JSON of this server.  The
 * only user of jansson here.
 *
 * Texts come from malloc(); NULL: no memory.
 */

#ifndef HARS_AS_ANSWER_H
#define HARS_AS_ANSWER_H


#include "hars_as.h"


/* RFC 7662, 2.2, of an active token */
char *hars_answer_introspection(const hars_token_t *token,
    const char *issuer);

/*
 * The claims that are signed around it (RFC 9701, 5); "token" is NULL where
 * there is none that the caller may see.
 */
char *hars_answer_signed(const hars_token_t *token, const char *issuer,
    const char *caller, int64_t now);

/*
 * The record of the same answer, checked at "now_ms"; "claims" are the extra
 * ones, parted by blanks.  Strings point into the token and the issuer.
 * HARS_ERROR: a claim that this server does not answer with.
 */
int hars_answer_record(const hars_token_t *token, const char *issuer,
    const char *claims, int64_t now_ms, hars_record_t *rec);

/* is there a claim of this name that a record can carry? */
int hars_answer_claim(const char *name, size_t len);

/* RFC 6749, 5.1: the token itself, and the refresh token or "" */
char *hars_answer_token(const hars_token_t *token, const char *value,
    const char *refresh, int64_t now);

/* of an operator's revocation */
char *hars_answer_revoked(uint64_t tokens);

/* RFC 6749, 5.2 */
char *hars_answer_error(const char *error, const char *description);

/* for "token show" and "client show" */
char *hars_answer_token_row(const hars_token_t *token, const char *token_id,
    int64_t now);
char *hars_answer_client_row(const hars_client_t *client);


/* a list as a JSON array; NULL: no memory */
struct json_t *hars_answer_list(const char *list, char sep);

/* RFC 7591, 2: grant_types of a client that gets tokens */
struct json_t *hars_answer_grants(const hars_client_t *client);


#endif /* HARS_AS_ANSWER_H */
