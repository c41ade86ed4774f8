
/*
 * Whose a session of the fog is: hars-fogcloud is asked through the gateway,
 * with this service's certificate and a token of its own (fog:resolve).
 *
 *     remembered? -> somebody asks already: its answer -> ask
 *
 * Few wait at a time, so that the threads of the service are there for
 * others; who would be one more, and who asks while hars-fogcloud is away, is
 * told to come again.  Nothing is ever taken for known.
 */

#ifndef HARS_DCM_SESSIONS_H
#define HARS_DCM_SESSIONS_H


#include "hars_dcm.h"
#include "hars_dcm_session.h"


typedef struct hars_sessions_s  hars_sessions_t;


/* NULL after the log has the cause */
hars_sessions_t *hars_sessions_create(hars_dcm_t *dcm);
void hars_sessions_free(hars_sessions_t *sessions);

/* no call is waited for any more; NULL is allowed */
void hars_sessions_stop(hars_sessions_t *sessions);

/*
 * HARS_DECLINED: this client has no such session, or it ended more than 30
 * days ago; HARS_ERROR: nobody can say that now.  It waits.
 */
int hars_sessions_find(hars_sessions_t *sessions, const char *sid,
    const char *client, hars_fog_session_t *session);


#endif /* HARS_DCM_SESSIONS_H */
