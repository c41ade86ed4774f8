
/* See hars_grant.h for what this is. */

#include "hars_grant.h"
#include "hars_pace.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define HARS_GRANT_LIFE    60             /* s, where it does not say */
#define HARS_GRANT_MARGIN  5000           /* ms: no good for a call */
#define HARS_GRANT_AGAIN   5000           /* ms, to the next try meanwhile */


struct hars_grant_s {
    const hars_grant_conf_t  *conf;

    pthread_mutex_t           mutex;      /* of what follows */
    pthread_cond_t            cond;
    unsigned                  asking:1;   /* somebody does */
    unsigned                  fresh:1;    /* is to be the connection */
    unsigned                  failed:1;   /* the last one who asked */
    unsigned                  asked;      /* how often, with an outcome */
    hars_answer_t             failure;    /* why it failed, without a body */
    uint64_t                  certificate;     /* that the token is bound to */
    hars_granted_t            granted;    /* serial 0: none yet */
    int64_t                   renew;      /* monotonic ms */
    int64_t                   end;

    hars_https_t             *https;      /* of who is asking */
};


static int hars_grant_wait(hars_grant_t *grant, int64_t *now);
static int hars_grant_ask(hars_grant_t *grant, hars_answer_t *answer);
static int hars_grant_call(hars_grant_t *grant, hars_answer_t *answer);
static unsigned hars_grant_stop(void *data);
static int hars_grant_take(hars_grant_t *grant, const hars_answer_t *answer);
static int64_t hars_grant_now(void);


hars_grant_t *
hars_grant_create(const hars_grant_conf_t *conf)
{
    hars_grant_t  *grant;

    grant = calloc(1, sizeof(hars_grant_t));

    if (grant == NULL) {
        return NULL;
    }

    grant->conf = conf;
    pthread_mutex_init(&grant->mutex, NULL);
    pthread_cond_init(&grant->cond, NULL);

    return grant;
}


void
hars_grant_free(hars_grant_t *grant)
{
    if (grant) {
        hars_https_free(grant->https);
        pthread_cond_destroy(&grant->cond);
        pthread_mutex_destroy(&grant->mutex);
        OPENSSL_cleanse(grant, sizeof(hars_grant_t));
        free(grant);
    }
}


int
hars_grant_get(hars_grant_t *grant, hars_granted_t *granted,
    hars_answer_t *answer)
{
    int      rc;
    int64_t  now;

    pthread_mutex_lock(&grant->mutex);

    rc = hars_grant_wait(grant, &now);

    if (rc != HARS_OK) {
        *answer = grant->failure;

    } else if (now >= grant->renew && !grant->asking) {
        rc = hars_grant_ask(grant, answer);
        now = hars_grant_now();

        /* what is still good is better than nothing */

        if (rc != HARS_OK && now < grant->end) {
            grant->renew = now + HARS_GRANT_AGAIN < grant->end
                           ? now + HARS_GRANT_AGAIN : grant->end;
            rc = HARS_OK;
        }
    }

    if (rc == HARS_OK) {
        *granted = grant->granted;
    }

    pthread_mutex_unlock(&grant->mutex);

    return rc;
}


/*
 * Until nobody asks, or there is one that is good: what time it is then.
 * HARS_ERROR: who asked meanwhile failed; each by itself would wait as long
 * for the same, one after the other.
 */
static int
hars_grant_wait(hars_grant_t *grant, int64_t *now)
{
    unsigned  asked;

    asked = grant->asked;

    for ( ;; ) {
        if (grant->certificate != hars_https_certificate(&grant->conf->peer)) {
            grant->renew = grant->end = 0;
        }

        *now = hars_grant_now();

        if (*now < grant->end) {
            return HARS_OK;
        }

        if (grant->asked != asked && grant->failed) {
            return HARS_ERROR;
        }

        if (!grant->asking) {
            return HARS_OK;
        }

        pthread_cond_wait(&grant->cond, &grant->mutex);
    }
}


