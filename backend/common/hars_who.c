
/* See hars_who.h for what this is. */

#include "hars_who.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const char  *name;
    unsigned     value;
} hars_who_name_t;


static int hars_who_id(hars_request_t *r, const char *name, char *dst);
static int hars_who_exp(hars_request_t *r, int64_t *exp);


static const hars_who_name_t  hars_who_kinds[] = {
    { "patient", HARS_WHO_PATIENT },
    { "caregiver", HARS_WHO_CAREGIVER },
    { "doctor", HARS_WHO_DOCTOR },
    { "service", HARS_WHO_SERVICE },
    { "fog_node", HARS_WHO_FOG_NODE },
    { "operator", HARS_WHO_OPERATOR },
    { NULL, HARS_WHO_OTHER }
};

static const hars_who_name_t  hars_who_scope[] = {
    { "recordings:write", HARS_SCOPE_RECORDINGS_WRITE },
    { "recordings:fog", HARS_SCOPE_RECORDINGS_FOG },
    { "activities:read", HARS_SCOPE_ACTIVITIES_READ },
    { "samples:read", HARS_SCOPE_SAMPLES_READ },
    { "consent:write", HARS_SCOPE_CONSENT_WRITE },
    { "fog:register", HARS_SCOPE_FOG_REGISTER },
    { "fog:relay", HARS_SCOPE_FOG_RELAY },
    { "fog:resolve", HARS_SCOPE_FOG_RESOLVE },
    { NULL, 0 }
};


int
hars_who(hars_request_t *r, hars_who_t *who)
{
    if (hars_who_is(r, who) == HARS_OK) {
        return HARS_OK;
    }

    hars_reply_problem(r, 401, "The gateway did not say who asks: this "
                       "wants a bound access token of a client.");

    return HARS_ERROR;
}


/* whatever is missing or odd: nobody */
int
hars_who_is(hars_request_t *r, hars_who_t *who)
{
    unsigned     i;
    const char  *value;

    memset(who, 0, sizeof(hars_who_t));

    if (hars_who_id(r, "Hars-Sub", who->sub) != HARS_OK
        || hars_who_id(r, "Hars-Client-Id", who->client) != HARS_OK
        || hars_who_exp(r, &who->exp) != HARS_OK
        || hars_request_header(r, "Hars-Cert-S256", &value) != HARS_OK
        || hars_b64url_sha256_decode(who->cert, value, strlen(value))
           != HARS_OK
        || hars_request_header(r, "Hars-Kind", &value) != HARS_OK)
    {
        return HARS_ERROR;
    }

    for (i = 0; hars_who_kinds[i].name; i++) {
        if (strcmp(hars_who_kinds[i].name, value) == 0) {
            break;
        }
    }

    who->kind = (hars_who_kind_e) hars_who_kinds[i].value;

    switch (hars_request_header(r, "Hars-Scope", &value)) {

    case HARS_OK:
        who->scopes = hars_who_scopes(value);
        return HARS_OK;

    case HARS_DECLINED:
        return HARS_OK;

    default:
        return HARS_ERROR;
    }
}


/* 1 to 64 visible characters */
static int
hars_who_id(hars_request_t *r, const char *name, char *dst)
{
    const char  *value, *p;

    if (hars_request_header(r, name, &value) != HARS_OK) {
        return HARS_ERROR;
    }

    for (p = value; *p > 0x20 && *p < 0x7f; p++) { /* void */ }

    if (*p || p == value || p - value >= HARS_WHO_ID) {
        return HARS_ERROR;
    }

    strcpy(dst, value);

    return HARS_OK;
}


static int
hars_who_exp(hars_request_t *r, int64_t *exp)
{
    char        *end;
    const char  *value;

    if (hars_request_header(r, "Hars-Exp", &value) != HARS_OK
        || *value < '0' || *value > '9' || strlen(value) > 12)
    {
        return HARS_ERROR;
    }

    *exp = strtoll(value, &end, 10);

    return *end ? HARS_ERROR : HARS_OK;
}


int
hars_who_may(hars_request_t *r, const hars_who_t *who, unsigned scope)
{
    if (who->scopes & scope) {
        return HARS_OK;
    }

    hars_reply_header(r, "WWW-Authenticate",
                      "Bearer error=\"insufficient_scope\"");
    hars_reply_problem(r, 403, "The access token has not the scope for "
                       "this.");

    return HARS_ERROR;
}


unsigned
hars_who_scopes(const char *text)
{
    size_t    len;
    unsigned  i, scopes;

    scopes = 0;

    while (*text) {
        len = strcspn(text, " ");

        for (i = 0; hars_who_scope[i].name; i++) {
            if (strlen(hars_who_scope[i].name) == len
                && strncmp(hars_who_scope[i].name, text, len) == 0)
            {
                scopes |= hars_who_scope[i].value;
            }
        }

        text += len;
        text += strspn(text, " ");
    }

    return scopes;
}


const char *
hars_who_scope_name(unsigned scope)
{
    unsigned  i;

    for (i = 0; hars_who_scope[i].name; i++) {
        if (hars_who_scope[i].value == scope) {
            break;
        }
    }

    return hars_who_scope[i].name;
}


const char *
hars_who_kind_name(hars_who_kind_e kind)
{
    unsigned  i;

    for (i = 0; hars_who_kinds[i].name; i++) {
        if (hars_who_kinds[i].value == kind) {
            return hars_who_kinds[i].name;
        }
    }

    return "";
}


int
hars_id_check(const char *id)
{
    size_t  len;

    len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._-");

    /* a path with a segment of dots alone is another path */

    return len && len < HARS_WHO_ID && id[len] == '\0'
           && id[strspn(id, ".")] != '\0' ? HARS_OK : HARS_DECLINED;
}
