
/* See hars_as_client.h for what this is. */

#include "hars_as_client.h"
#include "hars_sha256.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define HARS_CLIENT_RANDOM  16            /* bytes, of client_id and sub */


int
hars_client_new_id(hars_client_t *client)
{
    char                 *p;
    unsigned              i, bits, have;
    unsigned char         random[HARS_CLIENT_RANDOM];

    static const char     base32[] = "abcdefghijklmnopqrstuvwxyz234567";

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return HARS_ERROR;
    }

    p = client->id;
    bits = 0;
    have = 0;

    for (i = 0; i < sizeof(random); i++) {
        bits = (bits << 8) | random[i];

        for (have += 8; have >= 5; have -= 5) {
            *p++ = base32[(bits >> (have - 5)) & 31];
        }
    }

    *p++ = base32[(bits << (5 - have)) & 31];
    *p = '\0';

    return HARS_OK;
}


int
hars_client_new_sub(hars_client_t *client)
{
    unsigned char  random[HARS_CLIENT_RANDOM];

    if (!client->kind->person) {
        strcpy(client->sub, client->id);
        return HARS_OK;
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return HARS_ERROR;
    }

    hars_hex(client->sub, random, sizeof(random));
    client->sub[2 * sizeof(random)] = '\0';

    return HARS_OK;
}


int
hars_secret_make(char secret[HARS_SECRET_SIZE], const char *prefix,
    unsigned char hash[HARS_SHA256_LEN])
{
    size_t         len;
    unsigned char  random[HARS_SHA256_LEN];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return HARS_ERROR;
    }

    len = strlen(strcpy(secret, prefix));
    hars_b64url_sha256_encode(secret + len, random);
    secret[len + HARS_B64_SHA256_LEN] = '\0';

    OPENSSL_cleanse(random, sizeof(random));

    return hars_secret_hash(secret, prefix, hash) == HARS_OK ? HARS_OK
                                                             : HARS_ERROR;
}


int
hars_secret_hash(const char *secret, const char *prefix,
    unsigned char hash[HARS_SHA256_LEN])
{
    size_t         len;
    unsigned char  raw[HARS_SHA256_LEN];

    len = strlen(prefix);

    if (strncmp(secret, prefix, len) != 0
        || hars_b64url_sha256_decode(raw, secret + len, strlen(secret + len))
           != HARS_OK)
    {
        return HARS_DECLINED;
    }

    OPENSSL_cleanse(raw, sizeof(raw));

    return hars_sha256(hash, secret, strlen(secret)) == HARS_OK
           ? HARS_OK : HARS_DECLINED;
}
