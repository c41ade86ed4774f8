
/* See hars_dcm_intake.h for what this is. */

#include "hars_dcm_intake.h"
#include "hars_dcm_erase.h"
#include "hars_dcm_samples.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>


typedef struct {
    hars_dcm_t            *dcm;
    hars_intake_t         *intake;
    hars_intake_e          outcome;
    hars_dcm_recording_t   there;         /* that has its id */
} hars_intake_store_t;


static void *hars_intake_room(hars_intake_t *intake, size_t size);
static int hars_intake_flush(hars_intake_t *intake, hars_block_t *block);
static hars_intake_block_t *hars_intake_more(hars_intake_t *intake);
static int hars_intake_look(hars_dcm_t *dcm, const hars_intake_t *intake);
static int hars_intake_stands(hars_db_t *db, const hars_intake_t *intake);
static int hars_intake_seal(hars_intake_t *intake);
static int hars_intake_store(hars_db_t *db, void *data);
static int hars_intake_insert(hars_db_t *db, hars_intake_t *intake);
static int hars_intake_blocks(hars_db_t *db, hars_intake_t *intake);
static int hars_intake_job(hars_db_t *db, const hars_intake_t *intake);


int
hars_intake_row(hars_intake_t *intake, const hars_row_t *row)
{
    hars_block_t  **block;

    block = &intake->open[row->stream];

    if (*block == NULL) {
        *block = hars_intake_room(intake, sizeof(hars_block_t));

        if (*block == NULL) {
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


static void *
hars_intake_room(hars_intake_t *intake, size_t size)
{
    if (intake->hold && intake->hold(intake->hold_data, size) != HARS_OK) {
        return NULL;
    }

    return malloc(size);
}


/* the block is empty then */
static int
hars_intake_flush(hars_intake_t *intake, hars_block_t *block)
{
    size_t                len;
    unsigned char         plain[HARS_BLOCK_SIZE(HARS_BLOCK_ROWS)];
    hars_intake_block_t  *packed;

    if (block->n == 0) {
        return HARS_OK;
    }

    packed = hars_intake_more(intake);

    if (packed == NULL) {
        return HARS_ERROR;
    }

    len = hars_block_encode(block, plain);
    block->n = 0;

    packed->start_ms = hars_block_start(block) / 1000;
    packed->data = hars_intake_room(intake, len + HARS_VAULT_SEAL);

    if (packed->data) {
        packed->len = len;
        memcpy(packed->data, plain, len);
    }

    OPENSSL_cleanse(plain, len);

    return packed->data ? HARS_OK : HARS_ERROR;
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
hars_intake_open(hars_dcm_t *dcm, hars_intake_t *intake)
{
    int       rc;
    unsigned  full;

    full = 0;
    rc = hars_intake_look(dcm, intake);

    if (rc == HARS_OK) {
        rc = hars_patient_key_made(dcm, intake->recording.patient,
                                   &intake->key, &full);
    }

    switch (rc) {

    case HARS_OK:
        return HARS_INTAKE_STORED;

    case HARS_DECLINED:
        return HARS_INTAKE_ERASED;

    default:
        return full ? HARS_INTAKE_FULL : HARS_INTAKE_ERROR;
    }
}


/* before anybody is made anew; the commit looks again */
static int
hars_intake_look(hars_dcm_t *dcm, const hars_intake_t *intake)
{
    int         rc;
    hars_db_t  *db;

    if (intake->recording.fog_session[0] == '\0') {
        return HARS_OK;
    }

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_intake_stands(db, intake);
    hars_store_reader_done(dcm->store, db);

    return rc;
}


/* HARS_DECLINED: its patient was erased since its session began */
static int
hars_intake_stands(hars_db_t *db, const hars_intake_t *intake)
{
    int  rc;

    if (intake->recording.fog_session[0] == '\0') {
        return HARS_OK;
    }

    rc = hars_erased_since(db, intake->recording.patient,
                           intake->session_ms);

    return rc == HARS_DECLINED ? HARS_OK
           : rc == HARS_OK ? HARS_DECLINED : HARS_ERROR;
}


hars_intake_e
hars_intake_commit(hars_dcm_t *dcm, hars_intake_t *intake)
{
    int                  rc;
    unsigned             full;
    hars_intake_store_t  store = { .dcm = dcm, .intake = intake };

    if (hars_intake_seal(intake) != HARS_OK) {
        hars_log_error("a recording cannot be sealed");
        return HARS_INTAKE_ERROR;
    }

    rc = hars_store_write_full(dcm->store, hars_intake_store, &store, &full);

    if (rc == HARS_ERROR) {
        return full ? HARS_INTAKE_FULL : HARS_INTAKE_ERROR;
    }

    if (store.outcome == HARS_INTAKE_AGAIN) {
        intake->recording = store.there;
    }

    return store.outcome;
}


/* each block in place */
static int
hars_intake_seal(hars_intake_t *intake)
{
    int                   rc;
    char                  name[HARS_VAULT_NAME];
    unsigned              i;
    unsigned char         plain[HARS_BLOCK_SIZE(HARS_BLOCK_ROWS)];
    hars_intake_block_t  *block;

    rc = HARS_OK;

    for (i = 0; rc == HARS_OK && i < HARS_STREAMS; i++) {
        if (intake->open[i]) {
            rc = hars_intake_flush(intake, intake->open[i]);
        }
    }

    for (i = 0; rc == HARS_OK && i < intake->n; i++) {
        block = &intake->block[i];
        memcpy(plain, block->data, block->len);

        hars_samples_name(name, intake->recording.patient, block->start_ms,
                          intake->recording.id, i);
        rc = hars_seal_bytes(&intake->key, name, plain, block->len,
                             block->data);

        OPENSSL_cleanse(plain, block->len);
        block->len += HARS_VAULT_SEAL;
        intake->bytes += block->len;
    }

    return rc;
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

    rc = hars_patient_lock(store->dcm, db, recording->patient, &intake->key);

    if (rc == HARS_OK) {
        rc = hars_intake_stands(db, intake);
    }

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
    recording->accepted_ms = hars_now();

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


/* what was not sealed is wiped */
void
hars_intake_free(hars_intake_t *intake)
{
    unsigned  i;

    for (i = 0; i < HARS_STREAMS; i++) {
        if (intake->open[i]) {
            OPENSSL_cleanse(intake->open[i], sizeof(hars_block_t));
            free(intake->open[i]);
        }
    }

    for (i = 0; i < intake->n; i++) {
        if (intake->block[i].data) {
            OPENSSL_cleanse(intake->block[i].data, intake->block[i].len);
            free(intake->block[i].data);
        }
    }

    free(intake->block);
    hars_patient_key_wipe(&intake->key);
}
