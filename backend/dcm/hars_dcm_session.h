
/*
 * A session of the fog, as hars-fogcloud tells it to this service (GET
 * /v1/fog/sessions/{sid}): which patient's wearable it was, at which fog
 * node, from when to when; and which recordings are of it.  Pure functions.
 */

#ifndef HARS_DCM_SESSION_H
#define HARS_DCM_SESSION_H


#include "hars_who.h"


#define HARS_FOG_SID        33            /* hexadecimal, with its 0 */

/*
 * A wearable sends again, in a session, what it was not told to be kept in
 * the one before, and goes on with its own clock, which the key exchange
 * allows to be two minutes off.  The fog node ends a session that much before
 * its end that nothing else is late (hars_fn_session.c).
 */
#define HARS_FOG_EARLY_MS   (24 * 3600 * 1000)
#define HARS_FOG_LATE_MS    (120 * 1000)


typedef struct {
    char       patient[HARS_WHO_ID];      /* the sub */
    char       device[HARS_WHO_ID];       /* its alias */
    char       client[HARS_WHO_ID];       /* the fog node's */
    int64_t    start_ms;
    int64_t    end_ms;
} hars_fog_session_t;


/* is it a session's id? */
unsigned hars_fog_session_id(const char *sid);

/* HARS_ERROR: the answer tells of no session */
int hars_fog_session_read(const char *body, size_t len,
    hars_fog_session_t *session);

/*
 * Of a 404: does hars-fogcloud say that there is no such session, or somebody
 * on the way, who knows nothing of sessions?
 */
unsigned hars_fog_session_none(const char *body, size_t len,
    const char *sid);

/* may a recording from start_ms to end_ms be of it? */
unsigned hars_fog_session_holds(const hars_fog_session_t *session,
    int64_t start_ms, int64_t end_ms);


#endif /* HARS_DCM_SESSION_H */
