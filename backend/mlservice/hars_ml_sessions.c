
/*
 * The sessions that are open: so many at most, each its owner's alone, gone
 * when nobody asked for so long.  A session is found by an id that cannot be
 * guessed and by its owner; whose it is not, to him it is not there.
 *
 * One request has a session at a time.  An owner has an eighth of the room,
 * so that nobody is kept out by one client.
 */


#include "hars_ml_service.h"

#include <stdlib.h>
#include <string.h>


#define HARS_SESSIONS_SHARE  8


static void hars_sessions_sweep(hars_ml_t *ml, uint64_t now);
static unsigned hars_sessions_owned(const hars_sessions_t *st,
    const unsigned char *owner);
static unsigned hars_sessions_find(const hars_sessions_t *st, const char *id,
    const unsigned char *owner);
static void hars_session_free(hars_ml_t *ml, hars_session_t *session);


int
hars_sessions_init(hars_sessions_t *st, unsigned max, uint64_t idle)
{
    st->n = 0;
    st->max = max;
    st->idle = idle;
    st->session = calloc(max, sizeof(hars_session_t *));

    if (st->session == NULL) {
        return HARS_ERROR;
    }

    pthread_mutex_init(&st->lock, NULL);

    return HARS_OK;
}


void
hars_sessions_free(hars_ml_t *ml)
{
    hars_sessions_t  *st;

    st = &ml->sessions;

    while (st->n) {
        hars_session_free(ml, st->session[--st->n]);
    }

    free(st->session);
    pthread_mutex_destroy(&st->lock);
}


int
hars_sessions_create(hars_ml_t *ml, const char *id,
    const unsigned char *owner, uint64_t now, hars_session_t **session)
{
    unsigned          share;
    hars_session_t   *s;
    hars_sessions_t  *st;

    st = &ml->sessions;
    share = (st->max + HARS_SESSIONS_SHARE - 1) / HARS_SESSIONS_SHARE;

    s = calloc(1, sizeof(hars_session_t));
    if (s == NULL) {
        return HARS_ERROR;
    }

    memcpy(s->id, id, HARS_ML_STREAM_ID);
    memcpy(s->owner, owner, sizeof(s->owner));
    s->busy = 1;
    s->used = now;

    hars_sessions_sweep(ml, now);

    pthread_mutex_lock(&st->lock);

    if (st->n == st->max || hars_sessions_owned(st, owner) >= share) {
        pthread_mutex_unlock(&st->lock);
        free(s);
        return HARS_DECLINED;
    }

    st->session[st->n++] = s;
    pthread_mutex_unlock(&st->lock);

    *session = s;

    return HARS_OK;
}


static void
hars_sessions_sweep(hars_ml_t *ml, uint64_t now)
{
    unsigned          i;
    hars_session_t   *s;
    hars_sessions_t  *st;

    st = &ml->sessions;

    for ( ;; ) {
        s = NULL;
        pthread_mutex_lock(&st->lock);

        for (i = 0; i < st->n && s == NULL; i++) {
            s = st->session[i];

            if (s->busy || now <= s->used + st->idle) {
                s = NULL;
                continue;
            }

            st->session[i] = st->session[--st->n];
        }

        pthread_mutex_unlock(&st->lock);

        if (s == NULL) {
            return;
        }

        hars_session_free(ml, s);
    }
}


static unsigned
hars_sessions_owned(const hars_sessions_t *st, const unsigned char *owner)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < st->n; i++) {
        n += memcmp(st->session[i]->owner, owner, HARS_ML_DIGEST) == 0;
    }

    return n;
}


int
hars_sessions_take(hars_ml_t *ml, const char *id,
    const unsigned char *owner, uint64_t now, hars_session_t **session)
{
    int               rc;
    unsigned          i;
    hars_sessions_t  *st;

    st = &ml->sessions;
    rc = HARS_DECLINED;

    hars_sessions_sweep(ml, now);
    pthread_mutex_lock(&st->lock);

    i = hars_sessions_find(st, id, owner);

    if (i < st->n) {
        rc = st->session[i]->busy ? HARS_ML_BUSY : HARS_OK;
    }

    if (rc == HARS_OK) {
        *session = st->session[i];
        (*session)->busy = 1;
    }

    pthread_mutex_unlock(&st->lock);

    return rc;
}


static unsigned
hars_sessions_find(const hars_sessions_t *st, const char *id,
    const unsigned char *owner)
{
    unsigned  i;

    for (i = 0; i < st->n; i++) {
        if (strcmp(st->session[i]->id, id) == 0
            && memcmp(st->session[i]->owner, owner, HARS_ML_DIGEST) == 0)
        {
            break;
        }
    }

    return i;
}


void
hars_sessions_give(hars_ml_t *ml, hars_session_t *session, uint64_t now)
{
    pthread_mutex_lock(&ml->sessions.lock);
    session->used = now;
    session->busy = 0;
    pthread_mutex_unlock(&ml->sessions.lock);
}


void
hars_sessions_remove(hars_ml_t *ml, hars_session_t *session)
{
    unsigned          i;
    hars_sessions_t  *st;

    st = &ml->sessions;

    pthread_mutex_lock(&st->lock);

    for (i = 0; i < st->n; i++) {
        if (st->session[i] == session) {
            st->session[i] = st->session[--st->n];
            break;
        }
    }

    pthread_mutex_unlock(&st->lock);

    hars_session_free(ml, session);
}


static void
hars_session_free(hars_ml_t *ml, hars_session_t *session)
{
    if (session->shelf) {
        hars_shelf_release(ml, session->shelf);
    }

    free(session);
}
