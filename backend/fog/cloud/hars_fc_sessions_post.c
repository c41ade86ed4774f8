
/*
 * POST /v1/fog/sessions: M2 of a fog node in, M3 out, in the order of SPEC
 * 5.5.  A refusal is an error message of 5.7 in the body; its status is for
 * who only looks at that.
 *
 * Both rows are committed before M3 is on its way.  Whoever dies in between,
 * the party has one of the two seeds (5.6).
 */

#include "aka_cloud.h"
#include "hars_fc_commit.h"
#include "hars_fc_endpoints.h"
#include "hars_fc_provisional.h"

#include <stdlib.h>
#include <string.h>


/* lives as long as the request, wiped with it */
typedef struct {
    hars_fc_t            *fc;
    hars_request_t       *r;
    hars_aka_request_t    request;
    hars_fc_party_t      *device;
    hars_fc_party_t      *fog;
    unsigned              n_device;
    unsigned              n_fog;
    int64_t               now;
    hars_fc_open_t        open;
    unsigned char         m3[HARS_AKA_M3];
    hars_fc_commit_t      commit;
} hars_fc_relay_t;


typedef struct {
    unsigned              code;
    unsigned              status;
} hars_fc_refusal_t;


static int hars_fc_relay_may(hars_request_t *r, hars_who_t *who);
static int hars_fc_relay(hars_fc_relay_t *relay, const hars_who_t *who);
static int hars_fc_relay_fog(hars_fc_relay_t *relay, const hars_who_t *who);
static int hars_fc_relay_rate(hars_fc_relay_t *relay);
static int hars_fc_relay_device(hars_fc_relay_t *relay);
static void hars_fc_relay_burn(hars_fc_relay_t *relay);
static int hars_fc_relay_admit(hars_fc_relay_t *relay);
static void hars_fc_relay_written(void *data);
static void hars_fc_relay_finish(hars_request_t *r);
static void hars_fc_relay_error(hars_request_t *r, hars_fc_relay_t *relay,
    int code);
static void hars_fc_relay_reply(hars_request_t *r, unsigned status,
    const unsigned char *m, size_t len);


/* the last one is for whatever is none of them */
static const hars_fc_refusal_t  hars_fc_refusals[] = {
    { HARS_AKA_MALFORMED, 400 },
    { HARS_AKA_SUITE, 422 },
    { HARS_AKA_REJECTED, 422 },
    { HARS_AKA_PEER_REJECTED, 422 },
    { HARS_AKA_BUSY, 429 },
    { HARS_AKA_INTERNAL, 503 }
};


