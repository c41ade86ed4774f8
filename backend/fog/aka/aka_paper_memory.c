
/*
 * See aka_paper.h for what this is: what the paper's wearable and fog node
 * keep, and how identity and password open it again.  C_i lets whoever has a
 * wearable's memory test a password without asking anybody, and a fog node's
 * memory opens with its identity alone; both are shown as attacks.
 *
 * SPEC section 2 (registration, AKA steps 1 and 2).
 */

#include "aka_paper.h"
#include "aka_crypto.h"
#include "aka_paper_private.h"

#include <string.h>


int
hars_paper_enrol(const hars_aka_device_t *device,
    const unsigned char *password, size_t len, const unsigned char a[32],
    hars_paper_memory_t *memory)
{
    unsigned char  id_pw[32], hpw[32];

    if (hars_paper_hash(id_pw, device->id, device->id_len, password, len,
                        NULL, 0)
        || hars_paper_hash(hpw, password, len, a, 32, NULL, 0)
        || hars_paper_hash(memory->c, device->id, device->id_len, password,
                           len, a, 32))
    {
        return HARS_AKA_ERROR;
    }

    hars_paper_xor(memory->a, a, id_pw);
    hars_paper_xor(memory->b, device->key, hpw);
    memcpy(memory->pid, device->seed, 32);
    hars_aka_wipe(hpw, sizeof(hpw));
    hars_aka_wipe(id_pw, sizeof(id_pw));

    return HARS_AKA_OK;
}


int
hars_paper_unlock(hars_aka_device_t *device,
    const hars_paper_memory_t *memory, const unsigned char *id,
    size_t id_len, const unsigned char *password, size_t len)
{
    int            rc;
    unsigned char  a[32], c[32], h[32];

    if (id_len == 0 || id_len > HARS_AKA_ID_MAX) {
        return HARS_AKA_PASSWORD;
    }

    /* a_i = A_i + h(ID|PW), C' = h(ID|PW|a_i) */

    rc = hars_paper_hash(h, id, id_len, password, len, NULL, 0);
    hars_paper_xor(a, memory->a, h);
    rc |= hars_paper_hash(c, id, id_len, password, len, a, 32);

    if (rc == HARS_AKA_OK && !hars_aka_equal(c, memory->c, 32)) {
        rc = HARS_AKA_PASSWORD;
    }

    /* S_i = B_i + h(PW|a_i) */

    if (rc == HARS_AKA_OK) {
        rc = hars_paper_hash(h, password, len, a, 32, NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        memset(device, 0, sizeof(hars_aka_device_t));
        memcpy(device->id, id, id_len);
        device->id_len = (unsigned char) id_len;
        device->suite = HARS_AKA_SYM_AES;
        memcpy(device->seed, memory->pid, 32);
        hars_paper_xor(device->key, memory->b, h);
    }

    hars_aka_wipe(a, sizeof(a));
    hars_aka_wipe(c, sizeof(c));
    hars_aka_wipe(h, sizeof(h));

    return rc;
}


int
hars_paper_fog_enrol(const hars_aka_fog_t *fog, const unsigned char b[32],
    hars_paper_fog_memory_t *memory)
{
    unsigned char  h[32], hid[32];

    if (hars_paper_hash(h, fog->id, fog->id_len, NULL, 0, NULL, 0)
        || hars_paper_hash(hid, fog->id, fog->id_len, b, 32, NULL, 0))
    {
        return HARS_AKA_ERROR;
    }

    hars_paper_xor(memory->d, b, h);
    hars_paper_xor(memory->b, fog->key, hid);
    memcpy(memory->pid, fog->seed, 32);
    hars_aka_wipe(hid, sizeof(hid));

    return HARS_AKA_OK;
}


int
hars_paper_fog_recall(hars_aka_fog_t *fog,
    const hars_paper_fog_memory_t *memory, const unsigned char *id,
    size_t id_len)
{
    unsigned char  b[32], h[32];

    if (id_len == 0 || id_len > HARS_AKA_ID_MAX
        || hars_paper_hash(h, id, id_len, NULL, 0, NULL, 0))
    {
        return HARS_AKA_ERROR;
    }

    /* b_j = D_j + h(ID_j), S_j = B_j + h(ID_j|b_j) */

    hars_paper_xor(b, memory->d, h);

    if (hars_paper_hash(h, id, id_len, b, 32, NULL, 0)) {
        return HARS_AKA_ERROR;
    }

    memset(fog, 0, sizeof(hars_aka_fog_t));
    memcpy(fog->id, id, id_len);
    fog->id_len = (unsigned char) id_len;
    memcpy(fog->seed, memory->pid, 32);
    hars_paper_xor(fog->key, memory->b, h);
    hars_aka_wipe(b, sizeof(b));
    hars_aka_wipe(h, sizeof(h));

    return HARS_AKA_OK;
}
