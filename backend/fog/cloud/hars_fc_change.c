
/*
 * What becomes of a registered party.
 *
 *     POST   /v1/fog/devices/{alias}/rekey      new key and seed, as at first
 *     DELETE /v1/fog/devices/{alias}            revoked
 *     ... the same of /v1/fog/nodes/{client_id}, by an operator
 *
 * A device is its patient's and an operator's to change; whoever else asks is
 * told that there is none.  A re-key ends a revocation, so then it is the
 * operator's alone.  It is in memory first: a revocation counts from then on,
 * and a write that fails says so, to be tried again.
 */

#include "hars_fc_endpoints.h"
#include "hars_fc_provisional.h"
#include "hars_fc_rows.h"
#include "hars_route.h"

#include <string.h>


typedef struct {
    hars_fc_t         *fc;
    hars_fc_party_t   *party;
    int64_t            now;
} hars_fc_change_t;


static hars_fc_party_t *hars_fc_change_device(hars_request_t *r,
    unsigned *revoked);
static hars_fc_party_t *hars_fc_change_node(hars_request_t *r);
static void hars_fc_change_rekey(hars_request_t *r, hars_fc_party_t *party);
static void hars_fc_change_revoke(hars_request_t *r, hars_fc_party_t *party);
static int hars_fc_change_write(hars_db_t *db, void *data);


void
hars_fc_device_rekey(hars_request_t *r)
{
    unsigned          revoked;
    hars_who_t        who;
    hars_fc_party_t  *party;

    party = hars_fc_change_device(r, &revoked);

    if (party == NULL) {
        return;
    }

    if (revoked && hars_who_is(r, &who) == HARS_OK
        && who.kind != HARS_WHO_OPERATOR)
    {
        hars_reply_problem(r, 403, "It was revoked: an operator has to give "
                           "it a new key.");
        return;
    }

    hars_fc_change_rekey(r, party);
}


void
hars_fc_device_delete(hars_request_t *r)
{
    unsigned          revoked;
    hars_fc_party_t  *party;

    party = hars_fc_change_device(r, &revoked);

    if (party) {
        hars_fc_change_revoke(r, party);
    }
}


void
hars_fc_node_rekey(hars_request_t *r)
{
    hars_fc_party_t  *party;

    party = hars_fc_change_node(r);

    if (party) {
        hars_fc_change_rekey(r, party);
    }
}


void
hars_fc_node_delete(hars_request_t *r)
{
    hars_fc_party_t  *party;

    party = hars_fc_change_node(r);

    if (party) {
        hars_fc_change_revoke(r, party);
    }
}


/* NULL after it answered */
static hars_fc_party_t *
hars_fc_change_device(hars_request_t *r, unsigned *revoked)
{
    char              alias[HARS_FC_ALIAS];
    hars_fc_t        *fc = r->data;
    hars_who_t        who;
    unsigned char     name[HARS_FC_NAME];
    hars_fc_party_t  *party;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, HARS_SCOPE_FOG_REGISTER) != HARS_OK)
    {
        return NULL;
    }

    party = NULL;

    if (hars_route_segment(r, 0, alias, sizeof(alias)) == HARS_OK
        && hars_fc_unhex(alias, name, sizeof(name)) == HARS_OK)
    {
        hars_fc_parties_lock(fc->parties);
        party = hars_fc_parties_name(fc->parties, name);
        *revoked = party && party->row.status == HARS_AKA_REVOKED;
        hars_fc_parties_unlock(fc->parties);
    }

    if (party && party->row.kind == HARS_AKA_DEVICE
        && (who.kind == HARS_WHO_OPERATOR
            || (who.kind == HARS_WHO_PATIENT
                && strcmp(party->who, who.sub) == 0)))
    {
        return party;
    }

    hars_reply_problem(r, 404, "There is no device of this alias.");

    return NULL;
}


static hars_fc_party_t *
hars_fc_change_node(hars_request_t *r)
{
    char              id[HARS_WHO_ID];
    hars_fc_t        *fc = r->data;
    hars_who_t        who;
    unsigned char     name[HARS_FC_NAME];
    hars_fc_party_t  *party;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, HARS_SCOPE_FOG_REGISTER) != HARS_OK)
    {
        return NULL;
    }

    if (who.kind != HARS_WHO_OPERATOR) {
        hars_reply_problem(r, 403, "Fog nodes are changed by operators.");
        return NULL;
    }

    party = NULL;

    if (hars_route_segment(r, 0, id, sizeof(id)) == HARS_OK
        && hars_fc_name(fc, HARS_AKA_FOG, id, name) == HARS_OK)
    {
        hars_fc_parties_lock(fc->parties);
        party = hars_fc_parties_name(fc->parties, name);
        hars_fc_parties_unlock(fc->parties);
    }

    if (party == NULL) {
        hars_reply_problem(r, 404, "There is no fog node of this client_id.");
    }

    return party;
}


static void
hars_fc_change_rekey(hars_request_t *r, hars_fc_party_t *party)
{
    int               rc;
    unsigned          full;
    hars_fc_t        *fc = r->data;
    hars_aka_row_t    row;
    unsigned char     seed[HARS_AKA_SEED];
    hars_fc_change_t  change = { fc, party, hars_now() };

    if (hars_fc_random(seed, sizeof(seed)) != HARS_OK) {
        hars_fc_failed(r, 0);
        return;
    }

    hars_fc_parties_lock(fc->parties);

    rc = hars_aka_row_rekey(&party->row, seed) == HARS_AKA_OK
         ? hars_fc_parties_index(fc->parties, party) : HARS_ERROR;
    row = party->row;

    hars_fc_parties_unlock(fc->parties);

    full = 0;
    hars_fc_provisional_sweep(fc->provisional, party->number, change.now);

    if (rc == HARS_OK) {
        rc = hars_store_write_full(fc->store, hars_fc_change_write, &change,
                                   &full);
    }

    if (rc == HARS_OK) {
        hars_fc_given(r, 200, party, &row);

    } else {
        hars_fc_failed(r, full);
    }

    hars_aka_wipe(seed, sizeof(seed));
    hars_aka_wipe(&row, sizeof(row));
}


static void
hars_fc_change_revoke(hars_request_t *r, hars_fc_party_t *party)
{
    int               rc;
    unsigned          full;
    hars_fc_t        *fc = r->data;
    hars_text_t       text;
    hars_fc_change_t  change = { fc, party, hars_now() };

    hars_fc_parties_lock(fc->parties);
    party->row.status = HARS_AKA_REVOKED;
    hars_fc_parties_unlock(fc->parties);

    hars_fc_provisional_sweep(fc->provisional, party->number, change.now);

    rc = hars_store_write_full(fc->store, hars_fc_change_write, &change,
                               &full);

    if (rc != HARS_OK) {
        hars_fc_failed(r, full);
        return;
    }

    memset(&text, 0, sizeof(hars_text_t));
    hars_text_puts(&text, "{\"state\":\"revoked\"}");
    hars_fc_answer(r, 200, &text);
}


/* its sessions end as well: they were under the key of before */
static int
hars_fc_change_write(hars_db_t *db, void *data)
{
    hars_fc_change_t  *change = data;

    if (hars_fc_rows_held(change->fc, db) != HARS_OK
        || hars_fc_rows_update(change->fc, db, change->party) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_int(db, change->now);
    hars_db_int(db, (int64_t) change->party->number);

    return hars_db_do(db, "UPDATE session SET end_ms = ?1 "
                      "WHERE (device = ?2 OR fog = ?2) AND end_ms > ?1",
                      NULL);
}
