
/*
 * Randomness, from OpenSSL's generator for secrets: nothing else of this
 * component asks it for anything.  Without it nothing is answered.
 */

#include "hars_fc.h"
#include "hars_log.h"

#include <openssl/rand.h>


int
hars_fc_random(void *dst, size_t len)
{
    if (RAND_priv_bytes(dst, (int) len) == 1) {
        return HARS_OK;
    }

    hars_log_error("the system has no randomness to give");

    return HARS_ERROR;
}
