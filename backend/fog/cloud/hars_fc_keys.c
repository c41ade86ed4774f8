
/* See hars_fc_keys.h for what this is. */

#include "hars_fc_keys.h"
#include "aka_cloud.h"
#include "aka_messages.h"

#include <string.h>


static const char *hars_fc_hex_digits = "0123456789abcdef";


int
hars_fc_keys(hars_fc_t *fc, const unsigned char x[32],
    const unsigned char sk[32])
{
    int                    rc;
    unsigned char          prk[32];
    const hars_aka_part_t  ikm = { x, 32 };

    rc = hars_aka_crypto_init();

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_cloud_init(&fc->cloud, x, sk);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hmac(prk, "hars fogcloud", 13, &ikm, 1);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(fc->name_key, prk, "name", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(fc->who_key, prk, "who", NULL, 0);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc == HARS_AKA_OK ? HARS_OK : HARS_ERROR;
}


int
hars_fc_name(const hars_fc_t *fc, unsigned kind, const char *id,
    unsigned char name[HARS_FC_NAME])
{
    unsigned char          mac[HARS_AKA_HASH];
    unsigned char          byte = (unsigned char) kind;
    const hars_aka_part_t  part[] = { { &byte, 1 }, { id, strlen(id) } };

    if (hars_aka_hmac(mac, fc->name_key, sizeof(fc->name_key), part, 2)
        != HARS_AKA_OK)
    {
        return HARS_ERROR;
    }

    memcpy(name, mac, HARS_FC_NAME);

    return HARS_OK;
}


void
hars_fc_alias(const unsigned char name[HARS_FC_NAME],
    char alias[HARS_FC_ALIAS])
{
    hars_hex(alias, name, HARS_FC_NAME);
    alias[HARS_FC_ALIAS - 1] = '\0';
}


int
hars_fc_unhex(const char *text, unsigned char *dst, size_t len)
{
    size_t       i;
    const char  *digit;

    if (strlen(text) != 2 * len) {
        return HARS_DECLINED;
    }

    memset(dst, 0, len);

    for (i = 0; i < 2 * len; i++) {
        digit = strchr(hars_fc_hex_digits, text[i]);

        if (digit == NULL) {
            return HARS_DECLINED;
        }

        dst[i / 2] = (unsigned char) (dst[i / 2] << 4
                                      | (digit - hars_fc_hex_digits));
    }

    return HARS_OK;
}


int
hars_fc_who_seal(const hars_fc_t *fc, uint64_t number,
    const char who[HARS_WHO_ID], unsigned char sealed[HARS_FC_SEALED])
{
    unsigned char  aad[8];

    hars_aka_put(aad, 8, number);

    return hars_fc_random(sealed, HARS_AKA_NONCE) == HARS_OK
           && hars_aka_seal(HARS_AKA_SYM_AES, fc->who_key, sealed, aad, 8,
                            (const unsigned char *) who, HARS_WHO_ID,
                            sealed + HARS_AKA_NONCE) == HARS_AKA_OK
           ? HARS_OK : HARS_ERROR;
}


int
hars_fc_who_open(const hars_fc_t *fc, uint64_t number,
    const unsigned char sealed[HARS_FC_SEALED], char who[HARS_WHO_ID])
{
    unsigned char  aad[8];

    hars_aka_put(aad, 8, number);

    return hars_aka_open(HARS_AKA_SYM_AES, fc->who_key, sealed, aad, 8,
                         sealed + HARS_AKA_NONCE, HARS_WHO_ID,
                         (unsigned char *) who) == HARS_AKA_OK
           && who[HARS_WHO_ID - 1] == '\0'
           ? HARS_OK : HARS_ERROR;
}
