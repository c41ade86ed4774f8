
/*
 * How a client proves who it is, one method per client (RFC 8705, 2.1.2: one
 * name; 2.2: a certificate of its own making; RFC 6749, 2.3.1: a secret), and
 * whether a certificate is the one that was registered.  Names are compared
 * in their own forms, never as a printed text.
 */

#ifndef HARS_AS_AUTH_H
#define HARS_AS_AUTH_H


#include "hars_as.h"
#include "hars_as_cert.h"


struct hars_auth_s {
    const char  *name;                    /* in the store */
    const char  *option;                  /* of "client add", "--" before */
    const char  *metadata;                /* RFC 8705, 2.1.2; NULL: none */
    const char  *method;                  /* token_endpoint_auth_method */

    /* HARS_OK, or HARS_ERROR and a constant text that tells the mend */
    int        (*check)(const char *value, const char **error);
    /* HARS_OK: the certificate has this value */
    int        (*match)(const char *value, const hars_cert_t *cert);
};


/* ends with {0}; the first is "none" */
extern const hars_auth_t  hars_auths[];

/* by its name in the store, or NULL */
const hars_auth_t *hars_auth_find(const char *name);

/*
 * NULL: the certificate is this client's.  Otherwise why it is not, for the
 * log; outside all of that sounds the same.
 */
const char *hars_auth_wrong(const hars_client_t *client,
    const hars_cert_t *cert);

/*
 * RFC 6749, 2.3.1: "Basic" and base64 of id:secret, each form-encoded.  Both
 * texts end in "buf" (HARS_AUTH_BASIC bytes).  HARS_ERROR: it is malformed.
 */
#define HARS_AUTH_BASIC  512
int hars_auth_basic(const char *header, char *buf, const char **id,
    const char **secret);

/* the same of RFC 7617, where neither is encoded */
int hars_auth_basic_plain(const char *header, char *buf, const char **id,
    const char **secret);

/* HARS_OK: it is the client's secret; in constant time */
int hars_auth_secret(const hars_client_t *client, const char *secret);


#endif /* HARS_AS_AUTH_H */
