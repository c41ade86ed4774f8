
/* What the answers about people have in common; see hars_dcm_people.h. */

#include "hars_dcm_people.h"
#include "hars_dcm_reply.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>


/* of a time in seconds: till 2286 with its milliseconds */
#define HARS_PEOPLE_DIGITS  13


static json_t *hars_people_list(unsigned scopes);
static void hars_people_name_of(const char *table, const char *patient,
    const char *other, char name[HARS_VAULT_NAME]);


json_t *
hars_people_json(const hars_connected_t *person, int64_t now_ms)
{
    const char               *state;
    const hars_connection_t  *c;

    c = &person->connection;

    state = c->since_ms > now_ms ? "not yet"
            : c->until_ms && c->until_ms <= now_ms ? "ended"
            : "connected";

    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:s}",
                     "id", person->id,
                     "name", hars_people_name(person->name),
                     "role", c->doctor ? "doctor" : "caregiver",
                     "scopes", hars_people_list(c->scopes),
                     "since", hars_people_time(c->since_ms),
                     "until", hars_people_time(c->until_ms),
                     "created", hars_people_time(person->created_ms),
                     "state", state);
}


static json_t *
hars_people_list(unsigned scopes)
{
    json_t    *list;
    unsigned   bit;

    list = json_array();

    for (bit = 1; bit <= HARS_SCOPE_CONSENT_WRITE; bit <<= 1) {
        if (scopes & bit) {
            json_array_append_new(list, json_string(hars_who_scope_name(bit)));
        }
    }

    return list;
}


json_t *
hars_people_time(int64_t ms)
{
    return ms == 0 ? json_null()
           : ms % 1000 ? json_real((double) ms / 1000)
           : json_integer(ms / 1000);
}


json_t *
hars_people_name(const char *name)
{
    return name[0] ? json_string(name) : json_null();
}


void
hars_people_reply(hars_request_t *r, unsigned status, json_t *root)
{
    hars_dcm_reply(r, status, root, HARS_PEOPLE_DIGITS);
}


void
hars_people_failed(hars_request_t *r, unsigned full, const char *detail)
{
    if (full) {
        hars_reply_problem(r, 507, "The disk is full: nothing was changed.");

    } else {
        hars_reply_problem(r, 503, detail);
    }
}


void
hars_people_refuse(hars_request_t *r, const hars_refusal_t *refusal)
{
    char    *text;
    json_t  *root;

    if (refusal->field == NULL) {
        hars_reply_problem(r, refusal->status, refusal->detail);
        return;
    }

    root = json_pack("{s:s, s:s, s:i, s:s, s:s}",
                     "type", "about:blank",
                     "title", "Unprocessable Content",
                     "status", (int) refusal->status,
                     "detail", refusal->detail,
                     "field", refusal->field);

    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);

    /* no memory: no answer makes it a 500 */

    if (text) {
        hars_reply_header(r, "Cache-Control", "no-store");
        hars_reply(r, refusal->status, HARS_PROBLEM_TYPE, text,
                   strlen(text));
    }
}


void
hars_people_scopes(unsigned scopes, char text[HARS_PEOPLE_SCOPES])
{
    unsigned  bit;

    text[0] = '\0';

    for (bit = 1; bit <= HARS_SCOPE_CONSENT_WRITE; bit <<= 1) {
        if (scopes & bit) {
            strcat(text, text[0] ? " " : "");
            strcat(text, hars_who_scope_name(bit));
        }
    }
}


int
hars_people_seal(const hars_patient_key_t *key, const char *table,
    const char *patient, const char *other, const char *name,
    unsigned char sealed[HARS_NAME_SIZE + HARS_VAULT_SEAL], size_t *len)
{
    char  of[HARS_VAULT_NAME];

    *len = 0;

    if (name[0] == '\0') {
        return HARS_OK;
    }

    hars_people_name_of(table, patient, other, of);
    *len = strlen(name) + HARS_VAULT_SEAL;

    return hars_seal_bytes(key, of, name, strlen(name), sealed);
}


static void
hars_people_name_of(const char *table, const char *patient,
    const char *other, char name[HARS_VAULT_NAME])
{
    hars_seal_name(name, table, patient, "%s\nname", other);
}


int
hars_people_open(const hars_patient_key_t *key, const char *table,
    const char *patient, const char *other, const unsigned char *sealed,
    size_t len, char name[HARS_NAME_SIZE])
{
    char  of[HARS_VAULT_NAME];

    name[0] = '\0';

    if (len == 0) {
        return HARS_OK;
    }

    if (len <= HARS_VAULT_SEAL || len >= HARS_NAME_SIZE + HARS_VAULT_SEAL) {
        return HARS_ERROR;
    }

    hars_people_name_of(table, patient, other, of);

    if (hars_open_bytes(key, of, sealed, len, (unsigned char *) name)
        != HARS_OK)
    {
        name[0] = '\0';
        return HARS_ERROR;
    }

    name[len - HARS_VAULT_SEAL] = '\0';

    return HARS_OK;
}
