
/* See hars_dcm_erase.h for what this is. */

#include "hars_dcm_erase.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/evp.h>


#define HARS_ERASE_BATCH  32              /* recordings in one transaction */
#define HARS_ERASE_TRIES  6               /* of 5 s at most */


/* one of several statements with the same parameters */
typedef const char  *hars_erase_sql_t;


static int hars_erase_key(hars_db_t *db, void *data);
static int hars_erase_begun(hars_db_t *db, const char *sub);
static int hars_erase_line(hars_db_t *db, const char *sub);
static int hars_erase_hash(const char *sub,
    unsigned char hash[HARS_SHA256_LEN]);
static int hars_erase_scrub(hars_dcm_t *dcm);
static int hars_erase_batch(hars_db_t *db, void *data);
static int hars_erase_who(hars_db_t *db, char sub[HARS_DCM_ID]);
static int hars_erase_recordings(hars_db_t *db, const char *sub, unsigned *n);
static int hars_erase_rest(hars_db_t *db, const char *sub);


/* whatever decides, or goes on, is gone at once */
static const hars_erase_sql_t  hars_erase_first[] = {
    "DELETE FROM connection WHERE patient = ?1",
    "DELETE FROM job WHERE patient = ?1",
    NULL
};

static const hars_erase_sql_t  hars_erase_recording[] = {
    "DELETE FROM block WHERE patient = ?1 AND recording = ?2",
    "DELETE FROM window_block WHERE patient = ?1 AND recording = ?2",
    "DELETE FROM job WHERE patient = ?1 AND recording = ?2",
    "DELETE FROM recording WHERE patient = ?1 AND id = ?2",
    NULL
};

static const hars_erase_sql_t  hars_erase_last[] = {
    "DELETE FROM connection WHERE patient = ?1",
    "DELETE FROM day WHERE patient = ?1",
    "DELETE FROM access WHERE patient = ?1",
    "DELETE FROM patient WHERE sub = ?1",
    NULL
};

static const unsigned char  hars_erase_none[HARS_VAULT_WRAPPED];


int
hars_erase(hars_dcm_t *dcm, const char *sub)
{
    int  rc;

    rc = hars_store_write(dcm->store, hars_erase_key, (void *) sub);

    if (rc != HARS_OK) {
        return rc;
    }

    atomic_store(&dcm->erasing, 1);

    return hars_erase_scrub(dcm);
}


