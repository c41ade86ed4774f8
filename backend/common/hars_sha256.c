
/* See hars_sha256.h for what this is. */

#include "hars_sha256.h"

#include <pthread.h>

#include <openssl/evp.h>


static void hars_sha256_fetch(void);


static pthread_once_t   hars_sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD          *hars_sha256_md;   /* as long as the process */


int
hars_sha256(unsigned char digest[HARS_SHA256_LEN], const void *data,
    size_t len)
{
    pthread_once(&hars_sha256_once, hars_sha256_fetch);

    return hars_sha256_md
           && EVP_Digest(data, len, digest, NULL, hars_sha256_md, NULL)
           ? HARS_OK : HARS_ERROR;
}


static void
hars_sha256_fetch(void)
{
    hars_sha256_md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}
