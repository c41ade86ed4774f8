
/*
 * The key schedule (5.2, 5.4): every key, pseudonym and transcript hash that
 * has a formula in the text, one function each, in its notation.  L is the
 * label "fogaka1 ".  HMAC and HKDF (RFC 2104, RFC 5869) are made of SHA-256
 * here.  All outputs are 32 bytes unless said; all return HARS_AKA_OK or what
 * a primitive returned, the output wiped then.
 */

#ifndef HARS_AKA_KEYS_H
#define HARS_AKA_KEYS_H


#include "aka_crypto.h"


/* at most 6 parts, a key of at most 64 bytes */
int hars_aka_hmac(unsigned char mac[HARS_AKA_HASH], const void *key,
    size_t key_len, const hars_aka_part_t *part, unsigned n);

/* HKDF-Expand to one block, info = "label" | "more" */
int hars_aka_expand(unsigned char out[32], const unsigned char prk[32],
    const char *label, const void *more, size_t more_len);

/* K = HKDF(x, L"root", L"dev"|L"fog" | u8 len | ID | be32 gen) */
int hars_aka_root(unsigned char key[HARS_AKA_KEY], const unsigned char x[32],
    unsigned kind, const unsigned char *id, size_t id_len, uint32_t gen);

/* pid(s, n), 16 bytes */
int hars_aka_pid(unsigned char pid[HARS_AKA_PID],
    const unsigned char seed[HARS_AKA_SEED], unsigned n);

/* hedge(rnd, K, ctx): e and r */
int hars_aka_hedge(unsigned char e[32], unsigned char r[32],
    const unsigned char rnd[HARS_AKA_RND], const unsigned char key[32],
    const unsigned char *ctx, size_t ctx_len);

/* E of e: X25519(e, 9), or e itself in the SYM suites */
int hars_aka_point(unsigned suite, unsigned char point[32],
    const unsigned char e[32]);

/* z of a suite with X25519, nothing in the others */
int hars_aka_shared(unsigned suite, unsigned char z[32],
    const unsigned char e[32], const unsigned char point[32]);

/*
 * HKDF(K | z, salt, label) of a message or a box; "z" is 0 to 2 results of
 * X25519 one after the other, "nz" how many the message has with X25519.
 */
int hars_aka_message_key(unsigned suite, unsigned char key[HARS_AKA_KEY],
    const unsigned char root[HARS_AKA_KEY], const unsigned char *z,
    unsigned nz, const unsigned char salt[32], const char *label);

/* th = SHA256(label | message | E_c) */
int hars_aka_transcript(unsigned char th[32], const char *label,
    const void *m, size_t len, const unsigned char point[32]);

/* sk, kc and sid (16 bytes) of th, r1, r2, r3 */
int hars_aka_session_keys(unsigned char sk[32], unsigned char kc[32],
    unsigned char sid[HARS_AKA_SID], const unsigned char th[32],
    const unsigned char r1[32], const unsigned char r2[32],
    const unsigned char r3[32]);

/* fc = HMAC(kc, L"m4" | th | M4[0..147])[0..15] */
int hars_aka_confirmation(unsigned char fc[16], const unsigned char kc[32],
    const unsigned char th[32], const unsigned char m4[HARS_AKA_M4]);

/* HMAC(HKDF(K_j, SHA256(M2), L"err"), ERR[0..11])[0..15]; ref is of M2 */
int hars_aka_error_mac(unsigned char mac[16], const unsigned char key[32],
    const unsigned char m2[HARS_AKA_M2],
    const unsigned char err[HARS_AKA_ERR]);


/* every AEAD key is used once (5.2) */
extern const unsigned char  hars_aka_no_nonce[HARS_AKA_NONCE];


#endif /* HARS_AKA_KEYS_H */
