
/* See hars_dcm_intake.h for what this is. */

#include "hars_dcm_intake.h"
#include "hars_dcm_samples.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>


typedef struct {
    hars_intake_t         *intake;
    hars_intake_e          outcome;
    hars_dcm_recording_t   there;         /* that has its id */
} hars_intake_store_t;


static int hars_intake_flush(hars_intake_t *intake, hars_block_t *block);
static hars_intake_block_t *hars_intake_more(hars_intake_t *intake);
static int hars_intake_store(hars_db_t *db, void *data);
static int hars_intake_insert(hars_db_t *db, hars_intake_t *intake);
static int hars_intake_blocks(hars_db_t *db, hars_intake_t *intake);
static int hars_intake_job(hars_db_t *db, const hars_intake_t *intake);


int
hars_intake_begin(hars_intake_t *intake, hars_dcm_t *dcm, const char *patient,
    const char *id, unsigned *full)
{
    memset(intake, 0, sizeof(hars_intake_t));
    intake->dcm = dcm;

    strcpy(intake->recording.patient, patient);
    strcpy(intake->recording.id, id);

    intake->plain = malloc(HARS_BLOCK_SIZE(HARS_BLOCK_ROWS));

    if (intake->plain == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    return hars_patient_key_made(dcm, patient, &intake->key, full);
}


int
hars_intake_row(hars_intake_t *intake, const hars_row_t *row)
{
    hars_block_t  **block;

    block = &intake->open[row->stream];

    if (*block == NULL) {
        *block = malloc(sizeof(hars_block_t));

        if (*block == NULL) {
            hars_log_error("no memory");
            return HARS_ERROR;
        }

        (*block)->n = 0;
    }

    if (hars_block_add(*block, row) == HARS_OK) {
        return HARS_OK;
    }

    if (hars_intake_flush(intake, *block) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_block_add(*block, row);
}


/* the block is empty then */
static int
hars_intake_flush(hars_intake_t *intake, hars_block_t *block)
{
    int                   rc;
    char                  name[HARS_VAULT_NAME];
    size_t                len;
    hars_intake_block_t  *sealed;

    if (block->n == 0) {
        return HARS_OK;
    }

    sealed = hars_intake_more(intake);

    if (sealed == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    len = hars_block_encode(block, intake->plain);
    block->n = 0;

    sealed->start_ms = hars_block_start(block) / 1000;
    sealed->len = len + HARS_VAULT_SEAL;
    sealed->data = malloc(sealed->len);

    if (sealed->data == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    hars_samples_name(name, intake->recording.patient, sealed->start_ms,
                      intake->recording.id, (int64_t) intake->n - 1);

    rc = hars_seal_bytes(&intake->key, name, intake->plain, len,
                         sealed->data);
    intake->bytes += sealed->len;

    return rc;
}


static hars_intake_block_t *
hars_intake_more(hars_intake_t *intake)
{
    unsigned              size;
    hars_intake_block_t  *block;

    if (intake->n == intake->size) {
        size = intake->size ? 2 * intake->size : 8;
        block = realloc(intake->block, size * sizeof(hars_intake_block_t));

        if (block == NULL) {
            return NULL;
        }

        intake->block = block;
        intake->size = size;
    }

    block = &intake->block[intake->n++];
    memset(block, 0, sizeof(hars_intake_block_t));

    return block;
}


hars_intake_e
hars_intake_commit(hars_intake_t *intake)
{
    int                  rc;
    unsigned             i, full;
    hars_intake_store_t  store = { .intake = intake };

    for (i = 0; i < HARS_STREAMS; i++) {
        if (intake->open[i]
            && hars_intake_flush(intake, intake->open[i]) != HARS_OK)
        {
            return HARS_INTAKE_ERROR;
        }
    }

    rc = hars_store_write_full(intake->dcm->store, hars_intake_store, &store,
                               &full);

    if (rc == HARS_ERROR) {
        return full ? HARS_INTAKE_FULL : HARS_INTAKE_ERROR;
    }

    if (store.outcome == HARS_INTAKE_AGAIN) {
        intake->recording = store.there;
    }

    return store.outcome;
}


/* may be done twice, see hars_store.h */
static int
hars_intake_store(hars_db_t *db, void *data)
{
    int                    rc;
    hars_intake_t         *intake;
    hars_intake_store_t   *store;
    hars_dcm_recording_t  *recording;

    store = data;
    intake = store->intake;
    recording = &intake->recording;

    rc = hars_patient_lock(intake->dcm, db, recording->patient, &intake->key);

    if (rc != HARS_OK) {
        store->outcome = HARS_INTAKE_ERASED;
        return rc;
    }

    rc = hars_recording_get(db, recording->patient, recording->id,
                            &store->there);

    if (rc == HARS_OK) {
        store->outcome = CRYPTO_memcmp(store->there.digest, recording->digest,
                                       HARS_SHA256_LEN) == 0
                         ? HARS_INTAKE_AGAIN : HARS_INTAKE_OTHER;
        return HARS_OK;
    }

    store->outcome = HARS_INTAKE_STORED;

    return rc == HARS_DECLINED ? hars_intake_insert(db, intake) : HARS_ERROR;
}


static int
hars_intake_insert(hars_db_t *db, hars_intake_t *intake)
{
    hars_dcm_recording_t  *recording;

    recording = &intake->recording;
    recording->accepted_ms = hars_dcm_now();

    if (hars_patient_next_seq(db, recording->patient, &recording->seq)
        != HARS_OK
        || hars_recording_insert(db, recording) != HARS_OK
        || hars_intake_blocks(db, intake) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_intake_job(db, intake);
}


static int
hars_intake_blocks(hars_db_t *db, hars_intake_t *intake)
{
    unsigned              i;
    hars_intake_block_t  *block;

    for (i = 0; i < intake->n; i++) {
        block = &intake->block[i];

        /* they are a day apart at most */

        if ((i == 0 || i == intake->n - 1)
            && hars_db_month(db, "block", block->start_ms) != HARS_OK)
        {
            return HARS_ERROR;
        }

        hars_db_text(db, intake->recording.patient);
        hars_db_int(db, block->start_ms);
        hars_db_text(db, intake->recording.id);
        hars_db_int(db, i);
        hars_db_blob(db, block->data, block->len);

        if (hars_db_do(db, "INSERT INTO block (patient, start_ms, recording,"
                       " n, data) VALUES (?1, ?2, ?3, ?4, ?5)", NULL)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_intake_job(hars_db_t *db, const hars_intake_t *intake)
{
    hars_db_text(db, intake->recording.patient);
    hars_db_text(db, intake->recording.id);
    hars_db_int(db, intake->recording.accepted_ms);

    return hars_db_do(db, "INSERT INTO job (patient, recording, due_ms,"
                      " until_ms, tries) VALUES (?1, ?2, ?3, 0, 0)", NULL);
}


void
hars_intake_free(hars_intake_t *intake)
{
    unsigned  i;

    for (i = 0; i < HARS_STREAMS; i++) {
        free(intake->open[i]);
    }

    for (i = 0; i < intake->n; i++) {
        free(intake->block[i].data);
    }

    free(intake->block);
    free(intake->plain);
    hars_patient_key_wipe(&intake->key);
}
