
/*
 * Sessions (SPEC 5.5): M1 of a link within its rate becomes M2, its answer M4
 * or silence, the first record goes to the cloud server, and the session is
 * open when that has confirmed it.  A new M1 ends the link's session of
 * before, and so does the end that fogcloud told: what comes later is nobody's
 * there, so it has to be of another session.  Nothing of this is a reason to
 * say more than 5.7 does.  Ages are of the monotonic clock: whoever sets the
 * other one back prolongs nothing.
 */

#include "hars_fn.h"
#include "hars_fn_confirmation.h"
#include "hars_fn_spool.h"
#include "aka_crypto.h"
#include "hars_log.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>


#define HARS_SESSION_IDLE   30000         /* ms, a link without a session */
#define HARS_SESSION_QUIET  300000        /* ms, one with */
#define HARS_SESSION_AGAIN  1000          /* ms, to ask again */

/*
 * How much earlier it ends here than at fogcloud: M3 was on its way, the loop
 * has other things to do, and no two clocks go alike.  The two minutes that
 * the DCM allows beyond the end (hars_dcm_session.h) are used up by a
 * wearable's clock that is as much ahead (5.5).
 */
#define HARS_SESSION_EARLY  60000         /* ms */
#define HARS_SESSION_DRIFT  1000          /* and one in so many */


static void hars_fn_m1(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *m1, size_t len);
static void hars_fn_m2(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *m1, size_t len);
static void hars_fn_m3(hars_fn_t *fn, hars_fn_link_t *link,
    hars_fn_call_t *call);
static void hars_fn_refused(hars_fn_t *fn, hars_fn_link_t *link, int code);
static void hars_fn_refused_count(hars_fn_t *fn, int code);
static void hars_fn_session_state(hars_fn_t *fn, hars_fn_link_t *link,
    hars_fn_link_e state);
static int hars_fn_session_over(const hars_fn_link_t *link, int64_t now);
static int hars_fn_session_ended(const hars_fn_link_t *link, int64_t now);
static void hars_fn_first(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *record, size_t len);
static void hars_fn_confirm(hars_fn_t *fn, hars_fn_link_t *link);
static void hars_fn_confirmed(hars_fn_t *fn, hars_fn_link_t *link,
    hars_fn_call_t *call);
static int hars_fn_confirms(const hars_fn_call_t *call,
    hars_fn_link_t *link);


void
hars_fn_message(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *message, size_t len)
{
    if (!hars_frame_is_record(message)) {
        hars_fn_m1(fn, link, message, len);

    } else if (link->state == HARS_LINK_PROVISIONAL) {
        hars_fn_first(fn, link, message, len);

    } else if (link->state == HARS_LINK_OPEN) {
        hars_fn_record(fn, link, message, len);
    }
}


static void
hars_fn_m1(hars_fn_t *fn, hars_fn_link_t *link, const unsigned char *m1,
    size_t len)
{
    /* 5.7: silence */

    if (len != HARS_AKA_M1) {
        hars_fn_count(&fn->metrics, HARS_FN_M1_FORM);
        return;
    }

    if (!hars_fn_rate(&fn->rates, &link->source, hars_clock())) {
        hars_fn_count(&fn->metrics, HARS_FN_M1_RATE);
        return;
    }

    link->touched = hars_clock();
    hars_fn_session_end(fn, link);

    if (fn->pending >= HARS_FN_PENDING) {
        hars_fn_count(&fn->metrics, HARS_FN_M1_PENDING);
        return;
    }

    link->again = 0;
    hars_fn_m2(fn, link, m1, len);
}


static void
hars_fn_m2(hars_fn_t *fn, hars_fn_link_t *link, const unsigned char *m1,
    size_t len)
{
    int              rc;
    hars_fn_call_t  *call;
    unsigned char    rnd[HARS_AKA_RND], copy[HARS_AKA_M1];

    /* it may be the one inside of the relay that is made anew */

    memcpy(copy, m1, sizeof(copy));
    call = hars_fn_uplink_call(fn, link);

    if (call == NULL
        || hars_fn_state_advance(fn) != HARS_OK
        || getrandom(rnd, sizeof(rnd), 0) != (ssize_t) sizeof(rnd))
    {
        hars_fn_count(&fn->metrics, HARS_FN_M1_BUSY);
        hars_fn_uplink_drop(call);
        hars_fn_session_state(fn, link, HARS_LINK_IDLE);
        return;
    }

    rc = hars_aka_fog_m2(&fn->fog, copy, len, rnd,
                         (uint64_t) hars_now(), &link->relay, call->body);
    hars_aka_wipe(rnd, sizeof(rnd));

    if (rc != HARS_AKA_OK) {
        hars_fn_count(&fn->metrics, HARS_FN_M1_FORM);
        hars_fn_uplink_drop(call);
        hars_fn_session_state(fn, link, HARS_LINK_IDLE);
        return;
    }

    hars_fn_count(&fn->metrics, HARS_FN_M1_ASKED);
    strcpy(call->path, "/v1/fog/sessions");
    call->len = HARS_AKA_M2;
    call->done = hars_fn_m3;
    hars_fn_session_state(fn, link, HARS_LINK_ASKED);
    hars_fn_uplink_give(call);
}