static int
hars_erase_key(hars_db_t *db, void *data)
{
    uint64_t     changed;
    unsigned     i;
    const char  *sub;

    sub = data;

    hars_db_text(db, sub);
    hars_db_blob(db, hars_erase_none, HARS_VAULT_WRAPPED);
    hars_db_blob(db, NULL, 0);

    if (hars_db_do(db, "UPDATE patient SET key = ?2, name = ?3"
                   " WHERE sub = ?1 AND key <> ?2", &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (changed == 0) {
        return hars_erase_begun(db, sub);
    }

    for (i = 0; hars_erase_first[i]; i++) {
        hars_db_text(db, sub);

        if (hars_db_do(db, hars_erase_first[i], NULL) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return hars_erase_line(db, sub);
}


/* HARS_OK: it was asked for before, and may have ended half way */
static int
hars_erase_begun(hars_db_t *db, const char *sub)
{
    int  rc;

    hars_db_text(db, sub);
    rc = hars_db_first(db, "SELECT 1 FROM patient WHERE sub = ?1");
    hars_db_done(db);

    return rc;
}


static int
hars_erase_line(hars_db_t *db, const char *sub)
{
    int64_t        n;
    unsigned char  hash[HARS_SHA256_LEN];

    hars_db_text(db, sub);

    if (hars_db_first(db, "SELECT count(*) FROM recording WHERE patient = ?1")
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    n = hars_db_get_int(db, 0);

    if (hars_erase_hash(sub, hash) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_blob(db, hash, HARS_SHA256_LEN);
    hars_db_int(db, hars_now());
    hars_db_int(db, n);

    return hars_db_do(db, "INSERT INTO erased (patient, at_ms, recordings)"
                      " VALUES (?1, ?2, ?3)", NULL);
}


static int
hars_erase_hash(const char *sub, unsigned char hash[HARS_SHA256_LEN])
{
    return EVP_Digest(sub, strlen(sub), hash, NULL, EVP_sha256(), NULL) == 1
           ? HARS_OK : HARS_ERROR;
}


int
hars_erased_since(hars_db_t *db, const char *sub, int64_t ms)
{
    int            rc;
    unsigned char  hash[HARS_SHA256_LEN];

    if (hars_erase_hash(sub, hash) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_blob(db, hash, HARS_SHA256_LEN);
    hars_db_int(db, ms);
    rc = hars_db_first(db, "SELECT 1 FROM erased WHERE patient = ?1"
                       " AND at_ms >= ?2 LIMIT 1");
    hars_db_done(db);

    return rc;
}


/* a reader who is at it since before holds the log; none is long */
static int
hars_erase_scrub(hars_dcm_t *dcm)
{
    int         rc;
    unsigned    i;
    hars_db_t  *db;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = HARS_DECLINED;

    for (i = 0; rc == HARS_DECLINED && i < HARS_ERASE_TRIES; i++) {
        rc = hars_db_scrub(db, "patient");
    }

    hars_store_reader_done(dcm->store, db);

    if (rc != HARS_OK) {
        hars_log_error("a patient was erased, but what the database's files "
                       "had of the key cannot be cut off yet");
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_erase_rows(hars_dcm_t *dcm)
{
    int       rc;
    unsigned  last;

    /* before it looks: who is erased from now on says so again */

    atomic_store(&dcm->erasing, 0);

    last = 0;
    rc = hars_store_write(dcm->store, hars_erase_batch, &last);

    if (rc != HARS_DECLINED) {
        atomic_store(&dcm->erasing, 1);
    }

    if (rc == HARS_OK && last) {
        (void) hars_erase_scrub(dcm);
    }

    return rc;
}


static int
hars_erase_batch(hars_db_t *db, void *data)
{
    int        rc;
    char       sub[HARS_DCM_ID];
    unsigned   n, *last;

    last = data;
    *last = 0;

    rc = hars_erase_who(db, sub);

    if (rc != HARS_OK) {
        return rc;
    }

    rc = hars_erase_recordings(db, sub, &n);

    if (rc != HARS_OK || n) {
        return rc;
    }

    *last = 1;

    return hars_erase_rest(db, sub);
}


static int
hars_erase_who(hars_db_t *db, char sub[HARS_DCM_ID])
{
    int  rc;

    hars_db_blob(db, hars_erase_none, HARS_VAULT_WRAPPED);
    rc = hars_db_first(db, "SELECT sub FROM patient WHERE key = ?1 LIMIT 1");

    if (rc == HARS_OK) {
        rc = hars_db_get_text(db, 0, sub, HARS_DCM_ID);
    }

    hars_db_done(db);

    return rc;
}


static int
hars_erase_recordings(hars_db_t *db, const char *sub, unsigned *n)
{
    int       rc;
    char      id[HARS_ERASE_BATCH][HARS_DCM_ID];
    unsigned  i, k;

    *n = 0;

    hars_db_text(db, sub);
    hars_db_int(db, HARS_ERASE_BATCH);
    rc = hars_db_run(db, "SELECT id FROM recording WHERE patient = ?1"
                     " LIMIT ?2");

    while (rc == HARS_OK && *n < HARS_ERASE_BATCH
           && (rc = hars_db_row(db)) == HARS_OK)
    {
        rc = hars_db_get_text(db, 0, id[(*n)++], HARS_DCM_ID);
    }

    hars_db_done(db);

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    for (i = 0; i < *n; i++) {
        for (k = 0; hars_erase_recording[k]; k++) {
            hars_db_text(db, sub);
            hars_db_text(db, id[i]);

            if (hars_db_do(db, hars_erase_recording[k], NULL) != HARS_OK) {
                return HARS_ERROR;
            }
        }
    }

    return HARS_OK;
}


static int
hars_erase_rest(hars_db_t *db, const char *sub)
{
    unsigned  i;

    for (i = 0; hars_erase_last[i]; i++) {
        hars_db_text(db, sub);

        if (hars_db_do(db, hars_erase_last[i], NULL) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    hars_log_info("a patient's rows are erased");

    return HARS_OK;
}
