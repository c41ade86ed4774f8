
/* See hars_dcm_patient.h for what this is. */

#include "hars_dcm_patient.h"

#include <string.h>

#include <openssl/crypto.h>


typedef struct {
    hars_dcm_t          *dcm;
    const char          *sub;
    hars_patient_key_t  *key;
} hars_patient_make_t;


static int hars_patient_open(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    hars_patient_key_t *key);
static int hars_patient_make(hars_db_t *db, void *data);


int
hars_patient_key(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    hars_patient_key_t *key)
{
    int  rc;

    hars_db_text(db, sub);
    rc = hars_db_first(db, "SELECT key FROM patient WHERE sub = ?1");

    if (rc == HARS_OK) {
        rc = hars_patient_open(dcm, db, sub, key);
    }

    hars_db_done(db);

    return rc;
}


/* of the row that is being read, its first column */
static int
hars_patient_open(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    hars_patient_key_t *key)
{
    unsigned char  wrapped[HARS_VAULT_WRAPPED];

    if (hars_db_get_blob(db, 0, wrapped, HARS_VAULT_WRAPPED) != HARS_OK) {
        return HARS_ERROR;
    }

    if (hars_patient_is_erased(wrapped)) {
        return HARS_DECLINED;
    }

    return hars_vault_unwrap(dcm->vault, sub, wrapped, key);
}


/* hars_dcm_erase.c left zeros */
unsigned
hars_patient_is_erased(const unsigned char wrapped[HARS_VAULT_WRAPPED])
{
    static const unsigned char  none[HARS_VAULT_WRAPPED];

    return memcmp(wrapped, none, HARS_VAULT_WRAPPED) == 0;
}


int
hars_patient_read(hars_dcm_t *dcm, const char *sub,
    hars_patient_read_pt read, void *data)
{
    int                  rc;
    hars_db_t           *db;
    hars_patient_key_t   key;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_patient_key(dcm, db, sub, &key);

    if (rc == HARS_OK) {
        rc = read(db, &key, data);
        hars_patient_key_wipe(&key);
    }

    hars_store_reader_done(dcm->store, db);

    return rc;
}


int
hars_patient_key_made(hars_dcm_t *dcm, const char *sub,
    hars_patient_key_t *key, unsigned *full)
{
    int                  rc;
    hars_db_t           *db;
    hars_patient_make_t  make = { .dcm = dcm, .sub = sub, .key = key };

    *full = 0;
    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_patient_key(dcm, db, sub, key);
    hars_store_reader_done(dcm->store, db);

    if (rc == HARS_DECLINED) {
        rc = hars_store_write_full(dcm->store, hars_patient_make, &make,
                                   full);
    }

    return rc;
}


/* somebody else may have made it since, or make it at this moment */
static int
hars_patient_make(hars_db_t *db, void *data)
{
    unsigned char         wrapped[HARS_VAULT_WRAPPED];
    hars_patient_make_t  *make;

    make = data;

    if (hars_vault_make(make->dcm->vault, make->sub, wrapped) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_text(db, make->sub);
    hars_db_blob(db, wrapped, HARS_VAULT_WRAPPED);
    hars_db_int(db, hars_now());
    hars_db_blob(db, NULL, 0);

    if (hars_db_do(db, "INSERT INTO patient (sub, key, name, seq, event,"
                   " created_ms) VALUES (?1, ?2, ?4, 0, 0, ?3)"
                   " ON CONFLICT (sub) DO NOTHING", NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_patient_key(make->dcm, db, make->sub, make->key);
}


int
hars_patient_lock(hars_dcm_t *dcm, hars_db_t *db, const char *sub,
    const hars_patient_key_t *key)
{
    int                 rc;
    hars_patient_key_t  now;

    hars_db_text(db, sub);
    rc = hars_db_first(db, "SELECT key FROM patient WHERE sub = ?1 {LOCK}");

    if (rc == HARS_OK) {
        rc = hars_patient_open(dcm, db, sub, &now);

        if (rc == HARS_OK && key
            && CRYPTO_memcmp(now.bytes, key->bytes, HARS_KEY_LEN) != 0)
        {
            rc = HARS_DECLINED;
        }

        hars_patient_key_wipe(&now);
    }

    hars_db_done(db);

    return rc;
}


int
hars_patient_next_seq(hars_db_t *db, const char *sub, int64_t *seq)
{
    hars_db_text(db, sub);

    if (hars_db_do(db, "UPDATE patient SET seq = seq + 1 WHERE sub = ?1",
                   NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_text(db, sub);

    if (hars_db_first(db, "SELECT seq FROM patient WHERE sub = ?1")
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    *seq = hars_db_get_int(db, 0);
    hars_db_done(db);

    return HARS_OK;
}


int
hars_patient_next_event(hars_db_t *db, const char *sub, int64_t *event)
{
    hars_db_text(db, sub);

    if (hars_db_do(db, "UPDATE patient SET event = event + 1 WHERE sub = ?1",
                   NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_text(db, sub);

    if (hars_db_first(db, "SELECT event FROM patient WHERE sub = ?1")
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    *event = hars_db_get_int(db, 0);
    hars_db_done(db);

    return HARS_OK;
}
