
/*
 * Certification requests, PKCS#10 (RFC 2986), of a client that has been
 * authenticated: bytes from outside all the same.  Taken from one is the
 * public key alone, which its signature proves to be the sender's; its names
 * are only held against the registered ones.
 *
 *     keys          P-256, P-384 (named curves), RSA 2048 to 4096
 *     signatures    ECDSA or RSA (PKCS#1), SHA-256, -384, -512
 *     refused       CA:TRUE; an attribute or extension twice; a zero byte in
 *                   a name; anything behind the end; over 16 KB
 *     not looked at all other attributes and extensions: they have no effect
 *
 * Pure.
 */

#ifndef HARS_AS_CSR_H
#define HARS_AS_CSR_H


#include "hars_as_cert.h"


#define HARS_CSR_MAX   (16 * 1024)        /* bytes of DER */
#define HARS_CSR_TEXT  (24 * 1024)        /* the same in base64 or PEM */


struct evp_pkey_st;


typedef struct {
    struct evp_pkey_st  *key;
    hars_cert_t          names;           /* subject, san; nothing else */
    unsigned             sans;            /* names in san */
} hars_csr_t;


/*
 * RFC 8951, 3: base64 of the DER, with or without line breaks; PEM as well.
 * Changes "body", of up to HARS_CSR_TEXT bytes and a zero one; as many are
 * "der".  HARS_ERROR: it is neither.
 */
int hars_csr_decode(char *body, size_t len, unsigned char *der,
    size_t *der_len);

/*
 * HARS_OK, then hars_csr_free() it; or HARS_ERROR and a constant text for the
 * client.
 */
int hars_csr_parse(hars_csr_t *csr, const unsigned char *der, size_t len,
    const char **error);
void hars_csr_free(hars_csr_t *csr);

/*
 * SHA-256 of the public key's SPKI, the same however a request has written
 * the key down.
 */
int hars_csr_key_hash(const hars_csr_t *csr,
    unsigned char hash[HARS_SHA256_LEN]);


#endif /* HARS_AS_CSR_H */
