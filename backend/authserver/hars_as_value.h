
/*
 * The texts of tokens: a prefix that says what it is, and base64url.  They
 * are opaque (RFC 6749, 1.4): who holds one learns nothing from it but the
 * time of its issue, which is where its row stands in the database.
 *
 *     access token    hats_at_  ms since 1970 (6 bytes), random (30)
 */

#ifndef HARS_AS_VALUE_H
#define HARS_AS_VALUE_H


#include "hars_as.h"


/*
 * A new access token, zero-terminated, issued at "now_ms", and its id.
 * HARS_ERROR: there is no randomness.
 */
int hars_value_token(char value[HARS_AS_TOKEN_LEN + 1], hars_token_id_t *id,
    int64_t now_ms);

/*
 * The key of a token's row: the ms since 1970 at which it was issued (42 bits,
 * till 2109), and 21 bits of its hash: rows stand in the order of their times,
 * and two of them rarely have one.  Without a hash it is the least of then.
 */
int64_t hars_value_key(int64_t ms, const unsigned char *hash);

/* the id of a token; HARS_DECLINED: this is none of ours */
int hars_value_token_id(hars_token_id_t *id, const char *value);

/*
 * "prefix" and base64url of "len" bytes, a multiple of 3, zero-terminated:
 * HARS_VALUE_LEN(len) characters after the prefix; and back.
 */
#define HARS_VALUE_LEN(len)  ((len) / 3 * 4)
void hars_value_encode(char *dst, const char *prefix,
    const unsigned char *src, size_t len);
int hars_value_decode(unsigned char *dst, size_t len, const char *prefix,
    const char *value);


#endif /* HARS_AS_VALUE_H */
