
/*
 * Confirmed sessions in the database: which device's and fog node's, and from
 * when to when.  They are told for 30 days after their end, for recordings
 * that come late.
 */

#ifndef HARS_FC_SESSION_H
#define HARS_FC_SESSION_H


#include "hars_fc_endpoints.h"


#define HARS_FC_RECORD  4096              /* bytes of a first record at most */


typedef struct {
    unsigned char   sid[HARS_AKA_SID];
    uint64_t        device;               /* numbers of parties */
    uint64_t        fog;
    int64_t         start_ms;
    int64_t         end_ms;
} hars_fc_session_t;


/* of the path; HARS_ERROR after it answered 404 */
int hars_fc_session_sid(hars_request_t *r, unsigned char sid[HARS_AKA_SID]);

/* 404 */
void hars_fc_session_none(hars_request_t *r);

/*
 * Inside a transaction: the device's session of before ends where this one
 * begins; this one ends where a later one began (end_ms is changed then).
 */
int hars_fc_session_insert(hars_db_t *db, hars_fc_session_t *session);

/* HARS_DECLINED: there is none, HARS_ERROR: logged */
int hars_fc_session_find(hars_fc_t *fc,
    const unsigned char sid[HARS_AKA_SID], hars_fc_session_t *session);

/* those that nobody may ask for any more; HARS_ERROR: logged */
int hars_fc_session_purge(hars_fc_t *fc, int64_t now);

/* 200: sid, start, end */
void hars_fc_session_answer(hars_request_t *r,
    const hars_fc_session_t *session);


#endif /* HARS_FC_SESSION_H */
