
/*
 * What a patient says about a caregiver, and about the own name: the bodies
 * of two requests, read and checked.  Pure.
 *
 *     {"role":"doctor", "until":1798761600, "since":1790000000,
 *      "scopes":["activities:read","samples:read"], "name":"Dr. Ito"}
 *
 * role and until are needed; an until of null is a connection without an end,
 * which nobody gives by leaving something out.  Times are seconds since 1970.
 */

#ifndef HARS_DCM_CONSENT_H
#define HARS_DCM_CONSENT_H


#include "hars_dcm_name.h"
#include "hars_dcm.h"
#include "hars_who.h"


typedef struct {
    unsigned   doctor:1;
    unsigned   has_since:1;
    unsigned   scopes;                    /* HARS_SCOPE_... */
    int64_t    since_ms;
    int64_t    until_ms;                  /* 0: no end */
    char       name[HARS_NAME_SIZE];      /* "": none */
} hars_consent_t;


/* why a body is not taken; texts are constant */
typedef struct {
    unsigned      status;                 /* 400, 422 */
    const char   *field;                  /* NULL: all of it */
    const char   *detail;
} hars_refusal_t;


/* HARS_DECLINED: for that reason */
int hars_consent_read(hars_consent_t *consent, const char *body, size_t len,
    int64_t now_ms, hars_refusal_t *refusal);

/* {"name":"..."} or null, which is "" */
int hars_consent_name(char name[HARS_NAME_SIZE], const char *body, size_t len,
    hars_refusal_t *refusal);


#endif /* HARS_DCM_CONSENT_H */
