
/*
 * The patient's word about one caregiver.
 *
 *     PUT /v1/patients/{id}/caregivers/{cid}       connected, or otherwise
 *     DELETE                                       not any more
 *
 * From the answer on each request of that caregiver is decided by it.  Who is
 * connected sees data from now on, unless "since" is given; who is connected
 * already keeps the time of before.  Whether there is somebody of this id is
 * the authorization server's to know: an id that nobody has opens nothing.
 */

#include "hars_dcm_people.h"
#include "hars_route.h"

#include <string.h>

#include <jansson.h>


#define HARS_CONNECT_MOST  100            /* caregivers of a patient */


typedef struct {
    hars_dcm_t           *dcm;
    const char           *patient;
    hars_patient_key_t    key;
    hars_consent_t        consent;
    int64_t               now_ms;
    hars_connected_t         person;
    unsigned char         name[HARS_NAME_SIZE + HARS_VAULT_SEAL];
    size_t                len;
    unsigned              full:1;         /* nobody else has place */
    unsigned              disk;           /* it is full */
} hars_connect_t;


static int hars_connect_ids(hars_request_t *r, const hars_look_t *look,
    char caregiver[HARS_DCM_ID]);
static int hars_connect_store(hars_connect_t *connect);
static int hars_connect_write(hars_db_t *db, void *data);
static int hars_connect_before(hars_db_t *db, hars_connect_t *connect);
static int hars_connect_room(hars_db_t *db, hars_connect_t *connect);
static int hars_connect_upsert(hars_db_t *db, hars_connect_t *connect);
static int hars_disconnect_write(hars_db_t *db, void *data);


void
hars_dcm_connect(hars_request_t *r)
{
    int              rc;
    hars_look_t      look;
    hars_refusal_t   refusal;
    hars_connect_t   connect;

    memset(&connect, 0, sizeof(hars_connect_t));

    if (hars_look(r, HARS_DO_CONSENT, &look) != HARS_OK
        || hars_connect_ids(r, &look, connect.person.id) != HARS_OK)
    {
        return;
    }

    if (!hars_request_type(r, "application/json")) {
        hars_reply_problem(r, 415, "The body has to be application/json.");
        return;
    }

    connect.dcm = r->data;
    connect.patient = look.patient;
    connect.now_ms = hars_now();

    if (hars_consent_read(&connect.consent, r->body, r->body_len,
                          connect.now_ms, &refusal) != HARS_OK)
    {
        hars_people_refuse(r, &refusal);
        return;
    }

    rc = hars_connect_store(&connect);

    if (rc != HARS_OK) {
        hars_people_failed(r, connect.disk, "The connection was not stored; "
                           "try again.");

    } else if (connect.full) {
        hars_reply_problem(r, 409, "There are 100 caregivers: disconnect "
                           "one of them before.");

    } else {
        hars_people_reply(r, 200, hars_people_json(&connect.person,
                                                   connect.now_ms));
    }
}


