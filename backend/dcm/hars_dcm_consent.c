
/* See hars_dcm_consent.h for what this is. */

#include "hars_dcm_consent.h"

#include <math.h>
#include <string.h>

#include <jansson.h>


#define HARS_CONSENT_LAST  4102444800.0   /* 2100, s */


static json_t *hars_consent_object(const char *body, size_t len,
    const char *const *members, hars_refusal_t *refusal);
static int hars_consent_role(hars_consent_t *consent, json_t *root,
    hars_refusal_t *refusal);
static int hars_consent_times(hars_consent_t *consent, json_t *root,
    int64_t now_ms, hars_refusal_t *refusal);
static int hars_consent_time(json_t *value, int64_t *ms);
static int hars_consent_scopes(hars_consent_t *consent, json_t *root,
    hars_refusal_t *refusal);
static int hars_consent_text(char name[HARS_NAME_SIZE], json_t *root,
    hars_refusal_t *refusal);
static int hars_consent_refused(hars_refusal_t *refusal, unsigned status,
    const char *field, const char *detail);


static const char *const  hars_consent_members[] = {
    "role", "until", "since", "scopes", "name", NULL
};

static const char *const  hars_consent_profile[] = { "name", NULL };


int
hars_consent_read(hars_consent_t *consent, const char *body, size_t len,
    int64_t now_ms, hars_refusal_t *refusal)
{
    int      rc;
    json_t  *root;

    memset(consent, 0, sizeof(hars_consent_t));

    root = hars_consent_object(body, len, hars_consent_members, refusal);

    if (root == NULL) {
        return HARS_DECLINED;
    }

    rc = hars_consent_role(consent, root, refusal);

    if (rc == HARS_OK) {
        rc = hars_consent_times(consent, root, now_ms, refusal);
    }

    if (rc == HARS_OK) {
        rc = hars_consent_scopes(consent, root, refusal);
    }

    if (rc == HARS_OK) {
        rc = hars_consent_text(consent->name, root, refusal);
    }

    json_decref(root);

    return rc;
}


int
hars_consent_name(char name[HARS_NAME_SIZE], const char *body, size_t len,
    hars_refusal_t *refusal)
{
    int      rc;
    json_t  *root;

    root = hars_consent_object(body, len, hars_consent_profile, refusal);

    if (root == NULL) {
        return HARS_DECLINED;
    }

    rc = json_object_get(root, "name")
         ? hars_consent_text(name, root, refusal)
         : hars_consent_refused(refusal, 422, "name", "name is needed: a "
                                "text, or null for none");

    json_decref(root);

    return rc;
}


/* a member that is not known may have been meant to change something */
static json_t *
hars_consent_object(const char *body, size_t len, const char *const *members,
    hars_refusal_t *refusal)
{
    json_t       *root, *value;
    unsigned      i;
    const char   *key;

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        hars_consent_refused(refusal, 400, NULL, "The body has to be one "
                             "JSON object, UTF-8, no member of it twice.");
        return NULL;
    }

    json_object_foreach(root, key, value) {

        for (i = 0; members[i] && strcmp(members[i], key) != 0; i++) {
            /* void */
        }

        if (members[i] == NULL) {
            json_decref(root);
            hars_consent_refused(refusal, 422, NULL, "The object has a "
                                 "member that means nothing here.");
            return NULL;
        }
    }

    return root;
}


static int
hars_consent_role(hars_consent_t *consent, json_t *root,
    hars_refusal_t *refusal)
{
    const char  *role;

    role = json_string_value(json_object_get(root, "role"));

    if (role && strcmp(role, "doctor") == 0) {
        consent->doctor = 1;
        return HARS_OK;
    }

    if (role && strcmp(role, "caregiver") == 0) {
        return HARS_OK;
    }

    return hars_consent_refused(refusal, 422, "role", "role has to be "
                                "\"caregiver\" or \"doctor\"");
}


static int
hars_consent_times(hars_consent_t *consent, json_t *root, int64_t now_ms,
    hars_refusal_t *refusal)
{
    json_t  *until, *since;

    until = json_object_get(root, "until");
    since = json_object_get(root, "since");

    if (!json_is_null(until)
        && (hars_consent_time(until, &consent->until_ms) != HARS_OK
            || consent->until_ms <= now_ms))
    {
        return hars_consent_refused(refusal, 422, "until", "until is needed: "
                                    "seconds since 1970, later than now and "
                                    "before 2100, or null for no end");
    }

    if (since == NULL || json_is_null(since)) {
        return HARS_OK;
    }

    if (hars_consent_time(since, &consent->since_ms) != HARS_OK
        || (consent->until_ms && consent->since_ms >= consent->until_ms))
    {
        return hars_consent_refused(refusal, 422, "since", "since has to be "
                                    "seconds since 1970, before until");
    }

    consent->has_since = 1;

    return HARS_OK;
}


static int
hars_consent_time(json_t *value, int64_t *ms)
{
    double  s;

    s = json_is_number(value) ? json_number_value(value) : -1;

    if (!(s >= 0 && s < HARS_CONSENT_LAST)) {
        return HARS_DECLINED;
    }

    *ms = (int64_t) llround(s * 1000);

    return HARS_OK;
}


/* those of the role, or fewer of them */
static int
hars_consent_scopes(hars_consent_t *consent, json_t *root,
    hars_refusal_t *refusal)
{
    size_t       i;
    json_t      *scopes, *value;
    unsigned     role, one;
    const char  *text;

    role = HARS_SCOPE_ACTIVITIES_READ
           | (consent->doctor ? HARS_SCOPE_SAMPLES_READ : 0);
    scopes = json_object_get(root, "scopes");

    if (scopes == NULL) {
        consent->scopes = role;
        return HARS_OK;
    }

    json_array_foreach(scopes, i, value) {
        text = json_string_value(value);
        one = text && strchr(text, ' ') == NULL ? hars_who_scopes(text) : 0;

        if ((one & role) == 0) {
            consent->scopes = 0;
            break;
        }

        consent->scopes |= one;
    }

    return consent->scopes
           ? HARS_OK
           : hars_consent_refused(refusal, 422, "scopes", "scopes has to be a "
                                  "list of at least one of activities:read "
                                  "and, for a doctor, samples:read");
}


static int
hars_consent_text(char name[HARS_NAME_SIZE], json_t *root,
    hars_refusal_t *refusal)
{
    json_t      *value;
    const char  *text;

    value = json_object_get(root, "name");
    text = json_string_value(value);
    name[0] = '\0';

    if (value == NULL || json_is_null(value)) {
        return HARS_OK;
    }

    if (text == NULL || hars_name_check(text) != HARS_OK) {
        return hars_consent_refused(refusal, 422, "name", "name has to be 1 "
                                    "to 200 bytes of visible characters, "
                                    "without blanks around, or null");
    }

    strcpy(name, text);

    return HARS_OK;
}


static int
hars_consent_refused(hars_refusal_t *refusal, unsigned status,
    const char *field, const char *detail)
{
    refusal->status = status;
    refusal->field = field;
    refusal->detail = detail;

    return HARS_DECLINED;
}
