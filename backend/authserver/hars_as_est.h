
/*
 * Enrolment over secure transport, RFC 7030 and RFC 8951, for clients that
 * are registered:
 *
 *     GET  /.well-known/est/cacerts         root and issuing authority
 *     GET  /.well-known/est/csrattrs        P-256, ECDSA with SHA-256
 *     POST /.well-known/est/simpleenroll    Basic: client_id and its secret
 *     POST /.well-known/est/simplereenroll  the certificate that is followed
 *
 * Answers are one line of base64 and a line feed, errors a line of text.
 * There is one authority: labels, server-side keys and full CMC get 404.
 */

#ifndef HARS_AS_EST_H
#define HARS_AS_EST_H


#include "hars_as.h"
#include "hars_as_csr.h"
#include "hars_as_lockout.h"
#include "hars_http.h"


#define HARS_EST_PATH       "/.well-known/est/"
#define HARS_EST_CACERTS    HARS_EST_PATH "cacerts"
#define HARS_EST_CSRATTRS   HARS_EST_PATH "csrattrs"
#define HARS_EST_ENROL      HARS_EST_PATH "simpleenroll"
#define HARS_EST_REENROL    HARS_EST_PATH "simplereenroll"

#define HARS_EST_SECRET_TTL (72 * 3600)   /* s */

/* a client's certificates in an hour: whoever needs more is broken */
#define HARS_EST_OFTEN      16
#define HARS_EST_OFTEN_TIME 3600          /* s */


/* for the metrics */
typedef enum {
    HARS_EST_ENROLLED = 0,
    HARS_EST_REENROLLED,
    HARS_EST_REFUSED,
    HARS_EST_LIMITED,
    HARS_EST_FAILED,
    HARS_EST_OUTCOMES
} hars_est_outcome_e;


typedef struct hars_est_s  hars_est_t;


/* of as->ca, NULL without one; HARS_ERROR: logged */
int hars_est_create(hars_as_t *as);
void hars_est_free(hars_as_t *as);

/*
 * hars_as_cmd_enrol.c, "client enrol": prints a new secret, or takes a
 * password from standard input.  HARS_DECLINED: there is no such client;
 * HARS_ERROR: said.
 */
struct hars_store_s;
int hars_client_enrol(hars_as_t *as, struct hars_store_s *store,
    const char *id);
int hars_client_password(hars_as_t *as, struct hars_store_s *store,
    const char *id);

/* hars_as_est_certs.c: certs-only (RFC 5652), a line of base64; NULL: none */
struct x509_st;
char *hars_est_certs(struct x509_st *const *cert, unsigned n);
char *hars_est_cert(const unsigned char *der, size_t len);

/* handlers, and hars_route_t: refuse */
void hars_as_est_cacerts(hars_request_t *r);
void hars_as_est_csrattrs(hars_request_t *r);
void hars_as_est_enrol(hars_request_t *r);
void hars_as_est_reenrol(hars_request_t *r);
void hars_est_refuse(hars_request_t *r, unsigned status, const char *detail);


#endif /* HARS_AS_EST_H */
