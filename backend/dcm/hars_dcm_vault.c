
/* See hars_dcm_vault.h for what this is. */

#include "hars_dcm_vault.h"
#include "hars_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


#define HARS_VAULT_NONCE  12
#define HARS_VAULT_TAG    16
#define HARS_VAULT_LABEL  "HARS data key"


typedef struct {
    unsigned char       id[HARS_VAULT_ID];
    hars_patient_key_t  key;
} hars_vault_key_t;


struct hars_vault_s {
    unsigned            n;
    hars_vault_key_t    key[HARS_SETTINGS_LIST];
};


static int hars_vault_id(hars_vault_key_t *key);
static int hars_vault_wrap(const hars_vault_t *vault, const char *sub,
    const hars_patient_key_t *key, unsigned char *wrapped);
static void hars_vault_name(char name[HARS_VAULT_NAME], const char *sub);
static int hars_vault_run(const hars_patient_key_t *key, const char *name,
    const unsigned char *nonce, const unsigned char *src, size_t len,
    unsigned char *dst, unsigned char *tag, int seal);


hars_vault_t *
hars_vault_create(const hars_setting_list_t *files,
    char error[HARS_VAULT_ERROR])
{
    unsigned           i;
    const char        *why;
    hars_vault_t      *vault;
    hars_vault_key_t  *key;

    vault = calloc(1, sizeof(hars_vault_t));

    if (vault == NULL) {
        snprintf(error, HARS_VAULT_ERROR, "no memory");
        return NULL;
    }

    for (i = 0; i < files->n; i++) {
        key = &vault->key[vault->n++];
        why = "its id cannot be made";

        if (hars_key_file_read(files->value[i], key->key.bytes, &why)
            != HARS_OK || hars_vault_id(key) != HARS_OK)
        {
            snprintf(error, HARS_VAULT_ERROR, "\"%s\": %s", files->value[i],
                     why);
            hars_vault_free(vault);
            return NULL;
        }
    }

    return vault;
}


void
hars_vault_free(hars_vault_t *vault)
{
    if (vault) {
        OPENSSL_cleanse(vault, sizeof(hars_vault_t));
        free(vault);
    }
}


static int
hars_vault_id(hars_vault_key_t *key)
{
    int             rc;
    unsigned char   text[sizeof(HARS_VAULT_LABEL) + HARS_KEY_LEN];
    unsigned char   hash[HARS_SHA256_LEN];

    memcpy(text, HARS_VAULT_LABEL, sizeof(HARS_VAULT_LABEL));
    memcpy(text + sizeof(HARS_VAULT_LABEL), key->key.bytes, HARS_KEY_LEN);

    rc = EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha256(), NULL);
    memcpy(key->id, hash, HARS_VAULT_ID);

    OPENSSL_cleanse(text, sizeof(text));

    return rc == 1 ? HARS_OK : HARS_ERROR;
}


int
hars_vault_make(const hars_vault_t *vault, const char *sub,
    unsigned char wrapped[HARS_VAULT_WRAPPED])
{
    int                 rc;
    hars_patient_key_t  key;

    rc = HARS_ERROR;

    if (RAND_priv_bytes(key.bytes, HARS_KEY_LEN) == 1) {
        rc = hars_vault_wrap(vault, sub, &key, wrapped);
    }

    hars_patient_key_wipe(&key);

    if (rc != HARS_OK) {
        hars_log_error("no key can be made for a patient");
    }

    return rc;
}


static int
hars_vault_wrap(const hars_vault_t *vault, const char *sub,
    const hars_patient_key_t *key, unsigned char *wrapped)
{
    char  name[HARS_VAULT_NAME];

    hars_vault_name(name, sub);
    memcpy(wrapped, vault->key[0].id, HARS_VAULT_ID);

    return hars_seal_bytes(&vault->key[0].key, name, key->bytes, HARS_KEY_LEN,
                           wrapped + HARS_VAULT_ID);
}


static void
hars_vault_name(char name[HARS_VAULT_NAME], const char *sub)
{
    hars_seal_name(name, "patient", sub, "key");
}


