
/*
 * See aka_keys.h for what this is.  The labels are written out with their
 * "fogaka1 ", so that a reader finds them.  Each function has one exit, which
 * wipes what it derived on the way; an output of a failed function is wiped
 * by the function that failed last, the caller then stops.
 */

#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


#define HARS_AKA_BLOCK   64
#define HARS_AKA_PARTS   6


static int hars_aka_hash_padded(unsigned char hash[HARS_AKA_HASH],
    const void *key, size_t key_len, unsigned char pad,
    const hars_aka_part_t *part, unsigned n);


const unsigned char  hars_aka_no_nonce[HARS_AKA_NONCE];


/* RFC 2104, 2: H(K XOR opad, H(K XOR ipad, text)) */
int
hars_aka_hmac(unsigned char mac[HARS_AKA_HASH], const void *key,
    size_t key_len, const hars_aka_part_t *part, unsigned n)
{
    int              rc;
    unsigned char    inner[HARS_AKA_HASH];
    hars_aka_part_t  outer = { inner, sizeof(inner) };

    rc = hars_aka_hash_padded(inner, key, key_len, 0x36, part, n);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hash_padded(mac, key, key_len, 0x5c, &outer, 1);
    }

    hars_aka_wipe(inner, sizeof(inner));

    if (rc != HARS_AKA_OK) {
        hars_aka_wipe(mac, HARS_AKA_HASH);
    }

    return rc;
}


static int
hars_aka_hash_padded(unsigned char hash[HARS_AKA_HASH], const void *key,
    size_t key_len, unsigned char pad, const hars_aka_part_t *part,
    unsigned n)
{
    int              rc;
    unsigned         i;
    unsigned char    block[HARS_AKA_BLOCK];
    hars_aka_part_t  all[HARS_AKA_PARTS + 1];

    if (key_len > HARS_AKA_BLOCK || n > HARS_AKA_PARTS) {
        return HARS_AKA_ERROR;
    }

    memset(block, 0, sizeof(block));

    if (key_len) {
        memcpy(block, key, key_len);
    }

    for (i = 0; i < HARS_AKA_BLOCK; i++) {
        block[i] ^= pad;
    }

    all[0].data = block;
    all[0].len = sizeof(block);

    for (i = 0; i < n; i++) {
        all[i + 1] = part[i];
    }

    rc = hars_aka_sha256(hash, all, n + 1);
    hars_aka_wipe(block, sizeof(block));

    return rc;
}


int
hars_aka_expand(unsigned char out[32], const unsigned char prk[32],
    const char *label, const void *more, size_t more_len)
{
    const hars_aka_part_t  part[] = {
        { label, strlen(label) }, { more, more_len }, { "\1", 1 }
    };

    return hars_aka_hmac(out, prk, 32, part, 3);
}


