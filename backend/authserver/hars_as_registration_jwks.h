
/*
 * self_signed_tls_client_auth, RFC 8705, 2.2.2: the certificates that a
 * client has made itself, in the x5c of its JWK set.  Of use is only the
 * certificate; a JWK that holds a private key is refused, so that none is
 * ever stored here.
 */

#ifndef HARS_AS_REGISTRATION_JWKS_H
#define HARS_AS_REGISTRATION_JWKS_H


#include "hars_as_registration.h"


struct json_t;


/* the thumbprints into auth_value; HARS_ERROR: error and why are set */
int hars_registration_jwks(hars_registration_t *reg, struct json_t *jwks);


#endif /* HARS_AS_REGISTRATION_JWKS_H */
