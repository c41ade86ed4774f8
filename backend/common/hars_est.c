
/* See hars_est.h for what this is. */

#include "hars_est.h"

#include <stdio.h>
#include <string.h>


#define HARS_EST_PATH    "/.well-known/est/"
#define HARS_EST_ACCEPT  "Accept: application/pkcs7-mime, text/plain"


static hars_est_e hars_est_authorities(const hars_est_t *est,
    hars_identity_t *id, hars_text_t *roots, char *error);
static hars_est_e hars_est_request(const hars_est_t *est,
    hars_identity_t *id, const hars_text_t *roots, char *error);
static hars_est_e hars_est_call(const hars_est_t *est,
    const hars_call_t *call, hars_answer_t *answer, char *error);
static hars_est_e hars_est_answered(const hars_call_t *call,
    const hars_answer_t *answer, char *error);
static hars_est_e hars_est_failed(hars_identity_t *id, hars_est_e rc,
    char *error);


hars_est_e
hars_est(const hars_est_t *est, hars_identity_t *id,
    char error[HARS_EST_ERROR])
{
    hars_est_e   rc;
    hars_text_t  roots;

    memset(&roots, 0, sizeof(roots));

    rc = hars_est_authorities(est, id, &roots, error);

    if (rc == HARS_EST_OK) {
        rc = hars_est_request(est, id, &roots, error);
    }

    hars_text_free(&roots);

    return rc;
}


/* RFC 7030, 4.1.1: authenticated by TLS, or by the fingerprint */
static hars_est_e
hars_est_authorities(const hars_est_t *est, hars_identity_t *id,
    hars_text_t *roots, char *error)
{
    hars_est_e     rc;
    hars_call_t    call;
    hars_answer_t  answer;

    memset(&call, 0, sizeof(call));
    memset(&answer, 0, sizeof(answer));

    call.path = HARS_EST_PATH "cacerts";
    call.accept = HARS_EST_ACCEPT;
    call.get = 1;
    call.anonymous = 1;
    call.unverified = (est->peer.cacert == NULL);

    rc = hars_est_call(est, &call, &answer, error);

    if (rc == HARS_EST_OK
        && (hars_identity_authorities(id, answer.body.data, answer.body.len,
                                      est->fingerprint) != HARS_OK
            || hars_identity_roots(id, roots) != HARS_OK))
    {
        rc = hars_est_failed(id, HARS_EST_REFUSED, error);
    }

    hars_text_free(&answer.body);

    return rc;
}


static hars_est_e
hars_est_request(const hars_est_t *est, hars_identity_t *id,
    const hars_text_t *roots, char *error)
{
    hars_est_e     rc;
    hars_call_t    call;
    hars_text_t    body;
    hars_answer_t  answer;

    memset(&call, 0, sizeof(call));
    memset(&body, 0, sizeof(body));
    memset(&answer, 0, sizeof(answer));

    if (hars_identity_request(id, &body) != HARS_OK) {
        hars_text_free(&body);
        return hars_est_failed(id, HARS_EST_OWN, error);
    }

    call.path = est->client_id ? HARS_EST_PATH "simpleenroll"
                               : HARS_EST_PATH "simplereenroll";
    call.type = "application/pkcs10";
    call.accept = HARS_EST_ACCEPT;
    call.body = body.data;
    call.len = body.len;
    call.anonymous = (est->client_id != NULL);
    call.roots = (est->peer.cacert == NULL) ? roots : NULL;
    call.user = est->client_id;
    call.password = est->secret;

    rc = hars_est_call(est, &call, &answer, error);

    if (rc == HARS_EST_OK
        && (hars_identity_take(id, answer.body.data, answer.body.len,
                               est->client_id) != HARS_OK
            || hars_identity_write(id, est->peer.cert) != HARS_OK))
    {
        rc = hars_est_failed(id, HARS_EST_REFUSED, error);
    }

    hars_text_free(&answer.body);
    hars_text_free(&body);

    return rc;
}


static hars_est_e
hars_est_call(const hars_est_t *est, const hars_call_t *call,
    hars_answer_t *answer, char *error)
{
    int            called;
    hars_est_e     rc;
    hars_https_t  *https;

    https = hars_https_create(&est->peer);

    if (https == NULL) {
        snprintf(error, HARS_EST_ERROR, "there is no memory");
        return HARS_EST_CONNECT;
    }

    called = hars_https_call(https, call, answer);

    if (called != HARS_OK) {
        snprintf(error, HARS_EST_ERROR, "%s", answer->error);
        rc = (called == HARS_DECLINED) ? HARS_EST_OWN : HARS_EST_CONNECT;

    } else {
        rc = hars_est_answered(call, answer, error);
    }

    hars_https_free(https);

    return rc;
}


static hars_est_e
hars_est_answered(const hars_call_t *call, const hars_answer_t *answer,
    char *error)
{
    if (answer->status == 200) {
        return HARS_EST_OK;
    }

    snprintf(error, HARS_EST_ERROR, "%s: status %ld%s\n%.*s", call->path,
             answer->status, answer->withheld
             ? ", the certificate was not shown, since the server does not "
               "name its authority" : "",
             answer->body.len < 600 ? (int) answer->body.len : 600,
             answer->body.data ? answer->body.data : "");

    error[strcspn(error, "\r")] = '\0';

    return HARS_EST_REFUSED;
}


static hars_est_e
hars_est_failed(hars_identity_t *id, hars_est_e rc, char *error)
{
    snprintf(error, HARS_EST_ERROR, "%s", hars_identity_error(id));

    return rc;
}
