
/* See hars_dcm_rekey.h for what this is. */

#include "hars_dcm_rekey.h"
#include "hars_log.h"

#include <string.h>


#define HARS_REKEY_BATCH  256


typedef struct {
    hars_dcm_t     *dcm;
    hars_rekey_t   *rekey;
    unsigned        n;
    char            sub[HARS_REKEY_BATCH][HARS_DCM_ID];
    unsigned        changed;
} hars_rekey_batch_t;


static int hars_rekey_read(hars_rekey_batch_t *batch, hars_db_t *db);
static int hars_rekey_write(hars_db_t *db, void *data);
static int hars_rekey_one(hars_db_t *db, hars_rekey_batch_t *batch,
    const char *sub);


int
hars_rekey_check(hars_dcm_t *dcm)
{
    int                         rc;
    unsigned                    missing;
    hars_db_t                  *db;
    unsigned char               id[HARS_VAULT_ID];
    static const unsigned char  none[HARS_VAULT_ID];

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    missing = 0;
    rc = hars_db_run(db, "SELECT DISTINCT substr(key, 1, 8) FROM patient");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        rc = hars_db_get_blob(db, 0, id, HARS_VAULT_ID);

        /* zeros: of who is being erased */

        missing += rc == HARS_OK && !hars_vault_has(dcm->vault, id)
                   && memcmp(id, none, HARS_VAULT_ID) != 0;
    }

    hars_store_reader_done(dcm->store, db);

    if (missing) {
        hars_log_error("patients' keys are wrapped by %u data keys that are "
                       "no data_key of the settings: name their files there, "
                       "too", missing);
    }

    return rc == HARS_ERROR || missing ? HARS_ERROR : HARS_OK;
}


int
hars_rekey(hars_dcm_t *dcm, hars_rekey_t *rekey)
{
    int                  rc;
    hars_db_t           *db;
    hars_rekey_batch_t   batch = { .dcm = dcm, .rekey = rekey };

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_rekey_read(&batch, db);
    hars_store_reader_done(dcm->store, db);

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    if (batch.n == 0) {
        rekey->over = 1;

        if (rekey->done) {
            hars_log_info("%llu patients' keys are wrapped by the first "
                          "data_key now", (unsigned long long) rekey->done);
        }

        return HARS_OK;
    }

    if (hars_store_write(dcm->store, hars_rekey_write, &batch) != HARS_OK) {
        return HARS_ERROR;
    }

    strcpy(rekey->sub, batch.sub[batch.n - 1]);
    rekey->done += batch.changed;

    return HARS_OK;
}


static int
hars_rekey_read(hars_rekey_batch_t *batch, hars_db_t *db)
{
    int  rc;

    hars_db_text(db, batch->rekey->sub);
    hars_db_int(db, HARS_REKEY_BATCH);
    rc = hars_db_run(db, "SELECT sub FROM patient WHERE sub > ?1"
                     " ORDER BY sub LIMIT ?2");

    while (rc == HARS_OK && batch->n < HARS_REKEY_BATCH
           && (rc = hars_db_row(db)) == HARS_OK)
    {
        rc = hars_db_get_text(db, 0, batch->sub[batch->n++], HARS_DCM_ID);
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* may be done twice, see hars_store.h */
static int
hars_rekey_write(hars_db_t *db, void *data)
{
    unsigned             i;
    hars_rekey_batch_t  *batch;

    batch = data;
    batch->changed = 0;

    for (i = 0; i < batch->n; i++) {
        if (hars_rekey_one(db, batch, batch->sub[i]) == HARS_ERROR) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* a key that does not open is the log's; others go on */
static int
hars_rekey_one(hars_db_t *db, hars_rekey_batch_t *batch, const char *sub)
{
    int            rc;
    unsigned char  wrapped[HARS_VAULT_WRAPPED];

    hars_db_text(db, sub);
    rc = hars_db_first(db, "SELECT key FROM patient WHERE sub = ?1 {LOCK}");

    if (rc == HARS_OK) {
        rc = hars_db_get_blob(db, 0, wrapped, HARS_VAULT_WRAPPED);
    }

    hars_db_done(db);

    if (rc != HARS_OK || hars_patient_is_erased(wrapped)
        || hars_vault_rewrap(batch->dcm->vault, sub, wrapped) != HARS_OK)
    {
        return rc == HARS_ERROR ? HARS_ERROR : HARS_DECLINED;
    }

    hars_db_text(db, sub);
    hars_db_blob(db, wrapped, HARS_VAULT_WRAPPED);
    batch->changed++;

    return hars_db_do(db, "UPDATE patient SET key = ?2 WHERE sub = ?1", NULL);
}
