
/*
 * See hars_dcm_look.h for what this is.  A line of the access log is one row,
 * named by the minute and a number that only the patient's key gives: who
 * looks at the same thing again in that minute gets the same name, on
 * whichever instance, and adds nothing.  What this instance has written
 * lately it remembers, by digests, in a table of fixed size.
 */

#include "hars_dcm_look.h"
#include "hars_dcm_patient.h"
#include "hars_log.h"
#include "hars_route.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define HARS_LOOKS_SLOTS   4096
#define HARS_LOOKS_MINUTE  60000          /* ms */
#define HARS_LOOKS_DATA    512
#define HARS_LOOKS_NAME    (3 * HARS_DCM_ID + 64)


struct hars_looks_s {
    pthread_mutex_t    mutex;
    unsigned char      slot[HARS_LOOKS_SLOTS][HARS_SHA256_LEN];
};


/* a line that is to be written */
typedef struct {
    hars_dcm_t          *dcm;
    const char          *patient;
    hars_patient_key_t   key;
    int64_t              minute_ms;
    unsigned char        digest[HARS_SHA256_LEN];
    int64_t              n;               /* of it */
    unsigned char        data[HARS_LOOKS_DATA + HARS_VAULT_SEAL];
    size_t               len;
} hars_look_line_t;


static int hars_look_decide(hars_dcm_t *dcm, hars_look_t *look,
    hars_patient_key_t *key);
static int hars_look_connection(hars_db_t *db, const char *patient,
    const char *caregiver, hars_connection_t *connection);
static int hars_look_written(hars_dcm_t *dcm, const hars_look_t *look,
    const hars_patient_key_t *key);
static int hars_look_digest(const hars_look_t *look, hars_look_line_t *line);
static int hars_look_seal(const hars_look_t *look, int64_t now,
    hars_look_line_t *line);
static int hars_look_insert(hars_db_t *db, void *data);
static int hars_looks_know(hars_looks_t *looks, const unsigned char *digest);
static void hars_looks_keep(hars_looks_t *looks,
    const unsigned char *digest);
static unsigned char *hars_looks_slot(hars_looks_t *looks,
    const unsigned char *digest);


