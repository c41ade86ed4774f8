
/* The texts of refresh tokens; see hars_as_family.h. */

#include "hars_as_family.h"
#include "hars_as_value.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define HARS_FAMILY_GENERATION  4
#define HARS_FAMILY_NAMED       (HARS_FAMILY_LEN + HARS_FAMILY_GENERATION)
#define HARS_FAMILY_MAC         (HARS_FAMILY_BYTES - HARS_FAMILY_NAMED)


struct hars_family_keys_s {
    unsigned       n;
    unsigned char  key[][HARS_SECRET_LEN];
};


static int hars_family_mac(const unsigned char key[HARS_SECRET_LEN],
    const unsigned char named[HARS_FAMILY_NAMED],
    unsigned char mac[HARS_SHA256_LEN]);


hars_family_keys_t *
hars_family_keys_create(char *const *file, unsigned n)
{
    unsigned             i;
    const char          *error;
    hars_family_keys_t  *keys;

    keys = calloc(1, sizeof(hars_family_keys_t) + n * HARS_SECRET_LEN);
    if (keys == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    keys->n = n;

    for (i = 0; i < n; i++) {
        if (hars_key_file_read(file[i], keys->key[i], &error) != HARS_OK) {
            hars_log_error("key file \"%s\" %s", file[i], error);
            hars_family_keys_free(keys);
            return NULL;
        }
    }

    return keys;
}


void
hars_family_keys_free(hars_family_keys_t *keys)
{
    if (keys) {
        OPENSSL_cleanse(keys->key, keys->n * HARS_SECRET_LEN);
        free(keys);
    }
}


int
hars_family_value(const hars_family_keys_t *keys,
    const unsigned char id[HARS_FAMILY_LEN], uint32_t generation,
    char value[HARS_FAMILY_SIZE])
{
    int            rc;
    unsigned       i;
    unsigned char  raw[HARS_FAMILY_BYTES], mac[HARS_SHA256_LEN];

    memcpy(raw, id, HARS_FAMILY_LEN);

    for (i = 0; i < HARS_FAMILY_GENERATION; i++) {
        raw[HARS_FAMILY_LEN + i] = (unsigned char) (generation
                                                    >> (24 - 8 * i));
    }

    rc = hars_family_mac(keys->key[0], raw, mac);

    if (rc == HARS_OK) {
        memcpy(raw + HARS_FAMILY_NAMED, mac, HARS_FAMILY_MAC);
        hars_value_encode(value, HARS_FAMILY_PREFIX, raw, sizeof(raw));
    }

    OPENSSL_cleanse(raw, sizeof(raw));
    OPENSSL_cleanse(mac, sizeof(mac));

    return rc;
}


int
hars_family_parse(const hars_family_keys_t *keys, const char *value,
    unsigned char id[HARS_FAMILY_LEN], uint32_t *generation)
{
    int             rc;
    unsigned        i;
    unsigned char   raw[HARS_FAMILY_BYTES], mac[HARS_SHA256_LEN];

    if (keys == NULL
        || hars_value_decode(raw, sizeof(raw), HARS_FAMILY_PREFIX, value)
           != HARS_OK)
    {
        return HARS_DECLINED;
    }

    memcpy(id, raw, HARS_FAMILY_LEN);
    *generation = 0;

    for (i = 0; i < HARS_FAMILY_GENERATION; i++) {
        *generation = *generation << 8 | raw[HARS_FAMILY_LEN + i];
    }

    rc = HARS_DECLINED;

    for (i = 0; i < keys->n && rc == HARS_DECLINED; i++) {
        if (hars_family_mac(keys->key[i], raw, mac) == HARS_OK
            && CRYPTO_memcmp(mac, raw + HARS_FAMILY_NAMED, HARS_FAMILY_MAC)
               == 0)
        {
            rc = HARS_OK;
        }
    }

    OPENSSL_cleanse(raw, sizeof(raw));
    OPENSSL_cleanse(mac, sizeof(mac));

    return rc;
}


static int
hars_family_mac(const unsigned char key[HARS_SECRET_LEN],
    const unsigned char named[HARS_FAMILY_NAMED],
    unsigned char mac[HARS_SHA256_LEN])
{
    return HMAC(EVP_sha256(), key, HARS_SECRET_LEN, named, HARS_FAMILY_NAMED,
                mac, NULL)
           ? HARS_OK : HARS_ERROR;
}


void
hars_family_token(const hars_family_t *family, const hars_client_t *client,
    hars_token_t *token)
{
    memset(token, 0, sizeof(hars_token_t));

    memcpy(token->cnf, family->cnf, HARS_SHA256_LEN);
    memcpy(token->family, family->id, HARS_FAMILY_LEN);
    token->has_family = 1;
    token->refresh = 1;

    strcpy(token->client_id, family->client_id);
    strcpy(token->sub, client->sub);
    strcpy(token->scope, family->scope);
    strcpy(token->aud, family->aud);

    token->kind = client->kind;
    token->iat = family->rotated_at;
    token->exp = family->exp;
    token->revoked_at = family->revoked_at;
}