/* the mutex is held before and after, not meanwhile */
static int
hars_grant_ask(hars_grant_t *grant, hars_answer_t *answer)
{
    int       rc;
    unsigned  fresh;
    uint64_t  certificate;

    grant->asking = 1;
    fresh = grant->fresh;
    grant->fresh = 0;
    pthread_mutex_unlock(&grant->mutex);

    /* one that is replaced meanwhile is another one the next time */

    certificate = hars_https_certificate(&grant->conf->peer);

    if (grant->https == NULL) {
        grant->https = hars_https_create(&grant->conf->peer);

    } else if (fresh) {
        hars_https_fresh(grant->https);
    }

    rc = grant->https ? hars_grant_call(grant, answer) : HARS_ERROR;

    pthread_mutex_lock(&grant->mutex);
    grant->asking = 0;

    if (rc == HARS_OK) {
        rc = hars_grant_take(grant, answer);
        grant->certificate = certificate;
    }

    hars_text_free(&answer->body);

    grant->asked++;
    grant->failed = (rc != HARS_OK);

    if (grant->failed) {
        grant->failure = *answer;
    }

    pthread_cond_broadcast(&grant->cond);

    return rc;
}


static int
hars_grant_call(hars_grant_t *grant, hars_answer_t *answer)
{
    int          rc;
    hars_call_t  call;
    hars_text_t  form;

    memset(&call, 0, sizeof(call));
    memset(&form, 0, sizeof(form));

    /* RFC 6749, 4.4.2; RFC 8707, 2; RFC 8705, 2: beside the certificate */

    hars_text_form(&form, "grant_type", "client_credentials");
    hars_text_form(&form, "client_id", grant->conf->client_id);
    hars_text_form(&form, "scope", grant->conf->scope);
    hars_text_form(&form, "resource", grant->conf->resource);

    call.path = "/oauth2/token";
    call.seconds = grant->conf->seconds;
    call.stop = hars_grant_stop;
    call.data = grant;
    call.type = "application/x-www-form-urlencoded";
    call.body = form.data;
    call.len = form.len;

    rc = form.failed ? HARS_ERROR
                     : hars_https_call(grant->https, &call, answer);
    hars_text_free(&form);

    if (rc == HARS_OK && answer->status != 200) {
        snprintf(answer->error, sizeof(answer->error), "no token: status "
                 "%ld %.*s", answer->status,
                 answer->body.len < 300 ? (int) answer->body.len : 300,
                 answer->body.data ? answer->body.data : "");
        rc = HARS_ERROR;
    }

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


static unsigned
hars_grant_stop(void *data)
{
    return atomic_load(((hars_grant_t *) data)->conf->stop);
}


static int
hars_grant_take(hars_grant_t *grant, const hars_answer_t *answer)
{
    long           life;
    int64_t        now;
    unsigned char  random;

    if (answer->body.len == 0
        || hars_token_response(&answer->body, grant->granted.token, &life)
           != HARS_OK)
    {
        hars_log_error("the authorization server's answer has no token");
        return HARS_ERROR;
    }

    if (life == 0) {
        life = HARS_GRANT_LIFE;
    }

    if (RAND_bytes(&random, 1) != 1) {
        random = 0;
    }

    now = hars_grant_now();
    grant->granted.serial++;
    grant->renew = now + hars_pace_token(life, random);
    grant->end = now + (int64_t) life * 1000 - HARS_GRANT_MARGIN;

    return HARS_OK;
}


void
hars_grant_refused(hars_grant_t *grant, unsigned long serial)
{
    pthread_mutex_lock(&grant->mutex);

    if (grant->granted.serial == serial) {
        grant->renew = grant->end = 0;
        grant->fresh = 1;
    }

    pthread_mutex_unlock(&grant->mutex);
}


static int64_t
hars_grant_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
