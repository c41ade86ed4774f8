
/*
 * The parts of reading a registration, private to its files: members of the
 * body (hars_as_registration.c), certificates that a client has made itself
 * (hars_as_registration_jwks.c), and what is only echoed
 * (hars_as_registration_echo.c).
 */

#ifndef HARS_AS_REGISTRATION_PRIVATE_H
#define HARS_AS_REGISTRATION_PRIVATE_H


#include "hars_as_registration.h"


struct json_t;


/* NULL: there is none, or it is null */
struct json_t *hars_registration_get(struct json_t *root, const char *name);

/* the thumbprints into auth_value; HARS_ERROR: error and why are set */
int hars_registration_jwks(hars_registration_t *reg, struct json_t *jwks);

/* into "metadata"; HARS_ERROR as above */
int hars_registration_echo(hars_registration_t *reg, struct json_t *root);


#endif /* HARS_AS_REGISTRATION_PRIVATE_H */
