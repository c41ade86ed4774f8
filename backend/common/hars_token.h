
/*
 * An access token in what a token endpoint answered (RFC 6749, 5.1), or by
 * itself.  It goes into a header: only RFC 6750's characters pass.
 */

#ifndef HARS_TOKEN_H
#define HARS_TOKEN_H


#include "hars_text.h"


#define HARS_TOKEN_SIZE  4096             /* with its 0 */


/* the token out of a file: itself or a response; HARS_ERROR: there is none */
int hars_token_value(const hars_text_t *text, char token[HARS_TOKEN_SIZE]);

/* the same of a response, and its life in seconds, 0: it does not say */
int hars_token_response(const hars_text_t *text, char token[HARS_TOKEN_SIZE],
    long *expires_in);


#endif /* HARS_TOKEN_H */
