
/*
 * Keys of tokens: in the order of their times, never negative, and found
 * again from the token's text alone.
 */

/* link: -lcrypto */

#include "../../backend/authserver/hars_as_value.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"


#define NOW  1800000000000                /* ms */


int
main(void)
{
    char             value[HARS_AS_TOKEN_LEN + 1], text[8];
    int64_t          ms, from, to;
    unsigned         i, wrong, found;
    unsigned char    most[HARS_SHA256_LEN];
    hars_token_id_t  id, again;

    memset(most, 0xff, sizeof(most));

    ok(hars_value_key(NOW, NULL) < hars_value_key(NOW, most)
       && hars_value_key(NOW, most) < hars_value_key(NOW + 1, NULL),
       "what was issued before comes before");
    ok(hars_value_key(((int64_t) 1 << 42) - 1, most) == INT64_MAX
       && hars_value_key(0, NULL) == 0, "from 0 to the last one there is");

    for (i = 0, wrong = 0, found = 0; i < 1000; i++) {
        ms = NOW + i * 1234567;
        from = hars_value_key(ms, NULL);
        to = hars_value_key(ms + 1, NULL);

        wrong += hars_value_token(value, &id, ms) != HARS_OK
                 || id.key < from || id.key >= to;
        found += hars_value_token_id(&again, value) == HARS_OK
                 && again.key == id.key
                 && memcmp(again.hash, id.hash, HARS_SHA256_LEN) == 0;
    }

    ok(wrong == 0, "a token's key is of its time");
    ok(found == 1000, "and is found again");

    /* the first 6 bits are of a time after 2109 */

    memcpy(text, "_____", 6);
    memcpy(value + strlen(HARS_AS_PREFIX), text, 1);
    ok(hars_value_token_id(&id, value) == HARS_DECLINED,
       "a time that no key has is none of ours");

    return tap_done();
}
