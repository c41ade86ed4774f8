
/*
 * The provisioning station: what fogcloud answered to a registration, a JSON
 * object {gen, suite, key, seed, pk_cs} with its bytes in hexadecimal, becomes
 * a flash image under the owner's password (5.3).  An image that is there is
 * replaced: a re-key is this, too.
 */

#include "hars_wearable.h"
#include "aka_messages.h"
#include "aka_password.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <jansson.h>


typedef struct {
    unsigned           suite;
    uint32_t           gen;
    unsigned char      key[HARS_AKA_KEY];
    unsigned char      seed[HARS_AKA_SEED];
    unsigned char      pk_cs[32];
} hars_registration_t;


static int hars_provision_read(const char *file, hars_registration_t *reg);
static int hars_provision_take(const json_t *root, hars_registration_t *reg);
static int hars_provision_hex(const json_t *root, const char *name,
    unsigned char dst[32]);
static int hars_provision_nibble(char c);
static int hars_provision_lock(const hars_wearable_options_t *options,
    const hars_registration_t *reg, const hars_owner_t *owner,
    hars_aka_device_t *device);


int
hars_wearable_provision(const hars_wearable_options_t *options)
{
    int                  rc;
    hars_owner_t         owner;
    hars_aka_device_t    device;
    hars_registration_t  reg;

    memset(&reg, 0, sizeof(reg));
    memset(&owner, 0, sizeof(owner));
    memset(&device, 0, sizeof(device));

    rc = hars_provision_read(options->registration, &reg);

    if (rc == HARS_OK) {
        rc = hars_owner_read(options->owner, &owner);
    }

    if (rc == HARS_OK) {
        rc = hars_provision_lock(options, &reg, &owner, &device);
    }

    if (rc == HARS_OK) {
        rc = hars_flash_write(options->flash, &device);
    }

    hars_aka_device_wipe(&device);
    hars_aka_wipe(&owner, sizeof(owner));
    hars_aka_wipe(&reg, sizeof(reg));

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_provision_read(const char *file, hars_registration_t *reg)
{
    int           rc;
    json_t       *root;
    json_error_t  error;

    root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        fprintf(stderr, "hars-wearable: --registration %s: %s\n", file,
                error.text);
        return HARS_ERROR;
    }

    rc = hars_provision_take(root, reg);
    json_decref(root);

    if (rc != HARS_OK) {
        fprintf(stderr, "hars-wearable: --registration %s: is no answer of "
                "POST /v1/fog/devices: gen, suite (1, 2, 17, 18), key, seed "
                "and pk_cs (64 hexadecimal digits each)\n", file);
    }

    return rc;
}


static int
hars_provision_take(const json_t *root, hars_registration_t *reg)
{
    json_int_t  gen, suite;

    gen = json_integer_value(json_object_get(root, "gen"));
    suite = json_integer_value(json_object_get(root, "suite"));

    if (gen < 1 || gen > UINT32_MAX || suite < 1 || suite > 255
        || !hars_aka_suite_known((unsigned) suite))
    {
        return HARS_ERROR;
    }

    reg->gen = (uint32_t) gen;
    reg->suite = (unsigned) suite;

    return hars_provision_hex(root, "key", reg->key) == HARS_OK
           && hars_provision_hex(root, "seed", reg->seed) == HARS_OK
           ? hars_provision_hex(root, "pk_cs", reg->pk_cs) : HARS_ERROR;
}


static int
hars_provision_hex(const json_t *root, const char *name,
    unsigned char dst[32])
{
    int          high, low;
    unsigned     i;
    const char  *s;

    s = json_string_value(json_object_get(root, name));

    if (s == NULL || strlen(s) != 64) {
        return HARS_ERROR;
    }

    for (i = 0; i < 32; i++) {
        high = hars_provision_nibble(s[2 * i]);
        low = hars_provision_nibble(s[2 * i + 1]);

        if (high < 0 || low < 0) {
            return HARS_ERROR;
        }

        dst[i] = (unsigned char) (high << 4 | low);
    }

    return HARS_OK;
}


static int
hars_provision_nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static int
hars_provision_lock(const hars_wearable_options_t *options,
    const hars_registration_t *reg, const hars_owner_t *owner,
    hars_aka_device_t *device)
{
    int            rc;
    unsigned char  salt[HARS_AKA_SALT];

    if (getrandom(salt, sizeof(salt), 0) != (ssize_t) sizeof(salt)) {
        fprintf(stderr, "hars-wearable: no randomness\n");
        return HARS_ERROR;
    }

    rc = hars_aka_device_make(device, owner->id, owner->id_len, reg->suite,
                              reg->gen, reg->key, reg->seed, reg->pk_cs);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_lock(device, owner->password, owner->len, salt,
                           options->small ? &hars_aka_cost_small
                                          : &hars_aka_cost);
    }

    if (rc != HARS_AKA_OK) {
        fprintf(stderr, "hars-wearable: the password could not be used: is "
                "there memory for Argon2id (19 MiB, --small: 7 MiB)?\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}
