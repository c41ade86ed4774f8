
/*
 * GET /v1/patients/{id}/caregivers: whom the patient has connected, those
 * whose time has not come or is over among them, till they are disconnected.
 */

#include "hars_dcm_people.h"

#include <string.h>

#include <jansson.h>


static json_t *hars_caregivers_json(hars_dcm_t *dcm, const char *patient);
static int hars_caregivers_row(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_connected_t *person);


void
hars_dcm_caregivers(hars_request_t *r)
{
    json_t       *root;
    hars_look_t   look;

    if (hars_look(r, HARS_LOOK_CONSENT, &look) != HARS_OK) {
        return;
    }

    root = hars_caregivers_json(r->data, look.patient);

    if (root == NULL) {
        hars_reply_problem(r, 503, "The store does not answer; try again.");
        return;
    }

    hars_people_reply(r, 200, root);
}


static json_t *
hars_caregivers_json(hars_dcm_t *dcm, const char *patient)
{
    int                  rc;
    json_t              *list;
    hars_db_t           *db;
    hars_patient_key_t   key;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return NULL;
    }

    list = json_array();
    rc = list ? hars_patient_key(dcm, db, patient, &key) : HARS_ERROR;

    if (rc == HARS_OK) {
        rc = hars_caregivers_rows(db, patient, &key, list);
        hars_patient_key_wipe(&key);
    }

    hars_store_reader_done(dcm->store, db);

    if (rc == HARS_ERROR) {
        json_decref(list);
        return NULL;
    }

    return json_pack("{s:o}", "caregivers", list);
}


int
hars_caregivers_rows(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, json_t *list)
{
    int            rc;
    int64_t        now;
    hars_connected_t  person;

    now = hars_now();
    hars_db_text(db, patient);

    rc = hars_db_run(db, "SELECT caregiver, name, role, scopes, since_ms, "
                     "until_ms, created_ms FROM connection "
                     "WHERE patient = ?1 ORDER BY created_ms, caregiver");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        rc = hars_caregivers_row(db, patient, key, &person);

        if (rc == HARS_OK) {
            json_array_append_new(list, hars_people_json(&person, now));
        }
    }

    return rc;
}


static int
hars_caregivers_row(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_connected_t *person)
{
    char                  role[HARS_DCM_ID], scopes[HARS_PEOPLE_SCOPES];
    size_t                len;
    const unsigned char  *sealed;

    memset(person, 0, sizeof(hars_connected_t));

    if (hars_db_get_text(db, 0, person->id, sizeof(person->id)) != HARS_OK
        || hars_db_get_bytes(db, 1, &sealed, &len) != HARS_OK
        || hars_db_get_text(db, 2, role, sizeof(role)) != HARS_OK
        || hars_db_get_text(db, 3, scopes, sizeof(scopes)) != HARS_OK
        || hars_people_open(key, "connection", patient, person->id, sealed,
                            len, person->name) != HARS_OK)
    {
        return HARS_ERROR;
    }

    person->connection.doctor = (strcmp(role, "doctor") == 0);
    person->connection.scopes = hars_who_scopes(scopes);
    person->connection.since_ms = hars_db_get_int(db, 4);
    person->connection.until_ms = hars_db_get_int(db, 5);
    person->created_ms = hars_db_get_int(db, 6);

    return HARS_OK;
}
