
/*
 * See aka_session.h for what this is.  The device proves by its first record
 * that it has the key; until then fog node and cloud server hold the session
 * as provisional, and after 30 s not at all.  That is why four messages are
 * enough.
 *
 * SPEC 5.4 (record keys, confirmation).
 */

#include "aka_session.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


static void hars_aka_record_frame(const hars_aka_channel_t *channel,
    const unsigned char *number, unsigned char *nonce, unsigned char *aad);


static const char  *hars_aka_directions[] = {
    "fogaka1 d>f", "fogaka1 f>d", "fogaka1 d>c", "fogaka1 c>d",
    "fogaka1 f>c", "fogaka1 c>f"
};


int
hars_aka_channel(const hars_aka_session_t *session,
    hars_aka_direction_e direction, hars_aka_channel_t *channel)
{
    memset(channel, 0, sizeof(hars_aka_channel_t));
    memcpy(channel->sid, session->sid, HARS_AKA_SID);
    channel->suite = session->suite;

    return hars_aka_expand(channel->key, session->sk,
                           hars_aka_directions[direction], NULL, 0);
}


int
hars_aka_record_seal(hars_aka_channel_t *channel, const unsigned char *text,
    size_t len, unsigned char *record)
{
    int            rc;
    unsigned char  nonce[HARS_AKA_NONCE], aad[HARS_AKA_SID + 8];

    if (channel->next == UINT64_MAX) {
        return HARS_AKA_SPENT;
    }

    hars_aka_put(record, 8, channel->next);
    hars_aka_record_frame(channel, record, nonce, aad);

    rc = hars_aka_seal(channel->suite, channel->key, nonce, aad, sizeof(aad),
                       text, len, record + 8);

    if (rc == HARS_AKA_OK) {
        channel->next++;
    }

    return rc;
}


int
hars_aka_record_open(hars_aka_channel_t *channel,
    const unsigned char *record, size_t len, unsigned char *text,
    uint64_t *number)
{
    int            rc;
    unsigned char  nonce[HARS_AKA_NONCE], aad[HARS_AKA_SID + 8];

    if (len < HARS_AKA_RECORD) {
        return HARS_AKA_DROP;
    }

    hars_aka_record_frame(channel, record, nonce, aad);

    rc = hars_aka_open(channel->suite, channel->key, nonce, aad, sizeof(aad),
                       record + 8, len - HARS_AKA_RECORD, text);
    if (rc != HARS_AKA_OK) {
        return rc;
    }

    *number = hars_aka_get(record, 8);

    if (*number < channel->next || *number == UINT64_MAX) {
        hars_aka_wipe(text, len - HARS_AKA_RECORD);
        return HARS_AKA_SEEN;
    }

    channel->next = *number + 1;

    return HARS_AKA_OK;
}


/* nonce = be96 number, AAD = sid | be64 number */
static void
hars_aka_record_frame(const hars_aka_channel_t *channel,
    const unsigned char *number, unsigned char *nonce, unsigned char *aad)
{
    memset(nonce, 0, 4);
    memcpy(nonce + 4, number, 8);
    memcpy(aad, channel->sid, HARS_AKA_SID);
    memcpy(aad + HARS_AKA_SID, number, 8);
}


int
hars_aka_session_confirm(hars_aka_session_t *session,
    hars_aka_channel_t *channel, const unsigned char *record, size_t len,
    int64_t now, unsigned char *text)
{
    int       rc;
    uint64_t  number;

    if (session->confirmed) {
        return HARS_AKA_SEEN;
    }

    if (!hars_aka_session_alive(session, now)) {
        return HARS_AKA_EXPIRED;
    }

    if (len < HARS_AKA_RECORD || hars_aka_get(record, 8) != 0) {
        return HARS_AKA_DROP;
    }

    rc = hars_aka_record_open(channel, record, len, text, &number);

    if (rc == HARS_AKA_OK) {
        session->confirmed = 1;
    }

    return rc;
}


int
hars_aka_session_alive(const hars_aka_session_t *session, int64_t now)
{
    return session->confirmed
           || now - session->since < HARS_AKA_PROVISIONAL_MS;
}


void
hars_aka_session_wipe(hars_aka_session_t *session)
{
    hars_aka_wipe(session, sizeof(hars_aka_session_t));
}


void
hars_aka_channel_wipe(hars_aka_channel_t *channel)
{
    hars_aka_wipe(channel, sizeof(hars_aka_channel_t));
}
