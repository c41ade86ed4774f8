
/*
 * The primitives for small processors and for a second opinion: mbedTLS 2.28
 * (Debian 12) or 3.6 (Debian 13); see aka_crypto.h.  Argon2id is left out,
 * mbedTLS has none: aka_password.c does not link with this file.  A wearable
 * with mbedTLS alone has its key unlocked by the phone that it is paired with
 * (SPEC 5.3).
 *
 * mbedTLS blinds X25519 with random numbers.  They change no result; as
 * nothing here has randomness of its own they are SHA-256 of the scalar, the
 * point and a counter, which nobody knows who does not know the scalar.
 */

#include "aka_crypto.h"

#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>


/* 3.0 gave the functions that return a status the old ones' names */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define hars_sha256_starts  mbedtls_sha256_starts_ret
#define hars_sha256_update  mbedtls_sha256_update_ret
#define hars_sha256_finish  mbedtls_sha256_finish_ret
#else
#define hars_sha256_starts  mbedtls_sha256_starts
#define hars_sha256_update  mbedtls_sha256_update
#define hars_sha256_finish  mbedtls_sha256_finish
#endif


typedef struct {
    const unsigned char  *scalar;
    const unsigned char  *point;
    unsigned char         count[8];
} hars_aka_blinding_t;


static int hars_aka_blinding(void *data, unsigned char *out, size_t len);
static int hars_aka_multiply(mbedtls_ecp_group *group, mbedtls_mpi *d,
    mbedtls_ecp_point *p, mbedtls_ecp_point *q, unsigned char *out,
    const unsigned char *scalar, const unsigned char *point);


int
hars_aka_crypto_init(void)
{
    return HARS_AKA_OK;
}


int
hars_aka_sha256(unsigned char hash[HARS_AKA_HASH],
    const hars_aka_part_t *part, unsigned n)
{
    int                     bad;
    unsigned                i;
    mbedtls_sha256_context  ctx;

    mbedtls_sha256_init(&ctx);
    bad = hars_sha256_starts(&ctx, 0);

    for (i = 0; i < n; i++) {
        bad |= part[i].len ? hars_sha256_update(&ctx, part[i].data,
                                                part[i].len) : 0;
    }

    bad |= hars_sha256_finish(&ctx, hash);
    mbedtls_sha256_free(&ctx);

    return bad ? HARS_AKA_ERROR : HARS_AKA_OK;
}


int
hars_aka_seal(unsigned suite, const unsigned char key[HARS_AKA_KEY],
    const unsigned char nonce[HARS_AKA_NONCE], const unsigned char *aad,
    size_t aad_len, const unsigned char *text, size_t len,
    unsigned char *sealed)
{
    int                         bad;
    mbedtls_gcm_context         gcm;
    mbedtls_chachapoly_context  chacha;

    if (suite & 0x10) {
        mbedtls_chachapoly_init(&chacha);
        bad = mbedtls_chachapoly_setkey(&chacha, key)
              || mbedtls_chachapoly_encrypt_and_tag(&chacha, len, nonce, aad,
                     aad_len, text, sealed, sealed + len);
        mbedtls_chachapoly_free(&chacha);

    } else {
        mbedtls_gcm_init(&gcm);
        bad = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256)
              || mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len,
                     nonce, HARS_AKA_NONCE, aad, aad_len, text, sealed,
                     HARS_AKA_TAG, sealed + len);
        mbedtls_gcm_free(&gcm);
    }

    return bad ? HARS_AKA_ERROR : HARS_AKA_OK;
}


int
hars_aka_open(unsigned suite, const unsigned char key[HARS_AKA_KEY],
    const unsigned char nonce[HARS_AKA_NONCE], const unsigned char *aad,
    size_t aad_len, const unsigned char *sealed, size_t len,
    unsigned char *text)
{
    int                         rc;
    mbedtls_gcm_context         gcm;
    mbedtls_chachapoly_context  chacha;

    if (suite & 0x10) {
        mbedtls_chachapoly_init(&chacha);
        rc = mbedtls_chachapoly_setkey(&chacha, key);

        if (rc == 0) {
            rc = mbedtls_chachapoly_auth_decrypt(&chacha, len, nonce, aad,
                     aad_len, sealed + len, sealed, text);
        }

        mbedtls_chachapoly_free(&chacha);

    } else {
        mbedtls_gcm_init(&gcm);
        rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);

        if (rc == 0) {
            rc = mbedtls_gcm_auth_decrypt(&gcm, len, nonce, HARS_AKA_NONCE,
                     aad, aad_len, sealed + len, HARS_AKA_TAG, sealed, text);
        }

        mbedtls_gcm_free(&gcm);
    }

    if (rc == 0) {
        return HARS_AKA_OK;
    }

    hars_aka_wipe(text, len);

    return rc == MBEDTLS_ERR_GCM_AUTH_FAILED
           || rc == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED
           ? HARS_AKA_DROP : HARS_AKA_ERROR;
}


