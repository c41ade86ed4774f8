
/*
 * GET /v1/me: who asks, as everybody else here would call them, and of whom
 * there is something to see.  The id is what a patient is told, who wants to
 * connect this one.  Those that ended or have not begun are not listed; that
 * a name stands here is no look at anything and is not written down.
 */

#include "hars_dcm_people.h"

#include <string.h>

#include <jansson.h>


static json_t *hars_me_json(hars_dcm_t *dcm, const hars_who_t *who);
static int hars_me_name(hars_dcm_t *dcm, hars_db_t *db, const hars_who_t *who,
    json_t *root);
static int hars_me_patients(hars_dcm_t *dcm, hars_db_t *db,
    const hars_who_t *who, json_t *list);
static int hars_me_row(hars_dcm_t *dcm, hars_db_t *db, const hars_who_t *who,
    hars_connected_t *person);
static int hars_me_open(hars_dcm_t *dcm, hars_db_t *db, unsigned column,
    const char *patient, char name[HARS_NAME_SIZE]);


void
hars_dcm_me(hars_request_t *r)
{
    json_t      *root;
    hars_who_t   who;

    if (hars_who(r, &who) != HARS_OK) {
        return;
    }

    root = hars_me_json(r->data, &who);

    if (root == NULL) {
        hars_reply_problem(r, 503, "The store does not answer; try again.");
        return;
    }

    hars_people_reply(r, 200, root);
}


static json_t *
hars_me_json(hars_dcm_t *dcm, const hars_who_t *who)
{
    int         rc;
    json_t     *root, *list;
    hars_db_t  *db;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return NULL;
    }

    list = json_array();
    root = json_pack("{s:s, s:s, s:s, s:n, s:o}",
                     "sub", who->sub,
                     "client_id", who->client,
                     "kind", hars_who_kind_name(who->kind),
                     "name",
                     "patients", list);

    rc = root ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK && (who->scopes & HARS_SCOPE_ACTIVITIES_READ)) {
        rc = who->kind == HARS_WHO_PATIENT
             ? hars_me_name(dcm, db, who, root)
             : hars_me_patients(dcm, db, who, list);
    }

    hars_store_reader_done(dcm->store, db);

    if (rc != HARS_OK) {
        json_decref(root);
        return NULL;
    }

    return root;
}


static int
hars_me_name(hars_dcm_t *dcm, hars_db_t *db, const hars_who_t *who,
    json_t *root)
{
    int   rc;
    char  name[HARS_NAME_SIZE];

    hars_db_text(db, who->sub);
    rc = hars_db_first(db, "SELECT key, name FROM patient WHERE sub = ?1");

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK) {
        rc = hars_me_open(dcm, db, 0, who->sub, name);
    }

    if (rc == HARS_OK) {
        json_object_set_new(root, "name", hars_people_name(name));
    }

    return rc;
}


static int
hars_me_patients(hars_dcm_t *dcm, hars_db_t *db, const hars_who_t *who,
    json_t *list)
{
    int            rc;
    int64_t        now;
    hars_access_t  access;
    hars_connected_t  person;

    now = hars_now();
    hars_db_text(db, who->sub);

    rc = hars_db_run(db, "SELECT p.key, p.name, c.patient, c.role, c.scopes, "
                     "c.since_ms, c.until_ms, c.created_ms "
                     "FROM connection c JOIN patient p ON p.sub = c.patient "
                     "WHERE c.caregiver = ?1 ORDER BY c.patient LIMIT 1000");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {

        rc = hars_me_row(dcm, db, who, &person);

        if (rc == HARS_OK
            && hars_access(who, HARS_LOOK_PROFILE, person.id,
                           &person.connection, now, &access) == HARS_OK)
        {
            json_array_append_new(list, hars_people_json(&person, now));
        }
    }

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


/* who is no doctor is not one to the patient either */
static int
hars_me_row(hars_dcm_t *dcm, hars_db_t *db, const hars_who_t *who,
    hars_connected_t *person)
{
    char  role[HARS_DCM_ID], scopes[HARS_PEOPLE_SCOPES];

    memset(person, 0, sizeof(hars_connected_t));

    if (hars_db_get_text(db, 2, person->id, sizeof(person->id)) != HARS_OK
        || hars_db_get_text(db, 3, role, sizeof(role)) != HARS_OK
        || hars_db_get_text(db, 4, scopes, sizeof(scopes)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    /* one whose key is damaged, as the log says, is no reason to hide others */

    if (hars_me_open(dcm, db, 0, person->id, person->name) != HARS_OK) {
        person->name[0] = '\0';
    }

    person->connection.doctor = strcmp(role, "doctor") == 0
                                && who->kind == HARS_WHO_DOCTOR;
    person->connection.scopes = hars_who_scopes(scopes);
    person->connection.since_ms = hars_db_get_int(db, 5);
    person->connection.until_ms = hars_db_get_int(db, 6);
    person->created_ms = hars_db_get_int(db, 7);

    return HARS_OK;
}


/* key and name of a patient's row, from this column on */
static int
hars_me_open(hars_dcm_t *dcm, hars_db_t *db, unsigned column,
    const char *patient, char name[HARS_NAME_SIZE])
{
    int                   rc;
    size_t                len;
    unsigned char         wrapped[HARS_VAULT_WRAPPED];
    hars_patient_key_t    key;
    const unsigned char  *sealed;

    if (hars_db_get_blob(db, column, wrapped, sizeof(wrapped)) != HARS_OK
        || hars_db_get_bytes(db, column + 1, &sealed, &len) != HARS_OK)
    {
        return HARS_ERROR;
    }

    /* what is left of one that was erased has no name */

    if (hars_patient_is_erased(wrapped)) {
        name[0] = '\0';
        return HARS_OK;
    }

    if (hars_vault_unwrap(dcm->vault, patient, wrapped, &key) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = hars_people_open(&key, "patient", patient, patient, sealed, len,
                          name);
    hars_patient_key_wipe(&key);

    return rc;
}
