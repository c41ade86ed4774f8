
/* See hars_dcm_session.h for what this is. */

#include "hars_dcm_session.h"

#include <math.h>
#include <string.h>

#include <jansson.h>


#define HARS_FOG_EVER  253402300800.0     /* s: the year 10000 */


static int hars_fog_session_text(const json_t *root, const char *name,
    char dst[HARS_WHO_ID]);
static int hars_fog_session_time(const json_t *root, const char *name,
    int64_t *ms);


unsigned
hars_fog_session_id(const char *sid)
{
    return strlen(sid) == HARS_FOG_SID - 1
           && sid[strspn(sid, "0123456789abcdef")] == '\0';
}


int
hars_fog_session_read(const char *body, size_t len,
    hars_fog_session_t *session)
{
    int      rc;
    json_t  *root;

    memset(session, 0, sizeof(hars_fog_session_t));
    root = body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

    rc = hars_fog_session_text(root, "patient", session->patient) == HARS_OK
         && hars_fog_session_text(root, "device", session->device) == HARS_OK
         && hars_fog_session_text(root, "fog_client_id", session->client)
            == HARS_OK
         && hars_fog_session_time(root, "start", &session->start_ms)
            == HARS_OK
         && hars_fog_session_time(root, "end", &session->end_ms) == HARS_OK
         && session->start_ms <= session->end_ms
         ? HARS_OK : HARS_ERROR;

    json_decref(root);

    return rc;
}


unsigned
hars_fog_session_none(const char *body, size_t len, const char *sid)
{
    json_t      *root;
    unsigned     none;
    const char  *text;

    root = body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    text = json_string_value(json_object_get(root, "sid"));
    none = text && strcmp(text, sid) == 0;

    json_decref(root);

    return none;
}


/* visible characters, as in hars_who_t */
static int
hars_fog_session_text(const json_t *root, const char *name,
    char dst[HARS_WHO_ID])
{
    size_t       i, len;
    json_t      *value;
    const char  *text;

    value = json_object_get(root, name);
    text = json_string_value(value);
    len = json_string_length(value);

    if (text == NULL || len == 0 || len >= HARS_WHO_ID) {
        return HARS_ERROR;
    }

    for (i = 0; i < len; i++) {
        if (text[i] <= 0x20 || text[i] >= 0x7f) {
            return HARS_ERROR;
        }
    }

    memcpy(dst, text, len);

    return HARS_OK;
}


/* s since 1970 */
static int
hars_fog_session_time(const json_t *root, const char *name, int64_t *ms)
{
    double   seconds;
    json_t  *value;

    value = json_object_get(root, name);
    seconds = json_number_value(value);

    if (!json_is_number(value) || !(seconds >= 0 && seconds < HARS_FOG_EVER))
    {
        return HARS_ERROR;
    }

    *ms = llround(seconds * 1000);

    return HARS_OK;
}


unsigned
hars_fog_session_holds(const hars_fog_session_t *session, int64_t start_ms,
    int64_t end_ms)
{
    return start_ms >= session->start_ms - HARS_FOG_EARLY_MS
           && end_ms <= session->end_ms + HARS_FOG_LATE_MS;
}