/* that of a caregiver, HARS_ERROR after it answered */
static int
hars_connect_ids(hars_request_t *r, const hars_look_t *look,
    char caregiver[HARS_DCM_ID])
{
    if (hars_route_segment(r, 1, caregiver, HARS_DCM_ID) != HARS_OK
        || hars_id_check(caregiver) != HARS_OK
        || strcmp(caregiver, look->patient) == 0)
    {
        hars_reply_problem(r, 422, "The caregiver's id has to be somebody "
                           "else's, 1 to 64 characters of A-Z a-z 0-9 . _ -, "
                           "as the caregiver's own page shows it.");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_connect_store(hars_connect_t *connect)
{
    int  rc;

    rc = hars_patient_key_made(connect->dcm, connect->patient, &connect->key,
                               &connect->disk);

    if (rc == HARS_OK) {
        strcpy(connect->person.name, connect->consent.name);
        rc = hars_people_seal(&connect->key, "connection", connect->patient,
                              connect->person.id, connect->person.name,
                              connect->name, &connect->len);
    }

    if (rc == HARS_OK) {
        rc = hars_store_write_full(connect->dcm->store, hars_connect_write,
                                   connect, &connect->disk);
    }

    hars_patient_key_wipe(&connect->key);

    return rc;
}


static int
hars_connect_write(hars_db_t *db, void *data)
{
    int              rc;
    hars_connected_t   *person;
    hars_connect_t  *connect;

    connect = data;
    person = &connect->person;
    connect->full = 0;

    rc = hars_patient_lock(connect->dcm, db, connect->patient,
                           &connect->key);

    if (rc != HARS_OK) {
        return rc;
    }

    person->connection.doctor = connect->consent.doctor;
    person->connection.scopes = connect->consent.scopes;
    person->connection.until_ms = connect->consent.until_ms;

    rc = hars_connect_before(db, connect);

    if (rc == HARS_DECLINED) {
        rc = hars_connect_room(db, connect);
    }

    if (connect->consent.has_since) {
        person->connection.since_ms = connect->consent.since_ms;
    }

    return rc == HARS_OK && !connect->full ? hars_connect_upsert(db, connect)
                                           : rc;
}


/* one that ended is not this one: it would show what was between */
static int
hars_connect_before(hars_db_t *db, hars_connect_t *connect)
{
    int                 rc;
    int64_t             until;
    hars_connected_t      *person;

    person = &connect->person;
    person->connection.since_ms = connect->now_ms;
    person->created_ms = connect->now_ms;

    hars_db_text(db, connect->patient);
    hars_db_text(db, person->id);

    rc = hars_db_first(db, "SELECT since_ms, until_ms, created_ms "
                       "FROM connection "
                       "WHERE patient = ?1 AND caregiver = ?2");

    if (rc != HARS_OK) {
        return rc;
    }

    until = hars_db_get_int(db, 1);

    if (until == 0 || until > connect->now_ms) {
        person->connection.since_ms = hars_db_get_int(db, 0);
        person->created_ms = hars_db_get_int(db, 2);
    }

    hars_db_done(db);

    return HARS_OK;
}


static int
hars_connect_room(hars_db_t *db, hars_connect_t *connect)
{
    hars_db_text(db, connect->patient);

    if (hars_db_first(db, "SELECT count(*) FROM connection "
                      "WHERE patient = ?1") != HARS_OK)
    {
        return HARS_ERROR;
    }

    connect->full = (hars_db_get_int(db, 0) >= HARS_CONNECT_MOST);
    hars_db_done(db);

    return HARS_OK;
}


static int
hars_connect_upsert(hars_db_t *db, hars_connect_t *connect)
{
    char            scopes[HARS_PEOPLE_SCOPES];
    hars_connected_t  *person;

    person = &connect->person;
    hars_people_scopes(person->connection.scopes, scopes);

    hars_db_text(db, connect->patient);
    hars_db_text(db, person->id);
    hars_db_blob(db, connect->name, connect->len);
    hars_db_text(db, person->connection.doctor ? "doctor" : "caregiver");
    hars_db_text(db, scopes);
    hars_db_int(db, person->connection.since_ms);
    hars_db_int(db, person->connection.until_ms);
    hars_db_int(db, person->created_ms);

    return hars_db_do(db, "INSERT INTO connection (patient, caregiver, name, "
                      "role, scopes, since_ms, until_ms, created_ms) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                      "ON CONFLICT (patient, caregiver) DO UPDATE SET "
                      "name = excluded.name, role = excluded.role, "
                      "scopes = excluded.scopes, "
                      "since_ms = excluded.since_ms, "
                      "until_ms = excluded.until_ms, "
                      "created_ms = excluded.created_ms", NULL);
}


void
hars_dcm_disconnect(hars_request_t *r)
{
    int              rc;
    hars_dcm_t      *dcm;
    hars_look_t      look;
    hars_connect_t   connect;

    dcm = r->data;
    memset(&connect, 0, sizeof(hars_connect_t));

    if (hars_look(r, HARS_DO_CONSENT, &look) != HARS_OK
        || hars_connect_ids(r, &look, connect.person.id) != HARS_OK)
    {
        return;
    }

    connect.patient = look.patient;
    rc = hars_store_write_full(dcm->store, hars_disconnect_write, &connect,
                               &connect.disk);

    if (rc == HARS_OK) {
        hars_people_reply(r, 200, json_pack("{s:s, s:s}",
                                            "id", connect.person.id,
                                            "state", "disconnected"));

    } else if (rc == HARS_DECLINED) {
        hars_reply_problem(r, 404, "Nobody of this id is connected.");

    } else {
        hars_people_failed(r, connect.disk, "The caregiver is still "
                           "connected: the store does not answer; try again.");
    }
}


static int
hars_disconnect_write(hars_db_t *db, void *data)
{
    uint64_t         changed;
    hars_connect_t  *connect;

    connect = data;

    hars_db_text(db, connect->patient);
    hars_db_text(db, connect->person.id);

    if (hars_db_do(db, "DELETE FROM connection "
                   "WHERE patient = ?1 AND caregiver = ?2", &changed)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}
