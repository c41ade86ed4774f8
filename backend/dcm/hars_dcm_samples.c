
/* See hars_dcm_samples.h for what this is. */

#include "hars_dcm_samples.h"
#include "hars_log.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>


void
hars_samples_name(char name[HARS_VAULT_NAME], const char *patient,
    int64_t start_ms, const char *recording, int64_t n)
{
    hars_seal_name(name, "block", patient, "%lld\n%s\n%lld",
                   (long long) start_ms, recording, (long long) n);
}


void
hars_samples_begin(hars_samples_t *samples, const char *patient,
    int64_t from_ms, int64_t to_ms)
{
    memset(samples, 0, sizeof(hars_samples_t));
    snprintf(samples->patient, HARS_DCM_ID, "%s", patient);

    samples->start_ms = from_ms - HARS_BLOCK_SPAN / 1000 - 1;
    samples->to_ms = to_ms;
}


int
hars_samples_next(hars_dcm_t *dcm, hars_db_t *db, hars_samples_t *samples,
    hars_block_t *block)
{
    int                 rc;
    char                name[HARS_VAULT_NAME];
    hars_patient_key_t  key;

    rc = hars_patient_key(dcm, db, samples->patient, &key);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_text(db, samples->patient);
    hars_db_int(db, samples->start_ms);
    hars_db_text(db, samples->recording);
    hars_db_int(db, samples->n);
    hars_db_int(db, samples->to_ms);

    rc = hars_db_first(db, "SELECT start_ms, recording, n, data FROM block"
                       " WHERE patient = ?1"
                       " AND (start_ms, recording, n) > (?2, ?3, ?4)"
                       " AND start_ms >= ?2 AND start_ms < ?5"
                       " ORDER BY start_ms, recording, n LIMIT 1");

    if (rc == HARS_OK
        && hars_db_get_text(db, 1, samples->recording, HARS_DCM_ID)
           != HARS_OK)
    {
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK) {
        samples->start_ms = hars_db_get_int(db, 0);
        samples->n = hars_db_get_int(db, 2);

        hars_samples_name(name, samples->patient, samples->start_ms,
                          samples->recording, samples->n);
        rc = hars_samples_block(db, 3, &key, name, block);
    }

    hars_db_done(db);
    hars_patient_key_wipe(&key);

    return rc;
}


int
hars_samples_block(hars_db_t *db, unsigned i, const hars_patient_key_t *key,
    const char *name, hars_block_t *block)
{
    int                   rc;
    size_t                len;
    unsigned char         plain[HARS_BLOCK_SIZE(HARS_BLOCK_ROWS)];
    const unsigned char  *data;

    rc = HARS_ERROR;

    if (hars_db_get_bytes(db, i, &data, &len) == HARS_OK
        && len >= HARS_VAULT_SEAL && len - HARS_VAULT_SEAL <= sizeof(plain)
        && hars_open_bytes(key, name, data, len, plain) == HARS_OK)
    {
        rc = hars_block_decode(block, plain, len - HARS_VAULT_SEAL);
        OPENSSL_cleanse(plain, len - HARS_VAULT_SEAL);
    }

    if (rc != HARS_OK) {
        hars_log_error("a block of samples does not open: the database was "
                       "damaged, or changed by somebody else");
    }

    return rc;
}