int
hars_aka_root(unsigned char key[HARS_AKA_KEY], const unsigned char x[32],
    unsigned kind, const unsigned char *id, size_t id_len, uint32_t gen)
{
    int                    rc;
    unsigned char          prk[32], info[1 + HARS_AKA_ID_MAX + 4];
    const hars_aka_part_t  ikm = { x, 32 };

    if (id_len == 0 || id_len > HARS_AKA_ID_MAX) {
        return HARS_AKA_ERROR;
    }

    info[0] = (unsigned char) id_len;
    memcpy(info + 1, id, id_len);
    hars_aka_put(info + 1 + id_len, 4, gen);

    rc = hars_aka_hmac(prk, "fogaka1 root", 12, &ikm, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(key, prk, kind == HARS_AKA_DEVICE
                                       ? "fogaka1 dev" : "fogaka1 fog",
                             info, 1 + id_len + 4);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc;
}


int
hars_aka_pid(unsigned char pid[HARS_AKA_PID],
    const unsigned char seed[HARS_AKA_SEED], unsigned n)
{
    int                    rc;
    unsigned char          mac[HARS_AKA_HASH];
    const unsigned char    number = (unsigned char) n;
    const hars_aka_part_t  part[] = { { "fogaka1 pid", 11 }, { &number, 1 } };

    rc = hars_aka_hmac(mac, seed, HARS_AKA_SEED, part, 2);

    if (rc == HARS_AKA_OK) {
        memcpy(pid, mac, HARS_AKA_PID);
    }

    hars_aka_wipe(mac, sizeof(mac));

    return rc;
}


int
hars_aka_hedge(unsigned char e[32], unsigned char r[32],
    const unsigned char rnd[HARS_AKA_RND], const unsigned char key[32],
    const unsigned char *ctx, size_t ctx_len)
{
    int                    rc;
    unsigned char          prk[32];
    const hars_aka_part_t  ikm[] = { { key, 32 }, { ctx, ctx_len } };

    rc = hars_aka_hmac(prk, rnd, HARS_AKA_RND, ikm, 2);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(e, prk, "fogaka1 hedge e", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(r, prk, "fogaka1 hedge r", NULL, 0);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc;
}


int
hars_aka_point(unsigned suite, unsigned char point[32],
    const unsigned char e[32])
{
    if (hars_aka_suite_x25519(suite)) {
        return hars_aka_x25519_base(point, e);
    }

    memcpy(point, e, 32);

    return HARS_AKA_OK;
}


int
hars_aka_shared(unsigned suite, unsigned char z[32],
    const unsigned char e[32], const unsigned char point[32])
{
    if (hars_aka_suite_x25519(suite)) {
        return hars_aka_x25519(z, e, point);
    }

    return HARS_AKA_OK;
}


int
hars_aka_message_key(unsigned suite, unsigned char key[HARS_AKA_KEY],
    const unsigned char root[HARS_AKA_KEY], const unsigned char *z,
    unsigned nz, const unsigned char salt[32], const char *label)
{
    int                    rc;
    unsigned char          prk[32];
    const hars_aka_part_t  ikm[] = {
        { root, HARS_AKA_KEY },
        { z, hars_aka_suite_x25519(suite) ? nz * 32 : 0 }
    };

    rc = hars_aka_hmac(prk, salt, 32, ikm, 2);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(key, prk, label, NULL, 0);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc;
}


int
hars_aka_transcript(unsigned char th[32], const char *label, const void *m,
    size_t len, const unsigned char point[32])
{
    const hars_aka_part_t  part[] = {
        { label, strlen(label) }, { m, len }, { point, 32 }
    };

    return hars_aka_sha256(th, part, 3);
}


int
hars_aka_session_keys(unsigned char sk[32], unsigned char kc[32],
    unsigned char sid[HARS_AKA_SID], const unsigned char th[32],
    const unsigned char r1[32], const unsigned char r2[32],
    const unsigned char r3[32])
{
    int                    rc;
    unsigned char          prk[32], name[32];
    const hars_aka_part_t  ikm[] = { { r1, 32 }, { r2, 32 }, { r3, 32 } };

    rc = hars_aka_hmac(prk, th, 32, ikm, 3);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(sk, prk, "fogaka1 sk", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(kc, prk, "fogaka1 conf", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(name, prk, "fogaka1 sid", NULL, 0);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(sid, name, HARS_AKA_SID);

    } else {
        hars_aka_wipe(sk, 32);
        hars_aka_wipe(kc, 32);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc;
}


int
hars_aka_confirmation(unsigned char fc[16], const unsigned char kc[32],
    const unsigned char th[32], const unsigned char m4[HARS_AKA_M4])
{
    int                    rc;
    unsigned char          mac[HARS_AKA_HASH];
    const hars_aka_part_t  part[] = {
        { "fogaka1 m4", 10 }, { th, 32 },
        { m4, offsetof(hars_aka_m4_t, fc) }
    };

    rc = hars_aka_hmac(mac, kc, 32, part, 3);

    if (rc == HARS_AKA_OK) {
        memcpy(fc, mac, 16);
    }

    hars_aka_wipe(mac, sizeof(mac));

    return rc;
}


int
hars_aka_error_mac(unsigned char mac[16], const unsigned char key[32],
    const unsigned char m2[HARS_AKA_M2],
    const unsigned char err[HARS_AKA_ERR])
{
    int                    rc;
    unsigned char          salt[32], once[32], full[32];
    const hars_aka_part_t  request = { m2, HARS_AKA_M2 };
    const hars_aka_part_t  part = { err, offsetof(hars_aka_err_t, mac) };

    rc = hars_aka_sha256(salt, &request, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_message_key(HARS_AKA_SYM_AES, once, key, NULL, 0, salt,
                                  "fogaka1 err");
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_hmac(full, once, 32, &part, 1);
    }

    if (rc == HARS_AKA_OK) {
        memcpy(mac, full, 16);
    }

    hars_aka_wipe(once, sizeof(once));
    hars_aka_wipe(full, sizeof(full));

    return rc;
}
