
/*
 * Registrations (5.3).
 *
 *     POST /v1/fog/devices {id, suite, patient}   that patient or an operator
 *     POST /v1/fog/nodes {client_id}              that fog node or an operator
 *
 * The answer has key and seed, once: what is lost is made anew by a re-key.
 * A fog node is known by its client_id, which is its ID_j: only the client of
 * that name is heard under its pseudonyms.
 */

#include "hars_fc_body.h"
#include "hars_fc_endpoints.h"
#include "hars_fc_rows.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    hars_fc_t         *fc;
    hars_fc_party_t   *party;
    int64_t            now;
} hars_fc_new_t;


static int hars_fc_register_json(hars_request_t *r);
static int hars_fc_register_patient(hars_request_t *r, const hars_who_t *who,
    hars_fc_body_t *body);
static int hars_fc_register_client(hars_request_t *r, const hars_who_t *who,
    const hars_fc_body_t *body);
static void hars_fc_register(hars_request_t *r, unsigned kind,
    const hars_fc_body_t *body, const char *owner);
static int hars_fc_register_known(hars_fc_t *fc, unsigned kind,
    const hars_fc_body_t *body);
static void hars_fc_register_again(hars_request_t *r);
static hars_fc_party_t *hars_fc_register_make(hars_fc_t *fc, unsigned kind,
    const hars_fc_body_t *body, const char *owner, uint64_t number);
static int hars_fc_register_write(hars_db_t *db, void *data);
static int hars_fc_register_keep(hars_fc_t *fc, hars_fc_party_t *party);


void
hars_fc_devices_post(hars_request_t *r)
{
    hars_who_t       who;
    const char      *why;
    hars_fc_body_t   body;

    if (hars_who(r, &who) != HARS_OK
        || hars_who_may(r, &who, HARS_SCOPE_FOG_REGISTER) != HARS_OK
        || hars_fc_register_json(r) != HARS_OK)
    {
        return;
    }

    if (hars_fc_body_device(&body, r->body, r->body_len, &why) != HARS_OK) {
        hars_reply_problem(r, 422, why);
        return;
    }

    if (hars_fc_register_patient(r, &who, &body) == HARS_OK) {
        hars_fc_register(r, HARS_AKA_DEVICE, &body, body.patient);
    }
}


static int
hars_fc_register_json(hars_request_t *r)
{
    if (hars_request_type(r, "application/json")) {
        return HARS_OK;
    }

    hars_reply_problem(r, 415, "The body has to be application/json.");

    return HARS_ERROR;
}


static int
hars_fc_register_patient(hars_request_t *r, const hars_who_t *who,
    hars_fc_body_t *body)
{
    if (who->kind == HARS_WHO_PATIENT) {

        if (body->patient[0] == '\0' && hars_id_check(who->sub) == HARS_OK) {
            strcpy(body->patient, who->sub);
        }

        if (strcmp(body->patient, who->sub) == 0) {
            return HARS_OK;
        }

    } else if (who->kind == HARS_WHO_OPERATOR) {

        if (body->patient[0]) {
            return HARS_OK;
        }

        hars_reply_problem(r, 422, "patient is needed: the sub of who will "
                           "wear it.");
        return HARS_ERROR;
    }

    hars_reply_problem(r, 403, "A device is registered by the patient who "
                       "wears it, or by an operator.");

    return HARS_ERROR;
}


void
hars_fc_nodes_post(hars_request_t *r)
{
    hars_who_t       who;
    unsigned         scope;
    const char      *why;
    hars_fc_body_t   body;

    if (hars_who(r, &who) != HARS_OK) {
        return;
    }

    scope = who.kind == HARS_WHO_FOG_NODE ? HARS_SCOPE_FOG_RELAY
                                          : HARS_SCOPE_FOG_REGISTER;

    if (hars_who_may(r, &who, scope) != HARS_OK
        || hars_fc_register_json(r) != HARS_OK)
    {
        return;
    }

    if (hars_fc_body_node(&body, r->body, r->body_len, &why) != HARS_OK) {
        hars_reply_problem(r, 422, why);
        return;
    }

    if (hars_fc_register_client(r, &who, &body) == HARS_OK) {
        hars_fc_register(r, HARS_AKA_FOG, &body, body.id);
    }
}


