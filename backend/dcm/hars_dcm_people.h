
/*
 * The endpoints about people: who one is, what a patient is called, who is
 * connected, who looked.  One file for each path.
 *
 *     GET       /v1/me                                   hars_dcm_me.c
 *     GET, PUT  /v1/patients/{id}                        hars_dcm_profile.c
 *     GET       /v1/patients/{id}/caregivers             hars_dcm_caregivers.c
 *     PUT, DELETE  /v1/patients/{id}/caregivers/{cid}    hars_dcm_connect.c
 *     GET       /v1/patients/{id}/accesses               hars_dcm_accesses.c
 */

#ifndef HARS_DCM_PEOPLE_H
#define HARS_DCM_PEOPLE_H


#include "hars_dcm_consent.h"
#include "hars_dcm_look.h"
#include "hars_dcm_patient.h"

struct json_t;                            /* jansson */


#define HARS_PEOPLE_BODY     4096         /* bytes of a request */
#define HARS_PEOPLE_SCOPES   256          /* of a connection, as text */


/* a row of the table connection, as it is shown */
typedef struct {
    char                 id[HARS_DCM_ID];      /* the other one's sub */
    char                 name[HARS_NAME_SIZE];
    hars_connection_t    connection;
    int64_t              created_ms;
} hars_connected_t;


/* handlers that wait */
void hars_dcm_me(hars_request_t *r);
void hars_dcm_profile(hars_request_t *r);
void hars_dcm_profile_put(hars_request_t *r);
void hars_dcm_caregivers(hars_request_t *r);
void hars_dcm_connect(hars_request_t *r);
void hars_dcm_disconnect(hars_request_t *r);
void hars_dcm_accesses(hars_request_t *r);


/*
 * hars_dcm_people.c: what these answers have in common.  A connection as
 * JSON; NULL: no memory.
 */
struct json_t *hars_people_json(const hars_connected_t *person,
    int64_t now_ms);

/* of the query of a page of looks; a line's name is its minute and number */
typedef struct {
    int64_t    limit;
    int64_t    minute_ms;                 /* before this one */
    int64_t    n;
} hars_accesses_t;

/*
 * Rows as JSON behind a list: all connections; looks, the latest first, of
 * which "page" becomes the last one's.  HARS_DECLINED: these were all.
 */
int hars_caregivers_rows(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, struct json_t *list);
int hars_accesses_rows(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_accesses_t *page,
    struct json_t *list);

/* hars_dcm_profile.c: what a patient is called, "" for no name */
int hars_profile_name(hars_dcm_t *dcm, hars_db_t *db, const char *patient,
    char name[HARS_NAME_SIZE]);

/* seconds since 1970, null for 0 */
struct json_t *hars_people_time(int64_t ms);

/* name or null */
struct json_t *hars_people_name(const char *name);

/* takes "root", NULL: there was no memory; nobody may keep the answer */
void hars_people_reply(hars_request_t *r, unsigned status,
    struct json_t *root);

/* 507 where the disk is full, otherwise 503 for this reason */
void hars_people_failed(hars_request_t *r, unsigned full,
    const char *detail);

/* RFC 9457, with the member "field" where there is one */
void hars_people_refuse(hars_request_t *r, const hars_refusal_t *refusal);

/* as "activities:read samples:read" */
void hars_people_scopes(unsigned scopes, char text[HARS_PEOPLE_SCOPES]);

/*
 * A name as it is in the database: sealed, or nothing for no name.  The
 * sealed one is of "len" bytes; HARS_ERROR: it does not open.
 */
int hars_people_seal(const hars_patient_key_t *key, const char *table,
    const char *patient, const char *other, const char *name,
    unsigned char sealed[HARS_NAME_SIZE + HARS_VAULT_SEAL], size_t *len);
int hars_people_open(const hars_patient_key_t *key, const char *table,
    const char *patient, const char *other, const unsigned char *sealed,
    size_t len, char name[HARS_NAME_SIZE]);


#endif /* HARS_DCM_PEOPLE_H */
