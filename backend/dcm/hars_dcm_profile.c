
/*
 * What a patient is called: written by the patient, sealed, read by those
 * who are connected.
 *
 *     GET /v1/patients/{id}      {"id":"...","name":"Mrs. Sato"}
 *     PUT /v1/patients/{id}      {"name":"Mrs. Sato"}, or null for none
 */

#include "hars_dcm_people.h"

#include <string.h>

#include <jansson.h>


typedef struct {
    hars_dcm_t          *dcm;
    const char          *patient;
    hars_patient_key_t   key;
    unsigned char        name[HARS_NAME_SIZE + HARS_VAULT_SEAL];
    size_t               len;
    unsigned             full;
} hars_profile_t;


static int hars_profile_read(hars_dcm_t *dcm, const char *patient,
    char name[HARS_NAME_SIZE]);
static int hars_profile_write(hars_profile_t *profile, const char *name);
static int hars_profile_update(hars_db_t *db, void *data);
static void hars_profile_answer(hars_request_t *r, const char *patient,
    const char *name);


void
hars_dcm_profile(hars_request_t *r)
{
    char         name[HARS_NAME_SIZE];
    hars_look_t  look;

    if (hars_look(r, HARS_LOOK_PROFILE, &look) != HARS_OK) {
        return;
    }

    switch (hars_profile_read(r->data, look.patient, name)) {

    case HARS_OK:
        hars_profile_answer(r, look.patient, name);
        break;

    case HARS_DECLINED:

        /* who has stored nothing yet has no row; somebody else's was erased */

        if (look.access.own) {
            hars_profile_answer(r, look.patient, "");
        } else {
            hars_look_nobody(r);
        }
        break;

    default:
        hars_reply_problem(r, 503, "The store does not answer; try again.");
    }
}


static int
hars_profile_read(hars_dcm_t *dcm, const char *patient,
    char name[HARS_NAME_SIZE])
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_profile_name(dcm, db, patient, name);
    hars_store_reader_done(dcm->store, db);

    return rc;
}


int
hars_profile_name(hars_dcm_t *dcm, hars_db_t *db, const char *patient,
    char name[HARS_NAME_SIZE])
{
    int                   rc;
    size_t                len;
    hars_patient_key_t    key;
    const unsigned char  *sealed;

    rc = hars_patient_key(dcm, db, patient, &key);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_text(db, patient);
    rc = hars_db_first(db, "SELECT name FROM patient WHERE sub = ?1");

    if (rc == HARS_OK) {
        rc = hars_db_get_bytes(db, 0, &sealed, &len);
    }

    if (rc == HARS_OK) {
        rc = hars_people_open(&key, "patient", patient, patient, sealed, len,
                              name);
    }

    hars_db_done(db);
    hars_patient_key_wipe(&key);

    return rc;
}


void
hars_dcm_profile_put(hars_request_t *r)
{
    char            name[HARS_NAME_SIZE];
    hars_look_t     look;
    hars_refusal_t  refusal;
    hars_profile_t  profile;

    if (hars_look(r, HARS_DO_CONSENT, &look) != HARS_OK) {
        return;
    }

    if (!hars_request_type(r, "application/json")) {
        hars_reply_problem(r, 415, "The body has to be application/json.");
        return;
    }

    if (hars_consent_name(name, r->body, r->body_len, &refusal) != HARS_OK) {
        hars_people_refuse(r, &refusal);
        return;
    }

    memset(&profile, 0, sizeof(hars_profile_t));
    profile.dcm = r->data;
    profile.patient = look.patient;

    if (hars_profile_write(&profile, name) != HARS_OK) {
        hars_people_failed(r, profile.full, "The name was not stored; try "
                           "again.");
        return;
    }

    hars_profile_answer(r, look.patient, name);
}


static int
hars_profile_write(hars_profile_t *profile, const char *name)
{
    int          rc;
    const char  *patient;

    patient = profile->patient;

    rc = hars_patient_key_made(profile->dcm, patient, &profile->key,
                               &profile->full);

    if (rc == HARS_OK) {
        rc = hars_people_seal(&profile->key, "patient", patient, patient, name,
                              profile->name, &profile->len);
    }

    if (rc == HARS_OK) {
        rc = hars_store_write_full(profile->dcm->store, hars_profile_update,
                                   profile, &profile->full);
    }

    hars_patient_key_wipe(&profile->key);

    return rc;
}


static int
hars_profile_update(hars_db_t *db, void *data)
{
    int              rc;
    hars_profile_t  *profile;

    profile = data;

    rc = hars_patient_lock(profile->dcm, db, profile->patient,
                           &profile->key);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_text(db, profile->patient);
    hars_db_blob(db, profile->name, profile->len);

    return hars_db_do(db, "UPDATE patient SET name = ?2 WHERE sub = ?1",
                      NULL);
}


static void
hars_profile_answer(hars_request_t *r, const char *patient, const char *name)
{
    hars_people_reply(r, 200, json_pack("{s:s, s:o}", "id", patient, "name",
                                        hars_people_name(name)));
}
