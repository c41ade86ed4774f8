
/*
 * SHA-256 (FIPS 180-4), fetched from OpenSSL once: what EVP_sha256() names is
 * looked up anew by each digest, under a lock that all threads share.
 */

#ifndef HARS_SHA256_H
#define HARS_SHA256_H


#include "hars_record.h"


/* HARS_OK, or HARS_ERROR: OpenSSL has no SHA-256, or no memory */
int hars_sha256(unsigned char digest[HARS_SHA256_LEN], const void *data,
    size_t len);


#endif /* HARS_SHA256_H */
