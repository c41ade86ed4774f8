
/* See hars_dcm_access.h for what this is.  Nothing here asks anything. */

#include "hars_dcm_access.h"

#include <string.h>


typedef struct {
    const char  *name;
    unsigned     scopes;                  /* of the token: one of these */
    unsigned     needs;                   /* of the connection: this one */
    unsigned     own:1;
    unsigned     caregiver:1;
    unsigned     doctor:1;
    unsigned     fog:1;
} hars_access_rule_t;


static int hars_access_own(const hars_who_t *who, const char *patient);
static int hars_access_connected(const hars_who_t *who,
    const hars_access_rule_t *rule, const hars_connection_t *connection,
    int64_t now_ms);


static const hars_access_rule_t  hars_access_rules[] = {

    [HARS_LOOK_PROFILE] =
    { .name = "profile",
      .scopes = HARS_SCOPE_ACTIVITIES_READ,
      .needs = HARS_SCOPE_ACTIVITIES_READ,
      .own = 1, .caregiver = 1, .doctor = 1 },

    [HARS_LOOK_ACTIVITIES] =
    { .name = "activities",
      .scopes = HARS_SCOPE_ACTIVITIES_READ,
      .needs = HARS_SCOPE_ACTIVITIES_READ,
      .own = 1, .caregiver = 1, .doctor = 1 },

    [HARS_LOOK_SAMPLES] =
    { .name = "samples",
      .scopes = HARS_SCOPE_SAMPLES_READ,
      .needs = HARS_SCOPE_SAMPLES_READ,
      .own = 1, .doctor = 1 },

    [HARS_LOOK_EXPORT] =
    { .name = "export",
      .scopes = HARS_SCOPE_SAMPLES_READ,
      .needs = HARS_SCOPE_SAMPLES_READ,
      .own = 1, .doctor = 1 },

    [HARS_LOOK_CONSENT] =
    { .name = "consent",
      .scopes = HARS_SCOPE_ACTIVITIES_READ | HARS_SCOPE_CONSENT_WRITE,
      .own = 1 },

    [HARS_DO_CONSENT] =
    { .name = "consent",
      .scopes = HARS_SCOPE_CONSENT_WRITE,
      .own = 1 },

    [HARS_DO_ERASE] =
    { .name = "erase",
      .scopes = HARS_SCOPE_CONSENT_WRITE,
      .own = 1 },

    [HARS_DO_RECORD] =
    { .name = "record",
      .scopes = HARS_SCOPE_RECORDINGS_WRITE,
      .own = 1 },

    [HARS_DO_RELAY] =
    { .name = "relay",
      .scopes = HARS_SCOPE_RECORDINGS_FOG,
      .fog = 1 }
};


unsigned
hars_access_scopes(hars_access_what_e what)
{
    return hars_access_rules[what].scopes;
}


const char *
hars_access_name(hars_access_what_e what)
{
    return hars_access_rules[what].name;
}


int
hars_access(const hars_who_t *who, hars_access_what_e what,
    const char *patient, const hars_connection_t *connection, int64_t now_ms,
    hars_access_t *access)
{
    const hars_access_rule_t  *rule;

    memset(access, 0, sizeof(hars_access_t));

    rule = &hars_access_rules[what];

    if ((who->scopes & rule->scopes) == 0) {
        return HARS_DECLINED;
    }

    if (rule->own && hars_access_own(who, patient) == HARS_OK) {
        access->own = 1;
        access->since_ms = INT64_MIN;
        access->until_ms = INT64_MAX;
        return HARS_OK;
    }

    if (rule->fog && who->kind == HARS_WHO_FOG_NODE) {
        return HARS_OK;
    }

    if (connection == NULL
        || hars_access_connected(who, rule, connection, now_ms) != HARS_OK)
    {
        return HARS_DECLINED;
    }

    access->since_ms = connection->since_ms;
    access->until_ms = connection->until_ms ? connection->until_ms
                                            : INT64_MAX;

    return HARS_OK;
}


static int
hars_access_own(const hars_who_t *who, const char *patient)
{
    return who->kind == HARS_WHO_PATIENT && strcmp(who->sub, patient) == 0
           ? HARS_OK : HARS_DECLINED;
}


/* a doctor is one by registration and by the patient's word */
static int
hars_access_connected(const hars_who_t *who, const hars_access_rule_t *rule,
    const hars_connection_t *connection, int64_t now_ms)
{
    unsigned  may;

    if (who->kind == HARS_WHO_DOCTOR && connection->doctor) {
        may = rule->doctor;

    } else if (who->kind == HARS_WHO_DOCTOR
               || who->kind == HARS_WHO_CAREGIVER)
    {
        may = rule->caregiver;

    } else {
        may = 0;
    }

    return may
           && (connection->scopes & rule->needs)
           && connection->since_ms <= now_ms
           && (connection->until_ms == 0 || now_ms < connection->until_ms)
           ? HARS_OK : HARS_DECLINED;
}


int
hars_access_upload(const hars_who_t *who, const char *patient,
    const char *uploader_sub, const char *uploader_client)
{
    if (hars_access_own(who, patient) == HARS_OK) {
        return HARS_OK;
    }

    return (who->kind == HARS_WHO_PATIENT || who->kind == HARS_WHO_FOG_NODE)
           && strcmp(who->sub, uploader_sub) == 0
           && strcmp(who->client, uploader_client) == 0
           ? HARS_OK : HARS_DECLINED;
}
