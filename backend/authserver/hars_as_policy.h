
/*
 * What a registration over HTTP may be.  The first one stays inside the
 * policy of its initial access token (RFC 7591, 1.2), which an operator has
 * made; later ones (RFC 7592, 2.2) inside what is registered already: an
 * update narrows, or leaves as it is, and never widens.  Pure.
 */

#ifndef HARS_AS_POLICY_H
#define HARS_AS_POLICY_H


#include "hars_as.h"
#include "hars_as_cert.h"
#include "hars_as_registration.h"


#define HARS_POLICY_NAMES  2049
#define HARS_POLICY_JSON   8192           /* longest, with its end */


typedef struct {
    const hars_kind_t   *kind;
    char                 sub[HARS_AS_ID_SIZE];         /* "": of its own */
    char                 scope[HARS_AS_SCOPE_SIZE];
    char                 resources[HARS_AS_AUD_SIZE];
    char                 names[HARS_POLICY_NAMES];     /* "": any */
    char                 issuer_dn[HARS_AS_DN_SIZE];   /* "": any */
    unsigned             any_subject:1;   /* not the certificate's own */
    unsigned             secret:1;        /* client_secret_basic */
    unsigned             refresh:1;
} hars_policy_t;


/*
 * "auth" is of hars_auths[] and has "value"; several names are alternatives.
 * HARS_ERROR: there is no room.
 */
int hars_policy_name(hars_policy_t *policy, const hars_auth_t *auth,
    const char *value);

/* as the store keeps it; HARS_ERROR: it does not fit, or is none of ours */
int hars_policy_encode(const hars_policy_t *policy,
    char json[HARS_POLICY_JSON]);
int hars_policy_decode(hars_policy_t *policy, const char *json);

/*
 * Fills kind, sub, and what was not asked for, and says whether all of it is
 * allowed with this certificate; HARS_ERROR: reg->error and reg->why.
 */
int hars_policy_apply(const hars_policy_t *policy, hars_registration_t *reg,
    const hars_cert_t *cert);

/* the same of an update of "client" */
int hars_policy_narrow(const hars_client_t *client, hars_registration_t *reg,
    const hars_cert_t *cert);


#endif /* HARS_AS_POLICY_H */
