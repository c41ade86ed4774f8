
/*
 * The client's side of enrolment (RFC 7030): a first certificate by a secret,
 * or the next one by the present one.
 *
 *     cacerts -> request -> simpleenroll or simplereenroll -> check -> replace
 *                                                                     the file
 *
 * With the fingerprint of a root alone (no cacert) cacerts are fetched from
 * whoever is there, and only the root of that fingerprint is believed, for
 * the server's own certificate as well; the secret goes there and nowhere
 * else.
 */

#ifndef HARS_EST_H
#define HARS_EST_H


#include "hars_https.h"
#include "hars_identity.h"


#define HARS_EST_ERROR  1024


/* what became of it */
typedef enum {
    HARS_EST_OK = 0,
    HARS_EST_OWN,                         /* a file or the URL is no good */
    HARS_EST_CONNECT,                     /* there is no answer */
    HARS_EST_REFUSED                      /* by the server, or its answer is */
} hars_est_e;


typedef struct {
    hars_https_conf_t   peer;             /* its URL without a path */
    const char         *fingerprint;      /* of a root, NULL: any of them */
    const char         *client_id;        /* NULL: to renew */
    const char         *secret;
} hars_est_t;


/*
 * "id" has the key, and to renew the old certificate; the file peer.cert is
 * replaced by the new one.  "error" says what went wrong.
 */
hars_est_e hars_est(const hars_est_t *est, hars_identity_t *id,
    char error[HARS_EST_ERROR]);


#endif /* HARS_EST_H */
