
/*
 * Sessions of the fog that hars-fogcloud was asked for a moment ago, and those
 * that it did not know, for the client that asked: a few, for a few seconds.
 * So a session that ended is taken for open no longer than this.  Time is an
 * argument; who calls has a lock.
 */

#ifndef HARS_DCM_REMEMBER_H
#define HARS_DCM_REMEMBER_H


#include "hars_dcm_session.h"


#define HARS_REMEMBER_N   256
#define HARS_REMEMBER_MS  10000


typedef struct {
    char                 sid[HARS_FOG_SID];
    char                 client[HARS_WHO_ID];      /* "": a free place */
    unsigned             none:1;          /* of this client */
    int64_t              at;              /* ms, of a clock that goes on */
    hars_fog_session_t   session;
} hars_remembered_t;

/* zeroed at first */
typedef struct {
    unsigned             next;            /* the oldest one's place */
    hars_remembered_t    entry[HARS_REMEMBER_N];
} hars_remember_t;


/* HARS_DECLINED: there is no such session; HARS_ERROR: that is not known */
int hars_remember_get(const hars_remember_t *remember, const char *sid,
    const char *client, int64_t now, hars_fog_session_t *session);

/* "session" NULL: there is none of this client */
void hars_remember_put(hars_remember_t *remember, const char *sid,
    const char *client, const hars_fog_session_t *session, int64_t now);


#endif /* HARS_DCM_REMEMBER_H */
