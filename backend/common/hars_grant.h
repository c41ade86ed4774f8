
/*
 * The access token that a service has, as a client of its own, for an audience
 * (RFC 6749, 4.4; RFC 8705): one for all that call it, asked for when there
 * is none, and again at two thirds of its life, give or take, or when the
 * certificate that it is bound to is another one.  One caller asks; the others
 * have the token meanwhile while it is good, else they wait for that answer,
 * and have none if there is none: nobody waits for two.
 */

#ifndef HARS_GRANT_H
#define HARS_GRANT_H


#include "hars_https.h"

#include <stdatomic.h>


typedef struct hars_grant_s  hars_grant_t;


typedef struct {
    hars_https_conf_t   peer;             /* the authorization server */
    const char         *client_id;
    const char         *scope;
    const char         *resource;         /* the audience */
    unsigned            seconds;          /* to wait for it, 0: 60 */
    atomic_uint        *stop;             /* not 0: no call is waited for */
} hars_grant_conf_t;


/* a token, and which one it is; to be wiped */
typedef struct {
    char                token[HARS_TOKEN_SIZE];
    unsigned long       serial;
} hars_granted_t;


/* "conf" stays as long; NULL: no memory */
hars_grant_t *hars_grant_create(const hars_grant_conf_t *conf);
void hars_grant_free(hars_grant_t *grant);

/*
 * HARS_ERROR: there is none now; "answer" says why, as hars_https_call() does
 * or by its status.
 */
int hars_grant_get(hars_grant_t *grant, hars_granted_t *granted,
    hars_answer_t *answer);

/*
 * This one was refused: the next call asks for another one, over a new
 * connection, since the certificate may be another one by now.
 */
void hars_grant_refused(hars_grant_t *grant, unsigned long serial);

#endif /* HARS_GRANT_H */
