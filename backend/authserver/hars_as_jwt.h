
/*
 * Signed answers: a JWS in compact form (RFC 7515, 7.1) of what an
 * introspection says (RFC 9701, 5), and GET /oauth2/jwks, where the public
 * keys stand (RFC 7517, 5).
 */

#ifndef HARS_AS_JWT_H
#define HARS_AS_JWT_H


#include "hars_as.h"
#include "hars_as_sign.h"
#include "hars_http.h"


#define HARS_JWT_INTROSPECTION  "token-introspection+jwt"


/* the document, in as->jwks; HARS_ERROR: no memory */
int hars_jwt_create(hars_as_t *as);

/* from malloc(); "typ" without "application/"; NULL: it cannot be made */
char *hars_jwt_sign(hars_sign_t *sign, const char *typ, const char *claims);

/* a handler: GET */
void hars_as_jwks(hars_request_t *r);


#endif /* HARS_AS_JWT_H */
