
/*
 * The primitives, and nothing else of a library: SHA-256, AEAD, X25519,
 * Argon2id, wiping and comparing.  Two files implement it: aka_crypto_host.c
 * (OpenSSL and libsodium) and aka_crypto_mbedtls.c, which has no Argon2id.
 * HMAC and HKDF are made of SHA-256 in aka_keys.c, so they are written once.
 *
 * All return HARS_AKA_OK, or HARS_AKA_ERROR where the library fails; secrets
 * in their own state are wiped by then.  Nothing is allocated by our code.
 */

#ifndef HARS_AKA_CRYPTO_H
#define HARS_AKA_CRYPTO_H


#include "aka.h"


#define HARS_AKA_HASH       32
#define HARS_AKA_TAG        16
#define HARS_AKA_NONCE      12


/* bytes that are hashed one after the other */
typedef struct {
    const void  *data;
    size_t       len;
} hars_aka_part_t;


/* Argon2id, RFC 9106 */
typedef struct {
    uint32_t     passes;          /* t */
    uint32_t     memory;          /* m, in KiB */
} hars_aka_cost_t;


/* once, before anything else; more calls do nothing */
int hars_aka_crypto_init(void);

/* FIPS 180-4, of n parts; "hash" may be one of them */
int hars_aka_sha256(unsigned char hash[HARS_AKA_HASH],
    const hars_aka_part_t *part, unsigned n);

/*
 * The AEAD of a suite (5.1): "len" bytes of "text" to as many of "sealed",
 * which may be the same place, and the tag behind them.
 */
int hars_aka_seal(unsigned suite, const unsigned char key[HARS_AKA_KEY],
    const unsigned char nonce[HARS_AKA_NONCE], const unsigned char *aad,
    size_t aad_len, const unsigned char *text, size_t len,
    unsigned char *sealed);

/*
 * The reverse: "len" bytes of "text" from len + 16 of "sealed", not the same
 * place.  HARS_AKA_DROP where the tag is wrong, "text" is wiped then.
 */
int hars_aka_open(unsigned suite, const unsigned char key[HARS_AKA_KEY],
    const unsigned char nonce[HARS_AKA_NONCE], const unsigned char *aad,
    size_t aad_len, const unsigned char *sealed, size_t len,
    unsigned char *text);

/* RFC 7748, 5; HARS_AKA_DROP where the result is all zero (5.2) */
int hars_aka_x25519(unsigned char out[32], const unsigned char scalar[32],
    const unsigned char point[32]);
int hars_aka_x25519_base(unsigned char out[32],
    const unsigned char scalar[32]);

/* RFC 9106, one lane, 64 bytes; the host's only */
int hars_aka_argon2id(unsigned char out[64], const unsigned char *secret,
    size_t len, const unsigned char salt[HARS_AKA_SALT],
    const hars_aka_cost_t *cost);

/* zeroes that no compiler leaves out */
void hars_aka_wipe(void *data, size_t len);

/* 1 where they are equal, in a time that says nothing else */
int hars_aka_equal(const void *a, const void *b, size_t len);


#endif /* HARS_AKA_CRYPTO_H */
