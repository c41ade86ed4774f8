
/* See hars_dcm_sessions.h for what this is. */

#include "hars_dcm_sessions.h"
#include "hars_dcm_remember.h"
#include "hars_log.h"
#include "hars_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_SESSIONS_ASKED    4          /* sessions at a time */
#define HARS_SESSIONS_WAIT     6          /* threads, of the server's 16 */
#define HARS_SESSIONS_SECONDS  5


/* one session that is being asked for */
typedef struct {
    unsigned             waiting;         /* for it; 0: free */
    unsigned             done:1;
    int                  rc;
    char                 sid[HARS_FOG_SID];
    char                 client[HARS_WHO_ID];
    hars_fog_session_t   session;
    hars_https_t        *https;           /* of who is asking */
} hars_sessions_call_t;


struct hars_sessions_s {
    hars_dcm_t           *dcm;
    hars_peer_t           peer;
    atomic_uint           stop;

    pthread_mutex_t       mutex;          /* of what follows */
    pthread_cond_t        cond;
    unsigned              waiting;        /* all of them */
    hars_remember_t       remember;
    hars_sessions_call_t  call[HARS_SESSIONS_ASKED];
};


static hars_sessions_call_t *hars_sessions_call(hars_sessions_t *sessions,
    const char *sid, const char *client);
static int hars_sessions_join(hars_sessions_t *sessions,
    hars_sessions_call_t *call, hars_fog_session_t *session);
static void hars_sessions_ask(hars_sessions_t *sessions,
    hars_sessions_call_t *call);
static int hars_sessions_get(hars_sessions_t *sessions,
    hars_sessions_call_t *call);
static int hars_sessions_judge(hars_sessions_call_t *call,
    const hars_answer_t *answer);
static unsigned hars_sessions_stops(void *data);
static int64_t hars_sessions_now(void);


