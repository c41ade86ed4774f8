
/*
 * What the OAuth endpoints have in common: RFC 6749 errors, the form of a
 * request, and who the client is (RFC 8705, 2.1: tls_client_auth).
 */

#ifndef HARS_AS_OAUTH_H
#define HARS_AS_OAUTH_H


#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_cert.h"
#include "hars_as_form.h"
#include "hars_http.h"


#define HARS_OAUTH_BODY  (16 * 1024)      /* longest form */


/* RFC 6749, 5.2; RFC 8707, 2; RFC 7591, 3.2.2; RFC 6750, 3.1 */
typedef enum {
    HARS_OAUTH_INVALID_REQUEST = 0,
    HARS_OAUTH_INVALID_CLIENT,
    HARS_OAUTH_UNAUTHORIZED_CLIENT,
    HARS_OAUTH_UNSUPPORTED_GRANT_TYPE,
    HARS_OAUTH_INVALID_GRANT,
    HARS_OAUTH_INVALID_SCOPE,
    HARS_OAUTH_INVALID_TARGET,
    HARS_OAUTH_INVALID_TOKEN,
    HARS_OAUTH_INVALID_METADATA,
    HARS_OAUTH_INVALID_REDIRECT,
    HARS_OAUTH_INVALID_STATEMENT,
    HARS_OAUTH_SERVER_ERROR,
    HARS_OAUTH_ERRORS
} hars_oauth_error_e;


/* "invalid_request" and so on */
const char *hars_oauth_name(hars_oauth_error_e error);


/* the answer; "description" without quotes, backslashes and controls */
void hars_oauth_error(hars_request_t *r, hars_oauth_error_e error,
    const char *description);

/*
 * Begins a request: r->ctx, as long as it lives.  NULL: there is no memory,
 * which has been answered.
 */
hars_audit_who_t *hars_oauth_begin(hars_request_t *r);

/* hars_route_t: refuse */
void hars_oauth_refuse(hars_request_t *r, unsigned status,
    const char *detail);

/* application/json, no-store; NULL: there was no memory, a 500 */
void hars_oauth_reply(hars_request_t *r, char *json);
void hars_oauth_reply_status(hars_request_t *r, unsigned status, char *json);

/*
 * A browser holds a certificate as an ambient authority, like a cookie: pages
 * of other origins are refused.  HARS_ERROR: it has been answered.
 */
int hars_oauth_cross_site(hars_request_t *r);

/*
 * The parameters of a request; "repeated" as in hars_form_parse().
 * HARS_ERROR: it has been answered.
 */
int hars_oauth_form(hars_request_t *r, hars_form_t *form,
    const char *repeated);

/*
 * The client that "client_id" names and the certificate proves, with that
 * certificate, which is not revoked.  HARS_ERROR: it has been answered.
 */
int hars_oauth_client(hars_request_t *r, const hars_form_t *form, time_t now,
    hars_client_t *client, hars_cert_t *cert);

/*
 * The certificate that came with a request, within its dates and not revoked,
 * whosever it is.  HARS_ERROR: it has been answered.
 */
int hars_oauth_holder(hars_request_t *r, time_t now, hars_cert_t *cert);

/* handlers */
void hars_as_token(hars_request_t *r);
void hars_as_revoke(hars_request_t *r);
void hars_as_introspect_public(hars_request_t *r);
void hars_as_introspect_gateway(hars_request_t *r);


#endif /* HARS_AS_OAUTH_H */
