
/*
 * What was granted becomes a token: into the store, the audit log and Redis,
 * and out to the client.
 */

#ifndef HARS_AS_ISSUE_H
#define HARS_AS_ISSUE_H


#include "hars_as_audit.h"
#include "hars_as_family.h"
#include "hars_as_oauth.h"
#include "hars_as_store.h"


/* a request, and what becomes of it; lives as long as that */
typedef struct {
    hars_request_t     *request;
    hars_audit_who_t    who;
    hars_store_job_t    job;
    hars_form_t     form;
    hars_client_t   client;
    hars_cert_t     cert;
    time_t          now;
    int64_t         grace;                /* s, of the refresh token before */
    unsigned        refresh:1;            /* there is a refresh token */
    unsigned        rotates:1;            /* one came with the request */
    hars_family_t   family;               /* at the generation presented */
    hars_family_e   rotated;
    uint64_t        revoked;              /* tokens, where it was reused */
    uint32_t        next;                 /* generation to answer with */
    hars_token_t    token;
    char            value[HARS_AS_TOKEN_LEN + 1];      /* the token itself */
} hars_grant_t;


/*
 * Answers, now or after the commit.  "grant" is the request's own room
 * (hars_request_room()), with a token that has all but its text.
 */
void hars_issue(hars_request_t *r, hars_grant_t *grant);


#endif /* HARS_AS_ISSUE_H */
