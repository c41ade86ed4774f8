
/*
 * GET /v1/fog/sessions/{sid}: whose recordings those of a session are, for
 * the data collecting mechanism, till 30 days after its end.  The device goes
 * by its alias; its identity is between it and this service.
 */

#include "hars_fc_session.h"

#include <string.h>


static void hars_fc_session_tell(hars_request_t *r,
    const hars_fc_session_t *session);
static void hars_fc_session_unknown(hars_request_t *r,
    const unsigned char sid[HARS_AKA_SID]);


void
hars_fc_session_get(hars_request_t *r)
{
    int                 rc;
    hars_fc_t          *fc = r->data;
    hars_who_t          who;
    unsigned char       sid[HARS_AKA_SID];
    hars_fc_session_t   session;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, HARS_SCOPE_FOG_RESOLVE) != HARS_OK
        || hars_fc_session_sid(r, sid) != HARS_OK)
    {
        return;
    }

    rc = hars_fc_session_find(fc, sid, &session);

    if (rc == HARS_ERROR) {
        hars_fc_failed(r, 0);

    } else if (rc == HARS_DECLINED
               || session.end_ms + HARS_FC_KEPT_MS < hars_now())
    {
        hars_fc_session_unknown(r, sid);

    } else {
        hars_fc_session_tell(r, &session);
    }
}


static void
hars_fc_session_tell(hars_request_t *r, const hars_fc_session_t *session)
{
    char              alias[HARS_FC_ALIAS];
    hars_fc_t        *fc = r->data;
    hars_text_t       text;
    hars_fc_party_t  *device, *fog;

    hars_fc_parties_lock(fc->parties);
    device = hars_fc_parties_at(fc->parties, session->device);
    fog = hars_fc_parties_at(fc->parties, session->fog);
    hars_fc_parties_unlock(fc->parties);

    if (device == NULL || fog == NULL) {
        hars_fc_failed(r, 0);
        return;
    }

    memset(&text, 0, sizeof(hars_text_t));
    hars_fc_alias(device->name, alias);

    hars_text_print(&text, "{\"patient\":\"%s\",\"device\":\"%s\","
                    "\"fog_client_id\":\"%s\"", device->who, alias, fog->who);
    hars_fc_time(&text, "start", session->start_ms);
    hars_fc_time(&text, "end", session->end_ms);
    hars_text_puts(&text, "}");

    hars_fc_answer(r, 200, &text);
}


/*
 * RFC 9457, 3.2: the member sid is how the one who asks knows a 404 of this
 * service from that of a proxy.
 */
static void
hars_fc_session_unknown(hars_request_t *r,
    const unsigned char sid[HARS_AKA_SID])
{
    char         hex[2 * HARS_AKA_SID];
    hars_text_t  text;

    memset(&text, 0, sizeof(hars_text_t));
    hars_hex(hex, sid, HARS_AKA_SID);

    hars_text_puts(&text, "{\"type\":\"about:blank\","
                          "\"title\":\"Not Found\",\"status\":404,"
                          "\"detail\":\"There is no such session.\","
                          "\"sid\":\"");
    hars_text_add(&text, hex, sizeof(hex));
    hars_text_puts(&text, "\"}");

    if (text.failed) {
        hars_text_free(&text);
        hars_fc_failed(r, 0);
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, 404, HARS_PROBLEM_TYPE, text.data, text.len);
}
