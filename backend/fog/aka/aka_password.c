
/*
 * See aka_password.h for what this is:
 *
 *   kw|kf = Argon2id(u8 len(ID) | ID | PW, a_i)
 *   wrapped = K_i XOR HKDF(kw, "", L"wrap"),  fv = HMAC(kf, L"fv")[0]
 *
 * SPEC 5.3.
 */

#include "aka_password.h"
#include "aka_keys.h"

#include <string.h>


static int hars_aka_stretch(unsigned char mask[32], unsigned char *fv,
    const unsigned char *id, size_t id_len, const unsigned char *password,
    size_t len, const unsigned char *salt, const hars_aka_cost_t *cost);


const hars_aka_cost_t  hars_aka_cost = { 2, 19456 };
const hars_aka_cost_t  hars_aka_cost_small = { 5, 7168 };


int
hars_aka_lock(hars_aka_device_t *device, const unsigned char *password,
    size_t len, const unsigned char salt[HARS_AKA_SALT],
    const hars_aka_cost_t *cost)
{
    int            rc;
    unsigned       i;
    unsigned char  mask[32], fv;

    rc = hars_aka_stretch(mask, &fv, device->id, device->id_len, password,
                          len, salt, cost);

    if (rc == HARS_AKA_OK) {
        memcpy(device->salt, salt, HARS_AKA_SALT);
        device->fv = fv;

        for (i = 0; i < 32; i++) {
            device->wrapped[i] = device->key[i] ^ mask[i];
        }
    }

    hars_aka_wipe(mask, sizeof(mask));

    return rc;
}


int
hars_aka_unlock(hars_aka_device_t *device, const unsigned char *id,
    size_t id_len, const unsigned char *password, size_t len,
    const hars_aka_cost_t *cost)
{
    int            rc;
    unsigned       i;
    unsigned char  mask[32], fv;

    rc = hars_aka_stretch(mask, &fv, id, id_len, password, len, device->salt,
                          cost);

    if (rc == HARS_AKA_OK && !hars_aka_equal(&fv, &device->fv, 1)) {
        rc = HARS_AKA_PASSWORD;
    }

    if (rc == HARS_AKA_OK) {
        memset(device->id, 0, sizeof(device->id));
        memcpy(device->id, id, id_len);
        device->id_len = (unsigned char) id_len;

        for (i = 0; i < 32; i++) {
            device->key[i] = device->wrapped[i] ^ mask[i];
        }
    }

    hars_aka_wipe(mask, sizeof(mask));

    return rc;
}


static int
hars_aka_stretch(unsigned char mask[32], unsigned char *fv,
    const unsigned char *id, size_t id_len, const unsigned char *password,
    size_t len, const unsigned char *salt, const hars_aka_cost_t *cost)
{
    int                    rc;
    unsigned char          k[64], mac[32], prk[32];
    unsigned char          text[1 + HARS_AKA_ID_MAX + HARS_AKA_PASSWORD_MAX];
    const hars_aka_part_t  label = { "fogaka1 fv", 10 }, kw = { k, 32 };

    if (id_len == 0 || id_len > HARS_AKA_ID_MAX || len == 0
        || len > HARS_AKA_PASSWORD_MAX)
    {
        return HARS_AKA_PASSWORD;
    }

    text[0] = (unsigned char) id_len;
    memcpy(text + 1, id, id_len);
    memcpy(text + 1 + id_len, password, len);

    rc = hars_aka_argon2id(k, text, 1 + id_len + len, salt, cost);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hmac(prk, NULL, 0, &kw, 1);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(mask, prk, "fogaka1 wrap", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hmac(mac, k + 32, 32, &label, 1);
        *fv = mac[0];
    }

    hars_aka_wipe(k, sizeof(k));
    hars_aka_wipe(mac, sizeof(mac));
    hars_aka_wipe(prk, sizeof(prk));
    hars_aka_wipe(text, sizeof(text));

    return rc;
}
