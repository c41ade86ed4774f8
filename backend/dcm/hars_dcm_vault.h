
/*
 * The keys.  Everything of a patient's health is sealed under a key of the
 * patient's own, 32 random bytes; that key stands in the database, wrapped by
 * a key that stands in a file elsewhere.  Without the file the database is
 * noise, and once the wrapped key is gone so is all that it sealed.
 *
 *     data key (file)  --wraps-->  patient's key  --seals-->  blocks, names
 *
 * AES-256-GCM for both, nonces of 96 random bits.  What is sealed is bound to
 * its name: table, patient, primary key; moved to another row it does not
 * open.  Nothing is kept: unwrapping takes less than the row's way here.
 */

#ifndef HARS_DCM_VAULT_H
#define HARS_DCM_VAULT_H


#include "hars_record.h"
#include "hars_settings.h"


#define HARS_VAULT_ERROR    512
#define HARS_VAULT_NAME     256           /* of what is sealed, with its 0 */

/* the data key's id, nonce, key, tag */
#define HARS_VAULT_ID       8
#define HARS_VAULT_WRAPPED  (HARS_VAULT_ID + 12 + HARS_KEY_LEN + 16)

/* nonce and tag */
#define HARS_VAULT_SEAL     (12 + 16)


typedef struct hars_vault_s  hars_vault_t;

/* to be wiped by hars_patient_key_wipe() */
typedef struct {
    unsigned char  bytes[HARS_KEY_LEN];
} hars_patient_key_t;


/*
 * The data keys from their files: the first one wraps, all unwrap.  NULL:
 * "error" says what to mend.
 */
hars_vault_t *hars_vault_create(const hars_setting_list_t *files,
    char error[HARS_VAULT_ERROR]);

/* wipes; NULL is allowed */
void hars_vault_free(hars_vault_t *vault);

/* a new patient's key, wrapped; HARS_ERROR: no randomness or no memory */
int hars_vault_make(const hars_vault_t *vault, const char *sub,
    unsigned char wrapped[HARS_VAULT_WRAPPED]);

/* HARS_ERROR after the log has the cause: no such data key, or damaged */
int hars_vault_unwrap(const hars_vault_t *vault, const char *sub,
    const unsigned char wrapped[HARS_VAULT_WRAPPED], hars_patient_key_t *key);

/* is there the data key that wrapped this? */
unsigned hars_vault_has(const hars_vault_t *vault,
    const unsigned char id[HARS_VAULT_ID]);

/*
 * The same under the first data key; HARS_DECLINED: it is already.  For who
 * changes data keys.
 */
int hars_vault_rewrap(const hars_vault_t *vault, const char *sub,
    unsigned char wrapped[HARS_VAULT_WRAPPED]);

void hars_patient_key_wipe(hars_patient_key_t *key);

/*
 * Seals "len" bytes as "name" into dst[len + HARS_VAULT_SEAL], and opens what
 * has "len" bytes into dst[len - HARS_VAULT_SEAL].  HARS_ERROR: no memory or
 * randomness; it is not what was sealed under that name and key.
 */
int hars_seal_bytes(const hars_patient_key_t *key, const char *name,
    const void *src, size_t len, unsigned char *dst);
int hars_open_bytes(const hars_patient_key_t *key, const char *name,
    const void *src, size_t len, unsigned char *dst);

/*
 * A name from its parts, by a line feed between them, which is in no id:
 * hars_seal_name(name, "block", sub, "%lld\n%s", start, id).
 */
void hars_seal_name(char name[HARS_VAULT_NAME], const char *table,
    const char *sub, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


#endif /* HARS_DCM_VAULT_H */
