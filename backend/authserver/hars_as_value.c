
/* See hars_as_value.h for what this is. */

#include "hars_as_value.h"
#include "hars_sha256.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


#define HARS_VALUE_MAX        96          /* bytes, a multiple of 3 */

/* of a key, which is positive */
#define HARS_VALUE_TIME_BITS  42
#define HARS_VALUE_KEY_BITS   21


static void hars_value_time(unsigned char time[HARS_TOKEN_TIME], int64_t ms);


int
hars_value_token(char value[HARS_AS_TOKEN_LEN + 1], hars_token_id_t *id,
    int64_t now_ms)
{
    int            rc;
    unsigned char  raw[HARS_AS_TOKEN_BYTES];

    hars_value_time(raw, now_ms);

    if (RAND_bytes(raw + HARS_TOKEN_TIME, sizeof(raw) - HARS_TOKEN_TIME) != 1)
    {
        return HARS_ERROR;
    }

    hars_value_encode(value, HARS_AS_PREFIX, raw, sizeof(raw));
    rc = hars_value_token_id(id, value);

    OPENSSL_cleanse(raw, sizeof(raw));

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


static void
hars_value_time(unsigned char time[HARS_TOKEN_TIME], int64_t ms)
{
    unsigned  i;

    for (i = 0; i < HARS_TOKEN_TIME; i++) {
        time[i] = (unsigned char) (ms >> (8 * (HARS_TOKEN_TIME - 1 - i)));
    }
}


int64_t
hars_value_key(int64_t ms, const unsigned char *hash)
{
    int64_t  key;

    key = ms << HARS_VALUE_KEY_BITS;

    if (hash) {
        key |= (hash[0] << 16 | hash[1] << 8 | hash[2])
               & ((1 << HARS_VALUE_KEY_BITS) - 1);
    }

    return key;
}


int
hars_value_token_id(hars_token_id_t *id, const char *value)
{
    int            rc;
    int64_t        ms;
    unsigned       i;
    unsigned char  raw[HARS_AS_TOKEN_BYTES];

    rc = hars_value_decode(raw, sizeof(raw), HARS_AS_PREFIX, value);

    if (rc != HARS_OK) {
        return HARS_DECLINED;
    }

    for (i = 0, ms = 0; i < HARS_TOKEN_TIME; i++) {
        ms = ms << 8 | raw[i];
    }

    OPENSSL_cleanse(raw, sizeof(raw));

    if (ms >> HARS_VALUE_TIME_BITS
        || hars_sha256(id->hash, value, HARS_AS_TOKEN_LEN) != HARS_OK)
    {
        return HARS_DECLINED;
    }

    id->key = hars_value_key(ms, id->hash);

    return HARS_OK;
}


void
hars_value_encode(char *dst, const char *prefix, const unsigned char *src,
    size_t len)
{
    dst += strlen(strcpy(dst, prefix));

    EVP_EncodeBlock((unsigned char *) dst, src, (int) len);

    for ( /* void */ ; *dst; dst++) {
        *dst = (*dst == '+') ? '-' : (*dst == '/') ? '_' : *dst;
    }
}


int
hars_value_decode(unsigned char *dst, size_t len, const char *prefix,
    const char *value)
{
    int     rc;
    char    text[HARS_VALUE_LEN(HARS_VALUE_MAX) + 1], *p;
    size_t  n;

    n = strlen(prefix);

    if (strncmp(value, prefix, n) != 0
        || len > HARS_VALUE_MAX
        || strlen(value + n) != HARS_VALUE_LEN(len)
        || strspn(value + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789-_")
           != HARS_VALUE_LEN(len))
    {
        return HARS_ERROR;
    }

    strcpy(text, value + n);

    for (p = text; *p; p++) {
        *p = (*p == '-') ? '+' : (*p == '_') ? '/' : *p;
    }

    rc = EVP_DecodeBlock(dst, (unsigned char *) text,
                         (int) HARS_VALUE_LEN(len));

    OPENSSL_cleanse(text, sizeof(text));

    return rc == (int) len ? HARS_OK : HARS_ERROR;
}