int
hars_vault_unwrap(const hars_vault_t *vault, const char *sub,
    const unsigned char wrapped[HARS_VAULT_WRAPPED], hars_patient_key_t *key)
{
    char      name[HARS_VAULT_NAME];
    unsigned  i;

    for (i = 0; i < vault->n; i++) {
        if (memcmp(vault->key[i].id, wrapped, HARS_VAULT_ID) == 0) {
            break;
        }
    }

    if (i == vault->n) {
        hars_log_error("a patient's key is wrapped by a data key that is no "
                       "data_key of the settings: name its file there, too");
        return HARS_ERROR;
    }

    hars_vault_name(name, sub);

    if (hars_open_bytes(&vault->key[i].key, name, wrapped + HARS_VAULT_ID,
                        HARS_VAULT_WRAPPED - HARS_VAULT_ID, key->bytes)
        != HARS_OK)
    {
        hars_log_error("a patient's key does not open: the database was "
                       "changed by somebody else");
        return HARS_ERROR;
    }

    return HARS_OK;
}


unsigned
hars_vault_has(const hars_vault_t *vault,
    const unsigned char id[HARS_VAULT_ID])
{
    unsigned  i;

    for (i = 0; i < vault->n; i++) {
        if (memcmp(vault->key[i].id, id, HARS_VAULT_ID) == 0) {
            break;
        }
    }

    return i < vault->n;
}


int
hars_vault_rewrap(const hars_vault_t *vault, const char *sub,
    unsigned char wrapped[HARS_VAULT_WRAPPED])
{
    int                 rc;
    hars_patient_key_t  key;

    if (memcmp(vault->key[0].id, wrapped, HARS_VAULT_ID) == 0) {
        return HARS_DECLINED;
    }

    rc = hars_vault_unwrap(vault, sub, wrapped, &key);

    if (rc == HARS_OK) {
        rc = hars_vault_wrap(vault, sub, &key, wrapped);
    }

    hars_patient_key_wipe(&key);

    return rc;
}


void
hars_patient_key_wipe(hars_patient_key_t *key)
{
    OPENSSL_cleanse(key, sizeof(hars_patient_key_t));
}


int
hars_seal_bytes(const hars_patient_key_t *key, const char *name,
    const void *src, size_t len, unsigned char *dst)
{
    if (RAND_bytes(dst, HARS_VAULT_NONCE) != 1) {
        return HARS_ERROR;
    }

    return hars_vault_run(key, name, dst, src, len, dst + HARS_VAULT_NONCE,
                          dst + HARS_VAULT_NONCE + len, 1);
}


int
hars_open_bytes(const hars_patient_key_t *key, const char *name,
    const void *src, size_t len, unsigned char *dst)
{
    unsigned char         tag[HARS_VAULT_TAG];
    const unsigned char  *p;

    if (len < HARS_VAULT_SEAL) {
        return HARS_ERROR;
    }

    p = src;
    len -= HARS_VAULT_SEAL;
    memcpy(tag, p + HARS_VAULT_NONCE + len, HARS_VAULT_TAG);

    return hars_vault_run(key, name, p, p + HARS_VAULT_NONCE, len, dst, tag,
                          0);
}


static int
hars_vault_run(const hars_patient_key_t *key, const char *name,
    const unsigned char *nonce, const unsigned char *src, size_t len,
    unsigned char *dst, unsigned char *tag, int seal)
{
    int              n, rc;
    EVP_CIPHER_CTX  *ctx;

    if (len > INT32_MAX) {
        return HARS_ERROR;
    }

    ctx = EVP_CIPHER_CTX_new();

    rc = ctx
         && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce,
                              seal) == 1
         && EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *) name,
                             (int) strlen(name)) == 1
         && (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG,
                                         HARS_VAULT_TAG, tag) == 1)
         && EVP_CipherUpdate(ctx, dst, &n, src, (int) len) == 1
         && EVP_CipherFinal_ex(ctx, dst + n, &n) == 1
         && (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG,
                                          HARS_VAULT_TAG, tag) == 1);

    EVP_CIPHER_CTX_free(ctx);

    /* what did not open is nobody's to read */

    if (!rc && !seal) {
        OPENSSL_cleanse(dst, len);
    }

    return rc ? HARS_OK : HARS_ERROR;
}


void
hars_seal_name(char name[HARS_VAULT_NAME], const char *table,
    const char *sub, const char *fmt, ...)
{
    int      n;
    va_list  args;

    n = snprintf(name, HARS_VAULT_NAME, "%s\n%s\n", table, sub);

    va_start(args, fmt);
    vsnprintf(name + n, HARS_VAULT_NAME - (size_t) n, fmt, args);
    va_end(args);
}