static void
hars_fn_m3(hars_fn_t *fn, hars_fn_link_t *link, hars_fn_call_t *call)
{
    int            code;
    unsigned char  m4[HARS_AKA_M4], seed[HARS_AKA_SEED];

    /* of an attempt of before, where the wearable began anew meanwhile */

    if (link->state != HARS_LINK_ASKED
        || memcmp(call->body, link->relay.m2, HARS_AKA_M2) != 0)
    {
        return;
    }

    memcpy(seed, fn->fog.seed, sizeof(seed));
    code = hars_aka_fog_m3(&fn->fog, &link->relay, call->answer,
                           call->answer_len, hars_clock(), m4,
                           &link->session);

    if (code == HARS_AKA_OK) {
        hars_fn_count(&fn->metrics, HARS_FN_M2_ACCEPTED);
        fn->dirty |= memcmp(seed, fn->fog.seed, sizeof(seed)) != 0;
        hars_hex(link->sid, link->session.sid, HARS_AKA_SID);

        (void) hars_aka_channel(&link->session, HARS_AKA_DEVICE_TO_FOG,
                                &link->up);
        (void) hars_aka_channel(&link->session, HARS_AKA_FOG_TO_DEVICE,
                                &link->down);
        hars_fn_session_state(fn, link, HARS_LINK_PROVISIONAL);
        hars_fn_link_send(fn, link, m4, sizeof(m4));

    } else {
        code = call->status ? hars_aka_fog_error(&fn->fog, &link->relay,
                                                 call->answer,
                                                 call->answer_len)
                            : HARS_AKA_DROP;
        hars_fn_refused(fn, link, code);
    }

    hars_aka_wipe(seed, sizeof(seed));
}


static void
hars_fn_refused(hars_fn_t *fn, hars_fn_link_t *link, int code)
{
    unsigned char  err[HARS_AKA_ERR];

    hars_fn_refused_count(fn, code);

    /* 5.7: once more under its present pseudonym */

    if (code == HARS_AKA_REJECTED && !link->again) {
        link->again = 1;
        hars_fn_m2(fn, link, link->relay.m2 + 4, HARS_AKA_M1);
        return;
    }

    if (code == HARS_AKA_REJECTED || code == HARS_AKA_MALFORMED
        || code == HARS_AKA_SUITE)
    {
        hars_log_warn("fogcloud refused an M2, code %02x", (unsigned) code);
    }

    if (code == HARS_AKA_PEER_REJECTED
        && hars_aka_fog_refusal(&link->relay, err) == HARS_AKA_OK)
    {
        hars_fn_link_send(fn, link, err, sizeof(err));
    }

    if (link->fd != -1) {
        hars_fn_session_end(fn, link);
    }
}


static void
hars_fn_refused_count(hars_fn_t *fn, int code)
{
    unsigned  i;

    static const struct {
        int              code;
        hars_fn_count_e  count;
    } counts[] = {
        { HARS_AKA_MALFORMED, HARS_FN_M2_MALFORMED },
        { HARS_AKA_SUITE, HARS_FN_M2_SUITE },
        { HARS_AKA_REJECTED, HARS_FN_M2_REJECTED },
        { HARS_AKA_PEER_REJECTED, HARS_FN_M2_PEER_REJECTED },
        { HARS_AKA_BUSY, HARS_FN_M2_BUSY },
        { HARS_AKA_INTERNAL, HARS_FN_M2_INTERNAL }
    };

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i].code == code) {
            hars_fn_count(&fn->metrics, counts[i].count);
            return;
        }
    }

    hars_fn_count(&fn->metrics, HARS_FN_M2_NONE);
}


/* the place where the pending ones are counted */
static void
hars_fn_session_state(hars_fn_t *fn, hars_fn_link_t *link,
    hars_fn_link_e state)
{
    int  was, is;

    was = link->state != HARS_LINK_IDLE && link->state != HARS_LINK_OPEN;
    is = state != HARS_LINK_IDLE && state != HARS_LINK_OPEN;
    fn->pending = fn->pending + (unsigned) is - (unsigned) was;
    atomic_store(&fn->metrics.pending, fn->pending);
    link->state = state;
}


static void
hars_fn_first(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *record, size_t len)
{
    int  rc;

    rc = hars_aka_session_confirm(&link->session, &link->up, record, len,
                                  hars_clock(), link->text);

    if (rc == HARS_AKA_EXPIRED) {
        hars_fn_link_close(fn, link);
        return;
    }

    if (rc != HARS_AKA_OK) {
        return;
    }

    memcpy(link->first, record, len);
    link->first_len = len;
    link->number = 0;
    hars_fn_session_state(fn, link, HARS_LINK_CONFIRMING);
    hars_fn_confirm(fn, link);
}