static int
hars_fc_register_client(hars_request_t *r, const hars_who_t *who,
    const hars_fc_body_t *body)
{
    if (who->kind == HARS_WHO_OPERATOR
        || (who->kind == HARS_WHO_FOG_NODE
            && strcmp(who->client, body->id) == 0))
    {
        return HARS_OK;
    }

    hars_reply_problem(r, 403, "A fog node is registered by itself, or by an "
                       "operator.");

    return HARS_ERROR;
}


static void
hars_fc_register(hars_request_t *r, unsigned kind, const hars_fc_body_t *body,
    const char *owner)
{
    int             rc;
    unsigned        full;
    uint64_t        number;
    hars_fc_t      *fc = r->data;
    hars_fc_new_t   new;
    hars_aka_row_t  row;

    /* what is asked for again takes no number */

    if (hars_fc_register_known(fc, kind, body)) {
        hars_fc_register_again(r);
        return;
    }

    number = hars_fc_parties_number(fc->parties);

    if (number == 0) {
        hars_reply_problem(r, 507, "There is no room for one more party: "
                           "nothing was stored.");
        return;
    }

    full = 0;
    new.fc = fc;
    new.now = hars_now();
    new.party = hars_fc_register_make(fc, kind, body, owner, number);

    if (new.party == NULL) {
        hars_fc_failed(r, 0);
        return;
    }

    row = new.party->row;
    rc = hars_store_write_full(fc->store, hars_fc_register_write, &new,
                               &full);

    if (rc == HARS_OK) {
        rc = hars_fc_register_keep(fc, new.party);
    }

    if (rc == HARS_OK) {
        atomic_fetch_add(&fc->metrics.registered, 1);
        hars_fc_given(r, 201, new.party, &row);

    } else {
        hars_aka_wipe(new.party, sizeof(hars_fc_party_t));
        free(new.party);

        if (rc == HARS_DECLINED) {
            hars_fc_register_again(r);

        } else {
            hars_fc_failed(r, full);
        }
    }

    hars_aka_wipe(&row, sizeof(row));
}


static int
hars_fc_register_known(hars_fc_t *fc, unsigned kind,
    const hars_fc_body_t *body)
{
    int            known;
    unsigned char  name[HARS_FC_NAME];

    if (hars_fc_name(fc, kind, body->id, name) != HARS_OK) {
        return 0;
    }

    hars_fc_parties_lock(fc->parties);
    known = hars_fc_parties_name(fc->parties, name) != NULL;
    hars_fc_parties_unlock(fc->parties);

    return known;
}


static void
hars_fc_register_again(hars_request_t *r)
{
    hars_reply_problem(r, 409, "It is registered; what it was given is made "
                       "anew by a re-key.");
}


static hars_fc_party_t *
hars_fc_register_make(hars_fc_t *fc, unsigned kind,
    const hars_fc_body_t *body, const char *owner, uint64_t number)
{
    int               rc;
    unsigned char     seed[HARS_AKA_SEED];
    hars_fc_party_t  *party;

    party = calloc(1, sizeof(hars_fc_party_t));

    if (party == NULL) {
        return NULL;
    }

    party->number = number;
    strcpy(party->who, owner);

    rc = hars_fc_name(fc, kind, body->id, party->name);

    if (rc == HARS_OK) {
        rc = hars_fc_random(seed, sizeof(seed));
    }

    if (rc == HARS_OK
        && hars_aka_row_make(&party->row, kind,
                             (const unsigned char *) body->id,
                             strlen(body->id),
                             kind == HARS_AKA_FOG ? HARS_AKA_X25519_AES
                                                  : body->suite,
                             seed) != HARS_AKA_OK)
    {
        rc = HARS_ERROR;
    }

    hars_aka_wipe(seed, sizeof(seed));

    if (rc != HARS_OK) {
        free(party);
        return NULL;
    }

    return party;
}


static int
hars_fc_register_write(hars_db_t *db, void *data)
{
    hars_fc_new_t  *new = data;

    if (hars_fc_rows_held(new->fc, db) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_fc_rows_insert(new->fc, db, new->party, new->now);
}


static int
hars_fc_register_keep(hars_fc_t *fc, hars_fc_party_t *party)
{
    int  rc;

    hars_fc_parties_lock(fc->parties);
    rc = hars_fc_parties_add(fc->parties, party);
    hars_fc_parties_unlock(fc->parties);

    return rc;
}
