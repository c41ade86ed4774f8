
/*
 * Client metadata as RFC 7591, section 2, and RFC 8705, 2.1.2, write it: what
 * a request asks for, read and checked, and what a client is, written.  Who
 * may have it is decided elsewhere (hars_as_policy.h).  Pure.
 *
 * What this server has no use for is left out of the answer, by which the
 * client sees that it was not registered; what only tells people something
 * (client_name and so on) is kept as JSON and echoed.
 */

#ifndef HARS_AS_REGISTRATION_H
#define HARS_AS_REGISTRATION_H


#include "hars_as.h"
#include "hars_as_oauth.h"


#define HARS_REGISTRATION_BODY  (16 * 1024)


typedef struct {
    /* auth, auth_value, issuer_dn, scope, resources, refresh, metadata */
    hars_client_t        client;
    unsigned             has_scope:1;
    unsigned             has_resources:1;

    /* of an update, RFC 7592, 2.2; "" where there is none */
    char                 id[HARS_AS_ID_SIZE];
    char                 secret[HARS_AS_ID_SIZE];

    /* why it is refused: the error and a text for the client */
    hars_oauth_error_e   error;
    char                 why[256];
} hars_registration_t;


/* what a request asks for; HARS_ERROR: error and why are set */
int hars_registration_read(hars_registration_t *reg, const char *body,
    size_t len, unsigned update);

/* refuses as invalid_client_metadata; returns HARS_ERROR */
int hars_registration_refuse(hars_registration_t *reg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * RFC 7591, 3.2.1: all that is registered.  "uri" is the client's, "manage"
 * the registration access token, "secret" NULL where none was made now.
 * From malloc(); NULL: no memory.
 */
char *hars_registration_answer(const hars_client_t *client, const char *uri,
    const char *manage, const char *secret);


#endif /* HARS_AS_REGISTRATION_H */