static void
hars_fn_confirm(hars_fn_t *fn, hars_fn_link_t *link)
{
    hars_fn_call_t  *call;

    link->asked = hars_clock();
    call = hars_fn_uplink_call(fn, link);

    if (call == NULL) {
        return;
    }

    snprintf(call->path, sizeof(call->path), "/v1/fog/sessions/%s/confirm",
             link->sid);
    memcpy(call->body, link->first, link->first_len);
    call->len = link->first_len;
    call->done = hars_fn_confirmed;
    link->asking = 1;
    hars_fn_uplink_give(call);
}


static void
hars_fn_confirmed(hars_fn_t *fn, hars_fn_link_t *link, hars_fn_call_t *call)
{
    link->asking = 0;

    if (link->state != HARS_LINK_CONFIRMING) {
        return;
    }

    if (hars_fn_confirms(call, link)) {
        hars_fn_count(&fn->metrics, HARS_FN_SESSION_OPEN);
        link->touched = hars_clock();
        hars_fn_session_state(fn, link, HARS_LINK_OPEN);
        hars_fn_text(fn, link, link->text,
                     link->first_len - HARS_AKA_RECORD);
        hars_aka_wipe(link->text, sizeof(link->text));
        hars_fn_link_read(fn, link);

        if (link->fd != -1) {
            hars_fn_link_watch(fn, link);
        }

        return;
    }

    /* no answer, or not now: the tick asks again while there is time */

    if (call->status == 200) {
        hars_log_warn("fogcloud's confirmation is not this session's, or "
                      "does not tell its end");

    } else if (call->status && call->status != 429 && call->status < 500) {
        hars_log_warn("fogcloud did not confirm a session: status %ld",
                      call->status);
        hars_fn_link_close(fn, link);
    }
}


/*
 * An answer that is another session's, or was torn, confirms nothing: records
 * would be kept that fogcloud knows nobody for.
 */
static int
hars_fn_confirms(const hars_fn_call_t *call, hars_fn_link_t *link)
{
    return call->status == 200
           && hars_fn_confirmation(call->answer, call->answer_len, link->sid,
                                   &link->lasts) == HARS_OK;
}


/* what was taken of it is to be sent */
void
hars_fn_session_end(hars_fn_t *fn, hars_fn_link_t *link)
{
    if (link->state == HARS_LINK_PROVISIONAL
        || link->state == HARS_LINK_CONFIRMING)
    {
        hars_fn_count(&fn->metrics, HARS_FN_SESSION_UNCONFIRMED);
    }

    hars_fn_session_state(fn, link, HARS_LINK_IDLE);

    if (link->spooled) {
        (void) hars_spool_end(link->spooled);
        link->spooled = NULL;
    }

    hars_aka_fog_forget(&link->relay);
    hars_aka_session_wipe(&link->session);
    hars_aka_channel_wipe(&link->up);
    hars_aka_channel_wipe(&link->down);
    hars_aka_wipe(link->text, sizeof(link->text));

    link->sid[0] = '\0';
    link->unsaid = link->asking = 0;
    link->recordings = 0;
    link->number = link->last = 0;
    link->lasts = 0;
}


void
hars_fn_session_tick(hars_fn_t *fn, hars_fn_link_t *link, int64_t now)
{
    if (hars_fn_session_over(link, now)) {
        hars_fn_link_close(fn, link);
        return;
    }

    if (link->state == HARS_LINK_CONFIRMING && !link->asking
        && now - link->asked >= HARS_SESSION_AGAIN)
    {
        hars_fn_confirm(fn, link);
    }
}


/* nothing that a link sends prolongs what nobody has confirmed (5.4) */
static int
hars_fn_session_over(const hars_fn_link_t *link, int64_t now)
{
    switch (link->state) {

    case HARS_LINK_OPEN:
        return now - link->touched > HARS_SESSION_QUIET
               || hars_fn_session_ended(link, now);

    case HARS_LINK_PROVISIONAL:
        return !hars_aka_session_alive(&link->session, now);

    case HARS_LINK_CONFIRMING:
        return now - link->session.since
               > HARS_AKA_PROVISIONAL_MS + HARS_SESSION_IDLE;

    default:
        return now - link->touched > HARS_SESSION_IDLE;
    }
}


/* whatever is sent: the wearable, whose link ends, begins another one */
static int
hars_fn_session_ended(const hars_fn_link_t *link, int64_t now)
{
    return now - link->session.since
           >= link->lasts - link->lasts / HARS_SESSION_DRIFT
              - HARS_SESSION_EARLY;
}
