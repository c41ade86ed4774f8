
/*
 * What is done with a session's key: records in six directions (5.4), and the
 * confirmation of a session by its device's first one.
 *
 * A record is  be64 number | text | tag 16 , sealed by the session's AEAD
 * under the key of its direction, the number in the nonce, sid | number as
 * AAD; it says nothing of its session, the link or the URL does.  Numbers
 * begin at 0 and grow; a gap is allowed, going back is not.
 */

#ifndef HARS_AKA_SESSION_H
#define HARS_AKA_SESSION_H


#include "aka.h"


#define HARS_AKA_RECORD  24              /* bytes that a record adds */


typedef enum {
    HARS_AKA_DEVICE_TO_FOG = 0,
    HARS_AKA_FOG_TO_DEVICE,
    HARS_AKA_DEVICE_TO_CLOUD,
    HARS_AKA_CLOUD_TO_DEVICE,
    HARS_AKA_FOG_TO_CLOUD,
    HARS_AKA_CLOUD_TO_FOG
} hars_aka_direction_e;


/* one direction at one end */
typedef struct {
    unsigned char  key[HARS_AKA_KEY];
    unsigned char  sid[HARS_AKA_SID];
    uint64_t       next;                 /* number to send, or least to take */
    unsigned char  suite;
} hars_aka_channel_t;


int hars_aka_channel(const hars_aka_session_t *session,
    hars_aka_direction_e direction, hars_aka_channel_t *channel);

/* len + HARS_AKA_RECORD bytes; HARS_AKA_SPENT after 2^64 - 1 of them */
int hars_aka_record_seal(hars_aka_channel_t *channel,
    const unsigned char *text, size_t len, unsigned char *record);

/*
 * The text, len - HARS_AKA_RECORD bytes, of a record of "len" bytes, and its
 * number.  HARS_AKA_DROP: not of this channel.  HARS_AKA_SEEN: it is, but its
 * number was passed, so it was opened before; no text.
 */
int hars_aka_record_open(hars_aka_channel_t *channel,
    const unsigned char *record, size_t len, unsigned char *text,
    uint64_t *number);

/*
 * The device's first record (number 0 of DEVICE_TO_FOG) at "now": the session
 * is confirmed, "text" is what the record says.  "channel" is of
 * DEVICE_TO_FOG and new.  HARS_AKA_EXPIRED after 30 s, HARS_AKA_SEEN where it
 * was confirmed before; HARS_AKA_DROP leaves it provisional.
 */
int hars_aka_session_confirm(hars_aka_session_t *session,
    hars_aka_channel_t *channel, const unsigned char *record, size_t len,
    int64_t now, unsigned char *text);

/* confirmed, or provisional for less than 30 s */
int hars_aka_session_alive(const hars_aka_session_t *session, int64_t now);

void hars_aka_session_wipe(hars_aka_session_t *session);
void hars_aka_channel_wipe(hars_aka_channel_t *channel);


#endif /* HARS_AKA_SESSION_H */
