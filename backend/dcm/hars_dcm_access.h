
/*
 * Who may do what, when: the one decision of all endpoints, and it is pure.
 *
 *     patient     everything of the own sub, as far as the token's scopes go
 *     caregiver   connected: name, activities, totals, heart rate
 *     doctor      connected as a doctor: samples and export, too
 *     fog node    sends recordings of its sessions, and sees nothing else
 *     all others  nothing; the data collecting mechanism itself is one of them
 *
 * A connection holds from "since" to "until" and shows data of that time
 * alone.  A scope that the token has not is told (403); that there is no
 * connection is not: it looks as if there were no such patient (404).
 */

#ifndef HARS_DCM_ACCESS_H
#define HARS_DCM_ACCESS_H


#include "hars_dcm.h"
#include "hars_who.h"


typedef enum {
    HARS_LOOK_PROFILE = 0,                /* the name */
    HARS_LOOK_ACTIVITIES,                 /* windows, days, live */
    HARS_LOOK_SAMPLES,
    HARS_LOOK_EXPORT,
    HARS_LOOK_CONSENT,                    /* who is connected, who looked */
    HARS_DO_CONSENT,                      /* connect, disconnect, the name */
    HARS_DO_ERASE,
    HARS_DO_RECORD,                       /* send a recording, as oneself */
    HARS_DO_RELAY                         /* of a wearable in the fog, whose
                                             session says whose it is */
} hars_access_what_e;


/* a row of the table connection */
typedef struct {
    unsigned   doctor:1;                  /* the role; otherwise caregiver */
    unsigned   scopes;                    /* HARS_SCOPE_..., those given */
    int64_t    since_ms;
    int64_t    until_ms;                  /* 0: no end */
} hars_connection_t;


/* data of since_ms <= start < until_ms is to be seen */
typedef struct {
    unsigned   own:1;                     /* by the patient */
    int64_t    since_ms;
    int64_t    until_ms;
} hars_access_t;


/* one of these the token has to have (HARS_SCOPE_...) */
unsigned hars_access_scopes(hars_access_what_e what);

/*
 * HARS_OK and what is to be seen, or HARS_DECLINED.  "connection" is the
 * asking sub's with this patient, NULL: there is none.
 */
int hars_access(const hars_who_t *who, hars_access_what_e what,
    const char *patient, const hars_connection_t *connection, int64_t now_ms,
    hars_access_t *access);

/*
 * May this one see what became of a recording?  HARS_OK: the patient's own,
 * or the upload of the same client of the same sub.
 */
int hars_access_upload(const hars_who_t *who, const char *patient,
    const char *uploader_sub, const char *uploader_client);

/* of the access log: "activities" and so on */
const char *hars_access_name(hars_access_what_e what);


#endif /* HARS_DCM_ACCESS_H */