void
hars_fc_sessions_post(hars_request_t *r)
{
    int               rc;
    hars_who_t        who;
    hars_fc_relay_t  *relay;

    if (hars_fc_relay_may(r, &who) != HARS_OK) {
        return;
    }

    relay = hars_request_room(r, sizeof(hars_fc_relay_t));

    if (relay == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    relay->fc = r->data;
    relay->r = r;
    relay->now = hars_now();

    rc = hars_fc_relay(relay, &who);

    if (rc != HARS_AKA_OK) {
        hars_fc_relay_error(r, relay, rc);
        return;
    }

    relay->commit.device = relay->device;
    relay->commit.fog = relay->fog;
    relay->commit.done = hars_fc_relay_written;
    relay->commit.data = relay;

    /* refused where the server ends: nothing is written, M3 is not sent */

    if (hars_request_later(r, hars_fc_relay_finish) == HARS_OK) {
        hars_fc_commit(relay->fc->commits, &relay->commit);

    } else {
        hars_fc_relay_error(r, relay, HARS_AKA_ERROR);
    }
}


static int
hars_fc_relay_may(hars_request_t *r, hars_who_t *who)
{
    if (hars_who(r, who) != HARS_OK
        || hars_who_may(r, who, HARS_SCOPE_FOG_RELAY) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (who->kind != HARS_WHO_FOG_NODE) {
        hars_reply_problem(r, 403, "Sessions are asked for by fog nodes.");
        return HARS_ERROR;
    }

    if (!hars_request_type(r, HARS_FC_BINARY)) {
        hars_reply_problem(r, 415, "The body has to be M2, of the type "
                           HARS_FC_BINARY ".");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* 5.5, 1 to 9: HARS_AKA_OK, the code of an error, or HARS_AKA_ERROR */
static int
hars_fc_relay(hars_fc_relay_t *relay, const hars_who_t *who)
{
    int              rc;
    hars_request_t  *r = relay->r;

    /* 1 */

    rc = hars_aka_cloud_read(&relay->request,
                             (const unsigned char *) r->body, r->body_len);

    if (rc == HARS_AKA_OK) {
        rc = hars_fc_relay_fog(relay, who);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_fc_relay_rate(relay);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_fc_relay_device(relay);
    }

    return rc == HARS_AKA_OK ? hars_fc_relay_admit(relay) : rc;
}


/* 2 to 4; a pseudonym of another client's fog node is nobody's */
static int
hars_fc_relay_fog(hars_fc_relay_t *relay, const hars_who_t *who)
{
    int             rc;
    hars_fc_t      *fc = relay->fc;
    hars_aka_row_t  row;

    hars_fc_parties_lock(fc->parties);

    relay->fog = hars_fc_parties_pid(fc->parties,
                                     hars_aka_cloud_pid_j(&relay->request),
                                     &relay->n_fog);
    if (relay->fog) {
        row = relay->fog->row;
    }

    hars_fc_parties_unlock(fc->parties);

    if (relay->fog == NULL) {
        return HARS_AKA_REJECTED;
    }

    rc = strcmp(relay->fog->who, who->client) == 0
         ? hars_aka_admit_fog(&fc->cloud, &relay->request, &row,
                              relay->n_fog)
         : HARS_AKA_REJECTED;
    hars_aka_wipe(&row, sizeof(row));

    return rc;
}


/* 5 */
static int
hars_fc_relay_rate(hars_fc_relay_t *relay)
{
    int         rc;
    hars_fc_t  *fc = relay->fc;

    hars_fc_parties_lock(fc->parties);
    rc = hars_fc_rate(&relay->fog->rate, fc->conf.fog_rate,
                      fc->conf.fog_burst, relay->now);
    hars_fc_parties_unlock(fc->parties);

    if (rc == HARS_OK) {
        rc = hars_fc_provisional_room(fc->provisional, relay->now);
    }

    return rc == HARS_OK ? HARS_AKA_OK : HARS_AKA_BUSY;
}


/* 6 to 8, on a copy: X25519 is not done under the lock */
static int
hars_fc_relay_device(hars_fc_relay_t *relay)
{
    int             rc;
    hars_fc_t      *fc = relay->fc;
    hars_aka_row_t  row, before;

    hars_fc_parties_lock(fc->parties);

    relay->device = hars_fc_parties_pid(fc->parties,
                                        hars_aka_cloud_pid_i(&relay->request),
                                        &relay->n_device);
    if (relay->device) {
        row = relay->device->row;
    }

    hars_fc_parties_unlock(fc->parties);

    if (relay->device == NULL) {
        return HARS_AKA_PEER_REJECTED;
    }

    before = row;
    rc = hars_aka_admit_device(&fc->cloud, &relay->request, &row,
                               relay->n_device, relay->now);

    if (memcmp(row.burnt, before.burnt, sizeof(row.burnt)) != 0
        || row.t_last != before.t_last)
    {
        hars_fc_relay_burn(relay);
    }

    hars_aka_wipe(&row, sizeof(row));
    hars_aka_wipe(&before, sizeof(before));

    return rc;
}


/* the seed may have gone meanwhile, and the failure with it */
static void
hars_fc_relay_burn(hars_fc_relay_t *relay)
{
    int         of;
    hars_fc_t  *fc = relay->fc;

    hars_fc_parties_lock(fc->parties);

    of = hars_aka_row_of(&relay->device->row, relay->n_device,
                         hars_aka_cloud_pid_i(&relay->request));
    if (of >= 0) {
        hars_aka_row_burn(&relay->device->row, (unsigned) of,
                          relay->n_device, relay->now);
        atomic_fetch_add(&fc->metrics.burns, 1);
        atomic_fetch_add(&fc->metrics.unwritten,
                         hars_fc_parties_burnt(fc->parties, relay->device));
    }

    hars_fc_parties_unlock(fc->parties);
}


/* 9, in memory: under the lock, since other sessions move these rows, too */
static int
hars_fc_relay_admit(hars_fc_relay_t *relay)
{
    int             rc;
    hars_fc_t      *fc = relay->fc;
    unsigned char   fresh[3][HARS_AKA_RND];

    if (hars_fc_random(fresh, sizeof(fresh)) != HARS_OK) {
        return HARS_AKA_ERROR;
    }

    hars_fc_parties_lock(fc->parties);

    /* 8, again: a revocation in between counts */

    rc = relay->fog->row.status != HARS_AKA_ACTIVE ? HARS_AKA_REJECTED
         : relay->device->row.status != HARS_AKA_ACTIVE
           ? HARS_AKA_PEER_REJECTED : HARS_AKA_OK;

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_admit(&fc->cloud, &relay->request, &relay->device->row,
                            relay->n_device, &relay->fog->row, relay->n_fog,
                            fresh[0], fresh[1], fresh[2], relay->now,
                            relay->m3, &relay->open.session);
    }

    if (rc == HARS_AKA_OK
        && (hars_fc_parties_index(fc->parties, relay->device) != HARS_OK
            || hars_fc_parties_index(fc->parties, relay->fog) != HARS_OK))
    {
        rc = HARS_AKA_ERROR;
    }

    relay->open.device_gen = relay->device->row.gen;
    relay->open.fog_gen = relay->fog->row.gen;

    hars_fc_parties_unlock(fc->parties);

    hars_aka_wipe(fresh, sizeof(fresh));
    relay->open.device = relay->device->number;
    relay->open.fog = relay->fog->number;

    return rc;
}


/* the writer's */
static void
hars_fc_relay_written(void *data)
{
    hars_request_go_on(((hars_fc_relay_t *) data)->r);
}


/* 10 */
static void
hars_fc_relay_finish(hars_request_t *r)
{
    hars_fc_t        *fc = r->data;
    hars_fc_relay_t  *relay;

    relay = hars_request_room(r, sizeof(hars_fc_relay_t));

    if (relay->commit.rc != HARS_OK
        || hars_fc_provisional_put(fc->provisional, &relay->open) != HARS_OK)
    {
        hars_fc_relay_error(r, relay, HARS_AKA_ERROR);
        return;
    }

    atomic_fetch_add(&fc->metrics.accepted, 1);
    hars_fc_relay_reply(r, 200, relay->m3, HARS_AKA_M3);
}


static void
hars_fc_relay_error(hars_request_t *r, hars_fc_relay_t *relay, int code)
{
    unsigned       i;
    hars_fc_t     *fc = r->data;
    unsigned char  err[HARS_AKA_ERR];

    for (i = 0; hars_fc_refusals[i].code != HARS_AKA_INTERNAL; i++) {
        if ((int) hars_fc_refusals[i].code == code) {
            break;
        }
    }

    atomic_fetch_add(&fc->metrics.refused[i], 1);

    if (hars_aka_cloud_error(&relay->request, (unsigned char *) r->body,
                             r->body_len, hars_fc_refusals[i].code, err)
        != HARS_AKA_OK)
    {
        hars_reply_problem(r, 503, "The service cannot compute.");
        return;
    }

    if (hars_fc_refusals[i].status >= 429) {
        hars_reply_header(r, "Retry-After", "1");
    }

    hars_fc_relay_reply(r, hars_fc_refusals[i].status, err, sizeof(err));
}


static void
hars_fc_relay_reply(hars_request_t *r, unsigned status,
    const unsigned char *m, size_t len)
{
    char  *body;

    body = malloc(len);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    memcpy(body, m, len);
    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, HARS_FC_BINARY, body, len);
}