hars_looks_t *
hars_looks_create(void)
{
    hars_looks_t  *looks;

    looks = calloc(1, sizeof(hars_looks_t));

    if (looks == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    pthread_mutex_init(&looks->mutex, NULL);

    return looks;
}


void
hars_looks_free(hars_looks_t *looks)
{
    if (looks) {
        pthread_mutex_destroy(&looks->mutex);
        free(looks);
    }
}


int
hars_look(hars_request_t *r, hars_access_what_e what, hars_look_t *look)
{
    int                  rc;
    hars_dcm_t          *dcm;
    hars_patient_key_t   key;

    dcm = r->data;
    look->what = what;

    if (hars_who(r, &look->who) != HARS_OK
        || hars_who_may(r, &look->who, hars_access_scopes(what)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_route_segment(r, 0, look->patient, sizeof(look->patient))
        != HARS_OK)
    {
        hars_look_nobody(r);
        return HARS_ERROR;
    }

    memset(&key, 0, sizeof(hars_patient_key_t));
    rc = hars_look_decide(dcm, look, &key);

    if (rc == HARS_OK && !look->access.own) {
        rc = hars_look_written(dcm, look, &key);
    }

    hars_patient_key_wipe(&key);

    if (rc == HARS_DECLINED) {
        hars_look_nobody(r);

    } else if (rc != HARS_OK) {
        hars_reply_problem(r, 503, "The store does not answer, or the look "
                           "cannot be written down; try again.");
    }

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


void
hars_look_nobody(hars_request_t *r)
{
    hars_reply_problem(r, 404, "There is no such patient, or none that is "
                       "connected with who asks.");
}


/*
 * Who has no connection and who asks for nobody cost the same: one look for a
 * row that is not there.  "key" is for the line of the log; NULL: none.
 */
static int
hars_look_decide(hars_dcm_t *dcm, hars_look_t *look, hars_patient_key_t *key)
{
    int                 rc;
    hars_db_t          *db;
    hars_connection_t   connection;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_look_connection(db, look->patient, look->who.sub, &connection);

    if (rc != HARS_ERROR) {
        rc = hars_access(&look->who, look->what, look->patient,
                         rc == HARS_OK ? &connection : NULL, hars_now(),
                         &look->access);
    }

    if (rc == HARS_OK && key && !look->access.own) {
        rc = hars_patient_key(dcm, db, look->patient, key);
    }

    hars_store_reader_done(dcm->store, db);

    return rc;
}


static int
hars_look_connection(hars_db_t *db, const char *patient,
    const char *caregiver, hars_connection_t *connection)
{
    int   rc;
    char  role[HARS_DCM_ID], scopes[256];

    hars_db_text(db, patient);
    hars_db_text(db, caregiver);

    rc = hars_db_first(db, "SELECT role, scopes, since_ms, until_ms "
                       "FROM connection "
                       "WHERE patient = ?1 AND caregiver = ?2");

    if (rc != HARS_OK) {
        return rc;
    }

    if (hars_db_get_text(db, 0, role, sizeof(role)) != HARS_OK
        || hars_db_get_text(db, 1, scopes, sizeof(scopes)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    connection->doctor = (strcmp(role, "doctor") == 0);
    connection->scopes = hars_who_scopes(scopes);
    connection->since_ms = hars_db_get_int(db, 2);
    connection->until_ms = hars_db_get_int(db, 3);
    hars_db_done(db);

    return HARS_OK;
}


int
hars_look_again(hars_dcm_t *dcm, hars_look_t *look)
{
    return hars_look_decide(dcm, look, NULL);
}


static int
hars_look_written(hars_dcm_t *dcm, const hars_look_t *look,
    const hars_patient_key_t *key)
{
    int               rc;
    int64_t           now;
    hars_look_line_t  line;

    now = hars_now();
    memset(&line, 0, sizeof(hars_look_line_t));

    line.dcm = dcm;
    line.patient = look->patient;
    line.minute_ms = now - now % HARS_LOOKS_MINUTE;
    line.key = *key;

    rc = hars_look_digest(look, &line);

    if (rc == HARS_OK && !hars_looks_know(dcm->looks, line.digest)) {
        rc = hars_look_seal(look, now, &line);

        if (rc == HARS_OK) {
            rc = hars_store_write(dcm->store, hars_look_insert, &line);
        }

        if (rc == HARS_OK) {
            hars_looks_keep(dcm->looks, line.digest);
        }
    }

    hars_patient_key_wipe(&line.key);

    return rc;
}


/* of minute, client and thing: only the patient's key gives it */
static int
hars_look_digest(const hars_look_t *look, hars_look_line_t *line)
{
    int       len;
    char      name[HARS_LOOKS_NAME];
    unsigned  i;

    len = snprintf(name, sizeof(name), "%lld\n%s\n%s\n%s\n%s",
                   (long long) line->minute_ms, look->patient, look->who.sub,
                   look->who.client, hars_access_name(look->what));

    if (HMAC(EVP_sha256(), line->key.bytes, HARS_KEY_LEN,
             (const unsigned char *) name, (size_t) len, line->digest, NULL)
        == NULL)
    {
        return HARS_ERROR;
    }

    /* what every database has as an integer, above zero */

    for (i = 0; i < 8; i++) {
        line->n = (line->n << 8 | line->digest[i]) & (INT64_MAX >> 8);
    }

    return HARS_OK;
}


static int
hars_look_seal(const hars_look_t *look, int64_t now, hars_look_line_t *line)
{
    int      rc;
    char     text[HARS_LOOKS_DATA], name[HARS_VAULT_NAME];
    json_t  *root;

    root = json_pack("{s:I, s:s, s:s, s:s, s:s}",
                     "at_ms", (json_int_t) now,
                     "by", look->who.sub,
                     "client_id", look->who.client,
                     "kind", look->who.kind == HARS_WHO_DOCTOR ? "doctor"
                                                               : "caregiver",
                     "what", hars_access_name(look->what));

    line->len = root ? json_dumpb(root, text, sizeof(text), JSON_COMPACT) : 0;
    json_decref(root);

    if (line->len == 0 || line->len > sizeof(text)) {
        return HARS_ERROR;
    }

    hars_seal_name(name, "access", look->patient, "%lld\n%lld",
                   (long long) line->minute_ms, (long long) line->n);

    rc = hars_seal_bytes(&line->key, name, text, line->len, line->data);
    line->len += HARS_VAULT_SEAL;

    return rc;
}


/* HARS_DECLINED: the patient is not there any more */
static int
hars_look_insert(hars_db_t *db, void *data)
{
    int                rc;
    hars_look_line_t  *line;

    line = data;

    rc = hars_patient_lock(line->dcm, db, line->patient, &line->key);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_text(db, line->patient);
    hars_db_int(db, line->minute_ms);
    hars_db_int(db, line->n);
    hars_db_blob(db, line->data, line->len);

    return hars_db_do(db, "INSERT INTO access (patient, at_ms, n, data) "
                      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                      NULL);
}


static int
hars_looks_know(hars_looks_t *looks, const unsigned char *digest)
{
    int  known;

    pthread_mutex_lock(&looks->mutex);
    known = memcmp(hars_looks_slot(looks, digest), digest, HARS_SHA256_LEN)
            == 0;
    pthread_mutex_unlock(&looks->mutex);

    return known;
}


/* what was in its place is written once more, and changes nothing */
static void
hars_looks_keep(hars_looks_t *looks, const unsigned char *digest)
{
    pthread_mutex_lock(&looks->mutex);
    memcpy(hars_looks_slot(looks, digest), digest, HARS_SHA256_LEN);
    pthread_mutex_unlock(&looks->mutex);
}


static unsigned char *
hars_looks_slot(hars_looks_t *looks, const unsigned char *digest)
{
    return looks->slot[(digest[30] << 8 | digest[31]) % HARS_LOOKS_SLOTS];
}