hars_sessions_t *
hars_sessions_create(hars_dcm_t *dcm)
{
    hars_dcm_conf_t  *conf;
    hars_sessions_t  *sessions;

    sessions = calloc(1, sizeof(hars_sessions_t));

    if (sessions == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    conf = &dcm->conf;
    sessions->dcm = dcm;
    pthread_mutex_init(&sessions->mutex, NULL);
    pthread_cond_init(&sessions->cond, NULL);

    sessions->peer.grant_conf.seconds = HARS_SESSIONS_SECONDS;

    if (hars_peer_create(&sessions->peer, &conf->self, conf->fog_url,
                         conf->fog_resource, "fog:resolve", &sessions->stop)
        != HARS_OK)
    {
        hars_log_error("no memory");
        hars_sessions_free(sessions);
        return NULL;
    }

    return sessions;
}


void
hars_sessions_free(hars_sessions_t *sessions)
{
    unsigned  i;

    if (sessions) {
        for (i = 0; i < HARS_SESSIONS_ASKED; i++) {
            hars_https_free(sessions->call[i].https);
        }

        hars_peer_free(&sessions->peer);
        pthread_cond_destroy(&sessions->cond);
        pthread_mutex_destroy(&sessions->mutex);
        free(sessions);
    }
}


void
hars_sessions_stop(hars_sessions_t *sessions)
{
    if (sessions) {
        atomic_store(&sessions->stop, 1);
    }
}


int
hars_sessions_find(hars_sessions_t *sessions, const char *sid,
    const char *client, hars_fog_session_t *session)
{
    int                    rc;
    hars_sessions_call_t  *call;

    pthread_mutex_lock(&sessions->mutex);

    rc = hars_remember_get(&sessions->remember, sid, client,
                           hars_sessions_now(), session);

    if (rc == HARS_ERROR && sessions->waiting < HARS_SESSIONS_WAIT) {
        call = hars_sessions_call(sessions, sid, client);

        if (call) {
            rc = hars_sessions_join(sessions, call, session);
        }
    }

    pthread_mutex_unlock(&sessions->mutex);

    return rc;
}


/* one that asks for it, or a free one, which nobody waits for; NULL: none */
static hars_sessions_call_t *
hars_sessions_call(hars_sessions_t *sessions, const char *sid,
    const char *client)
{
    unsigned               i;
    hars_sessions_call_t  *call, *unused;

    unused = NULL;

    for (i = 0; i < HARS_SESSIONS_ASKED; i++) {
        call = &sessions->call[i];

        if (call->waiting == 0) {
            unused = call;

        } else if (!call->done && strcmp(call->sid, sid) == 0
                   && strcmp(call->client, client) == 0)
        {
            return call;
        }
    }

    if (unused) {
        strcpy(unused->sid, sid);
        strcpy(unused->client, client);
        unused->done = 0;
    }

    return unused;
}


/* the first one asks, without the mutex */
static int
hars_sessions_join(hars_sessions_t *sessions, hars_sessions_call_t *call,
    hars_fog_session_t *session)
{
    int  rc;

    sessions->waiting++;

    if (call->waiting++ == 0) {
        hars_sessions_ask(sessions, call);
    }

    while (!call->done) {
        pthread_cond_wait(&sessions->cond, &sessions->mutex);
    }

    rc = call->rc;

    if (rc == HARS_OK) {
        *session = call->session;
    }

    call->waiting--;
    sessions->waiting--;

    return rc;
}


static void
hars_sessions_ask(hars_sessions_t *sessions, hars_sessions_call_t *call)
{
    int  rc;

    pthread_mutex_unlock(&sessions->mutex);
    rc = hars_sessions_get(sessions, call);
    pthread_mutex_lock(&sessions->mutex);

    if (rc != HARS_ERROR) {
        hars_remember_put(&sessions->remember, call->sid, call->client,
                          rc == HARS_OK ? &call->session : NULL,
                          hars_sessions_now());
    }

    call->rc = rc;
    call->done = 1;
    pthread_cond_broadcast(&sessions->cond);
}


static int
hars_sessions_get(hars_sessions_t *sessions, hars_sessions_call_t *call)
{
    int             rc;
    char            path[64];
    hars_call_t     sent;
    hars_answer_t   answer;

    memset(&sent, 0, sizeof(sent));
    memset(&answer, 0, sizeof(answer));

    if (call->https == NULL) {
        call->https = hars_https_create(&sessions->peer.conf);
    }

    if (call->https == NULL) {
        return HARS_ERROR;
    }

    snprintf(path, sizeof(path), "/v1/fog/sessions/%s", call->sid);
    sent.path = path;
    sent.get = 1;
    sent.seconds = HARS_SESSIONS_SECONDS;
    sent.stop = hars_sessions_stops;
    sent.data = sessions;

    rc = hars_peer_call(&sessions->peer, call->https, &sent, &answer);

    if (rc == HARS_OK) {
        rc = hars_sessions_judge(call, &answer);

    } else {
        hars_log_warn("hars-fogcloud: %s", answer.error);
    }

    hars_text_free(&answer.body);

    return rc;
}


/* another fog node's is none: nobody can ask who has which */
static int
hars_sessions_judge(hars_sessions_call_t *call, const hars_answer_t *answer)
{
    if (answer->status == 404) {
        if (hars_fog_session_none(answer->body.data, answer->body.len,
                                  call->sid))
        {
            return HARS_DECLINED;
        }

        hars_log_warn("a 404 that is not of hars-fogcloud: see that fog_url "
                      "leads to it");
        return HARS_ERROR;
    }

    if (answer->status != 200
        || hars_fog_session_read(answer->body.data, answer->body.len,
                                 &call->session) != HARS_OK)
    {
        hars_log_warn("hars-fogcloud: status %ld, and no session",
                      answer->status);
        return HARS_ERROR;
    }

    return strcmp(call->session.client, call->client) == 0 ? HARS_OK
                                                           : HARS_DECLINED;
}


static unsigned
hars_sessions_stops(void *data)
{
    return atomic_load(&((hars_sessions_t *) data)->stop);
}


static int64_t
hars_sessions_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
