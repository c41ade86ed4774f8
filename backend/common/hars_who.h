
/*
 * Who asks: what the gateway says of the token and its certificate, in the
 * headers Hars-*, which no client can set.  Nothing else of a request says
 * who somebody is.
 */

#ifndef HARS_WHO_H
#define HARS_WHO_H


#include "hars_http.h"
#include "hars_record.h"


typedef enum {
    HARS_WHO_OTHER = 0,                   /* a kind that may nothing here */
    HARS_WHO_PATIENT,
    HARS_WHO_CAREGIVER,
    HARS_WHO_DOCTOR,
    HARS_WHO_SERVICE,
    HARS_WHO_FOG_NODE,
    HARS_WHO_OPERATOR
} hars_who_kind_e;


/* bits; others of a token mean nothing here */
#define HARS_SCOPE_RECORDINGS_WRITE  0x01
#define HARS_SCOPE_RECORDINGS_FOG    0x02
#define HARS_SCOPE_ACTIVITIES_READ   0x04
#define HARS_SCOPE_SAMPLES_READ      0x08
#define HARS_SCOPE_CONSENT_WRITE     0x10
#define HARS_SCOPE_FOG_REGISTER      0x20
#define HARS_SCOPE_FOG_RELAY         0x40
#define HARS_SCOPE_FOG_RESOLVE       0x80

#define HARS_WHO_ID                  65   /* of a sub, a client, with its 0 */


typedef struct {
    char              sub[HARS_WHO_ID];
    char              client[HARS_WHO_ID];
    hars_who_kind_e   kind;
    unsigned          scopes;
    int64_t           exp;                /* of the token, s */
    unsigned char     cert[HARS_SHA256_LEN];
} hars_who_t;


/* HARS_ERROR after it answered 401 */
int hars_who(hars_request_t *r, hars_who_t *who);

/* the same, without an answer */
int hars_who_is(hars_request_t *r, hars_who_t *who);

/*
 * HARS_ERROR after it answered 403: the token has not this scope
 * (HARS_SCOPE_...).
 */
int hars_who_may(hars_request_t *r, const hars_who_t *who, unsigned scope);

/* the bits of scopes, parted by blanks; without those that mean nothing here */
unsigned hars_who_scopes(const char *text);

/* "patient" and so on; "" for a kind that may nothing here */
const char *hars_who_kind_name(hars_who_kind_e kind);

/* the name of one of these bits */
const char *hars_who_scope_name(unsigned scope);

/*
 * 1 to 64 characters of A-Z a-z 0-9 . _ -, and not dots alone, as ids in
 * bodies and URLs are
 */
int hars_id_check(const char *id);


#endif /* HARS_WHO_H */
