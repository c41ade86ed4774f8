
/*
 * One enrolment, as hars_as_est.c (what it asks for) and hars_as_est_who.c
 * (who asks) have it between them.
 */

#ifndef HARS_AS_EST_PRIVATE_H
#define HARS_AS_EST_PRIVATE_H


#include "hars_as_audit.h"
#include "hars_as_cert.h"
#include "hars_as_csr.h"
#include "hars_as_est.h"
#include "hars_as_names.h"
#include "hars_as_password.h"

#include <time.h>


typedef struct {
    hars_audit_who_t      who;            /* the first: r->ctx */
    time_t                now;
    hars_client_t         client;
    hars_names_t          names;
    unsigned              again:1;        /* it follows "old" */
    unsigned char         secret[HARS_SHA256_LEN];     /* its SHA-256 */
    int64_t               until;          /* of the secret */
    char                  password[HARS_PASSWORD_HASH];    /* "": secret */
    hars_cert_t           old;
    hars_csr_t            csr;
} hars_enrol_t;


struct hars_est_s {
    char                 *cacerts;
    hars_lockout_t       *lockout;
    hars_passwords_t     *passwords;      /* NULL: not in this profile */
};


/*
 * By its secret, or by the certificate that it follows; enrol->client is
 * filled.  HARS_ERROR: it has been answered.
 */
int hars_est_secret(hars_request_t *r, hars_enrol_t *enrol);
int hars_est_old(hars_request_t *r, hars_enrol_t *enrol);

/* a line of text; 401 that tells nothing; 429 with Retry-After */
void hars_est_error(hars_request_t *r, unsigned status, const char *text);
void hars_est_unknown(hars_request_t *r, const char *reason);
void hars_est_wait(hars_request_t *r, unsigned seconds);


#endif /* HARS_AS_EST_PRIVATE_H */