int
hars_aka_x25519(unsigned char out[32], const unsigned char scalar[32],
    const unsigned char point[32])
{
    int                         bad;
    mbedtls_mpi                 d;
    mbedtls_ecp_group           group;
    mbedtls_ecp_point           p, q;
    static const unsigned char  zero[32];

    mbedtls_mpi_init(&d);
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&p);
    mbedtls_ecp_point_init(&q);

    bad = hars_aka_multiply(&group, &d, &p, &q, out, scalar, point);

    mbedtls_ecp_point_free(&q);
    mbedtls_ecp_point_free(&p);
    mbedtls_ecp_group_free(&group);
    mbedtls_mpi_free(&d);

    if (bad == 0 && !hars_aka_equal(out, zero, 32)) {
        return HARS_AKA_OK;
    }

    hars_aka_wipe(out, 32);

    /* whatever else it does not like is the point */

    return bad == MBEDTLS_ERR_ECP_ALLOC_FAILED
           || bad == MBEDTLS_ERR_MPI_ALLOC_FAILED
           || bad == MBEDTLS_ERR_ECP_RANDOM_FAILED
           ? HARS_AKA_ERROR : HARS_AKA_DROP;
}


/* RFC 7748, 5: the scalar is clamped, the point's top bit does not count */
static int
hars_aka_multiply(mbedtls_ecp_group *group, mbedtls_mpi *d,
    mbedtls_ecp_point *p, mbedtls_ecp_point *q, unsigned char *out,
    const unsigned char *scalar, const unsigned char *point)
{
    int                  rc;
    size_t               len;
    unsigned char        clamped[32];
    hars_aka_blinding_t  blinding = { scalar, point, { 0 } };

    memcpy(clamped, scalar, 32);
    clamped[0] &= 248;
    clamped[31] &= 127;
    clamped[31] |= 64;

    rc = mbedtls_ecp_group_load(group, MBEDTLS_ECP_DP_CURVE25519);

    if (rc == 0) {
        rc = mbedtls_mpi_read_binary_le(d, clamped, 32);
    }

    if (rc == 0) {
        rc = mbedtls_ecp_point_read_binary(group, p, point, 32);
    }

    if (rc == 0) {
        rc = mbedtls_ecp_mul(group, q, d, p, hars_aka_blinding, &blinding);
    }

    if (rc == 0) {
        rc = mbedtls_ecp_point_write_binary(group, q,
                 MBEDTLS_ECP_PF_UNCOMPRESSED, &len, out, 32);
    }

    hars_aka_wipe(clamped, sizeof(clamped));

    return rc;
}


static int
hars_aka_blinding(void *data, unsigned char *out, size_t len)
{
    size_t                 n;
    unsigned               i;
    unsigned char          hash[32];
    hars_aka_blinding_t   *b = data;
    const hars_aka_part_t  part[] = {
        { "hars blinding", 13 }, { b->scalar, 32 }, { b->point, 32 },
        { b->count, sizeof(b->count) }
    };

    for (n = 0; n < len; n += sizeof(hash)) {
        for (i = 0; i < sizeof(b->count) && ++b->count[i] == 0; i++) {
            /* carry */
        }

        if (hars_aka_sha256(hash, part, 4) != HARS_AKA_OK) {
            return MBEDTLS_ERR_ECP_RANDOM_FAILED;
        }

        memcpy(out + n, hash, len - n < sizeof(hash) ? len - n
                                                     : sizeof(hash));
    }

    hars_aka_wipe(hash, sizeof(hash));

    return 0;
}


int
hars_aka_x25519_base(unsigned char out[32], const unsigned char scalar[32])
{
    static const unsigned char  base[32] = { 9 };

    return hars_aka_x25519(out, scalar, base);
}


void
hars_aka_wipe(void *data, size_t len)
{
    mbedtls_platform_zeroize(data, len);
}


int
hars_aka_equal(const void *a, const void *b, size_t len)
{
    return mbedtls_ct_memcmp(a, b, len) == 0;
}
