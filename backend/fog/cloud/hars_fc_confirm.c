
/*
 * POST /v1/fog/sessions/{sid}/confirm: the device's first record (5.4), as
 * the fog node got it.  Only now the session is in the database, from the
 * time of its M3 till the next one of this device begins, or the longest time
 * of a session is over.
 *
 * Asked again it says the same again: an answer may have been lost.  One that
 * a revocation or a re-key has ended is not written, however late that came.
 * What the record says is the fog node's and DCM's matter, and wiped.
 */

#include "hars_fc_endpoints.h"
#include "hars_fc_provisional.h"
#include "hars_fc_rows.h"
#include "hars_fc_session.h"
#include "hars_route.h"

#include <string.h>


typedef struct {
    hars_fc_t               *fc;
    const hars_fc_open_t    *open;
    const char              *client;
    hars_fc_session_t        session;
} hars_fc_confirmed_t;


static int hars_fc_confirm_record(hars_fc_t *fc, hars_fc_open_t *open,
    const hars_request_t *r, int64_t now);
static int hars_fc_confirm_active(hars_fc_t *fc, const hars_fc_open_t *open,
    const char *client);
static void hars_fc_confirm_store(hars_request_t *r,
    const hars_fc_open_t *open, const char *client);
static int hars_fc_confirm_write(hars_db_t *db, void *data);
static void hars_fc_confirm_again(hars_request_t *r,
    const unsigned char *sid, const char *client);


void
hars_fc_confirm(hars_request_t *r)
{
    int              rc;
    int64_t          now;
    hars_fc_t       *fc = r->data;
    hars_who_t       who;
    unsigned char    sid[HARS_AKA_SID];
    hars_fc_open_t   open;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, HARS_SCOPE_FOG_RELAY) != HARS_OK)
    {
        return;
    }

    if (!hars_request_type(r, HARS_FC_BINARY)) {
        hars_reply_problem(r, 415, "The body has to be the record, of the "
                           "type " HARS_FC_BINARY ".");
        return;
    }

    if (hars_fc_session_sid(r, sid) != HARS_OK) {
        return;
    }

    now = hars_now();

    if (hars_fc_provisional_get(fc->provisional, sid, now, &open) != HARS_OK) {
        hars_fc_confirm_again(r, sid, who.client);
        return;
    }

    rc = hars_fc_confirm_active(fc, &open, who.client);

    if (rc != HARS_OK) {
        hars_fc_session_none(r);

    } else if (hars_fc_confirm_record(fc, &open, r, now) != HARS_OK) {
        hars_reply_problem(r, 422, "This is not the session's first record.");

    } else {
        hars_fc_confirm_store(r, &open, who.client);
    }

    hars_aka_wipe(&open, sizeof(open));
}


static int
hars_fc_confirm_active(hars_fc_t *fc, const hars_fc_open_t *open,
    const char *client)
{
    int               rc;
    hars_fc_party_t  *device, *fog;

    hars_fc_parties_lock(fc->parties);

    device = hars_fc_parties_at(fc->parties, open->device);
    fog = hars_fc_parties_at(fc->parties, open->fog);

    rc = device && fog && strcmp(fog->who, client) == 0
         && device->row.status == HARS_AKA_ACTIVE
         && fog->row.status == HARS_AKA_ACTIVE
         && device->row.gen == open->device_gen
         && fog->row.gen == open->fog_gen
         ? HARS_OK : HARS_DECLINED;

    hars_fc_parties_unlock(fc->parties);

    return rc;
}


static int
hars_fc_confirm_record(hars_fc_t *fc, hars_fc_open_t *open,
    const hars_request_t *r, int64_t now)
{
    int                  rc;
    unsigned char        text[HARS_FC_RECORD];
    hars_aka_channel_t   channel;

    (void) fc;

    rc = hars_aka_channel(&open->session, HARS_AKA_DEVICE_TO_FOG, &channel);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_session_confirm(&open->session, &channel,
                                      (const unsigned char *) r->body,
                                      r->body_len, now, text);
    }

    hars_aka_wipe(text, sizeof(text));
    hars_aka_channel_wipe(&channel);

    return rc == HARS_AKA_OK ? HARS_OK : HARS_DECLINED;
}


static void
hars_fc_confirm_store(hars_request_t *r, const hars_fc_open_t *open,
    const char *client)
{
    int                   rc;
    unsigned              full;
    hars_fc_t            *fc = r->data;
    hars_fc_confirmed_t   confirmed;

    confirmed.fc = fc;
    confirmed.open = open;
    confirmed.client = client;
    memcpy(confirmed.session.sid, open->session.sid, HARS_AKA_SID);
    confirmed.session.device = open->device;
    confirmed.session.fog = open->fog;
    confirmed.session.start_ms = open->session.since;
    confirmed.session.end_ms = open->session.since
                               + (int64_t) fc->conf.session_hours * 3600000;

    rc = hars_store_write_full(fc->store, hars_fc_confirm_write, &confirmed,
                               &full);

    if (rc == HARS_DECLINED) {
        hars_fc_session_none(r);
        return;
    }

    if (rc != HARS_OK) {
        hars_fc_failed(r, full);
        return;
    }

    atomic_fetch_add(&fc->metrics.confirmed, 1);
    hars_fc_provisional_end(fc->provisional, open->session.sid);
    hars_fc_session_answer(r, &confirmed.session);
}


static int
hars_fc_confirm_write(hars_db_t *db, void *data)
{
    hars_fc_confirmed_t  *confirmed = data;

    if (hars_fc_rows_held(confirmed->fc, db) != HARS_OK) {
        return HARS_ERROR;
    }

    /*
     * What ends a session changes its party first and writes then: so that is
     * seen here, or its write comes after this one.
     */

    if (hars_fc_confirm_active(confirmed->fc, confirmed->open,
                               confirmed->client) != HARS_OK)
    {
        return HARS_DECLINED;
    }

    return hars_fc_session_insert(db, &confirmed->session);
}


static void
hars_fc_confirm_again(hars_request_t *r, const unsigned char *sid,
    const char *client)
{
    int                 rc;
    hars_fc_t          *fc = r->data;
    hars_fc_party_t    *fog;
    hars_fc_session_t   session;

    rc = hars_fc_session_find(fc, sid, &session);

    if (rc == HARS_ERROR) {
        hars_fc_failed(r, 0);
        return;
    }

    fog = NULL;

    if (rc == HARS_OK) {
        hars_fc_parties_lock(fc->parties);
        fog = hars_fc_parties_at(fc->parties, session.fog);
        hars_fc_parties_unlock(fc->parties);
    }

    if (fog && strcmp(fog->who, client) == 0) {
        hars_fc_session_answer(r, &session);

    } else {
        hars_fc_session_none(r);
    }
}
