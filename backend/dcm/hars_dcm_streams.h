
/*
 * Live streams of new activities: one thread looks after all of them.
 *
 *     window blocks -> event numbers of a patient -> every stream of the
 *                                                    patient, in order
 *
 * A stream ends when the token does, after a minute, when the connection of
 * who reads it does not allow it any more (within a second), or when the
 * client has gone.  It goes on where it ended, by Last-Event-ID.  What other
 * instances store is found in the database.
 */

#ifndef HARS_DCM_STREAMS_H
#define HARS_DCM_STREAMS_H


#include "hars_dcm_look.h"


#define HARS_STREAM_NOW  -1


typedef struct hars_streams_s  hars_streams_t;


/* NULL after the log has the cause */
hars_streams_t *hars_streams_start(hars_dcm_t *dcm);

/* ends all streams, while they are still served; NULL is allowed */
void hars_streams_stop(hars_streams_t *streams);
void hars_streams_free(hars_streams_t *streams);

/* something was stored; NULL is allowed */
void hars_streams_wake(hars_streams_t *streams);

/*
 * Answers with a stream of what comes behind this event (HARS_STREAM_NOW: all
 * that there is by now), or with 503.
 */
void hars_streams_open(hars_streams_t *streams, hars_request_t *r,
    const hars_look_t *look, int64_t event);


#endif /* HARS_DCM_STREAMS_H */
