
/* See hars_dcm_remember.h for what this is. */

#include "hars_dcm_remember.h"

#include <string.h>


static const hars_remembered_t *hars_remembered(
    const hars_remember_t *remember, const char *sid, const char *client);


int
hars_remember_get(const hars_remember_t *remember, const char *sid,
    const char *client, int64_t now, hars_fog_session_t *session)
{
    const hars_remembered_t  *entry;

    entry = hars_remembered(remember, sid, client);

    if (entry == NULL || now < entry->at
        || now >= entry->at + HARS_REMEMBER_MS)
    {
        return HARS_ERROR;
    }

    if (entry->none) {
        return HARS_DECLINED;
    }

    *session = entry->session;

    return HARS_OK;
}


static const hars_remembered_t *
hars_remembered(const hars_remember_t *remember, const char *sid,
    const char *client)
{
    unsigned                  i;
    const hars_remembered_t  *entry;

    for (i = 0; i < HARS_REMEMBER_N; i++) {
        entry = &remember->entry[i];

        if (entry->client[0] && strcmp(entry->sid, sid) == 0
            && strcmp(entry->client, client) == 0)
        {
            return entry;
        }
    }

    return NULL;
}


void
hars_remember_put(hars_remember_t *remember, const char *sid,
    const char *client, const hars_fog_session_t *session, int64_t now)
{
    hars_remembered_t        *entry;
    const hars_remembered_t  *there;

    there = hars_remembered(remember, sid, client);

    if (there) {
        entry = &remember->entry[there - remember->entry];

    } else {
        entry = &remember->entry[remember->next];
        remember->next = (remember->next + 1) % HARS_REMEMBER_N;
    }

    memset(entry, 0, sizeof(hars_remembered_t));
    strcpy(entry->sid, sid);
    strcpy(entry->client, client);
    entry->at = now;
    entry->none = session == NULL;

    if (session) {
        entry->session = *session;
    }
}
